/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Feistel network with eight rounds over the smallest power of two that holds the positions. The
 * network is walked along its cycle until the result is a position (Black and Rogaway, "Ciphers
 * with arbitrary finite domains", CT-RSA 2002). Its two halves differ by one bit where the number
 * of bits is odd, so the domain has fewer than 2 N numbers and the walk takes less than two steps
 * on average. Streams of up to 128 samples keep 256 numbers, because smaller halves mix less well.
 * The round function is PCG's RXS-M-XS.
 */
#include "pipeline/stream/order.h"

#include "base/checksum.h"
#include "pipeline/stream/kernels.h"
#include "pipeline/stream/rng.h"

static uint32_t bit_length(uint64_t x)
{
    return x == 0 ? 0 : 64u - (uint32_t)__builtin_clzll(x);
}

void augsi_order_init(augsi_order *order, uint32_t shuffled, uint64_t n_samples, uint64_t seed,
                      uint32_t epoch)
{
    *order = (augsi_order){.n_samples = n_samples, .shuffled = shuffled != 0 && n_samples > 1};
    if (order->shuffled != 0) {
        uint32_t n_bits = bit_length(n_samples - 1);
        n_bits = n_bits < 8 ? 8 : n_bits;
        order->low_bits = n_bits / 2;
        order->high_bits = n_bits - order->low_bits;
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
    kernels->order_forward(order, ret_ids, n);
    for (size_t i = 0; i < n; i++) {
        places[n_outside] = (uint16_t)i;
        outside[n_outside] = ret_ids[i];
        n_outside += ret_ids[i] >= order->n_samples;
    }
    while (n_outside > 0) {
        size_t left = 0;
        kernels->order_forward(order, outside, n_outside);
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

uint64_t augsi_order_position(const augsi_order *order, uint64_t id)
{
    if (order->shuffled == 0) {
        return id;
    }
    const uint32_t high = order->high_bits, low = order->low_bits;
    const uint64_t mask = ((uint64_t)1 << low) - 1;
    uint64_t x = id;
    do {
        uint64_t left = x >> low, right = x & mask;
        for (int i = 7; i > 0; i -= 2) { /* a round is its own inverse */
            right ^= augsi_order_round(left, order->keys[i], low);
            left ^= augsi_order_round(right, order->keys[i - 1], high);
        }
        x = left << low | right;
    } while (x >= order->n_samples);
    return x;
}
