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
    double seconds;           /* that the consumer took; NaN = not known */
    uint64_t bytes;           /* memory that the consumer needed for it; 0 = not known */
    uint64_t available_bytes; /* 0 = not known */
    uint32_t level;           /* AUGS_MEMORY_NORMAL... */
    uint32_t reserved;
    char why[AUGS_WHY_BYTES]; /* why the batch has its size, one word, with its NUL */
} augs_batch_metrics;

typedef struct augs_metrics_options {
    uint32_t size;
    uint32_t capacity;               /* batches in the ring; 0 = 4,096 */
    const augs_allocator *allocator; /* NULL = the C library's */
} augs_metrics_options;

/* Of all batches since open, not only of those in the ring; percentiles to 1 %. Throughputs in
 * samples a second. Batches without seconds count in n_batches and n_samples only. */
typedef struct augs_metrics_summary {
    uint32_t size;
    uint32_t reserved;
    uint64_t n_batches, n_timed, n_samples;
    double seconds;                                  /* in all */
    double mean_size, mean_seconds, mean_throughput; /* the last: timed samples / seconds */
    double p50_seconds, p95_seconds, p99_seconds;
    uint64_t best_size; /* with the best mean throughput of the sizes seen at least three times
                           (all, if none was), sizes within 3 % taken together; 0 = none */
    double best_throughput;
    uint64_t peak_bytes;
} augs_metrics_summary;

/* options may be NULL. One thread at a time. */
AUGS_API int augs_metrics_open(const augs_metrics_options *options, augs_metrics **ret_metrics,
                               augs_error *error);
AUGS_API void augs_metrics_free(augs_metrics *metrics);
/* Allocates nothing. */
AUGS_API void augs_metrics_add(augs_metrics *metrics, const augs_batch_metrics *batch);
/* How many batches the ring holds, and one of them: 0 = the oldest. AUGS_E_RANGE. */
AUGS_API uint32_t augs_metrics_n_held(const augs_metrics *metrics);
AUGS_API int augs_metrics_get(const augs_metrics *metrics, uint32_t index,
                              augs_batch_metrics *ret_batch, augs_error *error);
AUGS_API void augs_metrics_summarize(const augs_metrics *metrics,
                                     augs_metrics_summary *ret_summary);
/* The batches in the ring as JSON Lines, the summary last ({"summary":{...}}); written beside the
 * path and renamed, so that a reader never sees half of it. AUGS_E_IO names the path. */
AUGS_API int augs_metrics_save(const augs_metrics *metrics, const char *path, augs_error *error);

AUGS_END_DECLS

#endif
