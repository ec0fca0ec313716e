/* SPDX-License-Identifier: Apache-2.0 */
/* integer: [low, high], both ends included */
#include <math.h>

#include "presets/kinds.h"

static void check(augsi_draft *draft, const augsi_draft_column *column)
{
    const augs_column_info *info = &column->info;
    const double low = info->numbers[0], high = info->numbers[1];
    bool whole = low == rint(low) && high == rint(high);
    if (!whole || !(low >= INT32_MIN && low <= high && high <= INT32_MAX)) {
        augsi_draft_fault(draft, column->value_mark,
                          "column '%s': integer [%s, %s]; two whole numbers from -2147483648 to "
                          "2147483647, the first not above the second",
                          info->name, augsi_number_of(info, 0).text, augsi_number_of(info, 1).text);
    }
}

static void moments(augs_column_info *info)
{
    const double *x = info->numbers;
    double n = x[1] - x[0] + 1;
    info->mean = (x[0] + x[1]) / 2;
    info->std_dev = sqrt((n * n - 1) / 12);
}

const augsi_kind augsi_kind_integer = {
    .name = "integer",
    .dtype = AUGS_DTYPE_I32,
    .n_words = 1,
    .form = AUGS_FORM_LIST,
    .numbers = {{.name = "low", .whole = true}, {.name = "high", .whole = true}},
    .needs_identity = true,
    .check = check,
    .moments = moments,
};
