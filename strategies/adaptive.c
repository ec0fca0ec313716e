/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Learns the size with the best throughput from what batches took.
 *
 * A model of the cost (adaptive_model.h) is fitted again after every batch. The size is the one
 * with the least expected loss over all that the model believes possible. Another size is tried
 * when what it could teach pays for it: the loss that could be avoided over the next batches, times
 * how surely the trial would show it, less the time that the trial loses. At first that makes a
 * doubling scan that ends when the rate falls or when nothing is left to win, then closes in on a
 * knee; later on small steps, seldom, within half a per cent of the time.
 *
 * Changes are seen by two-sided cumulative sums of the residuals (Page 1954). Then half the size is
 * measured as well, and what is remembered is moved by the line through both differences: a base
 * or a slope that changed keeps the knee. Trials above the size have a sum of their own, since only
 * they can show that a cliff went away.
 */
#include "adaptive_model.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "adaptive_memory.h"
#include "fail.h"
#include "planner_size.h"
#include "planners.h"

#define DEFAULT_INITIAL 16u
#define DEFAULT_MAX 4096u
#define DEFAULT_TARGET_MEMORY 0.7
#define DEFAULT_GROWTH 1.2
#define DEFAULT_REDUCTION 0.8

/* What is remembered of a batch after the next. */
#define FORGETTING 0.995
/* Batches for which a trial is made: while learning, and after. */
#define HORIZON_LEARNING 50.0
#define HORIZON_LEARNED 20.0
/* A trial has to promise that many batches' time. */
#define LEAST_GAIN 0.1
/* It has learned after so many batches when the expected loss is below. */
#define LEARNING_BATCHES 12u
#define LEARNED_LOSS 0.05
/* Without a reason a size above is tried every so many batches, for that part of the time. */
#define PROBE_INTERVAL 12u
#define PROBE_PART 0.005
#define PROBE_MOST 0.3
/* Cumulative sums of residuals in standard deviations, less the drift a batch. */
#define ALARM 8.0
#define ALARM_ABOVE 4.0
#define SUM_DRIFT 0.5
#define OUTLIER 4.0
/* What remains of what was seen before a change. */
#define KEPT 0.3
#define KEPT_ABOVE 0.05
#define N_RECENT 16u
/* Plans after which a trial or a check without feedback is sent again, or given up. */
#define PATIENCE 8u
#define GIVE_UP 32u
/* Part of the batches that may be late, aimed at. */
#define LATE_PART 0.045
#define LATE_GAIN 0.1
#define FIRST_MARGIN 1.8

typedef enum scan_direction { SCAN_NONE, SCAN_DOWN } scan_direction;

typedef struct seen_batch {
    double n, log_seconds, residual, weight;
} seen_batch;

/* A change that was noticed at n: by how much, and what half the size says of it. */
typedef struct change {
    double n, residual;
    double predicted, sum; /* log seconds of half the size, sum of residuals there */
    uint32_t n_run, n_seen;
} change;

typedef struct adaptive {
    augsi_size_limits limits;
    uint64_t initial;
    double target_seconds, target_memory, growth, reduction;
    uint64_t limit_option, limit_facts, limit_seen;

    augsi_cost_model cost;
    augsi_memory_bound memory;
    seen_batch recent[N_RECENT]; /* the last one first */
    uint64_t n_timed;

    uint64_t size;      /* the best */
    uint64_t trial;     /* to be tried; 0 = nothing */
    uint32_t trial_age; /* plans since */
    uint32_t idle;      /* batches since the last trial */
    uint32_t learned;   /* steps are bounded by growth and reduction */
    uint32_t learned_once;
    uint64_t tried_most, tried_least;
    double allowance; /* saved up for trials without a reason, in batches */
    scan_direction scan;
    double best_rate;

    double sum_slower, sum_faster, sum_above;
    uint32_t run_slower, run_faster;
    uint32_t outlier_last;
    uint32_t checking;
    change change;

    double margin; /* of the target, in standard deviations */
    const char *why, *why_trial;
} adaptive;

