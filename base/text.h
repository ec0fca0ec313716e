/* SPDX-License-Identifier: Apache-2.0 */
/* A growing text, and UTF-8. */
#ifndef AUGSI_TEXT_H
#define AUGSI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <augstream/alloc.h>

/* Failures to allocate are remembered and reported once, at the end. */
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
/* Space for n_bytes more, to be written by the caller and claimed by adding to n_bytes; NULL if
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

/* Bytes of the UTF-8 sequence at p, 0 if it is none (RFC 3629: no overlong form, no surrogate). */
size_t augsi_utf8_bytes(const char *p, const char *end);
bool augsi_is_utf8(const char *text);
/* Makes a text fit for a terminal and for readers of UTF-8: '?' for control characters (but no tab)
 * and for what is no UTF-8. It never gets longer. */
void augsi_clean_text(char *text);

#endif
