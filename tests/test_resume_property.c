/* SPDX-License-Identifier: Apache-2.0 */
/* Going on from any step with any rank, world size or batch size: each position comes once or is
 * counted. Plans of extreme options answer at once, and with spans that lie in the stream. */
#include <inttypes.h>
#include <string.h>

#include <augstream/pipeline.h>

#include "base/memory.h"
#include "pipeline/plan/plan.h"
#include "pipeline_fixture.h"

#define MOST_N 40u

typedef struct resume_case {
    const char *strategy;
    augs_strategy_options options;
    uint32_t tail, before, after; /* world sizes */
    uint64_t n, step;             /* where it goes on */
} resume_case;

typedef struct resumed {
    uint64_t seen[MOST_N];
    uint64_t n_left_out;
    augsi_token_place place;
    char token[AUGS_TOKEN_BYTES];
    bool ended;
} resumed;

static const char *describe(const resume_case *c)
{
    static char text[240];
    snprintf(text, sizeof text,
             "%s batch %" PRIu64 " max %" PRIu64 " batches %" PRIu64 " window %" PRIu64
             " last_batch %u, tail %u, W %u then %u, N %" PRIu64 ", step %" PRIu64,
             c->strategy, c->options.batch_size, c->options.max_batch_size, c->options.batches,
             c->options.deal_window, c->options.last_batch, c->tail, c->before, c->after, c->n,
             c->step);
    return text;
}

static int open_rank(const resume_case *c, augs_stream *stream, uint32_t rank, uint32_t world_size,
                     augs_pipeline **ret_pipeline, augs_error *error)
{
    const augs_pipeline_options options = {
        .rank = rank,
        .plan = &(const augs_plan_options){
            .strategy = c->strategy, .world_size = world_size, .tail = c->tail}};
    return try_pipeline(stream, options, c->options, ret_pipeline, error);
}

static void count(const resume_case *c, const augs_batch *batch, resumed *all)
{
    const augs_batch_info info = info_of(batch);
    for (uint64_t k = 0; k < info.n_samples - info.n_padded; k++) {
        const uint64_t i = position_of(&info, k);
        ck_assert_msg(i < c->n && all->seen[i]++ == 0, "%s: position %" PRIu64, describe(c), i);
    }
}

/* Takes what a rank has before `step`; the token of the last rank counts. */
static bool take_before(const resume_case *c, augs_stream *stream, resumed *all)
{
    for (uint32_t rank = 0; rank < c->before; rank++) {
        augs_pipeline *pipeline = NULL;
        augs_batch *batch = NULL;
        augs_error error;
        char token[AUGS_TOKEN_BYTES];
        if (open_rank(c, stream, rank, c->before, &pipeline, &error) < 0) {
            return false;
        }
        int status = 1;
        while (status > 0 && augs_pipeline_step(pipeline) < c->step) {
            status = augs_pipeline_next(pipeline, &batch, &error);
            ck_assert_msg(status >= 0, "%s: %s", describe(c), error.message);
            if (status > 0 && info_of(batch).step >= c->step) { /* it was passed over */
                AUGS_ASSERT_OK(augs_pipeline_seek(pipeline, c->step, &error), error);
                augs_batch_unref(batch);
            } else if (status > 0) {
                count(c, batch, all);
                augs_batch_unref(batch);
            }
        }
        all->ended = augs_pipeline_step(pipeline) != c->step;
        AUGS_ASSERT_OK(augs_pipeline_token(pipeline, token, sizeof token, &error), error);
        ck_assert_msg(rank == 0 || all->ended || strcmp(token, all->token) == 0,
                      "%s: tokens of ranks differ: %s, %s", describe(c), token, all->token);
        memcpy(all->token, token, sizeof token);
        augs_pipeline_free(pipeline);
    }
    return true;
}