static uint64_t fit_size(const adaptive *self, double n)
{
    if (!(n > (double)self->limits.min)) {
        return self->limits.min;
    }
    if (n >= (double)self->limits.max) {
        return self->limits.max;
    }
    return augsi_size_fit(&self->limits, (uint64_t)(n * (1 + 1e-12)));
}

/* The next possible size below or above. */
static uint64_t neighbour(const adaptive *self, uint64_t size, bool above)
{
    if (above) {
        return self->limits.max - size < self->limits.multiple_of ? size
                                                                  : size + self->limits.multiple_of;
    }
    return size - self->limits.min < self->limits.multiple_of ? size
                                                              : size - self->limits.multiple_of;
}

static double memory_limit(const adaptive *self)
{
    return (double)(self->limit_option != 0  ? self->limit_option
                    : self->limit_facts != 0 ? self->limit_facts
                                             : self->limit_seen);
}

static double memory_most(const adaptive *self)
{
    double limit = memory_limit(self);
    if (!(limit > 0)) {
        return INFINITY;
    }
    return augsi_memory_most(&self->memory, limit * self->target_memory, limit,
                             (double)self->limits.min, (double)self->limits.multiple_of);
}

static double seconds_aim(const adaptive *self)
{
    return self->target_seconds > 0 && self->n_timed > 2
               ? self->target_seconds * exp(-self->margin * self->cost.noise)
               : INFINITY;
}

/* The largest size within the memory and the target. */
static double size_most(const adaptive *self)
{
    double high = fmax(fmin((double)self->limits.max, memory_most(self)), (double)self->limits.min);
    double low = (double)self->limits.min, aim = seconds_aim(self);
    if (!isfinite(aim) || augsi_cost_seconds(&self->cost, high) <= aim) {
        return high;
    }
    while (high - low > 0.5 && high > low * 1.0005) {
        double middle = sqrt(low * high);
        bool fits = augsi_cost_seconds(&self->cost, middle) <= aim;
        low = fits ? middle : low;
        high = fits ? high : middle;
    }
    return low;
}

static void refit(adaptive *self)
{
    const double low = (double)self->limits.min;
    augsi_cost_fit(&self->cost, low);
    augsi_cost_aim(&self->cost, low, fmax(fmin((double)self->limits.max, memory_most(self)), low),
                   seconds_aim(self));
}

/* ---- trials ---- */

/* What trying n is worth, in batches of the best size. */
static double gain_of(const adaptive *self, double n)
{
    const augsi_cost_model *cost = &self->cost;
    const double now = (double)self->size, reach = 2 * (double)self->tried_most;
    const double noise = fmax(cost->noise, 0.01);
    double mean = 0, price = 0, better = 0, loss_now = 0, once = 0, four_times = 0;
    double seconds[AUGSI_COST_CURVES];
    for (uint32_t i = 0; i < cost->n_curves; i++) {
        seconds[i] = log(augsi_curve_seconds(&cost->curves[i], n));
        mean += cost->curves[i].weight * seconds[i];
    }
    for (uint32_t i = 0; i < cost->n_curves; i++) {
        const augsi_cost_curve *c = &cost->curves[i];
        double off = (seconds[i] - mean) / noise, unseen = exp(-0.5 * fmin(off * off, 100));
        double loss = augsi_curve_loss(c, now), other = augsi_curve_loss(c, n);
        double excess = fmax(0, exp(seconds[i]) - n * c->best_pace) -
                        fmax(0, augsi_curve_seconds(c, now) - now * c->best_pace);
        once += c->weight * loss / (1 + loss) * (1 - unseen);
        four_times += c->weight * loss / (1 + loss) * (1 - unseen * unseen * unseen * unseen);
        better += c->weight * fmax(0, loss - other);
        loss_now += c->weight * loss;
        price += c->weight * excess / augsi_curve_seconds(c, fmin(c->best_n, reach));
    }
    if (n > (double)self->tried_most) { /* it is not only to learn: it may be the better one */
        once = fmax(once, better / (1 + loss_now));
    }
    price = fmax(price, 0);
    double horizon = self->learned != 0 ? HORIZON_LEARNED : HORIZON_LEARNING;
    return fmax(horizon * once - price, (horizon * four_times - 4 * price) / 4);
}

