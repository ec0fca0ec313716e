/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline: stream -> strategy -> batch -> sink, for one rank and one epoch.
 * The caller pulls batches (next) or lets all go to a sink (run).
 *
 *     augs_pipeline *pipeline;
 *     augs_batch *batch;
 *     int status = augs_pipeline_open(stream, NULL, &pipeline, &error);
 *     if (status < 0) {
 *         fprintf(stderr, "%s\n", error.message);
 *         return 1;
 *     }
 *     while ((status = augs_pipeline_next(pipeline, &batch, &error)) == 1) {
 *         train(batch);
 *         augs_batch_unref(batch);
 *     }
 *     augs_pipeline_free(pipeline);
 *
 * One thread at a time uses a pipeline.
 */
#ifndef AUGSTREAM_PIPELINE_H
#define AUGSTREAM_PIPELINE_H

#include <augstream/batch.h>
#include <augstream/export.h>
#include <augstream/memory_monitor.h>
#include <augstream/metrics.h>
#include <augstream/plan.h>
#include <augstream/sink.h>
#include <augstream/strategy.h>
#include <augstream/stream.h>

AUGS_BEGIN_DECLS

/* Who says what batches cost. */
/* The pipeline measures the time of a batch that nothing was told of, until the
 * next one is asked for. */
#define AUGS_FEEDBACK_TIMED 0u
/* The caller tells, however late. For loaders with several batches under way. */
#define AUGS_FEEDBACK_TOLD 1u

typedef struct augs_pipeline augs_pipeline;

typedef struct augs_pipeline_options {
    uint32_t size;                 /* sizeof(augs_pipeline_options) */
    uint32_t rank;                 /* 0 <= rank < plan->world_size */
    uint64_t first_position;       /* start of the range of positions; 0 = the first */
    uint64_t n_positions;          /* of the range; 0 = to the end of the stream */
    const augs_plan_options *plan; /* NULL = defaults; copied */
    /* Plan journal of a strategy that decides as it goes; NULL = none; copied.
     * Each decision is on the disk before its batch is handed out. Decisions
     * that the file has already of this run are taken from it. */
    const char *journal;
    /* Plan journal that is repeated exactly; plan->strategy does not matter.
     * NULL = not; copied. */
    const char *replay;
    /* Asked before each decision, and at once after a batch larger than any
     * before. Borrowed until free. NULL = one of the pipeline's own, which also
     * tells the figures of the stream's allocator. A fixed strategy decides
     * nothing, and has its own monitor only with `metrics`. While the level is
     * high or critical, the pipeline keeps no spare batches. */
    augs_memory_monitor *monitor;
    /* Gets each batch, also of fixed strategies. Borrowed until free. NULL =
     * none. */
    augs_metrics *metrics;
    /* Returns monotonic nanoseconds. NULL = CLOCK_MONOTONIC. */
    uint64_t (*now_ns)(void *user);
    void *now_user;    /* handed to now_ns; may be NULL */
    uint32_t feedback; /* AUGS_FEEDBACK_... */
    uint32_t reserved; /* 0 */
} augs_pipeline_options;
AUGS_SIZED_STRUCT(augs_pipeline_options, reserved);

/*
 * Opens a pipeline at step 0 of the stream's epoch. It takes a reference of the
 * stream and uses its allocator. options may be NULL: all positions in batches
 * of 32 for one rank. Free it with augs_pipeline_free.
 *
 * AUGS_E_ARGUMENT if a required pointer is NULL, a struct has a wrong size, or
 * an option is not accepted. This includes a shipped strategy that decides as it
 * goes with several ranks: each rank would decide for itself. Let all ranks
 * replay one journal, which augs_scheduler writes with this stream's
 * fingerprint, or take a fixed strategy.
 * AUGS_E_RANGE if rank is not below the world size, or the range of positions
 * leaves the stream.
 * AUGS_E_NOT_FOUND if there is no such strategy, or no journal to replay.
 * AUGS_E_MISMATCH if the journal is of another stream, range, world size or
 * strategy. AUGS_E_BUSY if another run appends to it: try again later.
 * AUGS_E_CORRUPT if the file is no journal or a line is wrong: it is left as it
 * is. AUGS_E_IO or AUGS_E_NO_SPACE if it cannot be opened, read or written.
 * AUGS_E_NO_MEMORY if the allocator has no memory.
 */
AUGS_API int augs_pipeline_open(augs_stream *stream, const augs_pipeline_options *options,
                                augs_pipeline **ret_pipeline, augs_error *error);

/*
 * Notes the last batches in the metrics, closes the journal, and frees the
 * pipeline. Batches that the caller holds stay valid. pipeline may be NULL.
 */
AUGS_API void augs_pipeline_free(augs_pipeline *pipeline);

