/* SPDX-License-Identifier: Apache-2.0 */
/* A preset of every kind, shape and gate, tables to read it into, and memory that counts. */
#ifndef AUGS_TEST_STREAM_FIXTURE_H
#define AUGS_TEST_STREAM_FIXTURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <augstream/stream.h>

#include "suite.h"

#define MIXED_SAMPLES 5000u
#define MIXED_COLUMNS 21u
#define MIXED_CHOICES 300u

static inline uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state ^ (*state >> 33);
}

/* Loops are shorter where everything is slow (valgrind). */
static inline int rounds(int usual, int small)
{
    return getenv("AUGS_TEST_SMALL") != NULL ? small : usual;
}

/* Of a walk through all combinations: every one, or every 13th where everything is slow. 13 divides
 * none of the usual numbers of choices, so each choice still comes. */
static inline uint32_t stride(void)
{
    return (uint32_t)rounds(1, 13);
}

/* Fails the (left + 1)-th request; counts what is held. */
typedef struct counting_memory {
    uint64_t left, n_held, n_calls;
    uint64_t bytes, most_bytes; /* held; that may be held, 0 = any */
} counting_memory;

static inline void *counting_allocate(void *user, size_t n_bytes, size_t alignment)
{
    counting_memory *memory = user;
    memory->n_calls++;
    if (memory->left == 0 ||
        (memory->most_bytes != 0 && memory->bytes + n_bytes > memory->most_bytes)) {
        return NULL;
    }
    memory->left--;
    memory->n_held++;
    memory->bytes += n_bytes;
    return aligned_alloc(alignment, (n_bytes + alignment - 1) / alignment * alignment);
}

static inline void counting_release(void *user, void *p, size_t n_bytes)
{
    counting_memory *memory = user;
    memory->n_held--;
    memory->bytes -= n_bytes;
    free(p);
}

static inline augs_preset *open_columns(const augs_column_info *columns, uint32_t n_columns,
                                        counting_memory *memory)
{
    const augs_allocator allocator = {.size = sizeof allocator,
                                      .allocate = counting_allocate,
                                      .release = counting_release,
                                      .user = memory};
    const augs_preset_options options = {.size = sizeof options,
                                         .allocator = memory == NULL ? NULL : &allocator};
    augs_preset *preset = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augs_preset_open_columns("mixed", columns, n_columns, sizeof *columns, &options,
                                            &preset, &error),
                   error);
    return preset;
}

