/* SPDX-License-Identifier: Apache-2.0 */
/* The search for the largest batch size, whoever runs its trials. */
#ifndef AUGSI_BATCH_SIZE_FINDER_H
#define AUGSI_BATCH_SIZE_FINDER_H

#include <stdbool.h>

#include <augstream/batch_size.h>

typedef struct augsi_trial_runner {
    augs_batch_probe probe;
    void *probe_user;
    augs_finder_options options; /* with the defaults filled in */
    bool any_multiple;           /* multiple_of is not the caller's: small results may break it */
    /* Runs the steps of the trial of trial->batch_size: 1 it fits, 0 it does not, negative: the
     * search ends, with error set. Fills in n_steps and, unless the verdict says it
     * all, reason. */
    int (*run)(const struct augsi_trial_runner *runner, augs_trial *trial, augs_error *error);
} augsi_trial_runner;

/* Checks the arguments, fills in runner->options and searches. */
int augsi_finder_search(augsi_trial_runner *runner, const augs_finder_options *options,
                        augs_finder_report *ret_report, augs_error *error);

/* largest x safety, rounded down. */
uint64_t augsi_finder_safe(uint64_t largest, double safety);

/* What a probe's answer means: 1, 0 or a status, with the probe's own message or one in its place.
 */
int augsi_probe_verdict(int answer, uint64_t batch_size, uint32_t step,
                        const augs_error *probe_error, augs_error *error);

#endif
