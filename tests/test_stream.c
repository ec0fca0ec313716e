/* SPDX-License-Identifier: Apache-2.0 */
/* A value of a stream depends on (preset, seed, epoch, sample id) and on nothing else. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <augstream/stream.h>
#include <augstream/version.h>

#include "base/checksum.h"
#include "stream_fixture.h"
#include "suite.h"

START_TEST(seek_equals_skip)
{
    augs_stream *stream = mixed_open(AUGS_ORDER_SEQUENTIAL, MIXED_SAMPLES, 7, 3);
    table whole = table_new(stream, MIXED_SAMPLES), part = table_new(stream, MIXED_SAMPLES);
    fill(stream, 0, 1, MIXED_SAMPLES, &whole);
    uint64_t random = 1;
    for (int i = 0; i < rounds(200, 10); i++) {
        uint64_t first = next_random(&random) % MIXED_SAMPLES;
        uint64_t count = next_random(&random) % (i % 4 == 0 ? MIXED_SAMPLES - first : 3) + 1;
        count = count < MIXED_SAMPLES - first ? count : MIXED_SAMPLES - first;
        fill(stream, first, 1, count, &part);
        for (uint64_t k = 0; k < count; k++) {
            assert_same_sample(&part, k, &whole, first + k);
        }
    }
    table_free(&whole);
    table_free(&part);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(any_cut_concatenates_to_the_same_bytes)
{
    for (uint32_t order = 0; order < 2; order++) {
        augs_stream *stream = mixed_open(order, MIXED_SAMPLES, 11, 0);
        table whole = table_new(stream, MIXED_SAMPLES), cut = table_new(stream, MIXED_SAMPLES);
        fill(stream, 0, 1, MIXED_SAMPLES, &whole);
        uint64_t random = 5;
        for (int i = 0; i < rounds(10, 2); i++) {
            table_clear(&cut);
            for (uint64_t done = 0; done < MIXED_SAMPLES;) {
                uint64_t count = next_random(&random) % (i % 2 == 0 ? 700 : 5) + 1;
                count = count < MIXED_SAMPLES - done ? count : MIXED_SAMPLES - done;
                fill_at(stream, done, 1, count, &cut, done);
                done += count;
            }
            assert_same_tables(&whole, &cut);
        }
        table_free(&whole);
        table_free(&cut);
        augs_stream_unref(stream);
    }
}
END_TEST

START_TEST(gather_equals_fill)
{
    augs_stream *stream = mixed_open(AUGS_ORDER_SEQUENTIAL, MIXED_SAMPLES, 7, 3);
    table whole = table_new(stream, MIXED_SAMPLES), some = table_new(stream, 1000);
    fill(stream, 0, 1, MIXED_SAMPLES, &whole);
    uint64_t random = 2;
    int64_t ids[1000];
    for (size_t n = 0; n <= 1000; n = n < 20 ? n + 1 : n + 327) {
        for (size_t i = 0; i < n; i++) {
            ids[i] =
                (int64_t)(next_random(&random) % MIXED_SAMPLES); /* some of them more than once */
        }
        gather(stream, ids, n, &some);
        for (size_t i = 0; i < n; i++) {
            ck_assert_int_eq(((int64_t *)some.columns[0])[i], ids[i]);
            assert_same_sample(&some, i, &whole, (uint64_t)ids[i]);
        }
    }
    table_free(&whole);
    table_free(&some);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(a_strided_span_takes_every_nth_position)
{
    for (uint32_t order = 0; order < 2; order++) {
        augs_stream *stream = mixed_open(order, MIXED_SAMPLES, 7, 3);
        table whole = table_new(stream, MIXED_SAMPLES), shard = table_new(stream, MIXED_SAMPLES);
        fill(stream, 0, 1, MIXED_SAMPLES, &whole);
        for (uint64_t stride = 2; stride < 9; stride += 3) {
            for (uint64_t rank = 0; rank < stride; rank++) {
                uint64_t count = (MIXED_SAMPLES - rank + stride - 1) / stride;
                fill(stream, rank, stride, count, &shard);
                for (uint64_t k = 0; k < count; k++) {
                    assert_same_sample(&shard, k, &whole, rank + k * stride);
                }
            }
        }
        table_free(&whole);
        table_free(&shard);
        augs_stream_unref(stream);
    }
}
END_TEST

START_TEST(a_shuffled_stream_holds_every_sample_once_with_its_own_values)
{
    augs_stream *shuffled = mixed_open(AUGS_ORDER_SHUFFLED, MIXED_SAMPLES, 7, 3);
    augs_stream *sequential = mixed_open(AUGS_ORDER_SEQUENTIAL, MIXED_SAMPLES, 7, 3);
    table mixed = table_new(shuffled, MIXED_SAMPLES), whole = table_new(sequential, MIXED_SAMPLES);
    fill(shuffled, 0, 1, MIXED_SAMPLES, &mixed);
    fill(sequential, 0, 1, MIXED_SAMPLES, &whole);
    static int64_t ids[MIXED_SAMPLES];
    static bool seen[MIXED_SAMPLES];
    memset(seen, 0, sizeof seen);
    augs_error error;
    AUGS_ASSERT_OK(augs_stream_sample_ids(shuffled, &(augs_span){0, 1, MIXED_SAMPLES}, ids, &error),
                   error);
    uint64_t n_moved = 0;
    for (uint64_t p = 0; p < MIXED_SAMPLES; p++) {
        uint64_t back = 0;
        ck_assert_int_eq(((int64_t *)mixed.columns[0])[p], ids[p]);
        ck_assert(ids[p] >= 0 && ids[p] < MIXED_SAMPLES && !seen[ids[p]]);
        seen[ids[p]] = true;
        n_moved += ids[p] != (int64_t)p;
        AUGS_ASSERT_OK(augs_stream_position(shuffled, ids[p], &back, &error), error);
        ck_assert_uint_eq(back, p);
        assert_same_sample(&mixed, p, &whole, (uint64_t)ids[p]);
    }
    ck_assert_uint_gt(n_moved, MIXED_SAMPLES * 9 / 10);
    table_free(&mixed);
    table_free(&whole);
    augs_stream_unref(shuffled);
    augs_stream_unref(sequential);
}
END_TEST

