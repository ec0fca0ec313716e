/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What batches cost, learned from those seen: seconds(n) = base + slope n + extra max(0, n - knot),
 * times log-normal noise. Not one such curve is kept but a weighted set of them, the posterior over
 * the knot and the base, so that a caller can ask what it does not know as well.
 *
 * Sizes are samples, as doubles. Nothing allocates; a model of zeros is an empty one. The functions
 * that ask need a fit, and those that speak of losses an aim, since the last change.
 */
#ifndef AUGSI_ADAPTIVE_MODEL_H
#define AUGSI_ADAPTIVE_MODEL_H

#include <stdint.h>

#define AUGSI_COST_BINS 24
#define AUGSI_COST_KNOTS 24
/* three for every knot and for none, and one with a cliff behind all that was tried */
#define AUGSI_COST_CURVES (3 * (AUGSI_COST_KNOTS + 1) + 1)

/* Batches of (nearly) one size. */
typedef struct augsi_cost_bin {
    double n, weight;
    double mean, square; /* of log seconds; square = sum of weight x deviation^2 */
} augsi_cost_bin;

typedef struct augsi_cost_curve {
    double weight; /* all together 1 */
    double base, slope, extra, knot;
    double best_n, best_pace; /* least seconds per sample within the aim, and where */
} augsi_cost_curve;

typedef struct augsi_cost_model {
    uint32_t n_bins, n_curves;
    augsi_cost_bin bins[AUGSI_COST_BINS]; /* by size */
    augsi_cost_curve curves[AUGSI_COST_CURVES];
    double noise;               /* standard deviation of log seconds */
    double knot_low, knot_high; /* where the knot is, if there is one */
} augsi_cost_model;

void augsi_cost_add(augsi_cost_model *model, double n, double log_seconds, double weight);
/* Multiplies the weight of all that was seen, or of what was seen above a size. */
void augsi_cost_fade(augsi_cost_model *model, double factor, double above);
/* Moves all that was seen by base + slope n seconds, where that has the sign of `sign`. */
void augsi_cost_shift(augsi_cost_model *model, double base, double slope, double sign);
/* Finds the curves; none has a knot below `low`. */
void augsi_cost_fit(augsi_cost_model *model, double low);
/* Says which sizes are possible: from low to high, and those of at most so many seconds. */
void augsi_cost_aim(augsi_cost_model *model, double low, double high, double seconds);

double augsi_curve_seconds(const augsi_cost_curve *curve, double n);
/* How much slower than its best the curve is at n, as a part of the best: 0 = not at all. */
double augsi_curve_loss(const augsi_cost_curve *curve, double n);
/* Expectations over the curves, and the standard deviation of log seconds among them. */
double augsi_cost_seconds(const augsi_cost_model *model, double n);
double augsi_cost_spread(const augsi_cost_model *model, double n);
double augsi_cost_loss(const augsi_cost_model *model, double n);
/* The size from low to high with the least expected loss; `now` unless another is clearly better.
 */
double augsi_cost_best(const augsi_cost_model *model, double low, double high, double now);

#endif
