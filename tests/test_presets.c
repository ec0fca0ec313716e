/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <augstream/preset.h>

#include "memory.h"
#include "suite.h"

#define FILE_NAME "every_kind.yaml"

static const char *data_path(const char *name)
{
    static char path[1024];
    const char *folder = getenv("AUGS_TEST_DATA");
    snprintf(path, sizeof path, "%s/presets/%s", folder != NULL ? folder : "tests/data", name);
    return path;
}

/* An allocator that counts what is out and fails at the n-th call. */
typedef struct counter {
    long out, calls, fail_at;
} counter;

static void *count_allocate(void *user, size_t n_bytes, size_t alignment)
{
    counter *c = user;
    if (c->fail_at >= 0 && c->calls++ >= c->fail_at) {
        return NULL;
    }
    c->out++;
    return augsi_default_allocator.allocate(NULL, n_bytes, alignment);
}

static void count_release(void *user, void *p, size_t n_bytes)
{
    ((counter *)user)->out--;
    augsi_default_allocator.release(NULL, p, n_bytes);
}

static augs_column_info column_of(const augs_preset *preset, const char *name)
{
    augs_column_info info = {.size = sizeof info};
    int index = augs_preset_find_column(preset, name);
    ck_assert_msg(index >= 0, "no column %s", name);
    ck_assert_int_eq(augs_preset_column(preset, (uint32_t)index, &info), 0);
    return info;
}

static int open_with(const char *override, augs_preset **ret_preset, augs_error *error)
{
    augs_preset_options options = {
        .size = sizeof options, .n_overrides = 1, .overrides = &override};
    return augs_preset_open(data_path(FILE_NAME), &options, ret_preset, error);
}

START_TEST(every_kind_is_bound)
{
    augs_preset *preset = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augs_preset_open(data_path(FILE_NAME), NULL, &preset, &error), error);
    ck_assert_uint_eq(augs_preset_n_columns(preset), 13);
    ck_assert_str_eq(augs_preset_name(preset), "every-kind");
    augs_column_info info = column_of(preset, "v.uniform");
    ck_assert(info.numbers[0] == -30 && info.numbers[1] == 30);
    ck_assert_str_eq(info.unit, "degree");
    ck_assert(fabs(info.std_dev - 60 / sqrt(12)) < 1e-12 && info.mean == 0);
    info = column_of(preset, "v.log");
    ck_assert_uint_eq(info.shape, 10);
    info = column_of(preset, "v.normal");
    ck_assert_uint_eq(info.flags, AUGS_HAS_MIN | AUGS_HAS_MAX);
    info = column_of(preset, "v.integer");
    ck_assert_uint_eq(info.identity_bits, 0xffffffffu);
    ck_assert_uint_eq(info.gate, 5);
    info = column_of(preset, "v.choice");
    ck_assert_uint_eq(info.n_choices, 4);
    ck_assert_str_eq(info.choices[0].text, "no"); /* not false */
    ck_assert_str_eq(info.choices[2].text, "1e3");
    ck_assert(info.choices[2].is_number == 1 && info.choices[3].is_number == 0);
    info = column_of(preset, "v.gated");
    ck_assert_uint_eq(info.gate_value, 1);
    ck_assert_uint_eq(info.identity_bits, 0x3f000000u);
    info = column_of(preset, "v.permutation");
    ck_assert(info.width == 4 && isnan(info.mean));
    augs_preset_unref(preset);
}
END_TEST

static void read_back(const char *name)
{
    augs_preset *preset = NULL, *again = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augs_preset_open(name, NULL, &preset, &error), error);
    const char *text = augs_preset_text(preset);
    AUGS_ASSERT_OK(augs_preset_open_text(text, strlen(text), "canonical", NULL, &again, &error),
                   error);
    ck_assert_str_eq(augs_preset_text(again), text);
    for (uint32_t i = 0; i < augs_preset_n_columns(preset); i++) {
        augs_column_info a = {.size = sizeof a}, b = {.size = sizeof b};
        augs_preset_column(preset, i, &a);
        augs_preset_column(again, i, &b);
        ck_assert_str_eq(a.name, b.name);
        ck_assert(a.kind == b.kind && a.shape == b.shape && a.gate == b.gate &&
                  a.gate_value == b.gate_value && a.identity_bits == b.identity_bits &&
                  a.flags == b.flags && memcmp(a.numbers, b.numbers, sizeof a.numbers) == 0);
    }
    augs_preset_unref(preset);
    augs_preset_unref(again);
}

