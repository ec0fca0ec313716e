/* SPDX-License-Identifier: Apache-2.0 */
/* The adaptive strategy against scripts, and against simulated consumers. */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include <augstream/strategy.h>
#include <augstream/stream.h>

#include "cost_scenario.h"
#include "suite.h"

#define MOST_STATE 16384u

typedef struct driven {
    const augs_strategy_ops *ops;
    union {
        char bytes[MOST_STATE];
        max_align_t aligned;
    } state;
    augs_plan_facts facts;
} driven;

#define OPTIONS(...)                                                                               \
    &(augs_strategy_options)                                                                       \
    {                                                                                              \
        .size = sizeof(augs_strategy_options), __VA_ARGS__                                         \
    }

static const augs_strategy_ops *adaptive(void)
{
    augs_error error;
    const augs_strategy_ops *ops;
    AUGS_ASSERT_OK(augs_strategy_find("adaptive", &ops, &error), error);
    ck_assert_uint_le(ops->state_size, MOST_STATE);
    return ops;
}

static void start(driven *d, const augs_strategy_options *options)
{
    augs_error error;
    d->ops = adaptive();
    memset(&d->state, 0, sizeof d->state);
    d->facts =
        (augs_plan_facts){.size = sizeof d->facts, .world_size = 1, .n_samples = AUGS_ENDLESS};
    AUGS_ASSERT_OK(d->ops->init(&d->state, options, &error), error);
}

/* The size of the next batch; 0 at the end. */
static uint64_t plan(driven *d)
{
    augs_error error;
    augs_span span = {0, 0, 0};
    int status = d->ops->plan(&d->state, &d->facts, &span, &error);
    ck_assert_msg(status >= 0, "%s", error.message);
    if (status == 0) {
        return 0;
    }
    ck_assert_uint_eq(span.first, d->facts.position);
    ck_assert_uint_eq(span.stride, 1);
    d->facts.position += span.count;
    d->facts.step++;
    return span.count;
}

static void tell(driven *d, uint64_t n, double seconds, uint64_t bytes)
{
    const augs_feedback feedback = {.size = sizeof feedback,
                                    .step = d->facts.step > 0 ? d->facts.step - 1 : 0,
                                    .n_samples = n,
                                    .seconds = seconds,
                                    .bytes = bytes};
    d->ops->observe(&d->state, &feedback);
}

static uint64_t pick(uint64_t *random, uint64_t n)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (*random >> 33) % n;
}

static double any_seconds(uint64_t *random, uint64_t n)
{
    const double garbage[] = {0, -1, NAN, INFINITY, -INFINITY, 1e300, 1e-300, 1e11, 1e-11, 5e-324};
    uint64_t which = pick(random, 20);
    return which < 10 ? garbage[which]
                      : 0.01 + 1e-4 * (double)n + 1e-6 * (double)pick(random, 9999);
}

static uint64_t any_bytes(uint64_t *random, uint64_t n)
{
    const uint64_t garbage[] = {0, 1, UINT64_MAX, (uint64_t)1 << 63, n};
    return garbage[pick(random, 5)];
}

START_TEST(sizes_keep_min_max_and_multiple_whatever_it_is_told)
{
    const int runs = getenv("AUGS_TEST_SMALL") != NULL ? 20 : 400;
    for (int run = 0; run < runs; run++) {
        uint64_t r = (uint64_t)run + 1;
        driven d;
        const uint64_t multiple = 1 + pick(&r, 40), min = 1 + pick(&r, 100);
        const uint64_t max = min + multiple + pick(&r, 5000);
        start(&d, OPTIONS(.batch_size = min + pick(&r, max - min), .min_batch_size = min,
                          .max_batch_size = max, .multiple_of = multiple,
                          .max_memory_bytes = pick(&r, 2) * 100000,
                          .target_seconds = (double)pick(&r, 2) * 0.1));
        uint64_t n = 0;
        for (int i = 0; i < 120; i++) {
            n = plan(&d);
            ck_assert_msg(n >= min && n <= max && n % multiple == 0,
                          "run %d: %" PRIu64 " is not a multiple of %" PRIu64 " from %" PRIu64
                          " to %" PRIu64,
                          run, n, multiple, min, max);
            for (uint64_t k = pick(&r, 3); k > 0; k--) { /* none, one, or one and a wrong one */
                const augs_feedback feedback = {.size = sizeof feedback,
                                                .n_samples = k == 1             ? n
                                                             : pick(&r, 4) == 0 ? UINT64_MAX
                                                                                : pick(&r, 9999),
                                                .seconds = any_seconds(&r, n),
                                                .bytes = any_bytes(&r, n),
                                                .available_bytes = any_bytes(&r, n)};
                d.ops->observe(&d.state, &feedback);
            }
        }
        ck_assert_ptr_nonnull(d.ops->why(&d.state));
    }
}
END_TEST

