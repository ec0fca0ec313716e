/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/exit_status.h"
#include "cli/options/help.h"
#include "cli/options/options.h"
#include "cli/standard_files.h"

/* What is still buffered for stdout: a reader that went away is a quiet end, a full disk is not. */
static int close_stdout(int result)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return result;
    }
    if (errno == EPIPE) {
        return result;
    }
    return complain(EXIT_FAILED, "writing to stdout: %s", strerror(errno != 0 ? errno : EIO));
}

typedef int command_function(const arguments *of);

static command_function *const functions[N_COMMANDS] = {
#define FUNCTION(ID, name) [CMD_##ID] = command_##name,
    COMMANDS(FUNCTION)
#undef FUNCTION
};

int main(int argc, char **argv)
{
    standard_files_prepare();
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        help_put_all(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        help_put_all(stdout);
        return close_stdout(EXIT_DONE);
    }
    bool asks = argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0);
    if (asks && help_put_named(stdout, argv[1])) {
        return close_stdout(EXIT_DONE);
    }
    if (strcmp(argv[1], "--version") == 0) {
        argv[1] = "version";
    }
    arguments given;
    int result = arguments_parse(&given, argc - 1, argv + 1);
    if (result == EXIT_DONE && given.given[OPT_HELP]) {
        help_put_command(stdout, given.command);
    } else if (result == EXIT_DONE) {
        result = functions[command_index(given.command)](&given);
    }
    arguments_free(&given);
    return close_stdout(result);
}
