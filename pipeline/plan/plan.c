/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/plan/plan.h"

#include <stdio.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/sized_struct.h"
#include "pipeline/plan/plan_impl.h"

const char *augsi_last_batch_name(uint32_t last_batch)
{
    static const char *const names[] = {"keep", "drop", "fill", "merge"};
    return last_batch < sizeof names / sizeof *names ? names[last_batch] : "?";
}

/* ---- options ---- */

static int check_options(const augs_plan_options *options, const augs_strategy_ops *ops,
                         uint64_t n_samples, augs_error *error)
{
    if (options->rank_layout > AUGS_RANK_LAYOUT_BLOCK) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "plan: rank_layout %u; accepted: 0 interleaved, 1 block",
                          options->rank_layout);
    }
    if (options->tail > AUGS_TAIL_UNEVEN) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "plan: tail %u; accepted: 0 pad, 1 drop, 2 uneven", options->tail);
    }
    if (options->strategy_options != NULL && n_samples == AUGS_ENDLESS &&
        options->strategy_options->last_batch == AUGS_LAST_BATCH_FILL) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "plan: an endless stream has no last batch that last_batch fill could "
                          "fill; use keep, or a number of positions");
    }
    if (options->rank_layout == AUGS_RANK_LAYOUT_BLOCK && n_samples == AUGS_ENDLESS) {
        return augsi_fail(
            error, AUGS_E_ARGUMENT,
            "plan: an endless stream has no blocks; use rank_layout interleaved, or a "
            "number of positions");
    }
    if (options->rank_layout == AUGS_RANK_LAYOUT_BLOCK && (ops->flags & AUGS_STRATEGY_FIXED) == 0) {
        return augsi_fail(
            error, AUGS_E_ARGUMENT,
            "plan: strategy '%.200s' decides as it goes; rank_layout block needs a fixed one, "
            "such as sequential",
            ops->name);
    }
    return AUGS_OK;
}

/* The options and those of the strategy, which *ret_plan then points to. */
static int take_options(const augs_plan_options *given, augs_plan_options *ret_plan,
                        augs_strategy_options *ret_strategy, augs_error *error)
{
    int status = AUGSI_TAKE(augs_plan_options, given, ret_plan, error);
    if (status == AUGS_OK) {
        status = AUGSI_TAKE(augs_strategy_options, ret_plan->strategy_options, ret_strategy, error);
        ret_plan->strategy_options = ret_strategy;
    }
    return status;
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

/* A strategy of the caller's own is copied, its members not known here are left out. */
static int find_strategy(const augs_plan_options *options, augs_strategy_ops *copy,
                         const augs_strategy_ops **ret_ops, augs_error *error)
{
    if (options->strategy_ops == NULL) {
        return augs_strategy_find(options->strategy != NULL ? options->strategy : "sequential",
                                  ret_ops, error);
    }
    int status = AUGSI_TAKE(augs_strategy_ops, options->strategy_ops, copy, error);
    if (status < 0) {
        return status;
    }
    if (copy->name == NULL || copy->init == NULL || copy->plan == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "plan: strategy_ops needs name, init and plan");
    }
    *ret_ops = copy;
    return AUGS_OK;
}

static void copy_options(augsi_plan *plan, const augs_plan_options *options,
                         const augs_strategy_ops *ops)
{
    plan->options = *options;
    plan->options.world_size = options->world_size != 0 ? options->world_size : 1;
    plan->strategy_options = *options->strategy_options;
    plan->options.strategy_options = &plan->strategy_options;
    plan->ops = ops;
    if (options->strategy_ops != NULL) {
        plan->ops_copy = *ops;
        plan->ops = &plan->ops_copy;
    }
    plan->of_caller =
        options->strategy_ops != NULL && options->strategy_ops != &augsi_strategy_replay;
    plan->options.strategy = plan->ops->name;
    plan->layout_of = augsi_strategy_layout(plan->ops);
}

/* ---- a plan that delivers nothing ---- */

