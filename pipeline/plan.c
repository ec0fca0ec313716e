/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include <string.h>

#include "fail.h"
#include "memory.h"
#include "plan_impl.h"

static int check_options(const augs_plan_options *options, const augs_strategy_ops *ops,
                         uint64_t n_samples, augs_error *error)
{
    if (options->shard > AUGS_SHARD_BLOCK) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "plan: shard %u; accepted: 0 interleaved, 1 block", options->shard);
    }
    if (options->tail > AUGS_TAIL_UNEVEN) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "plan: tail %u; accepted: 0 pad, 1 drop, 2 uneven", options->tail);
    }
    if (options->shard == AUGS_SHARD_BLOCK && n_samples == AUGS_ENDLESS) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "plan: an endless stream has no blocks; use interleaved shards, or a "
                          "number of positions");
    }
    if (options->shard == AUGS_SHARD_BLOCK && (ops->flags & AUGS_STRATEGY_FIXED) == 0) {
        return augsi_fail(
            error, AUGS_E_ARGUMENT,
            "plan: strategy '%.40s' decides as it goes; block shards need a fixed one, "
            "such as sequential",
            ops->name);
    }
    return AUGS_OK;
}

static int init_strategy(augsi_plan *plan, augs_error *error)
{
    plan->state = augsi_new(&plan->allocator, plan->ops->state_size);
    if (plan->state == NULL) {
        return augsi_fail_memory(error, plan->ops->state_size);
    }
    augs_error own;
    own.status = AUGS_OK;
    int status = plan->ops->init(plan->state, &plan->strategy_options, &own);
    if (status < 0) {
        augsi_delete(&plan->allocator, plan->state, plan->ops->state_size);
        plan->state = NULL;
        return augsi_plan_fail_planner(plan->ops->name, status, &own, error);
    }
    return status;
}

static void done_strategy(augsi_plan *plan)
{
    if (plan->state != NULL) {
        if (plan->ops->done != NULL) {
            plan->ops->done(plan->state);
        }
        augsi_delete(&plan->allocator, plan->state, plan->ops->state_size);
        plan->state = NULL;
    }
}

/* Options of this version's size, or all zero for the defaults. */
static int check_sizes(const augs_plan_options *options, augs_error *error)
{
    static const augs_plan_options zero = {.size = 0};
    const augs_strategy_options *of_strategy = options->strategy_options;
    if (options->size < sizeof *options && memcmp(options, &zero, sizeof zero) != 0) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "plan: size %u; it must be sizeof(augs_plan_options), or everything zero",
                          options->size);
    }
    if (of_strategy != NULL && of_strategy->size < sizeof *of_strategy) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "plan: strategy_options.size %u; it must be "
                          "sizeof(augs_strategy_options)",
                          of_strategy->size);
    }
    return AUGS_OK;
}

static int check_window(uint64_t first_position, uint64_t n_samples, augs_error *error)
{
    if (first_position > AUGS_MAX_SAMPLES ||
        (n_samples != AUGS_ENDLESS && n_samples > AUGS_MAX_SAMPLES - first_position)) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "plan: %llu positions from %llu on; positions are below 2^56",
                          (unsigned long long)n_samples, (unsigned long long)first_position);
    }
    return AUGS_OK;
}

static int find_strategy(const augs_plan_options *options, const augs_strategy_ops **ret_ops,
                         augs_error *error)
{
    if (options->strategy_ops == NULL) {
        return augs_strategy_find(options->strategy != NULL ? options->strategy : "sequential",
                                  ret_ops, error);
    }
    const augs_strategy_ops *ops = options->strategy_ops;
    if (ops->size < sizeof *ops || ops->name == NULL || ops->init == NULL || ops->plan == NULL) {
        return augsi_fail(
            error, AUGS_E_ARGUMENT,
            "plan: strategy_ops needs size = sizeof(augs_strategy_ops), name, init and plan");
    }
    *ret_ops = ops;
    return AUGS_OK;
}

