/* SPDX-License-Identifier: Apache-2.0 */
/* The finder with its probe in a child process: however that ends, the caller lives. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <augstream/batch_size.h>

#include "suite.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SHADOW_MEMORY 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SHADOW_MEMORY 1
#endif
#endif
#ifndef SHADOW_MEMORY
#define SHADOW_MEMORY 0
#endif

/* Sanitizers reserve terabytes of addresses, valgrind keeps its own in the same process. */
static bool address_space_can_be_limited(void)
{
    bool can = !SHADOW_MEMORY;
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        can = can && strstr(line, "vgpreload") == NULL;
    }
    if (maps != NULL) {
        fclose(maps);
    }
    return can;
}

static augs_finder_report report;

static int find(augs_batch_probe probe, void *user, augs_finder_options options, augs_error *error)
{
    options.size = sizeof options;
    report.size = sizeof report;
    return augs_batch_size_find_in_child(probe, user, &options, &report, error);
}

static const augs_trial *last_trial(void)
{
    ck_assert_uint_gt(report.n_trials, 0);
    return &report.trials[report.n_trials - 1];
}

/* The first trial that did not fit. */
static const augs_trial *first_misfit(void)
{
    for (uint32_t i = 0; i < report.n_trials; i++) {
        if (report.trials[i].outcome == AUGS_TRIAL_DOES_NOT_FIT) {
            return &report.trials[i];
        }
    }
    ck_abort_msg("everything fits");
    return NULL;
}

static void check_no_child_is_left(void)
{
    errno = 0;
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
}

static int n_open_files(void)
{
    int n = 0;
    for (int file = 0; file < 256; file++) {
        n += dup2(file, file) == file;
    }
    return n;
}

typedef enum {
    SAYS_NO,
    SIGKILLED,
    SEGFAULTS,
    ABORTS,
    EXITS_3,
    EXITS_0,
    INTERRUPTED,
    HANGS,
    FAILS,
    LEAVES_A_GRANDCHILD,
} ending;

typedef struct script {
    uint64_t limit;
    uint32_t step; /* in which it ends */
    ending how;
    pid_t caller;
    int calls_here; /* must stay 0 in the caller */
} script;

static int until_the_end[2];

static int end(ending how, augs_error *error)
{
    switch (how) {
    case SIGKILLED:
        raise(SIGKILL);
        break;
    case SEGFAULTS:
        signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler would print */
        raise(SIGSEGV);
        break;
    case ABORTS:
        signal(SIGABRT, SIG_DFL);
        raise(SIGABRT);
        break;
    case EXITS_3:
        _exit(3);
    case EXITS_0:
        _exit(0);
    case INTERRUPTED:
        raise(SIGINT);
        break;
    case HANGS:
        for (;;) {
            pause();
        }
    case FAILS:
        error->status = AUGS_E_IO;
        snprintf(error->message, sizeof error->message, "weights.bin: no such file");
        return AUGS_E_IO;
    case LEAVES_A_GRANDCHILD:
        if (fork() == 0) { /* it keeps the finder's pipe open until the test is over */
            char byte;
            close(until_the_end[1]);
            while (read(until_the_end[0], &byte, 1) < 0 && errno == EINTR) {
            }
            _exit(0);
        }
        raise(SIGKILL);
        break;
    case SAYS_NO:
        break;
    }
    return 0;
}

static int probe(void *user, uint64_t batch_size, uint32_t step, augs_error *error)
{
    script *self = user;
    self->calls_here++;
    if (getpid() == self->caller) {
        return AUGS_E_INTERNAL;
    }
    return batch_size > self->limit && step == self->step ? end(self->how, error) : 1;
}

static script make(uint64_t limit, uint32_t step, ending how)
{
    return (script){.limit = limit, .step = step, .how = how, .caller = getpid()};
}

