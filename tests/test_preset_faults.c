/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <augstream/preset.h>

#include "suite.h"

typedef struct findings {
    int n;
    uint32_t lines[64], columns[64];
    char messages[64][300], source_lines[64][100];
} findings;

static void keep(void *user, const augs_preset_fault *fault)
{
    findings *f = user;
    if (f->n < 64) {
        f->lines[f->n] = fault->line;
        f->columns[f->n] = fault->column;
        snprintf(f->messages[f->n], sizeof f->messages[0], "%.299s", fault->message);
        snprintf(f->source_lines[f->n], sizeof f->source_lines[0], "%.99s", fault->source_line);
    }
    f->n++;
}

static size_t read_data(const char *name, char *text, size_t n_bytes)
{
    char path[1024];
    const char *folder = getenv("AUGS_TEST_DATA");
    snprintf(path, sizeof path, "%s/presets/%s", folder != NULL ? folder : "tests/data", name);
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    size_t n = fread(text, 1, n_bytes, file);
    fclose(file);
    return n;
}

START_TEST(every_fault_of_a_file_is_found_in_one_run_at_its_place)
{
    static const struct {
        uint32_t line, column;
        const char *part;
    } expected[] = {
        {2, 1, "unknown key 'colour'"},
        {4, 16, "uniform [2.0, 1.0] is empty"},
        {5, 7, "did you mean 'uniform'"},
        {5, 6, "no kind"},
        {6, 18, "probability 1.5"},
        {7, 20, "'.nan'"},
        {8, 30, "'nowhere' is no column"},
        {9, 30, "stands after it"},
        {10, 29, "is the column itself"},
        {11, 30, "is no column"},
        {11, 30, "when without identity"},
        {12, 41, "1 weights for 2 values"},
        {13, 15, "sum of the weights"},
        {14, 30, "'z' is no value of 'j'"},
        {15, 34, "identity without when"},
        {16, 16, "integer [0"},
        {17, 16, "wider than a 32-bit float"},
        {18, 20, "2 to 12"},
        {19, 13, "0.01 to 1000"},
        {20, 31, "shape 257"},
        {21, 30, "did you mean 'degree'"},
        {22, 3, "reserved"},
        {23, 3, "stands here twice"},
        {24, 30, "'c2' is no column"},
        {24, 44, "identity '1.5'"},
    };
    enum { N = sizeof expected / sizeof expected[0] };
    char text[4096];
    size_t n_bytes = read_data("many_faults.yaml", text, sizeof text);
    findings found = {0};
    augs_error error;
    int n = augs_preset_check(text, n_bytes, "many_faults.yaml", NULL, keep, &found, &error);
    for (size_t i = 0; i < N; i++) {
        bool seen = false;
        for (int j = 0; j < found.n && j < 64; j++) {
            seen |= found.lines[j] == expected[i].line && found.columns[j] == expected[i].column &&
                    strstr(found.messages[j], expected[i].part) != NULL;
        }
        ck_assert_msg(seen, "%u:%u '%s' was not reported", expected[i].line, expected[i].column,
                      expected[i].part);
    }
    for (int j = 0; j < found.n && j < 64; j++) {
        ck_assert_msg(j == 0 || found.lines[j - 1] <= found.lines[j], "not in order");
    }
    ck_assert_int_eq(found.n, n);
    ck_assert_int_eq(n, N);
    ck_assert_str_eq(found.source_lines[0], "colour: red");
    augs_preset *preset = NULL;
    ck_assert_int_eq(
        augs_preset_open_text(text, n_bytes, "many_faults.yaml", NULL, &preset, &error),
        AUGS_E_PRESET);
    ck_assert_ptr_null(preset);
    ck_assert_ptr_nonnull(strstr(error.message, "preset 'many_faults.yaml':2:1: "));
    ck_assert_ptr_nonnull(strstr(error.message, "(and 24 more)"));
}
END_TEST

#define HEAD "augstream: 1\ncolumns: "

