/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUGSTREAM_ALLOC_H
#define AUGSTREAM_ALLOC_H

#include <stddef.h>
#include <stdint.h>

#include <augstream/export.h>

AUGS_BEGIN_DECLS

/*
 * Where all memory of the library comes from. The table is copied in; `user` must outlive every
 * object made with it. Both functions may be called from several threads at once.
 *
 * allocate: n_bytes >= 1, alignment a power of two >= 16; NULL when there is no memory.
 * release: p is never NULL; n_bytes is the size that was asked for.
 */
typedef struct augs_allocator {
    uint32_t size; /* sizeof(augs_allocator) */
    uint32_t reserved;
    void *(*allocate)(void *user, size_t n_bytes, size_t alignment);
    void (*release)(void *user, void *p, size_t n_bytes);
    void *user;
} augs_allocator;

AUGS_END_DECLS

#endif
