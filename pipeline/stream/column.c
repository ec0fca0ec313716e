/* SPDX-License-Identifier: Apache-2.0 */
/* What all kinds of column have in common. */
#include "pipeline/stream/column.h"

#include <string.h>

#include "presets/kinds.h"

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

/* Values of a gate that its own gate closes, until the block is through: no value that a column
 * waits for. */
#define CLOSED_BOOL 2u
#define CLOSED_INDEX 0x40000000u

static bool is_bool(const augsi_column *gate)
{
    return gate->dtype == AUGS_DTYPE_BOOL;
}

void augsi_gate_test(const augsi_column *gate, const void *elements, uint64_t n, uint32_t value,
                     uint8_t *restrict ret_open)
{
    if (is_bool(gate)) {
        const uint8_t *bytes = elements;
        for (uint64_t i = 0; i < n; i++) {
            ret_open[i] = bytes[i] == value;
        }
    } else {
        const uint32_t *indices = elements;
        for (uint64_t i = 0; i < n; i++) {
            ret_open[i] = indices[i] == value;
        }
    }
}

void augsi_gate_close(const augsi_column *gate, void *elements, uint64_t n, const uint8_t *open)
{
    if (is_bool(gate)) {
        uint8_t *bytes = elements;
        for (uint64_t i = 0; i < n; i++) {
            bytes[i] = (uint8_t)(bytes[i] | (open[i] != 0 ? 0 : CLOSED_BOOL));
        }
    } else {
        uint32_t *indices = elements;
        for (uint64_t i = 0; i < n; i++) {
            indices[i] |= open[i] != 0 ? 0 : CLOSED_INDEX;
        }
    }
}

void augsi_gate_show(const augsi_column *gate, void *elements, uint64_t n)
{
    if (is_bool(gate)) {
        uint8_t *bytes = elements;
        for (uint64_t i = 0; i < n; i++) {
            bytes[i] = bytes[i] >= CLOSED_BOOL ? (uint8_t)gate->identity_bits : bytes[i];
        }
    } else {
        uint32_t *indices = elements;
        for (uint64_t i = 0; i < n; i++) {
            indices[i] = indices[i] >= CLOSED_INDEX ? (uint32_t)gate->identity_bits : indices[i];
        }
    }
}

/* Elements of any type, as bits. */
typedef uint8_t __attribute__((may_alias)) bits8;
typedef uint32_t __attribute__((may_alias)) bits32;
typedef uint64_t __attribute__((may_alias)) bits64;

/* The identity into every value that is not open; `spread` values share an entry of open. */
#define PUT_IDENTITY(type)                                                                         \
    do {                                                                                           \
        type *values = elements;                                                                   \
        const type identity = (type)column->identity_bits;                                         \
        if (spread == 1) {                                                                         \
            for (uint64_t i = 0; i < n; i++) {                                                     \
                values[i] = open[i] != 0 ? values[i] : identity;                                   \
            }                                                                                      \
        } else {                                                                                   \
            for (uint64_t i = 0; i < n; i++, values += spread) {                                   \
                for (uint64_t j = 0; open[i] == 0 && j < spread; j++) {                            \
                    values[j] = identity;                                                          \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    } while (0)

void augsi_column_close(const augsi_column *column, void *elements, uint64_t n, uint64_t spread,
                        const uint8_t *open)
{
    spread *= column->width;
    switch (column->element_bytes / column->width) {
    case 1:
        PUT_IDENTITY(bits8);
        break;
    case 4:
        PUT_IDENTITY(bits32);
        break;
    default:
        PUT_IDENTITY(bits64);
    }
}
