/* SPDX-License-Identifier: Apache-2.0 */
/* The adaptive strategy's state, and its parts: the sizes that are possible (adaptive_limits.c),
 * what is tried (adaptive_trials.c), what is done when costs change (adaptive_changes.c), and when
 * they change back (adaptive_return.c). */
#ifndef AUGSI_ADAPTIVE_STATE_H
#define AUGSI_ADAPTIVE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "strategies/adaptive/adaptive_model.h"
#include "strategies/fit_bound.h"
#include "strategies/strategy_size.h"

#define AUGSI_N_RECENT 16u
/* So many standard deviations off, a batch counts little. */
#define AUGSI_OUTLIER 4.0
/* So many batches it learns at least. */
#define AUGSI_LEARNING_BATCHES 12u
/* Without a reason a size above is tried every so many batches. */
#define AUGSI_PROBE_INTERVAL 12u
/* From so many batches on feedback is late: trials are few, so each one takes a longer step. */
#define AUGSI_LATE 4u
/* So much of what was known before changes is kept. */
#define AUGSI_N_PAST 2u

#define AUGSI_MEMORY_RECENT 8

/* How large a batch may be so that the memory it needs at its consumer, a base and so many bytes
 * per sample, both learned, stays within a part of a limit. State of zeros: nothing seen. */
typedef struct augsi_memory_bound {
    double weight, mean_n, mean_bytes, square_n, product; /* moments; the recent ones weigh most */
    double slope;                                         /* bytes per sample; NaN = not known */
    double recent_n[AUGSI_MEMORY_RECENT], recent_bytes[AUGSI_MEMORY_RECENT];
    uint32_t n_seen;
} augsi_memory_bound;

typedef struct augsi_seen_batch {
    double n, log_seconds, weight;
    double raw;      /* log seconds, however far off */
    double residual; /* beyond what was expected */
} augsi_seen_batch;

/* A change that was noticed at n: by how much, and what half the size says of it. */
typedef struct augsi_cost_change {
    double n, residual;
    double predicted, sum; /* log seconds at half the size; residuals there */
    uint64_t began_at;     /* batches when it was noticed, */
    uint32_t n_run;        /* and how many it had lasted; */
    uint32_t n_seen;       /* batches of half the size since */
} augsi_cost_change;

/* What was known of the cost when nothing was left to learn; n_bins 0 = nothing. */
typedef struct augsi_known_cost {
    uint32_t n_bins;
    augsi_cost_bin bins[AUGSI_COST_BINS];
    uint64_t size;      /* the best, */
    double pace, noise; /* its seconds per sample, and their log's deviation */
} augsi_known_cost;

typedef struct augsi_adaptive {
    augsi_size_limits limits;
    uint64_t initial;
    double target_seconds, target_memory, growth, reduction;
    uint64_t limit_option, limit_facts, limit_seen; /* bytes; 0 = not known */

    augsi_cost_model cost;
    augsi_memory_bound memory;
    augsi_fit_bound fit;
    augsi_seen_batch recent[AUGSI_N_RECENT]; /* the last one first */
    uint64_t n_timed, changed_at;            /* batches; the last change after so many */
    double margin;                           /* to the target, in standard deviations */

    uint64_t full;  /* of the last span, of all ranks: see full_count */
    uint64_t size;  /* the best that is known */
    uint64_t trial; /* to be tried; 0 = nothing */
    uint64_t tried_most, tried_least;
    uint32_t trial_age; /* plans since it was chosen */
    uint32_t idle;      /* batches since the last one */
    uint64_t last_step; /* that was planned, */
    uint32_t lag;       /* and how many were planned after the one that was heard of last */
    bool learned;       /* steps keep growth and reduction; */
    bool learned_once;  /* up, they keep growth for ever */
    bool scanning_down;
    double best_rate;
    double allowance;      /* saved up for trials without a reason, in batches, */
    double allowance_back; /* and for those of what was best before a change */

    double sum_slower, sum_faster, sum_above; /* of residuals */
    uint32_t run_slower, run_faster;          /* batches since the sums were 0 */
    uint32_t n_implausible;                   /* in a row */
    bool outlier_last;
    bool checking; /* the trial is half the size, and more than once */
    augsi_cost_change change;
    double noise_before;                        /* the last change */
    augsi_known_cost known, past[AUGSI_N_PAST]; /* since the last change, and before */

    const char *why, *why_trial;
} augsi_adaptive;

void augsi_adaptive_see_memory(augsi_memory_bound *bound, double n, double bytes);
/* The nearest possible size, downwards where there is one, and the next one below or above. */
uint64_t augsi_adaptive_fit_size(const augsi_adaptive *self, double n);
uint64_t augsi_adaptive_neighbor(const augsi_adaptive *self, uint64_t size, bool above);
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
/* Whether a trial says that what was known before a change holds again: it is taken up. */
bool augsi_adaptive_check_return(augsi_adaptive *self, double n, double log_seconds);
/* The same for a trial above the size. */
void augsi_adaptive_watch_above(augsi_adaptive *self, double n, double log_seconds, double score);
/* After a change: sends half the size out, and hears of it. */
void augsi_adaptive_begin_check(augsi_adaptive *self);
void augsi_adaptive_continue_check(augsi_adaptive *self, double log_seconds);
/* Notes what is known now, after each batch; puts it aside, when the cost has changed. */
void augsi_adaptive_note(augsi_adaptive *self);
void augsi_adaptive_leave(augsi_adaptive *self);
/* Whether the last n batches, both those of half the size that changed and the others, go with what
 * was known before a change, or one of a size that was best. True: it is taken up again. */
bool augsi_adaptive_explain(augsi_adaptive *self, uint32_t n, double n_changed, double half);
bool augsi_adaptive_returned(augsi_adaptive *self, double n, double log_seconds);
/* A size that was the best one and would be it again, at a price in batches; 0 = none. */
uint64_t augsi_adaptive_past_size(const augsi_adaptive *self, double most, double allowance,
                                  double *ret_price);
/* After each fit. */
void augsi_adaptive_watch_fit(augsi_adaptive *self);

#endif
