/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a strategy is told, its batches are a permutation of the positions, and the options
 * hold. */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include <augstream/plan.h>
#include <augstream/strategy.h>

#include "base/memory.h"
#include "pipeline/plan/plan.h"
#include "stream_fixture.h"

#define MOST_SAMPLES 3000u

typedef struct property_run {
    uint64_t seed, random;
    augs_strategy_options strategy;
    augs_plan_options plan;
    uint64_t first, n;
} property_run;

static uint64_t pick(property_run *run, uint64_t low, uint64_t high)
{
    return low + (next_random(&run->random) >> 11) % (high - low + 1);
}

/* Small numbers as often as large ones. */
static uint64_t pick_scaled(property_run *run, uint64_t high)
{
    return pick(run, 1, 1 + (high - 1) / (1ull << pick(run, 0, 10)));
}

static double garbage_seconds(property_run *run)
{
    static const double values[] = {0, -1, 1e-300, 1e300, 1e-6, 5e-3, 0.1, 3600};
    switch (pick(run, 0, 12)) {
    case 0:
        return (double)NAN;
    case 1:
        return (double)INFINITY;
    case 2:
        return (double)-INFINITY;
    default:
        return values[pick(run, 0, 7)];
    }
}

static uint64_t garbage_bytes(property_run *run)
{
    switch (pick(run, 0, 4)) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX - pick(run, 0, 2);
    default:
        return pick_scaled(run, 1ull << 40);
    }
}

static void observe(property_run *run, augsi_plan *plan, uint64_t size)
{
    while (pick(run, 0, 2) != 0) { /* none, one, or several */
        const augs_feedback feedback = {.size = sizeof feedback,
                                        .n_samples =
                                            pick(run, 0, 3) != 0 ? size : garbage_bytes(run),
                                        .seconds = garbage_seconds(run),
                                        .bytes = garbage_bytes(run),
                                        .available_bytes = garbage_bytes(run)};
        augsi_plan_observe(plan, &feedback);
    }
    if (pick(run, 0, 1) != 0) {
        augsi_plan_set_memory(plan, garbage_bytes(run), garbage_bytes(run), garbage_bytes(run));
    }
}

static void pick_options(property_run *run, const char *name)
{
    augs_strategy_options *strategy = &run->strategy;
    *strategy = (augs_strategy_options){.size = sizeof *strategy};
    strategy->last_batch = (uint32_t)pick(run, 0, 1);
    run->n = pick(run, 0, 20) == 0 ? 0 : pick_scaled(run, MOST_SAMPLES);
    run->first = pick(run, 0, 1) == 0 ? 0 : pick_scaled(run, 1ull << 50);
    run->plan = (augs_plan_options){.size = sizeof run->plan,
                                    .strategy = name,
                                    .strategy_options = strategy,
                                    .tail = AUGS_TAIL_UNEVEN,
                                    .world_size = (uint32_t)pick(run, 1, 4)};
    if (strcmp(name, "round_robin") == 0) {
        strategy->batches = pick_scaled(run, 64);
        strategy->deal_window = pick(run, 0, 1) == 0 ? 0 : strategy->batches * pick(run, 1, 20);
        return;
    }
    strategy->batch_size = pick(run, 0, 1) == 0 ? 0 : pick_scaled(run, 500);
    strategy->multiple_of = pick(run, 0, 1) == 0 ? 0 : pick_scaled(run, 64);
    strategy->min_batch_size = pick(run, 0, 1) == 0 ? 0 : pick_scaled(run, 200);
    strategy->max_batch_size =
        pick(run, 0, 1) == 0
            ? 0
            : strategy->min_batch_size + strategy->multiple_of + pick_scaled(run, 400);
    if (strcmp(name, "sequential") != 0) {
        strategy->max_memory_bytes = pick(run, 0, 1) == 0 ? 0 : garbage_bytes(run);
    }
    if (strcmp(name, "memory_optimized") == 0) {
        strategy->memory_rule = (uint32_t)pick(run, 0, 1);
        strategy->memory_safety = pick(run, 0, 1) == 0 ? 0 : (double)pick(run, 1, 100) / 100;
    }
    if (strcmp(name, "adaptive") == 0) {
        strategy->target_seconds =
            pick(run, 0, 1) == 0 ? 0 : 1e-4 * (double)pick_scaled(run, 100000);
        strategy->target_memory = pick(run, 0, 1) == 0 ? 0 : (double)pick(run, 1, 100) / 100;
        strategy->max_growth = pick(run, 0, 1) == 0 ? 0 : 1 + (double)pick(run, 1, 100) / 50;
        strategy->max_reduction = pick(run, 0, 1) == 0 ? 0 : (double)pick(run, 7, 99) / 100;
    }
}

