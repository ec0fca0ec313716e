/* SPDX-License-Identifier: Apache-2.0 */
#include "chunk_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "fail.h"

#define FILE_MODE 0666
#define FOLDER_MODE 0777
#define NAME_BYTES 256

static int sync_fd(int fd)
{
    /* EINVAL: something that cannot be synced, e.g. a folder on some network file systems */
    return fsync(fd) == 0 || errno == EINVAL ? 0 : -1;
}

/* A new folder is itself an entry of its parent. */
static void sync_parent(const augsi_folder *folder)
{
    int fd = openat(folder->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)sync_fd(fd);
        close(fd);
    }
}

int augsi_folder_open(const char *path, bool create, const augs_allocator *allocator,
                      augsi_folder *ret_folder, augs_error *error)
{
    bool made = create && mkdir(path, FOLDER_MODE) == 0;
    if (create && !made && errno != EEXIST) {
        return augsi_fail_errno(error, AUGS_E_IO, errno, "make folder '%s'", path);
    }
    augsi_folder folder = {.allocator = *allocator};
    folder.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder.fd < 0) {
        return augsi_fail_errno(error, errno == ENOENT ? AUGS_E_NOT_FOUND : AUGS_E_IO, errno,
                                "open folder '%s'", path);
    }
    folder.path = augsi_copy_text(allocator, path, strlen(path));
    if (folder.path == NULL) {
        close(folder.fd);
        return augsi_fail_memory(error, strlen(path) + 1);
    }
    if (made) {
        sync_parent(&folder);
    }
    *ret_folder = folder;
    return AUGS_OK;
}

void augsi_folder_done(augsi_folder *folder)
{
    if (folder->path != NULL) {
        augs_allocator allocator = folder->allocator;
        augsi_delete_text(&allocator, folder->path);
        close(folder->fd);
        *folder = (augsi_folder){0};
    }
}

static int fail_file(const augsi_folder *folder, const char *what, const char *name, int errnum,
                     augs_error *error)
{
    int status = errnum == EFBIG ? AUGS_E_NO_SPACE : AUGS_E_IO;
    return augsi_fail_errno(error, status, errnum, "%s '%s/%s'", what, folder->path, name);
}

/* 0, or errno. */
static int write_all(int fd, const void *data, size_t n_bytes)
{
    const char *p = data;
    while (n_bytes > 0) {
        ssize_t n = write(fd, p, n_bytes);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? errno : EIO;
        }
        p += n;
        n_bytes -= (size_t)n;
    }
    return 0;
}

static int open_temporary(const augsi_folder *folder, const char *name)
{
    int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    int fd = openat(folder->fd, name, flags, FILE_MODE);
    if (fd < 0 && errno == EEXIST) { /* the lock's holder is the only one who may write it */
        unlinkat(folder->fd, name, 0);
        fd = openat(folder->fd, name, flags, FILE_MODE);
    }
    return fd;
}

int augsi_folder_put(const augsi_folder *folder, const char *name, const char *suffix,
                     const void *data, size_t n_bytes, augs_error *error)
{
    char temporary[NAME_BYTES];
    snprintf(temporary, sizeof temporary, ".%s%s", name, suffix);
    int fd = open_temporary(folder, temporary);
    if (fd < 0) {
        return fail_file(folder, "create", temporary, errno, error);
    }
    const char *what = "write";
    int errnum = write_all(fd, data, n_bytes);
    if (errnum == 0 && sync_fd(fd) != 0) {
        what = "sync";
        errnum = errno;
    }
    if (close(fd) != 0 && errnum == 0) {
        what = "close";
        errnum = errno;
    }
    if (errnum == 0 && renameat(folder->fd, temporary, folder->fd, name) != 0) {
        what = "rename to";
        errnum = errno;
    }
    if (errnum == 0) {
        return AUGS_OK;
    }
    unlinkat(folder->fd, temporary, 0);
    return fail_file(folder, what, name, errnum, error);
}

int augsi_folder_sync(const augsi_folder *folder, augs_error *error)
{
    if (sync_fd(folder->fd) != 0) {
        return augsi_fail_errno(error, AUGS_E_IO, errno, "sync folder '%s'", folder->path);
    }
    return AUGS_OK;
}

