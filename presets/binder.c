/* SPDX-License-Identifier: Apache-2.0 */
/* The mapping of a preset and its columns. */
#include "presets/binder.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "presets/kinds.h"

static void read_when(augsi_binder *binder, const yaml_node_t *node, const char *where,
                      augsi_draft_column *column)
{
    column->has_when = true;
    column->when_mark = column->when_value_mark = augsi_yaml_mark(node);
    column->when_column = column->when_choice = NULL;
    if (augsi_bind_is_scalar(node) && node->data.scalar.length > 0) {
        column->when_column = augsi_bind_copy(binder, augsi_bind_text_of(node));
        return;
    }
    const yaml_node_pair_t *pairs =
        node->type == YAML_MAPPING_NODE ? node->data.mapping.pairs.start : NULL;
    const yaml_node_t *key = NULL, *value = NULL;
    if (pairs != NULL && node->data.mapping.pairs.top - pairs == 1) {
        key = augsi_bind_node(binder, pairs->key);
        value = augsi_bind_node(binder, pairs->value);
    }
    if (key == NULL || !augsi_bind_is_scalar(key) || !augsi_bind_is_scalar(value)) {
        augsi_draft_fault(
            binder->draft, column->when_mark,
            "%s: when takes the name of a bernoulli column, or {COLUMN: VALUE} for a choice column",
            where);
        return;
    }
    column->when_mark = augsi_yaml_mark(key);
    column->when_value_mark = augsi_yaml_mark(value);
    column->when_column = augsi_bind_copy(binder, augsi_bind_text_of(key));
    column->when_choice = augsi_bind_copy(binder, augsi_bind_text_of(value));
}

/* A key of a column besides its kind. false: there is no such key. */
static bool read_extra(augsi_binder *binder, const char *key, const yaml_node_t *value,
                       const char *where, augsi_draft_column *column)
{
    if (strcmp(key, "shape") == 0) {
        column->shape_mark = augsi_yaml_mark(value);
        column->shape_broken =
            !augsi_bind_natural(binder, value, where, "shape", "1 to 256", &column->info.shape);
    } else if (strcmp(key, "when") == 0) {
        read_when(binder, value, where, column);
    } else if (strcmp(key, "identity") == 0) {
        column->identity_mark = augsi_yaml_mark(value);
        column->has_identity = true;
        if (augsi_bind_text(binder, value, where, key, &column->identity)) {
            column->identity_is_number = value->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
                                         augsi_is_json_number(column->identity);
        }
    } else if (strcmp(key, "unit") == 0) {
        column->unit_mark = augsi_yaml_mark(value);
        augsi_bind_text(binder, value, where, key, &column->info.unit);
    } else if (strcmp(key, "doc") == 0) {
        augsi_bind_text(binder, value, where, key, &column->info.doc);
    } else if (strcmp(key, "source") == 0) {
        augsi_bind_text(binder, value, where, key, &column->info.source);
    } else {
        return false;
    }
    return true;
}

static void unknown_key(augsi_binder *binder, const yaml_node_t *key, const char *where)
{
    static const char *const others[] = {"shape", "when", "identity", "unit", "doc", "source"};
    enum { N_OTHERS = sizeof others / sizeof others[0] };
    const char *known[AUGSI_N_KINDS - 1 + N_OTHERS];
    for (uint32_t kind = 1; kind < AUGSI_N_KINDS; kind++) {
        known[kind - 1] = augsi_kinds[kind]->name;
    }
    memcpy(known + AUGSI_N_KINDS - 1, others, sizeof others);
    augsi_bind_unknown_key(binder, key, where, known, sizeof known / sizeof known[0]);
}

static void read_column(augsi_binder *binder, const yaml_node_t *name, const yaml_node_t *body,
                        augsi_draft_column *column)
{
    char where[96];
    snprintf(where, sizeof where, "column '%.64s'", augsi_bind_text_of(name));
    column->info = (augs_column_info){.size = sizeof column->info,
                                      .shape = 1,
                                      .gate = AUGS_NO_GATE,
                                      .unit = "",
                                      .doc = "",
                                      .source = ""};
    column->info.name = augsi_bind_copy(binder, augsi_bind_text_of(name));
    column->name_mark = augsi_yaml_mark(name);
    if (body->type != YAML_MAPPING_NODE) {
        augsi_draft_fault(binder->draft, augsi_yaml_mark(body),
                          "%s: has to be a mapping such as {uniform: [0, 1]}, not %s", where,
                          augsi_bind_type_name(body));
        column->broken = true;
        return;
    }
    const yaml_node_t *first_kind = NULL;
    yaml_node_t *key, *value;
    for (augsi_entries walk = {.mapping = body};
         augsi_bind_next(binder, &walk, where, &key, &value);) {
        uint32_t kind = augsi_kind_of_name(augsi_bind_text_of(key));
        if (kind == 0) {
            if (!read_extra(binder, augsi_bind_text_of(key), value, where, column)) {
                unknown_key(binder, key, where);
            }
        } else if (first_kind != NULL && !walk.again) {
            augs_column_info unused = {0};
            augsi_draft_fault(binder->draft, augsi_yaml_mark(key),
                              "%s: '%s' after '%s'; a column has one kind", where,
                              augsi_bind_text_of(key), augsi_bind_text_of(first_kind));
            augsi_bind_kind(binder, kind, value, where, &unused);
        } else {
            first_kind = first_kind != NULL ? first_kind : key;
            column->value_mark = augsi_yaml_mark(value);
            column->broken =
                !augsi_bind_kind(binder, kind, value, where, &column->info) || column->broken;
        }
    }
    if (first_kind == NULL) {
        augsi_word_list kinds = {.room = sizeof kinds.text};
        for (uint32_t kind = 1; kind < AUGSI_N_KINDS; kind++) {
            augsi_list_word(&kinds, augsi_kinds[kind]->name);
        }
        augsi_draft_fault(binder->draft, augsi_yaml_mark(body), "%s: no kind; one of %s is needed",
                          where, kinds.text);
        column->broken = true;
    }
}