START_TEST(orders_of_every_small_size_are_permutations)
{
    int64_t ids[300];
    for (uint64_t n = 0; n <= 300; n++) {
        augs_stream *stream = mixed_open(AUGS_ORDER_SHUFFLED, n, 3, 1);
        bool seen[300] = {false};
        augs_error error;
        AUGS_ASSERT_OK(augs_stream_sample_ids(stream, &(augs_span){0, 1, n}, ids, &error), error);
        for (uint64_t p = 0; p < n; p++) {
            uint64_t back = 0;
            ck_assert(ids[p] >= 0 && (uint64_t)ids[p] < n && !seen[ids[p]]);
            seen[ids[p]] = true;
            AUGS_ASSERT_OK(augs_stream_position(stream, ids[p], &back, &error), error);
            ck_assert_uint_eq(back, p);
        }
        augs_stream_unref(stream);
    }
}
END_TEST

START_TEST(every_instruction_set_gives_the_same_bits)
{
    static const char *const names[] = {"avx2", "avx512"};
    int n_compared = 0;
    for (uint32_t order = 0; order < 2; order++) {
        augs_stream *stream = mixed_open(order, MIXED_SAMPLES, 20261121, 1);
        table plain = table_new(stream, MIXED_SAMPLES), other = table_new(stream, MIXED_SAMPLES);
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
            if (augs_simd_select(names[k]) < 0) {
                continue;
            }
            ck_assert_str_eq(augs_simd_name(), names[k]);
            n_compared++;
            uint64_t random = 3;
            for (int i = 0; i < rounds(150, 6); i++) {
                uint64_t count = i == 0 ? MIXED_SAMPLES : next_random(&random) % 300 + 1;
                uint64_t first = next_random(&random) % (MIXED_SAMPLES - count + 1);
                ck_assert_int_eq(augs_simd_select("scalar"), 0);
                fill(stream, first, 1, count, &plain);
                ck_assert_int_eq(augs_simd_select(names[k]), 0);
                fill(stream, first, 1, count, &other);
                assert_same_samples(&plain, &other, count);
            }
        }
        table_free(&plain);
        table_free(&other);
        augs_stream_unref(stream);
    }
    ck_assert_int_eq(augs_simd_select("sse9"), AUGS_E_UNSUPPORTED);
    ck_assert_int_eq(augs_simd_select(NULL), 0);
    printf("stream: %d comparisons with vector code, best here: %s\n", n_compared,
           augs_simd_name());
}
END_TEST

/* Whether element e of a column is open, by the draws alone: every gate up the chain has the value
 * that is waited for. */
static bool is_open(const augs_stream *stream, const table *draws, uint32_t index, uint64_t e)
{
    augs_column_info info = {.size = sizeof info}, gate = {.size = sizeof gate};
    augs_stream_column(stream, index, &info);
    while (info.gate != AUGS_NO_GATE) {
        augs_stream_column(stream, info.gate + 1, &gate);
        e = gate.shape == info.shape ? e : e / info.shape;
        const void *values = draws->columns[info.gate + 1];
        uint32_t value = gate.dtype == AUGS_DTYPE_BOOL ? ((const uint8_t *)values)[e]
                                                       : ((const uint32_t *)values)[e];
        if (value != info.gate_value) {
            return false;
        }
        info = gate;
    }
    return true;
}

/* The identity where the column is closed; else the ungated draw. */
static void check_gated_column(const augs_stream *stream, const table *gated, const table *draws,
                               uint32_t index, uint64_t n, uint64_t ret_counts[2])
{
    augs_column_info info = {.size = sizeof info};
    ck_assert_int_eq(augs_stream_column(stream, index, &info), 0);
    const uint32_t n_bytes = augs_dtype_bytes(info.dtype);
    const unsigned char *values = gated->columns[index], *drawn = draws->columns[index];
    for (uint64_t v = 0; v < n * info.shape * info.width; v++) {
        uint64_t value = 0;
        const bool open = is_open(stream, draws, index, v / info.width);
        ret_counts[open]++;
        if (open) {
            ck_assert_mem_eq(values + v * n_bytes, drawn + v * n_bytes, n_bytes);
        } else {
            memcpy(&value, values + v * n_bytes, n_bytes);
            ck_assert_uint_eq(value, info.identity_bits);
        }
    }
}

START_TEST(closed_gates_show_the_identity_and_open_ones_the_draw)
{
    augs_stream *stream = mixed_open(AUGS_ORDER_SEQUENTIAL, MIXED_SAMPLES, 7, 3);
    augs_stream *ungated = mixed_open_ungated(MIXED_SAMPLES, 7, 3);
    table gated = table_new(stream, MIXED_SAMPLES), draws = table_new(ungated, MIXED_SAMPLES);
    fill(stream, 0, 1, MIXED_SAMPLES, &gated);
    fill(ungated, 0, 1, MIXED_SAMPLES, &draws);
    uint32_t n_gated = 0;
    for (uint32_t c = 1; c < augs_stream_n_columns(stream); c++) {
        augs_column_info info = {.size = sizeof info};
        augs_stream_column(stream, c, &info);
        if (info.gate == AUGS_NO_GATE) {
            ck_assert_mem_eq(gated.columns[c], draws.columns[c],
                             MIXED_SAMPLES * augs_stream_column_bytes(stream, c));
            continue;
        }
        uint64_t counts[2] = {0, 0};
        check_gated_column(stream, &gated, &draws, c, MIXED_SAMPLES, counts);
        ck_assert_uint_gt(counts[0], 100);
        ck_assert_uint_gt(counts[1], 100);
        n_gated++;
    }
    ck_assert_uint_ge(n_gated, 6);
    table_free(&gated);
    table_free(&draws);
    augs_stream_unref(stream);
    augs_stream_unref(ungated);
}
END_TEST

