/* SPDX-License-Identifier: Apache-2.0 */
/* The strategy of a plan: it is made, asked, and made anew with another batch size. Its answers are
 * checked, and a fixed one is asked where it ends. */
#include <string.h>

#include "base/fail.h"
#include "base/float_env.h"
#include "base/memory.h"
#include "pipeline/plan/plan_impl.h"

bool augsi_plan_is_fixed(const augsi_plan *plan)
{
    return (plan->ops->flags & AUGS_STRATEGY_FIXED) != 0;
}

augsi_lane augsi_plan_lane(const augsi_plan *plan, uint32_t rank)
{
    const uint64_t n = plan->n_samples, w = plan->options.world_size;
    if (plan->options.rank_layout == AUGS_RANK_LAYOUT_INTERLEAVED) {
        return (augsi_lane){.start = 0, .n_owned = n, .n_planned = n, .world_size = (uint32_t)w};
    }
    uint64_t each = n / w, longer = n % w;
    augsi_lane lane = {.start = rank * each + (rank < longer ? rank : longer),
                       .n_owned = each + (rank < longer),
                       .world_size = 1};
    lane.n_planned = lane.n_owned;
    if (plan->options.tail == AUGS_TAIL_PAD) {
        lane.n_planned = each + (longer != 0);
    } else if (plan->options.tail == AUGS_TAIL_DROP) {
        lane.n_planned = lane.n_owned = each;
    }
    return lane;
}

/* ---- made and freed ---- */

/* Hands on how a strategy's own function failed, with a message if it wrote none. */
static int fail_strategy(const char *name, int status, const augs_error *own, augs_error *error)
{
    if (own->status != status) {
        return augsi_fail(error, status, "strategy '%.200s' failed with %s", name,
                          augs_status_name(status));
    }
    if (error != NULL) {
        *error = *own;
    }
    return status;
}

int augsi_plan_init_strategy(augsi_plan *plan, augs_error *error)
{
    plan->state = augsi_new(&plan->allocator, plan->ops->state_size);
    if (plan->state == NULL) {
        return augsi_fail_memory(error, plan->ops->state_size);
    }
    augs_error own;
    own.status = AUGS_OK;
    AUGSI_CALLER_BEGIN_IF(plan->of_caller);
    int status = plan->ops->init(plan->state, &plan->strategy_options, &own);
    AUGSI_CALLER_END;
    if (status < 0) {
        augsi_delete(&plan->allocator, plan->state, plan->ops->state_size);
        plan->state = NULL;
        return fail_strategy(plan->ops->name, status, &own, error);
    }
    return status;
}

void augsi_plan_done_strategy(augsi_plan *plan)
{
    if (plan->state != NULL) {
        if (plan->ops->done != NULL) {
            AUGSI_CALLER_BEGIN_IF(plan->of_caller);
            plan->ops->done(plan->state);
            AUGSI_CALLER_END;
        }
        augsi_delete(&plan->allocator, plan->state, plan->ops->state_size);
        plan->state = NULL;
    }
}

int augsi_plan_take_batch_size(augsi_plan *plan, uint64_t batch_size, uint64_t step,
                               uint64_t position, augs_error *error)
{
    const bool fixed = augsi_plan_is_fixed(plan);
    if (plan->options.strategy_ops != NULL ||
        (fixed && (strcmp(plan->ops->name, "sequential") != 0 ||
                   plan->options.rank_layout != AUGS_RANK_LAYOUT_INTERLEAVED))) {
        return augsi_fail(
            error, AUGS_E_UNSUPPORTED,
            "strategy '%.200s'%s has no batch size that can be changed between two "
            "batches",
            plan->ops->name,
            plan->options.rank_layout == AUGS_RANK_LAYOUT_BLOCK ? " with rank_layout block" : "");
    }
    augsi_plan changed = *plan;
    changed.strategy_options.batch_size = batch_size;
    changed.state = NULL;
    int status = augsi_plan_init_strategy(&changed, error);
    if (status == AUGS_OK && fixed) {
        changed.base_step = step;
        changed.base_position = position;
        status = augsi_plan_count_steps(&changed, error);
    }
    if (status < 0) {
        augsi_plan_done_strategy(&changed);
        return status;
    }
    if (changed.ops->inherit != NULL) {
        AUGSI_CALLER_BEGIN_IF(plan->of_caller);
        changed.ops->inherit(changed.state, plan->state);
        AUGSI_CALLER_END;
    }
    augsi_plan_done_strategy(plan);
    if (plan->walk != NULL) {
        plan->walk->decided = false;
    }
    *plan = changed;
    plan->options.strategy_options = &plan->strategy_options;
    return AUGS_OK;
}

/* ---- asked ---- */

