/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <augstream/augstream.h>

#include "cli/command_allocator.h"
#include "cli/exit_status.h"
#include "cli/interrupt.h"
#include "cli/stream_arguments.h"
#include "cli/subscription.h"

enum { MAX_ENDPOINTS = 64 };

static void on_log(void *user, uint32_t level, const char *message)
{
    const arguments *of = user;
    if (level >= AUGS_LOG_WARNING && !of->given[OPT_QUIET]) {
        tell(false, "%s", message);
    }
}

static void cancel(void *subscriber)
{
    augs_subscriber_cancel(subscriber);
}

/* Cuts `text` at its commas. */
static int split_endpoints(const arguments *of, char *text, const char **ret_endpoints,
                           uint32_t *ret_n)
{
    uint32_t n = 0;
    for (char *next; text != NULL; text = next) {
        next = strchr(text, ',');
        if (next != NULL) {
            *next++ = '\0';
        }
        if (text[0] == '\0' || n == MAX_ENDPOINTS) {
            return complain_value(EXIT_USAGE, of, OPT_CONNECT,
                                  text[0] == '\0' ? "has an empty endpoint"
                                                  : "has more than 64 endpoints");
        }
        ret_endpoints[n++] = text;
    }
    *ret_n = n;
    return EXIT_DONE;
}

/* --resume TOKEN or @FILE. */
static int read_resume(subscription *run)
{
    const char *text = option_text(run->of, OPT_RESUME);
    if (text == NULL || text[0] != '@') {
        run->token = text;
        return EXIT_DONE;
    }
    bool exists = false;
    const char *path = text + 1;
    if (path[0] == '\0') {
        return complain(EXIT_USAGE, "--resume '@' names no file; accepted: TOKEN, or @FILE of "
                                    "--token-file");
    }
    int result = token_file_read(path, &run->resumed, &exists);
    if (result != EXIT_DONE) {
        return result;
    }
    if (!exists && !(run->of->given[OPT_TOKEN_FILE] &&
                     strcmp(path, option_text(run->of, OPT_TOKEN_FILE)) == 0)) {
        return complain(EXIT_CONFIGURATION,
                        "--resume '%s': there is no such file (accepted only if it is also the "
                        "--token-file)",
                        text);
    }
    run->token = exists ? run->resumed.token : NULL;
    run->resumes_files = exists;
    return EXIT_DONE;
}

static int open_subscriber(subscription *run, const char *const *endpoints, uint32_t n_endpoints)
{
    augs_error error;
    const arguments *of = run->of;
    augs_subscriber_options subscriber_options = {
        .size = sizeof subscriber_options,
        .n_endpoints = n_endpoints,
        .endpoints = endpoints,
        .job = option_text(of, OPT_JOB),
        .rank = run->place.rank,
        .world_size = run->place.world_size,
        .token = run->token,
        .steps_ahead = (uint32_t)option_whole(of, OPT_STEPS_AHEAD),
        .verify = of->given[OPT_VERIFY],
        .timeout_ms = (uint64_t)ceil(option_decimal(of, OPT_TIMEOUT) * 1000) /* 0 = never */,
        .logger = {.function = on_log, .user = (void *)(uintptr_t)of},
        .allocator = command_allocator()};
    int status = augs_subscriber_open(&subscriber_options, &run->subscriber, &error);
    if (status == AUGS_E_ADDRESS || status == AUGS_E_TOKEN) {
        return complain_value(exit_status_of(status), of,
                              status == AUGS_E_TOKEN ? OPT_RESUME : OPT_CONNECT, error.message);
    }
    return status < 0 ? complain_error(&error) : EXIT_DONE;
}

static int fail_receiving(const subscription *run, const augs_error *error)
{
    if (error->status == AUGS_E_CANCELLED) {
        return complain(EXIT_PARTLY, "stopped after %llu batches",
                        (unsigned long long)run->n_batches);
    }
    return complain_error(error);
}

/* Batches until the end. */
static int receive(subscription *run)
{
    augs_error error;
    augs_stream *stream = NULL;
    bool reader_gone = false;
    interrupt_watch(run->of->given[OPT_QUIET], cancel, run->subscriber);
    const bool mixes =
        run->out != NULL && strcmp(run->out, "-") == 0 && progress_mixes_with_stdout();
    progress_begin(&run->bar, "subscribe", 0, run->of->given[OPT_QUIET] || mixes);
    int status = augs_subscriber_connect(run->subscriber, &stream, &error);
    int result = status >= 0 ? subscription_open_outputs(run) : fail_receiving(run, &error);
    double started = clock_seconds();
    while (result == EXIT_DONE && !reader_gone) {
        augs_batch *batch = NULL;
        if (interrupt_asked()) {
            result = complain(EXIT_PARTLY, "stopped after %llu batches",
                              (unsigned long long)run->n_batches);
            break;
        }
        status = augs_subscriber_next(run->subscriber, &batch, &error);
        if (status == 0) {
            break;
        }
        if (status < 0) {
            result = fail_receiving(run, &error);
            break;
        }
        result = subscription_take(run, batch, &reader_gone);
        augs_batch_unref(batch);
    }
    run->seconds = clock_seconds() - started;
    interrupt_unhook();
    progress_end(&run->bar);
    return result;
}

static int subscribe(subscription *run, char *endpoint_text)
{
    const char *endpoints[MAX_ENDPOINTS];
    uint32_t n_endpoints = 0;
    int result = split_endpoints(run->of, endpoint_text, endpoints, &n_endpoints);
    result = result == EXIT_DONE ? check_job_name(run->of, OPT_JOB) : result;
    if (result == EXIT_DONE) {
        result = subscription_check_outputs(run->of);
    }
    if (result == EXIT_DONE) {
        result = read_place(run->of, &run->place);
    }
    if (result == EXIT_DONE) {
        result = read_resume(run);
    }
    if (result == EXIT_DONE) {
        result = open_subscriber(run, endpoints, n_endpoints);
    }
    if (result != EXIT_DONE) {
        return result;
    }
    result = receive(run);
    int closed = subscription_close_outputs(run);
    if (run->ready) {
        subscription_put_summary(run);
    }
    augs_subscriber_free(run->subscriber);
    return result != EXIT_DONE ? result : closed;
}

int command_subscribe(const arguments *of)
{
    subscription run = {.of = of, .ids = {.file = -1}};
    run.out = of->given[OPT_OUT] ? option_text(of, OPT_OUT) : of->given[OPT_FORMAT] ? "-" : NULL;
    augs_format_find(option_text(of, OPT_FORMAT), &run.format, NULL);
    char *endpoint_text = strdup(option_text(of, OPT_CONNECT));
    if (endpoint_text == NULL) {
        return complain(EXIT_FAILED, "no memory for the endpoints");
    }
    int result = subscribe(&run, endpoint_text);
    free(endpoint_text);
    return result;
}
