/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that survive a crash: written under a temporary name that belongs to one shard, synced,
 * renamed. A sync that failed is not tried again: the file is dropped, since the kernel may have
 * forgotten the pages that it could not write (Rebello et al., USENIX ATC 2020).
 */
#ifndef AUGSI_CHUNK_FOLDER_H
#define AUGSI_CHUNK_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include <augstream/status.h>

#include "memory.h"
#include "text.h"

typedef struct augsi_folder {
    augs_allocator allocator;
    char *path;
    int fd;
} augsi_folder;

/* create: the folder is made if it is missing; its parent must exist. */
int augsi_folder_open(const char *path, bool create, const augs_allocator *allocator,
                      augsi_folder *ret_folder, augs_error *error);
void augsi_folder_done(augsi_folder *folder);

/* Writes a file under a temporary name ending in `suffix`, syncs and renames it; nothing is left if
 * it fails. The folder itself is not synced. */
int augsi_folder_put(const augsi_folder *folder, const char *name, const char *suffix,
                     const void *data, size_t n_bytes, augs_error *error);
int augsi_folder_sync(const augsi_folder *folder, augs_error *error);
/* Appends the whole file to text. AUGS_E_NOT_FOUND. */
int augsi_folder_read(const augsi_folder *folder, const char *name, augsi_text *text,
                      augs_error *error);
/* Size of a plain file, or -1 if there is none. */
int64_t augsi_folder_size(const augsi_folder *folder, const char *name);
/* Removes a file; one that is not there is fine. */
int augsi_folder_remove(const augsi_folder *folder, const char *name, augs_error *error);
uint64_t augsi_folder_free_bytes(const augsi_folder *folder);
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

/* A lock that dies with its process. AUGS_E_STATE: another one holds it. */
int augsi_folder_lock(const augsi_folder *folder, const char *name, int *ret_fd, augs_error *error);
void augsi_folder_unlock(const augsi_folder *folder, const char *name, int fd);

#endif
