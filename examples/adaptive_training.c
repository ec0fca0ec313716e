/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An epoch of training whose batch size finds itself: the strategy is told what each batch cost and
 * looks for the size with the best throughput, below a memory limit.
 *
 *   adaptive_training [STRATEGY [METRICS_FILE [JOURNAL_FILE]]]
 *
 * STRATEGY is adaptive, or memory_optimized: the largest size that fits. METRICS_FILE takes a line
 * a batch (scripts/plot_metrics.py draws it). With JOURNAL_FILE each decision is on the disk before
 * its batch is handed out, so that the run can be continued or repeated.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <augstream/augstream.h>

#define N_SAMPLES UINT64_C(30000)
#define MEMORY_LIMIT (UINT64_C(48) << 20) /* of the device that the example pretends to have */
#define MODEL_BYTES (UINT64_C(8) << 20)   /* held whatever the batch */
#define SAMPLE_BYTES UINT64_C(65536)      /* activations and gradients of one sample */

static int fail(const char *what, const augs_error *error)
{
    fprintf(stderr, "adaptive_training: %s: %s\n", what, error->message);
    return EXIT_FAILURE;
}

/* ---- the consumer: put your training step here ---- */

typedef struct trainer {
    unsigned char seen[N_SAMPLES]; /* how often, by sample id */
    uint64_t most_bytes;
    double loss;
} trainer;

typedef struct step_cost {
    double seconds;
    uint64_t bytes, available_bytes;
} step_cost;

/*
 * One step. The memory is real, and written; time is what a device might take, so that the example
 * prints the same on any machine: 4 ms to launch, 0.02 ms per sample, and beyond 400 samples 0.06 ms more
 * for each, since they do not fit into its caches. With a step of your own: measure the time around
 * it, or do not call augs_pipeline_observe at all, and the pipeline measures.
 */
static int train_step(trainer *self, const augs_batch *batch, step_cost *ret_cost)
{
    const uint64_t n = augs_batch_n_samples(batch);
    const int64_t *sample_id = augs_batch_column_data(batch, 0);
    const uint64_t bytes = MODEL_BYTES + n * SAMPLE_BYTES;
    unsigned char *activations = bytes <= MEMORY_LIMIT ? malloc(n * SAMPLE_BYTES) : NULL;
    if (activations == NULL) {
        return 0; /* out of memory */
    }
    for (uint64_t k = 0; k < n; k++) {
        memset(activations + k * SAMPLE_BYTES, (int)(sample_id[k] & 0xff), SAMPLE_BYTES);
        self->loss += activations[(k + 1) * SAMPLE_BYTES - 1];
        self->seen[sample_id[k]]++;
    }
    free(activations);
    self->most_bytes = bytes > self->most_bytes ? bytes : self->most_bytes;
    ret_cost->seconds = 4e-3 + 20e-6 * (double)n + (n > 400 ? 60e-6 * (double)(n - 400) : 0);
    ret_cost->bytes = bytes;
    ret_cost->available_bytes = MEMORY_LIMIT - bytes; /* beside the batch, while it was held */
    return 1;
}

/* ---- the loop ---- */

static int train(augs_pipeline *pipeline, trainer *self)
{
    augs_error error;
    augs_batch *batch;
    int status;
    printf(" step  size  samples/s    MB  why\n");
    while ((status = augs_pipeline_next(pipeline, &batch, &error)) > 0) {
        const uint64_t n = augs_batch_n_samples(batch), step = augs_pipeline_step(pipeline) - 1;
        step_cost cost = {.seconds = -1};
        const int fits = train_step(self, batch, &cost);
        augs_batch_unref(batch);
        if (!fits) {
            fprintf(stderr, "adaptive_training: a batch of %" PRIu64 " does not fit\n", n);
            return EXIT_FAILURE;
        }
        const augs_feedback feedback = {.size = sizeof feedback,
                                        .step = step,
                                        .seconds = cost.seconds,
                                        .bytes = cost.bytes,
                                        .available_bytes = cost.available_bytes};
        if (augs_pipeline_observe(pipeline, &feedback, &error) < 0) {
            return fail("observe", &error);
        }
        printf("%5" PRIu64 " %5" PRIu64 " %10.0f %5.1f  %s\n", step, n, (double)n / cost.seconds,
               (double)cost.bytes / 1048576, augs_pipeline_why(pipeline));
    }
    return status < 0 ? fail("next", &error) : EXIT_SUCCESS;
}

static int summarize(const augs_metrics *metrics, const trainer *self, const char *path)
{
    augs_error error;
    augs_metrics_summary summary = {.size = sizeof summary};
    uint64_t once = 0;
    for (uint64_t i = 0; i < N_SAMPLES; i++) {
        once += self->seen[i] == 1;
    }
    augs_metrics_summarize(metrics, &summary);
    printf("%" PRIu64 " of %" PRIu64 " samples exactly once, in %" PRIu64 " batches\n", once,
           N_SAMPLES, summary.n_batches);
    printf("mean %.0f samples/s, best size %" PRIu64 " with %.0f samples/s\n",
           summary.mean_throughput, summary.best_size, summary.best_throughput);
    printf("memory %.1f of %.1f MB\n", (double)self->most_bytes / 1048576,
           (double)MEMORY_LIMIT / 1048576);
    if (path != NULL && augs_metrics_save(metrics, path, &error) < 0) {
        return fail("metrics", &error);
    }
    return once == N_SAMPLES ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    static trainer self;
    augs_error error;
    augs_preset *preset = NULL;
    augs_stream *stream = NULL;
    augs_metrics *metrics = NULL;
    augs_pipeline *pipeline = NULL;
    if (argc > 4) {
        fprintf(stderr, "usage: adaptive_training [STRATEGY [METRICS_FILE [JOURNAL_FILE]]]\n");
        return 2;
    }
    const augs_stream_options of_stream = {
        .size = sizeof of_stream, .order = AUGS_ORDER_SHUFFLED, .seed = 42, .n_samples = N_SAMPLES};
    const augs_strategy_options of_strategy = {.size = sizeof of_strategy,
                                               .batch_size = 8,
                                               .max_batch_size = 4096,
                                               .max_memory_bytes = MEMORY_LIMIT};
    int status = augs_preset_open("simclr", NULL, &preset, &error);
    status = status < 0 ? status : augs_stream_open(preset, &of_stream, &stream, &error);
    status = status < 0 ? status : augs_metrics_open(NULL, &metrics, &error);
    if (status == AUGS_OK) {
        const augs_plan_options of_plan = {.size = sizeof of_plan,
                                           .strategy = argc > 1 ? argv[1] : "adaptive",
                                           .strategy_options = &of_strategy};
        const augs_pipeline_options of_pipeline = {.size = sizeof of_pipeline,
                                                   .plan = &of_plan,
                                                   .journal = argc > 3 ? argv[3] : NULL,
                                                   .metrics = metrics};
        status = augs_pipeline_open(stream, &of_pipeline, &pipeline, &error);
    }
    int exit_status = status < 0 ? fail("opening", &error) : train(pipeline, &self);
    augs_pipeline_free(pipeline); /* it notes the last batch */
    if (exit_status == EXIT_SUCCESS) {
        exit_status = summarize(metrics, &self, argc > 2 ? argv[2] : NULL);
    }
    augs_metrics_free(metrics);
    augs_stream_unref(stream);
    augs_preset_unref(preset);
    return exit_status;
}
