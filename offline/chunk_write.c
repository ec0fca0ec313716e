/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing and going on. Chunks are made, written, synced and renamed by the workers, side by side;
 * the calling thread then syncs the folder and appends the line to the manifest, chunk after chunk.
 * So a listed chunk is on disk, and a crash costs no more than the chunks that were in hand.
 */
#include <inttypes.h>
#include <string.h>

#include <augstream/chunks.h>

#include "chunk_crew.h"
#include "chunk_writer.h"
#include "fail.h"
#include "sized_struct.h"

#define JOBS_A_WORKER 2u
#define MAX_THREADS 1024u

static void keep_failure(augsi_chunk_writer *writer, int status, const augs_error *error)
{
    if (writer->status == AUGS_OK) {
        writer->status = status;
        writer->error = *error;
    }
}

static int write_complete(augsi_chunk_writer *writer, augs_error *error)
{
    augsi_text text;
    augsi_text_init(&text, &writer->run.allocator);
    int status = augsi_look_at_complete(writer, &text, error);
    if (status == 0 && text.n_bytes > 0) {
        status = augsi_folder_put(&writer->folder, AUGSI_COMPLETE_NAME, writer->suffix, text.data,
                                  text.n_bytes, error);
        if (status == AUGS_OK) {
            status = augsi_folder_sync(&writer->folder, error);
        }
        status = status == AUGS_OK ? 1 : status;
    }
    writer->report->complete = status == 1;
    augsi_text_done(&text);
    return status < 0 ? status : AUGS_OK;
}

static int next_job(void *user, void *job_pointer)
{
    augsi_chunk_writer *writer = user;
    augsi_write_job *job = job_pointer;
    while (writer->next_chunk < writer->run.n_chunks && writer->table[writer->next_chunk].listed) {
        writer->next_chunk += writer->n_shards;
    }
    if (writer->next_chunk >= writer->run.n_chunks) {
        return 0;
    }
    job->chunk = writer->next_chunk;
    job->status = augsi_chunk_cursor_spans(&writer->cursor, job->chunk, &job->spans, &job->error);
    writer->next_chunk += writer->n_shards;
    return 1;
}

static int no_space(const augsi_chunk_writer *writer, const augsi_write_job *job, uint64_t n_bytes,
                    augs_error *error)
{
    uint64_t free_bytes = augsi_folder_free_bytes(&writer->folder);
    uint64_t left = 0;
    for (uint64_t c = writer->shard; c < writer->run.n_chunks; c += writer->n_shards) {
        left += writer->table[c].listed ? 0 : augsi_chunk_count(&writer->run, c);
    }
    double need =
        (double)n_bytes / (double)augsi_chunk_count(&writer->run, job->chunk) * (double)left;
    if (need <= (double)free_bytes) {
        return AUGS_E_NO_SPACE; /* a limit of another kind: the system's message says which */
    }
    return augsi_fail(error, AUGS_E_NO_SPACE,
                      "no space is left for chunk %" PRIu64 " in '%.100s': %.0f bytes are missing "
                      "(%.0f to write, %" PRIu64 " free); completed chunks stay",
                      job->chunk, writer->folder.path, need - (double)free_bytes, need, free_bytes);
}

static void do_job(void *user, void *worker, void *job_pointer)
{
    const augsi_chunk_writer *writer = user;
    augsi_chunk_maker *maker = worker;
    augsi_write_job *job = job_pointer;
    char name[AUGSI_CHUNK_NAME_BYTES];
    if (job->status == AUGS_OK) {
        job->status = augsi_chunk_make(maker, job->chunk, &job->spans, &job->error);
    }
    for (uint32_t f = 0; f < maker->n_files && job->status == AUGS_OK; f++) {
        augsi_chunk_file_name(maker, job->chunk, f, name);
        job->status = augsi_folder_put(&writer->folder, name, writer->suffix,
                                       maker->image.data + maker->files[f].at,
                                       maker->files[f].n_bytes, &job->error);
    }
    job->entry = (augsi_chunk_entry){.n_bytes = maker->image.n_bytes, .listed = true};
    if (job->status == AUGS_OK) {
        job->entry.hash = augsi_hash128_of(maker->image.data, maker->image.n_bytes);
    }
}

