/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A writer renders keys and choices once; a record is then a chain of copies and numbers into
 * memory reserved for the longest record there can be, so nothing is checked or allocated in
 * between.
 */
#include "pipeline/records/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/number_text.h"
#include "pipeline/records/record_columns.h"
#include "presets/preset_impl.h"

#define ELEMENT_EXTRA 3u /* brackets and a comma */
#define COLUMN_EXTRA 8u  /* brackets of the column, a msgpack array's head */
#define RECORD_EXTRA 8u  /* braces and newline, a msgpack map's head */

static void render_choices(augsi_record_writer *writer, augsi_record_column *column,
                           const augs_column_info *info, size_t *places, size_t *ret_longest)
{
    augsi_text *pool = &writer->pool;
    for (uint32_t i = 0; i < info->n_choices; i++) {
        places[i] = pool->n_bytes;
        writer->form->choice(pool, &info->choices[i]);
        if (pool->n_bytes - places[i] > *ret_longest) {
            *ret_longest = pool->n_bytes - places[i];
        }
    }
    places[info->n_choices] = pool->n_bytes;
    column->choice_at = places;
    column->n_choices = info->n_choices;
}

static void render_column(augsi_record_writer *writer, uint32_t index, const augs_column_info *info,
                          size_t **places)
{
    augsi_record_column *column = &writer->columns[index];
    augsi_text *pool = &writer->pool;
    size_t longest = AUGSI_NUMBER_BYTES, bound = writer->form->longest(info->dtype);
    column->kind = info->kind;
    column->dtype = info->dtype;
    column->value_bytes = augs_dtype_bytes(info->dtype);
    column->shape = info->shape;
    column->width = info->width;
    column->key_at = pool->n_bytes;
    writer->form->key(pool, info->name, index == 0, writer->n_columns);
    column->key_bytes = pool->n_bytes - column->key_at;
    if (info->n_choices > 0) {
        size_t longest_choice = 0;
        render_choices(writer, column, info, *places, &longest_choice);
        *places += info->n_choices + 1;
        bound = longest_choice;
        longest = longest_choice > longest ? longest_choice : longest;
    }
    writer->bound_bytes += column->key_bytes + writer->form->around(info->shape, info->width) +
                           (uint64_t)info->shape * info->width * bound;
    writer->most_bytes +=
        column->key_bytes + COLUMN_EXTRA +
        (size_t)info->shape * ((size_t)info->width * (longest + 1) + ELEMENT_EXTRA);
}

static const augs_column_info batch_column = {.size = sizeof(augs_column_info),
                                              .kind = AUGS_KIND_SAMPLE_ID,
                                              .dtype = AUGS_DTYPE_I64,
                                              .shape = 1,
                                              .width = 1,
                                              .gate = AUGS_NO_GATE,
                                              .name = "batch"};

/* The writer's column as the stream or the batch index has it. */
static int column_of(const augs_stream *stream, bool batch_index, uint32_t index,
                     augs_column_info *ret_info)
{
    if (batch_index && index == 1) {
        *ret_info = batch_column;
        return AUGS_OK;
    }
    *ret_info = (augs_column_info){.size = sizeof *ret_info};
    return augs_stream_column(stream, index - (batch_index && index > 1), ret_info);
}

static int render(augsi_record_writer *writer, bool batch_index)
{
    augs_column_info info;
    size_t *places = writer->choice_places;
    writer->most_bytes = RECORD_EXTRA;
    writer->bound_bytes = writer->form->record_end;
    for (uint32_t i = 0; i < writer->n_columns; i++) {
        int status = column_of(writer->stream, batch_index, i, &info);
        if (status < 0) {
            return status;
        }
        writer->columns[i].source = i - (batch_index && i > 1);
        writer->columns[i].is_batch = batch_index && i == 1;
        render_column(writer, i, &info, &places);
    }
    writer->head_at = writer->pool.n_bytes;
    for (uint32_t i = 0; writer->form->header != NULL && i < writer->n_columns; i++) {
        column_of(writer->stream, batch_index, i, &info);
        writer->form->header(&writer->pool, &writer->columns[i], info.name, i == 0);
    }
    if (writer->form->header != NULL) {
        augsi_text_add(&writer->pool, "\n", 1);
    }
    writer->head_bytes = writer->pool.n_bytes - writer->head_at;
    return writer->pool.failed ? AUGS_E_NO_MEMORY : AUGS_OK;
}

static size_t count_choice_places(const augs_stream *stream)
{
    size_t n = 0;
    for (uint32_t i = 0; i < augs_stream_n_columns(stream); i++) {
        augs_column_info info = {.size = sizeof info};
        if (augs_stream_column(stream, i, &info) == AUGS_OK && info.n_choices > 0) {
            n += (size_t)info.n_choices + 1;
        }
    }
    return n;
}

