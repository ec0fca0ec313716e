/* SPDX-License-Identifier: Apache-2.0 */
#include "presets/yaml_tree.h"

#include <string.h>

static augsi_mark mark_of(yaml_mark_t mark)
{
    return (augsi_mark){.line = (uint32_t)mark.line + 1, .column = (uint32_t)mark.column + 1};
}

/* The index of a mark is an offset in the text, which nobody needs: numbers beyond every offset
 * tell overrides. */
#define FIRST_OVERRIDE ((size_t)AUGS_MAX_PRESET_BYTES + 1)

augsi_mark augsi_yaml_mark(const yaml_node_t *node)
{
    augsi_mark mark = mark_of(node->start_mark);
    if (node->start_mark.index >= FIRST_OVERRIDE) {
        mark.override = (uint32_t)(node->start_mark.index - FIRST_OVERRIDE) + 1;
    }
    return mark;
}

void augsi_yaml_mark_override(yaml_node_t *node, uint32_t number)
{
    node->start_mark.index = FIRST_OVERRIDE + number - 1;
}

/* What libyaml's words for common slips mean here. */
static const char *in_our_words(const char *problem)
{
    static const struct {
        const char *theirs, *ours;
    } words[] = {
        {"mapping values are not allowed in this context",
         "a ':' that does not end a key: put texts with ': ' in quotes and look at the "
         "indentation"},
        {"did not find expected key", "this is no key of the mapping: look at the indentation"},
        {"could not find expected ':'", "a key without ':'"},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].theirs, problem) == 0) {
            return words[i].ours;
        }
    }
    return problem;
}

static void report_reader(augsi_draft *draft, const yaml_parser_t *parser, const char *text,
                          size_t n_bytes)
{
    augsi_mark mark = augsi_mark_at(text, n_bytes, parser->problem_offset);
    if (n_bytes >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0)) {
        augsi_draft_fault(draft, mark, "UTF-16 text; save the file as UTF-8");
    } else if (strcmp(parser->problem, "control characters are not allowed") == 0) {
        augsi_draft_fault(draft, mark,
                          "the control character 0x%02X; in double quotes it is written \\x%02X",
                          (unsigned)parser->problem_value, (unsigned)parser->problem_value);
    } else {
        augsi_draft_fault(draft, mark, "not UTF-8 text: %s; save the file as UTF-8",
                          parser->problem);
    }
}

static void report_parser(augsi_draft *draft, const yaml_parser_t *parser, const char *text,
                          size_t n_bytes)
{
    const char *context = parser->context != NULL ? parser->context : "";
    augsi_mark mark = mark_of(parser->problem_mark), begin = mark_of(parser->context_mark);
    augsi_line_walk walk;
    augsi_lines_init(&walk, text, n_bytes);
    size_t n = augsi_lines_seek(&walk, mark.line);
    if (parser->error == YAML_MEMORY_ERROR) {
        draft->no_memory = true;
    } else if (parser->error == YAML_READER_ERROR) {
        report_reader(draft, parser, text, n_bytes);
    } else if (strcmp(parser->problem, "found character that cannot start any token") == 0) {
        /* all of them are ASCII */
        size_t at = 0;
        for (uint32_t column = 1; at < n && column < mark.column; column++) {
            for (at++; at < n && ((unsigned char)walk.line[at] & 0xC0) == 0x80; at++) {
            }
        }
        if (at < n && walk.line[at] == '\t') {
            augsi_draft_fault(draft, mark, "not YAML: a tab; indent with blanks");
        } else {
            augsi_draft_fault(draft, mark, "not YAML: a text that begins with '%.1s' needs quotes",
                              at < n ? walk.line + at : "");
        }
    } else if (context[0] == '\0' || parser->context_mark.index == parser->problem_mark.index) {
        augsi_draft_fault(draft, mark, "not YAML: %s%s%s", in_our_words(parser->problem),
                          context[0] != '\0' ? " " : "", context);
    } else if (walk.number >= mark.line && walk.line + n == walk.end && mark.column > n) {
        augsi_draft_fault(draft, begin, "not YAML: this has no end: %s %s", parser->problem,
                          context);
    } else {
        augsi_draft_fault(draft, mark, "not YAML: %s (%s that begins at line %u, column %u)",
                          in_our_words(parser->problem), context, begin.line, begin.column);
    }
}

