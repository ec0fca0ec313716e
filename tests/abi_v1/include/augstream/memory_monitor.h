/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory monitor: how much memory this process may still take before some
 * limit is reached. On Linux it reads /proc and /sys: control groups 1 and 2,
 * pressure stall information, resource limits. Elsewhere, and where a file is
 * missing, figures that cannot be known are 0.
 *
 *     augs_memory_monitor *monitor;
 *     if (augs_memory_monitor_open(NULL, &monitor, &error) < 0) {
 *         return 1;
 *     }
 *     augs_memory_snapshot now = {.size = sizeof now};
 *     while (more && augs_memory_monitor_read(monitor, &now, &error) == 0) {
 *         printf("%s, %llu bytes left\n", augs_memory_level_name(now.level),
 *                (unsigned long long)now.available_bytes);
 *         more = work();
 *     }
 *     augs_memory_monitor_free(monitor);
 *
 * A monitor keeps the files that it reads open (closed on exec): about four, and
 * one to four per control group around the process. After a fork the child may
 * go on with its copy, which then tells the child's figures. One thread at a
 * time uses a monitor.
 */
#ifndef AUGSTREAM_MEMORY_MONITOR_H
#define AUGSTREAM_MEMORY_MONITOR_H

#include <stdint.h>

#include <augstream/alloc.h>
#include <augstream/export.h>
#include <augstream/status.h>

AUGS_BEGIN_DECLS

typedef struct augs_memory_monitor augs_memory_monitor;

/* Level: how much of the limit is used. */
#define AUGS_MEMORY_NORMAL 0u   /* below 50 % */
#define AUGS_MEMORY_ELEVATED 1u /* below 80 % */
#define AUGS_MEMORY_HIGH 2u     /* below 90 % */
#define AUGS_MEMORY_CRITICAL 3u /* 90 % and more */

/*
 * Returns the name of a level, such as "normal". Returns NULL for a number that
 * is no level. Static memory. Any thread.
 */
AUGS_API const char *augs_memory_level_name(uint32_t level);

/* Source: which limit leaves the least memory. */
#define AUGS_MEMORY_OF_NONE 0u    /* no figure could be read */
#define AUGS_MEMORY_OF_SYSTEM 1u  /* MemAvailable of the machine */
#define AUGS_MEMORY_OF_CGROUP 2u  /* a control group, or one above it */
#define AUGS_MEMORY_OF_PROCESS 3u /* a resource limit: RLIMIT_AS, RLIMIT_DATA */
#define AUGS_MEMORY_OF_USER 4u    /* limit_bytes of the options */

/*
 * Returns the name of a source, such as "system". Returns NULL for a number that
 * is no source. Static memory. Any thread.
 */
AUGS_API const char *augs_memory_source_name(uint32_t source);

typedef struct augs_memory_monitor_options {
    uint32_t size;        /* sizeof(augs_memory_monitor_options) */
    uint32_t interval_ms; /* least time between two readings; 0 = 100 */
    uint64_t limit_bytes; /* caller's limit on resident_bytes; 0 = none */
    const char *root;     /* holds proc/ and sys/; NULL = "/"; copied */
    /* Returns monotonic nanoseconds. NULL = CLOCK_MONOTONIC. */
    uint64_t (*now_ns)(void *user);
    /* Fills in *ret_figures, which is zeroed, at every reading. NULL = `figures`
     * of the allocator, if it has any. */
    void (*allocator_figures)(void *user, augs_allocator_figures *ret_figures);
    void *user;                      /* handed to both functions; may be NULL */
    const augs_allocator *allocator; /* NULL = the C library's; copied */
    /* 1 + the index of an NVIDIA device, as nvidia-smi counts; 0 = none. Its
     * memory is told, too, and strategies ask for it instead of the process's.
     * Not for use across a fork. */
    uint32_t device;
    uint32_t reserved; /* 0 */
} augs_memory_monitor_options;
AUGS_SIZED_STRUCT(augs_memory_monitor_options, reserved);

