/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/checksum.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/number_text.h"
#include "base/text.h"
#include "base/words.h"
#include "suite.h"

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state ^ (*state >> 33);
}

START_TEST(every_status_has_a_name_and_a_text)
{
    ck_assert_str_eq(augs_status_name(AUGS_E_RANGE), "AUGS_E_RANGE");
    ck_assert_str_eq(augs_status_name(-102), "AUGS_E_RANGE");
    ck_assert_str_eq(augs_status_name(12345), "AUGS_E_UNKNOWN");
    ck_assert_int_eq(AUGS_E_INTERNAL, -901);
    ck_assert_str_eq(augs_status_text(0), "success");
}
END_TEST

START_TEST(a_long_message_is_cut_between_characters)
{
    augs_error error;
    char text[2 * sizeof error.message] = "";
    for (size_t i = 0; i + 2 < sizeof text; i += 2) {
        text[i] = (char)0xC3;
        text[i + 1] = (char)0xA9;
    }
    ck_assert_uint_eq(sizeof error.message, 1024);
    ck_assert_int_eq(augsi_fail(&error, AUGS_E_IO, "x%s", text), AUGS_E_IO);
    ck_assert_uint_eq(strlen(error.message), sizeof error.message - 1);
    augsi_fail(&error, AUGS_E_IO, "%s", text);
    ck_assert_uint_eq(strlen(error.message), sizeof error.message - 2);
    ck_assert_int_eq(augsi_fail(NULL, AUGS_E_IO, "x"), AUGS_E_IO);
}
END_TEST

START_TEST(a_long_message_keeps_the_reason_of_the_system)
{
    augs_error error;
    char path[4096];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    augsi_fail_errno(&error, AUGS_E_IO, ENOENT, "preset '%s'", path);
    ck_assert_uint_eq(strlen(error.message), sizeof error.message - 1);
    const char *end = error.message + strlen(error.message) - strlen(": No such file or directory");
    ck_assert_str_eq(end, ": No such file or directory");
    ck_assert(strncmp(error.message, "preset 'xxx", 11) == 0 && end[-1] == 'x');
}
END_TEST

START_TEST(a_full_disk_has_a_status_of_its_own)
{
    augs_error error;
    ck_assert_int_eq(augsi_fail_errno(&error, AUGS_E_IO, 28, "write '%s'", "f"), AUGS_E_NO_SPACE);
    ck_assert_str_eq(error.message, "write 'f': No space left on device");
}
END_TEST

/* By recursion over the ends of the words, exponential and obviously right. */
static size_t slow_edits(const char *a, size_t n_a, const char *b, size_t n_b)
{
    if (n_a == 0 || n_b == 0) {
        return n_a + n_b;
    }
    size_t best = slow_edits(a, n_a - 1, b, n_b - 1) + (a[n_a - 1] != b[n_b - 1]);
    size_t dropped = slow_edits(a, n_a - 1, b, n_b) + 1;
    size_t inserted = slow_edits(a, n_a, b, n_b - 1) + 1;
    best = dropped < best ? dropped : best;
    best = inserted < best ? inserted : best;
    if (n_a > 1 && n_b > 1 && a[n_a - 1] == b[n_b - 2] && a[n_a - 2] == b[n_b - 1]) {
        size_t exchanged = slow_edits(a, n_a - 2, b, n_b - 2) + 1;
        best = exchanged < best ? exchanged : best;
    }
    return best;
}

static const char *nearest_of(const char *word, const char *const *candidates, size_t n)
{
    augsi_suggestion suggestion = {.word = word};
    for (size_t i = 0; i < n; i++) {
        augsi_suggest(&suggestion, candidates[i]);
    }
    return suggestion.nearest;
}

START_TEST(edits_between_words_are_the_fewest)
{
    uint64_t state = 11;
    for (int i = 0; i < 2000; i++) {
        char words[2][7] = {"", ""};
        for (int k = 0; k < 2; k++) {
            size_t n = next_random(&state) % 7;
            for (size_t j = 0; j < n; j++) {
                words[k][j] = (char)('a' + next_random(&state) % 3);
            }
        }
        size_t n_edits = slow_edits(words[0], strlen(words[0]), words[1], strlen(words[1]));
        ck_assert_msg(augsi_edits(words[0], words[1]) == n_edits, "%s %s", words[0], words[1]);
        const char *const word = words[1];
        size_t longer = strlen(words[0]) > strlen(word) ? strlen(words[0]) : strlen(word);
        bool near = n_edits < strlen(words[0]) / 3 + 2 && n_edits < longer;
        bool begins = strlen(words[0]) >= 2 && strncmp(words[0], word, strlen(words[0])) == 0;
        bool is_part = strlen(words[0]) >= 4 && strstr(word, words[0]) != NULL;
        ck_assert_msg((nearest_of(words[0], &word, 1) != NULL) == (near || begins || is_part),
                      "%s %s", words[0], word);
    }
}
END_TEST

