/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of protocol 1: what is sent reads back, known bytes, and bytes that mean harm. */
#include <string.h>

#include <augstream/version.h>

#include "base/memory.h"
#include "distributed/wire.h"
#include "distributed/wire_reader.h"
#include "stream_fixture.h"

static const uint32_t all_types[] = {AUGSI_HELLO, AUGSI_FETCH, AUGSI_PING, AUGSI_BYE,  AUGSI_BATCH,
                                     AUGSI_EOS,   AUGSI_ERR,   AUGSI_PONG, AUGSI_BUSY, AUGSI_DRAIN};
#define N_TYPES (sizeof all_types / sizeof all_types[0])

static augsi_bytes bytes_of(const char *text)
{
    return (augsi_bytes){text, strlen(text)};
}

/* Numbers of every width of msgpack. */
static uint64_t some_number(uint64_t *random)
{
    return next_random(random) >> (next_random(random) % 64);
}

static augsi_message some_message(uint32_t type, uint64_t *random)
{
    static const char *const texts[] = {"", "default", "columns",
                                        "a text of more than thirty-one bytes is a str 8 here"};
    return (augsi_message){.type = type,
                           .protocol_min = some_number(random),
                           .protocol_max = some_number(random),
                           .incarnation = some_number(random),
                           .request = some_number(random),
                           .generation = some_number(random),
                           .job = bytes_of(texts[next_random(random) % 4]),
                           .fingerprint = bytes_of(texts[next_random(random) % 4]),
                           .format = bytes_of(texts[next_random(random) % 4]),
                           .agent = bytes_of(texts[next_random(random) % 4]),
                           .text = bytes_of(texts[next_random(random) % 4]),
                           .rank = (uint32_t)some_number(random),
                           .world_size = (uint32_t)some_number(random),
                           .epoch = (uint32_t)some_number(random),
                           .code = (uint32_t)some_number(random),
                           .flags = (uint32_t)some_number(random),
                           .base_step = some_number(random),
                           .base_position = some_number(random),
                           .from_step = some_number(random),
                           .step = some_number(random),
                           .count = some_number(random),
                           .first = some_number(random),
                           .stride = some_number(random),
                           .n_samples = some_number(random),
                           .n_bytes = some_number(random),
                           .hash = some_number(random),
                           .retry_ms = some_number(random),
                           .eta_ms = some_number(random),
                           .has_feedback = next_random(random) % 2 == 0,
                           .seconds = (double)(next_random(random) % 1000) / 8,
                           .bytes = some_number(random),
                           .available_bytes = some_number(random)};
}

/* The bytes in memory of exactly their size, so that ASan sees any step beyond. */
static unsigned char *exact_copy(const void *data, size_t n_bytes)
{
    unsigned char *copy = malloc(n_bytes > 0 ? n_bytes : 1);
    ck_assert_ptr_nonnull(copy);
    if (n_bytes > 0) {
        memcpy(copy, data, n_bytes);
    }
    return copy;
}

static int decode(const void *data, size_t n_bytes)
{
    augs_error error;
    augsi_message message;
    unsigned char *copy = exact_copy(data, n_bytes);
    int status = augsi_wire_decode(copy, n_bytes, &message, &error);
    if (status == AUGS_OK) { /* its texts lie in the message */
        const augsi_bytes texts[] = {message.job, message.fingerprint, message.format,
                                     message.agent, message.text};
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
            const unsigned char *at = (const unsigned char *)texts[i].data;
            ck_assert(at == NULL || texts[i].n_bytes == 0 ||
                      (at >= copy && at + texts[i].n_bytes <= copy + n_bytes));
        }
    }
    free(copy);
    return status;
}

static void assert_same(const augsi_message *a, const augsi_message *b)
{
    augsi_text first, second;
    augsi_text_init(&first, &augsi_default_allocator);
    augsi_text_init(&second, &augsi_default_allocator);
    augsi_wire_encode(&first, a);
    augsi_wire_encode(&second, b);
    ck_assert_uint_eq(first.n_bytes, second.n_bytes);
    ck_assert_mem_eq(first.data, second.data, first.n_bytes);
    augsi_text_done(&first);
    augsi_text_done(&second);
}

