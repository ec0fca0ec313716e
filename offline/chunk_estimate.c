/* SPDX-License-Identifier: Apache-2.0 */
/* What a call would need: files, bytes and time. Nothing is written. */
#include <augstream/chunks.h>

#include "base/clock.h"
#include "base/sized_struct.h"
#include "offline/chunk_writer.h"

#define MEASURE_NS 100000000u
#define MEASURE_RECORDS 8192u

/* The first n_records of a chunk. */
static void cut_spans(augsi_chunk_spans *spans, uint64_t n_records)
{
    for (size_t i = 0; i < spans->n; i++) {
        augs_span *span = &spans->spans[i].span;
        if (span->count >= n_records) {
            span->count = n_records;
            spans->n = i + 1;
            return;
        }
        n_records -= span->count;
    }
}

/* Makes the first records again and again for a moment, in memory. */
static int measure(augsi_chunk_writer *writer, augs_chunks_estimate *estimate, augs_error *error)
{
    augsi_chunk_maker *maker = &writer->makers[0];
    augsi_chunk_spans spans = {0};
    uint64_t begin = augsi_now_ns(), now = begin, n = 0;
    int status = AUGS_OK;
    for (uint64_t c = writer->shard; now - begin < MEASURE_NS && status == AUGS_OK;) {
        if (c >= writer->run.n_chunks) {
            if (n == 0) {
                break;
            }
            c = writer->shard;
        }
        status = augsi_chunk_cursor_spans(&writer->cursor, c, &spans, error);
        if (status == AUGS_OK) {
            cut_spans(&spans, MEASURE_RECORDS);
            status = augsi_chunk_make(maker, c, &spans, error);
        }
        if (status == AUGS_OK) {
            augsi_hash128 hash;
            status = augsi_chunk_hash(maker, &hash, error);
            n += maker->n_records;
        }
        c += writer->n_shards;
        now = augsi_now_ns();
    }
    augsi_chunk_spans_done(&writer->run, &spans);
    estimate->n_measured = n;
    estimate->seconds = n == 0 ? 0
                               : (double)(now - begin) * 1e-9 / (double)n *
                                     (double)estimate->n_samples / writer->n_threads;
    return status;
}

/* The folder may not be there yet: then its nearest parent says what there is. */
static int look_for_estimate(augsi_chunk_writer *writer, const char *path, augs_error *error)
{
    int status = augsi_writer_open_folder(writer, path, false, error);
    if (status == AUGS_OK) {
        status = augsi_look_at_folder(writer, error);
        if (status == AUGS_OK) {
            status = augsi_look_at_chunks(writer, writer->options->check, NULL, false, error);
        }
        return status < 0 ? status : AUGS_OK;
    }
    if (status != AUGS_E_NOT_FOUND) {
        return status;
    }
    return augsi_folder_open_parent(path, &writer->run.allocator, &writer->folder, error);
}

int augs_chunks_get_estimate(augs_stream *stream, const char *path,
                             const augs_chunks_options *options, augs_chunks_estimate *ret_estimate,
                             augs_error *error)
{
    augs_chunks_report report = {.size = sizeof report};
    augs_chunks_estimate own;
    augs_chunks_options taken;
    int status = AUGSI_CHECK_OUTPUT(augs_chunks_estimate, ret_estimate, error);
    status = status < 0 ? status : augsi_writer_take_options(options, &taken, error);
    if (status < 0) {
        return status;
    }
    augsi_chunk_writer writer = {.options = &taken, .report = &report};
    status = augsi_writer_open(stream, path, &taken, &writer, error);
    if (status < 0) {
        return status;
    }
    status = look_for_estimate(&writer, path, error);
    if (status == AUGS_OK) {
        augsi_writer_estimate(&writer, &own);
        status = measure(&writer, &own, error);
    }
    if (status == AUGS_OK) {
        AUGSI_GIVE(augs_chunks_estimate, &own, ret_estimate);
    }
    augsi_writer_done(&writer);
    return status;
}
