/* SPDX-License-Identifier: Apache-2.0 */
/* uniform: [low, high] */
#include <math.h>

#include "presets/kinds.h"

static void moments(augs_column_info *info)
{
    const double *x = info->numbers;
    info->mean = (x[0] + x[1]) / 2;
    info->std_dev = (x[1] - x[0]) / sqrt(12);
}

const augsi_kind augsi_kind_uniform = {
    .name = "uniform",
    .dtype = AUGS_DTYPE_F32,
    .n_words = 1,
    .form = AUGS_FORM_LIST,
    .numbers = {{.name = "low"}, {.name = "high"}},
    .needs_identity = true,
    .check = augsi_check_interval,
    .moments = moments,
};