static void copy_options(augsi_plan *plan, const augs_plan_options *options,
                         const augs_strategy_ops *ops)
{
    plan->options = *options;
    plan->options.world_size = options->world_size != 0 ? options->world_size : 1;
    plan->options.strategy = ops->name;
    if (options->strategy_options != NULL) {
        plan->strategy_options = *options->strategy_options;
    }
    plan->strategy_options.size = sizeof plan->strategy_options;
    plan->options.strategy_options = &plan->strategy_options;
    plan->ops = ops;
}

int augsi_plan_open(const augs_allocator *allocator, const augs_plan_options *options,
                    uint64_t first_position, uint64_t n_samples, uint64_t sample_bytes,
                    augsi_plan **ret_plan, augs_error *error)
{
    static const augs_plan_options defaults = {.size = sizeof defaults};
    const augs_strategy_ops *ops = NULL;
    options = options != NULL ? options : &defaults;
    int status = check_sizes(options, error);
    status = status < 0 ? status : check_window(first_position, n_samples, error);
    status = status < 0 ? status : find_strategy(options, &ops, error);
    status = status < 0 ? status : check_options(options, ops, n_samples, error);
    if (status < 0) {
        return status;
    }
    augsi_plan *plan = augsi_new(allocator, sizeof *plan);
    if (plan == NULL) {
        return augsi_fail_memory(error, sizeof *plan);
    }
    plan->allocator = *allocator;
    plan->first_position = first_position;
    plan->n_samples = n_samples;
    plan->sample_bytes = sample_bytes;
    copy_options(plan, options, ops);
    augsi_span_check_init(&plan->check);
    status = init_strategy(plan, error);
    if (status >= 0 && augsi_plan_is_fixed(plan)) {
        status = augsi_plan_count_steps(plan, error);
    }
    if (status < 0) {
        augsi_plan_free(plan);
        return status;
    }
    *ret_plan = plan;
    return AUGS_OK;
}

void augsi_plan_free(augsi_plan *plan)
{
    if (plan != NULL) {
        augs_allocator allocator = plan->allocator;
        augsi_journal_free(plan->ahead);
        done_strategy(plan);
        augsi_delete(&allocator, plan, sizeof *plan);
    }
}

const augs_plan_options *augsi_plan_options_of(const augsi_plan *plan)
{
    return &plan->options;
}

uint64_t augsi_plan_first_position(const augsi_plan *plan)
{
    return plan->first_position;
}

uint64_t augsi_plan_n_samples(const augsi_plan *plan)
{
    return plan->n_samples;
}

bool augsi_plan_is_fixed(const augsi_plan *plan)
{
    return (plan->ops->flags & AUGS_STRATEGY_FIXED) != 0;
}

uint64_t augsi_plan_n_steps(const augsi_plan *plan)
{
    return augsi_plan_is_fixed(plan) ? plan->n_steps : 0;
}

int augsi_plan_check_step(augsi_plan *plan, uint64_t step, uint32_t rank, augsi_span_check *check,
                          augs_error *error)
{
    const augsi_lane lane = augsi_plan_lane(plan, rank);
    augs_span span;
    int status = augsi_plan_ask(plan, &lane, step, &span, error);
    if (status == 0) {
        return augsi_plan_check_end(plan, &lane, check, step, error);
    }
    if (status > 0) {
        status = augsi_span_check_add(check, &span, plan->ops->name, step, error);
    }
    return status < 0 ? status : 1;
}

static int span_of(augsi_plan *plan, const augsi_lane *lane, uint64_t step, augs_span *ret_span,
                   augs_error *error)
{
    return augsi_plan_is_fixed(plan) ? augsi_plan_ask(plan, lane, step, ret_span, error)
                                     : augsi_plan_next_span(plan, step, ret_span, error);
}

int augsi_plan_span(augsi_plan *plan, uint64_t step, uint32_t rank, augs_span *ret_span,
                    augs_error *error)
{
    const augsi_lane lane = augsi_plan_lane(plan, rank);
    augs_span span;
    int status = span_of(plan, &lane, step, &span, error);
    if (status > 0) {
        span.first += plan->first_position + lane.start;
        *ret_span = span;
    }
    return status;
}

