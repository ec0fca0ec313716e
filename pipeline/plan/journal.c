/* SPDX-License-Identifier: Apache-2.0 */
/* The journal as a file: read in order, appended to durably, locked. Its lines: journal_line.c. */
#include "pipeline/plan/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "base/memory.h"
#include "pipeline/plan/journal_line.h"

#define READ_BYTES 16384u
#define MOST_PENDING 32u /* lines of feedback that wait for the next step */

struct augsi_journal {
    augs_allocator allocator;
    char *path;
    int fd;
    augsi_file_lock lock; /* of the writer */
    int folder_fd;        /* that has the file, and owner_name; -1: of a reader */
    char *owner_name;
    bool read_only;
    bool broken;
    uint64_t end;                                 /* bytes of whole lines */
    uint64_t after_head;                          /* where the first entry starts */
    uint32_t epoch;                               /* that is read, */
    uint64_t next_step;                           /* what its next step has to be, */
    uint64_t at, line;                            /* and where reading goes on */
    uint64_t before_at, before_line, before_step; /* the last entry that was read */
    uint64_t window_at;                           /* file offset of `window` */
    size_t n_window;
    char window[READ_BYTES];
    char pending[MOST_PENDING * 256u];
    size_t n_pending;
};

static int fail_io(const augsi_journal *journal, int errnum, const char *what, augs_error *error)
{
    int status =
        errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG ? AUGS_E_NO_SPACE : AUGS_E_IO;
    return augsi_fail_errno(error, status, errnum, "%s plan journal '%s'", what, journal->path);
}

static int fail_line(const augsi_journal *journal, const char *why, augs_error *error)
{
    return augsi_fail(error, AUGS_E_CORRUPT, "plan journal '%s', line %llu: %s", journal->path,
                      (unsigned long long)journal->line + 1, why);
}

/* 0, or errno. */
static int read_at(int fd, void *data, size_t n_bytes, uint64_t offset, size_t *ret_n)
{
    for (;;) {
        ssize_t n = pread(fd, data, n_bytes, (off_t)offset);
        if (n >= 0) {
            *ret_n = (size_t)n;
            return 0;
        }
        if (errno != EINTR) {
            return errno;
        }
    }
}

/* The next line with its newline, NUL-terminated: its length, 0 at the end, negative. A line that
 * cannot be read is the next one again. */
static int next_line(augsi_journal *journal, char ret_line[AUGSI_JOURNAL_LINE_BYTES],
                     augs_error *error)
{
    if (journal->at >= journal->end) {
        return 0;
    }
    for (int round = 0; round < 2; round++) {
        const uint64_t from = journal->at - journal->window_at;
        if (journal->at >= journal->window_at && from < journal->n_window) {
            const char *start = journal->window + from;
            const char *newline = memchr(start, '\n', journal->n_window - (size_t)from);
            if (newline != NULL && (size_t)(newline - start) + 1 < AUGSI_JOURNAL_LINE_BYTES) {
                const size_t n = (size_t)(newline - start) + 1;
                memcpy(ret_line, start, n);
                ret_line[n] = '\0';
                if (strlen(ret_line) != n) {
                    return fail_line(journal, "a NUL byte", error);
                }
                journal->at += n;
                journal->line++;
                return (int)n;
            }
        }
        const uint64_t left = journal->end - journal->at;
        journal->window_at = journal->at;
        journal->n_window = 0;
        int errnum =
            read_at(journal->fd, journal->window, left < READ_BYTES ? (size_t)left : READ_BYTES,
                    journal->at, &journal->n_window);
        if (errnum != 0) {
            return fail_io(journal, errnum, "read", error);
        }
    }
    return fail_line(journal, "this is no line of a plan journal, or the file became shorter",
                     error);
}

void augsi_journal_rewind(augsi_journal *journal, uint32_t epoch)
{
    journal->epoch = epoch;
    journal->next_step = 0;
    journal->at = journal->after_head;
    journal->line = 1;
}

static void go_before(augsi_journal *journal)
{
    journal->at = journal->before_at;
    journal->line = journal->before_line;
    journal->next_step = journal->before_step;
}

