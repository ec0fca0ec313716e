/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>

#include "base/memory.h"
#include "pipeline_fixture.h"

#define N_BATCHES 10u

/* What a sink was given, and what it answers. */
typedef struct keeper {
    augs_batch *kept[2 * N_BATCHES];
    uint64_t steps[2 * N_BATCHES], n_writes;
    uint64_t odd_one; /* the write, from 0, that is answered with `answer` */
    int answer, flush_answer;
    bool keeps, explains;
    uint64_t n_flushes, n_done;
} keeper;

static int keep(void *user, augs_batch *batch)
{
    keeper *k = user;
    ck_assert_uint_lt(k->n_writes, 2 * N_BATCHES);
    const uint64_t i = k->n_writes++;
    k->steps[i] = info_of(batch).step;
    k->kept[i] = k->keeps ? augs_batch_ref(batch) : NULL;
    return i == k->odd_one ? k->answer : 0;
}

static int write_kept(void *state, augs_batch *batch, augs_error *error)
{
    const keeper *k = state;
    int status = keep(state, batch);
    if (status < 0 && k->explains) {
        error->status = status;
        snprintf(error->message, sizeof error->message, "the disk said no");
    }
    return status;
}

static int flush_kept(void *state, augs_error *error)
{
    keeper *k = state;
    (void)error;
    k->n_flushes++;
    return k->flush_answer;
}

static void done_kept(void *state)
{
    keeper *k = state;
    k->n_done++;
}

static const augs_sink_ops keeper_ops = {
    .size = sizeof keeper_ops, .write = write_kept, .flush = flush_kept, .done = done_kept};

static augs_sink *open_keeper(keeper *k)
{
    augs_sink *sink = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augs_sink_open(&keeper_ops, k, &sink, &error), error);
    return sink;
}

static augs_sink *open_callback(int (*function)(void *user, augs_batch *batch), void *user)
{
    augs_sink *sink = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augs_sink_open_callback(function, user, &sink, &error), error);
    return sink;
}

/* N_BATCHES batches. */
static augs_pipeline *open_line(void)
{
    augs_stream *stream = mixed_open(AUGS_ORDER_SHUFFLED, N_BATCHES * 7 - 3, 5, 0);
    augs_pipeline *pipeline = open_batches(stream, 7);
    augs_stream_unref(stream);
    return pipeline;
}

static void expect_steps(const keeper *k, uint64_t at, uint64_t first, uint64_t end)
{
    for (uint64_t step = first; step < end; step++) {
        ck_assert_uint_eq(k->steps[at++], step);
    }
    ck_assert_uint_eq(k->n_writes, at);
}

START_TEST(a_run_writes_every_batch_in_order_and_flushes_once)
{
    keeper k = {.odd_one = UINT64_MAX};
    augs_pipeline *pipeline = open_line();
    augs_sink *sink = open_keeper(&k);
    augs_error error;
    AUGS_ASSERT_OK(augs_pipeline_run(pipeline, sink, &error), error);
    expect_steps(&k, 0, 0, N_BATCHES);
    ck_assert_uint_eq(k.n_flushes, 1);
    ck_assert_uint_eq(augs_pipeline_step(pipeline), N_BATCHES);
    expect_end(pipeline);
    ck_assert_uint_eq(k.n_done, 0);
    augs_sink_free(sink);
    ck_assert_uint_eq(k.n_done, 1);
    augs_pipeline_free(pipeline);
}
END_TEST

START_TEST(a_callback_that_stops_has_taken_its_batch)
{
    keeper k = {.odd_one = 3, .answer = 1};
    augs_pipeline *pipeline = open_line();
    augs_sink *sink = open_callback(keep, &k);
    augs_error error;
    AUGS_ASSERT_STATUS(AUGS_E_CANCELLED, augs_pipeline_run(pipeline, sink, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "after step 3"));
    expect_steps(&k, 0, 0, 4);
    ck_assert_uint_eq(augs_pipeline_step(pipeline), 4);
    AUGS_ASSERT_OK(augs_pipeline_run(pipeline, sink, &error), error);
    expect_steps(&k, 4, 4, N_BATCHES);
    augs_sink_free(sink);
    augs_pipeline_free(pipeline);
}
END_TEST

START_TEST(a_batch_whose_write_failed_comes_first_when_the_run_is_repeated)
{
    for (uint64_t odd_one = 0; odd_one < N_BATCHES; odd_one++) {
        keeper k = {.odd_one = odd_one, .answer = AUGS_E_NO_SPACE, .keeps = true, .explains = true};
        augs_pipeline *pipeline = open_line();
        augs_sink *sink = open_keeper(&k);
        augs_error error;
        AUGS_ASSERT_STATUS(AUGS_E_NO_SPACE, augs_pipeline_run(pipeline, sink, &error), error);
        ck_assert_str_eq(error.message, "the disk said no");
        ck_assert_uint_eq(k.n_flushes, 0);
        ck_assert_uint_eq(augs_pipeline_step(pipeline), odd_one);
        AUGS_ASSERT_OK(augs_pipeline_run(pipeline, sink, &error), error);
        ck_assert_uint_eq(k.n_flushes, 1);
        expect_steps(&k, odd_one + 1, odd_one, N_BATCHES);
        assert_same_batches(k.kept[odd_one], k.kept[odd_one + 1]);
        augs_sink_free(sink);
        augs_pipeline_free(pipeline);
        for (uint64_t i = 0; i < k.n_writes; i++) { /* they outlive pipeline and sink */
            ck_assert_uint_eq(info_of(k.kept[i]).step, k.steps[i]);
            augs_batch_unref(k.kept[i]);
        }
    }
}
END_TEST

