/* SPDX-License-Identifier: Apache-2.0 */
/* Strategies of the caller's own: what the plan takes from them, and what it never takes. */
#include <string.h>

#include "base/memory.h"
#include "pipeline/plan/plan.h"
#include "suite.h"

/* Strategies of a list of spans. */
typedef struct script {
    const augs_span *spans;
    size_t n_spans;
    int at_end; /* what plan returns after them */
    uint64_t seen_position;
    uint64_t n_asked;
} script;

static script the_script; /* a strategy's state is the plan's, so this is found here */

static int script_init(void *state, const augs_strategy_options *options, augs_error *error)
{
    (void)state;
    (void)options;
    (void)error;
    return AUGS_OK;
}

static int script_plan(void *state, const augs_plan_facts *facts, augs_span *ret_span,
                       augs_error *error)
{
    (void)state;
    (void)error;
    the_script.seen_position = facts->position;
    the_script.n_asked++;
    if (facts->step >= the_script.n_spans) {
        return the_script.at_end;
    }
    *ret_span = the_script.spans[facts->step];
    return 1;
}

static const augs_strategy_ops script_fixed = {.size = sizeof script_fixed,
                                               .flags = AUGS_STRATEGY_FIXED,
                                               .name = "script",
                                               .init = script_init,
                                               .plan = script_plan};
static const augs_strategy_ops script_deciding = {
    .size = sizeof script_deciding, .name = "script", .init = script_init, .plan = script_plan};

static augsi_plan *open_script(const augs_strategy_ops *ops, uint32_t world_size, uint64_t n)
{
    augsi_plan *plan = NULL;
    augs_error error;
    const augs_plan_options options = {
        .size = sizeof options, .world_size = world_size, .strategy_ops = ops};
    AUGS_ASSERT_OK(augsi_plan_open(&augsi_default_allocator, &options, 0, n, 1, &plan, &error),
                   error);
    return plan;
}

/* Walks to the end; the number of spans taken is written. */
static int walk_script(const augs_strategy_ops *ops, uint64_t n, uint64_t *ret_taken,
                       augs_error *error)
{
    augsi_plan *plan = NULL;
    const augs_plan_options options = {.size = sizeof options, .strategy_ops = ops};
    int status = augsi_plan_open(&augsi_default_allocator, &options, 0, n, 1, &plan, error);
    augsi_span_check check;
    augsi_span_check_init(&check);
    *ret_taken = 0;
    while (status >= 0) {
        augsi_slice slice;
        status = augsi_plan_is_fixed(plan)
                     ? augsi_plan_check_step(plan, *ret_taken, 0, &check, error)
                     : augsi_plan_slice(plan, *ret_taken, 0, &slice, error);
        if (status <= 0) {
            break;
        }
        ++*ret_taken;
    }
    augsi_plan_free(plan);
    return status;
}

#define SPANS(...)                                                                                 \
    .spans = (const augs_span[]){__VA_ARGS__},                                                     \
    .n_spans = sizeof((augs_span[]){__VA_ARGS__}) / sizeof(augs_span)

START_TEST(a_strategy_of_ones_own_may_mix_groups_and_combs)
{
    const script right[] = {
        {SPANS({0, 1, 10})},
        {SPANS({0, 1, 3}, {3, 1, 1}, {4, 1, 6})},
        {SPANS({0, 2, 5}, {1, 2, 5})},
        {SPANS({0, 3, 4}, {1, 3, 3}, {2, 3, 3})},
        {SPANS({0, 3, 4}, {1, 3, 3}, {2, 3, 3})},
        {SPANS({0, 1, 2}, {2, 3, 2}, {3, 3, 2}, {4, 3, 1}, {7, 1, 1}, {8, 2, 1}, {9, 2, 1})},
    };
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        uint64_t n_taken;
        augs_error error;
        the_script = right[i];
        AUGS_ASSERT_OK(walk_script(&script_fixed, 10, &n_taken, &error), error);
        ck_assert_uint_eq(n_taken, right[i].n_spans);
        AUGS_ASSERT_OK(walk_script(&script_deciding, 10, &n_taken, &error), error);
        ck_assert_uint_eq(n_taken, right[i].n_spans);
    }
}
END_TEST

