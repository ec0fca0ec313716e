/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics: what each batch of a run cost and why it had its size. The last
 * batches are held, and a summary of all takes constant memory.
 *
 *     augs_metrics *metrics;
 *     if (augs_metrics_open(NULL, &metrics, &error) < 0) {
 *         return 1;
 *     }
 *     augs_pipeline_options options = {.size = sizeof options, .metrics = metrics};
 *     if (augs_pipeline_open(stream, &options, &pipeline, &error) == 0) {
 *         // take batches from the pipeline
 *         augs_pipeline_free(pipeline); // notes the last ones
 *     }
 *     if (augs_metrics_save(metrics, "metrics.jsonl", &error) < 0) {
 *         fprintf(stderr, "%s\n", error.message);
 *     }
 *     augs_metrics_free(metrics);
 *
 * One thread at a time uses a metrics object.
 */
#ifndef AUGSTREAM_METRICS_H
#define AUGSTREAM_METRICS_H

#include <stdint.h>

#include <augstream/alloc.h>
#include <augstream/export.h>
#include <augstream/status.h>

AUGS_BEGIN_DECLS

typedef struct augs_metrics augs_metrics;

/* The most bytes that a reason takes, with its NUL. */
#define AUGS_WHY_BYTES 16u

typedef struct augs_batch_metrics {
    uint32_t size;            /* sizeof(augs_batch_metrics) */
    uint32_t epoch;           /* of the batch */
    uint64_t step;            /* of the batch */
    uint64_t n_samples;       /* with padding */
    double seconds;           /* that the consumer took; NaN, infinite, < 0 = not known */
    uint64_t bytes;           /* memory that the consumer needed; 0 = not known */
    uint64_t available_bytes; /* 0, UINT64_MAX = not known */
    uint32_t level;           /* AUGS_MEMORY_NORMAL... */
    uint32_t part;            /* of the step; 0 = the whole step */
    uint32_t outcome;         /* AUGS_OUTCOME_... */
    uint32_t reserved;        /* 0 */
    char why[AUGS_WHY_BYTES]; /* in one word, why the batch has its size */
    double cpu_seconds;       /* of all threads meanwhile; NaN, < 0 = not known */
    uint64_t resident_bytes;  /* of the process after it; 0 = not known */
    uint64_t allocated_bytes; /* of the allocator after it; 0 = not known */
} augs_batch_metrics;
AUGS_SIZED_STRUCT(augs_batch_metrics, allocated_bytes);

typedef struct augs_metrics_options {
    uint32_t size;                   /* sizeof(augs_metrics_options) */
    uint32_t capacity;               /* batches that are held; 0 = 4,096 */
    const augs_allocator *allocator; /* NULL = the C library's; copied */
} augs_metrics_options;
AUGS_SIZED_STRUCT(augs_metrics_options, allocator);

/*
 * All batches since open, not only those that are held. Percentiles are of the
 * nearest rank, to 1 %, from 2^-30 seconds to 34 years. Throughputs are samples per
 * second. Batches whose seconds are not known count in n_batches, n_samples,
 * mean_size and the peaks only. A mean or percentile of nothing is NaN.
 */
typedef struct augs_metrics_summary {
    uint32_t size;          /* sizeof(augs_metrics_summary), set by the caller */
    uint32_t reserved;      /* 0 */
    uint64_t n_batches;     /* all */
    uint64_t n_timed;       /* those whose seconds are known */
    uint64_t n_samples;     /* of all batches */
    double seconds;         /* of the timed batches together */
    double mean_size;       /* samples per batch */
    double mean_seconds;    /* per timed batch */
    double mean_throughput; /* timed samples / seconds */
    double p50_seconds;     /* median */
    double p95_seconds;     /* 95th percentile */
    double p99_seconds;     /* 99th percentile */
    /* The size with the best mean throughput; 0 = none. Sizes within 3 % of the
     * smallest of their group count together. Groups seen at least three times
     * come first. In the group it is a size that was seen often. */
    uint64_t best_size;
    double best_throughput;       /* of that group */
    uint64_t peak_bytes;          /* the largest bytes; 0 = never known */
    uint64_t peak_resident_bytes; /* the largest; 0 = never known */
    /* CPU time of the batches for which it and seconds are known; 0 = none. */
    double cpu_seconds;
    double mean_cpus; /* CPU time / seconds of these batches; NaN = none */
} augs_metrics_summary;
AUGS_SIZED_STRUCT(augs_metrics_summary, mean_cpus);

/*
 * Opens a metrics object. options may be NULL. Its memory is allocated here, and
 * depends on the capacity alone. Free it with augs_metrics_free.
 *
 * AUGS_E_ARGUMENT if ret_metrics is NULL, options have a wrong size, or the
 * allocator lacks a function. AUGS_E_NO_MEMORY if the allocator has no memory.
 */
AUGS_API int augs_metrics_open(const augs_metrics_options *options, augs_metrics **ret_metrics,
                               augs_error *error);

/*
 * Frees a metrics object; no pipeline may use it any more. metrics may be NULL.
 */
AUGS_API void augs_metrics_free(augs_metrics *metrics);

/*
 * Adds a batch, which is copied. If the object is full, it drops the oldest one
 * it holds. Allocates nothing. If a pointer is NULL or batch->size is wrong,
 * nothing happens.
 */
AUGS_API void augs_metrics_add(augs_metrics *metrics, const augs_batch_metrics *batch);

/* Returns how many batches are held. 0 if metrics is NULL. */
AUGS_API uint32_t augs_metrics_n_held(const augs_metrics *metrics);

/*
 * Writes one of the batches that are held. index 0 is the oldest. The caller
 * sets ret_batch->size.
 *
 * AUGS_E_RANGE if index is augs_metrics_n_held or more. AUGS_E_ARGUMENT if a
 * pointer is NULL or the size is wrong.
 */
AUGS_API int augs_metrics_get_batch(const augs_metrics *metrics, uint32_t index,
                                    augs_batch_metrics *ret_batch, augs_error *error);

/*
 * Writes the summary. The caller sets ret_summary->size. If a pointer is NULL or
 * the size is wrong, nothing is written.
 */
AUGS_API void augs_metrics_summarize(const augs_metrics *metrics,
                                     augs_metrics_summary *ret_summary);

/*
 * Writes the batches that are held as JSON Lines, oldest first, and the summary
 * as the last line: {"summary":{...}}. What is not known is null, levels are
 * names, and each batch has its samples_per_second, too.
 *
 * The text is written to a file beside path, which is then renamed. So a reader
 * never sees half of it, and a failure leaves an older file as it was. If path
 * is no regular file (a pipe, /dev/stdout), it is written to directly.
 *
 * AUGS_E_IO if the file cannot be written, AUGS_E_NO_SPACE if there is no space
 * for it: the message names the path. AUGS_E_NO_MEMORY if there is no memory.
 * AUGS_E_ARGUMENT if metrics is NULL or path is NULL or "".
 */
AUGS_API int augs_metrics_save(const augs_metrics *metrics, const char *path, augs_error *error);

AUGS_END_DECLS

#endif
