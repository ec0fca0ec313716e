/* SPDX-License-Identifier: Apache-2.0 */
#include "presets/draft.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

__attribute__((format(printf, 4, 0))) static void add_fault(augsi_draft *draft, augsi_mark mark,
                                                            uint32_t warning, const char *format,
                                                            va_list arguments)
{
    char message[1024];
    size_t used = 0;
    if (mark.override > 0) {
        used = (size_t)snprintf(message, sizeof message,
                                "override '%.200s': ", draft->overrides[mark.override - 1]);
    }
    vsnprintf(message + used, sizeof message - used, format, arguments);
    augsi_clean_text(message);
    if (draft->n_faults == draft->fault_capacity) {
        uint32_t capacity = draft->fault_capacity == 0 ? 16 : draft->fault_capacity * 2;
        augsi_fault *larger = augsi_arena_new(draft->arena, capacity * sizeof *larger);
        if (larger == NULL) {
            draft->no_memory = true;
            return;
        }
        if (draft->n_faults > 0) {
            memcpy(larger, draft->faults, draft->n_faults * sizeof *larger);
        }
        draft->faults = larger;
        draft->fault_capacity = capacity;
    }
    char *copy = augsi_arena_text(draft->arena, message, strlen(message));
    if (copy == NULL) {
        draft->no_memory = true;
        return;
    }
    draft->faults[draft->n_faults] =
        (augsi_fault){.mark = mark, .number = draft->n_faults, .warning = warning, .message = copy};
    draft->n_faults++;
}

void augsi_draft_fault(augsi_draft *draft, augsi_mark mark, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_fault(draft, mark, 0, format, arguments);
    va_end(arguments);
}

void augsi_draft_warning(augsi_draft *draft, augsi_mark mark, uint32_t warning, const char *format,
                         ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_fault(draft, mark, warning, format, arguments);
    va_end(arguments);
}

const char *augs_warning_name(uint32_t warning)
{
    return warning == AUGS_WARNING_CLOSED_GATE ? "closed-gate" : NULL;
}

static int compare_faults(const void *a, const void *b)
{
    const augsi_fault *x = a, *y = b;
    if (x->mark.line != y->mark.line) {
        return x->mark.line < y->mark.line ? -1 : 1;
    }
    if (x->mark.column != y->mark.column) {
        return x->mark.column < y->mark.column ? -1 : 1;
    }
    return x->number < y->number ? -1 : x->number > y->number;
}

void augsi_draft_sort_faults(augsi_draft *draft)
{
    if (draft->n_faults > 1) {
        qsort(draft->faults, draft->n_faults, sizeof *draft->faults, compare_faults);
    }
}

/* ---- the text by the lines and columns that libyaml counts ---- */

size_t augsi_bom_bytes(const char *text, size_t n_bytes)
{
    return n_bytes >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

/* Bytes of the line end at p, 0 if there is none. */
static size_t break_bytes(const char *p, const char *end)
{
    size_t n = (size_t)(end - p);
    if (n >= 2 && p[0] == '\r' && p[1] == '\n') {
        return 2;
    }
    if (n >= 1 && (p[0] == '\n' || p[0] == '\r')) {
        return 1;
    }
    if (n >= 2 && memcmp(p, "\xC2\x85", 2) == 0) {
        return 2;
    }
    return n >= 3 && (memcmp(p, "\xE2\x80\xA8", 3) == 0 || memcmp(p, "\xE2\x80\xA9", 3) == 0) ? 3
                                                                                              : 0;
}

augsi_mark augsi_mark_at(const char *text, size_t n_bytes, size_t offset)
{
    augsi_mark mark = {.line = 1, .column = 1};
    const char *end = text + n_bytes;
    const char *stop = text + (offset < n_bytes ? offset : n_bytes);
    for (const char *p = text; p < stop;) {
        size_t n = break_bytes(p, end);
        if (n > 0) {
            mark.line++;
            mark.column = 1;
        } else {
            n = augsi_utf8_bytes(p, end);
            n = n > 0 ? n : 1;
            mark.column++;
        }
        p += n;
    }
    return mark;
}

void augsi_lines_init(augsi_line_walk *walk, const char *text, size_t n_bytes)
{
    size_t n_bom = augsi_bom_bytes(text, n_bytes);
    *walk = (augsi_line_walk){.line = text + n_bom, .end = text + n_bytes, .number = 1};
}

size_t augsi_lines_seek(augsi_line_walk *walk, uint32_t number)
{
    for (;;) {
        const char *stop = walk->line;
        while (stop < walk->end && break_bytes(stop, walk->end) == 0) {
            stop++;
        }
        if (walk->number >= number || stop == walk->end) {
            return walk->number == number ? (size_t)(stop - walk->line) : 0;
        }
        walk->line = stop + break_bytes(stop, walk->end);
        walk->number++;
    }
}
