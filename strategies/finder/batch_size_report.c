/* SPDX-License-Identifier: Apache-2.0 */
/* The trial table. Numbers with a point whatever the locale. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/number_text.h"
#include "base/sized_struct.h"
#include "strategies/finder/batch_size_finder.h"

/* As snprintf: counts on when the space is used up. */
typedef struct output {
    char *text;
    size_t n_bytes;
    size_t length;
} output;

__attribute__((format(printf, 2, 3))) static void put(output *out, const char *format, ...)
{
    size_t space = out->length < out->n_bytes ? out->n_bytes - out->length : 0;
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(space > 0 ? out->text + out->length : NULL, space, format, arguments);
    va_end(arguments);
    out->length += n > 0 ? (size_t)n : 0;
}

static void put_number(output *out, double number)
{
    char text[AUGSI_NUMBER_BYTES];
    size_t n = augsi_f64_text(number, text);
    put(out, "%.*s", (int)n, text);
}

static void put_trial(output *out, uint32_t number, const augs_trial *trial)
{
    uint64_t ms =
        trial->seconds >= 0 && trial->seconds < 1e12 ? (uint64_t)(trial->seconds * 1000 + 0.5) : 0;
    char interval[64];
    if (trial->high != 0) {
        snprintf(interval, sizeof interval, "[%llu, %llu)", (unsigned long long)trial->low,
                 (unsigned long long)trial->high);
    } else {
        snprintf(interval, sizeof interval, "[%llu, ...)", (unsigned long long)trial->low);
    }
    put(out, "%5u  %10llu  %5u  %5llu.%03llu  %-20s  ", number,
        (unsigned long long)trial->batch_size, trial->n_steps, (unsigned long long)(ms / 1000),
        (unsigned long long)(ms % 1000), interval);
    int n_bytes = (int)strnlen(trial->reason, sizeof trial->reason);
    if (trial->outcome != AUGS_TRIAL_DOES_NOT_FIT || strcmp(trial->reason, "does not fit") == 0) {
        put(out, "%.*s\n", n_bytes, trial->reason);
    } else {
        put(out, "does not fit: %.*s\n", n_bytes, trial->reason);
    }
}

static void put_interval(output *out, const augs_finder_report *report)
{
    put(out, "Search interval: ");
    if (report->smallest_misfit == 0) {
        put(out, "%llu fits, the largest that was allowed\n",
            (unsigned long long)report->largest_fit);
    } else if (report->largest_fit == 0) {
        put(out, "nothing fits, %llu does not\n", (unsigned long long)report->smallest_misfit);
    } else {
        put(out, "[%llu, %llu): %llu fits, %llu does not\n",
            (unsigned long long)report->largest_fit, (unsigned long long)report->smallest_misfit,
            (unsigned long long)report->largest_fit, (unsigned long long)report->smallest_misfit);
    }
}

static void put_result(output *out, const augs_finder_report *report)
{
    if (report->batch_size == 0) {
        put(out, "Result: no batch size\n");
        return;
    }
    uint64_t safe = augsi_finder_safe(report->largest_fit, report->safety_factor);
    put(out, "Result: batch size %llu = %llu x safety factor ",
        (unsigned long long)report->batch_size, (unsigned long long)report->largest_fit);
    put_number(out, report->safety_factor);
    if (report->batch_size < safe) {
        put(out, " = %llu, down to a multiple of %llu", (unsigned long long)safe,
            (unsigned long long)report->multiple_of);
    } else if (report->batch_size > safe) {
        put(out, " = %llu, but at least the smallest allowed", (unsigned long long)safe);
    }
    put(out, "\n");
}

size_t augs_finder_report_format(const augs_finder_report *report, char *ret_text, size_t n_bytes)
{
    static const char line[] =
        "----------------------------------------------------------------------";
    output out = {.text = ret_text, .n_bytes = ret_text != NULL ? n_bytes : 0};
    if (out.n_bytes > 0) {
        ret_text[0] = '\0';
    }
    augs_finder_report taken;
    if (report == NULL || AUGSI_TAKE(augs_finder_report, report, &taken, NULL) < 0) {
        return 0;
    }
    report = &taken;
    uint32_t n_trials =
        report->n_trials < AUGS_FINDER_MAX_TRIALS ? report->n_trials : AUGS_FINDER_MAX_TRIALS;
    put(&out, "%s\nBatch size finder\n%s\n", line, line);
    put(&out, "%5s  %10s  %5s  %9s  %-20s  %s\n", "trial", "batch size", "steps", "seconds",
        "interval", "outcome");
    for (uint32_t i = 0; i < n_trials; i++) {
        put_trial(&out, i + 1, &report->trials[i]);
    }
    put(&out, "%s\n", line);
    if (n_trials > 0 && report->trials[n_trials - 1].outcome == AUGS_TRIAL_FAILED) {
        put(&out, "The search ended in trial %u: %.*s\n", n_trials,
            (int)strnlen(report->trials[n_trials - 1].reason, sizeof report->trials[0].reason),
            report->trials[n_trials - 1].reason);
    } else if (n_trials > 0) {
        put_interval(&out, report);
    }
    put_result(&out, report);
    return out.length;
}
