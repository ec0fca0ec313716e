/* SPDX-License-Identifier: Apache-2.0 */
/* The line in one object: it asks the plan for slices and the stream for their records. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/sized_struct.h"
#include "pipeline/pipeline_impl.h"
#include "pipeline/stream/stream_impl.h"

static int check_window(const augs_stream *stream, const augs_pipeline_options *options,
                        uint64_t *ret_n, augs_error *error)
{
    uint64_t n = augs_stream_n_samples(stream), limit = n < AUGS_MAX_SAMPLES ? n : AUGS_MAX_SAMPLES;
    if (options->first_position > limit || options->n_positions > limit - options->first_position) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "pipeline: %llu positions from %llu on leave the stream, which has %llu",
                          (unsigned long long)options->n_positions,
                          (unsigned long long)options->first_position, (unsigned long long)limit);
    }
    *ret_n = options->n_positions != 0 ? options->n_positions : limit - options->first_position;
    return AUGS_OK;
}

static int open_plan(augs_pipeline *pipeline, const augs_pipeline_options *options,
                     augs_error *error)
{
    uint64_t n_positions = 0;
    int status = check_window(pipeline->stream, options, &n_positions, error);
    if (status < 0) {
        return status;
    }
    if (options->n_positions == 0 && augs_stream_n_samples(pipeline->stream) == AUGS_ENDLESS) {
        n_positions = AUGS_ENDLESS;
    }
    const augsi_decisions_options decisions = {
        .caller = "pipeline",
        .plan = options->plan,
        .first_position = options->first_position,
        .n_positions = n_positions,
        .sample_bytes = augs_stream_sample_bytes(pipeline->stream),
        .fingerprint = augs_stream_fingerprint(pipeline->stream),
        .epoch = augs_stream_epoch(pipeline->stream),
        .single = true,
        .journal = options->journal,
        .replay = options->replay,
        .monitor = options->monitor,
        .opens_monitor = true,
        .watches = options->metrics != NULL,
        .now_ns = options->now_ns,
        .now_user = options->now_user,
    };
    status = augsi_decisions_init(&pipeline->decisions, &decisions, &pipeline->allocator, error);
    pipeline->plan = pipeline->decisions.plan;
    return status;
}

static int open_parts(augs_pipeline *pipeline, augs_stream *stream,
                      const augs_pipeline_options *options, augs_error *error)
{
    const uint32_t world_size = options->plan->world_size != 0 ? options->plan->world_size : 1;
    if (options->rank >= world_size) { /* before a journal is made */
        return augsi_fail(error, AUGS_E_RANGE, "pipeline: rank %u of %u; ranks are 0 to %u",
                          options->rank, world_size, world_size - 1);
    }
    if (options->feedback > AUGS_FEEDBACK_TOLD) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "pipeline: feedback %u; accepted: 0 timed, 1 told", options->feedback);
    }
    pipeline->rank = options->rank;
    pipeline->world_size = world_size;
    pipeline->told = options->feedback == AUGS_FEEDBACK_TOLD;
    pipeline->out.scale = 1;
    int status = open_plan(pipeline, options, error);
    if (status < 0) {
        return status;
    }
    augsi_span_check_init(&pipeline->check);
    return augsi_batch_pool_open(stream, false, &pipeline->pool, error);
}

/* Takes both structs; the result's plan is *ret_plan. */
static int take_options(const augs_pipeline_options *given, augs_pipeline_options *ret_options,
                        augs_plan_options *ret_plan, augs_error *error)
{
    int status = AUGSI_TAKE(augs_pipeline_options, given, ret_options, error);
    if (status == AUGS_OK) {
        status = AUGSI_TAKE(augs_plan_options, ret_options->plan, ret_plan, error);
        ret_options->plan = ret_plan;
    }
    return status;
}

