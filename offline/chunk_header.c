/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Header lines read back. A header is strict without a grammar of its own: what jansson finds in it
 * makes a run, and the run's own header line must be the same bytes.
 */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include <augstream/version.h>

#include "base/fail.h"
#include "base/number_text.h"
#include "offline/chunk_run.h"

/* A larger number of a contract or a form is no newer release but damage. */
#define LAST_VERSION 1000

typedef struct parsed_header {
    const char *fingerprint, *preset, *seed, *order, *format;
    json_t *n_samples, *plan;
    json_int_t version, contract, epoch, start, count, chunk_size, shard, n_shards;
} parsed_header;

static bool unpack_header(json_t *root, parsed_header *header)
{
    json_int_t records;
    return json_unpack(
               root,
               "{s:I, s:I, s:s, s:s, s:s, s:I, s:o, s:s, s:I, s:I, s:I, s:I, s:s, s:o, s:I, "
               "s:I}",
               "augstream", &header->version, "contract", &header->contract, "fingerprint",
               &header->fingerprint, "preset", &header->preset, "seed", &header->seed, "epoch",
               &header->epoch, "n_samples", &header->n_samples, "order", &header->order, "start",
               &header->start, "count", &header->count, "records", &records, "chunk_size",
               &header->chunk_size, "format", &header->format, "plan", &header->plan, "shard",
               &header->shard, "n_shards", &header->n_shards) == 0;
}

static bool find_last_batch(const char *name, uint32_t *ret_last_batch)
{
    for (uint32_t i = 0; i <= AUGS_LAST_BATCH_MERGE; i++) {
        if (strcmp(name, augsi_last_batch_name(i)) == 0) {
            *ret_last_batch = i;
            return true;
        }
    }
    return false;
}

static bool unpack_plan(json_t *root, augs_plan_options *plan, augs_strategy_options *options)
{
    uint32_t last_batch = 0;
    const char *name_of_last_batch;
    json_int_t batch_size, least, most, multiple_of, batches, window;
    const char *strategy;
    if (json_unpack(root, "{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "strategy", &strategy,
                    "last_batch", &name_of_last_batch, "batch_size", &batch_size, "min_batch_size",
                    &least, "max_batch_size", &most, "multiple_of", &multiple_of, "batches",
                    &batches, "deal_window", &window) != 0 ||
        !find_last_batch(name_of_last_batch, &last_batch)) {
        return false;
    }
    *options = (augs_strategy_options){.size = sizeof *options,
                                       .last_batch = last_batch,
                                       .batch_size = (uint64_t)batch_size,
                                       .min_batch_size = (uint64_t)least,
                                       .max_batch_size = (uint64_t)most,
                                       .multiple_of = (uint64_t)multiple_of,
                                       .batches = (uint64_t)batches,
                                       .deal_window = (uint64_t)window};
    *plan = (augs_plan_options){
        .size = sizeof *plan, .strategy = strategy, .strategy_options = options};
    return true;
}

static int open_stream(const parsed_header *header, augs_stream **ret_stream, augs_error *error)
{
    augs_preset *preset;
    augs_stream_options options = {.size = sizeof options, .n_samples = AUGS_ENDLESS};
    if (header->contract != AUGS_CONTRACT_VERSION || header->version != 1) {
        const bool newer = header->contract >= 1 && header->contract <= LAST_VERSION &&
                           header->version >= 1 && header->version <= LAST_VERSION;
        return augsi_fail(error, newer ? AUGS_E_UNSUPPORTED : AUGS_E_CORRUPT,
                          "header: contract %lld, form %lld; this build reads contract %u, form 1",
                          (long long)header->contract, (long long)header->version,
                          AUGS_CONTRACT_VERSION);
    }
    if (!augsi_parse_u64(header->seed, strlen(header->seed), &options.seed) || header->epoch < 0 ||
        header->epoch > UINT32_MAX) {
        return augsi_fail(error, AUGS_E_CORRUPT, "header: seed or epoch is out of range");
    }
    options.epoch = (uint32_t)header->epoch;
    options.order =
        strcmp(header->order, "shuffled") == 0 ? AUGS_ORDER_SHUFFLED : AUGS_ORDER_SEQUENTIAL;
    if (json_is_integer(header->n_samples)) {
        options.n_samples = (uint64_t)json_integer_value(header->n_samples);
    }
    int status = augs_preset_open_text(header->preset, strlen(header->preset), "manifest", NULL,
                                       &preset, error);
    if (status < 0) {
        return status;
    }
    status = augs_stream_open(preset, &options, ret_stream, error);
    augs_preset_unref(preset);
    return status;
}

