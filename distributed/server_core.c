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
#include "server_core.h"

#include <stdio.h>
#include <string.h>

#include "checksum.h"
#include "fail.h"
#include "memory.h"

#define SECOND ((uint64_t)1000000000)
#define PEER_IDLE (60 * SECOND)
#define PEER_SEEN (30 * SECOND)
#define N_BUCKETS 4096u
#define N_AHEAD 4u /* batches of a peer that are made and not sent */

typedef struct served_job {
    char name[AUGSI_MAX_JOB_BYTES + 1];
    augs_stream *stream;     /* at the first epoch */
    augs_stream *streams[2]; /* the epochs used last, by epoch mod 2 */
    uint32_t n_epochs;
    augsi_plan *plan;
    uint64_t n_steps;
    uint32_t n_finished;
    uint8_t *finished;  /* a byte a rank */
    augsi_text welcome; /* made for each HELLO: the incarnation differs */
} served_job;

/* A batch being made, or made and waiting for those before it. */
typedef struct made_slot {
    uint64_t ticket; /* 0: empty */
    uint64_t step;
    void *payload;
    uint64_t n_bytes, hash;
    augsi_slice slice;
    bool done;
} made_slot;

typedef struct known_peer {
    struct known_peer *next_in_bucket;
    struct known_peer *next_waiting; /* in the queue of those with work */
    bool waiting;
    uint32_t hash;
    uint8_t n_id;
    char id[AUGSI_MAX_ROUTING_ID];
    uint64_t seen, error_at;
    bool error_told;
    /* after HELLO */
    bool greeted;
    uint64_t incarnation;
    uint32_t job, rank;
    bool records;
    /* the range it asked for */
    uint64_t request;
    uint32_t epoch;
    uint64_t next, make_next, end; /* to send, to make, one past the last */
    bool eos_due;
    made_slot slots[N_AHEAD]; /* of step s at s mod N_AHEAD */
} known_peer;

struct augsi_server_core {
    augs_allocator allocator;
    augsi_server_hooks hooks;
    void *user;
    augs_logger logger;
    augsi_server_limits limits;
    augsi_text frame;
    served_job *jobs;
    uint32_t n_jobs;
    known_peer *buckets[N_BUCKETS];
    uint32_t n_peers;
    known_peer *first_waiting, *last_waiting;
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
    augsi_text_init(&core->frame, &core->allocator);
    *ret_core = core;
    return AUGS_OK;
}

static void job_done(augsi_server_core *core, served_job *job)
{
    for (size_t i = 0; i < 2; i++) {
        augs_stream_unref(job->streams[i]);
    }
    if (job->finished != NULL) {
        augsi_delete(&core->allocator, job->finished, augsi_plan_options_of(job->plan)->world_size);
    }
    augsi_plan_free(job->plan);
    augs_stream_unref(job->stream);
    augsi_text_done(&job->welcome);
}

/* Forgets what a peer asked for; results that are still under way find no slot and are dropped. */
static void drop_work(augsi_server_core *core, known_peer *peer)
{
    for (size_t i = 0; i < N_AHEAD; i++) {
        if (peer->slots[i].payload != NULL) {
            core->hooks.drop(core->user, peer->slots[i].payload);
        }
        peer->slots[i] = (made_slot){.ticket = 0};
    }
    peer->next = peer->make_next = peer->end = 0;
    peer->eos_due = false;
}

void augsi_server_core_free(augsi_server_core *core)
{
    if (core == NULL) {
        return;
    }
    augs_allocator allocator = core->allocator;
    for (size_t b = 0; b < N_BUCKETS; b++) {
        while (core->buckets[b] != NULL) {
            known_peer *gone = core->buckets[b];
            core->buckets[b] = gone->next_in_bucket;
            drop_work(core, gone);
            augsi_delete(&allocator, gone, sizeof *gone);
        }
    }
    for (uint32_t i = 0; i < core->n_jobs; i++) {
        job_done(core, &core->jobs[i]);
    }
    augsi_delete(&allocator, core->jobs, core->n_jobs * sizeof *core->jobs);
    augsi_text_done(&core->frame);
    augsi_delete(&allocator, core, sizeof *core);
}

