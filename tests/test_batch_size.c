/* SPDX-License-Identifier: Apache-2.0 */
/* Batch sizes by calculation and by trial, and the table of trials. Child processes: the next
 * suite. */
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <augstream/batch_size.h>

#include "suite.h"

#define MB 1000000u

/* ---- the published rule and the sizes from it ---- */

START_TEST(the_published_rule_gives_the_known_sizes)
{
    static const struct {
        double used;
        uint64_t available;
        uint64_t size;
    } steps[] = {{0.30, 350 * MB, 14}, {0.60, 200 * MB, 5}, {0.85, 75 * MB, 4}, {0.95, 25 * MB, 3}};
    uint64_t size = 20;
    for (size_t i = 0; i < 4; i++) {
        size = augs_batch_size_adjust(size, steps[i].used, steps[i].available, 500 * MB, 2, 0);
        ck_assert_uint_eq(size, steps[i].size);
    }
}
END_TEST

START_TEST(the_published_rule_has_its_four_branches_and_exact_edges)
{
    ck_assert_uint_eq(augs_batch_size_adjust(100, 0.81, 1, 1, 1, 0), 80);
    ck_assert_uint_eq(augs_batch_size_adjust(100, 0.80, 1000, 500, 1, 0), 100); /* not above 0.8 */
    ck_assert_uint_eq(augs_batch_size_adjust(100, 0.10, 499, 500, 1, 0), 99);
    ck_assert_uint_eq(augs_batch_size_adjust(100, 0.10, 500, 500, 1, 0), 100);
    ck_assert_uint_eq(augs_batch_size_adjust(100, 0.10, 1000, 500, 1, 0),
                      100); /* not above twice */
    ck_assert_uint_eq(augs_batch_size_adjust(100, 0.10, 1001, 500, 1, 0), 120);
    ck_assert_uint_eq(augs_batch_size_adjust(100, 0.50, 1001, 500, 1, 0), 100); /* not below 0.5 */
    ck_assert_uint_eq(augs_batch_size_adjust(5, 0.1, 9, 0, 1, 0), 6);           /* exactly x 1.2 */
    ck_assert_uint_eq(augs_batch_size_adjust(4, 0.1, 9, 0, 1, 0), 4); /* 4.8, rounded down */
}
END_TEST

START_TEST(the_published_rule_keeps_to_min_and_max)
{
    ck_assert_uint_eq(augs_batch_size_adjust(100, 0.1, 1001, 500, 1, 110), 110);
    ck_assert_uint_eq(augs_batch_size_adjust(3, 0.99, 0, 500, 3, 0), 3);
    ck_assert_uint_eq(augs_batch_size_adjust(1, 0.99, 0, 500, 0, 0), 1);
    ck_assert_uint_eq(augs_batch_size_adjust(100, 0.1, 0, 500, 0, 0), 1);
    ck_assert_uint_eq(augs_batch_size_adjust(100, 0.6, 900, 500, 8, 64), 64);
}
END_TEST

START_TEST(the_published_rule_survives_any_figure)
{
    ck_assert_uint_eq(augs_batch_size_adjust(100, NAN, 1, 500, 1, 0), 100);
    ck_assert_uint_eq(augs_batch_size_adjust(100, INFINITY, 1, 500, 1, 0), 100);
    ck_assert_uint_eq(augs_batch_size_adjust(100, -INFINITY, 1, 500, 1, 64), 64);
    ck_assert_uint_eq(augs_batch_size_adjust(UINT64_MAX, 0.1, UINT64_MAX, 1, 1, 0), UINT64_MAX);
    ck_assert_uint_eq(augs_batch_size_adjust(UINT64_MAX, 0.9, 0, 0, 1, 0), UINT64_MAX / 5 * 4);
    ck_assert_uint_eq(augs_batch_size_adjust(UINT64_MAX, 0.6, UINT64_MAX - 1, UINT64_MAX, 1, 0),
                      UINT64_MAX - 1);
    ck_assert_uint_eq(augs_batch_size_adjust(7, 0.1, UINT64_MAX, UINT64_MAX, 1, 0), 7);
}
END_TEST

