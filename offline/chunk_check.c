/* SPDX-License-Identifier: Apache-2.0 */
#include "offline/chunk_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "offline/chunk_format.h"
#include "offline/chunk_lines.h"

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
