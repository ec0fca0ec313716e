/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folders that are damaged or hostile: one verdict of generate, verify and inspect, every bad chunk
 * named, and memory that does not depend on what a manifest says.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "chunk_fixture.h"

ssize_t __real_pread(int fd, void *data, size_t n_bytes, off_t offset);
ssize_t __wrap_pread(int fd, void *data, size_t n_bytes, off_t offset);
ssize_t __real_pread64(int fd, void *data, size_t n_bytes, off_t offset);
ssize_t __wrap_pread64(int fd, void *data, size_t n_bytes, off_t offset);
int __real_openat(int folder, const char *name, int flags, ...);
int __wrap_openat(int folder, const char *name, int flags, ...);
int __real_openat64(int folder, const char *name, int flags, ...);
int __wrap_openat64(int folder, const char *name, int flags, ...);
int __wrap_flock(int fd, int operation);

static int unreadable_fd = -1;          /* reads of it fail */
static const char *unreadable, *closed; /* files whose reads, whose opening to read fail */
static int flock_failure;

/* A file that is written again can be read. */
static void note_draft(const char *name, int flags)
{
    if ((flags & O_CREAT) != 0 && closed != NULL && strstr(name, closed) != NULL) {
        closed = NULL;
    }
    if ((flags & O_CREAT) != 0 && unreadable != NULL && strstr(name, unreadable) != NULL) {
        unreadable = NULL;
    }
}

static int noted(int fd, const char *name, int flags)
{
    if (fd >= 0 && unreadable != NULL && strcmp(name, unreadable) == 0 &&
        (flags & O_ACCMODE) == O_RDONLY) {
        unreadable_fd = fd;
    } else if (fd == unreadable_fd) {
        unreadable_fd = -1;
    }
    return fd;
}

static bool is_closed(const char *name, int flags)
{
    note_draft(name, flags);
    errno = EACCES;
    return closed != NULL && strcmp(name, closed) == 0 && (flags & O_ACCMODE) == O_RDONLY;
}

int __wrap_openat(int folder, const char *name, int flags, ...)
{
    return is_closed(name, flags) ? -1
                                  : noted(__real_openat(folder, name, flags, 0666), name, flags);
}

int __wrap_openat64(int folder, const char *name, int flags, ...)
{
    return is_closed(name, flags) ? -1
                                  : noted(__real_openat64(folder, name, flags, 0666), name, flags);
}

ssize_t __wrap_pread(int fd, void *data, size_t n_bytes, off_t offset)
{
    errno = EIO;
    return fd == unreadable_fd && unreadable != NULL ? -1 : __real_pread(fd, data, n_bytes, offset);
}

ssize_t __wrap_pread64(int fd, void *data, size_t n_bytes, off_t offset)
{
    errno = EIO;
    return fd == unreadable_fd && unreadable != NULL ? -1
                                                     : __real_pread64(fd, data, n_bytes, offset);
}

int __wrap_flock(int fd, int operation)
{
    (void)fd;
    (void)operation;
    errno = flock_failure;
    return flock_failure == 0 ? 0 : -1;
}

static char place[PATH_BYTES], folder[PATH_BYTES], whole[PATH_BYTES];
static augs_stream *stream;
static augs_chunks_options options;

static void begin(uint32_t format)
{
    make_place(place);
    path_in(folder, place, "one");
    path_in(whole, place, "whole");
    stream = open_stream_of("moderate", 3, 400, AUGS_ORDER_SHUFFLED);
    options = (augs_chunks_options){.size = sizeof options, .format = format, .chunk_size = 64};
    unreadable = closed = NULL;
    flock_failure = 0;
    write_chunks(stream, whole, &options);
    write_chunks(stream, folder, &options);
}

static void end(void)
{
    augs_stream_unref(stream);
    remove_tree(place);
}

/* ---- one verdict ---- */

static char part[PATH_BYTES]; /* the path of the chunk file that is damaged */
#define PART "part-000002.safetensors"

