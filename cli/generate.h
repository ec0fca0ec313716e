/* SPDX-License-Identifier: Apache-2.0 */
/* What `generate` has to make. */
#ifndef AUGSTREAM_CLI_GENERATE_H
#define AUGSTREAM_CLI_GENERATE_H

#include <augstream/pipeline.h>
#include <augstream/stream.h>

#include "cli/options/options.h"
#include "cli/stream_arguments.h"

typedef struct generation {
    const arguments *arguments;
    augs_stream *stream;
    uint64_t n_samples; /* N or AUGS_ENDLESS */
    uint64_t start;
    uint64_t count; /* UINT64_MAX = without end */
    uint64_t chunk_size;
    const char *folder; /* NULL = stdout */
    uint32_t format;
    bool with_plan; /* in batches of a strategy */
    augs_plan_options plan;
    launcher_place shard;
    uint32_t rank; /* of plan.world_size */
} generation;

/* To stdout; an exit status, after a message. */
int generate_records(const generation *of);

#endif
