/* SPDX-License-Identifier: Apache-2.0 */
/* Every last_batch with every tail, strategy and small world: each position is delivered once or
 * counted, and shapes are as the options say. Layouts against plans that are walked. */
#include <inttypes.h>
#include <string.h>

#include <augstream/pipeline.h>
#include <augstream/strategy.h>

#include "base/memory.h"
#include "pipeline/plan/plan.h"
#include "pipeline_fixture.h"
#include "strategies/shipped_strategies.h"

#define MOST_N 40u
#define MOST_W 5u

typedef struct end_case {
    const char *strategy;
    augs_strategy_options options;
    uint32_t world_size, tail, rank_layout;
    uint64_t n;
} end_case;

static const struct {
    const char *strategy;
    augs_strategy_options options;
} variants[] = {
    {"sequential", {.batch_size = 1}},
    {"sequential", {.batch_size = 3}},
    {"sequential", {.batch_size = 4, .max_batch_size = 4}},
    {"sequential", {.batch_size = 6, .max_batch_size = 7, .multiple_of = 2}},
    {"sequential", {.batch_size = 4, .min_batch_size = 4, .max_batch_size = 5}},
    {"round_robin", {.batches = 1}},
    {"round_robin", {.batches = 4}},
    {"round_robin", {.batches = 50}},
    {"round_robin", {.batches = 3, .deal_window = 9}},
    {"round_robin", {.batches = 3, .deal_window = 9, .max_batch_size = 3}},
    {"round_robin", {.batches = 2, .deal_window = 12}},
    {"memory_optimized", {.batch_size = 3}},
    {"memory_optimized", {.batch_size = 4, .max_batch_size = 5, .multiple_of = 2}},
    {"adaptive", {.batch_size = 3, .max_batch_size = 8}},
    {"adaptive", {.batch_size = 4, .min_batch_size = 2, .max_batch_size = 4, .multiple_of = 2}},
};

#define N_VARIANTS (sizeof variants / sizeof variants[0])

static const char *describe(const end_case *c)
{
    static char text[200];
    snprintf(text, sizeof text,
             "%s batch %" PRIu64 " max %" PRIu64 " batches %" PRIu64 " window %" PRIu64
             ", last_batch %u, tail %u, rank_layout %u, W %u, N %" PRIu64,
             c->strategy, c->options.batch_size, c->options.max_batch_size, c->options.batches,
             c->options.deal_window, c->options.last_batch, c->tail, c->rank_layout, c->world_size,
             c->n);
    return text;
}

#define CHECK(condition, ...) ck_assert_msg(condition, __VA_ARGS__)

static int open_plan(const end_case *c, augsi_plan **ret_plan, augs_error *error)
{
    augs_strategy_options options = c->options;
    options.size = sizeof options;
    const augs_plan_options plan = {.size = sizeof plan,
                                    .world_size = c->world_size,
                                    .rank_layout = c->rank_layout,
                                    .tail = c->tail,
                                    .strategy = c->strategy,
                                    .strategy_options = &options};
    return augsi_plan_open(&augsi_default_allocator, &plan, 7, c->n, 4, ret_plan, error);
}

typedef struct counted {
    uint64_t seen[MOST_N];
    uint64_t n_real, n_padded, of_rank[MOST_W], largest, n_steps;
} counted;

/* What padding sample number k of a rank at this step has to be: the window's first positions. */
static void count_padding(const end_case *c, const augsi_slice *slice, counted *all)
{
    uint64_t k = 0, at = slice->pad_first - 7;
    while (k < slice->pad_count) {
        const augs_span run = augsi_slice_padding(slice, k);
        CHECK(run.count > 0, "%s", describe(c));
        for (uint64_t i = 0; i < run.count; i++, k++) {
            CHECK(run.first + i * run.stride - 7 == at % c->n, "%s: padding", describe(c));
            at += slice->pad_stride;
        }
    }
    all->n_padded += slice->pad_count;
}

static void count_slice(const end_case *c, const augsi_slice *slice, uint32_t rank, counted *all)
{
    for (uint64_t k = 0; k < slice->body.count; k++) {
        const uint64_t i = slice->body.first + k * slice->body.stride - 7;
        CHECK(i < c->n && all->seen[i]++ == 0, "%s: position %" PRIu64, describe(c), i);
    }
    count_padding(c, slice, all);
    const uint64_t n = slice->body.count + slice->pad_count;
    all->n_real += slice->body.count;
    all->of_rank[rank] += n;
    all->largest = n > all->largest ? n : all->largest;
}

