/* SPDX-License-Identifier: Apache-2.0 */
#include "offline/chunk_crew.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/fail.h"
#include "base/float_env.h"

typedef struct crew_state {
    const augsi_crew *crew;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t n_given, n_finished;
    bool over;  /* no more jobs */
    bool *done; /* of the jobs in hand */
} crew_state;

typedef struct crew_thread {
    crew_state *state;
    void *worker;
    pthread_t thread;
} crew_thread;

static void *job_at(const augsi_crew *crew, uint64_t ticket)
{
    return (char *)crew->jobs + ticket % crew->n_jobs * crew->job_bytes;
}

static void *run_worker(void *argument)
{
    crew_thread *self = argument;
    crew_state *state = self->state;
    const augsi_crew *crew = state->crew;
    augsi_float_stay stay;
    augsi_float_enter(&stay);
    pthread_mutex_lock(&state->mutex);
    for (;;) {
        while (!state->over && state->n_given - state->n_finished >= crew->n_jobs) {
            pthread_cond_wait(&state->changed, &state->mutex);
        }
        if (state->over || crew->next(crew->user, job_at(crew, state->n_given)) != 1) {
            break;
        }
        uint64_t ticket = state->n_given++;
        pthread_mutex_unlock(&state->mutex);
        crew->work(crew->user, self->worker, job_at(crew, ticket));
        pthread_mutex_lock(&state->mutex);
        state->done[ticket % crew->n_jobs] = true;
        pthread_cond_broadcast(&state->changed);
    }
    state->over = true;
    pthread_cond_broadcast(&state->changed);
    pthread_mutex_unlock(&state->mutex);
    augsi_float_leave(&stay);
    return NULL;
}

static void finish_in_order(crew_state *state)
{
    const augsi_crew *crew = state->crew;
    pthread_mutex_lock(&state->mutex);
    for (;;) {
        bool *done = &state->done[state->n_finished % crew->n_jobs];
        while (!*done && !(state->over && state->n_finished == state->n_given)) {
            pthread_cond_wait(&state->changed, &state->mutex);
        }
        if (!*done) {
            break;
        }
        pthread_mutex_unlock(&state->mutex);
        int stop = crew->finish(crew->user, job_at(crew, state->n_finished));
        pthread_mutex_lock(&state->mutex);
        *done = false;
        state->n_finished++;
        state->over = state->over || stop != 0;
        pthread_cond_broadcast(&state->changed);
    }
    pthread_mutex_unlock(&state->mutex);
}

static void run_alone(const augsi_crew *crew)
{
    while (crew->next(crew->user, crew->jobs) == 1) {
        crew->work(crew->user, crew->workers, crew->jobs);
        if (crew->finish(crew->user, crew->jobs) != 0) {
            break;
        }
    }
}

int augsi_crew_run(const augsi_crew *crew, augs_error *error)
{
    if (crew->n_workers <= 1) {
        run_alone(crew);
        return AUGS_OK;
    }
    crew_state state = {.crew = crew};
    crew_thread *threads = augsi_new_array(crew->allocator, crew->n_workers, sizeof *threads);
    state.done = augsi_new_array(crew->allocator, crew->n_jobs, sizeof *state.done);
    int status = AUGS_OK;
    if (threads == NULL || state.done == NULL) {
        status = augsi_fail_memory(error, crew->n_workers * sizeof *threads);
    } else {
        uint32_t n_started = 0;
        pthread_mutex_init(&state.mutex, NULL);
        pthread_cond_init(&state.changed, NULL);
        for (uint32_t i = 0; i < crew->n_workers; i++) {
            threads[i].state = &state;
            threads[i].worker = (char *)crew->workers + i * crew->worker_bytes;
            AUGSI_CALLER_BEGIN; /* a thread begins with the environment of whoever starts it */
            const int reason = pthread_create(&threads[i].thread, NULL, run_worker, &threads[i]);
            AUGSI_CALLER_END;
            if (reason != 0) {
                break; /* fewer do it, too */
            }
            n_started++;
        }
        if (n_started == 0) {
            run_alone(crew);
        } else {
            finish_in_order(&state);
        }
        for (uint32_t i = 0; i < n_started; i++) {
            pthread_join(threads[i].thread, NULL);
        }
        pthread_cond_destroy(&state.changed);
        pthread_mutex_destroy(&state.mutex);
    }
    augsi_delete(crew->allocator, state.done, crew->n_jobs * sizeof *state.done);
    augsi_delete(crew->allocator, threads, crew->n_workers * sizeof *threads);
    return status;
}
