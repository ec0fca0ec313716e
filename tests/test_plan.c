/* SPDX-License-Identifier: Apache-2.0 */
/* The plan against a model that deals out lists of positions the slow way. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "pipeline/plan/plan.h"
#include "stream_fixture.h"

#define MOST_SAMPLES 200u
#define MOST_RANKS 9u

typedef struct element {
    uint64_t position; /* in the window */
    bool padding;
} element;

typedef struct element_list {
    uint32_t n;
    element at[MOST_SAMPLES + MOST_RANKS];
} element_list;

typedef struct model {
    uint32_t n_steps;
    element_list spans[MOST_SAMPLES + 1];
} model;

typedef struct plan_case {
    augs_strategy_options strategy;
    augs_plan_options plan;
    uint64_t first_position, n_samples;
} plan_case;

static void add(element_list *list, element one)
{
    ck_assert_uint_lt(list->n, sizeof list->at / sizeof *list->at);
    list->at[list->n++] = one;
}

static element_list *add_span(model *m)
{
    ck_assert_uint_lt(m->n_steps, sizeof m->spans / sizeof *m->spans);
    element_list *span = &m->spans[m->n_steps++];
    span->n = 0;
    return span;
}

static void model_sequential(const augs_strategy_options *o, const element_list *all, uint64_t w,
                             model *m)
{
    uint64_t size = (o->batch_size != 0 ? o->batch_size : 32) * w;
    for (uint64_t first = 0; first < all->n; first += size) {
        if (first + size > all->n && o->last_batch != 0) {
            return;
        }
        element_list *span = add_span(m);
        for (uint64_t i = first; i < first + size && i < all->n; i++) {
            add(span, all->at[i]);
        }
    }
}

static void model_round_robin(const augs_strategy_options *o, const element_list *all, model *m)
{
    uint64_t window = o->deal_window != 0 ? o->deal_window : all->n;
    for (uint64_t base = 0; base < all->n; base += window) {
        uint64_t length = all->n - base < window ? all->n - base : window;
        uint64_t used = length;
        if (o->last_batch != 0) {
            used = length < window ? 0 : length - length % o->batches;
        }
        for (uint64_t b = 0; b < o->batches && b < used; b++) {
            element_list *span = add_span(m);
            for (uint64_t i = b; i < used; i += o->batches) {
                add(span, all->at[base + i]);
            }
        }
    }
}

static void model_spans(const plan_case *c, const element_list *all, uint64_t w, model *m)
{
    m->n_steps = 0;
    if (strcmp(c->plan.strategy, "sequential") == 0) {
        model_sequential(&c->strategy, all, w, m);
    } else {
        model_round_robin(&c->strategy, all, m);
    }
}

/* What a rank has at each step. */
static void model_interleaved(const plan_case *c, uint32_t rank, model *m)
{
    static element_list all;
    const uint64_t w = c->plan.world_size;
    uint32_t n_steps = 0;
    all.n = 0;
    for (uint64_t i = 0; i < c->n_samples; i++) {
        add(&all, (element){i, false});
    }
    model_spans(c, &all, w, m);
    for (uint32_t s = 0; s < m->n_steps; s++) {
        element_list *span = &m->spans[s], mine = {.n = 0};
        for (uint64_t j = 0; c->plan.tail == AUGS_TAIL_PAD && span->n % w != 0; j++) {
            add(span, (element){j % c->n_samples, true});
        }
        if (c->plan.tail == AUGS_TAIL_DROP) {
            span->n -= (uint32_t)(span->n % w);
        }
        n_steps = span->n > 0 ? s + 1 : n_steps;
        for (uint64_t e = rank; e < span->n; e += w) {
            add(&mine, span->at[e]);
        }
        *span = mine;
    }
    m->n_steps = n_steps;
}

static uint64_t block_of(const plan_case *c, uint32_t rank, element_list *ret_block)
{
    const uint64_t w = c->plan.world_size;
    uint64_t start = 0, length = 0, longest = (c->n_samples + w - 1) / w;
    for (uint32_t r = 0; r <= rank; r++) {
        start += length;
        length = c->n_samples / w + (r < c->n_samples % w);
    }
    ret_block->n = 0;
    for (uint64_t i = 0; i < length; i++) {
        add(ret_block, (element){start + i, false});
    }
    while (c->plan.tail == AUGS_TAIL_PAD && ret_block->n < longest) {
        add(ret_block, (element){0, true});
    }
    if (c->plan.tail == AUGS_TAIL_DROP) {
        ret_block->n = (uint32_t)(c->n_samples / w);
    }
    return ret_block->n;
}

