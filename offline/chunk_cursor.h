/* SPDX-License-Identifier: Apache-2.0 */
/* Goes through a run: which positions make up a chunk, and the batch that each belongs to. */
#ifndef AUGSI_CHUNK_CURSOR_H
#define AUGSI_CHUNK_CURSOR_H

#include "base/file.h"
#include "offline/chunk_run.h"

typedef struct augsi_chunk_span {
    augs_span span;
    uint64_t step; /* the batch it belongs to */
} augsi_chunk_span;

typedef struct augsi_chunk_spans {
    augsi_chunk_span *spans;
    size_t n, capacity;
} augsi_chunk_spans;

/* Where a chunk begins in the plan is found at once, and its steps are walked. */
typedef struct augsi_chunk_cursor {
    const augsi_chunk_run *run;
    const augsi_stop *stop; /* asked on the way; NULL: never */
    augsi_plan *plan;
    uint64_t step;   /* the one that `slice` is of */
    uint64_t before; /* records of the steps before it */
    augsi_slice slice;
    bool has_slice;
} augsi_chunk_cursor;

int augsi_chunk_cursor_open(const augsi_chunk_run *run, augsi_chunk_cursor *ret_cursor,
                            augs_error *error);
void augsi_chunk_cursor_done(augsi_chunk_cursor *cursor);
int augsi_chunk_cursor_spans(augsi_chunk_cursor *cursor, uint64_t chunk, augsi_chunk_spans *spans,
                             augs_error *error);
void augsi_chunk_spans_done(const augsi_chunk_run *run, augsi_chunk_spans *spans);

#endif
