/* SPDX-License-Identifier: Apache-2.0 */
/* Options of batches: sizes, the last one, and what strategies learn from. */
#include <stdio.h>
#include <string.h>

#include <augstream/augstream.h>

#include "cli/options/option_rows.h"

/* ---- names ---- */

static const char *strategy_name(uint32_t index)
{
    return augs_strategy_name(index);
}

static bool is_fixed(const char *strategy)
{
    const augs_strategy_ops *ops = NULL;
    return augs_strategy_find(strategy, &ops, NULL) == AUGS_OK &&
           (ops->flags & AUGS_STRATEGY_FIXED) != 0;
}

static const char *fixed_strategy_name(uint32_t index)
{
    const char *name;
    for (uint32_t i = 0; (name = augs_strategy_name(i)) != NULL; i++) {
        if (is_fixed(name) && index-- == 0) {
            return name;
        }
    }
    return NULL;
}

NAMES(memory_rule_name, "budget", "published")          /* AUGS_MEMORY_RULE_... */
NAMES(last_batch_name, "keep", "drop", "fill", "merge") /* AUGS_LAST_BATCH_... */

/* ---- defaults that the library has ---- */

typedef double strategy_number(const augs_strategy_options *of);

static double batch_size_of(const augs_strategy_options *of)
{
    return (double)of->batch_size;
}

static double max_of(const augs_strategy_options *of)
{
    return (double)of->max_batch_size;
}

/* "sequential 32, adaptive 16": of the strategies that the command takes and that have one. */
static void list_defaults(enum command_id at, strategy_number *number, char *ret_text,
                          size_t n_bytes)
{
    const char *name;
    size_t used = 0;
    ret_text[0] = '\0';
    for (uint32_t i = 0; (name = augs_strategy_name(i)) != NULL && used < n_bytes; i++) {
        augs_strategy_options defaults = {.size = sizeof defaults};
        if ((at == CMD_SERVE && !is_fixed(name)) ||
            augs_strategy_defaults(name, &defaults, NULL) < 0 || !(number(&defaults) > 0)) {
            continue;
        }
        used += (size_t)snprintf(ret_text + used, n_bytes - used, "%s%s %.9g", used > 0 ? ", " : "",
                                 name, number(&defaults));
    }
}

static void batch_size_defaults(enum command_id at, char *ret_text, size_t n_bytes)
{
    list_defaults(at, batch_size_of, ret_text, n_bytes);
}

static void max_defaults(enum command_id at, char *ret_text, size_t n_bytes)
{
    list_defaults(at, max_of, ret_text, n_bytes);
    size_t used = strlen(ret_text);
    snprintf(ret_text + used, n_bytes - used, "%s", used > 0 ? ", others no limit" : "no limit");
}

/* One number that one strategy has. */
#define STRATEGY_DEFAULT(function, strategy, member)                                               \
    static void function(enum command_id at, char *ret_text, size_t n_bytes)                       \
    {                                                                                              \
        (void)at;                                                                                  \
        augs_strategy_options defaults = {.size = sizeof defaults};                                \
        augs_strategy_defaults(strategy, &defaults, NULL);                                         \
        snprintf(ret_text, n_bytes, "%.9g", (double)defaults.member);                              \
    }

STRATEGY_DEFAULT(min_default, "sequential", min_batch_size)
STRATEGY_DEFAULT(multiple_of_default, "sequential", multiple_of)
STRATEGY_DEFAULT(safety_default, "memory_optimized", memory_safety)
STRATEGY_DEFAULT(target_memory_default, "adaptive", target_memory)
STRATEGY_DEFAULT(growth_default, "adaptive", max_growth)
STRATEGY_DEFAULT(reduction_default, "adaptive", max_reduction)

static void memory_rule_default(enum command_id at, char *ret_text, size_t n_bytes)
{
    (void)at;
    augs_strategy_options defaults = {.size = sizeof defaults};
    augs_strategy_defaults("memory_optimized", &defaults, NULL);
    snprintf(ret_text, n_bytes, "%s", memory_rule_name(defaults.memory_rule));
}

/* ---- batches ---- */

