/* SPDX-License-Identifier: Apache-2.0 */
/* A served job goes on from tokens of any rank, world size and batch size as a pipeline does: each
 * position comes once. What peers ask for costs the server neither memory nor time. */
#include <inttypes.h>
#include <string.h>

#include "net_pair.h"

#define MOST_N 256u

typedef struct plan_case {
    augs_strategy_options strategy;
    augs_plan_options plan; /* strategy_options are set when it is used */
} plan_case;

static const augs_plan_options *plan_of(plan_case *c)
{
    c->strategy.size = sizeof c->strategy;
    c->plan.size = sizeof c->plan;
    c->plan.strategy_options = &c->strategy;
    return &c->plan;
}

static plan_case sequential(uint32_t world_size, uint64_t batch_size, uint32_t tail)
{
    return (plan_case){.strategy = {.batch_size = batch_size},
                       .plan = {.strategy = "sequential", .world_size = world_size, .tail = tail}};
}

static void count(const pair_batch *batch, uint64_t n, unsigned seen[MOST_N])
{
    const augs_span *body = &batch->expected.slice.body;
    for (uint64_t k = 0; k < body->count; k++) {
        ck_assert_uint_lt(body->first + body->stride * k, n);
        seen[body->first + body->stride * k]++;
    }
}

/* ---- union ---- */

/* All ranks take their batches before `end_step` (UINT64_MAX: all); the last one's token. */
static void take_ranks(augs_stream *stream, plan_case *c, const char *from, uint64_t end_step,
                       unsigned seen[MOST_N], char ret_token[AUGS_TOKEN_BYTES])
{
    augs_error error;
    static net_pair pair;
    char start[AUGS_TOKEN_BYTES] = "";
    if (from != NULL) {
        memcpy(start, from, sizeof start);
    }
    AUGS_ASSERT_OK(pair_open_server(&pair, stream, plan_of(c), 1, &augsi_default_allocator, &error),
                   error);
    for (uint32_t rank = 0; rank < c->plan.world_size; rank++) {
        pair_batch batch;
        AUGS_ASSERT_OK(
            pair_open_rank(&pair, rank, c->plan.world_size, from != NULL ? start : NULL, &error),
            error);
        int status = 1;
        for (uint64_t n = 0; n < end_step && status > 0; n++) {
            status = pair_next(&pair, &batch, &error);
            ck_assert_msg(status >= 0, "%s", error.message);
            if (status > 0) {
                count(&batch, augs_stream_n_samples(stream), seen);
                free(batch.payload);
            }
        }
        pair_token(&pair, ret_token);
        pair_close_rank(&pair);
    }
    pair_close_server(&pair);
}

START_TEST(tokens_of_any_world_and_batch_size_go_on_at_a_served_job)
{
    static const uint64_t sizes[] = {1, 7, 16, 33};
    enum { N = 203 };
    augs_stream *stream = uniform_open(1, N);
    char token[AUGS_TOKEN_BYTES];
    unsigned n_cases = 0;
    for (uint32_t k = 0; k < 5 * 4 * 2; k++) {
        const uint32_t world_size = 1 + k % 5,
                       tail = k / 20 == 0 ? AUGS_TAIL_PAD : AUGS_TAIL_UNEVEN;
        plan_case before = sequential(world_size, sizes[k / 5 % 4], tail);
        plan_case after = sequential(2, 16, tail);
        const uint64_t n_steps =
            (N + world_size * sizes[k / 5 % 4] - 1) / (world_size * sizes[k / 5 % 4]);
        for (uint64_t step = 1; step < n_steps; step += 1 + n_steps / 5) {
            unsigned seen[MOST_N] = {0};
            take_ranks(stream, &before, NULL, step, seen, token);
            take_ranks(stream, &after, token, UINT64_MAX, seen, token);
            for (unsigned p = 0; p < N; p++) {
                ck_assert_msg(seen[p] == 1, "W %u, batch %u, step %u: position %u came %u times",
                              world_size, (unsigned)sizes[k / 5 % 4], (unsigned)step, p, seen[p]);
            }
            n_cases++;
        }
    }
    ck_assert_uint_gt(n_cases, 100);
    augs_stream_unref(stream);
}
END_TEST

