/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics in constant memory: histograms whose buckets grow with the value, as in HdrHistogram (G.
 * Tene), so that the relative error is the same everywhere. A bucket's number is the exponent of
 * the value and the upper six bits of its mantissa.
 */
#include "pipeline/metrics/metrics_impl.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "base/sized_struct.h"

#define DEFAULT_CAPACITY 4096u
#define SUB_BITS 6u
#define SECONDS_LEAST_EXPONENT 30 /* 2^-30 */
#define TRUSTED_BATCHES 3u
#define TOGETHER 1.03

int augs_metrics_open(const augs_metrics_options *options, augs_metrics **ret_metrics,
                      augs_error *error)
{
    augs_allocator allocator;
    augs_metrics_options taken;
    if (ret_metrics == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "metrics: ret_metrics is required");
    }
    int status = AUGSI_TAKE(augs_metrics_options, options, &taken, error);
    status = status < 0 ? status : augsi_allocator_copy(taken.allocator, &allocator, error);
    if (status < 0) {
        return status;
    }
    augs_metrics *metrics = augsi_new(&allocator, sizeof *metrics);
    if (metrics == NULL) {
        return augsi_fail_memory(error, sizeof *metrics);
    }
    metrics->allocator = allocator;
    metrics->capacity = taken.capacity != 0 ? taken.capacity : DEFAULT_CAPACITY;
    metrics->ring = augsi_new_array(&allocator, metrics->capacity, sizeof *metrics->ring);
    if (metrics->ring == NULL) {
        status = augsi_fail_memory(error, metrics->capacity * sizeof *metrics->ring);
        augs_metrics_free(metrics);
        return status;
    }
    *ret_metrics = metrics;
    return AUGS_OK;
}

void augs_metrics_free(augs_metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    augs_allocator allocator = metrics->allocator;
    augsi_delete(&allocator, metrics->ring, metrics->capacity * sizeof *metrics->ring);
    augsi_delete(&allocator, metrics, sizeof *metrics);
}

static uint32_t seconds_bucket(double seconds)
{
    uint64_t bits;
    if (!(seconds >= 0x1p-30)) {
        return 0;
    }
    memcpy(&bits, &seconds, sizeof bits);
    uint64_t bucket =
        (bits >> (52 - SUB_BITS)) - ((uint64_t)(1023 - SECONDS_LEAST_EXPONENT) << SUB_BITS);
    return bucket < AUGSI_SECONDS_BUCKETS ? (uint32_t)bucket : AUGSI_SECONDS_BUCKETS - 1;
}

static double middle_of_bucket(uint32_t bucket)
{
    double least =
        ldexp(1 + (bucket & 63u) / 64.0, (int)(bucket >> SUB_BITS) - SECONDS_LEAST_EXPONENT);
    return least + ldexp(1.0 / 128, (int)(bucket >> SUB_BITS) - SECONDS_LEAST_EXPONENT);
}

static uint32_t size_bucket(uint64_t n_samples)
{
    if (n_samples < 128) {
        return (uint32_t)n_samples;
    }
    uint32_t exponent = 63u - (uint32_t)__builtin_clzll(n_samples);
    uint64_t bucket =
        ((uint64_t)(exponent - SUB_BITS) << SUB_BITS) + (n_samples >> (exponent - SUB_BITS));
    return bucket < AUGSI_SIZE_BUCKETS ? (uint32_t)bucket : AUGSI_SIZE_BUCKETS - 1;
}

static uint64_t add_up(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static void add_timed(augs_metrics *metrics, uint64_t n_samples, double seconds)
{
    bool first = metrics->n_timed == 0;
    metrics->least_seconds = first ? seconds : fmin(metrics->least_seconds, seconds);
    metrics->most_seconds = first ? seconds : fmax(metrics->most_seconds, seconds);
    metrics->n_timed++;
    metrics->seconds += seconds;
    metrics->n_timed_samples = add_up(metrics->n_timed_samples, n_samples);
    metrics->of_seconds[seconds_bucket(seconds)]++;
    if (n_samples == 0) {
        return;
    }
    augsi_size_bucket *bucket = &metrics->of_sizes[size_bucket(n_samples)];
    if (bucket->n_batches == 0 || n_samples < bucket->smallest) {
        bucket->smallest = n_samples;
    }
    bucket->largest = n_samples > bucket->largest ? n_samples : bucket->largest;
    bucket->n_batches++;
    bucket->n_samples = add_up(bucket->n_samples, n_samples);
    bucket->seconds += seconds;
}

void augs_metrics_add(augs_metrics *metrics, const augs_batch_metrics *batch)
{
    augs_batch_metrics taken;
    if (metrics == NULL || batch == NULL ||
        AUGSI_TAKE(augs_batch_metrics, batch, &taken, NULL) < 0) {
        return;
    }
    batch = &taken;
    augs_batch_metrics *place = &metrics->ring[metrics->next];
    *place = taken;
    place->why[AUGS_WHY_BYTES - 1] = '\0';
    metrics->next = metrics->next + 1 < metrics->capacity ? metrics->next + 1 : 0;
    metrics->n_held += metrics->n_held < metrics->capacity;
    metrics->n_batches++;
    metrics->n_samples = add_up(metrics->n_samples, batch->n_samples);
    metrics->peak_bytes = batch->bytes > metrics->peak_bytes ? batch->bytes : metrics->peak_bytes;
    if (batch->resident_bytes > metrics->peak_resident_bytes) {
        metrics->peak_resident_bytes = batch->resident_bytes;
    }
    if (isfinite(batch->seconds) && batch->seconds >= 0) {
        add_timed(metrics, batch->n_samples, batch->seconds);
        if (isfinite(batch->cpu_seconds) && batch->cpu_seconds >= 0) {
            metrics->cpu_seconds += batch->cpu_seconds;
            metrics->cpu_timed_seconds += batch->seconds;
        }
    }
}

uint32_t augs_metrics_n_held(const augs_metrics *metrics)
{
    return metrics != NULL ? metrics->n_held : 0;
}

int augs_metrics_get_batch(const augs_metrics *metrics, uint32_t index,
                           augs_batch_metrics *ret_batch, augs_error *error)
{
    if (metrics == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "metrics: metrics is required");
    }
    int status = AUGSI_CHECK_OUTPUT(augs_batch_metrics, ret_batch, error);
    if (status < 0) {
        return status;
    }
    if (index >= metrics->n_held) {
        return augsi_fail(error, AUGS_E_RANGE, "metrics: batch %u of the %u that are held", index,
                          metrics->n_held);
    }
    uint64_t oldest = metrics->n_held < metrics->capacity ? 0 : metrics->next;
    return AUGSI_GIVE(augs_batch_metrics, &metrics->ring[(oldest + index) % metrics->capacity],
                      ret_batch);
}

