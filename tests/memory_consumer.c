/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A consumer that really allocates and writes what it reports, for test_memory_consumer.py. One
 * JSON line a batch on stdout; what it could not allocate ends it with status 3.
 *
 *   memory_consumer consume key=value...
 *   memory_consumer hold BYTES      another process's memory: "take" and "free" on stdin
 *   memory_consumer take BYTES      takes that much once
 *   memory_consumer cache FILE BYTES  writes a file of that size to the disk and reads it twice
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <augstream/augstream.h>

typedef struct settings {
    uint64_t sample_bytes; /* of `samples` at least 8 */
    uint64_t base_bytes, n_batches;
    uint64_t max_memory_bytes; /* of the strategy */
    uint64_t limit_bytes;      /* of the monitor, for where nothing else is limited */
    uint64_t keep_bytes;       /* allocated by the first batch and kept */
    uint64_t early_bytes;      /* taken and given back before the first batch */
    uint64_t ballast_bytes, ballast_from, ballast_until; /* mapped before these batches */
    uint64_t interval_ms; /* of a monitor that is given to the pipeline; 0 = the pipeline's own */
    char how[16];         /* array, samples, mmap, buffer (kept and grown) */
    char report[16];      /* all, bytes, nothing */
    char strategy[32];
    uint64_t trims; /* 1: `samples` gives what it freed back to the system */
    uint64_t waits; /* 1: after every batch for a line on stdin */
} settings;

static int fail(const char *what, const augs_error *error)
{
    fprintf(stderr, "memory_consumer: %s: %s\n", what, error->message);
    return 1;
}

static void *allocated(void *bytes, size_t n_bytes, int fill)
{
    if (bytes == NULL || bytes == MAP_FAILED) {
        fprintf(stderr, "memory_consumer: an allocation of %zu bytes failed\n", n_bytes);
        fflush(NULL);
        _Exit(3);
    }
    return memset(bytes, fill, n_bytes);
}

static void *map(size_t n_bytes)
{
    return allocated(
        mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), n_bytes,
        3);
}

/* ---- the memory of a batch ---- */

typedef struct work {
    const settings *is;
    void *array; /* of `samples` the last one, which begins with the address of the one before */
    size_t n_bytes;
    void *buffer, *kept;
    size_t buffer_bytes;
} work;

static void take(work *w, uint64_t n_samples)
{
    const settings *is = w->is;
    w->n_bytes = is->base_bytes + n_samples * is->sample_bytes;
    if (strcmp(is->how, "mmap") == 0) {
        w->array = map(w->n_bytes);
    } else if (strcmp(is->how, "buffer") == 0) {
        if (w->n_bytes > w->buffer_bytes) {
            free(w->buffer);
            w->buffer = malloc(w->n_bytes);
            w->buffer_bytes = w->n_bytes;
        }
        allocated(w->buffer, w->n_bytes, 1);
    } else if (strcmp(is->how, "array") == 0) {
        w->array = allocated(malloc(w->n_bytes), w->n_bytes, 1);
    } else {
        w->array = NULL;
        for (size_t i = 0; i < n_samples; i++) {
            void *before = w->array;
            w->array = allocated(malloc(is->sample_bytes), is->sample_bytes, 1);
            memcpy(w->array, &before, sizeof before);
        }
    }
}

static void give_back(work *w)
{
    if (strcmp(w->is->how, "mmap") == 0) {
        munmap(w->array, w->n_bytes);
    } else if (strcmp(w->is->how, "array") == 0) {
        free(w->array);
    } else if (strcmp(w->is->how, "samples") == 0) {
        while (w->array != NULL) {
            void *next;
            memcpy(&next, w->array, sizeof next);
            free(w->array);
            w->array = next;
        }
        if (w->is->trims != 0) {
            malloc_trim(0);
        }
    }
}

/* ---- */

static uint64_t available_now(augs_memory_monitor *monitor)
{
    augs_memory_snapshot now = {.size = sizeof now};
    augs_memory_monitor_read_now(monitor, &now, NULL);
    return now.available_bytes;
}

