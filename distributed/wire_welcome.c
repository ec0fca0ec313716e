/* SPDX-License-Identifier: Apache-2.0 */
/* WELCOME: a job's plan and the whole definition of its stream, so that a client can make it
 * itself. */
#include <msgpack.h>
#include <string.h>

#include <augstream/version.h>

#include "base/fail.h"
#include "base/memory.h"
#include "distributed/wire.h"
#include "distributed/wire_reader.h"

#define MAX_DEPTH 6u
#define N_FIELDS 12u
#define N_PLAN 17u
#define N_STREAM 7u
#define N_COLUMN 10u

static int write_bytes(void *text, const char *data, size_t n_bytes)
{
    augsi_text_add(text, data, n_bytes);
    return 0;
}

static void pack_string(msgpack_packer *packer, const char *string)
{
    size_t n = strlen(string);
    msgpack_pack_str(packer, n);
    msgpack_pack_str_body(packer, string, n);
}

/* [name, dtype, shape, width, [choices]] a column, sample_id first: what is needed to read a
 * payload. */
static void pack_schema(msgpack_packer *packer, const augs_stream *stream)
{
    msgpack_pack_array(packer, augs_stream_n_columns(stream));
    for (uint32_t i = 0; i < augs_stream_n_columns(stream); i++) {
        augs_column_info info = {.size = sizeof info};
        augs_stream_column(stream, i, &info);
        msgpack_pack_array(packer, 5);
        pack_string(packer, info.name);
        msgpack_pack_uint64(packer, info.dtype);
        msgpack_pack_uint64(packer, info.shape);
        msgpack_pack_uint64(packer, info.width);
        msgpack_pack_array(packer, info.n_choices);
        for (uint32_t k = 0; k < info.n_choices; k++) {
            pack_string(packer, info.choices[k].text);
        }
    }
}

static void pack_plan(msgpack_packer *packer, const augsi_welcome *welcome)
{
    const augs_plan_options *plan = &welcome->plan;
    const augs_strategy_options *strategy = plan->strategy_options;
    msgpack_pack_array(packer, N_PLAN);
    msgpack_pack_uint64(packer, welcome->generation);
    msgpack_pack_uint64(packer, welcome->base_step);
    msgpack_pack_uint64(packer, welcome->base_position);
    msgpack_pack_uint64(packer, plan->world_size);
    msgpack_pack_uint64(packer, strategy->batch_size);
    msgpack_pack_uint64(packer, welcome->n_steps);
    msgpack_pack_uint64(packer, plan->tail);
    msgpack_pack_uint64(packer, plan->rank_layout);
    pack_string(packer, plan->strategy);
    msgpack_pack_uint64(packer, strategy->last_batch);
    msgpack_pack_uint64(packer, strategy->batches);
    msgpack_pack_uint64(packer, strategy->deal_window);
    msgpack_pack_uint64(packer, strategy->min_batch_size);
    msgpack_pack_uint64(packer, strategy->max_batch_size);
    msgpack_pack_uint64(packer, strategy->multiple_of);
    msgpack_pack_uint64(packer, welcome->first_epoch);
    msgpack_pack_uint64(packer, welcome->n_epochs);
}

static void pack_column(msgpack_packer *packer, const augs_column_info *info)
{
    msgpack_pack_array(packer, N_COLUMN);
    pack_string(packer, info->name);
    msgpack_pack_uint64(packer, info->kind);
    msgpack_pack_uint64(packer, info->shape);
    msgpack_pack_uint64(packer, info->flags);
    msgpack_pack_array(packer, 4);
    for (size_t i = 0; i < 4; i++) {
        msgpack_pack_double(packer, info->numbers[i]);
    }
    msgpack_pack_uint64(packer, info->gate == AUGS_NO_GATE ? 0 : 1u + info->gate);
    msgpack_pack_uint64(packer, info->gate_value);
    msgpack_pack_uint64(packer, info->identity_bits);
    msgpack_pack_array(packer, info->n_choices);
    for (uint32_t k = 0; k < info->n_choices; k++) {
        msgpack_pack_array(packer, 3);
        pack_string(packer, info->choices[k].text);
        msgpack_pack_double(packer, info->choices[k].weight);
        msgpack_pack_uint64(packer, info->choices[k].is_number);
    }
    msgpack_pack_nil(packer); /* space for what a later protocol says of a column */
}

