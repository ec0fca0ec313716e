/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a stream. Records are made block by block, column by column: the words of a block by one
 * jump and a run of the generator if its sample ids follow one another, else by one jump a sample.
 * What a jump needs does not depend on the column, only on how many words a sample takes, so that a
 * block's jumps are made once for all columns of one such number.
 */
#include <assert.h>
#include <string.h>

#include "base/fail.h"
#include "base/sized_struct.h"
#include "pipeline/stream/kernels.h"
#include "pipeline/stream/stream_impl.h"
#include "presets/kinds.h"
#include "presets/preset_impl.h"

#define BLOCK_ELEMENTS 2048u
#define BLOCK_SAMPLES 256u

/* A block of samples: consecutive from first_id, or, if ids is not NULL, these. */
typedef struct sample_block {
    const uint64_t *ids;
    uint64_t first_id;
    uint64_t n_samples;
} sample_block;

static int check_options(const augs_preset *preset, const augs_stream_options *options,
                         augs_error *error)
{
    if (options->order > AUGS_ORDER_SHUFFLED) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "stream: order %u; accepted: 0 sequential, 1 shuffled", options->order);
    }
    bool endless = options->n_samples == AUGS_ENDLESS;
    if (!endless && options->n_samples > AUGS_MAX_SAMPLES) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "stream: %llu samples; at most 2^56 = %llu are possible",
                          (unsigned long long)options->n_samples, AUGS_MAX_SAMPLES);
    }
    if (endless && options->order == AUGS_ORDER_SHUFFLED) {
        return augsi_fail(
            error, AUGS_E_ARGUMENT,
            "stream: an endless stream cannot be shuffled; give the number of samples");
    }
    for (uint32_t i = 0; endless && i < augs_preset_n_columns(preset); i++) {
        augs_column_info info = {.size = sizeof info};
        augs_preset_column(preset, i, &info);
        if (augsi_kinds[info.kind]->needs_n_samples) {
            return augsi_fail(
                error, AUGS_E_ARGUMENT,
                "stream: column '%s' draws partners out of all samples; give the number of samples",
                info.name);
        }
    }
    return AUGS_OK;
}

static void stream_free(augs_stream *stream)
{
    augs_allocator allocator = stream->allocator;
    if (stream->columns != NULL) {
        for (uint32_t i = 0; i < stream->n_columns; i++) {
            augsi_column_done(&stream->columns[i], &allocator);
        }
        augsi_delete(&allocator, stream->columns, stream->n_columns * sizeof *stream->columns);
    }
    augs_preset_unref(stream->preset);
    augsi_delete(&allocator, stream, sizeof *stream);
}

static int make_columns(augs_stream *stream, augs_error *error)
{
    const augs_stream_options *options = &stream->options;
    stream->columns =
        augsi_new_array(&stream->allocator, stream->n_columns, sizeof *stream->columns);
    if (stream->columns == NULL) {
        return augsi_fail_memory(error, stream->n_columns * sizeof *stream->columns);
    }
    stream->sample_bytes = sizeof(uint64_t);
    for (uint32_t i = 0; i < stream->n_columns; i++) {
        augs_column_info info = {.size = sizeof info};
        augsi_column *column = &stream->columns[i];
        augs_preset_column(stream->preset, i, &info);
        int status =
            augsi_column_init(column, &info, options->n_samples, &stream->allocator, error);
        if (status < 0) {
            return status;
        }
        augsi_rng_init(&column->rng, options->seed, options->epoch,
                       augsi_crc32(info.name, strlen(info.name)));
        if (column->gate != AUGS_NO_GATE) {
            augsi_column *gate = &stream->columns[column->gate];
            gate->is_gate = true;
            stream->any_gated_gate |= gate->gate != AUGS_NO_GATE;
        }
        stream->sample_bytes += column->sample_bytes;
    }
    augsi_order_init(&stream->order, options->order, options->n_samples, options->seed,
                     options->epoch);
    return augsi_fingerprint_make(stream->preset, options, &stream->allocator, stream->fingerprint,
                                  error);
}

