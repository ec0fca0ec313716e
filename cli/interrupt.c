/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "cli/exit_status.h"

static volatile sig_atomic_t asked;
static volatile sig_atomic_t is_quiet;
static void (*volatile the_hook)(void *user);
static void *volatile hook_user;

static void on_signal(int number)
{
    (void)number;
    if (asked) {
        _exit(EXIT_FAILED);
    }
    asked = 1;
    int before = errno;
    if (!is_quiet) {
        static const char text[] =
            "\naugstream: finishing what is in hand; once more to stop at once\n";
        ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
        (void)written;
    }
    void (*hook)(void *) = the_hook;
    if (hook != NULL) {
        hook(hook_user);
    }
    errno = before;
}

void interrupt_watch(bool quiet, void (*hook)(void *user), void *user)
{
    is_quiet = quiet;
    hook_user = user;
    the_hook = hook;
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal}, before;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        /* nohup, or a shell's background job: whoever ignores a signal means its children, too */
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            sigaction(numbers[i], &action, NULL);
        }
    }
    if (asked && hook != NULL) {
        hook(user);
    }
}

void interrupt_unhook(void)
{
    the_hook = NULL;
}

bool interrupt_asked(void)
{
    return asked != 0;
}
