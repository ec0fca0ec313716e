/* SPDX-License-Identifier: Apache-2.0 */
/* One reading of all limits on this process's memory from /proc and /sys. */
#ifndef AUGSI_MEMORY_READER_H
#define AUGSI_MEMORY_READER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <augstream/memory_monitor.h>

#include "pipeline/machine/system_files.h"

/* Groups one within the other that are watched; those farther from the process are left out. */
#define AUGSI_MEMORY_GROUPS 32u

typedef struct augsi_memory_group {
    size_t n_path_bytes;
    augsi_kept_file limit, high, usage, statistics;
    bool measured; /* usage and statistics were opened: when a limit is first seen */
} augsi_memory_group;

typedef struct augsi_memory_reader {
    const char *root;     /* without a slash at its end; the caller's */
    uint64_t limit_bytes; /* the caller's own on what is resident; 0 = none */
    pid_t pid;            /* of the process that looked up the files; 0: nobody did */
    bool lost;            /* a file cannot be read any more */
    uint64_t looked_up_ns;
    uint64_t membership_hash; /* of the names of the process's groups */
    augsi_kept_file membership, status, limits, meminfo, group_pressure, machine_pressure;
    uint32_t version; /* of the groups */
    uint32_t n_groups;
    augsi_memory_group groups[AUGSI_MEMORY_GROUPS]; /* the process's own is the first */
    augsi_cgroup cgroup;
    char text[8192]; /* of the file that is being read */
} augsi_memory_reader;

void augsi_memory_reader_init(augsi_memory_reader *reader, const char *root, uint64_t limit_bytes);
void augsi_memory_reader_done(augsi_memory_reader *reader);

/* This process is not the one that read last, but its child. */
bool augsi_memory_reader_forked(const augsi_memory_reader *reader);

/*
 * Fills limit_bytes, used_bytes, available_bytes, source, resident_bytes, peak_resident_bytes and
 * the pressures and cpu_seconds; the rest is 0. Allocates nothing.
 */
void augsi_memory_reader_read(augsi_memory_reader *reader, uint64_t now_ns,
                              augs_memory_snapshot *ret_snapshot);

#endif