static void read_columns(augsi_binder *binder, const yaml_node_t *node)
{
    augsi_draft *draft = binder->draft;
    if (node->type != YAML_MAPPING_NODE ||
        node->data.mapping.pairs.start == node->data.mapping.pairs.top) {
        augsi_draft_fault(draft, augsi_yaml_mark(node),
                          "columns has to be a mapping of at least one column, NAME: {KIND: ...}");
        return;
    }
    size_t n = (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
    size_t room = AUGS_MAX_COLUMNS - draft->n_columns;
    n = n < room ? n : room;
    /* a second 'columns' (a fault by itself) goes on after the first */
    augsi_draft_column *columns =
        augsi_arena_new(draft->arena, (draft->n_columns + n) * sizeof *columns);
    if (columns == NULL) {
        draft->no_memory = true;
        return;
    }
    if (draft->n_columns > 0) {
        memcpy(columns, draft->columns, draft->n_columns * sizeof *columns);
    }
    draft->columns = columns;
    yaml_node_t *key, *value;
    for (augsi_entries walk = {.mapping = node};
         augsi_bind_next(binder, &walk, "columns", &key, &value) && n > 0; n--) {
        columns[draft->n_columns].again = walk.again;
        read_column(binder, key, value, &columns[draft->n_columns++]);
    }
}

static void read_top(augsi_binder *binder, const yaml_node_t *root)
{
    static const char *const known[] = {"augstream", "name", "description", "source", "columns"};
    augsi_draft *draft = binder->draft;
    if (root->type != YAML_MAPPING_NODE) {
        augsi_draft_fault(draft, augsi_yaml_mark(root),
                          "a preset has to be a mapping that begins with 'augstream: 1', not %s",
                          augsi_bind_type_name(root));
        return;
    }
    bool version = false, columns = false;
    yaml_node_t *key, *value;
    for (augsi_entries walk = {.mapping = root};
         augsi_bind_next(binder, &walk, "preset", &key, &value);) {
        const char *word = augsi_bind_text_of(key);
        if (strcmp(word, "augstream") == 0) {
            version = true;
            if (!augsi_bind_is_scalar(value)) {
                augsi_draft_fault(draft, augsi_yaml_mark(value),
                                  "the format version has to be 1, not %s",
                                  augsi_bind_type_name(value));
            } else if (strcmp(augsi_bind_text_of(value), "1") != 0) {
                augsi_draft_fault(draft, augsi_yaml_mark(value),
                                  "format version '%.40s'; this version of augstream reads 1",
                                  augsi_bind_text_of(value));
            }
        } else if (strcmp(word, "name") == 0) {
            augsi_bind_text(binder, value, "preset", word, &draft->name);
        } else if (strcmp(word, "description") == 0) {
            augsi_bind_text(binder, value, "preset", word, &draft->description);
        } else if (strcmp(word, "source") == 0) {
            augsi_bind_text(binder, value, "preset", word, &draft->source);
        } else if (strcmp(word, "columns") == 0) {
            columns = true;
            read_columns(binder, value);
        } else {
            augsi_bind_unknown_key(binder, key, "preset", known, sizeof known / sizeof known[0]);
        }
    }
    if (!version) {
        augsi_draft_fault(draft, augsi_yaml_mark(root),
                          "no format version; write 'augstream: 1' first");
    }
    if (!columns) {
        augsi_draft_fault(draft, augsi_yaml_mark(root), "no columns");
    }
}

int augsi_draft_read(augsi_draft *draft, const char *text, size_t n_bytes,
                     const augs_preset_options *options, augs_error *error)
{
    yaml_document_t document;
    if (augsi_yaml_load(draft, text, n_bytes, &document)) {
        augsi_binder binder = {.draft = draft, .document = &document};
        for (uint32_t i = 0; options != NULL && i < options->n_overrides; i++) {
            draft->overrides = options->overrides;
            augsi_yaml_override(draft, &document, i + 1);
        }
        read_top(&binder, yaml_document_get_root_node(&document));
        yaml_document_delete(&document);
    }
    return draft->no_memory ? augsi_fail(error, AUGS_E_NO_MEMORY, "preset: no memory to read it")
                            : AUGS_OK;
}
