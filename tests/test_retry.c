/* SPDX-License-Identifier: Apache-2.0 */
/* Batches that do not fit, feedback that is late: every position comes exactly once as a batch that
 * fits, whatever the strategy is, however late the consumer says so, and wherever the run stops. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "memory_fixture.h"
/* after it: they have names that functions of the first use for their own */
#include "journal_folder.h"
#include "pipeline_fixture.h"

#define MOST_SAMPLES 900u
#define MOST_UNDER_WAY 300u
#define MOST_SIZE 100u
#define MOST_GOOD 2000u

/* ---- a consumer with workers: batches are under way, some of them do not fit ---- */

typedef struct good_batch {
    uint64_t step, first, n_samples;
    uint32_t part;
} good_batch;

typedef struct consumer {
    uint64_t seed, random;
    uint64_t clock_random, clock_ns, machine_random;
    augs_memory_monitor *monitor;
    augs_stream *stream;
    augs_pipeline *pipeline;
    augs_pipeline_options options;
    augs_plan_options plan;
    augs_strategy_options strategy;
    bool journaled;
    uint64_t n, limit, delay;
    augs_batch_info under_way[MOST_UNDER_WAY];
    uint64_t numbers[MOST_UNDER_WAY]; /* of those batches, as they were handed out */
    uint32_t n_under_way;
    uint64_t n_handed_out;
    bool last_was_last, any;
    bool too_late; /* a batch that did not fit was not remembered any more */
    unsigned char seen[MOST_SAMPLES];
    good_batch good[MOST_GOOD];
    uint32_t n_good;
    uint32_t n_retries, n_resumes;
    uint64_t n_left_out;
} consumer;

static uint64_t pick(consumer *c, uint64_t low, uint64_t high)
{
    return low + (next_random(&c->random) >> 11) % (high - low + 1);
}

static void take_good(consumer *c, const augs_batch_info *info)
{
    for (uint64_t k = 0; k < info->n_samples - info->n_padded; k++) {
        const uint64_t at = position_of(info, k);
        ck_assert_msg(at < c->n && c->seen[at]++ == 0,
                      "seed %" PRIu64 ": step %" PRIu64 ", part %u: position %" PRIu64
                      " came before",
                      c->seed, info->step, info->part, at);
    }
    ck_assert_uint_lt(c->n_good, MOST_GOOD);
    c->good[c->n_good++] = (good_batch){info->step, info->first, info->n_samples, info->part};
}

static void say_fine(consumer *c, const augs_batch_info *info)
{
    augs_error error;
    const augs_feedback feedback = {.size = sizeof feedback,
                                    .epoch = info->epoch,
                                    .step = info->step,
                                    .part = info->part,
                                    .seconds = 1e-3 * (double)(10 + info->n_samples),
                                    .bytes = 100 * info->n_samples,
                                    .available_bytes = pick(c, 0, 1) * 50000};
    AUGS_ASSERT_OK(augs_pipeline_observe(c->pipeline, &feedback, &error), error);
}

static void put_under_way(consumer *c, const augs_batch_info *info, uint64_t number)
{
    ck_assert_uint_lt(c->n_under_way, MOST_UNDER_WAY);
    c->under_way[c->n_under_way] = *info;
    c->numbers[c->n_under_way++] = number;
}

/* false: so many wait that their parts have to be taken first. */
static bool retry(consumer *c, const augs_batch_info *info, uint64_t number)
{
    augs_error error;
    if (pick(c, 0, 1) == 0) { /* in two words, or in one */
        const augs_feedback feedback = {.size = sizeof feedback,
                                        .epoch = info->epoch,
                                        .step = info->step,
                                        .part = info->part,
                                        .outcome = AUGS_OUTCOME_DID_NOT_FIT};
        const int status = augs_pipeline_observe(c->pipeline, &feedback, &error);
        ck_assert_msg(status == 0, "seed %" PRIu64 ": %s", c->seed, error.message);
    }
    const uint64_t most = pick(c, 0, 2) == 0 ? pick(c, 1, info->n_samples - 1) : 0;
    const int status = augs_pipeline_retry(c->pipeline, info->step, info->part, most, &error);
    if (status == AUGS_E_STATE && strstr(error.message, "wait to be given again") != NULL) {
        return false;
    }
    c->too_late = status == AUGS_E_RANGE && c->n_handed_out - number > AUGS_FEEDBACK_BATCHES;
    ck_assert_msg(status == 0 || c->too_late, "seed %" PRIu64 ": %s", c->seed, error.message);
    c->n_retries++;
    return true;
}

/* A pipeline remembers AUGS_FEEDBACK_BATCHES, so the consumer hears next of a batch that has waited
 * so long. Where very many parts do not fit either, a retry may have to wait longer than that. */
#define LONGEST_WAIT 24u

