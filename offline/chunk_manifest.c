/* SPDX-License-Identifier: Apache-2.0 */
#include "offline/chunk_manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/number_text.h"
#include "offline/chunk_lines.h"

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

/* ---- sizes ---- */

static uint64_t digits_of(uint64_t number)
{
    uint64_t n = 1;
    for (; number >= 10; number /= 10) {
        n++;
    }
    return n;
}

/* Bytes of a chunk, or their upper bound (maker->form->is_exact). */
static uint64_t size_of(augsi_chunk_sizes *sizes, uint64_t chunk)
{
    const augsi_chunk_run *run = sizes->maker->run;
    uint64_t count = augsi_chunk_count(run, chunk);
    uint64_t chunk_digits = digits_of(chunk),
             first_digits = digits_of(augsi_chunk_first(run, chunk));
    if (sizes->n_bytes == 0 || sizes->count != count || sizes->chunk_digits != chunk_digits ||
        sizes->first_digits != first_digits) {
        sizes->count = count;
        sizes->chunk_digits = chunk_digits;
        sizes->first_digits = first_digits;
        sizes->n_bytes = augsi_chunk_size(sizes->maker, chunk);
        if (sizes->maker->image.failed) {
            sizes->n_bytes = 0;
        }
    }
    return sizes->n_bytes;
}

/* The last chunk, up to `last`, whose number and first record have as many digits as those of
 * `chunk`, and which is as large. */
static uint64_t last_alike(const augsi_chunk_run *run, uint64_t chunk, uint64_t last)
{
    uint64_t low = chunk, high = last;
    if (augsi_chunk_count(run, high) != augsi_chunk_count(run, low)) {
        high--;
    }
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;
        bool alike =
            digits_of(middle) == digits_of(chunk) &&
            digits_of(augsi_chunk_first(run, middle)) == digits_of(augsi_chunk_first(run, chunk));
        low = alike ? middle : low;
        high = alike ? high : middle - 1;
    }
    return low;
}

uint64_t augsi_chunk_sizes_total(augsi_chunk_sizes *sizes, uint32_t shard, uint32_t n_shards)
{
    const augsi_chunk_run *run = sizes->maker->run;
    uint64_t total = 0;
    for (uint64_t c = shard; c < run->n_chunks;) {
        uint64_t n = (last_alike(run, c, run->n_chunks - 1) - c) / n_shards + 1;
        total = augsi_sum(total, augsi_product(n, size_of(sizes, c)));
        c += n * n_shards;
    }
    return total;
}

uint64_t augsi_shard_chunks(const augsi_chunk_run *run, uint32_t shard, uint32_t n_shards)
{
    return run->n_chunks > shard ? (run->n_chunks - shard - 1) / n_shards + 1 : 0;
}

uint64_t augsi_shard_records(const augsi_chunk_run *run, uint32_t shard, uint32_t n_shards)
{
    uint64_t n = augsi_shard_chunks(run, shard, n_shards);
    if (n == 0) {
        return 0;
    }
    return (n - 1) * run->chunk_size + augsi_chunk_count(run, shard + (n - 1) * n_shards);
}

/* ---- lines ---- */

/* 1: a line; 0: it is none. It counts only if writing it again gives the same bytes, and its chunk
 * can have that size. AUGS_E_NO_MEMORY. */
static int parse_line(const augsi_chunk_run *run, augsi_chunk_sizes *sizes, const char *line,
                      size_t n_bytes, uint32_t shard, uint32_t n_shards, uint64_t *ret_chunk,
                      augsi_chunk_entry *ret_entry, augsi_text *scratch)
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
        return 0;
    }
    p += sizeof hash_key - 1;
    if (!parse_hex64(p, &entry.hash.high) || !parse_hex64(p + 16, &entry.hash.low) ||
        chunk >= run->n_chunks || chunk % n_shards != shard) {
        return 0;
    }
    augsi_text_clear(scratch);
    augsi_manifest_line(run, chunk, &entry, scratch);
    if (scratch->failed) {
        return AUGS_E_NO_MEMORY;
    }
    if (scratch->n_bytes != n_bytes || memcmp(scratch->data, line, n_bytes) != 0) {
        return 0;
    }
    uint64_t size = size_of(sizes, chunk);
    if (size == 0) {
        return AUGS_E_NO_MEMORY;
    }
    *ret_chunk = chunk;
    *ret_entry = entry;
    return sizes->maker->form->is_exact ? entry.n_bytes == size : entry.n_bytes <= size;
}

/* ---- reading ---- */

#define LINE_BYTES ((size_t)256)

typedef struct manifest_reading {
    const augsi_folder *folder;
    const augsi_chunk_run *run;
    augsi_chunk_sizes *sizes;
    uint32_t n_shards;
    augsi_manifest *manifest;
    augsi_line_reader lines;
    augsi_text scratch;
    char name[AUGSI_CHUNK_NAME_BYTES];
} manifest_reading;