START_TEST(the_boundary_is_exact_however_the_child_dies)
{
    static const struct {
        ending how;
        const char *reason;
    } cases[] = {
        {SAYS_NO, "does not fit"},
        {SIGKILLED, "killed by signal 9 (SIGKILL)"},
        {SEGFAULTS, "killed by signal 11 (SIGSEGV)"},
        {ABORTS, "killed by signal 6 (SIGABRT)"},
        {EXITS_3, "exit code 3"},
    };
    int n_files = n_open_files();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        augs_error error;
        script s = make(100, 1, cases[i].how);
        AUGS_ASSERT_OK(find(probe, &s, (augs_finder_options){0}, &error), error);
        ck_assert_uint_eq(report.largest_fit, 100);
        ck_assert_uint_eq(report.smallest_misfit, 101);
        ck_assert_uint_eq(report.batch_size, 64);
        ck_assert_uint_eq(report.n_trials, 15); /* the last failure has two */
        ck_assert_str_eq(first_misfit()->reason, cases[i].reason);
        ck_assert_uint_eq(first_misfit()->n_steps, 2);
        ck_assert_uint_eq(report.trials[0].n_steps, 3);
        ck_assert_int_eq(s.calls_here, 0);
        check_no_child_is_left();
    }
    ck_assert_int_eq(n_open_files(), n_files);
}
END_TEST

START_TEST(the_table_names_the_signal)
{
    augs_error error;
    char text[4096];
    script s = make(5, 0, SIGKILLED);
    AUGS_ASSERT_OK(find(probe, &s, (augs_finder_options){0}, &error), error);
    augs_finder_report_format(&report, text, sizeof text);
    ck_assert_ptr_nonnull(strstr(text, "does not fit: killed by signal 9 (SIGKILL)\n"));
    ck_assert_ptr_nonnull(strstr(text, "Result: batch size 4 = 5 x safety factor 0.9\n"));
}
END_TEST

START_TEST(not_even_min_fits_is_said_with_the_signal)
{
    augs_error error;
    script s = make(5, 0, SIGKILLED);
    AUGS_ASSERT_STATUS(AUGS_E_MEMORY,
                       find(probe, &s, (augs_finder_options){.min_batch_size = 6}, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "min_batch_size 6"));
    ck_assert_ptr_nonnull(strstr(error.message, "SIGKILL"));
}
END_TEST

START_TEST(a_failure_comes_through_with_its_message)
{
    augs_error error;
    script s = make(10, 2, FAILS);
    AUGS_ASSERT_STATUS(AUGS_E_IO, find(probe, &s, (augs_finder_options){0}, &error), error);
    ck_assert_str_eq(error.message, "weights.bin: no such file");
    ck_assert_int_eq(error.status, AUGS_E_IO);
    ck_assert_uint_eq(last_trial()->batch_size, 16);
    ck_assert_uint_eq(last_trial()->n_steps, 3);
    ck_assert_uint_eq(last_trial()->outcome, AUGS_TRIAL_FAILED);
    check_no_child_is_left();
}
END_TEST

START_TEST(an_exit_with_0_is_no_answer)
{
    augs_error error;
    script s = make(10, 0, EXITS_0);
    AUGS_ASSERT_STATUS(AUGS_E_CALLBACK, find(probe, &s, (augs_finder_options){0}, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "exit code 0 at batch size 16, step 0"));
    check_no_child_is_left();
}
END_TEST

START_TEST(an_interrupt_cancels_and_says_nothing_of_memory)
{
    augs_error error;
    script s = make(10, 0, INTERRUPTED);
    sigset_t blocked, before; /* as in programs that take their signals in a thread */
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    AUGS_ASSERT_STATUS(AUGS_E_CANCELLED, find(probe, &s, (augs_finder_options){0}, &error), error);
    sigprocmask(SIG_SETMASK, &before, NULL);
    ck_assert_ptr_nonnull(strstr(error.message, "SIGINT"));
    check_no_child_is_left();
}
END_TEST

START_TEST(a_child_that_hangs_is_killed_and_the_search_fails)
{
    augs_error error;
    script s = make(3, 1, HANGS);
    AUGS_ASSERT_STATUS(
        AUGS_E_TIMEOUT,
        find(probe, &s, (augs_finder_options){.min_batch_size = 4, .child_timeout_seconds = 0.2},
             &error),
        error);
    ck_assert_ptr_nonnull(strstr(error.message, "batch size 4"));
    ck_assert_ptr_nonnull(strstr(error.message, "child_timeout_seconds 0.2"));
    ck_assert_uint_eq(last_trial()->n_steps, 2);
    ck_assert_double_ge(last_trial()->seconds, 0.2);
    check_no_child_is_left();
}
END_TEST

