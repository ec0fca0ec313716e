/* SPDX-License-Identifier: Apache-2.0 */
/* What a folder holds: whether a chunk is good, which run a folder is of, and what a shard that
 * starts finds in it. */
#include "offline/chunk_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "offline/chunk_lines.h"
#include "offline/chunk_writer.h"

#define BUFFER_BYTES ((size_t)256 * 1024)
/* A chunk whose hash or size is wrong is made, to say where it differs, only if it is not larger:
 * sizes of a damaged folder must not decide how much memory is taken. */
#define LOCATE_BYTES ((uint64_t)1 << 30)

int augsi_chunk_checker_open(const augsi_chunk_run *run, augsi_chunk_checker *ret_checker,
                             augs_error *error)
{
    augsi_chunk_checker *checker = ret_checker;
    const augs_allocator *allocator = &run->allocator;
    int status = augsi_chunk_maker_open(run, &checker->maker, error);
    if (status < 0) {
        return status;
    }
    size_t n_files = checker->maker.n_files;
    checker->sizes = (augsi_chunk_sizes){.maker = &checker->maker};
    checker->files = augsi_new_array(allocator, n_files, sizeof *checker->files);
    checker->faults = augsi_new_array(allocator, n_files + 1, sizeof *checker->faults);
    checker->hash = augsi_new_slab(allocator, augsi_hash_stream_bytes());
    checker->buffer = augsi_new_slab(allocator, BUFFER_BYTES);
    if (checker->files == NULL || checker->faults == NULL || checker->hash == NULL ||
        checker->buffer == NULL) {
        augsi_chunk_checker_done(checker);
        return augsi_fail_memory(error, n_files * sizeof *checker->faults + BUFFER_BYTES);
    }
    return AUGS_OK;
}

void augsi_chunk_checker_done(augsi_chunk_checker *checker)
{
    if (checker->maker.run != NULL) {
        const augs_allocator *allocator = &checker->maker.run->allocator;
        size_t n_files = checker->maker.n_files;
        augsi_delete(allocator, checker->files, n_files * sizeof *checker->files);
        augsi_delete(allocator, checker->faults, (n_files + 1) * sizeof *checker->faults);
        augsi_delete(allocator, checker->hash, augsi_hash_stream_bytes());
        augsi_delete(allocator, checker->buffer, BUFFER_BYTES);
        augsi_chunk_maker_done(&checker->maker);
        *checker = (augsi_chunk_checker){.n_faults = 0};
    }
}

static augsi_chunk_fault *add_fault(augsi_chunk_checker *checker, int status, uint32_t file)
{
    augsi_chunk_fault *fault = &checker->faults[checker->n_faults++];
    *fault = (augsi_chunk_fault){.status = status, .file = file};
    return fault;
}

/* A status of a file is a fault of the chunk, or it is none of it. */
static int take_status(augsi_chunk_checker *checker, uint32_t file, int status,
                       const augs_error *inner, augs_error *error)
{
    if (status == AUGS_E_CANCELLED || status == AUGS_E_NO_MEMORY) {
        return augsi_fail(error, status, "%s", inner->message);
    }
    augsi_chunk_fault *fault = add_fault(checker, status, file);
    snprintf(fault->message, sizeof fault->message, "%s%s",
             status == AUGS_E_NOT_FOUND ? "the manifest lists it, but " : "", inner->message);
    augsi_file_check *check = &checker->files[file];
    if (check->file.fd >= 0) {
        augsi_folder_close_file(&check->file);
    }
    return AUGS_OK;
}

static void close_files(augsi_chunk_checker *checker)
{
    for (uint32_t f = 0; f < checker->maker.n_files; f++) {
        if (checker->files[f].file.fd >= 0) {
            augsi_folder_close_file(&checker->files[f].file);
        }
    }
}

static int open_files(augsi_chunk_checker *checker, const augsi_folder *folder, uint64_t chunk,
                      augs_error *error)
{
    char name[AUGSI_CHUNK_NAME_BYTES];
    int result = AUGS_OK;
    checker->n_bytes = 0;
    for (uint32_t f = 0; f < checker->maker.n_files; f++) {
        augs_error inner;
        checker->files[f] = (augsi_file_check){.file = {.fd = -1}};
        if (result < 0) {
            continue;
        }
        augsi_chunk_file_name(&checker->maker, chunk, f, name);
        int status = augsi_folder_open_file(folder, name, &checker->files[f].file, &inner);
        if (status < 0) {
            result = take_status(checker, f, status, &inner, error);
        } else {
            checker->n_bytes += checker->files[f].file.n_bytes;
        }
    }
    return result;
}

/* ---- bytes ---- */

static void compare_piece(augsi_file_check *check, const char *there, const char *made, uint64_t at,
                          size_t n)
{
    if (check->differs || memcmp(there, made, n) == 0) {
        return;
    }
    size_t i = 0;
    while (there[i] == made[i]) {
        i++;
    }
    check->differs = true;
    check->at = at + i;
    check->there = (unsigned char)there[i];
    check->made = (unsigned char)made[i];
}

