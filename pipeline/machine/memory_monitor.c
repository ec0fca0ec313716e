/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor: when the system is asked, what is made of its figures, and scopes. What is read,
 * and how: memory_reader.c. */
#include <augstream/memory_monitor.h>

#include <inttypes.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/float_env.h"
#include "base/memory.h"
#include "base/sized_struct.h"
#include "pipeline/machine/device_memory.h"
#include "pipeline/machine/memory_reader.h"

struct augs_memory_monitor {
    augs_allocator allocator;
    uint64_t interval_ns;
    uint64_t limit_bytes;
    uint64_t (*now_ns)(void *user);
    void (*allocator_figures)(void *user, augs_allocator_figures *ret_figures);
    void *user, *figures_user;
    char *root;                /* without a slash at its end */
    uint64_t read_ns;          /* when `last` was read */
    augs_memory_snapshot last; /* n_readings 0: none yet */
    augs_memory_scope *scope;  /* the innermost that is open */
    augsi_memory_reader reader;
    augsi_device_memory device;
};

const char *augs_memory_level_name(uint32_t level)
{
    static const char *const names[] = {"normal", "elevated", "high", "critical"};
    return level < sizeof names / sizeof *names ? names[level] : NULL;
}

const char *augs_memory_source_name(uint32_t source)
{
    static const char *const names[] = {"none", "system", "cgroup", "process", "user"};
    return source < sizeof names / sizeof *names ? names[source] : NULL;
}

static uint64_t monotonic_ns(void *user)
{
    (void)user;
    return augsi_now_ns();
}

static uint64_t time_of(const augs_memory_monitor *monitor)
{
    AUGSI_CALLER_BEGIN;
    const uint64_t now_ns = monitor->now_ns(monitor->user);
    AUGSI_CALLER_END;
    return now_ns;
}

int augs_memory_monitor_open(const augs_memory_monitor_options *options,
                             augs_memory_monitor **ret_monitor, augs_error *error)
{
    augs_allocator allocator;
    augs_memory_monitor_options taken;
    if (ret_monitor == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "memory monitor: ret_monitor is required");
    }
    int status = AUGSI_TAKE(augs_memory_monitor_options, options, &taken, error);
    options = &taken;
    status = status < 0 ? status : augsi_allocator_copy(options->allocator, &allocator, error);
    if (status < 0) {
        return status;
    }
    augs_memory_monitor *monitor = augsi_new(&allocator, sizeof *monitor);
    if (monitor == NULL) {
        return augsi_fail_memory(error, sizeof *monitor);
    }
    size_t n_root = augsi_root_bytes(options->root);
    monitor->root = augsi_copy_text(&allocator, options->root, n_root);
    if (monitor->root == NULL) {
        augsi_delete(&allocator, monitor, sizeof *monitor);
        return augsi_fail_memory(error, n_root + 1);
    }
    monitor->allocator = allocator;
    if (options->device != 0) {
        status = augsi_device_memory_open(&monitor->device, options->device - 1, error);
    }
    if (status < 0) {
        augsi_delete_text(&allocator, monitor->root);
        augsi_delete(&allocator, monitor, sizeof *monitor);
        return status;
    }
    monitor->interval_ns =
        UINT64_C(1000000) * (options->interval_ms == 0 ? 100u : options->interval_ms);
    monitor->limit_bytes = options->limit_bytes;
    monitor->now_ns = options->now_ns == NULL ? monotonic_ns : options->now_ns;
    const bool own = options->allocator_figures == NULL; /* the allocator's */
    monitor->allocator_figures = own ? allocator.figures : options->allocator_figures;
    monitor->figures_user = own ? allocator.user : options->user;
    monitor->user = options->user;
    augsi_memory_reader_init(&monitor->reader, monitor->root, monitor->limit_bytes);
    *ret_monitor = monitor;
    return AUGS_OK;
}

