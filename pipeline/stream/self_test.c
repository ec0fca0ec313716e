/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hash by which two builds find out whether they make the same values: of a
 * stream with every kind, gates, vectors and subnormal values, read in every way that has code of
 * its own, with the kernels in use.
 */
#include "pipeline/stream/stream_impl.h"

#include <augstream/version.h>
#include <pthread.h>
#include <string.h>

#include "base/checksum.h"
#include "base/fail.h"
#include "base/memory.h"
#include "pipeline/stream/kernels.h"

#define N_SAMPLES 1281167u /* an odd number of bits: the halves of the order differ */
#define N_READ 300u
#define N_MANY 40u /* choices: more than are counted one by one */

#define COLUMN(NAME, KIND, SHAPE, ...)                                                             \
    {                                                                                              \
        .size = sizeof(augs_column_info), .name = NAME, .kind = AUGS_KIND_##KIND, .shape = SHAPE,  \
        __VA_ARGS__                                                                                \
    }
#define FREE .gate = AUGS_NO_GATE
#define WHEN(GATE, VALUE, IDENTITY) .gate = GATE, .gate_value = VALUE, .identity_bits = IDENTITY
#define ONE_HALF 0x3f000000u /* binary32 */

static const augs_choice modes[3] = {
    {.text = "a", .weight = 1}, {.text = "b", .weight = 2}, {.text = "c", .weight = 0.7}};

/* Names of N_MANY values: "a" to "z", then "A" to "N". */
static char many_names[N_MANY][2];
static augs_choice many[N_MANY];

static const augs_column_info columns[] = {
    COLUMN("on", BERNOULLI, 1, FREE, .numbers = {0.75}),
    COLUMN("mode", CHOICE, 1, WHEN(0, 1, 1), .choices = modes, .n_choices = 3),
    COLUMN("each", BERNOULLI, 5, WHEN(1, 1, 1), .numbers = {0.4}),
    COLUMN("constant", CONSTANT, 5, WHEN(2, 1, ONE_HALF), .numbers = {2.5}),
    COLUMN("constant.subnormal", CONSTANT, 1, FREE, .numbers = {1e-40}),
    COLUMN("uniform", UNIFORM, 1, FREE, .numbers = {-30, 30}),
    COLUMN("uniform.vector", UNIFORM, 5, WHEN(2, 1, ONE_HALF), .numbers = {0, 1}),
    COLUMN("uniform.subnormal", UNIFORM, 3, FREE, .numbers = {-1e-39, 1e-38}),
    COLUMN("log_uniform", LOG_UNIFORM, 10, FREE, .numbers = {0.75, 1.3333333333333333}),
    COLUMN("log_uniform.wide", LOG_UNIFORM, 1, WHEN(1, 0, ONE_HALF), .numbers = {1.2e-38, 3e38}),
    COLUMN("normal", NORMAL, 1, FREE, .numbers = {9, 0.5, 0, 10}, .flags = 3),
    COLUMN("normal.free", NORMAL, 2, FREE, .numbers = {0, 1}),
    COLUMN("normal.far", NORMAL, 1, WHEN(1, 1, ONE_HALF), .numbers = {0, 1, 6, 8}, .flags = 3),
    COLUMN("normal.subnormal", NORMAL, 1, FREE, .numbers = {0, 1e-39}),
    COLUMN("bernoulli", BERNOULLI, 3, FREE, .numbers = {0.1}),
    COLUMN("integer", INTEGER, 3, WHEN(0, 1, 7), .numbers = {-4, 4}),
    COLUMN("integer.all", INTEGER, 1, FREE, .numbers = {-2147483648.0, 2147483647}),
    COLUMN("choice", CHOICE, 5, WHEN(2, 1, 3), .choices = many, .n_choices = N_MANY),
    COLUMN("permutation", PERMUTATION, 2, FREE, .numbers = {4}),
    COLUMN("permutation.long", PERMUTATION, 1, WHEN(1, 2, 9), .numbers = {12}),
    COLUMN("seed", SEED, 1, FREE),
    COLUMN("seed.vector", SEED, 5, WHEN(2, 1, 11)),
    COLUMN("sample", SAMPLE, 2, WHEN(0, 1, UINT64_MAX)),
    COLUMN("beta", BETA, 2, FREE, .numbers = {0.2, 0.2}),
    COLUMN("beta.flat", BETA, 1, FREE, .numbers = {1, 1}),
    COLUMN("beta.narrow", BETA, 1, FREE, .numbers = {32, 32}),
    COLUMN("beta.skewed", BETA, 1, WHEN(0, 1, ONE_HALF), .numbers = {0.5, 3}),
    COLUMN("beta.subnormal", BETA, 1, FREE, .numbers = {0.01, 1000}),
};
#define N_COLUMNS ((uint32_t)(sizeof columns / sizeof columns[0]))
/* They stand at the end: their tables take most of the time, so only one order has them. */
#define N_BETAS 5u