static void set_trial(adaptive *self, uint64_t size, const char *why)
{
    self->trial = size != self->size ? size : 0;
    self->trial_age = 0;
    self->why_trial = why;
    self->idle = 0;
}

/* The possible size closest to size x step that is another one, or 0. */
static uint64_t stepped(const adaptive *self, double step, double most)
{
    uint64_t n = fit_size(self, (double)self->size * step);
    if (n == self->size || (step < 1) != (n < self->size)) {
        n = neighbour(self, self->size, step > 1);
    }
    return n == self->size || (double)n > most ? 0 : n;
}

static bool step_allowed(const adaptive *self, double step)
{
    if (self->learned != 0 && step < 1) {
        return step >= self->reduction;
    }
    return self->learned_once == 0 || step <= self->growth;
}

/* A trial without a reason: what lies above may have become better. */
static void choose_probe(adaptive *self, double most)
{
    const double steps[] = {self->growth, 1.1, 1.05, 1.02};
    self->allowance = fmin(self->allowance + PROBE_PART, PROBE_MOST);
    if (++self->idle < PROBE_INTERVAL) {
        return;
    }
    const double now = (double)self->size, loss = augsi_cost_loss(&self->cost, now);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        uint64_t n = stepped(self, fmin(steps[i], self->growth), most);
        if (n == 0) {
            continue;
        }
        double price = fmax(0, augsi_cost_loss(&self->cost, (double)n) - loss) * (double)n / now;
        if (price <= self->allowance) {
            self->allowance -= price;
            set_trial(self, n, "probe");
            return;
        }
    }
}

static void choose_trial(adaptive *self)
{
    static const double steps[] = {1.02,    1.05,     1.1,       1.2,       1.5,       2,
                                   0.97,    0.9,      0.8,       1. / 2,    1. / 4,    1. / 16,
                                   1. / 64, 1. / 256, 1. / 1024, 1. / 4096, 1. / 16384};
    const double most = size_most(self);
    double gain_most = LEAST_GAIN;
    uint64_t best = 0;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (!step_allowed(self, steps[i]) ||
            (steps[i] < 0.1 && (double)self->size * steps[i] < (double)self->limits.min)) {
            continue;
        }
        uint64_t n = stepped(self, steps[i], most);
        double gain = n != 0 ? gain_of(self, (double)n) : 0;
        if (gain > gain_most) {
            gain_most = gain;
            best = n;
        }
    }
    if (best != 0) {
        set_trial(self, best, best > self->tried_most && self->learned == 0 ? "scan" : "probe");
        return;
    }
    if (self->n_timed > LEARNING_BATCHES &&
        augsi_cost_loss(&self->cost, (double)self->size) < LEARNED_LOSS) {
        self->learned = self->learned_once = 1;
    }
    choose_probe(self, most);
}

/* The second size: upwards, but from a large one a long way down, which costs little. */
static void begin_scan(adaptive *self, double rate)
{
    const double first = (double)self->size;
    double next = first * 2;
    if (self->size >= 64 && self->size / 8 >= self->limits.min) {
        next = first / (first * 2 > (double)self->limits.max ? 8 : 2);
    }
    set_trial(self, fit_size(self, fmin(next, memory_most(self))), "scan");
    self->scan = self->trial != 0 && self->trial < self->size ? SCAN_DOWN : SCAN_NONE;
    self->best_rate = rate;
}

/* Further down while the rate does not fall clearly. */
static void continue_scan(adaptive *self, double n, double rate)
{
    if (rate > 0.5 * self->best_rate && n > (double)self->limits.min) {
        set_trial(self, fit_size(self, n / 8), "scan");
    } else {
        self->scan = SCAN_NONE;
    }
    self->best_rate = fmax(self->best_rate, rate);
}

/* ---- changes ---- */

static void reset_sums(adaptive *self)
{
    self->sum_slower = self->sum_faster = 0;
    self->run_slower = self->run_faster = 0;
}

static double add_to_sum(double sum, double by, uint32_t *run)
{
    sum = fmax(0, sum + by - SUM_DRIFT);
    *run = sum > 0 ? *run + 1 : 0;
    return sum;
}

