/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is done when costs change: two-sided cumulative sums of the residuals (Page 1954) notice it,
 * half the size is measured, too, and what is remembered is moved by the line through the two
 * differences. A base, a slope, or everything that changed keeps the knee where it was.
 */
#include "strategies/adaptive/adaptive_state.h"

#include <math.h>

/* Cumulative sums of residuals, in standard deviations, less the drift a batch. */
#define ALARM 8.0
#define ALARM_ABOVE 4.0
#define SUM_DRIFT 0.5
/* Log seconds off what was expected that are no measurement, unless so many in a row are. */
#define IMPLAUSIBLE 7.0
#define N_IMPLAUSIBLE 3u
/* The first batches may have paid for a start: slower by that than a larger one after them. */
#define WARM_UP 1.1
/* What remains of what was seen before a change. */
#define KEPT 0.6
#define KEPT_ABOVE 0.05
/* A change so few batches after another one: what was remembered was moved wrongly. */
#define SOON 12u
#define KEPT_SOON 0.05
/* What is remembered does not go with what came after the change, if the noise grew so much. */
#define MISFIT 3.0
#define KEPT_MISFIT 0.2

static void reset_sums(augsi_adaptive *self)
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
bool augsi_adaptive_watch(augsi_adaptive *self, double score)
{
    double by = fmin(fmax(score, -3), 3);
    const bool outlier = fabs(score) > AUGSI_OUTLIER;
    if (outlier && !self->outlier_last) {
        by /= 2;
    }
    self->outlier_last = outlier;
    self->sum_slower = add_to_sum(self->sum_slower, by, &self->run_slower);
    self->sum_faster = add_to_sum(self->sum_faster, -by, &self->run_faster);
    return !self->checking && fmax(self->sum_slower, self->sum_faster) > ALARM;
}