static void ignore_alarm(int number)
{
    (void)number;
}

START_TEST(signals_in_the_caller_do_not_disturb)
{
    augs_error error;
    struct sigaction action = {.sa_handler = ignore_alarm}; /* stays: one may still be under way */
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 300}, {0, 300}}, NULL);
    for (int i = 0; i < 5; i++) {
        script s = make(1000, 1, SIGKILLED);
        AUGS_ASSERT_OK(find(probe, &s, (augs_finder_options){.safety_factor = 1}, &error), error);
        ck_assert_uint_eq(report.largest_fit, 1000);
    }
    setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL);
    check_no_child_is_left();
}
END_TEST

START_TEST(an_ignored_sigchld_loses_the_reason_and_not_the_result)
{
    augs_error error;
    signal(SIGCHLD, SIG_IGN);
    script s = make(100, 1, SIGKILLED);
    AUGS_ASSERT_OK(find(probe, &s, (augs_finder_options){0}, &error), error);
    ck_assert_uint_eq(report.largest_fit, 100);
    ck_assert_str_eq(first_misfit()->reason, "died, how is not known");
    ck_assert_uint_eq(first_misfit()->n_steps, 2);
    signal(SIGCHLD, SIG_DFL);
}
END_TEST

START_TEST(processes_that_the_probe_started_do_not_hold_up_the_search)
{
    augs_error error;
    script s = make(0, 0, LEAVES_A_GRANDCHILD);
    ck_assert_int_eq(pipe(until_the_end), 0);
    AUGS_ASSERT_STATUS(AUGS_E_MEMORY, find(probe, &s, (augs_finder_options){0}, &error), error);
    close(until_the_end[0]);
    close(until_the_end[1]);
}
END_TEST

/* ---- real memory ---- */

#define SAMPLE_BYTES 65536u

/* Takes batch_size samples and writes to every page of them. */
static int allocate_and_touch(void *user, uint64_t batch_size, uint32_t step, augs_error *error)
{
    (void)user;
    (void)step;
    (void)error;
    if (batch_size > SIZE_MAX / SAMPLE_BYTES) {
        return 0;
    }
    unsigned char *samples = malloc((size_t)batch_size * SAMPLE_BYTES);
    if (samples == NULL) {
        return 0;
    }
    for (uint64_t at = 0; at < batch_size * SAMPLE_BYTES; at += 4096) {
        *(volatile unsigned char *)(samples + at) = 1;
    }
    free(samples);
    return 1;
}

/* The same, written without a look at malloc's answer. */
static int allocate_blindly(void *user, uint64_t batch_size, uint32_t step, augs_error *error)
{
    (void)user;
    (void)step;
    (void)error;
    signal(SIGSEGV, SIG_DFL);
    volatile unsigned char *samples = malloc((size_t)batch_size * SAMPLE_BYTES);
    for (uint64_t at = 0; at < batch_size * SAMPLE_BYTES; at += 4096) {
        samples[at] = 1;
    }
    free((void *)samples);
    return 1;
}