const augs_column_info *augsi_self_test_columns(uint32_t *ret_n_columns)
{
    for (uint32_t k = 0; k < N_MANY; k++) {
        many_names[k][0] = (char)(k < 26 ? 'a' + (char)k : 'A' + (char)(k - 26));
        many[k] = (augs_choice){.text = many_names[k], .weight = k % 7 == 3 ? 0 : 1 + k % 5};
    }
    *ret_n_columns = N_COLUMNS;
    return columns;
}

/* What one reading of the stream needs. */
typedef struct reading {
    augs_stream *stream;
    uint32_t n_columns; /* of the stream, with sample_id */
    char *memory;       /* space for every column, one after the other */
    void *columns[N_COLUMNS + 1];
    uint64_t hash;
} reading;

static void add(reading *r, const void *data, size_t n_bytes)
{
    const uint64_t pair[2] = {r->hash, augsi_hash64(data, n_bytes)};
    r->hash = augsi_hash64(pair, sizeof pair);
}

/* Columns that were asked for, as they lie in memory. */
static void add_columns(reading *r)
{
    for (uint32_t c = 0; c < r->n_columns; c++) {
        if (r->columns[c] != NULL) {
            add(r, r->columns[c], N_READ * (size_t)augs_stream_column_bytes(r->stream, c));
        }
    }
}

/* All columns, or only those that are no gates of others: then the gates are made behind the
 * scenes. */
static void ask_for(reading *r, bool gates)
{
    char *at = r->memory;
    for (uint32_t c = 0; c < r->n_columns; c++) {
        r->columns[c] = gates || c > 3 ? at : NULL;
        at += (N_READ * (size_t)augs_stream_column_bytes(r->stream, c) + 7) / 8 * 8;
    }
}

/* A run from an even and from an odd place, every third position, and ids out of order. */
static int read_all(reading *r, augs_error *error)
{
    static const augs_span spans[] = {
        {0, 1, N_READ}, {123457, 1, N_READ}, {N_SAMPLES - 3 * N_READ, 3, N_READ}};
    int64_t ids[N_READ];
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        ask_for(r, i != 1);
        int status = augs_stream_fill(r->stream, &spans[i], r->columns, error);
        if (status < 0) {
            return status;
        }
        add_columns(r);
    }
    for (int64_t i = 0; i < (int64_t)N_READ; i++) {
        ids[i] = i * 7919 * 7919 % (int64_t)N_SAMPLES;
    }
    ask_for(r, false);
    int status = augs_stream_gather(r->stream, ids, N_READ, r->columns, error);
    add_columns(r);
    return status;
}

static int read_order(augs_preset *preset, uint32_t order, const augs_allocator *allocator,
                      uint64_t *hash, augs_error *error)
{
    const augs_stream_options options = {.size = sizeof options,
                                         .order = order,
                                         .seed = 20261121,
                                         .n_samples = N_SAMPLES,
                                         .epoch = 1};
    reading r = {.hash = *hash};
    int status = augs_stream_open(preset, &options, &r.stream, error);
    if (status < 0) {
        return status;
    }
    r.n_columns = augs_stream_n_columns(r.stream);
    const size_t n_bytes =
        N_READ * (size_t)augs_stream_sample_bytes(r.stream) + 8 * (size_t)(N_COLUMNS + 1);
    r.memory = augsi_new(allocator, n_bytes);
    status = r.memory == NULL ? augsi_fail_memory(error, n_bytes) : read_all(&r, error);
    augsi_delete(allocator, r.memory, n_bytes);
    augs_stream_unref(r.stream);
    *hash = r.hash;
    return status;
}

/* 0 if there was no memory for it. */
static uint64_t make_hash(void)
{
    augs_allocator allocator;
    augs_preset *preset = NULL;
    uint32_t n_columns;
    uint64_t hash = 0;
    const augs_column_info *infos = augsi_self_test_columns(&n_columns);
    int status = augsi_allocator_copy(NULL, &allocator, NULL);
    for (uint32_t order = 0; status == AUGS_OK && order <= AUGS_ORDER_SHUFFLED; order++) {
        const uint32_t n = order == AUGS_ORDER_SHUFFLED ? n_columns - N_BETAS : n_columns;
        status =
            augs_preset_open_columns("self-test", infos, n, sizeof *infos, NULL, &preset, NULL);
        if (status == AUGS_OK) {
            status = read_order(preset, order, &allocator, &hash, NULL);
            augs_preset_unref(preset);
        }
    }
    return status == AUGS_OK ? hash : 0;
}

uint64_t augs_self_test_hash(void)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static const augsi_kernels *made_with;
    static uint64_t hash;
    pthread_mutex_lock(&mutex);
    if (made_with != augsi_kernels_in_use() || hash == 0) {
        hash = make_hash();
        made_with = augsi_kernels_in_use();
    }
    const uint64_t result = hash;
    pthread_mutex_unlock(&mutex);
    return result;
}