static int commit(augsi_chunk_writer *writer, const augsi_write_job *job, augs_error *error)
{
    int status = augsi_folder_sync(&writer->folder, error);
    if (status < 0) {
        return status;
    }
    augsi_text_clear(&writer->line);
    augsi_manifest_line(&writer->run, job->chunk, &job->entry, &writer->line);
    if (writer->line.failed) {
        return augsi_fail_memory(error, writer->line.capacity);
    }
    status = augsi_folder_append(&writer->folder, writer->manifest_fd, writer->manifest,
                                 writer->line.data, writer->line.n_bytes, error);
    if (status < 0) {
        return status;
    }
    uint64_t n_samples = augsi_chunk_count(&writer->run, job->chunk);
    writer->table[job->chunk] = job->entry;
    writer->report->n_made++;
    writer->report->n_bytes += job->entry.n_bytes;
    writer->report->n_samples += n_samples;
    writer->done_samples += n_samples;
    return AUGS_OK;
}

static int finish_job(void *user, void *job_pointer)
{
    augsi_chunk_writer *writer = user;
    augsi_write_job *job = job_pointer;
    int status = job->status;
    if (status == AUGS_OK) {
        status = commit(writer, job, &job->error);
    }
    if (status == AUGS_E_NO_SPACE) {
        no_space(writer, job, job->entry.n_bytes, &job->error);
    }
    if (status < 0) {
        keep_failure(writer, status, &job->error);
        return status;
    }
    augs_chunks_progress_function *progress = writer->options->progress;
    if (progress != NULL &&
        progress(writer->options->progress_user, writer->done_samples, writer->all_samples) != 0) {
        augsi_fail(&job->error, AUGS_E_CANCELLED,
                   "stopped by the caller after %" PRIu64 " of %" PRIu64
                   " samples; started again, it goes on from there",
                   writer->done_samples, writer->all_samples);
        keep_failure(writer, AUGS_E_CANCELLED, &job->error);
        return 1;
    }
    return 0;
}

static int run_crew(augsi_chunk_writer *writer, augs_error *error)
{
    augsi_crew crew = {.allocator = &writer->run.allocator,
                       .n_workers = writer->n_threads,
                       .workers = writer->makers,
                       .worker_bytes = sizeof *writer->makers,
                       .jobs = writer->jobs,
                       .job_bytes = sizeof *writer->jobs,
                       .n_jobs = writer->n_jobs,
                       .user = writer,
                       .next = next_job,
                       .work = do_job,
                       .finish = finish_job};
    int status =
        augsi_folder_open_append(&writer->folder, writer->manifest, &writer->manifest_fd, error);
    if (status < 0) {
        return status;
    }
    writer->next_chunk = writer->shard;
    status = augsi_crew_run(&crew, error);
    augsi_folder_close(writer->manifest_fd);
    if (status == AUGS_OK && writer->status < 0) {
        status = writer->status;
        if (error != NULL) {
            *error = writer->error;
        }
    }
    return status;
}

static int remove_leftover(void *user, const char *name, augs_error *error)
{
    augsi_chunk_writer *writer = user;
    return name[0] == '.' && augsi_ends_with(name, writer->suffix)
               ? augsi_folder_remove(&writer->folder, name, error)
               : AUGS_OK;
}

/* The manifest in its final form, if it has not got it. */
static int settle_manifest(augsi_chunk_writer *writer, augs_error *error)
{
    if (writer->state.exists && writer->state.canonical) {
        return AUGS_OK;
    }
    augsi_text text;
    augsi_text_init(&text, &writer->run.allocator);
    augsi_manifest_text(&writer->run, writer->shard, writer->n_shards, writer->table, &text);
    int status = text.failed ? augsi_fail_memory(error, text.capacity * 2)
                             : augsi_folder_put(&writer->folder, writer->manifest, writer->suffix,
                                                text.data, text.n_bytes, error);
    augsi_text_done(&text);
    return status < 0 ? status : augsi_folder_sync(&writer->folder, error);
}

