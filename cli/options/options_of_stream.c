/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the stream, of feedback and journals, and of the simulated consumer. */
#include <augstream/augstream.h>

#include "cli/options/option_rows.h"

/* ---- names ---- */

static const char *preset_name(uint32_t index)
{
    return augs_shipped_preset_name(index);
}

/* ---- the stream ---- */

const option option_preset = {.name = "preset",
                              .group = GROUP_STREAM,
                              .uses = {{.commands = STREAM,
                                        .required = true,
                                        .kind = KIND_TEXT,
                                        .value = "P",
                                        .names = preset_name,
                                        .is_path = true,
                                        .help = "preset of the stream: " A_PRESET,
                                        .accepted = A_PRESET},
                                       {.commands = AT(PLAN),
                                        .kind = KIND_TEXT,
                                        .value = "P",
                                        .names = preset_name,
                                        .is_path = true,
                                        .help = "preset of the stream to plan for: " A_PRESET,
                                        .accepted = A_PRESET,
                                        .without = "sizes alone, for no stream"},
                                       {.commands = BENCH,
                                        .kind = KIND_TEXT,
                                        .value = "P",
                                        .names = preset_name,
                                        .is_path = true,
                                        .help = "preset of the records: " A_PRESET,
                                        .accepted = A_PRESET,
                                        .fallback = "moderate"}}};

const option option_seed = {.name = "seed",
                            .group = GROUP_STREAM,
                            .uses = {{.commands = STREAM,
                                      .required = true,
                                      .kind = KIND_WHOLE,
                                      .value = "S",
                                      .most = UINT64_MAX,
                                      .help = "seed of the stream"},
                                     {.commands = AT(PLAN),
                                      .kind = KIND_WHOLE,
                                      .value = "S",
                                      .most = UINT64_MAX,
                                      .help = "seed of the stream; give it with --preset",
                                      .without = "no seed, and --preset is not accepted"},
                                     {.commands = BENCH,
                                      .kind = KIND_WHOLE,
                                      .value = "S",
                                      .most = UINT64_MAX,
                                      .help = "seed of the stream",
                                      .fallback = "1"}}};

const option option_samples = {
    .name = "samples",
    .group = GROUP_STREAM,
    .uses = {{.commands = AT(GENERATE),
              .kind = KIND_TEXT,
              .value = "N",
              .help = "samples per epoch, or 'endless'",
              .accepted = "a whole number, or 'endless'",
              .without = "endless if --count is given, else it is required"},
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
              .help = "number of positions to plan, or 'endless'",
              .accepted = "a whole number, or 'endless'"},
             {.commands = BENCH,
              .kind = KIND_WHOLE,
              .value = "N",
              .least = 1,
              .most = AUGS_MAX_SAMPLES,
              .help = "samples that each candidate gets, from a fresh stream",
              .fallback = "200000"}}};

const option option_epoch = {.name = "epoch",
                             .group = GROUP_STREAM,
                             .uses = {{.commands = DECIDES,
                                       .kind = KIND_WHOLE,
                                       .value = "E",
                                       .most = UINT32_MAX,
                                       .help = "epoch of the stream",
                                       .fallback = "0"},
                                      {.commands = AT(SERVE),
                                       .kind = KIND_WHOLE,
                                       .value = "E",
                                       .most = UINT32_MAX,
                                       .help = "first epoch of the job",
                                       .fallback = "0"}}};

const option option_epochs = {.name = "epochs",
                              .group = GROUP_STREAM,
                              .uses = {{.commands = AT(SERVE),
                                        .kind = KIND_WHOLE,
                                        .value = "K",
                                        .least = 1,
                                        .most = UINT32_MAX,
                                        .help = "number of epochs in the job",
                                        .fallback = "1"}}};

const option option_start = {.name = "start",
                             .group = GROUP_STREAM,
                             .uses = {{.commands = AT(GENERATE),
                                       .kind = KIND_WHOLE,
                                       .value = "A",
                                       .most = AUGS_MAX_SAMPLES,
                                       .help = "first position to write",
                                       .fallback = "0"}}};

