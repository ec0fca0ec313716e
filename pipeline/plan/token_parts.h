/* SPDX-License-Identifier: Apache-2.0 */
/* What a resume token says of samples that are to be given again: "RANK.WORLD.RETRIES" and for each
 * range ";STEP.PART.PARTS.USED.LOW.HIGH.UNIT.FIRST.STRIDE.COUNT.PAD.PADS", hexadecimal. The samples
 * are named by their positions, so that the batch sizes of the plan need not be the same. */
#ifndef AUGSI_TOKEN_PARTS_H
#define AUGSI_TOKEN_PARTS_H

#include "pipeline/plan/handed_out.h"

#define AUGSI_TOKEN_PARTS_BYTES 6400u

typedef struct augsi_token_parts {
    uint32_t rank, world_size;
    uint64_t n_retries; /* of the epoch in the journal that the run has passed */
    uint32_t n_ranges;
    augsi_range ranges[AUGS_MOST_RETRIES];
} augsi_token_parts;

void augsi_token_parts_format(const augsi_token_parts *parts,
                              char ret_text[AUGSI_TOKEN_PARTS_BYTES]);
/* Positions have to lie from first_position on, n_samples of them (AUGS_ENDLESS). AUGS_E_TOKEN. */
int augsi_token_parts_parse(const char *text, size_t n_bytes, uint64_t first_position,
                            uint64_t n_samples, augsi_token_parts *ret_parts, augs_error *error);

#endif