START_TEST(canonical_text_reads_back_to_an_equal_preset)
{
    read_back(data_path(FILE_NAME));
    ck_assert_uint_eq(augs_shipped_count(), 6);
    for (uint32_t i = 0; i < augs_shipped_count(); i++) {
        read_back(augs_shipped_name(i));
    }
}
END_TEST

/* A name that looks like a number must not be taken for the index that the canonical text has. */
START_TEST(the_identity_of_a_choice_reads_back_to_its_index)
{
    static const char text[] = "augstream: 1\ncolumns:\n  g: {bernoulli: 0.5}\n"
                               "  c: {choice: {values: [\"2\", \"1\", \"0\"]}, when: g, identity: "
                               "\"0\"}\n";
    augs_preset *preset = NULL, *again = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augs_preset_open_text(text, sizeof text - 1, "t", NULL, &preset, &error), error);
    ck_assert_uint_eq(column_of(preset, "c").identity_bits, 2);
    const char *canonical = augs_preset_text(preset);
    AUGS_ASSERT_OK(augs_preset_open_text(canonical, strlen(canonical), "t", NULL, &again, &error),
                   error);
    ck_assert_uint_eq(column_of(again, "c").identity_bits, 2);
    augs_preset_unref(preset);
    augs_preset_unref(again);
}
END_TEST

START_TEST(overrides_reach_every_value)
{
    static const struct {
        const char *override, *column;
        int index;
        double value;
    } cases[] = {{"v.uniform.uniform[0]=-15", "v.uniform", 0, -15},
                 {"v.gate.bernoulli=0.3", "v.gate", 0, 0.3},
                 {"v.normal.normal.std=1", "v.normal", 1, 1},
                 {"v.integer.integer[1]=9", "v.integer", 1, 9}};
    augs_error error;
    augs_preset *preset = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUGS_ASSERT_OK(open_with(cases[i].override, &preset, &error), error);
        ck_assert(column_of(preset, cases[i].column).numbers[cases[i].index] == cases[i].value);
        augs_preset_unref(preset);
    }
    AUGS_ASSERT_OK(open_with("v.choice.choice.weights[2]=3", &preset, &error), error);
    ck_assert(column_of(preset, "v.choice").choices[2].weight == 3);
    augs_preset_unref(preset);
    AUGS_ASSERT_OK(open_with("v.gated.identity=1", &preset, &error), error);
    ck_assert_uint_eq(column_of(preset, "v.gated").identity_bits, 0x3f800000u);
    augs_preset_unref(preset);
    AUGS_ASSERT_STATUS(AUGS_E_PRESET, open_with("v.uniform.range=1", &preset, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "v.uniform.uniform[0]"));
    AUGS_ASSERT_STATUS(AUGS_E_PRESET, open_with("v.unifrm.uniform[0]=1", &preset, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "did you mean 'v.uniform'"));
}
END_TEST

