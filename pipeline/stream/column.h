/* SPDX-License-Identifier: Apache-2.0 */
/* One column of a stream, compiled: from words to elements. docs/contract.md, "Kinds". */
#ifndef AUGSI_COLUMN_H
#define AUGSI_COLUMN_H

#include <stdbool.h>
#include <stdint.h>

#include <augstream/alloc.h>
#include <augstream/preset.h>

#include "pipeline/stream/quantiles.h"
#include "pipeline/stream/rng.h"

typedef struct augsi_column {
    const struct augsi_column_ops *ops;
    uint32_t n_words; /* that an element takes */
    uint32_t dtype, shape, width;
    uint32_t element_bytes; /* width * bytes of the dtype */
    uint32_t sample_bytes;  /* shape * element_bytes */
    uint32_t gate;          /* index among the preset's columns or AUGS_NO_GATE */
    uint32_t gate_value;
    bool is_gate; /* of a column after it */
    uint64_t identity_bits;
    augsi_rng rng;
    uint64_t n_samples; /* of the stream, for kind sample */
    union {
        float constant;
        struct {
            float low, width;
        } uniform;
        augsi_log_uniform log_uniform;
        augsi_normal normal;
        augsi_beta *beta;   /* owned by the column, as it is large */
        uint64_t threshold; /* bernoulli */
        struct {
            int64_t low;
            uint64_t n_values;
        } integer;
        struct {
            uint32_t *thresholds; /* rising; owned by the column */
            uint32_t n_thresholds;
            size_t n_bytes;
        } choice;
    } is;
} augsi_column;

/* Compiles; the caller seeds `rng`. */
int augsi_column_init(augsi_column *column, const augs_column_info *info, uint64_t n_samples,
                      const augs_allocator *allocator, augs_error *error);
void augsi_column_done(augsi_column *column, const augs_allocator *allocator);

/*
 * One row per kind: the part of it that makes values. presets/kinds.h has the other part. Every row
 * has `init`; kinds of two words have `finish`, the others `fill`.
 */
typedef struct augsi_column_ops {
    /* Compiles numbers (-0 is 0 in them) and choices into column->is. AUGS_E_NO_MEMORY. */
    int (*init)(augsi_column *column, const augs_column_info *info, const augs_allocator *allocator,
                augs_error *error);
    /* n elements (of element_bytes each) from n words; words is NULL if the kind takes none. */
    void (*fill)(const augsi_column *column, const uint32_t *words, uint64_t n, void *ret_elements);
    /* n elements from n outputs, in place. */
    void (*finish)(const augsi_column *column, uint64_t *outputs, uint64_t n);
    /* Frees what init allocated; NULL if it allocates nothing. */
    void (*done)(augsi_column *column, const augs_allocator *allocator);
} augsi_column_ops;

/* By kind, NULL for sample_id. */
extern const augsi_column_ops *const augsi_column_kinds[];

/*
 * Gates of a block of samples. A column is open where its gate has the value that it waits for and
 * is open itself. `open` has an entry per element of the gate: 1 or 0.
 *
 * Where a gate is closed by its own gate, its elements carry a mark, so that no column takes their
 * values for those it waits for. When the block is through, the identity takes the place of marked
 * elements.
 */
void augsi_gate_test(const augsi_column *gate, const void *elements, uint64_t n, uint32_t value,
                     uint8_t *restrict ret_open);
/* Marks the elements of a gate that are not open. */
void augsi_gate_close(const augsi_column *gate, void *elements, uint64_t n, const uint8_t *open);
/* The identity into the marked elements. */
void augsi_gate_show(const augsi_column *gate, void *elements, uint64_t n);
/* The identity into what is not open: n entries, each for `spread` elements one after the other. */
void augsi_column_close(const augsi_column *column, void *elements, uint64_t n, uint64_t spread,
                        const uint8_t *open);

#endif
