/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The beta quantile by two ways.
 *
 * Directly: Halley's iteration for ln I_x(a, b) = ln v in u = ln x, where ln I is concave, with a
 * bracket as a guard. I is the continued fraction of Numerical Recipes 6.4 (Lentz's method), which
 * converges fast below x0 = (a + 1) / (a + b + 2); above it the roles of x and 1 - x are exchanged,
 * where the threshold is 1 - x0.
 *
 * By table: logit x as a function of logit v is smooth and near linear, with slopes 1 / a and 1 / b
 * at the ends, so that polynomials on pieces of equal width in logit v give it. A piece is compared
 * with the direct way between its nodes when it is made; where they differ the direct way stays in
 * use.
 */
#include "pipeline/stream/quantiles.h"

#include "pipeline/stream/quantiles_core.h"

#define FIRST_LOGIT (-0.5 * AUGSI_BETA_PIECES / PIECES_PER_UNIT)
#define PIECES_PER_UNIT 2
#define TOLERANCE 0x1p-43

/* Chebyshev's nodes of [-1, 1] in the order that keeps Newton's form stable (Leja's). */
static const double nodes[AUGSI_BETA_TERMS] = {
    0.99144486, -0.99144486, 0.13052619, -0.60876143, 0.60876143, -0.92387953,
    0.92387953, -0.13052619, 0.38268343, -0.38268343, 0.79335334, -0.79335334,
};

/* ln Gamma(x) = (x - 1/2) ln x - x + ln sqrt(2 pi) + stirling(x) for x >= 16. */
static double stirling(double x)
{
    double z = 1.0 / (x * x);
    return (1.0 / 12.0 - z * (1.0 / 360.0 - z * (1.0 / 1260.0 - z * (1.0 / 1680.0 - z / 1188.0)))) /
           x;
}

/* ln B(a, b) = ln B(a + j, b + k) (a + b)_{j + k} / (a)_j (b)_k, with both above 16. */
static double ln_beta(double a, double b)
{
    double ratio = 1.0, sum = a + b;
    for (; a < 16.0; a += 1.0, sum += 1.0) {
        ratio *= sum / a;
    }
    for (; b < 16.0; b += 1.0, sum += 1.0) {
        ratio *= sum / b;
    }
    sum = a + b;
    return a * augsi_ln1p(-b / sum) + b * augsi_ln1p(-a / sum) +
           0.5 * augsi_ln(6.28318530717958647693 * sum / a / b) + stirling(a) + stirling(b) -
           stirling(sum) + augsi_ln(ratio);
}

/* I_x(a, b) a B(a, b) / (x^a (1 - x)^b), the continued fraction. */
static double fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1.0, d = 1.0 - (a + b) * x / (a + 1.0);
    d = 1.0 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m <= 2000; m++) {
        double even = m * (b - m) * x / ((a - 1.0 + 2 * m) * (a + 2 * m));
        d = 1.0 + even * d;
        c = 1.0 + even / c;
        d = 1.0 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        h *= d * c;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 1.0 + 2 * m));
        d = 1.0 + odd * d;
        c = 1.0 + odd / c;
        d = 1.0 / (fabs(d) < tiny ? tiny : d);
        c = fabs(c) < tiny ? tiny : c;
        double factor = d * c;
        h *= factor;
        if (fabs(factor - 1.0) < 1e-15) {
            break;
        }
    }
    return h;
}

/* ln x with I_x(a, b) = v, for solutions up to x0 and rounding beyond it; base = ln(a B(a, b)). */
static double solve(double a, double b, double base, double x0, double v)
{
    const double log_v = augsi_ln(v), log_x0 = augsi_ln(x0);
    double high = 0.5 * log_x0, low = -INFINITY;
    double u = (log_v + base) / a;
    if (!(u < log_x0)) {
        u = log_x0;
    }
    for (int i = 0; i < 200; i++) {
        double x = augsi_exp(u), rest = 1.0 - x;
        double h = fraction(a, b, x);
        double f = a * u + b * augsi_ln1p(-x) - base + augsi_ln(h) - log_v;
        double slope = a / (rest * h);
        double bend = a - (b - 1.0) * x / rest - slope; /* f'' / f' */
        if (f > 0) {
            high = u;
        } else {
            low = u;
        }
        double newton = f / slope;
        double damping = 1.0 - 0.5 * newton * bend;
        double step = damping > 0.5 && damping < 2.0 ? newton / damping : newton;
        if (fabs(step) < 1e-6) {
            return u - step;
        }
        u -= step;
        if (!(u > low && u < high)) {
            u = low == -INFINITY ? 2.0 * high - 1.0 : 0.5 * (low + high);
        }
    }
    return u;
}

