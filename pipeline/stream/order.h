/* SPDX-License-Identifier: Apache-2.0 */
/* The order of an epoch: position <-> sample id. docs/contract.md, "Order". */
#ifndef AUGSI_ORDER_H
#define AUGSI_ORDER_H

#include <stddef.h>
#include <stdint.h>

/* The network's numbers are left << low_bits | right, with high_bits bits on the left. */
typedef struct augsi_order {
    uint64_t n_samples;
    uint64_t keys[8];
    uint32_t high_bits, low_bits;
    uint32_t shuffled; /* 0: the identity */
} augsi_order;

void augsi_order_init(augsi_order *order, uint32_t shuffled, uint64_t n_samples, uint64_t seed,
                      uint32_t epoch);
/* F of docs/contract.md: the top n_bits bits of RXS-M-XS. */
static inline uint64_t augsi_order_round(uint64_t half, uint64_t key, uint32_t n_bits)
{
    uint64_t s = half * 6364136223846793005u + key;
    uint64_t t = ((s >> ((s >> 59) + 5)) ^ s) * 12605985483714917081u;
    return (t ^ (t >> 43)) >> (64 - n_bits);
}

/* Ids of the n positions in ret_ids, in place; n <= AUGSI_ORDER_BLOCK. */
#define AUGSI_ORDER_BLOCK 256u
void augsi_order_ids(const augsi_order *order, uint64_t *ret_ids, size_t n);
/* id < n_samples */
uint64_t augsi_order_position(const augsi_order *order, uint64_t id);

#endif
