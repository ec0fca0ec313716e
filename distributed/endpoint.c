/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Without encryption and authentication a server may only be reached from its own machine, so a
 * name is never looked up for a bind: the address is parsed here and has to be a loopback one.
 * libzmq treats a host it cannot parse as the name of an interface ("tcp://eth0:5757"), binds "*"
 * to all of them, and silently replaces an ipc socket file that another server listens on; each of
 * these is refused before it gets there.
 */
#include "distributed/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/number_text.h"

#define BIND_ACCEPTED                                                                              \
    "accepted: tcp://127.0.0.1:PORT, tcp://[::1]:PORT, tcp://localhost:PORT (PORT * = any free "   \
    "one), ipc:///PATH"
#define CONNECT_ACCEPTED "accepted: tcp://HOST:PORT, ipc:///PATH"

typedef struct tcp_parts {
    char host[128];
    bool bracketed;
    bool any_port;
    uint32_t port;
} tcp_parts;

static bool parse_port(const char *text, tcp_parts *parts)
{
    uint64_t port;
    if (strcmp(text, "*") == 0) {
        parts->any_port = true;
        return true;
    }
    if (!augsi_parse_u64(text, strlen(text), &port) || port > 65535) {
        return false;
    }
    parts->port = (uint32_t)port;
    parts->any_port = port == 0;
    return true;
}

static bool parse_tcp(const char *text, tcp_parts *ret_parts)
{
    const char *colon = strrchr(text, ':');
    tcp_parts parts = {.port = 0};
    if (colon == NULL || colon == text || !parse_port(colon + 1, &parts)) {
        return false;
    }
    const char *host = text;
    size_t n = (size_t)(colon - text);
    if (host[0] == '[') {
        if (n < 3 || host[n - 1] != ']') {
            return false;
        }
        parts.bracketed = true;
        host++;
        n -= 2;
    }
    if (n >= sizeof parts.host || (!parts.bracketed && memchr(host, ':', n) != NULL)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (host[i] <= ' ' || strchr(";/@[]", host[i]) != NULL) {
            return false;
        }
    }
    memcpy(parts.host, host, n);
    parts.host[n] = '\0';
    *ret_parts = parts;
    return true;
}

static bool is_loopback(tcp_parts *parts)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (parts->bracketed) {
        return inet_pton(AF_INET6, parts->host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
    }
    if (strcmp(parts->host, "localhost") == 0) {
        strcpy(parts->host, "127.0.0.1");
    }
    return inet_pton(AF_INET, parts->host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

static void put_tcp(const tcp_parts *parts, augsi_endpoint *endpoint)
{
    char port[8] = "*";
    if (!parts->any_port) {
        snprintf(port, sizeof port, "%u", (unsigned)parts->port);
    }
    snprintf(endpoint->text, sizeof endpoint->text, "tcp://%s%s%s:%s", parts->bracketed ? "[" : "",
             parts->host, parts->bracketed ? "]" : "", port);
    endpoint->ipv6 = parts->bracketed;
    endpoint->path = NULL;
}

static int put_ipc(const char *text, const char *path, augsi_endpoint *endpoint, augs_error *error)
{
    struct sockaddr_un address;
    if (path[0] == '\0' || path[0] == '@' || path[0] == '*' || path[strlen(path) - 1] == '/') {
        return augsi_fail(error, AUGS_E_ADDRESS,
                          "endpoint '%s': ipc needs the path of a socket file in a private folder "
                          "(no abstract name, no *)",
                          text);
    }
    if (strlen(path) >= sizeof address.sun_path) {
        return augsi_fail(error, AUGS_E_ADDRESS,
                          "ipc endpoint: a path of %zu bytes is too long for a socket file (at "
                          "most %zu)",
                          strlen(path), sizeof address.sun_path - 1);
    }
    snprintf(endpoint->text, sizeof endpoint->text, "ipc://%s", path);
    endpoint->path = endpoint->text + strlen("ipc://");
    endpoint->ipv6 = false;
    return AUGS_OK;
}

/* The folder keeps everybody else away from the socket file. */
static int check_folder(const char *path, augs_error *error)
{
    char folder[AUGSI_ENDPOINT_BYTES];
    struct stat status;
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        strcpy(folder, ".");
    } else {
        size_t n = slash == path ? 1 : (size_t)(slash - path);
        memcpy(folder, path, n);
        folder[n] = '\0';
    }
    if (stat(folder, &status) != 0) {
        return augsi_fail_errno(error, AUGS_E_ADDRESS, errno, "ipc endpoint: folder '%s'", folder);
    }
    if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 077) != 0) {
        return augsi_fail(
            error, AUGS_E_ADDRESS,
            "ipc endpoint: '%s' must be a folder of your own that is closed to others "
            "(mode 0700; it has %04o)",
            folder, (unsigned)status.st_mode & 07777u);
    }
    return AUGS_OK;
}

