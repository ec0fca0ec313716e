/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A subscriber: one rank of a job over ZeroMQ. Batches come in order, each once,
 * whatever the network and the server do meanwhile. A batch counts as taken when
 * the caller gets it.
 *
 *     const char *endpoints[] = {AUGS_DEFAULT_ENDPOINT};
 *     augs_subscriber_options options = {
 *         .size = sizeof options, .n_endpoints = 1, .endpoints = endpoints};
 *     augs_subscriber *subscriber;
 *     augs_batch *batch;
 *     if (augs_subscriber_open(&options, &subscriber, &error) < 0) {
 *         fprintf(stderr, "%s\n", error.message);
 *         return 1;
 *     }
 *     while (augs_subscriber_next(subscriber, &batch, &error) == 1) {
 *         train(batch);
 *         augs_batch_unref(batch);
 *     }
 *     augs_subscriber_free(subscriber);
 *
 * One thread at a time uses a subscriber.
 */
#ifndef AUGSTREAM_SUBSCRIBER_H
#define AUGSTREAM_SUBSCRIBER_H

#include <stdint.h>

#include <augstream/batch.h>
#include <augstream/export.h>
#include <augstream/log.h>
#include <augstream/plan.h>
#include <augstream/stream.h>

AUGS_BEGIN_DECLS

#define AUGS_DEFAULT_STEPS_AHEAD 8u /* steps that a rank asks for ahead */

typedef struct augs_subscriber augs_subscriber;

typedef struct augs_subscriber_options {
    uint32_t size;                /* sizeof(augs_subscriber_options) */
    uint32_t n_endpoints;         /* at least 1 */
    const char *const *endpoints; /* tried in turn; required; copied */
    const char *job;              /* NULL = AUGS_DEFAULT_JOB; copied */
    uint32_t rank;                /* 0 <= rank < world_size */
    uint32_t world_size;          /* that of the job; 0 = 1 */
    /* Resume token, of any rank, world size and batch size: its position decides.
     * NULL = the start. Copied. */
    const char *token;
    uint32_t steps_ahead;     /* steps asked for ahead; 0 = 8 */
    uint32_t verify;          /* 1: recompute every batch and compare; 0: do not */
    uint64_t timeout_ms;      /* most time without a batch; 0 = no limit */
    uint64_t max_frame_bytes; /* largest payload that is taken; 0 = 256 MiB */
    /* 32 of 0-9 a-f: refuse a job of another stream. NULL = any. Copied. */
    const char *fingerprint;
    augs_logger logger;              /* copied; a NULL function = no messages */
    const augs_allocator *allocator; /* NULL = the C library's; copied */
} augs_subscriber_options;
AUGS_SIZED_STRUCT(augs_subscriber_options, allocator);

typedef struct augs_subscriber_stats {
    uint32_t size;         /* sizeof(augs_subscriber_stats), set by the caller */
    uint32_t reserved;     /* 0 */
    uint64_t n_batches;    /* handed out */
    uint64_t n_samples;    /* handed out */
    uint64_t n_bytes;      /* of payload, handed out */
    uint64_t n_duplicates; /* received again and dropped */
    uint64_t n_rejected;   /* of another request, wrong hash, wrong span */
    uint64_t n_connects;   /* sockets made; 1 = no reconnection */
    uint64_t n_fetches;    /* requests sent */
} augs_subscriber_stats;
AUGS_SIZED_STRUCT(augs_subscriber_stats, n_fetches);

/*
 * Opens a subscriber. Options are checked and copied. The first `connect` or
 * `next` connects. Free it with augs_subscriber_free.
 *
 * AUGS_E_ARGUMENT if a required pointer is NULL, options have a wrong size, or
 * job or fingerprint is not accepted. AUGS_E_RANGE if rank is not below the world
 * size, or steps_ahead is too large. AUGS_E_ADDRESS if an endpoint is malformed.
 * AUGS_E_TOKEN if the token is malformed, of another job, or names parts of a
 * batch that are to be given again. AUGS_E_UNSUPPORTED if the machine is not
 * little-endian. AUGS_E_IO if a pipe or random numbers cannot be had.
 * AUGS_E_NO_MEMORY if the allocator has no memory.
 */
