/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <augstream/augstream.h>

#include "exit_status.h"
#include "generate.h"
#include "interrupt.h"
#include "json_out.h"
#include "options.h"
#include "progress.h"
#include "stream_arguments.h"

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
    uint64_t room = (n == AUGS_ENDLESS ? AUGS_MAX_SAMPLES : n) - ret->start;
    ret->count = of->given[OPT_COUNT] ? option_whole(of, OPT_COUNT)
                 : n == AUGS_ENDLESS  ? UINT64_MAX
                                      : room;
    if (of->given[OPT_COUNT] && ret->count > room) {
        return complain(EXIT_USAGE,
                        "--start %" PRIu64 " and --count %" PRIu64
                        " leave the stream; accepted: a count up to %" PRIu64,
                        ret->start, ret->count, room);
    }
    return EXIT_DONE;
}

static bool any_plan_option(const arguments *of)
{
    static const enum option_id ids[] = {
        OPT_STRATEGY,       OPT_BATCH_SIZE,    OPT_MIN,        OPT_MAX,       OPT_MULTIPLE_OF,
        OPT_LAST_BATCH,     OPT_RANK,          OPT_WORLD_SIZE, OPT_TAIL,      OPT_DROP_LAST,
        OPT_BATCHES,        OPT_WINDOW,        OPT_MAX_MEMORY, OPT_SAFETY,    OPT_MEMORY_RULE,
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
    if (world_size > 1 && (ret->folder != NULL || of->given[OPT_SHARD])) {
        return complain(EXIT_USAGE,
                        "--world-size is for records of one rank; accepted with %s: "
                        "--world-size 1",
                        ret->folder != NULL ? "--out DIR" : "--shard");
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
    if (ret->folder == NULL && of->given[OPT_CHECK]) {
        return complain(EXIT_USAGE, "--check needs --out DIR");
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
             "%s: %" PRIu64 " chunks, %" PRIu64 " made (%" PRIu64 " samples, %.1f MB in %.2f s), "
             "%" PRIu64 " there before%s",
             of->folder, report->n_chunks, report->n_made, report->n_samples,
             (double)report->n_bytes * 1e-6, seconds, report->n_kept,
             report->complete ? "; complete" : "");
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

static int generate_folder(const generation *of)
{
    augs_error error;
    progress bar;
    augs_chunks_report report = {.size = sizeof report};
    bool quiet = of->arguments->given[OPT_QUIET];
    augs_chunks_options chunk_options = {.size = sizeof chunk_options,
                                         .format = of->format,
                                         .first_position = of->start,
                                         .n_positions = of->count,
                                         .chunk_size = of->chunk_size,
                                         .shard = of->shard.rank,
                                         .n_shards = of->shard.world_size,
                                         .n_threads =
                                             (uint32_t)option_whole(of->arguments, OPT_THREADS),
                                         .check = option_name_index(of->arguments, OPT_CHECK),
                                         .plan = of->with_plan ? &of->plan : NULL,
                                         .progress = on_chunk,
                                         .progress_user = &bar};
    interrupt_watch(quiet, NULL, NULL);
    progress_begin(&bar, "generate", 0, quiet);
    int status = augs_chunks_write(of->stream, of->folder, &chunk_options, &report, &error);
    double seconds = progress_seconds(&bar);
    progress_end(&bar);
    if (status < 0) {
        int result = exit_status_of(status);
        if (status == AUGS_E_CANCELLED) {
            complain(result,
                     "stopped: %" PRIu64 " of %" PRIu64
                     " chunks are there; the same command goes on",
                     report.n_made + report.n_kept, report.n_chunks);
        } else {
            complain_value(result, of->arguments, OPT_OUT, error.message);
        }
        if (status == AUGS_E_NO_SPACE && report.n_made + report.n_kept > 0) {
            result = EXIT_PARTLY;
        }
        return result;
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
