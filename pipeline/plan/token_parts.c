/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/plan/token_parts.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/fail.h"

#define N_HEAD 3u
#define N_RANGE 13u

void augsi_token_parts_format(const augsi_token_parts *parts,
                              char ret_text[AUGSI_TOKEN_PARTS_BYTES])
{
    int n = snprintf(ret_text, AUGSI_TOKEN_PARTS_BYTES, "%" PRIx32 ".%" PRIx32 ".%" PRIx64,
                     parts->rank, parts->world_size, parts->n_retries);
    for (uint32_t i = 0; i < parts->n_ranges; i++) {
        const augsi_range *range = &parts->ranges[i];
        const augsi_piece *rest = &range->rest;
        n += snprintf(
            ret_text + n, AUGSI_TOKEN_PARTS_BYTES - (size_t)n,
            ";%" PRIx64 ".%" PRIx32 ".%" PRIx32 ".%" PRIx32 ".%" PRIx64 ".%" PRIx64 ".%" PRIx64
            ".%" PRIx64 ".%" PRIx64 ".%" PRIx64 ".%" PRIx64 ".%" PRIx64 ".%" PRIx64,
            rest->step, rest->part, range->n_parts, range->n_used, rest->low, rest->high,
            range->unit, rest->slice.body.first, rest->slice.body.stride, rest->slice.body.count,
            rest->slice.pad_first, rest->slice.pad_stride, rest->slice.pad_count);
    }
}

/* n hexadecimal numbers with dots between them, each below 2^60. */
static bool take_numbers(const char **at, const char *end, uint64_t *ret_numbers, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint64_t value = 0;
        uint32_t n_digits = 0;
        if (i > 0 && (*at == end || *(*at)++ != '.')) {
            return false;
        }
        for (; *at < end && n_digits < 15; ++*at, n_digits++) {
            const char c = **at;
            if (c >= '0' && c <= '9') {
                value = value * 16 + (uint64_t)(c - '0');
            } else if (c >= 'a' && c <= 'f') {
                value = value * 16 + (uint64_t)(c - 'a') + 10;
            } else {
                break;
            }
        }
        if (n_digits == 0) {
            return false;
        }
        ret_numbers[i] = value;
    }
    return true;
}

static bool lies_in(const augs_span *span, uint64_t first, uint64_t end)
{
    return span->count == 0 || (span->stride > 0 && span->first >= first && span->first < end &&
                                span->count - 1 <= (end - 1 - span->first) / span->stride);
}

static bool take_range(const uint64_t n[N_RANGE], uint64_t first, uint64_t end,
                       augsi_range *ret_range)
{
    const uint64_t part = n[1], n_parts = n[2], used = n[3], low = n[4], high = n[5], unit = n[6];
    const augsi_slice slice = {.body = {.first = n[7], .stride = n[8], .count = n[9]},
                               .pad_first = n[10],
                               .pad_stride = n[11],
                               .pad_count = n[12],
                               .window_first = first,
                               .window_n = end - first};
    *ret_range = (augsi_range){
        .rest = {.step = n[0], .part = (uint32_t)part, .low = low, .high = high, .slice = slice},
        .n_parts = (uint32_t)n_parts,
        .n_used = (uint32_t)used,
        .unit = unit};
    return part > 0 && used <= UINT32_MAX && part <= used && n_parts > 0 &&
           n_parts <= used - part && low < high && unit > 0 &&
           n_parts <= (high - low - 1) / unit + 1 && slice.body.count <= high - low &&
           slice.pad_count <= high - low - slice.body.count && lies_in(&slice.body, first, end) &&
           (slice.pad_count == 0 ||
            (slice.pad_stride > 0 && slice.pad_first >= first && slice.pad_first < end));
}

int augsi_token_parts_parse(const char *text, size_t n_bytes, uint64_t first_position,
                            uint64_t n_samples, augsi_token_parts *ret_parts, augs_error *error)
{
    const char *at = text, *end = text + n_bytes;
    const uint64_t limit =
        n_samples == AUGS_ENDLESS ? AUGS_MAX_SAMPLES : first_position + n_samples;
    uint64_t n[N_RANGE];
    augsi_token_parts parts = {.n_ranges = 0};
    bool good = take_numbers(&at, end, n, N_HEAD) && n[0] < n[1] && n[1] <= UINT32_MAX;
    if (good) {
        parts.rank = (uint32_t)n[0];
        parts.world_size = (uint32_t)n[1];
        parts.n_retries = n[2];
    }
    while (good && at < end) {
        good = *at++ == ';' && parts.n_ranges < AUGS_MOST_RETRIES &&
               take_numbers(&at, end, n, N_RANGE) &&
               take_range(n, first_position, limit, &parts.ranges[parts.n_ranges]);
        parts.n_ranges++;
    }
    if (!good) {
        return augsi_fail(error, AUGS_E_TOKEN,
                          "resume token: the field PARTS is not a list of samples of this stream "
                          "that are to be given again");
    }
    *ret_parts = parts;
    return AUGS_OK;
}
