/* SPDX-License-Identifier: Apache-2.0 */
/* Sinks: where batches go. */
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

/* A table that a caller may provide (augs_sink_open) or that a shipped sink has. */
typedef struct augs_sink_ops {
    uint32_t size; /* sizeof(augs_sink_ops) */
    uint32_t reserved;
    /* Borrows the batch. 0 = go on, positive = stop in peace, negative = a status. */
    int (*write)(void *state, augs_batch *batch, augs_error *error);
    int (*flush)(void *state, augs_error *error); /* after the last batch; may be NULL */
    void (*done)(void *state);                    /* may be NULL */
} augs_sink_ops;
AUGS_SIZED_STRUCT(augs_sink_ops, done);

typedef struct augs_sink augs_sink;

/* A sink of the caller's own: ops is copied, state stays the caller's until ops->done gets it. */
AUGS_API int augs_sink_open(const augs_sink_ops *ops, void *state, augs_sink **ret_sink,
                            augs_error *error);
AUGS_API void augs_sink_free(augs_sink *sink); /* calls done; NULL is fine */
AUGS_API int augs_sink_write(augs_sink *sink, augs_batch *batch, augs_error *error);
AUGS_API int augs_sink_flush(augs_sink *sink, augs_error *error);

/* Each batch to a function, same results as `write`; a negative number that is no status turns into
 * AUGS_E_CALLBACK. */
AUGS_API int augs_sink_open_callback(int (*function)(void *user, augs_batch *batch), void *user,
                                     augs_sink **ret_sink, augs_error *error);
/* Counts and forgets: to time what stands before it. ret_n_samples may be NULL, else is counted up.
 */
AUGS_API int augs_sink_open_null(uint64_t *n_samples, augs_sink **ret_sink, augs_error *error);

/*
 * Records as text or msgpack (jsonl, csv, msgpack), handed to `write_bytes` in large pieces: 0 or a
 * negative status. With batch_index = 1, each record carries the batch's step as `batch` after
 * sample_id.
 */
AUGS_API int augs_sink_open_records(augs_stream *stream, uint32_t format, uint32_t batch_index,
                                    int (*write_bytes)(void *user, const void *data,
                                                       size_t n_bytes),
                                    void *user, augs_sink **ret_sink, augs_error *error);

AUGS_END_DECLS

#endif
