/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The distributions, with fixed seeds: what is drawn has the moments and the distribution function
 * it should, and columns, samples, epochs and seeds know nothing of each other. Limits are at about
 * one in a thousand to one in a hundred thousand of what chance does.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <augstream/stream.h>

#include "stream_fixture.h"
#include "suite.h"

#define SEED 20261121u
#define MOST 200000u

static float values[MOST];

static uint64_t n_draws(void)
{
    return (uint64_t)rounds(MOST, 20000);
}

typedef double distribution_function(double x);

/* n draws of one column of the kind, into the array of its dtype. */
static void draw(augs_column_info info, uint64_t n_samples, uint64_t seed, uint32_t epoch,
                 uint64_t n, void *ret_values)
{
    info.size = sizeof info;
    info.shape = info.shape == 0 ? 1 : info.shape;
    info.gate = AUGS_NO_GATE;
    info.name = info.name == NULL ? "column" : info.name;
    augs_stream *stream =
        open_stream(open_columns(&info, 1, NULL), AUGS_ORDER_SEQUENTIAL, n_samples, seed, epoch);
    void *columns[2] = {NULL, ret_values};
    augs_error error;
    AUGS_ASSERT_OK(augs_stream_fill(stream, &(augs_span){0, 1, n}, columns, &error), error);
    augs_stream_unref(stream);
}

static int rising(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov and Smirnov's distance times sqrt(n): above 1.95 once in a thousand. */
static double distance(float *sorted, uint64_t n, distribution_function *function)
{
    qsort(sorted, n, sizeof *sorted, rising);
    double worst = 0;
    for (uint64_t i = 0; i < n; i++) {
        double f = function((double)sorted[i]);
        worst = fmax(worst, fmax(f - (double)i / (double)n, (double)(i + 1) / (double)n - f));
    }
    return worst * sqrt((double)n);
}

/* Mean within 4 standard errors, variance within 5 of its own (by the fourth moment that is seen).
 */
static void check_moments(const char *what, uint64_t n, double mean, double std_dev)
{
    double sum = 0, second = 0, fourth = 0;
    for (uint64_t i = 0; i < n; i++) {
        double d = (double)values[i] - mean;
        sum += d;
        second += d * d;
        fourth += d * d * d * d;
    }
    const double count = (double)n, variance = std_dev * std_dev;
    double error = sqrt(fmax(fourth / count - variance * variance, 0) / count);
    ck_assert_msg(fabs(sum / count) < 4 * std_dev / sqrt(count), "%s: mean %g, expected %g", what,
                  mean + sum / count, mean);
    ck_assert_msg(fabs(second / count - variance) < 5 * error + 1e-6 * variance,
                  "%s: standard deviation %g, expected %g", what, sqrt(second / count), std_dev);
}

static double uniform_function(double x)
{
    return (x + 30) / 60;
}
static double log_uniform_function(double x)
{
    return log(x / 0.01) / log(1000);
}
static double normal_function(double x)
{
    return 0.5 * erfc(-x / sqrt(2));
}
/* mean 1, standard deviation 2, between 0 and 2.5 */
static double bounded_function(double x)
{
    const double low = normal_function(-0.5), high = normal_function(0.75);
    return (normal_function((x - 1) / 2) - low) / (high - low);
}
static double beta_2_3_function(double x)
{
    return x * x * (6 - 8 * x + 3 * x * x);
}
static double beta_half_function(double x)
{
    return 2 / acos(-1) * asin(sqrt(x));
}
static double beta_fifth_one_function(double x)
{
    return pow(x, 0.2);
}

START_TEST(continuous_kinds_have_their_moments_and_distribution_functions)
{
    static const struct {
        const char *what;
        augs_column_info info;
        distribution_function *function;
        double mean, std_dev;
    } cases[] = {
        {"uniform",
         {.kind = AUGS_KIND_UNIFORM, .numbers = {-30, 30}},
         uniform_function,
         0,
         17.320508},
        {"log_uniform",
         {.kind = AUGS_KIND_LOG_UNIFORM, .numbers = {0.01, 10}},
         log_uniform_function,
         1.4462006,
         2.2686423},
        {"normal", {.kind = AUGS_KIND_NORMAL, .numbers = {0, 1}}, normal_function, 0, 1},
        {"normal with bounds",
         {.kind = AUGS_KIND_NORMAL,
          .numbers = {1, 2, 0, 2.5},
          .flags = AUGS_HAS_MIN | AUGS_HAS_MAX},
         bounded_function,
         1.2191224,
         0.7026218},
        {"beta(2, 3)", {.kind = AUGS_KIND_BETA, .numbers = {2, 3}}, beta_2_3_function, 0.4, 0.2},
        {"beta(1/2, 1/2)",
         {.kind = AUGS_KIND_BETA, .numbers = {0.5, 0.5}},
         beta_half_function,
         0.5,
         0.35355339},
        {"beta(0.2, 1)",
         {.kind = AUGS_KIND_BETA, .numbers = {0.2, 1}},
         beta_fifth_one_function,
         1.0 / 6,
         0.25125945},
    };
    const uint64_t n = n_draws();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        draw(cases[i].info, AUGS_ENDLESS, SEED, 0, n, values);
        check_moments(cases[i].what, n, cases[i].mean, cases[i].std_dev);
        double d = distance(values, n, cases[i].function);
        ck_assert_msg(d < 1.95 && d > 0.2, "%s: Kolmogorov-Smirnov %g", cases[i].what, d);
    }
}
END_TEST