START_TEST(the_same_facts_and_feedback_make_the_same_plan)
{
    static driven one, other;
    uint64_t r = 7;
    start(&one, OPTIONS(.target_seconds = 0.3));
    start(&other, OPTIONS(.target_seconds = 0.3));
    for (int i = 0; i < 300; i++) {
        uint64_t n = plan(&one);
        ck_assert_uint_eq(n, plan(&other));
        double seconds = any_seconds(&r, n);
        tell(&one, n, seconds, 0);
        tell(&other, n, seconds, 0);
    }
}
END_TEST

START_TEST(without_feedback_it_keeps_the_first_size)
{
    driven d;
    start(&d, OPTIONS(0));
    for (int i = 0; i < 50; i++) {
        ck_assert_uint_eq(plan(&d), 16);
        ck_assert_str_eq(d.ops->why(&d.state), "start");
        if (i % 2 == 0) {
            tell(&d, 16, NAN, 0);
        }
    }
    start(&d, OPTIONS(.batch_size = 100, .multiple_of = 32));
    ck_assert_uint_eq(plan(&d), 96);
    start(&d, OPTIONS(.min_batch_size = 10000));
    ck_assert_uint_eq(plan(&d), 10000);
}
END_TEST

START_TEST(one_can_become_two_and_more)
{
    driven d;
    start(&d, OPTIONS(.batch_size = 1));
    uint64_t n = 0;
    for (int i = 0; i < 40; i++) {
        n = plan(&d);
        tell(&d, n, 0.1 + 1e-5 * (double)n, 0);
    }
    ck_assert_uint_eq(n, 4096);
    start(&d, OPTIONS(.batch_size = 1, .max_batch_size = 2)); /* and nothing else */
    for (int i = 0; i < 10; i++) {
        n = plan(&d);
        tell(&d, n, 0.1, 0);
    }
    ck_assert_uint_eq(n, 2);
}
END_TEST

static void expect_memory_kept(driven *d, double base, double a_sample, double limit, bool reports)
{
    const double best = floor((0.7 * limit - base) / a_sample);
    uint64_t first = 0;
    uint32_t n_over = 0;
    bool known = false;
    double last = 0;
    for (int i = 0; i < 150; i++) {
        const uint64_t n = plan(d);
        const double bytes = base + a_sample * (double)n;
        if (bytes > limit) {
            n_over++;
            ck_assert_msg(!known, "batch %d of %" PRIu64 " needs %g of %g bytes", i, n, bytes,
                          limit);
        }
        known = known || (first != 0 && n != first);
        first = first == 0 ? n : first;
        const augs_feedback feedback = {
            .size = sizeof feedback,
            .n_samples = n,
            .seconds = 0.1 + 1e-6 * (double)n,
            .bytes = (uint64_t)bytes,
            .available_bytes = reports && bytes < limit ? (uint64_t)(limit - bytes) : 0};
        d->ops->observe(&d->state, &feedback);
        last = (double)n;
    }
    ck_assert_uint_le(n_over, 1);
    ck_assert_msg(last >= 0.95 * best && last <= best, "%g samples, not %g: %g + %g n of %g", last,
                  best, base, a_sample, limit);
    ck_assert_str_eq(d->ops->why(&d->state), "memory");
}

START_TEST(the_memory_limit_is_kept_once_the_slope_was_seen)
{
    const double limit = 1e9;
    driven d;
    for (int base = 0; base < 5; base++) {
        for (int size = 0; size < 4; size++) {
            const uint64_t firsts[] = {1, 16, 300, 4096};
            const double bases[] = {0, 1e6, 1e8, 4e8, 6e8}, a_sample = 1e6 / (size + 1);
            start(&d, OPTIONS(.batch_size = firsts[size], .max_memory_bytes = (uint64_t)limit));
            expect_memory_kept(&d, bases[base], a_sample, limit, false);
            start(&d, OPTIONS(.batch_size = firsts[size])); /* from the facts */
            d.facts.memory_limit_bytes = (uint64_t)limit;
            expect_memory_kept(&d, bases[base], a_sample, limit, false);
            if (size == 1) { /* from what the consumer says, which it cannot if it is beyond */
                start(&d, OPTIONS(0));
                expect_memory_kept(&d, bases[base], a_sample, limit, true);
            }
        }
    }
}
END_TEST

