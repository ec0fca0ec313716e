/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of a batch's effects: records, ids, then the token file. A process that dies between
 * them leaves files that are longer than the token file says; going on cuts them.
 */
#include "cli/subscription.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <augstream/pipeline.h>

#include "cli/exit_status.h"
#include "cli/json_out.h"

static bool same_file(const char *a, const char *b)
{
    struct stat facts[2];
    return strcmp(a, b) == 0 ||
           (stat(a, &facts[0]) == 0 && stat(b, &facts[1]) == 0 && S_ISREG(facts[0].st_mode) &&
            facts[0].st_dev == facts[1].st_dev && facts[0].st_ino == facts[1].st_ino);
}

int subscription_check_outputs(const arguments *of)
{
    static const enum option_id ids[] = {OPT_OUT, OPT_IDS, OPT_TOKEN_FILE};
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = i + 1; j < 3; j++) {
            if (of->given[ids[i]] && of->given[ids[j]] &&
                same_file(option_text(of, ids[i]), option_text(of, ids[j]))) {
                return complain(EXIT_USAGE, "--%s and --%s are the same file '%s'",
                                options[ids[i]]->name, options[ids[j]]->name,
                                option_text(of, ids[j]));
            }
        }
    }
    return EXIT_DONE;
}

static void note_token(subscription *run)
{
    if (augs_subscriber_token(run->subscriber, run->next_token, sizeof run->next_token, NULL) < 0) {
        run->next_token[0] = '\0';
    }
}

int subscription_open_outputs(subscription *run)
{
    const arguments *of = run->of;
    const token_record *resumed = &run->resumed;
    const char *ids = option_text(of, OPT_IDS);
    const char *format = augs_format_name(run->format);
    bool goes_on = run->resumes_files && resumed->has_out;
    int result = EXIT_DONE;
    run->ids.file = -1;
    if (run->out != NULL && goes_on && strcmp(resumed->format, format) != 0) {
        return complain(EXIT_DATA, "the token file belongs to records in %s, not in %s",
                        resumed->format, format);
    }
    if (run->out != NULL) {
        result =
            record_output_open(&run->output, run->out, goes_on ? resumed->out_bytes : UINT64_MAX);
        if (of->given[OPT_TOKEN_FILE]) {
            run->output.advice = "the same command goes on behind the last whole batch";
        }
        run->output.skip_line = (augs_format_flags(run->format) & AUGS_FORMAT_HAS_HEADER) != 0 &&
                                run->output.n_bytes > 0;
    }
    if (result == EXIT_DONE && ids != NULL) {
        result = npy_ids_open(&run->ids, ids,
                              run->resumes_files && resumed->has_ids ? resumed->n_ids : UINT64_MAX);
    }
    struct stat facts[2];
    if (result == EXIT_DONE && run->output.is_regular && ids != NULL &&
        fstat(run->output.file, &facts[0]) == 0 && fstat(run->ids.file, &facts[1]) == 0 &&
        facts[0].st_dev == facts[1].st_dev && facts[0].st_ino == facts[1].st_ino) {
        result = complain(EXIT_USAGE, "--out and --ids are the same file '%s'", ids);
    }
    run->ready = result == EXIT_DONE;
    note_token(run);
    return result;
}

static void add_digest(subscription *run, const augs_batch *batch)
{
    uint64_t digest[2];
    augs_batch_digest(batch, digest);
    run->digest[0] += digest[0];
    run->digest[1] += digest[1] + (run->digest[0] < digest[0]);
}

static int write_records(subscription *run, augs_batch *batch, bool *ret_reader_gone)
{
    augs_error error;
    if (run->sink == NULL &&
        augs_sink_open_records(augs_batch_stream(batch), run->format, 0, record_output_write,
                               &run->output, &run->sink, &error) < 0) {
        return complain_error(&error);
    }
    int status = augs_sink_write(run->sink, batch, &error);
    if (status >= 0) {
        status = augs_sink_flush(run->sink, &error);
    }
    *ret_reader_gone = run->output.reader_gone;
    if (run->output.errnum != 0) {
        return record_output_failure(&run->output);
    }
    return status < 0 ? complain_error(&error) : EXIT_DONE;
}

static int write_token(subscription *run)
{
    augs_error error;
    token_record record = {.has_out = run->out != NULL && run->output.is_regular,
                           .has_ids = run->ids.file >= 0,
                           .out_bytes = run->output.n_bytes,
                           .n_ids = run->ids.n_ids};
    snprintf(record.format, sizeof record.format, "%s", augs_format_name(run->format));
    if (augs_subscriber_token(run->subscriber, record.token, sizeof record.token, &error) < 0) {
        return complain_error(&error);
    }
    return token_file_write(option_text(run->of, OPT_TOKEN_FILE), &record);
}

