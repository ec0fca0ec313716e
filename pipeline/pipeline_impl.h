/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a pipeline: pipeline.c opens and walks it, pipeline_place.c says where it is and
 * moves it. */
#ifndef AUGSI_PIPELINE_IMPL_H
#define AUGSI_PIPELINE_IMPL_H

#include <augstream/pipeline.h>

#include "batch_pool.h"
#include "decisions.h"

struct augs_pipeline {
    augs_allocator allocator;
    augs_stream *stream;
    augsi_decisions decisions;
    augsi_plan *plan; /* of the decisions */
    augsi_batch_pool *pool;
    bool tight; /* memory is short: the pool keeps little */
    uint32_t rank, world_size;
    uint64_t step;          /* the next one */
    uint64_t n_last;        /* samples of the batch handed out last */
    augsi_span_check check; /* of a fixed plan that is walked from its start */
    uint64_t n_checked;
    augs_metrics *metrics;
    uint64_t (*now_ns)(void *user);
    void *now_user;
    bool awaits;             /* the cost of the batch handed out last is not known yet */
    uint64_t handed_out_ns;  /* when it was */
    augs_batch_metrics last; /* what is known of it */
};

/* The batch handed out last is done with: what is known of it goes into the metrics. */
void augsi_pipeline_note_last(augs_pipeline *pipeline);

#endif
