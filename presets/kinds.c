/* SPDX-License-Identifier: Apache-2.0 */
/* The table of kinds and what rows share. */
#include "presets/kinds.h"
#include "base/sized_struct.h"

#include <math.h>
#include <string.h>

static const augsi_kind kind_sample_id = {
    .name = "sample_id",
    .dtype = AUGS_DTYPE_I64,
    .check = augsi_check_nothing,
    .moments = augsi_no_moments,
};

const augsi_kind *const augsi_kinds[AUGSI_N_KINDS] = {[AUGSI_PLACE_SAMPLE_ID] = &kind_sample_id,
#define ROW(NAME, name) [AUGSI_PLACE_##NAME] = &augsi_kind_##name,
                                                      AUGSI_KINDS(ROW)
#undef ROW
};

const char *augs_kind_name(uint32_t kind)
{
    return kind < AUGSI_N_KINDS ? augsi_kinds[kind]->name : NULL;
}

uint32_t augs_kind_form(uint32_t kind)
{
    return kind < AUGSI_N_KINDS ? augsi_kinds[kind]->form : AUGS_FORM_NOTHING;
}

const char *augs_kind_number_name(uint32_t kind, uint32_t index)
{
    return kind < AUGSI_N_KINDS && index < 4 ? augsi_kinds[kind]->numbers[index].name : NULL;
}

int augs_column_has_number(const augs_column_info *info, uint32_t index)
{
    augs_column_info taken;
    if (info == NULL || AUGSI_TAKE(augs_column_info, info, &taken, NULL) < 0 ||
        augs_kind_number_name(taken.kind, index) == NULL) {
        return 0;
    }
    const uint32_t flag = augsi_kinds[taken.kind]->numbers[index].flag;
    return flag == 0 || (taken.flags & flag) != 0;
}

uint32_t augsi_kind_of_name(const char *name)
{
    for (uint32_t kind = 1; kind < AUGSI_N_KINDS; kind++) {
        if (strcmp(augsi_kinds[kind]->name, name) == 0) {
            return kind;
        }
    }
    return 0;
}

uint32_t augsi_kind_n_numbers(const augsi_kind *kind)
{
    uint32_t n = 0;
    while (n < 4 && kind->numbers[n].name != NULL) {
        n++;
    }
    return n;
}

uint32_t augsi_kind_flags(const augsi_kind *kind)
{
    uint32_t flags = 0;
    for (size_t i = 0; i < 4; i++) {
        flags |= kind->numbers[i].flag;
    }
    return flags;
}

void augsi_draft_derive(augs_column_info *info)
{
    const augsi_kind *kind = augsi_kinds[info->kind];
    const double k = info->numbers[0];
    info->dtype = kind->dtype;
    info->width = 1;
    if (kind->n_from_number != 0 && k >= 1 && k <= AUGS_MAX_PERMUTATION) {
        info->width = (uint32_t)k;
    }
}

void augsi_moments(augs_column_info *info)
{
    info->mean = info->std_dev = NAN;
    augsi_kinds[info->kind]->moments(info);
}

void augsi_check_nothing(augsi_draft *draft, const augsi_draft_column *column)
{
    (void)draft;
    (void)column;
}

void augsi_no_moments(augs_column_info *info)
{
    (void)info;
}

augsi_number_words augsi_number_of(const augs_column_info *info, size_t i)
{
    augsi_number_words words = {.text = "nan"};
    if (isfinite(info->numbers[i])) {
        words.text[augsi_f64_text(info->numbers[i], words.text)] = '\0';
    }
    return words;
}

void augsi_check_interval(augsi_draft *draft, const augsi_draft_column *column)
{
    const augs_column_info *info = &column->info;
    const double low = info->numbers[0], high = info->numbers[1];
    const float first = (float)low, last = (float)high;
    const char *problem = NULL;
    if (!(low < high)) {
        problem = " is empty; the first number has to be below the second";
    } else if (!isfinite(first) || !isfinite(last) || !isfinite(first + (last - first))) {
        problem = " is wider than a 32-bit float can hold";
    } else if (first == last) {
        problem = ": both ends are the same 32-bit float; use constant";
    }
    if (problem != NULL) {
        augsi_draft_fault(draft, column->value_mark, "column '%s': %s [%s, %s]%s", info->name,
                          augsi_kinds[info->kind]->name, augsi_number_of(info, 0).text,
                          augsi_number_of(info, 1).text, problem);
    }
}
