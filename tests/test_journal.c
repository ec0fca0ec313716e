/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions that are written down: continued after any end, and run again to the bit. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <augstream/pipeline.h>

#include "journal_folder.h"
#include "pipeline_fixture.h"

#define N_SAMPLES 3000u

static uint64_t fixed_clock(void *user)
{
    return *(uint64_t *)user;
}

static uint64_t zero_time;

/* The linker puts this before the system's. */
int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);
static int flock_failure; /* an errno; 0: none */

int __wrap_flock(int fd, int operation)
{
    errno = flock_failure;
    return flock_failure == 0 ? __real_flock(fd, operation) : -1;
}

static int try_journal(augs_stream *stream, const char *journal, const char *replay,
                       augs_pipeline **ret_pipeline, augs_error *error)
{
    return try_pipeline(
        stream,
        (augs_pipeline_options){.plan = &(augs_plan_options){.strategy = "memory_optimized"},
                                .journal = journal,
                                .replay = replay,
                                .now_ns = fixed_clock,
                                .now_user = &zero_time},
        (augs_strategy_options){.max_memory_bytes = 64000, .multiple_of = 2, .max_batch_size = 200},
        ret_pipeline, error);
}

static augs_pipeline *open_journal(augs_stream *stream, const char *journal, const char *replay)
{
    augs_pipeline *pipeline = NULL;
    augs_error error;
    AUGS_ASSERT_OK(try_journal(stream, journal, replay, &pipeline, &error), error);
    return pipeline;
}

/* Reads `most` batches and tells costs that make sizes change; returns how many there were. */
static uint64_t walk(augs_pipeline *pipeline, uint64_t most, uint64_t random, augs_batch **batches)
{
    augs_error error;
    uint64_t n = 0;
    for (; n < most; n++) {
        augs_batch *batch = NULL;
        int status = augs_pipeline_next(pipeline, &batch, &error);
        ck_assert_msg(status >= 0, "%s", error.message);
        if (status == 0) {
            break;
        }
        const uint64_t bytes = augs_batch_n_samples(batch) * (500 + next_random(&random) % 1000);
        AUGS_ASSERT_OK(observe_last(pipeline, 0.01, bytes, 0, &error), error);
        if (batches != NULL) {
            batches[n] = batch;
        } else {
            augs_batch_unref(batch);
        }
    }
    return n;
}

static void assert_all_positions(augs_batch *const *batches, uint64_t n, uint64_t n_positions)
{
    uint64_t next = 0;
    for (uint64_t i = 0; i < n; i++) {
        const augs_batch_info info = info_of(batches[i]);
        ck_assert_uint_eq(info.step, i);
        ck_assert_uint_eq(info.first, next);
        next += info.n_samples;
    }
    ck_assert_uint_eq(next, n_positions);
}

static void drop(augs_batch **batches, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        augs_batch_unref(batches[i]);
    }
}

static augs_batch *first[N_SAMPLES], *second[N_SAMPLES];

START_TEST(a_replay_has_the_same_batches)
{
    begin();
    augs_stream *stream = mixed_open(AUGS_ORDER_SHUFFLED, N_SAMPLES, 7, 0);
    augs_pipeline *pipeline = open_journal(stream, path, NULL);
    const uint64_t n = walk(pipeline, N_SAMPLES, 1, first);
    augs_pipeline_free(pipeline);
    assert_all_positions(first, n, N_SAMPLES);
    ck_assert_uint_lt(info_of(first[0]).n_samples, info_of(first[10]).n_samples);
    for (uint32_t round = 0; round < 2; round++) { /* whatever it is told, it repeats */
        pipeline = open_journal(stream, NULL, path);
        ck_assert_uint_eq(walk(pipeline, N_SAMPLES, 99 + round, second), n);
        for (uint64_t i = 0; i < n; i++) {
            assert_same_batches(first[i], second[i]);
        }
        drop(second, n);
        augs_pipeline_free(pipeline);
    }
    drop(first, n);
    augs_stream_unref(stream);
    end();
}
END_TEST

START_TEST(a_journal_of_one_rank_is_not_for_two)
{
    begin();
    augs_stream *stream = mixed_open(AUGS_ORDER_SHUFFLED, N_SAMPLES, 7, 0);
    augs_pipeline *pipeline = open_journal(stream, path, NULL);
    ck_assert_uint_gt(walk(pipeline, N_SAMPLES, 1, NULL), 0);
    augs_pipeline_free(pipeline);
    augs_error error;
    AUGS_ASSERT_STATUS(
        AUGS_E_MISMATCH,
        try_pipeline(
            stream,
            (augs_pipeline_options){.plan = &(augs_plan_options){.world_size = 2}, .replay = path},
            (augs_strategy_options){.batch_size = 0}, &pipeline, &error),
        error);
    ck_assert_ptr_nonnull(strstr(error.message, "\"world_size\":2"));
    augs_stream_unref(stream);
    end();
}
END_TEST

START_TEST(a_run_that_was_cut_anywhere_is_continued)
{
    begin();
    augs_stream *stream = mixed_open(AUGS_ORDER_SEQUENTIAL, N_SAMPLES, 3, 5);
    uint64_t random = 17;
    for (int round = 0; round < rounds(12, 2); round++) {
        uint64_t n_known = 0;
        static uint64_t sizes[N_SAMPLES];
        for (;;) {
            augs_pipeline *pipeline = open_journal(stream, path, NULL);
            const uint64_t most = n_known + next_random(&random) % 8;
            const uint64_t n = walk(pipeline, most, next_random(&random), first);
            for (uint64_t i = 0; i < n; i++) {
                const augs_batch_info info = info_of(first[i]);
                ck_assert_msg(i >= n_known || sizes[i] == info.n_samples, "step %u changed",
                              (unsigned)i);
                sizes[i] = info.n_samples;
            }
            augs_pipeline_free(pipeline);
            n_known = n > n_known ? n : n_known;
            const bool done = n < most;
            if (done) {
                assert_all_positions(first, n, N_SAMPLES);
            }
            drop(first, n);
            if (done) {
                break;
            }
        }
        unlink(path);
    }
    augs_stream_unref(stream);
    rmdir(folder);
}
END_TEST

