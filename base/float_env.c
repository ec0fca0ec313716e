/* SPDX-License-Identifier: Apache-2.0 */
#include "base/float_env.h"

#include <stddef.h>

/* The stay that this thread is in; NULL outside and in a callback. */
static _Thread_local augsi_float_stay *current;

#if defined(__x86_64__)

#define DEFAULT_MXCSR 0x1F80u /* to nearest, all exceptions masked, no flags */
#define DEFAULT_X87 0x037Fu   /* the same; the C library's text of numbers looks at it */

static void read_state(augsi_float_state *ret_state)
{
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1"
                     : "=m"(ret_state->mxcsr), "=m"(ret_state->x87_control)
                     :
                     : "memory");
}

/* Setting the registers takes longer than reading them: only what differs is set. */
static void set_state(const augsi_float_state *state)
{
    augsi_float_state now;
    read_state(&now);
    if (now.mxcsr != state->mxcsr) {
        __asm__ volatile("ldmxcsr %0" : : "m"(state->mxcsr) : "memory");
    }
    if (now.x87_control != state->x87_control) {
        __asm__ volatile("fldcw %0" : : "m"(state->x87_control) : "memory");
    }
}

static void set_own(const augsi_float_state *caller)
{
    /* flags that are set already need not be cleared: nothing here looks at them */
    const uint32_t flags = caller->mxcsr & 0x3Fu;
    const augsi_float_state own = {.mxcsr = DEFAULT_MXCSR | flags, .x87_control = DEFAULT_X87};
    set_state(&own);
}

#elif defined(__aarch64__)

static void read_state(augsi_float_state *ret_state)
{
    __asm__ volatile("mrs %0, fpcr\n\tmrs %1, fpsr"
                     : "=r"(ret_state->fpcr), "=r"(ret_state->fpsr)
                     :
                     : "memory");
}

static void set_state(const augsi_float_state *state)
{
    augsi_float_state now;
    read_state(&now);
    if (now.fpcr != state->fpcr) {
        __asm__ volatile("msr fpcr, %0\n\tisb" : : "r"(state->fpcr) : "memory");
    }
    if (now.fpsr != state->fpsr) {
        __asm__ volatile("msr fpsr, %0" : : "r"(state->fpsr) : "memory");
    }
}

static void set_own(const augsi_float_state *caller)
{
    const augsi_float_state own = {.fpcr = 0, .fpsr = caller->fpsr};
    set_state(&own);
}

#else

static void read_state(augsi_float_state *ret_state)
{
    fegetenv(&ret_state->env);
}

static void set_state(const augsi_float_state *state)
{
    fesetenv(&state->env);
}

static void set_own(const augsi_float_state *caller)
{
    (void)caller;
    fesetenv(FE_DFL_ENV);
}

#endif

void augsi_float_enter(augsi_float_stay *stay)
{
    read_state(&stay->caller);
    stay->outer = current;
    current = stay;
    set_own(&stay->caller);
}

void augsi_float_leave(augsi_float_stay *stay)
{
    current = stay->outer;
    set_state(&stay->caller);
}

void augsi_float_go_out(augsi_float_visit *visit)
{
    visit->stay = current;
    if (visit->stay != NULL) {
        read_state(&visit->own);
        current = NULL;
        set_state(&visit->stay->caller);
    }
}

/* What the callback did to its environment is the caller's: it has it when the call returns. */
void augsi_float_come_back(augsi_float_visit *visit)
{
    if (visit->stay != NULL) {
        read_state(&visit->stay->caller);
        current = visit->stay;
        set_state(&visit->own);
    }
}
