/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <augstream/chunks.h>

#include "base/fail.h"
#include "base/float_env.h"
#include "base/sized_struct.h"
#include "offline/chunk_check.h"
#include "offline/worker_pool.h"
#include "pipeline/batch/batch_impl.h"

#define JOBS_PER_WORKER 2u
#define MAX_THREADS 1024u
#define PIECE_RECORDS 65536u /* between two looks at the stop */

typedef struct verify_job {
    uint64_t chunk;
    uint64_t n_unlisted; /* not 0: so many chunks from `chunk` on are in no manifest */
    augsi_chunk_entry entry;
    augsi_chunk_spans spans;
    augsi_chunk_fault *faults;
    int n_faults; /* or a negative status */
    uint64_t n_bytes, digest[2];
    augs_error error;
} verify_job;

typedef struct chunk_verifier {
    const augs_chunks_verify_options *options;
    augs_chunks_summary *summary;
    augsi_folder folder;
    augsi_chunk_run run;
    uint32_t n_shards, n_threads, n_jobs;
    uint32_t *shards; /* whose manifests are there, ascending */
    augsi_manifest *manifests;
    size_t n_shards_there, n_manifests, manifests_space;
    augsi_window window;
    augsi_hash_stream *root; /* of the chunks up to next_chunk */
    augsi_chunk_cursor cursor;
    augsi_chunk_checker *checkers; /* one per thread */
    augsi_chunk_checker sizer;     /* of the calling thread and next_job: names and sizes */
    verify_job *jobs;
    uint64_t next_chunk, n_unlisted, done_samples, all_samples, n_listed;
    bool has_complete, read_complete;
    int status;
    augs_error error;
} chunk_verifier;

static void tell(chunk_verifier *verifier, int status, uint64_t chunk, const char *file,
                 const char *message)
{
    const augs_chunks_verify_options *options = verifier->options;
    augs_chunks_finding finding = {
        .size = sizeof finding, .status = status, .chunk = chunk, .file = file, .message = message};
    if (options != NULL && options->finding != NULL) {
        AUGSI_CALLER_BEGIN;
        options->finding(options->user, &finding);
        AUGSI_CALLER_END;
    }
}

static int tell_progress(const chunk_verifier *verifier)
{
    const augs_chunks_verify_options *options = verifier->options;
    if (options->progress == NULL) {
        return 0;
    }
    AUGSI_CALLER_BEGIN;
    const int stop =
        options->progress(options->user, verifier->done_samples, verifier->all_samples);
    AUGSI_CALLER_END;
    return stop;
}

static void tell_fault(chunk_verifier *verifier, int status, uint64_t chunk, const char *file,
                       const char *message)
{
    verifier->summary->n_faults++;
    tell(verifier, status, chunk, file, message);
}

static int load_window(chunk_verifier *verifier, uint64_t first, augs_error *error)
{
    augsi_window_move(&verifier->run, &verifier->window, first, 1);
    for (size_t i = 0; i < verifier->n_manifests; i++) {
        int status = augsi_manifest_load(&verifier->folder, &verifier->run, &verifier->sizer.sizes,
                                         verifier->n_shards, &verifier->manifests[i],
                                         &verifier->window, error);
        if (status < 0) {
            return status;
        }
    }
    return AUGS_OK;
}

/* Goes to a chunk behind the next one; what lies between is not listed. */
static void skip_to(chunk_verifier *verifier, uint64_t chunk)
{
    chunk = chunk < verifier->run.n_chunks ? chunk : verifier->run.n_chunks;
    verifier->n_unlisted += chunk - verifier->next_chunk;
    verifier->next_chunk = chunk;
}

/* The next chunk that is listed, behind a gap of n_unlisted; 0: there is none. A folder that lists
 * a few chunks of very many is not walked chunk by chunk. */
static int find_next(chunk_verifier *verifier, augs_error *error)
{
    const augsi_window *window = &verifier->window;
    const uint64_t *next = &verifier->next_chunk;
    while (*next < verifier->run.n_chunks) {
        uint64_t index = *next - window->first;
        if (augsi_stopped(&verifier->folder.stop)) {
            return augsi_fail_stopped(error);
        }
        if (index < window->n_used) {
            if (window->entries[index].listed) {
                return 1;
            }
            skip_to(verifier, *next + 1);
            continue;
        }
        if (window->count > 0 && window->next != *next) {
            skip_to(verifier, window->next);
        }
        int status = *next < verifier->run.n_chunks ? load_window(verifier, *next, error) : 0;
        if (status < 0) {
            return status;
        }
    }
    return 0;
}

