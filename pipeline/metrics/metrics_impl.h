/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUGSI_METRICS_IMPL_H
#define AUGSI_METRICS_IMPL_H

#include <augstream/metrics.h>

/*
 * Both histograms have 64 buckets an octave, so that a bucket is at most 1/64 wide and its middle
 * at most 0.8 % off. Seconds: 2^-30 to 2^30, 60 octaves. Sizes: exact below 128, up to 2^40.
 */
#define AUGSI_SECONDS_BUCKETS 3840u
#define AUGSI_SIZE_BUCKETS 2240u

typedef struct augsi_size_bucket {
    uint64_t n_batches, n_samples;
    double seconds;
    uint64_t smallest, largest; /* seen */
} augsi_size_bucket;

struct augs_metrics {
    augs_allocator allocator;
    augs_batch_metrics *ring;
    uint32_t capacity, n_held;
    uint32_t next; /* place of the batch to come */
    uint64_t n_batches, n_timed, n_samples, n_timed_samples;
    double seconds, least_seconds, most_seconds;
    uint64_t peak_bytes, peak_resident_bytes;
    double cpu_seconds, cpu_timed_seconds; /* of batches with both; their seconds */
    uint64_t of_seconds[AUGSI_SECONDS_BUCKETS];
    augsi_size_bucket of_sizes[AUGSI_SIZE_BUCKETS];
};

#endif
