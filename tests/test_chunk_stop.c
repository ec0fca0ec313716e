/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stop is obeyed soon: between two questions of it, only so many bytes are written, synced, read
 * or freed. The linker puts the functions below before the system's (--wrap); they count, and no
 * clock is looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>

#include "chunk_fixture.h"

ssize_t __real_write(int fd, const void *data, size_t n_bytes);
ssize_t __wrap_write(int fd, const void *data, size_t n_bytes);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
ssize_t __real_pread(int fd, void *data, size_t n_bytes, off_t offset);
ssize_t __wrap_pread(int fd, void *data, size_t n_bytes, off_t offset);
ssize_t __real_pread64(int fd, void *data, size_t n_bytes, off_t offset);
ssize_t __wrap_pread64(int fd, void *data, size_t n_bytes, off_t offset);
int __real_ftruncate(int fd, off_t length);
int __wrap_ftruncate(int fd, off_t length);
int __real_ftruncate64(int fd, off_t length);
int __wrap_ftruncate64(int fd, off_t length);
int __real_unlinkat(int folder, const char *name, int flags);
int __wrap_unlinkat(int folder, const char *name, int flags);

#define MB ((uint64_t)1 << 20)
enum { N_SAMPLES = 1000000, CHUNK = 700000 }; /* 28 bytes each: 20 MB, then 8 MB */

static struct {
    uint64_t asked, answers_no;           /* questions; how many are answered with no */
    uint64_t written, read, freed, syncs; /* since the last question */
    uint64_t most_written, most_read, most_freed;
    uint64_t unsynced, most_unsynced; /* written since the last sync */
    uint64_t n_syncs;
    uint64_t sync_failure_at; /* the sync of this number fails; 0: none does */
} calls;

static void begin_counting(uint64_t answers_no)
{
    memset(&calls, 0, sizeof calls);
    calls.answers_no = answers_no;
}

static void raise_to(uint64_t *most, uint64_t n)
{
    *most = n > *most ? n : *most;
}

static int asked(void *user)
{
    (void)user;
    calls.written = calls.read = calls.freed = calls.syncs = 0;
    return calls.asked++ >= calls.answers_no;
}

ssize_t __wrap_write(int fd, const void *data, size_t n_bytes)
{
    const ssize_t n = __real_write(fd, data, n_bytes);
    calls.written += n > 0 ? (uint64_t)n : 0;
    calls.unsynced += n > 0 ? (uint64_t)n : 0;
    raise_to(&calls.most_written, calls.written);
    return n;
}

static bool sync_fails(void)
{
    raise_to(&calls.most_unsynced, calls.unsynced);
    calls.unsynced = 0;
    calls.syncs++;
    calls.n_syncs++;
    errno = EIO;
    return calls.n_syncs == calls.sync_failure_at;
}

int __wrap_fsync(int fd)
{
    return sync_fails() ? -1 : __real_fsync(fd);
}

int __wrap_fdatasync(int fd)
{
    return sync_fails() ? -1 : __real_fdatasync(fd);
}

static ssize_t note_read(ssize_t n)
{
    calls.read += n > 0 ? (uint64_t)n : 0;
    raise_to(&calls.most_read, calls.read);
    return n;
}

ssize_t __wrap_pread(int fd, void *data, size_t n_bytes, off_t offset)
{
    return note_read(__real_pread(fd, data, n_bytes, offset));
}

ssize_t __wrap_pread64(int fd, void *data, size_t n_bytes, off_t offset)
{
    return note_read(__real_pread64(fd, data, n_bytes, offset));
}

static void note_freed(off_t before, off_t after)
{
    calls.freed += before > after ? (uint64_t)(before - after) : 0;
    raise_to(&calls.most_freed, calls.freed);
}

static off_t size_of(int fd)
{
    struct stat facts;
    ck_assert_int_eq(fstat(fd, &facts), 0);
    return facts.st_size;
}

int __wrap_ftruncate(int fd, off_t length)
{
    note_freed(size_of(fd), length);
    return __real_ftruncate(fd, length);
}

int __wrap_ftruncate64(int fd, off_t length)
{
    note_freed(size_of(fd), length);
    return __real_ftruncate64(fd, length);
}

int __wrap_unlinkat(int folder, const char *name, int flags)
{
    struct stat facts;
    if (fstatat(folder, name, &facts, AT_SYMLINK_NOFOLLOW) == 0) {
        note_freed(facts.st_size, 0);
    }
    return __real_unlinkat(folder, name, flags);
}

/* What may be done between two questions. */
static void expect_small_pieces(void)
{
    ck_assert_uint_le(calls.most_written, MB + 4096);
    ck_assert_uint_le(calls.most_unsynced, 9 * MB);
    ck_assert_uint_le(calls.most_read, MB + 4096);
    ck_assert_uint_le(calls.most_freed, 8 * MB);
}