START_TEST(a_skipped_column_changes_no_other)
{
    enum { COUNT = 300 };
    for (uint32_t order = 0; order < 2; order++) {
        augs_stream *stream = mixed_open(order, MIXED_SAMPLES, 7, 3);
        const uint32_t n_columns = augs_stream_n_columns(stream);
        table whole = table_new(stream, COUNT), some = table_new(stream, COUNT);
        fill(stream, 17, 1, COUNT, &whole);
        uint64_t random = 9;
        for (uint32_t i = 0; i < n_columns + (uint32_t)rounds(60, 4); i++) {
            /* first each column alone, without even the sample ids, then any set of them */
            uint64_t set = i < n_columns ? (uint64_t)1 << i : next_random(&random);
            void *columns[MIXED_COLUMNS + 1];
            table_clear(&some);
            for (uint32_t c = 0; c < n_columns; c++) {
                columns[c] = (set >> c & 1) != 0 ? some.columns[c] : NULL;
            }
            augs_error error;
            AUGS_ASSERT_OK(augs_stream_fill(stream, &(augs_span){17, 1, COUNT}, columns, &error),
                           error);
            for (uint32_t c = 0; c < n_columns; c++) {
                if (columns[c] != NULL) {
                    ck_assert_mem_eq(columns[c], whole.columns[c],
                                     COUNT * augs_stream_column_bytes(stream, c));
                }
            }
        }
        table_free(&whole);
        table_free(&some);
        augs_stream_unref(stream);
    }
}
END_TEST

/* Gates whose identity is the value that columns wait for, vectors under scalars, choices under
 * choices. */
static const char chained_preset[] =
    "augstream: 1\n"
    "columns:\n"
    "  on: {bernoulli: 0.2}\n"
    "  kind: {choice: {values: [blur, noise]}, when: on}\n"
    "  sigma: {uniform: [1, 2], when: {kind: blur}, identity: 0}\n"
    "  level: {choice: {values: [low, high]}, when: {kind: noise}, identity: high}\n"
    "  strength: {integer: [5, 9], when: {level: high}, identity: -1, shape: 3}\n"
    "  each: {bernoulli: 0.5, when: {level: high}, identity: true, shape: 5}\n"
    "  again: {bernoulli: 0.5, when: each, identity: true, shape: 5}\n"
    "  order: {permutation: 4, when: again, identity: 7, shape: 5}\n"
    "  noise.seed: {seed: {}, when: again, shape: 5}\n"
    "  partner: {sample: {}, when: on, identity: -1}\n";

static augs_preset *open_text(const char *text)
{
    augs_error error;
    augs_preset *preset = NULL;
    AUGS_ASSERT_OK(augs_preset_open_text(text, strlen(text), "test", NULL, &preset, &error), error);
    return preset;
}

/* The same columns without gates: the draws. */
static augs_preset *without_gates(const augs_preset *preset)
{
    augs_column_info columns[64];
    augs_error error;
    augs_preset *free_of_gates = NULL;
    const uint32_t n = augs_preset_n_columns(preset);
    for (uint32_t i = 0; i < n; i++) {
        columns[i].size = sizeof columns[i];
        augs_preset_column(preset, i, &columns[i]);
        columns[i].gate = AUGS_NO_GATE;
    }
    AUGS_ASSERT_OK(
        augs_preset_open_columns("free", columns, n, sizeof *columns, NULL, &free_of_gates, &error),
        error);
    return free_of_gates;
}

START_TEST(a_closed_gate_opens_nothing_whatever_it_shows)
{
    enum { N = 3000 };
    augs_preset *preset = open_text(chained_preset);
    augs_stream *ungated = open_stream(without_gates(preset), 0, N, 7, 3);
    augs_stream *stream = open_stream(preset, 0, N, 7, 3);
    table gated = table_new(stream, N), draws = table_new(ungated, N);
    fill(stream, 0, 1, N, &gated);
    fill(ungated, 0, 1, N, &draws);
    for (uint32_t c = 2; c < augs_stream_n_columns(stream); c++) {
        uint64_t counts[2] = {0, 0};
        check_gated_column(stream, &gated, &draws, c, N, counts);
        ck_assert(counts[0] > 0 && counts[1] > 0);
    }
    const float *sigma = gated.columns[3];
    uint64_t n_blurred = 0;
    for (uint64_t i = 0; i < N; i++) {
        n_blurred += sigma[i] != 0;
    }
    ck_assert_uint_lt(n_blurred, N * 15 / 100); /* 0.2 * 0.5, not 0.9 */
    table_free(&gated);
    table_free(&draws);
    augs_stream_unref(stream);
    augs_stream_unref(ungated);
}
END_TEST

/* Any choice of columns has the values that they have together: a gate that nobody asked for is
 * made behind the scenes. */
