/* SPDX-License-Identifier: Apache-2.0 */
#include "offline/chunk_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/fail.h"

#define FILE_MODE 0666
#define FOLDER_MODE 0777

/* A new folder is itself an entry of its parent. */
static void sync_parent(int fd)
{
    int parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent >= 0) {
        (void)augsi_file_sync(parent);
        close(parent);
    }
}

static int make_folder(const char *path)
{
    if (mkdir(path, FOLDER_MODE) != 0) {
        return errno;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        sync_parent(fd);
        close(fd);
    }
    return 0;
}

/* `path` is written to on the way, and is then as it was. */
static int make_folders(char *path, augs_error *error)
{
    int errnum = make_folder(path);
    for (char *p = path + 1; errnum == ENOENT && *p != '\0'; p++) {
        if (*p != '/' || p[-1] == '/') {
            continue;
        }
        *p = '\0';
        int made = make_folder(path);
        if (made != 0 && made != EEXIST) {
            int status = augsi_fail_errno(error, AUGS_E_IO, made, "make folder '%s'", path);
            *p = '/';
            return status;
        }
        *p = '/';
    }
    errnum = errnum == ENOENT ? make_folder(path) : errnum;
    return errnum == 0 || errnum == EEXIST
               ? AUGS_OK
               : augsi_fail_errno(error, AUGS_E_IO, errnum, "make folder '%s'", path);
}

int augsi_folder_open(const char *path, bool create, const augs_allocator *allocator,
                      augsi_folder *ret_folder, augs_error *error)
{
    augsi_folder folder = {.allocator = *allocator, .fd = -1};
    folder.path = augsi_copy_text(allocator, path, strlen(path));
    if (folder.path == NULL) {
        return augsi_fail_memory(error, strlen(path) + 1);
    }
    int status = create ? make_folders(folder.path, error) : AUGS_OK;
    if (status == AUGS_OK) {
        folder.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder.fd < 0) {
            status = augsi_fail_errno(error, errno == ENOENT ? AUGS_E_NOT_FOUND : AUGS_E_IO, errno,
                                      "open folder '%s'", path);
        }
    }
    if (status < 0) {
        augsi_delete_text(allocator, folder.path);
        return status;
    }
    *ret_folder = folder;
    return AUGS_OK;
}

int augsi_folder_open_parent(const char *path, const augs_allocator *allocator,
                             augsi_folder *ret_folder, augs_error *error)
{
    char *above = augsi_copy_text(allocator, path, strlen(path));
    if (above == NULL) {
        return augsi_fail_memory(error, strlen(path) + 1);
    }
    int status = AUGS_E_NOT_FOUND;
    for (size_t n = strlen(above); status == AUGS_E_NOT_FOUND;) {
        while (n > 0 && above[n - 1] == '/') {
            n--;
        }
        while (n > 0 && above[n - 1] != '/') {
            n--;
        }
        char cut = above[n];
        above[n] = '\0';
        status = augsi_folder_open(n == 0 ? "." : above, false, allocator, ret_folder, error);
        above[n] = cut;
        if (n <= 1) {
            break;
        }
    }
    augsi_delete(allocator, above, strlen(path) + 1);
    return status;
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
    if (errnum == ECANCELED) {
        return augsi_fail_stopped(error);
    }
    int status = errnum == EFBIG ? AUGS_E_NO_SPACE : AUGS_E_IO;
    return augsi_fail_errno(error, status, errnum, "%s '%s/%s'", what, folder->path, name);
}

int augsi_fail_stopped(augs_error *error)
{
    return augsi_fail(error, AUGS_E_CANCELLED, "stopped by the caller");
}

int augsi_folder_draft_begin(augsi_folder *folder, const char *name, const char *suffix,
                             augsi_folder_draft *ret_draft, augs_error *error)
{
    augsi_folder_draft *draft = ret_draft;
    draft->name = name;
    snprintf(draft->temporary, sizeof draft->temporary, ".%s%s", name, suffix);
    /* what is left of an earlier one: the lock's holder is the only one who may write it */
    int errnum =
        augsi_draft_create(&draft->file, folder->fd, draft->temporary, FILE_MODE, true, true);
    return errnum == 0 ? AUGS_OK : fail_file(folder, "create", draft->temporary, errnum, error);
}

