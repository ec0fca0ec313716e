/* SPDX-License-Identifier: Apache-2.0 */
/* The line in one object: it asks the plan for slices and the stream for their records. */
#include <math.h>
#include <string.h>

#include "clock.h"
#include "fail.h"
#include "memory.h"
#include "pipeline_impl.h"
#include "stream_impl.h"

static uint64_t now_of(const augs_pipeline *pipeline)
{
    return pipeline->now_ns != NULL ? pipeline->now_ns(pipeline->now_user) : augsi_now_ns();
}

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
        .plan = &options->plan,
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
    const uint32_t world_size = options->plan.world_size != 0 ? options->plan.world_size : 1;
    if (options->rank >= world_size) { /* before a journal is made */
        return augsi_fail(error, AUGS_E_RANGE, "pipeline: rank %u of %u; ranks are 0 to %u",
                          options->rank, world_size, world_size - 1);
    }
    pipeline->rank = options->rank;
    pipeline->world_size = world_size;
    int status = open_plan(pipeline, options, error);
    if (status < 0) {
        return status;
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
    pipeline->metrics = options->metrics;
    pipeline->now_ns = options->now_ns;
    pipeline->now_user = options->now_user;
    int status = open_parts(pipeline, stream, options, error);
    if (status < 0) {
        augs_pipeline_free(pipeline);
        return status;
    }
    *ret_pipeline = pipeline;
    return AUGS_OK;
}

void augsi_pipeline_note_last(augs_pipeline *pipeline)
{
    if (pipeline->metrics != NULL && pipeline->last.n_samples != 0) {
        augs_metrics_add(pipeline->metrics, &pipeline->last);
    }
    pipeline->last.n_samples = 0;
    pipeline->awaits = false;
}

void augs_pipeline_free(augs_pipeline *pipeline)
{
    if (pipeline != NULL) {
        augs_allocator allocator = pipeline->allocator;
        augsi_pipeline_note_last(pipeline);
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

static void tell_cost(augs_pipeline *pipeline, double seconds, uint64_t bytes,
                      uint64_t available_bytes)
{
    const augs_feedback feedback = {.size = sizeof feedback,
                                    .n_samples = pipeline->n_last,
                                    .seconds = seconds,
                                    .bytes = bytes,
                                    .available_bytes = available_bytes};
    pipeline->last.seconds = seconds >= 0 ? seconds : (double)NAN;
    pipeline->last.bytes = bytes;
    pipeline->last.available_bytes = available_bytes;
    pipeline->awaits = false;
    augsi_plan_observe(pipeline->plan, &feedback);
}

/* What the process itself took. A consumer that told less is believed until the difference could
 * bring memory to its end. Our own part is not the consumer's. */
static void tell_own_cost(augs_pipeline *pipeline, const augsi_own_cost *cost)
{
    augs_batch_metrics *last = &pipeline->last;
    const uint64_t ours = cost->n_samples * augs_stream_sample_bytes(pipeline->stream);
    const uint64_t bytes = last->bytes != 0 ? cost->least_bytes : cost->bytes;
    if (last->n_samples == 0 || bytes <= ours || (last->bytes != 0 && !cost->matters)) {
        return;
    }
    const augs_feedback feedback = {.size = sizeof feedback,
                                    .n_samples = cost->n_samples,
                                    .seconds = (double)NAN,
                                    .bytes = bytes - ours};
    if ((double)feedback.bytes * (double)last->n_samples <=
        (double)last->bytes * (double)feedback.n_samples) {
        return;
    }
    if (cost->bytes == cost->least_bytes && cost->n_samples == last->n_samples) {
        last->bytes = feedback.bytes;
    }
    augsi_plan_observe(pipeline->plan, &feedback);
}

/* The memory of now, and what the last batch did to it. */
static void look_at_memory(augs_pipeline *pipeline)
{
    if (pipeline->last.available_bytes != 0) { /* the consumer knows better */
        augsi_decisions_look(&pipeline->decisions);
        return;
    }
    const augsi_own_cost cost =
        augsi_decisions_measure(&pipeline->decisions, pipeline->last.n_samples);
    tell_own_cost(pipeline, &cost);
}

/* Between two batches. */
static void look_around(augs_pipeline *pipeline)
{
    if (pipeline->awaits) {
        const uint64_t now = now_of(pipeline);
        const uint64_t passed = now > pipeline->handed_out_ns ? now - pipeline->handed_out_ns : 0;
        tell_cost(pipeline, (double)passed * 1e-9, 0, 0);
    }
    look_at_memory(pipeline);
    const bool tight = pipeline->decisions.level >= AUGS_MEMORY_HIGH;
    if (tight || pipeline->tight) {
        augsi_batch_pool_set_tight(pipeline->pool, tight);
        pipeline->tight = tight;
    }
    augsi_pipeline_note_last(pipeline);
}

static void hand_out(augs_pipeline *pipeline, const augs_batch *batch, uint64_t step)
{
    pipeline->step = step + 1;
    pipeline->n_last = augs_batch_n_samples(batch);
    pipeline->last = (augs_batch_metrics){.size = sizeof pipeline->last,
                                          .epoch = augs_stream_epoch(pipeline->stream),
                                          .step = step,
                                          .n_samples = pipeline->n_last,
                                          .seconds = (double)NAN,
                                          .level = pipeline->decisions.level};
    const char *why = augsi_plan_why(pipeline->plan);
    memcpy(pipeline->last.why, why, strlen(why));
    pipeline->awaits = !augsi_plan_is_fixed(pipeline->plan) || pipeline->metrics != NULL;
    pipeline->handed_out_ns = pipeline->awaits ? now_of(pipeline) : 0;
}

int augs_pipeline_next(augs_pipeline *pipeline, augs_batch **ret_batch, augs_error *error)
{
    if (pipeline == NULL || ret_batch == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "pipeline: pipeline and ret_batch are required");
    }
    look_around(pipeline);
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
        hand_out(pipeline, batch, step);
        *ret_batch = batch;
        return 1;
    }
}

const char *augs_pipeline_why(const augs_pipeline *pipeline)
{
    return pipeline != NULL ? augsi_plan_why(pipeline->plan) : "";
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
    tell_cost(pipeline, seconds, bytes, available_bytes);
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
            pipeline->step--; /* it was not taken: the next call makes it again, and notes it */
            pipeline->last.n_samples = 0;
            pipeline->awaits = false;
            return status;
        }
        if (status > 0) {
            return augsi_fail(error, AUGS_E_CANCELLED,
                              "pipeline: the sink asked to stop after step %llu",
                              (unsigned long long)pipeline->step - 1);
        }
    }
}
