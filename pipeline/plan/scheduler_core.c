/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/plan/scheduler_core.h"

#include <math.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/sized_struct.h"

/* ---- opened and freed ---- */

static int check_options(const augsi_scheduler *scheduler, const augsi_scheduler_options *options,
                         augs_error *error)
{
    const augs_plan_options *plan = augsi_plan_options_of(scheduler->plan);
    const bool fixed = augsi_plan_is_fixed(scheduler->plan);
    if (fixed && options->journal != NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "%s: the plan of strategy '%.200s' follows from its options and needs no "
                          "journal",
                          options->caller, plan->strategy);
    }
    if (!fixed && options->rank != AUGSI_ALL_RANKS && plan->world_size > 1 &&
        plan->strategy_ops == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "%s: strategy '%.200s' decides as it goes: %u ranks would decide "
                          "differently; replay one journal in all of them, or take a fixed "
                          "strategy, such as sequential",
                          options->caller, plan->strategy, plan->world_size);
    }
    return AUGS_OK;
}

static int open_plan(augsi_scheduler *scheduler, const augsi_scheduler_options *options,
                     const augs_allocator *allocator, augs_error *error)
{
    augs_plan_options plan = *options->plan;
    if (options->replay != NULL && options->journal != NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "%s: a replay decides nothing that a journal could take: give one of "
                          "both",
                          options->caller);
    }
    if (options->replay != NULL) {
        plan.strategy_ops = &augsi_strategy_replay;
        plan.strategy_options = NULL;
    }
    int status = augsi_plan_open(allocator, &plan, options->first_position, options->n_positions,
                                 options->sample_bytes, &scheduler->plan, error);
    return status < 0 ? status : check_options(scheduler, options, error);
}

/* What is replayed asks for no memory, and a fixed plan only for who wants to see it. */
static int open_monitor(augsi_scheduler *scheduler, const augsi_scheduler_options *options,
                        const augs_allocator *allocator, augs_error *error)
{
    const bool fixed = augsi_plan_is_fixed(scheduler->plan);
    if (options->monitor != NULL && (fixed || options->replay == NULL)) {
        scheduler->memory.monitor = options->monitor;
    } else if (options->opens_monitor && (fixed ? options->watches : options->replay == NULL)) {
        return augsi_memory_watch_open(&scheduler->memory, options->now_ns, options->now_user,
                                       allocator, error);
    }
    return AUGS_OK;
}

static int open_journal(augsi_scheduler *scheduler, const augsi_scheduler_options *options,
                        const augs_allocator *allocator, augs_error *error)
{
    const augs_plan_options *plan = augsi_plan_options_of(scheduler->plan);
    const bool replays = options->replay != NULL;
    const augsi_journal_head head = {
        .fingerprint = options->fingerprint,
        .strategy = plan->strategy,
        .world_size = plan->world_size,
        .first_position = options->first_position,
        .n_positions = options->n_positions,
    };
    if (augsi_plan_is_fixed(scheduler->plan) || (!replays && options->journal == NULL)) {
        return AUGS_OK;
    }
    /* what is learned from the journal is learned with figures */
    augsi_memory_look(&scheduler->memory, scheduler->plan);
    int status = augsi_journal_open(replays ? options->replay : options->journal, replays, &head,
                                    allocator, &scheduler->journal, error);
    return status < 0
               ? status
               : augsi_plan_use_journal(scheduler->plan, scheduler->journal, options->epoch, error);
}

int augsi_scheduler_init(augsi_scheduler *scheduler, const augsi_scheduler_options *options,
                         const augs_allocator *allocator, augs_error *error)
{
    scheduler->caller = options->caller;
    scheduler->make = options->make;
    scheduler->remembered = options->remembered;
    scheduler->user = options->user;
    scheduler->rank = options->rank;
    scheduler->epoch = options->epoch;
    augsi_span_check_init(&scheduler->check);
    int status = open_plan(scheduler, options, allocator, error);
    status = status < 0 ? status : open_monitor(scheduler, options, allocator, error);
    status = status < 0 ? status : open_journal(scheduler, options, allocator, error);
    if (status == AUGS_OK) {
        scheduler->out.scale = options->rank == AUGSI_ALL_RANKS
                                   ? augsi_plan_options_of(scheduler->plan)->world_size
                                   : 1;
    }
    return status;
}

