/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory monitor: what this process may still take before somebody's limit is reached, read
 * from /proc and /sys (control groups 1 and 2, pressure stall information, resource limits).
 * Linux; elsewhere, and where a file is missing, the figures that cannot be known are 0.
 *
 * A reading takes some tens of microseconds. A monitor keeps the files that it reads open (closed
 * on exec): about four, and one to four for each control group around the process. After a fork the
 * child may go on with its copy, which then tells the child's figures.
 */
#ifndef AUGSTREAM_MEMORY_MONITOR_H
#define AUGSTREAM_MEMORY_MONITOR_H

#include <stdint.h>

#include <augstream/alloc.h>
#include <augstream/export.h>
#include <augstream/status.h>

AUGS_BEGIN_DECLS

typedef struct augs_memory_monitor augs_memory_monitor;

/* Part of the limit that is used. */
#define AUGS_MEMORY_NORMAL 0u   /* below 50 % */
#define AUGS_MEMORY_ELEVATED 1u /* below 80 % */
#define AUGS_MEMORY_HIGH 2u     /* below 90 % */
#define AUGS_MEMORY_CRITICAL 3u
AUGS_API const char *augs_memory_level_name(uint32_t level); /* "normal"...; NULL beyond */

/* Which limit leaves the least room. */
#define AUGS_MEMORY_OF_NONE 0u    /* no figure could be read */
#define AUGS_MEMORY_OF_SYSTEM 1u  /* MemAvailable of the machine */
#define AUGS_MEMORY_OF_CGROUP 2u  /* a control group, or one above it */
#define AUGS_MEMORY_OF_PROCESS 3u /* a resource limit: RLIMIT_AS, RLIMIT_DATA */
#define AUGS_MEMORY_OF_USER 4u    /* limit_bytes of the options */
AUGS_API const char *augs_memory_source_name(uint32_t source); /* "system"...; NULL beyond */

typedef struct augs_memory_monitor_options {
    uint32_t size;        /* sizeof(augs_memory_monitor_options) */
    uint32_t interval_ms; /* the system is asked at most once in it; 0 = 100 */
    uint64_t limit_bytes; /* a limit of your own on resident_bytes; 0 = none */
    const char *root;     /* folder that holds proc/ and sys/; NULL = "/"; copied */
    /* Monotonic nanoseconds; NULL = CLOCK_MONOTONIC. */
    uint64_t (*now_ns)(void *user);
    /* Asked with every reading, *ret_figures zeroed; NULL = the allocator's own
     * `figures`, if it has any. The library links no jemalloc itself. */
    void (*allocator_figures)(void *user, augs_allocator_figures *ret_figures);
    void *user;                      /* of both */
    const augs_allocator *allocator; /* NULL = the C library's */
    /* 1 + the index of an NVIDIA device, as nvidia-smi counts, whose memory is told too, and goes
     * before the process's where a strategy asks; 0 = none. Through the driver's NVML library,
     * which is loaded here: AUGS_E_UNSUPPORTED if it or the device is missing. Not across a fork.
     */
    uint32_t device;
    uint32_t reserved;
} augs_memory_monitor_options;
AUGS_SIZED_STRUCT(augs_memory_monitor_options, reserved);

typedef struct augs_memory_snapshot {
    uint32_t size;
    uint32_t level;  /* AUGS_MEMORY_NORMAL... of used_bytes and limit_bytes */
    uint32_t source; /* AUGS_MEMORY_OF_...: whose limit the next three are */
    uint32_t reserved;
    uint64_t limit_bytes; /* of the source; 0 = none known */
    /* Against that limit, without what the kernel can drop at once. Of a resource limit: the
     * address space or the data segment, not what is resident. May be above the limit. */
    uint64_t used_bytes;
    uint64_t available_bytes;     /* the least room of all limits; UINT64_MAX: none known */
    uint64_t resident_bytes;      /* of this process */
    uint64_t peak_resident_bytes; /* of this process, ever; where that is not told, as read */
    double used_fraction;         /* used_bytes / limit_bytes; 0 without a limit */
    double pressure_some_avg10;   /* percent of time that some, all tasks waited for memory; < 0: */
    double pressure_full_avg10; /* not known. Of the control group if it tells, else the machine */
    augs_allocator_figures allocator;
    uint64_t n_readings;         /* of the system, until now */
    uint64_t device_limit_bytes; /* of the device that was asked for; 0 = not known, likewise: */
    uint64_t device_used_bytes;  /* by all processes */
    uint64_t device_available_bytes;
    double cpu_seconds; /* of all threads of this process, user and system, ever; < 0: not known */
    double cpu_usage;   /* CPUs that it used on average since the reading before, 1.5 = one and a
                           half; < 0: not known, as of a first reading */
} augs_memory_snapshot;
AUGS_SIZED_STRUCT(augs_memory_snapshot, cpu_usage);

/* options may be NULL. */
AUGS_API int augs_memory_monitor_open(const augs_memory_monitor_options *options,
                                      augs_memory_monitor **ret_monitor, augs_error *error);
AUGS_API void augs_memory_monitor_free(augs_memory_monitor *monitor);

/*
 * The figures of now, at most interval_ms old. One thread at a time. Allocates nothing. What cannot
 * be read is left out, never an error. ret_snapshot->size is set by the caller.
 * AUGS_E_MEMORY if resident_bytes is above options.limit_bytes, with the figures in error and in
 * ret_snapshot, whose source is AUGS_MEMORY_OF_USER then: what the caller has in hand stays valid,
 * and it may go on with less. The limits of others are reported, but no error.
 */
AUGS_API int augs_memory_monitor_read(augs_memory_monitor *monitor,
                                      augs_memory_snapshot *ret_snapshot, augs_error *error);
/* The same, but asks the system now whatever interval_ms says. */
AUGS_API int augs_memory_monitor_read_now(augs_memory_monitor *monitor,
                                          augs_memory_snapshot *ret_snapshot, augs_error *error);

/* What happened between begin and end of a piece of work. It reports and drops nothing: a limit
 * exceeded shows in peak_level, never as AUGS_E_MEMORY. Scopes of one monitor may nest. The struct
 * is the caller's, and must stay where it is until the scope has ended. */
typedef struct augs_memory_scope {
    uint32_t size; /* sizeof(augs_memory_scope), set by the caller */
    uint32_t peak_level;
    uint64_t begin_resident_bytes, end_resident_bytes;
    uint64_t peak_resident_bytes; /* the highest seen by readings in the scope, or the process's own
                                     peak if that rose */
    double end_used_fraction;
    double peak_used_fraction;       /* of the readings in the scope */
    uint64_t n_readings;             /* with those of begin and end, and of scopes inside */
    struct augs_memory_scope *outer; /* the monitor's own */
} augs_memory_scope;
AUGS_SIZED_STRUCT(augs_memory_scope, outer);
/* Takes a first reading. AUGS_E_STATE if this scope has begun already. */
AUGS_API int augs_memory_scope_begin(augs_memory_monitor *monitor, augs_memory_scope *scope,
                                     augs_error *error);
/* Takes a last reading. Scopes end in the reverse order of their beginning: else AUGS_E_STATE, and
 * nothing is changed. */
AUGS_API int augs_memory_scope_end(augs_memory_monitor *monitor, augs_memory_scope *scope,
                                   augs_error *error);

AUGS_END_DECLS

#endif
