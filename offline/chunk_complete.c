/* SPDX-License-Identifier: Apache-2.0 */
/* COMPLETE: whether the manifests list every chunk, and the root of their hashes. */
#include <string.h>

#include "base/fail.h"
#include "offline/chunk_check.h"

typedef struct root_search {
    const augsi_folder *folder;
    augsi_chunk_checker *checker;
    uint32_t n_shards;
    augsi_window *window;
    augsi_manifest *manifests;
} root_search;

static int add_window(const root_search *search, augs_error *error)
{
    const augsi_chunk_run *run = search->checker->maker.run;
    const augsi_window *window = search->window;
    for (uint32_t s = 0; s < search->n_shards; s++) {
        int status =
            augsi_manifest_load(search->folder, run, &search->checker->sizes, search->n_shards,
                                &search->manifests[s], search->window, error);
        if (status < 0) {
            return status;
        }
    }
    for (uint64_t i = 0; i < window->count; i++) {
        if (!window->entries[i].listed) {
            return 0;
        }
        augsi_root_add(search->checker->hash, window->entries[i].hash);
    }
    return 1;
}

static int find_root(const root_search *search, augs_error *error)
{
    const augsi_chunk_run *run = search->checker->maker.run;
    for (uint32_t s = 0; s < search->n_shards; s++) {
        augsi_manifest *manifest = &search->manifests[s];
        int status = augsi_manifest_open(search->folder, run, &search->checker->sizes, s,
                                         search->n_shards, manifest, error);
        if (status < 0) {
            return status;
        }
        if (!manifest->exists || manifest->n_lines < augsi_shard_chunks(run, s, search->n_shards)) {
            return 0; /* more lines are no fault: a later one of a chunk replaces an earlier one */
        }
    }
    augsi_hash_stream_begin(search->checker->hash);
    for (uint64_t next = 0; next < run->n_chunks;) {
        augsi_window_move(run, search->window, next, 1);
        int status = add_window(search, error);
        if (status <= 0) {
            return status;
        }
        next += search->window->count;
    }
    return 1;
}

int augsi_run_root(const augsi_folder *folder, augsi_chunk_checker *checker, uint32_t n_shards,
                   augsi_window *window, augsi_hash128 *ret_root, augs_error *error)
{
    root_search search = {
        .folder = folder, .checker = checker, .n_shards = n_shards, .window = window};
    const augs_allocator *allocator = &checker->maker.run->allocator;
    search.manifests = augsi_new_array(allocator, n_shards, sizeof *search.manifests);
    if (search.manifests == NULL) {
        return augsi_fail_memory(error, n_shards * sizeof *search.manifests);
    }
    int status = find_root(&search, error);
    augsi_delete(allocator, search.manifests, n_shards * sizeof *search.manifests);
    if (status == 1) {
        *ret_root = augsi_hash_stream_end(checker->hash);
    }
    return status;
}

bool augsi_complete_fits(const augsi_chunk_run *run, const augsi_text *there)
{
    const size_t root_bytes = 32 + strlen("\"}\n");
    augsi_text ours;
    augsi_text_init(&ours, &run->allocator);
    augsi_complete_text(run, (augsi_hash128){0, 0}, &ours);
    bool fits = !ours.failed && there->n_bytes == ours.n_bytes &&
                memcmp(there->data, ours.data, ours.n_bytes - root_bytes) == 0;
    augsi_text_done(&ours);
    return fits;
}

int augsi_complete_is(const augsi_folder *folder, const augsi_text *text, augs_error *error)
{
    augsi_text there;
    augsi_text_init(&there, &folder->allocator);
    int status =
        augsi_folder_read(folder, AUGSI_COMPLETE_NAME, AUGSI_COMPLETE_BYTES, &there, error);
    int right = status == AUGS_OK && there.n_bytes == text->n_bytes &&
                memcmp(there.data, text->data, text->n_bytes) == 0;
    augsi_text_done(&there);
    return status == AUGS_E_NO_MEMORY || status == AUGS_E_CANCELLED ? status : right;
}
