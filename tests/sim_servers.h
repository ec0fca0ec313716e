/* SPDX-License-Identifier: Apache-2.0 */
/* The servers of the simulated world, with the shell's part of their work. */
#ifndef AUGS_TEST_SIM_SERVERS_H
#define AUGS_TEST_SIM_SERVERS_H

#include "base/checksum.h"
#include "pipeline/batch/batch_pool.h"
#include "sim_world.h"

enum { SIM_ID_BYTES = 5 };

static inline uint64_t sim_clock(const sim_world *world, uint64_t offset)
{
    return world->now + offset;
}

/* The routing id's number, SIM_NONE if it is none of ours. */
static inline uint32_t sim_number_of(const void *id, size_t n)
{
    uint32_t number = SIM_NONE;
    if (n == SIM_ID_BYTES) {
        memcpy(&number, (const char *)id + 1, sizeof number);
    }
    return number;
}

/* What a server sends has to be what was asked for, on that connection, in order. */
static inline void sim_check_sent(sim_world *world, sim_server *server, sim_connection *to,
                                  const void *header, size_t n_header, const sim_payload *payload)
{
    augsi_message sent;
    if (augsi_wire_type(header, n_header) == AUGSI_WELCOME) {
        if (world->welcome == NULL) {
            world->welcome = sim_message_new(0, header, n_header, NULL);
        }
        return;
    }
    SIM_CHECK(world, augsi_wire_decode(header, n_header, &sent, NULL) == AUGS_OK,
              "a server sends what it cannot read");
    SIM_CHECK(world, (sent.type == AUGSI_BATCH) == (payload != NULL), "type %u", sent.type);
    world->counts.n_busy += sent.type == AUGSI_BUSY;
    world->counts.n_pongs += sent.type == AUGSI_PONG;
    world->counts.n_eos += sent.type == AUGSI_EOS && to->rank != SIM_NONE;
    if (sent.type == AUGSI_BATCH && to->rank != SIM_NONE) {
        world->counts.n_batches++;
        SIM_CHECK(world,
                  sent.epoch == to->asked_epoch && sent.step >= to->asked_first &&
                      sent.step < to->asked_end,
                  "step %llu of epoch %u was not asked for", (unsigned long long)sent.step,
                  sent.epoch);
    }
    if (sent.type == AUGSI_ERR) {
        world->counts.n_errors++;
        SIM_CHECK(world,
                  to->error_at == 0 || server->jumped_at >= to->error_at ||
                      world->now - to->error_at >= SIM_S,
                  "two errors within a second: %.*s", (int)sent.text.n_bytes, sent.text.data);
        to->error_at = world->now;
    }
}

static enum augsi_sent sim_server_send(void *user, const void *id, size_t n_id, const void *header,
                                       size_t n_header, void *payload)
{
    sim_server *server = user;
    sim_world *world = server->world;
    const uint32_t number = sim_number_of(id, n_id);
    SIM_CHECK(world, number < world->n_routing, "a peer that never was");
    sim_connection *to = &world->connections[world->routing[number]];
    if (to->routing_id != number || !to->server_open) {
        sim_payload_free(payload);
        return AUGSI_SENT_GONE;
    }
    if (sim_fault(world, world->config.faults.full)) {
        world->counts.n_full++;
        sim_payload_free(payload);
        return AUGSI_SENT_FULL;
    }
    sim_check_sent(world, server, to, header, n_header, payload);
    sim_transmit(world, sim_message_new(world->routing[number], header, n_header, payload));
    return AUGSI_SENT;
}

static bool sim_server_make(void *user, const augsi_make *make)
{
    sim_server *server = user;
    sim_world *world = server->world;
    const sim_faults *faults = &world->config.faults;
    if (server->n_making >= world->config.n_fillers || sim_fault(world, faults->no_space)) {
        return false;
    }
    sim_task *task = malloc(sizeof *task);
    ck_assert_ptr_nonnull(task);
    *task = (sim_task){.server = server, .generation = server->generation, .make = *make};
    augs_stream_ref(task->make.stream);
    server->n_making++;
    const uint64_t most = sim_fault(world, faults->slow) ? 20 * SIM_S : world->config.make_ns;
    sim_at(world, world->now + sim_below(world, most), SIM_MADE, 0, 0, task);
    return true;
}

