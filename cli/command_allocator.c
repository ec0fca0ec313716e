/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdallocx needs the alignment of the allocation again, which augs_allocator does not hand back:
 * dallocx looks it up.
 */
#include "command_allocator.h"

#ifdef AUGSTREAM_JEMALLOC

#include <jemalloc/jemalloc.h>

/* Few arenas: the command has few threads, and its resident memory is to stay flat. */
const char *malloc_conf = "narenas:4,dirty_decay_ms:1000,muzzy_decay_ms:0";

static void *allocate(void *user, size_t n_bytes, size_t alignment)
{
    (void)user;
    return mallocx(n_bytes, MALLOCX_ALIGN(alignment));
}

static void release(void *user, void *p, size_t n_bytes)
{
    (void)user;
    (void)n_bytes;
    dallocx(p, 0);
}

const augs_allocator *command_allocator(void)
{
    static const augs_allocator allocator = {
        .size = sizeof allocator, .allocate = allocate, .release = release};
    return &allocator;
}

const char *command_allocator_name(void)
{
    return "jemalloc " JEMALLOC_VERSION;
}

#else

#include <stddef.h>

const augs_allocator *command_allocator(void)
{
    return NULL;
}

const char *command_allocator_name(void)
{
    return "the C library's";
}

#endif
