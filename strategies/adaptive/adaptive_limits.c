/* SPDX-License-Identifier: Apache-2.0 */
/* Which sizes are possible. */
#include "strategies/adaptive/adaptive_state.h"

#include <math.h>

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
uint64_t augsi_adaptive_neighbour(const augsi_adaptive *self, uint64_t size, bool above)
{
    if (above) {
        return self->limits.max - size < self->limits.multiple_of ? size
                                                                  : size + self->limits.multiple_of;
    }
    return size - self->limits.min < self->limits.multiple_of ? size
                                                              : size - self->limits.multiple_of;
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
    return fmin(most,
                augsi_memory_most(&self->memory, limit * self->target_memory, limit,
                                  (double)self->limits.min, (double)self->limits.multiple_of));
}

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
