/* SPDX-License-Identifier: Apache-2.0 */
/* The libzmq context of this process: made when the first socket needs it, shared, gone with the
 * last. */
#ifndef AUGSI_ZMQ_CONTEXT_H
#define AUGSI_ZMQ_CONTEXT_H

#include <stdbool.h>
#include <sys/types.h>

#include <augstream/status.h>

/* One holder's share of a context. All zero: none. */
typedef struct augsi_zmq_share {
    void *context; /* for zmq_socket */
    pid_t process; /* that took it */
} augsi_zmq_share;

/* AUGS_E_NETWORK. Safe from any thread, also in a child after fork. */
int augsi_zmq_take(augsi_zmq_share *ret_share, augs_error *error);

/*
 * false: the share (if any) is an inherited one of a parent process. Its sockets must not be
 * touched, not even closed: their files are shared with the parent's threads.
 */
bool augsi_zmq_is_ours(const augsi_zmq_share *share);

/* The holder's sockets must be closed before. The last one waits for what lingers. */
void augsi_zmq_give_back(augsi_zmq_share *share);

#endif