static int open_reading(manifest_reading *reading, augs_error *error)
{
    augsi_text_init(&reading->scratch, &reading->folder->allocator);
    augsi_manifest_name(reading->manifest->shard, reading->n_shards, reading->name);
    return augsi_line_reader_open(reading->folder, reading->name, &reading->lines, error);
}

static void close_reading(manifest_reading *reading)
{
    augsi_line_reader_done(&reading->lines);
    augsi_text_done(&reading->scratch);
}

/* 1: the header is right, 0: there is no whole line yet. */
static int read_header(manifest_reading *reading, augs_error *error)
{
    const char *line;
    size_t n;
    augsi_line_reader_limit(&reading->lines, AUGSI_HEADER_BYTES);
    int status = augsi_line_reader_next(&reading->lines, &line, &n, error);
    if (status <= 0) {
        return status;
    }
    augsi_text *ours = &reading->scratch;
    augsi_chunk_run_header(reading->run, reading->manifest->shard, reading->n_shards, ours);
    if (ours->failed) {
        return augsi_fail_memory(error, ours->capacity * 2);
    }
    if (n != ours->n_bytes || memcmp(line, ours->data, n) != 0) {
        return augsi_chunk_run_differ(ours->data, line, n, reading->name, error);
    }
    reading->manifest->exists = true;
    reading->manifest->body_at = augsi_line_reader_offset(&reading->lines);
    augsi_line_reader_limit(&reading->lines, LINE_BYTES);
    return 1;
}

static void note_bad(augsi_manifest *manifest, uint64_t number)
{
    if (manifest->n_bad++ == 0) {
        manifest->bad_line = number;
    }
    manifest->is_canonical = false;
}

static int read_through(manifest_reading *reading, augs_error *error)
{
    augsi_manifest *manifest = reading->manifest;
    uint64_t chunk, last = 0;
    augsi_chunk_entry entry;
    const char *line;
    size_t n;
    int status = read_header(reading, error);
    if (status <= 0) {
        return status;
    }
    manifest->is_canonical = true;
    for (uint64_t number = 2;; number++) {
        status = augsi_line_reader_next(&reading->lines, &line, &n, error);
        if (status == AUGS_E_CORRUPT) { /* too long: what follows cannot be told apart */
            note_bad(manifest, number);
            return AUGS_OK;
        }
        if (status <= 0) {
            break;
        }
        status = parse_line(reading->run, reading->sizes, line, n, manifest->shard,
                            reading->n_shards, &chunk, &entry, &reading->scratch);
        if (status < 0) {
            return augsi_fail_memory(error, n);
        }
        if (status == 0) {
            note_bad(manifest, number);
            continue;
        }
        manifest->is_canonical = manifest->is_canonical && (manifest->n_lines == 0 || chunk > last);
        last = chunk;
        manifest->n_lines++;
    }
    manifest->is_canonical = manifest->is_canonical && augsi_line_reader_offset(&reading->lines) ==
                                                           reading->lines.file.n_bytes;
    return status;
}

int augsi_manifest_open(const augsi_folder *folder, const augsi_chunk_run *run,
                        augsi_chunk_sizes *sizes, uint32_t shard, uint32_t n_shards,
                        augsi_manifest *ret_manifest, augs_error *error)
{
    augsi_manifest manifest = {.shard = shard};
    manifest_reading reading = {
        .folder = folder, .run = run, .sizes = sizes, .n_shards = n_shards, .manifest = &manifest};
    augs_error inner = {0};
    int status = open_reading(&reading, &inner);
    if (status == AUGS_OK) {
        status = read_through(&reading, &inner);
    }
    close_reading(&reading);
    if (status < 0 && status != AUGS_E_NOT_FOUND) {
        return status == AUGS_E_MISMATCH || status == AUGS_E_CANCELLED || status == AUGS_E_NO_MEMORY
                   ? augsi_fail(error, status, "%s", inner.message)
                   : augsi_fail(error, status, "'%s': %s", reading.name, inner.message);
    }
    manifest.next_at = manifest.body_at;
    *ret_manifest = manifest;
    return AUGS_OK;
}

int augsi_window_open(const augsi_chunk_run *run, uint64_t n_chunks, augsi_window *ret_window,
                      augs_error *error)
{
    augsi_window window = {.capacity =
                               n_chunks < AUGSI_WINDOW_CHUNKS ? n_chunks + 1 : AUGSI_WINDOW_CHUNKS};
    window.entries =
        augsi_new_array(&run->allocator, (size_t)window.capacity, sizeof *window.entries);
    if (window.entries == NULL) {
        return augsi_fail_memory(error, (size_t)window.capacity * sizeof *window.entries);
    }
    *ret_window = window;
    return AUGS_OK;
}

