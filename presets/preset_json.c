/* SPDX-License-Identifier: Apache-2.0 */
/* A preset as canonical text and as a schema for readers. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/text.h"
#include "presets/kinds.h"
#include "presets/preset_impl.h"

static void add_number(augsi_text *text, double number, bool whole)
{
    if (whole && number == rint(number) && fabs(number) < 1e15) {
        if (number < 0) {
            augsi_text_add_string(text, "-");
        }
        augsi_text_add_u64(text, (uint64_t)fabs(number));
    } else {
        augsi_text_add_f64(text, number);
    }
}

static void add_key(augsi_text *text, const char *key)
{
    augsi_text_add_string(text, ",");
    augsi_text_add_json_string(text, key);
    augsi_text_add_string(text, ":");
}

static void add_choice(augsi_text *text, const augs_choice *choice)
{
    if (choice->is_number != 0) {
        augsi_text_add_string(text, choice->text);
    } else {
        augsi_text_add_json_string(text, choice->text);
    }
}

static void add_choices(augsi_text *text, const augs_column_info *info)
{
    bool weighted = false;
    augsi_text_add_string(text, "{\"values\":[");
    for (uint32_t i = 0; i < info->n_choices; i++) {
        augsi_text_add_string(text, i > 0 ? "," : "");
        add_choice(text, &info->choices[i]);
        weighted |= info->choices[i].weight != 1;
    }
    augsi_text_add_string(text, "]");
    for (uint32_t i = 0; weighted && i < info->n_choices; i++) {
        augsi_text_add_string(text, i > 0 ? "," : ",\"weights\":[");
        augsi_text_add_f64(text, info->choices[i].weight);
    }
    augsi_text_add_string(text, weighted ? "]}" : "}");
}

static void add_kind(augsi_text *text, const augs_column_info *info)
{
    static const char *const opens[] = {
        [AUGS_FORM_NOTHING] = "{", [AUGS_FORM_LIST] = "[", [AUGS_FORM_MAPPING] = "{"};
    static const char *const closes[] = {
        [AUGS_FORM_NOTHING] = "}", [AUGS_FORM_LIST] = "]", [AUGS_FORM_MAPPING] = "}"};
    const augsi_kind *kind = augsi_kinds[info->kind];
    augsi_text_add_json_string(text, kind->name);
    augsi_text_add_string(text, ":");
    if (kind->form == AUGS_FORM_CHOICES) {
        add_choices(text, info);
        return;
    }
    const bool bare = kind->form == AUGS_FORM_NUMBER;
    bool first = true;
    augsi_text_add_string(text, bare ? "" : opens[kind->form]);
    for (uint32_t i = 0; i < 4; i++) {
        if (augs_column_has_number(info, i) == 0) {
            continue;
        }
        augsi_text_add_string(text, first ? "" : ",");
        first = false;
        if (kind->form == AUGS_FORM_MAPPING) {
            augsi_text_add_json_string(text, kind->numbers[i].name);
            augsi_text_add_string(text, ":");
        }
        add_number(text, info->numbers[i], kind->numbers[i].whole);
    }
    augsi_text_add_string(text, bare ? "" : closes[kind->form]);
}

static void add_identity(augsi_text *text, const augs_column_info *info)
{
    uint32_t bits = (uint32_t)info->identity_bits;
    float single;
    if (info->dtype == AUGS_DTYPE_F32) {
        memcpy(&single, &bits, sizeof single);
        augsi_text_add_f64(text, (double)single);
    } else if (info->dtype == AUGS_DTYPE_I32) {
        augsi_text_add_i64(text, (int32_t)bits);
    } else if (info->dtype == AUGS_DTYPE_I64) {
        augsi_text_add_i64(text, (int64_t)info->identity_bits);
    } else if (info->dtype == AUGS_DTYPE_BOOL) {
        augsi_text_add_string(text, info->identity_bits != 0 ? "true" : "false");
    } else {
        augsi_text_add_u64(text, info->identity_bits);
    }
}

static void add_gate(augsi_text *text, const augs_preset *preset, const augs_column_info *info)
{
    const augs_column_info *gate = &preset->columns[info->gate];
    add_key(text, "when");
    if (augsi_kinds[gate->kind]->form != AUGS_FORM_CHOICES) {
        augsi_text_add_json_string(text, gate->name);
    } else {
        augsi_text_add_string(text, "{");
        augsi_text_add_json_string(text, gate->name);
        augsi_text_add_string(text, ":");
        add_choice(text, &gate->choices[info->gate_value]);
        augsi_text_add_string(text, "}");
    }
    add_key(text, "identity");
    add_identity(text, info);
}

static void add_canonical(augsi_text *text, const augs_preset *preset)
{
    augsi_text_add_string(text, "{\"augstream\":1");
    add_key(text, "name");
    augsi_text_add_json_string(text, preset->name);
    augsi_text_add_string(text, ",\"columns\":{");
    for (uint32_t i = 0; i < preset->n_columns; i++) {
        const augs_column_info *info = &preset->columns[i];
        augsi_text_add_string(text, i > 0 ? "," : "");
        augsi_text_add_json_string(text, info->name);
        augsi_text_add_string(text, ":{");
        add_kind(text, info);
        add_key(text, "shape");
        augsi_text_add_u64(text, info->shape);
        if (info->gate != AUGS_NO_GATE) {
            add_gate(text, preset, info);
        }
        augsi_text_add_string(text, "}");
    }
    augsi_text_add_string(text, "}}");
}

static void add_text(augsi_text *text, const char *key, const char *value)
{
    add_key(text, key);
    augsi_text_add_json_string(text, value);
}

static void add_schema_column(augsi_text *text, const augs_preset *preset,
                              const augs_column_info *info)
{
    augsi_text_add_string(text, "{\"name\":");
    augsi_text_add_json_string(text, info->name);
    add_text(text, "kind", augs_kind_name(info->kind));
    augsi_text_add_string(text, ",");
    add_kind(text, info);
    add_text(text, "dtype", augs_dtype_name(info->dtype));
    add_key(text, "shape");
    augsi_text_add_u64(text, info->shape);
    add_key(text, "width");
    augsi_text_add_u64(text, info->width);
    add_text(text, "unit", info->unit);
    add_text(text, "doc", info->doc);
    add_text(text, "source", info->source);
    if (info->gate != AUGS_NO_GATE) {
        add_gate(text, preset, info);
    }
    add_key(text, "mean");
    augsi_text_add_f64(text, info->mean);
    add_key(text, "std");
    augsi_text_add_f64(text, info->std_dev);
    augsi_text_add_string(text, "}");
}

static void add_schema(augsi_text *text, const augs_preset *preset)
{
    augsi_text_add_string(text, "{\"augstream\":1");
    add_text(text, "name", preset->name);
    add_text(text, "description", preset->description);
    add_text(text, "source", preset->source);
    augsi_text_add_string(text, ",\"columns\":[");
    for (uint32_t i = 0; i < preset->n_columns; i++) {
        augsi_text_add_string(text, i > 0 ? "," : "");
        add_schema_column(text, preset, &preset->columns[i]);
    }
    augsi_text_add_string(text, "]}");
}

static const char *keep(augs_preset *preset, const augsi_text *text)
{
    return text->failed ? NULL : augsi_arena_text(&preset->arena, text->data, text->n_bytes);
}

int augsi_preset_describe(augs_preset *preset, augs_error *error)
{
    augsi_text text;
    augsi_text_init(&text, &preset->arena.allocator);
    add_canonical(&text, preset);
    preset->text = keep(preset, &text);
    augsi_text_clear(&text);
    add_schema(&text, preset);
    preset->schema_json = keep(preset, &text);
    augsi_text_done(&text);
    if (preset->text == NULL || preset->schema_json == NULL) {
        return augsi_fail(error, AUGS_E_NO_MEMORY, "preset: no memory for its texts");
    }
    return AUGS_OK;
}
