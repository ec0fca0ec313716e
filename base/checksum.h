/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums: XXH3 (libxxhash) and the CRC-32 of zlib. */
#ifndef AUGSI_CHECKSUM_H
#define AUGSI_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

typedef struct augsi_hash128 {
    uint64_t low;
    uint64_t high;
} augsi_hash128;

#define AUGSI_HASH128_TEXT 33u

uint64_t augsi_hash64(const void *data, size_t n_bytes);
augsi_hash128 augsi_hash128_of(const void *data, size_t n_bytes);
/* The same over n_parts pieces one after the other. */
augsi_hash128 augsi_hash128_of_parts(const void *const *parts, const size_t *sizes_bytes,
                                     size_t n_parts);
/* The same over bytes that come piece after piece. Memory of 64-byte alignment (augsi_new_slab) and
 * augsi_hash_stream_bytes() bytes. */
typedef struct augsi_hash_stream augsi_hash_stream;
size_t augsi_hash_stream_bytes(void);
void augsi_hash_stream_begin(augsi_hash_stream *stream);
void augsi_hash_stream_add(augsi_hash_stream *stream, const void *data, size_t n_bytes);
augsi_hash128 augsi_hash_stream_end(const augsi_hash_stream *stream);
/* Adds the hashes of n_records records that lie one after the other to a 128-bit sum, low half
 * first. */
void augsi_hash128_add(const void *records, size_t record_bytes, size_t n_records, uint64_t sum[2]);
/* 32 lower-case digits, most significant first (XXH128's canonical form), and a NUL. */
void augsi_hash128_text(augsi_hash128 hash, char ret_text[AUGSI_HASH128_TEXT]);
uint32_t augsi_crc32(const void *data, size_t n_bytes);

#endif
