/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One server to one rank over tcp loopback, beside what raw libzmq moves at the same message size.
 *
 *   bench_network [PRESET] [BATCH_SIZE] [ROUNDS] [ROUND_SECONDS]
 *
 * Both have the sender in a child process and the receiver in this one; rounds alternate, so that
 * both see the same machine. The raw sender sends the same memory again and again, without a copy;
 * the raw receiver drops what comes. Each figure is a JSON object on a line: the median of the
 * rounds and their quartiles. Rounds go to stderr.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include <augstream/augstream.h>

enum { MAX_ROUNDS = 99 };

typedef struct bench {
    const char *preset;
    uint64_t batch_size;
    double seconds;
    size_t payload_bytes; /* of a batch, known after the first round */
    uint64_t n_batches, n_bytes;
    double elapsed, cpu;
} bench;

typedef struct child {
    pid_t process;
    char endpoint[128];
} child;

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "bench_network: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The child writes its endpoint into the pipe and serves until it is killed. */
static child start_child(const bench *of, void (*serve)(const bench *of, int pipe_end))
{
    int ends[2];
    child result = {.process = 0};
    if (pipe(ends) != 0 || (result.process = fork()) < 0) {
        fail("fork", strerror(errno));
    }
    if (result.process == 0) {
        close(ends[0]);
        serve(of, ends[1]);
        _exit(EXIT_SUCCESS);
    }
    close(ends[1]);
    size_t n = 0;
    ssize_t got;
    while (n + 1 < sizeof result.endpoint &&
           (got = read(ends[0], result.endpoint + n, sizeof result.endpoint - 1 - n)) > 0) {
        n += (size_t)got;
    }
    close(ends[0]);
    if (n == 0) {
        fail("sender", "it did not start");
    }
    return result;
}

static void end_child(const child *of)
{
    kill(of->process, SIGKILL);
    waitpid(of->process, NULL, 0);
}

static void tell_endpoint(int pipe_end, const char *endpoint)
{
    if (write(pipe_end, endpoint, strlen(endpoint)) < 0) {
        fail("pipe", strerror(errno));
    }
    close(pipe_end);
}

static void serve_augstream(const bench *of, int pipe_end)
{
    augs_error error = {0};
    augs_preset *preset = NULL;
    augs_stream *stream = NULL;
    augs_server *server = NULL;
    augs_stream_options of_stream = {.size = sizeof of_stream, .seed = 1, .n_samples = 1ull << 40};
    augs_server_options of_server = {.size = sizeof of_server, .endpoint = "tcp://127.0.0.1:*"};
    augs_strategy_options of_strategy = {.size = sizeof of_strategy, .batch_size = of->batch_size};
    augs_plan_options of_plan = {.size = sizeof of_plan, .strategy_options = &of_strategy};
    augs_job_options of_job = {.size = sizeof of_job, .plan = &of_plan};
    if (augs_preset_open(of->preset, NULL, &preset, &error) < 0 ||
        augs_stream_open(preset, &of_stream, &stream, &error) < 0 ||
        augs_server_open(&of_server, &server, &error) < 0 ||
        augs_server_add_job(server, stream, &of_job, &error) < 0) {
        fail("server", error.message);
    }
    tell_endpoint(pipe_end, augs_server_endpoint(server));
    if (augs_server_run(server, &error) < 0) {
        fail("server", error.message);
    }
}

static void keep(void *data, void *hint)
{
    (void)data;
    (void)hint;
}

static void serve_raw(const bench *of, int pipe_end)
{
    char endpoint[128];
    size_t n = sizeof endpoint;
    void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_PUSH);
    void *payload = aligned_alloc(64, (of->payload_bytes + 63) / 64 * 64);
    if (payload == NULL || zmq_bind(socket, "tcp://127.0.0.1:*") != 0 ||
        zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &n) != 0) {
        fail("raw sender", zmq_strerror(zmq_errno()));
    }
    memset(payload, 1, of->payload_bytes);
    tell_endpoint(pipe_end, endpoint);
    for (;;) {
        zmq_msg_t message;
        zmq_msg_init_data(&message, payload, of->payload_bytes, keep, NULL);
        if (zmq_msg_send(&message, socket, 0) < 0) {
            fail("raw sender", zmq_strerror(zmq_errno()));
        }
    }
}

typedef struct timing {
    double started, cpu_started;
    uint64_t n_seen;
} timing;

enum { WARM_UP = 100 };

