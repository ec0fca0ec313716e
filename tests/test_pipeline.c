/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>

#include "pipeline_fixture.h"

#define MOST_POSITIONS 400u

typedef struct epoch_case {
    augs_pipeline_options options;
    augs_plan_options plan;
    augs_strategy_options strategy;
    uint64_t n; /* positions of the window */
} epoch_case;

static epoch_case random_epoch(uint64_t *random, uint64_t n_stream)
{
    epoch_case c = {.n = 1 + next_random(random) % n_stream};
    if (next_random(random) % 3 != 0) { /* a window in the middle, or the rest of the stream */
        c.options.first_position = next_random(random) % (n_stream - c.n + 1);
        c.options.n_positions = c.n;
    } else {
        c.options.first_position = n_stream - c.n;
    }
    c.plan.world_size = 1 + (uint32_t)(next_random(random) % 7);
    c.plan.rank_layout = next_random(random) % 3 == 0;
    c.plan.tail = (uint32_t)(next_random(random) % 3);
    c.strategy.last_batch = next_random(random) % 4 == 0;
    if (next_random(random) % 2 == 0) {
        c.plan.strategy = "sequential";
        c.strategy.batch_size = next_random(random) % 40;
        return c;
    }
    c.plan.strategy = "round_robin";
    c.strategy.batches = 1 + next_random(random) % 30;
    if (next_random(random) % 2 == 0) {
        c.strategy.deal_window = c.strategy.batches * (1 + next_random(random) % 5);
    }
    return c;
}

/* Such a plan is refused. */
static bool delivers_nothing(const epoch_case *c, augs_stream *stream)
{
    augs_pipeline *pipeline = NULL;
    augs_error error;
    augs_pipeline_options options = c->options;
    options.plan = &c->plan;
    const int status = try_pipeline(stream, options, c->strategy, &pipeline, &error);
    augs_pipeline_free(pipeline);
    const bool drops = c->strategy.last_batch == 1 || c->plan.tail == AUGS_TAIL_DROP;
    ck_assert(status == AUGS_OK || (status == AUGS_E_ARGUMENT && drops));
    return status != AUGS_OK;
}

/* Reads a rank's epoch; counts who has a position of the window. */
static void read_rank(const epoch_case *c, augs_stream *stream, const table *whole, uint32_t rank,
                      uint32_t *seen, uint64_t *ret_n_samples, uint64_t *ret_n_padded)
{
    epoch_case mine = *c;
    mine.options.rank = rank;
    mine.options.plan = &mine.plan;
    augs_pipeline *pipeline = open_pipeline(stream, mine.options, mine.strategy);
    augs_batch *batch = NULL;
    augs_error error;
    uint64_t n_batches = 0;
    bool ended = false;
    int status;
    *ret_n_samples = *ret_n_padded = 0;
    while ((status = augs_pipeline_next(pipeline, &batch, &error)) == 1) {
        const augs_batch_info info = info_of(batch);
        ck_assert(!ended);
        ck_assert_uint_ge(info.step, n_batches++);
        ck_assert_uint_eq(info.step + 1, augs_pipeline_step(pipeline));
        ck_assert_uint_eq(info.rank, rank);
        ck_assert_uint_eq(info.world_size, c->plan.world_size);
        ck_assert_uint_gt(info.n_samples, 0);
        ck_assert_int_eq((info.flags & AUGS_BATCH_PADDED) != 0, info.n_padded > 0);
        ended = (info.flags & AUGS_BATCH_LAST) != 0;
        assert_batch_of(batch, whole);
        for (uint64_t k = 0; k < info.n_samples; k++) {
            const uint64_t i = position_of(&info, k) - c->options.first_position;
            ck_assert_uint_lt(i, c->n);
            seen[i] += k < info.n_samples - info.n_padded;
        }
        *ret_n_samples += info.n_samples;
        *ret_n_padded += info.n_padded;
        augs_batch_unref(batch);
    }
    AUGS_ASSERT_OK(status, error);
    ck_assert(ended || n_batches == 0);
    expect_end(pipeline);
    augs_pipeline_free(pipeline);
}

