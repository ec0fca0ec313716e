/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A strategy on its own, without a stream: which positions make the next batch, for programs that
 * have records of their own, or that want sizes only. Spans are checked, so what comes out is a
 * permutation of the positions whatever the strategy does.
 */
#ifndef AUGSTREAM_PLANNER_H
#define AUGSTREAM_PLANNER_H

#include <augstream/alloc.h>
#include <augstream/export.h>
#include <augstream/memory_monitor.h>
#include <augstream/pipeline.h>
#include <augstream/strategy.h>

AUGS_BEGIN_DECLS

typedef struct augs_planner augs_planner;

typedef struct augs_planner_options {
    uint32_t size;         /* sizeof(augs_planner_options) */
    uint32_t epoch;        /* under which the journal has the steps */
    uint64_t n_samples;    /* positions to plan, or AUGS_ENDLESS */
    uint64_t sample_bytes; /* of a record, for memory_optimized; 0 = only what is reported counts */
    const augs_plan_options *plan;   /* shards are interleaved; NULL = defaults; copied */
    const char *journal;             /* as of a pipeline: written to and continued; NULL = none */
    const char *replay;              /* as of a pipeline: run again; NULL = not */
    const char *fingerprint;         /* what the journal is of: up to 63 of 0-9 a-f; NULL = "0" */
    augs_memory_monitor *monitor;    /* borrowed; NULL = memory is what feedback says */
    const augs_allocator *allocator; /* NULL = the C library's */
} augs_planner_options;
AUGS_SIZED_STRUCT(augs_planner_options, allocator);

/* Copies the options, but for the monitor. AUGS_E_ARGUMENT, AUGS_E_NOT_FOUND (strategy, replay),
 * AUGS_E_RANGE, AUGS_E_MISMATCH, AUGS_E_CORRUPT, AUGS_E_BUSY (journal). */
AUGS_API int augs_planner_open(const augs_planner_options *options, augs_planner **ret_planner,
                               augs_error *error);
AUGS_API void augs_planner_free(augs_planner *planner); /* NULL is fine */

/* 1 and the span of the next step, of all ranks together, as tail leaves it; 0 at the end; negative
 * on error, after which the call may be repeated. Steps of which tail drop leaves nothing are
 * passed over. One thread at a time. */
AUGS_API int augs_planner_next(augs_planner *planner, augs_span *ret_span, augs_error *error);
/* Samples of padding that all ranks together get behind the last span: what tail pad and last_batch
 * fill add. */
AUGS_API uint64_t augs_planner_n_padded(const augs_planner *planner);
/* Positions that no rank gets, left out by last_batch or tail. Of a strategy that decides as it
 * goes: 0 until `next` has returned 0. */
AUGS_API uint64_t augs_planner_n_left_out(const augs_planner *planner);
/* The step that `next` plans next, from 0. */
AUGS_API uint64_t augs_planner_step(const augs_planner *planner);
/* Why the last span has its size, one word. */
AUGS_API const char *augs_planner_why(const augs_planner *planner);
/* Goes to a step: fixed strategies to any, others as augs_pipeline_seek says. */
AUGS_API int augs_planner_seek(augs_planner *planner, uint64_t step, augs_error *error);

/* The part of the span that `next` returned last: 0 = a whole step. */
AUGS_API uint32_t augs_planner_part(const augs_planner *planner);
/* The step of the span that `next` returned last. */
AUGS_API uint64_t augs_planner_last_step(const augs_planner *planner);

/* What a span cost, as augs_pipeline_observe. feedback->n_samples: of a rank; 0 = that of the span
 * (its larger part, if the ranks do not divide it). */
AUGS_API int augs_planner_observe(augs_planner *planner, const augs_feedback *feedback,
                                  augs_error *error);
/* Gives the positions of a span that did not fit again, as augs_pipeline_retry: `next` returns its
 * parts, of at most most_samples of a rank, before later steps. */
AUGS_API int augs_planner_retry(augs_planner *planner, uint64_t step, uint32_t part,
                                uint64_t most_samples, augs_error *error);

AUGS_END_DECLS

#endif
