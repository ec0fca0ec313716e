/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of protocol 1 (docs/protocol.md), to and from bytes. No sockets. What comes in is
 * untrusted: a message is walked once without allocating anything (counts fit the bytes left,
 * depth, exact length) before its fields are read; texts of a decoded message point into it.
 */
#ifndef AUGSI_WIRE_H
#define AUGSI_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <augstream/pipeline.h>
#include <augstream/stream.h>

#include "base/text.h"

#define AUGSI_PROTOCOL 1u
#define AUGSI_MAX_REQUEST_BYTES 65536u      /* from a client */
#define AUGSI_MAX_CONTROL_BYTES (16u << 20) /* from a server: WELCOME carries all choices */
#define AUGSI_MAX_JOB_BYTES 64u

enum augsi_message_type {
    AUGSI_HELLO = 1,
    AUGSI_FETCH = 3,
    AUGSI_PING = 5,
    AUGSI_BYE = 6,
    AUGSI_WELCOME = 65,
    AUGSI_BATCH = 66,
    AUGSI_EOS = 67,
    AUGSI_ERR = 68,
    AUGSI_PONG = 69,
    AUGSI_BUSY = 70,
    AUGSI_DRAIN = 71
};

enum augsi_error_code {
    AUGSI_CODE_MALFORMED = 1,
    AUGSI_CODE_VERSION = 2,
    AUGSI_CODE_JOB = 3,
    AUGSI_CODE_FINGERPRINT = 4,
    AUGSI_CODE_RANGE = 5,
    AUGSI_CODE_CREDIT = 6,
    AUGSI_CODE_RANK = 7,
    AUGSI_CODE_OVERLOAD = 8,
    AUGSI_CODE_INTERNAL = 9,
    AUGSI_CODE_DRAINING = 10
};

#define AUGSI_FLAG_LAST 1u
#define AUGSI_FLAG_PADDED 2u

/* A text inside a message: no NUL. */
typedef struct augsi_bytes {
    const char *data;
    size_t n_bytes;
} augsi_bytes;

bool augsi_bytes_equal(augsi_bytes bytes, const char *text);
/* 1 to AUGSI_MAX_JOB_BYTES of A-Z a-z 0-9 . _ - */
bool augsi_is_job_name(const char *name);

/* One struct for all messages but WELCOME: each type has the fields that docs/protocol.md gives it.
 */
typedef struct augsi_message {
    uint32_t type;
    uint64_t protocol_min, protocol_max; /* HELLO */
    uint64_t incarnation, request, generation;
    augsi_bytes job, fingerprint, format, agent, text;
    uint32_t rank, world_size, epoch, code, flags;
    uint64_t base_step, base_position; /* FETCH, BYE: where the rank's plan of the epoch begins */
    uint64_t from_step; /* BATCH, EOS: the steps from it on have nothing else for the rank */
    uint64_t step,
        count; /* ERR: number; BUSY, PING, PONG: time or load; EOS: end step; DRAIN: grace */
    uint64_t first, stride, n_samples, n_bytes, hash, retry_ms, eta_ms;
    bool has_feedback;
    double seconds;
    uint64_t bytes, available_bytes;
} augsi_message;

/* Appends; failures to allocate stand in text->failed. */
void augsi_wire_encode(augsi_text *text, const augsi_message *message);
/* AUGS_E_PROTOCOL says what is wrong. WELCOME is not taken. */
int augsi_wire_decode(const void *data, size_t n_bytes, augsi_message *ret_message,
                      augs_error *error);
/* The type that a message begins with, 0 if it does not begin as one. */
uint32_t augsi_wire_type(const void *data, size_t n_bytes);

/* All that a client needs to know of a job. */
typedef struct augsi_welcome {
    uint64_t server_incarnation, incarnation;
    uint64_t self_test;
    char fingerprint[33];
    uint64_t generation, base_step, base_position;
    uint32_t first_epoch, n_epochs;
    uint64_t n_steps; /* of an epoch; 0 = not known */
    uint32_t max_credit;
    uint64_t max_frame_bytes;
    augs_plan_options plan; /* strategy and strategy_options point into this struct */
    augs_strategy_options strategy;
    char strategy_name[65];
    augs_stream *stream; /* at first_epoch; decoded: the caller's to unref */
} augsi_welcome;

/* stream and plan have to be set. */
void augsi_wire_encode_welcome(augsi_text *text, const augsi_welcome *welcome);
/*
 * Opens the stream from its definition and looks that its fingerprint is the one the server sent,
 * and that the self tests agree: AUGS_E_MISMATCH. ret_welcome must stay where it is while the
 * plan's options are in use. On failure its stream is NULL, and its incarnation is the message's as
 * far as that could be read, else 0.
 */
int augsi_wire_decode_welcome(const void *data, size_t n_bytes, const augs_allocator *allocator,
                              augsi_welcome *ret_welcome, augs_error *error);

#endif
