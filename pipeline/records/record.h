/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of a batch as text or msgpack; the same names and order as the preset.
 *
 * jsonl: one object per line. csv: one line per sample; vectors as name[0], name[1]... columns, permutations
 * in vectors as name[0][0]... msgpack: one map per sample, one after another (no enclosing array).
 */
#ifndef AUGSI_RECORD_H
#define AUGSI_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include <augstream/batch.h>
#include <augstream/sink.h>

#include "base/text.h"

/*
 * What does not change from batch to batch: keys, choices and widths in the format's form.
 * Immutable once open, so any number of threads may append with one writer.
 */
typedef struct augsi_record_writer augsi_record_writer;

typedef struct augsi_record_data {
    const void *const *columns; /* the stream's, in its order */
    const uint64_t *batch;      /* with batch_index: one a sample, or NULL: `step` for all */
    uint64_t step;
} augsi_record_data;

/* Takes a reference of the stream. AUGS_E_ARGUMENT for other formats, AUGS_E_NO_MEMORY. */
int augsi_record_writer_open(augs_stream *stream, uint32_t format, bool batch_index,
                             augsi_record_writer **ret_writer, augs_error *error);
void augsi_record_writer_free(augsi_record_writer *writer);
/* Bytes that an output of n_records records takes at most; UINT64_MAX if that is too many. */
uint64_t augsi_record_writer_bound(const augsi_record_writer *writer, uint64_t n_records);
/* Where the byte `at` of an output stands: "in record 17", "in the header". `bytes` are the
 * output's, at least up to `at`. */
void augsi_record_writer_locate(const augsi_record_writer *writer, const char *bytes, size_t at,
                                char *ret_text, size_t n_bytes);
/* csv: the header line; the others nothing. Memory that ran out is remembered in the text. */
void augsi_record_writer_header(const augsi_record_writer *writer, augsi_text *text);
/* Appends the samples first, first + 1, ... n_samples of them. */
void augsi_record_writer_append(const augsi_record_writer *writer, augsi_text *text,
                                const augsi_record_data *data, uint64_t first, uint64_t n_samples);

/*
 * Appends all records of a batch, for callers with few of them (a writer of the call's own).
 * AUGS_E_ARGUMENT for other formats, AUGS_E_NO_MEMORY.
 */
int augsi_records_append(augsi_text *text, const augs_batch *batch, uint32_t format,
                         augs_error *error);
#endif
