/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A context has threads, which a child made by fork does not have, and files, which it has: neither
 * using nor ending an inherited one is possible. So the context belongs to a process id; a child
 * that finds its parent's forgets it and makes its own. The lock is held across fork, so that the
 * child never inherits it taken.
 */
#include "distributed/zmq_context.h"

#include <pthread.h>
#include <stddef.h>
#include <unistd.h>
#include <zmq.h>

#include "base/fail.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *the_context;
static pid_t the_process;
static size_t n_holders;

static void lock_it(void)
{
    pthread_mutex_lock(&lock);
}

static void unlock_it(void)
{
    pthread_mutex_unlock(&lock);
}

static void watch_forks(void)
{
    pthread_atfork(lock_it, unlock_it, unlock_it);
}

int augsi_zmq_take(augsi_zmq_share *ret_share, augs_error *error)
{
    pthread_once(&once, watch_forks);
    pid_t process = getpid();
    int result = AUGS_OK;
    lock_it();
    if (the_process != process) {
        the_context = NULL;
        n_holders = 0;
        the_process = process;
    }
    if (the_context == NULL) {
        the_context = zmq_ctx_new();
    }
    if (the_context == NULL) {
        result =
            augsi_fail(error, AUGS_E_NETWORK, "libzmq: no context: %s", zmq_strerror(zmq_errno()));
    } else {
        n_holders++;
        *ret_share = (augsi_zmq_share){.context = the_context, .process = process};
    }
    unlock_it();
    return result;
}

bool augsi_zmq_is_ours(const augsi_zmq_share *share)
{
    return share->context != NULL && share->process == getpid();
}

void augsi_zmq_give_back(augsi_zmq_share *share)
{
    void *ended = NULL;
    if (augsi_zmq_is_ours(share)) {
        lock_it();
        if (--n_holders == 0) {
            ended = the_context;
            the_context = NULL;
        }
        unlock_it();
    }
    *share = (augsi_zmq_share){.context = NULL};
    while (ended != NULL && zmq_ctx_term(ended) != 0 && zmq_errno() == EINTR) {
    }
}