/* Any of the batches that are under way, unless one has waited too long. */
static uint32_t pick_under_way(consumer *c)
{
    uint32_t at = (uint32_t)pick(c, 0, c->n_under_way - 1), oldest = 0;
    for (uint32_t i = 1; i < c->n_under_way; i++) {
        oldest = c->numbers[i] < c->numbers[oldest] ? i : oldest;
    }
    return c->n_handed_out - c->numbers[oldest] > LONGEST_WAIT ? oldest : at;
}

/* Hears of one of the batches that are under way. false: of none. */
static bool settle_one(consumer *c)
{
    const uint32_t at = pick_under_way(c), n_after = --c->n_under_way - at;
    const augs_batch_info info = c->under_way[at];
    const uint64_t number = c->numbers[at];
    memmove(c->under_way + at, c->under_way + at + 1, n_after * sizeof c->under_way[0]);
    memmove(c->numbers + at, c->numbers + at + 1, n_after * sizeof c->numbers[0]);
    if (info.n_samples > c->limit && info.n_samples > 1) {
        if (!retry(c, &info, number)) {
            put_under_way(c, &info, number);
            return false;
        }
        return true;
    }
    take_good(c, &info);
    if (pick(c, 0, 3) != 0) {
        say_fine(c, &info);
    }
    if (pick(c, 0, 20) == 0) { /* others take memory and give it back */
        c->limit = pick(c, 1, 60);
    }
    return true;
}

/* ---- a machine and a clock that a seed repeats ---- */

static char machine[PLACE_BYTES];

/* The machine's memory and the process's own part of it, as the seed has them now. */
static void move_machine(consumer *c)
{
    const uint64_t random = next_random(&c->machine_random);
    const unsigned long long resident_kib = 100000 + random % 400000;
    char text[128];
    put_number(machine, "sys/fs/cgroup/job/memory.current", GIB / 2 + random % (3 * GIB / 2));
    snprintf(text, sizeof text, "262144 %llu 2048 512 0 128000 0\n", resident_kib / 4);
    put_text(machine, "proc/self/statm", text);
    snprintf(text, sizeof text, "VmHWM:\t%llu kB\nVmRSS:\t%llu kB\n",
             resident_kib + (random >> 40) % 100000, resident_kib);
    put_text(machine, "proc/self/status", text);
}

/* Timed batches reach the strategy. This clock stands still, walks or jumps, and its own numbers
 * leave those of pick() alone. */
static uint64_t jumping_clock(void *user)
{
    static const uint64_t steps_ns[] = {0, 1000, 1000000, 20000000, 5000000000};
    consumer *c = user;
    c->clock_random = c->clock_random * 6364136223846793005u + 1442695040888963407u;
    c->clock_ns += steps_ns[(c->clock_random >> 33) % 5];
    return c->clock_ns;
}

/* What the machine of the test has and does would make a seed give another run each time. */
static void open_machine(consumer *c)
{
    augs_error error;
    if (machine[0] == '\0') {
        fixture(machine, "v2_plain");
    }
    move_machine(c);
    const augs_memory_monitor_options options = {.size = sizeof options,
                                                 .interval_ms = 5,
                                                 .root = machine,
                                                 .now_ns = jumping_clock,
                                                 .user = c};
    AUGS_ASSERT_OK(augs_memory_monitor_open(&options, &c->monitor, &error), error);
    c->options.monitor = c->monitor;
    c->options.now_ns = jumping_clock;
    c->options.now_user = c;
}

static void close_run(consumer *c)
{
    augs_memory_monitor_free(c->monitor);
    augs_stream_unref(c->stream);
}

/* AUGS_RETRY_SEED runs one seed of a property, AUGS_RETRY_SEEDS as many from its first one on. */
static uint64_t first_seed(uint64_t usual)
{
    const char *seed = getenv("AUGS_RETRY_SEED");
    return seed != NULL ? strtoull(seed, NULL, 10) : usual;
}

static int n_seeds(int usual, int small)
{
    const char *seeds = getenv("AUGS_RETRY_SEEDS");
    return getenv("AUGS_RETRY_SEED") != NULL ? 1
           : seeds != NULL                   ? atoi(seeds)
                                             : rounds(usual, small);
}

/* ---- runs ---- */

/* false: the plan would deliver nothing, which is refused. */
static bool open_run(consumer *c)
{
    augs_error error;
    const int status = try_pipeline(c->stream, c->options, c->strategy, &c->pipeline, &error);
    ck_assert_msg(status == 0 || c->strategy.last_batch == AUGS_LAST_BATCH_DROP ||
                      c->plan.tail == AUGS_TAIL_DROP,
                  "seed %" PRIu64 ": %s", c->seed, error.message);
    return status == 0;
}

