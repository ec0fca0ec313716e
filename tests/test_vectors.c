/* SPDX-License-Identifier: Apache-2.0 */
/* The known answers of tests/data/vectors.json, made with NumPy and mpmath. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <augstream/stream.h>

#include "suite.h"

static json_t *load_vectors(void)
{
    char path[1024];
    const char *folder = getenv("AUGS_TEST_DATA");
    json_error_t problem;
    ck_assert_msg(folder != NULL, "AUGS_TEST_DATA is not set");
    snprintf(path, sizeof path, "%s/vectors.json", folder);
    json_t *root = json_load_file(path, 0, &problem);
    ck_assert_msg(root != NULL, "%s: %s", path, problem.text);
    return root;
}

static double number(const json_t *object, const char *key, double otherwise)
{
    const json_t *value = json_object_get(object, key);
    return value == NULL ? otherwise : json_number_value(value);
}

static uint32_t kind_of(const char *name)
{
    for (uint32_t kind = 1; kind <= AUGS_KIND_SAMPLE; kind++) {
        if (strcmp(augs_kind_name(kind), name) == 0) {
            return kind;
        }
    }
    ck_abort_msg("no kind '%s'", name);
    return 0;
}

/* Seeds go up to 2^64 - 1, beyond jansson's integers: the copy of the file here has them as texts.
 */
static uint64_t seed_of(const json_t *entry)
{
    return strtoull(json_string_value(json_object_get(entry, "seed")), NULL, 10);
}

static augs_stream *open_case(const json_t *entry, augs_choice *choices)
{
    const json_t *spec = json_object_get(entry, "spec");
    augs_column_info info = {.size = sizeof info, .gate = AUGS_NO_GATE};
    info.name = json_string_value(json_object_get(entry, "column"));
    info.kind = kind_of(json_string_value(json_object_get(entry, "kind")));
    info.shape = (uint32_t)json_integer_value(json_object_get(entry, "shape"));
    uint64_t n_samples = AUGS_ENDLESS;
    if (info.kind == AUGS_KIND_SAMPLE) {
        n_samples = (uint64_t)json_integer_value(spec);
    } else if (info.kind == AUGS_KIND_NORMAL) {
        info.numbers[0] = number(spec, "mean", 0);
        info.numbers[1] = number(spec, "std", 0);
        info.numbers[2] = number(spec, "min", 0);
        info.numbers[3] = number(spec, "max", 0);
        info.flags = (json_object_get(spec, "min") != NULL ? AUGS_HAS_MIN : 0) |
                     (json_object_get(spec, "max") != NULL ? AUGS_HAS_MAX : 0);
    } else if (info.kind == AUGS_KIND_CHOICE) {
        static const char *const names[] = {"a", "b", "c", "d"};
        info.n_choices = (uint32_t)json_array_size(spec);
        info.choices = choices;
        for (uint32_t i = 0; i < info.n_choices; i++) {
            choices[i] = (augs_choice){.text = names[i],
                                       .weight = json_number_value(json_array_get(spec, i))};
        }
    } else if (json_is_array(spec)) {
        info.numbers[0] = json_number_value(json_array_get(spec, 0));
        info.numbers[1] = json_number_value(json_array_get(spec, 1));
    } else if (json_is_number(spec)) {
        info.numbers[0] = json_number_value(spec);
    }
    augs_error error;
    augs_preset *preset = NULL;
    augs_stream *stream = NULL;
    AUGS_ASSERT_OK(
        augs_preset_open_columns("vectors", &info, 1, sizeof info, NULL, &preset, &error), error);
    augs_stream_options options = {
        .size = sizeof options,
        .seed = seed_of(entry),
        .n_samples = n_samples,
        .epoch = (uint32_t)json_integer_value(json_object_get(entry, "epoch"))};
    AUGS_ASSERT_OK(augs_stream_open(preset, &options, &stream, &error), error);
    augs_preset_unref(preset);
    return stream;
}

/* A value as the file writes it: its bits as an unsigned number. */
static uint64_t element_bits(const unsigned char *element, uint32_t n_bytes)
{
    uint64_t bits = 0;
    for (uint32_t i = 0; i < n_bytes; i++) {
        bits |= (uint64_t)element[i] << (8 * i);
    }
    return bits;
}

