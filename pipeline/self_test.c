/* SPDX-License-Identifier: Apache-2.0 */
/* Versions, and the hash by which two builds find out whether they make the same values. */
#include <augstream/stream.h>
#include <pthread.h>
#include <string.h>

#include "checksum.h"
#include "column.h"

#define N_WORDS 512u

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint64_t hash;

static uint64_t chain(uint64_t so_far, const void *data, size_t n_bytes)
{
    const uint64_t pair[2] = {so_far, augsi_hash64(data, n_bytes)};
    return augsi_hash64(pair, sizeof pair);
}

/* Words of one column through every kind whose values could depend on the build. */
static void make_hash(void)
{
    static const double betas[][2] = {{0.2, 0.2}, {1, 1}, {32, 32}, {0.5, 3}};
    uint32_t words[N_WORDS];
    float values[N_WORDS];
    augsi_rng rng;
    augsi_rng_init(&rng, 20261121, 1, augsi_crc32("augstream.self-test", 19));
    augsi_jump jump = augsi_jump_by(1000000007u);
    augsi_rng_words(&rng, augsi_jump_apply(&jump, &rng, rng.state), 0, words, N_WORDS);
    uint64_t result = chain(0, words, sizeof words);

    augsi_log_uniform log_uniform;
    augsi_log_uniform_init(&log_uniform, 0.75, 1.3333333333333333);
    augsi_log_uniform_fill(&log_uniform, words, N_WORDS, values);
    result = chain(result, values, sizeof values);
    augsi_normal normal;
    augsi_normal_init(&normal, 9, 0.5, 0, 10);
    augsi_normal_fill(&normal, words, N_WORDS, values);
    result = chain(result, values, sizeof values);
    for (size_t i = 0; i < sizeof betas / sizeof betas[0]; i++) {
        augsi_beta beta;
        augsi_beta_init(&beta, betas[i][0], betas[i][1]);
        augsi_beta_fill(&beta, words, N_WORDS, values);
        result = chain(result, values, sizeof values);
    }
    hash = result;
}

uint64_t augs_self_test_hash(void)
{
    pthread_once(&once, make_hash);
    return hash;
}

uint32_t augs_contract_version(void)
{
    return AUGS_CONTRACT_VERSION;
}

const char *augs_version(void)
{
    return AUGSI_VERSION;
}
