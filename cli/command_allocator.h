/* SPDX-License-Identifier: Apache-2.0 */
/* Where the command's memory comes from: jemalloc if it is linked. */
#ifndef AUGSTREAM_CLI_COMMAND_ALLOCATOR_H
#define AUGSTREAM_CLI_COMMAND_ALLOCATOR_H

#include <augstream/alloc.h>

/* NULL: the C library's, which tells no figures. */
const augs_allocator *command_allocator(void);
const char *command_allocator_name(void); /* "jemalloc 5.3.0-..." or "the C library's" */

#endif