/* Three jobs one after the other, each from the token of the one before. */
START_TEST(tokens_of_a_moved_plan_lead_on)
{
    augs_stream *stream = uniform_open(1, 200);
    char token[AUGS_TOKEN_BYTES];
    unsigned seen[MOST_N] = {0};
    plan_case three = sequential(3, 7, AUGS_TAIL_UNEVEN), two = sequential(2, 10, AUGS_TAIL_UNEVEN),
              five = sequential(5, 1, AUGS_TAIL_UNEVEN);
    take_ranks(stream, &three, NULL, 2, seen, token);
    ck_assert_ptr_nonnull(strstr(token, ":0:0:2:42:a:"));
    take_ranks(stream, &two, token, 3, seen, token);
    ck_assert_ptr_nonnull(strstr(token, ":0:0:5:102:a:"));
    take_ranks(stream, &two, token, 1, seen, token); /* the same job, from within its moved plan */
    ck_assert_ptr_nonnull(strstr(token, ":0:0:6:122:a:"));
    take_ranks(stream, &five, token, UINT64_MAX, seen, token);
    for (unsigned p = 0; p < 200; p++) {
        ck_assert_msg(seen[p] == 1, "position %u came %u times", p, seen[p]);
    }
    augs_stream_unref(stream);
}
END_TEST

/* ---- the library's own resume ---- */

static plan_case some_plan(uint64_t *random, uint64_t n)
{
    plan_case c = {.strategy = {.last_batch = (uint32_t)(next_random(random) % 4)},
                   .plan = {.strategy = "sequential",
                            .world_size = 1 + (uint32_t)(next_random(random) % 5),
                            .tail = (uint32_t)(next_random(random) % 3),
                            .rank_layout = next_random(random) % 5 == 0}};
    if (next_random(random) % 3 == 0) {
        c.plan.strategy = "round_robin";
        c.strategy.batches = 1 + next_random(random) % 9;
        c.strategy.deal_window =
            next_random(random) % 2 == 0 ? 0 : c.strategy.batches * (1 + next_random(random) % 5);
    } else {
        c.strategy.batch_size = 1 + next_random(random) % (n / 2);
        c.strategy.max_batch_size =
            next_random(random) % 3 == 0 ? c.strategy.batch_size + next_random(random) % 4 : 0;
        c.strategy.multiple_of = next_random(random) % 4 == 0 ? 2 : 0;
    }
    return c;
}

static int open_case(augs_stream *stream, plan_case *c, uint32_t rank, augs_pipeline **ret_pipeline)
{
    const augs_pipeline_options options = {
        .size = sizeof options, .rank = rank, .plan = plan_of(c)};
    return augs_pipeline_open(stream, &options, ret_pipeline, NULL);
}

/* A token of any step of any rank of a plan, which may have begun at another token; false: there is
 * no such plan. */
static bool some_token(augs_stream *stream, uint64_t *random, const char *from,
                       char ret_token[AUGS_TOKEN_BYTES])
{
    plan_case c = some_plan(random, augs_stream_n_samples(stream));
    augs_pipeline *pipeline = NULL;
    augs_batch *batch = NULL;
    augs_error error;
    if (open_case(stream, &c, (uint32_t)(next_random(random) % c.plan.world_size), &pipeline) < 0) {
        return false;
    }
    AUGS_ASSERT_OK(augs_pipeline_set_epoch(pipeline, (uint32_t)(next_random(random) % 2), &error),
                   error);
    if (from != NULL && next_random(random) % 2 == 0) {
        (void)augs_pipeline_resume(pipeline, from, &error); /* else where it is */
    }
    for (uint64_t k = next_random(random) % 12; k > 0; k--) {
        if (augs_pipeline_next(pipeline, &batch, &error) == 1) {
            augs_batch_unref(batch);
        }
    }
    AUGS_ASSERT_OK(augs_pipeline_token(pipeline, ret_token, AUGS_TOKEN_BYTES, &error), error);
    augs_pipeline_free(pipeline);
    return true;
}

static void assert_is_batch(const pair_batch *got, augs_batch *expected)
{
    size_t n_bytes = 0;
    const augs_batch_info info = info_of(expected);
    const augsi_slice *slice = &got->expected.slice;
    const void *slab = augs_batch_slab(expected, &n_bytes);
    ck_assert(got->expected.epoch == info.epoch && got->expected.step == info.step &&
              slice->body.first == info.first && slice->body.stride == info.stride &&
              slice->body.count + slice->pad_count == info.n_samples &&
              slice->pad_count == info.n_padded &&
              slice->last == ((info.flags & AUGS_BATCH_LAST) != 0));
    ck_assert_uint_eq(got->payload->n_bytes, n_bytes);
    ck_assert_mem_eq(got->payload->data, slab, n_bytes);
}

/* Everything between JOB and CHECK. */
static void assert_same_place(const char *a, const char *b)
{
    a = strchr(strchr(a, ':') + 1, ':');
    b = strchr(strchr(b, ':') + 1, ':');
    ck_assert_msg(strrchr(a, ':') - a == strrchr(b, ':') - b &&
                      strncmp(a, b, (size_t)(strrchr(a, ':') - a)) == 0,
                  "%s instead of %s", a, b);
}