START_TEST(a_resume_token_leads_into_the_journal)
{
    begin();
    char token[AUGS_TOKEN_BYTES];
    augs_error error;
    augs_stream *stream = mixed_open(AUGS_ORDER_SEQUENTIAL, N_SAMPLES, 3, 0);
    augs_pipeline *pipeline = open_journal(stream, path, NULL);
    ck_assert_uint_eq(walk(pipeline, 9, 1, first), 9);
    AUGS_ASSERT_OK(augs_pipeline_seek(pipeline, 4, &error), error);
    AUGS_ASSERT_OK(augs_pipeline_token(pipeline, token, sizeof token, &error), error);
    augs_pipeline_free(pipeline);

    pipeline = open_journal(stream, path, NULL);
    AUGS_ASSERT_OK(augs_pipeline_resume(pipeline, token, &error), error);
    ck_assert_uint_eq(augs_pipeline_step(pipeline), 4);
    for (uint64_t i = 4; i < 9; i++) {
        augs_batch *again = next_batch(pipeline);
        assert_same_batches(first[i], again);
        augs_batch_unref(again);
    }
    AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_pipeline_seek(pipeline, 11, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "has 9 steps"));
    AUGS_ASSERT_OK(augs_pipeline_seek(pipeline, 9, &error), error);
    augs_batch *tenth = next_batch(pipeline);
    ck_assert_uint_eq(info_of(tenth).first,
                      info_of(first[8]).first + augs_batch_n_samples(first[8]));
    augs_batch_unref(tenth);
    augs_pipeline_free(pipeline);

    /* without the journal nobody knows those steps */
    pipeline = open_journal(stream, NULL, NULL);
    AUGS_ASSERT_STATUS(AUGS_E_STATE, augs_pipeline_resume(pipeline, token, &error), error);
    augs_pipeline_free(pipeline);
    drop(first, 9);
    augs_stream_unref(stream);
    end();
}
END_TEST

START_TEST(epochs_share_a_journal)
{
    begin();
    augs_error error;
    augs_stream *stream = mixed_open(AUGS_ORDER_SHUFFLED, 400, 3, 0);
    augs_pipeline *pipeline = open_journal(stream, path, NULL);
    const uint64_t n_first = walk(pipeline, 400, 5, first);
    AUGS_ASSERT_OK(augs_pipeline_set_epoch(pipeline, 1, &error), error);
    const uint64_t n_second = walk(pipeline, 400, 6, second);
    augs_pipeline_free(pipeline);
    assert_all_positions(second, n_second, 400);
    pipeline = open_journal(stream, NULL, path);
    for (uint32_t epoch = 2; epoch-- > 0;) {
        AUGS_ASSERT_OK(augs_pipeline_set_epoch(pipeline, epoch, &error), error);
        for (uint64_t i = 0; i < (epoch == 0 ? n_first : n_second); i++) {
            augs_batch *again = next_batch(pipeline);
            assert_same_batches(epoch == 0 ? first[i] : second[i], again);
            augs_batch_unref(again);
        }
        expect_end(pipeline);
    }
    augs_pipeline_free(pipeline);
    drop(first, n_first);
    drop(second, n_second);
    augs_stream_unref(stream);
    end();
}
END_TEST

static long file_bytes(void)
{
    struct stat info;
    ck_assert_int_eq(stat(path, &info), 0);
    return (long)info.st_size;
}

START_TEST(a_torn_last_line_is_as_if_never_written)
{
    begin();
    augs_stream *stream = uniform_open(1, N_SAMPLES);
    augs_pipeline *pipeline = open_journal(stream, path, NULL);
    const uint64_t n = walk(pipeline, 6, 1, first);
    augs_pipeline_free(pipeline);
    drop(first, n);
    const long whole = file_bytes();
    for (long cut = 1; cut < 400 && cut < whole; cut += 3) {
        ck_assert_int_eq(truncate(path, whole - cut), 0);
        pipeline = open_journal(stream, path, NULL);
        const uint64_t all = walk(pipeline, N_SAMPLES, 2, first);
        assert_all_positions(first, all, N_SAMPLES);
        drop(first, all);
        augs_pipeline_free(pipeline);
        pipeline = open_journal(stream, NULL, path);
        ck_assert_uint_eq(walk(pipeline, N_SAMPLES, 3, NULL), all);
        augs_pipeline_free(pipeline);
    }
    augs_stream_unref(stream);
    end();
}
END_TEST

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

