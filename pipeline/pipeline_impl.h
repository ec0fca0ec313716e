/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a pipeline: pipeline.c opens and walks it, pipeline_feedback.c hears what batches
 * cost and gives those that did not fit again, pipeline_place.c says where it is and moves it. */
#ifndef AUGSI_PIPELINE_IMPL_H
#define AUGSI_PIPELINE_IMPL_H

#include <augstream/pipeline.h>

#include "pipeline/batch/batch_pool.h"
#include "pipeline/plan/decisions.h"
#include "pipeline/plan/handed_out.h"

struct augs_pipeline {
    augs_allocator allocator;
    augs_stream *stream;
    augsi_decisions decisions;
    augsi_plan *plan; /* of the decisions */
    augsi_batch_pool *pool;
    bool tight; /* memory is short: the pool keeps little */
    uint32_t rank, world_size;
    uint64_t step;          /* the next one */
    augsi_span_check check; /* of a fixed plan that is walked from its start */
    uint64_t n_checked;
    augs_metrics *metrics;
    uint64_t (*now_ns)(void *user);
    void *now_user;
    augsi_out out;       /* what was handed out, and what is given again */
    bool told;           /* the caller says what batches cost, however late: none is timed */
    bool ended;          /* no later step has samples for the rank */
    bool between;        /* a batch was handed out since the pipeline looked around */
    uint32_t generation; /* batch sizes that the caller gave */
};

uint64_t augsi_pipeline_now(const augs_pipeline *pipeline);
/* Between two batches: takes the time of the last one, looks at memory, notes what is known. */
void augsi_pipeline_look_around(augs_pipeline *pipeline);
/* What is known of the batch goes into the metrics, once. */
void augsi_pipeline_note(augs_pipeline *pipeline, augsi_handed_out *batch);
/* The same for all that were handed out, oldest first. */
void augsi_pipeline_note_all(augs_pipeline *pipeline);
/* The batch handed out last is done with. */
void augsi_pipeline_leave_last(augs_pipeline *pipeline);
/* A batch leaves: remembers it. */
augsi_handed_out *augsi_pipeline_remember(augs_pipeline *pipeline, const augsi_piece *piece);
/* Takes up a retry that the journal has at this place: 1, 0, or negative. */
int augsi_pipeline_repeat_retry(augs_pipeline *pipeline, augs_error *error);

#endif
