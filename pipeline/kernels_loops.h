/* SPDX-License-Identifier: Apache-2.0 */
/* Loops that compilers turn into vector code by themselves; each kernels_*.c compiles them for its
 * instruction set. */
#ifndef AUGSI_KERNELS_LOOPS_H
#define AUGSI_KERNELS_LOOPS_H

#include "kernels.h"
#include "order.h"
#include "quantiles_core.h"

static void loop_uniform(float low, float width, const uint32_t *restrict words, uint64_t n,
                         float *restrict ret_values)
{
    for (uint64_t i = 0; i < n; i++) {
        float u = (float)(int32_t)(words[i] >> 8) * 0x1p-24f;
        ret_values[i] = low + width * u;
    }
}

static void loop_log_uniform(const augsi_log_uniform *column, const uint32_t *words, uint64_t n,
                             float *ret_values)
{
    augsi_log_uniform_loop(column, words, n, ret_values);
}

static void loop_order_forward(const uint64_t keys[8], uint32_t half_bits, uint64_t *numbers,
                               size_t n)
{
    const uint64_t mask = ((uint64_t)1 << half_bits) - 1;
    const uint64_t k0 = keys[0], k1 = keys[1], k2 = keys[2], k3 = keys[3];
    const uint64_t k4 = keys[4], k5 = keys[5], k6 = keys[6], k7 = keys[7];
    for (size_t i = 0; i < n; i++) {
        uint64_t left = numbers[i] >> half_bits, right = numbers[i] & mask;
        left ^= augsi_order_round(right, k0, half_bits);
        right ^= augsi_order_round(left, k1, half_bits);
        left ^= augsi_order_round(right, k2, half_bits);
        right ^= augsi_order_round(left, k3, half_bits);
        left ^= augsi_order_round(right, k4, half_bits);
        right ^= augsi_order_round(left, k5, half_bits);
        left ^= augsi_order_round(right, k6, half_bits);
        right ^= augsi_order_round(left, k7, half_bits);
        numbers[i] = left << half_bits | right;
    }
}

#endif