static int run_of(const parsed_header *header, augsi_chunk_run *ret_run, augs_error *error)
{
    augs_strategy_options strategy_options;
    augs_plan_options plan;
    augs_chunks_options options = {.size = sizeof options,
                                   .first_position = (uint64_t)header->start,
                                   .n_positions = (uint64_t)header->count,
                                   .chunk_size = (uint64_t)header->chunk_size};
    augs_stream *stream;
    int status = augs_format_find(header->format, &options.format, error);
    if (status == AUGS_OK && !json_is_null(header->plan)) {
        options.plan = &plan;
        if (!unpack_plan(header->plan, &plan, &strategy_options)) {
            status = augsi_fail(error, AUGS_E_CORRUPT, "header: the plan cannot be read");
        }
    }
    if (status < 0) {
        return status;
    }
    status = open_stream(header, &stream, error);
    if (status < 0) {
        return status;
    }
    if (strcmp(augs_stream_fingerprint(stream), header->fingerprint) != 0) {
        status = augsi_fail(error, AUGS_E_MISMATCH,
                            "the header says fingerprint %.40s, but its preset, seed and samples "
                            "give %s",
                            header->fingerprint, augs_stream_fingerprint(stream));
    } else {
        status = augsi_chunk_run_open(stream, &options, ret_run, error);
    }
    augs_stream_unref(stream);
    return status;
}

static int check_line(const augsi_chunk_run *run, const parsed_header *header, const char *line,
                      size_t n_bytes, augs_error *error)
{
    augsi_text again;
    augsi_text_init(&again, &run->allocator);
    augsi_chunk_run_header(run, (uint32_t)header->shard, (uint32_t)header->n_shards, &again);
    int status = AUGS_OK;
    if (again.failed) {
        status = augsi_fail_memory(error, n_bytes);
    } else if (again.n_bytes - 1 != n_bytes || memcmp(again.data, line, n_bytes) != 0) {
        status = augsi_fail(error, AUGS_E_CORRUPT, "the header is not in its canonical form");
    }
    augsi_text_done(&again);
    return status;
}

/* No number of a header is negative. */
static int refuse_negative(json_t *root, augs_error *error)
{
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value)
    {
        if (json_is_integer(value) && json_integer_value(value) < 0) {
            return augsi_fail(error, AUGS_E_CORRUPT,
                              "the header says %.40s %lld; accepted: 0 or more", key,
                              (long long)json_integer_value(value));
        }
    }
    return AUGS_OK;
}

int augsi_chunk_run_parse(const char *line, size_t n_bytes, augsi_chunk_run *ret_run,
                          uint32_t *ret_shard, uint32_t *ret_n_shards, augs_error *error)
{
    parsed_header header;
    n_bytes -= n_bytes > 0 && line[n_bytes - 1] == '\n';
    json_t *root = json_loadb(line, n_bytes, JSON_REJECT_DUPLICATES, NULL);
    int status = json_is_object(root) ? refuse_negative(root, error) : AUGS_OK;
    if (status < 0) {
        json_decref(root);
        return status;
    }
    if (root == NULL || !unpack_header(root, &header) || header.n_shards < 1 ||
        header.n_shards > AUGSI_MAX_SHARDS || header.shard < 0 || header.shard >= header.n_shards) {
        status = augsi_fail(error, AUGS_E_CORRUPT, "the first line is not a header of a run");
    } else {
        status = run_of(&header, ret_run, error);
    }
    if (status == AUGS_OK) {
        status = check_line(ret_run, &header, line, n_bytes, error);
        if (status < 0) {
            augsi_chunk_run_done(ret_run);
        } else {
            *ret_shard = (uint32_t)header.shard;
            *ret_n_shards = (uint32_t)header.n_shards;
        }
    }
    json_decref(root);
    return status;
}

/* "key theirs, key ours" of one field, short. */
static void describe_field(const char *key, json_t *ours, json_t *theirs, char *text,
                           size_t n_bytes)
{
    if (strcmp(key, "preset") == 0) {
        snprintf(text, n_bytes, "preset differs");
        return;
    }
    char *mine = json_dumps(ours, JSON_ENCODE_ANY | JSON_COMPACT);
    char *other = theirs != NULL ? json_dumps(theirs, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    snprintf(text, n_bytes, "%s %.60s there, %.60s here", key, other != NULL ? other : "missing",
             mine != NULL ? mine : "?");
    free(mine);
    free(other);
}

int augsi_chunk_run_differ(const char *ours, const char *theirs, size_t n_theirs, const char *where,
                           augs_error *error)
{
    char text[256] = "", field[160];
    json_t *mine = json_loads(ours, 0, NULL), *other = json_loadb(theirs, n_theirs, 0, NULL);
    const char *key;
    json_t *value;
    if (!json_is_object(mine) || !json_is_object(other)) {
        json_decref(mine);
        json_decref(other);
        return augsi_fail(error, AUGS_E_MISMATCH,
                          "'%s' is not a manifest of augstream; use an empty folder", where);
    }
    json_object_foreach(mine, key, value)
    {
        json_t *there = json_object_get(other, key);
        /* a seed, preset... that differs shows in the fingerprint, too: that is enough */
        if (json_equal(value, there) || strcmp(key, "shard") == 0 || strcmp(key, "records") == 0) {
            continue;
        }
        describe_field(key, value, there, field, sizeof field);
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s", used > 0 ? "; " : "", field);
    }
    json_decref(mine);
    json_decref(other);
    if (text[0] == '\0') { /* nothing of the run differs */
        return augsi_fail(error, AUGS_E_MISMATCH,
                          "'%s': the header is another shard's, or was edited (this run writes the "
                          "same values as other bytes); put the file back, or use an empty folder",
                          where);
    }
    return augsi_fail(error, AUGS_E_MISMATCH, "'%s' is of another run: %s", where, text);
}
