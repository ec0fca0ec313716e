/* SPDX-License-Identifier: Apache-2.0 */
/* Files written whole, and drafts. The linker puts write and pwrite below before the system's. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "suite.h"

ssize_t __real_write(int fd, const void *data, size_t n_bytes);
ssize_t __wrap_write(int fd, const void *data, size_t n_bytes);
ssize_t __real_pwrite(int fd, const void *data, size_t n_bytes, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t n_bytes, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t n_bytes, off_t offset);

/* Each call does as the next number says: above 0 = so many bytes at most, below = that errno. */
static const int *script;
static size_t n_script, n_calls;

/* Bytes that the call may take; negative: an errno. */
static long next_answer(size_t n_bytes)
{
    const int answer = n_calls < n_script ? script[n_calls] : (int)n_bytes;
    n_calls++;
    return answer <= 0 ? answer : answer < (int)n_bytes ? answer : (long)n_bytes;
}

ssize_t __wrap_write(int fd, const void *data, size_t n_bytes)
{
    if (n_script == 0) {
        return __real_write(fd, data, n_bytes);
    }
    const long n = next_answer(n_bytes);
    errno = n < 0 ? (int)-n : 0;
    return n < 0 ? -1 : __real_write(fd, data, (size_t)n);
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t n_bytes, off_t offset)
{
    if (n_script == 0) {
        return __real_pwrite(fd, data, n_bytes, offset);
    }
    const long n = next_answer(n_bytes);
    errno = n < 0 ? (int)-n : 0;
    return n < 0 ? -1 : __real_pwrite(fd, data, (size_t)n, offset);
}

ssize_t __wrap_pwrite64(int fd, const void *data, size_t n_bytes, off_t offset)
{
    return __wrap_pwrite(fd, data, n_bytes, offset);
}

static char place[] = "/tmp/augs-file-XXXXXX";
static int folder;
static char text[10000];

static void begin(const int *answers, size_t n_answers)
{
    strcpy(place, "/tmp/augs-file-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(place));
    folder = open(place, O_RDONLY | O_DIRECTORY);
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)('a' + i * 7 % 26);
    }
    script = answers;
    n_script = n_answers;
    n_calls = 0;
}

static void end(void)
{
    n_script = 0;
    close(folder);
    ck_assert_msg(rmdir(place) == 0, "something was left in %s", place);
}

#define BEGIN(...)                                                                                 \
    do {                                                                                           \
        static const int answers[] = {__VA_ARGS__};                                                \
        begin(answers, sizeof answers / sizeof answers[0]);                                        \
    } while (0)

static int make(const char *name)
{
    int fd = openat(folder, name, O_RDWR | O_CREAT | O_EXCL, 0666);
    ck_assert_int_ge(fd, 0);
    return fd;
}

/* Closes and removes it. */
static void expect_content(int fd, const char *name, size_t n_bytes)
{
    static char there[sizeof text + 1];
    ck_assert_int_eq(pread(fd, there, sizeof there, 0), (ssize_t)n_bytes);
    ck_assert_int_eq(memcmp(there, text, n_bytes), 0);
    close(fd);
    ck_assert_int_eq(unlinkat(folder, name, 0), 0);
}

START_TEST(short_and_interrupted_writes_go_on)
{
    size_t written;
    BEGIN(1, -EINTR, 7, -EAGAIN, 3000, -EINTR);
    int fd = make("one");
    ck_assert_int_eq(augsi_file_write(fd, text, sizeof text, NULL, &written), 0);
    ck_assert_uint_eq(written, sizeof text);
    ck_assert_uint_eq(n_calls, 7);
    expect_content(fd, "one", sizeof text);
    n_calls = 0;
    fd = make("two");
    static const int answers[] = {1, -EINTR, 7, -EINTR};
    script = answers;
    n_script = 4;
    ck_assert_int_eq(augsi_file_write_at(fd, text, sizeof text, 0), 0);
    ck_assert_uint_eq(n_calls, 5);
    expect_content(fd, "two", sizeof text);
    end();
}
END_TEST

START_TEST(a_failed_write_says_how_much_was_written)
{
    static const int errnums[] = {ENOSPC, EDQUOT, EIO, EPIPE};
    for (size_t i = 0; i < sizeof errnums / sizeof errnums[0]; i++) {
        int answers[] = {100, 23, -errnums[i]};
        size_t written = 0;
        begin(answers, 3);
        int fd = make("one");
        ck_assert_int_eq(augsi_file_write(fd, text, sizeof text, NULL, &written), errnums[i]);
        ck_assert_uint_eq(written, 123);
        ck_assert_uint_eq(n_calls, 3);
        expect_content(fd, "one", 123);
        n_calls = 0;
        fd = make("one");
        ck_assert_int_eq(augsi_file_write_at(fd, text, sizeof text, 0), errnums[i]);
        ck_assert_uint_eq(n_calls, 3);
        expect_content(fd, "one", 123);
        end();
    }
    BEGIN(5, 0); /* a write of nothing is no reason to try for ever */
    int fd = make("one");
    ck_assert_int_eq(augsi_file_write(fd, text, sizeof text, NULL, NULL), EIO);
    expect_content(fd, "one", 5);
    end();
}
END_TEST

