/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing and going on. Chunks are made, written, synced and renamed by the workers, side by side;
 * the calling thread then syncs the folder and appends the line to the manifest, chunk after chunk.
 * So a listed chunk is on disk, and a crash costs no more than the chunks that were in hand.
 */
#include <inttypes.h>
#include <string.h>

#include <augstream/chunks.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/float_env.h"
#include "base/sized_struct.h"
#include "offline/chunk_writer.h"
#include "offline/worker_pool.h"

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

/* The window that holds `chunk`, if there is one that is listed behind it. */
static int load_window(augsi_chunk_writer *writer, uint64_t chunk, augs_error *error)
{
    augsi_window_move(&writer->run, &writer->window, chunk, writer->n_shards);
    return augsi_manifest_load(&writer->folder, &writer->run, &writer->checker.sizes,
                               writer->n_shards, &writer->manifest, &writer->window, error);
}

/* 1: writer->next_chunk is one that is to be made, 0: there is none. */
static int find_next(augsi_chunk_writer *writer, augs_error *error)
{
    const augsi_window *window = &writer->window;
    for (; writer->next_chunk < writer->run.n_chunks; writer->next_chunk += writer->n_shards) {
        if (augsi_stopped(&writer->folder.stop)) {
            return augsi_fail_stopped(error);
        }
        uint64_t index = (writer->next_chunk - window->first) / writer->n_shards;
        if (index >= window->count) {
            int status = load_window(writer, writer->next_chunk, error);
            if (status < 0) {
                return status;
            }
            index = 0;
        }
        if (!window->entries[index].listed) {
            return 1;
        }
    }
    return 0;
}

static int next_job(void *user, void *job_pointer)
{
    augsi_chunk_writer *writer = user;
    augsi_write_job *job = job_pointer;
    int status = find_next(writer, &job->error);
    if (status == 0) {
        return 0;
    }
    job->chunk = writer->next_chunk;
    job->is_blocked = false;
    job->status = status < 0 ? status
                             : augsi_chunk_cursor_spans(&writer->cursor, job->chunk, &job->spans,
                                                        &job->error);
    writer->next_chunk += writer->n_shards;
    return 1;
}

static int no_space(const augsi_chunk_writer *writer, const augsi_write_job *job, uint64_t n_bytes,
                    augs_error *error)
{
    uint64_t free_bytes = augsi_folder_space_of(&writer->folder).free_bytes;
    uint64_t left = writer->all_samples - writer->done_samples;
    double need =
        (double)n_bytes / (double)augsi_chunk_count(&writer->run, job->chunk) * (double)left;
    if (need <= (double)free_bytes) {
        return AUGS_E_NO_SPACE; /* a limit of another kind: the system's message says which */
    }
    return augsi_fail(error, AUGS_E_NO_SPACE,
                      "no space is left for chunk %" PRIu64 " in '%.200s': %.0f bytes are missing "
                      "(%.0f to write, %" PRIu64 " free); completed chunks stay",
                      job->chunk, writer->folder.path, need - (double)free_bytes, need, free_bytes);
}

/* What stands in the place of a file and cannot be replaced by one, such as a folder with files. */
static bool is_in_the_way(const augsi_chunk_writer *writer, const char *name)
{
    augsi_folder_file file;
    int status = augsi_folder_open_file(&writer->folder, name, &file, NULL);
    if (status == AUGS_OK) {
        augsi_folder_close_file(&file);
    }
    return status == AUGS_E_CORRUPT;
}

