/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The largest batch that the memory budget holds: budget / bytes per sample.
 *
 * Bytes per sample are our record's plus what the consumer reported for its last batch, divided by
 * its size. If a batch costs m0 + m n, that quotient is too high by m0 / n, so the next size is
 * never too large, and the sizes converge to the one whose cost is the budget. A quotient that goes
 * up counts at once. One that goes down does so as far as m0 can explain it, by an eighth a batch
 * beyond: samples of changing length do not make the size jump.
 *
 * The budget is `safety` of the least of: max_memory_bytes; what the consumer says it has (left
 * beside the batch + the batch's own bytes); without such a report, what the process may still
 * take.
 *
 * A smaller size holds at once. Up it goes by at most 4 x a batch until memory first ran short, by
 * 1.25 x from then on: from a tenth back to all of it in eleven batches.
 *
 * The published rule (augs_batch_size_adjust) looks at nothing but the used part of the memory and
 * the bytes available; it is kept for those who have results with it.
 */
#include <math.h>

#include <augstream/batch_size.h>

#include "base/fail.h"
#include "base/sized_struct.h"
#include "strategies/fit_bound.h"
#include "strategies/shipped_strategies.h"
#include "strategies/strategy_gates.h"
#include "strategies/strategy_size.h"

#define DEFAULT_PUBLISHED_FIRST 32u
#define FIRST_GROWTH 4.0
#define GROWTH 1.25
#define BELIEF_DOWN 0.125
#define SHORT 0.9
/* Plans after which a size goes on growing though nothing was heard of it. */
#define PATIENCE 32u

const augs_strategy_options augsi_memory_optimized_defaults = {
    .size = sizeof(augs_strategy_options),
    .batch_size = 1,
    .min_batch_size = 1,
    .max_batch_size = 65536,
    .multiple_of = 1,
    .memory_safety = 0.9,
    .memory_rule = AUGS_MEMORY_RULE_BUDGET};

typedef struct memory_optimized {
    augsi_size_limits limits;
    uint64_t max_memory_bytes;
    double safety;
    bool published;
    uint64_t size;           /* of the last span, a rank */
    double consumer_bytes;   /* a sample; 0 = never reported; */
    double consumer_samples; /* at this size */
    uint64_t space_bytes;    /* the consumer's; UINT64_MAX: not reported */
    augsi_fit_bound fit;
    uint64_t heard;     /* the largest size that feedback was about; 0 = none yet */
    uint32_t n_unheard; /* plans since the last feedback */
    uint64_t most;      /* a rank: what the budget holds; a merged batch has no more */
    uint64_t full;      /* of the last span, of all ranks: see full_count */
    bool ran_short;
    bool started;
    const char *why;
} memory_optimized;

AUGSI_COMPUTES static int init(void *state, const augs_strategy_options *options, augs_error *error)
{
    memory_optimized *self = state;
    augs_strategy_options taken;
    int status = AUGSI_TAKE(augs_strategy_options, options, &taken, error);
    if (status < 0) {
        return status;
    }
    options = &taken;
    const bool published = options->memory_rule == AUGS_MEMORY_RULE_PUBLISHED;
    status = augsi_strategy_refuse_foreign("memory_optimized", options, error);
    if (status < 0) {
        return status;
    }
    if (options->memory_rule > AUGS_MEMORY_RULE_PUBLISHED) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "strategy memory_optimized: memory_rule %u; accepted: 0 budget, 1 "
                          "published",
                          options->memory_rule);
    }
    if (options->memory_safety != 0 &&
        !(options->memory_safety > 0 && options->memory_safety <= 1)) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "strategy memory_optimized: memory_safety %g; accepted: above 0, up to 1",
                          options->memory_safety);
    }
    status = augsi_size_limits_init(&self->limits, "memory_optimized", options,
                                    augsi_memory_optimized_defaults.max_batch_size, error);
    if (status < 0) {
        return status;
    }
    uint64_t first = options->batch_size;
    if (first == 0) {
        first = published ? DEFAULT_PUBLISHED_FIRST : self->limits.min;
    }
    self->max_memory_bytes = options->max_memory_bytes;
    self->safety = options->memory_safety != 0 ? options->memory_safety
                                               : augsi_memory_optimized_defaults.memory_safety;
    self->published = published;
    self->size = augsi_size_fit(&self->limits, first);
    self->space_bytes = UINT64_MAX;
    self->why = "start";
    return AUGS_OK;
}

/* What a batch may cost; UINT64_MAX: nobody knows a limit. */
static uint64_t budget_of(const memory_optimized *self, const augs_plan_facts *facts)
{
    uint64_t space = self->space_bytes;
    if (space == UINT64_MAX && facts->memory_limit_bytes != 0) {
        space = facts->memory_available_bytes;
    }
    return self->max_memory_bytes != 0 && self->max_memory_bytes < space ? self->max_memory_bytes
                                                                         : space;
}

