/* SPDX-License-Identifier: Apache-2.0 */
/* A server and its ranks over real sockets: what arrives is the stream, each position once. */
#include <sys/stat.h>

#include "net_fixture.h"

static bool small(void)
{
    return getenv("AUGS_TEST_SMALL") != NULL;
}

/* One rank in a thread, taking everything there is. */
typedef struct taker {
    const net_job *job;
    const char *endpoint;
    atomic_uchar *seen; /* per epoch and position */
    uint32_t rank;
    uint32_t verify;
    pthread_t thread;
    int status;
    uint64_t n_steps, n_samples, n_padded, digest[2];
    augs_subscriber_stats stats;
    augs_error error;
} taker;

static void add_digest(uint64_t total[2], const uint64_t part[2])
{
    total[0] += part[0];
    total[1] += part[1] + (total[0] < part[0]);
}

static void take_batch(taker *of, augs_batch *batch)
{
    augs_batch_info info = {.size = sizeof info};
    uint64_t digest[2], n_samples = of->job->n_samples;
    augs_batch_get_info(batch, &info);
    for (uint64_t k = 0; k + info.n_padded < info.n_samples; k++) {
        atomic_fetch_add(&of->seen[info.epoch * n_samples + info.first + info.stride * k], 1);
    }
    augs_batch_digest(batch, digest);
    add_digest(of->digest, digest);
    of->n_steps++;
    of->n_samples += info.n_samples;
    of->n_padded += info.n_padded;
}

static void *take_all(void *argument)
{
    taker *of = argument;
    augs_subscriber *subscriber = NULL;
    augs_subscriber_options options = net_subscriber_options(&of->endpoint, of->job, of->rank);
    options.verify = of->verify;
    of->status = augs_subscriber_open(&options, &subscriber, &of->error);
    while (of->status >= 0) {
        augs_batch *batch = NULL;
        of->status = augs_subscriber_next(subscriber, &batch, &of->error);
        if (of->status != 1) {
            break;
        }
        take_batch(of, batch);
        augs_batch_unref(batch);
    }
    of->stats.size = sizeof of->stats;
    augs_subscriber_get_stats(subscriber, &of->stats);
    augs_subscriber_free(subscriber);
    return NULL;
}

/* The digest of all positions of all epochs, each once. */
static void whole_digest(const net_job *job, uint64_t ret_digest[2])
{
    net_job whole = *job;
    whole.world_size = 1;
    augs_error error;
    ret_digest[0] = ret_digest[1] = 0;
    for (uint32_t epoch = 0; epoch < (job->n_epochs != 0 ? job->n_epochs : 1); epoch++) {
        augs_pipeline *pipeline = net_open_pipeline(&whole, 0);
        augs_batch *batch = NULL;
        uint64_t digest[2];
        AUGS_ASSERT_OK(augs_pipeline_set_epoch(pipeline, epoch, &error), error);
        while (augs_pipeline_next(pipeline, &batch, &error) == 1) {
            augs_batch_digest(batch, digest);
            add_digest(ret_digest, digest);
            augs_batch_unref(batch);
        }
        augs_pipeline_free(pipeline);
    }
}

enum { MOST_RANKS = 8 };

