/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "pipeline/stream/kernels.h"
#include "pipeline/stream/quantiles.h"
#include "suite.h"

#define N_PINNED 100000

typedef struct distribution {
    const char *kind;
    double numbers[4];
} distribution;

/* ck_assert writes to a pipe each time; this one only on failure. */
#define EXPECT(condition, ...)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            ck_abort_msg(__VA_ARGS__);                                                             \
        }                                                                                          \
    } while (0)

static int is_small(void)
{
    return getenv("AUGS_TEST_SMALL") != NULL;
}

static void fill(const distribution *what, const uint32_t *words, uint64_t n, float *ret_values)
{
    const double *p = what->numbers;
    if (strcmp(what->kind, "log_uniform") == 0) {
        augsi_log_uniform column;
        augsi_log_uniform_init(&column, p[0], p[1]);
        augsi_kernels_in_use()->log_uniform(&column, words, n, ret_values);
    } else if (strcmp(what->kind, "normal") == 0) {
        augsi_normal column;
        augsi_normal_init(&column, p[0], p[1], p[2], p[3]);
        augsi_normal_fill(&column, words, n, ret_values);
    } else {
        static augsi_beta column;
        augsi_beta_init(&column, p[0], p[1]);
        augsi_beta_fill(&column, words, n, ret_values);
    }
}

static uint32_t next_word(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 32);
}

static const distribution many[] = {
    {"log_uniform", {0.75, 4.0 / 3.0}},
    {"log_uniform", {1e-38, 3e38}},
    {"log_uniform", {1, 1.0000002}},
    {"normal", {0, 1, -INFINITY, INFINITY}},
    {"normal", {9, 0.5, 0, 10}},
    {"normal", {0, 1, 5, 6}},
    {"normal", {0, 1, -40, -38}},
    {"normal", {0, 1, 26.5, INFINITY}},
    {"normal", {0, 1, 10000, INFINITY}},
    {"normal", {-3, 1, 0, 1}},
    {"normal", {4, 2, -INFINITY, 0}},
    {"normal", {0, 1, 2, 2.0000001}},
    {"beta", {0.2, 0.2}},
    {"beta", {1, 1}},
    {"beta", {32, 32}},
    {"beta", {0.5, 0.5}},
    {"beta", {0.01, 0.01}},
    {"beta", {1000, 0.01}},
    {"beta", {0.01, 1000}},
    {"beta", {1000, 1000}},
    {"beta", {1, 1000}},
    {"beta", {0.01, 1}},
    {"beta", {2, 5}},
    {"beta", {0.3, 40}},
};
#define N_MANY (sizeof many / sizeof many[0])

static int64_t ordinal(float x)
{
    int32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits < 0 ? (int64_t)INT32_MIN - bits : bits;
}

static void check_case(json_t *entry, int *wrong)
{
    json_t *params = json_object_get(entry, "params");
    json_t *words = json_object_get(entry, "words");
    json_t *bits = json_object_get(entry, "bits");
    distribution what = {json_string_value(json_object_get(entry, "kind")), {0}};
    uint32_t inputs[64];
    float values[64];
    size_t n = json_array_size(words);
    ck_assert(n > 30 && n <= 64 && json_array_size(bits) == n);
    for (size_t i = 0; i < json_array_size(params); i++) {
        json_t *number = json_array_get(params, i);
        double infinity = i == 2 ? -INFINITY : INFINITY;
        what.numbers[i] = json_is_null(number) ? infinity : json_number_value(number);
    }
    for (size_t i = 0; i < n; i++) {
        inputs[i] = (uint32_t)json_integer_value(json_array_get(words, i));
    }
    fill(&what, inputs, n, values);
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(bits, i));
        uint32_t expected_bits = (uint32_t)strtoul(text, NULL, 16);
        float expected;
        memcpy(&expected, &expected_bits, sizeof expected);
        int64_t distance = llabs(ordinal(values[i]) - ordinal(expected));
        *wrong += distance != 0;
        ck_assert_msg(distance <= 1, "%s %g %g %g %g, word %u: %.9g, exact is %.9g", what.kind,
                      what.numbers[0], what.numbers[1], what.numbers[2], what.numbers[3], inputs[i],
                      (double)values[i], (double)expected);
    }
}

START_TEST(values_are_those_of_mpmath)
{
    char path[1024];
    const char *folder = getenv("AUGS_TEST_DATA");
    ck_assert_ptr_nonnull(folder);
    snprintf(path, sizeof path, "%s/quantiles.json", folder);
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error);
    ck_assert_msg(root != NULL, "%s: %s", path, error.text);
    json_t *cases = json_object_get(root, "cases");
    ck_assert_uint_gt(json_array_size(cases), 50);
    int wrong = 0;
    for (size_t i = 0; i < json_array_size(cases); i++) {
        check_case(json_array_get(cases, i), &wrong);
    }
    ck_assert_msg(wrong == 0, "%d values are not correctly rounded", wrong);
    json_decref(root);
}
END_TEST