static void check_any_columns(bool own, uint32_t order)
{
    enum { N = 600 };
    augs_stream *stream =
        own ? open_stream(open_text(chained_preset), order, N, 7, 3) : mixed_open(order, N, 7, 3);
    table whole = table_new(stream, N), part = table_new(stream, N);
    fill(stream, 0, 1, N, &whole);
    uint64_t random = 99;
    for (int round = 0; round < rounds(60, 6); round++) {
        void *columns[MIXED_COLUMNS + 1];
        augs_error error;
        const uint64_t mask = next_random(&random) & next_random(&random);
        table_clear(&part);
        for (uint32_t c = 0; c < part.n_columns; c++) {
            columns[c] = (mask >> c & 1) != 0 ? part.columns[c] : NULL;
        }
        if (round % 2 == 0) {
            AUGS_ASSERT_OK(augs_stream_fill(stream, &(augs_span){0, 1, N}, columns, &error), error);
        } else {
            AUGS_ASSERT_OK(augs_stream_gather(stream, whole.columns[0], N, columns, &error), error);
        }
        for (uint32_t c = 0; c < part.n_columns; c++) {
            if (columns[c] != NULL) {
                ck_assert_msg(memcmp(columns[c], whole.columns[c], N * whole.bytes[c]) == 0,
                              "column %u, round %d", c, round);
            }
        }
    }
    table_free(&whole);
    table_free(&part);
    augs_stream_unref(stream);
}

START_TEST(columns_do_not_depend_on_which_others_are_asked_for)
{
    for (uint32_t order = 0; order < 2; order++) {
        check_any_columns(true, order);
        check_any_columns(false, order);
    }
}
END_TEST

enum { N_CHAIN = 1000, CHAIN_SAMPLES = 4096 };

typedef struct chain_reader {
    augs_stream *stream;
    void *columns[N_CHAIN + 2];
    int status;
} chain_reader;

static void *read_chain(void *user)
{
    chain_reader *r = user;
    r->status = augs_stream_fill(r->stream, &(augs_span){0, 1, CHAIN_SAMPLES}, r->columns, NULL);
    return NULL;
}

/* The last column of the chain, read on a stack of 128 KiB with and without the gates. */
START_TEST(a_long_chain_of_gates_needs_no_deep_stack)
{
    static augs_column_info columns[N_CHAIN + 1];
    static char names[N_CHAIN + 1][16];
    for (uint32_t i = 0; i <= N_CHAIN; i++) {
        snprintf(names[i], sizeof names[i], "g%u", i);
        columns[i] = (augs_column_info){.size = sizeof columns[i],
                                        .name = names[i],
                                        .kind = AUGS_KIND_BERNOULLI,
                                        .numbers = {0.9995},
                                        .shape = 1,
                                        .gate = i == 0 ? AUGS_NO_GATE : i - 1,
                                        .gate_value = i == 0 ? 0 : 1,
                                        .identity_bits = i == 0 ? 0 : 1};
    }
    columns[N_CHAIN].kind = AUGS_KIND_SEED;
    augs_stream *stream = open_stream(open_columns(columns, N_CHAIN + 1, NULL), 0, 5000, 1, 0);
    static chain_reader alone, together;
    static uint64_t seeds[2][CHAIN_SAMPLES];
    alone.stream = together.stream = stream;
    alone.columns[N_CHAIN + 1] = seeds[0];
    together.columns[N_CHAIN + 1] = seeds[1];
    for (uint32_t i = 1; i <= N_CHAIN; i++) {
        together.columns[i] = malloc(CHAIN_SAMPLES);
    }
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    ck_assert_int_eq(pthread_attr_setstacksize(&attributes, 128 * 1024), 0);
    for (int k = 0; k < 2; k++) {
        ck_assert_int_eq(
            pthread_create(&thread, &attributes, read_chain, k == 0 ? &alone : &together), 0);
        pthread_join(thread, NULL);
    }
    pthread_attr_destroy(&attributes);
    ck_assert(alone.status == 0 && together.status == 0);
    ck_assert_mem_eq(seeds[0], seeds[1], sizeof seeds[0]);
    uint64_t n_closed = 0;
    for (size_t i = 0; i < CHAIN_SAMPLES; i++) {
        n_closed += seeds[0][i] == 1;
    }
    /* 1 - 0.9995^1000 = 0.39 */
    ck_assert(n_closed > CHAIN_SAMPLES * 35 / 100 && n_closed < CHAIN_SAMPLES * 44 / 100);
    for (uint32_t i = 1; i <= N_CHAIN; i++) {
        free(together.columns[i]);
    }
    augs_stream_unref(stream);
}
END_TEST

START_TEST(an_endless_stream_reaches_the_last_sample_id)
{
    augs_stream *stream = uniform_open(256, AUGS_ENDLESS);
    static float last[2][256], filled[3 * 256];
    const int64_t ids[2] = {AUGS_MAX_SAMPLES - 1, AUGS_MAX_SAMPLES - 3};
    void *columns[2] = {NULL, last};
    augs_error error;
    AUGS_ASSERT_OK(augs_stream_gather(stream, ids, 2, columns, &error), error);
    columns[1] = filled;
    AUGS_ASSERT_OK(
        augs_stream_fill(stream, &(augs_span){AUGS_MAX_SAMPLES - 3, 1, 3}, columns, &error), error);
    ck_assert_mem_eq(last[0], filled + 512, sizeof last[0]);
    ck_assert_mem_eq(last[1], filled, sizeof last[1]);
    uint64_t position = 0;
    AUGS_ASSERT_OK(augs_stream_position(stream, AUGS_MAX_SAMPLES - 1, &position, &error), error);
    ck_assert_uint_eq(position, AUGS_MAX_SAMPLES - 1);
    augs_stream_unref(stream);
}
END_TEST

