/* SPDX-License-Identifier: Apache-2.0 */
/* What the rows of the kinds have to hold. A kind that forgets a part of it fails here. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <augstream/stream.h>
#include <augstream/version.h>

#include "pipeline/stream/column.h"
#include "pipeline/stream/kernels.h"
#include "pipeline/stream/stream_impl.h"
#include "presets/kinds.h"
#include "suite.h"

/* Two values per kind that make different streams, as a preset writes them; NULL: it has one. */
static const char *const examples[AUGSI_N_KINDS][2] = {
    [AUGS_KIND_CONSTANT] = {"2.5", "3"},
    [AUGS_KIND_UNIFORM] = {"[0, 1]", "[0, 2]"},
    [AUGS_KIND_LOG_UNIFORM] = {"[0.5, 2]", "[0.25, 2]"},
    [AUGS_KIND_NORMAL] = {"{mean: 0, std: 1}", "{mean: 0, std: 1, max: 2}"},
    [AUGS_KIND_BETA] = {"[0.2, 0.2]", "[0.2, 0.3]"},
    [AUGS_KIND_BERNOULLI] = {"0.5", "0.25"},
    [AUGS_KIND_INTEGER] = {"[-4, 4]", "[-4, 5]"},
    [AUGS_KIND_CHOICE] = {"{values: [a, b]}", "{values: [a, b], weights: [1, 2]}"},
    [AUGS_KIND_PERMUTATION] = {"4", "5"},
    [AUGS_KIND_SEED] = {"{}", NULL},
    [AUGS_KIND_SAMPLE] = {"{}", NULL},
};

static augs_preset *open_kind(uint32_t kind, const char *value)
{
    char text[256];
    augs_error error;
    augs_preset *preset = NULL;
    int n = snprintf(text, sizeof text, "{augstream: 1, columns: {c: {%s: %s}}}",
                     augs_kind_name(kind), value);
    AUGS_ASSERT_OK(augs_preset_open_text(text, (size_t)n, "kind", NULL, &preset, &error), error);
    return preset;
}

static augs_stream *open_stream(augs_preset *preset)
{
    const augs_stream_options options = {.size = sizeof options, .seed = 5, .n_samples = 1000};
    augs_error error;
    augs_stream *stream = NULL;
    AUGS_ASSERT_OK(augs_stream_open(preset, &options, &stream, &error), error);
    return stream;
}

START_TEST(every_row_has_every_part)
{
    for (uint32_t k = 1; k < AUGSI_N_KINDS; k++) {
        const augsi_kind *kind = augsi_kinds[k];
        const augsi_column_ops *ops = augsi_column_kinds[k];
        ck_assert_msg(kind != NULL && kind->name != NULL, "kind %u has no row or no name", k);
        ck_assert_uint_eq(augsi_kind_of_name(kind->name), k);
        ck_assert_msg(augs_dtype_bytes(kind->dtype) > 0, "%s: no element type", kind->name);
        ck_assert_msg(kind->n_words <= 2, "%s: %u words", kind->name, kind->n_words);
        ck_assert_msg(kind->n_words < 2 || augs_dtype_bytes(kind->dtype) == 8,
                      "%s: two words make eight bytes", kind->name);
        ck_assert_msg(kind->check != NULL && kind->moments != NULL, "%s: no check or no moments",
                      kind->name);
        ck_assert_msg(!kind->is_gate || kind->can_draw != NULL, "%s: a gate without can_draw",
                      kind->name);
        ck_assert_msg(kind->form != AUGS_FORM_NUMBER ||
                          (kind->what != NULL && augsi_kind_n_numbers(kind) == 1),
                      "%s: a single number has a name and a description", kind->name);
        ck_assert_msg((kind->form == AUGS_FORM_NUMBER || kind->form == AUGS_FORM_LIST ||
                       kind->form == AUGS_FORM_MAPPING) == (augsi_kind_n_numbers(kind) > 0),
                      "%s: the form and the numbers", kind->name);
        ck_assert_msg(ops != NULL && ops->init != NULL, "%s: nothing compiles it", kind->name);
        ck_assert_msg((kind->n_words == 2) == (ops->finish != NULL) &&
                          (kind->n_words < 2) == (ops->fill != NULL),
                      "%s: fill is for up to one word, finish for two", kind->name);
        ck_assert_msg(examples[k][0] != NULL, "%s: give this test an example", kind->name);
    }
}
END_TEST

