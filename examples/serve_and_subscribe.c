/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server and the ranks of a job in one process: every rank verifies what it receives.
 *
 *   serve_and_subscribe [WORLD_SIZE] [N_SAMPLES]
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <augstream/augstream.h>

typedef struct rank_work {
    pthread_t thread;
    const char *endpoint;
    uint32_t rank, world_size;
    uint64_t n_samples;
    int status;
    augs_error error;
} rank_work;

static void *run_server(void *server)
{
    augs_error error;
    if (augs_server_run(server, &error) < 0) {
        fprintf(stderr, "server: %s\n", error.message);
    }
    return NULL;
}

static void *run_rank(void *argument)
{
    rank_work *work = argument;
    augs_subscriber_options options = {.size = sizeof options,
                                       .n_endpoints = 1,
                                       .endpoints = &work->endpoint,
                                       .rank = work->rank,
                                       .world_size = work->world_size,
                                       .verify = 1,
                                       .timeout_ms = 30000};
    augs_subscriber *subscriber = NULL;
    work->status = augs_subscriber_open(&options, &subscriber, &work->error);
    while (work->status >= 0) {
        augs_batch *batch = NULL;
        work->status = augs_subscriber_next(subscriber, &batch, &work->error);
        if (work->status <= 0) {
            break;
        }
        work->n_samples += augs_batch_n_samples(batch);
        augs_batch_unref(batch);
    }
    augs_subscriber_free(subscriber);
    return NULL;
}

static int run_ranks(const char *endpoint, uint32_t world_size, uint64_t n_samples)
{
    rank_work *works = calloc(world_size, sizeof *works);
    uint64_t total = 0;
    int failures = works == NULL;
    for (uint32_t r = 0; works != NULL && r < world_size; r++) {
        works[r] = (rank_work){.endpoint = endpoint, .rank = r, .world_size = world_size};
        if (pthread_create(&works[r].thread, NULL, run_rank, &works[r]) != 0) {
            works[r].thread = pthread_self();
            failures++;
        }
    }
    for (uint32_t r = 0; works != NULL && r < world_size; r++) {
        if (!pthread_equal(works[r].thread, pthread_self())) {
            pthread_join(works[r].thread, NULL);
        }
        if (works[r].status < 0) {
            fprintf(stderr, "rank %" PRIu32 ": %s\n", r, works[r].error.message);
            failures++;
        }
        printf("rank %" PRIu32 ": %" PRIu64 " samples, each as made here\n", r, works[r].n_samples);
        total += works[r].n_samples;
    }
    free(works);
    printf("%" PRIu64 " of %" PRIu64 " samples\n", total, n_samples);
    return failures == 0 && total == n_samples ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    uint32_t world_size = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 2;
    uint64_t n_samples = argc > 2 ? strtoull(argv[2], NULL, 10) : 10000;
    augs_error error = {0};
    augs_preset *preset = NULL;
    augs_stream *stream = NULL;
    augs_server *server = NULL;
    augs_stream_options of_stream = {
        .size = sizeof of_stream, .order = AUGS_ORDER_SHUFFLED, .seed = 7, .n_samples = n_samples};
    augs_server_options of_server = {.size = sizeof of_server, .endpoint = "tcp://127.0.0.1:*"};
    augs_strategy_options of_strategy = {.size = sizeof of_strategy, .batch_size = 64};
    augs_plan_options of_plan = {.size = sizeof of_plan,
                                 .world_size = world_size,
                                 .tail = AUGS_TAIL_UNEVEN,
                                 .strategy_options = &of_strategy};
    augs_job_options of_job = {.size = sizeof of_job, .plan = &of_plan};
    if (augs_preset_open("simclr", NULL, &preset, &error) < 0 ||
        augs_stream_open(preset, &of_stream, &stream, &error) < 0 ||
        augs_server_open(&of_server, &server, &error) < 0 ||
        augs_server_add_job(server, stream, &of_job, &error) < 0) {
        fprintf(stderr, "%s\n", error.message);
        return EXIT_FAILURE;
    }
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_server, server) != 0) {
        return EXIT_FAILURE;
    }
    int result = run_ranks(augs_server_endpoint(server), world_size, n_samples);
    augs_server_stop(server);
    pthread_join(thread, NULL);
    augs_server_free(server);
    augs_stream_unref(stream);
    augs_preset_unref(preset);
    return result;
}