/* What a draft leaves behind: the next run of the shard looks for it if the lock file is there. */
static void note_left(augsi_folder *folder, bool removed, uint64_t n_left)
{
    if (!removed) {
        atomic_fetch_add(&folder->left_bytes, n_left);
        atomic_store(&folder->kept_lock, true);
    }
}

void augsi_folder_draft_drop(augsi_folder *folder, augsi_folder_draft *draft)
{
    const bool removed = augsi_draft_drop(&draft->file, &folder->stop);
    note_left(folder, removed, draft->file.n_left);
}

int augsi_folder_draft_write(augsi_folder *folder, augsi_folder_draft *draft, const void *data,
                             size_t n_bytes, augs_error *error)
{
    int errnum = augsi_draft_write(&draft->file, data, n_bytes, &folder->stop);
    if (errnum == 0) {
        return AUGS_OK;
    }
    augsi_folder_draft_drop(folder, draft);
    return fail_file(folder, draft->file.what, draft->name, errnum, error);
}

int augsi_folder_draft_end(augsi_folder *folder, augsi_folder_draft *draft, augs_error *error)
{
    int errnum = augsi_draft_finish(&draft->file, draft->name, true, &folder->stop);
    return errnum == 0 ? AUGS_OK : fail_file(folder, draft->file.what, draft->name, errnum, error);
}

int augsi_folder_put(augsi_folder *folder, const char *name, const char *suffix, const void *data,
                     size_t n_bytes, augs_error *error)
{
    augsi_folder_draft draft;
    int status = augsi_folder_draft_begin(folder, name, suffix, &draft, error);
    if (status == AUGS_OK) {
        status = augsi_folder_draft_write(folder, &draft, data, n_bytes, error);
    }
    return status < 0 ? status : augsi_folder_draft_end(folder, &draft, error);
}

int augsi_folder_sync(const augsi_folder *folder, augs_error *error)
{
    int errnum = augsi_file_sync(folder->fd);
    return errnum == 0
               ? AUGS_OK
               : augsi_fail_errno(error, AUGS_E_IO, errnum, "sync folder '%s'", folder->path);
}

static const char *kind_of(mode_t mode)
{
    return S_ISDIR(mode)    ? "a folder"
           : S_ISFIFO(mode) ? "a pipe"
           : S_ISSOCK(mode) ? "a socket"
                            : "a device";
}

int augsi_folder_open_file(const augsi_folder *folder, const char *name,
                           augsi_folder_file *ret_file, augs_error *error)
{
    struct stat facts;
    /* O_NONBLOCK: a pipe must not hold us up */
    int fd = openat(folder->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int errnum = errno;
    if (fd < 0 && errnum == ENOENT) {
        return augsi_fail(error, AUGS_E_NOT_FOUND, "it is missing");
    }
    if (fd < 0) {
        bool known = fstatat(folder->fd, name, &facts, 0) == 0;
        return known && !S_ISREG(facts.st_mode)
                   ? augsi_fail(error, AUGS_E_CORRUPT, "it is %s, not a plain file",
                                kind_of(facts.st_mode))
                   : augsi_fail(error, AUGS_E_IO, "it cannot be opened: %s", strerror(errnum));
    }
    int status = AUGS_OK;
    if (fstat(fd, &facts) != 0) {
        status = augsi_fail(error, AUGS_E_IO, "it cannot be looked at: %s", strerror(errno));
    } else if (!S_ISREG(facts.st_mode)) {
        status =
            augsi_fail(error, AUGS_E_CORRUPT, "it is %s, not a plain file", kind_of(facts.st_mode));
    }
    if (status < 0) {
        close(fd);
        return status;
    }
    *ret_file = (augsi_folder_file){.fd = fd, .n_bytes = (uint64_t)facts.st_size};
    return AUGS_OK;
}

void augsi_folder_close_file(augsi_folder_file *file)
{
    close(file->fd);
    file->fd = -1;
}

int64_t augsi_folder_read_at(const augsi_folder *folder, const augsi_folder_file *file,
                             uint64_t offset, void *data, size_t n_bytes, augs_error *error)
{
    size_t done = 0;
    while (done < n_bytes) {
        size_t n_piece =
            n_bytes - done < AUGSI_FILE_PIECE_BYTES ? n_bytes - done : AUGSI_FILE_PIECE_BYTES;
        if (augsi_stopped(&folder->stop)) {
            return augsi_fail_stopped(error);
        }
        ssize_t n = pread(file->fd, (char *)data + done, n_piece, (off_t)(offset + done));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return augsi_fail(error, AUGS_E_IO, "it cannot be read: %s", strerror(errno));
        }
        if (n == 0) {
            break;
        }
        done += (size_t)n;
    }
    return (int64_t)done;
}