static int next_job(void *user, void *job_pointer)
{
    chunk_verifier *verifier = user;
    verify_job *job = job_pointer;
    int status = find_next(verifier, &job->error);
    job->n_faults = status < 0 ? status : 0;
    job->n_unlisted = status < 0 ? 0 : verifier->n_unlisted;
    if (job->n_unlisted > 0) {
        job->chunk = verifier->next_chunk - verifier->n_unlisted;
        verifier->n_unlisted = 0;
        return 1;
    }
    if (status <= 0) {
        return status < 0;
    }
    job->chunk = verifier->next_chunk++;
    job->entry = verifier->window.entries[job->chunk - verifier->window.first];
    augsi_root_add(verifier->root, job->entry.hash);
    if (!verifier->options->hashes_only) {
        job->n_faults =
            augsi_chunk_cursor_spans(&verifier->cursor, job->chunk, &job->spans, &job->error);
    }
    return 1;
}

/* AUGS_E_CANCELLED. */
static int add_digest(const chunk_verifier *verifier, const augs_batch *batch, verify_job *job)
{
    const uint64_t n_samples = augs_batch_n_samples(batch);
    for (uint64_t at = 0; at < n_samples; at += PIECE_RECORDS) {
        const uint64_t left = n_samples - at;
        if (augsi_stopped(&verifier->folder.stop)) {
            return augsi_fail_stopped(&job->error);
        }
        augsi_batch_add_digest(batch, at, at + (left < PIECE_RECORDS ? left : PIECE_RECORDS),
                               job->digest);
    }
    return AUGS_OK;
}

static void do_job(void *user, void *worker, void *job_pointer)
{
    const chunk_verifier *verifier = user;
    augsi_chunk_checker *checker = worker;
    verify_job *job = job_pointer;
    bool hashes_only = verifier->options->hashes_only != 0;
    if (job->n_faults < 0 || job->n_unlisted > 0) {
        return;
    }
    job->n_faults = augsi_chunk_check(checker, &verifier->folder, job->chunk, &job->entry,
                                      hashes_only ? AUGSI_CHECK_HASH : AUGSI_CHECK_STREAM,
                                      &job->spans, &job->error);
    for (int i = 0; i < job->n_faults; i++) {
        job->faults[i] = checker->faults[i];
    }
    job->n_bytes = checker->n_bytes;
    job->digest[0] = job->digest[1] = 0;
    if (job->n_faults == 0 && !hashes_only) {
        job->n_faults = add_digest(verifier, checker->maker.batch, job);
    }
}

/* Chunks that no manifest lists. Of a run that is not finished that is no fault. */
static void tell_unlisted(chunk_verifier *verifier, const verify_job *job)
{
    enum { ONE_BY_ONE = 64 };
    char name[AUGSI_CHUNK_NAME_BYTES], message[128] = "no manifest lists it";
    uint64_t n = job->n_unlisted;
    if (!verifier->has_complete) {
        return;
    }
    if (n > ONE_BY_ONE) {
        snprintf(message, sizeof message,
                 "no manifest lists it, nor the %" PRIu64 " chunks behind it", n - 1);
        n = 1;
    }
    for (uint64_t i = 0; i < n; i++) {
        augsi_chunk_file_name(&verifier->sizer.maker, job->chunk + i, 0, name);
        tell_fault(verifier, AUGS_E_NOT_FOUND, job->chunk + i, name, message);
    }
    verifier->summary->n_faults += job->n_unlisted - n;
}

