/* SPDX-License-Identifier: Apache-2.0 */
/* What all kinds of column have in common. */
#include "column.h"

#include <string.h>

#include "kinds.h"

int augsi_column_init(augsi_column *column, const augs_column_info *info, uint64_t n_samples,
                      const augs_allocator *allocator, augs_error *error)
{
    augs_column_info given = *info;
    for (size_t i = 0; i < 4; i++) {
        given.numbers[i] = info->numbers[i] + 0.0; /* -0 is 0, as in the fingerprint */
    }
    *column = (augsi_column){.ops = augsi_column_kinds[info->kind],
                             .n_words = augsi_kinds[info->kind]->n_words,
                             .dtype = info->dtype,
                             .shape = info->shape,
                             .width = info->width,
                             .element_bytes = info->width * augs_dtype_bytes(info->dtype),
                             .gate = info->gate,
                             .gate_value = info->gate_value,
                             .identity_bits = info->identity_bits,
                             .n_samples = n_samples};
    column->sample_bytes = column->shape * column->element_bytes;
    return column->ops->init(column, &given, allocator, error);
}

void augsi_column_done(augsi_column *column, const augs_allocator *allocator)
{
    if (column->ops != NULL && column->ops->done != NULL) {
        column->ops->done(column, allocator);
    }
}

static bool gate_open(const augsi_column *gate, const void *elements, uint64_t i, uint32_t value)
{
    return (gate->dtype == AUGS_DTYPE_BOOL ? ((const uint8_t *)elements)[i]
                                           : ((const uint32_t *)elements)[i]) == value;
}

static void put_identity(const augsi_column *column, char *element)
{
    const uint32_t n_bytes = column->element_bytes / column->width;
    for (uint32_t v = 0; v < column->width; v++) {
        switch (n_bytes) {
        case 1:
            element[v] = (char)column->identity_bits;
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