START_TEST(a_wrong_override_is_answered_with_the_nearest_paths)
{
    static const struct {
        const char *override, *answer;
    } cases[] = {
        {"jiter.hue=50", "override 'jiter.hue=50': no such column, did you mean 'jitter.hue'?; "
                         "columns: jitter.hue, crop.scale, "},
        {"blur.sigma.unifrm[1]=2", "override 'blur.sigma.unifrm[1]=2': no such path; accepted: "
                                   "blur.sigma.uniform[1], blur.sigma.uniform[0], "},
        {"crop.position.uniform[2]=2", "accepted: crop.position.uniform[0], "},
        {"jitter.hue.normal.a_very_long_key_that_nobody_has_seen.and.another[77]=1.25",
         "accepted: jitter.hue."},
    };
    static const char hint[] = ", ... (`presets show NAME` lists them)";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        augs_preset *preset = NULL;
        augs_error error;
        augs_preset_options options = {
            .size = sizeof options, .n_overrides = 1, .overrides = &cases[i].override};
        AUGS_ASSERT_STATUS(AUGS_E_PRESET, augs_preset_open("simclr", &options, &preset, &error),
                           error);
        const char *end = error.message + strlen(error.message) - strlen(hint);
        ck_assert_msg(strstr(error.message, cases[i].answer) != NULL && strcmp(end, hint) == 0,
                      "%s", error.message);
    }
    static const char *const bad[] = {"flip.bernoulli=\xFF", "gray.bernoulli=\xC0\xAF",
                                      "gray.bernoulli=\xED\xA0\x80", "\xE2\x82=1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        augs_preset *preset = NULL;
        augs_error error;
        augs_preset_options options = {
            .size = sizeof options, .n_overrides = 1, .overrides = &bad[i]};
        AUGS_ASSERT_STATUS(AUGS_E_PRESET, augs_preset_open("simclr", &options, &preset, &error),
                           error);
        ck_assert_msg(strstr(error.message, "?") != NULL && strstr(error.message, "is no UTF-8"),
                      "%s", error.message);
    }
    /* two faults, and a name that fills its share of the message */
    char origin[300];
    augs_error error;
    augs_preset *preset = NULL;
    size_t n_bytes;
    const char *text = augs_shipped_text(5, &n_bytes);
    const char *both[] = {"jitter.hew.unifrm[1]=2", "flop=1"};
    augs_preset_options options = {.size = sizeof options, .n_overrides = 2, .overrides = both};
    memset(origin, 'o', sizeof origin - 1);
    origin[sizeof origin - 1] = '\0';
    ck_assert_int_eq(augs_preset_open_text(text, n_bytes, origin, &options, &preset, &error),
                     AUGS_E_PRESET);
    ck_assert_msg(strstr(error.message, "columns: jitter.hue, ") != NULL &&
                      strncmp(error.message, "preset '...oooo", 15) == 0 &&
                      strstr(error.message, ", ... (`presets show NAME` lists them) (and 1 more)"),
                  "%s", error.message);
}
END_TEST

static void keep_fault(void *user, const augs_preset_fault *fault)
{
    snprintf(user, 300, "%u:%u: %s", fault->line, fault->column, fault->message);
}