/* Runs all ranks in threads; every position of every epoch has to arrive exactly once. */
static void run_ranks(const net_job *job, taker takers[MOST_RANKS], uint32_t verify)
{
    net_server server;
    uint32_t n_epochs = job->n_epochs != 0 ? job->n_epochs : 1;
    atomic_uchar *seen = calloc(n_epochs * job->n_samples, sizeof *seen);
    ck_assert_ptr_nonnull(seen);
    net_start_server(job, &server);
    for (uint32_t r = 0; r < job->world_size; r++) {
        takers[r] = (taker){.job = job,
                            .endpoint = net_endpoint(&server),
                            .seen = seen,
                            .rank = r,
                            .verify = verify};
        ck_assert_int_eq(pthread_create(&takers[r].thread, NULL, take_all, &takers[r]), 0);
    }
    for (uint32_t r = 0; r < job->world_size; r++) {
        pthread_join(takers[r].thread, NULL);
        ck_assert_msg(takers[r].status == 0, "rank %u: %s", r, takers[r].error.message);
    }
    augs_server_stats stats = {.size = sizeof stats};
    NET_WAIT_UNTIL(
        (augs_server_get_stats(server.server, &stats), stats.n_finished == job->world_size));
    ck_assert_uint_eq(stats.n_malformed, 0);
    net_stop_server(&server);
    for (uint64_t p = 0; p < n_epochs * job->n_samples; p++) {
        ck_assert_msg(atomic_load(&seen[p]) == 1, "position %" PRIu64 " arrived %u times", p,
                      (unsigned)atomic_load(&seen[p]));
    }
    free(seen);
}

static void assert_whole_digest(const net_job *job, const taker takers[MOST_RANKS])
{
    uint64_t total[2] = {0, 0}, expected[2];
    for (uint32_t r = 0; r < job->world_size; r++) {
        add_digest(total, takers[r].digest);
    }
    whole_digest(job, expected);
    ck_assert_uint_eq(total[0], expected[0]);
    ck_assert_uint_eq(total[1], expected[1]);
}

START_TEST(four_ranks_get_every_position_exactly_once)
{
    net_job job = {.seed = 11,
                   .n_samples = small() ? 2003 : 20011,
                   .batch_size = 48,
                   .order = AUGS_ORDER_SHUFFLED,
                   .world_size = 4,
                   .tail = AUGS_TAIL_UNEVEN,
                   .n_fillers = 2};
    taker takers[MOST_RANKS];
    run_ranks(&job, takers, 0);
    assert_whole_digest(&job, takers);
}
END_TEST

START_TEST(two_epochs_follow_each_other_without_a_gap)
{
    net_job job = {.preset = "simclr",
                   .seed = 3,
                   .n_samples = 1501,
                   .batch_size = 20,
                   .order = AUGS_ORDER_SHUFFLED,
                   .world_size = 3,
                   .tail = AUGS_TAIL_UNEVEN,
                   .n_epochs = 2};
    taker takers[MOST_RANKS];
    run_ranks(&job, takers, 1);
    assert_whole_digest(&job, takers);
}
END_TEST

START_TEST(padding_gives_all_ranks_the_same_number_of_samples)
{
    net_job job = {.seed = 5, .n_samples = 1001, .batch_size = 16, .world_size = 4};
    taker takers[MOST_RANKS];
    run_ranks(&job, takers, 1);
    for (uint32_t r = 0; r < 4; r++) {
        ck_assert_uint_eq(takers[r].n_samples, 251);
        ck_assert_uint_eq(takers[r].n_steps, 16);
        ck_assert_uint_eq(takers[r].n_padded, r == 0 ? 0 : 1);
    }
}
END_TEST

START_TEST(block_shards_are_whole_too)
{
    net_job job = {.seed = 5,
                   .n_samples = 1002,
                   .batch_size = 16,
                   .world_size = 4,
                   .rank_layout = AUGS_RANK_LAYOUT_BLOCK,
                   .tail = AUGS_TAIL_UNEVEN};
    taker takers[MOST_RANKS];
    run_ranks(&job, takers, 1);
    assert_whole_digest(&job, takers);
    ck_assert_uint_eq(takers[0].n_samples, 251);
    ck_assert_uint_eq(takers[3].n_samples, 250);
}
END_TEST

