/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <augstream/chunks.h>
#include <augstream/version.h>

#include "base/fail.h"
#include "offline/chunk_check.h"

typedef struct inspection {
    augsi_folder folder;
    augsi_chunk_run run;
    uint32_t n_shards;
    augsi_chunk_checker checker;
    augsi_window window;
    uint64_t chunk; /* that is looked at; UINT64_MAX: none is listed */
    augsi_chunk_entry entry;
    uint64_t n_listed, n_faults;
    uint64_t n_bad; /* lines of manifests that are none of the run */
    bool complete, complete_is_wrong;
    const char *name; /* of the file, NULL for a folder */
    augsi_text text;
} inspection;

static void add_columns(augsi_text *text, const augsi_chunk_maker *maker)
{
    augsi_text_add_string(text, ",\"columns\":[");
    for (uint32_t i = 0; i < maker->n_tensors; i++) {
        const augsi_chunk_tensor *tensor = &maker->tensors[i];
        augsi_text_add_string(text, i > 0 ? ",{\"name\":" : "{\"name\":");
        augsi_text_add_json_string(text, tensor->name);
        augsi_text_add_string(text, ",\"dtype\":");
        augsi_text_add_json_string(text, augs_dtype_name(tensor->dtype));
        augsi_text_add_string(text, ",\"shape\":");
        augsi_text_add_u64(text, tensor->shape);
        augsi_text_add_string(text, ",\"width\":");
        augsi_text_add_u64(text, tensor->width);
        augsi_text_add_string(text, "}");
    }
    augsi_text_add_string(text, "]");
}

/* The header line without shard, preset as an object, and what the manifests say. */
static void add_run(inspection *look)
{
    augsi_text *text = &look->text;
    const augsi_chunk_run *run = &look->run;
    const augs_stream *stream = run->stream;
    char line[512];
    bool one = look->name != NULL;
    uint64_t first = one ? augsi_chunk_first(run, look->chunk) : run->first_position;
    uint64_t count = one ? augsi_chunk_count(run, look->chunk) : run->n_records;
    snprintf(line, sizeof line,
             "{\"format\":\"%s\",\"contract\":%u,\"fingerprint\":\"%s\",\"seed\":%" PRIu64
             ",\"epoch\":%u,\"order\":\"%s\",\"first\":%" PRIu64 ",\"count\":%" PRIu64
             ",\"chunk_size\":%" PRIu64 ",\"n_samples\":",
             augs_format_name(run->format), (unsigned)augs_contract_version(),
             augs_stream_fingerprint(stream), augs_stream_seed(stream),
             (unsigned)augs_stream_epoch(stream),
             augs_stream_order(stream) == AUGS_ORDER_SHUFFLED ? "shuffled" : "sequential", first,
             count, run->chunk_size);
    augsi_text_add_string(text, line);
    if (augs_stream_n_samples(stream) == AUGS_ENDLESS) {
        augsi_text_add_string(text, "null");
    } else {
        augsi_text_add_u64(text, augs_stream_n_samples(stream));
    }
    augsi_text_add_string(text, ",\"plan\":");
    augsi_chunk_run_plan_json(run, text);
    if (one) {
        snprintf(line, sizeof line, ",\"chunk\":%" PRIu64 ",\"file\":", look->chunk);
        augsi_text_add_string(text, line);
        augsi_text_add_json_string(text, look->name);
        augsi_folder_file file;
        if (augsi_folder_open_file(&look->folder, look->name, &file, NULL) < 0) {
            snprintf(line, sizeof line, ",\"n_bytes\":null");
        } else {
            snprintf(line, sizeof line, ",\"n_bytes\":%" PRIu64, file.n_bytes);
            augsi_folder_close_file(&file);
        }
    } else {
        snprintf(line, sizeof line,
                 ",\"n_chunks\":%" PRIu64 ",\"n_listed\":%" PRIu64
                 ",\"n_shards\":%u,\"complete\":%s",
                 run->n_chunks, look->n_listed, (unsigned)look->n_shards,
                 look->complete ? "true" : "false");
    }
    augsi_text_add_string(text, line);
    augsi_text_add_string(text, ",\"preset\":");
    augsi_text_add_string(text, augs_preset_text(augs_stream_preset(stream)));
}

static int add_records(inspection *look, const augsi_chunk_maker *maker, uint64_t n_records,
                       augs_error *error)
{
    augsi_record_writer *writer;
    int status = augsi_record_writer_open(look->run.stream, AUGS_FORMAT_JSONL, look->run.has_plan,
                                          &writer, error);
    if (status < 0) {
        return status;
    }
    augsi_record_data data = {.columns =
                                  (const void *const *)augsi_batch_columns_edit(maker->batch),
                              .batch = maker->steps};
    for (uint64_t i = 0; i < n_records && i < maker->n_records; i++) {
        augsi_text_add_string(&look->text, i > 0 ? "," : "");
        augsi_record_writer_append(writer, &look->text, &data, i, 1);
        if (!look->text.failed) {
            look->text.n_bytes--; /* its newline */
        }
    }
    augsi_record_writer_free(writer);
    return AUGS_OK;
}

