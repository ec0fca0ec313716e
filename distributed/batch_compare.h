/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUGSI_BATCH_COMPARE_H
#define AUGSI_BATCH_COMPARE_H

#include <augstream/batch.h>

/* AUGS_E_MISMATCH names the first step, column, sample id and both values that differ. The batches
 * are of one stream and have as many samples. */
int augsi_batch_compare(const augs_batch *received, const augs_batch *made, augs_error *error);

#endif
