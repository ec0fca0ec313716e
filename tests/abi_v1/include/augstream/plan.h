/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan of a run: which strategy makes batches of positions, and how ranks
 * share them. Pipelines, schedulers, servers and chunk files take these options.
 *
 *     augs_plan_options plan;
 *     augs_plan_options_init(&plan);
 *     plan.world_size = 8;
 *     plan.strategy = "sequential";
 *
 *     augs_pipeline_options options;
 *     augs_pipeline_options_init(&options);
 *     options.rank = 3;
 *     options.plan = &plan;
 *     status = augs_pipeline_open(stream, &options, &pipeline, &error);
 */
#ifndef AUGSTREAM_PLAN_H
#define AUGSTREAM_PLAN_H

#include <stdint.h>

#include <augstream/export.h>
#include <augstream/strategy.h>

AUGS_BEGIN_DECLS

/* How ranks share the positions of an epoch. */
/* Element r + world_size * k of every span goes to rank r. */
#define AUGS_RANK_LAYOUT_INTERLEAVED 0u
/* Rank r has a contiguous block of its own. The first (N mod world_size) blocks
 * have one position more. */
#define AUGS_RANK_LAYOUT_BLOCK 1u

/*
 * What happens to a span whose count is no multiple of the world size. For a
 * batch that is shorter than others, see augs_strategy_options.last_batch; with
 * `fill` the world size divides every span.
 */
/* The span goes on with the first positions, which are flagged as padding. All
 * ranks get equally many samples. */
#define AUGS_TAIL_PAD 0u
/* The span is cut to a multiple of the world size. All ranks get equally many
 * samples, and what is cut off is counted. */
#define AUGS_TAIL_DROP 1u
/* Ranks get what there is: some get one sample less. */
#define AUGS_TAIL_UNEVEN 2u

/* How many batches are remembered for feedback and retries. Feedback of older
 * ones is ignored. */
#define AUGS_FEEDBACK_BATCHES 128u
/* How many batches may wait to be given again. */
#define AUGS_MOST_RETRIES 32u

/* How positions become batches of ranks. */
typedef struct augs_plan_options {
    uint32_t size;        /* sizeof(augs_plan_options) */
    uint32_t world_size;  /* number of ranks, 0 = 1 */
    uint32_t rank_layout; /* AUGS_RANK_LAYOUT_... */
    uint32_t tail;        /* AUGS_TAIL_...; without effect for one rank */
    const char *strategy; /* name; NULL = "sequential" */
    /* Options of the strategy; NULL = its defaults; copied. */
    const augs_strategy_options *strategy_options;
    /* A strategy of the caller's own instead of a name; NULL = none; copied. */
    const augs_strategy_ops *strategy_ops;
} augs_plan_options;
AUGS_SIZED_STRUCT(augs_plan_options, strategy_ops);

/* The most bytes that a resume token takes, with its NUL. */
#define AUGS_TOKEN_BYTES 6656u

AUGS_END_DECLS

#endif