START_TEST(every_kind_is_read_and_its_text_reads_back)
{
    for (uint32_t k = 1; k < AUGSI_N_KINDS; k++) {
        for (int i = 0; i < 2 && examples[k][i] != NULL; i++) {
            augs_preset *preset = open_kind(k, examples[k][i]), *again = NULL;
            augs_stream *stream = open_stream(preset);
            augs_error error;
            const char *text = augs_preset_text(preset);
            AUGS_ASSERT_OK(augs_preset_open_text(text, strlen(text), "again", NULL, &again, &error),
                           error);
            ck_assert_str_eq(augs_preset_text(again), text);
            augs_stream *other = open_stream(again);
            ck_assert_str_eq(augs_stream_fingerprint(stream), augs_stream_fingerprint(other));
            augs_stream_unref(stream);
            augs_stream_unref(other);
            augs_preset_unref(preset);
            augs_preset_unref(again);
        }
    }
}
END_TEST

/* Each number of each kind enters the fingerprint, and so do the kinds themselves. */
START_TEST(different_values_have_different_fingerprints)
{
    char seen[2 * AUGSI_N_KINDS][33];
    size_t n = 0;
    for (uint32_t k = 1; k < AUGSI_N_KINDS; k++) {
        for (int i = 0; i < 2 && examples[k][i] != NULL; i++) {
            augs_preset *preset = open_kind(k, examples[k][i]);
            augs_stream *stream = open_stream(preset);
            memcpy(seen[n], augs_stream_fingerprint(stream), 33);
            for (size_t j = 0; j < n; j++) {
                ck_assert_msg(strcmp(seen[j], seen[n]) != 0, "%s: %s", augs_kind_name(k),
                              examples[k][i]);
            }
            n++;
            augs_stream_unref(stream);
            augs_preset_unref(preset);
        }
    }
}
END_TEST

START_TEST(numbers_have_names_and_forms)
{
    const augs_column_info bound = {
        .size = sizeof bound, .kind = AUGS_KIND_NORMAL, .flags = AUGS_HAS_MAX};
    ck_assert_str_eq(augs_kind_number_name(AUGS_KIND_NORMAL, 3), "max");
    ck_assert_ptr_null(augs_kind_number_name(AUGS_KIND_UNIFORM, 2));
    ck_assert_ptr_null(augs_kind_number_name(AUGSI_N_KINDS, 0));
    ck_assert_ptr_null(augs_kind_number_name(AUGS_KIND_NORMAL, 4));
    ck_assert_uint_eq(augs_kind_form(AUGS_KIND_NORMAL), AUGS_FORM_MAPPING);
    ck_assert_uint_eq(augs_kind_form(AUGSI_N_KINDS), AUGS_FORM_NOTHING);
    ck_assert_int_eq(augs_column_has_number(&bound, 0), 1);
    ck_assert_int_eq(augs_column_has_number(&bound, 2), 0);
    ck_assert_int_eq(augs_column_has_number(&bound, 3), 1);
    ck_assert_int_eq(augs_column_has_number(NULL, 0), 0);
}
END_TEST

/* Of every build. Another value here means another contract. */
#define SELF_TEST 0xef85230a9b9041abu

START_TEST(the_self_test_is_the_same_in_every_build_and_instruction_set)
{
    static const char *const names[] = {"scalar", "avx2", "avx512", NULL};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (augs_simd_select(names[i]) == AUGS_OK) {
            const uint64_t hash = augs_self_test_hash();
            ck_assert_msg(hash == SELF_TEST, "%s: %016llx", augs_simd_name(),
                          (unsigned long long)hash);
            ck_assert_uint_eq(augs_self_test_hash(), hash);
        }
    }
}
END_TEST

