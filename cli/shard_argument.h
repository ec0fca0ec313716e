/* SPDX-License-Identifier: Apache-2.0 */
/* Which rank or shard this process is: from options, else from the launcher. */
#ifndef AUGSTREAM_CLI_SHARD_ARGUMENT_H
#define AUGSTREAM_CLI_SHARD_ARGUMENT_H

#include "cli/launcher_env.h"
#include "cli/options/options.h"

/* Exit statuses, after a message. The source is told on stderr unless --quiet. */

/* --rank and --world-size. */
int read_place(const arguments *of, launcher_place *ret_place);
/* --chunk-shard I/N, auto or auto/N. */
int read_shard(const arguments *of, launcher_place *ret_place);

#endif