static int64_t ulps_between(uint32_t a, uint32_t b)
{
    int64_t x = (a & 0x80000000u) != 0 ? -(int64_t)(a & 0x7fffffffu) : (int64_t)a;
    int64_t y = (b & 0x80000000u) != 0 ? -(int64_t)(b & 0x7fffffffu) : (int64_t)b;
    return x > y ? x - y : y - x;
}

static void check_element(const json_t *entry, const augs_column_info *info,
                          const unsigned char *element, const char *expected, int64_t id,
                          int64_t *worst)
{
    const char *name = info->name;
    if (info->kind == AUGS_KIND_PERMUTATION) {
        const uint32_t n_bytes = augs_dtype_bytes(info->dtype);
        ck_assert_uint_eq(strlen(expected), (size_t)8 * info->width);
        for (uint32_t i = 0; i < info->width; i++) { /* eight digits per item */
            char item[9] = "";
            memcpy(item, expected + (size_t)8 * i, 8);
            ck_assert_msg(element_bits(element + i * n_bytes, n_bytes) == strtoul(item, NULL, 16),
                          "%s, sample %" PRId64, name, id);
        }
        return;
    }
    uint64_t bits = element_bits(element, augs_dtype_bytes(info->dtype));
    uint64_t want = strtoull(expected, NULL, 16);
    if (json_is_true(json_object_get(entry, "exact"))) {
        ck_assert_msg(bits == want, "%s, sample %" PRId64 ": %" PRIx64 ", expected %" PRIx64, name,
                      id, bits, want);
        return;
    }
    int64_t difference = ulps_between((uint32_t)bits, (uint32_t)want);
    float got, exact;
    uint32_t half = (uint32_t)want;
    memcpy(&got, element, 4);
    memcpy(&exact, &half, 4);
    if (info->kind == AUGS_KIND_BETA && fabsf(got - exact) <= 0x1p-32f) {
        difference = 0;
    }
    *worst = difference > *worst ? difference : *worst;
    ck_assert_msg(difference <= 1, "%s, sample %" PRId64 ": %.9g, expected %.9g", name, id,
                  (double)got, (double)exact);
}

static void check_case(const json_t *entry, int64_t *worst)
{
    augs_choice choices[8];
    augs_stream *stream = open_case(entry, choices);
    augs_column_info info = {.size = sizeof info};
    ck_assert_int_eq(augs_stream_column(stream, 1, &info), 0);
    const json_t *ids = json_object_get(entry, "ids"), *bits = json_object_get(entry, "bits");
    uint32_t n_bytes = augs_stream_column_bytes(stream, 1), element = n_bytes / info.shape;
    ck_assert_uint_eq(json_array_size(bits), json_array_size(ids) * info.shape);
    for (size_t i = 0; i < json_array_size(ids); i++) {
        _Alignas(8) unsigned char values[4096];
        int64_t id = json_integer_value(json_array_get(ids, i));
        if ((uint64_t)id >= augs_stream_n_samples(stream)) {
            continue; /* the partner column's ids go beyond its stream */
        }
        void *columns[2] = {NULL, values};
        augs_error error;
        AUGS_ASSERT_OK(augs_stream_gather(stream, &id, 1, columns, &error), error);
        for (uint32_t j = 0; j < info.shape; j++) {
            check_element(entry, &info, values + j * element,
                          json_string_value(json_array_get(bits, i * info.shape + j)), id, worst);
        }
    }
    augs_stream_unref(stream);
}

/* Level 0 is the plain code, level 1 the best that this machine has. */
static void select_level(int level)
{
    ck_assert_int_eq(augs_simd_select(level == 0 ? "scalar" : NULL), 0);
}

START_TEST(every_column_has_the_known_values)
{
    select_level(_i);
    json_t *root = load_vectors();
    const json_t *columns = json_object_get(root, "columns");
    int64_t worst = 0;
    ck_assert_uint_ge(json_array_size(columns), 70);
    for (size_t i = 0; i < json_array_size(columns); i++) {
        check_case(json_array_get(columns, i), &worst);
    }
    printf("vectors: at most %d ulp from the exact value\n", (int)worst);
    json_decref(root);
}
END_TEST

