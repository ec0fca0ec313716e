/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every FETCH is complete in itself: it is the resume, the credit and the acknowledgement of all
 * before it. A peer's work is one range of steps [next, end); a FETCH that begins where the range
 * ends extends it, any other replaces it. Batches are made out of order by the fillers and sent in
 * order. What cannot be sent is forgotten: the peer asks again.
 *
 * Peers take turns: each that has work makes one batch at a time, so that a peer with a long range
 * does not keep the others waiting.
 */
#include "distributed/server_core.h"

#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"
#include "distributed/peer_table.h"
#include "distributed/served_jobs.h"
#include "pipeline/batch/batch_pool.h"

#define SECOND ((uint64_t)1000000000)
#define PEER_IDLE (60 * SECOND)
#define PEER_SEEN (30 * SECOND)

struct augsi_server_core {
    augs_allocator allocator;
    augsi_server_hooks hooks;
    void *user;
    augs_logger logger;
    augsi_server_limits limits;
    augsi_text frame;
    augsi_served_jobs jobs;
    augsi_peer_table peers;
    uint64_t next_ticket, n_making, bytes_making, swept_at;
    augs_server_stats stats;
};

int augsi_server_core_open(const augsi_server_limits *limits, const augsi_server_hooks *hooks,
                           void *user, const augs_allocator *allocator, const augs_logger *logger,
                           augsi_server_core **ret_core, augs_error *error)
{
    augsi_server_core *core = augsi_new(allocator, sizeof *core);
    if (core == NULL) {
        return augsi_fail_memory(error, sizeof *core);
    }
    core->allocator = *allocator;
    core->hooks = *hooks;
    core->user = user;
    core->limits = *limits;
    core->next_ticket = 1;
    if (logger != NULL) {
        core->logger = *logger;
    }
    core->jobs.allocator = core->peers.allocator = &core->allocator;
    core->peers.hooks = &core->hooks;
    core->peers.user = user;
    augsi_text_init(&core->frame, &core->allocator);
    *ret_core = core;
    return AUGS_OK;
}

void augsi_server_core_free(augsi_server_core *core)
{
    if (core == NULL) {
        return;
    }
    augs_allocator allocator = core->allocator;
    augsi_peer_table_done(&core->peers);
    augsi_served_jobs_done(&core->jobs);
    augsi_text_done(&core->frame);
    augsi_delete(&allocator, core, sizeof *core);
}

int augsi_server_core_add_job(augsi_server_core *core, augs_stream *stream,
                              const augs_job_options *options, augs_error *error)
{
    return augsi_served_jobs_add(&core->jobs, stream, options, error);
}

static augsi_peer *peer_of(augsi_server_core *core, const void *id, size_t n, uint64_t now)
{
    augsi_peer *peer = augsi_peer_find(&core->peers, id, n);
    if (peer == NULL) {
        if (core->peers.n >= core->limits.max_peers) {
            augsi_peer_sweep(&core->peers, now, PEER_SEEN);
        }
        peer = core->peers.n >= core->limits.max_peers ? NULL : augsi_peer_add(&core->peers, id, n);
    }
    if (peer != NULL) {
        peer->seen = now;
    }
    return peer;
}

static enum augsi_sent send_frame(augsi_server_core *core, augsi_peer *peer,
                                  const augsi_message *message, void *payload)
{
    augsi_text_clear(&core->frame);
    augsi_wire_encode(&core->frame, message);
    if (core->frame.failed) {
        if (payload != NULL) {
            core->hooks.drop(core->user, payload);
        }
        return AUGSI_SENT_FULL;
    }
    return core->hooks.send(core->user, peer->id, peer->n_id, core->frame.data, core->frame.n_bytes,
                            payload);
}

/* At most one a second to a peer: nonsense is not worth more. */
static void send_error(augsi_server_core *core, augsi_peer *peer, const augsi_message *about,
                       uint32_t code, uint64_t retry_ms, uint64_t number, uint64_t now,
                       const char *text)
{
    if (peer->error_told && now >= peer->error_at && now - peer->error_at < SECOND) {
        return;
    }
    peer->error_told = true;
    peer->error_at = now;
    const augsi_message message = {.type = AUGSI_ERR,
                                   .incarnation =
                                       about != NULL ? about->incarnation : peer->incarnation,
                                   .request = about != NULL ? about->request : 0,
                                   .code = code,
                                   .retry_ms = retry_ms,
                                   .count = number,
                                   .text = {text, strlen(text)}};
    send_frame(core, peer, &message, NULL);
    core->stats.n_errors++;
    augsi_log(&core->logger, AUGS_LOG_INFO, "a peer is told: %s", text);
}

