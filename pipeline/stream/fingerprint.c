/* SPDX-License-Identifier: Apache-2.0 */
/* The canonical encoding of docs/contract.md, "Fingerprint", and its XXH3-128. */
#include <string.h>

#include <augstream/version.h>

#include "base/fail.h"
#include "base/text.h"
#include "pipeline/stream/stream_impl.h"

static void put(augsi_text *text, uint64_t number, unsigned n_bytes)
{
    unsigned char bytes[8];
    for (unsigned i = 0; i < n_bytes; i++) {
        bytes[i] = (unsigned char)(number >> (8 * i));
    }
    augsi_text_add(text, bytes, n_bytes);
}

static void put_f64(augsi_text *text, double number)
{
    uint64_t bits;
    number += 0.0; /* -0 and 0 are one number */
    memcpy(&bits, &number, sizeof bits);
    put(text, bits, 8);
}

static void put_string(augsi_text *text, const char *string)
{
    size_t n_bytes = strlen(string);
    put(text, n_bytes, 4);
    augsi_text_add(text, string, n_bytes);
}

static void put_column(augsi_text *text, const augs_column_info *info)
{
    put_string(text, info->name);
    put(text, info->kind, 1);
    put(text, info->flags, 1);
    put(text, info->shape, 4);
    for (uint32_t i = 0; i < 4; i++) {
        put_f64(text, augs_column_has_number(info, i) != 0 ? info->numbers[i] : 0);
    }
    put(text, info->gate, 4);
    put(text, info->gate == AUGS_NO_GATE ? 0 : info->gate_value, 4);
    put(text, info->gate == AUGS_NO_GATE ? 0 : info->identity_bits, 8);
    put(text, info->n_choices, 4);
    for (uint32_t k = 0; k < info->n_choices; k++) {
        put_string(text, info->choices[k].text);
        put(text, info->choices[k].is_number, 1);
        put_f64(text, info->choices[k].weight);
    }
}

int augsi_fingerprint_make(const augs_preset *preset, const augs_stream_options *options,
                           const augs_allocator *allocator, char ret_text[AUGSI_HASH128_TEXT],
                           augs_error *error)
{
    augsi_text text;
    augsi_text_init(&text, allocator);
    augsi_text_add(&text, "augstream", 9);
    put(&text, AUGS_CONTRACT_VERSION, 4);
    put(&text, options->n_samples, 8);
    put(&text, options->order, 1);
    put(&text, options->seed, 8);
    put(&text, augs_preset_n_columns(preset), 4);
    for (uint32_t i = 0; i < augs_preset_n_columns(preset); i++) {
        augs_column_info info = {.size = sizeof info};
        augs_preset_column(preset, i, &info);
        put_column(&text, &info);
    }
    int status = AUGS_OK;
    if (text.failed) {
        status = augsi_fail_memory(error, text.n_bytes);
    } else {
        augsi_hash128_text(augsi_hash128_of(text.data, text.n_bytes), ret_text);
    }
    augsi_text_done(&text);
    return status;
}
