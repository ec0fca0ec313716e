/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `batches` batches per window: the sample at position i of the window goes into batch i mod batches.
 * A batch is a strided span, nothing is buffered. A window shorter than `batches` has as many
 * batches as samples.
 *
 * last_batch, for a last window that is short: keep deals it out; merge deals it out together with
 * the window before it, or halves the two. fill makes all batches as long as the longest of a whole
 * window. drop makes all equally long: what the whole stream has beyond a multiple of `batches`, or
 * beyond whole windows, is left out at the end.
 */
#include "base/checked.h"
#include "base/fail.h"
#include "base/sized_struct.h"
#include "strategies/shipped_strategies.h"
#include "strategies/strategy_size.h"
#include <assert.h>

const augs_strategy_options augsi_round_robin_defaults = {
    .size = sizeof(augs_strategy_options), .min_batch_size = 1, .multiple_of = 1};

typedef struct round_robin {
    uint64_t batches, window;
    uint64_t min_batch_size, max_batch_size;
    uint32_t last_batch;
} round_robin;

static int init(void *state, const augs_strategy_options *options, augs_error *error)
{
    round_robin *self = state;
    augs_strategy_options taken;
    int status = AUGSI_TAKE(augs_strategy_options, options, &taken, error);
    if (status < 0) {
        return status;
    }
    options = &taken;
    const uint64_t batches = options->batches, window = options->deal_window;
    status = augsi_strategy_refuse_foreign("round_robin", options, error);
    if (status < 0) {
        return status;
    }
    if (batches == 0) {
        return augsi_fail(
            error, AUGS_E_ARGUMENT,
            "strategy round_robin: 'batches' is required: into how many batches samples are dealt");
    }
    if (options->batch_size != 0 || options->multiple_of > 1) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "strategy round_robin: sizes follow from 'batches' and 'deal_window'; "
                          "'batch_size' and 'multiple_of' are not taken");
    }
    if (options->max_batch_size != 0 && options->min_batch_size > options->max_batch_size) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "strategy round_robin: min_batch_size %llu is above max_batch_size %llu",
                          (unsigned long long)options->min_batch_size,
                          (unsigned long long)options->max_batch_size);
    }
    if (window != 0 && window < batches) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "strategy round_robin: deal_window %llu is smaller than batches %llu",
                          (unsigned long long)window, (unsigned long long)batches);
    }
    if (options->last_batch == AUGS_LAST_BATCH_DROP && window % batches != 0) {
        return augsi_fail(
            error, AUGS_E_ARGUMENT,
            "strategy round_robin: with last_batch drop, deal_window %llu has to be a "
            "multiple of batches %llu: samples are left out at the end only",
            (unsigned long long)window, (unsigned long long)batches);
    }
    *self = (round_robin){.batches = batches,
                          .window = window,
                          .min_batch_size = options->min_batch_size,
                          .max_batch_size = options->max_batch_size,
                          .last_batch = options->last_batch};
    return AUGS_OK;
}

/* Samples of a rank in the longest and in the shortest batch of a round. */
static uint64_t longest_of(const augsi_layout_section *round, uint32_t world_size)
{
    return augsi_groups_of(round->first_count, world_size);
}

static uint64_t shortest_of(const augsi_layout_section *round, uint32_t world_size)
{
    return (round->n_second > 0 ? round->second_count : round->first_count) / world_size;
}

/* n_rounds windows of `length` positions each, dealt out. */
static augsi_layout_section windows_of(const round_robin *self, uint64_t n_rounds, uint64_t length)
{
    assert(self->batches > 0);
    const uint64_t steps = length < self->batches ? length : self->batches;
    augsi_layout_section round = {.n_rounds = n_rounds, .dealt = true};
    if (steps > 0) {
        const uint64_t each = length / steps, longer = length % steps;
        round.n_first = longer > 0 ? longer : steps;
        round.first_count = longer > 0 ? each + 1 : each;
        round.n_second = longer > 0 ? steps - longer : 0;
        round.second_count = each;
    }
    if (self->last_batch == AUGS_LAST_BATCH_DROP) { /* all alike, and whole */
        round.n_first = self->batches;
        round.first_count = length / self->batches;
        round.n_second = 0;
    }
    return round;
}

static int refuse_size(const char *limit, uint64_t number, uint64_t size, const char *needed,
                       augs_error *error)
{
    return augsi_fail(error, AUGS_E_ARGUMENT,
                      "strategy round_robin: batches of %llu samples per rank, %s %llu; %s",
                      (unsigned long long)size, limit, (unsigned long long)number, needed);
}

