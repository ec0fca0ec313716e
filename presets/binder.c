/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the tree to the draft. A value is read by the type that is expected, never by the look of its
 * text. What is no value of that type is recorded as a fault.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/number_text.h"
#include "base/words.h"
#include "presets/kinds.h"
#include "presets/yaml_tree.h"

typedef struct tree_binder {
    augsi_draft *draft;
    yaml_document_t *document;
} tree_binder;

/* `where` begins the messages, e.g. "column 'flip'". Values are written only if true is returned. */

/* ---- nodes and entries ---- */

static const char *text_of(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

static bool is_scalar(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE;
}

static bool is_nothing(const yaml_node_t *node)
{
    const char *text = text_of(node);
    return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

/* What a node is, for messages. */
static const char *type_name(const yaml_node_t *node)
{
    return node->type == YAML_SEQUENCE_NODE  ? "a list"
           : node->type == YAML_MAPPING_NODE ? "a mapping"
           : is_nothing(node)                ? "an empty value"
                                             : "a single value";
}

static yaml_node_t *node_at(const tree_binder *binder, int index)
{
    return yaml_document_get_node(binder->document, index);
}

/* Entries of a mapping one after the other. Keys that are no single values are reported and left
 * out; those that stand there again are reported and handed out, so that their values are checked.
 */
typedef struct entry_walk {
    const yaml_node_t *mapping;
    size_t next;
    bool again; /* the last key stood before */
} entry_walk;

static bool next_entry(tree_binder *binder, entry_walk *walk, const char *where,
                       yaml_node_t **ret_key, yaml_node_t **ret_value)
{
    const yaml_node_pair_t *pairs = walk->mapping->data.mapping.pairs.start;
    size_t n = (size_t)(walk->mapping->data.mapping.pairs.top - pairs);
    while (walk->next < n) {
        size_t i = walk->next++;
        if (i == AUGS_MAX_COLUMNS) {
            augsi_draft_fault(binder->draft, augsi_yaml_mark(node_at(binder, pairs[i].key)),
                              "%s: more than %u entries; the rest is not read", where,
                              AUGS_MAX_COLUMNS);
            walk->next = n;
            break;
        }
        yaml_node_t *key = node_at(binder, pairs[i].key);
        if (!is_scalar(key)) {
            augsi_draft_fault(binder->draft, augsi_yaml_mark(key),
                              "%s: a key has to be a single word, not %s", where, type_name(key));
            continue;
        }
        if (strcmp(text_of(key), "<<") == 0 && key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
            augsi_draft_fault(binder->draft, augsi_yaml_mark(key),
                              "%s: '<<': merge keys are not used in presets; write the keys out",
                              where);
            continue;
        }
        walk->again = false;
        for (size_t j = 0; j < i && !walk->again; j++) {
            const yaml_node_t *other = node_at(binder, pairs[j].key);
            if (is_scalar(other) && strcmp(text_of(other), text_of(key)) == 0) {
                augsi_draft_fault(binder->draft, augsi_yaml_mark(key),
                                  "%s: '%.200s' stands here twice, first at line %zu", where,
                                  text_of(key), other->start_mark.line + 1);
                walk->again = true;
            }
        }
        *ret_key = key;
        *ret_value = node_at(binder, pairs[i].value);
        return true;
    }
    return false;
}

/* A copy that lives as long as the draft's arena. */
static const char *copy_text(tree_binder *binder, const char *text)
{
    char *copied = augsi_arena_text(binder->draft->arena, text, strlen(text));
    if (copied == NULL) {
        binder->draft->no_memory = true;
        return "";
    }
    return copied;
}

/* ---- values ---- */

static bool bind_text(tree_binder *binder, const yaml_node_t *node, const char *where,
                      const char *key, const char **ret_text)
{
    if (!is_scalar(node)) {
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node), "%s: '%s' has to be a text, not %s",
                          where, key, type_name(node));
        return false;
    }
    *ret_text = copy_text(binder, text_of(node));
    return true;
}

static bool bind_number(tree_binder *binder, const yaml_node_t *node, const char *where,
                        const char *what, double *ret_number)
{
    if (!is_scalar(node)) {
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node), "%s: %s has to be a number, not %s",
                          where, what, type_name(node));
        return false;
    }
    if (!augsi_parse_f64(text_of(node), node->data.scalar.length, ret_number) ||
        !isfinite(*ret_number)) {
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node),
                          "%s: %s is '%.200s'; a finite decimal number is accepted", where, what,
                          text_of(node));
        return false;
    }
    return true;
}