START_TEST(it_comes_back_when_memory_does)
{
    driven d;
    uint64_t n = 0, low = 0;
    start(&d, OPTIONS(0));
    for (int i = 0; i < 200; i++) {
        if (i == 80) {
            low = n;
        }
        d.facts.memory_limit_bytes = i >= 40 && i < 80 ? 200000 : 1000000;
        n = plan(&d);
        ck_assert(i < 41 || i >= 80 || n <= 200);
        tell(&d, n, 0.1 + 1e-6 * (double)n, 1000 * n);
    }
    ck_assert_uint_ge(low, 130);
    ck_assert_uint_le(low, 140);
    ck_assert_uint_ge(n, 660);
    ck_assert_uint_le(n, 700);
}
END_TEST

START_TEST(a_span_is_for_all_ranks_and_the_tail_is_kept_or_cut)
{
    driven d;
    start(&d, OPTIONS(0));
    d.facts.world_size = 3;
    d.facts.n_samples = 100;
    ck_assert_uint_eq(plan(&d), 48);
    ck_assert_uint_eq(plan(&d), 48);
    ck_assert_uint_eq(plan(&d), 4);
    ck_assert_str_eq(d.ops->why(&d.state), "tail");
    ck_assert_uint_eq(plan(&d), 0);
    start(&d, OPTIONS(.last_batch = 1, .min_batch_size = 4, .multiple_of = 4));
    d.facts.world_size = 2;
    d.facts.n_samples = 47;
    ck_assert_uint_eq(plan(&d), 32);
    ck_assert_uint_eq(plan(&d), 8); /* 7 for each are left */
    ck_assert_uint_eq(plan(&d), 0);
}
END_TEST

START_TEST(late_missing_and_repeated_feedback_is_understood)
{
    driven d;
    uint64_t sent[8] = {0}, n = 0;
    start(&d, OPTIONS(0));
    for (int i = 0; i < 200; i++) {
        n = plan(&d);
        const uint64_t old = sent[i % 8];
        sent[i % 8] = n;
        if (old != 0 && i % 5 != 0) { /* eight late, every fifth missing, every third twice */
            double seconds =
                0.05 + 1e-4 * (double)old + (old > 500 ? 1e-3 * (double)(old - 500) : 0);
            tell(&d, old, seconds, 0);
            if (i % 3 == 0) {
                tell(&d, old, seconds, 0);
            }
        }
    }
    ck_assert_msg(n >= 470 && n <= 510, "%" PRIu64, n);
}
END_TEST

START_TEST(one_slow_batch_changes_nothing)
{
    driven d;
    uint64_t n = 0, before = 0;
    start(&d, OPTIONS(0));
    for (int i = 0; i < 120; i++) {
        before = i == 100 ? n : before;
        n = plan(&d);
        double seconds = 0.05 + 1e-4 * (double)n + (n > 500 ? 1e-3 * (double)(n - 500) : 0);
        tell(&d, n, i == 100 ? 20 * seconds : seconds, 0);
        ck_assert(i <= 100 || (n >= before * 9 / 10 && n <= before * 11 / 10));
    }
}
END_TEST

START_TEST(a_slow_start_is_not_held_against_small_sizes)
{
    driven d;
    uint64_t n = 0;
    start(&d, OPTIONS(0));
    for (int i = 0; i < 40; i++) {
        n = plan(&d);
        double seconds = 0.05 + 1e-4 * (double)n + (n > 500 ? 1e-3 * (double)(n - 500) : 0);
        tell(&d, n, i == 0 ? 50 * seconds : seconds, 0);
    }
    ck_assert_msg(n >= 470 && n <= 515, "%" PRIu64, n);
}
END_TEST

START_TEST(options_that_cannot_be_kept_are_refused)
{
    const augs_strategy_options *wrong[] = {
        OPTIONS(.min_batch_size = 9, .max_batch_size = 8),
        OPTIONS(.min_batch_size = 9, .max_batch_size = 15, .multiple_of = 8),
        OPTIONS(.batches = 2),
        OPTIONS(.deal_window = 2),
        OPTIONS(.memory_safety = 0.5),
        OPTIONS(.memory_rule = 1),
        OPTIONS(.target_seconds = -1),
        OPTIONS(.target_seconds = NAN),
        OPTIONS(.target_seconds = INFINITY),
        OPTIONS(.target_memory = 1.1),
        OPTIONS(.target_memory = -0.1),
        OPTIONS(.target_memory = NAN),
        OPTIONS(.max_growth = 1),
        OPTIONS(.max_growth = 17),
        OPTIONS(.max_growth = NAN),
        OPTIONS(.max_reduction = 1),
        OPTIONS(.max_reduction = 0.01),
        OPTIONS(.max_reduction = NAN),
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        driven d;
        augs_error error = {.message = ""};
        memset(&d.state, 0, sizeof d.state);
        ck_assert_msg(adaptive()->init(&d.state, wrong[i], &error) == AUGS_E_ARGUMENT,
                      "options %zu are accepted", i);
        ck_assert_ptr_nonnull(strstr(error.message, "adaptive"));
    }
}
END_TEST