START_TEST(every_message_reads_back)
{
    augs_error error;
    augsi_text text;
    uint64_t random = 11;
    augsi_text_init(&text, &augsi_default_allocator);
    for (int round = 0; round < rounds(2000, 20); round++) {
        for (size_t i = 0; i < N_TYPES; i++) {
            const augsi_message sent = some_message(all_types[i], &random);
            augsi_message received;
            augsi_text_clear(&text);
            augsi_wire_encode(&text, &sent);
            ck_assert_uint_eq(augsi_wire_type(text.data, text.n_bytes), all_types[i]);
            AUGS_ASSERT_OK(augsi_wire_decode(text.data, text.n_bytes, &received, &error), error);
            ck_assert_uint_eq(received.type, sent.type);
            assert_same(&sent, &received);
        }
    }
    augsi_text_done(&text);
}
END_TEST

START_TEST(fields_arrive_in_their_places)
{
    augs_error error;
    augsi_text text;
    augsi_message got;
    augsi_text_init(&text, &augsi_default_allocator);
    const augsi_message fetch = {.type = AUGSI_FETCH,
                                 .incarnation = 1,
                                 .request = 2,
                                 .job = bytes_of("j"),
                                 .fingerprint = bytes_of("f"),
                                 .generation = 3,
                                 .rank = 4,
                                 .world_size = 5,
                                 .epoch = 6,
                                 .base_step = 11,
                                 .base_position = 12,
                                 .step = 7,
                                 .count = 8,
                                 .has_feedback = true,
                                 .seconds = 0.5,
                                 .bytes = 9,
                                 .available_bytes = 10};
    augsi_wire_encode(&text, &fetch);
    AUGS_ASSERT_OK(augsi_wire_decode(text.data, text.n_bytes, &got, &error), error);
    ck_assert(got.incarnation == 1 && got.request == 2 && augsi_bytes_equal(got.job, "j") &&
              augsi_bytes_equal(got.fingerprint, "f") && got.generation == 3 && got.rank == 4 &&
              got.world_size == 5 && got.epoch == 6 && got.base_step == 11 &&
              got.base_position == 12 && got.step == 7 && got.count == 8 && got.has_feedback &&
              got.seconds == 0.5 && got.bytes == 9 && got.available_bytes == 10);
    augsi_text_done(&text);
}
END_TEST

static void assert_hex(const augsi_message *message, const char *hex)
{
    static const char digits[] = "0123456789abcdef";
    char got[1024] = "";
    augsi_text text;
    augsi_text_init(&text, &augsi_default_allocator);
    augsi_wire_encode(&text, message);
    ck_assert_uint_lt(2 * text.n_bytes, sizeof got);
    for (size_t i = 0; i < text.n_bytes; i++) {
        got[2 * i] = digits[(unsigned char)text.data[i] >> 4];
        got[2 * i + 1] = digits[(unsigned char)text.data[i] & 15];
    }
    ck_assert_str_eq(got, hex);
    augsi_text_done(&text);
}

