/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/standard_files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"

static void occupy(int number, int flags)
{
    if (fcntl(number, F_GETFD) < 0 && errno == EBADF) {
        const int file = open("/dev/null", flags);
        if (file >= 0 && file != number) {
            dup2(file, number);
            close(file);
        }
    }
}

#ifdef __GLIBC__
/* stdio drops what a file that does not block has no space for, and takes a pause for the end of a
 * file. The flag is not ours to change: it
 * is shared with whoever opened the file. */
static ssize_t write_waiting(void *user, const char *data, size_t n)
{
    return augsi_file_write(*(const int *)user, data, n, NULL, NULL) == 0 ? (ssize_t)n : 0;
}

static ssize_t read_waiting(void *user, char *ret_data, size_t n)
{
    const int file = *(const int *)user;
    for (;;) {
        const ssize_t got = read(file, ret_data, n);
        if (got >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) {
            return got;
        }
        if (poll(&(struct pollfd){.fd = file, .events = POLLIN}, 1, -1) < 0) {
            return -1;
        }
    }
}

static FILE *made_waiting(FILE *file, const int *number, int buffering)
{
    const int flags = fcntl(*number, F_GETFL);
    if (flags < 0 || (flags & O_NONBLOCK) == 0) {
        return file;
    }
    FILE *waiting =
        fopencookie((void *)(uintptr_t)number, *number == STDIN_FILENO ? "r" : "w",
                    (cookie_io_functions_t){.read = read_waiting, .write = write_waiting});
    if (waiting == NULL) {
        return file;
    }
    setvbuf(waiting, NULL, buffering, BUFSIZ);
    return waiting;
}
#endif

void standard_files_prepare(void)
{
    occupy(STDIN_FILENO, O_WRONLY); /* from the lowest up: open takes the lowest number */
    occupy(STDOUT_FILENO, O_RDONLY);
    occupy(STDERR_FILENO, O_RDWR);
#ifdef __GLIBC__
    static const int in = STDIN_FILENO, out = STDOUT_FILENO, err = STDERR_FILENO;
    stdin = made_waiting(stdin, &in, _IOFBF);
    stdout = made_waiting(stdout, &out, isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF);
    stderr = made_waiting(stderr, &err, _IONBF);
#endif
}
