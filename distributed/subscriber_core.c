/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cursor (epoch, step) is all that matters; everything else can be begun again. A message
 * counts only if it is of this incarnation (socket), and a batch only if it is the very one the
 * cursor stands at.
 *
 * Progress timer: 4 x the smoothed time of a reply (Jacobson's estimator, gain 1/8) + 1 s, twice as
 * long each time it has run out since the last batch (Karn and Partridge, SIGCOMM 1987: a server
 * that needs longer for the first batch would never be measured), within 1 s to 30 s. Half-way a
 * PING asks whether the server is still at it. Back-off: full jitter (Brooker, "Exponential backoff
 * and jitter", 2015).
 */
#include "distributed/subscriber_core.h"

#include <string.h>

#include "base/checked.h"
#include "base/fail.h"
#include "base/memory.h"
#include "distributed/subscriber_cursor.h"

#define SECOND ((uint64_t)1000000000)
#define MILLISECOND ((uint64_t)1000000)
#define FIRST_BACKOFF (50 * MILLISECOND)
#define LAST_BACKOFF (10 * SECOND)
#define LAST_PATIENCE (30 * SECOND)
#define PING_AFTER (2 * SECOND) /* or half of the patience */

enum phase { IDLE, BACKING_OFF, GREETING, STREAMING, DONE, FAILED };

struct augsi_subscriber_core {
    augs_allocator allocator;
    augsi_subscriber_hooks hooks;
    void *user;
    augs_logger logger;
    augsi_text frame;
    uint32_t window, n_endpoints;
    /* the connection */
    enum phase phase;
    uint32_t endpoint;
    uint64_t incarnation, request, random;
    uint64_t backoff, retry_at;
    uint64_t quiet_since, asked_at, smoothed, next_ping;
    unsigned n_timeouts;  /* of the progress timer since the last batch */
    uint64_t seen;        /* when the caller was last here */
    uint64_t progress_at; /* when the cursor moved last, or a batch came for it */
    bool first_reply_due;
    augsi_cursor cursor; /* at the first step not taken */
    uint64_t asked_end;  /* how far was asked for */
    bool ready;          /* the step's batch is in the caller's hands */
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
    core->window = options->steps_ahead != 0 ? options->steps_ahead : AUGS_DEFAULT_STEPS_AHEAD;
    core->n_endpoints = options->n_endpoints;
    core->backoff = FIRST_BACKOFF;
    core->stats.size = sizeof core->stats;
    augsi_text_init(&core->frame, &core->allocator);
    int status = augsi_cursor_init(&core->cursor, options, allocator, error);
    if (status < 0) {
        augsi_subscriber_core_free(core);
        return status;
    }
    *ret_core = core;
    return AUGS_OK;
}

void augsi_subscriber_core_free(augsi_subscriber_core *core)
{
    if (core != NULL) {
        augs_allocator allocator = core->allocator;
        augsi_cursor_done(&core->cursor);
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
    core->asked_end = core->cursor.step;
    core->ready = false;
}

static uint64_t patience(const augsi_subscriber_core *core)
{
    uint64_t limit = augsi_add_or_most(augsi_mul_or_most(4, core->smoothed), SECOND);
    for (unsigned i = 0; i < core->n_timeouts && limit < LAST_PATIENCE; i++) {
        limit *= 2;
    }
    return limit > LAST_PATIENCE ? LAST_PATIENCE : limit;
}

static void connect_now(augsi_subscriber_core *core, uint64_t now)
{
    core->incarnation = next_random(core);
    core->asked_end = core->cursor.step;
    core->stats.n_connects++;
    if (!core->hooks.connect(core->user, core->endpoint)) {
        back_off(core, now, 0);
        return;
    }
    core->phase = GREETING;
    core->asked_at = now;
    core->next_ping = 0;
    core->request = 0; /* HELLO is not sent yet */
}

static bool say_hello(augsi_subscriber_core *core)
{
    const augsi_message hello = {.type = AUGSI_HELLO,
                                 .protocol_min = AUGSI_PROTOCOL,
                                 .protocol_max = AUGSI_PROTOCOL,
                                 .incarnation = core->incarnation,
                                 .job = bytes_of(core->cursor.job),
                                 .rank = core->cursor.rank,
                                 .world_size = core->cursor.world_size,
                                 .format = bytes_of("columns"),
                                 .agent = bytes_of("augstream " AUGSI_VERSION)};
    return send_message(core, &hello);
}

/* Asks for what is not asked for yet, when half of the window is free. */
static void fetch(augsi_subscriber_core *core, uint64_t now)
{
    if (core->phase != STREAMING || core->cursor.step >= core->cursor.n_steps) {
        return;
    }
    uint64_t window = core->window < core->cursor.welcome.max_credit
                          ? core->window
                          : core->cursor.welcome.max_credit;
    uint64_t begin = core->asked_end > core->cursor.step ? core->asked_end : core->cursor.step;
    if (begin < core->cursor.n_steps &&
        augsi_cursor_next(&core->cursor, begin) == core->cursor.n_steps) {
        return; /* nothing is left for this rank */
    }
    uint64_t ahead = begin - core->cursor.step, left = core->cursor.n_steps - begin;
    uint64_t count = window - (ahead < window ? ahead : window);
    count = count < left ? count : left;
    if (count == 0 || (ahead > 0 && 2 * ahead > window)) {
        return;
    }
    const augsi_message message = {.type = AUGSI_FETCH,
                                   .incarnation = core->incarnation,
                                   .request = core->request + 1,
                                   .job = bytes_of(core->cursor.job),
                                   .fingerprint = bytes_of(core->cursor.welcome.fingerprint),
                                   .generation = core->cursor.welcome.generation,
                                   .rank = core->cursor.rank,
                                   .world_size = core->cursor.world_size,
                                   .epoch = core->cursor.epoch,
                                   .base_step = augsi_plan_base_step(core->cursor.plan),
                                   .base_position = augsi_plan_base_position(core->cursor.plan),
                                   .step = begin,
                                   .count = count};
    if (send_message(core, &message)) {
        if (ahead == 0) {
            core->asked_at = now;
            core->first_reply_due = true;
        }
        core->request++;
        core->asked_end = augsi_cursor_end_of_range(&core->cursor, begin, count);
        core->stats.n_fetches++;
    }
}

/* Goes to the next epoch where one has ended, and says goodbye where the last one has. A caller that
 * waits for a batch also passes over what has none. */
static int turn_epoch(augsi_subscriber_core *core, bool skips, augs_error *error)
{
    const uint32_t epoch = core->cursor.epoch;
    int status =
        skips ? augsi_cursor_skip(&core->cursor, error) : augsi_cursor_turn(&core->cursor, error);
    if (status == 0) {
        augsi_subscriber_core_bye(core);
        core->phase = DONE;
    }
    if (core->cursor.epoch != epoch) {
        core->asked_end = 0;
    }
    return status < 0 ? status : AUGS_OK;
}

static int receive_welcome(augsi_subscriber_core *core, const void *data, size_t n_bytes,
                           uint64_t now, augs_error *error)
{
    error->message[0] = '\0';
    int status = core->phase != GREETING
                     ? 0
                     : augsi_cursor_welcome(&core->cursor, data, n_bytes, core->incarnation, error);
    if (status == 0) {
        core->stats.n_rejected++;
        augsi_log(&core->logger, AUGS_LOG_INFO, "rank %u: a WELCOME of another connection: %s",
                  core->cursor.rank, error->message);
    }
    if (status <= 0) {
        return status;
    }
    core->phase = STREAMING;
    core->quiet_since = now;
    core->backoff = FIRST_BACKOFF;
    status = turn_epoch(core, false, error);
    fetch(core, now);
    return status;
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
                batch->rank == core->cursor.rank &&
                batch->generation == core->cursor.welcome.generation && !core->ready;
    if (!ours) {
        core->stats.n_rejected++;
        return AUGSI_RECEIVED_NOTHING;
    }
    if (batch->epoch < core->cursor.epoch ||
        (batch->epoch == core->cursor.epoch && batch->step < core->cursor.step)) {
        core->stats.n_duplicates++;
        return AUGSI_RECEIVED_NOTHING;
    }
    if (batch->epoch != core->cursor.epoch || batch->step != core->cursor.step ||
        !augsi_cursor_fits(&core->cursor, batch, payload, n_payload)) {
        core->stats.n_rejected++;
        augsi_log(&core->logger, AUGS_LOG_WARNING,
                  "rank %u: a batch of step %llu does not fit step %llu: asking again",
                  core->cursor.rank, (unsigned long long)batch->step,
                  (unsigned long long)core->cursor.step);
        back_off(core, now, 0);
        return AUGSI_RECEIVED_NOTHING;
    }
    measure_reply(core, now);
    core->quiet_since = core->progress_at = now;
    core->n_timeouts = 0;
    core->ready = true;
    return AUGSI_RECEIVED_BATCH;
}

static int receive_error(augsi_subscriber_core *core, const augsi_message *message, uint64_t now,
                         augs_error *error)
{
    if (message->incarnation != core->incarnation && message->incarnation != 0) {
        return AUGSI_RECEIVED_NOTHING;
    }
    if (message->code == AUGSI_CODE_CREDIT && message->count > 0 &&
        message->count < core->cursor.welcome.max_credit) {
        /* a server that was started again allows less than the one that said WELCOME */
        core->cursor.welcome.max_credit = (uint32_t)message->count;
        back_off(core, now, 0);
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
              core->cursor.rank, (int)(message->text.n_bytes < 200 ? message->text.n_bytes : 200),
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
    core->seen = now_ns;
    if (core->phase != GREETING && core->phase != STREAMING) {
        return AUGSI_RECEIVED_NOTHING; /* of a connection that is given up */
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
        augsi_log(&core->logger, AUGS_LOG_WARNING, "rank %u: %s", core->cursor.rank, own.message);
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
    const uint64_t away = now_ns > core->seen ? now_ns - core->seen : 0;
    core->quiet_since += away;
    core->asked_at += away;
    core->seen = core->progress_at = now_ns;
}

/* The PING that a quiet connection gets; a server that works for us answers with PONG. Returns when
 * the next one is due. */
static uint64_t ping(augsi_subscriber_core *core, uint64_t now)
{
    const uint64_t half = patience(core) / 2, after = half < PING_AFTER ? half : PING_AFTER;
    if (core->next_ping > now + after) { /* the clock may jump back */
        core->next_ping = now;
    }
    if (now >= core->next_ping && now - core->quiet_since >= after) {
        const augsi_message message = {.type = AUGSI_PING,
                                       .incarnation = core->incarnation,
                                       .count = now,
                                       .step = core->cursor.step};
        send_message(core, &message);
        core->next_ping = now + after;
    }
    const uint64_t due = core->quiet_since + after;
    return due > core->next_ping ? due : core->next_ping;
}

static uint64_t tick_greeting(augsi_subscriber_core *core, uint64_t now)
{
    if (core->request == 0 && say_hello(core)) {
        core->request = 1;
        core->asked_at = now;
    }
    const uint64_t limit = 2 * SECOND + patience(core);
    if (now > core->asked_at && now - core->asked_at > limit) {
        core->n_timeouts++;
        back_off(core, now, 0);
        return core->retry_at;
    }
    core->asked_at = core->asked_at > now ? now : core->asked_at; /* the clock may jump back */
    /* HELLO waits for the connection: look again soon */
    return core->request == 0 ? now + 20 * MILLISECOND : core->asked_at + limit + 1;
}

static uint64_t tick_streaming(augsi_subscriber_core *core, uint64_t now)
{
    fetch(core, now);
    core->quiet_since = core->quiet_since > now ? now : core->quiet_since;
    const uint64_t limit = patience(core);
    if (now - core->quiet_since > limit) {
        augsi_log(&core->logger, AUGS_LOG_INFO,
                  "rank %u: no progress at step %llu: a new connection", core->cursor.rank,
                  (unsigned long long)core->cursor.step);
        core->n_timeouts++;
        back_off(core, now, 0);
        return core->retry_at;
    }
    const uint64_t next_ping = ping(core, now), patient = core->quiet_since + limit + 1;
    return next_ping < patient ? next_ping : patient;
}

uint64_t augsi_subscriber_core_tick(augsi_subscriber_core *core, uint64_t now_ns)
{
    core->seen = now_ns;
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
        return tick_greeting(core, now_ns);
    }
    return core->phase == STREAMING ? tick_streaming(core, now_ns) : now_ns + SECOND;
}

void augsi_subscriber_core_expected(const augsi_subscriber_core *core, augsi_expected *ret_expected)
{
    *ret_expected = (augsi_expected){.stream = core->cursor.stream,
                                     .slice = core->cursor.slice,
                                     .step = core->cursor.step,
                                     .epoch = core->cursor.epoch,
                                     .rank = core->cursor.rank,
                                     .world_size = core->cursor.world_size};
}

void augsi_subscriber_core_take(augsi_subscriber_core *core, uint64_t now_ns)
{
    augs_error error;
    core->seen = now_ns;
    core->ready = false;
    augsi_cursor_advance(&core->cursor);
    core->quiet_since = core->progress_at = now_ns;
    if (turn_epoch(core, false, &error) < 0) {
        fail_job(core, &error);
        return;
    }
    fetch(core, now_ns);
}

void augsi_subscriber_core_skip(augsi_subscriber_core *core, uint64_t now_ns)
{
    augs_error error;
    if (core->phase != STREAMING || core->cursor.has_samples) {
        return;
    }
    if (turn_epoch(core, true, &error) < 0) {
        fail_job(core, &error);
        return;
    }
    fetch(core, now_ns);
}

bool augsi_subscriber_core_is_welcome(const augsi_subscriber_core *core)
{
    return core->cursor.is_settled;
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
        const augsi_message bye = {.type = AUGSI_BYE,
                                   .incarnation = core->incarnation,
                                   .epoch = core->cursor.epoch,
                                   .base_step = augsi_plan_base_step(core->cursor.plan),
                                   .base_position = augsi_plan_base_position(core->cursor.plan),
                                   .step = core->cursor.step};
        send_message(core, &bye);
    }
}

augs_stream *augsi_subscriber_core_stream(const augsi_subscriber_core *core)
{
    return core->cursor.stream;
}

augsi_plan *augsi_subscriber_core_plan(const augsi_subscriber_core *core)
{
    return core->cursor.plan;
}

uint64_t augsi_subscriber_core_most_samples(const augsi_subscriber_core *core)
{
    return core->cursor.most_samples;
}

int augsi_subscriber_core_token(const augsi_subscriber_core *core, augsi_token *ret_token,
                                augs_error *error)
{
    return augsi_cursor_token(&core->cursor, ret_token, error);
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