/* All steps of all ranks, feedback between them. */
static void walk(const end_case *c, augsi_plan *plan, counted *all)
{
    bool more = true;
    for (uint64_t step = 0; more; step++) {
        more = false;
        for (uint32_t rank = 0; rank < c->world_size; rank++) {
            augsi_slice slice;
            augs_error error;
            const int status = augsi_plan_slice(plan, step, rank, &slice, &error);
            CHECK(status >= 0, "%s: %s", describe(c), error.message);
            if (status == 1) {
                count_slice(c, &slice, rank, all);
                more = true;
            }
        }
        all->n_steps += more;
        const augs_feedback feedback = {.size = sizeof feedback,
                                        .n_samples = all->largest,
                                        .seconds = 0.01 * (double)(1 + step % 3)};
        if (!augsi_plan_is_fixed(plan)) {
            augsi_plan_observe(plan, &feedback);
        }
    }
}

static void check_walk(const end_case *c, augsi_plan *plan, const counted *all)
{
    const uint64_t left = augsi_plan_n_left_out(plan);
    const bool fills = c->options.last_batch == AUGS_LAST_BATCH_FILL;
    const bool drops = c->options.last_batch == AUGS_LAST_BATCH_DROP;
    CHECK(all->n_real + left == c->n, "%s: %" PRIu64 " delivered, %" PRIu64 " left out",
          describe(c), all->n_real, left);
    CHECK(left == 0 || drops || (c->tail == AUGS_TAIL_DROP && c->world_size > 1), "%s: left out",
          describe(c));
    CHECK(all->n_padded == 0 || fills || (c->tail == AUGS_TAIL_PAD && c->world_size > 1),
          "%s: padded", describe(c));
    CHECK(c->options.max_batch_size == 0 || all->largest <= c->options.max_batch_size, "%s: max",
          describe(c));
    for (uint32_t rank = 1; rank < c->world_size; rank++) {
        CHECK(c->tail == AUGS_TAIL_UNEVEN || all->of_rank[rank] == all->of_rank[0],
              "%s: ranks differ", describe(c));
        CHECK(!fills || c->rank_layout == AUGS_RANK_LAYOUT_BLOCK ||
                  all->of_rank[rank] == all->of_rank[0],
              "%s: ranks differ", describe(c));
    }
    if (augsi_plan_is_fixed(plan)) {
        CHECK(augsi_plan_n_steps(plan) == all->n_steps, "%s: steps", describe(c));
    }
}

/* With fill, or drop, all batches of a rank have one length; with keep only the last is shorter. */
static void check_lengths(const end_case *c, augsi_plan *plan, const counted *all)
{
    const uint32_t last_batch = c->options.last_batch;
    const bool even =
        (last_batch == AUGS_LAST_BATCH_FILL &&
         (c->tail != AUGS_TAIL_UNEVEN || c->rank_layout == AUGS_RANK_LAYOUT_INTERLEAVED)) ||
        (last_batch == AUGS_LAST_BATCH_DROP && c->tail != AUGS_TAIL_UNEVEN &&
         c->rank_layout == AUGS_RANK_LAYOUT_INTERLEAVED);
    if (!even || !augsi_plan_is_fixed(plan)) {
        return;
    }
    for (uint64_t step = 0; step < all->n_steps; step++) {
        for (uint32_t rank = 0; rank < c->world_size; rank++) {
            augsi_slice slice;
            ck_assert_int_eq(augsi_plan_slice(plan, step, rank, &slice, NULL), 1);
            const uint64_t n = slice.body.count + slice.pad_count;
            CHECK(n == all->largest || (n == 0 && c->rank_layout == AUGS_RANK_LAYOUT_BLOCK),
                  "%s: step %" PRIu64 " has %" PRIu64 " samples", describe(c), step, n);
        }
    }
}