static void pack_stream(msgpack_packer *packer, const augs_stream *stream)
{
    const augs_preset *preset = augs_stream_preset(stream);
    msgpack_pack_array(packer, N_STREAM);
    msgpack_pack_uint64(packer, AUGS_CONTRACT_VERSION);
    msgpack_pack_uint64(packer, augs_stream_seed(stream));
    msgpack_pack_uint64(packer, augs_stream_n_samples(stream));
    msgpack_pack_uint64(packer, augs_stream_order(stream));
    msgpack_pack_uint64(packer, augs_stream_epoch(stream));
    pack_string(packer, augs_preset_name(preset));
    msgpack_pack_array(packer, augs_preset_n_columns(preset));
    for (uint32_t i = 0; i < augs_preset_n_columns(preset); i++) {
        augs_column_info info = {.size = sizeof info};
        augs_preset_column(preset, i, &info);
        pack_column(packer, &info);
    }
}

void augsi_wire_encode_welcome(augsi_text *text, const augsi_welcome *welcome)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, text, write_bytes);
    msgpack_pack_array(&packer, N_FIELDS);
    msgpack_pack_uint64(&packer, AUGSI_PROTOCOL);
    msgpack_pack_uint64(&packer, AUGSI_WELCOME);
    msgpack_pack_uint64(&packer, AUGSI_PROTOCOL);
    msgpack_pack_uint64(&packer, welcome->server_incarnation);
    msgpack_pack_uint64(&packer, welcome->incarnation);
    pack_string(&packer, augs_stream_fingerprint(welcome->stream));
    msgpack_pack_uint64(&packer, augs_self_test_hash());
    pack_schema(&packer, welcome->stream);
    pack_plan(&packer, welcome);
    msgpack_pack_uint64(&packer, welcome->max_credit);
    msgpack_pack_uint64(&packer, welcome->max_frame_bytes);
    pack_stream(&packer, welcome->stream);
}

static void read_name(augsi_reader *reader, char *ret_text, size_t space)
{
    augsi_bytes bytes = augsi_read_text(reader);
    if (bytes.n_bytes >= space || memchr(bytes.data, 0, bytes.n_bytes) != NULL) {
        reader->failed = true;
        return;
    }
    memcpy(ret_text, bytes.data, bytes.n_bytes);
    ret_text[bytes.n_bytes] = '\0';
}

static void expect_array(augsi_reader *reader, uint32_t n)
{
    if (augsi_read_array(reader) != n) {
        reader->failed = true;
    }
}

static void skip_schema(augsi_reader *reader)
{
    uint32_t n = augsi_read_array(reader);
    for (uint32_t i = 0; i < n && !reader->failed; i++) {
        expect_array(reader, 5);
        augsi_read_text(reader);
        augsi_read_u64(reader);
        augsi_read_u64(reader);
        augsi_read_u64(reader);
        uint32_t n_choices = augsi_read_array(reader);
        for (uint32_t k = 0; k < n_choices && !reader->failed; k++) {
            augsi_read_text(reader);
        }
    }
}

static void read_plan(augsi_reader *reader, augsi_welcome *welcome)
{
    augs_plan_options *plan = &welcome->plan;
    augs_strategy_options *strategy = &welcome->strategy;
    *plan = (augs_plan_options){.size = sizeof *plan};
    *strategy = (augs_strategy_options){.size = sizeof *strategy};
    expect_array(reader, N_PLAN);
    welcome->generation = augsi_read_u64(reader);
    welcome->base_step = augsi_read_u64(reader);
    welcome->base_position = augsi_read_u64(reader);
    plan->world_size = augsi_read_u32(reader);
    strategy->batch_size = augsi_read_u64(reader);
    welcome->n_steps = augsi_read_u64(reader);
    plan->tail = augsi_read_u32(reader);
    plan->rank_layout = augsi_read_u32(reader);
    read_name(reader, welcome->strategy_name, sizeof welcome->strategy_name);
    strategy->last_batch = augsi_read_u32(reader);
    strategy->batches = augsi_read_u64(reader);
    strategy->deal_window = augsi_read_u64(reader);
    strategy->min_batch_size = augsi_read_u64(reader);
    strategy->max_batch_size = augsi_read_u64(reader);
    strategy->multiple_of = augsi_read_u64(reader);
    welcome->first_epoch = augsi_read_u32(reader);
    welcome->n_epochs = augsi_read_u32(reader);
    plan->strategy = welcome->strategy_name;
    plan->strategy_options = strategy;
}

/* Memory for what is read: names and choices as texts with a NUL, freed together. */
typedef struct text_space {
    char *memory;
    size_t n_bytes, used;
} text_space;

