/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a decision costs beside the batch: a reading of the memory monitor, a step of each strategy
 * with feedback, the note in the metrics, the line in a journal (in a folder that is given, with
 * its sync). Each figure is a JSON object on a line: the median of single calls, its quartiles, and
 * what 99 % of the calls stay below.
 *
 *   bench_decisions [FOLDER]
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <augstream/augstream.h>

enum { CALLS = 20000, JOURNAL_CALLS = 500 };

static double times[CALLS];

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec * 1e-3;
}

_Noreturn static void die(const augs_error *error)
{
    fprintf(stderr, "bench_decisions: %s\n", error->message);
    exit(EXIT_FAILURE);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void tell(const char *figure, size_t n)
{
    qsort(times, n, sizeof times[0], by_value);
    printf("{\"figure\":\"%s\",\"unit\":\"us per "
           "call\",\"value\":%.3f,\"quartiles\":[%.3f,%.3f],\"p99\":%."
           "3f,\"runs\":%zu}\n",
           figure, times[n / 2], times[n / 4], times[n * 3 / 4], times[n * 99 / 100], n);
}

static void monitor(void)
{
    augs_error error;
    augs_memory_monitor *opened = NULL;
    augs_memory_snapshot now = {.size = sizeof now};
    if (augs_memory_monitor_open(NULL, &opened, &error) < 0) {
        die(&error);
    }
    for (size_t i = 0; i < CALLS; i++) {
        const double start = now_us();
        augs_memory_monitor_read_now(opened, &now, NULL);
        times[i] = now_us() - start;
    }
    tell("monitor_reading", CALLS);
    for (size_t i = 0; i < CALLS; i++) {
        const double start = now_us();
        augs_memory_monitor_read(opened, &now, NULL);
        times[i] = now_us() - start;
    }
    tell("monitor_kept", CALLS);
    augs_memory_monitor_free(opened);
}

/* A consumer whose throughput has a knee at 500, with 5 % of noise. */
static double seconds_of(uint64_t n, uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    const double noise = 0.95 + 0.1 * (double)(*random >> 11) * 0x1p-53;
    return (0.05 + 1e-4 * (double)n + (n > 500 ? 1e-3 * (double)(n - 500) : 0)) * noise;
}

static void scheduler(const char *strategy, const char *journal, size_t n_calls)
{
    augs_error error;
    augs_scheduler *opened = NULL;
    uint64_t random = 1;
    const augs_plan_options plan = {.size = sizeof plan, .strategy = strategy};
    const augs_scheduler_options options = {
        .size = sizeof options, .n_samples = AUGS_ENDLESS, .plan = &plan, .journal = journal};
    if (augs_scheduler_open(&options, &opened, &error) < 0) {
        die(&error);
    }
    for (size_t i = 0; i < n_calls; i++) {
        augs_span span;
        const double start = now_us();
        if (augs_scheduler_next(opened, &span, &error) < 0) {
            die(&error);
        }
        double passed = now_us() - start;
        const augs_feedback feedback = {.size = sizeof feedback,
                                        .step = AUGS_STEP_LAST,
                                        .seconds = seconds_of(span.count, &random),
                                        .bytes = 1000 * span.count};
        const double again = now_us();
        augs_scheduler_observe(opened, &feedback, NULL);
        passed += now_us() - again;
        times[i] = passed;
    }
    char what[80];
    snprintf(what, sizeof what, "%s%s", strategy, journal != NULL ? "_journal" : "");
    tell(what, n_calls);
    augs_scheduler_free(opened);
}

static void metrics(void)
{
    augs_error error;
    augs_metrics *opened = NULL;
    const augs_batch_metrics batch = {
        .size = sizeof batch, .n_samples = 32, .seconds = 0.01, .why = "fixed"};
    if (augs_metrics_open(NULL, &opened, &error) < 0) {
        die(&error);
    }
    for (size_t i = 0; i < CALLS; i++) {
        const double start = now_us();
        augs_metrics_add(opened, &batch);
        times[i] = now_us() - start;
    }
    tell("metrics", CALLS);
    augs_metrics_free(opened);
}

int main(int argc, char **argv)
{
    char path[4096];
    if (argc > 2) {
        fprintf(stderr, "usage: bench_decisions [FOLDER]\n");
        return 2;
    }
    monitor();
    for (uint32_t i = 0; i < augs_strategy_count(); i++) {
        const char *name = augs_strategy_name(i);
        const augs_strategy_ops *ops = NULL;
        if (augs_strategy_find(name, &ops, NULL) == AUGS_OK &&
            (ops->flags & AUGS_STRATEGY_FIXED) == 0) {
            scheduler(name, NULL, CALLS);
        }
    }
    metrics();
    snprintf(path, sizeof path, "%s/bench-decisions-%ld.jsonl", argc == 2 ? argv[1] : ".",
             (long)getpid());
    scheduler("adaptive", path, JOURNAL_CALLS);
    unlink(path);
    return EXIT_SUCCESS;
}
