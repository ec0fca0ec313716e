/* SPDX-License-Identifier: Apache-2.0 */
/* The value of a column's kind, by the form that the kind's row names. */
#include <stdio.h>
#include <string.h>

#include "presets/binder.h"
#include "presets/kinds.h"

/* [first, second...] */
static bool read_list(augsi_binder *binder, const yaml_node_t *node, const char *where,
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
        augsi_word_list names = {.room = sizeof names.text};
        for (uint32_t i = 0; i < n_numbers; i++) {
            augsi_list_word(&names, kind->numbers[i].name);
        }
        snprintf(found, sizeof found, "a list of %zu", n);
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node),
                          "%s: %s takes a list of %s, [%s], not %s", where, kind->name,
                          counts[n_numbers], names.text,
                          items == NULL ? augsi_bind_type_name(node) : found);
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < n; i++) {
        good = augsi_bind_number(binder, augsi_bind_node(binder, items[i]), where, places[i],
                                 &info->numbers[i]) &&
               good;
    }
    return good;
}

/* {first: ..., second: ...}; numbers with a flag may be left out. */
static bool read_mapping(augsi_binder *binder, const yaml_node_t *node, const char *where,
                         const augsi_kind *kind, augs_column_info *info)
{
    const char *known[4];
    bool found[4] = {false}, good = true;
    const uint32_t n = augsi_kind_n_numbers(kind);
    augsi_word_list form = {.room = sizeof form.text};
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
    for (augsi_entries walk = {.mapping = node};
         augsi_bind_next(binder, &walk, where, &key, &value);) {
        uint32_t i = 0;
        while (i < n && strcmp(known[i], augsi_bind_text_of(key)) != 0) {
            i++;
        }
        if (i == n) {
            augsi_bind_unknown_key(binder, key, where, known, n);
            good = false;
        } else {
            found[i] = true;
            good = augsi_bind_number(binder, value, where, known[i], &info->numbers[i]) && good;
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

static bool read_choice_values(augsi_binder *binder, const yaml_node_t *node, const char *where,
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
        const yaml_node_t *item = augsi_bind_node(binder, items[i]);
        choices[i] = (augs_choice){.text = NULL, .weight = 1};
        if (!augsi_bind_is_scalar(item)) {
            augsi_draft_fault(binder->draft, augsi_yaml_mark(item),
                              "%s: a value has to be a name or a number, not %s", where,
                              augsi_bind_type_name(item));
            good = false;
            continue;
        }
        choices[i].text = augsi_bind_copy(binder, augsi_bind_text_of(item));
        choices[i].is_number = item->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
                               augsi_is_json_number(augsi_bind_text_of(item));
    }
    info->choices = choices;
    info->n_choices = (uint32_t)n;
    return good;
}

/* Without values (n_choices is 0) there is nothing to compare the number of weights with. */
static bool read_weights(augsi_binder *binder, const yaml_node_t *node, const char *where,
                         augs_column_info *info)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node),
                          "%s: weights has to be a list of numbers, one for each value, not %s",
                          where, augsi_bind_type_name(node));
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
        const yaml_node_t *item = augsi_bind_node(binder, items[i]);
        double weight = 1;
        if (!augsi_bind_number(binder, item, where, "a weight", &weight)) {
            good = false;
        } else if (weight < 0) {
            augsi_draft_fault(binder->draft, augsi_yaml_mark(item),
                              "%s: weight %.40s is negative; weights are 0 or more", where,
                              augsi_bind_text_of(item));
            good = false;
        } else if (i < info->n_choices) {
            choices[i].weight = weight;
        }
    }
    return good;
}

static bool read_choice(augsi_binder *binder, const yaml_node_t *node, const char *where,
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
    for (augsi_entries walk = {.mapping = node};
         augsi_bind_next(binder, &walk, where, &key, &value);) {
        if (strcmp(augsi_bind_text_of(key), "values") == 0) {
            found = true;
            good = read_choice_values(binder, value, where, info) && good;
        } else if (strcmp(augsi_bind_text_of(key), "weights") == 0) {
            weights = value;
        } else {
            augsi_bind_unknown_key(binder, key, where, known, 2);
            good = false;
        }
    }
    if (!found) {
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node), "%s: choice needs 'values'", where);
        good = false;
    }
    return (weights == NULL || read_weights(binder, weights, where, info)) && good;
}

static bool read_nothing(augsi_binder *binder, const yaml_node_t *node, const char *where,
                         const char *kind)
{
    bool empty = (node->type == YAML_MAPPING_NODE &&
                  node->data.mapping.pairs.start == node->data.mapping.pairs.top) ||
                 (augsi_bind_is_scalar(node) && node->data.scalar.length == 0);
    if (!empty) {
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node),
                          "%s: %s takes nothing: write '%s: {}'", where, kind, kind);
    }
    return empty;
}

/* A single number. */
static bool read_number(augsi_binder *binder, const yaml_node_t *node, const char *where,
                        const augsi_kind *kind, augs_column_info *info)
{
    uint32_t natural = 0;
    if (!kind->numbers[0].whole) {
        return augsi_bind_number(binder, node, where, kind->what, &info->numbers[0]);
    }
    bool good = augsi_bind_natural(binder, node, where, kind->what, kind->accepted, &natural);
    info->numbers[0] = natural;
    return good;
}

bool augsi_bind_kind(augsi_binder *binder, uint32_t kind, const yaml_node_t *node,
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
