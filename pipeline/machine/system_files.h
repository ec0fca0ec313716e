/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel tells in /proc and /sys: text files, the control group of this process, and its
 * CPU quota. The kernel writes such a file anew whenever it is read from its start. Nothing here
 * allocates, and nothing fails: what is missing or garbage is not there.
 */
#ifndef AUGSI_SYSTEM_FILES_H
#define AUGSI_SYSTEM_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUGSI_UNKNOWN UINT64_MAX

/* Longest path that is followed, with its NUL. */
#define AUGSI_PATH_BYTES 4096u

/* A file that stays open between readings. */
typedef struct augsi_kept_file {
    int fd; /* < 0: there is none */
    uint64_t device, inode;
} augsi_kept_file;

#define AUGSI_NO_FILE ((augsi_kept_file){.fd = -1})

void augsi_kept_open(augsi_kept_file *ret_file, const char *path);
/* A descriptor that the program has closed meanwhile and given to another file is let alone. */
void augsi_kept_close(augsi_kept_file *file);
/*
 * As much of the text from its start as fits n_bytes with a NUL, cut at the end of a line. false,
 * and an empty text: it cannot be read.
 */
bool augsi_kept_read(const augsi_kept_file *file, char *ret_text, size_t n_bytes);
/* The same of a file that is opened for it. */
bool augsi_file_read(const char *path, char *ret_text, size_t n_bytes);

/* The number that the text starts with, after spaces: decimal, and nothing but a space, a tab, a
 * line end or the NUL behind it. AUGSI_UNKNOWN: there is none ("max", "-1", "unlimited"), or it
 * does not fit. */
uint64_t augsi_leading_number(const char *text);
/*
 * The numbers of lines "key number", "key: number" or "key: number kB" (times 1024); keys are
 * matched whole, the first line of a key counts. Those not there are AUGSI_UNKNOWN.
 */
void augsi_keyed_numbers(const char *text, const char *const *keys, size_t n_keys,
                         uint64_t *ret_numbers);
/* avg10 of the line that starts with `word` ("some", "full") of a pressure file, in percent; -1:
 * not there. */
double augsi_pressure_avg10(const char *text, const char *word);

/* Lines of a file of any length. A line longer than the buffer is left out. */
typedef struct augsi_lines {
    int fd;
    size_t begin, end; /* of what was read and not handed out */
    bool dropping;     /* within a line that is too long */
    char data[8192];
} augsi_lines;

bool augsi_lines_open(augsi_lines *lines, const char *path);
/* The next line without its end, NUL-terminated, valid until the next call; NULL: no more. */
char *augsi_lines_next(augsi_lines *lines);
void augsi_lines_close(augsi_lines *lines);

/*
 * Where the control group of this process is to be found, as cgroups(7) and proc(5) tell it:
 * /proc/self/cgroup names the group within its hierarchy, /proc/self/mountinfo where the hierarchy
 * is mounted and which part of it.
 */
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

/* CPUs, in parts, that the least of the control groups' quotas allows; 0: no quota is known.
 * Declared for tests: augs_cpu_count knows no parts and no more CPUs than the machine has. */
double augsi_cpu_quota(const char *root);

#endif
