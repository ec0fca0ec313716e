/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cursor (epoch, step) is all that matters; everything else can be begun again. A message
 * counts only if it is of this incarnation (socket), and a batch only if it is the very one the
 * cursor stands at.
 *
 * Progress timer: 4 x the smoothed time of a reply (Jacobson's estimator, gain 1/8) + 1 s, within 1
 * s to 30 s. Back-off: full jitter (Brooker, "Exponential backoff and jitter", 2015).
 */
#include "subscriber_core.h"

#include <string.h>

#include "checksum.h"
#include "fail.h"
#include "memory.h"

#define SECOND ((uint64_t)1000000000)
#define MILLISECOND ((uint64_t)1000000)
#define DEFAULT_WINDOW 8u
#define FIRST_BACKOFF (50 * MILLISECOND)
#define LAST_BACKOFF (10 * SECOND)
#define PING_AFTER (2 * SECOND)

enum phase { IDLE, BACKING_OFF, GREETING, STREAMING, DONE, FAILED };

struct augsi_subscriber_core {
    augs_allocator allocator;
    augsi_subscriber_hooks hooks;
    void *user;
    augs_logger logger;
    augsi_text frame;
    /* what the caller wants */
    char job[AUGSI_MAX_JOB_BYTES + 1], fingerprint[33];
    uint32_t rank, world_size, window, n_endpoints;
    bool has_token;
    augsi_token token;
    /* the connection */
    enum phase phase;
    uint32_t endpoint;
    uint64_t incarnation, request, random;
    uint64_t backoff, retry_at;
    uint64_t quiet_since, asked_at, smoothed, next_ping;
    uint64_t progress_at; /* when the cursor moved last, or a batch came for it */
    bool first_reply_due;
    /* the job */
    bool welcome_came;
    augsi_welcome welcome;
    augsi_plan *plan;
    augs_stream *stream; /* of the cursor's epoch */
    /* the cursor: the first step not taken, and how far was asked for */
    uint32_t epoch;
    uint64_t step, asked_end;
    bool has_slice, ready; /* the slice of `step`; its batch is in the caller's hands */
    augsi_slice slice;
    augs_subscriber_stats stats;
    augs_error failure;
};

/* splitmix64 (Steele, Lea and Flood, OOPSLA 2014): for incarnations and jitter only. */
static uint64_t next_random(augsi_subscriber_core *core)
{
    uint64_t z = core->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

int augsi_subscriber_core_open(const augs_subscriber_options *options,
                               const augsi_subscriber_hooks *hooks, void *user, uint64_t seed,
                               const augs_allocator *allocator, augsi_subscriber_core **ret_core,
                               augs_error *error)
{
    augsi_subscriber_core *core = augsi_new(allocator, sizeof *core);
    if (core == NULL) {
        return augsi_fail_memory(error, sizeof *core);
    }
    core->allocator = *allocator;
    core->hooks = *hooks;
    core->user = user;
    core->logger = options->logger;
    core->random = seed;
    core->rank = options->rank;
    core->world_size = options->world_size != 0 ? options->world_size : 1;
    core->window = options->window != 0 ? options->window : DEFAULT_WINDOW;
    core->n_endpoints = options->n_endpoints;
    core->backoff = FIRST_BACKOFF;
    core->stats.size = sizeof core->stats;
    augsi_text_init(&core->frame, &core->allocator);
    const char *job = options->job != NULL ? options->job : "default";
    int status = AUGS_OK;
    if (strlen(job) == 0 || strlen(job) > AUGSI_MAX_JOB_BYTES) {
        status =
            augsi_fail(error, AUGS_E_ARGUMENT,
                       "subscriber: the job's name has to have 1 to %u bytes", AUGSI_MAX_JOB_BYTES);
    } else if (core->rank >= core->world_size) {
        status = augsi_fail(error, AUGS_E_RANGE, "subscriber: rank %u of %u; ranks are 0 to %u",
                            core->rank, core->world_size, core->world_size - 1);
    } else if (options->fingerprint != NULL && strlen(options->fingerprint) != 32) {
        status = augsi_fail(error, AUGS_E_ARGUMENT,
                            "subscriber: a fingerprint has 32 hexadecimal digits");
    } else if (options->token != NULL) {
        status = augsi_token_parse(options->token, &core->token, error);
        core->has_token = status == AUGS_OK;
        if (status == AUGS_OK && strcmp(core->token.job, job) != 0) {
            status = augsi_fail(error, AUGS_E_TOKEN,
                                "resume token: it is of the job '%s', this one is '%s'",
                                core->token.job, job);
        }
    }
    if (status < 0) {
        augsi_subscriber_core_free(core);
        return status;
    }
    memcpy(core->job, job, strlen(job) + 1);
    if (options->fingerprint != NULL) {
        memcpy(core->fingerprint, options->fingerprint, sizeof core->fingerprint);
    }
    *ret_core = core;
    return AUGS_OK;
}

void augsi_subscriber_core_free(augsi_subscriber_core *core)
{
    if (core != NULL) {
        augs_allocator allocator = core->allocator;
        augsi_plan_free(core->plan);
        augs_stream_unref(core->stream);
        augs_stream_unref(core->welcome.stream);
        augsi_text_done(&core->frame);
        augsi_delete(&allocator, core, sizeof *core);
    }
}

static augsi_bytes bytes_of(const char *text)
{
    return (augsi_bytes){text, strlen(text)};
}

static bool send_message(augsi_subscriber_core *core, const augsi_message *message)
{
    augsi_text_clear(&core->frame);
    augsi_wire_encode(&core->frame, message);
    return !core->frame.failed &&
           core->hooks.send(core->user, core->frame.data, core->frame.n_bytes);
}

/* Ends the job for good. */
static int fail_job(augsi_subscriber_core *core, const augs_error *why)
{
    core->failure = *why;
    core->phase = FAILED;
    core->hooks.disconnect(core->user);
    return why->status;
}

/* The socket is given up; another one is made after a while, at the next endpoint. */
static void back_off(augsi_subscriber_core *core, uint64_t now, uint64_t at_least)
{
    core->hooks.disconnect(core->user);
    core->phase = BACKING_OFF;
    core->retry_at = now + at_least + next_random(core) % core->backoff;
    core->backoff = core->backoff * 2 > LAST_BACKOFF ? LAST_BACKOFF : core->backoff * 2;
    core->endpoint = (core->endpoint + 1) % core->n_endpoints;
    core->asked_end = core->step;
    core->ready = false;
}

static uint64_t patience(const augsi_subscriber_core *core)
{
    uint64_t limit = 4 * core->smoothed + SECOND;
    return limit > 30 * SECOND ? 30 * SECOND : limit;
}

static void connect_now(augsi_subscriber_core *core, uint64_t now)
{
    core->incarnation = next_random(core);
    core->asked_end = core->step;
    core->stats.n_connects++;
    if (!core->hooks.connect(core->user, core->endpoint)) {
        back_off(core, now, 0);
        return;
    }
    core->phase = GREETING;
    core->asked_at = now;
    core->request = 0; /* HELLO is not sent yet */
}

static bool say_hello(augsi_subscriber_core *core)
{
    const augsi_message hello = {.type = AUGSI_HELLO,
                                 .protocol_min = AUGSI_PROTOCOL,
                                 .protocol_max = AUGSI_PROTOCOL,
                                 .incarnation = core->incarnation,
                                 .job = bytes_of(core->job),
                                 .rank = core->rank,
                                 .world_size = core->world_size,
                                 .format = bytes_of("columns"),
                                 .agent = bytes_of("augstream " AUGSI_VERSION)};
    return send_message(core, &hello);
}

static uint64_t n_steps(const augsi_subscriber_core *core)
{
    return augsi_plan_n_steps(core->plan);
}

/* Asks for what is not asked for yet, when half of the window is free. */
static void fetch(augsi_subscriber_core *core, uint64_t now)
{
    if (core->phase != STREAMING || core->step >= n_steps(core)) {
        return;
    }
    uint64_t window =
        core->window < core->welcome.max_credit ? core->window : core->welcome.max_credit;
    uint64_t begin = core->asked_end > core->step ? core->asked_end : core->step;
    uint64_t ahead = begin - core->step, left = n_steps(core) - begin;
    uint64_t count = window - (ahead < window ? ahead : window);
    count = count < left ? count : left;
    if (count == 0 || (ahead > 0 && 2 * ahead > window)) {
        return;
    }
    const augsi_message message = {.type = AUGSI_FETCH,
                                   .incarnation = core->incarnation,
                                   .request = core->request + 1,
                                   .job = bytes_of(core->job),
                                   .fingerprint = bytes_of(core->welcome.fingerprint),
                                   .generation = core->welcome.generation,
                                   .rank = core->rank,
                                   .world_size = core->world_size,
                                   .epoch = core->epoch,
                                   .step = begin,
                                   .count = count};
    if (send_message(core, &message)) {
        if (ahead == 0) {
            core->asked_at = now;
            core->first_reply_due = true;
        }
        core->request++;
        core->asked_end = begin + count;
        core->stats.n_fetches++;
    }
}

static bool load_slice(augsi_subscriber_core *core)
{
    if (!core->has_slice) {
        core->has_slice =
            augsi_plan_slice(core->plan, core->step, core->rank, &core->slice, NULL) == 1;
    }
    return core->has_slice;
}

static void finish(augsi_subscriber_core *core)
{
    augsi_subscriber_core_bye(core);
    core->phase = DONE;
}

/* Goes to the next epoch where one has ended. */
static int turn_epoch(augsi_subscriber_core *core, augs_error *error)
{
    while (core->step >= n_steps(core)) {
        uint64_t next = (uint64_t)core->epoch + 1;
        if (next >= (uint64_t)core->welcome.first_epoch + core->welcome.n_epochs) {
            finish(core);
            return AUGS_OK;
        }
        augs_stream *stream;
        int status = augs_stream_open_epoch(core->stream, (uint32_t)next, &stream, error);
        if (status < 0) {
            return status;
        }
        augs_stream_unref(core->stream);
        core->stream = stream;
        core->epoch = (uint32_t)next;
        core->step = core->asked_end = 0;
        core->has_slice = false;
    }
    return AUGS_OK;
}

/* The first WELCOME makes plan and cursor. */
static int settle(augsi_subscriber_core *core, augs_error *error)
{
    const augsi_welcome *welcome = &core->welcome;
    if (core->fingerprint[0] != '\0' && strcmp(core->fingerprint, welcome->fingerprint) != 0) {
        return augsi_fail(error, AUGS_E_MISMATCH, "job '%s' is of the stream %s, %s was asked for",
                          core->job, welcome->fingerprint, core->fingerprint);
    }
    if (core->has_token && strcmp(core->token.fingerprint, welcome->fingerprint) != 0) {
        return augsi_fail(error, AUGS_E_TOKEN,
                          "resume token: it is of the stream %s, job '%s' is of %s",
                          core->token.fingerprint, core->job, welcome->fingerprint);
    }
    if (welcome->plan.world_size != core->world_size) {
        return augsi_fail(error, AUGS_E_REFUSED, "job '%s' has world size %u, not %u", core->job,
                          welcome->plan.world_size, core->world_size);
    }
    int status =
        augsi_plan_open(&core->allocator, &welcome->plan, 0, augs_stream_n_samples(welcome->stream),
                        augs_stream_sample_bytes(welcome->stream), &core->plan, error);
    if (status < 0) {
        return status;
    }
    if (!augsi_plan_is_fixed(core->plan) || n_steps(core) != welcome->n_steps) {
        return augsi_fail(error, AUGS_E_PROTOCOL,
                          "job '%s': the server plans %llu steps, its options make %llu here",
                          core->job, (unsigned long long)welcome->n_steps,
                          (unsigned long long)n_steps(core));
    }
    core->epoch = welcome->first_epoch;
    core->stream = augs_stream_ref(welcome->stream);
    if (core->has_token) {
        uint64_t last = (uint64_t)welcome->first_epoch + welcome->n_epochs;
        if (core->token.epoch < welcome->first_epoch || core->token.epoch >= last ||
            core->token.step > n_steps(core)) {
            return augsi_fail(error, AUGS_E_TOKEN,
                              "resume token: epoch %u, step %llu; job '%s' has the epochs %u to "
                              "%llu with %llu steps each",
                              core->token.epoch, (unsigned long long)core->token.step, core->job,
                              welcome->first_epoch, (unsigned long long)last - 1,
                              (unsigned long long)n_steps(core));
        }
        augs_stream_unref(core->stream);
        core->stream = NULL;
        status = augs_stream_open_epoch(welcome->stream, core->token.epoch, &core->stream, error);
        if (status < 0) {
            return status;
        }
        core->epoch = core->token.epoch;
        core->step = core->token.step;
    }
    core->welcome_came = true;
    return AUGS_OK;
}

static bool same_job(const augsi_welcome *a, const augsi_welcome *b)
{
    return strcmp(a->fingerprint, b->fingerprint) == 0 && a->generation == b->generation &&
           a->n_steps == b->n_steps && a->first_epoch == b->first_epoch &&
           a->n_epochs == b->n_epochs && a->plan.world_size == b->plan.world_size &&
           a->plan.tail == b->plan.tail && a->plan.shard == b->plan.shard &&
           strcmp(a->strategy_name, b->strategy_name) == 0 &&
           a->strategy.batch_size == b->strategy.batch_size &&
           a->strategy.batches == b->strategy.batches && a->strategy.window == b->strategy.window &&
           a->strategy.drop_last == b->strategy.drop_last;
}

static int receive_welcome(augsi_subscriber_core *core, const void *data, size_t n_bytes,
                           uint64_t now, augs_error *error)
{
    augsi_welcome *welcome =
        core->welcome_came ? augsi_new(&core->allocator, sizeof *welcome) : &core->welcome;
    if (welcome == NULL) {
        return augsi_fail_memory(error, sizeof *welcome);
    }
    int status = augsi_wire_decode_welcome(data, n_bytes, &core->allocator, welcome, error);
    bool ours =
        status == AUGS_OK && welcome->incarnation == core->incarnation && core->phase == GREETING;
    if (!core->welcome_came) {
        if (status == AUGS_OK && !ours) {
            augs_stream_unref(welcome->stream);
            welcome->stream = NULL;
        } else if (ours) {
            status = settle(core, error);
        }
    } else {
        if (ours && !same_job(welcome, &core->welcome)) {
            status = augsi_fail(
                error, AUGS_E_MISMATCH,
                "job '%s' is another one since the connection was lost: stream %s, before %s",
                core->job, welcome->fingerprint, core->welcome.fingerprint);
        }
        if (status >= 0 || welcome->stream != NULL) {
            augs_stream_unref(welcome->stream);
        }
        augsi_delete(&core->allocator, welcome, sizeof *welcome);
    }
    if (status < 0 || !ours) {
        return status;
    }
    core->phase = STREAMING;
    core->quiet_since = now;
    core->backoff = FIRST_BACKOFF;
    status = turn_epoch(core, error);
    fetch(core, now);
    return status;
}

/* What BATCH says is what the plan says, and the payload is what BATCH says. */
static bool fits(augsi_subscriber_core *core, const augsi_message *batch, const void *payload,
                 size_t n_payload)
{
    if (!load_slice(core)) {
        return false;
    }
    const augsi_slice *slice = &core->slice;
    const uint64_t n = slice->body.count + slice->pad_count;
    return batch->first == slice->body.first && batch->stride == slice->body.stride &&
           batch->n_samples == n && batch->n_bytes == n_payload &&
           augsi_hash64(payload, n_payload) == batch->hash;
}

static void measure_reply(augsi_subscriber_core *core, uint64_t now)
{
    if (core->first_reply_due && now >= core->asked_at) {
        uint64_t took = now - core->asked_at;
        core->smoothed =
            core->smoothed == 0 ? took : core->smoothed - core->smoothed / 8 + took / 8;
        core->first_reply_due = false;
    }
}

static int receive_batch(augsi_subscriber_core *core, const augsi_message *batch,
                         const void *payload, size_t n_payload, uint64_t now)
{
    bool ours = core->phase == STREAMING && batch->incarnation == core->incarnation &&
                batch->rank == core->rank && batch->generation == core->welcome.generation &&
                !core->ready;
    if (!ours) {
        core->stats.n_rejected++;
        return AUGSI_RECEIVED_NOTHING;
    }
    if (batch->epoch < core->epoch || (batch->epoch == core->epoch && batch->step < core->step)) {
        core->stats.n_duplicates++;
        return AUGSI_RECEIVED_NOTHING;
    }
    if (batch->epoch != core->epoch || batch->step != core->step ||
        !fits(core, batch, payload, n_payload)) {
        core->stats.n_rejected++;
        augsi_log(&core->logger, AUGS_LOG_WARNING,
                  "rank %u: a batch of step %llu does not fit step %llu: asking again", core->rank,
                  (unsigned long long)batch->step, (unsigned long long)core->step);
        back_off(core, now, 0);
        return AUGSI_RECEIVED_NOTHING;
    }
    measure_reply(core, now);
    core->quiet_since = core->progress_at = now;
    core->ready = true;
    if (batch->n_samples == 0) { /* nothing for this rank in this step */
        augsi_subscriber_core_take(core, now);
        return AUGSI_RECEIVED_NOTHING;
    }
    return AUGSI_RECEIVED_BATCH;
}

static int receive_error(augsi_subscriber_core *core, const augsi_message *message, uint64_t now,
                         augs_error *error)
{
    if (message->incarnation != core->incarnation && message->incarnation != 0) {
        return AUGSI_RECEIVED_NOTHING;
    }
    if (message->retry_ms == 0) {
        int status = message->code == AUGSI_CODE_FINGERPRINT ? AUGS_E_MISMATCH : AUGS_E_REFUSED;
        augs_error why;
        augsi_fail(&why, status, "the server refuses: %.*s",
                   (int)(message->text.n_bytes < 200 ? message->text.n_bytes : 200),
                   message->text.data);
        if (error != NULL) {
            *error = why;
        }
        return fail_job(core, &why);
    }
    uint64_t wait_ms = message->retry_ms > 60000 ? 60000 : message->retry_ms;
    augsi_log(&core->logger, AUGS_LOG_INFO, "rank %u: the server says %.*s; again in %llu ms",
              core->rank, (int)(message->text.n_bytes < 200 ? message->text.n_bytes : 200),
              message->text.data, (unsigned long long)wait_ms);
    back_off(core, now, wait_ms * MILLISECOND);
    return AUGSI_RECEIVED_NOTHING;
}

int augsi_subscriber_core_receive(augsi_subscriber_core *core, const void *header, size_t n_header,
                                  const void *payload, size_t n_payload, uint64_t now_ns,
                                  augs_error *error)
{
    augsi_message message;
    augs_error own;
    if (core->phase == FAILED) {
        return augsi_subscriber_core_failure(core, error);
    }
    if (augsi_wire_type(header, n_header) == AUGSI_WELCOME) {
        int status = receive_welcome(core, header, n_header, now_ns, &own);
        if (status < 0 && error != NULL) {
            *error = own;
        }
        return status < 0 ? fail_job(core, &own) : AUGSI_RECEIVED_NOTHING;
    }
    if (augsi_wire_decode(header, n_header, &message, &own) < 0) {
        core->stats.n_rejected++;
        augsi_log(&core->logger, AUGS_LOG_WARNING, "rank %u: %s", core->rank, own.message);
        back_off(core, now_ns, 0);
        return AUGSI_RECEIVED_NOTHING;
    }
    switch (message.type) {
    case AUGSI_BATCH:
        return receive_batch(core, &message, payload, n_payload, now_ns);
    case AUGSI_ERR:
        return receive_error(core, &message, now_ns, error);
    case AUGSI_BUSY:
    case AUGSI_PONG:
        if (message.incarnation == core->incarnation) {
            core->quiet_since = now_ns; /* it is there, and it knows */
        }
        return AUGSI_RECEIVED_NOTHING;
    default: /* EOS tells what the plan says already; DRAIN is followed by the end of the connection
              */
        return AUGSI_RECEIVED_NOTHING;
    }
}

void augsi_subscriber_core_lost(augsi_subscriber_core *core, uint64_t now_ns)
{
    if (core->phase == GREETING || core->phase == STREAMING) {
        back_off(core, now_ns, 0);
    }
}

void augsi_subscriber_core_wait(augsi_subscriber_core *core, uint64_t now_ns)
{
    core->quiet_since = core->progress_at = now_ns;
    if (core->phase == GREETING && core->asked_at < now_ns && core->request == 0) {
        core->asked_at = now_ns;
    }
}

/* The PING that a quiet connection gets; a server that is alive answers with PONG or BUSY. */
static void ping(augsi_subscriber_core *core, uint64_t now)
{
    if (now >= core->next_ping && now - core->quiet_since >= PING_AFTER / 2) {
        const augsi_message message = {
            .type = AUGSI_PING, .incarnation = core->incarnation, .count = now, .step = core->step};
        send_message(core, &message);
        core->next_ping = now + PING_AFTER;
    }
}

uint64_t augsi_subscriber_core_tick(augsi_subscriber_core *core, uint64_t now_ns)
{
    if (core->phase == IDLE) {
        core->quiet_since = core->quiet_since == 0 ? now_ns : core->quiet_since;
        connect_now(core, now_ns);
    }
    if (core->phase == BACKING_OFF) {
        if (now_ns < core->retry_at && core->retry_at - now_ns <= 2 * LAST_BACKOFF + 60 * SECOND) {
            return core->retry_at;
        }
        connect_now(core, now_ns);
        if (core->phase == BACKING_OFF) {
            return core->retry_at;
        }
    }
    if (core->phase == GREETING) {
        if (core->request == 0 && say_hello(core)) {
            core->request = 1;
            core->asked_at = now_ns;
        }
        uint64_t limit = 2 * SECOND + patience(core);
        if (now_ns > core->asked_at && now_ns - core->asked_at > limit) {
            back_off(core, now_ns, 0);
            return core->retry_at;
        }
        core->asked_at = core->asked_at > now_ns ? now_ns : core->asked_at;
        /* HELLO waits for the connection: look again soon */
        return core->request == 0 ? now_ns + 20 * MILLISECOND : core->asked_at + limit + 1;
    }
    if (core->phase == STREAMING) {
        fetch(core, now_ns);
        core->quiet_since =
            core->quiet_since > now_ns ? now_ns : core->quiet_since; /* the clock may jump back */
        if (now_ns - core->quiet_since > patience(core)) {
            augsi_log(&core->logger, AUGS_LOG_INFO,
                      "rank %u: no progress at step %llu: a new connection", core->rank,
                      (unsigned long long)core->step);
            back_off(core, now_ns, 0);
            return core->retry_at;
        }
        ping(core, now_ns);
        uint64_t patient = core->quiet_since + patience(core) + 1;
        uint64_t again = core->quiet_since + PING_AFTER;
        return again > now_ns && again < patient ? again : patient;
    }
    return now_ns + SECOND;
}

void augsi_subscriber_core_expected(const augsi_subscriber_core *core, augsi_expected *ret_expected)
{
    *ret_expected = (augsi_expected){.stream = core->stream,
                                     .slice = core->slice,
                                     .step = core->step,
                                     .epoch = core->epoch,
                                     .rank = core->rank,
                                     .world_size = core->world_size};
}

void augsi_subscriber_core_take(augsi_subscriber_core *core, uint64_t now_ns)
{
    augs_error error;
    core->ready = false;
    core->has_slice = false;
    core->step++;
    core->quiet_since = core->progress_at = now_ns;
    if (turn_epoch(core, &error) < 0) {
        fail_job(core, &error);
        return;
    }
    fetch(core, now_ns);
}

bool augsi_subscriber_core_is_welcome(const augsi_subscriber_core *core)
{
    return core->welcome_came;
}

bool augsi_subscriber_core_is_done(const augsi_subscriber_core *core)
{
    return core->phase == DONE;
}

int augsi_subscriber_core_failure(const augsi_subscriber_core *core, augs_error *error)
{
    if (core->phase != FAILED) {
        return AUGS_OK;
    }
    if (error != NULL) {
        *error = core->failure;
    }
    return core->failure.status;
}

void augsi_subscriber_core_bye(augsi_subscriber_core *core)
{
    if (core->phase == STREAMING) {
        const augsi_message bye = {
            .type = AUGSI_BYE, .incarnation = core->incarnation, .step = core->step};
        send_message(core, &bye);
    }
}

augs_stream *augsi_subscriber_core_stream(const augsi_subscriber_core *core)
{
    return core->stream;
}

augsi_plan *augsi_subscriber_core_plan(const augsi_subscriber_core *core)
{
    return core->plan;
}

int augsi_subscriber_core_token(const augsi_subscriber_core *core, augsi_token *ret_token,
                                augs_error *error)
{
    if (!core->welcome_came) {
        if (core->has_token) {
            *ret_token = core->token; /* nothing was taken since */
            return AUGS_OK;
        }
        return augsi_fail(error, AUGS_E_STATE,
                          "subscriber: there is no token before the server was reached");
    }
    augsi_token token = {
        .epoch = core->epoch, .generation = core->welcome.generation, .step = core->step};
    memcpy(token.job, core->job, strlen(core->job) + 1);
    memcpy(token.fingerprint, core->welcome.fingerprint, sizeof token.fingerprint);
    augsi_slice slice;
    if (augsi_plan_slice(core->plan, core->step, core->rank, &slice, NULL) == 1) {
        token.position = slice.body.first;
    }
    *ret_token = token;
    return AUGS_OK;
}

void augsi_subscriber_core_stats(const augsi_subscriber_core *core, augs_subscriber_stats *stats)
{
    stats->n_duplicates = core->stats.n_duplicates;
    stats->n_rejected = core->stats.n_rejected;
    stats->n_connects = core->stats.n_connects;
    stats->n_fetches = core->stats.n_fetches;
}

uint64_t augsi_subscriber_core_stuck_ns(const augsi_subscriber_core *core, uint64_t now_ns)
{
    return now_ns > core->progress_at ? now_ns - core->progress_at : 0;
}
