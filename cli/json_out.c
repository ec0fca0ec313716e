/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/json_out.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/shown_text.h"

void json_put_string(FILE *file, const char *text)
{
    const size_t n = strlen(text);
    fputc('"', file);
    for (size_t i = 0; i < n;) {
        uint32_t code = 0;
        const size_t length = utf8_character(text + i, n - i, &code);
        if (length == 0) {
            fputs("\\ufffd", file); /* no character: JSON has no bytes */
        } else if (code == '"' || code == '\\') {
            fprintf(file, "\\%c", (int)code);
        } else if (code < 0x10000 && !shown_is_printable(code)) {
            fprintf(file, "\\u%04x", code);
        } else {
            fwrite(text + i, 1, length, file);
        }
        i += length > 0 ? length : 1;
    }
    fputc('"', file);
}

void json_begin(json_out *json, FILE *file)
{
    *json = (json_out){.file = file};
    fputc('{', file);
}

static void put_name(json_out *json, const char *name)
{
    if (json->started) {
        fputc(',', json->file);
    }
    json->started = true;
    json_put_string(json->file, name);
    fputc(':', json->file);
}

void json_text(json_out *json, const char *name, const char *value)
{
    put_name(json, name);
    json_put_string(json->file, value);
}

void json_whole(json_out *json, const char *name, uint64_t value)
{
    put_name(json, name);
    fprintf(json->file, "%" PRIu64, value);
}

void json_number(json_out *json, const char *name, double value)
{
    if (!isfinite(value)) {
        json_no_value(json, name);
        return;
    }
    put_name(json, name);
    fprintf(json->file, "%.9g", value);
}

void json_bool(json_out *json, const char *name, bool value)
{
    put_name(json, name);
    fputs(value ? "true" : "false", json->file);
}

void json_no_value(json_out *json, const char *name)
{
    put_name(json, name);
    fputs("null", json->file);
}

void json_begin_list(json_out *json, const char *name)
{
    put_name(json, name);
    fputc('[', json->file);
    json->started = false;
}

void json_item(json_out *json, const char *text)
{
    if (json->started) {
        fputc(',', json->file);
    }
    json->started = true;
    json_put_string(json->file, text);
}

void json_end_list(json_out *json)
{
    fputc(']', json->file);
    json->started = true;
}

void json_end(json_out *json)
{
    fputs("}\n", json->file);
}

/* The next character of a JSON text. One beyond ASCII stands within a string, where an escape means
 * the same. Returns what follows. */
static const char *put_character(FILE *file, const char *p)
{
    uint32_t code = 0;
    const size_t length = utf8_character(p, strnlen(p, 4), &code);
    if (length == 0) {
        fputs("\\ufffd", file);
    } else if (code >= 0x7F && code < 0x10000 && !shown_is_printable(code)) {
        fprintf(file, "\\u%04x", code);
    } else {
        fwrite(p, 1, length, file);
    }
    return p + (length > 0 ? length : 1);
}

void json_put_text(FILE *file, const char *text)
{
    while (*text != '\0') {
        text = put_character(file, text);
    }
    fputc('\n', file);
}

static void new_line(FILE *file, unsigned depth)
{
    fprintf(file, "\n%*s", (int)(2 * depth), "");
}

void json_put_indented(FILE *file, const char *text)
{
    enum { OPENED = 2 };
    unsigned depth = 0;
    bool in_string = false;
    for (const char *p = text; *p != '\0'; p++) {
        char c = *p;
        if (in_string) {
            p = put_character(file, p) - 1;
            if (c == '\\' && p[1] != '\0') {
                fputc(*++p, file);
            } else if (c == '"') {
                in_string = false;
            }
            continue;
        }
        if (c == ' ' || c == '\n') {
            continue;
        }
        bool closes = c == '}' || c == ']';
        if (closes && depth-- <= OPENED && p[-1] != '{' && p[-1] != '[') {
            new_line(file, depth);
        }
        fputc(c, file);
        in_string = c == '"';
        if (c == '{' || c == '[') {
            if (++depth <= OPENED && p[1] != '}' && p[1] != ']') {
                new_line(file, depth);
            }
        } else if (c == ',') {
            if (depth <= OPENED) {
                new_line(file, depth);
            } else {
                fputc(' ', file);
            }
        } else if (c == ':') {
            fputc(' ', file);
        }
    }
    fputc('\n', file);
}
