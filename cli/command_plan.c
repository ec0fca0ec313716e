/* SPDX-License-Identifier: Apache-2.0 */
/* A strategy as a co-process: a span out, a line of feedback in. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <augstream/augstream.h>

#include "command_allocator.h"
#include "exit_status.h"
#include "feedback_line.h"
#include "interrupt.h"
#include "stream_arguments.h"

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
    read_plan(of, &strategy_options, &planner_options.plan);
    planner_options.plan.world_size = (uint32_t)option_whole(of, OPT_WORLD_SIZE);
    if (augs_planner_open(&planner_options, ret_planner, &error) < 0) {
        result = complain_plan(of, &error);
    }
    augs_stream_unref(stream);
    return result;
}

static int print_span(const augs_planner *planner, const augs_span *span)
{
    printf("{\"step\":%" PRIu64 ",\"first\":%" PRIu64 ",\"stride\":%" PRIu64 ",\"count\":%" PRIu64
           ",\"why\":\"%s\"}\n",
           augs_planner_step(planner) - 1, span->first, span->stride, span->count,
           augs_planner_why(planner));
    return fflush(stdout);
}

/* After a failed write: the error's number is lost by the time main closes stdout. */
static int writing_failed(int errnum)
{
    clearerr(stdout);
    return errnum == EPIPE ? EXIT_DONE /* the reader went away */
                           : complain(EXIT_FAILED, "writing to stdout: %s", strerror(errnum));
}

/* Hands on what the other side says; an exit status. */
static int listen(augs_planner *planner, unsigned long *line)
{
    augs_error error;
    augs_feedback feedback;
    int status = feedback_line_read(stdin, line, &feedback);
    if (status <= 0) {
        return status < 0 ? EXIT_DATA : EXIT_DONE;
    }
    return augs_planner_observe(planner, &feedback, &error) < 0 ? complain_error(&error)
                                                                : EXIT_DONE;
}

int command_plan(const arguments *of)
{
    augs_error error;
    augs_planner *planner = NULL;
    unsigned long line = 0;
    int result = open_planner(of, &planner);
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
            break;
        } else if (print_span(planner, &span) != 0) {
            result = writing_failed(errno);
            break;
        } else {
            result = listen(planner, &line);
        }
    }
    augs_planner_free(planner);
    return result;
}
