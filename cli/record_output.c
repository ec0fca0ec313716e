/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/record_output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <augstream/status.h>

#include "cli/exit_status.h"

int write_all(int file, const void *data, size_t n_bytes)
{
    const char *p = data;
    while (n_bytes > 0) {
        ssize_t n = write(file, p, n_bytes);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            if (poll(&(struct pollfd){.fd = file, .events = POLLOUT}, 1, -1) < 0 &&
                errno != EINTR) {
                return -1;
            }
        } else if (n < 0 && errno != EINTR) {
            return -1;
        }
        if (n > 0) {
            p += n;
            n_bytes -= (size_t)n;
        }
    }
    return 0;
}

static int continue_file(record_output *output, uint64_t length, uint64_t resume_at)
{
    if (length < resume_at) {
        return complain(EXIT_DATA,
                        "'%s' has %" PRIu64 " bytes, but the token was written after %" PRIu64
                        ": it is not the file that belongs to it",
                        output->name, length, resume_at);
    }
    if (ftruncate(output->file, (off_t)resume_at) != 0 ||
        lseek(output->file, (off_t)resume_at, SEEK_SET) < 0) {
        return complain(EXIT_FAILED, "'%s': %s", output->name, strerror(errno));
    }
    output->n_bytes = resume_at;
    return EXIT_DONE;
}

int record_output_open(record_output *output, const char *path, uint64_t resume_at)
{
    *output = (record_output){.file = STDOUT_FILENO, .name = "stdout"};
    if (strcmp(path, "-") == 0) {
        output->is_stdout = true;
        return EXIT_DONE;
    }
    bool is_new = resume_at == UINT64_MAX;
    output->name = path;
    output->file = open(path, O_WRONLY | O_CLOEXEC | O_CREAT | (is_new ? O_TRUNC : 0), 0666);
    struct stat status;
    if (output->file < 0 || fstat(output->file, &status) != 0) {
        int errnum = errno;
        if (output->file >= 0) {
            close(output->file);
        }
        output->file = -1;
        return complain(EXIT_FAILED, "--out '%s': %s", path, strerror(errnum));
    }
    output->is_regular = S_ISREG(status.st_mode);
    if (is_new || !output->is_regular) {
        return EXIT_DONE;
    }
    int result = continue_file(output, (uint64_t)status.st_size, resume_at);
    if (result != EXIT_DONE) {
        close(output->file);
        output->file = -1;
    }
    return result;
}

int record_output_write(void *user, const void *data, size_t n_bytes)
{
    record_output *output = user;
    const char *p = data;
    if (output->skip_line) {
        const char *end = memchr(p, '\n', n_bytes);
        output->skip_line = end == NULL;
        n_bytes = end == NULL ? 0 : n_bytes - (size_t)(end + 1 - p);
        p = end == NULL ? p : end + 1;
    }
    if (write_all(output->file, p, n_bytes) != 0) {
        output->errnum = errno;
        output->reader_gone = errno == EPIPE;
        return output->reader_gone ? AUGS_E_CANCELLED : AUGS_E_IO;
    }
    output->n_bytes += n_bytes;
    return 0;
}

int record_output_failure(const record_output *output)
{
    if (output->reader_gone) {
        return EXIT_DONE;
    }
    return complain(EXIT_FAILED, "writing to %s: %s", output->name, strerror(output->errnum));
}

int record_output_close(record_output *output)
{
    if (!output->is_stdout && output->file >= 0 && close(output->file) != 0) {
        return complain(EXIT_FAILED, "closing '%s': %s", output->name, strerror(errno));
    }
    return EXIT_DONE;
}
