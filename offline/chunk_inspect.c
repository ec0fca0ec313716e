/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <augstream/chunks.h>

#include "chunk_check.h"
#include "fail.h"

typedef struct inspection {
    augsi_folder folder;
    augsi_chunk_run run;
    uint32_t n_shards;
    augsi_chunk_entry *table;
    uint64_t chunk;
    uint32_t file;
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
static void add_run(inspection *look, bool complete)
{
    augsi_text *text = &look->text;
    const augsi_chunk_run *run = &look->run;
    const augs_stream *stream = run->stream;
    char line[512];
    uint64_t n_listed = 0;
    for (uint64_t c = 0; c < run->n_chunks; c++) {
        n_listed += look->table[c].listed;
    }
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
        snprintf(line, sizeof line, ",\"n_bytes\":%" PRId64,
                 augsi_folder_size(&look->folder, look->name));
    } else {
        snprintf(line, sizeof line,
                 ",\"n_chunks\":%" PRIu64 ",\"n_listed\":%" PRIu64
                 ",\"n_shards\":%u,\"complete\":%s",
                 run->n_chunks, n_listed, (unsigned)look->n_shards, complete ? "true" : "false");
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

/* Records are those of the stream, and `fault` says if the file holds others. */
static int add_chunk(inspection *look, augsi_chunk_checker *checker, uint64_t n_records,
                     augs_error *error)
{
    augsi_chunk_cursor cursor;
    augsi_chunk_spans spans = {0};
    const augs_allocator *allocator = &look->run.allocator;
    size_t fault_bytes = ((size_t)checker->maker.n_files + 1) * sizeof(augsi_chunk_fault);
    augsi_chunk_fault *faults = augsi_new(allocator, fault_bytes);
    if (faults == NULL) {
        return augsi_fail_memory(error, fault_bytes);
    }
    int status = augsi_chunk_cursor_open(&look->run, &cursor, error);
    if (status == AUGS_OK) {
        status = augsi_chunk_cursor_spans(&cursor, look->chunk, &spans, error);
        augsi_chunk_cursor_done(&cursor);
    }
    if (status == AUGS_OK) {
        status = augsi_chunk_check(checker, &look->folder, look->chunk, &look->table[look->chunk],
                                   &spans, faults, error);
    }
    if (status >= 0) {
        augsi_text_add_string(&look->text, ",\"fault\":");
        if (status > 0) {
            augsi_text_add_json_string(&look->text, faults[0].message);
        } else {
            augsi_text_add_string(&look->text, "null");
        }
        augsi_text_add_string(&look->text, ",\"records\":[");
        status = status == 0 ? add_records(look, &checker->maker, n_records, error) : AUGS_OK;
        augsi_text_add_string(&look->text, "]");
    }
    augsi_chunk_spans_done(&look->run, &spans);
    augsi_delete(allocator, faults, fault_bytes);
    return status;
}

static int find_file(inspection *look, const augsi_chunk_maker *maker, augs_error *error)
{
    char name[AUGSI_CHUNK_NAME_BYTES];
    if (sscanf(look->name, "part-%20" SCNu64 ".", &look->chunk) == 1 &&
        look->chunk < look->run.n_chunks) {
        for (look->file = 0; look->file < maker->n_files; look->file++) {
            augsi_chunk_file_name(maker, look->chunk, look->file, name);
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
    augsi_chunk_checker checker = {0};
    int status = augsi_chunk_checker_open(&look->run, &checker, error);
    if (status < 0) {
        return status;
    }
    if (look->name != NULL) {
        status = find_file(look, &checker.maker, error);
    }
    for (uint32_t s = 0; s < look->n_shards && status == AUGS_OK; s++) {
        augsi_manifest_state state;
        status = augsi_manifest_load(&look->folder, &look->run, s, look->n_shards, look->table,
                                     &state, error);
    }
    if (status == AUGS_OK) {
        add_run(look, augsi_folder_size(&look->folder, AUGSI_COMPLETE_NAME) >= 0);
        add_columns(&look->text, &checker.maker);
        while (look->name == NULL && look->chunk < look->run.n_chunks &&
               !look->table[look->chunk].listed) {
            look->chunk++;
        }
        if (look->chunk < look->run.n_chunks && look->table[look->chunk].listed) {
            status = add_chunk(look, &checker, n_records, error);
        } else {
            augsi_text_add_string(&look->text, ",\"fault\":null,\"records\":[]");
        }
        augsi_text_add_string(&look->text, "}\n");
    }
    augsi_chunk_checker_done(&checker);
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
    size_t n_chunks = (size_t)look->run.n_chunks;
    augsi_text_init(&look->text, &look->run.allocator);
    look->table = augsi_new_array(&look->run.allocator, n_chunks, sizeof *look->table);
    status = look->table == NULL ? augsi_fail_memory(error, n_chunks * sizeof *look->table)
                                 : inspect_run(look, n_records, error);
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
    augsi_delete(&look->run.allocator, look->table, n_chunks * sizeof *look->table);
    augsi_text_done(&look->text);
    augsi_chunk_run_done(&look->run);
    return status;
}

int augs_chunks_inspect(const char *path, uint64_t n_records, char **ret_json, augs_error *error)
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
    if (stat(path, &facts) == 0 && !S_ISDIR(facts.st_mode)) {
        char *slash = strrchr(folder, '/');
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
    augsi_delete(&augsi_default_allocator, folder, n_bytes + 1);
    return status;
}

void augs_text_free(char *text)
{
    augsi_delete_text(&augsi_default_allocator, text);
}
