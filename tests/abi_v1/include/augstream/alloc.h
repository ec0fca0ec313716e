/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUGSTREAM_ALLOC_H
#define AUGSTREAM_ALLOC_H

#include <stddef.h>
#include <stdint.h>

#include <augstream/export.h>

AUGS_BEGIN_DECLS

/*
 * What an allocator says of itself, in the words of jemalloc. 0 means not
 * known. The struct is a member of others, so it has no size and never gets
 * another member.
 */
typedef struct augs_allocator_figures {
    uint64_t allocated_bytes; /* in use by the program */
    uint64_t active_bytes;    /* in pages that hold any of it */
    uint64_t resident_bytes;  /* in memory, with free pages kept for later */
    uint64_t retained_bytes;  /* address space without memory kept for later */
    uint64_t reserved[4];     /* 0 */
} augs_allocator_figures;

/*
 * Where all memory of the library comes from. The library copies the table.
 * `user` must stay valid as long as any object that was made with the table.
 * Every function may be called from several threads at once.
 */
typedef struct augs_allocator {
    uint32_t size;     /* sizeof(augs_allocator) */
    uint32_t reserved; /* 0 */
    /* Returns n_bytes (at least 1), aligned to a power of two of at least 16.
     * Returns NULL if there is no memory. Required. */
    void *(*allocate)(void *user, size_t n_bytes, size_t alignment);
    /* Takes memory back. p is never NULL, and n_bytes is the size that was
     * asked for. Required. */
    void (*release)(void *user, void *p, size_t n_bytes);
    void *user; /* handed to every function; may be NULL */
    /* Fills in *ret_figures, which is zeroed. A memory monitor that a pipeline
     * opens itself asks with every reading. NULL = no figures. */
    void (*figures)(void *user, augs_allocator_figures *ret_figures);
    /* Gives free memory back to the system at once. A pipeline calls it while
     * memory is high or critical and the figures say that it helps. NULL = not. */
    void (*trim)(void *user);
} augs_allocator;
AUGS_SIZED_STRUCT(augs_allocator, trim);

AUGS_END_DECLS

#endif