/* The rest, with another world size: 1; 0: the place is not one of that plan. */
static int take_rest(const resume_case *c, augs_stream *stream, resumed *all)
{
    for (uint32_t rank = 0; rank < c->after; rank++) {
        augs_pipeline *pipeline = NULL;
        augs_batch *batch = NULL;
        augs_error error;
        int status = open_rank(c, stream, rank, c->after, &pipeline, &error);
        status = status < 0 ? status : augs_pipeline_resume(pipeline, all->token, &error);
        if (status < 0) {
            ck_assert_msg(status == AUGS_E_TOKEN ||
                              strstr(error.message, "nothing would be delivered") != NULL,
                          "%s: %s", describe(c), error.message);
            ck_assert_msg(status != AUGS_E_TOKEN || strcmp(c->strategy, "sequential") != 0,
                          "%s: %s", describe(c), error.message);
            augs_pipeline_free(pipeline);
            return 0;
        }
        while ((status = augs_pipeline_next(pipeline, &batch, &error)) > 0) {
            count(c, batch, all);
            augs_batch_unref(batch);
        }
        AUGS_ASSERT_OK(status, error);
        all->n_left_out = augs_pipeline_n_left_out(pipeline);
        augs_pipeline_free(pipeline);
    }
    return 1;
}

/* 1: it went on; 0: it could not; -1: there is no such step. */
static int check_resume(const resume_case *c, augs_stream *stream)
{
    resumed all = {.n_left_out = 0};
    if (!take_before(c, stream, &all) || all.ended) {
        return -1;
    }
    if (take_rest(c, stream, &all) == 0) {
        return 0;
    }
    uint64_t n_unseen = 0;
    for (uint64_t i = 0; i < c->n; i++) {
        n_unseen += all.seen[i] == 0;
    }
    /* tail drop also cuts spans before the step, of the first world size */
    ck_assert_msg(c->tail == AUGS_TAIL_DROP || n_unseen == all.n_left_out,
                  "%s: %" PRIu64 " positions are missing, %" PRIu64 " are counted", describe(c),
                  n_unseen, all.n_left_out);
    return 1;
}

START_TEST(any_rank_and_world_size_goes_on_from_any_step)
{
    static const struct {
        const char *strategy;
        augs_strategy_options options;
    } variants[] = {
        {"sequential", {.batch_size = 1}},
        {"sequential", {.batch_size = 2}},
        {"sequential", {.batch_size = 4, .max_batch_size = 5}},
        {"sequential", {.batch_size = 4, .multiple_of = 2, .max_batch_size = 4}},
        {"round_robin", {.batches = 3}},
        {"round_robin", {.batches = 30}},
        {"round_robin", {.batches = 2, .deal_window = 8}},
    };
    uint64_t n_went_on = 0, n_refused = 0;
    for (uint64_t n = 13; n <= 26; n += 13) {
        augs_stream *stream = uniform_open(1, n);
        for (uint32_t k = 0; k < 7 * 12 * 15; k += stride()) {
            resume_case c = {.strategy = variants[k % 7].strategy,
                             .options = variants[k % 7].options,
                             .tail = k / 28 % 3,
                             .before = 1 + k / 84 % 3,
                             .after = 1 + k / 252 % 5,
                             .n = n};
            c.options.last_batch = k / 7 % 4;
            int status = 1;
            for (; status >= 0 && c.step < 30; c.step++) {
                status = check_resume(&c, stream);
                n_went_on += status > 0;
                n_refused += status == 0;
            }
        }
        augs_stream_unref(stream);
    }
    ck_assert_uint_gt(n_went_on, 5000 / stride());
    ck_assert_uint_lt(n_refused, n_went_on / 4);
}
END_TEST

/* What last_batch drop would leave out is there for smaller batches, and nothing comes twice. */
START_TEST(a_smaller_batch_size_near_the_end_takes_what_would_be_left_out)
{
    for (uint64_t n = 1; n <= MOST_N; n += stride()) {
        augs_stream *stream = uniform_open(1, n);
        for (uint64_t first = 1; first <= n; first++) {
            for (uint64_t second = 1; second <= n; second += 3) {
                augs_pipeline *pipeline =
                    open_pipeline(stream, (augs_pipeline_options){.rank = 0},
                                  (augs_strategy_options){.batch_size = first, .last_batch = 1});
                augs_batch *batch = NULL;
                augs_error error;
                uint64_t next = 0;
                int status;
                while (augs_pipeline_next(pipeline, &batch, &error) == 1) {
                    next += augs_batch_n_samples(batch);
                    augs_batch_unref(batch);
                }
                ck_assert_uint_eq(augs_pipeline_n_left_out(pipeline), n % first);
                status = augs_pipeline_set_batch_size(pipeline, second, &error);
                ck_assert_int_eq(status, n % first == 0 ? AUGS_E_STATE : AUGS_OK);
                while (augs_pipeline_next(pipeline, &batch, &error) == 1) {
                    ck_assert_uint_eq(info_of(batch).first, next);
                    ck_assert_uint_eq(augs_batch_n_samples(batch), second);
                    next += second;
                    augs_batch_unref(batch);
                }
                ck_assert_uint_eq(next, n - n % first % second);
                ck_assert_uint_eq(augs_pipeline_n_left_out(pipeline), n - next);
                augs_pipeline_free(pipeline);
            }
        }
        augs_stream_unref(stream);
    }
}
END_TEST