/* Whether n_bytes more may be under way. Something always may, so a limit below a batch's size
 * slows down and does not stop. */
static bool has_space(const augsi_server_core *core, uint64_t n_bytes)
{
    const uint64_t limit = core->limits.max_bytes_in_flight;
    const uint64_t out = augsi_add_or_most(core->hooks.bytes_out(core->user), core->bytes_making);
    return out == 0 || (out <= limit && n_bytes <= limit - out);
}

static uint64_t batch_bytes(const augsi_served_job *job, const augsi_slice *slice)
{
    return augsi_slab_bytes(job->stream, augsi_add_or_most(slice->body.count, slice->pad_count));
}

/* The plan that a peer walks; it was found when the peer asked. */
static augsi_plan *plan_of(const augsi_server_core *core, const augsi_peer *peer)
{
    augsi_plan *plan = NULL;
    augsi_served_job_plan_at(&core->jobs.list[peer->job], peer->base_step, peer->base_position,
                             &plan, NULL);
    return plan;
}

/* The slice of a step that a peer asked for; false: it has none. */
static bool slice_of(const augsi_server_core *core, const augsi_peer *peer, uint64_t step,
                     augsi_slice *ret_slice)
{
    augsi_plan *plan = plan_of(core, peer);
    return plan != NULL && augsi_plan_slice(plan, step, peer->rank, ret_slice, NULL) == 1;
}

/* The next step of the peer's range that has samples for it: steps without are not walked. */
static uint64_t step_to_make(const augsi_server_core *core, const augsi_peer *peer, uint64_t step)
{
    const uint64_t found = augsi_plan_next_step(plan_of(core, peer), step, peer->rank);
    return found < peer->end ? found : peer->end;
}

/* Hands one batch of a peer to the fillers. false: they have no space, or the limit of bytes is
 * reached. */
static bool make_one(augsi_server_core *core, augsi_peer *peer)
{
    augsi_served_job *job = &core->jobs.list[peer->job];
    augsi_made_slot *slot = &peer->slots[peer->n_making % AUGSI_PEER_AHEAD];
    augsi_make make = {.ticket = augsi_peer_ticket(peer, core->next_ticket),
                       .job = peer->job,
                       .step = peer->make_next,
                       .rank = peer->rank,
                       .world_size = job->world_size,
                       .records = peer->records};
    make.stream = augsi_served_job_stream_at(job, peer->epoch);
    if (make.stream == NULL || !slice_of(core, peer, make.step, &make.slice)) {
        augsi_peer_drop_work(&core->peers, peer);
        send_error(core, peer, NULL, AUGSI_CODE_INTERNAL, 1000, make.step, peer->seen,
                   "the batch could not be planned");
        return true;
    }
    make.n_bytes = batch_bytes(job, &make.slice);
    if (!has_space(core, make.n_bytes) || !core->hooks.make(core->user, &make)) {
        return false;
    }
    core->next_ticket++;
    core->n_making++;
    core->bytes_making += make.n_bytes;
    *slot = (augsi_made_slot){.ticket = make.ticket, .step = make.step, .slice = make.slice};
    peer->n_making++;
    peer->make_next = step_to_make(core, peer, make.step + 1);
    return true;
}

/* Peers in turn, one batch each, as long as there is space. Who finds none stays the first, or a
 * large batch would never find any. */
static void make_more(augsi_server_core *core)
{
    while (core->peers.first_waiting != NULL) {
        augsi_peer *turn = core->peers.first_waiting;
        if (augsi_peer_may_make(turn) && !make_one(core, turn)) {
            return;
        }
        augsi_peer_leave_line(&core->peers);
        if (augsi_peer_may_make(turn)) {
            augsi_peer_wait_in_line(&core->peers, turn);
        }
    }
}

