/* SPDX-License-Identifier: Apache-2.0 */
/* normal: {mean, std, min, max}, with or without bounds */
#include <math.h>

#include "presets/kinds.h"

static bool has_min(const augs_column_info *info)
{
    return (info->flags & AUGS_HAS_MIN) != 0;
}

static bool has_max(const augs_column_info *info)
{
    return (info->flags & AUGS_HAS_MAX) != 0;
}

static double standardized_min(const augs_column_info *info)
{
    const double *x = info->numbers;
    return has_min(info) ? (x[2] - x[0]) / x[1] : -INFINITY;
}

static double standardized_max(const augs_column_info *info)
{
    const double *x = info->numbers;
    return has_max(info) ? (x[3] - x[0]) / x[1] : INFINITY;
}

/*
 * Words make v from 2^-33 to 1 - 2^-33, whose normal quantiles lie within 6.4. Between a bound and
 * the far tail, v is a part of the tail's mass: at most 6.5 standard deviations behind the bound.
 */
#define REACH 6.5

/* Whether every value, from the least to the greatest, is a finite binary32 number. */
static bool stays_finite(const augs_column_info *info)
{
    const double *x = info->numbers;
    const double a = fmin(standardized_max(info), 0), b = fmax(standardized_min(info), 0);
    const double low = fmax(x[0] + x[1] * (a - REACH), has_min(info) ? x[2] : -INFINITY);
    const double high = fmin(x[0] + x[1] * (b + REACH), has_max(info) ? x[3] : INFINITY);
    return isfinite((float)low) && isfinite((float)high);
}

static void check(augsi_draft *draft, const augsi_draft_column *column)
{
    const augs_column_info *info = &column->info;
    const double *x = info->numbers;
    if (!(x[1] > 0) || !isfinite((float)x[1]) || !isfinite((float)x[0])) {
        augsi_draft_fault(draft, column->value_mark,
                          "column '%s': std %s; it has to be above 0, and mean and std have to fit "
                          "a 32-bit float",
                          info->name, augsi_number_of(info, 1).text);
        return;
    }
    if ((has_min(info) && !isfinite(x[2])) || (has_max(info) && !isfinite(x[3]))) {
        augsi_draft_fault(draft, column->value_mark,
                          "column '%s': min and max have to be finite numbers; leave out a bound "
                          "that is not there",
                          info->name);
        return;
    }
    if (has_min(info) && has_max(info) && !(x[2] < x[3])) {
        augsi_draft_fault(draft, column->value_mark, "column '%s': min %s is not below max %s",
                          info->name, augsi_number_of(info, 2).text, augsi_number_of(info, 3).text);
        return;
    }
    if (standardized_min(info) > 37 || standardized_max(info) < -37) {
        augsi_draft_fault(
            draft, column->value_mark,
            "column '%s': the bounds lie more than 37 standard deviations from the mean",
            info->name);
    } else if (!stays_finite(info)) {
        augsi_draft_fault(draft, column->value_mark,
                          "column '%s': mean %s and std %s make values that a 32-bit float cannot "
                          "hold; mean +- 6.5 std has to fit, or min and max keep it within",
                          info->name, augsi_number_of(info, 0).text, augsi_number_of(info, 1).text);
    }
}

static double density(double x)
{
    return isfinite(x) ? exp(-0.5 * x * x) / sqrt(2 * 3.14159265358979323846) : 0;
}

static double tail(double x)
{
    return 0.5 * erfc(x / sqrt(2));
}

static void moments(augs_column_info *info)
{
    const double *x = info->numbers;
    double a = standardized_min(info), b = standardized_max(info);
    double mass = a > 0 ? tail(a) - tail(b) : tail(-b) - tail(-a);
    double shift = (density(a) - density(b)) / mass;
    double at_a = isfinite(a) ? a * density(a) : 0, at_b = isfinite(b) ? b * density(b) : 0;
    info->mean = x[0] + x[1] * shift;
    info->std_dev = x[1] * sqrt(fmax(0, 1 + (at_a - at_b) / mass - shift * shift));
}

const augsi_kind augsi_kind_normal = {
    .name = "normal",
    .dtype = AUGS_DTYPE_F32,
    .n_words = 1,
    .form = AUGS_FORM_MAPPING,
    .numbers = {{.name = "mean"},
                {.name = "std"},
                {.name = "min", .flag = AUGS_HAS_MIN},
                {.name = "max", .flag = AUGS_HAS_MAX}},
    .needs_identity = true,
    .check = check,
    .moments = moments,
};
