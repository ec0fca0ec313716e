/* SPDX-License-Identifier: Apache-2.0 */
/* sample: {} */
#include "presets/kinds.h"

const augsi_kind augsi_kind_sample = {
    .name = "sample",
    .dtype = AUGS_DTYPE_I64,
    .n_words = 2,
    .form = AUGS_FORM_NOTHING,
    .needs_n_samples = true,
    .check = augsi_check_nothing,
    .moments = augsi_no_moments,
};
