/* SPDX-License-Identifier: Apache-2.0 */
/* From the tree to the draft: the kind of a column decides how its value is read, never the look of
 * the text. */
#include <math.h>
#include <string.h>

#include "fail.h"
#include "number_text.h"
#include "yaml_tree.h"

typedef struct yaml_binder {
    augsi_draft *draft;
    yaml_document_t *document;
} yaml_binder;

static const char *text_of(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

static bool is_scalar(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE;
}

static const char *type_name(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE     ? "a single value"
           : node->type == YAML_SEQUENCE_NODE ? "a list"
                                              : "a mapping";
}

static yaml_node_t *node_at(const yaml_binder *binder, int index)
{
    return yaml_document_get_node(binder->document, index);
}

/* Entries of a mapping one after the other; keys have to be single values and unique. */
typedef struct entries {
    const yaml_node_t *mapping;
    size_t next;
} entries;

static bool next_entry(yaml_binder *binder, entries *walk, const char *where, yaml_node_t **ret_key,
                       yaml_node_t **ret_value)
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
        bool seen = false;
        for (size_t j = 0; j < i && !seen; j++) {
            const yaml_node_t *other = node_at(binder, pairs[j].key);
            if (is_scalar(other) && strcmp(text_of(other), text_of(key)) == 0) {
                augsi_draft_fault(binder->draft, augsi_yaml_mark(key),
                                  "%s: '%s' stands here twice, first at line %zu", where,
                                  text_of(key), other->start_mark.line + 1);
                seen = true;
            }
        }
        if (!seen) {
            *ret_key = key;
            *ret_value = node_at(binder, pairs[i].value);
            return true;
        }
    }
    return false;
}

static const char *copy(yaml_binder *binder, const char *text)
{
    char *copied = augsi_arena_text(binder->draft->arena, text, strlen(text));
    if (copied == NULL) {
        binder->draft->no_memory = true;
        return "";
    }
    return copied;
}

static bool read_text(yaml_binder *binder, const yaml_node_t *node, const char *where,
                      const char *key, const char **ret_text)
{
    if (!is_scalar(node)) {
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node), "%s: '%s' has to be a text, not %s",
                          where, key, type_name(node));
        return false;
    }
    *ret_text = copy(binder, text_of(node));
    return true;
}

static bool read_number(yaml_binder *binder, const yaml_node_t *node, const char *where,
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
                          "%s: %s is '%.60s'; a finite decimal number is accepted", where, what,
                          text_of(node));
        return false;
    }
    return true;
}

static bool read_natural(yaml_binder *binder, const yaml_node_t *node, const char *where,
                         const char *what, uint32_t *ret_number)
{
    uint64_t number;
    if (!is_scalar(node) || !augsi_parse_u64(text_of(node), node->data.scalar.length, &number) ||
        number > UINT32_MAX) {
        augsi_draft_fault(
            binder->draft, augsi_yaml_mark(node), "%s: %s has to be a whole number, not %s%.60s%s",
            where, what, is_scalar(node) ? "'" : "",
            is_scalar(node) ? text_of(node) : type_name(node), is_scalar(node) ? "'" : "");
        return false;
    }
    *ret_number = (uint32_t)number;
    return true;
}

/* [first, second] */
static bool read_pair(yaml_binder *binder, const yaml_node_t *node, const char *where,
                      const char *kind, const char *form, double *numbers)
{
    const yaml_node_item_t *items =
        node->type == YAML_SEQUENCE_NODE ? node->data.sequence.items.start : NULL;
    if (items == NULL || node->data.sequence.items.top - items != 2) {
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node),
                          "%s: %s takes a list of two numbers, %s", where, kind, form);
        return false;
    }
    bool first =
        read_number(binder, node_at(binder, items[0]), where, "the first number", &numbers[0]);
    return read_number(binder, node_at(binder, items[1]), where, "the second number",
                       &numbers[1]) &&
           first;
}

static void unknown_key(yaml_binder *binder, const yaml_node_t *key, const char *where,
                        const char *const *known, size_t n_known)
{
    const char *nearest = augsi_nearest(text_of(key), known, n_known);
    char list[400] = "";
    for (size_t i = 0; i < n_known; i++) {
        strncat(list, i == 0 ? "" : ", ", sizeof list - strlen(list) - 1);
        strncat(list, known[i], sizeof list - strlen(list) - 1);
    }
    augsi_draft_fault(binder->draft, augsi_yaml_mark(key),
                      "%s: unknown key '%.64s'%s%s%s; accepted: %s", where, text_of(key),
                      nearest != NULL ? ", did you mean '" : "", nearest != NULL ? nearest : "",
                      nearest != NULL ? "'?" : "", list);
}

