/* SPDX-License-Identifier: Apache-2.0 */
/* Schedulers without a stream, as programs with records of their own use them. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <augstream/scheduler.h>

#include "journal_folder.h"
#include "pipeline_fixture.h"

static int try_scheduler(augs_scheduler_options options, augs_strategy_options strategy,
                         augs_scheduler **ret_scheduler, augs_error *error)
{
    strategy.size = sizeof strategy;
    options.size = sizeof options;
    augs_plan_options plan = {.size = sizeof plan};
    if (options.plan != NULL) {
        plan = *options.plan;
        plan.size = sizeof plan;
    }
    plan.strategy_options = &strategy;
    options.plan = &plan;
    return augs_scheduler_open(&options, ret_scheduler, error);
}

static augs_scheduler *open_scheduler(augs_scheduler_options options,
                                      augs_strategy_options strategy)
{
    augs_scheduler *scheduler = NULL;
    augs_error error;
    AUGS_ASSERT_OK(try_scheduler(options, strategy, &scheduler, &error), error);
    return scheduler;
}

static augs_span next_span(augs_scheduler *scheduler)
{
    augs_span span;
    augs_error error;
    AUGS_ASSERT_STATUS(1, augs_scheduler_next(scheduler, &span, &error), error);
    return span;
}

static void expect_no_span(augs_scheduler *scheduler)
{
    augs_span span = {7, 8, 9};
    augs_error error;
    AUGS_ASSERT_OK(augs_scheduler_next(scheduler, &span, &error), error);
    ck_assert_uint_eq(span.first + span.stride + span.count, 24); /* untouched */
}

static void tell(augs_scheduler *scheduler, uint64_t bytes)
{
    const augs_feedback feedback = {
        .size = sizeof feedback, .step = AUGS_STEP_LAST, .seconds = 0.01, .bytes = bytes};
    augs_error error;
    AUGS_ASSERT_OK(augs_scheduler_observe(scheduler, &feedback, &error), error);
}

/* Walks to the end; returns how many steps there were. */
static uint64_t walk(augs_scheduler *scheduler, augs_span *ret_spans, uint64_t bytes_each)
{
    augs_span span;
    augs_error error;
    uint64_t n = 0;
    int status;
    while ((status = augs_scheduler_next(scheduler, &span, &error)) > 0) {
        ret_spans[n++] = span;
        tell(scheduler, span.count * bytes_each);
    }
    AUGS_ASSERT_OK(status, error);
    return n;
}

#define N_SAMPLES 3000u
static augs_span spans[N_SAMPLES], others[N_SAMPLES];

static const augs_plan_options by_memory = {.strategy = "memory_optimized"};
static const augs_plan_options by_memory_of_3 = {.strategy = "memory_optimized", .world_size = 3};
static const augs_scheduler_options learning = {.n_samples = N_SAMPLES, .plan = &by_memory};
static const augs_strategy_options small = {.max_memory_bytes = 60000, .max_batch_size = 200};

static const augs_strategy_options batches_of_8 = {.batch_size = 8};

