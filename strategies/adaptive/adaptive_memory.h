/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How large a batch may be so that the memory it needs at its consumer, a base and so many bytes a
 * sample, both learned, stays within a part of a limit. State of zeros: nothing seen.
 */
#ifndef AUGSI_ADAPTIVE_MEMORY_H
#define AUGSI_ADAPTIVE_MEMORY_H

#include <stdint.h>

#define AUGSI_MEMORY_RECENT 8

typedef struct augsi_memory_bound {
    double weight, mean_n, mean_bytes, square_n, product; /* moments; the recent ones weigh most */
    double slope;                                         /* bytes a sample; NaN = not known */
    double recent_n[AUGSI_MEMORY_RECENT], recent_bytes[AUGSI_MEMORY_RECENT];
    uint32_t n_seen;
} augsi_memory_bound;

void augsi_memory_see(augsi_memory_bound *bound, double n, double bytes);
/* The largest size: at most `goal` bytes once two sizes were seen. Before that one that keeps
 * `limit`, whatever the base is; where this leaves no step upwards, a step down, or up at the
 * smallest size, so that a second one is seen. INFINITY: nothing seen. */
double augsi_memory_most(const augsi_memory_bound *bound, double goal, double limit, double min,
                         double step);

#endif
