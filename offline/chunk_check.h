/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one reader of chunks. Its verdict on a chunk is the list of its faults: none = good. Each has
 * a status: AUGS_E_NOT_FOUND (missing), AUGS_E_CORRUPT and AUGS_E_MISMATCH (bad), AUGS_E_IO
 * (unreadable).
 */
#ifndef AUGSI_CHUNK_CHECK_H
#define AUGSI_CHUNK_CHECK_H

#include "offline/chunk_folder.h"
#include "offline/chunk_image.h"
#include "offline/chunk_manifest.h"

typedef struct augsi_chunk_fault {
    int status;
    uint32_t file; /* index */
    /* An error, and the file it is about. */
    char message[sizeof((augs_error *)NULL)->message + 128];
} augsi_chunk_fault;

/* What is done with a file. */
typedef struct augsi_file_check {
    augsi_folder_file file; /* fd -1: it has a fault already */
    bool differs;           /* from the stream's, at: */
    uint64_t at;
    unsigned char there, made;
} augsi_file_check;

typedef struct augsi_chunk_checker {
    augsi_chunk_maker maker;
    augsi_chunk_sizes sizes;
    augsi_file_check *files;
    augsi_chunk_fault *faults; /* space for n_files + 1 */
    int n_faults;              /* of the chunk that was checked last */
    uint64_t n_bytes;          /* likewise: of all its files */
    augsi_hash_stream *hash;
    char *buffer;
} augsi_chunk_checker;

int augsi_chunk_checker_open(const augsi_chunk_run *run, augsi_chunk_checker *ret_checker,
                             augs_error *error);
void augsi_chunk_checker_done(augsi_chunk_checker *checker);

enum { AUGSI_CHECK_SIZES, AUGSI_CHECK_HASH, AUGSI_CHECK_STREAM };

/*
 * Checks a chunk: whether its files can be opened and are as long as the manifest says, then their
 * hash, then every byte against the stream, of which spans are the chunk's (it is made in the maker
 * and stays there). Returns the number of faults, which checker->faults describes. A negative
 * status is none of the chunk's: AUGS_E_CANCELLED, AUGS_E_NO_MEMORY.
 */
int augsi_chunk_check(augsi_chunk_checker *checker, const augsi_folder *folder, uint64_t chunk,
                      const augsi_chunk_entry *entry, int how, const augsi_chunk_spans *spans,
                      augs_error *error);

/* 1 and the root of COMPLETE if the manifests list every chunk, each in its final form; 0: they do
 * not. The window and the checker's hash are used on the way. */
int augsi_run_root(const augsi_folder *folder, augsi_chunk_checker *checker, uint32_t n_shards,
                   augsi_window *window, augsi_hash128 *ret_root, augs_error *error);
/* Whether a text of COMPLETE is of this run, whatever its root is. */
bool augsi_complete_fits(const augsi_chunk_run *run, const augsi_text *there);
/* 1: COMPLETE has this text; 0: it has not, whatever is wrong with it. */
int augsi_complete_is(const augsi_folder *folder, const augsi_text *text, augs_error *error);

/* A folder's run, from the first manifest that has a header. AUGS_E_CORRUPT, AUGS_E_MISMATCH: the
 * header; AUGS_E_UNSUPPORTED: it is of a newer release. */
int augsi_chunk_find_run(const augsi_folder *folder, augsi_chunk_run *ret_run,
                         uint32_t *ret_n_shards, augs_error *error);

#endif
