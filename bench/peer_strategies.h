/* SPDX-License-Identifier: Apache-2.0 */
/* What else is in use, or was considered, to find a batch size from feedback; for comparison. */
#ifndef PEER_STRATEGIES_H
#define PEER_STRATEGIES_H

#include <augstream/strategy.h>

extern const augs_strategy_ops peer_growth_only; /* x 1.2 while the rate is not clearly worse */
extern const augs_strategy_ops peer_aimd;       /* + first size, x 0.9 when worse (Clipper, 2017) */
extern const augs_strategy_ops peer_doubling;   /* doubles until the rate falls, then stays */
extern const augs_strategy_ops peer_hill_climb; /* two-sided tests of steps of 1.2 */
extern const augs_strategy_ops peer_golden;     /* golden section on log n, again and again */
extern const augs_strategy_ops peer_gradient;   /* as Netflix's concurrency-limits, on the pace */

#endif
