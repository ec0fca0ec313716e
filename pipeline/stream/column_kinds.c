/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kinds of column: how each is compiled and how it makes elements. Every kind is a quantile
 * function of one draw; docs/contract.md says each to the bit. presets/kinds.h has the other half
 * of each row.
 */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/memory.h"
#include "pipeline/stream/column.h"
#include "pipeline/stream/kernels.h"
#include "presets/kinds.h"

static int init_nothing(augsi_column *column, const augs_column_info *info,
                        const augs_allocator *allocator, augs_error *error)
{
    (void)column;
    (void)info;
    (void)allocator;
    (void)error;
    return AUGS_OK;
}

/* ------------------------------------------------------------------------------- constant */

static int init_constant(augsi_column *column, const augs_column_info *info,
                         const augs_allocator *allocator, augs_error *error)
{
    (void)allocator;
    (void)error;
    column->is.constant = (float)info->numbers[0];
    return AUGS_OK;
}

static void fill_constant(const augsi_column *column, const uint32_t *words, uint64_t n,
                          void *ret_elements)
{
    float *values = ret_elements;
    (void)words;
    for (uint64_t i = 0; i < n; i++) {
        values[i] = column->is.constant;
    }
}

static const augsi_column_ops column_constant = {.init = init_constant, .fill = fill_constant};

/* -------------------------------------------------------------------------------- uniform */

static int init_uniform(augsi_column *column, const augs_column_info *info,
                        const augs_allocator *allocator, augs_error *error)
{
    (void)allocator;
    (void)error;
    column->is.uniform.low = (float)info->numbers[0];
    column->is.uniform.width = (float)info->numbers[1] - (float)info->numbers[0];
    return AUGS_OK;
}

static void fill_uniform(const augsi_column *column, const uint32_t *words, uint64_t n,
                         void *ret_elements)
{
    augsi_kernels_in_use()->uniform(column->is.uniform.low, column->is.uniform.width, words, n,
                                    ret_elements);
}

static const augsi_column_ops column_uniform = {.init = init_uniform, .fill = fill_uniform};

/* ---------------------------------------------------------------------------- log_uniform */

static int init_log_uniform(augsi_column *column, const augs_column_info *info,
                            const augs_allocator *allocator, augs_error *error)
{
    (void)allocator;
    (void)error;
    augsi_log_uniform_init(&column->is.log_uniform, info->numbers[0], info->numbers[1]);
    return AUGS_OK;
}

static void fill_log_uniform(const augsi_column *column, const uint32_t *words, uint64_t n,
                             void *ret_elements)
{
    augsi_kernels_in_use()->log_uniform(&column->is.log_uniform, words, n, ret_elements);
}

static const augsi_column_ops column_log_uniform = {.init = init_log_uniform,
                                                    .fill = fill_log_uniform};

/* --------------------------------------------------------------------------------- normal */

static int init_normal(augsi_column *column, const augs_column_info *info,
                       const augs_allocator *allocator, augs_error *error)
{
    (void)allocator;
    (void)error;
    augsi_normal_init(&column->is.normal, info->numbers[0], info->numbers[1],
                      (info->flags & AUGS_HAS_MIN) != 0 ? info->numbers[2] : -INFINITY,
                      (info->flags & AUGS_HAS_MAX) != 0 ? info->numbers[3] : INFINITY);
    return AUGS_OK;
}

static void fill_normal(const augsi_column *column, const uint32_t *words, uint64_t n,
                        void *ret_elements)
{
    augsi_normal_fill(&column->is.normal, words, n, ret_elements);
}

static const augsi_column_ops column_normal = {.init = init_normal, .fill = fill_normal};

/* ----------------------------------------------------------------------------------- beta */

static int init_beta(augsi_column *column, const augs_column_info *info,
                     const augs_allocator *allocator, augs_error *error)
{
    column->is.beta = augsi_new(allocator, sizeof *column->is.beta);
    if (column->is.beta == NULL) {
        return augsi_fail_memory(error, sizeof *column->is.beta);
    }
    augsi_beta_init(column->is.beta, info->numbers[0], info->numbers[1]);
    return AUGS_OK;
}

static void fill_beta(const augsi_column *column, const uint32_t *words, uint64_t n,
                      void *ret_elements)
{
    augsi_beta_fill(column->is.beta, words, n, ret_elements);
}

static void done_beta(augsi_column *column, const augs_allocator *allocator)
{
    augsi_delete(allocator, column->is.beta, sizeof *column->is.beta);
}

static const augsi_column_ops column_beta = {
    .init = init_beta, .fill = fill_beta, .done = done_beta};

/* ------------------------------------------------------------------------------ bernoulli */

static int init_bernoulli(augsi_column *column, const augs_column_info *info,
                          const augs_allocator *allocator, augs_error *error)
{
    (void)allocator;
    (void)error;
    column->is.threshold = (uint64_t)rint(info->numbers[0] * 4294967296.0);
    return AUGS_OK;
}

static void fill_bernoulli(const augsi_column *column, const uint32_t *words, uint64_t n,
                           void *ret_elements)
{
    uint8_t *values = ret_elements;
    for (uint64_t i = 0; i < n; i++) {
        values[i] = words[i] < column->is.threshold;
    }
}

static const augsi_column_ops column_bernoulli = {.init = init_bernoulli, .fill = fill_bernoulli};

