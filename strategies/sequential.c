/* SPDX-License-Identifier: Apache-2.0 */
/* Consecutive groups of batch_size samples per rank; what is left at the end is as last_batch says.
 */
#include "base/checked.h"
#include "base/fail.h"
#include "base/sized_struct.h"
#include "strategies/shipped_strategies.h"
#include "strategies/strategy_size.h"

const augs_strategy_options augsi_sequential_defaults = {
    .size = sizeof(augs_strategy_options), .batch_size = 32, .min_batch_size = 1, .multiple_of = 1};

typedef struct sequential {
    uint64_t batch_size;
    augsi_size_limits limits;
} sequential;

static int init(void *state, const augs_strategy_options *options, augs_error *error)
{
    sequential *self = state;
    augs_strategy_options taken;
    int status = AUGSI_TAKE(augs_strategy_options, options, &taken, error);
    if (status < 0) {
        return status;
    }
    options = &taken;
    const uint64_t size =
        options->batch_size != 0 ? options->batch_size : augsi_sequential_defaults.batch_size;
    augsi_size_limits limits;
    status = augsi_strategy_refuse_foreign("sequential", options, error);
    if (status == AUGS_OK) {
        status = augsi_size_limits_init(&limits, "sequential", options, AUGS_MAX_SAMPLES, error);
    }
    if (status < 0) {
        return status;
    }
    *self = (sequential){.batch_size = augsi_size_fit(&limits, size), .limits = limits};
    return AUGS_OK;
}

/* The last whole batch and the rest of the stream, as last_batch says. */
static void add_end(const sequential *self, uint32_t world_size, uint64_t whole, uint64_t rest,
                    augsi_layout *layout)
{
    augsi_layout_section *body = &layout->sections[0];
    augsi_layout_section end = {
        .n_rounds = 1, .n_first = 1, .first_count = rest, .n_second = 1, .second_count = 0};
    if (self->limits.last_batch == AUGS_LAST_BATCH_DROP) {
        return;
    }
    if (self->limits.last_batch == AUGS_LAST_BATCH_MERGE && layout->n_sections > 0) {
        const uint64_t left = whole + rest;
        end.first_count =
            augsi_size_merge(&self->limits, self->batch_size, world_size, left, self->limits.max);
        end.second_count = left - end.first_count;
        if (--body->n_first == 0) {
            layout->n_sections = 0;
        }
    }
    augsi_layout_add(layout, &end);
}

int augsi_sequential_layout(const void *state, uint64_t n_samples, uint32_t world_size,
                            augsi_layout *ret_layout, augs_error *error)
{
    const sequential *self = state;
    uint64_t whole = 0;
    int status = augsi_size_whole("sequential", self->batch_size, world_size, &whole, error);
    if (status < 0) {
        return status;
    }
    augsi_layout layout = {.n_sections = 0};
    const augsi_layout_section body = {
        .n_rounds = 1, .n_first = n_samples / whole, .first_count = whole};
    augsi_layout_add(&layout, &body);
    if (n_samples % whole != 0 && n_samples != AUGS_ENDLESS) {
        add_end(self, world_size, whole, n_samples % whole, &layout);
    }
    layout.full = self->limits.last_batch == AUGS_LAST_BATCH_FILL ? whole : 0;
    *ret_layout = layout;
    return AUGS_OK;
}

static int plan(void *state, const augs_plan_facts *given, augs_span *ret_span, augs_error *error)
{
    augs_plan_facts facts;
    int status = AUGSI_TAKE(augs_plan_facts, given, &facts, error);
    if (status < 0) {
        return status;
    }
    augsi_layout layout;
    status = augsi_sequential_layout(state, facts.n_samples, facts.world_size, &layout, error);
    return status < 0 ? status : augsi_layout_span(&layout, facts.step, ret_span);
}

static uint64_t full_count(const void *state, const augs_plan_facts *facts)
{
    const sequential *self = state;
    return augsi_mul_or_most(self->batch_size, facts->world_size);
}

const augs_strategy_ops augsi_strategy_sequential = {
    .size = sizeof(augs_strategy_ops),
    .flags = AUGS_STRATEGY_FIXED,
    .name = "sequential",
    .state_size = sizeof(sequential),
    .init = init,
    .plan = plan,
    .full_count = full_count,
};