int augs_pipeline_open(augs_stream *stream, const augs_pipeline_options *options,
                       augs_pipeline **ret_pipeline, augs_error *error)
{
    augs_pipeline_options taken;
    augs_plan_options plan;
    if (stream == NULL || ret_pipeline == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "pipeline: stream and ret_pipeline are required");
    }
    int status = take_options(options, &taken, &plan, error);
    if (status < 0) {
        return status;
    }
    const augs_allocator *allocator = augsi_stream_allocator(stream);
    augs_pipeline *pipeline = augsi_new(allocator, sizeof *pipeline);
    if (pipeline == NULL) {
        return augsi_fail_memory(error, sizeof *pipeline);
    }
    pipeline->allocator = *allocator;
    pipeline->stream = augs_stream_ref(stream);
    pipeline->metrics = taken.metrics;
    pipeline->now_ns = taken.now_ns;
    pipeline->now_user = taken.now_user;
    status = open_parts(pipeline, stream, &taken, error);
    if (status < 0) {
        augs_pipeline_free(pipeline);
        return status;
    }
    *ret_pipeline = pipeline;
    return AUGS_OK;
}

void augs_pipeline_free(augs_pipeline *pipeline)
{
    if (pipeline != NULL) {
        augsi_pipeline_leave_last(pipeline);
        augs_allocator allocator = pipeline->allocator;
        augsi_pipeline_note_all(pipeline);
        augsi_decisions_done(&pipeline->decisions);
        augsi_batch_pool_free(pipeline->pool);
        augs_stream_unref(pipeline->stream);
        augsi_delete(&allocator, pipeline, sizeof *pipeline);
    }
}

/* A fixed plan can be asked for any step; walked from its start, its spans are checked together,
 * too. 1, 0 if the plan has no such step, or AUGS_E_PLAN. */
static int check_walk(augs_pipeline *pipeline, uint64_t step, augs_error *error)
{
    if (!augsi_plan_is_fixed(pipeline->plan) || step != pipeline->n_checked) {
        return 1;
    }
    int status =
        augsi_plan_check_step(pipeline->plan, step, pipeline->rank, &pipeline->check, error);
    pipeline->n_checked += status > 0;
    return status;
}

/* Where the steps end there may be spans yet that were cut to nothing: a strategy of the caller's
 * own is checked to its end. */
static int check_rest(augs_pipeline *pipeline, uint64_t step, augs_error *error)
{
    int status = 0;
    if (augsi_plan_options_of(pipeline->plan)->strategy_ops != NULL &&
        augsi_plan_is_fixed(pipeline->plan)) {
        while (pipeline->n_checked >= step &&
               (status = check_walk(pipeline, pipeline->n_checked, error)) > 0) {
        }
    }
    return status;
}

static void hand_out(augs_pipeline *pipeline, const augsi_piece *piece)
{
    augsi_handed_out *batch = augsi_pipeline_remember(pipeline, piece);
    batch->timed =
        !pipeline->told && (!augsi_plan_is_fixed(pipeline->plan) || pipeline->metrics != NULL);
    batch->at_ns = batch->timed ? augsi_pipeline_now(pipeline) : 0;
    batch->at_cpu = pipeline->metrics != NULL ? augsi_cpu_seconds() : -1;
    pipeline->between = true;
}

/* Whether nothing comes after this batch, so far as is known. */
static bool is_last(const augs_pipeline *pipeline)
{
    return pipeline->ended && !augsi_out_has_parts(&pipeline->out) &&
           !augsi_plan_has_later_retry(pipeline->plan);
}

/* The records of a piece: 1; 0: it has none for this rank, or the journal has parts of it. */
static int make(augs_pipeline *pipeline, augsi_piece *piece, augs_batch **ret_batch,
                augs_error *error)
{
    augs_batch *batch;
    int status = augsi_plan_is_retried_later(pipeline->plan, piece->step, piece->part, error);
    if (status < 0) {
        return status;
    }
    if (status > 0) {
        augsi_handed_out *passed = augsi_pipeline_remember(pipeline, piece);
        passed->noted = passed->misfit = passed->retried = true;
        return 0;
    }
    if (piece->slice.body.count + piece->slice.pad_count == 0) {
        return 0;
    }
    piece->slice.last = is_last(pipeline);
    status = augsi_batch_make(pipeline->pool, pipeline->stream, &piece->slice, piece->step,
                              pipeline->rank, pipeline->world_size, &batch, error);
    if (status < 0) {
        return status;
    }
    augsi_batch_info_edit(batch)->part = piece->part;
    hand_out(pipeline, piece);
    *ret_batch = batch;
    return 1;
}

