/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunk folders under failures. The linker puts the functions below before the system's (--wrap),
 * so any call of write, fsync or rename can be made to fail.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "chunk_fixture.h"

ssize_t __real_write(int fd, const void *data, size_t n_bytes);
ssize_t __wrap_write(int fd, const void *data, size_t n_bytes);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_fstatvfs(int fd, struct statvfs *facts);
int __wrap_fstatvfs64(int fd, struct statvfs *facts);

struct dirent *__real_readdir(DIR *directory);
struct dirent *__wrap_readdir(DIR *directory);
struct dirent *__real_readdir64(DIR *directory);
struct dirent *__wrap_readdir64(DIR *directory);

enum { NOTHING, WRITES, SYNCS, RENAMES, LISTS };
static int failing = NOTHING, failure;
static atomic_int calls_until_failure;
static bool short_writes;

static bool fails(int which)
{
    return failing == which && atomic_fetch_sub(&calls_until_failure, 1) <= 0;
}

ssize_t __wrap_write(int fd, const void *data, size_t n_bytes)
{
    if (fails(WRITES)) {
        errno = failure;
        return -1;
    }
    return __real_write(fd, data, short_writes && n_bytes > 7 ? 7 : n_bytes);
}

int __wrap_fsync(int fd)
{
    if (fails(SYNCS)) {
        errno = failure;
        return -1;
    }
    return __real_fsync(fd);
}

int __wrap_fdatasync(int fd)
{
    if (fails(SYNCS)) {
        errno = failure;
        return -1;
    }
    return __real_fdatasync(fd);
}

int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    if (fails(RENAMES)) {
        errno = failure;
        return -1;
    }
    return __real_renameat(from_fd, from, to_fd, to);
}

/* Both names of the C library: the second is used with 64-bit file offsets. */
struct dirent *__wrap_readdir(DIR *directory)
{
    if (fails(LISTS)) {
        errno = failure;
        return NULL;
    }
    return __real_readdir(directory);
}

struct dirent *__wrap_readdir64(DIR *directory)
{
    if (fails(LISTS)) {
        errno = failure;
        return NULL;
    }
    return __real_readdir64(directory);
}

/* 1,000 bytes are free once a write has failed. With 64-bit file offsets the C library's function
 * has the other name. */
int __wrap_fstatvfs(int fd, struct statvfs *facts)
{
    (void)fd;
    const bool full = failing == WRITES && atomic_load(&calls_until_failure) < 0;
    *facts = (struct statvfs){.f_frsize = 500, .f_bavail = full ? 2 : 1u << 30};
    return 0;
}

int __wrap_fstatvfs64(int fd, struct statvfs *facts)
{
    return __wrap_fstatvfs(fd, facts);
}

static void fail_after(int which, int n_calls, int errnum)
{
    failing = which;
    failure = errnum;
    atomic_store(&calls_until_failure, n_calls);
}

static char place[PATH_BYTES], folder[PATH_BYTES], whole[PATH_BYTES];
static augs_stream *stream;
static augs_chunks_options options;

/* A stream, and the folder as it is without failures. */
static void begin(uint32_t format, uint64_t n_samples)
{
    make_place(place);
    path_in(folder, place, "one");
    path_in(whole, place, "whole");
    stream = open_stream_of("moderate", 3, n_samples, AUGS_ORDER_SHUFFLED);
    options = (augs_chunks_options){.size = sizeof options, .format = format, .chunk_size = 64};
    fail_after(NOTHING, 0, 0);
    short_writes = false;
    write_chunks(stream, whole, &options);
}

static void end(void)
{
    augs_stream_unref(stream);
    remove_tree(place);
}

static void no_temporaries(void)
{
    char *names[512];
    size_t n = list_names(folder, names);
    for (size_t i = 0; i < n; i++) {
        ck_assert_msg(names[i][0] != '.', "'%s' was left", names[i]);
        free(names[i]);
    }
}

