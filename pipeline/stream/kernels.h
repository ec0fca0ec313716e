/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inner loops, once for each instruction set. All give the same bits: every operation is an
 * IEEE-754 or integer operation by itself, whatever the width. The best set that the machine has is
 * picked the first time.
 */
#ifndef AUGSI_KERNELS_H
#define AUGSI_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "pipeline/stream/order.h"
#include "pipeline/stream/quantiles.h"
#include "pipeline/stream/rng.h"

typedef struct augsi_kernels {
    const char *name;
    augsi_rng_outputs *outputs;
    void (*uniform)(float low, float width, const uint32_t *words, uint64_t n, float *ret_values);
    void (*log_uniform)(const augsi_log_uniform *column, const uint32_t *words, uint64_t n,
                        float *ret_values);
    /* All rounds of the order's network, once, over n numbers in place. */
    void (*order_forward)(const augsi_order *order, uint64_t *numbers, size_t n);
} augsi_kernels;

extern const augsi_kernels augsi_kernels_scalar;
#ifdef AUGSI_HAVE_AVX512
extern const augsi_kernels augsi_kernels_avx512;
/* rng_avx512.c: n is a multiple of 16. */
augsi_rng_outputs augsi_rng_outputs_avx512;
#endif

const augsi_kernels *augsi_kernels_in_use(void);
/* Any row, also a wrong one; NULL: the best that the machine has. For the test that a wrong kernel
 * changes the self test's hash: no public function can put one in. */
void augsi_kernels_use(const augsi_kernels *kernels);

#endif
