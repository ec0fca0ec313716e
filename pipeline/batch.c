/* SPDX-License-Identifier: Apache-2.0 */
#include <augstream/batch.h>

#include <string.h>

#include "batch_impl.h"
#include "checksum.h"
#include "fail.h"

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
        info->dtype = AUGS_DTYPE_U64;
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
    for (uint32_t i = 0; i < batch->n_columns; i++) {
        if (strcmp(augs_batch_column_name(batch, i), name) == 0) {
            return (int)i;
        }
    }
    return AUGS_E_NOT_FOUND;
}

const void *augs_batch_slab(const augs_batch *batch, size_t *ret_n_bytes)
{
    *ret_n_bytes = batch->slab_bytes;
    return batch->slab;
}

int augs_batch_info_get(const augs_batch *batch, augs_batch_info *info)
{
    if (batch == NULL || info == NULL || info->size < sizeof *info) {
        return AUGS_E_ARGUMENT;
    }
    *info = batch->info;
    return AUGS_OK;
}

augs_stream *augs_batch_stream(const augs_batch *batch)
{
    return batch->stream;
}

/* Records up to this size are put together in a buffer and hashed at once. */
#define SMALL_RECORD 1024u

void augs_batch_digest(const augs_batch *batch, uint64_t ret_digest[2])
{
    const void *parts[AUGS_MAX_COLUMNS + 1];
    size_t sizes_bytes[AUGS_MAX_COLUMNS + 1];
    const uint32_t n = augs_stream_n_columns(batch->stream);
    for (uint32_t i = 0; i < n; i++) { /* without the column `batch` */
        parts[i] = batch->columns[batch->batch_index && i > 0 ? i + 1 : i];
        sizes_bytes[i] = augs_stream_column_bytes(batch->stream, i);
    }
    const size_t record_bytes = augs_stream_sample_bytes(batch->stream);
    uint64_t low = 0, high = 0;
    for (uint64_t k = 0; k < batch->info.n_samples; k++) {
        char record[SMALL_RECORD];
        augsi_hash128 hash;
        if (record_bytes <= SMALL_RECORD) {
            char *at = record;
            for (uint32_t i = 0; i < n; i++) {
                memcpy(at, parts[i], sizes_bytes[i]);
                at += sizes_bytes[i];
            }
            hash = augsi_hash128_of(record, record_bytes);
        } else {
            hash = augsi_hash128_of_parts(parts, sizes_bytes, n);
        }
        for (uint32_t i = 0; i < n; i++) {
            parts[i] = (const char *)parts[i] + sizes_bytes[i];
        }
        low += hash.low;
        high += hash.high + (low < hash.low);
    }
    ret_digest[0] = low;
    ret_digest[1] = high;
}