/* The next batch of a pipeline that goes through two epochs. */
static int next_of_two_epochs(augs_pipeline *pipeline, uint32_t *epoch, augs_batch **ret_batch)
{
    augs_error error;
    int status;
    while ((status = augs_pipeline_next(pipeline, ret_batch, &error)) == 0 && *epoch == 0) {
        AUGS_ASSERT_OK(augs_pipeline_set_epoch(pipeline, ++*epoch, &error), error);
    }
    ck_assert_int_ge(status, 0);
    return status;
}

/* A rank of a served job and a pipeline, both from one token. 1: they went on; 0: both refuse. */
static int compare_resumes(augs_stream *stream, plan_case *c, const char *text)
{
    static net_pair pair;
    augs_error error, own;
    augs_pipeline *pipeline = NULL;
    augsi_token token;
    const uint32_t rank = c->plan.world_size / 2;
    pair_batch got = {.payload = NULL};
    AUGS_ASSERT_OK(augsi_token_parse(text, &token, &error), error);
    ck_assert_int_eq(open_case(stream, c, rank, &pipeline), AUGS_OK);
    const int resumed = augs_pipeline_resume(pipeline, text, &own);
    AUGS_ASSERT_OK(pair_open_server(&pair, stream, plan_of(c), 2, &augsi_default_allocator, &error),
                   error);
    AUGS_ASSERT_OK(pair_open_rank(&pair, rank, c->plan.world_size, text, &error), error);
    int status = 1;
    if (resumed < 0) {
        ck_assert_int_eq(pair_next(&pair, &got, &error), resumed);
        ck_assert_str_eq(error.message, own.message);
    }
    while (resumed == AUGS_OK && status > 0) {
        augs_batch *expected = NULL;
        char ours[AUGS_TOKEN_BYTES], theirs[AUGS_TOKEN_BYTES];
        status = next_of_two_epochs(pipeline, &token.epoch, &expected);
        const int other = pair_next(&pair, &got, &error);
        ck_assert_msg(other == status, "%d instead of %d: %s", other, status,
                      other < 0 ? error.message : "");
        if (status > 0) {
            assert_is_batch(&got, expected);
            AUGS_ASSERT_OK(augs_pipeline_token(pipeline, ours, sizeof ours, &error), error);
            pair_token(&pair, theirs);
            if (strstr(theirs, ":1:0:0:0:a:") == NULL) { /* the next epoch has begun there */
                assert_same_place(theirs, ours);
            }
            augs_batch_unref(expected);
            free(got.payload);
        }
    }
    augs_server_stats stats = {.size = sizeof stats};
    augsi_server_core_stats(pair.server, pair.now, &stats);
    ck_assert_uint_eq(stats.n_finished, resumed == AUGS_OK);
    ck_assert_uint_eq(stats.n_errors, 0);
    pair_close_rank(&pair);
    pair_close_server(&pair);
    augs_pipeline_free(pipeline);
    return resumed == AUGS_OK;
}

START_TEST(a_served_rank_goes_on_as_a_pipeline_does)
{
    uint64_t random = 17;
    unsigned n_went_on = 0, n_refused = 0;
    const int n_rounds = rounds(4000, 200);
    for (int round = 0; round < n_rounds; round++) {
        char first[AUGS_TOKEN_BYTES], token[AUGS_TOKEN_BYTES];
        const uint64_t n = 5 + next_random(&random) % 60;
        augs_stream *stream = uniform_open(1, n);
        plan_case c = some_plan(&random, n);
        augs_pipeline *pipeline = NULL;
        if (some_token(stream, &random, NULL, first) && some_token(stream, &random, first, token) &&
            open_case(stream, &c, 0, &pipeline) == AUGS_OK) {
            augs_pipeline_free(pipeline);
            *(compare_resumes(stream, &c, token) > 0 ? &n_went_on : &n_refused) += 1;
        }
        augs_stream_unref(stream);
    }
    ck_assert_uint_gt(n_went_on, (unsigned)n_rounds / 4);
    ck_assert_uint_gt(n_refused, (unsigned)n_rounds / 100);
}
END_TEST

/* ---- tokens that say more than a place ---- */

/* The message of the first call of a rank with this token; "" if it goes on. */
static const char *refusal(net_pair *pair, const char *token)
{
    static augs_error error;
    pair_batch batch;
    error.message[0] = '\0';
    int status = pair_open_rank(pair, 0, 1, token, &error);
    if (status == AUGS_OK) {
        status = pair_next(pair, &batch, &error);
        if (status > 0) {
            free(batch.payload);
        }
        pair_close_rank(pair);
    }
    ck_assert_msg(status >= 0 || status == AUGS_E_TOKEN, "%d: %s", status, error.message);
    return status >= 0 ? "" : error.message;
}

