/* SPDX-License-Identifier: Apache-2.0 */
/* Feedback that names its batch: late, out of order, never; batches that did not fit; sizes that
 * the caller gives. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "pipeline_fixture.h"

#define N_DELAYS 3u
static const uint64_t delays[N_DELAYS] = {0, 1, 16};

/* A clock that stands still unless it is moved: nothing in these tests waits. */
static uint64_t now_ns;

static uint64_t read_clock(void *user)
{
    (void)user;
    return now_ns;
}

/* ---- a strategy that writes down what it is told ---- */

#define MOST_NOTES 1000u
static struct {
    augs_feedback told[MOST_NOTES];
    uint32_t n_told;
} notes;

static int notes_init(void *state, const augs_strategy_options *options, augs_error *error)
{
    (void)state;
    (void)options;
    (void)error;
    notes.n_told = 0;
    return AUGS_OK;
}

/* Sizes 1, 2, 3, ... */
static int notes_plan(void *state, const augs_plan_facts *facts, augs_span *ret_span,
                      augs_error *error)
{
    (void)state;
    (void)error;
    const uint64_t left = facts->n_samples - facts->position;
    const uint64_t size = (facts->step + 1) * facts->world_size;
    *ret_span = (augs_span){facts->position, 1, size < left ? size : left};
    return left > 0;
}

static void notes_observe(void *state, const augs_feedback *feedback)
{
    (void)state;
    if (isnan(feedback->seconds)) {
        return; /* what the process itself was seen to take */
    }
    ck_assert_uint_lt(notes.n_told, MOST_NOTES);
    notes.told[notes.n_told++] = *feedback;
}

static const augs_strategy_ops notes_ops = {.size = sizeof notes_ops,
                                            .name = "notes",
                                            .state_size = 1,
                                            .init = notes_init,
                                            .plan = notes_plan,
                                            .observe = notes_observe};

static augs_pipeline *open_notes(augs_stream *stream, uint32_t mode, augs_metrics *metrics)
{
    return open_pipeline(
        stream,
        (augs_pipeline_options){.plan = &(augs_plan_options){.strategy_ops = &notes_ops},
                                .metrics = metrics,
                                .feedback = mode,
                                .now_ns = read_clock},
        (augs_strategy_options){.size = 0});
}

static int tell(augs_pipeline *pipeline, uint32_t epoch, uint64_t step, double seconds,
                augs_error *error)
{
    const augs_feedback feedback = {
        .size = sizeof feedback, .epoch = epoch, .step = step, .seconds = seconds};
    return augs_pipeline_observe(pipeline, &feedback, error);
}

START_TEST(late_feedback_has_the_size_of_its_step)
{
    augs_stream *stream = uniform_open(1, 5000);
    for (uint32_t d = 0; d < N_DELAYS; d++) {
        augs_pipeline *pipeline = open_notes(stream, AUGS_FEEDBACK_TOLD, NULL);
        for (uint64_t i = 0; i < 60; i++) {
            augs_error error;
            augs_batch_unref(next_batch(pipeline));
            if (i >= delays[d]) {
                AUGS_ASSERT_OK(tell(pipeline, 0, i - delays[d], 0.5, &error), error);
            }
        }
        ck_assert_uint_eq(notes.n_told, 60 - delays[d]);
        for (uint64_t i = 0; i < notes.n_told; i++) {
            ck_assert_uint_eq(notes.told[i].step, i);
            ck_assert_uint_eq(notes.told[i].n_samples, i + 1);
            ck_assert(notes.told[i].seconds == 0.5);
        }
        augs_pipeline_free(pipeline);
    }
    augs_stream_unref(stream);
}
END_TEST