int subscription_take(subscription *run, augs_batch *batch, bool *ret_reader_gone)
{
    augs_batch_info info = {.size = sizeof info};
    uint64_t n = augs_batch_n_samples(batch);
    size_t n_bytes = 0;
    int result = EXIT_DONE;
    *ret_reader_gone = false;
    augs_batch_get_info(batch, &info);
    augs_batch_slab(batch, &n_bytes);
    if (run->out != NULL) {
        result = write_records(run, batch, ret_reader_gone);
    }
    if (result == EXIT_DONE && run->ids.file >= 0) {
        result = npy_ids_add(&run->ids, augs_batch_column_data(batch, 0), n);
    }
    if (result == EXIT_DONE && !*ret_reader_gone && run->of->given[OPT_TOKEN_FILE]) {
        result = write_token(run);
    }
    if (result != EXIT_DONE || *ret_reader_gone) {
        return result; /* the batch does not count: the token before it leads to it */
    }
    note_token(run);
    add_digest(run, batch);
    run->n_batches++;
    run->n_samples += n;
    run->n_padded += info.n_padded;
    run->n_bytes += n_bytes;
    progress_set(&run->bar, run->n_samples);
    return result;
}

int subscription_close_outputs(subscription *run)
{
    int result = EXIT_DONE, ids_result = EXIT_DONE;
    augs_sink_free(run->sink);
    run->sink = NULL;
    if (run->out != NULL) {
        result = record_output_close(&run->output);
    }
    if (run->ids.file >= 0) {
        ids_result = npy_ids_close(&run->ids);
    }
    return result != EXIT_DONE ? result : ids_result;
}

static void put_json(const subscription *run, const augs_subscriber_stats *stats,
                     const char *digest, const char *token)
{
    bool stdout_taken = run->out != NULL && run->output.is_stdout;
    double seconds = run->seconds > 0 ? run->seconds : 1e-9;
    json_out json;
    json_begin(&json, stdout_taken ? stderr : stdout);
    json_whole(&json, "rank", run->place.rank);
    json_whole(&json, "world_size", run->place.world_size);
    json_text(&json, "source", run->place.source);
    json_whole(&json, "samples", run->n_samples);
    json_whole(&json, "padded", run->n_padded);
    json_whole(&json, "batches", run->n_batches);
    json_whole(&json, "bytes", run->n_bytes);
    json_number(&json, "seconds", run->seconds);
    json_number(&json, "records_per_s", (double)run->n_samples / seconds);
    json_number(&json, "mb_per_s", (double)run->n_bytes * 1e-6 / seconds);
    json_whole(&json, "duplicates", stats->n_duplicates);
    json_whole(&json, "rejected", stats->n_rejected);
    json_whole(&json, "reconnects", stats->n_connects > 0 ? stats->n_connects - 1 : 0);
    json_bool(&json, "verified", run->of->given[OPT_VERIFY]);
    json_text(&json, "digest", digest);
    if (token != NULL) {
        json_text(&json, "token", token);
    } else {
        json_no_value(&json, "token");
    }
    json_end(&json);
}

void subscription_put_summary(subscription *run)
{
    char digest[33];
    augs_subscriber_stats stats = {.size = sizeof stats};
    augs_subscriber_get_stats(run->subscriber, &stats);
    snprintf(digest, sizeof digest, "%016" PRIx64 "%016" PRIx64, run->digest[1], run->digest[0]);
    const char *token = run->next_token;
    bool has_token = token[0] != '\0';
    if (run->of->given[OPT_JSON]) {
        put_json(run, &stats, digest, has_token ? token : NULL);
        return;
    }
    double seconds = run->seconds > 0 ? run->seconds : 1e-9;
    bool quiet = run->of->given[OPT_QUIET];
    tell(quiet,
         "rank %" PRIu32 "/%" PRIu32 ": %" PRIu64 " samples (%" PRIu64 " padded) in %" PRIu64
         " batches, %.1f MB in %.2f s: %.0f records/s, %.1f MB/s; %" PRIu64 " duplicates, %" PRIu64
         " reconnects%s",
         run->place.rank, run->place.world_size, run->n_samples, run->n_padded, run->n_batches,
         (double)run->n_bytes * 1e-6, run->seconds, (double)run->n_samples / seconds,
         (double)run->n_bytes * 1e-6 / seconds, stats.n_duplicates,
         stats.n_connects > 0 ? stats.n_connects - 1 : 0,
         run->of->given[OPT_VERIFY] ? "; every batch as made here" : "");
    tell(quiet, "digest %s", digest);
    if (has_token) {
        tell(quiet, "token %s", token);
    }
}