void augs_memory_monitor_free(augs_memory_monitor *monitor)
{
    if (monitor != NULL) {
        augs_allocator allocator = monitor->allocator;
        augsi_memory_reader_done(&monitor->reader);
        augsi_device_memory_close(&monitor->device);
        augsi_delete_text(&allocator, monitor->root);
        augsi_delete(&allocator, monitor, sizeof *monitor);
    }
}

static uint32_t level_of(double fraction)
{
    if (fraction >= 0.9) {
        return AUGS_MEMORY_CRITICAL;
    }
    if (fraction >= 0.8) {
        return AUGS_MEMORY_HIGH;
    }
    return fraction >= 0.5 ? AUGS_MEMORY_ELEVATED : AUGS_MEMORY_NORMAL;
}

/* Open scopes see every reading. `peak_bytes`: the most that was held since the one before. */
static void tell_scopes(const augs_memory_monitor *monitor, uint64_t peak_bytes)
{
    const augs_memory_snapshot *now = &monitor->last;
    for (augs_memory_scope *scope = monitor->scope; scope != NULL; scope = scope->outer) {
        scope->n_readings++;
        if (now->level > scope->peak_level) {
            scope->peak_level = now->level;
        }
        if (now->used_fraction > scope->peak_used_fraction) {
            scope->peak_used_fraction = now->used_fraction;
        }
        if (peak_bytes > scope->peak_resident_bytes) {
            scope->peak_resident_bytes = peak_bytes;
        }
    }
}

/* The process's peak of all time, and as the result the highest since the last reading that can be
 * told: the peak if it rose, else what is held now. */
static uint64_t settle_peak(augs_memory_snapshot *now, uint64_t last_peak)
{
    uint64_t since = now->resident_bytes;
    if (now->peak_resident_bytes > last_peak && now->peak_resident_bytes > since) {
        since = now->peak_resident_bytes;
    }
    /* a system that tells no peak: the highest reading */
    uint64_t highest = since > last_peak ? since : last_peak;
    if (now->peak_resident_bytes < highest) {
        now->peak_resident_bytes = highest;
    }
    return since;
}

/* CPUs in use since the last reading. Two readings at the same moment say the same. */
static double cpu_usage(const augs_memory_monitor *monitor, const augs_memory_snapshot *now,
                        uint64_t now_ns, bool forked)
{
    const augs_memory_snapshot *last = &monitor->last;
    if (now->cpu_seconds < 0 || last->n_readings == 0 || forked || last->cpu_seconds < 0) {
        return -1;
    }
    if (now_ns <= monitor->read_ns) {
        return last->cpu_usage;
    }
    const double seconds = now->cpu_seconds - last->cpu_seconds;
    return seconds > 0 ? seconds / ((double)(now_ns - monitor->read_ns) * 1e-9) : 0;
}

static void read_allocator(const augs_memory_monitor *monitor, augs_memory_snapshot *now)
{
    if (monitor->allocator_figures != NULL) {
        AUGSI_CALLER_BEGIN;
        monitor->allocator_figures(monitor->figures_user, &now->allocator);
        AUGSI_CALLER_END;
    }
}

static void ask_system(augs_memory_monitor *monitor, uint64_t now_ns)
{
    augs_memory_snapshot now;
    /* a child's peak and CPU time start anew */
    const bool forked = augsi_memory_reader_forked(&monitor->reader);
    uint64_t last_peak = forked ? 0 : monitor->last.peak_resident_bytes;
    augsi_memory_reader_read(&monitor->reader, now_ns, &now);
    if (now.limit_bytes != 0) {
        now.used_fraction = (double)now.used_bytes / (double)now.limit_bytes;
    } else if (now.source != AUGS_MEMORY_OF_NONE) {
        now.used_fraction = 1; /* all of nothing */
    }
    now.level = level_of(now.used_fraction);
    uint64_t peak = settle_peak(&now, last_peak);
    read_allocator(monitor, &now);
    now.cpu_usage = cpu_usage(monitor, &now, now_ns, forked);
    augsi_device_memory_read(&monitor->device, &now.device_limit_bytes, &now.device_used_bytes,
                             &now.device_available_bytes);
    now.n_readings = monitor->last.n_readings + 1;
    monitor->last = now;
    monitor->read_ns = now_ns;
    tell_scopes(monitor, peak);
}

