/* SPDX-License-Identifier: Apache-2.0 */
/* Servers and ranks for tests: in threads of this process or in processes of their own. */
#ifndef AUGS_TEST_NET_FIXTURE_H
#define AUGS_TEST_NET_FIXTURE_H

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <augstream/augstream.h>

#include "suite.h"
#include "tsan_options.h"

/* Counts what is asked of it; `fail_after` is not of interest here: faults have suites of their
 * own. */
typedef struct counting_allocator {
    augs_allocator table;
    atomic_uint_fast64_t n_allocations;
    atomic_int_fast64_t bytes;
    atomic_int_fast64_t most_bytes;
} counting_allocator;

static inline void *counting_allocate(void *user, size_t n_bytes, size_t alignment)
{
    counting_allocator *counting = user;
    atomic_fetch_add(&counting->n_allocations, 1);
    int_fast64_t now =
        atomic_fetch_add(&counting->bytes, (int_fast64_t)n_bytes) + (int_fast64_t)n_bytes;
    int_fast64_t most = atomic_load(&counting->most_bytes);
    while (now > most && !atomic_compare_exchange_weak(&counting->most_bytes, &most, now)) {
    }
    return aligned_alloc(alignment, (n_bytes + alignment - 1) / alignment * alignment);
}

static inline void counting_release(void *user, void *p, size_t n_bytes)
{
    counting_allocator *counting = user;
    atomic_fetch_sub(&counting->bytes, (int_fast64_t)n_bytes);
    free(p);
}

static inline void counting_init(counting_allocator *counting)
{
    memset(counting, 0, sizeof *counting);
    counting->table = (augs_allocator){.size = sizeof(augs_allocator),
                                       .allocate = counting_allocate,
                                       .release = counting_release,
                                       .user = counting};
}

/* What a job is made of; zero = a default that suits most tests. */
typedef struct net_job {
    const char *preset; /* "moderate" */
    const char *name;   /* "default" */
    const char *endpoint;
    uint64_t seed;
    uint64_t n_samples;  /* 2,000 */
    uint64_t batch_size; /* 32 */
    uint32_t order;
    uint32_t world_size; /* 1 */
    uint32_t rank_layout;
    uint32_t tail;
    uint32_t last_batch;
    uint32_t n_epochs;
    uint32_t n_fillers;
    uint64_t max_bytes_in_flight;
    const augs_allocator *allocator;
} net_job;

static inline augs_stream *net_open_stream(const net_job *job)
{
    augs_error error;
    augs_preset *preset = NULL;
    augs_stream *stream = NULL;
    augs_preset_options of_preset = {.size = sizeof of_preset, .allocator = job->allocator};
    augs_stream_options of_stream = {.size = sizeof of_stream,
                                     .order = job->order,
                                     .seed = job->seed,
                                     .n_samples = job->n_samples != 0 ? job->n_samples : 2000};
    AUGS_ASSERT_OK(augs_preset_open(job->preset != NULL ? job->preset : "moderate", &of_preset,
                                    &preset, &error),
                   error);
    AUGS_ASSERT_OK(augs_stream_open(preset, &of_stream, &stream, &error), error);
    augs_preset_unref(preset);
    return stream;
}

static inline augs_strategy_options net_strategy(const net_job *job)
{
    return (augs_strategy_options){.size = sizeof(augs_strategy_options),
                                   .last_batch = job->last_batch,
                                   .batch_size = job->batch_size != 0 ? job->batch_size : 32};
}

static inline augs_plan_options net_plan(const net_job *job, const augs_strategy_options *strategy)
{
    return (augs_plan_options){.size = sizeof(augs_plan_options),
                               .world_size = job->world_size,
                               .rank_layout = job->rank_layout,
                               .tail = job->tail,
                               .strategy_options = strategy};
}

static inline int net_open_server(const net_job *job, augs_server **ret_server, augs_error *error)
{
    augs_server_options options = {.size = sizeof options,
                                   .n_fillers = job->n_fillers,
                                   .endpoint =
                                       job->endpoint != NULL ? job->endpoint : "tcp://127.0.0.1:*",
                                   .max_bytes_in_flight = job->max_bytes_in_flight,
                                   .allocator = job->allocator};
    augs_strategy_options strategy = net_strategy(job);
    augs_plan_options plan = net_plan(job, &strategy);
    augs_job_options of_job = {
        .size = sizeof of_job, .n_epochs = job->n_epochs, .name = job->name, .plan = &plan};
    augs_stream *stream = net_open_stream(job);
    augs_server *server = NULL;
    int result = augs_server_open(&options, &server, error);
    if (result >= 0) {
        result = augs_server_add_job(server, stream, &of_job, error);
    }
    augs_stream_unref(stream);
    if (result < 0) {
        augs_server_free(server);
        return result;
    }
    *ret_server = server;
    return AUGS_OK;
}

