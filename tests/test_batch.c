/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "base/checksum.h"
#include "base/memory.h"
#include "pipeline/batch/batch_pool.h"
#include "pipeline_fixture.h"

START_TEST(a_batch_tells_its_columns_as_its_stream_does)
{
    augs_stream *stream = mixed_open(AUGS_ORDER_SHUFFLED, 100, 1, 0);
    augs_pipeline *pipeline = open_batches(stream, 10);
    augs_batch *batch = next_batch(pipeline);
    const uint32_t n = augs_batch_n_columns(batch);
    ck_assert_uint_eq(n, MIXED_COLUMNS + 1);
    ck_assert_ptr_eq(augs_batch_stream(batch), stream);
    for (uint32_t c = 0; c < n; c++) {
        augs_column_info info = {.size = sizeof info};
        ck_assert_int_eq(augs_stream_column(stream, c, &info), 0);
        ck_assert_str_eq(augs_batch_column_name(batch, c), info.name);
        ck_assert_uint_eq(augs_batch_column_dtype(batch, c), info.dtype);
        ck_assert_uint_eq(augs_batch_column_shape(batch, c), info.shape);
        ck_assert_uint_eq(augs_batch_column_width(batch, c), info.width);
        ck_assert_int_eq(augs_batch_find_column(batch, info.name), (int)c);
    }
    ck_assert_str_eq(augs_batch_column_name(batch, 0), "sample_id");
    const uint32_t beyond[] = {n, n + 1, UINT32_MAX};
    for (size_t i = 0; i < 3; i++) {
        ck_assert_ptr_null(augs_batch_column_name(batch, beyond[i]));
        ck_assert_ptr_null(augs_batch_column_data(batch, beyond[i]));
        ck_assert_uint_eq(augs_batch_column_dtype(batch, beyond[i]), 0);
        ck_assert_uint_eq(augs_batch_column_shape(batch, beyond[i]), 0);
        ck_assert_uint_eq(augs_batch_column_width(batch, beyond[i]), 0);
    }
    ck_assert_int_eq(augs_batch_find_column(batch, "no such column"), AUGS_E_NOT_FOUND);
    ck_assert_int_eq(augs_batch_find_column(batch, ""), AUGS_E_NOT_FOUND);
    ck_assert_int_eq(augs_batch_find_column(batch, NULL), AUGS_E_ARGUMENT);
    ck_assert_int_eq(augs_batch_find_column(NULL, "sample_id"), AUGS_E_ARGUMENT);
    ck_assert_int_eq(augs_preset_find_column(augs_stream_preset(stream), NULL), AUGS_E_ARGUMENT);
    ck_assert_int_eq(augs_preset_find_column(NULL, "sample_id"), AUGS_E_ARGUMENT);
    augs_column_info info = {.size = sizeof info};
    ck_assert_int_eq(augs_stream_column(NULL, 0, &info), AUGS_E_ARGUMENT);
    ck_assert_int_eq(augs_stream_column(NULL, 1, &info), AUGS_E_ARGUMENT);
    ck_assert_ptr_eq(augs_batch_slab(batch, NULL), augs_batch_column_data(batch, 0));
    augs_batch_unref(batch);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(info_says_where_a_batch_stands)
{
    augs_stream *stream = mixed_open(AUGS_ORDER_SEQUENTIAL, 23, 1, 6);
    augs_pipeline *pipeline = open_pipeline(
        stream, (augs_pipeline_options){.rank = 2, .plan = &(augs_plan_options){.world_size = 3}},
        (augs_strategy_options){.batch_size = 4});
    augs_batch *batch = next_batch(pipeline);
    augs_batch_info info = info_of(batch);
    const augs_batch_info first = {.size = sizeof first,
                                   .epoch = 6,
                                   .first = 2,
                                   .stride = 3,
                                   .n_samples = 4,
                                   .rank = 2,
                                   .world_size = 3};
    ck_assert_mem_eq(&info, &first, sizeof first);
    augs_batch_unref(batch);
    batch = next_batch(pipeline); /* 12 to 22 are 11 positions for 3 ranks */
    info = info_of(batch);
    const augs_batch_info last = {.size = sizeof last,
                                  .epoch = 6,
                                  .step = 1,
                                  .first = 14,
                                  .stride = 3,
                                  .n_samples = 4,
                                  .flags = AUGS_BATCH_LAST | AUGS_BATCH_PADDED,
                                  .n_padded = 1,
                                  .pad_first = 0,
                                  .pad_stride = 3,
                                  .rank = 2,
                                  .world_size = 3};
    ck_assert_mem_eq(&info, &last, sizeof last);

    augs_batch_info small = {.size = sizeof small - 1, .n_samples = 77};
    ck_assert_int_eq(augs_batch_get_info(batch, &small), AUGS_E_ARGUMENT);
    ck_assert_uint_eq(small.n_samples, 77);
    ck_assert_int_eq(augs_batch_get_info(batch, NULL), AUGS_E_ARGUMENT);
    ck_assert_int_eq(augs_batch_get_info(NULL, &info), AUGS_E_ARGUMENT);
    augs_batch_unref(batch);
    augs_batch_unref(NULL);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

static uint64_t up_to_64(uint64_t n_bytes)
{
    return (n_bytes + 63) / 64 * 64;
}

static void expect_layout(const augs_batch *batch)
{
    static const char zeros[64];
    size_t n_bytes = 0;
    const char *slab = augs_batch_slab(batch, &n_bytes);
    const char *at = slab;
    ck_assert_uint_eq((uintptr_t)slab % 64, 0);
    for (uint32_t c = 0; c < augs_batch_n_columns(batch); c++) {
        const uint64_t n =
            augs_batch_n_samples(batch) * augs_stream_column_bytes(augs_batch_stream(batch), c);
        ck_assert_ptr_eq(augs_batch_column_data(batch, c), at);
        ck_assert_mem_eq(at + n, zeros, up_to_64(n) - n);
        at += up_to_64(n);
    }
    ck_assert_uint_eq(n_bytes, (size_t)(at - slab));
    ck_assert_uint_eq(n_bytes,
                      augsi_slab_bytes(augs_batch_stream(batch), augs_batch_n_samples(batch)));
}

/* The slab is used again: what lies in the gaps then are records of a larger batch. */
START_TEST(columns_lie_64_byte_aligned_in_one_slab_and_gaps_are_zero)
{
    augs_stream *stream = mixed_open(AUGS_ORDER_SEQUENTIAL, 400, 1, 0);
    table whole = whole_of(stream);
    augsi_batch_pool *pool = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augsi_batch_pool_open(stream, false, &pool, &error), error);
    for (uint64_t n = 1; n <= 140; n += (uint64_t)rounds(1, 5)) {
        const uint64_t sizes[] = {n, 200, n + 1, 1};
        for (size_t i = 0; i < 4; i++) {
            augs_batch *batch = NULL;
            const augsi_slice slice = {.body = {n, 1, sizes[i]}};
            AUGS_ASSERT_OK(augsi_batch_make(pool, stream, &slice, 0, 0, 1, &batch, &error), error);
            expect_layout(batch);
            assert_batch_of(batch, &whole);
            augs_batch_unref(batch);
        }
    }
    augsi_batch_pool_free(pool);
    table_free(&whole);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(a_batch_too_large_for_memory_is_out_of_range)
{
    augs_stream *stream = uniform_open(1, AUGS_ENDLESS);
    augsi_batch_pool *pool = NULL;
    augs_batch *batch = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augsi_batch_pool_open(stream, false, &pool, &error), error);
    const uint64_t sizes[] = {UINT64_MAX, UINT64_MAX / 12, UINT64_MAX / 64, UINT64_MAX / 256};
    for (size_t i = 0; i < 4; i++) {
        AUGS_ASSERT_STATUS(AUGS_E_RANGE, augsi_batch_take(pool, stream, sizes[i], &batch, &error),
                           error);
        ck_assert_ptr_null(batch);
    }
    AUGS_ASSERT_OK(augsi_batch_take(pool, stream, 1, &batch, &error), error);
    augs_batch_unref(batch);
    augsi_batch_pool_free(pool);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(a_slice_that_leaves_its_stream_makes_no_batch_and_holds_no_memory)
{
    counting_memory memory = {.left = UINT64_MAX};
    augs_stream *stream =
        open_stream(mixed_preset(&memory, false), AUGS_ORDER_SEQUENTIAL, 100, 9, 0);
    const uint64_t before = memory.n_held;
    const augsi_slice slices[] = {
        {.body = {99, 1, 2}},
        {.body = {0, 1, 10}, .pad_first = 99, .pad_stride = 1, .pad_count = 2, .window_n = 101}};
    for (size_t i = 0; i < 2; i++) {
        augsi_batch_pool *pool = NULL;
        augs_batch *batch = NULL;
        augs_error error;
        AUGS_ASSERT_OK(augsi_batch_pool_open(stream, false, &pool, &error), error);
        AUGS_ASSERT_STATUS(AUGS_E_RANGE,
                           augsi_batch_make(pool, stream, &slices[i], 0, 0, 1, &batch, &error),
                           error);
        ck_assert_ptr_null(batch);
        augsi_batch_pool_free(pool);
        ck_assert_uint_eq(memory.n_held, before);
    }
    augs_stream_unref(stream);
}
END_TEST

/* Whatever happens around it, as long as someone holds it. */
START_TEST(a_batch_keeps_its_bytes_as_long_as_it_is_held)
{
    counting_memory memory = {.left = UINT64_MAX};
    augs_stream *stream = open_stream(mixed_preset(&memory, false), AUGS_ORDER_SHUFFLED, 200, 9, 0);
    augs_pipeline *pipeline = open_batches(stream, 16);
    augs_error error;
    augs_batch *held[4];
    char *copies[4];
    size_t sizes[4];
    for (size_t i = 0; i < 4; i++) {
        held[i] = next_batch(pipeline);
        const void *slab = augs_batch_slab(held[i], &sizes[i]);
        copies[i] = malloc(sizes[i]);
        memcpy(copies[i], slab, sizes[i]);
        ck_assert_ptr_eq(augs_batch_ref(held[i]), held[i]);
        augs_batch_unref(held[i]);
    }
    for (uint32_t epoch = 1; epoch < 4; epoch++) {
        AUGS_ASSERT_OK(augs_pipeline_set_epoch(pipeline, epoch, &error), error);
        for (int i = 0; i < 13; i++) {
            augs_batch_unref(next_batch(pipeline));
        }
        expect_end(pipeline);
    }
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
    for (uint64_t i = 0; i < 4; i++) {
        size_t n_bytes;
        ck_assert_mem_eq(augs_batch_slab(held[i], &n_bytes), copies[i], sizes[i]);
        ck_assert_uint_eq(n_bytes, sizes[i]);
        const augs_batch_info info = info_of(held[i]);
        ck_assert_uint_eq(info.step, i);
        ck_assert_uint_eq(info.epoch, 0);
        ck_assert_uint_eq(augs_stream_epoch(augs_batch_stream(held[i])), 0);
        ck_assert_str_eq(augs_batch_column_name(held[i], 1), "apply");
        ck_assert_uint_gt(memory.n_held, 0);
        augs_batch_unref(held[i]);
        free(copies[i]);
    }
    ck_assert_uint_eq(memory.n_held, 0); /* the last one took pool, stream and preset with it */
}
END_TEST

START_TEST(after_a_warm_up_batches_allocate_nothing)
{
    enum { HELD = 5, SIZE = 24 };
    counting_memory memory = {.left = UINT64_MAX};
    augs_stream *stream =
        open_stream(mixed_preset(&memory, false), AUGS_ORDER_SHUFFLED, MIXED_SAMPLES, 9, 0);
    augs_pipeline *pipeline = open_batches(stream, SIZE);
    augs_batch *held[HELD];
    for (int i = 0; i < HELD; i++) {
        held[i] = next_batch(pipeline);
    }
    const uint64_t n_calls = memory.n_calls;
    memory.left = 0;
    /* the oldest goes, the next one comes; the smaller one at the end as well */
    for (uint64_t step = HELD; step < (MIXED_SAMPLES + SIZE - 1) / SIZE; step++) {
        augs_batch_unref(held[step % HELD]);
        held[step % HELD] = next_batch(pipeline);
    }
    expect_end(pipeline);
    ck_assert_uint_eq(memory.n_calls, n_calls);
    for (int i = 0; i < HELD; i++) {
        augs_batch_unref(held[i]);
    }
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
    ck_assert_uint_eq(memory.n_held, 0);
}
END_TEST

/* The slab of a small batch is given back before a larger one is made: nothing piles up. */
START_TEST(batches_that_grow_replace_their_slabs)
{
    counting_memory memory = {.left = UINT64_MAX};
    augs_stream *stream =
        open_stream(mixed_preset(&memory, false), AUGS_ORDER_SEQUENTIAL, 5000, 9, 0);
    augsi_batch_pool *pool = NULL;
    augs_batch *batch = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augsi_batch_pool_open(stream, false, &pool, &error), error);
    const uint64_t without = memory.n_held;
    for (uint64_t n = 1; n < 300; n++) {
        AUGS_ASSERT_OK(augsi_batch_take(pool, stream, n, &batch, &error), error);
        augs_batch_unref(batch);
        ck_assert_uint_eq(memory.n_held, without + 2);
    }
    memory.left = 0; /* the larger slab fails: no batch, and no slab that is counted as larger */
    AUGS_ASSERT_STATUS(AUGS_E_NO_MEMORY, augsi_batch_take(pool, stream, 2000, &batch, &error),
                       error);
    ck_assert_uint_eq(memory.n_held, without);
    memory.left = UINT64_MAX;
    for (int i = 0; i < 2; i++) {
        AUGS_ASSERT_OK(augsi_batch_take(pool, stream, 2000, &batch, &error), error);
        size_t n_bytes;
        memset(augsi_batch_slab_edit(batch, &n_bytes), 0x5a, augsi_slab_bytes(stream, 2000));
        augs_batch_unref(batch);
    }
    augsi_batch_pool_free(pool);
    augs_stream_unref(stream);
    ck_assert_uint_eq(memory.n_held, 0);
}
END_TEST

static void add_128(uint64_t sum[2], const uint64_t part[2])
{
    sum[0] += part[0];
    sum[1] += part[1] + (sum[0] < part[0]);
}

/* As batch.h defines it, record by record; a column named `batch` stays out. */
static void slow_digest(const augs_batch *batch, uint64_t sum[2])
{
    static char record[1 << 15];
    sum[0] = sum[1] = 0;
    for (uint64_t k = 0; k < augs_batch_n_samples(batch); k++) {
        size_t n = 0;
        for (uint32_t c = 0; c < augs_batch_n_columns(batch); c++) {
            static const size_t of_dtype[] = {[AUGS_DTYPE_F32] = 4,
                                              [AUGS_DTYPE_I32] = 4,
                                              [AUGS_DTYPE_U64] = 8,
                                              [AUGS_DTYPE_I64] = 8,
                                              [AUGS_DTYPE_BOOL] = 1};
            if (strcmp(augs_batch_column_name(batch, c), "batch") == 0) {
                continue;
            }
            const size_t bytes = of_dtype[augs_batch_column_dtype(batch, c)] *
                                 augs_batch_column_shape(batch, c) *
                                 augs_batch_column_width(batch, c);
            ck_assert_uint_le(n + bytes, sizeof record);
            memcpy(record + n, (const char *)augs_batch_column_data(batch, c) + k * bytes, bytes);
            n += bytes;
        }
        const augsi_hash128 hash = augsi_hash128_of(record, n);
        add_128(sum, (uint64_t[2]){hash.low, hash.high});
    }
}

static void expect_digests(augs_stream *stream, bool batch_index)
{
    augsi_batch_pool *pool = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augsi_batch_pool_open(stream, batch_index, &pool, &error), error);
    for (uint64_t n = 1; n <= 130; n += n < 10 ? 1 : 7) {
        augs_batch *batch = NULL;
        uint64_t expected[2], digest[2];
        const augsi_slice slice = {.body = {3, 2, n}};
        AUGS_ASSERT_OK(augsi_batch_make(pool, stream, &slice, n, 0, 1, &batch, &error), error);
        slow_digest(batch, expected);
        augs_batch_digest(batch, digest);
        ck_assert_uint_eq(digest[0], expected[0]);
        ck_assert_uint_eq(digest[1], expected[1]);
        augs_batch_unref(batch);
    }
    augsi_batch_pool_free(pool);
    augs_stream_unref(stream);
}