START_TEST(what_arrives_is_what_a_pipeline_makes_here)
{
    net_job job = {.preset = "imagenet",
                   .seed = 77,
                   .n_samples = 700,
                   .order = AUGS_ORDER_SHUFFLED,
                   .world_size = 3};
    net_server server;
    augs_subscriber *subscriber = NULL;
    augs_error error;
    int status;
    net_start_server(&job, &server);
    const char *endpoint = net_endpoint(&server);
    augs_subscriber_options options = net_subscriber_options(&endpoint, &job, 2);
    AUGS_ASSERT_OK(augs_subscriber_open(&options, &subscriber, &error), error);
    augs_pipeline *pipeline = net_open_pipeline(&job, 2);
    uint64_t n_steps = 0;
    do {
        augs_batch *got = NULL, *expected = NULL;
        status = augs_subscriber_next(subscriber, &got, &error);
        ck_assert_msg(status >= 0, "%s", error.message);
        ck_assert_int_eq(augs_pipeline_next(pipeline, &expected, &error), status);
        if (status == 1) {
            net_assert_same_batch(got, expected);
            n_steps++;
        }
        augs_batch_unref(got);
        augs_batch_unref(expected);
    } while (status == 1);
    ck_assert_uint_eq(n_steps, 8);
    ck_assert_uint_eq(augs_subscriber_n_steps(subscriber), 8);
    ck_assert_int_eq(augs_subscriber_next(subscriber, &(augs_batch *){NULL}, &error), 0);
    augs_pipeline_free(pipeline);
    augs_subscriber_free(subscriber);
    net_stop_server(&server);
}
END_TEST

START_TEST(a_batch_outlives_its_subscriber)
{
    net_job job = {.seed = 1};
    net_server server;
    augs_subscriber *subscriber = NULL;
    augs_batch *batch = NULL;
    augs_error error;
    net_start_server(&job, &server);
    const char *endpoint = net_endpoint(&server);
    augs_subscriber_options options = net_subscriber_options(&endpoint, &job, 0);
    AUGS_ASSERT_OK(augs_subscriber_open(&options, &subscriber, &error), error);
    AUGS_ASSERT_STATUS(1, augs_subscriber_next(subscriber, &batch, &error), error);
    augs_subscriber_free(subscriber);
    net_stop_server(&server);
    ck_assert_str_eq(augs_batch_column_name(batch, 0), "sample_id");
    ck_assert_uint_eq(((const uint64_t *)augs_batch_column_data(batch, 0))[31], 31);
    augs_batch_unref(batch);
}
END_TEST

START_TEST(connect_tells_the_stream_before_the_first_batch)
{
    net_job job = {.preset = "simclr", .seed = 9, .n_samples = 640, .name = "a-job_1.x"};
    net_server server;
    augs_subscriber *subscriber = NULL;
    augs_stream *found = NULL, *ours = net_open_stream(&job);
    augs_error error;
    char token[AUGS_TOKEN_BYTES];
    net_start_server(&job, &server);
    const char *endpoint = net_endpoint(&server);
    augs_subscriber_options options = net_subscriber_options(&endpoint, &job, 0);
    AUGS_ASSERT_OK(augs_subscriber_open(&options, &subscriber, &error), error);
    ck_assert_uint_eq(augs_subscriber_n_steps(subscriber), 0);
    AUGS_ASSERT_STATUS(AUGS_E_STATE, augs_subscriber_token(subscriber, token, sizeof token, &error),
                       error);
    AUGS_ASSERT_OK(augs_subscriber_connect(subscriber, &found, &error), error);
    ck_assert_str_eq(augs_stream_fingerprint(found), augs_stream_fingerprint(ours));
    ck_assert_uint_eq(augs_stream_n_samples(found), 640);
    ck_assert_uint_eq(augs_stream_n_columns(found), augs_stream_n_columns(ours));
    ck_assert_uint_eq(augs_subscriber_n_steps(subscriber), 20);
    AUGS_ASSERT_OK(augs_subscriber_token(subscriber, token, sizeof token, &error), error);
    augs_stream_unref(ours);
    augs_subscriber_free(subscriber);
    net_stop_server(&server);
}
END_TEST