/* A server in a thread. */
typedef struct net_server {
    augs_server *server;
    pthread_t thread;
    int status;
    augs_error error;
} net_server;

static inline void *net_run_server(void *argument)
{
    net_server *of = argument;
    of->status = augs_server_run(of->server, &of->error);
    return NULL;
}

static inline void net_start_server(const net_job *job, net_server *of)
{
    AUGS_ASSERT_OK(net_open_server(job, &of->server, &of->error), of->error);
    ck_assert_int_eq(pthread_create(&of->thread, NULL, net_run_server, of), 0);
}

static inline const char *net_endpoint(const net_server *of)
{
    return augs_server_endpoint(of->server);
}

static inline void net_stop_server(net_server *of)
{
    augs_server_stop(of->server);
    pthread_join(of->thread, NULL);
    ck_assert_msg(of->status == AUGS_OK, "server: %s", of->error.message);
    augs_server_free(of->server);
}

static inline augs_subscriber_options net_subscriber_options(const char *const *endpoint,
                                                             const net_job *job, uint32_t rank)
{
    return (augs_subscriber_options){.size = sizeof(augs_subscriber_options),
                                     .n_endpoints = 1,
                                     .endpoints = endpoint,
                                     .job = job->name,
                                     .rank = rank,
                                     .world_size = job->world_size,
                                     .timeout_ms = 60000};
}

/* The batches of a rank as they are made here. */
static inline augs_pipeline *net_open_pipeline(const net_job *job, uint32_t rank)
{
    augs_strategy_options strategy = net_strategy(job);
    augs_plan_options plan = net_plan(job, &strategy);
    augs_pipeline_options options = {.size = sizeof options, .rank = rank, .plan = &plan};
    augs_stream *stream = net_open_stream(job);
    augs_pipeline *pipeline = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augs_pipeline_open(stream, &options, &pipeline, &error), error);
    augs_stream_unref(stream);
    return pipeline;
}

static inline void net_assert_same_batch(const augs_batch *got, const augs_batch *expected)
{
    size_t n_got, n_expected;
    augs_batch_info a = {.size = sizeof a}, b = {.size = sizeof b};
    const void *slab_got = augs_batch_slab(got, &n_got);
    const void *slab_expected = augs_batch_slab(expected, &n_expected);
    ck_assert_int_eq(augs_batch_get_info(got, &a), 0);
    ck_assert_int_eq(augs_batch_get_info(expected, &b), 0);
    ck_assert_uint_eq(a.step, b.step);
    ck_assert_uint_eq(a.first, b.first);
    ck_assert_uint_eq(a.stride, b.stride);
    ck_assert_uint_eq(a.n_samples, b.n_samples);
    ck_assert_uint_eq(a.epoch, b.epoch);
    ck_assert_uint_eq(a.flags, b.flags);
    ck_assert_uint_eq(a.n_padded, b.n_padded);
    ck_assert_uint_eq(a.pad_first, b.pad_first);
    ck_assert_uint_eq(a.rank, b.rank);
    ck_assert_uint_eq(a.world_size, b.world_size);
    ck_assert_uint_eq(n_got, n_expected);
    ck_assert_uint_eq((uintptr_t)slab_got % 64, 0);
    ck_assert_mem_eq(slab_got, slab_expected, n_got);
}

/* What a rank in another process reports of each batch it took. Smaller than PIPE_BUF: whole or not
 * at all. */
typedef struct net_report {
    uint64_t step, n_samples, digest[2], n_duplicates, n_connects;
    uint32_t epoch;
    int32_t status;
    char token[AUGS_TOKEN_BYTES];
    char message[256];
} net_report;

typedef struct net_process {
    pid_t process;
    int pipe_end;
} net_process;