START_TEST(what_makes_no_scheduler_is_refused_and_named)
{
    augs_scheduler *scheduler = NULL;
    augs_error error;
    const augs_allocator incomplete = {.size = sizeof incomplete};
    const struct {
        augs_scheduler_options options;
        int status;
        const char *message;
    } cases[] = {
        {{.n_samples = 8, .plan = &(augs_plan_options){.rank_layout = AUGS_RANK_LAYOUT_BLOCK}},
         AUGS_E_ARGUMENT,
         "rank_layout block"},
        {{.n_samples = 8, .plan = &(augs_plan_options){.rank_layout = 9}},
         AUGS_E_ARGUMENT,
         "rank_layout block"},
        {{.n_samples = 8, .plan = &(augs_plan_options){.strategy = "sequentil"}},
         AUGS_E_NOT_FOUND,
         "did you mean"},
        {{.n_samples = AUGS_MAX_SAMPLES + 1}, AUGS_E_RANGE, "2^56"},
        {{.n_samples = 8, .fingerprint = ""}, AUGS_E_ARGUMENT, "fingerprint ''"},
        {{.n_samples = 8, .fingerprint = "ABC"}, AUGS_E_ARGUMENT, "0-9 a-f"},
        {{.n_samples = 8,
          .fingerprint = "0123456789012345678901234567890123456789012345678901234567890123"},
         AUGS_E_ARGUMENT,
         "1 to 63"},
        {{.n_samples = 8, .journal = "/nowhere/a"}, AUGS_E_ARGUMENT, "needs no journal"},
        {{.n_samples = 8, .journal = "/nowhere/a", .replay = "/nowhere/b"},
         AUGS_E_ARGUMENT,
         "give one of both"},
        {{.n_samples = 8, .replay = "/nowhere/b"}, AUGS_E_NOT_FOUND, "/nowhere/b"},
        {{.n_samples = 8,
          .journal = "/nowhere/a",
          .plan = &(augs_plan_options){.strategy = "memory_optimized"}},
         AUGS_E_NOT_FOUND,
         "/nowhere/a"},
        {{.n_samples = 8,
          .journal = "/",
          .plan = &(augs_plan_options){.strategy = "memory_optimized"}},
         AUGS_E_IO,
         "irectory"},
        {{.n_samples = 8, .replay = "/"}, AUGS_E_IO, "is not a file"},
        {{.n_samples = 8, .allocator = &incomplete}, AUGS_E_ARGUMENT, "both functions"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUGS_ASSERT_STATUS(cases[i].status,
                           try_scheduler(cases[i].options, batches_of_8, &scheduler, &error),
                           error);
        ck_assert_msg(strstr(error.message, cases[i].message) != NULL, "case %zu: %s", i,
                      error.message);
        ck_assert_ptr_null(scheduler);
    }
    augs_scheduler_options options = {.size = sizeof options, .n_samples = 8};
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_scheduler_open(NULL, &scheduler, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_scheduler_open(&options, NULL, &error), error);
    options.size--;
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_scheduler_open(&options, &scheduler, &error), error);
}
END_TEST