START_TEST(texts_that_are_no_preset_are_refused)
{
    static const struct {
        const char *text;
        size_t n_bytes;
        const char *part;
    } cases[] = {
#define CASE(text, part) {text, sizeof(text) - 1, part}
        CASE("", "empty"),
        CASE("# only a comment\n", "empty"),
        CASE("columns: {a: {bernoulli: 1}}\n", "no format version"),
        CASE("augstream: 2\ncolumns: {a: {bernoulli: 1}}\n", "format version '2'"),
        CASE("augstream: 1\n", "no columns"),
        CASE(HEAD "{a: &x {bernoulli: 1}}\n", "anchor '&x'"),
        CASE(HEAD "{a: {constant: *x}}\n", "alias '*x'"),
        CASE(HEAD "{a: {bernoulli: !!float 1}}\n", "tag"),
        CASE(HEAD "{a: {bernoulli: 1}}\n---\nx: 1\n", "second document"),
        CASE("a: [[[[[[[[[1]]]]]]]]]\n", "nested deeper"),
        CASE("augstream: 1\nname: \xff\n", "UTF-8"),
        CASE("augstream: 1\nname: \"a\\0b\"\n", "NUL"),
        CASE("augstream: 1\nname: a\0b\n", "preset"),
        CASE(HEAD "{A: {bernoulli: 1}}\n", "a name is made of"),
        CASE(HEAD "{batch: {bernoulli: 1}}\n", "reserved"),
        /* two names with the same CRC-32 */
        CASE(HEAD "{plumless: {seed: {}}, buckeroo: {seed: {}}}\n", "same CRC-32"),
        CASE(HEAD "{a: {uniform: [0, 1], constant: 1}}\n", "one kind"),
        CASE(HEAD "{g: {bernoulli: 1, shape: 2}, a: {constant: 1, shape: 3, when: g, identity: "
                  "0}}\n",
             "one or as many"),
        CASE(HEAD "{g: {constant: 1}, a: {constant: 1, when: g, identity: 0}}\n",
             "gates are bernoulli or choice"),
        CASE(HEAD "{a: {choice: {values: [x, y], weights: [1, -1]}}}\n", "negative"),
        CASE(HEAD "{a: {uniform: [0, .inf]}}\n", "finite"),
        CASE(HEAD "{a: {uniform: [0, 1e39]}}\n", "32-bit float"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        augs_preset *preset = NULL;
        augs_error error = {0};
        AUGS_ASSERT_STATUS(
            AUGS_E_PRESET,
            augs_preset_open_text(cases[i].text, cases[i].n_bytes, "t", NULL, &preset, &error),
            error);
        ck_assert_msg(strstr(error.message, cases[i].part) != NULL, "case %zu: '%s' has no '%s'", i,
                      error.message, cases[i].part);
    }
}
END_TEST

START_TEST(the_nearest_name_is_proposed_not_the_first_near_one)
{
    static const struct {
        const char *text, *part;
    } cases[] = {
        {HEAD "{jitter.appl: {bernoulli: 1}, jitter.apply: {bernoulli: 1}, flip: {bernoulli: 1, "
              "when: jitter.aply}}\n",
         "'jitter.aply' is no column, did you mean 'jitter.apply'?"},
        {HEAD "{op: {choice: {values: [rotate, rotations, rotation]}}, flip: {bernoulli: 1, when: "
              "{op: rotatio}}}\n",
         "'rotatio' is no value of 'op', did you mean 'rotation'?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        augs_preset *preset = NULL;
        augs_error error;
        AUGS_ASSERT_STATUS(
            AUGS_E_PRESET,
            augs_preset_open_text(cases[i].text, strlen(cases[i].text), "t", NULL, &preset, &error),
            error);
        ck_assert_msg(strstr(error.message, cases[i].part) != NULL, "%s", error.message);
    }
}
END_TEST

START_TEST(a_unit_that_is_a_slip_is_refused_and_an_unknown_one_is_not)
{
    static const char *const slips[] = {"degrees", "dergee", "Degree", "pixels", "bits", "turn"};
    static const char *const units[] = {"min", "bpm", "voxel", "bar", "bin", "deg", "px", "kelvin"};
    enum { N_SLIPS = sizeof slips / sizeof slips[0], N_UNITS = sizeof units / sizeof units[0] };
    for (size_t i = 0; i < N_SLIPS + N_UNITS; i++) {
        char text[100];
        const char *unit = i < N_SLIPS ? slips[i] : units[i - N_SLIPS];
        snprintf(text, sizeof text, HEAD "{a: {constant: 1, unit: %s}}\n", unit);
        int n = augs_preset_check(text, strlen(text), "t", NULL, NULL, NULL, NULL);
        ck_assert_msg(n == (i < N_SLIPS), "%s: %d faults", unit, n);
    }
}
END_TEST

START_TEST(mutated_presets_are_read_or_refused_and_never_crash)
{
    uint64_t state = 20;
    int n_rounds = getenv("AUGS_TEST_SMALL") != NULL ? 100 : 3000;
    for (int round = 0; round < n_rounds; round++) {
        size_t n_bytes;
        const char *text = augs_shipped_text((uint32_t)round % augs_shipped_count(), &n_bytes);
        char *mutant = malloc(n_bytes);
        memcpy(mutant, text, n_bytes);
        for (int k = 0; k < 1 + round % 5; k++) {
            static const char bytes[] = "[]{}:,&*!|>-'\"#%@`\n\t 0129.eE\xff\x80\0";
            state = state * 6364136223846793005u + 1442695040888963407u;
            mutant[(state >> 33) % n_bytes] = bytes[(state >> 20) % (sizeof bytes - 1)];
        }
        augs_preset *preset = NULL;
        augs_error error = {0};
        int status = augs_preset_open_text(mutant, n_bytes, "m", NULL, &preset, &error);
        int n_faults = augs_preset_check(mutant, n_bytes, "m", NULL, NULL, NULL, &error);
        ck_assert_msg(status == 0 ? n_faults == 0 : status == AUGS_E_PRESET && n_faults > 0,
                      "round %d: open %d, check %d", round, status, n_faults);
        augs_preset_unref(preset);
        free(mutant);
    }
}
END_TEST

AUGS_SUITE("preset_faults", every_fault_of_a_file_is_found_in_one_run_at_its_place,
           texts_that_are_no_preset_are_refused,
           the_nearest_name_is_proposed_not_the_first_near_one,
           a_unit_that_is_a_slip_is_refused_and_an_unknown_one_is_not,
           mutated_presets_are_read_or_refused_and_never_crash)
