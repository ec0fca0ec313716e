/* SPDX-License-Identifier: Apache-2.0 */
/* Random sequences of everything that moves a pipeline, against models that know which positions
 * have to come. A failure prints its seed; AUGS_TEST_SEED runs it alone. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pipeline_fixture.h"

#define MOST_STEPS 512u
#define MOST_TOKENS 8u
#define N_EPOCHS 3u

static uint64_t seed, state;

static uint64_t random_below(uint64_t n)
{
    return (next_random(&state) >> 11) % n;
}

static void begin(int round)
{
    const char *given = getenv("AUGS_TEST_SEED");
    seed = given != NULL ? strtoull(given, NULL, 10) : 1000u + (uint64_t)round;
    state = seed * 0x9e3779b97f4a7c15u;
}

#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        char check_text[160];                                                                      \
        snprintf(check_text, sizeof check_text, __VA_ARGS__);                                      \
        ck_assert_msg(condition, "seed %llu: %s", (unsigned long long)seed, check_text);           \
    } while (0)

typedef struct kept_token {
    uint32_t epoch;
    uint64_t step, position;
    char text[AUGS_TOKEN_BYTES];
} kept_token;

/* ---- fixed plans ---- */

typedef struct fixed_walk {
    augs_stream *stream;
    augs_pipeline *pipeline;
    uint64_t n, first, size, step, base;
    uint32_t rank, world_size, epoch;
    uint64_t starts[MOST_STEPS]; /* of spans in the window; [n_steps] is the end */
    uint64_t n_steps;
    kept_token tokens[MOST_TOKENS];
    uint64_t n_tokens;
} fixed_walk;

static void plan_from(fixed_walk *walk, uint64_t step, uint64_t position)
{
    walk->base = step;
    for (; position < walk->n; position += walk->size * walk->world_size) {
        walk->starts[step++] = position;
    }
    walk->starts[step] = walk->n;
    walk->n_steps = step;
}

static void open_fixed(fixed_walk *walk)
{
    walk->pipeline = open_pipeline(
        walk->stream,
        (augs_pipeline_options){
            .rank = walk->rank,
            .first_position = walk->first,
            .n_positions = walk->n,
            .plan = &(augs_plan_options){.world_size = walk->world_size, .tail = AUGS_TAIL_PAD}},
        (augs_strategy_options){.batch_size = walk->size});
    walk->epoch = 0;
    walk->step = 0;
    plan_from(walk, 0, 0);
}

static void next_fixed(fixed_walk *walk)
{
    augs_batch *batch = NULL;
    augs_error error;
    const int status = augs_pipeline_next(walk->pipeline, &batch, &error);
    const bool ended = walk->step == walk->n_steps;
    CHECK(status == !ended, "next at step %u of %u: %d %.90s", (unsigned)walk->step,
          (unsigned)walk->n_steps, status, status < 0 ? error.message : "");
    if (ended) {
        return;
    }
    const uint64_t start = walk->starts[walk->step], w = walk->world_size;
    const uint64_t left = walk->n - start, all = walk->size * w;
    const uint64_t count = left < all ? left : all;
    const augs_batch_info info = info_of(batch);
    CHECK(info.step == walk->step && info.epoch == walk->epoch, "step or epoch");
    CHECK(info.first == walk->first + start + walk->rank, "step %u: first %u, not %u",
          (unsigned)walk->step, (unsigned)info.first, (unsigned)(walk->first + start + walk->rank));
    CHECK(info.n_samples == (count + w - 1) / w, "step %u: %u samples of a span of %u",
          (unsigned)walk->step, (unsigned)info.n_samples, (unsigned)count);
    augs_batch_unref(batch);
    walk->step++;
}

static void seek_fixed(fixed_walk *walk)
{
    const uint64_t step = random_below(walk->n_steps + 3);
    const bool good = step >= walk->base && step <= walk->n_steps;
    const int status = augs_pipeline_seek(walk->pipeline, step, NULL);
    CHECK(status == (good ? 0 : AUGS_E_RANGE), "seek %u gave %d", (unsigned)step, status);
    walk->step = good ? step : walk->step;
}

static void resize_fixed(fixed_walk *walk)
{
    const uint64_t size = 1 + random_below(12);
    const bool ended = walk->step == walk->n_steps;
    const int status = augs_pipeline_set_batch_size(walk->pipeline, size, NULL);
    CHECK(status == (ended ? AUGS_E_STATE : 0), "set_batch_size gave %d", status);
    if (!ended) {
        walk->size = size;
        plan_from(walk, walk->step, walk->starts[walk->step]);
    }
}

