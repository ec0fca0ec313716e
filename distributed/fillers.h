/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that make payloads beside the one that talks to peers. */
#ifndef AUGSI_FILLERS_H
#define AUGSI_FILLERS_H

#include "distributed/payload.h"
#include "distributed/wakeup.h"
#include "pipeline/batch/batch_pool.h"

typedef struct augsi_fillers augsi_fillers;

/* One payload to make. The pool must outlive the fillers; the task holds a reference of the stream.
 */
typedef struct augsi_fill_task {
    uint64_t ticket, slab_bytes; /* the asker's */
    augsi_batch_pool *batches;
    augs_stream *stream;
    augsi_slice slice;
    uint64_t step;
    uint32_t rank;
    uint32_t world_size;
    bool records;
    int status;             /* done: of making it */
    augsi_payload *payload; /* done: the collector's, NULL on failure */
} augsi_fill_task;

/* `wakeup` is signalled when something can be collected. AUGS_E_NO_MEMORY, AUGS_E_IO (threads). */
int augsi_fillers_open(const augs_allocator *allocator, uint32_t n_threads, size_t capacity,
                       augsi_payload_pool *payloads, augsi_wakeup *wakeup,
                       augsi_fillers **ret_fillers, augs_error *error);
/* Ends the threads after the batch in hand; what is queued is dropped. NULL is fine. */
void augsi_fillers_free(augsi_fillers *fillers);

/* false: the queue is full. Takes a reference of the task's stream. */
bool augsi_fillers_submit(augsi_fillers *fillers, const augsi_fill_task *task);
/* false: nothing is done. The task's stream is no longer valid. */
bool augsi_fillers_collect(augsi_fillers *fillers, augsi_fill_task *ret_task);

#endif