START_TEST(known_messages_have_known_bytes)
{
    const uint64_t incarnation = 0x0123456789abcdefu;
    const augsi_bytes job = bytes_of("default");
    assert_hex(&(augsi_message){.type = AUGSI_HELLO,
                                .protocol_min = 1,
                                .protocol_max = 1,
                                .incarnation = incarnation,
                                .job = job,
                                .world_size = 2,
                                .format = bytes_of("columns"),
                                .agent = bytes_of("doc")},
               "9a01010101cf0123456789abcdefa764656661756c740002a7636f6c756d6e73a3646f63");
    augsi_message fetch = {.type = AUGSI_FETCH,
                           .incarnation = incarnation,
                           .request = 1,
                           .job = job,
                           .fingerprint = bytes_of("0123456789abcdef0123456789abcdef"),
                           .world_size = 2,
                           .count = 8};
    assert_hex(&fetch, "9f0103cf0123456789abcdef01a764656661756c74d92030313233343536373839616263646"
                       "566303132333435363738396162636465660000020000000008c0");
    fetch.request = 2;
    fetch.step = 8;
    fetch.count = 4;
    fetch.has_feedback = true;
    fetch.seconds = 0.25;
    fetch.bytes = 1000000;
    fetch.available_bytes = 2000000000;
    assert_hex(
        &fetch,
        "9f0103cf0123456789abcdef02a764656661756c74d92030313233343536373839616263646566303132333435"
        "36373839616263646566000002000000080493cb3fd0000000000000ce000f4240ce77359400");
    fetch.request = fetch.rank = 1;
    fetch.base_step = fetch.step = 5;
    fetch.base_position = 203;
    fetch.count = 8;
    fetch.has_feedback = false;
    assert_hex(&fetch, "9f0103cf0123456789abcdef01a764656661756c74d92030313233343536373839616263646"
                       "566303132333435363738396162636465660001020005cccb0508c0");
    assert_hex(&(augsi_message){.type = AUGSI_BYE, .incarnation = incarnation, .step = 32},
               "970106cf0123456789abcdef00000020");
    assert_hex(&(augsi_message){.type = AUGSI_BATCH,
                                .incarnation = incarnation,
                                .request = 1,
                                .from_step = 3,
                                .step = 3,
                                .first = 192,
                                .stride = 2,
                                .n_samples = 32,
                                .n_bytes = 1024,
                                .hash = 0x123456789abcdef0u},
               "9f0142cf0123456789abcdef010000000303ccc0022000cd0400cf123456789abcdef0");
    assert_hex(&(augsi_message){.type = AUGSI_EOS,
                                .incarnation = incarnation,
                                .request = 1,
                                .from_step = 32,
                                .step = 32,
                                .n_samples = 2000},
               "990143cf0123456789abcdef0100002020cd07d0");
    assert_hex(&(augsi_message){.type = AUGSI_ERR,
                                .incarnation = incarnation,
                                .code = 7,
                                .count = 2,
                                .text = bytes_of("rank")},
               "980144cf0123456789abcdef00070002a472616e6b");
}
END_TEST

START_TEST(no_prefix_of_a_message_is_one)
{
    uint64_t random = 5;
    augsi_text text;
    augsi_text_init(&text, &augsi_default_allocator);
    for (size_t i = 0; i < N_TYPES; i++) {
        augsi_text_clear(&text);
        const augsi_message message = some_message(all_types[i], &random);
        augsi_wire_encode(&text, &message);
        ck_assert_int_eq(decode(text.data, text.n_bytes), AUGS_OK);
        for (size_t n = 0; n < text.n_bytes; n++) {
            ck_assert_int_eq(decode(text.data, n), AUGS_E_PROTOCOL);
        }
        augsi_text_add(&text, "\xc0", 1);
        ck_assert_int_eq(decode(text.data, text.n_bytes), AUGS_E_PROTOCOL);
    }
    augsi_text_done(&text);
}
END_TEST

START_TEST(changed_bytes_are_refused_or_read_within_the_message)
{
    uint64_t random = 7;
    augsi_text text;
    augsi_text_init(&text, &augsi_default_allocator);
    int n_refused = 0, n_read = 0;
    for (int round = 0; round < rounds(20000, 200); round++) {
        augsi_text_clear(&text);
        const augsi_message message = some_message(all_types[round % (int)N_TYPES], &random);
        augsi_wire_encode(&text, &message);
        for (uint64_t k = next_random(&random) % 3 + 1; k > 0; k--) {
            text.data[next_random(&random) % text.n_bytes] = (char)next_random(&random);
        }
        *(decode(text.data, text.n_bytes) == AUGS_OK ? &n_read : &n_refused) += 1;
    }
    ck_assert_int_gt(n_refused, 0);
    ck_assert_int_gt(n_read, 0);
    augsi_text_done(&text);
}
END_TEST

