/* SPDX-License-Identifier: Apache-2.0 */
/* Line ends are those of YAML 1.1: CR LF, LF, CR, NEL (U+0085), LS and PS (U+2028, U+2029). */
#include "presets/source_text.h"

#include <string.h>

size_t augsi_bom_bytes(const char *text, size_t n_bytes)
{
    return n_bytes >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

/* Bytes of the line end at p, 0 if there is none. */
static size_t break_bytes(const char *p, const char *end)
{
    size_t n = (size_t)(end - p);
    if (n >= 2 && p[0] == '\r' && p[1] == '\n') {
        return 2;
    }
    if (n >= 1 && (p[0] == '\n' || p[0] == '\r')) {
        return 1;
    }
    if (n >= 2 && memcmp(p, "\xC2\x85", 2) == 0) {
        return 2;
    }
    return n >= 3 && (memcmp(p, "\xE2\x80\xA8", 3) == 0 || memcmp(p, "\xE2\x80\xA9", 3) == 0) ? 3
                                                                                              : 0;
}

/* Bytes of the UTF-8 sequence at p, 0 if it is none (RFC 3629: no overlong form, no surrogate). */
static size_t sequence_bytes(const char *p, const char *end)
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
        size_t n = sequence_bytes(p, end);
        if (n == 0) {
            return false;
        }
        p += n;
    }
    return true;
}

augsi_mark augsi_mark_at(const char *text, size_t n_bytes, size_t offset)
{
    augsi_mark mark = {.line = 1, .column = 1};
    const char *end = text + n_bytes;
    const char *stop = text + (offset < n_bytes ? offset : n_bytes);
    for (const char *p = text; p < stop;) {
        size_t n = break_bytes(p, end);
        if (n > 0) {
            mark.line++;
            mark.column = 1;
        } else {
            n = sequence_bytes(p, end);
            n = n > 0 ? n : 1;
            mark.column++;
        }
        p += n;
    }
    return mark;
}

void augsi_lines_init(augsi_line_walk *walk, const char *text, size_t n_bytes)
{
    size_t n_bom = augsi_bom_bytes(text, n_bytes);
    *walk = (augsi_line_walk){.line = text + n_bom, .end = text + n_bytes, .number = 1};
}

size_t augsi_lines_seek(augsi_line_walk *walk, uint32_t number)
{
    for (;;) {
        const char *stop = walk->line;
        while (stop < walk->end && break_bytes(stop, walk->end) == 0) {
            stop++;
        }
        if (walk->number >= number || stop == walk->end) {
            return walk->number == number ? (size_t)(stop - walk->line) : 0;
        }
        walk->line = stop + break_bytes(stop, walk->end);
        walk->number++;
    }
}

void augsi_clean_text(char *text)
{
    const char *end = text + strlen(text);
    char *out = text;
    for (const char *p = text; p < end;) {
        size_t n = sequence_bytes(p, end);
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
