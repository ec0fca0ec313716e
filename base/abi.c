/* SPDX-License-Identifier: Apache-2.0 */
/* What a caller can ask of the library about itself: versions, constants and structs. */
#include <augstream/abi.h>
#include <augstream/version.h>

#include <string.h>

#include "base/abi_table.h"
#include "base/fail.h"
#include "base/words.h"

uint32_t augs_contract_version(void)
{
    return AUGS_CONTRACT_VERSION;
}

const char *augs_version(void)
{
    return AUGSI_VERSION;
}

uint32_t augs_constant_count(void)
{
    return augsi_n_constant_rows;
}

const char *augs_constant_name(uint32_t index)
{
    return index < augsi_n_constant_rows ? augsi_constant_rows[index].name : NULL;
}

int augs_constant_find(const char *name, uint64_t *ret_value, augs_error *error)
{
    if (name == NULL || ret_value == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "constant: name and ret_value are required");
    }
    augsi_suggestion suggestion = {.word = name};
    for (uint32_t i = 0; i < augsi_n_constant_rows; i++) {
        if (strcmp(augsi_constant_rows[i].name, name) == 0) {
            *ret_value = augsi_constant_rows[i].value;
            return AUGS_OK;
        }
        augsi_suggest(&suggestion, augsi_constant_rows[i].name);
    }
    char hint[AUGSI_HINT_BYTES];
    return augsi_fail(error, AUGS_E_NOT_FOUND, "there is no constant '%.200s'%s", name,
                      augsi_suggestion_text(&suggestion, hint));
}

uint32_t augs_struct_count(void)
{
    return augsi_n_struct_rows;
}

const char *augs_struct_name(uint32_t index)
{
    return index < augsi_n_struct_rows ? augsi_struct_rows[index].name : NULL;
}

static const augsi_struct_row *find_struct(const char *name)
{
    for (uint32_t i = 0; name != NULL && i < augsi_n_struct_rows; i++) {
        if (strcmp(augsi_struct_rows[i].name, name) == 0) {
            return &augsi_struct_rows[i];
        }
    }
    return NULL;
}

size_t augs_struct_bytes(const char *name)
{
    const augsi_struct_row *row = find_struct(name);
    return row != NULL ? row->n_bytes : 0;
}

size_t augs_struct_first_bytes(const char *name)
{
    const augsi_struct_row *row = find_struct(name);
    return row != NULL ? row->first_bytes : 0;
}

const char *augs_struct_member(const char *name, uint32_t index, augs_member *ret_member)
{
    const augsi_struct_row *row = find_struct(name);
    if (row == NULL || index >= row->n_members) {
        return NULL;
    }
    if (ret_member != NULL) {
        *ret_member = row->members[index].member;
    }
    return row->members[index].name;
}

int augs_struct_init(const char *name, void *ret_struct, size_t n_bytes, augs_error *error)
{
    const augsi_struct_row *row = find_struct(name);
    if (row == NULL) {
        return augsi_fail(error, AUGS_E_NOT_FOUND, "there is no struct '%.200s'",
                          name != NULL ? name : "NULL");
    }
    if (ret_struct == NULL || n_bytes < row->first_bytes || n_bytes > UINT32_MAX) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "%s: %zu bytes; accepted: %zu or more (%zu in this version)", row->name,
                          ret_struct == NULL ? 0 : n_bytes, row->first_bytes, row->n_bytes);
    }
    const uint32_t size = (uint32_t)n_bytes;
    memset(ret_struct, 0, n_bytes);
    if (row->has_size) {
        memcpy(ret_struct, &size, sizeof size);
    }
    return AUGS_OK;
}
