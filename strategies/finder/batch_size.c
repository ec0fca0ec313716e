/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batch sizes by calculation, in integers of 128 bits: no figure is too large, and no size is off
 * by one because 0.8, 0.9 and 1.2 have no exact binary form.
 */
#include <augstream/batch_size.h>

#include <math.h>
#include <string.h>

#include "base/fail.h"

__extension__ typedef unsigned __int128 wide;

static uint64_t narrow(wide number)
{
    return number > UINT64_MAX ? UINT64_MAX : (uint64_t)number;
}

uint64_t augs_batch_size_adjust(uint64_t batch_size, double used_fraction, uint64_t available_bytes,
                                uint64_t limit_bytes, uint64_t min_batch_size,
                                uint64_t max_batch_size)
{
    wide size = batch_size;
    if (isfinite(used_fraction)) {
        if (used_fraction > 0.8) {
            size = size * 4 / 5;
        } else if (available_bytes < limit_bytes) {
            size = size * available_bytes / limit_bytes;
        } else if (used_fraction < 0.5 && available_bytes > (wide)limit_bytes * 2) {
            size = size * 6 / 5;
        }
    }
    uint64_t min = min_batch_size != 0 ? min_batch_size : 1;
    uint64_t max = max_batch_size != 0 ? max_batch_size : UINT64_MAX;
    uint64_t next = narrow(size);
    next = next < max ? next : max;
    return next > min ? next : min;
}

uint64_t augs_batch_size_for_memory(uint64_t sample_bytes, uint64_t available_bytes,
                                    uint64_t limit_bytes, uint64_t min_batch_size)
{
    uint64_t min = min_batch_size != 0 ? min_batch_size : 1;
    if (sample_bytes == 0) {
        return min;
    }
    uint64_t budget = (uint64_t)((wide)available_bytes * 9 / 10);
    if (limit_bytes != 0 && limit_bytes < budget) {
        budget = limit_bytes;
    }
    uint64_t size = budget / sample_bytes;
    return size > min ? size : min;
}

int augs_batch_size_for_shape(const uint64_t *shape, uint32_t n_dimensions, uint32_t element_bytes,
                              uint32_t n_copies, uint64_t available_bytes, uint64_t limit_bytes,
                              uint64_t min_batch_size, uint64_t *ret_batch_size, augs_error *error)
{
    if (ret_batch_size == NULL || (shape == NULL && n_dimensions > 0)) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "size for a shape: shape and ret_batch_size are required");
    }
    if (element_bytes == 0) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "size for a shape: element_bytes is 0; accepted: 1 or more");
    }
    uint64_t bytes = (uint64_t)element_bytes * (n_copies != 0 ? n_copies : 1);
    for (uint32_t i = 0; i < n_dimensions; i++) {
        if (shape[i] == 0) {
            return augsi_fail(error, AUGS_E_RANGE,
                              "size for a shape: dimension %u is 0; accepted: 1 or more", i);
        }
        if (__builtin_mul_overflow(bytes, shape[i], &bytes)) {
            return augsi_fail(
                error, AUGS_E_RANGE,
                "size for a shape: a sample of that shape has more bytes than 64 bits "
                "can count (at dimension %u, %llu)",
                i, (unsigned long long)shape[i]);
        }
    }
    *ret_batch_size =
        augs_batch_size_for_memory(bytes, available_bytes, limit_bytes, min_batch_size);
    return AUGS_OK;
}

/*
 * The names of NumPy (and ml_dtypes for it), PyTorch and safetensors, by bytes. A name that means
 * one thing in NumPy and another in PyTorch ("float", "int", "cfloat") is none alone; behind
 * "torch." it is PyTorch's.
 */
typedef struct sized_names {
    uint32_t n_bytes;
    const char *names; /* each with a space before and behind it */
} sized_names;