START_TEST(what_is_no_journal_of_this_run_is_refused)
{
    begin();
    static const struct {
        const char *line, *message;
        int status;
    } cases[] = {
        {"hello\n", "is no plan journal: its first line is hello", AUGS_E_CORRUPT},
        {"{\"augstream_plan\":1,\"fingerprint\":\"00\",\"strategy\":\"adaptive\"}\n",
         "is of the stream 00, this one is", AUGS_E_MISMATCH},
    };
    augs_error error;
    augs_stream *stream = uniform_open(1, N_SAMPLES);
    augs_pipeline *pipeline = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_file(cases[i].line);
        for (int replay = 0; replay < 2; replay++) {
            AUGS_ASSERT_STATUS(
                cases[i].status,
                try_journal(stream, replay ? NULL : path, replay ? path : NULL, &pipeline, &error),
                error);
            ck_assert_msg(strstr(error.message, cases[i].message) != NULL, "%s", error.message);
        }
        ck_assert_int_eq(file_bytes(), (long)strlen(cases[i].line)); /* and is left as it was */
    }
    unlink(path);
    AUGS_ASSERT_STATUS(AUGS_E_NOT_FOUND, try_journal(stream, NULL, path, &pipeline, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, try_journal(stream, path, path, &pipeline, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_IO, try_journal(stream, "/dev/null", NULL, &pipeline, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT,
                       try_pipeline(stream, (augs_pipeline_options){.journal = path},
                                    (augs_strategy_options){.batch_size = 8}, &pipeline, &error),
                       error);
    ck_assert_ptr_nonnull(strstr(error.message, "needs no journal"));
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT,
                       try_pipeline(stream,
                                    (augs_pipeline_options){
                                        .plan = &(augs_plan_options){.strategy = "memory_optimized",
                                                                     .world_size = 2},
                                        .rank = 1},
                                    (augs_strategy_options){.batch_size = 8}, &pipeline, &error),
                       error);
    ck_assert_ptr_nonnull(strstr(error.message, "would decide differently"));
    augs_stream_unref(stream);
    rmdir(folder);
}
END_TEST

/* Replaces the first `from` in the journal by `to`, which is as long. */
static void edit(const char *from, const char *to)
{
    static char text[1 << 20];
    FILE *file = fopen(path, "r+");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    char *at = strstr(text, from);
    ck_assert_ptr_nonnull(at);
    ck_assert_uint_eq(strlen(from), strlen(to));
    ck_assert_int_eq(fseek(file, at - text, SEEK_SET), 0);
    fputs(to, file);
    fclose(file);
}

START_TEST(an_edited_line_is_found)
{
    begin();
    static const char *const edits[][2] = {
        {"\"step\":3", "\"step\":4"},
        {"\"stride\":1", "\"stride\":2"},
        {"\"first\":0", "\"first\":1"},
        {"{\"epoch\":0,\"step\":2", "{\"epoch\": ,\"step\":2"},
        {"}\n{", "} {"},
        {"\"epoch\":0,\"step\":1", "\"epoch\":1,\"step\":1"},
    };
    augs_stream *stream = uniform_open(1, N_SAMPLES);
    augs_error error;
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        augs_pipeline *pipeline = open_journal(stream, path, NULL);
        walk(pipeline, N_SAMPLES, 1, NULL);
        augs_pipeline_free(pipeline);
        edit(edits[i][0], edits[i][1]);
        int status = try_journal(stream, NULL, path, &pipeline, &error);
        while (status >= 0) {
            augs_batch *batch = NULL;
            status = augs_pipeline_next(pipeline, &batch, &error);
            ck_assert_msg(status != 0, "edit %zu was not found", i);
            if (status < 0) {
                augs_pipeline_free(pipeline);
            } else {
                augs_batch_unref(batch);
            }
        }
        ck_assert_msg(status == AUGS_E_CORRUPT || status == AUGS_E_MISMATCH, "%d %s", status,
                      error.message);
        unlink(path);
    }
    augs_stream_unref(stream);
    rmdir(folder);
}
END_TEST

START_TEST(a_journal_has_one_writer)
{
    begin();
    augs_error error;
    augs_stream *stream = uniform_open(1, N_SAMPLES);
    augs_pipeline *pipeline = open_journal(stream, path, NULL), *other = NULL;
    walk(pipeline, 3, 1, NULL);
    AUGS_ASSERT_STATUS(AUGS_E_BUSY, try_journal(stream, path, NULL, &other, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "is in use"));
    AUGS_ASSERT_OK(try_journal(stream, NULL, path, &other, &error), error); /* readers may look */
    ck_assert_uint_eq(walk(other, 3, 1, NULL), 3);
    augs_batch *batch = NULL;
    AUGS_ASSERT_STATUS(AUGS_E_PLAN, augs_pipeline_next(other, &batch, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "was not finished"));
    augs_pipeline_free(other);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
    end();
}
END_TEST

/* Some Lustre and NFS mounts. */
START_TEST(without_flock_a_file_beside_the_journal_names_its_writer)
{
    static const int failures[] = {ENOLCK, ENOSYS, ENOTSUP};
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        char owner[128], linked[128], text[128], host[100] = "";
        augs_error error;
        begin();
        snprintf(owner, sizeof owner, "%s.owner", path);
        snprintf(linked, sizeof linked, "%s/link", folder);
        augs_stream *stream = uniform_open(1, N_SAMPLES);
        flock_failure = failures[i];
        augs_pipeline *pipeline = open_journal(stream, path, NULL), *other = NULL;
        ck_assert_int_eq(access(owner, F_OK), 0);
        walk(pipeline, 3, 1, NULL);
        AUGS_ASSERT_STATUS(AUGS_E_BUSY, try_journal(stream, path, NULL, &other, &error), error);
        snprintf(text, sizeof text, "process %ld of host", (long)getpid());
        ck_assert_msg(strstr(error.message, text) != NULL, "%s", error.message);
        ck_assert_ptr_nonnull(strstr(error.message, "plan.jsonl.owner"));
        ck_assert_int_eq(symlink(path, linked), 0); /* another name of the same file */
        AUGS_ASSERT_STATUS(AUGS_E_BUSY, try_journal(stream, linked, NULL, &other, &error), error);
        unlink(linked);
        AUGS_ASSERT_OK(try_journal(stream, NULL, path, &other, &error), error); /* a reader */
        augs_pipeline_free(other);
        ck_assert_int_eq(access(owner, F_OK), 0);
        pid_t child = fork();
        if (child == 0) { /* it has a copy of the pipeline, and does not hold the lock */
            augs_pipeline_free(pipeline);
            _exit(0);
        }
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
        ck_assert_int_eq(access(owner, F_OK), 0);
        augs_pipeline_free(pipeline);
        ck_assert_int_ne(access(owner, F_OK), 0);
        /* one of a process that is gone gives way; one of another machine does not */
        gethostname(host, sizeof host - 1);
        snprintf(text, sizeof text, "%s 4194303 1\n", host); /* above the largest process number */
        for (int is_gone = 0; is_gone < 2; is_gone++) {
            FILE *file = fopen(owner, "w");
            fputs(is_gone ? text : "another-host.example 1 1\n", file);
            fclose(file);
            int status = try_journal(stream, path, NULL, &other, &error);
            ck_assert_int_eq(status, is_gone ? 0 : AUGS_E_BUSY);
            ck_assert(is_gone || strstr(error.message, "another-host.example") != NULL);
        }
        augs_pipeline_free(other);
        ck_assert_int_ne(access(owner, F_OK), 0);
        augs_stream_unref(stream);
        flock_failure = 0;
        end();
    }
}
END_TEST

