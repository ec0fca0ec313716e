/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of columns: a section and a row for each, then the table of the rows. */
#include "presets/kinds.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/number_text.h"
#include "base/sized_struct.h"

/* ---- dtypes ---- */

static const struct {
    const char *name;
    uint32_t n_bytes;
} dtypes[] = {
    [AUGS_DTYPE_F32] = {.name = "f32", .n_bytes = 4},
    [AUGS_DTYPE_I32] = {.name = "i32", .n_bytes = 4},
    [AUGS_DTYPE_U64] = {.name = "u64", .n_bytes = 8},
    [AUGS_DTYPE_I64] = {.name = "i64", .n_bytes = 8},
    [AUGS_DTYPE_BOOL] = {.name = "bool", .n_bytes = 1},
};
#define N_DTYPES (sizeof dtypes / sizeof dtypes[0])

const char *augs_dtype_name(uint32_t dtype)
{
    return dtype < N_DTYPES ? dtypes[dtype].name : NULL;
}

uint32_t augs_dtype_bytes(uint32_t dtype)
{
    return dtype < N_DTYPES ? dtypes[dtype].n_bytes : 0;
}

/* ---- what rows share ---- */

static void check_nothing(augsi_draft *draft, const augsi_draft_column *column)
{
    (void)draft;
    (void)column;
}

static void no_moments(augs_column_info *info)
{
    (void)info;
}

/* numbers[i] as text, "nan" if it is not finite. */
typedef struct number_words {
    char text[AUGSI_NUMBER_BYTES + 1];
} number_words;

static number_words number_of(const augs_column_info *info, size_t i)
{
    number_words words = {.text = "nan"};
    if (isfinite(info->numbers[i])) {
        words.text[augsi_f64_text(info->numbers[i], words.text)] = '\0';
    }
    return words;
}

/* Kinds between two binary32 numbers: low < high, and both are different binary32 numbers whose
 * difference is one. */
static void check_interval(augsi_draft *draft, const augsi_draft_column *column)
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
                          augsi_kinds[info->kind]->name, number_of(info, 0).text,
                          number_of(info, 1).text, problem);
    }
}

/* ---- sample_id: every batch begins with it, and no preset may name it ---- */

static const augsi_kind kind_sample_id = {
    .name = "sample_id",
    .dtype = AUGS_DTYPE_I64,
    .check = check_nothing,
    .moments = no_moments,
};

/* ---- constant: v ---- */

static void constant_check(augsi_draft *draft, const augsi_draft_column *column)
{
    if (!isfinite((float)column->info.numbers[0])) {
        augsi_draft_fault(draft, column->value_mark,
                          "column '%s': constant %s does not fit a 32-bit float", column->info.name,
                          number_of(&column->info, 0).text);
    }
}

static void constant_moments(augs_column_info *info)
{
    info->mean = info->numbers[0];
    info->std_dev = 0;
}

static const augsi_kind kind_constant = {
    .name = "constant",
    .dtype = AUGS_DTYPE_F32,
    .n_words = 0,
    .form = AUGS_FORM_NUMBER,
    .numbers = {{.name = "value"}},
    .what = "the constant",
    .needs_identity = true,
    .check = constant_check,
    .moments = constant_moments,
};

/* ---- uniform: [low, high] ---- */

static void uniform_moments(augs_column_info *info)
{
    const double *x = info->numbers;
    info->mean = (x[0] + x[1]) / 2;
    info->std_dev = (x[1] - x[0]) / sqrt(12);
}

static const augsi_kind kind_uniform = {
    .name = "uniform",
    .dtype = AUGS_DTYPE_F32,
    .n_words = 1,
    .form = AUGS_FORM_LIST,
    .numbers = {{.name = "low"}, {.name = "high"}},
    .needs_identity = true,
    .check = check_interval,
    .moments = uniform_moments,
};

/* ---- log_uniform: [low, high] ---- */

static void log_uniform_check(augsi_draft *draft, const augsi_draft_column *column)
{
    const augs_column_info *info = &column->info;
    check_interval(draft, column);
    if (!(info->numbers[0] > 0 && (float)info->numbers[0] >= 0x1p-126f)) {
        augsi_draft_fault(draft, column->value_mark,
                          "column '%s': log_uniform [%s, %s]: both numbers have to be above 0 and "
                          "normal 32-bit floats",
                          info->name, number_of(info, 0).text, number_of(info, 1).text);
    }
}

