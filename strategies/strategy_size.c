/* SPDX-License-Identifier: Apache-2.0 */
#include "strategies/strategy_size.h"

#include <string.h>

#include <augstream/stream.h>

#include "base/checked.h"
#include "base/fail.h"

/* ---- options ---- */

#define MOST_OWNERS 2u

typedef struct option_owners {
    const char *option;
    bool is_set;
    const char *owners[MOST_OWNERS]; /* NULL: fewer */
} option_owners;

static bool takes(const option_owners *one, const char *strategy)
{
    bool is_owner = false;
    for (size_t i = 0; i < MOST_OWNERS && one->owners[i] != NULL; i++) {
        is_owner = is_owner || strcmp(one->owners[i], strategy) == 0;
    }
    return is_owner;
}

int augsi_strategy_refuse_foreign(const char *strategy, const augs_strategy_options *options,
                                  augs_error *error)
{
    /* a NaN is not 0: it was set */
    const option_owners all[] = {
        {"batches", options->batches != 0, {"round_robin"}},
        {"deal_window", options->deal_window != 0, {"round_robin"}},
        {"max_memory_bytes", options->max_memory_bytes != 0, {"memory_optimized", "adaptive"}},
        {"memory_safety", options->memory_safety != 0, {"memory_optimized"}},
        {"memory_rule", options->memory_rule != 0, {"memory_optimized"}},
        {"target_seconds", options->target_seconds != 0, {"adaptive"}},
        {"target_memory", options->target_memory != 0, {"adaptive"}},
        {"max_growth", options->max_growth != 0, {"adaptive"}},
        {"max_reduction", options->max_reduction != 0, {"adaptive"}},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i].is_set && !takes(&all[i], strategy)) {
            const char *second = all[i].owners[1];
            return augsi_fail(error, AUGS_E_ARGUMENT,
                              "strategy %s: '%s' is not taken, it belongs to %s%s%s", strategy,
                              all[i].option, all[i].owners[0], second != NULL ? " and " : "",
                              second != NULL ? second : "");
        }
    }
    if (options->last_batch > AUGS_LAST_BATCH_MERGE) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "strategy %s: last_batch %u; accepted: 0 keep, 1 drop, 2 fill, 3 merge",
                          strategy, options->last_batch);
    }
    if (options->reserved != 0) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "strategy %s: 'reserved' is %u; it has to be 0",
                          strategy, options->reserved);
    }
    return AUGS_OK;
}

/* ---- sizes ---- */

/* AUGS_E_ARGUMENT if the batch_size that was given lies outside of [min, max]. */
static int check_batch_size(const char *strategy, const augs_strategy_options *options,
                            uint64_t min, uint64_t max, augs_error *error)
{
    const uint64_t size = options->batch_size;
    const bool no_limit = options->max_batch_size == 0 && max >= AUGS_MAX_SAMPLES;
    /* 0: the size of the strategy itself */
    if (size == 0 || (size >= min && (size <= max || no_limit))) {
        return AUGS_OK;
    }
    if (size < min) {
        return augsi_fail(
            error, AUGS_E_ARGUMENT,
            "strategy %s: batch size %llu is below min_batch_size %llu; accepted: min to max",
            strategy, (unsigned long long)size, (unsigned long long)min);
    }
    return augsi_fail(
        error, AUGS_E_ARGUMENT,
        "strategy %s: batch size %llu is above max_batch_size %llu%s; accepted: min to max",
        strategy, (unsigned long long)size, (unsigned long long)max,
        options->max_batch_size == 0 ? ", the default" : "");
}

