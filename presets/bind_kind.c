/* SPDX-License-Identifier: Apache-2.0 */
/* What each kind of column takes. */
#include <stdio.h>
#include <string.h>

#include "binder.h"

/* [first, second] */
static bool read_pair(augsi_binder *binder, const yaml_node_t *node, const char *where,
                      const char *kind, const char *form, double *numbers)
{
    const yaml_node_item_t *items =
        node->type == YAML_SEQUENCE_NODE ? node->data.sequence.items.start : NULL;
    size_t n = items == NULL ? 0 : (size_t)(node->data.sequence.items.top - items);
    if (n != 2) {
        char found[40];
        snprintf(found, sizeof found, "a list of %zu", n);
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node),
                          "%s: %s takes a list of two numbers, %s, not %s", where, kind, form,
                          items == NULL ? augsi_bind_type_name(node) : found);
        return false;
    }
    bool first = augsi_bind_number(binder, augsi_bind_node(binder, items[0]), where,
                                   "the first number", &numbers[0]);
    return augsi_bind_number(binder, augsi_bind_node(binder, items[1]), where, "the second number",
                             &numbers[1]) &&
           first;
}

static bool read_normal(augsi_binder *binder, const yaml_node_t *node, const char *where,
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
    for (augsi_entries walk = {.mapping = node};
         augsi_bind_next(binder, &walk, where, &key, &value);) {
        size_t i = 0;
        while (i < 4 && strcmp(known[i], augsi_bind_text_of(key)) != 0) {
            i++;
        }
        if (i == 4) {
            augsi_bind_unknown_key(binder, key, where, known, 4);
            good = false;
        } else {
            found[i] = true;
            good = augsi_bind_number(binder, value, where, known[i], &info->numbers[i]) && good;
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

bool augsi_bind_kind(augsi_binder *binder, uint32_t kind, const yaml_node_t *node,
                     const char *where, augs_column_info *info)
{
    info->kind = kind;
    switch (kind) {
    case AUGS_KIND_CONSTANT:
        return augsi_bind_number(binder, node, where, "the constant", &info->numbers[0]);
    case AUGS_KIND_UNIFORM:
    case AUGS_KIND_LOG_UNIFORM:
    case AUGS_KIND_INTEGER:
        return read_pair(binder, node, where, augsi_kind_words[kind], "[low, high]", info->numbers);
    case AUGS_KIND_BETA:
        return read_pair(binder, node, where, "beta", "[a, b]", info->numbers);
    case AUGS_KIND_NORMAL:
        return read_normal(binder, node, where, info);
    case AUGS_KIND_BERNOULLI:
        return augsi_bind_number(binder, node, where, "the probability", &info->numbers[0]);
    case AUGS_KIND_CHOICE:
        return read_choice(binder, node, where, info);
    case AUGS_KIND_PERMUTATION: {
        uint32_t k = 2;
        bool good =
            augsi_bind_natural(binder, node, where, "the length of the permutation", "2 to 12", &k);
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
