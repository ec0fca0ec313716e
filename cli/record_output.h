/* SPDX-License-Identifier: Apache-2.0 */
/* Where records go: stdout or a file. */
#ifndef AUGSTREAM_CLI_RECORD_OUTPUT_H
#define AUGSTREAM_CLI_RECORD_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct record_output {
    int file;
    const char *name;
    bool is_stdout;
    bool is_regular; /* its length can be trusted and cut */
    bool has_reader; /* no regular file: it can have no space for a while */
    bool skip_line;  /* drops what is written up to the first line's end: a header that is there */
    bool reader_gone;
    int errnum;       /* of the write that failed; ECANCELED: a signal came while it waited */
    bool is_cut;      /* that write took some of its bytes */
    uint64_t n_bytes; /* length of the file */
    uint64_t n_written;
    const char *advice; /* what to do once there is space; NULL: run the same command again */
} record_output;

/* "-" is stdout. resume_at: UINT64_MAX = a new file; else a regular file is cut to that length and
 * continued. An exit status, after a message. */
int record_output_open(record_output *output, const char *path, uint64_t resume_at);
/* For augs_sink_open_records: AUGS_E_CANCELLED when the reader went away, or took nothing when a
 * signal came; AUGS_E_IO. */
int record_output_write(void *output, const void *data, size_t n_bytes);
/* Closes; an exit status, after a message. */
int record_output_close(record_output *output);
/* After a failed write: EXIT_DONE if the reader went away, EXIT_PARTLY if a signal ended it, else
 * EXIT_FAILED; the last two after a message. */
int record_output_failure(const record_output *output);

#endif
