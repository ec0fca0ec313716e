/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes are a message or are refused; one that is read is written and read again without a
 * change. The first byte says who gets the rest: the decoder of messages, that of WELCOME, the
 * same with the bytes of a good one changed, or the state machines of both ends.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/memory.h"
#include "distributed/server_core.h"
#include "distributed/subscriber_core.h"
#include "distributed/wire_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void inside(augsi_bytes text, const uint8_t *data, size_t n_bytes)
{
    const uint8_t *at = (const uint8_t *)text.data;
    require(text.n_bytes == 0 || (at >= data && text.n_bytes <= (size_t)(data + n_bytes - at) &&
                                  memchr(at, 0, text.n_bytes) == NULL));
}

static void same_text(const augsi_text *a, const augsi_text *b)
{
    require(!a->failed && !b->failed && a->n_bytes == b->n_bytes &&
            memcmp(a->data, b->data, a->n_bytes) == 0);
}

static void fuzz_message(const uint8_t *data, size_t n_bytes)
{
    augsi_message message, again;
    augsi_text first, second;
    if (augsi_wire_decode(data, n_bytes, &message, NULL) < 0) {
        return;
    }
    require(augsi_wire_walk(data, n_bytes, 3) && augsi_wire_type(data, n_bytes) == message.type);
    inside(message.job, data, n_bytes);
    inside(message.fingerprint, data, n_bytes);
    inside(message.format, data, n_bytes);
    inside(message.agent, data, n_bytes);
    inside(message.text, data, n_bytes);
    augsi_text_init(&first, &augsi_default_allocator);
    augsi_text_init(&second, &augsi_default_allocator);
    augsi_wire_encode(&first, &message);
    require(first.n_bytes <= n_bytes + 16); /* the shortest form, but for numbers of feedback */
    require(augsi_wire_decode(first.data, first.n_bytes, &again, NULL) == AUGS_OK);
    augsi_wire_encode(&second, &again);
    same_text(&first, &second);
    augsi_text_done(&first);
    augsi_text_done(&second);
}

/* A message of the right form: 12 bytes say its type, numbers and the length of its texts, which
 * follow. Returns how many bytes it took. */
static size_t make_message(const uint8_t *data, size_t n_bytes, augsi_message *ret_message)
{
    static const uint32_t types[] = {AUGSI_HELLO, AUGSI_FETCH, AUGSI_PING, AUGSI_BYE,  AUGSI_BATCH,
                                     AUGSI_EOS,   AUGSI_ERR,   AUGSI_PONG, AUGSI_BUSY, AUGSI_DRAIN};
    uint8_t by[12] = {0};
    memcpy(by, data, n_bytes < sizeof by ? n_bytes : sizeof by);
    const size_t left = n_bytes < sizeof by ? 0 : n_bytes - sizeof by;
    const size_t n_text = (by[11] & 63u) < left ? by[11] & 63u : left;
    const augsi_bytes text = {left > 0 ? (const char *)data + sizeof by : "", n_text};
    const uint64_t large = (uint64_t)by[1] << (by[2] % 57);
    *ret_message = (augsi_message){.type = types[by[0] % (sizeof types / sizeof types[0])],
                                   .protocol_min = by[1],
                                   .protocol_max = by[2],
                                   .incarnation = large,
                                   .request = by[3],
                                   .generation = by[4] & 1u,
                                   .job = text,
                                   .fingerprint = text,
                                   .format = text,
                                   .agent = text,
                                   .text = text,
                                   .rank = by[4] >> 6,
                                   .world_size = by[5],
                                   .epoch = by[6],
                                   .code = by[5],
                                   .flags = by[5],
                                   .step = by[7],
                                   .count = by[8],
                                   .first = by[9],
                                   .stride = by[10],
                                   .n_samples = by[5],
                                   .n_bytes = by[6],
                                   .hash = large,
                                   .retry_ms = by[9],
                                   .eta_ms = by[9],
                                   .has_feedback = by[11] > 127,
                                   .seconds = by[10],
                                   .bytes = large,
                                   .available_bytes = by[9]};
    return n_bytes < sizeof by ? n_bytes : sizeof by + n_text;
}

