/* SPDX-License-Identifier: Apache-2.0 */
#include "strategies/fit_bound.h"

/* Memory grew if there is so much more of it than when a batch did not fit: readings differ by less
 * from one batch to the next. */
#define GREW 1.25
/* The search for the boundary ends at this part of it. */
#define CLOSE 16u

void augsi_fit_look(augsi_fit_bound *bound, uint64_t available_bytes)
{
    bound->available[bound->n_available++ % AUGSI_FIT_PLANS] = available_bytes;
    if (bound->n_available == 2 * AUGSI_FIT_PLANS) {
        bound->n_available = AUGSI_FIT_PLANS;
    }
}

/* The most at the last plans: batches that are under way hold a part of it now and then. */
static uint64_t most_space(const augsi_fit_bound *bound)
{
    uint64_t most = 0;
    for (uint32_t i = 0; i < bound->n_available && i < AUGSI_FIT_PLANS; i++) {
        most = bound->available[i] > most ? bound->available[i] : most;
    }
    return most;
}

/* By how much memory grew since a batch did not fit; 1: not, or nobody knows. */
static double growth_of(const augsi_fit_bound *bound)
{
    const bool told = bound->told_then != 0;
    const uint64_t then = told ? bound->told_then : bound->space_then;
    uint64_t now = bound->told_space;
    if (!told) {
        now = bound->n_available > 0 ? bound->available[(bound->n_available - 1) % AUGSI_FIT_PLANS]
                                     : 0;
    }
    const double grown = then != 0 ? (double)now / (double)then : 1;
    return grown > GREW ? grown : 1;
}

static void hear_misfit(augsi_fit_bound *bound, uint64_t n_samples)
{
    if (bound->misfit == 0 || n_samples < bound->misfit || growth_of(bound) > 1) {
        bound->misfit = n_samples;
        bound->fit = bound->fit < n_samples ? bound->fit : 0;
        bound->space_then = most_space(bound);
        bound->told_then = bound->told_space;
    }
}

static void hear_fit(augsi_fit_bound *bound, const augs_feedback *feedback)
{
    const uint64_t n = feedback->n_samples;
    if (feedback->available_bytes != 0 &&
        __builtin_add_overflow(feedback->bytes, feedback->available_bytes, &bound->told_space)) {
        bound->told_space = UINT64_MAX;
    }
    if (bound->misfit != 0 && n >= bound->misfit && growth_of(bound) > 1) {
        bound->misfit = 0; /* memory grew, and now it fits */
    }
    if (bound->misfit == 0 || n < bound->misfit) {
        bound->fit = n > bound->fit ? n : bound->fit;
    }
}

bool augsi_fit_hear(augsi_fit_bound *bound, const augs_feedback *feedback)
{
    if (feedback->n_samples != 0 && feedback->outcome == AUGS_OUTCOME_DID_NOT_FIT) {
        hear_misfit(bound, feedback->n_samples);
        return true;
    }
    hear_fit(bound, feedback);
    return false;
}

uint64_t augsi_fit_most(const augsi_fit_bound *bound, uint64_t step)
{
    const double grown = growth_of(bound);
    const double misfit = (double)bound->misfit * grown;
    if (bound->misfit == 0 || misfit >= 0x1p63) {
        return UINT64_MAX;
    }
    const uint64_t high = (uint64_t)misfit;
    const uint64_t half = bound->misfit / 2;
    uint64_t low = bound->fit > half ? bound->fit : half;
    low = (uint64_t)((double)low * grown);
    low = low < high ? low : high - 1;
    const uint64_t gap = high - low, close = high / CLOSE > step ? high / CLOSE : step;
    return bound->fit < half || gap <= close ? low : low + gap / 2;
}

void augsi_fit_allow(augsi_fit_bound *bound, uint64_t size)
{
    if (bound->misfit != 0 && size >= bound->misfit) {
        bound->misfit = 0;
    }
}