static void keep_fixed(fixed_walk *walk)
{
    kept_token *token = &walk->tokens[random_below(MOST_TOKENS)];
    if (token->text[0] == '\0' || random_below(2) == 0) {
        token->epoch = walk->epoch;
        token->step = walk->step;
        token->position = walk->starts[walk->step];
        ck_assert_int_eq(augs_pipeline_token(walk->pipeline, token->text, sizeof token->text, NULL),
                         0);
    }
}

static void resume_fixed(fixed_walk *walk)
{
    const kept_token *token = &walk->tokens[random_below(MOST_TOKENS)];
    augs_error error;
    if (token->text[0] == '\0') {
        return;
    }
    const int status = augs_pipeline_resume(walk->pipeline, token->text, &error);
    CHECK(status == 0, "resume at step %u, position %u: %.90s", (unsigned)token->step,
          (unsigned)token->position, error.message);
    walk->epoch = token->epoch;
    walk->step = token->step;
    if (token->step == 0) {
        plan_from(walk, 0, 0);
    } else if (token->step < walk->base || token->step > walk->n_steps ||
               walk->starts[token->step] != token->position) {
        plan_from(walk, token->step, token->position);
    }
}

static void move_fixed(fixed_walk *walk)
{
    switch (random_below(12)) {
    case 0:
        seek_fixed(walk);
        break;
    case 1:
        walk->epoch = (uint32_t)random_below(N_EPOCHS);
        ck_assert_int_eq(augs_pipeline_set_epoch(walk->pipeline, walk->epoch, NULL), 0);
        walk->step = 0;
        plan_from(walk, 0, 0);
        break;
    case 2:
        resize_fixed(walk);
        break;
    case 3:
        keep_fixed(walk);
        break;
    case 4:
        resume_fixed(walk);
        break;
    case 5:
        if (random_below(4) == 0) {
            augs_pipeline_free(walk->pipeline);
            open_fixed(walk);
        }
        break;
    default:
        next_fixed(walk);
    }
    CHECK(augs_pipeline_step(walk->pipeline) == walk->step, "it is at step %u, not %u",
          (unsigned)augs_pipeline_step(walk->pipeline), (unsigned)walk->step);
}

START_TEST(a_fixed_plan_is_where_its_model_is)
{
    for (int round = 0; round < rounds(400, 15); round++) {
        begin(round);
        fixed_walk walk = {.n = 1 + random_below(120),
                           .first = random_below(50),
                           .size = 1 + random_below(12),
                           .world_size = 1 + (uint32_t)random_below(3)};
        walk.rank = (uint32_t)random_below(walk.world_size);
        walk.n = walk.n < walk.world_size ? walk.world_size : walk.n;
        walk.stream = uniform_open(1, walk.first + walk.n + random_below(2) * 7);
        open_fixed(&walk);
        for (int i = 0; i < 300; i++) {
            move_fixed(&walk);
        }
        augs_pipeline_free(walk.pipeline);
        augs_stream_unref(walk.stream);
    }
}
END_TEST

/* ---- plans that decide as they go ---- */

typedef struct known_epoch {
    uint64_t starts[MOST_STEPS]; /* and [n_steps]: what is covered */
    uint64_t n_steps;
} known_epoch;

typedef struct decided_walk {
    augs_stream *stream;
    augs_pipeline *pipeline;
    augs_metrics *metrics;
    const char *strategy;
    const char *path; /* NULL: without a journal */
    uint64_t n, first, step, n_handed_out;
    uint32_t epoch;
    known_epoch epochs[N_EPOCHS];
    kept_token tokens[MOST_TOKENS];
} decided_walk;

static uint64_t fixed_clock(void *user)
{
    (void)user;
    return 1000;
}

static void open_decided(decided_walk *walk)
{
    walk->pipeline = open_pipeline(
        walk->stream,
        (augs_pipeline_options){.first_position = walk->first,
                                .n_positions = walk->n,
                                .plan = &(augs_plan_options){.strategy = walk->strategy},
                                .journal = walk->path,
                                .metrics = walk->metrics,
                                .now_ns = fixed_clock},
        (augs_strategy_options){.max_memory_bytes = 20000, .max_batch_size = 25});
    walk->epoch = 0;
    walk->step = 0;
}

