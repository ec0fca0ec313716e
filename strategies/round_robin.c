/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `batches` batches a window: the sample at position i of the window goes into batch i mod batches.
 * A batch is a strided span, nothing is buffered. A window shorter than `batches` has as many
 * batches as samples.
 */
#include "fail.h"
#include "planners.h"

typedef struct round_robin {
    uint64_t batches, window;
    uint64_t min_samples, max_samples;
    uint32_t drop_last;
} round_robin;

static int init(void *state, const augs_strategy_options *options, augs_error *error)
{
    round_robin *self = state;
    if (options->batches == 0) {
        return augsi_fail(
            error, AUGS_E_ARGUMENT,
            "strategy round_robin: 'batches' is required: into how many batches samples are dealt");
    }
    if (options->batch_size != 0 || options->multiple_of > 1) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "strategy round_robin: sizes follow from 'batches' and 'window'; "
                          "'batch_size' and 'multiple_of' are not taken");
    }
    if (options->window != 0 && options->window < options->batches) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "strategy round_robin: window %llu is smaller than batches %llu",
                          (unsigned long long)options->window,
                          (unsigned long long)options->batches);
    }
    *self = (round_robin){.batches = options->batches,
                          .window = options->window,
                          .min_samples = options->min_samples,
                          .max_samples = options->max_samples,
                          .drop_last = options->drop_last};
    return AUGS_OK;
}

/* min and max are a promise, and sizes follow from the window: what cannot be kept is refused. */
static int check_size(const round_robin *self, const augs_plan_facts *facts, const augs_span *span,
                      bool whole, augs_error *error)
{
    uint64_t a_rank = (span->count + facts->world_size - 1) / facts->world_size;
    if (self->max_samples != 0 && a_rank > self->max_samples) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "strategy round_robin: batches of %llu samples a rank, max %llu; more "
                          "batches or a smaller window are needed",
                          (unsigned long long)a_rank, (unsigned long long)self->max_samples);
    }
    if (whole && self->min_samples != 0 && span->count / facts->world_size < self->min_samples) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "strategy round_robin: batches of %llu samples a rank, min %llu; fewer "
                          "batches or a larger window are needed",
                          (unsigned long long)(span->count / facts->world_size),
                          (unsigned long long)self->min_samples);
    }
    return AUGS_OK;
}

static int plan(void *state, const augs_plan_facts *facts, augs_span *ret_span, augs_error *error)
{
    const round_robin *self = state;
    const uint64_t n = facts->n_samples;
    if (self->window == 0 && n == AUGS_ENDLESS) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "strategy round_robin: an endless stream needs 'window'");
    }
    const uint64_t window = self->window == 0 ? n : self->window;
    uint64_t number = facts->step / self->batches, tooth = facts->step % self->batches, base;
    if (__builtin_mul_overflow(number, window, &base) || base >= n) {
        return 0;
    }
    uint64_t length = n - base < window ? n - base : window;
    uint64_t stride = length < self->batches ? length : self->batches;
    /* with drop_last all batches of a window are equally long, and a short last window is left out
     */
    if (tooth >= stride || (self->drop_last != 0 && length < self->batches)) {
        return 0;
    }
    uint64_t count =
        self->drop_last != 0 ? length / stride : (length - tooth + stride - 1) / stride;
    *ret_span = (augs_span){.first = base + tooth, .stride = stride, .count = count};
    int status = check_size(self, facts, ret_span, length == window, error);
    return status < 0 ? status : 1;
}

const augs_strategy_ops augsi_strategy_round_robin = {
    .size = sizeof(augs_strategy_ops),
    .flags = AUGS_STRATEGY_FIXED,
    .name = "round_robin",
    .state_size = sizeof(round_robin),
    .init = init,
    .plan = plan,
};
