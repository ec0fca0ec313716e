/* SPDX-License-Identifier: Apache-2.0 */
/* One run of `subscribe`: where batches go, and what is kept for going on. */
#ifndef AUGSTREAM_CLI_SUBSCRIPTION_H
#define AUGSTREAM_CLI_SUBSCRIPTION_H

#include <augstream/sink.h>
#include <augstream/subscriber.h>

#include "cli/launcher_env.h"
#include "cli/npy_ids.h"
#include "cli/options/options.h"
#include "cli/progress.h"
#include "cli/record_output.h"
#include "cli/token_file.h"

typedef struct subscription {
    const arguments *of;
    augs_subscriber *subscriber;
    launcher_place place;
    const char *out;   /* NULL = records are only counted */
    const char *token; /* to go on from; NULL = the start */
    uint32_t format;
    bool resumes_files;
    bool ready;           /* the job is known, the outputs are open */
    token_record resumed; /* what the token file said */
    record_output output;
    augs_sink *sink; /* NULL until the stream is known */
    npy_ids ids;
    progress bar;
    uint64_t n_samples, n_padded, n_batches, n_bytes;
    uint64_t digest[2];
    char next_token[AUGS_TOKEN_BYTES]; /* behind the last batch that is in all outputs, or "" */
    double seconds;
} subscription;

/* Exit statuses, after a message. */

/* Outputs that would overwrite one another are refused. */
int subscription_check_outputs(const arguments *of);
/* --out and --ids; after the token was read. */
int subscription_open_outputs(subscription *run);
/* Writes a batch to the outputs, then the token file. *ret_reader_gone: nobody reads the records
 * any more. */
int subscription_take(subscription *run, augs_batch *batch, bool *ret_reader_gone);
int subscription_close_outputs(subscription *run);
void subscription_put_summary(subscription *run);

#endif
