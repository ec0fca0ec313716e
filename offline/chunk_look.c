/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an earlier run, or another shard, has left in a folder. A shard that starts reads its own
 * manifest and the header of one other at most, so that many shards of one job do not read
 * everything again each.
 */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "offline/chunk_writer.h"

typedef struct folder_look {
    augsi_chunk_writer *writer;
    bool has_manifest, has_part;
} folder_look;

bool augsi_ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n > m && strcmp(name + n - m, end) == 0;
}

/* 1: the manifest is one of this run, 0: it has no whole header yet. */
static int check_header(const augsi_chunk_writer *writer, const char *name, uint32_t shard,
                        augsi_line_reader *lines, augs_error *error)
{
    augsi_text ours;
    const char *line;
    size_t n;
    augsi_line_reader_limit(lines, AUGSI_HEADER_BYTES);
    augsi_text_init(&ours, &writer->run.allocator);
    augsi_chunk_run_header(&writer->run, shard, writer->n_shards, &ours);
    int status = augsi_line_reader_next(lines, &line, &n, error);
    if (ours.failed) {
        status = augsi_fail_memory(error, ours.capacity * 2);
    } else if (status > 0 && (n != ours.n_bytes || memcmp(line, ours.data, n) != 0)) {
        status = augsi_chunk_run_differ(ours.data, line, n, name, error);
    }
    augsi_text_done(&ours);
    return status;
}

static int look_at_name(void *user, const char *name, augs_error *error)
{
    folder_look *look = user;
    const augsi_chunk_writer *writer = look->writer;
    uint32_t shard, n_shards;
    augsi_line_reader lines;
    augs_error inner = {0};
    look->has_part = look->has_part || strncmp(name, "part-", 5) == 0;
    if (!augsi_manifest_parse_name(name, &shard, &n_shards)) {
        return AUGS_OK;
    }
    look->has_manifest = true;
    int status = augsi_line_reader_open(&writer->folder, name, &lines, &inner);
    if (status == AUGS_OK) {
        status = check_header(writer, name, shard, &lines, &inner);
        augsi_line_reader_done(&lines);
    }
    if (status >= 0) {
        return status;
    }
    return status == AUGS_E_MISMATCH
               ? augsi_fail(error, status, "%s", inner.message)
               : augsi_fail(error, status, "'%s/%s': %s", writer->folder.path, name, inner.message);
}

int augsi_look_at_folder(augsi_chunk_writer *writer, augs_error *error)
{
    folder_look look = {.writer = writer};
    int status = augsi_manifest_open(&writer->folder, &writer->run, &writer->checker.sizes,
                                     writer->shard, writer->n_shards, &writer->manifest, error);
    if (status < 0 || writer->manifest.exists) {
        return status; /* its header is right, so the folder is of this run */
    }
    status = augsi_folder_list(&writer->folder, look_at_name, &look, error);
    if (status == AUGS_OK && look.has_part && !look.has_manifest) {
        status = augsi_fail(error, AUGS_E_MISMATCH,
                            "'%s' holds part-* files but no manifest says of which stream; use an "
                            "empty folder",
                            writer->folder.path);
    }
    return status < 0 ? status : AUGS_OK;
}

/* ---- the shard's chunks ---- */

/* 1: good, 0: not. */
static int look_at_chunk(augsi_chunk_writer *writer, uint64_t chunk, const augsi_chunk_entry *entry,
                         uint32_t check, augsi_rewrite *rewrite, augs_error *error)
{
    int how = check == AUGS_CHECK_FULL ? AUGSI_CHECK_HASH : AUGSI_CHECK_SIZES;
    int status =
        augsi_chunk_check(&writer->checker, &writer->folder, chunk, entry, how, NULL, error);
    if (status != 0) {
        return status < 0 ? status : 0;
    }
    writer->report->n_kept++;
    writer->kept_bytes += entry->n_bytes;
    writer->done_samples += augsi_chunk_count(&writer->run, chunk);
    if (rewrite != NULL) {
        augsi_text_clear(&writer->line);
        augsi_manifest_line(&writer->run, chunk, entry, &writer->line);
        status = writer->line.failed
                     ? augsi_fail_memory(error, writer->line.capacity)
                     : augsi_rewrite_add(rewrite, writer->line.data, writer->line.n_bytes, error);
    }
    return status < 0 ? status : 1;
}

static int look_at_window(augsi_chunk_writer *writer, uint32_t check, augsi_rewrite *rewrite,
                          bool stop_at_bad, augs_error *error)
{
    const augsi_window *window = &writer->window;
    for (uint64_t i = 0; i < window->n_used; i++) {
        if (augsi_stopped(&writer->folder.stop)) {
            return augsi_fail_stopped(error);
        }
        if (!window->entries[i].listed) {
            continue;
        }
        int status = look_at_chunk(writer, window->first + i * window->step, &window->entries[i],
                                   check, rewrite, error);
        if (status < 0 || (status == 0 && stop_at_bad)) {
            return status;
        }
    }
    return 1;
}