/*
 * Returns 1 and the next batch, which the caller gives back with
 * augs_batch_unref. Returns 0 at the end of the epoch. Steps that have no sample
 * for this rank are passed over.
 *
 * AUGS_E_ARGUMENT if a pointer is NULL. AUGS_E_PLAN if the strategy planned a
 * span that it may not plan, or a replayed journal has no more steps. Spans of a
 * fixed strategy are checked together while it is walked from its start, and
 * each for itself after a seek. AUGS_E_RANGE if the batch is too large for any
 * memory, or an endless plan reaches AUGS_MAX_SAMPLES. AUGS_E_NO_MEMORY if the
 * allocator has no memory. AUGS_E_IO, AUGS_E_NO_SPACE or AUGS_E_CORRUPT if the
 * journal fails. A negative status of a caller's strategy is handed on. After a
 * failure no batch was handed out, and the call may be repeated.
 */
AUGS_API int augs_pipeline_next(augs_pipeline *pipeline, augs_batch **ret_batch, augs_error *error);

/*
 * Returns in one word why the batch handed out last has its size: "fixed", or
 * the word of the strategy. "" if pipeline is NULL. Valid until the next call.
 */
AUGS_API const char *augs_pipeline_why(const augs_pipeline *pipeline);

/*
 * Returns how many positions of the range no rank gets, because of last_batch or
 * tail. After a resume, or a change of the batch size, this counts from that
 * position. For a strategy that decides as it goes this is 0 until `next` has
 * returned 0. 0 if pipeline is NULL.
 */
AUGS_API uint64_t augs_pipeline_n_left_out(const augs_pipeline *pipeline);

/*
 * Returns the step whose batch `next` returns next, from 0. 0 if pipeline is
 * NULL.
 */
AUGS_API uint64_t augs_pipeline_step(const augs_pipeline *pipeline);

/*
 * Makes `step` the next one. A fixed strategy goes to any step, or to the end,
 * in constant time. Another strategy with a journal goes to any step that the
 * journal has, and to the next. Without one it goes to the next step, to the
 * last one again, or to 0, where it plans anew. Parts of a retry that were not
 * taken yet are dropped.
 *
 * AUGS_E_RANGE if there is no such step, it is before a change of the batch
 * size, or the journal does not have it. AUGS_E_STATE if a strategy without a
 * journal cannot go there. AUGS_E_IO or AUGS_E_CORRUPT if the journal cannot be
 * read. AUGS_E_NO_MEMORY if the allocator has no memory for the way through the
 * journal. AUGS_E_ARGUMENT if pipeline is NULL. After a failure the pipeline is
 * where it was, and parts that wait still come.
 */
AUGS_API int augs_pipeline_seek(augs_pipeline *pipeline, uint64_t step, augs_error *error);

/*
 * Starts at step 0 of another epoch, or of this one again. Batches of the old
 * epoch stay valid.
 *
 * AUGS_E_ARGUMENT if pipeline is NULL. AUGS_E_NO_MEMORY if the allocator has no
 * memory: the pipeline is where it was.
 */
AUGS_API int augs_pipeline_set_epoch(augs_pipeline *pipeline, uint32_t epoch, augs_error *error);

/*
 * Sets another batch_size from the next batch on. sequential with the
 * interleaved layout goes on with it; memory_optimized and adaptive start again
 * from it. This holds after a seek to the last step, too: it is planned anew,
 * unless a journal has it. After that `seek` does not lead sequential to earlier steps, but
 * tokens lead to their position whatever the sizes are.
 *
 * AUGS_E_UNSUPPORTED if the strategy has no batch size that can change.
 * AUGS_E_ARGUMENT if pipeline is NULL, or batch_size is 0 or not accepted by the
 * strategy. AUGS_E_STATE if a fixed strategy is at the end of the epoch, or the
 * journal has the next step: augs_pipeline_retry gives the samples of a batch
 * again in smaller parts. AUGS_E_IO or AUGS_E_CORRUPT if the journal cannot be
 * read. AUGS_E_NO_MEMORY if the allocator has no memory. After a failure nothing
 * has changed.
 */
AUGS_API int augs_pipeline_set_batch_size(augs_pipeline *pipeline, uint64_t batch_size,
                                          augs_error *error);