START_TEST(every_order_has_the_known_ids_and_turns_back)
{
    select_level(_i);
    json_t *root = load_vectors();
    const json_t *orders = json_object_get(root, "orders");
    augs_error error;
    augs_preset *preset = NULL;
    AUGS_ASSERT_OK(augs_preset_open("mild", NULL, &preset, &error), error);
    ck_assert_uint_ge(json_array_size(orders), 7);
    for (size_t i = 0; i < json_array_size(orders); i++) {
        const json_t *entry = json_array_get(orders, i);
        augs_stream *stream = NULL;
        augs_stream_options options = {
            .size = sizeof options,
            .order = AUGS_ORDER_SHUFFLED,
            .seed = seed_of(entry),
            .n_samples = (uint64_t)json_integer_value(json_object_get(entry, "n")),
            .epoch = (uint32_t)json_integer_value(json_object_get(entry, "epoch"))};
        AUGS_ASSERT_OK(augs_stream_open(preset, &options, &stream, &error), error);
        const json_t *positions = json_object_get(entry, "positions"),
                     *ids = json_object_get(entry, "ids");
        for (size_t k = 0; k < json_array_size(positions); k++) {
            augs_span span = {(uint64_t)json_integer_value(json_array_get(positions, k)), 1, 1};
            int64_t id = 0;
            uint64_t position = 0;
            AUGS_ASSERT_OK(augs_stream_sample_ids(stream, &span, &id, &error), error);
            ck_assert_int_eq(id, json_integer_value(json_array_get(ids, k)));
            AUGS_ASSERT_OK(augs_stream_position(stream, id, &position, &error), error);
            ck_assert_uint_eq(position, span.first);
        }
        augs_stream_unref(stream);
    }
    augs_preset_unref(preset);
    json_decref(root);
}
END_TEST

/* Long runs, in which the wide code really runs: from every alignment of the first element. */
START_TEST(every_instruction_set_makes_the_same_bits)
{
    enum { N = 5000 };
    const char *presets[] = {"moderate", "imagenet", "simclr", "mixup-cutmix"};
    augs_error error;
    augs_preset *preset = NULL;
    AUGS_ASSERT_OK(augs_preset_open(presets[_i % 4], NULL, &preset, &error), error);
    augs_stream_options options = {
        .size = sizeof options, .seed = 99, .n_samples = 1000003, .order = _i >= 4};
    augs_stream *stream = NULL;
    AUGS_ASSERT_OK(augs_stream_open(preset, &options, &stream, &error), error);
    const uint32_t n_columns = augs_stream_n_columns(stream);
    for (uint64_t first = 0; first < 3; first++) {
        unsigned char *data[2] = {NULL, NULL};
        for (int level = 0; level < 2; level++) {
            void *columns[AUGS_MAX_COLUMNS + 1];
            data[level] = malloc(N * augs_stream_sample_bytes(stream));
            unsigned char *at = data[level];
            for (uint32_t c = 0; c < n_columns; c++) {
                columns[c] = malloc(N * augs_stream_column_bytes(stream, c));
            }
            const augs_span span = {first, 1 + first * 7, N};
            select_level(level);
            AUGS_ASSERT_OK(augs_stream_fill(stream, &span, columns, &error), error);
            for (uint32_t c = 0; c < n_columns; c++) {
                size_t n_bytes = N * (size_t)augs_stream_column_bytes(stream, c);
                memcpy(at, columns[c], n_bytes);
                at += n_bytes;
                free(columns[c]);
            }
        }
        ck_assert_int_eq(memcmp(data[0], data[1], N * augs_stream_sample_bytes(stream)), 0);
        free(data[0]);
        free(data[1]);
    }
    augs_stream_unref(stream);
    augs_preset_unref(preset);
}
END_TEST

START_TEST(the_instruction_set_has_a_name)
{
    ck_assert_int_eq(augs_simd_select("abacus"), AUGS_E_UNSUPPORTED);
    ck_assert_int_eq(augs_simd_select("scalar"), 0);
    ck_assert_str_eq(augs_simd_name(), "scalar");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vectors");
    TCase *tcase = tcase_create("vectors");
    tcase_set_timeout(tcase, 240);
    tcase_add_loop_test(tcase, every_column_has_the_known_values, 0, 2);
    tcase_add_loop_test(tcase, every_order_has_the_known_ids_and_turns_back, 0, 2);
    tcase_add_loop_test(tcase, every_instruction_set_makes_the_same_bits, 0, 8);
    tcase_add_test(tcase, the_instruction_set_has_a_name);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
