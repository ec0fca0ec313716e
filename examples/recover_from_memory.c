/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going on after running out of memory: a batch that does not fit is given again in halves, and
 * later batches have half the size. Every sample is processed exactly once.
 *
 *   recover_from_memory [STRATEGY [BATCH_SIZE]]
 *
 * STRATEGY is sequential (the caller halves the size), memory_optimized or adaptive (they stay
 * below what did not fit by themselves).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <augstream/augstream.h>

#define N_SAMPLES UINT64_C(5000)
#define SAMPLE_BYTES (UINT64_C(1) << 20) /* what one sample needs at the consumer */

static int fail(const char *what, const augs_error *error)
{
    fprintf(stderr, "recover_from_memory: %s: %s\n", what, error->message);
    return EXIT_FAILURE;
}

/* ---- the consumer: put your training step here ---- */

typedef struct trainer {
    unsigned char seen[N_SAMPLES]; /* how often, by sample id */
    uint64_t free_bytes;           /* of the device that the example pretends to have */
    uint64_t n_batches, n_failures;
} trainer;

/* Less memory in the middle of the run: another process takes three quarters of it. */
static void other_process(trainer *self)
{
    self->free_bytes = (self->n_batches < 20 ? 100 : 25) * SAMPLE_BYTES;
}

/* One step: 1, or 0 if it ran out of memory before it changed anything. */
static int train_step(trainer *self, const augs_batch *batch)
{
    const uint64_t n = augs_batch_n_samples(batch);
    const int64_t *sample_id = augs_batch_column_data(batch, 0);
    other_process(self);
    if (n * SAMPLE_BYTES > self->free_bytes) {
        self->n_failures++;
        return 0;
    }
    for (uint64_t k = 0; k < n; k++) {
        self->seen[sample_id[k]]++;
    }
    self->n_batches++;
    return 1;
}

/* ---- the loop ---- */

/* The batch did not fit: its samples come again in halves, and later batches have half the size.
 * Sequential keeps its size unless it is told; the others have heard of it by the retry. */
static int recover(augs_pipeline *pipeline, const char *strategy, const augs_batch_info *info,
                   augs_error *error)
{
    int status = augs_pipeline_retry(pipeline, info->step, info->part, 0, error);
    if (status == AUGS_OK && info->part == 0 && strcmp(strategy, "sequential") == 0) {
        status = augs_pipeline_set_batch_size(pipeline, info->n_samples / 2, error);
    }
    /* AUGS_E_STATE: it was the last step, no batch has a size that could change */
    return status == AUGS_E_STATE ? AUGS_OK : status;
}

static int train(augs_pipeline *pipeline, const char *strategy, trainer *self)
{
    augs_error error;
    augs_batch *batch;
    int status;
    while ((status = augs_pipeline_next(pipeline, &batch, &error)) > 0) {
        augs_batch_info info = {.size = sizeof info};
        augs_batch_get_info(batch, &info);
        const int fits = train_step(self, batch);
        augs_batch_unref(batch);
        if (!fits) {
            printf("step %" PRIu64 ", part %" PRIu32 ": %" PRIu64 " samples do not fit\n",
                   info.step, info.part, info.n_samples);
            status = recover(pipeline, strategy, &info, &error);
            if (status < 0) {
                return fail("recovering", &error);
            }
        }
    }
    return status < 0 ? fail("next", &error) : EXIT_SUCCESS;
}

static int summarize(const trainer *self)
{
    uint64_t once = 0;
    for (uint64_t i = 0; i < N_SAMPLES; i++) {
        once += self->seen[i] == 1;
    }
    printf("%" PRIu64 " of %" PRIu64 " samples exactly once, in %" PRIu64 " batches; %" PRIu64
           " batches did not fit\n",
           once, N_SAMPLES, self->n_batches, self->n_failures);
    return once == N_SAMPLES ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    static trainer self;
    augs_error error;
    augs_preset *preset = NULL;
    augs_stream *stream = NULL;
    augs_pipeline *pipeline = NULL;
    const char *strategy = argc > 1 ? argv[1] : "sequential";
    const augs_stream_options of_stream = {
        .size = sizeof of_stream, .order = AUGS_ORDER_SHUFFLED, .seed = 42, .n_samples = N_SAMPLES};
    const augs_strategy_options of_strategy = {
        .size = sizeof of_strategy, .batch_size = argc > 2 ? strtoull(argv[2], NULL, 10) : 64};
    int status = augs_preset_open("moderate", NULL, &preset, &error);
    status = status < 0 ? status : augs_stream_open(preset, &of_stream, &stream, &error);
    if (status == AUGS_OK) {
        const augs_plan_options of_plan = {
            .size = sizeof of_plan, .strategy = strategy, .strategy_options = &of_strategy};
        const augs_pipeline_options of_pipeline = {.size = sizeof of_pipeline, .plan = &of_plan};
        status = augs_pipeline_open(stream, &of_pipeline, &pipeline, &error);
    }
    int exit_status = status < 0 ? fail("opening", &error) : train(pipeline, strategy, &self);
    if (exit_status == EXIT_SUCCESS) {
        exit_status = summarize(&self);
    }
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
    augs_preset_unref(preset);
    return exit_status;
}
