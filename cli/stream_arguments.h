/* SPDX-License-Identifier: Apache-2.0 */
/* What the options of several commands describe: the stream, its plan, and the place of this process. */
#ifndef AUGSTREAM_CLI_STREAM_ARGUMENTS_H
#define AUGSTREAM_CLI_STREAM_ARGUMENTS_H

#include <augstream/pipeline.h>
#include <augstream/preset.h>
#include <augstream/stream.h>

#include "cli/launcher_env.h"
#include "cli/options/options.h"

/* All return an exit status, after a message if it is not EXIT_DONE. */

/* With --set. A preset file with faults: every one of them is printed. */
int open_preset(const arguments *of, const char *name, augs_preset **ret_preset);
int open_stream(const arguments *of, uint64_t n_samples, augs_stream **ret_stream);

/* A --samples: a number or "endless" (AUGS_ENDLESS). */
int parse_samples(const char *text, uint64_t *ret_n_samples);

/* Says how many samples of an epoch no rank gets, if there are any. */
void tell_left_out(const arguments *of, uint64_t n_left_out);
/* EXIT_USAGE, after a message, if an option belongs to other strategies than the one given. */
int check_strategy_options(const arguments *of);
/* A plan that cannot be opened or continued: names --journal or --replay where it is theirs. */
int complain_plan(const arguments *of, const augs_error *error);
/* --strategy and its options; world_size, shard and tail are zero. *strategy_options must live as
 * long as *ret_plan. */
void read_plan(const arguments *of, augs_strategy_options *strategy_options,
               augs_plan_options *ret_plan);

/* Prints every fault of a preset text on stderr; returns how many, or -1 after a message. Warnings
 * are printed and counted only if ret_n_warnings is not NULL. */
int print_preset_faults(const char *text, size_t n_bytes, const char *origin,
                        const augs_preset_options *preset_options, int *ret_n_warnings);
/* A whole file of at most AUGS_MAX_PRESET_BYTES + 1 bytes, "-" = stdin; the caller frees it. */
int read_preset_file(const char *path, char **ret_text, size_t *ret_n_bytes);

/* Which rank or shard this process is. Where that is from is told on stderr unless --quiet. */

/* --rank and --world-size, else the launcher's. */
int read_place(const arguments *of, launcher_place *ret_place);
/* --chunk-shard I/N, auto or auto/N. */
int read_shard(const arguments *of, launcher_place *ret_place);

#endif