static void do_job(void *user, void *worker, void *job_pointer)
{
    augsi_chunk_writer *writer = user;
    augsi_chunk_maker *maker = worker;
    augsi_write_job *job = job_pointer;
    char name[AUGSI_CHUNK_NAME_BYTES];
    if (job->status == AUGS_OK) {
        job->status = augsi_chunk_make(maker, job->chunk, &job->spans, &job->error);
    }
    job->entry = (augsi_chunk_entry){.n_bytes = maker->image.n_bytes, .listed = true};
    if (job->status == AUGS_OK) {
        job->status = augsi_chunk_hash(maker, &job->entry.hash, &job->error);
    }
    for (uint32_t f = 0; f < maker->n_files && job->status == AUGS_OK; f++) {
        augsi_chunk_file_name(maker, job->chunk, f, name);
        job->status = augsi_folder_put(&writer->folder, name, writer->suffix,
                                       maker->image.data + maker->files[f].at,
                                       maker->files[f].n_bytes, &job->error);
        job->is_blocked = job->status == AUGS_E_IO && is_in_the_way(writer, name);
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
    status = augsi_folder_append(&writer->folder, writer->manifest_fd, writer->manifest_name,
                                 writer->line.data, writer->line.n_bytes, error);
    if (status < 0) {
        return status;
    }
    uint64_t n_samples = augsi_chunk_count(&writer->run, job->chunk);
    writer->report->n_made++;
    writer->report->n_bytes += job->entry.n_bytes;
    writer->report->n_samples += n_samples;
    writer->done_samples += n_samples;
    return AUGS_OK;
}

static void keep_stop(augsi_chunk_writer *writer, augs_error *error)
{
    augsi_fail(error, AUGS_E_CANCELLED,
               "stopped by the caller after %" PRIu64 " of %" PRIu64
               " samples; started again, it goes on from there",
               writer->done_samples, writer->all_samples);
    keep_failure(writer, AUGS_E_CANCELLED, error);
}

static int tell_progress(const augsi_chunk_writer *writer)
{
    augs_chunks_progress_function *progress = writer->options->progress;
    if (progress == NULL) {
        return 0;
    }
    AUGSI_CALLER_BEGIN;
    const int stop =
        progress(writer->options->progress_user, writer->done_samples, writer->all_samples);
    AUGSI_CALLER_END;
    return stop;
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
    if (status == AUGS_E_CANCELLED) {
        keep_stop(writer, &job->error);
        return status;
    }
    if (status < 0) {
        keep_failure(writer, status, &job->error);
        return job->is_blocked ? 0 : status;
    }
    if (tell_progress(writer) != 0) {
        keep_stop(writer, &job->error);
        return 1;
    }
    return 0;
}

static int run_pool(augsi_chunk_writer *writer, augs_error *error)
{
    augsi_worker_pool pool = {.allocator = &writer->run.allocator,
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
    int status = augsi_folder_open_append(&writer->folder, writer->manifest_name,
                                          &writer->manifest_fd, error);
    if (status < 0) {
        return status;
    }
    writer->next_chunk = writer->shard;
    writer->window.count = 0;
    status = augsi_worker_pool_run(&pool, error);
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
               ? augsi_folder_remove_temporary(&writer->folder, name, error)
               : AUGS_OK;
}

static int make_missing(augsi_chunk_writer *writer, augs_error *error)
{
    int status = augsi_settle_manifest(writer, writer->options->check, error);
    if (status < 0 || writer->report->n_kept == writer->report->n_chunks) {
        return status;
    }
    status = augsi_writer_check_space(writer, error);
    if (status < 0) {
        return status;
    }
    /* COMPLETE must not stand beside chunks that are missing */
    status = augsi_folder_remove(&writer->folder, AUGSI_COMPLETE_NAME, error);
    if (status < 0) {
        return status;
    }
    bool had_some = writer->report->n_kept > 0;
    status = run_pool(writer, error);
    if (!had_some || status < 0) {
        return status;
    }
    /* what was appended behind kept chunks may be out of order */
    uint64_t n_kept = writer->report->n_kept;
    status = augsi_manifest_open(&writer->folder, &writer->run, &writer->checker.sizes,
                                 writer->shard, writer->n_shards, &writer->manifest, error);
    if (status == AUGS_OK && !writer->manifest.is_canonical) {
        status = augsi_settle_manifest(writer, AUGS_CHECK_QUICK, error);
    }
    writer->report->n_kept = n_kept;
    return status;
}

static int write_locked(augsi_chunk_writer *writer, bool has_leftovers, augs_error *error)
{
    int status = augsi_look_at_folder(writer, error);
    if (status == AUGS_OK && has_leftovers) {
        status = augsi_folder_list(&writer->folder, remove_leftover, writer, error);
    }
    if (status == AUGS_OK) {
        status = make_missing(writer, error);
    }
    return status < 0 ? status : write_complete(writer, error);
}

/* Whether COMPLETE is one of this run. Its root is another question: to answer it takes every
 * manifest of every shard. */
static bool has_complete(const augsi_chunk_writer *writer)
{
    augsi_text there;
    augsi_text_init(&there, &writer->run.allocator);
    bool fits = augsi_folder_read(&writer->folder, AUGSI_COMPLETE_NAME, AUGSI_COMPLETE_BYTES,
                                  &there, NULL) == AUGS_OK &&
                augsi_complete_fits(&writer->run, &there);
    augsi_text_done(&there);
    return fits;
}

/* 1: everything is there already, and nothing has to be written. */
static int already_done(augsi_chunk_writer *writer, augs_error *error)
{
    augsi_text text;
    int status = augsi_look_at_folder(writer, error);
    const augsi_manifest *manifest = &writer->manifest;
    if (status < 0 || !manifest->exists || !manifest->is_canonical ||
        manifest->n_lines != writer->report->n_chunks ||
        augsi_folder_has(&writer->folder, writer->lock_name)) {
        return status;
    }
    status = augsi_look_at_chunks(writer, writer->options->check, NULL, true, error);
    if (status <= 0) {
        return status;
    }
    if (writer->n_shards > 1 && writer->options->check != AUGS_CHECK_FULL && has_complete(writer)) {
        writer->report->complete = 1;
        return 1;
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
    augsi_folder_lock lock;
    int status = already_done(writer, error);
    if (status != 0) {
        return status < 0 ? status : AUGS_OK;
    }
    if (!writer->manifest.exists) { /* before the first byte */
        status = augsi_writer_check_space(writer, error);
        if (status < 0) {
            return status;
        }
    }
    /* a shard that was begun before may have left temporaries; one that is new has none, and need
     * not go through the names of all others' files */
    bool has_leftovers =
        writer->manifest.exists || augsi_folder_has(&writer->folder, writer->lock_name);
    status =
        augsi_folder_lock_take(&writer->folder, writer->lock_name,
                               (writer->options->flags & AUGS_CHUNKS_NO_LOCK) != 0, &lock, error);
    if (status < 0) {
        return status;
    }
    writer->report->lock = (uint32_t)lock.lock.kind;
    status = write_locked(writer, has_leftovers, error);
    writer->report->left_bytes = atomic_load(&writer->folder.left_bytes);
    augsi_folder_lock_give(&writer->folder, &lock);
    return status;
}

/* ---- the call ---- */

/* A folder that does not exist is not made for a run that does not fit. */
static int check_space_above(augsi_chunk_writer *writer, const char *path, augs_error *error)
{
    int status = augsi_writer_open_folder(writer, path, false, NULL);
    if (status == AUGS_E_NOT_FOUND &&
        augsi_folder_open_parent(path, &writer->run.allocator, &writer->folder, NULL) == AUGS_OK) {
        status = augsi_writer_check_space(writer, error);
        augsi_folder_done(&writer->folder);
        return status;
    }
    augsi_folder_done(&writer->folder);
    return AUGS_OK; /* what is wrong with the folder is told when it is opened */
}

static int write_to(augsi_chunk_writer *writer, const char *path, augs_error *error)
{
    int status = check_space_above(writer, path, error);
    if (status == AUGS_OK) {
        status = augsi_writer_open_folder(writer, path, true, error);
    }
    return status < 0 ? status : write_run(writer, error);
}

int augs_chunks_write(augs_stream *stream, const char *path, const augs_chunks_options *options,
                      augs_chunks_report *ret_report, augs_error *error)
{
    augs_chunks_report own = {.size = sizeof own};
    augs_chunks_options taken;
    int status = AUGS_OK;
    if (ret_report != NULL) {
        status = AUGSI_CHECK_OUTPUT(augs_chunks_report, ret_report, error);
    }
    if (status == AUGS_OK) {
        status = augsi_writer_take_options(options, &taken, error);
    }
    if (status < 0) {
        return status;
    }
    augsi_chunk_writer writer = {.options = &taken, .report = &own};
    status = augsi_writer_open(stream, path, &taken, &writer, error);
    if (status == AUGS_OK) {
        status = write_to(&writer, path, error);
        augsi_writer_done(&writer);
    }
    if (ret_report != NULL) {
        AUGSI_GIVE(augs_chunks_report, &own, ret_report);
    }
    return status;
}
