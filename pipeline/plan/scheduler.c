/* SPDX-License-Identifier: Apache-2.0 */
#include <augstream/scheduler.h>

#include <string.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/sized_struct.h"
#include "pipeline/plan/decisions.h"
#include "pipeline/plan/handed_out.h"

struct augs_scheduler {
    augs_allocator allocator;
    augsi_decisions decisions;
    uint32_t world_size;
    uint64_t step; /* the next one */
    uint32_t epoch;
    uint64_t n_padded;      /* of all ranks, behind the last span */
    augsi_span_check check; /* of a fixed plan that is walked from its start */
    uint64_t n_checked;
    augsi_out out; /* spans, and those that are given again */
};

/* Takes both structs; the result's plan is *ret_plan. */
static int take_options(const augs_scheduler_options *given, augs_scheduler_options *ret_options,
                        augs_plan_options *ret_plan, augs_error *error)
{
    int status = AUGSI_TAKE(augs_scheduler_options, given, ret_options, error);
    if (status == AUGS_OK) {
        status = AUGSI_TAKE(augs_plan_options, ret_options->plan, ret_plan, error);
        ret_options->plan = ret_plan;
    }
    return status;
}

static int check_options(const augs_scheduler_options *options, augs_error *error)
{
    if (options->plan->rank_layout != AUGS_RANK_LAYOUT_INTERLEAVED) {
        return augsi_fail(
            error, AUGS_E_ARGUMENT,
            "scheduler: its spans are of all ranks together; rank_layout block has none");
    }
    if (options->fingerprint != NULL) {
        const size_t n = strlen(options->fingerprint);
        if (n == 0 || n > 63 || strspn(options->fingerprint, "0123456789abcdef") != n) {
            return augsi_fail(error, AUGS_E_ARGUMENT,
                              "scheduler: fingerprint '%.70s'; accepted: 1 to 63 of 0-9 a-f",
                              options->fingerprint);
        }
    }
    return AUGS_OK;
}

int augs_scheduler_open(const augs_scheduler_options *options, augs_scheduler **ret_scheduler,
                        augs_error *error)
{
    augs_allocator allocator;
    augs_scheduler_options taken;
    augs_plan_options plan;
    if (options == NULL || ret_scheduler == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "scheduler: options and ret_scheduler are required");
    }
    int status = take_options(options, &taken, &plan, error);
    options = &taken;
    status = status < 0 ? status : check_options(options, error);
    status = status < 0 ? status : augsi_allocator_copy(options->allocator, &allocator, error);
    if (status < 0) {
        return status;
    }
    augs_scheduler *scheduler = augsi_new(&allocator, sizeof *scheduler);
    if (scheduler == NULL) {
        return augsi_fail_memory(error, sizeof *scheduler);
    }
    scheduler->allocator = allocator;
    const augsi_decisions_options decisions = {
        .caller = "scheduler",
        .plan = &plan,
        .n_positions = options->n_samples,
        .sample_bytes = options->sample_bytes,
        .fingerprint = options->fingerprint != NULL ? options->fingerprint : "0",
        .epoch = options->epoch,
        .journal = options->journal,
        .replay = options->replay,
        .monitor = options->monitor,
    };
    status = augsi_decisions_init(&scheduler->decisions, &decisions, &scheduler->allocator, error);
    if (status < 0) {
        augs_scheduler_free(scheduler);
        return status;
    }
    scheduler->world_size = augsi_plan_options_of(scheduler->decisions.plan)->world_size;
    scheduler->out.scale = scheduler->world_size;
    scheduler->epoch = options->epoch;
    augsi_span_check_init(&scheduler->check);
    *ret_scheduler = scheduler;
    return AUGS_OK;
}

void augs_scheduler_free(augs_scheduler *scheduler)
{
    if (scheduler != NULL) {
        augs_allocator allocator = scheduler->allocator;
        augsi_decisions_done(&scheduler->decisions);
        augsi_delete(&allocator, scheduler, sizeof *scheduler);
    }
}

