/* SPDX-License-Identifier: Apache-2.0 */
/* A consumer for comparisons: batches are really made, its cost is a model that moves the clock. */
#ifndef AUGSTREAM_CLI_BENCH_CONSUMER_H
#define AUGSTREAM_CLI_BENCH_CONSUMER_H

#include <augstream/augstream.h>

#include "cli/options/options.h"

typedef struct bench_job {
    const arguments *arguments;
    augs_preset *preset;
    uint64_t n_samples;
    double a, b, c, n0; /* seconds of a batch of n: a + b n + c max(0, n - n0) */
    double m0, m;       /* bytes: m0 + m n */
    uint64_t passed_ns; /* of the model */
} bench_job;

/*
 * A strategy that learns pays for it at the start of a run, and a job is longer than a comparison.
 * So the second half of the samples is counted on its own: batches that begin there, without the
 * tail.
 */
typedef struct bench_result {
    augs_metrics_summary summary; /* of the whole run */
    uint64_t least, most;         /* sizes, the last batch left out */
    double seconds;               /* of the whole run */
    uint64_t n_late_batches, n_late_samples;
    double late_seconds;
    double late_rate;        /* samples per second; that of the run if no batch begins there */
    double late_size;        /* the mean */
    double learning_seconds; /* that the run took longer than at late_rate; 0 = none */
} bench_result;

/* Both return an exit status, after a message. */
int bench_job_open(bench_job *job, const arguments *of);
void bench_job_close(bench_job *job);
/* A fresh stream of n_samples in batches of that plan. */
int bench_job_run(bench_job *job, const augs_plan_options *plan, bench_result *ret_result);

#endif
