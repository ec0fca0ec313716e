/* SPDX-License-Identifier: Apache-2.0 */
#include "presets/draft.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "presets/source_text.h"

__attribute__((format(printf, 4, 0))) static void add_fault(augsi_draft *draft, augsi_mark mark,
                                                            uint32_t warning, const char *format,
                                                            va_list arguments)
{
    char message[1024];
    size_t used = 0;
    if (mark.override > 0) {
        used = (size_t)snprintf(message, sizeof message,
                                "override '%.80s': ", draft->overrides[mark.override - 1]);
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

size_t augsi_draft_origin_bytes(const augsi_draft *draft)
{
    const size_t most = sizeof((augs_error *)NULL)->message / 4;
    size_t n = strlen(draft->origin);
    return n < most ? n : most;
}

size_t augsi_draft_room(const augsi_draft *draft)
{
    return sizeof((augs_error *)NULL)->message - sizeof "preset '...':::  ... (and  more)" -
           3 * (sizeof "1048576" - 1) - augsi_draft_origin_bytes(draft);
}

void augsi_list_word(augsi_word_list *list, const char *word)
{
    static const char more[] = ", ...";
    const char *comma = list->n_bytes > 0 ? ", " : "";
    size_t room = list->room < sizeof list->text - 1 ? list->room : sizeof list->text - 1;
    if (list->cut) {
        return;
    }
    if (list->n_bytes + strlen(comma) + strlen(word) + strlen(more) > room) {
        word = "...";
        list->cut = true;
    }
    list->n_bytes += (size_t)snprintf(list->text + list->n_bytes, sizeof list->text - list->n_bytes,
                                      "%s%s", comma, word);
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
