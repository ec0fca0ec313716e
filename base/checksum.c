/* SPDX-License-Identifier: Apache-2.0 */
#include "checksum.h"

#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>
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

void augsi_hash128_text(augsi_hash128 hash, char ret_text[AUGSI_HASH128_TEXT])
{
    snprintf(ret_text, AUGSI_HASH128_TEXT, "%016" PRIx64 "%016" PRIx64, hash.high, hash.low);
}

uint32_t augsi_crc32(const void *data, size_t n_bytes)
{
    return (uint32_t)crc32_z(crc32_z(0, NULL, 0), data, n_bytes);
}
