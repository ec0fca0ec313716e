/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The largest batch of images that a memory limit holds, found by trying.
 *
 *   find_batch_size [LIMIT_MB] [SIDE]
 *
 * Each trial runs in a child process whose address space is limited, 256 MB if nothing else is
 * said: a trial that runs out of memory, or crashes on it, costs that child alone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <augstream/augstream.h>

typedef struct model {
    uint64_t image_bytes;
    double loss;
} model;

/* One step of training in miniature: images, activations and gradients, all written and read. */
static int train_step(void *user, uint64_t batch_size, uint32_t step, augs_error *error)
{
    model *self = user;
    unsigned char *arrays[3] = {NULL, NULL, NULL};
    size_t n_bytes = (size_t)(batch_size * self->image_bytes);
    int fits = 1;
    (void)error; /* a step that fails for another reason would say so here, and return AUGS_E_... */
    for (size_t a = 0; a < 3 && fits; a++) {
        arrays[a] = malloc(n_bytes);
        fits = arrays[a] != NULL;
        if (fits) {
            memset(arrays[a], (int)step + 1, n_bytes);
        }
    }
    for (size_t i = 0; i < n_bytes && fits; i += 4096) {
        self->loss += arrays[0][i] - 0.5 * arrays[1][i] - 0.5 * arrays[2][i];
    }
    for (size_t a = 0; a < 3; a++) {
        free(arrays[a]);
    }
    return fits;
}

static void show_trial(void *user, const augs_trial *trial)
{
    (void)user;
    fprintf(stderr, "trying %" PRIu64 ": %s\n", trial->batch_size, trial->reason);
}

static int parse(const char *text, uint64_t least, uint64_t most, uint64_t *ret_number)
{
    char *end;
    *ret_number = strtoull(text, &end, 10);
    return end != text && *end == '\0' && strchr(text, '-') == NULL && *ret_number >= least &&
           *ret_number <= most;
}

int main(int argc, char **argv)
{
    uint64_t limit_mb = 256, side = 64;
    if (argc > 3 || (argc > 1 && !parse(argv[1], 1, 1u << 20, &limit_mb)) ||
        (argc > 2 && !parse(argv[2], 1, 1u << 12, &side))) {
        fprintf(stderr,
                "usage: find_batch_size [LIMIT_MB, 1 to 1048576] [SIDE of an image, 1 to 4096]\n");
        return 2;
    }
    const uint64_t shape[] = {3, side, side};
    model self = {.image_bytes = shape[0] * shape[1] * shape[2] * sizeof(float)};
    augs_error error;

    /* By calculation: nothing else in the process is counted. */
    uint64_t calculated;
    if (augs_batch_size_for_shape(shape, 3, augs_element_bytes("float32"), 3, limit_mb << 20, 0, 1,
                                  &calculated, &error) < 0) {
        fprintf(stderr, "find_batch_size: %s\n", error.message);
        return EXIT_FAILURE;
    }
    printf("By calculation: at most %" PRIu64 " images of 3 x %" PRIu64 " x %" PRIu64 "\n",
           calculated, side, side);

    /* By trial. */
    const augs_finder_options options = {.size = sizeof options,
                                         .child_limit_bytes = limit_mb << 20,
                                         .child_timeout_seconds = 60,
                                         .progress = show_trial};
    augs_finder_report report = {.size = sizeof report};
    char table[16384];
    int status = augs_batch_size_find_in_child(train_step, &self, &options, &report, &error);
    augs_finder_report_format(&report, table, sizeof table);
    fputs(table, stdout);
    if (status < 0) {
        fprintf(stderr, "find_batch_size: %s\n", error.message);
        return EXIT_FAILURE;
    }

    /* A recipe of 100 epochs with batches of 32, for as many optimizer steps. */
    uint64_t epochs;
    if (augs_epochs_adjust(AUGS_EPOCHS_EQUAL_UPDATES, 100, 32, report.batch_size, 0, &epochs,
                           &error) < 0) {
        fprintf(stderr, "find_batch_size: %s\n", error.message);
        return EXIT_FAILURE;
    }
    printf("100 epochs with batches of 32 have as many steps as %" PRIu64 " with %" PRIu64 "\n",
           epochs, report.batch_size);
    return EXIT_SUCCESS;
}
