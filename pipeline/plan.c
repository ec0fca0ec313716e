/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include <string.h>

#include "fail.h"
#include "memory.h"

struct augsi_plan {
    augs_allocator allocator;
    augs_plan_options options;
    augs_strategy_options strategy_options;
    const augs_strategy_ops *ops;
    void *state;
    uint64_t first_position, n_samples, sample_bytes;
    uint64_t n_steps;       /* fixed plans */
    uint64_t n_planned;     /* others: steps planned so far, */
    augs_span last;         /* the last of them, */
    augsi_span_check check; /* and what they cover */
};

/* The part of the window that is planned, seen from a rank: all of it, or its block. */
typedef struct rank_lane {
    uint64_t start;     /* in the window */
    uint64_t n_owned;   /* positions of its own */
    uint64_t n_planned; /* with padding, or cut */
    uint32_t world_size;
} rank_lane;

static rank_lane lane_of(const augsi_plan *plan, uint32_t rank)
{
    const uint64_t n = plan->n_samples, w = plan->options.world_size;
    if (plan->options.shard == AUGS_SHARD_INTERLEAVED) {
        return (rank_lane){.start = 0, .n_owned = n, .n_planned = n, .world_size = (uint32_t)w};
    }
    uint64_t each = n / w, longer = n % w;
    rank_lane lane = {.start = rank * each + (rank < longer ? rank : longer),
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

static int ask(const augsi_plan *plan, const rank_lane *lane, uint64_t step, augs_span *ret_span,
               augs_error *error)
{
    augs_plan_facts facts = {.size = sizeof facts,
                             .world_size = lane->world_size,
                             .n_samples = lane->n_planned,
                             .step = step,
                             .position = plan->check.next,
                             .sample_bytes = plan->sample_bytes};
    augs_span span = {0, 1, 0};
    int status = plan->ops->plan(plan->state, &facts, &span, error);
    if (status <= 0) {
        return status;
    }
    if (span.count == 0 || span.stride == 0 || span.first >= lane->n_planned ||
        (lane->n_planned - 1 - span.first) / span.stride < span.count - 1) {
        return augsi_fail(error, AUGS_E_PLAN,
                          "strategy '%s', step %llu: the span first %llu, stride %llu, count %llu "
                          "leaves the %llu positions",
                          plan->ops->name, (unsigned long long)step, (unsigned long long)span.first,
                          (unsigned long long)span.stride, (unsigned long long)span.count,
                          (unsigned long long)lane->n_planned);
    }
    *ret_span = span;
    return 1;
}

void augsi_span_check_init(augsi_span_check *check, bool may_drop)
{
    *check = (augsi_span_check){.may_drop = may_drop};
}

/* Continues the comb that was begun, or fails. */
static bool next_tooth(augsi_span_check *check, const augs_span *span)
{
    if (span->stride != check->stride || span->first != check->base + check->tooth ||
        span->count > check->count || span->count + 1 < check->first_count) {
        return false;
    }
    check->count = span->count;
    check->covered += span->count;
    if (++check->tooth == check->stride) {
        check->next = check->base + check->covered;
        check->stride = 1;
    }
    return true;
}

int augsi_span_check_add(augsi_span_check *check, const augs_span *span, const char *strategy,
                         uint64_t step, augs_error *error)
{
    if (check->stride > 1) {
        if (next_tooth(check, span)) {
            return AUGS_OK;
        }
        return augsi_fail(error, AUGS_E_PLAN,
                          "strategy '%s', step %llu: span first %llu, stride %llu, count %llu; "
                          "expected was first %llu, stride %llu, count %llu or one less",
                          strategy, (unsigned long long)step, (unsigned long long)span->first,
                          (unsigned long long)span->stride, (unsigned long long)span->count,
                          (unsigned long long)(check->base + check->tooth),
                          (unsigned long long)check->stride, (unsigned long long)check->count);
    }
    /* what drop_last leaves out at the end of a window is less than a stride */
    bool gap = check->may_drop && span->first > check->next &&
               span->first - check->next < check->last_stride;
    if (span->first != check->next && !gap) {
        return augsi_fail(error, AUGS_E_PLAN,
                          "strategy '%s', step %llu: span first %llu, stride %llu, count %llu; "
                          "expected was first %llu, the first position not planned",
                          strategy, (unsigned long long)step, (unsigned long long)span->first,
                          (unsigned long long)span->stride, (unsigned long long)span->count,
                          (unsigned long long)check->next);
    }
    check->last_stride = span->stride;
    if (span->stride == 1) {
        check->next = span->first + span->count;
        return AUGS_OK;
    }
    check->base = span->first;
    check->stride = span->stride;
    check->count = check->first_count = check->covered = span->count;
    check->tooth = 1;
    return AUGS_OK;
}

/* The number of steps of a fixed plan: the first one that does not exist, by doubling and
 * bisection. */
static int count_steps(augsi_plan *plan, augs_error *error)
{
    const rank_lane lane = lane_of(plan, 0); /* no block is longer than the first */
    uint64_t low = 0, high = 1;              /* step low - 1 exists */
    augs_span span;
    for (;;) {
        int status = ask(plan, &lane, high - 1, &span, error);
        if (status < 0) {
            return status;
        }
        if (status == 0) {
            break;
        }
        low = high;
        if (high >= UINT64_MAX / 4) {
            plan->n_steps = UINT64_MAX;
            return AUGS_OK;
        }
        high *= 2;
    }
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        int status = ask(plan, &lane, middle - 1, &span, error);
        if (status < 0) {
            return status;
        }
        if (status > 0) {
            low = middle;
        } else {
            high = middle;
        }
    }
    plan->n_steps = low;
    return AUGS_OK;
}

static int check_options(const augs_plan_options *options, const augs_strategy_ops *ops,
                         augs_error *error)
{
    if (options->shard > AUGS_SHARD_BLOCK) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "plan: shard %u; accepted: 0 interleaved, 1 block", options->shard);
    }
    if (options->tail > AUGS_TAIL_UNEVEN) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "plan: tail %u; accepted: 0 pad, 1 drop, 2 uneven", options->tail);
    }
    if (ops->size < sizeof *ops || ops->name == NULL || ops->init == NULL || ops->plan == NULL) {
        return augsi_fail(
            error, AUGS_E_ARGUMENT,
            "plan: strategy_ops needs size = sizeof(augs_strategy_ops), name, init and plan");
    }
    if (options->shard == AUGS_SHARD_BLOCK && (ops->flags & AUGS_STRATEGY_FIXED) == 0) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "plan: strategy '%s' decides as it goes; block shards need a fixed one, "
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
    int status = plan->ops->init(plan->state, &plan->strategy_options, error);
    if (status < 0) {
        augsi_delete(&plan->allocator, plan->state, plan->ops->state_size);
        plan->state = NULL;
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

int augsi_plan_open(const augs_allocator *allocator, const augs_plan_options *options,
                    uint64_t first_position, uint64_t n_samples, uint64_t sample_bytes,
                    augsi_plan **ret_plan, augs_error *error)
{
    static const augs_plan_options defaults = {.size = sizeof defaults};
    const augs_strategy_ops *ops = NULL;
    options = options != NULL && options->size != 0 ? options : &defaults;
    const augs_strategy_options *of_strategy = options->strategy_options;
    if (options->size < sizeof *options ||
        (of_strategy != NULL && of_strategy->size < sizeof *of_strategy)) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "plan: size must be sizeof(augs_plan_options), and "
                          "sizeof(augs_strategy_options) in its strategy_options");
    }
    int status = AUGS_OK;
    if (options->strategy_ops != NULL) {
        ops = options->strategy_ops;
    } else {
        status = augs_strategy_find(options->strategy != NULL ? options->strategy : "sequential",
                                    &ops, error);
    }
    if (status == AUGS_OK) {
        status = check_options(options, ops, error);
    }
    if (status < 0) {
        return status;
    }
    augsi_plan *plan = augsi_new(allocator, sizeof *plan);
    if (plan == NULL) {
        return augsi_fail_memory(error, sizeof *plan);
    }
    plan->allocator = *allocator;
    plan->options = *options;
    plan->options.world_size = options->world_size != 0 ? options->world_size : 1;
    plan->options.strategy = ops->name;
    plan->strategy_options = (augs_strategy_options){.size = sizeof plan->strategy_options};
    if (of_strategy != NULL) {
        plan->strategy_options = *of_strategy;
    }
    plan->options.strategy_options = &plan->strategy_options;
    plan->ops = ops;
    plan->first_position = first_position;
    plan->n_samples = n_samples;
    plan->sample_bytes = sample_bytes;
    augsi_span_check_init(&plan->check, plan->strategy_options.drop_last != 0);
    status = init_strategy(plan, error);
    if (status == AUGS_OK && augsi_plan_is_fixed(plan)) {
        status = count_steps(plan, error);
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
        done_strategy(plan);
        augsi_delete(&allocator, plan, sizeof *plan);
    }
}

