/* SPDX-License-Identifier: Apache-2.0 */
/* A message is an array [protocol, type, fields...]; a table says the fields of each type, in
 * order. */
#include "distributed/wire.h"

#include <msgpack.h>
#include <string.h>

#include "base/fail.h"
#include "distributed/wire_reader.h"

#define MAX_DEPTH 3u

enum field_type { U64, U32, TEXT, FEEDBACK };

typedef struct wire_field {
    enum field_type type;
    size_t offset;
} wire_field;

typedef struct wire_shape {
    uint32_t type;
    uint32_t n_fields;
    wire_field fields[13];
} wire_shape;

#define AT(member) offsetof(augsi_message, member)

static const wire_shape shapes[] = {
    {AUGSI_HELLO,
     8,
     {{U64, AT(protocol_min)},
      {U64, AT(protocol_max)},
      {U64, AT(incarnation)},
      {TEXT, AT(job)},
      {U32, AT(rank)},
      {U32, AT(world_size)},
      {TEXT, AT(format)},
      {TEXT, AT(agent)}}},
    {AUGSI_FETCH,
     13,
     {{U64, AT(incarnation)},
      {U64, AT(request)},
      {TEXT, AT(job)},
      {TEXT, AT(fingerprint)},
      {U64, AT(generation)},
      {U32, AT(rank)},
      {U32, AT(world_size)},
      {U32, AT(epoch)},
      {U64, AT(base_step)},
      {U64, AT(base_position)},
      {U64, AT(step)},
      {U64, AT(count)},
      {FEEDBACK, AT(seconds)}}},
    {AUGSI_PING, 3, {{U64, AT(incarnation)}, {U64, AT(count)}, {U64, AT(step)}}},
    {AUGSI_BYE,
     5,
     {{U64, AT(incarnation)},
      {U32, AT(epoch)},
      {U64, AT(base_step)},
      {U64, AT(base_position)},
      {U64, AT(step)}}},
    {AUGSI_BATCH,
     13,
     {{U64, AT(incarnation)},
      {U64, AT(request)},
      {U64, AT(generation)},
      {U32, AT(rank)},
      {U32, AT(epoch)},
      {U64, AT(from_step)},
      {U64, AT(step)},
      {U64, AT(first)},
      {U64, AT(stride)},
      {U64, AT(n_samples)},
      {U32, AT(flags)},
      {U64, AT(n_bytes)},
      {U64, AT(hash)}}},
    {AUGSI_EOS,
     7,
     {{U64, AT(incarnation)},
      {U64, AT(request)},
      {U64, AT(generation)},
      {U32, AT(epoch)},
      {U64, AT(from_step)},
      {U64, AT(step)},
      {U64, AT(n_samples)}}},
    {AUGSI_ERR,
     6,
     {{U64, AT(incarnation)},
      {U64, AT(request)},
      {U32, AT(code)},
      {U64, AT(retry_ms)},
      {U64, AT(count)},
      {TEXT, AT(text)}}},
    {AUGSI_PONG, 3, {{U64, AT(incarnation)}, {U64, AT(count)}, {U64, AT(step)}}},
    {AUGSI_BUSY,
     4,
     {{U64, AT(incarnation)}, {U64, AT(request)}, {U64, AT(step)}, {U64, AT(eta_ms)}}},
    {AUGSI_DRAIN, 2, {{U64, AT(count)}, {TEXT, AT(text)}}},
};

#define N_SHAPES (sizeof shapes / sizeof shapes[0])

static const wire_shape *shape_of(uint32_t type)
{
    for (size_t i = 0; i < N_SHAPES; i++) {
        if (shapes[i].type == type) {
            return &shapes[i];
        }
    }
    return NULL;
}

bool augsi_bytes_equal(augsi_bytes bytes, const char *text)
{
    return bytes.n_bytes == strlen(text) && memcmp(bytes.data, text, bytes.n_bytes) == 0;
}

