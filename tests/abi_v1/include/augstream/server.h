/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server of docs/protocol.md: it sends batches to the ranks of jobs. A
 * ZeroMQ ROUTER answers FETCH with BATCH.
 *
 *     augs_server *server;
 *     augs_server_options options = {.size = sizeof options};
 *     augs_job_options job = {.size = sizeof job};
 *     if (augs_server_open(&options, &server, &error) < 0) {
 *         fprintf(stderr, "%s\n", error.message);
 *         return 1;
 *     }
 *     if (augs_server_add_job(server, stream, &job, &error) < 0 ||
 *         augs_server_run(server, &error) < 0) { // until augs_server_stop
 *         fprintf(stderr, "%s\n", error.message);
 *     }
 *     augs_server_free(server);
 */
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
    uint32_t size;      /* sizeof(augs_server_options) */
    uint32_t n_fillers; /* threads that make batches; 0 = 1 */
    /* tcp://127.0.0.1:PORT ("*" or 0 = any free port), tcp://[::1]:PORT, or
     * ipc://PATH. NULL = AUGS_DEFAULT_ENDPOINT. Copied. */
    const char *endpoint;
    /* Over all peers; beyond it peers get BUSY. 0 = 256 MiB. */
    uint64_t max_bytes_in_flight;
    uint32_t max_credit;             /* steps that a peer may ask for ahead; 0 = 64 */
    uint32_t max_peers;              /* 0 = 8,192 */
    augs_logger logger;              /* copied; a NULL function = no messages */
    const augs_allocator *allocator; /* NULL = the C library's; copied */
} augs_server_options;
AUGS_SIZED_STRUCT(augs_server_options, allocator);

/* A job: one stream, its epochs and its plan, under a name. */
typedef struct augs_job_options {
    uint32_t size;     /* sizeof(augs_job_options) */
    uint32_t n_epochs; /* from the stream's epoch on; 0 = 1 */
    /* 1 to 64 of A-Z a-z 0-9 . _ - NULL = AUGS_DEFAULT_JOB. Copied. */
    const char *name;
    const augs_plan_options *plan; /* NULL = defaults; copied */
} augs_job_options;
AUGS_SIZED_STRUCT(augs_job_options, plan);

typedef struct augs_server_stats {
    uint32_t size;        /* sizeof(augs_server_stats), set by the caller */
    uint32_t n_peers;     /* seen in the last 30 s */
    uint64_t n_batches;   /* sent */
    uint64_t n_samples;   /* sent */
    uint64_t n_bytes;     /* of payload, sent */
    uint64_t n_errors;    /* messages ERR that were sent */
    uint64_t n_malformed; /* messages dropped or answered with code 1 */
    uint64_t n_finished;  /* ranks that said BYE at the end of the last epoch */
} augs_server_stats;
AUGS_SIZED_STRUCT(augs_server_stats, n_finished);

/*
 * Opens a server and binds its endpoint. It answers nothing before
 * augs_server_run. Free it with augs_server_free.
 *
 * AUGS_E_ADDRESS if the endpoint is malformed, is neither loopback nor ipc, or
 * is in use. AUGS_E_RANGE if n_fillers, max_credit or max_peers is too large:
 * the message has the limits. AUGS_E_ARGUMENT if a pointer is NULL, options have
 * a wrong size, or the allocator lacks a function. AUGS_E_UNSUPPORTED if the
 * machine is not little-endian. AUGS_E_NETWORK if ZeroMQ fails. AUGS_E_IO if a
 * pipe or random numbers cannot be had. AUGS_E_NO_MEMORY if the allocator has no
 * memory.
 */
AUGS_API int augs_server_open(const augs_server_options *options, augs_server **ret_server,
                              augs_error *error);

/*
 * Closes the sockets and frees the server, but not while augs_server_run is
 * under way. server may be NULL.
 */
AUGS_API void augs_server_free(augs_server *server);

/*
 * Adds a job. It takes a reference of the stream, which must not be endless. All
 * jobs are added before augs_server_run, by one thread at a time.
 *
 * AUGS_E_ARGUMENT if a pointer is NULL, a struct has a wrong size, or the name is
 * malformed or in use. So does an endless stream, or a plan that is not accepted.
 * AUGS_E_RANGE if the last epoch would not fit 32 bits. AUGS_E_NOT_FOUND if there
 * is no such strategy. AUGS_E_UNSUPPORTED if the strategy is the caller's own or
 * decides as it goes. AUGS_E_STATE if the server runs or has run.
 * AUGS_E_NO_MEMORY if the allocator has no memory. After a failure the server
 * has the jobs that it had.
 */
AUGS_API int augs_server_add_job(augs_server *server, augs_stream *stream,
                                 const augs_job_options *options, augs_error *error);

/*
 * Returns the endpoint that ranks connect to, with the port that was found.
 * Valid as long as the server. NULL if server is NULL. Any thread.
 */
AUGS_API const char *augs_server_endpoint(const augs_server *server);

/*
 * Serves until augs_server_stop and then returns 0. It blocks the calling thread,
 * which sends and receives; others make batches. A server runs once.
 *
 * AUGS_E_STATE if the server has no job, has run before, or was opened in
 * another process. AUGS_E_NETWORK if ZeroMQ fails. AUGS_E_IO if a thread cannot
 * be started. AUGS_E_NO_MEMORY if the allocator has no memory. AUGS_E_ARGUMENT
 * if server is NULL.
 */
AUGS_API int augs_server_run(augs_server *server, augs_error *error);

/*
 * Makes augs_server_run return, also if it is called later. server may be NULL.
 * Any thread or signal handler.
 */
AUGS_API void augs_server_stop(augs_server *server);

/*
 * Writes the counters, which are brought up to date several times per second.
 * The caller sets ret_stats->size. If a pointer is NULL or the size is wrong,
 * nothing is written. Any thread.
 */
AUGS_API void augs_server_get_stats(const augs_server *server, augs_server_stats *ret_stats);

AUGS_END_DECLS

#endif