/* The next entry, of one epoch or of any. */
static int next_entry(augsi_journal *journal, bool of_any, augsi_journal_entry *ret_entry,
                      augs_error *error)
{
    char line[AUGSI_JOURNAL_LINE_BYTES];
    for (;;) {
        augsi_journal_entry entry;
        journal->before_at = journal->at;
        journal->before_line = journal->line;
        journal->before_step = journal->next_step;
        int status = next_line(journal, line, error);
        if (status <= 0) {
            return status < 0 ? status : AUGSI_ENTRY_NONE;
        }
        const int kind = augsi_journal_parse_entry(line, &entry);
        const bool counts = !of_any && (kind == AUGSI_ENTRY_STEP || kind == AUGSI_ENTRY_END);
        if (kind != AUGSI_ENTRY_NONE && !of_any && entry.epoch != journal->epoch) {
            continue;
        }
        if (kind == AUGSI_ENTRY_NONE || (counts && entry.step != journal->next_step)) {
            go_before(journal);
            return fail_line(journal,
                             kind == AUGSI_ENTRY_NONE ? "this is no line of a plan journal"
                                                      : "a step is missing before it, or twice",
                             error);
        }
        journal->next_step += kind == AUGSI_ENTRY_STEP;
        *ret_entry = entry;
        return kind;
    }
}

int augsi_journal_next(augsi_journal *journal, augsi_journal_entry *ret_entry, augs_error *error)
{
    return next_entry(journal, false, ret_entry, error);
}

int augsi_journal_next_of_any(augsi_journal *journal, augsi_journal_entry *ret_entry,
                              augs_error *error)
{
    return next_entry(journal, true, ret_entry, error);
}

void augsi_journal_back(augsi_journal *journal)
{
    go_before(journal);
}

bool augsi_journal_is_at_end(const augsi_journal *journal)
{
    return journal->at >= journal->end;
}

augsi_journal_place augsi_journal_tell(const augsi_journal *journal)
{
    return (augsi_journal_place){.epoch = journal->epoch,
                                 .next_step = journal->next_step,
                                 .at = journal->at,
                                 .line = journal->line};
}

void augsi_journal_return(augsi_journal *journal, const augsi_journal_place *place)
{
    journal->epoch = place->epoch;
    journal->next_step = place->next_step;
    journal->at = place->at;
    journal->line = place->line;
}

/* Whether the file is still the one that was opened, and as long as it was left. */
static int check_file(const augsi_journal *journal, augs_error *error)
{
    struct stat info;
    if (journal->broken) {
        return augsi_fail(error, AUGS_E_IO,
                          "plan journal '%s': an earlier write failed; open it again",
                          journal->path);
    }
    if (fstat(journal->fd, &info) != 0) {
        return fail_io(journal, errno, "look at", error);
    }
    if (info.st_nlink == 0) {
        return augsi_fail(error, AUGS_E_IO, "plan journal '%s' was deleted while it was in use",
                          journal->path);
    }
    if ((uint64_t)info.st_size != journal->end) {
        return augsi_fail(
            error, AUGS_E_CORRUPT,
            "plan journal '%s' has %llu bytes, and had %llu: somebody else changed it",
            journal->path, (unsigned long long)info.st_size, (unsigned long long)journal->end);
    }
    return AUGS_OK;
}

/* Appends text durably; takes it back if that does not work. */
static int append_text(augsi_journal *journal, const char *text, size_t n_bytes, augs_error *error)
{
    int status = check_file(journal, error);
    if (status < 0) {
        return status;
    }
    const char *what = "write";
    int errnum = augsi_file_write_at(journal->fd, text, n_bytes, journal->end);
    if (errnum == 0 && fdatasync(journal->fd) != 0 && errno != EINVAL) {
        /* what is on the disk is not known after a failed sync, and it is never tried again */
        errnum = errno;
        what = "sync";
        journal->broken = true;
    }
    if (errnum != 0) {
        if (ftruncate(journal->fd, (off_t)journal->end) != 0) {
            journal->broken = true;
        }
        return fail_io(journal, errnum, what, error);
    }
    journal->end += n_bytes;
    return AUGS_OK;
}

int augsi_journal_append(augsi_journal *journal, int kind, const augsi_journal_entry *entry,
                         augs_error *error)
{
    char line[AUGSI_JOURNAL_LINE_BYTES];
    char text[sizeof journal->pending + (size_t)2 * AUGSI_JOURNAL_LINE_BYTES];
    const size_t n = augsi_journal_write_entry(kind, entry, line);
    if (kind == AUGSI_ENTRY_FEEDBACK || kind == AUGSI_ENTRY_SIZE) {
        /* it goes with the next step; too much of feedback is left out, a size is not */
        const size_t kept = kind == AUGSI_ENTRY_FEEDBACK ? AUGSI_JOURNAL_LINE_BYTES : 0;
        if (n + kept <= sizeof journal->pending - journal->n_pending) {
            memcpy(journal->pending + journal->n_pending, line, n);
            journal->n_pending += n;
        }
        return AUGS_OK;
    }
    const bool at_end = journal->at == journal->end;
    size_t n_text = journal->n_pending;
    memcpy(text, journal->pending, n_text);
    if (kind == AUGSI_ENTRY_RETRY && entry->feedback.size != 0) {
        n_text += augsi_journal_write_entry(AUGSI_ENTRY_FEEDBACK, entry, text + n_text);
    }
    memcpy(text + n_text, line, n);
    int status = append_text(journal, text, n_text + n, error);
    if (status < 0) {
        return status;
    }
    journal->n_pending = 0;
    if (at_end) { /* the writer knows what it wrote */
        journal->at = journal->end;
        journal->next_step += kind == AUGSI_ENTRY_STEP;
    }
    return AUGS_OK;
}

