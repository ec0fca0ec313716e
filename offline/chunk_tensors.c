/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safetensors (huggingface/safetensors, README "Format"): u64 size of the header, JSON header
 * padded with spaces so that the data starts at a multiple of 64, data without holes. Tensors stand
 * by falling element size, so that each is aligned to its own.
 *
 * npy 1.0 (NumPy, numpy.lib.format): magic, version, u16 size, header padded with spaces and ended
 * by a newline at a multiple of 64, data.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <augstream/version.h>

#include "offline/chunk_image.h"

#define ALIGNMENT 64u
#define PIECE_BYTES ((size_t)8 << 20)

/* Element types by the names of both formats. */
static const struct {
    const char *safetensors, *npy;
} dtypes[] = {
    [AUGS_DTYPE_F32] = {.safetensors = "F32", .npy = "<f4"},
    [AUGS_DTYPE_I32] = {.safetensors = "I32", .npy = "<i4"},
    [AUGS_DTYPE_U64] = {.safetensors = "U64", .npy = "<u8"},
    [AUGS_DTYPE_I64] = {.safetensors = "I64", .npy = "<i8"},
    [AUGS_DTYPE_BOOL] = {.safetensors = "BOOL", .npy = "|b1"},
};

/* The sizes of elements, in the order in which tensors stand. */
static const uint32_t sizes_bytes[] = {8, 4, 1};
#define N_SIZES (sizeof sizes_bytes / sizeof sizes_bytes[0])

static void add_padding(augsi_text *text, size_t n_bytes)
{
    char *end = augsi_text_reserve(text, n_bytes);
    if (end != NULL) {
        memset(end, ' ', n_bytes);
        end[n_bytes] = '\0';
        text->n_bytes += n_bytes;
    }
}

static void add_data(augsi_chunk_maker *maker, augsi_chunk_tensor *tensor)
{
    const char *data = augsi_chunk_tensor_data(maker, tensor);
    size_t n_bytes = (size_t)(tensor->sample_bytes * maker->n_records);
    tensor->at = maker->image.n_bytes;
    for (size_t at = 0; at < n_bytes && !augsi_maker_stopped(maker); at += PIECE_BYTES) {
        augsi_text_add(&maker->image, data + at,
                       n_bytes - at < PIECE_BYTES ? n_bytes - at : PIECE_BYTES);
    }
}

static void add_shape(augsi_text *text, const augsi_chunk_tensor *tensor, uint64_t n_records)
{
    augsi_text_add_u64(text, n_records);
    if (tensor->shape > 1) {
        augsi_text_add(text, ",", 1);
        augsi_text_add_u64(text, tensor->shape);
    }
    if (tensor->width > 1) {
        augsi_text_add(text, ",", 1);
        augsi_text_add_u64(text, tensor->width);
    }
}

static void add_string_field(augsi_text *text, const char *key, const char *value)
{
    augsi_text_add_string(text, key);
    augsi_text_add_json_string(text, value);
}

static void add_number_field(augsi_text *text, const char *key, uint64_t number)
{
    augsi_text_add_string(text, key);
    augsi_text_add_string(text, "\"");
    augsi_text_add_u64(text, number);
    augsi_text_add_string(text, "\"");
}

/* Every value a string, as the format wants it. */
static void add_metadata(augsi_text *text, const augsi_chunk_maker *maker, uint64_t chunk,
                         uint64_t n_records)
{
    const augsi_chunk_run *run = maker->run;
    const augs_stream *stream = run->stream;
    uint64_t n_samples = augs_stream_n_samples(stream);
    augsi_text_add_string(text, "{\"__metadata__\":{\"augstream\":\"1\"");
    add_number_field(text, ",\"contract\":", augs_contract_version());
    add_string_field(text, ",\"fingerprint\":", augs_stream_fingerprint(stream));
    add_string_field(text, ",\"preset\":", augs_preset_text(augs_stream_preset(stream)));
    add_number_field(text, ",\"seed\":", augs_stream_seed(stream));
    add_number_field(text, ",\"epoch\":", augs_stream_epoch(stream));
    if (n_samples == AUGS_ENDLESS) {
        add_string_field(text, ",\"n_samples\":", "endless");
    } else {
        add_number_field(text, ",\"n_samples\":", n_samples);
    }
    add_string_field(text, ",\"order\":",
                     augs_stream_order(stream) == AUGS_ORDER_SHUFFLED ? "shuffled" : "sequential");
    if (run->has_plan) {
        augsi_text plan;
        augsi_text_init(&plan, &run->allocator);
        augsi_chunk_run_plan_json(run, &plan);
        add_string_field(text, ",\"plan\":", plan.failed ? "" : plan.data);
        text->failed = text->failed || plan.failed;
        augsi_text_done(&plan);
    }
    add_number_field(text, ",\"chunk\":", chunk);
    add_number_field(text, ",\"start\":", augsi_chunk_first(run, chunk));
    add_number_field(text, ",\"count\":", n_records);
    augsi_text_add_string(text, "}");
}