START_TEST(the_nearest_word_is_found_and_a_far_one_is_not)
{
    const char *const words[] = {"mild", "moderate", "aggressive"};
    ck_assert_str_eq(nearest_of("modrate", words, 3), "moderate");
    ck_assert_str_eq(nearest_of("MILD", words, 3), "mild");
    ck_assert_str_eq(nearest_of("Agg", words, 3), "aggressive");
    ck_assert_str_eq(nearest_of("ag", words, 3), "aggressive");
    ck_assert_ptr_null(nearest_of("a", words, 3));
    ck_assert_str_eq(nearest_of("gressive", words, 3), "aggressive");
    ck_assert_ptr_null(nearest_of("zebra", words, 3));
    ck_assert_ptr_null(nearest_of("", words, 3));
    const char *const letters[] = {"x", "y"};
    ck_assert_ptr_null(nearest_of("z", letters, 2));
    const char *const near[] = {"rotate", "rotations", "rotation", "rotatiox"};
    ck_assert_str_eq(nearest_of("rotatio", near, 4), "rotation"); /* the first of equals */
    ck_assert_str_eq(nearest_of("rotatoin", near, 4), "rotation");
    ck_assert_str_eq(nearest_of("rot", near, 4), "rotate"); /* the shortest that begins so */
    const char *const shells[] = {"bash", "zsh"};
    ck_assert_str_eq(nearest_of("bsh", shells, 2), "bash");
    ck_assert_str_eq(nearest_of("--Rota_ions", near, 4), "rotations");
    char longest[200];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    ck_assert_ptr_null(nearest_of(longest, words, 3));
    ck_assert(augsi_edits(longest, longest) == SIZE_MAX && augsi_edits(longest + 71, "") == 128);
}
END_TEST

START_TEST(a_message_names_the_nearest_word_and_the_known_ones)
{
    augsi_known_words words = {.near.word = "modrate"};
    augsi_known_word(&words, "mild");
    augsi_known_word(&words, "moderate");
    ck_assert_str_eq(augsi_known_words_text(&words, "shipped"),
                     ", did you mean 'moderate'?; shipped: mild, moderate");
    words = (augsi_known_words){.near.word = "zebra", .list.space = 20};
    for (int i = 0; i < 3; i++) {
        augsi_known_word(&words, i == 0 ? "mild" : "moderate");
    }
    ck_assert_str_eq(augsi_known_words_text(&words, "its values"),
                     "; its values: mild, moderate, ...");
    char longest[600];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    words = (augsi_known_words){.near.word = longest};
    augsi_known_word(&words, longest);
    ck_assert_str_eq(augsi_known_words_text(&words, "accepted"), "; accepted: ...");
}
END_TEST

START_TEST(f32_text_reads_back_and_is_the_shortest)
{
    uint64_t state = 7;
    const int n_numbers = getenv("AUGS_TEST_SMALL") != NULL ? 5000 : 300000;
    for (int i = 0; i < n_numbers; i++) {
        uint32_t bits = (uint32_t)next_random(&state);
        float number;
        char text[AUGSI_NUMBER_BYTES + 1], shorter[64];
        if (i % 2 == 0) { /* the usual range */
            bits = (bits & 0x807fffffu) | ((96u + bits % 60u) << 23);
        }
        memcpy(&number, &bits, 4);
        if (!isfinite(number)) {
            continue;
        }
        size_t n = augsi_f32_text(number, text);
        ck_assert_uint_le(n, AUGSI_NUMBER_BYTES);
        text[n] = '\0';
        ck_assert_msg(strtof(text, NULL) == number, "%s is not %.9g", text, (double)number);
        int digits = 0;
        for (const char *p = text; *p != '\0' && *p != 'e'; p++) {
            digits += *p >= '0' && *p <= '9';
        }
        (void)digits;
        for (int precision = 0; precision < 9; precision++) {
            snprintf(shorter, sizeof shorter, "%.*e", precision, (double)number);
            if (strtof(shorter, NULL) == number) {
                float again;
                char normal[AUGSI_NUMBER_BYTES + 1];
                again = strtof(text, NULL);
                normal[augsi_f64_text(strtod(shorter, NULL), normal)] = '\0';
                ck_assert_msg(strtod(normal, NULL) == strtod(text, NULL), "%s, but %s does", text,
                              normal);
                ck_assert(again == number);
                break;
            }
        }
    }
}
END_TEST

