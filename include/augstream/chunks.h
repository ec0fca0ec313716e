/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunk files: positions of a stream on disk, byte-identical however they were made
 * (docs/chunks.md).
 */
#ifndef AUGSTREAM_CHUNKS_H
#define AUGSTREAM_CHUNKS_H

#include <stddef.h>
#include <stdint.h>

#include <augstream/export.h>
#include <augstream/log.h>
#include <augstream/pipeline.h>
#include <augstream/sink.h>
#include <augstream/stream.h>

AUGS_BEGIN_DECLS

#define AUGS_DEFAULT_CHUNK_SIZE 65536u /* samples per chunk */

#define AUGS_CHECK_QUICK 0u /* what is there counts if its size fits the manifest */
#define AUGS_CHECK_FULL 1u  /* only if its hash does, too */

/* Called after every chunk, from the calling thread. A positive result: finish the chunks in hand
 * and stop. */
typedef int augs_chunks_progress_function(void *user, uint64_t done_samples, uint64_t all_samples);

typedef struct augs_chunks_options {
    uint32_t size;   /* sizeof(augs_chunks_options) */
    uint32_t format; /* AUGS_FORMAT_..., 0 = safetensors */
    uint64_t first_position;
    uint64_t n_positions; /* 0 = to the end of the stream */
    uint64_t chunk_size;  /* samples a chunk, 0 = 65,536 */
    uint32_t shard;       /* this process makes the chunks c with c mod n_shards == shard */
    uint32_t n_shards;    /* 0 = 1 */
    uint32_t n_threads;   /* 0 = 1 */
    uint32_t check;       /* AUGS_CHECK_...: of what an earlier run left */
    const augs_plan_options
        *plan;                               /* NULL: positions in order. Else the strategy's order,
                                                world_size 1, and a           column `batch` (i64) after sample_id */
    augs_chunks_progress_function *progress; /* may be NULL */
    void *progress_user;
} augs_chunks_options;
AUGS_SIZED_STRUCT(augs_chunks_options, progress_user);

typedef struct augs_chunks_report {
    uint32_t size;
    uint32_t complete;  /* 1: the whole run (all shards) is there, COMPLETE was written */
    uint64_t n_chunks;  /* of this shard */
    uint64_t n_made;    /* in this call */
    uint64_t n_kept;    /* from an earlier one */
    uint64_t n_bytes;   /* of the files made in this call */
    uint64_t n_samples; /* made in this call */
} augs_chunks_report;
AUGS_SIZED_STRUCT(augs_chunks_report, n_samples);

/*
 * Writes the chunks into the folder `path` (made if missing; its parent must exist) or goes on with
 * what an earlier call left there. Report may be NULL; it is also written when the call fails.
 * AUGS_E_MISMATCH: the folder is of another stream or run. AUGS_E_NO_SPACE, AUGS_E_IO: completed
 * chunks stay. AUGS_E_CANCELLED.
 */
AUGS_API int augs_chunks_write(augs_stream *stream, const char *path,
                               const augs_chunks_options *options, augs_chunks_report *report,
                               augs_error *error);

/* One finding of augs_chunks_verify: chunk AUGS_NO_CHUNK = of the whole folder. Lives for the call.
 */
#define AUGS_NO_CHUNK UINT64_MAX
typedef struct augs_chunks_finding {
    uint32_t size;
    int32_t status; /* AUGS_E_CORRUPT, AUGS_E_NOT_FOUND (missing), AUGS_E_MISMATCH (differs from the
                       stream) */
    uint64_t chunk;
    const char *file;
    const char *message;
} augs_chunks_finding;
AUGS_SIZED_STRUCT(augs_chunks_finding, message);

typedef struct augs_chunks_verify_options {
    uint32_t size;
    uint32_t n_threads;   /* 0 = 1 */
    uint32_t hashes_only; /* 1: do not make the stream again */
    uint32_t reserved;
    void (*finding)(void *user, const augs_chunks_finding *finding); /* may be NULL */
    augs_chunks_progress_function *progress;                         /* may be NULL */
    void *user;                                                      /* of both */
} augs_chunks_verify_options;
AUGS_SIZED_STRUCT(augs_chunks_verify_options, user);

typedef struct augs_chunks_summary {
    uint32_t size;
    uint32_t complete;
    uint64_t n_chunks; /* found good */
    uint64_t n_faults;
    uint64_t n_samples; /* in the good chunks */
    uint64_t n_bytes;
    uint64_t digest[2]; /* augs_batch_digest over all good chunks (0 with hashes_only) */
} augs_chunks_summary;
AUGS_SIZED_STRUCT(augs_chunks_summary, digest);

/* Checks a folder against its manifests and against the stream made again. 0 = all good,
 * AUGS_E_CORRUPT if there were findings, others if it could not be checked. */
AUGS_API int augs_chunks_verify(const char *path, const augs_chunks_verify_options *options,
                                augs_chunks_summary *summary, augs_error *error);

/*
 * What a folder, or one chunk file in it, holds, as one JSON object: format, contract, fingerprint,
 * preset, seed, epoch, first, count, chunk_size, columns and the first n_records records. The
 * caller frees it with augs_text_free.
 */
AUGS_API int augs_chunks_inspect(const char *path, uint64_t n_records, char **ret_json,
                                 augs_error *error);
AUGS_API void augs_text_free(char *text); /* NULL is fine */

AUGS_END_DECLS

#endif
