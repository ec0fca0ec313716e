/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/batch/batch_pool.h"

#include <pthread.h>
#include <string.h>

#include "base/fail.h"
#include "base/recent.h"
#include "pipeline/batch/batch_impl.h"
#include "pipeline/stream/stream_impl.h"

struct augsi_batch_pool {
    augsi_refcount refcount; /* the owner and every batch that is out */
    augs_allocator allocator;
    augs_stream *layout;
    bool batch_index;
    uint32_t n_columns;
    pthread_mutex_t mutex; /* of what follows */
    augs_batch *free;
    bool closed; /* the owner is gone: batches that come back are freed */
    bool tight;  /* memory is short: nothing is kept that the next batch does not need */
    uint64_t n_free, n_out;
    augsi_recent slab_bytes, batches; /* that were asked for; that were out at once */
    uint64_t last_bytes;              /* of the slab that was asked for last */
};

static uint64_t round_up(uint64_t n_bytes)
{
    return (n_bytes + AUGSI_SLAB_ALIGNMENT - 1) / AUGSI_SLAB_ALIGNMENT * AUGSI_SLAB_ALIGNMENT;
}

/* So many samples that their bytes, with the gaps between the columns, cannot be counted. */
static bool is_too_large(const augs_stream *stream, uint64_t n_samples)
{
    return n_samples > (UINT64_MAX / 4) / (augs_stream_sample_bytes(stream) + AUGSI_SLAB_ALIGNMENT);
}

static uint64_t slab_bytes(const augs_stream *stream, bool batch_index, uint64_t n_samples)
{
    uint64_t n_bytes = batch_index ? round_up(n_samples * sizeof(uint64_t)) : 0;
    for (uint32_t i = 0; i < augs_stream_n_columns(stream); i++) {
        n_bytes += round_up(n_samples * augs_stream_column_bytes(stream, i));
    }
    return n_bytes;
}

uint64_t augsi_slab_bytes(const augs_stream *stream, uint64_t n_samples)
{
    return is_too_large(stream, n_samples) ? UINT64_MAX : slab_bytes(stream, false, n_samples);
}

int augsi_batch_pool_open(augs_stream *stream, bool batch_index, augsi_batch_pool **ret_pool,
                          augs_error *error)
{
    const augs_allocator *allocator = augsi_stream_allocator(stream);
    augsi_batch_pool *pool = augsi_new(allocator, sizeof *pool);
    if (pool == NULL) {
        return augsi_fail_memory(error, sizeof *pool);
    }
    augsi_refcount_init(&pool->refcount);
    pool->allocator = *allocator;
    pool->layout = augs_stream_ref(stream);
    pool->batch_index = batch_index;
    pool->n_columns = augs_stream_n_columns(stream) + batch_index;
    pthread_mutex_init(&pool->mutex, NULL);
    *ret_pool = pool;
    return AUGS_OK;
}

static size_t object_bytes(const augsi_batch_pool *pool)
{
    return sizeof(augs_batch) + pool->n_columns * sizeof(void *);
}

static void batch_free(augsi_batch_pool *pool, augs_batch *batch)
{
    augsi_delete(&pool->allocator, batch->slab, batch->slab_capacity);
    augsi_delete(&pool->allocator, batch, object_bytes(pool));
}

static void pool_drop(augsi_batch_pool *pool)
{
    if (augsi_refcount_drop(&pool->refcount)) {
        augs_allocator allocator = pool->allocator;
        augs_stream_unref(pool->layout);
        pthread_mutex_destroy(&pool->mutex);
        augsi_delete(&allocator, pool, sizeof *pool);
    }
}

static void free_list(augsi_batch_pool *pool, augs_batch *batch)
{
    while (batch != NULL) {
        augs_batch *next = batch->next_free;
        batch_free(pool, batch);
        batch = next;
    }
}

void augsi_batch_pool_free(augsi_batch_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    pthread_mutex_lock(&pool->mutex);
    augs_batch *batch = pool->free;
    pool->free = NULL;
    pool->n_free = 0;
    pool->closed = true;
    pthread_mutex_unlock(&pool->mutex);
    free_list(pool, batch);
    pool_drop(pool);
}

/* ---- what is kept ----
 *
 * Steady batches are to allocate nothing, and memory is to come back after sizes shrank or fewer
 * batches are out. So slabs of up to twice the size that was needed lately are kept, and spare
 * batches beside twice as many as were out at once: both go up and down a little all the time,
 * the second most where threads take turns.
 */
#define SIZE_SPAN 8u
#define COUNT_SPAN 32u
#define SPARE_BATCHES 4u

static uint64_t most_bytes(const augsi_batch_pool *pool)
{
    return pool->tight ? pool->last_bytes + pool->last_bytes / 4
                       : 2 * augsi_recent_most(&pool->slab_bytes);
}

static uint64_t most_batches(const augsi_batch_pool *pool)
{
    return pool->tight ? pool->n_out + 1 : 2 * augsi_recent_most(&pool->batches) + SPARE_BATCHES;
}

