/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strategy on its own, without a stream: which positions make the next batch, for programs that
 * have records of their own, or that want sizes only. Spans are checked, so what comes out is a
 * permutation of the positions whatever the strategy does.
 */
#ifndef AUGSTREAM_SCHEDULER_H
#define AUGSTREAM_SCHEDULER_H

#include <augstream/alloc.h>
#include <augstream/export.h>
#include <augstream/memory_monitor.h>
#include <augstream/plan.h>
#include <augstream/strategy.h>

AUGS_BEGIN_DECLS

typedef struct augs_scheduler augs_scheduler;

typedef struct augs_scheduler_options {
    uint32_t size;         /* sizeof(augs_scheduler_options) */
    uint32_t epoch;        /* under which the journal has the steps */
    uint64_t n_samples;    /* positions to plan, or AUGS_ENDLESS */
    uint64_t sample_bytes; /* of a record, for memory_optimized; 0 = only what is reported counts */
    const augs_plan_options *plan;   /* shards are interleaved; NULL = defaults; copied */
    const char *journal;             /* as of a pipeline: written to and continued; NULL = none */
    const char *replay;              /* as of a pipeline: run again; NULL = not */
    const char *fingerprint;         /* what the journal is of: up to 63 of 0-9 a-f; NULL = "0" */
    augs_memory_monitor *monitor;    /* borrowed; NULL = memory is what feedback says */
    const augs_allocator *allocator; /* NULL = the C library's */
} augs_scheduler_options;
AUGS_SIZED_STRUCT(augs_scheduler_options, allocator);

/* Copies the options, but for the monitor. AUGS_E_ARGUMENT, AUGS_E_NOT_FOUND (strategy, replay),
 * AUGS_E_RANGE, AUGS_E_MISMATCH, AUGS_E_CORRUPT, AUGS_E_BUSY (journal). */
AUGS_API int augs_scheduler_open(const augs_scheduler_options *options,
                                 augs_scheduler **ret_scheduler, augs_error *error);
AUGS_API void augs_scheduler_free(augs_scheduler *scheduler); /* NULL is fine */

/* 1 and the span of the next step, of all ranks together, as tail leaves it; 0 at the end; negative
 * on error, after which the call may be repeated. Steps of which tail drop leaves nothing are
 * passed over. One thread at a time. */
AUGS_API int augs_scheduler_next(augs_scheduler *scheduler, augs_span *ret_span, augs_error *error);
/* Samples of padding that all ranks together get behind the last span: what tail pad and last_batch
 * fill add. */
AUGS_API uint64_t augs_scheduler_n_padded(const augs_scheduler *scheduler);
/* Positions that no rank gets, left out by last_batch or tail. Of a strategy that decides as it
 * goes: 0 until `next` has returned 0. */
AUGS_API uint64_t augs_scheduler_n_left_out(const augs_scheduler *scheduler);
/* The step that `next` plans next, from 0. */
AUGS_API uint64_t augs_scheduler_step(const augs_scheduler *scheduler);
/* Why the last span has its size, one word. */
AUGS_API const char *augs_scheduler_why(const augs_scheduler *scheduler);
/* Goes to a step: fixed strategies to any, others as augs_pipeline_seek says. */
AUGS_API int augs_scheduler_seek(augs_scheduler *scheduler, uint64_t step, augs_error *error);

/* The part of the span that `next` returned last: 0 = a whole step. */
AUGS_API uint32_t augs_scheduler_part(const augs_scheduler *scheduler);
/* The step of the span that `next` returned last. */
AUGS_API uint64_t augs_scheduler_last_step(const augs_scheduler *scheduler);

/* What a span cost, as augs_pipeline_observe. feedback->n_samples: of a rank; 0 = that of the span
 * (its larger part, if the ranks do not divide it). */
AUGS_API int augs_scheduler_observe(augs_scheduler *scheduler, const augs_feedback *feedback,
                                    augs_error *error);
/* Gives the positions of a span that did not fit again, as augs_pipeline_retry: `next` returns its
 * parts, of at most most_samples of a rank, before later steps. */
AUGS_API int augs_scheduler_retry(augs_scheduler *scheduler, uint64_t step, uint32_t part,
                                  uint64_t most_samples, augs_error *error);

AUGS_END_DECLS

#endif
