/* SPDX-License-Identifier: Apache-2.0 */
/* The main function of a Check suite: AUGS_SUITE(name, test_one, test_two, ...). */
#ifndef AUGS_TEST_SUITE_H
#define AUGS_TEST_SUITE_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include <augstream/status.h>

/* Fails with the error's message unless the call returned `expected`. */
#define AUGS_ASSERT_STATUS(expected, call, error_object)                                           \
    do {                                                                                           \
        (error_object).message[0] = '\0';                                                          \
        int augs_assert_got = (call);                                                              \
        ck_assert_msg(augs_assert_got == (expected), "%s returned %d (%s), expected %d: %s",       \
                      #call, augs_assert_got, augs_status_name(augs_assert_got), (expected),       \
                      (error_object).message);                                                     \
    } while (0)

#define AUGS_ASSERT_OK(call, error_object) AUGS_ASSERT_STATUS(0, call, error_object)

static inline int augs_run_suite(const char *name, const TTest *const *tests, size_t n_tests)
{
    Suite *suite = suite_create(name);
    for (size_t i = 0; i < n_tests; i++) {
        TCase *tcase = tcase_create(tests[i]->name);
        tcase_set_timeout(tcase, 240);
        tcase_add_test(tcase, tests[i]);
        suite_add_tcase(suite, tcase);
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define AUGS_SUITE(name, ...)                                                                      \
    int main(void)                                                                                 \
    {                                                                                              \
        const TTest *const tests[] = {__VA_ARGS__};                                                \
        return augs_run_suite(name, tests, sizeof tests / sizeof tests[0]);                        \
    }

#endif