int augsi_look_at_chunks(augsi_chunk_writer *writer, uint32_t check, augsi_rewrite *rewrite,
                         bool stop_at_bad, augs_error *error)
{
    const augsi_chunk_run *run = &writer->run;
    augsi_window *window = &writer->window;
    uint64_t next = writer->shard;
    writer->report->n_kept = 0;
    writer->done_samples = 0;
    writer->kept_bytes = 0;
    while (next < run->n_chunks) {
        augsi_window_move(run, window, next, writer->n_shards);
        int status = augsi_manifest_load(&writer->folder, run, &writer->checker.sizes,
                                         writer->n_shards, &writer->manifest, window, error);
        status = status < 0 ? status : look_at_window(writer, check, rewrite, stop_at_bad, error);
        if (status <= 0) {
            return status;
        }
        next = window->next;
    }
    return 1;
}

int augsi_settle_manifest(augsi_chunk_writer *writer, uint32_t check, augs_error *error)
{
    augsi_rewrite rewrite;
    int status = augsi_rewrite_begin(&writer->folder, writer->manifest_name, writer->suffix,
                                     &rewrite, error);
    if (status < 0) {
        return status;
    }
    augsi_text_clear(&writer->line);
    augsi_chunk_run_header(&writer->run, writer->shard, writer->n_shards, &writer->line);
    status = writer->line.failed
                 ? augsi_fail_memory(error, writer->line.capacity * 2)
                 : augsi_rewrite_add(&rewrite, writer->line.data, writer->line.n_bytes, error);
    if (status == AUGS_OK) {
        status = augsi_look_at_chunks(writer, check, &rewrite, false, error);
    }
    if (status > 0) {
        status = augsi_rewrite_end(&rewrite, error);
    }
    augsi_rewrite_done(&rewrite);
    if (status > 0) {
        status = augsi_folder_sync(&writer->folder, error);
    }
    return status < 0
               ? status
               : augsi_manifest_open(&writer->folder, &writer->run, &writer->checker.sizes,
                                     writer->shard, writer->n_shards, &writer->manifest, error);
}

/* ---- the whole run ---- */

#define TAIL_BYTES 256u

/* 1: a manifest ends in the line of its shard's last chunk, which is cheap to see and rarely wrong.
 * 0: it does not. */
static int ends_in_last(const augsi_chunk_writer *writer, uint32_t shard, augs_error *error)
{
    char name[AUGSI_CHUNK_NAME_BYTES], tail[TAIL_BYTES + 1], line[64];
    augsi_folder_file file;
    augs_error inner;
    uint64_t n_chunks = augsi_shard_chunks(&writer->run, shard, writer->n_shards);
    augsi_manifest_name(shard, writer->n_shards, name);
    int status = augsi_folder_open_file(&writer->folder, name, &file, &inner);
    int64_t n = status;
    if (status == AUGS_OK) {
        uint64_t at = file.n_bytes < TAIL_BYTES ? 0 : file.n_bytes - TAIL_BYTES;
        n = augsi_folder_read_at(&writer->folder, &file, at, tail, TAIL_BYTES, &inner);
        augsi_folder_close_file(&file);
    }
    if (n < 0) {
        return n == AUGS_E_NOT_FOUND ? 0
                                     : augsi_fail(error, (int)n, "'%s/%s': %s", writer->folder.path,
                                                  name, inner.message);
    }
    if (n == 0 || tail[n - 1] != '\n' || n_chunks == 0) {
        return n > 0 && tail[n - 1] == '\n';
    }
    tail[n - 1] = '\0';
    const char *last = memrchr(tail, '\n', (size_t)n - 1);
    const uint64_t last_chunk = shard + (n_chunks - 1) * writer->n_shards;
    snprintf(line, sizeof line, "{\"chunk\":%llu,", (unsigned long long)last_chunk);
    return last != NULL && strncmp(last + 1, line, strlen(line)) == 0;
}

/* 1 and the text of COMPLETE if the manifests cover every chunk; 0 if not yet. */
static int whole_run(augsi_chunk_writer *writer, augsi_text *text, augs_error *error)
{
    for (uint32_t k = 0; k < writer->n_shards; k++) {
        if (augsi_stopped(&writer->folder.stop)) {
            return augsi_fail_stopped(error);
        }
        int ends = ends_in_last(writer, (writer->shard + k) % writer->n_shards, error);
        if (ends <= 0) {
            return ends;
        }
    }
    augsi_hash128 root;
    int status = augsi_run_root(&writer->folder, &writer->checker, writer->n_shards,
                                &writer->window, &root, error);
    if (status == 1) {
        augsi_complete_text(&writer->run, root, text);
        status = text->failed ? augsi_fail_memory(error, text->capacity * 2) : 1;
    }
    return status;
}

int augsi_look_at_complete(augsi_chunk_writer *writer, augsi_text *text, augs_error *error)
{
    int status = whole_run(writer, text, error);
    return status <= 0 ? status : augsi_complete_is(&writer->folder, text, error);
}