static char place[PATH_BYTES], folder[PATH_BYTES], whole[PATH_BYTES];
static augs_stream *stream;
static augs_chunks_options options;

static void begin(uint32_t format)
{
    make_place(place);
    path_in(folder, place, "one");
    path_in(whole, place, "whole");
    stream = open_stream_of("moderate", 3, N_SAMPLES, AUGS_ORDER_SEQUENTIAL);
    options = (augs_chunks_options){
        .size = sizeof options, .format = format, .chunk_size = CHUNK, .stop = asked};
    begin_counting(UINT64_MAX);
    write_chunks(stream, whole, &options);
}

static void end(void)
{
    augs_stream_unref(stream);
    remove_tree(place);
}

/* Every so-many-th question is answered with yes. */
static uint64_t stride(uint64_t all, uint64_t n_rounds)
{
    return 1 + all / (getenv("AUGS_TEST_SMALL") != NULL ? n_rounds / 2 : n_rounds);
}

/* Bytes of hidden files but the lock. */
static uint64_t left_in(const char *where)
{
    char *names[512];
    uint64_t n_bytes = 0;
    size_t n = list_names(where, names);
    for (size_t i = 0; i < n; i++) {
        struct stat facts;
        char path[PATH_BYTES];
        path_in(path, where, names[i]);
        ck_assert_int_eq(stat(path, &facts), 0);
        n_bytes += names[i][0] == '.' ? (uint64_t)facts.st_size : 0;
        free(names[i]);
    }
    return n_bytes;
}

START_TEST(a_run_asks_between_small_pieces)
{
    begin(0);
    expect_small_pieces();
    ck_assert_uint_ge(calls.n_syncs, 2 + 3); /* files, their parts, the folder, the manifest */
    /* making: N / 16,384; copying and hashing: pieces of 8 MB; writing: pieces of 1 MB */
    ck_assert_uint_ge(calls.asked, N_SAMPLES / 16384 + 2 * 3 + 28);
    begin_counting(UINT64_MAX);
    options.check = AUGS_CHECK_FULL;
    ck_assert_uint_eq(write_chunks(stream, whole, &options).n_kept, 2);
    expect_small_pieces();
    end();
}
END_TEST

START_TEST(verify_asks_between_small_pieces)
{
    augs_error error;
    begin(0);
    augs_chunks_verify_options of_verify = {.size = sizeof of_verify, .stop = asked};
    uint64_t of_reading = 0;
    for (int hashes_only = 1; hashes_only >= 0; hashes_only--) {
        of_verify.hashes_only = (uint32_t)hashes_only;
        begin_counting(UINT64_MAX);
        AUGS_ASSERT_OK(augs_chunks_verify(whole, &of_verify, NULL, &error), error);
        expect_small_pieces();
        const uint64_t all = calls.asked;
        /* reading: pieces of 256 KB; against the stream also making, copying and the digest */
        ck_assert_uint_ge(all, 28 * 4);
        ck_assert_uint_ge(all - of_reading, hashes_only ? 0 : (43 + 19) + 2 * 7 + (11 + 5));
        of_reading = all;
        for (uint64_t n = 0; n < all; n += stride(all, 17)) {
            begin_counting(n);
            AUGS_ASSERT_STATUS(AUGS_E_CANCELLED,
                               augs_chunks_verify(whole, &of_verify, NULL, &error), error);
            ck_assert_uint_eq(calls.read, 0);
        }
    }
    end();
}
END_TEST

/* Wherever it is stopped, it does nothing large afterwards, says what it left, and goes on. */
START_TEST(a_stopped_run_ends_at_once_and_the_next_one_removes_what_it_left)
{
    begin(0);
    const uint64_t all = calls.asked;
    uint64_t n_left = 0;
    for (uint64_t n = 0; n < all; n += stride(all, 23)) {
        augs_error error;
        augs_chunks_report report = {.size = sizeof report};
        remove_tree(folder);
        begin_counting(n);
        AUGS_ASSERT_STATUS(AUGS_E_CANCELLED,
                           augs_chunks_write(stream, folder, &options, &report, &error), error);
        ck_assert_uint_eq(calls.written, 0);
        ck_assert_uint_eq(calls.syncs, 0);
        expect_small_pieces();
        ck_assert_uint_eq(report.left_bytes, left_in(folder));
        ck_assert(report.left_bytes == 0 || report.left_bytes > 4 * MB);
        n_left += report.left_bytes > 0;
        begin_counting(UINT64_MAX);
        report = write_chunks(stream, folder, &options);
        expect_small_pieces();
        ck_assert_uint_eq(report.left_bytes, 0);
        assert_same_folders(folder, whole);
    }
    ck_assert_uint_ge(n_left, 1);
    end();
}
END_TEST

