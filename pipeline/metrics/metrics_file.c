/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics as JSON Lines, in a file that is there as a whole or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <augstream/memory_monitor.h>
#include <augstream/strategy.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "pipeline/metrics/metrics_impl.h"

#define PORTION_BYTES 65536u /* a write */
#define MOST_NAMES 1000u     /* tried for the temporary file */

static void add_u64(augsi_text *text, const char *key, uint64_t number)
{
    augsi_text_add_string(text, key);
    augsi_text_add_u64(text, number);
}

static void add_known(augsi_text *text, const char *key, uint64_t number)
{
    augsi_text_add_string(text, key);
    if (number != 0) {
        augsi_text_add_u64(text, number);
    } else {
        augsi_text_add_string(text, "null");
    }
}

/* What is not finite becomes null. */
static void add_f64(augsi_text *text, const char *key, double number)
{
    augsi_text_add_string(text, key);
    augsi_text_add_f64(text, number);
}

static void add_batch(augsi_text *text, const augs_batch_metrics *batch)
{
    const char *level = augs_memory_level_name(batch->level);
    double seconds = batch->seconds >= 0 ? batch->seconds : NAN;
    double throughput = seconds > 0 ? (double)batch->n_samples / seconds : NAN;
    add_u64(text, "{\"epoch\":", batch->epoch);
    add_u64(text, ",\"step\":", batch->step);
    add_u64(text, ",\"n_samples\":", batch->n_samples);
    add_f64(text, ",\"seconds\":", seconds);
    add_f64(text, ",\"samples_per_second\":", isfinite(seconds) ? throughput : NAN);
    add_known(text, ",\"bytes\":", batch->bytes);
    add_known(text, ",\"available_bytes\":",
              batch->available_bytes != UINT64_MAX ? batch->available_bytes : 0);
    augsi_text_add_string(text, ",\"level\":");
    if (level != NULL) {
        augsi_text_add_json_string(text, level);
    } else {
        augsi_text_add_string(text, "null");
    }
    if (batch->part != 0) {
        augsi_text_add_string(text, ",\"part\":");
        augsi_text_add_u64(text, batch->part);
    }
    if (batch->outcome != AUGS_OUTCOME_FINE) {
        augsi_text_add_string(text, ",\"fits\":false");
    }
    augsi_text_add_string(text, ",\"why\":");
    augsi_text_add_json_string(text, batch->why);
    add_f64(text, ",\"cpu_seconds\":", batch->cpu_seconds >= 0 ? batch->cpu_seconds : NAN);
    add_known(text, ",\"resident_bytes\":", batch->resident_bytes);
    add_known(text, ",\"allocated_bytes\":", batch->allocated_bytes);
    augsi_text_add_string(text, "}\n");
}

static void add_summary(augsi_text *text, const augs_metrics *metrics)
{
    augs_metrics_summary summary = {.size = sizeof summary};
    augs_metrics_summarize(metrics, &summary);
    add_u64(text, "{\"summary\":{\"n_batches\":", summary.n_batches);
    add_u64(text, ",\"n_timed\":", summary.n_timed);
    add_u64(text, ",\"n_samples\":", summary.n_samples);
    add_f64(text, ",\"seconds\":", summary.seconds);
    add_f64(text, ",\"mean_size\":", summary.mean_size);
    add_f64(text, ",\"mean_seconds\":", summary.mean_seconds);
    add_f64(text, ",\"mean_throughput\":", summary.mean_throughput);
    add_f64(text, ",\"p50_seconds\":", summary.p50_seconds);
    add_f64(text, ",\"p95_seconds\":", summary.p95_seconds);
    add_f64(text, ",\"p99_seconds\":", summary.p99_seconds);
    add_known(text, ",\"best_size\":", summary.best_size);
    add_f64(text, ",\"best_throughput\":", summary.best_throughput);
    add_known(text, ",\"peak_bytes\":", summary.peak_bytes);
    add_known(text, ",\"peak_resident_bytes\":", summary.peak_resident_bytes);
    add_f64(text, ",\"cpu_seconds\":", summary.cpu_seconds);
    add_f64(text, ",\"mean_cpus\":", summary.mean_cpus);
    augsi_text_add_string(text, "}}\n");
}

/* 0 or an errno; empties the text. */
static int flush_text(int file, augsi_text *text)
{
    if (text->failed) {
        return ENOMEM;
    }
    int errnum = augsi_file_write(file, text->data, text->n_bytes, NULL, NULL);
    augsi_text_clear(text);
    return errnum;
}

static int write_lines(const augs_metrics *metrics, int file)
{
    augsi_text text;
    int errnum = 0;
    augsi_text_init(&text, &metrics->allocator);
    for (uint32_t i = 0; i < metrics->n_held && errnum == 0; i++) {
        augs_batch_metrics batch = {.size = sizeof batch};
        augs_metrics_get_batch(metrics, i, &batch, NULL);
        add_batch(&text, &batch);
        if (text.n_bytes >= PORTION_BYTES || text.failed) {
            errnum = flush_text(file, &text);
        }
    }
    if (errnum == 0) {
        add_summary(&text, metrics);
        errnum = flush_text(file, &text);
    }
    augsi_text_done(&text);
    return errnum;
}

static int write_directly(const augs_metrics *metrics, const char *path)
{
    int file = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (file < 0) {
        return errno;
    }
    int errnum = write_lines(metrics, file);
    if (close(file) != 0 && errnum == 0) {
        errnum = errno;
    }
    return errnum;
}

/* A new file beside the path, also when several processes save there at once. 0 or errno. */
static int create_draft(const char *path, char *name, size_t n_bytes, mode_t mode,
                        augsi_draft *ret_draft)
{
    int errnum = EEXIST;
    for (unsigned attempt = 0; attempt < MOST_NAMES && errnum == EEXIST; attempt++) {
        int n = snprintf(name, n_bytes, "%s.%ld-%u.tmp", path, (long)getpid(), attempt);
        if (n < 0 || (size_t)n >= n_bytes) {
            return ENAMETOOLONG;
        }
        errnum = augsi_draft_create(ret_draft, AT_FDCWD, name, mode, true, false);
    }
    return errnum;
}

static int replace_file(const augs_metrics *metrics, const char *path, mode_t mode)
{
    char temporary[PATH_MAX + 64];
    augsi_draft draft;
    int errnum = create_draft(path, temporary, sizeof temporary, mode, &draft);
    if (errnum != 0) {
        return errnum;
    }
    errnum = write_lines(metrics, draft.fd);
    if (errnum != 0) {
        augsi_draft_drop(&draft, NULL);
        return errnum;
    }
    return augsi_draft_finish(&draft, path, false, NULL);
}

int augs_metrics_save(const augs_metrics *metrics, const char *path, augs_error *error)
{
    char target[PATH_MAX]; /* a link stays a link: what it points to is replaced */
    struct stat facts;
    int errnum;
    if (metrics == NULL || path == NULL || path[0] == '\0') {
        return augsi_fail(error, AUGS_E_ARGUMENT, "metrics: a path to save to is required");
    }
    bool exists = stat(path, &facts) == 0;
    if (exists && !S_ISREG(facts.st_mode)) {
        errnum = write_directly(metrics, path);
    } else if (exists && realpath(path, target) != NULL) {
        errnum = replace_file(metrics, target, facts.st_mode & 0777);
    } else {
        errnum = replace_file(metrics, path, 0666);
    }
    if (errnum != 0) {
        return augsi_fail_errno(error, AUGS_E_IO, errnum, "metrics: cannot write '%s'", path);
    }
    return AUGS_OK;
}
