/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <augstream/preset.h>
#include <augstream/stream.h>

#include "base/memory.h"
#include "suite.h"

#define FILE_NAME "every_kind.yaml"

static const char *data_path(const char *name)
{
    static char path[1024];
    const char *folder = getenv("AUGS_TEST_DATA");
    snprintf(path, sizeof path, "%s/presets/%s", folder != NULL ? folder : "tests/data", name);
    return path;
}

/* An allocator that counts what is out and fails at the n-th call. */
typedef struct counter {
    long out, calls, fail_at;
} counter;

static void *count_allocate(void *user, size_t n_bytes, size_t alignment)
{
    counter *c = user;
    if (c->fail_at >= 0 && c->calls++ >= c->fail_at) {
        return NULL;
    }
    c->out++;
    return augsi_default_allocator.allocate(NULL, n_bytes, alignment);
}

static void count_release(void *user, void *p, size_t n_bytes)
{
    ((counter *)user)->out--;
    augsi_default_allocator.release(NULL, p, n_bytes);
}

static augs_column_info column_of(const augs_preset *preset, const char *name)
{
    augs_column_info info = {.size = sizeof info};
    int index = augs_preset_find_column(preset, name);
    ck_assert_msg(index >= 0, "no column %s", name);
    ck_assert_int_eq(augs_preset_column(preset, (uint32_t)index, &info), 0);
    return info;
}

static int open_with(const char *override, augs_preset **ret_preset, augs_error *error)
{
    augs_preset_options options = {
        .size = sizeof options, .n_overrides = 1, .overrides = &override};
    return augs_preset_open(data_path(FILE_NAME), &options, ret_preset, error);
}

START_TEST(every_kind_is_bound)
{
    augs_preset *preset = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augs_preset_open(data_path(FILE_NAME), NULL, &preset, &error), error);
    ck_assert_uint_eq(augs_preset_n_columns(preset), 13);
    ck_assert_str_eq(augs_preset_name(preset), "every-kind");
    augs_column_info info = column_of(preset, "v.uniform");
    ck_assert(info.numbers[0] == -30 && info.numbers[1] == 30);
    ck_assert_str_eq(info.unit, "degree");
    ck_assert(fabs(info.std_dev - 60 / sqrt(12)) < 1e-12 && info.mean == 0);
    info = column_of(preset, "v.log");
    ck_assert_uint_eq(info.shape, 10);
    info = column_of(preset, "v.normal");
    ck_assert_uint_eq(info.flags, AUGS_HAS_MIN | AUGS_HAS_MAX);
    info = column_of(preset, "v.integer");
    ck_assert_uint_eq(info.identity_bits, 0xffffffffu);
    ck_assert_uint_eq(info.gate, 5);
    info = column_of(preset, "v.choice");
    ck_assert_uint_eq(info.n_choices, 4);
    ck_assert_str_eq(info.choices[0].text, "no"); /* not false */
    ck_assert_str_eq(info.choices[2].text, "1e3");
    ck_assert(info.choices[2].is_number == 1 && info.choices[3].is_number == 0);
    info = column_of(preset, "v.gated");
    ck_assert_uint_eq(info.gate_value, 1);
    ck_assert_uint_eq(info.identity_bits, 0x3f000000u);
    info = column_of(preset, "v.permutation");
    ck_assert(info.width == 4 && isnan(info.mean));
    augs_preset_unref(preset);
}
END_TEST

static void read_back(const char *name)
{
    augs_preset *preset = NULL, *again = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augs_preset_open(name, NULL, &preset, &error), error);
    const char *text = augs_preset_text(preset);
    AUGS_ASSERT_OK(augs_preset_open_text(text, strlen(text), "canonical", NULL, &again, &error),
                   error);
    ck_assert_str_eq(augs_preset_text(again), text);
    for (uint32_t i = 0; i < augs_preset_n_columns(preset); i++) {
        augs_column_info a = {.size = sizeof a}, b = {.size = sizeof b};
        augs_preset_column(preset, i, &a);
        augs_preset_column(again, i, &b);
        ck_assert_str_eq(a.name, b.name);
        ck_assert(a.kind == b.kind && a.shape == b.shape && a.gate == b.gate &&
                  a.gate_value == b.gate_value && a.identity_bits == b.identity_bits &&
                  a.flags == b.flags && memcmp(a.numbers, b.numbers, sizeof a.numbers) == 0);
    }
    augs_preset_unref(preset);
    augs_preset_unref(again);
}

