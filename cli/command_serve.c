/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include <augstream/augstream.h>

#include "cli/command_allocator.h"
#include "cli/exit_status.h"
#include "cli/interrupt.h"
#include "cli/json_out.h"
#include "cli/options/options.h"
#include "cli/progress.h"
#include "cli/stream_arguments.h"

typedef struct service {
    const arguments *of;
    augs_server *server;
    augs_stream *stream;
    uint32_t world_size;
    uint32_t n_epochs;
    uint64_t n_left_out; /* of an epoch */
    bool exit_when_done;
    bool done; /* every rank was, in the watcher's eyes */
    atomic_bool over;
    progress bar;
} service;

static void on_log(void *user, uint32_t level, const char *message)
{
    const arguments *of = user;
    if (level >= AUGS_LOG_WARNING && !of->given[OPT_QUIET]) {
        tell(false, "%s", message);
    }
}

static void stop_server(void *server)
{
    augs_server_stop(server);
}

static int read_sizes(const arguments *of, augs_strategy_options *strategy_options,
                      uint32_t *ret_world_size, uint64_t *ret_n_samples)
{
    *ret_n_samples = option_whole(of, OPT_SAMPLES);
    *ret_world_size = (uint32_t)option_whole(of, OPT_WORLD_SIZE);
    if (!of->given[OPT_GLOBAL_BATCH_SIZE]) {
        return EXIT_DONE;
    }
    uint64_t global = option_whole(of, OPT_GLOBAL_BATCH_SIZE);
    if (of->given[OPT_BATCH_SIZE]) {
        return complain(EXIT_USAGE, "--batch-size and --global-batch-size: give one of them");
    }
    if (global % *ret_world_size != 0) {
        uint64_t below = global - global % *ret_world_size;
        char or_below[32] = "";
        if (below > 0) {
            snprintf(or_below, sizeof or_below, "%" PRIu64 " and ", below);
        }
        return complain(EXIT_USAGE,
                        "--global-batch-size %" PRIu64 " is no multiple of --world-size %" PRIu32
                        "; nearest: %s%" PRIu64,
                        global, *ret_world_size, or_below, below + *ret_world_size);
    }
    strategy_options->batch_size = global / *ret_world_size;
    return EXIT_DONE;
}

/* What the plan makes of the options: samples of a rank in a batch, 0 = that differs from batch to
 * batch. A plan of one rank and as many positions as there can be begins with a whole batch. */
static int find_batch_size(const augs_plan_options *given, uint64_t *ret_batch_size)
{
    augs_error error;
    augs_scheduler *scheduler = NULL;
    augs_span span = {.count = 0};
    *ret_batch_size = 0;
    if (given->strategy_options->batches != 0) {
        return EXIT_DONE;
    }
    augs_plan_options plan = *given;
    plan.world_size = 1;
    plan.rank_layout = AUGS_RANK_LAYOUT_INTERLEAVED;
    const augs_scheduler_options scheduler_options = {
        .size = sizeof scheduler_options, .n_samples = AUGS_MAX_SAMPLES, .plan = &plan};
    int status = augs_scheduler_open(&scheduler_options, &scheduler, &error);
    if (status >= 0) {
        status = augs_scheduler_next(scheduler, &span, &error);
    }
    augs_scheduler_free(scheduler);
    *ret_batch_size = span.count;
    return status < 0 ? complain_error(&error) : EXIT_DONE;
}

/* Positions of an epoch that no rank gets. */
static int find_left_out(const service *run, const augs_plan_options *plan, uint64_t *ret_left_out)
{
    augs_error error;
    augs_pipeline *pipeline = NULL;
    const augs_pipeline_options pipeline_options = {.size = sizeof pipeline_options, .plan = plan};
    if (augs_pipeline_open(run->stream, &pipeline_options, &pipeline, &error) < 0) {
        return complain_error(&error);
    }
    *ret_left_out = augs_pipeline_n_left_out(pipeline);
    augs_pipeline_free(pipeline);
    return EXIT_DONE;
}

static void announce(const service *run, uint64_t batch_size)
{
    const char *endpoint = augs_server_endpoint(run->server);
    if (!run->of->given[OPT_JSON]) {
        puts(endpoint);
    } else {
        json_out json;
        json_begin(&json, stdout);
        json_text(&json, "endpoint", endpoint);
        json_text(&json, "job", option_text(run->of, OPT_JOB_NAME));
        json_text(&json, "fingerprint", augs_stream_fingerprint(run->stream));
        json_whole(&json, "samples", augs_stream_n_samples(run->stream));
        json_whole(&json, "epoch", augs_stream_epoch(run->stream));
        json_whole(&json, "epochs", run->n_epochs);
        json_whole(&json, "world_size", run->world_size);
        if (batch_size > 0) {
            json_whole(&json, "batch_size", batch_size);
        } else {
            json_no_value(&json, "batch_size"); /* sizes follow from --batches */
        }
        json_whole(&json, "left_out", run->n_left_out);
        json_end(&json);
    }
    fflush(stdout);
}