START_TEST(the_self_test_has_every_kind_with_and_without_a_gate_of_its_gate)
{
    bool seen[AUGSI_N_KINDS] = {false}, deep = false, vector = false;
    uint32_t n;
    const augs_column_info *columns = augsi_self_test_columns(&n);
    for (uint32_t i = 0; i < n; i++) {
        const uint32_t gate = columns[i].gate;
        seen[columns[i].kind] = true;
        vector |= columns[i].shape > 1 && gate != AUGS_NO_GATE && columns[gate].shape > 1;
        deep |= gate != AUGS_NO_GATE && columns[gate].gate != AUGS_NO_GATE &&
                columns[columns[gate].gate].gate != AUGS_NO_GATE;
    }
    for (uint32_t k = 1; k < AUGSI_N_KINDS; k++) {
        ck_assert_msg(seen[k], "pipeline/stream/self_test.c has no column of kind %s",
                      augs_kind_name(k));
    }
    ck_assert(deep && vector);
}
END_TEST

/* Kernels that are wrong in one value of many. */

static augsi_u128 wrong_outputs(const augsi_rng *rng, augsi_u128 state, uint64_t *ret_outputs,
                                size_t n)
{
    state = augsi_kernels_scalar.outputs(rng, state, ret_outputs, n);
    ret_outputs[n - 1] ^= n > 100;
    return state;
}

static void wrong_uniform(float low, float width, const uint32_t *words, uint64_t n,
                          float *ret_values)
{
    augsi_kernels_scalar.uniform(low, width, words, n, ret_values);
    for (uint64_t i = 0; i < n; i++) { /* as if subnormal results were flushed */
        ret_values[i] = fabsf(ret_values[i]) < 0x1p-126f ? 0 : ret_values[i];
    }
}

static void wrong_log_uniform(const augsi_log_uniform *column, const uint32_t *words, uint64_t n,
                              float *ret_values)
{
    augsi_kernels_scalar.log_uniform(column, words, n, ret_values);
    ret_values[n / 2] = nextafterf(ret_values[n / 2], 2);
}

static void wrong_order(const augsi_order *order, uint64_t *numbers, size_t n)
{
    augsi_kernels_scalar.order_forward(order, numbers, n);
    if (n > 100 && numbers[n - 1] > 0) {
        numbers[n - 1]--;
    }
}

START_TEST(a_wrong_kernel_changes_the_self_test)
{
    augsi_kernels wrong[4] = {augsi_kernels_scalar, augsi_kernels_scalar, augsi_kernels_scalar,
                              augsi_kernels_scalar};
    wrong[0].outputs = wrong_outputs;
    wrong[1].uniform = wrong_uniform;
    wrong[2].log_uniform = wrong_log_uniform;
    wrong[3].order_forward = wrong_order;
    for (size_t i = 0; i < 4; i++) {
        augsi_kernels_use(&wrong[i]);
        ck_assert_msg(augs_self_test_hash() != SELF_TEST, "wrong kernel %zu", i);
    }
    augsi_kernels_use(NULL);
    ck_assert_uint_eq(augs_self_test_hash(), SELF_TEST);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kinds");
    TCase *tcase = tcase_create("kinds");
    tcase_add_test(tcase, every_row_has_every_part);
    tcase_add_test(tcase, every_kind_is_read_and_its_text_reads_back);
    tcase_add_test(tcase, different_values_have_different_fingerprints);
    tcase_add_test(tcase, numbers_have_names_and_forms);
    tcase_add_test(tcase, the_self_test_is_the_same_in_every_build_and_instruction_set);
    tcase_add_test(tcase, the_self_test_has_every_kind_with_and_without_a_gate_of_its_gate);
    tcase_add_test(tcase, a_wrong_kernel_changes_the_self_test);
    tcase_set_timeout(tcase, 120);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
