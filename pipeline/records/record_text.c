/* SPDX-License-Identifier: Apache-2.0 */
/* jsonl (RFC 8259, one object per line) and csv (RFC 4180, lines end in LF). */
#include <math.h>
#include <string.h>

#include "base/number_text.h"
#include "pipeline/records/record_columns.h"

static void add_csv_field(augsi_text *pool, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        augsi_text_add_string(pool, text);
        return;
    }
    augsi_text_add(pool, "\"", 1);
    for (const char *p = text; *p != '\0'; p++) {
        augsi_text_add(pool, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
    }
    augsi_text_add(pool, "\"", 1);
}

static void csv_key(augsi_text *pool, const char *name, bool is_first, uint32_t n_columns)
{
    (void)name;
    (void)n_columns;
    augsi_text_add_string(pool, is_first ? "" : ",");
}

static void json_key(augsi_text *pool, const char *name, bool is_first, uint32_t n_columns)
{
    (void)n_columns;
    augsi_text_add(pool, is_first ? "{" : ",", 1);
    augsi_text_add_json_string(pool, name);
    augsi_text_add(pool, ":", 1);
}

static void csv_choice(augsi_text *pool, const augs_choice *choice)
{
    add_csv_field(pool, choice->text);
}

/* The text of a number is one of JSON: else the preset takes it for a name. */
static void json_choice(augsi_text *pool, const augs_choice *choice)
{
    if (choice->is_number) {
        augsi_text_add_string(pool, choice->text);
    } else {
        augsi_text_add_json_string(pool, choice->text);
    }
}

static void csv_header(augsi_text *pool, const augsi_record_column *column, const char *name,
                       bool is_first)
{
    for (uint32_t j = 0; j < column->shape; j++) {
        for (uint32_t k = 0; k < column->width; k++) {
            augsi_text_add_string(pool, is_first && j + k == 0 ? "" : ",");
            augsi_text_add_string(pool, name);
            if (column->shape > 1) {
                augsi_text_add(pool, "[", 1);
                augsi_text_add_u64(pool, j);
                augsi_text_add(pool, "]", 1);
            }
            if (column->width > 1) {
                augsi_text_add(pool, "[", 1);
                augsi_text_add_u64(pool, k);
                augsi_text_add(pool, "]", 1);
            }
        }
    }
}

static inline char *put_bytes(char *p, const char *bytes, size_t n_bytes)
{
    memcpy(p, bytes, n_bytes);
    return p + n_bytes;
}

static char *put_f32(char *p, const unsigned char *at, bool json)
{
    float number;
    memcpy(&number, at, sizeof number);
    if (isfinite(number)) {
        return p + augsi_f32_text(number, p);
    }
    if (json) { /* RFC 8259 has no such numbers */
        return put_bytes(p, "null", 4);
    }
    return isnan(number) ? put_bytes(p, "nan", 3)
           : number > 0  ? put_bytes(p, "inf", 3)
                         : put_bytes(p, "-inf", 4);
}

/* One value; returns its end and moves *at behind it. */
static inline char *put_value(const augsi_record_writer *writer, const augsi_record_column *column,
                              const unsigned char **at, char *p, bool json)
{
    uint64_t u64;
    int64_t i64;
    int32_t i32;
    switch (column->dtype) {
    case AUGS_DTYPE_F32:
        p = put_f32(p, *at, json);
        *at += 4;
        return p;
    case AUGS_DTYPE_BOOL:
        return *(*at)++ != 0 ? put_bytes(p, "true", 4) : put_bytes(p, "false", 5);
    case AUGS_DTYPE_I32:
        memcpy(&i32, *at, sizeof i32);
        *at += 4;
        if ((uint32_t)i32 < column->n_choices) {
            size_t start = column->choice_at[i32];
            return put_bytes(p, writer->pool.data + start, column->choice_at[i32 + 1] - start);
        }
        if (i32 >= 0 && i32 < 10) { /* the items of permutations */
            *p = (char)('0' + i32);
            return p + 1;
        }
        return p + augsi_i64_text(i32, p);
    case AUGS_DTYPE_I64:
        memcpy(&i64, *at, sizeof i64);
        *at += 8;
        return p + augsi_i64_text(i64, p);
    default:
        memcpy(&u64, *at, sizeof u64);
        *at += 8;
        return p + augsi_u64_text(u64, p);
    }
}

