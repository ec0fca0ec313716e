/* SPDX-License-Identifier: Apache-2.0 */
#include "strategies/fixed_layout.h"

#include <assert.h>

#include "base/checked.h"

static uint64_t steps_of_round(const augsi_layout_section *section)
{
    return section->n_first + section->n_second;
}

static uint64_t positions_of_round(const augsi_layout_section *section)
{
    return section->n_first * section->first_count + section->n_second * section->second_count;
}

static uint64_t steps_of(const augsi_layout_section *section)
{
    return augsi_mul_or_most(section->n_rounds, steps_of_round(section));
}

void augsi_layout_add(augsi_layout *layout, const augsi_layout_section *section)
{
    augsi_layout_section added = *section;
    added.n_first = added.first_count > 0 ? added.n_first : 0;
    added.n_second = added.second_count > 0 ? added.n_second : 0;
    if (added.n_rounds > 0 && steps_of_round(&added) > 0) {
        layout->sections[layout->n_sections++] = added;
    }
}

uint64_t augsi_layout_n_steps(const augsi_layout *layout)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < layout->n_sections; i++) {
        n = augsi_add_or_most(n, steps_of(&layout->sections[i]));
    }
    return n;
}

uint64_t augsi_layout_n_positions(const augsi_layout *layout)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < layout->n_sections; i++) {
        const augsi_layout_section *section = &layout->sections[i];
        n = augsi_add_or_most(n, augsi_mul_or_most(section->n_rounds, positions_of_round(section)));
    }
    return n;
}

/* Step `at` of a section whose first position is `base`. */
static augs_span span_in(const augsi_layout_section *section, uint64_t base, uint64_t at)
{
    const uint64_t steps = steps_of_round(section);
    assert(steps > 0); /* augsi_layout_add takes no other section */
    const uint64_t t = at % steps;
    const bool is_first = t < section->n_first;
    const uint64_t round = base + at / steps * positions_of_round(section);
    augs_span span = {.first = round + t,
                      .stride = steps,
                      .count = is_first ? section->first_count : section->second_count};
    if (!section->dealt) {
        span.stride = 1;
        span.first = round + (is_first ? t * section->first_count
                                       : section->n_first * section->first_count +
                                             (t - section->n_first) * section->second_count);
    }
    return span;
}

bool augsi_layout_span(const augsi_layout *layout, uint64_t step, augs_span *ret_span)
{
    uint64_t base = 0;
    for (uint32_t i = 0; i < layout->n_sections; i++) {
        const augsi_layout_section *section = &layout->sections[i];
        const uint64_t n_steps = steps_of(section);
        if (step < n_steps) {
            *ret_span = span_in(section, base, step);
            return true;
        }
        step -= n_steps;
        base += section->n_rounds * positions_of_round(section);
    }
    return false;
}

bool augsi_layout_is_whole(const augsi_layout *layout, uint64_t step)
{
    for (uint32_t i = 0; i < layout->n_sections; i++) {
        const augsi_layout_section *section = &layout->sections[i];
        const uint64_t n_steps = steps_of(section);
        if (step < n_steps) {
            return !section->dealt || section->first_count <= 1 ||
                   step % steps_of_round(section) == 0;
        }
        step -= n_steps;
    }
    return true;
}

bool augsi_layout_dealt(const augsi_layout *layout, uint64_t step, uint64_t *ret_first,
                        uint64_t *ret_n_positions)
{
    uint64_t base = 0;
    for (uint32_t i = 0; i < layout->n_sections; i++) {
        const augsi_layout_section *section = &layout->sections[i];
        const uint64_t n_steps = steps_of(section), each = positions_of_round(section);
        if (step < n_steps) {
            *ret_first = base + step / steps_of_round(section) * each;
            *ret_n_positions = each;
            return section->dealt;
        }
        step -= n_steps;
        base += section->n_rounds * each;
    }
    return false;
}