static int consume(augs_pipeline *pipeline, augs_memory_monitor *monitor, work *w)
{
    const settings *is = w->is;
    void *ballast = NULL;
    augs_error error;
    for (uint64_t step = 0; step < is->n_batches; step++) {
        augs_batch *batch;
        if (is->ballast_bytes != 0 && step == is->ballast_from) {
            ballast = map(is->ballast_bytes);
        } else if (ballast != NULL && step == is->ballast_until) {
            munmap(ballast, is->ballast_bytes);
            ballast = NULL;
        }
        const uint64_t before = available_now(monitor);
        int status = augs_pipeline_next(pipeline, &batch, &error);
        if (status <= 0) {
            return status < 0 ? fail("next", &error) : 0;
        }
        const uint64_t n = augs_batch_n_samples(batch);
        if (w->kept == NULL && is->keep_bytes != 0) {
            w->kept = map(is->keep_bytes);
        }
        take(w, n);
        const uint64_t left = available_now(monitor);
        give_back(w);
        augs_batch_unref(batch);
        status = 0;
        if (strcmp(is->report, "nothing") != 0) {
            const bool all = strcmp(is->report, "all") == 0;
            const augs_feedback feedback = {.size = sizeof feedback,
                                            .step = AUGS_STEP_LAST,
                                            .bytes = w->n_bytes,
                                            .available_bytes = !all       ? 0
                                                               : left > 0 ? left
                                                                          : 1};
            status = augs_pipeline_observe(pipeline, &feedback, &error);
        }
        if (status < 0) {
            return fail("observe", &error);
        }
        printf("{\"step\":%" PRIu64 ",\"n\":%" PRIu64 ",\"bytes\":%zu,\"available\":%" PRIu64
               ",\"left\":%" PRIu64 ",\"why\":\"%s\"}\n",
               step, n, w->n_bytes, before, left, augs_pipeline_why(pipeline));
        fflush(stdout);
        if (is->waits != 0 && getchar() == EOF) {
            break;
        }
    }
    if (ballast != NULL) {
        munmap(ballast, is->ballast_bytes);
    }
    return 0;
}

static int run(const settings *is, work *w)
{
    augs_error error;
    augs_preset *preset = NULL;
    augs_stream *stream = NULL;
    augs_memory_monitor *monitor = NULL, *seen = NULL;
    augs_pipeline *pipeline = NULL;
    const augs_stream_options of_stream = {.size = sizeof of_stream, .n_samples = AUGS_ENDLESS};
    const augs_memory_monitor_options of_monitor = {.size = sizeof of_monitor,
                                                    .interval_ms = (uint32_t)is->interval_ms,
                                                    .limit_bytes = is->limit_bytes};
    const augs_strategy_options of_strategy = {.size = sizeof of_strategy,
                                               .max_batch_size = UINT64_C(1) << 30,
                                               .max_memory_bytes = is->max_memory_bytes};
    if (augs_preset_open("mild", NULL, &preset, &error) < 0 ||
        augs_stream_open(preset, &of_stream, &stream, &error) < 0 ||
        augs_memory_monitor_open(&of_monitor, &monitor, &error) < 0 ||
        augs_memory_monitor_open(&of_monitor, &seen, &error) < 0) {
        return fail("opening", &error);
    }
    const augs_pipeline_options of_pipeline = {
        .size = sizeof of_pipeline,
        .plan = &(augs_plan_options){.size = sizeof(augs_plan_options),
                                     .strategy = is->strategy,
                                     .strategy_options = &of_strategy},
        .monitor = is->interval_ms != 0 || is->limit_bytes != 0 ? monitor : NULL};
    int status = augs_pipeline_open(stream, &of_pipeline, &pipeline, &error);
    status = status < 0 ? fail("pipeline", &error) : consume(pipeline, seen, w);
    augs_pipeline_free(pipeline);
    augs_memory_monitor_free(seen);
    augs_memory_monitor_free(monitor);
    augs_stream_unref(stream);
    augs_preset_unref(preset);
    return status;
}

