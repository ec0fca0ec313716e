/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the tree by the type that is expected, never by the look of the text. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "base/number_text.h"
#include "presets/binder.h"

const char *augsi_bind_text_of(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

bool augsi_bind_is_scalar(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE;
}

static bool is_nothing(const yaml_node_t *node)
{
    const char *text = augsi_bind_text_of(node);
    return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

const char *augsi_bind_type_name(const yaml_node_t *node)
{
    return node->type == YAML_SEQUENCE_NODE  ? "a list"
           : node->type == YAML_MAPPING_NODE ? "a mapping"
           : is_nothing(node)                ? "an empty value"
                                             : "a single value";
}

yaml_node_t *augsi_bind_node(const augsi_binder *binder, int index)
{
    return yaml_document_get_node(binder->document, index);
}

bool augsi_bind_next(augsi_binder *binder, augsi_entries *walk, const char *where,
                     yaml_node_t **ret_key, yaml_node_t **ret_value)
{
    const yaml_node_pair_t *pairs = walk->mapping->data.mapping.pairs.start;
    size_t n = (size_t)(walk->mapping->data.mapping.pairs.top - pairs);
    while (walk->next < n) {
        size_t i = walk->next++;
        if (i == AUGS_MAX_COLUMNS) {
            augsi_draft_fault(binder->draft, augsi_yaml_mark(augsi_bind_node(binder, pairs[i].key)),
                              "%s: more than %u entries; the rest is not read", where,
                              AUGS_MAX_COLUMNS);
            walk->next = n;
            break;
        }
        yaml_node_t *key = augsi_bind_node(binder, pairs[i].key);
        if (!augsi_bind_is_scalar(key)) {
            augsi_draft_fault(binder->draft, augsi_yaml_mark(key),
                              "%s: a key has to be a single word, not %s", where,
                              augsi_bind_type_name(key));
            continue;
        }
        if (strcmp(augsi_bind_text_of(key), "<<") == 0 &&
            key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
            augsi_draft_fault(binder->draft, augsi_yaml_mark(key),
                              "%s: '<<': merge keys are not used in presets; write the keys out",
                              where);
            continue;
        }
        walk->again = false;
        for (size_t j = 0; j < i && !walk->again; j++) {
            const yaml_node_t *other = augsi_bind_node(binder, pairs[j].key);
            if (augsi_bind_is_scalar(other) &&
                strcmp(augsi_bind_text_of(other), augsi_bind_text_of(key)) == 0) {
                augsi_draft_fault(binder->draft, augsi_yaml_mark(key),
                                  "%s: '%.64s' stands here twice, first at line %zu", where,
                                  augsi_bind_text_of(key), other->start_mark.line + 1);
                walk->again = true;
            }
        }
        *ret_key = key;
        *ret_value = augsi_bind_node(binder, pairs[i].value);
        return true;
    }
    return false;
}

const char *augsi_bind_copy(augsi_binder *binder, const char *text)
{
    char *copied = augsi_arena_text(binder->draft->arena, text, strlen(text));
    if (copied == NULL) {
        binder->draft->no_memory = true;
        return "";
    }
    return copied;
}

bool augsi_bind_text(augsi_binder *binder, const yaml_node_t *node, const char *where,
                     const char *key, const char **ret_text)
{
    if (!augsi_bind_is_scalar(node)) {
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node), "%s: '%s' has to be a text, not %s",
                          where, key, augsi_bind_type_name(node));
        return false;
    }
    *ret_text = augsi_bind_copy(binder, augsi_bind_text_of(node));
    return true;
}

bool augsi_bind_number(augsi_binder *binder, const yaml_node_t *node, const char *where,
                       const char *what, double *ret_number)
{
    if (!augsi_bind_is_scalar(node)) {
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node), "%s: %s has to be a number, not %s",
                          where, what, augsi_bind_type_name(node));
        return false;
    }
    if (!augsi_parse_f64(augsi_bind_text_of(node), node->data.scalar.length, ret_number) ||
        !isfinite(*ret_number)) {
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node),
                          "%s: %s is '%.60s'; a finite decimal number is accepted", where, what,
                          augsi_bind_text_of(node));
        return false;
    }
    return true;
}

bool augsi_bind_natural(augsi_binder *binder, const yaml_node_t *node, const char *where,
                        const char *what, const char *accepted, uint32_t *ret_number)
{
    uint64_t number;
    if (!augsi_bind_is_scalar(node) ||
        !augsi_parse_u64(augsi_bind_text_of(node), node->data.scalar.length, &number) ||
        number > UINT32_MAX) {
        bool scalar = augsi_bind_is_scalar(node);
        augsi_draft_fault(binder->draft, augsi_yaml_mark(node),
                          "%s: %s has to be a whole number, %s, not %s%.60s%s", where, what,
                          accepted, scalar ? "'" : "",
                          scalar ? augsi_bind_text_of(node) : augsi_bind_type_name(node),
                          scalar ? "'" : "");
        return false;
    }
    *ret_number = (uint32_t)number;
    return true;
}

void augsi_bind_unknown_key(augsi_binder *binder, const yaml_node_t *key, const char *where,
                            const char *const *known, size_t n_known)
{
    const char *nearest = augsi_nearest(augsi_bind_text_of(key), known, n_known);
    augsi_word_list list = {.room = sizeof list.text};
    for (size_t i = 0; i < n_known; i++) {
        augsi_list_word(&list, known[i]);
    }
    augsi_draft_fault(binder->draft, augsi_yaml_mark(key),
                      "%s: unknown key '%.64s'%s%s%s; accepted: %s", where, augsi_bind_text_of(key),
                      nearest != NULL ? ", did you mean '" : "", nearest != NULL ? nearest : "",
                      nearest != NULL ? "'?" : "", list.text);
}