/* The first step of a section, from `at` on, that is large enough; UINT64_MAX: none. */
static uint64_t next_in(const augsi_layout_section *section, uint64_t at, uint64_t least)
{
    const bool first_does = section->n_first > 0 && section->first_count >= least;
    const bool second_does = section->n_second > 0 && section->second_count >= least;
    const uint64_t steps = steps_of_round(section);
    assert(steps > 0); /* augsi_layout_add takes no other section */
    const uint64_t round = at / steps, t = at % steps;
    if (first_does && t < section->n_first) {
        return at;
    }
    if (second_does) {
        return t < section->n_first ? at - t + section->n_first : at;
    }
    return first_does && round + 1 < section->n_rounds ? (round + 1) * steps : UINT64_MAX;
}

uint64_t augsi_layout_next(const augsi_layout *layout, uint64_t step, uint64_t least)
{
    uint64_t before = 0;
    for (uint32_t i = 0; i < layout->n_sections; i++) {
        const uint64_t n_steps = steps_of(&layout->sections[i]);
        if (step < augsi_add_or_most(before, n_steps)) {
            const uint64_t at = step > before ? step - before : 0;
            const uint64_t found = next_in(&layout->sections[i], at, least);
            if (found != UINT64_MAX) {
                return before + found;
            }
        }
        before = augsi_add_or_most(before, n_steps);
    }
    return before;
}

uint64_t augsi_layout_end(const augsi_layout *layout, uint64_t least)
{
    uint64_t end = augsi_layout_n_steps(layout);
    for (uint32_t i = layout->n_sections; i-- > 0;) {
        const augsi_layout_section *section = &layout->sections[i];
        if (section->n_second > 0 && section->second_count >= least) {
            return end;
        }
        if (section->n_first > 0 && section->first_count >= least) {
            return end - section->n_second;
        }
        end -= steps_of(section);
    }
    return 0;
}

uint64_t augsi_layout_cut(const augsi_layout *layout, uint64_t world_size)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < layout->n_sections; i++) {
        const augsi_layout_section *section = &layout->sections[i];
        n += section->n_rounds * (section->n_first * (section->first_count % world_size) +
                                  section->n_second * (section->second_count % world_size));
    }
    return n;
}

static uint64_t filled(const augsi_layout *layout, uint64_t count)
{
    return count < layout->full ? layout->full : count;
}

static uint64_t records_of_round(const augsi_layout *layout, const augsi_layout_section *section)
{
    return augsi_add_or_most(
        augsi_mul_or_most(section->n_first, filled(layout, section->first_count)),
        augsi_mul_or_most(section->n_second, filled(layout, section->second_count)));
}

uint64_t augsi_layout_records_before(const augsi_layout *layout, uint64_t step)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < layout->n_sections && step > 0; i++) {
        const augsi_layout_section *section = &layout->sections[i];
        const uint64_t n_steps = steps_of(section), steps = steps_of_round(section);
        const uint64_t at = step < n_steps ? step : n_steps, t = at % steps;
        const uint64_t n_first = t < section->n_first ? t : section->n_first;
        n = augsi_add_or_most(n, augsi_mul_or_most(at / steps, records_of_round(layout, section)));
        n = augsi_add_or_most(n, augsi_mul_or_most(n_first, filled(layout, section->first_count)));
        n = augsi_add_or_most(
            n, augsi_mul_or_most(t - n_first, filled(layout, section->second_count)));
        step -= at;
    }
    return n;
}

uint64_t augsi_layout_step_of_record(const augsi_layout *layout, uint64_t record)
{
    uint64_t step = 0;
    for (uint32_t i = 0; i < layout->n_sections; i++) {
        const augsi_layout_section *section = &layout->sections[i];
        const uint64_t each = records_of_round(layout, section);
        const uint64_t all = augsi_mul_or_most(section->n_rounds, each);
        if (record < all) {
            const uint64_t first = filled(layout, section->first_count);
            const uint64_t in_round = record % each, of_first = section->n_first * first;
            step += record / each * steps_of_round(section);
            return step + (in_round < of_first
                               ? in_round / first
                               : section->n_first +
                                     (in_round - of_first) / filled(layout, section->second_count));
        }
        record -= all;
        step += steps_of(section);
    }
    return step;
}