/* A single outlier says little, two in a row say something. */
static void watch(adaptive *self, double score)
{
    double by = fmin(fmax(score, -3), 3);
    const uint32_t outlier = fabs(score) > OUTLIER;
    if (outlier != 0 && self->outlier_last == 0) {
        by /= 2;
    }
    self->outlier_last = outlier;
    self->sum_slower = add_to_sum(self->sum_slower, by, &self->run_slower);
    self->sum_faster = add_to_sum(self->sum_faster, -by, &self->run_faster);
}

static double median_residual(const adaptive *self, uint32_t n)
{
    double sorted[N_RECENT];
    for (uint32_t i = 0; i < n; i++) {
        uint32_t j = i;
        for (; j > 0 && sorted[j - 1] > self->recent[i].residual; j--) {
            sorted[j] = sorted[j - 1];
        }
        sorted[j] = self->recent[i].residual;
    }
    return n % 2 != 0 ? sorted[n / 2] : (sorted[n / 2] + sorted[n / 2 - 1]) / 2;
}

/* Moves what is remembered by the change at n and at half of it. */
static void end_check(adaptive *self)
{
    const change *c = &self->change;
    const double half = (double)self->trial;
    double more = augsi_cost_seconds(&self->cost, c->n) * expm1(c->residual);
    double base = more, slope = 0;
    if (c->n_seen > 0) {
        double more_half = exp(c->predicted) * expm1(c->sum / c->n_seen);
        slope = (more - more_half) / (c->n - half);
        base = more_half - slope * half;
    }
    augsi_cost_shift(&self->cost, base, slope, more);
    augsi_cost_fade(&self->cost, KEPT, 0);
    for (uint32_t i = 0; i < c->n_run; i++) {
        const seen_batch *b = &self->recent[i];
        augsi_cost_add(&self->cost, b->n, b->log_seconds, (1 - KEPT) * b->weight);
    }
    self->checking = 0;
    self->trial = 0;
    self->learned = 0;
    reset_sums(self);
}

static void begin_check(adaptive *self)
{
    change *c = &self->change;
    uint32_t run = self->sum_slower > ALARM ? self->run_slower : self->run_faster;
    double n = 0;
    *c = (change){.n_run = run < N_RECENT ? run : N_RECENT};
    c->residual = median_residual(self, c->n_run);
    reset_sums(self);
    if (fabs(c->residual) < 0.5 * self->cost.noise) {
        return;
    }
    for (uint32_t i = 0; i < c->n_run; i++) {
        n += log(self->recent[i].n) / c->n_run;
    }
    c->n = exp(n);
    self->trial = fit_size(self, c->n / 2);
    if ((double)self->trial > 0.8 * c->n) {
        end_check(self);
        return;
    }
    self->checking = 1;
    self->trial_age = 0;
    self->why_trial = "check";
    c->predicted = log(augsi_cost_seconds(&self->cost, (double)self->trial));
}

static void continue_check(adaptive *self, double log_seconds)
{
    change *c = &self->change;
    const double noise = self->cost.noise;
    c->sum += log_seconds - c->predicted;
    c->n_seen++;
    self->trial_age = 0;
    if (c->n_seen >= (noise > 0.15 ? 3u : noise > 0.08 ? 2u : 1u)) {
        end_check(self);
    }
}

/* Trials above the size that are faster than expected, again and again: what was above is gone. */
static void watch_above(adaptive *self, double n, double log_seconds, double score)
{
    self->sum_above = fmax(0, self->sum_above + fmin(fmax(-score, -3), 3) - SUM_DRIFT);
    if (score < -1.5) {
        self->idle = PROBE_INTERVAL - 3;
    }
    if (self->sum_above > ALARM_ABOVE) {
        augsi_cost_fade(&self->cost, KEPT_ABOVE, (double)self->size * 1.003);
        augsi_cost_add(&self->cost, n, log_seconds, 1 - KEPT_ABOVE);
        self->sum_above = 0;
    }
}

/* ---- feedback ---- */

