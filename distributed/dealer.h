/* SPDX-License-Identifier: Apache-2.0 */
/* The subscriber's socket: one connection, which is either up or lost; a lost one is replaced. */
#ifndef AUGSI_DEALER_H
#define AUGSI_DEALER_H

#include <stdbool.h>
#include <stdint.h>
#include <zmq.h>

#include "distributed/endpoint.h"
#include "distributed/zmq_context.h"

typedef struct augsi_dealer {
    augsi_zmq_share share;
    void *socket;  /* NULL: none */
    void *monitor; /* tells when the connection is lost */
    bool lost;
} augsi_dealer;

#define AUGSI_DEALER_READABLE 1u
#define AUGSI_DEALER_LOST 2u
#define AUGSI_DEALER_WOKEN 4u

/* All zero before. AUGS_E_NETWORK. */
int augsi_dealer_open(augsi_dealer *dealer, const augsi_endpoint *endpoint,
                      uint64_t max_frame_bytes, augs_error *error);
/* What was sent has linger_ms to leave. In a child after fork the parent's socket is only
 * forgotten. */
void augsi_dealer_close(augsi_dealer *dealer, int linger_ms);

/* true: it leaves as soon as there is a connection; false: there is no socket, or it is full. */
bool augsi_dealer_send(augsi_dealer *dealer, const void *data, size_t n_bytes);

/* Waits at most timeout_ms (< 0: for ever) and returns AUGSI_DEALER_... bits. wakeup_file < 0:
 * none. AUGS_E_NETWORK. Works without a socket, too: it sleeps then. */
int augsi_dealer_wait(augsi_dealer *dealer, int wakeup_file, int64_t timeout_ms, augs_error *error);

/*
 * Takes a message without waiting: the number of its frames, of which the first two are kept (close
 * them: both are always initialized), 0 if there is none. Frames beyond are dropped.
 */
int augsi_dealer_receive(augsi_dealer *dealer, zmq_msg_t ret_frames[2]);

#endif
