/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A world for the state machines of both ends: a virtual clock, a network that may do anything but
 * change what a WELCOME, an ERR or a request says, and servers and ranks that crash. Everything
 * that happens follows from one seed.
 */
#ifndef AUGS_TEST_SIM_WORLD_H
#define AUGS_TEST_SIM_WORLD_H

#include <stdarg.h>

#include "base/memory.h"
#include "distributed/server_core.h"
#include "distributed/subscriber_core.h"
#include "stream_fixture.h"

#define SIM_MS ((uint64_t)1000000)
#define SIM_S ((uint64_t)1000000000)
#define SIM_DAY (86400 * SIM_S)
#define SIM_NONE UINT32_MAX

enum { SIM_MOST_RANKS = 4, SIM_MOST_SERVERS = 2, SIM_MOST_UNKNOWN_PEERS = 3 };

/* What may go wrong, per mille of the occasions. */
typedef struct sim_faults {
    unsigned drop, repeat, late, corrupt; /* a message */
    unsigned full, unsent, no_connect;    /* a send or a connect that fails */
    unsigned untaken;                     /* a batch that its rank cannot keep */
    unsigned no_space, unmade, slow; /* a batch that fillers refuse, fail at, or take long for */
    /* and what happens now and then; all together 0: never */
    unsigned crash_server, crash_rank, leave_rank, cut, stall, jump;
} sim_faults;

typedef struct sim_config {
    uint64_t seed;
    bool quiet;    /* nothing goes wrong */
    bool may_fail; /* ranks may be refused */
    bool silent;   /* nobody is told that a connection is lost */
    uint32_t n_ranks, n_servers, n_unknown_peers;
    bool strange_server; /* the last endpoint of the ranks is none of ours */
    uint64_t n_samples;
    /* the ranks begin with a token of other sizes, if that can be: 0: they begin at the start */
    uint32_t token_world_size, token_epoch;
    uint64_t token_batch_size, token_step;
    uint32_t n_epochs, order, tail, rank_layout;
    augs_strategy_options strategy;
    const char *strategy_name;
    uint32_t window[SIM_MOST_RANKS];
    uint64_t work_ns[SIM_MOST_RANKS]; /* a batch's at its rank, at most */
    uint64_t poll_ns[SIM_MOST_RANKS]; /* the caller's limit for one call, 0: none */
    uint64_t make_ns, latency_ns;     /* at most */
    uint64_t distance_ns;             /* the least latency */
    uint32_t max_peers, n_fillers;
    uint64_t max_bytes;
    uint64_t calm_at; /* faults end there */
    sim_faults faults;
} sim_config;

enum sim_kind {
    SIM_DELIVER,
    SIM_MADE,
    SIM_SERVER_TURN,
    SIM_SERVER_START,
    SIM_RANK_TURN,
    SIM_RANK_CALL, /* the caller asks for the next batch */
    SIM_RANK_START,
    SIM_CUT,  /* the server's side of a connection ends */
    SIM_LOST, /* the rank is told that its connection is lost */
    SIM_DISASTER,
    SIM_UNKNOWN_PEER,
    SIM_CALM
};

typedef struct sim_event {
    uint64_t at, order;
    enum sim_kind kind;
    uint32_t index;
    uint64_t version; /* must be the actor's still */
    void *what;
} sim_event;

typedef struct sim_payload {
    struct sim_server *server; /* that counts it; NULL: a copy on the way */
    uint64_t generation, hash;
    size_t n_bytes;
    unsigned char data[];
} sim_payload;

typedef struct sim_message {
    uint32_t connection;
    uint32_t routing_id;
    bool to_server, any_socket; /* any_socket: whatever socket the rank has then */
    uint32_t n_frames;
    sim_payload *payload;
    size_t n_header;
    unsigned char header[];
} sim_message;

typedef struct sim_task {
    struct sim_server *server;
    uint64_t generation;
    augsi_make make;
} sim_task;

typedef struct sim_connection {
    uint32_t rank, endpoint; /* rank SIM_NONE: an unknown peer's */
    uint32_t routing_id;     /* as the server knows it now */
    bool client_open, server_open;
    uint64_t fifo[2], stalled_until;
    /* of the requests that have arrived: what may be sent */
    uint32_t asked_epoch;
    uint64_t asked_first, asked_end;
    uint64_t error_at; /* when the server sent an ERR last */
} sim_connection;

typedef struct sim_server {
    struct sim_world *world;
    uint32_t index;
    augsi_server_core *core; /* NULL: down */
    uint64_t generation, version, clock;
    uint64_t bytes_out, n_making, jumped_at;
} sim_server;

/* A batch as a pipeline makes it. */
typedef struct sim_step {
    uint32_t epoch;
    uint64_t step, first, stride, n_samples;
    size_t n_bytes;
    unsigned char *slab;
} sim_step;

