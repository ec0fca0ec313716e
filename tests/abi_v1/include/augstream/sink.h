/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sinks: where batches go.
 *
 *     augs_sink *sink;
 *     if (augs_sink_open_records(stream, AUGS_FORMAT_JSONL, 0, write_to_file, stdout, &sink,
 *                                &error) < 0) {
 *         fprintf(stderr, "%s\n", error.message);
 *         return 1;
 *     }
 *     if (augs_pipeline_run(pipeline, sink, &error) < 0) {
 *         fprintf(stderr, "%s\n", error.message);
 *     }
 *     augs_sink_free(sink);
 *
 * One thread at a time uses a sink.
 */
#ifndef AUGSTREAM_SINK_H
#define AUGSTREAM_SINK_H

#include <stddef.h>
#include <stdint.h>

#include <augstream/batch.h>
#include <augstream/export.h>
#include <augstream/format.h>
#include <augstream/status.h>
#include <augstream/stream.h>

AUGS_BEGIN_DECLS

/* The functions of a sink. A caller may provide its own: augs_sink_open. */
typedef struct augs_sink_ops {
    uint32_t size;     /* sizeof(augs_sink_ops) */
    uint32_t reserved; /* 0 */
    /* Takes a batch, which is borrowed for the call. Returns 0 to go on, a
     * positive number to stop without a failure (the batch was taken), or a
     * negative status (it was not). Required. */
    int (*write)(void *state, augs_batch *batch, augs_error *error);
    /* Called after the last batch. Returns 0 or a negative status. NULL = not. */
    int (*flush)(void *state, augs_error *error);
    /* Frees the state; called by augs_sink_free. NULL = not. */
    void (*done)(void *state);
} augs_sink_ops;
AUGS_SIZED_STRUCT(augs_sink_ops, done);

typedef struct augs_sink augs_sink;

/*
 * Opens a sink of the caller's own. ops is copied. state may be NULL; it is
 * handed to every function, and the sink owns it after success. Free the sink
 * with augs_sink_free.
 *
 * AUGS_E_ARGUMENT if ops is NULL, has a wrong size or no `write`, or if
 * ret_sink is NULL. AUGS_E_NO_MEMORY if the C library has no memory. After a
 * failure `done` was not called, and state is still the caller's.
 */
AUGS_API int augs_sink_open(const augs_sink_ops *ops, void *state, augs_sink **ret_sink,
                            augs_error *error);

/*
 * Calls `done` and frees the sink. It does not flush. sink may be NULL.
 */
AUGS_API void augs_sink_free(augs_sink *sink);

/*
 * Hands a batch to the sink, which borrows it. Returns what `write` returned: 0
 * to go on, or a positive number to stop (the batch was taken).
 *
 * AUGS_E_ARGUMENT if sink or batch is NULL. Other negative numbers are those of
 * the sink, with its message or one that names the status. AUGS_E_MISMATCH if a
 * sink of records was opened for another stream.
 */
AUGS_API int augs_sink_write(augs_sink *sink, augs_batch *batch, augs_error *error);

/*
 * Writes what the sink still has in memory. Call it after the last batch;
 * augs_pipeline_run does so.
 *
 * AUGS_E_ARGUMENT if sink is NULL. Other negative numbers are those of the
 * sink's `flush`. Positive numbers are handed on as well.
 */
AUGS_API int augs_sink_flush(augs_sink *sink, augs_error *error);

/*
 * Opens a sink that hands each batch to a function. The function returns what
 * `write` of augs_sink_ops returns. user may be NULL and stays the caller's.
 * Its negative numbers are handed on if they are statuses. Another negative
 * number makes augs_sink_write fail with AUGS_E_CALLBACK.
 *
 * AUGS_E_ARGUMENT if function or ret_sink is NULL. AUGS_E_NO_MEMORY if the C
 * library has no memory.
 */
AUGS_API int augs_sink_open_callback(int (*function)(void *user, augs_batch *batch), void *user,
                                     augs_sink **ret_sink, augs_error *error);

/*
 * Opens a sink that only counts, to measure what is before it. Each write adds
 * the samples of the batch to *n_samples. That number is the caller's, stays
 * valid as long as the sink, and may be NULL.
 *
 * AUGS_E_ARGUMENT if ret_sink is NULL. AUGS_E_NO_MEMORY if the C library has no
 * memory.
 */
AUGS_API int augs_sink_open_null(uint64_t *n_samples, augs_sink **ret_sink, augs_error *error);

/*
 * Opens a sink of records as text or msgpack. It takes a reference of the
 * stream, and only batches of that stream (of any epoch).
 *
 * format: one with AUGS_FORMAT_HOLDS_RECORDS. batch_index: 1 adds the step of
 * the batch as `batch` after sample_id; 0 does not. write_bytes gets the records
 * in large pieces, valid for the call. It returns 0 to go on, a positive number
 * to stop after this batch, or a negative status. Records that are not handed
 * on yet stay in memory until the next piece or augs_sink_flush. A write that
 * is repeated after a failure hands the records of that batch on again.
 *
 * AUGS_E_ARGUMENT if a pointer but user is NULL, format holds no records, or
 * batch_index is above 1. AUGS_E_NO_MEMORY if the allocator has no memory.
 */
AUGS_API int augs_sink_open_records(augs_stream *stream, uint32_t format, uint32_t batch_index,
                                    int (*write_bytes)(void *user, const void *data,
                                                       size_t n_bytes),
                                    void *user, augs_sink **ret_sink, augs_error *error);

AUGS_END_DECLS

#endif