/* Reads a file through: into the hash, and against what the stream makes (made: NULL = not). */
static int read_file(augsi_chunk_checker *checker, const augsi_folder *folder, uint32_t index,
                     const char *made, uint64_t made_bytes, augs_error *error)
{
    augsi_file_check *check = &checker->files[index];
    /* a file of another size is not read behind the end of the one that is made */
    uint64_t end =
        made != NULL && made_bytes < check->file.n_bytes ? made_bytes : check->file.n_bytes;
    for (uint64_t at = 0; at < end;) {
        augs_error inner;
        size_t n = end - at < BUFFER_BYTES ? (size_t)(end - at) : BUFFER_BYTES;
        int64_t got = augsi_folder_read_at(folder, &check->file, at, checker->buffer, n, &inner);
        if (got >= 0 && got < (int64_t)n) {
            got = augsi_fail(&inner, AUGS_E_CORRUPT, "it became shorter while it was read");
        }
        if (got < 0) {
            return take_status(checker, index, (int)got, &inner, error);
        }
        augsi_hash_stream_add(checker->hash, checker->buffer, n);
        if (made != NULL) {
            compare_piece(check, checker->buffer, made + at, at, n);
        }
        at += n;
    }
    if (made != NULL && made_bytes != check->file.n_bytes && !check->differs) {
        check->differs = true;
        check->at = end;
    }
    return AUGS_OK;
}

static int read_files(augsi_chunk_checker *checker, const augsi_folder *folder, bool compare,
                      augs_error *error)
{
    const augsi_chunk_maker *maker = &checker->maker;
    int status = AUGS_OK;
    augsi_hash_stream_begin(checker->hash);
    for (uint32_t f = 0; f < maker->n_files && status == AUGS_OK; f++) {
        if (checker->files[f].file.fd >= 0) {
            status = read_file(checker, folder, f,
                               compare ? maker->image.data + maker->files[f].at : NULL,
                               maker->files[f].n_bytes, error);
        }
    }
    return status;
}

static void tell_difference(augsi_chunk_checker *checker, uint32_t file, int status)
{
    const augsi_file_check *check = &checker->files[file];
    const augsi_chunk_file *made = &checker->maker.files[file];
    augsi_chunk_fault *fault = add_fault(checker, status, file);
    if (check->file.n_bytes != made->n_bytes) {
        snprintf(fault->message, sizeof fault->message,
                 "%" PRIu64 " bytes, the stream makes %zu; the first %" PRIu64 " are the same",
                 check->file.n_bytes, made->n_bytes, check->at);
        return;
    }
    char where[112];
    augsi_chunk_locate(&checker->maker, made->at + (size_t)check->at, where, sizeof where);
    snprintf(fault->message, sizeof fault->message,
             "%s differs from the stream first at byte %" PRIu64
             " (0x%02x, the stream makes 0x%02x), %s",
             status == AUGS_E_CORRUPT ? "the hash does not fit, and the file"
                                      : "the hash fits, but the file",
             check->at, (unsigned)check->there, (unsigned)check->made, where);
}

/* The chunk as a whole does not fit its line. `made`: the stream was compared and agrees. */
static void tell_entry(augsi_chunk_checker *checker, const augsi_chunk_entry *entry,
                       augsi_hash128 hash, bool made)
{
    augsi_chunk_fault *fault = add_fault(checker, AUGS_E_CORRUPT, 0);
    const char *agrees = made ? "; the stream agrees with the file" : "";
    if (checker->n_bytes != entry->n_bytes) {
        snprintf(fault->message, sizeof fault->message,
                 "%" PRIu64 " bytes, the manifest says %" PRIu64 "%s", checker->n_bytes,
                 entry->n_bytes, agrees);
        return;
    }
    char got[AUGSI_HASH128_TEXT], want[AUGSI_HASH128_TEXT];
    augsi_hash128_text(hash, got);
    augsi_hash128_text(entry->hash, want);
    snprintf(fault->message, sizeof fault->message, "XXH3-128 %s, the manifest says %s%s", got,
             want, agrees);
}

static bool is_same(const augsi_chunk_checker *checker, const augsi_chunk_entry *entry,
                    augsi_hash128 hash)
{
    return checker->n_bytes == entry->n_bytes && hash.low == entry->hash.low &&
           hash.high == entry->hash.high;
}

/* Without the stream: sizes and hash. 1: they fit. */
static int check_entry(augsi_chunk_checker *checker, const augsi_folder *folder,
                       const augsi_chunk_entry *entry, int how, augs_error *error)
{
    augsi_hash128 hash = entry->hash;
    if (checker->n_faults > 0) {
        return 0;
    }
    if (how != AUGSI_CHECK_SIZES && checker->n_bytes == entry->n_bytes) {
        int status = read_files(checker, folder, false, error);
        if (status < 0) {
            return status;
        }
        hash = augsi_hash_stream_end(checker->hash);
    }
    if (checker->n_faults > 0) {
        return 0;
    }
    if (!is_same(checker, entry, hash)) {
        tell_entry(checker, entry, hash, false);
        return 0;
    }
    return 1;
}