START_TEST(a_token_with_parts_or_of_another_generation_is_refused)
{
    static net_pair pair;
    augs_error error;
    augs_batch *batch;
    char token[AUGS_TOKEN_BYTES];
    augsi_token parsed;
    augs_stream *stream = uniform_open(1, 100);
    plan_case c = sequential(1, 10, 0);
    augs_pipeline *pipeline = open_batches(stream, 10);
    AUGS_ASSERT_OK(
        pair_open_server(&pair, stream, plan_of(&c), 1, &augsi_default_allocator, &error), error);
    batch = next_batch(pipeline);
    AUGS_ASSERT_OK(augs_pipeline_token(pipeline, token, sizeof token, &error), error);
    ck_assert_str_eq(refusal(&pair, token), "");
    AUGS_ASSERT_OK(augs_pipeline_retry(pipeline, AUGS_STEP_LAST, 0, 5, &error), error);
    AUGS_ASSERT_OK(augs_pipeline_token(pipeline, token, sizeof token, &error), error);
    ck_assert_ptr_nonnull(
        strstr(refusal(&pair, token), "rank 0 of 1 was in the middle of a batch"));
    AUGS_ASSERT_OK(augsi_token_parse(token, &parsed, &error), error);
    parsed.parts = "0.1.3"; /* retries of a journal, none of which waits */
    parsed.parts_bytes = 5;
    AUGS_ASSERT_OK(augsi_token_format(&parsed, token, sizeof token, &error), error);
    ck_assert_str_eq(refusal(&pair, token), "");
    AUGS_ASSERT_OK(augsi_token_parse(token, &parsed, &error), error);
    parsed.parts = NULL;
    parsed.generation = 3;
    AUGS_ASSERT_OK(augsi_token_format(&parsed, token, sizeof token, &error), error);
    ck_assert_ptr_nonnull(strstr(refusal(&pair, token), "plan generation 3"));
    augs_batch_unref(batch);
    augs_pipeline_free(pipeline);
    pair_close_server(&pair);
    augs_stream_unref(stream);
}
END_TEST

/* ---- hostile requests ---- */

/* FETCH for rank 0 of 1. */
static augsi_message fetch_of(augs_stream *stream, uint64_t base_step, uint64_t base_position,
                              uint64_t step, uint64_t n)
{
    const char *fingerprint = augs_stream_fingerprint(stream);
    return (augsi_message){.type = AUGSI_FETCH,
                           .incarnation = 9,
                           .request = 1,
                           .job = {"default", 7},
                           .fingerprint = {fingerprint, strlen(fingerprint)},
                           .world_size = 1,
                           .base_step = base_step,
                           .base_position = base_position,
                           .step = step,
                           .count = n};
}

/* The answer that the server had at once; there is only one. */
static augsi_message answer_of(net_pair *pair, const augsi_message *request)
{
    augsi_message answer = {.type = 0};
    augs_error error;
    pair->now += 2000000000; /* a peer is told an error a second */
    pair_request(pair, request);
    if (pair->n_frames > 0) {
        ck_assert_uint_eq(pair->n_frames, 1);
        AUGS_ASSERT_OK(
            augsi_wire_decode(pair->frames[0].header, pair->frames[0].n_header, &answer, &error),
            error);
    }
    pair->n_frames = 0; /* its bytes stay until the next one */
    return answer;
}

START_TEST(a_base_that_cannot_be_is_answered_in_words)
{
    static const struct {
        uint64_t base_step, base_position, step;
        const char *words;
    } wrong[] = {
        {1, 101, 1, "no plan begins at step 1, position 101; accepted: positions 0 to 100"},
        {0, UINT64_MAX, 0, "position 18446744073709551615;"},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX, "step 18446744073709551615,"},
        {UINT64_MAX, 1, UINT64_MAX, "no more steps than positions before it"},
        {38, 37, 38, "no plan begins at step 38, position 37;"},
        {1, 0, 1, "no plan begins at step 1, position 0;"},
        {5, 37, 4, "steps 5 to 12; asked for was 0, 0, 4"},
        {5, 37, 0, "steps 5 to 12; asked for was 0, 0, 0"},
    };
    static net_pair pair;
    augs_error error;
    augs_stream *stream = uniform_open(1, 100);
    plan_case c = sequential(1, 10, 0);
    AUGS_ASSERT_OK(
        pair_open_server(&pair, stream, plan_of(&c), 1, &augsi_default_allocator, &error), error);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const augsi_message request =
            fetch_of(stream, wrong[i].base_step, wrong[i].base_position, wrong[i].step, 1);
        const augsi_message answer = answer_of(&pair, &request);
        ck_assert_uint_eq(answer.type, AUGSI_ERR);
        ck_assert_uint_eq(answer.code, AUGSI_CODE_RANGE);
        ck_assert_uint_eq(answer.retry_ms, 0);
        ck_assert_msg(memmem(answer.text.data, answer.text.n_bytes, wrong[i].words,
                             strlen(wrong[i].words)) != NULL,
                      "no '%s' in '%.*s'", wrong[i].words, (int)answer.text.n_bytes,
                      answer.text.data);
        ck_assert_uint_eq(pair.n_to_make, 0);
    }
    pair_close_server(&pair);
    augs_stream_unref(stream);
}
END_TEST

