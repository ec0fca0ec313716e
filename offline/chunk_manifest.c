/* SPDX-License-Identifier: Apache-2.0 */
#include "chunk_manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fail.h"
#include "number_text.h"

void augsi_manifest_name(uint32_t shard, uint32_t n_shards, char ret_name[AUGSI_CHUNK_NAME_BYTES])
{
    snprintf(ret_name, AUGSI_CHUNK_NAME_BYTES, "manifest-%uof%u.jsonl", (unsigned)shard,
             (unsigned)n_shards);
}

void augsi_manifest_suffix(uint32_t shard, uint32_t n_shards,
                           char ret_suffix[AUGSI_CHUNK_NAME_BYTES])
{
    snprintf(ret_suffix, AUGSI_CHUNK_NAME_BYTES, ".%uof%u.tmp", (unsigned)shard,
             (unsigned)n_shards);
}

void augsi_manifest_lock_name(uint32_t shard, uint32_t n_shards,
                              char ret_name[AUGSI_CHUNK_NAME_BYTES])
{
    snprintf(ret_name, AUGSI_CHUNK_NAME_BYTES, ".lock-%uof%u", (unsigned)shard, (unsigned)n_shards);
}

bool augsi_manifest_parse_name(const char *name, uint32_t *ret_shard, uint32_t *ret_n_shards)
{
    char again[AUGSI_CHUNK_NAME_BYTES];
    unsigned shard, n_shards;
    if (sscanf(name, "manifest-%9uof%9u.jsonl", &shard, &n_shards) != 2) {
        return false;
    }
    augsi_manifest_name(shard, n_shards, again);
    *ret_shard = shard;
    *ret_n_shards = n_shards;
    return strcmp(name, again) == 0 && shard < n_shards && n_shards <= AUGSI_MAX_SHARDS;
}

static void add_field(augsi_text *text, const char *key, uint64_t number)
{
    augsi_text_add_string(text, key);
    augsi_text_add_u64(text, number);
}

void augsi_manifest_line(const augsi_chunk_run *run, uint64_t chunk, const augsi_chunk_entry *entry,
                         augsi_text *text)
{
    char hash[AUGSI_HASH128_TEXT];
    augsi_hash128_text(entry->hash, hash);
    add_field(text, "{\"chunk\":", chunk);
    add_field(text, ",\"first\":", augsi_chunk_first(run, chunk));
    add_field(text, ",\"count\":", augsi_chunk_count(run, chunk));
    add_field(text, ",\"bytes\":", entry->n_bytes);
    augsi_text_add_string(text, ",\"xxh3\":\"");
    augsi_text_add_string(text, hash);
    augsi_text_add_string(text, "\"}\n");
}

void augsi_manifest_text(const augsi_chunk_run *run, uint32_t shard, uint32_t n_shards,
                         const augsi_chunk_entry *table, augsi_text *text)
{
    augsi_chunk_run_header(run, shard, n_shards, text);
    for (uint64_t c = shard; c < run->n_chunks; c += n_shards) {
        if (table[c].listed) {
            augsi_manifest_line(run, c, &table[c], text);
        }
    }
}

