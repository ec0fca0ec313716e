/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line through what was seen, moved up to the highest of the last batches. Moments fade, so a
 * consumer that grows is followed; the slope is kept when only one size is left in sight.
 */
#include "strategies/adaptive/adaptive_memory.h"

#include <math.h>

#define FADE 0.95
/* Sizes have to spread by this part of their mean for a slope. */
#define LEAST_SPREAD 0.005

void augsi_memory_see(augsi_memory_bound *b, double n, double bytes)
{
    if (b->n_seen == 0) {
        b->slope = NAN;
    }
    b->recent_n[b->n_seen % AUGSI_MEMORY_RECENT] = n;
    b->recent_bytes[b->n_seen % AUGSI_MEMORY_RECENT] = bytes;
    b->n_seen += b->n_seen < UINT32_MAX ? 1 : 0;
    b->weight *= FADE;
    b->square_n *= FADE;
    b->product *= FADE;
    double part = 1 / (b->weight + 1), off_n = n - b->mean_n, off_bytes = bytes - b->mean_bytes;
    b->square_n += b->weight * part * off_n * off_n;
    b->product += b->weight * part * off_n * off_bytes;
    b->weight += 1;
    b->mean_n += part * off_n;
    b->mean_bytes += part * off_bytes;
    double least = LEAST_SPREAD * b->mean_n;
    if (b->square_n > b->weight * least * least) {
        b->slope = fmax(b->product / b->square_n, 0);
    }
}

double augsi_memory_most(const augsi_memory_bound *b, double goal, double limit, double min,
                         double step)
{
    if (b->n_seen == 0) {
        return INFINITY;
    }
    const uint32_t n = b->n_seen < AUGSI_MEMORY_RECENT ? b->n_seen : AUGSI_MEMORY_RECENT;
    double base = -INFINITY, most = 0, low = INFINITY, high = 0;
    for (uint32_t i = 0; i < n; i++) {
        base = fmax(base, b->recent_bytes[i] - b->slope * b->recent_n[i]);
        most = fmax(most, b->recent_bytes[i]);
        low = fmin(low, b->recent_n[i]);
        high = fmax(high, b->recent_n[i]);
    }
    if (b->slope > 0) {
        return fmax((goal - base) / b->slope, 0);
    }
    if (b->slope == 0) { /* no more bytes for more samples */
        return most <= goal ? high * 4 : low / 2;
    }
    if (most > limit) {
        return min; /* the base may be nearly all of it */
    }
    /* a base only makes it less, so this many samples do not need more than the limit */
    double bound = (most > goal ? goal : 0.95 * limit) / most * high;
    if (bound >= high + step) {
        return bound;
    }
    return low > min ? fmax(low - step, min) : low + step;
}