START_TEST(a_wrong_strategy_is_an_error_and_never_wrong_data)
{
    const struct {
        script script;
        uint64_t n_good;
        const char *word;
    } wrong[] = {
        {{SPANS({0, 1, 0})}, 0, "empty"},
        {{SPANS({0, 0, 3})}, 0, "empty or leaves"},
        {{SPANS({0, 1, 11})}, 0, "leaves the 10"},
        {{SPANS({10, 1, 1})}, 0, "leaves"},
        {{SPANS({9, 2, UINT64_MAX})}, 0, "leaves"},
        {{SPANS({0, UINT64_MAX, 2})}, 0, "leaves"},
        {{SPANS({1, 1, 3})}, 0, "expected was first 0"},
        {{SPANS({0, 1, 4}, {5, 1, 5})}, 1, "expected was first 4"},        /* a gap */
        {{SPANS({0, 1, 4}, {3, 1, 7})}, 1, "expected was first 4"},        /* twice */
        {{SPANS({0, 1, 4}, {0, 1, 4})}, 1, "step 1"},                      /* again */
        {{SPANS({0, 1, 4}, {4, 1, 5})}, 2, "ends at step 2 with 9 of 10"}, /* too early */
        {{SPANS({0, 2, 5}, {0, 2, 5})},
         1,
         "first 1, stride 2, count 4 to 5"}, /* the same span again */
        {{SPANS({0, 3, 3}, {2, 3, 3}, {1, 3, 3})}, 1, "first 1, stride 3"}, /* order */
        {{SPANS({0, 3, 3}, {1, 3, 3}, {2, 2, 3})}, 2, "first 2, stride 3"}, /* stride */
        {{SPANS({0, 3, 3}, {1, 3, 2}, {2, 3, 3})}, 2, "count 2 to 2"},      /* rises again */
        {{SPANS({0, 3, 4}, {1, 3, 2}, {2, 3, 2})}, 1, "count 3 to 4"},      /* two less */
        {{SPANS({0, 2, 4}, {1, 2, 5})}, 1, "count 3 to 4"},                 /* one more */
        {{SPANS({0, 2, 5}, {1, 1, 5})}, 1, "first 1, stride 2"},            /* breaks off */
        {{SPANS({0, 3, 4}, {1, 3, 3})}, 2, "ends at step 2 with 7 of 10"},  /* half a round */
        {{SPANS({0, 1, 10}), .at_end = AUGS_E_MEMORY}, 1, "script' failed with AUGS_E_MEMORY"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        for (int fixed = 0; fixed < 2; fixed++) {
            uint64_t n_taken;
            augs_error error = {.message = ""};
            the_script = wrong[i].script;
            int expected = the_script.at_end != 0 ? the_script.at_end : AUGS_E_PLAN;
            int status =
                walk_script(fixed ? &script_fixed : &script_deciding, 10, &n_taken, &error);
            ck_assert_msg(status == expected && error.status == expected, "case %zu: %d %s", i,
                          status, error.message);
            ck_assert_msg(strstr(error.message, wrong[i].word) != NULL &&
                              strstr(error.message, "'script'") != NULL,
                          "case %zu: %s", i, error.message);
            if (!fixed) {
                ck_assert_uint_eq(n_taken, wrong[i].n_good);
            }
        }
    }
}
END_TEST

START_TEST(a_strategy_that_never_ends_is_caught)
{
    static augs_span spans[100];
    for (size_t i = 0; i < 100; i++) {
        spans[i] = (augs_span){0, 1, 1};
    }
    the_script = (script){.spans = spans, .n_spans = 100};
    uint64_t n_taken;
    augs_error error;
    AUGS_ASSERT_STATUS(AUGS_E_PLAN, walk_script(&script_fixed, 10, &n_taken, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "10 positions only"));
}
END_TEST

START_TEST(a_deciding_strategy_is_asked_in_order_and_its_last_answer_is_kept)
{
    the_script = (script){SPANS({0, 3, 4}, {1, 3, 3}, {2, 3, 3})};
    augsi_plan *plan = open_script(&script_deciding, 2, 10);
    augs_error error;
    augsi_slice slice;
    ck_assert(!augsi_plan_is_fixed(plan));
    ck_assert_uint_eq(augsi_plan_n_steps(plan), 0);
    AUGS_ASSERT_STATUS(AUGS_E_STATE, augsi_plan_slice(plan, 1, 0, &slice, &error), error);
    ck_assert_uint_eq(the_script.n_asked, 0);
    for (uint64_t step = 0; step < 3; step++) {
        ck_assert_int_eq(augsi_plan_slice(plan, step, 0, &slice, &error), 1);
        ck_assert_uint_eq(the_script.seen_position, step == 0 ? 0 : step == 1 ? 4 : 7);
        ck_assert_uint_eq(slice.body.first, step);
        ck_assert_uint_eq(slice.body.stride, 6);
        ck_assert_uint_eq(slice.body.count, 2);
        ck_assert_int_eq(slice.last, step == 2);
        /* the other rank's half, and the whole, are of the same answer */
        ck_assert_int_eq(augsi_plan_slice(plan, step, 1, &slice, &error), 1);
        ck_assert_uint_eq(slice.body.first, step + 3);
        ck_assert_uint_eq(slice.body.count, step == 0 ? 2 : 1);
        ck_assert_uint_eq(slice.pad_count, step != 0);
        ck_assert_int_eq(augsi_plan_slice(plan, step, AUGSI_ALL_RANKS, &slice, &error), 1);
        ck_assert_uint_eq(slice.body.first, step);
        ck_assert_uint_eq(slice.body.count, step == 0 ? 4 : 3);
        ck_assert_uint_eq(the_script.n_asked, step + 1);
    }
    ck_assert_int_eq(augsi_plan_slice(plan, 3, 0, &slice, &error), 0);
    AUGS_ASSERT_STATUS(AUGS_E_STATE, augsi_plan_slice(plan, 0, 0, &slice, &error), error);
    augsi_plan_set_epoch(plan, 0);
    ck_assert_int_eq(augsi_plan_slice(plan, 0, 0, &slice, &error), 1);
    ck_assert_uint_eq(the_script.seen_position, 0);
    augsi_plan_free(plan);
}
END_TEST

START_TEST(a_deciding_strategy_cannot_have_blocks)
{
    augsi_plan *plan = NULL;
    augs_error error;
    const augs_plan_options options = {.size = sizeof options,
                                       .world_size = 2,
                                       .rank_layout = AUGS_RANK_LAYOUT_BLOCK,
                                       .strategy_ops = &script_deciding};
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT,
                       augsi_plan_open(&augsi_default_allocator, &options, 0, 10, 1, &plan, &error),
                       error);
    ck_assert_ptr_nonnull(strstr(error.message, "'script'"));
}
END_TEST

AUGS_SUITE("strategies", a_strategy_of_ones_own_may_mix_groups_and_combs,
           a_wrong_strategy_is_an_error_and_never_wrong_data, a_strategy_that_never_ends_is_caught,
           a_deciding_strategy_is_asked_in_order_and_its_last_answer_is_kept,
           a_deciding_strategy_cannot_have_blocks)
