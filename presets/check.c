/* SPDX-License-Identifier: Apache-2.0 */
/* What columns have to be beyond their types: names, shapes, units, ranges, gates, identities. */
#include <math.h>
#include <string.h>

#include "base/checksum.h"
#include "base/fail.h"
#include "base/number_text.h"
#include "base/words.h"
#include "presets/kinds.h"

/* ---- names, shapes, units ---- */

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
        augsi_draft_fault(
            draft, column->name_mark,
            "column '%.200s': a name is made of parts [a-z][a-z0-9_]* joined by dots, "
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
                          "column '%s': shape %u; 1 to %u elements per sample are possible",
                          column->info.name, column->info.shape, AUGS_MAX_SHAPE);
        column->info.shape = 1;
        column->shape_broken = true;
    }
}

/* Units are free, but one edit from a known one is a slip. Short words such as "bit" have too many
 * honest neighbors (min, bin, bar): of those only the plural is one. */
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

/* ---- gates and identities: from names and texts to columns, values and bits ---- */

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
    augsi_word_list gates = {.space = 100};
    char hint[AUGSI_HINT_BYTES];
    for (uint32_t i = 0; i < draft->n_columns; i++) {
        const augs_column_info *info = &draft->columns[i].info;
        augsi_suggest(&gate, info->name);
        if (i < index && augsi_kinds[info->kind]->is_gate) {
            augsi_list_word(&gates, info->name);
        }
    }
    augsi_suggestion_text(&gate, hint);
    const char *gates_before = gate.nearest != NULL ? "" : "; gates before it: ";
    if (gate.nearest == NULL && gates.n_bytes == 0) {
        gates_before = "; put a bernoulli or choice column before it";
    }
    augsi_draft_fault(draft, column->when_mark, "column '%s': its gate '%.200s' is no column%s%s%s",
                      column->info.name, column->when_column, hint, gates_before,
                      gate.nearest != NULL ? "" : gates.text);
}

