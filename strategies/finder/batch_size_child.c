/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trial in a process of its own, which may be killed for it.
 *
 * The child reports over a pipe: one message before each step and one with the verdict, each
 * shorter than PIPE_BUF, so that it arrives whole or not at all. What counts is the last message:
 * without a verdict, the way in which the child ended decides. The end is seen by a pidfd, since
 * the pipe may stay open in processes that the probe has started itself; where the kernel has none,
 * by asking now and then.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/float_env.h"
#include "strategies/finder/batch_size_finder.h"

#define NO_VERDICT 2 /* beside 1, 0 and statuses */
#define ASK_AGAIN_MS 10

typedef struct message {
    int32_t verdict;
    uint32_t n_steps;
    augs_error error;
} message;
_Static_assert(sizeof(message) <= PIPE_BUF, "one write puts a whole message into the pipe");

/* ---- in the child ---- */

static void send_message(int pipe_end, const message *m)
{
    while (write(pipe_end, m, sizeof *m) < 0 && errno == EINTR) {
    }
}

/* A child that eats all memory is the one to be killed, leaves no core file of that size behind,
 * and does not outlive the caller. */
static void expect_death(pid_t caller)
{
    static const char worst[] = "1000";
    int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (file >= 0) {
        ssize_t n = write(file, worst, sizeof worst - 1);
        (void)n; /* where it is not allowed, the kernel picks as it does */
        close(file);
    }
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != caller) {
        _exit(1);
    }
}

/* What the caller's handlers would do belongs to the caller: whoever interrupts the child ends it.
 */
static void be_interruptible(void)
{
    static const int numbers[] = {SIGINT, SIGQUIT, SIGHUP, SIGTERM};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction action;
        if (sigaction(numbers[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN) {
            signal(numbers[i], SIG_DFL);
        }
        sigaddset(&set, numbers[i]);
    }
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static int limit_address_space(uint64_t n_bytes, augs_error *error)
{
    struct rlimit limit;
    if (n_bytes == 0) {
        return AUGS_OK;
    }
    if (getrlimit(RLIMIT_AS, &limit) == 0) {
        if (limit.rlim_max == RLIM_INFINITY || n_bytes < limit.rlim_max) {
            limit.rlim_max = n_bytes;
        }
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_AS, &limit) == 0) {
            return AUGS_OK;
        }
    }
    return augsi_fail_errno(error, AUGS_E_STATE, errno,
                            "finder: address space of the child to %llu bytes",
                            (unsigned long long)n_bytes);
}

static void run_child(const augsi_trial_runner *runner, uint64_t batch_size, pid_t caller,
                      int pipe_end)
{
    message m = {.verdict = NO_VERDICT};
    expect_death(caller);
    be_interruptible();
    int verdict = limit_address_space(runner->options.child_limit_bytes, &m.error);
    verdict = verdict < 0 ? verdict : 1;
    for (uint32_t step = 0; step < runner->options.steps_per_trial && verdict > 0; step++) {
        augs_error probe_error = {0};
        m.n_steps = step + 1;
        send_message(pipe_end, &m);
        AUGSI_CALLER_BEGIN;
        int answer = runner->probe(runner->probe_user, batch_size, step, &probe_error);
        AUGSI_CALLER_END;
        verdict = augsi_probe_verdict(answer, batch_size, step, &probe_error, &m.error);
    }
    m.verdict = verdict;
    send_message(pipe_end, &m);
    _exit(0);
}

/* ---- in the caller ---- */

typedef struct child {
    pid_t pid;
    int pidfd; /* -1: none */
    int pipe_end;
    bool pipe_open;
    bool ended;
    bool status_known; /* false: somebody else has waited for it, or SIGCHLD is ignored */
    int status;        /* of waitpid */
    size_t n_pending;  /* bytes of a message of which the rest is still to come */
    unsigned char pending[sizeof(message)];
    message last;
} child;

/* Takes what is in the pipe, which does not block. */
static void receive(child *self)
{
    while (self->pipe_open) {
        ssize_t n = read(self->pipe_end, self->pending + self->n_pending,
                         sizeof self->pending - self->n_pending);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n <= 0) {
            self->pipe_open = false;
            return;
        }
        self->n_pending += (size_t)n;
        if (self->n_pending == sizeof self->pending) {
            memcpy(&self->last, self->pending, sizeof self->last);
            self->n_pending = 0;
        }
    }
}

static void wait_for_end(child *self, int flags)
{
    pid_t got;
    do {
        got = waitpid(self->pid, &self->status, flags);
    } while (got < 0 && errno == EINTR);
    self->ended = got != 0;
    self->status_known = got == self->pid;
}

static void kill_child(child *self)
{
    /* by the pidfd if there is one: the number may be another process's if somebody else waits */
    if (self->pidfd < 0 || syscall(SYS_pidfd_send_signal, self->pidfd, SIGKILL, NULL, 0) != 0) {
        kill(self->pid, SIGKILL);
    }
    wait_for_end(self, 0);
}

