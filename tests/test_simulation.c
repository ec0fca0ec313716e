/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both ends of the protocol in a simulated world: whatever happens on the way, every rank takes
 * every step of its plan exactly once, in order, with the right bytes, and comes to the end once
 * the world is calm.
 *
 * AUGS_SIMULATION_SEED=n runs one world again, AUGS_SIMULATION_SEEDS=n that many from seed 0 on.
 */
#include <augstream/pipeline.h>

#include "sim_actors.h"

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
                        .no_room = maybe(world, 200),
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
    config->shard = sim_chance(world, 300);
    config->strategy = (augs_strategy_options){.size = sizeof config->strategy};
    if (sim_chance(world, 250)) {
        config->shard = AUGS_SHARD_INTERLEAVED;
        config->strategy_name = "round_robin";
        config->strategy.batches = 1 + sim_below(world, 20);
    } else {
        config->strategy_name = "sequential";
        config->strategy.batch_size = 1 + sim_below(world, 24);
        config->strategy.drop_last = sim_chance(world, 300);
    }
}

static sim_config some_config(sim_world *world, uint64_t seed, bool quiet)
{
    static const uint64_t waits[] = {2 * SIM_MS, 200 * SIM_MS, 4 * SIM_S};
    sim_config config = {.seed = seed, .quiet = quiet};
    some_plan(world, &config);
    config.n_servers = quiet ? 1 : 1 + (uint32_t)sim_below(world, SIM_MOST_SERVERS);
    config.n_strangers = (uint32_t)sim_below(world, SIM_MOST_STRANGERS + 1);
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

static augs_stream *some_stream(sim_world *world)
{
    static const augs_choice modes[] = {{.text = "a", .weight = 1}, {.text = "b", .weight = 2}};
    const augs_column_info columns[] = {
        {.name = "apply", .kind = AUGS_KIND_BERNOULLI, .numbers = {0.5}},
        {.name = "angle", .kind = AUGS_KIND_UNIFORM, .numbers = {-30, 30}},
        {.name = "mode", .kind = AUGS_KIND_CHOICE, .choices = modes, .n_choices = 2},
        {.name = "box", .kind = AUGS_KIND_UNIFORM, .numbers = {0, 1}, .shape = 3}};
    augs_column_info with_size[4];
    augs_preset *preset = NULL;
    augs_error error;
    for (size_t i = 0; i < 4; i++) {
        with_size[i] = columns[i];
        with_size[i].size = sizeof with_size[i];
        with_size[i].gate = AUGS_NO_GATE;
        with_size[i].shape = columns[i].shape != 0 ? columns[i].shape : 1;
        with_size[i].unit = with_size[i].doc = with_size[i].source = "";
    }
    AUGS_ASSERT_OK(augs_preset_open_columns("sim", with_size, 4, NULL, &preset, &error), error);
    return open_stream(preset, world->config.order, world->config.n_samples, world->config.seed, 0);
}

/* What the rank has to get, by a pipeline. */
static void make_steps(sim_world *world, sim_rank *rank)
{
    const sim_config *config = &world->config;
    const augs_pipeline_options options = {.size = sizeof options,
                                           .rank = rank->index,
                                           .plan = {.size = sizeof options.plan,
                                                    .world_size = config->n_ranks,
                                                    .shard = config->shard,
                                                    .tail = config->tail,
                                                    .strategy = config->strategy_name,
                                                    .strategy_options = &config->strategy}};
    augs_pipeline *pipeline;
    augs_batch *batch;
    augs_error error;
    size_t room = 0;
    AUGS_ASSERT_OK(augs_pipeline_open(world->stream, &options, &pipeline, &error), error);
    for (uint32_t epoch = 0; epoch < config->n_epochs; epoch++) {
        AUGS_ASSERT_OK(augs_pipeline_set_epoch(pipeline, epoch, &error), error);
        while (augs_pipeline_next(pipeline, &batch, &error) == 1) {
            augs_batch_info info = {.size = sizeof info};
            augs_batch_info_get(batch, &info);
            rank->steps = sim_grow(rank->steps, rank->n_steps, &room, sizeof *rank->steps);
            sim_step *step = &rank->steps[rank->n_steps++];
            *step = (sim_step){.epoch = epoch, .step = info.step, .n_samples = info.n_samples};
            const void *slab = augs_batch_slab(batch, &step->n_bytes);
            world->largest = step->n_bytes > world->largest ? step->n_bytes : world->largest;
            step->slab = malloc(step->n_bytes);
            ck_assert_ptr_nonnull(step->slab);
            memcpy(step->slab, slab, step->n_bytes);
            augs_batch_unref(batch);
        }
    }
    augs_pipeline_free(pipeline);
}

static void build_world(sim_world *world, const sim_config *config)
{
    augs_error error;
    const bool quiet = config->quiet;
    world->config = *config;
    world->memory.left = UINT64_MAX;
    world->faulty = !quiet;
    world->now = SIM_S;
    world->allocator = (augs_allocator){.size = sizeof world->allocator,
                                        .user = &world->memory,
                                        .allocate = counting_allocate,
                                        .release = counting_release};
    world->stream = some_stream(world);
    AUGS_ASSERT_OK(augsi_batch_pool_open(world->stream, false, &world->pool, &error), error);
    for (uint32_t i = 0; i < world->config.n_servers; i++) {
        world->servers[i] = (sim_server){.world = world, .index = i, .clock = 1000000 * SIM_S};
        sim_server_start(&world->servers[i]);
    }
    for (uint32_t i = 0; i < world->config.n_ranks; i++) {
        sim_rank *rank = &world->ranks[i];
        *rank = (sim_rank){
            .world = world, .index = i, .clock = 2000000 * SIM_S, .connection = SIM_NONE};
        make_steps(world, rank);
        sim_at(world, world->now + sim_below(world, SIM_S), SIM_RANK_START, i, 0, NULL);
    }
    for (uint32_t i = 0; i < world->config.n_strangers; i++) {
        world->strangers[i] = sim_connect(world, SIM_NONE, 0, true);
        sim_at(world, world->now, SIM_STRANGER, i, 0, NULL);
    }
    sim_at(world, world->now + world->config.calm_at, SIM_CALM, 0, 0, NULL);
    if (!quiet) {
        sim_at(world, world->now, SIM_DISASTER, 0, 0, NULL);
    }
}

static void open_world(sim_world *world, uint64_t seed, bool quiet)
{
    *world = (sim_world){.random = seed * 0x9e3779b97f4a7c15u + 1};
    const sim_config config = some_config(world, seed, quiet);
    build_world(world, &config);
}

static void drop_event(const sim_event *event)
{
    if (event->kind == SIM_DELIVER) {
        sim_message_free(event->what);
    } else if (event->kind == SIM_MADE) {
        sim_task *task = event->what;
        augs_stream_unref(task->make.stream);
        free(task);
    }
}

/* Everything is given back. */
static void close_world(sim_world *world)
{
    sim_event event;
    while (sim_next(world, &event)) {
        drop_event(&event);
    }
    for (uint32_t i = 0; i < world->config.n_servers; i++) {
        augsi_server_core_free(world->servers[i].core);
        SIM_CHECK(world, world->servers[i].bytes_out == 0, "%llu bytes are lost",
                  (unsigned long long)world->servers[i].bytes_out);
    }
    for (uint32_t i = 0; i < world->config.n_ranks; i++) {
        sim_rank *rank = &world->ranks[i];
        if (rank->core != NULL) {
            sim_rank_stop(rank, false);
        }
        for (size_t k = 0; k < rank->n_steps; k++) {
            free(rank->steps[k].slab);
        }
        free(rank->steps);
        free(rank->inbox);
    }
    SIM_CHECK(world, world->memory.n_held == 0, "%llu pieces of memory are lost",
              (unsigned long long)world->memory.n_held);
    augsi_batch_pool_free(world->pool);
    augs_stream_unref(world->stream);
    sim_message_free(world->overheard);
    sim_message_free(world->welcome);
    free(world->events);
    free(world->connections);
    free(world->routing);
}

/* ---- what happens ---- */

static void deliver(sim_world *world, sim_message *message)
{
    const sim_connection *on = &world->connections[message->connection];
    if (message->to_server) {
        if (on->endpoint >= world->config.n_servers) {
            sim_strange_answer(world, message);
        } else if (on->server_open) {
            sim_server_receive(world, message);
        }
        sim_message_free(message);
        return;
    }
    if (message->payload != NULL && message->payload->server != NULL) { /* off the wire */
        sim_server *server = message->payload->server;
        server->bytes_out -=
            server->generation == message->payload->generation ? message->payload->n_bytes : 0;
        message->payload->server = NULL;
    }
    sim_rank *rank = on->rank != SIM_NONE ? &world->ranks[on->rank] : NULL;
    if (rank == NULL || rank->connection == SIM_NONE ||
        (rank->connection != message->connection && !message->any_socket)) {
        sim_message_free(message);
        return;
    }
    world->counts.n_stale += rank->connection != message->connection;
    rank->inbox = sim_grow(rank->inbox, rank->n_inbox, &rank->inbox_room, sizeof *rank->inbox);
    rank->inbox[rank->n_inbox++] = message;
    if (rank->state == SIM_WAITING) {
        sim_rank_turn(rank);
    }
}

static void jump(sim_world *world, uint64_t *clock)
{
    const uint64_t far = sim_chance(world, 500) ? 5 * SIM_S : 300 * SIM_S;
    const uint64_t by = sim_below(world, far);
    *clock += sim_chance(world, 500) ? by : 0 - by;
    world->counts.n_jumps++;
}

/* Something may happen to everybody. */
static void disaster(sim_world *world)
{
    const sim_faults *faults = &world->config.faults;
    for (uint32_t i = 0; i < world->config.n_servers; i++) {
        sim_server *server = &world->servers[i];
        if (server->core != NULL && sim_fault(world, faults->crash_server)) {
            sim_server_crash(server);
        } else if (server->core != NULL && sim_fault(world, faults->jump)) {
            jump(world, &server->clock);
            server->jumped_at = world->now;
        }
    }
    for (uint32_t i = 0; i < world->config.n_ranks; i++) {
        sim_rank *rank = &world->ranks[i];
        if (rank->core == NULL) {
            continue;
        }
        if (sim_fault(world, faults->crash_rank)) {
            sim_rank_crash(rank, false);
        } else if (sim_fault(world, faults->leave_rank)) {
            sim_rank_crash(rank, true);
        } else if (rank->connection != SIM_NONE && sim_fault(world, faults->cut)) {
            world->counts.n_cuts++;
            world->connections[rank->connection].server_open = false;
            sim_tell_lost(world, rank->connection);
        } else if (rank->connection != SIM_NONE && sim_fault(world, faults->stall)) {
            world->counts.n_stalls++;
            world->connections[rank->connection].stalled_until =
                world->now + sim_below(world, 15 * SIM_S);
        } else if (sim_fault(world, faults->jump)) {
            jump(world, &rank->clock);
        }
    }
    if (world->faulty) {
        sim_at(world, world->now + sim_below(world, SIM_S), SIM_DISASTER, 0, 0, NULL);
    }
}

static void tell_lost(sim_world *world, uint32_t connection)
{
    sim_rank *rank = &world->ranks[world->connections[connection].rank];
    if (rank->connection == connection && !world->connections[connection].server_open) {
        rank->lost = true;
        if (rank->state == SIM_WAITING) {
            sim_rank_turn(rank);
        }
    }
}

static void happen(sim_world *world, const sim_event *event)
{
    sim_rank *rank = &world->ranks[event->index % SIM_MOST_RANKS];
    sim_server *server = &world->servers[event->index % SIM_MOST_SERVERS];
    switch (event->kind) {
    case SIM_DELIVER:
        deliver(world, event->what);
        break;
    case SIM_MADE:
        sim_server_made(world, event->what);
        break;
    case SIM_SERVER_TURN:
        if (event->version == server->version) {
            sim_server_turn(server);
        }
        break;
    case SIM_SERVER_START:
        sim_server_start(server);
        break;
    case SIM_RANK_START:
        sim_rank_start(rank);
        break;
    case SIM_RANK_CALL:
    case SIM_RANK_TURN:
        if (event->version == rank->version) {
            if (event->kind == SIM_RANK_CALL) {
                sim_rank_call(rank);
            }
            sim_rank_turn(rank);
        }
        break;
    case SIM_CUT:
        world->connections[event->index].server_open = false;
        break;
    case SIM_LOST:
        tell_lost(world, event->index);
        break;
    case SIM_DISASTER:
        disaster(world);
        break;
    case SIM_STRANGER:
        sim_stranger_speaks(world, event->index);
        break;
    case SIM_CALM:
        world->faulty = false;
        break;
    }
}

/* Longer than all timers one after the other, and the work itself. */
static uint64_t enough_time(const sim_world *world)
{
    const sim_config *config = &world->config;
    uint64_t n_steps = 0, work_ns = 0;
    for (uint32_t i = 0; i < config->n_ranks; i++) {
        const uint64_t ns = config->work_ns[i] + 4 * config->poll_ns[i] + 4 * config->latency_ns;
        n_steps += world->ranks[i].n_steps;
        work_ns = work_ns > ns ? work_ns : ns;
    }
    return 400 * SIM_S + n_steps * (config->make_ns + work_ns);
}

static void fail_late(const sim_world *world)
{
    static const char *const states[] = {"down", "waiting", "working", "finished"};
    char text[256] = "";
    size_t n = 0;
    for (uint32_t i = 0; i < world->config.n_ranks && n < sizeof text; i++) {
        const sim_rank *rank = &world->ranks[i];
        n += (size_t)snprintf(text + n, sizeof text - n, " rank %u at %zu of %zu (%s);", i,
                              rank->next, rank->n_steps, states[rank->state]);
    }
    SIM_CHECK(world, false, "no end in time:%s", text);
}

/* false: nothing happens any more. */
static bool run_event(sim_world *world)
{
    sim_event event;
    if (!sim_next(world, &event)) {
        return false;
    }
    world->now = event.at;
    world->counts.n_events++;
    world->digest =
        (world->digest ^ event.at ^ (uint64_t)event.kind ^ event.index) * 0x100000001b3u;
    happen(world, &event);
    return true;
}

static void run_world(sim_world *world)
{
    const uint64_t limit = world->now + world->config.calm_at + enough_time(world);
    while (world->n_finished < world->config.n_ranks && run_event(world)) {
        if (world->now >= limit) {
            fail_late(world);
        }
        SIM_CHECK(world, world->counts.n_events < 5000000, "too much happens");
    }
    SIM_CHECK(world, world->n_finished == world->config.n_ranks, "nothing happens any more");
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

/* ---- the laws ---- */

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
        run_world(&world);
        close_world(&world);
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
        uint64_t n_steps = 0;
        augs_server_stats stats = {.size = sizeof stats};
        open_world(&world, seed, true);
        run_world(&world);
        for (uint32_t i = 0; i < world.config.n_ranks; i++) {
            n_steps += world.ranks[i].n_steps;
        }
        const sim_counts *counts = &world.counts;
        SIM_CHECK(&world, counts->n_connects == world.config.n_ranks, "%llu connections",
                  (unsigned long long)counts->n_connects);
        SIM_CHECK(&world, counts->n_duplicates == 0 && counts->n_rejected == 0, "duplicates");
        SIM_CHECK(&world,
                  counts->n_eos == (n_steps > 0 ? world.config.n_ranks * world.config.n_epochs : 0),
                  "%llu ends of epochs", (unsigned long long)counts->n_eos);
        SIM_CHECK(&world, counts->n_taken == n_steps, "%llu of %llu steps",
                  (unsigned long long)counts->n_taken, (unsigned long long)n_steps);
        close_world(&world);
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
            run_world(&world);
            close_world(&world);
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
        ck_assert(run_event(world));
    }
}

