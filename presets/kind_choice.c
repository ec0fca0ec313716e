/* SPDX-License-Identifier: Apache-2.0 */
/* choice: {values, weights} */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "presets/kinds.h"

double augsi_choice_threshold(double sum, double total)
{
    return rint((4294967296.0 * sum) / total);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void check(augsi_draft *draft, const augsi_draft_column *column)
{
    const augs_column_info *info = &column->info;
    double total = 0;
    if (info->n_choices == 0 && column->broken) {
        return;
    }
    if (info->n_choices == 0 || info->n_choices > AUGS_MAX_CHOICES) {
        augsi_draft_fault(draft, column->value_mark, "column '%s': %u values; 1 to %u are accepted",
                          info->name, info->n_choices, AUGS_MAX_CHOICES);
        return;
    }
    const char **sorted = augsi_arena_new(draft->arena, info->n_choices * sizeof *sorted);
    if (sorted == NULL) {
        draft->no_memory = true;
        return;
    }
    uint32_t n_sorted = 0;
    for (uint32_t i = 0; i < info->n_choices; i++) {
        if (info->choices[i].text != NULL) {
            sorted[n_sorted++] = info->choices[i].text;
        }
        if (!(info->choices[i].weight >= 0)) {
            augsi_draft_fault(draft, column->value_mark,
                              "column '%s': weights are numbers of 0 or more", info->name);
            return;
        }
        total += info->choices[i].weight;
    }
    if (!column->broken && (!(total > 0) || !isfinite(total * 4294967296.0))) {
        augsi_draft_fault(draft, column->value_mark,
                          "column '%s': the sum of the weights has to be above 0 and finite",
                          info->name);
    }
    qsort(sorted, n_sorted, sizeof *sorted, compare_texts);
    for (uint32_t i = 1; i < n_sorted; i++) {
        if (strcmp(sorted[i - 1], sorted[i]) == 0) {
            augsi_draft_fault(draft, column->value_mark,
                              "column '%s': the value '%.60s' stands twice", info->name, sorted[i]);
        }
    }
}

static void moments(augs_column_info *info)
{
    double total = 0, sum = 0, squares = 0, scale = 0;
    for (uint32_t i = 0; i < info->n_choices; i++) {
        if (info->choices[i].is_number == 0) {
            return;
        }
        total += info->choices[i].weight;
        scale = fmax(scale, fabs(augsi_choice_number(&info->choices[i])));
    }
    if (!isfinite(scale)) {
        return;
    }
    scale = scale > 0x1p300 ? 0x1p-400 : scale < 0x1p-300 ? 0x1p400 : 1; /* keeps squares finite */
    for (uint32_t i = 0; i < info->n_choices; i++) {
        double value = augsi_choice_number(&info->choices[i]) * scale;
        sum += info->choices[i].weight / total * value;
        squares += info->choices[i].weight / total * value * value;
    }
    info->mean = sum / scale;
    info->std_dev = sqrt(fmax(0, squares - sum * sum)) / scale;
}

/* Value k belongs to the words from its threshold on, up to that of the value after it. */
static bool can_draw(const augs_column_info *info, uint32_t value)
{
    double total = 0, sum = 0;
    for (uint32_t k = 0; k < info->n_choices; k++) {
        total += info->choices[k].weight;
    }
    for (uint32_t k = 0; k < value; k++) {
        sum += info->choices[k].weight;
    }
    const bool last = value + 1 == info->n_choices;
    const double begin = value == 0 ? 0 : augsi_choice_threshold(sum, total);
    const double end =
        last ? 4294967296.0 : augsi_choice_threshold(sum + info->choices[value].weight, total);
    return begin < end;
}

const augsi_kind augsi_kind_choice = {
    .name = "choice",
    .dtype = AUGS_DTYPE_I32,
    .n_words = 1,
    .form = AUGS_FORM_CHOICES,
    .is_gate = true,
    .check = check,
    .moments = moments,
    .can_draw = can_draw,
};