/* The process ends and another one goes on. */
static void resume(consumer *c)
{
    char token[AUGS_TOKEN_BYTES], again[AUGS_TOKEN_BYTES];
    augs_error error;
    while (c->n_under_way > 0) {
        if (!settle_one(c) || c->too_late) {
            return;
        }
    }
    AUGS_ASSERT_OK(augs_pipeline_token(c->pipeline, token, sizeof token, &error), error);
    augs_pipeline_free(c->pipeline);
    ck_assert(open_run(c));
    ck_assert_msg(augs_pipeline_resume(c->pipeline, token, &error) == 0, "seed %" PRIu64 ": %s: %s",
                  c->seed, token, error.message);
    AUGS_ASSERT_OK(augs_pipeline_token(c->pipeline, again, sizeof again, &error), error);
    ck_assert_str_eq(token, again);
    c->n_resumes++;
}

/* To the end: what is handed out, settled, and what comes again because of it. false: the plan
 * delivers nothing, or the consumer was too late. */
static bool run(consumer *c)
{
    if (!open_run(c)) {
        return false;
    }
    for (;;) {
        augs_error error;
        augs_batch *batch = NULL;
        if (c->n_under_way > c->delay && !c->too_late && settle_one(c)) {
            continue;
        }
        if (pick(c, 0, 12) == 0) {
            resume(c);
        }
        if (c->clock_random >> 61 == 0) {
            move_machine(c);
        }
        if (c->too_late) {
            augs_pipeline_free(c->pipeline);
            return false;
        }
        const int status = augs_pipeline_next(c->pipeline, &batch, &error);
        ck_assert_msg(status >= 0, "seed %" PRIu64 ": %s", c->seed, error.message);
        if (status == 0 && c->n_under_way == 0) {
            break;
        }
        if (status == 0) {
            ck_assert(settle_one(c));
            continue;
        }
        const augs_batch_info info = info_of(batch);
        c->last_was_last = (info.flags & AUGS_BATCH_LAST) != 0;
        c->any = true;
        put_under_way(c, &info, c->n_handed_out++);
        augs_batch_unref(batch);
    }
    c->n_left_out = augs_pipeline_n_left_out(c->pipeline);
    augs_pipeline_free(c->pipeline);
    /* of a deciding strategy that leaves positions out nobody knows the last batch beforehand */
    ck_assert_msg(!c->any || c->last_was_last || (c->journaled && c->n_left_out > 0),
                  "seed %" PRIu64 ": no last batch", c->seed);
    return true;
}

static void pick_run(consumer *c, uint64_t seed, const char *name, bool journaled)
{
    static const uint64_t delays[] = {0, 1, 16};
    *c = (consumer){.seed = seed,
                    .random = seed + 1,
                    .clock_random = seed,
                    .machine_random = seed + 2,
                    .journaled = journaled};
    open_machine(c);
    c->n = pick(c, 1, MOST_SAMPLES / (1u << pick(c, 0, 5)));
    c->limit = pick(c, 1, 60);
    c->delay = delays[pick(c, 0, 2)];
    c->strategy.batch_size = pick(c, 1, MOST_SIZE);
    c->strategy.multiple_of = pick(c, 0, 1) * pick(c, 1, 4);
    c->options.feedback = (uint32_t)pick(c, 0, 1);
    c->options.plan = &c->plan;
    c->plan.strategy = name;
    if (strcmp(name, "round_robin") == 0) {
        c->strategy = (augs_strategy_options){.batches = pick(c, 1, 9)};
    }
    c->strategy.last_batch = (uint32_t)pick(c, 0, 3);
    c->options.journal = journaled ? path : NULL;
    c->stream = uniform_open(1, c->n);
}

/* Once, or counted as left out. */
static void assert_all_seen(const consumer *c)
{
    uint64_t n_unseen = 0;
    for (uint64_t i = 0; i < c->n; i++) {
        ck_assert_msg(c->seen[i] <= 1, "seed %" PRIu64 ": position %" PRIu64 " came %u times",
                      c->seed, i, c->seen[i]);
        n_unseen += c->seen[i] == 0;
    }
    ck_assert_msg(n_unseen == c->n_left_out,
                  "seed %" PRIu64 ": %" PRIu64 " positions did not come, %" PRIu64
                  " are counted as left out",
                  c->seed, n_unseen, c->n_left_out);
}

static void fixed_run(consumer *c, uint64_t seed, const char *name)
{
    pick_run(c, seed, name, false);
    const uint32_t w = (uint32_t)pick(c, 1, 4);
    c->plan.world_size = w;
    c->plan.tail = (uint32_t)pick(c, 0, 2);
    c->plan.rank_layout =
        strcmp(name, "sequential") == 0 && pick(c, 0, 2) == 0 ? AUGS_RANK_LAYOUT_BLOCK : 0;
    for (uint32_t rank = 0; rank < w; rank++) {
        c->options.rank = rank;
        c->any = false;
        if (!run(c)) {
            close_run(c);
            return;
        }
    }
    assert_all_seen(c);
    close_run(c);
}