/* Pearson's statistic of counts against expectations as a standard normal number (Wilson and
 * Hilferty, 1931). */
static double chi_square(const uint64_t *counts, const double *expected, size_t n)
{
    double sum = 0, df = -1;
    for (size_t i = 0; i < n; i++) {
        ck_assert(expected[i] > 5 || (expected[i] == 0 && counts[i] == 0));
        if (expected[i] > 0) {
            double d = (double)counts[i] - expected[i];
            sum += d * d / expected[i];
            df++;
        }
    }
    return (cbrt(sum / df) - (1 - 2 / (9 * df))) / sqrt(2 / (9 * df));
}

static void check_even(const char *what, const uint64_t *counts, size_t n)
{
    double total = 0, expected[4096];
    ck_assert_uint_le(n, 4096);
    for (size_t i = 0; i < n; i++) {
        total += (double)counts[i];
    }
    for (size_t i = 0; i < n; i++) {
        expected[i] = total / (double)n;
    }
    double z = chi_square(counts, expected, n);
    ck_assert_msg(fabs(z) < 3.7, "%s: chi-square at %g standard deviations", what, z);
}

START_TEST(bernoulli_columns_have_their_probability)
{
    static uint8_t flags[MOST];
    static const double ps[] = {0, 0.001, 0.25, 0.5, 0.8, 1};
    const uint64_t n = n_draws();
    for (size_t i = 0; i < sizeof ps / sizeof ps[0]; i++) {
        draw((augs_column_info){.kind = AUGS_KIND_BERNOULLI, .numbers = {ps[i]}}, AUGS_ENDLESS,
             SEED, 1, n, flags);
        double sum = 0;
        for (uint64_t k = 0; k < n; k++) {
            ck_assert_uint_le(flags[k], 1);
            sum += flags[k];
        }
        double error = sqrt(ps[i] * (1 - ps[i]) * (double)n);
        ck_assert_msg(fabs(sum - ps[i] * (double)n) <= 4 * error, "p = %g: %g of %g", ps[i], sum,
                      (double)n);
    }
}
END_TEST

