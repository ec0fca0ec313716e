/* SPDX-License-Identifier: Apache-2.0 */
/* What the pools of batches and payloads keep, and what they give back. */
#include "distributed/payload.h"
#include "memory_fixture.h"
#include "pipeline/batch/batch_pool.h"
#include "pipeline_fixture.h"

enum { MOST_HELD = 64 };

typedef struct pool_test {
    counting_memory memory;
    augs_stream *stream;
    augsi_batch_pool *pool;
    uint64_t without; /* bytes held by stream and pool */
} pool_test;

static void open_pool(pool_test *t)
{
    augs_error error;
    t->memory = (counting_memory){.left = UINT64_MAX};
    t->stream = open_stream(mixed_preset(&t->memory, false), AUGS_ORDER_SEQUENTIAL,
                            UINT64_C(1) << 40, 9, 0);
    AUGS_ASSERT_OK(augsi_batch_pool_open(t->stream, false, &t->pool, &error), error);
    t->without = t->memory.bytes;
}

static void close_pool(pool_test *t)
{
    augsi_batch_pool_free(t->pool);
    augs_stream_unref(t->stream);
    ck_assert_uint_eq(t->memory.n_held, 0);
    ck_assert_uint_eq(t->memory.bytes, 0);
}

static augs_batch *take(pool_test *t, uint64_t n_samples)
{
    augs_batch *batch = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augsi_batch_take(t->pool, t->stream, n_samples, &batch, &error), error);
    size_t n_bytes;
    memset(augsi_batch_slab_edit(batch, &n_bytes), 0x5a, augsi_slab_bytes(t->stream, n_samples));
    return batch;
}

/* n batches of that size, each given back before the next. */
static void take_and_drop(pool_test *t, int n, uint64_t n_samples)
{
    for (int i = 0; i < n; i++) {
        augs_batch_unref(take(t, n_samples));
    }
}

/* n batches that are out at once. */
static void collect_and_drop(pool_test *t, int n, uint64_t n_samples)
{
    augs_batch *held[MOST_HELD];
    for (int i = 0; i < n; i++) {
        held[i] = take(t, n_samples);
    }
    for (int i = 0; i < n; i++) {
        augs_batch_unref(held[i]);
    }
}

START_TEST(slabs_come_back_after_sizes_shrank)
{
    pool_test t;
    open_pool(&t);
    take_and_drop(&t, 3, 100000);
    ck_assert_uint_ge(t.memory.bytes - t.without, augsi_slab_bytes(t.stream, 100000));
    take_and_drop(&t, 20, 10);
    ck_assert_uint_lt(t.memory.bytes - t.without, 2 * augsi_slab_bytes(t.stream, 10) + 1024);
    close_pool(&t);
}
END_TEST

/* The large ones lie below the one that is used again and again. */
START_TEST(slabs_that_are_never_taken_again_come_back_as_well)
{
    pool_test t;
    open_pool(&t);
    collect_and_drop(&t, 8, 100000);
    take_and_drop(&t, 20, 10);
    ck_assert_uint_lt(t.memory.bytes - t.without, 30 * augsi_slab_bytes(t.stream, 10) + 30 * 1024);
    close_pool(&t);
}
END_TEST

START_TEST(batches_come_back_after_fewer_are_out)
{
    pool_test t;
    open_pool(&t);
    collect_and_drop(&t, MOST_HELD, 1000);
    ck_assert_uint_gt(t.memory.bytes - t.without, 60 * augsi_slab_bytes(t.stream, 1000));
    take_and_drop(&t, 6 * MOST_HELD, 1000);
    ck_assert_uint_lt(t.memory.bytes - t.without, 7 * augsi_slab_bytes(t.stream, 1100));
    close_pool(&t);
}
END_TEST

/* Sizes go up and down a little, the consumer holds none or many, an epoch ends with a small one.
 */
START_TEST(steady_use_allocates_nothing)
{
    static const int at_once[] = {1, 2, 9, MOST_HELD};
    for (size_t i = 0; i < sizeof at_once / sizeof *at_once; i++) {
        pool_test t;
        open_pool(&t);
        for (int round = 0; round < 60; round++) {
            if (round == 2) {
                t.memory.n_calls = 0;
                t.memory.left = 0;
            }
            collect_and_drop(&t, at_once[i], round % 2 == 0 ? 1000 : 700);
            take_and_drop(&t, 1, 3);
        }
        ck_assert_uint_eq(t.memory.n_calls, 0);
        t.memory.left = UINT64_MAX;
        close_pool(&t);
    }
}
END_TEST