START_TEST(an_ipc_socket_serves_and_goes_when_the_server_does)
{
    char folder[] = "/tmp/augs-net-XXXXXX", endpoint[128];
    struct stat status;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(endpoint, sizeof endpoint, "ipc://%s/socket", folder);
    net_job job = {.seed = 1, .n_samples = 500, .world_size = 2, .endpoint = endpoint};
    net_job second = job;
    augs_server *other = NULL;
    augs_error error;
    taker takers[MOST_RANKS];
    net_server server;
    net_start_server(&job, &server);
    ck_assert_str_eq(net_endpoint(&server), endpoint);
    ck_assert_int_eq(lstat(endpoint + 6, &status), 0);
    ck_assert_uint_eq(status.st_mode & 077, 0);
    AUGS_ASSERT_STATUS(AUGS_E_ADDRESS, net_open_server(&second, &other, &error), error);
    ck_assert_msg(strstr(error.message, "in use") != NULL, "%s", error.message);
    net_stop_server(&server);
    run_ranks(&job, takers, 1);
    ck_assert_int_ne(lstat(endpoint + 6, &status), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(replicas_of_a_rank_get_the_same_batches)
{
    net_job job = {.seed = 4, .n_samples = 900, .batch_size = 50};
    net_server server;
    net_start_server(&job, &server);
    atomic_uchar *seen = calloc(900, sizeof *seen);
    ck_assert_ptr_nonnull(seen);
    taker takers[2];
    for (int i = 0; i < 2; i++) {
        takers[i] = (taker){.job = &job, .endpoint = net_endpoint(&server), .seen = seen};
        ck_assert_int_eq(pthread_create(&takers[i].thread, NULL, take_all, &takers[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(takers[i].thread, NULL);
        ck_assert_msg(takers[i].status == 0, "%s", takers[i].error.message);
    }
    ck_assert_uint_eq(takers[0].digest[0], takers[1].digest[0]);
    ck_assert_uint_eq(takers[0].digest[1], takers[1].digest[1]);
    for (int p = 0; p < 900; p++) {
        ck_assert_uint_eq(atomic_load(&seen[p]), 2);
    }
    free(seen);
    net_stop_server(&server);
}
END_TEST

START_TEST(a_slow_consumer_holds_no_more_than_its_window)
{
    counting_allocator counting;
    counting_init(&counting);
    net_job job = {.seed = 2, .n_samples = 2000000, .batch_size = 8192};
    net_server server;
    augs_subscriber *subscriber = NULL;
    augs_batch *batch = NULL;
    augs_error error;
    augs_server_stats stats = {.size = sizeof stats};
    job.allocator = &counting.table;
    net_start_server(&job, &server);
    const char *endpoint = net_endpoint(&server);
    augs_subscriber_options options = net_subscriber_options(&endpoint, &job, 0);
    options.steps_ahead = 6;
    AUGS_ASSERT_OK(augs_subscriber_open(&options, &subscriber, &error), error);
    size_t slab_bytes = 0;
    for (uint64_t taken = 1; taken <= 4; taken++) {
        AUGS_ASSERT_STATUS(1, augs_subscriber_next(subscriber, &batch, &error), error);
        augs_batch_slab(batch, &slab_bytes);
        augs_batch_unref(batch);
        NET_WAIT_UNTIL(
            (augs_server_get_stats(server.server, &stats), stats.n_batches >= taken + 2));
        ck_assert_uint_le(stats.n_batches, taken + 6);
    }
    ck_assert_int_le(atomic_load(&counting.most_bytes), (int64_t)(10 * slab_bytes + (1 << 20)));
    augs_subscriber_free(subscriber);
    net_stop_server(&server);
    ck_assert_int_eq(atomic_load(&counting.bytes), 0);
}
END_TEST

static void take_batches(augs_subscriber *subscriber, int n)
{
    augs_error error;
    for (int i = 0; i < n; i++) {
        augs_batch *batch = NULL;
        AUGS_ASSERT_STATUS(1, augs_subscriber_next(subscriber, &batch, &error), error);
        augs_batch_unref(batch);
    }
}

/* How many slabs are out at once depends on the threads' turns, and is never more than the window:
 * at some time all of them have been made. */
START_TEST(neither_end_allocates_once_it_is_warm)
{
    enum { ROUND = 100, MOST_ROUNDS = 20, ALLOCATIONS_A_SLAB = 3 };
    counting_allocator of_server, of_subscriber;
    counting_init(&of_server);
    counting_init(&of_subscriber);
    net_job job = {.seed = 2, .n_samples = 32 * ROUND * (MOST_ROUNDS + 2), .n_fillers = 2};
    net_server server;
    augs_subscriber *subscriber = NULL;
    augs_error error;
    job.allocator = &of_server.table;
    net_start_server(&job, &server);
    const char *endpoint = net_endpoint(&server);
    augs_subscriber_options options = net_subscriber_options(&endpoint, &job, 0);
    options.allocator = &of_subscriber.table;
    options.verify = 1;
    AUGS_ASSERT_OK(augs_subscriber_open(&options, &subscriber, &error), error);
    take_batches(subscriber, ROUND);
    const uint64_t warm[2] = {atomic_load(&of_server.n_allocations),
                              atomic_load(&of_subscriber.n_allocations)};
    uint64_t before;
    int n_rounds = 0;
    do {
        before = atomic_load(&of_server.n_allocations);
        take_batches(subscriber, ROUND);
    } while (atomic_load(&of_server.n_allocations) != before && ++n_rounds < MOST_ROUNDS);
    ck_assert_int_lt(n_rounds, MOST_ROUNDS);
    ck_assert_uint_le(before - warm[0], 12 * ALLOCATIONS_A_SLAB);
    ck_assert_uint_eq(atomic_load(&of_subscriber.n_allocations), warm[1]);
    augs_subscriber_free(subscriber);
    net_stop_server(&server);
    ck_assert_int_eq(atomic_load(&of_server.bytes), 0);
    ck_assert_int_eq(atomic_load(&of_subscriber.bytes), 0);
}
END_TEST

static void *cancel_it(void *subscriber)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    augs_subscriber_cancel(subscriber);
    return NULL;
}

START_TEST(a_blocked_next_can_be_cancelled_and_called_again)
{
    const char *nobody = "tcp://127.0.0.1:9";
    net_job job = {.seed = 0};
    augs_subscriber *subscriber = NULL;
    augs_batch *batch = NULL;
    augs_error error;
    pthread_t thread;
    augs_subscriber_options options = net_subscriber_options(&nobody, &job, 0);
    options.timeout_ms = 0;
    AUGS_ASSERT_OK(augs_subscriber_open(&options, &subscriber, &error), error);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_create(&thread, NULL, cancel_it, subscriber), 0);
        AUGS_ASSERT_STATUS(AUGS_E_CANCELLED, augs_subscriber_next(subscriber, &batch, &error),
                           error);
        pthread_join(thread, NULL);
    }
    augs_subscriber_free(subscriber);
}
END_TEST

AUGS_SUITE("net", four_ranks_get_every_position_exactly_once,
           two_epochs_follow_each_other_without_a_gap,
           padding_gives_all_ranks_the_same_number_of_samples, block_shards_are_whole_too,
           what_arrives_is_what_a_pipeline_makes_here, a_batch_outlives_its_subscriber,
           connect_tells_the_stream_before_the_first_batch,
           an_ipc_socket_serves_and_goes_when_the_server_does,
           replicas_of_a_rank_get_the_same_batches, a_slow_consumer_holds_no_more_than_its_window,
           neither_end_allocates_once_it_is_warm, a_blocked_next_can_be_cancelled_and_called_again)
