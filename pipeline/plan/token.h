/* SPDX-License-Identifier: Apache-2.0 */
/* Resume tokens: "augs1:JOB:FINGERPRINT:EPOCH:GENERATION:STEP:POSITION:PLACE:CHECK", CHECK the
 * XXH3-64 of what stands before it. Before CHECK there may be PARTS, which token_parts.h reads. */
#ifndef AUGSI_TOKEN_H
#define AUGSI_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include <augstream/status.h>

/* How the positions before a token's were used. */
enum augsi_token_place_kind {
    AUGSI_PLACE_ALL,    /* all of them, and none behind: any plan can go on */
    AUGSI_PLACE_DEALT,  /* in a round that deals its positions to `number` batches in turn */
    AUGSI_PLACE_BLOCKS, /* in each of `number` blocks, as many as before the position in the first
                         */
};

typedef struct augsi_token_place {
    enum augsi_token_place_kind kind;
    uint64_t number;
    uint64_t first, n_positions; /* of the round that is dealt; 0, 0: not known */
} augsi_token_place;

typedef struct augsi_token {
    char job[65]; /* "-" for a pipeline without a server */
    char fingerprint[33];
    uint32_t epoch;
    uint64_t generation;
    uint64_t step;     /* the next one */
    uint64_t position; /* where that step starts, for all ranks alike */
    augsi_token_place place;
    const char *parts; /* samples to be given again before that; NULL = none. Points into the text
                          that was parsed. */
    size_t parts_bytes;
} augsi_token;

/* AUGS_E_RANGE if n_bytes is too small. */
int augsi_token_format(const augsi_token *token, char *ret_text, size_t n_bytes, augs_error *error);
/* AUGS_E_TOKEN: says which field is wrong. */
int augsi_token_parse(const char *text, augsi_token *ret_token, augs_error *error);

#endif
