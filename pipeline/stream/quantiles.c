/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exp, log and the quantiles of log_uniform and normal; what loops of several instruction sets share
 * stands in quantiles_core.h.
 *
 * Phi: series near zero, Laplace's continued fraction for the tail (Abramowitz and Stegun 26.2.11,
 * 26.2.14). Phi inverse: M. J. Wichura, algorithm AS 241 (PPND16), Applied Statistics 37 (1988).
 */
#include "pipeline/stream/quantiles.h"

#include "pipeline/stream/quantiles_core.h"

/* ---- exp and log ---- */

double augsi_exp(double x)
{
    if (x > 709.0) {
        return INFINITY;
    }
    return x < -708.0 ? 0.0 : augsi_exp_core(x);
}

double augsi_ln(double x)
{
    if (x < 0x1p-1022) {
        return augsi_ln_core(x * 0x1p54) - 54 * 0.69314718055994530942;
    }
    return augsi_ln_core(x);
}

/* ---- log_uniform; its loop is a kernel ---- */

void augsi_log_uniform_init(augsi_log_uniform *column, double low, double high)
{
    column->log_low = augsi_ln(low);
    column->log_width = augsi_ln(high) - column->log_low;
    column->low = (float)low;
    column->high = (float)high;
}

/* ---- normal ---- */

/* exp(-x^2 / 2) sqrt(1 / 2 pi); x is split so that the square of the large part is exact. */
static double density(double x)
{
    double high = (x * 16.0 + 0x1.8p52 - 0x1.8p52) * 0.0625;
    double low = (x - high) * (x + high);
    return augsi_exp(-0.5 * high * high) * augsi_exp(-0.5 * low) * 0.39894228040143267794;
}

/* (Phi(x) - 1/2) / density(x) for |x| < 1.5 */
static double center_series(double x)
{
    double term = x, sum = x;
    for (int k = 3; k < 60; k += 2) {
        term *= x * x / k;
        sum += term;
    }
    return sum;
}

/* Lower tail of the standard normal distribution, relative error below 1e-14; 0 below about -37.6.
 */
static double phi(double x)
{
    double size = fabs(x);
    if (size < 1.5) {
        return 0.5 + density(x) * center_series(x);
    }
    if (size > 38.5) {
        return x < 0 ? 0.0 : 1.0;
    }
    double fraction = size;
    for (int k = 300; k > 0; k--) {
        fraction = size + k / fraction;
    }
    double tail = density(size) / fraction;
    return x < 0 ? tail : 1.0 - tail;
}

static inline double ratio(const double *a, const double *b, double r)
{
    double p = a[7], q = b[7];
    for (int i = 6; i >= 0; i--) {
        p = p * r + a[i];
        q = q * r + b[i];
    }
    return p / q;
}

/* center = p - 1/2 */
static inline double inverse(double center, double p, double q)
{
    static const double a[8] = {3.3871328727963666080e0,  1.3314166789178437745e+2,
                                1.9715909503065514427e+3, 1.3731693765509461125e+4,
                                4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                3.3430575583588128105e+4, 2.5090809287301226727e+3};
    static const double b[8] = {1.0,
                                4.2313330701600911252e+1,
                                6.8718700749205790830e+2,
                                5.3941960214247511077e+3,
                                2.1213794301586595867e+4,
                                3.9307895800092710610e+4,
                                2.8729085735721942674e+4,
                                5.2264952788528545610e+3};
    static const double c[8] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                5.76949722146069140550e0,  3.64784832476320460504e0,
                                1.27045825245236838258e0,  2.41780725177450611770e-1,
                                2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[8] = {1.0,
                                2.05319162663775882187e0,
                                1.67638483018380384940e0,
                                6.89767334985100004550e-1,
                                1.48103976427480074590e-1,
                                1.51986665636164571966e-2,
                                5.47593808499534494600e-4,
                                1.05075007164441684324e-9};
    static const double e[8] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                1.78482653991729133580e0,  2.96560571828504891230e-1,
                                2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[8] = {1.0,
                                5.99832206555887937690e-1,
                                1.36929880922735805310e-1,
                                1.48753612908506148525e-2,
                                7.86869131145613259100e-4,
                                1.84631831751005468180e-5,
                                1.42151175831644588870e-7,
                                2.04426310338993978564e-15};
    if (fabs(center) <= 0.425) {
        return center * ratio(a, b, 0.180625 - center * center);
    }
    double r = sqrt(-augsi_ln(p < q ? p : q));
    double x = r <= 5.0 ? ratio(c, d, r - 1.6) : ratio(e, f, r - 5.0);
    return p < q ? -x : x;
}