#define REFUSED(bytes) ck_assert_int_eq(decode(bytes, sizeof bytes - 1), AUGS_E_PROTOCOL)

START_TEST(bombs_and_strange_values_are_refused)
{
    REFUSED("");
    REFUSED("\xdd\xff\xff\xff\xff"); /* an array of 2^32 - 1 values */
    REFUSED("\xdf\xff\xff\xff\xff"); /* a map */
    REFUSED("\xdb\xff\xff\xff\xff"); /* a text */
    REFUSED("\xc6\xff\xff\xff\xff"); /* binary data */
    REFUSED("\xdc\xff\xff");
    REFUSED("\x01");         /* not an array */
    REFUSED("\x90");         /* empty */
    REFUSED("\x91\x01");     /* no type */
    REFUSED("\x82\x01\x05"); /* a map */
    REFUSED("\xc1");
    REFUSED("\x95\x01\x05\x01\x02\xd4\x01\x02");                 /* fixext 1 */
    REFUSED("\x95\x01\x05\x01\x02\xc7\x01\x02\x03");             /* ext 8 */
    REFUSED("\x94\x01\x05\x01\x02");                             /* PING, one field short */
    REFUSED("\x96\x01\x05\x01\x02\x03\x04");                     /* and one too many */
    REFUSED("\x95\x01\x05\x01\x02\xff");                         /* a negative number */
    REFUSED("\x95\x01\x05\x01\x02\xd0\x05");                     /* signed, though positive */
    REFUSED("\x95\x01\x05\x01\x02\xcb\0\0\0\0\0\0\0\0");         /* a float */
    REFUSED("\x95\x01\x05\x01\x02\xc0");                         /* nil */
    REFUSED("\x95\x01\x05\x01\x02\xa1x");                        /* a text */
    REFUSED("\x95\x02\x05\x01\x02\x03");                         /* protocol 2 */
    REFUSED("\x95\x01\x04\x01\x02\x03");                         /* no such type */
    REFUSED("\x95\x01\xcf\0\0\0\x01\0\0\0\x05\x01\x02\x03");     /* type 2^32 + 5 */
    REFUSED("\x95\x01\x05\x91\x91\x91\x01\x02\x03");             /* too deep */
    REFUSED("\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x01"); /* much too deep */
    ck_assert_int_eq(decode("\x95\x01\x05\x01\x02\x03", 6), AUGS_OK);
    /* any width of number will do */
    ck_assert_int_eq(decode("\x95\xcd\0\x01\xce\0\0\0\x05\xcc\x01\x02\x03", 13), AUGS_OK);
}
END_TEST

START_TEST(a_text_holds_no_nul)
{
    augsi_text text;
    augsi_message hello = {.type = AUGSI_HELLO,
                           .job = {"defa\0lt", 7},
                           .format = bytes_of("columns"),
                           .agent = bytes_of("")};
    augsi_text_init(&text, &augsi_default_allocator);
    augsi_wire_encode(&text, &hello);
    ck_assert_int_eq(decode(text.data, text.n_bytes), AUGS_E_PROTOCOL);
    augsi_text_clear(&text);
    hello.job = bytes_of("default");
    augsi_wire_encode(&text, &hello);
    ck_assert_int_eq(decode(text.data, text.n_bytes), AUGS_OK);
    augsi_text_done(&text);
}
END_TEST

START_TEST(ranks_and_epochs_have_32_bits)
{
    static const char bye[] = "\x94\x01\x47\xcf\0\0\0\x01\0\0\0\0\xa0"; /* DRAIN: grace is a u64 */
    ck_assert_int_eq(decode(bye, sizeof bye - 1), AUGS_OK);
    REFUSED("\x99\x01\x43\x01\x01\0\xcf\0\0\0\x01\0\0\0\0\x01\x01\x01"); /* EOS: epoch 2^32 */
    ck_assert_int_eq(decode("\x99\x01\x43\x01\x01\0\xce\xff\xff\xff\xff\x01\x01\x01", 14), AUGS_OK);
}
END_TEST

