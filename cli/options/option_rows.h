/* SPDX-License-Identifier: Apache-2.0 */
/* What the rows of the options share: sets of commands, and words that stand in several rows. */
#ifndef AUGSTREAM_CLI_OPTION_ROWS_H
#define AUGSTREAM_CLI_OPTION_ROWS_H

#include "cli/options/options.h"

/* Sets of commands, for option_use.commands. */
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

#define A_PRESET "a shipped preset (see augstream presets list), a file, or - for stdin"

/* The index-th of some names, as a function for option_use.names. */
#define NAMES(function, ...)                                                                       \
    static const char *function(uint32_t index)                                                    \
    {                                                                                              \
        static const char *const names[] = {__VA_ARGS__};                                          \
        return index < sizeof names / sizeof names[0] ? names[index] : NULL;                       \
    }

#define DECLARE(ID, name) extern const option option_##name;
OPTIONS(DECLARE)
#undef DECLARE

#endif
