/* SPDX-License-Identifier: Apache-2.0 */
/* What columns have to be beyond their types: ranges, names, shapes, units. */
#include <string.h>

#include "base/checksum.h"
#include "base/fail.h"
#include "presets/kinds.h"

static bool good_name(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > AUGS_MAX_NAME_BYTES) {
        return false;
    }
    bool start = true;
    for (const char *p = name; *p != '\0'; p++) {
        if (*p == '.') {
            if (start) {
                return false;
            }
            start = true;
        } else if (*p >= 'a' && *p <= 'z') {
            start = false;
        } else if (((*p >= '0' && *p <= '9') || *p == '_') && !start) {
            continue;
        } else {
            return false;
        }
    }
    return !start;
}

static void check_name(augsi_draft *draft, uint32_t index)
{
    static const char *const reserved[] = {"sample_id", "batch", "augstream.order"};
    augsi_draft_column *column = &draft->columns[index];
    const char *name = column->info.name;
    if (!good_name(name)) {
        augsi_draft_fault(draft, column->name_mark,
                          "column '%.80s': a name is made of parts [a-z][a-z0-9_]* joined by dots, "
                          "at most %u bytes%s",
                          name, AUGS_MAX_NAME_BYTES,
                          strchr(name, ':') != NULL ? "; a blank follows the ':' of a key" : "");
        return;
    }
    uint32_t crc = augsi_crc32(name, strlen(name));
    column->name_crc = crc;
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        if (strcmp(name, reserved[i]) == 0) {
            augsi_draft_fault(draft, column->name_mark,
                              "column '%s': the name is reserved; rename it", name);
        } else if (crc == augsi_crc32(reserved[i], strlen(reserved[i]))) {
            augsi_draft_fault(
                draft, column->name_mark,
                "column '%s': its name has the CRC-32 of the reserved name '%s'; rename it", name,
                reserved[i]);
        }
    }
    for (uint32_t i = 0; i < index && !column->again; i++) {
        const char *other = draft->columns[i].info.name;
        if (draft->columns[i].name_crc != crc) {
            continue;
        }
        if (strcmp(other, name) == 0) {
            augsi_draft_fault(draft, column->name_mark,
                              "column '%s' stands twice; rename one of them", name);
        } else if (good_name(other)) {
            augsi_draft_fault(draft, column->name_mark,
                              "columns '%s' and '%s' have the same CRC-32 and would draw the same "
                              "numbers; rename one of them",
                              other, name);
        }
    }
}

static void check_shape(augsi_draft *draft, augsi_draft_column *column)
{
    if (column->shape_broken) {
        return;
    }
    if (column->info.shape < 1 || column->info.shape > AUGS_MAX_SHAPE) {
        augsi_draft_fault(draft, column->shape_mark,
                          "column '%s': shape %u; 1 to %u elements a sample are possible",
                          column->info.name, column->info.shape, AUGS_MAX_SHAPE);
        column->info.shape = 1;
        column->shape_broken = true;
    }
}

/* Units are free, but one edit from a known one is a slip. Short words such as "bit" have too many
 * honest neighbours (min, bin, bar): of those only the plural is one. */
static void check_unit(augsi_draft *draft, const augsi_draft_column *column)
{
    static const char *const known[] = {"degree", "turns",    "factor",  "fraction", "pixel",
                                        "sigma",  "semitone", "decibel", "bit"};
    const char *unit = column->info.unit;
    for (size_t i = 0; unit != NULL && i < sizeof known / sizeof known[0]; i++) {
        size_t n = strlen(known[i]);
        bool plural = strncmp(unit, known[i], n) == 0 && strcmp(unit + n, "s") == 0;
        bool slip = n >= 5 && augsi_edits(unit, known[i]) <= 1 && strcmp(unit, known[i]) != 0;
        if (plural || slip) {
            augsi_draft_fault(draft, column->unit_mark,
                              "column '%s': unit '%s', did you mean '%s'?", column->info.name, unit,
                              known[i]);
            return;
        }
    }
}

/* Each part of a column is checked whatever the others are like: one run tells every fault. */
void augsi_draft_check(augsi_draft *draft)
{
    for (uint32_t i = 0; i < draft->n_columns; i++) {
        augsi_draft_column *column = &draft->columns[i];
        check_name(draft, i);
        check_shape(draft, column);
        check_unit(draft, column);
        if (column->info.kind == 0) {
            continue;
        }
        if (!column->broken || column->info.n_choices > 0) { /* some values could be read */
            augsi_kinds[column->info.kind]->check(draft, column);
        }
        augsi_kind_derive(&column->info);
    }
    for (uint32_t i = 0; i < draft->n_columns; i++) {
        augsi_draft_check_gating(draft, i);
    }
}
