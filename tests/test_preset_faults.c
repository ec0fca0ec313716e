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
        {2, 1, "unknown key 'color'"},
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
        {14, 34, "'z' is no value of 'j'"},
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
    ck_assert_str_eq(found.source_lines[0], "color: red");
    augs_preset *preset = NULL;
    ck_assert_int_eq(
        augs_preset_open_text(text, n_bytes, "many_faults.yaml", NULL, &preset, &error),
        AUGS_E_PRESET);
    ck_assert_ptr_null(preset);
    ck_assert_ptr_nonnull(strstr(error.message, "preset 'many_faults.yaml':2:1: "));
    ck_assert_ptr_nonnull(strstr(error.message, "(and 24 more)"));
}
END_TEST

/* A text and "line:column: part of the message" of each of its faults, in order. */
typedef struct faulty {
    const char *text;
    const char *faults[12];
} faulty;

static void expect_faults(const faulty *cases, size_t n_cases)
{
    for (size_t i = 0; i < n_cases; i++) {
        findings found = {0};
        augs_error error;
        int n = augs_preset_check(cases[i].text, strlen(cases[i].text), "t", NULL, keep, &found,
                                  &error);
        int n_expected = 0;
        for (; n_expected < 12 && cases[i].faults[n_expected] != NULL; n_expected++) {
            char place[32];
            const char *part = strstr(cases[i].faults[n_expected], ": ") + 2;
            snprintf(place, sizeof place, "%u:%u: ", found.lines[n_expected],
                     found.columns[n_expected]);
            ck_assert_msg(strncmp(cases[i].faults[n_expected], place, strlen(place)) == 0 &&
                              strstr(found.messages[n_expected], part) != NULL,
                          "%s\nhas '%s%s', not '%s'", cases[i].text, place,
                          found.messages[n_expected], cases[i].faults[n_expected]);
        }
        ck_assert_msg(n == n_expected, "%s\nhas %d faults, not %d: %s", cases[i].text, n,
                      n_expected, found.messages[n_expected]);
    }
}

#define EXPECT_FAULTS(cases) expect_faults(cases, sizeof(cases) / sizeof *(cases))
#define HEAD "augstream: 1\ncolumns: "
#define COLUMNS "augstream: 1\ncolumns:\n"

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

START_TEST(one_fault_of_a_column_does_not_hide_another)
{
    static const faulty cases[] = {
        {COLUMNS "  a: {uniform: [x, 1], when: nowhere, identity: y, shape: 0, unit: degrees}\n",
         {"3:17: first number is 'x'", "3:30: 'nowhere' is no column", "3:49: identity 'y'",
          "3:59: shape 0", "3:68: did you mean 'degree'"}},
        {COLUMNS "  a: {unifrom: [0, 1], when: nowhere, identity: y}\n",
         {"3:6: no kind", "3:7: did you mean 'uniform'", "3:30: 'nowhere' is no column"}},
        {COLUMNS "  a: {bernoulli: 2, when: b}\n  b: {uniform: [1, 0], identity: z}\n",
         {"3:18: probability 2.0", "3:27: stands after it", "4:16: is empty",
          "4:34: identity without when", "4:34: identity 'z'"}},
        {COLUMNS "  g: {uniform: x}\n  a: {constant: 1, when: g}\n",
         {"3:16: list of two numbers", "4:26: is of kind uniform", "4:26: when without identity"}},
        /* the values of a choice and its weights are told apart */
        {COLUMNS "  a: {choice: {values: [[x], y, y], weights: [1, -1]}}\n"
                 "  b: {bernoulli: 1, when: {a: z}}\n",
         {"3:15: the value 'y' stands twice", "3:25: not a list", "3:46: 2 weights for 3 values",
          "3:50: weight -1 is negative", "4:31: 'z' is no value of 'a'"}},
        {COLUMNS "  a: {choice: {weights: [x]}}\n  b: {bernoulli: 1, when: {a: z}}\n",
         {"3:15: choice needs 'values'", "3:26: a weight is 'x'"}},
        {COLUMNS "  a: {choice: {values: [x], weights: 1}}\n",
         {"3:38: weights has to be a list of numbers, one for each value, not a single value"}},
        {COLUMNS "  a: {seed: {}, uniform: [0, y]}\n",
         {"3:17: a column has one kind", "3:30: second number is 'y'"}},
    };
    EXPECT_FAULTS(cases);
}
END_TEST