static void log_uniform_moments(augs_column_info *info)
{
    const double *x = info->numbers;
    double width = log(x[1] / x[0]);
    info->mean = (x[1] - x[0]) / width;
    info->std_dev =
        sqrt(fmax(0, (x[1] * x[1] - x[0] * x[0]) / (2 * width) - info->mean * info->mean));
}

static const augsi_kind kind_log_uniform = {
    .name = "log_uniform",
    .dtype = AUGS_DTYPE_F32,
    .n_words = 1,
    .form = AUGS_FORM_LIST,
    .numbers = {{.name = "low"}, {.name = "high"}},
    .needs_identity = true,
    .check = log_uniform_check,
    .moments = log_uniform_moments,
};

/* ---- normal: {mean, std, min, max}, with or without bounds ---- */

static bool has_min(const augs_column_info *info)
{
    return (info->flags & AUGS_HAS_MIN) != 0;
}

static bool has_max(const augs_column_info *info)
{
    return (info->flags & AUGS_HAS_MAX) != 0;
}

static double standardized_min(const augs_column_info *info)
{
    const double *x = info->numbers;
    return has_min(info) ? (x[2] - x[0]) / x[1] : -INFINITY;
}

static double standardized_max(const augs_column_info *info)
{
    const double *x = info->numbers;
    return has_max(info) ? (x[3] - x[0]) / x[1] : INFINITY;
}

/*
 * Words make v from 2^-33 to 1 - 2^-33, whose normal quantiles lie within 6.4. Between a bound and
 * the far tail, v is a part of the tail's mass: at most 6.5 standard deviations behind the bound.
 */
#define REACH 6.5

/* Whether every value, from the least to the greatest, is a finite binary32 number. */
static bool stays_finite(const augs_column_info *info)
{
    const double *x = info->numbers;
    const double a = fmin(standardized_max(info), 0), b = fmax(standardized_min(info), 0);
    const double low = fmax(x[0] + x[1] * (a - REACH), has_min(info) ? x[2] : -INFINITY);
    const double high = fmin(x[0] + x[1] * (b + REACH), has_max(info) ? x[3] : INFINITY);
    return isfinite((float)low) && isfinite((float)high);
}

static void normal_check(augsi_draft *draft, const augsi_draft_column *column)
{
    const augs_column_info *info = &column->info;
    const double *x = info->numbers;
    if (!(x[1] > 0) || !isfinite((float)x[1]) || !isfinite((float)x[0])) {
        augsi_draft_fault(draft, column->value_mark,
                          "column '%s': std %s; it has to be above 0, and mean and std have to fit "
                          "a 32-bit float",
                          info->name, number_of(info, 1).text);
        return;
    }
    if ((has_min(info) && !isfinite(x[2])) || (has_max(info) && !isfinite(x[3]))) {
        augsi_draft_fault(draft, column->value_mark,
                          "column '%s': min and max have to be finite numbers; leave out a bound "
                          "that is not there",
                          info->name);
        return;
    }
    if (has_min(info) && has_max(info) && !(x[2] < x[3])) {
        augsi_draft_fault(draft, column->value_mark, "column '%s': min %s is not below max %s",
                          info->name, number_of(info, 2).text, number_of(info, 3).text);
        return;
    }
    if (standardized_min(info) > 37 || standardized_max(info) < -37) {
        augsi_draft_fault(
            draft, column->value_mark,
            "column '%s': the bounds lie more than 37 standard deviations from the mean",
            info->name);
    } else if (!stays_finite(info)) {
        augsi_draft_fault(draft, column->value_mark,
                          "column '%s': mean %s and std %s make values that a 32-bit float cannot "
                          "hold; mean +- 6.5 std has to fit, or min and max keep it within",
                          info->name, number_of(info, 0).text, number_of(info, 1).text);
    }
}

static double density(double x)
{
    return isfinite(x) ? exp(-0.5 * x * x) / sqrt(2 * 3.14159265358979323846) : 0;
}

static double tail(double x)
{
    return 0.5 * erfc(x / sqrt(2));
}

