/* SPDX-License-Identifier: Apache-2.0 */
/* The preset object: opened from a text, a file, a shipped name or columns in memory. */
#include "presets/preset_impl.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/float_env.h"
#include "base/sized_struct.h"
#include "base/text.h"
#include "base/words.h"
#include "presets/kinds.h"

/* ---- opening and its end ---- */

static void preset_free(augs_preset *preset)
{
    augs_allocator allocator = preset->arena.allocator;
    augsi_arena_done(&preset->arena);
    augsi_delete(&allocator, preset, sizeof *preset);
}

static int take_options(const augs_preset_options *given, augs_preset_options *ret_options,
                        augs_allocator *ret_allocator, augs_error *error)
{
    int status = AUGSI_TAKE(augs_preset_options, given, ret_options, error);
    if (status < 0) {
        return status;
    }
    if (ret_options->n_overrides > 0 && ret_options->overrides == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "preset: overrides must be a list of n_overrides texts");
    }
    return augsi_allocator_copy(ret_options->allocator, ret_allocator, error);
}

static int preset_new(const augs_allocator *allocator, augs_preset **ret_preset, augs_error *error)
{
    augs_preset *preset = augsi_new(allocator, sizeof *preset);
    if (preset == NULL) {
        return augsi_fail_memory(error, sizeof *preset);
    }
    augsi_refcount_init(&preset->refcount);
    augsi_arena_init(&preset->arena, allocator);
    *ret_preset = preset;
    return AUGS_OK;
}

/* Length of a text that is cut before a word if it has more than `space` bytes. */
static int cut_at_word(const char *text, size_t space)
{
    size_t n = strlen(text);
    if (n <= space) {
        return (int)n;
    }
    for (n = space; n > space / 2 && text[n] != ' '; n--) {
    }
    n = text[n] == ' ' ? n : space;
    while (n > 0 && (text[n - 1] == ' ' || ((unsigned char)text[n] & 0xC0) == 0x80)) {
        n--;
    }
    return (int)n;
}

/* The first fault as an error, with the number of the others and the end of a long origin. */
static int fail_by_faults(augsi_draft *draft, augs_error *error)
{
    augsi_draft_sort_faults(draft);
    const augsi_fault *fault = &draft->faults[0];
    char place[48] = "", more[32] = "";
    if (fault->mark.line > 0) {
        snprintf(place, sizeof place, ":%u:%u", fault->mark.line, fault->mark.column);
    }
    if (draft->n_faults > 1) {
        snprintf(more, sizeof more, " (and %u more)", draft->n_faults - 1);
    }
    size_t space =
        sizeof error->message - sizeof "preset '...':  ..." - strlen(place) - strlen(more);
    const char *origin = draft->origin + strlen(draft->origin);
    const size_t most = sizeof error->message / 4;
    size_t n_origin = strlen(draft->origin) < most ? strlen(draft->origin) : most;
    for (origin -= n_origin; ((unsigned char)*origin & 0xC0) == 0x80; origin++) {
        n_origin--;
    }
    int n_message = cut_at_word(fault->message, space - n_origin);
    return augsi_fail(error, AUGS_E_PRESET, "preset '%s%s'%s: %.*s%s%s",
                      origin > draft->origin ? "..." : "", origin, place, n_message, fault->message,
                      fault->message[n_message] != '\0' ? " ..." : "", more);
}

/* A draft without faults becomes the preset's columns. It may get a fault here, too. */
static int preset_take(augs_preset *preset, augsi_draft *draft, augs_error *error)
{
    preset->name = draft->name;
    preset->description = draft->description;
    preset->source = draft->source;
    preset->n_columns = draft->n_columns;
    preset->columns = augsi_arena_new(&preset->arena, draft->n_columns * sizeof *preset->columns);
    if (preset->columns == NULL) {
        return augsi_fail_memory(error, draft->n_columns * sizeof *preset->columns);
    }
    for (uint32_t i = 0; i < draft->n_columns; i++) {
        preset->columns[i] = draft->columns[i].info;
        augsi_kind_moments(&preset->columns[i]);
    }
    int status = augsi_preset_describe(preset, error);
    if (status == AUGS_OK && strlen(preset->text) > AUGS_MAX_PRESET_BYTES) {
        augsi_draft_fault(draft, (augsi_mark){0},
                          "the canonical text, which chunk files carry, would have %zu bytes; at "
                          "most %u can be read back: fewer or shorter values are needed",
                          strlen(preset->text), AUGS_MAX_PRESET_BYTES);
    }
    return status;
}