START_TEST(the_walk_takes_one_value_within_its_depth)
{
    ck_assert(augsi_wire_walk("\xc0", 1, 0));
    ck_assert(augsi_wire_walk("\x80", 1, 0));
    ck_assert(!augsi_wire_walk("\xc0\xc0", 2, 0));
    ck_assert(!augsi_wire_walk("\x91\xc0", 2, 0));
    ck_assert(augsi_wire_walk("\x91\xc0", 2, 1));
    ck_assert(augsi_wire_walk("\x81\xa1x\x92\x01\x02", 6, 2));
    ck_assert(!augsi_wire_walk("\x81\xa1x", 3, 2));
    ck_assert(!augsi_wire_walk("", 0, 3));
    /* deeper than the walk can follow, whatever is allowed */
    ck_assert(!augsi_wire_walk("\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\xc0", 12, 100));
}
END_TEST

/* WELCOME of a stream under a plan. */
static augsi_welcome welcome_of(augs_stream *stream, const augs_strategy_options *strategy)
{
    return (augsi_welcome){.server_incarnation = 0x1111111111111111u,
                           .incarnation = 0x2222222222222222u,
                           .first_epoch = augs_stream_epoch(stream),
                           .n_epochs = 3,
                           .n_steps = 77,
                           .max_credit = 64,
                           .max_frame_bytes = 1u << 28,
                           .plan = {.size = sizeof(augs_plan_options),
                                    .world_size = 5,
                                    .tail = AUGS_TAIL_DROP,
                                    .rank_layout = AUGS_RANK_LAYOUT_BLOCK,
                                    .strategy = "sequential",
                                    .strategy_options = strategy},
                           .stream = stream};
}

static const augs_strategy_options some_strategy = {.size = sizeof some_strategy,
                                                    .last_batch = 1,
                                                    .batch_size = 48,
                                                    .min_batch_size = 2,
                                                    .max_batch_size = 300,
                                                    .multiple_of = 4,
                                                    .batches = 5,
                                                    .deal_window = 600};

static augs_stream *open_stream_of(augs_preset *preset, uint64_t n_samples, uint32_t epoch)
{
    augs_error error;
    augs_stream *stream;
    const augs_stream_options options = {.size = sizeof options,
                                         .seed = 0xfedcba9876543210u,
                                         .n_samples = n_samples,
                                         .epoch = epoch,
                                         .order = AUGS_ORDER_SHUFFLED};
    AUGS_ASSERT_OK(augs_stream_open(preset, &options, &stream, &error), error);
    return stream;
}

static void assert_welcome_reads_back(augs_preset *preset)
{
    augs_error error;
    augsi_text text;
    augsi_welcome got;
    augs_stream *stream = open_stream_of(preset, 1000, 7);
    const augsi_welcome sent = welcome_of(stream, &some_strategy);
    augsi_text_init(&text, &augsi_default_allocator);
    augsi_wire_encode_welcome(&text, &sent);
    ck_assert(!text.failed);
    unsigned char *copy = exact_copy(text.data, text.n_bytes);
    ck_assert_uint_eq(augsi_wire_type(copy, text.n_bytes), AUGSI_WELCOME);
    AUGS_ASSERT_OK(
        augsi_wire_decode_welcome(copy, text.n_bytes, &augsi_default_allocator, &got, &error),
        error);
    free(copy); /* nothing of it is in use any more */
    ck_assert_str_eq(got.fingerprint, augs_stream_fingerprint(stream));
    ck_assert_str_eq(augs_stream_fingerprint(got.stream), got.fingerprint);
    ck_assert_uint_eq(augs_stream_epoch(got.stream), 7);
    ck_assert_str_eq(augs_preset_name(augs_stream_preset(got.stream)), augs_preset_name(preset));
    ck_assert(got.server_incarnation == sent.server_incarnation &&
              got.incarnation == sent.incarnation && got.first_epoch == 7 && got.n_epochs == 3 &&
              got.n_steps == 77 && got.max_credit == 64 && got.max_frame_bytes == 1u << 28);
    ck_assert(got.plan.world_size == 5 && got.plan.tail == AUGS_TAIL_DROP &&
              got.plan.rank_layout == AUGS_RANK_LAYOUT_BLOCK &&
              strcmp(got.plan.strategy, "sequential") == 0);
    ck_assert_mem_eq(got.plan.strategy_options, &some_strategy, sizeof some_strategy);
    /* and sent on, it is the same message */
    augsi_text again;
    augsi_text_init(&again, &augsi_default_allocator);
    augsi_wire_encode_welcome(&again, &got);
    ck_assert_uint_eq(again.n_bytes, text.n_bytes);
    ck_assert_mem_eq(again.data, text.data, text.n_bytes);
    augsi_text_done(&again);
    augs_stream_unref(got.stream);
    augsi_text_done(&text);
    augs_stream_unref(stream);
}

