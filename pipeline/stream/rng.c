/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SeedSequence: NumPy's variant of O'Neill's randutils seed_seq_fe
 * (numpy/random/bit_generator.pyx); PCG64-DXSM: numpy/random/src/pcg64. Jumps: F. B. Brown, "Random
 * number generation with arbitrary strides", Trans. Am. Nucl. Soc. 71 (1994).
 */
#include "pipeline/stream/rng.h"

#include <pthread.h>
#include <string.h>

#define POOL 4u
#define CHEAP_MULTIPLIER 0xda942042e4dd58b5u

static uint32_t hash_mix(uint32_t value, uint32_t *hash)
{
    value ^= *hash;
    *hash *= 0x931e8875u;
    value *= *hash;
    return value ^ (value >> 16);
}

static uint32_t mix(uint32_t x, uint32_t y)
{
    uint32_t result = x * 0xca01f9ddu - y * 0x4973f715u;
    return result ^ (result >> 16);
}

void augsi_seed_words(uint64_t seed, uint32_t epoch, uint32_t key, uint64_t *ret_words,
                      size_t n_words)
{
    /* entropy in 32-bit words, padded with zeros to the pool's size because a spawn key follows */
    const uint32_t entropy[POOL + 2] = {(uint32_t)seed, (uint32_t)(seed >> 32), 0, 0, epoch, key};
    uint32_t pool[POOL];
    uint32_t hash = 0x43b0d7e5u;
    for (size_t i = 0; i < POOL; i++) {
        pool[i] = hash_mix(entropy[i], &hash);
    }
    for (size_t from = 0; from < POOL; from++) {
        for (size_t to = 0; to < POOL; to++) {
            if (from != to) {
                pool[to] = mix(pool[to], hash_mix(pool[from], &hash));
            }
        }
    }
    for (size_t from = POOL; from < POOL + 2; from++) {
        for (size_t to = 0; to < POOL; to++) {
            pool[to] = mix(pool[to], hash_mix(entropy[from], &hash));
        }
    }
    hash = 0x8b51f9ddu;
    uint32_t half[2];
    for (size_t i = 0; i < 2 * n_words; i++) {
        uint32_t value = pool[i % POOL] ^ hash;
        hash *= 0x58f38dedu;
        value *= hash;
        half[i % 2] = value ^ (value >> 16);
        if (i % 2 == 1) {
            ret_words[i / 2] = half[0] | (uint64_t)half[1] << 32;
        }
    }
}

static augsi_u128 join_words(uint64_t high, uint64_t low)
{
    return (augsi_u128)high << 64 | low;
}

void augsi_rng_init(augsi_rng *rng, uint64_t seed, uint32_t epoch, uint32_t key)
{
    const augsi_u128 multiplier = join_words(2549297995355413924u, 4865540595714422341u);
    uint64_t words[4];
    augsi_seed_words(seed, epoch, key, words, 4);
    rng->increment = join_words(words[2], words[3]) << 1 | 1;
    /* state 0, step, add the seed, step: with PCG's default multiplier */
    augsi_u128 state = rng->increment + join_words(words[0], words[1]);
    rng->state = state * multiplier + rng->increment;
}

/* Powers of the multiplier by bytes of the number of steps: entry [level][b] jumps b * 256^level
 * steps. */
#define LEVELS 8u
static augsi_jump powers[LEVELS][256];
static pthread_once_t powers_once = PTHREAD_ONCE_INIT;

/* The jump of doing one and then the other. */
static augsi_jump join_jumps(augsi_jump first, augsi_jump second)
{
    return (augsi_jump){.multiplier = second.multiplier * first.multiplier,
                        .plus = second.multiplier * first.plus + second.plus};
}

static void make_powers(void)
{
    augsi_jump step = {.multiplier = CHEAP_MULTIPLIER, .plus = 1};
    for (size_t level = 0; level < LEVELS; level++) {
        powers[level][0] = (augsi_jump){.multiplier = 1, .plus = 0};
        for (size_t b = 1; b < 256; b++) {
            powers[level][b] = join_jumps(powers[level][b - 1], step);
        }
        step = join_jumps(powers[level][255], step);
    }
}