static bool worth_keeping(const augsi_batch_pool *pool, const augs_batch *batch)
{
    return !pool->closed && batch->slab_capacity <= most_bytes(pool) &&
           pool->n_out + pool->n_free < most_batches(pool);
}

static void push_free(augsi_batch_pool *pool, augs_batch *batch)
{
    batch->next_free = pool->free;
    pool->free = batch;
    pool->n_free++;
}

/* Takes what is not worth keeping any more out of the pool: a list for free_list, outside of the
 * mutex. */
static augs_batch *cut_surplus(augsi_batch_pool *pool)
{
    augs_batch *batch = pool->free, *surplus = NULL;
    pool->free = NULL;
    pool->n_free = 0;
    while (batch != NULL) {
        augs_batch *next = batch->next_free;
        if (worth_keeping(pool, batch)) {
            push_free(pool, batch);
        } else {
            batch->next_free = surplus;
            surplus = batch;
        }
        batch = next;
    }
    return surplus;
}

/* A batch of n_bytes is out from now on. true: what is kept should be looked through. The span of
 * the counts is long enough for a consumer that collects batches and then drops them all. */
static bool note_need(augsi_batch_pool *pool, uint64_t n_bytes)
{
    const uint64_t count_span = COUNT_SPAN + 2 * augsi_recent_most(&pool->batches);
    pool->n_out++;
    pool->last_bytes = n_bytes;
    const bool sizes = augsi_recent_add(&pool->slab_bytes, n_bytes, SIZE_SPAN);
    const bool counts = augsi_recent_add(&pool->batches, pool->n_out, count_span);
    return sizes || counts;
}

void augsi_batch_give_back(augs_batch *batch)
{
    augsi_batch_pool *pool = batch->pool;
    augs_stream_unref(batch->stream);
    batch->stream = NULL;
    pthread_mutex_lock(&pool->mutex);
    pool->n_out--;
    bool keep = worth_keeping(pool, batch);
    if (keep) {
        push_free(pool, batch);
    }
    pthread_mutex_unlock(&pool->mutex);
    if (!keep) {
        batch_free(pool, batch);
    }
    pool_drop(pool);
}

void augsi_batch_pool_set_tight(augsi_batch_pool *pool, bool tight)
{
    augs_batch *surplus = NULL;
    pthread_mutex_lock(&pool->mutex);
    pool->tight = tight;
    if (tight) {
        surplus = cut_surplus(pool);
    }
    pthread_mutex_unlock(&pool->mutex);
    free_list(pool, surplus);
}

/* All that is free; false: there was nothing. */
static bool free_all(augsi_batch_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    augs_batch *all = pool->free;
    pool->free = NULL;
    pool->n_free = 0;
    pthread_mutex_unlock(&pool->mutex);
    free_list(pool, all);
    return all != NULL;
}

/* The first that is large enough, or else any; NULL: none is free. */
static augs_batch *pop_free(augsi_batch_pool *pool, uint64_t n_bytes)
{
    augs_batch **at = &pool->free;
    while (*at != NULL && (*at)->slab_capacity < n_bytes) {
        at = &(*at)->next_free;
    }
    at = *at != NULL ? at : &pool->free;
    augs_batch *batch = *at;
    if (batch != NULL) {
        *at = batch->next_free;
        pool->n_free--;
    }
    return batch;
}

/* A free batch, whose slab may be missing, or NULL; a batch counts as out. */
static augs_batch *take_free(augsi_batch_pool *pool, uint64_t n_bytes)
{
    pthread_mutex_lock(&pool->mutex);
    augs_batch *batch = pop_free(pool, n_bytes);
    augs_batch *surplus = note_need(pool, n_bytes) ? cut_surplus(pool) : NULL;
    const uint64_t most = most_bytes(pool);
    pthread_mutex_unlock(&pool->mutex);
    free_list(pool, surplus);
    if (batch != NULL && (batch->slab_capacity < n_bytes || batch->slab_capacity > most)) {
        augsi_delete(&pool->allocator, batch->slab, batch->slab_capacity);
        batch->slab = NULL;
        batch->slab_capacity = 0;
    }
    return batch;
}

/* The batch that was to be out is not. */
static void take_back(augsi_batch_pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pool->n_out--;
    pthread_mutex_unlock(&pool->mutex);
}

/* Columns of n samples one after the other, each at a multiple of 64, with zeros between them. */
static void lay_out(augs_batch *batch, uint64_t n_samples)
{
    char *at = batch->slab;
    for (uint32_t i = 0; i < batch->n_columns; i++) {
        bool index = batch->batch_index && i == 1;
        uint32_t source = batch->batch_index && i > 1 ? i - 1 : i;
        uint64_t n_bytes = n_samples * (index ? sizeof(uint64_t)
                                              : augs_stream_column_bytes(batch->stream, source));
        batch->columns[i] = at;
        memset(at + n_bytes, 0, round_up(n_bytes) - n_bytes);
        at += round_up(n_bytes);
    }
}

