/* SPDX-License-Identifier: Apache-2.0 */
/* The state of augs_chunks_write, and what it learns of a folder by looking. */
#ifndef AUGSI_CHUNK_WRITER_H
#define AUGSI_CHUNK_WRITER_H

#include <augstream/chunks.h>

#include "chunk_image.h"
#include "chunk_manifest.h"

typedef struct augsi_write_job {
    uint64_t chunk;
    augsi_chunk_spans spans;
    augsi_chunk_entry entry;
    int status;
    augs_error error;
} augsi_write_job;

/* A call of augs_chunks_write. */
typedef struct augsi_chunk_writer {
    augsi_chunk_run run;
    augsi_folder folder;
    const augs_chunks_options *options;
    augs_chunks_report *report;
    uint32_t shard, n_shards, n_threads;
    char manifest[AUGSI_CHUNK_NAME_BYTES];
    char suffix[AUGSI_CHUNK_NAME_BYTES];
    char lock[AUGSI_CHUNK_NAME_BYTES];
    augsi_chunk_entry *table;
    augsi_manifest_state state;
    bool has_leftovers; /* temporaries or a lock of this shard */
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

static inline size_t augsi_writer_table_bytes(const augsi_chunk_run *run)
{
    return (size_t)run->n_chunks * sizeof(augsi_chunk_entry);
}

/* Does `name` end in `end` and is longer? */
bool augsi_ends_with(const char *name, const char *end);

/* Refuses a folder of another run, reads the shard's manifest, unlists what is not good; fills
 * table, state, has_leftovers, done_samples and report->n_kept. */
int augsi_look_at_shard(augsi_chunk_writer *writer, uint32_t check, augs_error *error);

/* 1: every chunk of the run is listed and COMPLETE is right; 0: not. *text is then what COMPLETE
 * should say, empty if it is not due yet. */
int augsi_look_at_complete(augsi_chunk_writer *writer, augsi_text *text, augs_error *error);

#endif