START_TEST(any_failed_call_leaves_a_folder_that_can_be_finished)
{
    static const struct {
        int which, errnum, status;
    } cases[] = {{WRITES, ENOSPC, AUGS_E_NO_SPACE},
                 {WRITES, EIO, AUGS_E_IO},
                 {SYNCS, EIO, AUGS_E_IO},
                 {SYNCS, ENOSPC, AUGS_E_NO_SPACE},
                 {RENAMES, EIO, AUGS_E_IO}};
    int step = getenv("AUGS_TEST_SMALL") != NULL ? 5 : 1;
    for (uint32_t n_threads = 1; n_threads <= 3; n_threads += 2) {
        for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
            begin(AUGS_FORMAT_MSGPACK, 400);
            options.n_threads = n_threads;
            int status = -1;
            for (int n = 0; status < 0; n += step) {
                augs_error error = {0};
                augs_chunks_report report = {.size = sizeof report};
                remove_tree(folder);
                fail_after(cases[k].which, n, cases[k].errnum);
                status = augs_chunks_write(stream, folder, &options, &report, &error);
                fail_after(NOTHING, 0, 0);
                ck_assert_msg(status == 0 || status == cases[k].status, "%d: %s", status,
                              error.message);
                ck_assert(status == 0 || strlen(error.message) > 10);
                no_temporaries();
                augs_chunks_report again = write_chunks(stream, folder, &options);
                ck_assert_uint_ge(again.n_kept, report.n_made);
                assert_same_folders(folder, whole);
                ck_assert_int_lt(n, 200);
            }
            end();
        }
    }
}
END_TEST

/* Not the end of the folder: what is not seen would count as missing. */
START_TEST(a_folder_that_cannot_be_listed_to_its_end_is_an_error)
{
    augs_error error;
    begin(AUGS_FORMAT_JSONL, 400);
    for (int n_calls = 0; n_calls < 5; n_calls++) {
        fail_after(LISTS, n_calls, EIO);
        /* a shard that is new looks for those of others: ".", ".." and the end */
        int status = augs_chunks_write(stream, folder, &options, NULL, &error);
        ck_assert_msg(n_calls >= 3 ||
                          (status == AUGS_E_IO && strstr(error.message, "list folder") != NULL),
                      "%d: %s", n_calls, error.message);
        fail_after(LISTS, n_calls, EIO);
        status = augs_chunks_verify(whole, NULL, NULL, &error);
        ck_assert_msg(status == AUGS_E_IO && strstr(error.message, "list folder") != NULL, "%d: %s",
                      n_calls, error.message);
    }
    fail_after(NOTHING, 0, 0);
    AUGS_ASSERT_OK(augs_chunks_verify(whole, NULL, NULL, &error), error);
    end();
}
END_TEST

START_TEST(a_full_disk_is_reported_with_the_bytes_that_are_missing)
{
    begin(AUGS_FORMAT_NPY, 64 * 4);
    augs_error error;
    unsigned long long missing, need, chunk;
    uint64_t chunk_bytes = 0;
    char *names[512];
    size_t n = list_names(whole, names);
    for (size_t i = 0; i < n; i++) {
        if (strncmp(names[i], "part-000000", 11) == 0) {
            size_t bytes;
            free(read_whole(whole, names[i], &bytes));
            chunk_bytes += bytes;
        }
        free(names[i]);
    }
    /* one write for the manifest's header, one a column and one a line of the manifest */
    fail_after(WRITES, 1 + (int)augs_stream_n_columns(stream) + 1, ENOSPC);
    AUGS_ASSERT_STATUS(AUGS_E_NO_SPACE, augs_chunks_write(stream, folder, &options, NULL, &error),
                       error);
    const char *sentence = strstr(error.message, "': ");
    ck_assert_ptr_nonnull(sentence);
    ck_assert_int_eq(sscanf(error.message, "no space is left for chunk %llu", &chunk), 1);
    ck_assert_uint_eq(chunk, 1);
    ck_assert_msg(sscanf(sentence, "': %llu bytes are missing (%llu to write, 1000 free)", &missing,
                         &need) == 2,
                  "%s", error.message);
    ck_assert_uint_eq(need, 3 * chunk_bytes);
    ck_assert_uint_eq(missing, need - 1000);
    end();
}
END_TEST

START_TEST(a_file_that_may_not_grow_is_named)
{
    begin(0, 400);
    augs_error error;
    augs_chunks_report report = {.size = sizeof report};
    struct rlimit before, small = {1000, 0};
    getrlimit(RLIMIT_FSIZE, &before);
    small.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    int status = augs_chunks_write(stream, folder, &options, &report, &error);
    setrlimit(RLIMIT_FSIZE, &before);
    ck_assert_int_eq(status, AUGS_E_NO_SPACE);
    ck_assert_ptr_nonnull(strstr(error.message, "File too large"));
    no_temporaries();
    write_chunks(stream, folder, &options);
    assert_same_folders(folder, whole);
    end();
}
END_TEST