/* The call is refused, its message has the text, and nothing was written. */
static void assert_refused(int expected, int got, const augs_error *error, const char *text,
                           const table *sentinel)
{
    ck_assert_msg(got == expected, "status %s, expected %s: %s", augs_status_name(got),
                  augs_status_name(expected), error->message);
    ck_assert_msg(strstr(error->message, text) != NULL, "'%s' is not in: %s", text, error->message);
    for (uint32_t c = 0; c < sentinel->n_columns; c++) {
        const unsigned char *bytes = sentinel->columns[c];
        for (uint64_t i = 0; i < sentinel->bytes[c] * sentinel->n_samples; i++) {
            ck_assert_uint_eq(bytes[i], 0xa5);
        }
    }
}

START_TEST(what_leaves_the_stream_is_refused_with_the_limit_and_nothing_is_written)
{
    augs_stream *stream = mixed_open(AUGS_ORDER_SEQUENTIAL, 100, 7, 3);
    table out = table_new(stream, 8);
    table_clear(&out);
    augs_error error;
    static const augs_span spans[] = {{100, 1, 1},           {99, 1, 2},         {0, 100, 2},
                                      {UINT64_MAX, 1, 1},    {1, UINT64_MAX, 2}, {0, 1, UINT64_MAX},
                                      {5, UINT64_MAX / 2, 4}};
    int64_t id = 0xa5, ids[3] = {1, 100, 3};
    uint64_t position = 0xa5;
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        assert_refused(AUGS_E_RANGE, augs_stream_fill(stream, &spans[i], out.columns, &error),
                       &error, "99", &out);
        assert_refused(AUGS_E_RANGE, augs_stream_sample_ids(stream, &spans[i], &id, &error), &error,
                       "99", &out);
        ck_assert_int_eq(id, 0xa5);
    }
    assert_refused(AUGS_E_ARGUMENT,
                   augs_stream_fill(stream, &(augs_span){0, 0, 2}, out.columns, &error), &error,
                   "stride", &out);
    assert_refused(AUGS_E_RANGE, augs_stream_gather(stream, ids, 3, out.columns, &error), &error,
                   "100", &out);
    assert_refused(AUGS_E_RANGE, augs_stream_position(stream, 100, &position, &error), &error,
                   "100", &out);
    ids[1] = -1;
    assert_refused(AUGS_E_RANGE, augs_stream_gather(stream, ids, 3, out.columns, &error), &error,
                   "sample id -1 (entry 1); ids are from 0 to below 100", &out);
    assert_refused(AUGS_E_RANGE, augs_stream_position(stream, INT64_MIN, &position, &error), &error,
                   "sample id -9223372036854775808", &out);
    ck_assert_uint_eq(position, 0xa5);
    AUGS_ASSERT_OK(augs_stream_fill(stream, &(augs_span){100, 1, 0}, out.columns, &error), error);
    table_free(&out);
    augs_stream_unref(stream);

    stream = mixed_open(AUGS_ORDER_SHUFFLED, 0, 7, 3);
    out = table_new(stream, 1);
    table_clear(&out);
    assert_refused(AUGS_E_RANGE,
                   augs_stream_fill(stream, &(augs_span){0, 1, 1}, out.columns, &error), &error,
                   "no samples", &out);
    AUGS_ASSERT_OK(augs_stream_fill(stream, &(augs_span){0, 1, 0}, out.columns, &error), error);
    table_free(&out);
    augs_stream_unref(stream);

    stream = uniform_open(1, AUGS_ENDLESS);
    out = table_new(stream, 1);
    table_clear(&out);
    ids[0] = AUGS_MAX_SAMPLES;
    assert_refused(AUGS_E_RANGE, augs_stream_gather(stream, ids, 1, out.columns, &error), &error,
                   "72057594037927936", &out);
    assert_refused(
        AUGS_E_RANGE,
        augs_stream_fill(stream, &(augs_span){AUGS_MAX_SAMPLES - 1, 1, 2}, out.columns, &error),
        &error, "72057594037927935", &out);
    table_free(&out);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(options_that_make_no_stream_are_refused)
{
    augs_preset *mixed = mixed_preset(NULL, false), *uniform = uniform_preset(1);
    const augs_stream_options good = {.size = sizeof good, .n_samples = 10};
    augs_stream *stream = NULL;
    augs_error error;
    augs_stream_options options = good;
    options.size = 4;
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_stream_open(mixed, &options, &stream, &error), error);
    options = good;
    options.order = 2;
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_stream_open(mixed, &options, &stream, &error), error);
    options = good;
    options.n_samples = AUGS_MAX_SAMPLES + 1;
    AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_stream_open(mixed, &options, &stream, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "72057594037927936"));
    options.n_samples = AUGS_ENDLESS;
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_stream_open(mixed, &options, &stream, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "partner"));
    options.order = AUGS_ORDER_SHUFFLED;
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_stream_open(uniform, &options, &stream, &error),
                       error);
    ck_assert_ptr_nonnull(strstr(error.message, "endless"));
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_stream_open(NULL, &good, &stream, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_stream_open(mixed, NULL, &stream, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_stream_open(mixed, &good, NULL, &error), error);
    ck_assert_ptr_null(stream);
    AUGS_ASSERT_OK(augs_stream_open(mixed, &good, &stream, NULL), error);
    void *columns[MIXED_COLUMNS + 1] = {NULL};
    int64_t id = 0;
    ck_assert_int_eq(augs_stream_fill(NULL, &(augs_span){0, 1, 1}, columns, &error),
                     AUGS_E_ARGUMENT);
    ck_assert_int_eq(augs_stream_fill(stream, NULL, columns, &error), AUGS_E_ARGUMENT);
    ck_assert_int_eq(augs_stream_fill(stream, &(augs_span){0, 1, 1}, NULL, NULL), AUGS_E_ARGUMENT);
    ck_assert_int_eq(augs_stream_gather(stream, NULL, 1, columns, &error), AUGS_E_ARGUMENT);
    ck_assert_int_eq(augs_stream_gather(stream, &id, 1, NULL, &error), AUGS_E_ARGUMENT);
    ck_assert_int_eq(augs_stream_gather(stream, NULL, 0, columns, &error), 0);
    ck_assert_int_eq(augs_stream_sample_ids(stream, &(augs_span){0, 1, 1}, NULL, &error),
                     AUGS_E_ARGUMENT);
    ck_assert_int_eq(augs_stream_position(stream, 1, NULL, &error), AUGS_E_ARGUMENT);
    ck_assert_int_eq(augs_stream_open_epoch(NULL, 1, &stream, &error), AUGS_E_ARGUMENT);
    augs_stream_unref(stream);
    augs_stream_unref(NULL);
    augs_preset_unref(mixed);
    augs_preset_unref(uniform);
}
END_TEST

