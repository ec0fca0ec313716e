/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints and the libzmq context, without a server. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "distributed/endpoint.h"
#include "distributed/zmq_context.h"
#include "suite.h"
#include "tsan_options.h"

static char folder[64];

static void make_folder(void)
{
    strcpy(folder, "/tmp/augs-endpoint-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void path_in_folder(const char *name, char ret_path[128])
{
    snprintf(ret_path, 128, "%s/%s", folder, name);
}

/* A socket file; with listen it is in use until the descriptor is closed. */
static int make_socket_file(const char *path, bool listening)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int file = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_ge(file, 0);
    ck_assert_uint_lt(strlen(path), sizeof address.sun_path);
    strcpy(address.sun_path, path);
    ck_assert_int_eq(bind(file, (struct sockaddr *)&address, sizeof address), 0);
    if (listening) {
        ck_assert_int_eq(listen(file, 4), 0);
    }
    return file;
}

START_TEST(loopback_is_accepted_for_a_bind)
{
    static const struct {
        const char *text, *bound;
    } cases[] = {
        {"tcp://127.0.0.1:5757", "tcp://127.0.0.1:5757"},
        {"tcp://127.1.2.3:*", "tcp://127.1.2.3:*"},
        {"tcp://127.0.0.1:0", "tcp://127.0.0.1:*"},
        {"tcp://localhost:80", "tcp://127.0.0.1:80"},
        {"tcp://[::1]:65535", "tcp://[::1]:65535"},
        {"tcp://[0:0:0:0:0:0:0:1]:9", "tcp://[0:0:0:0:0:0:0:1]:9"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        augsi_endpoint endpoint;
        augs_error error;
        AUGS_ASSERT_OK(augsi_endpoint_for_bind(cases[i].text, &endpoint, &error), error);
        ck_assert_str_eq(endpoint.text, cases[i].bound);
        ck_assert_int_eq(endpoint.ipv6, strchr(cases[i].text, '[') != NULL);
        ck_assert_ptr_null(endpoint.path);
    }
}
END_TEST

START_TEST(anything_else_is_refused_with_what_is_accepted)
{
    static const char *const bad[] = {
        "tcp://0.0.0.0:5757",
        "tcp://*:5757",
        "tcp://192.168.1.2:5757",
        "tcp://[::]:5757",
        "tcp://eth0:5757",
        "tcp://lo:5757",
        "tcp://[::ffff:127.0.0.1]:1",
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:",
        "tcp://127.0.0.1:65536",
        "tcp://127.0.0.1:-1",
        "tcp://127.0.0.1:5757x",
        "tcp://127.1:5757",
        "tcp://0177.0.0.1:5757",
        "tcp://example.org:5757",
        "tcp://localhost.evil:1",
        "tcp://::1:5757",
        "tcp://[127.0.0.1]:1",
        "inproc://x",
        "pgm://127.0.0.1:5",
        "127.0.0.1:5757",
        "",
        "tcp://a;127.0.0.1:5",
        "udp://127.0.0.1:1",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        augsi_endpoint endpoint;
        augs_error error;
        AUGS_ASSERT_STATUS(AUGS_E_ADDRESS, augsi_endpoint_for_bind(bad[i], &endpoint, &error),
                           error);
        ck_assert_msg(strstr(error.message, "tcp://127.0.0.1:PORT") != NULL, "%s", error.message);
        ck_assert_msg(strstr(error.message, "ipc:///PATH") != NULL, "%s", error.message);
    }
}
END_TEST

START_TEST(a_connect_may_leave_the_machine_but_has_to_be_an_endpoint)
{
    static const char *const good[] = {"tcp://example.org:5757", "tcp://10.0.0.1:1",
                                       "tcp://[fe80::1]:5", "ipc:///run/x"};
    static const char *const bad[] = {
        "tcp://127.0.0.1:*", "tcp://127.0.0.1:0", "tcp://*:5", "inproc://x", "ipc://",
        "ipc://@abstract",   "tcp://:5",          "x"};
    augsi_endpoint endpoint;
    augs_error error;
    char long_text[400];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        AUGS_ASSERT_OK(augsi_endpoint_for_connect(good[i], &endpoint, &error), error);
        ck_assert_str_eq(endpoint.text, good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        AUGS_ASSERT_STATUS(AUGS_E_ADDRESS, augsi_endpoint_for_connect(bad[i], &endpoint, &error),
                           error);
    }
    memset(long_text, 'x', sizeof long_text);
    long_text[399] = '\0';
    memcpy(long_text, "tcp://", 6);
    AUGS_ASSERT_STATUS(AUGS_E_ADDRESS, augsi_endpoint_for_connect(long_text, &endpoint, &error),
                       error);
    AUGS_ASSERT_STATUS(AUGS_E_ADDRESS, augsi_endpoint_for_bind(long_text, &endpoint, &error),
                       error);
    memcpy(long_text, "ipc:///", 7);
    long_text[150] = '\0';
    AUGS_ASSERT_STATUS(AUGS_E_ADDRESS, augsi_endpoint_for_connect(long_text, &endpoint, &error),
                       error);
}
END_TEST

START_TEST(ipc_wants_a_folder_that_is_closed_to_others)
{
    char path[128], text[160];
    augsi_endpoint endpoint;
    augs_error error;
    make_folder();
    path_in_folder("socket", path);
    snprintf(text, sizeof text, "ipc://%s", path);
    AUGS_ASSERT_OK(augsi_endpoint_for_bind(text, &endpoint, &error), error);
    ck_assert_str_eq(endpoint.path, path);
    ck_assert_int_eq(chmod(folder, 0755), 0);
    AUGS_ASSERT_STATUS(AUGS_E_ADDRESS, augsi_endpoint_for_bind(text, &endpoint, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "0700"));
    ck_assert_ptr_nonnull(strstr(error.message, "0755"));
    AUGS_ASSERT_STATUS(AUGS_E_ADDRESS, augsi_endpoint_for_bind("ipc:///tmp/x", &endpoint, &error),
                       error);
    AUGS_ASSERT_STATUS(AUGS_E_ADDRESS,
                       augsi_endpoint_for_bind("ipc:///nowhere-at-all/x", &endpoint, &error),
                       error);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(a_stale_socket_file_goes_and_a_live_one_stays)
{
    char path[128], text[160];
    struct stat status;
    augsi_endpoint endpoint;
    augs_error error;
    make_folder();
    path_in_folder("socket", path);
    snprintf(text, sizeof text, "ipc://%s", path);
    int file = make_socket_file(path, true);
    AUGS_ASSERT_STATUS(AUGS_E_ADDRESS, augsi_endpoint_for_bind(text, &endpoint, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "in use"));
    ck_assert_int_eq(lstat(path, &status), 0);
    close(file);
    AUGS_ASSERT_OK(augsi_endpoint_for_bind(text, &endpoint, &error), error);
    ck_assert_int_ne(lstat(path, &status), 0);
    FILE *plain = fopen(path, "w");
    ck_assert_ptr_nonnull(plain);
    fclose(plain);
    AUGS_ASSERT_STATUS(AUGS_E_ADDRESS, augsi_endpoint_for_bind(text, &endpoint, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "no socket"));
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(holders_share_one_context_and_the_last_one_ends_it)
{
    augsi_zmq_share a = {.context = NULL}, b = a;
    augs_error error;
    AUGS_ASSERT_OK(augsi_zmq_take(&a, &error), error);
    AUGS_ASSERT_OK(augsi_zmq_take(&b, &error), error);
    ck_assert_ptr_eq(a.context, b.context);
    augsi_zmq_give_back(&a);
    ck_assert_ptr_null(a.context);
    void *socket_of_b = zmq_socket(b.context, ZMQ_DEALER);
    ck_assert_ptr_nonnull(socket_of_b);
    zmq_close(socket_of_b);
    augsi_zmq_give_back(&b);
    augsi_zmq_give_back(&b);
    AUGS_ASSERT_OK(augsi_zmq_take(&a, &error), error);
    augsi_zmq_give_back(&a);
}
END_TEST

static int use_context_in_child(const augsi_zmq_share *inherited)
{
    augsi_zmq_share mine = {.context = NULL}, copy = *inherited;
    augs_error error;
    if (augsi_zmq_is_ours(inherited) || augsi_zmq_take(&mine, &error) < 0 ||
        mine.context == inherited->context) {
        return 1;
    }
    augsi_zmq_give_back(&copy); /* must not end the parent's */
    void *socket_of_child = zmq_socket(mine.context, ZMQ_DEALER);
    if (socket_of_child == NULL || zmq_close(socket_of_child) != 0) {
        return 2;
    }
    augsi_zmq_give_back(&mine);
    return 0;
}

START_TEST(a_context_never_crosses_fork)
{
    augsi_zmq_share share = {.context = NULL};
    augs_error error;
    AUGS_ASSERT_OK(augsi_zmq_take(&share, &error), error);
    void *left = zmq_socket(share.context, ZMQ_PAIR), *right = zmq_socket(share.context, ZMQ_PAIR);
    ck_assert_int_eq(zmq_bind(left, "inproc://left"), 0);
    ck_assert_int_eq(zmq_connect(right, "inproc://left"), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        _exit(use_context_in_child(&share));
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child: %x", (unsigned)status);
    char byte = 0;
    ck_assert_int_eq(zmq_send(left, "x", 1, 0), 1);
    ck_assert_int_eq(zmq_recv(right, &byte, 1, 0), 1);
    zmq_close(left);
    zmq_close(right);
    augsi_zmq_give_back(&share);
}
END_TEST

AUGS_SUITE("endpoint", loopback_is_accepted_for_a_bind,
           anything_else_is_refused_with_what_is_accepted,
           a_connect_may_leave_the_machine_but_has_to_be_an_endpoint,
           ipc_wants_a_folder_that_is_closed_to_others,
           a_stale_socket_file_goes_and_a_live_one_stays,
           holders_share_one_context_and_the_last_one_ends_it, a_context_never_crosses_fork)
