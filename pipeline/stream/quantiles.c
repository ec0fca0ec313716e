/* SPDX-License-Identifier: Apache-2.0 */
/* exp, log and the log-uniform quantile; the algorithms stand in quantiles_core.h. */
#include "pipeline/stream/quantiles.h"

#include "pipeline/stream/quantiles_core.h"

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

void augsi_log_uniform_init(augsi_log_uniform *column, double low, double high)
{
    column->log_low = augsi_ln(low);
    column->log_width = augsi_ln(high) - column->log_low;
    column->low = (float)low;
    column->high = (float)high;
}

void augsi_log_uniform_fill(const augsi_log_uniform *column, const uint32_t *words, uint64_t n,
                            float *ret_values)
{
    augsi_log_uniform_loop(column, words, n, ret_values);
}
