/* SPDX-License-Identifier: Apache-2.0 */
/* The adaptive planner's state, and its parts: the sizes that are possible (adaptive_limits.c),
 * what is tried (adaptive_trials.c), and what is done when costs change (adaptive_changes.c). */
#ifndef AUGSI_ADAPTIVE_STATE_H
#define AUGSI_ADAPTIVE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "adaptive_memory.h"
#include "adaptive_model.h"
#include "planner_size.h"

#define AUGSI_N_RECENT 16u
/* So many standard deviations off, a batch counts little. */
#define AUGSI_OUTLIER 4.0
/* So many batches it learns at least. */
#define AUGSI_LEARNING_BATCHES 12u
/* Without a reason a size above is tried every so many batches. */
#define AUGSI_PROBE_INTERVAL 12u

typedef struct augsi_seen_batch {
    double n, log_seconds, weight;
    double residual; /* log seconds beyond what was expected */
} augsi_seen_batch;

/* A change that was noticed at n: by how much, and what half the size says of it. */
typedef struct augsi_cost_change {
    double n, residual;
    double predicted, sum; /* log seconds at half the size; residuals there */
    uint64_t began_at;     /* batches when it was noticed, */
    uint32_t n_run;        /* and how many it had lasted; */
    uint32_t n_seen;       /* batches of half the size since */
} augsi_cost_change;

typedef struct augsi_adaptive {
    augsi_size_limits limits;
    uint64_t initial;
    double target_seconds, target_memory, growth, reduction;
    uint64_t limit_option, limit_facts, limit_seen; /* bytes; 0 = not known */

    augsi_cost_model cost;
    augsi_memory_bound memory;
    augsi_seen_batch recent[AUGSI_N_RECENT]; /* the last one first */
    uint64_t n_timed, changed_at;            /* batches; the last change after so many */
    double margin;                           /* to the target, in standard deviations */

    uint64_t size;  /* the best that is known */
    uint64_t trial; /* to be tried; 0 = nothing */
    uint64_t tried_most, tried_least;
    uint32_t trial_age; /* plans since it was chosen */
    uint32_t idle;      /* batches since the last one */
    bool learned;       /* steps keep growth and reduction; */
    bool learned_once;  /* up, they keep growth for ever */
    bool scanning_down;
    double best_rate;
    double allowance; /* saved up for trials without a reason, in batches */

    double sum_slower, sum_faster, sum_above; /* of residuals */
    uint32_t run_slower, run_faster;          /* batches since the sums were 0 */
    uint32_t n_implausible;                   /* in a row */
    bool outlier_last;
    bool checking; /* the trial is half the size, and more than once */
    augsi_cost_change change;
    double noise_before; /* the last change */

    const char *why, *why_trial;
} augsi_adaptive;

/* The nearest possible size, downwards where there is one, and the next one below or above. */
uint64_t augsi_adaptive_fit_size(const augsi_adaptive *self, double n);
uint64_t augsi_adaptive_neighbour(const augsi_adaptive *self, uint64_t size, bool above);
/* The largest size that memory allows; INFINITY: any. */
double augsi_adaptive_memory_most(const augsi_adaptive *self);
/* And the target, and max. */
double augsi_adaptive_size_most(const augsi_adaptive *self);
/* Fits the cost again. */
void augsi_adaptive_refit(augsi_adaptive *self);

/* The second size that is seen, and those of a scan downwards. */
void augsi_adaptive_begin_scan(augsi_adaptive *self, double rate);
void augsi_adaptive_continue_scan(augsi_adaptive *self, double n, double rate);
/* A trial, if one is worth it. */
void augsi_adaptive_choose_trial(augsi_adaptive *self);

/* Whether a batch is no measurement at all. May start all over, so that n_timed is 0. */
bool augsi_adaptive_doubts(augsi_adaptive *self, double n, double log_seconds, double residual);
/* Adds a batch to the sums, its score in standard deviations. True: the cost has changed. */
bool augsi_adaptive_watch(augsi_adaptive *self, double score);
/* The same for a trial above the size. */
void augsi_adaptive_watch_above(augsi_adaptive *self, double n, double log_seconds, double score);
/* After a change: sends half the size out, and hears of it. */
void augsi_adaptive_begin_check(augsi_adaptive *self);
void augsi_adaptive_continue_check(augsi_adaptive *self, double log_seconds);
/* After each fit. */
void augsi_adaptive_watch_fit(augsi_adaptive *self);

#endif
