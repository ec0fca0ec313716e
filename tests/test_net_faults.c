/* SPDX-License-Identifier: Apache-2.0 */
/* Crashes, refusals, nonsense on the port, and the traps of libzmq. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <zmq.h>

#include "base/memory.h"
#include "distributed/dealer.h"
#include "distributed/wire.h"
#include "net_fixture.h"

/* Reads reports until `n` batches came or the rank ended; the batches have to follow `next`. */
static uint64_t read_batches(const net_process *rank, uint64_t next, uint64_t n,
                             net_report *ret_last)
{
    net_report report;
    while (n > 0 && net_read(rank, &report, sizeof report)) {
        ck_assert_msg(report.status >= 0, "the rank failed: %s", report.message);
        if (report.status == 0) {
            break;
        }
        ck_assert_uint_eq(report.step, next);
        *ret_last = report;
        next++;
        n--;
    }
    return next;
}

START_TEST(a_killed_subscriber_goes_on_with_its_last_token)
{
    net_job job = {.seed = 21, .n_samples = 4000, .world_size = 2, .order = AUGS_ORDER_SHUFFLED};
    char endpoint[NET_ENDPOINT_BYTES];
    net_process server = net_spawn_server(&job, endpoint);
    net_rank rank = {.job = &job, .endpoint = endpoint, .rank = 1, .pause_us = 500};
    net_report last = {.step = 0};
    net_process subscriber = net_spawn(net_subscribe_body, &rank);
    uint64_t next = read_batches(&subscriber, 0, 20, &last);
    ck_assert_uint_eq(next, 20);
    net_kill(&subscriber);
    next = read_batches(&subscriber, next, UINT64_MAX, &last); /* what was in the pipe */
    close(subscriber.pipe_end);
    ck_assert_uint_lt(next, 63);
    rank.token = last.token;
    rank.pause_us = 0;
    subscriber = net_spawn(net_subscribe_body, &rank);
    next = read_batches(&subscriber, next, UINT64_MAX, &last);
    ck_assert_uint_eq(next, 63);
    net_end(&subscriber);
    net_kill(&server);
    close(server.pipe_end);
}
END_TEST

START_TEST(a_killed_server_is_replaced_without_the_ranks_noticing)
{
    net_job job = {.seed = 22, .n_samples = 6400, .world_size = 2, .order = AUGS_ORDER_SHUFFLED};
    char endpoint[NET_ENDPOINT_BYTES];
    net_process server = net_spawn_server(&job, endpoint);
    net_rank of_rank[2];
    net_process ranks[2];
    net_report last[2];
    uint64_t next[2];
    for (uint32_t r = 0; r < 2; r++) {
        of_rank[r] = (net_rank){.job = &job, .endpoint = endpoint, .rank = r, .pause_us = 500};
        ranks[r] = net_spawn(net_subscribe_body, &of_rank[r]);
        next[r] = read_batches(&ranks[r], 0, 10, &last[r]);
        ck_assert_uint_eq(next[r], 10);
    }
    job.endpoint = endpoint;
    for (int crash = 0; crash < 2; crash++) {
        net_kill(&server);
        close(server.pipe_end);
        char same[NET_ENDPOINT_BYTES];
        server = net_spawn_server(&job, same);
        ck_assert_str_eq(same, endpoint);
        for (uint32_t r = 0; r < 2; r++) {
            next[r] = read_batches(&ranks[r], next[r], 30, &last[r]);
        }
    }
    for (uint32_t r = 0; r < 2; r++) {
        next[r] = read_batches(&ranks[r], next[r], UINT64_MAX, &last[r]);
        ck_assert_uint_eq(next[r], 100);
        ck_assert_uint_gt(last[r].n_connects, 1);
        net_end(&ranks[r]);
    }
    net_kill(&server);
    close(server.pipe_end);
}
END_TEST

