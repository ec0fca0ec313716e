/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of a shipped strategy that compute may be called through its ops, which no gate of
 * base/float_gates.py sees. AUGSI_STRATEGY_GATES makes gated_init, gated_plan, gated_observe and
 * gated_inherit of the file's own init, plan, observe and inherit, which are AUGSI_COMPUTES.
 */
#ifndef AUGSI_STRATEGY_GATES_H
#define AUGSI_STRATEGY_GATES_H

#include <augstream/strategy.h>

#include "base/float_env.h"

/* Inlined, a function's arithmetic could move out of its gate. */
#define AUGSI_COMPUTES __attribute__((noinline))

#define AUGSI_STRATEGY_GATES                                                                       \
    static int gated_init(void *state, const augs_strategy_options *options, augs_error *error)    \
    {                                                                                              \
        augsi_float_stay stay;                                                                     \
        augsi_float_enter(&stay);                                                                  \
        const int status = init(state, options, error);                                            \
        augsi_float_leave(&stay);                                                                  \
        return status;                                                                             \
    }                                                                                              \
    static int gated_plan(void *state, const augs_plan_facts *facts, augs_span *ret_span,          \
                          augs_error *error)                                                       \
    {                                                                                              \
        augsi_float_stay stay;                                                                     \
        augsi_float_enter(&stay);                                                                  \
        const int status = plan(state, facts, ret_span, error);                                    \
        augsi_float_leave(&stay);                                                                  \
        return status;                                                                             \
    }                                                                                              \
    static void gated_observe(void *state, const augs_feedback *feedback)                          \
    {                                                                                              \
        augsi_float_stay stay;                                                                     \
        augsi_float_enter(&stay);                                                                  \
        observe(state, feedback);                                                                  \
        augsi_float_leave(&stay);                                                                  \
    }                                                                                              \
    static void gated_inherit(void *state, const void *old)                                        \
    {                                                                                              \
        augsi_float_stay stay;                                                                     \
        augsi_float_enter(&stay);                                                                  \
        inherit(state, old);                                                                       \
        augsi_float_leave(&stay);                                                                  \
    }

#endif
