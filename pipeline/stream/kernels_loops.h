/* SPDX-License-Identifier: Apache-2.0 */
/* Loops that compilers turn into vector code by themselves; kernels.c and each kernels_*.c compile them
 * for their instruction set. */
#ifndef AUGSI_KERNELS_LOOPS_H
#define AUGSI_KERNELS_LOOPS_H

#include "pipeline/stream/kernels.h"
#include "pipeline/stream/quantiles_core.h"

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

static void loop_order_forward(const augsi_order *order, uint64_t *numbers, size_t n)
{
    const uint32_t high = order->high_bits, low = order->low_bits;
    const uint64_t mask = ((uint64_t)1 << low) - 1;
    const uint64_t k0 = order->keys[0], k1 = order->keys[1], k2 = order->keys[2];
    const uint64_t k3 = order->keys[3], k4 = order->keys[4], k5 = order->keys[5];
    const uint64_t k6 = order->keys[6], k7 = order->keys[7];
    for (size_t i = 0; i < n; i++) {
        uint64_t left = numbers[i] >> low, right = numbers[i] & mask;
        left ^= augsi_order_round(right, k0, high);
        right ^= augsi_order_round(left, k1, low);
        left ^= augsi_order_round(right, k2, high);
        right ^= augsi_order_round(left, k3, low);
        left ^= augsi_order_round(right, k4, high);
        right ^= augsi_order_round(left, k5, low);
        left ^= augsi_order_round(right, k6, high);
        right ^= augsi_order_round(left, k7, low);
        numbers[i] = left << low | right;
    }
}

#endif