static void damage_missing(void)
{
    unlink(part);
}

static void damage_short(void)
{
    ck_assert_int_eq(truncate(part, 100), 0);
}

static void damage_long(void)
{
    struct stat facts;
    ck_assert_int_eq(stat(part, &facts), 0);
    ck_assert_int_eq(truncate(part, facts.st_size + 1), 0);
}

static void damage_sparse(void)
{
    ck_assert_int_eq(truncate(part, (off_t)1 << 42), 0);
}

static void damage_folder(void)
{
    unlink(part);
    ck_assert_int_eq(mkdir(part, 0777), 0);
}

static void damage_pipe(void)
{
    unlink(part);
    ck_assert_int_eq(mkfifo(part, 0666), 0);
}

static void damage_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    unlink(part);
    ck_assert_int_lt(snprintf(address.sun_path, sizeof address.sun_path, "%s", part),
                     (int)sizeof address.sun_path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

static void damage_dangling(void)
{
    unlink(part);
    ck_assert_int_eq(symlink("nothing-there", part), 0);
}

static void damage_loop(void)
{
    unlink(part);
    ck_assert_int_eq(symlink(PART, part), 0);
}

static void damage_closed(void)
{
    closed = PART;
}

static void damage_read(void)
{
    unreadable = PART;
}

static void flip(long from_end)
{
    size_t n;
    char *bytes = read_whole(folder, PART, &n);
    bytes[from_end >= 0 ? (size_t)from_end : n - (size_t)-from_end] ^= 1;
    write_whole(folder, PART, bytes, n);
    free(bytes);
}

static void damage_flip(void)
{
    flip(-7);
}

static void damage_header(void)
{
    flip(20);
}

static void damage_other_chunk(void)
{
    size_t n;
    char *bytes = read_whole(folder, "part-000001.safetensors", &n);
    write_whole(folder, PART, bytes, n);
    free(bytes);
}

typedef struct damage {
    const char *name;
    void (*make)(void);
    int status;      /* of the finding */
    bool needs_hash; /* a quick check does not see it */
} damage;

static const damage damages[] = {
    {"missing", damage_missing, AUGS_E_NOT_FOUND, false},
    {"short", damage_short, AUGS_E_CORRUPT, false},
    {"long", damage_long, AUGS_E_CORRUPT, false},
    {"4 TB, sparse", damage_sparse, AUGS_E_CORRUPT, false},
    {"a folder", damage_folder, AUGS_E_CORRUPT, false},
    {"a pipe", damage_pipe, AUGS_E_CORRUPT, false},
    {"a socket", damage_socket, AUGS_E_CORRUPT, false},
    {"a dangling link", damage_dangling, AUGS_E_NOT_FOUND, false},
    {"a link to itself", damage_loop, AUGS_E_IO, false},
    {"not to be opened", damage_closed, AUGS_E_IO, false},
    {"not to be read", damage_read, AUGS_E_IO, true},
    {"a flipped bit", damage_flip, AUGS_E_CORRUPT, true},
    {"a flipped bit of the header", damage_header, AUGS_E_CORRUPT, true},
    {"another chunk", damage_other_chunk, AUGS_E_CORRUPT, true},
};

static void expect_one(const damage *d, const findings *found)
{
    ck_assert_msg(found->n == 1, "%s: %zu findings, %s: %s", d->name, found->n, found->file[0],
                  found->message[0]);
    ck_assert_msg(found->status[0] == d->status, "%s: %d %s", d->name, found->status[0],
                  found->message[0]);
    ck_assert_uint_eq(found->chunk[0], 2);
    ck_assert_str_eq(found->file[0], PART);
}

START_TEST(one_verdict_of_verify_inspect_and_generate)
{
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        const damage *d = &damages[i];
        augs_error error;
        augs_chunks_summary summary;
        char *json = NULL;
        uint64_t n_faults = 0;
        begin(0);
        path_in(part, folder, PART);
        d->make();
        findings found = verify_folder(folder, AUGS_E_CORRUPT, &summary);
        unreadable_fd = -1;
        expect_one(d, &found);
        ck_assert_uint_eq(summary.n_chunks, 6);
        AUGS_ASSERT_OK(augs_chunks_inspect(part, 3, &json, &n_faults, &error), error);
        ck_assert_msg(n_faults == 1, "%s: %s", d->name, json);
        augs_text_free(json);
        options.check = d->needs_hash ? AUGS_CHECK_FULL : AUGS_CHECK_QUICK;
        augs_chunks_report report = write_chunks(stream, folder, &options);
        ck_assert_msg(report.n_made == 1 && report.n_kept == 6, "%s: %d made", d->name,
                      (int)report.n_made);
        unreadable = closed = NULL;
        assert_same_folders(folder, whole);
        ck_assert_uint_eq(verify_folder(folder, 0, &summary).n, 0);
        end();
    }
}
END_TEST