int augs_stream_open(augs_preset *preset, const augs_stream_options *options,
                     augs_stream **ret_stream, augs_error *error)
{
    augs_stream_options taken;
    if (preset == NULL || options == NULL || ret_stream == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "stream: preset, options and ret_stream are required");
    }
    int status = AUGSI_TAKE(augs_stream_options, options, &taken, error);
    status = status < 0 ? status : check_options(preset, &taken, error);
    if (status < 0) {
        return status;
    }
    const augs_allocator *allocator = augsi_preset_allocator(preset);
    augs_stream *stream = augsi_new(allocator, sizeof *stream);
    if (stream == NULL) {
        return augsi_fail_memory(error, sizeof *stream);
    }
    augsi_refcount_init(&stream->refcount);
    stream->allocator = *allocator;
    stream->preset = augs_preset_ref(preset);
    stream->options = taken;
    stream->n_columns = augs_preset_n_columns(preset);
    status = make_columns(stream, error);
    if (status < 0) {
        stream_free(stream);
        return status;
    }
    *ret_stream = stream;
    return AUGS_OK;
}

int augs_stream_open_epoch(const augs_stream *stream, uint32_t epoch, augs_stream **ret_stream,
                           augs_error *error)
{
    if (stream == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "stream: stream is NULL");
    }
    augs_stream_options options = stream->options;
    options.epoch = epoch;
    return augs_stream_open(stream->preset, &options, ret_stream, error);
}

augs_stream *augs_stream_ref(augs_stream *stream)
{
    augsi_refcount_take(&stream->refcount);
    return stream;
}

void augs_stream_unref(augs_stream *stream)
{
    if (stream != NULL && augsi_refcount_drop(&stream->refcount)) {
        stream_free(stream);
    }
}

const augs_allocator *augsi_stream_allocator(const augs_stream *stream)
{
    return &stream->allocator;
}

augs_preset *augs_stream_preset(const augs_stream *stream)
{
    return stream->preset;
}

uint64_t augs_stream_seed(const augs_stream *stream)
{
    return stream->options.seed;
}

uint32_t augs_stream_epoch(const augs_stream *stream)
{
    return stream->options.epoch;
}

uint32_t augs_stream_order(const augs_stream *stream)
{
    return stream->options.order;
}

uint64_t augs_stream_n_samples(const augs_stream *stream)
{
    return stream->options.n_samples;
}

uint32_t augs_stream_n_columns(const augs_stream *stream)
{
    return stream->n_columns + 1;
}

int augs_stream_column(const augs_stream *stream, uint32_t index, augs_column_info *ret_info)
{
    if (stream == NULL) {
        return AUGS_E_ARGUMENT;
    }
    if (index != 0) {
        return augs_preset_column(stream->preset, index - 1, ret_info);
    }
    const augs_column_info sample_id = {.size = sizeof sample_id,
                                        .kind = AUGS_KIND_SAMPLE_ID,
                                        .dtype = AUGS_DTYPE_I64,
                                        .shape = 1,
                                        .width = 1,
                                        .gate = AUGS_NO_GATE,
                                        .name = "sample_id",
                                        .unit = "",
                                        .doc = "number of the sample",
                                        .source = "",
                                        .mean = __builtin_nan(""),
                                        .std_dev = __builtin_nan("")};
    return AUGSI_GIVE(augs_column_info, &sample_id, ret_info);
}

uint32_t augs_stream_column_bytes(const augs_stream *stream, uint32_t index)
{
    if (index == 0) {
        return sizeof(uint64_t);
    }
    return index <= stream->n_columns ? stream->columns[index - 1].sample_bytes : 0;
}

uint64_t augs_stream_sample_bytes(const augs_stream *stream)
{
    return stream->sample_bytes;
}

const char *augs_stream_fingerprint(const augs_stream *stream)
{
    return stream->fingerprint;
}

/* Consecutive samples of one column: one jump, then a run. */
static void make_run(const augsi_column *column, uint64_t first_id, uint64_t n_samples,
                     void *ret_elements)
{
    const uint64_t n = n_samples * column->shape, first = first_id * column->shape;
    const unsigned n_words = column->n_words;
    if (n_words == 0) {
        column->ops->fill(column, NULL, n, ret_elements);
        return;
    }
    augsi_jump jump = augsi_jump_by(n_words == 2 ? first : first >> 1);
    augsi_u128 state = augsi_jump_apply(&jump, &column->rng, column->rng.state);
    if (n_words == 2) {
        augsi_kernels_in_use()->outputs(&column->rng, state, ret_elements, n);
        column->ops->finish(column, ret_elements, n);
        return;
    }
    uint32_t words[BLOCK_ELEMENTS];
    char *elements = ret_elements;
    unsigned skip = first & 1;
    augsi_rng_outputs *const make = augsi_kernels_in_use()->outputs;
    for (uint64_t done = 0; done < n;) {
        uint64_t part = n - done < BLOCK_ELEMENTS ? n - done : BLOCK_ELEMENTS;
        state = augsi_rng_words(&column->rng, make, state, skip, words, part);
        skip = (skip + part) & 1;
        column->ops->fill(column, words, part, elements + done * column->element_bytes);
        done += part;
    }
}