static consumer one, two;

START_TEST(fixed_strategies_give_every_position_once_whatever_does_not_fit)
{
    uint32_t n_retries = 0, n_resumes = 0, n_too_late = 0;
    const int n = n_seeds(400, 30);
    const uint64_t seed = first_seed(0);
    for (int i = 0; i < n; i++) {
        fixed_run(&one, seed + (uint64_t)i,
                  (seed + (uint64_t)i) % 3 == 0 ? "round_robin" : "sequential");
        n_retries += one.n_retries;
        n_resumes += one.n_resumes;
        n_too_late += one.too_late;
    }
    ck_assert(n < 20 || (n_retries > 100 && n_resumes > 30));
    ck_assert_int_lt((int)n_too_late * 20, n < 20 ? 21 : n);
}
END_TEST

/* The journal of a run that is over, run again where everything fits. */
static void replay(const consumer *first, consumer *c)
{
    augs_error error;
    augs_batch *batch = NULL;
    *c = (consumer){.seed = first->seed, .n = first->n, .stream = first->stream};
    c->options.replay = path;
    ck_assert(open_run(c));
    int status;
    while ((status = augs_pipeline_next(c->pipeline, &batch, &error)) > 0) {
        const augs_batch_info info = info_of(batch);
        augs_batch_unref(batch);
        ck_assert_msg(!c->last_was_last, "seed %" PRIu64 ": a batch after the last one", c->seed);
        c->last_was_last = (info.flags & AUGS_BATCH_LAST) != 0;
        take_good(c, &info);
    }
    ck_assert_msg(status == 0, "seed %" PRIu64 ": %s", c->seed, error.message);
    c->n_left_out = augs_pipeline_n_left_out(c->pipeline);
    ck_assert(c->last_was_last || c->n_left_out > 0);
    augs_pipeline_free(c->pipeline);
    assert_all_seen(c);
    ck_assert_uint_eq(c->n_good, first->n_good);
}

static bool is_good(const consumer *c, const good_batch *batch)
{
    for (uint32_t i = 0; i < c->n_good; i++) {
        const good_batch *other = &c->good[i];
        if (other->step == batch->step && other->part == batch->part) {
            return other->first == batch->first && other->n_samples == batch->n_samples;
        }
    }
    return false;
}

static void decided_run(uint64_t seed, const char *name)
{
    begin();
    pick_run(&one, seed, name, true);
    if (!run(&one)) {
        close_run(&one);
        unlink(path);
        rmdir(folder);
        return;
    }
    assert_all_seen(&one);
    replay(&one, &two);
    for (uint32_t i = 0; i < two.n_good; i++) { /* the batches that fitted, no others */
        ck_assert_msg(is_good(&one, &two.good[i]), "seed %" PRIu64 ": step %" PRIu64 ", part %u",
                      seed, two.good[i].step, two.good[i].part);
    }
    close_run(&one);
    end();
}

START_TEST(deciding_strategies_and_their_replays_do_as_well)
{
    uint32_t n_retries = 0, n_resumes = 0, n_too_late = 0;
    const int n = n_seeds(300, 20);
    const uint64_t seed = first_seed(1000);
    for (int i = 0; i < n; i++) {
        decided_run(seed + (uint64_t)i,
                    (seed + (uint64_t)i) % 2 == 0 ? "adaptive" : "memory_optimized");
        n_retries += one.n_retries;
        n_resumes += one.n_resumes;
        n_too_late += one.too_late;
    }
    ck_assert(n < 20 || (n_retries > 100 && n_resumes > 30));
    ck_assert_int_lt((int)n_too_late * 20, n < 20 ? 21 : n);
}
END_TEST

/* Otherwise a seed that failed could not be looked into. */
START_TEST(a_seed_repeats_its_run)
{
    for (uint64_t seed = 1000; seed < 1040; seed++) {
        for (int round = 0; round < 2; round++) {
            consumer *c = round == 0 ? &one : &two;
            begin();
            pick_run(c, seed, seed % 2 == 0 ? "adaptive" : "memory_optimized", true);
            run(c);
            close_run(c);
            unlink(path);
            rmdir(folder);
        }
        ck_assert_uint_eq(one.n_good, two.n_good);
        ck_assert_mem_eq(one.good, two.good, sizeof one.good);
        ck_assert_uint_eq(one.clock_ns, two.clock_ns);
    }
}
END_TEST

/* The process is killed at any moment and its token is lost: the journal knows which batches did
 * not fit, and the epoch begins again. */
