/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A balanced Feistel network with eight rounds over the smallest even power of two that holds the
 * positions, walked along its cycle until the result is one of them (Black and Rogaway, "Ciphers
 * with arbitrary finite domains", CT-RSA 2002). The round function is PCG's RXS-M-XS.
 */
#include "order.h"

#include "checksum.h"
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

static uint64_t round_function(uint64_t right, uint64_t key, uint32_t half_bits)
{
    uint64_t s = right * 6364136223846793005u + key;
    uint64_t t = ((s >> ((s >> 59) + 5)) ^ s) * 12605985483714917081u;
    return (t ^ (t >> 43)) >> (64 - half_bits);
}

uint64_t augsi_order_id(const augsi_order *order, uint64_t position)
{
    if (order->shuffled == 0) {
        return position;
    }
    const uint32_t half = order->half_bits;
    const uint64_t mask = ((uint64_t)1 << half) - 1;
    uint64_t x = position;
    do {
        uint64_t left = x >> half, right = x & mask;
        for (int i = 0; i < 8; i++) {
            uint64_t next = left ^ round_function(right, order->keys[i], half);
            left = right;
            right = next;
        }
        x = left << half | right;
    } while (x >= order->n_samples);
    return x;
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
            uint64_t previous = right ^ round_function(left, order->keys[i], half);
            right = left;
            left = previous;
        }
        x = left << half | right;
    } while (x >= order->n_samples);
    return x;
}