/* Blocks and the middle of a window cannot be gone on with by other plans: refused, not guessed. */
START_TEST(a_place_of_another_kind_of_plan_is_refused)
{
    augs_stream *stream = uniform_open(1, 24);
    const augs_plan_options two = {.world_size = 2, .rank_layout = 1},
                            three = {.world_size = 3, .rank_layout = 1};
    const augs_pipeline_options block = {.plan = &two}, other = {.plan = &three};
    const augs_pipeline_options dealt = {.plan =
                                             &(const augs_plan_options){.strategy = "round_robin"}};
    const augs_strategy_options sizes = {.batch_size = 4}, batches = {.batches = 4};
    for (int i = 0; i < 2; i++) {
        augs_pipeline *from =
            i == 0 ? open_pipeline(stream, block, sizes) : open_pipeline(stream, dealt, batches);
        char token[AUGS_TOKEN_BYTES];
        augs_error error;
        augs_batch_unref(next_batch(from));
        AUGS_ASSERT_OK(augs_pipeline_token(from, token, sizeof token, &error), error);
        ck_assert_ptr_nonnull(strstr(token, i == 0 ? ":4:b2:" : ":1:d4.0.24:"));
        augs_pipeline *to[] = {open_pipeline(stream, other, sizes), open_batches(stream, 4)};
        for (int k = 0; k < 2; k++) {
            AUGS_ASSERT_STATUS(AUGS_E_TOKEN, augs_pipeline_resume(to[k], token, &error), error);
            augs_batch *batch = next_batch(to[k]);
            ck_assert_uint_eq(info_of(batch).step, 0);
            augs_batch_unref(batch);
            augs_pipeline_free(to[k]);
        }
        augs_pipeline_free(from);
    }
    augs_stream_unref(stream);
}
END_TEST

/* Takes a number of steps and the token after them. */
static void take_steps(augs_stream *stream, const char *from, augs_strategy_options options,
                       uint64_t n_steps, uint64_t seen[MOST_N], char ret_token[AUGS_TOKEN_BYTES],
                       int *ret_status)
{
    augs_pipeline *pipeline = open_pipeline(
        stream,
        (augs_pipeline_options){.plan = &(const augs_plan_options){.strategy = options.batches > 0
                                                                                   ? "round_robin"
                                                                                   : "sequential"}},
        options);
    augs_batch *batch = NULL;
    augs_error error;
    *ret_status = from != NULL ? augs_pipeline_resume(pipeline, from, &error) : AUGS_OK;
    for (uint64_t i = 0;
         *ret_status == AUGS_OK && i < n_steps && augs_pipeline_next(pipeline, &batch, &error) == 1;
         i++) {
        const augs_batch_info info = info_of(batch);
        for (uint64_t k = 0; k < info.n_samples - info.n_padded; k++) {
            seen[position_of(&info, k)]++;
        }
        augs_batch_unref(batch);
    }
    if (*ret_status == AUGS_OK && ret_token != NULL) {
        AUGS_ASSERT_OK(augs_pipeline_token(pipeline, ret_token, AUGS_TOKEN_BYTES, &error), error);
    }
    augs_pipeline_free(pipeline);
}

/* sequential up to somewhere, round_robin from there to within a window, and another round_robin
 * from there: each position comes once, or the last one refuses the place. */