augsi_jump augsi_jump_by(uint64_t n_steps)
{
    pthread_once(&powers_once, make_powers);
    augsi_jump jump = powers[0][n_steps & 255];
    n_steps >>= 8;
    for (size_t level = 1; n_steps != 0; level++, n_steps >>= 8) {
        if ((n_steps & 255) != 0) {
            jump = join_jumps(jump, powers[level][n_steps & 255]);
        }
    }
    return jump;
}

static inline uint64_t output(augsi_u128 state)
{
    uint64_t high = (uint64_t)(state >> 64);
    uint64_t low = (uint64_t)state | 1;
    high ^= high >> 32;
    high *= CHEAP_MULTIPLIER;
    high ^= high >> 48;
    return high * low;
}

augsi_u128 augsi_rng_outputs_scalar(const augsi_rng *rng, augsi_u128 state, uint64_t *ret_outputs,
                                    size_t n)
{
    const augsi_u128 increment = rng->increment;
    size_t i = 0;
    if (n >= 64) {
        /* A step waits for the one before: four runs side by side keep the multipliers busy.
         */
        const size_t quarter = n / 4;
        const augsi_jump jump = augsi_jump_by(quarter);
        augsi_u128 second = augsi_jump_apply(&jump, rng, state);
        augsi_u128 third = augsi_jump_apply(&jump, rng, second);
        augsi_u128 fourth = augsi_jump_apply(&jump, rng, third);
        for (; i < quarter; i++) {
            ret_outputs[i] = output(state);
            ret_outputs[i + quarter] = output(second);
            ret_outputs[i + 2 * quarter] = output(third);
            ret_outputs[i + 3 * quarter] = output(fourth);
            state = state * CHEAP_MULTIPLIER + increment;
            second = second * CHEAP_MULTIPLIER + increment;
            third = third * CHEAP_MULTIPLIER + increment;
            fourth = fourth * CHEAP_MULTIPLIER + increment;
        }
        state = fourth;
        i = 4 * quarter;
    }
    for (; i < n; i++) {
        ret_outputs[i] = output(state);
        state = state * CHEAP_MULTIPLIER + increment;
    }
    return state;
}

/* Low half first: a copy where memory has it so, too. */
static void split_outputs(const uint64_t *outputs, size_t n, uint32_t *ret_words)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    memcpy(ret_words, outputs, n * sizeof *outputs);
#else
    for (size_t k = 0; k < n; k++) {
        ret_words[2 * k] = (uint32_t)outputs[k];
        ret_words[2 * k + 1] = (uint32_t)(outputs[k] >> 32);
    }
#endif
}

#define WORDS_AT_ONCE 1024u

augsi_u128 augsi_rng_words(const augsi_rng *rng, augsi_rng_outputs *outputs, augsi_u128 state,
                           unsigned skip, uint32_t *ret_words, size_t n)
{
    const augsi_u128 increment = rng->increment;
    size_t i = 0;
    if (skip != 0 && n > 0) { /* the low half was taken before */
        ret_words[i++] = (uint32_t)(output(state) >> 32);
        state = state * CHEAP_MULTIPLIER + increment;
    }
    while (n - i >= 64) {
        uint64_t many[WORDS_AT_ONCE];
        size_t part = (n - i) / 2 < WORDS_AT_ONCE ? (n - i) / 2 : WORDS_AT_ONCE;
        state = outputs(rng, state, many, part);
        split_outputs(many, part, ret_words + i);
        i += 2 * part;
    }
    for (; i + 1 < n; i += 2) {
        uint64_t both = output(state);
        ret_words[i] = (uint32_t)both;
        ret_words[i + 1] = (uint32_t)(both >> 32);
        state = state * CHEAP_MULTIPLIER + increment;
    }
    if (i < n) {
        ret_words[i] = (uint32_t)output(state);
    }
    return state;
}

void augsi_rng_pick_words(const augsi_rng *rng, const augsi_jump *jumps, const uint64_t *elements,
                          size_t n, uint32_t *ret_words)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t both = output(augsi_jump_apply(&jumps[i], rng, rng->state));
        ret_words[i] = (uint32_t)(both >> ((elements[i] & 1) * 32));
    }
}

void augsi_rng_pick_outputs(const augsi_rng *rng, const augsi_jump *jumps, size_t n,
                            uint64_t *ret_outputs)
{
    for (size_t i = 0; i < n; i++) {
        ret_outputs[i] = output(augsi_jump_apply(&jumps[i], rng, rng->state));
    }
}