static int after_some(void *user)
{
    int *left = user;
    return (*left)-- <= 0;
}

START_TEST(a_stop_ends_a_write_that_waits_for_space)
{
    static char much[1 << 17];
    int pipes[2], left = 3;
    size_t written = 0;
    const augsi_stop stop = {after_some, &left};
    begin(NULL, 0);
    ck_assert_int_eq(pipe2(pipes, O_NONBLOCK), 0);
    ck_assert_int_eq(fcntl(pipes[1], F_SETPIPE_SZ, 4096), 4096);
    ck_assert_int_eq(augsi_file_write(pipes[1], much, sizeof much, &stop, &written), ECANCELED);
    ck_assert_uint_eq(written, 4096);
    close(pipes[0]);
    close(pipes[1]);
    end();
}
END_TEST

static bool has(const char *name)
{
    return faccessat(folder, name, F_OK, 0) == 0;
}

START_TEST(a_draft_takes_its_name_when_it_is_complete)
{
    augsi_draft draft;
    begin(NULL, 0);
    for (int durable = 0; durable < 2; durable++) {
        ck_assert_int_eq(augsi_draft_create(&draft, folder, "new.tmp", 0666, durable, false), 0);
        ck_assert_int_eq(augsi_draft_write(&draft, text, 4000, NULL), 0);
        ck_assert_int_eq(augsi_draft_write(&draft, text + 4000, sizeof text - 4000, NULL), 0);
        ck_assert(!has("new") && has("new.tmp"));
        ck_assert_int_eq(augsi_draft_finish(&draft, "new", false, NULL), 0);
        ck_assert(has("new") && !has("new.tmp"));
        expect_content(openat(folder, "new", O_RDONLY), "new", sizeof text);
    }
    end();
}
END_TEST

START_TEST(a_draft_that_fails_or_is_dropped_leaves_the_old_file)
{
    augsi_draft draft;
    begin(NULL, 0);
    int fd = make("old");
    ck_assert_int_eq(augsi_file_write(fd, text, 10, NULL, NULL), 0);
    /* dropped */
    ck_assert_int_eq(augsi_draft_create(&draft, folder, "old.tmp", 0666, true, false), 0);
    ck_assert(augsi_draft_drop(&draft, NULL));
    ck_assert(!has("old.tmp"));
    /* stopped */
    int left = 0;
    const augsi_stop stop = {after_some, &left};
    ck_assert_int_eq(augsi_draft_create(&draft, folder, "old.tmp", 0666, true, false), 0);
    ck_assert_int_eq(augsi_draft_finish(&draft, "old", false, &stop), ECANCELED);
    ck_assert(!has("old.tmp"));
    /* a folder has the name: it stays unless the caller says otherwise */
    ck_assert_int_eq(mkdirat(folder, "taken", 0777), 0);
    ck_assert_int_eq(augsi_draft_create(&draft, folder, "old.tmp", 0666, true, false), 0);
    ck_assert_int_eq(augsi_draft_finish(&draft, "taken", false, NULL), EISDIR);
    ck_assert_str_eq(draft.what, "rename to");
    ck_assert(!has("old.tmp"));
    ck_assert_int_eq(augsi_draft_create(&draft, folder, "old.tmp", 0666, true, false), 0);
    ck_assert_int_eq(augsi_draft_finish(&draft, "taken", true, NULL), 0);
    ck_assert_int_eq(unlinkat(folder, "taken", 0), 0);
    expect_content(fd, "old", 10);
    end();
}
END_TEST

START_TEST(a_temporary_that_is_there_is_kept_or_replaced_never_followed)
{
    augsi_draft draft;
    begin(NULL, 0);
    int fd = make("precious");
    ck_assert_int_eq(augsi_file_write(fd, text, 10, NULL, NULL), 0);
    ck_assert_int_eq(symlinkat("precious", folder, "new.tmp"), 0);
    ck_assert_int_eq(augsi_draft_create(&draft, folder, "new.tmp", 0666, true, false), EEXIST);
    ck_assert(has("new.tmp"));
    ck_assert_int_eq(augsi_draft_create(&draft, folder, "new.tmp", 0666, true, true), 0);
    ck_assert_int_eq(augsi_draft_write(&draft, "other", 5, NULL), 0);
    ck_assert_int_eq(augsi_draft_finish(&draft, "new", false, NULL), 0);
    ck_assert_int_eq(unlinkat(folder, "new", 0), 0);
    expect_content(fd, "precious", 10);
    end();
}
END_TEST

AUGS_SUITE("file", short_and_interrupted_writes_go_on, a_failed_write_says_how_much_was_written,
           a_stop_ends_a_write_that_waits_for_space, a_draft_takes_its_name_when_it_is_complete,
           a_draft_that_fails_or_is_dropped_leaves_the_old_file,
           a_temporary_that_is_there_is_kept_or_replaced_never_followed)
