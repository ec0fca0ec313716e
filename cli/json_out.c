/* SPDX-License-Identifier: Apache-2.0 */
#include "json_out.h"

#include <inttypes.h>
#include <math.h>

void json_put_string(FILE *file, const char *text)
{
    fputc('"', file);
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\') {
            fputc('\\', file);
            fputc(c, file);
        } else if (c < 0x20 || c == 0x7f) {
            fprintf(file, "\\u%04x", c);
        } else {
            fputc(c, file);
        }
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
        json_null(json, name);
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

void json_null(json_out *json, const char *name)
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
            fputc(c, file);
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