const option option_strategy = {
    .name = "strategy",
    .group = GROUP_BATCHES,
    .uses = {{.commands = AT(GENERATE),
              .kind = KIND_NAME,
              .value = "X",
              .names = strategy_name,
              .help = "strategy that cuts positions into batches",
              .fallback = "sequential"},
             {.commands = AT(PLAN),
              .required = true,
              .kind = KIND_NAME,
              .value = "X",
              .names = strategy_name,
              .help = "strategy that decides the size of each batch"},
             {.commands = AT(SERVE),
              .kind = KIND_NAME,
              .value = "X",
              .names = fixed_strategy_name,
              .help = "strategy that cuts positions into batches; those that learn are not "
                      "accepted, since every server of a job has to plan the same",
              .fallback = "sequential"},
             {.commands = AT(BENCH_STRATEGIES),
              .kind = KIND_LIST,
              .value = "X[:OPTION=V,...]",
              .names = strategy_name,
              .help = "strategy to compare, with options of its own, such as "
                      "'round_robin:batches=10'; may be repeated",
              .accepted = "NAME or NAME:OPTION=VALUE,..., such as 'round_robin:batches=10'",
              .without = "every strategy"}}};

const option option_batch_size = {
    .name = "batch-size",
    .group = GROUP_BATCHES,
    .uses = {{.commands = AT(SERVE),
              .kind = KIND_WHOLE,
              .value = "B",
              .least = 1,
              .most = LARGEST_SIZE,
              .owners = "sequential",
              .help = "samples per batch and rank",
              .ask_without = batch_size_defaults},
             {.commands = SIZED,
              .kind = KIND_WHOLE,
              .value = "B",
              .least = 1,
              .most = LARGEST_SIZE,
              .owners = "sequential, memory_optimized, adaptive",
              .help = "samples per batch; strategies that learn start with this size",
              .ask_without = batch_size_defaults}}};

const option option_global_batch_size = {
    .name = "global-batch-size",
    .group = GROUP_BATCHES,
    .uses = {{.commands = AT(SERVE),
              .kind = KIND_WHOLE,
              .value = "G",
              .least = 1,
              .most = LARGEST_SIZE,
              .help = "samples per batch over all ranks together, in place of --batch-size; has to "
                      "be a multiple of --world-size",
              .without = "--batch-size decides"}}};

const option option_min = {
    .name = "min-batch-size",
    .earlier = "min",
    .group = GROUP_BATCHES,
    .uses = {{.commands = SIZED | AT(SERVE),
              .kind = KIND_WHOLE,
              .value = "N",
              .least = 1,
              .most = LARGEST_SIZE,
              .help = "smallest batch in samples; only the last batch may be smaller",
              .ask_without = min_default}}};

const option option_max = {.name = "max-batch-size",
                           .earlier = "max",
                           .group = GROUP_BATCHES,
                           .uses = {{.commands = SIZED | AT(SERVE),
                                     .kind = KIND_WHOLE,
                                     .value = "N",
                                     .least = 1,
                                     .most = LARGEST_SIZE,
                                     .help = "largest batch in samples",
                                     .ask_without = max_defaults}}};

const option option_multiple_of = {
    .name = "multiple-of",
    .group = GROUP_BATCHES,
    .uses = {{.commands = SIZED | AT(SERVE),
              .kind = KIND_WHOLE,
              .value = "N",
              .least = 1,
              .most = LARGEST_SIZE,
              .owners = "sequential, memory_optimized, adaptive",
              .help = "make the size of every batch but the last one a multiple of N",
              .ask_without = multiple_of_default}}};

const option option_last_batch = {
    .name = "last-batch",
    .group = GROUP_BATCHES,
    .uses = {{.commands = PLANS,
              .kind = KIND_NAME,
              .value = "HOW",
              .names = last_batch_name,
              .help = "what to do with a last batch that is not full: keep it, drop it, fill it up "
                      "with the first positions, or merge it with the batch before it",
              .fallback = "keep"}}};

const option option_drop_last = {
    .name = "drop-last",
    .group = GROUP_BATCHES,
    .uses = {{.commands = PLANS, .kind = KIND_FLAG, .help = "same as --last-batch drop"}}};

