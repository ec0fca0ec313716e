/* SPDX-License-Identifier: Apache-2.0 */
/* What batches cost in the process's own memory, seen from outside: for consumers that do not say.
 */
#ifndef AUGSI_OWN_MEMORY_H
#define AUGSI_OWN_MEMORY_H

#include <stdbool.h>

#include <augstream/memory_monitor.h>

#define AUGSI_OWN_MEMORY_RECENT 8u

/* With our own part. */
typedef struct augsi_own_cost {
    uint64_t n_samples;
    uint64_t bytes;       /* 0 = nothing new is known */
    uint64_t least_bytes; /* not less; 0 = not known */
    bool matters;         /* it is a part worth naming of what is available */
} augsi_own_cost;

/* Zeroed memory is a good start. */
typedef struct augsi_own_memory {
    uint64_t n_readings;                            /* of the monitor, when it was looked at last */
    uint64_t recent_bytes[AUGSI_OWN_MEMORY_RECENT]; /* resident between batches, as a ring */
    uint32_t n_recent;
    uint64_t resident_bytes; /* the last of them */
    uint64_t peak_bytes;     /* of the process, ever */
    uint64_t n_since;        /* samples of the largest batch since the last reading, */
    uint64_t n_measured;     /* and of the largest that was measured */
    uint64_t n_slope;        /* samples of the last batch of a slope, and the peak of then */
    uint64_t slope_peak_bytes;
    double slope;        /* bytes per sample; 0 = none was seen */
    augsi_own_cost last; /* that was found */
} augsi_own_memory;

/* Whether a batch of n_samples is worth a reading of the system at once. */
bool augsi_own_memory_is_new(const augsi_own_memory *memory, uint64_t n_samples);
/* After a batch of n_samples (0: none since the last time), with the figures of now. */
augsi_own_cost augsi_own_memory_measure(augsi_own_memory *memory, uint64_t n_samples,
                                        const augs_memory_snapshot *now);

#endif
