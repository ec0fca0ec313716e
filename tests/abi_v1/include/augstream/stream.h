/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams: value(column, sample) = f(preset, seed, epoch, sample id). The
 * contract is docs/contract.md.
 *
 *     augs_stream *stream;
 *     augs_stream_options options;
 *     augs_stream_options_init(&options);
 *     options.seed = 42;
 *     options.n_samples = 50000;
 *     options.order = AUGS_ORDER_SHUFFLED;
 *     if (augs_stream_open(preset, &options, &stream, &error) < 0) {
 *         fprintf(stderr, "%s\n", error.message);
 *         return 1;
 *     }
 *     printf("%s\n", augs_stream_fingerprint(stream));
 *     augs_stream_unref(stream);
 *
 * A stream is one epoch of one seeded preset. It never changes, it is reference
 * counted, and any number of threads may read it at once. Its columns are
 * `sample_id` (i64, index 0) and then those of the preset.
 */
#ifndef AUGSTREAM_STREAM_H
#define AUGSTREAM_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include <augstream/export.h>
#include <augstream/preset.h>
#include <augstream/status.h>

AUGS_BEGIN_DECLS

/* In the place of a number of samples or positions: without an end. */
#define AUGS_ENDLESS UINT64_MAX
/* Sample ids and positions are below this number. */
#define AUGS_MAX_SAMPLES (1ull << 56)

/* Position p holds sample id p. */
#define AUGS_ORDER_SEQUENTIAL 0u
/* Positions hold the sample ids in an order of the seed and the epoch. */
#define AUGS_ORDER_SHUFFLED 1u

typedef struct augs_stream augs_stream;

typedef struct augs_stream_options {
    uint32_t size;  /* sizeof(augs_stream_options) */
    uint32_t order; /* AUGS_ORDER_... */
    uint64_t seed;  /* any number */
    /* N, 0 to AUGS_MAX_SAMPLES, or AUGS_ENDLESS. An endless stream has order
     * AUGS_ORDER_SEQUENTIAL and no column of kind AUGS_KIND_SAMPLE. */
    uint64_t n_samples;
    uint32_t epoch;    /* any number */
    uint32_t reserved; /* 0 */
} augs_stream_options;
AUGS_SIZED_STRUCT(augs_stream_options, reserved);

/* The positions first, first + stride, first + 2 * stride, ... */
typedef struct augs_span {
    uint64_t first;  /* a position */
    uint64_t stride; /* from one position to the next, at least 1 */
    uint64_t count;  /* number of positions; 0 = none */
} augs_span;

/*
 * Opens a stream. It takes a reference of the preset, and its allocator. The
 * result has one reference, the caller's: augs_stream_unref.
 *
 * AUGS_E_ARGUMENT if a pointer is NULL, options have a wrong size, or the order
 * is unknown. So does an endless stream that is shuffled or has a column of kind
 * AUGS_KIND_SAMPLE. AUGS_E_RANGE if n_samples is above AUGS_MAX_SAMPLES.
 * AUGS_E_NO_MEMORY if the allocator has no memory. Any thread.
 */
AUGS_API int augs_stream_open(augs_preset *preset, const augs_stream_options *options,
                              augs_stream **ret_stream, augs_error *error);

/*
 * Opens the same stream at another epoch. The result has a reference of its
 * own.
 *
 * AUGS_E_ARGUMENT if stream or ret_stream is NULL. AUGS_E_NO_MEMORY if the
 * allocator has no memory. Any thread.
 */
AUGS_API int augs_stream_open_epoch(const augs_stream *stream, uint32_t epoch,
                                    augs_stream **ret_stream, augs_error *error);

/*
 * Adds a reference and returns the stream. Each reference needs an
 * augs_stream_unref. Any thread.
 */
AUGS_API augs_stream *augs_stream_ref(augs_stream *stream);

/*
 * Gives a reference back; the last one frees the stream. stream may be NULL.
 * Any thread.
 */
AUGS_API void augs_stream_unref(augs_stream *stream);

/*
 * Returns the preset of the stream, borrowed. It is valid as long as the
 * stream. Any thread.
 */
AUGS_API augs_preset *augs_stream_preset(const augs_stream *stream);

/* Returns the seed that the stream was opened with. Any thread. */
AUGS_API uint64_t augs_stream_seed(const augs_stream *stream);

/* Returns the epoch of the stream. Any thread. */
AUGS_API uint32_t augs_stream_epoch(const augs_stream *stream);