static const sized_names common_names[] = {
    {1, " bool bool_ int8 uint8 byte ubyte float8_e4m3fn float8_e4m3fnuz float8_e5m2 "
        "float8_e5m2fnuz float8_e8m0fnu qint8 quint8 BOOL U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 "},
    {2, " int16 uint16 short ushort float16 half bfloat16 bf16 U16 I16 F16 BF16 "},
    {4, " int32 uint32 intc uintc float32 single chalf complex32 qint32 U32 I32 F32 "},
    {8, " int64 uint64 longlong ulonglong float64 double complex64 csingle U64 I64 F64 C64 "},
    {16, " complex128 cdouble float128 "},
    {12, " float96 "},
    {24, " complex192 "},
    {32, " complex256 "},
    {sizeof(long), " long ulong "},
    {sizeof(void *), " intp uintp "},
    {sizeof(long double), " longdouble "},
    {2 * sizeof(long double), " clongdouble "},
};
static const sized_names torch_names[] = {{4, " float int "}, {8, " cfloat "}};
/* NumPy's codes; they may stand behind a byte order: '<', '>', '=', '|'. */
static const sized_names codes[] = {
    {1, " b1 i1 u1 ? b B "},
    {2, " i2 u2 f2 h H e "},
    {4, " i4 u4 f4 i I f "},
    {8, " i8 u8 f8 c8 q Q d F "},
    {12, " f12 "},
    {16, " f16 c16 D "},
    {24, " c24 "},
    {32, " c32 "},
    {sizeof(long), " l L "},
    {sizeof(long double), " g "},
    {2 * sizeof(long double), " G "},
};

static uint32_t look_up(const char *name, const sized_names *table, size_t n_rows)
{
    size_t n_bytes = strlen(name);
    if (n_bytes == 0 || strchr(name, ' ') != NULL) {
        return 0;
    }
    for (size_t i = 0; i < n_rows; i++) {
        const char *at = table[i].names;
        while ((at = strstr(at, name)) != NULL) {
            if (at[-1] == ' ' && at[n_bytes] == ' ') {
                return table[i].n_bytes;
            }
            at++;
        }
    }
    return 0;
}

#define LOOK_UP(name, table) look_up(name, table, sizeof(table) / sizeof(table)[0])

uint32_t augs_element_bytes(const char *dtype)
{
    if (dtype == NULL || dtype[0] == '\0') {
        return 0;
    }
    if (strncmp(dtype, "torch.", 6) == 0) {
        uint32_t n_bytes = LOOK_UP(dtype + 6, torch_names);
        return n_bytes != 0 ? n_bytes : LOOK_UP(dtype + 6, common_names);
    }
    uint32_t n_bytes = LOOK_UP(dtype, common_names);
    return n_bytes != 0 ? n_bytes : LOOK_UP(dtype + (strchr("<>=|", dtype[0]) != NULL), codes);
}

int augs_epochs_adjust(uint32_t mode, uint64_t ref_epochs, uint64_t ref_batch, uint64_t batch,
                       uint64_t min_epochs, uint64_t *ret_epochs, augs_error *error)
{
    if (ret_epochs == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "adjusted epochs: ret_epochs is required");
    }
    if (mode > AUGS_EPOCHS_EQUAL_SAMPLES) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "adjusted epochs: mode %u is unknown; accepted: 0 published, 1 equal "
                          "updates, 2 equal samples",
                          mode);
    }
    if (ref_epochs == 0 || ref_batch == 0 || batch == 0) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "adjusted epochs: ref_epochs, ref_batch and batch are at least 1");
    }
    wide epochs = ref_epochs;
    if (mode == AUGS_EPOCHS_PUBLISHED) {
        uint64_t least = min_epochs != 0 ? min_epochs : 50;
        epochs = (epochs * ref_batch + batch / 2) / batch;
        epochs = epochs > least ? epochs : least;
    } else if (mode == AUGS_EPOCHS_EQUAL_UPDATES) {
        epochs = (epochs * batch + ref_batch / 2) / ref_batch;
    }
    if (epochs > UINT64_MAX) {
        return augsi_fail(error, AUGS_E_RANGE,
                          "adjusted epochs: %llu epochs from batch %llu to %llu do not fit 64 bits",
                          (unsigned long long)ref_epochs, (unsigned long long)ref_batch,
                          (unsigned long long)batch);
    }
    *ret_epochs = epochs > 1 ? (uint64_t)epochs : 1;
    return AUGS_OK;
}