/* Each position is one rank's, and its record is the stream's; ranks are equally long or not, as
 * the tail says. */
START_TEST(the_union_of_all_shards_is_the_whole_and_each_record_is_its_positions)
{
    uint64_t random = 20260704;
    for (int i = 0; i < rounds(400, 30); i++) {
        const uint64_t state = random;
        const uint64_t n_stream = 1 + next_random(&random) % MOST_POSITIONS;
        augs_stream *stream = mixed_open(next_random(&random) % 2, n_stream, state, 1);
        table whole = whole_of(stream);
        const epoch_case c = random_epoch(&random, n_stream);
        if (delivers_nothing(&c, stream)) {
            table_free(&whole);
            augs_stream_unref(stream);
            continue;
        }
        uint32_t seen[MOST_POSITIONS] = {0};
        uint64_t n_of_first = 0, n_all = 0, n_padded_all = 0;
        for (uint32_t rank = 0; rank < c.plan.world_size; rank++) {
            uint64_t n = 0, n_padded = 0;
            read_rank(&c, stream, &whole, rank, seen, &n, &n_padded);
            n_of_first = rank == 0 ? n : n_of_first;
            ck_assert_msg(c.plan.tail == AUGS_TAIL_UNEVEN || n == n_of_first,
                          "state %" PRIu64 ": rank %u has %" PRIu64 " samples, the first %" PRIu64,
                          state, rank, n, n_of_first);
            n_all += n;
            n_padded_all += n_padded;
        }
        uint64_t n_once = 0;
        for (uint64_t p = 0; p < c.n; p++) {
            ck_assert_msg(seen[p] <= 1, "state %" PRIu64 ": position %" PRIu64 " twice", state, p);
            n_once += seen[p];
        }
        ck_assert_uint_eq(n_all, n_once + n_padded_all);
        if (c.plan.tail != AUGS_TAIL_DROP && c.strategy.last_batch == 0) {
            ck_assert_msg(n_once == c.n, "state %" PRIu64 ": %" PRIu64 " of %" PRIu64, state,
                          n_once, c.n);
        }
        ck_assert(c.plan.tail == AUGS_TAIL_PAD || n_padded_all == 0);
        table_free(&whole);
        augs_stream_unref(stream);
    }
}
END_TEST

/* The contract: batches in order, one after the other, are the stream's columns. */
START_TEST(any_cut_of_batches_concatenates_to_the_same_bytes)
{
    enum { N = 600 };
    augs_stream *stream = mixed_open(AUGS_ORDER_SHUFFLED, N, 77, 3);
    table whole = whole_of(stream), joined = table_new(stream, N);
    const uint64_t sizes[] = {1, 2, 7, 31, 32, 64, 100, 599, 600, 601, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        augs_pipeline *pipeline = open_batches(stream, sizes[i]);
        augs_batch *batch = NULL;
        uint64_t at = 0;
        table_clear(&joined);
        while (augs_pipeline_next(pipeline, &batch, NULL) == 1) {
            const uint64_t n = augs_batch_n_samples(batch);
            ck_assert_uint_eq(n, at + sizes[i] <= N ? sizes[i] : N - at);
            for (uint32_t c = 0; c < joined.n_columns; c++) {
                memcpy((char *)joined.columns[c] + at * joined.bytes[c],
                       augs_batch_column_data(batch, c), n * joined.bytes[c]);
            }
            at += n;
            augs_batch_unref(batch);
        }
        ck_assert_uint_eq(at, N);
        assert_same_tables(&whole, &joined);
        augs_pipeline_free(pipeline);
    }
    table_free(&whole);
    table_free(&joined);
    augs_stream_unref(stream);
}
END_TEST

