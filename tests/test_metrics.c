/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of a run: the ring, the summary against exact figures, the file. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <augstream/memory_monitor.h>
#include <augstream/metrics.h>
#include <jansson.h>

#include "base/memory.h"
#include "suite.h"

static augs_error error;

static augs_metrics *open_metrics(uint32_t capacity)
{
    augs_metrics *metrics = NULL;
    const augs_metrics_options options = {.size = sizeof options, .capacity = capacity};
    AUGS_ASSERT_OK(augs_metrics_open(&options, &metrics, &error), error);
    return metrics;
}

static void add(augs_metrics *metrics, uint64_t step, uint64_t n_samples, double seconds)
{
    const augs_batch_metrics batch = {.size = sizeof batch,
                                      .step = step,
                                      .n_samples = n_samples,
                                      .seconds = seconds,
                                      .why = "fixed"};
    augs_metrics_add(metrics, &batch);
}

static augs_metrics_summary summarize(const augs_metrics *metrics)
{
    augs_metrics_summary summary = {.size = sizeof summary};
    augs_metrics_summarize(metrics, &summary);
    return summary;
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state ^ (*state >> 33);
}

static double uniform(uint64_t *state)
{
    return (double)(next_random(state) >> 11) * 0x1p-53;
}

/* ---- ring ---- */

START_TEST(the_ring_keeps_the_last_ones_oldest_first)
{
    augs_metrics *metrics = open_metrics(5);
    augs_batch_metrics batch = {.size = sizeof batch};
    ck_assert_uint_eq(augs_metrics_n_held(metrics), 0);
    AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_metrics_get_batch(metrics, 0, &batch, &error), error);
    for (uint64_t step = 0; step < 23; step++) {
        add(metrics, step, 10 + step, 0.5);
        uint32_t n_held = step < 5 ? (uint32_t)step + 1 : 5;
        ck_assert_uint_eq(augs_metrics_n_held(metrics), n_held);
        for (uint32_t i = 0; i < n_held; i++) {
            AUGS_ASSERT_OK(augs_metrics_get_batch(metrics, i, &batch, &error), error);
            ck_assert_uint_eq(batch.step, step + 1 - n_held + i);
            ck_assert_uint_eq(batch.n_samples, 10 + batch.step);
            ck_assert_str_eq(batch.why, "fixed");
        }
        AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_metrics_get_batch(metrics, n_held, &batch, &error),
                           error);
    }
    batch.size = 4;
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_metrics_get_batch(metrics, 0, &batch, &error), error);
    ck_assert_uint_eq(summarize(metrics).n_batches, 23);
    augs_metrics_free(metrics);
}
END_TEST

START_TEST(what_is_no_batch_is_left_out)
{
    augs_metrics *metrics = open_metrics(0);
    augs_batch_metrics batch = {.size = 8, .n_samples = 5};
    augs_metrics_add(metrics, &batch);
    augs_metrics_add(metrics, NULL);
    augs_metrics_add(NULL, &batch);
    ck_assert_uint_eq(augs_metrics_n_held(metrics), 0);
    ck_assert_uint_eq(augs_metrics_n_held(NULL), 0);
    batch.size = sizeof batch;
    memset(batch.why, 'w', sizeof batch.why); /* without its NUL */
    augs_metrics_add(metrics, &batch);
    AUGS_ASSERT_OK(augs_metrics_get_batch(metrics, 0, &batch, &error), error);
    ck_assert_str_eq(batch.why, "wwwwwwwwwwwwwww");
    augs_metrics_free(metrics);
    augs_metrics_free(NULL);
}
END_TEST