/* Where the last whole line ends. */
static int find_end(augsi_journal *journal, uint64_t n_bytes, augs_error *error)
{
    while (n_bytes > 0) {
        const size_t n = n_bytes < READ_BYTES ? (size_t)n_bytes : READ_BYTES;
        size_t n_read = 0;
        int errnum = read_at(journal->fd, journal->window, n, n_bytes - n, &n_read);
        if (errnum != 0 || n_read != n) {
            return fail_io(journal, errnum != 0 ? errnum : EIO, "read", error);
        }
        const char *newline = memrchr(journal->window, '\n', n);
        if (newline != NULL) {
            journal->end = n_bytes - n + (uint64_t)(newline - journal->window) + 1;
            return AUGS_OK;
        }
        n_bytes -= n;
    }
    return AUGS_OK;
}

/* A file without a whole line: new, or a head that was torn. Anything else is left alone. */
static int write_new(augsi_journal *journal, const augsi_journal_head *head, augs_error *error)
{
    char line[AUGSI_JOURNAL_LINE_BYTES], there[AUGSI_JOURNAL_LINE_BYTES];
    size_t n_there = 0;
    int errnum = read_at(journal->fd, there, sizeof there - 1, 0, &n_there);
    if (errnum != 0) {
        return fail_io(journal, errnum, "read", error);
    }
    there[n_there] = '\0';
    const size_t n = augsi_journal_write_head(head, line);
    if (journal->read_only || n_there >= n || memcmp(there, line, n_there) != 0) {
        return n_there > 0 ? augsi_journal_fail_foreign(journal->path, there, error)
                           : augsi_fail(error, AUGS_E_CORRUPT,
                                        "'%s' is no plan journal: it is empty", journal->path);
    }
    if (ftruncate(journal->fd, 0) != 0) {
        return fail_io(journal, errno, "cut the torn end of", error);
    }
    int status = append_text(journal, line, n, error);
    if (status < 0) {
        return status;
    }
    errnum = journal->folder_fd < 0 ? EACCES : augsi_file_sync(journal->folder_fd);
    journal->after_head = n;
    return errnum != 0 ? fail_io(journal, errnum, "sync the folder of", error) : AUGS_OK;
}

/* Nothing is changed before the head says that this is the journal of this run. */
static int begin(augsi_journal *journal, const augsi_journal_head *head, augs_error *error)
{
    char line[AUGSI_JOURNAL_LINE_BYTES];
    struct stat info;
    if (fstat(journal->fd, &info) != 0) {
        return fail_io(journal, errno, "look at", error);
    }
    int status = find_end(journal, (uint64_t)info.st_size, error);
    if (status < 0 || journal->end == 0) {
        return status < 0 ? status : write_new(journal, head, error);
    }
    status = next_line(journal, line, error);
    if (status == AUGS_E_CORRUPT) {
        return augsi_fail(error, AUGS_E_CORRUPT,
                          "'%s' is no plan journal: its first line is none of one", journal->path);
    }
    status = status < 0
                 ? status
                 : augsi_journal_check_head(journal->path, line, head, journal->read_only, error);
    journal->after_head = journal->at;
    if (status == AUGS_OK && !journal->read_only && journal->end < (uint64_t)info.st_size &&
        ftruncate(journal->fd, (off_t)journal->end) != 0) {
        return fail_io(journal, errno, "cut the torn end of", error);
    }
    return status;
}

/* Where flock does not work, "<journal>.owner" beside the file itself, whatever links lead to it. */
static int name_owner(augsi_journal *journal, augs_error *error)
{
    char target[PATH_MAX], name[NAME_MAX + 1];
    if (realpath(journal->path, target) == NULL) {
        return fail_io(journal, errno, "look for", error);
    }
    char *slash = strrchr(target, '/');
    int n = snprintf(name, sizeof name, "%s.owner", slash + 1);
    if (n >= (int)sizeof name) {
        return fail_io(journal, ENAMETOOLONG, "name an owner's file for", error);
    }
    journal->owner_name = augsi_copy_text(&journal->allocator, name, (size_t)n);
    if (journal->owner_name == NULL) {
        return augsi_fail_memory(error, (size_t)n + 1);
    }
    slash[slash == target] = '\0';
    /* a folder that cannot be opened is one that cannot be synced, which only a new file needs */
    journal->folder_fd = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return AUGS_OK;
}