static void decide(memory_optimized *self, const augs_plan_facts *facts)
{
    const uint64_t budget = budget_of(self, facts);
    const double each = (double)facts->sample_bytes + self->consumer_bytes;
    self->most = self->limits.max;
    if (budget == UINT64_MAX || !(each > 0)) {
        self->why = self->started ? "unknown" : "start"; /* stay where we are */
        return;
    }
    const double most = (double)self->limits.max;
    const double fits = fmin(floor(self->safety * (double)budget / each), most);
    const double now = (double)self->size;
    self->most = fits < most ? (uint64_t)fits : self->limits.max;
    if (fits < now) {
        self->ran_short = self->ran_short || (self->started && fits < SHORT * now);
        self->size = augsi_size_fit(&self->limits, (uint64_t)fits);
        self->why = "shrink";
        return;
    }
    if (!self->started) {
        return; /* the first batch has the size that was asked for, if it fits */
    }
    /* feedback may be late: what a larger batch costs is seen before a step beyond it */
    const bool waits = self->n_unheard < PATIENCE && self->heard < self->size;
    const double from = waits ? fmax((double)self->heard, 1) : now;
    const double step =
        fmax(floor(from * (self->ran_short ? GROWTH : FIRST_GROWTH)) + 1, waits ? now : now + 1);
    const uint64_t grown = augsi_size_fit(&self->limits, (uint64_t)fmin(fits, step));
    /* a step that multiple_of swallows must not pin the size */
    const uint64_t next =
        augsi_size_fit(&self->limits, (uint64_t)fmin(fits, now + (double)self->limits.multiple_of));
    const uint64_t size = grown > next || waits ? grown : next;
    self->why = size > self->size ? "grow" : fits >= most ? "max" : waits ? "wait" : "budget";
    self->size = size > self->size ? size : self->size;
}

static void decide_published(memory_optimized *self, const augs_plan_facts *facts)
{
    uint64_t available = facts->memory_available_bytes;
    double used = facts->memory_limit_bytes != 0
                      ? (double)facts->memory_used_bytes / (double)facts->memory_limit_bytes
                      : NAN;
    if (self->space_bytes != UINT64_MAX) {
        available = self->space_bytes;
    }
    if (!self->started || isnan(used)) {
        self->why = self->started ? "unknown" : "start";
        return;
    }
    const uint64_t limit = self->max_memory_bytes;
    uint64_t size = augs_batch_size_adjust(self->size, used, available, limit, self->limits.min,
                                           self->limits.max);
    size = augsi_size_fit(&self->limits, size);
    self->why = size > self->size ? "grow" : size < self->size ? "shrink" : "steady";
    self->size = size;
}

/* Below what did not fit. */
static void keep_to_fit(memory_optimized *self)
{
    const uint64_t most = augsi_fit_most(&self->fit, self->limits.multiple_of);
    if (self->size > most) {
        self->size = augsi_size_fit(&self->limits, most);
        self->why = "misfit";
    }
}

AUGSI_COMPUTES static int plan(void *state, const augs_plan_facts *given, augs_span *ret_span,
                               augs_error *error)
{
    augs_plan_facts facts;
    int status = AUGSI_TAKE(augs_plan_facts, given, &facts, error);
    if (status < 0) {
        return status;
    }
    memory_optimized *self = state;
    augsi_fit_look(&self->fit, facts.memory_available_bytes);
    if (self->published) {
        decide_published(self, &facts);
    } else {
        decide(self, &facts);
    }
    keep_to_fit(self);
    const uint64_t most = self->published ? self->size : self->most;
    status = augsi_size_span(&self->limits, "memory_optimized", &facts, self->size, most, ret_span,
                             &self->full, error);
    self->n_unheard++;
    self->started = true;
    return status;
}

static uint64_t full_count(const void *state, const augs_plan_facts *facts)
{
    (void)facts;
    return ((const memory_optimized *)state)->full;
}

static void learn_cost(memory_optimized *self, double n, double each)
{
    /* a larger batch that cost at least as much says how much of it was the same for all sizes */
    const double known = n > self->consumer_samples
                             ? self->consumer_bytes * self->consumer_samples / n
                             : self->consumer_bytes;
    self->consumer_bytes = each >= known ? each : known + BELIEF_DOWN * (each - known);
    self->consumer_samples = n;
}

AUGSI_COMPUTES static void observe(void *state, const augs_feedback *given)
{
    augs_feedback feedback;
    if (given == NULL || AUGSI_TAKE(augs_feedback, given, &feedback, NULL) < 0) {
        return; /* of a later version, and it says what is not known here */
    }
    memory_optimized *self = state;
    self->n_unheard = 0;
    if (augsi_fit_hear(&self->fit, &feedback)) {
        return; /* what a batch needs that did not fit is not known */
    }
    self->heard = feedback.n_samples > self->heard ? feedback.n_samples : self->heard;
    if (feedback.bytes != 0 && feedback.n_samples != 0) {
        const double n = (double)feedback.n_samples;
        learn_cost(self, n, (double)feedback.bytes / n);
    }
    if (feedback.available_bytes != 0) {
        const uint64_t most = UINT64_MAX - 1 - feedback.bytes; /* UINT64_MAX: not reported */
        self->space_bytes = feedback.bytes == UINT64_MAX || feedback.available_bytes > most
                                ? UINT64_MAX - 1
                                : feedback.available_bytes + feedback.bytes;
    }
}

AUGSI_COMPUTES static void inherit(void *state, const void *old)
{
    memory_optimized *self = state;
    const memory_optimized *before = old;
    self->consumer_bytes = before->consumer_bytes;
    self->consumer_samples = before->consumer_samples;
    self->space_bytes = before->space_bytes;
    self->ran_short = before->ran_short;
    self->fit = before->fit;
    augsi_fit_allow(&self->fit, self->size);
}

static const char *why(const void *state)
{
    return ((const memory_optimized *)state)->why;
}

AUGSI_STRATEGY_GATES

const augs_strategy_ops augsi_strategy_memory_optimized = {
    .size = sizeof(augs_strategy_ops),
    .name = "memory_optimized",
    .state_size = sizeof(memory_optimized),
    .init = gated_init,
    .plan = gated_plan,
    .observe = gated_observe,
    .why = why,
    .inherit = gated_inherit,
    .full_count = full_count,
};
