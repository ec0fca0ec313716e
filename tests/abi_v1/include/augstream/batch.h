/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches: the records of a step in columns.
 *
 *     while (augs_pipeline_next(pipeline, &batch, &error) == 1) {
 *         const int64_t *sample_ids = augs_batch_column_data(batch, 0);
 *         int index = augs_batch_find_column(batch, "rotation");
 *         if (index >= 0 && augs_batch_n_samples(batch) > 0) {
 *             const float *angles = augs_batch_column_data(batch, (uint32_t)index);
 *             printf("%lld: %g\n", (long long)sample_ids[0], (double)angles[0]);
 *         }
 *         augs_batch_unref(batch);
 *     }
 *
 * Ownership in the whole library:
 *
 * 1. What you open you free. Free functions take NULL.
 * 2. Strings and options are copied in. A pointer that is handed out is valid
 *    as long as its object.
 * 3. A batch is reference counted and never changes. Its columns are in one
 *    slab, each aligned to 64 bytes.
 * 4. A sink borrows a batch for one call; it takes a reference to keep it. Any
 *    thread may call augs_batch_unref. It may do so after the pipeline or
 *    subscriber that made the batch was freed.
 * 5. One thread at a time uses a pipeline. The library starts no threads unless
 *    an option asks for them.
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

/* Flags of a batch. */
/* It is the last one of its epoch for this rank, as far as is known. */
#define AUGS_BATCH_LAST 1u
/* The last n_padded samples repeat positions: tail pad or last_batch fill. */
#define AUGS_BATCH_PADDED 2u

/*
 * Which positions a batch has. Sample k is at position first + stride * k. The
 * last n_padded samples are padding instead: they are at pad_first, pad_first +
 * pad_stride, and so on. After the last position of the plan's range of
 * positions, padding goes on at its first one.
 */
typedef struct augs_batch_info {
    uint32_t size;       /* sizeof(augs_batch_info), set by the caller */
    uint32_t epoch;      /* of the stream */
    uint64_t step;       /* from 0 in each epoch */
    uint64_t first;      /* position of the first sample */
    uint64_t stride;     /* from one position to the next, at least 1 */
    uint64_t n_samples;  /* with padding */
    uint32_t flags;      /* AUGS_BATCH_... */
    uint32_t rank;       /* 0 <= rank < world_size */
    uint32_t world_size; /* ranks that share the step, at least 1 */
    uint32_t part;       /* 0 = the whole step; from 1 on: given again */
    uint64_t n_padded;   /* padding samples, at the end of the batch */
    uint64_t pad_first;  /* position of the first one; 0 without padding */
    uint64_t pad_stride; /* from one to the next; 0 without padding */
} augs_batch_info;
AUGS_SIZED_STRUCT(augs_batch_info, pad_stride);

/*
 * Adds a reference and returns the batch. Each reference needs an
 * augs_batch_unref. Any thread.
 */
AUGS_API augs_batch *augs_batch_ref(augs_batch *batch);

/*
 * Gives a reference back; the last one frees the batch. batch may be NULL. Any
 * thread, also after the pipeline or subscriber was freed.
 */
AUGS_API void augs_batch_unref(augs_batch *batch);

/* Returns the number of samples, with padding. Any thread. */
AUGS_API uint64_t augs_batch_n_samples(const augs_batch *batch);

/* Returns the number of columns. Column 0 is `sample_id`. Any thread. */
AUGS_API uint32_t augs_batch_n_columns(const augs_batch *batch);

/*
 * Returns the name of a column. Returns NULL if there is no such column. The
 * text is valid as long as the batch. Any thread.
 */
AUGS_API const char *augs_batch_column_name(const augs_batch *batch, uint32_t index);

/*
 * Returns the element type of a column, AUGS_DTYPE_... Returns 0 if there is no
 * such column. Any thread.
 */
AUGS_API uint32_t augs_batch_column_dtype(const augs_batch *batch, uint32_t index);

/*
 * Returns the elements per sample of a column, 1 to AUGS_MAX_SHAPE. Returns 0
 * if there is no such column. Any thread.
 */
AUGS_API uint32_t augs_batch_column_shape(const augs_batch *batch, uint32_t index);

/*
 * Returns the values per element of a column: k for a permutation of k, else 1.
 * Returns 0 if there is no such column. Any thread.
 */
AUGS_API uint32_t augs_batch_column_width(const augs_batch *batch, uint32_t index);

/*
 * Returns the values of a column: n_samples * shape * width of its dtype,
 * sample after sample, aligned to 64 bytes. Returns NULL if there is no such
 * column. Valid as long as the batch. Any thread.
 */
AUGS_API const void *augs_batch_column_data(const augs_batch *batch, uint32_t index);

/*
 * Returns the index of a column by its name. Returns AUGS_E_NOT_FOUND if there
 * is no such column, and AUGS_E_ARGUMENT if a pointer is NULL. Any thread.
 */
AUGS_API int augs_batch_find_column(const augs_batch *batch, const char *name);

/*
 * Returns the slab, and its size in *ret_n_bytes (may be NULL). It has every
 * column in order, each at the next multiple of 64 bytes; gaps are zero. Valid
 * as long as the batch. Any thread.
 */
AUGS_API const void *augs_batch_slab(const augs_batch *batch, size_t *ret_n_bytes);

/*
 * Writes which positions the batch has. The caller sets ret_info->size. Returns
 * AUGS_E_ARGUMENT, and writes nothing, if a pointer is NULL or the size is
 * wrong. Any thread.
 */
AUGS_API int augs_batch_get_info(const augs_batch *batch, augs_batch_info *ret_info);

/*
 * Returns the stream that the batch was made from, borrowed. It is valid as
 * long as the batch. Any thread.
 */
AUGS_API augs_stream *augs_batch_stream(const augs_batch *batch);

/*
 * Writes a digest that does not depend on the order of samples: the sum modulo
 * 2^128 of XXH3-128 over every record, low half first. A record is the bytes of
 * its columns in order, without a column `batch`. Padding counts like any other
 * sample.
 *
 * Digests of disjoint batches add up. So the total of a stream is the same
 * however it is cut into batches, ranks or chunks. Any thread.
 */
AUGS_API void augs_batch_digest(const augs_batch *batch, uint64_t ret_digest[2]);

AUGS_END_DECLS

#endif
