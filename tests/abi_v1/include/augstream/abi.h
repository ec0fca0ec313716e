/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constants and the layout of structs as functions, for programs that cannot include the headers:
 * a binding in another language asks the library that it has loaded, and copies nothing.
 *
 *     uint64_t endless;
 *     augs_constant_find("AUGS_ENDLESS", &endless, &error);
 *     size_t n_bytes = augs_struct_bytes("augs_stream_options");
 *     void *options = calloc(1, n_bytes);
 *     augs_struct_init("augs_stream_options", options, n_bytes, &error);
 *     for (uint32_t i = 0; (name = augs_struct_member("augs_stream_options", i, &member)); i++) {
 *         // `name` is at member.offset and of the C type member.type
 *     }
 *
 * C and C++ programs need none of it: `augs_stream_options_init(&options)` stands behind each
 * struct. All functions may be called from any thread; texts are static memory.
 */
#ifndef AUGSTREAM_ABI_H
#define AUGSTREAM_ABI_H

#include <stddef.h>
#include <stdint.h>

#include <augstream/export.h>
#include <augstream/status.h>

AUGS_BEGIN_DECLS

/* A member of a struct. It has no size of its own: it never gets another member. */
typedef struct augs_member {
    const char *type; /* as in the header: "uint32_t", "double[4]", "const char *",
                         "int (*)(void *user, ...)" */
    uint64_t offset;  /* from the struct's start */
    uint64_t n_bytes; /* an array's are those of all its elements */
} augs_member;

/* How many constants there are: every AUGS_... of the headers that is a number. */
AUGS_API uint32_t augs_constant_count(void);
/* The name of one, in the order of the headers; NULL from augs_constant_count on. */
AUGS_API const char *augs_constant_name(uint32_t index);
/*
 * The value of a constant, "AUGS_ENDLESS"; negative ones (AUGS_E_...) as two's complement.
 * AUGS_E_NOT_FOUND names the nearest one. AUGS_E_ARGUMENT if an argument is NULL.
 */
AUGS_API int augs_constant_find(const char *name, uint64_t *ret_value, augs_error *error);

/* How many public structs there are. */
AUGS_API uint32_t augs_struct_count(void);
/* The name of one, "augs_stream_options"; NULL from augs_struct_count on. */
AUGS_API const char *augs_struct_name(uint32_t index);
/* Bytes of a struct in this version of the library; 0 if there is no struct of that name. */
AUGS_API size_t augs_struct_bytes(const char *name);
/*
 * The least `size` that is accepted for a struct: the bytes that it had in its first version. For a
 * struct without a `size`, its bytes. 0 if there is no struct of that name.
 */
AUGS_API size_t augs_struct_first_bytes(const char *name);
/*
 * The name of a member, in the order of the header, and where it lies; NULL, and nothing written,
 * from the number of members on, or if there is no struct of that name. ret_member may be NULL.
 */
AUGS_API const char *augs_struct_member(const char *name, uint32_t index, augs_member *ret_member);
/*
 * Zeroes a struct of n_bytes and sets its `size`, if it has one: all defaults. AUGS_E_NOT_FOUND if
 * there is no struct of that name, AUGS_E_ARGUMENT if ret_struct is NULL or n_bytes less than
 * augs_struct_first_bytes: nothing is written.
 */
AUGS_API int augs_struct_init(const char *name, void *ret_struct, size_t n_bytes,
                              augs_error *error);

AUGS_END_DECLS

#endif