typedef struct augs_memory_snapshot {
    uint32_t size;        /* sizeof(augs_memory_snapshot), set by the caller */
    uint32_t level;       /* AUGS_MEMORY_NORMAL... of used_fraction */
    uint32_t source;      /* AUGS_MEMORY_OF_...: whose limit the next three are */
    uint32_t reserved;    /* 0 */
    uint64_t limit_bytes; /* of the source; 0 = not known */
    /* Counted against that limit, without what the kernel can drop at once. Of a
     * resource limit: the address space or the data segment. May be above the
     * limit. */
    uint64_t used_bytes;
    uint64_t available_bytes;     /* least of all limits; UINT64_MAX = not known */
    uint64_t resident_bytes;      /* of this process */
    uint64_t peak_resident_bytes; /* ever; or the largest reading */
    double used_fraction;         /* used_bytes / limit_bytes; 0 = no limit */
    /* Percent of the last 10 s in which some tasks waited for memory, of the
     * control group or else the machine; < 0 = not known. */
    double pressure_some_avg10;
    double pressure_full_avg10;       /* likewise, all tasks */
    augs_allocator_figures allocator; /* 0 = not known */
    uint64_t n_readings;              /* of the system, until now */
    uint64_t device_limit_bytes;      /* of the device; 0 = not known */
    uint64_t device_used_bytes;       /* by all processes; 0 = not known */
    uint64_t device_available_bytes;  /* 0 = not known */
    double cpu_seconds;               /* of all threads, user and system; < 0 = not known */
    /* CPUs in use on average since the reading before; < 0 = not known, as for a
     * first reading. */
    double cpu_usage;
} augs_memory_snapshot;
AUGS_SIZED_STRUCT(augs_memory_snapshot, cpu_usage);

/*
 * Opens a memory monitor. options may be NULL. Free it with
 * augs_memory_monitor_free.
 *
 * AUGS_E_ARGUMENT if ret_monitor is NULL, options have a wrong size, or the
 * allocator lacks a function. AUGS_E_UNSUPPORTED if a device was asked for, and
 * it or the NVML library of its driver is missing. AUGS_E_NO_MEMORY if the
 * allocator has no memory.
 */
AUGS_API int augs_memory_monitor_open(const augs_memory_monitor_options *options,
                                      augs_memory_monitor **ret_monitor, augs_error *error);

/*
 * Closes the files and frees the monitor. Pipelines and schedulers that borrow it
 * must be freed before. monitor may be NULL.
 */
AUGS_API void augs_memory_monitor_free(augs_memory_monitor *monitor);

/*
 * Writes the figures of now, at most interval_ms old. The caller sets
 * ret_snapshot->size. Allocates nothing. A figure that cannot be read is left
 * out and is no error.
 *
 * AUGS_E_MEMORY if resident_bytes is above limit_bytes of the options. The
 * snapshot is written then, too. What the caller holds stays valid, and it may
 * go on with less. Other limits are reported, but are no error. AUGS_E_ARGUMENT
 * if a pointer is NULL or the size is wrong: nothing is written.
 */
AUGS_API int augs_memory_monitor_read(augs_memory_monitor *monitor,
                                      augs_memory_snapshot *ret_snapshot, augs_error *error);

/*
 * Same as augs_memory_monitor_read, but reads the system now whatever
 * interval_ms says. AUGS_E_MEMORY and AUGS_E_ARGUMENT: the same conditions.
 */
AUGS_API int augs_memory_monitor_read_now(augs_memory_monitor *monitor,
                                          augs_memory_snapshot *ret_snapshot, augs_error *error);

/*
 * What happened between the begin and the end of a piece of work. A scope
 * reports only: a limit that was exceeded is in peak_level, never AUGS_E_MEMORY.
 * Scopes of one monitor may nest. The struct is the caller's. It must stay where
 * it is until the scope has ended, and the monitor writes to it at each reading.
 */
typedef struct augs_memory_scope {
    uint32_t size;                 /* sizeof(augs_memory_scope), set by the caller */
    uint32_t peak_level;           /* AUGS_MEMORY_NORMAL..., the highest seen */
    uint64_t begin_resident_bytes; /* at the begin */
    uint64_t end_resident_bytes;   /* at the end */
    /* The highest that readings saw, or the peak of the process if it rose. */
    uint64_t peak_resident_bytes;
    double end_used_fraction;        /* at the end */
    double peak_used_fraction;       /* of the readings in the scope */
    uint64_t n_readings;             /* with begin, end, and scopes inside */
    struct augs_memory_scope *outer; /* of the monitor; not for the caller */
} augs_memory_scope;
AUGS_SIZED_STRUCT(augs_memory_scope, outer);

/*
 * Begins a scope and takes a first reading. The caller sets scope->size.
 *
 * AUGS_E_STATE if this scope has begun already. AUGS_E_ARGUMENT if a pointer is
 * NULL or the size is wrong. After a failure nothing has changed.
 */
AUGS_API int augs_memory_scope_begin(augs_memory_monitor *monitor, augs_memory_scope *scope,
                                     augs_error *error);

/*
 * Takes a last reading and ends the scope. Scopes end in the reverse order of
 * their begin.
 *
 * AUGS_E_STATE if another scope began later and has not ended, or this one has
 * not begun. AUGS_E_ARGUMENT if a pointer is NULL. After a failure nothing has
 * changed.
 */
AUGS_API int augs_memory_scope_end(augs_memory_monitor *monitor, augs_memory_scope *scope,
                                   augs_error *error);

AUGS_END_DECLS

#endif
