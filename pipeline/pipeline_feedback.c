/* SPDX-License-Identifier: Apache-2.0 */
/* What batches cost, whoever says so and when, and those that did not fit, which are given again.
 */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/float_env.h"
#include "base/sized_struct.h"
#include "pipeline/pipeline_impl.h"

uint64_t augsi_pipeline_now(const augs_pipeline *pipeline)
{
    if (pipeline->now_ns == NULL) {
        return augsi_now_ns();
    }
    AUGSI_CALLER_BEGIN;
    const uint64_t now_ns = pipeline->now_ns(pipeline->now_user);
    AUGSI_CALLER_END;
    return now_ns;
}

/* ---- metrics ---- */

void augsi_pipeline_note(augs_pipeline *pipeline, augsi_handed_out *batch)
{
    if (pipeline->metrics != NULL && !batch->noted) {
        augs_metrics_add(pipeline->metrics, &batch->row);
    }
    batch->noted = true;
}

void augsi_pipeline_note_all(augs_pipeline *pipeline)
{
    augsi_out *out = &pipeline->out;
    const uint64_t n = out->n_batches;
    for (uint64_t i = n < AUGS_FEEDBACK_BATCHES ? 0 : n - AUGS_FEEDBACK_BATCHES; i < n; i++) {
        augsi_pipeline_note(pipeline, &out->batches[i % AUGS_FEEDBACK_BATCHES]);
    }
}

augsi_handed_out *augsi_pipeline_remember(augs_pipeline *pipeline, const augsi_piece *piece)
{
    const uint32_t epoch = augs_stream_epoch(pipeline->stream);
    augsi_handed_out *oldest = augsi_out_oldest(&pipeline->out);
    if (oldest != NULL) {
        augsi_pipeline_note(pipeline, oldest); /* nothing more will be known of it */
    }
    augsi_handed_out *batch = augsi_out_add(&pipeline->out, piece, epoch);
    batch->generation = pipeline->generation;
    batch->taken = augsi_plan_is_taken(pipeline->plan);
    batch->row = (augs_batch_metrics){.size = sizeof batch->row,
                                      .epoch = epoch,
                                      .step = piece->step,
                                      .part = piece->part,
                                      .n_samples = piece->slice.body.count + piece->slice.pad_count,
                                      .seconds = (double)NAN,
                                      .cpu_seconds = (double)NAN,
                                      .level = pipeline->decisions.level};
    const char *why = piece->part == 0 ? augsi_plan_why(pipeline->plan) : "retry";
    memcpy(batch->row.why, why, strlen(why));
    return batch;
}

/* ---- what a batch cost ---- */

/* Tells the strategy. Costs of batches from before the caller gave another size would lead away
 * from it: of those it only hears that they did not fit. */
static void tell_plan(augs_pipeline *pipeline, const augsi_handed_out *batch,
                      const augs_feedback *feedback)
{
    const bool fine = feedback->outcome == AUGS_OUTCOME_FINE;
    if ((fine && batch->generation != pipeline->generation) ||
        (batch->taken && augsi_plan_knows_cost(pipeline->plan, feedback))) {
        return;
    }
    augsi_plan_observe(pipeline->plan, feedback);
}

static void tell_cost(augs_pipeline *pipeline, augsi_handed_out *batch,
                      const augs_feedback *feedback)
{
    batch->row.seconds = feedback->seconds > 0 ? feedback->seconds : (double)NAN;
    batch->row.bytes = feedback->bytes;
    batch->row.available_bytes = feedback->available_bytes;
    batch->row.outcome = feedback->outcome;
    tell_plan(pipeline, batch, feedback);
}

static augs_feedback feedback_of(const augsi_handed_out *batch)
{
    return (augs_feedback){.size = sizeof(augs_feedback),
                           .epoch = batch->epoch,
                           .step = batch->piece.step,
                           .part = batch->piece.part,
                           .n_samples = batch->row.n_samples,
                           .seconds = (double)NAN};
}

/* What the process itself took. A consumer that told less is believed until the difference could
 * bring memory to its end. Our own part is not the consumer's. */