START_TEST(the_optimal_size_is_the_budget_by_the_sample)
{
    ck_assert_uint_eq(augs_batch_size_for_memory(1000, 100000, 0, 0), 90);
    ck_assert_uint_eq(augs_batch_size_for_memory(1000, 100000, 50999, 0), 50);
    ck_assert_uint_eq(augs_batch_size_for_memory(1000, 100000, 90001, 0), 90);
    ck_assert_uint_eq(augs_batch_size_for_memory(1000, 10, 0, 0), 1);
    ck_assert_uint_eq(augs_batch_size_for_memory(1000, 10, 0, 7), 7);
    ck_assert_uint_eq(augs_batch_size_for_memory(0, 10, 0, 7), 7);
    ck_assert_uint_eq(augs_batch_size_for_memory(1, 10, 0, 0), 9);
    ck_assert_uint_eq(augs_batch_size_for_memory(1, UINT64_MAX, 0, 0), 16602069666338596453u);
}
END_TEST

START_TEST(a_shape_gives_the_size_of_its_bytes)
{
    augs_error error;
    const uint64_t image[] = {3, 224, 224}; /* 602,112 bytes as float32 */
    uint64_t size = 0;
    AUGS_ASSERT_OK(augs_batch_size_for_shape(image, 3, 4, 0, 1u << 30, 0, 0, &size, &error), error);
    ck_assert_uint_eq(size, 1604);
    AUGS_ASSERT_OK(augs_batch_size_for_shape(image, 3, 4, 3, 1u << 30, 0, 0, &size, &error), error);
    ck_assert_uint_eq(size, 534);
    AUGS_ASSERT_OK(augs_batch_size_for_shape(NULL, 0, 8, 1, 1000, 160, 0, &size, &error), error);
    ck_assert_uint_eq(size, 20);
}
END_TEST