/* A decision that does not fit onto the disk is no decision, and the same call works later. */
static int next_on_a_full_disk(decided_walk *walk, augs_batch **ret_batch, augs_error *error)
{
    struct rlimit old, limit;
    getrlimit(RLIMIT_FSIZE, &old);
    limit = old;
    limit.rlim_cur = 200 + random_below(2000);
    setrlimit(RLIMIT_FSIZE, &limit); /* Check's own file is in the way of assertions */
    int status = augs_pipeline_next(walk->pipeline, ret_batch, error);
    setrlimit(RLIMIT_FSIZE, &old);
    if (status == AUGS_E_NO_SPACE) {
        CHECK(augs_pipeline_step(walk->pipeline) == walk->step, "a failure took a step");
        status = augs_pipeline_next(walk->pipeline, ret_batch, error);
    }
    return status;
}

static void next_decided(decided_walk *walk)
{
    augs_batch *batch = NULL;
    augs_error error;
    known_epoch *known = &walk->epochs[walk->epoch];
    const int status = walk->path != NULL && random_below(6) == 0
                           ? next_on_a_full_disk(walk, &batch, &error)
                           : augs_pipeline_next(walk->pipeline, &batch, &error);
    const bool ended = known->starts[walk->step] == walk->n;
    CHECK(status == !ended, "next of step %u: %d %.90s", (unsigned)walk->step, status,
          status < 0 ? error.message : "");
    if (ended) {
        return;
    }
    const augs_batch_info info = info_of(batch);
    augs_batch_unref(batch);
    CHECK(info.step == walk->step && info.epoch == walk->epoch, "step or epoch");
    CHECK(info.first == walk->first + known->starts[walk->step], "step %u: first %u, not %u",
          (unsigned)walk->step, (unsigned)info.first,
          (unsigned)(walk->first + known->starts[walk->step]));
    const uint64_t end = known->starts[walk->step] + info.n_samples;
    if (walk->step == known->n_steps) {
        ck_assert_uint_lt(known->n_steps + 1, MOST_STEPS);
        known->starts[++known->n_steps] = end;
    }
    CHECK(known->starts[walk->step + 1] == end, "step %u has another size", (unsigned)walk->step);
    walk->step++;
    walk->n_handed_out++;
    if (random_below(3) > 0) {
        const uint64_t bytes = random_below(4) * info.n_samples * random_below(3000);
        ck_assert_int_eq(observe_last(walk->pipeline, random_below(5) == 0 ? -1 : 0.01, bytes,
                                      random_below(2) * 30000, NULL),
                         0);
    }
}

static void seek_decided(decided_walk *walk)
{
    known_epoch *known = &walk->epochs[walk->epoch];
    const uint64_t choices[] = {random_below(known->n_steps + 4), UINT64_MAX, known->n_steps, 0};
    const uint64_t step = choices[random_below(4)];
    const bool again = walk->path == NULL && known->n_steps > 0 && step == known->n_steps - 1;
    const bool good =
        walk->path != NULL ? step <= known->n_steps : again || step == 0 || step == known->n_steps;
    const int status = augs_pipeline_seek(walk->pipeline, step, NULL);
    CHECK(good ? status == 0 : status == (walk->path != NULL ? AUGS_E_RANGE : AUGS_E_STATE),
          "seek %llu gave %d", (unsigned long long)step, status);
    if (good) {
        walk->step = step;
        if (walk->path == NULL && step == 0 && !again) {
            known->n_steps = 0; /* planned anew */
        }
    }
}

static void set_epoch_decided(decided_walk *walk)
{
    walk->epoch = (uint32_t)random_below(N_EPOCHS);
    ck_assert_int_eq(augs_pipeline_set_epoch(walk->pipeline, walk->epoch, NULL), 0);
    walk->step = 0;
    if (walk->path == NULL) {
        walk->epochs[walk->epoch].n_steps = 0;
    }
}

static void use_token(decided_walk *walk)
{
    kept_token *token = &walk->tokens[random_below(MOST_TOKENS)];
    augs_error error;
    if (token->text[0] == '\0' || random_below(3) == 0) {
        token->epoch = walk->epoch;
        token->step = walk->step;
        ck_assert_int_eq(augs_pipeline_token(walk->pipeline, token->text, sizeof token->text, NULL),
                         0);
        return;
    }
    if (walk->path == NULL) {
        return;
    }
    const int status = augs_pipeline_resume(walk->pipeline, token->text, &error);
    CHECK(status == 0, "resume: %.100s", error.message);
    walk->epoch = token->epoch;
    walk->step = token->step;
}

