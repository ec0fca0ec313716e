/* SPDX-License-Identifier: Apache-2.0 */
#include "offline/chunk_run.h"

#include <string.h>

#include <jansson.h>

#include <augstream/version.h>

#include "base/fail.h"
#include "base/sized_struct.h"
#include "pipeline/records/record_columns.h"
#include "presets/preset_impl.h"

static int check_plan(const augs_plan_options *plan, augs_error *error)
{
    const augs_strategy_ops *ops;
    if (plan->strategy_ops != NULL) {
        return augsi_fail(error, AUGS_E_UNSUPPORTED,
                          "chunks: a strategy of your own cannot be written into a manifest; give "
                          "the name of a shipped strategy");
    }
    if (plan->world_size > 1) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "chunks: the plan's world size is %u, accepted is 1 (shards divide "
                          "chunks, not batches)",
                          (unsigned)plan->world_size);
    }
    int status =
        augs_strategy_find(plan->strategy != NULL ? plan->strategy : "sequential", &ops, error);
    if (status < 0) {
        return status;
    }
    if (!(ops->flags & AUGS_STRATEGY_FIXED)) {
        return augsi_fail(
            error, AUGS_E_UNSUPPORTED,
            "chunks: strategy '%s' plans by what it measures, so its chunks could not "
            "be recomputed; accepted are the fixed ones, e.g. sequential, "
            "round_robin",
            ops->name);
    }
    return AUGS_OK;
}

static int set_plan(augsi_chunk_run *run, const augs_plan_options *given, augs_error *error)
{
    augs_plan_options taken;
    const augs_plan_options *plan = &taken;
    int status = AUGSI_TAKE(augs_plan_options, given, &taken, error);
    status = status < 0 ? status : check_plan(plan, error);
    if (status < 0) {
        return status;
    }
    const char *name = plan->strategy != NULL ? plan->strategy : "sequential";
    run->strategy = augsi_copy_text(&run->allocator, name, strlen(name));
    if (run->strategy == NULL) {
        return augsi_fail_memory(error, strlen(name) + 1);
    }
    status =
        AUGSI_TAKE(augs_strategy_options, plan->strategy_options, &run->strategy_options, error);
    if (status < 0) {
        return status;
    }
    const augs_strategy_options *o = &run->strategy_options;
    if ((o->batch_size | o->min_batch_size | o->max_batch_size | o->multiple_of | o->batches |
         o->deal_window) > INT64_MAX) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "chunks: a strategy option is above 2^63 - 1; 0 means no limit");
    }
    run->has_plan = true;
    return AUGS_OK;
}

/* The plan points into the run, so it is set where the run stays. */
static void bind_plan(augsi_chunk_run *run)
{
    run->plan = (augs_plan_options){.size = sizeof run->plan,
                                    .world_size = 1,
                                    .tail = AUGS_TAIL_UNEVEN,
                                    .strategy = run->strategy,
                                    .strategy_options = &run->strategy_options};
}

static int count_records(augsi_chunk_run *run, augs_error *error)
{
    run->n_records = run->n_positions;
    if (run->has_plan) {
        augsi_plan *plan;
        bind_plan(run);
        int status =
            augsi_plan_open(&run->allocator, &run->plan, run->first_position, run->n_positions,
                            augs_stream_sample_bytes(run->stream), &plan, error);
        if (status < 0) {
            return status;
        }
        run->n_records = augsi_plan_records_before(plan, augsi_plan_n_steps(plan));
        augsi_plan_free(plan);
    }
    run->n_chunks = run->n_records / run->chunk_size + (run->n_records % run->chunk_size != 0);
    return AUGS_OK;
}

static int check_range(augsi_chunk_run *run, augs_error *error)
{
    uint64_t n = augs_stream_n_samples(run->stream);
    uint64_t limit = n == AUGS_ENDLESS ? AUGS_MAX_SAMPLES : n;
    if (run->first_position > limit || run->n_positions > limit - run->first_position) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "chunks: positions %llu + %llu leave the stream's %llu samples",
                          (unsigned long long)run->first_position,
                          (unsigned long long)run->n_positions, (unsigned long long)limit);
    }
    if (run->n_positions == 0 && n == AUGS_ENDLESS) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "chunks: an endless stream needs a number of positions");
    }
    if (run->n_positions == 0) {
        run->n_positions = n - run->first_position;
    }
    return AUGS_OK;
}