static void normal_moments(augs_column_info *info)
{
    const double *x = info->numbers;
    double a = standardized_min(info), b = standardized_max(info);
    double mass = a > 0 ? tail(a) - tail(b) : tail(-b) - tail(-a);
    double shift = (density(a) - density(b)) / mass;
    double at_a = isfinite(a) ? a * density(a) : 0, at_b = isfinite(b) ? b * density(b) : 0;
    info->mean = x[0] + x[1] * shift;
    info->std_dev = x[1] * sqrt(fmax(0, 1 + (at_a - at_b) / mass - shift * shift));
}

static const augsi_kind kind_normal = {
    .name = "normal",
    .dtype = AUGS_DTYPE_F32,
    .n_words = 1,
    .form = AUGS_FORM_MAPPING,
    .numbers = {{.name = "mean"},
                {.name = "std"},
                {.name = "min", .flag = AUGS_HAS_MIN},
                {.name = "max", .flag = AUGS_HAS_MAX}},
    .needs_identity = true,
    .check = normal_check,
    .moments = normal_moments,
};

/* ---- beta: [a, b] ---- */

static bool is_beta_parameter(double x)
{
    return x >= 0.01 && x <= 1000;
}

static void beta_check(augsi_draft *draft, const augsi_draft_column *column)
{
    const augs_column_info *info = &column->info;
    if (!is_beta_parameter(info->numbers[0]) || !is_beta_parameter(info->numbers[1])) {
        augsi_draft_fault(draft, column->value_mark,
                          "column '%s': beta [%s, %s]; both numbers have to be from 0.01 to 1000",
                          info->name, number_of(info, 0).text, number_of(info, 1).text);
    }
}

static void beta_moments(augs_column_info *info)
{
    const double *x = info->numbers;
    info->mean = x[0] / (x[0] + x[1]);
    info->std_dev = sqrt(x[0] * x[1] / (x[0] + x[1] + 1)) / (x[0] + x[1]);
}

static const augsi_kind kind_beta = {
    .name = "beta",
    .dtype = AUGS_DTYPE_F32,
    .n_words = 1,
    .form = AUGS_FORM_LIST,
    .numbers = {{.name = "a"}, {.name = "b"}},
    .needs_identity = true,
    .check = beta_check,
    .moments = beta_moments,
};

/* ---- bernoulli: p ---- */

static void bernoulli_check(augsi_draft *draft, const augsi_draft_column *column)
{
    if (!(column->info.numbers[0] >= 0 && column->info.numbers[0] <= 1)) {
        augsi_draft_fault(draft, column->value_mark,
                          "column '%s': probability %s; it has to be from 0 to 1",
                          column->info.name, number_of(&column->info, 0).text);
    }
}

static void bernoulli_moments(augs_column_info *info)
{
    const double p = info->numbers[0];
    info->mean = p;
    info->std_dev = sqrt(p * (1 - p));
}

/* A word is below the threshold rint(p 2^32) or not. */
static bool bernoulli_can_draw(const augs_column_info *info, uint32_t value)
{
    const double threshold = rint(info->numbers[0] * 4294967296.0);
    return value == 1 ? threshold > 0 : threshold < 4294967296.0;
}

static const augsi_kind kind_bernoulli = {
    .name = "bernoulli",
    .dtype = AUGS_DTYPE_BOOL,
    .n_words = 1,
    .form = AUGS_FORM_NUMBER,
    .numbers = {{.name = "p"}},
    .what = "the probability",
    .is_gate = true,
    .check = bernoulli_check,
    .moments = bernoulli_moments,
    .can_draw = bernoulli_can_draw,
};

/* ---- integer: [low, high], both ends included ---- */

static void integer_check(augsi_draft *draft, const augsi_draft_column *column)
{
    const augs_column_info *info = &column->info;
    const double low = info->numbers[0], high = info->numbers[1];
    bool whole = low == rint(low) && high == rint(high);
    if (!whole || !(low >= INT32_MIN && low <= high && high <= INT32_MAX)) {
        augsi_draft_fault(draft, column->value_mark,
                          "column '%s': integer [%s, %s]; two whole numbers from -2147483648 to "
                          "2147483647, the first not above the second",
                          info->name, number_of(info, 0).text, number_of(info, 1).text);
    }
}

static void integer_moments(augs_column_info *info)
{
    const double *x = info->numbers;
    double n = x[1] - x[0] + 1;
    info->mean = (x[0] + x[1]) / 2;
    info->std_dev = sqrt((n * n - 1) / 12);
}

