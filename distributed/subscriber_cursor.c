/* SPDX-License-Identifier: Apache-2.0 */
#include "distributed/subscriber_cursor.h"

#include <string.h>

#include <augstream/server.h>

#include "base/checked.h"
#include "base/checksum.h"
#include "base/fail.h"
#include "base/memory.h"
#include "pipeline/plan/token_parts.h"

#define NO_JOB "-" /* in the token of a pipeline; its stream is the job's or is refused */

/* Samples that wait to be given again are known to the pipeline that split their batch alone. */
static int check_parts(const augsi_token *token, augs_error *error)
{
    augsi_token_parts parts = {.n_ranges = 0};
    if (token->parts == NULL) {
        return AUGS_OK;
    }
    int status =
        augsi_token_parts_parse(token->parts, token->parts_bytes, 0, AUGS_ENDLESS, &parts, error);
    if (status == AUGS_OK && parts.n_ranges > 0) {
        status = augsi_fail(error, AUGS_E_TOKEN,
                            "resume token: rank %u of %u was in the middle of a batch that did not "
                            "fit, and a server gives no parts of batches: resume a pipeline as "
                            "that rank first",
                            parts.rank, parts.world_size);
    }
    return status;
}

int augsi_cursor_init(augsi_cursor *cursor, const augs_subscriber_options *options,
                      const augs_allocator *allocator, augs_error *error)
{
    const char *job = options->job != NULL ? options->job : AUGS_DEFAULT_JOB;
    cursor->allocator = *allocator;
    cursor->rank = options->rank;
    cursor->world_size = options->world_size != 0 ? options->world_size : 1;
    if (!augsi_is_job_name(job)) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "subscriber: job '%.200s': a name has 1 to %u of the characters A-Z a-z "
                          "0-9 . _ -",
                          job, AUGSI_MAX_JOB_BYTES);
    }
    memcpy(cursor->job, job, strlen(job) + 1);
    if (cursor->rank >= cursor->world_size) {
        return augsi_fail(error, AUGS_E_RANGE, "subscriber: rank %u of %u; ranks are 0 to %u",
                          cursor->rank, cursor->world_size, cursor->world_size - 1);
    }
    if (options->fingerprint != NULL) {
        if (strlen(options->fingerprint) != 32 ||
            strspn(options->fingerprint, "0123456789abcdef") != 32) {
            return augsi_fail(error, AUGS_E_ARGUMENT,
                              "subscriber: fingerprint '%.200s'; accepted: 32 of 0-9 a-f",
                              options->fingerprint);
        }
        memcpy(cursor->fingerprint, options->fingerprint, sizeof cursor->fingerprint);
    }
    if (options->token != NULL) {
        int status = augsi_token_parse(options->token, &cursor->token, error);
        if (status == AUGS_OK) {
            status = check_parts(&cursor->token, error);
        }
        cursor->token.parts = NULL; /* it points into the caller's text */
        if (status < 0) {
            return status;
        }
        if (strcmp(cursor->token.job, job) != 0 && strcmp(cursor->token.job, NO_JOB) != 0) {
            return augsi_fail(error, AUGS_E_TOKEN,
                              "resume token: it is of the job '%s', this one is '%s'",
                              cursor->token.job, job);
        }
        cursor->has_token = true;
    }
    return AUGS_OK;
}

void augsi_cursor_done(augsi_cursor *cursor)
{
    augsi_plan_free(cursor->plan);
    augs_stream_unref(cursor->stream);
    augs_stream_unref(cursor->welcome.stream);
}

