/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/stream/kernels_loops.h"

const augsi_kernels augsi_kernels_scalar = {
    .name = "scalar",
    .outputs = augsi_rng_outputs_scalar,
    .uniform = loop_uniform,
    .log_uniform = loop_log_uniform,
    .order_forward = loop_order_forward,
};