START_TEST(short_writes_are_carried_on)
{
    begin(AUGS_FORMAT_NPY, 100);
    short_writes = true;
    write_chunks(stream, folder, &options);
    assert_same_folders(folder, whole);
    end();
}
END_TEST

START_TEST(a_failed_sync_is_not_tried_again)
{
    begin(AUGS_FORMAT_CSV, 64);
    augs_error error;
    char path[PATH_BYTES];
    mkdir(folder, 0777);
    /* header of the manifest: file, folder; then the chunk's own sync fails once */
    failing = SYNCS;
    failure = EIO;
    atomic_store(&calls_until_failure, 2);
    int status = augs_chunks_write(stream, folder, &options, NULL, &error);
    int calls = 2 - atomic_load(&calls_until_failure);
    fail_after(NOTHING, 0, 0);
    ck_assert_int_eq(status, AUGS_E_IO);
    ck_assert_int_eq(calls, 3); /* none after the one that failed */
    path_in(path, folder, "part-000000.csv");
    ck_assert_int_ne(access(path, F_OK), 0);
    end();
}
END_TEST

static void write_in_child(uint32_t n_threads)
{
    augs_error error;
    options.n_threads = n_threads;
    _exit(augs_chunks_write(stream, folder, &options, NULL, &error) == 0 ? 0 : 1);
}

START_TEST(killed_at_any_moment_it_goes_on_to_the_same_folder)
{
    begin(0, 64 * 60);
    unsigned seed = 20240601;
    int rounds = getenv("AUGS_TEST_SMALL") != NULL ? 5 : 40, killed = 0;
    for (int i = 0; i < rounds; i++) {
        pid_t child = fork();
        if (child == 0) {
            write_in_child(1 + (uint32_t)i % 3);
        }
        usleep((unsigned)rand_r(&seed) % 12000);
        kill(child, SIGKILL);
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        killed += WIFSIGNALED(status) != 0;
        if (WIFEXITED(status) && i % 4 == 3) {
            ck_assert_int_eq(WEXITSTATUS(status), 0);
            assert_same_folders(folder, whole);
            remove_tree(folder);
        }
    }
    ck_assert_int_gt(killed, 0);
    options.n_threads = 2;
    options.check = AUGS_CHECK_FULL;
    write_chunks(stream, folder, &options);
    assert_same_folders(folder, whole);
    end();
}
END_TEST

START_TEST(a_shard_that_another_process_writes_is_refused)
{
    begin(0, 200);
    augs_error error;
    char path[PATH_BYTES];
    mkdir(folder, 0777);
    path_in(path, folder, ".lock-0of2");
    int fd = open(path, O_RDWR | O_CREAT, 0666);
    ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
    options.n_shards = 2;
    AUGS_ASSERT_STATUS(AUGS_E_BUSY, augs_chunks_write(stream, folder, &options, NULL, &error),
                       error);
    ck_assert_ptr_nonnull(strstr(error.message, "another process"));
    options.shard = 1; /* the other shard may go on */
    write_chunks(stream, folder, &options);
    close(fd); /* a lock file alone holds nobody up */
    options.shard = 0;
    ck_assert_uint_eq(write_chunks(stream, folder, &options).complete, 1);
    no_temporaries();
    end();
}
END_TEST

typedef struct shard_thread {
    pthread_t thread;
    augs_chunks_options options;
    int status;
    augs_error error;
} shard_thread;

static void *write_shard(void *argument)
{
    shard_thread *self = argument;
    self->status = augs_chunks_write(stream, folder, &self->options, NULL, &self->error);
    return NULL;
}