START_TEST(arguments_are_checked)
{
    augs_metrics *metrics = NULL;
    augs_metrics_options options = {.size = 4};
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_metrics_open(&options, &metrics, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_metrics_open(NULL, NULL, &error), error);
    AUGS_ASSERT_OK(augs_metrics_open(NULL, &metrics, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_metrics_save(metrics, "", &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_metrics_save(metrics, NULL, &error), error);
    augs_metrics_free(metrics);
}
END_TEST

typedef struct counter {
    int n_calls, fail_at;
    long n_held;
} counter;

static void *count_allocate(void *user, size_t n_bytes, size_t alignment)
{
    counter *self = user;
    if (self->fail_at == self->n_calls++) {
        return NULL;
    }
    self->n_held++;
    return augsi_default_allocator.allocate(NULL, n_bytes, alignment);
}

static void count_release(void *user, void *p, size_t n_bytes)
{
    ((counter *)user)->n_held--;
    augsi_default_allocator.release(NULL, p, n_bytes);
}

START_TEST(adding_allocates_nothing_and_a_failing_allocator_is_told)
{
    for (int fail_at = -1; fail_at < 2; fail_at++) {
        counter count = {.fail_at = fail_at};
        const augs_allocator allocator = {.size = sizeof allocator,
                                          .allocate = count_allocate,
                                          .release = count_release,
                                          .user = &count};
        const augs_metrics_options options = {
            .size = sizeof options, .capacity = 100, .allocator = &allocator};
        augs_metrics *metrics = NULL;
        int status = augs_metrics_open(&options, &metrics, &error);
        ck_assert_int_eq(status, fail_at < 0 ? 0 : AUGS_E_NO_MEMORY);
        if (status == 0) {
            int n_calls = count.n_calls;
            for (uint64_t step = 0; step < 1000; step++) {
                add(metrics, step, step * step, (double)step);
            }
            summarize(metrics);
            ck_assert_int_eq(count.n_calls, n_calls);
            count.fail_at = count.n_calls;
            ck_assert_int_eq(augs_metrics_save(metrics, "never.jsonl", &error), AUGS_E_NO_MEMORY);
            ck_assert_ptr_nonnull(strstr(error.message, "never.jsonl"));
            ck_assert_int_ne(access("never.jsonl", F_OK), 0);
            augs_metrics_free(metrics);
        } else {
            ck_assert_ptr_null(metrics);
        }
        ck_assert_int_eq(count.n_held, 0);
    }
}
END_TEST

/* ---- summary ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double nearest_rank(const double *sorted, size_t n, size_t percent)
{
    return sorted[(n * percent + 99) / 100 - 1];
}

static void assert_near(double got, double exact)
{
    ck_assert_msg(fabs(got - exact) <= 0.01 * exact, "%.17g is not within 1 %% of %.17g", got,
                  exact);
}

START_TEST(percentiles_are_within_one_percent_of_the_exact_ones)
{
    static double seconds[20000];
    const size_t n_most = getenv("AUGS_TEST_SMALL") != NULL ? 2000 : 20000;
    uint64_t state = 11;
    for (int scale = -6; scale <= 4; scale++) {
        for (size_t n = 1; n <= n_most; n = n * 3 + 1) {
            augs_metrics *metrics = open_metrics(3);
            double sum = 0;
            for (size_t i = 0; i < n; i++) { /* over four octaves and more */
                seconds[i] = pow(10, scale) * exp2(8 * uniform(&state) * uniform(&state));
                sum += seconds[i];
                add(metrics, i, 7, seconds[i]);
            }
            qsort(seconds, n, sizeof seconds[0], by_value);
            augs_metrics_summary summary = summarize(metrics);
            assert_near(summary.p50_seconds, nearest_rank(seconds, n, 50));
            assert_near(summary.p95_seconds, nearest_rank(seconds, n, 95));
            assert_near(summary.p99_seconds, nearest_rank(seconds, n, 99));
            ck_assert_double_eq(summary.seconds, sum);
            ck_assert_double_eq(summary.mean_seconds, sum / (double)n);
            ck_assert_double_eq(summary.mean_throughput, 7 * (double)n / sum);
            augs_metrics_free(metrics);
        }
    }
}
END_TEST

START_TEST(seconds_beyond_the_histogram_are_as_exact_as_can_be)
{
    augs_metrics *metrics = open_metrics(0);
    add(metrics, 0, 1, 0);
    add(metrics, 1, 1, 1e-12);
    ck_assert_double_eq(summarize(metrics).p50_seconds, 0);
    for (uint64_t i = 0; i < 10; i++) {
        add(metrics, i, 1, 1e300);
    }
    ck_assert_double_eq(summarize(metrics).p50_seconds, 1e300);
    augs_metrics_free(metrics);
}
END_TEST

