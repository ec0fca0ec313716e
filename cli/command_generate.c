/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <augstream/augstream.h>

#include "cli/exit_status.h"
#include "cli/generate.h"
#include "cli/interrupt.h"
#include "cli/json_out.h"
#include "cli/options/options.h"
#include "cli/progress.h"
#include "cli/shown_text.h"
#include "cli/stream_arguments.h"

/* --samples: a number, "endless", or absent (endless with --count). */
static int read_samples(const arguments *of, uint64_t *ret_n_samples)
{
    const char *text = option_text(of, OPT_SAMPLES);
    if (text == NULL && !of->given[OPT_COUNT]) {
        return complain(EXIT_USAGE, "generate: --samples N is missing (or --count C of an endless "
                                    "stream)");
    }
    *ret_n_samples = AUGS_ENDLESS;
    return text == NULL ? EXIT_DONE : parse_samples(text, ret_n_samples);
}

/* Positions [start, start + count); count UINT64_MAX = without end. */
static int read_window(const arguments *of, generation *ret)
{
    uint64_t n = ret->n_samples;
    ret->start = option_whole(of, OPT_START);
    if (n != AUGS_ENDLESS && ret->start > n) {
        return complain(EXIT_USAGE,
                        "--start %" PRIu64 " is behind the end: there are %" PRIu64 " samples",
                        ret->start, n);
    }
    uint64_t space = (n == AUGS_ENDLESS ? AUGS_MAX_SAMPLES : n) - ret->start;
    ret->count = of->given[OPT_COUNT] ? option_whole(of, OPT_COUNT)
                 : n == AUGS_ENDLESS  ? UINT64_MAX
                                      : space;
    if (of->given[OPT_COUNT] && ret->count > space) {
        return complain(EXIT_USAGE,
                        "--start %" PRIu64 " and --count %" PRIu64
                        " leave the stream; accepted: a count up to %" PRIu64,
                        ret->start, ret->count, space);
    }
    return EXIT_DONE;
}

static bool any_plan_option(const arguments *of)
{
    static const enum option_id ids[] = {
        OPT_STRATEGY,       OPT_BATCH_SIZE,    OPT_MIN,        OPT_MAX,       OPT_MULTIPLE_OF,
        OPT_LAST_BATCH,     OPT_RANK,          OPT_WORLD_SIZE, OPT_TAIL,      OPT_DROP_LAST,
        OPT_BATCHES,        OPT_DEAL_WINDOW,   OPT_MAX_MEMORY, OPT_SAFETY,    OPT_MEMORY_RULE,
        OPT_TARGET_LATENCY, OPT_TARGET_MEMORY, OPT_GROWTH,     OPT_REDUCTION, OPT_JOURNAL,
        OPT_REPLAY,         OPT_METRICS};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        if (of->given[ids[i]]) {
            return true;
        }
    }
    return false;
}

/* Ranks share batches; shards and chunk files are another way to share the work. */
static int read_rank(const arguments *of, generation *ret)
{
    const uint64_t world_size = option_whole(of, OPT_WORLD_SIZE);
    ret->rank = (uint32_t)option_whole(of, OPT_RANK);
    if (ret->rank >= world_size) {
        return complain(EXIT_USAGE,
                        "--rank %" PRIu32 " of --world-size %" PRIu64 "; accepted: 0 to %" PRIu64,
                        ret->rank, world_size, world_size - 1);
    }
    if (world_size > 1 && (ret->folder != NULL || of->given[OPT_CHUNK_SHARD])) {
        return complain(EXIT_USAGE,
                        "--world-size is for records of one rank; accepted with %s: "
                        "--world-size 1",
                        ret->folder != NULL ? "--out DIR" : "--chunk-shard");
    }
    return EXIT_DONE;
}

/* A format of columns cannot go to stdout. */
static int refuse_format(uint32_t format)
{
    char names[128] = "";
    for (uint32_t i = 0; augs_format_at(i) != 0; i++) {
        if ((augs_format_flags(augs_format_at(i)) & AUGS_FORMAT_HOLDS_RECORDS) != 0) {
            size_t used = strlen(names);
            snprintf(names + used, sizeof names - used, "%s%s", used > 0 ? ", " : "",
                     augs_format_name(augs_format_at(i)));
        }
    }
    return complain(EXIT_USAGE, "--format %s needs --out DIR; accepted for stdout: %s",
                    augs_format_name(format), names);
}