const augs_plan_options *augsi_plan_options_of(const augsi_plan *plan)
{
    return &plan->options;
}

bool augsi_plan_is_fixed(const augsi_plan *plan)
{
    return (plan->ops->flags & AUGS_STRATEGY_FIXED) != 0;
}

uint64_t augsi_plan_n_steps(const augsi_plan *plan)
{
    return augsi_plan_is_fixed(plan) ? plan->n_steps : 0;
}

/* At the end of a plan: nothing may be missing, but for what drop_last leaves out. */
static int check_end(const augsi_plan *plan, const rank_lane *lane, const augsi_span_check *check,
                     uint64_t step, augs_error *error)
{
    if (check->stride <= 1 && (check->next == lane->n_planned || check->may_drop)) {
        return 0;
    }
    return augsi_fail(error, AUGS_E_PLAN,
                      "strategy '%s' ends at step %llu with %llu of %llu positions planned",
                      plan->ops->name, (unsigned long long)step,
                      (unsigned long long)(check->stride <= 1 ? check->next : check->base),
                      (unsigned long long)lane->n_planned);
}

int augsi_plan_check_step(augsi_plan *plan, uint64_t step, uint32_t rank, augsi_span_check *check,
                          augs_error *error)
{
    const rank_lane lane = lane_of(plan, rank);
    augs_span span;
    int status = ask(plan, &lane, step, &span, error);
    if (status == 0) {
        return check_end(plan, &lane, check, step, error);
    }
    if (status > 0) {
        status = augsi_span_check_add(check, &span, plan->ops->name, step, error);
    }
    return status < 0 ? status : 1;
}

