/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/stream/kernels_loops.h"

#include <stdatomic.h>
#include <string.h>

#include <augstream/stream.h>

const augsi_kernels augsi_kernels_scalar = {
    .name = "scalar",
    .outputs = augsi_rng_outputs_scalar,
    .uniform = loop_uniform,
    .log_uniform = loop_log_uniform,
    .order_forward = loop_order_forward,
};

static _Atomic(const augsi_kernels *) in_use;

static const augsi_kernels *best(void)
{
#ifdef AUGSI_HAVE_AVX512
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) {
        return &augsi_kernels_avx512;
    }
#endif
    return &augsi_kernels_scalar;
}

const augsi_kernels *augsi_kernels_in_use(void)
{
    const augsi_kernels *kernels = atomic_load_explicit(&in_use, memory_order_acquire);
    if (kernels == NULL) {
        kernels = best();
        atomic_store_explicit(&in_use, kernels, memory_order_release);
    }
    return kernels;
}

void augsi_kernels_use(const augsi_kernels *kernels)
{
    atomic_store_explicit(&in_use, kernels, memory_order_release);
}

const char *augs_simd_name(void)
{
    return augsi_kernels_in_use()->name;
}

int augs_simd_select(const char *name)
{
    const augsi_kernels *kernels = best();
    if (name != NULL && strcmp(name, kernels->name) != 0) {
        if (strcmp(name, augsi_kernels_scalar.name) != 0) {
            return AUGS_E_UNSUPPORTED;
        }
        kernels = &augsi_kernels_scalar;
    }
    atomic_store_explicit(&in_use, kernels, memory_order_release);
    return AUGS_OK;
}
