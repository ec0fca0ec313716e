/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What drives a strategy. It asks the plan for one step after the other and hands out what a step
 * has for one rank, or for all ranks together. It hears what that cost, and gives again what did
 * not fit. A pipeline owns one for its rank, and augs_scheduler is one for all ranks.
 *
 * A step or a part that was handed out:
 *
 *     next ----> handed out ---- it is fine ---------> told
 *                  |     |
 *                  |     +------ it did not fit -----> misfit
 *                  |                                     |
 *                  +------------- retry <----------------+
 *                                   |
 *                                   v
 *                                retried: its samples wait as parts, and `next` hands those out
 *
 * `next` takes the first of these that there is:
 *
 *     1. a part that waits, of the batch that was given again first;
 *     2. a retry that the journal has at this place: its parts wait now, so 1 again;
 *     3. the plan's next step. If it has nothing for the rank, or the journal has its parts further
 *        on, it is passed over: 1 again;
 *     4. at the end of the plan: a retry that the journal has behind it, so 1 again; or the end.
 */
#ifndef AUGSI_SCHEDULER_CORE_H
#define AUGSI_SCHEDULER_CORE_H

#include <augstream/plan.h>

#include "pipeline/plan/handed_out.h"
#include "pipeline/plan/memory_watch.h"

typedef struct augsi_scheduler_options {
    const char *caller; /* for messages: "pipeline" */
    const augs_plan_options *plan;
    uint32_t rank; /* AUGSI_ALL_RANKS: all together */
    uint32_t epoch;
    uint64_t first_position, n_positions, sample_bytes;
    const char *fingerprint;
    const char *journal, *replay;
    augs_memory_monitor *monitor;
    bool opens_monitor; /* one of its own if none is given and something is decided */
    bool watches;       /* or if nothing is decided: its figures are to be known */
    uint64_t (*now_ns)(void *user);
    void *now_user;
    /* Makes what is handed out. After a failure the piece is the next one again. */
    int (*make)(void *user, const augsi_piece *piece, augs_error *error);
    /* The batch is remembered: it was made, or is_passed, since the journal has parts of it. In its
     * slot of `out` it takes the place of an older one. NULL: nobody wants to know. */
    void (*remembered)(void *user, augsi_handed_out *batch, bool is_passed);
    void *user;
} augsi_scheduler_options;

typedef struct augsi_scheduler {
    augsi_plan *plan;
    augsi_journal *journal; /* NULL: none */
    augsi_memory_watch memory;
    const char *caller;
    int (*make)(void *user, const augsi_piece *piece, augs_error *error);
    void (*remembered)(void *user, augsi_handed_out *batch, bool is_passed);
    void *user;
    uint32_t rank;
    uint32_t epoch;
    uint64_t step;                    /* the next one */
    bool ended;                       /* no later step has samples for the rank */
    uint32_t generation;              /* batch sizes that the caller gave */
    uint32_t least_epoch, most_epoch; /* of all that was handed out */
    augsi_span_check check;           /* of a fixed plan that is walked from its start */
    uint64_t n_checked;
    augsi_out out; /* what was handed out, and what is given again */
} augsi_scheduler;

/* `scheduler` is zeroed memory; done may be called after a failure as well. */
int augsi_scheduler_init(augsi_scheduler *scheduler, const augsi_scheduler_options *options,
                         const augs_allocator *allocator, augs_error *error);
void augsi_scheduler_done(augsi_scheduler *scheduler);

/* Hands out what comes next: 1, 0 at the end, or negative. After a failure it comes again. */
int augsi_scheduler_next(augsi_scheduler *scheduler, augs_error *error);
/* What was handed out last comes again. */
void augsi_scheduler_take_back(augsi_scheduler *scheduler);

/* Makes `step` the next one, where the plan is already. Parts that wait are dropped. */
void augsi_scheduler_move(augsi_scheduler *scheduler, uint64_t step);
/* The same, and brings the plan there: AUGS_E_RANGE, and what augsi_plan_go_to answers. */
int augsi_scheduler_seek(augsi_scheduler *scheduler, uint64_t step, augs_error *error);
/* To step 0 of an epoch, with the plan that was opened. */
void augsi_scheduler_set_epoch(augsi_scheduler *scheduler, uint32_t epoch);
/* A fixed plan is checked anew from a step on, which starts at a position of the window. */
void augsi_scheduler_check_from(augsi_scheduler *scheduler, uint64_t step, uint64_t position);

/*
 * Finds the batch that the feedback is of. 1: it is news, and *ret_told names batch and samples. 0:
 * it was heard before, or its batch was forgotten. AUGS_E_ARGUMENT, AUGS_E_STATE, AUGS_E_RANGE.
 */
int augsi_scheduler_hear(augsi_scheduler *scheduler, const augs_feedback *feedback,
                         augsi_handed_out **ret_batch, augs_feedback *ret_told, augs_error *error);
/* Tells the strategy what a batch cost. */
void augsi_scheduler_tell(augsi_scheduler *scheduler, const augsi_handed_out *batch,
                          const augs_feedback *feedback);
/*
 * Gives a batch again, as augs_pipeline_retry, and tells the strategy that it did not fit. 1: that
 * is news, *ret_batch; 0: it was told before. After a failure nothing has changed.
 */
int augsi_scheduler_retry(augsi_scheduler *scheduler, uint64_t step, uint32_t part,
                          uint64_t most_samples, augsi_handed_out **ret_batch, augs_error *error);
/* Samples of a batch, of the rank with the most. */
uint64_t augsi_scheduler_n_samples(const augsi_scheduler *scheduler, const augsi_piece *piece);

#endif
