/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A subscriber without its socket: events and the time go in, calls of the hooks come out. It owns
 * the cursor, so whatever is lost, late or repeated on the way, it asks again from the first step
 * that was not taken.
 *
 *   idle -> connecting (HELLO sent, waits for WELCOME) -> streaming (FETCH ahead, BATCH in order)
 * -> done
 *                ^------------ back-off, next endpoint <-----------'
 *
 * All in one thread. Times are nanoseconds of any monotonic clock.
 */
#ifndef AUGSI_SUBSCRIBER_CORE_H
#define AUGSI_SUBSCRIBER_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include <augstream/subscriber.h>

#include "distributed/wire.h"
#include "pipeline/plan/plan.h"
#include "pipeline/plan/token.h"

typedef struct augsi_subscriber_core augsi_subscriber_core;

typedef struct augsi_subscriber_hooks {
    /* A new socket to endpoint number i; the old one, if any, is closed first. false: it could not
     * be made. */
    bool (*connect)(void *user, uint32_t endpoint);
    void (*disconnect)(void *user);
    /* Sends one frame. false: not now (the core asks for a new socket when nothing moves). */
    bool (*send)(void *user, const void *data, size_t n_bytes);
} augsi_subscriber_hooks;

/* What a received message was. */
#define AUGSI_RECEIVED_NOTHING 0 /* dealt with, or dropped and counted */
#define AUGSI_RECEIVED_BATCH                                                                       \
    1 /* it is the next batch: copy the payload, then augsi_subscriber_core_take */

/* options are checked by the caller; endpoints are only counted here. seed feeds incarnations and
 * jitter. */
int augsi_subscriber_core_open(const augs_subscriber_options *options,
                               const augsi_subscriber_hooks *hooks, void *user, uint64_t seed,
                               const augs_allocator *allocator, augsi_subscriber_core **ret_core,
                               augs_error *error);
void augsi_subscriber_core_free(augsi_subscriber_core *core);

/* The caller begins to wait: the time since its last call (of tick, receive, take) was not the
 * server's. */
void augsi_subscriber_core_wait(augsi_subscriber_core *core, uint64_t now_ns);
/* The caller waits for a batch: passes over steps that have none for this rank, if the server is
 * reached. Before every tick of such a wait. */
void augsi_subscriber_core_skip(augsi_subscriber_core *core, uint64_t now_ns);
/* Does what is due; returns when it is to be called again at the latest. */
uint64_t augsi_subscriber_core_tick(augsi_subscriber_core *core, uint64_t now_ns);
/* A message of one or two frames. AUGSI_RECEIVED_..., or the status the job ended with. */
int augsi_subscriber_core_receive(augsi_subscriber_core *core, const void *header, size_t n_header,
                                  const void *payload, size_t n_payload, uint64_t now_ns,
                                  augs_error *error);
/* The connection is lost. */
void augsi_subscriber_core_lost(augsi_subscriber_core *core, uint64_t now_ns);

/* After AUGSI_RECEIVED_BATCH: what it is, for the batch's info. stream: borrowed until the next
 * receive. */
typedef struct augsi_expected {
    augs_stream *stream;
    augsi_slice slice;
    uint64_t step;
    uint32_t epoch, rank, world_size;
} augsi_expected;
void augsi_subscriber_core_expected(const augsi_subscriber_core *core,
                                    augsi_expected *ret_expected);
/* The caller has it: the cursor moves on, and more is asked for. */
void augsi_subscriber_core_take(augsi_subscriber_core *core, uint64_t now_ns);

/* 1: WELCOME has come; 0: not yet. */
bool augsi_subscriber_core_is_welcome(const augsi_subscriber_core *core);
/* All epochs were taken; BYE is sent. */
bool augsi_subscriber_core_is_done(const augsi_subscriber_core *core);
/* How the job failed for good: AUGS_OK if it did not. */
int augsi_subscriber_core_failure(const augsi_subscriber_core *core, augs_error *error);
/* Says goodbye, with the place of the cursor. */
void augsi_subscriber_core_bye(augsi_subscriber_core *core);

/* NULL before WELCOME. */
augs_stream *augsi_subscriber_core_stream(const augsi_subscriber_core *core);
augsi_plan *augsi_subscriber_core_plan(const augsi_subscriber_core *core);
/* Samples of the largest batch of any epoch, whichever rank has it. 0 before WELCOME. */
uint64_t augsi_subscriber_core_most_samples(const augsi_subscriber_core *core);
/* AUGS_E_STATE before WELCOME. */
int augsi_subscriber_core_token(const augsi_subscriber_core *core, augsi_token *ret_token,
                                augs_error *error);
/* Counters that the core knows: duplicates, rejected, connects, fetches. */
void augsi_subscriber_core_stats(const augsi_subscriber_core *core, augs_subscriber_stats *stats);
/* How long the caller waits for a batch: since the last one came or was taken, or the wait began.
 * Other answers (WELCOME, BUSY, PONG, ERR) are no progress. */
uint64_t augsi_subscriber_core_stuck_ns(const augsi_subscriber_core *core, uint64_t now_ns);

#endif
