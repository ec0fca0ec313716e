/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan of an epoch: (step) -> span of the global batch -> slice of one rank. It owns the
 * strategy, gives it its facts, and checks every span it answers with. Pipeline, server and
 * subscriber walk the same one.
 */
#ifndef AUGSI_PLAN_H
#define AUGSI_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include <augstream/alloc.h>
#include <augstream/pipeline.h>
#include <augstream/stream.h>

#include "pipeline/plan/journal.h"
#include "pipeline/plan/span_check.h"
#include "pipeline/plan/token.h"

typedef struct augsi_plan augsi_plan;

/* One rank's part of a step: body positions, then padding: the first positions of the window once
 * more. body.count + pad_count samples in all. */
typedef struct augsi_slice {
    augs_span body;      /* count may be 0 (tail `uneven`) */
    uint64_t pad_first;  /* position of the first padding sample */
    uint64_t pad_stride; /* from one to the next, */
    uint64_t pad_count;
    uint64_t window_first, window_n; /* which goes round in this window */
    bool last;                       /* no later step of the epoch has samples for this rank */
} augsi_slice;

/* The next run of padding positions that are in the window without going round: from padding sample
 * `done` on. */
augs_span augsi_slice_padding(const augsi_slice *slice, uint64_t done);

/*
 * n_samples positions of the window that starts at first_position (AUGS_ENDLESS for an endless
 * one); padding repeats the window's first ones. options may be NULL: the defaults.
 * Checks them, AUGS_E_ARGUMENT, AUGS_E_NOT_FOUND, AUGS_E_RANGE, and copies them.
 */
int augsi_plan_open(const augs_allocator *allocator, const augs_plan_options *options,
                    uint64_t first_position, uint64_t n_samples, uint64_t sample_bytes,
                    augsi_plan **ret_plan, augs_error *error);
void augsi_plan_free(augsi_plan *plan);

const augs_plan_options *augsi_plan_options_of(const augsi_plan *plan);
uint64_t augsi_plan_first_position(const augsi_plan *plan); /* of the window, in the stream */
uint64_t augsi_plan_n_samples(const augsi_plan *plan);      /* of the window; AUGS_ENDLESS */
/* true: any step can be asked for in O(1), from any thread at once. */
bool augsi_plan_is_fixed(const augsi_plan *plan);
/*
 * Steps of an epoch for a fixed plan, of the rank with the most; UINT64_MAX: endless; 0: not known.
 * Spans at the end that tail `drop` cuts to nothing are no steps.
 */
uint64_t augsi_plan_n_steps(const augsi_plan *plan);
/* The first step from `step` on that has samples for the rank; n_steps if there is none. At once
 * for shipped fixed strategies; `step` itself for all others. */
uint64_t augsi_plan_next_step(const augsi_plan *plan, uint64_t step, uint32_t rank);

/* Instead of a rank: all of them together, in the order of the span. Not with rank_layout block. */
#define AUGSI_ALL_RANKS UINT32_MAX

/*
 * The slice of `rank` at `step`: 1, or 0 if the epoch has no such step, or negative. A step may
 * have no samples for a rank (tail `uneven`) or, before the end of the epoch, for any (tail
 * `drop`). A plan that is not fixed plans steps in order (step == number planned) or repeats the
 * one planned last; it knows the last step only when no position is left.
 */
int augsi_plan_slice(augsi_plan *plan, uint64_t step, uint32_t rank, augsi_slice *ret_slice,
                     augs_error *error);
/* Samples of a rank in the largest batch of a fixed plan of a shipped strategy, whichever rank has
 * it; 0: another plan. */
uint64_t augsi_plan_most_samples(const augsi_plan *plan);
/* Records of a fixed plan of a shipped strategy for one rank, in the order of its batches, padding
 * counted: how many the steps before `step` have, and which step has number `record`. */
uint64_t augsi_plan_records_before(const augsi_plan *plan, uint64_t step);
uint64_t augsi_plan_step_of_record(const augsi_plan *plan, uint64_t record);
/* Where a step of a fixed plan starts, as tokens tell it, the same for all ranks: its span's first
 * position, with block shards that of rank 0. Where there is no such step: the end of what the plan
 * covers. */
uint64_t augsi_plan_position(augsi_plan *plan, uint64_t step);
/* What a token has to say of a step beside its position: how the positions before it were used. */
augsi_token_place augsi_plan_place(augsi_plan *plan, uint64_t step);
/*
 * For whoever walks a fixed plan from step 0 on: adds the span of `step`, as `rank` sees it, to a
 * check, or, where the plan ends, looks whether anything is missing. 1, 0 at the end, AUGS_E_PLAN.
 */
int augsi_plan_check_step(augsi_plan *plan, uint64_t step, uint32_t rank, augsi_span_check *check,
                          augs_error *error);
/* Tells the strategy, and the journal unless it knows already. The feedback names its step. */
void augsi_plan_observe(augsi_plan *plan, const augs_feedback *feedback);
/* What memory there is, for the facts; 0 = not known. */
void augsi_plan_set_memory(augsi_plan *plan, uint64_t limit_bytes, uint64_t used_bytes,
                           uint64_t available_bytes);
/* Why the span planned last has its size, one word. */
const char *augsi_plan_why(const augsi_plan *plan);
/* Back to step 0 of an epoch, which may be the present one. */
void augsi_plan_set_epoch(augsi_plan *plan, uint32_t epoch);