static int open_plan(augsi_cursor *cursor, augs_error *error)
{
    const augsi_welcome *welcome = &cursor->welcome;
    int status = augsi_plan_open(&cursor->allocator, &welcome->plan, 0,
                                 augs_stream_n_samples(welcome->stream),
                                 augs_stream_sample_bytes(welcome->stream), &cursor->plan, error);
    if (status < 0) {
        return status;
    }
    cursor->n_steps = augsi_plan_n_steps(cursor->plan);
    cursor->most_samples = augsi_plan_most_samples(cursor->plan);
    if (!augsi_plan_is_fixed(cursor->plan) || cursor->n_steps != welcome->n_steps) {
        return augsi_fail(error, AUGS_E_PROTOCOL,
                          "job '%s': the server plans %llu steps, its options make %llu here",
                          cursor->job, (unsigned long long)welcome->n_steps,
                          (unsigned long long)cursor->n_steps);
    }
    return AUGS_OK;
}

/* The place that the token says. Its position decides, as in a pipeline: where this job's plan has no
 * such step there, a plan of the rest of the epoch begins at the position. */
static int follow_token(augsi_cursor *cursor, augs_error *error)
{
    const augsi_welcome *welcome = &cursor->welcome;
    const augsi_token *token = &cursor->token;
    const uint64_t end = (uint64_t)welcome->first_epoch + welcome->n_epochs;
    if (token->epoch < welcome->first_epoch || token->epoch >= end) {
        return augsi_fail(error, AUGS_E_TOKEN,
                          "resume token: it is of epoch %u; job '%s' has the epochs %u to %llu",
                          token->epoch, cursor->job, welcome->first_epoch,
                          (unsigned long long)end - 1);
    }
    if (token->generation != welcome->generation) {
        return augsi_fail(error, AUGS_E_TOKEN,
                          "resume token: it is of plan generation %llu, job '%s' has generation "
                          "%llu",
                          (unsigned long long)token->generation, cursor->job,
                          (unsigned long long)welcome->generation);
    }
    int status = augsi_plan_go_on(cursor->plan, token->step, token->position, &token->place,
                                  "resume token", error);
    if (status >= 0) {
        status = augs_stream_open_epoch(welcome->stream, token->epoch, &cursor->stream, error);
    }
    if (status == AUGS_OK) {
        const uint64_t most = augsi_plan_most_samples(cursor->plan);
        cursor->most_samples = most > cursor->most_samples ? most : cursor->most_samples;
        cursor->n_steps = augsi_plan_n_steps(cursor->plan);
        cursor->epoch = token->epoch;
        cursor->step = token->step;
    }
    return status;
}

/* The first WELCOME makes plan and place. */
static int settle(augsi_cursor *cursor, augs_error *error)
{
    const augsi_welcome *welcome = &cursor->welcome;
    if (cursor->fingerprint[0] != '\0' && strcmp(cursor->fingerprint, welcome->fingerprint) != 0) {
        return augsi_fail(error, AUGS_E_MISMATCH, "job '%s' is of the stream %s, %s was asked for",
                          cursor->job, welcome->fingerprint, cursor->fingerprint);
    }
    if (cursor->has_token && strcmp(cursor->token.fingerprint, welcome->fingerprint) != 0) {
        return augsi_fail(error, AUGS_E_TOKEN,
                          "resume token: it is of the stream %s, job '%s' is of %s",
                          cursor->token.fingerprint, cursor->job, welcome->fingerprint);
    }
    if (welcome->plan.world_size != cursor->world_size) {
        return augsi_fail(error, AUGS_E_REFUSED, "job '%s' has world size %u, not %u", cursor->job,
                          welcome->plan.world_size, cursor->world_size);
    }
    int status = open_plan(cursor, error);
    if (status < 0) {
        return status;
    }
    if (cursor->has_token) {
        status = follow_token(cursor, error);
        if (status < 0) {
            return status;
        }
    } else {
        cursor->epoch = welcome->first_epoch;
        cursor->stream = augs_stream_ref(welcome->stream);
    }
    cursor->is_settled = true;
    return AUGS_OK;
}

