/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs that a public function sets the floating-point environment: two functions that do
 * nothing, one that sets it and one that does not. Medians of rounds, for a caller with the default
 * environment and for one with flush-to-zero and rounding upwards.
 */
#include <fenv.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <augstream/augstream.h>

enum { ROUNDS = 101, CALLS = 100000 };

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void call_gated(void)
{
    augs_scheduler_free(NULL);
}

static void call_direct(void)
{
    augs_metrics_free(NULL);
}

static double median_ns(void (*what)(void))
{
    double times[ROUNDS];
    for (size_t round = 0; round < ROUNDS; round++) {
        const double start = now_ns();
        for (size_t i = 0; i < CALLS; i++) {
            what();
        }
        times[round] = (now_ns() - start) / CALLS;
    }
    qsort(times, ROUNDS, sizeof times[0], by_value);
    return times[ROUNDS / 2];
}

static void measure(const char *caller)
{
    printf("caller's environment %-8s gated call %6.1f ns, direct call %6.1f ns\n", caller,
           median_ns(call_gated), median_ns(call_direct));
}

int main(void)
{
    measure("default:");
    fesetround(FE_UPWARD);
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040u); /* as -ffast-math starts */
#endif
    measure("other:");
    return 0;
}
