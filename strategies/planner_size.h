/* SPDX-License-Identifier: Apache-2.0 */
/* What the strategies that decide as they go share: sizes that keep the options, and their spans.
 */
#ifndef AUGSI_PLANNER_SIZE_H
#define AUGSI_PLANNER_SIZE_H

#include <stdbool.h>

#include <augstream/strategy.h>

/* Samples a rank. min and max are multiples of multiple_of, 1 <= min <= max <= 2^56. */
typedef struct augsi_size_limits {
    uint64_t min, max, multiple_of;
    bool drop_last;
} augsi_size_limits;

/* From the options; AUGS_E_ARGUMENT if no size keeps them. */
int augsi_size_limits_init(augsi_size_limits *limits, const char *strategy,
                           const augs_strategy_options *options, uint64_t default_max,
                           augs_error *error);
/* The nearest size that keeps the limits, downwards where there is one. */
uint64_t augsi_size_fit(const augsi_size_limits *limits, uint64_t size);
/*
 * The span of a batch of `size` samples a rank, from facts->position on: 1 and a span, or 0. The
 * end of the stream makes a smaller one; with drop_last it is cut to a size that keeps the limits,
 * and what is left after it is left out.
 */
int augsi_size_span(const augsi_size_limits *limits, const char *strategy,
                    const augs_plan_facts *facts, uint64_t size, augs_span *ret_span,
                    augs_error *error);

#endif
