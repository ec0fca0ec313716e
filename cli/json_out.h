/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON objects on a file, a member at a time. Written by hand: seeds need all 64 bits of a whole
 * number, of which jansson has 63, and what a terminal must not get is escaped.
 */
#ifndef AUGSTREAM_CLI_JSON_OUT_H
#define AUGSTREAM_CLI_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct json_out {
    FILE *file;
    bool started; /* the object has a member */
} json_out;

void json_begin(json_out *json, FILE *file);
void json_text(json_out *json, const char *name, const char *value);
void json_whole(json_out *json, const char *name, uint64_t value);
/* null if it is not finite */
void json_number(json_out *json, const char *name, double value);
void json_bool(json_out *json, const char *name, bool value);
/* null; jansson has a function json_null */
void json_no_value(json_out *json, const char *name);
void json_begin_list(json_out *json, const char *name); /* then items, then json_end_list */
void json_item(json_out *json, const char *text);
void json_end_list(json_out *json);
void json_end(json_out *json); /* with a newline */

/* A string with its quotes. */
void json_put_string(FILE *file, const char *text);
/* A JSON text of the library, with what a terminal must not get escaped, and a newline. */
void json_put_text(FILE *file, const char *text);
/* A JSON text with line breaks for people: two levels are opened, what is deeper stays on its line.
 */
void json_put_indented(FILE *file, const char *text);

#endif