START_TEST(a_second_endpoint_takes_over)
{
    net_job job = {.seed = 23, .n_samples = 3200};
    char first[NET_ENDPOINT_BYTES], second[NET_ENDPOINT_BYTES];
    net_process servers[2] = {net_spawn_server(&job, first), net_spawn_server(&job, second)};
    const char *const endpoints[] = {first, second};
    augs_subscriber_options options = net_subscriber_options(endpoints, &job, 0);
    options.n_endpoints = 2;
    options.verify = 1;
    augs_subscriber *subscriber = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augs_subscriber_open(&options, &subscriber, &error), error);
    int status;
    uint64_t step = 0;
    for (;; step++) {
        augs_batch *batch = NULL;
        augs_batch_info info = {.size = sizeof info};
        status = augs_subscriber_next(subscriber, &batch, &error);
        if (status != 1) {
            break;
        }
        augs_batch_get_info(batch, &info);
        ck_assert_uint_eq(info.step, step);
        augs_batch_unref(batch);
        if (step == 5) {
            net_kill(&servers[0]);
        }
    }
    ck_assert_msg(status == 0, "%s", error.message);
    ck_assert_uint_eq(step, 100);
    augs_subscriber_free(subscriber);
    net_kill(&servers[1]);
    close(servers[0].pipe_end);
    close(servers[1].pipe_end);
}
END_TEST

/* The status and message of the first next of a subscriber with these options. */
static void assert_first_next(const augs_subscriber_options *options, int status,
                              const char *const *words)
{
    augs_subscriber *subscriber = NULL;
    augs_batch *batch = NULL;
    augs_error error = {.status = 0};
    int result = augs_subscriber_open(options, &subscriber, &error);
    if (result == AUGS_OK) {
        result = augs_subscriber_next(subscriber, &batch, &error);
        augs_subscriber_free(subscriber);
    }
    ck_assert_msg(result == status, "%d instead of %d: %s", result, status, error.message);
    ck_assert_ptr_null(batch);
    for (; *words != NULL; words++) {
        ck_assert_msg(strstr(error.message, *words) != NULL, "no '%s' in '%s'", *words,
                      error.message);
    }
}

START_TEST(a_token_of_another_stream_is_refused_with_both_fingerprints)
{
    net_job job = {.seed = 1}, other = {.seed = 2};
    net_server server, other_server;
    augs_subscriber *subscriber = NULL;
    augs_error error;
    char token[AUGS_TOKEN_BYTES], mine[33], theirs[33];
    net_start_server(&job, &server);
    net_start_server(&other, &other_server);
    const char *endpoint = net_endpoint(&server), *other_endpoint = net_endpoint(&other_server);
    augs_subscriber_options options = net_subscriber_options(&endpoint, &job, 0);
    augs_stream *stream = NULL;
    AUGS_ASSERT_OK(augs_subscriber_open(&options, &subscriber, &error), error);
    AUGS_ASSERT_OK(augs_subscriber_connect(subscriber, &stream, &error), error);
    snprintf(mine, sizeof mine, "%s", augs_stream_fingerprint(stream));
    AUGS_ASSERT_OK(augs_subscriber_token(subscriber, token, sizeof token, &error), error);
    augs_subscriber_free(subscriber);
    stream = net_open_stream(&other);
    snprintf(theirs, sizeof theirs, "%s", augs_stream_fingerprint(stream));
    augs_stream_unref(stream);
    options.endpoints = &other_endpoint;
    options.token = token;
    assert_first_next(&options, AUGS_E_TOKEN, (const char *const[]){mine, theirs, NULL});
    options.token = "augs1:nonsense";
    assert_first_next(&options, AUGS_E_TOKEN, (const char *const[]){NULL});
    options.token = NULL;
    options.fingerprint = mine;
    assert_first_next(&options, AUGS_E_MISMATCH, (const char *const[]){mine, theirs, NULL});
    net_stop_server(&server);
    net_stop_server(&other_server);
}
END_TEST