START_TEST(errors_that_may_pass_are_no_progress)
{
    sim_world world = {.random = 1};
    sim_config config = small_config();
    config.quiet = false;
    config.faults.unmade = 1000;
    config.calm_at = 300 * SIM_S;
    build_world(&world, &config);
    run_until(&world, config.calm_at);
    ck_assert_uint_eq(world.counts.n_taken, 0);
    ck_assert_uint_gt(world.counts.n_errors, 50); /* each after a WELCOME */
    ck_assert_uint_ge(stuck(&world), 290 * SIM_S);
    run_world(&world);
    close_world(&world);
}
END_TEST

START_TEST(a_server_that_needs_a_minute_for_a_batch_is_waited_for)
{
    sim_world world = {.random = 2};
    sim_config config = small_config();
    config.make_ns = 120 * SIM_S;
    build_world(&world, &config);
    while (world.counts.n_pongs < 5) {
        ck_assert(run_event(&world));
    }
    world.ranks[0].clock -= SIM_DAY; /* PINGs go on */
    run_world(&world);
    ck_assert_uint_eq(world.counts.n_connects, 1);
    ck_assert_uint_gt(world.counts.n_pongs, 10);
    close_world(&world);
}
END_TEST

START_TEST(answers_without_a_batch_are_no_progress)
{
    sim_world world = {.random = 3};
    sim_config config = small_config();
    config.make_ns = 1000 * SIM_S;
    build_world(&world, &config);
    while (world.counts.n_pongs < 5) {
        ck_assert(run_event(&world));
    }
    const uint64_t before = stuck(&world);
    ck_assert_uint_ge(before, world.now - 2 * SIM_S);
    while (world.counts.n_taken == 0) {
        ck_assert_uint_ge(stuck(&world), before);
        ck_assert(run_event(&world));
    }
    ck_assert_uint_lt(stuck(&world), SIM_S);
    close_world(&world);
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
    build_world(&world, &config);
    sim_server_crash(&world.servers[0]);
    run_world(&world);
    close_world(&world);
}
END_TEST

