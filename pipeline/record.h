/* SPDX-License-Identifier: Apache-2.0 */
/* Records of a batch as text or msgpack; the same names and order as the preset. */
#ifndef AUGSI_RECORD_H
#define AUGSI_RECORD_H

#include <stdbool.h>

#include <augstream/batch.h>
#include <augstream/sink.h>

#include "text.h"

/*
 * Appends all records of a batch. jsonl: an object a line. csv: a line each; vectors as name[0],
 * name[1]... columns. msgpack: one map a sample, one after another (no enclosing array).
 * AUGS_E_ARGUMENT for other formats, AUGS_E_NO_MEMORY.
 */
int augsi_records_append(augsi_text *text, const augs_batch *batch, uint32_t format,
                         augs_error *error);
/* csv: the header line; the others nothing. With batch_index a column `batch` after sample_id. */
int augsi_records_append_header(augsi_text *text, const augs_stream *stream, uint32_t format,
                                bool batch_index, augs_error *error);

#endif