static int check_stream(augsi_chunk_checker *checker, const augsi_folder *folder, uint64_t chunk,
                        const augsi_chunk_entry *entry, const augsi_chunk_spans *spans,
                        augs_error *error)
{
    augsi_chunk_maker *maker = &checker->maker;
    int status = augsi_chunk_make(maker, chunk, spans, error);
    if (status == AUGS_OK) {
        status = read_files(checker, folder, true, error);
    }
    if (status < 0) {
        return status;
    }
    augsi_hash128 hash = augsi_hash_stream_end(checker->hash);
    bool all_read = checker->n_faults == 0, fits = all_read && is_same(checker, entry, hash);
    bool differs = false;
    for (uint32_t f = 0; f < maker->n_files; f++) {
        if (checker->files[f].file.fd >= 0 && checker->files[f].differs) {
            tell_difference(checker, f, fits ? AUGS_E_MISMATCH : AUGS_E_CORRUPT);
            differs = true;
        }
    }
    if (all_read && !differs && !fits) {
        tell_entry(checker, entry, hash, true);
    }
    return AUGS_OK;
}

int augsi_chunk_check(augsi_chunk_checker *checker, const augsi_folder *folder, uint64_t chunk,
                      const augsi_chunk_entry *entry, int how, const augsi_chunk_spans *spans,
                      augs_error *error)
{
    const uint64_t memory_bytes =
        how == AUGSI_CHECK_STREAM ? augsi_chunk_memory(&checker->maker, chunk) : 0;
    checker->n_faults = 0;
    int status = open_files(checker, folder, chunk, error);
    if (status == AUGS_OK) {
        bool small = memory_bytes <= LOCATE_BYTES && how == AUGSI_CHECK_STREAM;
        status = small ? 1 : check_entry(checker, folder, entry, how, error);
    }
    if (status == 1 && how == AUGSI_CHECK_STREAM && memory_bytes > augsi_machine_bytes()) {
        snprintf(add_fault(checker, AUGS_E_IO, 0)->message, sizeof checker->faults->message,
                 "its hash fits, but to make it again takes %" PRIu64 " bytes of memory",
                 memory_bytes);
        status = AUGS_OK;
    }
    if (status == 1 && how == AUGSI_CHECK_STREAM) {
        status = check_stream(checker, folder, chunk, entry, spans, error);
    }
    close_files(checker);
    return status < 0 ? status : checker->n_faults;
}

/* ---- which run a folder is of ---- */

typedef struct run_search {
    const augsi_folder *folder;
    augsi_chunk_run *run;
    uint32_t n_shards;
    bool found;
} run_search;

/* What is wrong in a header is wrong in the folder, whatever the reader of options calls it. */
static int header_status(int status)
{
    switch (status) {
    case AUGS_E_IO:
    case AUGS_E_NO_MEMORY:
    case AUGS_E_CANCELLED:
    case AUGS_E_UNSUPPORTED:
    case AUGS_E_MISMATCH:
        return status;
    default:
        return AUGS_E_CORRUPT;
    }
}

static int parse_header(run_search *search, const char *name, uint32_t shard, const char *line,
                        size_t n_bytes, augs_error *error)
{
    uint32_t header_shard, header_n_shards;
    augs_error inner = {0};
    int status =
        augsi_chunk_run_parse(line, n_bytes, search->run, &header_shard, &header_n_shards, &inner);
    if (status < 0) {
        return augsi_fail(error, header_status(status), "'%s': %s", name, inner.message);
    }
    if (header_shard != shard || header_n_shards != search->n_shards) {
        augsi_chunk_run_done(search->run);
        return augsi_fail(error, AUGS_E_CORRUPT, "'%s' is the manifest of shard %u of %u", name,
                          (unsigned)header_shard, (unsigned)header_n_shards);
    }
    search->found = true;
    return AUGS_OK;
}

static int look_for_run(void *user, const char *name, augs_error *error)
{
    run_search *search = user;
    uint32_t shard;
    augsi_line_reader lines = {.buffer = NULL};
    augs_error inner = {0};
    const char *line;
    size_t n;
    if (search->found || !augsi_manifest_parse_name(name, &shard, &search->n_shards)) {
        return AUGS_OK;
    }
    int status = augsi_line_reader_open(search->folder, name, &lines, &inner);
    if (status == AUGS_OK) {
        augsi_line_reader_limit(&lines, AUGSI_HEADER_BYTES);
        status = augsi_line_reader_next(&lines, &line, &n, &inner);
        if (status > 0) {
            status = parse_header(search, name, shard, line, n, error);
            augsi_line_reader_done(&lines);
            return status < 0 ? status : 1;
        }
        augsi_line_reader_done(&lines);
    }
    return status < 0 ? augsi_fail(error, header_status(status), "'%s': %s", name, inner.message)
                      : AUGS_OK;
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

/*
 * ---- what an earlier run, or another shard, has left ----
 *
 * A shard that starts reads its own manifest and the header of one other at most, so that many
 * shards of one job do not read everything again each.
 */

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
