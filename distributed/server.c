/* SPDX-License-Identifier: Apache-2.0 */
/* The server's shell: sockets, threads and the clock around server_core.c. */
#include <augstream/server.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/sized_struct.h"
#include "distributed/fillers.h"
#include "distributed/router.h"
#include "distributed/server_core.h"

#define NS_PER_MS ((uint64_t)1000000)
#define PUBLISH_EVERY_NS (2 * NS_PER_MS)

enum {
    DEFAULT_CREDIT = 64,
    DEFAULT_PEERS = 8192,
    MOST_FILLERS = 1024,
    MOST_CREDIT = 65536,
    MOST_PEERS = 1 << 20,
    CONTROL_QUEUE = 16, /* messages to a peer beside its batches */
    FILL_QUEUE = 256,
    MESSAGES_A_TURN = 256,
    LONGEST_WAIT_MS = 60000,
};

struct augs_server {
    augs_allocator allocator;
    augs_logger logger;
    uint32_t n_fillers;
    augsi_router router;
    augsi_wakeup wakeup;
    augsi_payload_pool *payloads;
    augsi_server_core *core;
    augsi_fillers *fillers;
    augsi_batch_pool **pools; /* one a job */
    uint32_t n_pools;
    atomic_int stop;
    bool has_run;
    uint64_t published_at;
    pthread_mutex_t stats_lock;
    augs_server_stats stats;
};

static enum augsi_sent send_hook(void *user, const void *routing_id, size_t n_routing_id,
                                 const void *header, size_t n_header, void *payload)
{
    augs_server *server = user;
    augsi_payload *of = payload;
    zmq_msg_t frame;
    if (of != NULL) {
        union {
            const void *constant;
            void *plain;
        } data = {.constant = of->data}; /* libzmq only reads it */
        const size_t n_bytes = of->n_bytes;
        augsi_payload_hand_over(of); /* from here on it is not looked at */
        if (zmq_msg_init_data(&frame, data.plain, n_bytes, augsi_payload_come_back, of) != 0) {
            augsi_payload_release(of);
            return AUGSI_SENT_FULL;
        }
    }
    int result = augsi_router_send(&server->router, routing_id, n_routing_id, header, n_header,
                                   of != NULL ? &frame : NULL);
    if (of != NULL) {
        zmq_msg_close(&frame); /* empty after it was sent */
    }
    return result == AUGSI_ROUTER_SENT   ? AUGSI_SENT
           : result == AUGSI_ROUTER_FULL ? AUGSI_SENT_FULL
                                         : AUGSI_SENT_GONE;
}

static bool make_hook(void *user, const augsi_make *make)
{
    augs_server *server = user;
    const augsi_fill_task task = {.ticket = make->ticket,
                                  .slab_bytes = make->n_bytes,
                                  .batches = server->pools[make->job],
                                  .stream = make->stream,
                                  .slice = make->slice,
                                  .step = make->step,
                                  .rank = make->rank,
                                  .world_size = make->world_size,
                                  .records = make->records};
    return server->fillers != NULL && augsi_fillers_submit(server->fillers, &task);
}

static void drop_hook(void *user, void *payload)
{
    (void)user;
    augsi_payload_release(payload);
}

static uint64_t bytes_out_hook(void *user)
{
    const augs_server *server = user;
    return augsi_payload_bytes_out(server->payloads);
}

static int check_options(const augs_server_options *options, augs_error *error)
{
    if (options->n_fillers > MOST_FILLERS || options->max_credit > MOST_CREDIT ||
        options->max_peers > MOST_PEERS) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "server options: at most %d fillers, a credit of %d, %d peers",
                          MOST_FILLERS, MOST_CREDIT, MOST_PEERS);
    }
    const uint16_t one = 1;
    if (*(const unsigned char *)&one != 1) {
        return augsi_fail(error, AUGS_E_UNSUPPORTED,
                          "the protocol is little-endian; this host is not");
    }
    return AUGS_OK;
}

static int open_core(augs_server *server, const augs_server_options *options, augs_error *error)
{
    static const augsi_server_hooks hooks = {
        .send = send_hook, .make = make_hook, .drop = drop_hook, .bytes_out = bytes_out_hook};
    augsi_server_limits limits = {
        .max_credit = options->max_credit != 0 ? options->max_credit : DEFAULT_CREDIT,
        .max_peers = options->max_peers != 0 ? options->max_peers : DEFAULT_PEERS,
        .max_bytes_in_flight =
            options->max_bytes_in_flight != 0 ? options->max_bytes_in_flight : 256u << 20};
    if (getrandom(&limits.incarnation, sizeof limits.incarnation, 0) < 0) {
        return augsi_fail_errno(error, AUGS_E_IO, errno, "random numbers");
    }
    int result = augsi_server_core_open(&limits, &hooks, server, &server->allocator,
                                        &server->logger, &server->core, error);
    if (result >= 0) {
        result = augsi_payload_pool_open(&server->allocator, &server->payloads, error);
    }
    if (result >= 0) {
        result = augsi_router_open(
            &server->router, options->endpoint != NULL ? options->endpoint : AUGS_DEFAULT_ENDPOINT,
            limits.max_credit + CONTROL_QUEUE, error);
    }
    return result;
}

