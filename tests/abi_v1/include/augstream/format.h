/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The formats of records and of chunk files.
 *
 *     uint32_t format;
 *     for (uint32_t i = 0; (format = augs_format_at(i)) != 0; i++) {
 *         bool records = (augs_format_flags(format) & AUGS_FORMAT_HOLDS_RECORDS) != 0;
 *         printf("%s%s\n", augs_format_name(format), records ? ", one record after another" : "");
 *     }
 */
#ifndef AUGSTREAM_FORMAT_H
#define AUGSTREAM_FORMAT_H

#include <stdint.h>

#include <augstream/export.h>
#include <augstream/status.h>

AUGS_BEGIN_DECLS

/*
 * Formats of records and chunk files: X(code, number, name). The numbers never
 * change. augs_format_flags says what a format holds.
 */
#define AUGS_FORMAT_MAP(X)                                                                         \
    X(AUGS_FORMAT_JSONL, 1, jsonl)                                                                 \
    X(AUGS_FORMAT_CSV, 2, csv)                                                                     \
    X(AUGS_FORMAT_MSGPACK, 3, msgpack)                                                             \
    X(AUGS_FORMAT_NPY, 4, npy)                                                                     \
    X(AUGS_FORMAT_SAFETENSORS, 5, safetensors)

enum augs_format_codes {
#define AUGS_FORMAT_ENUM(code, number, name) code = (number),
    AUGS_FORMAT_MAP(AUGS_FORMAT_ENUM)
#undef AUGS_FORMAT_ENUM
};

/* Flags of a format. */
/* It holds one record after another, and augs_sink_open_records takes it. */
#define AUGS_FORMAT_HOLDS_RECORDS 1u
/* An output begins with a line that is no record. */
#define AUGS_FORMAT_HAS_HEADER 2u

/*
 * Returns the number of a format, for lists of all formats. index counts from
 * 0. Returns 0 if there are no more. Any thread.
 */
AUGS_API uint32_t augs_format_at(uint32_t index);

/*
 * Returns the name of a format, such as "jsonl". Returns NULL for a number that
 * is no format. Static memory. Any thread.
 */
AUGS_API const char *augs_format_name(uint32_t format);

/*
 * Returns AUGS_FORMAT_HOLDS_RECORDS and the other flags of a format. Returns 0
 * for a format of columns and for a number that is no format. Any thread.
 */
AUGS_API uint32_t augs_format_flags(uint32_t format);

/*
 * Finds the number of a format by its name. Any thread.
 *
 * AUGS_E_NOT_FOUND if there is no such format; the message lists all names.
 * AUGS_E_ARGUMENT if name or ret_format is NULL.
 */
AUGS_API int augs_format_find(const char *name, uint32_t *ret_format, augs_error *error);

AUGS_END_DECLS

#endif