static bool bind_natural(tree_binder *binder, const yaml_node_t *node, const char *where,
                         const char *what, const char *accepted, uint32_t *ret_number)
{
    uint64_t number;
    if (!is_scalar(node) || !augsi_parse_u64(text_of(node), node->data.scalar.length, &number) ||
        number > UINT32_MAX) {
        bool scalar = is_scalar(node);
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node),
                          "%s: %s has to be a whole number, %s, not %s%.200s%s", where, what,
                          accepted, scalar ? "'" : "", scalar ? text_of(node) : type_name(node),
                          scalar ? "'" : "");
        return false;
    }
    *ret_number = (uint32_t)number;
    return true;
}

static void unknown_key(tree_binder *binder, const yaml_node_t *key, const char *where,
                        const char *const *known, size_t n_known)
{
    augsi_known_words words = {.near.word = text_of(key)};
    for (size_t i = 0; i < n_known; i++) {
        augsi_known_word(&words, known[i]);
    }
    augsi_draft_fault(binder->draft, augsi_yaml_mark(key), "%s: unknown key '%.200s'%s", where,
                      text_of(key), augsi_known_words_text(&words, "accepted"));
}

/* ---- the value of a kind, by the form that its row names ---- */

/* [first, second...] */
static bool read_list(tree_binder *binder, const yaml_node_t *node, const char *where,
                      const augsi_kind *kind, augs_column_info *info)
{
    static const char *const counts[] = {"no numbers", "one number", "two numbers", "three numbers",
                                         "four numbers"};
    static const char *const places[] = {"the first number", "the second number",
                                         "the third number", "the fourth number"};
    const yaml_node_item_t *items =
        node->type == YAML_SEQUENCE_NODE ? node->data.sequence.items.start : NULL;
    size_t n = items == NULL ? 0 : (size_t)(node->data.sequence.items.top - items);
    const uint32_t n_numbers = augsi_kind_n_numbers(kind);
    if (n != n_numbers) {
        char found[40];
        augsi_word_list names = {0};
        for (uint32_t i = 0; i < n_numbers; i++) {
            augsi_list_word(&names, kind->numbers[i].name);
        }
        snprintf(found, sizeof found, "a list of %zu", n);
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node),
                          "%s: %s takes a list of %s, [%s], not %s", where, kind->name,
                          counts[n_numbers], names.text, items == NULL ? type_name(node) : found);
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < n; i++) {
        good =
            bind_number(binder, node_at(binder, items[i]), where, places[i], &info->numbers[i]) &&
            good;
    }
    return good;
}

/* {first: ..., second: ...}; numbers with a flag may be left out. */
static bool read_mapping(tree_binder *binder, const yaml_node_t *node, const char *where,
                         const augsi_kind *kind, augs_column_info *info)
{
    const char *known[4];
    bool found[4] = {false}, good = true;
    const uint32_t n = augsi_kind_n_numbers(kind);
    augsi_word_list form = {0};
    for (uint32_t i = 0; i < n; i++) {
        char entry[64];
        known[i] = kind->numbers[i].name;
        snprintf(entry, sizeof entry, "%s: ...", known[i]);
        augsi_list_word(&form, entry);
    }
    if (node->type != YAML_MAPPING_NODE) {
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node), "%s: %s takes {%s}", where,
                          kind->name, form.text);
        return false;
    }
    yaml_node_t *key, *value;
    for (entry_walk walk = {.mapping = node}; next_entry(binder, &walk, where, &key, &value);) {
        uint32_t i = 0;
        while (i < n && strcmp(known[i], text_of(key)) != 0) {
            i++;
        }
        if (i == n) {
            unknown_key(binder, key, where, known, n);
            good = false;
        } else {
            found[i] = true;
            good = bind_number(binder, value, where, known[i], &info->numbers[i]) && good;
        }
    }
    info->flags = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (found[i]) {
            info->flags |= kind->numbers[i].flag;
        } else if (kind->numbers[i].flag == 0) {
            augsi_draft_fault(binder->draft, augsi_yaml_mark(node), "%s: %s needs '%s'", where,
                              kind->name, known[i]);
            good = false;
        }
    }
    return good;
}