START_TEST(canonical_text_reads_back_to_an_equal_preset)
{
    read_back(data_path(FILE_NAME));
    ck_assert_uint_eq(augs_shipped_preset_count(), 6);
    for (uint32_t i = 0; i < augs_shipped_preset_count(); i++) {
        read_back(augs_shipped_preset_name(i));
    }
}
END_TEST

/* A name that looks like a number must not be taken for the index that the canonical text has. */
START_TEST(the_identity_of_a_choice_reads_back_to_its_index)
{
    static const char text[] = "augstream: 1\ncolumns:\n  g: {bernoulli: 0.5}\n"
                               "  c: {choice: {values: [\"2\", \"1\", \"0\"]}, when: g, identity: "
                               "\"0\"}\n";
    augs_preset *preset = NULL, *again = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augs_preset_open_text(text, sizeof text - 1, "t", NULL, &preset, &error), error);
    ck_assert_uint_eq(column_of(preset, "c").identity_bits, 2);
    const char *canonical = augs_preset_text(preset);
    AUGS_ASSERT_OK(augs_preset_open_text(canonical, strlen(canonical), "t", NULL, &again, &error),
                   error);
    ck_assert_uint_eq(column_of(again, "c").identity_bits, 2);
    augs_preset_unref(preset);
    augs_preset_unref(again);
}
END_TEST

START_TEST(overrides_reach_every_value)
{
    static const struct {
        const char *override, *column;
        int index;
        double value;
    } cases[] = {{"v.uniform.uniform[0]=-15", "v.uniform", 0, -15},
                 {"v.gate.bernoulli=0.3", "v.gate", 0, 0.3},
                 {"v.normal.normal.std=1", "v.normal", 1, 1},
                 {"v.integer.integer[1]=9", "v.integer", 1, 9}};
    augs_error error;
    augs_preset *preset = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUGS_ASSERT_OK(open_with(cases[i].override, &preset, &error), error);
        ck_assert(column_of(preset, cases[i].column).numbers[cases[i].index] == cases[i].value);
        augs_preset_unref(preset);
    }
    AUGS_ASSERT_OK(open_with("v.choice.choice.weights[2]=3", &preset, &error), error);
    ck_assert(column_of(preset, "v.choice").choices[2].weight == 3);
    augs_preset_unref(preset);
    AUGS_ASSERT_OK(open_with("v.gated.identity=1", &preset, &error), error);
    ck_assert_uint_eq(column_of(preset, "v.gated").identity_bits, 0x3f800000u);
    augs_preset_unref(preset);
    AUGS_ASSERT_STATUS(AUGS_E_PRESET, open_with("v.uniform.range=1", &preset, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "v.uniform.uniform[0]"));
    AUGS_ASSERT_STATUS(AUGS_E_PRESET, open_with("v.unifrm.uniform[0]=1", &preset, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "did you mean 'v.uniform'"));
}
END_TEST

/* A preset of 100 columns, whose names do not fit into a message. */
static size_t many_columns(char *ret_text, size_t space)
{
    size_t n = (size_t)snprintf(ret_text, space, "augstream: 1\nname: many\ncolumns:\n");
    for (int i = 0; i < 100; i++) {
        n += (size_t)snprintf(ret_text + n, space - n, "  colour.channel_%02d: {uniform: [0, 1]}\n",
                              i);
    }
    return n;
}