static bool read_normal(yaml_binder *binder, const yaml_node_t *node, const char *where,
                        augs_column_info *info)
{
    static const char *const known[] = {"mean", "std", "min", "max"};
    bool found[4] = {false}, good = true;
    if (node->type != YAML_MAPPING_NODE) {
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node),
                          "%s: normal takes {mean: ..., std: ..., min: ..., max: ...}", where);
        return false;
    }
    yaml_node_t *key, *value;
    for (entries walk = {.mapping = node}; next_entry(binder, &walk, where, &key, &value);) {
        size_t i = 0;
        while (i < 4 && strcmp(known[i], text_of(key)) != 0) {
            i++;
        }
        if (i == 4) {
            unknown_key(binder, key, where, known, 4);
            good = false;
        } else {
            found[i] = true;
            good = read_number(binder, value, where, known[i], &info->numbers[i]) && good;
        }
    }
    for (size_t i = 0; i < 2; i++) {
        if (!found[i]) {
            augsi_draft_fault(binder->draft, augsi_yaml_mark(node), "%s: normal needs '%s'", where,
                              known[i]);
            good = false;
        }
    }
    info->flags = (found[2] ? AUGS_HAS_MIN : 0) | (found[3] ? AUGS_HAS_MAX : 0);
    return good;
}

static bool read_choice_values(yaml_binder *binder, const yaml_node_t *node, const char *where,
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
        choices[i] = (augs_choice){.text = "", .weight = 1};
        if (!is_scalar(item)) {
            augsi_draft_fault(binder->draft, augsi_yaml_mark(item),
                              "%s: a value has to be a name or a number, not %s", where,
                              type_name(item));
            good = false;
            continue;
        }
        choices[i].text = copy(binder, text_of(item));
        choices[i].is_number = item->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
                               augsi_is_json_number(text_of(item));
    }
    info->choices = choices;
    info->n_choices = (uint32_t)n;
    return good;
}

static bool read_weights(yaml_binder *binder, const yaml_node_t *node, const char *where,
                         augs_column_info *info)
{
    const yaml_node_item_t *items =
        node->type == YAML_SEQUENCE_NODE ? node->data.sequence.items.start : NULL;
    size_t n = items == NULL ? 0 : (size_t)(node->data.sequence.items.top - items);
    if (n != info->n_choices) {
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node),
                          "%s: %zu weights for %u values; one for each is needed", where, n,
                          info->n_choices);
        return false;
    }
    augs_choice *choices = (augs_choice *)(uintptr_t)info->choices;
    bool good = true;
    for (size_t i = 0; i < n; i++) {
        const yaml_node_t *item = node_at(binder, items[i]);
        double weight = 1;
        if (!read_number(binder, item, where, "a weight", &weight)) {
            good = false;
        } else if (weight < 0) {
            augsi_draft_fault(binder->draft, augsi_yaml_mark(item),
                              "%s: weight %s is negative; weights are 0 or more", where,
                              text_of(item));
            good = false;
        }
        choices[i].weight = weight;
    }
    return good;
}

static bool read_choice(yaml_binder *binder, const yaml_node_t *node, const char *where,
                        augs_column_info *info)
{
    static const char *const known[] = {"values", "weights"};
    if (node->type != YAML_MAPPING_NODE) {
        augsi_draft_fault(
            binder->draft, augsi_yaml_mark(node),
            "%s: choice takes {values: [...], weights: [...]}, weights may be left out", where);
        return false;
    }
    const yaml_node_t *values = NULL, *weights = NULL;
    bool good = true;
    yaml_node_t *key, *value;
    for (entries walk = {.mapping = node}; next_entry(binder, &walk, where, &key, &value);) {
        if (strcmp(text_of(key), "values") == 0) {
            values = value;
        } else if (strcmp(text_of(key), "weights") == 0) {
            weights = value;
        } else {
            unknown_key(binder, key, where, known, 2);
            good = false;
        }
    }
    if (values == NULL) {
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node), "%s: choice needs 'values'", where);
        return false;
    }
    good = read_choice_values(binder, values, where, info) && good;
    return (weights == NULL || !good || read_weights(binder, weights, where, info)) && good;
}

