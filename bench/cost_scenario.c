/* SPDX-License-Identifier: Apache-2.0 */
#include "cost_scenario.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GIB 1073741824.0
#define DEFAULT_MAX 4096u
#define DEFAULT_FIRST 16u
#define TARGET_MEMORY 0.7
#define MOST_DELAY 32u
#define QUANTILE_95 1.6449

static const cost_scenario named[] = {
    {"overhead", .a = 0.1, .b = 1e-5, .noise = 0.05},
    {"linear", .a = 1e-4, .b = 1e-3, .noise = 0.05},
    {"plateau", .a = 0.01, .b = 1e-3, .noise = 0.05},
    {"cliff", .a = 0.02, .b = 1e-4, .c = 2e-3, .n0 = 300, .noise = 0.05},
    {"cliff_hard", .a = 0.1, .b = 1e-5, .c = 2e-3, .n0 = 700, .noise = 0.05},
    {"cliff_soft", .a = 0.05, .b = 1e-4, .c = 2e-4, .n0 = 1000, .noise = 0.05},
    {"noise_20_overhead", .a = 0.1, .b = 1e-5, .noise = 0.2},
    {"noise_20_plateau", .a = 0.01, .b = 1e-3, .noise = 0.2},
    {"noise_20_cliff", .a = 0.05, .b = 1e-4, .c = 1e-3, .n0 = 500, .noise = 0.2},
    {"outliers", .a = 0.05, .b = 1e-4, .c = 1e-3, .n0 = 500, .noise = 0.05, .outlier_every = 50},
    {"outliers_overhead", .a = 0.1, .b = 1e-5, .noise = 0.05, .outlier_every = 50},
    {"drift_a_x2", .a = 0.03, .b = 1e-4, .c = 1e-3, .n0 = 500, .noise = 0.05, .change_at = 100,
     .change_a = 2},
    {"drift_a_half", .a = 0.06, .b = 1e-4, .c = 1e-3, .n0 = 500, .noise = 0.05, .change_at = 100,
     .change_a = 0.5},
    {"drift_n0_half", .a = 0.05, .b = 1e-4, .c = 1e-3, .n0 = 600, .noise = 0.05, .change_at = 100,
     .change_n0 = 0.5},
    {"drift_n0_x1.5", .a = 0.05, .b = 1e-4, .c = 1e-3, .n0 = 400, .noise = 0.05, .change_at = 100,
     .change_n0 = 1.5},
    {"disturbance", .a = 0.05, .b = 1e-4, .c = 1e-3, .n0 = 500, .noise = 0.05, .change_at = 60,
     .change_to = 90, .change_a = 4, .change_b = 4},
    {"disturbance_added", .a = 0.05, .b = 1e-4, .c = 1e-3, .n0 = 500, .noise = 0.05,
     .change_at = 70, .change_to = 100, .change_a = 6},
    {"disturbance_added_20", .a = 0.05, .b = 1e-4, .c = 1e-3, .n0 = 500, .noise = 0.2,
     .change_at = 70, .change_to = 100, .change_a = 6},
    {"disturbance_far", .a = 0.05, .b = 1e-4, .c = 1e-3, .n0 = 500, .noise = 0.05, .change_at = 70,
     .change_to = 100, .change_a = 20},
    {"disturbance_slope", .a = 0.05, .b = 1e-4, .c = 1e-3, .n0 = 500, .noise = 0.05,
     .change_at = 70, .change_to = 100, .change_b = 10},
    {"pause", .a = 0.05, .b = 1e-4, .c = 1e-3, .n0 = 500, .noise = 0.05, .change_at = 100,
     .change_to = 101, .change_a = 100, .change_b = 100},
    {"latency", .a = 0.02, .b = 2e-4, .noise = 0.05, .target_seconds = 0.1},
    {"latency_noise_20", .a = 0.02, .b = 2e-4, .noise = 0.2, .target_seconds = 0.1},
    {"latency_cliff", .a = 0.02, .b = 1e-4, .c = 1e-3, .n0 = 300, .noise = 0.05,
     .target_seconds = 0.1},
    {"memory", .a = 0.05, .b = 1e-4, .noise = 0.05, .m0 = GIB, .m = GIB / 100,
     .memory_limit_bytes = 15 * GIB},
    {"memory_cliff", .a = 0.05, .b = 1e-4, .c = 1e-3, .n0 = 500, .noise = 0.05, .m0 = GIB,
     .m = GIB / 100, .memory_limit_bytes = 5 * GIB},
    {"start_1", .a = 0.05, .b = 1e-4, .c = 1e-3, .n0 = 500, .noise = 0.05, .first = 1},
    {"start_1_plateau", .a = 0.01, .b = 1e-3, .noise = 0.05, .first = 1},
    {"start_max", .a = 0.05, .b = 1e-4, .c = 1e-3, .n0 = 500, .noise = 0.05, .first = 4096},
    {"start_max_soft", .a = 0.05, .b = 1e-4, .c = 1e-4, .n0 = 1000, .noise = 0.05, .first = 4096},
    {"start_max_overhead", .a = 0.1, .b = 1e-5, .noise = 0.05, .first = 4096},
    {"start_max_latency", .a = 0.02, .b = 2e-4, .noise = 0.05, .target_seconds = 0.1,
     .first = 4096},
    {"multiple_of_32", .a = 0.05, .b = 1e-4, .c = 1e-3, .n0 = 500, .noise = 0.05,
     .multiple_of = 32},
    {"max_65536", .a = 3, .b = 1e-4, .c = 1e-3, .n0 = 20000, .noise = 0.05, .max = 65536},
    {"delay_3", .a = 0.05, .b = 1e-4, .c = 1e-3, .n0 = 500, .noise = 0.05, .delay = 3},
};