static void send_eos(augsi_server_core *core, augsi_peer *peer)
{
    const augsi_served_job *job = &core->jobs.list[peer->job];
    const augsi_message message = {.type = AUGSI_EOS,
                                   .incarnation = peer->incarnation,
                                   .request = peer->request,
                                   .epoch = peer->epoch,
                                   .from_step = peer->next,
                                   .step = peer->end_step,
                                   .n_samples = augs_stream_n_samples(job->stream)};
    peer->eos_due = false;
    send_frame(core, peer, &message, NULL);
}

/* Sends what is made, in order. false: the peer is gone, and so is the pointer to it. */
static bool send_made(augsi_server_core *core, augsi_peer *peer)
{
    while (augsi_peer_has_work(peer)) {
        augsi_made_slot *slot = &peer->slots[peer->n_sent % AUGSI_PEER_AHEAD];
        if (peer->n_sent == peer->n_making || !slot->done) {
            return true;
        }
        const augsi_slice *slice = &slot->slice;
        const uint64_t n_samples = slice->body.count + slice->pad_count;
        const augsi_message message = {.type = AUGSI_BATCH,
                                       .incarnation = peer->incarnation,
                                       .request = peer->request,
                                       .rank = peer->rank,
                                       .epoch = peer->epoch,
                                       .from_step = peer->next,
                                       .step = slot->step,
                                       .first = slice->body.first,
                                       .stride = slice->body.stride,
                                       .n_samples = n_samples,
                                       .flags = (slice->last ? AUGSI_FLAG_LAST : 0) |
                                                (slice->pad_count > 0 ? AUGSI_FLAG_PADDED : 0),
                                       .n_bytes = slot->n_bytes,
                                       .hash = slot->hash};
        void *payload = slot->payload;
        const uint64_t n_bytes = slot->n_bytes;
        peer->next = slot->step + 1;
        peer->n_sent++;
        *slot = (augsi_made_slot){.ticket = 0};
        enum augsi_sent sent = send_frame(core, peer, &message, payload);
        if (sent == AUGSI_SENT_GONE) {
            augsi_peer_remove(&core->peers, peer);
            return false;
        }
        if (sent == AUGSI_SENT_FULL) {
            augsi_peer_drop_work(&core->peers, peer);
            return true;
        }
        core->stats.n_batches++;
        core->stats.n_samples += n_samples;
        core->stats.n_bytes += n_bytes;
    }
    if (peer->eos_due) {
        send_eos(core, peer);
    }
    return true;
}

void augsi_server_core_made(augsi_server_core *core, const augsi_made *made, uint64_t now_ns)
{
    core->n_making--;
    core->bytes_making -= made->slab_bytes;
    augsi_made_slot *slot = NULL;
    augsi_peer *owner = augsi_peer_of_ticket(&core->peers, made->ticket, &slot);
    if (owner == NULL) {
        if (made->payload != NULL) {
            core->hooks.drop(core->user, made->payload);
        }
    } else if (made->payload == NULL) {
        augsi_log(&core->logger, AUGS_LOG_ERROR, "a batch could not be made: %s",
                  augs_status_text(made->status));
        augsi_peer_drop_work(&core->peers, owner);
        send_error(core, owner, NULL, AUGSI_CODE_INTERNAL, 1000, 0, now_ns,
                   augs_status_text(made->status));
    } else {
        slot->payload = made->payload;
        slot->n_bytes = made->n_bytes;
        slot->hash = made->hash;
        slot->done = true;
        if (send_made(core, owner) && augsi_peer_may_make(owner)) {
            augsi_peer_wait_in_line(&core->peers, owner);
        }
    }
    make_more(core);
}

static void send_welcome(augsi_server_core *core, augsi_peer *peer)
{
    augsi_served_job *job = &core->jobs.list[peer->job];
    const augs_plan_options *plan = augsi_plan_options_of(job->plan);
    augsi_welcome welcome = {.server_incarnation = core->limits.incarnation,
                             .incarnation = peer->incarnation,
                             .first_epoch = augs_stream_epoch(job->stream),
                             .n_epochs = job->n_epochs,
                             .n_steps = job->n_steps,
                             .max_credit = core->limits.max_credit,
                             .max_frame_bytes = core->limits.max_bytes_in_flight,
                             .plan = *plan,
                             .stream = job->stream};
    augsi_text_clear(&core->frame);
    augsi_wire_encode_welcome(&core->frame, &welcome);
    if (!core->frame.failed) {
        core->hooks.send(core->user, peer->id, peer->n_id, core->frame.data, core->frame.n_bytes,
                         NULL);
    }
}

