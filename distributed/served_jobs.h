/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The jobs of a server: names, streams, plans, and which ranks have finished.
 *
 * A rank that goes on with the token of another world size or batch size walks a plan that begins
 * at the token's position. Every FETCH says where, so a job keeps its own plan and one that is
 * moved to wherever the last request was: moving takes no time that grows with the stream, and
 * whatever peers ask for, there is never a third plan.
 */
#ifndef AUGSI_SERVED_JOBS_H
#define AUGSI_SERVED_JOBS_H

#include <stdint.h>

#include <augstream/server.h>

#include "base/text.h"
#include "distributed/wire.h"
#include "pipeline/plan/plan.h"

typedef struct augsi_served_job {
    char name[AUGSI_MAX_JOB_BYTES + 1];
    augs_stream *stream;     /* at the first epoch */
    augs_stream *streams[2]; /* the epochs used last, by epoch mod 2 */
    uint32_t n_epochs, world_size;
    augsi_plan *plan; /* from the start of an epoch on */
    uint64_t n_steps;
    augsi_plan *moved; /* the same from moved_position on */
    uint64_t moved_step, moved_position;
    uint8_t *finished; /* a byte a rank */
} augsi_served_job;

typedef struct augsi_served_jobs {
    const augs_allocator *allocator; /* outlives this */
    augsi_served_job *list;
    uint32_t n;
} augsi_served_jobs;

/* Checks and copies; takes a reference of the stream. The job's number is the number of those added
 * before. */
int augsi_served_jobs_add(augsi_served_jobs *jobs, augs_stream *stream,
                          const augs_job_options *options, augs_error *error);
void augsi_served_jobs_done(augsi_served_jobs *jobs);

/* The job's number, UINT32_MAX if there is none of that name. */
uint32_t augsi_served_jobs_find(const augsi_served_jobs *jobs, augsi_bytes name);
/* The stream at an epoch of the job, borrowed until the next call; NULL: no memory. */
augs_stream *augsi_served_job_stream_at(augsi_served_job *job, uint32_t epoch);
/*
 * The plan of an epoch whose step `base_step` begins at `base_position`, as a pipeline has it that
 * resumes with a token of that place. Borrowed until the next call. Negative: no plan of the job can
 * begin there.
 */
int augsi_served_job_plan_at(augsi_served_job *job, uint64_t base_step, uint64_t base_position,
                             augsi_plan **ret_plan, augs_error *error);

#endif
