/* SPDX-License-Identifier: Apache-2.0 */
#include "chunk_run.h"
#include "fail.h"

int augsi_chunk_cursor_open(const augsi_chunk_run *run, augsi_chunk_cursor *ret_cursor,
                            augs_error *error)
{
    augsi_chunk_cursor cursor = {.run = run};
    if (run->has_plan) {
        int status =
            augsi_plan_open(&run->allocator, &run->plan, run->first_position, run->n_positions,
                            augs_stream_sample_bytes(run->stream), &cursor.plan, error);
        if (status < 0) {
            return status;
        }
    }
    *ret_cursor = cursor;
    return AUGS_OK;
}

void augsi_chunk_cursor_done(augsi_chunk_cursor *cursor)
{
    augsi_plan_free(cursor->plan);
    cursor->plan = NULL;
}

void augsi_chunk_spans_done(const augsi_chunk_run *run, augsi_chunk_spans *spans)
{
    augsi_delete(&run->allocator, spans->spans, spans->capacity * sizeof *spans->spans);
    *spans = (augsi_chunk_spans){0};
}

static int add_span(const augsi_chunk_run *run, augsi_chunk_spans *spans, augs_span span,
                    uint64_t step, augs_error *error)
{
    if (spans->n == spans->capacity) {
        size_t capacity = spans->capacity == 0 ? 16 : spans->capacity * 2;
        augsi_chunk_span *larger =
            augsi_grow(&run->allocator, spans->spans, spans->capacity * sizeof *larger,
                       capacity * sizeof *larger);
        if (larger == NULL) {
            return augsi_fail_memory(error, capacity * sizeof *larger);
        }
        spans->spans = larger;
        spans->capacity = capacity;
    }
    spans->spans[spans->n++] = (augsi_chunk_span){.span = span, .step = step};
    return AUGS_OK;
}

/* 1: the slice at hand is that of cursor->step; 0: the plan has ended. */
static int load_slice(augsi_chunk_cursor *cursor, augs_error *error)
{
    if (cursor->has_slice) {
        return 1;
    }
    int status = augsi_plan_slice(cursor->plan, cursor->step, 0, &cursor->slice, error);
    cursor->has_slice = status == 1;
    return status;
}

static void next_slice(augsi_chunk_cursor *cursor)
{
    cursor->before += cursor->slice.body.count;
    cursor->step++;
    cursor->has_slice = false;
}

int augsi_chunk_cursor_spans(augsi_chunk_cursor *cursor, uint64_t chunk, augsi_chunk_spans *spans,
                             augs_error *error)
{
    const augsi_chunk_run *run = cursor->run;
    uint64_t count = augsi_chunk_count(run, chunk);
    spans->n = 0;
    if (!run->has_plan) {
        augs_span span = {augsi_chunk_first(run, chunk), 1, count};
        return add_span(run, spans, span, 0, error);
    }
    uint64_t at = chunk * run->chunk_size, end = at + count;
    if (at < cursor->before) {
        cursor->step = cursor->before = 0;
        cursor->has_slice = false;
    }
    while (at < end) {
        int status = load_slice(cursor, error);
        if (status <= 0) {
            return status < 0 ? status
                              : augsi_fail(error, AUGS_E_PLAN,
                                           "strategy '%s': the plan ends after %llu records, %llu "
                                           "were expected",
                                           run->strategy, (unsigned long long)cursor->before,
                                           (unsigned long long)run->n_records);
        }
        const augs_span *body = &cursor->slice.body;
        if (cursor->before + body->count <= at) {
            next_slice(cursor);
            continue;
        }
        uint64_t skip = at - cursor->before;
        uint64_t n = body->count - skip < end - at ? body->count - skip : end - at;
        augs_span span = {body->first + skip * body->stride, body->stride, n};
        status = add_span(run, spans, span, cursor->step, error);
        if (status < 0) {
            return status;
        }
        at += n;
    }
    return AUGS_OK;
}

int augsi_chunk_cursor_total(augsi_chunk_cursor *cursor, uint64_t *ret_n_records, augs_error *error)
{
    int status;
    while ((status = load_slice(cursor, error)) == 1) {
        next_slice(cursor);
    }
    if (status == 0) {
        *ret_n_records = cursor->before;
    }
    return status;
}
