/* SPDX-License-Identifier: Apache-2.0 */
/* Where the command's memory comes from: jemalloc if it is linked. */
#ifndef AUGSTREAM_CLI_COMMAND_ALLOCATOR_H
#define AUGSTREAM_CLI_COMMAND_ALLOCATOR_H

#include <augstream/alloc.h>
#include <augstream/memory_monitor.h>

/* NULL: the C library's. */
const augs_allocator *command_allocator(void);
/* What it says of itself, for a memory monitor; the C library's says nothing. */
void command_allocator_figures(void *user, augs_allocator_figures *ret_figures);
const char *command_allocator_name(void); /* "jemalloc 5.3.0-..." or "the C library's" */

#endif