static int finish_job(void *user, void *job_pointer)
{
    chunk_verifier *verifier = user;
    const verify_job *job = job_pointer;
    augs_chunks_summary *summary = verifier->summary;
    if (job->n_faults < 0) {
        verifier->status = job->n_faults;
        verifier->error = job->error;
        return 1;
    }
    if (job->n_unlisted > 0) {
        tell_unlisted(verifier, job);
        return 0;
    }
    uint64_t n_samples = augsi_chunk_count(&verifier->run, job->chunk);
    verifier->n_listed++;
    for (int i = 0; i < job->n_faults; i++) {
        char name[AUGSI_CHUNK_NAME_BYTES];
        augsi_chunk_file_name(&verifier->sizer.maker, job->chunk, job->faults[i].file, name);
        tell_fault(verifier, job->faults[i].status, job->chunk, name, job->faults[i].message);
    }
    if (job->n_faults == 0) {
        summary->n_chunks++;
        summary->n_samples += n_samples;
        summary->n_bytes += job->n_bytes;
        summary->digest[0] += job->digest[0];
        summary->digest[1] += job->digest[1] + (summary->digest[0] < job->digest[0]);
    }
    verifier->done_samples += n_samples;
    if (tell_progress(verifier) != 0) {
        verifier->status =
            augsi_fail(&verifier->error, AUGS_E_CANCELLED, "verify: stopped by the caller");
        return 1;
    }
    return 0;
}

/* ---- the folder as a whole ---- */

/* A shard's manifest; what is wrong with it is a fault of the folder. */
static int load_manifest(chunk_verifier *verifier, uint32_t shard, augs_error *error)
{
    char name[AUGSI_CHUNK_NAME_BYTES], message[160];
    augsi_manifest *manifest = &verifier->manifests[verifier->n_manifests];
    augs_error inner = {0};
    augsi_manifest_name(shard, verifier->n_shards, name);
    int status = augsi_manifest_open(&verifier->folder, &verifier->run, &verifier->sizer.sizes,
                                     shard, verifier->n_shards, manifest, &inner);
    if (status == AUGS_E_CANCELLED || status == AUGS_E_NO_MEMORY) {
        return augsi_fail(error, status, "%s", inner.message);
    }
    if (status < 0) {
        tell_fault(verifier, status, AUGS_NO_CHUNK, name, inner.message);
        return AUGS_OK;
    }
    verifier->n_manifests++;
    if (manifest->n_bad > 0) {
        snprintf(message, sizeof message,
                 "line %" PRIu64 " is not a line of this run (%" PRIu64 " such lines)",
                 manifest->bad_line, manifest->n_bad);
        tell_fault(verifier, AUGS_E_CORRUPT, AUGS_NO_CHUNK, name, message);
    }
    uint64_t n_samples = augsi_product(manifest->n_lines, verifier->run.chunk_size);
    verifier->all_samples = augsi_sum(verifier->all_samples, n_samples);
    return AUGS_OK;
}

static int compare_shards(const void *a, const void *b)
{
    uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;
    return (one > other) - (one < other);
}

/* Beside COMPLETE every shard has a manifest. */
static void tell_missing_manifests(chunk_verifier *verifier, uint32_t first, uint32_t end)
{
    enum { ONE_BY_ONE = 64 };
    char name[AUGSI_CHUNK_NAME_BYTES], message[96] = "the manifest is missing";
    uint32_t n = end - first;
    if (n > ONE_BY_ONE) {
        snprintf(message, sizeof message, "the manifest is missing, and the %u behind it",
                 (unsigned)n - 1);
        end = first + 1;
        verifier->summary->n_faults += n - 1;
    }
    for (uint32_t s = first; s < end; s++) {
        augsi_manifest_name(s, verifier->n_shards, name);
        tell_fault(verifier, AUGS_E_NOT_FOUND, AUGS_NO_CHUNK, name, message);
    }
}

static int load_manifests(chunk_verifier *verifier, size_t n_shards, augs_error *error)
{
    uint32_t next = 0;
    verifier->manifests =
        augsi_new_array(&verifier->run.allocator, n_shards, sizeof *verifier->manifests);
    if (verifier->manifests == NULL) {
        return augsi_fail_memory(error, n_shards * sizeof *verifier->manifests);
    }
    verifier->n_manifests = 0;
    qsort(verifier->shards, n_shards, sizeof *verifier->shards, compare_shards);
    for (size_t i = 0; i <= n_shards; i++) {
        uint32_t shard = i < n_shards ? verifier->shards[i] : verifier->n_shards;
        if (verifier->has_complete && next < shard) {
            tell_missing_manifests(verifier, next, shard);
        }
        int status = i < n_shards ? load_manifest(verifier, shard, error) : AUGS_OK;
        if (status < 0) {
            return status;
        }
        next = shard + 1;
    }
    if (verifier->all_samples > verifier->run.n_records) {
        verifier->all_samples = verifier->run.n_records;
    }
    return AUGS_OK;
}