START_TEST(every_bad_chunk_is_named)
{
    static const char *const names[] = {"part-000000.safetensors", "part-000003.safetensors",
                                        "part-000006.safetensors"};
    augs_chunks_summary summary;
    begin(0);
    for (size_t i = 0; i < 3; i++) {
        path_in(part, folder, names[i]);
        unlink(part);
        ck_assert_int_eq(mkdir(part, 0777), 0);
    }
    findings found = verify_folder(folder, AUGS_E_CORRUPT, &summary);
    ck_assert_uint_eq(found.n, 3);
    for (size_t i = 0; i < 3; i++) {
        ck_assert_str_eq(found.file[i], names[i]);
        ck_assert_ptr_nonnull(strstr(found.message[i], "a folder"));
    }
    end();
}
END_TEST

START_TEST(what_cannot_be_replaced_is_named_and_the_rest_is_made)
{
    augs_error error;
    augs_chunks_report report = {.size = sizeof report};
    augs_chunks_summary summary;
    begin(0);
    path_in(part, folder, PART);
    damage_folder();
    write_whole(part, "kept", "x", 1);
    path_in(part, folder, "part-000005.safetensors");
    unlink(part);
    AUGS_ASSERT_STATUS(AUGS_E_IO, augs_chunks_write(stream, folder, &options, &report, &error),
                       error);
    ck_assert_ptr_nonnull(strstr(error.message, PART));
    ck_assert_uint_eq(report.n_made, 1);
    ck_assert(has_file(folder, PART "/kept"));
    findings found = verify_folder(folder, 0, &summary);
    ck_assert_uint_eq(summary.n_chunks, 6);
    ck_assert_uint_eq(summary.complete, 0);
    ck_assert_uint_eq(found.n, 1); /* it is not listed any more, and COMPLETE is gone */
    end();
}
END_TEST

START_TEST(links_are_followed_to_read_and_replaced_to_write)
{
    static const char *const names[] = {PART, "manifest-0of1.jsonl", "COMPLETE"};
    char moved[PATH_BYTES], elsewhere[PATH_BYTES];
    augs_chunks_summary summary;
    begin(0);
    path_in(elsewhere, place, "elsewhere");
    ck_assert_int_eq(mkdir(elsewhere, 0777), 0);
    for (size_t i = 0; i < 3; i++) {
        path_in(part, folder, names[i]);
        path_in(moved, elsewhere, names[i]);
        ck_assert_int_eq(rename(part, moved), 0);
        ck_assert_int_eq(symlink(moved, part), 0);
    }
    ck_assert_uint_eq(verify_folder(folder, 0, &summary).n, 0);
    ck_assert_uint_eq(write_chunks(stream, folder, &options).n_made, 0);
    path_in(part, folder, PART);
    ck_assert_int_eq(truncate(part, 10), 0);
    ck_assert_uint_eq(write_chunks(stream, folder, &options).n_made, 1);
    assert_same_folders(folder, whole);
    path_in(moved, elsewhere, PART);
    struct stat facts;
    ck_assert_int_eq(stat(moved, &facts), 0);
    ck_assert_int_eq(facts.st_size, 10);
    end();
}
END_TEST

