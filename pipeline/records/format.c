/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row per format. The list is AUGS_FORMAT_MAP: a format without its record form here, or
 * without its chunk form in offline/chunk_format.c, does not link.
 */
#include <string.h>

#include <augstream/sink.h>

#include "base/fail.h"
#include "base/words.h"
#include "pipeline/records/record_columns.h"

/* Formats of columns, which hold no records. */
const augsi_record_form augsi_record_form_npy = {.put = NULL};
const augsi_record_form augsi_record_form_safetensors = {.put = NULL};

typedef struct format_row {
    uint32_t number;
    const char *name;
    const augsi_record_form *records;
} format_row;

static const format_row rows[] = {
#define ROW(code, row_number, row_name)                                                            \
    {.number = (code), .name = #row_name, .records = &augsi_record_form_##row_name},
    AUGS_FORMAT_MAP(ROW)
#undef ROW
};

#define N_FORMATS (sizeof rows / sizeof rows[0])

static const format_row *row_of(uint32_t format)
{
    for (size_t i = 0; i < N_FORMATS; i++) {
        if (rows[i].number == format) {
            return &rows[i];
        }
    }
    return NULL;
}

uint32_t augs_format_at(uint32_t index)
{
    return index < N_FORMATS ? rows[index].number : 0;
}

const char *augs_format_name(uint32_t format)
{
    const format_row *row = row_of(format);
    return row != NULL ? row->name : NULL;
}

const augsi_record_form *augsi_record_form_of(uint32_t format)
{
    const format_row *row = row_of(format);
    return row != NULL && row->records->put != NULL ? row->records : NULL;
}

uint32_t augs_format_flags(uint32_t format)
{
    const augsi_record_form *form = augsi_record_form_of(format);
    if (form == NULL) {
        return 0;
    }
    return AUGS_FORMAT_HOLDS_RECORDS | (form->header != NULL ? AUGS_FORMAT_HAS_HEADER : 0);
}

void augsi_format_list(bool records_only, char *ret_text, size_t n_bytes)
{
    size_t used = 0;
    ret_text[0] = '\0';
    for (size_t i = 0; i < N_FORMATS; i++) {
        size_t n = strlen(rows[i].name);
        if ((records_only && rows[i].records->put == NULL) || used + n + 3 > n_bytes) {
            continue;
        }
        if (used > 0) {
            memcpy(ret_text + used, ", ", 2);
            used += 2;
        }
        memcpy(ret_text + used, rows[i].name, n + 1);
        used += n;
    }
}

int augs_format_find(const char *name, uint32_t *ret_format, augs_error *error)
{
    augsi_known_words known = {.near.word = name};
    if (name == NULL || ret_format == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "format: name and ret_format must not be NULL");
    }
    for (size_t i = 0; i < N_FORMATS; i++) {
        if (strcmp(name, rows[i].name) == 0) {
            *ret_format = rows[i].number;
            return AUGS_OK;
        }
        augsi_known_word(&known, rows[i].name);
    }
    return augsi_fail(error, AUGS_E_NOT_FOUND, "format '%.200s': no such format%s", name,
                      augsi_known_words_text(&known, "accepted"));
}
