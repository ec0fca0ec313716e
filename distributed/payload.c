/* SPDX-License-Identifier: Apache-2.0 */
#include "distributed/payload.h"

#include <pthread.h>

#include "base/checksum.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/recent.h"
#include "pipeline/records/record.h"

struct augsi_payload_pool {
    augs_allocator allocator;
    augsi_refcount refcount;
    pthread_mutex_t lock;
    augsi_payload *free_list;
    uint64_t n_free, n_out;
    augsi_recent bytes, out; /* of a payload; payloads out at once */
    atomic_uint_fast64_t bytes_out;
};

/* What is kept for later payloads, as of batches (batch_pool.c); a text grows in large steps. */
#define BYTES_SPAN 8u
#define OUT_SPAN 32u
#define SPARE_PAYLOADS 4u
#define SPARE_BYTES 4u
#define LEAST_BYTES 65536u

static void payload_free(augsi_payload_pool *pool, augsi_payload *payload)
{
    augsi_text_done(&payload->records);
    augsi_delete(&pool->allocator, payload, sizeof *payload);
}

int augsi_payload_pool_open(const augs_allocator *allocator, augsi_payload_pool **ret_pool,
                            augs_error *error)
{
    augsi_payload_pool *pool = augsi_new(allocator, sizeof *pool);
    if (pool == NULL) {
        return augsi_fail_memory(error, sizeof *pool);
    }
    pool->allocator = *allocator;
    augsi_refcount_init(&pool->refcount);
    atomic_init(&pool->bytes_out, 0);
    pthread_mutex_init(&pool->lock, NULL);
    *ret_pool = pool;
    return AUGS_OK;
}

void augsi_payload_pool_free(augsi_payload_pool *pool)
{
    if (pool == NULL || !augsi_refcount_drop(&pool->refcount)) {
        return;
    }
    while (pool->free_list != NULL) {
        augsi_payload *payload = pool->free_list;
        pool->free_list = payload->next;
        payload_free(pool, payload);
    }
    pthread_mutex_destroy(&pool->lock);
    augs_allocator allocator = pool->allocator;
    augsi_delete(&allocator, pool, sizeof *pool);
}

uint64_t augsi_payload_bytes_out(const augsi_payload_pool *pool)
{
    return atomic_load_explicit(&pool->bytes_out, memory_order_relaxed);
}

static augsi_payload *take(augsi_payload_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    augsi_payload *payload = pool->free_list;
    if (payload != NULL) {
        pool->free_list = payload->next;
        pool->n_free--;
    }
    pool->n_out++;
    augsi_recent_add(&pool->out, pool->n_out, OUT_SPAN + 2 * augsi_recent_most(&pool->out));
    pthread_mutex_unlock(&pool->lock);
    if (payload == NULL) {
        payload = augsi_new(&pool->allocator, sizeof *payload);
        if (payload == NULL) {
            pthread_mutex_lock(&pool->lock);
            pool->n_out--;
            pthread_mutex_unlock(&pool->lock);
            return NULL;
        }
        augsi_text_init(&payload->records, &pool->allocator);
        payload->pool = pool;
    }
    augsi_refcount_take(&pool->refcount);
    return payload;
}

static void put_u32_header(augsi_text *text, uint8_t code, uint32_t number)
{
    uint8_t header[5] = {code, (uint8_t)(number >> 24), (uint8_t)(number >> 16),
                         (uint8_t)(number >> 8), (uint8_t)number};
    augsi_text_add(text, header, sizeof header);
}

