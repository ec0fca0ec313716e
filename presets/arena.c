/* SPDX-License-Identifier: Apache-2.0 */
#include "presets/arena.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"

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
