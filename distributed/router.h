/* SPDX-License-Identifier: Apache-2.0 */
/* The server's socket. */
#ifndef AUGSI_ROUTER_H
#define AUGSI_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zmq.h>

#include "distributed/endpoint.h"
#include "distributed/zmq_context.h"

typedef struct augsi_router {
    augsi_zmq_share share;
    void *socket;
    char endpoint[AUGSI_ENDPOINT_BYTES]; /* with the port that was found */
} augsi_router;

/* Results of a send. */
#define AUGSI_ROUTER_SENT 0
#define AUGSI_ROUTER_FULL 1 /* the peer does not read: `queue_length` messages wait for it */
#define AUGSI_ROUTER_GONE 2 /* no such peer */

/* Checks the endpoint and binds. All zero before. AUGS_E_ADDRESS, AUGS_E_NETWORK. */
int augsi_router_open(augsi_router *router, const char *endpoint, uint32_t queue_length,
                      augs_error *error);
void augsi_router_close(augsi_router *router);

/* Takes a message without waiting: the number of frames after the routing id, of which the first is
 * kept, or -1 if there is none. Both frames are always initialized: close them. */
int augsi_router_receive(augsi_router *router, zmq_msg_t *ret_routing_id, zmq_msg_t *ret_body);

/* AUGSI_ROUTER_... A payload (may be NULL) is libzmq's if it was sent, else still the caller's. */
int augsi_router_send(augsi_router *router, const void *routing_id, size_t n_routing_id,
                      const void *header, size_t n_header, zmq_msg_t *payload);

#endif
