/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled with AVX-512 F and DQ. */
#include "pipeline/stream/kernels_loops.h"

static augsi_u128 outputs(const augsi_rng *rng, augsi_u128 state, uint64_t *ret_outputs, size_t n)
{
    size_t whole = n / 16 * 16;
    if (whole >= 64) { /* below, spreading the state over the lanes costs more than it saves */
        state = augsi_rng_outputs_avx512(rng, state, ret_outputs, whole);
        return augsi_rng_outputs_scalar(rng, state, ret_outputs + whole, n - whole);
    }
    return augsi_rng_outputs_scalar(rng, state, ret_outputs, n);
}

const augsi_kernels augsi_kernels_avx512 = {
    .name = "avx512",
    .outputs = outputs,
    .uniform = loop_uniform,
    .log_uniform = loop_log_uniform,
    .order_forward = loop_order_forward,
};