START_TEST(integers_are_even_and_choices_follow_their_weights)
{
    static int32_t integers[MOST];
    static int32_t picks[MOST];
    const uint64_t n = n_draws();
    uint64_t counts[9] = {0};
    draw((augs_column_info){.kind = AUGS_KIND_INTEGER, .numbers = {-4, 4}}, AUGS_ENDLESS, SEED, 0,
         n, integers);
    for (uint64_t i = 0; i < n; i++) {
        ck_assert(integers[i] >= -4 && integers[i] <= 4);
        counts[integers[i] + 4]++;
    }
    check_even("integer", counts, 9);
    static const augs_choice choices[5] = {{.text = "a", .weight = 0.1},
                                           {.text = "b", .weight = 0},
                                           {.text = "c", .weight = 3},
                                           {.text = "d", .weight = 0.5},
                                           {.text = "e", .weight = 1.4}};
    double expected[5];
    memset(counts, 0, sizeof counts);
    draw((augs_column_info){.kind = AUGS_KIND_CHOICE, .choices = choices, .n_choices = 5},
         AUGS_ENDLESS, SEED, 0, n, picks);
    for (uint64_t i = 0; i < n; i++) {
        ck_assert(picks[i] >= 0 && picks[i] < 5);
        counts[picks[i]]++;
    }
    for (size_t i = 0; i < 5; i++) {
        expected[i] = choices[i].weight / 5 * (double)n;
    }
    ck_assert_double_lt(fabs(chi_square(counts, expected, 5)), 3.7);
}
END_TEST

START_TEST(every_permutation_is_as_frequent_and_every_item_at_every_place)
{
    static int32_t items[MOST * 12];
    const uint64_t n = n_draws();
    uint64_t counts[144] = {0};
    draw((augs_column_info){.kind = AUGS_KIND_PERMUTATION, .numbers = {4}}, AUGS_ENDLESS, SEED, 0,
         n, items);
    for (uint64_t i = 0; i < n; i++) {
        const int32_t *p = items + 4 * i;
        size_t rank = 0;
        for (int a = 0; a < 4; a++) { /* Lehmer code */
            size_t below = 0;
            for (int b = a + 1; b < 4; b++) {
                below += p[b] < p[a];
            }
            rank = rank * (size_t)(4 - a) + below;
        }
        counts[rank]++;
    }
    check_even("permutation of 4", counts, 24);
    memset(counts, 0, sizeof counts);
    draw((augs_column_info){.kind = AUGS_KIND_PERMUTATION, .numbers = {12}}, AUGS_ENDLESS, SEED, 0,
         n, items);
    for (uint64_t i = 0; i < n; i++) {
        unsigned seen = 0;
        for (size_t place = 0; place < 12; place++) {
            seen |= 1u << items[12 * i + place];
            counts[place * 12 + (size_t)items[12 * i + place]]++;
        }
        ck_assert_uint_eq(seen, 0xfff);
    }
    for (size_t place = 0; place < 12; place++) {
        check_even("items at a place", counts + place * 12, 12);
    }
}
END_TEST

START_TEST(partners_are_even_and_every_bit_of_a_seed_is_fair)
{
    static uint64_t numbers[MOST];
    const uint64_t n = n_draws();
    uint64_t counts[100] = {0};
    draw((augs_column_info){.kind = AUGS_KIND_SAMPLE}, 1281167, SEED, 0, n, numbers);
    for (uint64_t i = 0; i < n; i++) {
        ck_assert_uint_lt(numbers[i], 1281167);
        counts[numbers[i] * 100 / 1281167]++;
    }
    check_even("partners", counts, 100);
    draw((augs_column_info){.kind = AUGS_KIND_SEED}, AUGS_ENDLESS, SEED, 0, n, numbers);
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t ones = 0, same = 0;
        for (uint64_t i = 0; i < n; i++) {
            ones += numbers[i] >> bit & 1;
            same += (numbers[i] >> bit & 1) == (numbers[i] >> ((bit + 1) % 64) & 1);
        }
        double limit = 4.5 * 0.5 * sqrt((double)n);
        ck_assert_double_lt(fabs((double)ones - 0.5 * (double)n), limit);
        ck_assert_double_lt(fabs((double)same - 0.5 * (double)n), limit);
    }
}
END_TEST

/* Of uniform numbers in [0, 1). */
static double correlation(const float *a, const float *b, uint64_t n)
{
    double sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        sum += ((double)a[i] - 0.5) * ((double)b[i] - 0.5);
    }
    return sum * 12 / (double)n;
}