/* logit x for I_x(a, b) = v, rest = 1 - v. */
static double direct_logit(const augsi_beta *column, double v, double rest)
{
    if (v <= column->v_split) {
        double u = solve(column->a, column->b, column->base_low, column->split, v);
        return u - augsi_ln1p(-augsi_exp(u));
    }
    double u = solve(column->b, column->a, column->base_high, 1.0 - column->split, rest);
    return augsi_ln1p(-augsi_exp(u)) - u;
}

/* logit x at a place, in pieces from FIRST_LOGIT on. */
static double at_place(const augsi_beta *column, double place)
{
    double logit = FIRST_LOGIT + place / PIECES_PER_UNIT;
    double e = augsi_exp(-fabs(logit)), small = e / (1.0 + e), large = 1.0 / (1.0 + e);
    return logit < 0 ? direct_logit(column, small, large) : direct_logit(column, large, small);
}

static double newton_form(const double *terms, double x)
{
    double y = terms[AUGSI_BETA_TERMS - 1];
    for (int i = AUGSI_BETA_TERMS - 2; i >= 0; i--) {
        y = y * (x - nodes[i]) + terms[i];
    }
    return y;
}

static void make_piece(augsi_beta *column, int piece)
{
    static const double checks[] = {-1.0, -0.86, -0.26, 0.0, 0.5, 0.97, 1.0};
    double *terms = column->table[piece];
    for (int i = 0; i < AUGSI_BETA_TERMS; i++) {
        terms[i] = at_place(column, piece + 0.5 + 0.5 * nodes[i]);
    }
    for (int k = 1; k < AUGSI_BETA_TERMS; k++) {
        for (int i = AUGSI_BETA_TERMS - 1; i >= k; i--) {
            terms[i] = (terms[i] - terms[i - 1]) / (nodes[i] - nodes[i - k]);
        }
    }
    column->tabled[piece] = 1;
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        double y = at_place(column, piece + 0.5 + 0.5 * checks[i]);
        double size = fabs(y) > 1.0 ? fabs(y) : 1.0;
        if (!(fabs(newton_form(terms, checks[i]) - y) <= TOLERANCE * size)) {
            column->tabled[piece] = 0;
        }
    }
}

void augsi_beta_init(augsi_beta *column, double a, double b)
{
    double log_beta = ln_beta(a, b);
    memset(column, 0, sizeof *column);
    column->a = a;
    column->b = b;
    column->base_low = log_beta + augsi_ln(a);
    column->base_high = log_beta + augsi_ln(b);
    column->split = (a + 1.0) / (a + b + 2.0);
    column->v_split =
        augsi_exp(a * augsi_ln(column->split) + b * augsi_ln1p(-column->split) - column->base_low) *
        fraction(a, b, column->split);
    if (a == 1.0 || b == 1.0) {
        return;
    }
    for (int piece = 0; piece < AUGSI_BETA_PIECES; piece++) {
        make_piece(column, piece);
    }
}

static double quantile(const augsi_beta *column, double v, double rest)
{
    int lower = v < rest;
    double logit = augsi_ln(lower ? v / rest : rest / v);
    double place = ((lower ? logit : -logit) - FIRST_LOGIT) * PIECES_PER_UNIT;
    int piece = (int)place;
    double y = column->tabled[piece]
                   ? newton_form(column->table[piece], 2.0 * (place - piece) - 1.0)
                   : direct_logit(column, v, rest);
    double e = augsi_exp(-fabs(y));
    return (y < 0 ? e : 1.0) / (1.0 + e);
}

/* a or b is 1: v^(1/a), 1 - (1 - v)^(1/b). */
static double closed_quantile(const augsi_beta *column, double v, double rest)
{
    if (column->a == column->b) {
        return v;
    }
    if (column->b == 1.0) {
        return augsi_exp((v < 0.5 ? augsi_ln(v) : augsi_ln1p(-rest)) / column->a);
    }
    return -augsi_exp_minus_1((v < 0.5 ? augsi_ln1p(-v) : augsi_ln(rest)) / column->b);
}

void augsi_beta_fill(const augsi_beta *column, const uint32_t *words, uint64_t n, float *ret_values)
{
    const int closed = column->a == 1.0 || column->b == 1.0;
    for (uint64_t i = 0; i < n; i++) {
        double v = augsi_lower(words[i]), rest = augsi_upper(words[i]);
        ret_values[i] =
            (float)(closed ? closed_quantile(column, v, rest) : quantile(column, v, rest));
    }
}
