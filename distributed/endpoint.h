/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints: what a server may bind to and a subscriber may connect to, checked before libzmq sees
 * them. */
#ifndef AUGSI_ENDPOINT_H
#define AUGSI_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>

#include <augstream/status.h>

#define AUGSI_ENDPOINT_BYTES 256u /* of a text, with its NUL */

typedef struct augsi_endpoint {
    char text[AUGSI_ENDPOINT_BYTES]; /* for zmq_bind or zmq_connect: "localhost" resolved, port 0 to
                                        "*" */
    const char *path;                /* ipc: points into text; NULL for tcp */
    bool ipv6;
} augsi_endpoint;

/*
 * Loopback and ipc only: tcp://127.x.y.z:PORT, tcp://[::1]:PORT, tcp://localhost:PORT with PORT a
 * number or "*" (0 is the same), ipc:///PATH. AUGS_E_ADDRESS says what is accepted. For ipc, the
 * folder must exist, be the caller's and closed to everybody else (0700); a socket file that nobody
 * listens on is removed.
 */
int augsi_endpoint_for_bind(const char *text, augsi_endpoint *ret_endpoint, augs_error *error);

/* tcp://HOST:PORT with any host, or ipc://PATH. */
int augsi_endpoint_for_connect(const char *text, augsi_endpoint *ret_endpoint, augs_error *error);

#endif
