/* SPDX-License-Identifier: Apache-2.0 */
/* One column of a stream, compiled: from words to elements. docs/contract.md, "Kinds". */
#ifndef AUGSI_COLUMN_H
#define AUGSI_COLUMN_H

#include <stdint.h>

#include <augstream/alloc.h>
#include <augstream/preset.h>

#include "quantiles.h"
#include "rng.h"

typedef struct augsi_column {
    uint32_t kind, dtype, shape, width;
    uint32_t element_bytes; /* width * bytes of the dtype */
    uint32_t sample_bytes;  /* shape * element_bytes */
    uint32_t gate;          /* index among the preset's columns or AUGS_NO_GATE */
    uint32_t gate_value;
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

/* Words an element takes: 0, 1 or 2. */
unsigned augsi_column_words(const augsi_column *column);

/* n elements (of element_bytes each) from n words; constants take no words. */
void augsi_column_from_words(const augsi_column *column, uint32_t *words, uint64_t n,
                             void *ret_elements);
/* n elements of a two-word kind, in place. */
void augsi_column_from_outputs(const augsi_column *column, uint64_t *outputs, uint64_t n);

/* Puts the identity where the gate is closed. gate_elements: n_samples * gate_shape elements. */
void augsi_column_gate(const augsi_column *column, const augsi_column *gate,
                       const void *gate_elements, uint64_t n_samples, void *elements);

#endif
