/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structs that begin with `uint32_t size`, as callers of other versions have them. A caller may be
 * older (its struct ends earlier) or newer (it goes on behind the last member known here). Every
 * public function reads and writes such structs through this file only.
 */
#ifndef AUGSI_SIZED_STRUCT_H
#define AUGSI_SIZED_STRUCT_H

#include <stddef.h>
#include <stdint.h>

#include <augstream/export.h>
#include <augstream/status.h>

/* No struct is larger: a `size` above it is not a size, but memory that was never set. */
#define AUGSI_MOST_STRUCT_BYTES (1u << 20)

typedef struct augsi_sized_type {
    const char *name;
    size_t first_bytes; /* of version 1 */
    size_t known_bytes; /* of this version */
} augsi_sized_type;

#define AUGSI_SIZED_TYPE(type)                                                                     \
    (&(const augsi_sized_type){                                                                    \
        .name = #type, .first_bytes = (size_t)type##_v1_bytes, .known_bytes = sizeof(type)})

/* A pointer of another type than `type *` does not compile. */
#define AUGSI_SIZED_IN(type, p) ((void)sizeof((const type *)NULL == (p)), (p))

/*
 * An input: *ret_copy gets what this version knows of *given, the rest of it zero, and its own
 * size. NULL gives a zeroed one, which means all defaults. AUGS_E_ARGUMENT if *given is smaller
 * than version 1, or if a byte behind the last known member is not zero: it asks for something that
 * this version cannot do.
 */
#define AUGSI_TAKE(type, given, ret_copy, error)                                                   \
    augsi_sized_take(AUGSI_SIZED_TYPE(type), AUGSI_SIZED_IN(type, given),                          \
                     AUGSI_SIZED_IN(type, ret_copy), (error))

/* An output before the work: AUGS_E_ARGUMENT if it is NULL or smaller than version 1. */
#define AUGSI_CHECK_OUTPUT(type, ret, error)                                                       \
    augsi_sized_check(AUGSI_SIZED_TYPE(type), AUGSI_SIZED_IN(type, ret), (error))

/*
 * An output: *ret gets as much of *source as it has space for and keeps its size. What it has behind
 * the members known here is set to zero: not known. Nothing happens if AUGSI_CHECK_OUTPUT would
 * fail.
 */
#define AUGSI_GIVE(type, source, ret)                                                              \
    augsi_sized_give(AUGSI_SIZED_TYPE(type), AUGSI_SIZED_IN(type, source),                         \
                     AUGSI_SIZED_IN(type, ret))

int augsi_sized_take(const augsi_sized_type *type, const void *given, void *ret_copy,
                     augs_error *error);
int augsi_sized_check(const augsi_sized_type *type, const void *ret, augs_error *error);
int augsi_sized_give(const augsi_sized_type *type, const void *source, void *ret);

#endif
