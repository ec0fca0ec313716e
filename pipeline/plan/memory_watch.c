/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/plan/memory_watch.h"

#include "base/float_env.h"

/* One reading in so many milliseconds takes a small part of the time, and batches that take longer
 * are each decided with figures of their own. */
#define OWN_INTERVAL_MS 5u
/* A part of the available memory from which on a difference counts. */
#define WORTH_NAMING 8

int augsi_memory_watch_open(augsi_memory_watch *watch, uint64_t (*now_ns)(void *user),
                            void *now_user, const augs_allocator *allocator, augs_error *error)
{
    const augs_memory_monitor_options options = {.size = sizeof options,
                                                 .interval_ms = OWN_INTERVAL_MS,
                                                 .now_ns = now_ns,
                                                 .user = now_user,
                                                 .allocator = allocator};
    watch->is_own = true;
    return augs_memory_monitor_open(&options, &watch->monitor, error);
}

void augsi_memory_watch_done(augsi_memory_watch *watch)
{
    if (watch->is_own) {
        augs_memory_monitor_free(watch->monitor);
    }
}

static bool read_memory(augsi_memory_watch *watch, bool at_once, augs_memory_snapshot *ret_memory)
{
    *ret_memory = (augs_memory_snapshot){.size = sizeof *ret_memory};
    if (watch->monitor == NULL) {
        return false;
    }
    const int status = at_once ? augs_memory_monitor_read_now(watch->monitor, ret_memory, NULL)
                               : augs_memory_monitor_read(watch->monitor, ret_memory, NULL);
    return status == AUGS_OK || status == AUGS_E_MEMORY; /* a limit exceeded is for the strategy */
}

static void tell_plan(augsi_memory_watch *watch, augsi_plan *plan,
                      const augs_memory_snapshot *memory)
{
    const bool known = memory->available_bytes != UINT64_MAX;
    watch->level = memory->level;
    watch->n_readings = memory->n_readings;
    watch->resident_bytes = memory->resident_bytes;
    watch->available_bytes = memory->available_bytes;
    watch->allocator = memory->allocator;
    if (memory->device_limit_bytes != 0) {
        augsi_plan_set_memory(plan, memory->device_limit_bytes, memory->device_used_bytes,
                              memory->device_available_bytes);
        return;
    }
    augsi_plan_set_memory(plan, known ? memory->limit_bytes : 0, memory->used_bytes,
                          known ? memory->available_bytes : 0);
}

void augsi_memory_look(augsi_memory_watch *watch, augsi_plan *plan)
{
    augs_memory_snapshot memory;
    if (read_memory(watch, false, &memory)) {
        tell_plan(watch, plan, &memory);
    }
}

static uint64_t freed_but_kept(const augs_allocator_figures *allocator)
{
    return allocator->active_bytes != 0 && allocator->resident_bytes > allocator->active_bytes
               ? allocator->resident_bytes - allocator->active_bytes
               : 0;
}

void augsi_memory_relieve(augsi_memory_watch *watch, augsi_plan *plan,
                          const augs_allocator *allocator)
{
    augs_memory_snapshot memory;
    const uint64_t kept = freed_but_kept(&watch->allocator);
    if (watch->level < AUGS_MEMORY_HIGH || allocator->trim == NULL ||
        watch->n_readings == watch->n_relieved || kept == 0 ||
        kept < watch->available_bytes / WORTH_NAMING) {
        return;
    }
    AUGSI_CALLER_BEGIN;
    allocator->trim(allocator->user);
    AUGSI_CALLER_END;
    if (read_memory(watch, true, &memory)) {
        tell_plan(watch, plan, &memory);
    }
    watch->n_relieved = watch->n_readings;
}

augsi_own_cost augsi_memory_measure(augsi_memory_watch *watch, augsi_plan *plan, uint64_t n_samples)
{
    augs_memory_snapshot memory;
    const bool at_once = augsi_own_memory_is_new(&watch->own_memory, n_samples);
    if (!read_memory(watch, at_once, &memory)) {
        return (augsi_own_cost){.n_samples = 0};
    }
    tell_plan(watch, plan, &memory);
    if (memory.device_limit_bytes != 0) { /* what the process itself takes is not what counts */
        return (augsi_own_cost){.n_samples = 0};
    }
    augsi_own_cost cost = augsi_own_memory_measure(&watch->own_memory, n_samples, &memory);
    cost.matters = cost.least_bytes >= memory.available_bytes / WORTH_NAMING;
    return cost;
}
