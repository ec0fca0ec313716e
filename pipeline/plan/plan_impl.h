/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a plan. Each of these files uses those before it:
 *
 *     plan_strategy.c   asks the strategy and checks its answers
 *     plan_walk.c       walks plans that decide as they go, and their journal
 *     plan_slices.c     deals spans to ranks
 *     plan.c            opens plans, and goes on from places of other plans
 */
#ifndef AUGSI_PLAN_IMPL_H
#define AUGSI_PLAN_IMPL_H

#include "pipeline/plan/plan.h"
#include "strategies/shipped_strategies.h"

/*
 * How many steps and retries a journal has at most between a batch and its own retry: the batches
 * that are handed out meanwhile, and the retries of these and of those that were under way before;
 * AUGS_MOST_RETRIES of them may have been waiting when the batch was handed out.
 */
#define AUGSI_MOST_LATER (UINT64_C(4) * AUGS_FEEDBACK_BATCHES)

/* A step may be given again, and its parts, and theirs, each so many batches after the other. */
#define AUGSI_RECENT_SPANS (UINT64_C(12) * AUGS_FEEDBACK_BATCHES)

/* A span that was planned, and what fills it up. */
typedef struct augsi_recent_span {
    augs_span span;
    uint64_t n_filled;
} augsi_recent_span;

/* A retry that the journal has further on. */
typedef struct augsi_later_retry {
    uint64_t number; /* among the epoch's */
    uint64_t step;
    uint32_t part;
} augsi_later_retry;

/* What earlier runs were told, of the last steps that the journal has. */
typedef struct augsi_learned {
    uint64_t n_steps, n_told; /* ever */
    struct {
        uint64_t step;
        uint32_t epoch;
    } steps[AUGS_FEEDBACK_BATCHES];
    struct {
        uint64_t step;
        uint32_t epoch, part;
    } told[2 * AUGS_FEEDBACK_BATCHES];
} augsi_learned;

/* Where a plan that decides as it goes is in its epoch. */
typedef struct augsi_walk {
    uint64_t n_planned;     /* steps planned so far, */
    augs_span last;         /* the last of them, */
    uint64_t last_filled;   /* positions that fill it up, */
    augsi_span_check check; /* what they cover, */
    uint64_t n_cut;         /* and what tail `drop` cut off them */
    char why[AUGS_WHY_BYTES];
    bool end_noted;     /* the journal has the epoch's end */
    bool taken;         /* the step planned last is the journal's */
    bool decided;       /* a step was decided and could not be written down: */
    augs_span decision; /* it is the next one */
    uint64_t decision_filled;
    /* retries in the journal: */
    uint64_t n_retries;       /* of the epoch, that the run has passed, */
    uint64_t n_retries_known; /* and those that its token knew of */
    augsi_journal *ahead;     /* reads ahead; NULL = not yet, or at the end, */
    bool ahead_ended;
    uint64_t n_walked, n_ahead; /* steps and retries of the epoch that were walked and read, */
    uint64_t n_ahead_retries;   /* retries that were read, */
    augsi_later_retry later[AUGSI_MOST_LATER]; /* and those that are still to come, as a ring */
    uint32_t first_later, n_later;
    augsi_recent_span recent[AUGSI_RECENT_SPANS]; /* by step */
} augsi_walk;

struct augsi_plan {
    augs_allocator allocator;
    augs_plan_options options;
    augs_strategy_options strategy_options;
    const augs_strategy_ops *ops;     /* a shipped one, or &ops_copy */
    augs_strategy_ops ops_copy;       /* of a strategy of the caller's own */
    augsi_layout_function *layout_of; /* of a shipped fixed strategy, else NULL */
    bool of_caller;                   /* they are not the library's */
    void *state;
    uint64_t first_position, n_samples, sample_bytes;
    uint64_t base_step, base_position; /* from where on the strategy plans; 0, 0 as a rule */
    /* fixed plans */
    uint64_t n_steps;
    /* others */
    augsi_walk *walk; /* NULL: fixed */
    uint64_t memory_limit_bytes, memory_used_bytes, memory_available_bytes;
    augsi_journal *journal; /* NULL: none; not owned */
    uint32_t epoch;
    augsi_learned learned;
};

/* The part of the window that is planned, seen from a rank: all of it, or its block. */
typedef struct augsi_lane {
    uint64_t start;     /* in the window */
    uint64_t n_owned;   /* positions of its own */
    uint64_t n_planned; /* with padding, or cut */
    uint32_t world_size;
} augsi_lane;

/* ---- plan_strategy.c ---- */

augsi_lane augsi_plan_lane(const augsi_plan *plan, uint32_t rank);
int augsi_plan_init_strategy(augsi_plan *plan, augs_error *error);
void augsi_plan_done_strategy(augsi_plan *plan);
/* augsi_plan_set_batch_size, but the journal does not get it. */
int augsi_plan_take_batch_size(augsi_plan *plan, uint64_t batch_size, uint64_t step,
                               uint64_t position, augs_error *error);
int augsi_plan_check_span(const augsi_plan *plan, const augsi_lane *lane, uint64_t step,
                          const augs_span *span, augs_error *error);
int augsi_plan_ask(const augsi_plan *plan, const augsi_lane *lane, uint64_t step,
                   augs_span *ret_span, augs_error *error);
/* The least count of a span that has a sample for the rank after the tail was cut. */
uint64_t augsi_plan_least_count(const augsi_plan *plan, uint32_t rank);
/* The whole plan of a lane from base_step on; false: its strategy has no layout, or refuses. */
bool augsi_plan_layout(const augsi_plan *plan, const augsi_lane *lane, augsi_layout *ret_layout);
/* How many positions fill up a span that the strategy has just answered with. */
uint64_t augsi_plan_ask_filled(const augsi_plan *plan, const augsi_lane *lane, uint64_t step,
                               const augs_span *span);
/* n_steps without the steps at its end whose spans have less than `least` positions. */
uint64_t augsi_plan_without_short_end(const augsi_plan *plan, const augsi_lane *lane,
                                      uint64_t n_steps, uint64_t least);
/* The first step of a fixed plan, as that lane has it, that does not exist. */
int augsi_plan_find_end(const augsi_plan *plan, const augsi_lane *lane, uint64_t *ret_n_steps,
                        augs_error *error);
/* Sets n_steps of a fixed plan. */
int augsi_plan_count_steps(augsi_plan *plan, augs_error *error);
/* At the end of a plan nothing may be missing, but for what last_batch leaves out there: 0. */
int augsi_plan_check_end(const augsi_plan *plan, const augsi_lane *lane,
                         const augsi_span_check *check, uint64_t step, augs_error *error);

/* ---- plan_walk.c ---- */

/* The walk of a plan that decides, at its start. */
int augsi_plan_open_walk(augsi_plan *plan, augs_error *error);
void augsi_plan_free_walk(augsi_plan *plan);
/* Whether the journal has the step, which is the next one or the last one again: 1, 0, negative. */
int augsi_plan_is_recorded(augsi_plan *plan, uint64_t step, augs_error *error);
/* The step planned last, of a shipped strategy for one rank without a journal, is planned anew. */
void augsi_plan_take_back_step(augsi_plan *plan);
/* The span of the next step or of the last one again. */
int augsi_plan_next_span(augsi_plan *plan, uint64_t step, augs_span *ret_span, augs_error *error);

#endif
