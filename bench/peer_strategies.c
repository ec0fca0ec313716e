/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All see the same feedback, keep min, max, multiple_of, and do not go above a size that broke the
 * memory goal or the target.
 */
#include "peer_strategies.h"

#include <math.h>
#include <stdbool.h>

#define TARGET_MEMORY 0.7
#define GROWTH 1.2
/* A rate is clearly worse below that part of the other. */
#define WORSE 0.95
#define MOST_SAMPLES 16u

/* Rates seen at one size. */
typedef struct sizes_rate {
    double n, sum, squares;
    uint32_t count;
} sizes_rate;

typedef struct peer {
    uint64_t min, max, step, first;
    double limit_bytes, target_seconds;
    double size;
    double broken; /* the least size that broke a limit; INFINITY: none */
    double best_rate, best_size, rate;
    double low, high;
    sizes_rate a, b;
    uint32_t direction_down, settled, age;
} peer;

static int peer_init(void *state, const augs_strategy_options *options, augs_error *error)
{
    peer *self = state;
    (void)error;
    self->step = options->multiple_of != 0 ? options->multiple_of : 1;
    self->min = options->min_batch_size != 0 ? options->min_batch_size : 1;
    self->min = (self->min + self->step - 1) / self->step * self->step;
    self->max =
        (options->max_batch_size != 0 ? options->max_batch_size : 4096) / self->step * self->step;
    self->first = options->batch_size != 0 ? options->batch_size : 16;
    self->limit_bytes = (double)options->max_memory_bytes;
    self->target_seconds = options->target_seconds;
    self->size = (double)self->first;
    self->broken = INFINITY;
    return AUGS_OK;
}

static uint64_t planned(const peer *self, double n)
{
    n = fmin(fmin(n, (double)self->max), self->broken - 1);
    uint64_t down = n >= 1 ? (uint64_t)n / self->step * self->step : 0;
    return down < self->min ? self->min : down;
}

static int peer_plan(void *state, const augs_plan_facts *facts, augs_span *ret_span,
                     augs_error *error)
{
    const peer *self = state;
    (void)error;
    uint64_t left = facts->n_samples - facts->position;
    uint64_t whole = planned(self, self->size) * facts->world_size;
    if (left == 0) {
        return 0;
    }
    *ret_span =
        (augs_span){.first = facts->position, .stride = 1, .count = left < whole ? left : whole};
    return 1;
}

/* The rate; a limit that was broken is noted, and the size goes below it. */
static bool take(peer *self, const augs_feedback *f, double *ret_rate)
{
    if (f->n_samples == 0 || !(f->seconds > 0)) {
        return false;
    }
    double n = (double)f->n_samples;
    *ret_rate = n / f->seconds;
    bool heavy = self->limit_bytes > 0 && (double)f->bytes > TARGET_MEMORY * self->limit_bytes;
    bool late = self->target_seconds > 0 && f->seconds > self->target_seconds;
    if ((heavy || late) && n > (double)self->min) {
        self->broken = fmin(self->broken, n);
        self->size = fmin(self->size, n * 0.9);
        return false;
    }
    return true;
}

static void growth_only(void *state, const augs_feedback *f)
{
    peer *self = state;
    double rate;
    if (take(self, f, &rate)) {
        if (rate > WORSE * self->best_rate) {
            self->size = fmin(fmax(self->size * GROWTH, self->size + 1), (double)self->max);
        }
        self->best_rate = fmax(self->best_rate, rate);
    }
}

static void aimd(void *state, const augs_feedback *f)
{
    peer *self = state;
    double rate;
    if (take(self, f, &rate)) {
        bool worse = rate < WORSE * self->rate;
        self->size = worse ? self->size * 0.9 : self->size + 16;
        self->size = fmin(fmax(self->size, (double)self->min), (double)self->max);
        self->rate = rate;
    }
}

static void doubling(void *state, const augs_feedback *f)
{
    peer *self = state;
    double rate;
    if (!take(self, f, &rate) || self->settled != 0) {
        self->settled = 1;
        return;
    }
    if (rate > self->best_rate) {
        self->best_rate = rate;
        self->best_size = (double)f->n_samples;
    }
    if (rate < WORSE * self->best_rate || self->size >= (double)self->max) {
        self->settled = 1;
        self->size = self->best_size;
    } else {
        self->size = fmin(self->size * 2, (double)self->max);
    }
}

static void add_rate(sizes_rate *r, double rate)
{
    double y = log(rate);
    r->sum += y;
    r->squares += y * y;
    r->count++;
}

