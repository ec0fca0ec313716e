/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <augstream/chunks.h>

#include "chunk_check.h"
#include "chunk_crew.h"
#include "fail.h"
#include "sized_struct.h"

#define JOBS_A_WORKER 2u
#define MAX_THREADS 1024u

typedef struct verify_job {
    uint64_t chunk;
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
    augsi_chunk_entry *table;
    augsi_chunk_cursor cursor;
    augsi_chunk_checker *checkers;
    verify_job *jobs;
    uint64_t next_chunk, done_samples, all_samples, n_listed;
    bool has_complete;
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
        options->finding(options->user, &finding);
    }
}

static void tell_fault(chunk_verifier *verifier, int status, uint64_t chunk, const char *file,
                       const char *message)
{
    verifier->summary->n_faults++;
    tell(verifier, status, chunk, file, message);
}

static int next_job(void *user, void *job_pointer)
{
    chunk_verifier *verifier = user;
    verify_job *job = job_pointer;
    uint64_t *next = &verifier->next_chunk;
    while (*next < verifier->run.n_chunks && !verifier->table[*next].listed) {
        (*next)++;
    }
    if (*next >= verifier->run.n_chunks) {
        return 0;
    }
    job->chunk = (*next)++;
    job->n_faults = 0;
    if (!verifier->options->hashes_only) {
        job->n_faults =
            augsi_chunk_cursor_spans(&verifier->cursor, job->chunk, &job->spans, &job->error);
    }
    return 1;
}

static void do_job(void *user, void *worker, void *job_pointer)
{
    const chunk_verifier *verifier = user;
    augsi_chunk_checker *checker = worker;
    verify_job *job = job_pointer;
    bool hashes_only = verifier->options->hashes_only != 0;
    if (job->n_faults < 0) {
        return;
    }
    job->n_faults =
        augsi_chunk_check(checker, &verifier->folder, job->chunk, &verifier->table[job->chunk],
                          hashes_only ? NULL : &job->spans, job->faults, &job->error);
    job->n_bytes = checker->there.n_bytes;
    job->digest[0] = job->digest[1] = 0;
    if (job->n_faults == 0 && !hashes_only) {
        augs_batch_digest(checker->maker.batch, job->digest);
    }
}

