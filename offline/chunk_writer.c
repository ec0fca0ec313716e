/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a call is checked, opened and freed here, and what it needs is compared with what the
 * file system has. */
#include <inttypes.h>

#include "base/fail.h"
#include "base/sized_struct.h"
#include "offline/chunk_writer.h"

#define JOBS_PER_WORKER 2u
#define MAX_THREADS 1024u
#define LARGE_BLOCK 65536u /* a network's unit of transfer, not what a file takes */

int augsi_writer_take_options(const augs_chunks_options *options, augs_chunks_options *ret_taken,
                              augs_error *error)
{
    return options == NULL ? augsi_fail(error, AUGS_E_ARGUMENT, "chunks: options are required")
                           : AUGSI_TAKE(augs_chunks_options, options, ret_taken, error);
}

static int check_memory(augsi_chunk_writer *writer, augs_error *error)
{
    if (writer->run.n_chunks == 0) {
        return AUGS_OK;
    }
    uint64_t one = augsi_chunk_memory(&writer->checker.maker, 0);
    uint64_t machine = augsi_machine_bytes();
    if (augsi_product(one, writer->n_threads) <= machine) {
        return AUGS_OK;
    }
    return augsi_fail(error, AUGS_E_RANGE,
                      "chunks: chunk_size %" PRIu64 " takes about %" PRIu64
                      " bytes of memory per thread (%u threads), but this machine has %" PRIu64
                      "; take a smaller chunk_size or fewer threads",
                      writer->run.chunk_size, one, (unsigned)writer->n_threads, machine);
}

static int open_makers(augsi_chunk_writer *writer, augs_error *error)
{
    const augs_allocator *allocator = &writer->run.allocator;
    writer->n_jobs = writer->n_threads * JOBS_PER_WORKER;
    writer->makers = augsi_new_array(allocator, writer->n_threads, sizeof *writer->makers);
    writer->jobs = augsi_new_array(allocator, writer->n_jobs, sizeof *writer->jobs);
    if (writer->makers == NULL || writer->jobs == NULL) {
        return augsi_fail_memory(error, writer->n_jobs * sizeof *writer->jobs);
    }
    int status = augsi_chunk_cursor_open(&writer->run, &writer->cursor, error);
    writer->cursor.stop = &writer->folder.stop;
    for (uint32_t i = 0; i < writer->n_threads && status == AUGS_OK; i++) {
        status = augsi_chunk_maker_open(&writer->run, &writer->makers[i], error);
        writer->makers[i].stop = &writer->folder.stop;
    }
    return status;
}

/* All but the folder. */
static int prepare(augsi_chunk_writer *writer, augs_error *error)
{
    const augsi_chunk_run *run = &writer->run;
    writer->report->n_chunks = augsi_shard_chunks(run, writer->shard, writer->n_shards);
    writer->all_samples = augsi_shard_records(run, writer->shard, writer->n_shards);
    if ((uint64_t)writer->n_threads > writer->report->n_chunks) {
        writer->n_threads = writer->report->n_chunks == 0 ? 1 : (uint32_t)writer->report->n_chunks;
    }
    augsi_text_init(&writer->line, &run->allocator);
    int status = augsi_window_open(run, run->n_chunks, &writer->window, error);
    if (status == AUGS_OK) {
        status = augsi_chunk_checker_open(run, &writer->checker, error);
    }
    if (status == AUGS_OK) {
        status = check_memory(writer, error);
    }
    if (status == AUGS_OK) {
        writer->total_bytes =
            augsi_chunk_sizes_total(&writer->checker.sizes, writer->shard, writer->n_shards);
        status = open_makers(writer, error);
    }
    return status;
}

void augsi_writer_done(augsi_chunk_writer *writer)
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
    augsi_chunk_checker_done(&writer->checker);
    augsi_window_done(&writer->run, &writer->window);
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
    if (options->n_threads > MAX_THREADS || options->check > AUGS_CHECK_FULL ||
        options->flags > (AUGS_CHUNKS_IGNORE_SPACE | AUGS_CHUNKS_NO_LOCK)) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "chunks: %u threads (at most %u), check %u (0 quick, 1 full), flags %u "
                          "(accepted are AUGS_CHUNKS_...)",
                          (unsigned)options->n_threads, MAX_THREADS, (unsigned)options->check,
                          (unsigned)options->flags);
    }
    return AUGS_OK;
}