START_TEST(calls_without_a_scheduler_or_a_place_for_their_result_are_refused)
{
    augs_error error;
    augs_span span;
    augs_feedback feedback = {.size = sizeof feedback, .step = AUGS_STEP_LAST};
    augs_scheduler *scheduler =
        open_scheduler((augs_scheduler_options){.n_samples = 8}, batches_of_8);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_scheduler_next(NULL, &span, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_scheduler_next(scheduler, NULL, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_scheduler_seek(NULL, 0, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_scheduler_observe(NULL, &feedback, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_scheduler_observe(scheduler, NULL, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_STATE, augs_scheduler_observe(scheduler, &feedback, &error), error);
    next_span(scheduler);
    AUGS_ASSERT_OK(augs_scheduler_observe(scheduler, &feedback, &error), error);
    feedback.size--;
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_scheduler_observe(scheduler, &feedback, &error),
                       error);
    ck_assert_uint_eq(augs_scheduler_step(NULL), 0);
    ck_assert_str_eq(augs_scheduler_why(NULL), "");
    augs_scheduler_free(NULL);
    augs_scheduler_free(scheduler);
}
END_TEST

START_TEST(a_fixed_scheduler_goes_to_any_step_and_ends_again_and_again)
{
    augs_error error;
    augs_scheduler *scheduler = open_scheduler(
        (augs_scheduler_options){.n_samples = 103, .plan = &(augs_plan_options){.world_size = 2}},
        batches_of_8);
    static const uint64_t starts[] = {0, 16, 32, 48, 64, 80, 96};
    for (int round = 0; round < 2; round++) {
        for (uint64_t step = 0; step < 7; step++) {
            const augs_span span = next_span(scheduler);
            ck_assert_uint_eq(span.first, starts[step]);
            ck_assert_uint_eq(span.count, step < 6 ? 16 : 7);
            ck_assert_uint_eq(augs_scheduler_step(scheduler), step + 1);
            ck_assert_str_eq(augs_scheduler_why(scheduler), "fixed");
        }
        for (int i = 0; i < 3; i++) {
            expect_no_span(scheduler);
            ck_assert_uint_eq(augs_scheduler_step(scheduler), 7);
        }
        AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_scheduler_seek(scheduler, 8, &error), error);
        ck_assert_ptr_nonnull(strstr(error.message, "has 7"));
        AUGS_ASSERT_OK(augs_scheduler_seek(scheduler, 7, &error), error);
        expect_no_span(scheduler);
        AUGS_ASSERT_OK(augs_scheduler_seek(scheduler, 5, &error), error);
        ck_assert_uint_eq(next_span(scheduler).first, 80);
        AUGS_ASSERT_OK(augs_scheduler_seek(scheduler, 0, &error), error);
    }
    augs_scheduler_free(scheduler);
    scheduler = open_scheduler((augs_scheduler_options){.n_samples = 0}, batches_of_8);
    expect_no_span(scheduler);
    AUGS_ASSERT_OK(augs_scheduler_seek(scheduler, 0, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_scheduler_seek(scheduler, 1, &error), error);
    augs_scheduler_free(scheduler);
}
END_TEST

START_TEST(a_scheduler_that_decides_covers_all_positions_and_ends_again_and_again)
{
    for (uint32_t world_size = 1; world_size <= 3; world_size++) {
        augs_scheduler_options options = learning;
        const augs_plan_options plan = {.strategy = "memory_optimized", .world_size = world_size};
        options.plan = &plan;
        augs_scheduler *scheduler = open_scheduler(options, small);
        const uint64_t n = walk(scheduler, spans, 700);
        uint64_t next = 0;
        for (uint64_t i = 0; i < n; i++) {
            ck_assert_uint_eq(spans[i].first, next);
            ck_assert_uint_eq(spans[i].stride, 1);
            next += spans[i].count;
        }
        ck_assert_uint_eq(next, N_SAMPLES);
        ck_assert_uint_gt(spans[n - 2].count, spans[0].count);
        for (int i = 0; i < 3; i++) { /* what it is told after its end begins nothing new */
            tell(scheduler, 1000);
            expect_no_span(scheduler);
            ck_assert_uint_eq(augs_scheduler_step(scheduler), n);
        }
        augs_error error;
        AUGS_ASSERT_STATUS(AUGS_E_STATE, augs_scheduler_seek(scheduler, 2, &error), error);
        AUGS_ASSERT_STATUS(AUGS_E_STATE, augs_scheduler_seek(scheduler, UINT64_MAX, &error), error);
        expect_no_span(scheduler);
        AUGS_ASSERT_OK(augs_scheduler_seek(scheduler, n - 1, &error), error);
        ck_assert_uint_eq(next_span(scheduler).first, spans[n - 1].first);
        AUGS_ASSERT_OK(augs_scheduler_seek(scheduler, 0, &error), error);
        ck_assert_uint_eq(next_span(scheduler).first, 0);
        AUGS_ASSERT_STATUS(AUGS_E_STATE, augs_scheduler_seek(scheduler, UINT64_MAX, &error), error);
        augs_scheduler_free(scheduler);
    }
}
END_TEST

START_TEST(feedback_without_a_size_is_of_the_larger_part_of_the_last_span)
{
    augs_scheduler_options options = learning;
    options.plan = &by_memory_of_3;
    augs_scheduler *scheduler = open_scheduler(
        options, (augs_strategy_options){.batch_size = 10, .max_memory_bytes = 9000});
    ck_assert_uint_eq(next_span(scheduler).count, 30);
    tell(scheduler, 10 * 180); /* of one rank: 180 bytes each, 0.9 x 9000 / 180 = 45 */
    ck_assert_uint_eq(next_span(scheduler).count, 3 * 41); /* four times as much and one at most */
    tell(scheduler, 41 * 180);
    ck_assert_uint_eq(next_span(scheduler).count, 3 * 45);
    augs_scheduler_free(scheduler);
}
END_TEST

START_TEST(a_minimum_alone_brings_a_maximum_that_can_be_kept)
{
    augs_scheduler_options options = learning;
    options.n_samples = AUGS_ENDLESS;
    augs_scheduler *scheduler = open_scheduler(
        options, (augs_strategy_options){.min_batch_size = 70000, .multiple_of = 32});
    ck_assert_uint_eq(next_span(scheduler).count, 70016);
    augs_scheduler_free(scheduler);
    augs_error error;
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT,
                       try_scheduler(options,
                                     (augs_strategy_options){.min_batch_size = UINT64_MAX,
                                                             .multiple_of = 1ull << 63},
                                     &scheduler, &error),
                       error);
}
END_TEST

START_TEST(a_journal_has_the_steps_of_each_epoch)
{
    begin();
    augs_error error;
    augs_scheduler *scheduler = NULL;
    uint64_t n_steps[2];
    for (uint32_t epoch = 0; epoch < 2; epoch++) {
        augs_scheduler_options options = learning;
        options.journal = path;
        options.epoch = epoch;
        options.fingerprint = "abc";
        scheduler = open_scheduler(options, small);
        AUGS_ASSERT_STATUS(AUGS_E_BUSY,
                           try_scheduler(options, small, &(augs_scheduler *){NULL}, &error), error);
        n_steps[epoch] = walk(scheduler, epoch == 0 ? spans : others, 500 + 400 * epoch);
        expect_no_span(scheduler);
        for (uint64_t step = 0; step <= n_steps[epoch]; step += 3) { /* back, and to any step */
            AUGS_ASSERT_OK(augs_scheduler_seek(scheduler, step, &error), error);
            if (step < n_steps[epoch]) {
                ck_assert_uint_eq(next_span(scheduler).first,
                                  (epoch == 0 ? spans : others)[step].first);
            }
        }
        AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_scheduler_seek(scheduler, n_steps[epoch] + 1, &error),
                           error);
        augs_scheduler_free(scheduler);
    }
    for (uint32_t epoch = 0; epoch < 3; epoch++) {
        const augs_scheduler_options options = {
            .n_samples = N_SAMPLES, .epoch = epoch, .fingerprint = "abc", .replay = path};
        scheduler = open_scheduler(options, (augs_strategy_options){.batch_size = 0});
        augs_span span;
        for (uint64_t step = 0; epoch < 2 && step < n_steps[epoch]; step++) {
            span = next_span(scheduler);
            ck_assert_mem_eq(&span, epoch == 0 ? &spans[step] : &others[step], sizeof span);
        }
        if (epoch < 2) {
            expect_no_span(scheduler);
            expect_no_span(scheduler);
        } else { /* nobody planned that */
            AUGS_ASSERT_STATUS(AUGS_E_PLAN, augs_scheduler_next(scheduler, &span, &error), error);
            AUGS_ASSERT_STATUS(AUGS_E_PLAN, augs_scheduler_next(scheduler, &span, &error), error);
        }
        augs_scheduler_free(scheduler);
    }
    end();
}
END_TEST

START_TEST(a_journal_of_something_else_is_refused)
{
    begin();
    augs_error error;
    augs_scheduler_options options = learning;
    options.journal = path;
    augs_scheduler *scheduler = open_scheduler(options, small);
    walk(scheduler, spans, 500);
    augs_scheduler_free(scheduler);
    scheduler = NULL;
    const augs_scheduler_options cases[] = {
        {.n_samples = N_SAMPLES + 1, .replay = path},
        {.n_samples = AUGS_ENDLESS, .replay = path},
        {.n_samples = N_SAMPLES, .replay = path, .plan = &(augs_plan_options){.world_size = 2}},
        {.n_samples = N_SAMPLES, .replay = path, .fingerprint = "1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUGS_ASSERT_STATUS(
            AUGS_E_MISMATCH,
            try_scheduler(cases[i], (augs_strategy_options){.batch_size = 0}, &scheduler, &error),
            error);
        ck_assert_ptr_null(scheduler);
    }
    end();
}
END_TEST

START_TEST(an_endless_plan_has_a_journal_too)
{
    begin();
    augs_error error;
    augs_span span;
    augs_scheduler_options options = learning;
    options.n_samples = AUGS_ENDLESS;
    options.journal = path;
    augs_scheduler *scheduler = NULL;
    uint64_t n = 0;
    for (int run = 0; run < 2; run++) { /* the second one goes on */
        scheduler = open_scheduler(options, small);
        for (uint64_t i = 0; i < n; i++) {
            span = next_span(scheduler);
            ck_assert_mem_eq(&span, &spans[i], sizeof span);
        }
        for (int i = 0; i < 12; i++, n++) {
            spans[n] = next_span(scheduler);
            tell(scheduler, spans[n].count * 500);
        }
        augs_scheduler_free(scheduler);
    }
    options.journal = NULL;
    options.replay = path;
    options.plan = NULL;
    scheduler = open_scheduler(options, (augs_strategy_options){.batch_size = 0});
    for (uint64_t i = 0; i < n; i++) {
        span = next_span(scheduler);
        ck_assert_mem_eq(&span, &spans[i], sizeof span);
        ck_assert_uint_eq(span.first, i == 0 ? 0 : spans[i - 1].first + spans[i - 1].count);
    }
    AUGS_ASSERT_STATUS(AUGS_E_PLAN, augs_scheduler_next(scheduler, &span, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "of an endless run ends at step 24"));
    augs_scheduler_free(scheduler);
    end();
}
END_TEST

START_TEST(ranks_replay_the_journal_of_a_scheduler)
{
    begin();
    augs_stream *stream = uniform_open(1, N_SAMPLES);
    static unsigned char seen[N_SAMPLES];
    memset(seen, 0, sizeof seen);
    augs_scheduler_options options = learning;
    options.journal = path;
    options.plan = &by_memory_of_3;
    options.fingerprint = augs_stream_fingerprint(stream);
    augs_scheduler *scheduler = open_scheduler(options, small);
    const uint64_t n = walk(scheduler, spans, 500);
    augs_scheduler_free(scheduler);
    for (uint32_t rank = 0; rank < 3; rank++) {
        augs_pipeline *pipeline = open_pipeline(
            stream,
            (augs_pipeline_options){
                .rank = rank,
                .plan = &(augs_plan_options){.world_size = 3, .tail = AUGS_TAIL_UNEVEN},
                .replay = path},
            (augs_strategy_options){.batch_size = 0});
        augs_batch *batch = NULL;
        augs_error error;
        int status;
        uint64_t n_batches = 0;
        while ((status = augs_pipeline_next(pipeline, &batch, &error)) > 0) {
            const augs_batch_info info = info_of(batch);
            for (uint64_t k = 0; k < info.n_samples; k++) {
                seen[position_of(&info, k)]++;
            }
            n_batches++;
            augs_batch_unref(batch);
        }
        AUGS_ASSERT_OK(status, error);
        ck_assert_uint_ge(n_batches + 1, n);
        augs_pipeline_free(pipeline);
    }
    for (uint64_t i = 0; i < N_SAMPLES; i++) {
        ck_assert_uint_eq(seen[i], 1);
    }
    augs_stream_unref(stream);
    end();
}
END_TEST

START_TEST(a_monitor_that_knows_nothing_leaves_sizes_as_they_are)
{
    begin();
    augs_memory_monitor *monitor = NULL;
    const augs_memory_monitor_options options = {.size = sizeof options, .root = folder};
    augs_error error;
    AUGS_ASSERT_OK(augs_memory_monitor_open(&options, &monitor, &error), error);
    augs_scheduler_options planned = learning;
    planned.monitor = monitor;
    planned.sample_bytes = 100;
    augs_scheduler *scheduler = open_scheduler(planned, (augs_strategy_options){.batch_size = 50});
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(next_span(scheduler).count, 50);
        ck_assert_str_eq(augs_scheduler_why(scheduler), i == 0 ? "start" : "unknown");
    }
    augs_scheduler_free(scheduler);
    augs_memory_monitor_free(monitor);
    end();
}
END_TEST

