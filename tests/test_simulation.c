/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both ends of the protocol in a simulated world: whatever happens on the way, every rank takes
 * every step of its plan exactly once, in order, with the right bytes, and comes to the end once
 * the world is calm.
 *
 * AUGS_SIMULATION_SEED=n runs one world again, AUGS_SIMULATION_SEEDS=n that many from seed 0 on.
 */
#include "sim_course.h"

/* ---- a world from a seed ---- */

static unsigned maybe(sim_world *world, unsigned most)
{
    return sim_chance(world, 500) ? 0 : 1 + (unsigned)sim_below(world, most);
}

static sim_faults some_faults(sim_world *world)
{
    return (sim_faults){.drop = maybe(world, 60),
                        .repeat = maybe(world, 60),
                        .late = maybe(world, 30),
                        .corrupt = maybe(world, 60),
                        .full = maybe(world, 30),
                        .unsent = maybe(world, 50),
                        .untaken = maybe(world, 50),
                        .no_connect = maybe(world, 200),
                        .no_space = maybe(world, 200),
                        .unmade = maybe(world, 30),
                        .slow = maybe(world, 50),
                        .crash_server = maybe(world, 60),
                        .crash_rank = maybe(world, 60),
                        .leave_rank = maybe(world, 10),
                        .cut = maybe(world, 60),
                        .stall = maybe(world, 60),
                        .jump = maybe(world, 20)};
}

static void some_plan(sim_world *world, sim_config *config)
{
    config->n_ranks = 1 + (uint32_t)sim_below(world, SIM_MOST_RANKS);
    config->n_samples = 1 + sim_below(world, sim_chance(world, 100) ? 20 : 400);
    config->n_epochs = 1 + (uint32_t)sim_below(world, 3);
    config->order = (uint32_t)sim_below(world, 2);
    config->tail = (uint32_t)sim_below(world, 3);
    config->rank_layout = sim_chance(world, 300);
    config->strategy = (augs_strategy_options){.size = sizeof config->strategy};
    if (sim_chance(world, 250)) {
        config->rank_layout = AUGS_RANK_LAYOUT_INTERLEAVED;
        config->strategy_name = "round_robin";
        config->strategy.batches = 1 + sim_below(world, 20);
    } else {
        config->strategy_name = "sequential";
        config->strategy.batch_size = 1 + sim_below(world, 24);
        config->strategy.last_batch = (uint32_t)sim_below(world, 4);
    }
    if (sim_chance(world, 300)) {
        config->token_world_size = 1 + (uint32_t)sim_below(world, 5);
        config->token_batch_size = 1 + sim_below(world, 24);
        config->token_epoch = (uint32_t)sim_below(world, config->n_epochs);
        config->token_step = sim_below(
            world, 1 + config->n_samples / (config->token_world_size * config->token_batch_size));
    }
    if (config->tail == AUGS_TAIL_DROP || config->strategy.last_batch == AUGS_LAST_BATCH_DROP) {
        /* a plan that delivers nothing is not served */
        config->n_samples +=
            config->n_ranks * (config->strategy.batch_size + config->strategy.batches);
    }
}