static int finish(augs_preset *preset, augsi_draft *draft, augs_preset **ret_preset,
                  augs_error *error)
{
    int status = AUGS_OK;
    if (!draft->no_memory && draft->n_faults == 0) {
        status = preset_take(preset, draft, error);
    }
    if (draft->no_memory) {
        status = augsi_fail(error, AUGS_E_NO_MEMORY, "preset '%.200s': no memory to read it",
                            draft->origin);
    } else if (draft->n_faults > 0) {
        status = fail_by_faults(draft, error);
    }
    if (status < 0) {
        preset_free(preset);
    } else {
        *ret_preset = preset;
    }
    return status;
}

/* The name of a preset without one: the file's, without folder and ending. */
static const char *name_of_origin(augsi_arena *arena, const char *origin)
{
    const char *slash = strrchr(origin, '/'), *start = slash != NULL ? slash + 1 : origin;
    const char *dot = strrchr(start, '.');
    const char *name = augsi_arena_text(
        arena, start, dot != NULL && dot > start ? (size_t)(dot - start) : strlen(start));
    return name != NULL ? name : "";
}

/* A new preset and the draft of a text, with its faults. */
static int read_text(const char *text, size_t n_bytes, const char *origin,
                     const augs_preset_options *options, augsi_draft *ret_draft,
                     augs_preset **ret_preset, augs_error *error)
{
    augs_allocator allocator;
    augs_preset_options taken;
    int status = take_options(options, &taken, &allocator, error);
    status = status < 0 ? status : preset_new(&allocator, ret_preset, error);
    if (status < 0) {
        return status;
    }
    *ret_draft = (augsi_draft){.arena = &(*ret_preset)->arena,
                               .origin = origin != NULL ? origin : "text",
                               .description = "",
                               .source = ""};
    augsi_draft_read(ret_draft, text != NULL ? text : "", n_bytes, &taken, NULL);
    if (ret_draft->name == NULL) {
        ret_draft->name = name_of_origin(ret_draft->arena, ret_draft->origin);
    }
    augsi_draft_check(ret_draft);
    return AUGS_OK;
}

int augs_preset_open_text(const char *text, size_t n_bytes, const char *origin,
                          const augs_preset_options *options, augs_preset **ret_preset,
                          augs_error *error)
{
    augs_preset *preset = NULL;
    augsi_draft draft;
    if ((text == NULL && n_bytes > 0) || ret_preset == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "preset: text and ret_preset are required");
    }
    int status = read_text(text, n_bytes, origin, options, &draft, &preset, error);
    return status < 0 ? status : finish(preset, &draft, ret_preset, error);
}

/* ---- checking a text ---- */

static void report_faults(augsi_draft *draft, const char *text, size_t n_bytes,
                          augs_preset_fault_function *report, void *user)
{
    augsi_line_walk walk;
    augsi_lines_init(&walk, text, n_bytes);
    const char *source_line = "";
    uint32_t shown = 0;
    for (uint32_t i = 0; i < draft->n_faults; i++) {
        const augsi_fault *fault = &draft->faults[i];
        if (fault->mark.line != shown) {
            shown = fault->mark.line;
            size_t n = augsi_lines_seek(&walk, shown);
            char *line = augsi_arena_text(draft->arena, walk.line, n);
            if (line != NULL) {
                augsi_clean_text(line);
            }
            source_line = line != NULL ? line : "";
        }
        augs_preset_fault told = {.size = sizeof told,
                                  .line = fault->mark.line,
                                  .column = fault->mark.column,
                                  .warning = fault->warning,
                                  .message = fault->message,
                                  .source_line = source_line};
        AUGSI_CALLER_BEGIN;
        report(user, &told);
        AUGSI_CALLER_END;
    }
}

int augs_preset_check(const char *text, size_t n_bytes, const char *origin,
                      const augs_preset_options *options, augs_preset_fault_function *report,
                      void *user, augs_error *error)
{
    augs_preset *preset = NULL; /* made as if it were opened, for what only then shows */
    augsi_draft draft;
    if (text == NULL && n_bytes > 0) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "preset: text is required");
    }
    int status = read_text(text, n_bytes, origin, options, &draft, &preset, error);
    if (status < 0) {
        return status;
    }
    if (!draft.no_memory && draft.n_faults == 0) {
        draft.no_memory = preset_take(preset, &draft, NULL) < 0;
    }
    int n_faults = (int)draft.n_faults;
    if (!draft.no_memory && n_faults == 0) {
        augsi_draft_warn(&draft);
    }
    augsi_draft_sort_faults(&draft);
    if (report != NULL) {
        report_faults(&draft, text != NULL ? text : "", n_bytes, report, user);
    }
    if (draft.no_memory) {
        n_faults = augsi_fail(error, AUGS_E_NO_MEMORY, "preset '%.200s': no memory to check it",
                              draft.origin);
    }
    preset_free(preset);
    return n_faults;
}