/* What a journal has keeps its size; without one the last step is planned anew. */
static void resize_decided(decided_walk *walk)
{
    known_epoch *known = &walk->epochs[walk->epoch];
    const bool recorded = walk->path != NULL && walk->step < known->n_steps;
    const uint64_t too_large = 26 + random_below(30);
    CHECK(augs_pipeline_set_batch_size(walk->pipeline, 1 + random_below(25), NULL) ==
              (recorded ? AUGS_E_STATE : 0),
          "set_batch_size at step %u", (unsigned)walk->step);
    CHECK(augs_pipeline_set_batch_size(walk->pipeline, too_large, NULL) ==
              (recorded ? AUGS_E_STATE : AUGS_E_ARGUMENT),
          "a size above its max: nothing changes");
    known->n_steps = recorded ? known->n_steps : walk->step;
}

static void move_decided(decided_walk *walk)
{
    switch (random_below(12)) {
    case 0:
        seek_decided(walk);
        break;
    case 1:
        set_epoch_decided(walk);
        break;
    case 2:
        resize_decided(walk);
        break;
    case 3:
        use_token(walk);
        break;
    case 4:
        if (walk->path != NULL && random_below(3) == 0) {
            augs_pipeline_free(walk->pipeline);
            open_decided(walk);
        }
        break;
    default:
        next_decided(walk);
    }
    CHECK(augs_pipeline_step(walk->pipeline) == walk->step, "it is at step %u, not %u",
          (unsigned)augs_pipeline_step(walk->pipeline), (unsigned)walk->step);
}

/* What the journal has, run again, is what the model has. */
static void replay_all(const decided_walk *walk)
{
    augs_pipeline *pipeline = open_pipeline(walk->stream,
                                            (augs_pipeline_options){.first_position = walk->first,
                                                                    .n_positions = walk->n,
                                                                    .replay = walk->path},
                                            (augs_strategy_options){.batch_size = 0});
    for (uint32_t epoch = 0; epoch < N_EPOCHS; epoch++) {
        const known_epoch *known = &walk->epochs[epoch];
        ck_assert_int_eq(augs_pipeline_set_epoch(pipeline, epoch, NULL), 0);
        for (uint64_t step = 0; step < known->n_steps; step++) {
            augs_batch *batch = next_batch(pipeline);
            const augs_batch_info info = info_of(batch);
            CHECK(info.first == walk->first + known->starts[step] &&
                      info.n_samples == known->starts[step + 1] - known->starts[step],
                  "replay of epoch %u, step %u", epoch, (unsigned)step);
            augs_batch_unref(batch);
        }
    }
    augs_pipeline_free(pipeline);
}

static void walk_decided(int round, const char *path)
{
    begin(round);
    decided_walk *walk = calloc(1, sizeof *walk);
    augs_metrics_summary summary = {.size = sizeof summary};
    ck_assert_ptr_nonnull(walk);
    walk->path = path;
    walk->strategy = random_below(2) == 0 ? "memory_optimized" : "adaptive";
    walk->n = 1 + random_below(200);
    walk->first = random_below(50);
    walk->stream = uniform_open(1, walk->first + walk->n);
    ck_assert_int_eq(augs_metrics_open(NULL, &walk->metrics, NULL), 0);
    open_decided(walk);
    for (int i = 0; i < 250; i++) {
        move_decided(walk);
    }
    augs_pipeline_free(walk->pipeline);
    augs_metrics_summarize(walk->metrics, &summary);
    CHECK(summary.n_batches == walk->n_handed_out, "%u batches in the metrics, %u handed out",
          (unsigned)summary.n_batches, (unsigned)walk->n_handed_out);
    if (path != NULL) {
        replay_all(walk);
    }
    augs_metrics_free(walk->metrics);
    augs_stream_unref(walk->stream);
    free(walk);
}

START_TEST(a_plan_that_decides_is_where_its_model_is)
{
    for (int round = 0; round < rounds(300, 10); round++) {
        walk_decided(round, NULL);
    }
}
END_TEST

START_TEST(a_plan_with_a_journal_is_where_its_model_is)
{
    char folder[64], path[96];
    signal(SIGXFSZ, SIG_IGN);
    /* in memory where that is possible: every decision is synced */
    snprintf(folder, sizeof folder, "%s/augs-walk-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/plan.jsonl", folder);
    for (int round = 0; round < rounds(200, 5); round++) {
        walk_decided(round, path);
        unlink(path);
    }
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

AUGS_SUITE("pipeline_walk", a_fixed_plan_is_where_its_model_is,
           a_plan_that_decides_is_where_its_model_is, a_plan_with_a_journal_is_where_its_model_is)
