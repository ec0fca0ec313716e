/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests: a header line of the run, then a line a chunk, in one form only. A table holds what
 * all manifests of a run say, an entry a chunk.
 */
#ifndef AUGSI_CHUNK_MANIFEST_H
#define AUGSI_CHUNK_MANIFEST_H

#include "checksum.h"
#include "chunk_folder.h"
#include "chunk_run.h"

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
/* A whole manifest: header and the listed chunks of the shard, sorted. */
void augsi_manifest_text(const augsi_chunk_run *run, uint32_t shard, uint32_t n_shards,
                         const augsi_chunk_entry *table, augsi_text *text);

typedef struct augsi_manifest_state {
    bool exists;    /* with a whole header line */
    bool canonical; /* its bytes are those of augsi_manifest_text */
    uint64_t n_bad; /* whole lines that are none of this run; the first of them: */
    uint64_t bad_line;
} augsi_manifest_state;

/*
 * Reads a shard's manifest into the table (run->n_chunks entries). A later line of a chunk
 * replaces an earlier one; a torn last line is dropped. AUGS_E_MISMATCH if the header is another
 * run's. A file that is not there, or has no whole line yet, is fine: exists is false.
 */
int augsi_manifest_load(const augsi_folder *folder, const augsi_chunk_run *run, uint32_t shard,
                        uint32_t n_shards, augsi_chunk_entry *table,
                        augsi_manifest_state *ret_state, augs_error *error);

/* What COMPLETE says when every chunk is listed: a line with the root, XXH3-128 over the chunks'
 * hashes (16 bytes each, canonical) in order. */
int augsi_complete_text(const augsi_chunk_run *run, const augsi_chunk_entry *table,
                        augsi_text *text, augs_error *error);

#endif
