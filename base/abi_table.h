/* SPDX-License-Identifier: Apache-2.0 */
/* The constants and structs of the public headers, as base/abi_table.py reads them. */
#ifndef AUGSI_ABI_TABLE_H
#define AUGSI_ABI_TABLE_H

#include <stdbool.h>

#include <augstream/abi.h>

typedef struct augsi_constant_row {
    const char *name;
    uint64_t value;
} augsi_constant_row;

typedef struct augsi_member_row {
    const char *name;
    augs_member member;
} augsi_member_row;

typedef struct augsi_struct_row {
    const char *name;
    size_t n_bytes, first_bytes;
    bool has_size;
    const augsi_member_row *members;
    uint32_t n_members;
} augsi_struct_row;

extern const augsi_constant_row augsi_constant_rows[];
extern const uint32_t augsi_n_constant_rows;
extern const augsi_struct_row augsi_struct_rows[];
extern const uint32_t augsi_n_struct_rows;

#endif
