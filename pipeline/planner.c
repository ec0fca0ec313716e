/* SPDX-License-Identifier: Apache-2.0 */
#include <augstream/planner.h>

#include <string.h>

#include "decisions.h"
#include "fail.h"
#include "memory.h"

struct augs_planner {
    augs_allocator allocator;
    augsi_decisions decisions;
    uint32_t world_size;
    uint64_t step;          /* the next one */
    uint64_t n_last;        /* of a rank, in the last span */
    augsi_span_check check; /* of a fixed plan that is walked from its start */
    uint64_t n_checked;
};

static int check_options(const augs_planner_options *options, augs_planner **ret_planner,
                         augs_error *error)
{
    if (options == NULL || ret_planner == NULL || options->size < sizeof *options) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "planner: options and ret_planner are required, options.size must be "
                          "sizeof(augs_planner_options)");
    }
    if (options->plan.shard != AUGS_SHARD_INTERLEAVED) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "planner: its spans are of all ranks together; block shards have none");
    }
    if (options->fingerprint != NULL) {
        const size_t n = strlen(options->fingerprint);
        if (n == 0 || n > 63 || strspn(options->fingerprint, "0123456789abcdef") != n) {
            return augsi_fail(error, AUGS_E_ARGUMENT,
                              "planner: fingerprint '%.70s'; accepted: 1 to 63 of 0-9 a-f",
                              options->fingerprint);
        }
    }
    return AUGS_OK;
}

int augs_planner_open(const augs_planner_options *options, augs_planner **ret_planner,
                      augs_error *error)
{
    augs_allocator allocator;
    int status = check_options(options, ret_planner, error);
    status = status < 0 ? status : augsi_allocator_copy(options->allocator, &allocator, error);
    if (status < 0) {
        return status;
    }
    augs_planner *planner = augsi_new(&allocator, sizeof *planner);
    if (planner == NULL) {
        return augsi_fail_memory(error, sizeof *planner);
    }
    planner->allocator = allocator;
    augs_plan_options plan = options->plan;
    plan.size = sizeof plan;
    plan.tail = AUGS_TAIL_UNEVEN; /* no step is cut to nothing */
    const augsi_decisions_options decisions = {
        .caller = "planner",
        .plan = &plan,
        .n_positions = options->n_samples,
        .sample_bytes = options->sample_bytes,
        .fingerprint = options->fingerprint != NULL ? options->fingerprint : "0",
        .epoch = options->epoch,
        .journal = options->journal,
        .replay = options->replay,
        .monitor = options->monitor,
    };
    status = augsi_decisions_init(&planner->decisions, &decisions, &planner->allocator, error);
    if (status < 0) {
        augs_planner_free(planner);
        return status;
    }
    planner->world_size = augsi_plan_options_of(planner->decisions.plan)->world_size;
    augsi_span_check_init(&planner->check);
    *ret_planner = planner;
    return AUGS_OK;
}

void augs_planner_free(augs_planner *planner)
{
    if (planner != NULL) {
        augs_allocator allocator = planner->allocator;
        augsi_decisions_done(&planner->decisions);
        augsi_delete(&allocator, planner, sizeof *planner);
    }
}

int augs_planner_next(augs_planner *planner, augs_span *ret_span, augs_error *error)
{
    if (planner == NULL || ret_span == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "planner: planner and ret_span are required");
    }
    augsi_plan *plan = planner->decisions.plan;
    augs_span span;
    int status = 1;
    augsi_decisions_look(&planner->decisions);
    if (augsi_plan_is_fixed(plan) && planner->step == planner->n_checked) {
        status = augsi_plan_check_step(plan, planner->step, 0, &planner->check, error);
    }
    if (status > 0) {
        status = augsi_plan_span(plan, planner->step, 0, &span, error);
    }
    if (status > 0) {
        planner->n_checked += planner->step == planner->n_checked;
        planner->step++;
        planner->n_last = (span.count + planner->world_size - 1) / planner->world_size;
        *ret_span = span;
    }
    return status;
}

uint64_t augs_planner_step(const augs_planner *planner)
{
    return planner != NULL ? planner->step : 0;
}

const char *augs_planner_why(const augs_planner *planner)
{
    return planner != NULL ? augsi_plan_why(planner->decisions.plan) : "";
}

int augs_planner_seek(augs_planner *planner, uint64_t step, augs_error *error)
{
    if (planner == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "planner: planner is required");
    }
    augsi_plan *plan = planner->decisions.plan;
    int status = AUGS_OK;
    if (!augsi_plan_is_fixed(plan)) {
        status = augsi_plan_go_to(plan, step, error);
    } else if (step > augsi_plan_n_steps(plan)) {
        status = augsi_fail(error, AUGS_E_RANGE, "planner: step %llu; the epoch has %llu",
                            (unsigned long long)step, (unsigned long long)augsi_plan_n_steps(plan));
    }
    planner->step = status < 0 ? planner->step : step;
    return status;
}

int augs_planner_observe(augs_planner *planner, const augs_feedback *feedback, augs_error *error)
{
    if (planner == NULL || feedback == NULL || feedback->size < sizeof *feedback) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "planner: planner and feedback are required, feedback.size must be "
                          "sizeof(augs_feedback)");
    }
    augs_feedback told = *feedback;
    told.n_samples = told.n_samples != 0 ? told.n_samples : planner->n_last;
    if (told.n_samples == 0) {
        return augsi_fail(error, AUGS_E_STATE,
                          "planner: there was no span yet whose cost could be told");
    }
    augsi_plan_observe(planner->decisions.plan, &told);
    return AUGS_OK;
}
