/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/bench_consumer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/command_allocator.h"
#include "cli/exit_status.h"
#include "cli/stream_arguments.h"

/* Up to n decimal numbers with commas between them; returns how many, 0 if the text is something
 * else. */
static unsigned parse_numbers(const char *text, double *ret_numbers, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        char *end;
        ret_numbers[i] = strtod(text, &end);
        if (end == text || !(ret_numbers[i] >= 0 && ret_numbers[i] <= 1e18) ||
            (*end != ',' && *end != '\0')) {
            return 0;
        }
        if (*end == '\0') {
            return i + 1;
        }
        text = end + 1;
    }
    return 0;
}

static int read_costs(bench_job *job, const arguments *of)
{
    double seconds[4] = {0}, bytes[2] = {0};
    const char *text = option_text(of, OPT_COST);
    const unsigned n = parse_numbers(text, seconds, 4);
    if (n != 2 && n != 4) {
        return complain(EXIT_USAGE, "--cost '%s'; accepted: A,B or A,B,C,N0, numbers from 0 up",
                        text);
    }
    text = option_text(of, OPT_COST_BYTES);
    if (parse_numbers(text, bytes, 2) != 2) {
        return complain(EXIT_USAGE, "--cost-bytes '%s'; accepted: M0,M, numbers from 0 up", text);
    }
    job->a = seconds[0];
    job->b = seconds[1];
    job->c = seconds[2];
    job->n0 = seconds[3];
    job->m0 = bytes[0];
    job->m = bytes[1];
    return EXIT_DONE;
}

int bench_job_open(bench_job *job, const arguments *of)
{
    *job = (bench_job){.arguments = of, .n_samples = option_whole(of, OPT_SAMPLES)};
    int result = read_costs(job, of);
    return result != EXIT_DONE ? result
                               : open_preset(of, option_text(of, OPT_PRESET), &job->preset);
}

void bench_job_close(bench_job *job)
{
    augs_preset_unref(job->preset);
}

static uint64_t job_now(void *user)
{
    const bench_job *job = user;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec + job->passed_ns;
}

/* *ret_seconds: what the batch took, from the call for it on. */
static int consume(bench_job *job, augs_pipeline *pipeline, const augs_batch *batch,
                   uint64_t made_ns, double *ret_seconds, augs_error *error)
{
    const double n = (double)augs_batch_n_samples(batch);
    const double seconds = job->a + job->b * n + (n > job->n0 ? job->c * (n - job->n0) : 0);
    const double bytes = job->m0 + job->m * n;
    job->passed_ns += (uint64_t)((seconds < 1e9 ? seconds : 1e9) * 1e9);
    *ret_seconds = seconds + (double)made_ns * 1e-9;
    const augs_feedback feedback = {.size = sizeof feedback,
                                    .step = AUGS_STEP_LAST,
                                    .seconds = *ret_seconds,
                                    .bytes = bytes < 1e18 ? (uint64_t)bytes : UINT64_MAX};
    return augs_pipeline_observe(pipeline, &feedback, error);
}

/* Batch by batch; `first` is where it begins. The last one is the tail. */
static void count_batch(const bench_job *job, bench_result *result, uint64_t first, uint64_t n,
                        double seconds)
{
    const bool is_last = first + n >= job->n_samples;
    result->seconds += seconds;
    if (!is_last || result->most == 0) {
        result->least = result->least == 0 || n < result->least ? n : result->least;
        result->most = n > result->most ? n : result->most;
    }
    if (first >= job->n_samples / 2 && (!is_last || result->n_late_batches == 0)) {
        result->n_late_batches++;
        result->n_late_samples += n;
        result->late_seconds += seconds;
    }
}

static void judge(const bench_job *job, bench_result *result)
{
    const bool has_late = result->late_seconds > 0;
    const double all = (double)job->n_samples;
    result->late_rate = has_late ? (double)result->n_late_samples / result->late_seconds
                                 : all / (result->seconds > 0 ? result->seconds : 1e-9);
    result->late_size = has_late ? (double)result->n_late_samples / (double)result->n_late_batches
                                 : result->summary.mean_size;
    result->learning_seconds = fmax(0, result->seconds - all / result->late_rate);
}

static int run_batches(bench_job *job, augs_pipeline *pipeline, bench_result *result,
                       augs_error *error)
{
    uint64_t first = 0;
    for (;;) {
        augs_batch *batch = NULL;
        double seconds = 0;
        const uint64_t before = job_now(job);
        int status = augs_pipeline_next(pipeline, &batch, error);
        if (status <= 0) {
            return status;
        }
        const uint64_t n = augs_batch_n_samples(batch);
        status = consume(job, pipeline, batch, job_now(job) - before, &seconds, error);
        augs_batch_unref(batch);
        if (status < 0) {
            return status;
        }
        count_batch(job, result, first, n, seconds);
        first += n;
    }
}

int bench_job_run(bench_job *job, const augs_plan_options *plan, bench_result *ret_result)
{
    augs_error error;
    augs_stream *stream = NULL;
    augs_metrics *metrics = NULL;
    augs_pipeline *pipeline = NULL;
    const augs_metrics_options metrics_options = {
        .size = sizeof metrics_options, .capacity = 1, .allocator = command_allocator()};
    const augs_stream_options stream_options = {.size = sizeof stream_options,
                                                .order = AUGS_ORDER_SHUFFLED,
                                                .seed = option_whole(job->arguments, OPT_SEED),
                                                .n_samples = job->n_samples};
    augs_pipeline_options pipeline_options = {
        .size = sizeof pipeline_options, .plan = plan, .now_ns = job_now, .now_user = job};
    *ret_result = (bench_result){.summary = {.size = sizeof ret_result->summary}};
    int status = augs_stream_open(job->preset, &stream_options, &stream, &error);
    if (status == AUGS_OK) {
        status = augs_metrics_open(&metrics_options, &metrics, &error);
    }
    if (status == AUGS_OK) {
        pipeline_options.metrics = metrics;
        status = augs_pipeline_open(stream, &pipeline_options, &pipeline, &error);
    }
    if (status == AUGS_OK) {
        status = run_batches(job, pipeline, ret_result, &error);
    }
    augs_pipeline_free(pipeline); /* its last batch is in the metrics then */
    if (status == AUGS_OK) {
        augs_metrics_summarize(metrics, &ret_result->summary);
        judge(job, ret_result);
    }
    augs_metrics_free(metrics);
    augs_stream_unref(stream);
    return status < 0 ? complain_error(&error) : EXIT_DONE;
}
