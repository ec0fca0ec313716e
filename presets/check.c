/* SPDX-License-Identifier: Apache-2.0 */
/* What columns have to be beyond their types: ranges, names, shapes, units. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checksum.h"
#include "draft.h"
#include "fail.h"
#include "number_text.h"

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

static void text_of(double number, char ret_text[AUGSI_NUMBER_BYTES + 1])
{
    ret_text[isfinite(number) ? augsi_f64_text(number, ret_text)
                              : (size_t)snprintf(ret_text, 5, "nan")] = '\0';
}

static void check_range(augsi_draft *draft, const augsi_draft_column *column)
{
    const double low = column->info.numbers[0], high = column->info.numbers[1];
    const char *kind = augsi_kind_words[column->info.kind], *name = column->info.name;
    char a[AUGSI_NUMBER_BYTES + 1], b[AUGSI_NUMBER_BYTES + 1];
    text_of(low, a);
    text_of(high, b);
    if (column->info.kind == AUGS_KIND_INTEGER) {
        if (low != rint(low) || high != rint(high) || low < INT32_MIN || high > INT32_MAX ||
            low > high) {
            augsi_draft_fault(draft, column->value_mark,
                              "column '%s': integer [%s, %s]; two whole numbers from -2147483648 "
                              "to 2147483647, the first not above the second",
                              name, a, b);
        }
        return;
    }
    if (!(low < high)) {
        augsi_draft_fault(
            draft, column->value_mark,
            "column '%s': %s [%s, %s] is empty; the first number has to be below the second", name,
            kind, a, b);
    } else if (!isfinite((float)high - (float)low) || !isfinite((float)high) ||
               !isfinite((float)low)) {
        augsi_draft_fault(draft, column->value_mark,
                          "column '%s': %s [%s, %s] is wider than a 32-bit float can hold", name,
                          kind, a, b);
    } else if ((float)low == (float)high) {
        augsi_draft_fault(
            draft, column->value_mark,
            "column '%s': %s [%s, %s]: both ends are the same 32-bit float; use constant", name,
            kind, a, b);
    }
    if (column->info.kind == AUGS_KIND_LOG_UNIFORM && !(low > 0 && (float)low >= 0x1p-126f)) {
        augsi_draft_fault(draft, column->value_mark,
                          "column '%s': log_uniform [%s, %s]: both numbers have to be above 0 and "
                          "normal 32-bit floats",
                          name, a, b);
    }
}

static void check_normal(augsi_draft *draft, const augsi_draft_column *column)
{
    const augs_column_info *info = &column->info;
    const double *x = info->numbers;
    char a[AUGSI_NUMBER_BYTES + 1], b[AUGSI_NUMBER_BYTES + 1];
    bool has_min = (info->flags & AUGS_HAS_MIN) != 0, has_max = (info->flags & AUGS_HAS_MAX) != 0;
    text_of(x[1], a);
    if (!(x[1] > 0) || !isfinite((float)x[1]) || !isfinite((float)x[0])) {
        augsi_draft_fault(draft, column->value_mark,
                          "column '%s': std %s; it has to be above 0, and mean and std have to fit "
                          "a 32-bit float",
                          info->name, a);
        return;
    }
    if (has_min && has_max && !(x[2] < x[3])) {
        text_of(x[2], a);
        text_of(x[3], b);
        augsi_draft_fault(draft, column->value_mark, "column '%s': min %s is not below max %s",
                          info->name, a, b);
        return;
    }
    double low = has_min ? (x[2] - x[0]) / x[1] : -INFINITY,
           high = has_max ? (x[3] - x[0]) / x[1] : INFINITY;
    if (low > 37 || high < -37) {
        augsi_draft_fault(
            draft, column->value_mark,
            "column '%s': the bounds lie more than 37 standard deviations from the mean",
            info->name);
    }
}

static void check_numbers(augsi_draft *draft, augsi_draft_column *column)
{
    const augs_column_info *info = &column->info;
    char a[AUGSI_NUMBER_BYTES + 1], b[AUGSI_NUMBER_BYTES + 1];
    text_of(info->numbers[0], a);
    text_of(info->numbers[1], b);
    switch (info->kind) {
    case AUGS_KIND_UNIFORM:
    case AUGS_KIND_LOG_UNIFORM:
    case AUGS_KIND_INTEGER:
        check_range(draft, column);
        break;
    case AUGS_KIND_CONSTANT:
        if (!isfinite((float)info->numbers[0])) {
            augsi_draft_fault(draft, column->value_mark,
                              "column '%s': constant %s does not fit a 32-bit float", info->name,
                              a);
        }
        break;
    case AUGS_KIND_NORMAL:
        check_normal(draft, column);
        break;
    case AUGS_KIND_BETA:
        for (int i = 0; i < 2; i++) {
            if (!(info->numbers[i] >= 0.01 && info->numbers[i] <= 1000)) {
                augsi_draft_fault(
                    draft, column->value_mark,
                    "column '%s': beta [%s, %s]; both numbers have to be from 0.01 to 1000",
                    info->name, a, b);
                break;
            }
        }
        break;
    case AUGS_KIND_BERNOULLI:
        if (!(info->numbers[0] >= 0 && info->numbers[0] <= 1)) {
            augsi_draft_fault(draft, column->value_mark,
                              "column '%s': probability %s; it has to be from 0 to 1", info->name,
                              a);
        }
        break;
    case AUGS_KIND_PERMUTATION:
        if (!(info->numbers[0] >= 2 && info->numbers[0] <= AUGS_MAX_PERMUTATION) ||
            info->numbers[0] != rint(info->numbers[0])) {
            augsi_draft_fault(draft, column->value_mark,
                              "column '%s': a permutation of %s; 2 to %u are accepted", info->name,
                              a, AUGS_MAX_PERMUTATION);
        }
        break;
    default:
        break;
    }
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void check_choices(augsi_draft *draft, augsi_draft_column *column)
{
    const augs_column_info *info = &column->info;
    double total = 0;
    if (info->n_choices == 0 && column->broken) {
        return;
    }
    if (info->n_choices == 0 || info->n_choices > AUGS_MAX_CHOICES) {
        augsi_draft_fault(draft, column->value_mark, "column '%s': %u values; 1 to %u are accepted",
                          info->name, info->n_choices, AUGS_MAX_CHOICES);
        return;
    }
    const char **sorted = augsi_arena_new(draft->arena, info->n_choices * sizeof *sorted);
    if (sorted == NULL) {
        draft->no_memory = true;
        return;
    }
    uint32_t n_sorted = 0;
    for (uint32_t i = 0; i < info->n_choices; i++) {
        if (info->choices[i].text != NULL) {
            sorted[n_sorted++] = info->choices[i].text;
        }
        if (!(info->choices[i].weight >= 0)) {
            augsi_draft_fault(draft, column->value_mark,
                              "column '%s': weights are numbers of 0 or more", info->name);
            return;
        }
        total += info->choices[i].weight;
    }
    if (!column->broken && (!(total > 0) || !isfinite(total * 4294967296.0))) {
        augsi_draft_fault(draft, column->value_mark,
                          "column '%s': the sum of the weights has to be above 0 and finite",
                          info->name);
    }
    qsort(sorted, n_sorted, sizeof *sorted, compare_texts);
    for (uint32_t i = 1; i < n_sorted; i++) {
        if (strcmp(sorted[i - 1], sorted[i]) == 0) {
            augsi_draft_fault(draft, column->value_mark,
                              "column '%s': the value '%.60s' stands twice", info->name, sorted[i]);
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
        if (!column->broken) {
            check_numbers(draft, column);
        }
        if (column->info.kind == AUGS_KIND_CHOICE) {
            check_choices(draft, column);
        }
        augsi_draft_derive(&column->info);
    }
    for (uint32_t i = 0; i < draft->n_columns; i++) {
        augsi_draft_check_gating(draft, i);
    }
}