START_TEST(a_shape_that_cannot_be_is_refused_by_name)
{
    augs_error error;
    uint64_t size = 77;
    const uint64_t empty[] = {3, 0, 224}, huge[] = {1u << 31, 1u << 31, 4};
    AUGS_ASSERT_STATUS(AUGS_E_RANGE,
                       augs_batch_size_for_shape(empty, 3, 4, 0, 1000, 0, 0, &size, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "dimension 1 is 0"));
    AUGS_ASSERT_STATUS(AUGS_E_RANGE,
                       augs_batch_size_for_shape(huge, 3, 4, 0, 1000, 0, 0, &size, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "64 bits"));
    AUGS_ASSERT_STATUS(AUGS_E_RANGE,
                       augs_batch_size_for_shape(huge, 2, 1, UINT32_MAX, 1, 0, 0, &size, &error),
                       error);
    AUGS_ASSERT_STATUS(AUGS_E_RANGE,
                       augs_batch_size_for_shape(huge, 1, 0, 0, 1000, 0, 0, &size, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT,
                       augs_batch_size_for_shape(NULL, 1, 4, 0, 1000, 0, 0, &size, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT,
                       augs_batch_size_for_shape(huge, 1, 4, 0, 1000, 0, 0, NULL, NULL), error);
    ck_assert_uint_eq(size, 77);
}
END_TEST

START_TEST(element_bytes_go_by_the_names_of_three_libraries)
{
    static const struct {
        const char *name;
        uint32_t n_bytes;
    } known[] = {
        {"float32", 4},
        {"float64", 8},
        {"float16", 2},
        {"f2", 2},
        {"<f2", 2},
        {">i8", 8},
        {"|u1", 1},
        {"=c16", 16},
        {"f8", 8},
        {"?", 1},
        {"bf16", 2},
        {"BF16", 2},
        {"bfloat16", 2},
        {"uint8", 1},
        {"F32", 4},
        {"F16", 2},
        {"f16", 16},
        {"I8", 1},
        {"i8", 8},
        {"U8", 1},
        {"BOOL", 1},
        {"bool", 1},
        {"torch.float32", 4},
        {"torch.int", 4},
        {"torch.half", 2},
        {"torch.float", 4},
        {"torch.cfloat", 8},
        {"complex128", 16},
        {"F8_E4M3", 1},
        {"float8_e5m2", 1},
        {"d", 8},
        {"complex32", 4},
        {"C64", 8},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        ck_assert_msg(augs_element_bytes(known[i].name) == known[i].n_bytes, "%s: %u, not %u",
                      known[i].name, augs_element_bytes(known[i].name), known[i].n_bytes);
    }
    static const char *const unknown[] = {"",    "float", "int",      "float3", "loat32",   "f3",
                                          "<",   "<F32",  "<float32", "torch.", "torch.f4", "f2 f4",
                                          " f4", "f4 ",   "Float32",  "cfloat", "int4"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        ck_assert_msg(augs_element_bytes(unknown[i]) == 0, "'%s'", unknown[i]);
    }
    ck_assert_uint_eq(augs_element_bytes(NULL), 0);
}
END_TEST

static uint64_t epochs(uint32_t mode, uint64_t ref_epochs, uint64_t ref_batch, uint64_t batch,
                       uint64_t min_epochs)
{
    augs_error error;
    uint64_t ret = 0;
    AUGS_ASSERT_OK(augs_epochs_adjust(mode, ref_epochs, ref_batch, batch, min_epochs, &ret, &error),
                   error);
    return ret;
}

START_TEST(adjusted_epochs_keep_what_their_mode_says)
{
    ck_assert_uint_eq(epochs(AUGS_EPOCHS_PUBLISHED, 200, 64, 128, 0), 100);
    ck_assert_uint_eq(epochs(AUGS_EPOCHS_PUBLISHED, 200, 64, 672, 0), 50);
    ck_assert_uint_eq(epochs(AUGS_EPOCHS_PUBLISHED, 200, 64, 672, 10), 19); /* 19.05 */
    ck_assert_uint_eq(epochs(AUGS_EPOCHS_PUBLISHED, 200, 64, 32, 0), 400);
    ck_assert_uint_eq(epochs(AUGS_EPOCHS_EQUAL_UPDATES, 90, 256, 512, 0), 180);
    ck_assert_uint_eq(epochs(AUGS_EPOCHS_EQUAL_UPDATES, 90, 256, 1, 0), 1); /* 0.35 */
    ck_assert_uint_eq(epochs(AUGS_EPOCHS_EQUAL_SAMPLES, 90, 256, 17, 0), 90);
    /* halves go up: 5 x 1 / 2 = 2.5; thirds to the nearest: 5/3, 4/3 */
    ck_assert_uint_eq(epochs(AUGS_EPOCHS_EQUAL_UPDATES, 5, 2, 1, 0), 3);
    ck_assert_uint_eq(epochs(AUGS_EPOCHS_EQUAL_UPDATES, 5, 3, 1, 0), 2);
    ck_assert_uint_eq(epochs(AUGS_EPOCHS_EQUAL_UPDATES, 4, 3, 1, 0), 1);
    ck_assert_uint_eq(epochs(AUGS_EPOCHS_PUBLISHED, UINT64_MAX, UINT64_MAX, UINT64_MAX, 0),
                      UINT64_MAX);
}
END_TEST

START_TEST(adjusted_epochs_refuse_what_has_no_answer)
{
    augs_error error;
    uint64_t ret = 7;
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_epochs_adjust(3, 1, 1, 1, 0, &ret, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_epochs_adjust(0, 0, 1, 1, 0, &ret, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_epochs_adjust(0, 1, 0, 1, 0, &ret, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_epochs_adjust(1, 1, 1, 0, 0, &ret, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_epochs_adjust(1, UINT64_MAX, 1, 2, 0, &ret, &error),
                       error);
    ck_assert_ptr_nonnull(strstr(error.message, "64 bits"));
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_epochs_adjust(0, 1, 1, 1, 0, NULL, &error), error);
    ck_assert_uint_eq(ret, 7);
}
END_TEST

/* ---- the finder in process ---- */

typedef struct machine {
    uint64_t limit;    /* largest size that fits */
    uint32_t bad_step; /* the step that needs the memory */
    uint64_t fails_at; /* size from which on it fails for another reason; 0 = never */
    int failure;
    const char *message;
    uint64_t n_calls, largest_asked;
    uint32_t n_progress;
    augs_trial last;
    uint64_t once_at; /* does not fit the first time that it is tried; 0 = no such size */
    uint64_t random;  /* answers by chance; 0 = does not */
} machine;

static int probe(void *user, uint64_t batch_size, uint32_t step, augs_error *error)
{
    machine *self = user;
    self->n_calls++;
    self->largest_asked = batch_size > self->largest_asked ? batch_size : self->largest_asked;
    if (self->fails_at != 0 && batch_size >= self->fails_at) {
        if (self->message != NULL) {
            error->status = self->failure;
            snprintf(error->message, sizeof error->message, "%s", self->message);
        }
        return self->failure;
    }
    if (batch_size == self->once_at) {
        self->once_at = 0;
        return 0;
    }
    if (self->random != 0) {
        self->random = self->random * 6364136223846793005u + 1442695040888963407u;
        return self->random >> 62 != 0;
    }
    return batch_size <= self->limit || step != self->bad_step;
}

static void count_progress(void *user, const augs_trial *trial)
{
    machine *self = user;
    self->n_progress++;
    self->last = *trial;
}

static augs_finder_report report;

static int find(machine *self, augs_finder_options options, augs_error *error)
{
    options.size = sizeof options;
    report.size = sizeof report;
    return augs_batch_size_find(probe, self, &options, &report, error);
}

START_TEST(the_largest_fit_is_multiplied_and_rounded_as_published)
{
    augs_error error;
    machine m = {.limit = 768};
    AUGS_ASSERT_OK(find(&m, (augs_finder_options){0}, &error), error);
    ck_assert_uint_eq(report.batch_size, 672);
    ck_assert_uint_eq(report.largest_fit, 768);
    ck_assert_uint_eq(report.smallest_misfit, 769);
    ck_assert_uint_eq(report.multiple_of, 32);
    ck_assert_double_eq(report.safety_factor, 0.9);
    AUGS_ASSERT_OK(find(&m, (augs_finder_options){.multiple_of = 1}, &error), error);
    ck_assert_uint_eq(report.batch_size, 691);
    AUGS_ASSERT_OK(find(&m, (augs_finder_options){.safety_factor = 1}, &error), error);
    ck_assert_uint_eq(report.batch_size, 768);
    AUGS_ASSERT_OK(
        find(&m, (augs_finder_options){.multiple_of = 100, .safety_factor = 0.5}, &error), error);
    ck_assert_uint_eq(report.batch_size, 300);
}
END_TEST

START_TEST(small_results_need_no_multiple_unless_the_caller_gave_one)
{
    static const struct {
        uint64_t limit, multiple_of, min, result; /* 0: none */
    } cases[] = {
        {71, 0, 0, 63},   /* 63.9 */
        {72, 0, 0, 64},   /* 64.8: up to 64 as it is */
        {73, 0, 0, 64},   /* 65.7 */
        {1, 0, 0, 1},     /* 0.9 */
        {10, 0, 0, 9},    /* */
        {10, 4, 0, 8},    /* 9 */
        {5, 4, 0, 4},     /* 4.5 */
        {4, 4, 0, 4},     /* 3.6: below the least multiple, which fits */
        {3, 4, 0, 0},     /* no multiple fits */
        {45, 8, 0, 40},   /* 40.5 */
        {70, 8, 0, 56},   /* 63 */
        {100, 200, 0, 0}, /* none */
        {80, 32, 70, 0},  /* the least from 70 on is 96 */
        {96, 32, 70, 96}, /* 86.4 */
        {72, 0, 72, 72},  /* 64.8 is below min */
        {247, 1, 0, 222}, /* 222.3 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        augs_error error;
        machine m = {.limit = cases[i].limit};
        const int status = find(&m,
                                (augs_finder_options){.multiple_of = cases[i].multiple_of,
                                                      .min_batch_size = cases[i].min},
                                &error);
        ck_assert_int_eq(status, cases[i].result != 0 ? AUGS_OK : AUGS_E_MEMORY);
        ck_assert_msg(report.batch_size == cases[i].result, "case %zu: %llu", i,
                      (unsigned long long)report.batch_size);
        ck_assert_uint_eq(report.largest_fit, cases[i].limit);
    }
}
END_TEST

START_TEST(min_and_max_without_a_multiple_between_are_refused)
{
    augs_error error;
    machine m = {.limit = 1000};
    const augs_finder_options options = {
        .min_batch_size = 9, .max_batch_size = 11, .multiple_of = 4};
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, find(&m, options, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "multiple_of 4"));
    ck_assert_ptr_nonnull(strstr(error.message, "max_batch_size 11"));
    ck_assert_uint_eq(m.n_calls, 0);
    const augs_finder_options huge = {.min_batch_size = UINT64_MAX - 1,
                                      .max_batch_size = UINT64_MAX - 1,
                                      .multiple_of = 1u << 31};
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, find(&m, huge, &error), error);
}
END_TEST

START_TEST(a_transient_failure_is_not_final)
{
    for (uint64_t limit = 1; limit <= 300; limit++) {
        for (uint64_t at = 1; at <= limit; at++) {
            augs_error error;
            machine m = {.limit = limit, .once_at = at};
            AUGS_ASSERT_OK(
                find(&m, (augs_finder_options){.multiple_of = 1, .safety_factor = 1}, &error),
                error);
            ck_assert_msg(report.largest_fit == limit && report.batch_size == limit &&
                              report.smallest_misfit == limit + 1,
                          "limit %llu, one failure at %llu: %llu", (unsigned long long)limit,
                          (unsigned long long)at, (unsigned long long)report.largest_fit);
        }
    }
}
END_TEST

START_TEST(a_transient_failure_is_not_final_with_a_tolerance)
{
    for (uint64_t at = 1; at <= 247; at++) {
        augs_error error;
        machine m = {.limit = 247, .once_at = at};
        AUGS_ASSERT_OK(find(&m, (augs_finder_options){.tolerance = 20}, &error), error);
        ck_assert_uint_le(report.largest_fit, 247);
        ck_assert_uint_gt(report.largest_fit, 247 - 20);
        ck_assert_uint_eq(report.smallest_misfit > 247, 1);
    }
}
END_TEST

/* Whatever a probe answers, the report has space for its trials. */
START_TEST(a_probe_that_answers_at_random_ends)
{
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        augs_error error;
        machine m = {.limit = UINT64_MAX, .random = seed};
        find(&m,
             (augs_finder_options){.max_batch_size = seed % 2 == 0 ? UINT64_MAX : 65536,
                                   .steps_per_trial = 1},
             &error);
        ck_assert_uint_le(report.n_trials, AUGS_FINDER_MAX_TRIALS);
        ck_assert_uint_eq(m.n_calls, report.n_trials);
    }
}
END_TEST

/* ceil(log2(n)) */
static uint32_t log2_up(uint64_t n)
{
    uint32_t bits = 0;
    while (bits < 64 && ((uint64_t)1 << bits) < n) {
        bits++;
    }
    return bits;
}

static void check_exact(uint64_t limit, uint64_t min, uint64_t max)
{
    augs_error error;
    machine m = {.limit = limit};
    AUGS_ASSERT_OK(find(&m,
                        (augs_finder_options){.min_batch_size = min,
                                              .max_batch_size = max,
                                              .safety_factor = 1,
                                              .multiple_of = 1,
                                              .steps_per_trial = 1},
                        &error),
                   error);
    uint64_t fit = limit < max ? limit : max;
    ck_assert_uint_eq(report.largest_fit, fit);
    ck_assert_uint_eq(report.batch_size, fit);
    ck_assert_uint_eq(report.smallest_misfit, limit < max ? limit + 1 : 0);
    ck_assert_uint_le(report.n_trials, 2 * log2_up(max) + 4);
    ck_assert_uint_eq(m.n_calls, report.n_trials);
    ck_assert_uint_le(m.largest_asked, max);
    if (limit <= max / 2) {
        ck_assert_uint_le(m.largest_asked, 2 * fit);
    }
}

START_TEST(the_boundary_is_exact_for_every_limit_to_5000)
{
    const uint64_t step = getenv("AUGS_TEST_SMALL") != NULL ? 37 : 1;
    for (uint64_t limit = 1; limit <= 5000; limit += step) {
        check_exact(limit, 1, 5000);
        check_exact(limit, 1, 65536);
        check_exact(limit, limit < 23 ? 1 : 23, 4999);
    }
}
END_TEST

START_TEST(every_max_is_tried_itself)
{
    for (uint64_t max = 1; max <= 300; max++) {
        check_exact(max, 1, max);
        check_exact(max, max, max);
        if (max > 1) {
            check_exact(max - 1, 1, max);
        }
    }
}
END_TEST

START_TEST(huge_sizes_do_not_overflow)
{
    const uint64_t two63 = (uint64_t)1 << 63;
    check_exact(two63, 1, two63);
    check_exact(two63 - 1, 1, two63);
    check_exact(UINT64_MAX - 1, 1, UINT64_MAX);
    check_exact(two63 + 12345, 3, UINT64_MAX);
    augs_error error;
    machine m = {.limit = UINT64_MAX};
    AUGS_ASSERT_OK(find(&m, (augs_finder_options){.max_batch_size = UINT64_MAX}, &error), error);
    ck_assert_uint_eq(report.smallest_misfit, 0);
    ck_assert_uint_eq(report.largest_fit, UINT64_MAX);
    ck_assert_uint_le(report.batch_size, 16602069666338597000u);
    ck_assert_uint_ge(report.batch_size, 16602069666338595000u);
    ck_assert_uint_eq(report.batch_size % 32, 0);
    AUGS_ASSERT_OK(find(&m,
                        (augs_finder_options){.max_batch_size = UINT64_MAX,
                                              .safety_factor = 1 - DBL_EPSILON / 2,
                                              .multiple_of = 1},
                        &error),
                   error);
    ck_assert_uint_gt(report.batch_size, UINT64_MAX / 10 * 9);
}
END_TEST

START_TEST(a_tolerance_saves_trials_and_is_kept)
{
    for (uint64_t limit = 1; limit <= 5000; limit += 13) {
        augs_error error;
        machine m = {.limit = limit};
        AUGS_ASSERT_OK(
            find(&m, (augs_finder_options){.tolerance = 50, .max_batch_size = 6000}, &error),
            error);
        ck_assert_uint_le(report.largest_fit, limit);
        ck_assert_uint_gt(report.smallest_misfit, limit);
        ck_assert_uint_le(report.smallest_misfit - report.largest_fit, 50);
        ck_assert_uint_le(report.n_trials, 13 + 1 + 7 + 1);
    }
}
END_TEST

START_TEST(nothing_fits_is_said_and_not_answered_with_min)
{
    augs_error error;
    machine m = {.limit = 7};
    AUGS_ASSERT_STATUS(AUGS_E_MEMORY, find(&m, (augs_finder_options){.min_batch_size = 8}, &error),
                       error);
    ck_assert_ptr_nonnull(strstr(error.message, "smallest"));
    ck_assert_ptr_nonnull(strstr(error.message, "min_batch_size 8"));
    ck_assert_int_eq(error.status, AUGS_E_MEMORY);
    ck_assert_uint_eq(report.batch_size, 0);
    ck_assert_uint_eq(report.n_trials, 2); /* 8 once more */
    ck_assert_uint_eq(report.trials[1].batch_size, 8);
    ck_assert_uint_eq(report.smallest_misfit, 8);
    ck_assert_uint_eq(report.trials[0].outcome, AUGS_TRIAL_DOES_NOT_FIT);
}
END_TEST

START_TEST(a_failure_of_the_probe_ends_the_search_with_its_message)
{
    augs_error error;
    machine m = {.limit = 1000,
                 .fails_at = 100,
                 .failure = AUGS_E_IO,
                 .message = "labels.csv: no such file"};
    AUGS_ASSERT_STATUS(AUGS_E_IO, find(&m, (augs_finder_options){0}, &error), error);
    ck_assert_str_eq(error.message, "labels.csv: no such file");
    ck_assert_int_eq(error.status, AUGS_E_IO);
    ck_assert_uint_eq(report.n_trials, 8); /* 1 2 4 ... 64 128 */
    ck_assert_uint_eq(report.trials[7].outcome, AUGS_TRIAL_FAILED);
    ck_assert_uint_eq(report.trials[7].low, 64);
    ck_assert_uint_eq(report.trials[7].high, 0);
    ck_assert_uint_eq(report.batch_size, 0);
    m.message = NULL;
    AUGS_ASSERT_STATUS(AUGS_E_IO, find(&m, (augs_finder_options){0}, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "batch size 128"));
    m.failure = -1;
    AUGS_ASSERT_STATUS(AUGS_E_CALLBACK, find(&m, (augs_finder_options){0}, &error), error);
    ck_assert_int_eq(augs_batch_size_find(probe, &m, NULL, &report, NULL), AUGS_E_CALLBACK);
}
END_TEST

START_TEST(a_status_that_means_no_memory_means_that_it_does_not_fit)
{
    const int statuses[] = {AUGS_E_NO_MEMORY, AUGS_E_MEMORY};
    for (size_t i = 0; i < 2; i++) {
        augs_error error;
        machine m = {.limit = UINT64_MAX, .fails_at = 101, .failure = statuses[i]};
        AUGS_ASSERT_OK(find(&m, (augs_finder_options){.multiple_of = 1}, &error), error);
        ck_assert_uint_eq(report.largest_fit, 100);
        ck_assert_uint_eq(report.batch_size, 90);
    }
}
END_TEST

START_TEST(a_trial_runs_all_steps_or_up_to_the_one_that_does_not_fit)
{
    augs_error error;
    machine m = {.limit = 10, .bad_step = 3};
    AUGS_ASSERT_OK(
        find(&m,
             (augs_finder_options){.steps_per_trial = 5, .progress = count_progress, .user = &m},
             &error),
        error);
    ck_assert_uint_eq(report.largest_fit, 10);
    ck_assert_uint_eq(m.n_progress, report.n_trials);
    ck_assert_uint_eq(m.last.batch_size, report.trials[report.n_trials - 1].batch_size);
    uint64_t n_calls = 0;
    for (uint32_t i = 0; i < report.n_trials; i++) {
        const augs_trial *trial = &report.trials[i];
        bool fits = trial->batch_size <= 10;
        ck_assert_uint_eq(trial->n_steps, fits ? 5 : 4);
        ck_assert_uint_eq(trial->outcome, fits ? AUGS_TRIAL_FITS : AUGS_TRIAL_DOES_NOT_FIT);
        ck_assert_str_eq(trial->reason, fits ? "fits" : "does not fit");
        ck_assert_uint_le(trial->low, 10);
        ck_assert(trial->high == 0 || trial->high > 10);
        ck_assert_double_ge(trial->seconds, 0);
        n_calls += trial->n_steps;
    }
    ck_assert_uint_eq(m.n_calls, n_calls);
    m = (machine){.limit = 10, .bad_step = 3}; /* with the default of 3 it is never reached */
    AUGS_ASSERT_OK(find(&m, (augs_finder_options){0}, &error), error);
    ck_assert_uint_eq(report.largest_fit, 65536);
    ck_assert_uint_eq(report.batch_size, 58976);
}
END_TEST

START_TEST(arguments_that_make_no_sense_are_refused)
{
    augs_error error;
    machine m = {.limit = 10};
    report.n_trials = 99;
    AUGS_ASSERT_STATUS(
        AUGS_E_ARGUMENT,
        find(&m, (augs_finder_options){.min_batch_size = 9, .max_batch_size = 8}, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "min_batch_size 9"));
    const double wrong[] = {-0.1, 1.1, NAN, INFINITY};
    for (size_t i = 0; i < 4; i++) {
        AUGS_ASSERT_STATUS(AUGS_E_RANGE,
                           find(&m, (augs_finder_options){.safety_factor = wrong[i]}, &error),
                           error);
    }
    AUGS_ASSERT_STATUS(AUGS_E_RANGE,
                       find(&m, (augs_finder_options){.child_timeout_seconds = -1}, &error), error);
    augs_finder_options small = {.size = 4};
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_batch_size_find(probe, &m, &small, &report, &error),
                       error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_batch_size_find(NULL, &m, NULL, &report, &error),
                       error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_batch_size_find(probe, &m, NULL, NULL, &error), error);
    ck_assert_uint_eq(m.n_calls, 0);
    ck_assert_uint_eq(report.n_trials, 99);
    report.size = 8;
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_batch_size_find(probe, &m, NULL, &report, &error),
                       error);
}
END_TEST

/* ---- the table ---- */

/* Without the seconds, which differ. */
static void format_report(char *text, size_t n_bytes)
{
    report.seconds = 0;
    for (uint32_t i = 0; i < report.n_trials; i++) {
        report.trials[i].seconds = 0.0125;
    }
    ck_assert_uint_lt(augs_finder_report_format(&report, text, n_bytes), n_bytes);
}

START_TEST(the_table_reads_as_people_know_it)
{
    static const char expected[] =
        "----------------------------------------------------------------------\n"
        "Batch size finder\n"
        "----------------------------------------------------------------------\n"
        "trial  batch size  steps    seconds  interval              outcome\n"
        "    1          64      3      0.013  [64, ...)             fits\n"
        "    2         128      3      0.013  [128, ...)            fits\n"
        "    3         256      1      0.013  [128, 256)            does not fit\n"
        "    4         192      3      0.013  [192, 256)            fits\n"
        "    5         224      1      0.013  [192, 224)            does not fit\n"
        "    6         224      1      0.013  [192, 224)            does not fit\n"
        "----------------------------------------------------------------------\n"
        "Search interval: [192, 224): 192 fits, 224 does not\n"
        "Result: batch size 160 = 192 x safety factor 0.9 = 172, down to a multiple of 32\n";
    augs_error error;
    char text[4096];
    machine m = {.limit = 200};
    AUGS_ASSERT_OK(find(&m, (augs_finder_options){.min_batch_size = 64, .tolerance = 32}, &error),
                   error);
    format_report(text, sizeof text);
    ck_assert_str_eq(text, expected);
}
END_TEST

START_TEST(the_table_says_how_every_kind_of_search_ended)
{
    augs_error error;
    char text[4096];
    machine m = {.limit = 3};
    AUGS_ASSERT_OK(find(&m, (augs_finder_options){.max_batch_size = 2, .safety_factor = 1}, &error),
                   error);
    format_report(text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "Search interval: 2 fits, the largest that was allowed\n"));
    ck_assert_ptr_nonnull(strstr(text, "Result: batch size 2 = 2 x safety factor 1.0\n"));

    m = (machine){.limit = 1};
    AUGS_ASSERT_OK(find(&m, (augs_finder_options){0}, &error), error);
    format_report(text, sizeof text);
    ck_assert_ptr_nonnull(strstr(
        text, "Result: batch size 1 = 1 x safety factor 0.9 = 0, but at least the smallest"));

    m = (machine){.limit = 3};
    AUGS_ASSERT_STATUS(AUGS_E_MEMORY, find(&m, (augs_finder_options){.min_batch_size = 4}, &error),
                       error);
    format_report(text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "Search interval: nothing fits, 4 does not\n"));
    ck_assert_ptr_nonnull(strstr(text, "Result: no batch size\n"));

    m = (machine){.limit = 3, .fails_at = 1, .failure = AUGS_E_IO};
    AUGS_ASSERT_STATUS(AUGS_E_IO, find(&m, (augs_finder_options){0}, &error), error);
    format_report(text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "The search ended in trial 1: failed (AUGS_E_IO)\n"));
}
END_TEST