START_TEST(while_memory_is_short_one_slab_is_kept)
{
    pool_test t;
    open_pool(&t);
    collect_and_drop(&t, 9, 1000);
    augs_batch *held = take(&t, 1000);
    augsi_batch_pool_set_tight(t.pool, true);
    /* the one that is out, and one more */
    ck_assert_uint_lt(t.memory.bytes - t.without, 2 * augsi_slab_bytes(t.stream, 1000) + 2048);
    augs_batch_unref(held);
    ck_assert_uint_lt(t.memory.bytes - t.without, augsi_slab_bytes(t.stream, 1000) + 1024);
    t.memory.left = 0; /* steady batches allocate nothing now, either */
    take_and_drop(&t, 50, 1000);
    t.memory.left = UINT64_MAX;
    take_and_drop(&t, 1, 100); /* and a smaller size holds at once */
    ck_assert_uint_lt(t.memory.bytes - t.without, augsi_slab_bytes(t.stream, 100) + 1024);
    augsi_batch_pool_set_tight(t.pool, false);
    collect_and_drop(&t, 3, 1000);
    ck_assert_uint_gt(t.memory.bytes - t.without, 3 * augsi_slab_bytes(t.stream, 1000));
    close_pool(&t);
}
END_TEST

START_TEST(where_memory_ends_free_batches_make_space)
{
    pool_test t;
    augs_batch *batch = NULL;
    augs_error error;
    open_pool(&t);
    collect_and_drop(&t, 5, 1000);
    augs_batch *held = take(&t, 1000);
    /* space for twice that size, but for what is free */
    t.memory.most_bytes = t.without + augsi_slab_bytes(t.stream, 3000) + 4096;
    augs_batch *large = take(&t, 2000);
    AUGS_ASSERT_STATUS(AUGS_E_NO_MEMORY,
                       augsi_batch_take(t.pool, t.stream, 1000000, &batch, &error), error);
    ck_assert_ptr_null(batch);
    augs_batch_unref(held);
    augs_batch_unref(large);
    augs_batch_unref(take(&t, 2500)); /* after the failure all goes on */
    t.memory.most_bytes = 0;
    close_pool(&t);
}
END_TEST

/* A pipeline learns from its monitor that memory is short. */
START_TEST(a_pipeline_gives_memory_back_under_pressure)
{
    char place[PLACE_BYTES];
    counting_memory memory = {.left = UINT64_MAX};
    fake_world world = {.now_ns = 1};
    copy_fixture(place, "v2_over");
    put_number(place, "sys/fs/cgroup/job/memory.current", 100 * MIB);
    augs_memory_monitor *monitor = open_monitor(place, 0, &world);
    augs_stream *stream =
        open_stream(mixed_preset(&memory, false), AUGS_ORDER_SEQUENTIAL, UINT64_C(1) << 40, 9, 0);
    augs_pipeline *pipeline =
        open_pipeline(stream,
                      (augs_pipeline_options){.plan = &(augs_plan_options){.strategy = "adaptive"},
                                              .monitor = monitor},
                      (augs_strategy_options){
                          .batch_size = 1000, .min_batch_size = 1000, .max_batch_size = 1000});
    augs_batch *held[9];
    const uint64_t slab = augsi_slab_bytes(stream, 1000);
    for (int i = 0; i < 9; i++) {
        held[i] = next_batch(pipeline);
    }
    for (int i = 0; i < 9; i++) {
        augs_batch_unref(held[i]);
    }
    augs_batch_unref(next_batch(pipeline));
    ck_assert_uint_gt(memory.bytes, 9 * slab);
    put_number(place, "sys/fs/cgroup/job/memory.current", 1000 * MIB);
    world.now_ns += UINT64_C(1000000000);
    augs_batch_unref(next_batch(pipeline));
    ck_assert_uint_lt(memory.bytes, 4 * slab);
    const uint64_t n_calls = memory.n_calls;
    for (int i = 0; i < 20; i++) {
        augs_batch_unref(next_batch(pipeline));
    }
    ck_assert_uint_eq(memory.n_calls, n_calls);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
    augs_memory_monitor_free(monitor);
    remove_folder(place);
    ck_assert_uint_eq(memory.n_held, 0);
}
END_TEST

