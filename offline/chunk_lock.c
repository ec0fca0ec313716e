/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "offline/chunk_folder.h"

#define FILE_MODE 0666

/* The holder before us may have removed the file between our open and our lock. */
static bool is_still_named(const augsi_folder *folder, const char *name, int fd)
{
    struct stat held, named;
    return fstat(fd, &held) == 0 && fstatat(folder->fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

static int fail_lock(const augsi_folder *folder, const augsi_folder_lock *lock, int errnum,
                     const augsi_lock_owner *holder, augs_error *error)
{
    const bool by_name = lock->lock.kind == AUGSI_LOCK_FILE;
    if (errnum == EWOULDBLOCK && !by_name) {
        return augsi_fail(error, AUGS_E_BUSY,
                          "another process is writing this shard of '%s' ('%s' is locked)",
                          folder->path, lock->name);
    }
    if (errnum == EWOULDBLOCK) {
        return augsi_fail(error, AUGS_E_BUSY,
                          "another process is writing this shard of '%s': process %" PRId64
                          " of host '%s', says '%s' (flock does not work there). If it is gone, "
                          "remove that file",
                          folder->path, holder->pid, holder->host[0] != '\0' ? holder->host : "?",
                          lock->owner_name);
    }
    return augsi_fail_errno(error, AUGS_E_IO, errnum, "%s '%s/%s'", by_name ? "create" : "lock",
                            folder->path, by_name ? lock->owner_name : lock->name);
}

int augsi_folder_lock_take(augsi_folder *folder, const char *name, bool unlocked,
                           augsi_folder_lock *ret_lock, augs_error *error)
{
    augsi_folder_lock *lock = ret_lock;
    augsi_lock_owner holder = {.pid = 0};
    *lock = (augsi_folder_lock){.lock.kind = AUGSI_LOCK_NONE, .name = name};
    snprintf(lock->owner_name, sizeof lock->owner_name, ".owner%s", name + strlen(".lock"));
    for (;;) {
        lock->fd = openat(folder->fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
        if (lock->fd < 0) {
            return augsi_fail_errno(error, AUGS_E_IO, errno, "create '%s/%s'", folder->path, name);
        }
        if (unlocked) {
            return AUGS_OK;
        }
        const int errnum =
            augsi_file_lock_take(lock->fd, folder->fd, lock->owner_name, &lock->lock, &holder);
        if (errnum != 0) {
            close(lock->fd);
            return fail_lock(folder, lock, errnum, &holder, error);
        }
        if (lock->lock.kind == AUGSI_LOCK_FILE || is_still_named(folder, name, lock->fd)) {
            return AUGS_OK;
        }
        close(lock->fd);
    }
}

void augsi_folder_lock_give(const augsi_folder *folder, augsi_folder_lock *lock)
{
    augsi_file_lock_give(&lock->lock);
    if (!atomic_load(&folder->kept_lock)) {
        unlinkat(folder->fd, lock->name, 0);
    }
    close(lock->fd);
}