int augsi_folder_read(const augsi_folder *folder, const char *name, augsi_text *text,
                      augs_error *error)
{
    struct stat facts;
    int fd = openat(folder->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        int status = errno == ENOENT ? AUGS_E_NOT_FOUND : AUGS_E_IO;
        return augsi_fail_errno(error, status, errno, "open '%s/%s'", folder->path, name);
    }
    if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        close(fd);
        return augsi_fail(error, AUGS_E_IO, "'%s/%s' is not a plain file", folder->path, name);
    }
    size_t room = (size_t)facts.st_size + 1;
    for (;;) {
        char *end = augsi_text_reserve(text, room);
        ssize_t n = end != NULL ? read(fd, end, room) : 0;
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            int errnum = errno;
            close(fd);
            if (end != NULL) {
                *end = '\0';
            }
            return end == NULL ? augsi_fail_memory(error, room)
                   : n < 0     ? fail_file(folder, "read", name, errnum, error)
                               : AUGS_OK;
        }
        text->n_bytes += (size_t)n;
        room = room > (size_t)n ? room - (size_t)n : 4096;
    }
}

int64_t augsi_folder_size(const augsi_folder *folder, const char *name)
{
    struct stat facts;
    if (fstatat(folder->fd, name, &facts, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(facts.st_mode)) {
        return -1;
    }
    return (int64_t)facts.st_size;
}

int augsi_folder_remove(const augsi_folder *folder, const char *name, augs_error *error)
{
    if (unlinkat(folder->fd, name, 0) != 0 && errno != ENOENT) {
        return fail_file(folder, "remove", name, errno, error);
    }
    return AUGS_OK;
}

uint64_t augsi_folder_free_bytes(const augsi_folder *folder)
{
    struct statvfs facts;
    return fstatvfs(folder->fd, &facts) == 0 ? (uint64_t)facts.f_bavail * facts.f_frsize : 0;
}

int augsi_folder_list(const augsi_folder *folder,
                      int (*see)(void *user, const char *name, augs_error *error), void *user,
                      augs_error *error)
{
    int fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    if (directory == NULL) {
        int errnum = errno;
        if (fd >= 0) {
            close(fd);
        }
        return augsi_fail_errno(error, AUGS_E_IO, errnum, "list folder '%s'", folder->path);
    }
    int status = AUGS_OK;
    const struct dirent *entry;
    while (status == AUGS_OK && (errno = 0, entry = readdir(directory)) != NULL) {
        status = see(user, entry->d_name, error);
    }
    if (status == AUGS_OK && errno != 0) { /* not the end: the rest of the names is not known */
        status = augsi_fail_errno(error, AUGS_E_IO, errno, "list folder '%s'", folder->path);
    }
    closedir(directory);
    return status;
}

int augsi_folder_open_append(const augsi_folder *folder, const char *name, int *ret_fd,
                             augs_error *error)
{
    int fd = openat(folder->fd, name, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return fail_file(folder, "open", name, errno, error);
    }
    *ret_fd = fd;
    return AUGS_OK;
}

void augsi_folder_close(int fd)
{
    close(fd);
}

int augsi_folder_append(const augsi_folder *folder, int fd, const char *name, const void *data,
                        size_t n_bytes, augs_error *error)
{
    struct stat before;
    if (fstat(fd, &before) != 0) {
        return fail_file(folder, "look at", name, errno, error);
    }
    const char *what = "write to";
    int errnum = write_all(fd, data, n_bytes);
    if (errnum == 0 && sync_fd(fd) != 0) {
        what = "sync";
        errnum = errno;
    }
    if (errnum == 0) {
        return AUGS_OK;
    }
    /* without the cut the line is torn, which readers drop: nothing more can be done */
    (void)!ftruncate(fd, before.st_size);
    return fail_file(folder, what, name, errnum, error);
}

int augsi_folder_lock(const augsi_folder *folder, const char *name, int *ret_fd, augs_error *error)
{
    for (;;) {
        struct stat held, named;
        int fd = openat(folder->fd, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
        if (fd < 0) {
            return fail_file(folder, "create", name, errno, error);
        }
        if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
            int errnum = errno;
            close(fd);
            if (errnum == EINTR) {
                continue;
            }
            return errnum == EWOULDBLOCK
                       ? augsi_fail(error, AUGS_E_STATE,
                                    "another process is writing this shard of '%s' ('%s' is "
                                    "locked)",
                                    folder->path, name)
                       : fail_file(folder, "lock", name, errnum, error);
        }
        /* the holder before us may have removed the file between our open and our lock */
        if (fstat(fd, &held) == 0 && fstatat(folder->fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
            held.st_ino == named.st_ino && held.st_dev == named.st_dev) {
            *ret_fd = fd;
            return AUGS_OK;
        }
        close(fd);
    }
}

void augsi_folder_unlock(const augsi_folder *folder, const char *name, int fd)
{
    unlinkat(folder->fd, name, 0);
    close(fd);
}
