/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server and one rank, their state machines wired together without sockets, threads or time:
 * what one sends the other gets at once, and a batch is made when nothing else is to do.
 */
#ifndef AUGS_TEST_NET_PAIR_H
#define AUGS_TEST_NET_PAIR_H

#include "base/checksum.h"
#include "base/memory.h"
#include "distributed/server_core.h"
#include "distributed/subscriber_core.h"
#include "pipeline/batch/batch_pool.h"
#include "pipeline_fixture.h"

enum { PAIR_MOST_FRAMES = 256, PAIR_HEADER_BYTES = 4096 };

typedef struct pair_payload {
    size_t n_bytes;
    unsigned char data[];
} pair_payload;

/* What the server sent and the rank has not read yet. */
typedef struct pair_frame {
    size_t n_header;
    unsigned char header[PAIR_HEADER_BYTES];
    pair_payload *payload;
} pair_frame;

typedef struct net_pair {
    augsi_server_core *server;
    augsi_batch_pool *pool;
    augsi_make to_make[PAIR_MOST_FRAMES];
    augsi_subscriber_core *rank;
    pair_frame frames[PAIR_MOST_FRAMES];
    unsigned n_to_make, n_frames, n_connects;
    uint64_t now;
    uint64_t n_batches, n_fetches; /* messages */
} net_pair;

static const augsi_server_limits pair_limits = {
    .max_credit = 64, .max_peers = 64, .max_bytes_in_flight = 1u << 30, .incarnation = 1};

/* ---- the server's side ---- */

static enum augsi_sent pair_server_send(void *user, const void *id, size_t n_id, const void *header,
                                        size_t n_header, void *payload)
{
    net_pair *pair = user;
    unsigned connection = 0;
    ck_assert_uint_eq(n_id, sizeof connection);
    memcpy(&connection, id, n_id);
    if (connection != pair->n_connects) {
        free(payload);
        return AUGSI_SENT_GONE;
    }
    ck_assert_uint_lt(pair->n_frames, PAIR_MOST_FRAMES);
    ck_assert_uint_le(n_header, PAIR_HEADER_BYTES);
    pair_frame *frame = &pair->frames[pair->n_frames++];
    frame->n_header = n_header;
    memcpy(frame->header, header, n_header);
    frame->payload = payload;
    pair->n_batches += payload != NULL;
    return AUGSI_SENT;
}

static bool pair_server_make(void *user, const augsi_make *make)
{
    net_pair *pair = user;
    if (pair->n_to_make == PAIR_MOST_FRAMES) {
        return false;
    }
    pair->to_make[pair->n_to_make] = *make;
    augs_stream_ref(make->stream);
    pair->n_to_make++;
    return true;
}

static void pair_server_drop(void *user, void *payload)
{
    (void)user;
    free(payload);
}

static uint64_t pair_server_bytes_out(void *user)
{
    (void)user;
    return 0;
}

static inline void pair_make_one(net_pair *pair)
{
    const augsi_make make = pair->to_make[0];
    augs_batch *batch = NULL;
    augs_error error;
    size_t n_bytes = 0;
    pair->n_to_make--;
    memmove(pair->to_make, pair->to_make + 1, pair->n_to_make * sizeof make);
    AUGS_ASSERT_OK(augsi_batch_make(pair->pool, make.stream, &make.slice, make.step, make.rank,
                                    make.world_size, &batch, &error),
                   error);
    const void *slab = augs_batch_slab(batch, &n_bytes);
    pair_payload *payload = malloc(sizeof *payload + n_bytes);
    ck_assert_ptr_nonnull(payload);
    payload->n_bytes = n_bytes;
    if (n_bytes > 0) {
        memcpy(payload->data, slab, n_bytes);
    }
    augs_batch_unref(batch);
    const augsi_made made = {.ticket = make.ticket,
                             .slab_bytes = make.n_bytes,
                             .payload = payload,
                             .n_bytes = n_bytes,
                             .hash = augsi_hash64(payload->data, n_bytes)};
    augsi_server_core_made(pair->server, &made, pair->now);
    augs_stream_unref(make.stream);
}

/* A negative status: the job is not accepted, and there is no server. */
static inline int pair_open_server(net_pair *pair, augs_stream *stream,
                                   const augs_plan_options *plan, uint32_t n_epochs,
                                   const augs_allocator *allocator, augs_error *error)
{
    static const augsi_server_hooks hooks = {.send = pair_server_send,
                                             .make = pair_server_make,
                                             .drop = pair_server_drop,
                                             .bytes_out = pair_server_bytes_out};
    const augs_job_options job = {.size = sizeof job, .n_epochs = n_epochs, .plan = plan};
    *pair = (net_pair){.now = 1000000000};
    int status =
        augsi_server_core_open(&pair_limits, &hooks, pair, allocator, NULL, &pair->server, error);
    ck_assert_int_eq(status, AUGS_OK);
    status = augsi_server_core_add_job(pair->server, stream, &job, error);
    if (status < 0) {
        augsi_server_core_free(pair->server);
        pair->server = NULL;
        return status;
    }
    AUGS_ASSERT_OK(augsi_batch_pool_open(stream, false, &pair->pool, error), *error);
    return AUGS_OK;
}