/* A rank that has nothing in some steps is given its own batch again, not an empty step. */
START_TEST(a_failed_write_is_repeated_past_steps_without_samples)
{
    augs_stream *stream = mixed_open(AUGS_ORDER_SHUFFLED, 14, 5, 0);
    keeper k = {.odd_one = 1, .answer = AUGS_E_IO};
    /* windows of 5 in 2 batches of 3 and 2: the third rank has one sample in every other step */
    augs_pipeline *pipeline = open_pipeline(
        stream,
        (augs_pipeline_options){.rank = 2,
                                .plan = &(augs_plan_options){.world_size = 3,
                                                             .tail = AUGS_TAIL_UNEVEN,
                                                             .strategy = "round_robin"}},
        (augs_strategy_options){.batches = 2, .deal_window = 5});
    augs_sink *sink = open_keeper(&k);
    augs_error error;
    AUGS_ASSERT_STATUS(AUGS_E_IO, augs_pipeline_run(pipeline, sink, &error), error);
    AUGS_ASSERT_OK(augs_pipeline_run(pipeline, sink, &error), error);
    const uint64_t expected[] = {0, 2, 2};
    ck_assert_uint_eq(k.n_writes, 3);
    ck_assert_mem_eq(k.steps, expected, sizeof expected);
    augs_sink_free(sink);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(a_sink_that_fails_without_a_word_is_given_words)
{
    augs_pipeline *pipeline = open_line();
    augs_error error;
    keeper k = {.odd_one = 0, .answer = AUGS_E_IO};
    augs_sink *sink = open_keeper(&k);
    AUGS_ASSERT_STATUS(AUGS_E_IO, augs_pipeline_run(pipeline, sink, &error), error);
    ck_assert_int_eq(error.status, AUGS_E_IO);
    ck_assert_ptr_nonnull(strstr(error.message, "write failed with AUGS_E_IO"));
    k.odd_one = k.n_writes;
    ck_assert_int_eq(augs_pipeline_run(pipeline, sink, NULL), AUGS_E_IO);

    k.flush_answer = AUGS_E_NO_SPACE;
    AUGS_ASSERT_STATUS(AUGS_E_NO_SPACE, augs_pipeline_run(pipeline, sink, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "flush failed with AUGS_E_NO_SPACE"));
    k.flush_answer = 0; /* what was written is not written again, but flushed */
    const uint64_t n_writes = k.n_writes;
    AUGS_ASSERT_OK(augs_pipeline_run(pipeline, sink, &error), error);
    ck_assert_uint_eq(k.n_writes, n_writes);
    ck_assert_uint_eq(k.n_flushes, 2);
    augs_sink_free(sink);
    augs_pipeline_free(pipeline);
}
END_TEST

START_TEST(a_callbacks_negative_number_is_a_status_or_turns_into_one)
{
    const struct {
        int answer, status;
        const char *word;
    } cases[] = {{AUGS_E_IO, AUGS_E_IO, "AUGS_E_IO"},
                 {AUGS_E_NO_SPACE, AUGS_E_NO_SPACE, "-402"},
                 {-1, AUGS_E_CALLBACK, "returned -1"},
                 {-12345, AUGS_E_CALLBACK, "-12345"},
                 {INT_MIN, AUGS_E_CALLBACK, "-2147483648"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        keeper k = {.odd_one = 2, .answer = cases[i].answer};
        augs_pipeline *pipeline = open_line();
        augs_sink *sink = open_callback(keep, &k);
        augs_error error;
        AUGS_ASSERT_STATUS(cases[i].status, augs_pipeline_run(pipeline, sink, &error), error);
        ck_assert_int_eq(error.status, cases[i].status);
        ck_assert_msg(strstr(error.message, cases[i].word) != NULL, "%s", error.message);
        ck_assert_uint_eq(augs_pipeline_step(pipeline), 2);
        augs_sink_free(sink);
        augs_pipeline_free(pipeline);
    }
}
END_TEST

START_TEST(the_null_sink_counts_on)
{
    augs_error error;
    uint64_t n = 1000;
    augs_pipeline *pipeline = open_line();
    augs_sink *sink = NULL;
    AUGS_ASSERT_OK(augs_sink_open_null(&n, &sink, &error), error);
    AUGS_ASSERT_OK(augs_pipeline_run(pipeline, sink, &error), error);
    ck_assert_uint_eq(n, 1000 + N_BATCHES * 7 - 3);
    AUGS_ASSERT_OK(augs_pipeline_set_epoch(pipeline, 1, &error), error);
    AUGS_ASSERT_OK(augs_pipeline_run(pipeline, sink, &error), error);
    ck_assert_uint_eq(n, 1000 + 2 * (N_BATCHES * 7 - 3));
    augs_sink_free(sink);
    AUGS_ASSERT_OK(augs_sink_open_null(NULL, &sink, &error), error);
    AUGS_ASSERT_OK(augs_pipeline_seek(pipeline, 0, &error), error);
    AUGS_ASSERT_OK(augs_pipeline_run(pipeline, sink, &error), error);
    augs_sink_free(sink);
    augs_pipeline_free(pipeline);
}
END_TEST

START_TEST(a_run_allocates_nothing_after_its_first_batch)
{
    counting_memory memory = {.left = UINT64_MAX};
    augs_stream *stream = open_stream(mixed_preset(&memory, false), AUGS_ORDER_SHUFFLED, 500, 9, 0);
    augs_pipeline *pipeline = open_batches(stream, 7);
    augs_error error;
    uint64_t n = 0;
    augs_sink *sink = NULL;
    AUGS_ASSERT_OK(augs_sink_open_null(&n, &sink, &error), error);
    augs_batch_unref(next_batch(pipeline));
    memory.left = 0;
    AUGS_ASSERT_OK(augs_pipeline_run(pipeline, sink, &error), error);
    ck_assert_uint_eq(n, 493);
    augs_sink_free(sink);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

/* Counts lines, and asks to stop with every piece. */
static int count_lines(void *user, const void *data, size_t n_bytes)
{
    uint64_t *n_lines = user;
    const char *bytes = data;
    for (size_t i = 0; i < n_bytes; i++) {
        *n_lines += bytes[i] == '\n';
    }
    return 1;
}

START_TEST(records_of_a_batch_are_all_handed_on_when_the_function_asks_to_stop)
{
    const uint64_t n_samples = 5000; /* several pieces */
    augs_error error;
    uint64_t n_lines = 0;
    augs_stream *stream = mixed_open(AUGS_ORDER_SEQUENTIAL, n_samples, 1, 0);
    augs_pipeline *pipeline = open_batches(stream, n_samples);
    augs_batch *batch = next_batch(pipeline);
    augs_sink *sink = NULL;
    AUGS_ASSERT_OK(
        augs_sink_open_records(stream, AUGS_FORMAT_JSONL, 0, count_lines, &n_lines, &sink, &error),
        error);
    ck_assert_int_eq(augs_sink_write(sink, batch, &error), 1);
    ck_assert_uint_gt(n_lines, 0);
    augs_sink_flush(sink, &error);
    ck_assert_uint_eq(n_lines, n_samples);
    augs_sink_free(sink);
    augs_batch_unref(batch);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(what_is_no_sink_is_refused)
{
    augs_sink *sink = NULL;
    augs_error error;
    keeper k = {.odd_one = UINT64_MAX};
    augs_sink_ops without_write = keeper_ops, small = keeper_ops;
    without_write.write = NULL;
    small.size -= 8;
    const int results[] = {augs_sink_open(NULL, &k, &sink, &error),
                           augs_sink_open(&without_write, &k, &sink, &error),
                           augs_sink_open(&small, &k, &sink, &error),
                           augs_sink_open(&keeper_ops, &k, NULL, &error),
                           augs_sink_open_callback(NULL, &k, &sink, &error),
                           augs_sink_open_callback(keep, &k, NULL, &error),
                           augs_sink_open_null(NULL, NULL, &error),
                           augs_sink_write(NULL, NULL, &error),
                           augs_sink_flush(NULL, &error)};
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        ck_assert_msg(results[i] == AUGS_E_ARGUMENT, "call %zu: %d", i, results[i]);
    }
    ck_assert_ptr_null(sink);
    ck_assert_uint_eq(k.n_done, 0);
    augs_sink_free(NULL);

    /* flush and done may be missing */
    const augs_sink_ops write_only = {.size = sizeof write_only, .write = write_kept};
    AUGS_ASSERT_OK(augs_sink_open(&write_only, &k, &sink, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_sink_write(sink, NULL, &error), error);
    AUGS_ASSERT_OK(augs_sink_flush(sink, &error), error);
    augs_sink_free(sink);
}
END_TEST

AUGS_SUITE("sinks", a_run_writes_every_batch_in_order_and_flushes_once,
           a_callback_that_stops_has_taken_its_batch,
           a_batch_whose_write_failed_comes_first_when_the_run_is_repeated,
           a_failed_write_is_repeated_past_steps_without_samples,
           a_sink_that_fails_without_a_word_is_given_words,
           a_callbacks_negative_number_is_a_status_or_turns_into_one, the_null_sink_counts_on,
           a_run_allocates_nothing_after_its_first_batch,
           records_of_a_batch_are_all_handed_on_when_the_function_asks_to_stop,
           what_is_no_sink_is_refused)