static int check_job(const augsi_server_core *core, augs_stream *stream,
                     const augs_job_options *options, augs_error *error)
{
    const char *name = options->name != NULL ? options->name : "default";
    size_t n = strlen(name);
    if (n == 0 || n > AUGSI_MAX_JOB_BYTES ||
        strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") != n) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "job '%.70s': a name has 1 to %u of the characters A-Z a-z 0-9 . _ -",
                          name, AUGSI_MAX_JOB_BYTES);
    }
    for (uint32_t i = 0; i < core->n_jobs; i++) {
        if (strcmp(core->jobs[i].name, name) == 0) {
            return augsi_fail(error, AUGS_E_ARGUMENT, "job '%s' is there already", name);
        }
    }
    if (augs_stream_n_samples(stream) == AUGS_ENDLESS) {
        return augsi_fail(
            error, AUGS_E_ARGUMENT,
            "job '%s': an endless stream cannot be served; give the number of samples", name);
    }
    uint64_t last =
        (uint64_t)augs_stream_epoch(stream) + (options->n_epochs != 0 ? options->n_epochs : 1) - 1;
    if (last > UINT32_MAX) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "job '%s': its last epoch would be %llu; epochs are below 2^32", name,
                          (unsigned long long)last);
    }
    return AUGS_OK;
}

static int job_init(augsi_server_core *core, served_job *job, augs_stream *stream,
                    const augs_job_options *options, augs_error *error)
{
    augsi_text_init(&job->welcome, &core->allocator);
    const char *name = options->name != NULL ? options->name : "default";
    memcpy(job->name, name, strlen(name) + 1);
    job->n_epochs = options->n_epochs != 0 ? options->n_epochs : 1;
    int status = augsi_plan_open(&core->allocator, &options->plan, 0, augs_stream_n_samples(stream),
                                 augs_stream_sample_bytes(stream), &job->plan, error);
    if (status < 0) {
        return status;
    }
    if (!augsi_plan_is_fixed(job->plan) || options->plan.strategy_ops != NULL) {
        return augsi_fail(
            error, AUGS_E_UNSUPPORTED,
            "job '%s': only the shipped fixed strategies can be served, such as sequential", name);
    }
    job->n_steps = augsi_plan_n_steps(job->plan);
    uint32_t world_size = augsi_plan_options_of(job->plan)->world_size;
    job->finished = augsi_new(&core->allocator, world_size);
    if (job->finished == NULL) {
        return augsi_fail_memory(error, world_size);
    }
    job->stream = augs_stream_ref(stream);
    return AUGS_OK;
}

int augsi_server_core_add_job(augsi_server_core *core, augs_stream *stream,
                              const augs_job_options *options, augs_error *error)
{
    int status = check_job(core, stream, options, error);
    if (status < 0) {
        return status;
    }
    served_job added = {.n_epochs = 0};
    status = job_init(core, &added, stream, options, error);
    if (status == AUGS_OK) {
        served_job *jobs = augsi_grow(&core->allocator, core->jobs, core->n_jobs * sizeof *jobs,
                                      (core->n_jobs + 1) * sizeof *jobs);
        if (jobs == NULL) {
            status = augsi_fail_memory(error, (core->n_jobs + 1) * sizeof *jobs);
        } else {
            core->jobs = jobs;
            core->jobs[core->n_jobs++] = added;
            return AUGS_OK;
        }
    }
    job_done(core, &added);
    return status;
}

uint32_t augsi_server_core_n_jobs(const augsi_server_core *core)
{
    return core->n_jobs;
}

augs_stream *augsi_server_core_job_stream(const augsi_server_core *core, uint32_t job)
{
    return core->jobs[job].stream;
}

static uint32_t id_hash(const void *id, size_t n)
{
    return (uint32_t)augsi_hash64(id, n);
}

