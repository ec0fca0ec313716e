/* SPDX-License-Identifier: Apache-2.0 */
/* Batch sizes from memory: the largest that fits, by trial or by calculation. Pure functions, but
 * for the finder, which calls the probe that it is given. */
#ifndef AUGSTREAM_BATCH_SIZE_H
#define AUGSTREAM_BATCH_SIZE_H

#include <stddef.h>
#include <stdint.h>

#include <augstream/alloc.h>
#include <augstream/export.h>
#include <augstream/status.h>

AUGS_BEGIN_DECLS

/*
 * The published rule: the next batch size, from the used part of the memory (0 to 1) and the bytes
 * available. Used above 0.8: x 0.8; else available below limit_bytes: x available / limit; else
 * used below 0.5 and available above 2 x limit: x 1.2; else unchanged, likewise where used is not
 * finite. Rounded down; always within [min, max] (0 = 1 and no limit; min wins if they cross).
 */
AUGS_API uint64_t augs_batch_size_adjust(uint64_t batch_size, double used_fraction,
                                         uint64_t available_bytes, uint64_t limit_bytes,
                                         uint64_t min_batch_size, uint64_t max_batch_size);

/* min(0.9 x available_bytes, limit_bytes) / sample_bytes, at least min_batch_size (0 = 1);
 * limit_bytes 0 = none. sample_bytes 0: min_batch_size. */
AUGS_API uint64_t augs_batch_size_for_memory(uint64_t sample_bytes, uint64_t available_bytes,
                                             uint64_t limit_bytes, uint64_t min_batch_size);

/* The same for samples that are arrays of a shape: n_dimensions numbers of elements of
 * element_bytes each. n_copies = how many arrays of that size a sample needs at once (input,
 * output, gradient...; 0 = 1). AUGS_E_RANGE if the product does not fit 64 bits or a dimension or
 * element_bytes is 0. No dimensions: a scalar. */
AUGS_API int augs_batch_size_for_shape(const uint64_t *shape, uint32_t n_dimensions,
                                       uint32_t element_bytes, uint32_t n_copies,
                                       uint64_t available_bytes, uint64_t limit_bytes,
                                       uint64_t min_batch_size, uint64_t *ret_batch_size,
                                       augs_error *error);
/* Bytes of an element by the name that NumPy, PyTorch and safetensors give it ("float32", "<f2",
 * "bf16", "torch.uint8", "F32"...), case counts; 0: no such name, or one that they do not agree on
 * ("float"). */
AUGS_API uint32_t augs_element_bytes(const char *dtype);

/* How many epochs a run with another batch size should have. */
#define AUGS_EPOCHS_PUBLISHED 0u     /* max(min_epochs, ref_epochs x ref_batch / batch) */
#define AUGS_EPOCHS_EQUAL_UPDATES 1u /* ref_epochs x batch / ref_batch: as many optimiser steps */
#define AUGS_EPOCHS_EQUAL_SAMPLES 2u /* ref_epochs: as many samples seen */
/* Rounded to the nearest (halves up), at least 1. min_epochs: for PUBLISHED, 0 = 50. AUGS_E_RANGE
 * if one of the other figures is 0 or the result does not fit 64 bits. */
AUGS_API int augs_epochs_adjust(uint32_t mode, uint64_t ref_epochs, uint64_t ref_batch,
                                uint64_t batch, uint64_t min_epochs, uint64_t *ret_epochs,
                                augs_error *error);

/*
 * One step of a trial with a batch of this size: positive, it fits; 0, AUGS_E_NO_MEMORY or
 * AUGS_E_MEMORY: it does not; any other negative number: it failed for another reason, which ends
 * the search. Says why in error then, which is never NULL. step counts from 0.
 */
typedef int (*augs_batch_probe)(void *user, uint64_t batch_size, uint32_t step, augs_error *error);

#define AUGS_TRIAL_DOES_NOT_FIT 0u
#define AUGS_TRIAL_FITS 1u
#define AUGS_TRIAL_FAILED 2u

/* An element of augs_finder_report.trials, so without a size: it never gets another member. */
typedef struct augs_trial {
    uint32_t outcome; /* AUGS_TRIAL_... */
    uint32_t n_steps; /* that were begun */
    uint64_t batch_size;
    uint64_t low;         /* after it: the largest known to fit, 0 = none, */
    uint64_t high;        /* and the smallest known not to, 0 = none */
    double seconds;       /* of the whole trial */
    uint64_t reserved[2]; /* 0 */
    char reason[64];      /* "fits", "does not fit", "killed by signal 9 (SIGKILL)"... */
} augs_trial;

