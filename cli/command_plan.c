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
static int read_stream(const arguments *of, augs_scheduler_options *scheduler_options,
                       augs_stream **ret_stream)
{
    static const enum option_id ids[] = {OPT_SEED, OPT_SHUFFLE, OPT_SET};
    if (!of->given[OPT_PRESET]) {
        for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
            if (of->given[ids[i]]) {
                return complain(EXIT_USAGE, "plan: --%s is of a stream; accepted with --preset P",
                                options[ids[i]]->name);
            }
        }
        return EXIT_DONE;
    }
    if (!of->given[OPT_SEED]) {
        return complain(EXIT_USAGE, "plan: --seed S is missing: --preset names a stream");
    }
    int result = open_stream(of, scheduler_options->n_samples, ret_stream);
    if (result == EXIT_DONE) {
        scheduler_options->fingerprint = augs_stream_fingerprint(*ret_stream);
        scheduler_options->sample_bytes = of->given[OPT_SAMPLE_BYTES]
                                              ? option_whole(of, OPT_SAMPLE_BYTES)
                                              : augs_stream_sample_bytes(*ret_stream);
    }
    return result;
}

static int open_scheduler(const arguments *of, augs_scheduler **ret_scheduler)
{
    augs_error error;
    augs_stream *stream = NULL;
    augs_strategy_options strategy_options;
    augs_plan_options plan;
    augs_scheduler_options scheduler_options = {
        .size = sizeof scheduler_options,
        .epoch = (uint32_t)option_whole(of, OPT_EPOCH),
        .sample_bytes = option_whole(of, OPT_SAMPLE_BYTES),
        .journal = option_text(of, OPT_JOURNAL),
        .replay = option_text(of, OPT_REPLAY),
        .allocator = command_allocator(),
    };
    int result = parse_samples(option_text(of, OPT_SAMPLES), &scheduler_options.n_samples);
    result = result == EXIT_DONE ? check_strategy_options(of) : result;
    result = result == EXIT_DONE ? read_stream(of, &scheduler_options, &stream) : result;
    if (result != EXIT_DONE) {
        return result;
    }
    read_plan(of, &strategy_options, &plan);
    scheduler_options.plan = &plan;
    plan.world_size = (uint32_t)option_whole(of, OPT_WORLD_SIZE);
    plan.tail = option_name_index(of, OPT_TAIL);
    if (augs_scheduler_open(&scheduler_options, ret_scheduler, &error) < 0) {
        result = complain_plan(of, &error);
    }
    augs_stream_unref(stream);
    return result;
}

static int print_span(const augs_scheduler *scheduler, const augs_span *span)
{
    const uint32_t part = augs_scheduler_part(scheduler);
    printf("{\"step\":%" PRIu64, augs_scheduler_last_step(scheduler));
    if (part != 0) {
        printf(",\"part\":%" PRIu32, part);
    }
    printf(",\"first\":%" PRIu64 ",\"stride\":%" PRIu64 ",\"count\":%" PRIu64, span->first,
           span->stride, span->count);
    if (augs_scheduler_n_padded(scheduler) != 0) {
        printf(",\"padded\":%" PRIu64, augs_scheduler_n_padded(scheduler));
    }
    printf(",\"why\":\"%s\"}\n", part != 0 ? "retry" : augs_scheduler_why(scheduler));
    return fflush(stdout);
}

/* After a failed write: the error's number is lost by the time main closes stdout. */
static int writing_failed(int errnum)
{
    clearerr(stdout);
    return errnum == EPIPE ? EXIT_DONE /* the reader went away */
                           : complain(EXIT_FAILED, "writing to stdout: %s", strerror(errnum));
}

/* What the other side says is about the scheduler's epoch. */
typedef struct listener {
    augs_scheduler *scheduler;
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
    status = augs_scheduler_observe(self->scheduler, &said.feedback, &error);
    if (status == AUGS_OK && said.retry) {
        status = augs_scheduler_retry(self->scheduler, said.feedback.step, said.feedback.part,
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
    augs_scheduler *scheduler = NULL;
    int result = open_scheduler(of, &scheduler);
    listener other = {.scheduler = scheduler, .epoch = (uint32_t)option_whole(of, OPT_EPOCH)};
    interrupt_watch(true, NULL, NULL);
    while (result == EXIT_DONE) {
        augs_span span;
        int status =
            interrupt_asked() ? AUGS_E_CANCELLED : augs_scheduler_next(scheduler, &span, &error);
        if (status == AUGS_E_CANCELLED) {
            result = complain(EXIT_PARTLY, "stopped after %" PRIu64 " steps",
                              augs_scheduler_step(scheduler));
        } else if (status < 0) {
            result = complain_error(&error);
        } else if (status == 0) {
            bool again = false;
            result = listen_late(&other, option_whole(of, OPT_LATE), &again);
            if (!again) {
                tell_left_out(of, augs_scheduler_n_left_out(scheduler));
                break;
            }
        } else if (print_span(scheduler, &span) != 0) {
            result = writing_failed(errno);
            break;
        } else {
            bool again = false;
            result = listen(&other, &again);
        }
    }
    augs_scheduler_free(scheduler);
    return result;
}
