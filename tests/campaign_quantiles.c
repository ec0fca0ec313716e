/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The accuracy of the quantile functions over random words: campaign_quantiles [WORDS [SEED]].
 *
 * A value is correctly rounded when the distribution function, in long double and by other ways
 * than the library's, puts the word between the midpoints to the value's neighbors; within 1 ulp
 * when it does so for the neighbors themselves. Needs a long double of 64 bits or more. Each set of
 * parameters is a JSON object on a line, with the number of values in each class and the time.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pipeline/stream/kernels.h"
#include "pipeline/stream/quantiles.h"

typedef struct campaign {
    char kind; /* 'l', 'n', 'b' */
    double p[4];
    long double log_beta; /* of a beta */
} campaign;

static campaign campaigns[] = {
    {.kind = 'l', .p = {0.75, 4.0 / 3.0}},
    {.kind = 'l', .p = {1e-6, 1e6}},
    {.kind = 'l', .p = {1e-37, 3e38}},
    {.kind = 'n', .p = {0, 1, -INFINITY, INFINITY}},
    {.kind = 'n', .p = {9, 0.5, 0, 10}},
    {.kind = 'n', .p = {0, 1, 5, 6}},
    {.kind = 'n', .p = {0, 1, -40, -38}},
    {.kind = 'n', .p = {0, 1, 10, INFINITY}},
    {.kind = 'n', .p = {0, 1, 27.5, INFINITY}},
    {.kind = 'n', .p = {0, 1, 26.5, 26.6}},
    {.kind = 'n', .p = {0, 1, 100, INFINITY}},
    {.kind = 'n', .p = {-3, 1, 0, INFINITY}},
    {.kind = 'n', .p = {0.3, 1, -2, 1}},
    {.kind = 'b', .p = {0.2, 0.2}},
    {.kind = 'b', .p = {0.4, 0.4}},
    {.kind = 'b', .p = {0.5, 0.5}},
    {.kind = 'b', .p = {32, 32}},
    {.kind = 'b', .p = {8, 8}},
    {.kind = 'b', .p = {2, 5}},
    {.kind = 'b', .p = {1, 0.3}},
    {.kind = 'b', .p = {7, 1}},
    {.kind = 'b', .p = {1000, 1000}},
    {.kind = 'b', .p = {0.01, 0.01}},
    {.kind = 'b', .p = {1000, 0.01}},
    {.kind = 'b', .p = {0.01, 1000}},
    {.kind = 'b', .p = {200, 3}},
};

static long double upper_tail(long double x)
{
    return erfcl(x / sqrtl(2)) / 2;
}

/* I_x(a, b) by the series of positive terms. */
static long double beta_tail(long double a, long double b, long double x, long double rest,
                             long double log_beta)
{
    long double term = 1, total = 1;
    for (int k = 0; term > total * 0x1p-66L; k++) {
        term *= (a + b + k) / (a + 1 + k) * x;
        total += term;
    }
    return expl(a * logl(x) + b * logl(rest) - log_beta) / a * total;
}

/* F(x) - v, up to a positive factor. */
static long double excess(const campaign *c, long double x, uint32_t word)
{
    long double v = (word + 0.5L) * 0x1p-32L, rest = 1 - v;
    if (c->kind == 'l') {
        return (logl(x) - logl(c->p[0])) - v * (logl(c->p[1]) - logl(c->p[0]));
    }
    if (c->kind == 'n') {
        long double a = ((long double)c->p[2] - c->p[0]) / c->p[1];
        long double b = ((long double)c->p[3] - c->p[0]) / c->p[1];
        long double z = (x - c->p[0]) / c->p[1];
        if (a + b >= 0) {
            long double mass = upper_tail(a) - upper_tail(b);
            return (upper_tail(b) - upper_tail(z)) + rest * mass;
        }
        long double mass = upper_tail(-b) - upper_tail(-a);
        return (upper_tail(-z) - upper_tail(-a)) - v * mass;
    }
    long double p = c->p[0], q = c->p[1];
    if (x <= 0 || x >= 1) {
        return x <= 0 ? -1 : 1;
    }
    if (x < (p + 1) / (p + q + 2)) {
        return beta_tail(p, q, x, 1 - x, c->log_beta) - v;
    }
    return rest - beta_tail(q, p, 1 - x, x, c->log_beta);
}

static int lies_within(const campaign *c, float value, uint32_t word, long double spacings)
{
    long double below = (long double)value - nextafterf(value, -INFINITY);
    long double above = (long double)nextafterf(value, INFINITY) - value;
    return excess(c, value - spacings * below, word) <= 0 &&
           excess(c, value + spacings * above, word) >= 0;
}

