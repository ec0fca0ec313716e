/* SPDX-License-Identifier: Apache-2.0 */
/* Every kind is a quantile function of one draw; docs/contract.md says each to the bit. */
#include "column.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "fail.h"
#include "kernels.h"
#include "memory.h"

static const uint64_t factorials[AUGS_MAX_PERMUTATION + 1] = {
    1, 1, 2, 6, 24, 120, 720, 5040, 40320, 362880, 3628800, 39916800, 479001600};

/* Thresholds c_k = round_half_even(2^32 S_k / S_n) by running sums. Those of 2^32, which no word
 * reaches, stand at the end and are left out. */
static int make_thresholds(augsi_column *column, const augs_column_info *info,
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
        double threshold = rint((4294967296.0 * sum) / total);
        if (threshold < 4294967296.0) {
            thresholds[n_below++] = (uint32_t)threshold;
        }
    }
    column->is.choice.thresholds = thresholds;
    column->is.choice.n_thresholds = n_below;
    column->is.choice.n_bytes = n_bytes;
    return AUGS_OK;
}

int augsi_column_init(augsi_column *column, const augs_column_info *info, uint64_t n_samples,
                      const augs_allocator *allocator, augs_error *error)
{
    double numbers[4];
    for (size_t i = 0; i < 4; i++) {
        numbers[i] = info->numbers[i] + 0.0; /* -0 is 0, as in the fingerprint */
    }
    *column = (augsi_column){.kind = info->kind,
                             .dtype = info->dtype,
                             .shape = info->shape,
                             .width = info->width,
                             .element_bytes = info->width * augs_dtype_bytes(info->dtype),
                             .gate = info->gate,
                             .gate_value = info->gate_value,
                             .identity_bits = info->identity_bits,
                             .n_samples = n_samples};
    column->sample_bytes = column->shape * column->element_bytes;
    switch (info->kind) {
    case AUGS_KIND_CONSTANT:
        column->is.constant = (float)numbers[0];
        break;
    case AUGS_KIND_UNIFORM:
        column->is.uniform.low = (float)numbers[0];
        column->is.uniform.width = (float)numbers[1] - (float)numbers[0];
        break;
    case AUGS_KIND_LOG_UNIFORM:
        augsi_log_uniform_init(&column->is.log_uniform, numbers[0], numbers[1]);
        break;
    case AUGS_KIND_NORMAL:
        augsi_normal_init(&column->is.normal, numbers[0], numbers[1],
                          (info->flags & AUGS_HAS_MIN) != 0 ? numbers[2] : -INFINITY,
                          (info->flags & AUGS_HAS_MAX) != 0 ? numbers[3] : INFINITY);
        break;
    case AUGS_KIND_BETA:
        column->is.beta = augsi_new(allocator, sizeof *column->is.beta);
        if (column->is.beta == NULL) {
            return augsi_fail_memory(error, sizeof *column->is.beta);
        }
        augsi_beta_init(column->is.beta, numbers[0], numbers[1]);
        break;
    case AUGS_KIND_BERNOULLI:
        column->is.threshold = (uint64_t)rint(numbers[0] * 4294967296.0);
        break;
    case AUGS_KIND_INTEGER:
        column->is.integer.low = (int64_t)numbers[0];
        column->is.integer.n_values = (uint64_t)((int64_t)numbers[1] - (int64_t)numbers[0]) + 1;
        break;
    case AUGS_KIND_CHOICE:
        return make_thresholds(column, info, allocator, error);
    default:
        break;
    }
    return AUGS_OK;
}

void augsi_column_done(augsi_column *column, const augs_allocator *allocator)
{
    if (column->kind == AUGS_KIND_CHOICE) {
        augsi_delete(allocator, column->is.choice.thresholds, column->is.choice.n_bytes);
    } else if (column->kind == AUGS_KIND_BETA) {
        augsi_delete(allocator, column->is.beta, sizeof *column->is.beta);
    }
}

unsigned augsi_column_words(const augsi_column *column)
{
    switch (column->kind) {
    case AUGS_KIND_CONSTANT:
        return 0;
    case AUGS_KIND_SEED:
    case AUGS_KIND_SAMPLE:
        return 2;
    default:
        return 1;
    }
}