START_TEST(wrong_ranks_world_sizes_and_jobs_are_refused_in_words)
{
    net_job job = {.seed = 1, .world_size = 4, .name = "train"};
    net_server server;
    net_start_server(&job, &server);
    const char *endpoint = net_endpoint(&server);
    augs_subscriber_options options = net_subscriber_options(&endpoint, &job, 0);
    options.world_size = 2;
    assert_first_next(&options, AUGS_E_REFUSED,
                      (const char *const[]){"world size", "2", "4", NULL});
    options.world_size = 4;
    options.rank = 4;
    assert_first_next(&options, AUGS_E_RANGE,
                      (const char *const[]){"rank 4 of 4", "ranks are 0 to 3", NULL});
    options.rank = 0;
    options.job = "trian";
    assert_first_next(&options, AUGS_E_REFUSED, (const char *const[]){"trian", "train", NULL});
    net_stop_server(&server);
}
END_TEST

/* What no server can have is refused before anybody is asked. */
START_TEST(names_and_fingerprints_that_cannot_be_are_refused_at_once)
{
    static const char *const fingerprints[] = {
        "", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdef0",
        "0123456789abcdef0123456789abcdeg", "0123456789ABCDEF0123456789abcdef"};
    static const char *const jobs[] = {
        "", "two words", "a:b", "\xc3\xa4",
        "a-name-of-sixty-five-bytes-which-is-one-more-than-there-may-be-xx"};
    const char *nobody = "tcp://127.0.0.1:9";
    net_job job = {.seed = 0};
    augs_subscriber *subscriber = NULL;
    augs_error error;
    for (size_t i = 0; i < 5; i++) {
        augs_subscriber_options options = net_subscriber_options(&nobody, &job, 0);
        options.fingerprint = fingerprints[i];
        AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_subscriber_open(&options, &subscriber, &error),
                           error);
        ck_assert_msg(strstr(error.message, "32 of 0-9 a-f") != NULL, "%s", error.message);
        options = net_subscriber_options(&nobody, &job, 0);
        options.job = jobs[i];
        AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_subscriber_open(&options, &subscriber, &error),
                           error);
        ck_assert_msg(strstr(error.message, "A-Z a-z 0-9 . _ -") != NULL, "%s", error.message);
    }
    augs_subscriber_options options = net_subscriber_options(&nobody, &job, 0);
    options.fingerprint = "0123456789abcdef0123456789abcdef";
    AUGS_ASSERT_OK(augs_subscriber_open(&options, &subscriber, &error), error);
    augs_subscriber_free(subscriber);
}
END_TEST

START_TEST(a_taken_port_is_said_to_be_taken)
{
    net_job job = {.seed = 1};
    net_server server;
    augs_server *second = NULL;
    augs_error error;
    net_start_server(&job, &server);
    job.endpoint = net_endpoint(&server);
    AUGS_ASSERT_STATUS(AUGS_E_ADDRESS, net_open_server(&job, &second, &error), error);
    ck_assert_msg(strstr(error.message, job.endpoint) != NULL, "%s", error.message);
    ck_assert_msg(strstr(error.message, "in use") != NULL, "%s", error.message);
    net_stop_server(&server);
}
END_TEST

START_TEST(a_bind_that_others_could_reach_is_refused)
{
    static const char *const endpoints[] = {"tcp://0.0.0.0:5757", "tcp://*:5757",
                                            "tcp://eth0:5757"};
    for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
        augs_server_options options = {.size = sizeof options, .endpoint = endpoints[i]};
        augs_server *server = NULL;
        augs_error error;
        AUGS_ASSERT_STATUS(AUGS_E_ADDRESS, augs_server_open(&options, &server, &error), error);
        ck_assert_msg(strstr(error.message, "tcp://127.0.0.1:PORT") != NULL, "%s", error.message);
        ck_assert_ptr_null(server);
    }
}
END_TEST

