/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Simulated consumers for strategies that learn: what batches cost, how that changes, and how close
 * a strategy comes to the best fixed size. A strategy is driven through its public operations
 * alone.
 */
#ifndef COST_SCENARIO_H
#define COST_SCENARIO_H

#include <augstream/strategy.h>

#define SCENARIO_BATCHES 200u

/* seconds(n) = (a + b n + c max(0, n - n0)) x noise, bytes(n) = m0 + m n, n samples of a rank. */
typedef struct cost_scenario {
    const char *name;
    double a, b, c, n0;
    double noise;                          /* standard deviation of log seconds */
    uint32_t outlier_every;                /* every so many batches one takes 10 x; 0 = none */
    uint32_t change_at, change_to;         /* batches; to = 0: for good */
    double change_a, change_b, change_n0;  /* factors from change_at on; 0 = 1 */
    double m0, m, memory_limit_bytes;      /* limit 0 = none */
    double target_seconds;                 /* 0 = none */
    uint64_t first, min, max, multiple_of; /* 0 = the strategy's default */
    uint32_t delay;                        /* feedback comes so many batches late */
} cost_scenario;

typedef struct scenario_result {
    double full, last; /* throughput of all and of the last 100 batches / the best fixed size's */
    double settled;    /* the same of the last 50 */
    double late;       /* part of the batches after the first 50 beyond the target */
    double without_first;  /* full, had the first batch, which the options fix, cost nothing */
    uint32_t n_over;       /* batches beyond the memory limit, */
    uint32_t n_over_known; /* after two sizes had been heard of */
} scenario_result;

/* The named ones, NULL beyond. */
const cost_scenario *scenario_named(uint32_t index);
/* Another one for each seed: all parameters over several decades. */
cost_scenario scenario_random(uint64_t seed);
/* The best fixed size over batches from ... to - 1: within memory, and within the target in 95 % of
 * the batches. Its expected throughput. */
double scenario_best_fixed(const cost_scenario *scenario, uint32_t from, uint32_t to,
                           uint64_t *ret_size);
/* One run; `trace` prints it. 0, or the strategy's error status. */
int scenario_run(const cost_scenario *scenario, const augs_strategy_ops *ops, uint64_t seed,
                 int trace, scenario_result *ret_result, augs_error *error);
/* Of n values, which are sorted. */
double scenario_quantile(double *values, uint32_t n, double q);

#endif
