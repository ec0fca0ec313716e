/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/fail.h"
#include "base/sized_struct.h"
#include "base/words.h"
#include "strategies/shipped_strategies.h"

typedef struct shipped_strategy {
    const augs_strategy_ops *ops;
    const augs_strategy_options *defaults;
    augsi_layout_function *layout; /* NULL: it decides as it goes */
} shipped_strategy;

static const shipped_strategy strategies[] = {
    {.ops = &augsi_strategy_adaptive, .defaults = &augsi_adaptive_defaults},
    {.ops = &augsi_strategy_memory_optimized, .defaults = &augsi_memory_optimized_defaults},
    {.ops = &augsi_strategy_round_robin,
     .defaults = &augsi_round_robin_defaults,
     .layout = augsi_round_robin_layout},
    {.ops = &augsi_strategy_sequential,
     .defaults = &augsi_sequential_defaults,
     .layout = augsi_sequential_layout},
};

#define N_STRATEGIES (sizeof strategies / sizeof strategies[0])

uint32_t augs_strategy_count(void)
{
    return N_STRATEGIES;
}

const char *augs_strategy_name(uint32_t index)
{
    return index < N_STRATEGIES ? strategies[index].ops->name : NULL;
}

int augs_strategy_find(const char *name, const augs_strategy_ops **ret_ops, augs_error *error)
{
    if (name == NULL || ret_ops == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "strategy: name and ret_ops are required");
    }
    augsi_known_words known = {.near.word = name};
    for (size_t i = 0; i < N_STRATEGIES; i++) {
        if (strcmp(strategies[i].ops->name, name) == 0) {
            *ret_ops = strategies[i].ops;
            return AUGS_OK;
        }
        augsi_known_word(&known, strategies[i].ops->name);
    }
    return augsi_fail(error, AUGS_E_NOT_FOUND, "strategy '%.200s': no such strategy%s", name,
                      augsi_known_words_text(&known, "accepted"));
}

int augs_strategy_defaults(const char *name, augs_strategy_options *ret_options, augs_error *error)
{
    const augs_strategy_ops *ops = NULL;
    int status = AUGSI_CHECK_OUTPUT(augs_strategy_options, ret_options, error);
    status = status < 0 ? status : augs_strategy_find(name, &ops, error);
    for (size_t i = 0; status == AUGS_OK && i < N_STRATEGIES; i++) {
        if (strategies[i].ops == ops) {
            AUGSI_GIVE(augs_strategy_options, strategies[i].defaults, ret_options);
        }
    }
    return status;
}

augsi_layout_function *augsi_strategy_layout(const augs_strategy_ops *ops)
{
    for (size_t i = 0; i < N_STRATEGIES; i++) {
        if (strategies[i].ops == ops) {
            return strategies[i].layout;
        }
    }
    return NULL;
}