/* Ten positions in spans of six and four for four ranks, as the three tails have it. */
START_TEST(tails_pad_drop_or_leave_ranks_uneven)
{
    static const struct {
        uint32_t tail;
        uint64_t n[2][4], n_padded[2][4];
    } expected[] = {
        {AUGS_TAIL_PAD, {{2, 2, 2, 2}, {1, 1, 1, 1}}, {{0, 0, 0, 0}, {0, 0, 1, 1}}},
        {AUGS_TAIL_DROP, {{2, 2, 2, 2}, {0, 0, 0, 0}}, {{0}}},
        {AUGS_TAIL_UNEVEN, {{2, 2, 2, 2}, {1, 1, 0, 0}}, {{0}}},
    };
    augs_stream *stream = mixed_open(AUGS_ORDER_SHUFFLED, 10, 7, 0);
    for (size_t i = 0; i < 3; i++) {
        for (uint32_t rank = 0; rank < 4; rank++) {
            augs_pipeline *pipeline = open_pipeline(
                stream,
                (augs_pipeline_options){
                    .rank = rank,
                    .plan = &(augs_plan_options){.world_size = 4, .tail = expected[i].tail}},
                (augs_strategy_options){.batch_size = 2});
            for (int step = 0; step < 2 && expected[i].n[step][rank] > 0; step++) {
                augs_batch *batch = next_batch(pipeline);
                const augs_batch_info info = info_of(batch);
                ck_assert_uint_eq(info.n_samples, expected[i].n[step][rank]);
                ck_assert_uint_eq(info.n_padded, expected[i].n_padded[step][rank]);
                ck_assert_uint_eq(info.pad_first, info.n_padded > 0 ? rank - 2 : 0);
                const bool more = step == 0 && expected[i].n[1][rank] > 0;
                ck_assert_int_eq((info.flags & AUGS_BATCH_LAST) != 0, !more);
                augs_batch_unref(batch);
            }
            expect_end(pipeline);
            augs_pipeline_free(pipeline);
        }
    }
    augs_stream_unref(stream);
}
END_TEST

