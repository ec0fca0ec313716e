/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doubling until a size does not fit, then bisection between the last that did and the first that
 * did not (Bentley and Yao, "An almost optimal algorithm for unbounded searching", 1976): at most
 * 2 log2(max) + 2 trials, and no trial takes more than twice the memory that is needed.
 *
 * Memory may be short for a moment, because another process holds it. Such a failure looks like the
 * boundary: all sizes below it fit. So the failure at the boundary is tried a second time. If it
 * fits now, the search goes on above it.
 */
#include "strategies/finder/batch_size_finder.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/float_env.h"
#include "base/sized_struct.h"

#define DEFAULT_STEPS 3u
#define DEFAULT_MAX 65536u
#define DEFAULT_MULTIPLE 32u
#define DEFAULT_SAFETY 0.9
#define ANY_BELOW 64u /* results up to here need not be a multiple */

/* The least multiple from min_batch_size on; UINT64_MAX: none below 2^64. */
static uint64_t least_multiple(const augs_finder_options *options)
{
    assert(options->multiple_of > 0);
    const uint64_t n = (options->min_batch_size - 1) / options->multiple_of + 1;
    uint64_t least;
    return __builtin_mul_overflow(n, options->multiple_of, &least) ? UINT64_MAX : least;
}

static int check_options(const augs_finder_options *given, augs_finder_options *ret_options,
                         augs_error *error)
{
    augs_finder_options options;
    int status = AUGSI_TAKE(augs_finder_options, given, &options, error);
    if (status < 0) {
        return status;
    }
    if (!(options.safety_factor >= 0 && options.safety_factor <= 1)) {
        return augsi_fail(error, AUGS_E_RANGE, "finder: safety %g; accepted: above 0 to 1",
                          options.safety_factor);
    }
    if (!(options.child_timeout_seconds >= 0)) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "finder: child_timeout_seconds %g; accepted: 0 (none) or more",
                          options.child_timeout_seconds);
    }
    options.steps_per_trial =
        options.steps_per_trial != 0 ? options.steps_per_trial : DEFAULT_STEPS;
    options.min_batch_size = options.min_batch_size != 0 ? options.min_batch_size : 1;
    options.max_batch_size = options.max_batch_size != 0 ? options.max_batch_size : DEFAULT_MAX;
    const bool any = options.multiple_of == 0;
    options.multiple_of = any ? DEFAULT_MULTIPLE : options.multiple_of;
    options.tolerance = options.tolerance != 0 ? options.tolerance : 1;
    options.safety_factor = options.safety_factor > 0 ? options.safety_factor : DEFAULT_SAFETY;
    if (options.min_batch_size > options.max_batch_size) {
        return augsi_fail(
            error, AUGS_E_ARGUMENT, "finder: min_batch_size %llu is above max_batch_size %llu",
            (unsigned long long)options.min_batch_size, (unsigned long long)options.max_batch_size);
    }
    if (!any && least_multiple(&options) > options.max_batch_size) {
        return augsi_fail(
            error, AUGS_E_ARGUMENT,
            "finder: no multiple of multiple_of %llu lies between min_batch_size %llu "
            "and max_batch_size %llu",
            (unsigned long long)options.multiple_of, (unsigned long long)options.min_batch_size,
            (unsigned long long)options.max_batch_size);
    }
    *ret_options = options;
    return AUGS_OK;
}

/* The smallest size above what fits that was seen not to fit; 0 = none. */
static uint64_t misfit_above(const augs_finder_report *report, uint64_t fit)
{
    uint64_t least = 0;
    for (uint32_t i = 0; i < report->n_trials; i++) {
        const augs_trial *trial = &report->trials[i];
        if (trial->outcome == AUGS_TRIAL_DOES_NOT_FIT && trial->batch_size > fit &&
            (least == 0 || trial->batch_size < least)) {
            least = trial->batch_size;
        }
    }
    return least;
}