int augs_server_open(const augs_server_options *options, augs_server **ret_server,
                     augs_error *error)
{
    augs_allocator allocator;
    augs_server_options taken;
    if (options == NULL || ret_server == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "server: options and ret_server are required");
    }
    int result = AUGSI_TAKE(augs_server_options, options, &taken, error);
    options = &taken;
    result = result < 0 ? result : check_options(options, error);
    if (result >= 0) {
        result = augsi_allocator_copy(options->allocator, &allocator, error);
    }
    if (result < 0) {
        return result;
    }
    augs_server *server = augsi_new(&allocator, sizeof *server);
    if (server == NULL) {
        return augsi_fail_memory(error, sizeof *server);
    }
    server->allocator = allocator;
    server->logger = options->logger;
    server->n_fillers = options->n_fillers != 0 ? options->n_fillers : 1;
    result = augsi_wakeup_init(&server->wakeup, error);
    if (result < 0) {
        augsi_delete(&allocator, server, sizeof *server);
        return result;
    }
    pthread_mutex_init(&server->stats_lock, NULL);
    result = open_core(server, options, error);
    if (result < 0) {
        augs_server_free(server);
        return result;
    }
    augsi_log(&server->logger, AUGS_LOG_INFO, "bound to %s", server->router.endpoint);
    *ret_server = server;
    return AUGS_OK;
}

void augs_server_free(augs_server *server)
{
    if (server == NULL) {
        return;
    }
    augsi_fillers_free(server->fillers);
    augsi_server_core_free(server->core);
    augsi_router_close(&server->router);
    for (uint32_t i = 0; i < server->n_pools; i++) {
        augsi_batch_pool_free(server->pools[i]);
    }
    augsi_delete(&server->allocator, server->pools, server->n_pools * sizeof *server->pools);
    augsi_payload_pool_free(server->payloads);
    pthread_mutex_destroy(&server->stats_lock);
    augsi_wakeup_done(&server->wakeup);
    augs_allocator allocator = server->allocator;
    augsi_delete(&allocator, server, sizeof *server);
}

int augs_server_add_job(augs_server *server, augs_stream *stream, const augs_job_options *options,
                        augs_error *error)
{
    augs_job_options taken;
    if (server == NULL || stream == NULL || options == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "job: server, stream and options are required");
    }
    int result = AUGSI_TAKE(augs_job_options, options, &taken, error);
    if (result < 0) {
        return result;
    }
    if (server->has_run) {
        return augsi_fail(error, AUGS_E_STATE, "job: the server runs already");
    }
    augsi_batch_pool *pool = NULL;
    const size_t n = server->n_pools;
    augsi_batch_pool **pools = augsi_new_array(&server->allocator, n + 1, sizeof(void *));
    if (pools == NULL) {
        return augsi_fail_memory(error, (n + 1) * sizeof(void *));
    }
    result = augsi_batch_pool_open(stream, false, &pool, error);
    if (result >= 0) {
        result = augsi_server_core_add_job(server->core, stream, &taken, error);
    }
    if (result < 0) {
        augsi_batch_pool_free(pool);
        augsi_delete(&server->allocator, pools, (n + 1) * sizeof(void *));
        return result;
    }
    for (size_t i = 0; i < n; i++) {
        pools[i] = server->pools[i];
    }
    pools[n] = pool;
    augsi_delete(&server->allocator, server->pools, n * sizeof(void *));
    server->pools = pools;
    server->n_pools++;
    return AUGS_OK;
}

const char *augs_server_endpoint(const augs_server *server)
{
    return server != NULL ? server->router.endpoint : NULL;
}

/* false: there was nothing. */
static bool collect(augs_server *server)
{
    augsi_fill_task done;
    bool any = false;
    while (augsi_fillers_collect(server->fillers, &done)) {
        any = true;
        const augsi_payload *payload = done.payload;
        const augsi_made made = {.ticket = done.ticket,
                                 .slab_bytes = done.slab_bytes,
                                 .status = done.status,
                                 .payload = done.payload,
                                 .n_bytes = payload != NULL ? payload->n_bytes : 0,
                                 .hash = payload != NULL ? payload->hash : 0};
        augsi_server_core_made(server->core, &made, augsi_now_ns());
    }
    return any;
}