static int keep_shard(chunk_verifier *verifier, uint32_t shard, augs_error *error)
{
    size_t n = verifier->n_manifests, space = verifier->manifests_space;
    if (n == space) {
        size_t larger = space == 0 ? 64 : space * 2;
        uint32_t *shards = augsi_grow(&verifier->run.allocator, verifier->shards,
                                      space * sizeof *shards, larger * sizeof *shards);
        if (shards == NULL) {
            return augsi_fail_memory(error, larger * sizeof *shards);
        }
        verifier->shards = shards;
        verifier->manifests_space = larger;
    }
    verifier->shards[verifier->n_manifests++] = shard;
    return AUGS_OK;
}

/* Readers take every part-*: one that no chunk of the run owns is a fault. */
static int look_for_unknown_files(void *user, const char *name, augs_error *error)
{
    chunk_verifier *verifier = user;
    char own[AUGSI_CHUNK_NAME_BYTES];
    uint32_t shard, n_shards;
    uint64_t chunk;
    bool is_manifest = augsi_manifest_parse_name(name, &shard, &n_shards);
    if (is_manifest && n_shards == verifier->n_shards) {
        return keep_shard(verifier, shard, error);
    }
    if (is_manifest) {
        tell_fault(verifier, AUGS_E_MISMATCH, AUGS_NO_CHUNK, name,
                   "the folder's other manifests are of another number of shards");
        return AUGS_OK;
    }
    if (strncmp(name, "part-", 5) != 0) {
        return AUGS_OK;
    }
    const augsi_chunk_maker *maker = &verifier->sizer.maker;
    if (sscanf(name, "part-%20" SCNu64 ".", &chunk) == 1 && chunk < verifier->run.n_chunks) {
        for (uint32_t f = 0; f < maker->n_files; f++) {
            augsi_chunk_file_name(maker, chunk, f, own);
            if (strcmp(name, own) == 0) {
                return AUGS_OK;
            }
        }
    }
    tell_fault(verifier, AUGS_E_MISMATCH, AUGS_NO_CHUNK, name, "the file is none of this run");
    return AUGS_OK;
}

static void tell_unfinished(chunk_verifier *verifier)
{
    char message[160];
    if (verifier->n_listed == verifier->run.n_chunks) {
        snprintf(message, sizeof message,
                 "all %" PRIu64 " chunks are listed, but COMPLETE is missing: the same run started "
                 "again writes it",
                 verifier->n_listed);
    } else {
        snprintf(message, sizeof message,
                 "the run is not finished: %" PRIu64 " of %" PRIu64 " chunks are listed",
                 verifier->n_listed, verifier->run.n_chunks);
    }
    tell(verifier, AUGS_E_NOT_FOUND, AUGS_NO_CHUNK, AUGSI_COMPLETE_NAME, message);
}

static int check_complete(chunk_verifier *verifier, const augsi_text *there, augs_error *error)
{
    augsi_text text;
    if (!verifier->has_complete) {
        tell_unfinished(verifier); /* no fault */
        return AUGS_OK;
    }
    if (verifier->n_listed != verifier->run.n_chunks || !verifier->read_complete) {
        return AUGS_OK; /* what is missing or unreadable was told */
    }
    augsi_text_init(&text, &verifier->run.allocator);
    augsi_complete_text(&verifier->run, augsi_hash_stream_end(verifier->root), &text);
    int status = text.failed ? augsi_fail_memory(error, text.capacity * 2) : AUGS_OK;
    if (status == AUGS_OK) {
        bool right =
            text.n_bytes == there->n_bytes && memcmp(text.data, there->data, text.n_bytes) == 0;
        verifier->summary->complete = right;
        if (!right) {
            tell_fault(verifier, AUGS_E_CORRUPT, AUGS_NO_CHUNK, AUGSI_COMPLETE_NAME,
                       "the root hash is not that of the manifests");
        }
    }
    augsi_text_done(&text);
    return status;
}

