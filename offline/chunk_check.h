/* SPDX-License-Identifier: Apache-2.0 */
/* One chunk on disk against its manifest line and against the stream made again. */
#ifndef AUGSI_CHUNK_CHECK_H
#define AUGSI_CHUNK_CHECK_H

#include "chunk_folder.h"
#include "chunk_image.h"
#include "chunk_manifest.h"

typedef struct augsi_chunk_fault {
    int status;    /* as in augs_chunks_finding */
    uint32_t file; /* index */
    char message[280];
} augsi_chunk_fault;

typedef struct augsi_chunk_checker {
    augsi_chunk_maker maker;
    augsi_text there;        /* the chunk's files, one behind the other */
    augsi_chunk_file *files; /* where; n_bytes SIZE_MAX = missing */
} augsi_chunk_checker;

int augsi_chunk_checker_open(const augsi_chunk_run *run, augsi_chunk_checker *ret_checker,
                             augs_error *error);
void augsi_chunk_checker_done(augsi_chunk_checker *checker);

/*
 * Number of faults found (faults: room for n_files + 1), or negative if it could not be checked.
 * With spans the chunk is made again and stays in the maker; NULL: hashes only.
 */
int augsi_chunk_check(augsi_chunk_checker *checker, const augsi_folder *folder, uint64_t chunk,
                      const augsi_chunk_entry *entry, const augsi_chunk_spans *spans,
                      augsi_chunk_fault *faults, augs_error *error);

/* A folder's run, from the first manifest that has a header. */
int augsi_chunk_find_run(const augsi_folder *folder, augsi_chunk_run *ret_run,
                         uint32_t *ret_n_shards, augs_error *error);

#endif