START_TEST(a_server_far_away_is_reached)
{
    sim_world world = {.random = 6};
    sim_config config = small_config();
    config.distance_ns = 4 * SIM_S;
    build_world(&world, &config);
    run_world(&world);
    close_world(&world);
}
END_TEST

START_TEST(a_server_whose_clock_is_set_back_forgets_the_dead)
{
    sim_world world = {.random = 7};
    sim_config config = small_config();
    config.max_peers = 1;
    build_world(&world, &config);
    while (world.counts.n_taken == 0) {
        ck_assert(run_event(&world));
    }
    sim_rank_crash(&world.ranks[0], false); /* the server does not know, and has no more room */
    run_until(&world, world.now + 10 * SIM_MS);
    world.servers[0].clock -= SIM_DAY;
    run_world(&world);
    close_world(&world);
}
END_TEST

START_TEST(a_rank_whose_clock_is_set_back_connects_all_the_same)
{
    sim_world world = {.random = 8};
    sim_config config = small_config();
    config.window[0] = 1;
    build_world(&world, &config);
    sim_rank *rank = &world.ranks[0];
    while (world.counts.n_taken == 0) {
        ck_assert(run_event(&world));
    }
    sim_server_crash(&world.servers[0]);
    while (rank->state != SIM_WAITING || rank->connection != SIM_NONE) {
        ck_assert(run_event(&world) && world.now < 1000 * SIM_S);
    }
    rank->clock -= SIM_DAY; /* while it waits to connect anew */
    run_world(&world);
    close_world(&world);
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
    build_world(&world, &config);
    while (world.counts.n_taken == 0) {
        ck_assert(run_event(&world));
    }
    world.config.strategy.multiple_of = 3;
    sim_server_crash(&world.servers[0]);
    sim_rank *rank = &world.ranks[0];
    while (augsi_subscriber_core_failure(rank->core, &error) == AUGS_OK) {
        ck_assert(run_event(&world));
    }
    ck_assert_int_eq(augsi_subscriber_core_failure(rank->core, &error), AUGS_E_MISMATCH);
    ck_assert_ptr_nonnull(strstr(error.message, "another plan"));
    close_world(&world);
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
