/* SPDX-License-Identifier: Apache-2.0 */
/* The jobs of a server: names, streams, plans, and which ranks have finished. */
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
    augsi_plan *plan;
    uint64_t n_steps;
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

#endif