static int lock_file(augsi_journal *journal, augs_error *error)
{
    augsi_lock_owner holder = {.pid = 0};
    int status = name_owner(journal, error);
    if (status < 0) {
        return status;
    }
    int errnum = augsi_file_lock_take(journal->fd, journal->folder_fd, journal->owner_name,
                                      &journal->lock, &holder);
    const bool by_name = journal->lock.kind == AUGSI_LOCK_FILE;
    if (errnum == 0) {
        return AUGS_OK;
    }
    journal->lock.kind = AUGSI_LOCK_NONE; /* another's file is not ours to remove */
    if (errnum == EWOULDBLOCK && by_name) {
        return augsi_fail(error, AUGS_E_BUSY,
                          "plan journal '%s' is in use: process %" PRId64
                          " of host '%s' appends to it, says '%s' beside it (flock does not work "
                          "there). If it is gone, remove that file",
                          journal->path, holder.pid, holder.host[0] != '\0' ? holder.host : "?",
                          journal->owner_name);
    }
    if (errnum == EWOULDBLOCK) {
        return augsi_fail(error, AUGS_E_BUSY,
                          "plan journal '%s' is in use: another run appends to it", journal->path);
    }
    return fail_io(journal, errnum, by_name ? "write the owner's file of" : "lock", error);
}

static int open_file(augsi_journal *journal, augs_error *error)
{
    const int flags = journal->read_only ? O_RDONLY : O_RDWR | O_CREAT;
    /* O_NONBLOCK: what is a pipe is refused, not waited for */
    journal->fd = open(journal->path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
    if (journal->fd < 0) {
        return augsi_fail_errno(error, errno == ENOENT ? AUGS_E_NOT_FOUND : AUGS_E_IO, errno,
                                "open plan journal '%s'", journal->path);
    }
    struct stat info;
    if (fstat(journal->fd, &info) != 0) {
        return fail_io(journal, errno, "look at", error);
    }
    if (!S_ISREG(info.st_mode)) {
        return augsi_fail(error, AUGS_E_IO, "plan journal '%s' is not a file", journal->path);
    }
    return journal->read_only ? AUGS_OK : lock_file(journal, error);
}

int augsi_journal_open(const char *path, bool read_only, const augsi_journal_head *head,
                       const augs_allocator *allocator, augsi_journal **ret_journal,
                       augs_error *error)
{
    augsi_journal *journal = augsi_new(allocator, sizeof *journal);
    if (journal == NULL) {
        return augsi_fail_memory(error, sizeof *journal);
    }
    journal->allocator = *allocator;
    journal->fd = journal->folder_fd = -1;
    journal->lock.kind = AUGSI_LOCK_NONE;
    journal->read_only = read_only;
    journal->path = augsi_copy_text(allocator, path, strlen(path));
    if (journal->path == NULL) {
        augsi_journal_free(journal);
        return augsi_fail_memory(error, strlen(path) + 1);
    }
    int status = open_file(journal, error);
    status = status < 0 ? status : begin(journal, head, error);
    if (status < 0) {
        augsi_journal_free(journal);
        return status;
    }
    augsi_journal_rewind(journal, 0);
    *ret_journal = journal;
    return AUGS_OK;
}

augsi_journal *augsi_journal_clone(const augsi_journal *journal)
{
    augsi_journal *clone = augsi_new(&journal->allocator, sizeof *clone);
    if (clone == NULL) {
        return NULL;
    }
    clone->allocator = journal->allocator;
    clone->folder_fd = -1;
    clone->lock.kind = AUGSI_LOCK_NONE;
    clone->read_only = true;
    clone->end = journal->end;
    clone->after_head = journal->after_head;
    clone->path = augsi_copy_text(&journal->allocator, journal->path, strlen(journal->path));
    clone->fd = fcntl(journal->fd, F_DUPFD_CLOEXEC, 0);
    if (clone->path == NULL || clone->fd < 0) {
        augsi_journal_free(clone);
        return NULL;
    }
    augsi_journal_rewind(clone, journal->epoch);
    return clone;
}

void augsi_journal_free(augsi_journal *journal)
{
    if (journal != NULL) {
        augs_allocator allocator = journal->allocator;
        augsi_file_lock_give(&journal->lock);
        if (journal->folder_fd >= 0) {
            close(journal->folder_fd);
        }
        if (journal->fd >= 0) {
            close(journal->fd);
        }
        augsi_delete_text(&allocator, journal->owner_name);
        augsi_delete_text(&allocator, journal->path);
        augsi_delete(&allocator, journal, sizeof *journal);
    }
}

const char *augsi_journal_path(const augsi_journal *journal)
{
    return journal->path;
}

bool augsi_journal_is_read_only(const augsi_journal *journal)
{
    return journal->read_only;
}