/* Samples per rank without which no batch is made. */
static uint64_t least_batch(const augsi_plan *plan)
{
    const augs_strategy_options *options = &plan->strategy_options;
    const uint64_t min = options->min_batch_size != 0 ? options->min_batch_size : 1;
    const uint64_t step = options->multiple_of != 0 ? options->multiple_of : 1;
    return augsi_mul_or_most(augsi_groups_of(min, step), step);
}

/* How many positions last_batch `drop` needs before it makes a batch, of a lane; 0: any. */
static uint64_t needed_for_batch(const augsi_plan *plan, const augsi_lane *lane)
{
    const augs_strategy_options *options = &plan->strategy_options;
    const augs_plan_facts facts = {
        .size = sizeof facts, .world_size = lane->world_size, .n_samples = lane->n_planned};
    if (options->last_batch != AUGS_LAST_BATCH_DROP || plan->options.strategy_ops != NULL) {
        return 0;
    }
    if (!augsi_plan_is_fixed(plan)) {
        return augsi_mul_or_most(least_batch(plan), lane->world_size);
    }
    if (options->batches != 0) {
        return options->deal_window != 0 ? options->deal_window : options->batches;
    }
    return plan->ops->full_count(plan->state, &facts);
}

/* A plan of at least one position that gives no rank anything is a mistake. */
static int check_delivers(const augsi_plan *plan, augs_error *error)
{
    const augsi_lane lane = augsi_plan_lane(plan, 0);
    const uint64_t n = plan->n_samples, w = plan->options.world_size;
    const uint64_t needed = needed_for_batch(plan, &lane);
    const bool cuts = plan->options.tail == AUGS_TAIL_DROP &&
                      (plan->options.rank_layout == AUGS_RANK_LAYOUT_BLOCK ||
                       plan->strategy_options.last_batch != AUGS_LAST_BATCH_FILL);
    const bool own = plan->options.strategy_ops != NULL; /* what it plans is seen as it goes */
    if (n == 0 || n == AUGS_ENDLESS || (own && !augsi_plan_is_fixed(plan)) ||
        (augsi_plan_is_fixed(plan) ? plan->n_steps > 0
                                   : lane.n_planned >= needed && (!cuts || n >= w))) {
        return AUGS_OK;
    }
    if (needed > lane.n_planned) {
        const bool block = plan->options.rank_layout == AUGS_RANK_LAYOUT_BLOCK;
        return augsi_fail(
            error, AUGS_E_ARGUMENT,
            "plan: nothing would be delivered: strategy '%.200s' needs %llu positions "
            "for a batch%s, there are %llu, and last_batch drop leaves a shorter one "
            "out; accepted: keep, fill, merge, or smaller batches",
            plan->ops->name, (unsigned long long)needed,
            block   ? " of a rank's block"
            : w > 1 ? " of all ranks"
                    : "",
            (unsigned long long)lane.n_planned);
    }
    if (cuts && w > 1) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "plan: nothing would be delivered: of the %llu positions, strategy "
                          "'%.200s' gives no batch as many as the %llu ranks, and tail drop leaves "
                          "them out; accepted: pad, uneven, or larger batches",
                          (unsigned long long)n, plan->ops->name, (unsigned long long)w);
    }
    return AUGS_OK; /* a strategy of the caller's own that plans nothing: its walk is checked */
}

/* ---- opened and freed ---- */