static int prepare(chunk_verifier *verifier, augs_error *error)
{
    const augs_allocator *allocator = &verifier->run.allocator;
    uint64_t n_chunks = verifier->run.n_chunks;
    if (verifier->n_threads > n_chunks) {
        verifier->n_threads = n_chunks == 0 ? 1 : (uint32_t)n_chunks;
    }
    verifier->n_jobs = verifier->n_threads * JOBS_PER_WORKER;
    verifier->checkers =
        augsi_new_array(allocator, verifier->n_threads, sizeof *verifier->checkers);
    verifier->jobs = augsi_new_array(allocator, verifier->n_jobs, sizeof *verifier->jobs);
    verifier->root = augsi_new_slab(allocator, augsi_hash_stream_bytes());
    if (verifier->checkers == NULL || verifier->jobs == NULL || verifier->root == NULL) {
        return augsi_fail_memory(error, verifier->n_jobs * sizeof *verifier->jobs);
    }
    augsi_hash_stream_begin(verifier->root);
    int status = augsi_chunk_cursor_open(&verifier->run, &verifier->cursor, error);
    verifier->cursor.stop = &verifier->folder.stop;
    if (status == AUGS_OK) {
        status = augsi_window_open(&verifier->run, n_chunks, &verifier->window, error);
    }
    if (status == AUGS_OK) {
        status = augsi_chunk_checker_open(&verifier->run, &verifier->sizer, error);
    }
    for (uint32_t i = 0; i < verifier->n_threads && status == AUGS_OK; i++) {
        status = augsi_chunk_checker_open(&verifier->run, &verifier->checkers[i], error);
        verifier->checkers[i].maker.stop = &verifier->folder.stop;
    }
    for (uint32_t i = 0; i < verifier->n_jobs && status == AUGS_OK; i++) {
        size_t n = verifier->sizer.maker.n_files + 1;
        verifier->jobs[i].faults = augsi_new_array(allocator, n, sizeof(augsi_chunk_fault));
        if (verifier->jobs[i].faults == NULL) {
            status = augsi_fail_memory(error, n * sizeof(augsi_chunk_fault));
        }
    }
    return status;
}

static void verifier_done(chunk_verifier *verifier)
{
    augs_allocator allocator = verifier->run.allocator;
    size_t n_faults = (size_t)verifier->sizer.maker.n_files + 1;
    for (uint32_t i = 0; verifier->jobs != NULL && i < verifier->n_jobs; i++) {
        augsi_chunk_spans_done(&verifier->run, &verifier->jobs[i].spans);
        augsi_delete(&allocator, verifier->jobs[i].faults, n_faults * sizeof(augsi_chunk_fault));
    }
    for (uint32_t i = 0; verifier->checkers != NULL && i < verifier->n_threads; i++) {
        augsi_chunk_checker_done(&verifier->checkers[i]);
    }
    augsi_chunk_cursor_done(&verifier->cursor);
    augsi_delete(&allocator, verifier->jobs, verifier->n_jobs * sizeof *verifier->jobs);
    augsi_delete(&allocator, verifier->checkers, verifier->n_threads * sizeof *verifier->checkers);
    augsi_delete(&allocator, verifier->manifests,
                 verifier->n_shards_there * sizeof *verifier->manifests);
    augsi_delete(&allocator, verifier->shards,
                 verifier->manifests_space * sizeof *verifier->shards);
    augsi_delete(&allocator, verifier->root, augsi_hash_stream_bytes());
    augsi_chunk_checker_done(&verifier->sizer);
    augsi_window_done(&verifier->run, &verifier->window);
    augsi_chunk_run_done(&verifier->run);
}

static int verify_chunks(chunk_verifier *verifier, augs_error *error)
{
    augsi_worker_pool pool = {.allocator = &verifier->run.allocator,
                              .n_workers = verifier->n_threads,
                              .workers = verifier->checkers,
                              .worker_bytes = sizeof *verifier->checkers,
                              .jobs = verifier->jobs,
                              .job_bytes = sizeof *verifier->jobs,
                              .n_jobs = verifier->n_jobs,
                              .user = verifier,
                              .next = next_job,
                              .work = do_job,
                              .finish = finish_job};
    int status = augsi_worker_pool_run(&pool, error);
    if (status == AUGS_OK && verifier->status < 0) {
        status = verifier->status;
        if (error != NULL) {
            *error = verifier->error;
        }
    }
    return status;
}

