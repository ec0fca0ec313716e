/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bins and questions. Batches of the same size are merged, so the memory of sizes that are far away
 * lasts as long as its weight, however many batches of the present size follow.
 */
#include "strategies/adaptive/adaptive_model.h"

#include <math.h>
#include <string.h>

/* Sizes that differ by less are one. */
#define SAME_SIZE 0.004
/* A curve's word counts up to this loss. */
#define MOST_LOSS 10.0
/* By so much another size has to be better than the present one. */
#define WORTH_A_CHANGE 0.001

static augsi_cost_bin merged(const augsi_cost_bin *x, const augsi_cost_bin *y)
{
    double weight = x->weight + y->weight;
    double part = weight > 0 ? y->weight / weight : 0.5;
    double step = y->mean - x->mean;
    return (augsi_cost_bin){.n = x->n + (y->n - x->n) * part,
                            .weight = weight,
                            .mean = x->mean + step * part,
                            .square = x->square + y->square + x->weight * part * step * step};
}

/* Merges the two neighbours whose difference says least. */
static void make_room(augsi_cost_model *model)
{
    augsi_cost_bin *bins = model->bins;
    uint32_t at = 0;
    double least = INFINITY;
    for (uint32_t i = 0; i + 1 < model->n_bins; i++) {
        double gap = log(bins[i + 1].n / bins[i].n);
        double cost = gap * gap * fmin(bins[i].weight, bins[i + 1].weight);
        if (cost < least) {
            least = cost;
            at = i;
        }
    }
    bins[at] = merged(&bins[at], &bins[at + 1]);
    model->n_bins--;
    memmove(&bins[at + 1], &bins[at + 2], (model->n_bins - at - 1) * sizeof *bins);
}

void augsi_cost_add(augsi_cost_model *model, double n, double log_seconds, double weight)
{
    const augsi_cost_bin one = {.n = n, .weight = weight, .mean = log_seconds, .square = 0};
    augsi_cost_bin *bins = model->bins;
    if (model->n_bins == AUGSI_COST_BINS) {
        make_room(model);
    }
    uint32_t i = 0;
    while (i < model->n_bins && bins[i].n < n) {
        i++;
    }
    for (uint32_t j = i > 0 ? i - 1 : 0; j <= i && j < model->n_bins; j++) {
        if (fabs(bins[j].n - n) <= SAME_SIZE * n) {
            bins[j] = merged(&bins[j], &one);
            return;
        }
    }
    memmove(&bins[i + 1], &bins[i], (model->n_bins - i) * sizeof one);
    bins[i] = one;
    model->n_bins++;
}

void augsi_cost_fade(augsi_cost_model *model, double factor, double above)
{
    for (uint32_t i = 0; i < model->n_bins; i++) {
        if (model->bins[i].n > above) {
            model->bins[i].weight *= factor;
            model->bins[i].square *= factor;
        }
    }
}

void augsi_cost_shift(augsi_cost_model *model, double base, double slope, double sign)
{
    for (uint32_t i = 0; i < model->n_bins; i++) {
        augsi_cost_bin *bin = &model->bins[i];
        double seconds = exp(bin->mean), more = base + slope * bin->n;
        if (more * sign > 0) {
            bin->mean = log(fmax(seconds + more, seconds / 8));
        }
    }
}

double augsi_curve_seconds(const augsi_cost_curve *curve, double n)
{
    double seconds = curve->base + curve->slope * n;
    return n > curve->knot ? seconds + curve->extra * (n - curve->knot) : seconds;
}

double augsi_curve_loss(const augsi_cost_curve *curve, double n)
{
    return fmin(augsi_curve_seconds(curve, n) / (n * curve->best_pace) - 1, MOST_LOSS);
}

double augsi_cost_seconds(const augsi_cost_model *model, double n)
{
    double seconds = 0;
    for (uint32_t i = 0; i < model->n_curves; i++) {
        seconds += model->curves[i].weight * augsi_curve_seconds(&model->curves[i], n);
    }
    return seconds;
}

double augsi_cost_spread(const augsi_cost_model *model, double n)
{
    double mean = augsi_cost_seconds(model, n), square = 0;
    for (uint32_t i = 0; i < model->n_curves; i++) {
        double off = augsi_curve_seconds(&model->curves[i], n) / mean - 1;
        square += model->curves[i].weight * fmin(off * off, 1);
    }
    return sqrt(square);
}

double augsi_cost_loss(const augsi_cost_model *model, double n)
{
    double loss = 0;
    for (uint32_t i = 0; i < model->n_curves; i++) {
        loss += model->curves[i].weight * augsi_curve_loss(&model->curves[i], n);
    }
    return loss;
}

/* Where a curve's pace is best: where its pieces meet or end. */
static void find_best(augsi_cost_curve *curve, double low, double high, double seconds)
{
    if (augsi_curve_seconds(curve, high) > seconds) {
        double n = (seconds - curve->base) / fmax(curve->slope, 1e-300);
        if (n > curve->knot) {
            n = (seconds - curve->base + curve->extra * curve->knot) /
                fmax(curve->slope + curve->extra, 1e-300);
        }
        high = fmin(fmax(n, low), high);
    }
    const double ends[] = {low, fmin(fmax(curve->knot, low), high), high};
    curve->best_pace = INFINITY;
    for (int i = 0; i < 3; i++) {
        double pace = augsi_curve_seconds(curve, ends[i]) / ends[i];
        if (pace < curve->best_pace * (1 - 1e-9)) {
            curve->best_pace = pace;
            curve->best_n = ends[i];
        }
    }
}

void augsi_cost_aim(augsi_cost_model *model, double low, double high, double seconds)
{
    for (uint32_t i = 0; i < model->n_curves; i++) {
        find_best(&model->curves[i], low, high, seconds);
    }
}

/* The expected loss is not convex; three looks are enough: everywhere, where the knot is, and
 * around the best so far. */
double augsi_cost_best(const augsi_cost_model *model, double low, double high, double now)
{
    enum { STEPS = 24 };
    double best = fmin(fmax(now, low), high);
    double least = augsi_cost_loss(model, best) - WORTH_A_CHANGE;
    for (int look = 0; look < 3; look++) {
        double from = look == 0 ? low : look == 1 ? model->knot_low * 0.9 : best / 1.05;
        double to = look == 0 ? high : look == 1 ? model->knot_high * 1.02 : best * 1.05;
        from = fmin(fmax(from, low), high);
        to = fmin(to, high);
        double n = from, step = to > from ? pow(to / from, 1.0 / STEPS) : 1;
        for (int i = 0; i <= STEPS && to > from; i++, n = i == STEPS ? to : n * step) {
            double loss = augsi_cost_loss(model, n);
            if (loss < least) {
                least = loss;
                best = n;
            }
        }
    }
    return best;
}
