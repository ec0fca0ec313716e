/* SPDX-License-Identifier: Apache-2.0 */
/* The shipped planners, and what they share. */
#ifndef AUGSI_PLANNERS_H
#define AUGSI_PLANNERS_H

#include <stdbool.h>

#include <augstream/strategy.h>

extern const augs_strategy_ops augsi_strategy_adaptive;
extern const augs_strategy_ops augsi_strategy_memory_optimized;
extern const augs_strategy_ops augsi_strategy_sequential;
extern const augs_strategy_ops augsi_strategy_round_robin;

/* What each uses where its options say 0; 0 = it has no such option, or no limit. */
extern const augs_strategy_options augsi_adaptive_defaults;
extern const augs_strategy_options augsi_memory_optimized_defaults;
extern const augs_strategy_options augsi_sequential_defaults;
extern const augs_strategy_options augsi_round_robin_defaults;

/* Brings a size within [min, max] and down to a multiple of multiple_of; AUGS_E_ARGUMENT if none
 * exists. */
int augsi_planner_fit_size(const char *strategy, const augs_strategy_options *options,
                           uint64_t *size, augs_error *error);

/*
 * AUGS_E_ARGUMENT if `batches` or an option after it is set that the strategy does not take; the
 * message names the option and the strategies that do.
 */
int augsi_planner_refuse_foreign(const char *strategy, const augs_strategy_options *options,
                                 augs_error *error);

#endif
