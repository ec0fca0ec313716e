/* SPDX-License-Identifier: Apache-2.0 */
#include "base/checksum.h"

#include <inttypes.h>
#include <stdio.h>
#define XXH_STATIC_LINKING_ONLY /* the state on the stack */
#include <xxhash.h>
#ifdef AUGSI_HAVE_XXH_DISPATCH
#include <xxh_x86dispatch.h> /* puts itself in the place of XXH3's functions */
#endif
#include <zlib.h>

uint64_t augsi_hash64(const void *data, size_t n_bytes)
{
    return XXH3_64bits(data, n_bytes);
}

augsi_hash128 augsi_hash128_of(const void *data, size_t n_bytes)
{
    XXH128_hash_t hash = XXH3_128bits(data, n_bytes);
    return (augsi_hash128){.low = hash.low64, .high = hash.high64};
}

augsi_hash128 augsi_hash128_of_parts(const void *const *parts, const size_t *sizes_bytes,
                                     size_t n_parts)
{
    XXH3_state_t state;
    XXH3_128bits_reset(&state);
    for (size_t i = 0; i < n_parts; i++) {
        XXH3_128bits_update(&state, parts[i], sizes_bytes[i]);
    }
    XXH128_hash_t hash = XXH3_128bits_digest(&state);
    return (augsi_hash128){.low = hash.low64, .high = hash.high64};
}

struct augsi_hash_stream {
    XXH3_state_t state;
};

size_t augsi_hash_stream_bytes(void)
{
    return sizeof(augsi_hash_stream);
}

void augsi_hash_stream_begin(augsi_hash_stream *stream)
{
    XXH3_INITSTATE(&stream->state);
    XXH3_128bits_reset(&stream->state);
}

void augsi_hash_stream_add(augsi_hash_stream *stream, const void *data, size_t n_bytes)
{
    XXH3_128bits_update(&stream->state, data, n_bytes);
}

augsi_hash128 augsi_hash_stream_end(const augsi_hash_stream *stream)
{
    XXH128_hash_t hash = XXH3_128bits_digest(&stream->state);
    return (augsi_hash128){.low = hash.low64, .high = hash.high64};
}

void augsi_hash128_add(const void *records, size_t record_bytes, size_t n_records, uint64_t sum[2])
{
    uint64_t low = sum[0], high = sum[1];
    for (size_t i = 0; i < n_records; i++) {
        XXH128_hash_t hash = XXH3_128bits((const char *)records + i * record_bytes, record_bytes);
        low += hash.low64;
        high += hash.high64 + (low < hash.low64);
    }
    sum[0] = low;
    sum[1] = high;
}

void augsi_hash128_text(augsi_hash128 hash, char ret_text[AUGSI_HASH128_TEXT])
{
    snprintf(ret_text, AUGSI_HASH128_TEXT, "%016" PRIx64 "%016" PRIx64, hash.high, hash.low);
}

uint32_t augsi_crc32(const void *data, size_t n_bytes)
{
    return (uint32_t)crc32_z(crc32_z(0, NULL, 0), data, n_bytes);
}
