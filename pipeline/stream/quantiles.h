/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quantile functions that give the same bits on every IEEE-754 machine: only + - * / and sqrt in
 * binary64, no contraction, no libm. Sources in the .c files. A compiled column is read only: any
 * number of threads may fill from it.
 */
#ifndef AUGSI_QUANTILES_H
#define AUGSI_QUANTILES_H

#include <stdint.h>

/* exp and log in binary64, relative error below 2^-50; log for x > 0, exp clamps to 0 and infinity.
 */
double augsi_exp(double x);
double augsi_ln(double x);
/* Compiled parameters of a column; w is the element's word, v = (w + 0.5) 2^-32. */
typedef struct augsi_log_uniform {
    double log_low, log_width;
    float low, high;
} augsi_log_uniform;

/* The neighborhood of a bound: tail masses up to `reach` of the whole. */
typedef struct augsi_normal_edge {
    double z, bound, scale, reach;
} augsi_normal_edge;

typedef struct augsi_normal {
    double mean, std_dev;
    double p_low, q_high, mass; /* Phi(a), 1 - Phi(b), and what lies between */
    double base, v_base;        /* Phi - 1/2 = base + (v - v_base) mass */
    /* both bounds far on one side: that side, else 0; the nearer bound, standardized and as given
     */
    double direction, near, anchor, far_ratio;
    augsi_normal_edge low_edge, high_edge;
    float low, high; /* -inf, inf without bounds */
} augsi_normal;

#define AUGSI_BETA_PIECES 92
#define AUGSI_BETA_TERMS 12

/* About 9 KiB: not for the stack of a fill. */
typedef struct augsi_beta {
    double a, b;
    double base_low, base_high; /* ln(a B(a, b)), ln(b B(a, b)) */
    double split, v_split;      /* where the roles of x and 1 - x are exchanged, and I there */
    double table[AUGSI_BETA_PIECES][AUGSI_BETA_TERMS];
    uint8_t tabled[AUGSI_BETA_PIECES];
} augsi_beta;

void augsi_log_uniform_init(augsi_log_uniform *column, double low, double high);
/* Bounds may be -INFINITY and INFINITY. */
void augsi_normal_init(augsi_normal *column, double mean, double std_dev, double low, double high);
/* 0.01 <= a, b <= 1000. Makes the table, in 0.2 to 3 ms. */
void augsi_beta_init(augsi_beta *column, double a, double b);

/*
 * n elements from n words, within 1 ulp of the exact value (beta: or 2^-32, whichever is more); all
 * but a few in a million are correctly rounded. One reservation, for normal columns whose mean is
 * not 0 or whose bounds are not symmetric: a result that happens to lie near 0 between the bounds
 * has an absolute error below 2^-48 (|mean| + std_dev), which exceeds 1 ulp only where the result
 * is 2^-24 times smaller. Near a bound of 0 and in symmetric columns nothing cancels. ret_values
 * may be the same memory as words. The loop of log_uniform is one of the kernels (kernels.h).
 */
void augsi_normal_fill(const augsi_normal *column, const uint32_t *words, uint64_t n,
                       float *ret_values);
void augsi_beta_fill(const augsi_beta *column, const uint32_t *words, uint64_t n,
                     float *ret_values);

#endif
