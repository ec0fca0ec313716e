/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is tried. Each possible step is rated by what it could teach: the loss that is avoided over
 * the next batches, curve by curve, times the probability that one batch (or four of them) would
 * tell the curve from the rest, less the time that the trial itself loses. A size above all that
 * were tried counts for what it may win as well, which makes the doubling scan and ends it.
 */
#include "strategies/adaptive/adaptive_state.h"

#include <math.h>

/* Batches for which a trial is made: while learning, and after. */
#define HORIZON_LEARNING 50.0
#define HORIZON_LEARNED 20.0
/* Where doubling wins less throughput than that, steps are smaller: so is a fall from a cliff. */
#define WORTH_DOUBLING 1.54
/* A trial has to promise that many batches' time. */
#define LEAST_GAIN 0.1
/* It has learned when the expected loss is below. */
#define LEARNED_LOSS 0.05
/* What trials without a reason may lose, in batches per batch, and save up. */
#define PROBE_PART 0.005
#define PROBE_MOST 0.3
/* And for those of what was best before a change. */
#define BACK_PART 0.0025
#define BACK_MOST 0.5

/* What trying n is worth, in batches of the best size. */
static double gain_of(const augsi_adaptive *self, double n)
{
    const augsi_cost_model *cost = &self->cost;
    const double now = (double)self->size, reach = 2 * (double)self->tried_most;
    const double noise = fmax(cost->noise, 0.01);
    double mean = 0, price = 0, better = 0, loss_now = 0, once = 0, four_times = 0;
    double seconds[AUGSI_COST_CURVES], logs[AUGSI_COST_CURVES];
    for (uint32_t i = 0; i < cost->n_curves; i++) {
        seconds[i] = augsi_curve_seconds(&cost->curves[i], n);
        logs[i] = log(seconds[i]);
        mean += cost->curves[i].weight * logs[i];
    }
    for (uint32_t i = 0; i < cost->n_curves; i++) {
        const augsi_cost_curve *c = &cost->curves[i];
        double off = (logs[i] - mean) / noise, unseen = exp(-0.5 * fmin(off * off, 100));
        double loss = augsi_curve_loss(c, now), other = augsi_curve_loss(c, n);
        double excess = fmax(0, seconds[i] - n * c->best_pace) -
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
    double horizon = self->learned ? HORIZON_LEARNED : HORIZON_LEARNING;
    return fmax(horizon * once - price, (horizon * four_times - 4 * price) / 4);
}

static void set_trial(augsi_adaptive *self, uint64_t size, const char *why)
{
    self->trial = size != self->size ? size : 0;
    self->trial_age = 0;
    self->why_trial = why;
    self->idle = 0;
}

/* The possible size closest to size x step that is another one, or 0. */
static uint64_t stepped(const augsi_adaptive *self, double step, double most)
{
    uint64_t n = augsi_adaptive_fit_size(self, (double)self->size * step);
    if (n == self->size || (step < 1) != (n < self->size)) {
        n = augsi_adaptive_neighbor(self, self->size, step > 1);
    }
    return n == self->size || (double)n > most ? 0 : n;
}

static bool step_allowed(const augsi_adaptive *self, double step)
{
    if (self->learned && step < 1) {
        return step >= self->reduction;
    }
    if (step == 2) {
        const double now = (double)self->size;
        double seconds = augsi_cost_seconds(&self->cost, now);
        if (2 * seconds < WORTH_DOUBLING * augsi_cost_seconds(&self->cost, 2 * now)) {
            return false;
        }
    }
    return !self->learned_once || step <= self->growth;
}

/* A trial without a reason: what was best before, or what lies above, may have become better. */
static void choose_probe(augsi_adaptive *self, double most)
{
    const double steps[] = {self->growth, 1.1, 1.05, 1.02};
    self->allowance = fmin(self->allowance + PROBE_PART, PROBE_MOST);
    self->allowance_back = fmin(self->allowance_back + BACK_PART, BACK_MOST);
    if (++self->idle < AUGSI_PROBE_INTERVAL) {
        return;
    }
    double back = 0;
    uint64_t past = augsi_adaptive_past_size(self, most, self->allowance_back, &back);
    if (past != 0) {
        self->allowance_back -= back;
        set_trial(self, past, "probe");
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

/* Whether a size so many times as large is expected to win what is worth that many doublings. */
static bool may_win(const augsi_adaptive *self, double step)
{
    const augsi_cost_model *cost = &self->cost;
    const double now = (double)self->size;
    double win = 0; /* log rate, on average over the curves */
    for (uint32_t i = 0; i < cost->n_curves; i++) {
        win += cost->curves[i].weight * log(augsi_curve_seconds(&cost->curves[i], now) /
                                            augsi_curve_seconds(&cost->curves[i], step * now));
    }
    return win + log(step) > log2(step) * log(WORTH_DOUBLING);
}

/* Where feedback is late there are few trials. As long as the largest size is the best, each one
 * goes as far as what was learned lets it; 0 = no further. */
static uint64_t late_scan(const augsi_adaptive *self, double most)
{
    static const double steps[] = {8, 4, 2};
    if (self->lag < AUGSI_LATE || self->learned_once || self->size < self->tried_most) {
        return 0;
    }
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const uint64_t n = may_win(self, steps[i]) ? stepped(self, steps[i], most) : 0;
        if (n != 0) {
            return n;
        }
    }
    return 0;
}

void augsi_adaptive_choose_trial(augsi_adaptive *self)
{
    static const double steps[] = {1.02,    1.05,     1.1,       1.2,       1.5,       2,
                                   0.97,    0.9,      0.8,       1. / 2,    1. / 4,    1. / 16,
                                   1. / 64, 1. / 256, 1. / 1024, 1. / 4096, 1. / 16384};
    const double most = augsi_adaptive_size_most(self);
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
    const uint64_t late = best != 0 ? late_scan(self, most) : 0;
    best = late > best ? late : best;
    if (best != 0) {
        set_trial(self, best, best > self->tried_most && !self->learned ? "scan" : "probe");
        return;
    }
    if (self->n_timed > AUGSI_LEARNING_BATCHES &&
        augsi_cost_loss(&self->cost, (double)self->size) < LEARNED_LOSS) {
        self->learned = self->learned_once = true;
    }
    choose_probe(self, most);
}

/* The second size: upwards, but from a large one a long way down, which costs little. */
void augsi_adaptive_begin_scan(augsi_adaptive *self, double rate)
{
    const double first = (double)self->size;
    double next = first * (self->lag >= AUGSI_LATE ? 4 : 2);
    if (self->size >= 64 && self->size / 8 >= self->limits.min) {
        next = first / (first * 2 > (double)self->limits.max ? 8 : 2);
    }
    set_trial(self, augsi_adaptive_fit_size(self, fmin(next, augsi_adaptive_memory_most(self))),
              "scan");
    self->scanning_down = self->trial != 0 && self->trial < self->size;
    self->best_rate = rate;
}

/* Further down while the rate does not fall clearly. */
void augsi_adaptive_continue_scan(augsi_adaptive *self, double n, double rate)
{
    if (rate > 0.5 * self->best_rate && n > (double)self->limits.min) {
        set_trial(self, augsi_adaptive_fit_size(self, n / 8), "scan");
    } else {
        self->scanning_down = false;
    }
    self->best_rate = fmax(self->best_rate, rate);
}