/* ---- columns in memory ---- */

/* A copy of a caller's text; `what` it is of the column (or, without one, of the preset). */
static const char *copy(augsi_draft *draft, const char *column, const char *what, const char *text)
{
    if (text != NULL && !augsi_is_utf8(text)) {
        augsi_draft_fault(draft, (augsi_mark){0}, "%s%s%s%s is not UTF-8 text",
                          column != NULL ? "column '" : "", column != NULL ? column : "",
                          column != NULL ? "': its " : "its ", what);
        text = "";
    }
    const char *copied =
        augsi_arena_text(draft->arena, text != NULL ? text : "", text != NULL ? strlen(text) : 0);
    if (copied == NULL) {
        draft->no_memory = true;
        return "";
    }
    return copied;
}

static void copy_choices(augsi_draft *draft, augs_column_info *info, const augs_column_info *given)
{
    info->choices = NULL;
    info->n_choices = 0;
    if (augsi_kinds[given->kind]->form != AUGS_FORM_CHOICES || given->choices == NULL ||
        given->n_choices > AUGS_MAX_CHOICES) {
        return;
    }
    augs_choice *choices = augsi_arena_new(draft->arena, given->n_choices * sizeof *choices);
    if (choices == NULL) {
        draft->no_memory = true;
        return;
    }
    for (uint32_t i = 0; i < given->n_choices; i++) {
        choices[i] = given->choices[i];
        choices[i].text = copy(draft, info->name, "value", given->choices[i].text);
        choices[i].is_number = augsi_is_json_number(choices[i].text) && choices[i].is_number != 0;
    }
    info->choices = choices;
    info->n_choices = given->n_choices;
}

/* Gate and identity of a given column are resolved already: only their sense is checked. */
static void check_given_gate(augsi_draft *draft, uint32_t index)
{
    augs_column_info *info = &draft->columns[index].info;
    const augsi_mark nowhere = {0};
    if (info->gate == AUGS_NO_GATE) {
        info->gate_value = 0;
        info->identity_bits = 0;
        return;
    }
    const augs_column_info *gate = info->gate < index ? &draft->columns[info->gate].info : NULL;
    if (gate == NULL || (!augsi_kinds[gate->kind]->is_gate)) {
        augsi_draft_fault(draft, nowhere,
                          "column '%s': gate %u is no bernoulli or choice column before it",
                          info->name, info->gate);
    } else if (gate->shape != 1 && gate->shape != info->shape) {
        augsi_draft_fault(
            draft, nowhere,
            "column '%s' has %u elements, its gate '%s' %u; a gate has one or as many", info->name,
            info->shape, gate->name, gate->shape);
    } else if (augsi_kinds[gate->kind]->form == AUGS_FORM_CHOICES
                   ? info->gate_value >= gate->n_choices
                   : info->gate_value != 1) {
        augsi_draft_fault(draft, nowhere, "column '%s': gate value %u is no value of '%s'",
                          info->name, info->gate_value, gate->name);
    }
    const uint32_t bits = (uint32_t)info->identity_bits;
    float single;
    memcpy(&single, &bits, sizeof single);
    if (info->dtype == AUGS_DTYPE_F32 && !isfinite(single)) {
        augsi_draft_fault(draft, nowhere, "column '%s': the identity is not a finite number",
                          info->name);
    }
    uint32_t n_bytes = augs_dtype_bytes(info->dtype);
    if (n_bytes < 8 && info->identity_bits >> (8 * n_bytes) != 0) {
        augsi_draft_fault(draft, nowhere, "column '%s': the identity's bits do not fit %s",
                          info->name, augs_dtype_name(info->dtype));
    }
    if ((info->dtype == AUGS_DTYPE_BOOL && info->identity_bits > 1) ||
        (augsi_kinds[info->kind]->form == AUGS_FORM_CHOICES &&
         info->identity_bits >= info->n_choices)) {
        augsi_draft_fault(draft, nowhere, "column '%s': the identity is no value of it",
                          info->name);
    }
}

/* The caller's columns may be longer or shorter than ours. */
static const augs_column_info *column_at(const augs_column_info *columns, size_t stride, size_t i)
{
    return (const void *)((const char *)columns + stride * i);
}

