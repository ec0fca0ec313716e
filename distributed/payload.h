/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payloads of BATCH messages, used again like the batches in them. The pool is reference counted by
 * its owner and by every payload that is out: libzmq may give the last ones back after the server
 * is gone. Safe from any thread.
 */
#ifndef AUGSI_PAYLOAD_H
#define AUGSI_PAYLOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <augstream/alloc.h>
#include <augstream/batch.h>

#include "base/text.h"

typedef struct augsi_payload_pool augsi_payload_pool;

typedef struct augsi_payload {
    const void *data;
    size_t n_bytes;
    uint64_t hash; /* XXH3-64 of the data */
    uint64_t n_samples;
    /* private */
    augsi_payload_pool *pool;
    struct augsi_payload *next;
    augs_batch *batch;
    augsi_text records;
    atomic_bool handed_over;
} augsi_payload;

int augsi_payload_pool_open(const augs_allocator *allocator, augsi_payload_pool **ret_pool,
                            augs_error *error);
void augsi_payload_pool_free(augsi_payload_pool *pool); /* NULL is fine */
/* Bytes of all payloads that are out. */
uint64_t augsi_payload_bytes_out(const augsi_payload_pool *pool);

/* Takes the batch over, also on failure. records: a msgpack array of maps; else the slab itself. */
int augsi_payload_make(augsi_payload_pool *pool, augs_batch *batch, bool records,
                       augsi_payload **ret_payload, augs_error *error);
void augsi_payload_release(augsi_payload *payload); /* NULL is fine */

/* For zmq_msg_init_data: announce before the message is sent; `hint` of the other is the payload.
 */
void augsi_payload_hand_over(augsi_payload *payload);
void augsi_payload_come_back(void *data, void *hint);

#endif
