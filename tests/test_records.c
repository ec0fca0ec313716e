/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include <jansson.h>
#include <msgpack.h>

#include <augstream/pipeline.h>
#include <augstream/sink.h>

#include "base/memory.h"
#include "pipeline/records/record.h"
#include "suite.h"

static const char every_kind[] =
    "augstream: 1\n"
    "name: every-kind\n"
    "columns:\n"
    "  rotation: {uniform: [-30, 30]}\n"
    "  ratio: {log_uniform: [0.75, 1.25], shape: 3}\n"
    "  flip: {bernoulli: 0.5}\n"
    "  masks: {bernoulli: 0.5, shape: 2}\n"
    "  shift: {integer: [-70000, 70000]}\n"
    "  small: {integer: [-40, 300]}\n"
    "  op: {choice: {values: [identity, \"a,b\", 'say \"hi\"', \"line\\nbreak\", \"\\u00e9\"]}}\n"
    "  ops: {choice: {values: [one, two], weights: [1, 2]}, shape: 2}\n"
    "  bits: {choice: {values: [4, 2.5, .5, +7, -3, 1e3]}}\n"
    "  order: {permutation: 4}\n"
    "  orders: {permutation: 3, shape: 2}\n"
    "  noise.seed: {seed: {}}\n"
    "  partner: {sample: {}}\n"
    "  version: {constant: 2}\n";

static augs_stream *open_stream(const char *text, uint64_t seed, uint64_t n_samples)
{
    augs_error error;
    augs_preset *preset;
    augs_stream *stream;
    augs_stream_options options = {.size = sizeof options, .seed = seed, .n_samples = n_samples};
    if (strchr(text, '\n') != NULL) {
        AUGS_ASSERT_OK(augs_preset_open_text(text, strlen(text), "test", NULL, &preset, &error),
                       error);
    } else {
        AUGS_ASSERT_OK(augs_preset_open(text, NULL, &preset, &error), error);
    }
    AUGS_ASSERT_OK(augs_stream_open(preset, &options, &stream, &error), error);
    augs_preset_unref(preset);
    return stream;
}

typedef struct collected {
    char *bytes;
    size_t n_bytes;
    size_t n_calls;
    int answer;
} collected;

static int collect(void *user, const void *data, size_t n_bytes)
{
    collected *all = user;
    all->n_calls++;
    if (all->answer != 0) {
        return all->answer;
    }
    all->bytes = realloc(all->bytes, all->n_bytes + n_bytes + 1);
    memcpy(all->bytes + all->n_bytes, data, n_bytes);
    all->n_bytes += n_bytes;
    all->bytes[all->n_bytes] = '\0';
    return 0;
}

/* All records of a stream through pipeline and sink. */
static collected run(augs_stream *stream, uint32_t format, uint32_t batch_index,
                     uint64_t batch_size)
{
    augs_error error;
    augs_sink *sink;
    augs_pipeline *pipeline;
    collected all = {0};
    augs_strategy_options strategy = {.size = sizeof strategy, .batch_size = batch_size};
    augs_pipeline_options options = {.size = sizeof options,
                                     .plan = &(augs_plan_options){.size = sizeof(augs_plan_options),
                                                                  .strategy_options = &strategy}};
    AUGS_ASSERT_OK(
        augs_sink_open_records(stream, format, batch_index, collect, &all, &sink, &error), error);
    AUGS_ASSERT_OK(augs_pipeline_open(stream, &options, &pipeline, &error), error);
    AUGS_ASSERT_OK(augs_pipeline_run(pipeline, sink, &error), error);
    augs_pipeline_free(pipeline);
    augs_sink_free(sink);
    return all;
}

/* What is expected of one element, straight from the columns. */
typedef struct table {
    augs_stream *stream;
    uint64_t n;
    void *columns[64];
} table;

static table make_table(augs_stream *stream, uint64_t n)
{
    augs_error error;
    table made = {.stream = stream, .n = n};
    for (uint32_t i = 0; i < augs_stream_n_columns(stream); i++) {
        made.columns[i] = calloc(n, augs_stream_column_bytes(stream, i));
    }
    augs_span span = {0, 1, n};
    AUGS_ASSERT_OK(augs_stream_fill(stream, &span, made.columns, &error), error);
    return made;
}

