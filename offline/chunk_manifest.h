/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests: a header line of the run, then a line per chunk, in one form only. They are read in
 * windows of chunks, so memory does not depend on the number of chunks.
 */
#ifndef AUGSI_CHUNK_MANIFEST_H
#define AUGSI_CHUNK_MANIFEST_H

#include "base/checksum.h"
#include "offline/chunk_folder.h"
#include "offline/chunk_image.h"
#include "offline/chunk_run.h"

typedef struct augsi_chunk_entry {
    uint64_t n_bytes; /* of all its files */
    augsi_hash128 hash;
    bool listed;
} augsi_chunk_entry;

#define AUGSI_COMPLETE_NAME "COMPLETE"

/* "manifest-0of1.jsonl", ".0of1.tmp", ".lock-0of1" */
void augsi_manifest_name(uint32_t shard, uint32_t n_shards, char ret_name[AUGSI_CHUNK_NAME_BYTES]);
void augsi_manifest_suffix(uint32_t shard, uint32_t n_shards,
                           char ret_suffix[AUGSI_CHUNK_NAME_BYTES]);
void augsi_manifest_lock_name(uint32_t shard, uint32_t n_shards,
                              char ret_name[AUGSI_CHUNK_NAME_BYTES]);
/* false: not the name of a manifest. */
bool augsi_manifest_parse_name(const char *name, uint32_t *ret_shard, uint32_t *ret_n_shards);

/* A chunk's line with its newline. */
void augsi_manifest_line(const augsi_chunk_run *run, uint64_t chunk, const augsi_chunk_entry *entry,
                         augsi_text *text);
/* ---- sizes ---- */

/* The sizes of chunks, remembered as long as numbers have as many digits. */
typedef struct augsi_chunk_sizes {
    augsi_chunk_maker *maker;
    uint64_t chunk_digits, first_digits, count, n_bytes; /* of the size known last */
} augsi_chunk_sizes;

/* The sum over the chunks of a shard, without counting them one by one; of upper bounds if the
 * sizes are none (maker->form->is_exact). */
uint64_t augsi_chunk_sizes_total(augsi_chunk_sizes *sizes, uint32_t shard, uint32_t n_shards);
/* How many chunks a shard has, and the records in them. */
uint64_t augsi_shard_chunks(const augsi_chunk_run *run, uint32_t shard, uint32_t n_shards);
uint64_t augsi_shard_records(const augsi_chunk_run *run, uint32_t shard, uint32_t n_shards);

/* ---- reading ---- */

/* A header is shorter: it holds the preset as a JSON string, in which a byte takes six at most. */
#define AUGSI_HEADER_BYTES ((size_t)8 * AUGS_MAX_PRESET_BYTES)

/*
 * One shard's manifest. Its lines stay in the file: what is kept here does not grow with them.
 * A later line of a chunk replaces an earlier one, a torn last line is dropped.
 */
typedef struct augsi_manifest {
    uint32_t shard;
    bool exists;       /* with a whole header line */
    bool is_canonical; /* every line is one of this run, they ascend, nothing is torn */
    uint64_t n_lines;  /* of this run */
    uint64_t n_bad;    /* lines that are none of this run; the first of them: */
    uint64_t bad_line;
    uint64_t body_at; /* where the second line begins */
    /* Canonical: lines of chunks >= next_from begin at next_at, the first is of next_chunk. */
    uint64_t next_at, next_from, next_chunk;
} augsi_manifest;

/*
 * Looks through a shard's manifest. AUGS_E_MISMATCH if the header is another run's. A file that is
 * not there, or has no whole line yet, is fine: exists is false. Other statuses are those of
 * augsi_folder_open_file.
 */
int augsi_manifest_open(const augsi_folder *folder, const augsi_chunk_run *run,
                        augsi_chunk_sizes *sizes, uint32_t shard, uint32_t n_shards,
                        augsi_manifest *ret_manifest, augs_error *error);

#define AUGSI_WINDOW_CHUNKS 65536u

/* The entries of `count` chunks from `first` on, every `step`-th. */
typedef struct augsi_window {
    uint64_t first, step, count;
    uint64_t n_used; /* entries from this index on are not listed */
    uint64_t next;   /* the first chunk behind them that a manifest lists; UINT64_MAX: none does */
    augsi_chunk_entry *entries;
    uint64_t capacity;
} augsi_window;

int augsi_window_open(const augsi_chunk_run *run, uint64_t n_chunks, augsi_window *ret_window,
                      augs_error *error);
void augsi_window_done(const augsi_chunk_run *run, augsi_window *window);
/* Empty, from `first` on, as many as there is space for and the run has. */
void augsi_window_move(const augsi_chunk_run *run, augsi_window *window, uint64_t first,
                       uint64_t step);
/* Adds a manifest's lines of these chunks. */
int augsi_manifest_load(const augsi_folder *folder, const augsi_chunk_run *run,
                        augsi_chunk_sizes *sizes, uint32_t n_shards, augsi_manifest *manifest,
                        augsi_window *window, augs_error *error);

/* ---- COMPLETE ---- */

#define AUGSI_COMPLETE_BYTES 1024u /* it is shorter */

/* What it says when the root is this: XXH3-128 over the chunks' hashes (16 bytes each, canonical)
 * in order. */
void augsi_complete_text(const augsi_chunk_run *run, augsi_hash128 root, augsi_text *text);
/* Adds a chunk's hash to the root. */
void augsi_root_add(augsi_hash_stream *root, augsi_hash128 hash);

#endif
