/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A balanced Feistel network with eight rounds over the smallest even power of two that holds the
 * positions, walked along its cycle until the result is one of them (Black and Rogaway, "Ciphers
 * with arbitrary finite domains", CT-RSA 2002). The round function is PCG's RXS-M-XS.
 */
#include "order.h"

#include "checksum.h"
#include "kernels.h"
#include "rng.h"

static uint32_t bit_length(uint64_t x)
{
    return x == 0 ? 0 : 64u - (uint32_t)__builtin_clzll(x);
}

void augsi_order_init(augsi_order *order, uint32_t shuffled, uint64_t n_samples, uint64_t seed,
                      uint32_t epoch)
{
    *order = (augsi_order){.n_samples = n_samples, .shuffled = shuffled != 0 && n_samples > 1};
    if (order->shuffled != 0) {
        uint32_t half = (bit_length(n_samples - 1) + 1) / 2;
        order->half_bits = half < 4 ? 4 : half;
        augsi_seed_words(seed, epoch, augsi_crc32("augstream.order", 15), order->keys, 8);
    }
}

/*
 * All positions go through the network together, those that land outside once more, and so on: no
 * branch depends on a single one. Which ones are outside is kept as a list of their places.
 */
void augsi_order_ids(const augsi_order *order, uint64_t *ret_ids, size_t n)
{
    if (order->shuffled == 0 || n == 0) {
        return;
    }
    const augsi_kernels *kernels = augsi_kernels_in_use();
    uint64_t outside[AUGSI_ORDER_BLOCK];
    uint16_t places[AUGSI_ORDER_BLOCK];
    size_t n_outside = 0;
    kernels->order_forward(order->keys, order->half_bits, ret_ids, n);
    for (size_t i = 0; i < n; i++) {
        places[n_outside] = (uint16_t)i;
        outside[n_outside] = ret_ids[i];
        n_outside += ret_ids[i] >= order->n_samples;
    }
    while (n_outside > 0) {
        size_t left = 0;
        kernels->order_forward(order->keys, order->half_bits, outside, n_outside);
        for (size_t i = 0; i < n_outside; i++) {
            uint64_t x = outside[i];
            uint16_t place = places[i];
            ret_ids[place] = x;
            places[left] = place;
            outside[left] = x;
            left += x >= order->n_samples;
        }
        n_outside = left;
    }
}

uint64_t augsi_order_id(const augsi_order *order, uint64_t position)
{
    augsi_order_ids(order, &position, 1);
    return position;
}

uint64_t augsi_order_position(const augsi_order *order, uint64_t id)
{
    if (order->shuffled == 0) {
        return id;
    }
    const uint32_t half = order->half_bits;
    const uint64_t mask = ((uint64_t)1 << half) - 1;
    uint64_t x = id;
    do {
        uint64_t left = x >> half, right = x & mask;
        for (int i = 7; i >= 0; i--) {
            uint64_t previous = right ^ augsi_order_round(left, order->keys[i], half);
            right = left;
            left = previous;
        }
        x = left << half | right;
    } while (x >= order->n_samples);
    return x;
}
