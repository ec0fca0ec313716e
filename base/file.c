/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define WAIT_MS 20 /* between two looks at the stop, while a file has no space */

/* ---- writing ---- */

/* 0: it may have space now. */
static int wait_for_space(int fd, const augsi_stop *stop)
{
    struct pollfd space = {.fd = fd, .events = POLLOUT};
    const int n = poll(&space, 1, stop == NULL ? -1 : WAIT_MS);
    return n < 0 && errno != EINTR ? errno : 0;
}

int augsi_file_write(int fd, const void *data, size_t n_bytes, const augsi_stop *stop,
                     size_t *ret_written)
{
    const char *p = data;
    size_t done = 0;
    int errnum = 0;
    while (done < n_bytes && errnum == 0) {
        if (augsi_stopped(stop)) {
            errnum = ECANCELED;
            break;
        }
        const size_t left = n_bytes - done;
        const ssize_t n =
            write(fd, p + done, left < AUGSI_FILE_PIECE_BYTES ? left : AUGSI_FILE_PIECE_BYTES);
        if (n > 0) {
            done += (size_t)n;
        } else if (n == 0) {
            errnum = EIO;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            errnum = wait_for_space(fd, stop);
        } else if (errno != EINTR) {
            errnum = errno;
        }
    }
    if (ret_written != NULL) {
        *ret_written = done;
    }
    return errnum;
}

int augsi_file_write_at(int fd, const void *data, size_t n_bytes, uint64_t offset)
{
    const char *p = data;
    while (n_bytes > 0) {
        const ssize_t n = pwrite(fd, p, n_bytes, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? errno : EIO;
        }
        p += n;
        offset += (uint64_t)n;
        n_bytes -= (size_t)n;
    }
    return 0;
}

/* ---- the disk ---- */

int augsi_file_sync(int fd)
{
    return fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
}

/* Lets the disk begin with bytes that were just written. A hint: an error shows in the sync. */
static void start_writing(int fd, uint64_t offset, uint64_t n_bytes)
{
#ifdef SYNC_FILE_RANGE_WRITE
    (void)!sync_file_range(fd, (off_t)offset, (off_t)n_bytes, SYNC_FILE_RANGE_WRITE);
#else
    (void)fd;
    (void)offset;
    (void)n_bytes;
#endif
}

bool augsi_file_cut(int fd, uint64_t n_bytes, const augsi_stop *stop, uint64_t *ret_left)
{
    while (n_bytes > AUGSI_FILE_CUT_BYTES) {
        if (augsi_stopped(stop)) {
            *ret_left = n_bytes;
            return false;
        }
        n_bytes -= AUGSI_FILE_CUT_BYTES;
        if (ftruncate(fd, (off_t)n_bytes) != 0 && errno != EINTR) {
            break; /* then it is removed at once */
        }
    }
    *ret_left = 0;
    return true;
}

/* ---- drafts ---- */

int augsi_draft_create(augsi_draft *draft, int folder_fd, const char *temporary, unsigned mode,
                       bool durable, bool replace)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    *draft = (augsi_draft){.what = "write",
                           .fd = openat(folder_fd, temporary, flags, mode),
                           .folder_fd = folder_fd,
                           .temporary = temporary,
                           .durable = durable};
    if (draft->fd < 0 && errno == EEXIST && replace) {
        unlinkat(folder_fd, temporary, 0);
        draft->fd = openat(folder_fd, temporary, flags, mode);
    }
    return draft->fd < 0 ? errno : 0;
}

int augsi_draft_write(augsi_draft *draft, const void *data, size_t n_bytes, const augsi_stop *stop)
{
    const char *p = data;
    while (n_bytes > 0) {
        const size_t piece = n_bytes < AUGSI_FILE_PIECE_BYTES ? n_bytes : AUGSI_FILE_PIECE_BYTES;
        size_t written;
        const int errnum = augsi_file_write(draft->fd, p, piece, stop, &written);
        const uint64_t before = draft->n_bytes;
        draft->n_bytes += written;
        if (errnum != 0) {
            return errnum;
        }
        p += piece;
        n_bytes -= piece;
        if (!draft->durable || draft->n_bytes < AUGSI_FILE_PIECE_BYTES) {
            continue; /* small files have one sync, at the end */
        }
        start_writing(draft->fd, before, written);
        if (draft->n_bytes - draft->n_synced >= AUGSI_FILE_SYNC_BYTES) {
            draft->what = "sync";
            if (fdatasync(draft->fd) != 0 && errno != EINVAL) {
                return errno;
            }
            draft->what = "write";
            draft->n_synced = draft->n_bytes;
        }
    }
    return 0;
}

bool augsi_draft_drop(augsi_draft *draft, const augsi_stop *stop)
{
    bool is_short = true;
    if (draft->fd >= 0) {
        is_short = augsi_file_cut(draft->fd, draft->n_bytes, stop, &draft->n_left);
        close(draft->fd);
        draft->fd = -1;
    }
    return is_short && (unlinkat(draft->folder_fd, draft->temporary, 0) == 0 || errno == ENOENT);
}

static int rename_over(const augsi_draft *draft, const char *name, bool over_folder)
{
    const int folder = draft->folder_fd;
    if (renameat(folder, draft->temporary, folder, name) == 0) {
        return 0;
    }
    if (errno == EISDIR && over_folder && unlinkat(folder, name, AT_REMOVEDIR) == 0) {
        return renameat(folder, draft->temporary, folder, name) == 0 ? 0 : errno;
    }
    return errno;
}

int augsi_draft_finish(augsi_draft *draft, const char *name, bool over_folder,
                       const augsi_stop *stop)
{
    int errnum = augsi_stopped(stop) ? ECANCELED : 0;
    if (errnum == 0 && draft->durable) {
        draft->what = "sync";
        errnum = augsi_file_sync(draft->fd);
    }
    if (errnum == 0) {
        const int fd = draft->fd;
        draft->what = "close";
        draft->fd = -1;
        errnum = close(fd) == 0 ? 0 : errno;
    }
    if (errnum == 0) {
        draft->what = "rename to";
        errnum = rename_over(draft, name, over_folder);
    }
    if (errnum != 0) {
        augsi_draft_drop(draft, stop);
    }
    return errnum;
}
