/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one call of the C library takes for a batch of 256, as a co-process for bench_python.py:
 * a line in, the nanoseconds per call of one round out.
 *
 *   gather PRESET CALLS    256 random sample ids into the caller's memory
 *   next PRESET CALLS      the next batch of a shuffled pipeline with batches of 256
 *
 * Nanoseconds are CPU time of the thread, so that a busy machine disturbs them less.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <augstream/augstream.h>

#define SEED 42u
#define N_SAMPLES 1281167u
#define BATCH 256u

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

_Noreturn static void die(const char *message)
{
    fprintf(stderr, "bench_batch: %s\n", message);
    exit(EXIT_FAILURE);
}

static augs_stream *open_stream(const char *name)
{
    augs_error error;
    augs_preset *preset = NULL;
    augs_stream *stream = NULL;
    augs_stream_options options = {
        .size = sizeof options, .seed = SEED, .n_samples = N_SAMPLES, .order = AUGS_ORDER_SHUFFLED};
    if (augs_preset_open(name, NULL, &preset, &error) < 0 ||
        augs_stream_open(preset, &options, &stream, &error) < 0) {
        die(error.message);
    }
    augs_preset_unref(preset);
    return stream;
}

static double round_gather(const char *name, uint32_t n_calls)
{
    uint64_t random = 1; /* bench_python.py draws the same sample ids */
    augs_error error;
    augs_stream *stream = open_stream(name);
    void *columns[AUGS_MAX_COLUMNS + 1];
    uint32_t n_columns = augs_stream_n_columns(stream);
    for (uint32_t i = 0; i < n_columns; i++) {
        size_t n_bytes = BATCH * augs_stream_column_bytes(stream, i);
        columns[i] = aligned_alloc(64, (n_bytes + 63) / 64 * 64);
        if (columns[i] == NULL) {
            die("no memory");
        }
        memset(columns[i], 0, n_bytes);
    }
    int64_t ids[BATCH];
    for (uint32_t i = 0; i < BATCH; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        ids[i] = (int64_t)((random >> 33) % N_SAMPLES);
    }
    double start = now_ns();
    for (uint32_t i = 0; i < n_calls; i++) {
        if (augs_stream_gather(stream, ids, BATCH, columns, &error) < 0) {
            die(error.message);
        }
    }
    double took = (now_ns() - start) / n_calls;
    for (uint32_t i = 0; i < n_columns; i++) {
        free(columns[i]);
    }
    augs_stream_unref(stream);
    return took;
}

static double round_next(const char *name, uint32_t n_calls)
{
    augs_error error;
    augs_stream *stream = open_stream(name);
    augs_plan_options plan;
    augs_pipeline_options options;
    augs_strategy_options sizes;
    augs_pipeline *pipeline = NULL;
    augs_plan_options_init(&plan);
    augs_pipeline_options_init(&options);
    augs_strategy_options_init(&sizes);
    sizes.batch_size = BATCH;
    plan.strategy_options = &sizes;
    options.plan = &plan;
    if (augs_pipeline_open(stream, &options, &pipeline, &error) < 0) {
        die(error.message);
    }
    double start = now_ns();
    for (uint32_t i = 0; i < n_calls; i++) {
        augs_batch *batch = NULL;
        if (augs_pipeline_next(pipeline, &batch, &error) != 1) {
            die("the stream has ended or failed");
        }
        augs_batch_unref(batch);
    }
    double took = (now_ns() - start) / n_calls;
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
    return took;
}

int main(void)
{
    char line[128], command[16], name[64];
    uint32_t n_calls;
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (sscanf(line, "%15s %63s %" SCNu32, command, name, &n_calls) != 3 || n_calls == 0) {
            die("a line is COMMAND PRESET CALLS");
        }
        double took = strcmp(command, "gather") == 0 ? round_gather(name, n_calls)
                                                     : round_next(name, n_calls);
        printf("%.1f\n", took);
        fflush(stdout);
    }
    return EXIT_SUCCESS;
}