/* A span leaves, unless the journal has parts in its place: 1, 0, or negative. */
static int hand_out(augs_scheduler *scheduler, const augsi_piece *piece, augs_span *ret_span,
                    augs_error *error)
{
    augsi_plan *plan = scheduler->decisions.plan;
    const int status = augsi_plan_is_retried_later(plan, piece->step, piece->part, error);
    if (status < 0) {
        return status;
    }
    augsi_handed_out *out = augsi_out_add(&scheduler->out, piece, scheduler->epoch);
    out->taken = augsi_plan_is_taken(plan);
    out->misfit = out->retried = status > 0;
    if (status == 0) {
        *ret_span = piece->slice.body;
        scheduler->n_padded = piece->slice.pad_count;
    }
    return status == 0;
}

static int next_part(augs_scheduler *scheduler, augs_span *ret_span, augs_error *error)
{
    augsi_piece piece;
    while (augsi_out_next_part(&scheduler->out, &piece)) {
        const int status = hand_out(scheduler, &piece, ret_span, error);
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
static int repeat_retry(augs_scheduler *scheduler, augs_error *error)
{
    augsi_journal_entry entry;
    augsi_slice whole = {.body = {0, 1, 0}};
    augsi_plan *plan = scheduler->decisions.plan;
    int status = augsi_plan_next_retry(plan, &entry, error);
    if (status <= 0) {
        return status;
    }
    status = augsi_plan_whole_again(plan, entry.step, &whole, error);
    if (status < 0) {
        return status;
    }
    const augsi_range range = augsi_out_range_of(&scheduler->out, &entry, &whole);
    augsi_out_add_range(&scheduler->out, scheduler->epoch, &range);
    return 1;
}

static int next_step(augs_scheduler *scheduler, augs_span *ret_span, bool *ret_again,
                     augs_error *error)
{
    augsi_plan *plan = scheduler->decisions.plan;
    scheduler->step = augsi_plan_is_fixed(plan) ? augsi_plan_next_step(plan, scheduler->step, 0)
                                                : scheduler->step;
    augsi_piece piece = {.step = scheduler->step};
    int status = 1;
    if (augsi_plan_is_fixed(plan) && scheduler->step == scheduler->n_checked) {
        status = augsi_plan_check_step(plan, scheduler->step, 0, &scheduler->check, error);
    }
    if (status > 0) {
        status = augsi_plan_whole(plan, scheduler->step, &piece.slice, error);
    }
    if (status <= 0) {
        return status;
    }
    piece.high =
        augsi_groups_of(piece.slice.body.count + piece.slice.pad_count, scheduler->world_size);
    /* a span that tail `drop` cuts to nothing is passed over */
    status = piece.high > 0 ? hand_out(scheduler, &piece, ret_span, error) : 0;
    if (status >= 0) {
        scheduler->n_checked += scheduler->step == scheduler->n_checked;
        scheduler->step++;
    }
    *ret_again = status == 0;
    return status;
}

int augs_scheduler_next(augs_scheduler *scheduler, augs_span *ret_span, augs_error *error)
{
    if (scheduler == NULL || ret_span == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "scheduler: scheduler and ret_span are required");
    }
    augsi_decisions_look(&scheduler->decisions);
    for (;;) {
        bool again = false;
        int status = next_part(scheduler, ret_span, error);
        if (status != 0) {
            return status;
        }
        status = repeat_retry(scheduler, error);
        if (status == 0) {
            status = next_step(scheduler, ret_span, &again, error);
            if (status != 0) {
                return status;
            }
            if (!again) { /* the end, unless a span was given again after it */
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

uint32_t augs_scheduler_part(const augs_scheduler *scheduler)
{
    if (scheduler == NULL || scheduler->out.n_batches == 0) {
        return 0;
    }
    return scheduler->out.batches[(scheduler->out.n_batches - 1) % AUGS_FEEDBACK_BATCHES]
        .piece.part;
}

uint64_t augs_scheduler_last_step(const augs_scheduler *scheduler)
{
    if (scheduler == NULL || scheduler->out.n_batches == 0) {
        return 0;
    }
    return scheduler->out.batches[(scheduler->out.n_batches - 1) % AUGS_FEEDBACK_BATCHES]
        .piece.step;
}

uint64_t augs_scheduler_n_padded(const augs_scheduler *scheduler)
{
    return scheduler != NULL ? scheduler->n_padded : 0;
}

uint64_t augs_scheduler_n_left_out(const augs_scheduler *scheduler)
{
    return scheduler != NULL ? augsi_plan_n_left_out(scheduler->decisions.plan) : 0;
}

uint64_t augs_scheduler_step(const augs_scheduler *scheduler)
{
    return scheduler != NULL ? scheduler->step : 0;
}

const char *augs_scheduler_why(const augs_scheduler *scheduler)
{
    return scheduler != NULL ? augsi_plan_why(scheduler->decisions.plan) : "";
}

int augs_scheduler_seek(augs_scheduler *scheduler, uint64_t step, augs_error *error)
{
    if (scheduler == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "scheduler: scheduler is required");
    }
    augsi_plan *plan = scheduler->decisions.plan;
    int status = AUGS_OK;
    if (!augsi_plan_is_fixed(plan)) {
        status = augsi_plan_go_to(plan, scheduler->epoch, step, 0, error);
    } else if (step > augsi_plan_n_steps(plan)) {
        status = augsi_fail(error, AUGS_E_RANGE, "scheduler: step %llu; the epoch has %llu",
                            (unsigned long long)step, (unsigned long long)augsi_plan_n_steps(plan));
    }
    if (status == AUGS_OK) {
        scheduler->step = step;
        scheduler->out.n_ranges = 0;
    }
    return status;
}

/* Of a span that is not remembered: one that was forgotten, or one that never was. */
static int pass_over(const augs_scheduler *scheduler, const augs_feedback *feedback,
                     augs_error *error)
{
    if (scheduler->out.n_batches >= AUGS_FEEDBACK_BATCHES && feedback->epoch == scheduler->epoch &&
        feedback->step < scheduler->step) {
        return AUGS_OK;
    }
    return augsi_out_fail_unknown(&scheduler->out, "feedback", feedback->step, feedback->part,
                                  error);
}

int augs_scheduler_observe(augs_scheduler *scheduler, const augs_feedback *feedback,
                           augs_error *error)
{
    if (scheduler == NULL || feedback == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "scheduler: scheduler and feedback are required");
    }
    augs_feedback taken;
    int status = AUGSI_TAKE(augs_feedback, feedback, &taken, error);
    if (status < 0) {
        return status;
    }
    feedback = &taken;
    status = augsi_out_check_feedback("scheduler", feedback, error);
    if (status < 0) {
        return status;
    }
    augsi_handed_out *batch =
        augsi_out_find(&scheduler->out, feedback->epoch, feedback->step, feedback->part);
    if (batch == NULL) {
        return pass_over(scheduler, feedback, error);
    }
    augs_feedback told;
    status = augsi_out_hear(batch, feedback, batch->piece.high - batch->piece.low, &told, error);
    if (status > 0 && !(batch->taken && augsi_plan_knows_cost(scheduler->decisions.plan, &told))) {
        augsi_plan_observe(scheduler->decisions.plan, &told);
    }
    return status < 0 ? status : AUGS_OK;
}

int augs_scheduler_retry(augs_scheduler *scheduler, uint64_t step, uint32_t part,
                         uint64_t most_samples, augs_error *error)
{
    if (scheduler == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "scheduler: scheduler is required");
    }
    augsi_plan *plan = scheduler->decisions.plan;
    augsi_handed_out *batch = augsi_out_find(&scheduler->out, scheduler->epoch, step, part);
    if (batch == NULL) {
        return augsi_out_fail_unknown(&scheduler->out, "retry", step, part, error);
    }
    int status = augsi_plan_is_behind(plan, error);
    if (status < 0) {
        return status;
    }
    augsi_out_begin_parts(batch, status > 0);
    augsi_range range;
    const uint64_t unit = augsi_plan_options_of(plan)->strategy_options->multiple_of;
    status = augsi_out_split(&scheduler->out, "retry", batch, most_samples, unit, &range, error);
    if (status < 0) {
        return status;
    }
    const augs_feedback feedback = {.size = sizeof feedback,
                                    .epoch = batch->epoch,
                                    .step = batch->piece.step,
                                    .part = batch->piece.part,
                                    .outcome = AUGS_OUTCOME_DID_NOT_FIT};
    status = augs_scheduler_observe(scheduler, &feedback, error);
    if (status == AUGS_OK) {
        const augsi_journal_entry entry =
            augsi_out_entry(&range, scheduler->epoch, batch->piece.part);
        status = augsi_plan_write_retry(plan, &entry, error);
    }
    if (status == AUGS_OK) {
        batch->retried = true;
        augsi_out_add_range(&scheduler->out, scheduler->epoch, &range);
    }
    return status;
}
