/* SPDX-License-Identifier: Apache-2.0 */
/* memory_optimized, driven by scripted facts and feedback, and by models of a consumer. */
#include <math.h>
#include <string.h>

#include <augstream/batch_size.h>
#include <augstream/strategy.h>

#include "stream_fixture.h"

typedef struct strategy {
    union {
        char bytes[512];
        max_align_t aligned;
    } state;
    const augs_strategy_ops *ops;
    augs_plan_facts facts;
} strategy;

static strategy open_strategy(augs_strategy_options options)
{
    strategy p = {.facts = {.size = sizeof p.facts, .world_size = 1, .n_samples = 1ull << 50}};
    augs_error error;
    options.size = sizeof options;
    AUGS_ASSERT_OK(augs_strategy_find("memory_optimized", &p.ops, &error), error);
    ck_assert_uint_le(p.ops->state_size, sizeof p.state);
    AUGS_ASSERT_OK(p.ops->init(&p.state, &options, &error), error);
    return p;
}

static uint64_t next_size(strategy *p)
{
    augs_span span;
    augs_error error;
    AUGS_ASSERT_STATUS(1, p->ops->plan(&p->state, &p->facts, &span, &error), error);
    ck_assert_uint_eq(span.first, p->facts.position);
    ck_assert_uint_eq(span.stride, 1);
    p->facts.position += span.count;
    p->facts.step++;
    return span.count / p->facts.world_size;
}

static void tell(strategy *p, uint64_t n_samples, uint64_t bytes, uint64_t available)
{
    const augs_feedback feedback = {.size = sizeof feedback,
                                    .n_samples = n_samples,
                                    .seconds = 0.1,
                                    .bytes = bytes,
                                    .available_bytes = available};
    p->ops->observe(&p->state, &feedback);
}

START_TEST(the_size_becomes_budget_by_bytes_per_sample)
{
    strategy p = open_strategy((augs_strategy_options){.max_memory_bytes = 1000000});
    p.facts.sample_bytes = 100;
    uint64_t size = 0;
    for (int i = 0; i < 20; i++) {
        size = next_size(&p);
        tell(&p, size, size * 900, 0); /* ours and theirs: 1,000 a sample */
    }
    ck_assert_uint_eq(size, 900); /* 0.9 x 1,000,000 / 1,000 */
    ck_assert_str_eq(p.ops->why(&p.state), "budget");
}
END_TEST

START_TEST(safety_min_max_and_multiple_hold)
{
    strategy p = open_strategy((augs_strategy_options){.max_memory_bytes = 1000000,
                                                       .memory_safety = 0.5,
                                                       .multiple_of = 64,
                                                       .min_batch_size = 100});
    uint64_t size = 0;
    for (int i = 0; i < 20; i++) {
        size = next_size(&p);
        ck_assert_uint_ge(size, 128);
        tell(&p, size, size * 1000, 0);
    }
    ck_assert_uint_eq(size, 448); /* 500 down to a multiple of 64 */
    tell(&p, size, size * 100000, 0);
    ck_assert_uint_eq(next_size(&p), 128);
    p = open_strategy(
        (augs_strategy_options){.max_memory_bytes = 1ull << 50, .max_batch_size = 700});
    for (int i = 0; i < 20; i++) {
        size = next_size(&p);
        tell(&p, size, size * 1000, 0);
    }
    ck_assert_uint_eq(size, 700);
    ck_assert_str_eq(p.ops->why(&p.state), "max");
}
END_TEST

/* A batch costs base + each x n; never more than the budget, and most of it soon. */
START_TEST(any_base_cost_is_learned_without_going_over)
{
    static const double bases[] = {0, 1e3, 1e6, 5e7, 9e7};
    static const double slopes[] = {10, 1e3, 1e5, 1e6};
    const double budget = 1e8;
    for (size_t b = 0; b < sizeof bases / sizeof bases[0]; b++) {
        for (size_t s = 0; s < sizeof slopes / sizeof slopes[0]; s++) {
            strategy p = open_strategy((augs_strategy_options){
                .max_memory_bytes = (uint64_t)budget,
                .memory_safety = 1,
                .batch_size = 4, /* of one sample it cannot know that two fit */
                .max_batch_size = 1u << 30});
            double used = 0;
            for (int i = 0; i < 60; i++) {
                const uint64_t size = next_size(&p);
                used = bases[b] + slopes[s] * (double)size;
                ck_assert_msg(used <= budget, "base %g, slope %g, batch %d: %g", bases[b],
                              slopes[s], i, used);
                tell(&p, size, (uint64_t)used, 0);
            }
            ck_assert_msg(used >= 0.8 * budget || used + slopes[s] > budget,
                          "base %g, slope %g: only %g", bases[b], slopes[s], used);
        }
    }
}
END_TEST

START_TEST(pressure_is_answered_by_the_next_batch_and_forgotten_within_twenty)
{
    strategy p = open_strategy((augs_strategy_options){.memory_safety = 0.9});
    uint64_t size = 0;
    p.facts.memory_limit_bytes = 1000000;
    for (int round = 0; round < 5; round++) {
        int batches = 0;
        p.facts.memory_available_bytes = 1000000;
        for (size = 0; size < 900; batches++) {
            ck_assert_int_lt(batches, 20);
            size = next_size(&p);
            ck_assert_uint_le(size, 900);
            tell(&p, size, size * 1000, 0);
        }
        p.facts.memory_available_bytes = 100000; /* somebody else takes nine tenths */
        size = next_size(&p);
        ck_assert_uint_eq(size, 90);
        ck_assert_str_eq(p.ops->why(&p.state), "shrink");
        tell(&p, size, size * 1000, 0);
    }
}
END_TEST