int augsi_size_limits_init(augsi_size_limits *limits, const char *strategy,
                           const augs_strategy_options *options, uint64_t default_max,
                           augs_error *error)
{
    const uint64_t step = options->multiple_of != 0 ? options->multiple_of : 1;
    const uint64_t min = options->min_batch_size != 0 ? options->min_batch_size : 1;
    const uint64_t low = (min - 1) / step + 1; /* in multiples of `step`, as `high` */
    uint64_t max = options->max_batch_size;
    if (max == 0) { /* a minimum above the default is a wish for larger batches */
        const uint64_t least = low <= AUGS_MAX_SAMPLES / step ? low * step : min;
        max = least > default_max ? least : default_max;
    }
    max = max < AUGS_MAX_SAMPLES ? max : AUGS_MAX_SAMPLES;
    if (min > max) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "strategy %s: min_batch_size %llu is above max_batch_size %llu%s",
                          strategy, (unsigned long long)min, (unsigned long long)max,
                          max != options->max_batch_size ? ", the largest there is" : "");
    }
    int status = check_batch_size(strategy, options, min, max, error);
    if (status < 0) {
        return status;
    }
    const uint64_t high = max / step;
    if (low > high) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "strategy %s: no multiple of %llu lies between min_batch_size %llu and "
                          "max_batch_size %llu",
                          strategy, (unsigned long long)step, (unsigned long long)min,
                          (unsigned long long)max);
    }
    *limits = (augsi_size_limits){.min = low * step,
                                  .max = high * step,
                                  .multiple_of = step,
                                  .last_batch = options->last_batch};
    return AUGS_OK;
}

uint64_t augsi_size_fit(const augsi_size_limits *limits, uint64_t size)
{
    const uint64_t down = size - size % limits->multiple_of;
    return down < limits->min ? limits->min : down > limits->max ? limits->max : down;
}

int augsi_size_whole(const char *strategy, uint64_t size, uint32_t world_size, uint64_t *ret_whole,
                     augs_error *error)
{
    if (!augsi_mul_u64(size, world_size, ret_whole)) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "strategy %s: batches of %llu samples for %u ranks are too large; the "
                          "product has to be below 2^64",
                          strategy, (unsigned long long)size, world_size);
    }
    return AUGS_OK;
}

uint64_t augsi_size_merge(const augsi_size_limits *limits, uint64_t size, uint32_t world_size,
                          uint64_t left, uint64_t most)
{
    const uint64_t step = limits->multiple_of;
    if (augsi_groups_of(left, world_size) <= (most < limits->max ? most : limits->max)) {
        return left;
    }
    /* the last one may be of any length, the one before keeps min and multiple_of */
    const uint64_t half = left / world_size / 2, down = half - half % step;
    const uint64_t up = down + step;
    const uint64_t below = down * world_size, above = up * world_size;
    const bool down_is_nearer = left - 2 * below < (2 * above > left ? 2 * above - left : left);
    uint64_t first = down_is_nearer ? down : up;
    if (first < limits->min || first == 0 ||
        augsi_groups_of(left - first * world_size, world_size) > limits->max) {
        first = up;
    }
    first = first < limits->min ? limits->min : first;
    return (first < size ? first : size) * world_size;
}

int augsi_size_span(const augsi_size_limits *limits, const char *strategy,
                    const augs_plan_facts *facts, uint64_t size, uint64_t most, augs_span *ret_span,
                    uint64_t *ret_full, augs_error *error)
{
    uint64_t whole = 0;
    if (facts->position >= facts->n_samples) {
        return 0;
    }
    int status = augsi_size_whole(strategy, size, facts->world_size, &whole, error);
    if (status < 0) {
        return status;
    }
    const uint64_t left = facts->n_samples - facts->position;
    uint64_t count = whole < left ? whole : left;
    if (count < whole && limits->last_batch == AUGS_LAST_BATCH_DROP) {
        if (left / facts->world_size < limits->min) {
            return 0;
        }
        count = augsi_size_fit(limits, left / facts->world_size) * facts->world_size;
    }
    if (limits->last_batch == AUGS_LAST_BATCH_MERGE && left > whole && left - whole < whole) {
        count = augsi_size_merge(limits, size, facts->world_size, left, most);
    }
    *ret_span = (augs_span){.first = facts->position, .stride = 1, .count = count};
    *ret_full = limits->last_batch == AUGS_LAST_BATCH_FILL ? whole : count;
    return 1;
}