static void see_memory(adaptive *self, const augs_feedback *feedback)
{
    if (feedback->bytes == 0) {
        return;
    }
    if (feedback->available_bytes != 0 &&
        __builtin_add_overflow(feedback->bytes, feedback->available_bytes, &self->limit_seen)) {
        self->limit_seen = UINT64_MAX;
    }
    augsi_memory_see(&self->memory, (double)feedback->n_samples, (double)feedback->bytes);
}

/* Remembers a batch; what is far off counts little, and as less far off. */
static void remember(adaptive *self, double n, double log_seconds, double residual, double score)
{
    seen_batch one = {n, log_seconds, residual, 1};
    if (self->n_timed > 4 && fabs(score) > OUTLIER) {
        one.weight = 0.1;
        one.log_seconds = log_seconds - residual + residual * OUTLIER / fabs(score);
    }
    memmove(self->recent + 1, self->recent, (N_RECENT - 1) * sizeof one);
    self->recent[0] = one;
    augsi_cost_fade(&self->cost, FORGETTING, 0);
    augsi_cost_add(&self->cost, n, one.log_seconds, one.weight);
    self->n_timed++;
}

/* The best size of those that were tried, and the next trial. */
static void choose_size(adaptive *self)
{
    const double most = size_most(self);
    double high = fmin((double)self->tried_most, most), low = (double)self->tried_least / 2;
    low = fmin(fmax(low, (double)self->limits.min), high);
    self->size = fit_size(self, augsi_cost_best(&self->cost, low, high, (double)self->size));
    uint64_t above = neighbour(self, self->size, true);
    if ((double)above <= high && augsi_cost_loss(&self->cost, (double)above) <
                                     augsi_cost_loss(&self->cost, (double)self->size) - 0.001) {
        self->size = above;
    }
    if (self->trial != 0 && (double)self->trial > most) {
        self->trial = 0;
    }
    if (self->trial == 0) {
        choose_trial(self);
    }
}

static void see_seconds(adaptive *self, uint64_t n_samples, double seconds)
{
    const double n = (double)n_samples, log_seconds = log(seconds);
    const bool was_trial = self->trial != 0 && n_samples == self->trial;
    double residual = 0, score = 0;
    if (self->n_timed > 0) {
        double spread = augsi_cost_spread(&self->cost, n), noise = self->cost.noise;
        residual = log_seconds - log(augsi_cost_seconds(&self->cost, n));
        score = residual / sqrt(noise * noise + spread * spread + 1e-4);
    }
    if (self->n_timed > 4) {
        watch(self, score);
    }
    if (self->n_timed > LEARNING_BATCHES) {
        double late = seconds > self->target_seconds ? 1 : 0;
        self->margin = fmin(fmax(self->margin + LATE_GAIN * (late - LATE_PART), 1.5), 4);
    }
    remember(self, n, log_seconds, residual, score);
    if (self->checking != 0 && was_trial) {
        continue_check(self, log_seconds);
    } else if (self->checking == 0 && fmax(self->sum_slower, self->sum_faster) > ALARM) {
        begin_check(self);
    } else if (self->checking == 0 && was_trial) {
        self->trial = 0;
        if (self->n_timed > LEARNING_BATCHES && n > 1.003 * (double)self->size) {
            watch_above(self, n, log_seconds, score);
        }
    }
    self->tried_most = n_samples > self->tried_most ? n_samples : self->tried_most;
    self->tried_least =
        self->tried_least == 0 || n_samples < self->tried_least ? n_samples : self->tried_least;
    refit(self);
    if (self->n_timed == 1) {
        begin_scan(self, n / seconds);
        return;
    }
    if (self->scan == SCAN_DOWN && was_trial) {
        continue_scan(self, n, n / seconds);
    }
    choose_size(self);
}

static void observe(void *state, const augs_feedback *feedback)
{
    adaptive *self = state;
    /* nothing above max was planned */
    if (feedback == NULL || feedback->n_samples == 0 || feedback->n_samples > self->limits.max) {
        return;
    }
    see_memory(self, feedback);
    if (feedback->seconds > 1e-12 && feedback->seconds < 1e12) {
        see_seconds(self, feedback->n_samples, feedback->seconds);
    } else if (feedback->n_samples == self->trial) {
        self->trial = 0;
        self->checking = 0;
    }
    if ((double)self->size > memory_most(self)) {
        self->size = fit_size(self, memory_most(self));
    }
}

