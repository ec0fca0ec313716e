/* SPDX-License-Identifier: Apache-2.0 */
/* Makes a chunk in memory, byte for byte as its files are. One maker a thread. */
#ifndef AUGSI_CHUNK_IMAGE_H
#define AUGSI_CHUNK_IMAGE_H

#include "base/checksum.h"
#include "offline/chunk_cursor.h"
#include "offline/chunk_folder.h"
#include "pipeline/batch/batch_pool.h"
#include "pipeline/records/record.h"

/* A column where safetensors and npy have it. */
typedef struct augsi_chunk_tensor {
    const char *name;
    uint32_t dtype, shape, width;
    uint32_t column;       /* of the stream; UINT32_MAX: the batch's index */
    uint32_t sample_bytes; /* one sample */
    size_t at;             /* of its data in the image */
} augsi_chunk_tensor;

/* One file of a chunk: image[at, at + n_bytes). */
typedef struct augsi_chunk_file {
    size_t at, n_bytes;
} augsi_chunk_file;

typedef struct augsi_chunk_maker {
    const augsi_chunk_run *run;
    const struct augsi_chunk_form *form; /* of the run's format */
    const augsi_stop *stop;              /* asked while a chunk is made; NULL: never */
    augsi_batch_pool *pool;
    augsi_record_writer *writer; /* of formats that hold records, else NULL */
    augs_batch *batch;           /* the chunk's records, without the batch's index */
    uint64_t *steps;             /* with a plan: the batch's index of every record */
    uint64_t n_steps_space;
    uint32_t n_tensors;
    augsi_chunk_tensor *tensors; /* sample_id, batch, the preset's */
    uint32_t n_files;            /* one per tensor in their order, or 1 */
    augsi_chunk_file *files;
    augsi_text image;
    augsi_hash_stream *hash;
    uint64_t chunk, n_records;
} augsi_chunk_maker;

/* run must outlive the maker. */
int augsi_chunk_maker_open(const augsi_chunk_run *run, augsi_chunk_maker *ret_maker,
                           augs_error *error);
void augsi_chunk_maker_done(augsi_chunk_maker *maker);
/* Fills maker->batch with the records of the spans, then makes image and files. AUGS_E_CANCELLED. */
int augsi_chunk_make(augsi_chunk_maker *maker, uint64_t chunk, const augsi_chunk_spans *spans,
                     augs_error *error);
/* The hash of the image. AUGS_E_CANCELLED. */
int augsi_chunk_hash(augsi_chunk_maker *maker, augsi_hash128 *ret_hash, augs_error *error);
/* Where a byte of the image stands: "column 'rotation', record 17" or "record 17" or "the header".
 */
void augsi_chunk_locate(const augsi_chunk_maker *maker, size_t at, char *ret_text, size_t n_bytes);

/* "part-000012.jsonl", "part-000012.rotation.npy". */
void augsi_chunk_file_name(const augsi_chunk_maker *maker, uint64_t chunk, uint32_t file,
                           char ret_name[AUGSI_CHUNK_NAME_BYTES]);

/* Bytes of all files of a chunk, or their upper bound (form->is_exact); the image is used as
 * scratch. UINT64_MAX if they are too many. */
uint64_t augsi_chunk_size(augsi_chunk_maker *maker, uint64_t chunk);

/* Memory that making a chunk takes, about; UINT64_MAX if it is too much. */
uint64_t augsi_chunk_memory(augsi_chunk_maker *maker, uint64_t chunk);

static inline bool augsi_maker_stopped(const augsi_chunk_maker *maker)
{
    return maker->stop != NULL && augsi_stopped(maker->stop);
}

/* The memory of this machine. */
uint64_t augsi_machine_bytes(void);

/* Inside: the rows of the two formats of columns (chunk_tensors.c). */
void augsi_chunk_put_safetensors(augsi_chunk_maker *maker);
uint64_t augsi_chunk_size_safetensors(augsi_chunk_maker *maker, uint64_t chunk, uint64_t n_records);
void augsi_chunk_put_npy(augsi_chunk_maker *maker);
uint64_t augsi_chunk_size_npy(augsi_chunk_maker *maker, uint64_t chunk, uint64_t n_records);
void augsi_chunk_locate_tensor(const augsi_chunk_maker *maker, size_t at, char *ret_text,
                               size_t n_bytes);
/* Also inside: a tensor's bytes in the batch. */
const void *augsi_chunk_tensor_data(const augsi_chunk_maker *maker,
                                    const augsi_chunk_tensor *tensor);

/* ---- formats ---- */

/* One row per format, the part that chunk files need: names, writer, where a byte stands, size.
 * pipeline/records/format.c holds the other part, records. */
typedef struct augsi_chunk_form {
    bool file_per_column; /* "part-000012.<column>.<format>", else "part-000012.<format>" */
    bool is_exact;        /* `size` is the size; else it is an upper bound */
    /* Writes the chunk in hand into maker->image and fills maker->files. */
    void (*put)(augsi_chunk_maker *maker);
    /* "in column 'rotation', record 17", "in the header". */
    void (*locate)(const augsi_chunk_maker *maker, size_t at, char *ret_text, size_t n_bytes);
    /* Bytes of all files of a chunk of n_records records; UINT64_MAX if they are too many. The
     * image is used as scratch. */
    uint64_t (*size)(augsi_chunk_maker *maker, uint64_t chunk, uint64_t n_records);
} augsi_chunk_form;

/* Opens a maker of a row: what augsi_chunk_maker_open does once it has found the run's. */
int augsi_chunk_maker_open_form(const augsi_chunk_run *run, const augsi_chunk_form *form,
                                augsi_chunk_maker *ret_maker, augs_error *error);

/* NULL for a number that is no format. */
const augsi_chunk_form *augsi_chunk_form_of(uint32_t format);

/* a + b and a * b, or UINT64_MAX if that is too large. */
static inline uint64_t augsi_sum(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static inline uint64_t augsi_product(uint64_t a, uint64_t b)
{
    return b != 0 && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

#endif