static void tell_own_cost(augs_pipeline *pipeline, augsi_handed_out *batch,
                          const augsi_own_cost *cost)
{
    augs_batch_metrics *row = &batch->row;
    const uint64_t ours = cost->n_samples * augs_stream_sample_bytes(pipeline->stream);
    const uint64_t bytes = row->bytes != 0 ? cost->least_bytes : cost->bytes;
    if (bytes <= ours || (row->bytes != 0 && !cost->matters)) {
        return;
    }
    augs_feedback feedback = feedback_of(batch);
    feedback.n_samples = cost->n_samples;
    feedback.bytes = bytes - ours;
    if ((double)feedback.bytes * (double)row->n_samples <=
        (double)row->bytes * (double)feedback.n_samples) {
        return;
    }
    if (cost->bytes == cost->least_bytes && cost->n_samples == row->n_samples) {
        row->bytes = feedback.bytes;
    }
    tell_plan(pipeline, batch, &feedback);
}

/* The memory of now, and what the last batch did to it. Of several batches that are under way
 * nobody can say which of them took what. */
static void look_at_memory(augs_pipeline *pipeline, augsi_handed_out *last)
{
    /* what the consumer tells is better, and a fixed plan learns nothing */
    if (pipeline->told || augsi_plan_is_fixed(pipeline->plan) ||
        (last != NULL && last->row.available_bytes != 0)) {
        augsi_decisions_look(&pipeline->decisions);
        return;
    }
    const augsi_own_cost cost =
        augsi_decisions_measure(&pipeline->decisions, last != NULL ? last->row.n_samples : 0);
    if (last != NULL && !last->misfit) {
        tell_own_cost(pipeline, last, &cost);
    }
}

static void take_time(augs_pipeline *pipeline, augsi_handed_out *last)
{
    const uint64_t now = augsi_pipeline_now(pipeline);
    augs_feedback feedback = feedback_of(last);
    feedback.seconds = now > last->at_ns ? (double)(now - last->at_ns) * 1e-9 : 0;
    tell_cost(pipeline, last, &feedback);
}

/* The process as it is after the last batch: CPU time now, memory as it was read last. */
static void see_process(const augs_pipeline *pipeline, augsi_handed_out *last)
{
    const double now = last->at_cpu >= 0 ? augsi_cpu_seconds() : -1;
    if (now >= last->at_cpu && now >= 0) {
        last->row.cpu_seconds = now - last->at_cpu;
    }
    last->row.resident_bytes = pipeline->decisions.resident_bytes;
    last->row.allocated_bytes = pipeline->decisions.allocator.allocated_bytes;
}

void augsi_pipeline_leave_last(augs_pipeline *pipeline)
{
    if (pipeline->between) {
        augsi_handed_out *last = augsi_out_last(&pipeline->out);
        see_process(pipeline, last);
        if (!pipeline->told) {
            augsi_pipeline_note(pipeline, last);
        }
    }
    pipeline->between = false;
}

void augsi_pipeline_look_around(augs_pipeline *pipeline)
{
    augsi_handed_out *last = pipeline->between ? augsi_out_last(&pipeline->out) : NULL;
    if (last != NULL && !last->told && !pipeline->told && last->timed) {
        take_time(pipeline, last);
    }
    look_at_memory(pipeline, last);
    const bool tight = pipeline->decisions.level >= AUGS_MEMORY_HIGH;
    if (tight || pipeline->tight) {
        augsi_batch_pool_set_tight(pipeline->pool, tight);
        pipeline->tight = tight;
        augsi_decisions_relieve(&pipeline->decisions, &pipeline->allocator);
    }
    augsi_pipeline_leave_last(pipeline);
}

/* ---- feedback of the caller ---- */

static int take_feedback(const augs_pipeline *pipeline, const augs_feedback *given,
                         augs_feedback *ret_feedback, augs_error *error)
{
    if (pipeline == NULL || given == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "pipeline: pipeline and feedback are required");
    }
    int status = AUGSI_TAKE(augs_feedback, given, ret_feedback, error);
    return status < 0 ? status : augsi_out_check_feedback("pipeline", ret_feedback, error);
}

