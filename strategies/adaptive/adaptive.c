/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Learns the size with the best throughput from what batches took.
 *
 * A model of the cost (adaptive_model.h) is fitted again after every batch. The size is the one
 * with the least expected loss over all that the model believes possible, among those tried.
 * Another one is tried when what it may teach pays for the time that it may lose
 * (adaptive_trials.c): at first that makes a doubling scan, which ends when nothing is left to win,
 * then closes in on the knee; later on it makes small steps, seldom, within half a per cent of the
 * time. When costs change, what is remembered is moved or forgotten (adaptive_changes.c), and taken
 * up again when they change back (adaptive_return.c). Memory has a line of its own
 * (adaptive_limits.c), the target a margin that follows how many batches are late. No trial follows another one that was not heard of. Where feedback is several batches late
 * that makes trials few, so that each goes further. Feedback may be late, missing, repeated or
 * nonsense: it is about the size that it names.
 *
 * bench_adaptive compares it with six others: doubling until the rate falls, factors of 1.2 that
 * only grow, golden section on log n, AIMD (Clipper), a gradient (concurrency-limits), and hill
 * climbing with two-sided tests. On average over random consumers this one gets the most out of
 * them. docs/measurements.md has the figures, and those of what is weak here: knees that move, late
 * feedback, and a first batch of the caller's that is far too large.
 *
 * A fitted model with trials from a fixed list of steps, under a time budget, was tried as well. On
 * cliffs and with much noise it lost clearly to trials that are rated by what they teach.
 */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/sized_struct.h"
#include "strategies/adaptive/adaptive_state.h"
#include "strategies/shipped_strategies.h"
#include "strategies/strategy_gates.h"

const augs_strategy_options augsi_adaptive_defaults = {.size = sizeof(augs_strategy_options),
                                                       .batch_size = 16,
                                                       .min_batch_size = 1,
                                                       .max_batch_size = 4096,
                                                       .multiple_of = 1,
                                                       .target_memory = 0.7,
                                                       .max_growth = 1.2,
                                                       .max_reduction = 0.8};

/* What is remembered of a batch after the next. */
#define FORGETTING 0.998
/* Plans after which a trial without feedback is sent again, or given up. */
#define PATIENCE 8u
#define GIVE_UP 32u
#define MOST_LAG 64u
/* Part of the batches that may be late, aimed at. */
#define LATE_PART 0.045
#define LATE_GAIN 0.1
#define FIRST_MARGIN 1.8

static void see_memory(augsi_adaptive *self, const augs_feedback *feedback)
{
    if (feedback->bytes == 0) {
        return;
    }
    if (feedback->available_bytes != 0 &&
        __builtin_add_overflow(feedback->bytes, feedback->available_bytes, &self->limit_seen)) {
        self->limit_seen = UINT64_MAX;
    }
    augsi_adaptive_see_memory(&self->memory, (double)feedback->n_samples, (double)feedback->bytes);
}

static void drop_trial(augsi_adaptive *self)
{
    self->trial = 0;
    self->checking = false;
}

/* Remembers a batch; what is far off counts little, and as less far off. */
static void remember(augsi_adaptive *self, double n, double log_seconds, double residual,
                     double score)
{
    augsi_seen_batch one = {
        .n = n, .log_seconds = log_seconds, .weight = 1, .raw = log_seconds, .residual = residual};
    if (self->n_timed > 4 && fabs(score) > AUGSI_OUTLIER) {
        one.weight = 0.1;
        one.log_seconds = log_seconds - residual + residual * AUGSI_OUTLIER / fabs(score);
    }
    memmove(self->recent + 1, self->recent, (AUGSI_N_RECENT - 1) * sizeof one);
    self->recent[0] = one;
    augsi_cost_fade(&self->cost, FORGETTING, 0);
    augsi_cost_add(&self->cost, n, one.log_seconds, one.weight);
    self->n_timed++;
}

/* The best size of those that were tried, and the next trial. */
static void choose_size(augsi_adaptive *self)
{
    const double most = augsi_adaptive_size_most(self);
    double high = fmin((double)self->tried_most, most), low = (double)self->tried_least / 2;
    low = fmin(fmax(low, (double)self->limits.min), high);
    self->size =
        augsi_adaptive_fit_size(self, augsi_cost_best(&self->cost, low, high, (double)self->size));
    uint64_t above = augsi_adaptive_neighbor(self, self->size, true);
    if ((double)above <= high && augsi_cost_loss(&self->cost, (double)above) <
                                     augsi_cost_loss(&self->cost, (double)self->size) - 0.001) {
        self->size = above;
    }
    if (self->trial != 0 && (double)self->trial > most) {
        drop_trial(self);
    }
    if (self->trial == 0) {
        augsi_adaptive_choose_trial(self);
    }
}