static void sim_server_drop(void *user, void *payload)
{
    (void)user;
    sim_payload_free(payload);
}

static uint64_t sim_server_bytes_out(void *user)
{
    const sim_server *server = user;
    return server->bytes_out;
}

/* A turn of the shell's loop is over: it sleeps until the core wants to be called. */
static inline void sim_server_turn(sim_server *server)
{
    sim_world *world = server->world;
    const uint64_t local = sim_clock(world, server->clock);
    const uint64_t until = augsi_server_core_tick(server->core, local);
    SIM_CHECK(world, until > local, "a server that never sleeps");
    const uint64_t sleep = until - local < 60 * SIM_S ? until - local : 60 * SIM_S;
    sim_at(world, world->now + sleep, SIM_SERVER_TURN, server->index, ++server->version, NULL);
}

static inline void sim_server_start(sim_server *server)
{
    static const augsi_server_hooks hooks = {.send = sim_server_send,
                                             .make = sim_server_make,
                                             .drop = sim_server_drop,
                                             .bytes_out = sim_server_bytes_out};
    sim_world *world = server->world;
    const sim_config *config = &world->config;
    const augsi_server_limits limits = {.max_credit = 1 + (uint32_t)sim_below(world, 16),
                                        .max_peers = config->max_peers,
                                        .max_bytes_in_flight = config->max_bytes,
                                        .incarnation = next_random(&world->random)};
    const augs_job_options job = {.size = sizeof job,
                                  .n_epochs = config->n_epochs,
                                  .plan =
                                      &(augs_plan_options){.size = sizeof(augs_plan_options),
                                                           .world_size = config->n_ranks,
                                                           .rank_layout = config->rank_layout,
                                                           .tail = config->tail,
                                                           .strategy = config->strategy_name,
                                                           .strategy_options = &config->strategy}};
    augs_error error;
    server->generation++;
    server->bytes_out = server->n_making = 0;
    AUGS_ASSERT_OK(augsi_server_core_open(&limits, &hooks, server, &world->allocator, NULL,
                                          &server->core, &error),
                   error);
    AUGS_ASSERT_OK(augsi_server_core_add_job(server->core, world->stream, &job, &error), error);
    for (uint32_t i = 0; i < world->n_connections; i++) {
        sim_connection *of = &world->connections[i];
        if (of->endpoint == server->index && of->client_open && !of->server_open &&
            (of->rank == SIM_NONE || sim_chance(world, 200))) { /* it finds its way again */
            of->server_open = true;
            of->routing_id = sim_new_routing_id(world, i);
            of->asked_end = of->error_at = 0;
            world->counts.n_survived += of->rank != SIM_NONE;
        }
    }
    sim_server_turn(server);
}

/* Later or never. */
static inline void sim_tell_lost(sim_world *world, uint32_t connection)
{
    if (!world->config.silent && (!world->faulty || sim_chance(world, 700))) {
        sim_at(world, world->now + sim_latency(world), SIM_LOST, connection, 0, NULL);
    }
}

static inline void sim_server_crash(sim_server *server)
{
    sim_world *world = server->world;
    augsi_server_core_free(server->core);
    server->core = NULL;
    server->version++;
    world->counts.n_server_crashes++;
    for (uint32_t i = 0; i < world->n_connections; i++) {
        sim_connection *of = &world->connections[i];
        if (of->endpoint == server->index && of->server_open) {
            of->server_open = false;
            if (of->client_open && of->rank != SIM_NONE) {
                sim_tell_lost(world, i);
            }
        }
    }
    sim_at(world, world->now + sim_below(world, 20 * SIM_S), SIM_SERVER_START, server->index, 0,
           NULL);
}

