/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random words: NumPy's SeedSequence and PCG64-DXSM (O'Neill's PCG family: 128-bit LCG with the
 * "cheap" multiplier, DXSM output, output before step). docs/contract.md, "Words". Nothing else
 * knows the generator.
 */
#ifndef AUGSI_RNG_H
#define AUGSI_RNG_H

#include <stddef.h>
#include <stdint.h>

#include "base/checked.h"

/* SeedSequence(entropy = seed, spawn_key = (epoch, key)).generate_state(n_words, uint64). n_words
 * <= 8. */
void augsi_seed_words(uint64_t seed, uint32_t epoch, uint32_t key, uint64_t *ret_words,
                      size_t n_words);

/* A column's generator before its output 0. */
typedef struct augsi_rng {
    augsi_u128 state;
    augsi_u128 increment;
} augsi_rng;

void augsi_rng_init(augsi_rng *rng, uint64_t seed, uint32_t epoch, uint32_t key);

/*
 * A jump of n steps, the same for every column: state -> multiplier * state + plus * increment,
 * with multiplier = a^n and plus = 1 + a + ... + a^(n-1) modulo 2^128.
 */
typedef struct augsi_jump {
    augsi_u128 multiplier;
    augsi_u128 plus;
} augsi_jump;

augsi_jump augsi_jump_by(uint64_t n_steps);

static inline augsi_u128 augsi_jump_apply(const augsi_jump *jump, const augsi_rng *rng,
                                          augsi_u128 state)
{
    return jump->multiplier * state + jump->plus * rng->increment;
}

/* n outputs from `state` on; returns the state after them. */
typedef augsi_u128 augsi_rng_outputs(const augsi_rng *rng, augsi_u128 state, uint64_t *ret_outputs,
                                     size_t n);
/* The plain loop. kernels.h knows the fastest one of this machine. */
augsi_rng_outputs augsi_rng_outputs_scalar;
/*
 * n 32-bit words: the halves of the outputs from `state` on, low half first, the first `skip` (0 or
 * 1) of them left out. Many of them are made by `outputs`. Returns the state of the output that the
 * next word is a half of.
 */
augsi_u128 augsi_rng_words(const augsi_rng *rng, augsi_rng_outputs *outputs, augsi_u128 state,
                           unsigned skip, uint32_t *ret_words, size_t n);

/* For each of n jumps from the first state, one word: the half of the output that elements[i] & 1
 * names. */
void augsi_rng_pick_words(const augsi_rng *rng, const augsi_jump *jumps, const uint64_t *elements,
                          size_t n, uint32_t *ret_words);
void augsi_rng_pick_outputs(const augsi_rng *rng, const augsi_jump *jumps, size_t n,
                            uint64_t *ret_outputs);

#endif