/* min and max are a promise, and sizes follow from the windows: what cannot be kept is refused. */
static int check_sizes(const round_robin *self, const augsi_layout *layout, uint32_t world_size,
                       bool only_a_tail, augs_error *error)
{
    for (uint32_t i = 0; i < layout->n_sections; i++) {
        const augsi_layout_section *round = &layout->sections[i];
        const bool is_tail = only_a_tail || (i > 0 && i + 1 == layout->n_sections);
        uint64_t longest = longest_of(round, world_size);
        const uint64_t full = augsi_groups_of(layout->full, world_size);
        longest = longest < full ? full : longest;
        if (self->max_batch_size != 0 && longest > self->max_batch_size) {
            return refuse_size("max_batch_size", self->max_batch_size, longest,
                               "more batches or a smaller window are needed", error);
        }
        const uint64_t shortest = layout->full > 0 ? full : shortest_of(round, world_size);
        if (shortest < self->min_batch_size && !is_tail) {
            return refuse_size("min_batch_size", self->min_batch_size, shortest,
                               "fewer batches or a larger window are needed", error);
        }
    }
    return AUGS_OK;
}

/* The last whole window and the rest, as one window or as two of about the same length. */
static void add_merged(const round_robin *self, uint64_t window, uint64_t rest, uint32_t world_size,
                       augsi_layout *layout)
{
    const uint64_t both = window + rest;
    augsi_layout_section one = windows_of(self, 1, both);
    if (self->max_batch_size == 0 || longest_of(&one, world_size) <= self->max_batch_size) {
        augsi_layout_add(layout, &one);
        return;
    }
    uint64_t first = both / 2 + both % 2;
    const uint64_t least = augsi_mul_or_most(
        self->batches, augsi_mul_or_most(self->min_batch_size > 1 ? self->min_batch_size : 1,
                                         self->min_batch_size > 1 ? world_size : 1));
    first = first < least ? least : first;
    first = first < window ? first : window;
    const augsi_layout_section before = windows_of(self, 1, first);
    const augsi_layout_section last = windows_of(self, 1, both - first);
    augsi_layout_add(layout, &before);
    augsi_layout_add(layout, &last);
}

/* Every batch as long as the longest of a whole window, and all ranks alike. */
static int set_full(const round_robin *self, uint64_t window, uint32_t world_size,
                    augsi_layout *layout, augs_error *error)
{
    const augsi_layout_section whole = windows_of(self, 1, window);
    if (!augsi_mul_u64(longest_of(&whole, world_size), world_size, &layout->full) ||
        augsi_layout_records_before(layout, UINT64_MAX) > AUGS_MAX_SAMPLES) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "strategy round_robin: %llu batches of a window, filled up for %u ranks, "
                          "have more than 2^56 samples",
                          (unsigned long long)self->batches, world_size);
    }
    return AUGS_OK;
}

int augsi_round_robin_layout(const void *state, uint64_t n_samples, uint32_t world_size,
                             augsi_layout *ret_layout, augs_error *error)
{
    const round_robin *self = state;
    if (self->window == 0 && n_samples == AUGS_ENDLESS) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "strategy round_robin: an endless stream needs 'deal_window'");
    }
    augsi_layout layout = {.n_sections = 0};
    const uint64_t window = self->window != 0 ? self->window : n_samples;
    const uint64_t n_windows = window > 0 ? n_samples / window : 0;
    const uint64_t rest = window > 0 && n_samples != AUGS_ENDLESS ? n_samples % window : 0;
    const bool merges = self->last_batch == AUGS_LAST_BATCH_MERGE && n_windows > 0 && rest > 0;
    const augsi_layout_section body = windows_of(self, n_windows - (merges ? 1 : 0), window);
    augsi_layout_add(&layout, &body);
    if (merges) {
        add_merged(self, window, rest, world_size, &layout);
    } else if (rest > 0 && self->last_batch != AUGS_LAST_BATCH_DROP) {
        const augsi_layout_section last = windows_of(self, 1, rest);
        augsi_layout_add(&layout, &last);
    }
    int status = AUGS_OK;
    if (self->last_batch == AUGS_LAST_BATCH_FILL) {
        status = set_full(self, window, world_size, &layout, error);
    }
    if (status == AUGS_OK) {
        status = check_sizes(self, &layout, world_size, n_samples < self->window, error);
    }
    if (status == AUGS_OK) {
        *ret_layout = layout;
    }
    return status;
}

static int plan(void *state, const augs_plan_facts *given, augs_span *ret_span, augs_error *error)
{
    augs_plan_facts facts;
    int status = AUGSI_TAKE(augs_plan_facts, given, &facts, error);
    if (status < 0) {
        return status;
    }
    augsi_layout layout;
    status = augsi_round_robin_layout(state, facts.n_samples, facts.world_size, &layout, error);
    return status < 0 ? status : augsi_layout_span(&layout, facts.step, ret_span);
}

static uint64_t full_count(const void *state, const augs_plan_facts *facts)
{
    augsi_layout layout;
    return augsi_round_robin_layout(state, facts->n_samples, facts->world_size, &layout, NULL) < 0
               ? 0
               : layout.full;
}

const augs_strategy_ops augsi_strategy_round_robin = {
    .size = sizeof(augs_strategy_ops),
    .flags = AUGS_STRATEGY_FIXED,
    .name = "round_robin",
    .state_size = sizeof(round_robin),
    .init = init,
    .plan = plan,
    .full_count = full_count,
};