typedef struct telling_memory {
    counting_memory memory; /* first: the allocator's user */
    augs_allocator_figures figures;
    int n_trims;
    const char *place; /* whose group gets memory back */
} telling_memory;

static void tell_figures(void *user, augs_allocator_figures *ret_figures)
{
    telling_memory *memory = user;
    *ret_figures = memory->figures;
}

static void trim(void *user)
{
    telling_memory *memory = user;
    memory->n_trims++;
    memory->figures.resident_bytes = memory->figures.active_bytes;
    put_number(memory->place, "sys/fs/cgroup/job/memory.current", 700 * MIB);
}

/* What the allocator keeps for later is given back before the next size is decided. */
START_TEST(decisions_know_what_the_allocator_holds)
{
    char place[PLACE_BYTES];
    telling_memory memory = {.memory = {.left = UINT64_MAX}, .place = place};
    fake_world world = {.now_ns = 1};
    augs_metrics *metrics = NULL;
    augs_memory_monitor *monitor = NULL;
    augs_error error;
    copy_fixture(place, "v2_over");
    put_number(place, "sys/fs/cgroup/job/memory.current", 1000 * MIB);
    const augs_allocator allocator = {.size = sizeof allocator,
                                      .allocate = counting_allocate,
                                      .release = counting_release,
                                      .user = &memory,
                                      .figures = tell_figures,
                                      .trim = trim};
    const augs_memory_monitor_options options = {.size = sizeof options,
                                                 .root = place,
                                                 .now_ns = fake_now,
                                                 .user = &world,
                                                 .allocator = &allocator};
    AUGS_ASSERT_OK(augs_memory_monitor_open(&options, &monitor, &error), error);
    AUGS_ASSERT_OK(augs_metrics_open(NULL, &metrics, &error), error);
    const augs_preset_options of_preset = {.size = sizeof of_preset, .allocator = &allocator};
    const augs_column_info column = {.size = sizeof column,
                                     .shape = 1,
                                     .gate = AUGS_NO_GATE,
                                     .name = "x",
                                     .kind = AUGS_KIND_UNIFORM,
                                     .numbers = {0, 1}};
    augs_preset *preset = NULL;
    AUGS_ASSERT_OK(
        augs_preset_open_columns("one", &column, 1, sizeof column, &of_preset, &preset, &error),
        error);
    augs_stream *stream = open_stream(preset, AUGS_ORDER_SEQUENTIAL, UINT64_C(1) << 40, 9, 0);
    augs_pipeline *pipeline = open_pipeline(
        stream,
        (augs_pipeline_options){.plan = &(augs_plan_options){.strategy = "memory_optimized"},
                                .monitor = monitor,
                                .metrics = metrics},
        (augs_strategy_options){.batch_size = 8});
    /* nothing is kept, then a little, then a lot of it, which is given back once a reading */
    static const struct {
        uint64_t active, resident;
        int n_trims;
    } steps[] = {{0, 0, 0},
                 {100 * MIB, 100 * MIB, 0},
                 {100 * MIB, 101 * MIB, 0},
                 {100 * MIB, 400 * MIB, 1},
                 {100 * MIB, 400 * MIB, 1}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        memory.figures.allocated_bytes = 90 * MIB + i;
        memory.figures.active_bytes = steps[i].active;
        memory.figures.resident_bytes = steps[i].resident;
        world.now_ns += UINT64_C(1000000000);
        augs_batch_unref(next_batch(pipeline));
        ck_assert_int_eq(memory.n_trims, steps[i].n_trims);
    }
    augs_pipeline_free(pipeline);
    augs_batch_metrics batch = {.size = sizeof batch};
    AUGS_ASSERT_OK(augs_metrics_get_batch(metrics, 2, &batch, &error), error);
    ck_assert_uint_eq(batch.level, AUGS_MEMORY_CRITICAL);
    ck_assert_uint_eq(batch.allocated_bytes, 90 * MIB + 3);
    ck_assert_uint_eq(batch.resident_bytes, RESIDENT);
    ck_assert(batch.cpu_seconds >= 0);
    AUGS_ASSERT_OK(augs_metrics_get_batch(metrics, 3, &batch, &error), error);
    ck_assert_uint_eq(batch.level, AUGS_MEMORY_ELEVATED); /* as after the memory came back */
    augs_metrics_free(metrics);
    augs_stream_unref(stream);
    augs_memory_monitor_free(monitor);
    ck_assert_uint_eq(memory.memory.n_held, 0);
    remove_folder(place);
}
END_TEST