/* -------------------------------------------------------------------------------- integer */

static int init_integer(augsi_column *column, const augs_column_info *info,
                        const augs_allocator *allocator, augs_error *error)
{
    (void)allocator;
    (void)error;
    column->is.integer.low = (int64_t)info->numbers[0];
    column->is.integer.n_values =
        (uint64_t)((int64_t)info->numbers[1] - (int64_t)info->numbers[0]) + 1;
    return AUGS_OK;
}

static void fill_integer(const augsi_column *column, const uint32_t *words, uint64_t n,
                         void *ret_elements)
{
    int32_t *values = ret_elements;
    for (uint64_t i = 0; i < n; i++) {
        int64_t offset = (int64_t)(words[i] * column->is.integer.n_values >> 32);
        values[i] = (int32_t)(column->is.integer.low + offset);
    }
}

static const augsi_column_ops column_integer = {.init = init_integer, .fill = fill_integer};

/* --------------------------------------------------------------------------------- choice */

/* Thresholds c_k = round_half_even(2^32 S_k / S_n) by running sums. Those of 2^32, which no word
 * reaches, stand at the end and are left out. */
static int init_choice(augsi_column *column, const augs_column_info *info,
                       const augs_allocator *allocator, augs_error *error)
{
    const uint32_t n = info->n_choices;
    double total = 0;
    for (uint32_t k = 0; k < n; k++) {
        total += info->choices[k].weight;
    }
    size_t n_bytes = n > 1 ? (n - 1) * sizeof(uint32_t) : 0;
    uint32_t *thresholds = augsi_new(allocator, n_bytes);
    if (thresholds == NULL) {
        return augsi_fail_memory(error, n_bytes);
    }
    double sum = 0;
    uint32_t n_below = 0; /* thresholds that some word can reach */
    for (uint32_t k = 0; k + 1 < n; k++) {
        sum += info->choices[k].weight;
        double threshold = augsi_choice_threshold(sum, total);
        if (threshold < 4294967296.0) {
            thresholds[n_below++] = (uint32_t)threshold;
        }
    }
    column->is.choice.thresholds = thresholds;
    column->is.choice.n_thresholds = n_below;
    column->is.choice.n_bytes = n_bytes;
    return AUGS_OK;
}

static void fill_choice(const augsi_column *column, const uint32_t *words, uint64_t n,
                        void *ret_elements)
{
    int32_t *values = ret_elements;
    const uint32_t *thresholds = column->is.choice.thresholds;
    const uint32_t n_thresholds = column->is.choice.n_thresholds;
    if (n_thresholds <= 16) {
        for (uint64_t i = 0; i < n; i++) {
            int32_t count = 0;
            for (uint32_t k = 0; k < n_thresholds; k++) {
                count += thresholds[k] <= words[i];
            }
            values[i] = (int32_t)count;
        }
        return;
    }
    for (uint64_t i = 0; i < n; i++) {
        /* the number of thresholds <= w, by bisection */
        uint32_t low = 0, high = n_thresholds;
        while (low < high) {
            uint32_t middle = low + (high - low) / 2;
            if (thresholds[middle] <= words[i]) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        values[i] = (int32_t)low;
    }
}

static void done_choice(augsi_column *column, const augs_allocator *allocator)
{
    augsi_delete(allocator, column->is.choice.thresholds, column->is.choice.n_bytes);
}

static const augsi_column_ops column_choice = {
    .init = init_choice, .fill = fill_choice, .done = done_choice};

/* ---------------------------------------------------------------------------- permutation */

static const uint64_t factorials[AUGS_MAX_PERMUTATION + 1] = {
    1, 1, 2, 6, 24, 120, 720, 5040, 40320, 362880, 3628800, 39916800, 479001600};

static void fill_permutation(const augsi_column *column, const uint32_t *words, uint64_t n,
                             void *ret_elements)
{
    int32_t *values = ret_elements;
    const uint32_t k = column->width;
    for (uint64_t i = 0; i < n; i++, values += k) {
        uint8_t items[AUGS_MAX_PERMUTATION] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
        uint64_t rank = words[i] * factorials[k] >> 32;
        for (uint32_t j = 0; j < k; j++) {
            uint64_t f = factorials[k - 1 - j];
            uint32_t at = (uint32_t)(rank / f);
            rank %= f;
            values[j] = items[at];
            memmove(items + at, items + at + 1, k - 1 - j - at);
        }
    }
}

static const augsi_column_ops column_permutation = {.init = init_nothing, .fill = fill_permutation};

/* ------------------------------------------------------------------------ seed and sample */

static void finish_nothing(const augsi_column *column, uint64_t *outputs, uint64_t n)
{
    (void)column;
    (void)outputs;
    (void)n;
}

static const augsi_column_ops column_seed = {.init = init_nothing, .finish = finish_nothing};

static void finish_sample(const augsi_column *column, uint64_t *outputs, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        outputs[i] = (uint64_t)((augsi_u128)outputs[i] * column->n_samples >> 64);
    }
}

static const augsi_column_ops column_sample = {.init = init_nothing, .finish = finish_sample};

/* A kind of presets/kinds.h without a row here does not compile. */
const augsi_column_ops *const augsi_column_kinds[AUGSI_N_KINDS] = {
#define ROW(NAME, name) [AUGS_KIND_##NAME] = &column_##name,
    AUGSI_KINDS(ROW)
#undef ROW
};