START_TEST(numbers_have_the_form_people_expect)
{
    static const struct {
        double number;
        const char *single, *binary64;
    } cases[] = {
        {0.1, "0.1", "0.1"},
        {-30, "-30.0", "-30.0"},
        {1, "1.0", "1.0"},
        {16777216, "16777216.0", "16777216.0"},
        {1e-5, "0.00001", "0.00001"},
        {1e-6, "1e-6", "1e-6"},
        {1e20, "1e20", "1e20"},
        {0, "0.0", "0.0"},
        {-0.0, "-0.0", "-0.0"},
        {1.0 / 3, "0.33333334", "0.3333333333333333"},
        {9.5, "9.5", "9.5"},
        {1e15, "1000000000000000.0", "1000000000000000.0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[AUGSI_NUMBER_BYTES + 1];
        if (cases[i].number != 1e15) {
            text[augsi_f32_text((float)cases[i].number, text)] = '\0';
            ck_assert_str_eq(text, cases[i].single);
        }
        text[augsi_f64_text(cases[i].number, text)] = '\0';
        ck_assert_str_eq(text, cases[i].binary64);
    }
}
END_TEST

START_TEST(numbers_are_read_whole_or_not_at_all)
{
    double number;
    uint64_t natural;
    int64_t integer;
    ck_assert(augsi_parse_f64("-1.5e3", 6, &number) && number == -1500);
    ck_assert(augsi_parse_f64(".5", 2, &number) && number == 0.5);
    static const char *const bad[] = {"",    "-",  ".",   "1x", "0x10", "nan",
                                      "inf", "1e", "1,5", " 1", "1 "};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_msg(!augsi_parse_f64(bad[i], strlen(bad[i]), &number), "'%s' was read", bad[i]);
    }
    ck_assert(augsi_parse_u64("18446744073709551615", 20, &natural) && natural == UINT64_MAX);
    ck_assert(!augsi_parse_u64("18446744073709551616", 20, &natural));
    ck_assert(augsi_parse_i64("-9223372036854775808", 20, &integer) && integer == INT64_MIN);
    ck_assert(!augsi_parse_i64("9223372036854775808", 19, &integer));
    ck_assert(!augsi_parse_i64("-", 1, &integer));
}
END_TEST

START_TEST(json_strings_are_escaped)
{
    augsi_text text;
    augsi_text_init(&text, &augsi_default_allocator);
    augsi_text_add_json_string(&text, "a\"b\\c\n\x01\xC3\xA9");
    ck_assert_str_eq(text.data, "\"a\\\"b\\\\c\\n\\u0001\xC3\xA9\"");
    augsi_text_done(&text);
}
END_TEST

/* Memory as it comes, marked; how much there is of it. */
static char marked[1 << 16];
static size_t n_marked;

static void *allocate_marked(void *user, size_t n_bytes, size_t alignment)
{
    (void)user;
    const size_t at = (n_marked + alignment - 1) / alignment * alignment;
    if (n_bytes > sizeof marked - at) {
        return NULL;
    }
    n_marked = at + n_bytes;
    memset(marked + at, '#', n_bytes);
    return marked + at;
}

static void release_marked(void *user, void *p, size_t n_bytes)
{
    (void)user;
    memset(p, '-', n_bytes);
}

/* A text can be the image of a very large chunk. */
START_TEST(a_text_touches_no_more_than_it_holds)
{
    augsi_text text;
    const augs_allocator allocator = {
        .size = sizeof allocator, .allocate = allocate_marked, .release = release_marked};
    n_marked = 0;
    augsi_text_init(&text, &allocator);
    ck_assert_ptr_nonnull(augsi_text_reserve(&text, 20000));
    ck_assert_uint_lt(text.capacity, 20000 + 256);
    ck_assert_uint_eq(strspn(text.data + 1, "#"), text.capacity - 1);
    augsi_text_add_string(&text, "twelve bytes");
    ck_assert_ptr_nonnull(augsi_text_reserve(&text, 30000));
    ck_assert_str_eq(text.data, "twelve bytes");
    ck_assert_uint_eq(strspn(text.data + 13, "#"), text.capacity - 13);
    augsi_text_done(&text);
}
END_TEST

START_TEST(checksums_are_the_published_ones)
{
    char text[AUGSI_HASH128_TEXT];
    ck_assert_uint_eq(augsi_crc32("123456789", 9), 0xCBF43926u);
    ck_assert_uint_eq(augsi_hash64("", 0), 0x2D06800538D394C2u);
    augsi_hash128_text(augsi_hash128_of("", 0), text);
    ck_assert_str_eq(text, "99aa06d3014798d86001c324468d497f");
}
END_TEST

AUGS_SUITE("base", every_status_has_a_name_and_a_text, a_long_message_is_cut_between_characters,
           a_long_message_keeps_the_reason_of_the_system, a_full_disk_has_a_status_of_its_own,
           the_nearest_word_is_found_and_a_far_one_is_not,
           a_message_names_the_nearest_word_and_the_known_ones, edits_between_words_are_the_fewest,
           f32_text_reads_back_and_is_the_shortest, numbers_have_the_form_people_expect,
           numbers_are_read_whole_or_not_at_all, json_strings_are_escaped,
           a_text_touches_no_more_than_it_holds, checksums_are_the_published_ones)