/* Everything of the command line but the stream. */
static int read_generation(const arguments *of, generation *ret)
{
    *ret = (generation){.arguments = of, .with_plan = any_plan_option(of)};
    const char *out = option_text(of, OPT_OUT);
    ret->folder = strcmp(out, "-") == 0 ? NULL : out;
    ret->format = ret->folder != NULL ? AUGS_FORMAT_SAFETENSORS : AUGS_FORMAT_JSONL;
    if (of->given[OPT_FORMAT]) {
        augs_error error;
        if (augs_format_find(option_text(of, OPT_FORMAT), &ret->format, &error) < 0) {
            return complain(EXIT_USAGE, "%s", error.message);
        }
    }
    ret->chunk_size = option_whole(of, OPT_CHUNK_SIZE);
    if (ret->folder == NULL && (augs_format_flags(ret->format) & AUGS_FORMAT_HOLDS_RECORDS) == 0) {
        return refuse_format(ret->format);
    }
    if (ret->folder == NULL) {
        static const enum option_id of_folders[] = {OPT_CHECK, OPT_DRY_RUN, OPT_FORCE, OPT_NO_LOCK};
        for (size_t i = 0; i < sizeof of_folders / sizeof of_folders[0]; i++) {
            if (of->given[of_folders[i]]) {
                return complain(EXIT_USAGE, "--%s needs --out DIR", options[of_folders[i]]->name);
            }
        }
    }
    if (ret->folder == NULL && of->given[OPT_JSON]) {
        return complain(EXIT_USAGE, "--json needs --out DIR: stdout is for records; accepted: "
                                    "--format jsonl");
    }
    if (ret->folder != NULL &&
        (of->given[OPT_JOURNAL] || of->given[OPT_REPLAY] || of->given[OPT_METRICS])) {
        return complain(EXIT_USAGE, "--journal, --replay and --metrics are for batches of records; "
                                    "chunk files of --out DIR have none");
    }
    int result = read_samples(of, &ret->n_samples);
    if (result == EXIT_DONE) {
        result = read_window(of, ret);
    }
    if (result == EXIT_DONE && ret->folder != NULL && ret->count == UINT64_MAX) {
        return complain(EXIT_USAGE, "--out DIR of an endless stream needs --count C");
    }
    result = result == EXIT_DONE ? check_strategy_options(of) : result;
    result = result == EXIT_DONE ? read_rank(of, ret) : result;
    return result == EXIT_DONE ? read_shard(of, &ret->shard) : result;
}

/* Asked by all threads at work. */
static int on_stop(void *user)
{
    (void)user;
    return interrupt_asked();
}

static int on_chunk(void *user, uint64_t done_samples, uint64_t all_samples)
{
    progress *bar = user;
    bar->all = all_samples;
    progress_set(bar, done_samples);
    return interrupt_asked();
}

static void report_folder(const generation *of, const augs_chunks_report *report, double seconds)
{
    if (!of->arguments->given[OPT_JSON]) {
        tell(of->arguments->given[OPT_QUIET],
             "%s: %" PRIu64 " chunk%s, %" PRIu64 " made (%" PRIu64 " sample%s, %.1f MB in %.2f s), "
             "%" PRIu64 " there before%s",
             of->folder, report->n_chunks, report->n_chunks == 1 ? "" : "s", report->n_made,
             report->n_samples, report->n_samples == 1 ? "" : "s", (double)report->n_bytes * 1e-6,
             seconds, report->n_kept, report->complete ? "; complete" : "");
        return;
    }
    json_out json;
    json_begin(&json, stdout);
    json_text(&json, "folder", of->folder);
    json_text(&json, "format", augs_format_name(of->format));
    json_text(&json, "fingerprint", augs_stream_fingerprint(of->stream));
    json_whole(&json, "shard", of->shard.rank);
    json_whole(&json, "shards", of->shard.world_size);
    json_whole(&json, "chunks", report->n_chunks);
    json_whole(&json, "made", report->n_made);
    json_whole(&json, "kept", report->n_kept);
    json_whole(&json, "samples", report->n_samples);
    json_whole(&json, "bytes", report->n_bytes);
    json_number(&json, "seconds", seconds);
    json_bool(&json, "complete", report->complete != 0);
    json_end(&json);
}