/* The next part of what is given again: 1, 0 if there is none, or negative. */
static int next_part(augs_pipeline *pipeline, augs_batch **ret_batch, augs_error *error)
{
    augsi_piece piece;
    while (augsi_out_next_part(&pipeline->out, &piece)) {
        const int status = make(pipeline, &piece, ret_batch, error);
        if (status < 0) {
            augsi_out_put_back(&pipeline->out, &piece);
        }
        if (status != 0) {
            return status;
        }
    }
    return 0;
}

/* The next step: 1; 0 at the end; negative. *ret_again: it has nothing for this rank. */
static int next_step(augs_pipeline *pipeline, augs_batch **ret_batch, bool *ret_again,
                     augs_error *error)
{
    pipeline->step = augsi_plan_next_step(pipeline->plan, pipeline->step, pipeline->rank);
    augsi_piece piece = {.step = pipeline->step};
    int status = augsi_plan_slice(pipeline->plan, piece.step, pipeline->rank, &piece.slice, error);
    if (status <= 0) {
        return status < 0 ? status : check_rest(pipeline, piece.step, error);
    }
    status = check_walk(pipeline, piece.step, error);
    if (status <= 0) {
        return status;
    }
    piece.high = piece.slice.body.count + piece.slice.pad_count;
    const bool ended = pipeline->ended;
    pipeline->ended = piece.slice.last;
    status = make(pipeline, &piece, ret_batch, error);
    pipeline->ended = status < 0 ? ended : pipeline->ended;
    pipeline->step += status >= 0;
    *ret_again = status == 0;
    return status;
}

int augs_pipeline_next(augs_pipeline *pipeline, augs_batch **ret_batch, augs_error *error)
{
    if (pipeline == NULL || ret_batch == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "pipeline: pipeline and ret_batch are required");
    }
    augsi_pipeline_look_around(pipeline);
    for (;;) {
        bool again = false;
        int status = next_part(pipeline, ret_batch, error);
        if (status != 0) {
            return status;
        }
        status = augsi_pipeline_repeat_retry(pipeline, error);
        if (status < 0) {
            return status;
        }
        if (status > 0) {
            continue;
        }
        status = next_step(pipeline, ret_batch, &again, error);
        if (status != 0) {
            return status;
        }
        if (!again) { /* the end, unless a batch was given again after it */
            status = augsi_pipeline_repeat_retry(pipeline, error);
            if (status <= 0) {
                return status;
            }
        }
    }
}

const char *augs_pipeline_why(const augs_pipeline *pipeline)
{
    return pipeline != NULL ? augsi_plan_why(pipeline->plan) : "";
}

/* A sink did not take the batch handed out last: the next call makes it again, and notes it. */
static void take_back(augs_pipeline *pipeline)
{
    augsi_handed_out *last = augsi_out_last(&pipeline->out);
    if (last->piece.part != 0) {
        augsi_out_put_back(&pipeline->out, &last->piece);
    } else {
        pipeline->step--;
    }
    augsi_out_forget_last(&pipeline->out);
    pipeline->between = false;
}

int augs_pipeline_run(augs_pipeline *pipeline, augs_sink *sink, augs_error *error)
{
    if (pipeline == NULL || sink == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "pipeline: pipeline and sink are required");
    }
    for (;;) {
        augs_batch *batch;
        int status = augs_pipeline_next(pipeline, &batch, error);
        if (status < 0) {
            return status;
        }
        if (status == 0) {
            return augs_sink_flush(sink, error);
        }
        status = augs_sink_write(sink, batch, error);
        augs_batch_unref(batch);
        if (status < 0) {
            take_back(pipeline);
            return status;
        }
        if (status > 0) {
            return augsi_fail(error, AUGS_E_CANCELLED,
                              "pipeline: the sink asked to stop after step %llu",
                              (unsigned long long)pipeline->step - 1);
        }
    }
}