/* The span of a step of a plan that decides as it goes. */
static int next_span(augsi_plan *plan, uint64_t step, augs_span *ret_span, augs_error *error)
{
    if (plan->n_planned > 0 && step + 1 == plan->n_planned) {
        *ret_span = plan->last;
        return 1;
    }
    if (step != plan->n_planned) {
        return augsi_fail(error, AUGS_E_STATE,
                          "strategy '%s' plans in order: step %llu was asked for, %llu are planned",
                          plan->ops->name, (unsigned long long)step,
                          (unsigned long long)plan->n_planned);
    }
    const rank_lane lane = lane_of(plan, 0);
    augs_span span;
    int status = ask(plan, &lane, step, &span, error);
    if (status == 0) {
        return check_end(plan, &lane, &plan->check, step, error);
    }
    if (status > 0) {
        status = augsi_span_check_add(&plan->check, &span, plan->ops->name, step, error);
    }
    if (status < 0) {
        return status;
    }
    plan->last = span;
    plan->n_planned++;
    *ret_span = span;
    return 1;
}

static int span_of(augsi_plan *plan, const rank_lane *lane, uint64_t step, augs_span *ret_span,
                   augs_error *error)
{
    return augsi_plan_is_fixed(plan) ? ask(plan, lane, step, ret_span, error)
                                     : next_span(plan, step, ret_span, error);
}

int augsi_plan_span(augsi_plan *plan, uint64_t step, uint32_t rank, augs_span *ret_span,
                    augs_error *error)
{
    const rank_lane lane = lane_of(plan, rank);
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
static void cut_block(const augsi_plan *plan, const rank_lane *lane, const augs_span *span,
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

int augsi_plan_slice(augsi_plan *plan, uint64_t step, uint32_t rank, augsi_slice *ret_slice,
                     augs_error *error)
{
    const rank_lane lane = lane_of(plan, rank);
    augs_span span, after;
    int status = span_of(plan, &lane, step, &span, error);
    augsi_slice slice = {.body = {0, 1, 0}};
    if (status == 0 && plan->options.shard == AUGS_SHARD_BLOCK && step < plan->n_steps) {
        /* a shorter block has ended: nothing for this rank, though the step exists */
        slice.body.first = plan->first_position + lane.start + lane.n_owned;
        slice.last = true;
        *ret_slice = slice;
        return 1;
    }
    if (status <= 0) {
        return status;
    }
    if (plan->options.shard == AUGS_SHARD_BLOCK) {
        cut_block(plan, &lane, &span, &slice);
    } else {
        deal(plan, &span, rank, &slice);
    }
    if (augsi_plan_is_fixed(plan)) {
        slice.last = ask(plan, &lane, step + 1, &after, NULL) == 0;
    } else {
        slice.last = plan->check.stride <= 1 && plan->check.next >= plan->n_samples;
    }
    *ret_slice = slice;
    return 1;
}

void augsi_plan_observe(augsi_plan *plan, const augs_feedback *feedback)
{
    if (plan->ops->observe != NULL) {
        plan->ops->observe(plan->state, feedback);
    }
}

void augsi_plan_restart(augsi_plan *plan)
{
    plan->n_planned = 0;
    augsi_span_check_init(&plan->check, plan->strategy_options.drop_last != 0);
}
