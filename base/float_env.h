/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floating-point environment: rounding, flush-to-zero, denormals-are-zero, exception masks.
 * Values must not depend on the caller's. base/float_gates.py puts a gate around every public
 * function that may compute: it enters, calls the function and leaves. Callbacks of the caller run
 * between AUGSI_CALLER_BEGIN and AUGSI_CALLER_END, worker threads enter at their start.
 *
 * The compiler may move arithmetic over the instructions that set the environment, so that whoever
 * enters must not compute: it calls a function of another file.
 */
#ifndef AUGSI_FLOAT_ENV_H
#define AUGSI_FLOAT_ENV_H

#include <stdint.h>

#if !defined(__x86_64__) && !defined(__aarch64__)
#include <fenv.h>
#endif

typedef struct augsi_float_state {
#if defined(__x86_64__)
    uint32_t mxcsr;
    uint16_t x87_control;
#elif defined(__aarch64__)
    uint64_t fpcr, fpsr;
#else
    fenv_t env;
#endif
} augsi_float_state;

/* One stay of a thread in the library: what the caller had. */
typedef struct augsi_float_stay {
    augsi_float_state caller;
    struct augsi_float_stay *outer; /* of a call out of a callback */
} augsi_float_stay;

/* A stay outside, for a callback. */
typedef struct augsi_float_visit {
    augsi_float_state own;
    augsi_float_stay *stay; /* NULL: the thread is not in the library's environment */
} augsi_float_visit;

void augsi_float_enter(augsi_float_stay *stay);
void augsi_float_leave(augsi_float_stay *stay);
void augsi_float_go_out(augsi_float_visit *visit);
void augsi_float_come_back(augsi_float_visit *visit);

#define AUGSI_CALLER_BEGIN                                                                         \
    augsi_float_visit augsi_visit;                                                                 \
    augsi_float_go_out(&augsi_visit)
/* The same if the function is the caller's: it may be one of the library, which computes. */
#define AUGSI_CALLER_BEGIN_IF(condition)                                                           \
    augsi_float_visit augsi_visit = {.stay = NULL};                                                \
    if (condition) {                                                                               \
        augsi_float_go_out(&augsi_visit);                                                          \
    }                                                                                              \
    (void)augsi_visit
#define AUGSI_CALLER_END augsi_float_come_back(&augsi_visit)

#endif