/* Medians over the seeds. */
static void expect_delayed(const char *name, uint32_t delay, double full, double last)
{
    enum { MOST = 20 };
    const uint32_t n = getenv("AUGS_TEST_SMALL") != NULL ? 3 : MOST;
    const double slack = n < MOST ? 0.05 : 0; /* three seeds say less */
    const cost_scenario *s = NULL;
    double fulls[MOST], lasts[MOST], lates[MOST];
    for (uint32_t i = 0; (s = scenario_named(i)) != NULL && strcmp(s->name, name) != 0; i++) {
    }
    ck_assert_msg(s != NULL, "no scenario %s", name);
    cost_scenario delayed = *s;
    delayed.delay = delay != UINT32_MAX ? delay : s->delay;
    for (uint32_t seed = 0; seed < n; seed++) {
        scenario_result r;
        augs_error error;
        AUGS_ASSERT_OK(scenario_run(&delayed, adaptive(), seed, 0, &r, &error), error);
        fulls[seed] = r.full;
        lasts[seed] = r.last;
        lates[seed] = r.late;
        ck_assert_msg(r.n_over <= 1 && r.n_over_known == 0, "%s, seed %u: beyond the memory", name,
                      seed);
    }
    const double a = scenario_quantile(fulls, n, 0.5), b = scenario_quantile(lasts, n, 0.5);
    ck_assert_msg(a >= full - slack && b >= last - slack, "%s: %.3f and %.3f of the best", name, a,
                  b);
    ck_assert_msg(scenario_quantile(lates, n, 0.5) <= 0.05 + slack, "%s: late", name);
}

static void expect_figures(const char *name, double full, double last)
{
    expect_delayed(name, UINT32_MAX, full, last);
}

START_TEST(throughput_is_92_per_cent_of_the_best_fixed_size_with_the_learning_and_97_after)
{
    static const char *const names[] = {"overhead",
                                        "linear",
                                        "plateau",
                                        "cliff",
                                        "cliff_hard",
                                        "noise_20_overhead",
                                        "noise_20_plateau",
                                        "noise_20_cliff",
                                        "outliers",
                                        "drift_a_x2",
                                        "latency",
                                        "latency_noise_20",
                                        "memory",
                                        "memory_cliff",
                                        "start_1",
                                        "start_max_soft",
                                        "start_max_overhead",
                                        "max_65536",
                                        "disturbance"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        expect_figures(names[i], 0.92, 0.97);
    }
    /* The first batch is the caller's: of 4,096 on a consumer that takes 500 well it costs as much
     * as 40 of the best. */
    expect_figures("start_max", 0.82, 0.97);
}
END_TEST

/* Feedback of a loader with eight workers: trials are few, the size is found all the same. */
START_TEST(late_feedback_leads_to_the_size_as_well)
{
    static const struct {
        const char *name;
        uint32_t delay;
        double full, last;
    } all[] = {
        {"overhead", 1, 0.88, 0.97},     {"overhead", 16, 0.65, 0.97},
        {"cliff", 1, 0.92, 0.97},        {"cliff", 16, 0.75, 0.95},
        {"plateau", 16, 0.92, 0.97},     {"noise_20_cliff", 16, 0.65, 0.9},
        {"latency", 16, 0.8, 0.95},      {"memory", 16, 0.65, 0.9},
        {"memory_cliff", 16, 0.7, 0.95}, {"max_65536", 16, 0.5, 0.8},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        expect_delayed(all[i].name, all[i].delay, all[i].full, all[i].last);
    }
}
END_TEST

/* While a trial is not heard of, no other one is sent. */
START_TEST(a_trial_waits_for_the_feedback_of_the_one_before)
{
    for (uint32_t delay = 1; delay <= 16; delay += 5) {
        static driven d;
        start(&d, OPTIONS(.batch_size = 16));
        augs_feedback sent[200];
        uint64_t heard_most = 16;
        for (uint32_t i = 0; i < 200; i++) {
            const uint64_t n = plan(&d);
            ck_assert_msg(n <= 8 * heard_most, "delay %u: %llu after %llu", delay,
                          (unsigned long long)n, (unsigned long long)heard_most);
            sent[i] =
                (augs_feedback){.size = sizeof sent[i], .step = i, .n_samples = n, .seconds = 0.1};
            if (i >= delay) {
                const augs_feedback *f = &sent[i - delay];
                heard_most = f->n_samples > heard_most ? f->n_samples : heard_most;
                d.ops->observe(&d.state, f);
            }
        }
        ck_assert_uint_ge(heard_most, 1000);
    }
}
END_TEST

