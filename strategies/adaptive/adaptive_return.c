/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way back. What was known before a change is put aside, and taken up again when batches say
 * that it holds again: those that noticed the next change, or one of the size that was best then,
 * which is tried now and then as long as it was the faster one. Far from that size nothing else may
 * tell: where batches have become large, a base that is as small as before is hardly seen.
 */
#include "strategies/adaptive/adaptive_state.h"

#include <math.h>
#include <string.h>

/* What is put aside lasted so many batches without a change, */
#define SETTLED 24u
/* and these sums of residuals say that none has begun. */
#define CALM 2.0
/* Log size and log pace differ by less. */
#define SAME 0.05
/* A size is tried again where it was faster by that. */
#define WORTH_RETURN 1.05
/* It holds again: twice the log likelihood ratio, and standard deviations a mean may be off. */
#define SAYS_RETURNED 6.0
#define MOST_OFF 2.5
/* So many batches it takes at least to notice a change: all of them came after it. */
#define SURE 4u
/* Batches say something of sizes up to so many times theirs: at two samples a slope is not seen. */
#define NEAR 2.5

/* What is learned is as good as it gets, and this batch is no sign of a change. */
void augsi_adaptive_note(augsi_adaptive *self)
{
    const bool settled = self->changed_at == 0 || self->n_timed - self->changed_at >= SETTLED;
    augsi_known_cost *now = &self->known;
    if (!self->learned || self->checking || !settled || self->outlier_last ||
        fmax(self->sum_slower, self->sum_faster) > CALM) {
        return;
    }
    now->n_bins = self->cost.n_bins;
    memcpy(now->bins, self->cost.bins, now->n_bins * sizeof *now->bins);
    now->size = self->size;
    now->noise = self->cost.noise;
    now->pace = augsi_cost_seconds(&self->cost, (double)self->size) / (double)self->size;
}

static bool is_same(const augsi_known_cost *x, const augsi_known_cost *y)
{
    return fabs(log((double)x->size / (double)y->size)) < SAME &&
           fabs(log(x->pace / y->pace)) < SAME;
}

/* In the place of the oldest, or of the same. */
void augsi_adaptive_leave(augsi_adaptive *self)
{
    uint32_t at = 0;
    if (self->known.n_bins == 0) {
        return;
    }
    while (at < AUGSI_N_PAST - 1 && self->past[at].n_bins > 0 &&
           !is_same(&self->past[at], &self->known)) {
        at++;
    }
    memmove(self->past + 1, self->past, at * sizeof *self->past);
    self->past[0] = self->known;
    self->known.n_bins = 0;
}

static void recall(const augsi_adaptive *self, const augsi_known_cost *past,
                   augsi_cost_model *model)
{
    model->n_bins = past->n_bins;
    model->n_curves = 0;
    memcpy(model->bins, past->bins, past->n_bins * sizeof *past->bins);
    augsi_cost_fit(model, (double)self->limits.min);
}

/* Goes on from the past; the last n batches are of it. */
static void take_up(augsi_adaptive *self, uint32_t at, uint32_t n)
{
    const augsi_known_cost past = self->past[at];
    augsi_adaptive_leave(self);
    self->cost.n_bins = past.n_bins;
    memcpy(self->cost.bins, past.bins, past.n_bins * sizeof *past.bins);
    for (uint32_t i = 0; i < n && i < AUGSI_N_RECENT; i++) {
        const augsi_seen_batch *b = &self->recent[i];
        augsi_cost_add(&self->cost, b->n, b->raw, 1);
    }
    self->size = augsi_adaptive_fit_size(self, (double)past.size);
    self->noise_before = past.noise;
    self->learned = true;
}

static double median(double *values, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        double value = values[i];
        uint32_t j = i;
        for (; j > 0 && values[j - 1] > value; j--) {
            values[j] = values[j - 1];
        }
        values[j] = value;
    }
    return n % 2 != 0 ? values[n / 2] : (values[n / 2] + values[n / 2 - 1]) / 2;
}

/* Whether those of the last n batches that are of a size, or the last of the others, are off by no
 * more than the noise. */
static bool fits(const augsi_adaptive *self, const augsi_cost_model *model, uint32_t n, double size,
                 bool others)
{
    double off[SURE], spread = 0;
    uint32_t k = 0;
    for (uint32_t i = 0; i < n && k < SURE; i++) {
        const augsi_seen_batch *b = &self->recent[i];
        if ((b->n == size) != others) {
            off[k++] = b->raw - log(augsi_cost_seconds(model, b->n));
            spread = fmax(spread, augsi_cost_spread(model, b->n));
        }
    }
    if (k == 0) {
        return true;
    }
    double noise2 = model->noise * model->noise / k;
    return fabs(median(off, k)) < MOST_OFF * sqrt(noise2 + spread * spread) + 0.01;
}

bool augsi_adaptive_explain(augsi_adaptive *self, uint32_t n, double n_changed, double half)
{
    for (uint32_t i = 0; i < AUGSI_N_PAST; i++) {
        augsi_cost_model model;
        if (self->past[i].n_bins == 0 || (double)self->past[i].size > NEAR * n_changed) {
            continue;
        }
        recall(self, &self->past[i], &model);
        if (fits(self, &model, n, half, false) && fits(self, &model, n, half, true)) {
            take_up(self, i, n < SURE ? n : SURE);
            return true;
        }
    }
    return false;
}

uint64_t augsi_adaptive_past_size(const augsi_adaptive *self, double most, double allowance,
                                  double *ret_price)
{
    const double now = (double)self->size, seconds = augsi_cost_seconds(&self->cost, now);
    for (uint32_t i = 0; i < AUGSI_N_PAST; i++) {
        const augsi_known_cost *past = &self->past[i];
        const double n = (double)past->size;
        if (past->n_bins == 0 || n > most || past->size < self->limits.min ||
            past->size == self->size || past->pace * WORTH_RETURN > seconds / now) {
            continue;
        }
        double price = fmax(0, augsi_cost_seconds(&self->cost, n) / seconds - n / now);
        if (price <= allowance) {
            *ret_price = price;
            return past->size;
        }
    }
    return 0;
}

bool augsi_adaptive_returned(augsi_adaptive *self, double n, double log_seconds)
{
    const double expected = log(augsi_cost_seconds(&self->cost, n));
    const double spread = augsi_cost_spread(&self->cost, n), noise = self->cost.noise;
    const double off = log_seconds - expected;
    for (uint32_t i = 0; i < AUGSI_N_PAST; i++) {
        const augsi_known_cost *past = &self->past[i];
        if (past->n_bins == 0 || (double)past->size != n) {
            continue;
        }
        double off_past = log_seconds - log(past->pace * n), sigma = fmax(noise, past->noise);
        if (off < 0 &&
            off * off - off_past * off_past > SAYS_RETURNED * (sigma * sigma + spread * spread)) {
            take_up(self, i, 1);
            return true;
        }
    }
    return false;
}
