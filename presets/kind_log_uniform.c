/* SPDX-License-Identifier: Apache-2.0 */
/* log_uniform: [low, high] */
#include <math.h>

#include "presets/kinds.h"

static void check(augsi_draft *draft, const augsi_draft_column *column)
{
    const augs_column_info *info = &column->info;
    augsi_check_interval(draft, column);
    if (!(info->numbers[0] > 0 && (float)info->numbers[0] >= 0x1p-126f)) {
        augsi_draft_fault(draft, column->value_mark,
                          "column '%s': log_uniform [%s, %s]: both numbers have to be above 0 and "
                          "normal 32-bit floats",
                          info->name, augsi_number_of(info, 0).text, augsi_number_of(info, 1).text);
    }
}

static void moments(augs_column_info *info)
{
    const double *x = info->numbers;
    double width = log(x[1] / x[0]);
    info->mean = (x[1] - x[0]) / width;
    info->std_dev =
        sqrt(fmax(0, (x[1] * x[1] - x[0] * x[0]) / (2 * width) - info->mean * info->mean));
}

const augsi_kind augsi_kind_log_uniform = {
    .name = "log_uniform",
    .dtype = AUGS_DTYPE_F32,
    .n_words = 1,
    .form = AUGS_FORM_LIST,
    .numbers = {{.name = "low"}, {.name = "high"}},
    .needs_identity = true,
    .check = check,
    .moments = moments,
};
