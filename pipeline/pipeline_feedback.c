/* SPDX-License-Identifier: Apache-2.0 */
/* What batches cost, whoever says so and when: the scheduler hears it, the metrics note it. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/float_env.h"
#include "base/sized_struct.h"
#include "pipeline/pipeline_impl.h"

static uint64_t now_of(const augs_pipeline *pipeline)
{
    if (pipeline->now_ns == NULL) {
        return augsi_now_ns();
    }
    AUGSI_CALLER_BEGIN;
    const uint64_t now_ns = pipeline->now_ns(pipeline->now_user);
    AUGSI_CALLER_END;
    return now_ns;
}

static augsi_batch_cost *cost_of(augs_pipeline *pipeline, const augsi_handed_out *batch)
{
    return &pipeline->costs[batch - pipeline->scheduler.out.batches];
}

/* ---- metrics ---- */

/* What is known of a batch goes into the metrics, once. */
static void note(const augs_pipeline *pipeline, augsi_batch_cost *cost)
{
    if (pipeline->metrics != NULL && !cost->noted) {
        augs_metrics_add(pipeline->metrics, &cost->row);
    }
    cost->noted = true;
}

void augsi_pipeline_note_all(augs_pipeline *pipeline)
{
    const uint64_t n = pipeline->scheduler.out.n_batches;
    for (uint64_t i = n < AUGS_FEEDBACK_BATCHES ? 0 : n - AUGS_FEEDBACK_BATCHES; i < n; i++) {
        note(pipeline, &pipeline->costs[i % AUGS_FEEDBACK_BATCHES]);
    }
}

void augsi_pipeline_remember(void *user, augsi_handed_out *batch, bool is_passed)
{
    augs_pipeline *pipeline = user;
    const augsi_scheduler *scheduler = &pipeline->scheduler;
    const augsi_piece *piece = &batch->piece;
    const char *why = piece->part == 0 ? augsi_plan_why(scheduler->plan) : "retry";
    augsi_batch_cost *cost = cost_of(pipeline, batch);
    if (scheduler->out.n_batches > AUGS_FEEDBACK_BATCHES) {
        note(pipeline, cost); /* nothing more will be known of the one that was here */
    }
    *cost = (augsi_batch_cost){.timed = !pipeline->told && (!augsi_plan_is_fixed(scheduler->plan) ||
                                                            pipeline->metrics != NULL),
                               .noted = is_passed,
                               .at_cpu = -1,
                               .row = {.size = sizeof cost->row,
                                       .epoch = batch->epoch,
                                       .step = piece->step,
                                       .part = piece->part,
                                       .n_samples = augsi_scheduler_n_samples(scheduler, piece),
                                       .seconds = (double)NAN,
                                       .cpu_seconds = (double)NAN,
                                       .level = scheduler->memory.level}};
    memcpy(cost->row.why, why, strlen(why));
    if (!is_passed) {
        cost->at_ns = cost->timed ? now_of(pipeline) : 0;
        cost->at_cpu = pipeline->metrics != NULL ? augsi_cpu_seconds() : -1;
    }
}

void augsi_pipeline_take_back(augs_pipeline *pipeline)
{
    cost_of(pipeline, augsi_out_last(&pipeline->scheduler.out))->noted = true;
    augsi_scheduler_take_back(&pipeline->scheduler);
    pipeline->between = false;
}

/* ---- what a batch cost ---- */

static void tell_row(augsi_batch_cost *cost, const augs_feedback *feedback)
{
    cost->row.seconds = feedback->seconds > 0 ? feedback->seconds : (double)NAN;
    cost->row.bytes = feedback->bytes;
    cost->row.available_bytes = feedback->available_bytes;
    cost->row.outcome = feedback->outcome;
}

static augs_feedback feedback_of(const augs_pipeline *pipeline, const augsi_handed_out *batch)
{
    return (augs_feedback){.size = sizeof(augs_feedback),
                           .epoch = batch->epoch,
                           .step = batch->piece.step,
                           .part = batch->piece.part,
                           .n_samples =
                               augsi_scheduler_n_samples(&pipeline->scheduler, &batch->piece),
                           .seconds = (double)NAN};
}

/* What the process itself took. A consumer that told less is believed until the difference could
 * bring memory to its end. Our own part is not the consumer's. */
static void tell_own_cost(augs_pipeline *pipeline, augsi_handed_out *batch,
                          const augsi_own_cost *own)
{
    augs_batch_metrics *row = &cost_of(pipeline, batch)->row;
    const uint64_t ours = own->n_samples * augs_stream_sample_bytes(pipeline->stream);
    const uint64_t bytes = row->bytes != 0 ? own->least_bytes : own->bytes;
    if (bytes <= ours || (row->bytes != 0 && !own->matters)) {
        return;
    }
    augs_feedback feedback = feedback_of(pipeline, batch);
    feedback.n_samples = own->n_samples;
    feedback.bytes = bytes - ours;
    if ((double)feedback.bytes * (double)row->n_samples <=
        (double)row->bytes * (double)feedback.n_samples) {
        return;
    }
    if (own->bytes == own->least_bytes && own->n_samples == row->n_samples) {
        row->bytes = feedback.bytes;
    }
    augsi_scheduler_tell(&pipeline->scheduler, batch, &feedback);
}

