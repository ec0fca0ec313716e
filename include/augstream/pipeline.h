/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pipeline: stream -> strategy -> batch -> sink, for one rank and one epoch, pulled (next) or
 * pushed (run). One thread at a time.
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
/* A batch of which nothing was told when the next one is asked for is timed: it took until then. */
#define AUGS_FEEDBACK_TIMED 0u
/* The caller tells, however late: for loaders that have several batches under way. */
#define AUGS_FEEDBACK_TOLD 1u

typedef struct augs_pipeline augs_pipeline;

typedef struct augs_pipeline_options {
    uint32_t size;                 /* sizeof(augs_pipeline_options) */
    uint32_t rank;                 /* 0 <= rank < plan->world_size */
    uint64_t first_position;       /* the window of positions to go through */
    uint64_t n_positions;          /* 0 = to the end of the stream */
    const augs_plan_options *plan; /* NULL = defaults; copied */
    /* The rest is for strategies that decide as they go; copied, or borrowed until free. */
    /* File of the plan journal: each decision is on the disk before its batch is handed out, and
     * what the file has already of this run is taken from it. NULL = none. */
    const char *journal;
    /* A plan journal that is run again, exactly; plan->strategy is not looked at. NULL = not. */
    const char *replay;
    /* Asked before each decision, and whatever its interval after a batch larger than any before;
     * NULL = one of the pipeline's own, with an interval of 5 ms, which also tells the figures of
     * the stream's allocator. A fixed strategy decides nothing: it has a monitor of its own only
     * with `metrics`. While the level is high or critical the pipeline keeps no spare batches. */
    augs_memory_monitor *monitor;
    augs_metrics *metrics; /* each batch is noted, also those of fixed strategies; NULL = none */
    uint64_t (*now_ns)(void *user); /* monotonic; NULL = CLOCK_MONOTONIC */
    void *now_user;
    uint32_t feedback; /* AUGS_FEEDBACK_... */
    uint32_t reserved; /* 0 */
} augs_pipeline_options;
AUGS_SIZED_STRUCT(augs_pipeline_options, reserved);

/*
 * Takes a reference of the stream. options may be NULL: all positions in batches of 32.
 * AUGS_E_ARGUMENT for a shipped strategy that decides as it goes with world_size > 1: each rank
 * would decide for itself. Let all replay one journal, which augs_scheduler writes for that many
 * ranks and this stream's fingerprint, or take a fixed strategy. Of journals:
 * AUGS_E_NOT_FOUND, AUGS_E_MISMATCH (of another stream, window, world or strategy), AUGS_E_BUSY
 * (another run appends to it), AUGS_E_CORRUPT, AUGS_E_IO, AUGS_E_NO_SPACE; a file that is none is
 * left as it is.
 */
AUGS_API int augs_pipeline_open(augs_stream *stream, const augs_pipeline_options *options,
                                augs_pipeline **ret_pipeline, augs_error *error);
AUGS_API void augs_pipeline_free(augs_pipeline *pipeline);

/*
 * 1 and a batch, which is the caller's to unref; 0 at the end of the epoch; negative on error,
 * after which the call may be repeated. Steps that have no sample for this rank are passed over.
 * AUGS_E_PLAN: the strategy is wrong, or the journal of a replay has no more steps; spans of a
 * fixed strategy are checked together as far as it is walked from its start, each for itself after
 * a seek. AUGS_E_NO_SPACE, AUGS_E_IO, AUGS_E_CORRUPT: the journal; the batch was not handed out.
 */
AUGS_API int augs_pipeline_next(augs_pipeline *pipeline, augs_batch **ret_batch, augs_error *error);

/* Why the batch handed out last has its size, one word: "fixed", or the strategy's. */
AUGS_API const char *augs_pipeline_why(const augs_pipeline *pipeline);

/* How many positions of the window no rank gets, whether last_batch or tail leaves them out. A plan
 * that was computed again, from a token's position or where the batch size changed, counts from
 * there. Of a strategy that decides as it goes: 0 until `next` has returned 0. */
AUGS_API uint64_t augs_pipeline_n_left_out(const augs_pipeline *pipeline);

/* The step whose batch `next` returns next, from 0. */
AUGS_API uint64_t augs_pipeline_step(const augs_pipeline *pipeline);
/* Goes to a step. Fixed strategies in O(1), to any step or the end: AUGS_E_RANGE; others with a
 * journal to any step that it has and the next; without one only to the next step, to the last one
 * again, or to 0, to plan anew: AUGS_E_STATE. */
AUGS_API int augs_pipeline_seek(augs_pipeline *pipeline, uint64_t step, augs_error *error);
/* Starts at step 0 of another epoch. Batches of the old one stay valid. */
AUGS_API int augs_pipeline_set_epoch(augs_pipeline *pipeline, uint32_t epoch, augs_error *error);

