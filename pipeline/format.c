/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <augstream/sink.h>

#include "fail.h"

static const char *const format_names[] = {
    [AUGS_FORMAT_JSONL] = "jsonl",
    [AUGS_FORMAT_CSV] = "csv",
    [AUGS_FORMAT_MSGPACK] = "msgpack",
    [AUGS_FORMAT_NPY] = "npy",
    [AUGS_FORMAT_SAFETENSORS] = "safetensors",
};
#define N_FORMATS (sizeof format_names / sizeof format_names[0])

const char *augs_format_name(uint32_t format)
{
    return format < N_FORMATS ? format_names[format] : NULL;
}

int augs_format_find(const char *name, uint32_t *ret_format, augs_error *error)
{
    if (name == NULL || ret_format == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "format: name and ret_format must not be NULL");
    }
    for (uint32_t i = 1; i < N_FORMATS; i++) {
        if (strcmp(name, format_names[i]) == 0) {
            *ret_format = i;
            return AUGS_OK;
        }
    }
    const char *near = augsi_nearest(name, format_names + 1, N_FORMATS - 1);
    return augsi_fail(error, AUGS_E_NOT_FOUND,
                      "format '%s': there are jsonl, csv, msgpack, npy, safetensors%s%s%s", name,
                      near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
                      near != NULL ? "'?" : "");
}