/* Where memory ends, the free batches go first. */
static void *allocate_slab(augsi_batch_pool *pool, uint64_t n_bytes)
{
    void *slab = augsi_new_slab(&pool->allocator, n_bytes);
    return slab == NULL && free_all(pool) ? augsi_new_slab(&pool->allocator, n_bytes) : slab;
}

static augs_batch *allocate_batch(augsi_batch_pool *pool)
{
    augs_batch *batch = augsi_new(&pool->allocator, object_bytes(pool));
    if (batch == NULL && free_all(pool)) {
        batch = augsi_new(&pool->allocator, object_bytes(pool));
    }
    if (batch != NULL) {
        batch->pool = pool;
        batch->n_columns = pool->n_columns;
        batch->batch_index = pool->batch_index;
    }
    return batch;
}

int augsi_batch_take(augsi_batch_pool *pool, augs_stream *stream, uint64_t n_samples,
                     augs_batch **ret_batch, augs_error *error)
{
    if (is_too_large(stream, n_samples)) {
        return augsi_fail(error, AUGS_E_RANGE, "batch: %llu samples are too many for memory",
                          (unsigned long long)n_samples);
    }
    const uint64_t n_bytes = slab_bytes(stream, pool->batch_index, n_samples);
    augs_batch *batch = take_free(pool, n_bytes);
    batch = batch != NULL ? batch : allocate_batch(pool);
    if (batch == NULL) {
        take_back(pool);
        return augsi_fail_memory(error, object_bytes(pool));
    }
    if (batch->slab == NULL) {
        batch->slab = allocate_slab(pool, n_bytes);
        batch->slab_capacity = n_bytes;
    }
    if (batch->slab == NULL) {
        take_back(pool);
        augsi_delete(&pool->allocator, batch, object_bytes(pool));
        return augsi_fail_memory(error, n_bytes);
    }
    augsi_refcount_init(&batch->refcount);
    augsi_refcount_take(&pool->refcount);
    batch->stream = augs_stream_ref(stream);
    batch->slab_bytes = n_bytes;
    batch->info = (augs_batch_info){.size = sizeof batch->info, .n_samples = n_samples};
    lay_out(batch, n_samples);
    *ret_batch = batch;
    return AUGS_OK;
}

void *augsi_batch_slab_edit(augs_batch *batch, size_t *ret_n_bytes)
{
    *ret_n_bytes = batch->slab_bytes;
    return batch->slab;
}

void *const *augsi_batch_columns_edit(augs_batch *batch)
{
    return batch->columns;
}

augs_batch_info *augsi_batch_info_edit(augs_batch *batch)
{
    return &batch->info;
}

/* The body, then the padding, into the stream's columns (without the column `batch`). */
static int fill(augs_batch *batch, const augsi_slice *slice, augs_error *error)
{
    void *columns[AUGS_MAX_COLUMNS + 1];
    const uint32_t n = augs_stream_n_columns(batch->stream);
    columns[0] = batch->columns[0];
    memcpy(columns + 1, batch->columns + 1 + batch->batch_index, (n - 1) * sizeof *columns);
    int status = augs_stream_fill(batch->stream, &slice->body, columns, error);
    if (status < 0 || slice->pad_count == 0) {
        return status;
    }
    uint64_t n_written = slice->body.count;
    for (uint64_t done = 0; status == AUGS_OK && done < slice->pad_count; done += n_written) {
        for (uint32_t i = 0; i < n; i++) {
            columns[i] =
                (char *)columns[i] + n_written * augs_stream_column_bytes(batch->stream, i);
        }
        const augs_span padding = augsi_slice_padding(slice, done);
        n_written = padding.count;
        status = augs_stream_fill(batch->stream, &padding, columns, error);
    }
    return status;
}

int augsi_batch_make(augsi_batch_pool *pool, augs_stream *stream, const augsi_slice *slice,
                     uint64_t step, uint32_t rank, uint32_t world_size, augs_batch **ret_batch,
                     augs_error *error)
{
    augs_batch *batch;
    const uint64_t n_samples = slice->body.count + slice->pad_count;
    int status = augsi_batch_take(pool, stream, n_samples, &batch, error);
    if (status < 0) {
        return status;
    }
    status = fill(batch, slice, error);
    if (status < 0) {
        augsi_batch_give_back(batch); /* nobody else has seen it */
        return status;
    }
    uint64_t *index = batch->batch_index ? batch->columns[1] : NULL;
    for (uint64_t i = 0; index != NULL && i < n_samples; i++) {
        index[i] = step;
    }
    augs_batch_info *info = &batch->info;
    info->epoch = augs_stream_epoch(stream);
    info->step = step;
    info->first = slice->body.first;
    info->stride = slice->body.stride;
    info->flags =
        (slice->last ? AUGS_BATCH_LAST : 0) | (slice->pad_count > 0 ? AUGS_BATCH_PADDED : 0);
    info->n_padded = slice->pad_count;
    info->pad_first = slice->pad_first;
    info->pad_stride = slice->pad_stride;
    info->rank = rank;
    info->world_size = world_size;
    *ret_batch = batch;
    return AUGS_OK;
}