START_TEST(a_digest_is_the_sum_of_the_hashes_of_records)
{
    for (int batch_index = 0; batch_index < 2; batch_index++) {
        expect_digests(mixed_open(AUGS_ORDER_SEQUENTIAL, 1000, 5, 2), batch_index);
        expect_digests(uniform_open(1, 1000), batch_index);
        expect_digests(uniform_open(7, 1000), batch_index);
    }
}
END_TEST

START_TEST(digests_of_any_cut_and_order_add_up_to_the_same_sum)
{
    uint64_t sums[4][2] = {{0}};
    const uint64_t sizes[4] = {777, 1, 64, 50};
    for (int i = 0; i < 4; i++) {
        augs_stream *stream =
            mixed_open(i % 2 == 0 ? AUGS_ORDER_SEQUENTIAL : AUGS_ORDER_SHUFFLED, 777, 5, 0);
        augs_pipeline *pipeline = open_batches(stream, sizes[i]);
        augs_batch *batch = NULL;
        while (augs_pipeline_next(pipeline, &batch, NULL) == 1) {
            uint64_t digest[2];
            augs_batch_digest(batch, digest);
            add_128(sums[i], digest);
            augs_batch_unref(batch);
        }
        augs_pipeline_free(pipeline);
        augs_stream_unref(stream);
        ck_assert_uint_eq(sums[i][0], sums[0][0]);
        ck_assert_uint_eq(sums[i][1], sums[0][1]);
    }
}
END_TEST

