/* SPDX-License-Identifier: Apache-2.0 */
/* The ranks of the simulated world, with the shell's part of their work, and unknown peers who talk
 * nonsense. */
#ifndef AUGS_TEST_SIM_RANKS_H
#define AUGS_TEST_SIM_RANKS_H

#include "sim_servers.h"

static inline void sim_rank_empty(sim_rank *rank)
{
    for (size_t i = 0; i < rank->n_inbox; i++) {
        sim_message_free(rank->inbox[i]);
    }
    rank->n_inbox = 0;
}

static void sim_rank_disconnect(void *user)
{
    sim_rank *rank = user;
    sim_world *world = rank->world;
    sim_rank_empty(rank);
    rank->lost = false;
    if (rank->connection != SIM_NONE) {
        sim_connection *of = &world->connections[rank->connection];
        of->client_open = false;
        /* what was sent still arrives; a heartbeat may be what tells the server */
        uint64_t at = of->fifo[1] > world->now ? of->fifo[1] : world->now;
        at += sim_fault(world, 300) ? sim_below(world, 15 * SIM_S) : 1;
        sim_at(world, at, SIM_CUT, rank->connection, 0, NULL);
        rank->connection = SIM_NONE;
    }
}

static bool sim_rank_connect(void *user, uint32_t endpoint)
{
    sim_rank *rank = user;
    sim_world *world = rank->world;
    sim_rank_disconnect(rank);
    if (sim_fault(world, world->config.faults.no_connect)) {
        return false;
    }
    const bool strange = endpoint >= world->config.n_servers;
    const bool reached = strange || world->servers[endpoint].core != NULL;
    rank->connection = sim_connect(world, rank->index, endpoint, reached);
    if (!reached) {
        sim_tell_lost(world, rank->connection);
    }
    return true;
}

static bool sim_rank_send(void *user, const void *data, size_t n_bytes)
{
    sim_rank *rank = user;
    sim_world *world = rank->world;
    augsi_message sent;
    if (rank->connection == SIM_NONE || sim_fault(world, world->config.faults.unsent)) {
        return false;
    }
    SIM_CHECK(world, augsi_wire_decode(data, n_bytes, &sent, NULL) == AUGS_OK,
              "rank %u sends what it cannot read", rank->index);
    if (sent.type == AUGSI_FETCH) {
        augsi_expected at;
        augsi_subscriber_core_expected(rank->core, &at);
        SIM_CHECK(world,
                  sent.epoch == at.epoch && sent.step >= at.step &&
                      sent.step + sent.count <= at.step + world->config.window[rank->index],
                  "rank %u asks for more than its window", rank->index);
        world->counts.n_fetches++;
    }
    sim_message *message = sim_message_new(rank->connection, data, n_bytes, NULL);
    message->to_server = true;
    if (world->overheard == NULL || sim_chance(world, 50)) {
        sim_message_free(world->overheard);
        world->overheard = sim_message_copy(message);
    }
    sim_transmit(world, message);
    return true;
}

static inline void sim_rank_call(sim_rank *rank)
{
    sim_world *world = rank->world;
    rank->state = SIM_WAITING;
    rank->called_at = world->now;
    augsi_subscriber_core_wait(rank->core, sim_clock(world, rank->clock));
}

static inline void sim_rank_pause(sim_rank *rank, uint64_t ns)
{
    rank->state = SIM_WORKING;
    sim_at(rank->world, rank->world->now + ns, SIM_RANK_CALL, rank->index, ++rank->version, NULL);
}

static inline void sim_rank_start(sim_rank *rank)
{
    static const augsi_subscriber_hooks hooks = {
        .connect = sim_rank_connect, .disconnect = sim_rank_disconnect, .send = sim_rank_send};
    sim_world *world = rank->world;
    augs_error error;
    if (rank->bookmark[0] != '\0' && sim_fault(world, 200)) {
        memcpy(rank->token, rank->bookmark, sizeof rank->token);
        rank->next = rank->bookmark_next;
        world->counts.n_bookmarks++;
    }
    const augs_subscriber_options options = {.size = sizeof options,
                                             .n_endpoints = world->config.n_servers +
                                                            world->config.strange_server,
                                             .rank = rank->index,
                                             .world_size = world->config.n_ranks,
                                             .steps_ahead = world->config.window[rank->index],
                                             .token = rank->token[0] != '\0' ? rank->token : NULL};
    AUGS_ASSERT_OK(augsi_subscriber_core_open(&options, &hooks, rank, next_random(&world->random),
                                              &world->allocator, &rank->core, &error),
                   error);
    sim_rank_call(rank);
    sim_at(world, world->now, SIM_RANK_TURN, rank->index, ++rank->version, NULL);
}

static inline void sim_rank_count(sim_rank *rank)
{
    augs_subscriber_stats stats = {.size = sizeof stats};
    augsi_subscriber_core_stats(rank->core, &stats);
    rank->world->counts.n_connects += stats.n_connects;
    rank->world->counts.n_duplicates += stats.n_duplicates;
    rank->world->counts.n_rejected += stats.n_rejected;
}