/*
 * Another batch_size from the next batch on: strategy sequential with interleaved shards; the
 * others that have one start again from it. `seek` does not lead sequential to steps before it any
 * more, tokens lead to their position whatever the sizes are. AUGS_E_UNSUPPORTED, AUGS_E_ARGUMENT,
 * AUGS_E_STATE (sequential, at the end of the epoch): nothing changes.
 */
AUGS_API int augs_pipeline_set_batch_size(augs_pipeline *pipeline, uint64_t batch_size,
                                          augs_error *error);

/*
 * Tells the strategy what a batch cost, and whether it fitted. The feedback names the batch by its
 * epoch, step and part, or is about the one handed out last: AUGS_STEP_LAST. It may come late, out
 * of order, or never. The first feedback of a batch counts, and "did not fit" after it.
 *
 * A pipeline whose `feedback` is AUGS_FEEDBACK_TIMED times a batch of which nothing was told when
 * the next one is asked for. Once it was told the seconds of a batch later than that, it times no
 * more.
 *
 * After "did not fit" memory_optimized and adaptive stay below that size until memory grew. Fixed
 * strategies keep their size: change it with augs_pipeline_set_batch_size. augs_pipeline_retry
 * gives the samples again.
 *
 * The last AUGS_FEEDBACK_BATCHES batches are remembered; feedback of older ones is ignored, as is
 * feedback that a journal has already.
 * AUGS_E_ARGUMENT: NULL, a wrong size, or an unknown outcome. AUGS_E_STATE: there was no batch yet,
 * or it is fine for a batch that was given again. AUGS_E_RANGE: the batch was never handed out.
 */
AUGS_API int augs_pipeline_observe(augs_pipeline *pipeline, const augs_feedback *feedback,
                                   augs_error *error);

/*
 * Gives the samples of a batch that did not fit again, in parts of at most most_samples (0 = half
 * of it, rounded up). The parts come next, before later steps, with the step of the batch and new
 * numbers as `part`: the next that the step has not had. Numbers of steps do not change. A part
 * that does not fit may be given again as well. Parts are multiples of the strategy's multiple_of
 * where most_samples allows it; they may be smaller than min_batch_size. The flag AUGS_BATCH_LAST
 * is on the batch after which nothing is left.
 *
 * step: of the present epoch, or AUGS_STEP_LAST. A retry says that the batch did not fit, so the
 * strategy needs no other feedback of it. A retry is local to the rank. A plan journal that is
 * written to has it, and a replay hands the parts out in the place of the batch. `seek`, set_epoch
 * and `resume` drop parts that were not taken yet.
 *
 * After a failure nothing changes. AUGS_E_STATE: there was no batch yet, the batch was given again
 * before or was told to be fine, or AUGS_MOST_RETRIES batches wait already. AUGS_E_RANGE: the batch
 * is none of the last AUGS_FEEDBACK_BATCHES, or most_samples is not below its size. AUGS_E_MEMORY:
 * it has one sample. AUGS_E_IO, AUGS_E_NO_SPACE, AUGS_E_CORRUPT: the journal.
 */
AUGS_API int augs_pipeline_retry(augs_pipeline *pipeline, uint64_t step, uint32_t part,
                                 uint64_t most_samples, augs_error *error);

/* Runs to the end of the epoch, every batch into the sink, then flushes it. Positive results of the
 * sink's write mean "stop", the batch was taken: AUGS_E_CANCELLED. A batch whose write failed was
 * not: it comes first when the call is repeated. */
AUGS_API int augs_pipeline_run(augs_pipeline *pipeline, augs_sink *sink, augs_error *error);

/*
 * The resume token of the next batch as text of at most AUGS_TOKEN_BYTES with its NUL, and going to
 * the place of one. A token may be of another rank, world size or batch size: its position decides,
 * the rank is this pipeline's, and the plan is computed again from there if it has no such step.
 * Where parts of a batch are to come, the token names them; such a token is for the same rank and
 * world size. Most tokens are shorter than 160 bytes. AUGS_E_TOKEN names both fingerprints if the
 * token is of another stream, or says that its place belongs to another kind of plan: inside a
 * window of round_robin, or block shards of another world size. A strategy that decides as it goes
 * needs the journal that the token was made with: AUGS_E_STATE, AUGS_E_RANGE. After a failure the
 * pipeline is where it was.
 */
AUGS_API int augs_pipeline_token(const augs_pipeline *pipeline, char *ret_token, size_t n_bytes,
                                 augs_error *error);
AUGS_API int augs_pipeline_resume(augs_pipeline *pipeline, const char *token, augs_error *error);

AUGS_END_DECLS

#endif
