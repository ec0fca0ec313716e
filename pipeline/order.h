/* SPDX-License-Identifier: Apache-2.0 */
/* The order of an epoch: position <-> sample id. docs/contract.md, "Order". */
#ifndef AUGSI_ORDER_H
#define AUGSI_ORDER_H

#include <stdint.h>

typedef struct augsi_order {
    uint64_t n_samples;
    uint64_t keys[8];
    uint32_t half_bits;
    uint32_t shuffled; /* 0: the identity */
} augsi_order;

void augsi_order_init(augsi_order *order, uint32_t shuffled, uint64_t n_samples, uint64_t seed,
                      uint32_t epoch);
/* position < n_samples */
uint64_t augsi_order_id(const augsi_order *order, uint64_t position);
/* id < n_samples */
uint64_t augsi_order_position(const augsi_order *order, uint64_t id);

#endif
