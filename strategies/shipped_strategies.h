/* SPDX-License-Identifier: Apache-2.0 */
/* The shipped strategies. */
#ifndef AUGSI_SHIPPED_STRATEGIES_H
#define AUGSI_SHIPPED_STRATEGIES_H

#include <augstream/strategy.h>

#include "strategies/fixed_layout.h"

extern const augs_strategy_ops augsi_strategy_adaptive;
extern const augs_strategy_ops augsi_strategy_memory_optimized;
extern const augs_strategy_ops augsi_strategy_sequential;
extern const augs_strategy_ops augsi_strategy_round_robin;

/* What each uses where its options say 0; 0 = it has no such option, or no limit. */
extern const augs_strategy_options augsi_adaptive_defaults;
extern const augs_strategy_options augsi_memory_optimized_defaults;
extern const augs_strategy_options augsi_sequential_defaults;
extern const augs_strategy_options augsi_round_robin_defaults;

/*
 * The whole plan of a fixed strategy for n_samples positions (AUGS_ENDLESS: as many whole rounds as
 * 64 bits hold) and world_size ranks. AUGS_E_ARGUMENT and AUGS_E_RANGE as its `plan` answers at
 * every step.
 */
typedef int augsi_layout_function(const void *state, uint64_t n_samples, uint32_t world_size,
                                  augsi_layout *ret_layout, augs_error *error);
augsi_layout_function augsi_sequential_layout, augsi_round_robin_layout;
/* That of a shipped fixed strategy; NULL for any other. */
augsi_layout_function *augsi_strategy_layout(const augs_strategy_ops *ops);

#endif
