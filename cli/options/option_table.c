/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the options. The rows stand by their groups in options_of_*.c. */
#include "cli/options/option_rows.h"

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

/* An option of OPTIONS without its row does not link. */
const option *const options[N_OPTIONS] = {
#define ROW(ID, name) [OPT_##ID] = &option_##name,
    OPTIONS(ROW)
#undef ROW
};