START_TEST(what_the_consumer_has_counts_before_what_the_process_has)
{
    strategy p = open_strategy((augs_strategy_options){.memory_safety = 1});
    uint64_t size = 0;
    p.facts.memory_limit_bytes = p.facts.memory_available_bytes = 1000; /* the host's: tiny */
    for (int i = 0; i < 20; i++) {
        size = next_size(&p);
        tell(&p, size, size * 1000, 1000000 - size * 1000); /* the device's */
    }
    ck_assert_uint_eq(size, 1000);
}
END_TEST

START_TEST(what_is_left_counts_without_the_bytes_of_the_batch)
{
    strategy p = open_strategy((augs_strategy_options){.memory_safety = 1});
    uint64_t size = 0;
    p.facts.sample_bytes = 100;
    for (int i = 0; i < 20; i++) {
        size = next_size(&p);
        tell(&p, size, 0, 50000);
    }
    ck_assert_uint_eq(size, 500);
    tell(&p, size, 0, 10000);
    ck_assert_uint_eq(next_size(&p), 100);
    tell(&p, 100, UINT64_MAX, UINT64_MAX); /* nonsense is survived */
    ck_assert_uint_ge(next_size(&p), 1);
}
END_TEST

START_TEST(one_dear_batch_counts_at_once_and_is_believed_away_slowly)
{
    strategy p = open_strategy((augs_strategy_options){
        .max_memory_bytes = 1000000, .memory_safety = 1, .max_batch_size = 5000});
    uint64_t size = 0;
    for (int i = 0; i < 20; i++) {
        size = next_size(&p);
        tell(&p, size, size * 1000, 0);
    }
    ck_assert_uint_eq(size, 1000);
    tell(&p, size, size * 2000, 0);
    ck_assert_uint_eq(next_size(&p), 500);
    tell(&p, 500, 500 * 1000, 0);
    size = next_size(&p);
    ck_assert_uint_gt(size, 500);
    ck_assert_uint_lt(size, 560);
    int batches = 0;
    for (; size < 980; batches++) {
        ck_assert_int_lt(batches, 40);
        tell(&p, size, size * 1000, 0);
        size = next_size(&p);
    }
}
END_TEST

START_TEST(the_published_rule_gives_the_published_sizes)
{
    static const struct {
        double used;
        uint64_t available, size;
    } steps[] = {{0.30, 350, 14}, {0.60, 200, 5}, {0.85, 75, 4}, {0.95, 25, 3}};
    strategy p = open_strategy((augs_strategy_options){.memory_rule = AUGS_MEMORY_RULE_PUBLISHED,
                                                       .batch_size = 20,
                                                       .min_batch_size = 2,
                                                       .max_memory_bytes = 500000000});
    ck_assert_uint_eq(next_size(&p), 20);
    for (size_t i = 0; i < 4; i++) {
        p.facts.memory_limit_bytes = 1000000000;
        p.facts.memory_used_bytes = (uint64_t)(steps[i].used * 1e9);
        p.facts.memory_available_bytes = steps[i].available * 1000000;
        ck_assert_uint_eq(next_size(&p), steps[i].size);
    }
}
END_TEST

START_TEST(without_figures_it_stays_where_it_is)
{
    strategy p = open_strategy((augs_strategy_options){.batch_size = 24});
    for (int i = 0; i < 10; i++) {
        ck_assert_uint_eq(next_size(&p), 24);
    }
    ck_assert_str_eq(p.ops->why(&p.state), "unknown");
}
END_TEST

START_TEST(sizes_are_of_a_rank_and_spans_of_all)
{
    strategy p = open_strategy((augs_strategy_options){.batch_size = 24});
    p.facts.world_size = 8;
    p.facts.n_samples = 400;
    ck_assert_uint_eq(next_size(&p), 24);
    ck_assert_uint_eq(next_size(&p), 24);
    augs_span span;
    augs_error error;
    AUGS_ASSERT_STATUS(1, p.ops->plan(&p.state, &p.facts, &span, &error), error);
    ck_assert_uint_eq(span.count, 16); /* the rest, 2 a rank */
}
END_TEST

static int refused(augs_strategy_options options, augs_error *error)
{
    const augs_strategy_ops *ops;
    char state[512];
    options.size = sizeof options;
    AUGS_ASSERT_OK(augs_strategy_find("memory_optimized", &ops, error), *error);
    return ops->init(state, &options, error);
}

START_TEST(options_are_checked)
{
    static const augs_strategy_options bad[] = {
        {.memory_safety = 1.5},
        {.memory_safety = -0.1},
        {.memory_rule = 2},
        {.min_batch_size = 10, .max_batch_size = 5},
        {.multiple_of = 8, .min_batch_size = 9, .max_batch_size = 15},
        {.batches = 4},
        {.target_seconds = 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        augs_error error;
        ck_assert_int_eq(refused(bad[i], &error), AUGS_E_ARGUMENT);
        ck_assert_ptr_nonnull(strstr(error.message, "memory_optimized"));
    }
    augs_error error;
    ck_assert_int_eq(refused((augs_strategy_options){.memory_safety = (double)NAN}, &error),
                     AUGS_E_ARGUMENT);
}
END_TEST

AUGS_SUITE("memory_optimized", the_size_becomes_budget_by_bytes_per_sample,
           safety_min_max_and_multiple_hold, any_base_cost_is_learned_without_going_over,
           pressure_is_answered_by_the_next_batch_and_forgotten_within_twenty,
           what_the_consumer_has_counts_before_what_the_process_has,
           what_is_left_counts_without_the_bytes_of_the_batch,
           one_dear_batch_counts_at_once_and_is_believed_away_slowly,
           the_published_rule_gives_the_published_sizes, without_figures_it_stays_where_it_is,
           sizes_are_of_a_rank_and_spans_of_all, options_are_checked)