/* The start of an epoch is a base like any other; its end has no batch, and nor has what lies
 * beyond. */
START_TEST(the_ends_of_an_epoch_are_places_to_go_on_from)
{
    static net_pair pair;
    augs_error error;
    augs_stream *stream = uniform_open(1, 100);
    plan_case c = sequential(1, 10, 0);
    AUGS_ASSERT_OK(
        pair_open_server(&pair, stream, plan_of(&c), 1, &augsi_default_allocator, &error), error);
    static const uint64_t ends[][4] = {
        {0, 0, 10, 10}, {10, 100, 10, 10}, {7, 100, 7, 7}, {0, 100, 0, 0},
        {0, 0, 11, 10}, {3, 95, 4, 4},     {3, 95, 99, 4}, {100, 100, UINT64_MAX, 100}};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        const augsi_message request = fetch_of(stream, ends[i][0], ends[i][1], ends[i][2], 1);
        const augsi_message answer = answer_of(&pair, &request);
        ck_assert_uint_eq(answer.type, AUGSI_EOS);
        ck_assert_uint_eq(answer.step, ends[i][3]);
        ck_assert_uint_eq(pair.n_to_make, 0);
    }
    const augsi_message request = fetch_of(stream, 5, 37, 5, 1);
    ck_assert_uint_eq(answer_of(&pair, &request).type, 0);
    ck_assert_uint_eq(pair.n_to_make, 1);
    ck_assert_uint_eq(pair.to_make[0].slice.body.first, 37);
    ck_assert_uint_eq(pair.to_make[0].slice.body.count, 10);
    pair_close_server(&pair);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(only_the_start_of_an_epoch_is_a_base_of_blocks)
{
    static net_pair pair;
    augs_error error;
    augs_stream *stream = uniform_open(1, 100);
    plan_case c = sequential(2, 10, 0);
    c.plan.rank_layout = AUGS_RANK_LAYOUT_BLOCK;
    AUGS_ASSERT_OK(
        pair_open_server(&pair, stream, plan_of(&c), 1, &augsi_default_allocator, &error), error);
    augsi_message request = fetch_of(stream, 1, 10, 1, 1);
    request.world_size = 2;
    const augsi_message answer = answer_of(&pair, &request);
    ck_assert_uint_eq(answer.type, AUGSI_ERR);
    ck_assert_ptr_nonnull(
        memmem(answer.text.data, answer.text.n_bytes, "with rank_layout block only", 27));
    pair_close_server(&pair);
    augs_stream_unref(stream);
}
END_TEST

/* However many places peers name, the server keeps the memory that it had. */
START_TEST(many_bases_cost_no_memory)
{
    static net_pair pair;
    augs_error error;
    counting_memory memory = {.left = UINT64_MAX};
    const augs_allocator allocator = {.size = sizeof allocator,
                                      .user = &memory,
                                      .allocate = counting_allocate,
                                      .release = counting_release};
    augs_stream *stream = uniform_open(1, AUGS_MAX_SAMPLES);
    plan_case c = sequential(1, 10, 0);
    uint64_t random = 4, n_held = 0, left = 0;
    AUGS_ASSERT_OK(pair_open_server(&pair, stream, plan_of(&c), 1, &allocator, &error), error);
    for (int round = 0; round < 20000; round++) {
        const uint64_t position = next_random(&random) % (AUGS_MAX_SAMPLES + 1);
        augsi_message request = fetch_of(stream, position / 2, position, UINT64_MAX, 1);
        request.incarnation = next_random(&random);
        if (round % 2 == 0) {
            ck_assert_uint_eq(answer_of(&pair, &request).type, AUGSI_EOS);
        } else {
            request.type = AUGSI_BYE;
            request.step = 0;
            pair_request(&pair, &request);
            ck_assert_uint_eq(pair.n_frames, 0);
        }
        n_held = round == 100 ? memory.n_held : n_held;
        left = round == 100 ? memory.left : left;
    }
    ck_assert_uint_eq(memory.n_held, n_held);
    ck_assert_uint_eq(memory.left, left); /* and allocated nothing meanwhile */
    pair_close_server(&pair);
    ck_assert_uint_eq(memory.n_held, 0);
    augs_stream_unref(stream);
}
END_TEST

