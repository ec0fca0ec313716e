/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A subscriber: one rank of a job over ZeroMQ. Batches come in order, each once, whatever the
 * network and the server do meanwhile; the position advances when the caller takes a batch. One
 * thread at a time.
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
    uint32_t size; /* sizeof(augs_subscriber_options) */
    uint32_t n_endpoints;
    const char *const *endpoints; /* tried in turn, required */
    const char *job;              /* NULL = "default" */
    uint32_t rank;
    uint32_t world_size;      /* 0 = 1; must be the job's */
    const char *token;        /* resume token, NULL = from the start */
    uint32_t steps_ahead;     /* steps asked for ahead, 0 = 8 */
    uint32_t verify;          /* 1: make every batch again and compare: AUGS_E_MISMATCH */
    uint64_t timeout_ms;      /* a call gives up after so long without a batch, 0 = never */
    uint64_t max_frame_bytes; /* a larger payload is refused, 0 = 256 MiB */
    const char *fingerprint;  /* refuse a job of another stream; NULL = any */
    augs_logger logger;
    const augs_allocator *allocator; /* NULL = the C library's */
} augs_subscriber_options;
AUGS_SIZED_STRUCT(augs_subscriber_options, allocator);

typedef struct augs_subscriber_stats {
    uint32_t size;
    uint32_t reserved;
    uint64_t n_batches; /* handed out */
    uint64_t n_samples;
    uint64_t n_bytes;      /* payload received */
    uint64_t n_duplicates; /* received and dropped */
    uint64_t n_rejected;   /* of another request, bad hash, bad span */
    uint64_t n_connects;   /* sockets made; 1 = no reconnection */
    uint64_t n_fetches;
} augs_subscriber_stats;
AUGS_SIZED_STRUCT(augs_subscriber_stats, n_fetches);

/* Checks options, copies them; connects lazily. */
AUGS_API int augs_subscriber_open(const augs_subscriber_options *options,
                                  augs_subscriber **ret_subscriber, augs_error *error);
AUGS_API void augs_subscriber_free(augs_subscriber *subscriber); /* says BYE; NULL is fine */

/*
 * Waits until the job is known (WELCOME) and returns its stream at the current epoch, borrowed
 * until the next call of `next`. Optional: next does it, too.
 */
AUGS_API int augs_subscriber_connect(augs_subscriber *subscriber, augs_stream **ret_stream,
                                     augs_error *error);

/* 1 and a batch (the caller's to unref); 0 at the end of the job's last epoch; negative on error.
 * AUGS_E_TIMEOUT may be followed by another call. */
AUGS_API int augs_subscriber_next(augs_subscriber *subscriber, augs_batch **ret_batch,
                                  augs_error *error);

/* Makes a blocked next return AUGS_E_CANCELLED; from any thread or signal handler. */
AUGS_API void augs_subscriber_cancel(augs_subscriber *subscriber);

/* Steps of this rank in an epoch, after connect; 0 if not known. */
AUGS_API uint64_t augs_subscriber_n_steps(const augs_subscriber *subscriber);

/* The resume token of the batch after the last one taken: AUGS_TOKEN_BYTES. AUGS_E_STATE before
 * WELCOME. */
AUGS_API int augs_subscriber_token(const augs_subscriber *subscriber, char *ret_token,
                                   size_t n_bytes, augs_error *error);
AUGS_API void augs_subscriber_get_stats(const augs_subscriber *subscriber,
                                        augs_subscriber_stats *stats);

AUGS_END_DECLS

#endif
