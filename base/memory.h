/* SPDX-License-Identifier: Apache-2.0 */
/* All memory of the library: blocks, arenas, and the reference count of shared objects. */
#ifndef AUGSI_MEMORY_H
#define AUGSI_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <augstream/alloc.h>
#include <augstream/status.h>

#define AUGSI_SLAB_ALIGNMENT 64u

/* The C library's. */
extern const augs_allocator augsi_default_allocator;

/* Copies *given, or the default if it is NULL. AUGS_E_ARGUMENT if the table is incomplete. */
int augsi_allocator_copy(const augs_allocator *given, augs_allocator *ret_allocator,
                         augs_error *error);

/* n_bytes zeroed bytes, 16-byte aligned; NULL if there are none. n_bytes 0 is treated as 1. */
void *augsi_new(const augs_allocator *allocator, size_t n_bytes);
/* The same, 64-byte aligned and not zeroed. */
void *augsi_new_slab(const augs_allocator *allocator, size_t n_bytes);
/* NULL if count * size overflows, too. */
void *augsi_new_array(const augs_allocator *allocator, size_t count, size_t size);
/* n_bytes as asked for; NULL is fine. */
void augsi_delete(const augs_allocator *allocator, void *p, size_t n_bytes);
/* Moves an array to a larger one; the new part is zero. NULL: the old one is untouched. */
void *augsi_grow(const augs_allocator *allocator, void *p, size_t old_bytes, size_t new_bytes);
/* Says that large memory will be filled: huge pages, where the system has them, are filled and given
 * back much faster. */
void augsi_prefer_huge_pages(void *p, size_t n_bytes);
/* A copy with NUL of n_bytes of text; delete with n_bytes + 1. */
char *augsi_copy_text(const augs_allocator *allocator, const char *text, size_t n_bytes);
void augsi_delete_text(const augs_allocator *allocator, char *text);

/* An arena: memory that is given back all at once. */
typedef struct augsi_arena {
    augs_allocator allocator;
    struct augsi_arena_block *blocks;
} augsi_arena;

void augsi_arena_init(augsi_arena *arena, const augs_allocator *allocator);
void augsi_arena_done(augsi_arena *arena);
/* n_bytes zeroed bytes, 16-byte aligned, or NULL. */
void *augsi_arena_new(augsi_arena *arena, size_t n_bytes);
/* A copy with a NUL. */
char *augsi_arena_text(augsi_arena *arena, const char *text, size_t n_bytes);

typedef struct augsi_refcount {
    atomic_uint_fast32_t count;
} augsi_refcount;

static inline void augsi_refcount_init(augsi_refcount *refcount)
{
    atomic_init(&refcount->count, 1);
}

static inline void augsi_refcount_take(augsi_refcount *refcount)
{
    atomic_fetch_add_explicit(&refcount->count, 1, memory_order_relaxed);
}

/* true: that was the last one, and everything written by other holders is visible. */
static inline bool augsi_refcount_drop(augsi_refcount *refcount)
{
    if (atomic_fetch_sub_explicit(&refcount->count, 1, memory_order_acq_rel) == 1) {
        return true;
    }
    return false;
}

#endif
