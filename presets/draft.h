/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A preset on its way in: what the reader found, with the places it was found at, and the faults.
 * The reader binds types, the checker looks at what they mean together.
 */
#ifndef AUGSI_DRAFT_H
#define AUGSI_DRAFT_H

#include <stdbool.h>
#include <stdint.h>

#include <augstream/preset.h>

#include "base/memory.h"

/* A place in the text, from 1; 0 = none. override: from 1, the one that wrote the value that stands
 * there or a part of it; 0 = none. */
typedef struct augsi_mark {
    uint32_t line, column, override;
} augsi_mark;

typedef struct augsi_fault {
    augsi_mark mark;
    uint32_t number;  /* in the order of finding */
    uint32_t warning; /* 0: a fault */
    const char *message;
} augsi_fault;

typedef struct augsi_draft_column {
    augs_column_info info;
    augsi_mark name_mark, value_mark, shape_mark, when_mark, when_value_mark, identity_mark,
        unit_mark;
    uint32_t name_crc;
    const char *when_column; /* NULL: no gate, or none that could be read */
    const char *when_choice; /* the choice's text, NULL for a bernoulli gate */
    const char *identity;    /* as written, NULL: none, or none that could be read */
    bool identity_is_number; /* written without quotes: of a choice column, the index */
    bool has_when, has_identity;
    bool again;        /* a column of this name stands before it */
    bool broken;       /* the value of its kind could not be read; info.kind 0: there is no kind */
    bool shape_broken; /* reported already */
} augsi_draft_column;

typedef struct augsi_draft {
    augsi_arena *arena;
    const char *origin;           /* of the text, for messages */
    const char *const *overrides; /* the options' */
    const char *name, *description, *source;
    augsi_draft_column *columns;
    uint32_t n_columns;
    augsi_fault *faults;
    uint32_t n_faults, fault_capacity;
    bool no_memory;
} augsi_draft;

void augsi_draft_fault(augsi_draft *draft, augsi_mark mark, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A fault in the list that does not keep the preset from being used: AUGS_WARNING_... */
void augsi_draft_warning(augsi_draft *draft, augsi_mark mark, uint32_t warning, const char *format,
                         ...) __attribute__((format(printf, 4, 5)));
void augsi_draft_sort_faults(augsi_draft *draft);

/* Reads a text into the draft; faults are recorded. Negative only if it could not be read at all
 * (memory). */
int augsi_draft_read(augsi_draft *draft, const char *text, size_t n_bytes,
                     const augs_preset_options *options, augs_error *error);
/* Everything that the format forbids beyond the types; resolves gates and identities. */
void augsi_draft_check(augsi_draft *draft);
/* Warnings about a draft without faults. */
void augsi_draft_warn(augsi_draft *draft);

/* ---- the text by the lines and columns that libyaml counts ---- */

/* The bytes of a byte order mark that the text begins with: 3 or 0. */
size_t augsi_bom_bytes(const char *text, size_t n_bytes);
/* The place of the byte at `offset`; a byte that is no UTF-8 counts as a character. */
augsi_mark augsi_mark_at(const char *text, size_t n_bytes, size_t offset);

/* Lines in ascending order, each found from the one before. */
typedef struct augsi_line_walk {
    const char *line, *end;
    uint32_t number; /* of line, from 1 */
} augsi_line_walk;

void augsi_lines_init(augsi_line_walk *walk, const char *text, size_t n_bytes);
/* Goes to a line that is not before the last one. Bytes of it without its end; 0 beyond the text.
 */
size_t augsi_lines_seek(augsi_line_walk *walk, uint32_t number);

#endif