/* The job of a HELLO or FETCH, its rank and world size checked; UINT32_MAX: the peer was told what
 * is wrong. */
static uint32_t check_place(augsi_server_core *core, augsi_peer *peer, const augsi_message *message,
                            uint64_t now)
{
    char text[200];
    uint32_t at = augsi_served_jobs_find(&core->jobs, message->job);
    if (at == UINT32_MAX) {
        int n = (int)(message->job.n_bytes < AUGSI_MAX_JOB_BYTES ? message->job.n_bytes
                                                                 : AUGSI_MAX_JOB_BYTES);
        snprintf(text, sizeof text, "no job '%.*s'; there is '%s'%s", n, message->job.data,
                 core->jobs.n > 0 ? core->jobs.list[0].name : "",
                 core->jobs.n > 1 ? " and others" : "");
        send_error(core, peer, message, AUGSI_CODE_JOB, 0, 0, now, text);
        return UINT32_MAX;
    }
    uint32_t world_size = core->jobs.list[at].world_size;
    if (message->world_size != world_size || message->rank >= world_size) {
        snprintf(text, sizeof text,
                 "job '%s' has world size %u, ranks 0 to %u; rank %u of %u was asked for",
                 core->jobs.list[at].name, world_size, world_size - 1, message->rank,
                 message->world_size);
        send_error(core, peer, message, AUGSI_CODE_RANK, 0, world_size, now, text);
        return UINT32_MAX;
    }
    return at;
}

static void receive_hello(augsi_server_core *core, augsi_peer *peer, const augsi_message *message,
                          uint64_t now)
{
    if (message->protocol_min > AUGSI_PROTOCOL || message->protocol_max < AUGSI_PROTOCOL) {
        send_error(core, peer, message, AUGSI_CODE_VERSION, 0, AUGSI_PROTOCOL, now,
                   "this server speaks protocol 1");
        return;
    }
    bool records = augsi_bytes_equal(message->format, "records");
    if (!records && !augsi_bytes_equal(message->format, "columns")) {
        send_error(core, peer, message, AUGSI_CODE_MALFORMED, 0, 0, now,
                   "unknown format; accepted: columns, records");
        return;
    }
    uint32_t at = check_place(core, peer, message, now);
    if (at == UINT32_MAX) {
        return;
    }
    augsi_peer_drop_work(&core->peers, peer);
    peer->greeted = true;
    peer->incarnation = message->incarnation;
    peer->job = at;
    peer->rank = message->rank;
    peer->records = records;
    send_welcome(core, peer);
}

/* *ret_plan: the one that is asked for. false: the peer was told what is wrong. */
static bool check_fetch(augsi_server_core *core, augsi_peer *peer, const augsi_message *message,
                        uint64_t now, augsi_plan **ret_plan)
{
    char text[200];
    augs_error error;
    augsi_plan *plan;
    augsi_served_job *job = &core->jobs.list[peer->job];
    const uint32_t first = augs_stream_epoch(job->stream);
    const char *ours = augs_stream_fingerprint(job->stream);
    if (!augsi_bytes_equal(message->fingerprint, ours)) {
        int n = (int)(message->fingerprint.n_bytes < 32 ? message->fingerprint.n_bytes : 32);
        snprintf(text, sizeof text, "job '%s' is the stream %s, not %.*s", job->name, ours, n,
                 message->fingerprint.data);
        send_error(core, peer, message, AUGSI_CODE_FINGERPRINT, 0, 0, now, text);
        return false;
    }
    if (augsi_served_job_plan_at(job, message->base_step, message->base_position, &plan, &error) <
        0) {
        send_error(core, peer, message, AUGSI_CODE_RANGE, 0, augs_stream_n_samples(job->stream),
                   now, error.message);
        return false;
    }
    const uint64_t least = augsi_plan_base_step(plan), end_step = augsi_plan_n_steps(plan);
    if (message->generation != 0 || message->epoch < first ||
        message->epoch - first >= job->n_epochs || message->step < least) {
        snprintf(text, sizeof text,
                 "job '%s' has generation 0, epochs %u to %u, steps %llu to %llu; asked for was "
                 "%llu, %u, %llu",
                 job->name, first, first + job->n_epochs - 1, (unsigned long long)least,
                 (unsigned long long)end_step, (unsigned long long)message->generation,
                 message->epoch, (unsigned long long)message->step);
        send_error(core, peer, message, AUGSI_CODE_RANGE, 0, end_step, now, text);
        return false;
    }
    if (message->count == 0 || message->count > core->limits.max_credit) {
        snprintf(text, sizeof text, "%llu steps at once; 1 to %u are allowed",
                 (unsigned long long)message->count, core->limits.max_credit);
        send_error(core, peer, message, AUGSI_CODE_CREDIT, 0, core->limits.max_credit, now, text);
        return false;
    }
    *ret_plan = plan;
    return true;
}