/*
 * Tells the strategy what a batch cost, and whether it fitted. The feedback
 * names the batch by its epoch, step and part; AUGS_STEP_LAST names the one that
 * was handed out last. It may come late, out of order, or never. The first
 * feedback of a batch counts, and "did not fit" counts after it, too.
 *
 * With AUGS_FEEDBACK_TIMED the pipeline measures the time of a batch that
 * nothing was told of when the next one is asked for. It stops that once the
 * caller told the seconds of an older batch.
 *
 * After "did not fit", memory_optimized and adaptive stay below that size until
 * there is more memory. Fixed strategies keep their size: see
 * augs_pipeline_set_batch_size. augs_pipeline_retry gives the samples again.
 *
 * The last AUGS_FEEDBACK_BATCHES batches are remembered. Feedback of older ones
 * is ignored, and so is feedback that a journal has already.
 *
 * AUGS_E_ARGUMENT if a pointer is NULL, the size is wrong, or the outcome is
 * unknown. AUGS_E_STATE if there was no batch yet, or a batch that was given
 * again is told to be fine. AUGS_E_RANGE if the batch was never handed out.
 */
AUGS_API int augs_pipeline_observe(augs_pipeline *pipeline, const augs_feedback *feedback,
                                   augs_error *error);

/*
 * Gives the samples of a batch that did not fit again, in smaller parts. The
 * parts come next, before later steps. They have the step of the batch, and as
 * `part` the next numbers that the step has not had. Numbers of steps do not
 * change. A part that does not fit may be given again as well. Parts come in
 * the order of the retries; where many batches wait, the newest comes first, so
 * that halves of halves stay few.
 *
 * step: of the present epoch, or AUGS_STEP_LAST. most_samples: the most per
 * part; 0 = half of the batch, rounded up. Parts are multiples of multiple_of
 * where most_samples allows it. They may be below min_batch_size. The flag
 * AUGS_BATCH_LAST is on the batch after which nothing is left.
 *
 * A retry also says that the batch did not fit, so the strategy needs no other
 * feedback of it. A retry concerns this rank only. A journal that is written to
 * has it, and a replay hands the parts out in the place of the batch. `seek`,
 * set_epoch and `resume` drop parts that were not taken yet.
 *
 * AUGS_E_STATE if there was no batch yet, the batch was given again before or
 * was told to be fine, or AUGS_MOST_RETRIES batches wait already.
 * AUGS_E_RANGE if the batch is none of the last AUGS_FEEDBACK_BATCHES, or
 * most_samples is not below its size. AUGS_E_MEMORY if it has one sample.
 * AUGS_E_IO, AUGS_E_NO_SPACE or AUGS_E_CORRUPT if the journal fails.
 * AUGS_E_ARGUMENT if pipeline is NULL. After a failure nothing has changed: the
 * strategy was not told, and the call may be repeated.
 */
AUGS_API int augs_pipeline_retry(augs_pipeline *pipeline, uint64_t step, uint32_t part,
                                 uint64_t most_samples, augs_error *error);

/*
 * Hands every batch up to the end of the epoch to a sink, then flushes it. The
 * sink stays the caller's. Returns 0, or what `flush` of the sink returned.
 *
 * AUGS_E_CANCELLED if the sink's write returned a positive number to stop: it
 * took that batch, and the call may be repeated to go on. AUGS_E_ARGUMENT if a
 * pointer is NULL. Failures of augs_pipeline_next and of the sink are handed on.
 * A batch whose write failed comes first when the call is repeated.
 */
AUGS_API int augs_pipeline_run(augs_pipeline *pipeline, augs_sink *sink, augs_error *error);

/*
 * Writes the resume token of the next batch as text. n_bytes is the size of
 * ret_token; AUGS_TOKEN_BYTES is always enough. If parts of a batch are still
 * to come, the token names them. Then it is for the same rank and world size.
 *
 * AUGS_E_RANGE if n_bytes is too small: nothing is written. AUGS_E_ARGUMENT if a
 * pointer is NULL.
 */
AUGS_API int augs_pipeline_token(const augs_pipeline *pipeline, char *ret_token, size_t n_bytes,
                                 augs_error *error);

/*
 * Goes to the place of a resume token, and to its epoch. The token may be of
 * another rank, world size or batch size. Its position decides, the rank is that
 * of this pipeline, and the plan is recomputed from there if it has no such
 * step. A strategy that decides as it goes needs the journal of the token's run.
 *
 * AUGS_E_TOKEN if the text is malformed or of another stream or run. It also
 * says so if the place belongs to another kind of plan: inside a deal_window of
 * round_robin, or in blocks of another world size.
 * AUGS_E_STATE if the strategy decides as it goes, there is no journal, and the
 * token is not at step 0. AUGS_E_RANGE if the journal does not have the step.
 * AUGS_E_IO or AUGS_E_CORRUPT if it cannot be read. AUGS_E_NO_MEMORY if the
 * allocator has no memory. AUGS_E_ARGUMENT if a pointer is NULL. After a failure
 * the pipeline is where it was, and parts that wait still come.
 */
AUGS_API int augs_pipeline_resume(augs_pipeline *pipeline, const char *token, augs_error *error);

AUGS_END_DECLS

#endif