START_TEST(another_failure_of_flock_is_an_error)
{
    augs_error error;
    begin();
    augs_pipeline *pipeline = NULL;
    augs_stream *stream = uniform_open(1, N_SAMPLES);
    flock_failure = EIO;
    AUGS_ASSERT_STATUS(AUGS_E_IO, try_journal(stream, path, NULL, &pipeline, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "lock plan journal"));
    flock_failure = 0;
    augs_stream_unref(stream);
    end();
}
END_TEST

START_TEST(no_batch_leaves_before_its_decision_is_written)
{
    begin();
    augs_error error;
    augs_stream *stream = uniform_open(1, N_SAMPLES);
    augs_pipeline *pipeline = open_journal(stream, path, NULL);
    walk(pipeline, 3, 1, NULL);
    const long before = file_bytes();
    struct rlimit limit, old;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    limit.rlim_cur = (rlim_t)before + 20; /* some of the line fits */
    augs_batch *batch = NULL;
    setrlimit(RLIMIT_FSIZE, &limit); /* Check's own file is in the way of assertions */
    const int status = augs_pipeline_next(pipeline, &batch, &error);
    setrlimit(RLIMIT_FSIZE, &old);
    ck_assert_int_eq(status, AUGS_E_NO_SPACE);
    ck_assert_ptr_null(batch);
    ck_assert_ptr_nonnull(strstr(error.message, path));
    ck_assert_int_eq(file_bytes(), before);
    /* with space again it goes on */
    const uint64_t n = walk(pipeline, N_SAMPLES, 1, first);
    ck_assert_uint_gt(n, 0);
    ck_assert_uint_eq(info_of(first[0]).step, 3);
    drop(first, n);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
    end();
}
END_TEST

START_TEST(drop_last_is_remembered)
{
    begin();
    augs_error error;
    augs_stream *stream = uniform_open(1, 103);
    augs_pipeline *pipeline = NULL;
    const augs_pipeline_options options = {
        .plan = &(augs_plan_options){.strategy = "memory_optimized"}, .journal = path};
    const augs_strategy_options strategy = {
        .batch_size = 16, .max_batch_size = 16, .multiple_of = 8, .last_batch = 1};
    AUGS_ASSERT_OK(try_pipeline(stream, options, strategy, &pipeline, &error), error);
    const uint64_t n = walk(pipeline, 100, 1, first);
    augs_pipeline_free(pipeline);
    uint64_t n_samples = 0;
    for (uint64_t i = 0; i < n; i++) {
        ck_assert_uint_eq(augs_batch_n_samples(first[i]) % 8, 0);
        n_samples += augs_batch_n_samples(first[i]);
    }
    ck_assert_uint_eq(n_samples, 96); /* what is less than the least batch is left out */
    pipeline = open_journal(stream, NULL, path);
    ck_assert_uint_eq(walk(pipeline, 100, 1, NULL), n);
    augs_pipeline_free(pipeline);
    drop(first, n);
    augs_stream_unref(stream);
    end();
}
END_TEST

START_TEST(what_is_no_journal_is_left_as_it_is)
{
    begin();
    static const char *const texts[] = {
        "no newline at all",
        "a line\nand a half",
        "{\"augstream_plan\":1,\"fingerprint\":\"00\"",
        "{\"augstream_plan\":1,\"fingerprint\":\"00\",\"strategy\":\"a\"}\n{\"epoch\"",
        "{\"augstream_plan\":2}\n{\"epoch\"",
    };
    augs_error error;
    augs_stream *stream = uniform_open(1, N_SAMPLES);
    augs_pipeline *pipeline = NULL;
    char there[256];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_file(texts[i]);
        for (int replay = 0; replay < 2; replay++) {
            const int status =
                try_journal(stream, replay ? NULL : path, replay ? path : NULL, &pipeline, &error);
            ck_assert_msg(status == AUGS_E_CORRUPT || status == AUGS_E_MISMATCH, "%d %s", status,
                          error.message);
            ck_assert_ptr_null(strchr(error.message, '\n'));
        }
        FILE *file = fopen(path, "r");
        ck_assert_ptr_nonnull(file);
        there[fread(there, 1, sizeof there - 1, file)] = '\0';
        fclose(file);
        ck_assert_str_eq(there, texts[i]);
    }
    unlink(path);
    ck_assert_int_eq(mkfifo(path, 0600), 0); /* refused, not waited for */
    AUGS_ASSERT_STATUS(AUGS_E_IO, try_journal(stream, NULL, path, &pipeline, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_IO, try_journal(stream, path, NULL, &pipeline, &error), error);
    augs_stream_unref(stream);
    end();
}
END_TEST

START_TEST(a_journal_torn_anywhere_in_its_head_begins_anew)
{
    begin();
    augs_stream *stream = uniform_open(1, N_SAMPLES);
    augs_pipeline *pipeline = open_journal(stream, path, NULL);
    augs_pipeline_free(pipeline);
    const long whole = file_bytes();
    for (long left = 0; left < whole; left += 9) {
        ck_assert_int_eq(truncate(path, left), 0);
        pipeline = open_journal(stream, path, NULL);
        ck_assert_uint_eq(walk(pipeline, 3, 1, NULL), 3);
        augs_pipeline_free(pipeline);
        pipeline = open_journal(stream, NULL, path);
        ck_assert_uint_eq(walk(pipeline, 3, 1, NULL), 3);
        augs_pipeline_free(pipeline);
    }
    augs_stream_unref(stream);
    end();
}
END_TEST