/* A range goes on to the rank's next batch. */
static inline uint64_t sim_end_of_range(const sim_world *world, const sim_connection *from,
                                        const augsi_message *request)
{
    const uint64_t end = request->step + request->count;
    const sim_rank *rank = from->rank != SIM_NONE ? &world->ranks[from->rank] : NULL;
    for (size_t i = 0; rank != NULL && i < rank->n_steps; i++) {
        if (rank->steps[i].epoch == request->epoch && rank->steps[i].step + 1 >= end) {
            return rank->steps[i].step + 1;
        }
    }
    return end;
}

static inline void sim_server_receive(sim_world *world, const sim_message *message)
{
    sim_connection *from = &world->connections[message->connection];
    sim_server *server = &world->servers[from->endpoint];
    unsigned char id[SIM_ID_BYTES] = {0};
    augsi_message request = {.type = 0};
    memcpy(id + 1, &from->routing_id, sizeof from->routing_id);
    if (augsi_wire_decode(message->header, message->n_header, &request, NULL) == AUGS_OK &&
        request.type == AUGSI_FETCH) {
        const bool extends = request.epoch == from->asked_epoch &&
                             request.step >= from->asked_first && request.step <= from->asked_end;
        const uint64_t end = sim_end_of_range(world, from, &request);
        from->asked_first = extends ? from->asked_first : request.step;
        from->asked_epoch = request.epoch;
        from->asked_end = extends && from->asked_end > end ? from->asked_end : end;
    } else if (request.type == AUGSI_BYE) { /* whoever comes after that is somebody new */
        from->error_at = 0;
    }
    augsi_server_core_receive(server->core, id, sizeof id, message->header, message->n_header,
                              message->n_frames, sim_clock(world, server->clock));
    sim_server_turn(server);
}

/* The bytes in flight are bounded: by the limit, or by one batch where that is larger. */
static inline void sim_server_made(sim_world *world, sim_task *task)
{
    sim_server *server = task->server;
    augs_batch *batch = NULL;
    augs_error error;
    if (server->core != NULL && server->generation == task->generation) {
        const augsi_make *make = &task->make;
        server->n_making--;
        if (sim_fault(world, world->config.faults.unmade)) {
            world->counts.n_unmade++;
            augsi_server_core_made(server->core,
                                   &(augsi_made){.ticket = make->ticket,
                                                 .slab_bytes = make->n_bytes,
                                                 .status = AUGS_E_NO_MEMORY},
                                   sim_clock(world, server->clock));
        } else {
            size_t n_bytes = 0;
            AUGS_ASSERT_OK(augsi_batch_make(world->pool, make->stream, &make->slice, make->step,
                                            make->rank, make->world_size, &batch, &error),
                           error);
            const void *slab = augs_batch_slab(batch, &n_bytes);
            sim_payload *payload = malloc(sizeof *payload + n_bytes);
            ck_assert_ptr_nonnull(payload);
            *payload = (sim_payload){.server = server,
                                     .generation = server->generation,
                                     .n_bytes = n_bytes,
                                     .hash = augsi_hash64(slab, n_bytes)};
            if (n_bytes > 0) {
                memcpy(payload->data, slab, n_bytes);
            }
            augs_batch_unref(batch);
            server->bytes_out += n_bytes;
            world->counts.n_made++;
            SIM_CHECK(world,
                      server->bytes_out <= world->config.max_bytes ||
                          server->bytes_out == n_bytes || n_bytes == 0,
                      "%llu bytes are out, %llu are allowed", (unsigned long long)server->bytes_out,
                      (unsigned long long)world->config.max_bytes);
            augsi_server_core_made(server->core,
                                   &(augsi_made){.ticket = make->ticket,
                                                 .slab_bytes = make->n_bytes,
                                                 .payload = payload,
                                                 .n_bytes = n_bytes,
                                                 .hash = payload->hash},
                                   sim_clock(world, server->clock));
        }
        sim_server_turn(server);
    }
    augs_stream_unref(task->make.stream);
    free(task);
}

#endif