/* Runs `body` in a child process; it writes into a pipe that the caller reads. */
static inline net_process net_spawn(void (*body)(const void *argument, int pipe_end),
                                    const void *argument)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    net_process result = {.process = fork(), .pipe_end = ends[0]};
    ck_assert_int_ge(result.process, 0);
    if (result.process == 0) {
        close(ends[0]);
        body(argument, ends[1]);
        _exit(0);
    }
    close(ends[1]);
    return result;
}

static inline bool net_read(const net_process *from, void *ret_data, size_t n_bytes)
{
    size_t n = 0;
    while (n < n_bytes) {
        ssize_t got = read(from->pipe_end, (char *)ret_data + n, n_bytes - n);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return false;
        }
        n += (size_t)got;
    }
    return true;
}

static inline void net_kill(net_process *of)
{
    kill(of->process, SIGKILL);
    waitpid(of->process, NULL, 0);
}

static inline void net_end(net_process *of)
{
    int status = 0;
    close(of->pipe_end);
    ck_assert_int_eq(waitpid(of->process, &status, 0), of->process);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the process ended with %x",
                  (unsigned)status);
}

enum { NET_ENDPOINT_BYTES = 128 };

static inline void net_serve_body(const void *argument, int pipe_end)
{
    augs_server *server = NULL;
    augs_error error;
    char endpoint[NET_ENDPOINT_BYTES] = "";
    if (net_open_server(argument, &server, &error) < 0) {
        fprintf(stderr, "server: %s\n", error.message);
        _exit(2);
    }
    snprintf(endpoint, sizeof endpoint, "%s", augs_server_endpoint(server));
    if (write(pipe_end, endpoint, sizeof endpoint) != (ssize_t)sizeof endpoint ||
        augs_server_run(server, &error) < 0) {
        _exit(3);
    }
    augs_server_free(server);
}

static inline net_process net_spawn_server(const net_job *job,
                                           char ret_endpoint[NET_ENDPOINT_BYTES])
{
    net_process result = net_spawn(net_serve_body, job);
    ck_assert_msg(net_read(&result, ret_endpoint, NET_ENDPOINT_BYTES), "the server did not start");
    return result;
}

typedef struct net_rank {
    const net_job *job;
    const char *endpoint;
    const char *token;
    uint32_t rank;
    uint32_t pause_us; /* between batches */
} net_rank;

/* A subscriber in a process: a report a batch, one with status 0 (or negative) at the end. */
static inline void net_subscribe_body(const void *argument, int pipe_end)
{
    const net_rank *of = argument;
    augs_subscriber *subscriber = NULL;
    augs_error error = {.status = 0};
    augs_subscriber_options options = net_subscriber_options(&of->endpoint, of->job, of->rank);
    options.token = of->token;
    options.verify = 1;
    int status = augs_subscriber_open(&options, &subscriber, &error);
    while (status >= 0) {
        net_report report = {.step = 0};
        augs_batch_info info = {.size = sizeof info};
        augs_subscriber_stats stats = {.size = sizeof stats};
        augs_batch *batch = NULL;
        status = augs_subscriber_next(subscriber, &batch, &error);
        report.status = status;
        if (status == 1) {
            augs_batch_get_info(batch, &info);
            augs_batch_digest(batch, report.digest);
            augs_subscriber_token(subscriber, report.token, sizeof report.token, NULL);
            augs_batch_unref(batch);
        }
        augs_subscriber_get_stats(subscriber, &stats);
        report.step = info.step;
        report.epoch = info.epoch;
        report.n_samples = info.n_samples;
        report.n_duplicates = stats.n_duplicates;
        report.n_connects = stats.n_connects;
        memcpy(report.message, error.message, sizeof report.message);
        if (write(pipe_end, &report, sizeof report) != (ssize_t)sizeof report || status <= 0) {
            break;
        }
        if (of->pause_us > 0) {
            nanosleep(&(struct timespec){.tv_nsec = (long)of->pause_us * 1000}, NULL);
        }
    }
    augs_subscriber_free(subscriber);
}

/* Waits until `condition` holds, at most 30 s. */
#define NET_WAIT_UNTIL(condition)                                                                  \
    do {                                                                                           \
        int net_wait_left = 30000;                                                                 \
        while (!(condition) && net_wait_left-- > 0) {                                              \
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);                               \
        }                                                                                          \
        ck_assert_msg(net_wait_left > 0, "it never came to %s", #condition);                       \
    } while (0)

#endif