static bool read_choice_values(tree_binder *binder, const yaml_node_t *node, const char *where,
                               augs_column_info *info)
{
    const yaml_node_item_t *items =
        node->type == YAML_SEQUENCE_NODE ? node->data.sequence.items.start : NULL;
    size_t n = items == NULL ? 0 : (size_t)(node->data.sequence.items.top - items);
    if (n == 0 || n > AUGS_MAX_CHOICES) {
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node),
                          "%s: values has to be a list of 1 to %u names or numbers", where,
                          AUGS_MAX_CHOICES);
        return false;
    }
    augs_choice *choices = augsi_arena_new(binder->draft->arena, n * sizeof *choices);
    if (choices == NULL) {
        binder->draft->no_memory = true;
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < n; i++) {
        const yaml_node_t *item = node_at(binder, items[i]);
        choices[i] = (augs_choice){.text = NULL, .weight = 1};
        if (!is_scalar(item)) {
            augsi_draft_fault(binder->draft, augsi_yaml_mark(item),
                              "%s: a value has to be a name or a number, not %s", where,
                              type_name(item));
            good = false;
            continue;
        }
        choices[i].text = copy_text(binder, text_of(item));
        choices[i].is_number = item->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
                               augsi_is_json_number(text_of(item));
    }
    info->choices = choices;
    info->n_choices = (uint32_t)n;
    return good;
}

/* Without values (n_choices is 0) there is nothing to compare the number of weights with. */
static bool read_weights(tree_binder *binder, const yaml_node_t *node, const char *where,
                         augs_column_info *info)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node),
                          "%s: weights has to be a list of numbers, one for each value, not %s",
                          where, type_name(node));
        return false;
    }
    const yaml_node_item_t *items = node->data.sequence.items.start;
    size_t n = (size_t)(node->data.sequence.items.top - items);
    bool good = true;
    if (info->n_choices > 0 && n != info->n_choices) {
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node),
                          "%s: %zu weights for %u values; one for each is needed", where, n,
                          info->n_choices);
        good = false;
    }
    augs_choice *choices = (augs_choice *)(uintptr_t)info->choices;
    for (size_t i = 0; i < n; i++) {
        const yaml_node_t *item = node_at(binder, items[i]);
        double weight = 1;
        if (!bind_number(binder, item, where, "a weight", &weight)) {
            good = false;
        } else if (weight < 0) {
            augsi_draft_fault(binder->draft, augsi_yaml_mark(item),
                              "%s: weight %.200s is negative; weights are 0 or more", where,
                              text_of(item));
            good = false;
        } else if (i < info->n_choices) {
            choices[i].weight = weight;
        }
    }
    return good;
}

static bool read_choice(tree_binder *binder, const yaml_node_t *node, const char *where,
                        augs_column_info *info)
{
    static const char *const known[] = {"values", "weights"};
    if (node->type != YAML_MAPPING_NODE) {
        augsi_draft_fault(
            binder->draft, augsi_yaml_mark(node),
            "%s: choice takes {values: [...], weights: [...]}, weights may be left out", where);
        return false;
    }
    const yaml_node_t *weights = NULL;
    bool good = true, found = false;
    yaml_node_t *key, *value;
    for (entry_walk walk = {.mapping = node}; next_entry(binder, &walk, where, &key, &value);) {
        if (strcmp(text_of(key), "values") == 0) {
            found = true;
            good = read_choice_values(binder, value, where, info) && good;
        } else if (strcmp(text_of(key), "weights") == 0) {
            weights = value;
        } else {
            unknown_key(binder, key, where, known, 2);
            good = false;
        }
    }
    if (!found) {
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node), "%s: choice needs 'values'", where);
        good = false;
    }
    return (weights == NULL || read_weights(binder, weights, where, info)) && good;
}

static bool read_nothing(tree_binder *binder, const yaml_node_t *node, const char *where,
                         const char *kind)
{
    bool empty = (node->type == YAML_MAPPING_NODE &&
                  node->data.mapping.pairs.start == node->data.mapping.pairs.top) ||
                 (is_scalar(node) && node->data.scalar.length == 0);
    if (!empty) {
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node),
                          "%s: %s takes nothing: write '%s: {}'", where, kind, kind);
    }
    return empty;
}

/* A single number. */
static bool read_number(tree_binder *binder, const yaml_node_t *node, const char *where,
                        const augsi_kind *kind, augs_column_info *info)
{
    uint32_t natural = 0;
    if (!kind->numbers[0].whole) {
        return bind_number(binder, node, where, kind->what, &info->numbers[0]);
    }
    bool good = bind_natural(binder, node, where, kind->what, kind->accepted, &natural);
    info->numbers[0] = natural;
    return good;
}

/* The value of a column's kind into *info. false: faults were recorded; of a choice, *info has the
 * values that could be read, the text of others is NULL. */