#define N_NAMED (sizeof named / sizeof named[0])

const cost_scenario *scenario_named(uint32_t index)
{
    return index < N_NAMED ? &named[index] : NULL;
}

/* ---- numbers: splitmix64, and what is made of it ---- */

static double uniform(uint64_t *random)
{
    uint64_t z = *random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return ((double)((z ^ z >> 31) >> 11) + 0.5) * 0x1p-53;
}

static double normal(uint64_t *random)
{
    double radius = sqrt(-2 * log(uniform(random)));
    return radius * cos(6.283185307179586 * uniform(random));
}

static double log_uniform(uint64_t *random, double low, double high)
{
    return low * pow(high / low, uniform(random));
}

static uint32_t one_of(uint64_t *random, uint32_t n)
{
    return (uint32_t)(uniform(random) * n);
}

static bool with_probability(uint64_t *random, double p)
{
    return uniform(random) < p;
}

static void add_change(uint64_t *random, cost_scenario *s)
{
    static const double changes[][3] = {{2, 1, 1},   {0.5, 1, 1}, {1, 2, 1}, {1, 0.5, 1},
                                        {1, 1, 0.5}, {1, 1, 1.5}, {2, 2, 1}};
    const double *factors = changes[one_of(random, sizeof changes / sizeof *changes)];
    s->change_at = 50 + one_of(random, 100);
    s->change_a = factors[0];
    s->change_b = factors[1];
    s->change_n0 = factors[2];
}

cost_scenario scenario_random(uint64_t seed)
{
    static const uint64_t maxima[] = {256, 1024, 4096, 4096, 4096, 65536};
    static const uint64_t multiples[] = {1, 1, 1, 8, 32};
    static const double noises[] = {0.01, 0.02, 0.05, 0.05, 0.1, 0.2};
    uint64_t r = (seed + 1) * 0xd1342543de82ef95u;
    cost_scenario s = {.name = "random"};
    s.max = maxima[one_of(&r, 6)];
    s.multiple_of = multiples[one_of(&r, 5)];
    double start = uniform(&r);
    s.first = start < 0.7   ? DEFAULT_FIRST
              : start < 0.8 ? 1
              : start < 0.9 ? s.max
                            : (uint64_t)log_uniform(&r, 1, (double)s.max);
    s.b = log_uniform(&r, 1e-6, 0.1);
    s.a = s.b * log_uniform(&r, 1, 60000);
    if (with_probability(&r, 0.65)) {
        s.n0 = log_uniform(&r, 8, 0.8 * (double)s.max);
        s.c = log_uniform(&r, 0.05, 20) * (s.a + s.b * s.n0) / s.n0;
    }
    s.noise = noises[one_of(&r, 6)];
    s.outlier_every = with_probability(&r, 0.2) ? 50 : 0;
    if (with_probability(&r, 0.35)) {
        add_change(&r, &s);
    }
    const double least = (double)s.multiple_of;
    s.m0 = log_uniform(&r, 1e6, 1e9);
    s.m = log_uniform(&r, 1e3, 1e7);
    if (with_probability(&r, 0.2)) {
        double n = log_uniform(&r, 2 * least, (double)s.max);
        s.memory_limit_bytes = floor((s.m0 + s.m * n) / TARGET_MEMORY);
    }
    if (with_probability(&r, 0.2)) { /* above what the smallest batch takes */
        double slow = s.change_a > 1 || s.change_b > 1 ? 2 : 1;
        s.target_seconds = slow * fmax(s.a * log_uniform(&r, 1.3, 8), 2.5 * (s.a + s.b * least)) *
                           exp(QUANTILE_95 * s.noise);
    }
    return s;
}