START_TEST(no_seed_stays_low_after_a_disturbance_that_ends)
{
    const cost_scenario disturbed[] = {
        {"added", .change_a = 6},
        {"slower_a_sample", .change_b = 10},
        {"slower", .change_a = 4, .change_b = 4},
        {"pause", .change_at = 99, .change_a = 100, .change_b = 100},
    };
    const uint32_t n = getenv("AUGS_TEST_SMALL") != NULL ? 3 : 20;
    for (size_t i = 0; i < sizeof disturbed / sizeof *disturbed; i++) {
        cost_scenario s = disturbed[i];
        s.a = 0.05;
        s.b = 1e-4;
        s.c = 1e-3;
        s.n0 = 500;
        s.noise = 0.05;
        s.change_at = s.change_at != 0 ? s.change_at : 70;
        s.change_to = 100;
        for (uint32_t seed = 0; seed < n; seed++) {
            scenario_result r;
            augs_error error;
            AUGS_ASSERT_OK(scenario_run(&s, adaptive(), seed, 0, &r, &error), error);
            ck_assert_msg(r.settled >= 0.9, "%s, seed %u: %.3f of the best", s.name, seed,
                          r.settled);
        }
    }
}
END_TEST

/* A base that makes the largest batches the best ones, and goes. */
START_TEST(large_batches_do_not_hide_that_small_ones_are_the_best_again)
{
    driven d;
    uint64_t n = 0, most = 0;
    start(&d, OPTIONS(0));
    for (int i = 0; i < 200; i++) {
        n = plan(&d);
        most = i < 100 && n > most ? n : most;
        double base = i >= 70 && i < 100 ? 1 : 0.05;
        tell(&d, n, base + 1e-4 * (double)n + (n > 500 ? 1e-3 * (double)(n - 500) : 0), 0);
    }
    ck_assert_uint_ge(most, 2000);
    ck_assert_msg(n >= 450 && n <= 550, "%" PRIu64, n);
}
END_TEST

START_TEST(it_is_not_made_for_the_named_scenarios)
{
    enum { MOST = 60 };
    const uint32_t n = getenv("AUGS_TEST_SMALL") != NULL ? 20 : MOST;
    double fulls[MOST], lasts[MOST];
    uint32_t n_over = 0;
    for (uint32_t i = 0; i < n; i++) {
        scenario_result r;
        augs_error error;
        const cost_scenario s = scenario_random(i);
        AUGS_ASSERT_OK(scenario_run(&s, adaptive(), i, 0, &r, &error), error);
        fulls[i] = r.without_first;
        lasts[i] = r.last;
        n_over += r.n_over_known > 0 || r.n_over > 1;
    }
    ck_assert_uint_eq(n_over, 0);
    ck_assert_double_ge(scenario_quantile(fulls, n, 0.5), 0.97);
    ck_assert_double_ge(scenario_quantile(lasts, n, 0.5), 0.98);
    ck_assert_double_ge(scenario_quantile(fulls, n, 0.1), n < MOST ? 0.85 : 0.92);
    ck_assert_double_ge(scenario_quantile(lasts, n, 0.1), n < MOST ? 0.85 : 0.95);
}
END_TEST

AUGS_SUITE("adaptive", sizes_keep_min_max_and_multiple_whatever_it_is_told,
           the_same_facts_and_feedback_make_the_same_plan, without_feedback_it_keeps_the_first_size,
           one_can_become_two_and_more, the_memory_limit_is_kept_once_the_slope_was_seen,
           it_comes_back_when_memory_does, a_span_is_for_all_ranks_and_the_tail_is_kept_or_cut,
           late_missing_and_repeated_feedback_is_understood, one_slow_batch_changes_nothing,
           a_slow_start_is_not_held_against_small_sizes, options_that_cannot_be_kept_are_refused,
           throughput_is_92_per_cent_of_the_best_fixed_size_with_the_learning_and_97_after,
           late_feedback_leads_to_the_size_as_well,
           a_trial_waits_for_the_feedback_of_the_one_before,
           no_seed_stays_low_after_a_disturbance_that_ends,
           large_batches_do_not_hide_that_small_ones_are_the_best_again,
           it_is_not_made_for_the_named_scenarios)
