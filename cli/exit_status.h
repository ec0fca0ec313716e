/* SPDX-License-Identifier: Apache-2.0 */
/* How the command ends, and how it says why. */
#ifndef AUGSTREAM_CLI_EXIT_STATUS_H
#define AUGSTREAM_CLI_EXIT_STATUS_H

#include <stdbool.h>
#include <stdio.h>

#include <augstream/status.h>

enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_CONFIGURATION = 3, /* bad preset or configuration */
    EXIT_PARTLY = 4,        /* stopped or incomplete; what is there is good */
    EXIT_DATA = 5,          /* corrupt or mismatching data */
    EXIT_TRY_AGAIN = 75
};

/* The exit status of a library status. */
int exit_status_of(int status);

/* "augstream: ..." on stderr, with control characters escaped; returns exit_status. */
int complain(int exit_status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same with the library's message. */
int complain_error(const augs_error *error);
/* A line of information on stderr, unless `quiet`. */
void tell(bool quiet, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Ends a line that a progress bar may have left open; set by progress.c. */
extern void (*before_message)(void);

/* true: stderr is a terminal that knows escape sequences: TERM is set and not dumb. */
bool terminal_obeys(void);
/* true: such a terminal, and NO_COLOR is not set. */
bool may_color(void);

#endif