/* ---- plan ---- */

static const char *why_size(const adaptive *self)
{
    if (self->n_timed == 0 && self->size == self->initial) {
        return "start";
    }
    double above = (double)self->size + (double)self->limits.multiple_of;
    if (above > memory_most(self)) {
        return "memory";
    }
    return above > size_most(self) && above <= (double)self->limits.max ? "latency" : "model";
}

/* The size of the next batch: a trial goes out once, and again only when nothing is heard of it. */
static uint64_t next_size(adaptive *self)
{
    if (self->trial != 0 && self->trial_age >= GIVE_UP) {
        self->trial = 0;
        self->checking = 0;
    }
    if (self->trial != 0 && self->trial_age++ % PATIENCE == 0 &&
        (double)self->trial <= fmax(memory_most(self), (double)self->limits.min)) {
        self->why = self->why_trial;
        return self->trial;
    }
    self->why = why_size(self);
    return self->size;
}

static int plan(void *state, const augs_plan_facts *facts, augs_span *ret_span, augs_error *error)
{
    adaptive *self = state;
    self->limit_facts = facts->memory_limit_bytes;
    const uint64_t size = next_size(self);
    augs_span span;
    int status = augsi_size_span(&self->limits, "adaptive", facts, size, &span, error);
    if (status > 0) {
        self->why = span.count / facts->world_size != size ? "tail" : self->why;
        *ret_span = span;
    }
    return status;
}

static const char *why(const void *state)
{
    return ((const adaptive *)state)->why;
}

/* ---- options ---- */

static int refuse(const char *option, double value, const char *accepted, augs_error *error)
{
    return augsi_fail(error, AUGS_E_ARGUMENT, "strategy adaptive: %s %g; accepted: %s", option,
                      value, accepted);
}

static int check_options(const augs_strategy_options *options, augs_error *error)
{
    const double seconds = options->target_seconds, memory = options->target_memory;
    const double growth = options->growth, reduction = options->reduction;
    if (!(seconds >= 0 && seconds < INFINITY)) {
        return refuse("target_seconds", seconds, "above 0, or 0 for no target", error);
    }
    if (!(memory >= 0 && memory <= 1)) {
        return refuse("target_memory", memory, "above 0, up to 1, or 0 for 0.7", error);
    }
    if (growth != 0 && !(growth > 1 && growth <= 16)) {
        return refuse("growth", growth, "above 1, up to 16, or 0 for 1.2", error);
    }
    if (reduction != 0 && !(reduction >= 1. / 16 && reduction < 1)) {
        return refuse("reduction", reduction, "1/16 to below 1, or 0 for 0.8", error);
    }
    return augsi_planner_refuse_foreign("adaptive", options, error);
}

static int init(void *state, const augs_strategy_options *options, augs_error *error)
{
    adaptive *self = state;
    augsi_size_limits limits;
    int status = check_options(options, error);
    if (status == AUGS_OK) {
        status = augsi_size_limits_init(&limits, "adaptive", options, DEFAULT_MAX, error);
    }
    if (status < 0) {
        return status;
    }
    const uint64_t first = options->batch_size != 0 ? options->batch_size : DEFAULT_INITIAL;
    self->limits = limits;
    self->size = self->initial = augsi_size_fit(&limits, first);
    self->target_seconds = options->target_seconds;
    self->target_memory =
        options->target_memory > 0 ? options->target_memory : DEFAULT_TARGET_MEMORY;
    self->growth = options->growth > 0 ? options->growth : DEFAULT_GROWTH;
    self->reduction = options->reduction > 0 ? options->reduction : DEFAULT_REDUCTION;
    self->limit_option = options->max_memory_bytes;
    self->margin = FIRST_MARGIN;
    self->why = "start";
    return AUGS_OK;
}

const augs_strategy_ops augsi_strategy_adaptive = {
    .size = sizeof(augs_strategy_ops),
    .name = "adaptive",
    .state_size = sizeof(adaptive),
    .init = init,
    .plan = plan,
    .observe = observe,
    .why = why,
};
