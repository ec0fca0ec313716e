/* SPDX-License-Identifier: Apache-2.0 */
/* The range server of docs/protocol.md: a ROUTER that answers FETCH with BATCH. */
#ifndef AUGSTREAM_SERVER_H
#define AUGSTREAM_SERVER_H

#include <stdint.h>

#include <augstream/export.h>
#include <augstream/log.h>
#include <augstream/plan.h>
#include <augstream/stream.h>

AUGS_BEGIN_DECLS

#define AUGS_DEFAULT_ENDPOINT "tcp://127.0.0.1:5757" /* where a server listens */
#define AUGS_DEFAULT_JOB "default" /* the job that a server adds and a rank asks for */

typedef struct augs_server augs_server;

typedef struct augs_server_options {
    uint32_t size;        /* sizeof(augs_server_options) */
    uint32_t n_fillers;   /* threads that make batches, 0 = 1 */
    const char *endpoint; /* tcp://127.0.0.1:PORT ("*" or 0 = any free port), tcp://[::1]:PORT,
                             ipc://PATH. NULL = tcp://127.0.0.1:5757 */
    uint64_t max_bytes_in_flight; /* over all peers, 0 = 256 MiB; beyond it peers get BUSY */
    uint32_t max_credit;          /* steps a peer may ask for ahead, 0 = 64 */
    uint32_t max_peers;           /* 0 = 8,192 */
    augs_logger logger;
    const augs_allocator *allocator; /* NULL = the C library's */
} augs_server_options;
AUGS_SIZED_STRUCT(augs_server_options, allocator);

/* A job: one stream, its epochs and its plan, under a name. */
typedef struct augs_job_options {
    uint32_t size;                 /* sizeof(augs_job_options) */
    uint32_t n_epochs;             /* from the stream's epoch on, 0 = 1 */
    const char *name;              /* NULL = "default"; [A-Za-z0-9._-], at most 64 bytes */
    const augs_plan_options *plan; /* NULL = defaults; copied */
} augs_job_options;
AUGS_SIZED_STRUCT(augs_job_options, plan);

typedef struct augs_server_stats {
    uint32_t size;
    uint32_t n_peers;   /* seen in the last 30 s */
    uint64_t n_batches; /* sent */
    uint64_t n_samples;
    uint64_t n_bytes;     /* payload */
    uint64_t n_errors;    /* ERR sent */
    uint64_t n_malformed; /* messages dropped or answered with code 1 */
    uint64_t n_finished;  /* ranks that said BYE at the end of the last epoch */
} augs_server_stats;
AUGS_SIZED_STRUCT(augs_server_stats, n_finished);

/* Binds; nothing is answered before augs_server_run. AUGS_E_ADDRESS: not loopback or ipc, or taken.
 */
AUGS_API int augs_server_open(const augs_server_options *options, augs_server **ret_server,
                              augs_error *error);
AUGS_API void augs_server_free(augs_server *server); /* not while run is under way; NULL is fine */

/* Before run. Takes a reference of the stream, which must not be endless. */
AUGS_API int augs_server_add_job(augs_server *server, augs_stream *stream,
                                 const augs_job_options *options, augs_error *error);

/* The endpoint that clients connect to, with the port that was found. */
AUGS_API const char *augs_server_endpoint(const augs_server *server);

/* Serves until augs_server_stop; blocks the calling thread, which becomes the one on the ROUTER. */
AUGS_API int augs_server_run(augs_server *server, augs_error *error);
/* From any thread or signal handler. */
AUGS_API void augs_server_stop(augs_server *server);
/* From any thread. */
AUGS_API void augs_server_get_stats(const augs_server *server, augs_server_stats *stats);

AUGS_END_DECLS

#endif
