/* SPDX-License-Identifier: Apache-2.0 */
/* The subscriber's shell: the socket and the clock around subscriber_core.c. */
#include <augstream/subscriber.h>

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <augstream/server.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/memory.h"
#include "base/sized_struct.h"
#include "distributed/batch_compare.h"
#include "distributed/dealer.h"
#include "distributed/subscriber_core.h"
#include "distributed/wakeup.h"
#include "pipeline/batch/batch_pool.h"

#define NS_PER_MS 1000000u

enum {
    MOST_STEPS_AHEAD = 65536,
    MOST_ENDPOINTS = 1024,
    GOODBYE_MS = 500, /* for what was sent last to leave */
};

struct augs_subscriber {
    augs_allocator allocator;
    augs_subscriber_options options; /* defaults filled in, texts ours */
    char *job, *token, *fingerprint;
    augsi_endpoint *endpoints;
    uint32_t endpoint; /* in use or tried last */
    pid_t process;
    augsi_dealer dealer;
    augsi_wakeup wakeup;
    augsi_subscriber_core *core;
    augsi_batch_pool *pool;
    atomic_int cancelled;
    bool frame_checked;
    uint64_t n_batches, n_samples, n_bytes;
};

static void disconnect_hook(void *user)
{
    augs_subscriber *subscriber = user;
    augsi_dealer_close(&subscriber->dealer, 0);
}

static bool connect_hook(void *user, uint32_t endpoint)
{
    augs_subscriber *subscriber = user;
    augs_error error = {.status = 0};
    const augsi_endpoint *to = &subscriber->endpoints[endpoint];
    disconnect_hook(subscriber);
    subscriber->endpoint = endpoint;
    if (augsi_dealer_open(&subscriber->dealer, to, subscriber->options.max_frame_bytes, &error) <
        0) {
        augsi_log(&subscriber->options.logger, AUGS_LOG_WARNING, "%s", error.message);
        return false;
    }
    return true;
}

static bool send_hook(void *user, const void *data, size_t n_bytes)
{
    augs_subscriber *subscriber = user;
    return augsi_dealer_send(&subscriber->dealer, data, n_bytes);
}

static int check_options(const augs_subscriber_options *options, augs_error *error)
{
    if (options->n_endpoints == 0 || options->n_endpoints > MOST_ENDPOINTS ||
        options->endpoints == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "subscriber: 1 to %d endpoints are required",
                          MOST_ENDPOINTS);
    }
    if (options->steps_ahead > MOST_STEPS_AHEAD) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "subscriber: steps_ahead %" PRIu32 "; accepted: up to %d",
                          options->steps_ahead, MOST_STEPS_AHEAD);
    }
    const uint16_t one = 1;
    if (*(const unsigned char *)&one != 1) {
        return augsi_fail(error, AUGS_E_UNSUPPORTED,
                          "the protocol is little-endian; this host is not");
    }
    return AUGS_OK;
}

static int copy_text(augs_subscriber *subscriber, const char *text, char **ret_copy,
                     augs_error *error)
{
    if (text != NULL) {
        *ret_copy = augsi_copy_text(&subscriber->allocator, text, strlen(text));
        if (*ret_copy == NULL) {
            return augsi_fail_memory(error, strlen(text));
        }
    }
    return AUGS_OK;
}