enum sim_rank_state { SIM_DOWN, SIM_WAITING, SIM_WORKING, SIM_FINISHED };

typedef struct sim_rank {
    struct sim_world *world;
    uint32_t index;
    augsi_subscriber_core *core;
    enum sim_rank_state state;
    uint64_t version, clock, called_at;
    uint32_t connection;
    bool lost;
    sim_message **inbox;
    size_t n_inbox, inbox_space;
    sim_step *steps; /* all that it has to get */
    size_t n_steps, next;
    uint32_t n_ends;                                          /* epochs of which it has samples */
    char token[AUGS_TOKEN_BYTES], bookmark[AUGS_TOKEN_BYTES]; /* "": none */
    size_t bookmark_next;
} sim_rank;

/* How often what happened, so that a test can see that it did. */
typedef struct sim_counts {
    uint64_t n_events, n_taken, n_dropped, n_repeated, n_corrupted, n_stale, n_full, n_busy, n_eos,
        n_errors, n_made, n_unmade, n_server_crashes, n_rank_crashes, n_bookmarks, n_cuts, n_stalls,
        n_jumps, n_survived, n_connects, n_duplicates, n_rejected, n_fetches, n_batches, n_pongs,
        n_strange, n_untaken;
} sim_counts;

typedef struct sim_world {
    sim_config config;
    uint64_t random, now, order, digest;
    bool faulty;
    counting_memory memory;
    augs_allocator allocator;
    augs_stream *stream;
    char token[AUGS_TOKEN_BYTES]; /* that ranks begin with, "": none */
    augsi_batch_pool *pool;
    sim_event *events;
    size_t n_events, events_space;
    sim_connection *connections;
    uint32_t n_connections, connections_space;
    uint32_t *routing; /* routing id -> connection */
    uint32_t n_routing, routing_space;
    sim_server servers[SIM_MOST_SERVERS];
    sim_rank ranks[SIM_MOST_RANKS];
    uint32_t unknown_peers[SIM_MOST_UNKNOWN_PEERS]; /* their connections */
    uint32_t n_finished;
    sim_message *overheard, *welcome; /* a request and a WELCOME, to be told wrong */
    sim_counts counts;
} sim_world;

/* ---- chance, failure, space ---- */

__attribute__((noreturn, format(printf, 4, 5))) static inline void
sim_fail(const sim_world *world, int line, const char *condition, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ck_abort_msg("seed %llu at %.6f s: %s (line %d: %s); again: AUGS_SIMULATION_SEED=%llu",
                 (unsigned long long)world->config.seed, (double)world->now / 1e9, text, line,
                 condition, (unsigned long long)world->config.seed);
    abort();
}

#define SIM_CHECK(world, condition, ...)                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            sim_fail(world, __LINE__, #condition, __VA_ARGS__);                                    \
        }                                                                                          \
    } while (0)

/* 0 to n - 1 */
static inline uint64_t sim_below(sim_world *world, uint64_t n)
{
    return n == 0 ? 0 : (next_random(&world->random) >> 11) % n;
}

static inline bool sim_chance(sim_world *world, unsigned per_mille)
{
    return per_mille > 0 && sim_below(world, 1000) < per_mille;
}

/* Whether a fault happens here. */
static inline bool sim_fault(sim_world *world, unsigned per_mille)
{
    return world->faulty && sim_chance(world, per_mille);
}

static inline void *sim_grow(void *list, size_t n, size_t *space, size_t each)
{
    if (n == *space) {
        *space = *space == 0 ? 64 : 2 * *space;
        list = realloc(list, *space * each);
        ck_assert_ptr_nonnull(list);
    }
    return list;
}

/* ---- the clock: a heap of what is to come ---- */

