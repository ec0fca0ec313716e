/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Presets: an ordered list of columns with their distributions, as data.
 *
 * A preset is immutable and reference counted; every function here may be called from any thread.
 * Strings that a function hands out live as long as the preset.
 */
#ifndef AUGSTREAM_PRESET_H
#define AUGSTREAM_PRESET_H

#include <stddef.h>
#include <stdint.h>

#include <augstream/alloc.h>
#include <augstream/export.h>
#include <augstream/status.h>

AUGS_BEGIN_DECLS

#define AUGS_MAX_COLUMNS 1024u
#define AUGS_MAX_SHAPE 256u
#define AUGS_MAX_NAME_BYTES 64u
#define AUGS_MAX_CHOICES 65535u
#define AUGS_MAX_PERMUTATION 12u
#define AUGS_MAX_PRESET_BYTES (1u << 20)

/*
 * Element types. A column indexes, masks and compares as it is in NumPy and torch. The numbers are
 * part of the wire protocol; 2 and 3 are not used.
 */
#define AUGS_DTYPE_F32 1u  /* binary32 */
#define AUGS_DTYPE_I32 4u  /* choice (the index of the value), integer, permutation */
#define AUGS_DTYPE_U64 5u  /* seed */
#define AUGS_DTYPE_I64 6u  /* sample_id, sample, batch: never negative */
#define AUGS_DTYPE_BOOL 7u /* bernoulli: one byte, 0 or 1 */

/* Kinds of column (docs/contract.md, "Kinds"). The numbers are part of the protocol and the
 * fingerprint. */
#define AUGS_KIND_SAMPLE_ID 0u /* the first column of every stream; not in presets */
#define AUGS_KIND_CONSTANT 1u
#define AUGS_KIND_UNIFORM 2u
#define AUGS_KIND_LOG_UNIFORM 3u
#define AUGS_KIND_NORMAL 4u
#define AUGS_KIND_BETA 5u
#define AUGS_KIND_BERNOULLI 6u
#define AUGS_KIND_INTEGER 7u
#define AUGS_KIND_CHOICE 8u
#define AUGS_KIND_PERMUTATION 9u
#define AUGS_KIND_SEED 10u
#define AUGS_KIND_SAMPLE 11u

/* "f32", "i32", "u64", "i64", "bool" and their bytes; NULL and 0 for a number that is no dtype. */
AUGS_API const char *augs_dtype_name(uint32_t dtype);
AUGS_API uint32_t augs_dtype_bytes(uint32_t dtype);
/* "uniform"...; NULL for a number that is no kind. */
AUGS_API const char *augs_kind_name(uint32_t kind);

/* How a preset writes the value of a kind. */
#define AUGS_FORM_NOTHING 0u /* seed: {} */
#define AUGS_FORM_NUMBER 1u  /* bernoulli: 0.5 */
#define AUGS_FORM_LIST 2u    /* uniform: [-30, 30] */
#define AUGS_FORM_MAPPING 3u /* normal: {mean: 0, std: 1} */
#define AUGS_FORM_CHOICES 4u /* choice: {values: [a, b], weights: [1, 2]} */

/* One of AUGS_FORM_...; AUGS_FORM_NOTHING for a number that is no kind. */
AUGS_API uint32_t augs_kind_form(uint32_t kind);
/* What numbers[index] of a column of this kind is: "low", "mean"...; NULL if the kind has fewer
 * numbers or is no kind. */
AUGS_API const char *augs_kind_number_name(uint32_t kind, uint32_t index);

/* One value of a choice column, an element of an array, so without a size: it never gets another
 * member. `text` is what records print; a number is kept as it was written.
 */
typedef struct augs_choice {
    const char *text;
    double weight;      /* as written, 1 where the preset gives no weights */
    uint32_t is_number; /* records print it without quotes */
    uint32_t reserved;
} augs_choice;

#define AUGS_NO_GATE UINT32_MAX
#define AUGS_HAS_MIN 1u /* flags: numbers[2] is a bound of a normal column */
#define AUGS_HAS_MAX 2u /* numbers[3] is one */

/*
 * One column. As an output, `size` is set by the caller before the call and strings belong to the
 * preset; as an input of augs_preset_open_columns, strings and arrays are copied.
 */
typedef struct augs_column_info {
    uint32_t size;  /* sizeof(augs_column_info) */
    uint32_t kind;  /* AUGS_KIND_... */
    uint32_t dtype; /* follows from the kind; ignored as an input */
    uint32_t shape; /* L, elements a sample, 1..256 */
    uint32_t width; /* values an element: k for a permutation, else 1; ignored as an input */
    uint32_t flags; /* AUGS_HAS_... */
    /*
     * constant {v}; uniform, log_uniform, integer {lo, hi}; normal {mean, std, min, max};
     * beta {a, b}; bernoulli {p}; permutation {k}; nothing for choice, seed and sample.
     */
    double numbers[4];
    uint32_t gate; /* index of the gate column in the preset (0 = first column), or AUGS_NO_GATE */
    uint32_t gate_value;    /* the column is open where the gate is open itself and draws this: 1
                               for a bernoulli, else the choice's index */
    uint64_t identity_bits; /* the element where the gate is closed: its bits in the dtype,
                               zero-extended */
    const char *name;
    const char *unit; /* "" if absent, likewise doc and source */
    const char *doc;
    const char *source;
    const augs_choice *choices; /* choice columns only, else NULL */
    uint32_t n_choices;
    uint32_t reserved;
    double mean; /* exact mean of the ungated distribution, NaN where it has none (seed, sample, */
    double std_dev; /* permutation, choice of names); likewise the standard deviation; ignored as
                       inputs */
} augs_column_info;
AUGS_SIZED_STRUCT(augs_column_info, std_dev);