START_TEST(a_disk_that_is_full_from_the_start_is_said_and_leaves_an_empty_file)
{
    begin();
    augs_error error;
    augs_stream *stream = uniform_open(1, N_SAMPLES);
    augs_pipeline *pipeline = NULL;
    struct rlimit limit, old;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = old;
    limit.rlim_cur = 20;
    setrlimit(RLIMIT_FSIZE, &limit); /* Check's own file is in the way of assertions */
    const int status = try_journal(stream, path, NULL, &pipeline, &error);
    setrlimit(RLIMIT_FSIZE, &old);
    ck_assert_int_eq(status, AUGS_E_NO_SPACE);
    ck_assert_ptr_null(pipeline);
    ck_assert_int_eq(file_bytes(), 0);
    pipeline = open_journal(stream, path, NULL);
    ck_assert_uint_eq(walk(pipeline, 3, 1, NULL), 3);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
    end();
}
END_TEST

START_TEST(a_wrong_line_is_so_at_every_call)
{
    begin();
    static const char *const edits[][2] = {
        {"\"step\":3", "\"step\":4"},
        {"{\"epoch\":0,\"step\":9", "{\"epoch\": ,\"step\":9"},
        {"\"stride\":1", "\"stride\":2"},
        {"\"end\":", "\"end\" "},
    };
    augs_stream *stream = uniform_open(1, N_SAMPLES);
    augs_error error, again;
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        augs_pipeline *pipeline = open_journal(stream, path, NULL);
        walk(pipeline, N_SAMPLES, 1, NULL);
        augs_pipeline_free(pipeline);
        edit(edits[i][0], edits[i][1]);
        const long before = file_bytes();
        for (int replay = 0; replay < 2; replay++) {
            int status =
                try_journal(stream, replay ? NULL : path, replay ? path : NULL, &pipeline, &error);
            if (status < 0) {
                ck_assert_int_eq(replay, 0); /* what is continued was read when it was opened */
                continue;
            }
            augs_batch *batch = NULL;
            while ((status = augs_pipeline_next(pipeline, &batch, &error)) > 0) {
                augs_batch_unref(batch);
            }
            ck_assert_msg(status == AUGS_E_CORRUPT, "edit %zu: %d", i, status);
            const uint64_t step = augs_pipeline_step(pipeline);
            for (int round = 0; round < 3; round++) {
                AUGS_ASSERT_STATUS(status, augs_pipeline_next(pipeline, &batch, &again), again);
                ck_assert_str_eq(error.message, again.message);
                ck_assert_uint_eq(augs_pipeline_step(pipeline), step);
            }
            augs_pipeline_free(pipeline);
        }
        ck_assert_int_eq(file_bytes(), before);
        unlink(path);
    }
    augs_stream_unref(stream);
    rmdir(folder);
}
END_TEST

/* What was given again is not passed over because the first look at it failed. */
START_TEST(a_retry_of_a_step_that_there_was_not_is_wrong_at_every_call)
{
    begin();
    augs_stream *stream = uniform_open(1, N_SAMPLES);
    augs_error error;
    augs_pipeline *pipeline = open_journal(stream, path, NULL);
    walk(pipeline, 3, 1, NULL);
    augs_batch_unref(next_batch(pipeline));
    AUGS_ASSERT_OK(augs_pipeline_retry(pipeline, 3, 0, 0, &error), error);
    walk(pipeline, N_SAMPLES, 1, NULL);
    augs_pipeline_free(pipeline);
    edit("\"step\":3,\"part\":0,\"retry\"", "\"step\":7,\"part\":0,\"retry\"");
    for (int replay = 0; replay < 2; replay++) {
        pipeline = open_journal(stream, replay ? NULL : path, replay ? path : NULL);
        for (uint64_t step = 0; step < 4; step++) {
            augs_batch_unref(next_batch(pipeline));
        }
        for (int round = 0; round < 3; round++) {
            augs_batch *batch = NULL;
            AUGS_ASSERT_STATUS(AUGS_E_CORRUPT, augs_pipeline_next(pipeline, &batch, &error), error);
            ck_assert_ptr_nonnull(strstr(error.message, "step 7 is given again after 4 steps"));
            ck_assert_ptr_nonnull(strstr(error.message, path));
        }
        augs_pipeline_free(pipeline);
    }
    augs_stream_unref(stream);
    end();
}
END_TEST

START_TEST(a_journal_that_somebody_changes_meanwhile_is_noticed)
{
    begin();
    augs_error error;
    augs_stream *stream = uniform_open(1, N_SAMPLES);
    for (int how = 0; how < 3; how++) {
        augs_pipeline *pipeline = open_journal(stream, path, NULL);
        walk(pipeline, 3, 1, NULL);
        const long before = file_bytes();
        augs_batch *batch = NULL;
        if (how == 2) {
            unlink(path);
        } else {
            ck_assert_int_eq(truncate(path, how == 0 ? before - 5 : before + 5), 0);
        }
        for (int round = 0; round < 2; round++) {
            const int status = augs_pipeline_next(pipeline, &batch, &error);
            ck_assert_int_eq(status, how == 2 ? AUGS_E_IO : AUGS_E_CORRUPT);
            ck_assert_ptr_nonnull(strstr(error.message, path));
            ck_assert_uint_eq(augs_pipeline_step(pipeline), 3);
        }
        if (how == 1) { /* as it was: it goes on */
            ck_assert_int_eq(truncate(path, before), 0);
            ck_assert_uint_gt(walk(pipeline, N_SAMPLES, 1, NULL), 0);
        }
        augs_pipeline_free(pipeline);
        unlink(path);
    }
    augs_stream_unref(stream);
    rmdir(folder);
}
END_TEST

static unsigned count_in_file(const char *word)
{
    static char text[1 << 20];
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    unsigned n = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++) {
        n++;
    }
    return n;
}

