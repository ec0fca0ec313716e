/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that survive a crash: written under a temporary name that belongs to one shard, synced,
 * renamed (base/file.h).
 */
#ifndef AUGSI_CHUNK_FOLDER_H
#define AUGSI_CHUNK_FOLDER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <augstream/status.h>

#include "base/file.h"
#include "base/file_lock.h"
#include "base/memory.h"
#include "base/text.h"

/* AUGS_E_CANCELLED with its message. */
int augsi_fail_stopped(augs_error *error);

typedef struct augsi_folder {
    augs_allocator allocator;
    augsi_stop stop;
    char *path;
    int fd;
    /* A temporary could not be removed, or not in time: the lock file stays, as a mark of it. */
    atomic_bool kept_lock;
    atomic_ullong left_bytes; /* of such temporaries */
} augsi_folder;

/* create: the folder and its parents are made if they are missing. */
int augsi_folder_open(const char *path, bool create, const augs_allocator *allocator,
                      augsi_folder *ret_folder, augs_error *error);
/* The nearest folder above `path` that exists. */
int augsi_folder_open_parent(const char *path, const augs_allocator *allocator,
                             augsi_folder *ret_folder, augs_error *error);
void augsi_folder_done(augsi_folder *folder);

/* Writes a file under a temporary name ending in `suffix`, syncs and renames it; nothing is left if
 * it fails. The folder itself is not synced. */
int augsi_folder_put(augsi_folder *folder, const char *name, const char *suffix, const void *data,
                     size_t n_bytes, augs_error *error);
int augsi_folder_sync(const augsi_folder *folder, augs_error *error);
/*
 * Opens a file to read. A symbolic link is followed. The status is a verdict: AUGS_E_NOT_FOUND (the
 * file is missing, or the link leads nowhere), AUGS_E_CORRUPT (something that is no plain file),
 * AUGS_E_IO (it cannot be opened). The message says why in a few words, without the name.
 */
typedef struct augsi_folder_file {
    int fd;
    uint64_t n_bytes;
} augsi_folder_file;

int augsi_folder_open_file(const augsi_folder *folder, const char *name,
                           augsi_folder_file *ret_file, augs_error *error);
void augsi_folder_close_file(augsi_folder_file *file);
/* Reads up to n_bytes from an offset: how many it were (fewer only at the end of the file), or a
 * status: AUGS_E_IO with its message in a few words, AUGS_E_CANCELLED. */
int64_t augsi_folder_read_at(const augsi_folder *folder, const augsi_folder_file *file,
                             uint64_t offset, void *data, size_t n_bytes, augs_error *error);
/* Appends a whole file of at most most_bytes to text; statuses as augsi_folder_open_file, with the
 * name in the message. */
int augsi_folder_read(const augsi_folder *folder, const char *name, size_t most_bytes,
                      augsi_text *text, augs_error *error);
/* Whether a name is there, whatever it is; is_link: as a symbolic link. */
bool augsi_folder_has(const augsi_folder *folder, const char *name);
bool augsi_folder_is_link(const augsi_folder *folder, const char *name);
/* Removes a file; one that is not there is fine. */
int augsi_folder_remove(const augsi_folder *folder, const char *name, augs_error *error);
/* The same for a temporary of the lock's holder, in pieces if it is large. AUGS_E_CANCELLED. */
int augsi_folder_remove_temporary(augsi_folder *folder, const char *name, augs_error *error);
/*
 * The same as augsi_folder_put in steps, for files that do not fit memory: begin, write..., then
 * end, which syncs and renames; a failure of any of them removes the temporary.
 */
typedef struct augsi_folder_draft {
    augsi_draft file;
    const char *name;
    char temporary[256]; /* file.temporary: so the draft stays where it was begun */
} augsi_folder_draft;

int augsi_folder_draft_begin(augsi_folder *folder, const char *name, const char *suffix,
                             augsi_folder_draft *ret_draft, augs_error *error);
int augsi_folder_draft_write(augsi_folder *folder, augsi_folder_draft *draft, const void *data,
                             size_t n_bytes, augs_error *error);
int augsi_folder_draft_end(augsi_folder *folder, augsi_folder_draft *draft, augs_error *error);
/* Instead of an end: removes the temporary. */
void augsi_folder_draft_drop(augsi_folder *folder, augsi_folder_draft *draft);
/* What the file system has left; UINT64_MAX: it does not say. */
typedef struct augsi_folder_space {
    uint64_t free_bytes, free_files, block_bytes;
} augsi_folder_space;
augsi_folder_space augsi_folder_space_of(const augsi_folder *folder);
/* Calls `see` with every name; a result that is not 0 ends it and is returned. */
int augsi_folder_list(const augsi_folder *folder,
                      int (*see)(void *user, const char *name, augs_error *error), void *user,
                      augs_error *error);

void augsi_folder_close(int fd);
/* For appending lines. */
int augsi_folder_open_append(const augsi_folder *folder, const char *name, int *ret_fd,
                             augs_error *error);
/* All of it and synced, or the file is cut back to what it was. */
int augsi_folder_append(const augsi_folder *folder, int fd, const char *name, const void *data,
                        size_t n_bytes, augs_error *error);

/* A lock of a shard. The lock file itself stays only if its process was killed, or left something
 * behind that it could not remove (kept_lock). */
typedef struct augsi_folder_lock {
    augsi_file_lock lock; /* names owner_name: so it stays where it was taken */
    int fd;
    const char *name; /* the caller's */
    char owner_name[128];
} augsi_folder_lock;

/* AUGS_E_BUSY: another process holds it. */
int augsi_folder_lock_take(augsi_folder *folder, const char *name, bool unlocked,
                           augsi_folder_lock *ret_lock, augs_error *error);
void augsi_folder_lock_give(const augsi_folder *folder, augsi_folder_lock *lock);

#endif