/* 1 if numbers[index] says something about the column, 0 if the kind has no such number or the
 * column leaves it out (`min` of a normal column without a bound). */
AUGS_API int augs_column_has_number(const augs_column_info *info, uint32_t index);

typedef struct augs_preset augs_preset;

typedef struct augs_preset_options {
    uint32_t size; /* sizeof(augs_preset_options) */
    uint32_t n_overrides;
    const char *const *overrides; /* "rotation.uniform[0]=-15", applied in order before checking */
    const augs_allocator
        *allocator; /* NULL: the C library's. Streams and all made of them inherit it */
} augs_preset_options;
AUGS_SIZED_STRUCT(augs_preset_options, allocator);

/* A gate of the column can never open: the column always has its identity. */
#define AUGS_WARNING_CLOSED_GATE 1u

/* "closed-gate"; NULL for a number that is no warning. */
AUGS_API const char *augs_warning_name(uint32_t warning);

/* One fault of a preset text, or a warning about it. Everything lives for the call. line and column
 * count from 1, 0 = no place. */
typedef struct augs_preset_fault {
    uint32_t size;
    uint32_t line;
    uint32_t column;
    uint32_t warning;    /* 0: a fault, the text makes no preset; else AUGS_WARNING_...: it does,
                            but hardly the one that was meant */
    const char *message; /* what is wrong and what would be accepted */
    const char *source_line; /* the text of that line without its end, "" if there is no place */
} augs_preset_fault;
AUGS_SIZED_STRUCT(augs_preset_fault, source_line);

typedef void augs_preset_fault_function(void *user, const augs_preset_fault *fault);

/*
 * Opens a preset by name or path: a text that contains '/' or ends in ".yaml", ".yml" or ".json" is
 * a file, anything else the name of a shipped preset. options may be NULL. The result has one
 * reference, the caller's. AUGS_E_NOT_FOUND (with "did you mean"), AUGS_E_IO, AUGS_E_PRESET (the
 * first fault and how many more).
 */
AUGS_API int augs_preset_open(const char *name_or_path, const augs_preset_options *options,
                              augs_preset **ret_preset, augs_error *error);

/* The same from a YAML (or JSON) text of n_bytes; `origin` stands for the file's name in messages.
 */
AUGS_API int augs_preset_open_text(const char *text, size_t n_bytes, const char *origin,
                                   const augs_preset_options *options, augs_preset **ret_preset,
                                   augs_error *error);

/*
 * The same from columns in memory, with the same checks; options->overrides must be empty. Texts
 * (the name, units, choices...) have to be UTF-8, numbers and identities finite. NULL texts are "".
 * column_stride: bytes from one column to the next, sizeof(augs_column_info) of the caller, at
 * least every column's own `size` and a multiple of 8. AUGS_E_ARGUMENT for a pointer that is NULL,
 * a number of columns out of 1..AUGS_MAX_COLUMNS, a wrong stride or a wrong size of a column;
 * AUGS_E_PRESET for columns that make no preset.
 */
AUGS_API int augs_preset_open_columns(const char *name, const augs_column_info *columns,
                                      uint32_t n_columns, size_t column_stride,
                                      const augs_preset_options *options, augs_preset **ret_preset,
                                      augs_error *error);

/*
 * Checks a text (as augs_preset_open_text) and reports every fault in the order of their places; of
 * a text without faults it reports the warnings. Returns the number of faults, 0 = a good preset
 * (warnings do not count), or a negative status if it could not be checked.
 */
AUGS_API int augs_preset_check(const char *text, size_t n_bytes, const char *origin,
                               const augs_preset_options *options,
                               augs_preset_fault_function *report, void *user, augs_error *error);

AUGS_API augs_preset *augs_preset_ref(augs_preset *preset);
AUGS_API void augs_preset_unref(augs_preset *preset); /* NULL is fine */

AUGS_API const char *augs_preset_name(const augs_preset *preset);
AUGS_API const char *augs_preset_description(const augs_preset *preset);
AUGS_API const char *augs_preset_source(const augs_preset *preset);
AUGS_API uint32_t augs_preset_n_columns(const augs_preset *preset);
/* Fills *info (size set by the caller). AUGS_E_RANGE if there is no such column. */
AUGS_API int augs_preset_column(const augs_preset *preset, uint32_t index, augs_column_info *info);
/* The index of a column by name, or AUGS_E_NOT_FOUND. */
AUGS_API int augs_preset_find_column(const augs_preset *preset, const char *name);

/*
 * The preset as canonical text: one line of JSON in the preset format with every default written
 * out and without description, units, docs and sources, so that augs_preset_open_text reads it back
 * to an equal preset. Chunk files carry it.
 */
AUGS_API const char *augs_preset_text(const augs_preset *preset);
/* The schema for readers, as JSON: all of augs_column_info for every column (`presets show
 * --json`). */
AUGS_API const char *augs_preset_schema_json(const augs_preset *preset);

/* Shipped presets, in the order of their names: 0 <= index < augs_shipped_preset_count(). NULL
 * beyond. */
AUGS_API uint32_t augs_shipped_preset_count(void);
AUGS_API const char *augs_shipped_preset_name(uint32_t index);
AUGS_API const char *augs_shipped_preset_text(uint32_t index, size_t *ret_n_bytes);

AUGS_END_DECLS

#endif
