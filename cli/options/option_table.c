/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row per option. Parser, help, man page, completions and the tests read it; what an option is
 * to several commands stands in one row. A default that the library has is asked from the library.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <augstream/augstream.h>

#include "cli/options/options.h"

#define AT(id) (1u << CMD_##id)
#define STREAM (AT(GENERATE) | AT(SERVE))
#define DECIDES (AT(GENERATE) | AT(PLAN))
#define PLANS (STREAM | AT(PLAN))
#define BENCH (AT(BENCH_STRATEGIES) | AT(BENCH_BATCH_SIZE))
#define SIZED (DECIDES | AT(BENCH_STRATEGIES)) /* take the sizes of every strategy */
#define PLACED (AT(SUBSCRIBE) | AT(ENV))
#define PRESETS (AT(PRESETS_LIST) | AT(PRESETS_SHOW) | AT(PRESETS_CHECK))
#define FILES (AT(VERIFY) | AT(INSPECT))
#define EVERY ((1u << N_COMMANDS) - 1)
#define LARGEST_SIZE (1ull << 40)

const char *const group_titles[N_GROUPS] = {
    [GROUP_STREAM] = "The stream",
    [GROUP_BATCHES] = "Batches",
    [GROUP_LEARNING] = "Strategies that learn",
    [GROUP_PLANS] = "Feedback and journals",
    [GROUP_CONSUMER] = "The simulated consumer",
    [GROUP_RANKS] = "Ranks and shards",
    [GROUP_NETWORK] = "Network",
    [GROUP_OUTPUT] = "Output",
    [GROUP_GENERAL] = "General",
};

/* ---- names ---- */

static const char *preset_name(uint32_t index)
{
    return augs_shipped_preset_name(index);
}

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

static const char *format_name(uint32_t index)
{
    return augs_format_name(augs_format_at(index));
}

static const char *record_format_name(uint32_t index)
{
    for (uint32_t i = 0, found = 0; augs_format_at(i) != 0; i++) {
        const uint32_t format = augs_format_at(i);
        if ((augs_format_flags(format) & AUGS_FORMAT_HOLDS_RECORDS) != 0 && found++ == index) {
            return augs_format_name(format);
        }
    }
    return NULL;
}

#define NAMES(function, ...)                                                                       \
    static const char *function(uint32_t index)                                                    \
    {                                                                                              \
        static const char *const names[] = {__VA_ARGS__};                                          \
        return index < sizeof names / sizeof names[0] ? names[index] : NULL;                       \
    }

NAMES(memory_rule_name, "budget", "published")          /* AUGS_MEMORY_RULE_... */
NAMES(rank_layout_name, "interleaved", "block")         /* AUGS_SHARD_... */
NAMES(last_batch_name, "keep", "drop", "fill", "merge") /* AUGS_LAST_BATCH_... */
NAMES(tail_name, "pad", "drop", "uneven")               /* AUGS_TAIL_... */
NAMES(check_name, "quick", "full")                      /* AUGS_CHECK_... */

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

static void chunk_size_default(enum command_id at, char *ret_text, size_t n_bytes)
{
    (void)at;
    snprintf(ret_text, n_bytes, "%u", AUGS_DEFAULT_CHUNK_SIZE);
}

static void steps_ahead_default(enum command_id at, char *ret_text, size_t n_bytes)
{
    (void)at;
    snprintf(ret_text, n_bytes, "%u", AUGS_DEFAULT_STEPS_AHEAD);
}

/* ---- the table ---- */

#define A_PRESET "a shipped preset (augstream presets list), a file, or - for stdin"