START_TEST(a_wrong_override_is_answered_with_the_nearest_paths)
{
    static const struct {
        const char *override, *answer;
    } cases[] = {
        {"jiter.hue=50", "override 'jiter.hue=50': no such column, did you mean 'jitter.hue'?; "
                         "columns: jitter.hue, crop.scale, "},
        {"blur.sigma.unifrm[1]=2", "override 'blur.sigma.unifrm[1]=2': no such path; accepted: "
                                   "blur.sigma.uniform[1], blur.sigma.uniform[0], "},
        {"crop.position.uniform[2]=2", "accepted: crop.position.uniform[0], "},
        {"jitter.hue.normal.a_very_long_key_that_nobody_has_seen.and.another[77]=1.25",
         "accepted: jitter.hue."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        augs_preset *preset = NULL;
        augs_error error;
        augs_preset_options options = {
            .size = sizeof options, .n_overrides = 1, .overrides = &cases[i].override};
        AUGS_ASSERT_STATUS(AUGS_E_PRESET, augs_preset_open("simclr", &options, &preset, &error),
                           error);
        ck_assert_msg(strstr(error.message, cases[i].answer) != NULL &&
                          strstr(error.message, "...") == NULL,
                      "%s", error.message);
    }
    static const char *const bad[] = {"flip.bernoulli=\xFF", "gray.bernoulli=\xC0\xAF",
                                      "gray.bernoulli=\xED\xA0\x80", "\xE2\x82=1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        augs_preset *preset = NULL;
        augs_error error;
        augs_preset_options options = {
            .size = sizeof options, .n_overrides = 1, .overrides = &bad[i]};
        AUGS_ASSERT_STATUS(AUGS_E_PRESET, augs_preset_open("simclr", &options, &preset, &error),
                           error);
        ck_assert_msg(strstr(error.message, "?") != NULL && strstr(error.message, "is no UTF-8"),
                      "%s", error.message);
    }
    /* two faults, and a name that fills its share of the message */
    char origin[700], text[8192];
    augs_error error;
    augs_preset *preset = NULL;
    size_t n_bytes = many_columns(text, sizeof text);
    const char *both[] = {"color.channel_42.unifrm[1]=2", "flop=1"};
    augs_preset_options options = {.size = sizeof options, .n_overrides = 2, .overrides = both};
    memset(origin, 'o', sizeof origin - 1);
    origin[sizeof origin - 1] = '\0';
    ck_assert_int_eq(augs_preset_open_text(text, n_bytes, origin, &options, &preset, &error),
                     AUGS_E_PRESET);
    ck_assert_msg(strstr(error.message, "columns: colour.channel_42, ") != NULL &&
                      strncmp(error.message, "preset '...oooo", 15) == 0 &&
                      strstr(error.message, ", ... (`presets show NAME` lists them) (and 1 more)"),
                  "%s", error.message);
}
END_TEST

static void keep_fault(void *user, const augs_preset_fault *fault)
{
    snprintf(user, 300, "%u:%u: %s", fault->line, fault->column, fault->message);
}

START_TEST(a_fault_of_an_override_names_it_and_the_place_that_it_wrote)
{
    static const char text[] = "augstream: 1\ncolumns:\n  a: {uniform: [0, 1]}\n"
                               "  b: {bernoulli: 1}\n  c: {normal: {mean: 0, std: 1}}\n";
    static const struct {
        const char *override, *fault;
    } cases[] = {
        {"a.uniform[1]=x", "3:20: override 'a.uniform[1]=x': column 'a': the second number is 'x'"},
        {"a.uniform[0]=2", "3:16: override 'a.uniform[0]=2': column 'a': uniform [2.0, 1.0]"},
        {"b.bernoulli=2", "4:18: override 'b.bernoulli=2': column 'b': probability 2.0"},
        {"c.normal.std=0", "5:15: override 'c.normal.std=0': column 'c': std 0.0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char found[300] = "";
        augs_error error;
        const char *both[] = {"a.uniform[1]=3", cases[i].override};
        augs_preset_options options = {.size = sizeof options, .n_overrides = 2, .overrides = both};
        if (i == 1) {
            both[0] = "b.bernoulli=0";
        }
        ck_assert_int_eq(
            augs_preset_check(text, sizeof text - 1, "t", &options, keep_fault, found, &error), 1);
        ck_assert_msg(strncmp(found, cases[i].fault, strlen(cases[i].fault)) == 0, "%s", found);
    }
}
END_TEST

START_TEST(shipped_presets_name_the_source_of_every_number)
{
    static const struct {
        const char *preset, *column, *source;
        double low, high;
    } ranges[] = {
        {"mild", "rotation", "DPA mild, rotation +-15 degrees", -15, 15},
        {"mild", "brightness", "DPA mild, brightness 0.9 to 1.1", 0.9, 1.1},
        {"mild", "scale", "DPA mild, scale 0.9 to 1.1", 0.9, 1.1},
        {"mild", "noise", "DPA mild, noise 0 to 0.05", 0, 0.05},
        {"mild", "contrast", "DPA mild, contrast 0.85 to 1.15", 0.85, 1.15},
        {"moderate", "rotation", "DPA moderate, rotation +-30 degrees", -30, 30},
        {"moderate", "brightness", "DPA moderate, brightness 0.8 to 1.2", 0.8, 1.2},
        {"moderate", "scale", "DPA moderate, scale 0.8 to 1.2", 0.8, 1.2},
        {"moderate", "noise", "DPA moderate, noise 0 to 0.1", 0, 0.1},
        {"moderate", "contrast", "DPA moderate, contrast 0.7 to 1.3", 0.7, 1.3},
        {"aggressive", "rotation", "DPA aggressive, rotation +-45 degrees", -45, 45},
        {"aggressive", "brightness", "DPA aggressive, brightness 0.7 to 1.3", 0.7, 1.3},
        {"aggressive", "scale", "DPA aggressive, scale 0.7 to 1.3", 0.7, 1.3},
        {"aggressive", "noise", "DPA aggressive, noise 0 to 0.15", 0, 0.15},
        {"aggressive", "contrast", "DPA aggressive, contrast 0.6 to 1.4", 0.6, 1.4},
    };
    augs_preset *preset = NULL;
    augs_error error;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        AUGS_ASSERT_OK(augs_preset_open(ranges[i].preset, NULL, &preset, &error), error);
        augs_column_info info = column_of(preset, ranges[i].column);
        ck_assert_str_eq(info.source, ranges[i].source);
        ck_assert(info.numbers[0] == ranges[i].low && info.numbers[1] == ranges[i].high);
        augs_preset_unref(preset);
    }
    for (uint32_t i = 0; i < augs_shipped_preset_count(); i++) {
        AUGS_ASSERT_OK(augs_preset_open(augs_shipped_preset_name(i), NULL, &preset, &error), error);
        ck_assert_str_ne(augs_preset_source(preset), "");
        for (uint32_t j = 0; j < augs_preset_n_columns(preset); j++) {
            augs_column_info info = {.size = sizeof info};
            augs_preset_column(preset, j, &info);
            ck_assert_msg(info.source[0] != '\0', "%s: no source of %s",
                          augs_shipped_preset_name(i), info.name);
        }
        augs_preset_unref(preset);
    }
}
END_TEST

START_TEST(every_failing_allocation_is_reported_and_leaks_nothing)
{
    static int place;
    augs_preset *const untouched = (augs_preset *)(void *)&place;
    bool opened = false;
    for (long n = 0; !opened; n++) {
        counter c = {.fail_at = n};
        augs_allocator allocator = {.size = sizeof allocator,
                                    .allocate = count_allocate,
                                    .release = count_release,
                                    .user = &c};
        augs_preset_options options = {.size = sizeof options, .allocator = &allocator};
        augs_preset *preset = untouched;
        augs_error error;
        int status = augs_preset_open(data_path(FILE_NAME), &options, &preset, &error);
        if (status == 0) {
            opened = true;
            augs_preset_unref(augs_preset_ref(preset));
            ck_assert(c.out > 0);
            augs_preset_unref(preset);
        } else {
            ck_assert_int_eq(status, AUGS_E_NO_MEMORY);
            ck_assert_ptr_eq(preset, untouched);
        }
        ck_assert_int_eq(c.out, 0);
        ck_assert_int_lt(n, 1000);
    }
}
END_TEST

/* Faults need memory, too. */
START_TEST(a_faulty_text_without_memory_is_no_fault_of_the_text)
{
    static const char text[] = "augstream: 1\ncolumns:\n  g: {choice: {values: [x, y]}}\n"
                               "  a: {unifrom: [0, 1], when: {g: z}, identity: u}\n"
                               "  b: {seed: {}, shape: 0, when: h}\ncolumns: {a: {beta: 1}}\n";
    static const char *const overrides[] = {"a.unifrom[3]=1", "c=1", "b.shape=300"};
    bool checked = false;
    for (long n = 0; !checked; n++) {
        counter c = {.fail_at = n};
        augs_allocator allocator = {.size = sizeof allocator,
                                    .allocate = count_allocate,
                                    .release = count_release,
                                    .user = &c};
        augs_preset_options options = {.size = sizeof options,
                                       .n_overrides = 3,
                                       .overrides = overrides,
                                       .allocator = &allocator};
        augs_preset *preset = NULL;
        augs_error error;
        int n_faults = augs_preset_check(text, sizeof text - 1, "t", &options, NULL, NULL, &error);
        ck_assert(n_faults > 0 || n_faults == AUGS_E_NO_MEMORY);
        ck_assert_int_eq(c.out, 0);
        c.calls = 0;
        int status = augs_preset_open_text(text, sizeof text - 1, "t", &options, &preset, &error);
        ck_assert(status == AUGS_E_PRESET || status == AUGS_E_NO_MEMORY);
        checked = n_faults > 0 && status == AUGS_E_PRESET;
        ck_assert_ptr_null(preset);
        ck_assert_int_eq(c.out, 0);
        ck_assert_int_lt(n, 1000);
    }
}
END_TEST

START_TEST(columns_in_memory_are_checked_like_those_of_a_text)
{
    static const struct {
        uint32_t kind, shape, gate;
        double numbers[2];
        const char *name, *part;
    } cases[] = {
        {AUGS_KIND_PERMUTATION, 1, AUGS_NO_GATE, {NAN}, "a", "a permutation of nan; 2 to 12"},
        {AUGS_KIND_PERMUTATION, 1, AUGS_NO_GATE, {1e300}, "a", "a permutation of 1e300; 2 to 12"},
        {AUGS_KIND_PERMUTATION, 1, AUGS_NO_GATE, {4.5}, "a", "a permutation of 4.5; 2 to 12"},
        {AUGS_KIND_NORMAL, 1, AUGS_NO_GATE, {0, NAN}, "a", "std nan; it has to be above 0"},
        {AUGS_KIND_UNIFORM, 1, AUGS_NO_GATE, {0, INFINITY}, "a", "32-bit float"},
        {AUGS_KIND_CHOICE, 1, AUGS_NO_GATE, {0}, "a", "0 values; 1 to 65535 are accepted"},
        {AUGS_KIND_SAMPLE_ID, 1, AUGS_NO_GATE, {0}, "a", "kind 1 to 11"},
        {99, 1, AUGS_NO_GATE, {0}, "a", "kind 1 to 11"},
        {AUGS_KIND_SEED, 0, AUGS_NO_GATE, {0}, "a", "shape 0; 1 to 256"},
        {AUGS_KIND_SEED, 1, 0, {0}, "a", "gate 0 is no bernoulli or choice column before it"},
        {AUGS_KIND_SEED, 1, AUGS_NO_GATE, {0}, "\xFF", "column '?': a name is made of"},
        {AUGS_KIND_SEED, 1, AUGS_NO_GATE, {0}, NULL, "column '': a name is made of"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        augs_preset *preset = NULL;
        augs_error error;
        augs_column_info info = {.size = sizeof info,
                                 .kind = cases[i].kind,
                                 .shape = cases[i].shape,
                                 .gate = cases[i].gate,
                                 .name = cases[i].name,
                                 .numbers = {cases[i].numbers[0], cases[i].numbers[1]}};
        AUGS_ASSERT_STATUS(
            AUGS_E_PRESET,
            augs_preset_open_columns("n", &info, 1, sizeof info, NULL, &preset, &error), error);
        ck_assert_msg(strstr(error.message, cases[i].part) != NULL, "%s", error.message);
    }
}
END_TEST

static int open_text(const char *text, augs_preset **ret_preset, augs_error *error)
{
    *ret_preset = NULL;
    return augs_preset_open_text(text, strlen(text), "t", NULL, ret_preset, error);
}

/* A refused kind would make values that binary32 cannot hold; its neighbor is accepted. */
START_TEST(what_can_leave_binary32_is_refused)
{
    static const char *const refused[] = {
        "normal: {mean: 3e38, std: 3e38}",
        "normal: {mean: 0, std: 6e37}",
        "normal: {mean: -3.3e38, std: 3e36}",
        "normal: {mean: 3e38, std: 1e38, min: 0}",
        "normal: {mean: 3e38, std: 1e38, max: 3.4e38}",
        "normal: {mean: 3e38, std: 1e37, min: 3.41e38}",
        "normal: {mean: 0, std: 1e38, min: 3e38}",
        "normal: {mean: 1e300, std: 1}",
        "normal: {mean: 0, std: 1e300}",
        "uniform: [-3e38, 3e38]",
        "uniform: [0, 3.5e38]",
        "log_uniform: [1, 3.5e38]",
        "log_uniform: [1e-46, 1]",
        "constant: -3.5e38",
    };
    static const char *const accepted[] = {
        "normal: {mean: 0, std: 5e37}",
        "normal: {mean: 3e38, std: 1e38, min: -1e38, max: 3.4e38}",
        "normal: {mean: 3e38, std: 1e36}",
        "normal: {mean: 0, std: 3e38, min: -1, max: 1}",
        "normal: {mean: 3e38, std: 3e38, min: -3e38, max: 3e38}",
        "uniform: [-1.7e38, 1.7e38]",
        "uniform: [0, 3.4028234e38]",
        "log_uniform: [1e-37, 3.4028234e38]",
        "constant: 3.4028234e38",
        "beta: [0.01, 1000]",
    };
    char text[256];
    augs_error error;
    augs_preset *preset;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        snprintf(text, sizeof text, "{augstream: 1, columns: {c: {%s}}}", refused[i]);
        ck_assert_msg(open_text(text, &preset, &error) == AUGS_E_PRESET, "%s", refused[i]);
        ck_assert_msg(strstr(error.message, "32-bit float") != NULL, "%s", error.message);
    }
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        static float values[20000];
        void *columns[2] = {NULL, values};
        augs_stream *stream = NULL;
        const augs_stream_options options = {.size = sizeof options, .seed = 3, .n_samples = 20000};
        snprintf(text, sizeof text, "{augstream: 1, columns: {c: {%s}}}", accepted[i]);
        AUGS_ASSERT_OK(open_text(text, &preset, &error), error);
        AUGS_ASSERT_OK(augs_stream_open(preset, &options, &stream, &error), error);
        AUGS_ASSERT_OK(augs_stream_fill(stream, &(augs_span){0, 1, 20000}, columns, &error), error);
        for (size_t k = 0; k < 20000; k++) {
            ck_assert_msg(isfinite(values[k]), "%s: sample %zu", accepted[i], k);
        }
        augs_stream_unref(stream);
        augs_preset_unref(preset);
    }
    static const char *const overrides[] = {"c.normal.std=1e38"};
    const augs_preset_options options = {
        .size = sizeof options, .n_overrides = 1, .overrides = overrides};
    static const char normal[] = "{augstream: 1, columns: {c: {normal: {mean: 0, std: 1}}}}";
    AUGS_ASSERT_STATUS(
        AUGS_E_PRESET,
        augs_preset_open_text(normal, sizeof normal - 1, "t", &options, &preset, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "override 'c.normal.std=1e38'"));
}
END_TEST

