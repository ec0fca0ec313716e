/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is given back all at once. */
#ifndef AUGSI_ARENA_H
#define AUGSI_ARENA_H

#include <stddef.h>

#include <augstream/alloc.h>

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

#endif