/* The jumps to the first word of each sample, for columns of `shape` elements of n_words words. */
static void make_jumps(const sample_block *block, uint32_t shape, unsigned n_words,
                       augsi_jump *jumps, uint64_t *elements)
{
    for (uint64_t i = 0; i < block->n_samples; i++) {
        elements[i] = block->ids[i] * shape;
        jumps[i] = augsi_jump_by(n_words == 2 ? elements[i] : elements[i] >> 1);
    }
}

/* Any samples of one column, by their jumps. */
static void make_picks(const augsi_column *column, const sample_block *block,
                       const augsi_jump *jumps, const uint64_t *first_elements, void *ret_elements)
{
    const augsi_rng *rng = &column->rng;
    const uint64_t n = block->n_samples, shape = column->shape;
    augsi_rng_outputs *const make = augsi_kernels_in_use()->outputs;
    char *elements = ret_elements;
    if (column->n_words == 2) {
        uint64_t *outputs = ret_elements;
        for (uint64_t i = 0; shape > 1 && i < n; i++) {
            make(rng, augsi_jump_apply(&jumps[i], rng, rng->state), outputs + i * shape, shape);
        }
        if (shape == 1) {
            augsi_rng_pick_outputs(rng, jumps, n, outputs);
        }
        column->ops->finish(column, outputs, n * shape);
        return;
    }
    uint32_t words[BLOCK_ELEMENTS];
    if (shape == 1) {
        augsi_rng_pick_words(rng, jumps, first_elements, n, words);
        column->ops->fill(column, words, n, elements);
        return;
    }
    assert(shape > 0);
    const uint64_t most = BLOCK_ELEMENTS / shape;
    for (uint64_t done = 0; done < n;) {
        uint64_t part = n - done < most ? n - done : most;
        for (uint64_t i = 0; i < part; i++) {
            augsi_u128 state = augsi_jump_apply(&jumps[done + i], rng, rng->state);
            augsi_rng_words(rng, make, state, first_elements[done + i] & 1, words + i * shape,
                            shape);
        }
        column->ops->fill(column, words, part * shape, elements + done * column->sample_bytes);
        done += part;
    }
}

/* What a block needs besides its columns. The jumps are those of `shape` and n_words. */
typedef struct block_space {
    augsi_jump jumps[BLOCK_SAMPLES];
    uint64_t elements[BLOCK_SAMPLES];
    uint32_t shape; /* 0: there are none yet */
    uint32_t n_words;
} block_space;

/* A column's draws for a block, without its gate. */
static void make_draws(const augsi_column *column, const sample_block *block, block_space *space,
                       void *ret_elements)
{
    if (block->ids == NULL || column->n_words == 0) {
        make_run(column, block->first_id, block->n_samples, ret_elements);
        return;
    }
    if (column->shape != space->shape || column->n_words != space->n_words) {
        space->shape = column->shape;
        space->n_words = column->n_words;
        make_jumps(block, space->shape, space->n_words, space->jumps, space->elements);
    }
    make_picks(column, block, space->jumps, space->elements, ret_elements);
}

/* The part [from, from + n_samples) of a block. */
static sample_block part_of(const sample_block *block, uint64_t from, uint64_t n_samples)
{
    return (sample_block){.ids = block->ids == NULL ? NULL : block->ids + from,
                          .first_id = block->first_id + from,
                          .n_samples = n_samples};
}

/* Entries of n_samples samples, one each, become `shape` entries each. In place, from the end. */
static void spread_entries(uint8_t *entries, uint64_t n_samples, uint32_t shape)
{
    for (uint64_t i = n_samples; i-- > 0;) {
        memset(entries + i * shape, entries[i], shape);
    }
}

/*
 * Where the column's gate is open, if nobody asked for the gate. The chain of gates is followed up
 * to one that was asked for, or to its first one, and recomputed from there down: each gate once,
 * for the whole part.
 */