static void free_table(table *made)
{
    for (uint32_t i = 0; i < augs_stream_n_columns(made->stream); i++) {
        free(made->columns[i]);
    }
}

static void check_json_value(const augs_column_info *info, const void *column, uint64_t e,
                             const json_t *value)
{
    ck_assert_ptr_nonnull(value);
    switch (info->kind) {
    case AUGS_KIND_BERNOULLI:
        ck_assert(json_is_boolean(value));
        ck_assert_int_eq(json_is_true(value), ((const uint8_t *)column)[e]);
        return;
    case AUGS_KIND_CHOICE: {
        const augs_choice *choice = &info->choices[((const int32_t *)column)[e]];
        if (choice->is_number) {
            ck_assert(json_is_number(value));
            ck_assert(json_number_value(value) == strtod(choice->text, NULL));
        } else {
            ck_assert_str_eq(json_string_value(value), choice->text);
        }
        return;
    }
    case AUGS_KIND_PERMUTATION:
        ck_assert_int_eq(json_integer_value(value), ((const int32_t *)column)[e]);
        return;
    case AUGS_KIND_INTEGER:
        ck_assert_int_eq(json_integer_value(value), ((const int32_t *)column)[e]);
        return;
    default:
        ck_assert_uint_eq(info->dtype, AUGS_DTYPE_F32);
        ck_assert(json_is_real(value));
        ck_assert((float)json_real_value(value) == ((const float *)column)[e]);
    }
}

static void check_json_column(const augs_column_info *info, const void *column, uint64_t sample,
                              const json_t *value)
{
    for (uint32_t j = 0; j < info->shape; j++) {
        const json_t *element = info->shape > 1 ? json_array_get(value, j) : value;
        for (uint32_t k = 0; k < info->width; k++) {
            const json_t *one = info->width > 1 ? json_array_get(element, k) : element;
            check_json_value(info, column, (sample * info->shape + j) * info->width + k, one);
        }
        ck_assert(info->width == 1 || json_array_size(element) == info->width);
    }
    ck_assert(info->shape == 1 || json_array_size(value) == info->shape);
}

/* jansson's integers have 63 bits: the private seed is blanked out. */
static json_t *load_line(const char *line, size_t n_bytes)
{
    char copy[2048];
    ck_assert_uint_lt(n_bytes, sizeof copy);
    memcpy(copy, line, n_bytes);
    copy[n_bytes] = '\0';
    char *seed = strstr(copy, "\"noise.seed\":");
    for (seed += 13; seed[1] != ','; seed++) {
        *seed = ' ';
    }
    return json_loadb(copy, n_bytes, JSON_REJECT_DUPLICATES, NULL);
}