int augsi_plan_check_span(const augsi_plan *plan, const augsi_lane *lane, uint64_t step,
                          const augs_span *span, augs_error *error)
{
    const bool endless = lane->n_planned == AUGS_ENDLESS;
    const uint64_t limit = endless ? AUGS_MAX_SAMPLES - plan->first_position : lane->n_planned;
    if (span->count == 0 || span->stride == 0 || span->first >= limit ||
        (span->count > 1 && (limit - 1 - span->first) / span->stride < span->count - 1)) {
        return augsi_fail(error, endless && span->first >= limit ? AUGS_E_RANGE : AUGS_E_PLAN,
                          "strategy '%.200s', step %llu: the span first %llu, stride %llu, count "
                          "%llu is empty or leaves the %llu positions that there are",
                          plan->ops->name, (unsigned long long)step,
                          (unsigned long long)span->first, (unsigned long long)span->stride,
                          (unsigned long long)span->count, (unsigned long long)limit);
    }
    return AUGS_OK;
}

static augs_plan_facts facts_of(const augsi_plan *plan, const augsi_lane *lane, uint64_t step)
{
    const uint64_t covered = plan->walk != NULL ? augsi_span_check_position(&plan->walk->check) : 0;
    const bool endless = lane->n_planned == AUGS_ENDLESS;
    return (augs_plan_facts){
        .size = sizeof(augs_plan_facts),
        .world_size = lane->world_size,
        .n_samples = endless ? AUGS_ENDLESS : lane->n_planned - plan->base_position,
        .step = step - plan->base_step,
        .position = covered > plan->base_position ? covered - plan->base_position : 0,
        .sample_bytes = plan->sample_bytes,
        .memory_limit_bytes = plan->memory_limit_bytes,
        .memory_used_bytes = plan->memory_used_bytes,
        .memory_available_bytes = plan->memory_available_bytes};
}

/* The strategy's answer, which has to lie within the lane. It sees the positions from base_position
 * on as a plan of its own. */
int augsi_plan_ask(const augsi_plan *plan, const augsi_lane *lane, uint64_t step,
                   augs_span *ret_span, augs_error *error)
{
    if (step < plan->base_step) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "strategy '%.200s': step %llu lies before step %llu, at which the batch "
                          "size was changed",
                          plan->ops->name, (unsigned long long)step,
                          (unsigned long long)plan->base_step);
    }
    const augs_plan_facts facts = facts_of(plan, lane, step);
    augs_span span = {0, 1, 0};
    augs_error own;
    own.status = AUGS_OK;
    AUGSI_CALLER_BEGIN_IF(plan->of_caller);
    int status = plan->ops->plan(plan->state, &facts, &span, &own);
    AUGSI_CALLER_END;
    if (status <= 0) {
        return status < 0 ? fail_strategy(plan->ops->name, status, &own, error) : 0;
    }
    if (__builtin_add_overflow(span.first, plan->base_position, &span.first)) {
        span.count = 0;
    }
    status = augsi_plan_check_span(plan, lane, step, &span, error);
    if (status < 0) {
        return status;
    }
    *ret_span = span;
    return 1;
}

uint64_t augsi_plan_ask_filled(const augsi_plan *plan, const augsi_lane *lane, uint64_t step,
                               const augs_span *span)
{
    if (plan->strategy_options.last_batch != AUGS_LAST_BATCH_FILL ||
        plan->ops->full_count == NULL) {
        return 0;
    }
    const augs_plan_facts facts = facts_of(plan, lane, step);
    AUGSI_CALLER_BEGIN_IF(plan->of_caller);
    const uint64_t full = plan->ops->full_count(plan->state, &facts);
    AUGSI_CALLER_END;
    return full > span->count ? full - span->count : 0;
}

bool augsi_plan_layout(const augsi_plan *plan, const augsi_lane *lane, augsi_layout *ret_layout)
{
    const uint64_t n = lane->n_planned;
    return plan->layout_of != NULL &&
           plan->layout_of(plan->state, n == AUGS_ENDLESS ? n : n - plan->base_position,
                           lane->world_size, ret_layout, NULL) == AUGS_OK;
}

uint64_t augsi_plan_least_count(const augsi_plan *plan, uint32_t rank)
{
    if (plan->options.rank_layout == AUGS_RANK_LAYOUT_BLOCK ||
        plan->options.tail == AUGS_TAIL_PAD ||
        plan->strategy_options.last_batch == AUGS_LAST_BATCH_FILL) {
        return 1;
    }
    if (plan->options.tail == AUGS_TAIL_DROP) {
        return plan->options.world_size;
    }
    return rank == AUGSI_ALL_RANKS ? 1 : (uint64_t)rank + 1;
}

/* ---- where a plan ends ---- */

/* Looking for the last span of some size, this many steps or rounds are gone back at most: shipped
 * strategies need two, and a strategy of the caller's own that needs more has no last batch
 * flagged.
 */
