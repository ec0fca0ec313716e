/* SPDX-License-Identifier: Apache-2.0 */
#include "offline/chunk_image.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"

#define PIECE_RECORDS 16384u
#define PIECE_BYTES ((size_t)8 << 20)

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

int augsi_chunk_maker_open_form(const augsi_chunk_run *run, const augsi_chunk_form *form,
                                augsi_chunk_maker *ret_maker, augs_error *error)
{
    augsi_chunk_maker *maker = ret_maker;
    uint32_t n_tensors = augs_stream_n_columns(run->stream) + run->has_plan;
    *maker = (augsi_chunk_maker){.run = run,
                                 .form = form,
                                 .n_tensors = n_tensors,
                                 .n_files = form->file_per_column ? n_tensors : 1};
    augsi_text_init(&maker->image, &run->allocator);
    maker->tensors = augsi_new_array(&run->allocator, n_tensors, sizeof *maker->tensors);
    maker->files = augsi_new_array(&run->allocator, maker->n_files, sizeof *maker->files);
    maker->hash = augsi_new_slab(&run->allocator, augsi_hash_stream_bytes());
    int status = AUGS_OK;
    if (maker->tensors == NULL || maker->files == NULL || maker->hash == NULL) {
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
    augsi_delete(allocator, maker->steps, maker->n_steps_space * sizeof *maker->steps);
    augsi_delete(allocator, maker->tensors, maker->n_tensors * sizeof *maker->tensors);
    augsi_delete(allocator, maker->files, maker->n_files * sizeof *maker->files);
    augsi_delete(allocator, maker->hash, augsi_hash_stream_bytes());
    augsi_text_done(&maker->image);
    *maker = (augsi_chunk_maker){0};
}

static int make_space(augsi_chunk_maker *maker, uint64_t n_records, augs_error *error)
{
    const augs_allocator *allocator = &maker->run->allocator;
    if (maker->run->has_plan && maker->n_steps_space < n_records) {
        augsi_delete(allocator, maker->steps, maker->n_steps_space * sizeof *maker->steps);
        maker->n_steps_space = 0;
        maker->steps = n_records > SIZE_MAX / sizeof *maker->steps
                           ? NULL
                           : augsi_new_slab(allocator, n_records * sizeof *maker->steps);
        if (maker->steps == NULL) {
            return augsi_fail_memory(error, n_records * sizeof *maker->steps);
        }
        maker->n_steps_space = n_records;
    }
    if (maker->batch != NULL && augs_batch_n_samples(maker->batch) == n_records) {
        return AUGS_OK;
    }
    augs_batch_unref(maker->batch);
    maker->batch = NULL;
    int status = augsi_batch_take(maker->pool, maker->run->stream, n_records, &maker->batch, error);
    if (status == AUGS_OK) {
        size_t n_bytes;
        void *slab = augsi_batch_slab_edit(maker->batch, &n_bytes);
        augsi_prefer_huge_pages(slab, n_bytes);
    }
    return status;
}

/* In pieces, so that a stop is seen soon. */
static int fill_span(const augsi_chunk_maker *maker, const augs_span *span, uint64_t done,
                     augs_error *error)
{
    void *columns[AUGS_MAX_COLUMNS + 1];
    const augs_stream *stream = maker->run->stream;
    void *const *starts = augsi_batch_columns_edit(maker->batch);
    for (uint64_t at = 0; at < span->count; at += PIECE_RECORDS) {
        uint64_t n = span->count - at < PIECE_RECORDS ? span->count - at : PIECE_RECORDS;
        augs_span piece = {span->first + at * span->stride, span->stride, n};
        for (uint32_t c = 0; c < augs_stream_n_columns(stream); c++) {
            columns[c] = (char *)starts[c] + (done + at) * augs_stream_column_bytes(stream, c);
        }
        int status = augsi_maker_stopped(maker) ? augsi_fail_stopped(error)
                                                : augs_stream_fill(stream, &piece, columns, error);
        if (status < 0) {
            return status;
        }
    }
    return AUGS_OK;
}

static int fill(augsi_chunk_maker *maker, uint64_t chunk, const augsi_chunk_spans *spans,
                augs_error *error)
{
    uint64_t n_records = 0;
    for (size_t i = 0; i < spans->n; i++) {
        n_records += spans->spans[i].span.count;
    }
    int status = make_space(maker, n_records, error);
    if (status < 0) {
        return status;
    }
    uint64_t done = 0;
    for (size_t i = 0; i < spans->n; i++) {
        const augs_span *span = &spans->spans[i].span;
        status = fill_span(maker, span, done, error);
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
    int status = fill(maker, chunk, spans, error);
    if (status < 0) {
        return status;
    }
    /* at once: growing copies all of it again and again, and does not see a stop meanwhile */
    uint64_t size = maker->form->size(maker, chunk, maker->n_records);
    size_t before = maker->image.capacity;
    augsi_text_clear(&maker->image);
    if (size < SIZE_MAX) {
        augsi_text_reserve(&maker->image, (size_t)size);
    }
    if (maker->image.capacity != before) {
        augsi_prefer_huge_pages(maker->image.data, maker->image.capacity);
    }
    maker->form->put(maker);
    if (augsi_maker_stopped(maker)) {
        return augsi_fail_stopped(error);
    }
    return maker->image.failed ? augsi_fail_memory(error, maker->image.capacity * 2) : AUGS_OK;
}

int augsi_chunk_hash(augsi_chunk_maker *maker, augsi_hash128 *ret_hash, augs_error *error)
{
    const size_t n_bytes = maker->image.n_bytes;
    augsi_hash_stream_begin(maker->hash);
    for (size_t at = 0; at < n_bytes; at += PIECE_BYTES) {
        if (augsi_maker_stopped(maker)) {
            return augsi_fail_stopped(error);
        }
        augsi_hash_stream_add(maker->hash, maker->image.data + at,
                              n_bytes - at < PIECE_BYTES ? n_bytes - at : PIECE_BYTES);
    }
    *ret_hash = augsi_hash_stream_end(maker->hash);
    return AUGS_OK;
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

uint64_t augsi_machine_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : UINT64_MAX;
}

uint64_t augsi_chunk_memory(augsi_chunk_maker *maker, uint64_t chunk)
{
    uint64_t record_bytes =
        augs_stream_sample_bytes(maker->run->stream) + (maker->run->has_plan ? 8 : 0);
    return augsi_sum(augsi_product(record_bytes, augsi_chunk_count(maker->run, chunk)),
                     augsi_chunk_size(maker, chunk));
}

uint64_t augsi_chunk_size(augsi_chunk_maker *maker, uint64_t chunk)
{
    return maker->form->size(maker, chunk, augsi_chunk_count(maker->run, chunk));
}