static void model_block(const plan_case *c, uint32_t rank, model *m)
{
    static element_list block;
    block_of(c, 0, &block);
    model_spans(c, &block, 1, m);
    const uint32_t n_steps = m->n_steps;
    block_of(c, rank, &block);
    model_spans(c, &block, 1, m);
    while (m->n_steps < n_steps) { /* a shorter block ends before the others */
        add_span(m);
    }
}

static void model_rank(const plan_case *c, uint32_t rank, model *m)
{
    if (c->plan.rank_layout == AUGS_RANK_LAYOUT_BLOCK) {
        model_block(c, rank, m);
    } else {
        model_interleaved(c, rank, m);
    }
}

static int open_plan(const plan_case *c, augsi_plan **ret_plan, augs_error *error)
{
    augs_plan_options options = c->plan;
    options.strategy_options = &c->strategy;
    return augsi_plan_open(&augsi_default_allocator, &options, c->first_position, c->n_samples, 44,
                           ret_plan, error);
}

static void expect_slice(const plan_case *c, augsi_plan *plan, const model *m, uint32_t rank,
                         uint64_t step)
{
    augsi_slice slice;
    augs_error error;
    AUGS_ASSERT_STATUS(1, augsi_plan_slice(plan, step, rank, &slice, &error), error);
    const element_list *mine = &m->spans[step];
    ck_assert_uint_eq(slice.body.count + slice.pad_count, mine->n);
    for (uint64_t k = 0; k < mine->n; k++) {
        bool padding = k >= slice.body.count;
        uint64_t position = padding ? augsi_slice_padding(&slice, k - slice.body.count).first
                                    : slice.body.first + slice.body.stride * k;
        ck_assert_int_eq(padding, mine->at[k].padding);
        ck_assert_uint_eq(position, c->first_position + mine->at[k].position);
    }
    bool last = true;
    for (uint64_t s = step + 1; s < m->n_steps; s++) {
        last = last && m->spans[s].n == 0;
    }
    ck_assert_int_eq(slice.last, last);
}

/* What holds whatever the model says. */
static void expect_properties(const plan_case *c, augsi_plan *plan)
{
    uint8_t seen[MOST_SAMPLES + 1] = {0};
    uint64_t n_seen = 0;
    const uint64_t n_steps = augsi_plan_n_steps(plan);
    const bool equal = c->plan.tail != AUGS_TAIL_UNEVEN;
    for (uint64_t step = 0; step < n_steps; step++) {
        uint64_t of_first_rank = 0;
        for (uint32_t rank = 0; rank < c->plan.world_size; rank++) {
            augsi_slice slice;
            ck_assert_int_eq(augsi_plan_slice(plan, step, rank, &slice, NULL), 1);
            for (uint64_t k = 0; k < slice.body.count; k++) {
                uint64_t i = slice.body.first + slice.body.stride * k - c->first_position;
                ck_assert_uint_lt(i, c->n_samples);
                ck_assert_uint_eq(seen[i]++, 0);
            }
            n_seen += slice.body.count;
            uint64_t n = slice.body.count + slice.pad_count;
            of_first_rank = rank == 0 ? n : of_first_rank;
            ck_assert(!equal || n == of_first_rank);
            ck_assert(equal || n <= of_first_rank + 1);
            ck_assert(c->strategy.max_batch_size == 0 || n <= c->strategy.max_batch_size);
        }
    }
    if (c->plan.tail != AUGS_TAIL_DROP && c->strategy.last_batch == 0) {
        ck_assert_uint_eq(n_seen, c->n_samples);
    }
}

static void check_case(const plan_case *c, augsi_plan *plan, uint64_t *random)
{
    static model m;
    for (uint32_t rank = 0; rank < c->plan.world_size; rank++) {
        augsi_slice slice;
        model_rank(c, rank, &m);
        ck_assert_uint_eq(augsi_plan_n_steps(plan), m.n_steps);
        for (uint32_t i = 0; i < m.n_steps; i++) {
            expect_slice(c, plan, &m, rank, next_random(random) % m.n_steps);
            expect_slice(c, plan, &m, rank, i);
        }
        ck_assert_int_eq(augsi_plan_slice(plan, m.n_steps, rank, &slice, NULL), 0);
        ck_assert_int_eq(augsi_plan_slice(plan, m.n_steps + 100, rank, &slice, NULL), 0);
        augsi_span_check check;
        augsi_span_check_init(&check);
        augs_error error;
        int status = 1;
        for (uint64_t step = 0; status > 0; step++) {
            status = augsi_plan_check_step(plan, step, rank, &check, &error);
        }
        AUGS_ASSERT_OK(status, error);
    }
    expect_properties(c, plan);
}