/* ---- cost ---- */

static bool has_changed(const cost_scenario *s, uint32_t batch)
{
    return s->change_at != 0 && batch >= s->change_at &&
           (s->change_to == 0 || batch < s->change_to);
}

static double expected_seconds(const cost_scenario *s, double n, bool changed)
{
    double a = s->a, b = s->b, n0 = s->n0;
    if (changed) {
        a *= s->change_a > 0 ? s->change_a : 1;
        b *= s->change_b > 0 ? s->change_b : 1;
        n0 *= s->change_n0 > 0 ? s->change_n0 : 1;
    }
    return a + b * n + (s->c > 0 && n > n0 ? s->c * (n - n0) : 0);
}

static bool is_outlier(const cost_scenario *s, uint32_t batch)
{
    return s->outlier_every != 0 && batch % s->outlier_every == s->outlier_every - 1;
}

/* Without the batches of a disturbance, which nobody is to aim at. */
static bool keeps_target(const cost_scenario *s, double n)
{
    double worst = fmax(expected_seconds(s, n, false),
                        expected_seconds(s, n, has_changed(s, SCENARIO_BATCHES - 1)));
    return s->target_seconds <= 0 || worst * exp(QUANTILE_95 * s->noise) <= s->target_seconds;
}

double scenario_best_fixed(const cost_scenario *s, uint32_t from, uint32_t to, uint64_t *ret_size)
{
    const uint64_t multiple = s->multiple_of != 0 ? s->multiple_of : 1;
    const uint64_t max = s->max != 0 ? s->max : DEFAULT_MAX;
    double before = 0, after = 0, best = 0; /* how often each cost is paid */
    for (uint32_t i = from; i < to; i++) {
        *(has_changed(s, i) ? &after : &before) += is_outlier(s, i) ? 10 : 1;
    }
    for (uint64_t n = ((s->min > 0 ? s->min : 1) - 1) / multiple * multiple + multiple; n <= max;
         n += multiple) {
        double size = (double)n;
        if ((s->memory_limit_bytes > 0 &&
             s->m0 + s->m * size > TARGET_MEMORY * s->memory_limit_bytes) ||
            !keeps_target(s, size)) {
            break; /* so does everything above */
        }
        double seconds = before * (before > 0 ? expected_seconds(s, size, false) : 0) +
                         after * (after > 0 ? expected_seconds(s, size, true) : 0);
        double rate = size * (to - from) / (seconds * exp(s->noise * s->noise / 2));
        if (rate > best) {
            best = rate;
            *ret_size = n;
        }
    }
    return best;
}

/* ---- runs ---- */

typedef struct tally {
    double samples, seconds, last_samples, last_seconds, first_seconds;
    double settled_samples, settled_seconds;
    uint32_t n_late, n_over, n_over_known;
} tally;

static int open_strategy(const cost_scenario *s, const augs_strategy_ops *ops, void **ret_state,
                         augs_error *error)
{
    const augs_strategy_options options = {.size = sizeof options,
                                           .batch_size = s->first,
                                           .min_batch_size = s->min,
                                           .max_batch_size = s->max,
                                           .multiple_of = s->multiple_of,
                                           .max_memory_bytes = (uint64_t)s->memory_limit_bytes,
                                           .target_seconds = s->target_seconds};
    const size_t bytes = (ops->state_size + 15) / 16 * 16;
    void *state = aligned_alloc(16, bytes);
    if (state == NULL) {
        return AUGS_E_MEMORY;
    }
    memset(state, 0, bytes);
    int status = ops->init(state, &options, error);
    if (status < 0) {
        free(state);
        return status;
    }
    *ret_state = state;
    return AUGS_OK;
}