START_TEST(welcome_of_every_shipped_preset_reads_back)
{
    augs_error error;
    ck_assert_uint_gt(augs_shipped_preset_count(), 0);
    for (uint32_t i = 0; i < augs_shipped_preset_count(); i++) {
        augs_preset *preset;
        AUGS_ASSERT_OK(augs_preset_open(augs_shipped_preset_name(i), NULL, &preset, &error), error);
        assert_welcome_reads_back(preset);
        augs_preset_unref(preset);
    }
}
END_TEST

START_TEST(welcome_of_every_kind_reads_back)
{
    augs_preset *preset = mixed_preset(NULL, false);
    assert_welcome_reads_back(preset);
    augs_preset_unref(preset);
}
END_TEST

/* A choice column of n texts of n_bytes each; the first is the empty one. */
static augs_preset *open_choices(uint32_t n, size_t n_bytes)
{
    augs_error error;
    augs_preset *preset;
    augs_choice *choices = calloc(n, sizeof *choices);
    char *texts = calloc(n, n_bytes + 1);
    ck_assert(choices != NULL && texts != NULL);
    for (uint32_t k = 0; k < n; k++) {
        char *text = texts + k * (n_bytes + 1);
        for (size_t b = 0; b < n_bytes; b++) {
            text[b] = (char)('a' + (b < 8 ? k >> (4 * b) & 15u : 0));
        }
        choices[k] = (augs_choice){.text = text, .weight = 1 + k % 3};
    }
    const augs_column_info column = {.size = sizeof column,
                                     .kind = AUGS_KIND_CHOICE,
                                     .name = "which",
                                     .shape = 1,
                                     .gate = AUGS_NO_GATE,
                                     .choices = choices,
                                     .n_choices = n,
                                     .unit = "",
                                     .doc = "",
                                     .source = ""};
    AUGS_ASSERT_OK(
        augs_preset_open_columns("choices", &column, 1, sizeof column, NULL, &preset, &error),
        error);
    free(choices);
    free(texts);
    return preset;
}

START_TEST(welcome_of_a_large_choice_column_reads_back)
{
    static const size_t sizes_bytes[] = {4, 5, 15, 16, 31, 32, 33};
    const uint32_t n = (uint32_t)rounds((int)AUGS_MAX_CHOICES, 500);
    for (size_t i = 0; i < sizeof sizes_bytes / sizeof sizes_bytes[0]; i++) {
        augs_preset *preset = open_choices(i == 0 ? n : n / 16, sizes_bytes[i]);
        assert_welcome_reads_back(preset);
        augs_preset_unref(preset);
    }
}
END_TEST

/* WELCOME of `mild`, whose bytes may be changed before it is read. */
typedef struct sent_welcome {
    augs_preset *preset;
    augs_stream *stream;
    augsi_welcome welcome;
    augsi_text text;
} sent_welcome;

