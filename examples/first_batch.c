/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line in one program: preset -> stream -> strategy -> batch.
 *
 *   first_batch [PRESET] [SEED]
 *
 * prints the first batch of an epoch of 1,000 samples, then shows that sample 2 alone is the same.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <augstream/augstream.h>

static int fail(const char *what, const augs_error *error)
{
    fprintf(stderr, "%s: %s\n", what, error->message);
    return EXIT_FAILURE;
}

/* Of a vector the first element. */
static void print_f32_columns(const augs_batch *batch)
{
    const int64_t *sample_id = augs_batch_column_data(batch, 0);
    for (uint64_t k = 0; k < augs_batch_n_samples(batch); k++) {
        printf("%" PRId64, sample_id[k]);
        for (uint32_t c = 1; c < augs_batch_n_columns(batch); c++) {
            if (augs_batch_column_dtype(batch, c) == AUGS_DTYPE_F32) {
                const float *values = augs_batch_column_data(batch, c);
                printf("  %s %.9g", augs_batch_column_name(batch, c),
                       (double)values[k * augs_batch_column_shape(batch, c) *
                                      augs_batch_column_width(batch, c)]);
            }
        }
        printf("\n");
    }
}

/* Any sample alone, in any order, is the same: the stream is its own log. */
static int show_sample_alone(const augs_stream *stream, const augs_batch *batch, uint64_t k)
{
    augs_error error;
    uint32_t c = 1;
    while (c < augs_batch_n_columns(batch) &&
           (augs_batch_column_dtype(batch, c) != AUGS_DTYPE_F32 ||
            augs_batch_column_shape(batch, c) != 1 || augs_batch_column_width(batch, c) != 1)) {
        c++;
    }
    if (c == augs_batch_n_columns(batch)) {
        printf("this preset has no column of one float a sample\n");
        return 1;
    }
    const int64_t *sample_id = augs_batch_column_data(batch, 0);
    const float *in_batch = augs_batch_column_data(batch, c);
    float alone = 0;
    void *columns[AUGS_MAX_COLUMNS + 1] = {NULL}; /* NULL: not wanted */
    columns[c] = &alone;
    if (augs_stream_gather(stream, &sample_id[k], 1, columns, &error) < 0) {
        fail("gather", &error);
        return 0;
    }
    printf("%s of sample %" PRId64 " alone: %.9g, in the batch: %.9g\n",
           augs_batch_column_name(batch, c), sample_id[k], (double)alone, (double)in_batch[k]);
    return alone == in_batch[k];
}

int main(int argc, char **argv)
{
    augs_error error = {0};
    augs_preset *preset = NULL;
    augs_stream *stream = NULL;
    augs_pipeline *pipeline = NULL;
    augs_batch *batch = NULL;

    if (augs_preset_open(argc > 1 ? argv[1] : "moderate", NULL, &preset, &error) < 0) {
        return fail("preset", &error);
    }
    augs_stream_options of_stream = {.size = sizeof of_stream,
                                     .order = AUGS_ORDER_SHUFFLED,
                                     .seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 42,
                                     .n_samples = 1000};
    if (augs_stream_open(preset, &of_stream, &stream, &error) < 0) {
        return fail("stream", &error);
    }
    augs_strategy_options of_strategy = {.size = sizeof of_strategy, .batch_size = 8};
    augs_plan_options of_plan = {.size = sizeof of_plan, .strategy_options = &of_strategy};
    augs_pipeline_options of_pipeline = {.size = sizeof of_pipeline, .plan = &of_plan};
    if (augs_pipeline_open(stream, &of_pipeline, &pipeline, &error) < 0 ||
        augs_pipeline_next(pipeline, &batch, &error) < 0) {
        return fail("pipeline", &error);
    }
    printf("fingerprint %s\n", augs_stream_fingerprint(stream));
    print_f32_columns(batch);

    int same = show_sample_alone(stream, batch, 2);
    augs_batch_unref(batch);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
    augs_preset_unref(preset);
    return same ? EXIT_SUCCESS : EXIT_FAILURE;
}
