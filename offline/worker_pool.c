/* SPDX-License-Identifier: Apache-2.0 */
#include "offline/worker_pool.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/fail.h"
#include "base/float_env.h"

typedef struct pool_state {
    const augsi_worker_pool *pool;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t n_given, n_finished;
    bool over;  /* no more jobs */
    bool *done; /* of the jobs in hand */
} pool_state;

typedef struct pool_thread {
    pool_state *state;
    void *worker;
    pthread_t thread;
} pool_thread;

static void *job_at(const augsi_worker_pool *pool, uint64_t ticket)
{
    return (char *)pool->jobs + ticket % pool->n_jobs * pool->job_bytes;
}

static void *run_worker(void *argument)
{
    pool_thread *self = argument;
    pool_state *state = self->state;
    const augsi_worker_pool *pool = state->pool;
    augsi_float_stay stay;
    augsi_float_enter(&stay);
    pthread_mutex_lock(&state->mutex);
    for (;;) {
        while (!state->over && state->n_given - state->n_finished >= pool->n_jobs) {
            pthread_cond_wait(&state->changed, &state->mutex);
        }
        if (state->over || pool->next(pool->user, job_at(pool, state->n_given)) != 1) {
            break;
        }
        uint64_t ticket = state->n_given++;
        pthread_mutex_unlock(&state->mutex);
        pool->work(pool->user, self->worker, job_at(pool, ticket));
        pthread_mutex_lock(&state->mutex);
        state->done[ticket % pool->n_jobs] = true;
        pthread_cond_broadcast(&state->changed);
    }
    state->over = true;
    pthread_cond_broadcast(&state->changed);
    pthread_mutex_unlock(&state->mutex);
    augsi_float_leave(&stay);
    return NULL;
}

static void finish_in_order(pool_state *state)
{
    const augsi_worker_pool *pool = state->pool;
    pthread_mutex_lock(&state->mutex);
    for (;;) {
        bool *done = &state->done[state->n_finished % pool->n_jobs];
        while (!*done && !(state->over && state->n_finished == state->n_given)) {
            pthread_cond_wait(&state->changed, &state->mutex);
        }
        if (!*done) {
            break;
        }
        pthread_mutex_unlock(&state->mutex);
        int stop = pool->finish(pool->user, job_at(pool, state->n_finished));
        pthread_mutex_lock(&state->mutex);
        *done = false;
        state->n_finished++;
        state->over = state->over || stop != 0;
        pthread_cond_broadcast(&state->changed);
    }
    pthread_mutex_unlock(&state->mutex);
}

static void run_alone(const augsi_worker_pool *pool)
{
    while (pool->next(pool->user, pool->jobs) == 1) {
        pool->work(pool->user, pool->workers, pool->jobs);
        if (pool->finish(pool->user, pool->jobs) != 0) {
            break;
        }
    }
}

int augsi_worker_pool_run(const augsi_worker_pool *pool, augs_error *error)
{
    if (pool->n_workers <= 1) {
        run_alone(pool);
        return AUGS_OK;
    }
    pool_state state = {.pool = pool};
    pool_thread *threads = augsi_new_array(pool->allocator, pool->n_workers, sizeof *threads);
    state.done = augsi_new_array(pool->allocator, pool->n_jobs, sizeof *state.done);
    int status = AUGS_OK;
    if (threads == NULL || state.done == NULL) {
        status = augsi_fail_memory(error, pool->n_workers * sizeof *threads);
    } else {
        uint32_t n_started = 0;
        pthread_mutex_init(&state.mutex, NULL);
        pthread_cond_init(&state.changed, NULL);
        for (uint32_t i = 0; i < pool->n_workers; i++) {
            threads[i].state = &state;
            threads[i].worker = (char *)pool->workers + i * pool->worker_bytes;
            AUGSI_CALLER_BEGIN; /* a thread begins with the environment of whoever starts it */
            const int reason = pthread_create(&threads[i].thread, NULL, run_worker, &threads[i]);
            AUGSI_CALLER_END;
            if (reason != 0) {
                break; /* fewer do it, too */
            }
            n_started++;
        }
        if (n_started == 0) {
            run_alone(pool);
        } else {
            finish_in_order(&state);
        }
        for (uint32_t i = 0; i < n_started; i++) {
            pthread_join(threads[i].thread, NULL);
        }
        pthread_cond_destroy(&state.changed);
        pthread_mutex_destroy(&state.mutex);
    }
    augsi_delete(pool->allocator, state.done, pool->n_jobs * sizeof *state.done);
    augsi_delete(pool->allocator, threads, pool->n_workers * sizeof *threads);
    return status;
}
