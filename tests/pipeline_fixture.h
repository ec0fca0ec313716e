/* SPDX-License-Identifier: Apache-2.0 */
/* Pipelines for tests, and batches compared with the stream they are of. */
#ifndef AUGS_TEST_PIPELINE_FIXTURE_H
#define AUGS_TEST_PIPELINE_FIXTURE_H

#include <augstream/pipeline.h>

#include "stream_fixture.h"

/* Fills in the sizes of all three structs. */
static inline int try_pipeline(augs_stream *stream, augs_pipeline_options options,
                               augs_strategy_options strategy, augs_pipeline **ret_pipeline,
                               augs_error *error)
{
    strategy.size = sizeof strategy;
    options.size = sizeof options;
    augs_plan_options plan = {.size = sizeof plan};
    if (options.plan != NULL) {
        plan = *options.plan;
        plan.size = sizeof plan;
    }
    plan.strategy_options = &strategy;
    options.plan = &plan;
    return augs_pipeline_open(stream, &options, ret_pipeline, error);
}

static inline augs_pipeline *open_pipeline(augs_stream *stream, augs_pipeline_options options,
                                           augs_strategy_options strategy)
{
    augs_pipeline *pipeline = NULL;
    augs_error error;
    AUGS_ASSERT_OK(try_pipeline(stream, options, strategy, &pipeline, &error), error);
    return pipeline;
}

/* What the batch handed out last cost. */
static inline int observe_last(augs_pipeline *pipeline, double seconds, uint64_t bytes,
                               uint64_t available_bytes, augs_error *error)
{
    const augs_feedback feedback = {.size = sizeof feedback,
                                    .step = AUGS_STEP_LAST,
                                    .seconds = seconds,
                                    .bytes = bytes,
                                    .available_bytes = available_bytes};
    return augs_pipeline_observe(pipeline, &feedback, error);
}

/* One rank, batches of `batch_size`. */
static inline augs_pipeline *open_batches(augs_stream *stream, uint64_t batch_size)
{
    return open_pipeline(stream, (augs_pipeline_options){.rank = 0},
                         (augs_strategy_options){.batch_size = batch_size});
}

static inline augs_batch *next_batch(augs_pipeline *pipeline)
{
    augs_batch *batch = NULL;
    augs_error error;
    AUGS_ASSERT_STATUS(1, augs_pipeline_next(pipeline, &batch, &error), error);
    ck_assert_ptr_nonnull(batch);
    return batch;
}

static inline void expect_end(augs_pipeline *pipeline)
{
    augs_batch *batch = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augs_pipeline_next(pipeline, &batch, &error), error);
    ck_assert_ptr_null(batch);
}

static inline augs_batch_info info_of(const augs_batch *batch)
{
    augs_batch_info info = {.size = sizeof info};
    ck_assert_int_eq(augs_batch_get_info(batch, &info), 0);
    return info;
}

/* The position of sample k, as batch.h tells it. */
static inline uint64_t position_of(const augs_batch_info *info, uint64_t k)
{
    const uint64_t n_body = info->n_samples - info->n_padded;
    return k < n_body ? info->first + info->stride * k
                      : info->pad_first + (k - n_body) * info->pad_stride;
}

/* All records of a stream of n samples. */
static inline table whole_of(const augs_stream *stream)
{
    table t = table_new(stream, augs_stream_n_samples(stream));
    fill(stream, 0, 1, t.n_samples, &t);
    return t;
}

/* Every sample of the batch is the record of its position. */
static inline void assert_batch_of(const augs_batch *batch, const table *whole)
{
    const augs_batch_info info = info_of(batch);
    ck_assert_uint_eq(augs_batch_n_samples(batch), info.n_samples);
    ck_assert_uint_eq(augs_batch_n_columns(batch), whole->n_columns);
    for (uint32_t c = 0; c < whole->n_columns; c++) {
        const char *data = augs_batch_column_data(batch, c);
        const uint64_t n = whole->bytes[c];
        for (uint64_t k = 0; k < info.n_samples; k++) {
            const uint64_t position = position_of(&info, k);
            ck_assert_uint_lt(position, whole->n_samples);
            ck_assert_msg(memcmp(data + k * n, (char *)whole->columns[c] + position * n, n) == 0,
                          "column %u: sample %llu is not the record of position %llu", c,
                          (unsigned long long)k, (unsigned long long)position);
        }
    }
}

static inline void assert_same_batches(const augs_batch *a, const augs_batch *b)
{
    size_t n_a, n_b;
    const void *slab_a = augs_batch_slab(a, &n_a), *slab_b = augs_batch_slab(b, &n_b);
    const augs_batch_info info_a = info_of(a), info_b = info_of(b);
    ck_assert_mem_eq(&info_a, &info_b, sizeof info_a);
    ck_assert_uint_eq(n_a, n_b);
    ck_assert_mem_eq(slab_a, slab_b, n_a);
}

static inline augs_allocator counting_allocator(counting_memory *memory)
{
    return (augs_allocator){.size = sizeof(augs_allocator),
                            .allocate = counting_allocate,
                            .release = counting_release,
                            .user = memory};
}

#endif