static known_peer *find_peer(const augsi_server_core *core, const void *id, size_t n)
{
    uint32_t hash = id_hash(id, n);
    known_peer *found = core->buckets[hash % N_BUCKETS];
    while (found != NULL &&
           (found->hash != hash || found->n_id != n || memcmp(found->id, id, n) != 0)) {
        found = found->next_in_bucket;
    }
    return found;
}

static void remove_peer(augsi_server_core *core, known_peer *gone)
{
    known_peer **link = &core->buckets[gone->hash % N_BUCKETS];
    while (*link != gone) {
        link = &(*link)->next_in_bucket;
    }
    *link = gone->next_in_bucket;
    known_peer *before = NULL;
    for (known_peer *walk = core->first_waiting; walk != NULL;
         before = walk, walk = walk->next_waiting) {
        if (walk == gone) {
            *(before == NULL ? &core->first_waiting : &before->next_waiting) = gone->next_waiting;
            core->last_waiting = core->last_waiting == gone ? before : core->last_waiting;
            break;
        }
    }
    drop_work(core, gone);
    augsi_delete(&core->allocator, gone, sizeof *gone);
    core->n_peers--;
}

/* Removes peers that nothing was heard of for `idle`. */
static void sweep(augsi_server_core *core, uint64_t now, uint64_t idle)
{
    for (size_t b = 0; b < N_BUCKETS; b++) {
        for (known_peer *walk = core->buckets[b]; walk != NULL;) {
            known_peer *next = walk->next_in_bucket;
            if (now > walk->seen && now - walk->seen > idle) {
                remove_peer(core, walk);
            }
            walk = next;
        }
    }
    core->swept_at = now;
}

static known_peer *peer_of(augsi_server_core *core, const void *id, size_t n, uint64_t now)
{
    known_peer *found = find_peer(core, id, n);
    if (found == NULL) {
        if (core->n_peers >= core->limits.max_peers) {
            sweep(core, now, PEER_SEEN);
        }
        found = core->n_peers >= core->limits.max_peers
                    ? NULL
                    : augsi_new(&core->allocator, sizeof *found);
        if (found == NULL) {
            return NULL;
        }
        found->hash = id_hash(id, n);
        found->n_id = (uint8_t)n;
        memcpy(found->id, id, n);
        known_peer **bucket = &core->buckets[found->hash % N_BUCKETS];
        found->next_in_bucket = *bucket;
        *bucket = found;
        core->n_peers++;
    }
    found->seen = now;
    return found;
}

