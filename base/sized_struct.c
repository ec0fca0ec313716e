/* SPDX-License-Identifier: Apache-2.0 */
#include "base/sized_struct.h"

#include <string.h>

#include "base/fail.h"

static uint32_t size_of(const void *given)
{
    uint32_t size;
    memcpy(&size, given, sizeof size);
    return size;
}

int augsi_sized_check(const augsi_sized_type *type, const void *ret, augs_error *error)
{
    if (ret == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "%s: NULL; a struct is required", type->name);
    }
    const uint32_t size = size_of(ret);
    if (size < type->first_bytes || size > AUGSI_MOST_STRUCT_BYTES) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "%s: size %u; accepted: sizeof(%s), at least %zu bytes (%zu in this "
                          "version)",
                          type->name, size, type->name, type->first_bytes, type->known_bytes);
    }
    return AUGS_OK;
}

int augsi_sized_take(const augsi_sized_type *type, const void *given, void *ret_copy,
                     augs_error *error)
{
    const uint32_t known = (uint32_t)type->known_bytes;
    const unsigned char *bytes = given;
    size_t used = 0;
    if (given != NULL) {
        int status = augsi_sized_check(type, given, error);
        if (status < 0) {
            return status;
        }
        const size_t size = size_of(given);
        for (size_t i = known; i < size; i++) {
            if (bytes[i] != 0) {
                return augsi_fail(error, AUGS_E_ARGUMENT,
                                  "%s: size %zu, and byte %zu is not zero; this version knows the "
                                  "first %u bytes, and what follows must be zero",
                                  type->name, size, i, known);
            }
        }
        used = size < known ? size : known;
        memmove(ret_copy, given, used); /* they may be one */
    }
    memset((unsigned char *)ret_copy + used, 0, known - used);
    memcpy(ret_copy, &known, sizeof known);
    return AUGS_OK;
}

int augsi_sized_give(const augsi_sized_type *type, const void *source, void *ret)
{
    if (augsi_sized_check(type, ret, NULL) < 0) {
        return AUGS_E_ARGUMENT;
    }
    const uint32_t size = size_of(ret);
    const size_t known = size < type->known_bytes ? size : type->known_bytes;
    memmove(ret, source, known);
    memset((unsigned char *)ret + known, 0, size - known);
    memcpy(ret, &size, sizeof size);
    return AUGS_OK;
}