START_TEST(feedback_out_of_order_counts_once_for_each_batch)
{
    augs_stream *stream = uniform_open(1, 5000);
    augs_pipeline *pipeline = open_notes(stream, AUGS_FEEDBACK_TOLD, NULL);
    augs_error error;
    for (int i = 0; i < 10; i++) {
        augs_batch_unref(next_batch(pipeline));
    }
    const uint64_t order[] = {7, 3, 7, 9, 0, 3};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        AUGS_ASSERT_OK(tell(pipeline, 0, order[i], 1, &error), error);
    }
    ck_assert_uint_eq(notes.n_told, 4);
    ck_assert_uint_eq(notes.told[0].n_samples, 8);
    ck_assert_uint_eq(notes.told[1].n_samples, 4);
    ck_assert_uint_eq(notes.told[2].n_samples, 10);
    ck_assert_uint_eq(notes.told[3].n_samples, 1);
    AUGS_ASSERT_STATUS(AUGS_E_RANGE, tell(pipeline, 0, 10, 1, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_RANGE, tell(pipeline, 1, 0, 1, &error), error);
    augs_feedback wrong = {.size = sizeof wrong, .outcome = 2};
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_pipeline_observe(pipeline, &wrong, &error), error);
    wrong = (augs_feedback){.size = 8};
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_pipeline_observe(pipeline, &wrong, &error), error);
    ck_assert_uint_eq(notes.n_told, 4);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(feedback_reaches_back_into_the_epoch_before)
{
    augs_stream *stream = uniform_open(1, 10);
    augs_pipeline *pipeline = open_notes(stream, AUGS_FEEDBACK_TOLD, NULL);
    augs_error error;
    for (int i = 0; i < 4; i++) {
        augs_batch_unref(next_batch(pipeline));
    }
    expect_end(pipeline);
    AUGS_ASSERT_OK(augs_pipeline_set_epoch(pipeline, 1, &error), error);
    augs_batch_unref(next_batch(pipeline));
    AUGS_ASSERT_OK(tell(pipeline, 0, 3, 1, &error), error);
    AUGS_ASSERT_OK(tell(pipeline, 1, 0, 1, &error), error);
    ck_assert_uint_eq(notes.n_told, 2);
    ck_assert_uint_eq(notes.told[0].n_samples, 4);
    ck_assert_uint_eq(notes.told[1].n_samples, 1);
    ck_assert_uint_eq(notes.told[1].epoch, 1);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(feedback_of_batches_that_are_forgotten_is_ignored)
{
    augs_stream *stream = uniform_open(1, 100000);
    augs_pipeline *pipeline = open_notes(stream, AUGS_FEEDBACK_TOLD, NULL);
    augs_error error;
    for (uint32_t i = 0; i < AUGS_FEEDBACK_BATCHES + 1; i++) {
        augs_batch_unref(next_batch(pipeline));
    }
    AUGS_ASSERT_OK(tell(pipeline, 0, 0, 1, &error), error);
    ck_assert_uint_eq(notes.n_told, 0);
    AUGS_ASSERT_OK(tell(pipeline, 0, 1, 1, &error), error);
    ck_assert_uint_eq(notes.n_told, 1);
    ck_assert_uint_eq(notes.told[0].n_samples, 2);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(a_pipeline_times_until_it_is_told_late)
{
    augs_stream *stream = uniform_open(1, 5000);
    augs_pipeline *pipeline = open_notes(stream, AUGS_FEEDBACK_TIMED, NULL);
    augs_error error;
    for (int i = 0; i < 3; i++) {
        augs_batch_unref(next_batch(pipeline));
        now_ns += 1000000;
    }
    ck_assert_uint_eq(notes.n_told, 2);
    ck_assert(fabs(notes.told[1].seconds - 1e-3) < 1e-9);
    ck_assert_uint_eq(notes.told[1].n_samples, 2);
    AUGS_ASSERT_OK(tell(pipeline, 0, 1, 7, &error), error); /* so it comes from the caller */
    ck_assert_uint_eq(notes.n_told, 3);
    for (int i = 0; i < 5; i++) {
        augs_batch_unref(next_batch(pipeline));
        now_ns += 1000000;
    }
    ck_assert_uint_eq(notes.n_told, 3);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(metrics_have_what_came_late_and_what_did_not_fit)
{
    augs_stream *stream = uniform_open(1, 5000);
    augs_error error;
    augs_metrics *metrics = NULL;
    AUGS_ASSERT_OK(augs_metrics_open(NULL, &metrics, &error), error);
    augs_pipeline *pipeline = open_notes(stream, AUGS_FEEDBACK_TOLD, metrics);
    for (int i = 0; i < 4; i++) {
        augs_batch_unref(next_batch(pipeline));
    }
    AUGS_ASSERT_OK(tell(pipeline, 0, 2, 0.25, &error), error);
    AUGS_ASSERT_OK(augs_pipeline_retry(pipeline, 3, 0, 0, &error), error);
    augs_batch_unref(next_batch(pipeline));
    augs_pipeline_free(pipeline);
    const struct {
        uint64_t step;
        uint32_t part, outcome;
        double seconds; /* 0 = not known */
    } expected[] = {{2, 0, 0, 0.25}, {3, 0, 1, 0}, {0, 0, 0, 0}, {1, 0, 0, 0}, {3, 1, 0, 0}};
    ck_assert_uint_eq(augs_metrics_n_held(metrics), 5);
    for (uint32_t i = 0; i < 5; i++) {
        augs_batch_metrics row = {.size = sizeof row};
        AUGS_ASSERT_OK(augs_metrics_get_batch(metrics, i, &row, &error), error);
        ck_assert_uint_eq(row.step, expected[i].step);
        ck_assert_uint_eq(row.part, expected[i].part);
        ck_assert_uint_eq(row.outcome, expected[i].outcome);
        ck_assert(expected[i].seconds > 0 ? row.seconds == expected[i].seconds
                                          : isnan(row.seconds));
    }
    augs_metrics_free(metrics);
    augs_stream_unref(stream);
}
END_TEST

/* ---- sizes that the caller gives ---- */

static const char *const sizable[] = {"sequential", "memory_optimized", "adaptive"};
#define N_SIZABLE 3u

static augs_pipeline *open_sized(augs_stream *stream, const char *strategy, uint64_t size,
                                 uint32_t mode)
{
    return open_pipeline(stream,
                         (augs_pipeline_options){.plan = &(augs_plan_options){.strategy = strategy},
                                                 .feedback = mode,
                                                 .now_ns = read_clock},
                         (augs_strategy_options){.batch_size = size});
}

static uint64_t next_size(augs_pipeline *pipeline)
{
    augs_batch *batch = next_batch(pipeline);
    const uint64_t n = augs_batch_n_samples(batch);
    augs_batch_unref(batch);
    return n;
}

START_TEST(a_size_of_the_callers_counts_from_the_next_batch_on)
{
    augs_stream *stream = uniform_open(1, 1000000000);
    for (uint32_t s = 0; s < N_SIZABLE; s++) {
        for (uint32_t d = 0; d < N_DELAYS; d++) {
            for (uint32_t mode = 0; mode < 2; mode++) {
                augs_pipeline *pipeline = open_sized(stream, sizable[s], 64, mode);
                augs_error error;
                ck_assert_uint_eq(next_size(pipeline), 64);
                for (uint64_t i = 1; i <= 20; i++) {
                    now_ns += 5000000;
                    if (i > delays[d]) {
                        AUGS_ASSERT_OK(tell(pipeline, 0, i - 1 - delays[d], 0.01, &error), error);
                    }
                    next_size(pipeline);
                }
                const uint64_t sizes[] = {32, 16, 100, 1};
                for (size_t k = 0; k < 4; k++) {
                    now_ns += 5000000;
                    AUGS_ASSERT_OK(augs_pipeline_set_batch_size(pipeline, sizes[k], &error), error);
                    const uint64_t step = augs_pipeline_step(pipeline);
                    for (uint64_t j = 0; j <= delays[d]; j++) { /* of batches planned before */
                        AUGS_ASSERT_OK(tell(pipeline, 0, step - 1 - delays[d] + j, 0.02, &error),
                                       error);
                    }
                    ck_assert_msg(next_size(pipeline) == sizes[k],
                                  "%s, delay %llu, mode %u, size "
                                  "%llu",
                                  sizable[s], (unsigned long long)delays[d], mode,
                                  (unsigned long long)sizes[k]);
                }
                augs_pipeline_free(pipeline);
            }
        }
    }
    augs_stream_unref(stream);
}
END_TEST

/* The reproduction of a bug report: the batch in hand is timed when the next one is asked for. */
START_TEST(halving_after_a_failure_halves)
{
    augs_stream *stream = uniform_open(1, 1000000000);
    for (uint32_t s = 0; s < N_SIZABLE; s++) {
        augs_pipeline *pipeline = open_sized(stream, sizable[s], 64, AUGS_FEEDBACK_TIMED);
        augs_error error;
        for (uint64_t size = 64; size >= 1; size /= 2) {
            ck_assert_msg(next_size(pipeline) == size, "%s: not %llu", sizable[s],
                          (unsigned long long)size);
            now_ns += 5000000 + size * 200000;
            if (size > 1) {
                AUGS_ASSERT_OK(augs_pipeline_set_batch_size(pipeline, size / 2, &error), error);
            }
        }
        augs_pipeline_free(pipeline);
    }
    augs_stream_unref(stream);
}
END_TEST

/* The reproduction of another report: the batch that failed is asked for again, with half its
 * size. */
START_TEST(a_step_that_is_sought_again_has_the_new_size)
{
    for (uint32_t s = 0; s < N_SIZABLE; s++) {
        for (uint32_t last_batch = 0; last_batch < 4; last_batch++) {
            for (uint64_t failing = 1; failing < 12; failing++) {
                augs_stream *stream = uniform_open(1, 2003);
                augs_pipeline *pipeline = open_pipeline(
                    stream,
                    (augs_pipeline_options){.plan = &(augs_plan_options){.strategy = sizable[s]},
                                            .feedback = AUGS_FEEDBACK_TOLD},
                    (augs_strategy_options){
                        .batch_size = 20, .max_batch_size = 60, .last_batch = last_batch});
                augs_error error;
                augs_batch *batch;
                uint64_t n = 0, size = 0, padding = 0;
                int status;
                while ((status = augs_pipeline_next(pipeline, &batch, &error)) == 1) {
                    augs_batch_info info = {.size = sizeof info};
                    AUGS_ASSERT_OK(augs_batch_get_info(batch, &info), error);
                    ck_assert_uint_eq(info.first, n);
                    size = info.n_samples;
                    padding = size - (size < 2003 - n ? size : 2003 - n);
                    augs_batch_unref(batch);
                    if (info.step == failing && info.n_samples > 1) {
                        const uint64_t half = size / 2;
                        AUGS_ASSERT_OK(augs_pipeline_seek(pipeline, failing, &error), error);
                        AUGS_ASSERT_OK(augs_pipeline_set_batch_size(pipeline, half, &error), error);
                        batch = next_batch(pipeline);
                        AUGS_ASSERT_OK(augs_batch_get_info(batch, &info), error);
                        ck_assert_uint_eq(info.step, failing);
                        ck_assert_uint_eq(info.first, n);
                        ck_assert_uint_eq(info.n_samples, half);
                        augs_batch_unref(batch);
                        size = half;
                        padding = 0;
                    }
                    n += size - padding;
                }
                AUGS_ASSERT_OK(status, error);
                ck_assert_uint_eq(n + augs_pipeline_n_left_out(pipeline), 2003);
                augs_pipeline_free(pipeline);
                augs_stream_unref(stream);
            }
        }
    }
}
END_TEST

/* The step before it can be sought after that, and has its own batch. */
START_TEST(a_step_before_a_new_size_is_still_there)
{
    static const char *const names[] = {"memory_optimized", "adaptive"};
    augs_stream *stream = uniform_open(1, 100000);
    for (int s = 0; s < 2; s++) {
        augs_pipeline *pipeline = open_sized(stream, names[s], 64, AUGS_FEEDBACK_TOLD);
        augs_error error;
        next_size(pipeline);
        const uint64_t size = next_size(pipeline);
        next_size(pipeline);
        AUGS_ASSERT_OK(augs_pipeline_seek(pipeline, 2, &error), error);
        AUGS_ASSERT_OK(augs_pipeline_set_batch_size(pipeline, 8, &error), error);
        AUGS_ASSERT_OK(augs_pipeline_seek(pipeline, 1, &error), error);
        augs_batch *batch = next_batch(pipeline);
        augs_batch_info info = {.size = sizeof info};
        AUGS_ASSERT_OK(augs_batch_get_info(batch, &info), error);
        augs_batch_unref(batch);
        ck_assert_uint_eq(info.step, 1);
        ck_assert_uint_eq(info.first, 64);
        ck_assert_uint_eq(info.n_samples, size);
        ck_assert_uint_eq(next_size(pipeline), 8);
        augs_pipeline_free(pipeline);
    }
    augs_stream_unref(stream);
}
END_TEST

/* ---- batches that did not fit ---- */

static const char *const deciding[] = {"memory_optimized", "adaptive"};

/* A consumer that holds `limit` samples; feedback is `delay` batches late. Returns the failures. */
static uint32_t consume(augs_pipeline *pipeline, uint64_t limit, uint64_t delay, uint32_t n_batches,
                        uint64_t *ret_last_size)
{
    augs_batch_info under_way[32];
    uint64_t n_under_way = 0;
    uint32_t n_failures = 0;
    for (uint32_t i = 0; i < n_batches; i++) {
        augs_batch *batch = next_batch(pipeline);
        under_way[n_under_way++] = info_of(batch);
        augs_batch_unref(batch);
        if (n_under_way <= delay) {
            continue;
        }
        augs_error error;
        const augs_batch_info info = under_way[0];
        const bool fits = info.n_samples <= limit;
        memmove(under_way, under_way + 1, --n_under_way * sizeof under_way[0]);
        n_failures += !fits;
        if (fits) {
            AUGS_ASSERT_OK(augs_pipeline_observe(pipeline,
                                                 &(augs_feedback){.size = sizeof(augs_feedback),
                                                                  .step = info.step,
                                                                  .part = info.part,
                                                                  .seconds = 0.1},
                                                 &error),
                           error);
            *ret_last_size = info.n_samples;
        } else {
            AUGS_ASSERT_OK(augs_pipeline_retry(pipeline, info.step, info.part, 0, &error), error);
        }
    }
    return n_failures;
}

START_TEST(a_strategy_stays_below_what_did_not_fit)
{
    augs_stream *stream = uniform_open(1, 10000000);
    for (uint32_t s = 0; s < 2; s++) {
        for (uint32_t d = 0; d < N_DELAYS; d++) {
            augs_pipeline *pipeline = open_sized(stream, deciding[s], 16, AUGS_FEEDBACK_TOLD);
            uint64_t size = 0;
            const uint32_t n_first = consume(pipeline, 300, delays[d], 400, &size);
            ck_assert_uint_ge(n_first, 1); /* nobody told a limit: it is found */
            ck_assert_msg(consume(pipeline, 300, delays[d], 200, &size) == 0,
                          "%s, delay %llu: it goes on failing", deciding[s],
                          (unsigned long long)delays[d]);
            ck_assert_uint_le(size, 300);
            ck_assert_msg(size >= 240, "%s, delay %llu: %llu of 300", deciding[s],
                          (unsigned long long)delays[d], (unsigned long long)size);
            augs_pipeline_free(pipeline);
        }
    }
    augs_stream_unref(stream);
}
END_TEST

AUGS_SUITE("feedback", late_feedback_has_the_size_of_its_step,
           feedback_out_of_order_counts_once_for_each_batch,
           feedback_reaches_back_into_the_epoch_before,
           feedback_of_batches_that_are_forgotten_is_ignored,
           a_pipeline_times_until_it_is_told_late, metrics_have_what_came_late_and_what_did_not_fit,
           a_size_of_the_callers_counts_from_the_next_batch_on, halving_after_a_failure_halves,
           a_step_that_is_sought_again_has_the_new_size, a_step_before_a_new_size_is_still_there,
           a_strategy_stays_below_what_did_not_fit)
