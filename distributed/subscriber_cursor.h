/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a subscriber stands: the job as WELCOME told it, and the first step that was not taken. No
 * connection and no time.
 */
#ifndef AUGSI_SUBSCRIBER_CURSOR_H
#define AUGSI_SUBSCRIBER_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include <augstream/subscriber.h>

#include "distributed/wire.h"
#include "pipeline/plan/plan.h"
#include "pipeline/plan/token.h"

typedef struct augsi_cursor {
    augs_allocator allocator;
    /* what the caller wants */
    char job[AUGSI_MAX_JOB_BYTES + 1], fingerprint[33]; /* "": any */
    uint32_t rank, world_size;
    bool has_token;
    augsi_token token;
    /* the job */
    bool is_settled; /* WELCOME has come */
    augsi_welcome welcome;
    augsi_plan *plan;      /* of the epoch */
    uint64_t most_samples; /* of a batch in any epoch */
    /* the place */
    uint32_t epoch;
    uint64_t step, n_steps;
    augs_stream *stream; /* of the epoch */
    bool has_slice;      /* that of `step` is loaded */
    bool has_samples;    /* `step` is known to have samples for the rank */
    augsi_slice slice;
} augsi_cursor;

/* All zero before. Checks and copies what it needs of the options. */
int augsi_cursor_init(augsi_cursor *cursor, const augs_subscriber_options *options,
                      const augs_allocator *allocator, augs_error *error);
void augsi_cursor_done(augsi_cursor *cursor);

/*
 * A WELCOME: 1 if it answers the HELLO of `incarnation`. The first one makes plan and place; a
 * later one has to be of the same job. 0: it is of another one, or nothing that can be read, and
 * nothing has changed. Negative: it is ours, and the job cannot be followed.
 */
int augsi_cursor_welcome(augsi_cursor *cursor, const void *data, size_t n_bytes,
                         uint64_t incarnation, augs_error *error);

/*
 * Passes over steps that have no samples for the rank, whole epochs of them as well: 1, or 0 at the
 * end of the last one. For when the caller waits for a batch: before that, a token has to lead to
 * these steps, since other ranks have samples there.
 */
int augsi_cursor_skip(augsi_cursor *cursor, augs_error *error);
/* Goes to the next epoch where one has ended: 1, or 0 at the end of the last one. */
int augsi_cursor_turn(augsi_cursor *cursor, augs_error *error);
/* The step is taken; augsi_cursor_turn is to follow. */
void augsi_cursor_advance(augsi_cursor *cursor);

/* The first step from `step` on that has samples for the rank; n_steps if there is none. */
uint64_t augsi_cursor_next(const augsi_cursor *cursor, uint64_t step);
/* Where the answer to a FETCH of `count` steps (at least 1) from `begin` on ends: behind a batch, or
 * at the end of the epoch. */
uint64_t augsi_cursor_end_of_range(const augsi_cursor *cursor, uint64_t begin, uint64_t count);

/* What BATCH says is what the plan says of the step, and the payload is what BATCH says. */
bool augsi_cursor_fits(augsi_cursor *cursor, const augsi_message *batch, const void *payload,
                       size_t n_payload);
/* AUGS_E_STATE before WELCOME. */
int augsi_cursor_token(const augsi_cursor *cursor, augsi_token *ret_token, augs_error *error);

#endif
