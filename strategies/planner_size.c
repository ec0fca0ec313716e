/* SPDX-License-Identifier: Apache-2.0 */
#include "planner_size.h"

#include <augstream/stream.h>

#include "fail.h"

int augsi_size_limits_init(augsi_size_limits *limits, const char *strategy,
                           const augs_strategy_options *options, uint64_t default_max,
                           augs_error *error)
{
    const uint64_t step = options->multiple_of != 0 ? options->multiple_of : 1;
    const uint64_t min = options->min_samples != 0 ? options->min_samples : 1;
    const uint64_t low = (min - 1) / step + 1; /* in multiples of `step`, as `high` */
    uint64_t max = options->max_samples;
    if (max == 0) { /* a minimum above the default is a wish for larger batches */
        const uint64_t least = low <= AUGS_MAX_SAMPLES / step ? low * step : min;
        max = least > default_max ? least : default_max;
    }
    max = max < AUGS_MAX_SAMPLES ? max : AUGS_MAX_SAMPLES;
    if (min > max) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "strategy %s: min %llu is above max %llu",
                          strategy, (unsigned long long)min, (unsigned long long)max);
    }
    const uint64_t high = max / step;
    if (low > high) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "strategy %s: no multiple of %llu lies between min %llu and max %llu",
                          strategy, (unsigned long long)step, (unsigned long long)min,
                          (unsigned long long)max);
    }
    *limits = (augsi_size_limits){.min = low * step,
                                  .max = high * step,
                                  .multiple_of = step,
                                  .drop_last = options->drop_last != 0};
    return AUGS_OK;
}

uint64_t augsi_size_fit(const augsi_size_limits *limits, uint64_t size)
{
    const uint64_t down = size - size % limits->multiple_of;
    return down < limits->min ? limits->min : down > limits->max ? limits->max : down;
}

int augsi_size_span(const augsi_size_limits *limits, const char *strategy,
                    const augs_plan_facts *facts, uint64_t size, augs_span *ret_span,
                    augs_error *error)
{
    uint64_t whole;
    if (facts->position >= facts->n_samples) {
        return 0;
    }
    if (__builtin_mul_overflow(size, (uint64_t)facts->world_size, &whole)) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "strategy %s: batches of %llu for %u ranks are too large", strategy,
                          (unsigned long long)size, facts->world_size);
    }
    const uint64_t left = facts->n_samples - facts->position;
    uint64_t count = whole < left ? whole : left;
    if (count < whole && limits->drop_last) {
        if (left / facts->world_size < limits->min) {
            return 0;
        }
        count = augsi_size_fit(limits, left / facts->world_size) * facts->world_size;
    }
    *ret_span = (augs_span){.first = facts->position, .stride = 1, .count = count};
    return 1;
}