static inline void sim_rank_stop(sim_rank *rank, bool goodbye)
{
    if (goodbye) {
        augsi_subscriber_core_bye(rank->core);
    }
    sim_rank_count(rank);
    sim_rank_disconnect(rank);
    augsi_subscriber_core_free(rank->core);
    rank->core = NULL;
    rank->state = SIM_DOWN;
    rank->version++;
}

static inline void sim_rank_crash(sim_rank *rank, bool goodbye)
{
    sim_world *world = rank->world;
    sim_rank_stop(rank, goodbye);
    world->counts.n_rank_crashes++;
    sim_at(world, world->now + sim_below(world, 10 * SIM_S), SIM_RANK_START, rank->index, 0, NULL);
}

/* It is the very batch that a pipeline makes next. */
static inline void sim_rank_take(sim_rank *rank, const sim_message *message)
{
    sim_world *world = rank->world;
    augsi_expected got;
    augsi_token token;
    augs_error error;
    augsi_subscriber_core_expected(rank->core, &got);
    SIM_CHECK(world, rank->next < rank->n_steps, "rank %u gets more than there is", rank->index);
    const sim_step *step = &rank->steps[rank->next];
    SIM_CHECK(world,
              got.epoch == step->epoch && got.step == step->step && got.rank == rank->index &&
                  augs_stream_epoch(got.stream) == step->epoch &&
                  got.slice.body.count + got.slice.pad_count == step->n_samples,
              "rank %u gets step %llu of epoch %u; next is %llu of %u", rank->index,
              (unsigned long long)got.step, got.epoch, (unsigned long long)step->step, step->epoch);
    SIM_CHECK(world,
              message->payload != NULL && message->payload->n_bytes == step->n_bytes &&
                  memcmp(message->payload->data, step->slab, step->n_bytes) == 0,
              "rank %u: other bytes than were made here", rank->index);
    augsi_subscriber_core_take(rank->core, sim_clock(world, rank->clock));
    rank->next++;
    world->counts.n_taken++;
    AUGS_ASSERT_OK(augsi_subscriber_core_token(rank->core, &token, &error), error);
    AUGS_ASSERT_OK(augsi_token_format(&token, rank->token, sizeof rank->token, &error), error);
    if (sim_chance(world, 30)) {
        memcpy(rank->bookmark, rank->token, sizeof rank->bookmark);
        rank->bookmark_next = rank->next;
    }
}

static inline void sim_rank_finish(sim_rank *rank)
{
    sim_world *world = rank->world;
    SIM_CHECK(world, rank->next == rank->n_steps, "rank %u ends after %zu of %zu batches",
              rank->index, rank->next, rank->n_steps);
    /* whatever comes after the end, it stays the end */
    const uint64_t local = sim_clock(world, rank->clock);
    augsi_subscriber_core_receive(rank->core, "x", 1, NULL, 0, local, NULL);
    augsi_subscriber_core_lost(rank->core, local);
    augsi_subscriber_core_tick(rank->core, local);
    SIM_CHECK(world, augsi_subscriber_core_is_done(rank->core), "rank %u begins anew", rank->index);
    sim_rank_stop(rank, false);
    rank->state = SIM_FINISHED;
    world->n_finished++;
}

/* What comes of a message: false: the call is over. */
static inline bool sim_rank_receive(sim_rank *rank, sim_message *message)
{
    sim_world *world = rank->world;
    augs_error error = {.message = ""};
    const sim_payload *payload = message->payload;
    const int what = augsi_subscriber_core_receive(
        rank->core, message->header, message->n_header, payload != NULL ? payload->data : NULL,
        payload != NULL ? payload->n_bytes : 0, sim_clock(world, rank->clock), &error);
    SIM_CHECK(world, what >= 0 || world->config.may_fail, "rank %u fails: %s", rank->index,
              error.message);
    bool goes_on = true;
    if (what == AUGSI_RECEIVED_BATCH) {
        goes_on = false;
        if (sim_fault(world, world->config.faults.crash_rank / 4)) {
            sim_rank_crash(rank, false); /* before it was taken */
        } else if (sim_fault(world, world->config.faults.untaken)) {
            world->counts.n_untaken++;
            sim_rank_pause(rank, sim_below(world, SIM_S));
        } else {
            sim_rank_take(rank, message);
            sim_rank_pause(rank, sim_below(world, world->config.work_ns[rank->index]));
        }
    }
    sim_message_free(message);
    return goes_on;
}

