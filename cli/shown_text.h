/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts that others wrote (arguments, file names, presets, a server), for a terminal: they must not
 * move the cursor, change colors, or end a line that is not theirs.
 */
#ifndef AUGSTREAM_CLI_SHOWN_TEXT_H
#define AUGSTREAM_CLI_SHOWN_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Length of the well-formed UTF-8 character at p (RFC 3629), 0 if there is none; *ret_code may be
 * written even then. `n` bytes may be read. */
size_t utf8_character(const char *p, size_t n, uint32_t *ret_code);

/* Whether a terminal may get the character as it is. */
bool shown_is_printable(uint32_t code);
/* n bytes with everything escaped that is no printable character of UTF-8: \n, \t, \x1b, \u202e.
 * Backslashes stay as they are. */
void shown_put_bytes(FILE *file, const char *text, size_t n);
void shown_put(FILE *file, const char *text);

/* The text between two others that are printed as they are. */
void shown_put_between(FILE *file, const char *before, const char *text, const char *after);

#endif