static int make_missing(augsi_chunk_writer *writer, augs_error *error)
{
    int status = settle_manifest(writer, error);
    if (status < 0 || writer->report->n_kept == writer->report->n_chunks) {
        return status;
    }
    /* COMPLETE must not stand beside chunks that are missing */
    status = augsi_folder_remove(&writer->folder, AUGSI_COMPLETE_NAME, error);
    if (status < 0) {
        return status;
    }
    bool had_some = writer->report->n_kept > 0;
    status = run_crew(writer, error);
    /* what was appended behind kept chunks may be out of order */
    augsi_manifest_state state;
    if (had_some && status == AUGS_OK) {
        status = augsi_manifest_load(&writer->folder, &writer->run, writer->shard, writer->n_shards,
                                     writer->table, &state, error);
        if (status == AUGS_OK) {
            writer->state = state;
            status = settle_manifest(writer, error);
        }
    }
    return status;
}

static int write_locked(augsi_chunk_writer *writer, augs_error *error)
{
    int status = augsi_look_at_shard(writer, writer->options->check, error);
    if (status == AUGS_OK) {
        status = augsi_folder_list(&writer->folder, remove_leftover, writer, error);
    }
    if (status == AUGS_OK) {
        status = make_missing(writer, error);
    }
    return status < 0 ? status : write_complete(writer, error);
}

/* 1: everything is there already, and nothing has to be written. */
static int already_done(augsi_chunk_writer *writer, augs_error *error)
{
    augsi_text text;
    int status = augsi_look_at_shard(writer, AUGS_CHECK_QUICK, error);
    if (status < 0 || writer->has_leftovers || !writer->state.exists || !writer->state.canonical ||
        writer->report->n_kept < writer->report->n_chunks) {
        return status;
    }
    if (writer->options->check == AUGS_CHECK_FULL) {
        status = augsi_look_at_shard(writer, AUGS_CHECK_FULL, error);
        if (status < 0 || writer->report->n_kept < writer->report->n_chunks) {
            return status;
        }
    }
    augsi_text_init(&text, &writer->run.allocator);
    status = augsi_look_at_complete(writer, &text, error);
    bool due = status == 0 && text.n_bytes > 0;
    augsi_text_done(&text);
    writer->report->complete = status == 1;
    return status < 0 ? status : !due;
}

static int write_run(augsi_chunk_writer *writer, augs_error *error)
{
    int lock;
    int status = already_done(writer, error);
    if (status != 0) {
        return status < 0 ? status : AUGS_OK;
    }
    status = augsi_folder_lock(&writer->folder, writer->lock, &lock, error);
    if (status < 0) {
        return status;
    }
    status = write_locked(writer, error);
    augsi_folder_unlock(&writer->folder, writer->lock, lock);
    return status;
}

static int prepare(augsi_chunk_writer *writer, const char *path, augs_error *error)
{
    const augsi_chunk_run *run = &writer->run;
    const augs_allocator *allocator = &run->allocator;
    for (uint64_t c = writer->shard; c < run->n_chunks; c += writer->n_shards) {
        writer->report->n_chunks++;
        writer->all_samples += augsi_chunk_count(run, c);
    }
    if ((uint64_t)writer->n_threads > writer->report->n_chunks) {
        writer->n_threads = writer->report->n_chunks == 0 ? 1 : (uint32_t)writer->report->n_chunks;
    }
    writer->n_jobs = writer->n_threads * JOBS_A_WORKER;
    writer->table = augsi_new_array(allocator, (size_t)run->n_chunks, sizeof *writer->table);
    writer->makers = augsi_new_array(allocator, writer->n_threads, sizeof *writer->makers);
    writer->jobs = augsi_new_array(allocator, writer->n_jobs, sizeof *writer->jobs);
    if (writer->table == NULL || writer->makers == NULL || writer->jobs == NULL) {
        return augsi_fail_memory(error, augsi_writer_table_bytes(run));
    }
    int status = augsi_chunk_cursor_open(run, &writer->cursor, error);
    for (uint32_t i = 0; i < writer->n_threads && status == AUGS_OK; i++) {
        status = augsi_chunk_maker_open(run, &writer->makers[i], error);
    }
    return status < 0 ? status : augsi_folder_open(path, true, allocator, &writer->folder, error);
}