typedef struct warnings {
    int n_warnings, n_faults;
    uint32_t lines[16];
    char messages[16][200];
} warnings;

static void keep_warning(void *user, const augs_preset_fault *fault)
{
    warnings *w = user;
    if (fault->warning == 0) {
        w->n_faults++;
        return;
    }
    ck_assert_uint_eq(fault->warning, AUGS_WARNING_CLOSED_GATE);
    ck_assert_int_lt(w->n_warnings, 16);
    w->lines[w->n_warnings] = fault->line;
    snprintf(w->messages[w->n_warnings++], sizeof w->messages[0], "%.199s", fault->message);
}

START_TEST(a_gate_that_never_opens_is_a_warning)
{
    static const char text[] =
        "augstream: 1\n"
        "columns:\n"
        "  on: {bernoulli: 0}\n"
        "  tiny: {bernoulli: 1e-10}\n" /* 0.43 of a word: rounds to none */
        "  small: {bernoulli: 2e-10}\n"
        "  kind: {choice: {values: [blur, noise]}, when: on, identity: blur}\n"
        "  sigma: {uniform: [1, 2], when: {kind: blur}, identity: 0}\n"
        "  op: {choice: {values: [a, b, c, d], weights: [0, 1, 1.0e-12, 0]}}\n"
        "  a: {seed: {}, when: {op: a}}\n"
        "  b: {seed: {}, when: {op: b}}\n"
        "  c: {seed: {}, when: {op: c}}\n"
        "  d: {seed: {}, when: {op: d}}\n"
        "  by.tiny: {seed: {}, when: tiny}\n"
        "  by.small: {seed: {}, when: small}\n";
    static const struct {
        uint32_t line;
        const char *part;
    } expected[] = {{6, "'on' is never true"}, {7, "'kind' is never open itself"},
                    {9, "'op' is never a"},    {11, "'op' is never c"},
                    {12, "'op' is never d"},   {13, "'tiny' is never true"}};
    enum { N = sizeof expected / sizeof expected[0] };
    warnings found = {0};
    augs_error error;
    augs_preset *preset;
    ck_assert_int_eq(
        augs_preset_check(text, sizeof text - 1, "t", NULL, keep_warning, &found, &error), 0);
    ck_assert_int_eq(found.n_faults, 0);
    ck_assert_int_eq(found.n_warnings, N);
    for (size_t i = 0; i < N; i++) {
        ck_assert_uint_eq(found.lines[i], expected[i].line);
        ck_assert_msg(strstr(found.messages[i], expected[i].part) != NULL, "%s", found.messages[i]);
    }
    ck_assert_str_eq(augs_warning_name(AUGS_WARNING_CLOSED_GATE), "closed-gate");
    ck_assert_ptr_null(augs_warning_name(0));
    AUGS_ASSERT_OK(open_text(text, &preset, &error), error); /* warnings keep nobody from it */
    augs_preset_unref(preset);
    for (uint32_t i = 0; i < augs_shipped_preset_count(); i++) {
        size_t n_bytes;
        const char *shipped = augs_shipped_preset_text(i, &n_bytes);
        warnings none = {0};
        augs_preset_check(shipped, n_bytes, "shipped", NULL, keep_warning, &none, &error);
        ck_assert_int_eq(none.n_warnings, 0);
    }
}
END_TEST