static enum augsi_sent send_frame(augsi_server_core *core, known_peer *peer,
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
static void send_error(augsi_server_core *core, known_peer *peer, const augsi_message *about,
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

static void wait_in_line(augsi_server_core *core, known_peer *peer)
{
    if (!peer->waiting) {
        peer->waiting = true;
        peer->next_waiting = NULL;
        *(core->last_waiting != NULL ? &core->last_waiting->next_waiting : &core->first_waiting) =
            peer;
        core->last_waiting = peer;
    }
}

static augs_stream *stream_at(served_job *job, uint32_t epoch)
{
    augs_stream **slot = &job->streams[epoch % 2];
    if (*slot == NULL || augs_stream_epoch(*slot) != epoch) {
        augs_stream *stream;
        if (augs_stream_open_epoch(job->stream, epoch, &stream, NULL) < 0) {
            return NULL;
        }
        augs_stream_unref(*slot);
        *slot = stream;
    }
    return *slot;
}

/* Hands one batch of a peer to the fillers. false: they have no room, or the limit of bytes is
 * reached. */
static bool make_one(augsi_server_core *core, known_peer *peer)
{
    served_job *job = &core->jobs[peer->job];
    made_slot *slot = &peer->slots[peer->make_next % N_AHEAD];
    augsi_make make = {.ticket = core->next_ticket * N_BUCKETS +
                                 peer->hash % N_BUCKETS, /* finds the peer again */
                       .job = peer->job,
                       .step = peer->make_next,
                       .rank = peer->rank,
                       .world_size = augsi_plan_options_of(job->plan)->world_size,
                       .records = peer->records};
    make.stream = stream_at(job, peer->epoch);
    if (make.stream == NULL ||
        augsi_plan_slice(job->plan, make.step, make.rank, &make.slice, NULL) != 1) {
        drop_work(core, peer);
        send_error(core, peer, NULL, AUGSI_CODE_INTERNAL, 1000, make.step, peer->seen,
                   "the batch could not be planned");
        return true;
    }
    if (!core->hooks.make(core->user, &make)) {
        return false;
    }
    core->next_ticket++;
    core->n_making++;
    *slot = (made_slot){.ticket = make.ticket, .step = make.step, .slice = make.slice};
    peer->make_next++;
    return true;
}

static bool may_make(const known_peer *peer)
{
    return peer->make_next < peer->end && peer->slots[peer->make_next % N_AHEAD].ticket == 0;
}

/* Peers in turn, one batch each, as long as there is room. */
static void make_more(augsi_server_core *core)
{
    while (core->first_waiting != NULL) {
        if (core->n_making > 0 &&
            core->hooks.bytes_out(core->user) >= core->limits.max_bytes_in_flight) {
            return;
        }
        known_peer *turn = core->first_waiting;
        core->first_waiting = turn->next_waiting;
        core->last_waiting = core->first_waiting == NULL ? NULL : core->last_waiting;
        turn->waiting = false;
        if (!may_make(turn)) {
            continue;
        }
        bool room = make_one(core, turn);
        if (may_make(turn)) {
            wait_in_line(core, turn);
        }
        if (!room) {
            return;
        }
    }
}

static void send_eos(augsi_server_core *core, known_peer *peer)
{
    const served_job *job = &core->jobs[peer->job];
    const augsi_message message = {.type = AUGSI_EOS,
                                   .incarnation = peer->incarnation,
                                   .request = peer->request,
                                   .epoch = peer->epoch,
                                   .step = job->n_steps,
                                   .n_samples = augs_stream_n_samples(job->stream)};
    peer->eos_due = false;
    send_frame(core, peer, &message, NULL);
}

/* Sends what is made, in order. false: the peer is gone, and so is the pointer to it. */
static bool send_made(augsi_server_core *core, known_peer *peer)
{
    while (peer->next < peer->end) {
        made_slot *slot = &peer->slots[peer->next % N_AHEAD];
        if (slot->ticket == 0 || !slot->done) {
            return true;
        }
        const augsi_slice *slice = &slot->slice;
        const uint64_t n_samples = slice->body.count + slice->pad_count;
        const augsi_message message = {.type = AUGSI_BATCH,
                                       .incarnation = peer->incarnation,
                                       .request = peer->request,
                                       .rank = peer->rank,
                                       .epoch = peer->epoch,
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
        *slot = (made_slot){.ticket = 0};
        peer->next++;
        enum augsi_sent sent = send_frame(core, peer, &message, payload);
        if (sent == AUGSI_SENT_GONE) {
            remove_peer(core, peer);
            return false;
        }
        if (sent == AUGSI_SENT_FULL) {
            drop_work(core, peer);
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

void augsi_server_core_made(augsi_server_core *core, uint64_t ticket, int status, void *payload,
                            uint64_t n_bytes, uint64_t hash, uint64_t now_ns)
{
    core->n_making--;
    made_slot *slot = NULL;
    known_peer *owner = core->buckets[ticket % N_BUCKETS];
    for (; owner != NULL; owner = owner->next_in_bucket) {
        for (size_t i = 0; slot == NULL && i < N_AHEAD; i++) {
            slot = owner->slots[i].ticket == ticket ? &owner->slots[i] : NULL;
        }
        if (slot != NULL) {
            break;
        }
    }
    if (owner == NULL) {
        if (payload != NULL) {
            core->hooks.drop(core->user, payload);
        }
    } else if (payload == NULL) {
        augsi_log(&core->logger, AUGS_LOG_ERROR, "a batch could not be made: %s",
                  augs_status_text(status));
        drop_work(core, owner);
        send_error(core, owner, NULL, AUGSI_CODE_INTERNAL, 1000, 0, now_ns,
                   augs_status_text(status));
    } else {
        slot->payload = payload;
        slot->n_bytes = n_bytes;
        slot->hash = hash;
        slot->done = true;
        if (send_made(core, owner) && may_make(owner)) {
            wait_in_line(core, owner);
        }
    }
    make_more(core);
}

static void send_welcome(augsi_server_core *core, known_peer *peer)
{
    served_job *job = &core->jobs[peer->job];
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
    augsi_text_clear(&job->welcome);
    augsi_wire_encode_welcome(&job->welcome, &welcome);
    if (!job->welcome.failed) {
        core->hooks.send(core->user, peer->id, peer->n_id, job->welcome.data, job->welcome.n_bytes,
                         NULL);
    }
}

static uint32_t find_job(const augsi_server_core *core, augsi_bytes name)
{
    for (uint32_t i = 0; i < core->n_jobs; i++) {
        if (augsi_bytes_equal(name, core->jobs[i].name)) {
            return i;
        }
    }
    return UINT32_MAX;
}

/* The job of a HELLO or FETCH, its rank and world size checked; UINT32_MAX: the peer was told what
 * is wrong. */
static uint32_t check_place(augsi_server_core *core, known_peer *peer, const augsi_message *message,
                            uint64_t now)
{
    char text[200];
    uint32_t at = find_job(core, message->job);
    if (at == UINT32_MAX) {
        int n = (int)(message->job.n_bytes < AUGSI_MAX_JOB_BYTES ? message->job.n_bytes
                                                                 : AUGSI_MAX_JOB_BYTES);
        snprintf(text, sizeof text, "no job '%.*s'; there is '%s'%s", n, message->job.data,
                 core->n_jobs > 0 ? core->jobs[0].name : "", core->n_jobs > 1 ? " and others" : "");
        send_error(core, peer, message, AUGSI_CODE_JOB, 0, 0, now, text);
        return UINT32_MAX;
    }
    uint32_t world_size = augsi_plan_options_of(core->jobs[at].plan)->world_size;
    if (message->world_size != world_size || message->rank >= world_size) {
        snprintf(text, sizeof text,
                 "job '%s' has world size %u, ranks 0 to %u; rank %u of %u was asked for",
                 core->jobs[at].name, world_size, world_size - 1, message->rank,
                 message->world_size);
        send_error(core, peer, message, AUGSI_CODE_RANK, 0, world_size, now, text);
        return UINT32_MAX;
    }
    return at;
}

static void receive_hello(augsi_server_core *core, known_peer *peer, const augsi_message *message,
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
    drop_work(core, peer);
    peer->greeted = true;
    peer->incarnation = message->incarnation;
    peer->job = at;
    peer->rank = message->rank;
    peer->records = records;
    send_welcome(core, peer);
}

static bool check_fetch(augsi_server_core *core, known_peer *peer, const augsi_message *message,
                        uint64_t now)
{
    char text[200];
    const served_job *job = &core->jobs[peer->job];
    const uint32_t first = augs_stream_epoch(job->stream);
    const char *ours = augs_stream_fingerprint(job->stream);
    if (!augsi_bytes_equal(message->fingerprint, ours)) {
        int n = (int)(message->fingerprint.n_bytes < 32 ? message->fingerprint.n_bytes : 32);
        snprintf(text, sizeof text, "job '%s' is the stream %s, not %.*s", job->name, ours, n,
                 message->fingerprint.data);
        send_error(core, peer, message, AUGSI_CODE_FINGERPRINT, 0, 0, now, text);
        return false;
    }
    if (message->generation != 0 || message->epoch < first ||
        message->epoch - first >= job->n_epochs || message->step > job->n_steps) {
        snprintf(text, sizeof text,
                 "job '%s' has generation 0, epochs %u to %u, steps 0 to %llu; asked for was %llu, "
                 "%u, %llu",
                 job->name, first, first + job->n_epochs - 1, (unsigned long long)job->n_steps,
                 (unsigned long long)message->generation, message->epoch,
                 (unsigned long long)message->step);
        send_error(core, peer, message, AUGSI_CODE_RANGE, 0, job->n_steps, now, text);
        return false;
    }
    if (message->count == 0 || message->count > core->limits.max_credit) {
        snprintf(text, sizeof text, "%llu steps at once; 1 to %u are allowed",
                 (unsigned long long)message->count, core->limits.max_credit);
        send_error(core, peer, message, AUGSI_CODE_CREDIT, 0, core->limits.max_credit, now, text);
        return false;
    }
    return true;
}

static void tell_busy(augsi_server_core *core, known_peer *peer)
{
    if (core->hooks.bytes_out(core->user) >= core->limits.max_bytes_in_flight) {
        const augsi_message message = {.type = AUGSI_BUSY,
                                       .incarnation = peer->incarnation,
                                       .request = peer->request,
                                       .step = peer->next,
                                       .eta_ms = 100};
        send_frame(core, peer, &message, NULL);
    }
}

static void receive_fetch(augsi_server_core *core, known_peer *peer, const augsi_message *message,
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
        drop_work(core, peer);
        peer->incarnation = message->incarnation;
        peer->job = at;
        peer->rank = message->rank;
    }
    if (!check_fetch(core, peer, message, now)) {
        return;
    }
    const uint64_t n_steps = core->jobs[at].n_steps;
    const uint64_t left = n_steps - message->step;
    const uint64_t end = message->step + (message->count < left ? message->count : left);
    bool extends = peer->next < peer->end && peer->epoch == message->epoch &&
                   peer->end == message->step &&
                   end - peer->next <= 2 * (uint64_t)core->limits.max_credit;
    if (!extends) {
        drop_work(core, peer);
        peer->epoch = message->epoch;
        peer->next = peer->make_next = message->step;
    }
    peer->end = end;
    peer->request = message->request;
    peer->eos_due = end == n_steps;
    tell_busy(core, peer);
    if (peer->next == peer->end) {
        if (peer->eos_due) {
            send_eos(core, peer);
        }
    } else if (may_make(peer)) {
        wait_in_line(core, peer);
    }
}

static void receive_bye(augsi_server_core *core, known_peer *peer, const augsi_message *message)
{
    if (peer->greeted && peer->incarnation == message->incarnation) {
        served_job *job = &core->jobs[peer->job];
        bool at_end = message->step >= job->n_steps;
        if (at_end && job->finished[peer->rank] == 0) {
            job->finished[peer->rank] = 1;
            job->n_finished++;
            core->stats.n_finished++;
        }
    }
    remove_peer(core, peer);
}

static void receive_ping(augsi_server_core *core, known_peer *peer, const augsi_message *message)
{
    /* to a peer this server does not know, silence: it is to say HELLO again */
    if (peer->greeted && peer->incarnation == message->incarnation) {
        const augsi_message pong = {.type = AUGSI_PONG,
                                    .incarnation = message->incarnation,
                                    .count = message->count,
                                    .step = core->n_making};
        if (peer->next < peer->end) {
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
    known_peer *peer = peer_of(core, routing_id, n_routing_id, now_ns);
    if (peer == NULL) {
        core->stats.n_errors++;
        return; /* no room for another peer: its progress timer brings it back */
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
        sweep(core, now_ns, PEER_IDLE);
    }
    make_more(core);
    return now_ns + (core->first_waiting != NULL ? SECOND / 100 : 5 * SECOND);
}

void augsi_server_core_stats(const augsi_server_core *core, uint64_t now_ns,
                             augs_server_stats *stats)
{
    *stats = core->stats;
    stats->size = sizeof *stats;
    for (size_t b = 0; b < N_BUCKETS; b++) {
        for (const known_peer *walk = core->buckets[b]; walk != NULL; walk = walk->next_in_bucket) {
            stats->n_peers += now_ns < walk->seen || now_ns - walk->seen <= PEER_SEEN;
        }
    }
}
