/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include <augstream/augstream.h>

#include "cli/exit_status.h"
#include "cli/interrupt.h"
#include "cli/json_out.h"
#include "cli/options/options.h"
#include "cli/progress.h"

typedef struct verification {
    const arguments *of;
    progress bar;
    uint64_t n_missing; /* findings of chunks that are not there */
    uint64_t n_bad;     /* all others */
} verification;

static void on_finding(void *user, const augs_chunks_finding *finding)
{
    verification *run = user;
    if (finding->status == AUGS_E_NOT_FOUND) {
        run->n_missing++;
    } else {
        run->n_bad++;
    }
    if (!run->of->given[OPT_JSONL]) {
        complain(EXIT_DATA, "%s: %s", finding->file, finding->message);
        return;
    }
    json_out json;
    json_begin(&json, stdout);
    json_text(&json, "status", augs_status_name(finding->status));
    if (finding->chunk == AUGS_NO_CHUNK) {
        json_no_value(&json, "chunk");
    } else {
        json_whole(&json, "chunk", finding->chunk);
    }
    json_text(&json, "file", finding->file);
    json_text(&json, "message", finding->message);
    json_end(&json);
}

static int on_stop(void *user)
{
    (void)user;
    return interrupt_asked();
}

static int on_progress(void *user, uint64_t done_samples, uint64_t all_samples)
{
    verification *run = user;
    run->bar.all = all_samples;
    progress_set(&run->bar, done_samples);
    return interrupt_asked();
}

static void put_summary(const verification *run, const augs_chunks_summary *summary)
{
    const char *folder = run->of->words[0];
    char digest[33];
    snprintf(digest, sizeof digest, "%016" PRIx64 "%016" PRIx64, summary->digest[1],
             summary->digest[0]);
    if (!run->of->given[OPT_JSON] && !run->of->given[OPT_JSONL]) {
        tell(run->of->given[OPT_QUIET],
             "%s: %" PRIu64 " good chunk%s with %" PRIu64 " samples (%.1f MB), %" PRIu64
             " fault%s%s",
             folder, summary->n_chunks, summary->n_chunks == 1 ? "" : "s", summary->n_samples,
             (double)summary->n_bytes * 1e-6, summary->n_faults, summary->n_faults == 1 ? "" : "s",
             summary->complete ? "" : ", not complete");
        return;
    }
    json_out json;
    json_begin(&json, stdout);
    json_text(&json, "folder", folder);
    json_whole(&json, "chunks", summary->n_chunks);
    json_whole(&json, "samples", summary->n_samples);
    json_whole(&json, "bytes", summary->n_bytes);
    json_whole(&json, "faults", summary->n_faults);
    json_whole(&json, "missing", run->n_missing);
    json_bool(&json, "complete", summary->complete != 0);
    if (run->of->given[OPT_HASHES_ONLY]) {
        json_no_value(&json, "digest");
    } else {
        json_text(&json, "digest", digest);
    }
    json_number(&json, "seconds", progress_seconds(&run->bar));
    json_end(&json);
}

int command_verify(const arguments *of)
{
    augs_error error;
    bool quiet = of->given[OPT_QUIET];
    verification run = {.of = of};
    augs_chunks_summary summary = {.size = sizeof summary};
    augs_chunks_verify_options verify_options = {.size = sizeof verify_options,
                                                 .n_threads =
                                                     (uint32_t)option_whole(of, OPT_THREADS),
                                                 .hashes_only = of->given[OPT_HASHES_ONLY],
                                                 .finding = on_finding,
                                                 .progress = on_progress,
                                                 .stop = on_stop,
                                                 .user = &run};
    interrupt_watch(quiet, NULL, NULL);
    progress_begin(&run.bar, "verify", 0,
                   quiet || (of->given[OPT_JSONL] && progress_mixes_with_stdout()));
    int status = augs_chunks_verify(of->words[0], &verify_options, &summary, &error);
    progress_end(&run.bar);
    if (status < 0 && run.n_bad + run.n_missing == 0) {
        return status == AUGS_E_CANCELLED ? complain(EXIT_PARTLY, "stopped before the end")
                                          : complain_error(&error);
    }
    put_summary(&run, &summary);
    if (status == AUGS_E_CANCELLED) {
        complain(EXIT_PARTLY, "stopped before the end");
    }
    if (run.n_bad > 0) {
        return EXIT_DATA;
    }
    return status < 0 || !summary.complete ? EXIT_PARTLY : EXIT_DONE;
}