/* Words in ascending order: all neighborhoods of the ends and of the middle, and steps between. */
static size_t ascending_words(uint32_t *ret_words, size_t most)
{
    size_t n = 0;
    const uint64_t run = most / 8, stride = ((uint64_t)1 << 32) / (most / 2);
    const uint64_t starts[] = {0, 0x40000000, 0x80000000 - run / 2, 0x100000000 - run};
    uint64_t word = 0;
    for (size_t s = 0; s < 4; s++) {
        for (; word < starts[s]; word += stride) {
            ret_words[n++] = (uint32_t)word;
        }
        for (word = starts[s]; word < starts[s] + run; word++) {
            ret_words[n++] = (uint32_t)word;
        }
    }
    return n;
}

START_TEST(values_ascend_with_the_word_and_stay_in_bounds)
{
    const size_t most = is_small() ? 2000 : 100000;
    uint32_t *words = malloc((most + 16) * sizeof *words);
    float *values = malloc((most + 16) * sizeof *values);
    ck_assert(words != NULL && values != NULL);
    size_t n = ascending_words(words, most);
    ck_assert_uint_le(n, most + 16);
    ck_assert_uint_eq(words[n - 1], UINT32_MAX);
    for (size_t k = 0; k < N_MANY; k++) {
        const distribution *what = &many[k];
        const int is_normal = what->kind[0] == 'n', is_beta = what->kind[0] == 'b';
        float low = (float)(is_beta ? 0 : what->numbers[is_normal ? 2 : 0]);
        float high = (float)(is_beta ? 1 : what->numbers[is_normal ? 3 : 1]);
        fill(what, words, n, values);
        for (size_t i = 0; i < n; i++) {
            EXPECT(values[i] >= low && values[i] <= high, "%s %g %g, word %u: %.9g", what->kind,
                   what->numbers[0], what->numbers[1], words[i], (double)values[i]);
            EXPECT(i == 0 || values[i] >= values[i - 1], "%s %g %g: %.9g after %.9g at %u",
                   what->kind, what->numbers[0], what->numbers[1], (double)values[i],
                   (double)values[i - 1], words[i]);
        }
    }
    free(words);
    free(values);
}
END_TEST

/* 1 - x is exact in binary64, so the two differ by their roundings to binary32 only. */
START_TEST(beta_mirrored_is_one_minus_beta)
{
    static const double pairs[][2] = {{0.2, 0.2},    {32, 32}, {0.01, 1000}, {2, 5},    {1, 7},
                                      {1000, 1000},  {0.5, 3}, {0.01, 0.01}, {1, 0.01}, {300, 0.4},
                                      {0.9999, 1.5}, {17, 16}, {999, 1000},  {40, 0.02}};
    static augsi_beta one, other;
    uint64_t state = 5;
    const int n = is_small() ? 300 : 20000;
    for (size_t k = 0; k < sizeof pairs / sizeof pairs[0]; k++) {
        augsi_beta_init(&one, pairs[k][0], pairs[k][1]);
        augsi_beta_init(&other, pairs[k][1], pairs[k][0]);
        for (int i = 0; i < n; i++) {
            uint32_t word = next_word(&state), mirrored = UINT32_MAX - word;
            float x, y;
            augsi_beta_fill(&one, &word, 1, &x);
            augsi_beta_fill(&other, &mirrored, 1, &y);
            double size = x > y ? (double)x : (double)y;
            EXPECT(fabs((double)x - (1.0 - (double)y)) <= size * 0x1p-23,
                   "beta %g %g, word %u: %.9g and %.9g", pairs[k][0], pairs[k][1], word, (double)x,
                   (double)y);
        }
    }
}
END_TEST

START_TEST(beta_of_any_parameters_is_finite_and_inverts_itself)
{
    static augsi_beta column;
    static const uint32_t words[] = {0, 1, 1u << 20, 1u << 31, (1u << 31) - 1, UINT32_MAX};
    uint64_t state = 11;
    for (int k = 0; k < (is_small() ? 5 : 300); k++) {
        double a = 0.01 * exp(11.5 * next_word(&state) * 0x1p-32);
        double b = 0.01 * exp(11.5 * next_word(&state) * 0x1p-32);
        float values[6];
        augsi_beta_init(&column, a, b);
        augsi_beta_fill(&column, words, 6, values);
        for (int i = 0; i < 6; i++) {
            EXPECT(values[i] >= 0 && values[i] <= 1, "beta %.17g %.17g, word %u: %g", a, b,
                   words[i], (double)values[i]);
        }
        ck_assert(values[0] <= values[1] && values[1] <= values[2] && values[2] <= values[4] &&
                  values[4] <= values[3] && values[3] <= values[5]);
    }
}
END_TEST

START_TEST(beta_of_one_and_one_is_the_word_itself)
{
    static augsi_beta column;
    uint64_t state = 3;
    augsi_beta_init(&column, 1, 1);
    for (int i = 0; i < 1000; i++) {
        uint32_t word = next_word(&state);
        float value;
        augsi_beta_fill(&column, &word, 1, &value);
        ck_assert(value == (float)((word + 0.5) * 0x1p-32));
    }
}
END_TEST