static inline void pair_forget_frames(net_pair *pair)
{
    for (unsigned i = 0; i < pair->n_frames; i++) {
        free(pair->frames[i].payload);
    }
    pair->n_frames = 0;
}

static inline void pair_close_server(net_pair *pair)
{
    pair_forget_frames(pair);
    for (unsigned i = 0; i < pair->n_to_make; i++) {
        augs_stream_unref(pair->to_make[i].stream);
    }
    pair->n_to_make = 0;
    augsi_server_core_free(pair->server);
    augsi_batch_pool_free(pair->pool);
    pair->server = NULL;
    pair->pool = NULL;
}

/* A request as it came from the connection of now. */
static inline void pair_request(net_pair *pair, const augsi_message *message)
{
    augsi_text text;
    augsi_text_init(&text, &augsi_default_allocator);
    augsi_wire_encode(&text, message);
    augsi_server_core_receive(pair->server, &pair->n_connects, sizeof pair->n_connects, text.data,
                              text.n_bytes, 1, pair->now);
    augsi_text_done(&text);
}

/* ---- the rank's side ---- */

static void pair_rank_disconnect(void *user)
{
    (void)user;
}

static bool pair_rank_connect(void *user, uint32_t endpoint)
{
    net_pair *pair = user;
    (void)endpoint;
    pair_forget_frames(pair);
    pair->n_connects++;
    return true;
}

static bool pair_rank_send(void *user, const void *data, size_t n_bytes)
{
    net_pair *pair = user;
    pair->n_fetches += augsi_wire_type(data, n_bytes) == AUGSI_FETCH;
    augsi_server_core_receive(pair->server, &pair->n_connects, sizeof pair->n_connects, data,
                              n_bytes, 1, pair->now);
    return true;
}

static inline int pair_open_rank(net_pair *pair, uint32_t rank, uint32_t world_size,
                                 const char *token, augs_error *error)
{
    static const augsi_subscriber_hooks hooks = {
        .connect = pair_rank_connect, .disconnect = pair_rank_disconnect, .send = pair_rank_send};
    const augs_subscriber_options options = {.size = sizeof options,
                                             .n_endpoints = 1,
                                             .rank = rank,
                                             .world_size = world_size,
                                             .token = token};
    return augsi_subscriber_core_open(&options, &hooks, pair, 5, &augsi_default_allocator,
                                      &pair->rank, error);
}

static inline void pair_close_rank(net_pair *pair)
{
    augsi_subscriber_core_free(pair->rank);
    pair->rank = NULL;
}

/* What was taken; `data` is the caller's to free. */
typedef struct pair_batch {
    augsi_expected expected;
    pair_payload *payload;
} pair_batch;

/* Until a batch is taken: 1; 0 at the end; negative. */
static inline int pair_next(net_pair *pair, pair_batch *ret_batch, augs_error *error)
{
    augsi_subscriber_core_wait(pair->rank, pair->now);
    for (unsigned n_idle = 0; n_idle < 1000;) {
        augsi_subscriber_core_skip(pair->rank, pair->now);
        int status = augsi_subscriber_core_failure(pair->rank, error);
        if (status < 0 || augsi_subscriber_core_is_done(pair->rank)) {
            return status;
        }
        augsi_subscriber_core_tick(pair->rank, pair->now);
        if (pair->n_frames > 0) {
            pair_frame frame = pair->frames[0];
            pair->n_frames--;
            memmove(pair->frames, pair->frames + 1, pair->n_frames * sizeof frame);
            status = augsi_subscriber_core_receive(
                pair->rank, frame.header, frame.n_header,
                frame.payload != NULL ? frame.payload->data : NULL,
                frame.payload != NULL ? frame.payload->n_bytes : 0, pair->now, error);
            if (status == AUGSI_RECEIVED_BATCH) {
                augsi_subscriber_core_expected(pair->rank, &ret_batch->expected);
                ret_batch->payload = frame.payload;
                augsi_subscriber_core_take(pair->rank, pair->now);
                return 1;
            }
            free(frame.payload);
            if (status < 0) {
                return status;
            }
        } else if (pair->n_to_make > 0) {
            pair_make_one(pair);
        } else {
            pair->now += 10000000;
            n_idle++;
        }
    }
    ck_abort_msg("the rank waits for ever");
}

static inline void pair_token(const net_pair *pair, char ret_token[AUGS_TOKEN_BYTES])
{
    augsi_token token;
    augs_error error;
    AUGS_ASSERT_OK(augsi_subscriber_core_token(pair->rank, &token, &error), error);
    AUGS_ASSERT_OK(augsi_token_format(&token, ret_token, AUGS_TOKEN_BYTES, &error), error);
}

#endif
