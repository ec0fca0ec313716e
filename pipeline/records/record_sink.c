/* SPDX-License-Identifier: Apache-2.0 */
/* The record sink: batches to text or msgpack, handed on in pieces of about PIECE_BYTES. */
#include <string.h>

#include <augstream/sink.h>

#include "base/fail.h"
#include "base/float_env.h"
#include "base/memory.h"
#include "pipeline/batch/sink_impl.h"
#include "pipeline/records/record.h"
#include "presets/preset_impl.h"

#define PIECE_BYTES ((size_t)256 * 1024)
#define PIECE_SAMPLES 256u

typedef struct record_sink {
    augs_allocator allocator;
    augs_stream *stream;
    augsi_record_writer *writer;
    augsi_text text;
    uint32_t n_columns;
    const void **columns; /* of the batch in hand */
    bool has_header;
    int (*write_bytes)(void *user, const void *data, size_t n_bytes);
    void *user;
} record_sink;

static int hand_on(record_sink *sink, augs_error *error)
{
    if (sink->text.failed) {
        size_t n_bytes = sink->text.capacity;
        augsi_text_clear(&sink->text);
        return augsi_fail_memory(error, n_bytes * 2);
    }
    if (sink->text.n_bytes == 0) {
        return AUGS_OK;
    }
    AUGSI_CALLER_BEGIN;
    int status = sink->write_bytes(sink->user, sink->text.data, sink->text.n_bytes);
    AUGSI_CALLER_END;
    augsi_text_clear(&sink->text);
    if (status < 0) {
        return augsi_fail(error, status, "records: the function that takes the bytes failed: %s",
                          augs_status_text(status));
    }
    return status;
}

static void add_header_once(record_sink *sink)
{
    if (!sink->has_header) {
        augsi_record_writer_header(sink->writer, &sink->text);
        sink->has_header = true;
    }
}

static int write_records(void *state, augs_batch *batch, augs_error *error)
{
    record_sink *sink = state;
    const char *fingerprint = augs_stream_fingerprint(augs_batch_stream(batch));
    uint32_t extra = augs_batch_n_columns(batch) - sink->n_columns; /* a batch column of its own */
    if (strcmp(fingerprint, augs_stream_fingerprint(sink->stream)) != 0 || extra > 1) {
        return augsi_fail(error, AUGS_E_MISMATCH,
                          "records: the sink was opened for stream %s, the batch is of stream %s",
                          augs_stream_fingerprint(sink->stream), fingerprint);
    }
    augs_batch_info info = {.size = sizeof info};
    augs_batch_get_info(batch, &info);
    for (uint32_t i = 0; i < sink->n_columns; i++) {
        sink->columns[i] = augs_batch_column_data(batch, i + (i > 0 ? extra : 0));
    }
    augsi_record_data data = {.columns = sink->columns, .step = info.step};
    uint64_t n_samples = augs_batch_n_samples(batch);
    int status = AUGS_OK;
    bool stop = false; /* after this batch, all of which is taken */
    add_header_once(sink);
    for (uint64_t done = 0; done < n_samples && status >= 0; done += PIECE_SAMPLES) {
        uint64_t n = n_samples - done < PIECE_SAMPLES ? n_samples - done : PIECE_SAMPLES;
        augsi_record_writer_append(sink->writer, &sink->text, &data, done, n);
        if (sink->text.n_bytes >= PIECE_BYTES || sink->text.failed) {
            status = hand_on(sink, error);
            stop = stop || status > 0;
        }
    }
    return status < 0 ? status : stop;
}

static int flush_records(void *state, augs_error *error)
{
    record_sink *sink = state;
    add_header_once(sink);
    return hand_on(sink, error);
}

static void done_records(void *state)
{
    record_sink *sink = state;
    augs_allocator allocator = sink->allocator;
    augsi_text_done(&sink->text);
    augsi_record_writer_free(sink->writer);
    augsi_delete(&allocator, sink->columns, sink->n_columns * sizeof *sink->columns);
    augs_stream_unref(sink->stream);
    augsi_delete(&allocator, sink, sizeof *sink);
}

int augs_sink_open_records(augs_stream *stream, uint32_t format, uint32_t batch_index,
                           int (*write_bytes)(void *user, const void *data, size_t n_bytes),
                           void *user, augs_sink **ret_sink, augs_error *error)
{
    static const augs_sink_ops ops = {
        .size = sizeof ops, .write = write_records, .flush = flush_records, .done = done_records};
    if (stream == NULL || write_bytes == NULL || ret_sink == NULL || batch_index > 1) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "record sink: stream, write_bytes and ret_sink must not be NULL, "
                          "batch_index 0 or 1");
    }
    const augs_allocator *allocator = augsi_preset_allocator(augs_stream_preset(stream));
    record_sink *sink = augsi_new(allocator, sizeof *sink);
    if (sink == NULL) {
        return augsi_fail_memory(error, sizeof *sink);
    }
    sink->allocator = *allocator;
    sink->stream = augs_stream_ref(stream);
    sink->n_columns = augs_stream_n_columns(stream);
    sink->write_bytes = write_bytes;
    sink->user = user;
    augsi_text_init(&sink->text, &sink->allocator);
    sink->columns = augsi_new_array(allocator, sink->n_columns, sizeof *sink->columns);
    int status = sink->columns == NULL
                     ? augsi_fail_memory(error, sink->n_columns * sizeof *sink->columns)
                     : augsi_record_writer_open(stream, format, batch_index, &sink->writer, error);
    if (status == AUGS_OK) {
        status = augsi_sink_open_shipped(&ops, sink, ret_sink, error);
    }
    if (status < 0) {
        done_records(sink);
    }
    return status;
}