START_TEST(filling_in_place_gives_the_same)
{
    union {
        uint32_t words[64];
        float values[64];
    } both;
    uint32_t words[64];
    float values[64];
    uint64_t state = 9;
    for (size_t k = 0; k < N_MANY; k++) {
        for (int i = 0; i < 64; i++) {
            words[i] = both.words[i] = next_word(&state);
        }
        fill(&many[k], words, 64, values);
        fill(&many[k], both.words, 64, both.values);
        ck_assert_mem_eq(values, both.values, sizeof values);
    }
}
END_TEST

/* 64 bits of precision; not under valgrind, nor where long double is binary64. */
static int long_double_is_long(void)
{
    volatile long double sum = 1.0L;
    sum += 0x1p-60L;
    return sum != 1.0L;
}

START_TEST(exp_and_log_are_those_of_the_long_double_library)
{
    const double step = is_small() ? 0.937 : 0.00937;
    const long double error = long_double_is_long() ? 0x1p-51L : 0x1p-49L;
    for (double x = -708; x < 709; x += step) {
        EXPECT(fabsl(augsi_exp(x) / expl(x) - 1) < error, "exp(%.17g)", x);
    }
    for (double x = 1e-310; x < 1e308; x *= 1 + 0.3 * step) {
        EXPECT(fabsl(augsi_ln(x) - logl(x)) <= error * fabsl(logl(x)), "ln(%.17g)", x);
    }
    for (double x = -0.5; x < 0.5; x += 0.001 * step) {
        EXPECT(fabsl(augsi_ln(1 + x) - logl(1 + (long double)x)) <= error / 2, "ln(1 + %g)", x);
    }
    ck_assert(augsi_exp(0) == 1 && augsi_ln(1) == 0);
    ck_assert(augsi_exp(-1e9) == 0 && augsi_exp(1e9) == INFINITY);
}
END_TEST

/* As a compiled column holds it: what lies below its lower bound, and above its upper one. */
START_TEST(tail_masses_of_bounds_are_exact)
{
    const long double error = long_double_is_long() ? 1e-14L : 1e-12L;
    for (double x = -37; x < 0; x += 0.0173) {
        augsi_normal below, above;
        long double exact = erfcl(-x / sqrtl(2)) / 2;
        augsi_normal_init(&below, 0, 1, x, INFINITY);
        augsi_normal_init(&above, 0, 1, -INFINITY, -x);
        EXPECT(fabsl(below.p_low / exact - 1) < error, "below %g", x);
        EXPECT(fabsl(above.q_high / exact - 1) < error, "above %g", -x);
    }
}
END_TEST

/* The same on every platform and compiler; a change here is a new version of the stream contract.
 */
START_TEST(bits_are_pinned)
{
    static const uint64_t expected[N_MANY] = {
        UINT64_C(0x95381ab87d2e0679), UINT64_C(0xe064ad578c8e7895), UINT64_C(0x8aaebd577b8ba94e),
        UINT64_C(0xb3ec1cba4c773089), UINT64_C(0xbcaeb17ae80b2569), UINT64_C(0x18ab4ca362ccd778),
        UINT64_C(0x9d5ca2d8d8e0ab54), UINT64_C(0x184e111c3f98fbe0), UINT64_C(0x6f5488f8c41469cf),
        UINT64_C(0x136073115139d125), UINT64_C(0xc6210f00e3d25c2c), UINT64_C(0x6194cc1bb283e25a),
        UINT64_C(0x55a3dca4bc8bf7b9), UINT64_C(0xd97a8b77c41d68b4), UINT64_C(0xece64ceb93764e37),
        UINT64_C(0xe1e117b0eaba572b), UINT64_C(0x47d170847e862090), UINT64_C(0xf51e888f244ee66e),
        UINT64_C(0xce31115ed74b26ee), UINT64_C(0xd822b4d48c84dc46), UINT64_C(0xd2c976075c5550eb),
        UINT64_C(0xf129fbb46c52728f), UINT64_C(0x9ea5b8bb3a611a20), UINT64_C(0x31a6fb13a4b756b0),
    };
    static uint32_t words[N_PINNED];
    static float values[N_PINNED];
    uint64_t state = 20261121;
    for (size_t i = 0; i < N_PINNED; i++) {
        words[i] = next_word(&state);
    }
    for (size_t k = 0; k < N_MANY; k++) {
        fill(&many[k], words, N_PINNED, values);
        uint64_t hash = augsi_hash64(values, sizeof values);
        ck_assert_msg(hash == expected[k], "%s %g %g: 0x%016llx", many[k].kind, many[k].numbers[0],
                      many[k].numbers[1], (unsigned long long)hash);
    }
}
END_TEST

AUGS_SUITE("quantiles", values_are_those_of_mpmath, values_ascend_with_the_word_and_stay_in_bounds,
           beta_mirrored_is_one_minus_beta, beta_of_any_parameters_is_finite_and_inverts_itself,
           beta_of_one_and_one_is_the_word_itself, filling_in_place_gives_the_same,
           exp_and_log_are_those_of_the_long_double_library, tail_masses_of_bounds_are_exact,
           bits_are_pinned)
