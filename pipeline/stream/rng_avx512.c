/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sixteen consecutive outputs at once: two vectors of eight lanes, each lane sixteen steps ahead at
 * a time. A lane's 128-bit state is a high and a low half; the high half of the 64 x 64 bit product
 * is put together of four 32 x 32 bit ones.
 */
#include <immintrin.h>

#include "pipeline/stream/kernels.h"

#define LANES 16u
#define CHEAP_MULTIPLIER 0xda942042e4dd58b5u

typedef struct lanes {
    __m512i high, low;
} lanes;

typedef struct step {
    __m512i multiplier_low, multiplier_low_top,
        multiplier_high; /* a^16; _top: its low half >> 32 */
    __m512i plus_low, plus_high;
} step;

static inline __m512i multiply_high(__m512i a, __m512i b, __m512i b_top)
{
    const __m512i mask = _mm512_set1_epi64(0xffffffff);
    __m512i a_top = _mm512_srli_epi64(a, 32);
    __m512i low = _mm512_mul_epu32(a, b), cross = _mm512_mul_epu32(a, b_top);
    __m512i middle = _mm512_add_epi64(_mm512_mul_epu32(a_top, b), _mm512_srli_epi64(low, 32));
    __m512i carry = _mm512_add_epi64(cross, _mm512_and_si512(middle, mask));
    __m512i top = _mm512_add_epi64(_mm512_mul_epu32(a_top, b_top), _mm512_srli_epi64(middle, 32));
    return _mm512_add_epi64(top, _mm512_srli_epi64(carry, 32));
}

static inline lanes advance(lanes x, const step *by)
{
    __m512i high = multiply_high(x.low, by->multiplier_low, by->multiplier_low_top);
    high = _mm512_add_epi64(high, _mm512_mullo_epi64(x.low, by->multiplier_high));
    high = _mm512_add_epi64(high, _mm512_mullo_epi64(x.high, by->multiplier_low));
    __m512i low = _mm512_add_epi64(_mm512_mullo_epi64(x.low, by->multiplier_low), by->plus_low);
    __mmask8 carry = _mm512_cmplt_epu64_mask(low, by->plus_low);
    high = _mm512_add_epi64(high, by->plus_high);
    high = _mm512_mask_add_epi64(high, carry, high, _mm512_set1_epi64(1));
    return (lanes){high, low};
}

static inline __m512i output(lanes x)
{
    const __m512i multiplier = _mm512_set1_epi64((long long)CHEAP_MULTIPLIER);
    __m512i high = _mm512_xor_si512(x.high, _mm512_srli_epi64(x.high, 32));
    high = _mm512_mullo_epi64(high, multiplier);
    high = _mm512_xor_si512(high, _mm512_srli_epi64(high, 48));
    return _mm512_mullo_epi64(high, _mm512_or_si512(x.low, _mm512_set1_epi64(1)));
}

static inline __m512i spread(uint64_t number)
{
    return _mm512_set1_epi64((long long)number);
}

augsi_u128 augsi_rng_outputs_avx512(const augsi_rng *rng, augsi_u128 state, uint64_t *ret_outputs,
                                    size_t n)
{
    const augsi_jump jump = augsi_jump_by(LANES);
    const augsi_u128 plus = jump.plus * rng->increment;
    const step by = {.multiplier_low = spread((uint64_t)jump.multiplier),
                     .multiplier_low_top = spread((uint64_t)jump.multiplier >> 32),
                     .multiplier_high = spread((uint64_t)(jump.multiplier >> 64)),
                     .plus_low = spread((uint64_t)plus),
                     .plus_high = spread((uint64_t)(plus >> 64))};
    _Alignas(64) uint64_t high[LANES], low[LANES];
    for (unsigned i = 0; i < LANES; i++) {
        high[i] = (uint64_t)(state >> 64);
        low[i] = (uint64_t)state;
        state = state * CHEAP_MULTIPLIER + rng->increment;
    }
    lanes a = {_mm512_load_si512(high), _mm512_load_si512(low)};
    lanes b = {_mm512_load_si512(high + 8), _mm512_load_si512(low + 8)};
    for (size_t i = 0; i < n; i += LANES) {
        _mm512_storeu_si512(ret_outputs + i, output(a));
        _mm512_storeu_si512(ret_outputs + i + 8, output(b));
        a = advance(a, &by);
        b = advance(b, &by);
    }
    _mm512_store_si512(high, a.high);
    _mm512_store_si512(low, a.low);
    return (augsi_u128)high[0] << 64 | low[0];
}