/* A server that died leaves its socket file behind; one that lives answers a connection. */
static int remove_stale_socket(const char *path, augs_error *error)
{
    struct stat status;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (lstat(path, &status) != 0) {
        return errno == ENOENT
                   ? AUGS_OK
                   : augsi_fail_errno(error, AUGS_E_ADDRESS, errno, "ipc endpoint '%s'", path);
    }
    if (!S_ISSOCK(status.st_mode)) {
        return augsi_fail(error, AUGS_E_ADDRESS,
                          "ipc endpoint: '%s' exists and is no socket; name another path", path);
    }
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe < 0) {
        return augsi_fail_errno(error, AUGS_E_ADDRESS, errno, "ipc endpoint '%s'", path);
    }
    strcpy(address.sun_path, path);
    int connected = connect(probe, (const struct sockaddr *)&address, sizeof address);
    int reason = errno;
    close(probe);
    if (connected == 0 || reason != ECONNREFUSED) {
        return augsi_fail(error, AUGS_E_ADDRESS,
                          "ipc endpoint: '%s' is in use by another server; name another path",
                          path);
    }
    if (unlink(path) != 0 && errno != ENOENT) {
        return augsi_fail_errno(error, AUGS_E_ADDRESS, errno, "ipc endpoint: remove '%s'", path);
    }
    return AUGS_OK;
}

static int check_length(const char *text, augs_error *error)
{
    if (strnlen(text, AUGSI_ENDPOINT_BYTES) >= AUGSI_ENDPOINT_BYTES) {
        return augsi_fail(error, AUGS_E_ADDRESS, "endpoint: longer than %u bytes",
                          AUGSI_ENDPOINT_BYTES - 1);
    }
    return AUGS_OK;
}

int augsi_endpoint_for_bind(const char *text, augsi_endpoint *ret_endpoint, augs_error *error)
{
    tcp_parts parts;
    int result = check_length(text, error);
    if (result < 0) {
        return result;
    }
    if (strncmp(text, "ipc://", 6) == 0) {
        result = put_ipc(text, text + 6, ret_endpoint, error);
        if (result >= 0) {
            result = check_folder(ret_endpoint->path, error);
        }
        return result < 0 ? result : remove_stale_socket(ret_endpoint->path, error);
    }
    if (strncmp(text, "tcp://", 6) != 0 || !parse_tcp(text + 6, &parts)) {
        return augsi_fail(error, AUGS_E_ADDRESS, "endpoint '%.200s' is not one; " BIND_ACCEPTED,
                          text);
    }
    if (!is_loopback(&parts)) {
        return augsi_fail(error, AUGS_E_ADDRESS,
                          "endpoint '%.200s' can be reached from other machines, and there are no "
                          "keys; " BIND_ACCEPTED,
                          text);
    }
    put_tcp(&parts, ret_endpoint);
    return AUGS_OK;
}

int augsi_endpoint_for_connect(const char *text, augsi_endpoint *ret_endpoint, augs_error *error)
{
    tcp_parts parts;
    int result = check_length(text, error);
    if (result < 0) {
        return result;
    }
    if (strncmp(text, "ipc://", 6) == 0) {
        return put_ipc(text, text + 6, ret_endpoint, error);
    }
    if (strncmp(text, "tcp://", 6) != 0 || !parse_tcp(text + 6, &parts) || parts.any_port ||
        strcmp(parts.host, "*") == 0) {
        return augsi_fail(error, AUGS_E_ADDRESS, "endpoint '%.200s' is not one; " CONNECT_ACCEPTED,
                          text);
    }
    is_loopback(&parts); /* "localhost" becomes an address */
    put_tcp(&parts, ret_endpoint);
    return AUGS_OK;
}
