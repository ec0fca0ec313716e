/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a preset by the lines and columns that libyaml counts. */
#ifndef AUGSI_SOURCE_TEXT_H
#define AUGSI_SOURCE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "presets/draft.h"

/* The bytes of a byte order mark that the text begins with: 3 or 0. */
size_t augsi_bom_bytes(const char *text, size_t n_bytes);
/* The place of the byte at `offset`; a byte that is no UTF-8 counts as a character. */
augsi_mark augsi_mark_at(const char *text, size_t n_bytes, size_t offset);

/* Lines in ascending order, each found from the one before. */
typedef struct augsi_line_walk {
    const char *line, *end;
    uint32_t number; /* of line, from 1 */
} augsi_line_walk;

void augsi_lines_init(augsi_line_walk *walk, const char *text, size_t n_bytes);
/* Goes to a line that is not before the last one. Bytes of it without its end; 0 beyond the text.
 */
size_t augsi_lines_seek(augsi_line_walk *walk, uint32_t number);

bool augsi_is_utf8(const char *text);
/* Makes a text fit for a terminal and for readers of UTF-8: '?' for control characters (but no tab)
 * and for what is no UTF-8. It never gets longer. */
void augsi_clean_text(char *text);

#endif