START_TEST(the_table_is_cut_as_snprintf_cuts)
{
    augs_error error;
    char whole[65536], cut[65536];
    machine m = {.limit = ((uint64_t)1 << 63) - 2};
    AUGS_ASSERT_OK(find(&m, (augs_finder_options){.max_batch_size = (uint64_t)1 << 63}, &error),
                   error);
    size_t n = augs_finder_report_format(&report, whole, sizeof whole);
    ck_assert_uint_eq(n, strlen(whole));
    ck_assert_uint_eq(augs_finder_report_format(&report, NULL, 0), n);
    for (size_t space = 1; space <= n + 1; space += 97) {
        memset(cut, 'x', sizeof cut);
        ck_assert_uint_eq(augs_finder_report_format(&report, cut, space), n);
        ck_assert_uint_eq(strlen(cut), space - 1 < n ? space - 1 : n);
        ck_assert_int_eq(memcmp(cut, whole, strlen(cut)), 0);
        ck_assert_int_eq(cut[space], 'x');
    }
    ck_assert_uint_eq(augs_finder_report_format(NULL, cut, sizeof cut), 0);
    ck_assert_str_eq(cut, "");
}
END_TEST

AUGS_SUITE("batch sizes", the_published_rule_gives_the_known_sizes,
           the_published_rule_has_its_four_branches_and_exact_edges,
           the_published_rule_keeps_to_min_and_max, the_published_rule_survives_any_figure,
           the_optimal_size_is_the_budget_by_the_sample, a_shape_gives_the_size_of_its_bytes,
           a_shape_that_cannot_be_is_refused_by_name,
           element_bytes_go_by_the_names_of_three_libraries,
           adjusted_epochs_keep_what_their_mode_says, adjusted_epochs_refuse_what_has_no_answer,
           the_largest_fit_is_multiplied_and_rounded_as_published,
           small_results_need_no_multiple_unless_the_caller_gave_one,
           min_and_max_without_a_multiple_between_are_refused, a_transient_failure_is_not_final,
           a_transient_failure_is_not_final_with_a_tolerance, a_probe_that_answers_at_random_ends,
           the_boundary_is_exact_for_every_limit_to_5000, every_max_is_tried_itself,
           huge_sizes_do_not_overflow, a_tolerance_saves_trials_and_is_kept,
           nothing_fits_is_said_and_not_answered_with_min,
           a_failure_of_the_probe_ends_the_search_with_its_message,
           a_status_that_means_no_memory_means_that_it_does_not_fit,
           a_trial_runs_all_steps_or_up_to_the_one_that_does_not_fit,
           arguments_that_make_no_sense_are_refused, the_table_reads_as_people_know_it,
           the_table_says_how_every_kind_of_search_ended, the_table_is_cut_as_snprintf_cuts)