/* Checks the chunk; what it holds by the stream is then in the maker. */
static int check_chunk(inspection *look, augs_error *error)
{
    augsi_chunk_cursor cursor;
    augsi_chunk_spans spans = {0};
    int status = augsi_chunk_cursor_open(&look->run, &cursor, error);
    if (status == AUGS_OK) {
        status = augsi_chunk_cursor_spans(&cursor, look->chunk, &spans, error);
        augsi_chunk_cursor_done(&cursor);
    }
    if (status == AUGS_OK) {
        status = augsi_chunk_check(&look->checker, &look->folder, look->chunk, &look->entry,
                                   AUGSI_CHECK_STREAM, &spans, error);
    }
    augsi_chunk_spans_done(&look->run, &spans);
    look->n_faults = status > 0 ? (uint64_t)status : 0;
    return status < 0 ? status : AUGS_OK;
}

/* Records are those of the stream, and `fault` says if the file holds others. */
static int add_chunk(inspection *look, uint64_t n_records, augs_error *error)
{
    int status = AUGS_OK;
    augsi_text_add_string(&look->text, ",\"fault\":");
    if (look->n_faults > 0) {
        augsi_text_add_json_string(&look->text, look->checker.faults[0].message);
    } else {
        augsi_text_add_string(&look->text, "null");
    }
    augsi_text_add_string(&look->text, ",\"records\":[");
    if (look->n_faults == 0 && look->chunk != UINT64_MAX) {
        status = add_records(look, &look->checker.maker, n_records, error);
    }
    augsi_text_add_string(&look->text, "]}\n");
    return status;
}

/* The entry of look->chunk, or of the first that is listed; counts what is listed. */
static int find_chunk(inspection *look, uint32_t shard, augs_error *error)
{
    augsi_manifest manifest;
    augsi_window *window = &look->window;
    const bool one = look->name != NULL;
    uint64_t next = one ? look->chunk : shard;
    int status = augsi_manifest_open(&look->folder, &look->run, &look->checker.sizes, shard,
                                     look->n_shards, &manifest, error);
    look->n_bad += status == AUGS_OK ? manifest.n_bad : 0;
    while (status == AUGS_OK && manifest.exists && next < look->run.n_chunks) {
        augsi_window_move(&look->run, window, next, look->n_shards);
        status = augsi_manifest_load(&look->folder, &look->run, &look->checker.sizes,
                                     look->n_shards, &manifest, window, error);
        for (uint64_t i = 0; i < window->n_used && status == AUGS_OK; i++) {
            uint64_t chunk = window->first + i * window->step;
            look->n_listed += window->entries[i].listed;
            if (window->entries[i].listed &&
                (chunk < look->chunk || (one && chunk == look->chunk))) {
                look->chunk = chunk;
                look->entry = window->entries[i];
            }
        }
        next = one ? UINT64_MAX : window->next;
    }
    return status;
}

static int find_in_manifest(void *user, const char *name, augs_error *error)
{
    inspection *look = user;
    uint32_t shard, n_shards;
    bool is_ours = augsi_manifest_parse_name(name, &shard, &n_shards) && n_shards == look->n_shards;
    return is_ours ? find_chunk(look, shard, error) : AUGS_OK;
}

/* Of a folder only the manifests that are there are read: a run can have very many shards. */
static int find_entry(inspection *look, augs_error *error)
{
    if (look->name != NULL) {
        return find_chunk(look, (uint32_t)(look->chunk % look->n_shards), error);
    }
    look->chunk = UINT64_MAX;
    return augsi_folder_list(&look->folder, find_in_manifest, look, error);
}

/* Whether COMPLETE is right, and if it is there but is not, the fault. */
static int look_at_complete(inspection *look, augs_error *error)
{
    augsi_hash128 root;
    augsi_text text;
    int status =
        augsi_run_root(&look->folder, &look->checker, look->n_shards, &look->window, &root, error);
    if (status == 1) {
        augsi_text_init(&text, &look->run.allocator);
        augsi_complete_text(&look->run, root, &text);
        status = text.failed ? augsi_fail_memory(error, text.capacity * 2)
                             : augsi_complete_is(&look->folder, &text, error);
        augsi_text_done(&text);
    }
    look->complete = status == 1;
    look->complete_is_wrong = status == 0 && augsi_folder_has(&look->folder, AUGSI_COMPLETE_NAME);
    return status < 0 ? status : AUGS_OK;
}

/* What is wrong with the folder, if nothing is wrong with the chunk. */
static void note_folder(inspection *look)
{
    char *message = look->checker.faults[0].message;
    const size_t space = sizeof look->checker.faults[0].message;
    if (look->n_faults == 0 && look->n_bad > 0) {
        look->n_faults = look->n_bad;
        snprintf(message, space, "%" PRIu64 " lines of the manifests are not lines of this run",
                 look->n_bad);
    } else if (look->n_faults == 0 && look->complete_is_wrong) {
        look->n_faults = 1;
        snprintf(message, space, "COMPLETE does not fit the manifests");
    }
}

