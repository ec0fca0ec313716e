/* SPDX-License-Identifier: Apache-2.0 */
/* permutation: k */
#include <math.h>

#include "presets/kinds.h"

static void check(augsi_draft *draft, const augsi_draft_column *column)
{
    const double k = column->info.numbers[0];
    if (!(k >= 2 && k <= AUGS_MAX_PERMUTATION) || k != rint(k)) {
        augsi_draft_fault(
            draft, column->value_mark, "column '%s': a permutation of %s; 2 to %u are accepted",
            column->info.name, augsi_number_of(&column->info, 0).text, AUGS_MAX_PERMUTATION);
    }
}

const augsi_kind augsi_kind_permutation = {
    .name = "permutation",
    .dtype = AUGS_DTYPE_I32,
    .n_words = 1,
    .form = AUGS_FORM_NUMBER,
    .numbers = {{.name = "k", .whole = true}},
    .what = "the length of the permutation",
    .accepted = "2 to 12",
    .n_from_number = 1,
    .check = check,
    .moments = augsi_no_moments,
};
