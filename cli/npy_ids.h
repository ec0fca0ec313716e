/* SPDX-License-Identifier: Apache-2.0 */
/* Sample ids as a NumPy array file of int64 that grows. */
#ifndef AUGSTREAM_CLI_NPY_IDS_H
#define AUGSTREAM_CLI_NPY_IDS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct npy_ids {
    int file; /* -1 = none */
    const char *path;
    uint64_t n_ids;
} npy_ids;

/* Exit statuses, after a message. resume_at as for record_output_open, in ids. */
int npy_ids_open(npy_ids *ids, const char *path, uint64_t resume_at);
int npy_ids_add(npy_ids *ids, const int64_t *sample_ids, uint64_t n);
/* Writes the header with the count, and closes. */
int npy_ids_close(npy_ids *ids);

#endif