START_TEST(what_stands_twice_is_checked_twice)
{
    static const faulty cases[] = {
        {COLUMNS "  a: {constant: 1}\n  a: {uniform: [1, 0], when: nowhere}\n",
         {"4:3: stands here twice, first at line 3", "4:16: is empty", "4:30: 'nowhere'",
          "4:30: when without identity"}},
        {COLUMNS "  a: {constant: x, constant: 1, shape: 0, shape: 300}\n",
         {"3:17: the constant is 'x'", "3:20: 'constant' stands here twice",
          "3:43: 'shape' stands here twice", "3:50: shape 300"}},
        {COLUMNS "  a: {normal: {mean: 0, std: 1, std: x}}\n",
         {"3:33: 'std' stands here twice", "3:38: std is 'x'"}},
        {COLUMNS "  a: {bernoulli: 2}\ncolumns:\n  b: {bernoulli: 3}\n",
         {"3:18: probability 2.0", "4:1: 'columns' stands here twice", "5:18: probability 3.0"}},
    };
    EXPECT_FAULTS(cases);
}
END_TEST

START_TEST(a_fault_is_told_once)
{
    static const faulty cases[] = {
        {COLUMNS "  g: {bernoulli: 1, shape: 3}\n"
                 "  a: {constant: 1, shape: x, when: g, identity: 0}\n"
                 "  b: {constant: 1, shape: 300, when: g, identity: 0}\n",
         {"4:27: shape has to be", "5:27: shape 300"}},
        {COLUMNS "  g: {bernoulli: 1}\n  a: {constant: 1, when: g, identity: [0]}\n",
         {"4:39: 'identity' has to be a text, not a list"}},
        {COLUMNS "  a: {constant: 1, when: [g], identity: 0}\n", {"3:26: when takes the name"}},
        {COLUMNS "  a: {constant: 1, when: , identity: 0}\n", {"3:26: when takes the name"}},
        {COLUMNS "  g: {choice: {values: x}}\n  a: {bernoulli: 1, when: {g: x}}\n",
         {"3:24: values has to be a list"}},
    };
    EXPECT_FAULTS(cases);
}
END_TEST

START_TEST(the_1025th_column_is_refused_and_the_others_are_checked)
{
    char *text = malloc(40000);
    size_t n = (size_t)sprintf(text, COLUMNS "  first: {bernoulli: 2}\n");
    for (int i = 1; i < 1024; i++) {
        n += (size_t)sprintf(text + n, "  c%d: {seed: {}}\n", i);
    }
    ck_assert_int_eq(augs_preset_check(text, n, "t", NULL, NULL, NULL, NULL), 1);
    sprintf(text + n, "  last: {bernoulli: 2}\n");
    const faulty cases[] = {{text, {"3:22: probability 2.0", "1027:3: more than 1024"}}};
    EXPECT_FAULTS(cases);
    free(text);
}
END_TEST

START_TEST(places_are_right_whatever_ends_the_lines)
{
    static const struct {
        const char *text, *source_line;
        uint32_t line, column;
    } cases[] = {
        {"augstream: 1\r\ncolumns:\r\n  a: {bernoulli: 2}\r\n", "  a: {bernoulli: 2}", 3, 18},
        {"augstream: 1\rcolumns:\r  a: {bernoulli: 2}\r", "  a: {bernoulli: 2}", 3, 18},
        {"augstream: 1\xC2\x85"
         "columns:\xE2\x80\xA8  a: {bernoulli: 2}",
         "  a: {bernoulli: 2}", 3, 18},
        {"\xEF\xBB\xBF" COLUMNS "  a: {bernoulli: 2}\n", "  a: {bernoulli: 2}", 3, 18},
        {"\xEF\xBB\xBF{augstream: 1, columns: {a: {bernoulli: 2}}}",
         "{augstream: 1, columns: {a: {bernoulli: 2}}}", 1, 41},
        {COLUMNS "  a: {doc: größe 日本, bernoulli: 2}", "  a: {doc: größe 日本, bernoulli: 2}", 3,
         33},
        {COLUMNS "  a: {doc: größe \xFF}", "  a: {doc: größe ?}", 3, 18},
        {COLUMNS "  a: {doc: \"\x1B[31m\"}", "  a: {doc: \"?[31m\"}", 3, 13},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        findings found = {0};
        augs_error error;
        int n = augs_preset_check(cases[i].text, strlen(cases[i].text), "t", NULL, keep, &found,
                                  &error);
        ck_assert_msg(n == 1, "case %zu: %d faults, %s", i, n, found.messages[0]);
        ck_assert_str_eq(found.source_lines[0], cases[i].source_line);
        ck_assert_msg(found.lines[0] == cases[i].line && found.columns[0] == cases[i].column,
                      "case %zu: %u:%u: %s", i, found.lines[0], found.columns[0],
                      found.messages[0]);
    }
}
END_TEST

static void keep_length(void *user, const augs_preset_fault *fault)
{
    *(size_t *)user = strlen(fault->source_line);
    ck_assert_uint_lt(fault->column, *(size_t *)user);
}

START_TEST(the_line_of_a_fault_is_whole_however_long)
{
    char text[6000];
    size_t n = (size_t)sprintf(text, "{augstream: 1, columns: {");
    for (int i = 0; i < 100; i++) {
        n += (size_t)sprintf(text + n, "c%d: {uniform: [0.0, 1.0], shape: 1}, ", i);
    }
    n += (size_t)sprintf(text + n, "bad: {bernoulli: 2}}}");
    size_t n_line = 0;
    ck_assert_int_eq(augs_preset_check(text, n, "t", NULL, keep_length, &n_line, NULL), 1);
    ck_assert_uint_eq(n_line, n);
}
END_TEST

