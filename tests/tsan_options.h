/* SPDX-License-Identifier: Apache-2.0 */
/* For suites that run libzmq, which is not instrumented, and processes of their own. */
#ifndef AUGS_TEST_TSAN_OPTIONS_H
#define AUGS_TEST_TSAN_OPTIONS_H

#if defined(__SANITIZE_THREAD__)
#define AUGS_UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define AUGS_UNDER_TSAN 1
#endif
#endif

#ifdef AUGS_UNDER_TSAN
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "ignore_noninstrumented_modules=1:die_after_fork=0";
}
#endif

#endif