const option options[N_OPTIONS] = {
    [OPT_PRESET] = {.name = "preset",
                    .group = GROUP_STREAM,
                    .uses = {{.commands = STREAM,
                              .required = true,
                              .kind = KIND_TEXT,
                              .value = "P",
                              .names = preset_name,
                              .is_path = true,
                              .help = "the preset, " A_PRESET,
                              .accepted = A_PRESET},
                             {.commands = AT(PLAN),
                              .kind = KIND_TEXT,
                              .value = "P",
                              .names = preset_name,
                              .is_path = true,
                              .help = "plans for the stream of this preset, " A_PRESET,
                              .accepted = A_PRESET,
                              .without = "sizes only, of no stream"},
                             {.commands = BENCH,
                              .kind = KIND_TEXT,
                              .value = "P",
                              .names = preset_name,
                              .is_path = true,
                              .help = "the preset of the records, " A_PRESET,
                              .accepted = A_PRESET,
                              .fallback = "moderate"}}},
    [OPT_SEED] = {.name = "seed",
                  .group = GROUP_STREAM,
                  .uses = {{.commands = STREAM,
                            .required = true,
                            .kind = KIND_WHOLE,
                            .value = "S",
                            .most = UINT64_MAX,
                            .help = "the stream's seed"},
                           {.commands = AT(PLAN),
                            .kind = KIND_WHOLE,
                            .value = "S",
                            .most = UINT64_MAX,
                            .help = "the stream's seed, together with --preset",
                            .without = "none, and --preset is not accepted"},
                           {.commands = BENCH,
                            .kind = KIND_WHOLE,
                            .value = "S",
                            .most = UINT64_MAX,
                            .help = "the stream's seed",
                            .fallback = "1"}}},
    [OPT_SAMPLES] = {.name = "samples",
                     .group = GROUP_STREAM,
                     .uses = {{.commands = AT(GENERATE),
                               .kind = KIND_TEXT,
                               .value = "N",
                               .help = "samples per epoch, or 'endless'",
                               .accepted = "a whole number, or 'endless'",
                               .without = "endless with --count, else it is required"},
                              {.commands = AT(SERVE),
                               .required = true,
                               .kind = KIND_WHOLE,
                               .value = "N",
                               .most = AUGS_MAX_SAMPLES,
                               .help = "samples per epoch"},
                              {.commands = AT(PLAN),
                               .required = true,
                               .kind = KIND_TEXT,
                               .value = "N",
                               .help = "how many positions to plan, or 'endless'",
                               .accepted = "a whole number, or 'endless'"},
                              {.commands = BENCH,
                               .kind = KIND_WHOLE,
                               .value = "N",
                               .least = 1,
                               .most = AUGS_MAX_SAMPLES,
                               .help = "samples that each candidate gets, from a fresh stream",
                               .fallback = "200000"}}},
    [OPT_EPOCH] = {.name = "epoch",
                   .group = GROUP_STREAM,
                   .uses = {{.commands = DECIDES,
                             .kind = KIND_WHOLE,
                             .value = "E",
                             .most = UINT32_MAX,
                             .help = "the epoch",
                             .fallback = "0"},
                            {.commands = AT(SERVE),
                             .kind = KIND_WHOLE,
                             .value = "E",
                             .most = UINT32_MAX,
                             .help = "the first epoch of the job",
                             .fallback = "0"}}},
    [OPT_EPOCHS] = {.name = "epochs",
                    .group = GROUP_STREAM,
                    .uses = {{.commands = AT(SERVE),
                              .kind = KIND_WHOLE,
                              .value = "K",
                              .least = 1,
                              .most = UINT32_MAX,
                              .help = "how many epochs the job has",
                              .fallback = "1"}}},
    [OPT_START] = {.name = "start",
                   .group = GROUP_STREAM,
                   .uses = {{.commands = AT(GENERATE),
                             .kind = KIND_WHOLE,
                             .value = "A",
                             .most = AUGS_MAX_SAMPLES,
                             .help = "the first position",
                             .fallback = "0"}}},
    [OPT_COUNT] = {.name = "count",
                   .group = GROUP_STREAM,
                   .uses = {{.commands = AT(GENERATE),
                             .kind = KIND_WHOLE,
                             .value = "C",
                             .least = 1,
                             .most = AUGS_MAX_SAMPLES,
                             .help = "how many positions",
                             .without = "to the end of the epoch"}}},
    [OPT_SHUFFLE] = {.name = "shuffle",
                     .group = GROUP_STREAM,
                     .uses = {{.commands = PLANS,
                               .kind = KIND_FLAG,
                               .help = "takes the samples in the epoch's shuffled order"}}},
    [OPT_SET] = {.name = "set",
                 .group = GROUP_STREAM,
                 .uses = {{.commands = PLANS | AT(PRESETS_SHOW),
                           .kind = KIND_LIST,
                           .value = "COLUMN.KIND[I]=V",
                           .help = "another number for the preset, such as "
                                   "'rotation.uniform[0]=-15'; may be repeated",
                           .accepted = "COLUMN.KIND[I]=NUMBER, such as 'rotation.uniform[0]=-15'",
                           .without = "the preset's numbers"}}},
    [OPT_STRATEGY] =
        {.name = "strategy",
         .group = GROUP_BATCHES,
         .uses = {{.commands = AT(GENERATE),
                   .kind = KIND_NAME,
                   .value = "X",
                   .names = strategy_name,
                   .help = "how positions become batches",
                   .fallback = "sequential"},
                  {.commands = AT(PLAN),
                   .required = true,
                   .kind = KIND_NAME,
                   .value = "X",
                   .names = strategy_name,
                   .help = "the strategy that decides"},
                  {.commands = AT(SERVE),
                   .kind = KIND_NAME,
                   .value = "X",
                   .names = fixed_strategy_name,
                   .help = "how positions become batches. Strategies that learn are not accepted: "
                           "every server of a job has to plan the same",
                   .fallback = "sequential"},
                  {.commands = AT(BENCH_STRATEGIES),
                   .kind = KIND_LIST,
                   .value = "X[:OPTION=V,...]",
                   .names = strategy_name,
                   .help = "a strategy to compare, with options of its own, such as "
                           "'round_robin:batches=10'; may be repeated",
                   .accepted = "NAME or NAME:OPTION=VALUE,..., such as 'round_robin:batches=10'",
                   .without = "every strategy"}}},
    [OPT_BATCH_SIZE] =
        {.name = "batch-size",
         .group = GROUP_BATCHES,
         .uses = {{.commands = AT(SERVE),
                   .kind = KIND_WHOLE,
                   .value = "B",
                   .least = 1,
                   .most = LARGEST_SIZE,
                   .owners = "sequential",
                   .help = "samples per batch of one rank",
                   .ask_without = batch_size_defaults},
                  {.commands = SIZED,
                   .kind = KIND_WHOLE,
                   .value = "B",
                   .least = 1,
                   .most = LARGEST_SIZE,
                   .owners = "sequential, memory_optimized, adaptive",
                   .help = "samples per batch; for strategies that learn, those of the first batch",
                   .ask_without = batch_size_defaults}}},
    [OPT_GLOBAL_BATCH_SIZE] = {.name = "global-batch-size",
                               .group = GROUP_BATCHES,
                               .uses = {{.commands = AT(SERVE),
                                         .kind = KIND_WHOLE,
                                         .value = "G",
                                         .least = 1,
                                         .most = LARGEST_SIZE,
                                         .help = "samples per batch over all ranks, instead of "
                                                 "--batch-size; a multiple of --world-size",
                                         .without = "--batch-size holds"}}},
    [OPT_MIN] = {.name = "min-batch-size",
                 .earlier = "min",
                 .group = GROUP_BATCHES,
                 .uses = {{.commands = SIZED | AT(SERVE),
                           .kind = KIND_WHOLE,
                           .value = "N",
                           .least = 1,
                           .most = LARGEST_SIZE,
                           .help = "least samples per batch; only the last batch may be smaller",
                           .ask_without = min_default}}},
    [OPT_MAX] = {.name = "max-batch-size",
                 .earlier = "max",
                 .group = GROUP_BATCHES,
                 .uses = {{.commands = SIZED | AT(SERVE),
                           .kind = KIND_WHOLE,
                           .value = "N",
                           .least = 1,
                           .most = LARGEST_SIZE,
                           .help = "most samples per batch",
                           .ask_without = max_defaults}}},
    [OPT_MULTIPLE_OF] = {.name = "multiple-of",
                         .group = GROUP_BATCHES,
                         .uses = {{.commands = SIZED | AT(SERVE),
                                   .kind = KIND_WHOLE,
                                   .value = "N",
                                   .least = 1,
                                   .most = LARGEST_SIZE,
                                   .owners = "sequential, memory_optimized, adaptive",
                                   .help = "makes the size of every batch but the last one a "
                                           "multiple of N",
                                   .ask_without = multiple_of_default}}},
    [OPT_LAST_BATCH] = {.name = "last-batch",
                        .group = GROUP_BATCHES,
                        .uses = {{.commands = PLANS,
                                  .kind = KIND_NAME,
                                  .value = "HOW",
                                  .names = last_batch_name,
                                  .help = "what happens to a last batch that is not full: it is "
                                          "kept, left out, filled up with the first positions, or "
                                          "joined to the batch before it",
                                  .fallback = "keep"}}},
    [OPT_DROP_LAST] =
        {.name = "drop-last",
         .group = GROUP_BATCHES,
         .uses = {{.commands = PLANS, .kind = KIND_FLAG, .help = "the same as --last-batch drop"}}},
    [OPT_BATCHES] = {.name = "batches",
                     .group = GROUP_BATCHES,
                     .uses = {{.commands = PLANS,
                               .kind = KIND_WHOLE,
                               .value = "N",
                               .least = 1,
                               .most = LARGEST_SIZE,
                               .owners = "round_robin",
                               .help = "how many batches",
                               .without = "required with round_robin"}}},
    [OPT_SIZES] = {.name = "sizes",
                   .group = GROUP_BATCHES,
                   .uses = {{.commands = AT(BENCH_BATCH_SIZE),
                             .kind = KIND_TEXT,
                             .value = "N,N...",
                             .help = "the batch sizes to compare",
                             .accepted = "whole numbers with commas between them",
                             .fallback = "1,4,8,16,32"}}},
    [OPT_DEAL_WINDOW] = {.name = "deal-window",
                         .earlier = "window",
                         .group = GROUP_BATCHES,
                         .uses = {{.commands = PLANS,
                                   .kind = KIND_WHOLE,
                                   .value = "N",
                                   .least = 1,
                                   .most = LARGEST_SIZE,
                                   .owners = "round_robin",
                                   .help = "how many samples are dealt out at a time",
                                   .without = "the whole stream"}}},
    [OPT_MAX_MEMORY] = {.name = "max-memory-mb",
                        .group = GROUP_LEARNING,
                        .uses = {{.commands = SIZED,
                                  .kind = KIND_DECIMAL,
                                  .value = "MB",
                                  .decimals = {0, 999999999, true},
                                  .owners = "memory_optimized, adaptive",
                                  .help = "most memory that a batch may "
                                          "need at its consumer, in units of 1,000,000 bytes",
                                  .without = "what the machine has left"}}},
    [OPT_SAFETY] = {.name = "memory-safety",
                    .earlier = "safety",
                    .group = GROUP_LEARNING,
                    .uses = {{.commands = SIZED,
                              .kind = KIND_DECIMAL,
                              .value = "PART",
                              .decimals = {0, 1, true},
                              .owners = "memory_optimized",
                              .help = "part of the memory that is used",
                              .ask_without = safety_default}}},
    [OPT_MEMORY_RULE] = {.name = "memory-rule",
                         .group = GROUP_LEARNING,
                         .uses = {{.commands = SIZED,
                                   .kind = KIND_NAME,
                                   .value = "RULE",
                                   .names = memory_rule_name,
                                   .owners = "memory_optimized",
                                   .help = "goes by bytes per sample (budget), or "
                                           "by the published rule of thresholds",
                                   .ask_fallback = memory_rule_default}}},
    [OPT_TARGET_LATENCY] = {.name = "target-latency",
                            .group = GROUP_LEARNING,
                            .uses = {{.commands = SIZED,
                                      .kind = KIND_DECIMAL,
                                      .value = "SECONDS",
                                      .decimals = {0, 999999999, true},
                                      .owners = "adaptive",
                                      .help = "the time that a batch may take at most",
                                      .without = "no target"}}},
    [OPT_TARGET_MEMORY] = {.name = "target-memory",
                           .group = GROUP_LEARNING,
                           .uses = {{.commands = SIZED,
                                     .kind = KIND_DECIMAL,
                                     .value = "PART",
                                     .decimals = {0, 1, true},
                                     .owners = "adaptive",
                                     .help = "part of the memory limit to stay within",
                                     .ask_without = target_memory_default}}},
    [OPT_GROWTH] = {.name = "max-growth",
                    .earlier = "growth",
                    .group = GROUP_LEARNING,
                    .uses = {{.commands = SIZED,
                              .kind = KIND_DECIMAL,
                              .value = "FACTOR",
                              .decimals = {1, 16, true},
                              .owners = "adaptive",
                              .help = "the largest step of a trial upwards",
                              .ask_without = growth_default}}},
    [OPT_REDUCTION] = {.name = "max-reduction",
                       .earlier = "reduction",
                       .group = GROUP_LEARNING,
                       .uses = {{.commands = SIZED,
                                 .kind = KIND_DECIMAL,
                                 .value = "FACTOR",
                                 .decimals = {1. / 16, 0.999999999, false},
                                 .owners = "adaptive",
                                 .help = "the largest step of a trial downwards",
                                 .ask_without = reduction_default}}},
    [OPT_SAMPLE_BYTES] = {.name = "sample-bytes",
                          .group = GROUP_PLANS,
                          .uses = {{.commands = AT(PLAN),
                                    .kind = KIND_WHOLE,
                                    .value = "N",
                                    .most = LARGEST_SIZE,
                                    .help = "bytes per record, beside what feedback reports",
                                    .without = "the stream's, or 0 without --preset"}}},
    [OPT_LATE] = {.name = "late",
                  .group = GROUP_PLANS,
                  .uses = {{.commands = AT(PLAN),
                            .kind = KIND_WHOLE,
                            .value = "N",
                            .most = AUGS_FEEDBACK_BATCHES - 1,
                            .help = "feedback comes up to N batches late: so many more lines of it "
                                    "are read after the last span",
                            .without = "0"}}},
    [OPT_JOURNAL] = {.name = "journal",
                     .group = GROUP_PLANS,
                     .uses = {{.commands = DECIDES,
                               .kind = KIND_TEXT,
                               .value = "FILE",
                               .is_path = true,
                               .owners = "memory_optimized, adaptive",
                               .help =
                                   "writes every decision to FILE "
                                   "before it counts; decisions that FILE has are taken from it",
                               .accepted = "a journal, or a new file in a folder that exists",
                               .without = "no journal"}}},
    [OPT_REPLAY] = {.name = "replay",
                    .group = GROUP_PLANS,
                    .uses = {{.commands = DECIDES,
                              .kind = KIND_TEXT,
                              .value = "FILE",
                              .is_path = true,
                              .help = "runs exactly the decisions of that journal again",
                              .accepted = "a file that --journal wrote",
                              .without = "the strategy decides"}}},
    [OPT_METRICS] = {.name = "metrics",
                     .group = GROUP_PLANS,
                     .uses = {{.commands = AT(GENERATE),
                               .kind = KIND_TEXT,
                               .value = "FILE",
                               .is_path = true,
                               .help =
                                   "writes size, seconds, memory and reason of each batch at the "
                                   "end, as JSON Lines",
                               .accepted = "a file that can be written",
                               .without = "no metrics"}}},
    [OPT_COST] = {.name = "cost",
                  .group = GROUP_CONSUMER,
                  .uses = {{.commands = BENCH,
                            .kind = KIND_TEXT,
                            .value = "A,B[,C,N0]",
                            .help = "the consumer's seconds per batch of n samples: A + B n + C "
                                    "max(0, n - N0). They are added to the clock, not slept",
                            .accepted = "A,B or A,B,C,N0, decimal numbers from 0",
                            .fallback = "0,0"}}},
    [OPT_COST_BYTES] = {.name = "cost-bytes",
                        .group = GROUP_CONSUMER,
                        .uses = {{.commands = BENCH,
                                  .kind = KIND_TEXT,
                                  .value = "M0,M",
                                  .help = "the consumer's bytes per batch of n samples: M0 + M n",
                                  .accepted = "M0,M, decimal numbers from 0",
                                  .fallback = "0,0"}}},
    [OPT_RANK] = {.name = "rank",
                  .group = GROUP_RANKS,
                  .uses = {{.commands = PLACED,
                            .kind = KIND_WHOLE,
                            .value = "R",
                            .most = UINT32_MAX - 1,
                            .help = "this rank, from 0; together with --world-size",
                            .without = "what the launcher says, else 0"},
                           {.commands = AT(GENERATE),
                            .kind = KIND_WHOLE,
                            .value = "R",
                            .most = UINT32_MAX - 1,
                            .help = "writes the batches of this rank, from 0; together with "
                                    "--world-size",
                            .fallback = "0"}}},
    [OPT_WORLD_SIZE] =
        {.name = "world-size",
         .group = GROUP_RANKS,
         .uses = {{.commands = PLACED,
                   .kind = KIND_WHOLE,
                   .value = "W",
                   .least = 1,
                   .most = UINT32_MAX,
                   .help = "how many ranks there are. Without --rank it is the size of a "
                           "Kubernetes indexed job",
                   .without = "what the launcher says, else 1"},
                  {.commands = AT(SERVE),
                   .required = true,
                   .kind = KIND_WHOLE,
                   .value = "W",
                   .least = 1,
                   .most = UINT32_MAX,
                   .help = "how many ranks share the job"},
                  {.commands = DECIDES,
                   .kind = KIND_WHOLE,
                   .value = "W",
                   .least = 1,
                   .most = UINT32_MAX,
                   .help = "how many ranks share a span; sizes are per rank",
                   .fallback = "1"}}},
    [OPT_CHUNK_SHARD] =
        {.name = "chunk-shard",
         .earlier = "shard",
         .group = GROUP_RANKS,
         .uses = {{.commands = AT(GENERATE),
                   .kind = KIND_TEXT,
                   .value = "I/N|auto|auto/N",
                   .help = "makes only the chunks c with c mod N = I. auto takes I and N from the "
                           "launcher (augstream env)",
                   .accepted = "I/N with 0 <= I < N, auto, or auto/N",
                   .fallback = "0/1"}}},
    [OPT_RANK_LAYOUT] = {.name = "rank-layout",
                         .earlier = "shard",
                         .group = GROUP_RANKS,
                         .uses = {{.commands = AT(SERVE),
                                   .kind = KIND_NAME,
                                   .value = "LAYOUT",
                                   .names = rank_layout_name,
                                   .help = "how the ranks share the positions of a batch",
                                   .fallback = "interleaved"}}},
    [OPT_TAIL] = {.name = "tail",
                  .group = GROUP_RANKS,
                  .uses = {{.commands = PLANS,
                            .kind = KIND_NAME,
                            .value = "TAIL",
                            .names = tail_name,
                            .help = "a last batch that the ranks cannot share evenly goes on with "
                                    "the first positions (pad), is cut (drop), or gives some ranks "
                                    "one sample less (uneven)",
                            .fallback = "pad"}}},
    [OPT_JOB_NAME] = {.name = "job-name",
                      .group = GROUP_RANKS,
                      .uses = {{.commands = AT(SERVE),
                                .kind = KIND_TEXT,
                                .value = "NAME",
                                .help = "the name of the job",
                                .accepted = "letters, digits, '.', '_' and '-', at most 64",
                                .fallback = AUGS_DEFAULT_JOB}}},
    [OPT_JOB] = {.name = "job",
                 .group = GROUP_RANKS,
                 .uses = {{.commands = AT(SUBSCRIBE),
                           .kind = KIND_TEXT,
                           .value = "NAME",
                           .help = "the name of the job to take part in",
                           .accepted = "letters, digits, '.', '_' and '-', at most 64",
                           .fallback = AUGS_DEFAULT_JOB}}},
    [OPT_BIND] = {.name = "bind",
                  .group = GROUP_NETWORK,
                  .uses = {{.commands = AT(SERVE),
                            .kind = KIND_TEXT,
                            .value = "EP",
                            .help = "the endpoint to listen on: tcp on loopback (port 0: any free "
                                    "port), or ipc://PATH",
                            .accepted = "tcp://127.0.0.1:PORT, tcp://[::1]:PORT, or ipc://PATH",
                            .fallback = AUGS_DEFAULT_ENDPOINT}}},
    [OPT_CONNECT] = {.name = "connect",
                     .group = GROUP_NETWORK,
                     .uses = {{.commands = AT(SUBSCRIBE),
                               .required = true,
                               .kind = KIND_TEXT,
                               .value = "EP[,EP...]",
                               .help = "endpoints of the server, tried one after the other",
                               .accepted = "endpoints with commas between them, such as "
                                           "tcp://127.0.0.1:5757"}}},
    [OPT_TIMEOUT] = {.name = "timeout",
                     .group = GROUP_NETWORK,
                     .uses = {{.commands = AT(SUBSCRIBE),
                               .kind = KIND_DECIMAL,
                               .value = "SECONDS",
                               .decimals = {0, 999999999, false},
                               .help = "gives up after so many seconds without a batch; 0 is never",
                               .fallback = "60"}}},
    [OPT_STEPS_AHEAD] = {.name = "steps-ahead",
                         .earlier = "window",
                         .group = GROUP_NETWORK,
                         .uses = {{.commands = AT(SUBSCRIBE),
                                   .kind = KIND_WHOLE,
                                   .value = "STEPS",
                                   .least = 1,
                                   .most = 65536,
                                   .help = "how many batches to ask for ahead",
                                   .ask_fallback = steps_ahead_default}}},
    [OPT_FILLERS] = {.name = "fillers",
                     .group = GROUP_NETWORK,
                     .uses = {{.commands = AT(SERVE),
                               .kind = KIND_WHOLE,
                               .value = "T",
                               .least = 1,
                               .most = 1024,
                               .help = "how many threads make batches",
                               .fallback = "1"}}},
    [OPT_EXIT_WHEN_DONE] = {.name = "exit-when-done",
                            .group = GROUP_NETWORK,
                            .uses = {{.commands = AT(SERVE),
                                      .kind = KIND_FLAG,
                                      .help = "ends when every rank has said goodbye at the end of "
                                              "the job"}}},
    [OPT_RESUME] = {.name = "resume",
                    .group = GROUP_NETWORK,
                    .uses = {{.commands = AT(SUBSCRIBE),
                              .kind = KIND_TEXT,
                              .value = "TOKEN|@FILE",
                              .help = "goes on where a token says; @FILE reads a file of "
                                      "--token-file",
                              .accepted = "a token of a summary, or @FILE of --token-file",
                              .without = "the job's first batch"}}},
    [OPT_TOKEN_FILE] = {.name = "token-file",
                        .group = GROUP_NETWORK,
                        .uses = {{.commands = AT(SUBSCRIBE),
                                  .kind = KIND_TEXT,
                                  .value = "FILE",
                                  .is_path = true,
                                  .help =
                                      "keeps the token of the next batch in FILE, replaced after "
                                      "every batch",
                                  .accepted = "a file in a folder that exists",
                                  .without = "no file"}}},
    [OPT_VERIFY] = {.name = "verify",
                    .group = GROUP_OUTPUT,
                    .uses = {{.commands = AT(SUBSCRIBE),
                              .kind = KIND_FLAG,
                              .help = "makes every batch again and compares"}}},
    [OPT_OUT] = {.name = "out",
                 .group = GROUP_OUTPUT,
                 .uses = {{.commands = AT(GENERATE),
                           .kind = KIND_TEXT,
                           .value = "DIR|-",
                           .is_path = true,
                           .help = "the folder for chunk files, made or continued; - is stdout",
                           .accepted = "a folder, or - for stdout",
                           .fallback = "-"},
                          {.commands = AT(SUBSCRIBE),
                           .kind = KIND_TEXT,
                           .value = "FILE|-",
                           .is_path = true,
                           .help = "where the records go; - is stdout",
                           .accepted = "a file, or - for stdout",
                           .without = "stdout with --format, else they are only counted"}}},
    [OPT_IDS] = {.name = "ids",
                 .group = GROUP_OUTPUT,
                 .uses = {{.commands = AT(SUBSCRIBE),
                           .kind = KIND_TEXT,
                           .value = "FILE.npy",
                           .is_path = true,
                           .help = "writes the sample ids received, as a NumPy array of int64",
                           .accepted = "a file in a folder that exists",
                           .without = "no file"}}},
    [OPT_FORMAT] = {.name = "format",
                    .group = GROUP_OUTPUT,
                    .uses = {{.commands = AT(GENERATE),
                              .kind = KIND_NAME,
                              .value = "F",
                              .names = format_name,
                              .help = "of the chunk files, or of the records on stdout",
                              .without = "jsonl for stdout, safetensors for a folder"},
                             {.commands = AT(SUBSCRIBE),
                              .kind = KIND_NAME,
                              .value = "F",
                              .names = record_format_name,
                              .help = "of the records",
                              .fallback = "jsonl"}}},
    [OPT_CHUNK_SIZE] = {.name = "chunk-size",
                        .group = GROUP_OUTPUT,
                        .uses = {{.commands = AT(GENERATE),
                                  .kind = KIND_WHOLE,
                                  .value = "K",
                                  .least = 1,
                                  .most = LARGEST_SIZE,
                                  .help = "positions per chunk",
                                  .ask_fallback = chunk_size_default}}},
    [OPT_THREADS] = {.name = "threads",
                     .group = GROUP_OUTPUT,
                     .uses = {{.commands = AT(GENERATE) | AT(VERIFY),
                               .kind = KIND_WHOLE,
                               .value = "T",
                               .least = 1,
                               .most = 1024,
                               .help = "how many chunk files are worked on at a time",
                               .fallback = "1"}}},
    [OPT_CHECK] = {.name = "check",
                   .group = GROUP_OUTPUT,
                   .uses = {{.commands = AT(GENERATE),
                             .kind = KIND_NAME,
                             .value = "HOW",
                             .names = check_name,
                             .help = "when a chunk of an earlier run is kept: if its size fits "
                                     "(quick), or if its hash fits too (full)",
                             .fallback = "quick"}}},
    [OPT_DRY_RUN] = {.name = "dry-run",
                     .group = GROUP_OUTPUT,
                     .uses = {{.commands = AT(GENERATE),
                               .kind = KIND_FLAG,
                               .help = "with --out DIR: prints files, bytes and an estimate of the "
                                       "time, and writes nothing"}}},
    [OPT_FORCE] = {.name = "force",
                   .group = GROUP_OUTPUT,
                   .uses = {{.commands = AT(GENERATE),
                             .kind = KIND_FLAG,
                             .help = "writes the chunks although the file system has too little "
                                     "room"}}},
    [OPT_NO_LOCK] = {.name = "no-lock",
                     .group = GROUP_OUTPUT,
                     .uses = {{.commands = AT(GENERATE),
                               .kind = KIND_FLAG,
                               .help = "takes no lock on the shard: you make sure that no other "
                                       "process writes it"}}},
    [OPT_HASHES_ONLY] = {.name = "hashes-only",
                         .group = GROUP_OUTPUT,
                         .uses = {{.commands = AT(VERIFY),
                                   .kind = KIND_FLAG,
                                   .help =
                                       "checks the hashes and does not make the stream again"}}},
    [OPT_RECORDS] = {.name = "records",
                     .group = GROUP_OUTPUT,
                     .uses = {{.commands = AT(INSPECT),
                               .kind = KIND_WHOLE,
                               .value = "N",
                               .most = 1000000,
                               .help = "how many of the first records to show",
                               .fallback = "3"}}},
    [OPT_YAML] = {.name = "yaml",
                  .group = GROUP_OUTPUT,
                  .uses = {{.commands = AT(PRESETS_SHOW),
                            .kind = KIND_FLAG,
                            .help = "prints the preset file as it is"}}},
    [OPT_MAN] = {.name = "man",
                 .group = GROUP_OUTPUT,
                 .uses = {{.commands = AT(HELP),
                           .kind = KIND_FLAG,
                           .help = "prints the whole manual, as a man page"}}},
    [OPT_JSON] = {.name = "json",
                  .group = GROUP_OUTPUT,
                  .uses = {{.commands = AT(GENERATE),
                            .kind = KIND_FLAG,
                            .help = "prints a report on a run with --out DIR, as one JSON object"},
                           {.commands = AT(SERVE),
                            .kind = KIND_FLAG,
                            .help = "prints the endpoint and the job as one JSON object"},
                           {.commands = AT(HELP),
                            .kind = KIND_FLAG,
                            .help = "prints every command and option, as one JSON object"},
                           {.commands =
                                PRESETS | FILES | AT(SUBSCRIBE) | BENCH | AT(ENV) | AT(VERSION),
                            .kind = KIND_FLAG,
                            .help = "prints the result as one JSON object"}}},
    [OPT_JSONL] = {.name = "jsonl",
                   .group = GROUP_OUTPUT,
                   .uses = {{.commands = PRESETS | AT(VERIFY),
                             .kind = KIND_FLAG,
                             .help = "prints the result as JSON objects, one per line"}}},
    [OPT_QUIET] = {.name = "quiet",
                   .group = GROUP_GENERAL,
                   .uses = {{.commands = STREAM | FILES | AT(SUBSCRIBE) | BENCH | PRESETS,
                             .kind = KIND_FLAG,
                             .help = "prints nothing but errors on stderr"},
                            {.commands = AT(ENV),
                             .kind = KIND_FLAG,
                             .help = "prints only rank and world size"}}},
    [OPT_HELP] = {.name = "help",
                  .group = GROUP_GENERAL,
                  .uses = {{.commands = EVERY, .kind = KIND_FLAG, .help = "prints this text"}}},
};
