/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheduler: it drives a strategy without a stream. It says which positions
 * make the next batch, for programs that have records of their own.
 *
 *     augs_scheduler *scheduler;
 *     augs_scheduler_options options;
 *     augs_scheduler_options_init(&options);
 *     options.n_samples = 50000;
 *     if (augs_scheduler_open(&options, &scheduler, &error) < 0) {
 *         fprintf(stderr, "%s\n", error.message);
 *         return 1;
 *     }
 *     augs_span span;
 *     while (augs_scheduler_next(scheduler, &span, &error) == 1) {
 *         train_span(&span);
 *     }
 *     augs_scheduler_free(scheduler);
 *
 * The library checks spans, so they are a permutation of the positions whatever
 * the strategy does. One thread at a time uses a scheduler.
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
    uint64_t sample_bytes; /* of a record, for memory_optimized; 0 = not known */
    /* NULL = defaults; copied. rank_layout is AUGS_RANK_LAYOUT_INTERLEAVED. */
    const augs_plan_options *plan;
    /* Plan journal that is continued and appended to, as for a pipeline. NULL =
     * none. A fixed strategy has none. */
    const char *journal;
    /* Plan journal that is repeated exactly; plan->strategy does not matter.
     * NULL = not. */
    const char *replay;
    /* What the journal is of: 1 to 63 of 0-9 a-f. NULL = "0". */
    const char *fingerprint;
    /* Borrowed until free. NULL = memory is only what feedback says. */
    augs_memory_monitor *monitor;
    const augs_allocator *allocator; /* NULL = the C library's; copied */
} augs_scheduler_options;
AUGS_SIZED_STRUCT(augs_scheduler_options, allocator);

/*
 * Opens a scheduler. It copies the options, but borrows the monitor. Free it
 * with augs_scheduler_free.
 *
 * AUGS_E_ARGUMENT if a pointer is NULL, a struct has a wrong size, or an option
 * is not accepted. A journal together with a replay is not accepted.
 * AUGS_E_RANGE if n_samples is above AUGS_MAX_SAMPLES and not AUGS_ENDLESS.
 * AUGS_E_NOT_FOUND if there is no such strategy or file to repeat.
 * AUGS_E_MISMATCH if the journal is of another fingerprint or plan.
 * AUGS_E_BUSY if another run appends to the journal: try again later.
 * AUGS_E_CORRUPT if the file is no journal or a line is wrong: it is left as it
 * is. AUGS_E_IO or AUGS_E_NO_SPACE if it cannot be opened, read or written.
 * AUGS_E_NO_MEMORY if the allocator has no memory.
 */
AUGS_API int augs_scheduler_open(const augs_scheduler_options *options,
                                 augs_scheduler **ret_scheduler, augs_error *error);

/* Closes the journal and frees the scheduler. scheduler may be NULL. */
AUGS_API void augs_scheduler_free(augs_scheduler *scheduler);

/*
 * Plans the next step. Returns 1 and its span, of all ranks together, after
 * tail has cut it. Padding is not in the span: see augs_scheduler_n_padded.
 * Returns 0 at the end. Steps that tail drop cuts to nothing are passed over.
 *
 * AUGS_E_ARGUMENT if a pointer is NULL. AUGS_E_PLAN if the strategy planned a
 * span that it may not plan, or a replayed journal has no more steps.
 * AUGS_E_RANGE if an endless plan reaches AUGS_MAX_SAMPLES. AUGS_E_IO,
 * AUGS_E_NO_SPACE or AUGS_E_CORRUPT if the journal fails. AUGS_E_NO_MEMORY if
 * the allocator has no memory. A negative status of a caller's strategy is
 * handed on. After a failure the call may be repeated.
 */
AUGS_API int augs_scheduler_next(augs_scheduler *scheduler, augs_span *ret_span, augs_error *error);

/*
 * Returns how many samples of padding follow the last span, for all ranks
 * together: what tail pad and last_batch fill add. 0 if scheduler is NULL.
 */
AUGS_API uint64_t augs_scheduler_n_padded(const augs_scheduler *scheduler);

/*
 * Returns how many positions no rank gets, because of last_batch or tail. For a
 * strategy that decides as it goes this is 0 until `next` has returned 0. 0 if
 * scheduler is NULL.
 */
AUGS_API uint64_t augs_scheduler_n_left_out(const augs_scheduler *scheduler);

/*
 * Returns the step that `next` plans next, from 0. 0 if scheduler is NULL.
 */
AUGS_API uint64_t augs_scheduler_step(const augs_scheduler *scheduler);

/*
 * Returns in one word why the last span has its size: "fixed", or the word of
 * the strategy. "" if scheduler is NULL. Valid until the next call.
 */
AUGS_API const char *augs_scheduler_why(const augs_scheduler *scheduler);

/*
 * Makes `step` the next one. A fixed strategy goes to any step, or to the end.
 * Others go where augs_pipeline_seek says. Parts of a retry that were not taken
 * yet are dropped.
 *
 * AUGS_E_RANGE if there is no such step, or the journal does not have it.
 * AUGS_E_STATE if a strategy that decides as it goes has no journal and step is
 * not 0, the last one or the next. AUGS_E_IO or AUGS_E_CORRUPT if the journal
 * cannot be read. AUGS_E_NO_MEMORY if the allocator has no memory for the way
 * through the journal. AUGS_E_ARGUMENT if scheduler is NULL. After a failure the
 * scheduler is where it was, and parts that wait still come.
 */
AUGS_API int augs_scheduler_seek(augs_scheduler *scheduler, uint64_t step, augs_error *error);

/*
 * Returns the part of the span that `next` returned last: 0 = a whole step. 0 if
 * there was none or scheduler is NULL.
 */
AUGS_API uint32_t augs_scheduler_part(const augs_scheduler *scheduler);

/*
 * Returns the step of the span that `next` returned last. 0 if there was none or
 * scheduler is NULL.
 */
AUGS_API uint64_t augs_scheduler_last_step(const augs_scheduler *scheduler);

/*
 * Tells the strategy what a span cost. Same as augs_pipeline_observe, but nobody
 * measures the time of spans that nothing was told of. feedback->n_samples is
 * per rank; 0 = that of the span (the larger one, if ranks differ).
 *
 * AUGS_E_ARGUMENT if a pointer is NULL, the size is wrong, or the outcome is
 * unknown. AUGS_E_STATE if there was no span yet, or a span that was given again
 * is told to be fine. AUGS_E_RANGE if the span was never handed out.
 */
AUGS_API int augs_scheduler_observe(augs_scheduler *scheduler, const augs_feedback *feedback,
                                    augs_error *error);

/*
 * Gives the positions of a span that did not fit again. Same as
 * augs_pipeline_retry, but `next` returns the parts as spans of all ranks, with
 * at most most_samples per rank.
 *
 * AUGS_E_ARGUMENT if scheduler is NULL. Otherwise AUGS_E_STATE, AUGS_E_RANGE,
 * AUGS_E_MEMORY, AUGS_E_IO, AUGS_E_NO_SPACE and AUGS_E_CORRUPT: the conditions
 * of augs_pipeline_retry.
 */
AUGS_API int augs_scheduler_retry(augs_scheduler *scheduler, uint64_t step, uint32_t part,
                                  uint64_t most_samples, augs_error *error);

AUGS_END_DECLS

#endif