START_TEST(the_middle_of_a_window_is_the_middle_of_that_window)
{
    enum { N = 40 };
    augs_stream *stream = uniform_open(1, N);
    uint64_t n_went_on = 0, n_refused = 0;
    for (uint32_t k = 0; k < 4 * 5 * 3 * 3 * 4 * 4; k++) {
        const uint64_t before = k % 4, steps = 1 + k / 4 % 5;
        const augs_strategy_options sequential = {.batch_size = 1 + k / 20 % 3},
                                    dealt = {.batches = 3 + k / 60 % 3 % 2,
                                             .deal_window = k / 180 % 4 * 12,
                                             .last_batch = k / 60 % 3 == 2 ? 3 : 0};
        augs_strategy_options then = dealt;
        const uint32_t change = k / 720 % 4;
        then.deal_window = change == 1 ? 24 : dealt.deal_window;
        then.last_batch = change == 2 ? 1 : dealt.last_batch;
        then.batches = change == 3 ? 4 : dealt.batches;
        char first[AUGS_TOKEN_BYTES], second[AUGS_TOKEN_BYTES];
        uint64_t seen[MOST_N] = {0};
        int status;
        take_steps(stream, NULL, sequential, before, seen, first, &status);
        take_steps(stream, first, dealt, steps, seen, second, &status);
        ck_assert_int_eq(status, AUGS_OK);
        take_steps(stream, second, then, UINT64_MAX, seen, NULL, &status);
        ck_assert(status == AUGS_OK || (status == AUGS_E_TOKEN && change != 0));
        n_went_on += status == AUGS_OK;
        n_refused += status < 0;
        for (uint64_t p = 0; status == AUGS_OK && p < N; p++) {
            ck_assert_msg(seen[p] == 1 || (seen[p] == 0 && then.last_batch == 1),
                          "sequential %u x %u, %u of %u, window %u, change %u: position %u came %u "
                          "times; %s",
                          (unsigned)before, (unsigned)sequential.batch_size, (unsigned)steps,
                          (unsigned)dealt.batches, (unsigned)dealt.deal_window, change, (unsigned)p,
                          (unsigned)seen[p], second);
        }
    }
    ck_assert_uint_gt(n_went_on, 700);
    ck_assert_uint_gt(n_refused, 700);
    augs_stream_unref(stream);
}
END_TEST

static void check_slice(const augsi_slice *slice, uint64_t n, const char *what)
{
    const augs_span *body = &slice->body;
    ck_assert_msg(body->stride > 0, "%s: stride 0", what);
    ck_assert_msg(body->count == 0 ||
                      (body->first < n && body->count - 1 <= (n - 1 - body->first) / body->stride),
                  "%s: first %" PRIu64 ", stride %" PRIu64 ", count %" PRIu64, what, body->first,
                  body->stride, body->count);
    if (slice->pad_count > 0) {
        const augs_span run = augsi_slice_padding(slice, slice->pad_count - 1);
        ck_assert_msg(run.first < n && run.count == 1, "%s: padding", what);
    }
}

/* Whether there was a plan. */
static bool check_extreme(const augs_plan_options *options, uint64_t n, const char *what)
{
    augsi_plan *plan = NULL;
    augs_error error;
    int status =
        augsi_plan_open(&augsi_default_allocator, options, 0, n, UINT64_MAX / 2, &plan, &error);
    if (status < 0) {
        ck_assert_msg(status == AUGS_E_ARGUMENT || status == AUGS_E_RANGE, "%s: %s", what,
                      error.message);
        return false;
    }
    const bool fixed = augsi_plan_is_fixed(plan);
    const uint64_t n_steps = augsi_plan_n_steps(plan);
    const uint64_t steps[] = {0, n_steps / 2, n_steps - 1, n_steps, UINT64_MAX};
    for (int i = 0; i < (fixed ? 5 : 1); i++) {
        const uint32_t ranks[] = {0, options->world_size / 2, options->world_size - 1};
        for (int k = 0; k < 3; k++) {
            augsi_slice slice;
            status = augsi_plan_slice(plan, steps[i], ranks[k], &slice, &error);
            ck_assert_msg(status >= 0 || status == AUGS_E_RANGE, "%s: %s", what, error.message);
            if (status > 0) {
                check_slice(&slice, n, what);
            }
            const uint64_t next = augsi_plan_next_step(plan, steps[i], ranks[k]);
            ck_assert_msg(next >= steps[i] && (!fixed || next <= n_steps || next == steps[i]),
                          "%s: after step %" PRIu64 " comes %" PRIu64, what, steps[i], next);
        }
    }
    ck_assert_msg(augsi_plan_n_left_out(plan) <= n, "%s: left out", what);
    augsi_plan_free(plan);
    return true;
}