/* Feedback of a batch that is not remembered: one that was forgotten, or one that never was. */
static int pass_over(const augs_pipeline *pipeline, const augs_feedback *feedback,
                     augs_error *error)
{
    const augsi_out *out = &pipeline->out;
    const uint32_t epoch = augs_stream_epoch(pipeline->stream);
    const bool past =
        feedback->epoch < epoch || (feedback->epoch == epoch && feedback->step < pipeline->step);
    if (past && out->n_batches >= AUGS_FEEDBACK_BATCHES) {
        return AUGS_OK;
    }
    return augsi_out_fail_unknown(out, "feedback", feedback->step, feedback->part, error);
}

int augs_pipeline_observe(augs_pipeline *pipeline, const augs_feedback *feedback, augs_error *error)
{
    augs_feedback taken;
    int status = take_feedback(pipeline, feedback, &taken, error);
    if (status < 0) {
        return status;
    }
    feedback = &taken;
    augsi_handed_out *batch =
        augsi_out_find(&pipeline->out, feedback->epoch, feedback->step, feedback->part);
    if (batch == NULL) {
        return pass_over(pipeline, feedback, error);
    }
    augs_feedback told;
    status = augsi_out_hear(batch, feedback, batch->row.n_samples, &told, error);
    if (status <= 0) {
        return status;
    }
    const bool is_last = pipeline->between && batch == augsi_out_last(&pipeline->out);
    pipeline->told = pipeline->told || (!is_last && told.seconds > 0);
    tell_cost(pipeline, batch, &told);
    if (pipeline->told) {
        if (is_last) {
            see_process(pipeline, batch);
        }
        augsi_pipeline_note(pipeline, batch);
    }
    return AUGS_OK;
}

/* ---- batches that are given again ---- */

int augs_pipeline_retry(augs_pipeline *pipeline, uint64_t step, uint32_t part,
                        uint64_t most_samples, augs_error *error)
{
    if (pipeline == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "pipeline: pipeline is required");
    }
    const uint32_t epoch = augs_stream_epoch(pipeline->stream);
    augsi_handed_out *batch = augsi_out_find(&pipeline->out, epoch, step, part);
    if (batch == NULL || batch->epoch != epoch) {
        return augsi_out_fail_unknown(&pipeline->out, "retry", step, part, error);
    }
    int status = augsi_plan_is_behind(pipeline->plan, error);
    if (status < 0) {
        return status;
    }
    augsi_out_begin_parts(batch, status > 0);
    augsi_range range;
    const uint64_t unit = augsi_plan_options_of(pipeline->plan)->strategy_options->multiple_of;
    status = augsi_out_split(&pipeline->out, "retry", batch, most_samples, unit, &range, error);
    if (status < 0) {
        return status;
    }
    augs_feedback feedback = feedback_of(batch);
    feedback.outcome = AUGS_OUTCOME_DID_NOT_FIT;
    status = augs_pipeline_observe(pipeline, &feedback, error);
    if (status == AUGS_OK) {
        const augsi_journal_entry entry = augsi_out_entry(&range, epoch, batch->piece.part);
        status = augsi_plan_write_retry(pipeline->plan, &entry, error);
    }
    if (status == AUGS_OK) {
        batch->retried = true;
        augsi_out_add_range(&pipeline->out, epoch, &range); /* there is room: it was asked for */
    }
    return status;
}

int augsi_pipeline_repeat_retry(augs_pipeline *pipeline, augs_error *error)
{
    augsi_journal_entry entry;
    augsi_slice slice;
    int status = augsi_plan_next_retry(pipeline->plan, &entry, error);
    if (status <= 0) {
        return status;
    }
    status = augsi_plan_slice_again(pipeline->plan, entry.step, pipeline->rank, &slice, error);
    if (status < 0) {
        return status;
    }
    const augsi_range range = augsi_out_range_of(&pipeline->out, &entry, &slice);
    augsi_out_add_range(&pipeline->out, entry.epoch, &range);
    return 1;
}
