/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether spans cover positions in order, nothing lost and nothing twice, in O(1) memory. A span is
 * either the next positions (stride 1), or it begins a round that deals positions out in turn. Such
 * a round has `stride` spans of that stride. They begin at base, base + 1, ... and have as many
 * positions as the first one, or, from some span on, one less.
 */
#ifndef AUGSI_SPAN_CHECK_H
#define AUGSI_SPAN_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include <augstream/stream.h>

typedef struct augsi_span_check {
    uint64_t next;                             /* the first position that no whole round covers */
    uint64_t stride;                           /* > 1: within a round, which began at `next`; */
    uint64_t n_spans;                          /* its spans so far, */
    uint64_t first_count, last_count, covered; /* the positions of its first, its last, of all */
} augsi_span_check;

void augsi_span_check_init(augsi_span_check *check);
/* count and stride are at least 1. AUGS_E_PLAN says what was expected; the check is unchanged. */
int augsi_span_check_add(augsi_span_check *check, const augs_span *span, const char *strategy,
                         uint64_t step, augs_error *error);
/* Takes back the span of stride 1 that was added last. */
void augsi_span_check_take_back(augsi_span_check *check, const augs_span *span);
/* How many positions were covered. */
uint64_t augsi_span_check_position(const augsi_span_check *check);
/* true: between two rounds. */
bool augsi_span_check_is_whole(const augsi_span_check *check);

#endif