static bool parse_hex64(const char *text, uint64_t *ret_number)
{
    uint64_t number = 0;
    for (int i = 0; i < 16; i++) {
        char c = text[i];
        if (c >= '0' && c <= '9') {
            number = number << 4 | (uint64_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            number = number << 4 | (uint64_t)(c - 'a' + 10);
        } else {
            return false;
        }
    }
    *ret_number = number;
    return true;
}

/* `key` and the digits behind it; moves *p. */
static bool parse_field(const char **p, const char *end, const char *key, uint64_t *ret_number)
{
    size_t n = strlen(key), digits = 0;
    if ((size_t)(end - *p) < n || memcmp(*p, key, n) != 0) {
        return false;
    }
    *p += n;
    while (*p + digits < end && (*p)[digits] >= '0' && (*p)[digits] <= '9') {
        digits++;
    }
    bool good = augsi_parse_u64(*p, digits, ret_number);
    *p += digits;
    return good;
}

/* A line counts only if writing it again gives the same bytes. */
static bool parse_line(const augsi_chunk_run *run, const char *line, size_t n_bytes, uint32_t shard,
                       uint32_t n_shards, augsi_chunk_entry *table, augsi_text *scratch)
{
    static const char hash_key[] = ",\"xxh3\":\"";
    const char *p = line, *end = line + n_bytes;
    uint64_t chunk, first, count;
    augsi_chunk_entry entry = {.listed = true};
    if (!parse_field(&p, end, "{\"chunk\":", &chunk) ||
        !parse_field(&p, end, ",\"first\":", &first) ||
        !parse_field(&p, end, ",\"count\":", &count) ||
        !parse_field(&p, end, ",\"bytes\":", &entry.n_bytes) ||
        (size_t)(end - p) != sizeof hash_key - 1 + 32 + 3) {
        return false;
    }
    p += sizeof hash_key - 1;
    if (!parse_hex64(p, &entry.hash.high) || !parse_hex64(p + 16, &entry.hash.low) ||
        chunk >= run->n_chunks || chunk % n_shards != shard) {
        return false;
    }
    augsi_text_clear(scratch);
    augsi_manifest_line(run, chunk, &entry, scratch);
    if (scratch->failed || scratch->n_bytes != n_bytes ||
        memcmp(scratch->data, line, n_bytes) != 0) {
        return false;
    }
    table[chunk] = entry;
    return true;
}

static int load_text(const augsi_folder *folder, const char *name, const augsi_chunk_run *run,
                     uint32_t shard, uint32_t n_shards, augsi_chunk_entry *table, augsi_text *text,
                     augsi_text *scratch, augsi_manifest_state *state, augs_error *error)
{
    int status = augsi_folder_read(folder, name, text, error);
    if (status == AUGS_E_NOT_FOUND) {
        return AUGS_OK;
    }
    if (status < 0) {
        return status;
    }
    const char *line = text->data, *end = text->data + text->n_bytes;
    const char *stop = text->n_bytes > 0 ? memchr(line, '\n', text->n_bytes) : NULL;
    if (stop == NULL) {
        return AUGS_OK;
    }
    state->exists = true;
    augsi_chunk_run_header(run, shard, n_shards, scratch);
    size_t n = (size_t)(stop - line) + 1;
    if (!scratch->failed && (n != scratch->n_bytes || memcmp(line, scratch->data, n) != 0)) {
        text->data[n - 1] = '\0';
        return augsi_chunk_run_differ(scratch->data, line, name, error);
    }
    for (uint64_t number = 2; (line = stop + 1) < end; number++) {
        stop = memchr(line, '\n', (size_t)(end - line));
        if (stop == NULL) {
            break;
        }
        if (!parse_line(run, line, (size_t)(stop - line) + 1, shard, n_shards, table, scratch) &&
            state->n_bad++ == 0) {
            state->bad_line = number;
        }
    }
    augsi_text_clear(scratch);
    augsi_manifest_text(run, shard, n_shards, table, scratch);
    state->canonical = !scratch->failed && scratch->n_bytes == text->n_bytes &&
                       memcmp(scratch->data, text->data, text->n_bytes) == 0;
    return scratch->failed ? augsi_fail_memory(error, text->n_bytes) : AUGS_OK;
}

int augsi_manifest_load(const augsi_folder *folder, const augsi_chunk_run *run, uint32_t shard,
                        uint32_t n_shards, augsi_chunk_entry *table,
                        augsi_manifest_state *ret_state, augs_error *error)
{
    char name[AUGSI_CHUNK_NAME_BYTES];
    augsi_text text, scratch;
    augsi_manifest_state state = {0};
    augsi_text_init(&text, &folder->allocator);
    augsi_text_init(&scratch, &folder->allocator);
    augsi_manifest_name(shard, n_shards, name);
    int status =
        load_text(folder, name, run, shard, n_shards, table, &text, &scratch, &state, error);
    augsi_text_done(&text);
    augsi_text_done(&scratch);
    *ret_state = state;
    return status;
}

int augsi_complete_text(const augsi_chunk_run *run, const augsi_chunk_entry *table,
                        augsi_text *text, augs_error *error)
{
    char root[AUGSI_HASH128_TEXT];
    size_t n_bytes = (size_t)run->n_chunks * 16;
    unsigned char *hashes = augsi_new(&run->allocator, n_bytes);
    if (hashes == NULL) {
        return augsi_fail_memory(error, n_bytes);
    }
    for (uint64_t c = 0; c < run->n_chunks; c++) {
        for (unsigned i = 0; i < 8; i++) {
            hashes[16 * c + i] = (unsigned char)(table[c].hash.high >> (56 - 8 * i));
            hashes[16 * c + 8 + i] = (unsigned char)(table[c].hash.low >> (56 - 8 * i));
        }
    }
    augsi_hash128_text(augsi_hash128_of(hashes, n_bytes), root);
    augsi_delete(&run->allocator, hashes, n_bytes);
    augsi_text_add_string(text, "{\"augstream\":1,\"fingerprint\":\"");
    augsi_text_add_string(text, augs_stream_fingerprint(run->stream));
    add_field(text, "\",\"epoch\":", augs_stream_epoch(run->stream));
    add_field(text, ",\"chunks\":", run->n_chunks);
    add_field(text, ",\"records\":", run->n_records);
    augsi_text_add_string(text, ",\"root\":\"");
    augsi_text_add_string(text, root);
    augsi_text_add_string(text, "\"}\n");
    return text->failed ? augsi_fail_memory(error, text->n_bytes) : AUGS_OK;
}