static int finish_job(void *user, void *job_pointer)
{
    chunk_verifier *verifier = user;
    const verify_job *job = job_pointer;
    augs_chunks_summary *summary = verifier->summary;
    uint64_t n_samples = augsi_chunk_count(&verifier->run, job->chunk);
    if (job->n_faults < 0) {
        verifier->status = job->n_faults;
        verifier->error = job->error;
        return 1;
    }
    for (int i = 0; i < job->n_faults; i++) {
        char name[AUGSI_CHUNK_NAME_BYTES];
        augsi_chunk_file_name(&verifier->checkers[0].maker, job->chunk, job->faults[i].file, name);
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
    if (verifier->options->progress != NULL &&
        verifier->options->progress(verifier->options->user, verifier->done_samples,
                                    verifier->all_samples) != 0) {
        verifier->status =
            augsi_fail(&verifier->error, AUGS_E_CANCELLED, "verify: stopped by the caller");
        return 1;
    }
    return 0;
}

/* ---- the folder as a whole ---- */

static int load_manifests(chunk_verifier *verifier, augs_error *error)
{
    char name[AUGSI_CHUNK_NAME_BYTES], message[160];
    for (uint32_t s = 0; s < verifier->n_shards; s++) {
        augsi_manifest_state state;
        augs_error inner = {0};
        augsi_manifest_name(s, verifier->n_shards, name);
        int status = augsi_manifest_load(&verifier->folder, &verifier->run, s, verifier->n_shards,
                                         verifier->table, &state, &inner);
        if (status == AUGS_E_MISMATCH) {
            tell_fault(verifier, AUGS_E_MISMATCH, AUGS_NO_CHUNK, name, inner.message);
        } else if (status < 0) {
            return augsi_fail(error, status, "%s", inner.message);
        } else if (!state.exists && verifier->has_complete) {
            tell_fault(verifier, AUGS_E_NOT_FOUND, AUGS_NO_CHUNK, name, "the manifest is missing");
        } else if (state.n_bad > 0) {
            snprintf(message, sizeof message,
                     "line %" PRIu64 " is not a line of this run (%" PRIu64 " such lines)",
                     state.bad_line, state.n_bad);
            tell_fault(verifier, AUGS_E_CORRUPT, AUGS_NO_CHUNK, name, message);
        }
    }
    for (uint64_t c = 0; c < verifier->run.n_chunks; c++) {
        if (verifier->table[c].listed) {
            verifier->n_listed++;
            verifier->all_samples += augsi_chunk_count(&verifier->run, c);
        }
    }
    return AUGS_OK;
}

/* Readers take every part-*: one that no chunk of the run owns is a fault. */
static int look_for_strangers(void *user, const char *name, augs_error *error)
{
    chunk_verifier *verifier = user;
    char own[AUGSI_CHUNK_NAME_BYTES];
    uint32_t shard, n_shards;
    uint64_t chunk;
    (void)error;
    if (augsi_manifest_parse_name(name, &shard, &n_shards) && n_shards != verifier->n_shards) {
        tell_fault(verifier, AUGS_E_MISMATCH, AUGS_NO_CHUNK, name,
                   "the folder's other manifests are of another number of shards");
        return AUGS_OK;
    }
    if (strncmp(name, "part-", 5) != 0) {
        return AUGS_OK;
    }
    const augsi_chunk_maker *maker = &verifier->checkers[0].maker;
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

static void tell_missing(chunk_verifier *verifier)
{
    char name[AUGSI_CHUNK_NAME_BYTES], message[120];
    if (!verifier->has_complete) { /* not finished: no fault */
        snprintf(message, sizeof message,
                 "the run is not finished: %" PRIu64 " of %" PRIu64 " chunks are listed",
                 verifier->n_listed, verifier->run.n_chunks);
        tell(verifier, AUGS_E_NOT_FOUND, AUGS_NO_CHUNK, AUGSI_COMPLETE_NAME, message);
        return;
    }
    for (uint64_t c = 0; c < verifier->run.n_chunks; c++) {
        if (!verifier->table[c].listed) {
            augsi_chunk_file_name(&verifier->checkers[0].maker, c, 0, name);
            tell_fault(verifier, AUGS_E_NOT_FOUND, c, name, "no manifest lists it");
        }
    }
}

static int check_complete(chunk_verifier *verifier, const augsi_text *there, augs_error *error)
{
    augsi_text text;
    bool all = verifier->n_listed == verifier->run.n_chunks;
    if (!all || !verifier->has_complete) {
        tell_missing(verifier);
        return AUGS_OK;
    }
    augsi_text_init(&text, &verifier->run.allocator);
    int status = augsi_complete_text(&verifier->run, verifier->table, &text, error);
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
    verifier->n_jobs = verifier->n_threads * JOBS_A_WORKER;
    verifier->table = augsi_new_array(allocator, (size_t)n_chunks, sizeof *verifier->table);
    verifier->checkers =
        augsi_new_array(allocator, verifier->n_threads, sizeof *verifier->checkers);
    verifier->jobs = augsi_new_array(allocator, verifier->n_jobs, sizeof *verifier->jobs);
    if (verifier->table == NULL || verifier->checkers == NULL || verifier->jobs == NULL) {
        return augsi_fail_memory(error, (size_t)n_chunks * sizeof *verifier->table);
    }
    int status = augsi_chunk_cursor_open(&verifier->run, &verifier->cursor, error);
    for (uint32_t i = 0; i < verifier->n_threads && status == AUGS_OK; i++) {
        status = augsi_chunk_checker_open(&verifier->run, &verifier->checkers[i], error);
    }
    for (uint32_t i = 0; i < verifier->n_jobs && status == AUGS_OK; i++) {
        size_t n = verifier->checkers[0].maker.n_files + 1;
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
    size_t n_faults =
        verifier->checkers != NULL ? (size_t)verifier->checkers[0].maker.n_files + 1 : 0;
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
    augsi_delete(&allocator, verifier->table,
                 (size_t)verifier->run.n_chunks * sizeof *verifier->table);
    augsi_chunk_run_done(&verifier->run);
}

static int verify_chunks(chunk_verifier *verifier, augs_error *error)
{
    augsi_crew crew = {.allocator = &verifier->run.allocator,
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
    int status = augsi_crew_run(&crew, error);
    if (status == AUGS_OK && verifier->status < 0) {
        status = verifier->status;
        if (error != NULL) {
            *error = verifier->error;
        }
    }
    return status;
}

static int verify_run(chunk_verifier *verifier, augs_error *error)
{
    augsi_text complete;
    augs_error unread;
    augsi_text_init(&complete, &verifier->run.allocator);
    int status = prepare(verifier, error);
    if (status == AUGS_OK) {
        verifier->has_complete = augsi_folder_read(&verifier->folder, AUGSI_COMPLETE_NAME,
                                                   &complete, &unread) == AUGS_OK;
        status = load_manifests(verifier, error);
    }
    if (status == AUGS_OK) {
        status = augsi_folder_list(&verifier->folder, look_for_strangers, verifier, error);
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
    if (status == AUGS_E_CORRUPT || status == AUGS_E_MISMATCH || status == AUGS_E_PRESET) {
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
                       augs_chunks_summary *summary, augs_error *error)
{
    augs_chunks_verify_options taken;
    augs_chunks_summary own = {.size = sizeof own};
    int status = AUGSI_TAKE(augs_chunks_verify_options, options, &taken, error);
    options = &taken;
    if (status == AUGS_OK && summary != NULL) {
        status = AUGSI_CHECK_OUTPUT(augs_chunks_summary, summary, error);
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
    if (status == AUGS_OK) {
        status = verify_folder(&verifier, error);
        augsi_folder_done(&verifier.folder);
    }
    if (summary != NULL) {
        AUGSI_GIVE(augs_chunks_summary, &own, summary);
    }
    return status;
}