START_TEST(cpu_time_is_compared_with_the_seconds_of_the_same_batches)
{
    const double cpu[] = {3, 1, NAN, -1, INFINITY, 9}, seconds[] = {2, 2, 2, 2, 2, NAN};
    augs_metrics *metrics = open_metrics(0);
    ck_assert_double_nan(summarize(metrics).mean_cpus);
    for (size_t i = 0; i < 6; i++) {
        augs_batch_metrics batch = {.size = sizeof batch,
                                    .n_samples = 1,
                                    .seconds = seconds[i],
                                    .cpu_seconds = cpu[i],
                                    .resident_bytes = 10 * (7 - i)};
        augs_metrics_add(metrics, &batch);
    }
    ck_assert_double_eq(summarize(metrics).cpu_seconds, 4);
    ck_assert_double_eq(summarize(metrics).mean_cpus, 1);
    ck_assert_uint_eq(summarize(metrics).peak_resident_bytes, 70);
    augs_metrics_free(metrics);
}
END_TEST

START_TEST(batches_without_seconds_count_but_are_not_timed)
{
    augs_metrics *metrics = open_metrics(0);
    const double unknown[] = {NAN, -1, INFINITY, -INFINITY};
    for (size_t i = 0; i < 4; i++) {
        augs_batch_metrics batch = {
            .size = sizeof batch, .n_samples = 100, .seconds = unknown[i], .bytes = 10 + i};
        augs_metrics_add(metrics, &batch);
    }
    augs_metrics_summary summary = summarize(metrics);
    ck_assert_uint_eq(summary.n_batches, 4);
    ck_assert_uint_eq(summary.n_timed, 0);
    ck_assert_uint_eq(summary.n_samples, 400);
    ck_assert_double_eq(summary.mean_size, 100);
    ck_assert_double_eq(summary.seconds, 0);
    ck_assert_double_nan(summary.mean_seconds);
    ck_assert_double_nan(summary.mean_throughput);
    ck_assert_double_nan(summary.p50_seconds);
    ck_assert_double_nan(summary.best_throughput);
    ck_assert_uint_eq(summary.best_size, 0);
    ck_assert_uint_eq(summary.peak_bytes, 13);
    add(metrics, 4, 50, 2);
    summary = summarize(metrics);
    ck_assert_uint_eq(summary.n_timed, 1);
    ck_assert_double_eq(summary.mean_throughput, 25);
    ck_assert_double_eq(summary.mean_size, 90);
    ck_assert_uint_eq(summary.best_size, 50);
    augs_metrics_free(metrics);
}
END_TEST

START_TEST(a_summary_of_nothing_says_so)
{
    augs_metrics *metrics = open_metrics(0);
    augs_metrics_summary summary = summarize(metrics);
    ck_assert_uint_eq(summary.n_batches, 0);
    ck_assert_double_nan(summary.mean_size);
    ck_assert_uint_eq(summary.best_size, 0);
    summary = (augs_metrics_summary){.size = 8, .n_batches = 77};
    augs_metrics_summarize(metrics, &summary);
    ck_assert_uint_eq(summary.n_batches, 77);
    augs_metrics_free(metrics);
}
END_TEST

START_TEST(the_best_size_is_the_fastest_that_was_seen_three_times)
{
    augs_metrics *metrics = open_metrics(2);
    for (uint64_t i = 0; i < 3; i++) {
        add(metrics, i, 16, 16 / 100.0);
        add(metrics, i, 64, 64 / 400.0);
        add(metrics, i, 256, 256 / 300.0);
    }
    add(metrics, 9, 128, 128 / 9000.0); /* twice only: luck */
    add(metrics, 9, 128, 128 / 9000.0);
    augs_metrics_summary summary = summarize(metrics);
    ck_assert_uint_eq(summary.best_size, 64);
    ck_assert_double_eq_tol(summary.best_throughput, 400, 1e-9);
    augs_metrics_free(metrics);

    metrics = open_metrics(2); /* none was: the fastest of all */
    add(metrics, 0, 16, 16 / 100.0);
    add(metrics, 1, 64, 64 / 400.0);
    add(metrics, 2, 256, 256 / 300.0);
    ck_assert_uint_eq(summarize(metrics).best_size, 64);
    augs_metrics_free(metrics);
}
END_TEST

