/* SPDX-License-Identifier: Apache-2.0 */
/* The line in one object: it asks the plan for slices and the stream for their records. */
#include <augstream/pipeline.h>

#include <string.h>

#include "batch_pool.h"
#include "fail.h"
#include "memory.h"
#include "stream_impl.h"
#include "token.h"

struct augs_pipeline {
    augs_allocator allocator;
    augs_stream *stream;
    augsi_plan *plan;
    augsi_batch_pool *pool;
    uint32_t rank, world_size;
    uint64_t step;          /* the next one */
    uint64_t n_last;        /* samples of the batch handed out last */
    augsi_span_check check; /* of a fixed plan that is walked from its start */
    uint64_t n_checked;
};

static int check_window(const augs_stream *stream, const augs_pipeline_options *options,
                        uint64_t *ret_n, augs_error *error)
{
    uint64_t n = augs_stream_n_samples(stream), limit = n < AUGS_MAX_SAMPLES ? n : AUGS_MAX_SAMPLES;
    if (options->first_position > limit || options->n_positions > limit - options->first_position) {
        return augsi_fail(
            error, AUGS_E_RANGE,
            "pipeline: the window of %llu positions from %llu leaves the stream's %llu",
            (unsigned long long)options->n_positions, (unsigned long long)options->first_position,
            (unsigned long long)limit);
    }
    *ret_n = options->n_positions != 0 ? options->n_positions : limit - options->first_position;
    return AUGS_OK;
}

static int open_parts(augs_pipeline *pipeline, augs_stream *stream,
                      const augs_pipeline_options *options, augs_error *error)
{
    uint64_t n_samples = 0;
    int status = check_window(stream, options, &n_samples, error);
    if (status == AUGS_OK) {
        bool endless = options->n_positions == 0 && augs_stream_n_samples(stream) == AUGS_ENDLESS;
        status = augsi_plan_open(&pipeline->allocator, &options->plan, options->first_position,
                                 endless ? AUGS_ENDLESS : n_samples,
                                 augs_stream_sample_bytes(stream), &pipeline->plan, error);
    }
    if (status < 0) {
        return status;
    }
    const augs_plan_options *plan = augsi_plan_options_of(pipeline->plan);
    pipeline->rank = options->rank;
    pipeline->world_size = plan->world_size;
    if (options->rank >= plan->world_size) {
        return augsi_fail(error, AUGS_E_RANGE, "pipeline: rank %u of %u; ranks are 0 to %u",
                          options->rank, plan->world_size, plan->world_size - 1);
    }
    augsi_span_check_init(&pipeline->check);
    return augsi_batch_pool_open(stream, false, &pipeline->pool, error);
}

int augs_pipeline_open(augs_stream *stream, const augs_pipeline_options *options,
                       augs_pipeline **ret_pipeline, augs_error *error)
{
    static const augs_pipeline_options defaults = {.size = sizeof defaults};
    options = options != NULL ? options : &defaults;
    if (stream == NULL || ret_pipeline == NULL || options->size < sizeof *options) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "pipeline: stream and ret_pipeline are required, options.size must be "
                          "sizeof(augs_pipeline_options)");
    }
    const augs_allocator *allocator = augsi_stream_allocator(stream);
    augs_pipeline *pipeline = augsi_new(allocator, sizeof *pipeline);
    if (pipeline == NULL) {
        return augsi_fail_memory(error, sizeof *pipeline);
    }
    pipeline->allocator = *allocator;
    pipeline->stream = augs_stream_ref(stream);
    int status = open_parts(pipeline, stream, options, error);
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
        augs_allocator allocator = pipeline->allocator;
        augsi_plan_free(pipeline->plan);
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

/* Where the steps end there may be spans yet that were cut to nothing: a planner of the caller's
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

int augs_pipeline_next(augs_pipeline *pipeline, augs_batch **ret_batch, augs_error *error)
{
    if (pipeline == NULL || ret_batch == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "pipeline: pipeline and ret_batch are required");
    }
    for (;; pipeline->step++) { /* past steps that have nothing for this rank */
        augsi_slice slice;
        const uint64_t step = pipeline->step;
        int status = augsi_plan_slice(pipeline->plan, step, pipeline->rank, &slice, error);
        if (status <= 0) {
            return status < 0 ? status : check_rest(pipeline, step, error);
        }
        status = check_walk(pipeline, step, error);
        if (status <= 0) {
            return status;
        }
        if (slice.body.count + slice.pad_count == 0) {
            continue;
        }
        augs_batch *batch;
        status = augsi_batch_make(pipeline->pool, pipeline->stream, &slice, step, pipeline->rank,
                                  pipeline->world_size, &batch, error);
        if (status < 0) {
            return status;
        }
        pipeline->step = step + 1;
        pipeline->n_last = augs_batch_n_samples(batch);
        *ret_batch = batch;
        return 1;
    }
}

uint64_t augs_pipeline_step(const augs_pipeline *pipeline)
{
    return pipeline != NULL ? pipeline->step : 0;
}

