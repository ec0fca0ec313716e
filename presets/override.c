/* SPDX-License-Identifier: Apache-2.0 */
/* Overrides: "COLUMN.KEY[i].KEY=VALUE" puts a single value into the tree before it is read. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/number_text.h"
#include "base/text.h"
#include "base/words.h"
#include "presets/yaml_tree.h"

/* The slot of a mapping's value or a list's item, so that it can be pointed to another node. */
static int *find_key(yaml_document_t *document, const yaml_node_t *mapping, const char *key,
                     size_t n_bytes)
{
    if (mapping->type == YAML_MAPPING_NODE) {
        for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
             pair < mapping->data.mapping.pairs.top; pair++) {
            const yaml_node_t *node = yaml_document_get_node(document, pair->key);
            if (node->type == YAML_SCALAR_NODE && node->data.scalar.length == n_bytes &&
                memcmp(node->data.scalar.value, key, n_bytes) == 0) {
                return &pair->value;
            }
        }
    }
    return NULL;
}

/* What could have been meant: near words by the edits that lead there, then the others. */
typedef struct meant {
    const char *text;
    size_t n_edits;  /* SIZE_MAX: not near */
    uint32_t number; /* in the order of the text */
} meant;

typedef struct meant_list {
    augsi_draft *draft;
    const char *word; /* as typed, without the first `skip` bytes */
    size_t skip;
    meant *all;
    uint32_t n, capacity;
} meant_list;

static void add_meant(meant_list *list, const char *text)
{
    augsi_suggestion near = {.word = list->word};
    augsi_suggest(&near, text + list->skip);
    if (list->n == list->capacity) {
        uint32_t capacity = list->capacity == 0 ? 32 : list->capacity * 2;
        meant *larger = augsi_arena_new(list->draft->arena, capacity * sizeof *larger);
        if (larger == NULL) {
            list->draft->no_memory = true;
            return;
        }
        if (list->n > 0) {
            memcpy(larger, list->all, list->n * sizeof *larger);
        }
        list->all = larger;
        list->capacity = capacity;
    }
    list->all[list->n] = (meant){
        .text = text, .n_edits = near.nearest != NULL ? near.n_edits : SIZE_MAX, .number = list->n};
    list->n++;
}

static int compare_meant(const void *a, const void *b)
{
    const meant *x = a, *y = b;
    if (x->n_edits != y->n_edits) {
        return x->n_edits < y->n_edits ? -1 : 1;
    }
    return x->number < y->number ? -1 : x->number > y->number;
}

/* An override that leads nowhere: what it may be, the nearest first, as far as a message goes. */
static void report_meant(augsi_draft *draft, const char *override, const char *what,
                         meant_list *list)
{
    augsi_word_list words = {0};
    if (list->n > 1) {
        qsort(list->all, list->n, sizeof *list->all, compare_meant);
    }
    for (uint32_t i = 0; i < list->n; i++) {
        augsi_list_word(&words, list->all[i].text);
    }
    augsi_draft_fault(draft, (augsi_mark){0}, "override '%.200s': %s%s%s", override, what,
                      words.text, words.cut ? " (`presets show NAME` lists them)" : "");
}

/* The paths of all single values below a node; of a long list the first and the last. */
static void list_paths(meant_list *list, yaml_document_t *document, int index, const char *prefix)
{
    enum { FIRST = 16 };
    char path[640];
    const yaml_node_t *node = yaml_document_get_node(document, index);
    if (node->type == YAML_SCALAR_NODE) {
        const char *text = augsi_arena_text(list->draft->arena, prefix, strlen(prefix));
        list->draft->no_memory |= text == NULL;
        if (text != NULL) {
            add_meant(list, text);
        }
    } else if (node->type == YAML_SEQUENCE_NODE) {
        int n = (int)(node->data.sequence.items.top - node->data.sequence.items.start);
        for (int i = 0; i < n; i++) {
            if (i < FIRST || i == n - 1) {
                snprintf(path, sizeof path, "%.600s[%d]", prefix, i);
                list_paths(list, document, node->data.sequence.items.start[i], path);
            }
        }
    } else {
        for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
             pair < node->data.mapping.pairs.top; pair++) {
            const yaml_node_t *key = yaml_document_get_node(document, pair->key);
            if (key->type == YAML_SCALAR_NODE) {
                snprintf(path, sizeof path, "%.400s.%.200s", prefix,
                         (const char *)key->data.scalar.value);
                list_paths(list, document, pair->value, path);
            }
        }
    }
}

/* Nobody knows where the name of a column ended that is none: each part is tried. The list is by
 * the part that has the nearest. */