START_TEST(sizes_within_three_percent_are_taken_together)
{
    augs_metrics *metrics = open_metrics(2);
    const uint64_t sizes[] = {1000, 1008, 1008, 1030, 1031};
    for (size_t i = 0; i < 5; i++) {
        add(metrics, i, sizes[i], (double)sizes[i] / (sizes[i] == 1031 ? 9000 : 500));
    }
    for (uint64_t i = 0; i < 3; i++) {
        add(metrics, i, 32, 32 / 100.0);
        add(metrics, i, 33, 33 / 200.0); /* 3.1 % more */
    }
    augs_metrics_summary summary = summarize(metrics);
    ck_assert_uint_eq(summary.best_size, 1008); /* 1031, not within 3 % of 1000, was seen once */
    ck_assert_double_eq_tol(summary.best_throughput, 500, 1e-6);
    augs_metrics_free(metrics);

    metrics = open_metrics(2);
    add(metrics, 0, UINT64_MAX, 1e3); /* sums do not wrap */
    add(metrics, 1, UINT64_MAX, 1e3);
    add(metrics, 2, 0, 1);
    summary = summarize(metrics);
    ck_assert_uint_eq(summary.best_size, UINT64_MAX);
    ck_assert_uint_eq(summary.n_samples, UINT64_MAX);
    augs_metrics_free(metrics);
}
END_TEST

START_TEST(the_best_size_is_a_size_that_was_seen)
{
    for (uint64_t size = 1; size < ((uint64_t)1 << 38); size += 1 + size / 3) {
        augs_metrics *metrics = open_metrics(1);
        for (uint64_t i = 0; i < 3; i++) {
            add(metrics, i, size, 1e-6);
            add(metrics, i, size * 2, 1);
            add(metrics, i, size / 2, 1);
        }
        ck_assert_uint_eq(summarize(metrics).best_size, size);
        augs_metrics_free(metrics);
    }
}
END_TEST

/* ---- file ---- */

static char folder[64];