static int copy_options(augs_subscriber *subscriber, const augs_subscriber_options *given,
                        augs_error *error)
{
    augs_subscriber_options *options = &subscriber->options;
    *options = *given;
    options->world_size = given->world_size != 0 ? given->world_size : 1;
    options->steps_ahead = given->steps_ahead != 0 ? given->steps_ahead : AUGS_DEFAULT_STEPS_AHEAD;
    options->max_frame_bytes = given->max_frame_bytes != 0 ? given->max_frame_bytes : 256u << 20;
    options->endpoints = NULL;
    options->allocator = &subscriber->allocator;
    int result = copy_text(subscriber, given->job != NULL ? given->job : AUGS_DEFAULT_JOB,
                           &subscriber->job, error);
    if (result >= 0) {
        result = copy_text(subscriber, given->token, &subscriber->token, error);
    }
    if (result >= 0) {
        result = copy_text(subscriber, given->fingerprint, &subscriber->fingerprint, error);
    }
    options->job = subscriber->job;
    options->token = subscriber->token;
    options->fingerprint = subscriber->fingerprint;
    if (result < 0) {
        return result;
    }
    subscriber->endpoints =
        augsi_new_array(&subscriber->allocator, given->n_endpoints, sizeof(augsi_endpoint));
    if (subscriber->endpoints == NULL) {
        return augsi_fail_memory(error, given->n_endpoints * sizeof(augsi_endpoint));
    }
    for (uint32_t i = 0; result >= 0 && i < given->n_endpoints; i++) {
        result =
            given->endpoints[i] == NULL
                ? augsi_fail(error, AUGS_E_ARGUMENT, "subscriber: endpoint %u is NULL", i)
                : augsi_endpoint_for_connect(given->endpoints[i], &subscriber->endpoints[i], error);
    }
    return result;
}

static int open_core(augs_subscriber *subscriber, augs_error *error)
{
    static const augsi_subscriber_hooks hooks = {
        .connect = connect_hook, .disconnect = disconnect_hook, .send = send_hook};
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, 0) < 0) {
        return augsi_fail_errno(error, AUGS_E_IO, errno, "random numbers");
    }
    return augsi_subscriber_core_open(&subscriber->options, &hooks, subscriber, seed,
                                      &subscriber->allocator, &subscriber->core, error);
}

int augs_subscriber_open(const augs_subscriber_options *options, augs_subscriber **ret_subscriber,
                         augs_error *error)
{
    augs_allocator allocator;
    augs_subscriber_options taken;
    if (options == NULL || ret_subscriber == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "subscriber: options and ret_subscriber are required");
    }
    int result = AUGSI_TAKE(augs_subscriber_options, options, &taken, error);
    options = &taken;
    result = result < 0 ? result : check_options(options, error);
    if (result >= 0) {
        result = augsi_allocator_copy(options->allocator, &allocator, error);
    }
    if (result < 0) {
        return result;
    }
    augs_subscriber *subscriber = augsi_new(&allocator, sizeof *subscriber);
    if (subscriber == NULL) {
        return augsi_fail_memory(error, sizeof *subscriber);
    }
    subscriber->allocator = allocator;
    subscriber->process = getpid();
    result = augsi_wakeup_init(&subscriber->wakeup, error);
    if (result < 0) {
        augsi_delete(&allocator, subscriber, sizeof *subscriber);
        return result;
    }
    result = copy_options(subscriber, options, error);
    if (result >= 0) {
        result = open_core(subscriber, error);
    }
    if (result < 0) {
        augs_subscriber_free(subscriber);
        return result;
    }
    *ret_subscriber = subscriber;
    return AUGS_OK;
}

void augs_subscriber_free(augs_subscriber *subscriber)
{
    if (subscriber == NULL) {
        return;
    }
    bool goodbye = subscriber->core != NULL && augsi_zmq_is_ours(&subscriber->dealer.share) &&
                   augsi_subscriber_core_is_welcome(subscriber->core);
    if (goodbye) {
        augsi_subscriber_core_bye(subscriber->core);
    }
    augsi_dealer_close(&subscriber->dealer, goodbye ? GOODBYE_MS : 0);
    augsi_subscriber_core_free(subscriber->core);
    augsi_batch_pool_free(subscriber->pool);
    augsi_wakeup_done(&subscriber->wakeup);
    augs_allocator allocator = subscriber->allocator;
    augsi_delete(&allocator, subscriber->endpoints,
                 subscriber->options.n_endpoints * sizeof(augsi_endpoint));
    augsi_delete_text(&allocator, subscriber->job);
    augsi_delete_text(&allocator, subscriber->token);
    augsi_delete_text(&allocator, subscriber->fingerprint);
    augsi_delete(&allocator, subscriber, sizeof *subscriber);
}