static void fill_choice(const augsi_column *column, const uint32_t *words, uint64_t n,
                        uint16_t *values)
{
    const uint32_t *thresholds = column->is.choice.thresholds;
    const uint32_t n_thresholds = column->is.choice.n_thresholds;
    if (n_thresholds <= 16) {
        for (uint64_t i = 0; i < n; i++) {
            uint32_t count = 0;
            for (uint32_t k = 0; k < n_thresholds; k++) {
                count += thresholds[k] <= words[i];
            }
            values[i] = (uint16_t)count;
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
        values[i] = (uint16_t)low;
    }
}

static void fill_permutation(const augsi_column *column, const uint32_t *words, uint64_t n,
                             uint8_t *values)
{
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

void augsi_column_from_words(const augsi_column *column, uint32_t *words, uint64_t n,
                             void *ret_elements)
{
    float *singles = ret_elements;
    switch (column->kind) {
    case AUGS_KIND_CONSTANT:
        for (uint64_t i = 0; i < n; i++) {
            singles[i] = column->is.constant;
        }
        break;
    case AUGS_KIND_UNIFORM:
        augsi_kernels_in_use()->uniform(column->is.uniform.low, column->is.uniform.width, words, n,
                                        singles);
        break;
    case AUGS_KIND_LOG_UNIFORM:
        augsi_kernels_in_use()->log_uniform(&column->is.log_uniform, words, n, singles);
        break;
    case AUGS_KIND_NORMAL:
        augsi_normal_fill(&column->is.normal, words, n, singles);
        break;
    case AUGS_KIND_BETA:
        augsi_beta_fill(column->is.beta, words, n, singles);
        break;
    case AUGS_KIND_BERNOULLI:
        for (uint64_t i = 0; i < n; i++) {
            ((uint8_t *)ret_elements)[i] = words[i] < column->is.threshold;
        }
        break;
    case AUGS_KIND_INTEGER:
        for (uint64_t i = 0; i < n; i++) {
            int64_t offset = (int64_t)(words[i] * column->is.integer.n_values >> 32);
            ((int32_t *)ret_elements)[i] = (int32_t)(column->is.integer.low + offset);
        }
        break;
    case AUGS_KIND_CHOICE:
        fill_choice(column, words, n, ret_elements);
        break;
    case AUGS_KIND_PERMUTATION:
        fill_permutation(column, words, n, ret_elements);
        break;
    default:
        assert(0 && "a kind without words");
    }
}

void augsi_column_from_outputs(const augsi_column *column, uint64_t *outputs, uint64_t n)
{
    if (column->kind == AUGS_KIND_SAMPLE) {
        for (uint64_t i = 0; i < n; i++) {
            outputs[i] = (uint64_t)((augsi_u128)outputs[i] * column->n_samples >> 64);
        }
    }
}

static bool gate_open(const augsi_column *gate, const void *elements, uint64_t i, uint32_t value)
{
    return (gate->dtype == AUGS_DTYPE_U8 ? ((const uint8_t *)elements)[i]
                                         : ((const uint16_t *)elements)[i]) == value;
}

static void put_identity(const augsi_column *column, char *element)
{
    const uint32_t n_bytes = column->element_bytes / column->width;
    for (uint32_t v = 0; v < column->width; v++) {
        switch (n_bytes) {
        case 1:
            element[v] = (char)column->identity_bits;
            break;
        case 2:
            ((uint16_t *)(void *)element)[v] = (uint16_t)column->identity_bits;
            break;
        case 4:
            ((uint32_t *)(void *)element)[v] = (uint32_t)column->identity_bits;
            break;
        default:
            ((uint64_t *)(void *)element)[v] = column->identity_bits;
        }
    }
}

void augsi_column_gate(const augsi_column *column, const augsi_column *gate,
                       const void *gate_elements, uint64_t n_samples, void *elements)
{
    const uint64_t n = n_samples * column->shape;
    char *element = elements;
    for (uint64_t i = 0; i < n; i++, element += column->element_bytes) {
        uint64_t at = gate->shape == 1 ? i / column->shape : i;
        if (!gate_open(gate, gate_elements, at, column->gate_value)) {
            put_identity(column, element);
        }
    }
}