static bool read_nothing(yaml_binder *binder, const yaml_node_t *node, const char *where,
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

static bool read_kind(yaml_binder *binder, uint32_t kind, const yaml_node_t *node,
                      const char *where, augs_column_info *info)
{
    info->kind = kind;
    switch (kind) {
    case AUGS_KIND_CONSTANT:
        return read_number(binder, node, where, "the constant", &info->numbers[0]);
    case AUGS_KIND_UNIFORM:
    case AUGS_KIND_LOG_UNIFORM:
    case AUGS_KIND_INTEGER:
        return read_pair(binder, node, where, augsi_kind_words[kind], "[low, high]", info->numbers);
    case AUGS_KIND_BETA:
        return read_pair(binder, node, where, "beta", "[a, b]", info->numbers);
    case AUGS_KIND_NORMAL:
        return read_normal(binder, node, where, info);
    case AUGS_KIND_BERNOULLI:
        return read_number(binder, node, where, "the probability", &info->numbers[0]);
    case AUGS_KIND_CHOICE:
        return read_choice(binder, node, where, info);
    case AUGS_KIND_PERMUTATION: {
        uint32_t k = 2;
        bool good = read_natural(binder, node, where, "the length of the permutation", &k);
        if (good && (k < 2 || k > AUGS_MAX_PERMUTATION)) {
            augsi_draft_fault(binder->draft, augsi_yaml_mark(node),
                              "%s: a permutation of %u; 2 to %u are accepted", where, k,
                              AUGS_MAX_PERMUTATION);
            good = false;
        }
        info->numbers[0] = good ? k : 2;
        return good;
    }
    default:
        return read_nothing(binder, node, where, augsi_kind_words[kind]);
    }
}

static void read_when(yaml_binder *binder, const yaml_node_t *node, const char *where,
                      augsi_draft_column *column)
{
    column->when_mark = augsi_yaml_mark(node);
    if (is_scalar(node)) {
        column->when_column = copy(binder, text_of(node));
        return;
    }
    const yaml_node_pair_t *pairs =
        node->type == YAML_MAPPING_NODE ? node->data.mapping.pairs.start : NULL;
    if (pairs == NULL || node->data.mapping.pairs.top - pairs != 1 ||
        !is_scalar(node_at(binder, pairs->key)) || !is_scalar(node_at(binder, pairs->value))) {
        augsi_draft_fault(
            binder->draft, column->when_mark,
            "%s: when takes the name of a bernoulli column, or {COLUMN: VALUE} for a choice column",
            where);
        column->broken = true;
        return;
    }
    column->when_column = copy(binder, text_of(node_at(binder, pairs->key)));
    column->when_choice = copy(binder, text_of(node_at(binder, pairs->value)));
}

/* A key of a column besides its kind. false: there is no such key. */
static bool read_extra(yaml_binder *binder, const char *key, const yaml_node_t *value,
                       const char *where, augsi_draft_column *column)
{
    if (strcmp(key, "shape") == 0) {
        column->shape_mark = augsi_yaml_mark(value);
        read_natural(binder, value, where, "shape", &column->info.shape);
    } else if (strcmp(key, "when") == 0) {
        read_when(binder, value, where, column);
    } else if (strcmp(key, "identity") == 0) {
        column->identity_mark = augsi_yaml_mark(value);
        if (read_text(binder, value, where, key, &column->identity)) {
            column->identity_is_number = value->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
                                         augsi_is_json_number(column->identity);
        }
    } else if (strcmp(key, "unit") == 0) {
        column->unit_mark = augsi_yaml_mark(value);
        read_text(binder, value, where, key, &column->info.unit);
    } else if (strcmp(key, "doc") == 0) {
        read_text(binder, value, where, key, &column->info.doc);
    } else if (strcmp(key, "source") == 0) {
        read_text(binder, value, where, key, &column->info.source);
    } else {
        return false;
    }
    return true;
}

static void read_column(yaml_binder *binder, const yaml_node_t *name, const yaml_node_t *body,
                        augsi_draft_column *column)
{
    static const char *const known[] = {
        "constant", "uniform",  "log_uniform", "normal", "beta",   "bernoulli",
        "integer",  "choice",   "permutation", "seed",   "sample", "shape",
        "when",     "identity", "unit",        "doc",    "source"};
    char where[96];
    snprintf(where, sizeof where, "column '%.64s'", text_of(name));
    column->info = (augs_column_info){.size = sizeof column->info,
                                      .shape = 1,
                                      .gate = AUGS_NO_GATE,
                                      .unit = "",
                                      .doc = "",
                                      .source = ""};
    column->info.name = copy(binder, text_of(name));
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
    for (entries walk = {.mapping = body}; next_entry(binder, &walk, where, &key, &value);) {
        uint32_t kind = 1;
        while (kind < AUGSI_N_KINDS && strcmp(augsi_kind_words[kind], text_of(key)) != 0) {
            kind++;
        }
        if (kind == AUGSI_N_KINDS) {
            if (!read_extra(binder, text_of(key), value, where, column)) {
                unknown_key(binder, key, where, known, sizeof known / sizeof known[0]);
            }
        } else if (first_kind != NULL) {
            augsi_draft_fault(binder->draft, augsi_yaml_mark(key),
                              "%s: '%s' after '%s'; a column has one kind", where, text_of(key),
                              text_of(first_kind));
        } else {
            first_kind = key;
            column->kind_mark = augsi_yaml_mark(key);
            column->value_mark = augsi_yaml_mark(value);
            column->broken =
                !read_kind(binder, kind, value, where, &column->info) || column->broken;
        }
    }
    if (first_kind == NULL) {
        augsi_draft_fault(
            binder->draft, augsi_yaml_mark(body),
            "%s: no kind; one of constant, uniform, log_uniform, normal, beta, bernoulli, integer, "
            "choice, permutation, seed, sample is needed",
            where);
        column->broken = true;
    }
}

static void read_columns(yaml_binder *binder, const yaml_node_t *node)
{
    augsi_draft *draft = binder->draft;
    if (node->type != YAML_MAPPING_NODE ||
        node->data.mapping.pairs.start == node->data.mapping.pairs.top) {
        augsi_draft_fault(draft, augsi_yaml_mark(node),
                          "columns has to be a mapping of at least one column, NAME: {KIND: ...}");
        return;
    }
    size_t n = (size_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
    if (n > AUGS_MAX_COLUMNS) {
        augsi_draft_fault(draft, augsi_yaml_mark(node), "%zu columns; at most %u are possible", n,
                          AUGS_MAX_COLUMNS);
        return;
    }
    draft->columns = augsi_arena_new(draft->arena, n * sizeof *draft->columns);
    if (draft->columns == NULL) {
        draft->no_memory = true;
        return;
    }
    yaml_node_t *key, *value;
    for (entries walk = {.mapping = node}; next_entry(binder, &walk, "columns", &key, &value);) {
        read_column(binder, key, value, &draft->columns[draft->n_columns++]);
    }
}

static void read_top(yaml_binder *binder, const yaml_node_t *root)
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
    for (entries walk = {.mapping = root}; next_entry(binder, &walk, "preset", &key, &value);) {
        const char *word = text_of(key);
        if (strcmp(word, "augstream") == 0) {
            version = true;
            if (!is_scalar(value) || strcmp(text_of(value), "1") != 0) {
                augsi_draft_fault(draft, augsi_yaml_mark(value),
                                  "format version '%.40s'; this version of augstream reads 1",
                                  is_scalar(value) ? text_of(value) : type_name(value));
            }
        } else if (strcmp(word, "name") == 0) {
            read_text(binder, value, "preset", word, &draft->name);
        } else if (strcmp(word, "description") == 0) {
            read_text(binder, value, "preset", word, &draft->description);
        } else if (strcmp(word, "source") == 0) {
            read_text(binder, value, "preset", word, &draft->source);
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
        yaml_binder binder = {.draft = draft, .document = &document};
        for (uint32_t i = 0; options != NULL && i < options->n_overrides; i++) {
            augsi_yaml_override(draft, &document, options->overrides[i]);
        }
        read_top(&binder, yaml_document_get_root_node(&document));
        yaml_document_delete(&document);
    }
    return draft->no_memory ? augsi_fail(error, AUGS_E_NO_MEMORY, "preset: no memory to read it")
                            : AUGS_OK;
}