/* Gates: scalar and vector ones, gated gates, choices as gates, before every kind of dtype. */
static inline augs_preset *mixed_preset(counting_memory *memory, bool ungated)
{
    static const augs_choice modes[3] = {
        {.text = "a", .weight = 1}, {.text = "b", .weight = 2}, {.text = "c", .weight = 1}};
    static augs_choice many[MIXED_CHOICES];
    static char names[MIXED_CHOICES][8];
    for (uint32_t i = 0; i < MIXED_CHOICES; i++) {
        snprintf(names[i], sizeof names[i], "v%u", i);
        many[i] = (augs_choice){.text = names[i], .weight = i % 7 == 3 ? 0 : 1 + i % 5};
    }
    const augs_column_info mixed[MIXED_COLUMNS] = {
        {.name = "apply", .kind = AUGS_KIND_BERNOULLI, .numbers = {0.5}},
        {.name = "mode",
         .kind = AUGS_KIND_CHOICE,
         .choices = modes,
         .n_choices = 3,
         .gate = 1,
         .gate_value = 1,
         .identity_bits = 1},
        {.name = "each", .kind = AUGS_KIND_BERNOULLI, .numbers = {0.25}, .shape = 5},
        {.name = "rotation", .kind = AUGS_KIND_UNIFORM, .numbers = {-30, 30}},
        {.name = "tries", .kind = AUGS_KIND_UNIFORM, .numbers = {0.08, 1}, .shape = 10},
        {.name = "each.value",
         .kind = AUGS_KIND_UNIFORM,
         .numbers = {-1, 1},
         .shape = 5,
         .gate = 3,
         .gate_value = 1,
         .identity_bits = 0x3f800000},
        {.name = "whole.vector",
         .kind = AUGS_KIND_UNIFORM,
         .numbers = {0, 2},
         .shape = 3,
         .gate = 1,
         .gate_value = 1,
         .identity_bits = 0x3f000000},
        {.name = "by.mode",
         .kind = AUGS_KIND_LOG_UNIFORM,
         .numbers = {0.75, 1.5},
         .gate = 2,
         .gate_value = 2,
         .identity_bits = 0x3f800000},
        {.name = "bounded",
         .kind = AUGS_KIND_NORMAL,
         .numbers = {9, 0.5, 0, 10},
         .shape = 2,
         .flags = AUGS_HAS_MIN | AUGS_HAS_MAX},
        {.name = "lambda", .kind = AUGS_KIND_BETA, .numbers = {0.2, 0.2}},
        {.name = "pitch",
         .kind = AUGS_KIND_INTEGER,
         .numbers = {-4, 4},
         .shape = 3,
         .gate = 1,
         .gate_value = 1,
         .identity_bits = 0},
        {.name = "order", .kind = AUGS_KIND_PERMUTATION, .numbers = {5}, .shape = 3},
        {.name = "long.order", .kind = AUGS_KIND_PERMUTATION, .numbers = {12}},
        {.name = "noise", .kind = AUGS_KIND_SEED, .shape = 3},
        {.name = "partner",
         .kind = AUGS_KIND_SAMPLE,
         .shape = 2,
         .gate = 1,
         .gate_value = 1,
         .identity_bits = 0},
        {.name = "fixed", .kind = AUGS_KIND_CONSTANT, .numbers = {2.5}, .shape = 2},
        {.name = "policy", .kind = AUGS_KIND_CHOICE, .choices = many, .n_choices = MIXED_CHOICES},
        {.name = "wide", .kind = AUGS_KIND_UNIFORM, .numbers = {0, 1}, .shape = 256},
        {.name = "ratio",
         .kind = AUGS_KIND_LOG_UNIFORM,
         .numbers = {0.75, 1.3333333333333333},
         .shape = 10},
        {.name = "single", .kind = AUGS_KIND_SEED},
        {.name = "all.integers", .kind = AUGS_KIND_INTEGER, .numbers = {-2147483648.0, 2147483647}},
    };
    augs_column_info columns[MIXED_COLUMNS];
    for (uint32_t i = 0; i < MIXED_COLUMNS; i++) {
        columns[i] = mixed[i]; /* gates above count from 1: 0 is none */
        columns[i].size = sizeof columns[i];
        columns[i].shape = mixed[i].shape == 0 ? 1 : mixed[i].shape;
        columns[i].gate = mixed[i].gate == 0 || ungated ? AUGS_NO_GATE : mixed[i].gate - 1;
        if (columns[i].gate == AUGS_NO_GATE) {
            columns[i].gate_value = 0;
            columns[i].identity_bits = 0;
        }
    }
    return open_columns(columns, MIXED_COLUMNS, memory);
}

static inline augs_preset *uniform_preset(uint32_t shape)
{
    const augs_column_info column = {.size = sizeof column,
                                     .kind = AUGS_KIND_UNIFORM,
                                     .numbers = {0, 1},
                                     .shape = shape,
                                     .gate = AUGS_NO_GATE,
                                     .name = "u"};
    return open_columns(&column, 1, NULL);
}

/* Takes the preset's only reference. */
static inline augs_stream *open_stream(augs_preset *preset, uint32_t order, uint64_t n_samples,
                                       uint64_t seed, uint32_t epoch)
{
    const augs_stream_options options = {.size = sizeof options,
                                         .order = order,
                                         .seed = seed,
                                         .n_samples = n_samples,
                                         .epoch = epoch};
    augs_stream *stream = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augs_stream_open(preset, &options, &stream, &error), error);
    augs_preset_unref(preset);
    return stream;
}

static inline augs_stream *mixed_open(uint32_t order, uint64_t n_samples, uint64_t seed,
                                      uint32_t epoch)
{
    return open_stream(mixed_preset(NULL, false), order, n_samples, seed, epoch);
}