/* Looks whether every column can be taken, before a string of one is read. */
static int take_columns(const augs_column_info *columns, uint32_t n_columns, size_t stride,
                        augs_error *error)
{
    if (stride < (size_t)augs_column_info_v1_bytes || stride % _Alignof(augs_column_info) != 0) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "preset: column_stride %zu; accepted: sizeof(augs_column_info), at least "
                          "%zu, a multiple of %zu",
                          stride, (size_t)augs_column_info_v1_bytes, _Alignof(augs_column_info));
    }
    for (uint32_t i = 0; i < n_columns; i++) {
        const augs_column_info *given = column_at(columns, stride, i);
        augs_column_info taken;
        if (given->size > stride) {
            return augsi_fail(error, AUGS_E_ARGUMENT,
                              "preset: column %u: size %u is more than column_stride %zu", i,
                              given->size, stride);
        }
        int status = AUGSI_TAKE(augs_column_info, given, &taken, error);
        if (status < 0) {
            return status;
        }
    }
    return AUGS_OK;
}

/* The next column of the draft, as the caller gives it. Checks come later. */
static void copy_column(augsi_draft *draft, const augs_column_info *given)
{
    augs_column_info *info = &draft->columns[draft->n_columns++].info;
    const char *name = given->name != NULL ? given->name : "";
    *info = *given;
    info->name = augsi_arena_text(draft->arena, name, strlen(name));
    if (info->name == NULL) {
        draft->no_memory = true;
        return;
    }
    info->unit = copy(draft, info->name, "unit", given->unit);
    info->doc = copy(draft, info->name, "doc", given->doc);
    info->source = copy(draft, info->name, "source", given->source);
    if (info->kind == AUGS_KIND_SAMPLE_ID || info->kind >= AUGSI_N_KINDS) {
        augsi_draft_fault(draft, (augsi_mark){0}, "column '%s': kind %u; accepted: kind 1 to %u",
                          info->name, info->kind, (unsigned)AUGSI_N_KINDS - 1);
        info->kind = 0;
        return;
    }
    copy_choices(draft, info, given);
    const augsi_kind *kind = augsi_kinds[info->kind];
    info->flags &= augsi_kind_flags(kind);
    for (uint32_t n = augsi_kind_n_numbers(kind); n < 4; n++) {
        info->numbers[n] = 0;
    }
}

int augs_preset_open_columns(const char *name, const augs_column_info *columns, uint32_t n_columns,
                             size_t column_stride, const augs_preset_options *options,
                             augs_preset **ret_preset, augs_error *error)
{
    augs_allocator allocator;
    augs_preset *preset = NULL;
    if (columns == NULL || n_columns == 0 || n_columns > AUGS_MAX_COLUMNS || ret_preset == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "preset: 1 to %u columns and ret_preset are required", AUGS_MAX_COLUMNS);
    }
    augs_preset_options taken;
    int status = take_columns(columns, n_columns, column_stride, error);
    status = status < 0 ? status : take_options(options, &taken, &allocator, error);
    if (status == AUGS_OK && taken.n_overrides > 0) {
        status = augsi_fail(error, AUGS_E_ARGUMENT, "preset: overrides are not taken here");
    }
    if (status == AUGS_OK) {
        status = preset_new(&allocator, &preset, error);
    }
    if (status < 0) {
        return status;
    }
    augsi_draft draft = {
        .arena = &preset->arena, .origin = "columns", .description = "", .source = ""};
    draft.name = copy(&draft, NULL, "name", name != NULL ? name : "columns");
    draft.origin = draft.name;
    draft.columns = augsi_arena_new(&preset->arena, n_columns * sizeof *draft.columns);
    draft.no_memory |= draft.columns == NULL;
    for (uint32_t i = 0; !draft.no_memory && i < n_columns; i++) {
        augs_column_info given;
        AUGSI_TAKE(augs_column_info, column_at(columns, column_stride, i), &given, NULL);
        copy_column(&draft, &given);
    }
    augsi_draft_check(&draft);
    for (uint32_t i = 0; draft.n_faults == 0 && !draft.no_memory && i < draft.n_columns; i++) {
        check_given_gate(&draft, i);
    }
    return finish(preset, &draft, ret_preset, error);
}