START_TEST(a_fault_of_an_override_names_it_and_the_place_that_it_wrote)
{
    static const char text[] = "augstream: 1\ncolumns:\n  a: {uniform: [0, 1]}\n"
                               "  b: {bernoulli: 1}\n  c: {normal: {mean: 0, std: 1}}\n";
    static const struct {
        const char *override, *fault;
    } cases[] = {
        {"a.uniform[1]=x", "3:20: override 'a.uniform[1]=x': column 'a': the second number is 'x'"},
        {"a.uniform[0]=2", "3:16: override 'a.uniform[0]=2': column 'a': uniform [2.0, 1.0]"},
        {"b.bernoulli=2", "4:18: override 'b.bernoulli=2': column 'b': probability 2.0"},
        {"c.normal.std=0", "5:15: override 'c.normal.std=0': column 'c': std 0.0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char found[300] = "";
        augs_error error;
        const char *both[] = {"a.uniform[1]=3", cases[i].override};
        augs_preset_options options = {.size = sizeof options, .n_overrides = 2, .overrides = both};
        if (i == 1) {
            both[0] = "b.bernoulli=0";
        }
        ck_assert_int_eq(
            augs_preset_check(text, sizeof text - 1, "t", &options, keep_fault, found, &error), 1);
        ck_assert_msg(strncmp(found, cases[i].fault, strlen(cases[i].fault)) == 0, "%s", found);
    }
}
END_TEST

START_TEST(shipped_presets_name_the_source_of_every_number)
{
    static const struct {
        const char *preset, *column, *source;
        double low, high;
    } ranges[] = {
        {"mild", "rotation", "DPA mild, rotation +-15 degrees", -15, 15},
        {"mild", "brightness", "DPA mild, brightness 0.9 to 1.1", 0.9, 1.1},
        {"mild", "scale", "DPA mild, scale 0.9 to 1.1", 0.9, 1.1},
        {"mild", "noise", "DPA mild, noise 0 to 0.05", 0, 0.05},
        {"mild", "contrast", "DPA mild, contrast 0.85 to 1.15", 0.85, 1.15},
        {"moderate", "rotation", "DPA moderate, rotation +-30 degrees", -30, 30},
        {"moderate", "brightness", "DPA moderate, brightness 0.8 to 1.2", 0.8, 1.2},
        {"moderate", "scale", "DPA moderate, scale 0.8 to 1.2", 0.8, 1.2},
        {"moderate", "noise", "DPA moderate, noise 0 to 0.1", 0, 0.1},
        {"moderate", "contrast", "DPA moderate, contrast 0.7 to 1.3", 0.7, 1.3},
        {"aggressive", "rotation", "DPA aggressive, rotation +-45 degrees", -45, 45},
        {"aggressive", "brightness", "DPA aggressive, brightness 0.7 to 1.3", 0.7, 1.3},
        {"aggressive", "scale", "DPA aggressive, scale 0.7 to 1.3", 0.7, 1.3},
        {"aggressive", "noise", "DPA aggressive, noise 0 to 0.15", 0, 0.15},
        {"aggressive", "contrast", "DPA aggressive, contrast 0.6 to 1.4", 0.6, 1.4},
    };
    augs_preset *preset = NULL;
    augs_error error;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        AUGS_ASSERT_OK(augs_preset_open(ranges[i].preset, NULL, &preset, &error), error);
        augs_column_info info = column_of(preset, ranges[i].column);
        ck_assert_str_eq(info.source, ranges[i].source);
        ck_assert(info.numbers[0] == ranges[i].low && info.numbers[1] == ranges[i].high);
        augs_preset_unref(preset);
    }
    for (uint32_t i = 0; i < augs_shipped_count(); i++) {
        AUGS_ASSERT_OK(augs_preset_open(augs_shipped_name(i), NULL, &preset, &error), error);
        ck_assert_str_ne(augs_preset_source(preset), "");
        for (uint32_t j = 0; j < augs_preset_n_columns(preset); j++) {
            augs_column_info info = {.size = sizeof info};
            augs_preset_column(preset, j, &info);
            ck_assert_msg(info.source[0] != '\0', "%s: no source of %s", augs_shipped_name(i),
                          info.name);
        }
        augs_preset_unref(preset);
    }
}
END_TEST

START_TEST(every_failing_allocation_is_reported_and_leaks_nothing)
{
    static int place;
    augs_preset *const untouched = (augs_preset *)(void *)&place;
    bool opened = false;
    for (long n = 0; !opened; n++) {
        counter c = {.fail_at = n};
        augs_allocator allocator = {.size = sizeof allocator,
                                    .allocate = count_allocate,
                                    .release = count_release,
                                    .user = &c};
        augs_preset_options options = {.size = sizeof options, .allocator = &allocator};
        augs_preset *preset = untouched;
        augs_error error;
        int status = augs_preset_open(data_path(FILE_NAME), &options, &preset, &error);
        if (status == 0) {
            opened = true;
            augs_preset_unref(augs_preset_ref(preset));
            ck_assert(c.out > 0);
            augs_preset_unref(preset);
        } else {
            ck_assert_int_eq(status, AUGS_E_NO_MEMORY);
            ck_assert_ptr_eq(preset, untouched);
        }
        ck_assert_int_eq(c.out, 0);
        ck_assert_int_lt(n, 1000);
    }
}
END_TEST