int augsi_writer_open(augs_stream *stream, const char *path, const augs_chunks_options *options,
                      augsi_chunk_writer *writer, augs_error *error)
{
    int status = check_options(stream, path, options, error);
    if (status == AUGS_OK) {
        status = augsi_chunk_run_open(stream, options, &writer->run, error);
    }
    if (status < 0) {
        return status;
    }
    writer->shard = options->shard;
    writer->n_shards = options->n_shards == 0 ? 1 : options->n_shards;
    writer->n_threads = options->n_threads == 0 ? 1 : options->n_threads;
    augsi_manifest_name(writer->shard, writer->n_shards, writer->manifest_name);
    augsi_manifest_suffix(writer->shard, writer->n_shards, writer->suffix);
    augsi_manifest_lock_name(writer->shard, writer->n_shards, writer->lock_name);
    status = prepare(writer, error);
    if (status < 0) {
        augsi_writer_done(writer);
    }
    return status;
}

int augsi_writer_open_folder(augsi_chunk_writer *writer, const char *path, bool create,
                             augs_error *error)
{
    int status = augsi_folder_open(path, create, &writer->run.allocator, &writer->folder, error);
    writer->folder.stop = (augsi_stop){writer->options->stop, writer->options->progress_user};
    return status;
}

/* ---- space ---- */

void augsi_writer_estimate(const augsi_chunk_writer *writer, augs_chunks_estimate *ret_estimate)
{
    const augsi_chunk_maker *maker = &writer->checker.maker;
    uint64_t n_missing = writer->report->n_chunks - writer->report->n_kept;
    augs_chunks_estimate need = {.is_exact = maker->form->is_exact,
                                 .n_chunks = writer->report->n_chunks,
                                 .n_kept = writer->report->n_kept,
                                 .n_samples = writer->all_samples - writer->done_samples};
    need.n_bytes =
        writer->total_bytes == UINT64_MAX ? UINT64_MAX : writer->total_bytes - writer->kept_bytes;
    need.n_files = augsi_product(n_missing, maker->n_files);
    need.disk_bytes = need.n_bytes;
    need.free_bytes = need.free_files = UINT64_MAX;
    if (writer->folder.path != NULL) {
        augsi_folder_space space = augsi_folder_space_of(&writer->folder);
        need.free_bytes = space.free_bytes;
        need.free_files = space.free_files;
        if (need.n_files > 0 && space.block_bytes <= LARGE_BLOCK) {
            uint64_t one = need.n_bytes / need.n_files;
            uint64_t blocks = one / space.block_bytes + (one % space.block_bytes != 0);
            uint64_t rounded =
                augsi_product(need.n_files, augsi_product(blocks, space.block_bytes));
            need.disk_bytes = rounded > need.n_bytes ? rounded : need.n_bytes;
        }
    }
    *ret_estimate = need;
}

/* What the missing chunks need against what there is. */
int augsi_writer_check_space(const augsi_chunk_writer *writer, augs_error *error)
{
    augs_chunks_estimate need;
    augsi_writer_estimate(writer, &need);
    const bool bytes_fit = need.disk_bytes <= need.free_bytes;
    if ((writer->options->flags & AUGS_CHUNKS_IGNORE_SPACE) != 0 ||
        (bytes_fit && need.n_files <= need.free_files)) {
        return AUGS_OK;
    }
    if (bytes_fit) {
        return augsi_fail(error, AUGS_E_NO_SPACE,
                          "the file system of '%.200s' has space for %" PRIu64
                          " more files, %" PRIu64 " are needed; nothing was written",
                          writer->folder.path, need.free_files, need.n_files);
    }
    return augsi_fail(
        error, AUGS_E_NO_SPACE,
        "'%.200s' has %" PRIu64 " bytes free; the %" PRIu64 " chunks to make need %s%" PRIu64
        " (%" PRIu64 " missing); nothing was written",
        writer->folder.path, need.free_bytes, writer->report->n_chunks - writer->report->n_kept,
        need.disk_bytes == UINT64_MAX ? "more than "
        : need.is_exact               ? ""
                                      : "at most ",
        need.disk_bytes, need.disk_bytes - need.free_bytes);
}