static void expect_nothing(const plan_case *c)
{
    static model m;
    ck_assert_uint_gt(c->n_samples, 0);
    for (uint32_t rank = 0; rank < c->plan.world_size; rank++) {
        model_rank(c, rank, &m);
        for (uint32_t i = 0; i < m.n_steps; i++) {
            ck_assert_uint_eq(m.spans[i].n, 0);
        }
    }
}

static plan_case random_case(uint64_t *random)
{
    plan_case c = {.first_position = next_random(random) % 3 == 0 ? 0 : next_random(random) % 1000};
    static const uint64_t sizes[] = {4, 12, 40, MOST_SAMPLES};
    c.n_samples = next_random(random) % (sizes[next_random(random) % 4] + 1);
    c.strategy.size = sizeof c.strategy;
    c.strategy.last_batch = next_random(random) % 3 == 0;
    c.plan = (augs_plan_options){.size = sizeof c.plan,
                                 .world_size = 1 + (uint32_t)(next_random(random) % MOST_RANKS),
                                 .rank_layout = next_random(random) % 3 == 0,
                                 .tail = (uint32_t)(next_random(random) % 3)};
    if (next_random(random) % 2 == 0) {
        c.plan.strategy = "sequential";
        c.strategy.batch_size = next_random(random) % 20; /* 0: 32 */
        return c;
    }
    c.plan.strategy = "round_robin";
    c.strategy.batches = 1 + next_random(random) % (next_random(random) % 2 == 0 ? 6 : 60);
    if (next_random(random) % 2 == 0) {
        c.strategy.deal_window = c.strategy.batches * (1 + next_random(random) % 5);
        c.strategy.deal_window += c.strategy.last_batch != 0 ? 0 : next_random(random) % 7;
    }
    if (next_random(random) % 8 == 0) {
        c.strategy.min_batch_size = next_random(random) % 4;
        c.strategy.max_batch_size = 2 + c.strategy.min_batch_size + next_random(random) % 20;
    }
    return c;
}

START_TEST(any_plan_deals_every_position_to_one_rank_once)
{
    const uint64_t seed = 20260611;
    uint64_t random = seed;
    int n_refused = 0, n_cases = rounds(5000, 300);
    for (int i = 0; i < n_cases; i++) {
        const uint64_t state = random;
        plan_case c = random_case(&random);
        augsi_plan *plan = NULL;
        augs_error error;
        int status = open_plan(&c, &plan, &error);
        if (status == AUGS_E_ARGUMENT &&
            (c.strategy.min_batch_size | c.strategy.max_batch_size) != 0) {
            n_refused++;
            continue;
        }
        if (status == AUGS_E_ARGUMENT && strstr(error.message, "nothing would be") != NULL) {
            expect_nothing(&c);
            continue;
        }
        ck_assert_msg(status == 0, "case %d (state %" PRIu64 "): %s", i, state, error.message);
        check_case(&c, plan, &random);
        augsi_plan_free(plan);
    }
    ck_assert_int_gt(n_refused, 0);
    ck_assert_int_lt(n_refused, n_cases / 10);
}
END_TEST

/* Padding starts anew at the window's first positions at every span that W does not divide. */
START_TEST(padding_is_the_first_positions_of_the_window)
{
    plan_case c = {.strategy = {.size = sizeof c.strategy, .batch_size = 2},
                   .plan = {.size = sizeof c.plan, .world_size = 4},
                   .first_position = 100,
                   .n_samples = 10};
    augsi_plan *plan;
    augs_error error;
    augsi_slice slice;
    AUGS_ASSERT_OK(open_plan(&c, &plan, &error), error);
    for (uint32_t rank = 0; rank < 4; rank++) {
        ck_assert_int_eq(augsi_plan_slice(plan, 1, rank, &slice, &error), 1);
        ck_assert_uint_eq(slice.body.count, rank < 2);
        ck_assert_uint_eq(slice.pad_count, rank >= 2);
        ck_assert_uint_eq(slice.pad_first, rank < 2 ? 0 : 100 + rank - 2);
    }
    augsi_plan_free(plan);
    c.n_samples = 1; /* fewer positions than padding */
    AUGS_ASSERT_OK(open_plan(&c, &plan, &error), error);
    for (uint32_t rank = 1; rank < 4; rank++) {
        ck_assert_int_eq(augsi_plan_slice(plan, 0, rank, &slice, &error), 1);
        ck_assert_uint_eq(slice.body.count, 0);
        ck_assert_uint_eq(slice.pad_first, 100);
    }
    augsi_plan_free(plan);
}
END_TEST

