/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling and gathering, as a co-process: a line in, the nanoseconds of one round out, so that a
 * peer can be measured in turn (bench_fill.py). Nanoseconds are CPU time of the thread, so that a
 * busy machine disturbs them less.
 *
 *   uniform LEVEL N    one uniform f32 column, N consecutive samples: ns per value
 *   gather LEVEL N     N random sample ids over 16 uniform columns: ns per record
 *   preset NAME N      N shuffled records of a shipped preset: ns per record
 *
 * LEVEL is "best", or a name that augs_simd_select takes.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <augstream/augstream.h>

#define N_COLUMNS 16u
#define SEED 20261121u

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

_Noreturn static void die(const augs_error *error)
{
    fprintf(stderr, "bench_fill: %s\n", error->message);
    exit(EXIT_FAILURE);
}

static void *new_bytes(size_t n_bytes)
{
    void *p = aligned_alloc(64, (n_bytes + 63) / 64 * 64);
    if (p == NULL) {
        fprintf(stderr, "bench_fill: no memory for %zu bytes\n", n_bytes);
        exit(EXIT_FAILURE);
    }
    memset(p, 0, n_bytes);
    return p;
}

static augs_stream *open_uniform(uint32_t n_columns)
{
    char names[N_COLUMNS][16];
    augs_column_info infos[N_COLUMNS];
    for (uint32_t i = 0; i < n_columns; i++) {
        snprintf(names[i], sizeof names[i], i == 0 ? "rotation" : "column%u", i);
        infos[i] = (augs_column_info){.size = sizeof infos[i],
                                      .kind = AUGS_KIND_UNIFORM,
                                      .shape = 1,
                                      .numbers = {-30, 30},
                                      .gate = AUGS_NO_GATE,
                                      .name = names[i]};
    }
    augs_error error;
    augs_preset *preset = NULL;
    augs_stream *stream = NULL;
    augs_stream_options options = {.size = sizeof options, .seed = SEED, .n_samples = AUGS_ENDLESS};
    if (augs_preset_open_columns("bench", infos, n_columns, sizeof infos[0], NULL, &preset,
                                 &error) < 0 ||
        augs_stream_open(preset, &options, &stream, &error) < 0) {
        die(&error);
    }
    augs_preset_unref(preset);
    return stream;
}

static double round_uniform(uint64_t n, float *values)
{
    static augs_stream *stream;
    augs_error error;
    if (stream == NULL) {
        stream = open_uniform(1);
    }
    void *columns[2] = {NULL, values};
    const augs_span span = {0, 1, n};
    double start = now_ns();
    if (augs_stream_fill(stream, &span, columns, &error) < 0) {
        die(&error);
    }
    return (now_ns() - start) / (double)n;
}

static double round_gather(uint64_t n, int64_t *ids, char *records)
{
    static augs_stream *stream;
    static uint64_t random = 1;
    augs_error error;
    if (stream == NULL) {
        stream = open_uniform(N_COLUMNS);
    }
    void *columns[N_COLUMNS + 1] = {NULL};
    for (uint32_t i = 0; i < N_COLUMNS; i++) {
        columns[i + 1] = records + i * n * sizeof(float);
    }
    for (uint64_t i = 0; i < n; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        ids[i] = (int64_t)(random >> 40); /* 24 bits: an ImageNet and more */
    }
    double start = now_ns();
    if (augs_stream_gather(stream, ids, n, columns, &error) < 0) {
        die(&error);
    }
    return (now_ns() - start) / (double)n;
}

static double round_preset(const char *name, uint64_t n)
{
    augs_error error;
    augs_preset *preset = NULL;
    augs_stream *stream = NULL;
    augs_stream_options options = {
        .size = sizeof options, .seed = SEED, .n_samples = 1281167, .order = AUGS_ORDER_SHUFFLED};
    if (augs_preset_open(name, NULL, &preset, &error) < 0 ||
        augs_stream_open(preset, &options, &stream, &error) < 0) {
        die(&error);
    }
    void *columns[AUGS_MAX_COLUMNS + 1];
    for (uint32_t i = 0; i < augs_stream_n_columns(stream); i++) {
        columns[i] = new_bytes(n * augs_stream_column_bytes(stream, i));
    }
    const augs_span span = {0, 1, n};
    double start = now_ns();
    if (augs_stream_fill(stream, &span, columns, &error) < 0) {
        die(&error);
    }
    double took = (now_ns() - start) / (double)n;
    for (uint32_t i = 0; i < augs_stream_n_columns(stream); i++) {
        free(columns[i]);
    }
    augs_stream_unref(stream);
    augs_preset_unref(preset);
    return took;
}

int main(void)
{
    enum { MOST = 1 << 20 };
    float *values = new_bytes(MOST * sizeof(float));
    int64_t *ids = new_bytes(MOST * sizeof(int64_t));
    char *records = new_bytes((size_t)MOST * N_COLUMNS * sizeof(float));
    char line[128], command[16], word[64];
    uint64_t n;
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (sscanf(line, "%15s %63s %" SCNu64, command, word, &n) != 3 || n == 0 || n > MOST) {
            fprintf(stderr, "bench_fill: '%s' is not COMMAND WORD N with N up to %d\n", line, MOST);
            return EXIT_FAILURE;
        }
        bool is_preset = strcmp(command, "preset") == 0;
        if (!is_preset && augs_simd_select(strcmp(word, "best") == 0 ? NULL : word) < 0) {
            printf("nan\n");
        } else if (is_preset) {
            printf("%.4f\n", round_preset(word, n));
        } else if (strcmp(command, "uniform") == 0) {
            double took = round_uniform(n, values);
            printf("%.4f %a %a\n", took, (double)values[0], (double)values[n - 1]);
        } else {
            printf("%.4f\n", round_gather(n, ids, records));
        }
        fflush(stdout);
    }
    free(values);
    free(ids);
    free(records);
    return EXIT_SUCCESS;
}
