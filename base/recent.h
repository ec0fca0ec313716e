/* SPDX-License-Identifier: Apache-2.0 */
/* The most of something that was needed lately, so that a pool knows what to keep. */
#ifndef AUGSI_RECENT_H
#define AUGSI_RECENT_H

#include <stdbool.h>
#include <stdint.h>

/* In the last whole span of values, and in the span that goes on. Zeroed memory is a good start. */
typedef struct augsi_recent {
    uint64_t before, now;
    uint64_t n_values; /* in the span that goes on */
} augsi_recent;

/* true: a new span began with this value, after one of n_span or more. */
static inline bool augsi_recent_add(augsi_recent *recent, uint64_t value, uint64_t n_span)
{
    const bool begins = recent->n_values >= n_span;
    if (begins) {
        *recent = (augsi_recent){.before = recent->now};
    }
    recent->now = value > recent->now ? value : recent->now;
    recent->n_values++;
    return begins;
}

static inline uint64_t augsi_recent_most(const augsi_recent *recent)
{
    return recent->before > recent->now ? recent->before : recent->now;
}

#endif