START_TEST(plans_of_any_size_answer_at_once)
{
    plan_case c = {.strategy = {.size = sizeof c.strategy, .batch_size = 3},
                   .plan = {.size = sizeof c.plan, .world_size = 5},
                   .n_samples = AUGS_MAX_SAMPLES};
    augsi_plan *plan;
    augs_error error;
    augsi_slice slice;
    AUGS_ASSERT_OK(open_plan(&c, &plan, &error), error);
    const uint64_t n_steps = (AUGS_MAX_SAMPLES + 14) / 15;
    ck_assert_uint_eq(augsi_plan_n_steps(plan), n_steps);
    ck_assert_int_eq(augsi_plan_slice(plan, n_steps - 2, 4, &slice, &error), 1);
    ck_assert_uint_eq(slice.body.first, 15 * (n_steps - 2) + 4);
    ck_assert(!slice.last);
    augsi_plan_free(plan);

    /* 10^9 batches a window of 10^12 and a bit: ranks from 1000 on have only some of its first */
    c.plan.strategy = "round_robin";
    c.plan.tail = AUGS_TAIL_UNEVEN;
    c.plan.world_size = 1500;
    c.strategy = (augs_strategy_options){
        .size = sizeof c.strategy, .batches = 1000000000, .deal_window = 1000000000005};
    c.n_samples = 4 * c.strategy.deal_window + 77;
    AUGS_ASSERT_OK(open_plan(&c, &plan, &error), error);
    ck_assert_uint_eq(augsi_plan_n_steps(plan), 4 * c.strategy.batches + 77);
    for (uint64_t step = 0; step < 6; step++) {
        ck_assert_int_eq(
            augsi_plan_slice(plan, 3 * c.strategy.batches + step, 1000, &slice, &error), 1);
        ck_assert_uint_eq(slice.body.count, step < 5);
        ck_assert_int_eq(slice.last, step >= 4);
    }
    ck_assert_int_eq(augsi_plan_slice(plan, 4 * c.strategy.batches - 1, 0, &slice, &error), 1);
    ck_assert(!slice.last);
    augsi_plan_free(plan);

    c.plan.tail = AUGS_TAIL_DROP; /* no span is long enough for all ranks */
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, open_plan(&c, &plan, &error), error);
    c.plan.world_size = 1001;
    AUGS_ASSERT_OK(open_plan(&c, &plan, &error), error);
    ck_assert_uint_eq(augsi_plan_n_steps(plan), 3 * c.strategy.batches + 5);
    augsi_plan_free(plan);
}
END_TEST

START_TEST(endless_plans_end_where_positions_do)
{
    plan_case c = {.strategy = {.size = sizeof c.strategy, .batch_size = 1},
                   .plan = {.size = sizeof c.plan},
                   .first_position = 5,
                   .n_samples = AUGS_ENDLESS};
    augsi_plan *plan;
    augs_error error;
    augsi_slice slice = {.pad_count = 77};
    AUGS_ASSERT_OK(open_plan(&c, &plan, &error), error);
    ck_assert_uint_eq(augsi_plan_n_steps(plan), UINT64_MAX);
    ck_assert_int_eq(augsi_plan_slice(plan, AUGS_MAX_SAMPLES - 6, 0, &slice, &error), 1);
    ck_assert_uint_eq(slice.body.first, AUGS_MAX_SAMPLES - 1);
    slice.pad_count = 77;
    for (uint64_t step = AUGS_MAX_SAMPLES - 5; step != 0; step <<= 1) {
        AUGS_ASSERT_STATUS(AUGS_E_RANGE, augsi_plan_slice(plan, step, 0, &slice, &error), error);
    }
    AUGS_ASSERT_STATUS(AUGS_E_RANGE, augsi_plan_slice(plan, UINT64_MAX - 3, 0, &slice, &error),
                       error); /* 5 + it is 1 */
    ck_assert_uint_eq(slice.pad_count, 77);
    augsi_plan_free(plan);
}
END_TEST