void augsi_window_done(const augsi_chunk_run *run, augsi_window *window)
{
    augsi_delete(&run->allocator, window->entries,
                 (size_t)window->capacity * sizeof *window->entries);
    *window = (augsi_window){0};
}

void augsi_window_move(const augsi_chunk_run *run, augsi_window *window, uint64_t first,
                       uint64_t step)
{
    uint64_t left = first < run->n_chunks ? (run->n_chunks - first - 1) / step + 1 : 0;
    memset(window->entries, 0, (size_t)window->n_used * sizeof *window->entries);
    window->first = first;
    window->step = step;
    window->count = left < window->capacity ? left : window->capacity;
    window->n_used = 0;
    window->next = UINT64_MAX;
}

/* The lines of a window. Those of a canonical manifest stand where the last window ended, or behind
 * it; in others they may stand anywhere. */
static int load_lines(manifest_reading *reading, augsi_window *window, augs_error *error)
{
    augsi_manifest *manifest = reading->manifest;
    const uint64_t end = window->first + window->count * window->step;
    uint64_t chunk, at;
    augsi_chunk_entry entry;
    const char *line;
    size_t n;
    int status;
    bool goes_on = manifest->is_canonical && window->first >= manifest->next_from;
    augsi_line_reader_limit(&reading->lines, LINE_BYTES);
    augsi_line_reader_seek(&reading->lines, goes_on ? manifest->next_at : manifest->body_at);
    for (;;) {
        at = augsi_line_reader_offset(&reading->lines);
        status = augsi_line_reader_next(&reading->lines, &line, &n, error);
        if (status <= 0) {
            break;
        }
        int parsed = parse_line(reading->run, reading->sizes, line, n, manifest->shard,
                                reading->n_shards, &chunk, &entry, &reading->scratch);
        if (parsed < 0) {
            return augsi_fail_memory(error, n);
        }
        if (parsed == 0 || chunk < window->first) {
            continue;
        }
        if (chunk < end) {
            uint64_t index = (chunk - window->first) / window->step;
            window->entries[index] = entry;
            window->n_used = index < window->n_used ? window->n_used : index + 1;
            continue;
        }
        window->next = chunk < window->next ? chunk : window->next;
        if (manifest->is_canonical) {
            break;
        }
    }
    manifest->next_at = at;
    manifest->next_from = end;
    manifest->next_chunk = status > 0 ? chunk : UINT64_MAX;
    return status == AUGS_E_CORRUPT ? AUGS_OK : status < 0 ? status : AUGS_OK;
}

int augsi_manifest_load(const augsi_folder *folder, const augsi_chunk_run *run,
                        augsi_chunk_sizes *sizes, uint32_t n_shards, augsi_manifest *manifest,
                        augsi_window *window, augs_error *error)
{
    manifest_reading reading = {
        .folder = folder, .run = run, .sizes = sizes, .n_shards = n_shards, .manifest = manifest};
    augs_error inner = {0};
    if (!manifest->exists || manifest->n_lines == 0) {
        return AUGS_OK;
    }
    const uint64_t end = window->first + window->count * window->step;
    if (manifest->is_canonical && window->first >= manifest->next_from &&
        manifest->next_chunk >= end) {
        window->next = manifest->next_chunk < window->next ? manifest->next_chunk : window->next;
        return AUGS_OK;
    }
    int status = open_reading(&reading, &inner);
    if (status == AUGS_OK) {
        status = load_lines(&reading, window, &inner);
    }
    close_reading(&reading);
    return status == AUGS_OK ? AUGS_OK
                             : augsi_fail(error, status, "'%s': %s", reading.name, inner.message);
}

/* ---- COMPLETE ---- */

void augsi_root_add(augsi_hash_stream *root, augsi_hash128 hash)
{
    unsigned char bytes[16];
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)(hash.high >> (56 - 8 * i));
        bytes[8 + i] = (unsigned char)(hash.low >> (56 - 8 * i));
    }
    augsi_hash_stream_add(root, bytes, sizeof bytes);
}

void augsi_complete_text(const augsi_chunk_run *run, augsi_hash128 root, augsi_text *text)
{
    char digits[AUGSI_HASH128_TEXT];
    augsi_hash128_text(root, digits);
    augsi_text_add_string(text, "{\"augstream\":1,\"fingerprint\":\"");
    augsi_text_add_string(text, augs_stream_fingerprint(run->stream));
    add_field(text, "\",\"epoch\":", augs_stream_epoch(run->stream));
    add_field(text, ",\"chunks\":", run->n_chunks);
    add_field(text, ",\"records\":", run->n_records);
    augsi_text_add_string(text, ",\"root\":\"");
    augsi_text_add_string(text, digits);
    augsi_text_add_string(text, "\"}\n");
}
