/* SPDX-License-Identifier: Apache-2.0 */
#include "distributed/served_jobs.h"

#include <string.h>

#include <augstream/server.h>

#include "base/fail.h"
#include "base/memory.h"
#include "pipeline/batch/batch_pool.h"

static void job_done(const augs_allocator *allocator, augsi_served_job *job)
{
    for (size_t i = 0; i < 2; i++) {
        augs_stream_unref(job->streams[i]);
    }
    if (job->finished != NULL) {
        augsi_delete(allocator, job->finished, job->world_size);
    }
    augsi_plan_free(job->plan);
    augsi_plan_free(job->moved);
    augs_stream_unref(job->stream);
}

void augsi_served_jobs_done(augsi_served_jobs *jobs)
{
    for (uint32_t i = 0; i < jobs->n; i++) {
        job_done(jobs->allocator, &jobs->list[i]);
    }
    augsi_delete(jobs->allocator, jobs->list, jobs->n * sizeof *jobs->list);
}

static int check_job(const augsi_served_jobs *jobs, augs_stream *stream,
                     const augs_job_options *options, augs_error *error)
{
    const char *name = options->name != NULL ? options->name : AUGS_DEFAULT_JOB;
    if (!augsi_is_job_name(name)) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "job '%.200s': a name has 1 to %u of the characters A-Z a-z 0-9 . _ -",
                          name, AUGSI_MAX_JOB_BYTES);
    }
    if (augsi_served_jobs_find(jobs, (augsi_bytes){name, strlen(name)}) != UINT32_MAX) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "job '%s' is there already", name);
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

static int open_plan(const augs_allocator *allocator, augs_stream *stream,
                     const augs_plan_options *options, augsi_plan **ret_plan, augs_error *error)
{
    return augsi_plan_open(allocator, options, 0, augs_stream_n_samples(stream),
                           augs_stream_sample_bytes(stream), ret_plan, error);
}

static int job_init(const augs_allocator *allocator, augsi_served_job *job, augs_stream *stream,
                    const augs_job_options *options, augs_error *error)
{
    const char *name = options->name != NULL ? options->name : AUGS_DEFAULT_JOB;
    memcpy(job->name, name, strlen(name) + 1);
    job->n_epochs = options->n_epochs != 0 ? options->n_epochs : 1;
    int status = open_plan(allocator, stream, options->plan, &job->plan, error);
    if (status == AUGS_OK) {
        status = open_plan(allocator, stream, options->plan, &job->moved, error);
    }
    if (status < 0) {
        return status;
    }
    if (!augsi_plan_is_fixed(job->plan) || augsi_plan_options_of(job->plan)->strategy_ops != NULL) {
        return augsi_fail(
            error, AUGS_E_UNSUPPORTED,
            "job '%s': only the shipped fixed strategies can be served: sequential, round_robin",
            name);
    }
    const uint64_t most = augsi_plan_most_samples(job->plan);
    if (augsi_slab_bytes(stream, most) == UINT64_MAX) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "job '%s': batches of %llu samples are too many for memory", name,
                          (unsigned long long)most);
    }
    job->n_steps = augsi_plan_n_steps(job->plan);
    job->world_size = augsi_plan_options_of(job->plan)->world_size;
    job->finished = augsi_new(allocator, job->world_size);
    if (job->finished == NULL) {
        return augsi_fail_memory(error, job->world_size);
    }
    job->stream = augs_stream_ref(stream);
    return AUGS_OK;
}

int augsi_served_jobs_add(augsi_served_jobs *jobs, augs_stream *stream,
                          const augs_job_options *options, augs_error *error)
{
    int status = check_job(jobs, stream, options, error);
    if (status < 0) {
        return status;
    }
    augsi_served_job added = {.n_epochs = 0};
    status = job_init(jobs->allocator, &added, stream, options, error);
    if (status == AUGS_OK) {
        const size_t n = jobs->n * sizeof added;
        augsi_served_job *list = augsi_grow(jobs->allocator, jobs->list, n, n + sizeof added);
        if (list != NULL) {
            jobs->list = list;
            jobs->list[jobs->n++] = added;
            return AUGS_OK;
        }
        status = augsi_fail_memory(error, n + sizeof added);
    }
    job_done(jobs->allocator, &added);
    return status;
}

uint32_t augsi_served_jobs_find(const augsi_served_jobs *jobs, augsi_bytes name)
{
    for (uint32_t i = 0; i < jobs->n; i++) {
        if (augsi_bytes_equal(name, jobs->list[i].name)) {
            return i;
        }
    }
    return UINT32_MAX;
}

augs_stream *augsi_served_job_stream_at(augsi_served_job *job, uint32_t epoch)
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

static int fail_base(const augsi_served_job *job, uint64_t base_step, uint64_t base_position,
                     augs_error *error)
{
    const augs_plan_options *options = augsi_plan_options_of(job->plan);
    const bool block = options->rank_layout == AUGS_RANK_LAYOUT_BLOCK && options->world_size > 1;
    return augsi_fail(error, AUGS_E_RANGE,
                      "job '%s': no plan begins at step %llu, position %llu; accepted: positions 0 "
                      "to %llu, and no more steps than positions before it%s",
                      job->name, (unsigned long long)base_step, (unsigned long long)base_position,
                      (unsigned long long)augs_stream_n_samples(job->stream),
                      block ? "; with rank_layout block only the start of an epoch" : "");
}

/* To the place by the rule of a pipeline: from the start of an epoch, as its plan is then. */
static int move_plan(augsi_served_job *job, uint64_t base_step, uint64_t base_position,
                     augs_error *error)
{
    const augsi_token_place all = {.kind = AUGSI_PLACE_ALL};
    augsi_plan_forget_base(job->moved);
    job->moved_step = job->moved_position = 0;
    int status = augsi_plan_go_on(job->moved, base_step, base_position, &all, "base", error);
    if (status < 0) {
        return status == AUGS_E_TOKEN ? fail_base(job, base_step, base_position, error) : status;
    }
    job->moved_step = base_step;
    job->moved_position = base_position;
    return AUGS_OK;
}

int augsi_served_job_plan_at(augsi_served_job *job, uint64_t base_step, uint64_t base_position,
                             augsi_plan **ret_plan, augs_error *error)
{
    if (base_step == 0 && base_position == 0) {
        *ret_plan = job->plan;
        return AUGS_OK;
    }
    if (job->moved_step != base_step || job->moved_position != base_position) {
        int status = move_plan(job, base_step, base_position, error);
        if (status < 0) {
            return status;
        }
    }
    *ret_plan = job->moved;
    return AUGS_OK;
}