/* Such a message with bytes changed: (place, byte) each. */
static void fuzz_changed_message(const uint8_t *data, size_t n_bytes)
{
    augsi_message message;
    augsi_text text;
    const size_t n = make_message(data, n_bytes, &message);
    augsi_text_init(&text, &augsi_default_allocator);
    augsi_wire_encode(&text, &message);
    for (data += n, n_bytes -= n; n_bytes >= 2; data += 2, n_bytes -= 2) {
        text.data[data[0] % text.n_bytes] = (char)data[1];
    }
    fuzz_message((const uint8_t *)text.data, text.n_bytes);
    augsi_text_done(&text);
}

static void fuzz_welcome(const uint8_t *data, size_t n_bytes)
{
    augsi_welcome welcome, again;
    augsi_text first, second;
    if (augsi_wire_decode_welcome(data, n_bytes, &augsi_default_allocator, &welcome, NULL) < 0) {
        require(welcome.stream == NULL);
        return;
    }
    augsi_text_init(&first, &augsi_default_allocator);
    augsi_text_init(&second, &augsi_default_allocator);
    augsi_wire_encode_welcome(&first, &welcome);
    require(!first.failed);
    require(augsi_wire_decode_welcome(first.data, first.n_bytes, &augsi_default_allocator, &again,
                                      NULL) == AUGS_OK);
    augsi_wire_encode_welcome(&second, &again);
    same_text(&first, &second);
    augs_stream_unref(welcome.stream);
    augs_stream_unref(again.stream);
    augsi_text_done(&first);
    augsi_text_done(&second);
}

static augs_stream *the_stream(void)
{
    static augs_stream *stream;
    static const augs_column_info column = {.size = sizeof column,
                                            .name = "angle",
                                            .kind = AUGS_KIND_UNIFORM,
                                            .numbers = {-30, 30},
                                            .shape = 1,
                                            .gate = AUGS_NO_GATE,
                                            .unit = "",
                                            .doc = "",
                                            .source = ""};
    const augs_stream_options options = {.size = sizeof options, .n_samples = 100};
    augs_preset *preset = NULL;
    if (stream == NULL) {
        require(augs_preset_open_columns("fuzz", &column, 1, sizeof column, NULL, &preset, NULL) ==
                AUGS_OK);
        require(augs_stream_open(preset, &options, &stream, NULL) == AUGS_OK);
        augs_preset_unref(preset);
    }
    return stream;
}

static void write_welcome(augsi_text *text, uint64_t incarnation)
{
    static const augs_strategy_options strategy = {.size = sizeof strategy, .batch_size = 10};
    const augsi_welcome welcome = {.incarnation = incarnation,
                                   .n_epochs = 2,
                                   .n_steps = 10,
                                   .max_credit = 4,
                                   .max_frame_bytes = 1000000,
                                   .plan = {.size = sizeof welcome.plan,
                                            .world_size = 1,
                                            .strategy = "sequential",
                                            .strategy_options = &strategy},
                                   .stream = the_stream()};
    augsi_wire_encode_welcome(text, &welcome);
    require(!text->failed);
}

/* A WELCOME that would be read, with bytes changed: (place, place, byte) each. */
static void fuzz_changed_welcome(const uint8_t *data, size_t n_bytes)
{
    augsi_text text;
    augsi_text_init(&text, &augsi_default_allocator);
    write_welcome(&text, 0);
    for (; n_bytes >= 3; data += 3, n_bytes -= 3) {
        text.data[(size_t)(data[0] << 8 | data[1]) % text.n_bytes] = (char)data[2];
    }
    fuzz_welcome((const uint8_t *)text.data, text.n_bytes);
    augsi_text_done(&text);
}