/* Something of that name makes the run a finished one, also if it cannot be read. */
static int read_complete(chunk_verifier *verifier, augsi_text *text, augs_error *error)
{
    augs_error inner;
    int status = augsi_folder_read(&verifier->folder, AUGSI_COMPLETE_NAME, AUGSI_COMPLETE_BYTES,
                                   text, &inner);
    if (status == AUGS_E_CANCELLED || status == AUGS_E_NO_MEMORY) {
        return augsi_fail(error, status, "%s", inner.message);
    }
    verifier->read_complete = status == AUGS_OK;
    verifier->has_complete = status != AUGS_E_NOT_FOUND;
    if (status < 0 && verifier->has_complete) {
        tell_fault(verifier, status, AUGS_NO_CHUNK, AUGSI_COMPLETE_NAME, inner.message);
    }
    if (status == AUGS_OK && !augsi_complete_fits(&verifier->run, text)) {
        verifier->read_complete = false;
        tell_fault(verifier, AUGS_E_CORRUPT, AUGS_NO_CHUNK, AUGSI_COMPLETE_NAME,
                   "it is not of the run that the manifests say: another stream, or another number "
                   "of chunks or records");
    }
    return AUGS_OK;
}

static int verify_run(chunk_verifier *verifier, augs_error *error)
{
    augsi_text complete;
    augsi_text_init(&complete, &verifier->run.allocator);
    int status = prepare(verifier, error);
    if (status == AUGS_OK) {
        status = read_complete(verifier, &complete, error);
    }
    if (status == AUGS_OK) {
        status = augsi_folder_list(&verifier->folder, look_for_unknown_files, verifier, error);
    }
    if (status == AUGS_OK) {
        verifier->n_shards_there = verifier->n_manifests;
        status = load_manifests(verifier, verifier->n_shards_there, error);
    }
    if (status == AUGS_OK) {
        status = verify_chunks(verifier, error);
    }
    if (status == AUGS_OK) {
        status = check_complete(verifier, &complete, error);
    }
    augsi_text_done(&complete);
    return status;
}

static int verify_folder(chunk_verifier *verifier, augs_error *error)
{
    augs_error inner = {0};
    int status =
        augsi_chunk_find_run(&verifier->folder, &verifier->run, &verifier->n_shards, &inner);
    if (status == AUGS_E_CORRUPT || status == AUGS_E_MISMATCH) {
        tell_fault(verifier, status == AUGS_E_MISMATCH ? AUGS_E_MISMATCH : AUGS_E_CORRUPT,
                   AUGS_NO_CHUNK, "manifest", inner.message);
        return augsi_fail(error, AUGS_E_CORRUPT, "%s", inner.message);
    }
    if (status < 0) {
        return augsi_fail(error, status, "%s", inner.message);
    }
    status = verify_run(verifier, error);
    verifier_done(verifier);
    if (status == AUGS_OK && verifier->summary->n_faults > 0) {
        status = augsi_fail(
            error, AUGS_E_CORRUPT, "'%s': %" PRIu64 " faults; %" PRIu64 " chunks are good",
            verifier->folder.path, verifier->summary->n_faults, verifier->summary->n_chunks);
    }
    return status;
}

int augs_chunks_verify(const char *path, const augs_chunks_verify_options *options,
                       augs_chunks_summary *ret_summary, augs_error *error)
{
    augs_chunks_verify_options taken;
    augs_chunks_summary own = {.size = sizeof own};
    int status = AUGSI_TAKE(augs_chunks_verify_options, options, &taken, error);
    options = &taken;
    if (status == AUGS_OK && ret_summary != NULL) {
        status = AUGSI_CHECK_OUTPUT(augs_chunks_summary, ret_summary, error);
    }
    if (status == AUGS_OK && (path == NULL || options->n_threads > MAX_THREADS)) {
        status = augsi_fail(error, AUGS_E_ARGUMENT,
                            "verify: path must be given, and at most %u threads", MAX_THREADS);
    }
    if (status < 0) {
        return status;
    }
    chunk_verifier verifier = {.options = options,
                               .summary = &own,
                               .n_threads = options->n_threads == 0 ? 1 : options->n_threads};
    status = augsi_folder_open(path, false, &augsi_default_allocator, &verifier.folder, error);
    verifier.folder.stop = (augsi_stop){options->stop, options->user};
    if (status == AUGS_OK) {
        status = verify_folder(&verifier, error);
        augsi_folder_done(&verifier.folder);
    }
    if (ret_summary != NULL) {
        AUGSI_GIVE(augs_chunks_summary, &own, ret_summary);
    }
    return status;
}