static int hold(size_t n_bytes)
{
    char line[16];
    void *held = NULL;
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (held != NULL) {
            munmap(held, n_bytes);
        }
        held = strcmp(line, "take\n") == 0 ? map(n_bytes) : NULL;
        printf("ok\n");
        fflush(stdout);
    }
    return 0;
}

/* The second reading moves a page to the kernel's active list. */
static int cache(const char *path, size_t n_bytes)
{
    static char portion[1u << 20];
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    memset(portion, 5, sizeof portion);
    bool good = file >= 0;
    for (size_t at = 0; good && at < n_bytes; at += sizeof portion) {
        good = write(file, portion, sizeof portion) == (ssize_t)sizeof portion;
    }
    good = good && fsync(file) == 0;
    for (int round = 0; good && round < 2; round++) {
        for (size_t at = 0; good && at < n_bytes; at += sizeof portion) {
            good = pread(file, portion, sizeof portion, (off_t)at) == (ssize_t)sizeof portion;
        }
    }
    if (!good) {
        fprintf(stderr, "memory_consumer: %s: %s\n", path, strerror(errno));
    }
    if (file >= 0) {
        close(file);
    }
    return good ? 0 : 1;
}

static bool parse(settings *is, const char *argument)
{
    const struct {
        const char *key;
        uint64_t *number;
        char *word;
        size_t n_word;
    } known[] = {{"sample_bytes", &is->sample_bytes, NULL, 0},
                 {"base_bytes", &is->base_bytes, NULL, 0},
                 {"batches", &is->n_batches, NULL, 0},
                 {"max_memory_bytes", &is->max_memory_bytes, NULL, 0},
                 {"limit_bytes", &is->limit_bytes, NULL, 0},
                 {"keep_bytes", &is->keep_bytes, NULL, 0},
                 {"early_bytes", &is->early_bytes, NULL, 0},
                 {"ballast_bytes", &is->ballast_bytes, NULL, 0},
                 {"ballast_from", &is->ballast_from, NULL, 0},
                 {"ballast_until", &is->ballast_until, NULL, 0},
                 {"interval_ms", &is->interval_ms, NULL, 0},
                 {"trims", &is->trims, NULL, 0},
                 {"waits", &is->waits, NULL, 0},
                 {"how", NULL, is->how, sizeof is->how},
                 {"report", NULL, is->report, sizeof is->report},
                 {"strategy", NULL, is->strategy, sizeof is->strategy}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const size_t n = strlen(known[i].key);
        if (strncmp(argument, known[i].key, n) != 0 || argument[n] != '=') {
            continue;
        }
        if (known[i].number != NULL) {
            *known[i].number = strtoull(argument + n + 1, NULL, 10);
        } else {
            snprintf(known[i].word, known[i].n_word, "%s", argument + n + 1);
        }
        return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    settings is = {.sample_bytes = 1u << 20,
                   .n_batches = 40,
                   .how = "array",
                   .report = "bytes",
                   .strategy = "memory_optimized"};
    if (argc == 3 && strcmp(argv[1], "hold") == 0) {
        return hold(strtoull(argv[2], NULL, 10));
    }
    if (argc == 3 && strcmp(argv[1], "take") == 0) {
        const size_t n_bytes = strtoull(argv[2], NULL, 10);
        return munmap(map(n_bytes), n_bytes);
    }
    if (argc == 4 && strcmp(argv[1], "cache") == 0) {
        return cache(argv[2], strtoull(argv[3], NULL, 10));
    }
    for (int i = 2; i < argc; i++) {
        if (!parse(&is, argv[i])) {
            fprintf(stderr, "memory_consumer: '%s' is no setting\n", argv[i]);
            return 2;
        }
    }
    if (argc < 2 || strcmp(argv[1], "consume") != 0) {
        fprintf(stderr, "usage: memory_consumer consume [KEY=VALUE...] | hold BYTES | take BYTES |"
                        " cache FILE BYTES\n");
        return 2;
    }
    if (is.early_bytes != 0) {
        munmap(map(is.early_bytes), is.early_bytes);
    }
    work w = {.is = &is};
    int status = run(&is, &w);
    free(w.buffer);
    if (w.kept != NULL) {
        munmap(w.kept, is.keep_bytes);
    }
    return status;
}