static void run_fill(const campaign *c, const uint32_t *words, uint64_t n, float *ret_values,
                     double *ret_fill_s, double *ret_init_s)
{
    static augsi_beta beta;
    augsi_log_uniform log_uniform;
    augsi_normal normal;
    struct timespec times[3];
    clock_gettime(CLOCK_MONOTONIC, &times[0]);
    if (c->kind == 'l') {
        augsi_log_uniform_init(&log_uniform, c->p[0], c->p[1]);
    } else if (c->kind == 'n') {
        augsi_normal_init(&normal, c->p[0], c->p[1], c->p[2], c->p[3]);
    } else {
        augsi_beta_init(&beta, c->p[0], c->p[1]);
    }
    clock_gettime(CLOCK_MONOTONIC, &times[1]);
    for (uint64_t i = 0; i < n; i += 1000) {
        uint64_t part = n - i < 1000 ? n - i : 1000;
        if (c->kind == 'l') {
            augsi_kernels_in_use()->log_uniform(&log_uniform, words + i, part, ret_values + i);
        } else if (c->kind == 'n') {
            augsi_normal_fill(&normal, words + i, part, ret_values + i);
        } else {
            augsi_beta_fill(&beta, words + i, part, ret_values + i);
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &times[2]);
    double stamps[3];
    for (int i = 0; i < 3; i++) {
        stamps[i] = (double)times[i].tv_sec + 1e-9 * (double)times[i].tv_nsec;
    }
    *ret_init_s = stamps[1] - stamps[0];
    *ret_fill_s = stamps[2] - stamps[1];
}

/* Prints a line; returns how many values are more than 1 ulp away. */
static long measure(campaign *c, const uint32_t *words, uint64_t n, float *values)
{
    double fill_s, init_s;
    long unrounded = 0, wrong = 0;
    memset(values, 0, n * sizeof *values);
    run_fill(c, words, n, values, &fill_s, &init_s);
    long double a = c->p[0], b = c->p[1];
    c->log_beta = c->kind == 'b' ? lgammal(a) + lgammal(b) - lgammal(a + b) : 0;
    for (uint64_t i = 0; i < n; i++) {
        if (!lies_within(c, values[i], words[i], 0.5L)) {
            unrounded++;
            wrong += !lies_within(c, values[i], words[i], 1.0L);
        }
    }
    printf("{\"table\":\"sets\",\"kind\":\"%s\",\"parameters\":\"%g %g %g "
           "%g\",\"words\":%llu,\"not_rounded\":"
           "%ld,\"beyond_1_ulp\":%ld,\"ns_per_value\":%.1f,\"open_us\":%.1f}\n",
           c->kind == 'l'   ? "log_uniform"
           : c->kind == 'n' ? "normal"
                            : "beta",
           c->p[0], c->p[1], c->p[2], c->p[3], (unsigned long long)n, unrounded, wrong,
           fill_s / (double)n * 1e9, init_s * 1e6);
    fflush(stdout);
    return wrong;
}

static uint32_t next_word(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 32);
}

static double between(uint64_t *state, double low, double high)
{
    return low + (high - low) * next_word(state) * 0x1p-32;
}

int main(int argc, char **argv)
{
    const uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    uint64_t state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    uint32_t *words = malloc(n * sizeof *words);
    float *values = malloc(n * sizeof *values);
    long wrong = 0;
    if (words == NULL || values == NULL) {
        free(words);
        free(values);
        return EXIT_FAILURE;
    }
    for (uint64_t i = 0; i < n; i++) {
        words[i] = next_word(&state);
    }
    for (size_t k = 0; k < sizeof campaigns / sizeof campaigns[0]; k++) {
        wrong += measure(&campaigns[k], words, n, values);
    }
    for (int k = 0; k < 20; k++) {
        double low = between(&state, -34, 34), high = low + exp(between(&state, -9, 4));
        campaign normal = {.kind = 'n', .p = {0, 1, low, high}};
        double a = 0.01 * exp(between(&state, 0, 11.5)), b = 0.01 * exp(between(&state, 0, 11.5));
        campaign beta = {.kind = 'b', .p = {a, b}};
        wrong += measure(&normal, words, n, values);
        wrong += measure(&beta, words, n, values);
    }
    fprintf(stderr, "%ld beyond 1 ulp\n", wrong);
    free(words);
    free(values);
    return wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