static void see_seconds(augsi_adaptive *self, uint64_t n_samples, double seconds)
{
    const double n = (double)n_samples, log_seconds = log(seconds);
    const bool was_trial = self->trial != 0 && n_samples == self->trial;
    double residual = 0, score = 0;
    if (self->n_timed > 0) {
        double spread = augsi_cost_spread(&self->cost, n), noise = self->cost.noise;
        residual = log_seconds - log(augsi_cost_seconds(&self->cost, n));
        score = residual / sqrt(noise * noise + spread * spread + 1e-4);
    }
    if (augsi_adaptive_doubts(self, n, log_seconds, residual)) {
        if (was_trial) {
            drop_trial(self);
        }
        return;
    }
    const bool changed = self->n_timed > 4 && augsi_adaptive_watch(self, score);
    if (self->n_timed > AUGSI_LEARNING_BATCHES) {
        double late = seconds > self->target_seconds ? 1 : 0;
        self->margin = fmin(fmax(self->margin + LATE_GAIN * (late - LATE_PART), 1.5), 4);
    }
    remember(self, n, log_seconds, residual, score);
    if (self->checking && was_trial) {
        augsi_adaptive_continue_check(self, log_seconds);
    } else if (changed) {
        augsi_adaptive_begin_check(self);
    } else if (!self->checking && was_trial) {
        self->trial = 0;
        if (augsi_adaptive_check_return(self, n, log_seconds)) {
            self->idle = 0;
        } else if (self->n_timed > AUGSI_LEARNING_BATCHES && n > 1.003 * (double)self->size) {
            augsi_adaptive_watch_above(self, n, log_seconds, score);
        }
    }
    self->tried_most = n_samples > self->tried_most ? n_samples : self->tried_most;
    self->tried_least =
        self->tried_least == 0 || n_samples < self->tried_least ? n_samples : self->tried_least;
    augsi_adaptive_refit(self);
    augsi_adaptive_watch_fit(self);
    if (self->n_timed == 1) {
        self->size = n_samples >= self->limits.min ? augsi_adaptive_fit_size(self, n) : self->size;
        augsi_adaptive_begin_scan(self, n / seconds);
        return;
    }
    if (self->scanning_down && was_trial) {
        augsi_adaptive_continue_scan(self, n, n / seconds);
    }
    choose_size(self);
    augsi_adaptive_note(self);
}

/* No size that did not fit is planned again, whatever was chosen before. */
static void keep_to_memory(augsi_adaptive *self)
{
    const double most = augsi_adaptive_memory_most(self);
    if (self->trial != 0 && (double)self->trial > fmax(most, (double)self->limits.min)) {
        drop_trial(self);
    }
    if ((double)self->size > most) {
        self->size = augsi_adaptive_fit_size(self, most);
    }
}

AUGSI_COMPUTES static void observe(void *state, const augs_feedback *given)
{
    augs_feedback feedback;
    if (given == NULL || AUGSI_TAKE(augs_feedback, given, &feedback, NULL) < 0) {
        return; /* of a later version, and it says what is not known here */
    }
    augsi_adaptive *self = state;
    /* nothing above max was planned */
    if (feedback.n_samples == 0 || feedback.n_samples > self->limits.max) {
        return;
    }
    if (feedback.step <= self->last_step) { /* else it is of another epoch */
        const uint64_t lag = self->last_step - feedback.step;
        self->lag = lag < MOST_LAG ? (uint32_t)lag : MOST_LAG;
    }
    if (augsi_fit_hear(&self->fit, &feedback)) {
        keep_to_memory(self); /* what a batch took until it failed is no cost of its size */
        return;
    }
    see_memory(self, &feedback);
    if (feedback.seconds > 1e-12 && feedback.seconds < 1e12) {
        see_seconds(self, feedback.n_samples, feedback.seconds);
    } else if (feedback.n_samples == self->trial) {
        drop_trial(self);
    }
    keep_to_memory(self);
}

static const char *why_size(const augsi_adaptive *self)
{
    if (self->n_timed == 0 && self->size == self->initial) {
        return "start";
    }
    const double size =
        (double)self->size; /* a larger one, beyond what hardly makes a difference */
    double above = fmax(size + (double)self->limits.multiple_of, size * 1.02);
    if (above > augsi_adaptive_memory_most(self)) {
        return "memory";
    }
    return above > augsi_adaptive_size_most(self) && above <= (double)self->limits.max ? "latency"
                                                                                       : "model";
}

/* The size of the next batch: a trial goes out once, and again only when nothing is heard of it. */
static uint64_t next_size(augsi_adaptive *self)
{
    if (self->trial != 0 && self->trial_age >= GIVE_UP + 4 * self->lag) {
        drop_trial(self);
    }
    if (self->trial != 0 && self->trial_age++ % (PATIENCE + self->lag) == 0 &&
        (double)self->trial <= fmax(augsi_adaptive_memory_most(self), (double)self->limits.min)) {
        self->why = self->why_trial;
        return self->trial;
    }
    self->why = why_size(self);
    return self->size;
}

