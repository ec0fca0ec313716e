/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sdallocx needs the alignment of the allocation again, which augs_allocator does not hand back:
 * dallocx looks it up.
 */
#include "cli/command_allocator.h"

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

const char *command_allocator_name(void)
{
    return "jemalloc " JEMALLOC_VERSION;
}

static uint64_t figure(const char *name)
{
    size_t value = 0, n_bytes = sizeof value;
    return mallctl(name, &value, &n_bytes, NULL, 0) == 0 ? value : 0;
}

static void tell_figures(void *user, augs_allocator_figures *ret_figures)
{
    (void)user;
    uint64_t epoch = 1; /* the figures are those of the last time it was written */
    mallctl("epoch", NULL, NULL, &epoch, sizeof epoch);
    ret_figures->allocated_bytes = figure("stats.allocated");
    ret_figures->active_bytes = figure("stats.active");
    ret_figures->resident_bytes = figure("stats.resident");
    ret_figures->retained_bytes = figure("stats.retained");
}

#define TEXT_OF(number) #number
#define ALL_ARENAS(number) "arena." TEXT_OF(number) ".purge"

/* Free pages of all arenas go back to the system. */
static void trim(void *user)
{
    (void)user;
    mallctl(ALL_ARENAS(MALLCTL_ARENAS_ALL), NULL, NULL, NULL, 0);
}

const augs_allocator *command_allocator(void)
{
    static const augs_allocator allocator = {.size = sizeof allocator,
                                             .allocate = allocate,
                                             .release = release,
                                             .figures = tell_figures,
                                             .trim = trim};
    return &allocator;
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