static const augsi_kind kind_integer = {
    .name = "integer",
    .dtype = AUGS_DTYPE_I32,
    .n_words = 1,
    .form = AUGS_FORM_LIST,
    .numbers = {{.name = "low", .whole = true}, {.name = "high", .whole = true}},
    .needs_identity = true,
    .check = integer_check,
    .moments = integer_moments,
};

/* ---- choice: {values, weights} ---- */

/* -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [-+]? [0-9]+)? : other spellings of a number stay names.
 */
bool augsi_is_json_number(const char *text)
{
    double number;
    const char *p = text + (*text == '-');
    const char *point = strchr(p, '.');
    return *p >= '0' && *p <= '9' && !(p[0] == '0' && p[1] >= '0' && p[1] <= '9') &&
           (point == NULL || (point[1] >= '0' && point[1] <= '9')) &&
           augsi_parse_f64(text, strlen(text), &number);
}

double augsi_choice_number(const augs_choice *choice)
{
    double number = 0;
    augsi_parse_f64(choice->text, strlen(choice->text), &number);
    return number;
}

double augsi_choice_threshold(double sum, double total)
{
    return rint((4294967296.0 * sum) / total);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void choice_check(augsi_draft *draft, const augsi_draft_column *column)
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
                              "column '%s': the value '%.200s' stands twice", info->name,
                              sorted[i]);
        }
    }
}

static void choice_moments(augs_column_info *info)
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
static bool choice_can_draw(const augs_column_info *info, uint32_t value)
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

static const augsi_kind kind_choice = {
    .name = "choice",
    .dtype = AUGS_DTYPE_I32,
    .n_words = 1,
    .form = AUGS_FORM_CHOICES,
    .is_gate = true,
    .check = choice_check,
    .moments = choice_moments,
    .can_draw = choice_can_draw,
};

/* ---- permutation: k ---- */

static void permutation_check(augsi_draft *draft, const augsi_draft_column *column)
{
    const double k = column->info.numbers[0];
    if (!(k >= 2 && k <= AUGS_MAX_PERMUTATION) || k != rint(k)) {
        augsi_draft_fault(
            draft, column->value_mark, "column '%s': a permutation of %s; 2 to %u are accepted",
            column->info.name, number_of(&column->info, 0).text, AUGS_MAX_PERMUTATION);
    }
}

static const augsi_kind kind_permutation = {
    .name = "permutation",
    .dtype = AUGS_DTYPE_I32,
    .n_words = 1,
    .form = AUGS_FORM_NUMBER,
    .numbers = {{.name = "k", .whole = true}},
    .what = "the length of the permutation",
    .accepted = "2 to 12",
    .n_from_number = 1,
    .check = permutation_check,
    .moments = no_moments,
};

/* ---- seed: {} ---- */

static const augsi_kind kind_seed = {
    .name = "seed",
    .dtype = AUGS_DTYPE_U64,
    .n_words = 2,
    .form = AUGS_FORM_NOTHING,
    .check = check_nothing,
    .moments = no_moments,
};

/* ---- sample: {} ---- */

static const augsi_kind kind_sample = {
    .name = "sample",
    .dtype = AUGS_DTYPE_I64,
    .n_words = 2,
    .form = AUGS_FORM_NOTHING,
    .needs_n_samples = true,
    .check = check_nothing,
    .moments = no_moments,
};

/* ---- the table ---- */

/* A kind of AUGSI_KINDS without its row above does not compile. */
const augsi_kind *const augsi_kinds[AUGSI_N_KINDS] = {[AUGSI_PLACE_SAMPLE_ID] = &kind_sample_id,
#define ROW(NAME, name) [AUGSI_PLACE_##NAME] = &kind_##name,
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

void augsi_kind_derive(augs_column_info *info)
{
    const augsi_kind *kind = augsi_kinds[info->kind];
    const double k = info->numbers[0];
    info->dtype = kind->dtype;
    info->width = 1;
    if (kind->n_from_number != 0 && k >= 1 && k <= AUGS_MAX_PERMUTATION) {
        info->width = (uint32_t)k;
    }
}

void augsi_kind_moments(augs_column_info *info)
{
    info->mean = info->std_dev = NAN;
    augsi_kinds[info->kind]->moments(info);
}