static int next_trial(const augsi_trial_runner *runner, uint64_t batch_size,
                      augs_finder_report *report, augs_error *error)
{
    assert(report->n_trials < AUGS_FINDER_MAX_TRIALS);
    augs_trial *trial = &report->trials[report->n_trials++];
    *trial = (augs_trial){.batch_size = batch_size};
    uint64_t start_ns = augsi_now_ns();
    int verdict = runner->run(runner, trial, error);
    trial->seconds = (double)(augsi_now_ns() - start_ns) * 1e-9;
    trial->outcome = verdict < 0    ? AUGS_TRIAL_FAILED
                     : verdict == 0 ? AUGS_TRIAL_DOES_NOT_FIT
                                    : AUGS_TRIAL_FITS;
    if (verdict > 0) {
        report->largest_fit = batch_size;
        report->smallest_misfit = misfit_above(report, batch_size);
    } else if (verdict == 0) {
        report->smallest_misfit = batch_size;
    }
    trial->low = report->largest_fit;
    trial->high = report->smallest_misfit;
    if (verdict < 0) {
        snprintf(trial->reason, sizeof trial->reason, "failed (%s)", augs_status_name(verdict));
    } else if (trial->reason[0] == '\0') {
        snprintf(trial->reason, sizeof trial->reason, "%s", verdict > 0 ? "fits" : "does not fit");
    }
    if (runner->options.progress != NULL) {
        AUGSI_CALLER_BEGIN;
        runner->options.progress(runner->options.user, trial);
        AUGSI_CALLER_END;
    }
    return verdict;
}

/* The size to try next; 0: none, the boundary is found. */
static uint64_t next_size(const augs_finder_options *options, const augs_finder_report *report)
{
    uint64_t low = report->largest_fit, high = report->smallest_misfit;
    if (low == 0) {
        return high == 0 ? options->min_batch_size : 0;
    }
    if (high == 0) {
        if (low == options->max_batch_size) {
            return 0;
        }
        return low > options->max_batch_size / 2 ? options->max_batch_size : low * 2;
    }
    return high - low > options->tolerance ? low + (high - low) / 2 : 0;
}

/* In binary64, whose rounding mends that of safety itself: 10 x 0.7 is 7. */
uint64_t augsi_finder_safe(uint64_t largest, double safety)
{
    double product = (double)largest * safety;
    uint64_t size = product < (double)largest ? (uint64_t)product : largest;
    return size < largest ? size : largest;
}

/* Without a multiple_of of the caller's, small results are taken as they are. */
static uint64_t result_of(const augs_finder_options *options, uint64_t largest)
{
    assert(options->multiple_of > 0);
    uint64_t size = augsi_finder_safe(largest, options->safety_factor);
    if (size > ANY_BELOW) {
        uint64_t down = size / options->multiple_of * options->multiple_of;
        size = down >= options->min_batch_size && down > 0 ? down : size;
    }
    return size > options->min_batch_size ? size : options->min_batch_size;
}

/* The caller's multiple_of holds for every result. At least the least multiple is taken, which
 * safety may have excluded. 0: no multiple fits. */
static uint64_t multiple_of_callers(const augs_finder_options *options, uint64_t largest)
{
    const uint64_t least = least_multiple(options);
    uint64_t size = augsi_finder_safe(largest, options->safety_factor);
    size -= size % options->multiple_of;
    size = size > least ? size : least;
    return size <= largest ? size : 0;
}

/* Twice the bits of max, and the second trial of what ends the search. */
static uint32_t most_trials(const augs_finder_options *options, uint64_t from)
{
    uint32_t n = 4;
    for (uint64_t space = options->max_batch_size / from; space > 0; space /= 2) {
        n++;
    }
    for (uint64_t gap = options->max_batch_size; gap > 0; gap /= 2) {
        n++;
    }
    return n;
}

static bool was_tried_twice(const augs_finder_report *report, uint64_t batch_size)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < report->n_trials; i++) {
        n += report->trials[i].batch_size == batch_size;
    }
    return n > 1;
}

/*
 * The failure that ends the search gets a second trial, unless it had one, or the report has no
 * space for what would follow. 1: it fits now, the search goes on; 0: it stands.
 */
static int try_again(const augsi_trial_runner *runner, augs_finder_report *report,
                     augs_error *error)
{
    const uint64_t size = report->smallest_misfit;
    if (size == 0 || was_tried_twice(report, size) ||
        report->n_trials + most_trials(&runner->options, size) > AUGS_FINDER_MAX_TRIALS) {
        return 0;
    }
    return next_trial(runner, size, report, error);
}

