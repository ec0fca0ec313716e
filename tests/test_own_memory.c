/* SPDX-License-Identifier: Apache-2.0 */
/* What batches cost as seen by the process's own figures, which are scripted here. */
#include "pipeline/machine/own_memory.h"

#include "suite.h"

typedef struct process {
    augsi_own_memory memory;
    augs_memory_snapshot now;
} process;

/* At a reading before the first batch. */
static process start(uint64_t resident, uint64_t peak)
{
    process p = {.now = {.size = sizeof p.now}};
    p.now.n_readings = 1;
    p.now.resident_bytes = resident;
    p.now.peak_resident_bytes = peak;
    const augsi_own_cost none = augsi_own_memory_measure(&p.memory, 0, &p.now);
    ck_assert_uint_eq(none.bytes, 0);
    return p;
}

/* A batch of n samples during which the process held `held` at most, and after it `left`. */
static augsi_own_cost consume(process *p, uint64_t n, uint64_t held, uint64_t left)
{
    p->now.n_readings++;
    p->now.resident_bytes = left;
    if (held > p->now.peak_resident_bytes) {
        p->now.peak_resident_bytes = held;
    }
    return augsi_own_memory_measure(&p->memory, n, &p->now);
}

START_TEST(a_batch_that_raises_the_peak_cost_what_it_added)
{
    process p = start(1000, 1000);
    augsi_own_cost cost = consume(&p, 1, 1110, 1000);
    ck_assert_uint_eq(cost.bytes, 110);
    ck_assert_uint_eq(cost.least_bytes, 110);
    cost = consume(&p, 4, 1410, 1000);
    ck_assert_uint_eq(cost.n_samples, 4);
    ck_assert_uint_eq(cost.bytes, 410);
    ck_assert_uint_eq(cost.least_bytes, 410);
}
END_TEST

START_TEST(a_smaller_batch_tells_nothing_and_one_as_large_no_more)
{
    process p = start(1000, 1000);
    consume(&p, 10, 2000, 1000);
    ck_assert_uint_eq(consume(&p, 5, 1500, 1000).bytes, 0);
    const augsi_own_cost cost = consume(&p, 10, 2000, 1000);
    ck_assert_uint_eq(cost.bytes, 1000);
}
END_TEST

START_TEST(below_an_older_peak_that_is_the_bound)
{
    process p = start(1000, 5000);
    augsi_own_cost cost = consume(&p, 1, 1010, 1000);
    ck_assert_uint_eq(cost.bytes, 4000);
    ck_assert_uint_eq(cost.least_bytes, 0); /* it may have cost next to nothing */
    cost = consume(&p, 4, 1040, 1000);
    ck_assert_uint_eq(cost.n_samples, 4);
    ck_assert_uint_eq(cost.bytes, 4000);
    cost = consume(&p, 500, 6000, 1000);
    ck_assert_uint_eq(cost.bytes, 5000);
    ck_assert_uint_eq(cost.least_bytes, 5000);
}
END_TEST

/* 100 a sample, 2,000 that the first batch brings and that stay. */
START_TEST(what_the_process_keeps_for_itself_is_no_cost_for_long)
{
    process p = start(1000, 1000);
    ck_assert_uint_eq(consume(&p, 1, 3100, 3000).bytes, 2100);
    uint64_t bytes = 0;
    for (int i = 0; i < 8; i++) {
        bytes = consume(&p, 1, 3100, 3000).bytes;
    }
    ck_assert_uint_eq(bytes, 100);
    ck_assert_uint_eq(consume(&p, 4, 3400, 3000).bytes, 400);
}
END_TEST

/* An allocator that keeps all it ever had: batches use it again. */
START_TEST(what_is_kept_for_the_next_batch_does_not_hide_its_cost)
{
    process p = start(1000, 1000);
    uint64_t kept = 1000;
    for (uint64_t n = 1; n < 100000; n *= 4) {
        kept = 1000 + 100 * n;
        const augsi_own_cost cost = consume(&p, n, kept, kept);
        ck_assert_uint_eq(cost.bytes, 100 * n);
    }
    for (int i = 0; i < 30; i++) { /* nothing grows any more */
        const augsi_own_cost cost = consume(&p, 60000, kept, kept);
        ck_assert_uint_ge(cost.least_bytes, 100 * 60000);
    }
}
END_TEST

START_TEST(without_a_new_reading_nothing_is_known_and_batches_count_together)
{
    process p = start(1000, 1000);
    ck_assert(augsi_own_memory_is_new(&p.memory, 1));
    ck_assert_uint_eq(augsi_own_memory_measure(&p.memory, 20, &p.now).bytes, 0);
    ck_assert(augsi_own_memory_is_new(&p.memory, 20)); /* it was not measured */
    const augsi_own_cost cost = consume(&p, 5, 3000, 1000);
    ck_assert_uint_eq(cost.n_samples, 20);
    ck_assert_uint_eq(cost.bytes, 2000);
    ck_assert(!augsi_own_memory_is_new(&p.memory, 20));
    ck_assert(augsi_own_memory_is_new(&p.memory, 21));
}
END_TEST

START_TEST(a_system_that_tells_nothing_is_no_figure)
{
    process p = start(0, 0);
    ck_assert_uint_eq(consume(&p, 7, 0, 0).bytes, 0);
    ck_assert_uint_eq(consume(&p, 9, 0, 0).least_bytes, 0);
}
END_TEST

AUGS_SUITE("own_memory", a_batch_that_raises_the_peak_cost_what_it_added,
           a_smaller_batch_tells_nothing_and_one_as_large_no_more,
           below_an_older_peak_that_is_the_bound,
           what_the_process_keeps_for_itself_is_no_cost_for_long,
           what_is_kept_for_the_next_batch_does_not_hide_its_cost,
           without_a_new_reading_nothing_is_known_and_batches_count_together,
           a_system_that_tells_nothing_is_no_figure)