void augsi_scheduler_done(augsi_scheduler *scheduler)
{
    augsi_plan_free(scheduler->plan);
    augsi_journal_free(scheduler->journal);
    augsi_memory_watch_done(&scheduler->memory);
}

/* ---- what comes next ---- */

uint64_t augsi_scheduler_n_samples(const augsi_scheduler *scheduler, const augsi_piece *piece)
{
    return augsi_groups_of(piece->slice.body.count + piece->slice.pad_count, scheduler->out.scale);
}

static void remember(augsi_scheduler *scheduler, const augsi_piece *piece, bool is_passed)
{
    const uint32_t epoch = scheduler->epoch;
    const bool any = scheduler->out.n_batches > 0;
    augsi_handed_out *batch = augsi_out_add(&scheduler->out, piece, epoch);
    batch->generation = scheduler->generation;
    batch->taken = augsi_plan_is_taken(scheduler->plan);
    batch->misfit = batch->retried = is_passed;
    scheduler->least_epoch = any && scheduler->least_epoch < epoch ? scheduler->least_epoch : epoch;
    scheduler->most_epoch = any && scheduler->most_epoch > epoch ? scheduler->most_epoch : epoch;
    if (scheduler->remembered != NULL) {
        scheduler->remembered(scheduler->user, batch, is_passed);
    }
}

/* Whether nothing comes after this piece, so far as is known. */
static bool is_last(const augsi_scheduler *scheduler)
{
    return scheduler->ended && !augsi_out_has_parts(&scheduler->out) &&
           !augsi_plan_has_later_retry(scheduler->plan);
}

/* A piece is handed out: 1; 0: it has nothing for the rank, or the journal has parts of it. */
static int hand_out(augsi_scheduler *scheduler, augsi_piece *piece, augs_error *error)
{
    int status = augsi_plan_is_retried_later(scheduler->plan, piece->step, piece->part, error);
    if (status < 0) {
        return status;
    }
    if (status > 0) {
        remember(scheduler, piece, true);
        return 0;
    }
    if (augsi_scheduler_n_samples(scheduler, piece) == 0) {
        return 0;
    }
    piece->slice.last = is_last(scheduler);
    status = scheduler->make(scheduler->user, piece, error);
    if (status < 0) {
        return status;
    }
    remember(scheduler, piece, false);
    return 1;
}

