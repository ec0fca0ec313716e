/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams: value(column, sample) = f(preset, seed, epoch, sample id). docs/contract.md is the law.
 *
 * A stream is one epoch of one seeded preset: immutable, reference counted, and safe to read from
 * any number of threads at once. Its columns are `sample_id` (i64, index 0) and then the preset's.
 */
#ifndef AUGSTREAM_STREAM_H
#define AUGSTREAM_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include <augstream/export.h>
#include <augstream/preset.h>
#include <augstream/status.h>

AUGS_BEGIN_DECLS

#define AUGS_ENDLESS UINT64_MAX
#define AUGS_MAX_SAMPLES (1ull << 56) /* sample ids are below this */

#define AUGS_ORDER_SEQUENTIAL 0u
#define AUGS_ORDER_SHUFFLED 1u

typedef struct augs_stream augs_stream;

typedef struct augs_stream_options {
    uint32_t size;  /* sizeof(augs_stream_options) */
    uint32_t order; /* AUGS_ORDER_... */
    uint64_t seed;
    uint64_t n_samples; /* N, 0..2^56, or AUGS_ENDLESS (then no shuffling and no `sample` column) */
    uint32_t epoch;
    uint32_t reserved;
} augs_stream_options;
AUGS_SIZED_STRUCT(augs_stream_options, reserved);

/* {first, stride, count}: the positions first, first + stride, ..., count of them. stride >= 1. */
typedef struct augs_span {
    uint64_t first;
    uint64_t stride;
    uint64_t count;
} augs_span;

/* Takes a reference of the preset. AUGS_E_RANGE, AUGS_E_ARGUMENT, AUGS_E_NO_MEMORY. */
AUGS_API int augs_stream_open(augs_preset *preset, const augs_stream_options *options,
                              augs_stream **ret_stream, augs_error *error);
/* The same stream at another epoch. */
AUGS_API int augs_stream_open_epoch(const augs_stream *stream, uint32_t epoch,
                                    augs_stream **ret_stream, augs_error *error);
AUGS_API augs_stream *augs_stream_ref(augs_stream *stream);
AUGS_API void augs_stream_unref(augs_stream *stream); /* NULL is fine */

AUGS_API augs_preset *augs_stream_preset(const augs_stream *stream); /* borrowed */
AUGS_API uint64_t augs_stream_seed(const augs_stream *stream);
AUGS_API uint32_t augs_stream_epoch(const augs_stream *stream);
AUGS_API uint32_t augs_stream_order(const augs_stream *stream);
AUGS_API uint64_t augs_stream_n_samples(const augs_stream *stream); /* or AUGS_ENDLESS */

/* 1 + the preset's columns; column 0 is sample_id. */
AUGS_API uint32_t augs_stream_n_columns(const augs_stream *stream);
/* As augs_preset_column, index 0 = sample_id; `gate` is still an index of the *preset's* columns.
 */
AUGS_API int augs_stream_column(const augs_stream *stream, uint32_t index, augs_column_info *info);
/* Bytes of one sample in a column: shape * width * bytes of the dtype. 0 if there is no such
 * column. */
AUGS_API uint32_t augs_stream_column_bytes(const augs_stream *stream, uint32_t index);
/* Their sum over all columns. */
AUGS_API uint64_t augs_stream_sample_bytes(const augs_stream *stream);

/*
 * Writes the records of a span of positions. columns[i] (augs_stream_n_columns of them) receives
 * span.count * augs_stream_column_bytes(i) bytes, sample after sample, aligned at least to the
 * dtype; NULL skips that column. AUGS_E_RANGE if the span leaves [0, N): nothing is written then.
 */
AUGS_API int augs_stream_fill(const augs_stream *stream, const augs_span *span,
                              void *const *columns, augs_error *error);
/*
 * Writes the records of n_samples sample ids (not positions), in the order of the list; columns as
 * in augs_stream_fill. An id may stand in the list more than once. AUGS_E_RANGE if an id is
 * negative or not below both N and 2^56: nothing is written then, and the error names the id.
 * AUGS_E_ARGUMENT if a pointer is NULL (sample_ids may be, if n_samples is 0). Any thread.
 */
AUGS_API int augs_stream_gather(const augs_stream *stream, const int64_t *sample_ids,
                                size_t n_samples, void *const *columns, augs_error *error);
/*
 * Writes the sample ids of a span's positions, span->count of them. AUGS_E_RANGE if the span leaves
 * [0, N): nothing is written then. AUGS_E_ARGUMENT if a pointer is NULL. Any thread.
 */
AUGS_API int augs_stream_sample_ids(const augs_stream *stream, const augs_span *span,
                                    int64_t *ret_sample_ids, augs_error *error);
/* The position that holds a sample id. AUGS_E_RANGE if the id is negative or not below both N and
 * 2^56; AUGS_E_ARGUMENT if a pointer is NULL. Any thread. */
AUGS_API int augs_stream_position(const augs_stream *stream, int64_t sample_id,
                                  uint64_t *ret_position, augs_error *error);

/*
 * The fingerprint as 32 lower-case hexadecimal digits: XXH3-128 over the canonical encoding of
 * docs/contract.md. The epoch does not enter it. Lives as long as the stream.
 */
AUGS_API const char *augs_stream_fingerprint(const augs_stream *stream);

/* The instruction set in use for filling: "scalar", "avx512". */
AUGS_API const char *augs_simd_name(void);
/* Limits it, for tests and benchmarks, e.g. "scalar"; NULL = the best this machine has.
 * AUGS_E_UNSUPPORTED. Not to be called while other threads fill. */
AUGS_API int augs_simd_select(const char *name);

AUGS_END_DECLS

#endif
