/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batch sizes from memory: the largest that fits, by trial or by calculation.
 *
 *     static augs_finder_report report;
 *     augs_finder_report_init(&report);
 *     if (augs_batch_size_find(probe, model, NULL, &report, &error) < 0) {
 *         fprintf(stderr, "%s\n", error.message);
 *         return 1;
 *     }
 *     printf("batch size %llu\n", (unsigned long long)report.batch_size);
 *
 * Any thread may call these functions. The finder calls the probe in the thread
 * that called it.
 */
#ifndef AUGSTREAM_BATCH_SIZE_H
#define AUGSTREAM_BATCH_SIZE_H

#include <stddef.h>
#include <stdint.h>

#include <augstream/alloc.h>
#include <augstream/export.h>
#include <augstream/status.h>

AUGS_BEGIN_DECLS

/*
 * Returns the next batch size by the published rule, rounded down.
 *
 * used_fraction: used part of the memory, 0 to 1. Above 0.8 the size is
 * multiplied by 0.8. Else, with available_bytes below limit_bytes, it is
 * multiplied by available_bytes / limit_bytes. Else, with used_fraction below
 * 0.5 and available_bytes above twice limit_bytes, it is multiplied by 1.2.
 * Otherwise, or if used_fraction is not finite, it stays as it is.
 *
 * The result is at least min_batch_size (0 = 1) and at most max_batch_size (0 =
 * no limit). If they contradict, min_batch_size counts.
 */
AUGS_API uint64_t augs_batch_size_adjust(uint64_t batch_size, double used_fraction,
                                         uint64_t available_bytes, uint64_t limit_bytes,
                                         uint64_t min_batch_size, uint64_t max_batch_size);

/*
 * Returns min(0.9 * available_bytes, limit_bytes) / sample_bytes, rounded down,
 * and at least min_batch_size (0 = 1).
 *
 * limit_bytes: 0 = none. sample_bytes: of one sample; 0 gives min_batch_size.
 */
AUGS_API uint64_t augs_batch_size_for_memory(uint64_t sample_bytes, uint64_t available_bytes,
                                             uint64_t limit_bytes, uint64_t min_batch_size);

/*
 * Same as augs_batch_size_for_memory, but for samples that are arrays of a
 * shape. shape: n_dimensions numbers of elements; no dimensions are a scalar,
 * and shape may be NULL then. element_bytes: of one element. n_copies: how many
 * such arrays one sample needs at once (input, output, gradient...); 0 = 1.
 *
 * AUGS_E_RANGE if a dimension or element_bytes is 0, or the bytes per sample do
 * not fit 64 bits. AUGS_E_ARGUMENT if a pointer is NULL.
 */
AUGS_API int augs_batch_size_for_shape(const uint64_t *shape, uint32_t n_dimensions,
                                       uint32_t element_bytes, uint32_t n_copies,
                                       uint64_t available_bytes, uint64_t limit_bytes,
                                       uint64_t min_batch_size, uint64_t *ret_batch_size,
                                       augs_error *error);

/*
 * Returns the bytes of an element by the name that NumPy, PyTorch or safetensors
 * gives it: "float32", "<f2", "bf16", "torch.uint8", "F32". Case counts. Returns
 * 0 for NULL, for any other name, and for one on which they do not agree, such
 * as "float".
 */
AUGS_API uint32_t augs_element_bytes(const char *dtype);

/* How many epochs a run with another batch size should have. */
/* max(min_epochs, ref_epochs * ref_batch / batch) */
#define AUGS_EPOCHS_PUBLISHED 0u
/* ref_epochs * batch / ref_batch: as many steps of the optimizer */
#define AUGS_EPOCHS_EQUAL_UPDATES 1u
/* ref_epochs: as many samples seen */
#define AUGS_EPOCHS_EQUAL_SAMPLES 2u

/*
 * Computes the number of epochs for another batch size, rounded to the nearest
 * (halves up), at least 1.
 *
 * mode: AUGS_EPOCHS_... ref_epochs, ref_batch: of the run that is known. batch:
 * the new size. min_epochs: for AUGS_EPOCHS_PUBLISHED; 0 = 50.
 *
 * AUGS_E_RANGE if ref_epochs, ref_batch or batch is 0, or the result does not
 * fit 64 bits. AUGS_E_ARGUMENT if ret_epochs is NULL or mode is unknown.
 */
AUGS_API int augs_epochs_adjust(uint32_t mode, uint64_t ref_epochs, uint64_t ref_batch,
                                uint64_t batch, uint64_t min_epochs, uint64_t *ret_epochs,
                                augs_error *error);

/*
 * Runs one step of a trial with a batch of this size. step counts from 0, and
 * user is the caller's. error is never NULL.
 *
 * Returns a positive number if it fits. Returns 0, AUGS_E_NO_MEMORY or
 * AUGS_E_MEMORY if it does not fit. Any other negative number is another failure,
 * which ends the search; the probe writes the reason to error.
 */
typedef int (*augs_batch_probe)(void *user, uint64_t batch_size, uint32_t step, augs_error *error);

/* How a trial ended. */
#define AUGS_TRIAL_DOES_NOT_FIT 0u
#define AUGS_TRIAL_FITS 1u
#define AUGS_TRIAL_FAILED 2u

/* An element of augs_finder_report.trials. It has no size, and never gets another
 * member. */