/* Elements r, r + W, ... of a span, and what the tail does. */
static void deal(const augsi_plan *plan, const augs_span *span, uint32_t rank, augsi_slice *slice)
{
    const uint64_t w = plan->options.world_size;
    uint64_t count = span->count;
    if (plan->options.tail == AUGS_TAIL_DROP) {
        count -= count % w;
    }
    uint64_t owned = rank < count ? (count - rank + w - 1) / w : 0;
    slice->body = (augs_span){.first = plan->first_position + span->first + span->stride * rank,
                              .stride = span->stride * w,
                              .count = owned};
    if (plan->options.tail == AUGS_TAIL_PAD && owned < (count + w - 1) / w) {
        slice->pad_count = 1;
        slice->pad_first = plan->first_position + (owned * w + rank - count) % plan->n_samples;
    }
}

/* A span of a rank's own block; only its last element can lie in the padding. */
static void cut_block(const augsi_plan *plan, const augsi_lane *lane, const augs_span *span,
                      augsi_slice *slice)
{
    slice->body = (augs_span){.first = plan->first_position + lane->start + span->first,
                              .stride = span->stride,
                              .count = span->count};
    if (span->first + span->stride * (span->count - 1) >= lane->n_owned) {
        slice->body.count--;
        slice->pad_count = 1;
        slice->pad_first = plan->first_position;
    }
}

/* Whether no later step has samples for the rank. */
static bool is_last(const augsi_plan *plan, const augsi_lane *lane, uint64_t step, uint32_t rank)
{
    if (!augsi_plan_is_fixed(plan)) {
        return augsi_span_check_is_whole(&plan->check) && plan->check.next >= plan->n_samples;
    }
    if (step + 1 >= plan->n_steps) {
        return true;
    }
    const uint64_t least = augsi_plan_least_count(plan, rank);
    augs_span after;
    int status = augsi_plan_ask(plan, lane, step + 1, &after, NULL);
    if (status <= 0 || after.count >= least) {
        return status == 0; /* a shorter block has no such step */
    }
    return augsi_plan_without_short_end(plan, lane, plan->n_steps, least) <= step + 1;
}

int augsi_plan_slice(augsi_plan *plan, uint64_t step, uint32_t rank, augsi_slice *ret_slice,
                     augs_error *error)
{
    const bool block = plan->options.shard == AUGS_SHARD_BLOCK;
    const augsi_lane lane = augsi_plan_lane(plan, rank);
    if (augsi_plan_is_fixed(plan) && step >= plan->n_steps) {
        return 0;
    }
    augs_span span;
    augsi_slice slice = {.body = {0, 1, 0}};
    int status = span_of(plan, &lane, step, &span, error);
    if (status < 0 || (status == 0 && !block)) {
        return status;
    }
    if (status == 0) { /* a shorter block has ended: the step exists, but not for this rank */
        slice.body.first = plan->first_position + lane.start + lane.n_owned;
        slice.last = true;
        *ret_slice = slice;
        return 1;
    }
    slice.last = is_last(plan, &lane, step, rank);
    if (block) {
        cut_block(plan, &lane, &span, &slice);
    } else {
        deal(plan, &span, rank, &slice);
    }
    if (slice.last && !augsi_plan_is_fixed(plan) && plan->options.tail == AUGS_TAIL_DROP &&
        span.count < plan->options.world_size) {
        return 0; /* cut to nothing, at the end */
    }
    *ret_slice = slice;
    return 1;
}

bool augsi_plan_is_over(augsi_plan *plan, uint64_t step, uint32_t rank)
{
    augsi_slice slice;
    if (!augsi_plan_is_fixed(plan)) {
        return step == plan->n_planned && augsi_span_check_is_whole(&plan->check) &&
               plan->check.next >= plan->n_samples;
    }
    if (step >= plan->n_steps) {
        return true;
    }
    return step > plan->base_step && augsi_plan_slice(plan, step - 1, rank, &slice, NULL) == 1 &&
           slice.last;
}

static int check_recent(const augsi_plan *plan, uint64_t step, augs_error *error)
{
    if (augsi_plan_is_fixed(plan) || step >= plan->n_planned ||
        plan->n_planned - step > AUGS_FEEDBACK_BATCHES) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "strategy '%.40s': step %llu is none of the last %u that were planned",
                          plan->ops->name, (unsigned long long)step, AUGS_FEEDBACK_BATCHES);
    }
    return AUGS_OK;
}