static void tell_busy(augsi_server_core *core, augsi_peer *peer)
{
    augsi_slice slice;
    const augsi_served_job *job = &core->jobs.list[peer->job];
    if (peer->make_next < peer->end && slice_of(core, peer, peer->make_next, &slice) &&
        !has_space(core, batch_bytes(job, &slice))) {
        const augsi_message message = {.type = AUGSI_BUSY,
                                       .incarnation = peer->incarnation,
                                       .request = peer->request,
                                       .step = peer->make_next,
                                       .eta_ms = 100};
        send_frame(core, peer, &message, NULL);
    }
}

/*
 * One past the last step that a FETCH asks for. Steps without samples for the rank are passed over:
 * a range ends with a batch, and with the rank's last one it reaches the end of the epoch. So every
 * FETCH is answered, and who does not know the end may ask beyond it.
 */
static uint64_t end_of_range(const augsi_plan *plan, uint32_t rank, uint64_t begin, uint64_t count)
{
    const uint64_t end_step = augsi_plan_n_steps(plan), left = end_step - begin;
    if (left == 0) {
        return end_step;
    }
    const uint64_t last = begin + (count < left ? count : left) - 1;
    const uint64_t found = augsi_plan_next_step(plan, last, rank);
    return found < end_step && augsi_plan_next_step(plan, found + 1, rank) < end_step ? found + 1
                                                                                      : end_step;
}

/* What a peer asks for is added to what it waits for, if it begins there, or replaces it. */
static void take_range(const augsi_server_core *core, augsi_peer *peer,
                       const augsi_message *message, const augsi_plan *plan)
{
    const uint64_t end_step = augsi_plan_n_steps(plan);
    const uint64_t begin = message->step < end_step ? message->step : end_step;
    const uint64_t end = end_of_range(plan, message->rank, begin, message->count);
    const bool extends = augsi_peer_has_work(peer) && peer->epoch == message->epoch &&
                         peer->base_step == message->base_step &&
                         peer->base_position == message->base_position && begin >= peer->next &&
                         begin <= peer->end;
    if (!extends) {
        augsi_peer_drop_work(&core->peers, peer);
        peer->epoch = message->epoch;
        peer->base_step = message->base_step;
        peer->base_position = message->base_position;
        peer->end_step = end_step;
        peer->next = peer->make_next = peer->end = begin;
    }
    const uint64_t make_next = peer->make_next < peer->end
                                   ? peer->make_next
                                   : augsi_plan_next_step(plan, peer->end, peer->rank);
    peer->end = end > peer->end ? end : peer->end;
    peer->make_next = make_next < peer->end ? make_next : peer->end;
    peer->eos_due = peer->end == end_step;
    peer->request = message->request;
}

static void receive_fetch(augsi_server_core *core, augsi_peer *peer, const augsi_message *message,
                          uint64_t now)
{
    uint32_t at = check_place(core, peer, message, now);
    if (at == UINT32_MAX) {
        return;
    }
    if (!peer->greeted) { /* a server that was started again: FETCH says all but the format */
        peer->greeted = true;
        peer->records = false;
    }
    if (peer->incarnation != message->incarnation || peer->job != at ||
        peer->rank != message->rank) {
        augsi_peer_drop_work(&core->peers, peer);
        peer->incarnation = message->incarnation;
        peer->job = at;
        peer->rank = message->rank;
    }
    augsi_plan *plan;
    if (!check_fetch(core, peer, message, now, &plan)) {
        return;
    }
    take_range(core, peer, message, plan);
    tell_busy(core, peer);
    if (!augsi_peer_has_work(peer)) {
        if (peer->eos_due) {
            send_eos(core, peer);
        }
    } else if (augsi_peer_may_make(peer)) {
        augsi_peer_wait_in_line(&core->peers, peer);
    }
}

