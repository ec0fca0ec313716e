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

/* Hands on how a planner's own function failed, with a message if it wrote none. */
static int fail_planner(const char *name, int status, const augs_error *own, augs_error *error)
{
    if (own->status != status) {
        return augsi_fail(error, status, "strategy '%.40s' failed with %s", name,
                          augs_status_name(status));
    }
    if (error != NULL) {
        *error = *own;
    }
    return status;
}

/* The planner's answer, which has to lie within the lane. */
static int ask(const augsi_plan *plan, const rank_lane *lane, uint64_t step, augs_span *ret_span,
               augs_error *error)
{
    const bool endless = lane->n_planned == AUGS_ENDLESS;
    const uint64_t limit = endless ? AUGS_MAX_SAMPLES - plan->first_position : lane->n_planned;
    const augs_plan_facts facts = {.size = sizeof facts,
                                   .world_size = lane->world_size,
                                   .n_samples = lane->n_planned,
                                   .step = step,
                                   .position = augsi_span_check_position(&plan->check),
                                   .sample_bytes = plan->sample_bytes};
    augs_span span = {0, 1, 0};
    augs_error own;
    own.status = AUGS_OK;
    int status = plan->ops->plan(plan->state, &facts, &span, &own);
    if (status <= 0) {
        return status < 0 ? fail_planner(plan->ops->name, status, &own, error) : 0;
    }
    if (span.count == 0 || span.stride == 0 || span.first >= limit ||
        (span.count > 1 && (limit - 1 - span.first) / span.stride < span.count - 1)) {
        return augsi_fail(error, endless && span.first >= limit ? AUGS_E_RANGE : AUGS_E_PLAN,
                          "strategy '%.40s', step %llu: the span first %llu, stride %llu, count "
                          "%llu is empty or leaves the %llu positions that there are",
                          plan->ops->name, (unsigned long long)step, (unsigned long long)span.first,
                          (unsigned long long)span.stride, (unsigned long long)span.count,
                          (unsigned long long)limit);
    }
    *ret_span = span;
    return 1;
}

/* The least count of a span that has a sample for the rank after the tail was cut. */
static uint64_t least_count(const augsi_plan *plan, uint32_t rank)
{
    if (plan->options.shard == AUGS_SHARD_BLOCK || plan->options.tail == AUGS_TAIL_PAD) {
        return 1;
    }
    return plan->options.tail == AUGS_TAIL_DROP ? plan->options.world_size : (uint64_t)rank + 1;
}

/* Looking for the last span of some size, this many steps or combs are gone back at most: shipped
 * strategies need two, and a planner of the caller's own that needs more has no last batch flagged.
 */
#define MOST_COMBS 4096

/*
 * n_steps without the steps at its end whose spans have less than `least` positions. Counts never
 * rise within a comb, so each comb takes a bisection.
 */
static uint64_t without_short_end(const augsi_plan *plan, const rank_lane *lane, uint64_t n_steps,
                                  uint64_t least)
{
    augs_span span;
    if (least <= 1 || n_steps == 0 || n_steps == UINT64_MAX) {
        return n_steps;
    }
    if (plan->options.strategy_ops == NULL &&
        (ask(plan, lane, 0, &span, NULL) != 1 || span.count < least)) {
        return 0; /* no span of a shipped strategy is larger than its first */
    }
    for (int i = 0; i < MOST_COMBS && n_steps > 0; i++) {
        if (ask(plan, lane, n_steps - 1, &span, NULL) != 1 || span.count >= least) {
            return n_steps;
        }
        uint64_t low = span.stride < n_steps ? n_steps - span.stride : 0, high = n_steps - 1;
        if (ask(plan, lane, low, &span, NULL) != 1 || span.count < least) {
            n_steps = low;
            continue;
        }
        while (high - low > 1) { /* low has enough, high has not */
            uint64_t middle = low + (high - low) / 2;
            bool enough = ask(plan, lane, middle, &span, NULL) == 1 && span.count >= least;
            low = enough ? middle : low;
            high = enough ? high : middle;
        }
        return low + 1;
    }
    return n_steps;
}

/* The first step of a fixed plan of n positions that does not exist, by doubling and bisection. */
static int find_end(const augsi_plan *plan, const rank_lane *lane, uint64_t *ret_n_steps,
                    augs_error *error)
{
    uint64_t low = 0, high = 1; /* step low - 1 exists */
    augs_span span;
    int status;
    while ((status = ask(plan, lane, high - 1, &span, error)) > 0) {
        if (high > lane->n_planned) {
            return augsi_fail(error, AUGS_E_PLAN,
                              "strategy '%.40s' has a step %llu, but %llu positions only",
                              plan->ops->name, (unsigned long long)(high - 1),
                              (unsigned long long)lane->n_planned);
        }
        low = high;
        high *= 2;
    }
    while (status == 0 && high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        status = ask(plan, lane, middle - 1, &span, error);
        low = status > 0 ? middle : low;
        high = status > 0 ? high : middle;
        status = status < 0 ? status : 0;
    }
    if (status == 0) {
        *ret_n_steps = low;
    }
    return status;
}

