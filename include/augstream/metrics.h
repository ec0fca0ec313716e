/* SPDX-License-Identifier: Apache-2.0 */
/* What each batch of a run cost and why it had its size: a ring of the last ones, and a summary of
 * all in constant memory. */
#ifndef AUGSTREAM_METRICS_H
#define AUGSTREAM_METRICS_H

#include <stdint.h>

#include <augstream/alloc.h>
#include <augstream/export.h>
#include <augstream/status.h>

AUGS_BEGIN_DECLS

typedef struct augs_metrics augs_metrics;

#define AUGS_WHY_BYTES 16u
typedef struct augs_batch_metrics {
    uint32_t size; /* sizeof(augs_batch_metrics) */
    uint32_t epoch;
    uint64_t step;
    uint64_t n_samples;
    double seconds;           /* that the consumer took; NaN (any not finite, < 0) = not known */
    uint64_t bytes;           /* memory that the consumer needed for it; 0 = not known */
    uint64_t available_bytes; /* 0, UINT64_MAX = not known */
    uint32_t level;           /* AUGS_MEMORY_NORMAL... */
    uint32_t part;            /* of the step; 0 = all of it */
    uint32_t outcome;         /* AUGS_OUTCOME_... */
    uint32_t reserved;        /* 0 */
    char why[AUGS_WHY_BYTES]; /* why the batch has its size, one word, with its NUL */
    double cpu_seconds;       /* CPU time of the process meanwhile, all threads; NaN, < 0 = not
                                 known */
    uint64_t resident_bytes;  /* of the process after it; 0 = not known, as the next */
    uint64_t allocated_bytes; /* in use by the process's allocator after it */
} augs_batch_metrics;
AUGS_SIZED_STRUCT(augs_batch_metrics, allocated_bytes);

typedef struct augs_metrics_options {
    uint32_t size;
    uint32_t capacity;               /* batches in the ring; 0 = 4,096 */
    const augs_allocator *allocator; /* NULL = the C library's */
} augs_metrics_options;
AUGS_SIZED_STRUCT(augs_metrics_options, allocator);

/*
 * Of all batches since open, not only of those in the ring. Percentiles (nearest rank) to 1 %, from
 * 1 ns to 34 years. Throughputs in samples a second. Batches without seconds count in n_batches,
 * n_samples, mean_size and peak_bytes only. A mean or percentile of nothing is NaN.
 */
typedef struct augs_metrics_summary {
    uint32_t size;
    uint32_t reserved;
    uint64_t n_batches, n_timed, n_samples;
    double seconds;                                  /* in all */
    double mean_size, mean_seconds, mean_throughput; /* the last: timed samples / seconds */
    double p50_seconds, p95_seconds, p99_seconds;
    /* Of the timed sizes: sizes within 3 % of the smallest of their group are taken together; the
     * group with the best mean throughput of those seen at least three times (of all, if none was),
     * and in it a size seen often. 0 = none. */
    uint64_t best_size;
    double best_throughput;
    uint64_t peak_bytes;
    uint64_t peak_resident_bytes; /* the largest resident_bytes; 0 = never known */
    /* CPU time, and the CPUs that were in use on average: CPU time / seconds, over the batches for
     * which both are known. 0 and NaN if there is none. */
    double cpu_seconds, mean_cpus;
} augs_metrics_summary;
AUGS_SIZED_STRUCT(augs_metrics_summary, mean_cpus);

/* options may be NULL. One thread at a time. About 120 KB, and 104 bytes per batch of capacity. */
AUGS_API int augs_metrics_open(const augs_metrics_options *options, augs_metrics **ret_metrics,
                               augs_error *error);
AUGS_API void augs_metrics_free(augs_metrics *metrics);
/* Copies *batch, the oldest in the ring makes room. Allocates nothing. A NULL or a smaller `size`
 * (another version's) is left out. */
AUGS_API void augs_metrics_add(augs_metrics *metrics, const augs_batch_metrics *batch);
/* How many batches the ring holds, and one of them: 0 = the oldest; ret_batch->size is set by the
 * caller. AUGS_E_RANGE. */
AUGS_API uint32_t augs_metrics_n_held(const augs_metrics *metrics);
AUGS_API int augs_metrics_get_batch(const augs_metrics *metrics, uint32_t index,
                                    augs_batch_metrics *ret_batch, augs_error *error);
/* ret_summary->size is set by the caller; smaller than this version's: nothing is written. */
AUGS_API void augs_metrics_summarize(const augs_metrics *metrics,
                                     augs_metrics_summary *ret_summary);
/*
 * The batches in the ring as JSON Lines, oldest first, the summary last ({"summary":{...}}); what
 * is not known is null, levels are names, and each batch has its samples_per_second, too. Written
 * beside the path and renamed, so that a reader never sees half of it and a failure leaves an older
 * file as it was; what is no regular file (a pipe, /dev/stdout) is written to directly. AUGS_E_IO
 * and AUGS_E_NO_SPACE name the path.
 */
AUGS_API int augs_metrics_save(const augs_metrics *metrics, const char *path, augs_error *error);

AUGS_END_DECLS

#endif