START_TEST(nobody_listening_is_a_timeout_and_may_be_asked_again)
{
    const char *nobody[] = {"tcp://127.0.0.1:9", "tcp://127.0.0.1:11"};
    net_job job = {.seed = 0};
    augs_subscriber *subscriber = NULL;
    augs_batch *batch = NULL;
    augs_error error;
    augs_subscriber_options options = net_subscriber_options(nobody, &job, 0);
    options.n_endpoints = 2;
    options.timeout_ms = 150;
    AUGS_ASSERT_OK(augs_subscriber_open(&options, &subscriber, &error), error);
    for (int i = 0; i < 2; i++) {
        AUGS_ASSERT_STATUS(AUGS_E_TIMEOUT, augs_subscriber_next(subscriber, &batch, &error), error);
        ck_assert_msg(strstr(error.message, "tcp://127.0.0.1:") != NULL, "%s", error.message);
    }
    augs_subscriber_free(subscriber);
}
END_TEST

/* A server that never has a batch: it welcomes, and asks to come back later. */
typedef struct putting_off {
    void *router;
    augs_stream *stream;
    atomic_bool end;
    atomic_int n_errors;
} putting_off;

static void answer_later(putting_off *of, const void *id, size_t n_id, const augsi_message *asked)
{
    augsi_text text;
    augs_strategy_options strategy = {.size = sizeof strategy, .batch_size = 32};
    augsi_text_init(&text, &augsi_default_allocator);
    if (asked->type == AUGSI_HELLO) {
        const augsi_welcome welcome = {
            .incarnation = asked->incarnation,
            .n_epochs = 1,
            .n_steps = (augs_stream_n_samples(of->stream) + 31) / 32,
            .max_credit = 8,
            .max_frame_bytes = 1 << 20,
            .plan = {.size = sizeof(augs_plan_options),
                     .world_size = 1,
                     .strategy = "sequential",
                     .strategy_options = &strategy},
            .stream = of->stream,
        };
        augsi_wire_encode_welcome(&text, &welcome);
    } else if (asked->type == AUGSI_FETCH) {
        const augsi_message later = {.type = AUGSI_ERR,
                                     .incarnation = asked->incarnation,
                                     .request = asked->request,
                                     .code = AUGSI_CODE_OVERLOAD,
                                     .retry_ms = 1,
                                     .text = {"later", 5}};
        augsi_wire_encode(&text, &later);
        atomic_fetch_add(&of->n_errors, 1);
    }
    if (text.n_bytes > 0) {
        zmq_send(of->router, id, n_id, ZMQ_SNDMORE);
        zmq_send(of->router, text.data, text.n_bytes, 0);
    }
    augsi_text_done(&text);
}

static void *put_off(void *argument)
{
    putting_off *of = argument;
    while (!atomic_load(&of->end)) {
        unsigned char id[256], data[1024];
        augsi_message asked;
        zmq_pollitem_t item = {.socket = of->router, .events = ZMQ_POLLIN};
        if (zmq_poll(&item, 1, 10) > 0) {
            int n_id = zmq_recv(of->router, id, sizeof id, 0);
            int n = zmq_recv(of->router, data, sizeof data, 0);
            if (n_id > 0 && n > 0 && augsi_wire_decode(data, (size_t)n, &asked, NULL) == AUGS_OK) {
                answer_later(of, id, (size_t)n_id, &asked);
            }
        }
    }
    return NULL;
}