START_TEST(a_batch_may_carry_its_step_as_a_column)
{
    augs_stream *stream = mixed_open(AUGS_ORDER_SEQUENTIAL, 100, 5, 0);
    augsi_batch_pool *pool = NULL;
    augs_batch *batch = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augsi_batch_pool_open(stream, true, &pool, &error), error);
    const augsi_slice slice = {.body = {10, 1, 50}};
    AUGS_ASSERT_OK(augsi_batch_make(pool, stream, &slice, 1234567890123, 0, 1, &batch, &error),
                   error);
    ck_assert_uint_eq(augs_batch_n_columns(batch), augs_stream_n_columns(stream) + 1);
    ck_assert_str_eq(augs_batch_column_name(batch, 0), "sample_id");
    ck_assert_str_eq(augs_batch_column_name(batch, 1), "batch");
    ck_assert_uint_eq(augs_batch_column_dtype(batch, 1), AUGS_DTYPE_I64);
    ck_assert_uint_eq(augs_batch_column_shape(batch, 1), 1);
    ck_assert_uint_eq(augs_batch_column_width(batch, 1), 1);
    ck_assert_int_eq(augs_batch_find_column(batch, "batch"), 1);
    const uint64_t *steps = augs_batch_column_data(batch, 1);
    table expected = table_new(stream, 50);
    fill(stream, 10, 1, 50, &expected);
    for (int k = 0; k < 50; k++) {
        ck_assert_uint_eq(steps[k], 1234567890123);
    }
    for (uint32_t c = 0; c < expected.n_columns; c++) {
        augs_column_info info = {.size = sizeof info};
        ck_assert_int_eq(augs_stream_column(stream, c, &info), 0);
        const int at = augs_batch_find_column(batch, info.name);
        ck_assert_int_eq(at, (int)(c == 0 ? 0 : c + 1));
        ck_assert_mem_eq(augs_batch_column_data(batch, (uint32_t)at), expected.columns[c],
                         50 * expected.bytes[c]);
    }
    table_free(&expected);
    augs_batch_unref(batch);
    augsi_batch_pool_free(pool);
    augs_stream_unref(stream);
}
END_TEST