static double median_residual(const augsi_adaptive *self, uint32_t n)
{
    double sorted[AUGSI_N_RECENT];
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
static void shift(augsi_adaptive *self)
{
    const augsi_cost_change *c = &self->change;
    const double half = (double)self->trial;
    double more = augsi_cost_seconds(&self->cost, c->n) * expm1(c->residual);
    double base = more, slope = 0;
    if (c->n_seen > 0) {
        double more_half = exp(c->predicted) * expm1(c->sum / c->n_seen);
        slope = (more - more_half) / (c->n - half);
        base = more_half - slope * half;
    }
    augsi_cost_shift(&self->cost, base, slope, more);
}

/* Keeps a part of what is remembered, and the last n batches. */
static void keep(augsi_adaptive *self, double part, uint64_t n)
{
    augsi_cost_fade(&self->cost, part, 0);
    for (uint64_t i = 0; i < n && i < AUGSI_N_RECENT; i++) {
        const augsi_seen_batch *b = &self->recent[i];
        augsi_cost_add(&self->cost, b->n, b->log_seconds, (1 - part) * b->weight);
    }
}

/* Whether the change is the way back to what was known before. */
static bool is_return(augsi_adaptive *self)
{
    const augsi_cost_change *c = &self->change;
    const uint64_t n = c->n_run + (self->n_timed - c->began_at);
    return augsi_adaptive_explain(self, n < AUGSI_N_RECENT ? (uint32_t)n : AUGSI_N_RECENT, c->n,
                                  (double)self->trial);
}

static void end_change(augsi_adaptive *self)
{
    self->changed_at = self->n_timed;
    self->checking = false;
    self->trial = 0;
    reset_sums(self);
}

static void end_check(augsi_adaptive *self)
{
    if (is_return(self)) {
        end_change(self);
        return;
    }
    augsi_adaptive_leave(self);
    if (self->changed_at != 0 && self->n_timed - self->changed_at < SOON) {
        keep(self, KEPT_SOON, self->change.n_run + self->n_timed - self->change.began_at);
    } else {
        shift(self);
        keep(self, KEPT, self->change.n_run);
    }
    self->learned = false;
    end_change(self);
}

bool augsi_adaptive_check_return(augsi_adaptive *self, double n, double log_seconds)
{
    if (!augsi_adaptive_returned(self, n, log_seconds)) {
        return false;
    }
    end_change(self);
    return true;
}

void augsi_adaptive_watch_fit(augsi_adaptive *self)
{
    const uint64_t n_since = self->n_timed - self->changed_at;
    if (self->changed_at != 0 && n_since >= 4 && n_since < SOON &&
        self->cost.noise > MISFIT * self->noise_before + 0.02) {
        keep(self, KEPT_MISFIT, n_since);
        self->noise_before = INFINITY;
        augsi_adaptive_refit(self);
    }
}

void augsi_adaptive_begin_check(augsi_adaptive *self)
{
    augsi_cost_change *c = &self->change;
    uint32_t run = self->sum_slower > ALARM ? self->run_slower : self->run_faster;
    double n = 0;
    *c = (augsi_cost_change){.n_run = run < AUGSI_N_RECENT ? run : AUGSI_N_RECENT,
                             .began_at = self->n_timed};
    c->residual = median_residual(self, c->n_run);
    reset_sums(self);
    if (fabs(c->residual) < 0.5 * self->cost.noise) {
        return;
    }
    for (uint32_t i = 0; i < c->n_run; i++) {
        n += log(self->recent[i].n) / c->n_run;
    }
    c->n = exp(n);
    self->noise_before = self->cost.noise;
    self->trial = augsi_adaptive_fit_size(self, c->n / 2);
    if ((double)self->trial > 0.8 * c->n) {
        end_check(self);
        return;
    }
    self->checking = true;
    self->trial_age = 0;
    self->why_trial = "check";
    c->predicted = log(augsi_cost_seconds(&self->cost, (double)self->trial));
}

void augsi_adaptive_continue_check(augsi_adaptive *self, double log_seconds)
{
    augsi_cost_change *c = &self->change;
    const double noise = self->cost.noise;
    c->sum += log_seconds - c->predicted;
    c->n_seen++;
    self->trial_age = 0;
    if (c->n_seen >= (noise > 0.15 ? 3u : noise > 0.08 ? 2u : 1u)) {
        end_check(self);
    }
}

/* Trials above the size that are faster than expected, again and again: what was above is gone. */
void augsi_adaptive_watch_above(augsi_adaptive *self, double n, double log_seconds, double score)
{
    self->sum_above = fmax(0, self->sum_above + fmin(fmax(-score, -3), 3) - SUM_DRIFT);
    if (score < -1.5) {
        self->idle = AUGSI_PROBE_INTERVAL - 3;
    }
    if (self->sum_above > ALARM_ABOVE) {
        augsi_cost_fade(&self->cost, KEPT_ABOVE, (double)self->size * 1.003);
        augsi_cost_add(&self->cost, n, log_seconds, 1 - KEPT_ABOVE);
        self->sum_above = 0;
    }
}

/* Forgets all batches, but not what was learned of memory. */
static void start_again(augsi_adaptive *self)
{
    augsi_adaptive_leave(self);
    self->cost.n_bins = self->cost.n_curves = 0;
    self->n_timed = self->changed_at = 0;
    self->tried_most = self->tried_least = 0;
    self->trial = 0;
    self->checking = self->learned = self->learned_once = false;
    self->n_implausible = 0;
    self->sum_above = 0;
    reset_sums(self);
}

/* Whether a batch cannot be one of those seen before. True: it is not to be looked at. */
bool augsi_adaptive_doubts(augsi_adaptive *self, double n, double log_seconds, double residual)
{
    if (self->n_timed == 0) {
        return false;
    }
    if (fabs(residual) > IMPLAUSIBLE) {
        if (++self->n_implausible < N_IMPLAUSIBLE) {
            return true;
        }
        start_again(self);
    }
    self->n_implausible = 0;
    if (self->n_timed > 0 && self->n_timed < 4 && n >= (double)self->tried_most) {
        double least = INFINITY;
        for (uint64_t i = 0; i < self->n_timed; i++) {
            least = fmin(least, self->recent[i].log_seconds);
        }
        if (log_seconds < least - WARM_UP) {
            start_again(self);
        }
    }
    return false;
}