/* BYE says of which epoch and plan its step is. */
START_TEST(only_the_end_of_the_last_epoch_finishes_a_rank)
{
    static net_pair pair;
    augs_error error;
    augs_server_stats stats = {.size = sizeof stats};
    augs_stream *stream = uniform_open(1, 100);
    plan_case c = sequential(1, 10, 0);
    static const struct {
        uint32_t epoch;
        uint64_t base_step, base_position, step;
        uint64_t n_finished;
    } byes[] = {{0, 0, 0, 10, 0},      {1, 0, 0, 9, 0},  {1, 2, 41, 7, 0},
                {1, 200, 100, 200, 0}, {2, 0, 0, 10, 0}, {1, 2, 41, 8, 1}};
    AUGS_ASSERT_OK(
        pair_open_server(&pair, stream, plan_of(&c), 2, &augsi_default_allocator, &error), error);
    for (size_t i = 0; i < sizeof byes / sizeof byes[0]; i++) {
        augsi_message request = fetch_of(stream, 0, 0, 10, 1);
        ck_assert_uint_eq(answer_of(&pair, &request).type, AUGSI_EOS); /* it is known */
        request = (augsi_message){.type = AUGSI_BYE,
                                  .incarnation = 9,
                                  .epoch = byes[i].epoch,
                                  .base_step = byes[i].base_step,
                                  .base_position = byes[i].base_position,
                                  .step = byes[i].step};
        pair_request(&pair, &request);
        augsi_server_core_stats(pair.server, pair.now, &stats);
        ck_assert_msg(stats.n_finished == byes[i].n_finished, "BYE %u", (unsigned)i);
    }
    pair_close_server(&pair);
    augs_stream_unref(stream);
}
END_TEST

/* ---- steps without samples ---- */

/* In windows of 1,001 positions of a million, dealt to 1,000 batches, rank 1 of 2 has something in
 * one step of a thousand. */
static plan_case sparse_plan(void)
{
    return (plan_case){
        .strategy = {.batches = 1000, .deal_window = 1001},
        .plan = {.strategy = "round_robin", .world_size = 2, .tail = AUGS_TAIL_UNEVEN}};
}

START_TEST(steps_without_samples_cost_no_message)
{
    enum { N_WINDOWS = 1000 };
    static net_pair pair;
    augs_error error;
    pair_batch batch;
    augs_stream *stream = uniform_open(1, 1001ull * N_WINDOWS);
    plan_case c = sparse_plan();
    char token[AUGS_TOKEN_BYTES];
    AUGS_ASSERT_OK(
        pair_open_server(&pair, stream, plan_of(&c), 1, &augsi_default_allocator, &error), error);
    AUGS_ASSERT_OK(pair_open_rank(&pair, 1, 2, NULL, &error), error);
    for (uint64_t k = 0; k < N_WINDOWS; k++) {
        AUGS_ASSERT_STATUS(1, pair_next(&pair, &batch, &error), error);
        ck_assert_uint_eq(batch.expected.step, 1000 * k);
        ck_assert_uint_eq(batch.expected.slice.body.first, 1001 * k + 1000);
        ck_assert_uint_eq(batch.expected.slice.last, k + 1 == N_WINDOWS);
        free(batch.payload);
        /* the steps that come are passed over when the next batch is asked for: rank 0 has them */
        pair_token(&pair, token);
        char step[40];
        snprintf(step, sizeof step, ":0:0:%" PRIu64 ":%" PRIu64 ":", 1000 * k + 1, 1001 * k + 1);
        ck_assert_msg(strstr(token, step) != NULL, "%s", token);
    }
    AUGS_ASSERT_OK(pair_next(&pair, &batch, &error), error);
    ck_assert_uint_eq(pair.n_batches, N_WINDOWS);
    ck_assert_uint_le(pair.n_fetches, N_WINDOWS);
    pair_close_rank(&pair);
    pair_close_server(&pair);
    augs_stream_unref(stream);
}
END_TEST

/* As a client asks that does not know the plan: what is asked for, the steps of the batch or of the
 * end that are answered. */