static void put_bytes(double n_bytes, char *ret_text, size_t space)
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB", "EB"};
    size_t i = 0;
    for (; n_bytes >= 1000 && i + 1 < sizeof units / sizeof units[0]; i++) {
        n_bytes /= 1000;
    }
    snprintf(ret_text, space, i == 0 ? "%.0f %s" : "%.1f %s", n_bytes, units[i]);
}

static void put_seconds(double seconds, char *ret_text, size_t space)
{
    const double days = seconds / (24.0 * 3600);
    if (seconds < 0.1) {
        snprintf(ret_text, space, "less than 0.1 s");
    } else if (seconds < 120) {
        snprintf(ret_text, space, "about %.3g s", seconds);
    } else if (seconds < 7200) {
        snprintf(ret_text, space, "about %.0f min", seconds / 60);
    } else if (seconds < 48.0 * 3600) {
        snprintf(ret_text, space, "about %.0f h", seconds / 3600);
    } else if (days < 730) {
        snprintf(ret_text, space, "about %.0f days", days);
    } else {
        snprintf(ret_text, space, "about %.0f years", days / 365.25);
    }
}

/* A figure of an estimate; UINT64_MAX: the library knows none. */
static void json_figure(json_out *json, const char *key, uint64_t figure)
{
    if (figure == UINT64_MAX) {
        json_no_value(json, key);
    } else {
        json_whole(json, key, figure);
    }
}

static void put_estimate_json(const generation *of, const augs_chunks_estimate *estimate)
{
    json_out json;
    json_begin(&json, stdout);
    json_text(&json, "folder", of->folder);
    json_text(&json, "format", augs_format_name(of->format));
    json_whole(&json, "chunks", estimate->n_chunks);
    json_whole(&json, "kept", estimate->n_kept);
    json_whole(&json, "samples", estimate->n_samples);
    json_whole(&json, "files", estimate->n_files);
    json_figure(&json, "bytes", estimate->n_bytes);
    json_bool(&json, "exact", estimate->is_exact != 0);
    json_figure(&json, "disk_bytes", estimate->disk_bytes);
    json_figure(&json, "free_bytes", estimate->free_bytes);
    json_figure(&json, "free_files", estimate->free_files);
    json_whole(&json, "measured_samples", estimate->n_measured);
    json_number(&json, "seconds", estimate->seconds);
    json_end(&json);
}

static void put_size(const augs_chunks_estimate *estimate)
{
    char bytes[32], disk[32], space[32];
    const bool fits = estimate->n_bytes < UINT64_MAX; /* else it is more than 64 bits can say */
    put_bytes((double)estimate->n_bytes, bytes, sizeof bytes);
    put_bytes((double)estimate->disk_bytes, disk, sizeof disk);
    put_bytes((double)estimate->free_bytes, space, sizeof space);
    if (fits) {
        printf("bytes: %s%" PRIu64 " (%s)\n", estimate->is_exact ? "" : "at most ",
               estimate->n_bytes, bytes);
    } else {
        printf("bytes: more than %s\n", bytes);
    }
    printf("disk:  %s%s needed, %s free\n", estimate->disk_bytes < UINT64_MAX ? "" : "more than ",
           disk, estimate->free_bytes == UINT64_MAX ? "an unknown number" : space);
}

static void put_estimate(const generation *of, const augs_chunks_estimate *estimate)
{
    char seconds[48];
    put_seconds(estimate->seconds, seconds, sizeof seconds);
    shown_put(stdout, of->folder);
    printf(": %" PRIu64 " of %" PRIu64 " chunk%s to make, %" PRIu64 " sample%s\n",
           estimate->n_chunks - estimate->n_kept, estimate->n_chunks,
           estimate->n_chunks == 1 ? "" : "s", estimate->n_samples,
           estimate->n_samples == 1 ? "" : "s");
    printf("files: %" PRIu64 "\n", estimate->n_files);
    put_size(estimate);
    printf("time:  %s, without the time of the disk (measured on %" PRIu64
           " samples made in memory)\n",
           seconds, estimate->n_measured);
}

/* What went wrong in the folder: another value of --out need not help. */
static int complain_folder(const generation *of, const augs_error *error)
{
    return complain(exit_status_of(error->status), "--out '%s': %s", of->folder, error->message);
}