static int read_snapshot(augs_memory_monitor *monitor, bool at_once,
                         augs_memory_snapshot *ret_snapshot, augs_error *error)
{
    if (monitor == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "memory monitor: monitor is required");
    }
    int status = AUGSI_CHECK_OUTPUT(augs_memory_snapshot, ret_snapshot, error);
    if (status < 0) {
        return status;
    }
    uint64_t now_ns = time_of(monitor);
    if (at_once || monitor->last.n_readings == 0 ||
        now_ns - monitor->read_ns >= monitor->interval_ns ||
        augsi_memory_reader_forked(&monitor->reader)) {
        ask_system(monitor, now_ns);
    }
    AUGSI_GIVE(augs_memory_snapshot, &monitor->last, ret_snapshot);
    uint64_t resident = monitor->last.resident_bytes;
    if (monitor->limit_bytes != 0 && resident > monitor->limit_bytes) {
        return augsi_fail(error, AUGS_E_MEMORY,
                          "the process holds %" PRIu64 " bytes, %" PRIu64
                          " more than limit_bytes = %" PRIu64
                          "; what is in hand stays valid: go on with less",
                          resident, resident - monitor->limit_bytes, monitor->limit_bytes);
    }
    return AUGS_OK;
}

int augs_memory_monitor_read(augs_memory_monitor *monitor, augs_memory_snapshot *ret_snapshot,
                             augs_error *error)
{
    return read_snapshot(monitor, false, ret_snapshot, error);
}

int augs_memory_monitor_read_now(augs_memory_monitor *monitor, augs_memory_snapshot *ret_snapshot,
                                 augs_error *error)
{
    return read_snapshot(monitor, true, ret_snapshot, error);
}

int augs_memory_scope_begin(augs_memory_monitor *monitor, augs_memory_scope *scope,
                            augs_error *error)
{
    if (monitor == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "memory scope: monitor is required");
    }
    int status = AUGSI_CHECK_OUTPUT(augs_memory_scope, scope, error);
    if (status < 0) {
        return status;
    }
    for (const augs_memory_scope *open = monitor->scope; open != NULL; open = open->outer) {
        if (open == scope) {
            return augsi_fail(error, AUGS_E_STATE,
                              "memory scope: it has begun already; end it, or begin another one");
        }
    }
    ask_system(monitor, time_of(monitor));
    const augs_memory_snapshot *now = &monitor->last;
    const augs_memory_scope begun = {
        .size = sizeof begun,
        .peak_level = now->level,
        .begin_resident_bytes = now->resident_bytes,
        .end_resident_bytes = now->resident_bytes,
        .peak_resident_bytes = now->resident_bytes,
        .end_used_fraction = now->used_fraction,
        .peak_used_fraction = now->used_fraction,
        .n_readings = 1,
        .outer = monitor->scope,
    };
    /* Readings reach the scope through the monitor: only members of version 1 may be written to
     * without a look at its size. */
    AUGSI_GIVE(augs_memory_scope, &begun, scope);
    monitor->scope = scope;
    return AUGS_OK;
}

int augs_memory_scope_end(augs_memory_monitor *monitor, augs_memory_scope *scope, augs_error *error)
{
    if (monitor == NULL || scope == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "memory scope: monitor and scope must be set");
    }
    if (monitor->scope != scope) {
        return augsi_fail(error, AUGS_E_STATE,
                          "memory scope: it is not the one of this monitor that began last; scopes "
                          "end in the reverse order");
    }
    ask_system(monitor, time_of(monitor));
    scope->end_resident_bytes = monitor->last.resident_bytes;
    scope->end_used_fraction = monitor->last.used_fraction;
    monitor->scope = scope->outer;
    scope->outer = NULL;
    return AUGS_OK;
}