static void setup_welcome(sent_welcome *sent)
{
    augs_error error;
    AUGS_ASSERT_OK(augs_preset_open("mild", NULL, &sent->preset, &error), error);
    sent->stream = open_stream_of(sent->preset, 1000, 0);
    sent->welcome = welcome_of(sent->stream, &some_strategy);
    augsi_text_init(&sent->text, &augsi_default_allocator);
    augsi_wire_encode_welcome(&sent->text, &sent->welcome);
}

static void done_welcome(sent_welcome *sent)
{
    augsi_text_done(&sent->text);
    augs_stream_unref(sent->stream);
    augs_preset_unref(sent->preset);
}

static int decode_welcome(const void *data, size_t n_bytes, counting_memory *memory,
                          augs_error *error)
{
    augsi_welcome got;
    const augs_allocator counting = {.size = sizeof counting,
                                     .user = memory,
                                     .allocate = counting_allocate,
                                     .release = counting_release};
    unsigned char *copy = exact_copy(data, n_bytes);
    int status = augsi_wire_decode_welcome(
        copy, n_bytes, memory != NULL ? &counting : &augsi_default_allocator, &got, error);
    free(copy);
    if (status == AUGS_OK) {
        augs_stream_unref(got.stream);
    }
    return status;
}

START_TEST(no_prefix_of_welcome_is_one)
{
    augs_error error;
    sent_welcome sent;
    setup_welcome(&sent);
    const size_t step = (size_t)rounds(1, 37);
    for (size_t n = 0; n < sent.text.n_bytes; n += step) {
        ck_assert_int_eq(decode_welcome(sent.text.data, n, NULL, &error), AUGS_E_PROTOCOL);
    }
    augsi_text_add(&sent.text, "\xc0", 1);
    ck_assert_int_eq(decode_welcome(sent.text.data, sent.text.n_bytes, NULL, &error),
                     AUGS_E_PROTOCOL);
    done_welcome(&sent);
}
END_TEST

START_TEST(a_changed_welcome_is_refused_or_read_within_the_message)
{
    augs_error error;
    uint64_t random = 3;
    sent_welcome sent;
    setup_welcome(&sent);
    for (int round = 0; round < rounds(3000, 30); round++) {
        unsigned char *changed = exact_copy(sent.text.data, sent.text.n_bytes);
        for (uint64_t k = next_random(&random) % 3 + 1; k > 0; k--) {
            changed[next_random(&random) % sent.text.n_bytes] = (unsigned char)next_random(&random);
        }
        decode_welcome(changed, sent.text.n_bytes, NULL, &error);
        free(changed);
    }
    done_welcome(&sent);
}
END_TEST

START_TEST(welcome_without_memory_leaks_nothing)
{
    augs_error error;
    sent_welcome sent;
    setup_welcome(&sent);
    for (uint64_t left = 0;; left++) {
        counting_memory memory = {.left = left};
        int status = decode_welcome(sent.text.data, sent.text.n_bytes, &memory, &error);
        ck_assert_uint_eq(memory.n_held, 0);
        if (status == AUGS_OK) {
            ck_assert_uint_gt(left, 2);
            break;
        }
        ck_assert_int_eq(status, AUGS_E_NO_MEMORY);
    }
    done_welcome(&sent);
}
END_TEST

/* The only place of 8 bytes in WELCOME. */
static unsigned char *find_u64(augsi_text *text, uint64_t number)
{
    unsigned char bytes[9] = {0xcf};
    for (size_t i = 0; i < 8; i++) {
        bytes[1 + i] = (unsigned char)(number >> (56 - 8 * i));
    }
    unsigned char *at = memmem(text->data, text->n_bytes, bytes, sizeof bytes);
    ck_assert_ptr_nonnull(at);
    return at + 1;
}