START_TEST(a_stream_tells_what_it_is)
{
    augs_stream *stream = mixed_open(AUGS_ORDER_SHUFFLED, 1000, UINT64_MAX, UINT32_MAX);
    ck_assert_uint_eq(augs_stream_seed(stream), UINT64_MAX);
    ck_assert_uint_eq(augs_stream_epoch(stream), UINT32_MAX);
    ck_assert_uint_eq(augs_stream_order(stream), AUGS_ORDER_SHUFFLED);
    ck_assert_uint_eq(augs_stream_n_samples(stream), 1000);
    const uint32_t n_columns = augs_stream_n_columns(stream);
    ck_assert_uint_eq(n_columns, augs_preset_n_columns(augs_stream_preset(stream)) + 1);
    augs_column_info info = {.size = sizeof info};
    uint64_t n_bytes = 0;
    for (uint32_t c = 0; c < n_columns; c++) {
        ck_assert_int_eq(augs_stream_column(stream, c, &info), 0);
        ck_assert_uint_eq(augs_stream_column_bytes(stream, c),
                          info.shape * info.width * augs_dtype_bytes(info.dtype));
        n_bytes += augs_stream_column_bytes(stream, c);
        ck_assert(c != 0 || (strcmp(info.name, "sample_id") == 0 && info.kind == 0));
    }
    ck_assert_uint_eq(augs_stream_sample_bytes(stream), n_bytes);
    ck_assert_int_eq(augs_stream_column(stream, n_columns, &info), AUGS_E_RANGE);
    ck_assert_uint_eq(augs_stream_column_bytes(stream, n_columns), 0);
    ck_assert_uint_eq(augs_contract_version(), 1);
    ck_assert_uint_eq(augs_self_test_hash(), augs_self_test_hash());
    ck_assert_uint_ne(augs_self_test_hash(), 0);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(another_epoch_of_a_stream_is_a_stream_of_that_epoch)
{
    augs_stream *stream = mixed_open(AUGS_ORDER_SHUFFLED, MIXED_SAMPLES, 7, 3), *later = NULL;
    augs_stream *direct = mixed_open(AUGS_ORDER_SHUFFLED, MIXED_SAMPLES, 7, 4);
    augs_error error;
    AUGS_ASSERT_OK(augs_stream_open_epoch(stream, 4, &later, &error), error);
    table a = table_new(later, 500), b = table_new(direct, 500), c = table_new(stream, 500);
    fill(later, 100, 1, 500, &a);
    fill(direct, 100, 1, 500, &b);
    fill(stream, 100, 1, 500, &c);
    assert_same_tables(&a, &b);
    for (uint32_t k = 0; k < a.n_columns; k++) {
        augs_column_info info = {.size = sizeof info};
        augs_stream_column(stream, k, &info);
        bool same = memcmp(a.columns[k], c.columns[k], 500 * a.bytes[k]) == 0;
        ck_assert_int_eq(same, info.kind == AUGS_KIND_CONSTANT && info.gate == AUGS_NO_GATE);
    }
    ck_assert_str_eq(augs_stream_fingerprint(stream), augs_stream_fingerprint(later));
    table_free(&a);
    table_free(&b);
    table_free(&c);
    augs_stream_unref(later);
    augs_stream_unref(direct);
    augs_stream_unref(stream);
}
END_TEST

typedef struct reader {
    augs_stream *stream;
    const table *whole;
    uint64_t random;
    bool same;
} reader;

static void *read_at_random(void *user)
{
    reader *r = user;
    table part = table_new(r->stream, 64);
    r->same = true;
    for (int i = 0; i < rounds(300, 20); i++) {
        uint64_t first = next_random(&r->random) % (MIXED_SAMPLES - 64);
        int64_t ids[64];
        augs_error error;
        for (uint64_t k = 0; k < 64; k++) {
            ids[k] = (int64_t)(first + 63 - k);
        }
        augs_stream *own = augs_stream_ref(r->stream);
        int status = i % 2 == 0
                         ? augs_stream_fill(own, &(augs_span){first, 1, 64}, part.columns, &error)
                         : augs_stream_gather(own, ids, 64, part.columns, &error);
        augs_stream_unref(own);
        r->same &= status == 0;
        for (uint64_t k = 0; k < 64; k++) {
            uint64_t at = i % 2 == 0 ? k : 63 - k;
            r->same &= same_sample(&part, at, r->whole, first + k);
        }
    }
    table_free(&part);
    return NULL;
}

START_TEST(threads_read_one_stream_at_once)
{
    augs_stream *stream = mixed_open(AUGS_ORDER_SEQUENTIAL, MIXED_SAMPLES, 7, 3);
    table whole = table_new(stream, MIXED_SAMPLES);
    fill(stream, 0, 1, MIXED_SAMPLES, &whole);
    pthread_t threads[4];
    reader readers[4];
    for (uint64_t i = 0; i < 4; i++) {
        readers[i] = (reader){.stream = stream, .whole = &whole, .random = i};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_at_random, &readers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        ck_assert(readers[i].same);
    }
    table_free(&whole);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(memory_that_runs_out_leaves_nothing_behind)
{
    counting_memory memory = {.left = UINT64_MAX};
    augs_preset *preset = mixed_preset(&memory, false);
    const augs_stream_options options = {.size = sizeof options, .seed = 7, .n_samples = 100};
    const uint64_t held = memory.n_held;
    uint64_t n_failed = 0;
    for (;;) {
        augs_stream *stream = NULL;
        augs_error error;
        memory.left = n_failed;
        int status = augs_stream_open(preset, &options, &stream, &error);
        if (status == 0) {
            augs_stream_unref(stream);
            break;
        }
        ck_assert_int_eq(status, AUGS_E_NO_MEMORY);
        ck_assert_ptr_null(stream);
        ck_assert_uint_eq(memory.n_held, held);
        n_failed++;
        ck_assert_uint_lt(n_failed, 1000);
    }
    ck_assert_uint_ge(n_failed, 4);
    ck_assert_uint_eq(memory.n_held, held);
    augs_preset_unref(preset);
    ck_assert_uint_eq(memory.n_held, 0);
}
END_TEST

START_TEST(reading_allocates_nothing)
{
    counting_memory memory = {.left = UINT64_MAX};
    augs_preset *preset = mixed_preset(&memory, false);
    const augs_stream_options options = {.size = sizeof options,
                                         .order = AUGS_ORDER_SHUFFLED,
                                         .seed = 7,
                                         .n_samples = MIXED_SAMPLES};
    augs_stream *stream = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augs_stream_open(preset, &options, &stream, &error), error);
    table out = table_new(stream, 500);
    const uint64_t n_calls = memory.n_calls;
    memory.left = 0;
    fill(stream, 1000, 1, 500, &out);
    gather(stream, out.columns[0], 100, &out);
    ck_assert_uint_eq(memory.n_calls, n_calls);
    table_free(&out);
    augs_stream_unref(stream);
    augs_preset_unref(preset);
    ck_assert_uint_eq(memory.n_held, 0);
}
END_TEST

typedef struct encoding {
    unsigned char bytes[1024];
    size_t n_bytes;
} encoding;

static void put(encoding *to, uint64_t number, unsigned n_bytes)
{
    for (unsigned i = 0; i < n_bytes; i++) {
        to->bytes[to->n_bytes++] = (unsigned char)(i < 8 ? number >> (8 * i) : 0);
    }
}

static void put_text(encoding *to, const char *text)
{
    put(to, strlen(text), 4);
    memcpy(to->bytes + to->n_bytes, text, strlen(text));
    to->n_bytes += strlen(text);
}

START_TEST(the_fingerprint_is_the_hash_of_the_documented_encoding)
{
    static const char text[] = "augstream: 1\ncolumns:\n"
                               "  flip: {bernoulli: 0.5, doc: a comment that does not enter}\n"
                               "  angle: {uniform: [-30, 30], when: flip, identity: 1, unit: deg}\n"
                               "  mode: {choice: {values: [near, 2], weights: [1, 3]}, shape: 2}\n";
    augs_preset *preset = NULL;
    augs_stream *stream = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augs_preset_open_text(text, strlen(text), "x", NULL, &preset, &error), error);
    const augs_stream_options options = {
        .size = sizeof options, .order = 1, .seed = 77, .n_samples = 1000, .epoch = 5};
    AUGS_ASSERT_OK(augs_stream_open(preset, &options, &stream, &error), error);
    encoding e = {.n_bytes = 9};
    memcpy(e.bytes, "augstream", 9);
    put(&e, 1, 4);
    put(&e, 1000, 8);
    put(&e, 1, 1);
    put(&e, 77, 8);
    put(&e, 3, 4);
    put_text(&e, "flip");
    put(&e, AUGS_KIND_BERNOULLI, 1);
    put(&e, 0, 1);
    put(&e, 1, 4);
    put(&e, 0x3fe0000000000000u, 8);
    put(&e, 0, 24);
    put(&e, AUGS_NO_GATE, 4);
    put(&e, 0, 16);
    put_text(&e, "angle");
    put(&e, AUGS_KIND_UNIFORM, 1);
    put(&e, 0, 1);
    put(&e, 1, 4);
    put(&e, 0xc03e000000000000u, 8);
    put(&e, 0x403e000000000000u, 8);
    put(&e, 0, 16);
    put(&e, 0, 4);
    put(&e, 1, 4);
    put(&e, 0x3f800000u, 8);
    put(&e, 0, 4);
    put_text(&e, "mode");
    put(&e, AUGS_KIND_CHOICE, 1);
    put(&e, 0, 1);
    put(&e, 2, 4);
    put(&e, 0, 32);
    put(&e, AUGS_NO_GATE, 4);
    put(&e, 0, 12);
    put(&e, 2, 4);
    put_text(&e, "near");
    put(&e, 0, 1);
    put(&e, 0x3ff0000000000000u, 8);
    put_text(&e, "2");
    put(&e, 1, 1);
    put(&e, 0x4008000000000000u, 8);
    char expected[AUGSI_HASH128_TEXT];
    augsi_hash128_text(augsi_hash128_of(e.bytes, e.n_bytes), expected);
    ck_assert_str_eq(augs_stream_fingerprint(stream), expected);
    augs_stream_unref(stream);
    augs_preset_unref(preset);
}
END_TEST