/* Phi(x) - 1/2 */
static double centered(double x)
{
    if (fabs(x) < 1.5) {
        return density(x) * center_series(x);
    }
    return x < 0 ? phi(x) - 0.5 : 0.5 - phi(-x);
}

/* The mass between a and b, `distance` = b - a. */
static double mass_between(double a, double b, double distance)
{
    double middle = 0.5 * (a + b);
    if (distance * (1.0 + fabs(middle)) < 1e-3) {
        return density(middle) * distance *
               (1.0 + (middle * middle - 1.0) * distance * distance / 24.0);
    }
    if (a > 0) {
        return phi(-a) - phi(-b);
    }
    if (b < 0) {
        return phi(b) - phi(a);
    }
    return centered(b) - centered(a);
}

/*
 * Beyond AUGSI_FAR the tail is near an exponential one and its mass nears the end of binary64.
 * There x = A + t, A > 0 the bound nearer to the mean, with Q(A + t) / Q(A) = u, u uniform: -ln u =
 * A t + t^2 / 2 + ln(1 + t / A) - ln S(A + t) + ln S(A),  Q(x) = S(x) exp(-x^2 / 2) / x sqrt(2 pi)
 *   -ln S(x) = w - 5/2 w^2 + 37/3 w^3 - 353/4 w^4 + 4081/5 w^5 - ..., w = 1 / x^2 (A&S 26.2.12)
 * written so that nothing cancels for small t.
 */
#define AUGSI_FAR 27.0

static double far_correction(double near, double t)
{
    double inverse_near = 1.0 / near, inverse_far = 1.0 / (near + t);
    double w = inverse_near * inverse_near, z = inverse_far * inverse_far;
    double difference = -(inverse_near + inverse_far) * (t * inverse_near * inverse_far);
    double w2 = w * w, z2 = z * z, wz = w * z;
    double sum = 1.0 - 2.5 * (w + z) + 37.0 / 3.0 * (w2 + wz + z2) -
                 353.0 / 4.0 * (w + z) * (w2 + z2) +
                 4081.0 / 5.0 * (w2 * w2 + z2 * z2 + wz * (w2 + wz + z2));
    return augsi_ln1p(t * inverse_near) + difference * sum;
}

/* t from -ln u; each round wins a factor of 1 / near^2. */
static double far_distance(double near, double energy)
{
    double t = 0;
    for (int i = 0; i < 8; i++) {
        double rest = energy - (i == 0 ? 0.0 : far_correction(near, t));
        t = 2.0 * rest / (near + sqrt(near * near + 2.0 * rest));
    }
    return t;
}

static double far_quantile(const augsi_normal *column, double near_side, double far_side)
{
    double gone = near_side * column->mass;
    double energy =
        gone < 0.5 ? -augsi_ln1p(-gone) : -augsi_ln(far_side + near_side * column->far_ratio);
    return column->anchor +
           column->direction * column->std_dev * far_distance(column->near, energy);
}

