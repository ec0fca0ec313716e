/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of a device, through a library that stands in for the driver's (LD_LIBRARY_PATH). */
#include <stdlib.h>
#include <string.h>

#include <augstream/memory_monitor.h>
#include <augstream/scheduler.h>

#include "suite.h"

static int try_monitor(uint32_t device, augs_memory_monitor **ret_monitor, augs_error *error)
{
    const augs_memory_monitor_options options = {.size = sizeof options, .device = device};
    return augs_memory_monitor_open(&options, ret_monitor, error);
}

START_TEST(the_device_stands_in_the_snapshot)
{
    augs_memory_monitor *monitor = NULL;
    augs_error error;
    augs_memory_snapshot now = {.size = sizeof now};
    AUGS_ASSERT_OK(try_monitor(1, &monitor, &error), error);
    AUGS_ASSERT_OK(augs_memory_monitor_read(monitor, &now, &error), error);
    ck_assert_uint_eq(now.device_limit_bytes, 80000000000);
    ck_assert_uint_eq(now.device_used_bytes, 20000000000);
    ck_assert_uint_eq(now.device_available_bytes, 60000000000);
    ck_assert_uint_ne(now.resident_bytes, 0);
    augs_memory_monitor_free(monitor);
}
END_TEST

START_TEST(no_device_is_no_figure)
{
    augs_memory_monitor *monitor = NULL;
    augs_error error;
    augs_memory_snapshot now = {.size = sizeof now};
    AUGS_ASSERT_OK(try_monitor(0, &monitor, &error), error);
    AUGS_ASSERT_OK(augs_memory_monitor_read(monitor, &now, &error), error);
    ck_assert_uint_eq(now.device_limit_bytes, 0);
    augs_memory_monitor_free(monitor);
    AUGS_ASSERT_OK(try_monitor(2, &monitor, &error), error); /* it exists, but does not answer */
    AUGS_ASSERT_OK(augs_memory_monitor_read(monitor, &now, &error), error);
    ck_assert_uint_eq(now.device_limit_bytes, 0);
    augs_memory_monitor_free(monitor);
}
END_TEST

START_TEST(a_device_that_is_not_there_is_named)
{
    augs_memory_monitor *monitor = NULL;
    augs_error error;
    AUGS_ASSERT_STATUS(AUGS_E_UNSUPPORTED, try_monitor(3, &monitor, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "no device 2"));
    setenv("FAKE_NVML_BROKEN", "1", 1);
    AUGS_ASSERT_STATUS(AUGS_E_UNSUPPORTED, try_monitor(1, &monitor, &error), error);
    unsetenv("FAKE_NVML_BROKEN"); /* the tests may share a process */
    ck_assert_ptr_nonnull(strstr(error.message, "NVML 9"));
    ck_assert_ptr_null(monitor);
}
END_TEST

/* A consumer on the device that reports bytes only: the device's memory is the budget. */
START_TEST(a_strategy_goes_by_the_device)
{
    augs_memory_monitor *monitor = NULL;
    augs_scheduler *scheduler = NULL;
    augs_error error;
    augs_span span = {0, 1, 0};
    AUGS_ASSERT_OK(try_monitor(1, &monitor, &error), error);
    const augs_strategy_options strategy = {
        .size = sizeof strategy, .memory_safety = 1, .max_batch_size = 1u << 30};
    const augs_scheduler_options options = {
        .size = sizeof options,
        .n_samples = AUGS_ENDLESS,
        .plan = &(augs_plan_options){.size = sizeof(augs_plan_options),
                                     .strategy = "memory_optimized",
                                     .strategy_options = &strategy},
        .monitor = monitor};
    AUGS_ASSERT_OK(augs_scheduler_open(&options, &scheduler, &error), error);
    for (int i = 0; i < 30; i++) {
        AUGS_ASSERT_STATUS(1, augs_scheduler_next(scheduler, &span, &error), error);
        const augs_feedback feedback = {.size = sizeof feedback,
                                        .step = AUGS_STEP_LAST,
                                        .seconds = 1,
                                        .bytes = span.count * 100000000};
        AUGS_ASSERT_OK(augs_scheduler_observe(scheduler, &feedback, &error), error);
    }
    ck_assert_uint_eq(span.count, 600); /* 60 GB of 100 MB each */
    augs_scheduler_free(scheduler);
    augs_memory_monitor_free(monitor);
}
END_TEST

AUGS_SUITE("device_memory", the_device_stands_in_the_snapshot, no_device_is_no_figure,
           a_device_that_is_not_there_is_named, a_strategy_goes_by_the_device)
