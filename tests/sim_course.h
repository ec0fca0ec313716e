/* SPDX-License-Identifier: Apache-2.0 */
/* The course of the simulated world: how it begins, what happens next, how it ends. */
#ifndef AUGS_TEST_SIM_COURSE_H
#define AUGS_TEST_SIM_COURSE_H

#include <augstream/pipeline.h>

#include "sim_ranks.h"

static inline augs_stream *sim_open_stream(sim_world *world)
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
    AUGS_ASSERT_OK(
        augs_preset_open_columns("sim", with_size, 4, sizeof with_size[0], NULL, &preset, &error),
        error);
    return open_stream(preset, world->config.order, world->config.n_samples, world->config.seed, 0);
}

static inline augs_pipeline *sim_open_pipeline(sim_world *world, uint32_t rank)
{
    const sim_config *config = &world->config;
    const augs_pipeline_options options = {
        .size = sizeof options,
        .rank = rank,
        .plan = &(augs_plan_options){.size = sizeof(augs_plan_options),
                                     .world_size = config->n_ranks,
                                     .rank_layout = config->rank_layout,
                                     .tail = config->tail,
                                     .strategy = config->strategy_name,
                                     .strategy_options = &config->strategy}};
    augs_pipeline *pipeline;
    augs_error error;
    AUGS_ASSERT_OK(augs_pipeline_open(world->stream, &options, &pipeline, &error), error);
    return pipeline;
}

/* The token of a pipeline of other sizes, unless the ranks' plan cannot go on there. */
static inline void sim_make_token(sim_world *world)
{
    const sim_config *config = &world->config;
    const augs_strategy_options sizes = {.size = sizeof sizes,
                                         .batch_size = config->token_batch_size};
    const augs_pipeline_options options = {
        .size = sizeof options,
        .plan = &(augs_plan_options){.size = sizeof(augs_plan_options),
                                     .world_size = config->token_world_size,
                                     .strategy_options = &sizes}};
    augs_pipeline *other, *ours;
    augs_error error;
    if (config->token_world_size == 0) {
        return;
    }
    AUGS_ASSERT_OK(augs_pipeline_open(world->stream, &options, &other, &error), error);
    AUGS_ASSERT_OK(augs_pipeline_set_epoch(other, config->token_epoch, &error), error);
    (void)augs_pipeline_seek(other, config->token_step, &error); /* else from the start */
    AUGS_ASSERT_OK(augs_pipeline_token(other, world->token, sizeof world->token, &error), error);
    ours = sim_open_pipeline(world, 0);
    if (augs_pipeline_resume(ours, world->token, &error) < 0) {
        world->token[0] = '\0';
    }
    augs_pipeline_free(ours);
    augs_pipeline_free(other);
}

/* What the rank has to get, by a pipeline. */
static inline void sim_make_steps(sim_world *world, sim_rank *rank)
{
    const sim_config *config = &world->config;
    augs_pipeline *pipeline = sim_open_pipeline(world, rank->index);
    const bool resumes = world->token[0] != '\0';
    augs_batch *batch;
    augs_error error;
    size_t space = 0;
    memcpy(rank->token, world->token, sizeof rank->token);
    for (uint32_t epoch = resumes ? config->token_epoch : 0; epoch < config->n_epochs; epoch++) {
        const size_t before = rank->n_steps;
        if (resumes && epoch == config->token_epoch) {
            AUGS_ASSERT_OK(augs_pipeline_resume(pipeline, world->token, &error), error);
        } else {
            AUGS_ASSERT_OK(augs_pipeline_set_epoch(pipeline, epoch, &error), error);
        }
        while (augs_pipeline_next(pipeline, &batch, &error) == 1) {
            augs_batch_info info = {.size = sizeof info};
            augs_batch_get_info(batch, &info);
            rank->steps = sim_grow(rank->steps, rank->n_steps, &space, sizeof *rank->steps);
            sim_step *step = &rank->steps[rank->n_steps++];
            *step = (sim_step){.epoch = epoch, .step = info.step, .n_samples = info.n_samples};
            const void *slab = augs_batch_slab(batch, &step->n_bytes);
            step->slab = malloc(step->n_bytes);
            ck_assert_ptr_nonnull(step->slab);
            memcpy(step->slab, slab, step->n_bytes);
            augs_batch_unref(batch);
        }
        rank->n_ends += rank->n_steps > before;
    }
    augs_pipeline_free(pipeline);
}