int augsi_plan_open(const augs_allocator *allocator, const augs_plan_options *options,
                    uint64_t first_position, uint64_t n_samples, uint64_t sample_bytes,
                    augsi_plan **ret_plan, augs_error *error)
{
    augs_plan_options taken;
    augs_strategy_options of_strategy;
    augs_strategy_ops copy;
    const augs_strategy_ops *ops = NULL;
    int status = take_options(options, &taken, &of_strategy, error);
    options = &taken;
    status = status < 0 ? status : check_window(first_position, n_samples, error);
    status = status < 0 ? status : find_strategy(options, &copy, &ops, error);
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
    status = augsi_plan_init_strategy(plan, error);
    if (status >= 0 && augsi_plan_is_fixed(plan)) {
        status = augsi_plan_count_steps(plan, error);
    } else if (status >= 0) {
        status = augsi_plan_open_walk(plan, error);
    }
    status = status < 0 ? status : check_delivers(plan, error);
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
        augsi_plan_free_walk(plan);
        augsi_plan_done_strategy(plan);
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

uint64_t augsi_plan_n_steps(const augsi_plan *plan)
{
    return augsi_plan_is_fixed(plan) ? plan->n_steps : 0;
}

/* ---- places ---- */

int augsi_plan_set_batch_size(augsi_plan *plan, uint64_t batch_size, uint64_t step,
                              uint64_t position, augs_error *error)
{
    const bool decides = plan->walk != NULL && plan->options.strategy_ops == NULL;
    int status = decides ? augsi_plan_is_recorded(plan, step, error) : 0;
    if (status != 0) {
        return status < 0 ? status
                          : augsi_fail(error, AUGS_E_STATE,
                                       "batch size %llu: step %llu is in the plan journal with its "
                                       "size; accepted: another size after the steps of the "
                                       "journal, or a retry, which gives the samples of a batch "
                                       "again in smaller parts",
                                       (unsigned long long)batch_size, (unsigned long long)step);
    }
    const bool again = decides && step < plan->walk->n_planned;
    status = augsi_plan_take_batch_size(plan, batch_size, step, position, error);
    if (status == AUGS_OK && again) {
        augsi_plan_take_back_step(plan);
    }
    if (status == AUGS_OK && plan->journal != NULL && !augsi_journal_is_read_only(plan->journal)) {
        const augsi_journal_entry entry = {.epoch = plan->epoch, .batch_size = batch_size};
        augsi_journal_append(plan->journal, AUGSI_ENTRY_SIZE, &entry, NULL);
    }
    return status;
}

uint64_t augsi_plan_most_samples(const augsi_plan *plan)
{
    const augsi_lane lane = augsi_plan_lane(plan, 0);
    augsi_layout layout;
    if (!augsi_plan_layout(plan, &lane, &layout)) {
        return 0;
    }
    uint64_t most = layout.full;
    for (uint32_t i = 0; i < layout.n_sections; i++) {
        const uint64_t first = layout.sections[i].first_count;
        most = first > most ? first : most;
    }
    return plan->options.tail == AUGS_TAIL_DROP && layout.full == 0
               ? most / lane.world_size
               : augsi_groups_of(most, lane.world_size);
}

uint64_t augsi_plan_records_before(const augsi_plan *plan, uint64_t step)
{
    const augsi_lane lane = augsi_plan_lane(plan, 0);
    augsi_layout layout;
    return augsi_plan_layout(plan, &lane, &layout) ? augsi_layout_records_before(&layout, step) : 0;
}

uint64_t augsi_plan_step_of_record(const augsi_plan *plan, uint64_t record)
{
    const augsi_lane lane = augsi_plan_lane(plan, 0);
    augsi_layout layout;
    return augsi_plan_layout(plan, &lane, &layout) ? augsi_layout_step_of_record(&layout, record)
                                                   : 0;
}

uint64_t augsi_plan_position(augsi_plan *plan, uint64_t step)
{
    const augsi_lane lane = augsi_plan_lane(plan, 0);
    augsi_layout layout;
    augs_span span;
    if (augsi_plan_ask(plan, &lane, step, &span, NULL) == 1) {
        return plan->first_position + span.first;
    }
    return plan->first_position + (augsi_plan_layout(plan, &lane, &layout)
                                       ? plan->base_position + augsi_layout_n_positions(&layout)
                                       : plan->n_samples);
}

augsi_token_place augsi_plan_place(augsi_plan *plan, uint64_t step)
{
    const augsi_lane lane = augsi_plan_lane(plan, 0);
    augsi_layout layout;
    augs_span span;
    if (plan->options.rank_layout == AUGS_RANK_LAYOUT_BLOCK && step > 0 &&
        plan->options.world_size > 1) {
        return (augsi_token_place){.kind = AUGSI_PLACE_BLOCKS, .number = plan->options.world_size};
    }
    if (augsi_plan_ask(plan, &lane, step, &span, NULL) != 1 || span.stride == 1 ||
        (augsi_plan_layout(plan, &lane, &layout) &&
         augsi_layout_is_whole(&layout, step - plan->base_step))) {
        return (augsi_token_place){.kind = AUGSI_PLACE_ALL};
    }
    augsi_token_place place = {.kind = AUGSI_PLACE_DEALT, .number = span.stride};
    if (augsi_plan_layout(plan, &lane, &layout) &&
        augsi_layout_dealt(&layout, step - plan->base_step, &place.first, &place.n_positions)) {
        place.first += augsi_plan_base_position(plan);
    }
    return place;
}

static bool same_place(augsi_plan *plan, uint64_t step, uint64_t position,
                       const augsi_token_place *place)
{
    if (step < plan->base_step || step > plan->n_steps ||
        augsi_plan_position(plan, step) != position) {
        return false;
    }
    const augsi_token_place here = augsi_plan_place(plan, step);
    return here.kind == place->kind && here.number == place->number && here.first == place->first &&
           here.n_positions == place->n_positions;
}

/* A plan of the positions from one on. */
static int start_at(augsi_plan *plan, uint64_t step, uint64_t position, augs_error *error)
{
    augsi_plan changed = *plan;
    changed.base_step = step;
    changed.base_position = position;
    int status = augsi_plan_count_steps(&changed, error);
    if (status == AUGS_OK) {
        plan->base_step = step;
        plan->base_position = position;
        plan->n_steps = changed.n_steps;
    }
    return status;
}

static int fail_place(const augsi_plan *plan, uint64_t step, uint64_t position,
                      const augsi_token_place *place, const char *what, augs_error *error)
{
    static const char *const places[] = {"all positions before it are used",
                                         "%llu batches share a window in turn",
                                         "%llu ranks have used their blocks as far"};
    char used[80];
    snprintf(used, sizeof used, places[place->kind], (unsigned long long)place->number);
    return augsi_fail(error, AUGS_E_TOKEN,
                      "%s: it is of step %llu at position %llu, where %s; the plan here, strategy "
                      "'%.200s' with rank_layout %s and %u ranks, cannot go on there",
                      what, (unsigned long long)step, (unsigned long long)position, used,
                      plan->ops->name,
                      plan->options.rank_layout == AUGS_RANK_LAYOUT_BLOCK ? "block" : "interleaved",
                      plan->options.world_size);
}

/* Inside a round that another plan may have as well, if it begins with that round. */
static int go_on_dealt(augsi_plan *plan, uint64_t step, uint64_t position,
                       const augsi_token_place *place, const char *what, augs_error *error)
{
    const augsi_token_place all = {.kind = AUGSI_PLACE_ALL};
    const uint64_t old_step = plan->base_step, old_position = plan->base_position;
    const uint64_t ahead = position - place->first; /* a step has one of the first positions */
    if (position < place->first || ahead >= place->number || ahead > step) {
        return fail_place(plan, step, position, place, what, error);
    }
    augsi_plan_forget_base(plan);
    if (augsi_plan_go_on(plan, step - ahead, place->first, &all, what, NULL) >= 0 &&
        same_place(plan, step, position, place)) {
        return 1;
    }
    start_at(plan, old_step, old_position, NULL); /* it was accepted before */
    return fail_place(plan, step, position, place, what, error);
}

int augsi_plan_go_on(augsi_plan *plan, uint64_t step, uint64_t position,
                     const augsi_token_place *place, const char *what, augs_error *error)
{
    const uint64_t start = plan->first_position;
    if (same_place(plan, step, position, place)) {
        return AUGS_OK;
    }
    if (place->kind == AUGSI_PLACE_DEALT && place->n_positions > 0) {
        return go_on_dealt(plan, step, position, place, what, error);
    }
    /* a step has a position at least */
    if (place->kind != AUGSI_PLACE_ALL || position < start || position - start < step ||
        (plan->n_samples != AUGS_ENDLESS && position - start > plan->n_samples)) {
        return fail_place(plan, step, position, place, what, error);
    }
    if (step == 0 && position == start) { /* that of an epoch's start */
        augsi_plan_forget_base(plan);
        return 1;
    }
    if (plan->layout_of == NULL ||
        (plan->options.rank_layout == AUGS_RANK_LAYOUT_BLOCK && plan->options.world_size > 1)) {
        return fail_place(plan, step, position, place, what, error);
    }
    const int status = start_at(plan, step, position - start, error);
    return status < 0 ? status : 1;
}

uint64_t augsi_plan_base_step(const augsi_plan *plan)
{
    return plan->base_step;
}

uint64_t augsi_plan_base_position(const augsi_plan *plan)
{
    return plan->first_position + plan->base_position;
}

void augsi_plan_forget_base(augsi_plan *plan)
{
    if (plan->base_step != 0 || plan->base_position != 0) {
        plan->base_step = plan->base_position = 0;
        augsi_plan_count_steps(plan, NULL); /* what it accepted for a part it does for the whole */
    }
}

/* ---- what no rank gets ---- */

/* What last_batch leaves out of a lane's own positions. */
static uint64_t left_of_lane(const augsi_plan *plan, const augsi_lane *lane)
{
    augsi_layout layout;
    augs_span span;
    uint64_t n_steps = plan->base_step, covered = plan->base_position;
    if (augsi_plan_layout(plan, lane, &layout)) {
        covered += augsi_layout_n_positions(&layout);
    } else if (augsi_plan_find_end(plan, lane, &n_steps, NULL) == AUGS_OK &&
               n_steps > plan->base_step &&
               augsi_plan_ask(plan, lane, n_steps - 1, &span, NULL) == 1) {
        /* what is left out is an end, so the last position of the last span is the last of all */
        covered = span.first + span.stride * (span.count - 1) + 1;
    }
    return lane->n_owned > covered ? lane->n_owned - covered : 0;
}

/* What tail `drop` cuts off spans. Only a strategy of the caller's own is walked. */
static uint64_t cut_of_lane(const augsi_plan *plan, const augsi_lane *lane)
{
    augsi_layout layout;
    augs_span span;
    if (augsi_plan_least_count(plan, 0) <= 1 && plan->options.tail != AUGS_TAIL_DROP) {
        return 0;
    }
    if (augsi_plan_layout(plan, lane, &layout)) {
        return augsi_layout_cut(&layout, plan->options.world_size);
    }
    uint64_t n = 0;
    for (uint64_t step = plan->base_step; augsi_plan_ask(plan, lane, step, &span, NULL) == 1;
         step++) {
        n += span.count % plan->options.world_size;
    }
    return n;
}

uint64_t augsi_plan_n_left_out(augsi_plan *plan)
{
    const uint64_t n = plan->n_samples, w = plan->options.world_size;
    const augsi_lane first = augsi_plan_lane(plan, 0);
    const bool cuts = plan->options.tail == AUGS_TAIL_DROP &&
                      plan->strategy_options.last_batch != AUGS_LAST_BATCH_FILL;
    if (n == AUGS_ENDLESS) {
        return 0;
    }
    if (!augsi_plan_is_fixed(plan)) {
        const augsi_walk *walk = plan->walk;
        return walk->end_noted ? n - augsi_span_check_position(&walk->check) + walk->n_cut : 0;
    }
    if (plan->options.rank_layout == AUGS_RANK_LAYOUT_INTERLEAVED) {
        return left_of_lane(plan, &first) + (cuts ? cut_of_lane(plan, &first) : 0);
    }
    const augsi_lane last =
        augsi_plan_lane(plan, (uint32_t)w - 1); /* the first n mod w are longer */
    const uint64_t not_owned = n - (n % w * first.n_owned + (w - n % w) * last.n_owned);
    return not_owned + n % w * left_of_lane(plan, &first) + (w - n % w) * left_of_lane(plan, &last);
}
