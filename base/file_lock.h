/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lock between processes. flock on an open file dies with its process. Where the file system has
 * no flock, a file that names its owner takes its place: one of a process of this machine that is
 * gone is replaced, one of another machine is believed.
 */
#ifndef AUGSI_FILE_LOCK_H
#define AUGSI_FILE_LOCK_H

#include <stdint.h>

enum { AUGSI_LOCK_FLOCK, AUGSI_LOCK_FILE, AUGSI_LOCK_NONE };

/* A process; `start` is when it started, as /proc says it, 0 if it does not. */
typedef struct augsi_lock_owner {
    char host[96];
    int64_t pid;
    uint64_t start;
} augsi_lock_owner;

typedef struct augsi_file_lock {
    int kind;
    int folder_fd;          /* the caller's, open as long as the lock is held */
    const char *owner_name; /* the caller's; a name in that folder */
    int64_t pid;            /* the process that took it */
} augsi_file_lock;

/*
 * Locks an open file, or else the name. 0, or an errno: EWOULDBLOCK, another process holds it, and
 * *ret_holder says which one if its kind is AUGSI_LOCK_FILE (its pid is 0 if the file does not).
 * ret_lock->kind is set in any case.
 */
int augsi_file_lock_take(int fd, int folder_fd, const char *owner_name, augsi_file_lock *ret_lock,
                         augsi_lock_owner *ret_holder);
/* Removes the owner's file; a flock ends when the file is closed. */
void augsi_file_lock_give(augsi_file_lock *lock);

#endif
