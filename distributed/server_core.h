/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server without its socket: messages, results of the fillers and the time go in, calls of the
 * hooks come out. It remembers of a peer only what it asked for and has not been sent: nothing that
 * a FETCH would not say again.
 *
 * One thread. Times are nanoseconds of any monotonic clock.
 */
#ifndef AUGSI_SERVER_CORE_H
#define AUGSI_SERVER_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include <augstream/server.h>

#include "distributed/wire.h"
#include "pipeline/plan/plan.h"

#define AUGSI_MAX_ROUTING_ID 255u

typedef struct augsi_server_core augsi_server_core;

/* A batch to make. The result comes back by augsi_server_core_made. */
typedef struct augsi_make {
    uint64_t ticket;
    uint32_t job;
    augs_stream *stream; /* valid during the call: take a reference */
    augsi_slice slice;
    uint64_t step;
    uint32_t rank, world_size;
    bool records;     /* the payload is a msgpack array of maps, else the slab */
    uint64_t n_bytes; /* of the slab */
} augsi_make;

/* What became of it. */
typedef struct augsi_made {
    uint64_t ticket, slab_bytes; /* as in augsi_make */
    int status;
    void *payload; /* the core's from now on; NULL: it failed with `status` */
    uint64_t n_bytes, hash;
} augsi_made;

enum augsi_sent { AUGSI_SENT, AUGSI_SENT_FULL, AUGSI_SENT_GONE };

typedef struct augsi_server_hooks {
    /* Sends a header and, if payload is not NULL, that as the second frame; it is the hook's then,
     * whatever the result. */
    enum augsi_sent (*send)(void *user, const void *routing_id, size_t n_routing_id,
                            const void *header, size_t n_header, void *payload);
    /* false: no space now; the core asks again at the next tick, result or message. */
    bool (*make)(void *user, const augsi_make *make);
    /* A payload that nobody wants any more. */
    void (*drop)(void *user, void *payload);
    /* Bytes of payloads that are made and not yet on the wire. With those that are being made they
     * stay within the limit, unless a single batch is larger. */
    uint64_t (*bytes_out)(void *user);
} augsi_server_hooks;

/* max_...: as resolved from augs_server_options. seed: this server's incarnation. */
typedef struct augsi_server_limits {
    uint32_t max_credit, max_peers;
    uint64_t max_bytes_in_flight;
    uint64_t incarnation;
} augsi_server_limits;

int augsi_server_core_open(const augsi_server_limits *limits, const augsi_server_hooks *hooks,
                           void *user, const augs_allocator *allocator, const augs_logger *logger,
                           augsi_server_core **ret_core, augs_error *error);
void augsi_server_core_free(augsi_server_core *core);
/* Checks and copies. The job's number is the number of those added before. */
int augsi_server_core_add_job(augsi_server_core *core, augs_stream *stream,
                              const augs_job_options *options, augs_error *error);

/* A message of n_frames frames after the routing id; only one-frame messages are taken. */
void augsi_server_core_receive(augsi_server_core *core, const void *routing_id, size_t n_routing_id,
                               const void *data, size_t n_bytes, uint32_t n_frames,
                               uint64_t now_ns);
void augsi_server_core_made(augsi_server_core *core, const augsi_made *made, uint64_t now_ns);
/* Does what is due (work that found no space, idle peers); returns when to call again at the latest.
 */
uint64_t augsi_server_core_tick(augsi_server_core *core, uint64_t now_ns);
void augsi_server_core_stats(const augsi_server_core *core, uint64_t now_ns,
                             augs_server_stats *stats);

#endif
