/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libzmq is kept from reconnecting: its attempts come at fixed intervals, so that ranks that lost a
 * server together return to it together, and a connection that ended over an oversize frame is
 * never tried again at all. A monitor says when the connection is lost, and the state machine
 * decides when the next socket is made.
 *
 * Kept by a long interval, with IMMEDIATE 0: with IMMEDIATE 1, libzmq 4.3.4 ends the pipe under the
 * socket when the connection is lost, and aborts the process if that happens between the frames of
 * a message that is being read ("Assertion failed: !_more", fq.cpp; libzmq #3663). RECONNECT_IVL -1
 * ends it, too, and loses what had arrived.
 */
#include "distributed/dealer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"

enum {
    HEARTBEAT_MS = 5000,
    HEARTBEAT_TIMEOUT_MS = 15000,
    HEARTBEAT_TTL_MS = 60000, /* 16 bits of tenths on the wire: above 65,535 it wraps */
    HANDSHAKE_MS = 10000,
    RECONNECT_MS = 24 * 3600 * 1000,
};

#define LOSSES                                                                                     \
    (ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |            \
     ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

static bool set_number(void *socket, int option, int number)
{
    return zmq_setsockopt(socket, option, &number, sizeof number) == 0;
}

/* RCVHWM 0: a connecting socket that reaches its mark while heartbeats are on aborts the process
 * (libzmq #4767). What can arrive is bounded by what was asked for. */
static bool set_options(void *socket, const augsi_endpoint *endpoint, uint64_t max_frame_bytes)
{
    int64_t max_frame = (int64_t)max_frame_bytes;
    return zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &max_frame, sizeof max_frame) == 0 &&
           set_number(socket, ZMQ_RCVHWM, 0) && set_number(socket, ZMQ_IMMEDIATE, 0) &&
           set_number(socket, ZMQ_LINGER, 0) &&
           set_number(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS) &&
           set_number(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) &&
           set_number(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS) &&
           set_number(socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS) &&
           set_number(socket, ZMQ_HEARTBEAT_TTL, HEARTBEAT_TTL_MS) &&
           set_number(socket, ZMQ_IPV6, endpoint->ipv6);
}

static bool open_monitor(augsi_dealer *dealer)
{
    char address[64];
    snprintf(address, sizeof address, "inproc://augstream-monitor-%" PRIxPTR,
             (uintptr_t)dealer->socket);
    if (zmq_socket_monitor(dealer->socket, address, LOSSES) != 0) {
        return false;
    }
    dealer->monitor = zmq_socket(dealer->share.context, ZMQ_PAIR);
    return dealer->monitor != NULL && set_number(dealer->monitor, ZMQ_LINGER, 0) &&
           zmq_connect(dealer->monitor, address) == 0;
}

int augsi_dealer_open(augsi_dealer *dealer, const augsi_endpoint *endpoint,
                      uint64_t max_frame_bytes, augs_error *error)
{
    int result = augsi_zmq_take(&dealer->share, error);
    if (result < 0) {
        return result;
    }
    dealer->lost = false;
    dealer->socket = zmq_socket(dealer->share.context, ZMQ_DEALER);
    if (dealer->socket == NULL || !set_options(dealer->socket, endpoint, max_frame_bytes) ||
        !open_monitor(dealer) || zmq_connect(dealer->socket, endpoint->text) != 0) {
        result = augsi_fail(error, AUGS_E_NETWORK, "connect to %s: %s", endpoint->text,
                            zmq_strerror(zmq_errno()));
        augsi_dealer_close(dealer, 0);
    }
    return result;
}

void augsi_dealer_close(augsi_dealer *dealer, int linger_ms)
{
    if (dealer->socket != NULL && augsi_zmq_is_ours(&dealer->share)) {
        set_number(dealer->socket, ZMQ_LINGER, linger_ms);
        zmq_socket_monitor(dealer->socket, NULL, 0);
        if (dealer->monitor != NULL) {
            zmq_close(dealer->monitor);
        }
        zmq_close(dealer->socket);
    }
    dealer->socket = NULL;
    dealer->monitor = NULL;
    augsi_zmq_give_back(&dealer->share);
}

bool augsi_dealer_send(augsi_dealer *dealer, const void *data, size_t n_bytes)
{
    return dealer->socket != NULL &&
           zmq_send(dealer->socket, data, n_bytes, ZMQ_DONTWAIT) == (int)n_bytes;
}

static void read_monitor(augsi_dealer *dealer)
{
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    while (zmq_msg_recv(&frame, dealer->monitor, ZMQ_DONTWAIT) >= 0) {
        uint16_t event = 0;
        if (zmq_msg_more(&frame) && zmq_msg_size(&frame) == 6) {
            memcpy(&event, zmq_msg_data(&frame), sizeof event);
        }
        dealer->lost = dealer->lost || (event & LOSSES) != 0;
    }
    zmq_msg_close(&frame);
}

static long bounded_timeout(int64_t timeout_ms)
{
    return timeout_ms < 0 ? -1 : timeout_ms > 3600000 ? 3600000 : (long)timeout_ms;
}

int augsi_dealer_wait(augsi_dealer *dealer, int wakeup_file, int64_t timeout_ms, augs_error *error)
{
    zmq_pollitem_t items[3] = {{.fd = wakeup_file, .events = ZMQ_POLLIN}};
    int n = wakeup_file >= 0, n_before = n;
    if (dealer->socket != NULL) {
        items[n++] = (zmq_pollitem_t){.socket = dealer->socket, .events = ZMQ_POLLIN};
        items[n++] = (zmq_pollitem_t){.socket = dealer->monitor, .events = ZMQ_POLLIN};
    }
    if (zmq_poll(items, n, bounded_timeout(timeout_ms)) < 0) {
        return zmq_errno() == EINTR
                   ? 0
                   : augsi_fail(error, AUGS_E_NETWORK, "poll: %s", zmq_strerror(zmq_errno()));
    }
    unsigned bits = n_before > 0 && (items[0].revents & ZMQ_POLLIN) != 0 ? AUGSI_DEALER_WOKEN : 0;
    if (dealer->socket != NULL) {
        bits |= (items[n_before].revents & ZMQ_POLLIN) != 0 ? AUGSI_DEALER_READABLE : 0;
        if ((items[n_before + 1].revents & ZMQ_POLLIN) != 0) {
            read_monitor(dealer);
        }
        bits |= dealer->lost ? AUGSI_DEALER_LOST : 0;
    }
    return (int)bits;
}

int augsi_dealer_receive(augsi_dealer *dealer, zmq_msg_t ret_frames[2])
{
    int n = 0;
    bool more = dealer->socket != NULL;
    zmq_msg_t dropped;
    zmq_msg_init(&ret_frames[0]);
    zmq_msg_init(&ret_frames[1]);
    zmq_msg_init(&dropped);
    while (more) {
        zmq_msg_t *frame = n < 2 ? &ret_frames[n] : &dropped;
        if (zmq_msg_recv(frame, dealer->socket, ZMQ_DONTWAIT) < 0) {
            break;
        }
        more = zmq_msg_more(frame) != 0;
        n++;
    }
    zmq_msg_close(&dropped);
    return n;
}