static void check_case(const end_case *c, uint64_t *n_refused)
{
    augsi_plan *plan = NULL;
    augs_error error;
    const int status = open_plan(c, &plan, &error);
    if (status < 0) {
        const bool no_window = c->options.deal_window != 0 && c->options.max_batch_size != 0;
        const bool nothing = strstr(error.message, "nothing would be delivered") != NULL;
        CHECK(status == AUGS_E_ARGUMENT && (nothing || no_window), "%s: %s", describe(c),
              error.message);
        CHECK(!nothing || (c->n > 0 && (c->tail == AUGS_TAIL_DROP || c->options.last_batch == 1)),
              "%s: %s", describe(c), error.message);
        ++*n_refused;
        return;
    }
    counted all = {.n_real = 0};
    walk(c, plan, &all);
    CHECK(c->n == 0 || all.n_real > 0, "%s: nothing was delivered", describe(c));
    check_walk(c, plan, &all);
    check_lengths(c, plan, &all);
    augsi_plan_free(plan);
}

START_TEST(every_position_is_delivered_once_or_counted)
{
    uint64_t n_refused = 0, n_cases = 0;
    for (size_t i = 0; i < N_VARIANTS; i++) {
        const bool learns = i >= N_VARIANTS - 4;
        end_case c = {.strategy = variants[i].strategy, .options = variants[i].options};
        for (uint32_t k = 0; k < 4 * 3 * MOST_W * (MOST_N + 1) * 2; k += stride()) {
            c.options.last_batch = k % 4;
            c.tail = k / 4 % 3;
            c.world_size = 1 + k / 12 % MOST_W;
            c.n = k / (12 * MOST_W) % (MOST_N + 1);
            c.rank_layout = k / (12 * MOST_W * (MOST_N + 1));
            if (c.rank_layout == AUGS_RANK_LAYOUT_INTERLEAVED || !learns) {
                check_case(&c, &n_refused);
                n_cases++;
            }
        }
    }
    ck_assert_uint_gt(n_refused, 100);
    ck_assert_uint_lt(n_refused, n_cases / 3);
}
END_TEST

/* The same in the public API, with records: a pipeline per rank. */
START_TEST(pipelines_deliver_every_position_once_or_count_it)
{
    for (uint32_t k = 0; k < 4 * 3 * 3 * 14 * 2; k += stride()) {
        const uint64_t n = 1 + k / 36 % 14;
        const augs_strategy_options strategy = {.batch_size = k / 504 == 0 ? 3 : 0,
                                                .batches = k / 504 == 0 ? 0 : 3,
                                                .last_batch = k % 4};
        augs_pipeline_options options = {
            .plan = &(augs_plan_options){.strategy = k / 504 == 0 ? "sequential" : "round_robin",
                                         .world_size = 1 + k / 12 % 3,
                                         .tail = k / 4 % 3}};
        augs_stream *stream = uniform_open(1, n);
        table whole = whole_of(stream);
        uint64_t n_real = 0, n_padded = 0, left = 0;
        for (; options.rank < options.plan->world_size; options.rank++) {
            augs_pipeline *pipeline = NULL;
            augs_batch *batch = NULL;
            augs_error error;
            if (try_pipeline(stream, options, strategy, &pipeline, &error) < 0) {
                ck_assert_ptr_nonnull(strstr(error.message, "nothing would be delivered"));
                left = n;
                continue;
            }
            while (augs_pipeline_next(pipeline, &batch, &error) == 1) {
                const augs_batch_info info = info_of(batch);
                ck_assert_uint_eq((info.flags & AUGS_BATCH_PADDED) != 0, info.n_padded > 0);
                const uint64_t *ids = augs_batch_column_data(batch, 0);
                for (uint64_t i = 0; i < info.n_samples; i++) {
                    ck_assert_uint_eq(ids[i], position_of(&info, i) % n);
                }
                n_real += info.n_samples - info.n_padded;
                n_padded += info.n_padded;
                augs_batch_unref(batch);
            }
            left = augs_pipeline_n_left_out(pipeline);
            augs_pipeline_free(pipeline);
        }
        ck_assert_uint_eq(n_real + left, n);
        ck_assert(n_padded == 0 || strategy.last_batch == AUGS_LAST_BATCH_FILL ||
                  options.plan->tail == AUGS_TAIL_PAD);
        table_free(&whole);
        augs_stream_unref(stream);
    }
}
END_TEST