static sim_config some_config(sim_world *world, uint64_t seed, bool quiet)
{
    static const uint64_t waits[] = {2 * SIM_MS, 200 * SIM_MS, 4 * SIM_S};
    sim_config config = {.seed = seed, .quiet = quiet};
    some_plan(world, &config);
    config.n_servers = quiet ? 1 : 1 + (uint32_t)sim_below(world, SIM_MOST_SERVERS);
    config.n_unknown_peers = (uint32_t)sim_below(world, SIM_MOST_UNKNOWN_PEERS + 1);
    config.strange_server = !quiet && sim_chance(world, 300);
    for (uint32_t i = 0; i < config.n_ranks; i++) {
        config.window[i] = 1 + (uint32_t)sim_below(world, 16);
        config.work_ns[i] = waits[sim_below(world, 3)];
        config.poll_ns[i] = sim_chance(world, 300) ? 1 + sim_below(world, 3 * SIM_S) : 0;
    }
    config.make_ns = waits[sim_below(world, 3)];
    config.latency_ns = sim_chance(world, 500) ? SIM_MS : 100 * SIM_MS;
    config.max_peers = !quiet && sim_chance(world, 200) ? 12 : 1000;
    config.n_fillers = 1 + (uint32_t)sim_below(world, 32);
    config.max_bytes = sim_chance(world, 300) ? 1 + sim_below(world, 4000) : 1u << 28;
    config.calm_at = quiet ? 0 : SIM_S + sim_below(world, 60 * SIM_S);
    if (!quiet) {
        config.faults = some_faults(world);
    }
    return config;
}

static void open_world(sim_world *world, uint64_t seed, bool quiet)
{
    *world = (sim_world){.random = seed * 0x9e3779b97f4a7c15u + 1};
    const sim_config config = some_config(world, seed, quiet);
    sim_open(world, &config);
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void add_counts(sim_counts *sum, const sim_counts *more)
{
    uint64_t *to = (uint64_t *)sum;
    const uint64_t *from = (const uint64_t *)more;
    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++) {
        to[i] += from[i];
    }
}

/* ---- what always holds ---- */

START_TEST(whatever_happens_every_rank_takes_every_step_exactly_once)
{
    sim_world world;
    sim_counts sum = {.n_events = 0};
    const uint64_t first = number_of("AUGS_SIMULATION_SEED", 0);
    const uint64_t n = getenv("AUGS_SIMULATION_SEED") != NULL
                           ? 1
                           : number_of("AUGS_SIMULATION_SEEDS", (uint64_t)rounds(1000, 8));
    for (uint64_t seed = first; seed < first + n; seed++) {
        open_world(&world, seed, false);
        sim_run(&world);
        sim_close(&world);
        add_counts(&sum, &world.counts);
    }
    if (n >= 300) { /* all of it did happen */
        ck_assert_uint_gt(sum.n_dropped, 100);
        ck_assert_uint_gt(sum.n_repeated, 100);
        ck_assert_uint_gt(sum.n_stale, 10);
        ck_assert_uint_gt(sum.n_corrupted, 100);
        ck_assert_uint_gt(sum.n_full, 100);
        ck_assert_uint_gt(sum.n_unmade, 100);
        ck_assert_uint_gt(sum.n_busy, 10);
        ck_assert_uint_gt(sum.n_pongs, 10);
        ck_assert_uint_gt(sum.n_server_crashes, 100);
        ck_assert_uint_gt(sum.n_rank_crashes, 100);
        ck_assert_uint_gt(sum.n_bookmarks, 10);
        ck_assert_uint_gt(sum.n_survived, 10);
        ck_assert_uint_gt(sum.n_cuts, 100);
        ck_assert_uint_gt(sum.n_stalls, 100);
        ck_assert_uint_gt(sum.n_jumps, 100);
        ck_assert_uint_gt(sum.n_duplicates, 100);
        ck_assert_uint_gt(sum.n_rejected, 100);
        ck_assert_uint_gt(sum.n_errors, 100);
        ck_assert_uint_gt(sum.n_strange, 100);
        ck_assert_uint_gt(sum.n_untaken, 100);
    }
}
END_TEST