/* The slice made here has to be what came, to the byte. */
static int verify(augs_subscriber *subscriber, const augsi_expected *expected,
                  const augs_batch *batch, augs_error *error)
{
    augs_batch *ours = NULL;
    int result =
        augsi_batch_make(subscriber->pool, expected->stream, &expected->slice, expected->step,
                         expected->rank, expected->world_size, &ours, error);
    if (result >= 0) {
        result = augsi_batch_compare(batch, ours, error);
        augs_batch_unref(ours);
    }
    return result;
}

static void write_info(const augsi_expected *expected, augs_batch_info *info)
{
    const augsi_slice *slice = &expected->slice;
    info->epoch = expected->epoch;
    info->step = expected->step;
    info->first = slice->body.first;
    info->stride = slice->body.stride;
    info->flags =
        (slice->last ? AUGS_BATCH_LAST : 0) | (slice->pad_count > 0 ? AUGS_BATCH_PADDED : 0);
    info->n_padded = slice->pad_count;
    info->pad_first = slice->pad_first;
    info->pad_stride = slice->pad_stride;
    info->rank = expected->rank;
    info->world_size = expected->world_size;
}

/*
 * The one copy of the way: libzmq's message is not aligned and belongs to its allocator, a batch is
 * aligned to 64 bytes and comes from the pool.
 */
static int take_batch(augs_subscriber *subscriber, zmq_msg_t *payload, augs_batch **ret_batch,
                      augs_error *error)
{
    augsi_expected expected;
    augs_batch *batch = NULL;
    size_t n_slab = 0, n_payload = zmq_msg_size(payload);
    int result = AUGS_OK;
    augsi_subscriber_core_expected(subscriber->core, &expected);
    if (subscriber->pool == NULL) {
        result = augsi_batch_pool_open(expected.stream, false, &subscriber->pool, error);
    }
    if (result >= 0) {
        result =
            augsi_batch_take(subscriber->pool, expected.stream,
                             expected.slice.body.count + expected.slice.pad_count, &batch, error);
    }
    if (result < 0) {
        return result;
    }
    void *slab = augsi_batch_slab_edit(batch, &n_slab);
    if (n_slab != n_payload) {
        augs_batch_unref(batch);
        return augsi_fail(error, AUGS_E_PROTOCOL,
                          "step %" PRIu64 ": a payload of %zu bytes; its batch has %zu",
                          expected.step, n_payload, n_slab);
    }
    if (n_slab > 0) {
        memcpy(slab, zmq_msg_data(payload), n_slab);
    }
    write_info(&expected, augsi_batch_info_edit(batch));
    result = subscriber->options.verify != 0 ? verify(subscriber, &expected, batch, error) : 0;
    if (result < 0) {
        augs_batch_unref(batch);
        return result;
    }
    augsi_subscriber_core_take(subscriber->core, augsi_now_ns());
    subscriber->n_batches++;
    subscriber->n_samples += augs_batch_n_samples(batch);
    subscriber->n_bytes += n_payload;
    *ret_batch = batch;
    return 1;
}

/* 1 and a batch, 0 when there was no message, AGAIN when there was one, negative on failure. */
enum { AGAIN = 2 };

static int receive(augs_subscriber *subscriber, augs_batch **ret_batch, augs_error *error)
{
    zmq_msg_t frames[2];
    int result = AGAIN;
    int n_frames = augsi_dealer_receive(&subscriber->dealer, frames);
    if (n_frames == 0) {
        result = 0;
    } else if (n_frames <= 2) {
        int what = augsi_subscriber_core_receive(
            subscriber->core, zmq_msg_data(&frames[0]), zmq_msg_size(&frames[0]),
            n_frames == 2 ? zmq_msg_data(&frames[1]) : NULL,
            n_frames == 2 ? zmq_msg_size(&frames[1]) : 0, augsi_now_ns(), error);
        if (what < 0) {
            result = what;
        } else if (what == AUGSI_RECEIVED_BATCH) {
            assert(ret_batch != NULL);
            result = take_batch(subscriber, &frames[1], ret_batch, error);
        }
    }
    zmq_msg_close(&frames[0]);
    zmq_msg_close(&frames[1]);
    return result;
}

