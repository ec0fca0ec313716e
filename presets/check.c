/* SPDX-License-Identifier: Apache-2.0 */
/* What columns have to be beyond their types: ranges, names, gates, identities. */
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

static uint32_t find_column(const augsi_draft *draft, const char *name)
{
    for (uint32_t i = 0; i < draft->n_columns; i++) {
        if (strcmp(draft->columns[i].info.name, name) == 0) {
            return i;
        }
    }
    return UINT32_MAX;
}

static void gate_not_found(augsi_draft *draft, uint32_t index)
{
    const augsi_draft_column *column = &draft->columns[index];
    augsi_suggestion gate = {.word = column->when_column};
    augsi_word_list gates = {.room = 100};
    for (uint32_t i = 0; i < draft->n_columns; i++) {
        const augs_column_info *info = &draft->columns[i].info;
        augsi_suggest(&gate, info->name);
        if (i < index && (info->kind == AUGS_KIND_BERNOULLI || info->kind == AUGS_KIND_CHOICE)) {
            augsi_list_word(&gates, info->name);
        }
    }
    if (gate.nearest != NULL) {
        augsi_draft_fault(draft, column->when_mark,
                          "column '%s': its gate '%.64s' is no column, did you mean '%s'?",
                          column->info.name, column->when_column, gate.nearest);
    } else if (gates.n_bytes > 0) {
        augsi_draft_fault(draft, column->when_mark,
                          "column '%s': its gate '%.64s' is no column; gates before it: %s",
                          column->info.name, column->when_column, gates.text);
    } else {
        augsi_draft_fault(draft, column->when_mark,
                          "column '%s': its gate '%.64s' is no column; put a bernoulli or choice "
                          "column before it",
                          column->info.name, column->when_column);
    }
}

/* The value of a choice gate; false: a fault was recorded. */
static bool resolve_choice(augsi_draft *draft, augsi_draft_column *column,
                           const augsi_draft_column *gate)
{
    if (gate->info.n_choices == 0) {
        return false; /* reported at the gate */
    }
    augsi_suggestion value = {.word = column->when_choice};
    augsi_word_list values = {.room = 100};
    for (uint32_t i = 0; i < gate->info.n_choices; i++) {
        const char *text = gate->info.choices[i].text;
        if (text == NULL) {
            continue;
        }
        if (strcmp(text, column->when_choice) == 0) {
            column->info.gate_value = i;
            return true;
        }
        augsi_suggest(&value, text);
        augsi_list_word(&values, text);
    }
    const char *nearest = value.nearest;
    augsi_draft_fault(draft, column->when_value_mark,
                      "column '%s': '%.64s' is no value of '%s'%s%.64s%s; its values: %s",
                      column->info.name, column->when_choice, gate->info.name,
                      nearest != NULL ? ", did you mean '" : "", nearest != NULL ? nearest : "",
                      nearest != NULL ? "'?" : "", values.text);
    return false;
}

static void resolve_gate(augsi_draft *draft, uint32_t index)
{
    augsi_draft_column *column = &draft->columns[index];
    const char *name = column->info.name;
    uint32_t at = find_column(draft, column->when_column);
    if (at == UINT32_MAX) {
        gate_not_found(draft, index);
        return;
    }
    const augsi_draft_column *gate = &draft->columns[at];
    if (at >= index) {
        augsi_draft_fault(
            draft, column->when_mark,
            "column '%s': its gate '%s' %s; a gate stands before the columns that name it", name,
            gate->info.name, at == index ? "is the column itself" : "stands after it");
        return;
    }
    if (gate->info.kind == 0) {
        return; /* reported there */
    }
    if (gate->info.kind != AUGS_KIND_BERNOULLI && gate->info.kind != AUGS_KIND_CHOICE) {
        augsi_draft_fault(
            draft, column->when_mark,
            "column '%s': its gate '%s' is of kind %s; gates are bernoulli or choice columns", name,
            gate->info.name, augsi_kind_words[gate->info.kind]);
        return;
    }
    if ((gate->info.kind == AUGS_KIND_CHOICE) != (column->when_choice != NULL)) {
        bool choice = gate->info.kind == AUGS_KIND_CHOICE;
        augsi_draft_fault(draft, column->when_mark,
                          "column '%s': '%s' is a %s column: write when: %s%s%s", name,
                          gate->info.name, choice ? "choice" : "bernoulli", choice ? "{" : "",
                          gate->info.name, choice ? ": VALUE}" : "");
        return;
    }
    bool shapes = !gate->shape_broken && !column->shape_broken;
    if (shapes && gate->info.shape != 1 && gate->info.shape != column->info.shape) {
        augsi_draft_fault(
            draft, column->when_mark,
            "column '%s' has %u elements, its gate '%s' %u; a gate has one or as many", name,
            column->info.shape, gate->info.name, gate->info.shape);
    }
    column->info.gate_value = 1;
    if (column->when_choice == NULL || resolve_choice(draft, column, gate)) {
        column->info.gate = at;
    }
}