START_TEST(errors_that_may_pass_do_not_put_the_timeout_off)
{
    char endpoint[NET_ENDPOINT_BYTES];
    const char *of_subscriber = endpoint;
    size_t n = sizeof endpoint;
    net_job job = {.seed = 3};
    putting_off of = {.stream = net_open_stream(&job)};
    pthread_t thread;
    augs_subscriber *subscriber = NULL;
    augs_batch *batch = NULL;
    augs_error error;
    void *context = zmq_ctx_new();
    of.router = zmq_socket(context, ZMQ_ROUTER);
    zmq_setsockopt(of.router, ZMQ_LINGER, &(int){0}, sizeof(int));
    ck_assert_int_eq(zmq_bind(of.router, "tcp://127.0.0.1:*"), 0);
    ck_assert_int_eq(zmq_getsockopt(of.router, ZMQ_LAST_ENDPOINT, endpoint, &n), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, put_off, &of), 0);
    augs_subscriber_options options = net_subscriber_options(&of_subscriber, &job, 0);
    options.timeout_ms = 400;
    AUGS_ASSERT_OK(augs_subscriber_open(&options, &subscriber, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_TIMEOUT, augs_subscriber_next(subscriber, &batch, &error), error);
    ck_assert_int_ge(atomic_load(&of.n_errors), 1);
    augs_subscriber_free(subscriber);
    atomic_store(&of.end, true);
    pthread_join(thread, NULL);
    zmq_close(of.router);
    zmq_ctx_term(context);
    augs_stream_unref(of.stream);
}
END_TEST

static int connect_plain(const char *endpoint)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int file = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_port = htons((uint16_t)atoi(strrchr(endpoint, ':') + 1));
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(connect(file, (struct sockaddr *)&address, sizeof address), 0);
    return file;
}

/* A rank that takes the whole job: what else goes on at the port must not matter. */
static void assert_served(const net_server *server, const net_job *job)
{
    const char *endpoint = net_endpoint(server);
    augs_subscriber_options options = net_subscriber_options(&endpoint, job, 0);
    augs_subscriber *subscriber = NULL;
    augs_batch *batch = NULL;
    augs_error error;
    uint64_t n_samples = 0;
    int status;
    AUGS_ASSERT_OK(augs_subscriber_open(&options, &subscriber, &error), error);
    while ((status = augs_subscriber_next(subscriber, &batch, &error)) == 1) {
        n_samples += augs_batch_n_samples(batch);
        augs_batch_unref(batch);
    }
    ck_assert_msg(status == 0, "%s", error.message);
    ck_assert_uint_eq(n_samples, 2000);
    augs_subscriber_free(subscriber);
}

START_TEST(garbage_on_the_port_disturbs_nobody)
{
    net_job job = {.seed = 6};
    net_server server;
    uint64_t state = 12345;
    net_start_server(&job, &server);
    int files[16];
    for (int i = 0; i < 16; i++) {
        unsigned char bytes[4096];
        for (size_t b = 0; b < sizeof bytes; b++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            bytes[b] = (unsigned char)(state >> 56);
        }
        if (i % 2 == 1) { /* a ZMTP greeting, then garbage */
            memset(bytes, 0, 64);
            memcpy(bytes, "\xff\0\0\0\0\0\0\0\1\x7f\3\0NULL", 16);
        }
        files[i] = connect_plain(net_endpoint(&server));
        (void)!send(files[i], bytes, sizeof bytes, MSG_NOSIGNAL);
    }
    assert_served(&server, &job);
    for (int i = 0; i < 16; i++) {
        close(files[i]);
    }
    net_stop_server(&server);
}
END_TEST

