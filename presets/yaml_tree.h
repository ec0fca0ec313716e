/* SPDX-License-Identifier: Apache-2.0 */
/* The part of YAML that presets are written in, as a tree of nodes with places. */
#ifndef AUGSI_YAML_TREE_H
#define AUGSI_YAML_TREE_H

#include <yaml.h>

#include "presets/draft.h"

#define AUGSI_MAX_DEPTH 8

/*
 * Parses a text. false: it is no such YAML and the faults say why (anchors, aliases, tags, several
 * documents, nesting deeper than 8, bad UTF-8, an empty text...). true: *ret_document is the
 * caller's to yaml_document_delete.
 */
bool augsi_yaml_load(augsi_draft *draft, const char *text, size_t n_bytes,
                     yaml_document_t *ret_document);

augsi_mark augsi_yaml_mark(const yaml_node_t *node);
/* Faults at the node name the override from now on. */
void augsi_yaml_mark_override(yaml_node_t *node, uint32_t number);
/* Puts the value of the number-th of draft->overrides, "column.path=value", into the tree; faults
 * say which paths there are. */
void augsi_yaml_override(augsi_draft *draft, yaml_document_t *document, uint32_t number);

#endif