static augs_column_info plain_column(const char *name, uint32_t kind)
{
    return (augs_column_info){.size = sizeof(augs_column_info),
                              .kind = kind,
                              .shape = 1,
                              .gate = AUGS_NO_GATE,
                              .name = name,
                              .numbers = {0.25, 0.75}};
}

static void assert_refused_columns(const char *name, const augs_column_info *columns, uint32_t n,
                                   const char *part)
{
    augs_preset *preset = NULL;
    augs_error error;
    AUGS_ASSERT_STATUS(
        AUGS_E_PRESET,
        augs_preset_open_columns(name, columns, n, sizeof *columns, NULL, &preset, &error), error);
    ck_assert_msg(strstr(error.message, part) != NULL, "%s", error.message);
    ck_assert_ptr_null(preset);
}

START_TEST(columns_whose_text_could_not_be_read_back_are_refused)
{
    augs_column_info column = plain_column("a", AUGS_KIND_UNIFORM);
    assert_refused_columns("caf\xe9", &column, 1, "its name is not UTF-8");
    column.unit = "\xff\xfe";
    assert_refused_columns("n", &column, 1, "column 'a': its unit is not UTF-8");
    column.unit = NULL;
    column.doc = "\xed\xa0\x80"; /* a surrogate */
    assert_refused_columns("n", &column, 1, "column 'a': its doc is not UTF-8");
    column.doc = NULL;
    column.source = "\xc0\x80";
    assert_refused_columns("n", &column, 1, "column 'a': its source is not UTF-8");
    const augs_choice cut[2] = {{.text = "b", .weight = 1}, {.text = "a\xf0\x9f", .weight = 1}};
    column = plain_column("c", AUGS_KIND_CHOICE);
    column.choices = cut;
    column.n_choices = 2;
    assert_refused_columns("n", &column, 1, "column 'c': its value is not UTF-8");
    column = plain_column("n", AUGS_KIND_NORMAL);
    column.flags = AUGS_HAS_MIN;
    column.numbers[2] = NAN;
    assert_refused_columns("n", &column, 1, "min and max have to be finite");
    column.numbers[2] = -INFINITY;
    assert_refused_columns("n", &column, 1, "min and max have to be finite");
    static const uint32_t not_finite[] = {0x7fc00000, 0xffc00001, 0x7f800000, 0xff800000};
    for (size_t i = 0; i < 4; i++) {
        augs_column_info gated[2] = {plain_column("g", AUGS_KIND_BERNOULLI),
                                     plain_column("x", AUGS_KIND_UNIFORM)};
        gated[1].gate = 0;
        gated[1].gate_value = 1;
        gated[1].identity_bits = not_finite[i];
        assert_refused_columns("n", gated, 2, "column 'x': the identity is not a finite number");
    }
}
END_TEST