START_TEST(another_stream_or_self_test_is_a_mismatch)
{
    augs_error error;
    sent_welcome sent;
    setup_welcome(&sent);
    unsigned char *hash = find_u64(&sent.text, augs_self_test_hash());
    hash[3] ^= 1;
    AUGS_ASSERT_STATUS(AUGS_E_MISMATCH,
                       decode_welcome(sent.text.data, sent.text.n_bytes, NULL, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "self test"));
    hash[3] ^= 1;
    AUGS_ASSERT_OK(decode_welcome(sent.text.data, sent.text.n_bytes, NULL, &error), error);
    find_u64(&sent.text, 0xfedcba9876543210u)[7] ^= 1; /* the seed */
    AUGS_ASSERT_STATUS(AUGS_E_MISMATCH,
                       decode_welcome(sent.text.data, sent.text.n_bytes, NULL, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, augs_stream_fingerprint(sent.stream)));
    done_welcome(&sent);
}
END_TEST

static int decode_changed(const augsi_welcome *welcome, augs_error *error)
{
    augsi_text text;
    augsi_text_init(&text, &augsi_default_allocator);
    augsi_wire_encode_welcome(&text, welcome);
    int status = decode_welcome(text.data, text.n_bytes, NULL, error);
    augsi_text_done(&text);
    return status;
}

START_TEST(a_welcome_that_cannot_be_followed_is_refused)
{
    augs_error error;
    sent_welcome sent;
    setup_welcome(&sent);
    augsi_welcome changed = sent.welcome;
    changed.max_credit = 0; /* nothing could ever be asked for */
    AUGS_ASSERT_STATUS(AUGS_E_PROTOCOL, decode_changed(&changed, &error), error);
    changed = sent.welcome;
    changed.first_epoch = 1; /* the stream is at epoch 0 */
    AUGS_ASSERT_STATUS(AUGS_E_PROTOCOL, decode_changed(&changed, &error), error);
    changed = sent.welcome;
    changed.n_epochs = 0;
    AUGS_ASSERT_STATUS(AUGS_E_PROTOCOL, decode_changed(&changed, &error), error);
    changed = sent.welcome;
    changed.base_step = 1; /* a job's own plan begins at 0 */
    AUGS_ASSERT_STATUS(AUGS_E_PROTOCOL, decode_changed(&changed, &error), error);
    changed = sent.welcome;
    const augs_stream_options endless = {.size = sizeof endless, .n_samples = AUGS_ENDLESS};
    AUGS_ASSERT_OK(augs_stream_open(sent.preset, &endless, &changed.stream, &error), error);
    int status = decode_changed(&changed, &error);
    augs_stream_unref(changed.stream);
    ck_assert_int_eq(status, AUGS_E_PROTOCOL);
    ck_assert_ptr_nonnull(strstr(error.message, "endless"));
    changed = sent.welcome;
    changed.stream = open_stream_of(sent.preset, 1000, 2);
    changed.first_epoch = 2;
    changed.n_epochs = UINT32_MAX; /* the last epoch would be 2^32 */
    status = decode_changed(&changed, &error);
    ck_assert_int_eq(status, AUGS_E_PROTOCOL);
    changed.n_epochs--;
    status = decode_changed(&changed, &error);
    ck_assert_int_eq(status, AUGS_OK);
    augs_stream_unref(changed.stream);
    done_welcome(&sent);
}
END_TEST

AUGS_SUITE("wire", every_message_reads_back, fields_arrive_in_their_places,
           known_messages_have_known_bytes, no_prefix_of_a_message_is_one,
           changed_bytes_are_refused_or_read_within_the_message,
           bombs_and_strange_values_are_refused, a_text_holds_no_nul, ranks_and_epochs_have_32_bits,
           the_walk_takes_one_value_within_its_depth, welcome_of_every_shipped_preset_reads_back,
           welcome_of_every_kind_reads_back, welcome_of_a_large_choice_column_reads_back,
           no_prefix_of_welcome_is_one, a_changed_welcome_is_refused_or_read_within_the_message,
           welcome_without_memory_leaks_nothing, another_stream_or_self_test_is_a_mismatch,
           a_welcome_that_cannot_be_followed_is_refused)