/* Identity text to the element's bits. */
static void resolve_identity(augsi_draft *draft, augsi_draft_column *column)
{
    augs_column_info *info = &column->info;
    const char *text = column->identity;
    double number;
    uint64_t natural;
    int64_t integer;
    float single;
    uint32_t bits;
    switch (info->dtype) {
    case AUGS_DTYPE_F32:
        if (augsi_parse_f64(text, strlen(text), &number) && isfinite((float)number)) {
            single = (float)number;
            memcpy(&bits, &single, sizeof bits);
            info->identity_bits = bits;
            return;
        }
        augsi_draft_fault(
            draft, column->identity_mark,
            "column '%s': identity '%.40s'; a number that fits a 32-bit float is accepted",
            info->name, text);
        return;
    case AUGS_DTYPE_I32:
        if (augsi_parse_i64(text, strlen(text), &integer) && integer >= INT32_MIN &&
            integer <= INT32_MAX) {
            info->identity_bits = (uint32_t)(int32_t)integer;
            return;
        }
        augsi_draft_fault(
            draft, column->identity_mark,
            "column '%s': identity '%.40s'; a whole number that fits 32 bits is accepted",
            info->name, text);
        return;
    default:
        if (info->kind == AUGS_KIND_CHOICE && !column->identity_is_number) {
            for (uint32_t i = 0; i < info->n_choices; i++) {
                if (info->choices[i].text != NULL && strcmp(info->choices[i].text, text) == 0 &&
                    info->choices[i].is_number == 0) {
                    info->identity_bits = i;
                    return;
                }
            }
        }
        natural = info->dtype == AUGS_DTYPE_U8    ? UINT8_MAX
                  : info->dtype == AUGS_DTYPE_U16 ? UINT16_MAX
                                                  : UINT64_MAX;
        if (info->kind == AUGS_KIND_BERNOULLI) {
            natural = 1;
        } else if (info->kind == AUGS_KIND_CHOICE) {
            natural = info->n_choices - 1;
        }
        uint64_t most = natural;
        if (augsi_parse_u64(text, strlen(text), &natural) && natural <= most) {
            info->identity_bits = natural;
            return;
        }
        augsi_draft_fault(
            draft, column->identity_mark,
            "column '%s': identity '%.40s'; %sa whole number from 0 to %llu is accepted",
            info->name, text,
            info->kind == AUGS_KIND_CHOICE ? "one of its values or its index, " : "",
            (unsigned long long)most);
    }
}

static void check_gating(augsi_draft *draft, uint32_t index)
{
    augsi_draft_column *column = &draft->columns[index];
    const augs_column_info *info = &column->info;
    if (column->has_identity && !column->has_when) {
        augsi_draft_fault(draft, column->identity_mark,
                          "column '%s': identity without when; add the gate or leave identity out",
                          info->name);
    }
    if (column->when_column != NULL) {
        resolve_gate(draft, index);
    }
    if (info->kind == 0 || (info->kind == AUGS_KIND_CHOICE && info->n_choices == 0)) {
        return; /* nobody knows what the identity has to be */
    }
    if (column->identity != NULL) {
        resolve_identity(draft, column);
    } else if (column->has_when && !column->has_identity &&
               (info->dtype == AUGS_DTYPE_F32 || info->dtype == AUGS_DTYPE_I32)) {
        augsi_draft_fault(draft, column->when_mark,
                          "column '%s': when without identity; add the value that changes nothing, "
                          "e.g. identity: 0",
                          info->name);
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
        check_gating(draft, i);
    }
}