/* As a text and as columns: quotes make it grow beyond what is read. */
START_TEST(a_canonical_text_beyond_1_mib_is_refused)
{
    enum { N = AUGS_MAX_CHOICES, SPACE = 1 << 20 };
    static char text[SPACE], names[N][16];
    static augs_choice choices[N];
    size_t n = (size_t)snprintf(text, SPACE, "augstream: 1\ncolumns:\n  c: {choice: {values: [");
    for (uint32_t i = 0; i < N; i++) {
        snprintf(names[i], sizeof names[i], "v%012u", i);
        choices[i] = (augs_choice){.text = names[i], .weight = 1};
        n += (size_t)snprintf(text + n, SPACE - n, "%sv%012u", i > 0 ? "," : "", i);
    }
    n += (size_t)snprintf(text + n, SPACE - n, "]}}\n");
    augs_error error;
    augs_preset *preset = NULL;
    AUGS_ASSERT_STATUS(AUGS_E_PRESET, augs_preset_open_text(text, n, "t", NULL, &preset, &error),
                       error);
    ck_assert_ptr_nonnull(strstr(error.message, "at most 1048576 can be read back"));
    warnings found = {0};
    ck_assert_int_eq(augs_preset_check(text, n, "t", NULL, keep_warning, &found, &error), 1);
    augs_column_info column = plain_column("c", AUGS_KIND_CHOICE);
    column.choices = choices;
    column.n_choices = N;
    assert_refused_columns("n", &column, 1, "at most 1048576 can be read back");
}
END_TEST

