/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What batches that did not fit say of the sizes that may be planned. State of zeros: all sizes.
 *
 * A size that did not fit is not planned again, nor is a larger one, until memory grew. Below it
 * the bound starts at half of it and moves up by halves of the gap when batches fit.
 */
#ifndef AUGSI_FIT_BOUND_H
#define AUGSI_FIT_BOUND_H

#include <stdbool.h>

#include <augstream/strategy.h>

#define AUGSI_FIT_PLANS 16u

typedef struct augsi_fit_bound {
    uint64_t misfit;                     /* the least size that did not fit; 0 = none */
    uint64_t fit;                        /* the largest below it that was seen to fit; 0 = none */
    uint64_t available[AUGSI_FIT_PLANS]; /* bytes available at the last plans, as a ring; */
    uint32_t n_available;
    uint64_t told_space;            /* and the consumer's own figure; 0 = not known */
    uint64_t space_then, told_then; /* both when it did not fit */
} augsi_fit_bound;

/* At each plan: the bytes available, 0 = not known. */
void augsi_fit_look(augsi_fit_bound *bound, uint64_t available_bytes);
/* At each feedback with a number of samples. True: a batch of this size did not fit. */
bool augsi_fit_hear(augsi_fit_bound *bound, const augs_feedback *feedback);
/* The largest size that may be planned, in steps of `step`; UINT64_MAX: any. */
uint64_t augsi_fit_most(const augsi_fit_bound *bound, uint64_t step);
/* The caller asks for a size: what did not fit before does not stand against it. */
void augsi_fit_allow(augsi_fit_bound *bound, uint64_t size);

#endif
