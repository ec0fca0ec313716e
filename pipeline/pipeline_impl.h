/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a pipeline: a scheduler for its rank, a stream, a pool of batches, and metrics.
 * pipeline.c opens and walks it, pipeline_feedback.c hears what batches cost, pipeline_place.c says
 * where it is and moves it.
 */
#ifndef AUGSI_PIPELINE_IMPL_H
#define AUGSI_PIPELINE_IMPL_H

#include <augstream/metrics.h>
#include <augstream/pipeline.h>

#include "pipeline/batch/batch_pool.h"
#include "pipeline/plan/scheduler_core.h"

/* What a batch costs, beside what the scheduler remembers of it. */
typedef struct augsi_batch_cost {
    bool timed;     /* its time is taken unless it is told; */
    bool noted;     /* the metrics have it, or shall not have it */
    uint64_t at_ns; /* when it was handed out */
    double at_cpu;  /* CPU time of the process then; < 0: not known */
    augs_batch_metrics row;
} augsi_batch_cost;

struct augs_pipeline {
    augs_allocator allocator;
    augs_stream *stream;
    augsi_scheduler scheduler;
    augsi_batch_pool *pool;
    uint32_t world_size;
    augs_batch *made; /* the next batch, of its caller from then on */
    bool tight;       /* memory is short: the pool keeps little */
    augs_metrics *metrics;
    uint64_t (*now_ns)(void *user);
    void *now_user;
    augsi_batch_cost costs[AUGS_FEEDBACK_BATCHES]; /* by slot of scheduler.out */
    bool told;    /* the caller says what batches cost, however late: none is timed */
    bool between; /* a batch was handed out since the pipeline looked around */
};

/* Between two batches: takes the time of the last one, looks at memory, notes what is known. */
void augsi_pipeline_look_around(augs_pipeline *pipeline);
/* What is known of all batches goes into the metrics, oldest first. */
void augsi_pipeline_note_all(augs_pipeline *pipeline);
/* The batch handed out last is done with. */
void augsi_pipeline_leave_last(augs_pipeline *pipeline);
/* A sink did not take it: the next call makes it again, and notes it. */
void augsi_pipeline_take_back(augs_pipeline *pipeline);
/* A batch leaves; `user` is the pipeline. */
void augsi_pipeline_remember(void *user, augsi_handed_out *batch, bool is_passed);

#endif