/* Everything that UTF-8 can hold, as a value and as the preset's name. */
START_TEST(any_utf8_text_reads_back)
{
    static const char *const texts[] = {"",
                                        " a ",
                                        "\x01\x1f\x7f",
                                        "\xc2\x80\xc2\x85\xc2\x9f\xc2\xa0",
                                        "\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa",
                                        "\xef\xbb\xbf\xef\xbf\xbd\xef\xbf\xbe\xef\xbf\xbf",
                                        "\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf",
                                        "\\\"'\t\n\r:#{}[]&*!|>%@`",
                                        "null",
                                        "~",
                                        "1e3",
                                        "true"};
    enum { N = sizeof texts / sizeof texts[0] };
    augs_choice choices[N];
    for (size_t i = 0; i < N; i++) {
        choices[i] = (augs_choice){.text = texts[i], .weight = 1};
    }
    augs_column_info column = plain_column("c", AUGS_KIND_CHOICE), read = {.size = sizeof read};
    column.choices = choices;
    column.n_choices = N;
    for (size_t k = 0; k < N; k++) {
        augs_preset *preset = NULL, *again = NULL;
        augs_error error;
        AUGS_ASSERT_OK(
            augs_preset_open_columns(texts[k], &column, 1, sizeof column, NULL, &preset, &error),
            error);
        AUGS_ASSERT_OK(open_text(augs_preset_text(preset), &again, &error), error);
        ck_assert_str_eq(augs_preset_name(again), texts[k]);
        ck_assert_int_eq(augs_preset_column(again, 0, &read), 0);
        for (size_t i = 0; i < N; i++) {
            ck_assert_str_eq(read.choices[i].text, texts[i]);
        }
        augs_preset_unref(preset);
        augs_preset_unref(again);
    }
}
END_TEST

