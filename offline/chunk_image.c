/* SPDX-License-Identifier: Apache-2.0 */
#include "chunk_image.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "chunk_format.h"
#include "fail.h"

static void list_tensors(augsi_chunk_maker *maker)
{
    const augs_stream *stream = maker->run->stream;
    uint32_t n = 0;
    for (uint32_t i = 0; i < augs_stream_n_columns(stream); i++) {
        augs_column_info info = {.size = sizeof info};
        augs_stream_column(stream, i, &info);
        maker->tensors[n++] =
            (augsi_chunk_tensor){.name = i == 0 ? "sample_id" : info.name,
                                 .dtype = info.dtype,
                                 .shape = info.shape,
                                 .width = info.width,
                                 .column = i,
                                 .sample_bytes = augs_stream_column_bytes(stream, i)};
        if (i == 0 && maker->run->has_plan) {
            maker->tensors[n++] = (augsi_chunk_tensor){.name = "batch",
                                                       .dtype = AUGS_DTYPE_I64,
                                                       .shape = 1,
                                                       .width = 1,
                                                       .column = UINT32_MAX,
                                                       .sample_bytes = 8};
        }
    }
}

int augsi_chunk_maker_open(const augsi_chunk_run *run, augsi_chunk_maker *ret_maker,
                           augs_error *error)
{
    augsi_chunk_maker *maker = ret_maker;
    uint32_t n_tensors = augs_stream_n_columns(run->stream) + run->has_plan;
    const augsi_chunk_form *form = augsi_chunk_form_of(run->format);
    *maker = (augsi_chunk_maker){.run = run,
                                 .form = form,
                                 .n_tensors = n_tensors,
                                 .n_files = form->file_per_column ? n_tensors : 1};
    augsi_text_init(&maker->image, &run->allocator);
    maker->tensors = augsi_new_array(&run->allocator, n_tensors, sizeof *maker->tensors);
    maker->files = augsi_new_array(&run->allocator, maker->n_files, sizeof *maker->files);
    int status = AUGS_OK;
    if (maker->tensors == NULL || maker->files == NULL) {
        status = augsi_fail_memory(error, n_tensors * sizeof *maker->tensors);
    } else {
        list_tensors(maker);
        status = augsi_batch_pool_open(run->stream, false, &maker->pool, error);
    }
    if (status == AUGS_OK && (augs_format_flags(run->format) & AUGS_FORMAT_HOLDS_RECORDS) != 0) {
        status = augsi_record_writer_open(run->stream, run->format, run->has_plan, &maker->writer,
                                          error);
    }
    if (status < 0) {
        augsi_chunk_maker_done(maker);
    }
    return status;
}

void augsi_chunk_maker_done(augsi_chunk_maker *maker)
{
    if (maker->run == NULL) {
        return;
    }
    const augs_allocator *allocator = &maker->run->allocator;
    augs_batch_unref(maker->batch);
    augsi_batch_pool_free(maker->pool);
    augsi_record_writer_free(maker->writer);
    augsi_delete(allocator, maker->steps, maker->n_steps_room * sizeof *maker->steps);
    augsi_delete(allocator, maker->tensors, maker->n_tensors * sizeof *maker->tensors);
    augsi_delete(allocator, maker->files, maker->n_files * sizeof *maker->files);
    augsi_text_done(&maker->image);
    *maker = (augsi_chunk_maker){0};
}

static int make_room(augsi_chunk_maker *maker, uint64_t n_records, augs_error *error)
{
    const augs_allocator *allocator = &maker->run->allocator;
    if (maker->run->has_plan && maker->n_steps_room < n_records) {
        augsi_delete(allocator, maker->steps, maker->n_steps_room * sizeof *maker->steps);
        maker->n_steps_room = 0;
        maker->steps = augsi_new_array(allocator, n_records, sizeof *maker->steps);
        if (maker->steps == NULL) {
            return augsi_fail_memory(error, n_records * sizeof *maker->steps);
        }
        maker->n_steps_room = n_records;
    }
    if (maker->batch != NULL && augs_batch_n_samples(maker->batch) == n_records) {
        return AUGS_OK;
    }
    augs_batch_unref(maker->batch);
    maker->batch = NULL;
    return augsi_batch_take(maker->pool, maker->run->stream, n_records, &maker->batch, error);
}

int augsi_chunk_fill(augsi_chunk_maker *maker, uint64_t chunk, const augsi_chunk_spans *spans,
                     augs_error *error)
{
    void *columns[AUGS_MAX_COLUMNS + 1];
    const augs_stream *stream = maker->run->stream;
    uint32_t n_columns = augs_stream_n_columns(stream);
    uint64_t n_records = 0;
    for (size_t i = 0; i < spans->n; i++) {
        n_records += spans->spans[i].span.count;
    }
    int status = make_room(maker, n_records, error);
    if (status < 0) {
        return status;
    }
    void *const *starts = augsi_batch_columns_edit(maker->batch);
    uint64_t done = 0;
    for (size_t i = 0; i < spans->n; i++) {
        const augs_span *span = &spans->spans[i].span;
        for (uint32_t c = 0; c < n_columns; c++) {
            columns[c] = (char *)starts[c] + done * augs_stream_column_bytes(stream, c);
        }
        status = augs_stream_fill(stream, span, columns, error);
        if (status < 0) {
            return status;
        }
        for (uint64_t k = 0; maker->run->has_plan && k < span->count; k++) {
            maker->steps[done + k] = spans->spans[i].step;
        }
        done += span->count;
    }
    maker->chunk = chunk;
    maker->n_records = n_records;
    return AUGS_OK;
}

const void *augsi_chunk_tensor_data(const augsi_chunk_maker *maker,
                                    const augsi_chunk_tensor *tensor)
{
    return tensor->column == UINT32_MAX ? maker->steps
                                        : augs_batch_column_data(maker->batch, tensor->column);
}

int augsi_chunk_make(augsi_chunk_maker *maker, uint64_t chunk, const augsi_chunk_spans *spans,
                     augs_error *error)
{
    int status = augsi_chunk_fill(maker, chunk, spans, error);
    if (status < 0) {
        return status;
    }
    augsi_text_clear(&maker->image);
    maker->form->put(maker);
    return maker->image.failed ? augsi_fail_memory(error, maker->image.capacity * 2) : AUGS_OK;
}

void augsi_chunk_locate(const augsi_chunk_maker *maker, size_t at, char *ret_text, size_t n_bytes)
{
    maker->form->locate(maker, at, ret_text, n_bytes);
}

void augsi_chunk_file_name(const augsi_chunk_maker *maker, uint64_t chunk, uint32_t file,
                           char ret_name[AUGSI_CHUNK_NAME_BYTES])
{
    const char *format = augs_format_name(maker->run->format);
    if (maker->form->file_per_column) {
        snprintf(ret_name, AUGSI_CHUNK_NAME_BYTES, "part-%06" PRIu64 ".%s.%s", chunk,
                 maker->tensors[file].name, format);
    } else {
        snprintf(ret_name, AUGSI_CHUNK_NAME_BYTES, "part-%06" PRIu64 ".%s", chunk, format);
    }
}

uint64_t augsi_chunk_size(augsi_chunk_maker *maker, uint64_t chunk)
{
    return maker->form->size(maker, chunk, augsi_chunk_count(maker->run, chunk));
}