typedef struct augs_trial {
    uint32_t outcome;     /* AUGS_TRIAL_... */
    uint32_t n_steps;     /* steps that were begun */
    uint64_t batch_size;  /* that was tried */
    uint64_t low;         /* after it, the largest that fits; 0 = none */
    uint64_t high;        /* after it, the smallest that does not; 0 = none */
    double seconds;       /* of the whole trial */
    uint64_t reserved[2]; /* 0 */
    char reason[64];      /* "fits", "killed by signal 9 (SIGKILL)"... */
} augs_trial;

typedef struct augs_finder_options {
    uint32_t size;            /* sizeof(augs_finder_options) */
    uint32_t steps_per_trial; /* 0 = 3 */
    uint64_t min_batch_size;  /* 0 = 1 */
    uint64_t max_batch_size;  /* tried if everything below fits; 0 = 65,536 */
    /* Every result is a multiple of it. 0 = of 32, if it is above 64. */
    uint64_t multiple_of;
    uint64_t tolerance;   /* samples to which the limit is found; 0 = 1 */
    double safety_factor; /* part of the limit, above 0 to 1; 0 = 0.9 */
    /* Called after each trial, in the caller's process. NULL = not. */
    void (*progress)(void *user, const augs_trial *trial);
    void *user; /* handed to progress; may be NULL */
    /* For a probe in a child process: limit of its address space (RLIMIT_AS),
     * which counts what the caller has mapped, too. 0 = none. */
    uint64_t child_limit_bytes;
    /* For a probe in a child process: how long a trial may take. 0 = for ever. */
    double child_timeout_seconds;
} augs_finder_options;
AUGS_SIZED_STRUCT(augs_finder_options, child_timeout_seconds);

/* The most trials of a search. */
#define AUGS_FINDER_MAX_TRIALS 140u

typedef struct augs_finder_report {
    uint32_t size;                             /* sizeof(augs_finder_report), set by the caller */
    uint32_t n_trials;                         /* at most AUGS_FINDER_MAX_TRIALS */
    uint64_t batch_size;                       /* the result; 0 = none */
    uint64_t largest_fit;                      /* 0 = nothing fits */
    uint64_t smallest_misfit;                  /* 0 = max_batch_size fits */
    double safety_factor;                      /* that was used */
    uint64_t multiple_of;                      /* that was used */
    double seconds;                            /* of the whole search */
    augs_trial trials[AUGS_FINDER_MAX_TRIALS]; /* in their order */
} augs_finder_report;
AUGS_SIZED_STRUCT(augs_finder_report, trials);

/*
 * Finds the largest batch size that fits, by trials: it doubles from
 * min_batch_size on and then bisects. The result is safety_factor of it, rounded
 * down to multiple_of, within the limits. A result below the least possible size
 * becomes that size. The finder trusts that what fits at n fits below. It tries
 * the failure that ends the search a second time: if that fits, it goes on.
 *
 * probe_user is handed to the probe and may be NULL. options may be NULL. The
 * caller sets ret_report->size.
 *
 * AUGS_E_MEMORY if min_batch_size does not fit in two trials, or no multiple of
 * multiple_of fits. If the probe fails, its status and message are handed on;
 * AUGS_E_CALLBACK if its number is no status. In these cases ret_report has the
 * trials, with batch_size 0.
 * AUGS_E_ARGUMENT if a required pointer is NULL, a struct has a wrong size,
 * min_batch_size is above max_batch_size, or no multiple lies between.
 * AUGS_E_RANGE if safety_factor or child_timeout_seconds is out of range. In
 * these two cases nothing is written.
 */
AUGS_API int augs_batch_size_find(augs_batch_probe probe, void *probe_user,
                                  const augs_finder_options *options,
                                  augs_finder_report *ret_report, augs_error *error);

/*
 * Same as augs_batch_size_find, but runs each trial in a child process that is
 * forked for it. A child that a signal kills (the OOM killer, a crash), or that
 * exits with another code than 0, counts as "does not fit".
 *
 * The probe must not rely on threads, or on what it changed in an earlier trial.
 * The child ends without flushing stdio, and is the first that the OOM killer
 * picks. It has none of the caller's handlers for interrupts and SIGTERM.
 *
 * AUGS_E_TIMEOUT if a trial took longer than child_timeout_seconds: it was
 * killed. AUGS_E_CANCELLED if SIGINT, SIGQUIT or SIGHUP ended a child.
 * AUGS_E_CALLBACK if a child exits with code 0 inside the probe. AUGS_E_STATE if
 * no process can be made, or its limit cannot be set. ret_report has the trials
 * in these cases, too.
 */
AUGS_API int augs_batch_size_find_in_child(augs_batch_probe probe, void *probe_user,
                                           const augs_finder_options *options,
                                           augs_finder_report *ret_report, augs_error *error);

/*
 * Writes the trials as a text table with its NUL: title, one line per trial, the
 * interval, the result. The text is cut to n_bytes. ret_text may be NULL.
 *
 * Returns the length that the whole text has, as snprintf does. Returns 0, and
 * writes "", if report is NULL or has a wrong size.
 */
AUGS_API size_t augs_finder_report_format(const augs_finder_report *report, char *ret_text,
                                          size_t n_bytes);

AUGS_END_DECLS

#endif