static void receive_bye(augsi_server_core *core, augsi_peer *peer, const augsi_message *message)
{
    if (!peer->greeted || peer->incarnation != message->incarnation) {
        return;
    }
    augsi_plan *plan;
    augsi_served_job *job = &core->jobs.list[peer->job];
    const uint32_t last_epoch = augs_stream_epoch(job->stream) + job->n_epochs - 1;
    if (message->epoch == last_epoch &&
        augsi_served_job_plan_at(job, message->base_step, message->base_position, &plan, NULL) ==
            AUGS_OK &&
        message->step >= augsi_plan_n_steps(plan) && job->finished[peer->rank] == 0) {
        job->finished[peer->rank] = 1;
        core->stats.n_finished++;
    }
    augsi_peer_remove(&core->peers, peer);
}

static void receive_ping(augsi_server_core *core, augsi_peer *peer, const augsi_message *message)
{
    /* to a peer this server does not know, silence: it is to say HELLO again */
    if (peer->greeted && peer->incarnation == message->incarnation) {
        const augsi_message pong = {.type = AUGSI_PONG,
                                    .incarnation = message->incarnation,
                                    .count = message->count,
                                    .step = core->n_making};
        if (augsi_peer_has_work(peer)) {
            send_frame(core, peer, &pong, NULL);
        }
    }
}

void augsi_server_core_receive(augsi_server_core *core, const void *routing_id, size_t n_routing_id,
                               const void *data, size_t n_bytes, uint32_t n_frames, uint64_t now_ns)
{
    augsi_message message;
    augs_error error;
    if (n_routing_id == 0 || n_routing_id > AUGSI_MAX_ROUTING_ID) {
        return;
    }
    augsi_peer *peer = peer_of(core, routing_id, n_routing_id, now_ns);
    if (peer == NULL) {
        core->stats.n_errors++;
        return; /* no space for another peer: its progress timer brings it back */
    }
    bool good = n_frames == 1 && n_bytes <= AUGSI_MAX_REQUEST_BYTES &&
                augsi_wire_decode(data, n_bytes, &message, &error) == AUGS_OK;
    if (!good) {
        core->stats.n_malformed++;
        send_error(core, peer, NULL, AUGSI_CODE_MALFORMED, 0, 0, now_ns,
                   n_frames != 1                       ? "a request is one frame"
                   : n_bytes > AUGSI_MAX_REQUEST_BYTES ? "a request has at most 65,536 bytes"
                                                       : error.message);
        return;
    }
    switch (message.type) {
    case AUGSI_HELLO:
        receive_hello(core, peer, &message, now_ns);
        break;
    case AUGSI_FETCH:
        receive_fetch(core, peer, &message, now_ns);
        break;
    case AUGSI_PING:
        receive_ping(core, peer, &message);
        break;
    case AUGSI_BYE:
        receive_bye(core, peer, &message);
        break;
    default:
        core->stats.n_malformed++;
        send_error(core, peer, &message, AUGSI_CODE_MALFORMED, 0, message.type, now_ns,
                   "a message that only servers send");
    }
    make_more(core);
}

uint64_t augsi_server_core_tick(augsi_server_core *core, uint64_t now_ns)
{
    if (now_ns < core->swept_at || now_ns - core->swept_at > PEER_IDLE / 2) {
        augsi_peer_sweep(&core->peers, now_ns, PEER_IDLE);
        core->swept_at = now_ns;
    }
    make_more(core);
    return now_ns + (core->peers.first_waiting != NULL ? SECOND / 100 : 5 * SECOND);
}

void augsi_server_core_stats(const augsi_server_core *core, uint64_t now_ns,
                             augs_server_stats *stats)
{
    *stats = core->stats;
    stats->size = sizeof *stats;
    stats->n_peers = augsi_peer_count(&core->peers, now_ns, PEER_SEEN);
}