static bool bind_kind(tree_binder *binder, uint32_t kind, const yaml_node_t *node,
                      const char *where, augs_column_info *info)
{
    const augsi_kind *row = augsi_kinds[kind];
    info->kind = kind;
    switch (row->form) {
    case AUGS_FORM_NUMBER:
        return read_number(binder, node, where, row, info);
    case AUGS_FORM_LIST:
        return read_list(binder, node, where, row, info);
    case AUGS_FORM_MAPPING:
        return read_mapping(binder, node, where, row, info);
    case AUGS_FORM_CHOICES:
        return read_choice(binder, node, where, info);
    default:
        return read_nothing(binder, node, where, row->name);
    }
}

/* ---- columns ---- */

static void read_when(tree_binder *binder, const yaml_node_t *node, const char *where,
                      augsi_draft_column *column)
{
    column->has_when = true;
    column->when_mark = column->when_value_mark = augsi_yaml_mark(node);
    column->when_column = column->when_choice = NULL;
    if (is_scalar(node) && node->data.scalar.length > 0) {
        column->when_column = copy_text(binder, text_of(node));
        return;
    }
    const yaml_node_pair_t *pairs =
        node->type == YAML_MAPPING_NODE ? node->data.mapping.pairs.start : NULL;
    const yaml_node_t *key = NULL, *value = NULL;
    if (pairs != NULL && node->data.mapping.pairs.top - pairs == 1) {
        key = node_at(binder, pairs->key);
        value = node_at(binder, pairs->value);
    }
    if (key == NULL || !is_scalar(key) || !is_scalar(value)) {
        augsi_draft_fault(
            binder->draft, column->when_mark,
            "%s: when takes the name of a bernoulli column, or {COLUMN: VALUE} for a choice column",
            where);
        return;
    }
    column->when_mark = augsi_yaml_mark(key);
    column->when_value_mark = augsi_yaml_mark(value);
    column->when_column = copy_text(binder, text_of(key));
    column->when_choice = copy_text(binder, text_of(value));
}

/* A key of a column besides its kind. false: there is no such key. */
static bool read_extra(tree_binder *binder, const char *key, const yaml_node_t *value,
                       const char *where, augsi_draft_column *column)
{
    if (strcmp(key, "shape") == 0) {
        column->shape_mark = augsi_yaml_mark(value);
        column->shape_broken =
            !bind_natural(binder, value, where, "shape", "1 to 256", &column->info.shape);
    } else if (strcmp(key, "when") == 0) {
        read_when(binder, value, where, column);
    } else if (strcmp(key, "identity") == 0) {
        column->identity_mark = augsi_yaml_mark(value);
        column->has_identity = true;
        if (bind_text(binder, value, where, key, &column->identity)) {
            column->identity_is_number = value->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
                                         augsi_is_json_number(column->identity);
        }
    } else if (strcmp(key, "unit") == 0) {
        column->unit_mark = augsi_yaml_mark(value);
        bind_text(binder, value, where, key, &column->info.unit);
    } else if (strcmp(key, "doc") == 0) {
        bind_text(binder, value, where, key, &column->info.doc);
    } else if (strcmp(key, "source") == 0) {
        bind_text(binder, value, where, key, &column->info.source);
    } else {
        return false;
    }
    return true;
}

static void unknown_column_key(tree_binder *binder, const yaml_node_t *key, const char *where)
{
    static const char *const others[] = {"shape", "when", "identity", "unit", "doc", "source"};
    enum { N_OTHERS = sizeof others / sizeof others[0] };
    const char *known[AUGSI_N_KINDS - 1 + N_OTHERS];
    for (uint32_t kind = 1; kind < AUGSI_N_KINDS; kind++) {
        known[kind - 1] = augsi_kinds[kind]->name;
    }
    memcpy(known + AUGSI_N_KINDS - 1, others, sizeof others);
    unknown_key(binder, key, where, known, sizeof known / sizeof known[0]);
}

static void report_no_kind(tree_binder *binder, const yaml_node_t *body, const char *where)
{
    augsi_word_list kinds = {0};
    for (uint32_t kind = 1; kind < AUGSI_N_KINDS; kind++) {
        augsi_list_word(&kinds, augsi_kinds[kind]->name);
    }
    augsi_draft_fault(binder->draft, augsi_yaml_mark(body), "%s: no kind; one of %s is needed",
                      where, kinds.text);
}

