/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records to stdout. Without a strategy the shard's chunks are walked one after the other, each by
 * a pipeline over its positions; with one, the shard's batches of one pipeline over all positions.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <augstream/augstream.h>

#include "cli/command_allocator.h"
#include "cli/exit_status.h"
#include "cli/generate.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/record_output.h"
#include "cli/stream_arguments.h"

enum { PIECE_SAMPLES = 4096, LARGE_BATCH = 65536 };

typedef struct record_run {
    const generation *of;
    augs_metrics *metrics; /* NULL: nobody asked for them */
    uint64_t n_left_out;   /* by --last-batch drop */
    record_output output;
    augs_sink *sink;
    progress bar;
    uint64_t done;
    uint64_t n_in_hand; /* samples of the batch that is being written */
    bool is_cut;        /* a signal came within a batch */
    augs_error error;
} record_run;

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* A batch is written whole, unless it is so large that a signal would have to wait. */
static int write_piece(void *user, const void *data, size_t n_bytes)
{
    record_run *run = user;
    if (run->n_in_hand > LARGE_BATCH && interrupt_asked()) {
        run->is_cut = true;
        return AUGS_E_CANCELLED;
    }
    return record_output_write(&run->output, data, n_bytes);
}

static int open_pipeline(record_run *run, uint64_t first, uint64_t count,
                         const augs_plan_options *plan, augs_pipeline **ret_pipeline)
{
    augs_pipeline_options pipeline_options = {.size = sizeof pipeline_options,
                                              .first_position = first,
                                              .n_positions = count == UINT64_MAX ? 0 : count,
                                              .plan = plan,
                                              .metrics = run->metrics};
    pipeline_options.rank = run->of->with_plan ? run->of->rank : 0;
    if (run->of->with_plan) {
        pipeline_options.journal = option_text(run->of->arguments, OPT_JOURNAL);
        pipeline_options.replay = option_text(run->of->arguments, OPT_REPLAY);
    }
    return augs_pipeline_open(run->of->stream, &pipeline_options, ret_pipeline, &run->error);
}

/* 1 = there was a batch, 0 = the end, negative = a status, AUGS_E_CANCELLED if a signal came. */
static int write_next(record_run *run, augs_pipeline *pipeline)
{
    augs_batch *batch = NULL;
    if (interrupt_asked()) {
        return AUGS_E_CANCELLED;
    }
    int status = augs_pipeline_next(pipeline, &batch, &run->error);
    if (status <= 0) {
        return status;
    }
    uint64_t n = run->n_in_hand = augs_batch_n_samples(batch);
    status = augs_sink_write(run->sink, batch, &run->error);
    augs_batch_unref(batch);
    if (status < 0) {
        return status;
    }
    run->done += n;
    progress_set(&run->bar, run->done);
    return 1;
}

static int write_chunks(record_run *run)
{
    const generation *of = run->of;
    augs_strategy_options pieces = {.size = sizeof pieces, .batch_size = PIECE_SAMPLES};
    augs_plan_options plan = {.size = sizeof plan, .strategy_options = &pieces};
    uint64_t k = of->chunk_size, n_shards = of->shard.world_size;
    uint64_t end = of->count == UINT64_MAX ? AUGS_MAX_SAMPLES - of->start : of->count;
    uint64_t n_chunks = end / k + (end % k != 0);
    int status = 1;
    for (uint64_t chunk = of->shard.rank; status >= 0 && chunk < n_chunks; chunk += n_shards) {
        augs_pipeline *pipeline = NULL;
        status =
            open_pipeline(run, of->start + chunk * k, least(k, end - chunk * k), &plan, &pipeline);
        if (status < 0) {
            break;
        }
        do {
            status = write_next(run, pipeline);
        } while (status > 0);
        augs_pipeline_free(pipeline);
    }
    return status;
}

/* To the shard's next batch: at once, or past the ones between. */
static int skip_to(record_run *run, augs_pipeline *pipeline, uint64_t step)
{
    if (augs_pipeline_step(pipeline) == step) {
        return 1;
    }
    if (augs_pipeline_seek(pipeline, step, NULL) == 0) {
        return 1;
    }
    int status = 1;
    while (status > 0 && augs_pipeline_step(pipeline) < step) {
        augs_batch *batch = NULL;
        if (interrupt_asked()) {
            return AUGS_E_CANCELLED;
        }
        status = augs_pipeline_next(pipeline, &batch, &run->error);
        if (status > 0) {
            augs_batch_unref(batch);
        }
    }
    return status;
}

static int write_batches(record_run *run)
{
    const generation *of = run->of;
    augs_pipeline *pipeline = NULL;
    int status = open_pipeline(run, of->start, of->count, &of->plan, &pipeline);
    if (status < 0) {
        return status;
    }
    uint64_t n_shards = of->shard.world_size;
    status = 1;
    for (uint64_t step = of->shard.rank; status > 0; step += n_shards) {
        status = n_shards > 1 ? skip_to(run, pipeline, step) : 1;
        if (status > 0) {
            status = write_next(run, pipeline);
        }
    }
    run->n_left_out = augs_pipeline_n_left_out(pipeline);
    augs_pipeline_free(pipeline);
    return status;
}