AUGS_API int augs_subscriber_open(const augs_subscriber_options *options,
                                  augs_subscriber **ret_subscriber, augs_error *error);

/*
 * Says BYE to the server and frees the subscriber. Batches that the caller holds
 * stay valid. subscriber may be NULL.
 */
AUGS_API void augs_subscriber_free(augs_subscriber *subscriber);

/*
 * Waits until the server told the job (WELCOME). Optional: `next` does it, too.
 * ret_stream may be NULL. It gets the stream at the current epoch, borrowed
 * until the next call of `next`.
 *
 * AUGS_E_TIMEOUT, AUGS_E_CANCELLED, AUGS_E_NETWORK, AUGS_E_REFUSED,
 * AUGS_E_MISMATCH, AUGS_E_TOKEN, AUGS_E_PROTOCOL, AUGS_E_UNSUPPORTED,
 * AUGS_E_RANGE, AUGS_E_STATE and AUGS_E_NO_MEMORY: the conditions of
 * augs_subscriber_next. AUGS_E_ARGUMENT if subscriber is NULL.
 */
AUGS_API int augs_subscriber_connect(augs_subscriber *subscriber, augs_stream **ret_stream,
                                     augs_error *error);

/*
 * Waits for the next batch. Returns 1 and the batch, which the caller gives back
 * with augs_batch_unref. Returns 0 at the end of the last epoch of the job.
 *
 * AUGS_E_TIMEOUT if timeout_ms passed without a batch: the call may be repeated.
 * AUGS_E_CANCELLED after augs_subscriber_cancel: the call may be repeated.
 * AUGS_E_NETWORK if ZeroMQ fails. AUGS_E_REFUSED if the server refuses the rank,
 * the job or its world size. AUGS_E_MISMATCH if the job is of another stream or
 * plan, the server computes other values, or `verify` found a difference.
 * AUGS_E_TOKEN if the token is of another stream, epoch or generation, or of a
 * place where the job's plan cannot go on. AUGS_E_PROTOCOL if the
 * server breaks the protocol. AUGS_E_UNSUPPORTED if its contract is another one.
 * AUGS_E_RANGE if batches are larger than max_frame_bytes. AUGS_E_STATE if the
 * subscriber was opened in another process. AUGS_E_NO_MEMORY if the allocator
 * has no memory. AUGS_E_ARGUMENT if a pointer is NULL.
 */
AUGS_API int augs_subscriber_next(augs_subscriber *subscriber, augs_batch **ret_batch,
                                  augs_error *error);

/*
 * Makes a `connect` or `next` that waits return AUGS_E_CANCELLED. If none waits,
 * the next one that would wait returns it. subscriber may be NULL. Any thread or
 * signal handler.
 */
AUGS_API void augs_subscriber_cancel(augs_subscriber *subscriber);

/*
 * Returns the step at which the current epoch ends. After a token of another
 * plan this may be another number than in later epochs. 0 before `connect` or
 * the first batch, or if subscriber is NULL.
 */
AUGS_API uint64_t augs_subscriber_n_steps(const augs_subscriber *subscriber);

/*
 * Writes the resume token of the batch after the last one taken. n_bytes is the
 * size of ret_token; AUGS_TOKEN_BYTES is always enough. Before the server is
 * known, this is the token of the options.
 *
 * AUGS_E_STATE if the server is not known yet and the options have no token.
 * AUGS_E_RANGE if n_bytes is too small: nothing is written. AUGS_E_ARGUMENT if a
 * pointer is NULL.
 */
AUGS_API int augs_subscriber_token(const augs_subscriber *subscriber, char *ret_token,
                                   size_t n_bytes, augs_error *error);

/*
 * Writes the counters. The caller sets ret_stats->size. If a pointer is NULL or
 * the size is wrong, nothing is written.
 */
AUGS_API void augs_subscriber_get_stats(const augs_subscriber *subscriber,
                                        augs_subscriber_stats *ret_stats);

AUGS_END_DECLS

#endif
