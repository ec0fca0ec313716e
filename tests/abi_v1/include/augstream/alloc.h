/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUGSTREAM_ALLOC_H
#define AUGSTREAM_ALLOC_H

#include <stddef.h>
#include <stdint.h>

#include <augstream/export.h>

AUGS_BEGIN_DECLS

/* What an allocator says of itself, in the words of jemalloc. 0 = not known. A member of other
 * structs, so without a size: it never gets another member. */
typedef struct augs_allocator_figures {
    uint64_t allocated_bytes; /* in use by the program */
    uint64_t active_bytes;    /* in pages that hold any of it */
    uint64_t resident_bytes;  /* in memory, with free pages that are kept for later */
    uint64_t retained_bytes;  /* address space without memory that is kept for later */
    uint64_t reserved[4];     /* 0 */
} augs_allocator_figures;

/*
 * Where all memory of the library comes from. The table is copied in; `user` must outlive every
 * object made with it. Both functions may be called from several threads at once.
 *
 * allocate: n_bytes >= 1, alignment a power of two >= 16; NULL when there is no memory.
 * release: p is never NULL; n_bytes is the size that was asked for.
 * figures: NULL, or fills in *ret_figures, which is zeroed. A pipeline's own
 * memory monitor asks with every reading.
 * trim: NULL, or gives free memory back to the system at once. A pipeline calls it while the
 * memory monitor's level is high or critical, and the figures say that it is worth it.
 */
typedef struct augs_allocator {
    uint32_t size; /* sizeof(augs_allocator) */
    uint32_t reserved;
    void *(*allocate)(void *user, size_t n_bytes, size_t alignment);
    void (*release)(void *user, void *p, size_t n_bytes);
    void *user;
    void (*figures)(void *user, augs_allocator_figures *ret_figures);
    void (*trim)(void *user);
} augs_allocator;
AUGS_SIZED_STRUCT(augs_allocator, trim);

AUGS_END_DECLS

#endif
