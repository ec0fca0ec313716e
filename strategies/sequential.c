/* SPDX-License-Identifier: Apache-2.0 */
/* Consecutive groups of batch_size samples a rank; the tail is kept unless drop_last says
 * otherwise. */
#include "fail.h"
#include "planners.h"

const augs_strategy_options augsi_sequential_defaults = {
    .size = sizeof(augs_strategy_options), .batch_size = 32, .min_samples = 1, .multiple_of = 1};

typedef struct sequential {
    uint64_t batch_size;
    uint32_t drop_last;
} sequential;

static int init(void *state, const augs_strategy_options *options, augs_error *error)
{
    sequential *self = state;
    uint64_t size =
        options->batch_size != 0 ? options->batch_size : augsi_sequential_defaults.batch_size;
    int status = augsi_planner_refuse_foreign("sequential", options, error);
    if (status == AUGS_OK) {
        status = augsi_planner_fit_size("sequential", options, &size, error);
    }
    if (status < 0) {
        return status;
    }
    self->batch_size = size;
    self->drop_last = options->drop_last;
    return AUGS_OK;
}

static int plan(void *state, const augs_plan_facts *facts, augs_span *ret_span, augs_error *error)
{
    const sequential *self = state;
    uint64_t whole;
    if (__builtin_mul_overflow(self->batch_size, (uint64_t)facts->world_size, &whole)) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "strategy sequential: batch_size %llu for %u ranks is too large",
                          (unsigned long long)self->batch_size, facts->world_size);
    }
    uint64_t first;
    if (__builtin_mul_overflow(facts->step, whole, &first) || first >= facts->n_samples) {
        return 0;
    }
    uint64_t left = facts->n_samples - first;
    if (left < whole && self->drop_last != 0) {
        return 0;
    }
    *ret_span = (augs_span){.first = first, .stride = 1, .count = left < whole ? left : whole};
    return 1;
}

const augs_strategy_ops augsi_strategy_sequential = {
    .size = sizeof(augs_strategy_ops),
    .flags = AUGS_STRATEGY_FIXED,
    .name = "sequential",
    .state_size = sizeof(sequential),
    .init = init,
    .plan = plan,
};
