/* SPDX-License-Identifier: Apache-2.0 */
#include <augstream/scheduler.h>

#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/sized_struct.h"
#include "pipeline/plan/scheduler_core.h"

/* A scheduler of all ranks, whose pieces are spans. */
struct augs_scheduler {
    augs_allocator allocator;
    augsi_scheduler core;
    augsi_piece last; /* that `next` returned */
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
                              "scheduler: fingerprint '%.200s'; accepted: 1 to 63 of 0-9 a-f",
                              options->fingerprint);
        }
    }
    return AUGS_OK;
}

static int make_span(void *user, const augsi_piece *piece, augs_error *error)
{
    augs_scheduler *scheduler = user;
    (void)error;
    scheduler->last = *piece;
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
    const augsi_scheduler_options core = {
        .caller = "scheduler",
        .plan = &plan,
        .rank = AUGSI_ALL_RANKS,
        .epoch = options->epoch,
        .n_positions = options->n_samples,
        .sample_bytes = options->sample_bytes,
        .fingerprint = options->fingerprint != NULL ? options->fingerprint : "0",
        .journal = options->journal,
        .replay = options->replay,
        .monitor = options->monitor,
        .make = make_span,
        .user = scheduler,
    };
    status = augsi_scheduler_init(&scheduler->core, &core, &scheduler->allocator, error);
    if (status < 0) {
        augs_scheduler_free(scheduler);
        return status;
    }
    *ret_scheduler = scheduler;
    return AUGS_OK;
}

void augs_scheduler_free(augs_scheduler *scheduler)
{
    if (scheduler != NULL) {
        augs_allocator allocator = scheduler->allocator;
        augsi_scheduler_done(&scheduler->core);
        augsi_delete(&allocator, scheduler, sizeof *scheduler);
    }
}

int augs_scheduler_next(augs_scheduler *scheduler, augs_span *ret_span, augs_error *error)
{
    if (scheduler == NULL || ret_span == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "scheduler: scheduler and ret_span are required");
    }
    augsi_memory_look(&scheduler->core.memory, scheduler->core.plan);
    const int status = augsi_scheduler_next(&scheduler->core, error);
    if (status > 0) {
        *ret_span = scheduler->last.slice.body;
    }
    return status;
}

uint32_t augs_scheduler_part(const augs_scheduler *scheduler)
{
    return scheduler != NULL ? scheduler->last.part : 0;
}

uint64_t augs_scheduler_last_step(const augs_scheduler *scheduler)
{
    return scheduler != NULL ? scheduler->last.step : 0;
}

uint64_t augs_scheduler_n_padded(const augs_scheduler *scheduler)
{
    return scheduler != NULL ? scheduler->last.slice.pad_count : 0;
}

uint64_t augs_scheduler_n_left_out(const augs_scheduler *scheduler)
{
    return scheduler != NULL ? augsi_plan_n_left_out(scheduler->core.plan) : 0;
}

uint64_t augs_scheduler_step(const augs_scheduler *scheduler)
{
    return scheduler != NULL ? scheduler->core.step : 0;
}

const char *augs_scheduler_why(const augs_scheduler *scheduler)
{
    return scheduler != NULL ? augsi_plan_why(scheduler->core.plan) : "";
}

int augs_scheduler_seek(augs_scheduler *scheduler, uint64_t step, augs_error *error)
{
    if (scheduler == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "scheduler: scheduler is required");
    }
    return augsi_scheduler_seek(&scheduler->core, step, error);
}

int augs_scheduler_observe(augs_scheduler *scheduler, const augs_feedback *feedback,
                           augs_error *error)
{
    if (scheduler == NULL || feedback == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "scheduler: scheduler and feedback are required");
    }
    augs_feedback taken, told;
    augsi_handed_out *batch = NULL;
    int status = AUGSI_TAKE(augs_feedback, feedback, &taken, error);
    if (status == AUGS_OK) {
        status = augsi_scheduler_hear(&scheduler->core, &taken, &batch, &told, error);
    }
    if (status > 0) {
        augsi_scheduler_tell(&scheduler->core, batch, &told);
    }
    return status < 0 ? status : AUGS_OK;
}

int augs_scheduler_retry(augs_scheduler *scheduler, uint64_t step, uint32_t part,
                         uint64_t most_samples, augs_error *error)
{
    if (scheduler == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "scheduler: scheduler is required");
    }
    augsi_handed_out *batch;
    const int status =
        augsi_scheduler_retry(&scheduler->core, step, part, most_samples, &batch, error);
    return status < 0 ? status : AUGS_OK;
}
