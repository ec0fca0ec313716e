/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <augstream/strategy.h>

#include "suite.h"

typedef union strategy_state {
    char bytes[16384];
    max_align_t aligned;
} strategy_state;

static const augs_strategy_ops *strategy(const char *name, const augs_strategy_options *options,
                                         strategy_state *state)
{
    augs_error error;
    const augs_strategy_ops *ops = NULL;
    AUGS_ASSERT_OK(augs_strategy_find(name, &ops, &error), error);
    ck_assert_uint_le(ops->state_size, sizeof *state);
    memset(state, 0, sizeof *state);
    AUGS_ASSERT_OK(ops->init(state, options, &error), error);
    return ops;
}

static int span_at(const augs_strategy_ops *ops, strategy_state *state, uint64_t n, uint32_t w,
                   uint64_t step, augs_span *ret_span)
{
    augs_error error;
    const augs_plan_facts facts = {
        .size = sizeof facts, .world_size = w, .n_samples = n, .step = step};
    return ops->plan(state, &facts, ret_span, &error);
}

static void expect_spans(const char *name, const augs_strategy_options *options, uint64_t n,
                         uint32_t w, const augs_span *expected, size_t n_expected)
{
    strategy_state state;
    const augs_strategy_ops *ops = strategy(name, options, &state);
    augs_span span;
    for (size_t i = 0; i < n_expected; i++) {
        ck_assert_int_eq(span_at(ops, &state, n, w, i, &span), 1);
        ck_assert_uint_eq(span.first, expected[i].first);
        ck_assert_uint_eq(span.stride, expected[i].stride);
        ck_assert_uint_eq(span.count, expected[i].count);
    }
    for (size_t i = n_expected; i < n_expected + 5; i++) {
        ck_assert_int_eq(span_at(ops, &state, n, w, i, &span), 0);
    }
}

#define EXPECT_SPANS(name, options, n, w, ...)                                                     \
    do {                                                                                           \
        const augs_span spans_expected[] = {__VA_ARGS__};                                          \
        expect_spans(name, options, n, w, spans_expected,                                          \
                     sizeof spans_expected / sizeof *spans_expected);                              \
    } while (0)

#define OPTIONS(...)                                                                               \
    &(augs_strategy_options)                                                                       \
    {                                                                                              \
        .size = sizeof(augs_strategy_options), __VA_ARGS__                                         \
    }

static int init_status(const char *name, const augs_strategy_options *options, augs_error *error)
{
    const augs_strategy_ops *ops;
    AUGS_ASSERT_OK(augs_strategy_find(name, &ops, error), *error);
    void *state = calloc(1, ops->state_size);
    ck_assert_ptr_nonnull(state);
    error->message[0] = '\0';
    const int status = ops->init(state, options, error);
    free(state);
    return status;
}

#define EXPECT_REFUSED(name, options, ...)                                                         \
    do {                                                                                           \
        const char *const words_expected[] = {__VA_ARGS__};                                        \
        augs_error refusal;                                                                        \
        ck_assert_int_eq(init_status(name, options, &refusal), AUGS_E_ARGUMENT);                   \
        for (size_t w_ = 0; w_ < sizeof words_expected / sizeof *words_expected; w_++) {           \
            ck_assert_msg(strstr(refusal.message, words_expected[w_]) != NULL, "%s: no '%s'",      \
                          refusal.message, words_expected[w_]);                                    \
        }                                                                                          \
    } while (0)

START_TEST(every_strategy_is_found_by_its_name)
{
    augs_error error;
    const augs_strategy_ops *ops;
    ck_assert_uint_ge(augs_strategy_count(), 2);
    for (uint32_t i = 0; i < augs_strategy_count(); i++) {
        AUGS_ASSERT_OK(augs_strategy_find(augs_strategy_name(i), &ops, &error), error);
        ck_assert_str_eq(ops->name, augs_strategy_name(i));
        ck_assert_uint_eq(ops->size, sizeof *ops);
    }
    ck_assert_ptr_null(augs_strategy_name(augs_strategy_count()));
}
END_TEST

