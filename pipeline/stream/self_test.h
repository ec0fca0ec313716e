/* SPDX-License-Identifier: Apache-2.0 */
/* The stream behind augs_self_test_hash. */
#ifndef AUGSI_SELF_TEST_H
#define AUGSI_SELF_TEST_H

#include <augstream/preset.h>
#include <augstream/version.h>

/* Columns of every kind. Not to be called by two threads at once. */
const augs_column_info *augsi_self_test_columns(uint32_t *ret_n_columns);

#endif