/* The value of a choice gate; false: a fault was recorded. */
static bool resolve_choice(augsi_draft *draft, augsi_draft_column *column,
                           const augsi_draft_column *gate)
{
    if (gate->info.n_choices == 0) {
        return false; /* reported at the gate */
    }
    augsi_known_words values = {.near.word = column->when_choice, .list.space = 100};
    for (uint32_t i = 0; i < gate->info.n_choices; i++) {
        const char *text = gate->info.choices[i].text;
        if (text == NULL) {
            continue;
        }
        if (strcmp(text, column->when_choice) == 0) {
            column->info.gate_value = i;
            return true;
        }
        augsi_known_word(&values, text);
    }
    augsi_draft_fault(draft, column->when_value_mark, "column '%s': '%.200s' is no value of '%s'%s",
                      column->info.name, column->when_choice, gate->info.name,
                      augsi_known_words_text(&values, "its values"));
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
    if (!augsi_kinds[gate->info.kind]->is_gate) {
        augsi_draft_fault(
            draft, column->when_mark,
            "column '%s': its gate '%s' is of kind %s; gates are bernoulli or choice columns", name,
            gate->info.name, augsi_kinds[gate->info.kind]->name);
        return;
    }
    const bool choice = augsi_kinds[gate->info.kind]->form == AUGS_FORM_CHOICES;
    if (choice != (column->when_choice != NULL)) {
        augsi_draft_fault(draft, column->when_mark,
                          "column '%s': '%s' is a %s column: write when: %s%s%s", name,
                          gate->info.name, augsi_kinds[gate->info.kind]->name, choice ? "{" : "",
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

/* The index of the value that an identity names; UINT32_MAX: it names none. Without quotes it is
 * the index itself. */
static uint32_t choice_of_identity(const augsi_draft_column *column)
{
    const augs_column_info *info = &column->info;
    const char *text = column->identity;
    uint64_t index;
    for (uint32_t i = 0; !column->identity_is_number && i < info->n_choices; i++) {
        const augs_choice *choice = &info->choices[i];
        if (choice->text != NULL && choice->is_number == 0 && strcmp(choice->text, text) == 0) {
            return i;
        }
    }
    return augsi_parse_u64(text, strlen(text), &index) && index < info->n_choices ? (uint32_t)index
                                                                                  : UINT32_MAX;
}

/* Identity text to the element's bits; what is accepted if it has none, else NULL. */
static const char *read_identity(const augsi_draft_column *column, uint64_t *ret_bits)
{
    const char *text = column->identity;
    const size_t n_bytes = strlen(text);
    double number;
    uint64_t natural;
    int64_t integer;
    switch (column->info.dtype) {
    case AUGS_DTYPE_F32:
        if (augsi_parse_f64(text, n_bytes, &number) && isfinite((float)number)) {
            const float single = (float)number;
            uint32_t bits;
            memcpy(&bits, &single, sizeof bits);
            *ret_bits = bits;
            return NULL;
        }
        return "a number that fits a 32-bit float";
    case AUGS_DTYPE_I32:
        if (augsi_parse_i64(text, n_bytes, &integer) && integer >= INT32_MIN &&
            integer <= INT32_MAX) {
            *ret_bits = (uint32_t)(int32_t)integer;
            return NULL;
        }
        return "a whole number that fits 32 bits";
    case AUGS_DTYPE_I64:
        if (augsi_parse_i64(text, n_bytes, &integer)) {
            *ret_bits = (uint64_t)integer;
            return NULL;
        }
        return "a whole number that fits 64 bits";
    case AUGS_DTYPE_BOOL:
        if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0) {
            *ret_bits = 1;
            return NULL;
        }
        *ret_bits = 0;
        return strcmp(text, "false") == 0 || strcmp(text, "0") == 0 ? NULL : "false, true, 0 or 1";
    default:
        if (augsi_parse_u64(text, n_bytes, &natural)) {
            *ret_bits = natural;
            return NULL;
        }
        return "a whole number from 0 to 18446744073709551615";
    }
}

static void resolve_identity(augsi_draft *draft, augsi_draft_column *column)
{
    augs_column_info *info = &column->info;
    if (augsi_kinds[info->kind]->form == AUGS_FORM_CHOICES) {
        const uint32_t index = choice_of_identity(column);
        if (index == UINT32_MAX) {
            augsi_draft_fault(draft, column->identity_mark,
                              "column '%s': identity '%.200s'; one of its values or its index, a "
                              "whole number from 0 to %u is accepted",
                              info->name, column->identity, info->n_choices - 1);
        } else {
            info->identity_bits = index;
        }
        return;
    }
    const char *accepted = read_identity(column, &info->identity_bits);
    if (accepted != NULL) {
        augsi_draft_fault(draft, column->identity_mark,
                          "column '%s': identity '%.200s'; %s is accepted", info->name,
                          column->identity, accepted);
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
    if (info->kind == 0 ||
        (augsi_kinds[info->kind]->form == AUGS_FORM_CHOICES && info->n_choices == 0)) {
        return; /* nobody knows what the identity has to be */
    }
    if (column->identity != NULL) {
        resolve_identity(draft, column);
    } else if (column->has_when && !column->has_identity &&
               augsi_kinds[info->kind]->needs_identity) {
        augsi_draft_fault(draft, column->when_mark,
                          "column '%s': when without identity; add the value that changes nothing, "
                          "e.g. identity: 0",
                          info->name);
    }
}

/* ---- everything ---- */

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
        check_gating(draft, i);
    }
}

/* Gates stand before their columns: one pass in order finds all that never open. */
void augsi_draft_warn(augsi_draft *draft)
{
    bool *closed = augsi_arena_new(draft->arena, draft->n_columns * sizeof *closed);
    if (closed == NULL) {
        draft->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < draft->n_columns; i++) {
        const augsi_draft_column *column = &draft->columns[i];
        const augs_column_info *info = &column->info;
        if (info->gate == AUGS_NO_GATE) {
            continue;
        }
        const augs_column_info *gate = &draft->columns[info->gate].info;
        if (closed[info->gate]) {
            closed[i] = true;
            augsi_draft_warning(draft, column->when_mark, AUGS_WARNING_CLOSED_GATE,
                                "column '%s' is never open: its gate '%s' is never open itself",
                                info->name, gate->name);
        } else if (!augsi_kinds[gate->kind]->can_draw(gate, info->gate_value)) {
            closed[i] = true;
            augsi_draft_warning(
                draft, column->when_mark, AUGS_WARNING_CLOSED_GATE,
                "column '%s' is never open: its gate '%s' is never %.200s", info->name, gate->name,
                gate->n_choices > 0 ? gate->choices[info->gate_value].text : "true");
        }
    }
}
