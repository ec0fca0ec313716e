/* SPDX-License-Identifier: Apache-2.0 */
/* What other files of this folder see of a stream. */
#ifndef AUGSI_STREAM_IMPL_H
#define AUGSI_STREAM_IMPL_H

#include <augstream/stream.h>

#include "base/checksum.h"
#include "base/memory.h"
#include "pipeline/stream/column.h"
#include "pipeline/stream/order.h"

struct augs_stream {
    augsi_refcount refcount;
    augs_allocator allocator;
    augs_preset *preset;
    augs_stream_options options;
    augsi_order order;
    uint32_t n_columns; /* of the preset */
    augsi_column *columns;
    bool any_gated_gate;
    uint64_t sample_bytes;
    char fingerprint[AUGSI_HASH128_TEXT];
};

const augs_allocator *augsi_stream_allocator(const augs_stream *stream);

/* The fingerprint's text. AUGS_E_NO_MEMORY. */
int augsi_fingerprint_make(const augs_preset *preset, const augs_stream_options *options,
                           const augs_allocator *allocator, char ret_text[AUGSI_HASH128_TEXT],
                           augs_error *error);

/* The columns of the stream behind augs_self_test_hash: every kind. Declared for the test that looks
 * for each kind among them. Not to be called by two threads at once. */
const augs_column_info *augsi_self_test_columns(uint32_t *ret_n_columns);

#endif