typedef struct augs_finder_options {
    uint32_t size;            /* sizeof(augs_finder_options) */
    uint32_t steps_per_trial; /* 0 = 3 */
    uint64_t min_batch_size;  /* 0 = 1 */
    uint64_t max_batch_size;  /* 0 = 65,536; tried itself if everything below it fits */
    uint64_t multiple_of;     /* every result is a multiple of it; 0 = of 32 if it is above 64 */
    uint64_t tolerance;       /* the boundary is found to this many samples; 0 = 1, exact */
    double safety_factor;     /* the result is this part of the boundary; 0 = 0.9; 1 = all of it */
    /* Called after each trial; NULL = not. */
    void (*progress)(void *user, const augs_trial *trial);
    void *user;
    /* For a probe in a child process: the limit of its address space (RLIMIT_AS, counts what the
     * caller has mapped, too), 0 = as it is, and how long a trial may take before it is killed and
     * the search fails with AUGS_E_TIMEOUT, 0 = for ever. */
    uint64_t child_limit_bytes;
    double child_timeout_seconds;
} augs_finder_options;
AUGS_SIZED_STRUCT(augs_finder_options, child_timeout_seconds);

#define AUGS_FINDER_MAX_TRIALS 140u
typedef struct augs_finder_report {
    uint32_t size; /* sizeof(augs_finder_report), set by the caller */
    uint32_t n_trials;
    uint64_t batch_size; /* the result: safe, rounded */
    uint64_t largest_fit;
    uint64_t smallest_misfit; /* 0: max_batch_size itself fits */
    double safety_factor;     /* as applied, likewise the next */
    uint64_t multiple_of;
    double seconds;
    augs_trial trials[AUGS_FINDER_MAX_TRIALS];
} augs_finder_report;
AUGS_SIZED_STRUCT(augs_finder_report, trials);

/*
 * The largest batch size that fits, by doubling from min and then bisection; the result is it x
 * safety, rounded down to multiple_of, within [min, max]. A result that safety brings below the
 * least possible size is that size. A probe is trusted to be monotone: what fits at n fits below.
 * The failure that ends the search is tried a second time: if it was transient, the search goes on.
 * options may be NULL.
 * AUGS_E_ARGUMENT: min_batch_size is above max_batch_size, or no multiple of multiple_of lies
 * between. AUGS_E_MEMORY: min_batch_size does not fit, in two trials, or no multiple of multiple_of
 * does. A failure of the probe is handed on with its message, its status if that is one of
 * AUGS_E_..., else AUGS_E_CALLBACK. ret_report tells the trials in these cases, too, with
 * batch_size 0; only where the arguments are refused it is left as it was.
 */
AUGS_API int augs_batch_size_find(augs_batch_probe probe, void *probe_user,
                                  const augs_finder_options *options,
                                  augs_finder_report *ret_report, augs_error *error);
/*
 * The same, each trial in a child process that is forked for it: death by a signal (the OOM killer,
 * a crash) and by exit code other than 0 counts as "does not fit"; the caller lives. A child that
 * is interrupted from the terminal (SIGINT, SIGQUIT, SIGHUP) ends the search with AUGS_E_CANCELLED,
 * one that ends with exit code 0 inside of the probe with AUGS_E_CALLBACK.
 * The probe runs in the child and must not rely on threads or on what it changed in an earlier
 * trial; the child ends without flushing stdio, writes no core file, is the first that the OOM
 * killer picks, and has none of the caller's handlers for interrupts and SIGTERM. progress is
 * called in the caller. AUGS_E_STATE where processes cannot be made.
 */
AUGS_API int augs_batch_size_find_in_child(augs_batch_probe probe, void *probe_user,
                                           const augs_finder_options *options,
                                           augs_finder_report *ret_report, augs_error *error);
/* The trial table as text with its NUL: banner, a line a trial, the interval, the result. Returns
 * the length it has or would have (as snprintf). */
AUGS_API size_t augs_finder_report_format(const augs_finder_report *report, char *ret_text,
                                          size_t n_bytes);

AUGS_END_DECLS

#endif