START_TEST(a_request_of_steps_without_samples_gets_the_next_batch)
{
    static const struct {
        uint64_t step, n, from_step, answer; /* UINT64_MAX: EOS */
        unsigned n_batches;
    } asked[] = {{0, 1, 0, 0, 1},
                 {0, 64, 0, 0, 2},
                 {1, 8, 1, 1000, 1},
                 {999, 1, 999, 1000, 1},
                 {999, 3, 999, 1000, 2},
                 {1000, 1, 1000, 1000, 1},
                 {1001, 64, 1001, 2000, 1},
                 {2001, 1, 2001, UINT64_MAX, 0},
                 {3000, 9, 3000, UINT64_MAX, 0}};
    static net_pair pair;
    augs_error error;
    augs_stream *stream = uniform_open(1, 3003);
    plan_case c = sparse_plan();
    AUGS_ASSERT_OK(
        pair_open_server(&pair, stream, plan_of(&c), 1, &augsi_default_allocator, &error), error);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        augsi_message request = fetch_of(stream, 0, 0, asked[i].step, asked[i].n);
        request.world_size = 2;
        request.rank = 1;
        augsi_message answer = answer_of(&pair, &request);
        ck_assert_uint_eq(pair.n_to_make, asked[i].n_batches);
        if (answer.type == 0) {
            pair_make_one(&pair);
            ck_assert_uint_ge(pair.n_frames, 1);
            AUGS_ASSERT_OK(
                augsi_wire_decode(pair.frames[0].header, pair.frames[0].n_header, &answer, &error),
                error);
            ck_assert_uint_eq(answer.type, AUGSI_BATCH);
            ck_assert_uint_eq(answer.step, asked[i].answer);
        } else {
            ck_assert_uint_eq(answer.type, AUGSI_EOS);
            ck_assert_uint_eq(asked[i].answer, UINT64_MAX);
            ck_assert_uint_eq(answer.step, 3000);
        }
        ck_assert_uint_eq(answer.from_step, asked[i].from_step);
        while (pair.n_to_make > 0) {
            pair_make_one(&pair);
        }
        pair_forget_frames(&pair);
    }
    pair_close_server(&pair);
    augs_stream_unref(stream);
}
END_TEST

/* All that a rank has, in requests that begin where the last one ended, while batches are under way:
 * each comes once, and no step is left out between two. */
START_TEST(requests_add_up_across_steps_without_samples)
{
    static net_pair pair;
    augs_error error;
    uint64_t random = 6;
    for (int round = 0; round < rounds(300, 30); round++) {
        const uint64_t batches = 2 + next_random(&random) % 12,
                       window = batches + next_random(&random) % (2 * batches);
        augs_stream *stream = uniform_open(1, 1 + next_random(&random) % 300);
        plan_case c = {.strategy = {.batches = batches, .deal_window = window},
                       .plan = {.strategy = "round_robin",
                                .world_size = 2 + (uint32_t)(next_random(&random) % 2),
                                .tail = AUGS_TAIL_UNEVEN}};
        augsi_message request = fetch_of(stream, 0, 0, 0, 0);
        request.world_size = c.plan.world_size;
        request.rank = request.world_size - 1;
        AUGS_ASSERT_OK(
            pair_open_server(&pair, stream, plan_of(&c), 1, &augsi_default_allocator, &error),
            error);
        augs_pipeline *pipeline = NULL;
        ck_assert_int_eq(open_case(stream, &c, request.rank, &pipeline), AUGS_OK);
        uint64_t cursor = 0;
        for (bool ended = false; !ended;) {
            if (request.step <= cursor + 4) {
                request.count = 1 + next_random(&random) % 8;
                pair_request(&pair, &request);
                request.step += request.count;
            }
            if (pair.n_to_make > 0 && pair.n_frames == 0) {
                pair_make_one(&pair);
            }
            for (unsigned i = 0; i < pair.n_frames; i++) {
                augsi_message got;
                augs_batch *expected = NULL;
                AUGS_ASSERT_OK(
                    augsi_wire_decode(pair.frames[i].header, pair.frames[i].n_header, &got, &error),
                    error);
                ck_assert(got.type == AUGSI_BATCH || got.type == AUGSI_EOS);
                ck_assert_msg(got.from_step <= cursor && cursor <= got.step,
                              "%" PRIu64 " to %" PRIu64 " at %" PRIu64, got.from_step, got.step,
                              cursor);
                ck_assert_int_eq(augs_pipeline_next(pipeline, &expected, &error),
                                 got.type == AUGSI_BATCH);
                if (got.type == AUGSI_BATCH) {
                    ck_assert_uint_eq(got.step, info_of(expected).step);
                    ck_assert_uint_eq(got.first, info_of(expected).first);
                    cursor = got.step + 1;
                    request.step = request.step > cursor ? request.step : cursor;
                    augs_batch_unref(expected);
                } else {
                    ended = true;
                    break;
                }
            }
            pair_forget_frames(&pair);
        }
        augs_pipeline_free(pipeline);
        pair_close_server(&pair);
        augs_stream_unref(stream);
    }
}
END_TEST

/* Neither 10^8 steps nor 2^32 - 1 epochs are walked. */
START_TEST(a_rank_without_samples_is_done_at_once)
{
    static net_pair pair;
    augs_error error;
    pair_batch batch;
    augs_server_stats stats = {.size = sizeof stats};
    augs_stream *stream = uniform_open(1, 100000000);
    plan_case c = {.strategy = {.batches = 100000000},
                   .plan = {.strategy = "round_robin", .world_size = 2, .tail = AUGS_TAIL_UNEVEN}};
    AUGS_ASSERT_OK(
        pair_open_server(&pair, stream, plan_of(&c), UINT32_MAX, &augsi_default_allocator, &error),
        error);
    AUGS_ASSERT_OK(pair_open_rank(&pair, 1, 2, NULL, &error), error);
    AUGS_ASSERT_OK(pair_next(&pair, &batch, &error), error);
    augsi_server_core_stats(pair.server, pair.now, &stats);
    ck_assert_uint_eq(stats.n_finished, 1);
    ck_assert_uint_eq(pair.n_fetches, 0);
    pair_close_rank(&pair);
    AUGS_ASSERT_OK(pair_open_rank(&pair, 0, 2, NULL, &error), error);
    AUGS_ASSERT_STATUS(1, pair_next(&pair, &batch, &error), error);
    free(batch.payload);
    pair_close_rank(&pair);
    pair_close_server(&pair);
    augs_stream_unref(stream);
}
END_TEST