/* Its third span leaves a gap until it is mended. */
static bool mended;

static int gap_init(void *own, const augs_strategy_options *options, augs_error *error)
{
    (void)own;
    (void)options;
    (void)error;
    return AUGS_OK;
}

static int gap_plan(void *own, const augs_plan_facts *facts, augs_span *ret_span, augs_error *error)
{
    (void)own;
    (void)error;
    if (facts->position >= facts->n_samples) {
        return 0;
    }
    const uint64_t gap = facts->step == 2 && !mended;
    *ret_span = (augs_span){.first = facts->position + gap, .stride = 1, .count = 5};
    return 1;
}

START_TEST(a_wrong_span_is_not_written_and_the_call_may_be_repeated)
{
    static const augs_strategy_ops gap = {.size = sizeof gap,
                                          .name = "a \"gap\"\n",
                                          .state_size = 1,
                                          .init = gap_init,
                                          .plan = gap_plan};
    begin();
    augs_error error;
    augs_span span;
    augs_scheduler_options options = {
        .n_samples = 25, .journal = path, .plan = &(augs_plan_options){.strategy_ops = &gap}};
    mended = false;
    augs_scheduler *scheduler = open_scheduler(options, (augs_strategy_options){.batch_size = 0});
    next_span(scheduler);
    next_span(scheduler);
    for (int i = 0; i < 2; i++) {
        AUGS_ASSERT_STATUS(AUGS_E_PLAN, augs_scheduler_next(scheduler, &span, &error), error);
        ck_assert_uint_eq(augs_scheduler_step(scheduler), 2);
    }
    mended = true;
    ck_assert_uint_eq(next_span(scheduler).first, 10);
    ck_assert_uint_eq(walk(scheduler, spans, 0), 2);
    augs_scheduler_free(scheduler);
    /* a name that JSON would have to quote is in the way of nothing */
    scheduler = open_scheduler(options, (augs_strategy_options){.batch_size = 0});
    ck_assert_uint_eq(walk(scheduler, spans, 0), 5);
    augs_scheduler_free(scheduler);
    scheduler = open_scheduler((augs_scheduler_options){.n_samples = 25, .replay = path},
                               (augs_strategy_options){.batch_size = 0});
    ck_assert_uint_eq(walk(scheduler, spans, 0), 5);
    augs_scheduler_free(scheduler);
    end();
}
END_TEST