static void add_batch(tally *t, const cost_scenario *s, uint32_t batch, const augs_feedback *f,
                      bool known)
{
    double n = (double)f->n_samples;
    t->samples += n;
    t->seconds += f->seconds;
    t->first_seconds += batch == 0 ? f->seconds : 0;
    if (batch >= SCENARIO_BATCHES - 100) {
        t->last_samples += n;
        t->last_seconds += f->seconds;
    }
    if (batch >= SCENARIO_BATCHES - 50) {
        t->settled_samples += n;
        t->settled_seconds += f->seconds;
    }
    t->n_late += batch >= 50 && s->target_seconds > 0 && f->seconds > s->target_seconds;
    if (s->memory_limit_bytes > 0 && s->m0 + s->m * n > s->memory_limit_bytes) {
        t->n_over++;
        t->n_over_known += known;
    }
}

static int run_batches(const cost_scenario *s, const augs_strategy_ops *ops, void *state,
                       uint64_t random, int trace, tally *t, augs_error *error)
{
    augs_feedback sent[MOST_DELAY + 1];
    uint64_t position = 0, first_size = 0;
    uint32_t n_sent = 0;
    bool known = false;
    for (uint32_t i = 0; i < SCENARIO_BATCHES; i++) {
        const augs_plan_facts facts = {.size = sizeof facts,
                                       .world_size = 1,
                                       .n_samples = AUGS_ENDLESS,
                                       .step = i,
                                       .position = position};
        augs_span span;
        int status = ops->plan(state, &facts, &span, error);
        if (status <= 0) {
            return status < 0 ? status : AUGS_E_PLAN;
        }
        position += span.count;
        const double n = (double)span.count;
        const double seconds = expected_seconds(s, n, has_changed(s, i)) *
                               exp(s->noise * normal(&random)) * (is_outlier(s, i) ? 10 : 1);
        sent[n_sent++] = (augs_feedback){.size = sizeof sent[0],
                                         .step = i,
                                         .n_samples = span.count,
                                         .seconds = seconds,
                                         .bytes = (uint64_t)(s->m0 + s->m * n)};
        add_batch(t, s, i, &sent[n_sent - 1], known);
        if (trace) {
            printf("%3u %8" PRIu64 " samples %12.6g s %12.6g samples/s  %s\n", i, span.count,
                   seconds, n / seconds, ops->why != NULL ? ops->why(state) : "");
        }
        if (n_sent > s->delay && ops->observe != NULL) {
            first_size = first_size == 0 ? sent[0].n_samples : first_size;
            known = known || sent[0].n_samples != first_size;
            ops->observe(state, &sent[0]);
            memmove(sent, sent + 1, --n_sent * sizeof sent[0]);
        }
    }
    return AUGS_OK;
}

int scenario_run(const cost_scenario *s, const augs_strategy_ops *ops, uint64_t seed, int trace,
                 scenario_result *ret_result, augs_error *error)
{
    void *state;
    tally t = {0};
    uint64_t size;
    int status = open_strategy(s, ops, &state, error);
    if (status < 0) {
        return status;
    }
    status = run_batches(s, ops, state, (seed + 1) * 0xd1342543de82ef95u, trace, &t, error);
    if (ops->done != NULL) {
        ops->done(state);
    }
    free(state);
    if (status < 0) {
        return status;
    }
    double best = scenario_best_fixed(s, 0, SCENARIO_BATCHES, &size);
    double best_last = scenario_best_fixed(s, SCENARIO_BATCHES - 100, SCENARIO_BATCHES, &size);
    double best_settled = scenario_best_fixed(s, SCENARIO_BATCHES - 50, SCENARIO_BATCHES, &size);
    *ret_result = (scenario_result){
        .full = t.samples / t.seconds / best,
        .last = t.last_samples / t.last_seconds / best_last,
        .settled = t.settled_samples / t.settled_seconds / best_settled,
        .late = t.n_late / (double)(SCENARIO_BATCHES - 50),
        .without_first = t.samples / (t.seconds - t.first_seconds) / best,
        .n_over = t.n_over,
        .n_over_known = t.n_over_known,
    };
    return AUGS_OK;
}

static int compare(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

double scenario_quantile(double *values, uint32_t n, double q)
{
    qsort(values, n, sizeof *values, compare);
    double at = q * (n - 1);
    uint32_t low = (uint32_t)at;
    double high = values[low + 1 < n ? low + 1 : low];
    return values[low] + (at - low) * (high - values[low]);
}