bool augsi_is_job_name(const char *name)
{
    const size_t n = strlen(name);
    return n > 0 && n <= AUGSI_MAX_JOB_BYTES &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

static int write_bytes(void *text, const char *data, size_t n_bytes)
{
    augsi_text_add(text, data, n_bytes);
    return 0;
}

static void pack_text(msgpack_packer *packer, augsi_bytes bytes)
{
    msgpack_pack_str(packer, bytes.n_bytes);
    msgpack_pack_str_body(packer, bytes.n_bytes > 0 ? bytes.data : "", bytes.n_bytes);
}

void augsi_wire_encode(augsi_text *text, const augsi_message *message)
{
    const wire_shape *shape = shape_of(message->type);
    msgpack_packer packer;
    msgpack_packer_init(&packer, text, write_bytes);
    msgpack_pack_array(&packer, 2 + shape->n_fields);
    msgpack_pack_uint64(&packer, AUGSI_PROTOCOL);
    msgpack_pack_uint64(&packer, message->type);
    for (uint32_t i = 0; i < shape->n_fields; i++) {
        const char *at = (const char *)message + shape->fields[i].offset;
        switch (shape->fields[i].type) {
        case U64:
            msgpack_pack_uint64(&packer, *(const uint64_t *)(const void *)at);
            break;
        case U32:
            msgpack_pack_uint64(&packer, *(const uint32_t *)(const void *)at);
            break;
        case TEXT:
            pack_text(&packer, *(const augsi_bytes *)(const void *)at);
            break;
        case FEEDBACK:
            if (!message->has_feedback) {
                msgpack_pack_nil(&packer);
                break;
            }
            msgpack_pack_array(&packer, 3);
            msgpack_pack_double(&packer, message->seconds);
            msgpack_pack_uint64(&packer, message->bytes);
            msgpack_pack_uint64(&packer, message->available_bytes);
            break;
        }
    }
}

static void read_feedback(augsi_reader *reader, augsi_message *message)
{
    if (augsi_read_nil(reader)) {
        return;
    }
    if (augsi_read_array(reader) != 3) {
        reader->failed = true;
    }
    message->has_feedback = true;
    message->seconds = augsi_read_f64(reader);
    message->bytes = augsi_read_u64(reader);
    message->available_bytes = augsi_read_u64(reader);
}

static void read_field(augsi_reader *reader, const wire_field *field, augsi_message *message)
{
    char *at = (char *)message + field->offset;
    switch (field->type) {
    case U64:
        *(uint64_t *)(void *)at = augsi_read_u64(reader);
        break;
    case U32:
        *(uint32_t *)(void *)at = augsi_read_u32(reader);
        break;
    case TEXT: {
        const augsi_bytes bytes = augsi_read_text(reader);
        if (memchr(bytes.data, 0, bytes.n_bytes) != NULL) {
            reader->failed = true;
        }
        *(augsi_bytes *)(void *)at = bytes;
        break;
    }
    case FEEDBACK:
        read_feedback(reader, message);
        break;
    }
}

uint32_t augsi_wire_type(const void *data, size_t n_bytes)
{
    augsi_reader reader = {.at = data, .end = (const unsigned char *)data + n_bytes};
    uint32_t n = augsi_read_array(&reader);
    augsi_read_u64(&reader);
    uint32_t type = augsi_read_u32(&reader);
    return reader.failed || n < 2 ? 0 : type;
}

int augsi_wire_decode(const void *data, size_t n_bytes, augsi_message *ret_message,
                      augs_error *error)
{
    if (!augsi_wire_walk(data, n_bytes, MAX_DEPTH)) {
        return augsi_fail(error, AUGS_E_PROTOCOL,
                          "the message is not one msgpack array of at most %u levels", MAX_DEPTH);
    }
    augsi_reader reader = {.at = data, .end = (const unsigned char *)data + n_bytes};
    augsi_message message = {.type = 0};
    uint32_t n = augsi_read_array(&reader);
    uint64_t protocol = augsi_read_u64(&reader);
    message.type = augsi_read_u32(&reader);
    if (reader.failed || n < 2) {
        return augsi_fail(error, AUGS_E_PROTOCOL,
                          "the message does not begin with [protocol, type]");
    }
    if (protocol != AUGSI_PROTOCOL) {
        return augsi_fail(error, AUGS_E_PROTOCOL,
                          "the message is of protocol %llu; this side speaks %u",
                          (unsigned long long)protocol, AUGSI_PROTOCOL);
    }
    const wire_shape *shape = shape_of(message.type);
    if (shape == NULL || n != 2 + shape->n_fields) {
        return augsi_fail(error, AUGS_E_PROTOCOL,
                          "a message of type %u with %u fields is not known", message.type, n - 2);
    }
    for (uint32_t i = 0; i < shape->n_fields; i++) {
        read_field(&reader, &shape->fields[i], &message);
    }
    if (reader.failed) {
        return augsi_fail(error, AUGS_E_PROTOCOL,
                          "a field of the message of type %u has the wrong type or range",
                          message.type);
    }
    *ret_message = message;
    return AUGS_OK;
}