/* ---- hostile manifests ---- */

static void replace(const char *name, const char *old, const char *new)
{
    size_t n;
    char *bytes = read_whole(folder, name, &n);
    char *at = strstr(bytes, old);
    ck_assert_msg(at != NULL, "no %s in %s", old, name);
    char *changed = malloc(n + strlen(new) + 1);
    size_t before = (size_t)(at - bytes);
    memcpy(changed, bytes, before);
    memcpy(changed + before, new, strlen(new));
    memcpy(changed + before + strlen(new), at + strlen(old), n - before - strlen(old));
    write_whole(folder, name, changed, n + strlen(new) - strlen(old));
    free(changed);
    free(bytes);
}

#define MANIFEST "manifest-0of1.jsonl"

START_TEST(a_manifest_that_says_what_cannot_be_is_corrupt)
{
    static const char *const fields[][2] = {{"\"start\":0", "\"start\":"},
                                            {"\"count\":400,\"records\"", "\"count\":"},
                                            {"\"chunk_size\":64", "\"chunk_size\":"},
                                            {"\"epoch\":0", "\"epoch\":"},
                                            {"\"shard\":0", "\"shard\":"},
                                            {"\"n_shards\":1", "\"n_shards\":"},
                                            {"\"contract\":1", "\"contract\":"},
                                            {"\"augstream\":1", "\"augstream\":"}};
    static const char *const numbers[] = {
        "-1",   "9223372036854775807", "18446744073709551616", "1e30", "\"x\"",
        "null", "72057594037927936"};
    for (size_t f = 0; f < sizeof fields / sizeof fields[0]; f++) {
        for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
            char changed[96];
            char *json = NULL;
            augs_error error;
            augs_chunks_summary summary;
            begin(AUGS_FORMAT_MSGPACK);
            snprintf(changed, sizeof changed, "%s%s%s", fields[f][1], numbers[k],
                     strstr(fields[f][0], ",\"records\"") != NULL ? ",\"records\"" : "");
            replace(MANIFEST, fields[f][0], changed);
            findings found = verify_folder(folder, AUGS_E_CORRUPT, &summary);
            ck_assert_uint_ge(found.n, 1);
            uint64_t n_faults = 0;
            int status = augs_chunks_inspect(folder, 1, &json, &n_faults, &error);
            ck_assert_msg(status == AUGS_E_CORRUPT || n_faults > 0, "%s: %d", changed, status);
            if (status < 0 && strcmp(numbers[k], "-1") == 0) {
                ck_assert_msg(strstr(error.message, " -1; accepted: 0 or more") != NULL, "%s: %s",
                              changed, error.message);
            }
            augs_text_free(json);
            end();
        }
    }
}
END_TEST

static int stop_after_one(void *user, uint64_t done_samples, uint64_t all_samples)
{
    (void)user;
    return done_samples < all_samples;
}