START_TEST(a_run_that_begins_again_hands_out_the_parts_that_the_journal_has)
{
    const int n = n_seeds(100, 10);
    const uint64_t first = first_seed(5000);
    uint32_t n_too_late = 0;
    for (int i = 0; i < n; i++) {
        const uint64_t seed = first + (uint64_t)i;
        begin();
        pick_run(&one, seed, seed % 2 == 0 ? "adaptive" : "memory_optimized", true);
        one.strategy.last_batch = (uint32_t)(seed % 4);
        if (!open_run(&one)) {
            close_run(&one);
            unlink(path);
            rmdir(folder);
            continue;
        }
        const uint64_t n_batches = pick(&one, 1, 30);
        for (uint64_t k = 0; k < n_batches; k++) {
            augs_batch *batch = NULL;
            augs_error error;
            if (augs_pipeline_next(one.pipeline, &batch, &error) == 0) {
                break;
            }
            const augs_batch_info info = info_of(batch);
            put_under_way(&one, &info, one.n_handed_out++);
            augs_batch_unref(batch);
            while (one.n_under_way > one.delay && !one.too_late && settle_one(&one)) {
            }
        }
        augs_pipeline_free(one.pipeline); /* with batches under way */
        one.n_under_way = 0;
        one.n_good = 0;
        memset(one.seen, 0, sizeof one.seen);
        if (run(&one)) {
            assert_all_seen(&one);
        } else {
            ck_assert(one.too_late);
        }
        n_too_late += one.too_late;
        close_run(&one);
        end();
    }
    ck_assert_int_lt((int)n_too_late * 20, n < 20 ? 21 : n);
}
END_TEST

/* ---- examples ---- */

static augs_batch_info take(augs_pipeline *pipeline)
{
    augs_batch *batch = next_batch(pipeline);
    const augs_batch_info info = info_of(batch);
    augs_batch_unref(batch);
    return info;
}

static void expect(augs_pipeline *pipeline, uint64_t step, uint32_t part, uint64_t first,
                   uint64_t n_samples)
{
    const augs_batch_info info = take(pipeline);
    ck_assert_uint_eq(info.step, step);
    ck_assert_uint_eq(info.part, part);
    ck_assert_uint_eq(info.first, first);
    ck_assert_uint_eq(info.n_samples, n_samples);
}

static void retry_now(augs_pipeline *pipeline, uint64_t step, uint32_t part, uint64_t most)
{
    augs_error error;
    AUGS_ASSERT_OK(augs_pipeline_retry(pipeline, step, part, most, &error), error);
}