static inline bool sim_before(const sim_event *a, const sim_event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static inline void sim_at(sim_world *world, uint64_t at, enum sim_kind kind, uint32_t index,
                          uint64_t version, void *what)
{
    world->events =
        sim_grow(world->events, world->n_events, &world->events_space, sizeof *world->events);
    sim_event *heap = world->events;
    size_t i = world->n_events++;
    const sim_event added = {.at = at > world->now ? at : world->now,
                             .order = world->order++,
                             .kind = kind,
                             .index = index,
                             .version = version,
                             .what = what};
    for (; i > 0 && sim_before(&added, &heap[(i - 1) / 2]); i = (i - 1) / 2) {
        heap[i] = heap[(i - 1) / 2];
    }
    heap[i] = added;
}

static inline bool sim_next(sim_world *world, sim_event *ret_event)
{
    sim_event *heap = world->events;
    if (world->n_events == 0) {
        return false;
    }
    *ret_event = heap[0];
    const sim_event last = heap[--world->n_events];
    const size_t n = world->n_events;
    size_t i = 0;
    for (size_t child = 1; child < n; child = 2 * i + 1) {
        child += child + 1 < n && sim_before(&heap[child + 1], &heap[child]);
        if (!sim_before(&heap[child], &last)) {
            break;
        }
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = last;
    return true;
}

/* ---- the network ---- */

static inline void sim_payload_free(sim_payload *payload)
{
    if (payload != NULL && payload->server != NULL &&
        payload->server->generation == payload->generation) {
        payload->server->bytes_out -= payload->n_bytes;
    }
    free(payload);
}

static inline void sim_message_free(sim_message *message)
{
    if (message != NULL) {
        sim_payload_free(message->payload);
        free(message);
    }
}

static inline sim_message *sim_message_new(uint32_t connection, const void *header, size_t n_header,
                                           sim_payload *payload)
{
    sim_message *message = malloc(sizeof *message + n_header);
    ck_assert_ptr_nonnull(message);
    *message = (sim_message){.connection = connection,
                             .n_frames = payload != NULL ? 2 : 1,
                             .payload = payload,
                             .n_header = n_header};
    if (n_header > 0) {
        memcpy(message->header, header, n_header);
    }
    return message;
}

static inline sim_message *sim_message_copy(const sim_message *from)
{
    sim_payload *payload = NULL;
    if (from->payload != NULL) {
        const size_t n_bytes = sizeof *payload + from->payload->n_bytes;
        payload = malloc(n_bytes);
        ck_assert_ptr_nonnull(payload);
        memcpy(payload, from->payload, n_bytes);
        payload->server = NULL;
    }
    sim_message *copy = sim_message_new(from->connection, from->header, from->n_header, payload);
    copy->routing_id = from->routing_id;
    copy->to_server = from->to_server;
    copy->n_frames = from->n_frames;
    return copy;
}

static inline uint32_t sim_new_routing_id(sim_world *world, uint32_t connection)
{
    size_t space = world->routing_space;
    world->routing = sim_grow(world->routing, world->n_routing, &space, sizeof *world->routing);
    world->routing_space = (uint32_t)space;
    world->routing[world->n_routing] = connection;
    return world->n_routing++;
}

static inline uint32_t sim_connect(sim_world *world, uint32_t rank, uint32_t endpoint, bool reached)
{
    size_t space = world->connections_space;
    world->connections =
        sim_grow(world->connections, world->n_connections, &space, sizeof *world->connections);
    world->connections_space = (uint32_t)space;
    const uint32_t index = world->n_connections++;
    world->connections[index] = (sim_connection){.rank = rank,
                                                 .endpoint = endpoint,
                                                 .client_open = true,
                                                 .server_open = reached,
                                                 .routing_id = sim_new_routing_id(world, index)};
    return index;
}

static inline uint64_t sim_latency(sim_world *world)
{
    return 1000 + world->config.distance_ns + sim_below(world, world->config.latency_ns);
}

static inline void sim_flip(sim_world *world, unsigned char *data, size_t n_bytes)
{
    for (uint64_t k = 1 + sim_below(world, 3); k > 0 && n_bytes > 0; k--) {
        data[sim_below(world, n_bytes)] ^= (unsigned char)(1u << sim_below(world, 8));
    }
}

/* Takes the message over. */
static inline void sim_transmit(sim_world *world, sim_message *message)
{
    const sim_faults *faults = &world->config.faults;
    sim_connection *on = &world->connections[message->connection];
    if (sim_fault(world, faults->drop)) {
        world->counts.n_dropped++;
        sim_message_free(message);
        return;
    }
    if (sim_fault(world, faults->repeat)) {
        sim_message *again = sim_message_copy(message);
        again->any_socket = !message->to_server && sim_chance(world, 500);
        world->counts.n_repeated++;
        sim_at(world, world->now + sim_below(world, 8 * SIM_S), SIM_DELIVER, 0, 0, again);
    }
    if (!message->to_server && message->payload != NULL && sim_fault(world, faults->corrupt)) {
        world->counts.n_corrupted++;
        if (sim_chance(world, 700)) {
            sim_flip(world, message->payload->data, message->payload->n_bytes);
        } else {
            sim_flip(world, message->header, message->n_header);
        }
    }
    uint64_t at = world->now + sim_latency(world);
    at += sim_fault(world, faults->late) ? sim_below(world, 20 * SIM_S) : 0;
    at = at > on->stalled_until ? at : on->stalled_until;
    uint64_t *fifo = &on->fifo[message->to_server];
    *fifo = at > *fifo ? at : *fifo;
    sim_at(world, *fifo, SIM_DELIVER, 0, 0, message);
}

#endif