static int read_text(const augsi_folder *folder, const augsi_folder_file *file, size_t most_bytes,
                     augsi_text *text, augs_error *error)
{
    if (file->n_bytes > most_bytes) {
        return augsi_fail(error, AUGS_E_CORRUPT,
                          "it has %llu bytes, more than the %zu that it can have",
                          (unsigned long long)file->n_bytes, most_bytes);
    }
    char *end = augsi_text_reserve(text, (size_t)file->n_bytes);
    if (end == NULL) {
        return augsi_fail_memory(error, (size_t)file->n_bytes);
    }
    int64_t n = augsi_folder_read_at(folder, file, 0, end, (size_t)file->n_bytes, error);
    end[n > 0 ? n : 0] = '\0';
    text->n_bytes += (size_t)(n > 0 ? n : 0);
    return n < 0 ? (int)n : AUGS_OK;
}

int augsi_folder_read(const augsi_folder *folder, const char *name, size_t most_bytes,
                      augsi_text *text, augs_error *error)
{
    augsi_folder_file file;
    augs_error inner;
    int status = augsi_folder_open_file(folder, name, &file, &inner);
    if (status == AUGS_OK) {
        status = read_text(folder, &file, most_bytes, text, &inner);
        augsi_folder_close_file(&file);
    }
    return status == AUGS_OK
               ? AUGS_OK
               : augsi_fail(error, status, "'%s/%s': %s", folder->path, name, inner.message);
}

bool augsi_folder_has(const augsi_folder *folder, const char *name)
{
    struct stat facts;
    return fstatat(folder->fd, name, &facts, AT_SYMLINK_NOFOLLOW) == 0;
}

bool augsi_folder_is_link(const augsi_folder *folder, const char *name)
{
    struct stat facts;
    return fstatat(folder->fd, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(facts.st_mode);
}

int augsi_folder_remove(const augsi_folder *folder, const char *name, augs_error *error)
{
    if (unlinkat(folder->fd, name, 0) != 0 && errno != ENOENT) {
        return fail_file(folder, "remove", name, errno, error);
    }
    return AUGS_OK;
}

int augsi_folder_remove_temporary(augsi_folder *folder, const char *name, augs_error *error)
{
    struct stat facts;
    uint64_t n_left = 0;
    bool is_short = true;
    int fd = openat(folder->fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0) {
        /* a second name of the same file would lose its bytes, too */
        if (fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_nlink == 1) {
            is_short = augsi_file_cut(fd, (uint64_t)facts.st_size, &folder->stop, &n_left);
        }
        close(fd);
    }
    int status = is_short ? augsi_folder_remove(folder, name, error) : augsi_fail_stopped(error);
    note_left(folder, status == AUGS_OK, n_left);
    return status;
}

augsi_folder_space augsi_folder_space_of(const augsi_folder *folder)
{
    struct statvfs facts;
    if (fstatvfs(folder->fd, &facts) != 0) {
        return (augsi_folder_space){UINT64_MAX, UINT64_MAX, 1};
    }
    /* a file system without a limit on files says that it has none at all */
    return (augsi_folder_space){.free_bytes = (uint64_t)facts.f_bavail * facts.f_frsize,
                                .free_files =
                                    facts.f_files == 0 ? UINT64_MAX : (uint64_t)facts.f_favail,
                                .block_bytes = facts.f_frsize == 0 ? 1 : (uint64_t)facts.f_frsize};
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
    while (status == AUGS_OK) {
        errno = 0; /* readdir tells an error from the end by it alone */
        const struct dirent *entry = readdir(directory);
        if (entry == NULL) {
            break;
        }
        status = augsi_stopped(&folder->stop) ? augsi_fail_stopped(error)
                                              : see(user, entry->d_name, error);
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
    /* without a stop: the chunk is on disk, and a line takes no time */
    int errnum = augsi_file_write(fd, data, n_bytes, NULL, NULL);
    if (errnum == 0) {
        what = "sync";
        errnum = augsi_file_sync(fd);
    }
    if (errnum == 0) {
        return AUGS_OK;
    }
    /* without the cut the line is torn, which readers drop: nothing more can be done */
    (void)!ftruncate(fd, before.st_size);
    return fail_file(folder, what, name, errnum, error);
}