static void fingerprint_of(const char *columns, uint64_t n, uint32_t order, uint64_t seed,
                           char ret_text[40])
{
    char text[512];
    int n_bytes = snprintf(text, sizeof text, "augstream: 1\ncolumns:\n%s", columns);
    augs_preset *preset = NULL;
    augs_stream *stream = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augs_preset_open_text(text, (size_t)n_bytes, "x", NULL, &preset, &error), error);
    const augs_stream_options options = {
        .size = sizeof options, .order = order, .seed = seed, .n_samples = n};
    AUGS_ASSERT_OK(augs_stream_open(preset, &options, &stream, &error), error);
    snprintf(ret_text, 40, "%s", augs_stream_fingerprint(stream));
    ck_assert_uint_eq(strlen(ret_text), 32);
    augs_stream_unref(stream);
    augs_preset_unref(preset);
}

START_TEST(whatever_moves_a_byte_moves_the_fingerprint)
{
    static const char *const columns[] = {
        "  a: {uniform: [0, 1]}\n",
        "  b: {uniform: [0, 1]}\n",
        "  a: {uniform: [0, 2]}\n",
        "  a: {uniform: [0, 1], shape: 2}\n",
        "  a: {log_uniform: [1, 2]}\n",
        "  a: {normal: {mean: 0, std: 1}}\n",
        "  a: {normal: {mean: 0, std: 1, min: 0}}\n",
        "  a: {normal: {mean: 0, std: 1, max: 0}}\n",
        "  g: {bernoulli: 0.5}\n  a: {uniform: [0, 1]}\n",
        "  a: {uniform: [0, 1]}\n  g: {bernoulli: 0.5}\n",
        "  g: {bernoulli: 0.5}\n  a: {uniform: [0, 1], when: g, identity: 0}\n",
        "  g: {bernoulli: 0.5}\n  a: {uniform: [0, 1], when: g, identity: 1}\n",
        "  c: {choice: {values: [x, y]}}\n",
        "  c: {choice: {values: [y, x]}}\n",
        "  c: {choice: {values: [x, y], weights: [1, 2]}}\n",
    };
    enum { N = sizeof columns / sizeof columns[0] };
    char texts[N + 3][40], again[40];
    for (size_t i = 0; i < N; i++) {
        fingerprint_of(columns[i], 100, 0, 1, texts[i]);
    }
    fingerprint_of(columns[0], 101, 0, 1, texts[N]);
    fingerprint_of(columns[0], 100, 1, 1, texts[N + 1]);
    fingerprint_of(columns[0], 100, 0, 2, texts[N + 2]);
    for (size_t i = 0; i < N + 3; i++) {
        for (size_t k = 0; k < i; k++) {
            ck_assert_str_ne(texts[i], texts[k]);
        }
    }
    fingerprint_of("  a: {unit: deg, doc: text, uniform: [0.0, 1e0]}\n", 100, 0, 1, again);
    ck_assert_str_eq(again, texts[0]);
}
END_TEST