START_TEST(a_retry_that_the_journal_does_not_take_changes_nothing)
{
    begin();
    augs_error error;
    struct stat info;
    augs_scheduler *scheduler =
        open_scheduler((augs_scheduler_options){.n_samples = 1000,
                                                .plan =
                                                    &(augs_plan_options){
                                                        .strategy = "memory_optimized",
                                                        .world_size = 2,
                                                    },
                                                .journal = path},
                       (augs_strategy_options){.batch_size = 40, .max_batch_size = 40});
    ck_assert_uint_eq(next_span(scheduler).count, 80);
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_int_eq(truncate(path, info.st_size + 5), 0);
    for (int round = 0; round < 2; round++) {
        AUGS_ASSERT_STATUS(AUGS_E_CORRUPT, augs_scheduler_retry(scheduler, 0, 0, 0, &error), error);
    }
    ck_assert_int_eq(truncate(path, info.st_size), 0);
    ck_assert_uint_eq(next_span(scheduler).count, 80); /* no part, and no smaller batch */
    AUGS_ASSERT_OK(augs_scheduler_retry(scheduler, 0, 0, 0, &error), error);
    for (uint32_t part = 1; part <= 2; part++) {
        ck_assert_uint_eq(next_span(scheduler).count, 40);
        ck_assert_uint_eq(augs_scheduler_part(scheduler), part);
    }
    ck_assert_uint_eq(next_span(scheduler).count, 40);
    ck_assert_uint_eq(augs_scheduler_last_step(scheduler), 2);
    augs_scheduler_free(scheduler);
    end();
}
END_TEST

