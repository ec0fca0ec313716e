/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is seen goes into bins. Batches of the same size are merged, so the memory of sizes that are
 * far away lasts as long as its weight, however many batches of the present size follow.
 *
 * The posterior over cost curves. For each of a row of knots, base, slope and extra are found by
 * non-negative least squares in log seconds (Gauss-Newton; three unknowns, so all subsets of
 * active constraints are tried: Lawson and Hanson, Solving Least Squares Problems, ch. 23). A knot
 * weighs what a Student likelihood (the noise is unknown, too) leaves after paying for one more
 * parameter (Laplace's factor). Then the row is laid again where the weight is.
 */
#include "strategies/adaptive/adaptive_model.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Sizes that differ by less are one. */
#define SAME_SIZE 0.004
/* A curve's word counts up to this loss. */
#define MOST_LOSS 10.0
/* By so much another size has to be better than the present one. */
#define WORTH_A_CHANGE 0.001
/* What is believed of the noise before anything was seen: as after so many batches. */
#define PRIOR_NOISE 0.08
#define PRIOR_COUNT 3.0
/* Probability that a cliff stands right behind the largest size that was tried. */
#define CLIFF_AHEAD 0.15
/* Of a knot, to have curves. */
#define LEAST_WEIGHT 1e-4
#define ZOOMS 3
#define ROUNDS 2

/* ---- bins ---- */

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

/* Merges the two neighbors whose difference says least. */
static void make_space(augsi_cost_model *model)
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
        make_space(model);
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

/* ---- questions ---- */

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

/* ---- the fit ---- */

/* The bins in units of the largest one. */
typedef struct fitting {
    uint32_t n_bins;
    double n[AUGSI_COST_BINS], weight[AUGSI_COST_BINS];
    double seconds[AUGSI_COST_BINS], log_seconds[AUGSI_COST_BINS];
    double near[AUGSI_COST_BINS], log_near[AUGSI_COST_BINS]; /* linearised here at first */
    double unit_n, unit_seconds;
    double within, count; /* squares within the bins, weight of all */
} fitting;

typedef struct solution {
    double x[3]; /* base, slope, extra */
    double matrix[3][3];
    double squares, log_weight;
} solution;

static void prepare(const augsi_cost_model *model, fitting *f)
{
    const augsi_cost_bin *last = &model->bins[model->n_bins - 1];
    f->n_bins = model->n_bins;
    f->unit_n = last->n;
    f->unit_seconds = exp(last->mean);
    f->within = f->count = 0;
    for (uint32_t i = 0; i < model->n_bins; i++) {
        const augsi_cost_bin *bin = &model->bins[i];
        f->n[i] = bin->n / f->unit_n;
        f->weight[i] = bin->weight;
        f->log_seconds[i] = bin->mean - last->mean;
        f->seconds[i] = f->near[i] = exp(f->log_seconds[i]);
        f->log_near[i] = f->log_seconds[i];
        double guess = augsi_cost_seconds(model, bin->n) / f->unit_seconds;
        if (guess < 2 * f->seconds[i] && guess > 0.5 * f->seconds[i]) {
            f->near[i] = guess;
            f->log_near[i] = log(guess);
        }
        f->within += bin->square;
        f->count += bin->weight;
    }
}

static bool solve_subset(const double m[3][3], const double r[3], int subset, double x[3])
{
    int id[3] = {0}, n = 0;
    double a[3][4] = {{0}};
    for (int j = 0; j < 3; j++) {
        x[j] = 0;
        if ((subset >> j & 1) != 0) {
            id[n++] = j;
        }
    }
    for (int p = 0; p < n; p++) {
        for (int q = 0; q < n; q++) {
            a[p][q] = m[id[p]][id[q]];
        }
        a[p][n] = r[id[p]];
    }
    for (int p = 0; p < n; p++) {
        if (!(a[p][p] > m[id[p]][id[p]] * 1e-9)) {
            return false;
        }
        for (int q = p + 1; q < n; q++) {
            double factor = a[q][p] / a[p][p];
            for (int c = p; c <= n; c++) {
                a[q][c] -= factor * a[p][c];
            }
        }
    }
    for (int p = n - 1; p >= 0; p--) {
        double v = a[p][n];
        for (int q = p + 1; q < n; q++) {
            v -= a[p][q] * x[id[q]];
        }
        x[id[p]] = v / a[p][p];
        if (x[id[p]] < 0) {
            return false;
        }
    }
    return true;
}

/* The best non-negative x: what it explains is x . r. */
static bool solve_nonnegative(const double m[3][3], const double r[3], double x[3])
{
    static const int subsets[] = {7, 3, 5, 6, 1, 2, 4};
    const bool has_extra = m[2][2] > 2e-12;
    double most = -INFINITY;
    for (int i = 0; i < 7; i++) {
        double y[3];
        if ((!has_extra && (subsets[i] & 4) != 0) || !solve_subset(m, r, subsets[i], y)) {
            continue;
        }
        double explained = y[0] * r[0] + y[1] * r[1] + y[2] * r[2];
        if (explained > most) {
            most = explained;
            memcpy(x, y, sizeof y);
        }
        if (subsets[i] == (has_extra ? 7 : 3)) {
            break; /* without an active constraint there is nothing better */
        }
    }
    return most > 0;
}

static void normal_equations(const fitting *f, double knot, const double *near,
                             const double *log_near, double m[3][3], double r[3])
{
    memset(m, 0, 9 * sizeof **m);
    memset(r, 0, 3 * sizeof *r);
    for (uint32_t i = 0; i < f->n_bins; i++) {
        double n = f->n[i], u = f->weight[i] / (near[i] * near[i]);
        double z = near[i] * (1 + f->log_seconds[i] - log_near[i]) * u;
        m[0][0] += u;
        m[0][1] += u * n;
        m[1][1] += u * n * n;
        r[0] += z;
        r[1] += z * n;
        if (n > knot) {
            double over = n - knot;
            m[0][2] += u * over;
            m[1][2] += u * over * n;
            m[2][2] += u * over * over;
            r[2] += z * over;
        }
    }
    m[1][0] = m[0][1];
    m[2][0] = m[0][2];
    m[2][1] = m[1][2];
    for (int j = 0; j < 3; j++) {
        m[j][j] = m[j][j] * (1 + 1e-7) + 1e-12;
    }
}

static void solve(const fitting *f, double knot, int rounds, solution *s)
{
    double near[AUGSI_COST_BINS], log_near[AUGSI_COST_BINS];
    memcpy(near, f->near, sizeof near);
    memcpy(log_near, f->log_near, sizeof log_near);
    *s = (solution){.x = {1e-12, 0, 0}, .squares = INFINITY};
    for (int round = 0; round < rounds; round++) {
        double r[3];
        normal_equations(f, knot, near, log_near, s->matrix, r);
        if (!solve_nonnegative((const double(*)[3])s->matrix, r, s->x)) {
            return;
        }
        s->squares = 0;
        for (uint32_t i = 0; i < f->n_bins; i++) {
            double over = f->n[i] > knot ? f->n[i] - knot : 0;
            near[i] = fmax(s->x[0] + s->x[1] * f->n[i] + s->x[2] * over, 1e-300);
            log_near[i] = log(near[i]);
            double off = f->log_seconds[i] - log_near[i];
            s->squares += f->weight[i] * off * off;
            if (fabs(off) > 1.1) { /* no linearisation reaches further */
                near[i] = f->seconds[i] * (off < 0 ? 3 : 1. / 3);
                log_near[i] = f->log_seconds[i] + (off < 0 ? 1.1 : -1.1);
            }
        }
    }
}

static double noise_squared(const fitting *f, const solution *s)
{
    return (PRIOR_COUNT * PRIOR_NOISE * PRIOR_NOISE + s->squares + f->within) /
           (PRIOR_COUNT + f->count);
}

/* What a knot costs: log sqrt(1 + how well extra is known / how well it was before). */
static double price_of_knot(const solution *s, double knot, double noise2)
{
    const double(*m)[3] = s->matrix;
    double det = m[0][0] * m[1][1] - m[0][1] * m[0][1], information = m[2][2];
    if (det > 1e-12 * m[0][0] * m[1][1]) {
        information -= (m[0][2] * m[0][2] * m[1][1] - 2 * m[0][2] * m[1][2] * m[0][1] +
                        m[1][2] * m[1][2] * m[0][0]) /
                       det;
    }
    double before = 3 * (s->x[0] + s->x[1] * knot) / fmax(knot, 1e-9);
    return 0.5 * log(1 + fmax(information, 0) * before * before / noise2);
}

static void weigh(const fitting *f, solution *s, double knot)
{
    double noise2 = noise_squared(f, s);
    s->log_weight = -0.5 * (PRIOR_COUNT + f->count) * log(noise2);
    if (isfinite(knot)) {
        s->log_weight -= price_of_knot(s, knot, noise2);
    }
}

/* One standard deviation along the direction in which base is uncertain. */
static void base_direction(const solution *s, double noise2, double v[3])
{
    const double(*a)[3] = s->matrix;
    v[0] = v[1] = v[2] = 0;
    if (s->x[2] > 0) {
        double c0 = a[1][1] * a[2][2] - a[1][2] * a[1][2];
        double c1 = a[0][2] * a[1][2] - a[0][1] * a[2][2];
        double c2 = a[0][1] * a[1][2] - a[0][2] * a[1][1];
        double det = a[0][0] * c0 + a[0][1] * c1 + a[0][2] * c2;
        if (det > 0 && c0 > 0) {
            double k = sqrt(noise2 / (det * c0));
            v[0] = c0 * k;
            v[1] = c1 * k;
            v[2] = c2 * k;
        }
        return;
    }
    double det = a[0][0] * a[1][1] - a[0][1] * a[0][1];
    if (det > 0) {
        double k = sqrt(noise2 / (det * a[1][1]));
        v[0] = a[1][1] * k;
        v[1] = -a[0][1] * k;
    }
}

/* Three curves at the knot: the best, and sqrt(3) deviations to either side (Gauss-Hermite), as far
 * as nothing becomes negative. */
static void add_curves(augsi_cost_model *model, const fitting *f, const solution *s, double knot,
                       double weight)
{
    double v[3];
    base_direction(s, noise_squared(f, s), v);
    for (int side = -1; side <= 1; side++) {
        double reach = side * sqrt(3.0), x[3];
        for (int j = 0; j < 3; j++) {
            if (side * v[j] < 0) {
                reach = side * fmin(fabs(reach), s->x[j] / fabs(v[j]));
            }
        }
        for (int j = 0; j < 3; j++) {
            x[j] = fmax(0, s->x[j] + reach * v[j]);
        }
        x[0] = fmax(x[0], 1e-3 * f->seconds[0]);
        model->curves[model->n_curves++] =
            (augsi_cost_curve){.weight = weight * (side == 0 ? 2. / 3 : 1. / 6),
                               .base = x[0] * f->unit_seconds,
                               .slope = x[1] * f->unit_seconds / f->unit_n,
                               .extra = x[2] * f->unit_seconds / f->unit_n,
                               .knot = knot * f->unit_n};
    }
}

/* Nothing that was seen says what comes behind it. */
static void add_cliff_ahead(augsi_cost_model *model, const fitting *f, double weight)
{
    augsi_cost_curve curve = model->curves[1];
    curve.knot = f->unit_n;
    curve.extra = 4 * augsi_curve_seconds(&curve, curve.knot) / curve.knot;
    curve.weight = weight;
    model->curves[model->n_curves++] = curve;
}

/* A row of knots, logarithms, each in the middle of a cell. */
typedef struct knot_row {
    double from, width, peak;
    double knots[AUGSI_COST_KNOTS];
    solution solutions[AUGSI_COST_KNOTS];
} knot_row;

static void lay_row(const fitting *f, double from, double to, knot_row *row)
{
    row->from = from;
    row->width = (to - from) / AUGSI_COST_KNOTS;
    row->peak = -INFINITY;
    for (int i = 0; i < AUGSI_COST_KNOTS; i++) {
        row->knots[i] = exp(from + (i + 0.5) * row->width);
        solve(f, row->knots[i], ROUNDS, &row->solutions[i]);
        weigh(f, &row->solutions[i], row->knots[i]);
        row->peak = fmax(row->peak, row->solutions[i].log_weight);
    }
}

/* Lays the row, and again where the weight is, until half of it is used. */
static void find_knots(const fitting *f, double from, double to, knot_row *row)
{
    for (int zoom = 0; zoom < ZOOMS; zoom++) {
        lay_row(f, from, to, row);
        int first = AUGSI_COST_KNOTS, last = 0;
        for (int i = 0; i < AUGSI_COST_KNOTS; i++) {
            if (row->solutions[i].log_weight > row->peak - 5) {
                first = i < first ? i : first;
                last = i;
            }
        }
        first = first > 0 ? first - 1 : 0;
        last = last + 1 < AUGSI_COST_KNOTS ? last + 1 : last;
        if (last - first + 1 > AUGSI_COST_KNOTS / 2) {
            return;
        }
        to = from + (last + 1) * row->width;
        from += first * row->width;
    }
}

void augsi_cost_fit(augsi_cost_model *model, double low)
{
    fitting f;
    solution none;
    knot_row row;
    if (model->n_bins == 0) {
        model->n_curves = 0;
        return;
    }
    prepare(model, &f);
    solve(&f, INFINITY, ROUNDS + 1, &none);
    weigh(&f, &none, INFINITY);
    double from = log(fmax(low, model->bins[0].n / 8) / f.unit_n), top = none.log_weight, cell = 0;
    const bool has_knots = model->n_bins > 1 && from < 0;
    if (has_knots) {
        find_knots(&f, from, 0, &row);
        top = fmax(top, row.peak);
        cell = row.width / -from; /* of the prior: a knot is as likely as none, and anywhere */
    }
    double all = exp(none.log_weight - top), p = all;
    for (int i = 0; has_knots && i < AUGSI_COST_KNOTS; i++) {
        all += cell * exp(row.solutions[i].log_weight - top);
    }
    p /= all;
    model->n_curves = 0;
    add_curves(model, &f, &none, INFINITY, p * (1 - CLIFF_AHEAD));
    add_cliff_ahead(model, &f, p * CLIFF_AHEAD);
    double noise2 = p * noise_squared(&f, &none);
    for (int i = 0; has_knots && i < AUGSI_COST_KNOTS; i++) {
        p = cell * exp(row.solutions[i].log_weight - top) / all;
        if (p > LEAST_WEIGHT) {
            noise2 += p * noise_squared(&f, &row.solutions[i]);
            add_curves(model, &f, &row.solutions[i], row.knots[i], p);
        }
    }
    model->noise = sqrt(noise2);
    model->knot_low = has_knots ? exp(row.from) * f.unit_n : f.unit_n;
    model->knot_high =
        has_knots ? exp(row.from + AUGSI_COST_KNOTS * row.width) * f.unit_n : f.unit_n;
}
