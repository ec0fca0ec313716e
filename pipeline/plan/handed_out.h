/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last batches that were handed out, so that feedback which comes late finds its batch, and
 * those of their samples that are given again in smaller parts. It takes the same memory however
 * many steps there are.
 */
#ifndef AUGSI_HANDED_OUT_H
#define AUGSI_HANDED_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include <augstream/pipeline.h>

#include "pipeline/plan/plan.h"

/* What one batch holds: a step's slice, of one rank or of all ranks together, or a part of it. */
typedef struct augsi_piece {
    uint64_t step;
    uint32_t part;
    uint64_t low, high; /* which samples of the step, of the rank with the most */
    augsi_slice slice;
} augsi_piece;

typedef struct augsi_handed_out {
    augsi_piece piece;
    uint32_t epoch;
    uint32_t generation; /* batch sizes that the caller had given before it */
    uint32_t n_parts;    /* numbers of parts of its step that are in use */
    bool told;           /* feedback came for it; */
    bool misfit;         /* it did not fit; */
    bool retried;        /* it was given again; */
    bool taken;          /* a journal had it */
} augsi_handed_out;

/* Samples that wait to be given again: what is left of one batch. */
typedef struct augsi_range {
    augsi_piece rest; /* rest.part: the number of its next part */
    uint32_t n_parts; /* that are left */
    uint32_t n_used;  /* numbers of parts of its step that are in use */
    uint64_t unit;    /* parts but the last are multiples of it, as far as that goes */
} augsi_range;

typedef struct augsi_out {
    augsi_handed_out batches[AUGS_FEEDBACK_BATCHES]; /* as a ring */
    uint64_t n_batches;                              /* ever */
    augsi_range ranges[AUGS_MOST_RETRIES];           /* the first one is next */
    uint32_t n_ranges;
    uint32_t scale; /* positions per sample of `low` and `high`: for all ranks, how many; else 1 */
} augsi_out;

/* The numbers of parts that a journal does not have begin here: it may have others further on. */
#define AUGSI_FIRST_LOCAL_PART 0x80000000u

/* Adds one. It takes the place of the one that was added AUGS_FEEDBACK_BATCHES before it. */
augsi_handed_out *augsi_out_add(augsi_out *out, const augsi_piece *piece, uint32_t epoch);
/* The last one that was added; NULL = none. */
augsi_handed_out *augsi_out_last(augsi_out *out);
/* The last one was not handed out after all. What it pushed out stays forgotten. */
void augsi_out_forget_last(augsi_out *out);
/* AUGS_STEP_LAST is the last one. NULL: it is not among the last ones. */
augsi_handed_out *augsi_out_find(augsi_out *out, uint32_t epoch, uint64_t step, uint32_t part);
/* Why a batch that was named is not there: AUGS_E_STATE, AUGS_E_RANGE. */
int augsi_out_fail_unknown(const augsi_out *out, const char *caller, uint64_t step, uint32_t part,
                           augs_error *error);

/* Whether feedback says something that can be: AUGS_E_ARGUMENT. */
int augsi_out_check_feedback(const char *caller, const augs_feedback *feedback, augs_error *error);
/*
 * Hears feedback of a batch of n_samples. 1: it is new, *ret_told names the batch and its samples.
 * 0: it was heard before. AUGS_E_STATE: it is fine, but was given again.
 */
int augsi_out_hear(augsi_handed_out *batch, const augs_feedback *feedback, uint64_t n_samples,
                   augs_feedback *ret_told, augs_error *error);

/*
 * How a batch is given again in parts of at most `most` samples of a rank (0 = half of it):
 * *ret_range. `local`: the journal does not get them, so they are numbered apart from those that it
 * has. AUGS_E_STATE, AUGS_E_MEMORY, AUGS_E_RANGE. Nothing changes.
 */
int augsi_out_split(const augsi_out *out, const char *caller, const augsi_handed_out *batch,
                    uint64_t most, uint64_t unit, bool local, augsi_range *ret_range,
                    augs_error *error);
/* Adds a range; false: there is no space. The numbers of its parts are in use from now on. */
bool augsi_out_add_range(augsi_out *out, uint32_t epoch, const augsi_range *range);
/* The next part; false: no range is left. */
bool augsi_out_next_part(augsi_out *out, augsi_piece *ret_piece);
/* A part that was not taken is the next one again. */
void augsi_out_put_back(augsi_out *out, const augsi_piece *piece);
bool augsi_out_has_parts(const augsi_out *out);

/* What a journal tells of a split, and the range that it was of, for a step's whole slice. */
augsi_journal_entry augsi_out_entry(const augsi_range *range, uint32_t epoch, uint32_t part);
augsi_range augsi_out_range_of(const augsi_out *out, const augsi_journal_entry *entry,
                               const augsi_slice *slice);

#endif
