/* SPDX-License-Identifier: Apache-2.0 */
/* A growing text. Failures to allocate are remembered and reported once, at the end. */
#ifndef AUGSI_TEXT_H
#define AUGSI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <augstream/alloc.h>

typedef struct augsi_text {
    const augs_allocator *allocator;
    char *data; /* NUL-terminated once anything was added */
    size_t n_bytes;
    size_t capacity;
    bool failed; /* memory ran out: data is not complete */
} augsi_text;

void augsi_text_init(augsi_text *text, const augs_allocator *allocator);
void augsi_text_done(augsi_text *text);
/* Empties it and keeps its memory. */
void augsi_text_clear(augsi_text *text);
/* Room for n_bytes more, to be written by the caller and claimed by adding to n_bytes; NULL if
 * failed. */
char *augsi_text_reserve(augsi_text *text, size_t n_bytes);
void augsi_text_add(augsi_text *text, const void *data, size_t n_bytes);
void augsi_text_add_string(augsi_text *text, const char *string);
void augsi_text_add_u64(augsi_text *text, uint64_t number);
void augsi_text_add_i64(augsi_text *text, int64_t number);
/* A JSON string with its quotes: UTF-8 as it is, control characters, quote and backslash escaped.
 */
void augsi_text_add_json_string(augsi_text *text, const char *string);
/* The fewest digits that read back to the same bits (number_text.h); JSON has no NaN or infinity:
 * null. */
void augsi_text_add_f64(augsi_text *text, double number);

#endif