static void unknown_column(augsi_draft *draft, yaml_document_t *document,
                           const yaml_node_t *columns, const char *override)
{
    char word[128], what[200], hint[AUGSI_HINT_BYTES];
    meant_list list = {.draft = draft, .word = word};
    augsi_suggestion best = {.word = word};
    size_t n_nearest = 0;
    const yaml_node_pair_t *pairs = columns->data.mapping.pairs.start;
    size_t n_pairs = (size_t)(columns->data.mapping.pairs.top - pairs);
    snprintf(word, sizeof word, "%.*s", (int)strcspn(override, "="), override);
    for (size_t cut = strlen(word); cut > 0; cut--) {
        if (word[cut] != '.' && word[cut] != '\0' && word[cut] != '[') {
            continue;
        }
        word[cut] = '\0';
        augsi_suggestion column = {.word = word};
        for (size_t i = 0; i < n_pairs; i++) {
            const yaml_node_t *key = yaml_document_get_node(document, pairs[i].key);
            if (key->type == YAML_SCALAR_NODE) {
                augsi_suggest(&column, (const char *)key->data.scalar.value);
            }
        }
        if (column.nearest != NULL && (best.nearest == NULL || column.n_edits < best.n_edits)) {
            best = column;
            n_nearest = cut;
        }
    }
    snprintf(word, sizeof word, "%.*s",
             (int)(best.nearest != NULL ? n_nearest : strcspn(override, "=")), override);
    for (size_t i = 0; i < n_pairs; i++) {
        const yaml_node_t *key = yaml_document_get_node(document, pairs[i].key);
        if (key->type == YAML_SCALAR_NODE) {
            const char *name = (const char *)key->data.scalar.value;
            add_meant(&list, name);
        }
    }
    snprintf(what, sizeof what, "no such column%s; columns: ", augsi_suggestion_text(&best, hint));
    report_meant(draft, override, what, &list);
}

static void unknown_path(augsi_draft *draft, yaml_document_t *document, int column,
                         const char *override, size_t n_name)
{
    char name[AUGS_MAX_NAME_BYTES + 1], word[128];
    snprintf(name, sizeof name, "%.*s", (int)n_name, override);
    snprintf(word, sizeof word, "%.*s", (int)strcspn(override, "="), override);
    meant_list list = {.draft = draft, .word = word + strlen(name), .skip = strlen(name)};
    list_paths(&list, document, column, name);
    report_meant(draft, override, "no such path; accepted: ", &list);
}

/* Follows ".key" and "[i]" from *slot on and marks what is passed, if `number` is not 0. NULL:
 * there is no such path. */
static int *follow(yaml_document_t *document, int *slot, const char *path, const char *end,
                   uint32_t number)
{
    for (bool first = true; slot != NULL && path < end; first = false) {
        yaml_node_t *node = yaml_document_get_node(document, *slot);
        if (number > 0 && !first) {
            augsi_yaml_mark_override(node, number);
        }
        size_t n = 1 + strcspn(path + 1, ".[=");
        if (path[0] == '.') {
            slot = find_key(document, node, path + 1, n - 1);
        } else {
            uint64_t index;
            bool good =
                n >= 3 && path[n - 1] == ']' && node->type == YAML_SEQUENCE_NODE &&
                augsi_parse_u64(path + 1, n - 2, &index) &&
                index < (uint64_t)(node->data.sequence.items.top - node->data.sequence.items.start);
            slot = good ? &node->data.sequence.items.start[index] : NULL;
        }
        path += n;
    }
    return slot;
}

/* Column names have dots of their own: the longest name that is a prefix. *rest is the '=' before,
 * and what follows the name after the call. */
static int *column_of(yaml_document_t *document, const yaml_node_t *columns, const char *override,
                      const char **rest)
{
    int *column = NULL;
    const char *equals = *rest;
    for (const char *cut = equals; column == NULL && cut > override; cut--) {
        if (cut == equals || *cut == '.' || *cut == '[') {
            column = find_key(document, columns, override, (size_t)(cut - override));
            *rest = cut;
        }
    }
    return column;
}

void augsi_yaml_override(augsi_draft *draft, yaml_document_t *document, uint32_t number)
{
    const char *override = draft->overrides[number - 1];
    const char *equals = override == NULL ? NULL : strchr(override, '=');
    if (equals == NULL || equals == override) {
        augsi_draft_fault(draft, (augsi_mark){0},
                          "override '%.200s': has to look like rotation.uniform[0]=-15",
                          override == NULL ? "" : override);
        return;
    }
    if (!augsi_is_utf8(override)) {
        augsi_draft_fault(draft, (augsi_mark){0}, "override '%.200s': is no UTF-8 text", override);
        return;
    }
    const yaml_node_t *root = yaml_document_get_root_node(document);
    int *columns_slot = find_key(document, root, "columns", 7);
    const yaml_node_t *columns =
        columns_slot == NULL ? NULL : yaml_document_get_node(document, *columns_slot);
    if (columns == NULL || columns->type != YAML_MAPPING_NODE) {
        return; /* the reader complains about that */
    }
    const char *rest = equals;
    int *column = column_of(document, columns, override, &rest);
    if (column == NULL) {
        unknown_column(draft, document, columns, override);
        return;
    }
    int *slot = follow(document, column, rest, equals, 0);
    if (slot == NULL || yaml_document_get_node(document, *slot)->type != YAML_SCALAR_NODE) {
        unknown_path(draft, document, *column, override, (size_t)(rest - override));
        return;
    }
    int node = yaml_document_add_scalar(document, NULL, (const yaml_char_t *)equals + 1,
                                        (int)strlen(equals + 1), YAML_PLAIN_SCALAR_STYLE);
    if (node == 0) {
        draft->no_memory = true;
        return;
    }
    follow(document, column, rest, equals, number);
    yaml_node_t *value = yaml_document_get_node(document, node);
    value->start_mark = yaml_document_get_node(document, *slot)->start_mark;
    augsi_yaml_mark_override(value, number);
    *slot = node;
}
