/* SPDX-License-Identifier: Apache-2.0 */
/* What shipped strategies share: options that they do not take, sizes that keep the options, and how
 * a stream ends. */
#ifndef AUGSI_STRATEGY_SIZE_H
#define AUGSI_STRATEGY_SIZE_H

#include <stdbool.h>

#include <augstream/strategy.h>

/*
 * AUGS_E_ARGUMENT if `batches` or an option after it is set that the strategy does not take; the
 * message names the option and the strategies that do.
 */
int augsi_strategy_refuse_foreign(const char *strategy, const augs_strategy_options *options,
                                  augs_error *error);

/* Samples per rank. min and max are multiples of multiple_of, 1 <= min <= max <= 2^56. */
typedef struct augsi_size_limits {
    uint64_t min, max, multiple_of;
    uint32_t last_batch; /* AUGS_LAST_BATCH_... */
} augsi_size_limits;

/* From the options; AUGS_E_ARGUMENT if no size keeps them. */
int augsi_size_limits_init(augsi_size_limits *limits, const char *strategy,
                           const augs_strategy_options *options, uint64_t default_max,
                           augs_error *error);
/* The nearest size that keeps the limits, downwards where there is one. */
uint64_t augsi_size_fit(const augsi_size_limits *limits, uint64_t size);

/* size * world_size; AUGS_E_RANGE if 64 bits do not hold it. */
int augsi_size_whole(const char *strategy, uint64_t size, uint32_t world_size, uint64_t *ret_whole,
                     augs_error *error);
/*
 * AUGS_LAST_BATCH_MERGE: `left` positions, more than one batch of `size` samples per rank and less
 * than two. How many the next batch takes: all of them if ranks then have no more than `most`, else
 * about half, so that the one after it has the rest.
 */
uint64_t augsi_size_merge(const augsi_size_limits *limits, uint64_t size, uint32_t world_size,
                          uint64_t left, uint64_t most);
/*
 * The span of a batch of `size` samples per rank, from facts->position on: 1 and a span, or 0. The
 * end of the stream is as last_batch says; `most`: samples per rank that a merged batch may have.
 * ret_full: as augs_strategy_ops.full_count.
 */
int augsi_size_span(const augsi_size_limits *limits, const char *strategy,
                    const augs_plan_facts *facts, uint64_t size, uint64_t most, augs_span *ret_span,
                    uint64_t *ret_full, augs_error *error);

#endif