/* The header of a run that is right in itself, of which next to nothing is there. */
START_TEST(absurd_counts_take_neither_time_nor_memory)
{
    static const uint64_t sizes[] = {1, 64, 1ull << 56};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        augs_error error;
        augs_chunks_summary summary;
        char *json = NULL;
        begin(0);
        augs_stream *endless = open_stream_of("moderate", 3, AUGS_ENDLESS, 0);
        augs_chunks_estimate estimate = {.size = sizeof estimate};
        options.n_positions = 1ull << 56;
        options.chunk_size = sizes[i];
        remove_tree(folder);
        if (sizes[i] == 1ull << 56) { /* no machine makes that chunk */
            AUGS_ASSERT_STATUS(AUGS_E_RANGE,
                               augs_chunks_write(endless, folder, &options, NULL, &error), error);
            ck_assert(!has_file(place, "one"));
        } else {
            AUGS_ASSERT_OK(augs_chunks_get_estimate(endless, folder, &options, &estimate, &error),
                           error);
            ck_assert_uint_eq(estimate.n_chunks, (1ull << 56) / sizes[i]);
            ck_assert_uint_gt(estimate.disk_bytes, estimate.free_bytes);
            ck_assert(!has_file(place, "one"));
            AUGS_ASSERT_STATUS(AUGS_E_NO_SPACE,
                               augs_chunks_write(endless, folder, &options, NULL, &error), error);
            ck_assert_ptr_nonnull(strstr(error.message, "bytes free"));
            ck_assert(!has_file(place, "one"));
            options.flags = AUGS_CHUNKS_IGNORE_SPACE;
            options.progress = stop_after_one;
            AUGS_ASSERT_STATUS(AUGS_E_CANCELLED,
                               augs_chunks_write(endless, folder, &options, NULL, &error), error);
            findings found = verify_folder(folder, 0, &summary);
            ck_assert_uint_eq(found.n, 1);
            ck_assert_ptr_nonnull(strstr(found.message[0], ": 1 of "));
            write_whole(folder, "COMPLETE", "{}\n", 3);
            verify_folder(folder, AUGS_E_CORRUPT, &summary);
            ck_assert_uint_eq(summary.n_faults, (1ull << 56) / sizes[i]);
            AUGS_ASSERT_OK(augs_chunks_inspect(folder, 1, &json, NULL, &error), error);
            ck_assert_ptr_nonnull(strstr(json, "\"complete\":false"));
            augs_text_free(json);
        }
        augs_stream_unref(endless);
        end();
    }
}
END_TEST

START_TEST(numbers_of_a_line_are_checked)
{
    augs_chunks_summary summary;
    begin(0);
    char line[64];
    struct stat facts;
    path_in(part, folder, PART);
    ck_assert_int_eq(stat(part, &facts), 0);
    snprintf(line, sizeof line, "\"bytes\":%lld", (long long)facts.st_size);
    replace(MANIFEST, line, "\"bytes\":4398046511104");
    findings found = verify_folder(folder, AUGS_E_CORRUPT, &summary);
    ck_assert_str_eq(found.file[0], MANIFEST);
    ck_assert_ptr_nonnull(strstr(found.message[0], "is not a line of this run"));
    write_chunks(stream, folder, &options);
    assert_same_folders(folder, whole);
    end();
}
END_TEST

START_TEST(sparse_files_of_any_name_are_not_read_through)
{
    static const char *const names[] = {MANIFEST, "COMPLETE"};
    for (size_t i = 0; i < 2; i++) {
        augs_chunks_summary summary;
        begin(0);
        path_in(part, folder, names[i]);
        ck_assert_int_eq(truncate(part, (off_t)1 << 42), 0);
        findings found = verify_folder(folder, AUGS_E_CORRUPT, &summary);
        ck_assert_uint_eq(found.n, 1);
        ck_assert_str_eq(found.file[0], names[i]);
        write_chunks(stream, folder, &options);
        assert_same_folders(folder, whole);
        end();
    }
}
END_TEST

START_TEST(complete_is_true_only_with_the_right_root)
{
    augs_error error;
    char *json;
    begin(0);
    AUGS_ASSERT_OK(augs_chunks_inspect(folder, 1, &json, NULL, &error), error);
    ck_assert_ptr_nonnull(strstr(json, "\"complete\":true"));
    augs_text_free(json);
    write_whole(folder, "COMPLETE", "anything\n", 9);
    AUGS_ASSERT_OK(augs_chunks_inspect(folder, 1, &json, NULL, &error), error);
    ck_assert_ptr_nonnull(strstr(json, "\"complete\":false"));
    augs_text_free(json);
    path_in(part, folder, "COMPLETE");
    unlink(part);
    augs_chunks_summary summary;
    findings found = verify_folder(folder, 0, &summary);
    ck_assert_str_eq(found.message[0], "all 7 chunks are listed, but COMPLETE is missing: the same "
                                       "run started again writes it");
    end();
}
END_TEST

