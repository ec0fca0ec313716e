/* SPDX-License-Identifier: Apache-2.0 */
/* Reading msgpack from untrusted bytes, front to back; the first failure sticks. */
#ifndef AUGSI_WIRE_READER_H
#define AUGSI_WIRE_READER_H

#include "distributed/wire.h"

typedef struct augsi_reader {
    const unsigned char *at, *end;
    bool failed;
} augsi_reader;

/* Whether n_bytes are exactly one msgpack value whose counts fit its bytes, nested at most
 * max_depth. */
bool augsi_wire_walk(const void *data, size_t n_bytes, unsigned max_depth);

/* 0 and `failed` if the next value is something else, likewise below. */
uint32_t augsi_read_array(augsi_reader *reader);
uint64_t augsi_read_u64(augsi_reader *reader);
uint32_t augsi_read_u32(augsi_reader *reader);
double augsi_read_f64(augsi_reader *reader);
augsi_bytes augsi_read_text(augsi_reader *reader);
bool augsi_read_nil(augsi_reader *reader); /* true and past it if it is one; never fails */

#endif
