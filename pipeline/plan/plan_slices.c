/* SPDX-License-Identifier: Apache-2.0 */
/* Spans are dealt to ranks: what of a step is whose, what the tail cuts off, what fills it up. */
#include "base/checked.h"
#include "base/fail.h"
#include "pipeline/plan/plan_impl.h"

static int span_of(augsi_plan *plan, const augsi_lane *lane, uint64_t step, augs_span *ret_span,
                   augs_error *error)
{
    return augsi_plan_is_fixed(plan) ? augsi_plan_ask(plan, lane, step, ret_span, error)
                                     : augsi_plan_next_span(plan, step, ret_span, error);
}

static uint64_t filled_of(const augsi_plan *plan, const augsi_lane *lane, uint64_t step,
                          const augs_span *span)
{
    return augsi_plan_is_fixed(plan) ? augsi_plan_ask_filled(plan, lane, step, span)
                                     : plan->walk->last_filled;
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

/* ---- one span ---- */

/* What the tail leaves of a span of all ranks, and how many positions of padding all ranks together
 * get behind it. */
static void cut_span(const augsi_plan *plan, augs_span *span, uint64_t n_filled,
                     uint64_t *ret_n_padded)
{
    const uint64_t w = plan->options.world_size;
    const bool fills = plan->strategy_options.last_batch == AUGS_LAST_BATCH_FILL || n_filled > 0;
    const uint64_t over = (span->count + n_filled) % w;
    *ret_n_padded = n_filled;
    if (fills || plan->options.tail == AUGS_TAIL_PAD) {
        *ret_n_padded += over > 0 ? w - over : 0;
    } else if (plan->options.tail == AUGS_TAIL_DROP) {
        span->count -= over;
    }
}

/* Elements r, r + W, ... below n: how many. */
static uint64_t n_dealt(uint64_t n, uint64_t rank, uint64_t world_size)
{
    return rank < n ? (n - rank - 1) / world_size + 1 : 0;
}

/* A span of all ranks, and the window's first positions behind it, which fill it up. */
static void keep_whole(const augsi_plan *plan, const augs_span *span, uint64_t filled,
                       augsi_slice *slice)
{
    slice->body = *span;
    cut_span(plan, &slice->body, filled, &slice->pad_count);
    slice->body.first += plan->first_position;
    slice->pad_stride = 1;
    slice->pad_first = slice->pad_count > 0 ? plan->first_position : 0;
}

/* A span's elements r, r + W, ..., and what fills it up or what the tail does. An element behind
 * the span's own is one of the window's first positions. */
static void deal(const augsi_plan *plan, const augs_span *span, uint64_t filled, uint32_t rank,
                 augsi_slice *slice)
{
    if (rank == AUGSI_ALL_RANKS) {
        keep_whole(plan, span, filled, slice);
        return;
    }
    const uint64_t w = plan->options.world_size;
    augs_span kept = *span;
    uint64_t n_padded = 0;
    cut_span(plan, &kept, filled, &n_padded);
    const uint64_t n_real = kept.count, owned = n_dealt(n_real, rank, w);
    uint64_t stride = 1, ahead = 0; /* of few samples the stride may be more than 64 bits hold */
    (void)augsi_mul_u64(span->stride, w, &stride);
    if (!augsi_mul_u64(span->stride, rank, &ahead) || ahead > AUGS_MAX_SAMPLES) {
        ahead = 0; /* the rank has none of them */
    }
    slice->body = (augs_span){
        .first = plan->first_position + span->first + ahead, .stride = stride, .count = owned};
    slice->pad_count = n_dealt(augsi_add_or_most(n_real, n_padded), rank, w) - owned;
    if (slice->pad_count > 0) {
        slice->pad_stride = w;
        slice->pad_first = plan->first_position + (owned * w + rank - n_real) % plan->n_samples;
    }
}

/* A span of a rank's own block. Only its last element can lie in the padding of the block; what
 * fills it up goes on from there. */
static void cut_block(const augsi_plan *plan, const augsi_lane *lane, const augs_span *span,
                      uint64_t filled, augsi_slice *slice)
{
    slice->body = (augs_span){.first = plan->first_position + lane->start + span->first,
                              .stride = span->stride,
                              .count = span->count};
    slice->pad_count = filled;
    if (span->first + span->stride * (span->count - 1) >= lane->n_owned) {
        slice->body.count--;
        slice->pad_count++;
    }
    if (slice->pad_count > 0) {
        slice->pad_first = plan->first_position;
        slice->pad_stride = 1;
    }
}

augs_span augsi_slice_padding(const augsi_slice *slice, uint64_t done)
{
    const uint64_t n = slice->window_n, stride = slice->pad_stride;
    const uint64_t far = (uint64_t)((augsi_u128)done * stride % n);
    const uint64_t at = (slice->pad_first - slice->window_first + far) % n;
    const uint64_t space = (n - 1 - at) / stride + 1, left = slice->pad_count - done;
    return (augs_span){slice->window_first + at, stride, left < space ? left : space};
}

/* ---- steps ---- */

uint64_t augsi_plan_next_step(const augsi_plan *plan, uint64_t step, uint32_t rank)
{
    const augsi_lane lane = augsi_plan_lane(plan, rank);
    augsi_layout layout;
    if (step < plan->base_step || step >= plan->n_steps ||
        !augsi_plan_layout(plan, &lane, &layout)) {
        return step;
    }
    const uint64_t least = augsi_plan_least_count(plan, rank);
    const uint64_t found = augsi_add_or_most(
        plan->base_step, augsi_layout_next(&layout, step - plan->base_step, least));
    /* a shorter block ends before the others, or a span is too short: the plan's end */
    return found - plan->base_step < augsi_layout_n_steps(&layout) ? found : plan->n_steps;
}

/* Whether no later step has samples for the rank. */
static bool is_last(const augsi_plan *plan, const augsi_lane *lane, uint64_t step, uint32_t rank)
{
    const augsi_walk *walk = plan->walk;
    if (!augsi_plan_is_fixed(plan)) {
        return augsi_span_check_is_whole(&walk->check) && walk->check.next >= plan->n_samples;
    }
    if (plan->layout_of != NULL) {
        return augsi_plan_next_step(plan, step + 1, rank) >= plan->n_steps;
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
    const bool block = plan->options.rank_layout == AUGS_RANK_LAYOUT_BLOCK;
    const augsi_lane lane = augsi_plan_lane(plan, rank);
    if (augsi_plan_is_fixed(plan) && step >= plan->n_steps) {
        return 0;
    }
    augs_span span;
    augsi_slice slice = {
        .body = {0, 1, 0}, .window_first = plan->first_position, .window_n = plan->n_samples};
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
    const uint64_t filled = filled_of(plan, &lane, step, &span);
    if (block) {
        cut_block(plan, &lane, &span, filled, &slice);
    } else {
        deal(plan, &span, filled, rank, &slice);
    }
    if (slice.last && !augsi_plan_is_fixed(plan) && plan->options.tail == AUGS_TAIL_DROP &&
        span.count + filled < plan->options.world_size) {
        /* cut to nothing, at the end, which is noted */
        return augsi_plan_next_span(plan, step + 1, &span, error);
    }
    *ret_slice = slice;
    return 1;
}

bool augsi_plan_is_over(augsi_plan *plan, uint64_t step, uint32_t rank)
{
    augsi_walk *walk = plan->walk;
    augsi_slice slice;
    if (!augsi_plan_is_fixed(plan)) {
        return step == walk->n_planned && augsi_span_check_is_whole(&walk->check) &&
               walk->check.next >= plan->n_samples;
    }
    if (step >= plan->n_steps) {
        return true;
    }
    return step > plan->base_step && augsi_plan_slice(plan, step - 1, rank, &slice, NULL) == 1 &&
           slice.last;
}

/* Whether a retry of the journal is of a step that may still be given again. */
static int check_recent(const augsi_plan *plan, uint64_t step, augs_error *error)
{
    const uint64_t n_planned = plan->walk->n_planned;
    if (step < n_planned && n_planned - step <= AUGSI_RECENT_SPANS) {
        return AUGS_OK;
    }
    return augsi_fail(error, AUGS_E_CORRUPT,
                      "plan journal '%.200s': step %llu is given again after %llu steps; accepted: "
                      "one of the last %u steps",
                      augsi_journal_path(plan->journal), (unsigned long long)step,
                      (unsigned long long)n_planned, (unsigned)AUGSI_RECENT_SPANS);
}

int augsi_plan_slice_again(augsi_plan *plan, uint64_t step, uint32_t rank, augsi_slice *ret_slice,
                           augs_error *error)
{
    augsi_walk *walk = plan->walk;
    int status = check_recent(plan, step, error);
    if (status == AUGS_OK) {
        *ret_slice = (augsi_slice){
            .body = {0, 1, 0}, .window_first = plan->first_position, .window_n = plan->n_samples};
        deal(plan, &walk->recent[step % AUGSI_RECENT_SPANS].span,
             walk->recent[step % AUGSI_RECENT_SPANS].n_filled, rank, ret_slice);
    }
    return status;
}