/* The next part of what is given again: 1, 0 if there is none, or negative. */
static int next_part(augsi_scheduler *scheduler, augs_error *error)
{
    augsi_piece piece;
    while (augsi_out_next_part(&scheduler->out, &piece)) {
        const int status = hand_out(scheduler, &piece, error);
        if (status < 0) {
            augsi_out_put_back(&scheduler->out, &piece);
        }
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

/* Takes up a retry that the journal has at this place: 1, 0, or negative. */
static int repeat_retry(augsi_scheduler *scheduler, augs_error *error)
{
    augsi_journal_entry entry;
    augsi_slice slice = {.body = {0, 1, 0}};
    int status = augsi_plan_next_retry(scheduler->plan, &entry, error);
    if (status <= 0) {
        return status;
    }
    status = augsi_plan_slice_again(scheduler->plan, entry.step, scheduler->rank, &slice, error);
    if (status < 0) {
        augsi_plan_put_retry_back(scheduler->plan);
        return status;
    }
    const augsi_range range = augsi_out_range_of(&scheduler->out, &entry, &slice);
    augsi_out_add_range(&scheduler->out, scheduler->epoch, &range); /* no other one waits */
    return 1;
}

/* A fixed plan can be asked for any step; walked from its start, its spans are checked together,
 * too. 1, 0 if the plan has no such step, or AUGS_E_PLAN. */
static int check_walk(augsi_scheduler *scheduler, uint64_t step, augs_error *error)
{
    if (!augsi_plan_is_fixed(scheduler->plan) || step != scheduler->n_checked) {
        return 1;
    }
    int status =
        augsi_plan_check_step(scheduler->plan, step, scheduler->rank, &scheduler->check, error);
    scheduler->n_checked += status > 0;
    return status;
}

/* Where the steps end there may be spans yet that were cut to nothing: a strategy of the caller's
 * own is checked to its end. */
static int check_rest(augsi_scheduler *scheduler, uint64_t step, augs_error *error)
{
    int status = 0;
    if (augsi_plan_options_of(scheduler->plan)->strategy_ops != NULL &&
        augsi_plan_is_fixed(scheduler->plan)) {
        while (scheduler->n_checked >= step &&
               (status = check_walk(scheduler, scheduler->n_checked, error)) > 0) {
        }
    }
    return status;
}

/* The next step: 1; 0 at the end; negative. *ret_passed: it was passed over, which is no end. */
static int next_step(augsi_scheduler *scheduler, bool *ret_passed, augs_error *error)
{
    augsi_plan *plan = scheduler->plan;
    scheduler->step = augsi_plan_next_step(plan, scheduler->step, scheduler->rank);
    augsi_piece piece = {.step = scheduler->step};
    int status = augsi_plan_slice(plan, piece.step, scheduler->rank, &piece.slice, error);
    if (status <= 0) {
        return status < 0 ? status : check_rest(scheduler, piece.step, error);
    }
    status = check_walk(scheduler, piece.step, error);
    if (status <= 0) {
        return status;
    }
    piece.high = augsi_scheduler_n_samples(scheduler, &piece);
    const bool ended = scheduler->ended;
    scheduler->ended = piece.slice.last;
    status = hand_out(scheduler, &piece, error);
    scheduler->ended = status < 0 ? ended : scheduler->ended;
    scheduler->step += status >= 0;
    *ret_passed = status == 0;
    return status;
}

int augsi_scheduler_next(augsi_scheduler *scheduler, augs_error *error)
{
    for (;;) {
        bool passed = false;
        int status = next_part(scheduler, error);
        if (status != 0) {
            return status;
        }
        status = repeat_retry(scheduler, error);
        if (status == 0) {
            status = next_step(scheduler, &passed, error);
            if (status != 0) {
                return status;
            }
            if (!passed) { /* the end, unless a batch was given again after it */
                status = repeat_retry(scheduler, error);
                if (status == 0) {
                    return 0;
                }
            }
        }
        if (status < 0) {
            return status;
        }
    }
}

void augsi_scheduler_take_back(augsi_scheduler *scheduler)
{
    augsi_handed_out *last = augsi_out_last(&scheduler->out);
    if (last->piece.part != 0) {
        augsi_out_put_back(&scheduler->out, &last->piece);
    } else {
        scheduler->step--;
    }
    augsi_out_forget_last(&scheduler->out);
}

/* ---- places ---- */

void augsi_scheduler_move(augsi_scheduler *scheduler, uint64_t step)
{
    scheduler->step = step;
    scheduler->out.n_ranges = 0;
    scheduler->ended = augsi_plan_is_over(scheduler->plan, step, scheduler->rank);
}

int augsi_scheduler_seek(augsi_scheduler *scheduler, uint64_t step, augs_error *error)
{
    augsi_plan *plan = scheduler->plan;
    int status = AUGS_OK;
    if (augsi_plan_is_fixed(plan)) {
        const uint64_t n_steps = augsi_plan_n_steps(plan), least = augsi_plan_base_step(plan);
        if (step > n_steps || step < least) {
            return augsi_fail(error, AUGS_E_RANGE, "%s: step %llu; the epoch has %llu%s",
                              scheduler->caller, (unsigned long long)step,
                              (unsigned long long)n_steps,
                              step < least ? ", and those before the batch size was changed are "
                                             "not known any more"
                                           : "");
        }
    } else {
        status = augsi_plan_go_to(plan, scheduler->epoch, step, 0, error);
    }
    if (status == AUGS_OK) {
        augsi_scheduler_move(scheduler, step);
    }
    return status;
}

void augsi_scheduler_check_from(augsi_scheduler *scheduler, uint64_t step, uint64_t position)
{
    augsi_span_check_init(&scheduler->check);
    scheduler->check.next = position;
    scheduler->n_checked = step;
}

void augsi_scheduler_set_epoch(augsi_scheduler *scheduler, uint32_t epoch)
{
    scheduler->epoch = epoch;
    augsi_plan_set_epoch(scheduler->plan, epoch);
    augsi_plan_forget_base(scheduler->plan);
    augsi_scheduler_check_from(scheduler, 0, 0);
    augsi_scheduler_move(scheduler, 0);
}

/* ---- feedback ---- */

/* Whether a batch that is not remembered is one that was handed out, and forgotten. */
static bool was_forgotten(const augsi_scheduler *scheduler, const augs_feedback *feedback)
{
    return scheduler->out.n_batches >= AUGS_FEEDBACK_BATCHES &&
           feedback->epoch >= scheduler->least_epoch && feedback->epoch <= scheduler->most_epoch &&
           (feedback->epoch != scheduler->epoch || feedback->step < scheduler->step);
}

int augsi_scheduler_hear(augsi_scheduler *scheduler, const augs_feedback *feedback,
                         augsi_handed_out **ret_batch, augs_feedback *ret_told, augs_error *error)
{
    int status = augsi_out_check_feedback(scheduler->caller, feedback, error);
    if (status < 0) {
        return status;
    }
    augsi_handed_out *batch =
        augsi_out_find(&scheduler->out, feedback->epoch, feedback->step, feedback->part);
    if (batch == NULL && was_forgotten(scheduler, feedback)) {
        return 0;
    }
    if (batch == NULL) {
        return augsi_out_fail_unknown(&scheduler->out, "feedback", feedback->step, feedback->part,
                                      error);
    }
    status = augsi_out_hear(batch, feedback, augsi_scheduler_n_samples(scheduler, &batch->piece),
                            ret_told, error);
    if (status > 0) {
        *ret_batch = batch;
    }
    return status;
}

/* Costs of batches from before the caller gave another size would lead away from it: of those the
 * strategy only hears that they did not fit. What earlier runs wrote into the journal it knows. */
static bool is_worth_telling(const augsi_scheduler *scheduler, const augsi_handed_out *batch,
                             const augs_feedback *feedback)
{
    const bool fine = feedback->outcome == AUGS_OUTCOME_FINE;
    return !(fine && batch->generation != scheduler->generation) &&
           !(batch->taken && augsi_plan_knows_cost(scheduler->plan, feedback));
}

void augsi_scheduler_tell(augsi_scheduler *scheduler, const augsi_handed_out *batch,
                          const augs_feedback *feedback)
{
    if (is_worth_telling(scheduler, batch, feedback)) {
        augsi_plan_observe(scheduler->plan, feedback);
    }
}

/* ---- batches that are given again ---- */

static augs_feedback misfit_of(const augsi_scheduler *scheduler, const augsi_handed_out *batch)
{
    return (augs_feedback){.size = sizeof(augs_feedback),
                           .epoch = batch->epoch,
                           .step = batch->piece.step,
                           .part = batch->piece.part,
                           .outcome = AUGS_OUTCOME_DID_NOT_FIT,
                           .n_samples = augsi_scheduler_n_samples(scheduler, &batch->piece),
                           .seconds = (double)NAN};
}

int augsi_scheduler_retry(augsi_scheduler *scheduler, uint64_t step, uint32_t part,
                          uint64_t most_samples, augsi_handed_out **ret_batch, augs_error *error)
{
    augsi_plan *plan = scheduler->plan;
    augsi_out *out = &scheduler->out;
    augsi_handed_out *batch = augsi_out_find(out, scheduler->epoch, step, part);
    if (batch == NULL || batch->epoch != scheduler->epoch) {
        return augsi_out_fail_unknown(out, "retry", step, part, error);
    }
    const int behind = augsi_plan_is_behind(plan, error);
    if (behind < 0) {
        return behind;
    }
    augsi_range range;
    const uint64_t unit = augsi_plan_options_of(plan)->strategy_options->multiple_of;
    int status =
        augsi_out_split(out, "retry", batch, most_samples, unit, behind > 0, &range, error);
    if (status < 0) {
        return status;
    }
    const bool is_news = !batch->misfit;
    const augs_feedback misfit = misfit_of(scheduler, batch);
    augsi_journal_entry entry = augsi_out_entry(&range, scheduler->epoch, batch->piece.part);
    if (is_news && is_worth_telling(scheduler, batch, &misfit)) {
        entry.feedback = misfit;
    }
    status = augsi_plan_retry(plan, &entry, behind > 0, error);
    if (status < 0) {
        return status;
    }
    batch->told = batch->misfit = batch->retried = true;
    augsi_out_add_range(out, scheduler->epoch, &range); /* there is space: it was asked for */
    *ret_batch = batch;
    return is_news;
}
