/* SPDX-License-Identifier: Apache-2.0 */
/* A batch from inside; batch_pool.c makes it, batch.c reads it. */
#ifndef AUGSI_BATCH_IMPL_H
#define AUGSI_BATCH_IMPL_H

#include <stdbool.h>

#include <augstream/batch.h>

#include "base/memory.h"
#include "pipeline/batch/batch_pool.h"

struct augs_batch {
    augsi_refcount refcount;
    augsi_batch_pool *pool;
    augs_batch *next_free;
    augs_stream *stream;
    augs_batch_info info;
    char *slab;
    size_t slab_capacity, slab_bytes;
    bool batch_index; /* a column `batch` stands after sample_id */
    uint32_t n_columns;
    void *columns[]; /* n_columns */
};

/* Adds samples first to end - 1 to the sum that augs_batch_digest writes. */
void augsi_batch_add_digest(const augs_batch *batch, uint64_t first, uint64_t end, uint64_t sum[2]);

/* Back to its pool; the last reference is gone. */
void augsi_batch_give_back(augs_batch *batch);

#endif