static inline augs_stream *mixed_open_ungated(uint64_t n_samples, uint64_t seed, uint32_t epoch)
{
    return open_stream(mixed_preset(NULL, true), AUGS_ORDER_SEQUENTIAL, n_samples, seed, epoch);
}

static inline augs_stream *uniform_open(uint32_t shape, uint64_t n_samples)
{
    return open_stream(uniform_preset(shape), AUGS_ORDER_SEQUENTIAL, n_samples, 42, 0);
}

/* A buffer for each column. */
typedef struct table {
    uint32_t n_columns;
    uint64_t n_samples;
    void *columns[MIXED_COLUMNS + 1];
    uint64_t bytes[MIXED_COLUMNS + 1]; /* of a sample */
} table;

static inline void table_clear(table *t)
{
    for (uint32_t c = 0; c < t->n_columns; c++) {
        memset(t->columns[c], 0xa5, t->n_samples * t->bytes[c]);
    }
}

static inline table table_new(const augs_stream *stream, uint64_t n_samples)
{
    table t = {.n_columns = augs_stream_n_columns(stream), .n_samples = n_samples};
    for (uint32_t c = 0; c < t.n_columns; c++) {
        t.bytes[c] = augs_stream_column_bytes(stream, c);
        t.columns[c] = malloc(n_samples * t.bytes[c]); /* exactly: a byte too many is seen */
        ck_assert_ptr_nonnull(t.columns[c]);
    }
    table_clear(&t);
    return t;
}

static inline void table_free(table *t)
{
    for (uint32_t c = 0; c < t->n_columns; c++) {
        free(t->columns[c]);
    }
}

/* Into the table from its sample `at` on. */
static inline void fill_at(const augs_stream *stream, uint64_t first, uint64_t stride,
                           uint64_t count, const table *t, uint64_t at)
{
    void *columns[MIXED_COLUMNS + 1];
    augs_error error;
    for (uint32_t c = 0; c < t->n_columns; c++) {
        columns[c] = (char *)t->columns[c] + at * t->bytes[c];
    }
    AUGS_ASSERT_OK(augs_stream_fill(stream, &(augs_span){first, stride, count}, columns, &error),
                   error);
}

static inline void fill(const augs_stream *stream, uint64_t first, uint64_t stride, uint64_t count,
                        const table *t)
{
    fill_at(stream, first, stride, count, t, 0);
}

static inline void gather(const augs_stream *stream, const int64_t *ids, size_t n, const table *t)
{
    augs_error error;
    AUGS_ASSERT_OK(augs_stream_gather(stream, ids, n, t->columns, &error), error);
}

static inline bool same_sample(const table *a, uint64_t at_a, const table *b, uint64_t at_b)
{
    bool same = true;
    for (uint32_t c = 0; c < a->n_columns; c++) {
        same &= memcmp((char *)a->columns[c] + at_a * a->bytes[c],
                       (char *)b->columns[c] + at_b * b->bytes[c], a->bytes[c]) == 0;
    }
    return same;
}

static inline void assert_same_sample(const table *a, uint64_t at_a, const table *b, uint64_t at_b)
{
    for (uint32_t c = 0; c < a->n_columns; c++) {
        ck_assert_msg(memcmp((char *)a->columns[c] + at_a * a->bytes[c],
                             (char *)b->columns[c] + at_b * b->bytes[c], a->bytes[c]) == 0,
                      "column %u: sample %llu of one is not sample %llu of the other", c,
                      (unsigned long long)at_a, (unsigned long long)at_b);
    }
}

static inline void assert_same_samples(const table *a, const table *b, uint64_t n)
{
    for (uint32_t c = 0; c < a->n_columns; c++) {
        ck_assert_msg(memcmp(a->columns[c], b->columns[c], n * a->bytes[c]) == 0, "column %u", c);
    }
}

static inline void assert_same_tables(const table *a, const table *b)
{
    assert_same_samples(a, b, a->n_samples);
}

#endif
