/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/sized_struct.h"
#include "strategies/shipped_strategies.h"

static const augs_strategy_ops *const strategies[] = {
    &augsi_strategy_adaptive, &augsi_strategy_memory_optimized, &augsi_strategy_round_robin,
    &augsi_strategy_sequential};

/* In the order of `strategies`. */
static const augs_strategy_options *const defaults[] = {
    &augsi_adaptive_defaults, &augsi_memory_optimized_defaults, &augsi_round_robin_defaults,
    &augsi_sequential_defaults};

#define N_STRATEGIES (sizeof strategies / sizeof strategies[0])

uint32_t augs_strategy_count(void)
{
    return N_STRATEGIES;
}

const char *augs_strategy_name(uint32_t index)
{
    return index < N_STRATEGIES ? strategies[index]->name : NULL;
}

int augs_strategy_find(const char *name, const augs_strategy_ops **ret_ops, augs_error *error)
{
    if (name == NULL || ret_ops == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "strategy: name and ret_ops are required");
    }
    const char *names[N_STRATEGIES];
    char list[160] = "";
    for (size_t i = 0; i < N_STRATEGIES; i++) {
        names[i] = strategies[i]->name;
        if (strcmp(names[i], name) == 0) {
            *ret_ops = strategies[i];
            return AUGS_OK;
        }
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", used > 0 ? ", " : "", names[i]);
    }
    const char *nearest = augsi_nearest(name, names, N_STRATEGIES);
    return augsi_fail(error, AUGS_E_NOT_FOUND,
                      "strategy '%.60s': no such strategy%s%s%s; accepted: %s", name,
                      nearest != NULL ? ", did you mean '" : "", nearest != NULL ? nearest : "",
                      nearest != NULL ? "'?" : "", list);
}

int augs_strategy_defaults(const char *name, augs_strategy_options *ret_options, augs_error *error)
{
    const augs_strategy_ops *ops = NULL;
    int status = AUGSI_CHECK_OUTPUT(augs_strategy_options, ret_options, error);
    status = status < 0 ? status : augs_strategy_find(name, &ops, error);
    for (size_t i = 0; status == AUGS_OK && i < N_STRATEGIES; i++) {
        if (strategies[i] == ops) {
            AUGSI_GIVE(augs_strategy_options, defaults[i], ret_options);
        }
    }
    return status;
}

augsi_layout_function *augsi_strategy_layout(const augs_strategy_ops *ops)
{
    return ops == &augsi_strategy_sequential    ? augsi_sequential_layout
           : ops == &augsi_strategy_round_robin ? augsi_round_robin_layout
                                                : NULL;
}

int augsi_strategy_check_batch_size(const char *strategy, const augs_strategy_options *options,
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

int augsi_strategy_fit_size(const char *strategy, const augs_strategy_options *options,
                            uint64_t *size, augs_error *error)
{
    uint64_t min = options->min_batch_size != 0 ? options->min_batch_size : 1;
    uint64_t max = options->max_batch_size != 0 ? options->max_batch_size : UINT64_MAX;
    uint64_t step = options->multiple_of != 0 ? options->multiple_of : 1;
    if (min > max) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "strategy %s: min_batch_size %llu is above max_batch_size %llu", strategy,
                          (unsigned long long)min, (unsigned long long)max);
    }
    int status = augsi_strategy_check_batch_size(strategy, options, min, max, error);
    if (status < 0) {
        return status;
    }
    uint64_t fitted = *size < min ? min : *size > max ? max : *size;
    uint64_t down = fitted / step * step;
    if (down < min) {
        down = down <= UINT64_MAX - step ? down + step : 0;
    }
    if (down < min || down > max) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "strategy %s: no multiple of %llu lies between min_batch_size %llu and "
                          "max_batch_size %llu",
                          strategy, (unsigned long long)step, (unsigned long long)min,
                          (unsigned long long)max);
    }
    *size = down;
    return AUGS_OK;
}

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
