/* SPDX-License-Identifier: Apache-2.0 */
#include "offline/chunk_image.h"

#define PIECE_RECORDS 4096u

static void put_records(augsi_chunk_maker *maker)
{
    augsi_record_data data = {.columns =
                                  (const void *const *)augsi_batch_columns_edit(maker->batch),
                              .batch = maker->steps};
    augsi_record_writer_header(maker->writer, &maker->image);
    for (uint64_t at = 0; at < maker->n_records && !augsi_maker_stopped(maker);
         at += PIECE_RECORDS) {
        uint64_t left = maker->n_records - at;
        augsi_record_writer_append(maker->writer, &maker->image, &data, at,
                                   left < PIECE_RECORDS ? left : PIECE_RECORDS);
    }
    maker->files[0] = (augsi_chunk_file){0, maker->image.n_bytes};
}

static void locate_record(const augsi_chunk_maker *maker, size_t at, char *ret_text, size_t n_bytes)
{
    augsi_record_writer_locate(maker->writer, maker->image.data, at, ret_text, n_bytes);
}

static uint64_t bound_records(augsi_chunk_maker *maker, uint64_t chunk, uint64_t n_records)
{
    (void)chunk;
    return augsi_record_writer_bound(maker->writer, n_records);
}

#define RECORDS .put = put_records, .locate = locate_record, .size = bound_records

static const augsi_chunk_form augsi_chunk_form_jsonl = {RECORDS};
static const augsi_chunk_form augsi_chunk_form_csv = {RECORDS};
static const augsi_chunk_form augsi_chunk_form_msgpack = {RECORDS};
static const augsi_chunk_form augsi_chunk_form_npy = {.file_per_column = true,
                                                      .is_exact = true,
                                                      .put = augsi_chunk_put_npy,
                                                      .locate = augsi_chunk_locate_tensor,
                                                      .size = augsi_chunk_size_npy};
static const augsi_chunk_form augsi_chunk_form_safetensors = {.is_exact = true,
                                                              .put = augsi_chunk_put_safetensors,
                                                              .locate = augsi_chunk_locate_tensor,
                                                              .size = augsi_chunk_size_safetensors};

const augsi_chunk_form *augsi_chunk_form_of(uint32_t format)
{
    switch (format) {
#define ROW(code, number, name)                                                                    \
    case code:                                                                                     \
        return &augsi_chunk_form_##name;
        AUGS_FORMAT_MAP(ROW)
#undef ROW
    default:
        return NULL;
    }
}

int augsi_chunk_maker_open(const augsi_chunk_run *run, augsi_chunk_maker *ret_maker,
                           augs_error *error)
{
    return augsi_chunk_maker_open_form(run, augsi_chunk_form_of(run->format), ret_maker, error);
}