static void writer_done(augsi_chunk_writer *writer)
{
    augs_allocator allocator = writer->run.allocator;
    for (uint32_t i = 0; writer->makers != NULL && i < writer->n_threads; i++) {
        augsi_chunk_maker_done(&writer->makers[i]);
    }
    for (uint32_t i = 0; writer->jobs != NULL && i < writer->n_jobs; i++) {
        augsi_chunk_spans_done(&writer->run, &writer->jobs[i].spans);
    }
    augsi_chunk_cursor_done(&writer->cursor);
    augsi_delete(&allocator, writer->makers, writer->n_threads * sizeof *writer->makers);
    augsi_delete(&allocator, writer->jobs, writer->n_jobs * sizeof *writer->jobs);
    augsi_delete(&allocator, writer->table, augsi_writer_table_bytes(&writer->run));
    augsi_text_done(&writer->line);
    augsi_folder_done(&writer->folder);
    augsi_chunk_run_done(&writer->run);
}

static int check_options(augs_stream *stream, const char *path, const augs_chunks_options *options,
                         augs_error *error)
{
    if (stream == NULL || path == NULL || path[0] == '\0') {
        return augsi_fail(error, AUGS_E_ARGUMENT, "chunks: stream and path are required");
    }
    uint32_t n_shards = options->n_shards == 0 ? 1 : options->n_shards;
    if (options->shard >= n_shards || n_shards > AUGSI_MAX_SHARDS) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "chunks: shard %u of %u; accepted is 0 <= shard < n_shards <= %u",
                          (unsigned)options->shard, (unsigned)n_shards, AUGSI_MAX_SHARDS);
    }
    if (options->n_threads > MAX_THREADS || options->check > AUGS_CHECK_FULL) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "chunks: %u threads (at most %u), check %u (0 quick, 1 full)",
                          (unsigned)options->n_threads, MAX_THREADS, (unsigned)options->check);
    }
    return AUGS_OK;
}

int augs_chunks_write(augs_stream *stream, const char *path, const augs_chunks_options *options,
                      augs_chunks_report *report, augs_error *error)
{
    augs_chunks_report own = {.size = sizeof own};
    augs_chunks_options taken;
    int status = AUGS_OK;
    if (report != NULL) {
        status = AUGSI_CHECK_OUTPUT(augs_chunks_report, report, error);
    }
    if (status == AUGS_OK) {
        status = options == NULL
                     ? augsi_fail(error, AUGS_E_ARGUMENT, "chunks: options are required")
                     : AUGSI_TAKE(augs_chunks_options, options, &taken, error);
    }
    if (status < 0) {
        return status;
    }
    options = &taken;
    status = check_options(stream, path, options, error);
    augsi_chunk_writer writer = {.options = options, .report = &own};
    if (status == AUGS_OK) {
        status = augsi_chunk_run_open(stream, options, &writer.run, error);
    }
    if (status == AUGS_OK) {
        writer.shard = options->shard;
        writer.n_shards = options->n_shards == 0 ? 1 : options->n_shards;
        writer.n_threads = options->n_threads == 0 ? 1 : options->n_threads;
        augsi_manifest_name(writer.shard, writer.n_shards, writer.manifest);
        augsi_manifest_suffix(writer.shard, writer.n_shards, writer.suffix);
        augsi_manifest_lock_name(writer.shard, writer.n_shards, writer.lock);
        augsi_text_init(&writer.line, &writer.run.allocator);
        status = prepare(&writer, path, error);
        if (status == AUGS_OK) {
            status = write_run(&writer, error);
        }
        writer_done(&writer);
    }
    if (report != NULL) {
        AUGSI_GIVE(augs_chunks_report, &own, report);
    }
    return status;
}