/* ---- space, stops, locks ---- */

static atomic_int stop_asked;

static int ask_stop(void *user)
{
    (void)user;
    return atomic_fetch_sub(&stop_asked, 1) <= 0;
}

START_TEST(a_stop_at_any_moment_keeps_complete_chunks)
{
    augs_error error;
    begin(AUGS_FORMAT_CSV);
    options.stop = ask_stop;
    remove_tree(folder);
    int status = -1;
    for (int n = 0; status < 0; n++) {
        augs_chunks_report report = {.size = sizeof report};
        atomic_store(&stop_asked, n);
        status = augs_chunks_write(stream, folder, &options, &report, &error);
        ck_assert_msg(status == 0 || status == AUGS_E_CANCELLED, "%d: %s", status, error.message);
        ck_assert_int_lt(n, 2000);
    }
    options.stop = NULL;
    write_chunks(stream, folder, &options);
    assert_same_folders(folder, whole);
    augs_chunks_verify_options of_verify = {.size = sizeof of_verify, .stop = ask_stop};
    atomic_store(&stop_asked, 3);
    AUGS_ASSERT_STATUS(AUGS_E_CANCELLED, augs_chunks_verify(folder, &of_verify, NULL, &error),
                       error);
    end();
}
END_TEST

START_TEST(without_flock_a_file_names_the_owner)
{
    static const int failures[] = {ENOLCK, ENOSYS, ENOTSUP};
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        augs_error error;
        char text[128];
        begin(0);
        remove_tree(folder);
        flock_failure = failures[i];
        ck_assert_uint_eq(write_chunks(stream, folder, &options).lock, AUGS_LOCK_FILE);
        assert_same_folders(folder, whole);
        path_in(part, folder, PART);
        unlink(part);
        write_whole(folder, ".owner-0of1", "another-host.example 1 1\n", 25);
        AUGS_ASSERT_STATUS(AUGS_E_BUSY, augs_chunks_write(stream, folder, &options, NULL, &error),
                           error);
        ck_assert_ptr_nonnull(strstr(error.message, "another-host.example"));
        ck_assert_ptr_nonnull(strstr(error.message, ".owner-0of1"));
        options.flags = AUGS_CHUNKS_NO_LOCK;
        ck_assert_uint_eq(write_chunks(stream, folder, &options).lock, AUGS_LOCK_NONE);
        options.flags = 0;
        unlink(part);
        char host[100] = "";
        gethostname(host, sizeof host - 1);
        snprintf(text, sizeof text, "%s 4194303 1\n", host); /* above the largest process number */
        write_whole(folder, ".owner-0of1", text, strlen(text));
        ck_assert_uint_eq(write_chunks(stream, folder, &options).lock, AUGS_LOCK_FILE);
        assert_same_folders(folder, whole);
        end();
    }
}
END_TEST

START_TEST(other_failures_of_flock_are_errors)
{
    augs_error error;
    begin(0);
    remove_tree(folder);
    flock_failure = EIO;
    AUGS_ASSERT_STATUS(AUGS_E_IO, augs_chunks_write(stream, folder, &options, NULL, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "lock"));
    end();
}
END_TEST

AUGS_SUITE("chunk_reader", one_verdict_of_verify_inspect_and_generate, every_bad_chunk_is_named,
           what_cannot_be_replaced_is_named_and_the_rest_is_made,
           links_are_followed_to_read_and_replaced_to_write,
           a_manifest_that_says_what_cannot_be_is_corrupt,
           absurd_counts_take_neither_time_nor_memory, numbers_of_a_line_are_checked,
           sparse_files_of_any_name_are_not_read_through, complete_is_true_only_with_the_right_root,
           a_stop_at_any_moment_keeps_complete_chunks, without_flock_a_file_names_the_owner,
           other_failures_of_flock_are_errors)
