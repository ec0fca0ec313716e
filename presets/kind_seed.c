/* SPDX-License-Identifier: Apache-2.0 */
/* seed: {} */
#include "presets/kinds.h"

const augsi_kind augsi_kind_seed = {
    .name = "seed",
    .dtype = AUGS_DTYPE_U64,
    .n_words = 2,
    .form = AUGS_FORM_NOTHING,
    .check = augsi_check_nothing,
    .moments = augsi_no_moments,
};