static void test_hidden_gate(const augs_stream *stream, const augsi_column *column,
                             const sample_block *part, uint64_t at, void *const *columns,
                             uint8_t *ret_open)
{
    uint32_t values[BLOCK_ELEMENTS]; /* of a gate: bytes or indices */
    uint8_t tested[BLOCK_ELEMENTS];
    uint16_t chain[AUGS_MAX_COLUMNS]; /* gates that nobody asked for, the column's own first */
    uint32_t n_chain = 0;
    uint32_t gate = column->gate;
    block_space space;
    space.shape = 0; /* the rest is large and stays as it is */
    while (gate != AUGS_NO_GATE && columns[gate + 1] == NULL) {
        chain[n_chain++] = (uint16_t)gate;
        gate = stream->columns[gate].gate;
    }
    const uint64_t n = part->n_samples;
    uint32_t shape = 1; /* of the entries in ret_open */
    memset(ret_open, 1, n);
    if (gate != AUGS_NO_GATE) {
        const augsi_column *asked = &stream->columns[gate];
        shape = asked->shape;
        augsi_gate_test(
            asked, (const char *)columns[gate + 1] + at * asked->sample_bytes, n * shape,
            (n_chain > 0 ? &stream->columns[chain[n_chain - 1]] : column)->gate_value, ret_open);
    }
    while (n_chain-- > 0) {
        const augsi_column *next = &stream->columns[chain[n_chain]];
        const augsi_column *below = n_chain > 0 ? &stream->columns[chain[n_chain - 1]] : column;
        make_draws(next, part, &space, values);
        augsi_gate_test(next, values, n * next->shape, below->gate_value, tested);
        if (next->shape != shape) {
            spread_entries(ret_open, n, next->shape);
            shape = next->shape;
        }
        for (uint64_t i = 0; i < n * shape; i++) {
            ret_open[i] &= tested[i];
        }
    }
}

/* Closes a column of a block, `done` samples of which are written, where its gate is closed. */
static void close_column(const augs_stream *stream, const augsi_column *column,
                         const sample_block *block, void *const *columns, uint64_t done,
                         void *elements)
{
    uint8_t open[BLOCK_ELEMENTS];
    const augsi_column *gate = &stream->columns[column->gate];
    const uint64_t most = BLOCK_ELEMENTS / column->shape;
    const uint32_t spread = gate->shape == column->shape ? 1 : column->shape;
    const char *ready = columns[column->gate + 1];
    for (uint64_t from = 0; from < block->n_samples; from += most) {
        const uint64_t n = block->n_samples - from < most ? block->n_samples - from : most;
        char *part = (char *)elements + from * column->sample_bytes;
        if (ready != NULL) {
            augsi_gate_test(gate, ready + (done + from) * gate->sample_bytes, n * gate->shape,
                            column->gate_value, open);
        } else {
            const sample_block some = part_of(block, from, n);
            test_hidden_gate(stream, column, &some, done + from, columns, open);
        }
        if (!column->is_gate) {
            augsi_column_close(column, part, n * gate->shape, spread, open);
            continue;
        }
        if (spread > 1) {
            spread_entries(open, n, column->shape);
        }
        augsi_gate_close(column, part, n * column->shape, open);
    }
}

/*
 * Writes a block into the columns, `done` samples of which are written. Gates stand before their
 * columns, so that one pass in order does it; what closed gates show is written at the end.
 */
static void make_block(const augs_stream *stream, const sample_block *block, void *const *columns,
                       uint64_t done)
{
    block_space space;
    space.shape = 0;
    uint64_t *ids = columns[0] == NULL ? NULL : (uint64_t *)columns[0] + done;
    for (uint64_t i = 0; ids != NULL && i < block->n_samples; i++) {
        ids[i] = block->ids == NULL ? block->first_id + i : block->ids[i];
    }
    for (uint32_t c = 0; c < stream->n_columns; c++) {
        const augsi_column *column = &stream->columns[c];
        if (columns[c + 1] != NULL) {
            char *out = (char *)columns[c + 1] + done * column->sample_bytes;
            make_draws(column, block, &space, out);
            if (column->gate != AUGS_NO_GATE) {
                close_column(stream, column, block, columns, done, out);
            }
        }
    }
    for (uint32_t c = 0; stream->any_gated_gate && c < stream->n_columns; c++) {
        const augsi_column *column = &stream->columns[c];
        if (columns[c + 1] != NULL && column->is_gate && column->gate != AUGS_NO_GATE) {
            augsi_gate_show(column, (char *)columns[c + 1] + done * column->sample_bytes,
                            block->n_samples * column->shape);
        }
    }
}

