/* SPDX-License-Identifier: Apache-2.0 */
#include "distributed/batch_compare.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/number_text.h"

typedef struct value_text {
    char text[AUGSI_NUMBER_BYTES + 1];
} value_text;

static value_text text_of(uint32_t dtype, const void *at)
{
    value_text value = {.text = ""};
    float f32 = 0;
    int32_t i32 = 0;
    int64_t i64 = 0;
    uint64_t u64 = 0;
    size_t n = 0;
    switch (dtype) {
    case AUGS_DTYPE_F32:
        memcpy(&f32, at, sizeof f32);
        n = augsi_f32_text(f32, value.text);
        break;
    case AUGS_DTYPE_BOOL:
        n = augsi_u64_text(*(const uint8_t *)at, value.text);
        break;
    case AUGS_DTYPE_I64:
        memcpy(&i64, at, sizeof i64);
        n = augsi_i64_text(i64, value.text);
        break;
    case AUGS_DTYPE_I32:
        memcpy(&i32, at, sizeof i32);
        n = augsi_i64_text(i32, value.text);
        break;
    default:
        memcpy(&u64, at, sizeof u64);
        n = augsi_u64_text(u64, value.text);
        break;
    }
    value.text[n] = '\0';
    return value;
}

static int name_difference(const augs_batch *received, const augs_batch *made, uint32_t column,
                           uint64_t element, augs_error *error)
{
    augs_batch_info info = {.size = sizeof info};
    const uint32_t dtype = augs_batch_column_dtype(made, column);
    const uint64_t a_sample =
        (uint64_t)augs_batch_column_shape(made, column) * augs_batch_column_width(made, column);
    const uint64_t at = element * augs_dtype_bytes(dtype);
    const int64_t *ids = augs_batch_column_data(made, 0);
    augs_batch_get_info(made, &info);
    value_text theirs = text_of(dtype, (const char *)augs_batch_column_data(received, column) + at);
    value_text ours = text_of(dtype, (const char *)augs_batch_column_data(made, column) + at);
    return augsi_fail(error, AUGS_E_MISMATCH,
                      "epoch %" PRIu32 ", step %" PRIu64 ", column '%s', sample %" PRId64
                      ": received %s, made here %s",
                      info.epoch, info.step, augs_batch_column_name(made, column),
                      ids[element / a_sample], theirs.text, ours.text);
}

static int compare_column(const augs_batch *received, const augs_batch *made, uint32_t column,
                          augs_error *error)
{
    const uint32_t bytes = augs_dtype_bytes(augs_batch_column_dtype(made, column));
    const uint64_t n = augs_batch_n_samples(made) * augs_batch_column_shape(made, column) *
                       augs_batch_column_width(made, column);
    const char *a = augs_batch_column_data(received, column);
    const char *b = augs_batch_column_data(made, column);
    for (uint64_t i = 0; i < n; i++) {
        if (memcmp(a + i * bytes, b + i * bytes, bytes) != 0) {
            return name_difference(received, made, column, i, error);
        }
    }
    return AUGS_OK;
}

int augsi_batch_compare(const augs_batch *received, const augs_batch *made, augs_error *error)
{
    size_t n_received, n_made;
    const void *a = augs_batch_slab(received, &n_received);
    const void *b = augs_batch_slab(made, &n_made);
    if (n_received == n_made && (n_made == 0 || memcmp(a, b, n_made) == 0)) {
        return AUGS_OK;
    }
    for (uint32_t c = 0; n_received == n_made && c < augs_batch_n_columns(made); c++) {
        int result = compare_column(received, made, c, error);
        if (result < 0) {
            return result;
        }
    }
    return augsi_fail(error, AUGS_E_MISMATCH,
                      "the gaps between the columns differ: %zu bytes received, %zu made here",
                      n_received, n_made);
}