static int dry_run(const generation *of, const augs_chunks_options *chunk_options)
{
    augs_error error;
    augs_chunks_estimate estimate = {.size = sizeof estimate};
    int status = augs_chunks_get_estimate(of->stream, of->folder, chunk_options, &estimate, &error);
    if (status == AUGS_E_CANCELLED) {
        return complain(EXIT_PARTLY, "stopped; nothing was written");
    }
    if (status < 0) {
        return complain_folder(of, &error);
    }
    if (of->arguments->given[OPT_JSON]) {
        put_estimate_json(of, &estimate);
    } else {
        put_estimate(of, &estimate);
    }
    if (estimate.disk_bytes > estimate.free_bytes || estimate.n_files > estimate.free_files) {
        tell(of->arguments->given[OPT_QUIET],
             "the file system has too little space for that: without --force it is refused");
    }
    return EXIT_DONE;
}

static int fail_folder(const generation *of, const augs_chunks_report *report,
                       const augs_error *error)
{
    const int status = error->status;
    int result = exit_status_of(status);
    const bool has_some = report->n_made + report->n_kept > 0;
    if (status == AUGS_E_CANCELLED) {
        char left[96] = "", bytes[32];
        if (report->left_bytes > 0) {
            put_bytes((double)report->left_bytes, bytes, sizeof bytes);
            snprintf(left, sizeof left, " and removes %s of unfinished files, which it left",
                     bytes);
        }
        return complain(result,
                        "stopped: %" PRIu64 " of %" PRIu64
                        " chunks are there; the same command goes on%s",
                        report->n_made + report->n_kept, report->n_chunks, left);
    }
    complain_folder(of, error);
    if (status == AUGS_E_NO_SPACE && report->n_made == 0 && !of->arguments->given[OPT_FORCE]) {
        tell(false, "--dry-run shows what a run needs; --force writes all the same");
    }
    return status == AUGS_E_NO_SPACE && has_some ? EXIT_PARTLY : result;
}

static int generate_folder(const generation *of)
{
    augs_error error;
    progress bar;
    augs_chunks_report report = {.size = sizeof report};
    const arguments *given = of->arguments;
    bool quiet = given->given[OPT_QUIET];
    augs_chunks_options chunk_options = {
        .size = sizeof chunk_options,
        .format = of->format,
        .first_position = of->start,
        .n_positions = of->count,
        .chunk_size = of->chunk_size,
        .shard = of->shard.rank,
        .n_shards = of->shard.world_size,
        .n_threads = (uint32_t)option_whole(given, OPT_THREADS),
        .check = option_name_index(given, OPT_CHECK),
        .plan = of->with_plan ? &of->plan : NULL,
        .progress = on_chunk,
        .progress_user = &bar,
        .flags = (given->given[OPT_FORCE] ? AUGS_CHUNKS_IGNORE_SPACE : 0) |
                 (given->given[OPT_NO_LOCK] ? AUGS_CHUNKS_NO_LOCK : 0),
        .stop = on_stop};
    interrupt_watch(quiet, NULL, NULL);
    if (given->given[OPT_DRY_RUN]) {
        return dry_run(of, &chunk_options);
    }
    progress_begin(&bar, "generate", 0, quiet);
    int status = augs_chunks_write(of->stream, of->folder, &chunk_options, &report, &error);
    double seconds = progress_seconds(&bar);
    progress_end(&bar);
    if (report.lock == AUGS_LOCK_FILE) {
        tell(quiet, "flock does not work in '%s': a file that names its owner took its place",
             of->folder);
    }
    if (status < 0) {
        return fail_folder(of, &report, &error);
    }
    report_folder(of, &report, seconds);
    return EXIT_DONE;
}

int command_generate(const arguments *of)
{
    generation to_do;
    int result = read_generation(of, &to_do);
    if (result == EXIT_DONE) {
        result = open_stream(of, to_do.n_samples, &to_do.stream);
    }
    if (result != EXIT_DONE) {
        return result;
    }
    augs_strategy_options strategy_options;
    read_plan(of, &strategy_options, &to_do.plan);
    to_do.plan.world_size = (uint32_t)option_whole(of, OPT_WORLD_SIZE);
    to_do.plan.tail = option_name_index(of, OPT_TAIL);
    result = to_do.folder != NULL ? generate_folder(&to_do) : generate_records(&to_do);
    augs_stream_unref(to_do.stream);
    return result;
}