/* Without a monitor of the caller's, and with a fixed strategy, metrics tell memory as well. */
START_TEST(metrics_of_a_fixed_strategy_tell_memory_and_cpu)
{
    augs_metrics *metrics = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augs_metrics_open(NULL, &metrics, &error), error);
    augs_stream *stream = open_stream(mixed_preset(NULL, false), AUGS_ORDER_SEQUENTIAL, 100, 9, 0);
    augs_pipeline *pipeline = open_pipeline(stream, (augs_pipeline_options){.metrics = metrics},
                                            (augs_strategy_options){.batch_size = 50});
    augs_batch_unref(next_batch(pipeline));
    augs_batch_unref(next_batch(pipeline));
    expect_end(pipeline);
    augs_pipeline_free(pipeline);
    augs_batch_metrics batch = {.size = sizeof batch};
    AUGS_ASSERT_OK(augs_metrics_get_batch(metrics, 0, &batch, &error), error);
    ck_assert_uint_gt(batch.resident_bytes, MIB / 4);
    ck_assert(batch.cpu_seconds >= 0);
    ck_assert_str_eq(batch.why, "fixed");
    augs_metrics_free(metrics);
    augs_stream_unref(stream);
}
END_TEST

/* One by one after `n_out` at once, of n_samples each. */
static void make_payloads(pool_test *t, augsi_payload_pool *payloads, int n_out, uint64_t n_samples)
{
    augsi_payload *held[MOST_HELD];
    augs_error error;
    for (int i = 0; i < n_out; i++) {
        augs_batch *batch = NULL;
        const augsi_slice slice = {.body = {0, 1, n_samples}};
        AUGS_ASSERT_OK(augsi_batch_make(t->pool, t->stream, &slice, 0, 0, 1, &batch, &error),
                       error);
        AUGS_ASSERT_OK(augsi_payload_make(payloads, batch, true, &held[i], &error), error);
    }
    for (int i = 0; i < n_out; i++) {
        augsi_payload_release(held[i]);
    }
}

START_TEST(payloads_of_records_come_back_too)
{
    pool_test t;
    augsi_payload_pool *payloads = NULL;
    augs_error error;
    open_pool(&t);
    const augs_allocator allocator = {.size = sizeof allocator,
                                      .allocate = counting_allocate,
                                      .release = counting_release,
                                      .user = &t.memory};
    AUGS_ASSERT_OK(augsi_payload_pool_open(&allocator, &payloads, &error), error);
    make_payloads(&t, payloads, 1, 500);
    t.memory.n_calls = 0; /* the writer of records is made anew each time */
    make_payloads(&t, payloads, 1, 500);
    const uint64_t n_steady = t.memory.n_calls;
    make_payloads(&t, payloads, MOST_HELD, 500);
    const uint64_t many = t.memory.bytes - t.without;
    for (int i = 0; i < 6 * MOST_HELD; i++) {
        make_payloads(&t, payloads, 1, 500);
    }
    const uint64_t few = t.memory.bytes - t.without;
    ck_assert_uint_lt(few, many / 7);
    t.memory.n_calls = 0;
    make_payloads(&t, payloads, 1, 500);
    ck_assert_uint_eq(t.memory.n_calls, n_steady);
    for (int i = 0; i < 40; i++) {
        make_payloads(&t, payloads, 1, 5);
    }
    ck_assert_uint_lt(t.memory.bytes - t.without, few / 4);
    t.memory.n_calls = 0;
    make_payloads(&t, payloads, 1, 5);
    ck_assert_uint_eq(t.memory.n_calls, n_steady);
    augsi_payload_pool_free(payloads);
    close_pool(&t);
}
END_TEST

AUGS_SUITE("batch_pool", slabs_come_back_after_sizes_shrank,
           slabs_that_are_never_taken_again_come_back_as_well,
           batches_come_back_after_fewer_are_out, steady_use_allocates_nothing,
           while_memory_is_short_one_slab_is_kept, where_memory_ends_free_batches_make_space,
           a_pipeline_gives_memory_back_under_pressure, decisions_know_what_the_allocator_holds,
           metrics_of_a_fixed_strategy_tell_memory_and_cpu, payloads_of_records_come_back_too)
