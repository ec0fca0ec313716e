/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunk files: positions of a stream on disk, with the same bytes however they
 * were made. See docs/chunks.md.
 *
 *     augs_chunks_options options;
 *     augs_chunks_options_init(&options);
 *     options.format = AUGS_FORMAT_NPY;
 *     options.n_threads = 4;
 *     if (augs_chunks_write(stream, "params", &options, NULL, &error) < 0 ||
 *         augs_chunks_verify("params", NULL, NULL, &error) < 0) {
 *         fprintf(stderr, "%s\n", error.message);
 *         return 1;
 *     }
 *
 * Any thread may call these functions, also for several folders at once.
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

/* How much is checked of what an earlier call left. */
#define AUGS_CHECK_QUICK 0u /* a file counts if its size is right */
#define AUGS_CHECK_FULL 1u  /* a file counts if its hash is right, too */

/* Flags of augs_chunks_options. */
/* Write although the file system has too little space. */
#define AUGS_CHUNKS_IGNORE_SPACE 1u
/* Take no lock: the caller knows that no other process writes the shard. */
#define AUGS_CHUNKS_NO_LOCK 2u

/* What kept other processes away from the shard: augs_chunks_report.lock. */
#define AUGS_LOCK_FLOCK 0u /* flock, or nothing had to be written */
#define AUGS_LOCK_FILE 1u  /* a file that names its owner: no flock there */
#define AUGS_LOCK_NONE 2u  /* nothing: AUGS_CHUNKS_NO_LOCK */

/* Called after every chunk, from the calling thread. A positive result means:
 * finish the chunks in hand and stop. */
typedef int augs_chunks_progress_function(void *user, uint64_t done_samples, uint64_t all_samples);

typedef struct augs_chunks_options {
    uint32_t size;           /* sizeof(augs_chunks_options) */
    uint32_t format;         /* AUGS_FORMAT_...; 0 = safetensors */
    uint64_t first_position; /* start of the range of positions */
    uint64_t n_positions;    /* of the range; 0 = to the end of the stream */
    uint64_t chunk_size;     /* samples per chunk; 0 = 65,536 */
    uint32_t shard;          /* this call makes chunks c with c mod n_shards == shard */
    uint32_t n_shards;       /* 1 to 1,000,000; 0 = 1 */
    uint32_t n_threads;      /* 1 to 1,024; 0 = 1 */
    uint32_t check;          /* AUGS_CHECK_... */
    /* NULL = positions in order. Else the order of a shipped fixed strategy, for
     * a world size of 1. Records then have a column `batch` (i64) after
     * sample_id. Copied. */
    const augs_plan_options *plan;
    augs_chunks_progress_function *progress; /* NULL = not */
    void *progress_user;                     /* handed to progress and stop; may be NULL */
    uint32_t flags;                          /* AUGS_CHUNKS_... */
    uint32_t reserved;                       /* 0 */
    /* Asked many times per second, from any thread at work. Not 0: stop at once
     * and drop the chunks in hand. NULL = not. */
    int (*stop)(void *user);
} augs_chunks_options;
AUGS_SIZED_STRUCT(augs_chunks_options, stop);

typedef struct augs_chunks_report {
    uint32_t size;      /* sizeof(augs_chunks_report), set by the caller */
    uint32_t complete;  /* 1: all shards are there, and COMPLETE was written */
    uint64_t n_chunks;  /* of this shard */
    uint64_t n_made;    /* in this call */
    uint64_t n_kept;    /* from an earlier call */
    uint64_t n_bytes;   /* of the files made in this call */
    uint64_t n_samples; /* made in this call */
    uint32_t lock;      /* AUGS_LOCK_... */
    uint32_t reserved;  /* 0 */
    /* Bytes of unfinished files that a stop left in the folder, under hidden
     * names, since removing them takes long. The shard's next call removes them. */
    uint64_t left_bytes;
} augs_chunks_report;
AUGS_SIZED_STRUCT(augs_chunks_report, left_bytes);

