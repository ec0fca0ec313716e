/* SPDX-License-Identifier: Apache-2.0 */
/* Overrides: "COLUMN.KEY[i].KEY=VALUE" puts a single value into the tree before it is read. */
#include <stdio.h>
#include <string.h>

#include "fail.h"
#include "number_text.h"
#include "yaml_tree.h"

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

/* Writes the paths of all single values below a node, "a[0], a[1], ...". */
static void list_paths(yaml_document_t *document, const yaml_node_t *node, const char *prefix,
                       char *list, size_t n_bytes)
{
    char path[200];
    if (node->type == YAML_SCALAR_NODE) {
        size_t used = strlen(list);
        snprintf(list + used, n_bytes - used, "%s%s", used > 0 ? ", " : "", prefix);
    } else if (node->type == YAML_SEQUENCE_NODE) {
        int n = (int)(node->data.sequence.items.top - node->data.sequence.items.start);
        for (int i = 0; i < n && i < 8; i++) {
            snprintf(path, sizeof path, "%s[%d]", prefix, i);
            list_paths(document,
                       yaml_document_get_node(document, node->data.sequence.items.start[i]), path,
                       list, n_bytes);
        }
    } else {
        for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
             pair < node->data.mapping.pairs.top; pair++) {
            const yaml_node_t *key = yaml_document_get_node(document, pair->key);
            if (key->type == YAML_SCALAR_NODE) {
                snprintf(path, sizeof path, "%.120s.%.60s", prefix,
                         (const char *)key->data.scalar.value);
                list_paths(document, yaml_document_get_node(document, pair->value), path, list,
                           n_bytes);
            }
        }
    }
}

static void unknown_column(augsi_draft *draft, yaml_document_t *document,
                           const yaml_node_t *columns, const char *override)
{
    char word[AUGS_MAX_NAME_BYTES + 1], list[500] = "";
    snprintf(word, sizeof word, "%.*s", (int)strcspn(override, "="), override);
    const char *nearest = NULL;
    for (size_t cut = strlen(word); nearest == NULL && cut > 0; cut--) {
        augsi_suggestion column = {.word = word};
        if (word[cut] != '.' && word[cut] != '\0' && word[cut] != '[') {
            continue;
        }
        word[cut] = '\0';
        for (yaml_node_pair_t *pair = columns->data.mapping.pairs.start;
             pair < columns->data.mapping.pairs.top; pair++) {
            const yaml_node_t *key = yaml_document_get_node(document, pair->key);
            if (key->type == YAML_SCALAR_NODE) {
                augsi_suggest(&column, (const char *)key->data.scalar.value);
            }
        }
        nearest = column.nearest;
    }
    for (yaml_node_pair_t *pair = columns->data.mapping.pairs.start;
         pair < columns->data.mapping.pairs.top; pair++) {
        const yaml_node_t *key = yaml_document_get_node(document, pair->key);
        size_t used = strlen(list);
        if (key->type == YAML_SCALAR_NODE && used < sizeof list - 80) {
            snprintf(list + used, sizeof list - used, "%s%s", used > 0 ? ", " : "",
                     (const char *)key->data.scalar.value);
        }
    }
    augsi_draft_fault(draft, (augsi_mark){0, 0},
                      "override '%.100s': no such column%s%s%s; columns: %s", override,
                      nearest != NULL ? ", did you mean '" : "", nearest != NULL ? nearest : "",
                      nearest != NULL ? "'?" : "", list);
}

/* Follows ".key" and "[i]" from *slot on. NULL: there is no such path. */
static int *follow(yaml_document_t *document, int *slot, const char *path, const char *end)
{
    while (slot != NULL && path < end) {
        const yaml_node_t *node = yaml_document_get_node(document, *slot);
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

void augsi_yaml_override(augsi_draft *draft, yaml_document_t *document, const char *override)
{
    const char *equals = override == NULL ? NULL : strchr(override, '=');
    if (equals == NULL || equals == override) {
        augsi_draft_fault(draft, (augsi_mark){0, 0},
                          "override '%.100s': has to look like rotation.uniform[0]=-15",
                          override == NULL ? "" : override);
        return;
    }
    const yaml_node_t *root = yaml_document_get_root_node(document);
    int *columns_slot = find_key(document, root, "columns", 7);
    const yaml_node_t *columns =
        columns_slot == NULL ? NULL : yaml_document_get_node(document, *columns_slot);
    if (columns == NULL || columns->type != YAML_MAPPING_NODE) {
        return; /* the reader complains about that */
    }
    /* column names have dots of their own: the longest name that is a prefix */
    int *column = NULL;
    const char *rest = equals;
    for (const char *cut = equals; column == NULL && cut > override; cut--) {
        if (cut == equals || *cut == '.' || *cut == '[') {
            column = find_key(document, columns, override, (size_t)(cut - override));
            rest = cut;
        }
    }
    if (column == NULL) {
        unknown_column(draft, document, columns, override);
        return;
    }
    int *slot = follow(document, column, rest, equals);
    if (slot == NULL || yaml_document_get_node(document, *slot)->type != YAML_SCALAR_NODE) {
        char name[AUGS_MAX_NAME_BYTES + 1], list[600] = "";
        snprintf(name, sizeof name, "%.*s", (int)(rest - override), override);
        list_paths(document, yaml_document_get_node(document, *column), name, list, sizeof list);
        augsi_draft_fault(draft, (augsi_mark){0, 0},
                          "override '%.100s': no such path; accepted: %s", override, list);
        return;
    }
    int node = yaml_document_add_scalar(document, NULL, (const yaml_char_t *)equals + 1,
                                        (int)strlen(equals + 1), YAML_PLAIN_SCALAR_STYLE);
    if (node == 0) {
        draft->no_memory = true;
        return;
    }
    *slot = node;
}
