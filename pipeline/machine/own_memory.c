/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process's peak is told by the system and misses nothing, but it only ever rises. A batch that
 * raised it is measured: it cost what the process had then above what was resident before. A batch
 * that did not cost at most what the peak is above the least between the last few batches, which is
 * worth telling where it is a sample less than what was told before: after a peak from before the
 * first batch, or when the first batches brought memory that the process keeps. Other batches tell
 * nothing, and need not: one no larger than a batch that was measured has been seen to fit.
 *
 * Allocators keep memory between batches. What was resident before then hides a part of the cost,
 * which a larger batch does not find again. The slope between the peaks of two batches does not
 * hide it: a cost is never below it.
 */
#include "pipeline/machine/own_memory.h"

#include <math.h>

/* Batches that make a slope differ at least by this. */
#define STEP 1.5
#define MOST 0x1p62

bool augsi_own_memory_is_new(const augsi_own_memory *memory, uint64_t n_samples)
{
    return n_samples > memory->n_measured;
}

static uint64_t least_recent(const augsi_own_memory *memory)
{
    uint64_t base = UINT64_MAX;
    for (uint32_t i = 0; i < memory->n_recent && i < AUGSI_OWN_MEMORY_RECENT; i++) {
        base = memory->recent_bytes[i] < base ? memory->recent_bytes[i] : base;
    }
    return base;
}

static void keep_recent(augsi_own_memory *memory, uint64_t resident)
{
    const uint32_t n = memory->n_recent;
    memory->recent_bytes[n % AUGSI_OWN_MEMORY_RECENT] = resident;
    memory->n_recent = n + 1 < 2 * AUGSI_OWN_MEMORY_RECENT ? n + 1 : AUGSI_OWN_MEMORY_RECENT;
}

/* Bytes per sample no more than those found last? */
static bool is_no_dearer(const augsi_own_cost *cost, const augsi_own_cost *last)
{
    return last->n_samples == 0 || (double)cost->bytes * (double)last->n_samples <=
                                       (double)last->bytes * (double)cost->n_samples;
}

/* Between two batches that raised the peak, the second a good deal larger. What the first left
 * behind unused makes it too high. */
static void find_slope(augsi_own_memory *memory, uint64_t n, uint64_t peak)
{
    const uint64_t before = memory->n_slope;
    if (before != 0 && (double)n < STEP * (double)before) {
        return;
    }
    if (before != 0) {
        memory->slope = (double)(peak - memory->slope_peak_bytes) / (double)(n - before);
    }
    memory->n_slope = n;
    memory->slope_peak_bytes = peak;
}

static augsi_own_cost cost_of(augsi_own_memory *memory, uint64_t peak)
{
    const bool rose = peak > memory->peak_bytes;
    const uint64_t base = rose ? memory->resident_bytes : least_recent(memory);
    const uint64_t n = memory->n_since;
    if (rose) {
        find_slope(memory, n, peak);
    }
    const double by_slope = fmin(memory->slope * (double)n, MOST);
    const double above_base = peak > base ? (double)(peak - base) : 0;
    augsi_own_cost cost = {.n_samples = n,
                           .bytes = (uint64_t)fmax(by_slope, above_base),
                           .least_bytes = (uint64_t)by_slope};
    if (rose) {
        cost.least_bytes = cost.bytes;
    }
    if (rose || is_no_dearer(&cost, &memory->last)) {
        memory->last = cost;
    } else {
        cost.bytes = 0;
    }
    return cost;
}

augsi_own_cost augsi_own_memory_measure(augsi_own_memory *memory, uint64_t n_samples,
                                        const augs_memory_snapshot *now)
{
    augsi_own_cost cost = {.n_samples = 0};
    const uint64_t resident = now->resident_bytes;
    const uint64_t peak = now->peak_resident_bytes > resident ? now->peak_resident_bytes : resident;
    memory->n_since = n_samples > memory->n_since ? n_samples : memory->n_since;
    if (now->n_readings == memory->n_readings || resident == 0) {
        return cost; /* no other figures than before */
    }
    if (memory->n_readings != 0 && memory->n_since != 0) {
        cost = cost_of(memory, peak);
        memory->n_measured =
            memory->n_since > memory->n_measured ? memory->n_since : memory->n_measured;
    }
    keep_recent(memory, resident);
    memory->resident_bytes = resident;
    memory->peak_bytes = peak;
    memory->n_readings = now->n_readings;
    memory->n_since = 0;
    return cost;
}
