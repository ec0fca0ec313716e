/* SPDX-License-Identifier: Apache-2.0 */
/* Two rings under one lock: tasks to do and tasks done. Both hold `capacity`; what is in either or
 * in a thread's hands never exceeds it. */
#include "distributed/fillers.h"

#include <pthread.h>
#include <signal.h>

#include "base/fail.h"
#include "base/float_env.h"
#include "base/memory.h"

typedef struct ring {
    augsi_fill_task *tasks;
    size_t first, n;
} ring;

struct augsi_fillers {
    augs_allocator allocator;
    pthread_mutex_t lock;
    pthread_cond_t more;
    augsi_payload_pool *payloads;
    augsi_wakeup *wakeup;
    size_t capacity, n_inside;
    ring to_do, done;
    bool ending;
    uint32_t n_threads, n_started;
    pthread_t threads[];
};

static void push(augsi_fillers *fillers, ring *to, const augsi_fill_task *task)
{
    to->tasks[(to->first + to->n) % fillers->capacity] = *task;
    to->n++;
}

static void pop(augsi_fillers *fillers, ring *from, augsi_fill_task *ret_task)
{
    *ret_task = from->tasks[from->first];
    from->first = (from->first + 1) % fillers->capacity;
    from->n--;
}

static void make(augsi_fillers *fillers, augsi_fill_task *task)
{
    augs_batch *batch = NULL;
    task->payload = NULL;
    task->status = augsi_batch_make(task->batches, task->stream, &task->slice, task->step,
                                    task->rank, task->world_size, &batch, NULL);
    if (task->status >= 0) {
        task->status =
            augsi_payload_make(fillers->payloads, batch, task->records, &task->payload, NULL);
    }
    augs_stream_unref(task->stream);
    task->stream = NULL;
}

static void *work(void *argument)
{
    augsi_fillers *fillers = argument;
    augsi_fill_task task;
    augsi_float_stay stay;
    augsi_float_enter(&stay);
    pthread_mutex_lock(&fillers->lock);
    for (;;) {
        while (!fillers->ending && fillers->to_do.n == 0) {
            pthread_cond_wait(&fillers->more, &fillers->lock);
        }
        if (fillers->ending) {
            break;
        }
        pop(fillers, &fillers->to_do, &task);
        pthread_mutex_unlock(&fillers->lock);
        make(fillers, &task);
        pthread_mutex_lock(&fillers->lock);
        push(fillers, &fillers->done, &task);
        augsi_wakeup_signal(fillers->wakeup);
    }
    pthread_mutex_unlock(&fillers->lock);
    augsi_float_leave(&stay);
    return NULL;
}

/* Signals are for the caller's threads. */
static int start_threads(augsi_fillers *fillers, augs_error *error)
{
    sigset_t all, before;
    int reason = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    AUGSI_CALLER_BEGIN; /* threads begin with the environment of whoever starts them */
    while (reason == 0 && fillers->n_started < fillers->n_threads) {
        reason = pthread_create(&fillers->threads[fillers->n_started], NULL, work, fillers);
        fillers->n_started += reason == 0;
    }
    AUGSI_CALLER_END;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (reason != 0) {
        return augsi_fail_errno(error, AUGS_E_IO, reason, "start thread %u of %u",
                                fillers->n_started + 1, fillers->n_threads);
    }
    return AUGS_OK;
}

int augsi_fillers_open(const augs_allocator *allocator, uint32_t n_threads, size_t capacity,
                       augsi_payload_pool *payloads, augsi_wakeup *wakeup,
                       augsi_fillers **ret_fillers, augs_error *error)
{
    size_t n_bytes = sizeof(augsi_fillers) + n_threads * sizeof(pthread_t);
    augsi_fillers *fillers = augsi_new(allocator, n_bytes);
    if (fillers == NULL) {
        return augsi_fail_memory(error, n_bytes);
    }
    fillers->allocator = *allocator;
    fillers->payloads = payloads;
    fillers->wakeup = wakeup;
    fillers->capacity = capacity;
    fillers->n_threads = n_threads;
    pthread_mutex_init(&fillers->lock, NULL);
    pthread_cond_init(&fillers->more, NULL);
    fillers->to_do.tasks = augsi_new_array(allocator, capacity, sizeof(augsi_fill_task));
    fillers->done.tasks = augsi_new_array(allocator, capacity, sizeof(augsi_fill_task));
    int result = AUGS_OK;
    if (fillers->to_do.tasks == NULL || fillers->done.tasks == NULL) {
        result = augsi_fail_memory(error, capacity * sizeof(augsi_fill_task));
    } else {
        result = start_threads(fillers, error);
    }
    if (result < 0) {
        augsi_fillers_free(fillers);
        return result;
    }
    *ret_fillers = fillers;
    return AUGS_OK;
}

static void drop(augsi_fillers *fillers, ring *of)
{
    augsi_fill_task task;
    while (of->n > 0) {
        pop(fillers, of, &task);
        augs_stream_unref(task.stream);
        augsi_payload_release(task.payload);
    }
    augsi_delete(&fillers->allocator, of->tasks, fillers->capacity * sizeof(augsi_fill_task));
}

void augsi_fillers_free(augsi_fillers *fillers)
{
    if (fillers == NULL) {
        return;
    }
    pthread_mutex_lock(&fillers->lock);
    fillers->ending = true;
    pthread_cond_broadcast(&fillers->more);
    pthread_mutex_unlock(&fillers->lock);
    for (uint32_t i = 0; i < fillers->n_started; i++) {
        pthread_join(fillers->threads[i], NULL);
    }
    drop(fillers, &fillers->to_do);
    drop(fillers, &fillers->done);
    pthread_cond_destroy(&fillers->more);
    pthread_mutex_destroy(&fillers->lock);
    augs_allocator allocator = fillers->allocator;
    augsi_delete(&allocator, fillers, sizeof *fillers + fillers->n_threads * sizeof(pthread_t));
}

bool augsi_fillers_submit(augsi_fillers *fillers, const augsi_fill_task *task)
{
    pthread_mutex_lock(&fillers->lock);
    bool fits = fillers->n_inside < fillers->capacity;
    if (fits) {
        augsi_fill_task queued = *task;
        augs_stream_ref(queued.stream);
        queued.payload = NULL;
        push(fillers, &fillers->to_do, &queued);
        fillers->n_inside++;
        pthread_cond_signal(&fillers->more);
    }
    pthread_mutex_unlock(&fillers->lock);
    return fits;
}

bool augsi_fillers_collect(augsi_fillers *fillers, augsi_fill_task *ret_task)
{
    pthread_mutex_lock(&fillers->lock);
    bool any = fillers->done.n > 0;
    if (any) {
        pop(fillers, &fillers->done, ret_task);
        fillers->n_inside--;
    }
    pthread_mutex_unlock(&fillers->lock);
    return any;
}
