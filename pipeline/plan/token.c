/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/plan/token.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <augstream/pipeline.h>

#include "base/checksum.h"
#include "base/fail.h"
#include "base/number_text.h"

#define N_FIELDS 10u /* with PARTS */

static const char place_letters[] = {
    [AUGSI_PLACE_ALL] = 'a', [AUGSI_PLACE_DEALT] = 'd', [AUGSI_PLACE_BLOCKS] = 'b'};

int augsi_token_format(const augsi_token *token, char *ret_text, size_t n_bytes, augs_error *error)
{
    char text[AUGS_TOKEN_BYTES], place[80] = "";
    const bool has_parts = token->parts != NULL;
    if (token->place.kind != AUGSI_PLACE_ALL) {
        snprintf(place, sizeof place, "%" PRIu64, token->place.number);
    }
    if (token->place.n_positions > 0) {
        const size_t used = strlen(place);
        snprintf(place + used, sizeof place - used, ".%" PRIu64 ".%" PRIu64, token->place.first,
                 token->place.n_positions);
    }
    int n = snprintf(text, sizeof text,
                     "augs1:%s:%s:%" PRIu32 ":%" PRIu64 ":%" PRIu64 ":%" PRIu64 ":%c%s%s%.*s",
                     token->job, token->fingerprint, token->epoch, token->generation, token->step,
                     token->position, place_letters[token->place.kind], place, has_parts ? ":" : "",
                     has_parts ? (int)token->parts_bytes : 0, has_parts ? token->parts : "");
    size_t used = (size_t)n;
    if (used + sizeof ":0123456789abcdef" > sizeof text) {
        return augsi_fail(error, AUGS_E_RANGE, "token: %zu bytes and a check are more than %u",
                          used, AUGS_TOKEN_BYTES);
    }
    n = snprintf(text + used, sizeof text - used, ":%016" PRIx64, augsi_hash64(text, used));
    used += (size_t)n;
    if (used + 1 > n_bytes) {
        return augsi_fail(error, AUGS_E_RANGE, "token: %zu bytes are needed, %zu were given",
                          used + 1, n_bytes);
    }
    memcpy(ret_text, text, used + 1);
    return AUGS_OK;
}

static int fail_field(augs_error *error, const char *field, const char *accepted)
{
    return augsi_fail(error, AUGS_E_TOKEN, "resume token: the field %s is not %s", field, accepted);
}

/* NUMBER, or NUMBER.FIRST.LENGTH of a round that is dealt. */
static bool parse_dealt(const char *text, size_t n_bytes, augsi_token_place *place)
{
    const char *first = memchr(text, '.', n_bytes), *end = text + n_bytes;
    if (first == NULL) {
        return augsi_parse_u64(text, n_bytes, &place->number);
    }
    first++;
    const char *length = memchr(first, '.', (size_t)(end - first));
    return length != NULL && augsi_parse_u64(text, (size_t)(first - 1 - text), &place->number) &&
           augsi_parse_u64(first, (size_t)(length - first), &place->first) &&
           augsi_parse_u64(length + 1, (size_t)(end - length - 1), &place->n_positions) &&
           place->n_positions > 0;
}

static bool parse_place(const char *text, size_t n_bytes, augsi_token_place *ret_place)
{
    for (unsigned i = 0; n_bytes > 0 && i < sizeof place_letters; i++) {
        if (text[0] == place_letters[i]) {
            ret_place->kind = (enum augsi_token_place_kind)i;
            const char *rest = text + 1;
            switch (ret_place->kind) {
            case AUGSI_PLACE_ALL:
                return n_bytes == 1;
            case AUGSI_PLACE_DEALT:
                return parse_dealt(rest, n_bytes - 1, ret_place) && ret_place->number > 1;
            default:
                return augsi_parse_u64(rest, n_bytes - 1, &ret_place->number) &&
                       ret_place->number > 1;
            }
        }
    }
    return false;
}

int augsi_token_parse(const char *text, augsi_token *ret_token, augs_error *error)
{
    const char *fields[N_FIELDS];
    size_t sizes[N_FIELDS], n_fields = 0;
    if (text == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "resume token: no text");
    }
    const char *at = text;
    bool more = true; /* a colon was read, so there is another field */
    for (; more && n_fields < N_FIELDS; n_fields++) {
        fields[n_fields] = at;
        sizes[n_fields] = strcspn(at, ":");
        at += sizes[n_fields];
        more = *at == ':';
        at += more;
    }
    if (n_fields < N_FIELDS - 1 || more) {
        return augsi_fail(
            error, AUGS_E_TOKEN,
            "resume token: it has to be one line "
            "augs1:JOB:FINGERPRINT:EPOCH:GENERATION:STEP:POSITION:PLACE:CHECK, or with PARTS "
            "before CHECK");
    }
    if (sizes[0] != 5 || memcmp(fields[0], "augs1", 5) != 0) {
        return fail_field(error, "1", "'augs1', the contract this version knows");
    }
    const size_t last = n_fields - 1;
    char check[17];
    snprintf(check, sizeof check, "%016" PRIx64,
             augsi_hash64(text, (size_t)(fields[last] - 1 - text)));
    if (sizes[last] != 16 || memcmp(fields[last], check, 16) != 0) {
        return augsi_fail(error, AUGS_E_TOKEN,
                          "resume token: its check does not fit; it was cut or changed");
    }
    augsi_token token = {.epoch = 0};
    uint64_t epoch = 0;
    if (sizes[1] == 0 || sizes[1] >= sizeof token.job) {
        return fail_field(error, "JOB", "a name of 1 to 64 bytes");
    }
    if (sizes[2] != sizeof token.fingerprint - 1) {
        return fail_field(error, "FINGERPRINT", "32 hexadecimal digits");
    }
    memcpy(token.job, fields[1], sizes[1]);
    memcpy(token.fingerprint, fields[2], sizes[2]);
    if (!augsi_parse_u64(fields[3], sizes[3], &epoch) || epoch > UINT32_MAX) {
        return fail_field(error, "EPOCH", "a whole number below 2^32");
    }
    token.epoch = (uint32_t)epoch;
    if (!augsi_parse_u64(fields[4], sizes[4], &token.generation) ||
        !augsi_parse_u64(fields[5], sizes[5], &token.step) ||
        !augsi_parse_u64(fields[6], sizes[6], &token.position)) {
        return fail_field(error, "GENERATION, STEP or POSITION", "a whole number");
    }
    if (!parse_place(fields[7], sizes[7], &token.place)) {
        return fail_field(error, "PLACE", "a, dN, dN.FIRST.LENGTH or bN with a number N above 1");
    }
    if (last == 9) {
        token.parts = fields[8];
        token.parts_bytes = sizes[8];
    }
    *ret_token = token;
    return AUGS_OK;
}
