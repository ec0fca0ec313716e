/* SPDX-License-Identifier: Apache-2.0 */
/* From the tree to the draft. What is no value of the expected type is recorded as a fault. */
#ifndef AUGSI_BINDER_H
#define AUGSI_BINDER_H

#include "presets/yaml_tree.h"

typedef struct augsi_binder {
    augsi_draft *draft;
    yaml_document_t *document;
} augsi_binder;

/* `where` begins the messages, e.g. "column 'flip'". Values are written only if true is returned.
 */

yaml_node_t *augsi_bind_node(const augsi_binder *binder, int index);
bool augsi_bind_is_scalar(const yaml_node_t *node);
const char *augsi_bind_text_of(const yaml_node_t *scalar);
/* What a node is, for messages: "a list"... */
const char *augsi_bind_type_name(const yaml_node_t *node);
/* A copy that lives as long as the draft's arena. */
const char *augsi_bind_copy(augsi_binder *binder, const char *text);

/* Entries of a mapping one after the other. Keys that are no single values are reported and left
 * out; those that stand there again are reported and handed out, so that their values are checked.
 */
typedef struct augsi_entries {
    const yaml_node_t *mapping;
    size_t next;
    bool again; /* the last key stood before */
} augsi_entries;

bool augsi_bind_next(augsi_binder *binder, augsi_entries *walk, const char *where,
                     yaml_node_t **ret_key, yaml_node_t **ret_value);
void augsi_bind_unknown_key(augsi_binder *binder, const yaml_node_t *key, const char *where,
                            const char *const *known, size_t n_known);

bool augsi_bind_text(augsi_binder *binder, const yaml_node_t *node, const char *where,
                     const char *key, const char **ret_text);
bool augsi_bind_number(augsi_binder *binder, const yaml_node_t *node, const char *where,
                       const char *what, double *ret_number);
bool augsi_bind_natural(augsi_binder *binder, const yaml_node_t *node, const char *where,
                        const char *what, const char *accepted, uint32_t *ret_number);

/* The value of a column's kind into *info. false: faults were recorded; of a choice, *info has the
 * values that could be read, the text of others is NULL. */
bool augsi_bind_kind(augsi_binder *binder, uint32_t kind, const yaml_node_t *node,
                     const char *where, augs_column_info *info);

#endif
