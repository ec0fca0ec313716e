/* SPDX-License-Identifier: Apache-2.0 */
/* stdin, stdout and stderr as the parent left them: closed, or not blocking. */
#ifndef AUGSTREAM_CLI_STANDARD_FILES_H
#define AUGSTREAM_CLI_STANDARD_FILES_H

/*
 * Call it first. A closed one is occupied, so that no file of ours gets its number: reading stdin
 * and writing stdout fail as on a closed file, and what goes to stderr is dropped. Writing to
 * stdout or stderr that do not block waits until there is space.
 */
void standard_files_prepare(void);

#endif
