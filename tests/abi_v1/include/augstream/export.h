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
 * Follows every struct that begins with `uint32_t size`, which is the caller's
 * sizeof. A later version adds members at the end and changes no other.
 *
 * Inputs: members that an older caller does not have count as zero. A newer
 * caller gets AUGS_E_ARGUMENT if a member that this version does not know is
 * not zero. Outputs: the library writes the members that fit.
 *
 * `type_init(&x)` sets x to zero and then its size: all defaults.
 * `type_v1_bytes` is the least size that is accepted. It is the size of the
 * first version, which ended with the member `last`.
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