START_TEST(steps_that_are_walked_again_teach_nothing_twice)
{
    begin();
    augs_error error;
    augs_stream *stream = uniform_open(1, N_SAMPLES);
    augs_pipeline *pipeline = open_journal(stream, path, NULL);
    walk(pipeline, 6, 1, NULL);
    AUGS_ASSERT_OK(augs_pipeline_seek(pipeline, 1, &error), error);
    walk(pipeline, 5, 1, NULL);
    augs_pipeline_free(pipeline);
    for (int run = 0; run < 3; run++) {
        pipeline = open_journal(stream, path, NULL);
        walk(pipeline, 7 + (uint64_t)run, 1, NULL);
        augs_pipeline_free(pipeline);
    }
    ck_assert_uint_eq(count_in_file("\"why\""), 9);
    ck_assert_uint_le(count_in_file("\"samples\""), 9); /* the last one of a run is told again */
    augs_stream_unref(stream);
    end();
}
END_TEST

/* The caller halves the size after a failure, and the process is killed later. */
START_TEST(a_size_of_the_callers_holds_in_a_run_that_goes_on)
{
    begin();
    augs_error error;
    augs_stream *stream = uniform_open(1, N_SAMPLES);
    augs_pipeline *pipeline = open_journal(stream, path, NULL);
    walk(pipeline, 12, 1000, NULL);
    AUGS_ASSERT_OK(augs_pipeline_set_batch_size(pipeline, 2, &error), error);
    augs_batch *batch = next_batch(pipeline);
    ck_assert_uint_eq(augs_batch_n_samples(batch), 2);
    augs_batch_unref(batch);
    augs_pipeline_free(pipeline);
    ck_assert_uint_eq(count_in_file("\"batch_size\":2}"), 1);
    pipeline = open_journal(stream, path, NULL);
    AUGS_ASSERT_OK(augs_pipeline_seek(pipeline, 13, &error), error);
    batch = next_batch(pipeline);
    ck_assert_uint_le(augs_batch_n_samples(batch), 10); /* one step of growth from there */
    augs_batch_unref(batch);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
    end();
}
END_TEST

