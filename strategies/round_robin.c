/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `batches` batches a window: the sample at position i of the window goes into batch i mod batches.
 * A batch is a strided span, nothing is buffered. A window shorter than `batches` has as many
 * batches as samples.
 *
 * With drop_last all batches are equally long: what the whole stream has beyond a multiple of
 * `batches`, or beyond whole windows, is left out at the end.
 */
#include "fail.h"
#include "planners.h"

const augs_strategy_options augsi_round_robin_defaults = {
    .size = sizeof(augs_strategy_options), .min_samples = 1, .multiple_of = 1};

typedef struct round_robin {
    uint64_t batches, window;
    uint64_t min_samples, max_samples;
    bool drop_last;
} round_robin;

static int init(void *state, const augs_strategy_options *options, augs_error *error)
{
    round_robin *self = state;
    const uint64_t batches = options->batches, window = options->window;
    int status = augsi_planner_refuse_foreign("round_robin", options, error);
    if (status < 0) {
        return status;
    }
    if (batches == 0) {
        return augsi_fail(
            error, AUGS_E_ARGUMENT,
            "strategy round_robin: 'batches' is required: into how many batches samples are dealt");
    }
    if (options->batch_size != 0 || options->multiple_of > 1) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "strategy round_robin: sizes follow from 'batches' and 'window'; "
                          "'batch_size' and 'multiple_of' are not taken");
    }
    if (options->max_samples != 0 && options->min_samples > options->max_samples) {
        return augsi_fail(
            error, AUGS_E_ARGUMENT, "strategy round_robin: min %llu is above max %llu",
            (unsigned long long)options->min_samples, (unsigned long long)options->max_samples);
    }
    if (window != 0 && window < batches) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "strategy round_robin: window %llu is smaller than batches %llu",
                          (unsigned long long)window, (unsigned long long)batches);
    }
    if (options->drop_last != 0 && window % batches != 0) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "strategy round_robin: with drop_last, window %llu has to be a multiple "
                          "of batches %llu: samples are left out at the end only",
                          (unsigned long long)window, (unsigned long long)batches);
    }
    *self = (round_robin){.batches = batches,
                          .window = window,
                          .min_samples = options->min_samples,
                          .max_samples = options->max_samples,
                          .drop_last = options->drop_last != 0};
    return AUGS_OK;
}

/*
 * min and max are a promise, and sizes follow from the window: what cannot be kept is refused. The
 * same for every step, so that it shows at the first one.
 */
static int check_sizes(const round_robin *self, uint64_t n, uint32_t world_size, augs_error *error)
{
    const bool only_a_tail = n < self->window; /* a tail may be smaller */
    const uint64_t window = self->window == 0 || only_a_tail ? n : self->window;
    const uint64_t stride = window < self->batches ? window : self->batches;
    uint64_t shortest = window / stride, longest = shortest;
    if (!self->drop_last && window % stride != 0) {
        longest++;
    }
    shortest /= world_size;
    longest = longest / world_size + (longest % world_size != 0);
    if (self->max_samples != 0 && longest > self->max_samples) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "strategy round_robin: batches of %llu samples a rank, max %llu; more "
                          "batches or a smaller window are needed",
                          (unsigned long long)longest, (unsigned long long)self->max_samples);
    }
    if (shortest < self->min_samples && !only_a_tail) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "strategy round_robin: batches of %llu samples a rank, min %llu; fewer "
                          "batches or a larger window are needed",
                          (unsigned long long)shortest, (unsigned long long)self->min_samples);
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
    const uint64_t length = n - base < window ? n - base : window;
    const uint64_t stride = length < self->batches ? length : self->batches;
    if (self->drop_last && (length < window || length < self->batches)) {
        return 0;
    }
    if (tooth >= stride) {
        return 0;
    }
    int status = check_sizes(self, n, facts->world_size, error);
    if (status < 0) {
        return status;
    }
    uint64_t count = length / stride;
    if (!self->drop_last && tooth < length % stride) {
        count++;
    }
    *ret_span = (augs_span){.first = base + tooth, .stride = stride, .count = count};
    return 1;
}

const augs_strategy_ops augsi_strategy_round_robin = {
    .size = sizeof(augs_strategy_ops),
    .flags = AUGS_STRATEGY_FIXED,
    .name = "round_robin",
    .state_size = sizeof(round_robin),
    .init = init,
    .plan = plan,
};