typedef struct event_walk {
    int depth, n_documents;
    bool usable;
} event_walk;

static void look_at_node(augsi_draft *draft, event_walk *walk, const yaml_event_t *event,
                         const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor != NULL) {
        augsi_draft_fault(
            draft, mark_of(event->start_mark),
            "anchor '&%s': anchors and aliases are not used in presets; write the value out",
            (const char *)anchor);
        walk->usable = false;
    }
    if (tag != NULL) {
        augsi_draft_fault(draft, mark_of(event->start_mark),
                          "tag '%s': tags are not used in presets; the kind decides the type",
                          (const char *)tag);
        walk->usable = false;
    }
}

static void look_at_event(augsi_draft *draft, event_walk *walk, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (++walk->n_documents == 2) {
            augsi_draft_fault(draft, mark_of(event->start_mark),
                              "a second document: a preset is one document");
            walk->usable = false;
        }
        break;
    case YAML_ALIAS_EVENT:
        augsi_draft_fault(
            draft, mark_of(event->start_mark),
            "alias '*%s': anchors and aliases are not used in presets; write the value out",
            (const char *)event->data.alias.anchor);
        walk->usable = false;
        break;
    case YAML_SCALAR_EVENT:
        look_at_node(draft, walk, event, event->data.scalar.anchor, event->data.scalar.tag);
        if (memchr(event->data.scalar.value, 0, event->data.scalar.length) != NULL) {
            augsi_draft_fault(draft, mark_of(event->start_mark),
                              "a NUL character inside of a text");
            walk->usable = false;
        }
        break;
    case YAML_SEQUENCE_START_EVENT:
        look_at_node(draft, walk, event, event->data.sequence_start.anchor,
                     event->data.sequence_start.tag);
        walk->depth++;
        break;
    case YAML_MAPPING_START_EVENT:
        look_at_node(draft, walk, event, event->data.mapping_start.anchor,
                     event->data.mapping_start.tag);
        walk->depth++;
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        walk->depth--;
        break;
    default:
        break;
    }
    if (walk->depth > AUGSI_MAX_DEPTH && walk->usable) {
        augsi_draft_fault(draft, mark_of(event->start_mark), "nested deeper than %d",
                          AUGSI_MAX_DEPTH);
        walk->usable = false;
    }
}

/* The first pass: everything that the tree would hide (aliases are resolved in it). */
static bool check_events(augsi_draft *draft, const char *text, size_t n_bytes)
{
    yaml_parser_t parser;
    event_walk walk = {.usable = true};
    if (!yaml_parser_initialize(&parser)) {
        draft->no_memory = true;
        return false;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, n_bytes);
    for (bool more = true; more;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            report_parser(draft, &parser, text, n_bytes);
            walk.usable = false;
            break;
        }
        look_at_event(draft, &walk, &event);
        more = event.type != YAML_STREAM_END_EVENT && walk.depth <= AUGSI_MAX_DEPTH;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    if (walk.usable && walk.n_documents == 0) {
        augsi_draft_fault(draft, (augsi_mark){.line = 1, .column = 1},
                          "the text is empty; a preset begins with 'augstream: 1'");
        walk.usable = false;
    }
    return walk.usable;
}

bool augsi_yaml_load(augsi_draft *draft, const char *text, size_t n_bytes,
                     yaml_document_t *ret_document)
{
    if (n_bytes > AUGS_MAX_PRESET_BYTES) {
        augsi_draft_fault(draft, (augsi_mark){0}, "the text has %zu bytes; at most %u are read",
                          n_bytes, AUGS_MAX_PRESET_BYTES);
        return false;
    }
    size_t n_bom = augsi_bom_bytes(text, n_bytes);
    text += n_bom;
    n_bytes -= n_bom;
    if (!check_events(draft, text, n_bytes)) {
        return false;
    }
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        draft->no_memory = true;
        return false;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, n_bytes);
    bool loaded = yaml_parser_load(&parser, ret_document) != 0;
    if (!loaded) {
        report_parser(draft, &parser, text, n_bytes);
    }
    yaml_parser_delete(&parser);
    return loaded;
}