static int open_file(const char *path, const augs_preset_options *options, augs_preset **ret_preset,
                     augs_error *error)
{
    augs_allocator allocator;
    augs_preset_options taken;
    int status = take_options(options, &taken, &allocator, error);
    if (status < 0) {
        return status;
    }
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return augsi_fail_errno(error, errno == ENOENT ? AUGS_E_NOT_FOUND : AUGS_E_IO, errno,
                                "preset '%s'", path);
    }
    const size_t most = AUGS_MAX_PRESET_BYTES + 1;
    char *text = augsi_new(&allocator, most);
    if (text == NULL) {
        fclose(file);
        return augsi_fail_memory(error, most);
    }
    size_t n = fread(text, 1, most, file);
    if (ferror(file)) {
        status = augsi_fail_errno(error, AUGS_E_IO, errno, "preset '%s'", path);
    } else {
        status = augs_preset_open_text(text, n, path, options, ret_preset, error);
    }
    fclose(file);
    augsi_delete(&allocator, text, most);
    return status;
}

/* ---- shipped presets, and opening by name ---- */

uint32_t augs_shipped_preset_count(void)
{
    return augsi_n_shipped;
}

const char *augs_shipped_preset_name(uint32_t index)
{
    return index < augsi_n_shipped ? augsi_shipped_presets[index].name : NULL;
}

const char *augs_shipped_preset_text(uint32_t index, size_t *ret_n_bytes)
{
    if (index >= augsi_n_shipped) {
        return NULL;
    }
    if (ret_n_bytes != NULL) {
        *ret_n_bytes = augsi_shipped_presets[index].n_bytes;
    }
    return augsi_shipped_presets[index].text;
}

/* JSON is YAML, so one reader takes all of them. */
static bool names_file(const char *text)
{
    static const char *const ends[] = {".yaml", ".yml", ".json"};
    bool found = strchr(text, '/') != NULL;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0] && !found; i++) {
        const size_t n = strlen(text), n_end = strlen(ends[i]);
        found = n > n_end && strcmp(text + n - n_end, ends[i]) == 0;
    }
    return found;
}

int augs_preset_open(const char *name_or_path, const augs_preset_options *options,
                     augs_preset **ret_preset, augs_error *error)
{
    if (name_or_path == NULL || ret_preset == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "preset: a name and ret_preset are required");
    }
    if (names_file(name_or_path)) {
        return open_file(name_or_path, options, ret_preset, error);
    }
    augsi_known_words known = {.near.word = name_or_path};
    for (uint32_t i = 0; i < augs_shipped_preset_count(); i++) {
        const char *name = augs_shipped_preset_name(i);
        if (strcmp(name, name_or_path) == 0) {
            size_t n_bytes;
            const char *text = augs_shipped_preset_text(i, &n_bytes);
            return augs_preset_open_text(text, n_bytes, name_or_path, options, ret_preset, error);
        }
        augsi_known_word(&known, name);
    }
    return augsi_fail(
        error, AUGS_E_NOT_FOUND,
        "preset '%.200s': no such preset%s; a file's name has a '/' or ends in .yaml, "
        ".yml or .json",
        name_or_path, augsi_known_words_text(&known, "accepted"));
}

/* ---- what a preset holds ---- */

augs_preset *augs_preset_ref(augs_preset *preset)
{
    augsi_refcount_take(&preset->refcount);
    return preset;
}

void augs_preset_unref(augs_preset *preset)
{
    if (preset != NULL && augsi_refcount_drop(&preset->refcount)) {
        preset_free(preset);
    }
}

const char *augs_preset_name(const augs_preset *preset)
{
    return preset->name;
}

const char *augs_preset_description(const augs_preset *preset)
{
    return preset->description;
}

const char *augs_preset_source(const augs_preset *preset)
{
    return preset->source;
}

uint32_t augs_preset_n_columns(const augs_preset *preset)
{
    return preset->n_columns;
}

int augs_preset_column(const augs_preset *preset, uint32_t index, augs_column_info *ret_info)
{
    if (preset == NULL || AUGSI_CHECK_OUTPUT(augs_column_info, ret_info, NULL) < 0) {
        return AUGS_E_ARGUMENT;
    }
    return index >= preset->n_columns
               ? AUGS_E_RANGE
               : AUGSI_GIVE(augs_column_info, &preset->columns[index], ret_info);
}

int augs_preset_find_column(const augs_preset *preset, const char *name)
{
    if (preset == NULL || name == NULL) {
        return AUGS_E_ARGUMENT;
    }
    for (uint32_t i = 0; i < preset->n_columns; i++) {
        if (strcmp(preset->columns[i].name, name) == 0) {
            return (int)i;
        }
    }
    return AUGS_E_NOT_FOUND;
}

const char *augs_preset_text(const augs_preset *preset)
{
    return preset->text;
}

const char *augs_preset_schema_json(const augs_preset *preset)
{
    return preset->schema_json;
}

const augs_allocator *augsi_preset_allocator(const augs_preset *preset)
{
    return &preset->arena.allocator;
}