static void expect_counts(end_case c, const uint64_t *counts, const char *what)
{
    augsi_plan *plan = NULL;
    augs_error error;
    AUGS_ASSERT_OK(open_plan(&c, &plan, &error), error);
    for (uint64_t step = 0; counts[step] != 0; step++) {
        augsi_slice slice;
        AUGS_ASSERT_STATUS(1, augsi_plan_slice(plan, step, AUGSI_ALL_RANKS, &slice, &error), error);
        CHECK(slice.body.count == counts[step],
              "%s: step %" PRIu64 " has %" PRIu64 ", expected %" PRIu64, what, step,
              slice.body.count, counts[step]);
    }
    augsi_plan_free(plan);
}

START_TEST(merge_joins_or_splits)
{
#define COUNTS(...) ((const uint64_t[]){__VA_ARGS__, 0})
#define SEQUENTIAL(w, n_, ...)                                                                     \
    ((end_case){.strategy = "sequential",                                                          \
                .options = {.last_batch = AUGS_LAST_BATCH_MERGE, __VA_ARGS__},                     \
                .world_size = (w),                                                                 \
                .tail = AUGS_TAIL_UNEVEN,                                                          \
                .n = (n_)})
    expect_counts(SEQUENTIAL(1, 11, .batch_size = 5), COUNTS(5, 6), "joined");
    expect_counts(SEQUENTIAL(1, 11, .batch_size = 5, .max_batch_size = 5), COUNTS(5, 3, 3),
                  "split");
    expect_counts(SEQUENTIAL(1, 12, .batch_size = 5, .max_batch_size = 6), COUNTS(5, 4, 3), "odd");
    expect_counts(SEQUENTIAL(2, 22, .batch_size = 5, .max_batch_size = 5), COUNTS(10, 6, 6),
                  "ranks");
    expect_counts(SEQUENTIAL(1, 35, .batch_size = 16, .max_batch_size = 16, .multiple_of = 8),
                  COUNTS(16, 8, 11), "a multiple");
    expect_counts(SEQUENTIAL(1, 11, .batch_size = 5, .min_batch_size = 5, .max_batch_size = 5),
                  COUNTS(5, 5, 1), "min");
    expect_counts(SEQUENTIAL(1, 3, .batch_size = 5), COUNTS(3), "one batch");
    expect_counts(SEQUENTIAL(1, 10, .batch_size = 5), COUNTS(5, 5), "nothing short");
}
END_TEST

/* The closed forms of a layout against its steps one by one. */
START_TEST(a_layout_knows_its_steps_without_walking_them)
{
    for (size_t i = 0; i < N_VARIANTS - 4; i++) {
        for (uint32_t k = 0; k < 4 * MOST_W * (MOST_N + 1); k += stride()) {
            const augs_strategy_ops *ops = NULL;
            augs_strategy_options options = variants[i].options;
            uint64_t state[32] = {0};
            augsi_layout layout;
            options.size = sizeof options;
            options.last_batch = k % 4;
            const uint64_t n = k / 20;
            ck_assert_int_eq(augs_strategy_find(variants[i].strategy, &ops, NULL), 0);
            ck_assert_uint_le(ops->state_size, sizeof state);
            if (ops->init(state, &options, NULL) < 0 ||
                augsi_strategy_layout(ops)(state, n, 1 + k / 4 % MOST_W, &layout, NULL) < 0) {
                continue;
            }
            const uint64_t n_steps = augsi_layout_n_steps(&layout);
            uint64_t records = 0, positions = 0, cut = 0, end[4] = {0}, following[4];
            augs_span span;
            for (uint64_t step = 0; step < n_steps; step++) {
                ck_assert(augsi_layout_span(&layout, step, &span));
                ck_assert_uint_eq(augsi_layout_records_before(&layout, step), records);
                const uint64_t all = span.count < layout.full ? layout.full : span.count;
                ck_assert_uint_eq(augsi_layout_step_of_record(&layout, records), step);
                ck_assert_uint_eq(augsi_layout_step_of_record(&layout, records + all - 1), step);
                records += all;
                positions += span.count;
                cut += span.count % 3;
                for (uint64_t least = 1; least < 4; least++) {
                    end[least] = span.count >= least ? step + 1 : end[least];
                }
            }
            ck_assert(!augsi_layout_span(&layout, n_steps, &span));
            ck_assert_uint_eq(augsi_layout_n_positions(&layout), positions);
            ck_assert_uint_eq(augsi_layout_records_before(&layout, n_steps), records);
            ck_assert_uint_eq(augsi_layout_cut(&layout, 3), cut);
            for (uint64_t least = 1; least < 4; least++) {
                following[least] = n_steps;
                ck_assert_uint_eq(augsi_layout_end(&layout, least), end[least]);
                ck_assert_uint_eq(augsi_layout_next(&layout, n_steps, least), n_steps);
            }
            for (uint64_t step = n_steps; step-- > 0;) {
                ck_assert(augsi_layout_span(&layout, step, &span));
                for (uint64_t least = 1; least < 4; least++) {
                    following[least] = span.count >= least ? step : following[least];
                    ck_assert_uint_eq(augsi_layout_next(&layout, step, least), following[least]);
                }
            }
        }
    }
}
END_TEST