const option option_batches = {.name = "batches",
                               .group = GROUP_BATCHES,
                               .uses = {{.commands = PLANS,
                                         .kind = KIND_WHOLE,
                                         .value = "N",
                                         .least = 1,
                                         .most = LARGEST_SIZE,
                                         .owners = "round_robin",
                                         .help = "number of batches to make",
                                         .without = "required with --strategy round_robin"}}};

const option option_sizes = {.name = "sizes",
                             .group = GROUP_BATCHES,
                             .uses = {{.commands = AT(BENCH_BATCH_SIZE),
                                       .kind = KIND_TEXT,
                                       .value = "N,N...",
                                       .help = "batch sizes to compare",
                                       .accepted = "whole numbers with commas between them",
                                       .fallback = "1,4,8,16,32"}}};

const option option_deal_window = {.name = "deal-window",
                                   .earlier = "window",
                                   .group = GROUP_BATCHES,
                                   .uses = {{.commands = PLANS,
                                             .kind = KIND_WHOLE,
                                             .value = "N",
                                             .least = 1,
                                             .most = LARGEST_SIZE,
                                             .owners = "round_robin",
                                             .help = "number of samples to deal out at a time",
                                             .without = "the whole stream at once"}}};

/* ---- strategies that learn ---- */

const option option_max_memory = {
    .name = "max-memory-mb",
    .group = GROUP_LEARNING,
    .uses = {
        {.commands = SIZED,
         .kind = KIND_DECIMAL,
         .value = "MB",
         .decimals = {0, 999999999, true},
         .owners = "memory_optimized, adaptive",
         .help = "most memory that a batch may need at its consumer, in units of 1,000,000 bytes",
         .without = "the memory that the machine has left"}}};

const option option_safety = {.name = "memory-safety",
                              .earlier = "safety",
                              .group = GROUP_LEARNING,
                              .uses = {{.commands = SIZED,
                                        .kind = KIND_DECIMAL,
                                        .value = "PART",
                                        .decimals = {0, 1, true},
                                        .owners = "memory_optimized",
                                        .help = "part of the available memory to use",
                                        .ask_without = safety_default}}};

const option option_memory_rule = {
    .name = "memory-rule",
    .group = GROUP_LEARNING,
    .uses = {{.commands = SIZED,
              .kind = KIND_NAME,
              .value = "RULE",
              .names = memory_rule_name,
              .owners = "memory_optimized",
              .help = "rule for the size: by bytes per sample (budget), or by published thresholds "
                      "of free memory (published)",
              .ask_fallback = memory_rule_default}}};

const option option_target_latency = {.name = "target-latency",
                                      .group = GROUP_LEARNING,
                                      .uses = {{.commands = SIZED,
                                                .kind = KIND_DECIMAL,
                                                .value = "SECONDS",
                                                .decimals = {0, 999999999, true},
                                                .owners = "adaptive",
                                                .help = "longest time that a batch may take",
                                                .without = "no target"}}};

const option option_target_memory = {.name = "target-memory",
                                     .group = GROUP_LEARNING,
                                     .uses = {{.commands = SIZED,
                                               .kind = KIND_DECIMAL,
                                               .value = "PART",
                                               .decimals = {0, 1, true},
                                               .owners = "adaptive",
                                               .help = "part of the memory limit to stay within",
                                               .ask_without = target_memory_default}}};

const option option_growth = {
    .name = "max-growth",
    .earlier = "growth",
    .group = GROUP_LEARNING,
    .uses = {{.commands = SIZED,
              .kind = KIND_DECIMAL,
              .value = "FACTOR",
              .decimals = {1, 16, true},
              .owners = "adaptive",
              .help = "largest factor by which one trial may multiply the size",
              .ask_without = growth_default}}};

const option option_reduction = {
    .name = "max-reduction",
    .earlier = "reduction",
    .group = GROUP_LEARNING,
    .uses = {{.commands = SIZED,
              .kind = KIND_DECIMAL,
              .value = "FACTOR",
              .decimals = {1. / 16, 0.999999999, false},
              .owners = "adaptive",
              .help = "smallest factor by which one trial may multiply the size",
              .ask_without = reduction_default}}};
