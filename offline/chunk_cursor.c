/* SPDX-License-Identifier: Apache-2.0 */
#include "offline/chunk_cursor.h"

#include "base/fail.h"
#include "offline/chunk_folder.h"

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

static uint64_t n_of(const augsi_slice *slice)
{
    return slice->body.count + slice->pad_count;
}

/* Goes to the step that has record `at`: the one at hand, the next, or any other. */
static void go_to(augsi_chunk_cursor *cursor, uint64_t at)
{
    if (cursor->has_slice && at >= cursor->before && at - cursor->before < n_of(&cursor->slice)) {
        return;
    }
    cursor->step = augsi_plan_step_of_record(cursor->plan, at);
    cursor->before = augsi_plan_records_before(cursor->plan, cursor->step);
    cursor->has_slice = false;
}

/* A run of the slice's records from number `skip` on, n at most. */
static augs_span run_of(const augsi_slice *slice, uint64_t skip, uint64_t n)
{
    const augs_span *body = &slice->body;
    augs_span span = {body->first + skip * body->stride, body->stride, body->count - skip};
    if (skip >= body->count) {
        span = augsi_slice_padding(slice, skip - body->count);
    }
    span.count = span.count < n ? span.count : n;
    return span;
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
    while (at < end) {
        if (cursor->stop != NULL && augsi_stopped(cursor->stop)) {
            return augsi_fail_stopped(error);
        }
        go_to(cursor, at);
        int status = load_slice(cursor, error);
        if (status <= 0) {
            return status < 0 ? status
                              : augsi_fail(error, AUGS_E_PLAN,
                                           "strategy '%s': the plan ends after %llu records, %llu "
                                           "were expected",
                                           run->strategy, (unsigned long long)cursor->before,
                                           (unsigned long long)run->n_records);
        }
        const augs_span span = run_of(&cursor->slice, at - cursor->before, end - at);
        status = add_span(run, spans, span, cursor->step, error);
        if (status < 0) {
            return status;
        }
        at += span.count;
    }
    return AUGS_OK;
}
