/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the control group of this process is to be found, as cgroups(7) and proc(5) tell it:
 * /proc/self/cgroup names the group within its hierarchy, /proc/self/mountinfo where the hierarchy
 * is mounted and which part of it.
 */
#ifndef AUGSI_CGROUP_PATH_H
#define AUGSI_CGROUP_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pipeline/machine/memory_files.h"

typedef struct augsi_cgroup {
    uint32_t version;            /* 1, 2; 0: none is to be seen */
    size_t n_mount_bytes;        /* the part of path that is the mount point */
    size_t n_bytes;              /* of path, without its NUL */
    char path[AUGSI_PATH_BYTES]; /* the folder of the group, no slash at its end */
} augsi_cgroup;

/*
 * The group that limits this process by `controller` ("memory", "cpu"): in version 1 the hierarchy
 * with that controller, if there is one, else the unified hierarchy, as for "". Where the group
 * itself is not below the mount point (a container that sees the names of its host), the nearest
 * group above it that is, at the last the top of the mount. root: without a slash at its end.
 */
void augsi_cgroup_find(const char *root, const char *controller, augsi_cgroup *ret_cgroup);

/* The path of a file of the group that the first n_bytes of its path name; false: too long. */
bool augsi_cgroup_file(const augsi_cgroup *cgroup, size_t n_bytes, const char *name,
                       char ret_path[AUGSI_PATH_BYTES]);
/* n_bytes of the group above the one of n_bytes; 0: that was the top of the mount. */
size_t augsi_cgroup_above(const augsi_cgroup *cgroup, size_t n_bytes);

/* root as given by a caller (NULL = "/") without slashes at its end; returns its length. */
size_t augsi_root_bytes(const char *root);
/* root + path; false: too long. */
bool augsi_root_path(const char *root, const char *path, char ret_path[AUGSI_PATH_BYTES]);

#endif