START_TEST(extreme_options_are_refused_or_planned_at_once)
{
    static const uint64_t sizes[] = {0,          1,          3,          1ull << 31, 1ull << 33,
                                     1ull << 50, 1ull << 56, 1ull << 63, UINT64_MAX};
    static const uint64_t lengths[] = {0, 1, 7, (1ull << 50) - 1, AUGS_MAX_SAMPLES};
    static const uint32_t worlds[] = {1, 2, 1u << 31, UINT32_MAX};
    static const char *const names[] = {"sequential", "round_robin", "memory_optimized",
                                        "adaptive"};
    char what[200];
    uint64_t n_planned = 0;
    for (uint32_t k = 0; k < 4 * 9 * 9 * 4 * 3 * 4; k += stride()) {
        const uint32_t name = k % 4;
        const uint64_t a = sizes[k / 4 % 9], b = sizes[k / 36 % 9];
        for (uint32_t m = 0; m < 10; m++) {
            const bool deals = name == 1;
            augs_strategy_options strategy = {.size = sizeof strategy,
                                              .batch_size = deals ? 0 : a,
                                              .multiple_of = deals || m % 2 == 0 ? 0 : b,
                                              .max_batch_size = deals || m % 2 == 1 ? 0 : b,
                                              .batches = deals ? a : 0,
                                              .deal_window = deals ? b : 0,
                                              .last_batch = k / 324 % 4};
            const augs_plan_options options = {.size = sizeof options,
                                               .strategy = names[name],
                                               .strategy_options = &strategy,
                                               .world_size = worlds[k / 3888 % 4],
                                               .tail = k / 1296 % 3,
                                               .rank_layout = m / 5};
            snprintf(what, sizeof what,
                     "%s %" PRIu64 " %" PRIu64 " last_batch %u tail %u W %u N %" PRIu64,
                     names[name], a, b, strategy.last_batch, options.tail, options.world_size,
                     lengths[m % 5]);
            n_planned += check_extreme(&options, lengths[m % 5], what);
        }
    }
    ck_assert_uint_gt(n_planned, 20000 / stride());
}
END_TEST

/* A rank without samples, far from any end. */
START_TEST(a_rank_without_samples_is_at_the_end_at_once)
{
    const uint64_t n = (1ull << 50) + 5;
    augs_stream *stream = uniform_open(1, n);
    const struct {
        augs_strategy_options strategy;
        uint64_t n_batches; /* of the last rank */
    } cases[] = {{{.batches = n}, 0},
                 {{.batches = n - 1}, 1},
                 {{.batches = 1ull << 49, .deal_window = (1ull << 49) + 1}, 2}};
    for (int i = 0; i < 3; i++) {
        augs_pipeline *pipeline = open_pipeline(
            stream,
            (augs_pipeline_options){.rank = 1,
                                    .plan = &(const augs_plan_options){.strategy = "round_robin",
                                                                       .world_size = 2,
                                                                       .tail = AUGS_TAIL_UNEVEN}},
            cases[i].strategy);
        for (uint64_t k = 0; k < cases[i].n_batches; k++) {
            augs_batch_unref(next_batch(pipeline));
        }
        if (i < 2) {
            expect_end(pipeline);
        }
        augs_pipeline_free(pipeline);
    }
    augs_stream_unref(stream);
}
END_TEST

AUGS_SUITE("resume_property", any_rank_and_world_size_goes_on_from_any_step,
           a_smaller_batch_size_near_the_end_takes_what_would_be_left_out,
           a_place_of_another_kind_of_plan_is_refused,
           the_middle_of_a_window_is_the_middle_of_that_window,
           extreme_options_are_refused_or_planned_at_once,
           a_rank_without_samples_is_at_the_end_at_once)
