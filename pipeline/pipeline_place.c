/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/fail.h"
#include "pipeline/pipeline_impl.h"
#include "pipeline/plan/token.h"
#include "pipeline/plan/token_parts.h"

uint64_t augs_pipeline_n_left_out(const augs_pipeline *pipeline)
{
    return pipeline != NULL ? augsi_plan_n_left_out(pipeline->scheduler.plan) : 0;
}

uint64_t augs_pipeline_step(const augs_pipeline *pipeline)
{
    return pipeline != NULL ? pipeline->scheduler.step : 0;
}

int augs_pipeline_seek(augs_pipeline *pipeline, uint64_t step, augs_error *error)
{
    if (pipeline == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "pipeline: pipeline is required");
    }
    int status = augsi_scheduler_seek(&pipeline->scheduler, step, error);
    if (status == AUGS_OK) {
        augsi_pipeline_leave_last(pipeline);
    }
    return status;
}

/* Takes the reference. */
static void change_stream(augs_pipeline *pipeline, augs_stream *stream)
{
    augsi_pipeline_leave_last(pipeline);
    augs_stream_unref(pipeline->stream);
    pipeline->stream = stream;
}

int augs_pipeline_set_epoch(augs_pipeline *pipeline, uint32_t epoch, augs_error *error)
{
    if (pipeline == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "pipeline: pipeline is required");
    }
    augs_stream *stream;
    int status = augs_stream_open_epoch(pipeline->stream, epoch, &stream, error);
    if (status < 0) {
        return status;
    }
    change_stream(pipeline, stream);
    augsi_scheduler_set_epoch(&pipeline->scheduler, epoch);
    return AUGS_OK;
}

/* Where the next step starts in the window, or would start: what last_batch leaves out may be space
 * for smaller batches. */
static int next_position(augsi_scheduler *scheduler, uint64_t *ret_position, augs_error *error)
{
    augsi_plan *plan = scheduler->plan;
    if (!augsi_plan_is_fixed(plan)) {
        *ret_position = 0; /* the plan knows what it planned */
        return AUGS_OK;
    }
    const uint64_t position =
        augsi_plan_position(plan, scheduler->step) - augsi_plan_first_position(plan);
    if (position >= augsi_plan_n_samples(plan)) {
        return augsi_fail(error, AUGS_E_STATE,
                          "pipeline: the epoch has ended: there is no batch whose size could "
                          "change");
    }
    *ret_position = position;
    return AUGS_OK;
}

int augs_pipeline_set_batch_size(augs_pipeline *pipeline, uint64_t batch_size, augs_error *error)
{
    uint64_t position = 0;
    if (pipeline == NULL || batch_size == 0) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "pipeline: pipeline is required, and a batch_size of at least 1");
    }
    augsi_scheduler *scheduler = &pipeline->scheduler;
    int status = next_position(scheduler, &position, error);
    if (status >= 0) {
        status = augsi_plan_set_batch_size(scheduler->plan, batch_size, scheduler->step, position,
                                           error);
    }
    scheduler->generation += status == AUGS_OK;
    if (status == AUGS_OK && augsi_plan_is_fixed(scheduler->plan)) {
        augsi_scheduler_check_from(scheduler, scheduler->step, position);
    }
    return status;
}

/* What is to be given again, and how much of the journal's retries that takes into account. */
static void add_parts(const augs_pipeline *pipeline, char text[AUGSI_TOKEN_PARTS_BYTES],
                      augsi_token *token)
{
    augsi_token_parts parts = {.rank = pipeline->scheduler.rank,
                               .world_size = pipeline->world_size,
                               .n_retries = augsi_plan_n_retries(pipeline->scheduler.plan)};
    for (uint32_t i = 0; i < pipeline->scheduler.out.n_ranges; i++) {
        if (pipeline->scheduler.out.ranges[i].n_parts > 0) {
            parts.ranges[parts.n_ranges++] = pipeline->scheduler.out.ranges[i];
        }
    }
    if (parts.n_ranges > 0 || parts.n_retries > 0) {
        augsi_token_parts_format(&parts, text);
        token->parts = text;
        token->parts_bytes = strlen(text);
    }
}

int augs_pipeline_token(const augs_pipeline *pipeline, char *ret_token, size_t n_bytes,
                        augs_error *error)
{
    if (pipeline == NULL || ret_token == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "pipeline: pipeline and ret_token are required");
    }
    augsi_token token = {
        .job = "-", .epoch = augs_stream_epoch(pipeline->stream), .step = pipeline->scheduler.step};
    memcpy(token.fingerprint, augs_stream_fingerprint(pipeline->stream), sizeof token.fingerprint);
    if (augsi_plan_is_fixed(pipeline->scheduler.plan)) {
        token.position = augsi_plan_position(pipeline->scheduler.plan, pipeline->scheduler.step);
        token.place = augsi_plan_place(pipeline->scheduler.plan, pipeline->scheduler.step);
    } else {
        token.position =
            augsi_plan_decided_position(pipeline->scheduler.plan, pipeline->scheduler.step);
    }
    char text[AUGSI_TOKEN_PARTS_BYTES];
    add_parts(pipeline, text, &token);
    return augsi_token_format(&token, ret_token, n_bytes, error);
}

