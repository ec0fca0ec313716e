/* SPDX-License-Identifier: Apache-2.0 */
/* msgpack maps (msgpack/spec.md); every number in its shortest form, f32 as float 32. */
#include <string.h>

#include "base/number_text.h"
#include "pipeline/records/record_columns.h"
#include "presets/kinds.h"

static inline char *put_big_endian(char *p, uint64_t number, unsigned n_bytes)
{
    for (unsigned i = 0; i < n_bytes; i++) {
        p[i] = (char)(unsigned char)(number >> (8 * (n_bytes - 1 - i)));
    }
    return p + n_bytes;
}

static inline char *put_head(char *p, unsigned head)
{
    *p = (char)(unsigned char)head;
    return p + 1;
}

static char *put_u64(char *p, uint64_t number)
{
    if (number < 0x80) {
        return put_head(p, (unsigned)number);
    }
    if (number <= UINT8_MAX) {
        return put_big_endian(put_head(p, 0xcc), number, 1);
    }
    if (number <= UINT16_MAX) {
        return put_big_endian(put_head(p, 0xcd), number, 2);
    }
    if (number <= UINT32_MAX) {
        return put_big_endian(put_head(p, 0xce), number, 4);
    }
    return put_big_endian(put_head(p, 0xcf), number, 8);
}

static char *put_i64(char *p, int64_t number)
{
    if (number >= 0) {
        return put_u64(p, (uint64_t)number);
    }
    if (number >= -32) {
        return put_head(p, (unsigned)(number & 0xff));
    }
    if (number >= INT8_MIN) {
        return put_big_endian(put_head(p, 0xd0), (uint64_t)number, 1);
    }
    if (number >= INT16_MIN) {
        return put_big_endian(put_head(p, 0xd1), (uint64_t)number, 2);
    }
    if (number >= INT32_MIN) {
        return put_big_endian(put_head(p, 0xd2), (uint64_t)number, 4);
    }
    return put_big_endian(put_head(p, 0xd3), (uint64_t)number, 8);
}

static char *put_array_head(char *p, uint32_t n)
{
    return n < 16 ? put_head(p, 0x90 | n) : put_big_endian(put_head(p, 0xdc), n, 2);
}

static void add_string(augsi_text *pool, const char *text)
{
    char head[5];
    char *p = head;
    size_t n = strlen(text);
    if (n < 32) {
        p = put_head(p, 0xa0 | (unsigned)n);
    } else if (n <= UINT8_MAX) {
        p = put_big_endian(put_head(p, 0xd9), n, 1);
    } else if (n <= UINT16_MAX) {
        p = put_big_endian(put_head(p, 0xda), n, 2);
    } else {
        p = put_big_endian(put_head(p, 0xdb), n, 4);
    }
    augsi_text_add(pool, head, (size_t)(p - head));
    augsi_text_add(pool, text, n);
}

static void add_key(augsi_text *pool, const char *name, bool is_first, uint32_t n_columns)
{
    if (is_first) { /* the map's head stands before its first key; AUGS_MAX_COLUMNS fits 16 bits */
        char head[3];
        char *p = n_columns < 16 ? put_head(head, 0x80 | n_columns)
                                 : put_big_endian(put_head(head, 0xde), n_columns, 2);
        augsi_text_add(pool, head, (size_t)(p - head));
    }
    add_string(pool, name);
}

static void add_choice(augsi_text *pool, const augs_choice *choice)
{
    char bytes[9];
    char *p;
    int64_t integer;
    uint64_t natural;
    size_t n = strlen(choice->text);
    if (!choice->is_number) {
        add_string(pool, choice->text);
        return;
    }
    if (augsi_parse_i64(choice->text, n, &integer)) {
        p = put_i64(bytes, integer);
    } else if (augsi_parse_u64(choice->text, n, &natural)) {
        p = put_u64(bytes, natural);
    } else {
        const double number = augsi_choice_number(choice);
        uint64_t bits;
        memcpy(&bits, &number, sizeof bits);
        p = put_big_endian(put_head(bytes, 0xcb), bits, 8);
    }
    augsi_text_add(pool, bytes, (size_t)(p - bytes));
}

static inline char *put_value(const augsi_record_writer *writer, const augsi_record_column *column,
                              const unsigned char **at, char *p)
{
    uint64_t u64;
    int64_t i64;
    uint32_t u32;
    int32_t i32;
    switch (column->dtype) {
    case AUGS_DTYPE_F32:
        memcpy(&u32, *at, sizeof u32);
        *at += 4;
        return put_big_endian(put_head(p, 0xca), u32, 4);
    case AUGS_DTYPE_BOOL:
        return put_head(p, *(*at)++ != 0 ? 0xc3 : 0xc2);
    case AUGS_DTYPE_I32:
        memcpy(&i32, *at, sizeof i32);
        *at += 4;
        if ((uint32_t)i32 < column->n_choices) {
            size_t start = column->choice_at[i32];
            size_t n = column->choice_at[i32 + 1] - start;
            memcpy(p, writer->pool.data + start, n);
            return p + n;
        }
        return put_i64(p, i32);
    case AUGS_DTYPE_I64:
        memcpy(&i64, *at, sizeof i64);
        *at += 8;
        return put_i64(p, i64);
    default:
        memcpy(&u64, *at, sizeof u64);
        *at += 8;
        return put_u64(p, u64);
    }
}

static char *put_record(const augsi_record_writer *writer, const augsi_record_data *data,
                        uint64_t sample, char *p)
{
    for (uint32_t i = 0; i < writer->n_columns; i++) {
        const augsi_record_column *column = &writer->columns[i];
        const unsigned char *at = augsi_record_sample(column, data, sample);
        memcpy(p, writer->pool.data + column->key_at, column->key_bytes);
        p += column->key_bytes;
        if (column->shape > 1) {
            p = put_array_head(p, column->shape);
        }
        for (uint32_t j = 0; j < column->shape; j++) {
            if (column->width > 1) {
                p = put_array_head(p, column->width);
            }
            for (uint32_t k = 0; k < column->width; k++) {
                p = put_value(writer, column, &at, p);
            }
        }
    }
    return p;
}

static size_t longest(uint32_t dtype)
{
    switch (dtype) {
    case AUGS_DTYPE_F32:
    case AUGS_DTYPE_I32:
        return 5;
    case AUGS_DTYPE_BOOL:
        return 1;
    default:
        return 9;
    }
}

/* The heads of arrays. */
static size_t around(uint32_t shape, uint32_t width)
{
    return (shape > 1 ? 3 : 0) + (width > 1 ? (size_t)3 * shape : 0);
}

const augsi_record_form augsi_record_form_msgpack = {
    .key = add_key, .choice = add_choice, .put = put_record, .longest = longest, .around = around};
