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
 * Formats of records and chunk files: X(code, number, name). The numbers are pinned for ever; their
 * order says nothing. Ask augs_format_flags what a format holds.
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

/* What a format holds. */
#define AUGS_FORMAT_HOLDS_RECORDS 1u /* one record after another, as augs_sink_open_records */
#define AUGS_FORMAT_HAS_HEADER 2u    /* an output begins with a line that is no record */

/* The index-th format, from 0; 0 if there are no more. For lists: nothing else orders formats. */
AUGS_API uint32_t augs_format_at(uint32_t index);
/* The name of a format, such as "jsonl"; NULL for a number that is no format. Static memory. */
AUGS_API const char *augs_format_name(uint32_t format);
/* AUGS_FORMAT_HOLDS_RECORDS and the other flags of a format, 0 for a number that is no format. */
AUGS_API uint32_t augs_format_flags(uint32_t format);
/*
 * Finds the format of a name. AUGS_E_NOT_FOUND: there is none, the message lists those that exist.
 * AUGS_E_ARGUMENT: a pointer is NULL.
 */
AUGS_API int augs_format_find(const char *name, uint32_t *ret_format, augs_error *error);

AUGS_END_DECLS

#endif
