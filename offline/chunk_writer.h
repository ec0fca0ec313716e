/* SPDX-License-Identifier: Apache-2.0 */
/* The state of augs_chunks_write, and what it learns of a folder by looking. */
#ifndef AUGSI_CHUNK_WRITER_H
#define AUGSI_CHUNK_WRITER_H

#include <augstream/chunks.h>

#include "offline/chunk_check.h"
#include "offline/chunk_lines.h"

typedef struct augsi_write_job {
    uint64_t chunk;
    augsi_chunk_spans spans;
    augsi_chunk_entry entry;
    int status;
    bool is_blocked; /* its place is taken: the others can be made */
    augs_error error;
} augsi_write_job;

/* A call of augs_chunks_write. */
typedef struct augsi_chunk_writer {
    augsi_chunk_run run;
    augsi_folder folder;
    const augs_chunks_options *options;
    augs_chunks_report *report;
    uint32_t shard, n_shards, n_threads;
    char manifest_name[AUGSI_CHUNK_NAME_BYTES];
    char suffix[AUGSI_CHUNK_NAME_BYTES];
    char lock_name[AUGSI_CHUNK_NAME_BYTES];
    augsi_chunk_checker checker; /* of what is there */
    augsi_manifest manifest;     /* the shard's */
    augsi_window window;
    uint64_t kept_bytes;  /* of the chunks that are there */
    uint64_t total_bytes; /* of all chunks of the shard, at most */
    int manifest_fd;
    augsi_chunk_cursor cursor;
    uint64_t next_chunk;
    uint64_t done_samples, all_samples;
    augsi_text line;
    augsi_chunk_maker *makers;
    augsi_write_job *jobs;
    uint32_t n_jobs;
    int status; /* the first failure */
    augs_error error;
} augsi_chunk_writer;

/* The options as this version knows them; AUGS_E_ARGUMENT. */
int augsi_writer_take_options(const augs_chunks_options *options, augs_chunks_options *ret_taken,
                              augs_error *error);
/* Everything but the folder, into a writer that has its options and its report. After a failure
 * there is nothing to be freed. */
int augsi_writer_open(augs_stream *stream, const char *path, const augs_chunks_options *options,
                      augsi_chunk_writer *writer, augs_error *error);
int augsi_writer_open_folder(augsi_chunk_writer *writer, const char *path, bool create,
                             augs_error *error);
void augsi_writer_done(augsi_chunk_writer *writer);

/* What the chunks that are missing need, and what the folder's file system has. */
void augsi_writer_estimate(const augsi_chunk_writer *writer, augs_chunks_estimate *ret_estimate);
/* AUGS_E_NO_SPACE if that does not fit, unless the options say that it does not matter. */
int augsi_writer_check_space(const augsi_chunk_writer *writer, augs_error *error);

/* ---- what is there (chunk_check.c) ---- */

/* Does `name` end in `end` and is longer? */
bool augsi_ends_with(const char *name, const char *end);

/* Reads the shard's manifest, and refuses a folder of another run. */
int augsi_look_at_folder(augsi_chunk_writer *writer, augs_error *error);

/*
 * Looks at every chunk that the shard's manifest lists; fills kept_bytes, done_samples and
 * report->n_kept. Good ones are added to `rewrite` (NULL: not). 1 at the end, 0: with stop_at_bad,
 * at the first that is not good.
 */
int augsi_look_at_chunks(augsi_chunk_writer *writer, uint32_t check, augsi_rewrite *rewrite,
                         bool stop_at_bad, augs_error *error);

/* Writes the manifest in its final form, without chunks that are not good, if it has not got it. */
int augsi_settle_manifest(augsi_chunk_writer *writer, uint32_t check, augs_error *error);

/* 1: every chunk of the run is listed and COMPLETE is right; 0: not. *text is then what COMPLETE
 * should say, empty if it is not due yet. */
int augsi_look_at_complete(augsi_chunk_writer *writer, augsi_text *text, augs_error *error);

#endif