START_TEST(equal_fingerprints_have_equal_bytes_whatever_the_caller_left_unused)
{
    /* a -0 is a 0, and numbers that a kind does not have say nothing */
    static const double numbers[3][4] = {{0, 0, 0, 0}, {-0.0, 0, 0, 0}, {0, 7, 8, 9}};
    float values[3] = {1, 1, 1};
    char texts[3][40];
    for (size_t i = 0; i < 3; i++) {
        augs_column_info info = {.size = sizeof info,
                                 .kind = AUGS_KIND_CONSTANT,
                                 .shape = 1,
                                 .gate = AUGS_NO_GATE,
                                 .name = "a"};
        memcpy(info.numbers, numbers[i], sizeof info.numbers);
        augs_stream *stream =
            open_stream(open_columns(&info, 1, NULL), AUGS_ORDER_SEQUENTIAL, 1, 0, 0);
        void *columns[2] = {NULL, &values[i]};
        augs_error error;
        AUGS_ASSERT_OK(augs_stream_fill(stream, &(augs_span){0, 1, 1}, columns, &error), error);
        snprintf(texts[i], sizeof texts[i], "%s", augs_stream_fingerprint(stream));
        ck_assert_str_eq(texts[i], texts[0]);
        ck_assert_mem_eq(&values[i], &values[0], sizeof values[i]);
        augs_stream_unref(stream);
    }
}
END_TEST

AUGS_SUITE("stream", seek_equals_skip, any_cut_concatenates_to_the_same_bytes, gather_equals_fill,
           a_strided_span_takes_every_nth_position,
           a_shuffled_stream_holds_every_sample_once_with_its_own_values,
           orders_of_every_small_size_are_permutations, every_instruction_set_gives_the_same_bits,
           closed_gates_show_the_identity_and_open_ones_the_draw, a_skipped_column_changes_no_other,
           columns_do_not_depend_on_which_others_are_asked_for,
           a_closed_gate_opens_nothing_whatever_it_shows, a_long_chain_of_gates_needs_no_deep_stack,
           an_endless_stream_reaches_the_last_sample_id,
           what_leaves_the_stream_is_refused_with_the_limit_and_nothing_is_written,
           options_that_make_no_stream_are_refused, a_stream_tells_what_it_is,
           another_epoch_of_a_stream_is_a_stream_of_that_epoch, threads_read_one_stream_at_once,
           memory_that_runs_out_leaves_nothing_behind, reading_allocates_nothing,
           the_fingerprint_is_the_hash_of_the_documented_encoding,
           whatever_moves_a_byte_moves_the_fingerprint,
           equal_fingerprints_have_equal_bytes_whatever_the_caller_left_unused)