const option option_count = {.name = "count",
                             .group = GROUP_STREAM,
                             .uses = {{.commands = AT(GENERATE),
                                       .kind = KIND_WHOLE,
                                       .value = "C",
                                       .least = 1,
                                       .most = AUGS_MAX_SAMPLES,
                                       .help = "number of positions to write",
                                       .without = "all up to the end of the epoch"}}};

const option option_shuffle = {
    .name = "shuffle",
    .group = GROUP_STREAM,
    .uses = {{.commands = PLANS,
              .kind = KIND_FLAG,
              .help = "take the samples in the shuffled order of the epoch"}}};

const option option_set = {
    .name = "set",
    .group = GROUP_STREAM,
    .uses = {
        {.commands = PLANS | AT(PRESETS_SHOW),
         .kind = KIND_LIST,
         .value = "COLUMN.KIND[I]=V",
         .help =
             "replace a number of the preset, such as 'rotation.uniform[0]=-15'; may be repeated",
         .accepted = "COLUMN.KIND[I]=NUMBER, such as 'rotation.uniform[0]=-15'",
         .without = "the numbers of the preset"}}};

/* ---- feedback and journals ---- */

const option option_sample_bytes = {
    .name = "sample-bytes",
    .group = GROUP_PLANS,
    .uses = {{.commands = AT(PLAN),
              .kind = KIND_WHOLE,
              .value = "N",
              .most = LARGEST_SIZE,
              .help = "bytes per record, beside what feedback reports",
              .without = "those of the stream, or 0 without --preset"}}};

const option option_late = {.name = "late",
                            .group = GROUP_PLANS,
                            .uses = {{.commands = AT(PLAN),
                                      .kind = KIND_WHOLE,
                                      .value = "N",
                                      .most = AUGS_FEEDBACK_BATCHES - 1,
                                      .help = "accept feedback that comes up to N batches late: N "
                                              "more lines of it are read after the last span",
                                      .without = "0"}}};

const option option_journal = {
    .name = "journal",
    .group = GROUP_PLANS,
    .uses = {{.commands = DECIDES,
              .kind = KIND_TEXT,
              .value = "FILE",
              .is_path = true,
              .owners = "memory_optimized, adaptive",
              .help = "write every decision to FILE before it is used; decisions that FILE holds "
                      "already are taken from it",
              .accepted = "a journal, or a new file in a folder that exists",
              .without = "no journal"}}};

const option option_replay = {.name = "replay",
                              .group = GROUP_PLANS,
                              .uses = {{.commands = DECIDES,
                                        .kind = KIND_TEXT,
                                        .value = "FILE",
                                        .is_path = true,
                                        .help = "repeat the decisions of this journal exactly",
                                        .accepted = "a file that --journal wrote",
                                        .without = "the strategy decides"}}};

const option option_metrics = {.name = "metrics",
                               .group = GROUP_PLANS,
                               .uses = {{.commands = AT(GENERATE),
                                         .kind = KIND_TEXT,
                                         .value = "FILE",
                                         .is_path = true,
                                         .help = "write size, seconds, memory and reason of each "
                                                 "batch to FILE at the end, as JSON Lines",
                                         .accepted = "a file that can be written",
                                         .without = "no metrics"}}};

/* ---- the simulated consumer ---- */

const option option_cost = {
    .name = "cost",
    .group = GROUP_CONSUMER,
    .uses = {{.commands = BENCH,
              .kind = KIND_TEXT,
              .value = "A,B[,C,N0]",
              .help = "seconds that the consumer takes per batch of n samples: A + B n + C max(0, "
                      "n - N0); they are added to the clock, and nothing sleeps",
              .accepted = "A,B or A,B,C,N0, decimal numbers from 0",
              .fallback = "0,0"}}};

const option option_cost_bytes = {
    .name = "cost-bytes",
    .group = GROUP_CONSUMER,
    .uses = {{.commands = BENCH,
              .kind = KIND_TEXT,
              .value = "M0,M",
              .help = "bytes that the consumer needs per batch of n samples: M0 + M n",
              .accepted = "M0,M, decimal numbers from 0",
              .fallback = "0,0"}}};
