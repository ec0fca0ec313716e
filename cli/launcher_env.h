/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rank and world size, as launchers tell them (docs/protocol.md, "Rank and world size"). The first
 * source in this order that is set is the one:
 *
 *   --rank and --world-size > AUGSTREAM_ > torchrun > Open MPI > PMI > Slurm step > Slurm array >
 *   Horovod > Flux > Kubernetes indexed job (with a given size) > 0/1
 *
 * An empty variable counts as not set. A pair of which only one is set, and values that are no
 * numbers or do not fit each other, are refused.
 */
#ifndef AUGSTREAM_CLI_LAUNCHER_ENV_H
#define AUGSTREAM_CLI_LAUNCHER_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The value of a variable, or NULL. */
typedef const char *launcher_get(void *user, const char *name);

/* From the command line. */
typedef struct launcher_given {
    bool has_rank;
    bool has_world_size;
    uint32_t rank;
    uint32_t world_size;
} launcher_given;

typedef struct launcher_place {
    uint32_t rank;
    uint32_t world_size;
    const char *source;  /* "torchrun"...; static */
    size_t source_index; /* into launcher_source; SIZE_MAX = the command line or nothing */
} launcher_place;

/* 0, or -1 and a message of what is wrong and what would be accepted. */
int launcher_find(const launcher_given *given, launcher_get *get, void *user,
                  launcher_place *ret_place, char *ret_message, size_t n_bytes);

/* For explanations: the name of a source and its variables (NULL-terminated); NULL beyond. */
const char *launcher_source(size_t index, const char *const **ret_variables);

/* getenv as a launcher_get. */
const char *launcher_getenv(void *user, const char *name);

#endif