/* The header is always array 32: five bytes more or less do not matter to a batch. */
static int write_records(augsi_payload *payload, augs_error *error)
{
    enum { ARRAY_32 = 0xdd };
    if (payload->n_samples > UINT32_MAX) {
        return augsi_fail(error, AUGS_E_RANGE, "a msgpack array holds at most %u samples",
                          UINT32_MAX);
    }
    augsi_text_clear(&payload->records);
    put_u32_header(&payload->records, ARRAY_32, (uint32_t)payload->n_samples);
    int result =
        augsi_records_append(&payload->records, payload->batch, AUGS_FORMAT_MSGPACK, error);
    if (result >= 0 && payload->records.failed) {
        result = augsi_fail_memory(error, payload->records.n_bytes);
    }
    payload->data = payload->records.data;
    payload->n_bytes = payload->records.n_bytes;
    augs_batch_unref(payload->batch);
    payload->batch = NULL;
    return result;
}

int augsi_payload_make(augsi_payload_pool *pool, augs_batch *batch, bool records,
                       augsi_payload **ret_payload, augs_error *error)
{
    augsi_payload *payload = take(pool);
    int result = AUGS_OK;
    if (payload == NULL) {
        augs_batch_unref(batch);
        return augsi_fail_memory(error, sizeof *payload);
    }
    payload->batch = batch;
    payload->n_samples = augs_batch_n_samples(batch);
    payload->n_bytes = 0;
    if (records) {
        result = write_records(payload, error);
    } else {
        payload->data = augs_batch_slab(batch, &payload->n_bytes);
    }
    atomic_fetch_add_explicit(&pool->bytes_out, payload->n_bytes, memory_order_relaxed);
    if (result < 0) {
        augsi_payload_release(payload);
        return result;
    }
    payload->hash = augsi_hash64(payload->data, payload->n_bytes);
    *ret_payload = payload;
    return AUGS_OK;
}

static bool worth_keeping(const augsi_payload_pool *pool, const augsi_payload *payload)
{
    return payload->records.capacity <=
               SPARE_BYTES * augsi_recent_most(&pool->bytes) + LEAST_BYTES &&
           pool->n_out + pool->n_free < 2 * augsi_recent_most(&pool->out) + SPARE_PAYLOADS;
}

/* Puts it into the pool; the result is what the pool does not need any more. */
static augsi_payload *give_back(augsi_payload_pool *pool, augsi_payload *payload)
{
    augsi_payload *list = payload, *surplus = NULL;
    payload->next = NULL;
    pool->n_out--;
    if (augsi_recent_add(&pool->bytes, payload->n_bytes, BYTES_SPAN)) {
        payload->next = pool->free_list; /* all are looked through */
        pool->free_list = NULL;
        pool->n_free = 0;
    }
    while (list != NULL) {
        augsi_payload *next = list->next;
        const bool keep = worth_keeping(pool, list);
        augsi_payload **to = keep ? &pool->free_list : &surplus;
        list->next = *to;
        *to = list;
        pool->n_free += keep;
        list = next;
    }
    return surplus;
}

void augsi_payload_release(augsi_payload *payload)
{
    if (payload == NULL) {
        return;
    }
    augsi_payload_pool *pool = payload->pool;
    atomic_fetch_sub_explicit(&pool->bytes_out, payload->n_bytes, memory_order_relaxed);
    augs_batch_unref(payload->batch);
    payload->batch = NULL;
    pthread_mutex_lock(&pool->lock);
    augsi_payload *surplus = give_back(pool, payload);
    pthread_mutex_unlock(&pool->lock);
    while (surplus != NULL) {
        augsi_payload *next = surplus->next;
        payload_free(pool, surplus);
        surplus = next;
    }
    augsi_payload_pool_free(pool);
}

/* libzmq's queues order the threads by themselves; the flag lets race detectors that cannot see
 * into libzmq know it, too. */
void augsi_payload_hand_over(augsi_payload *payload)
{
    atomic_store_explicit(&payload->handed_over, true, memory_order_release);
}

void augsi_payload_come_back(void *data, void *hint)
{
    augsi_payload *payload = hint;
    (void)data;
    if (atomic_load_explicit(&payload->handed_over, memory_order_acquire)) {
        atomic_store_explicit(&payload->handed_over, false, memory_order_relaxed);
    }
    augsi_payload_release(payload);
}