/* Only the first member of a struct whose size is wrong may be read: the others lie in memory that
 * nobody may touch. */
START_TEST(the_size_of_a_column_is_read_before_anything_else)
{
    const long page = sysconf(_SC_PAGESIZE);
    char *pages =
        mmap(NULL, (size_t)(2 * page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(pages != MAP_FAILED);
    ck_assert_int_eq(mprotect(pages + page, (size_t)page, PROT_NONE), 0);
    augs_column_info *column = (void *)(pages + page - 8);
    column->size = 8;
    augs_preset *preset = NULL;
    augs_error error;
    AUGS_ASSERT_STATUS(
        AUGS_E_ARGUMENT,
        augs_preset_open_columns("n", column, 1, sizeof *column, NULL, &preset, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "size 8"));
    munmap(pages, (size_t)(2 * page));
}
END_TEST

START_TEST(moments_of_huge_and_tiny_choices_are_finite)
{
    static const char *const values[] = {"[-1e200, 1e200]", "[-1e-200, 1e-200]"};
    for (int i = 0; i < 2; i++) {
        char text[128];
        augs_error error;
        augs_preset *preset;
        augs_column_info info = {.size = sizeof info};
        snprintf(text, sizeof text, "{augstream: 1, columns: {c: {choice: {values: %s}}}}",
                 values[i]);
        AUGS_ASSERT_OK(open_text(text, &preset, &error), error);
        augs_preset_column(preset, 0, &info);
        const double size = i == 0 ? 1e200 : 1e-200;
        ck_assert(info.mean == 0 && fabs(info.std_dev / size - 1) < 1e-12);
        augs_preset_unref(preset);
    }
}
END_TEST

AUGS_SUITE("presets", every_kind_is_bound, canonical_text_reads_back_to_an_equal_preset,
           the_identity_of_a_choice_reads_back_to_its_index, overrides_reach_every_value,
           a_wrong_override_is_answered_with_the_nearest_paths,
           a_fault_of_an_override_names_it_and_the_place_that_it_wrote,
           shipped_presets_name_the_source_of_every_number,
           every_failing_allocation_is_reported_and_leaks_nothing,
           a_faulty_text_without_memory_is_no_fault_of_the_text,
           columns_in_memory_are_checked_like_those_of_a_text, what_can_leave_binary32_is_refused,
           a_gate_that_never_opens_is_a_warning,
           columns_whose_text_could_not_be_read_back_are_refused,
           a_canonical_text_beyond_1_mib_is_refused, any_utf8_text_reads_back,
           the_size_of_a_column_is_read_before_anything_else,
           moments_of_huge_and_tiny_choices_are_finite)