static void far_init(augsi_normal *column, double near, double distance, double direction,
                     double anchor)
{
    column->near = near;
    column->direction = direction;
    column->anchor = anchor;
    column->mass = 1.0;
    column->far_ratio = 0.0;
    if (distance < INFINITY) {
        double energy =
            near * distance + 0.5 * distance * distance + far_correction(near, distance);
        column->mass = -augsi_exp_minus_1(-energy);
        column->far_ratio = augsi_exp(-energy);
    }
}

/*
 * Near a bound x may be small against the mean (a minimum of 0, say), so it is the bound plus a
 * distance there: the Taylor series of the quantile, z' = 1 / density(z), tau = side mass /
 * density.
 */
static void edge_init(augsi_normal_edge *edge, double z, double bound, double mass)
{
    if (fabs(z) < AUGSI_FAR) {
        edge->z = z;
        edge->bound = bound;
        edge->scale = mass / density(z);
        edge->reach = 1e-3 / (edge->scale * (1.0 + fabs(z)));
    }
}

static double edge_distance(const augsi_normal_edge *edge, double z, double side)
{
    double tau = side * edge->scale, z2 = z * z;
    double sum = (7.0 + z2 * (46.0 + z2 * 24.0)) / 120.0;
    sum = sum * tau + z * (7.0 + 6.0 * z2) / 24.0;
    sum = sum * tau + (1.0 + 2.0 * z2) / 6.0;
    sum = sum * tau + 0.5 * z;
    return tau + tau * tau * sum;
}

void augsi_normal_init(augsi_normal *column, double mean, double std_dev, double low, double high)
{
    double a = (low - mean) / std_dev, b = (high - mean) / std_dev;
    double distance = (high - low) / std_dev;
    memset(column, 0, sizeof *column);
    column->mean = mean;
    column->std_dev = std_dev;
    column->low = (float)low;
    column->high = (float)high;
    if (a >= AUGSI_FAR) {
        far_init(column, a, distance, 1.0, low);
        return;
    }
    if (b <= -AUGSI_FAR) {
        far_init(column, -b, distance, -1.0, high);
        return;
    }
    column->p_low = phi(a);
    column->q_high = phi(-b);
    column->mass = mass_between(a, b, distance);
    edge_init(&column->low_edge, a, low, column->mass);
    edge_init(&column->high_edge, b, high, column->mass);
    /* p - 1/2 is reckoned from that of three points where it is the smallest */
    double low_center = centered(a), high_center = centered(b);
    double middle = 0.5 * (low_center + high_center);
    column->base = middle;
    column->v_base = 0.5;
    if (fabs(low_center) < fabs(column->base)) {
        column->base = low_center;
        column->v_base = 0.0;
    }
    if (fabs(high_center) < fabs(column->base)) {
        column->base = high_center;
        column->v_base = 1.0;
    }
}

static inline double near_quantile(const augsi_normal *column, double v, double rest)
{
    if (v < column->low_edge.reach) {
        const augsi_normal_edge *edge = &column->low_edge;
        return edge->bound + column->std_dev * edge_distance(edge, edge->z, v);
    }
    if (rest < column->high_edge.reach) {
        const augsi_normal_edge *edge = &column->high_edge;
        return edge->bound - column->std_dev * edge_distance(edge, -edge->z, rest);
    }
    double center = column->base + (v - column->v_base) * column->mass;
    double p = column->p_low + v * column->mass;
    double q = column->q_high + rest * column->mass;
    return column->mean + column->std_dev * inverse(center, p, q);
}

void augsi_normal_fill(const augsi_normal *column, const uint32_t *words, uint64_t n,
                       float *ret_values)
{
    for (uint64_t i = 0; i < n; i++) {
        double v = augsi_lower(words[i]), rest = augsi_upper(words[i]), x;
        if (column->direction != 0.0) {
            x = column->direction > 0 ? far_quantile(column, v, rest)
                                      : far_quantile(column, rest, v);
        } else {
            x = near_quantile(column, v, rest);
        }
        ret_values[i] = augsi_clamp((float)x, column->low, column->high);
    }
}
