/* SPDX-License-Identifier: Apache-2.0 */
/* The line in one object: its scheduler says what comes next, its stream has the records. */
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

/* The records of a piece are the next batch. */
static int make_batch(void *user, const augsi_piece *piece, augs_error *error)
{
    augs_pipeline *pipeline = user;
    int status =
        augsi_batch_make(pipeline->pool, pipeline->stream, &piece->slice, piece->step,
                         pipeline->scheduler.rank, pipeline->world_size, &pipeline->made, error);
    if (status == AUGS_OK) {
        augsi_batch_info_edit(pipeline->made)->part = piece->part;
    }
    return status;
}

static int open_scheduler(augs_pipeline *pipeline, const augs_pipeline_options *options,
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
    const augsi_scheduler_options scheduler = {
        .caller = "pipeline",
        .plan = options->plan,
        .rank = options->rank,
        .epoch = augs_stream_epoch(pipeline->stream),
        .first_position = options->first_position,
        .n_positions = n_positions,
        .sample_bytes = augs_stream_sample_bytes(pipeline->stream),
        .fingerprint = augs_stream_fingerprint(pipeline->stream),
        .journal = options->journal,
        .replay = options->replay,
        .monitor = options->monitor,
        .opens_monitor = true,
        .watches = options->metrics != NULL,
        .now_ns = options->now_ns,
        .now_user = options->now_user,
        .make = make_batch,
        .remembered = augsi_pipeline_remember,
        .user = pipeline,
    };
    return augsi_scheduler_init(&pipeline->scheduler, &scheduler, &pipeline->allocator, error);
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
    pipeline->world_size = world_size;
    pipeline->told = options->feedback == AUGS_FEEDBACK_TOLD;
    int status = open_scheduler(pipeline, options, error);
    if (status < 0) {
        return status;
    }
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
        augsi_scheduler_done(&pipeline->scheduler);
        augsi_batch_pool_free(pipeline->pool);
        augs_stream_unref(pipeline->stream);
        augsi_delete(&allocator, pipeline, sizeof *pipeline);
    }
}

int augs_pipeline_next(augs_pipeline *pipeline, augs_batch **ret_batch, augs_error *error)
{
    if (pipeline == NULL || ret_batch == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "pipeline: pipeline and ret_batch are required");
    }
    augsi_pipeline_look_around(pipeline);
    const int status = augsi_scheduler_next(&pipeline->scheduler, error);
    if (status > 0) {
        pipeline->between = true;
        *ret_batch = pipeline->made;
    }
    return status;
}

const char *augs_pipeline_why(const augs_pipeline *pipeline)
{
    return pipeline != NULL ? augsi_plan_why(pipeline->scheduler.plan) : "";
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
            augsi_pipeline_take_back(pipeline);
            return status;
        }
        if (status > 0) {
            return augsi_fail(error, AUGS_E_CANCELLED,
                              "pipeline: the sink asked to stop after step %llu",
                              (unsigned long long)pipeline->scheduler.step - 1);
        }
    }
}