int augs_pipeline_seek(augs_pipeline *pipeline, uint64_t step, augs_error *error)
{
    if (pipeline == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "pipeline: pipeline is required");
    }
    if (augsi_plan_is_fixed(pipeline->plan)) {
        uint64_t n_steps = augsi_plan_n_steps(pipeline->plan);
        if (step > n_steps) {
            return augsi_fail(error, AUGS_E_RANGE, "pipeline: step %llu; the epoch has %llu",
                              (unsigned long long)step, (unsigned long long)n_steps);
        }
        pipeline->step = step;
        return AUGS_OK;
    }
    const uint64_t n_planned = augsi_plan_n_planned(pipeline->plan);
    if (step != n_planned && step + 1 != n_planned) { /* neither the next one nor the last again */
        if (step != 0) {
            return augsi_fail(error, AUGS_E_STATE,
                              "pipeline: strategy '%.40s' decides as it goes and has planned %llu "
                              "steps: it goes to the last of them, to the next, or to step 0",
                              augsi_plan_options_of(pipeline->plan)->strategy,
                              (unsigned long long)n_planned);
        }
        augsi_plan_restart(pipeline->plan);
    }
    pipeline->step = step;
    return AUGS_OK;
}

int augs_pipeline_set_epoch(augs_pipeline *pipeline, uint32_t epoch, augs_error *error)
{
    if (pipeline == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "pipeline: pipeline is required");
    }
    augs_stream *stream;
    int status = augs_stream_open_epoch(pipeline->stream, epoch, &stream, error);
    if (status < 0) {
        return status;
    }
    augs_stream_unref(pipeline->stream);
    pipeline->stream = stream;
    augsi_plan_restart(pipeline->plan);
    pipeline->step = 0;
    return AUGS_OK;
}

int augs_pipeline_observe(augs_pipeline *pipeline, double seconds, uint64_t bytes,
                          uint64_t available_bytes, augs_error *error)
{
    if (pipeline == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "pipeline: pipeline is required");
    }
    if (pipeline->n_last == 0) {
        return augsi_fail(error, AUGS_E_STATE,
                          "pipeline: there was no batch yet whose cost could be told");
    }
    const augs_feedback feedback = {.size = sizeof feedback,
                                    .n_samples = pipeline->n_last,
                                    .seconds = seconds,
                                    .bytes = bytes,
                                    .available_bytes = available_bytes};
    augsi_plan_observe(pipeline->plan, &feedback);
    return AUGS_OK;
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
            pipeline->step--; /* it was not taken: the next call makes it again */
            return status;
        }
        if (status > 0) {
            return augsi_fail(error, AUGS_E_CANCELLED,
                              "pipeline: the sink asked to stop after step %llu",
                              (unsigned long long)pipeline->step - 1);
        }
    }
}

int augs_pipeline_token(const augs_pipeline *pipeline, char *ret_token, size_t n_bytes,
                        augs_error *error)
{
    if (pipeline == NULL || ret_token == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "pipeline: pipeline and ret_token are required");
    }
    augsi_token token = {
        .job = "-", .epoch = augs_stream_epoch(pipeline->stream), .step = pipeline->step};
    memcpy(token.fingerprint, augs_stream_fingerprint(pipeline->stream), sizeof token.fingerprint);
    augsi_slice slice;
    if (augsi_plan_is_fixed(pipeline->plan) &&
        augsi_plan_slice(pipeline->plan, pipeline->step, pipeline->rank, &slice, NULL) == 1) {
        token.position = slice.body.count > 0 ? slice.body.first : slice.pad_first;
    }
    return augsi_token_format(&token, ret_token, n_bytes, error);
}

int augs_pipeline_resume(augs_pipeline *pipeline, const char *text, augs_error *error)
{
    augsi_token token;
    if (pipeline == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "pipeline: pipeline is required");
    }
    int status = augsi_token_parse(text, &token, error);
    if (status < 0) {
        return status;
    }
    const char *ours = augs_stream_fingerprint(pipeline->stream);
    if (strcmp(token.fingerprint, ours) != 0) {
        return augsi_fail(error, AUGS_E_TOKEN,
                          "resume token: it is of the stream %s, this one is %s", token.fingerprint,
                          ours);
    }
    if (token.generation != 0) {
        return augsi_fail(error, AUGS_E_TOKEN,
                          "resume token: it is of plan generation %llu of a job; a pipeline has "
                          "generation 0 alone",
                          (unsigned long long)token.generation);
    }
    if (!augsi_plan_is_fixed(pipeline->plan) && token.step > 0) {
        return augsi_fail(
            error, AUGS_E_STATE,
            "resume token: strategy '%.40s' decides as it goes, a token alone cannot repeat that",
            augsi_plan_options_of(pipeline->plan)->strategy);
    }
    if (token.step > augsi_plan_n_steps(pipeline->plan) && augsi_plan_is_fixed(pipeline->plan)) {
        return augsi_fail(error, AUGS_E_TOKEN, "resume token: step %llu; the epoch has %llu",
                          (unsigned long long)token.step,
                          (unsigned long long)augsi_plan_n_steps(pipeline->plan));
    }
    if (token.epoch != augs_stream_epoch(pipeline->stream)) {
        status = augs_pipeline_set_epoch(pipeline, token.epoch, error);
    }
    return status < 0 ? status : augs_pipeline_seek(pipeline, token.step, error);
}
