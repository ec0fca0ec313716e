/* SPDX-License-Identifier: Apache-2.0 */
/* A growing text, and what others wrote: UTF-8 or not. */
#include "base/text.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/number_text.h"

void augsi_text_init(augsi_text *text, const augs_allocator *allocator)
{
    *text = (augsi_text){.allocator = allocator};
}

void augsi_text_done(augsi_text *text)
{
    augsi_delete(text->allocator, text->data, text->capacity);
    augsi_text_init(text, text->allocator);
}

void augsi_text_clear(augsi_text *text)
{
    text->n_bytes = 0;
    text->failed = false;
    if (text->data != NULL) {
        text->data[0] = '\0';
    }
}

/* A text can be very large: only what is in use is touched, and an empty one is given back first. */
static bool move_to(augsi_text *text, size_t capacity)
{
    if (text->n_bytes == 0) {
        augsi_delete(text->allocator, text->data, text->capacity);
        text->data = NULL;
        text->capacity = 0;
    }
    char *larger = augsi_new_slab(text->allocator, capacity);
    if (larger == NULL) {
        return false;
    }
    if (text->n_bytes > 0) {
        memcpy(larger, text->data, text->n_bytes);
        augsi_delete(text->allocator, text->data, text->capacity);
    }
    larger[text->n_bytes] = '\0';
    text->data = larger;
    text->capacity = capacity;
    return true;
}

char *augsi_text_reserve(augsi_text *text, size_t n_bytes)
{
    if (text->failed || n_bytes > SIZE_MAX / 4 || text->n_bytes > SIZE_MAX / 4) {
        text->failed = true;
        return NULL;
    }
    size_t need = text->n_bytes + n_bytes + 1;
    if (need > text->capacity) {
        const size_t twice = text->capacity < 128 ? 256 : text->capacity * 2;
        if (!move_to(text, twice < need ? need : twice)) {
            text->failed = true;
            return NULL;
        }
    }
    return text->data + text->n_bytes;
}

void augsi_text_add(augsi_text *text, const void *data, size_t n_bytes)
{
    char *end = augsi_text_reserve(text, n_bytes);
    if (end != NULL) {
        if (n_bytes > 0) {
            memcpy(end, data, n_bytes);
        }
        end[n_bytes] = '\0';
        text->n_bytes += n_bytes;
    }
}

void augsi_text_add_string(augsi_text *text, const char *string)
{
    augsi_text_add(text, string, strlen(string));
}

void augsi_text_add_u64(augsi_text *text, uint64_t number)
{
    char digits[AUGSI_NUMBER_BYTES];
    augsi_text_add(text, digits, augsi_u64_text(number, digits));
}

void augsi_text_add_i64(augsi_text *text, int64_t number)
{
    char digits[AUGSI_NUMBER_BYTES];
    augsi_text_add(text, digits, augsi_i64_text(number, digits));
}

void augsi_text_add_f64(augsi_text *text, double number)
{
    char digits[AUGSI_NUMBER_BYTES];
    if (isfinite(number)) {
        augsi_text_add(text, digits, augsi_f64_text(number, digits));
    } else {
        augsi_text_add(text, "null", 4);
    }
}

/* The code point of a sequence that YAML takes for a line break or refuses, though JSON does not:
 * C1 controls, line and paragraph separators, byte order marks, U+FFFE, U+FFFF. 0: none of them. */
static unsigned escaped_point(const unsigned char *p)
{
    if (p[0] == 0xC2 && p[1] >= 0x80 && p[1] <= 0x9F) {
        return p[1];
    }
    const bool three = (p[0] == 0xE2 || p[0] == 0xEF) && p[1] >= 0x80 && p[2] >= 0x80;
    const unsigned point = three ? (p[0] & 0xFu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu) : 0;
    return point == 0x2028 || point == 0x2029 || point == 0xFEFF || point >= 0xFFFE ? point : 0;
}

void augsi_text_add_json_string(augsi_text *text, const char *string)
{
    static const char hex[] = "0123456789abcdef";
    augsi_text_add(text, "\"", 1);
    for (const char *p = string; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        const unsigned point = escaped_point((const unsigned char *)p);
        if (point != 0) {
            augsi_text_add(text,
                           (char[]){'\\', 'u', hex[point >> 12], hex[point >> 8 & 15],
                                    hex[point >> 4 & 15], hex[point & 15]},
                           6);
            p += c == 0xC2 ? 1 : 2;
        } else if (c == '"' || c == '\\') {
            augsi_text_add(text, (char[]){'\\', *p}, 2);
        } else if (c == '\n') {
            augsi_text_add(text, "\\n", 2);
        } else if (c == '\t') {
            augsi_text_add(text, "\\t", 2);
        } else if (c < 0x20 || c == 0x7f) {
            augsi_text_add(text, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
        } else {
            augsi_text_add(text, p, 1);
        }
    }
    augsi_text_add(text, "\"", 1);
}

/* ---- UTF-8 ---- */

size_t augsi_utf8_bytes(const char *p, const char *end)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char lead = (unsigned char)*p;
    size_t n = lead < 0x80 ? 1 : lead < 0xC0 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (n == 0 || lead >= 0xF8 || (size_t)(end - p) < n) {
        return 0;
    }
    uint32_t code = n == 1 ? lead : lead & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)p[i] & 0xC0) != 0x80) {
            return 0;
        }
        code = code << 6 | ((unsigned char)p[i] & 0x3Fu);
    }
    bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    return code < least[n] || surrogate || code > 0x10FFFF ? 0 : n;
}

bool augsi_is_utf8(const char *text)
{
    const char *end = text + strlen(text);
    for (const char *p = text; p < end;) {
        size_t n = augsi_utf8_bytes(p, end);
        if (n == 0) {
            return false;
        }
        p += n;
    }
    return true;
}

void augsi_clean_text(char *text)
{
    const char *end = text + strlen(text);
    char *out = text;
    for (const char *p = text; p < end;) {
        size_t n = augsi_utf8_bytes(p, end);
        unsigned char first = (unsigned char)p[0];
        bool control = (first < 0x20 && first != '\t') || first == 0x7F ||
                       (first == 0xC2 && n == 2 && (unsigned char)p[1] < 0xA0);
        if (n == 0 || control) {
            *out++ = '?';
            p += n == 0 ? 1 : n;
            while (n == 0 && p < end && ((unsigned char)*p & 0xC0) == 0x80) {
                p++; /* the rest of a sequence that was cut */
            }
        } else {
            memmove(out, p, n);
            out += n;
            p += n;
        }
    }
    *out = '\0';
}