static int check_span(const augs_stream *stream, const augs_span *span, augs_error *error)
{
    if (stream == NULL || span == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "stream: stream and span are required");
    }
    uint64_t limit =
        stream->options.n_samples < AUGS_MAX_SAMPLES ? stream->options.n_samples : AUGS_MAX_SAMPLES;
    if (span->count == 0) {
        return AUGS_OK;
    }
    if (span->stride == 0) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "stream: the span's stride is 0; 1 and more are accepted");
    }
    if (limit == 0) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "stream: a span of %llu positions in a stream of no samples",
                          (unsigned long long)span->count);
    }
    if (span->first >= limit || (limit - 1 - span->first) / span->stride < span->count - 1) {
        return augsi_fail(
            error, AUGS_E_RANGE,
            "stream: the span first %llu, stride %llu, count %llu leaves the positions 0 to %llu",
            (unsigned long long)span->first, (unsigned long long)span->stride,
            (unsigned long long)span->count, (unsigned long long)limit - 1);
    }
    return AUGS_OK;
}

static void span_ids(const augs_stream *stream, const augs_span *span, uint64_t from, uint64_t n,
                     uint64_t *ret_ids)
{
    for (uint64_t done = 0; done < n; done += AUGSI_ORDER_BLOCK) {
        const uint64_t part = n - done < AUGSI_ORDER_BLOCK ? n - done : AUGSI_ORDER_BLOCK;
        for (uint64_t i = 0; i < part; i++) {
            ret_ids[done + i] = span->first + span->stride * (from + done + i);
        }
        augsi_order_ids(&stream->order, ret_ids + done, part);
    }
}

int augs_stream_fill(const augs_stream *stream, const augs_span *span, void *const *columns,
                     augs_error *error)
{
    int status = check_span(stream, span, error);
    if (status < 0) {
        return status;
    }
    if (columns == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "stream: columns is NULL");
    }
    bool in_order = stream->order.shuffled == 0 && span->stride == 1;
    uint64_t ids[BLOCK_SAMPLES];
    const uint64_t most = in_order ? 4 * BLOCK_ELEMENTS : BLOCK_SAMPLES;
    for (uint64_t done = 0; done < span->count;) {
        uint64_t part = span->count - done < most ? span->count - done : most;
        sample_block block = {.ids = NULL, .first_id = span->first + done, .n_samples = part};
        if (!in_order) {
            span_ids(stream, span, done, part, ids);
            block.ids = ids;
        }
        make_block(stream, &block, columns, done);
        done += part;
    }
    return AUGS_OK;
}

int augs_stream_gather(const augs_stream *stream, const int64_t *sample_ids, size_t n_samples,
                       void *const *columns, augs_error *error)
{
    if (stream == NULL || columns == NULL || (sample_ids == NULL && n_samples > 0)) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "stream: stream, sample_ids and columns are required");
    }
    uint64_t limit =
        stream->options.n_samples < AUGS_MAX_SAMPLES ? stream->options.n_samples : AUGS_MAX_SAMPLES;
    for (size_t i = 0; i < n_samples; i++) {
        if (sample_ids[i] < 0 || (uint64_t)sample_ids[i] >= limit) {
            return augsi_fail(error, AUGS_E_RANGE,
                              "stream: sample id %lld (entry %zu); ids are from 0 to below %llu",
                              (long long)sample_ids[i], i, (unsigned long long)limit);
        }
    }
    for (size_t done = 0; done < n_samples;) {
        size_t part = n_samples - done < BLOCK_SAMPLES ? n_samples - done : BLOCK_SAMPLES;
        sample_block block = {
            .ids = (const uint64_t *)sample_ids + done, .first_id = 0, .n_samples = part};
        make_block(stream, &block, columns, done);
        done += part;
    }
    return AUGS_OK;
}

int augs_stream_sample_ids(const augs_stream *stream, const augs_span *span,
                           int64_t *ret_sample_ids, augs_error *error)
{
    int status = check_span(stream, span, error);
    if (status < 0) {
        return status;
    }
    if (ret_sample_ids == NULL && span->count > 0) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "stream: ret_sample_ids is NULL");
    }
    span_ids(stream, span, 0, span->count, (uint64_t *)ret_sample_ids); /* below 2^56 */
    return AUGS_OK;
}

int augs_stream_position(const augs_stream *stream, int64_t sample_id, uint64_t *ret_position,
                         augs_error *error)
{
    if (stream == NULL || ret_position == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "stream: stream and ret_position are required");
    }
    uint64_t limit =
        stream->options.n_samples < AUGS_MAX_SAMPLES ? stream->options.n_samples : AUGS_MAX_SAMPLES;
    if (sample_id < 0 || (uint64_t)sample_id >= limit) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "stream: sample id %lld; ids are from 0 to below %llu",
                          (long long)sample_id, (unsigned long long)limit);
    }
    *ret_position = augsi_order_position(&stream->order, (uint64_t)sample_id);
    return AUGS_OK;
}
