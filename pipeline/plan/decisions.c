/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/plan/decisions.h"

#include "base/fail.h"
#include "base/float_env.h"

/* A reading takes some 50 us: at most a hundredth of the time, and batches that take longer than
 * this are each decided with figures of their own. */
#define OWN_INTERVAL_MS 5u
#define WORTH_NAMING 8

static int open_journal(augsi_decisions *decisions, const augsi_decisions_options *options,
                        const augs_allocator *allocator, augs_error *error)
{
    const augs_plan_options *plan = augsi_plan_options_of(decisions->plan);
    const bool replays = options->replay != NULL;
    const augsi_journal_head head = {
        .fingerprint = options->fingerprint,
        .strategy = plan->strategy,
        .world_size = plan->world_size,
        .first_position = options->first_position,
        .n_positions = options->n_positions,
    };
    int status = augsi_journal_open(replays ? options->replay : options->journal, replays, &head,
                                    allocator, &decisions->journal, error);
    if (status == AUGS_OK) {
        status = augsi_plan_use_journal(decisions->plan, decisions->journal, options->epoch, error);
    }
    return status;
}

static int open_monitor(augsi_decisions *decisions, const augsi_decisions_options *options,
                        const augs_allocator *allocator, augs_error *error)
{
    decisions->monitor = options->monitor;
    if (options->monitor != NULL || !options->opens_monitor) {
        return AUGS_OK;
    }
    const augs_memory_monitor_options monitor = {.size = sizeof monitor,
                                                 .interval_ms = OWN_INTERVAL_MS,
                                                 .now_ns = options->now_ns,
                                                 .user = options->now_user,
                                                 .allocator = allocator};
    decisions->own_monitor = true;
    return augs_memory_monitor_open(&monitor, &decisions->monitor, error);
}

static int check_options(const augsi_decisions *decisions, const augsi_decisions_options *options,
                         augs_error *error)
{
    const augs_plan_options *plan = augsi_plan_options_of(decisions->plan);
    const bool fixed = augsi_plan_is_fixed(decisions->plan);
    if (fixed && options->journal != NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "%s: the plan of strategy '%.40s' follows from its options and needs no "
                          "journal",
                          options->caller, plan->strategy);
    }
    if (!fixed && options->single && plan->world_size > 1 && plan->strategy_ops == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "%s: strategy '%.40s' decides as it goes: %u ranks would decide "
                          "differently; replay one journal in all of them, or take a fixed "
                          "strategy, such as sequential",
                          options->caller, plan->strategy, plan->world_size);
    }
    return AUGS_OK;
}

int augsi_decisions_init(augsi_decisions *decisions, const augsi_decisions_options *options,
                         const augs_allocator *allocator, augs_error *error)
{
    augs_plan_options plan = *options->plan;
    if (options->replay != NULL && options->journal != NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "%s: a replay decides nothing that a journal could take: give one of "
                          "both",
                          options->caller);
    }
    if (options->replay != NULL) {
        plan.strategy_ops = &augsi_strategy_replay;
        plan.strategy_options = NULL;
    }
    int status = augsi_plan_open(allocator, &plan, options->first_position, options->n_positions,
                                 options->sample_bytes, &decisions->plan, error);
    status = status < 0 ? status : check_options(decisions, options, error);
    if (status == AUGS_OK && augsi_plan_is_fixed(decisions->plan)) {
        return options->monitor != NULL || options->watches
                   ? open_monitor(decisions, options, allocator, error)
                   : AUGS_OK;
    }
    if (status < 0) {
        return status;
    }
    if (options->replay == NULL) { /* what is replayed asks for no memory */
        status = open_monitor(decisions, options, allocator, error);
    }
    if (status == AUGS_OK && (options->replay != NULL || options->journal != NULL)) {
        /* what is learned from the journal is learned with figures */
        augsi_decisions_look(decisions);
        status = open_journal(decisions, options, allocator, error);
    }
    return status;
}

void augsi_decisions_done(augsi_decisions *decisions)
{
    augsi_plan_free(decisions->plan);
    augsi_journal_free(decisions->journal);
    if (decisions->own_monitor) {
        augs_memory_monitor_free(decisions->monitor);
    }
    *decisions = (augsi_decisions){.plan = NULL};
}

static bool read_memory(augsi_decisions *decisions, bool at_once, augs_memory_snapshot *ret_memory)
{
    *ret_memory = (augs_memory_snapshot){.size = sizeof *ret_memory};
    if (decisions->monitor == NULL) {
        return false;
    }
    const int status = at_once ? augs_memory_monitor_read_now(decisions->monitor, ret_memory, NULL)
                               : augs_memory_monitor_read(decisions->monitor, ret_memory, NULL);
    return status == AUGS_OK || status == AUGS_E_MEMORY; /* a limit exceeded is for the strategy */
}

static void tell_memory(augsi_decisions *decisions, const augs_memory_snapshot *memory)
{
    const bool known = memory->available_bytes != UINT64_MAX;
    decisions->level = memory->level;
    decisions->n_readings = memory->n_readings;
    decisions->resident_bytes = memory->resident_bytes;
    decisions->available_bytes = memory->available_bytes;
    decisions->allocator = memory->allocator;
    if (memory->device_limit_bytes != 0) {
        augsi_plan_set_memory(decisions->plan, memory->device_limit_bytes,
                              memory->device_used_bytes, memory->device_available_bytes);
        return;
    }
    augsi_plan_set_memory(decisions->plan, known ? memory->limit_bytes : 0, memory->used_bytes,
                          known ? memory->available_bytes : 0);
}

void augsi_decisions_look(augsi_decisions *decisions)
{
    augs_memory_snapshot memory;
    if (read_memory(decisions, false, &memory)) {
        tell_memory(decisions, &memory);
    }
}

static uint64_t freed_but_kept(const augs_allocator_figures *allocator)
{
    return allocator->active_bytes != 0 && allocator->resident_bytes > allocator->active_bytes
               ? allocator->resident_bytes - allocator->active_bytes
               : 0;
}

void augsi_decisions_relieve(augsi_decisions *decisions, const augs_allocator *allocator)
{
    augs_memory_snapshot memory;
    const uint64_t kept = freed_but_kept(&decisions->allocator);
    if (decisions->level < AUGS_MEMORY_HIGH || allocator->trim == NULL ||
        decisions->n_readings == decisions->n_relieved || kept == 0 ||
        kept < decisions->available_bytes / WORTH_NAMING) {
        return;
    }
    AUGSI_CALLER_BEGIN;
    allocator->trim(allocator->user);
    AUGSI_CALLER_END;
    if (read_memory(decisions, true, &memory)) {
        tell_memory(decisions, &memory);
    }
    decisions->n_relieved = decisions->n_readings;
}

augsi_own_cost augsi_decisions_measure(augsi_decisions *decisions, uint64_t n_samples)
{
    augs_memory_snapshot memory;
    const bool at_once = augsi_own_memory_is_new(&decisions->own_memory, n_samples);
    if (!read_memory(decisions, at_once, &memory)) {
        return (augsi_own_cost){.n_samples = 0};
    }
    tell_memory(decisions, &memory);
    if (memory.device_limit_bytes != 0) { /* what the process itself takes is not what counts */
        return (augsi_own_cost){.n_samples = 0};
    }
    augsi_own_cost cost = augsi_own_memory_measure(&decisions->own_memory, n_samples, &memory);
    cost.matters = cost.least_bytes >= memory.available_bytes / WORTH_NAMING;
    return cost;
}
