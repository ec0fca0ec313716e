/* SPDX-License-Identifier: Apache-2.0 */
/* What memory there is, for a plan that decides by it, and for whoever keeps memory that it could
 * give back. */
#ifndef AUGSI_MEMORY_WATCH_H
#define AUGSI_MEMORY_WATCH_H

#include <augstream/memory_monitor.h>

#include "pipeline/machine/own_memory.h"
#include "pipeline/plan/plan.h"

/* Zeroed memory is a good start: nobody asks for memory. */
typedef struct augsi_memory_watch {
    augs_memory_monitor *monitor; /* NULL: nobody asks for memory */
    bool is_own;
    uint32_t level; /* of the last reading, as the next ones */
    uint64_t n_readings, resident_bytes, available_bytes;
    augs_allocator_figures allocator;
    uint64_t n_relieved; /* n_readings when the allocator last gave memory back */
    augsi_own_memory own_memory;
} augsi_memory_watch;

/* Opens a monitor of its own, for whom the caller gave none. */
int augsi_memory_watch_open(augsi_memory_watch *watch, uint64_t (*now_ns)(void *user),
                            void *now_user, const augs_allocator *allocator, augs_error *error);
void augsi_memory_watch_done(augsi_memory_watch *watch);
/* Tells the plan what memory there is now. */
void augsi_memory_look(augsi_memory_watch *watch, augsi_plan *plan);
/* The same after a batch of n_samples (0: none) whose consumer did not say what it has left: what
 * it cost the process as far as that can be seen. */
augsi_own_cost augsi_memory_measure(augsi_memory_watch *watch, augsi_plan *plan,
                                    uint64_t n_samples);
/*
 * While memory is short, and the allocator holds free memory that makes a difference: it gives that
 * back, and the plan is told what there is then.
 */
void augsi_memory_relieve(augsi_memory_watch *watch, augsi_plan *plan,
                          const augs_allocator *allocator);

#endif