START_TEST(options_are_checked_when_a_plan_is_opened)
{
    augsi_plan *plan = NULL;
    augs_error error;
    const augs_strategy_options old = {.size = 8};
    const augs_strategy_options small = {.size = sizeof small, .batches = 3, .min_batch_size = 4};
    const augs_strategy_ops incomplete = {.size = sizeof incomplete, .name = "none"};
    static const augs_plan_options zero = {.size = 0};
    const struct {
        augs_plan_options options;
        uint64_t first_position, n_samples;
        int status;
        const char *word;
    } cases[] = {
        {{.size = 4}, 0, 10, AUGS_E_ARGUMENT, "sizeof(augs_plan_options)"},
        {{.strategy = "round_robin"}, 0, 10, AUGS_E_ARGUMENT, "size 0"},
        {{.size = sizeof zero, .rank_layout = 2}, 0, 10, AUGS_E_ARGUMENT, "rank_layout 2"},
        {{.size = sizeof zero, .tail = 3}, 0, 10, AUGS_E_ARGUMENT, "tail 3"},
        {{.size = sizeof zero, .strategy = "x"}, 0, 10, AUGS_E_NOT_FOUND, "sequential"},
        {{.size = sizeof zero, .strategy_options = &old}, 0, 10, AUGS_E_ARGUMENT, "size 8"},
        {{.size = sizeof zero, .strategy_ops = &incomplete}, 0, 10, AUGS_E_ARGUMENT, "init"},
        {{.size = sizeof zero, .rank_layout = 1}, 0, AUGS_ENDLESS, AUGS_E_ARGUMENT, "endless"},
        {{.size = sizeof zero}, AUGS_MAX_SAMPLES + 1, 0, AUGS_E_RANGE, "2^56"},
        {{.size = sizeof zero}, 2, AUGS_MAX_SAMPLES - 1, AUGS_E_RANGE, "2^56"},
        /* blocks of 12 and 11: the second rank's are too small */
        {{.size = sizeof zero,
          .world_size = 2,
          .rank_layout = 1,
          .tail = AUGS_TAIL_UNEVEN,
          .strategy = "round_robin",
          .strategy_options = &small},
         0,
         23,
         AUGS_E_ARGUMENT,
         "min_batch_size 4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        AUGS_ASSERT_STATUS(cases[i].status,
                           augsi_plan_open(&augsi_default_allocator, &cases[i].options,
                                           cases[i].first_position, cases[i].n_samples, 1, &plan,
                                           &error),
                           error);
        ck_assert_ptr_null(plan);
        ck_assert_msg(strstr(error.message, cases[i].word) != NULL, "case %zu: %s", i,
                      error.message);
    }
    const augs_plan_options *none[] = {NULL, &(augs_plan_options){.size = sizeof zero}};
    for (int i = 0; i < 2; i++) {
        AUGS_ASSERT_OK(augsi_plan_open(&augsi_default_allocator, none[i], 0, 64, 1, &plan, &error),
                       error);
        ck_assert_uint_eq(augsi_plan_n_steps(plan), 2);
        ck_assert_str_eq(augsi_plan_options_of(plan)->strategy, "sequential");
        ck_assert_uint_eq(augsi_plan_options_of(plan)->world_size, 1);
        augsi_plan_free(plan);
    }
}
END_TEST

START_TEST(a_plan_without_memory_is_not_opened)
{
    counting_memory memory = {.left = 0};
    const augs_allocator allocator = {.size = sizeof allocator,
                                      .allocate = counting_allocate,
                                      .release = counting_release,
                                      .user = &memory};
    augs_error error;
    for (uint64_t n = 0; n < 3; n++) {
        augsi_plan *plan = NULL;
        memory = (counting_memory){.left = n};
        int status = augsi_plan_open(&allocator, NULL, 0, 100, 1, &plan, &error);
        ck_assert_int_eq(status, n < 2 ? AUGS_E_NO_MEMORY : AUGS_OK);
        ck_assert_int_eq(plan == NULL, n < 2);
        augsi_plan_free(plan);
        ck_assert_uint_eq(memory.n_held, 0);
    }
}
END_TEST

AUGS_SUITE("plan", any_plan_deals_every_position_to_one_rank_once,
           padding_is_the_first_positions_of_the_window, plans_of_any_size_answer_at_once,
           endless_plans_end_where_positions_do, options_are_checked_when_a_plan_is_opened,
           a_plan_without_memory_is_not_opened)