START_TEST(json_lines_hold_every_kind_and_read_back_to_the_same_bits)
{
    enum { N = 500 };
    augs_stream *stream = open_stream(every_kind, 7, N);
    collected all = run(stream, AUGS_FORMAT_JSONL, 0, 17);
    table made = make_table(stream, N);
    const char *line = all.bytes;
    for (uint64_t i = 0; i < N; i++) {
        const char *end = strchr(line, '\n');
        ck_assert_ptr_nonnull(end);
        const char *text = line;
        json_t *root = load_line(line, (size_t)(end - line));
        ck_assert_msg(json_is_object(root), "line %u: %.*s", (unsigned)i, (int)(end - line), line);
        ck_assert_uint_eq(json_object_size(root), augs_stream_n_columns(stream));
        ck_assert_int_eq(json_integer_value(json_object_get(root, "sample_id")), (int64_t)i);
        for (uint32_t c = 1; c < augs_stream_n_columns(stream); c++) {
            augs_column_info info = {.size = sizeof info};
            augs_stream_column(stream, c, &info);
            if (info.dtype != AUGS_DTYPE_U64 && info.dtype != AUGS_DTYPE_I64) {
                check_json_column(&info, made.columns[c], i, json_object_get(root, info.name));
            } else { /* jansson's integers have 63 bits */
                char want[64];
                snprintf(want, sizeof want, "\"%s\":%llu", info.name,
                         (unsigned long long)((const uint64_t *)made.columns[c])[i]);
                const char *found = strstr(text, want);
                ck_assert_msg(found != NULL && found < end, "%s", want);
            }
        }
        json_decref(root);
        line = end + 1;
    }
    ck_assert_ptr_eq(line, all.bytes + all.n_bytes);
    free_table(&made);
    free(all.bytes);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(json_keys_stand_in_the_presets_order)
{
    augs_stream *stream = open_stream("moderate", 7, 1);
    collected all = run(stream, AUGS_FORMAT_JSONL, 1, 1);
    const char *at = all.bytes;
    ck_assert_msg(strncmp(at, "{\"sample_id\":0,\"batch\":0,", 25) == 0, "%s", at);
    for (uint32_t c = 0; c < augs_stream_n_columns(stream); c++) {
        augs_column_info info = {.size = sizeof info};
        augs_stream_column(stream, c, &info);
        at = strstr(at, info.name);
        ck_assert_ptr_nonnull(at);
    }
    free(all.bytes);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(records_do_not_depend_on_the_batch_size)
{
    augs_stream *stream = open_stream(every_kind, 9, 1000);
    const uint32_t formats[] = {AUGS_FORMAT_JSONL, AUGS_FORMAT_CSV, AUGS_FORMAT_MSGPACK};
    for (size_t f = 0; f < 3; f++) {
        collected one = run(stream, formats[f], 0, 1), many = run(stream, formats[f], 0, 999);
        ck_assert_uint_eq(one.n_bytes, many.n_bytes);
        ck_assert_mem_eq(one.bytes, many.bytes, one.n_bytes);
        free(one.bytes);
        free(many.bytes);
    }
    augs_stream_unref(stream);
}
END_TEST

/* RFC 4180 fields of one record; returns where the next one begins. */
static const char *read_csv(const char *p, char fields[][64], size_t *ret_n)
{
    size_t n = 0;
    for (;;) {
        size_t length = 0;
        bool quoted = *p == '"';
        p += quoted;
        while (quoted ? !(p[0] == '"' && p[1] != '"') : *p != ',' && *p != '\n') {
            ck_assert(*p != '\0');
            p += quoted && *p == '"';
            fields[n][length++] = *p++;
        }
        fields[n++][length] = '\0';
        p += quoted;
        if (*p++ == '\n') {
            *ret_n = n;
            return p;
        }
    }
}

START_TEST(csv_has_a_header_and_quotes_what_needs_it)
{
    enum { N = 300 };
    static char names[64][64], fields[64][64];
    static const char *const expected[] = {
        "sample_id", "batch",    "rotation", "ratio[0]", "ratio[1]", "ratio[2]",    "flip",
        "masks[0]",  "masks[1]", "shift",    "small",    "op",       "ops[0]",      "ops[1]",
        "bits",      "order[0]", "order[1]", "order[2]", "order[3]", "orders[0][0]"};
    size_t n_names, n_fields;
    augs_stream *stream = open_stream(every_kind, 7, N);
    collected all = run(stream, AUGS_FORMAT_CSV, 1, 10);
    table made = make_table(stream, N);
    const char *p = read_csv(all.bytes, names, &n_names);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        ck_assert_str_eq(names[i], expected[i]);
    }
    augs_column_info op = {.size = sizeof op};
    augs_stream_column(stream, 7, &op);
    ck_assert_str_eq(op.name, "op");
    for (uint64_t i = 0; i < N; i++) {
        p = read_csv(p, fields, &n_fields);
        ck_assert_uint_eq(n_fields, n_names);
        ck_assert_uint_eq(strtoull(fields[0], NULL, 10), i);
        ck_assert_uint_eq(strtoull(fields[1], NULL, 10), i / 10);
        ck_assert(strtof(fields[2], NULL) == ((const float *)made.columns[1])[i]);
        ck_assert(strtof(fields[5], NULL) == ((const float *)made.columns[2])[3 * i + 2]);
        ck_assert_str_eq(fields[6], ((const uint8_t *)made.columns[3])[i] ? "true" : "false");
        ck_assert_str_eq(fields[11], op.choices[((const int32_t *)made.columns[7])[i]].text);
    }
    ck_assert_int_eq(*p, '\0');
    free_table(&made);
    free(all.bytes);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(an_empty_csv_still_has_its_header)
{
    augs_stream *stream = open_stream("moderate", 7, 0);
    collected all = run(stream, AUGS_FORMAT_CSV, 0, 32);
    ck_assert(strncmp(all.bytes, "sample_id,", 10) == 0);
    ck_assert_ptr_eq(strchr(all.bytes, '\n'), all.bytes + all.n_bytes - 1);
    free(all.bytes);
    all = run(stream, AUGS_FORMAT_JSONL, 0, 32);
    ck_assert_uint_eq(all.n_bytes, 0);
    augs_stream_unref(stream);
}
END_TEST

static void check_msgpack_value(const augs_column_info *info, const void *column, uint64_t e,
                                const msgpack_object *value)
{
    switch (info->kind) {
    case AUGS_KIND_BERNOULLI:
        ck_assert_int_eq(value->type, MSGPACK_OBJECT_BOOLEAN);
        ck_assert_int_eq(value->via.boolean, ((const uint8_t *)column)[e]);
        return;
    case AUGS_KIND_CHOICE: {
        const augs_choice *choice = &info->choices[((const int32_t *)column)[e]];
        double number =
            value->type == MSGPACK_OBJECT_FLOAT64 ? value->via.f64 : (double)value->via.i64;
        if (choice->is_number) {
            ck_assert(number == strtod(choice->text, NULL));
        } else {
            ck_assert_uint_eq(value->via.str.size, strlen(choice->text));
            ck_assert_mem_eq(value->via.str.ptr, choice->text, value->via.str.size);
        }
        return;
    }
    case AUGS_KIND_PERMUTATION:
        ck_assert_int_eq(value->via.i64, ((const int32_t *)column)[e]);
        return;
    case AUGS_KIND_INTEGER:
        ck_assert_int_eq(value->via.i64, ((const int32_t *)column)[e]);
        return;
    default:
        if (info->dtype == AUGS_DTYPE_U64 || info->dtype == AUGS_DTYPE_I64) {
            ck_assert_int_eq(value->type, MSGPACK_OBJECT_POSITIVE_INTEGER);
            ck_assert_uint_eq(value->via.u64, ((const uint64_t *)column)[e]);
        } else {
            ck_assert_int_eq(value->type, MSGPACK_OBJECT_FLOAT32);
            ck_assert((float)value->via.f64 == ((const float *)column)[e]);
        }
    }
}

START_TEST(msgpack_maps_hold_every_kind)
{
    enum { N = 400 };
    augs_stream *stream = open_stream(every_kind, 11, N);
    collected all = run(stream, AUGS_FORMAT_MSGPACK, 0, 31);
    table made = make_table(stream, N);
    msgpack_unpacked unpacked;
    size_t at = 0;
    msgpack_unpacked_init(&unpacked);
    for (uint64_t i = 0; i < N; i++) {
        ck_assert_int_eq(msgpack_unpack_next(&unpacked, all.bytes, all.n_bytes, &at),
                         MSGPACK_UNPACK_SUCCESS);
        const msgpack_object *map = &unpacked.data;
        ck_assert_int_eq(map->type, MSGPACK_OBJECT_MAP);
        ck_assert_uint_eq(map->via.map.size, augs_stream_n_columns(stream));
        ck_assert_uint_eq(map->via.map.ptr[0].val.via.u64, i);
        for (uint32_t c = 0; c < map->via.map.size; c++) {
            augs_column_info info = {.size = sizeof info};
            const msgpack_object_kv *pair = &map->via.map.ptr[c];
            augs_stream_column(stream, c, &info);
            ck_assert_uint_eq(pair->key.via.str.size, strlen(info.name));
            ck_assert_mem_eq(pair->key.via.str.ptr, info.name, pair->key.via.str.size);
            for (uint32_t j = 0; j < info.shape; j++) {
                const msgpack_object *element =
                    info.shape > 1 ? &pair->val.via.array.ptr[j] : &pair->val;
                for (uint32_t k = 0; k < info.width; k++) {
                    check_msgpack_value(&info, made.columns[c],
                                        (i * info.shape + j) * info.width + k,
                                        info.width > 1 ? &element->via.array.ptr[k] : element);
                }
            }
        }
    }
    ck_assert_uint_eq(at, all.n_bytes);
    msgpack_unpacked_destroy(&unpacked);
    free_table(&made);
    free(all.bytes);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(a_batch_alone_gives_the_same_records)
{
    augs_error error;
    augs_stream *stream = open_stream(every_kind, 7, 40);
    collected all = run(stream, AUGS_FORMAT_CSV, 0, 40);
    augs_strategy_options strategy = {.size = sizeof strategy, .batch_size = 40};
    augs_pipeline_options options = {.size = sizeof options,
                                     .plan = &(augs_plan_options){.size = sizeof(augs_plan_options),
                                                                  .strategy_options = &strategy}};
    augs_pipeline *pipeline;
    augs_batch *batch;
    augsi_record_writer *writer;
    augsi_text text;
    augsi_text_init(&text, &augsi_default_allocator);
    AUGS_ASSERT_OK(augs_pipeline_open(stream, &options, &pipeline, &error), error);
    AUGS_ASSERT_STATUS(1, augs_pipeline_next(pipeline, &batch, &error), error);
    AUGS_ASSERT_OK(augsi_record_writer_open(stream, AUGS_FORMAT_CSV, false, &writer, &error),
                   error);
    augsi_record_writer_header(writer, &text);
    augsi_record_writer_free(writer);
    AUGS_ASSERT_OK(augsi_records_append(&text, batch, AUGS_FORMAT_CSV, &error), error);
    ck_assert_str_eq(text.data, all.bytes);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augsi_records_append(&text, batch, AUGS_FORMAT_NPY, &error),
                       error);
    augsi_text_done(&text);
    augs_batch_unref(batch);
    augs_pipeline_free(pipeline);
    free(all.bytes);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(numbers_without_a_json_form_become_null)
{
    augs_error error;
    augs_stream *stream =
        open_stream("augstream: 1\nname: one\ncolumns: {x: {uniform: [0, 1]}}\n", 1, 4);
    const uint64_t ids[] = {0, 1, 2, 3};
    const float values[] = {NAN, INFINITY, -INFINITY, 0.1f};
    const void *const columns[] = {ids, values};
    augsi_record_data data = {.columns = columns};
    augsi_record_writer *writer;
    augsi_text text;
    augsi_text_init(&text, &augsi_default_allocator);
    AUGS_ASSERT_OK(augsi_record_writer_open(stream, AUGS_FORMAT_JSONL, false, &writer, &error),
                   error);
    augsi_record_writer_append(writer, &text, &data, 0, 4);
    ck_assert_str_eq(text.data, "{\"sample_id\":0,\"x\":null}\n{\"sample_id\":1,\"x\":null}\n"
                                "{\"sample_id\":2,\"x\":null}\n{\"sample_id\":3,\"x\":0.1}\n");
    augsi_record_writer_free(writer);
    augsi_text_clear(&text);
    AUGS_ASSERT_OK(augsi_record_writer_open(stream, AUGS_FORMAT_CSV, true, &writer, &error), error);
    data.step = 5;
    augsi_record_writer_append(writer, &text, &data, 1, 3);
    ck_assert_str_eq(text.data, "1,5,inf\n2,5,-inf\n3,5,0.1\n");
    augsi_record_writer_free(writer);
    augsi_text_done(&text);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(a_failing_receiver_stops_the_run_with_its_status)
{
    augs_error error;
    augs_sink *sink;
    augs_pipeline *pipeline;
    collected all = {.answer = AUGS_E_NO_SPACE};
    augs_stream *stream = open_stream("moderate", 1, 10000);
    AUGS_ASSERT_OK(
        augs_sink_open_records(stream, AUGS_FORMAT_JSONL, 0, collect, &all, &sink, &error), error);
    AUGS_ASSERT_OK(augs_pipeline_open(stream, NULL, &pipeline, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_NO_SPACE, augs_pipeline_run(pipeline, sink, &error), error);
    ck_assert_uint_eq(all.n_calls, 1);
    augs_pipeline_free(pipeline);
    augs_sink_free(sink);
    augs_stream_unref(stream);
}
END_TEST

START_TEST(wrong_arguments_are_refused)
{
    augs_error error;
    augs_sink *sink = NULL;
    augs_stream *stream = open_stream("moderate", 1, 10);
    augs_stream *other = open_stream("moderate", 2, 10);
    AUGS_ASSERT_STATUS(
        AUGS_E_ARGUMENT,
        augs_sink_open_records(stream, AUGS_FORMAT_NPY, 0, collect, NULL, &sink, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT,
                       augs_sink_open_records(NULL, 1, 0, collect, NULL, &sink, &error), error);
    ck_assert_ptr_null(sink);
    collected all = {0};
    augs_pipeline *pipeline;
    AUGS_ASSERT_OK(augs_sink_open_records(stream, 1, 0, collect, &all, &sink, &error), error);
    AUGS_ASSERT_OK(augs_pipeline_open(other, NULL, &pipeline, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_MISMATCH, augs_pipeline_run(pipeline, sink, &error), error);
    augs_pipeline_free(pipeline);
    augs_sink_free(sink);
    free(all.bytes);
    augs_stream_unref(stream);
    augs_stream_unref(other);
}
END_TEST

START_TEST(formats_have_names)
{
    augs_error error;
    uint32_t format = 0;
    for (uint32_t i = 1; i <= AUGS_FORMAT_SAFETENSORS; i++) {
        AUGS_ASSERT_OK(augs_format_find(augs_format_name(i), &format, &error), error);
        ck_assert_uint_eq(format, i);
    }
    ck_assert_ptr_null(augs_format_name(0));
    ck_assert_ptr_null(augs_format_name(6));
    AUGS_ASSERT_STATUS(AUGS_E_NOT_FOUND, augs_format_find("jsnl", &format, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "did you mean 'jsonl'?"));
}
END_TEST

typedef struct counter {
    size_t n_allocated;
} counter;

static void *count_allocate(void *user, size_t n_bytes, size_t alignment)
{
    ((counter *)user)->n_allocated++;
    return augsi_default_allocator.allocate(NULL, n_bytes, alignment);
}

static void count_release(void *user, void *p, size_t n_bytes)
{
    (void)user;
    augsi_default_allocator.release(NULL, p, n_bytes);
}

static int drop(void *user, const void *data, size_t n_bytes)
{
    (void)user;
    (void)data;
    (void)n_bytes;
    return 0;
}

START_TEST(the_sink_allocates_nothing_once_it_is_warm)
{
    augs_error error;
    counter counted = {0};
    augs_allocator allocator = {.size = sizeof allocator,
                                .allocate = count_allocate,
                                .release = count_release,
                                .user = &counted};
    augs_preset_options of_preset = {.size = sizeof of_preset, .allocator = &allocator};
    augs_preset *preset;
    augs_stream *stream;
    augs_stream_options options = {.size = sizeof options, .seed = 1, .n_samples = 20000};
    AUGS_ASSERT_OK(augs_preset_open("imagenet", &of_preset, &preset, &error), error);
    AUGS_ASSERT_OK(augs_stream_open(preset, &options, &stream, &error), error);
    for (uint32_t format = 1; format <= AUGS_FORMAT_MSGPACK; format++) {
        augs_sink *sink;
        augs_pipeline *pipeline;
        augs_batch *batch;
        size_t warm = 0;
        AUGS_ASSERT_OK(augs_sink_open_records(stream, format, 1, drop, NULL, &sink, &error), error);
        AUGS_ASSERT_OK(augs_pipeline_open(stream, NULL, &pipeline, &error), error);
        for (int i = 0; augs_pipeline_next(pipeline, &batch, &error) == 1; i++) {
            AUGS_ASSERT_OK(augs_sink_write(sink, batch, &error), error);
            augs_batch_unref(batch);
            if (i == 500) {
                warm = counted.n_allocated;
            }
        }
        ck_assert_uint_eq(counted.n_allocated, warm);
        augs_pipeline_free(pipeline);
        augs_sink_free(sink);
    }
    augs_stream_unref(stream);
    augs_preset_unref(preset);
}
END_TEST

AUGS_SUITE("records", json_lines_hold_every_kind_and_read_back_to_the_same_bits,
           json_keys_stand_in_the_presets_order, records_do_not_depend_on_the_batch_size,
           csv_has_a_header_and_quotes_what_needs_it, an_empty_csv_still_has_its_header,
           msgpack_maps_hold_every_kind, a_batch_alone_gives_the_same_records,
           numbers_without_a_json_form_become_null,
           a_failing_receiver_stops_the_run_with_its_status, wrong_arguments_are_refused,
           formats_have_names, the_sink_allocates_nothing_once_it_is_warm)
