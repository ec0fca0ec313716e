/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which sizes are possible. What memory says is a line through what was seen, moved up to the
 * highest of the last batches. Moments fade, so a consumer that grows is followed. The slope is kept
 * when only one size is left in sight.
 */
#include "strategies/adaptive/adaptive_state.h"

#include <math.h>

#define FADE 0.95
/* Sizes have to spread by this part of their mean for a slope. */
#define LEAST_SPREAD 0.005

/* ---- sizes ---- */

uint64_t augsi_adaptive_fit_size(const augsi_adaptive *self, double n)
{
    if (!(n > (double)self->limits.min)) {
        return self->limits.min;
    }
    if (n >= (double)self->limits.max) {
        return self->limits.max;
    }
    return augsi_size_fit(&self->limits, (uint64_t)(n * (1 + 1e-12)));
}

/* The next possible size below or above. */
uint64_t augsi_adaptive_neighbor(const augsi_adaptive *self, uint64_t size, bool above)
{
    if (above) {
        return self->limits.max - size < self->limits.multiple_of ? size
                                                                  : size + self->limits.multiple_of;
    }
    return size - self->limits.min < self->limits.multiple_of ? size
                                                              : size - self->limits.multiple_of;
}

/* ---- memory ---- */

void augsi_adaptive_see_memory(augsi_memory_bound *b, double n, double bytes)
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

/* The largest size: at most `goal` bytes once two sizes were seen. Before that one that keeps
 * `limit`, whatever the base is; where this leaves no step upwards, a step down, or up at the
 * smallest size, so that a second one is seen. INFINITY: nothing seen. */
static double most_of_line(const augsi_memory_bound *b, double goal, double limit, double min,
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

/* The least that is known; 0 = nothing. */
static double memory_limit(const augsi_adaptive *self)
{
    const uint64_t known[] = {self->limit_option, self->limit_facts, self->limit_seen};
    uint64_t least = 0;
    for (int i = 0; i < 3; i++) {
        least = known[i] != 0 && (least == 0 || known[i] < least) ? known[i] : least;
    }
    return (double)least;
}

double augsi_adaptive_memory_most(const augsi_adaptive *self)
{
    const uint64_t fits = augsi_fit_most(&self->fit, self->limits.multiple_of);
    const double most = fits == UINT64_MAX ? INFINITY : (double)fits;
    double limit = memory_limit(self);
    if (!(limit > 0)) {
        return most;
    }
    return fmin(most, most_of_line(&self->memory, limit * self->target_memory, limit,
                                   (double)self->limits.min, (double)self->limits.multiple_of));
}

/* ---- the target ---- */

static double seconds_aim(const augsi_adaptive *self)
{
    return self->target_seconds > 0 && self->n_timed > 2
               ? self->target_seconds * exp(-self->margin * self->cost.noise)
               : INFINITY;
}

/* The largest size within the memory and the target. */
double augsi_adaptive_size_most(const augsi_adaptive *self)
{
    double high = fmax(fmin((double)self->limits.max, augsi_adaptive_memory_most(self)),
                       (double)self->limits.min);
    double low = (double)self->limits.min, aim = seconds_aim(self);
    if (!isfinite(aim) || augsi_cost_seconds(&self->cost, high) <= aim) {
        return high;
    }
    while (high - low > 0.5 && high > low * 1.0005) {
        double middle = sqrt(low * high);
        bool fits = augsi_cost_seconds(&self->cost, middle) <= aim;
        low = fits ? middle : low;
        high = fits ? high : middle;
    }
    return low;
}

void augsi_adaptive_refit(augsi_adaptive *self)
{
    const double low = (double)self->limits.min;
    augsi_cost_fit(&self->cost, low);
    augsi_cost_aim(&self->cost, low,
                   fmax(fmin((double)self->limits.max, augsi_adaptive_memory_most(self)), low),
                   seconds_aim(self));
}