static int find_file(inspection *look, const augsi_chunk_maker *maker, augs_error *error)
{
    char name[AUGSI_CHUNK_NAME_BYTES];
    if (sscanf(look->name, "part-%20" SCNu64 ".", &look->chunk) == 1 &&
        look->chunk < look->run.n_chunks) {
        for (uint32_t f = 0; f < maker->n_files; f++) {
            augsi_chunk_file_name(maker, look->chunk, f, name);
            if (strcmp(name, look->name) == 0) {
                return AUGS_OK;
            }
        }
    }
    return augsi_fail(error, AUGS_E_MISMATCH, "'%s' is no file of the run in '%s'", look->name,
                      look->folder.path);
}

static int inspect_run(inspection *look, uint64_t n_records, augs_error *error)
{
    int status = augsi_chunk_checker_open(&look->run, &look->checker, error);
    if (status == AUGS_OK) {
        status = augsi_window_open(&look->run, look->run.n_chunks, &look->window, error);
    }
    if (status == AUGS_OK && look->name != NULL) {
        status = find_file(look, &look->checker.maker, error);
    }
    if (status == AUGS_OK) {
        status = find_entry(look, error);
    }
    if (status == AUGS_OK && look->name == NULL) {
        status = look_at_complete(look, error);
    }
    if (status == AUGS_OK && !look->entry.listed) {
        look->chunk = look->name != NULL ? look->chunk : UINT64_MAX;
        if (look->name != NULL) {
            snprintf(look->checker.faults[0].message, sizeof look->checker.faults[0].message,
                     "no manifest lists it");
            look->n_faults = 1;
        }
    } else if (status == AUGS_OK) {
        status = check_chunk(look, error);
    }
    if (status == AUGS_OK) {
        note_folder(look);
        add_run(look);
        add_columns(&look->text, &look->checker.maker);
        status = add_chunk(look, n_records, error);
    }
    augsi_window_done(&look->run, &look->window);
    augsi_chunk_checker_done(&look->checker);
    return status;
}

static int inspect_folder(inspection *look, uint64_t n_records, char **ret_json, augs_error *error)
{
    int status = augsi_chunk_find_run(&look->folder, &look->run, &look->n_shards, error);
    if (status == AUGS_E_NOT_FOUND && look->name != NULL) {
        return augsi_fail(error, status,
                          "'%s': there is no manifest-<i>of<n>.jsonl beside it in '%s', which says "
                          "what a chunk file holds",
                          look->name, look->folder.path);
    }
    if (status < 0) {
        return status;
    }
    augsi_text_init(&look->text, &look->run.allocator);
    status = inspect_run(look, n_records, error);
    if (status == AUGS_OK) {
        char *copy = look->text.failed ? NULL
                                       : augsi_copy_text(&augsi_default_allocator, look->text.data,
                                                         look->text.n_bytes);
        if (copy == NULL) {
            status = augsi_fail_memory(error, look->text.n_bytes + 1);
        } else {
            *ret_json = copy;
        }
    }
    augsi_text_done(&look->text);
    augsi_chunk_run_done(&look->run);
    return status;
}

int augs_chunks_inspect(const char *path, uint64_t n_records, char **ret_json,
                        uint64_t *ret_n_faults, augs_error *error)
{
    struct stat facts;
    inspection look = {0};
    if (path == NULL || ret_json == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "inspect: path and ret_json must not be NULL");
    }
    size_t n_bytes = strlen(path);
    char *folder = augsi_copy_text(&augsi_default_allocator, path, n_bytes);
    if (folder == NULL) {
        return augsi_fail_memory(error, n_bytes + 1);
    }
    const char *place = folder;
    char *slash = strrchr(folder, '/');
    /* whatever stands where a chunk should be is asked for as a chunk */
    if (strncmp(slash != NULL ? slash + 1 : folder, "part-", 5) == 0 ||
        (stat(path, &facts) == 0 && !S_ISDIR(facts.st_mode))) {
        look.name = slash != NULL ? path + (slash - folder) + 1 : path;
        place = slash == NULL ? "." : slash == folder ? "/" : folder;
        if (slash != NULL && slash != folder) {
            *slash = '\0';
        }
    }
    int status = augsi_folder_open(place, false, &augsi_default_allocator, &look.folder, error);
    if (status == AUGS_OK) {
        status = inspect_folder(&look, n_records, ret_json, error);
        augsi_folder_done(&look.folder);
    }
    if (status == AUGS_OK && ret_n_faults != NULL) {
        *ret_n_faults = look.n_faults;
    }
    augsi_delete(&augsi_default_allocator, folder, n_bytes + 1);
    return status;
}

void augs_text_free(char *text)
{
    augsi_delete_text(&augsi_default_allocator, text);
}
