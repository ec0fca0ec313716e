/* SPDX-License-Identifier: Apache-2.0 */
/* bernoulli: p */
#include <math.h>

#include "presets/kinds.h"

static void check(augsi_draft *draft, const augsi_draft_column *column)
{
    if (!(column->info.numbers[0] >= 0 && column->info.numbers[0] <= 1)) {
        augsi_draft_fault(draft, column->value_mark,
                          "column '%s': probability %s; it has to be from 0 to 1",
                          column->info.name, augsi_number_of(&column->info, 0).text);
    }
}

static void moments(augs_column_info *info)
{
    const double p = info->numbers[0];
    info->mean = p;
    info->std_dev = sqrt(p * (1 - p));
}

/* A word is below the threshold rint(p 2^32) or not. */
static bool can_draw(const augs_column_info *info, uint32_t value)
{
    const double threshold = rint(info->numbers[0] * 4294967296.0);
    return value == 1 ? threshold > 0 : threshold < 4294967296.0;
}

const augsi_kind augsi_kind_bernoulli = {
    .name = "bernoulli",
    .dtype = AUGS_DTYPE_BOOL,
    .n_words = 1,
    .form = AUGS_FORM_NUMBER,
    .numbers = {{.name = "p"}},
    .what = "the probability",
    .is_gate = true,
    .check = check,
    .moments = moments,
    .can_draw = can_draw,
};
