/* SPDX-License-Identifier: Apache-2.0 */
#include "chunk_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fail.h"

int augsi_chunk_checker_open(const augsi_chunk_run *run, augsi_chunk_checker *ret_checker,
                             augs_error *error)
{
    augsi_chunk_checker *checker = ret_checker;
    int status = augsi_chunk_maker_open(run, &checker->maker, error);
    if (status < 0) {
        return status;
    }
    augsi_text_init(&checker->there, &run->allocator);
    checker->files =
        augsi_new_array(&run->allocator, checker->maker.n_files, sizeof *checker->files);
    if (checker->files == NULL) {
        status = augsi_fail_memory(error, checker->maker.n_files * sizeof *checker->files);
        augsi_chunk_checker_done(checker);
    }
    return status;
}

void augsi_chunk_checker_done(augsi_chunk_checker *checker)
{
    if (checker->maker.run != NULL) {
        augsi_delete(&checker->maker.run->allocator, checker->files,
                     checker->maker.n_files * sizeof *checker->files);
        checker->files = NULL;
        augsi_text_done(&checker->there);
        augsi_chunk_maker_done(&checker->maker);
    }
}

static augsi_chunk_fault *add_fault(augsi_chunk_fault *faults, int *n_faults, int status,
                                    uint32_t file)
{
    augsi_chunk_fault *fault = &faults[(*n_faults)++];
    *fault = (augsi_chunk_fault){.status = status, .file = file};
    return fault;
}

static int read_files(augsi_chunk_checker *checker, const augsi_folder *folder, uint64_t chunk,
                      augsi_chunk_fault *faults, int *n_faults, augs_error *error)
{
    char name[AUGSI_CHUNK_NAME_BYTES];
    augsi_text_clear(&checker->there);
    for (uint32_t f = 0; f < checker->maker.n_files; f++) {
        size_t at = checker->there.n_bytes;
        augsi_chunk_file_name(&checker->maker, chunk, f, name);
        int status = augsi_folder_read(folder, name, &checker->there, error);
        if (status == AUGS_E_NOT_FOUND) {
            augsi_chunk_fault *fault = add_fault(faults, n_faults, AUGS_E_NOT_FOUND, f);
            snprintf(fault->message, sizeof fault->message,
                     "the manifest lists it, but it is missing");
        } else if (status < 0) {
            return status;
        }
        checker->files[f] = (augsi_chunk_file){at, checker->there.n_bytes - at};
    }
    return AUGS_OK;
}

static void compare_file(augsi_chunk_checker *checker, uint32_t file, int status,
                         augsi_chunk_fault *faults, int *n_faults)
{
    const augsi_chunk_maker *maker = &checker->maker;
    const augsi_chunk_file *there = &checker->files[file], *made = &maker->files[file];
    const char *a = checker->there.data + there->at, *b = maker->image.data + made->at;
    size_t n = there->n_bytes < made->n_bytes ? there->n_bytes : made->n_bytes, at = 0;
    if (there->n_bytes == made->n_bytes && memcmp(a, b, n) == 0) {
        return;
    }
    while (at < n && a[at] == b[at]) {
        at++;
    }
    augsi_chunk_fault *fault = add_fault(faults, n_faults, status, file);
    if (there->n_bytes != made->n_bytes) {
        snprintf(fault->message, sizeof fault->message,
                 "%zu bytes, the stream makes %zu; the first %zu are the same", there->n_bytes,
                 made->n_bytes, at);
        return;
    }
    char where[112];
    augsi_chunk_locate(maker, made->at + at, where, sizeof where);
    snprintf(fault->message, sizeof fault->message,
             "%s differs from the stream first at byte %zu (0x%02x, the stream makes 0x%02x), %s",
             status == AUGS_E_CORRUPT ? "the hash does not fit, and the file"
                                      : "the hash fits, but the file",
             at, (unsigned)(unsigned char)a[at], (unsigned)(unsigned char)b[at], where);
}