/* A replay would not know of another one. */
START_TEST(a_step_that_the_journal_has_keeps_its_size)
{
    begin();
    augs_error error;
    augs_stream *stream = uniform_open(1, N_SAMPLES);
    augs_pipeline *pipeline = open_journal(stream, path, NULL);
    ck_assert_uint_eq(walk(pipeline, 3, 1, first), 3);
    const uint64_t size = augs_batch_n_samples(first[2]);
    AUGS_ASSERT_OK(augs_pipeline_seek(pipeline, 2, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_STATE, augs_pipeline_set_batch_size(pipeline, 10, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "step 2 is in the plan journal"));
    augs_batch *batch = next_batch(pipeline);
    ck_assert_uint_eq(augs_batch_n_samples(batch), size);
    augs_batch_unref(batch);
    AUGS_ASSERT_OK(augs_pipeline_set_batch_size(pipeline, 10, &error), error);
    batch = next_batch(pipeline);
    ck_assert_uint_eq(augs_batch_n_samples(batch), 10);
    augs_batch_unref(batch);
    drop(first, 3);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
    end();
}
END_TEST

START_TEST(what_earlier_epochs_taught_is_known_to_a_run_that_goes_on)
{
    begin();
    augs_error error;
    augs_stream *stream = uniform_open(1, 400);
    augs_pipeline *pipeline = open_journal(stream, path, NULL);
    walk(pipeline, 400, 5, NULL);
    AUGS_ASSERT_OK(augs_pipeline_set_epoch(pipeline, 1, &error), error);
    augs_batch *batch = next_batch(pipeline);
    const uint64_t size = augs_batch_n_samples(batch);
    augs_batch_unref(batch);
    augs_pipeline_free(pipeline);

    pipeline = open_journal(stream, path, NULL); /* goes on in epoch 2 */
    AUGS_ASSERT_OK(augs_pipeline_set_epoch(pipeline, 2, &error), error);
    batch = next_batch(pipeline);
    ck_assert_uint_gt(size, 20);
    ck_assert_uint_ge(augs_batch_n_samples(batch), size / 2);
    augs_batch_unref(batch);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
    end();
}
END_TEST

START_TEST(a_run_that_goes_on_knows_the_size_that_the_process_could_hold)
{
    begin();
    augs_stream *stream = uniform_open(1, 100000);
    uint64_t size = 0, n_steps = 0;
    for (int run = 0; run < 3; run++) {
        augs_pipeline *pipeline = open_pipeline(
            stream,
            (augs_pipeline_options){.plan = &(augs_plan_options){.strategy = "memory_optimized"},
                                    .journal = path},
            (augs_strategy_options){.max_batch_size = 64});
        for (uint64_t i = 0; i < n_steps + 6; i++) {
            augs_batch *batch = next_batch(pipeline);
            const uint64_t n = augs_batch_n_samples(batch);
            augs_batch_unref(batch);
            ck_assert_msg(i != n_steps || n >= size, "%u after %u", (unsigned)n, (unsigned)size);
            size = n;
        }
        n_steps += 6;
        augs_pipeline_free(pipeline);
    }
    augs_stream_unref(stream);
    end();
}
END_TEST

START_TEST(a_resume_that_fails_leaves_the_pipeline_where_it_was)
{
    begin();
    augs_error error;
    char token[AUGS_TOKEN_BYTES];
    augs_stream *stream = uniform_open(1, N_SAMPLES);
    augs_pipeline *pipeline = open_journal(stream, path, NULL);
    AUGS_ASSERT_OK(augs_pipeline_set_epoch(pipeline, 1, &error), error);
    const uint64_t n = walk(pipeline, 8, 1, NULL);
    AUGS_ASSERT_OK(augs_pipeline_token(pipeline, token, sizeof token, &error), error);
    augs_pipeline_free(pipeline);
    unlink(path);
    for (uint64_t n_other = 3; n_other < 10;
         n_other += 6) { /* of another run, shorter and longer */
        pipeline = open_journal(stream, path, NULL);
        AUGS_ASSERT_OK(augs_pipeline_set_epoch(pipeline, 1, &error), error);
        AUGS_ASSERT_OK(augs_pipeline_set_batch_size(pipeline, 40, &error), error);
        walk(pipeline, n_other, 1, NULL);
        AUGS_ASSERT_OK(augs_pipeline_set_epoch(pipeline, 0, &error), error);
        walk(pipeline, 4, 1, first);
        for (int round = 0; round < 2; round++) {
            AUGS_ASSERT_STATUS(n_other < n ? AUGS_E_RANGE : AUGS_E_TOKEN,
                               augs_pipeline_resume(pipeline, token, &error), error);
            ck_assert_uint_eq(augs_pipeline_step(pipeline), 4);
        }
        augs_batch *batch = next_batch(pipeline);
        const augs_batch_info info = info_of(batch), last = info_of(first[3]);
        ck_assert_uint_eq(info.epoch, 0);
        ck_assert_uint_eq(info.step, 4);
        ck_assert_uint_eq(info.first, last.first + last.n_samples);
        augs_batch_unref(batch);
        drop(first, 4);
        augs_pipeline_free(pipeline);
        unlink(path);
    }
    augs_stream_unref(stream);
    end();
}
END_TEST

/* A token of another run with this journal's stream and epoch, whose step has another position. */
static void token_of_another_run(augs_stream *stream, uint32_t epoch, uint64_t n_steps,
                                 char ret_token[AUGS_TOKEN_BYTES])
{
    augs_error error;
    unlink(path);
    augs_pipeline *pipeline = open_journal(stream, path, NULL);
    AUGS_ASSERT_OK(augs_pipeline_set_epoch(pipeline, epoch, &error), error);
    AUGS_ASSERT_OK(augs_pipeline_set_batch_size(pipeline, 40, &error), error);
    walk(pipeline, n_steps, 1, NULL);
    AUGS_ASSERT_OK(augs_pipeline_token(pipeline, ret_token, AUGS_TOKEN_BYTES, &error), error);
    augs_pipeline_free(pipeline);
    unlink(path);
}

static void expect_part(augs_pipeline *pipeline, uint64_t step, uint32_t part, uint64_t first_at,
                        uint64_t n_samples)
{
    augs_batch *batch = next_batch(pipeline);
    const augs_batch_info info = info_of(batch);
    ck_assert_uint_eq(info.step, step);
    ck_assert_uint_eq(info.part, part);
    ck_assert_uint_eq(info.first, first_at);
    ck_assert_uint_eq(info.n_samples, n_samples);
    augs_batch_unref(batch);
}

/* Parts wait, of the last step and of an older one, when a resume or a seek fails: nothing of them
 * is lost, whatever epoch and step it was about. */
START_TEST(parts_that_wait_outlive_a_resume_that_fails)
{
    begin();
    augs_error error;
    augs_stream *stream = uniform_open(1, N_SAMPLES);
    for (uint32_t epoch = 0; epoch < 2; epoch++) {
        for (uint64_t n_steps = 2; n_steps < 12; n_steps += 3) { /* behind and ahead */
            char token[AUGS_TOKEN_BYTES], before[AUGS_TOKEN_BYTES], after[AUGS_TOKEN_BYTES];
            token_of_another_run(stream, epoch, n_steps, token);
            augs_pipeline *pipeline = open_journal(stream, path, NULL);
            AUGS_ASSERT_OK(augs_pipeline_set_epoch(pipeline, 1, &error), error);
            walk(pipeline, 20, 1, NULL);
            AUGS_ASSERT_OK(augs_pipeline_set_epoch(pipeline, 0, &error), error);
            walk(pipeline, 4, 1, first);
            first[4] = next_batch(pipeline);
            first[5] = next_batch(pipeline);
            const augs_batch_info older = info_of(first[4]), last = info_of(first[5]);
            AUGS_ASSERT_OK(augs_pipeline_retry(pipeline, 5, 0, 0, &error), error);
            AUGS_ASSERT_OK(augs_pipeline_retry(pipeline, 4, 0, 0, &error), error);
            const uint64_t half = (last.n_samples / 2 + 1) / 2 * 2;
            expect_part(pipeline, 5, 1, last.first, last.n_samples - half);
            AUGS_ASSERT_OK(augs_pipeline_token(pipeline, before, sizeof before, &error), error);
            for (int round = 0; round < 2; round++) {
                /* this epoch has six steps yet, the other one twenty */
                AUGS_ASSERT_STATUS(epoch == 0 && n_steps > 6 ? AUGS_E_RANGE : AUGS_E_TOKEN,
                                   augs_pipeline_resume(pipeline, token, &error), error);
                AUGS_ASSERT_STATUS(AUGS_E_RANGE, augs_pipeline_seek(pipeline, 999, &error), error);
                AUGS_ASSERT_OK(augs_pipeline_token(pipeline, after, sizeof after, &error), error);
                ck_assert_str_eq(before, after);
            }
            expect_part(pipeline, 5, 2, last.first + last.n_samples - half, half);
            const uint64_t older_half = (older.n_samples / 2 + 1) / 2 * 2;
            expect_part(pipeline, 4, 1, older.first, older.n_samples - older_half);
            expect_part(pipeline, 4, 2, older.first + older.n_samples - older_half, older_half);
            augs_batch *batch = next_batch(pipeline);
            ck_assert_uint_eq(info_of(batch).step, 6);
            ck_assert_uint_eq(info_of(batch).first, last.first + last.n_samples);
            augs_batch_unref(batch);
            drop(first, 6);
            augs_pipeline_free(pipeline);
        }
    }
    augs_stream_unref(stream);
    end();
}
END_TEST

START_TEST(a_journal_of_another_window_is_refused)
{
    begin();
    augs_error error;
    augs_stream *stream = uniform_open(1, N_SAMPLES);
    augs_pipeline *pipeline = open_journal(stream, path, NULL);
    walk(pipeline, N_SAMPLES, 1, NULL);
    augs_pipeline_free(pipeline);
    static const augs_pipeline_options windows[] = {{.first_position = 1},
                                                    {.n_positions = N_SAMPLES - 1},
                                                    {.first_position = 10, .n_positions = 10}};
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        augs_pipeline_options options = windows[i];
        options.replay = path;
        AUGS_ASSERT_STATUS(AUGS_E_MISMATCH,
                           try_pipeline(stream, options, (augs_strategy_options){.batch_size = 0},
                                        &pipeline, &error),
                           error);
    }
    augs_stream_unref(stream);
    end();
}
END_TEST