static void *open_dealer(void *context, const char *endpoint)
{
    int zero = 0, patience = 5000;
    void *dealer = zmq_socket(context, ZMQ_DEALER);
    zmq_setsockopt(dealer, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(dealer, ZMQ_RCVTIMEO, &patience, sizeof patience);
    ck_assert_int_eq(zmq_connect(dealer, endpoint), 0);
    return dealer;
}

static uint64_t count_malformed(const net_server *server)
{
    augs_server_stats stats = {.size = sizeof stats};
    augs_server_get_stats(server->server, &stats);
    return stats.n_malformed;
}

START_TEST(messages_that_are_none_are_counted_and_dropped)
{
    net_job job = {.seed = 6};
    net_server server;
    void *context = zmq_ctx_new();
    net_start_server(&job, &server);
    void *dealer = open_dealer(context, net_endpoint(&server));
    ck_assert_int_eq(zmq_send(dealer, "", 0, 0), 0);
    ck_assert_int_eq(zmq_send(dealer, "\x92\x01", 2, 0), 2);
    ck_assert_int_eq(zmq_send(dealer, "\xdd\xff\xff\xff\xff", 5, 0), 5);
    for (int i = 0; i < 1000; i++) { /* one message of 1,001 frames */
        ck_assert_int_eq(zmq_send(dealer, "x", 1, ZMQ_SNDMORE), 1);
    }
    ck_assert_int_eq(zmq_send(dealer, "x", 1, 0), 1);
    NET_WAIT_UNTIL(count_malformed(&server) == 4);
    assert_served(&server, &job);
    zmq_close(dealer);
    zmq_ctx_term(context);
    net_stop_server(&server);
}
END_TEST

START_TEST(a_request_above_the_limit_ends_that_connection_alone)
{
    static char large[70000];
    char answer[512];
    net_job job = {.seed = 6};
    net_server server;
    void *context = zmq_ctx_new();
    net_start_server(&job, &server);
    void *dealer = open_dealer(context, net_endpoint(&server));
    ck_assert_int_eq(zmq_send(dealer, "\x92\x01", 2, 0), 2);
    ck_assert_int_gt(zmq_recv(dealer, answer, sizeof answer, 0), 0);
    ck_assert_int_eq(zmq_send(dealer, large, sizeof large, 0), (int)sizeof large);
    assert_served(&server, &job);
    ck_assert_uint_eq(count_malformed(&server), 1);
    zmq_close(dealer);
    zmq_ctx_term(context);
    net_stop_server(&server);
}
END_TEST

/* libzmq ends a connection over an oversize frame for good, and tells nobody; the subscriber has to
 * find out and say why. */
static void assert_too_large(const net_job *job, uint64_t max_frame_bytes)
{
    net_server server;
    char limit[32];
    net_start_server(job, &server);
    const char *endpoint = net_endpoint(&server);
    augs_subscriber_options options = net_subscriber_options(&endpoint, job, 0);
    options.max_frame_bytes = max_frame_bytes;
    options.timeout_ms = 3000;
    augs_subscriber *subscriber = NULL;
    augs_batch *batch = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augs_subscriber_open(&options, &subscriber, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_subscriber_next(subscriber, &batch, &error), error);
    snprintf(limit, sizeof limit, "allows %" PRIu64, max_frame_bytes);
    ck_assert_msg(strstr(error.message, limit) != NULL, "%s", error.message);
    augs_subscriber_free(subscriber);
    net_stop_server(&server);
}

START_TEST(a_payload_above_the_limit_is_an_error_and_not_silence)
{
    const net_job every = {.seed = 6, .n_samples = 20000, .batch_size = 5000};
    assert_too_large(&every, 65536);
    /* with merge the last batch of all is the only one that is too large */
    const net_job last = {
        .seed = 6, .n_samples = 9999, .batch_size = 5000, .last_batch = AUGS_LAST_BATCH_MERGE};
    const net_job whole = {.seed = 6, .n_samples = 10000, .batch_size = 5000};
    augs_pipeline *pipeline = net_open_pipeline(&whole, 0);
    augs_batch *batch = NULL;
    augs_error error;
    size_t n_bytes = 0;
    AUGS_ASSERT_STATUS(1, augs_pipeline_next(pipeline, &batch, &error), error);
    augs_batch_slab(batch, &n_bytes);
    augs_batch_unref(batch);
    augs_pipeline_free(pipeline);
    assert_too_large(&last, n_bytes);
}
END_TEST

/* Ranks of a job of other sizes, each from the last token of a pipeline of three ranks. A server and
 * a rank are killed on the way. */
START_TEST(ranks_with_the_token_of_another_job_outlive_killed_servers)
{
    enum { N = 4001, FROM = 84 };
    net_job before = {.seed = 31, .n_samples = N, .world_size = 3, .batch_size = 7};
    net_job job = {.seed = 31, .n_samples = N, .world_size = 2, .tail = AUGS_TAIL_UNEVEN};
    augs_pipeline *pipeline = net_open_pipeline(&before, 2);
    augs_error error;
    char token[AUGS_TOKEN_BYTES], endpoint[NET_ENDPOINT_BYTES], same[NET_ENDPOINT_BYTES];
    AUGS_ASSERT_OK(augs_pipeline_seek(pipeline, 4, &error), error);
    AUGS_ASSERT_OK(augs_pipeline_token(pipeline, token, sizeof token, &error), error);
    augs_pipeline_free(pipeline);
    net_process server = net_spawn_server(&job, endpoint), ranks[2];
    net_rank of_rank[2];
    net_report last[2];
    uint64_t next[2], n_samples = 0;
    for (uint32_t r = 0; r < 2; r++) {
        of_rank[r] = (net_rank){
            .job = &job, .endpoint = endpoint, .token = token, .rank = r, .pause_us = 500};
        ranks[r] = net_spawn(net_subscribe_body, &of_rank[r]);
        next[r] = read_batches(&ranks[r], 4, 10, &last[r]);
        ck_assert_uint_eq(next[r], 14);
    }
    job.endpoint = endpoint;
    for (int crash = 0; crash < 2; crash++) {
        net_kill(&server);
        close(server.pipe_end);
        server = net_spawn_server(&job, same);
        for (uint32_t r = 0; r < 2; r++) {
            next[r] = read_batches(&ranks[r], next[r], 5, &last[r]);
        }
    }
    net_kill(&ranks[1]);
    next[1] = read_batches(&ranks[1], next[1], UINT64_MAX, &last[1]); /* what was in the pipe */
    close(ranks[1].pipe_end);
    of_rank[1].token = last[1].token;
    ranks[1] = net_spawn(net_subscribe_body, &of_rank[1]);
    for (uint32_t r = 0; r < 2; r++) {
        next[r] = read_batches(&ranks[r], next[r], UINT64_MAX, &last[r]);
        ck_assert_uint_eq(next[r], 4 + (N - FROM + 63) / 64);
        n_samples += (next[r] - 5) * 32 + last[r].n_samples; /* the steps from 4 on */
        net_end(&ranks[r]);
    }
    ck_assert_uint_eq(n_samples, N - FROM);
    net_kill(&server);
    close(server.pipe_end);
}
END_TEST

/* libzmq looks for commands at every hundredth frame that is read. If it finds then that the
 * connection is lost, the rest of the message has to be there all the same. */
START_TEST(a_connection_lost_between_two_frames_ends_no_process)
{
    enum { N_MESSAGES = 150 };
    char endpoint[128];
    size_t n = sizeof endpoint;
    void *context = zmq_ctx_new(), *router = zmq_socket(context, ZMQ_ROUTER);
    augsi_dealer dealer = {.socket = NULL};
    augsi_endpoint to;
    augs_error error;
    unsigned char id[8];
    ck_assert_int_eq(zmq_bind(router, "tcp://127.0.0.1:*"), 0);
    ck_assert_int_eq(zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, endpoint, &n), 0);
    AUGS_ASSERT_OK(augsi_endpoint_for_connect(endpoint, &to, &error), error);
    AUGS_ASSERT_OK(augsi_dealer_open(&dealer, &to, 1 << 20, &error), error);
    NET_WAIT_UNTIL(augsi_dealer_send(&dealer, "x", 1));
    int n_id = zmq_recv(router, id, sizeof id, 0);
    ck_assert_int_eq(zmq_recv(router, &(char){0}, 1, 0), 1);
    for (int i = 0; i < N_MESSAGES; i++) {
        ck_assert_int_eq(zmq_send(router, id, (size_t)n_id, ZMQ_SNDMORE), n_id);
        ck_assert_int_eq(zmq_send(router, "header", 6, ZMQ_SNDMORE), 6);
        ck_assert_int_eq(zmq_send(router, "payload", 7, 0), 7);
    }
    zmq_close(router);
    zmq_ctx_term(context);
    zmq_pollitem_t lost = {.socket = dealer.monitor, .events = ZMQ_POLLIN};
    ck_assert_int_eq(zmq_poll(&lost, 1, 30000), 1);
    int n_received = 0;
    zmq_msg_t frames[2];
    for (int n_frames = 1; n_frames > 0; n_received += n_frames == 2) {
        n_frames = augsi_dealer_receive(&dealer, frames);
        zmq_msg_close(&frames[0]);
        zmq_msg_close(&frames[1]);
    }
    ck_assert_int_eq(n_received, N_MESSAGES);
    augsi_dealer_close(&dealer, 0);
}
END_TEST

