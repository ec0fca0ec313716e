/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of a record writer: columns in the form that the formats' files read. */
#ifndef AUGSI_RECORD_COLUMNS_H
#define AUGSI_RECORD_COLUMNS_H

#include <augstream/format.h>
#include <augstream/stream.h>

#include "base/memory.h"
#include "pipeline/records/record.h"

typedef struct augsi_record_column {
    uint32_t kind, dtype;
    uint32_t shape, width, value_bytes;
    uint32_t source; /* index into augsi_record_data.columns */
    bool is_batch;   /* the batch's index instead */
    size_t key_at, key_bytes;
    const size_t *choice_at; /* n_choices + 1 places, NULL without choices */
    uint32_t n_choices;
} augsi_record_column;

/* How a format writes records: its part of the format's row. */
typedef struct augsi_record_form {
    /* What stands before a column's value; is_first: before the first value of a record. */
    void (*key)(augsi_text *pool, const char *name, bool is_first, uint32_t n_columns);
    void (*choice)(augsi_text *pool, const augs_choice *choice);
    /* The column's part of the header line; NULL: outputs have none. */
    void (*header)(augsi_text *pool, const augsi_record_column *column, const char *name,
                   bool is_first);
    /* One record into memory that holds most_bytes; returns its end. NULL: holds no records. */
    char *(*put)(const augsi_record_writer *writer, const augsi_record_data *data, uint64_t sample,
                 char *p);
    /* Bytes that a value of a column which has no choices takes at most. */
    size_t (*longest)(uint32_t dtype);
    /* Bytes at most around the values of a column of this shape and width, and of a record. */
    size_t (*around)(uint32_t shape, uint32_t width);
    size_t record_end;
    bool lines; /* a record is a line */
} augsi_record_form;

#define AUGSI_DECLARE_FORM(code, number, name)                                                     \
    extern const augsi_record_form augsi_record_form_##name;
AUGS_FORMAT_MAP(AUGSI_DECLARE_FORM)
#undef AUGSI_DECLARE_FORM

/* The form of a format, NULL if it holds no records. */
const augsi_record_form *augsi_record_form_of(uint32_t format);

#define AUGSI_FORMAT_LIST_BYTES 96u
/* The names of the formats, or of those that hold records, as "jsonl, csv". */
void augsi_format_list(bool records_only, char *ret_text, size_t n_bytes);

struct augsi_record_writer {
    augs_allocator allocator;
    augs_stream *stream;
    const augsi_record_form *form;
    uint32_t n_columns;
    augsi_record_column *columns;
    size_t n_choice_places;
    size_t *choice_places;
    augsi_text pool;            /* keys and choices, ready to be copied */
    size_t head_at, head_bytes; /* the header line */
    size_t most_bytes;          /* space that writing a record needs */
    uint64_t bound_bytes;       /* a record is never longer */
};

/* The first byte of a sample in its column. */
static inline const unsigned char *augsi_record_sample(const augsi_record_column *column,
                                                       const augsi_record_data *data,
                                                       uint64_t sample)
{
    if (column->is_batch) {
        return (const unsigned char *)(data->batch != NULL ? data->batch + sample : &data->step);
    }
    return (const unsigned char *)data->columns[column->source] +
           sample * column->shape * column->width * column->value_bytes;
}

#endif