/*
 * Writes the chunks of a shard into the folder `path`, or goes on with what an
 * earlier call left there. A missing folder and its parents are made.
 * ret_report may be NULL. It is also written when the call fails, unless its
 * size is wrong or options are refused by their size.
 *
 * AUGS_E_ARGUMENT if a required pointer is NULL, a struct has a wrong size, or
 * an option is not accepted. AUGS_E_RANGE if a number is out of its range, the
 * range of positions leaves the stream, or a chunk does not fit this machine's
 * memory. AUGS_E_UNSUPPORTED if the strategy is the caller's own or decides as
 * it goes. AUGS_E_NOT_FOUND if there is no such strategy.
 * AUGS_E_MISMATCH if the folder is of another stream or run. AUGS_E_BUSY if
 * another process writes this shard: try again later. AUGS_E_NO_SPACE if what is
 * missing needs more space than there is (nothing was written), or the space ran
 * out. AUGS_E_IO if a file cannot be written or read; if something blocks the
 * place of a chunk, the others are made. AUGS_E_CANCELLED if progress or stop
 * asked for it. AUGS_E_NO_MEMORY if there is no memory. Completed chunks stay
 * after a failure, and another call goes on with them.
 */
AUGS_API int augs_chunks_write(augs_stream *stream, const char *path,
                               const augs_chunks_options *options, augs_chunks_report *ret_report,
                               augs_error *error);

/* What a call of augs_chunks_write would need. */
typedef struct augs_chunks_estimate {
    uint32_t size;       /* sizeof(augs_chunks_estimate), set by the caller */
    uint32_t is_exact;   /* 1: n_bytes is exact; 0: it is the most */
    uint64_t n_chunks;   /* of the shard */
    uint64_t n_kept;     /* there already; the rest is about the others */
    uint64_t n_samples;  /* to make */
    uint64_t n_files;    /* to make */
    uint64_t n_bytes;    /* to write; UINT64_MAX = more than 64 bits */
    uint64_t disk_bytes; /* in whole blocks of the file system */
    uint64_t free_bytes; /* of the file system; UINT64_MAX = not known */
    uint64_t free_files; /* UINT64_MAX = not known, or no limit */
    uint64_t n_measured; /* samples made in memory to measure the time */
    double seconds;      /* to make the samples, without the disk */
} augs_chunks_estimate;
AUGS_SIZED_STRUCT(augs_chunks_estimate, seconds);

/*
 * Estimates what augs_chunks_write needs with the same arguments, and writes no
 * file. It makes some samples in memory to measure the time. The caller sets
 * ret_estimate->size.
 *
 * AUGS_E_ARGUMENT if a pointer is NULL or a struct has a wrong size. Otherwise
 * AUGS_E_RANGE, AUGS_E_UNSUPPORTED, AUGS_E_NOT_FOUND, AUGS_E_MISMATCH, AUGS_E_IO
 * and AUGS_E_NO_MEMORY: the conditions of augs_chunks_write. AUGS_E_CANCELLED if
 * stop asked for it. After a failure nothing is written.
 */
AUGS_API int augs_chunks_get_estimate(augs_stream *stream, const char *path,
                                      const augs_chunks_options *options,
                                      augs_chunks_estimate *ret_estimate, augs_error *error);

/* In the place of a chunk: the finding is about the whole folder. */
#define AUGS_NO_CHUNK UINT64_MAX

/* One finding of augs_chunks_verify. Everything is valid for the call. */
typedef struct augs_chunks_finding {
    uint32_t size; /* sizeof(augs_chunks_finding) */
    /* AUGS_E_CORRUPT (bad), AUGS_E_NOT_FOUND (missing), AUGS_E_MISMATCH (differs
     * from the stream), or AUGS_E_IO (cannot be read). */
    int32_t status;
    uint64_t chunk;      /* its number, or AUGS_NO_CHUNK */
    const char *file;    /* its name in the folder */
    const char *message; /* what is wrong */
} augs_chunks_finding;
AUGS_SIZED_STRUCT(augs_chunks_finding, message);