int augsi_record_writer_open(augs_stream *stream, uint32_t format, bool batch_index,
                             augsi_record_writer **ret_writer, augs_error *error)
{
    const augs_preset *preset = augs_stream_preset(stream);
    const augsi_record_form *form = augsi_record_form_of(format);
    if (form == NULL) {
        char names[AUGSI_FORMAT_LIST_BYTES];
        augsi_format_list(true, names, sizeof names);
        return augsi_fail(
            error, AUGS_E_ARGUMENT, "records: format %u (%s) is not one of %s", (unsigned)format,
            augs_format_name(format) != NULL ? augs_format_name(format) : "unknown", names);
    }
    const augs_allocator *allocator = augsi_preset_allocator(preset);
    augsi_record_writer *writer = augsi_new(allocator, sizeof *writer);
    if (writer == NULL) {
        return augsi_fail_memory(error, sizeof *writer);
    }
    writer->allocator = *allocator;
    writer->stream = augs_stream_ref(stream);
    writer->form = form;
    writer->n_columns = augs_stream_n_columns(stream) + batch_index;
    writer->n_choice_places = count_choice_places(stream);
    augsi_text_init(&writer->pool, &writer->allocator);
    writer->columns = augsi_new_array(allocator, writer->n_columns, sizeof *writer->columns);
    writer->choice_places =
        augsi_new_array(allocator, writer->n_choice_places, sizeof *writer->choice_places);
    if (writer->columns == NULL || writer->choice_places == NULL ||
        render(writer, batch_index) < 0) {
        size_t n_bytes = writer->n_columns * sizeof *writer->columns + writer->pool.n_bytes;
        augsi_record_writer_free(writer);
        return augsi_fail_memory(error, n_bytes);
    }
    *ret_writer = writer;
    return AUGS_OK;
}

void augsi_record_writer_free(augsi_record_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    augs_allocator allocator = writer->allocator;
    augsi_text_done(&writer->pool);
    augsi_delete(&allocator, writer->choice_places,
                 writer->n_choice_places * sizeof *writer->choice_places);
    augsi_delete(&allocator, writer->columns, writer->n_columns * sizeof *writer->columns);
    augs_stream_unref(writer->stream);
    augsi_delete(&allocator, writer, sizeof *writer);
}

uint64_t augsi_record_writer_bound(const augsi_record_writer *writer, uint64_t n_records)
{
    if (writer->bound_bytes > 0 &&
        n_records > (UINT64_MAX - writer->head_bytes) / writer->bound_bytes) {
        return UINT64_MAX;
    }
    return writer->head_bytes + n_records * writer->bound_bytes;
}

void augsi_record_writer_locate(const augsi_record_writer *writer, const char *bytes, size_t at,
                                char *ret_text, size_t n_bytes)
{
    uint64_t line = 0;
    if (!writer->form->lines) {
        snprintf(ret_text, n_bytes, "in the records");
        return;
    }
    if (at < writer->head_bytes) {
        snprintf(ret_text, n_bytes, "in the header");
        return;
    }
    for (size_t i = writer->head_bytes; i < at; i++) {
        line += bytes[i] == '\n';
    }
    snprintf(ret_text, n_bytes, "in record %" PRIu64, line);
}

void augsi_record_writer_header(const augsi_record_writer *writer, augsi_text *text)
{
    if (writer->head_bytes > 0) {
        augsi_text_add(text, writer->pool.data + writer->head_at, writer->head_bytes);
    }
}

void augsi_record_writer_append(const augsi_record_writer *writer, augsi_text *text,
                                const augsi_record_data *data, uint64_t first, uint64_t n_samples)
{
    for (uint64_t i = 0; i < n_samples; i++) {
        char *start = augsi_text_reserve(text, writer->most_bytes);
        if (start == NULL) {
            return;
        }
        char *end = writer->form->put(writer, data, first + i, start);
        *end = '\0';
        text->n_bytes += (size_t)(end - start);
    }
}

int augsi_records_append(augsi_text *text, const augs_batch *batch, uint32_t format,
                         augs_error *error)
{
    augs_stream *stream = augs_batch_stream(batch);
    uint32_t n_columns = augs_stream_n_columns(stream);
    bool batch_index = augs_batch_n_columns(batch) > n_columns;
    augsi_record_writer *writer;
    int status = augsi_record_writer_open(stream, format, batch_index, &writer, error);
    if (status < 0) {
        return status;
    }
    const void **columns = augsi_new_array(&writer->allocator, n_columns, sizeof *columns);
    if (columns == NULL) {
        augsi_record_writer_free(writer);
        return augsi_fail_memory(error, n_columns * sizeof *columns);
    }
    for (uint32_t i = 0; i < n_columns; i++) {
        columns[i] = augs_batch_column_data(batch, i + (batch_index && i > 0));
    }
    augsi_record_data data = {.columns = columns,
                              .batch = batch_index ? augs_batch_column_data(batch, 1) : NULL};
    augsi_record_writer_append(writer, text, &data, 0, augs_batch_n_samples(batch));
    augsi_delete(&writer->allocator, columns, n_columns * sizeof *columns);
    augsi_record_writer_free(writer);
    return text->failed ? augsi_fail_memory(error, text->n_bytes) : AUGS_OK;
}