/* Stopped once more while it removes what the first stop left. */
START_TEST(a_stop_while_a_large_leftover_is_removed_loses_nothing)
{
    begin(0);
    augs_error error;
    augs_chunks_report report = {.size = sizeof report};
    char path[PATH_BYTES];
    uint64_t before = 0;
    for (uint64_t n = 30; before == 0; n += 4) { /* while the first chunk is written */
        ck_assert_uint_lt(n, 200);
        remove_tree(folder);
        begin_counting(n);
        (void)augs_chunks_write(stream, folder, &options, &report, &error);
        before = report.left_bytes;
    }
    for (uint64_t n = 0; n < 40; n++) {
        begin_counting(n);
        AUGS_ASSERT_STATUS(AUGS_E_CANCELLED,
                           augs_chunks_write(stream, folder, &options, &report, &error), error);
        expect_small_pieces();
        ck_assert_uint_le(left_in(folder), before);
    }
    /* a second name of the leftover keeps its bytes */
    path_in(path, place, "kept");
    begin_counting(UINT64_MAX);
    for (uint64_t n = 30; left_in(folder) == 0; n += 4) {
        ck_assert_uint_lt(n, 200);
        begin_counting(n);
        (void)augs_chunks_write(stream, folder, &options, &report, &error);
    }
    char *names[512], from[PATH_BYTES];
    size_t n_names = list_names(folder, names);
    for (size_t i = 0; i < n_names; i++) {
        if (strncmp(names[i], ".part-", 6) == 0) {
            path_in(from, folder, names[i]);
            ck_assert_int_eq(link(from, path), 0);
        }
        free(names[i]);
    }
    before = left_in(folder);
    begin_counting(UINT64_MAX);
    write_chunks(stream, folder, &options);
    struct stat facts;
    ck_assert_int_eq(stat(path, &facts), 0);
    ck_assert_uint_eq((uint64_t)facts.st_size, before);
    assert_same_folders(folder, whole);
    end();
}
END_TEST

/* Also a sync in the middle of a file: the kernel may have forgotten what it could not write. */
START_TEST(no_sync_is_tried_again)
{
    begin(0);
    augs_error error;
    const uint64_t all = calls.n_syncs - 1; /* the parent's, of a folder that is new */
    for (uint64_t n = 1; n <= all; n++) {
        remove_tree(folder);
        mkdir(folder, 0777);
        begin_counting(UINT64_MAX);
        calls.sync_failure_at = n;
        AUGS_ASSERT_STATUS(AUGS_E_IO, augs_chunks_write(stream, folder, &options, NULL, &error),
                           error);
        ck_assert_ptr_nonnull(strstr(error.message, "sync"));
        ck_assert_uint_eq(calls.n_syncs, n);
        ck_assert_uint_eq(left_in(folder), 0);
        begin_counting(UINT64_MAX);
        write_chunks(stream, folder, &options);
        assert_same_folders(folder, whole);
    }
    end();
}
END_TEST

START_TEST(text_formats_ask_as_often)
{
    begin(AUGS_FORMAT_MSGPACK);
    expect_small_pieces();
    const uint64_t all = calls.asked;
    ck_assert_uint_ge(all, N_SAMPLES / 16384 + N_SAMPLES / 4096 + 28);
    for (uint64_t n = 0; n < all; n += stride(all, 7)) {
        augs_error error;
        remove_tree(folder);
        begin_counting(n);
        AUGS_ASSERT_STATUS(AUGS_E_CANCELLED,
                           augs_chunks_write(stream, folder, &options, NULL, &error), error);
        ck_assert_uint_eq(calls.written, 0);
        ck_assert_uint_eq(calls.syncs, 0);
        expect_small_pieces();
    }
    end();
}
END_TEST

START_TEST(an_estimate_can_be_stopped)
{
    begin(0);
    augs_error error;
    options.check = AUGS_CHECK_FULL;
    augs_chunks_estimate estimate = {.size = sizeof estimate};
    for (uint64_t n = 0; n < 100; n += 9) {
        begin_counting(n);
        AUGS_ASSERT_STATUS(AUGS_E_CANCELLED,
                           augs_chunks_get_estimate(stream, whole, &options, &estimate, &error),
                           error);
        expect_small_pieces();
    }
    end();
}
END_TEST

AUGS_SUITE("chunk_stop", a_run_asks_between_small_pieces, verify_asks_between_small_pieces,
           a_stopped_run_ends_at_once_and_the_next_one_removes_what_it_left,
           a_stop_while_a_large_leftover_is_removed_loses_nothing, no_sync_is_tried_again,
           text_formats_ask_as_often, an_estimate_can_be_stopped)
