/* SPDX-License-Identifier: Apache-2.0 */
/* Products and sums of numbers that callers give: they are checked before they are used. */
#ifndef AUGSI_CHECKED_H
#define AUGSI_CHECKED_H

#include <stdbool.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 augsi_u128;

/* a * b; false if 64 bits do not hold it: *ret_product is unchanged. */
static inline bool augsi_mul_u64(uint64_t a, uint64_t b, uint64_t *ret_product)
{
    uint64_t product;
    if (__builtin_mul_overflow(a, b, &product)) {
        return false;
    }
    *ret_product = product;
    return true;
}

/* a * b, or UINT64_MAX where 64 bits do not hold it. */
static inline uint64_t augsi_mul_or_most(uint64_t a, uint64_t b)
{
    uint64_t product = UINT64_MAX;
    (void)augsi_mul_u64(a, b, &product);
    return product;
}

/* a + b, or UINT64_MAX where 64 bits do not hold it. */
static inline uint64_t augsi_add_or_most(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/* How many groups of `size` (at least 1) hold n: n / size, rounded up. */
static inline uint64_t augsi_groups_of(uint64_t n, uint64_t size)
{
    return n / size + (n % size != 0);
}

#endif
