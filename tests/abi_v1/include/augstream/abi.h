/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constants and the layout of structs as functions, for programs that cannot
 * include the headers. A binding in another language asks the library that it
 * has loaded, and copies nothing.
 *
 *     uint64_t endless;
 *     augs_constant_find("AUGS_ENDLESS", &endless, &error);
 *     size_t n_bytes = augs_struct_bytes("augs_stream_options");
 *     void *options = calloc(1, n_bytes);
 *     augs_struct_init("augs_stream_options", options, n_bytes, &error);
 *     for (uint32_t i = 0; (name = augs_struct_member("augs_stream_options", i, &member)); i++) {
 *         printf("%s %s at %u\n", member.type, name, (unsigned)member.offset);
 *     }
 *     free(options);
 *
 * C and C++ programs do not need these functions. They have an inline function
 * per struct, such as augs_stream_options_init(&options).
 */
#ifndef AUGSTREAM_ABI_H
#define AUGSTREAM_ABI_H

#include <stddef.h>
#include <stdint.h>

#include <augstream/export.h>
#include <augstream/status.h>

AUGS_BEGIN_DECLS

/*
 * A member of a struct. It has no size of its own, because it never gets
 * another member.
 */
typedef struct augs_member {
    /* As in the header: "uint32_t", "double[4]", "const char *",
     * "int (*)(void *user, ...)". Static memory. */
    const char *type;
    uint64_t offset;  /* bytes from the start of the struct */
    uint64_t n_bytes; /* of the member; of an array, those of all elements */
} augs_member;

/*
 * Returns how many constants there are: every AUGS_... of the headers that is a
 * number. Any thread.
 */
AUGS_API uint32_t augs_constant_count(void);

/*
 * Returns the name of a constant, in the order of the headers. Returns NULL if
 * index is augs_constant_count or more. Static memory. Any thread.
 */
AUGS_API const char *augs_constant_name(uint32_t index);

/*
 * Finds the value of a constant by its name, such as "AUGS_ENDLESS". Negative
 * values (AUGS_E_...) are given as two's complement. Any thread.
 *
 * AUGS_E_NOT_FOUND if there is no such constant; the message names the nearest.
 * AUGS_E_ARGUMENT if name or ret_value is NULL.
 */
AUGS_API int augs_constant_find(const char *name, uint64_t *ret_value, augs_error *error);

/* Returns how many public structs there are. Any thread. */
AUGS_API uint32_t augs_struct_count(void);

/*
 * Returns the name of a struct, such as "augs_stream_options". Returns NULL if
 * index is augs_struct_count or more. Static memory. Any thread.
 */
AUGS_API const char *augs_struct_name(uint32_t index);

/*
 * Returns the bytes of a struct in this version of the library. Returns 0 if
 * name is NULL or no struct has it. Any thread.
 */
AUGS_API size_t augs_struct_bytes(const char *name);

/*
 * Returns the least `size` that functions accept for a struct: the bytes that
 * it had in its first version. A struct without a `size` gives its bytes.
 * Returns 0 if name is NULL or no struct has it. Any thread.
 */
AUGS_API size_t augs_struct_first_bytes(const char *name);

/*
 * Returns the name of a member of a struct, and writes where it is. Members are
 * in the order of the header. ret_member may be NULL. Returns NULL, and writes
 * nothing, if there is no such struct or no such member. Any thread.
 */
AUGS_API const char *augs_struct_member(const char *name, uint32_t index, augs_member *ret_member);

/*
 * Sets all n_bytes of a struct to zero and then its `size`, if it has one: all
 * defaults. n_bytes may be more than this version knows. Any thread.
 *
 * AUGS_E_NOT_FOUND if name is NULL or no struct has it.
 * AUGS_E_ARGUMENT if ret_struct is NULL, or n_bytes is less than
 * augs_struct_first_bytes or does not fit 32 bits: nothing is written.
 */
AUGS_API int augs_struct_init(const char *name, void *ret_struct, size_t n_bytes,
                              augs_error *error);

AUGS_END_DECLS

#endif