static void *space_take(text_space *space, size_t n_bytes)
{
    size_t at = (space->used + 15) / 16 * 16;
    if (n_bytes > space->n_bytes || at > space->n_bytes - n_bytes) {
        return NULL;
    }
    space->used = at + n_bytes;
    return space->memory + at;
}

static const char *space_text(text_space *space, augsi_reader *reader)
{
    augsi_bytes bytes = augsi_read_text(reader);
    char *text =
        memchr(bytes.data, 0, bytes.n_bytes) != NULL ? NULL : space_take(space, bytes.n_bytes + 1);
    if (text == NULL) {
        reader->failed = true;
        return "";
    }
    memcpy(text, bytes.data, bytes.n_bytes);
    text[bytes.n_bytes] = '\0';
    return text;
}

static void read_column(augsi_reader *reader, text_space *space, augs_column_info *info)
{
    *info = (augs_column_info){.size = sizeof *info, .unit = "", .doc = "", .source = ""};
    expect_array(reader, N_COLUMN);
    info->name = space_text(space, reader);
    info->kind = augsi_read_u32(reader);
    info->shape = augsi_read_u32(reader);
    info->flags = augsi_read_u32(reader);
    expect_array(reader, 4);
    for (size_t i = 0; i < 4; i++) {
        info->numbers[i] = augsi_read_f64(reader);
    }
    uint32_t gate = augsi_read_u32(reader);
    info->gate = gate == 0 ? AUGS_NO_GATE : gate - 1;
    info->gate_value = augsi_read_u32(reader);
    info->identity_bits = augsi_read_u64(reader);
    info->n_choices = augsi_read_array(reader);
    augs_choice *choices = info->n_choices > AUGS_MAX_CHOICES || reader->failed
                               ? NULL
                               : space_take(space, info->n_choices * sizeof *choices);
    info->choices = choices;
    for (uint32_t k = 0; k < info->n_choices && !reader->failed; k++) {
        if (choices == NULL) {
            reader->failed = true;
            break;
        }
        expect_array(reader, 3);
        choices[k] = (augs_choice){.text = space_text(space, reader)};
        choices[k].weight = augsi_read_f64(reader);
        choices[k].is_number = augsi_read_u32(reader);
    }
    if (!augsi_read_nil(reader)) {
        reader->failed = true;
    }
}

static int open_stream(const char *name, const augs_column_info *columns, uint32_t n_columns,
                       const augs_stream_options *options, const augs_allocator *allocator,
                       augs_stream **ret_stream, augs_error *error)
{
    augs_preset *preset;
    const augs_preset_options of_preset = {.size = sizeof of_preset, .allocator = allocator};
    int status = augs_preset_open_columns(name, columns, n_columns, sizeof *columns, &of_preset,
                                          &preset, error);
    if (status == AUGS_OK) {
        status = augs_stream_open(preset, options, ret_stream, error);
        augs_preset_unref(preset);
    }
    return status;
}

static int read_stream(augsi_reader *reader, text_space *space, const augs_allocator *allocator,
                       augs_stream **ret_stream, augs_error *error)
{
    augs_stream_options options = {.size = sizeof options};
    expect_array(reader, N_STREAM);
    uint64_t contract = augsi_read_u64(reader);
    options.seed = augsi_read_u64(reader);
    options.n_samples = augsi_read_u64(reader);
    options.order = augsi_read_u32(reader);
    options.epoch = augsi_read_u32(reader);
    const char *name = space_text(space, reader);
    uint32_t n_columns = augsi_read_array(reader);
    if (!reader->failed && contract != AUGS_CONTRACT_VERSION) {
        return augsi_fail(error, AUGS_E_UNSUPPORTED,
                          "the server's stream is of contract %llu; this version knows %u",
                          (unsigned long long)contract, AUGS_CONTRACT_VERSION);
    }
    augs_column_info *columns = reader->failed || n_columns > AUGS_MAX_COLUMNS
                                    ? NULL
                                    : space_take(space, n_columns * sizeof *columns);
    for (uint32_t i = 0; columns != NULL && i < n_columns && !reader->failed; i++) {
        read_column(reader, space, &columns[i]);
    }
    if (reader->failed || columns == NULL || reader->at != reader->end) {
        return augsi_fail(error, AUGS_E_PROTOCOL, "WELCOME: the stream's definition is malformed");
    }
    return open_stream(name, columns, n_columns, &options, allocator, ret_stream, error);
}