/* true: the round goes on. */
static bool count_batch(bench *of, timing *t, size_t n_bytes)
{
    if (++t->n_seen == WARM_UP) {
        t->started = seconds_of(CLOCK_MONOTONIC);
        t->cpu_started = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
        of->n_batches = 0;
        of->n_bytes = 0;
    } else if (t->n_seen > WARM_UP) {
        of->n_batches++;
        of->n_bytes += n_bytes;
        of->elapsed = seconds_of(CLOCK_MONOTONIC) - t->started;
        of->cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - t->cpu_started;
        return of->elapsed < of->seconds;
    }
    return true;
}

static double receive_augstream(bench *of)
{
    child sender = start_child(of, serve_augstream);
    augs_error error = {0};
    const char *endpoint = sender.endpoint;
    augs_subscriber_options options = {
        .size = sizeof options, .n_endpoints = 1, .endpoints = &endpoint, .timeout_ms = 20000};
    augs_subscriber *subscriber = NULL;
    augs_batch *batch = NULL;
    timing t = {.n_seen = 0};
    size_t n_bytes = 0;
    if (augs_subscriber_open(&options, &subscriber, &error) < 0) {
        fail("subscriber", error.message);
    }
    do {
        if (augs_subscriber_next(subscriber, &batch, &error) != 1) {
            fail("subscriber", error.message);
        }
        augs_batch_slab(batch, &n_bytes);
        augs_batch_unref(batch);
    } while (count_batch(of, &t, n_bytes));
    of->payload_bytes = n_bytes;
    augs_subscriber_free(subscriber);
    end_child(&sender);
    return (double)of->n_bytes / of->elapsed;
}

static double receive_raw(bench *of)
{
    child sender = start_child(of, serve_raw);
    void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_PULL);
    timing t = {.n_seen = 0};
    size_t n_bytes = 0;
    if (zmq_connect(socket, sender.endpoint) != 0) {
        fail("raw receiver", zmq_strerror(zmq_errno()));
    }
    do {
        zmq_msg_t message;
        zmq_msg_init(&message);
        if (zmq_msg_recv(&message, socket, 0) < 0) {
            fail("raw receiver", zmq_strerror(zmq_errno()));
        }
        n_bytes = zmq_msg_size(&message);
        zmq_msg_close(&message);
    } while (count_batch(of, &t, n_bytes));
    int linger = 0;
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_close(socket);
    end_child(&sender);
    zmq_ctx_term(context);
    return (double)of->n_bytes / of->elapsed;
}

static void print_round(const bench *of, const char *who, int round, double rate)
{
    fprintf(stderr,
            "%s, round %d: %" PRIu64 " messages of %zu bytes in %.3f s, %.3f GB/s, %.3f s of the "
            "receiver's CPU time\n",
            who, round, of->n_batches, of->payload_bytes, of->elapsed, rate, of->cpu);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void tell(const char *figure, const char *unit, double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, compare);
    printf("{\"figure\":\"%s\",\"unit\":\"%s\",\"value\":%.3f,\"quartiles\":[%.3f,%.3f],\"runs\":%"
           "d}\n",
           figure, unit, values[n / 2], values[n / 4], values[n * 3 / 4], n);
}

int main(int argc, char **argv)
{
    bench of = {.preset = argc > 1 ? argv[1] : "moderate",
                .batch_size = argc > 2 ? strtoull(argv[2], NULL, 10) : 9362,
                .seconds = argc > 4 ? strtod(argv[4], NULL) : 2};
    int rounds = argc > 3 ? atoi(argv[3]) : 11;
    double ours[MAX_ROUNDS], raw[MAX_ROUNDS], ratios[MAX_ROUNDS];
    if (rounds < 1 || rounds > MAX_ROUNDS || of.batch_size == 0 || !(of.seconds > 0)) {
        fail("usage", "bench_network [PRESET] [BATCH_SIZE] [ROUNDS] [ROUND_SECONDS]");
    }
    for (int round = 0; round < rounds; round++) {
        ours[round] = receive_augstream(&of) / 1e9;
        print_round(&of, "augstream", round, ours[round]);
        raw[round] = receive_raw(&of) / 1e9;
        print_round(&of, "libzmq", round, raw[round]);
        ratios[round] = ours[round] / raw[round];
    }
    tell("augstream", "GB/s", ours, rounds);
    tell("libzmq", "GB/s", raw, rounds);
    tell("ratio", "augstream / libzmq", ratios, rounds);
    printf("{\"figure\":\"message\",\"unit\":\"bytes\",\"value\":%zu,\"runs\":1}\n",
           of.payload_bytes);
    return EXIT_SUCCESS;
}
