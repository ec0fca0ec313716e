/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where batches come from: slabs that are used again. The pool is reference counted by its owner
 * and by every batch that is out, so batches outlive the pipeline. Taking and giving back is safe
 * from any thread. Both allocate nothing while sizes and the number of batches that are out stay
 * alike. After they shrank, slabs that are not needed any more are freed within some twenty
 * batches.
 */
#ifndef AUGSI_BATCH_POOL_H
#define AUGSI_BATCH_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include <augstream/batch.h>

#include "pipeline/plan/plan.h"

typedef struct augsi_batch_pool augsi_batch_pool;

/* Keeps the stream's layout and allocator (takes a reference of the stream). With batch_index, a
 * i64 column `batch` holding the step stands after sample_id. */
int augsi_batch_pool_open(augs_stream *stream, bool batch_index, augsi_batch_pool **ret_pool,
                          augs_error *error);
/* Batches that are out stay valid. NULL is fine. */
void augsi_batch_pool_free(augsi_batch_pool *pool);

/* true: memory is short. All is freed but one slab of the size asked for last, and until `false` no
 * more than that is kept. */
void augsi_batch_pool_set_tight(augsi_batch_pool *pool, bool tight);

/* Bytes of a slab of n samples in this layout: every column at the next multiple of 64, the end
 * rounded up, too. UINT64_MAX: more than can be counted. */
uint64_t augsi_slab_bytes(const augs_stream *stream, uint64_t n_samples);

/* A batch with space for n_samples, its columns not written, gaps zero, info zero but for n_samples.
 * Its stream is `stream` (of the pool's layout; another epoch, say); takes a reference. */
int augsi_batch_take(augsi_batch_pool *pool, augs_stream *stream, uint64_t n_samples,
                     augs_batch **ret_batch, augs_error *error);
/* Until it is published the maker may write. */
void *augsi_batch_slab_edit(augs_batch *batch, size_t *ret_n_bytes);
void *const *augsi_batch_columns_edit(augs_batch *batch);
augs_batch_info *augsi_batch_info_edit(augs_batch *batch);

/* Takes a batch and writes a slice of a stream into it, info included: what pipeline, server and
 * verification do. */
int augsi_batch_make(augsi_batch_pool *pool, augs_stream *stream, const augsi_slice *slice,
                     uint64_t step, uint32_t rank, uint32_t world_size, augs_batch **ret_batch,
                     augs_error *error);

#endif
