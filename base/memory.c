/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/fail.h"
#include "base/float_env.h"
#include "base/sized_struct.h"

static void *default_allocate(void *user, size_t n_bytes, size_t alignment)
{
    (void)user;
    if (n_bytes > SIZE_MAX - alignment) {
        return NULL;
    }
    /* aligned_alloc wants a multiple of the alignment */
    return aligned_alloc(alignment, (n_bytes + alignment - 1) / alignment * alignment);
}

static void default_release(void *user, void *p, size_t n_bytes)
{
    (void)user;
    (void)n_bytes;
    free(p);
}

const augs_allocator augsi_default_allocator = {
    .size = sizeof(augs_allocator),
    .allocate = default_allocate,
    .release = default_release,
};

int augsi_allocator_copy(const augs_allocator *given, augs_allocator *ret_allocator,
                         augs_error *error)
{
    augs_allocator allocator;
    int status = AUGSI_TAKE(augs_allocator, given != NULL ? given : &augsi_default_allocator,
                            &allocator, error);
    if (status < 0) {
        return status;
    }
    if (allocator.allocate == NULL || allocator.release == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "allocator: both functions are required, allocate and release");
    }
    *ret_allocator = allocator;
    return AUGS_OK;
}

static void *allocate(const augs_allocator *allocator, size_t n_bytes, size_t alignment)
{
    AUGSI_CALLER_BEGIN;
    void *p = allocator->allocate(allocator->user, n_bytes == 0 ? 1 : n_bytes, alignment);
    AUGSI_CALLER_END;
    return p;
}

void *augsi_new(const augs_allocator *allocator, size_t n_bytes)
{
    void *p = allocate(allocator, n_bytes, 16);
    if (p != NULL) {
        memset(p, 0, n_bytes);
    }
    return p;
}

void *augsi_new_slab(const augs_allocator *allocator, size_t n_bytes)
{
    return allocate(allocator, n_bytes, AUGSI_SLAB_ALIGNMENT);
}

void *augsi_new_array(const augs_allocator *allocator, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        return NULL;
    }
    return augsi_new(allocator, count * size);
}

void augsi_delete(const augs_allocator *allocator, void *p, size_t n_bytes)
{
    if (p != NULL) {
        AUGSI_CALLER_BEGIN;
        allocator->release(allocator->user, p, n_bytes == 0 ? 1 : n_bytes);
        AUGSI_CALLER_END;
    }
}

void *augsi_grow(const augs_allocator *allocator, void *p, size_t old_bytes, size_t new_bytes)
{
    void *larger = augsi_new(allocator, new_bytes);
    if (larger != NULL && p != NULL) {
        memcpy(larger, p, old_bytes < new_bytes ? old_bytes : new_bytes);
        augsi_delete(allocator, p, old_bytes);
    }
    return larger;
}

void augsi_prefer_huge_pages(void *p, size_t n_bytes)
{
#ifdef MADV_HUGEPAGE
    const uintptr_t page = (uintptr_t)2 << 20; /* of most machines; only whole ones are asked for */
    const uintptr_t first = ((uintptr_t)p + page - 1) / page * page;
    const uintptr_t end = ((uintptr_t)p + n_bytes) / page * page;
    if (p != NULL && end > first && end - first >= 8 * page) {
        (void)!madvise((void *)first, end - first, MADV_HUGEPAGE);
    }
#else
    (void)p;
    (void)n_bytes;
#endif
}

char *augsi_copy_text(const augs_allocator *allocator, const char *text, size_t n_bytes)
{
    if (n_bytes == SIZE_MAX) {
        return NULL;
    }
    char *copy = augsi_new(allocator, n_bytes + 1);
    if (copy != NULL && n_bytes > 0) {
        memcpy(copy, text, n_bytes);
    }
    return copy;
}

void augsi_delete_text(const augs_allocator *allocator, char *text)
{
    if (text != NULL) {
        augsi_delete(allocator, text, strlen(text) + 1);
    }
}

/* ---- arenas ---- */

#define BLOCK_BYTES ((size_t)8192)

typedef struct augsi_arena_block {
    struct augsi_arena_block *next;
    size_t n_bytes; /* of the whole block */
    size_t used;
    size_t padding;
} arena_block;

void augsi_arena_init(augsi_arena *arena, const augs_allocator *allocator)
{
    *arena = (augsi_arena){.allocator = *allocator};
}

void augsi_arena_done(augsi_arena *arena)
{
    while (arena->blocks != NULL) {
        arena_block *next = arena->blocks->next;
        augsi_delete(&arena->allocator, arena->blocks, arena->blocks->n_bytes);
        arena->blocks = next;
    }
}

void *augsi_arena_new(augsi_arena *arena, size_t n_bytes)
{
    if (n_bytes > SIZE_MAX / 2) {
        return NULL;
    }
    n_bytes = (n_bytes + 15) / 16 * 16;
    arena_block *block = arena->blocks;
    if (block == NULL || block->n_bytes - block->used < n_bytes) {
        size_t whole = sizeof *block + (n_bytes > BLOCK_BYTES ? n_bytes : BLOCK_BYTES);
        block = augsi_new(&arena->allocator, whole);
        if (block == NULL) {
            return NULL;
        }
        *block = (arena_block){.next = arena->blocks, .n_bytes = whole, .used = sizeof *block};
        arena->blocks = block;
    }
    void *p = (char *)block + block->used;
    block->used += n_bytes;
    return p;
}

char *augsi_arena_text(augsi_arena *arena, const char *text, size_t n_bytes)
{
    char *copy = augsi_arena_new(arena, n_bytes + 1);
    if (copy != NULL && n_bytes > 0) {
        memcpy(copy, text, n_bytes);
    }
    return copy;
}
