/* SPDX-License-Identifier: Apache-2.0 */
/* constant: v */
#include <math.h>

#include "presets/kinds.h"

static void check(augsi_draft *draft, const augsi_draft_column *column)
{
    if (!isfinite((float)column->info.numbers[0])) {
        augsi_draft_fault(draft, column->value_mark,
                          "column '%s': constant %s does not fit a 32-bit float", column->info.name,
                          augsi_number_of(&column->info, 0).text);
    }
}

static void moments(augs_column_info *info)
{
    info->mean = info->numbers[0];
    info->std_dev = 0;
}

const augsi_kind augsi_kind_constant = {
    .name = "constant",
    .dtype = AUGS_DTYPE_F32,
    .n_words = 0,
    .form = AUGS_FORM_NUMBER,
    .numbers = {{.name = "value"}},
    .what = "the constant",
    .needs_identity = true,
    .check = check,
    .moments = moments,
};