START_TEST(where_nothing_goes_wrong_nothing_is_done_twice)
{
    sim_world world;
    for (uint64_t seed = 0; seed < (uint64_t)rounds(200, 8); seed++) {
        uint64_t n_steps = 0, n_ends = 0;
        augs_server_stats stats = {.size = sizeof stats};
        open_world(&world, seed, true);
        sim_run(&world);
        for (uint32_t i = 0; i < world.config.n_ranks; i++) {
            n_steps += world.ranks[i].n_steps;
            n_ends += world.ranks[i].n_ends;
        }
        const sim_counts *counts = &world.counts;
        SIM_CHECK(&world, counts->n_connects == world.config.n_ranks, "%llu connections",
                  (unsigned long long)counts->n_connects);
        SIM_CHECK(&world, counts->n_duplicates == 0 && counts->n_rejected == 0, "duplicates");
        SIM_CHECK(&world, counts->n_eos == n_ends, "%llu of %llu ends of epochs",
                  (unsigned long long)counts->n_eos, (unsigned long long)n_ends);
        SIM_CHECK(&world, counts->n_taken == n_steps, "%llu of %llu steps",
                  (unsigned long long)counts->n_taken, (unsigned long long)n_steps);
        sim_close(&world);
    }
}
END_TEST

START_TEST(a_seed_is_the_whole_story)
{
    for (uint64_t seed = 0; seed < (uint64_t)rounds(20, 2); seed++) {
        uint64_t digests[2];
        for (size_t i = 0; i < 2; i++) {
            sim_world world;
            open_world(&world, seed, false);
            sim_run(&world);
            sim_close(&world);
            digests[i] = world.digest;
        }
        ck_assert_uint_eq(digests[0], digests[1]);
    }
}
END_TEST

/* One server, one rank, nine samples in steps of four. */
static sim_config small_config(void)
{
    return (sim_config){.quiet = true,
                        .n_ranks = 1,
                        .n_servers = 1,
                        .n_samples = 9,
                        .n_epochs = 1,
                        .strategy_name = "sequential",
                        .strategy = {.size = sizeof(augs_strategy_options), .batch_size = 4},
                        .window = {8},
                        .make_ns = SIM_MS,
                        .latency_ns = SIM_MS,
                        .max_peers = 100,
                        .n_fillers = 4,
                        .max_bytes = 1 << 20};
}

static uint64_t stuck(const sim_world *world)
{
    const sim_rank *rank = &world->ranks[0];
    return augsi_subscriber_core_stuck_ns(rank->core, sim_clock(world, rank->clock));
}

static void run_until(sim_world *world, uint64_t at)
{
    while (world->now < at) {
        ck_assert(sim_run_event(world));
    }
}

START_TEST(errors_that_may_pass_are_no_progress)
{
    sim_world world = {.random = 1};
    sim_config config = small_config();
    config.quiet = false;
    config.faults.unmade = 1000;
    config.calm_at = 300 * SIM_S;
    sim_open(&world, &config);
    run_until(&world, config.calm_at);
    ck_assert_uint_eq(world.counts.n_taken, 0);
    ck_assert_uint_gt(world.counts.n_errors, 50); /* each after a WELCOME */
    ck_assert_uint_ge(stuck(&world), 290 * SIM_S);
    sim_run(&world);
    sim_close(&world);
}
END_TEST

START_TEST(a_server_that_needs_a_minute_for_a_batch_is_waited_for)
{
    sim_world world = {.random = 2};
    sim_config config = small_config();
    config.make_ns = 120 * SIM_S;
    sim_open(&world, &config);
    while (world.counts.n_pongs < 5) {
        ck_assert(sim_run_event(&world));
    }
    world.ranks[0].clock -= SIM_DAY; /* PINGs go on */
    sim_run(&world);
    ck_assert_uint_eq(world.counts.n_connects, 1);
    ck_assert_uint_gt(world.counts.n_pongs, 10);
    sim_close(&world);
}
END_TEST

START_TEST(answers_without_a_batch_are_no_progress)
{
    sim_world world = {.random = 3};
    sim_config config = small_config();
    config.make_ns = 1000 * SIM_S;
    sim_open(&world, &config);
    while (world.counts.n_pongs < 5) {
        ck_assert(sim_run_event(&world));
    }
    const uint64_t before = stuck(&world);
    ck_assert_uint_ge(before, world.now - 2 * SIM_S);
    while (world.counts.n_taken == 0) {
        ck_assert_uint_ge(stuck(&world), before);
        ck_assert(sim_run_event(&world));
    }
    ck_assert_uint_lt(stuck(&world), SIM_S);
    sim_close(&world);
}
END_TEST

