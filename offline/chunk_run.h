/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run: everything that decides what the chunks of a folder hold. Its header line stands first in
 * every manifest; two runs are the same if their header lines are.
 */
#ifndef AUGSI_CHUNK_RUN_H
#define AUGSI_CHUNK_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include <augstream/chunks.h>

#include "base/memory.h"
#include "base/text.h"
#include "pipeline/plan/plan.h"

#define AUGSI_CHUNK_NAME_BYTES 128u /* a file's name in a folder, with its NUL */
#define AUGSI_MAX_SHARDS 1000000u

typedef struct augsi_chunk_run {
    augs_allocator allocator;
    augs_stream *stream;
    uint32_t format;
    bool has_plan;
    uint64_t first_position, n_positions;
    uint64_t
        n_records; /* fewer than positions if the plan drops the last batch, more if it fills */
    uint64_t chunk_size, n_chunks;
    char *strategy;
    augs_strategy_options strategy_options;
    augs_plan_options plan; /* points to the two above */
} augsi_chunk_run;

/* Checks the options; takes a reference of the stream. */
int augsi_chunk_run_open(augs_stream *stream, const augs_chunks_options *options,
                         augsi_chunk_run *ret_run, augs_error *error);
/* From a header line (with or without its newline). AUGS_E_CORRUPT: it is not one, or says
 * something that cannot be; AUGS_E_MISMATCH: the preset does not give the fingerprint. */
int augsi_chunk_run_parse(const char *line, size_t n_bytes, augsi_chunk_run *ret_run,
                          uint32_t *ret_shard, uint32_t *ret_n_shards, augs_error *error);
void augsi_chunk_run_done(augsi_chunk_run *run);

/* The header line with its newline. */
void augsi_chunk_run_header(const augsi_chunk_run *run, uint32_t shard, uint32_t n_shards,
                            augsi_text *text);
/* The plan as JSON, or null. */
void augsi_chunk_run_plan_json(const augsi_chunk_run *run, augsi_text *text);
/* AUGS_E_MISMATCH, naming every field in which two header lines differ. `where` names the other. */
int augsi_chunk_run_differ(const char *ours, const char *theirs, size_t n_theirs, const char *where,
                           augs_error *error);

/* Records of a chunk, and the number of its first: its position, with a plan its place in the
 * plan's order. */
uint64_t augsi_chunk_count(const augsi_chunk_run *run, uint64_t chunk);
uint64_t augsi_chunk_first(const augsi_chunk_run *run, uint64_t chunk);

#endif
