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
#include <augstream/format.h>
#include <augstream/log.h>
#include <augstream/plan.h>
#include <augstream/stream.h>

AUGS_BEGIN_DECLS

#define AUGS_DEFAULT_CHUNK_SIZE 65536u /* samples per chunk */

#define AUGS_CHECK_QUICK 0u /* what is there counts if it can be opened and its size is right */
#define AUGS_CHECK_FULL 1u  /* only if its hash is right, too */

/* Flags of augs_chunks_options. */
#define AUGS_CHUNKS_IGNORE_SPACE 1u /* write although the file system has too little room */
#define AUGS_CHUNKS_NO_LOCK 2u /* the caller makes sure that no other process writes the shard */

/* What kept other processes away from the shard (augs_chunks_report.lock). */
#define AUGS_LOCK_FLOCK 0u /* flock, or nothing had to be written */
#define AUGS_LOCK_FILE 1u  /* a file that names its owner: flock does not work there */
#define AUGS_LOCK_NONE 2u  /* nothing: AUGS_CHUNKS_NO_LOCK */

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
    uint32_t flags; /* AUGS_CHUNKS_... */
    uint32_t reserved;
    /* Asked many times per second, from any of the threads at work, with progress_user; may be
     * NULL. Not 0: stop at once, chunks in hand are dropped (AUGS_E_CANCELLED). */
    int (*stop)(void *user);
} augs_chunks_options;
AUGS_SIZED_STRUCT(augs_chunks_options, stop);

typedef struct augs_chunks_report {
    uint32_t size;
    uint32_t complete;  /* 1: the whole run (all shards) is there, COMPLETE was written */
    uint64_t n_chunks;  /* of this shard */
    uint64_t n_made;    /* in this call */
    uint64_t n_kept;    /* from an earlier one */
    uint64_t n_bytes;   /* of the files made in this call */
    uint64_t n_samples; /* made in this call */
    uint32_t lock;      /* AUGS_LOCK_... */
    uint32_t reserved;
} augs_chunks_report;
AUGS_SIZED_STRUCT(augs_chunks_report, reserved);

/*
 * Writes the chunks into the folder `path`, or goes on with what an earlier call left there. The
 * folder and its parents are made if they are missing. `report` may be NULL; it is also written
 * when the call fails.
 *
 * AUGS_E_MISMATCH: the folder is of another stream or run. AUGS_E_BUSY: another process writes this
 * shard; try again later. AUGS_E_NO_SPACE: what is missing needs more room than there is (nothing
 * was written), or the room ran out (completed chunks stay). AUGS_E_IO: completed chunks stay; if
 * something that cannot be replaced stands in the place of a chunk, the others are made.
 * AUGS_E_CANCELLED: progress or stop asked for it. AUGS_E_RANGE, AUGS_E_ARGUMENT,
 * AUGS_E_UNSUPPORTED: the options; a chunk that does not fit this machine's memory, too.
 */
AUGS_API int augs_chunks_write(augs_stream *stream, const char *path,
                               const augs_chunks_options *options, augs_chunks_report *report,
                               augs_error *error);

/* What a call of augs_chunks_write would need. */
typedef struct augs_chunks_estimate {
    uint32_t size;     /* sizeof(augs_chunks_estimate) */
    uint32_t is_exact; /* 1: n_bytes is the size; 0: it is an upper bound (text, msgpack) */
    uint64_t n_chunks; /* of the shard */
    uint64_t n_kept;   /* of these, there already; the rest is about the others: */
    uint64_t n_samples;
    uint64_t n_files;
    uint64_t n_bytes;    /* UINT64_MAX: too many */
    uint64_t disk_bytes; /* in whole blocks of the file system */
    uint64_t free_bytes; /* what it has left; UINT64_MAX: not known */
    uint64_t free_files; /* likewise, UINT64_MAX also: without a limit */
    uint64_t n_measured; /* samples that were made, in memory, to measure the time */
    double seconds;      /* to make the samples with n_threads, without the time of the disk */
} augs_chunks_estimate;
AUGS_SIZED_STRUCT(augs_chunks_estimate, seconds);

/* Fills *estimate (its size is set by the caller) and writes nothing. Arguments and errors as
 * augs_chunks_write. */
AUGS_API int augs_chunks_get_estimate(augs_stream *stream, const char *path,
                                      const augs_chunks_options *options,
                                      augs_chunks_estimate *estimate, augs_error *error);

/* One finding of augs_chunks_verify: chunk AUGS_NO_CHUNK = of the whole folder. Lives for the call.
 */
#define AUGS_NO_CHUNK UINT64_MAX
typedef struct augs_chunks_finding {
    uint32_t size;
    int32_t status; /* AUGS_E_CORRUPT (bad), AUGS_E_NOT_FOUND (missing), AUGS_E_MISMATCH (differs
                       from the stream), AUGS_E_IO (cannot be read) */
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
    void *user;                                                      /* of all functions */
    int (*stop)(void *user); /* as in augs_chunks_options; may be NULL */
} augs_chunks_verify_options;
AUGS_SIZED_STRUCT(augs_chunks_verify_options, stop);

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

/*
 * Checks a folder against its manifests and against the stream made again. 0: all is good.
 * AUGS_E_CORRUPT: there were faults, each was told to `finding`; a chunk that cannot be read is one
 * of them and ends nothing. AUGS_E_NOT_FOUND: no folder of chunks. AUGS_E_UNSUPPORTED: it is of a
 * newer release. AUGS_E_IO, AUGS_E_NO_MEMORY: it could not be checked. AUGS_E_CANCELLED.
 */
AUGS_API int augs_chunks_verify(const char *path, const augs_chunks_verify_options *options,
                                augs_chunks_summary *summary, augs_error *error);

/*
 * What a folder, or one chunk file in it, holds, as one JSON object: format, contract, fingerprint,
 * preset, seed, epoch, first, count, chunk_size, columns, `fault` (null, or what is wrong with the
 * chunk) and the first n_records records. `complete` of a folder is true if COMPLETE has the root
 * of the manifests. *ret_n_faults (may be NULL) is how many faults the chunk has. The caller frees
 * the text with augs_text_free. Errors as augs_chunks_verify; AUGS_E_CORRUPT, AUGS_E_MISMATCH: the
 * manifests.
 */
AUGS_API int augs_chunks_inspect(const char *path, uint64_t n_records, char **ret_json,
                                 uint64_t *ret_n_faults, augs_error *error);
AUGS_API void augs_text_free(char *text); /* NULL is fine */

AUGS_END_DECLS

#endif