START_TEST(slips_of_yaml_are_told_in_words_that_help)
{
    static const faulty cases[] = {
        {COLUMNS "\ta: {bernoulli: 1}\n", {"3:1: a tab; indent with blanks"}},
        {COLUMNS "  a: @x\n", {"3:6: a text that begins with '@' needs quotes"}},
        {COLUMNS "  a: {bernoulli: 1, doc: \"abc}\n", {"3:26: this has no end"}},
        {COLUMNS "  a: {uniform: [0, 1\n", {"3:16: this has no end"}},
        {COLUMNS "  a: {uniform: [0, 1}\n", {"3:21: that begins at line 3, column 16"}},
        {COLUMNS "  a: {seed: {}}\n   b: {seed: {}}\n", {"4:4: look at the indentation"}},
        {"augstream: 1\ndescription: a: b\n", {"2:15: put texts with ': ' in quotes"}},
        {"augstream: 1\nname: \"\x07\"\n", {"2:8: control character 0x07"}},
        {"\xFF\xFE"
         "a",
         {"1:1: UTF-16"}},
        {COLUMNS "  a:{bernoulli: 1}\n",
         {"3:3: a blank follows the ':' of a key", "3:17: not a single value"}},
        {COLUMNS "  a:\n", {"3:5: not an empty value"}},
        {COLUMNS "  a: {uniform: [0,5, 1]}\n  b: {beta: 1}\n",
         {"3:16: list of two numbers, [low, high], not a list of 3",
          "4:13: list of two numbers, [a, b], not a single value"}},
        {"~\n", {"1:1: not an empty value"}},
        {"augstream: [1]\ncolumns: {a: {seed: {}}}\n", {"1:12: has to be 1, not a list"}},
        {COLUMNS "  <<: {seed: {}}\n  a: {<<: {b: 1}, seed: {}}\n",
         {"3:3: merge keys are not used", "4:7: merge keys are not used"}},
        {COLUMNS "  a: {permutation: -1, shape: 2.0}\n",
         {"3:20: a whole number, 2 to 12, not '-1'", "3:31: a whole number, 1 to 256, not '2.0'"}},
        {COLUMNS "  op: {choice: {values: [x, y]}}\n  a: {bernoulli: 1, when: {op: missing}}\n",
         {"4:32: 'missing' is no value of 'op'; its values: x, y"}},
        {COLUMNS "  g: {bernoulli: 1}\n  a: {bernoulli: 1, when: missing}\n",
         {"4:27: 'missing' is no column; gates before it: g"}},
        {COLUMNS "  a: {bernoulli: 1, when: missing}\n",
         {"3:27: put a bernoulli or choice column before it"}},
        {COLUMNS "  g: {bernoulli: 1}\n  a: {choice: {values: [x, y]}, when: g, identity: z}\n",
         {"4:52: one of its values or its index, a whole number from 0 to 1"}},
        {COLUMNS "  \"a\\e[1m\\n\": {seed: {}}\n", {"3:3: column 'a?[1m?'"}},
    };
    EXPECT_FAULTS(cases);
}
END_TEST

START_TEST(a_text_of_1_mib_is_read_and_one_byte_more_is_not)
{
    size_t n = 1 << 20;
    char *text = malloc(n + 1);
    memset(text, 'x', n + 1);
    static const char head[] = "augstream: 1\ncolumns: {a: {seed: {}}}\n#";
    memcpy(text, head, sizeof head - 1);
    ck_assert_int_eq(augs_preset_check(text, n, "t", NULL, NULL, NULL, NULL), 0);
    findings found = {0};
    ck_assert_int_eq(augs_preset_check(text, n + 1, "t", NULL, keep, &found, NULL), 1);
    ck_assert_str_eq(found.messages[0], "the text has 1048577 bytes; at most 1048576 are read");
    free(text);
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
        const char *text =
            augs_shipped_preset_text((uint32_t)round % augs_shipped_preset_count(), &n_bytes);
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
           texts_that_are_no_preset_are_refused, one_fault_of_a_column_does_not_hide_another,
           what_stands_twice_is_checked_twice, a_fault_is_told_once,
           the_1025th_column_is_refused_and_the_others_are_checked,
           places_are_right_whatever_ends_the_lines, the_line_of_a_fault_is_whole_however_long,
           slips_of_yaml_are_told_in_words_that_help,
           a_text_of_1_mib_is_read_and_one_byte_more_is_not,
           the_nearest_name_is_proposed_not_the_first_near_one,
           a_unit_that_is_a_slip_is_refused_and_an_unknown_one_is_not,
           mutated_presets_are_read_or_refused_and_never_crash)
