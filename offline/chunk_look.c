/* SPDX-License-Identifier: Apache-2.0 */
/* What an earlier run, or another shard, has left in a folder. */
#include <string.h>

#include "chunk_writer.h"
#include "fail.h"

typedef struct folder_look {
    augsi_chunk_writer *writer;
    bool has_manifest, has_part;
} folder_look;

bool augsi_ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n > m && strcmp(name + n - m, end) == 0;
}

static int check_foreign_manifest(const augsi_chunk_writer *writer, const char *name,
                                  uint32_t shard, augs_error *error)
{
    augsi_text theirs, ours;
    augsi_text_init(&theirs, &writer->run.allocator);
    augsi_text_init(&ours, &writer->run.allocator);
    int status = augsi_folder_read(&writer->folder, name, &theirs, error);
    augsi_chunk_run_header(&writer->run, shard, writer->n_shards, &ours);
    char *stop =
        status == AUGS_OK && theirs.n_bytes > 0 ? memchr(theirs.data, '\n', theirs.n_bytes) : NULL;
    if (ours.failed) {
        status = augsi_fail_memory(error, ours.capacity * 2);
    } else if (stop != NULL) {
        size_t n = (size_t)(stop - theirs.data) + 1;
        if (n != ours.n_bytes || memcmp(theirs.data, ours.data, n) != 0) {
            *stop = '\0';
            status = augsi_chunk_run_differ(ours.data, theirs.data, name, error);
        }
    }
    augsi_text_done(&theirs);
    augsi_text_done(&ours);
    return status;
}

static int look_at_name(void *user, const char *name, augs_error *error)
{
    folder_look *look = user;
    uint32_t shard, n_shards;
    look->has_part = look->has_part || strncmp(name, "part-", 5) == 0;
    if (name[0] == '.' &&
        (augsi_ends_with(name, look->writer->suffix) || strcmp(name, look->writer->lock) == 0)) {
        look->writer->has_leftovers = true;
    }
    if (!augsi_manifest_parse_name(name, &shard, &n_shards)) {
        return AUGS_OK;
    }
    look->has_manifest = true;
    return check_foreign_manifest(look->writer, name, shard, error);
}

/* Refuses a folder that is not of this run. */
static int look_at_folder(augsi_chunk_writer *writer, augs_error *error)
{
    folder_look look = {.writer = writer};
    writer->has_leftovers = false;
    int status = augsi_folder_list(&writer->folder, look_at_name, &look, error);
    if (status == AUGS_OK && look.has_part && !look.has_manifest) {
        status = augsi_fail(error, AUGS_E_MISMATCH,
                            "'%s' holds part-* files but no manifest says of which stream; use an "
                            "empty folder",
                            writer->folder.path);
    }
    return status;
}

static int chunk_is_there(const augsi_chunk_writer *writer, augsi_chunk_maker *maker,
                          uint64_t chunk, uint32_t check, bool *ret_good, augs_error *error)
{
    char name[AUGSI_CHUNK_NAME_BYTES];
    const augsi_chunk_entry *entry = &writer->table[chunk];
    uint64_t n_bytes = 0;
    *ret_good = false;
    augsi_text_clear(&maker->image);
    for (uint32_t f = 0; f < maker->n_files; f++) {
        augsi_chunk_file_name(maker, chunk, f, name);
        int64_t size = augsi_folder_size(&writer->folder, name);
        if (size < 0) {
            return AUGS_OK;
        }
        n_bytes += (uint64_t)size;
    }
    if (n_bytes != entry->n_bytes) {
        return AUGS_OK;
    }
    for (uint32_t f = 0; check == AUGS_CHECK_FULL && f < maker->n_files; f++) {
        augsi_chunk_file_name(maker, chunk, f, name);
        int status = augsi_folder_read(&writer->folder, name, &maker->image, error);
        if (status < 0) {
            return status;
        }
    }
    if (check == AUGS_CHECK_FULL) {
        augsi_hash128 hash = augsi_hash128_of(maker->image.data, maker->image.n_bytes);
        *ret_good = hash.low == entry->hash.low && hash.high == entry->hash.high;
    } else {
        *ret_good = true;
    }
    return AUGS_OK;
}

int augsi_look_at_shard(augsi_chunk_writer *writer, uint32_t check, augs_error *error)
{
    const augsi_chunk_run *run = &writer->run;
    memset(writer->table, 0, augsi_writer_table_bytes(run));
    int status = look_at_folder(writer, error);
    if (status == AUGS_OK) {
        status = augsi_manifest_load(&writer->folder, run, writer->shard, writer->n_shards,
                                     writer->table, &writer->state, error);
    }
    writer->report->n_kept = 0;
    writer->done_samples = 0;
    for (uint64_t c = writer->shard; c < run->n_chunks && status == AUGS_OK;
         c += writer->n_shards) {
        bool good = false;
        if (writer->table[c].listed) {
            status = chunk_is_there(writer, &writer->makers[0], c, check, &good, error);
            writer->state.canonical = writer->state.canonical && good;
            writer->table[c].listed = good;
        }
        if (good) {
            writer->report->n_kept++;
            writer->done_samples += augsi_chunk_count(run, c);
        }
    }
    return status;
}

static bool all_listed(const augsi_chunk_writer *writer)
{
    for (uint64_t c = 0; c < writer->run.n_chunks; c++) {
        if (!writer->table[c].listed) {
            return false;
        }
    }
    return true;
}

/* 1 and the text of COMPLETE if the manifests cover every chunk; 0 if not yet. */
static int whole_run(augsi_chunk_writer *writer, augsi_text *text, augs_error *error)
{
    for (uint32_t s = 0; s < writer->n_shards; s++) {
        augsi_manifest_state state;
        if (s == writer->shard) {
            continue;
        }
        int status = augsi_manifest_load(&writer->folder, &writer->run, s, writer->n_shards,
                                         writer->table, &state, error);
        if (status < 0) {
            return status;
        }
        if (!state.exists || !state.canonical) {
            return 0;
        }
    }
    if (!all_listed(writer)) {
        return 0;
    }
    int status = augsi_complete_text(&writer->run, writer->table, text, error);
    return status < 0 ? status : 1;
}

int augsi_look_at_complete(augsi_chunk_writer *writer, augsi_text *text, augs_error *error)
{
    augsi_text there;
    int status = whole_run(writer, text, error);
    if (status <= 0) {
        return status;
    }
    augsi_text_init(&there, &writer->run.allocator);
    status = augsi_folder_read(&writer->folder, AUGSI_COMPLETE_NAME, &there, error);
    int right = status == AUGS_OK && there.n_bytes == text->n_bytes &&
                memcmp(there.data, text->data, text->n_bytes) == 0;
    augsi_text_done(&there);
    return status < 0 && status != AUGS_E_NOT_FOUND ? status : right;
}