/* Until the child has ended, or the deadline (0 = none): AUGS_E_TIMEOUT. */
static int watch(child *self, uint64_t deadline_ns)
{
    for (;;) {
        wait_for_end(self, WNOHANG);
        receive(self);
        if (self->ended) {
            return AUGS_OK;
        }
        uint64_t now_ns = augsi_now_ns();
        if (deadline_ns != 0 && now_ns >= deadline_ns) {
            return AUGS_E_TIMEOUT;
        }
        uint64_t ms = self->pidfd >= 0 ? 60000 : ASK_AGAIN_MS;
        if (deadline_ns != 0 && (deadline_ns - now_ns) / 1000000 < ms) {
            ms = (deadline_ns - now_ns) / 1000000 + 1;
        }
        struct pollfd fds[] = {
            {.fd = self->pidfd, .events = POLLIN}, /* negative: poll leaves it out */
            {.fd = self->pipe_open ? self->pipe_end : -1, .events = POLLIN}};
        poll(fds, 2, (int)ms);
    }
}

static uint64_t deadline_after(double seconds)
{
    if (!(seconds > 0 && seconds < 1e9)) {
        return 0;
    }
    return augsi_now_ns() + (uint64_t)(seconds * 1e9);
}

static bool is_interrupt(int number)
{
    return number == SIGINT || number == SIGQUIT || number == SIGHUP;
}

/* The child ended without a verdict. */
static int judge_end(const child *self, augs_trial *trial, augs_error *error)
{
    if (!self->status_known) {
        snprintf(trial->reason, sizeof trial->reason, "died, how is not known");
        return 0;
    }
    if (WIFSIGNALED(self->status)) {
        int number = WTERMSIG(self->status);
        const char *name = sigabbrev_np(number);
        snprintf(trial->reason, sizeof trial->reason, "killed by signal %d%s%s%s", number,
                 name != NULL ? " (SIG" : "", name != NULL ? name : "", name != NULL ? ")" : "");
        if (is_interrupt(number)) {
            return augsi_fail(error, AUGS_E_CANCELLED,
                              "finder: the trial of batch size %llu was interrupted: %s",
                              (unsigned long long)trial->batch_size, trial->reason);
        }
        return 0;
    }
    int code = WEXITSTATUS(self->status);
    snprintf(trial->reason, sizeof trial->reason, "exit code %d", code);
    if (code == 0) {
        return augsi_fail(
            error, AUGS_E_CALLBACK,
            "finder: the probe ended its process with exit code 0 at batch size %llu, "
            "step %u, instead of returning whether it fits",
            (unsigned long long)trial->batch_size, trial->n_steps > 0 ? trial->n_steps - 1 : 0);
    }
    return 0;
}

static int judge(const child *self, augs_trial *trial, augs_error *error)
{
    trial->n_steps = self->last.n_steps;
    if (self->last.verdict == NO_VERDICT) {
        return judge_end(self, trial, error);
    }
    if (self->last.verdict < 0) {
        return augsi_fail(error, self->last.verdict, "%.*s",
                          (int)sizeof self->last.error.message - 1, self->last.error.message);
    }
    return self->last.verdict;
}

static int start(child *self, const augsi_trial_runner *runner, uint64_t batch_size,
                 augs_error *error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return augsi_fail_errno(error, AUGS_E_STATE, errno, "finder: pipe to the child");
    }
    pid_t caller = getpid();
    self->pid = fork();
    if (self->pid < 0) {
        int errnum = errno;
        close(ends[0]);
        close(ends[1]);
        return augsi_fail_errno(error, AUGS_E_STATE, errnum, "finder: child process for a trial");
    }
    if (self->pid == 0) {
        close(ends[0]);
        run_child(runner, batch_size, caller, ends[1]);
    }
    close(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    self->pipe_end = ends[0];
    self->pipe_open = true;
    self->pidfd = (int)syscall(SYS_pidfd_open, self->pid, 0);
    return AUGS_OK;
}

static int run_in_child(const augsi_trial_runner *runner, augs_trial *trial, augs_error *error)
{
    child self = {.last.verdict = NO_VERDICT};
    int status = start(&self, runner, trial->batch_size, error);
    if (status < 0) {
        return status;
    }
    double seconds = runner->options.child_timeout_seconds;
    status = watch(&self, deadline_after(seconds));
    if (status == AUGS_E_TIMEOUT) {
        kill_child(&self);
        trial->n_steps = self.last.n_steps;
        augsi_fail(
            error, status,
            "finder: the trial of batch size %llu took longer than child_timeout_seconds %g, "
            "at step %u",
            (unsigned long long)trial->batch_size, seconds,
            trial->n_steps > 0 ? trial->n_steps - 1 : 0);
    }
    if (self.pidfd >= 0) {
        close(self.pidfd);
    }
    close(self.pipe_end);
    return status < 0 ? status : judge(&self, trial, error);
}

int augs_batch_size_find_in_child(augs_batch_probe probe, void *probe_user,
                                  const augs_finder_options *options,
                                  augs_finder_report *ret_report, augs_error *error)
{
    augsi_trial_runner runner = {.probe = probe, .probe_user = probe_user, .run = run_in_child};
    return augsi_finder_search(&runner, options, ret_report, error);
}