START_TEST(a_batch_comes_again_in_halves_and_steps_keep_their_numbers)
{
    augs_stream *stream = uniform_open(1, 100);
    augs_pipeline *pipeline = open_batches(stream, 32);
    expect(pipeline, 0, 0, 0, 32);
    expect(pipeline, 1, 0, 32, 32);
    retry_now(pipeline, 1, 0, 0);
    ck_assert_uint_eq(augs_pipeline_step(pipeline), 2);
    expect(pipeline, 1, 1, 32, 16);
    expect(pipeline, 1, 2, 48, 16);
    retry_now(pipeline, 1, 2, 6); /* three parts of a part, while the next step waits */
    expect(pipeline, 1, 3, 48, 5);
    retry_now(pipeline, AUGS_STEP_LAST, 0, 2);
    expect(pipeline, 1, 4, 53, 5);
    expect(pipeline, 1, 5, 58, 6);
    expect(pipeline, 1, 6, 48, 1);
    expect(pipeline, 1, 7, 49, 2);
    expect(pipeline, 1, 8, 51, 2);
    expect(pipeline, 2, 0, 64, 32);
    expect(pipeline, 3, 0, 96, 4);
    expect_end(pipeline);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(an_older_step_is_given_again_before_the_next_one)
{
    augs_stream *stream = uniform_open(1, 100);
    augs_pipeline *pipeline = open_batches(stream, 10);
    for (uint64_t i = 0; i < 5; i++) {
        expect(pipeline, i, 0, 10 * i, 10);
    }
    retry_now(pipeline, 3, 0, 0);
    retry_now(pipeline, 1, 0, 5);
    expect(pipeline, 3, 1, 30, 5);
    expect(pipeline, 3, 2, 35, 5);
    expect(pipeline, 1, 1, 10, 5);
    expect(pipeline, 1, 2, 15, 5);
    expect(pipeline, 5, 0, 50, 10);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(parts_are_multiples_where_that_goes)
{
    augs_stream *stream = uniform_open(1, 100);
    augs_pipeline *pipeline =
        open_pipeline(stream, (augs_pipeline_options){.rank = 0},
                      (augs_strategy_options){.batch_size = 56, .multiple_of = 8});
    expect(pipeline, 0, 0, 0, 56);
    retry_now(pipeline, 0, 0, 30);
    expect(pipeline, 0, 1, 0, 16);
    expect(pipeline, 0, 2, 16, 16);
    expect(pipeline, 0, 3, 32, 24);
    retry_now(pipeline, 0, 1, 7); /* below a multiple */
    expect(pipeline, 0, 4, 0, 5);
    expect(pipeline, 0, 5, 5, 5);
    expect(pipeline, 0, 6, 10, 6);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(the_last_flag_and_the_padding_move_to_the_part_that_has_them)
{
    augs_stream *stream = uniform_open(1, 21);
    augs_pipeline *pipeline = open_pipeline(
        stream,
        (augs_pipeline_options){
            .rank = 1, .plan = &(augs_plan_options){.world_size = 2, .tail = AUGS_TAIL_PAD}},
        (augs_strategy_options){.batch_size = 8});
    expect(pipeline, 0, 0, 1, 8);
    augs_batch_info info = take(pipeline);
    ck_assert_uint_eq(info.flags, AUGS_BATCH_LAST | AUGS_BATCH_PADDED);
    ck_assert_uint_eq(info.n_samples, 3);
    ck_assert_uint_eq(info.n_padded, 1);
    const uint64_t pad_first = info.pad_first;
    retry_now(pipeline, 1, 0, 1);
    info = take(pipeline);
    ck_assert_uint_eq(info.flags, 0);
    ck_assert_uint_eq(info.first, 17);
    ck_assert_uint_eq(info.n_padded, 0);
    info = take(pipeline);
    ck_assert_uint_eq(info.flags, 0);
    ck_assert_uint_eq(info.first, 19);
    info = take(pipeline);
    ck_assert_uint_eq(info.flags, AUGS_BATCH_LAST | AUGS_BATCH_PADDED);
    ck_assert_uint_eq(info.n_samples, 1);
    ck_assert_uint_eq(info.n_padded, 1);
    ck_assert_uint_eq(info.pad_first, pad_first);
    expect_end(pipeline);
    retry_now(pipeline, 0, 0, 0); /* a late word, after the end */
    ck_assert_uint_eq(take(pipeline).flags, 0);
    ck_assert_uint_eq(take(pipeline).flags, AUGS_BATCH_LAST);
    expect_end(pipeline);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(a_token_names_the_part)
{
    augs_stream *stream = uniform_open(1, 100);
    augs_error error;
    char token[AUGS_TOKEN_BYTES];
    augs_pipeline *pipeline = open_batches(stream, 32);
    expect(pipeline, 0, 0, 0, 32);
    expect(pipeline, 1, 0, 32, 32);
    retry_now(pipeline, 0, 0, 8);
    expect(pipeline, 0, 1, 0, 8);
    AUGS_ASSERT_OK(augs_pipeline_token(pipeline, token, sizeof token, &error), error);
    augs_pipeline_free(pipeline);
    const uint64_t sizes[] = {32, 20}; /* of batches after it: those of the plan may be others */
    for (int i = 0; i < 2; i++) {
        pipeline = open_batches(stream, sizes[i]);
        AUGS_ASSERT_OK(augs_pipeline_resume(pipeline, token, &error), error);
        expect(pipeline, 0, 2, 8, 8);
        expect(pipeline, 0, 3, 16, 8);
        retry_now(pipeline, 0, 3, 0);
        expect(pipeline, 0, 4, 24, 8);
        expect(pipeline, 0, 5, 16, 4);
        expect(pipeline, 0, 6, 20, 4);
        ck_assert_uint_eq(take(pipeline).first, 64);
        augs_pipeline_free(pipeline);
    }
    pipeline = open_pipeline(
        stream, (augs_pipeline_options){.rank = 1, .plan = &(augs_plan_options){.world_size = 2}},
        (augs_strategy_options){.batch_size = 16});
    AUGS_ASSERT_STATUS(AUGS_E_TOKEN, augs_pipeline_resume(pipeline, token, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "rank 0 of 1"));
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(what_cannot_be_given_again_is_refused)
{
    augs_stream *stream = uniform_open(1, 1000);
    augs_error error;
    augs_pipeline *pipeline = open_batches(stream, 4);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_pipeline_retry(NULL, 0, 0, 0, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_STATE, augs_pipeline_retry(pipeline, 0, 0, 0, &error), error);
    take(pipeline);
    AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_pipeline_retry(pipeline, 1, 0, 0, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_pipeline_retry(pipeline, 0, 1, 0, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_pipeline_retry(pipeline, 0, 0, 4, &error), error);
    retry_now(pipeline, 0, 0, 1);
    AUGS_ASSERT_STATUS(AUGS_E_STATE, augs_pipeline_retry(pipeline, 0, 0, 1, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "again"));
    take(pipeline);
    AUGS_ASSERT_STATUS(AUGS_E_MEMORY, augs_pipeline_retry(pipeline, 0, 1, 0, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "one sample"));
    augs_feedback fine = {.size = sizeof fine, .step = 0, .part = 0};
    AUGS_ASSERT_STATUS(AUGS_E_STATE, augs_pipeline_observe(pipeline, &fine, &error), error);
    for (int i = 0; i < 4; i++) {
        take(pipeline); /* three parts, and step 1 */
    }
    fine.step = 1;
    AUGS_ASSERT_OK(augs_pipeline_observe(pipeline, &fine, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_STATE, augs_pipeline_retry(pipeline, 1, 0, 0, &error), error);
    for (uint32_t i = 0; i < AUGS_MOST_RETRIES + 1; i++) {
        take(pipeline);
    }
    for (uint64_t i = 0; i < AUGS_MOST_RETRIES; i++) {
        retry_now(pipeline, 2 + i, 0, 0);
    }
    AUGS_ASSERT_STATUS(AUGS_E_STATE,
                       augs_pipeline_retry(pipeline, 2 + AUGS_MOST_RETRIES, 0, 0, &error), error);
    char token[AUGS_TOKEN_BYTES];
    AUGS_ASSERT_OK(augs_pipeline_token(pipeline, token, sizeof token, &error), error);
    take(pipeline);
    take(pipeline); /* now there is space */
    retry_now(pipeline, 2 + AUGS_MOST_RETRIES, 0, 0);
    for (uint32_t i = 0; i < AUGS_FEEDBACK_BATCHES; i++) {
        take(pipeline);
    }
    AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_pipeline_retry(pipeline, 1, 0, 0, &error), error);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

static unsigned lines_with(const char *word)
{
    char line[512];
    unsigned n = 0;
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file) != NULL) {
        n += strstr(line, word) != NULL;
    }
    fclose(file);
    return n;
}

/* The journal has bytes that nobody wrote, for a while: it takes no more lines. */
static void spoil_journal(long n_bytes)
{
    struct stat info;
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_int_eq(truncate(path, info.st_size + n_bytes), 0);
}

START_TEST(a_retry_that_the_journal_does_not_take_changes_nothing)
{
    augs_stream *stream = uniform_open(1, 1000);
    augs_error error;
    for (int how = 0; how < 3; how++) { /* tried again; called fine; known not to fit before */
        begin();
        char before[AUGS_TOKEN_BYTES], after[AUGS_TOKEN_BYTES];
        augs_metrics *metrics = NULL;
        AUGS_ASSERT_OK(augs_metrics_open(NULL, &metrics, &error), error);
        augs_pipeline *pipeline = open_pipeline(
            stream,
            (augs_pipeline_options){.plan = &(augs_plan_options){.strategy = "memory_optimized"},
                                    .journal = path,
                                    .metrics = metrics,
                                    .feedback = AUGS_FEEDBACK_TOLD},
            (augs_strategy_options){.batch_size = 40, .max_batch_size = 40});
        expect(pipeline, 0, 0, 0, 40);
        expect(pipeline, 1, 0, 40, 40);
        augs_feedback feedback = {
            .size = sizeof feedback, .step = 0, .outcome = AUGS_OUTCOME_DID_NOT_FIT};
        if (how == 2) {
            AUGS_ASSERT_OK(augs_pipeline_observe(pipeline, &feedback, &error), error);
        }
        const uint32_t n_noted = augs_metrics_n_held(metrics);
        AUGS_ASSERT_OK(augs_pipeline_token(pipeline, before, sizeof before, &error), error);
        spoil_journal(5);
        for (int round = 0; round < 2; round++) {
            AUGS_ASSERT_STATUS(AUGS_E_CORRUPT, augs_pipeline_retry(pipeline, 0, 0, 10, &error),
                               error);
            AUGS_ASSERT_OK(augs_pipeline_token(pipeline, after, sizeof after, &error), error);
            ck_assert_str_eq(before, after);
            ck_assert_uint_eq(augs_metrics_n_held(metrics), n_noted);
        }
        spoil_journal(-5);
        if (how == 1) { /* the strategy did not hear that it did not fit */
            feedback.outcome = AUGS_OUTCOME_FINE;
            AUGS_ASSERT_OK(augs_pipeline_observe(pipeline, &feedback, &error), error);
            expect(pipeline, 2, 0, 80, 40);
        } else {
            AUGS_ASSERT_OK(augs_pipeline_retry(pipeline, 0, 0, 20, &error), error);
            expect(pipeline, 0, 1, 0, 20);
            expect(pipeline, 0, 2, 20, 20);
            expect(pipeline, 2, 0, 80, 20); /* half of what did not fit */
        }
        augs_pipeline_free(pipeline);
        ck_assert_uint_eq(lines_with("\"retry\":"), how != 1);
        ck_assert_uint_eq(lines_with("\"fits\":false"), how != 1);
        augs_metrics_free(metrics);
        end();
    }
    augs_stream_unref(stream);
}
END_TEST

/* A sink that has no space now and then. */
static int fails_at_times(void *user, augs_batch *batch)
{
    consumer *c = user;
    const augs_batch_info info = info_of(batch);
    if (pick(c, 0, 2) == 0) {
        return AUGS_E_IO;
    }
    take_good(c, &info);
    return 0;
}

START_TEST(a_part_that_a_sink_did_not_take_comes_again)
{
    one = (consumer){.random = 7, .n = 100};
    augs_stream *stream = uniform_open(1, 100);
    augs_pipeline *pipeline = open_batches(stream, 40);
    augs_error error;
    augs_sink *sink = NULL;
    AUGS_ASSERT_OK(augs_sink_open_callback(fails_at_times, &one, &sink, &error), error);
    take(pipeline);
    take(pipeline);
    retry_now(pipeline, 1, 0, 3);
    retry_now(pipeline, 0, 0, 7);
    int status, n_failures = 0;
    while ((status = augs_pipeline_run(pipeline, sink, &error)) == AUGS_E_IO) {
        n_failures++;
    }
    ck_assert_int_eq(status, 0);
    ck_assert_int_gt(n_failures, 3);
    assert_all_seen(&one);
    augs_sink_free(sink);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

/* A sink that gives an older batch again while it takes a part, and then fails. */
static int retries_and_fails(void *user, augs_batch *batch)
{
    consumer *c = user;
    augs_error error;
    const augs_batch_info info = info_of(batch);
    if (info.part != 0 && c->n_retries < 20) {
        AUGS_ASSERT_OK(augs_pipeline_retry(c->pipeline, c->n_retries++, 0, 2, &error), error);
        return AUGS_E_IO;
    }
    take_good(c, &info);
    return 0;
}

START_TEST(a_part_that_a_sink_did_not_take_comes_again_among_newer_ones)
{
    one = (consumer){.n = 100};
    augs_stream *stream = uniform_open(1, 100);
    one.pipeline = open_batches(stream, 4);
    augs_error error;
    augs_sink *sink = NULL;
    AUGS_ASSERT_OK(augs_sink_open_callback(retries_and_fails, &one, &sink, &error), error);
    for (int i = 0; i < 22; i++) {
        take(one.pipeline);
    }
    retry_now(one.pipeline, 20, 0, 2);
    retry_now(one.pipeline, 21, 0, 3);
    int status;
    while ((status = augs_pipeline_run(one.pipeline, sink, &error)) == AUGS_E_IO) {
    }
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(one.n_retries, 20);
    assert_all_seen(&one);
    augs_sink_free(sink);
    augs_pipeline_free(one.pipeline);
    augs_stream_unref(stream);
}
END_TEST

/* As the documents say: what does not fit comes again in halves. */
START_TEST(halving_leads_from_any_size_to_one_that_fits)
{
    const uint64_t sizes[] = {300, 4096, 65536};
    for (size_t i = 0; i < 3; i++) {
        augs_stream *stream = uniform_open(1, sizes[i]);
        augs_pipeline *pipeline = open_batches(stream, sizes[i]);
        augs_batch *batch = NULL;
        augs_error error;
        unsigned char *seen = calloc(sizes[i], 1);
        uint64_t n_seen = 0;
        while (augs_pipeline_next(pipeline, &batch, &error) == 1) {
            const augs_batch_info info = info_of(batch);
            augs_batch_unref(batch);
            if (info.n_samples > 1) {
                retry_now(pipeline, AUGS_STEP_LAST, 0, 0);
            } else {
                n_seen += seen[info.first]++ == 0;
            }
        }
        ck_assert_uint_eq(n_seen, sizes[i]);
        free(seen);
        augs_pipeline_free(pipeline);
        augs_stream_unref(stream);
    }
}
END_TEST

AUGS_SUITE("retry", a_batch_comes_again_in_halves_and_steps_keep_their_numbers,
           an_older_step_is_given_again_before_the_next_one, parts_are_multiples_where_that_goes,
           the_last_flag_and_the_padding_move_to_the_part_that_has_them, a_token_names_the_part,
           what_cannot_be_given_again_is_refused,
           a_retry_that_the_journal_does_not_take_changes_nothing,
           a_part_that_a_sink_did_not_take_comes_again,
           a_part_that_a_sink_did_not_take_comes_again_among_newer_ones,
           halving_leads_from_any_size_to_one_that_fits,
           fixed_strategies_give_every_position_once_whatever_does_not_fit,
           deciding_strategies_and_their_replays_do_as_well, a_seed_repeats_its_run,
           a_run_that_begins_again_hands_out_the_parts_that_the_journal_has)