/* The memory of now, and what the last batch did to it. Of several batches that are under way
 * nobody can say which of them took what. */
static void look_at_memory(augs_pipeline *pipeline, augsi_handed_out *last)
{
    augsi_scheduler *scheduler = &pipeline->scheduler;
    const augs_batch_metrics *row = last != NULL ? &cost_of(pipeline, last)->row : NULL;
    /* what the consumer tells is better, and a fixed plan learns nothing */
    if (pipeline->told || augsi_plan_is_fixed(scheduler->plan) ||
        (row != NULL && row->available_bytes != 0)) {
        augsi_memory_look(&scheduler->memory, scheduler->plan);
        return;
    }
    const augsi_own_cost own =
        augsi_memory_measure(&scheduler->memory, scheduler->plan, row != NULL ? row->n_samples : 0);
    if (last != NULL && !last->misfit) {
        tell_own_cost(pipeline, last, &own);
    }
}

static void take_time(augs_pipeline *pipeline, augsi_handed_out *last)
{
    augsi_batch_cost *cost = cost_of(pipeline, last);
    const uint64_t now = now_of(pipeline);
    augs_feedback feedback = feedback_of(pipeline, last);
    feedback.seconds = now > cost->at_ns ? (double)(now - cost->at_ns) * 1e-9 : 0;
    tell_row(cost, &feedback);
    augsi_scheduler_tell(&pipeline->scheduler, last, &feedback);
}

/* The process as it is after the last batch: CPU time now, memory as it was read last. */
static void see_process(const augs_pipeline *pipeline, augsi_batch_cost *last)
{
    const double now = last->at_cpu >= 0 ? augsi_cpu_seconds() : -1;
    if (now >= last->at_cpu && now >= 0) {
        last->row.cpu_seconds = now - last->at_cpu;
    }
    last->row.resident_bytes = pipeline->scheduler.memory.resident_bytes;
    last->row.allocated_bytes = pipeline->scheduler.memory.allocator.allocated_bytes;
}

void augsi_pipeline_leave_last(augs_pipeline *pipeline)
{
    if (pipeline->between) {
        augsi_batch_cost *last = cost_of(pipeline, augsi_out_last(&pipeline->scheduler.out));
        see_process(pipeline, last);
        if (!pipeline->told) {
            note(pipeline, last);
        }
    }
    pipeline->between = false;
}

void augsi_pipeline_look_around(augs_pipeline *pipeline)
{
    augsi_scheduler *scheduler = &pipeline->scheduler;
    augsi_handed_out *last = pipeline->between ? augsi_out_last(&scheduler->out) : NULL;
    if (last != NULL && !last->told && !pipeline->told && cost_of(pipeline, last)->timed) {
        take_time(pipeline, last);
    }
    look_at_memory(pipeline, last);
    const bool tight = scheduler->memory.level >= AUGS_MEMORY_HIGH;
    if (tight || pipeline->tight) {
        augsi_batch_pool_set_tight(pipeline->pool, tight);
        pipeline->tight = tight;
        augsi_memory_relieve(&scheduler->memory, scheduler->plan, &pipeline->allocator);
    }
    augsi_pipeline_leave_last(pipeline);
}

/* ---- feedback of the caller ---- */

/* What was told of a batch is noted; once costs are told late, there is nothing to wait for. */
static void note_told(augs_pipeline *pipeline, const augsi_handed_out *batch,
                      const augs_feedback *told)
{
    augsi_batch_cost *cost = cost_of(pipeline, batch);
    const bool is_last = pipeline->between && batch == augsi_out_last(&pipeline->scheduler.out);
    pipeline->told = pipeline->told || (!is_last && told->seconds > 0);
    tell_row(cost, told);
    if (pipeline->told) {
        if (is_last) {
            see_process(pipeline, cost);
        }
        note(pipeline, cost);
    }
}

int augs_pipeline_observe(augs_pipeline *pipeline, const augs_feedback *feedback, augs_error *error)
{
    augs_feedback taken, told;
    augsi_handed_out *batch = NULL;
    if (pipeline == NULL || feedback == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "pipeline: pipeline and feedback are required");
    }
    int status = AUGSI_TAKE(augs_feedback, feedback, &taken, error);
    if (status == AUGS_OK) {
        status = augsi_scheduler_hear(&pipeline->scheduler, &taken, &batch, &told, error);
    }
    if (status > 0) {
        augsi_scheduler_tell(&pipeline->scheduler, batch, &told);
        note_told(pipeline, batch, &told);
    }
    return status < 0 ? status : AUGS_OK;
}

int augs_pipeline_retry(augs_pipeline *pipeline, uint64_t step, uint32_t part,
                        uint64_t most_samples, augs_error *error)
{
    if (pipeline == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "pipeline: pipeline is required");
    }
    augsi_handed_out *batch = NULL;
    const int status =
        augsi_scheduler_retry(&pipeline->scheduler, step, part, most_samples, &batch, error);
    if (status > 0) {
        augs_feedback told = feedback_of(pipeline, batch);
        told.outcome = AUGS_OUTCOME_DID_NOT_FIT;
        note_told(pipeline, batch, &told);
    }
    return status < 0 ? status : AUGS_OK;
}