static void assert_size(const property_run *run, uint64_t count, uint64_t covered)
{
    const augs_strategy_options *strategy = &run->strategy;
    const uint64_t size = count / run->plan.world_size;
    const bool tail = covered == run->n && strategy->last_batch == 0;
    ck_assert_uint_gt(count, 0);
    if (strategy->max_batch_size != 0) {
        ck_assert_msg(size <= strategy->max_batch_size, "seed %" PRIu64 ": %" PRIu64 " above max",
                      run->seed, size);
    }
    if (!tail && strategy->batches == 0) {
        ck_assert_msg(count % run->plan.world_size == 0 && size >= strategy->min_batch_size &&
                          (strategy->multiple_of == 0 || size % strategy->multiple_of == 0),
                      "seed %" PRIu64 ": a batch of %" PRIu64 " samples for %u ranks", run->seed,
                      count, run->plan.world_size);
    }
}

static void run_once(uint64_t seed, const char *name)
{
    static unsigned char seen[MOST_SAMPLES];
    property_run run = {.seed = seed, .random = seed};
    augs_error error;
    augsi_plan *plan = NULL;
    pick_options(&run, name);
    int status = augsi_plan_open(&augsi_default_allocator, &run.plan, run.first, run.n,
                                 pick(&run, 0, 200), &plan, &error);
    if (status == AUGS_E_ARGUMENT) { /* no multiple within min and max */
        return;
    }
    ck_assert_msg(status == 0, "seed %" PRIu64 ": %s", seed, error.message);
    memset(seen, 0, sizeof seen);
    uint64_t covered = 0, highest = 0;
    for (uint64_t step = 0;; step++) {
        augsi_slice slice;
        status = augsi_plan_slice(plan, step, AUGSI_ALL_RANKS, &slice, &error);
        if (status == 0) {
            break;
        }
        ck_assert_msg(status == 1, "seed %" PRIu64 ": %s", seed, error.message);
        const augs_span span = slice.body;
        for (uint64_t k = 0; k < span.count; k++) {
            const uint64_t at = span.first - run.first + k * span.stride;
            ck_assert_msg(at < run.n && seen[at]++ == 0,
                          "seed %" PRIu64 ", step %" PRIu64 ": position %" PRIu64
                          " is planned twice or does not exist",
                          seed, step, at);
            highest = at + 1 > highest ? at + 1 : highest;
        }
        covered += span.count;
        assert_size(&run, span.count, covered);
        observe(&run, plan, span.count / run.plan.world_size);
    }
    ck_assert_msg(covered == (run.strategy.last_batch != 0 ? highest : run.n),
                  "seed %" PRIu64 ": %" PRIu64 " of %" PRIu64 " positions are planned", seed,
                  covered, run.n);
    augsi_plan_free(plan);
}

static void run_many(const char *name, uint64_t offset)
{
    const int n = rounds(4000, 100);
    for (int i = 0; i < n; i++) {
        run_once(offset + (uint64_t)i, name);
    }
}

START_TEST(every_strategy_plans_a_permutation_whatever_it_is_told)
{
    for (uint32_t i = 0; i < augs_strategy_count(); i++) {
        run_many(augs_strategy_name(i), 1000000 * (uint64_t)i);
    }
}
END_TEST

AUGS_SUITE("strategy_property", every_strategy_plans_a_permutation_whatever_it_is_told)
