/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row per kind of column: everything that a preset has to know of it. The reader, the text, the
 * schema, the fingerprint and the command ask the row, so none of them knows a single kind.
 *
 * A new kind needs its number in augstream/preset.h, its line in AUGSI_KINDS, a section with its row
 * in kinds.c, and a row in pipeline/stream/column_kinds.c. The library does not compile without both
 * rows, and tests/test_kinds.c looks at what they have to hold.
 */
#ifndef AUGSI_KINDS_H
#define AUGSI_KINDS_H

#include "presets/draft.h"

/* In the order of their numbers, which begin at 1. */
#define AUGSI_KINDS(X)                                                                             \
    X(CONSTANT, constant)                                                                          \
    X(UNIFORM, uniform)                                                                            \
    X(LOG_UNIFORM, log_uniform)                                                                    \
    X(NORMAL, normal)                                                                              \
    X(BETA, beta)                                                                                  \
    X(BERNOULLI, bernoulli)                                                                        \
    X(INTEGER, integer)                                                                            \
    X(CHOICE, choice)                                                                              \
    X(PERMUTATION, permutation)                                                                    \
    X(SEED, seed)                                                                                  \
    X(SAMPLE, sample)

/* The places of the rows; sample_id has place 0. */
enum augsi_kind_place {
    AUGSI_PLACE_SAMPLE_ID,
#define AUGSI_PLACE(NAME, name) AUGSI_PLACE_##NAME,
    AUGSI_KINDS(AUGSI_PLACE)
#undef AUGSI_PLACE
        AUGSI_N_KINDS
};

#define AUGSI_PLACE(NAME, name)                                                                    \
    _Static_assert((unsigned)AUGSI_PLACE_##NAME == AUGS_KIND_##NAME, "the kind's line and "        \
                                                                     "number");
AUGSI_KINDS(AUGSI_PLACE)
#undef AUGSI_PLACE

/* A number of a kind. The reader and the texts use its name where the kind's form is a mapping. */
typedef struct augsi_number {
    const char *name;
    uint32_t flag; /* 0: the number is always there; else the bit of info.flags that says so */
    bool whole;    /* an integer, written without a fraction */
} augsi_number;

typedef struct augsi_kind {
    const char *name; /* the key in presets */
    uint32_t dtype;
    uint32_t n_words; /* that an element takes: 0, 1 or 2 */
    uint32_t form;    /* AUGS_FORM_...: how the value of the key is written */
    augsi_number numbers[4];
    const char *what;     /* of form number: the value in messages, "the probability" */
    const char *accepted; /* of a single whole number: "2 to 12" */
    bool is_gate;
    bool needs_n_samples;   /* refused in endless streams */
    bool needs_identity;    /* with a gate: no value of the kind changes nothing by itself */
    uint32_t n_from_number; /* 1: numbers[0] values per element, at most AUGS_MAX_PERMUTATION */
    /* What the form does not say: ranges, fit. The numbers were read. */
    void (*check)(augsi_draft *draft, const augsi_draft_column *column);
    /* Exact mean and standard deviation of the draws, ungated; both are NAN before the call. */
    void (*moments)(augs_column_info *info);
    /* Of gates: whether some word makes this value. */
    bool (*can_draw)(const augs_column_info *info, uint32_t value);
} augsi_kind;

/* By number. sample_id has a row as well, but no preset may name it. */
extern const augsi_kind *const augsi_kinds[AUGSI_N_KINDS];

/* The kind that a key names, 0 for none. */
uint32_t augsi_kind_of_name(const char *name);
/* Numbers that the kind can have. */
uint32_t augsi_kind_n_numbers(const augsi_kind *kind);
/* The bits of info.flags that the kind knows. */
uint32_t augsi_kind_flags(const augsi_kind *kind);

/* Fills dtype and width by kind. */
void augsi_kind_derive(augs_column_info *info);
/* Exact mean and standard deviation of the ungated distribution, NaN where there is none. */
void augsi_kind_moments(augs_column_info *info);

/* Whether a text is a number as JSON writes it; the value of a choice that is one. */
bool augsi_is_json_number(const char *text);
double augsi_choice_number(const augs_choice *choice);
/* c = round_half_even((2^32 S) / total) of docs/contract.md: words below it belong to the values
 * whose weights S sums up. */
double augsi_choice_threshold(double sum, double total);

#endif