/* How many samples will be written, where that is plain; else 0. */
static uint64_t expected_samples(const generation *of)
{
    if (of->count == UINT64_MAX || of->plan.world_size > 1) {
        return 0;
    }
    if (of->shard.world_size == 1) {
        return of->count;
    }
    if (of->with_plan) {
        return 0;
    }
    uint64_t k = of->chunk_size, n_chunks = of->count / k + (of->count % k != 0);
    uint64_t mine =
        n_chunks / of->shard.world_size + (of->shard.rank < n_chunks % of->shard.world_size);
    bool has_last = n_chunks > 0 && (n_chunks - 1) % of->shard.world_size == of->shard.rank;
    return mine * k - (has_last && of->count % k != 0 ? k - of->count % k : 0);
}

static int finish(record_run *run, int status)
{
    const generation *of = run->of;
    run->n_in_hand = 0;
    if (status >= 0 || status == AUGS_E_CANCELLED) {
        int flushed = augs_sink_flush(run->sink, &run->error);
        status = flushed < 0 ? flushed : status;
    }
    progress_end(&run->bar);
    if (run->output.errnum != 0) {
        return record_output_failure(&run->output);
    }
    if (status == AUGS_E_CANCELLED) {
        return complain(EXIT_PARTLY, "stopped after %llu samples%s", (unsigned long long)run->done,
                        run->is_cut ? " and some records of a batch" : "");
    }
    if (status < 0) {
        return complain_plan(of->arguments, &run->error);
    }
    tell_left_out(of->arguments, run->n_left_out);
    tell(of->arguments->given[OPT_QUIET] || !run->bar.terminal, "%llu samples in %.2f s",
         (unsigned long long)run->done, progress_seconds(&run->bar));
    return EXIT_DONE;
}

/* What decides as it goes decides differently in every shard. */
static int check_shards(const generation *of)
{
    const augs_strategy_ops *ops = NULL;
    if (of->shard.world_size == 1 || !of->with_plan || of->arguments->given[OPT_REPLAY] ||
        of->plan.strategy == NULL || augs_strategy_find(of->plan.strategy, &ops, NULL) < 0 ||
        (ops->flags & AUGS_STRATEGY_FIXED) != 0) {
        return EXIT_DONE;
    }
    return complain(
        EXIT_USAGE,
        "--strategy %s decides as it goes, differently in every shard; accepted with "
        "--chunk-shard: --replay FILE of a whole run, or a fixed strategy, such as sequential",
        ops->name);
}

static int save_metrics(record_run *run, int result)
{
    augs_error error;
    const char *path = option_text(run->of->arguments, OPT_METRICS);
    if (path != NULL && augs_metrics_save(run->metrics, path, &error) < 0) {
        const int failed = complain_error(&error);
        result = result == EXIT_DONE ? failed : result;
    }
    return result;
}

/* A file that cannot be written has to be known before the run, not at its end. */
static int check_metrics(const generation *of)
{
    const char *path = option_text(of->arguments, OPT_METRICS);
    if (path == NULL) {
        return EXIT_DONE;
    }
    struct stat facts;
    const bool was_there = stat(path, &facts) == 0;
    if (was_there && !S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode)) {
        return EXIT_DONE; /* opening a pipe has effects */
    }
    const int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0) {
        return complain(EXIT_FAILED, "--metrics '%s': %s", path, strerror(errno));
    }
    close(file);
    if (!was_there) {
        unlink(path);
    }
    return EXIT_DONE;
}

int generate_records(const generation *of)
{
    record_run run = {.of = of};
    bool quiet = of->arguments->given[OPT_QUIET];
    int result = check_shards(of);
    result = result == EXIT_DONE ? check_metrics(of) : result;
    result = result == EXIT_DONE ? record_output_open(&run.output, "-", UINT64_MAX) : result;
    if (result != EXIT_DONE) {
        return result;
    }
    const augs_metrics_options metrics = {.size = sizeof metrics, .allocator = command_allocator()};
    if (of->arguments->given[OPT_METRICS] &&
        augs_metrics_open(&metrics, &run.metrics, &run.error) < 0) {
        return complain_error(&run.error);
    }
    if (augs_sink_open_records(of->stream, of->format, of->with_plan, write_piece, &run, &run.sink,
                               &run.error) < 0) {
        return complain_error(&run.error);
    }
    run.output.advice =
        "run the same command again; chunk files (--out DIR) go on where they stopped";
    interrupt_watch(quiet, NULL, NULL);
    progress_begin(&run.bar, "generate", expected_samples(of),
                   quiet || progress_mixes_with_stdout());
    int status = of->count == 0 ? 0 : of->with_plan ? write_batches(&run) : write_chunks(&run);
    result = save_metrics(&run, finish(&run, status));
    augs_sink_free(run.sink);
    augs_metrics_free(run.metrics);
    return result;
}