int augsi_chunk_run_open(augs_stream *stream, const augs_chunks_options *options,
                         augsi_chunk_run *ret_run, augs_error *error)
{
    const augs_preset *preset = augs_stream_preset(stream);
    augsi_chunk_run *run = ret_run;
    *run = (augsi_chunk_run){.allocator = *augsi_preset_allocator(preset),
                             .stream = augs_stream_ref(stream),
                             .format = options->format,
                             .first_position = options->first_position,
                             .n_positions = options->n_positions,
                             .chunk_size = options->chunk_size};
    run->format = run->format == 0 ? AUGS_FORMAT_SAFETENSORS : run->format;
    run->chunk_size = run->chunk_size == 0 ? AUGS_DEFAULT_CHUNK_SIZE : run->chunk_size;
    int status = AUGS_OK;
    if (augs_format_name(run->format) == NULL) {
        char names[AUGSI_FORMAT_LIST_BYTES];
        augsi_format_list(false, names, sizeof names);
        status = augsi_fail(error, AUGS_E_ARGUMENT, "chunks: format %u is unknown; there are %s",
                            (unsigned)run->format, names);
    } else if (run->chunk_size > AUGS_MAX_SAMPLES) {
        status = augsi_fail(error, AUGS_E_RANGE, "chunks: chunk_size %llu is above 2^56",
                            (unsigned long long)run->chunk_size);
    }
    if (status == AUGS_OK && options->plan != NULL) {
        status = set_plan(run, options->plan, error);
    }
    if (status == AUGS_OK) {
        status = check_range(run, error);
    }
    if (status == AUGS_OK) {
        status = count_records(run, error);
    }
    if (status < 0) {
        augsi_chunk_run_done(run);
    }
    return status;
}

void augsi_chunk_run_done(augsi_chunk_run *run)
{
    augs_allocator allocator = run->allocator;
    if (run->stream != NULL) {
        augsi_delete_text(&allocator, run->strategy);
        augs_stream_unref(run->stream);
    }
    *run = (augsi_chunk_run){0};
}

uint64_t augsi_chunk_count(const augsi_chunk_run *run, uint64_t chunk)
{
    uint64_t left = run->n_records - chunk * run->chunk_size;
    return left < run->chunk_size ? left : run->chunk_size;
}

uint64_t augsi_chunk_first(const augsi_chunk_run *run, uint64_t chunk)
{
    return chunk * run->chunk_size + (run->has_plan ? 0 : run->first_position);
}

static void add_field(augsi_text *text, const char *key, uint64_t number)
{
    augsi_text_add_string(text, key);
    augsi_text_add_u64(text, number);
}

void augsi_chunk_run_plan_json(const augsi_chunk_run *run, augsi_text *text)
{
    if (!run->has_plan) {
        augsi_text_add_string(text, "null");
        return;
    }
    const augs_strategy_options *options = &run->strategy_options;
    augsi_text_add_string(text, "{\"strategy\":");
    augsi_text_add_json_string(text, run->strategy);
    augsi_text_add_string(text, ",\"last_batch\":");
    augsi_text_add_json_string(text, augsi_last_batch_name(options->last_batch));
    add_field(text, ",\"batch_size\":", options->batch_size);
    add_field(text, ",\"min_batch_size\":", options->min_batch_size);
    add_field(text, ",\"max_batch_size\":", options->max_batch_size);
    add_field(text, ",\"multiple_of\":", options->multiple_of);
    add_field(text, ",\"batches\":", options->batches);
    add_field(text, ",\"deal_window\":", options->deal_window);
    augsi_text_add_string(text, "}");
}

/* seed is a string: most JSON readers keep no more than 53 or 63 bits of a number. */
void augsi_chunk_run_header(const augsi_chunk_run *run, uint32_t shard, uint32_t n_shards,
                            augsi_text *text)
{
    const augs_stream *stream = run->stream;
    uint64_t n_samples = augs_stream_n_samples(stream);
    add_field(text, "{\"augstream\":1,\"contract\":", augs_contract_version());
    augsi_text_add_string(text, ",\"fingerprint\":");
    augsi_text_add_json_string(text, augs_stream_fingerprint(stream));
    augsi_text_add_string(text, ",\"preset\":");
    augsi_text_add_json_string(text, augs_preset_text(augs_stream_preset(stream)));
    add_field(text, ",\"seed\":\"", augs_stream_seed(stream));
    add_field(text, "\",\"epoch\":", augs_stream_epoch(stream));
    augsi_text_add_string(text, ",\"n_samples\":");
    if (n_samples == AUGS_ENDLESS) {
        augsi_text_add_string(text, "\"endless\"");
    } else {
        augsi_text_add_u64(text, n_samples);
    }
    augsi_text_add_string(text, ",\"order\":");
    augsi_text_add_json_string(
        text, augs_stream_order(stream) == AUGS_ORDER_SHUFFLED ? "shuffled" : "sequential");
    add_field(text, ",\"start\":", run->first_position);
    add_field(text, ",\"count\":", run->n_positions);
    add_field(text, ",\"records\":", run->n_records);
    add_field(text, ",\"chunk_size\":", run->chunk_size);
    augsi_text_add_string(text, ",\"format\":");
    augsi_text_add_json_string(text, augs_format_name(run->format));
    augsi_text_add_string(text, ",\"plan\":");
    augsi_chunk_run_plan_json(run, text);
    add_field(text, ",\"shard\":", shard);
    add_field(text, ",\"n_shards\":", n_shards);
    augsi_text_add_string(text, "}\n");
}