/* Both machines, connected to nothing but the input. */
typedef struct machines {
    augsi_server_core *server;
    augsi_subscriber_core *subscriber;
    augsi_make to_make[8];
    size_t n_to_make;
    uint64_t incarnation; /* of the subscriber's socket */
} machines;

static bool connect_hook(void *user, uint32_t endpoint)
{
    (void)user;
    return endpoint < 2;
}

static void disconnect_hook(void *user)
{
    machines *both = user;
    both->incarnation = 0;
}

static bool request_hook(void *user, const void *data, size_t n_bytes)
{
    machines *both = user;
    augsi_message message;
    require(augsi_wire_decode(data, n_bytes, &message, NULL) == AUGS_OK);
    both->incarnation = message.incarnation;
    return true;
}

static enum augsi_sent answer_hook(void *user, const void *id, size_t n_id, const void *header,
                                   size_t n_header, void *payload)
{
    (void)user;
    require(id != NULL && n_id == 5 && augsi_wire_type(header, n_header) >= AUGSI_WELCOME);
    free(payload);
    return n_header % 16 == 0 ? AUGSI_SENT_GONE : AUGSI_SENT;
}

static bool make_hook(void *user, const augsi_make *make)
{
    machines *both = user;
    if (both->n_to_make == sizeof both->to_make / sizeof both->to_make[0]) {
        return false;
    }
    both->to_make[both->n_to_make++] = *make;
    return true;
}

static void drop_hook(void *user, void *payload)
{
    (void)user;
    free(payload);
}

static uint64_t bytes_out_hook(void *user)
{
    (void)user;
    return 0;
}

static void open_machines(machines *both)
{
    static const augsi_server_hooks of_server = {
        .send = answer_hook, .make = make_hook, .drop = drop_hook, .bytes_out = bytes_out_hook};
    static const augsi_subscriber_hooks of_subscriber = {
        .connect = connect_hook, .disconnect = disconnect_hook, .send = request_hook};
    const augsi_server_limits limits = {
        .max_credit = 8, .max_peers = 2, .max_bytes_in_flight = 1000};
    const augs_job_options job = {.size = sizeof job, .n_epochs = 2};
    const augs_subscriber_options options = {.size = sizeof options, .n_endpoints = 2};
    require(augsi_server_core_open(&limits, &of_server, both, &augsi_default_allocator, NULL,
                                   &both->server, NULL) == AUGS_OK);
    require(augsi_server_core_add_job(both->server, the_stream(), &job, NULL) == AUGS_OK);
    require(augsi_subscriber_core_open(&options, &of_subscriber, both, 1, &augsi_default_allocator,
                                       &both->subscriber, NULL) == AUGS_OK);
}

static void make_one(machines *both, bool fails, uint64_t now)
{
    if (both->n_to_make > 0) {
        const augsi_make *make = &both->to_make[--both->n_to_make];
        const augsi_made made = {.ticket = make->ticket,
                                 .slab_bytes = make->n_bytes,
                                 .status = AUGS_E_NO_MEMORY,
                                 .payload = fails ? NULL : malloc(1)};
        augsi_server_core_made(both->server, &made, now);
    }
}

/* The message goes to both; its incarnation, where it has one of 8 bytes, becomes the right one. */
static void hear(machines *both, const uint8_t *data, size_t n_bytes, bool is_empty, uint8_t how,
                 uint64_t now)
{
    enum { INCARNATION_AT = 4 };
    const unsigned char id[5] = {0, how & 3u};
    uint8_t *own = malloc(n_bytes + 1);
    require(own != NULL);
    memcpy(own, data, n_bytes);
    augsi_server_core_receive(both->server, id, sizeof id, own, n_bytes, 1, now);
    if (n_bytes >= INCARNATION_AT + 8 && own[INCARNATION_AT - 1] == 0xcf) {
        for (size_t i = 0; i < 8; i++) {
            own[INCARNATION_AT + i] = (uint8_t)(both->incarnation >> (56 - 8 * i));
        }
    }
    const size_t n_payload = is_empty ? 0 : n_bytes % 64;
    if (augsi_subscriber_core_receive(both->subscriber, own, n_bytes, own, n_payload, now, NULL) ==
        AUGSI_RECEIVED_BATCH) {
        augsi_subscriber_core_take(both->subscriber, now);
    }
    free(own);
}