/* A folder of its own, which the process then stands in. */
static void enter_folder(void)
{
    snprintf(folder, sizeof folder, "metrics-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static void leave_folder(void)
{
    ck_assert_int_eq(chdir(".."), 0);
    ck_assert_int_eq(rmdir(folder), 0); /* nothing was left behind */
}

static json_t *read_line(FILE *file)
{
    char line[1024];
    ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
    ck_assert_int_eq(line[strlen(line) - 1], '\n');
    json_error_t fault;
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &fault);
    ck_assert_msg(object != NULL, "%s: %s", fault.text, line);
    return object;
}

START_TEST(a_bare_file_name_works_and_every_line_is_json)
{
    enter_folder();
    augs_metrics *metrics = open_metrics(3);
    add(metrics, 0, 8, 0.25);
    augs_batch_metrics batch = {.size = sizeof batch,
                                .epoch = 2,
                                .step = 1,
                                .n_samples = 32,
                                .seconds = 0.125,
                                .bytes = 1234,
                                .available_bytes = UINT64_MAX / 4,
                                .level = AUGS_MEMORY_HIGH,
                                .why = "say \"hm\"\n",
                                .cpu_seconds = 0.25,
                                .resident_bytes = 5000,
                                .allocated_bytes = 4000};
    augs_metrics_add(metrics, &batch);
    batch = (augs_batch_metrics){.size = sizeof batch,
                                 .step = 2,
                                 .n_samples = 16,
                                 .seconds = NAN,
                                 .available_bytes = UINT64_MAX,
                                 .why = "fixed",
                                 .cpu_seconds = -1};
    augs_metrics_add(metrics, &batch);
    add(metrics, 3, 16, 0);
    AUGS_ASSERT_OK(augs_metrics_save(metrics, "m.jsonl", &error), error);
    AUGS_ASSERT_OK(augs_metrics_save(metrics, "m.jsonl", &error), error); /* and again */

    FILE *file = fopen("m.jsonl", "r");
    ck_assert_ptr_nonnull(file);
    json_t *line = read_line(file);
    ck_assert_int_eq(json_integer_value(json_object_get(line, "epoch")), 2);
    ck_assert_int_eq(json_integer_value(json_object_get(line, "step")), 1);
    ck_assert_int_eq(json_integer_value(json_object_get(line, "n_samples")), 32);
    ck_assert_double_eq(json_real_value(json_object_get(line, "seconds")), 0.125);
    ck_assert_double_eq(json_real_value(json_object_get(line, "samples_per_second")), 256);
    ck_assert_int_eq(json_integer_value(json_object_get(line, "bytes")), 1234);
    ck_assert_int_eq(json_integer_value(json_object_get(line, "available_bytes")), INT64_MAX / 2);
    ck_assert_str_eq(json_string_value(json_object_get(line, "level")), "high");
    ck_assert_str_eq(json_string_value(json_object_get(line, "why")), "say \"hm\"\n");
    ck_assert_double_eq(json_real_value(json_object_get(line, "cpu_seconds")), 0.25);
    ck_assert_int_eq(json_integer_value(json_object_get(line, "resident_bytes")), 5000);
    ck_assert_int_eq(json_integer_value(json_object_get(line, "allocated_bytes")), 4000);
    ck_assert_uint_eq(json_object_size(line), 12);
    json_decref(line);
    line = read_line(file);
    static const char *const unknown[] = {"seconds",         "samples_per_second", "bytes",
                                          "available_bytes", "cpu_seconds",        "resident_bytes",
                                          "allocated_bytes"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        ck_assert(json_is_null(json_object_get(line, unknown[i])));
    }
    ck_assert_str_eq(json_string_value(json_object_get(line, "level")), "normal");
    json_decref(line);
    line = read_line(file);
    ck_assert(json_is_null(json_object_get(line, "samples_per_second")));
    json_decref(line);
    line = read_line(file);
    json_t *summary = json_object_get(line, "summary");
    ck_assert_int_eq(json_integer_value(json_object_get(summary, "n_batches")), 4);
    ck_assert_int_eq(json_integer_value(json_object_get(summary, "n_timed")), 3);
    ck_assert_int_eq(json_integer_value(json_object_get(summary, "n_samples")), 72);
    ck_assert_double_eq(json_real_value(json_object_get(summary, "mean_size")), 18);
    ck_assert_int_eq(json_integer_value(json_object_get(summary, "peak_bytes")), 1234);
    ck_assert_int_eq(json_integer_value(json_object_get(summary, "peak_resident_bytes")), 5000);
    json_decref(line);
    ck_assert_int_eq(fgetc(file), EOF);
    fclose(file);
    ck_assert_int_eq(unlink("m.jsonl"), 0);
    augs_metrics_free(metrics);
    leave_folder();
}
END_TEST

START_TEST(nothing_measured_saves_nulls)
{
    enter_folder();
    augs_metrics *metrics = open_metrics(3);
    AUGS_ASSERT_OK(augs_metrics_save(metrics, "./m.jsonl", &error), error);
    FILE *file = fopen("m.jsonl", "r");
    json_t *line = read_line(file);
    json_t *summary = json_object_get(line, "summary");
    ck_assert(json_is_null(json_object_get(summary, "mean_seconds")));
    ck_assert(json_is_null(json_object_get(summary, "best_size")));
    ck_assert(json_is_null(json_object_get(summary, "p99_seconds")));
    json_decref(line);
    fclose(file);
    unlink("m.jsonl");
    augs_metrics_free(metrics);
    leave_folder();
}
END_TEST

static size_t file_bytes(const char *path)
{
    struct stat facts;
    ck_assert_int_eq(stat(path, &facts), 0);
    return (size_t)facts.st_size;
}

START_TEST(errors_name_the_path_and_leave_the_old_file)
{
    enter_folder();
    augs_metrics *metrics = open_metrics(0);
    for (uint64_t i = 0; i < 4096; i++) {
        add(metrics, i, i, 0.001 * (double)i);
    }
    AUGS_ASSERT_STATUS(AUGS_E_IO, augs_metrics_save(metrics, "no/such/folder.jsonl", &error),
                       error);
    ck_assert_ptr_nonnull(strstr(error.message, "'no/such/folder.jsonl': No such file"));
    AUGS_ASSERT_STATUS(AUGS_E_IO, augs_metrics_save(metrics, ".", &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "'.': Is a directory"));
    AUGS_ASSERT_STATUS(AUGS_E_NO_SPACE, augs_metrics_save(metrics, "/dev/full", &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "'/dev/full'"));
    AUGS_ASSERT_OK(augs_metrics_save(metrics, "/dev/null", &error), error);

    /* a file may have 100,000 bytes: the write fails half-way */
    FILE *old = fopen("m.jsonl", "w");
    fputs("old\n", old);
    fclose(old);
    struct rlimit before, limit;
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = 100000;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    int status = augs_metrics_save(metrics, "m.jsonl", &error);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    ck_assert_int_eq(status, AUGS_E_IO);
    ck_assert_ptr_nonnull(strstr(error.message, "'m.jsonl': File too large"));
    ck_assert_uint_eq(file_bytes("m.jsonl"), 4);
    AUGS_ASSERT_OK(augs_metrics_save(metrics, "m.jsonl", &error), error);
    ck_assert_uint_gt(file_bytes("m.jsonl"), 100000);
    unlink("m.jsonl");
    augs_metrics_free(metrics);
    leave_folder();
}
END_TEST

START_TEST(links_stay_modes_stay_and_pipes_are_written_to)
{
    enter_folder();
    augs_metrics *metrics = open_metrics(0);
    add(metrics, 0, 8, 0.25);
    ck_assert_int_eq(close(open("m.jsonl", O_CREAT | O_WRONLY, 0600)), 0);
    ck_assert_int_eq(symlink("m.jsonl", "link"), 0);
    AUGS_ASSERT_OK(augs_metrics_save(metrics, "link", &error), error);
    struct stat facts;
    ck_assert_int_eq(lstat("link", &facts), 0);
    ck_assert(S_ISLNK(facts.st_mode));
    ck_assert_int_eq(stat("m.jsonl", &facts), 0);
    ck_assert_int_eq(facts.st_mode & 0777, 0600);
    size_t n_bytes = (size_t)facts.st_size;
    ck_assert_uint_gt(n_bytes, 100);

    int ends[2];
    char name[64], text[4096];
    ck_assert_int_eq(pipe(ends), 0);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[1]);
    AUGS_ASSERT_OK(augs_metrics_save(metrics, name, &error), error);
    ck_assert_int_eq(read(ends[0], text, sizeof text), (int)n_bytes);
    close(ends[0]);
    close(ends[1]);
    unlink("link");
    unlink("m.jsonl");
    augs_metrics_free(metrics);
    leave_folder();
}
END_TEST

AUGS_SUITE("metrics", the_ring_keeps_the_last_ones_oldest_first, what_is_no_batch_is_left_out,
           arguments_are_checked, adding_allocates_nothing_and_a_failing_allocator_is_told,
           percentiles_are_within_one_percent_of_the_exact_ones,
           seconds_beyond_the_histogram_are_as_exact_as_can_be,
           batches_without_seconds_count_but_are_not_timed,
           cpu_time_is_compared_with_the_seconds_of_the_same_batches, a_summary_of_nothing_says_so,
           the_best_size_is_the_fastest_that_was_seen_three_times,
           sizes_within_three_percent_are_taken_together, the_best_size_is_a_size_that_was_seen,
           a_bare_file_name_works_and_every_line_is_json, nothing_measured_saves_nulls,
           errors_name_the_path_and_leave_the_old_file,
           links_stay_modes_stay_and_pipes_are_written_to)