static uint64_t address_space_bytes(void)
{
    unsigned long long pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(statm);
    ck_assert_int_eq(fscanf(statm, "%llu", &pages), 1);
    fclose(statm);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

START_TEST(real_memory_under_rlimit_as_is_found_within_one_multiple)
{
    if (!address_space_can_be_limited()) {
        fprintf(stderr, "skipped: real_memory_under_rlimit_as (no address space limit under "
                        "a sanitizer or valgrind)\n");
        return;
    }
    const augs_batch_probe probes[] = {allocate_and_touch, allocate_blindly};
    for (size_t i = 0; i < 2; i++) {
        augs_error error;
        const uint64_t space = 600; /* samples, 39 MB */
        augs_finder_options options = {
            .child_limit_bytes = address_space_bytes() + space * SAMPLE_BYTES, .safety_factor = 1};
        AUGS_ASSERT_OK(find(probes[i], NULL, options, &error), error);
        ck_assert_uint_gt(report.largest_fit, space - 32);
        ck_assert_uint_le(report.largest_fit, space);
        ck_assert_uint_gt(report.batch_size, space - 64);
        ck_assert_uint_le(report.batch_size, report.largest_fit);
        ck_assert_uint_eq(report.batch_size % 32, 0);
        ck_assert_str_eq(first_misfit()->reason,
                         i == 0 ? "does not fit" : "killed by signal 11 (SIGSEGV)");
        check_no_child_is_left();
        struct rlimit limit;
        ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
        ck_assert_uint_gt(limit.rlim_cur, options.child_limit_bytes);
    }
}
END_TEST

START_TEST(without_a_limit_in_the_options_the_callers_own_holds)
{
    if (!address_space_can_be_limited()) {
        fprintf(stderr, "skipped: without_a_limit_in_the_options (no address space limit under "
                        "a sanitizer or valgrind)\n");
        return;
    }
    struct rlimit before, limit;
    augs_error error;
    getrlimit(RLIMIT_AS, &before);
    limit = before;
    limit.rlim_cur = address_space_bytes() + (rlim_t)200 * SAMPLE_BYTES;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
    int status = find(allocate_and_touch, NULL, (augs_finder_options){.safety_factor = 1}, &error);
    setrlimit(RLIMIT_AS, &before);
    ck_assert_int_eq(status, 0);
    ck_assert_uint_le(report.largest_fit, 200);
    ck_assert_uint_gt(report.largest_fit, 168);
}
END_TEST

/* ---- a control group with little memory ---- */

static char group[128];

static bool write_number(const char *folder, const char *name, uint64_t number)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    bool good = file != NULL && fprintf(file, "%llu\n", (unsigned long long)number) > 0;
    return file != NULL && fclose(file) == 0 && good;
}

/* Version 1 or 2; false where this user may not. */
static bool make_group(uint64_t n_bytes)
{
    static const char *const kinds[][3] = {
        {"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"},
        {"/sys/fs/cgroup", "memory.max", "memory.swap.max"}};
    for (size_t i = 0; i < 2; i++) {
        snprintf(group, sizeof group, "%s/augstream-test-%ld", kinds[i][0], (long)getpid());
        if (mkdir(group, 0755) != 0) {
            continue;
        }
        if (write_number(group, kinds[i][1], n_bytes)) {
            write_number(group, kinds[i][2], i == 0 ? n_bytes : 0); /* no swap, if there is any */
            return true;
        }
        rmdir(group);
    }
    return false;
}

typedef struct outcome {
    int joined, status;
    augs_error error;
    augs_finder_report report;
} outcome;