static void check_uncorrelated(const char *what, const float *a, const float *b, uint64_t n)
{
    double r = correlation(a, b, n) * sqrt((double)n);
    ck_assert_msg(fabs(r) < 4.5, "%s: correlation at %g standard errors", what, r);
}

static const augs_column_info unit = {.kind = AUGS_KIND_UNIFORM, .numbers = {0, 1}};

START_TEST(columns_know_nothing_of_each_other)
{
    enum { N = 20000, COLUMNS = 40 };
    static float columns[COLUMNS][N];
    for (unsigned c = 0; c < COLUMNS; c++) {
        char name[32];
        augs_column_info info = unit;
        snprintf(name, sizeof name, c % 2 == 0 ? "c%u" : "column.number%u", c / 2);
        info.name = name;
        draw(info, AUGS_ENDLESS, SEED, 0, N, columns[c]);
        for (unsigned d = 0; d < c; d++) {
            check_uncorrelated("columns", columns[c], columns[d], N);
        }
    }
}
END_TEST

START_TEST(adjacent_epochs_and_seeds_know_nothing_of_each_other)
{
    enum { N = 20000 };
    static float before[N], now[N], other[N];
    draw(unit, AUGS_ENDLESS, 0, 0, N, before);
    for (uint32_t i = 1; i <= (uint32_t)rounds(100, 10); i++) {
        draw(unit, AUGS_ENDLESS, 0, i, N, now);
        draw(unit, AUGS_ENDLESS, i, 0, N, other);
        check_uncorrelated("epochs", before, now, N);
        check_uncorrelated("epoch and seed", now, other, N);
        memcpy(before, now, sizeof now);
    }
    uint64_t seed = 1; /* seeds that differ in one bit */
    draw(unit, AUGS_ENDLESS, 0, 0, N, before);
    for (unsigned bit = 0; bit < 64; bit++, seed <<= 1) {
        draw(unit, AUGS_ENDLESS, seed, 0, N, now);
        check_uncorrelated("seeds", before, now, N);
    }
}
END_TEST

START_TEST(adjacent_samples_and_elements_know_nothing_of_each_other)
{
    const uint64_t n = n_draws();
    draw(unit, AUGS_ENDLESS, SEED, 0, n, values);
    for (uint64_t lag = 1; lag <= 40; lag++) {
        check_uncorrelated("samples", values, values + lag, n - lag);
    }
    /* pairs in the unit square, by cells: of neighbors and of the two halves of one output */
    for (uint64_t shift = 0; shift < 2; shift++) {
        uint64_t counts[32 * 32] = {0};
        for (uint64_t i = shift; i + 1 < n; i += 2) {
            counts[(size_t)(values[i] * 32) * 32 + (size_t)(values[i + 1] * 32)]++;
        }
        check_even("pairs", counts, 32 * 32);
    }
}
END_TEST

START_TEST(the_same_seed_under_another_range_gives_the_same_quantiles)
{
    enum { N = 1000 };
    static float narrow[N], wide[N], ratio[N];
    static uint8_t rare[N], often[N];
    augs_column_info info = unit;
    draw(info, AUGS_ENDLESS, SEED, 0, N, narrow);
    info.numbers[1] = 1024;
    draw(info, AUGS_ENDLESS, SEED, 0, N, wide);
    draw((augs_column_info){.kind = AUGS_KIND_LOG_UNIFORM, .numbers = {1, 2}}, AUGS_ENDLESS, SEED,
         0, N, ratio);
    draw((augs_column_info){.kind = AUGS_KIND_BERNOULLI, .numbers = {0.2}}, AUGS_ENDLESS, SEED, 0,
         N, rare);
    draw((augs_column_info){.kind = AUGS_KIND_BERNOULLI, .numbers = {0.7}}, AUGS_ENDLESS, SEED, 0,
         N, often);
    for (size_t i = 0; i < N; i++) {
        ck_assert(wide[i] == 1024 * narrow[i]);
        ck_assert_double_lt(fabs(log2((double)ratio[i]) - (double)narrow[i]), 1e-6);
        ck_assert_int_eq(rare[i], narrow[i] < 0.2F);
        ck_assert_int_eq(often[i], narrow[i] < 0.7F);
    }
}
END_TEST