/* The shell's loop, until the call ends or sleeps. */
static inline void sim_rank_turn(sim_rank *rank)
{
    sim_world *world = rank->world;
    const uint64_t poll_ns = world->config.poll_ns[rank->index];
    for (int n = 0;; n++) {
        augs_error error;
        SIM_CHECK(world, n < 10000, "rank %u never sleeps", rank->index);
        augsi_subscriber_core_skip(rank->core, sim_clock(world, rank->clock));
        if (augsi_subscriber_core_failure(rank->core, &error) < 0) {
            SIM_CHECK(world, world->config.may_fail, "rank %u fails: %s", rank->index,
                      error.message);
            rank->state = SIM_FINISHED;
            rank->version++;
            return;
        }
        if (augsi_subscriber_core_is_done(rank->core)) {
            sim_rank_finish(rank);
            return;
        }
        const uint64_t local = sim_clock(world, rank->clock);
        const uint64_t until = augsi_subscriber_core_tick(rank->core, local);
        if (poll_ns > 0 && world->now - rank->called_at >= poll_ns) {
            SIM_CHECK(world,
                      !world->config.quiet ||
                          augsi_subscriber_core_stuck_ns(rank->core, local) <= poll_ns + SIM_S,
                      "rank %u: the time without a batch is wrong", rank->index);
            sim_rank_pause(rank, sim_below(world, 3 * poll_ns)); /* a timeout; asked again later */
            return;
        }
        if (rank->n_inbox > 0) {
            sim_message *first = rank->inbox[0];
            rank->n_inbox--;
            memmove(rank->inbox, rank->inbox + 1, rank->n_inbox * sizeof *rank->inbox);
            if (!sim_rank_receive(rank, first)) {
                return;
            }
        } else if (rank->lost) {
            rank->lost = false;
            augsi_subscriber_core_lost(rank->core, local);
        } else if (!augsi_subscriber_core_is_done(rank->core)) {
            uint64_t at = until > local ? world->now + (until - local) : world->now;
            SIM_CHECK(world, until > local || n < 100, "rank %u does not sleep", rank->index);
            const uint64_t limit = rank->called_at + poll_ns;
            at = poll_ns > 0 && limit < at ? limit : at;
            sim_at(world, at, SIM_RANK_TURN, rank->index, ++rank->version, NULL);
            return;
        }
    }
}

/* ---- unknown peers ---- */

/* Bytes that mean nothing, or what somebody said, changed. */
static inline sim_message *sim_nonsense(sim_world *world, uint32_t connection,
                                        const sim_message *overheard)
{
    unsigned char bytes[64];
    sim_message *said;
    if (overheard != NULL && sim_chance(world, 500)) {
        said = sim_message_new(connection, overheard->header, overheard->n_header, NULL);
        if (sim_chance(world, 600)) {
            sim_flip(world, said->header, said->n_header);
        } else if (sim_chance(world, 300)) {
            said->n_header = sim_below(world, said->n_header + 1);
        }
    } else {
        for (size_t i = 0; i < sizeof bytes; i++) {
            bytes[i] = (unsigned char)sim_below(world, 256);
        }
        bytes[0] = (unsigned char)(0x90 + sim_below(world, 16));
        bytes[1] = (unsigned char)sim_below(world, 3);
        bytes[2] = (unsigned char)sim_below(world, 80);
        said = sim_message_new(connection, bytes, sim_below(world, sizeof bytes + 1), NULL);
    }
    said->n_frames = sim_chance(world, 900) ? 1 : (uint32_t)sim_below(world, 4);
    world->counts.n_strange++;
    return said;
}

/* A client that talks nonsense to a server. */
static inline void sim_unknown_peer_speaks(sim_world *world, uint32_t index)
{
    sim_message *said = sim_nonsense(world, world->unknown_peers[index], world->overheard);
    said->to_server = true;
    sim_transmit(world, said);
    sim_at(world, world->now + sim_below(world, 500 * SIM_MS), SIM_UNKNOWN_PEER, index, 0, NULL);
}

/* A server that is none: silence, nonsense, or answers that lead nowhere. */
static inline void sim_strange_answer(sim_world *world, const sim_message *asked)
{
    augsi_message request;
    sim_message *said = NULL;
    if (augsi_wire_decode(asked->header, asked->n_header, &request, NULL) < 0) {
        return;
    }
    switch (sim_below(world, 6)) {
    case 0:
        said = sim_nonsense(world, asked->connection, NULL);
        break;
    case 1: /* another's, or only a part of it */
        if (world->welcome != NULL) {
            const size_t n = world->welcome->n_header;
            said = sim_message_new(asked->connection, world->welcome->header,
                                   sim_chance(world, 500) ? n : sim_below(world, n), NULL);
        }
        break;
    case 2:
    case 3: {
        augsi_text text;
        augsi_text_init(&text, &augsi_default_allocator);
        const augsi_message message = {.type = sim_chance(world, 500)   ? AUGSI_ERR
                                               : sim_chance(world, 500) ? AUGSI_BUSY
                                                                        : AUGSI_PONG,
                                       .incarnation = request.incarnation,
                                       .code = AUGSI_CODE_OVERLOAD,
                                       .retry_ms = 1 + sim_below(world, 2000),
                                       .text = {"not now", 7}};
        augsi_wire_encode(&text, &message);
        said = sim_message_new(asked->connection, text.data, text.n_bytes, NULL);
        augsi_text_done(&text);
        break;
    }
    default:
        break;
    }
    if (said != NULL) {
        sim_transmit(world, said);
    }
}

#endif
