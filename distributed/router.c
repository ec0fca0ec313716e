/* SPDX-License-Identifier: Apache-2.0 */
#include "distributed/router.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"

enum {
    MAX_REQUEST_BYTES = 65536,
    RECEIVE_QUEUE = 64, /* requests of a peer that wait for the thread */
    BACKLOG = 4096,
    HANDSHAKE_MS = 10000,
    HEARTBEAT_MS = 5000,
    HEARTBEAT_TIMEOUT_MS = 15000,
    HEARTBEAT_TTL_MS = 60000, /* 16 bits of tenths on the wire: above 65,535 it wraps */
};

static bool set_number(void *socket, int option, int number)
{
    return zmq_setsockopt(socket, option, &number, sizeof number) == 0;
}

static bool set_options(void *socket, const augsi_endpoint *endpoint, uint32_t queue_length)
{
    int64_t max_request = MAX_REQUEST_BYTES;
    return zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max_request, sizeof max_request) == 0 &&
           set_number(socket, ZMQ_ROUTER_MANDATORY, 1) &&
           set_number(socket, ZMQ_ROUTER_HANDOVER, 0) &&
           set_number(socket, ZMQ_SNDHWM, (int)queue_length) &&
           set_number(socket, ZMQ_RCVHWM, RECEIVE_QUEUE) && set_number(socket, ZMQ_LINGER, 0) &&
           set_number(socket, ZMQ_BACKLOG, BACKLOG) &&
           set_number(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) &&
           set_number(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS) &&
           set_number(socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS) &&
           set_number(socket, ZMQ_HEARTBEAT_TTL, HEARTBEAT_TTL_MS) &&
           set_number(socket, ZMQ_IPV6, endpoint->ipv6);
}

static int bind_it(augsi_router *router, const augsi_endpoint *endpoint, augs_error *error)
{
    size_t n = sizeof router->endpoint;
    if (zmq_bind(router->socket, endpoint->text) != 0) {
        if (zmq_errno() == EADDRINUSE) {
            return augsi_fail(error, AUGS_E_ADDRESS,
                              "endpoint %s is in use by another program; name another port, or * "
                              "for any free one",
                              endpoint->text);
        }
        return augsi_fail(error, AUGS_E_ADDRESS, "endpoint %s: %s", endpoint->text,
                          zmq_strerror(zmq_errno()));
    }
    if (zmq_getsockopt(router->socket, ZMQ_LAST_ENDPOINT, router->endpoint, &n) != 0) {
        return augsi_fail(error, AUGS_E_NETWORK, "endpoint %s: %s", endpoint->text,
                          zmq_strerror(zmq_errno()));
    }
    /* The folder keeps others away already (endpoint.c); umask would be the whole process's. */
    if (endpoint->path != NULL && chmod(endpoint->path, 0600) != 0) {
        return augsi_fail_errno(error, AUGS_E_ADDRESS, errno, "endpoint %s", endpoint->text);
    }
    return AUGS_OK;
}

int augsi_router_open(augsi_router *router, const char *endpoint, uint32_t queue_length,
                      augs_error *error)
{
    augsi_endpoint checked;
    int result = augsi_endpoint_for_bind(endpoint, &checked, error);
    if (result >= 0) {
        result = augsi_zmq_take(&router->share, error);
    }
    if (result < 0) {
        return result;
    }
    router->socket = zmq_socket(router->share.context, ZMQ_ROUTER);
    if (router->socket == NULL || !set_options(router->socket, &checked, queue_length)) {
        result = augsi_fail(error, AUGS_E_NETWORK, "server socket: %s", zmq_strerror(zmq_errno()));
    } else {
        result = bind_it(router, &checked, error);
    }
    if (result < 0) {
        augsi_router_close(router);
    }
    return result;
}

void augsi_router_close(augsi_router *router)
{
    if (router->socket != NULL && augsi_zmq_is_ours(&router->share)) {
        /* libzmq leaves the file; while it still listens nobody else takes the path over */
        if (strncmp(router->endpoint, "ipc://", 6) == 0) {
            unlink(router->endpoint + 6);
        }
        zmq_close(router->socket);
    }
    router->socket = NULL;
    augsi_zmq_give_back(&router->share);
}

int augsi_router_receive(augsi_router *router, zmq_msg_t *ret_routing_id, zmq_msg_t *ret_body)
{
    int n = -1;
    bool more = true;
    zmq_msg_t dropped;
    zmq_msg_init(ret_routing_id);
    zmq_msg_init(ret_body);
    zmq_msg_init(&dropped);
    while (more) {
        zmq_msg_t *frame = n < 0 ? ret_routing_id : n == 0 ? ret_body : &dropped;
        if (zmq_msg_recv(frame, router->socket, ZMQ_DONTWAIT) < 0) {
            break;
        }
        more = zmq_msg_more(frame) != 0;
        n++;
    }
    zmq_msg_close(&dropped);
    return n;
}

int augsi_router_send(augsi_router *router, const void *routing_id, size_t n_routing_id,
                      const void *header, size_t n_header, zmq_msg_t *payload)
{
    /* The first frame tells whether the peer is there and has space; the others cannot fail then
     * (libzmq drops them if the connection ends in between). */
    if (zmq_send(router->socket, routing_id, n_routing_id, ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0) {
        return zmq_errno() == EAGAIN ? AUGSI_ROUTER_FULL : AUGSI_ROUTER_GONE;
    }
    int flags = ZMQ_DONTWAIT | (payload != NULL ? ZMQ_SNDMORE : 0);
    if (zmq_send(router->socket, header, n_header, flags) < 0 ||
        (payload != NULL && zmq_msg_send(payload, router->socket, ZMQ_DONTWAIT) < 0)) {
        return AUGSI_ROUTER_GONE;
    }
    return AUGSI_ROUTER_SENT;
}