int augsi_plan_span_again(augsi_plan *plan, uint64_t step, augs_span *ret_span, augs_error *error)
{
    int status = check_recent(plan, step, error);
    if (status == AUGS_OK) {
        *ret_span = plan->recent[step % AUGS_FEEDBACK_BATCHES];
        ret_span->first += plan->first_position;
    }
    return status;
}

int augsi_plan_slice_again(augsi_plan *plan, uint64_t step, uint32_t rank, augsi_slice *ret_slice,
                           augs_error *error)
{
    int status = check_recent(plan, step, error);
    if (status == AUGS_OK) {
        *ret_slice = (augsi_slice){.body = {0, 1, 0}};
        deal(plan, &plan->recent[step % AUGS_FEEDBACK_BATCHES], rank, ret_slice);
    }
    return status;
}

int augsi_plan_set_batch_size(augsi_plan *plan, uint64_t batch_size, uint64_t step,
                              uint64_t position, augs_error *error)
{
    const bool fixed = augsi_plan_is_fixed(plan);
    if (plan->options.strategy_ops != NULL ||
        (fixed && (strcmp(plan->ops->name, "sequential") != 0 ||
                   plan->options.shard != AUGS_SHARD_INTERLEAVED))) {
        return augsi_fail(error, AUGS_E_UNSUPPORTED,
                          "strategy '%.40s'%s has no batch size that can be changed between two "
                          "batches",
                          plan->ops->name, fixed ? " over these shards" : "");
    }
    augsi_plan changed = *plan;
    changed.strategy_options.batch_size = batch_size;
    changed.state = NULL;
    int status = init_strategy(&changed, error);
    if (status == AUGS_OK && fixed) {
        changed.base_step = step;
        changed.base_position = position;
        status = augsi_plan_count_steps(&changed, error);
    }
    if (status < 0) {
        done_strategy(&changed);
        return status;
    }
    if (changed.ops->inherit != NULL) {
        changed.ops->inherit(changed.state, plan->state);
    }
    changed.decided = false;
    done_strategy(plan);
    *plan = changed;
    plan->options.strategy_options = &plan->strategy_options;
    return AUGS_OK;
}

uint64_t augsi_plan_position(augsi_plan *plan, uint64_t step, uint32_t rank)
{
    augsi_slice slice;
    if (augsi_plan_slice(plan, step, rank, &slice, NULL) == 1) {
        return slice.body.first;
    }
    /* a rank that has padding alone in the last span is not at the end yet: its body would start up
     * to its rank behind */
    return plan->first_position + plan->n_samples +
           (plan->options.shard == AUGS_SHARD_INTERLEAVED ? rank : 0);
}

uint64_t augsi_plan_base_step(const augsi_plan *plan)
{
    return plan->base_step;
}

void augsi_plan_forget_base(augsi_plan *plan)
{
    if (plan->base_step != 0) {
        plan->base_step = plan->base_position = 0;
        augsi_plan_count_steps(plan, NULL); /* what it accepted for a part it does for the whole */
    }
}

uint64_t augsi_plan_n_left_out(augsi_plan *plan, uint32_t rank)
{
    const augsi_lane lane = augsi_plan_lane(plan, rank);
    if (lane.n_planned == AUGS_ENDLESS) {
        return 0;
    }
    if (!augsi_plan_is_fixed(plan)) {
        return plan->end_noted ? lane.n_planned - augsi_span_check_position(&plan->check) : 0;
    }
    if (plan->strategy_options.drop_last == 0) {
        return 0;
    }
    /* what is left out is an end, so the last span tells: its last position is the last of all */
    uint64_t n_steps = plan->base_step;
    augs_span span;
    if (augsi_plan_find_end(plan, &lane, &n_steps, NULL) < 0 || n_steps == plan->base_step ||
        augsi_plan_ask(plan, &lane, n_steps - 1, &span, NULL) != 1) {
        return lane.n_planned - plan->base_position;
    }
    return lane.n_planned - (span.first + span.stride * (span.count - 1) + 1);
}