static bool same_plan(const augsi_welcome *a, const augsi_welcome *b)
{
    return a->generation == b->generation && a->n_steps == b->n_steps &&
           a->first_epoch == b->first_epoch && a->n_epochs == b->n_epochs &&
           a->plan.world_size == b->plan.world_size && a->plan.tail == b->plan.tail &&
           a->plan.rank_layout == b->plan.rank_layout &&
           strcmp(a->strategy_name, b->strategy_name) == 0 &&
           a->strategy.batch_size == b->strategy.batch_size &&
           a->strategy.min_batch_size == b->strategy.min_batch_size &&
           a->strategy.max_batch_size == b->strategy.max_batch_size &&
           a->strategy.multiple_of == b->strategy.multiple_of &&
           a->strategy.batches == b->strategy.batches &&
           a->strategy.deal_window == b->strategy.deal_window &&
           a->strategy.last_batch == b->strategy.last_batch;
}

static int check_same(const augsi_cursor *cursor, const augsi_welcome *welcome, augs_error *error)
{
    const augsi_welcome *before = &cursor->welcome;
    if (strcmp(welcome->fingerprint, before->fingerprint) != 0) {
        return augsi_fail(
            error, AUGS_E_MISMATCH,
            "job '%s' is another one since the connection was lost: stream %s, before %s",
            cursor->job, welcome->fingerprint, before->fingerprint);
    }
    if (!same_plan(welcome, before)) {
        return augsi_fail(
            error, AUGS_E_MISMATCH,
            "job '%s' has another plan since the connection was lost: %s, %llu steps; "
            "before %s, %llu steps",
            cursor->job, welcome->strategy_name, (unsigned long long)welcome->n_steps,
            before->strategy_name, (unsigned long long)before->n_steps);
    }
    return AUGS_OK;
}

static int welcome_first(augsi_cursor *cursor, const void *data, size_t n_bytes,
                         uint64_t incarnation, augs_error *error)
{
    augsi_welcome *welcome = &cursor->welcome; /* the plan's options stay there */
    int status = augsi_wire_decode_welcome(data, n_bytes, &cursor->allocator, welcome, error);
    if (welcome->incarnation != incarnation) {
        augs_stream_unref(welcome->stream);
        welcome->stream = NULL;
        return 0;
    }
    if (status == AUGS_OK) {
        status = settle(cursor, error);
    }
    return status < 0 ? status : 1;
}

static int welcome_again(augsi_cursor *cursor, const void *data, size_t n_bytes,
                         uint64_t incarnation, augs_error *error)
{
    augsi_welcome *welcome = augsi_new(&cursor->allocator, sizeof *welcome);
    if (welcome == NULL) {
        return augsi_fail_memory(error, sizeof *welcome);
    }
    int status = augsi_wire_decode_welcome(data, n_bytes, &cursor->allocator, welcome, error);
    if (welcome->incarnation != incarnation) {
        status = 0;
    } else if (status == AUGS_OK) {
        status = check_same(cursor, welcome, error);
        if (status == AUGS_OK) {
            cursor->welcome.max_credit = welcome->max_credit; /* each server has its own */
            status = 1;
        }
    }
    augs_stream_unref(welcome->stream);
    augsi_delete(&cursor->allocator, welcome, sizeof *welcome);
    return status;
}

int augsi_cursor_welcome(augsi_cursor *cursor, const void *data, size_t n_bytes,
                         uint64_t incarnation, augs_error *error)
{
    return cursor->is_settled ? welcome_again(cursor, data, n_bytes, incarnation, error)
                              : welcome_first(cursor, data, n_bytes, incarnation, error);
}

/* The start of a later epoch. */
static int begin_epoch(augsi_cursor *cursor, uint32_t epoch, augs_error *error)
{
    augs_stream *stream;
    int status = augs_stream_open_epoch(cursor->stream, epoch, &stream, error);
    if (status < 0) {
        return status;
    }
    augs_stream_unref(cursor->stream);
    cursor->stream = stream;
    augsi_plan_forget_base(cursor->plan); /* later epochs begin at their start */
    cursor->n_steps = augsi_plan_n_steps(cursor->plan);
    cursor->epoch = epoch;
    cursor->step = 0;
    cursor->has_slice = cursor->has_samples = false;
    return AUGS_OK;
}

