/* SPDX-License-Identifier: Apache-2.0 */
/* A strategy as a co-process: a span out, a line of feedback in. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <augstream/augstream.h>

#include "cli/command_allocator.h"
#include "cli/exit_status.h"
#include "cli/feedback_line.h"
#include "cli/interrupt.h"
#include "cli/stream_arguments.h"

/* With --preset: whose plan it is, and how large its records are. */
static int read_stream(const arguments *of, augs_planner_options *planner_options,
                       augs_stream **ret_stream)
{
    static const enum option_id ids[] = {OPT_SEED, OPT_SHUFFLE, OPT_SET};
    if (!of->given[OPT_PRESET]) {
        for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
            if (of->given[ids[i]]) {
                return complain(EXIT_USAGE, "plan: --%s is of a stream; accepted with --preset P",
                                options[ids[i]].name);
            }
        }
        return EXIT_DONE;
    }
    if (!of->given[OPT_SEED]) {
        return complain(EXIT_USAGE, "plan: --seed S is missing: --preset names a stream");
    }
    int result = open_stream(of, planner_options->n_samples, ret_stream);
    if (result == EXIT_DONE) {
        planner_options->fingerprint = augs_stream_fingerprint(*ret_stream);
        planner_options->sample_bytes = of->given[OPT_SAMPLE_BYTES]
                                            ? option_whole(of, OPT_SAMPLE_BYTES)
                                            : augs_stream_sample_bytes(*ret_stream);
    }
    return result;
}

static int open_planner(const arguments *of, augs_planner **ret_planner)
{
    augs_error error;
    augs_stream *stream = NULL;
    augs_strategy_options strategy_options;
    augs_plan_options plan;
    augs_planner_options planner_options = {
        .size = sizeof planner_options,
        .epoch = (uint32_t)option_whole(of, OPT_EPOCH),
        .sample_bytes = option_whole(of, OPT_SAMPLE_BYTES),
        .journal = option_text(of, OPT_JOURNAL),
        .replay = option_text(of, OPT_REPLAY),
        .allocator = command_allocator(),
    };
    int result = parse_samples(option_text(of, OPT_SAMPLES), &planner_options.n_samples);
    result = result == EXIT_DONE ? check_strategy_options(of) : result;
    result = result == EXIT_DONE ? read_stream(of, &planner_options, &stream) : result;
    if (result != EXIT_DONE) {
        return result;
    }
    read_plan(of, &strategy_options, &plan);
    planner_options.plan = &plan;
    plan.world_size = (uint32_t)option_whole(of, OPT_WORLD_SIZE);
    plan.tail = option_name_index(of, OPT_TAIL);
    if (augs_planner_open(&planner_options, ret_planner, &error) < 0) {
        result = complain_plan(of, &error);
    }
    augs_stream_unref(stream);
    return result;
}

static int print_span(const augs_planner *planner, const augs_span *span)
{
    const uint32_t part = augs_planner_part(planner);
    printf("{\"step\":%" PRIu64, augs_planner_last_step(planner));
    if (part != 0) {
        printf(",\"part\":%" PRIu32, part);
    }
    printf(",\"first\":%" PRIu64 ",\"stride\":%" PRIu64 ",\"count\":%" PRIu64, span->first,
           span->stride, span->count);
    if (augs_planner_n_padded(planner) != 0) {
        printf(",\"padded\":%" PRIu64, augs_planner_n_padded(planner));
    }
    printf(",\"why\":\"%s\"}\n", part != 0 ? "retry" : augs_planner_why(planner));
    return fflush(stdout);
}

/* After a failed write: the error's number is lost by the time main closes stdout. */
static int writing_failed(int errnum)
{
    clearerr(stdout);
    return errnum == EPIPE ? EXIT_DONE /* the reader went away */
                           : complain(EXIT_FAILED, "writing to stdout: %s", strerror(errnum));
}

/* What the other side says is about the planner's epoch. */
typedef struct listener {
    augs_planner *planner;
    uint32_t epoch;
    unsigned long line; /* that was read last */
} listener;

/* Hands on what the other side says; an exit status. *ret_retry: a batch is given again. */
static int listen(listener *self, bool *ret_retry)
{
    augs_error error;
    feedback_line said;
    int status = feedback_line_read(stdin, &self->line, &said);
    if (status <= 0) {
        return status < 0 ? EXIT_DATA : EXIT_DONE;
    }
    said.feedback.epoch = self->epoch;
    status = augs_planner_observe(self->planner, &said.feedback, &error);
    if (status == AUGS_OK && said.retry) {
        status = augs_planner_retry(self->planner, said.feedback.step, said.feedback.part,
                                    said.most_samples, &error);
        *ret_retry = status == AUGS_OK;
    }
    return status < 0 ? complain(EXIT_DATA, "stdin, line %lu: %s", self->line, error.message)
                      : EXIT_DONE;
}

/* After the last span: what is still said of those before it. *ret_again: there are more. */
static int listen_late(listener *self, uint64_t n_lines, bool *ret_again)
{
    int result = EXIT_DONE;
    *ret_again = false;
    for (uint64_t i = 0; i < n_lines && result == EXIT_DONE && !*ret_again; i++) {
        result = listen(self, ret_again);
    }
    return result;
}

int command_plan(const arguments *of)
{
    augs_error error;
    augs_planner *planner = NULL;
    int result = open_planner(of, &planner);
    listener other = {.planner = planner, .epoch = (uint32_t)option_whole(of, OPT_EPOCH)};
    interrupt_watch(true, NULL, NULL);
    while (result == EXIT_DONE) {
        augs_span span;
        int status =
            interrupt_asked() ? AUGS_E_CANCELLED : augs_planner_next(planner, &span, &error);
        if (status == AUGS_E_CANCELLED) {
            result = complain(EXIT_PARTLY, "stopped after %" PRIu64 " steps",
                              augs_planner_step(planner));
        } else if (status < 0) {
            result = complain_error(&error);
        } else if (status == 0) {
            bool again = false;
            result = listen_late(&other, option_whole(of, OPT_LATE), &again);
            if (!again) {
                tell_left_out(of, augs_planner_n_left_out(planner));
                break;
            }
        } else if (print_span(planner, &span) != 0) {
            result = writing_failed(errno);
            break;
        } else {
            bool again = false;
            result = listen(&other, &again);
        }
    }
    augs_planner_free(planner);
    return result;
}