/* How many standard errors b is better than a. */
static double test(const sizes_rate *a, const sizes_rate *b)
{
    double ma = a->sum / a->count, mb = b->sum / b->count;
    double va = a->squares / a->count - ma * ma, vb = b->squares / b->count - mb * mb;
    return (mb - ma) / sqrt(fmax(va, 1e-6) / a->count + fmax(vb, 1e-6) / b->count);
}

/* Size a against a step of 1.2 (b) until one of them is better, or neither after 16. */
static void hill_climb(void *state, const augs_feedback *f)
{
    peer *self = state;
    double rate, n = (double)f->n_samples;
    if (!take(self, f, &rate)) {
        self->a = self->b = (sizes_rate){0};
        return;
    }
    if (self->a.count == 0) {
        self->a.n = n;
    }
    self->b.n = n == self->a.n ? self->b.n : n;
    add_rate(n == self->a.n ? &self->a : &self->b, rate);
    double other = self->direction_down != 0 ? fmin(self->a.n / GROWTH, self->a.n - 1)
                                             : fmax(self->a.n * GROWTH, self->a.n + 1);
    other = (double)planned(self, other);
    uint32_t least = self->a.count < self->b.count ? self->a.count : self->b.count;
    double score = least >= 3 ? test(&self->a, &self->b) : 0;
    if (other == self->a.n || score < -2 || least >= MOST_SAMPLES) {
        self->direction_down ^= 1;
        self->b = (sizes_rate){0};
        self->size = self->a.n;
    } else if (score > 2) {
        self->a = self->b;
        self->b = (sizes_rate){0};
        self->size = self->a.n;
    } else {
        self->size = self->a.count > self->b.count ? other : self->a.n;
    }
}

/* Three batches a point; when the interval is narrow its better end is used for 60 batches. */
static void golden(void *state, const augs_feedback *f)
{
    peer *self = state;
    double rate;
    if (!take(self, f, &rate)) {
        self->high = 0;
        return;
    }
    if (self->settled != 0 && ++self->age < 60) {
        return;
    }
    if (self->settled != 0 || self->high <= 0) {
        self->settled = self->age = 0;
        self->low = log((double)self->min);
        self->high = log(fmin((double)self->max, self->broken - 1) + 0.5);
        self->a = (sizes_rate){.n = self->high - 0.618 * (self->high - self->low)};
        self->b = (sizes_rate){.n = self->low + 0.618 * (self->high - self->low)};
        self->size = exp(self->a.n);
        return;
    }
    add_rate(self->a.count < 3 ? &self->a : &self->b, rate);
    if (self->b.count >= 3) {
        if (self->a.sum > self->b.sum) {
            self->high = self->b.n;
            self->b = self->a;
            self->a = (sizes_rate){.n = self->high - 0.618 * (self->high - self->low)};
        } else {
            self->low = self->a.n;
            self->a = (sizes_rate){.n = self->b.n, .sum = self->b.sum, .count = 3};
            self->b = (sizes_rate){.n = self->low + 0.618 * (self->high - self->low)};
        }
    }
    self->size = exp(self->a.count < 3 ? self->a.n : self->b.n);
    if (self->high - self->low < 0.1) {
        self->settled = 1;
        self->size = exp((self->low + self->high) / 2);
    }
}

/* The pace instead of the round trip; the best one slowly forgotten. */
static void gradient(void *state, const augs_feedback *f)
{
    peer *self = state;
    double rate;
    if (take(self, f, &rate)) {
        self->best_rate = fmax(self->best_rate * 0.99, rate);
        double factor = fmin(fmax(1.1 * rate / self->best_rate, 0.5), 1);
        double next = self->size * factor + sqrt(self->size);
        self->size = 0.8 * next + 0.2 * self->size;
        self->size = fmin(fmax(self->size, (double)self->min), (double)self->max);
    }
}

#define PEER(id, text, function)                                                                   \
    const augs_strategy_ops peer_##id = {.size = sizeof(augs_strategy_ops),                        \
                                         .name = text,                                             \
                                         .state_size = sizeof(peer),                               \
                                         .init = peer_init,                                        \
                                         .plan = peer_plan,                                        \
                                         .observe = function}

PEER(growth_only, "growth_only", growth_only);
PEER(aimd, "aimd", aimd);
PEER(doubling, "doubling", doubling);
PEER(hill_climb, "hill_climb", hill_climb);
PEER(golden, "golden", golden);
PEER(gradient, "gradient", gradient);