static uint32_t last_epoch(const augsi_cursor *cursor)
{
    return cursor->welcome.first_epoch + (cursor->welcome.n_epochs - 1);
}

int augsi_cursor_turn(augsi_cursor *cursor, augs_error *error)
{
    if (cursor->step < cursor->n_steps) {
        return 1;
    }
    if (cursor->epoch == last_epoch(cursor)) {
        return 0;
    }
    int status = begin_epoch(cursor, cursor->epoch + 1, error);
    return status < 0 ? status : 1;
}

int augsi_cursor_skip(augsi_cursor *cursor, augs_error *error)
{
    int status = 1;
    while (status > 0 && !cursor->has_samples) {
        const uint64_t step = augsi_cursor_next(cursor, cursor->step);
        cursor->has_slice = cursor->has_slice && step == cursor->step;
        cursor->step = step;
        cursor->has_samples = step < cursor->n_steps;
        if (cursor->has_samples) {
            break;
        }
        status = augsi_cursor_turn(cursor, error);
        if (status > 0 && cursor->epoch != last_epoch(cursor) &&
            augsi_cursor_next(cursor, 0) == cursor->n_steps) {
            /* nothing for the rank in any epoch */
            status = begin_epoch(cursor, last_epoch(cursor), error);
            status = status < 0 ? status : 1;
        }
    }
    return status;
}

uint64_t augsi_cursor_next(const augsi_cursor *cursor, uint64_t step)
{
    return step < cursor->n_steps ? augsi_plan_next_step(cursor->plan, step, cursor->rank)
                                  : cursor->n_steps;
}

uint64_t augsi_cursor_end_of_range(const augsi_cursor *cursor, uint64_t begin, uint64_t count)
{
    const uint64_t left = cursor->n_steps - begin;
    const uint64_t last = augsi_cursor_next(cursor, begin + (count < left ? count : left) - 1);
    return last < cursor->n_steps ? last + 1 : last;
}

void augsi_cursor_advance(augsi_cursor *cursor)
{
    cursor->step++;
    cursor->has_slice = cursor->has_samples = false;
}

bool augsi_cursor_fits(augsi_cursor *cursor, const augsi_message *batch, const void *payload,
                       size_t n_payload)
{
    if (!cursor->has_slice) {
        cursor->has_slice =
            augsi_plan_slice(cursor->plan, cursor->step, cursor->rank, &cursor->slice, NULL) == 1;
    }
    const augsi_slice *slice = &cursor->slice;
    return cursor->has_slice && batch->from_step <= batch->step &&
           batch->first == slice->body.first && batch->stride == slice->body.stride &&
           batch->n_samples == augsi_add_or_most(slice->body.count, slice->pad_count) &&
           batch->n_bytes == n_payload && augsi_hash64(payload, n_payload) == batch->hash;
}

int augsi_cursor_token(const augsi_cursor *cursor, augsi_token *ret_token, augs_error *error)
{
    if (!cursor->is_settled) {
        if (cursor->has_token) {
            *ret_token = cursor->token; /* nothing was taken since */
            return AUGS_OK;
        }
        return augsi_fail(error, AUGS_E_STATE,
                          "subscriber: there is no token before the server was reached");
    }
    augsi_token token = {
        .epoch = cursor->epoch, .generation = cursor->welcome.generation, .step = cursor->step};
    memcpy(token.job, cursor->job, strlen(cursor->job) + 1);
    memcpy(token.fingerprint, cursor->welcome.fingerprint, sizeof token.fingerprint);
    token.position = augsi_plan_position(cursor->plan, cursor->step);
    token.place = augsi_plan_place(cursor->plan, cursor->step);
    *ret_token = token;
    return AUGS_OK;
}
