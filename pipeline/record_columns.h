/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of a record writer: columns in the form that the formats' files read. */
#ifndef AUGSI_RECORD_COLUMNS_H
#define AUGSI_RECORD_COLUMNS_H

#include <augstream/stream.h>

#include "memory.h"
#include "record.h"

typedef struct augsi_record_column {
    uint32_t kind, dtype;
    uint32_t shape, width;
    uint32_t source; /* index into augsi_record_data.columns */
    bool is_batch;   /* the batch's index instead */
    size_t key_at, key_bytes;
    const size_t *choice_at; /* n_choices + 1 places, NULL without choices */
    uint32_t n_choices;
} augsi_record_column;

struct augsi_record_writer {
    augs_allocator allocator;
    augs_stream *stream;
    uint32_t format;
    uint32_t n_columns;
    augsi_record_column *columns;
    size_t n_choice_places;
    size_t *choice_places;
    augsi_text pool;            /* keys and choices, ready to be copied */
    size_t head_at, head_bytes; /* csv: the header line */
    size_t most_bytes;          /* a record is never longer */
};

/* Text of a key and of a choice in jsonl and csv, msgpack likewise. */
void augsi_record_text_key(augsi_text *pool, uint32_t format, const char *name, bool is_first);
void augsi_record_text_choice(augsi_text *pool, uint32_t format, const augs_choice *choice);
void augsi_record_text_header(augsi_text *pool, const augsi_record_column *column, const char *name,
                              bool is_first);
void augsi_record_msgpack_key(augsi_text *pool, const char *name, bool is_first,
                              uint32_t n_columns);
void augsi_record_msgpack_choice(augsi_text *pool, const augs_choice *choice);

/* One record into memory that holds most_bytes; returns its end. */
char *augsi_record_put_json(const augsi_record_writer *writer, const augsi_record_data *data,
                            uint64_t sample, char *p);
char *augsi_record_put_csv(const augsi_record_writer *writer, const augsi_record_data *data,
                           uint64_t sample, char *p);
char *augsi_record_put_msgpack(const augsi_record_writer *writer, const augsi_record_data *data,
                               uint64_t sample, char *p);

/* The first byte of a sample in its column. */
static inline const unsigned char *augsi_record_sample(const augsi_record_column *column,
                                                       const augsi_record_data *data,
                                                       uint64_t sample)
{
    if (column->is_batch) {
        return (const unsigned char *)(data->batch != NULL ? data->batch + sample : &data->step);
    }
    size_t bytes = (size_t)column->shape * column->width *
                   (column->dtype == AUGS_DTYPE_U64   ? 8
                    : column->dtype == AUGS_DTYPE_U16 ? 2
                    : column->dtype == AUGS_DTYPE_U8  ? 1
                                                      : 4);
    return (const unsigned char *)data->columns[column->source] + sample * bytes;
}

#endif
