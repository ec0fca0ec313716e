/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "offline/chunk_folder.h"

#define FILE_MODE 0666
#define OWNER_BYTES 192

/* Whoever holds a lock file: "host pid start", start as /proc says it, 0 if it does not. */
typedef struct lock_owner {
    char host[96];
    int64_t pid;
    uint64_t start;
} lock_owner;

static int fail_lock(const augsi_folder *folder, const char *what, const char *name, int errnum,
                     augs_error *error)
{
    return augsi_fail_errno(error, AUGS_E_IO, errnum, "%s '%s/%s'", what, folder->path, name);
}

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

static lock_owner own_self(void)
{
    lock_owner owner = {.pid = (int64_t)getpid()};
    if (gethostname(owner.host, sizeof owner.host - 1) != 0 || owner.host[0] == '\0') {
        strcpy(owner.host, "localhost");
    }
    owner.start = start_of(owner.pid);
    return owner;
}

static bool read_owner(const augsi_folder *folder, const char *name, lock_owner *ret_owner)
{
    char text[OWNER_BYTES];
    augsi_folder_file file;
    if (augsi_folder_open_file(folder, name, &file, NULL) < 0) {
        return false;
    }
    ssize_t n = pread(file.fd, text, sizeof text - 1, 0);
    augsi_folder_close_file(&file);
    text[n > 0 ? n : 0] = '\0';
    *ret_owner = (lock_owner){.pid = 0};
    return sscanf(text, "%95s %" SCNd64 " %" SCNu64, ret_owner->host, &ret_owner->pid,
                  &ret_owner->start) == 3 &&
           ret_owner->pid > 0;
}

static bool is_gone(const lock_owner *owner)
{
    lock_owner self = own_self();
    if (strcmp(owner->host, self.host) != 0) {
        return false; /* nobody here knows */
    }
    if (kill((pid_t)owner->pid, 0) != 0 && errno == ESRCH) {
        return true;
    }
    uint64_t start = start_of(owner->pid);
    return start != 0 && owner->start != 0 && start != owner->start;
}

static int create_owner(const augsi_folder *folder, const char *name)
{
    char text[OWNER_BYTES];
    lock_owner self = own_self();
    int fd =
        openat(folder->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0) {
        return errno;
    }
    int n = snprintf(text, sizeof text, "%s %" PRId64 " %" PRIu64 "\n", self.host, self.pid,
                     self.start);
    ssize_t written = write(fd, text, (size_t)n);
    int errnum = written == n ? 0 : written < 0 ? errno : ENOSPC;
    if (close(fd) != 0 && errnum == 0) {
        errnum = errno;
    }
    if (errnum != 0) {
        unlinkat(folder->fd, name, 0);
    }
    return errnum;
}

/* Moves the file of an owner who is gone away. Another process may be doing the same: what was
 * moved must be what was looked at, else it is put back. */
static void remove_gone(const augsi_folder *folder, const char *name, const lock_owner *gone)
{
    char aside[160];
    lock_owner moved;
    snprintf(aside, sizeof aside, "%s.%ld", name, (long)getpid());
    if (renameat(folder->fd, name, folder->fd, aside) != 0) {
        return;
    }
    if (read_owner(folder, aside, &moved) &&
        (moved.pid != gone->pid || moved.start != gone->start)) {
        (void)!linkat(folder->fd, aside, folder->fd, name, 0);
    }
    unlinkat(folder->fd, aside, 0);
}

static int take_owner(const augsi_folder *folder, const char *name, augs_error *error)
{
    enum { TRIES = 3 };
    lock_owner owner = {.pid = 0};
    for (int i = 0; i < TRIES; i++) {
        int errnum = create_owner(folder, name);
        if (errnum == 0) {
            return AUGS_OK;
        }
        if (errnum != EEXIST) {
            return fail_lock(folder, "create", name, errnum, error);
        }
        if (!read_owner(folder, name, &owner) || !is_gone(&owner)) {
            break;
        }
        remove_gone(folder, name, &owner);
    }
    return augsi_fail(error, AUGS_E_BUSY,
                      "another process is writing this shard of '%.200s': process %" PRId64
                      " of host '%.64s', says '%s' (flock does not work there). If it is gone, "
                      "remove that file",
                      folder->path, owner.pid, owner.host[0] != '\0' ? owner.host : "?", name);
}

static bool is_unsupported(int errnum)
{
    return errnum == ENOLCK || errnum == ENOSYS || errnum == ENOTSUP || errnum == EOPNOTSUPP ||
           errnum == EINVAL;
}

/* 1: locked, 0: flock does not work here, or negative. */
static int try_flock(const augsi_folder *folder, const char *name, int fd, augs_error *error)
{
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) {
            return augsi_fail(error, AUGS_E_BUSY,
                              "another process is writing this shard of '%s' ('%s' is locked)",
                              folder->path, name);
        }
        if (is_unsupported(errno)) {
            return 0;
        }
        if (errno != EINTR) {
            return fail_lock(folder, "lock", name, errno, error);
        }
    }
    return 1;
}

/* The holder before us may have removed the file between our open and our lock. */
static bool is_still_named(const augsi_folder *folder, const char *name, int fd)
{
    struct stat held, named;
    return fstat(fd, &held) == 0 && fstatat(folder->fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

int augsi_folder_lock_take(augsi_folder *folder, const char *name, bool unlocked,
                           augsi_folder_lock *ret_lock, augs_error *error)
{
    augsi_folder_lock lock = {.kind = AUGSI_LOCK_FLOCK, .name = name};
    snprintf(lock.owner_name, sizeof lock.owner_name, ".owner%s", name + strlen(".lock"));
    for (;;) {
        lock.fd = openat(folder->fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
        if (lock.fd < 0) {
            return fail_lock(folder, "create", name, errno, error);
        }
        int status = unlocked ? 0 : try_flock(folder, name, lock.fd, error);
        if (status > 0 && !is_still_named(folder, name, lock.fd)) {
            close(lock.fd);
            continue;
        }
        if (status == 0) {
            lock.kind = unlocked ? AUGSI_LOCK_NONE : AUGSI_LOCK_FILE;
            status = unlocked ? AUGS_OK : take_owner(folder, lock.owner_name, error);
        }
        if (status < 0) {
            close(lock.fd);
            return status;
        }
        *ret_lock = lock;
        return AUGS_OK;
    }
}

void augsi_folder_lock_give(const augsi_folder *folder, augsi_folder_lock *lock)
{
    if (lock->kind == AUGSI_LOCK_FILE) {
        unlinkat(folder->fd, lock->owner_name, 0);
    }
    if (!atomic_load(&folder->kept_lock)) {
        unlinkat(folder->fd, lock->name, 0);
    }
    close(lock->fd);
}
