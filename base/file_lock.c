/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"

#define OWNER_MODE 0666
#define OWNER_BYTES 192

/* ---- processes ---- */

/* When a process started, so that another one with its number is not taken for it. */
static uint64_t start_of(int64_t pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0) {
        close(fd);
    }
    if (n <= 0) {
        return 0;
    }
    text[n] = '\0';
    /* the name stands in parentheses and may hold spaces; the start is the 20th field behind it */
    const char *p = strrchr(text, ')');
    for (int i = 0; p != NULL && i < 20; i++) {
        p = strchr(p + 1, ' ');
    }
    uint64_t start = 0;
    return p != NULL && sscanf(p, " %" SCNu64, &start) == 1 ? start : 0;
}

static augsi_lock_owner own_self(void)
{
    augsi_lock_owner owner = {.pid = (int64_t)getpid()};
    if (gethostname(owner.host, sizeof owner.host - 1) != 0 || owner.host[0] == '\0') {
        strcpy(owner.host, "localhost");
    }
    owner.start = start_of(owner.pid);
    return owner;
}

static bool is_gone(const augsi_lock_owner *owner)
{
    augsi_lock_owner self = own_self();
    if (strcmp(owner->host, self.host) != 0) {
        return false; /* nobody here knows */
    }
    if (kill((pid_t)owner->pid, 0) != 0 && errno == ESRCH) {
        return true;
    }
    uint64_t start = start_of(owner->pid);
    return start != 0 && owner->start != 0 && start != owner->start;
}

/* ---- the file that names its owner: "host pid start" ---- */

static bool read_owner(int folder_fd, const char *name, augsi_lock_owner *ret_owner)
{
    char text[OWNER_BYTES];
    /* O_NONBLOCK: a pipe of that name must not hold us up */
    int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    *ret_owner = (augsi_lock_owner){.pid = 0};
    if (fd < 0) {
        return false;
    }
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    const bool is_whole = sscanf(text, "%95s %" SCNd64 " %" SCNu64, ret_owner->host,
                                 &ret_owner->pid, &ret_owner->start) == 3;
    return is_whole && ret_owner->pid > 0;
}

/* 0, or an errno: EEXIST. */
static int create_owner(int folder_fd, const char *name)
{
    char text[OWNER_BYTES];
    augsi_lock_owner self = own_self();
    int fd =
        openat(folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, OWNER_MODE);
    if (fd < 0) {
        return errno;
    }
    int n = snprintf(text, sizeof text, "%s %" PRId64 " %" PRIu64 "\n", self.host, self.pid,
                     self.start);
    int errnum = augsi_file_write(fd, text, (size_t)n, NULL, NULL);
    if (close(fd) != 0 && errnum == 0) {
        errnum = errno;
    }
    if (errnum != 0) {
        unlinkat(folder_fd, name, 0);
    }
    return errnum;
}

/* Moves the file of an owner who is gone away. Another process may be doing the same: what was
 * moved must be what was looked at, else it is put back. */
static void remove_gone(int folder_fd, const char *name, const augsi_lock_owner *gone)
{
    char aside[NAME_MAX + 32];
    augsi_lock_owner moved;
    snprintf(aside, sizeof aside, "%s.%ld", name, (long)getpid());
    if (renameat(folder_fd, name, folder_fd, aside) != 0) {
        return;
    }
    if (read_owner(folder_fd, aside, &moved) &&
        (moved.pid != gone->pid || moved.start != gone->start)) {
        (void)!linkat(folder_fd, aside, folder_fd, name, 0);
    }
    unlinkat(folder_fd, aside, 0);
}

/* 0, or an errno: EWOULDBLOCK. */
static int take_name(int folder_fd, const char *name, augsi_lock_owner *ret_holder)
{
    enum { TRIES = 3 };
    for (int i = 0; i < TRIES; i++) {
        int errnum = create_owner(folder_fd, name);
        if (errnum != EEXIST) {
            return errnum;
        }
        if (!read_owner(folder_fd, name, ret_holder) || !is_gone(ret_holder)) {
            break;
        }
        remove_gone(folder_fd, name, ret_holder);
    }
    return EWOULDBLOCK;
}

/* ---- both ---- */

static bool is_unsupported(int errnum)
{
    return errnum == ENOLCK || errnum == ENOSYS || errnum == ENOTSUP || errnum == EOPNOTSUPP ||
           errnum == EINVAL;
}

int augsi_file_lock_take(int fd, int folder_fd, const char *owner_name, augsi_file_lock *ret_lock,
                         augsi_lock_owner *ret_holder)
{
    int errnum = 0;
    *ret_lock = (augsi_file_lock){.kind = AUGSI_LOCK_FLOCK,
                                  .folder_fd = folder_fd,
                                  .owner_name = owner_name,
                                  .pid = (int64_t)getpid()};
    do {
        errnum = flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
    } while (errnum == EINTR);
    if (is_unsupported(errnum)) {
        ret_lock->kind = AUGSI_LOCK_FILE;
        errnum = take_name(folder_fd, owner_name, ret_holder);
    }
    return errnum;
}

void augsi_file_lock_give(augsi_file_lock *lock)
{
    /* a child of the process that took it has a copy of the lock, and does not hold it */
    if (lock->kind == AUGSI_LOCK_FILE && lock->pid == (int64_t)getpid()) {
        unlinkat(lock->folder_fd, lock->owner_name, 0);
    }
    lock->kind = AUGSI_LOCK_NONE;
}