#define N_READERS 4u
#define QUEUE 8u

typedef struct batch_queue {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    augs_batch *at[QUEUE];
    uint64_t n_in, n_out;
    bool closed;
    uint64_t n_good, n_samples; /* of what was taken out */
} batch_queue;

static void put_batch(batch_queue *queue, augs_batch *batch)
{
    pthread_mutex_lock(&queue->mutex);
    while (queue->n_in - queue->n_out == QUEUE) {
        pthread_cond_wait(&queue->changed, &queue->mutex);
    }
    queue->at[queue->n_in++ % QUEUE] = batch;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
}

static augs_batch *get_batch(batch_queue *queue)
{
    augs_batch *batch = NULL;
    pthread_mutex_lock(&queue->mutex);
    while (queue->n_in == queue->n_out && !queue->closed) {
        pthread_cond_wait(&queue->changed, &queue->mutex);
    }
    if (queue->n_in != queue->n_out) {
        batch = queue->at[queue->n_out++ % QUEUE];
    }
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
    return batch;
}

/* Reads a batch from its first byte to its last, then lets it go. */
static void *read_batches(void *argument)
{
    batch_queue *queue = argument;
    augs_batch *batch;
    while ((batch = get_batch(queue)) != NULL) {
        const uint64_t n = augs_batch_n_samples(batch);
        table again = table_new(augs_batch_stream(batch), n);
        const augs_batch_info info = info_of(batch);
        fill(augs_batch_stream(batch), info.first, info.stride, n, &again);
        bool good = true;
        for (uint32_t c = 0; c < again.n_columns; c++) {
            good = good && memcmp(augs_batch_column_data(batch, c), again.columns[c],
                                  n * again.bytes[c]) == 0;
        }
        table_free(&again);
        augs_batch_unref(batch);
        pthread_mutex_lock(&queue->mutex);
        queue->n_good += good;
        queue->n_samples += n;
        pthread_mutex_unlock(&queue->mutex);
    }
    return NULL;
}

