/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan of a run: which strategy makes batches of positions, and how ranks share them.
 * Pipelines, schedulers, servers and chunk files take the same options.
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
/* Rank r has a contiguous block of its own. The first (N mod world_size) blocks are one longer. */
#define AUGS_RANK_LAYOUT_BLOCK 1u

/*
 * What happens to a span that the world size does not divide. Strategies have another option for a
 * batch that is short, augs_strategy_options.last_batch. After its `fill` the world size divides
 * every span.
 */
/* The span goes on with the first positions of the epoch, which are flagged: equal ranks. */
#define AUGS_TAIL_PAD 0u
/* The span is cut to a multiple of the world size: equal ranks. What is cut off is counted. */
#define AUGS_TAIL_DROP 1u
/* The ranks get what there is: some get one sample less. */
#define AUGS_TAIL_UNEVEN 2u

/* So many batches are remembered for feedback and retries. Feedback of older ones is ignored. */
#define AUGS_FEEDBACK_BATCHES 128u
/* So many batches may wait to be given again. */
#define AUGS_MOST_RETRIES 32u

/* How positions become batches of ranks; servers, subscribers and pipelines share it. */
typedef struct augs_plan_options {
    uint32_t size;        /* sizeof(augs_plan_options) */
    uint32_t world_size;  /* 0 = 1 */
    uint32_t rank_layout; /* AUGS_RANK_LAYOUT_... */
    uint32_t tail;        /* AUGS_TAIL_...; without effect if world_size is 1 */
    const char *strategy; /* NULL = "sequential" */
    const augs_strategy_options *strategy_options; /* NULL = defaults; copied */
    const augs_strategy_ops *strategy_ops; /* a scheduler of your own instead of a name; copied */
} augs_plan_options;
AUGS_SIZED_STRUCT(augs_plan_options, strategy_ops);

/* Bytes that a resume token takes at most, with its NUL. */
#define AUGS_TOKEN_BYTES 6656u

AUGS_END_DECLS

#endif