/* Calls that end long before the progress timer do not begin it anew. */
START_TEST(a_caller_that_polls_comes_to_another_endpoint)
{
    sim_world world = {.random = 4};
    sim_config config = small_config();
    config.n_servers = 2;
    config.poll_ns[0] = 10 * SIM_MS;
    config.silent = true;
    sim_open(&world, &config);
    sim_server_crash(&world.servers[0]);
    sim_run(&world);
    sim_close(&world);
}
END_TEST

START_TEST(a_server_far_away_is_reached)
{
    sim_world world = {.random = 6};
    sim_config config = small_config();
    config.distance_ns = 4 * SIM_S;
    sim_open(&world, &config);
    sim_run(&world);
    sim_close(&world);
}
END_TEST

START_TEST(a_server_whose_clock_is_set_back_forgets_the_dead)
{
    sim_world world = {.random = 7};
    sim_config config = small_config();
    config.max_peers = 1;
    sim_open(&world, &config);
    while (world.counts.n_taken == 0) {
        ck_assert(sim_run_event(&world));
    }
    sim_rank_crash(&world.ranks[0], false); /* the server does not know, and has no more space */
    run_until(&world, world.now + 10 * SIM_MS);
    world.servers[0].clock -= SIM_DAY;
    sim_run(&world);
    sim_close(&world);
}
END_TEST

START_TEST(a_rank_whose_clock_is_set_back_connects_all_the_same)
{
    sim_world world = {.random = 8};
    sim_config config = small_config();
    config.window[0] = 1;
    sim_open(&world, &config);
    sim_rank *rank = &world.ranks[0];
    while (world.counts.n_taken == 0) {
        ck_assert(sim_run_event(&world));
    }
    sim_server_crash(&world.servers[0]);
    while (rank->state != SIM_WAITING || rank->connection != SIM_NONE) {
        ck_assert(sim_run_event(&world) && world.now < 1000 * SIM_S);
    }
    rank->clock -= SIM_DAY; /* while it waits to connect anew */
    sim_run(&world);
    sim_close(&world);
}
END_TEST

/* As many steps as before, but others. */
START_TEST(a_job_that_changed_behind_a_lost_connection_is_refused)
{
    augs_error error;
    sim_world world = {.random = 5};
    sim_config config = small_config();
    config.window[0] = 1;
    config.may_fail = true;
    sim_open(&world, &config);
    while (world.counts.n_taken == 0) {
        ck_assert(sim_run_event(&world));
    }
    world.config.strategy.multiple_of = 3;
    sim_server_crash(&world.servers[0]);
    sim_rank *rank = &world.ranks[0];
    while (augsi_subscriber_core_failure(rank->core, &error) == AUGS_OK) {
        ck_assert(sim_run_event(&world));
    }
    ck_assert_int_eq(augsi_subscriber_core_failure(rank->core, &error), AUGS_E_MISMATCH);
    ck_assert_ptr_nonnull(strstr(error.message, "another plan"));
    sim_close(&world);
}
END_TEST

AUGS_SUITE("simulation", whatever_happens_every_rank_takes_every_step_exactly_once,
           where_nothing_goes_wrong_nothing_is_done_twice, a_seed_is_the_whole_story,
           errors_that_may_pass_are_no_progress,
           a_server_that_needs_a_minute_for_a_batch_is_waited_for,
           answers_without_a_batch_are_no_progress, a_server_far_away_is_reached,
           a_server_whose_clock_is_set_back_forgets_the_dead,
           a_rank_whose_clock_is_set_back_connects_all_the_same,
           a_caller_that_polls_comes_to_another_endpoint,
           a_job_that_changed_behind_a_lost_connection_is_refused)