int augsi_chunk_check(augsi_chunk_checker *checker, const augsi_folder *folder, uint64_t chunk,
                      const augsi_chunk_entry *entry, const augsi_chunk_spans *spans,
                      augsi_chunk_fault *faults, augs_error *error)
{
    int n_faults = 0;
    int status = read_files(checker, folder, chunk, faults, &n_faults, error);
    if (status < 0 || n_faults > 0) {
        return status < 0 ? status : n_faults;
    }
    augsi_hash128 hash = augsi_hash128_of(checker->there.data, checker->there.n_bytes);
    bool fits = checker->there.n_bytes == entry->n_bytes && hash.low == entry->hash.low &&
                hash.high == entry->hash.high;
    if (spans != NULL) {
        status = augsi_chunk_make(&checker->maker, chunk, spans, error);
        for (uint32_t f = 0; f < checker->maker.n_files && status == AUGS_OK; f++) {
            compare_file(checker, f, fits ? AUGS_E_MISMATCH : AUGS_E_CORRUPT, faults, &n_faults);
        }
    }
    if (status < 0 || n_faults > 0 || fits) {
        return status < 0 ? status : n_faults;
    }
    augsi_chunk_fault *fault = add_fault(faults, &n_faults, AUGS_E_CORRUPT, 0);
    if (checker->there.n_bytes != entry->n_bytes) {
        snprintf(fault->message, sizeof fault->message,
                 "%zu bytes, the manifest says %" PRIu64 "%s", checker->there.n_bytes,
                 entry->n_bytes, spans != NULL ? "; the stream agrees with the file" : "");
    } else {
        char got[AUGSI_HASH128_TEXT], want[AUGSI_HASH128_TEXT];
        augsi_hash128_text(hash, got);
        augsi_hash128_text(entry->hash, want);
        snprintf(fault->message, sizeof fault->message, "XXH3-128 %s, the manifest says %s%s", got,
                 want, spans != NULL ? "; the stream agrees with the file" : "");
    }
    return n_faults;
}

typedef struct run_search {
    const augsi_folder *folder;
    augsi_chunk_run *run;
    uint32_t n_shards;
    bool found;
} run_search;

static int look_for_run(void *user, const char *name, augs_error *error)
{
    run_search *search = user;
    uint32_t shard, n_shards, header_shard, header_n_shards;
    if (search->found || !augsi_manifest_parse_name(name, &shard, &n_shards)) {
        return AUGS_OK;
    }
    augsi_text text;
    augsi_text_init(&text, &search->folder->allocator);
    int status = augsi_folder_read(search->folder, name, &text, error);
    const char *stop =
        status == AUGS_OK && text.n_bytes > 0 ? memchr(text.data, '\n', text.n_bytes) : NULL;
    if (stop != NULL) {
        augs_error inner = {0};
        status = augsi_chunk_run_parse(text.data, (size_t)(stop - text.data), search->run,
                                       &header_shard, &header_n_shards, &inner);
        search->found = status == AUGS_OK;
        search->n_shards = n_shards;
        if (status < 0) {
            augsi_fail(error, status, "'%s': %s", name, inner.message);
        } else if (header_shard != shard || header_n_shards != n_shards) {
            augsi_chunk_run_done(search->run);
            status = augsi_fail(error, AUGS_E_CORRUPT, "'%s' is the manifest of shard %u of %u",
                                name, (unsigned)header_shard, (unsigned)header_n_shards);
        }
    }
    augsi_text_done(&text);
    return status;
}

int augsi_chunk_find_run(const augsi_folder *folder, augsi_chunk_run *ret_run,
                         uint32_t *ret_n_shards, augs_error *error)
{
    run_search search = {.folder = folder, .run = ret_run};
    int status = augsi_folder_list(folder, look_for_run, &search, error);
    if (status < 0) {
        return status;
    }
    if (!search.found) {
        return augsi_fail(error, AUGS_E_NOT_FOUND,
                          "'%s' holds no manifest-<i>of<n>.jsonl: it is no folder of chunks",
                          folder->path);
    }
    *ret_n_shards = search.n_shards;
    return AUGS_OK;
}