START_TEST(an_endless_stream_has_no_last_batch_to_fill)
{
    const char *const names[] = {"sequential", "round_robin", "memory_optimized", "adaptive"};
    for (uint32_t i = 0; i < 16; i++) {
        const bool deals = i / 4 == 1;
        augsi_plan *plan = NULL;
        augs_error error;
        augsi_slice slice;
        end_case c = {.strategy = names[i / 4],
                      .options = {.last_batch = i % 4,
                                  .batches = deals ? 4 : 0,
                                  .deal_window = deals ? 12 : 0},
                      .world_size = 2,
                      .n = AUGS_ENDLESS};
        if (i % 4 == AUGS_LAST_BATCH_FILL) {
            AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, open_plan(&c, &plan, &error), error);
            CHECK(strstr(error.message, "last_batch fill") != NULL, "%u: %s", i, error.message);
            continue;
        }
        AUGS_ASSERT_OK(open_plan(&c, &plan, &error), error);
        for (uint64_t step = 0; step < 100; step++) {
            AUGS_ASSERT_STATUS(1, augsi_plan_slice(plan, step, AUGSI_ALL_RANKS, &slice, &error),
                               error);
        }
        ck_assert_uint_eq(augsi_plan_n_left_out(plan), 0);
        augsi_plan_free(plan);
    }
}
END_TEST

/* What a plan needs is named in the words of its options. */
START_TEST(a_plan_that_delivers_nothing_is_refused_with_the_numbers)
{
    const struct {
        end_case c;
        const char *words[3];
    } cases[] = {
        {{"sequential", {.batch_size = 32, .last_batch = 1}, 4, 0, 0, 100},
         {"needs 128 positions", "there are 100", "last_batch drop"}},
        {{"round_robin", {.batches = 8}, 2, AUGS_TAIL_DROP, 0, 8},
         {"8 positions", "2 ranks", "tail drop"}},
        {{"round_robin", {.batches = 9, .last_batch = 1}, 1, 0, 0, 8},
         {"needs 9", "are 8", "drop"}},
        {{"round_robin", {.batches = 2, .deal_window = 10, .last_batch = 1}, 1, 0, 0, 9},
         {"needs 10", "are 9", "drop"}},
        {{"sequential", {.batch_size = 4}, 5, AUGS_TAIL_DROP, 0, 4},
         {"4 positions", "5 ranks", "tail drop"}},
        {{"sequential", {.batch_size = 4}, 5, AUGS_TAIL_DROP, 1, 4},
         {"4 positions", "5 ranks", "tail drop"}},
        {{"sequential", {.batch_size = 4, .last_batch = 1}, 2, 0, 1, 6},
         {"needs 4", "block", "are 3"}},
        {{"adaptive", {.min_batch_size = 3, .multiple_of = 2, .last_batch = 1}, 2, 0, 0, 7},
         {"needs 8", "are 7", "drop"}},
        {{"memory_optimized", {.last_batch = 3}, 3, AUGS_TAIL_DROP, 0, 2},
         {"2 positions", "3 ranks", "tail drop"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        augsi_plan *plan = NULL;
        augs_error error;
        AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, open_plan(&cases[i].c, &plan, &error), error);
        for (int k = 0; k < 3; k++) {
            ck_assert_msg(strstr(error.message, cases[i].words[k]) != NULL,
                          "case %zu: no '%s' in: %s", i, cases[i].words[k], error.message);
        }
    }
}
END_TEST

AUGS_SUITE("last_batch", every_position_is_delivered_once_or_counted,
           pipelines_deliver_every_position_once_or_count_it, merge_joins_or_splits,
           a_layout_knows_its_steps_without_walking_them,
           an_endless_stream_has_no_last_batch_to_fill,
           a_plan_that_delivers_nothing_is_refused_with_the_numbers)