/* ---- numbers at their limits ---- */

/* A batch that no memory holds would be asked for again and again; its bytes are more than 64 bits
 * can count, or nearly so. */
START_TEST(batches_that_no_memory_holds_are_not_served)
{
    static net_pair pair;
    static const struct {
        uint64_t batch_size, batches, deal_window;
        uint32_t world_size, tail, last_batch;
        const char *words;
    } wrong[] = {
        {AUGS_MAX_SAMPLES, 0, 0, 1, 0, 0, "too many for memory"},
        {1ull << 55, 0, 0, 2, 0, 0, "too many for memory"},
        {AUGS_MAX_SAMPLES, 0, 0, 2, 0, 0, ""},
        {UINT64_MAX, 0, 0, UINT32_MAX, 0, AUGS_LAST_BATCH_FILL, ""},
        {0, 1, 0, 1, 0, 0, "too many for memory"},
        {0, 1ull << 33, 0, 1u << 31, 0, AUGS_LAST_BATCH_FILL, ""},
    };
    augs_error error;
    augs_stream *stream = uniform_open(255, AUGS_MAX_SAMPLES);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        plan_case c = sequential(wrong[i].world_size, wrong[i].batch_size, wrong[i].tail);
        c.plan.strategy = wrong[i].batches > 0 ? "round_robin" : "sequential";
        c.strategy.batches = wrong[i].batches;
        c.strategy.deal_window = wrong[i].deal_window;
        c.strategy.last_batch = wrong[i].last_batch;
        const int status =
            pair_open_server(&pair, stream, plan_of(&c), 1, &augsi_default_allocator, &error);
        ck_assert_msg(status == AUGS_E_RANGE || status == AUGS_E_ARGUMENT, "%u: %d", (unsigned)i,
                      status);
        ck_assert_msg(strstr(error.message, wrong[i].words) != NULL, "%s", error.message);
    }
    /* 2^33 batches for 2^31 ranks: a stride of 2^64 for few samples */
    plan_case c = {
        .strategy = {.batches = 1ull << 33},
        .plan = {.strategy = "round_robin", .world_size = 1u << 31, .tail = AUGS_TAIL_UNEVEN}};
    AUGS_ASSERT_OK(
        pair_open_server(&pair, stream, plan_of(&c), 1, &augsi_default_allocator, &error), error);
    augsi_message request = fetch_of(stream, 0, 0, (1ull << 33) - 1, UINT32_MAX);
    request.world_size = 1u << 31;
    request.rank = (1u << 23) - 1; /* a batch has 2^23 positions: the last rank that has one */
    request.count = 64;
    ck_assert_uint_eq(answer_of(&pair, &request).type, 0);
    ck_assert_uint_eq(pair.n_to_make, 1);
    ck_assert_uint_eq(pair.to_make[0].slice.body.first, AUGS_MAX_SAMPLES - 1);
    ck_assert_uint_eq(pair.to_make[0].slice.body.count, 1);
    request.rank++;
    const augsi_message answer = answer_of(&pair, &request);
    ck_assert_uint_eq(answer.type, AUGSI_EOS);
    ck_assert_uint_eq(answer.step, 1ull << 33);
    pair_close_server(&pair);
    augs_stream_unref(stream);
}
END_TEST

AUGS_SUITE("resume_network", tokens_of_any_world_and_batch_size_go_on_at_a_served_job,
           tokens_of_a_moved_plan_lead_on, a_served_rank_goes_on_as_a_pipeline_does,
           a_token_with_parts_or_of_another_generation_is_refused,
           a_base_that_cannot_be_is_answered_in_words,
           the_ends_of_an_epoch_are_places_to_go_on_from,
           only_the_start_of_an_epoch_is_a_base_of_blocks, many_bases_cost_no_memory,
           only_the_end_of_the_last_epoch_finishes_a_rank, steps_without_samples_cost_no_message,
           a_request_of_steps_without_samples_gets_the_next_batch,
           requests_add_up_across_steps_without_samples, a_rank_without_samples_is_done_at_once,
           batches_that_no_memory_holds_are_not_served)