START_TEST(without_options_all_positions_come_in_batches_of_32)
{
    augs_stream *stream = mixed_open(AUGS_ORDER_SHUFFLED, 70, 7, 0);
    table whole = whole_of(stream);
    augs_pipeline *pipeline = NULL;
    augs_error error;
    AUGS_ASSERT_OK(augs_pipeline_open(stream, NULL, &pipeline, &error), error);
    for (uint64_t step = 0; step < 3; step++) {
        ck_assert_uint_eq(augs_pipeline_step(pipeline), step);
        augs_batch *batch = next_batch(pipeline);
        const augs_batch_info info = info_of(batch);
        ck_assert_uint_eq(info.first, 32 * step);
        ck_assert_uint_eq(info.stride, 1);
        ck_assert_uint_eq(info.n_samples, step < 2 ? 32 : 6);
        ck_assert_uint_eq(info.flags, step < 2 ? 0 : AUGS_BATCH_LAST);
        ck_assert_uint_eq(info.world_size, 1);
        assert_batch_of(batch, &whole);
        augs_batch_unref(batch);
    }
    expect_end(pipeline);
    expect_end(pipeline);
    augs_pipeline_free(pipeline);
    table_free(&whole);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(a_stream_without_samples_is_at_its_end)
{
    augs_stream *stream = mixed_open_ungated(0, 7, 0);
    augs_pipeline *pipeline = open_batches(stream, 4);
    augs_error error;
    expect_end(pipeline);
    AUGS_ASSERT_OK(augs_pipeline_seek(pipeline, 0, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_pipeline_seek(pipeline, 1, &error), error);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(an_endless_stream_goes_on)
{
    augs_stream *stream = uniform_open(2, AUGS_ENDLESS);
    augs_pipeline *pipeline = open_batches(stream, 1000);
    augs_error error;
    const uint64_t steps[] = {0, 1, 1000000000, AUGS_MAX_SAMPLES / 1000 - 1};
    for (size_t i = 0; i < 4; i++) {
        AUGS_ASSERT_OK(augs_pipeline_seek(pipeline, steps[i], &error), error);
        augs_batch *batch = next_batch(pipeline);
        const uint64_t *ids = augs_batch_column_data(batch, 0);
        ck_assert_uint_eq(ids[0], steps[i] * 1000);
        ck_assert_uint_eq(ids[999], steps[i] * 1000 + 999);
        ck_assert_uint_eq(info_of(batch).flags, 0);
        augs_batch_unref(batch);
    }
    augs_batch *batch = NULL; /* only a part of the next batch has numbers */
    AUGS_ASSERT_OK(augs_pipeline_seek(pipeline, AUGS_MAX_SAMPLES / 1000 + 1, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_pipeline_next(pipeline, &batch, &error), error);
    ck_assert_ptr_null(batch);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(what_makes_no_pipeline_is_refused_and_named)
{
    augs_stream *stream = mixed_open(AUGS_ORDER_SHUFFLED, 100, 7, 0);
    const struct {
        augs_pipeline_options options;
        augs_strategy_options strategy;
        int status;
        const char *word;
    } cases[] = {
        {{.rank = 1}, {.size = 0}, AUGS_E_RANGE, "rank 1 of 1"},
        {{.rank = 4, .plan = &(augs_plan_options){.world_size = 4}},
         {.size = 0},
         AUGS_E_RANGE,
         "ranks are 0 to 3"},
        {{.first_position = 101}, {.size = 0}, AUGS_E_RANGE, "100"},
        {{.first_position = 50, .n_positions = 51}, {.size = 0}, AUGS_E_RANGE, "51 positions"},
        {{.first_position = 1, .n_positions = UINT64_MAX}, {.size = 0}, AUGS_E_RANGE, "from 1"},
        {{.plan = &(augs_plan_options){.rank_layout = 2}},
         {.size = 0},
         AUGS_E_ARGUMENT,
         "rank_layout 2"},
        {{.plan = &(augs_plan_options){.tail = 3}}, {.size = 0}, AUGS_E_ARGUMENT, "tail 3"},
        {{.plan = &(augs_plan_options){.strategy = "sequentiel"}},
         {.size = 0},
         AUGS_E_NOT_FOUND,
         "did you mean"},
        {{.rank = 0}, {.batches = 3}, AUGS_E_ARGUMENT, "'batches'"},
        {{.rank = 0},
         {.min_batch_size = 3, .max_batch_size = 2},
         AUGS_E_ARGUMENT,
         "min_batch_size 3"},
        {{.plan = &(augs_plan_options){.strategy = "round_robin"}},
         {.size = 0},
         AUGS_E_ARGUMENT,
         "'batches'"},
    };
    augs_pipeline *pipeline = NULL;
    augs_error error;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUGS_ASSERT_STATUS(
            cases[i].status,
            try_pipeline(stream, cases[i].options, cases[i].strategy, &pipeline, &error), error);
        ck_assert_ptr_null(pipeline);
        ck_assert_int_eq(error.status, cases[i].status);
        ck_assert_msg(strstr(error.message, cases[i].word) != NULL, "case %zu: %s", i,
                      error.message);
    }
    const augs_pipeline_options small = {.size = sizeof small - 8};
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_pipeline_open(stream, &small, &pipeline, &error),
                       error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_pipeline_open(NULL, NULL, &pipeline, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_pipeline_open(stream, NULL, NULL, &error), error);
    ck_assert_int_eq(augs_pipeline_open(stream, &small, &pipeline, NULL), AUGS_E_ARGUMENT);
    ck_assert_ptr_null(pipeline);
    augs_pipeline_free(NULL);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(calls_without_a_pipeline_or_a_place_for_their_result_are_refused)
{
    augs_stream *stream = mixed_open(AUGS_ORDER_SHUFFLED, 100, 7, 0);
    augs_pipeline *pipeline = open_batches(stream, 10);
    augs_batch *batch = NULL;
    augs_sink *sink = NULL;
    augs_error error;
    char text[AUGS_TOKEN_BYTES];
    AUGS_ASSERT_OK(augs_sink_open_null(NULL, &sink, &error), error);
    const int results[] = {
        augs_pipeline_next(NULL, &batch, &error),
        augs_pipeline_next(pipeline, NULL, &error),
        augs_pipeline_seek(NULL, 0, &error),
        augs_pipeline_set_epoch(NULL, 0, &error),
        augs_pipeline_observe(NULL, &(augs_feedback){.size = sizeof(augs_feedback)}, &error),
        augs_pipeline_run(NULL, sink, &error),
        augs_pipeline_run(pipeline, NULL, &error),
        augs_pipeline_token(NULL, text, sizeof text, &error),
        augs_pipeline_token(pipeline, NULL, sizeof text, &error),
        augs_pipeline_resume(NULL, "augs1", &error),
        augs_pipeline_resume(pipeline, NULL, &error)};
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        ck_assert_msg(results[i] == AUGS_E_ARGUMENT, "call %zu: %d", i, results[i]);
    }
    ck_assert_uint_eq(augs_pipeline_step(NULL), 0);
    ck_assert_uint_eq(augs_pipeline_step(pipeline), 0);
    augs_sink_free(sink);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(seek_equals_reading_up_to_there)
{
    augs_stream *stream = mixed_open(AUGS_ORDER_SHUFFLED, 300, 7, 0);
    const augs_pipeline_options options[] = {
        {.rank = 0},
        {.rank = 2, .plan = &(augs_plan_options){.world_size = 3}},
        {.rank = 1,
         .plan = &(augs_plan_options){.world_size = 3, .rank_layout = AUGS_RANK_LAYOUT_BLOCK}},
        {.rank = 1,
         .first_position = 17,
         .plan = &(augs_plan_options){.world_size = 2, .strategy = "round_robin"}}};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const augs_strategy_options strategy = i == 3 ? (augs_strategy_options){.batches = 12}
                                                      : (augs_strategy_options){.batch_size = 9};
        augs_pipeline *pipeline = open_pipeline(stream, options[i], strategy);
        augs_batch *in_order[40];
        augs_error error;
        uint64_t n = 0, random = 5;
        while (augs_pipeline_next(pipeline, &in_order[n], NULL) == 1) {
            n++;
        }
        ck_assert_uint_ge(n, 12);
        for (int k = 0; k < 100; k++) {
            const uint64_t step = next_random(&random) % n;
            AUGS_ASSERT_OK(augs_pipeline_seek(pipeline, step, &error), error);
            ck_assert_uint_eq(augs_pipeline_step(pipeline), step);
            augs_batch *again = next_batch(pipeline);
            assert_same_batches(again, in_order[step]);
            augs_batch_unref(again);
        }
        AUGS_ASSERT_OK(augs_pipeline_seek(pipeline, 3, &error), error);
        AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_pipeline_seek(pipeline, n + 1, &error), error);
        AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_pipeline_seek(pipeline, UINT64_MAX, &error), error);
        ck_assert_uint_eq(augs_pipeline_step(pipeline), 3); /* where it was */
        AUGS_ASSERT_OK(augs_pipeline_seek(pipeline, n, &error), error);
        expect_end(pipeline);
        for (uint64_t k = 0; k < n; k++) {
            augs_batch_unref(in_order[k]);
        }
        augs_pipeline_free(pipeline);
    }
    augs_stream_unref(stream);
}
END_TEST

START_TEST(another_epoch_starts_at_step_0_and_is_that_epochs_stream)
{
    augs_stream *stream = mixed_open(AUGS_ORDER_SHUFFLED, 100, 7, 0);
    augs_pipeline *pipeline = open_batches(stream, 30);
    augs_batch *of_first = next_batch(pipeline);
    augs_error error;
    const uint32_t epochs[] = {1, UINT32_MAX, 0};
    for (size_t i = 0; i < 3; i++) {
        augs_stream *other = mixed_open(AUGS_ORDER_SHUFFLED, 100, 7, epochs[i]);
        table whole = whole_of(other);
        AUGS_ASSERT_OK(augs_pipeline_set_epoch(pipeline, epochs[i], &error), error);
        ck_assert_uint_eq(augs_pipeline_step(pipeline), 0);
        for (uint64_t step = 0; step < 4; step++) {
            augs_batch *batch = next_batch(pipeline);
            ck_assert_uint_eq(info_of(batch).epoch, epochs[i]);
            ck_assert_uint_eq(info_of(batch).step, step);
            assert_batch_of(batch, &whole);
            ck_assert_str_eq(augs_stream_fingerprint(augs_batch_stream(batch)),
                             augs_stream_fingerprint(stream));
            if (step == 0 && epochs[i] == 0) {
                assert_same_batches(batch, of_first);
            }
            augs_batch_unref(batch);
        }
        expect_end(pipeline);
        table_free(&whole);
        augs_stream_unref(other);
    }
    augs_batch_unref(of_first);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

/* The n-th allocation of everything fails, once for each n; then all goes on as if nothing was. */
START_TEST(memory_that_runs_out_is_a_status_and_leaves_no_trace)
{
    counting_memory memory = {.left = UINT64_MAX};
    augs_stream *stream = open_stream(mixed_preset(&memory, false), AUGS_ORDER_SHUFFLED, 50, 9, 0);
    augs_stream *later = mixed_open(AUGS_ORDER_SHUFFLED, 50, 9, 1);
    table first = whole_of(stream), second = whole_of(later);
    const uint64_t before = memory.n_held;
    uint64_t n_failures = 0;
    int status = AUGS_E_NO_MEMORY;
    augs_error error;
    for (uint64_t n = 0; status == AUGS_E_NO_MEMORY; n++) {
        augs_pipeline *pipeline = NULL;
        memory.left = n;
        status = augs_pipeline_open(stream, NULL, &pipeline, &error);
        n_failures += status == AUGS_E_NO_MEMORY;
        if (status == AUGS_E_NO_MEMORY) {
            ck_assert_ptr_null(pipeline);
            ck_assert_int_eq(error.status, AUGS_E_NO_MEMORY);
            ck_assert_uint_eq(memory.n_held, before);
            continue;
        }
        AUGS_ASSERT_OK(status, error);
        augs_batch *batch = NULL;
        for (uint64_t m = 0;; m++) { /* the batch, its slab */
            const uint64_t held = memory.n_held;
            memory.left = m;
            status = augs_pipeline_next(pipeline, &batch, &error);
            if (status == 1) {
                break;
            }
            ck_assert_int_eq(status, AUGS_E_NO_MEMORY);
            ck_assert_ptr_null(batch);
            ck_assert_uint_eq(memory.n_held, held);
            ck_assert_uint_eq(augs_pipeline_step(pipeline), 0);
            n_failures++;
        }
        assert_batch_of(batch, &first);
        augs_batch_unref(batch);
        for (uint64_t m = 0;; m++) {
            const uint64_t held = memory.n_held;
            memory.left = m;
            status = augs_pipeline_set_epoch(pipeline, 1, &error);
            if (status == AUGS_OK) {
                break;
            }
            ck_assert_int_eq(status, AUGS_E_NO_MEMORY);
            ck_assert_uint_eq(memory.n_held, held);
            ck_assert_uint_eq(augs_pipeline_step(pipeline), 1);
            n_failures++;
        }
        memory.left = 0;
        batch = next_batch(pipeline);
        assert_batch_of(batch, &second);
        augs_batch_unref(batch);
        augs_pipeline_free(pipeline);
        ck_assert_uint_eq(memory.n_held, before);
    }
    ck_assert_uint_ge(n_failures, 7);
    table_free(&first);
    table_free(&second);
    augs_stream_unref(stream);
    augs_stream_unref(later);
    ck_assert_uint_eq(memory.n_held, 0);
}
END_TEST

/* A strategy that writes down what it is told. */
static struct {
    augs_feedback last;
    uint64_t n_told, bad_step;
} notes;

static int notes_init(void *state, const augs_strategy_options *options, augs_error *error)
{
    (void)state;
    (void)options;
    (void)error;
    return AUGS_OK;
}

static int notes_plan(void *state, const augs_plan_facts *facts, augs_span *ret_span,
                      augs_error *error)
{
    (void)state;
    (void)error;
    const uint64_t first = facts->step * 10, skip = facts->step >= notes.bad_step;
    if (first >= facts->n_samples) {
        return 0;
    }
    *ret_span = (augs_span){.first = first + skip, .stride = 1, .count = 10 - skip};
    return 1;
}

static void notes_observe(void *state, const augs_feedback *feedback)
{
    (void)state;
    notes.last = *feedback;
    notes.n_told++;
}

static const augs_strategy_ops notes_ops = {.size = sizeof notes_ops,
                                            .flags = AUGS_STRATEGY_FIXED,
                                            .name = "notes",
                                            .init = notes_init,
                                            .plan = notes_plan,
                                            .observe = notes_observe};

START_TEST(what_a_batch_cost_reaches_the_strategy_once_there_was_one)
{
    augs_stream *stream = mixed_open(AUGS_ORDER_SHUFFLED, 100, 7, 0);
    notes.bad_step = UINT64_MAX;
    augs_pipeline *pipeline = open_pipeline(
        stream,
        (augs_pipeline_options){.rank = 1,
                                .plan = &(augs_plan_options){.world_size = 4,
                                                             .tail = AUGS_TAIL_UNEVEN,
                                                             .strategy_ops = &notes_ops}},
        (augs_strategy_options){.size = 0});
    augs_error error;
    AUGS_ASSERT_STATUS(AUGS_E_STATE, observe_last(pipeline, 1, 2, 3, &error), error);
    ck_assert_uint_eq(notes.n_told, 0);
    augs_batch_unref(next_batch(pipeline));
    AUGS_ASSERT_OK(observe_last(pipeline, 0.25, 4096, 1 << 20, &error), error);
    ck_assert_uint_eq(notes.n_told, 1);
    ck_assert_uint_eq(notes.last.n_samples, 3); /* ten for four ranks: the second has three */
    ck_assert(notes.last.seconds == 0.25);
    ck_assert_uint_eq(notes.last.bytes, 4096);
    ck_assert_uint_eq(notes.last.available_bytes, 1 << 20);
    ck_assert_uint_ge(notes.last.size, sizeof notes.last);
    AUGS_ASSERT_OK(observe_last(pipeline, 7, 0, 0, &error), error); /* it was heard before */
    ck_assert_uint_eq(notes.n_told, 1);
    ck_assert(notes.last.seconds == 0.25);
    augs_pipeline_free(pipeline);

    /* a strategy that does not learn is told in vain, not in error */
    pipeline = open_batches(stream, 10);
    AUGS_ASSERT_STATUS(AUGS_E_STATE, observe_last(pipeline, 1, 2, 3, &error), error);
    augs_batch_unref(next_batch(pipeline));
    AUGS_ASSERT_OK(observe_last(pipeline, 1, 2, 3, &error), error);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(a_wrong_strategy_is_an_error_before_its_batch)
{
    augs_stream *stream = mixed_open(AUGS_ORDER_SHUFFLED, 100, 7, 0);
    notes.bad_step = 6;
    augs_pipeline *pipeline = open_pipeline(
        stream, (augs_pipeline_options){.plan = &(augs_plan_options){.strategy_ops = &notes_ops}},
        (augs_strategy_options){.size = 0});
    augs_error error;
    for (int i = 0; i < 6; i++) {
        augs_batch_unref(next_batch(pipeline));
    }
    augs_batch *batch = NULL;
    for (int i = 0; i < 2; i++) { /* again and again */
        AUGS_ASSERT_STATUS(AUGS_E_PLAN, augs_pipeline_next(pipeline, &batch, &error), error);
        ck_assert_ptr_null(batch);
        ck_assert_ptr_nonnull(strstr(error.message, "'notes', step 6"));
        ck_assert_uint_eq(augs_pipeline_step(pipeline), 6);
    }
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(what_drop_last_leaves_out_is_counted)
{
    augs_stream *stream = uniform_open(1, 1003);
    for (uint64_t batch_size = 1; batch_size < 334; batch_size += 1 + batch_size / 8) {
        for (uint32_t rank_layout = 0; rank_layout < 2; rank_layout++) {
            const augs_pipeline_options options = {
                .rank = 1,
                .first_position = 3,
                .plan = &(augs_plan_options){
                    .world_size = 3, .rank_layout = rank_layout, .tail = AUGS_TAIL_UNEVEN}};
            for (uint32_t drop_last = 0; drop_last < 2; drop_last++) {
                augs_pipeline *pipeline = open_pipeline(
                    stream, options,
                    (augs_strategy_options){.batch_size = batch_size, .last_batch = drop_last});
                const uint64_t of_blocks = 334 % batch_size + 2 * (333 % batch_size);
                const uint64_t left =
                    rank_layout == AUGS_RANK_LAYOUT_BLOCK ? of_blocks : 1000 % (3 * batch_size);
                ck_assert_uint_eq(augs_pipeline_n_left_out(pipeline), drop_last != 0 ? left : 0);
                augs_pipeline_free(pipeline);
            }
        }
        augs_pipeline *pipeline = open_pipeline(
            stream,
            (augs_pipeline_options){.plan = &(augs_plan_options){.strategy = "round_robin"}},
            (augs_strategy_options){.batches = batch_size, .last_batch = 1});
        ck_assert_uint_eq(augs_pipeline_n_left_out(pipeline), 1003 % batch_size);
        augs_pipeline_free(pipeline);
        pipeline = open_pipeline(
            stream,
            (augs_pipeline_options){.plan = &(augs_plan_options){.strategy = "memory_optimized"}},
            (augs_strategy_options){
                .min_batch_size = batch_size, .max_batch_size = batch_size, .last_batch = 1});
        ck_assert_uint_eq(augs_pipeline_n_left_out(pipeline), 0); /* it may decide otherwise yet */
        augs_batch *batch;
        while (augs_pipeline_next(pipeline, &batch, NULL) == 1) {
            augs_batch_unref(batch);
        }
        ck_assert_uint_eq(augs_pipeline_n_left_out(pipeline), 1003 % batch_size);
        augs_pipeline_free(pipeline);
    }
    augs_stream_unref(stream);
}
END_TEST

AUGS_SUITE("pipeline", the_union_of_all_shards_is_the_whole_and_each_record_is_its_positions,
           any_cut_of_batches_concatenates_to_the_same_bytes, tails_pad_drop_or_leave_ranks_uneven,
           without_options_all_positions_come_in_batches_of_32,
           a_stream_without_samples_is_at_its_end, an_endless_stream_goes_on,
           what_makes_no_pipeline_is_refused_and_named,
           calls_without_a_pipeline_or_a_place_for_their_result_are_refused,
           seek_equals_reading_up_to_there,
           another_epoch_starts_at_step_0_and_is_that_epochs_stream,
           memory_that_runs_out_is_a_status_and_leaves_no_trace,
           what_a_batch_cost_reaches_the_strategy_once_there_was_one,
           a_wrong_strategy_is_an_error_before_its_batch, what_drop_last_leaves_out_is_counted)