/* The caller's own limit. */
static int check_time(const augs_subscriber *subscriber, augs_error *error)
{
    const uint64_t limit_ms = subscriber->options.timeout_ms;
    if (limit_ms > 0 &&
        augsi_subscriber_core_stuck_ns(subscriber->core, augsi_now_ns()) / NS_PER_MS >= limit_ms) {
        const char *endpoint = subscriber->endpoints[subscriber->endpoint].text;
        if (!augsi_subscriber_core_is_welcome(subscriber->core)) {
            return augsi_fail(error, AUGS_E_TIMEOUT,
                              "no answer from %s for %" PRIu64
                              " ms: no server of job '%s' is there, or something else listens",
                              endpoint, limit_ms, subscriber->job);
        }
        return augsi_fail(error, AUGS_E_TIMEOUT, "no batch from %s for %" PRIu64 " ms", endpoint,
                          limit_ms);
    }
    return AUGS_OK;
}

/* Waits for a message, the core's next time `until`, or the caller's limit. */
static int wait_for_more(augs_subscriber *subscriber, uint64_t until, augs_error *error)
{
    const uint64_t now = augsi_now_ns(), limit_ms = subscriber->options.timeout_ms;
    int64_t ms = until > now ? (int64_t)((until - now) / NS_PER_MS + 1) : 0;
    if (limit_ms > 0) {
        const uint64_t stuck_ms = augsi_subscriber_core_stuck_ns(subscriber->core, now) / NS_PER_MS;
        const uint64_t left_ms = limit_ms > stuck_ms ? limit_ms - stuck_ms : 0;
        ms = left_ms < (uint64_t)ms ? (int64_t)left_ms : ms;
    }
    int waited = augsi_dealer_wait(&subscriber->dealer, subscriber->wakeup.files[0], ms, error);
    if (waited < 0) {
        return waited;
    }
    const unsigned bits = (unsigned)waited;
    if ((bits & AUGSI_DEALER_WOKEN) != 0) {
        augsi_wakeup_clear(&subscriber->wakeup);
    }
    if ((bits & (AUGSI_DEALER_LOST | AUGSI_DEALER_READABLE)) == AUGSI_DEALER_LOST) {
        subscriber->dealer.lost = false;
        augsi_subscriber_core_lost(subscriber->core, augsi_now_ns());
    }
    return AUGS_OK;
}

/*
 * A frame above the limit would end the connection without a word, again and again: what the plan
 * says is looked at before. With last_batch merge it may be the last batch that is too large.
 */
static int check_frame(augs_subscriber *subscriber, augs_error *error)
{
    augsi_subscriber_core *core = subscriber->core;
    if (subscriber->frame_checked || !augsi_subscriber_core_is_welcome(core)) {
        return AUGS_OK;
    }
    subscriber->frame_checked = true;
    const uint64_t limit = subscriber->options.max_frame_bytes;
    const uint64_t n_bytes = augsi_slab_bytes(augsi_subscriber_core_stream(core),
                                              augsi_subscriber_core_most_samples(core));
    if (n_bytes > limit) {
        subscriber->frame_checked = false;
        return augsi_fail(error, AUGS_E_RANGE,
                          "a batch of job '%s' has %" PRIu64
                          " bytes; max_frame_bytes allows %" PRIu64,
                          subscriber->job, n_bytes, limit);
    }
    return AUGS_OK;
}