static void read_column(tree_binder *binder, const yaml_node_t *name, const yaml_node_t *body,
                        augsi_draft_column *column)
{
    char where[220];
    snprintf(where, sizeof where, "column '%.200s'", text_of(name));
    column->info = (augs_column_info){.size = sizeof column->info,
                                      .shape = 1,
                                      .gate = AUGS_NO_GATE,
                                      .unit = "",
                                      .doc = "",
                                      .source = ""};
    column->info.name = copy_text(binder, text_of(name));
    column->name_mark = augsi_yaml_mark(name);
    if (body->type != YAML_MAPPING_NODE) {
        augsi_draft_fault(binder->draft, augsi_yaml_mark(body),
                          "%s: has to be a mapping such as {uniform: [0, 1]}, not %s", where,
                          type_name(body));
        column->broken = true;
        return;
    }
    const yaml_node_t *first_kind = NULL;
    yaml_node_t *key, *value;
    for (entry_walk walk = {.mapping = body}; next_entry(binder, &walk, where, &key, &value);) {
        uint32_t kind = augsi_kind_of_name(text_of(key));
        if (kind == 0) {
            if (!read_extra(binder, text_of(key), value, where, column)) {
                unknown_column_key(binder, key, where);
            }
        } else if (first_kind != NULL && !walk.again) {
            augs_column_info unused = {0};
            augsi_draft_fault(binder->draft, augsi_yaml_mark(key),
                              "%s: '%s' after '%s'; a column has one kind", where, text_of(key),
                              text_of(first_kind));
            bind_kind(binder, kind, value, where, &unused);
        } else {
            first_kind = first_kind != NULL ? first_kind : key;
            column->value_mark = augsi_yaml_mark(value);
            column->broken =
                !bind_kind(binder, kind, value, where, &column->info) || column->broken;
        }
    }
    if (first_kind == NULL) {
        report_no_kind(binder, body, where);
        column->broken = true;
    }
}

static void read_columns(tree_binder *binder, const yaml_node_t *node)
{
    augsi_draft *draft = binder->draft;
    if (node->type != YAML_MAPPING_NODE ||
        node->data.mapping.pairs.start == node->data.mapping.pairs.top) {
        augsi_draft_fault(draft, augsi_yaml_mark(node),
                          "columns has to be a mapping of at least one column, NAME: {KIND: ...}");
        return;
    }
    size_t n = (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
    size_t space = AUGS_MAX_COLUMNS - draft->n_columns;
    n = n < space ? n : space;
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
    for (entry_walk walk = {.mapping = node};
         next_entry(binder, &walk, "columns", &key, &value) && n > 0; n--) {
        columns[draft->n_columns].again = walk.again;
        read_column(binder, key, value, &columns[draft->n_columns++]);
    }
}

/* ---- the preset ---- */

static void check_version(augsi_draft *draft, const yaml_node_t *value)
{
    if (!is_scalar(value)) {
        augsi_draft_fault(draft, augsi_yaml_mark(value), "the format version has to be 1, not %s",
                          type_name(value));
    } else if (strcmp(text_of(value), "1") != 0) {
        augsi_draft_fault(draft, augsi_yaml_mark(value),
                          "format version '%.200s'; this version of augstream reads 1",
                          text_of(value));
    }
}

static void read_top(tree_binder *binder, const yaml_node_t *root)
{
    static const char *const known[] = {"augstream", "name", "description", "source", "columns"};
    augsi_draft *draft = binder->draft;
    if (root->type != YAML_MAPPING_NODE) {
        augsi_draft_fault(draft, augsi_yaml_mark(root),
                          "a preset has to be a mapping that begins with 'augstream: 1', not %s",
                          type_name(root));
        return;
    }
    bool version = false, columns = false;
    yaml_node_t *key, *value;
    for (entry_walk walk = {.mapping = root}; next_entry(binder, &walk, "preset", &key, &value);) {
        const char *word = text_of(key);
        if (strcmp(word, "augstream") == 0) {
            version = true;
            check_version(draft, value);
        } else if (strcmp(word, "name") == 0) {
            bind_text(binder, value, "preset", word, &draft->name);
        } else if (strcmp(word, "description") == 0) {
            bind_text(binder, value, "preset", word, &draft->description);
        } else if (strcmp(word, "source") == 0) {
            bind_text(binder, value, "preset", word, &draft->source);
        } else if (strcmp(word, "columns") == 0) {
            columns = true;
            read_columns(binder, value);
        } else {
            unknown_key(binder, key, "preset", known, sizeof known / sizeof known[0]);
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
        tree_binder binder = {.draft = draft, .document = &document};
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
