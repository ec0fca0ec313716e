/* SPDX-License-Identifier: Apache-2.0 */
/* Mean and standard deviation of the distributions; for readers only, nothing of a stream depends
 * on them. */
#include <math.h>

#include "draft.h"

static double density(double x)
{
    return isfinite(x) ? exp(-0.5 * x * x) / sqrt(2 * 3.14159265358979323846) : 0;
}

static double tail(double x)
{
    return 0.5 * erfc(x / sqrt(2));
}

static void normal(augs_column_info *info)
{
    const double *x = info->numbers;
    double a = (info->flags & AUGS_HAS_MIN) != 0 ? (x[2] - x[0]) / x[1] : -INFINITY;
    double b = (info->flags & AUGS_HAS_MAX) != 0 ? (x[3] - x[0]) / x[1] : INFINITY;
    double mass = a > 0 ? tail(a) - tail(b) : tail(-b) - tail(-a);
    double shift = (density(a) - density(b)) / mass;
    double at_a = isfinite(a) ? a * density(a) : 0, at_b = isfinite(b) ? b * density(b) : 0;
    info->mean = x[0] + x[1] * shift;
    info->std_dev = x[1] * sqrt(fmax(0, 1 + (at_a - at_b) / mass - shift * shift));
}

static void choice(augs_column_info *info)
{
    double total = 0, sum = 0, squares = 0;
    for (uint32_t i = 0; i < info->n_choices; i++) {
        if (info->choices[i].is_number == 0) {
            return;
        }
        total += info->choices[i].weight;
    }
    for (uint32_t i = 0; i < info->n_choices; i++) {
        double value = augsi_choice_number(&info->choices[i]);
        sum += info->choices[i].weight / total * value;
        squares += info->choices[i].weight / total * value * value;
    }
    info->mean = sum;
    info->std_dev = sqrt(fmax(0, squares - sum * sum));
}

void augsi_moments(augs_column_info *info)
{
    const double *x = info->numbers;
    info->mean = info->std_dev = NAN;
    switch (info->kind) {
    case AUGS_KIND_CONSTANT:
        info->mean = x[0];
        info->std_dev = 0;
        break;
    case AUGS_KIND_UNIFORM:
        info->mean = (x[0] + x[1]) / 2;
        info->std_dev = (x[1] - x[0]) / sqrt(12);
        break;
    case AUGS_KIND_LOG_UNIFORM: {
        double width = log(x[1] / x[0]);
        info->mean = (x[1] - x[0]) / width;
        info->std_dev =
            sqrt(fmax(0, (x[1] * x[1] - x[0] * x[0]) / (2 * width) - info->mean * info->mean));
        break;
    }
    case AUGS_KIND_NORMAL:
        normal(info);
        break;
    case AUGS_KIND_BETA:
        info->mean = x[0] / (x[0] + x[1]);
        info->std_dev = sqrt(x[0] * x[1] / (x[0] + x[1] + 1)) / (x[0] + x[1]);
        break;
    case AUGS_KIND_BERNOULLI:
        info->mean = x[0];
        info->std_dev = sqrt(x[0] * (1 - x[0]));
        break;
    case AUGS_KIND_INTEGER: {
        double n = x[1] - x[0] + 1;
        info->mean = (x[0] + x[1]) / 2;
        info->std_dev = sqrt((n * n - 1) / 12);
        break;
    }
    case AUGS_KIND_CHOICE:
        choice(info);
        break;
    default:
        break;
    }
}