static int search(const augsi_trial_runner *runner, augs_finder_report *report, augs_error *error)
{
    const augs_finder_options *options = &runner->options;
    for (int verdict = 1; verdict > 0;) {
        for (uint64_t size; (size = next_size(options, report)) != 0;) {
            verdict = next_trial(runner, size, report, error);
            if (verdict < 0) {
                return verdict;
            }
        }
        verdict = try_again(runner, report, error);
        if (verdict < 0) {
            return verdict;
        }
    }
    if (report->largest_fit == 0) {
        return augsi_fail(error, AUGS_E_MEMORY,
                          "finder: not even the smallest batch size fits: min_batch_size %llu, %s",
                          (unsigned long long)options->min_batch_size, report->trials[0].reason);
    }
    report->batch_size = runner->any_multiple ? result_of(options, report->largest_fit)
                                              : multiple_of_callers(options, report->largest_fit);
    if (report->batch_size == 0) {
        return augsi_fail(error, AUGS_E_MEMORY,
                          "finder: no multiple of multiple_of %llu fits: the smallest is %llu, the "
                          "largest batch size that fits is %llu",
                          (unsigned long long)options->multiple_of,
                          (unsigned long long)least_multiple(options),
                          (unsigned long long)report->largest_fit);
    }
    return AUGS_OK;
}

int augsi_finder_search(augsi_trial_runner *runner, const augs_finder_options *options,
                        augs_finder_report *ret_report, augs_error *error)
{
    if (runner->probe == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "finder: probe is required");
    }
    augs_finder_report report = {.size = sizeof report};
    int status = AUGSI_CHECK_OUTPUT(augs_finder_report, ret_report, error);
    status = status < 0 ? status : check_options(options, &runner->options, error);
    if (status < 0) {
        return status;
    }
    runner->any_multiple = options == NULL || options->multiple_of == 0;
    report.safety_factor = runner->options.safety_factor;
    report.multiple_of = runner->options.multiple_of;
    uint64_t start_ns = augsi_now_ns();
    status = search(runner, &report, error);
    report.seconds = (double)(augsi_now_ns() - start_ns) * 1e-9;
    AUGSI_GIVE(augs_finder_report, &report, ret_report);
    return status;
}

static bool is_status(int number)
{
    return strcmp(augs_status_name(number), "AUGS_E_UNKNOWN") != 0;
}

int augsi_probe_verdict(int answer, uint64_t batch_size, uint32_t step,
                        const augs_error *probe_error, augs_error *error)
{
    if (answer > 0) {
        return 1;
    }
    if (answer == 0 || answer == AUGS_E_NO_MEMORY || answer == AUGS_E_MEMORY) {
        return 0;
    }
    int status = is_status(answer) ? answer : AUGS_E_CALLBACK;
    size_t n_bytes = strnlen(probe_error->message, sizeof probe_error->message);
    if (n_bytes > 0) {
        return augsi_fail(error, status, "%.*s", (int)n_bytes, probe_error->message);
    }
    return augsi_fail(error, status,
                      "finder: the probe failed at batch size %llu, step %u: %d (%s)",
                      (unsigned long long)batch_size, step, answer,
                      is_status(answer) ? augs_status_text(answer) : "no status of augstream");
}

static int run_here(const augsi_trial_runner *runner, augs_trial *trial, augs_error *error)
{
    int verdict = 1;
    for (uint32_t step = 0; step < runner->options.steps_per_trial && verdict > 0; step++) {
        augs_error probe_error = {0};
        trial->n_steps = step + 1;
        AUGSI_CALLER_BEGIN;
        int answer = runner->probe(runner->probe_user, trial->batch_size, step, &probe_error);
        AUGSI_CALLER_END;
        verdict = augsi_probe_verdict(answer, trial->batch_size, step, &probe_error, error);
    }
    return verdict;
}

int augs_batch_size_find(augs_batch_probe probe, void *probe_user,
                         const augs_finder_options *options, augs_finder_report *ret_report,
                         augs_error *error)
{
    augsi_trial_runner runner = {.probe = probe, .probe_user = probe_user, .run = run_here};
    return augsi_finder_search(&runner, options, ret_report, error);
}
