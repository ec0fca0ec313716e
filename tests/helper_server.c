/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server for tests in other languages: helper_server PRESET SEED SAMPLES WORLD_SIZE BATCH_SIZE
 * N_EPOCHS ORDER TAIL prints its endpoint and serves until it is terminated.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <augstream/augstream.h>

static augs_server *server;

static void stop(int number)
{
    (void)number;
    augs_server_stop(server);
}

int main(int argc, char **argv)
{
    augs_error error = {0};
    augs_preset *preset = NULL;
    augs_stream *stream = NULL;
    if (argc != 9) {
        fprintf(stderr, "helper_server: 8 arguments\n");
        return 2;
    }
    augs_stream_options of_stream = {
        .size = sizeof of_stream,
        .order = strcmp(argv[7], "shuffled") == 0 ? AUGS_ORDER_SHUFFLED : AUGS_ORDER_SEQUENTIAL,
        .seed = strtoull(argv[2], NULL, 10),
        .n_samples = strtoull(argv[3], NULL, 10)};
    augs_server_options of_server = {.size = sizeof of_server, .endpoint = "tcp://127.0.0.1:*"};
    augs_strategy_options of_strategy = {.size = sizeof of_strategy,
                                         .batch_size = strtoull(argv[5], NULL, 10)};
    augs_job_options of_job = {
        .size = sizeof of_job,
        .n_epochs = (uint32_t)strtoul(argv[6], NULL, 10),
        .plan = &(augs_plan_options){.size = sizeof(augs_plan_options),
                                     .world_size = (uint32_t)strtoul(argv[4], NULL, 10),
                                     .tail = strcmp(argv[8], "uneven") == 0 ? AUGS_TAIL_UNEVEN
                                             : strcmp(argv[8], "drop") == 0 ? AUGS_TAIL_DROP
                                                                            : AUGS_TAIL_PAD,
                                     .strategy_options = &of_strategy}};
    if (augs_preset_open(argv[1], NULL, &preset, &error) < 0 ||
        augs_stream_open(preset, &of_stream, &stream, &error) < 0 ||
        augs_server_open(&of_server, &server, &error) < 0 ||
        augs_server_add_job(server, stream, &of_job, &error) < 0) {
        fprintf(stderr, "helper_server: %s\n", error.message);
        return EXIT_FAILURE;
    }
    signal(SIGTERM, stop);
    printf("%s\n", augs_server_endpoint(server));
    fflush(stdout);
    int status = augs_server_run(server, &error);
    augs_server_free(server);
    augs_stream_unref(stream);
    augs_preset_unref(preset);
    return status < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