/* A message that fits the job and, but for what the input says, the place. */
static void hear_fitting(machines *both, const uint8_t *data, size_t n_bytes, uint8_t how,
                         uint64_t now)
{
    augsi_message message;
    augsi_text text;
    augsi_expected at;
    make_message(data, n_bytes, &message);
    augsi_subscriber_core_expected(both->subscriber, &at);
    message.job = (augsi_bytes){"default", 7};
    message.format = (augsi_bytes){(how & 16u) != 0 ? "records" : "columns", 7};
    message.fingerprint = (augsi_bytes){augs_stream_fingerprint(the_stream()), 32};
    message.world_size = 1;
    message.incarnation = message.type >= AUGSI_WELCOME ? both->incarnation : message.incarnation;
    if (message.type == AUGSI_BATCH && (how & 128u) != 0) {
        message.epoch = at.epoch;
        message.step = at.step;
        message.first = 10 * at.step;
        message.stride = 1;
        message.n_samples = 10;
        message.n_bytes = 0;
        message.hash = augsi_hash64(NULL, 0);
    }
    augsi_text_init(&text, &augsi_default_allocator);
    augsi_wire_encode(&text, &message);
    hear(both, (const uint8_t *)text.data, text.n_bytes, message.type == AUGSI_BATCH, how, now);
    augsi_text_done(&text);
}

/* (how, length, message) each. */
static void fuzz_machines(const uint8_t *data, size_t n_bytes)
{
    machines both = {.n_to_make = 0};
    uint64_t now = 1;
    open_machines(&both);
    while (n_bytes >= 2) {
        const uint8_t how = data[0];
        const size_t n = data[1] < n_bytes - 2 ? data[1] : n_bytes - 2;
        now += (how & 64u) != 0 ? 2000000000 : 10000000;
        augsi_subscriber_core_tick(both.subscriber, now);
        augsi_server_core_tick(both.server, now);
        if ((how & 4u) != 0) {
            augsi_text text;
            augsi_text_init(&text, &augsi_default_allocator);
            write_welcome(&text, both.incarnation);
            augsi_subscriber_core_receive(both.subscriber, text.data, text.n_bytes, NULL, 0, now,
                                          NULL);
            augsi_text_done(&text);
        }
        if (n <= 76 && (how & 4u) == 0) {
            hear_fitting(&both, data + 2, n, how, now);
        } else {
            hear(&both, data + 2, n, false, how, now);
        }
        if ((how & 8u) != 0) {
            make_one(&both, (how & 16u) != 0, now);
        }
        if ((how & 32u) != 0) {
            augsi_subscriber_core_lost(both.subscriber, now);
        }
        data += 2 + n;
        n_bytes -= 2 + n;
    }
    augsi_subscriber_core_free(both.subscriber);
    augsi_server_core_free(both.server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    if (n_bytes == 0) {
        return 0;
    }
    switch (data[0] % 5) {
    case 0:
        fuzz_message(data + 1, n_bytes - 1);
        break;
    case 1:
        fuzz_welcome(data + 1, n_bytes - 1);
        break;
    case 2:
        fuzz_changed_message(data + 1, n_bytes - 1);
        break;
    case 3:
        fuzz_changed_welcome(data + 1, n_bytes - 1);
        break;
    default:
        fuzz_machines(data + 1, n_bytes - 1);
    }
    return 0;
}
