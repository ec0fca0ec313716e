/* SPDX-License-Identifier: Apache-2.0 */
/* A plan and what it needs to decide as it goes: its journal and a memory monitor. */
#ifndef AUGSI_DECISIONS_H
#define AUGSI_DECISIONS_H

#include <augstream/memory_monitor.h>
#include <augstream/plan.h>

#include "pipeline/machine/own_memory.h"
#include "pipeline/plan/plan.h"

typedef struct augsi_decisions {
    augsi_plan *plan;
    augsi_journal *journal;       /* NULL: none */
    augs_memory_monitor *monitor; /* NULL: nobody asks for memory */
    bool own_monitor;
    uint32_t level; /* of the last reading, as the next ones */
    uint64_t n_readings, resident_bytes, available_bytes;
    augs_allocator_figures allocator;
    uint64_t n_relieved; /* n_readings when the allocator last gave memory back */
    augsi_own_memory own_memory;
} augsi_decisions;

typedef struct augsi_decisions_options {
    const char *caller; /* for messages: "pipeline" */
    const augs_plan_options *plan;
    uint64_t first_position, n_positions, sample_bytes;
    const char *fingerprint;
    uint32_t epoch;
    bool single; /* what decides as it goes serves one rank only */
    const char *journal, *replay;
    augs_memory_monitor *monitor;
    bool opens_monitor; /* one of its own if none is given and something is decided */
    bool watches;       /* or if nothing is decided: its figures are to be known */
    uint64_t (*now_ns)(void *user);
    void *now_user;
} augsi_decisions_options;

/* `decisions` is zeroed memory; done may be called after a failure as well. */
int augsi_decisions_init(augsi_decisions *decisions, const augsi_decisions_options *options,
                         const augs_allocator *allocator, augs_error *error);
void augsi_decisions_done(augsi_decisions *decisions);
/* Tells the plan what memory there is now. */
void augsi_decisions_look(augsi_decisions *decisions);
/* The same after a batch of n_samples (0: none) whose consumer did not say what it has left: what
 * it cost the process as far as that can be seen. */
augsi_own_cost augsi_decisions_measure(augsi_decisions *decisions, uint64_t n_samples);

/*
 * While memory is short, and the allocator holds free memory that makes a difference: it gives that
 * back, and the plan is told what there is then.
 */
void augsi_decisions_relieve(augsi_decisions *decisions, const augs_allocator *allocator);

#endif
