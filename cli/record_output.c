/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/record_output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <augstream/status.h>

#include "base/file.h"
#include "cli/exit_status.h"
#include "cli/interrupt.h"

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
        struct stat facts;
        output->is_stdout = true;
        output->has_reader = fstat(STDOUT_FILENO, &facts) != 0 || !S_ISREG(facts.st_mode);
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
    output->has_reader = !output->is_regular;
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

/* Once a signal came, a reader that goes on reading has this long to take the record in hand. */
static bool is_over(uint64_t *stopped_at)
{
    enum { GRACE_NS = 40 * 1000 * 1000 };
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    *stopped_at = *stopped_at == 0 ? now_ns : *stopped_at;
    return now_ns - *stopped_at > GRACE_NS;
}

/* What is no regular file can stand still for ever, and a write that waits for it does not see a
 * signal that came just before. So there is no write before there is space: a pipe with space for
 * anything takes PIPE_BUF bytes without waiting. */
static int write_to_reader(const record_output *output, const char *p, size_t n_bytes,
                           size_t *ret_written)
{
    enum { WAIT_MS = 20 };
    uint64_t stopped_at = 0;
    size_t done = 0;
    int errnum = 0;
    while (done < n_bytes && errnum == 0) {
        struct pollfd space = {.fd = output->file, .events = POLLOUT};
        const int n_ready = poll(&space, 1, WAIT_MS);
        if (n_ready < 0 && errno != EINTR) {
            errnum = errno;
        } else if (interrupt_asked() && (n_ready == 0 || is_over(&stopped_at))) {
            errnum = ECANCELED;
        } else if (n_ready > 0) {
            const size_t left = n_bytes - done;
            const ssize_t n = write(output->file, p + done, left < PIPE_BUF ? left : PIPE_BUF);
            const bool waits = n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK);
            errnum = n >= 0 || waits ? 0 : errno;
            done += n > 0 ? (size_t)n : 0;
        }
    }
    *ret_written = done;
    return errnum;
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
    size_t written;
    const int errnum = output->has_reader
                           ? write_to_reader(output, p, n_bytes, &written)
                           : augsi_file_write(output->file, p, n_bytes, NULL, &written);
    output->n_bytes += written;
    output->n_written += written;
    if (errnum == 0) {
        return 0;
    }
    output->errnum = errnum;
    output->is_cut = written > 0;
    output->reader_gone = errnum == EPIPE;
    return output->reader_gone || errnum == ECANCELED ? AUGS_E_CANCELLED : AUGS_E_IO;
}

int record_output_failure(const record_output *output)
{
    if (output->reader_gone) {
        return EXIT_DONE;
    }
    const char *end = output->is_cut ? ", which end within a record" : "";
    if (output->errnum == ECANCELED) {
        return complain(EXIT_PARTLY,
                        "stopped while the reader of %s took nothing; %" PRIu64
                        " bytes were written%s",
                        output->name, output->n_written, end);
    }
    const bool is_full =
        output->errnum == ENOSPC || output->errnum == EDQUOT || output->errnum == EFBIG;
    return complain(EXIT_FAILED, "writing to %s: %s; %" PRIu64 " bytes were written%s%s%s",
                    output->name, strerror(output->errnum), output->n_written, end,
                    is_full ? "; make space, then " : "",
                    !is_full                 ? ""
                    : output->advice != NULL ? output->advice
                                             : "run the same command again");
}

int record_output_close(record_output *output)
{
    if (!output->is_stdout && output->file >= 0 && close(output->file) != 0) {
        return complain(EXIT_FAILED, "closing '%s': %s", output->name, strerror(errno));
    }
    return EXIT_DONE;
}