/* Returns the order of the stream, AUGS_ORDER_... Any thread. */
AUGS_API uint32_t augs_stream_order(const augs_stream *stream);

/* Returns the number of samples per epoch, or AUGS_ENDLESS. Any thread. */
AUGS_API uint64_t augs_stream_n_samples(const augs_stream *stream);

/*
 * Returns the number of columns: 1 + those of the preset. Column 0 is
 * `sample_id`. Any thread.
 */
AUGS_API uint32_t augs_stream_n_columns(const augs_stream *stream);

/*
 * Describes a column, as augs_preset_column does. Index 0 is `sample_id`, and
 * index i is column i - 1 of the preset. ret_info->gate is an index of the
 * preset's columns. The caller sets ret_info->size.
 *
 * Returns AUGS_E_RANGE if there is no such column, and AUGS_E_ARGUMENT if a
 * pointer is NULL or the size is wrong. Any thread.
 */
AUGS_API int augs_stream_column(const augs_stream *stream, uint32_t index,
                                augs_column_info *ret_info);

/*
 * Returns the bytes per sample of a column: shape * width * bytes of its dtype.
 * Returns 0 if there is no such column. Any thread.
 */
AUGS_API uint32_t augs_stream_column_bytes(const augs_stream *stream, uint32_t index);

/* Returns the bytes per sample of all columns together. Any thread. */
AUGS_API uint64_t augs_stream_sample_bytes(const augs_stream *stream);

/*
 * Writes the records of a span of positions.
 *
 * columns: an array of augs_stream_n_columns pointers. columns[i] gets
 * span->count * augs_stream_column_bytes(i) bytes, sample after sample. It must
 * be aligned to the dtype. NULL leaves a column out.
 *
 * AUGS_E_RANGE if the span leaves [0, N), or [0, 2^56) in an endless stream.
 * AUGS_E_ARGUMENT if a pointer is NULL, or the stride is 0 and count is not.
 * After a failure nothing was written. Any thread.
 */
AUGS_API int augs_stream_fill(const augs_stream *stream, const augs_span *span,
                              void *const *columns, augs_error *error);

/*
 * Writes the records of sample ids (not positions), in the order of the list.
 * columns is as for augs_stream_fill. The same id may be in the list again.
 *
 * AUGS_E_RANGE if an id is negative, or not below N and 2^56; the message names
 * it. AUGS_E_ARGUMENT if a pointer is NULL (sample_ids may be, if n_samples is
 * 0). After a failure nothing was written. Any thread.
 */
AUGS_API int augs_stream_gather(const augs_stream *stream, const int64_t *sample_ids,
                                size_t n_samples, void *const *columns, augs_error *error);

/*
 * Writes the sample ids of the positions of a span, span->count of them.
 *
 * AUGS_E_RANGE if the span leaves [0, N), or [0, 2^56) in an endless stream.
 * AUGS_E_ARGUMENT if a pointer is NULL (ret_sample_ids may be, if count is 0),
 * or the stride is 0 and count is not. After a failure nothing was written. Any
 * thread.
 */
AUGS_API int augs_stream_sample_ids(const augs_stream *stream, const augs_span *span,
                                    int64_t *ret_sample_ids, augs_error *error);

/*
 * Finds the position that holds a sample id.
 *
 * AUGS_E_RANGE if the id is negative, or not below N and 2^56. AUGS_E_ARGUMENT
 * if a pointer is NULL. Any thread.
 */
AUGS_API int augs_stream_position(const augs_stream *stream, int64_t sample_id,
                                  uint64_t *ret_position, augs_error *error);

/*
 * Returns the fingerprint as 32 lower-case hexadecimal digits. It is XXH3-128
 * over the canonical encoding of docs/contract.md, which does not have the
 * epoch. Streams with equal fingerprints have equal values in equal epochs. The
 * text is valid as long as the stream. Any thread.
 */
AUGS_API const char *augs_stream_fingerprint(const augs_stream *stream);

/*
 * Returns the instruction set that fills columns: "scalar" or "avx512". Static
 * memory. Any thread.
 */
AUGS_API const char *augs_simd_name(void);

/*
 * Chooses the instruction set, for tests and benchmarks. name: "scalar", or the
 * best one of this machine by its name; NULL = the best one. Values do not
 * depend on it.
 *
 * Returns AUGS_E_UNSUPPORTED, and changes nothing, if this machine or this
 * build does not have it. No other thread may fill columns meanwhile.
 */
AUGS_API int augs_simd_select(const char *name);

AUGS_END_DECLS

#endif