/*
 * For plans that decide as they go: the steps that the journal has are taken from it, later ones
 * are decided, and appended unless it was opened to read only. What it tells of earlier runs is
 * learned at once. Before the first step; the journal is borrowed. AUGS_E_CORRUPT, AUGS_E_IO.
 */
int augsi_plan_use_journal(augsi_plan *plan, augsi_journal *journal, uint32_t epoch,
                           augs_error *error);
/* Decides nothing itself: for a plan that is taken from a journal alone. */
extern const augs_strategy_ops augsi_strategy_replay;
/*
 * Makes `step` of an epoch the next one or, in the present epoch, the last one again. `position` is
 * where a token says that it starts; 0: it does not say. AUGS_E_TOKEN: it starts elsewhere.
 * AUGS_E_STATE, AUGS_E_RANGE: it is neither planned nor in the journal. AUGS_E_CORRUPT, AUGS_E_IO,
 * AUGS_E_NO_MEMORY. After a failure the plan is where it was.
 */
int augsi_plan_go_to(augsi_plan *plan, uint32_t epoch, uint64_t step, uint64_t position,
                     augs_error *error);
/* Where the span of the next step or of the last one starts in the stream; 0: not known, it is
 * another step or one in the middle of a round. */
uint64_t augsi_plan_decided_position(const augsi_plan *plan, uint64_t step);

/*
 * Batches that did not fit and were given again, as the journal has them; plans that are fixed have
 * none. The next entry, if it is a retry that is still to be done: 1, 0, or negative.
 */
int augsi_plan_next_retry(augsi_plan *plan, augsi_journal_entry *ret_entry, augs_error *error);
/* 1: the journal has parts in the place of this one further on. Negative: it cannot be read. */
int augsi_plan_is_retried_later(augsi_plan *plan, uint64_t step, uint32_t part, augs_error *error);
/* After that: whether there is any. */
bool augsi_plan_has_later_retry(const augsi_plan *plan);
/* Whether a retry will not be written down: there is a journal, but it has more, or it is read. A
 * run that has no journal is not behind. Negative: it cannot be read. */
int augsi_plan_is_behind(augsi_plan *plan, augs_error *error);
/*
 * Takes a retry, and the feedback that the entry has unless its size is 0: the strategy hears it,
 * and the journal gets both unless the retry is behind. AUGS_E_NO_SPACE, AUGS_E_IO, AUGS_E_CORRUPT:
 * the journal cannot be written, and nothing changed.
 */
int augsi_plan_retry(augsi_plan *plan, const augsi_journal_entry *entry, bool is_behind,
                     augs_error *error);
/* How many retries of the epoch the run has passed or knows from its token; after a seek, how many
 * the token knew of. */
uint64_t augsi_plan_n_retries(const augsi_plan *plan);
void augsi_plan_know_retries(augsi_plan *plan, uint64_t n);
/* The slice of a step that the journal gives again. AUGS_E_CORRUPT: it is none of the last ones. */
int augsi_plan_slice_again(augsi_plan *plan, uint64_t step, uint32_t rank, augsi_slice *ret_slice,
                           augs_error *error);
/* Whether the feedback of a batch that was taken from the journal was in it and is learned. */
bool augsi_plan_knows_cost(const augsi_plan *plan, const augs_feedback *feedback);
/* The retry that was taken up last is the next entry again. */
void augsi_plan_put_retry_back(augsi_plan *plan);
/* Whether neither `step`, which is the next one, nor a later one has samples for the rank. */
bool augsi_plan_is_over(augsi_plan *plan, uint64_t step, uint32_t rank);
/* Whether the step planned last was taken from the journal. */
bool augsi_plan_is_taken(const augsi_plan *plan);

/*
 * Batches of another size from `step`, at `position` of the window, on. sequential over interleaved
 * shards keeps what came before; one that decides as it goes (for it step and position are those
 * planned) starts again with that size. AUGS_E_UNSUPPORTED for others, AUGS_E_ARGUMENT if min, max
 * or multiple_of are in the way, AUGS_E_STATE if the journal has the step; the plan is unchanged
 * then.
 */
int augsi_plan_set_batch_size(augsi_plan *plan, uint64_t batch_size, uint64_t step,
                              uint64_t position, augs_error *error);
/*
 * Goes on at `step`, which starts at `position` of the stream, as a token says: 0. A plan that does
 * not have that step there is computed again from the position, or from the start of the window that
 * the position is in the middle of: 1. `what` begins messages.
 * AUGS_E_TOKEN: no plan of these options has such a place; the plan is unchanged then.
 */
int augsi_plan_go_on(augsi_plan *plan, uint64_t step, uint64_t position,
                     const augsi_token_place *place, const char *what, augs_error *error);
/* The first step with the present size, or of the plan from a token's position on, and where in the
 * stream it begins. */
uint64_t augsi_plan_base_step(const augsi_plan *plan);
uint64_t augsi_plan_base_position(const augsi_plan *plan);
/* Positions of the window that no rank gets, left out by last_batch or tail. A plan that goes on
 * from a position, after another batch size or a token, counts from there. Of a plan that decides
 * as it goes: once its end is known, 0 before. */
uint64_t augsi_plan_n_left_out(augsi_plan *plan);
/* Words for messages; "?" beyond. */
const char *augsi_last_batch_name(uint32_t last_batch);
/* The present size holds from step 0 on. */
void augsi_plan_forget_base(augsi_plan *plan);

#endif