/* The value of nearest rank: the smallest that at least `percent` of all do not exceed. */
static double percentile(const augs_metrics *metrics, uint64_t percent)
{
    if (metrics->n_timed == 0) {
        return NAN;
    }
    uint64_t n = metrics->n_timed;
    uint64_t rank = n / 100 * percent + (n % 100 * percent + 99) / 100;
    uint64_t n_below = 0;
    uint32_t bucket = 0;
    while (bucket < AUGSI_SECONDS_BUCKETS - 1 && (n_below += metrics->of_seconds[bucket]) < rank) {
        bucket++;
    }
    if (bucket == 0) {
        return metrics->least_seconds;
    }
    if (bucket == AUGSI_SECONDS_BUCKETS - 1) {
        return metrics->most_seconds;
    }
    return fmin(fmax(middle_of_bucket(bucket), metrics->least_seconds), metrics->most_seconds);
}

typedef struct size_group {
    uint64_t n_batches;
    double n_samples, seconds, throughput;
    uint64_t size;         /* the largest of its bucket that has the most batches, */
    uint64_t n_most_often; /* and how many these are */
} size_group;

/* The group that begins at *bucket or behind it; moves *bucket behind the group. */
static size_group next_group(const augs_metrics *metrics, uint32_t *bucket)
{
    size_group group = {0};
    uint64_t smallest = 0;
    for (; *bucket < AUGSI_SIZE_BUCKETS; (*bucket)++) {
        const augsi_size_bucket *one = &metrics->of_sizes[*bucket];
        if (one->n_batches == 0) {
            continue;
        }
        smallest = smallest != 0 ? smallest : one->smallest;
        if (group.n_batches > 0 && (double)one->largest > (double)smallest * TOGETHER) {
            break;
        }
        group.n_batches += one->n_batches;
        group.n_samples += (double)one->n_samples;
        group.seconds += one->seconds;
        if (one->n_batches >= group.n_most_often) {
            group.n_most_often = one->n_batches;
            group.size = one->largest;
        }
    }
    group.throughput = group.seconds > 0 ? group.n_samples / group.seconds : 0;
    return group;
}

static void find_best(const augs_metrics *metrics, augs_metrics_summary *summary)
{
    bool trusted = false;
    summary->best_throughput = NAN;
    for (uint32_t bucket = 0; bucket < AUGSI_SIZE_BUCKETS;) {
        size_group group = next_group(metrics, &bucket);
        bool often = group.n_batches >= TRUSTED_BATCHES;
        if (!(group.throughput > 0) || (trusted && !often)) {
            continue;
        }
        if (summary->best_size == 0 || (often && !trusted) ||
            group.throughput > summary->best_throughput) {
            summary->best_size = group.size;
            summary->best_throughput = group.throughput;
            trusted = often;
        }
    }
}

void augs_metrics_summarize(const augs_metrics *metrics, augs_metrics_summary *ret_summary)
{
    if (metrics == NULL || AUGSI_CHECK_OUTPUT(augs_metrics_summary, ret_summary, NULL) < 0) {
        return;
    }
    double n_batches = (double)metrics->n_batches, n_timed = (double)metrics->n_timed;
    augs_metrics_summary summary = {
        .size = sizeof summary,
        .n_batches = metrics->n_batches,
        .n_timed = metrics->n_timed,
        .n_samples = metrics->n_samples,
        .seconds = metrics->seconds,
        .mean_size = n_batches > 0 ? (double)metrics->n_samples / n_batches : NAN,
        .mean_seconds = n_timed > 0 ? metrics->seconds / n_timed : NAN,
        .mean_throughput =
            metrics->seconds > 0 ? (double)metrics->n_timed_samples / metrics->seconds : NAN,
        .p50_seconds = percentile(metrics, 50),
        .p95_seconds = percentile(metrics, 95),
        .p99_seconds = percentile(metrics, 99),
        .peak_bytes = metrics->peak_bytes,
        .peak_resident_bytes = metrics->peak_resident_bytes,
        .cpu_seconds = metrics->cpu_seconds,
        .mean_cpus = metrics->cpu_timed_seconds > 0
                         ? metrics->cpu_seconds / metrics->cpu_timed_seconds
                         : NAN,
    };
    find_best(metrics, &summary);
    AUGSI_GIVE(augs_metrics_summary, &summary, ret_summary);
}
