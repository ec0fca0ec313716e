/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs that are handed out in order, done by several threads, and finished in the same order by the
 * calling one. With one worker there are no threads.
 */
#ifndef AUGSI_WORKER_POOL_H
#define AUGSI_WORKER_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

typedef struct augsi_worker_pool {
    const augs_allocator *allocator;
    uint32_t n_workers;
    void *workers; /* n_workers of worker_bytes */
    size_t worker_bytes;
    void *jobs; /* n_jobs of job_bytes, used in turn; n_jobs >= n_workers */
    size_t job_bytes;
    uint32_t n_jobs;
    void *user;
    int (*next)(void *user, void *job); /* one at a time: 1 = a job, 0 = no more */
    void (*work)(void *user, void *worker, void *job);
    int (*finish)(void *user, void *job); /* not 0: hand out no more */
} augsi_worker_pool;

/* Returns when all jobs that were handed out are finished. AUGS_E_NO_MEMORY before the first. */
int augsi_worker_pool_run(const augsi_worker_pool *pool, augs_error *error);

#endif
