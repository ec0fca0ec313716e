/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches. Ownership in the whole library:
 *
 * 1. What you open you free; free takes NULL and half-built objects.
 * 2. Strings and options are copied in; a pointer handed out lives as long as its object.
 * 3. A batch is reference counted: one slab, columns 64-byte aligned inside it, immutable.
 * 4. A sink borrows the batch for the call; to keep it, ref it. augs_batch_unref may be called from
 *    any thread, also after the pipeline or subscriber that made it is gone.
 * 5. One pipeline, one thread at a time; no hidden threads unless an option asks for them.
 */
#ifndef AUGSTREAM_BATCH_H
#define AUGSTREAM_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include <augstream/export.h>
#include <augstream/status.h>
#include <augstream/stream.h>

AUGS_BEGIN_DECLS

typedef struct augs_batch augs_batch;

#define AUGS_BATCH_LAST 1u /* the last of its epoch for this rank */
/* The last n_padded samples repeat first positions (tail pad, last_batch fill). */
#define AUGS_BATCH_PADDED 2u

/*
 * Where a batch stands. Sample k of the batch is at position first + stride * k, but for the last
 * n_padded samples, which are at pad_first, pad_first + pad_stride, ... These go round in the
 * window of positions that the plan has, which is all N as a rule.
 */
typedef struct augs_batch_info {
    uint32_t size; /* sizeof(augs_batch_info), set by the caller */
    uint32_t epoch;
    uint64_t step; /* from 0 in each epoch */
    uint64_t first;
    uint64_t stride;
    uint64_t n_samples; /* with padding */
    uint32_t flags;     /* AUGS_BATCH_... */
    uint32_t rank;
    uint32_t world_size;
    uint32_t part; /* of the step: 0 = all of it; from 1 on: samples that are given again */
    uint64_t n_padded;
    uint64_t pad_first;  /* the first padding sample's position; 0 without padding */
    uint64_t pad_stride; /* from one to the next; 0 without padding */
} augs_batch_info;
AUGS_SIZED_STRUCT(augs_batch_info, pad_stride);

AUGS_API augs_batch *augs_batch_ref(augs_batch *batch);
AUGS_API void augs_batch_unref(augs_batch *batch); /* NULL is fine */

AUGS_API uint64_t augs_batch_n_samples(const augs_batch *batch);
AUGS_API uint32_t augs_batch_n_columns(const augs_batch *batch); /* column 0 is sample_id */
/* name, kind, dtype, shape, width as the stream's; NULL or 0 if there is no such column. */
AUGS_API const char *augs_batch_column_name(const augs_batch *batch, uint32_t index);
AUGS_API uint32_t augs_batch_column_dtype(const augs_batch *batch, uint32_t index);
AUGS_API uint32_t augs_batch_column_shape(const augs_batch *batch, uint32_t index);
AUGS_API uint32_t augs_batch_column_width(const augs_batch *batch, uint32_t index);
/* n_samples * shape * width elements, 64-byte aligned. */
AUGS_API const void *augs_batch_column_data(const augs_batch *batch, uint32_t index);
AUGS_API int augs_batch_find_column(const augs_batch *batch,
                                    const char *name); /* or AUGS_E_NOT_FOUND */
/* The slab: every column, in order, each at the next multiple of 64; gaps are zero. */
AUGS_API const void *augs_batch_slab(const augs_batch *batch, size_t *ret_n_bytes);
AUGS_API int augs_batch_get_info(const augs_batch *batch, augs_batch_info *info);
/* The stream it was made from, borrowed; it lives as long as the batch. */
AUGS_API augs_stream *augs_batch_stream(const augs_batch *batch);

/*
 * An order-free digest: the sum, modulo 2^128, of XXH3-128 over every record (its columns' bytes
 * in column order); low half first. Digests of disjoint batches add up, so shards and chunks of any
 * cut of a stream have the same total. Padding counts as any other sample; a column `batch` does
 * not enter.
 */
AUGS_API void augs_batch_digest(const augs_batch *batch, uint64_t ret_digest[2]);

AUGS_END_DECLS

#endif
