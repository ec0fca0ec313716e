/* SPDX-License-Identifier: Apache-2.0 */
/* Files of lines that need not fit memory: read line after line, and rewritten if they differ. */
#ifndef AUGSI_CHUNK_LINES_H
#define AUGSI_CHUNK_LINES_H

#include "offline/chunk_folder.h"

typedef struct augsi_line_reader {
    const augsi_folder *folder;
    augsi_folder_file file;
    uint64_t at; /* offset in the file of buffer[0] */
    char *buffer;
    size_t capacity, begin, end; /* buffer[begin, end) is not handed out yet */
    size_t most_bytes;           /* of a line */
} augsi_line_reader;

/* Statuses as augsi_folder_open_file, or AUGS_E_NO_MEMORY. */
int augsi_line_reader_open(const augsi_folder *folder, const char *name,
                           augsi_line_reader *ret_lines, augs_error *error);
void augsi_line_reader_done(augsi_line_reader *lines);
/* No line from here on may be longer. */
void augsi_line_reader_limit(augsi_line_reader *lines, size_t most_bytes);
/* The next line begins there. */
void augsi_line_reader_seek(augsi_line_reader *lines, uint64_t offset);
uint64_t augsi_line_reader_offset(const augsi_line_reader *lines);
/*
 * 1: a line with its newline, until the next call. 0: no whole line is left. AUGS_E_CORRUPT: the
 * line is longer than lines may be. AUGS_E_IO, AUGS_E_NO_MEMORY, AUGS_E_CANCELLED.
 */
int augsi_line_reader_next(augsi_line_reader *lines, const char **ret_line, size_t *ret_n_bytes,
                           augs_error *error);

/* A file is compared with what it should be, and replaced from the first difference on. */
typedef struct augsi_rewrite {
    augsi_folder *folder;
    const char *name, *suffix;
    augsi_folder_file there; /* fd -1: there is none */
    augsi_folder_draft draft;
    bool differs; /* draft is open */
    uint64_t n_same;
    char *pending, *compared;
    size_t n_pending;
} augsi_rewrite;

/* A symbolic link in the place of the file always differs: what is appended later must not go
 * where it leads. */
int augsi_rewrite_begin(augsi_folder *folder, const char *name, const char *suffix,
                        augsi_rewrite *ret_rewrite, augs_error *error);
int augsi_rewrite_add(augsi_rewrite *rewrite, const void *data, size_t n_bytes, augs_error *error);
/* 1: the file was replaced, 0: it was right. */
int augsi_rewrite_end(augsi_rewrite *rewrite, augs_error *error);
/* After any of them, failed or not; without an end the file stays as it was. */
void augsi_rewrite_done(augsi_rewrite *rewrite);

#endif