static void order_of(uint64_t n, uint64_t seed, uint32_t epoch, int64_t *ret_ids)
{
    augs_stream *stream = open_stream(uniform_preset(1), AUGS_ORDER_SHUFFLED, n, seed, epoch);
    augs_error error;
    AUGS_ASSERT_OK(augs_stream_sample_ids(stream, &(augs_span){0, 1, n}, ret_ids, &error), error);
    augs_stream_unref(stream);
}

START_TEST(every_order_of_five_samples_is_as_frequent)
{
    uint64_t counts[120] = {0};
    const uint32_t n_epochs = (uint32_t)rounds(24000, 2400);
    for (uint32_t epoch = 0; epoch < n_epochs; epoch++) {
        int64_t ids[5];
        size_t rank = 0;
        order_of(5, SEED, epoch, ids);
        for (size_t a = 0; a < 5; a++) {
            size_t below = 0;
            for (size_t b = a + 1; b < 5; b++) {
                below += ids[b] < ids[a];
            }
            rank = rank * (5 - a) + below;
        }
        counts[rank]++;
    }
    check_even("orders of five", counts, 120);
}
END_TEST

START_TEST(a_large_order_spreads_evenly)
{
    enum { N = 100000 };
    static int64_t ids[N], later[N];
    uint64_t cells[20 * 20] = {0}, steps[50] = {0}, epochs[20 * 20] = {0};
    order_of(N, SEED, 0, ids);
    order_of(N, SEED, 1, later);
    for (uint64_t p = 0; p < N; p++) {
        const uint64_t id = (uint64_t)ids[p], next = (uint64_t)ids[(p + 1) % N];
        cells[p * 20 / N * 20 + id * 20 / N]++;
        epochs[id * 20 / N * 20 + (uint64_t)later[p] * 20 / N]++;
        steps[(next + N - id) % N * 50 / N]++;
    }
    check_even("position and sample", cells, 20 * 20);
    check_even("sample after sample", steps, 50);
    check_even("an epoch and the next", epochs, 20 * 20);
}
END_TEST

START_TEST(a_sample_stays_in_its_place_once_per_epoch)
{
    enum { N = 100 };
    const uint32_t n_epochs = (uint32_t)rounds(4000, 400);
    uint64_t n_fixed = 0, first[N] = {0};
    int64_t ids[N];
    for (uint32_t epoch = 0; epoch < n_epochs; epoch++) {
        order_of(N, SEED + 1, epoch, ids);
        first[ids[0]]++;
        for (uint64_t p = 0; p < N; p++) {
            n_fixed += ids[p] == (int64_t)p;
        }
    }
    /* the number of fixed points of a random permutation has mean 1 and variance 1 */
    ck_assert_double_lt(fabs((double)n_fixed - n_epochs), 4 * sqrt(n_epochs));
    if (n_epochs >= 1000) {
        check_even("the first sample", first, N);
    }
}
END_TEST

AUGS_SUITE("statistics", continuous_kinds_have_their_moments_and_distribution_functions,
           bernoulli_columns_have_their_probability,
           integers_are_even_and_choices_follow_their_weights,
           every_permutation_is_as_frequent_and_every_item_at_every_place,
           partners_are_even_and_every_bit_of_a_seed_is_fair, columns_know_nothing_of_each_other,
           adjacent_epochs_and_seeds_know_nothing_of_each_other,
           adjacent_samples_and_elements_know_nothing_of_each_other,
           the_same_seed_under_another_range_gives_the_same_quantiles,
           every_order_of_five_samples_is_as_frequent, a_large_order_spreads_evenly,
           a_sample_stays_in_its_place_once_per_epoch)