/* Each batch has two readers, who let it go while the pipeline takes slabs, and after its end. */
START_TEST(threads_let_batches_go_while_others_are_made_and_after_the_pipeline_is_gone)
{
    batch_queue queue = {.closed = false};
    pthread_t readers[N_READERS];
    pthread_mutex_init(&queue.mutex, NULL);
    pthread_cond_init(&queue.changed, NULL);
    for (uint32_t i = 0; i < N_READERS; i++) {
        ck_assert_int_eq(pthread_create(&readers[i], NULL, read_batches, &queue), 0);
    }
    const uint64_t n = (uint64_t)rounds(5000, 2500);
    augs_stream *stream = uniform_open(8, n);
    augs_pipeline *pipeline = open_batches(stream, 10);
    augs_stream_unref(stream);
    for (uint64_t step = 0; step < n / 10; step++) {
        augs_batch *batch = next_batch(pipeline);
        put_batch(&queue, augs_batch_ref(batch));
        put_batch(&queue, batch);
    }
    augs_pipeline_free(pipeline);
    pthread_mutex_lock(&queue.mutex);
    queue.closed = true;
    pthread_cond_broadcast(&queue.changed);
    pthread_mutex_unlock(&queue.mutex);
    for (uint32_t i = 0; i < N_READERS; i++) {
        pthread_join(readers[i], NULL);
    }
    ck_assert_uint_eq(queue.n_good, 2 * n / 10);
    ck_assert_uint_eq(queue.n_samples, 2 * n);
    pthread_cond_destroy(&queue.changed);
    pthread_mutex_destroy(&queue.mutex);
}
END_TEST

AUGS_SUITE("batch", a_batch_tells_its_columns_as_its_stream_does, info_says_where_a_batch_stands,
           columns_lie_64_byte_aligned_in_one_slab_and_gaps_are_zero,
           a_batch_too_large_for_memory_is_out_of_range,
           a_slice_that_leaves_its_stream_makes_no_batch_and_holds_no_memory,
           a_batch_keeps_its_bytes_as_long_as_it_is_held, after_a_warm_up_batches_allocate_nothing,
           batches_that_grow_replace_their_slabs, a_digest_is_the_sum_of_the_hashes_of_records,
           digests_of_any_cut_and_order_add_up_to_the_same_sum,
           a_batch_may_carry_its_step_as_a_column,
           threads_let_batches_go_while_others_are_made_and_after_the_pipeline_is_gone)