START_TEST(the_oom_killer_takes_the_child_and_the_caller_lives)
{
    const uint64_t limit = 64u << 20, space = limit / SAMPLE_BYTES;
    if (!address_space_can_be_limited() || !make_group(limit)) {
        fprintf(stderr, "skipped: the_oom_killer_takes_the_child (no control group of our own)\n");
        return;
    }
    outcome *got =
        mmap(NULL, sizeof *got, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(got, MAP_FAILED);
    pid_t caller = fork(); /* so that the suite itself stays outside */
    if (caller == 0) {
        got->joined = write_number(group, "cgroup.procs", (uint64_t)getpid());
        got->status =
            find(allocate_and_touch, NULL, (augs_finder_options){.safety_factor = 1}, &got->error);
        got->report = report;
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(caller, &status, 0), caller);
    ck_assert_int_eq(rmdir(group), 0);
    report = got->report;
    ck_assert_int_eq(got->joined, 1);
    ck_assert_int_eq(status, 0);
    ck_assert_msg(got->status == 0, "%s", got->error.message);
    ck_assert_str_eq(first_misfit()->reason, "killed by signal 9 (SIGKILL)");
    ck_assert_uint_le(report.largest_fit, space);
    ck_assert_uint_gt(report.largest_fit, space * 3 / 4);
    munmap(got, sizeof *got);
}
END_TEST

static int look_at_the_process(void *user, uint64_t batch_size, uint32_t step, augs_error *error)
{
    (void)batch_size;
    (void)step;
    struct rlimit core;
    int adjustment = 0;
    FILE *file = fopen("/proc/self/oom_score_adj", "r");
    bool read = file != NULL && fscanf(file, "%d", &adjustment) == 1;
    if (file != NULL) {
        fclose(file);
    }
    getrlimit(RLIMIT_CORE, &core);
    if (read && adjustment == 1000 && core.rlim_cur == 0 && getppid() == *(const pid_t *)user) {
        return 1;
    }
    snprintf(error->message, sizeof error->message, "oom_score_adj %d, core %llu", adjustment,
             (unsigned long long)core.rlim_cur);
    return AUGS_E_STATE;
}

START_TEST(the_child_is_the_first_victim_and_leaves_no_core)
{
    augs_error error;
    pid_t caller = getpid();
    AUGS_ASSERT_OK(
        find(look_at_the_process, &caller, (augs_finder_options){.max_batch_size = 1}, &error),
        error);
}
END_TEST

/* Dies at one size the first time that it is tried; children share what they know of that. */
typedef struct flaky_script {
    uint64_t limit, once_at;
    int *n_failures;
} flaky_script;

static int flaky_probe(void *user, uint64_t batch_size, uint32_t step, augs_error *error)
{
    flaky_script *self = user;
    (void)step;
    (void)error;
    if (batch_size == self->once_at && *self->n_failures == 0) {
        ++*self->n_failures;
        raise(SIGKILL);
    }
    return batch_size <= self->limit;
}

START_TEST(a_child_that_was_killed_once_is_not_the_boundary)
{
    static const uint64_t once[] = {1, 8, 192, 240, 247};
    int *n_failures =
        mmap(NULL, sizeof *n_failures, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(n_failures, MAP_FAILED);
    for (size_t i = 0; i < sizeof once / sizeof once[0]; i++) {
        augs_error error;
        flaky_script s = {.limit = 247, .once_at = once[i], .n_failures = n_failures};
        *n_failures = 0;
        AUGS_ASSERT_OK(find(flaky_probe, &s, (augs_finder_options){.steps_per_trial = 1}, &error),
                       error);
        ck_assert_int_eq(*n_failures, 1);
        ck_assert_uint_eq(report.largest_fit, 247);
        ck_assert_uint_eq(report.smallest_misfit, 248);
        check_no_child_is_left();
    }
    munmap(n_failures, sizeof *n_failures);
}
END_TEST

START_TEST(where_no_process_can_be_made_it_is_said)
{
    struct rlimit before, limit;
    augs_error error;
    script s = make(10, 0, SAYS_NO);
    getrlimit(RLIMIT_NOFILE, &before);
    limit = before;
    limit.rlim_cur = 0; /* no pipe */
    setrlimit(RLIMIT_NOFILE, &limit);
    int status = find(probe, &s, (augs_finder_options){0}, &error);
    setrlimit(RLIMIT_NOFILE, &before);
    ck_assert_int_eq(status, AUGS_E_STATE);
    ck_assert_ptr_nonnull(strstr(error.message, "Too many open files"));
    ck_assert_uint_eq(report.n_trials, 1);
    ck_assert_uint_eq(last_trial()->outcome, AUGS_TRIAL_FAILED);
    check_no_child_is_left();
}
END_TEST

AUGS_SUITE("batch sizes in a child", the_boundary_is_exact_however_the_child_dies,
           the_table_names_the_signal, not_even_min_fits_is_said_with_the_signal,
           a_failure_comes_through_with_its_message, an_exit_with_0_is_no_answer,
           an_interrupt_cancels_and_says_nothing_of_memory,
           a_child_that_hangs_is_killed_and_the_search_fails, signals_in_the_caller_do_not_disturb,
           an_ignored_sigchld_loses_the_reason_and_not_the_result,
           processes_that_the_probe_started_do_not_hold_up_the_search,
           real_memory_under_rlimit_as_is_found_within_one_multiple,
           without_a_limit_in_the_options_the_callers_own_holds,
           the_oom_killer_takes_the_child_and_the_caller_lives,
           the_child_is_the_first_victim_and_leaves_no_core,
           a_child_that_was_killed_once_is_not_the_boundary,
           where_no_process_can_be_made_it_is_said)