/* The token's position decides; the rank and the sizes are this pipeline's. */
static int find_token(augsi_scheduler *scheduler, const augsi_token *token, augs_error *error)
{
    augsi_plan *plan = scheduler->plan;
    const uint64_t start = augsi_plan_first_position(plan);
    if (!augsi_plan_is_fixed(plan)) {
        return augsi_plan_go_to(plan, token->epoch, token->step, token->position, error);
    }
    int status =
        augsi_plan_go_on(plan, token->step, token->position, &token->place, "resume token", error);
    if (status > 0) {
        augsi_scheduler_check_from(scheduler, augsi_plan_base_step(plan),
                                   augsi_plan_base_position(plan) - start);
    }
    return status < 0 ? status : AUGS_OK;
}

/* The parts that the token names, which are this rank's. */
static int read_parts(const augs_pipeline *pipeline, const augsi_token *token,
                      augsi_token_parts *ret_parts, augs_error *error)
{
    *ret_parts = (augsi_token_parts){.n_ranges = 0};
    if (token->parts == NULL) {
        return AUGS_OK;
    }
    int status = augsi_token_parts_parse(
        token->parts, token->parts_bytes, augsi_plan_first_position(pipeline->scheduler.plan),
        augsi_plan_n_samples(pipeline->scheduler.plan), ret_parts, error);
    if (status == AUGS_OK && ret_parts->n_ranges > 0 &&
        (ret_parts->rank != pipeline->scheduler.rank ||
         ret_parts->world_size != pipeline->world_size)) {
        status = augsi_fail(error, AUGS_E_TOKEN,
                            "resume token: rank %u of %u was in the middle of a batch that did not "
                            "fit, this is rank %u of %u: resume as the same rank first",
                            ret_parts->rank, ret_parts->world_size, pipeline->scheduler.rank,
                            pipeline->world_size);
    }
    return status;
}

static void take_up_parts(augs_pipeline *pipeline, const augsi_token_parts *parts)
{
    augsi_plan_know_retries(pipeline->scheduler.plan, parts->n_retries);
    memcpy(pipeline->scheduler.out.ranges, parts->ranges,
           parts->n_ranges * sizeof parts->ranges[0]);
    pipeline->scheduler.out.n_ranges = parts->n_ranges;
}

/* The plan goes first: what fails there leaves everything as it was. */
static int go_to_token(augs_pipeline *pipeline, const augsi_token *token, augs_error *error)
{
    augs_stream *stream;
    int status = augs_stream_open_epoch(pipeline->stream, token->epoch, &stream, error);
    if (status < 0) {
        return status;
    }
    status = find_token(&pipeline->scheduler, token, error);
    if (status < 0) {
        augs_stream_unref(stream);
        return status;
    }
    change_stream(pipeline, stream);
    pipeline->scheduler.epoch = token->epoch;
    augsi_scheduler_move(&pipeline->scheduler, token->step);
    return AUGS_OK;
}

int augs_pipeline_resume(augs_pipeline *pipeline, const char *text, augs_error *error)
{
    augsi_token token;
    if (pipeline == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "pipeline: pipeline is required");
    }
    int status = augsi_token_parse(text, &token, error);
    if (status < 0) {
        return status;
    }
    const char *ours = augs_stream_fingerprint(pipeline->stream);
    if (strcmp(token.fingerprint, ours) != 0) {
        return augsi_fail(error, AUGS_E_TOKEN,
                          "resume token: it is of the stream %s, this one is %s", token.fingerprint,
                          ours);
    }
    if (token.generation != 0) {
        return augsi_fail(error, AUGS_E_TOKEN,
                          "resume token: it is of plan generation %llu of a job; a pipeline has "
                          "generation 0 alone",
                          (unsigned long long)token.generation);
    }
    if (!augsi_plan_is_fixed(pipeline->scheduler.plan) && token.step > 0 &&
        pipeline->scheduler.journal == NULL) {
        return augsi_fail(
            error, AUGS_E_STATE,
            "resume token: strategy '%.200s' decides as it goes: a token alone cannot "
            "repeat that, its plan journal can",
            augsi_plan_options_of(pipeline->scheduler.plan)->strategy);
    }
    augsi_token_parts parts;
    status = read_parts(pipeline, &token, &parts, error);
    status = status < 0 ? status : go_to_token(pipeline, &token, error);
    if (status == AUGS_OK) {
        take_up_parts(pipeline, &parts);
    }
    return status;
}