static int count_steps(augsi_plan *plan, augs_error *error)
{
    const rank_lane longest = lane_of(plan, 0);
    const rank_lane shortest = lane_of(plan, plan->options.world_size - 1);
    augs_span span;
    /* what a strategy refuses it refuses at step 0, on the shortest block as well */
    int status = ask(plan, &shortest, 0, &span, error);
    if (status < 0) {
        return status;
    }
    if (plan->n_samples == AUGS_ENDLESS) {
        plan->n_steps = UINT64_MAX;
        return AUGS_OK;
    }
    uint64_t n_steps = 0;
    status = find_end(plan, &longest, &n_steps, error);
    if (status == AUGS_OK) {
        plan->n_steps = without_short_end(plan, &longest, n_steps, least_count(plan, 0));
    }
    return status;
}

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
        return fail_planner(plan->ops->name, status, &own, error);
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

uint64_t augsi_plan_n_planned(const augsi_plan *plan)
{
    return plan->n_planned;
}

/* At the end of a plan nothing may be missing, but for what drop_last leaves out there. */
static int check_end(const augsi_plan *plan, const rank_lane *lane, const augsi_span_check *check,
                     uint64_t step, augs_error *error)
{
    const uint64_t covered = augsi_span_check_position(check);
    if (augsi_span_check_is_whole(check) &&
        (covered == lane->n_planned || plan->strategy_options.drop_last != 0)) {
        return 0;
    }
    return augsi_fail(error, AUGS_E_PLAN,
                      "strategy '%.40s' ends at step %llu with %llu of %llu positions planned",
                      plan->ops->name, (unsigned long long)step, (unsigned long long)covered,
                      (unsigned long long)lane->n_planned);
}

static int check_add(const augsi_plan *plan, const rank_lane *lane, uint64_t step,
                     augsi_span_check *check, augs_span *ret_span, augs_error *error)
{
    int status = ask(plan, lane, step, ret_span, error);
    if (status == 0) {
        return check_end(plan, lane, check, step, error);
    }
    if (status > 0) {
        status = augsi_span_check_add(check, ret_span, plan->ops->name, step, error);
    }
    return status < 0 ? status : 1;
}

int augsi_plan_check_step(augsi_plan *plan, uint64_t step, uint32_t rank, augsi_span_check *check,
                          augs_error *error)
{
    const rank_lane lane = lane_of(plan, rank);
    augs_span span;
    return check_add(plan, &lane, step, check, &span, error);
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
                          "strategy '%.40s' plans in order: step %llu was asked for, %llu are "
                          "planned",
                          plan->ops->name, (unsigned long long)step,
                          (unsigned long long)plan->n_planned);
    }
    const rank_lane lane = lane_of(plan, 0);
    augs_span span;
    int status = check_add(plan, &lane, step, &plan->check, &span, error);
    if (status > 0) {
        plan->last = span;
        plan->n_planned++;
        *ret_span = span;
    }
    return status;
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

/* Whether no later step has samples for the rank. */
static bool is_last(const augsi_plan *plan, const rank_lane *lane, uint64_t step, uint32_t rank)
{
    if (!augsi_plan_is_fixed(plan)) {
        return augsi_span_check_is_whole(&plan->check) && plan->check.next >= plan->n_samples;
    }
    if (step + 1 >= plan->n_steps) {
        return true;
    }
    const uint64_t least = least_count(plan, rank);
    augs_span after;
    int status = ask(plan, lane, step + 1, &after, NULL);
    if (status <= 0 || after.count >= least) {
        return status == 0; /* a shorter block has no such step */
    }
    return without_short_end(plan, lane, plan->n_steps, least) <= step + 1;
}

int augsi_plan_slice(augsi_plan *plan, uint64_t step, uint32_t rank, augsi_slice *ret_slice,
                     augs_error *error)
{
    const bool block = plan->options.shard == AUGS_SHARD_BLOCK;
    const rank_lane lane = lane_of(plan, rank);
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

void augsi_plan_observe(augsi_plan *plan, const augs_feedback *feedback)
{
    if (plan->ops->observe != NULL) {
        plan->ops->observe(plan->state, feedback);
    }
}

void augsi_plan_restart(augsi_plan *plan)
{
    plan->n_planned = 0;
    augsi_span_check_init(&plan->check);
}