START_TEST(a_name_that_does_not_exist_is_answered_with_those_that_do)
{
    augs_error error;
    const augs_strategy_ops *untouched = NULL, *ops = untouched;
    AUGS_ASSERT_STATUS(AUGS_E_NOT_FOUND, augs_strategy_find("sequentail", &ops, &error), error);
    ck_assert_ptr_eq(ops, untouched);
    ck_assert_ptr_nonnull(strstr(error.message, "did you mean 'sequential'"));
    ck_assert_ptr_nonnull(strstr(error.message, "round_robin"));
    AUGS_ASSERT_STATUS(AUGS_E_NOT_FOUND, augs_strategy_find("", &ops, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_strategy_find(NULL, &ops, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_strategy_find("sequential", NULL, &error), error);
    ck_assert_int_eq(augs_strategy_find("x", &ops, NULL), AUGS_E_NOT_FOUND);
}
END_TEST

START_TEST(sequential_goes_in_groups_and_keeps_the_tail)
{
    EXPECT_SPANS("sequential", OPTIONS(.batch_size = 4), 10, 1, {0, 1, 4}, {4, 1, 4}, {8, 1, 2});
    EXPECT_SPANS("sequential", OPTIONS(.batch_size = 4, .last_batch = 1), 10, 1, {0, 1, 4},
                 {4, 1, 4});
    EXPECT_SPANS("sequential", OPTIONS(.batch_size = 5, .last_batch = 1), 10, 1, {0, 1, 5},
                 {5, 1, 5});
    EXPECT_SPANS("sequential", OPTIONS(.batch_size = 2), 10, 3, {0, 1, 6}, {6, 1, 4});
    EXPECT_SPANS("sequential", OPTIONS(.batch_size = 2, .last_batch = 1), 10, 3, {0, 1, 6});
    EXPECT_SPANS("sequential", OPTIONS(0), 70, 1, {0, 1, 32}, {32, 1, 32}, {64, 1, 6});
    EXPECT_SPANS("sequential", OPTIONS(.batch_size = UINT64_MAX), 3, 1, {0, 1, 3});
    expect_spans("sequential", OPTIONS(.batch_size = 4), 0, 1, NULL, 0);
    expect_spans("sequential", OPTIONS(.batch_size = 4, .last_batch = 1), 3, 1, NULL, 0);
}
END_TEST

static void expect_size(uint64_t expected, const augs_strategy_options *options)
{
    strategy_state state;
    augs_span span;
    const augs_strategy_ops *ops = strategy("sequential", options, &state);
    ck_assert_int_eq(span_at(ops, &state, AUGS_ENDLESS, 1, 3, &span), 1);
    ck_assert_uint_eq(span.count, expected);
    ck_assert_uint_eq(span.first, 3 * expected);
}

/* The same for batches so large that there is only the first one. */
static void expect_first(uint64_t expected, const augs_strategy_options *options)
{
    strategy_state state;
    augs_span span;
    const augs_strategy_ops *ops = strategy("sequential", options, &state);
    ck_assert_int_eq(span_at(ops, &state, AUGS_ENDLESS, 1, 0, &span), 1);
    ck_assert_uint_eq(span.count, expected);
}

START_TEST(the_size_of_sequential_keeps_min_max_and_multiple)
{
    expect_size(32, OPTIONS(0));
    expect_size(7, OPTIONS(.batch_size = 7));
    expect_size(40, OPTIONS(.min_batch_size = 40)); /* the default is brought within the limits */
    expect_size(10, OPTIONS(.batch_size = 10, .min_batch_size = 10, .max_batch_size = 10));
    expect_size(20, OPTIONS(.max_batch_size = 20));
    expect_size(96, OPTIONS(.batch_size = 100, .multiple_of = 32));
    expect_size(32, OPTIONS(.batch_size = 7, .multiple_of = 32)); /* none below */
    expect_size(16, OPTIONS(.batch_size = 19, .max_batch_size = 20, .multiple_of = 8));
    expect_size(24, OPTIONS(.batch_size = 20, .min_batch_size = 20, .multiple_of = 8));
    EXPECT_REFUSED("sequential", OPTIONS(.min_batch_size = 9, .max_batch_size = 8),
                   "min_batch_size 9", "max_batch_size 8");
    EXPECT_REFUSED("sequential",
                   OPTIONS(.min_batch_size = 9, .max_batch_size = 15, .multiple_of = 8),
                   "multiple of 8", "min_batch_size 9", "max_batch_size 15");
    EXPECT_REFUSED("sequential", OPTIONS(.max_batch_size = 7, .multiple_of = 8), "multiple of 8");
    EXPECT_REFUSED("sequential",
                   OPTIONS(.max_batch_size = AUGS_MAX_SAMPLES, .multiple_of = UINT64_MAX),
                   "multiple of 18446744073709551615");
    EXPECT_REFUSED("sequential", OPTIONS(.min_batch_size = UINT64_MAX, .multiple_of = 2),
                   "min_batch_size 18446744073709551615", "72057594037927936, the largest");
    /* no batch has more samples than a stream can have */
    expect_first(AUGS_MAX_SAMPLES, OPTIONS(.batch_size = UINT64_MAX));
    expect_first(AUGS_MAX_SAMPLES - 6, OPTIONS(.batch_size = UINT64_MAX, .multiple_of = 10));
}
END_TEST

/* What was asked for stays as it is. */
START_TEST(a_batch_size_outside_min_and_max_is_refused)
{
    static const char *const names[] = {"sequential", "memory_optimized", "adaptive"};
    for (size_t i = 0; i < 3; i++) {
        augs_error error;
        EXPECT_REFUSED(names[i], OPTIONS(.batch_size = 7, .min_batch_size = 10), names[i],
                       "batch size 7", "below min_batch_size 10");
        EXPECT_REFUSED(names[i], OPTIONS(.batch_size = 100, .max_batch_size = 20, .multiple_of = 8),
                       names[i], "batch size 100", "above max_batch_size 20");
        AUGS_ASSERT_OK(
            init_status(names[i],
                        OPTIONS(.batch_size = 20, .min_batch_size = 20, .max_batch_size = 20),
                        &error),
            error);
    }
    EXPECT_REFUSED("adaptive", OPTIONS(.batch_size = 4097), "above max_batch_size 4096",
                   "the default");
    EXPECT_REFUSED("memory_optimized", OPTIONS(.batch_size = 65537), "above max_batch_size 65536",
                   "the default");
}
END_TEST

START_TEST(options_of_another_strategy_are_refused)
{
    EXPECT_REFUSED("sequential", OPTIONS(.batches = 4), "sequential", "'batches'", "round_robin");
    EXPECT_REFUSED("sequential", OPTIONS(.deal_window = 4), "sequential", "'deal_window'",
                   "round_robin");
    EXPECT_REFUSED("round_robin", OPTIONS(.batches = 4, .batch_size = 2), "'batch_size'");
    EXPECT_REFUSED("round_robin", OPTIONS(.batches = 4, .multiple_of = 2), "'multiple_of'");
    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? "sequential" : "round_robin";
        const uint64_t batches = i == 0 ? 0 : 4;
#define FOREIGN(...) OPTIONS(.batches = batches, __VA_ARGS__)
        augs_error error;
        AUGS_ASSERT_OK(init_status(name, FOREIGN(.multiple_of = 1), &error), error);
        EXPECT_REFUSED(name, FOREIGN(.max_memory_bytes = 1), name, "'max_memory_bytes'",
                       "belongs to memory_optimized and adaptive");
        EXPECT_REFUSED(name, FOREIGN(.memory_safety = 0.9), name, "'memory_safety'",
                       "belongs to memory_optimized");
        EXPECT_REFUSED(name, FOREIGN(.memory_rule = AUGS_MEMORY_RULE_PUBLISHED), name,
                       "'memory_rule'", "belongs to memory_optimized");
        EXPECT_REFUSED(name, FOREIGN(.target_seconds = NAN), name, "'target_seconds'",
                       "belongs to adaptive");
        EXPECT_REFUSED(name, FOREIGN(.target_memory = 0.7), name, "'target_memory'",
                       "belongs to adaptive");
        EXPECT_REFUSED(name, FOREIGN(.max_growth = 1.2), name, "'max_growth'",
                       "belongs to adaptive");
        EXPECT_REFUSED(name, FOREIGN(.max_reduction = -0.8), name, "'max_reduction'",
                       "belongs to adaptive");
        EXPECT_REFUSED(name, FOREIGN(.reserved = 1), name, "'reserved'", "0");
#undef FOREIGN
    }
}
END_TEST

START_TEST(round_robin_says_what_it_needs)
{
    EXPECT_REFUSED("round_robin", OPTIONS(0), "'batches' is required");
    EXPECT_REFUSED("round_robin", OPTIONS(.batches = 4, .deal_window = 3), "deal_window 3",
                   "batches 4");
    EXPECT_REFUSED("round_robin", OPTIONS(.batches = 4, .min_batch_size = 3, .max_batch_size = 2),
                   "min_batch_size 3", "max_batch_size 2");
    EXPECT_REFUSED("round_robin", OPTIONS(.batches = 4, .deal_window = 10, .last_batch = 1),
                   "last_batch drop", "deal_window 10", "batches 4");
}
END_TEST

START_TEST(round_robin_deals_samples_as_cards)
{
    EXPECT_SPANS("round_robin", OPTIONS(.batches = 4), 8, 1, {0, 4, 2}, {1, 4, 2}, {2, 4, 2},
                 {3, 4, 2});
    EXPECT_SPANS("round_robin", OPTIONS(.batches = 3), 8, 1, {0, 3, 3}, {1, 3, 3}, {2, 3, 2});
    EXPECT_SPANS("round_robin", OPTIONS(.batches = 9), 3, 1, {0, 3, 1}, {1, 3, 1}, {2, 3, 1});
    EXPECT_SPANS("round_robin", OPTIONS(.batches = 1), 5, 1, {0, 1, 5});
    EXPECT_SPANS("round_robin", OPTIONS(.batches = 9), 1, 1, {0, 1, 1});
    expect_spans("round_robin", OPTIONS(.batches = 3), 0, 1, NULL, 0);
    expect_spans("round_robin", OPTIONS(.batches = 3, .deal_window = 9), 0, 1, NULL, 0);
}
END_TEST

START_TEST(round_robin_deals_window_after_window)
{
    EXPECT_SPANS("round_robin", OPTIONS(.batches = 2, .deal_window = 5), 13, 1, {0, 2, 3},
                 {1, 2, 2}, {5, 2, 3}, {6, 2, 2}, {10, 2, 2}, {11, 2, 1});
    EXPECT_SPANS("round_robin", OPTIONS(.batches = 4, .deal_window = 4), 6, 1, {0, 4, 1}, {1, 4, 1},
                 {2, 4, 1}, {3, 4, 1}, {4, 2, 1}, {5, 2, 1});
}
END_TEST

START_TEST(round_robin_leaves_out_an_end_so_that_all_batches_are_equal)
{
    EXPECT_SPANS("round_robin", OPTIONS(.batches = 3, .last_batch = 1), 8, 1, {0, 3, 2}, {1, 3, 2},
                 {2, 3, 2});
    EXPECT_SPANS("round_robin", OPTIONS(.batches = 2, .deal_window = 4, .last_batch = 1), 11, 1,
                 {0, 2, 2}, {1, 2, 2}, {4, 2, 2}, {5, 2, 2});
    expect_spans("round_robin", OPTIONS(.batches = 9, .last_batch = 1), 8, 1, NULL, 0);
    expect_spans("round_robin", OPTIONS(.batches = 2, .deal_window = 4, .last_batch = 1), 3, 1,
                 NULL, 0);
}
END_TEST

START_TEST(round_robin_refuses_sizes_at_its_first_step)
{
    strategy_state state;
    augs_span span;
    /* 10 = 4 + 3 + 3: the last is too small, or the first too large */
    const augs_strategy_ops *ops =
        strategy("round_robin", OPTIONS(.batches = 3, .min_batch_size = 4), &state);
    ck_assert_int_eq(span_at(ops, &state, 10, 1, 0, &span), AUGS_E_ARGUMENT);
    ck_assert_int_eq(span_at(ops, &state, 12, 1, 0, &span), 1);
    ck_assert_int_eq(span_at(ops, &state, 12, 2, 0, &span), AUGS_E_ARGUMENT); /* a rank has 2 */
    ops = strategy("round_robin", OPTIONS(.batches = 3, .max_batch_size = 3), &state);
    ck_assert_int_eq(span_at(ops, &state, 10, 1, 0, &span), AUGS_E_ARGUMENT);
    ck_assert_int_eq(span_at(ops, &state, 10, 2, 0, &span), 1);
    ck_assert_int_eq(span_at(ops, &state, 9, 1, 0, &span), 1);
    /* without the end that is left out, three are enough */
    ops = strategy("round_robin", OPTIONS(.batches = 3, .max_batch_size = 3, .last_batch = 1),
                   &state);
    ck_assert_int_eq(span_at(ops, &state, 10, 1, 0, &span), 1);
    /* a last window is a tail, and so is an only one that is not whole: these may be smaller */
    ops = strategy("round_robin", OPTIONS(.batches = 2, .deal_window = 8, .min_batch_size = 4),
                   &state);
    ck_assert_int_eq(span_at(ops, &state, 11, 1, 2, &span), 1);
    ck_assert_uint_eq(span.count, 2);
    ck_assert_int_eq(span_at(ops, &state, 3, 1, 0, &span), 1);
}
END_TEST

START_TEST(endless_streams_are_planned_as_far_as_numbers_go)
{
    strategy_state state;
    augs_span span;
    const augs_strategy_ops *ops = strategy("sequential", OPTIONS(.batch_size = 100), &state);
    ck_assert_int_eq(span_at(ops, &state, AUGS_ENDLESS, 2, (uint64_t)1 << 40, &span), 1);
    ck_assert_uint_eq(span.first, 200 * ((uint64_t)1 << 40));
    ck_assert_int_eq(span_at(ops, &state, AUGS_ENDLESS, 2, UINT64_MAX, &span), 0);
    ops = strategy("sequential", OPTIONS(.batch_size = UINT64_MAX), &state);
    ck_assert_int_eq(span_at(ops, &state, AUGS_ENDLESS, 255, 0, &span), 1);
    ck_assert_int_eq(span_at(ops, &state, AUGS_ENDLESS, 256, 0, &span), AUGS_E_RANGE);
    ops = strategy("round_robin", OPTIONS(.batches = 10), &state);
    ck_assert_int_eq(span_at(ops, &state, AUGS_ENDLESS, 1, 0, &span), AUGS_E_ARGUMENT);
    ops = strategy("round_robin", OPTIONS(.batches = 10, .deal_window = 1000), &state);
    ck_assert_int_eq(span_at(ops, &state, AUGS_ENDLESS, 1, 12345, &span), 1);
    ck_assert_uint_eq(span.first, 1234005);
    ck_assert_uint_eq(span.stride, 10);
    ck_assert_uint_eq(span.count, 100);
    ck_assert_int_eq(span_at(ops, &state, AUGS_ENDLESS, 1, UINT64_MAX, &span), 0);
}
END_TEST

/* Their tables may be used without a pipeline, by a caller who is older or newer. */
START_TEST(facts_and_feedback_of_other_versions_are_taken_or_refused)
{
    struct {
        augs_plan_facts facts;
        uint64_t more;
    } newer = {.facts = {.size = sizeof newer, .world_size = 1, .n_samples = 100}};
    struct {
        augs_feedback feedback;
        uint64_t more;
    } told = {.feedback = {.size = sizeof told, .n_samples = 4, .seconds = 1, .bytes = 1}};
    for (uint32_t i = 0; i < augs_strategy_count(); i++) {
        const bool in_turn = strcmp(augs_strategy_name(i), "round_robin") == 0;
        strategy_state state, before;
        const augs_strategy_ops *ops =
            strategy(augs_strategy_name(i), OPTIONS(.batches = in_turn ? 3 : 0), &state);
        augs_span span = {7, 7, 7};
        augs_error error;
        newer.more = 1;
        AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, ops->plan(&state, &newer.facts, &span, &error), error);
        ck_assert_ptr_nonnull(strstr(error.message, "augs_plan_facts: size"));
        newer.more = 0;
        newer.facts.size = augs_plan_facts_v1_bytes - 1;
        AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, ops->plan(&state, &newer.facts, &span, &error), error);
        ck_assert_uint_eq(span.count, 7);
        newer.facts.size = sizeof newer;
        AUGS_ASSERT_STATUS(1, ops->plan(&state, &newer.facts, &span, &error), error);
        if (ops->observe != NULL && getenv("AUGS_TEST_SMALL") == NULL) { /* valgrind minds gaps */
            memcpy(&before, &state, sizeof before);
            told.more = 1;
            ops->observe(&state, &told.feedback);
            ck_assert_mem_eq(&before, &state, ops->state_size);
            told.more = 0;
            ops->observe(&state, &told.feedback);
            ck_assert_mem_ne(&before, &state, ops->state_size);
        }
    }
}
END_TEST

AUGS_SUITE("strategies", every_strategy_is_found_by_its_name,
           a_name_that_does_not_exist_is_answered_with_those_that_do,
           sequential_goes_in_groups_and_keeps_the_tail,
           the_size_of_sequential_keeps_min_max_and_multiple,
           a_batch_size_outside_min_and_max_is_refused, options_of_another_strategy_are_refused,
           round_robin_says_what_it_needs, round_robin_deals_samples_as_cards,
           round_robin_deals_window_after_window,
           round_robin_leaves_out_an_end_so_that_all_batches_are_equal,
           round_robin_refuses_sizes_at_its_first_step,
           endless_streams_are_planned_as_far_as_numbers_go,
           facts_and_feedback_of_other_versions_are_taken_or_refused)