static bool receive(augs_server *server)
{
    bool any = false;
    for (int i = 0; i < MESSAGES_A_TURN; i++) {
        zmq_msg_t routing_id, body;
        int n_frames = augsi_router_receive(&server->router, &routing_id, &body);
        if (n_frames >= 0) {
            any = true;
            augsi_server_core_receive(server->core, zmq_msg_data(&routing_id),
                                      zmq_msg_size(&routing_id), zmq_msg_data(&body),
                                      zmq_msg_size(&body), (uint32_t)n_frames, augsi_now_ns());
        }
        zmq_msg_close(&routing_id);
        zmq_msg_close(&body);
        if (n_frames < 0) {
            break;
        }
    }
    return any;
}

/* Counting peers takes a walk over all of them: not at every turn. */
static void publish_stats(augs_server *server, uint64_t now)
{
    server->published_at = now;
    augs_server_stats stats = {.size = sizeof stats};
    augsi_server_core_stats(server->core, now, &stats);
    pthread_mutex_lock(&server->stats_lock);
    server->stats = stats;
    pthread_mutex_unlock(&server->stats_lock);
}

static long wait_ms(uint64_t until, uint64_t now)
{
    if (until <= now) {
        return 0;
    }
    uint64_t ms = (until - now) / NS_PER_MS + 1;
    return ms > LONGEST_WAIT_MS ? LONGEST_WAIT_MS : (long)ms;
}

static int wait_for_work(augs_server *server, uint64_t until, uint64_t now, augs_error *error)
{
    zmq_pollitem_t items[2] = {{.socket = server->router.socket, .events = ZMQ_POLLIN},
                               {.fd = server->wakeup.files[0], .events = ZMQ_POLLIN}};
    if (zmq_poll(items, 2, wait_ms(until, now)) < 0 && zmq_errno() != EINTR) {
        return augsi_fail(error, AUGS_E_NETWORK, "server: poll: %s", zmq_strerror(zmq_errno()));
    }
    if ((items[1].revents & ZMQ_POLLIN) != 0) {
        augsi_wakeup_clear(&server->wakeup);
    }
    return AUGS_OK;
}

/* Waits only after a turn in which nothing was found; until then fillers need not wake anybody. */
static int serve(augs_server *server, augs_error *error)
{
    bool busy = false;
    while (atomic_load_explicit(&server->stop, memory_order_acquire) == 0) {
        uint64_t now = augsi_now_ns();
        uint64_t until = augsi_server_core_tick(server->core, now);
        if (now - server->published_at >= PUBLISH_EVERY_NS) {
            publish_stats(server, now);
        } else if (until > server->published_at + PUBLISH_EVERY_NS) {
            until = server->published_at + PUBLISH_EVERY_NS;
        }
        int result = busy ? AUGS_OK : wait_for_work(server, until, now, error);
        if (result < 0) {
            return result;
        }
        busy = collect(server);
        busy = receive(server) || busy;
    }
    publish_stats(server, augsi_now_ns());
    return AUGS_OK;
}

int augs_server_run(augs_server *server, augs_error *error)
{
    if (server == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "server is NULL");
    }
    if (server->has_run || server->n_pools == 0) {
        return augsi_fail(error, AUGS_E_STATE,
                          server->has_run ? "a server runs once: open another one"
                                          : "the server has no job: augs_server_add_job first");
    }
    if (!augsi_zmq_is_ours(&server->router.share)) {
        return augsi_fail(error, AUGS_E_STATE,
                          "the server was opened in another process: open it after fork");
    }
    server->has_run = true;
    int result = augsi_fillers_open(&server->allocator, server->n_fillers, FILL_QUEUE,
                                    server->payloads, &server->wakeup, &server->fillers, error);
    if (result >= 0) {
        result = serve(server, error);
    }
    augsi_fillers_free(server->fillers);
    server->fillers = NULL;
    return result;
}

void augs_server_stop(augs_server *server)
{
    if (server != NULL) {
        atomic_store_explicit(&server->stop, 1, memory_order_release);
        augsi_wakeup_signal(&server->wakeup);
    }
}

void augs_server_get_stats(const augs_server *server, augs_server_stats *ret_stats)
{
    if (server == NULL || ret_stats == NULL) {
        return;
    }
    pthread_mutex_t *lock = &((augs_server *)(uintptr_t)server)->stats_lock;
    pthread_mutex_lock(lock);
    const augs_server_stats counted = server->stats;
    pthread_mutex_unlock(lock);
    AUGSI_GIVE(augs_server_stats, &counted, ret_stats);
}
