/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUGSTREAM_EXPORT_H
#define AUGSTREAM_EXPORT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__)
#define AUGS_API __attribute__((visibility("default")))
#else
#define AUGS_API
#endif

/*
 * Stands behind every struct that begins with `uint32_t size`, which is the caller's sizeof. A
 * later version adds members behind the last one and changes no other. Inputs: a struct of an
 * older caller is taken with the missing members zero; one of a newer caller is taken if what
 * this version does not know is zero, else AUGS_E_ARGUMENT. Outputs: what fits is written.
 *
 * `type_init(&x)` zeroes x and sets its size: all defaults. `type_v1_bytes` is the size that the
 * struct had in the first version, the least that is accepted: it ends with `last`.
 */
#define AUGS_SIZED_STRUCT(type, last)                                                              \
    static inline void type##_init(type *ret_struct)                                               \
    {                                                                                              \
        memset(ret_struct, 0, sizeof *ret_struct);                                                 \
        ret_struct->size = (uint32_t)sizeof *ret_struct;                                           \
    }                                                                                              \
    enum { type##_v1_bytes = offsetof(type, last) + sizeof(((type *)0)->last) }

#ifdef __cplusplus
#define AUGS_BEGIN_DECLS extern "C" {
#define AUGS_END_DECLS }
#else
#define AUGS_BEGIN_DECLS
#define AUGS_END_DECLS
#endif

#endif
