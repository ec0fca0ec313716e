/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NPY format 1.0 (numpy.lib.format): a header of fixed length whose count is written again after
 * every addition, so that the file can be read at any time. Little-endian machines only, as all of
 * augstream.
 */
#include "cli/npy_ids.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/exit_status.h"

enum { HEADER_BYTES = 128, PREFIX_BYTES = 10 };

static int fail(const npy_ids *ids)
{
    return complain(EXIT_FAILED, "--ids '%s': %s", ids->path, strerror(errno));
}

static int write_header(const npy_ids *ids)
{
    char header[HEADER_BYTES + 1];
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", PREFIX_BYTES);
    int n =
        snprintf(header + PREFIX_BYTES, sizeof header - PREFIX_BYTES,
                 "{'descr': '<i8', 'fortran_order': False, 'shape': (%" PRIu64 ",), }", ids->n_ids);
    size_t used = PREFIX_BYTES + (size_t)n;
    memset(header + used, ' ', HEADER_BYTES - used);
    header[HEADER_BYTES - 1] = '\n';
    errno = augsi_file_write_at(ids->file, header, HEADER_BYTES, 0);
    return errno == 0 ? EXIT_DONE : fail(ids);
}

int npy_ids_open(npy_ids *ids, const char *path, uint64_t resume_at)
{
    bool is_new = resume_at == UINT64_MAX;
    struct stat status;
    *ids = (npy_ids){.path = path, .n_ids = is_new ? 0 : resume_at};
    ids->file = open(path, O_WRONLY | O_CLOEXEC | O_CREAT | (is_new ? O_TRUNC : 0), 0666);
    if (ids->file < 0 || fstat(ids->file, &status) != 0) {
        return fail(ids);
    }
    if (!S_ISREG(status.st_mode)) {
        return complain(EXIT_USAGE, "--ids '%s' is not a regular file", path);
    }
    off_t length = (off_t)(HEADER_BYTES + 8 * ids->n_ids);
    if (!is_new && status.st_size < length) {
        return complain(EXIT_DATA,
                        "--ids '%s' holds fewer than the %" PRIu64
                        " ids that the token file says: it does not belong to it",
                        path, ids->n_ids);
    }
    if (ftruncate(ids->file, length) != 0 || lseek(ids->file, length, SEEK_SET) < 0) {
        return fail(ids);
    }
    return write_header(ids);
}

int npy_ids_add(npy_ids *ids, const int64_t *sample_ids, uint64_t n)
{
    errno = augsi_file_write(ids->file, sample_ids, 8 * n, NULL, NULL);
    if (errno != 0) {
        return fail(ids);
    }
    ids->n_ids += n;
    return write_header(ids);
}

int npy_ids_close(npy_ids *ids)
{
    int file = ids->file;
    ids->file = -1;
    return close(file) == 0 ? EXIT_DONE : fail(ids);
}