static void use_inherited(const void *argument, int pipe_end)
{
    augs_subscriber *subscriber = *(augs_subscriber *const *)argument;
    augs_batch *batch = NULL;
    augs_error error = {.status = 0};
    int status = augs_subscriber_next(subscriber, &batch, &error);
    augs_subscriber_free(subscriber);
    if (write(pipe_end, &status, sizeof status) != (ssize_t)sizeof status) {
        _exit(4);
    }
}

START_TEST(a_subscriber_does_not_cross_fork)
{
    net_job job = {.seed = 8, .n_samples = 640};
    char endpoint[NET_ENDPOINT_BYTES];
    const char *endpoints = endpoint;
    net_process server = net_spawn_server(&job, endpoint);
    augs_subscriber *subscriber = NULL;
    augs_batch *batch = NULL;
    augs_error error;
    augs_subscriber_options options = net_subscriber_options(&endpoints, &job, 0);
    AUGS_ASSERT_OK(augs_subscriber_open(&options, &subscriber, &error), error);
    AUGS_ASSERT_STATUS(1, augs_subscriber_next(subscriber, &batch, &error), error);
    augs_batch_unref(batch);
    net_process child = net_spawn(use_inherited, &subscriber);
    int in_child = 0;
    ck_assert(net_read(&child, &in_child, sizeof in_child));
    ck_assert_int_eq(in_child, AUGS_E_STATE);
    net_end(&child);
    for (int i = 1; i < 20; i++) {
        AUGS_ASSERT_STATUS(1, augs_subscriber_next(subscriber, &batch, &error), error);
        augs_batch_unref(batch);
    }
    AUGS_ASSERT_OK(augs_subscriber_next(subscriber, &batch, &error), error);
    augs_subscriber_free(subscriber);
    net_kill(&server);
    close(server.pipe_end);
}
END_TEST

AUGS_SUITE("net_faults", a_killed_subscriber_goes_on_with_its_last_token,
           a_killed_server_is_replaced_without_the_ranks_noticing,
           ranks_with_the_token_of_another_job_outlive_killed_servers, a_second_endpoint_takes_over,
           a_token_of_another_stream_is_refused_with_both_fingerprints,
           wrong_ranks_world_sizes_and_jobs_are_refused_in_words,
           names_and_fingerprints_that_cannot_be_are_refused_at_once,
           a_taken_port_is_said_to_be_taken, a_bind_that_others_could_reach_is_refused,
           nobody_listening_is_a_timeout_and_may_be_asked_again,
           errors_that_may_pass_do_not_put_the_timeout_off, garbage_on_the_port_disturbs_nobody,
           messages_that_are_none_are_counted_and_dropped,
           a_request_above_the_limit_ends_that_connection_alone,
           a_payload_above_the_limit_is_an_error_and_not_silence,
           a_connection_lost_between_two_frames_ends_no_process, a_subscriber_does_not_cross_fork)