static int check_welcome(const augsi_welcome *welcome, augs_error *error)
{
    const char *ours = augs_stream_fingerprint(welcome->stream);
    if (strcmp(welcome->fingerprint, ours) != 0) {
        return augsi_fail(error, AUGS_E_MISMATCH,
                          "the server's stream is %s, its definition makes %s here",
                          welcome->fingerprint, ours);
    }
    if (augs_self_test_hash() == 0) {
        return augsi_fail(error, AUGS_E_NO_MEMORY, "no memory for the self test");
    }
    if (welcome->self_test != augs_self_test_hash()) {
        return augsi_fail(
            error, AUGS_E_MISMATCH,
            "the server's self test is %016llx, ours %016llx: the two builds make different values",
            (unsigned long long)welcome->self_test, (unsigned long long)augs_self_test_hash());
    }
    return AUGS_OK;
}

/* What a plan of this protocol cannot be. */
static int check_plan(const augsi_welcome *welcome, augs_error *error)
{
    if (welcome->base_step != 0 || welcome->base_position != 0) {
        return augsi_fail(error, AUGS_E_PROTOCOL,
                          "WELCOME: the plan begins at step %llu, position %llu; this version's "
                          "begin at 0",
                          (unsigned long long)welcome->base_step,
                          (unsigned long long)welcome->base_position);
    }
    if (augs_stream_n_samples(welcome->stream) == AUGS_ENDLESS) {
        return augsi_fail(error, AUGS_E_PROTOCOL,
                          "WELCOME: an endless stream; a job has a number of samples");
    }
    if (welcome->max_credit == 0) {
        return augsi_fail(error, AUGS_E_PROTOCOL, "WELCOME: max_credit is 0; at least 1 is needed");
    }
    if (welcome->n_epochs == 0 || welcome->n_epochs - 1 > UINT32_MAX - welcome->first_epoch ||
        welcome->first_epoch != augs_stream_epoch(welcome->stream)) {
        return augsi_fail(
            error, AUGS_E_PROTOCOL, "WELCOME: %u epochs from %u on, of a stream at epoch %u",
            welcome->n_epochs, welcome->first_epoch, augs_stream_epoch(welcome->stream));
    }
    return AUGS_OK;
}

int augsi_wire_decode_welcome(const void *data, size_t n_bytes, const augs_allocator *allocator,
                              augsi_welcome *ret_welcome, augs_error *error)
{
    augsi_welcome *welcome = ret_welcome;
    *welcome = (augsi_welcome){.generation = 0};
    if (n_bytes > AUGSI_MAX_CONTROL_BYTES || !augsi_wire_walk(data, n_bytes, MAX_DEPTH)) {
        return augsi_fail(error, AUGS_E_PROTOCOL,
                          "WELCOME: not one msgpack array of at most %u levels", MAX_DEPTH);
    }
    augsi_reader reader = {.at = data, .end = (const unsigned char *)data + n_bytes};
    expect_array(&reader, N_FIELDS);
    uint64_t protocol = augsi_read_u64(&reader);
    uint32_t type = augsi_read_u32(&reader);
    uint64_t chosen = augsi_read_u64(&reader);
    welcome->server_incarnation = augsi_read_u64(&reader);
    welcome->incarnation = augsi_read_u64(&reader);
    read_name(&reader, welcome->fingerprint, sizeof welcome->fingerprint);
    welcome->self_test = augsi_read_u64(&reader);
    skip_schema(&reader);
    read_plan(&reader, welcome);
    welcome->max_credit = augsi_read_u32(&reader);
    welcome->max_frame_bytes = augsi_read_u64(&reader);
    if (reader.failed || protocol != AUGSI_PROTOCOL || chosen != AUGSI_PROTOCOL ||
        type != AUGSI_WELCOME) {
        return augsi_fail(error, AUGS_E_PROTOCOL,
                          "WELCOME: a field is missing or of the wrong type");
    }
    /* a choice of 12 bytes or more becomes a struct and a text of 40 bytes or more; columns are
     * counted apart */
    text_space space = {.n_bytes = n_bytes * 4 + (AUGS_MAX_COLUMNS + 1) * sizeof(augs_column_info)};
    space.memory = augsi_new(allocator, space.n_bytes);
    if (space.memory == NULL) {
        return augsi_fail_memory(error, space.n_bytes);
    }
    int status = read_stream(&reader, &space, allocator, &welcome->stream, error);
    augsi_delete(allocator, space.memory, space.n_bytes);
    if (status == AUGS_OK) {
        status = check_welcome(welcome, error);
        if (status == AUGS_OK) {
            status = check_plan(welcome, error);
        }
        if (status < 0) {
            augs_stream_unref(welcome->stream);
            welcome->stream = NULL;
        }
    }
    return status;
}