#define MOST_ROUNDS 4096

/*
 * n_steps without the steps at its end whose spans have less than `least` positions. Counts never
 * rise within a round, so each round takes a bisection.
 */
uint64_t augsi_plan_without_short_end(const augsi_plan *plan, const augsi_lane *lane,
                                      uint64_t n_steps, uint64_t least)
{
    augs_span span;
    if (least <= 1 || n_steps == plan->base_step || n_steps == UINT64_MAX) {
        return n_steps;
    }
    if (plan->options.strategy_ops == NULL &&
        (augsi_plan_ask(plan, lane, plan->base_step, &span, NULL) != 1 || span.count < least)) {
        return plan->base_step; /* no span of a shipped strategy is larger than its first */
    }
    for (int i = 0; i < MOST_ROUNDS && n_steps > plan->base_step; i++) {
        if (augsi_plan_ask(plan, lane, n_steps - 1, &span, NULL) != 1 || span.count >= least) {
            return n_steps;
        }
        const uint64_t n_own = n_steps - plan->base_step;
        uint64_t low = plan->base_step + (span.stride < n_own ? n_own - span.stride : 0);
        uint64_t high = n_steps - 1;
        if (augsi_plan_ask(plan, lane, low, &span, NULL) != 1 || span.count < least) {
            n_steps = low;
            continue;
        }
        while (high - low > 1) { /* low has enough, high has not */
            uint64_t middle = low + (high - low) / 2;
            bool enough =
                augsi_plan_ask(plan, lane, middle, &span, NULL) == 1 && span.count >= least;
            low = enough ? middle : low;
            high = enough ? high : middle;
        }
        return low + 1;
    }
    return n_steps;
}

/* By doubling and bisection. */
int augsi_plan_find_end(const augsi_plan *plan, const augsi_lane *lane, uint64_t *ret_n_steps,
                        augs_error *error)
{
    const uint64_t base = plan->base_step;
    uint64_t low = base, high = base + 1; /* step low - 1 exists */
    augs_span span;
    int status;
    while ((status = augsi_plan_ask(plan, lane, high - 1, &span, error)) > 0) {
        if (high - base > lane->n_planned - plan->base_position) {
            return augsi_fail(error, AUGS_E_PLAN,
                              "strategy '%.200s' has a step %llu, but %llu positions only",
                              plan->ops->name, (unsigned long long)(high - 1),
                              (unsigned long long)lane->n_planned);
        }
        low = high;
        high = base + 2 * (high - base);
    }
    while (status == 0 && high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        status = augsi_plan_ask(plan, lane, middle - 1, &span, error);
        low = status > 0 ? middle : low;
        high = status > 0 ? high : middle;
        status = status < 0 ? status : 0;
    }
    if (status == 0) {
        *ret_n_steps = low;
    }
    return status;
}

int augsi_plan_count_steps(augsi_plan *plan, augs_error *error)
{
    const augsi_lane longest = augsi_plan_lane(plan, 0);
    const augsi_lane shortest = augsi_plan_lane(plan, plan->options.world_size - 1);
    augs_span span;
    /* what a strategy refuses it refuses at step 0, on the shortest block as well */
    int status = augsi_plan_ask(plan, &shortest, plan->base_step, &span, error);
    if (status < 0) {
        return status;
    }
    if (plan->n_samples == AUGS_ENDLESS) {
        plan->n_steps = UINT64_MAX;
        return AUGS_OK;
    }
    uint64_t n_steps = 0;
    augsi_layout layout;
    if (augsi_plan_layout(plan, &longest, &layout)) {
        plan->n_steps =
            plan->base_step + augsi_layout_end(&layout, augsi_plan_least_count(plan, 0));
        return AUGS_OK;
    }
    status = augsi_plan_find_end(plan, &longest, &n_steps, error);
    if (status == AUGS_OK) {
        plan->n_steps =
            augsi_plan_without_short_end(plan, &longest, n_steps, augsi_plan_least_count(plan, 0));
    }
    return status;
}

/* At the end of a plan nothing may be missing, but for what last_batch leaves out there. */
int augsi_plan_check_end(const augsi_plan *plan, const augsi_lane *lane,
                         const augsi_span_check *check, uint64_t step, augs_error *error)
{
    const uint64_t covered = augsi_span_check_position(check);
    if (augsi_span_check_is_whole(check) &&
        (covered == lane->n_planned || plan->strategy_options.last_batch == AUGS_LAST_BATCH_DROP)) {
        return 0;
    }
    return augsi_fail(error, AUGS_E_PLAN,
                      "strategy '%.200s' ends at step %llu with %llu of %llu positions planned",
                      plan->ops->name, (unsigned long long)step, (unsigned long long)covered,
                      (unsigned long long)lane->n_planned);
}