START_TEST(memory_that_runs_out_while_opening_leaves_no_trace)
{
    begin();
    augs_error error;
    counting_memory memory = {.left = UINT64_MAX};
    augs_stream *stream =
        open_stream(mixed_preset(&memory, false), AUGS_ORDER_SEQUENTIAL, N_SAMPLES, 1, 0);
    augs_metrics *metrics = NULL;
    AUGS_ASSERT_OK(augs_metrics_open(NULL, &metrics, &error), error);
    const uint64_t held = memory.n_held;
    int status = AUGS_E_NO_MEMORY;
    for (uint64_t left = 0; status != AUGS_OK; left++) {
        ck_assert_uint_lt(left, 100);
        augs_pipeline *pipeline = NULL;
        memory.left = left;
        status = try_pipeline(
            stream,
            (augs_pipeline_options){.plan = &(augs_plan_options){.strategy = "memory_optimized"},
                                    .journal = path,
                                    .metrics = metrics},
            (augs_strategy_options){.batch_size = 8}, &pipeline, &error);
        memory.left = UINT64_MAX;
        ck_assert_msg(status == AUGS_OK || status == AUGS_E_NO_MEMORY, "%d: %s", status,
                      error.message);
        if (status == AUGS_OK) {
            ck_assert_uint_gt(left, 3);
            ck_assert_uint_eq(walk(pipeline, 3, 1, NULL), 3);
        } else {
            ck_assert_ptr_null(pipeline);
        }
        augs_pipeline_free(pipeline);
        ck_assert_uint_eq(memory.n_held, held);
    }
    augs_metrics_free(metrics);
    augs_stream_unref(stream);
    ck_assert_uint_eq(memory.n_held, 0);
    end();
}
END_TEST

START_TEST(deciding_takes_no_memory_once_sizes_are_steady)
{
    begin();
    static const char *const strategies[] = {"memory_optimized", "adaptive"};
    for (size_t i = 0; i < 2; i++) {
        counting_memory memory = {.left = UINT64_MAX};
        augs_metrics *metrics = NULL;
        augs_pipeline *pipeline = NULL;
        augs_error error;
        const augs_column_info column = {.size = sizeof column,
                                         .kind = AUGS_KIND_UNIFORM,
                                         .numbers = {0, 1},
                                         .shape = 1,
                                         .gate = AUGS_NO_GATE,
                                         .name = "u"};
        augs_stream *stream =
            open_stream(open_columns(&column, 1, &memory), AUGS_ORDER_SHUFFLED, 1u << 20, 7, 0);
        AUGS_ASSERT_OK(augs_metrics_open(NULL, &metrics, &error), error);
        AUGS_ASSERT_OK(
            try_pipeline(
                stream,
                (augs_pipeline_options){.plan = &(augs_plan_options){.strategy = strategies[i]},
                                        .journal = path,
                                        .metrics = metrics},
                (augs_strategy_options){.batch_size = 64, .max_batch_size = 64}, &pipeline, &error),
            error);
        uint64_t n_calls = 0;
        for (int k = 0; k < 200; k++) {
            augs_batch_unref(next_batch(pipeline));
            AUGS_ASSERT_OK(observe_last(pipeline, 0.1, 6400, 0, &error), error);
            n_calls = k == 20 ? memory.n_calls : n_calls;
        }
        ck_assert_uint_gt(n_calls, 0);
        ck_assert_uint_eq(memory.n_calls, n_calls);
        augs_pipeline_free(pipeline);
        augs_metrics_free(metrics);
        augs_stream_unref(stream);
        ck_assert_uint_eq(memory.n_held, 0);
        unlink(path);
    }
    rmdir(folder);
}
END_TEST

AUGS_SUITE("journal", a_replay_has_the_same_batches, a_journal_of_one_rank_is_not_for_two,
           a_run_that_was_cut_anywhere_is_continued, a_resume_token_leads_into_the_journal,
           epochs_share_a_journal, a_torn_last_line_is_as_if_never_written,
           what_is_no_journal_of_this_run_is_refused, an_edited_line_is_found,
           a_journal_has_one_writer, without_flock_a_file_beside_the_journal_names_its_writer,
           another_failure_of_flock_is_an_error, no_batch_leaves_before_its_decision_is_written,
           drop_last_is_remembered, what_is_no_journal_is_left_as_it_is,
           a_journal_torn_anywhere_in_its_head_begins_anew,
           a_disk_that_is_full_from_the_start_is_said_and_leaves_an_empty_file,
           a_wrong_line_is_so_at_every_call,
           a_retry_of_a_step_that_there_was_not_is_wrong_at_every_call,
           a_journal_that_somebody_changes_meanwhile_is_noticed,
           steps_that_are_walked_again_teach_nothing_twice,
           a_size_of_the_callers_holds_in_a_run_that_goes_on,
           a_step_that_the_journal_has_keeps_its_size,
           what_earlier_epochs_taught_is_known_to_a_run_that_goes_on,
           a_run_that_goes_on_knows_the_size_that_the_process_could_hold,
           a_resume_that_fails_leaves_the_pipeline_where_it_was,
           parts_that_wait_outlive_a_resume_that_fails, a_journal_of_another_window_is_refused,
           memory_that_runs_out_while_opening_leaves_no_trace,
           deciding_takes_no_memory_once_sizes_are_steady)