/* The header into the image: as long as the data begins at. */
static void put_safetensors_header(augsi_chunk_maker *maker, uint64_t chunk, uint64_t n_records)
{
    augsi_text *image = &maker->image;
    uint64_t at = 0;
    augsi_text_add(image, "\0\0\0\0\0\0\0", 8);
    add_metadata(image, maker, chunk, n_records);
    for (size_t g = 0; g < N_SIZES; g++) {
        for (uint32_t i = 0; i < maker->n_tensors; i++) {
            const augsi_chunk_tensor *tensor = &maker->tensors[i];
            if (augs_dtype_bytes(tensor->dtype) != sizes_bytes[g]) {
                continue;
            }
            augsi_text_add_string(image, ",");
            augsi_text_add_json_string(image, tensor->name);
            augsi_text_add_string(image, ":{\"dtype\":\"");
            augsi_text_add_string(image, dtypes[tensor->dtype].safetensors);
            augsi_text_add_string(image, "\",\"shape\":[");
            add_shape(image, tensor, n_records);
            augsi_text_add_string(image, "],\"data_offsets\":[");
            augsi_text_add_u64(image, at);
            at += tensor->sample_bytes * n_records;
            augsi_text_add_string(image, ",");
            augsi_text_add_u64(image, at);
            augsi_text_add_string(image, "]}");
        }
    }
    augsi_text_add_string(image, "}");
    add_padding(image, (ALIGNMENT - image->n_bytes % ALIGNMENT) % ALIGNMENT);
    uint64_t header_bytes = image->n_bytes - 8;
    for (unsigned i = 0; !image->failed && i < 8; i++) {
        image->data[i] = (char)(unsigned char)(header_bytes >> (8 * i));
    }
}

void augsi_chunk_put_safetensors(augsi_chunk_maker *maker)
{
    augsi_text *image = &maker->image;
    put_safetensors_header(maker, maker->chunk, maker->n_records);
    for (size_t g = 0; g < N_SIZES; g++) {
        for (uint32_t i = 0; i < maker->n_tensors; i++) {
            if (augs_dtype_bytes(maker->tensors[i].dtype) == sizes_bytes[g]) {
                add_data(maker, &maker->tensors[i]);
            }
        }
    }
    maker->files[0] = (augsi_chunk_file){0, image->n_bytes};
}

/* Bytes of the columns alone. */
static uint64_t data_bytes(const augsi_chunk_maker *maker, uint64_t n_records)
{
    uint64_t sample_bytes = 0;
    for (uint32_t i = 0; i < maker->n_tensors; i++) {
        sample_bytes += maker->tensors[i].sample_bytes;
    }
    return augsi_product(sample_bytes, n_records);
}

uint64_t augsi_chunk_size_safetensors(augsi_chunk_maker *maker, uint64_t chunk, uint64_t n_records)
{
    augsi_text_clear(&maker->image);
    put_safetensors_header(maker, chunk, n_records);
    return augsi_sum(data_bytes(maker, n_records), maker->image.n_bytes);
}

static void put_npy_header(augsi_text *image, const augsi_chunk_tensor *tensor, uint64_t n_records)
{
    size_t start = image->n_bytes;
    augsi_text_add(image, "\x93NUMPY\x01\0\0\0", 10);
    augsi_text_add_string(image, "{'descr': '");
    augsi_text_add_string(image, dtypes[tensor->dtype].npy);
    augsi_text_add_string(image, "', 'fortran_order': False, 'shape': (");
    add_shape(image, tensor, n_records);
    augsi_text_add_string(image, tensor->shape * tensor->width > 1 ? "), }" : ",), }");
    add_padding(image, ALIGNMENT - 1 - (image->n_bytes - start) % ALIGNMENT);
    augsi_text_add(image, "\n", 1);
    size_t header_bytes = image->n_bytes - start - 10;
    if (!image->failed) {
        image->data[start + 8] = (char)(unsigned char)(header_bytes & 0xff);
        image->data[start + 9] = (char)(unsigned char)(header_bytes >> 8);
    }
}

void augsi_chunk_put_npy(augsi_chunk_maker *maker)
{
    augsi_text *image = &maker->image;
    for (uint32_t i = 0; i < maker->n_tensors; i++) {
        size_t start = image->n_bytes;
        put_npy_header(image, &maker->tensors[i], maker->n_records);
        add_data(maker, &maker->tensors[i]);
        maker->files[i] = (augsi_chunk_file){start, image->n_bytes - start};
    }
}

uint64_t augsi_chunk_size_npy(augsi_chunk_maker *maker, uint64_t chunk, uint64_t n_records)
{
    (void)chunk;
    augsi_text_clear(&maker->image);
    for (uint32_t i = 0; i < maker->n_tensors; i++) {
        put_npy_header(&maker->image, &maker->tensors[i], n_records);
    }
    return augsi_sum(data_bytes(maker, n_records), maker->image.n_bytes);
}

void augsi_chunk_locate_tensor(const augsi_chunk_maker *maker, size_t at, char *ret_text,
                               size_t n_bytes)
{
    for (uint32_t i = 0; i < maker->n_tensors; i++) {
        const augsi_chunk_tensor *tensor = &maker->tensors[i];
        uint64_t size = tensor->sample_bytes * maker->n_records;
        if (at >= tensor->at && at - tensor->at < size) {
            snprintf(ret_text, n_bytes, "in column '%s', record %" PRIu64, tensor->name,
                     (uint64_t)(at - tensor->at) / tensor->sample_bytes);
            return;
        }
    }
    snprintf(ret_text, n_bytes, "in the header");
}