static inline void sim_open(sim_world *world, const sim_config *config)
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
    world->stream = sim_open_stream(world);
    AUGS_ASSERT_OK(augsi_batch_pool_open(world->stream, false, &world->pool, &error), error);
    sim_make_token(world);
    for (uint32_t i = 0; i < world->config.n_servers; i++) {
        world->servers[i] = (sim_server){.world = world, .index = i, .clock = 1000000 * SIM_S};
        sim_server_start(&world->servers[i]);
    }
    for (uint32_t i = 0; i < world->config.n_ranks; i++) {
        sim_rank *rank = &world->ranks[i];
        *rank = (sim_rank){
            .world = world, .index = i, .clock = 2000000 * SIM_S, .connection = SIM_NONE};
        sim_make_steps(world, rank);
        sim_at(world, world->now + sim_below(world, SIM_S), SIM_RANK_START, i, 0, NULL);
    }
    for (uint32_t i = 0; i < world->config.n_unknown_peers; i++) {
        world->unknown_peers[i] = sim_connect(world, SIM_NONE, 0, true);
        sim_at(world, world->now, SIM_UNKNOWN_PEER, i, 0, NULL);
    }
    sim_at(world, world->now + world->config.calm_at, SIM_CALM, 0, 0, NULL);
    if (!quiet) {
        sim_at(world, world->now, SIM_DISASTER, 0, 0, NULL);
    }
}

static inline void sim_drop_event(const sim_event *event)
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
static inline void sim_close(sim_world *world)
{
    sim_event event;
    while (sim_next(world, &event)) {
        sim_drop_event(&event);
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

static inline void sim_deliver(sim_world *world, sim_message *message)
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
    rank->inbox = sim_grow(rank->inbox, rank->n_inbox, &rank->inbox_space, sizeof *rank->inbox);
    rank->inbox[rank->n_inbox++] = message;
    if (rank->state == SIM_WAITING) {
        sim_rank_turn(rank);
    }
}

static inline void sim_jump(sim_world *world, uint64_t *clock)
{
    const uint64_t far = sim_chance(world, 500) ? 5 * SIM_S : 300 * SIM_S;
    const uint64_t by = sim_below(world, far);
    *clock += sim_chance(world, 500) ? by : 0 - by;
    world->counts.n_jumps++;
}

/* Something may happen to everybody. */
static inline void sim_disaster(sim_world *world)
{
    const sim_faults *faults = &world->config.faults;
    for (uint32_t i = 0; i < world->config.n_servers; i++) {
        sim_server *server = &world->servers[i];
        if (server->core != NULL && sim_fault(world, faults->crash_server)) {
            sim_server_crash(server);
        } else if (server->core != NULL && sim_fault(world, faults->jump)) {
            sim_jump(world, &server->clock);
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
            sim_jump(world, &rank->clock);
        }
    }
    if (world->faulty) {
        sim_at(world, world->now + sim_below(world, SIM_S), SIM_DISASTER, 0, 0, NULL);
    }
}

static inline void sim_lose(sim_world *world, uint32_t connection)
{
    sim_rank *rank = &world->ranks[world->connections[connection].rank];
    if (rank->connection == connection && !world->connections[connection].server_open) {
        rank->lost = true;
        if (rank->state == SIM_WAITING) {
            sim_rank_turn(rank);
        }
    }
}

static inline void sim_happen(sim_world *world, const sim_event *event)
{
    sim_rank *rank = &world->ranks[event->index % SIM_MOST_RANKS];
    sim_server *server = &world->servers[event->index % SIM_MOST_SERVERS];
    switch (event->kind) {
    case SIM_DELIVER:
        sim_deliver(world, event->what);
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
        sim_lose(world, event->index);
        break;
    case SIM_DISASTER:
        sim_disaster(world);
        break;
    case SIM_UNKNOWN_PEER:
        sim_unknown_peer_speaks(world, event->index);
        break;
    case SIM_CALM:
        world->faulty = false;
        break;
    }
}

/* Longer than all timers one after the other, and the work itself. */
static inline uint64_t sim_enough_time(const sim_world *world)
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

static inline void sim_fail_late(const sim_world *world)
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
static inline bool sim_run_event(sim_world *world)
{
    sim_event event;
    if (!sim_next(world, &event)) {
        return false;
    }
    world->now = event.at;
    world->counts.n_events++;
    world->digest =
        (world->digest ^ event.at ^ (uint64_t)event.kind ^ event.index) * 0x100000001b3u;
    sim_happen(world, &event);
    return true;
}

static inline void sim_run(sim_world *world)
{
    const uint64_t limit = world->now + world->config.calm_at + sim_enough_time(world);
    while (world->n_finished < world->config.n_ranks && sim_run_event(world)) {
        if (world->now >= limit) {
            sim_fail_late(world);
        }
        SIM_CHECK(world, world->counts.n_events < 5000000, "too much happens");
    }
    SIM_CHECK(world, world->n_finished == world->config.n_ranks, "nothing happens any more");
}

#endif
