/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are written whole, and files that appear whole or not at all. A long call is cut into
 * pieces, so that a stop is seen between them. The functions answer 0 or an errno and need nothing
 * but the C library: the command compiles this file, too.
 */
#ifndef AUGSI_FILE_H
#define AUGSI_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Asked before every piece, from any thread at work: not 0 = stop and drop what is in hand. */
typedef struct augsi_stop {
    int (*asked)(void *user); /* may be NULL */
    void *user;
} augsi_stop;

static inline bool augsi_stopped(const augsi_stop *stop)
{
    return stop != NULL && stop->asked != NULL && stop->asked(stop->user) != 0;
}

#define AUGSI_FILE_PIECE_BYTES ((size_t)1 << 20)  /* one read or write */
#define AUGSI_FILE_SYNC_BYTES ((uint64_t)8 << 20) /* one sync */
#define AUGSI_FILE_CUT_BYTES ((uint64_t)4 << 20)  /* what is freed at once */

/*
 * Writes all of data, also in several writes. ECANCELED: the stop (NULL: there is none) was seen.
 * A file that does not block is waited for. ret_written (may be NULL) says how much was written,
 * also after a failure.
 */
int augsi_file_write(int fd, const void *data, size_t n_bytes, const augsi_stop *stop,
                     size_t *ret_written);
/* The same at an offset of a regular file, without a stop. */
int augsi_file_write_at(int fd, const void *data, size_t n_bytes, uint64_t offset);
/* fsync. What cannot be synced, such as a folder of some network file systems, counts as synced. */
int augsi_file_sync(int fd);
/*
 * Makes a file of n_bytes short, from its end on, so that removing it frees little. false: the stop
 * was seen, and the file still has *ret_left bytes. Other processes must not use the file.
 */
bool augsi_file_cut(int fd, uint64_t n_bytes, const augsi_stop *stop, uint64_t *ret_left);

/*
 * A file under a temporary name that takes its final name when it is complete: create, write...,
 * then finish or drop. A finish that fails has dropped the draft.
 */
typedef struct augsi_draft {
    const char *what; /* is done to it, for messages: "write", "sync", "close", "rename to" */
    int fd;
    int folder_fd;              /* that the names are relative to, or AT_FDCWD */
    const char *temporary;      /* the caller's */
    bool durable;               /* it is on the disk when finish returns */
    uint64_t n_bytes, n_synced; /* written, and of these known to be on the disk */
    uint64_t n_left;            /* bytes that a drop left under the temporary name */
} augsi_draft;

/* EEXIST if something has the temporary name already; with `replace`, that is removed first. */
int augsi_draft_create(augsi_draft *draft, int folder_fd, const char *temporary, unsigned mode,
                       bool durable, bool replace);
/* Data of a durable draft goes to the disk while it grows, so that finish has little to wait for. A
 * sync that failed is never tried again: the kernel may have forgotten what it could not write
 * (Rebello et al., USENIX ATC 2020). */
int augsi_draft_write(augsi_draft *draft, const void *data, size_t n_bytes, const augsi_stop *stop);
/* Syncs if it is durable, closes, and renames to `name`. An empty folder of that name gives way if
 * over_folder is true. */
int augsi_draft_finish(augsi_draft *draft, const char *name, bool over_folder,
                       const augsi_stop *stop);
/* Removes the temporary. false: it is still there, because that failed, or because the stop was
 * seen and removing n_left bytes would take long. */
bool augsi_draft_drop(augsi_draft *draft, const augsi_stop *stop);

#endif
