/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the quantile functions share: exp and log without branches, which the compiler may
 * vectorise, and the two tails of a word.
 *
 * exp: reduction by ln 2 in two parts (Cody and Waite) and the Taylor polynomial of degree 13.
 * log: 2 artanh((m - 1) / (m + 1)) by its series up to s^23, m in [sqrt(1/2), sqrt(2)).
 */
#ifndef AUGSI_QUANTILES_CORE_H
#define AUGSI_QUANTILES_CORE_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "pipeline/stream/quantiles.h"

_Static_assert(FLT_EVAL_METHOD == 0, "the stream contract needs binary64 without excess precision");

static inline double augsi_from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint64_t augsi_to_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* For -708 <= x <= 709. */
static inline double augsi_exp_core(double x)
{
    const double shifter = 0x1.8p52;
    const double ln2_high = 0x1.62e42fee00000p-1, ln2_low = 0x1.a39ef35793c76p-33;
    double shifted = x * 0x1.71547652b82fep0 + shifter;
    double k = shifted - shifter;
    double r = (x - k * ln2_high) - k * ln2_low;
    double p = 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    /* the low bits of `shifted` are k in two's complement */
    return p * augsi_from_bits((augsi_to_bits(shifted) + 1023) << 52);
}

/* For normal x > 0. */
static inline double augsi_ln_core(double x)
{
    const double ln2_high = 0x1.62e42fee00000p-1, ln2_low = 0x1.a39ef35793c76p-33;
    uint64_t bits = augsi_to_bits(x);
    /* m in [sqrt(1/2), sqrt(2)) */
    uint64_t shift = (bits - 0x3fe6a09e667f3bcdu) >> 52;
    /* shift is in two's complement of 12 bits: 2048 makes it positive, the constant 2^52 + 2048
     * takes both away. */
    double exponent =
        augsi_from_bits(0x4330000000000000u | ((shift + 2048) & 0xfff)) - (0x1p52 + 2048);
    double m = augsi_from_bits(bits - (shift << 52));
    double s = (m - 1.0) / (m + 1.0), z = s * s;
    double p = 2.0 / 23.0;
    p = p * z + 2.0 / 21.0;
    p = p * z + 2.0 / 19.0;
    p = p * z + 2.0 / 17.0;
    p = p * z + 2.0 / 15.0;
    p = p * z + 2.0 / 13.0;
    p = p * z + 2.0 / 11.0;
    p = p * z + 2.0 / 9.0;
    p = p * z + 2.0 / 7.0;
    p = p * z + 2.0 / 5.0;
    p = p * z + 2.0 / 3.0;
    p = p * z * s;
    return exponent * ln2_high + (2.0 * s + (p + exponent * ln2_low));
}

/* ln(1 + x), x > -1; what the sum loses is added to first order. */
static inline double augsi_ln1p(double x)
{
    double sum = 1.0 + x, base = fabs(x) > 1.0 ? x : 1.0, other = fabs(x) > 1.0 ? 1.0 : x;
    double lost = other - (sum - base);
    return augsi_ln(sum) + lost / sum;
}

/* exp(x) - 1 for x < 700 (W. Kahan's form: the error of the rounded exp cancels in the quotient).
 */
static inline double augsi_exp_minus_1(double x)
{
    if (x < -40.0) {
        return -1.0;
    }
    double e = augsi_exp_core(x);
    return e == 1.0 ? x : (e - 1.0) * x / augsi_ln(e);
}

/* v = (w + 1/2) 2^-32 and 1 - v, both exact. */
static inline double augsi_lower(uint32_t word)
{
    return (augsi_from_bits(0x4330000000000000u | word) - (0x1p52 - 0.5)) * 0x1p-32;
}

static inline double augsi_upper(uint32_t word)
{
    return (4294967295.5 - (augsi_from_bits(0x4330000000000000u | word) - 0x1p52)) * 0x1p-32;
}

static inline float augsi_clamp(float x, float low, float high)
{
    x = x < low ? low : x;
    return x > high ? high : x;
}

/* The loop of a log-uniform column, for each instruction set that compiles it. */
static inline void augsi_log_uniform_loop(const augsi_log_uniform *column, const uint32_t *words,
                                          uint64_t n, float *ret_values)
{
    const double log_low = column->log_low, log_width = column->log_width;
    const float low = column->low, high = column->high;
    for (uint64_t i = 0; i < n; i++) {
        double x = augsi_exp_core(log_low + augsi_lower(words[i]) * log_width);
        ret_values[i] = augsi_clamp((float)x, low, high);
    }
}

#endif