/* Beside the server: shows progress, and stops it when every rank is done. */
static void *watch(void *user)
{
    service *run = user;
    while (!atomic_load(&run->over)) {
        augs_server_stats stats = {.size = sizeof stats};
        augs_server_get_stats(run->server, &stats);
        progress_set(&run->bar, stats.n_samples);
        if (run->exit_when_done && stats.n_finished >= run->world_size) {
            run->done = true;
            augs_server_stop(run->server);
            break;
        }
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    return NULL;
}

static int run_server(service *run)
{
    augs_error error;
    pthread_t watcher;
    bool quiet = run->of->given[OPT_QUIET];
    uint64_t all = augs_stream_n_samples(run->stream) - run->n_left_out;
    if (__builtin_mul_overflow(all, run->n_epochs, &all)) {
        all = 0; /* more than can be counted: a bar without an end */
    }
    progress_begin(&run->bar, "serve", all, quiet);
    if (pthread_create(&watcher, NULL, watch, run) != 0) {
        return complain(EXIT_FAILED, "no thread could be started");
    }
    int status = augs_server_run(run->server, &error);
    interrupt_unhook();
    atomic_store(&run->over, true);
    pthread_join(watcher, NULL);
    progress_end(&run->bar);
    augs_server_stats stats = {.size = sizeof stats};
    augs_server_get_stats(run->server, &stats);
    tell(quiet,
         "served %" PRIu64 " samples in %" PRIu64 " batches (%.1f MB) in %.2f s; %" PRIu64
         " ranks done, %" PRIu64 " errors, %" PRIu64 " malformed messages",
         stats.n_samples, stats.n_batches, (double)stats.n_bytes * 1e-6,
         progress_seconds(&run->bar), stats.n_finished, stats.n_errors, stats.n_malformed);
    if (status < 0 && status != AUGS_E_CANCELLED) {
        return complain_error(&error);
    }
    if (run->exit_when_done && !run->done) {
        return complain(EXIT_PARTLY, "stopped: %" PRIu64 " of %" PRIu32 " ranks were done",
                        stats.n_finished, run->world_size);
    }
    return EXIT_DONE;
}

static int open_server(service *run, const augs_plan_options *plan)
{
    augs_error error;
    const arguments *of = run->of;
    augs_server_options server_options = {
        .size = sizeof server_options,
        .n_fillers = (uint32_t)option_whole(of, OPT_FILLERS),
        .endpoint = option_text(of, OPT_BIND),
        .logger = {.function = on_log, .user = (void *)(uintptr_t)of},
        .allocator = command_allocator()};
    augs_job_options job = {.size = sizeof job,
                            .n_epochs = run->n_epochs,
                            .name = option_text(of, OPT_JOB_NAME),
                            .plan = plan};
    int status = augs_server_open(&server_options, &run->server, &error);
    if (status == AUGS_E_ADDRESS || status == AUGS_E_NETWORK) {
        return complain_value(exit_status_of(status), of, OPT_BIND, error.message);
    }
    if (status < 0 || augs_server_add_job(run->server, run->stream, &job, &error) < 0) {
        return complain_error(&error);
    }
    return EXIT_DONE;
}

int command_serve(const arguments *of)
{
    uint64_t n_samples = 0;
    augs_strategy_options strategy_options;
    augs_plan_options plan;
    service run = {.of = of,
                   .n_epochs = (uint32_t)option_whole(of, OPT_EPOCHS),
                   .exit_when_done = of->given[OPT_EXIT_WHEN_DONE]};
    read_plan(of, &strategy_options, &plan);
    int result = read_sizes(of, &strategy_options, &run.world_size, &n_samples);
    result = result == EXIT_DONE ? check_job_name(of, OPT_JOB_NAME) : result;
    result = result == EXIT_DONE ? check_strategy_options(of) : result;
    if (result == EXIT_DONE) {
        result = open_stream(of, n_samples, &run.stream);
    }
    if (result != EXIT_DONE) {
        return result;
    }
    plan.world_size = run.world_size;
    plan.rank_layout = option_name_index(of, OPT_RANK_LAYOUT);
    plan.tail = option_name_index(of, OPT_TAIL);
    uint64_t batch_size = 0;
    result = open_server(&run, &plan);
    result = result == EXIT_DONE ? find_left_out(&run, &plan, &run.n_left_out) : result;
    result = result == EXIT_DONE ? find_batch_size(&plan, &batch_size) : result;
    if (result == EXIT_DONE) {
        interrupt_watch(of->given[OPT_QUIET], stop_server, run.server);
        tell_left_out(of, run.n_left_out);
        announce(&run, batch_size);
        result = run_server(&run);
    }
    augs_server_free(run.server);
    augs_stream_unref(run.stream);
    return result;
}
