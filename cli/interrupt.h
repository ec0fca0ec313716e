/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SIGINT, SIGTERM and SIGHUP: the first asks to finish what is in hand, a second one ends the
 * process at once with exit status 1. One that was ignored when the process started stays ignored.
 * SIGPIPE is ignored: writing tells.
 */
#ifndef AUGSTREAM_CLI_INTERRUPT_H
#define AUGSTREAM_CLI_INTERRUPT_H

#include <stdbool.h>

/* `hook` (may be NULL) is called in the handler of the first signal: async-signal-safe only. */
void interrupt_watch(bool quiet, void (*hook)(void *user), void *user);
/* The hook's object goes away. */
void interrupt_unhook(void);
bool interrupt_asked(void);

#endif
