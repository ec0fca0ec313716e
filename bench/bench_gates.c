/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs that a public function sets the floating-point environment: two functions that do
 * nothing, one that sets it and one that does not. Rounds of both alternate, for a caller with the
 * default environment and for one with flush-to-zero and rounding upwards. Each figure is a JSON
 * object on a line: the median of the rounds and their quartiles, in CPU time.
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
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
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

static double round_ns(void (*what)(void))
{
    const double start = now_ns();
    for (size_t i = 0; i < CALLS; i++) {
        what();
    }
    return (now_ns() - start) / CALLS;
}

static void tell(const char *caller, const char *call, double times[ROUNDS])
{
    qsort(times, ROUNDS, sizeof times[0], by_value);
    printf(
        "{\"figure\":\"%s_%s\",\"unit\":\"ns per call\",\"value\":%.2f,\"quartiles\":[%.2f,%.2f],"
        "\"runs\":%d}\n",
        caller, call, times[ROUNDS / 2], times[ROUNDS / 4], times[ROUNDS * 3 / 4], ROUNDS);
}

static void measure(const char *caller)
{
    double gated[ROUNDS], direct[ROUNDS];
    for (size_t i = 0; i < ROUNDS; i++) {
        gated[i] = round_ns(call_gated);
        direct[i] = round_ns(call_direct);
    }
    tell(caller, "gated", gated);
    tell(caller, "direct", direct);
}

int main(void)
{
    measure("default");
    fesetround(FE_UPWARD);
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040u); /* as -ffast-math starts */
#endif
    measure("other");
    return 0;
}
