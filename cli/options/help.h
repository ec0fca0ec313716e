/* SPDX-License-Identifier: Apache-2.0 */
/* Help for people and programs, and the man page, made of the tables in options.h. */
#ifndef AUGSTREAM_CLI_HELP_H
#define AUGSTREAM_CLI_HELP_H

#include <stdio.h>

#include "cli/options/options.h"

void help_put_all(FILE *file);
void help_put_command(FILE *file, const command *of);
/* Of the command `name`, or of all that begin with it ("presets"); false if there is none. */
bool help_put_named(FILE *file, const char *name);
void help_put_man(FILE *file);
/* Both tables as one JSON object. */
void help_put_json(FILE *file);
/* A paragraph, wrapped. */
void help_put_text(FILE *file, const char *text);
/* Columns to write help in: COLUMNS, the terminal's, or 80; within 20 to 100. */
unsigned help_width(void);

#endif