static char *put_permutation(const augsi_record_writer *writer, const augsi_record_column *column,
                             const unsigned char **at, char *p)
{
    *p++ = '[';
    for (uint32_t k = 0; k < column->width; k++) {
        if (k > 0) {
            *p++ = ',';
        }
        p = put_value(writer, column, at, p, true);
    }
    *p++ = ']';
    return p;
}

static char *put_vector(const augsi_record_writer *writer, const augsi_record_column *column,
                        const unsigned char *at, char *p)
{
    *p++ = '[';
    for (uint32_t j = 0; j < column->shape; j++) {
        if (j > 0) {
            *p++ = ',';
        }
        p = column->width > 1 ? put_permutation(writer, column, &at, p)
                              : put_value(writer, column, &at, p, true);
    }
    *p++ = ']';
    return p;
}

static char *put_json(const augsi_record_writer *writer, const augsi_record_data *data,
                      uint64_t sample, char *p)
{
    for (uint32_t i = 0; i < writer->n_columns; i++) {
        const augsi_record_column *column = &writer->columns[i];
        const unsigned char *at = augsi_record_sample(column, data, sample);
        p = put_bytes(p, writer->pool.data + column->key_at, column->key_bytes);
        if (column->shape > 1) {
            p = put_vector(writer, column, at, p);
        } else if (column->width > 1) {
            p = put_permutation(writer, column, &at, p);
        } else {
            p = put_value(writer, column, &at, p, true);
        }
    }
    *p++ = '}';
    *p++ = '\n';
    return p;
}

static char *put_csv(const augsi_record_writer *writer, const augsi_record_data *data,
                     uint64_t sample, char *p)
{
    for (uint32_t i = 0; i < writer->n_columns; i++) {
        const augsi_record_column *column = &writer->columns[i];
        const unsigned char *at = augsi_record_sample(column, data, sample);
        uint32_t n_values = column->shape * column->width;
        for (uint32_t j = 0; j < n_values; j++) {
            if (i + j > 0) {
                *p++ = ',';
            }
            p = put_value(writer, column, &at, p, false);
        }
    }
    *p++ = '\n';
    return p;
}

/* f32: "-9999999000000000.0" is the longest plain form, longer than any with an exponent. */
static size_t text_longest(uint32_t dtype)
{
    switch (dtype) {
    case AUGS_DTYPE_F32:
        return 19;
    case AUGS_DTYPE_BOOL:
        return 5;
    case AUGS_DTYPE_I32:
        return 11;
    default:
        return 20;
    }
}

/* Brackets around a vector and around each of its permutations, and commas between values. */
static size_t json_around(uint32_t shape, uint32_t width)
{
    size_t values = (size_t)shape * width;
    return values - 1 + (shape > 1 ? 2 : 0) + (width > 1 ? (size_t)2 * shape : 0);
}

static size_t csv_around(uint32_t shape, uint32_t width)
{
    return (size_t)shape * width - 1;
}

const augsi_record_form augsi_record_form_jsonl = {.key = json_key,
                                                   .choice = json_choice,
                                                   .put = put_json,
                                                   .longest = text_longest,
                                                   .around = json_around,
                                                   .record_end = 2,
                                                   .lines = true};
const augsi_record_form augsi_record_form_csv = {.key = csv_key,
                                                 .choice = csv_choice,
                                                 .header = csv_header,
                                                 .put = put_csv,
                                                 .longest = text_longest,
                                                 .around = csv_around,
                                                 .record_end = 1,
                                                 .lines = true};