typedef struct augs_chunks_verify_options {
    uint32_t size;        /* sizeof(augs_chunks_verify_options) */
    uint32_t n_threads;   /* 1 to 1,024; 0 = 1 */
    uint32_t hashes_only; /* 1: do not recompute the stream */
    uint32_t reserved;    /* 0 */
    /* Called for each finding, from the calling thread. NULL = not. */
    void (*finding)(void *user, const augs_chunks_finding *finding);
    augs_chunks_progress_function *progress; /* NULL = not */
    void *user;                              /* handed to all functions; may be NULL */
    int (*stop)(void *user);                 /* as in augs_chunks_options; NULL = not */
} augs_chunks_verify_options;
AUGS_SIZED_STRUCT(augs_chunks_verify_options, stop);

typedef struct augs_chunks_summary {
    uint32_t size;      /* sizeof(augs_chunks_summary), set by the caller */
    uint32_t complete;  /* 1: COMPLETE is there and right */
    uint64_t n_chunks;  /* found good */
    uint64_t n_faults;  /* findings */
    uint64_t n_samples; /* in the good chunks */
    uint64_t n_bytes;   /* of the good chunks */
    /* augs_batch_digest over all good chunks; 0 with hashes_only. */
    uint64_t digest[2];
} augs_chunks_summary;
AUGS_SIZED_STRUCT(augs_chunks_summary, digest);

/*
 * Checks a folder against its manifests and against the stream, which is
 * recomputed. options may be NULL. ret_summary may be NULL; it is also written
 * when the check fails, unless an argument is refused. Returns 0 if all is good.
 *
 * AUGS_E_CORRUPT if there were faults: each was told to `finding`. A chunk that
 * cannot be read is one of them and does not end the check. AUGS_E_NOT_FOUND if
 * there is no folder of chunks. AUGS_E_UNSUPPORTED if a newer release made it.
 * AUGS_E_IO or AUGS_E_NO_MEMORY if it could not be checked. AUGS_E_CANCELLED if
 * progress or stop asked for it. AUGS_E_ARGUMENT if path is NULL, a struct has a
 * wrong size, or n_threads is above 1,024.
 */
AUGS_API int augs_chunks_verify(const char *path, const augs_chunks_verify_options *options,
                                augs_chunks_summary *ret_summary, augs_error *error);

/*
 * Writes what a folder, or one chunk file in it, holds, as one JSON object:
 * format, contract, fingerprint, preset, seed, epoch, first, count, chunk_size,
 * columns, `fault` (null, or what is wrong with the chunk) and the first
 * n_records records. `complete` of a folder is true if COMPLETE has the root of
 * the manifests.
 *
 * ret_n_faults gets the number of faults of the chunk, and may be NULL. The
 * caller frees the text with augs_text_free.
 *
 * AUGS_E_NOT_FOUND if there is no folder, or no manifest in it. AUGS_E_CORRUPT
 * if the manifests are. AUGS_E_MISMATCH if they contradict each other, or the
 * file is not one of the run. AUGS_E_UNSUPPORTED if a newer release made it.
 * AUGS_E_IO or AUGS_E_NO_MEMORY if it could not be read. AUGS_E_ARGUMENT if path
 * or ret_json is NULL. After a failure nothing is written.
 */
AUGS_API int augs_chunks_inspect(const char *path, uint64_t n_records, char **ret_json,
                                 uint64_t *ret_n_faults, augs_error *error);

/* Frees a text that augs_chunks_inspect made. text may be NULL. */
AUGS_API void augs_text_free(char *text);

AUGS_END_DECLS

#endif
