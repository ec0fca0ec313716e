/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row per format, the part that chunk files need: names, writer, where a byte stands, size.
 * pipeline/records/format.c holds the other part, records.
 */
#ifndef AUGSI_CHUNK_FORMAT_H
#define AUGSI_CHUNK_FORMAT_H

#include "offline/chunk_image.h"

typedef struct augsi_chunk_form {
    bool file_per_column; /* "part-000012.<column>.<format>", else "part-000012.<format>" */
    bool is_exact;        /* `size` is the size; else it is an upper bound */
    /* Writes the chunk in hand into maker->image and fills maker->files. */
    void (*put)(augsi_chunk_maker *maker);
    /* "in column 'rotation', record 17", "in the header". */
    void (*locate)(const augsi_chunk_maker *maker, size_t at, char *ret_text, size_t n_bytes);
    /* Bytes of all files of a chunk of n_records records; UINT64_MAX if they are too many. The
     * image is used as scratch. */
    uint64_t (*size)(augsi_chunk_maker *maker, uint64_t chunk, uint64_t n_records);
} augsi_chunk_form;

/* NULL for a number that is no format. */
const augsi_chunk_form *augsi_chunk_form_of(uint32_t format);

/* a + b and a * b, or UINT64_MAX if that is too large. */
static inline uint64_t augsi_sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static inline uint64_t augsi_product(uint64_t a, uint64_t b)
{
    return b != 0 && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

#endif
