/* SPDX-License-Identifier: Apache-2.0 */
#include <augstream/batch.h>

#include <string.h>

#include "base/checksum.h"
#include "base/fail.h"
#include "base/sized_struct.h"
#include "pipeline/batch/batch_impl.h"

augs_batch *augs_batch_ref(augs_batch *batch)
{
    augsi_refcount_take(&batch->refcount);
    return batch;
}

void augs_batch_unref(augs_batch *batch)
{
    if (batch != NULL && augsi_refcount_drop(&batch->refcount)) {
        augsi_batch_give_back(batch);
    }
}

uint64_t augs_batch_n_samples(const augs_batch *batch)
{
    return batch->info.n_samples;
}

uint32_t augs_batch_n_columns(const augs_batch *batch)
{
    return batch->n_columns;
}

/* What the stream says of a column of the batch; false: there is no such column. */
static bool column_info(const augs_batch *batch, uint32_t index, augs_column_info *info)
{
    *info = (augs_column_info){.size = sizeof *info};
    if (index >= batch->n_columns) {
        return false;
    }
    if (batch->batch_index && index == 1) {
        info->name = "batch";
        info->kind = AUGS_KIND_SAMPLE_ID;
        info->dtype = AUGS_DTYPE_I64;
        info->shape = info->width = 1;
        return true;
    }
    return augs_stream_column(batch->stream, batch->batch_index && index > 1 ? index - 1 : index,
                              info) == AUGS_OK;
}

const char *augs_batch_column_name(const augs_batch *batch, uint32_t index)
{
    augs_column_info info;
    return column_info(batch, index, &info) ? info.name : NULL;
}

uint32_t augs_batch_column_dtype(const augs_batch *batch, uint32_t index)
{
    augs_column_info info;
    return column_info(batch, index, &info) ? info.dtype : 0;
}

uint32_t augs_batch_column_shape(const augs_batch *batch, uint32_t index)
{
    augs_column_info info;
    return column_info(batch, index, &info) ? info.shape : 0;
}

uint32_t augs_batch_column_width(const augs_batch *batch, uint32_t index)
{
    augs_column_info info;
    return column_info(batch, index, &info) ? info.width : 0;
}

const void *augs_batch_column_data(const augs_batch *batch, uint32_t index)
{
    return index < batch->n_columns ? batch->columns[index] : NULL;
}

int augs_batch_find_column(const augs_batch *batch, const char *name)
{
    if (batch == NULL || name == NULL) {
        return AUGS_E_ARGUMENT;
    }
    for (uint32_t i = 0; i < batch->n_columns; i++) {
        if (strcmp(augs_batch_column_name(batch, i), name) == 0) {
            return (int)i;
        }
    }
    return AUGS_E_NOT_FOUND;
}

const void *augs_batch_slab(const augs_batch *batch, size_t *ret_n_bytes)
{
    if (ret_n_bytes != NULL) {
        *ret_n_bytes = batch->slab_bytes;
    }
    return batch->slab;
}

int augs_batch_get_info(const augs_batch *batch, augs_batch_info *ret_info)
{
    return batch == NULL ? AUGS_E_ARGUMENT : AUGSI_GIVE(augs_batch_info, &batch->info, ret_info);
}

augs_stream *augs_batch_stream(const augs_batch *batch)
{
    return batch->stream;
}

/* Records are put together in a buffer, so many at a time, then hashed; longer ones are hashed
 * column by column. */
#define BLOCK_RECORDS 64u
#define BUFFERED_RECORD 512u

typedef struct digest_column {
    const char *data;
    size_t n_bytes; /* of a sample */
} digest_column;

/* The fields of a column into n records, record_bytes from one to the next. */
static void put_fields(const digest_column *column, uint64_t first, uint64_t n, size_t record_bytes,
                       char *restrict records)
{
    const char *restrict from = column->data + first * column->n_bytes;
#define PUT_FIELDS(size)                                                                           \
    for (uint64_t k = 0; k < n; k++) {                                                             \
        memcpy(records + k * record_bytes, from + k * (size), size);                               \
    }                                                                                              \
    break
    switch (column->n_bytes) { /* copies of a size that is known are single instructions */
    case 1:
        PUT_FIELDS(1);
    case 2:
        PUT_FIELDS(2);
    case 4:
        PUT_FIELDS(4);
    case 8:
        PUT_FIELDS(8);
    default:
        PUT_FIELDS(column->n_bytes);
    }
#undef PUT_FIELDS
}

static void add_buffered(const digest_column *columns, uint32_t n_columns, uint64_t first,
                         uint64_t end, size_t record_bytes, uint64_t sum[2])
{
    char records[BLOCK_RECORDS * BUFFERED_RECORD];
    for (uint64_t done = first; done < end; done += BLOCK_RECORDS) {
        const uint64_t n = end - done < BLOCK_RECORDS ? end - done : BLOCK_RECORDS;
        char *fields = records;
        for (uint32_t i = 0; i < n_columns; i++) {
            put_fields(&columns[i], done, n, record_bytes, fields);
            fields += columns[i].n_bytes;
        }
        augsi_hash128_add(records, record_bytes, n, sum);
    }
}

static void add_long(const digest_column *columns, uint32_t n_columns, uint64_t first, uint64_t end,
                     uint64_t sum[2])
{
    const void *parts[AUGS_MAX_COLUMNS + 1];
    size_t sizes_bytes[AUGS_MAX_COLUMNS + 1];
    for (uint64_t k = first; k < end; k++) {
        for (uint32_t i = 0; i < n_columns; i++) {
            parts[i] = columns[i].data + k * columns[i].n_bytes;
            sizes_bytes[i] = columns[i].n_bytes;
        }
        augsi_hash128 hash = augsi_hash128_of_parts(parts, sizes_bytes, n_columns);
        sum[0] += hash.low;
        sum[1] += hash.high + (sum[0] < hash.low);
    }
}

void augsi_batch_add_digest(const augs_batch *batch, uint64_t first, uint64_t end, uint64_t sum[2])
{
    digest_column columns[AUGS_MAX_COLUMNS + 1];
    const uint32_t n = augs_stream_n_columns(batch->stream);
    for (uint32_t i = 0; i < n; i++) { /* without the column `batch` */
        columns[i].data = batch->columns[batch->batch_index && i > 0 ? i + 1 : i];
        columns[i].n_bytes = augs_stream_column_bytes(batch->stream, i);
    }
    const size_t record_bytes = augs_stream_sample_bytes(batch->stream);
    if (record_bytes <= BUFFERED_RECORD) {
        add_buffered(columns, n, first, end, record_bytes, sum);
    } else {
        add_long(columns, n, first, end, sum);
    }
}

void augs_batch_digest(const augs_batch *batch, uint64_t ret_digest[2])
{
    uint64_t sum[2] = {0, 0};
    augsi_batch_add_digest(batch, 0, batch->info.n_samples, sum);
    ret_digest[0] = sum[0];
    ret_digest[1] = sum[1];
}