/* Faults need memory, too. */
START_TEST(a_faulty_text_without_memory_is_no_fault_of_the_text)
{
    static const char text[] = "augstream: 1\ncolumns:\n  g: {choice: {values: [x, y]}}\n"
                               "  a: {unifrom: [0, 1], when: {g: z}, identity: u}\n"
                               "  b: {seed: {}, shape: 0, when: h}\ncolumns: {a: {beta: 1}}\n";
    static const char *const overrides[] = {"a.unifrom[3]=1", "c=1", "b.shape=300"};
    bool checked = false;
    for (long n = 0; !checked; n++) {
        counter c = {.fail_at = n};
        augs_allocator allocator = {.size = sizeof allocator,
                                    .allocate = count_allocate,
                                    .release = count_release,
                                    .user = &c};
        augs_preset_options options = {.size = sizeof options,
                                       .n_overrides = 3,
                                       .overrides = overrides,
                                       .allocator = &allocator};
        augs_preset *preset = NULL;
        augs_error error;
        int n_faults = augs_preset_check(text, sizeof text - 1, "t", &options, NULL, NULL, &error);
        ck_assert(n_faults > 0 || n_faults == AUGS_E_NO_MEMORY);
        ck_assert_int_eq(c.out, 0);
        c.calls = 0;
        int status = augs_preset_open_text(text, sizeof text - 1, "t", &options, &preset, &error);
        ck_assert(status == AUGS_E_PRESET || status == AUGS_E_NO_MEMORY);
        checked = n_faults > 0 && status == AUGS_E_PRESET;
        ck_assert_ptr_null(preset);
        ck_assert_int_eq(c.out, 0);
        ck_assert_int_lt(n, 1000);
    }
}
END_TEST

START_TEST(columns_in_memory_are_checked_like_those_of_a_text)
{
    static const struct {
        uint32_t kind, shape, gate;
        double numbers[2];
        const char *name, *part;
    } cases[] = {
        {AUGS_KIND_PERMUTATION, 1, AUGS_NO_GATE, {NAN}, "a", "a permutation of nan; 2 to 12"},
        {AUGS_KIND_PERMUTATION, 1, AUGS_NO_GATE, {1e300}, "a", "a permutation of 1e300; 2 to 12"},
        {AUGS_KIND_PERMUTATION, 1, AUGS_NO_GATE, {4.5}, "a", "a permutation of 4.5; 2 to 12"},
        {AUGS_KIND_NORMAL, 1, AUGS_NO_GATE, {0, NAN}, "a", "std nan; it has to be above 0"},
        {AUGS_KIND_UNIFORM, 1, AUGS_NO_GATE, {0, INFINITY}, "a", "32-bit float"},
        {AUGS_KIND_CHOICE, 1, AUGS_NO_GATE, {0}, "a", "0 values; 1 to 65535 are accepted"},
        {AUGS_KIND_SAMPLE_ID, 1, AUGS_NO_GATE, {0}, "a", "kind 1 to 11"},
        {99, 1, AUGS_NO_GATE, {0}, "a", "kind 1 to 11"},
        {AUGS_KIND_SEED, 0, AUGS_NO_GATE, {0}, "a", "shape 0; 1 to 256"},
        {AUGS_KIND_SEED, 1, 0, {0}, "a", "gate 0 is no bernoulli or choice column before it"},
        {AUGS_KIND_SEED, 1, AUGS_NO_GATE, {0}, "\xFF", "column '?': a name is made of"},
        {AUGS_KIND_SEED, 1, AUGS_NO_GATE, {0}, NULL, "column '': a name is made of"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        augs_preset *preset = NULL;
        augs_error error;
        augs_column_info info = {.size = sizeof info,
                                 .kind = cases[i].kind,
                                 .shape = cases[i].shape,
                                 .gate = cases[i].gate,
                                 .name = cases[i].name,
                                 .numbers = {cases[i].numbers[0], cases[i].numbers[1]}};
        AUGS_ASSERT_STATUS(AUGS_E_PRESET,
                           augs_preset_open_columns("n", &info, 1, NULL, &preset, &error), error);
        ck_assert_msg(strstr(error.message, cases[i].part) != NULL, "%s", error.message);
    }
}
END_TEST

AUGS_SUITE("presets", every_kind_is_bound, canonical_text_reads_back_to_an_equal_preset,
           the_identity_of_a_choice_reads_back_to_its_index, overrides_reach_every_value,
           a_wrong_override_is_answered_with_the_nearest_paths,
           a_fault_of_an_override_names_it_and_the_place_that_it_wrote,
           shipped_presets_name_the_source_of_every_number,
           every_failing_allocation_is_reported_and_leaks_nothing,
           a_faulty_text_without_memory_is_no_fault_of_the_text,
           columns_in_memory_are_checked_like_those_of_a_text)
