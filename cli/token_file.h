/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of `subscribe --token-file`: the token on the first line, then, for outputs that are
 * regular files, "out FORMAT BYTES" and "ids COUNT": how much of them belongs to the batches before
 * the token. The last line, "check SUM", is the CRC-32 of all bytes before it.
 */
#ifndef AUGSTREAM_CLI_TOKEN_FILE_H
#define AUGSTREAM_CLI_TOKEN_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include <augstream/pipeline.h>

typedef struct token_record {
    char token[AUGS_TOKEN_BYTES];
    char format[16];
    bool has_out, has_ids;
    uint64_t out_bytes;
    uint64_t n_ids;
} token_record;

/* Exit statuses, after a message. */

/* Replaces the file: a new one beside it (path.tmp), then a rename. */
int token_file_write(const char *path, const token_record *record);
/* *ret_exists = false and EXIT_DONE if there is no such file. */
int token_file_read(const char *path, token_record *ret_record, bool *ret_exists);

#endif