START_TEST(shards_at_once_complete_the_folder_together)
{
    for (int round = 0; round < 10; round++) {
        shard_thread shards[4];
        begin(0, 64 * 21);
        for (uint32_t s = 0; s < 4; s++) {
            shards[s].options = options;
            shards[s].options.shard = s;
            shards[s].options.n_shards = 4;
            ck_assert_int_eq(pthread_create(&shards[s].thread, NULL, write_shard, &shards[s]), 0);
        }
        for (uint32_t s = 0; s < 4; s++) {
            pthread_join(shards[s].thread, NULL);
            ck_assert_msg(shards[s].status == 0, "%s", shards[s].error.message);
        }
        size_t n, m;
        char *complete = read_whole(folder, "COMPLETE", &n);
        char *expected = read_whole(whole, "COMPLETE", &m);
        ck_assert_str_eq(complete, expected);
        free(complete);
        free(expected);
        no_temporaries();
        augs_chunks_summary summary;
        ck_assert_uint_eq(verify_folder(folder, 0, &summary).n, 0);
        end();
    }
}
END_TEST

START_TEST(a_read_only_folder_is_a_clear_error_unless_the_run_is_finished)
{
    begin(0, 200);
    int status;
    pid_t child = fork();
    if (child == 0) { /* root may write anywhere: be nobody */
        augs_error error;
        char half[PATH_BYTES];
        path_in(half, whole, "part-000001.safetensors");
        chmod(place, 0755);
        mkdir(folder, 0555);
        chmod(whole, 0555);
        if (geteuid() == 0 && setuid(65534) != 0) {
            _exit(2);
        }
        int made = augs_chunks_write(stream, folder, &options, NULL, &error);
        bool named = strstr(error.message, "Permission denied") != NULL;
        int kept = augs_chunks_write(stream, whole, &options, NULL, &error);
        _exit(made != AUGS_E_IO || !named ? 3 : kept != 0 ? 4 : 0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    chmod(folder, 0755);
    chmod(whole, 0755);
    end();
}
END_TEST

static atomic_ullong allocations_left;

static void *allocate_some(void *user, size_t n_bytes, size_t alignment)
{
    (void)user;
    unsigned long long left = atomic_load(&allocations_left);
    do {
        if (left == 0) {
            return NULL;
        }
    } while (!atomic_compare_exchange_weak(&allocations_left, &left, left - 1));
    return aligned_alloc(alignment, (n_bytes + alignment - 1) / alignment * alignment);
}

static void release_some(void *user, void *p, size_t n_bytes)
{
    (void)user;
    (void)n_bytes;
    free(p);
}

START_TEST(a_failed_allocation_leaves_a_folder_that_can_be_finished)
{
    augs_error error;
    augs_preset *preset;
    augs_stream *of_limited;
    augs_allocator allocator = {
        .size = sizeof allocator, .allocate = allocate_some, .release = release_some};
    augs_preset_options of_preset = {.size = sizeof of_preset, .allocator = &allocator};
    augs_stream_options of_stream = {
        .size = sizeof of_stream, .seed = 3, .n_samples = 200, .order = AUGS_ORDER_SHUFFLED};
    atomic_store(&allocations_left, UINT64_MAX);
    AUGS_ASSERT_OK(augs_preset_open("moderate", &of_preset, &preset, &error), error);
    AUGS_ASSERT_OK(augs_stream_open(preset, &of_stream, &of_limited, &error), error);
    augs_preset_unref(preset);
    begin(AUGS_FORMAT_JSONL, 200);
    options.n_threads = 2;
    int status = -1;
    for (uint64_t n = 0; status < 0; n++) {
        atomic_store(&allocations_left, n);
        status = augs_chunks_write(of_limited, folder, &options, NULL, &error);
        atomic_store(&allocations_left, UINT64_MAX);
        ck_assert_msg(status == 0 || status == AUGS_E_NO_MEMORY, "%d: %s", status, error.message);
    }
    assert_same_folders(folder, whole);
    augs_stream_unref(of_limited);
    end();
}
END_TEST

AUGS_SUITE("chunk_faults", any_failed_call_leaves_a_folder_that_can_be_finished,
           a_folder_that_cannot_be_listed_to_its_end_is_an_error, a_file_that_may_not_grow_is_named,
           a_full_disk_is_reported_with_the_bytes_that_are_missing, short_writes_are_carried_on,
           a_failed_sync_is_not_tried_again, killed_at_any_moment_it_goes_on_to_the_same_folder,
           a_shard_that_another_process_writes_is_refused,
           shards_at_once_complete_the_folder_together,
           a_read_only_folder_is_a_clear_error_unless_the_run_is_finished,
           a_failed_allocation_leaves_a_folder_that_can_be_finished)