START_TEST(memory_that_runs_out_is_a_status_and_leaves_no_trace)
{
    begin();
    counting_memory memory = {.left = 0};
    const augs_allocator allocator = counting_allocator(&memory);
    augs_error error;
    int status = AUGS_E_NO_MEMORY;
    for (uint64_t left = 0; status != AUGS_OK; left++) {
        ck_assert_uint_lt(left, 100);
        augs_scheduler *scheduler = NULL;
        augs_scheduler_options options = learning;
        options.journal = path;
        options.allocator = &allocator;
        memory.left = left;
        status = try_scheduler(options, small, &scheduler, &error);
        ck_assert_msg(status == AUGS_OK || status == AUGS_E_NO_MEMORY, "%d: %s", status,
                      error.message);
        ck_assert(status == AUGS_OK || scheduler == NULL);
        augs_scheduler_free(scheduler);
        ck_assert_uint_eq(memory.n_held, 0);
    }
    end();
}
END_TEST

AUGS_SUITE("scheduler", what_makes_no_scheduler_is_refused_and_named,
           calls_without_a_scheduler_or_a_place_for_their_result_are_refused,
           a_fixed_scheduler_goes_to_any_step_and_ends_again_and_again,
           a_scheduler_that_decides_covers_all_positions_and_ends_again_and_again,
           feedback_without_a_size_is_of_the_larger_part_of_the_last_span,
           a_minimum_alone_brings_a_maximum_that_can_be_kept, a_journal_has_the_steps_of_each_epoch,
           a_journal_of_something_else_is_refused, an_endless_plan_has_a_journal_too,
           ranks_replay_the_journal_of_a_scheduler,
           a_monitor_that_knows_nothing_leaves_sizes_as_they_are,
           a_wrong_span_is_not_written_and_the_call_may_be_repeated,
           a_retry_that_the_journal_does_not_take_changes_nothing,
           memory_that_runs_out_is_a_status_and_leaves_no_trace)
