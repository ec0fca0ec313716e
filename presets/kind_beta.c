/* SPDX-License-Identifier: Apache-2.0 */
/* beta: [a, b] */
#include <math.h>

#include "presets/kinds.h"

static bool good(double x)
{
    return x >= 0.01 && x <= 1000;
}

static void check(augsi_draft *draft, const augsi_draft_column *column)
{
    const augs_column_info *info = &column->info;
    if (!good(info->numbers[0]) || !good(info->numbers[1])) {
        augsi_draft_fault(draft, column->value_mark,
                          "column '%s': beta [%s, %s]; both numbers have to be from 0.01 to 1000",
                          info->name, augsi_number_of(info, 0).text, augsi_number_of(info, 1).text);
    }
}

static void moments(augs_column_info *info)
{
    const double *x = info->numbers;
    info->mean = x[0] / (x[0] + x[1]);
    info->std_dev = sqrt(x[0] * x[1] / (x[0] + x[1] + 1)) / (x[0] + x[1]);
}

const augsi_kind augsi_kind_beta = {
    .name = "beta",
    .dtype = AUGS_DTYPE_F32,
    .n_words = 1,
    .form = AUGS_FORM_LIST,
    .numbers = {{.name = "a"}, {.name = "b"}},
    .needs_identity = true,
    .check = check,
    .moments = moments,
};