AUGSI_COMPUTES static int plan(void *state, const augs_plan_facts *given, augs_span *ret_span,
                               augs_error *error)
{
    augs_plan_facts facts;
    int status = AUGSI_TAKE(augs_plan_facts, given, &facts, error);
    if (status < 0) {
        return status;
    }
    augsi_adaptive *self = state;
    self->limit_facts = facts.memory_limit_bytes;
    self->last_step = facts.step;
    augsi_fit_look(&self->fit, facts.memory_available_bytes);
    keep_to_memory(self);
    const uint64_t size = next_size(self);
    augs_span span;
    const double most = self->limits.last_batch == AUGS_LAST_BATCH_MERGE
                            ? augsi_adaptive_size_most(self)
                            : (double)self->limits.max;
    status = augsi_size_span(&self->limits, "adaptive", &facts, size,
                             most < (double)self->limits.max ? (uint64_t)most : self->limits.max,
                             &span, &self->full, error);
    if (status > 0) {
        self->why = span.count / facts.world_size != size ? "tail" : self->why;
        *ret_span = span;
    }
    return status;
}

static uint64_t full_count(const void *state, const augs_plan_facts *facts)
{
    (void)facts;
    return ((const augsi_adaptive *)state)->full;
}

static const char *why(const void *state)
{
    return ((const augsi_adaptive *)state)->why;
}

static int refuse(const char *option, double value, const char *accepted, augs_error *error)
{
    return augsi_fail(error, AUGS_E_ARGUMENT, "strategy adaptive: %s %g; accepted: %s", option,
                      value, accepted);
}

static int check_options(const augs_strategy_options *options, augs_error *error)
{
    const double seconds = options->target_seconds, memory = options->target_memory;
    const double growth = options->max_growth, reduction = options->max_reduction;
    if (!(seconds >= 0 && seconds < INFINITY)) {
        return refuse("target_seconds", seconds, "above 0, or 0 for no target", error);
    }
    if (!(memory >= 0 && memory <= 1)) {
        return refuse("target_memory", memory, "above 0, up to 1, or 0 for 0.7", error);
    }
    if (growth != 0 && !(growth > 1 && growth <= 16)) {
        return refuse("max_growth", growth, "above 1, up to 16, or 0 for 1.2", error);
    }
    if (reduction != 0 && !(reduction >= 1. / 16 && reduction < 1)) {
        return refuse("max_reduction", reduction, "1/16 to below 1, or 0 for 0.8", error);
    }
    return augsi_strategy_refuse_foreign("adaptive", options, error);
}

AUGSI_COMPUTES static int init(void *state, const augs_strategy_options *options, augs_error *error)
{
    augsi_adaptive *self = state;
    augsi_size_limits limits;
    augs_strategy_options taken;
    int status = AUGSI_TAKE(augs_strategy_options, options, &taken, error);
    if (status < 0) {
        return status;
    }
    options = &taken;
    status = check_options(options, error);
    if (status == AUGS_OK) {
        status = augsi_size_limits_init(&limits, "adaptive", options,
                                        augsi_adaptive_defaults.max_batch_size, error);
    }
    if (status < 0) {
        return status;
    }
    const uint64_t first =
        options->batch_size != 0 ? options->batch_size : augsi_adaptive_defaults.batch_size;
    self->limits = limits;
    self->size = self->initial = augsi_size_fit(&limits, first);
    self->target_seconds = options->target_seconds;
    self->target_memory =
        options->target_memory > 0 ? options->target_memory : augsi_adaptive_defaults.target_memory;
    self->growth =
        options->max_growth > 0 ? options->max_growth : augsi_adaptive_defaults.max_growth;
    self->reduction =
        options->max_reduction > 0 ? options->max_reduction : augsi_adaptive_defaults.max_reduction;
    self->limit_option = options->max_memory_bytes;
    self->margin = FIRST_MARGIN;
    self->why = "start";
    return AUGS_OK;
}

AUGSI_COMPUTES static void inherit(void *state, const void *old)
{
    augsi_adaptive *self = state;
    const augsi_adaptive *before = old;
    self->memory = before->memory;
    self->limit_seen = before->limit_seen;
    self->fit = before->fit;
    augsi_fit_allow(&self->fit, self->size);
}

AUGSI_STRATEGY_GATES

const augs_strategy_ops augsi_strategy_adaptive = {
    .size = sizeof(augs_strategy_ops),
    .name = "adaptive",
    .state_size = sizeof(augsi_adaptive),
    .init = gated_init,
    .plan = gated_plan,
    .observe = gated_observe,
    .why = why,
    .inherit = gated_inherit,
    .full_count = full_count,
};