/* Until a batch came, or WELCOME if ret_batch is NULL: 1; 0 at the end of the job. */
static int run(augs_subscriber *subscriber, augs_batch **ret_batch, augs_error *error)
{
    augsi_subscriber_core_wait(subscriber->core, augsi_now_ns());
    for (;;) {
        if (ret_batch != NULL) {
            augsi_subscriber_core_skip(subscriber->core, augsi_now_ns());
        }
        int result = augsi_subscriber_core_failure(subscriber->core, error);
        if (result >= 0) {
            result = check_frame(subscriber, error);
        }
        if (result < 0) {
            return result;
        }
        if (ret_batch == NULL && augsi_subscriber_core_is_welcome(subscriber->core)) {
            return 1;
        }
        if (augsi_subscriber_core_is_done(subscriber->core)) {
            return 0;
        }
        if (atomic_exchange_explicit(&subscriber->cancelled, 0, memory_order_acquire) != 0) {
            return augsi_fail(error, AUGS_E_CANCELLED, "the subscriber was cancelled");
        }
        uint64_t until = augsi_subscriber_core_tick(subscriber->core, augsi_now_ns());
        result = check_time(subscriber, error);
        if (result >= 0) {
            result = receive(subscriber, ret_batch, error);
        }
        if (result == 0) {
            result = wait_for_more(subscriber, until, error);
        }
        if (result < 0 || result == 1) {
            return result;
        }
    }
}

static int check_process(const augs_subscriber *subscriber, augs_error *error)
{
    if (subscriber == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "subscriber is NULL");
    }
    if (subscriber->process != getpid()) {
        return augsi_fail(error, AUGS_E_STATE,
                          "the subscriber was opened in another process: open one after fork");
    }
    return AUGS_OK;
}

int augs_subscriber_connect(augs_subscriber *subscriber, augs_stream **ret_stream,
                            augs_error *error)
{
    int result = check_process(subscriber, error);
    if (result >= 0) {
        result = run(subscriber, NULL, error);
    }
    if (result >= 0 && ret_stream != NULL) {
        *ret_stream = augsi_subscriber_core_stream(subscriber->core);
    }
    return result < 0 ? result : AUGS_OK;
}

int augs_subscriber_next(augs_subscriber *subscriber, augs_batch **ret_batch, augs_error *error)
{
    int result = check_process(subscriber, error);
    if (result >= 0 && ret_batch == NULL) {
        result = augsi_fail(error, AUGS_E_ARGUMENT, "subscriber: ret_batch is NULL");
    }
    return result < 0 ? result : run(subscriber, ret_batch, error);
}

void augs_subscriber_cancel(augs_subscriber *subscriber)
{
    if (subscriber != NULL) {
        atomic_store_explicit(&subscriber->cancelled, 1, memory_order_release);
        augsi_wakeup_signal(&subscriber->wakeup);
    }
}

uint64_t augs_subscriber_n_steps(const augs_subscriber *subscriber)
{
    const augsi_plan *plan =
        subscriber != NULL ? augsi_subscriber_core_plan(subscriber->core) : NULL;
    return plan != NULL ? augsi_plan_n_steps(plan) : 0;
}

int augs_subscriber_token(const augs_subscriber *subscriber, char *ret_token, size_t n_bytes,
                          augs_error *error)
{
    augsi_token token;
    if (subscriber == NULL || ret_token == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "subscriber and ret_token must not be NULL");
    }
    int result = augsi_subscriber_core_token(subscriber->core, &token, error);
    return result < 0 ? result : augsi_token_format(&token, ret_token, n_bytes, error);
}

void augs_subscriber_get_stats(const augs_subscriber *subscriber, augs_subscriber_stats *ret_stats)
{
    if (subscriber == NULL || ret_stats == NULL) {
        return;
    }
    augs_subscriber_stats counted = {.size = sizeof counted};
    augsi_subscriber_core_stats(subscriber->core, &counted);
    counted.n_batches = subscriber->n_batches;
    counted.n_samples = subscriber->n_samples;
    counted.n_bytes = subscriber->n_bytes;
    AUGSI_GIVE(augs_subscriber_stats, &counted, ret_stats);
}
