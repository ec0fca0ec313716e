/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a fixed strategy makes of an epoch, in closed form: sections of rounds that are all alike. A
 * round is n_first steps of first_count positions, then n_second steps of second_count. So any step
 * is found at once, and so are the next step that is large enough for a rank, the last one, and
 * sums over all steps, however many there are.
 */
#ifndef AUGSI_FIXED_LAYOUT_H
#define AUGSI_FIXED_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include <augstream/strategy.h>

typedef struct augsi_layout_section {
    uint64_t n_rounds; /* how often the round comes */
    uint64_t n_first, first_count;
    uint64_t n_second, second_count;
    bool dealt; /* the positions of a round are dealt out to its steps in turn; else the steps are
                   consecutive */
} augsi_layout_section;

#define AUGSI_LAYOUT_SECTIONS 3u

/* All positions are those from 0 on, without a hole. An empty layout has no section. */
typedef struct augsi_layout {
    uint32_t n_sections;
    augsi_layout_section sections[AUGSI_LAYOUT_SECTIONS];
    uint64_t full; /* a step with fewer positions is filled up to this many; 0: none is */
} augsi_layout;

/* Adds a section; one without a step is left out. */
void augsi_layout_add(augsi_layout *layout, const augsi_layout_section *section);

/* Steps and positions of the whole layout; UINT64_MAX if 64 bits do not hold them. */
uint64_t augsi_layout_n_steps(const augsi_layout *layout);
uint64_t augsi_layout_n_positions(const augsi_layout *layout);

/* The span of a step; false: there is no such step. */
bool augsi_layout_span(const augsi_layout *layout, uint64_t step, augs_span *ret_span);
/* Whether the steps before `step` have just the positions before the span of `step`. */
bool augsi_layout_is_whole(const augsi_layout *layout, uint64_t step);
/* The positions that the round of `step` deals out to its steps; false: they are consecutive, or
 * there is no such step. */
bool augsi_layout_dealt(const augsi_layout *layout, uint64_t step, uint64_t *ret_first,
                        uint64_t *ret_n_positions);
/* The first step from `step` on with at least `least` positions; the number of steps: none. */
uint64_t augsi_layout_next(const augsi_layout *layout, uint64_t step, uint64_t least);
/* The number of steps without those at the end that have fewer than `least` positions. */
uint64_t augsi_layout_end(const augsi_layout *layout, uint64_t least);

/* Positions beyond multiples of world_size, over all steps: what ranks of equal length leave. */
uint64_t augsi_layout_cut(const augsi_layout *layout, uint64_t world_size);
/* Records of all steps before `step`, filled ones counted in full; UINT64_MAX: too many. */
uint64_t augsi_layout_records_before(const augsi_layout *layout, uint64_t step);
/* The step that has record number `record`, counted in the same way. */
uint64_t augsi_layout_step_of_record(const augsi_layout *layout, uint64_t record);

#endif
