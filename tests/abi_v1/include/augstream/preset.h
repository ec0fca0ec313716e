/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Presets: an ordered list of columns with their distributions, as data.
 *
 *     augs_preset *preset;
 *     if (augs_preset_open("moderate", NULL, &preset, &error) < 0) {
 *         fprintf(stderr, "%s\n", error.message);
 *         return 1;
 *     }
 *     for (uint32_t i = 0; i < augs_preset_n_columns(preset); i++) {
 *         augs_column_info info = {.size = sizeof info};
 *         augs_preset_column(preset, i, &info);
 *         printf("%s: %s\n", info.name, augs_kind_name(info.kind));
 *     }
 *     augs_preset_unref(preset);
 *
 * A preset never changes and is reference counted. Any thread may call every
 * function here. Strings that a function hands out are valid as long as the
 * preset.
 */
#ifndef AUGSTREAM_PRESET_H
#define AUGSTREAM_PRESET_H

#include <stddef.h>
#include <stdint.h>

#include <augstream/alloc.h>
#include <augstream/export.h>
#include <augstream/status.h>

AUGS_BEGIN_DECLS

/* Limits of a preset: columns, elements per sample, bytes of a column's name,
 * values of a choice, elements of a permutation, bytes of its text. */
#define AUGS_MAX_COLUMNS 1024u
#define AUGS_MAX_SHAPE 256u
#define AUGS_MAX_NAME_BYTES 64u
#define AUGS_MAX_CHOICES 65535u
#define AUGS_MAX_PERMUTATION 12u
#define AUGS_MAX_PRESET_BYTES (1u << 20)

/*
 * Element types. In NumPy and torch a column indexes, masks and compares without
 * a conversion. The numbers are part of the wire protocol; 2 and 3 are not used.
 */
#define AUGS_DTYPE_F32 1u  /* binary32 */
#define AUGS_DTYPE_I32 4u  /* choice (the index of the value), integer, permutation */
#define AUGS_DTYPE_U64 5u  /* seed */
#define AUGS_DTYPE_I64 6u  /* sample_id, sample, batch: never negative */
#define AUGS_DTYPE_BOOL 7u /* bernoulli: one byte, 0 or 1 */

/* Kinds of column: docs/contract.md, "Kinds". The numbers are part of the
 * protocol and the fingerprint. */
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

/*
 * Returns the name of an element type: "f32", "i32", "u64", "i64" or "bool".
 * Returns NULL for a number that is no dtype. Static memory.
 */
AUGS_API const char *augs_dtype_name(uint32_t dtype);

/*
 * Returns the bytes of an element, 1 to 8. Returns 0 for a number that is no
 * dtype.
 */
AUGS_API uint32_t augs_dtype_bytes(uint32_t dtype);

/*
 * Returns the name of a kind, such as "uniform". Returns NULL for a number that
 * is no kind. Static memory.
 */
AUGS_API const char *augs_kind_name(uint32_t kind);

/* How a preset writes the value of a kind. */
#define AUGS_FORM_NOTHING 0u /* seed: {} */
#define AUGS_FORM_NUMBER 1u  /* bernoulli: 0.5 */
#define AUGS_FORM_LIST 2u    /* uniform: [-30, 30] */
#define AUGS_FORM_MAPPING 3u /* normal: {mean: 0, std: 1} */
#define AUGS_FORM_CHOICES 4u /* choice: {values: [a, b], weights: [1, 2]} */

/*
 * Returns how a preset writes the value of a kind, AUGS_FORM_... Returns
 * AUGS_FORM_NOTHING for a number that is no kind.
 */
AUGS_API uint32_t augs_kind_form(uint32_t kind);

/*
 * Returns what numbers[index] of a column of this kind means, such as "low" or
 * "mean". Returns NULL if the kind has fewer numbers or is no kind. Static
 * memory.
 */
AUGS_API const char *augs_kind_number_name(uint32_t kind, uint32_t index);

/*
 * One value of a choice column. It is an element of an array, so it has no size
 * and never gets another member.
 */
typedef struct augs_choice {
    const char *text;   /* what records print; a number as it was written */
    double weight;      /* as written; 1 if the preset gives no weights */
    uint32_t is_number; /* 1: records print it without quotes */
    uint32_t reserved;  /* 0 */
} augs_choice;

/* In the place of the index of a gate: the column has none. */
#define AUGS_NO_GATE UINT32_MAX
/* Flags of a normal column. */
#define AUGS_HAS_MIN 1u /* numbers[2] is its lower bound */
#define AUGS_HAS_MAX 2u /* numbers[3] is its upper bound */

/*
 * One column. As an output, the caller sets `size` before the call, and strings
 * belong to the preset. As an input of augs_preset_open_columns, strings and
 * arrays are copied.
 */
typedef struct augs_column_info {
    uint32_t size;  /* sizeof(augs_column_info) */
    uint32_t kind;  /* AUGS_KIND_... */
    uint32_t dtype; /* AUGS_DTYPE_..., follows from the kind; not an input */
    uint32_t shape; /* elements per sample, 1 to AUGS_MAX_SHAPE */
    /* Values per element: k for a permutation of k, else 1. Not an input. */
    uint32_t width;
    uint32_t flags; /* AUGS_HAS_... */
    /* constant {v}; uniform, log_uniform, integer {lo, hi}; normal {mean, std,
     * min, max}; beta {a, b}; bernoulli {p}; permutation {k}. Others: 0. */
    double numbers[4];
    /* Index of the gate column in the preset (0 = first column), or
     * AUGS_NO_GATE. */
    uint32_t gate;
    /* The column is open where its gate is open and draws this value: 1 of a
     * bernoulli, else the index of the choice. */
    uint32_t gate_value;
    /* The element where the gate is closed: its bits in the dtype, with zeros
     * above them. */
    uint64_t identity_bits;
    const char *name;           /* up to AUGS_MAX_NAME_BYTES bytes */
    const char *unit;           /* "" = none; an input may be NULL */
    const char *doc;            /* "" = none; an input may be NULL */
    const char *source;         /* "" = none; an input may be NULL */
    const augs_choice *choices; /* of a choice column, else NULL */
    uint32_t n_choices;         /* up to AUGS_MAX_CHOICES; 0 = none */
    uint32_t reserved;          /* 0 */
    /* Exact mean without the gate. NaN if there is none: seed, sample,
     * permutation, choice of names. Not an input. */
    double mean;
    double std_dev; /* standard deviation, likewise */
} augs_column_info;
AUGS_SIZED_STRUCT(augs_column_info, std_dev);

/*
 * Returns 1 if numbers[index] says something about the column. Returns 0 if the
 * kind has no such number, or the column leaves it out, such as `min` of a
 * normal column. Also returns 0 if info is NULL or has a wrong size.
 */
AUGS_API int augs_column_has_number(const augs_column_info *info, uint32_t index);

typedef struct augs_preset augs_preset;

typedef struct augs_preset_options {
    uint32_t size;        /* sizeof(augs_preset_options) */
    uint32_t n_overrides; /* 0 = none */
    /* Changes such as "rotation.uniform[0]=-15", made in order before the preset
     * is checked. NULL if n_overrides is 0. */
    const char *const *overrides;
    /* NULL = the C library's. Streams and all that is made of them use it. */
    const augs_allocator *allocator;
} augs_preset_options;
AUGS_SIZED_STRUCT(augs_preset_options, allocator);

/* A gate of the column can never open: the column always has its identity. */
#define AUGS_WARNING_CLOSED_GATE 1u

/*
 * Returns the name of a warning, "closed-gate". Returns NULL for a number that
 * is no warning. Static memory.
 */
AUGS_API const char *augs_warning_name(uint32_t warning);

/* One fault of a preset text, or a warning. Everything is valid for the call. */
typedef struct augs_preset_fault {
    uint32_t size;   /* sizeof(augs_preset_fault) */
    uint32_t line;   /* from 1; 0 = no place */
    uint32_t column; /* from 1; 0 = no place */
    /* 0: a fault, and the text makes no preset. AUGS_WARNING_...: the text makes
     * a preset, but hardly the intended one. */
    uint32_t warning;
    const char *message;     /* what is wrong and what is accepted */
    const char *source_line; /* that line of the text; "" if there is no place */
} augs_preset_fault;
AUGS_SIZED_STRUCT(augs_preset_fault, source_line);

/* Called for each fault; user is the caller's. */
typedef void augs_preset_fault_function(void *user, const augs_preset_fault *fault);

/*
 * Opens a preset by name or path. A text that contains '/' or ends in ".yaml",
 * ".yml" or ".json" is a path. Anything else is the name of a shipped preset.
 * options may be NULL. The result has one reference, the caller's:
 * augs_preset_unref.
 *
 * AUGS_E_NOT_FOUND if there is no such preset or file; the message lists the
 * shipped presets and names the nearest. AUGS_E_IO if the file cannot be read.
 * AUGS_E_PRESET if the text has faults: the message has the first one and how
 * many more there are, and augs_preset_check reports all. AUGS_E_ARGUMENT if a
 * required pointer is NULL, options have a wrong size, or overrides are missing.
 * AUGS_E_NO_MEMORY if the allocator has no memory.
 */
AUGS_API int augs_preset_open(const char *name_or_path, const augs_preset_options *options,
                              augs_preset **ret_preset, augs_error *error);

/*
 * Opens a preset from a YAML or JSON text of n_bytes, without a NUL. text may be
 * NULL if n_bytes is 0. origin stands for the file's name in messages; NULL =
 * "text". options may be NULL. The text is copied, and the result has one
 * reference.
 *
 * AUGS_E_PRESET if the text has faults, as for augs_preset_open.
 * AUGS_E_ARGUMENT if a required pointer is NULL, options have a wrong size, or
 * overrides are missing. AUGS_E_NO_MEMORY if the allocator has no memory.
 */
AUGS_API int augs_preset_open_text(const char *text, size_t n_bytes, const char *origin,
                                   const augs_preset_options *options, augs_preset **ret_preset,
                                   augs_error *error);

/*
 * Opens a preset from columns in memory, with the checks of
 * augs_preset_open_text. Texts are UTF-8, and NULL is "". Numbers and identities
 * are finite. The result has one reference.
 *
 * name: of the preset; NULL = "columns". n_columns: 1 to AUGS_MAX_COLUMNS.
 * column_stride: bytes from one column to the next, the caller's
 * sizeof(augs_column_info). options may be NULL, and have no overrides.
 *
 * AUGS_E_PRESET if the columns make no preset. AUGS_E_ARGUMENT if a required
 * pointer is NULL, n_columns is out of range, or options have a wrong size or
 * overrides. So does a column_stride that is below the `size` of a column or no
 * multiple of 8. AUGS_E_NO_MEMORY if the allocator has no memory.
 */
AUGS_API int augs_preset_open_columns(const char *name, const augs_column_info *columns,
                                      uint32_t n_columns, size_t column_stride,
                                      const augs_preset_options *options, augs_preset **ret_preset,
                                      augs_error *error);

/*
 * Checks a text as augs_preset_open_text does, and opens nothing. Calls `report`
 * (may be NULL) for every fault, in the order of their places. A text without
 * faults has its warnings reported instead.
 *
 * Returns the number of faults. 0 is a good preset; warnings do not count.
 * AUGS_E_ARGUMENT if text is NULL and n_bytes is not 0, options have a wrong
 * size, or overrides are missing. AUGS_E_NO_MEMORY if the allocator has no
 * memory; some faults may have been reported.
 */
AUGS_API int augs_preset_check(const char *text, size_t n_bytes, const char *origin,
                               const augs_preset_options *options,
                               augs_preset_fault_function *report, void *user, augs_error *error);

/*
 * Adds a reference and returns the preset. Each reference needs an
 * augs_preset_unref.
 */
AUGS_API augs_preset *augs_preset_ref(augs_preset *preset);

/*
 * Gives a reference back; the last one frees the preset. preset may be NULL.
 */
AUGS_API void augs_preset_unref(augs_preset *preset);

/*
 * Returns the name of the preset. A file without a name has the file's name,
 * without folder and ending.
 */
AUGS_API const char *augs_preset_name(const augs_preset *preset);

/* Returns the description of the preset; "" = none. */
AUGS_API const char *augs_preset_description(const augs_preset *preset);

/* Returns where the numbers of the preset are from; "" = not said. */
AUGS_API const char *augs_preset_source(const augs_preset *preset);

/* Returns the number of columns, 1 to AUGS_MAX_COLUMNS, without sample_id. */
AUGS_API uint32_t augs_preset_n_columns(const augs_preset *preset);

/*
 * Describes a column. index counts from 0. The caller sets ret_info->size.
 *
 * Returns AUGS_E_RANGE if there is no such column, and AUGS_E_ARGUMENT if a
 * pointer is NULL or the size is wrong: nothing is written.
 */
AUGS_API int augs_preset_column(const augs_preset *preset, uint32_t index,
                                augs_column_info *ret_info);

/*
 * Returns the index of a column by its name. Returns AUGS_E_NOT_FOUND if there
 * is no such column, and AUGS_E_ARGUMENT if a pointer is NULL.
 */
AUGS_API int augs_preset_find_column(const augs_preset *preset, const char *name);

/*
 * Returns the preset as canonical text: one line of JSON in the preset format.
 * Every default is written out; description, units, docs and sources are left
 * out. augs_preset_open_text reads it back to an equal preset. Chunk files carry
 * it.
 */
AUGS_API const char *augs_preset_text(const augs_preset *preset);

/*
 * Returns a JSON text for programs that read columns: all of augs_column_info
 * for every column. The command prints it for `presets show --json`.
 */
AUGS_API const char *augs_preset_schema_json(const augs_preset *preset);

/* Returns the number of presets that the library ships. */
AUGS_API uint32_t augs_shipped_preset_count(void);

/*
 * Returns the name of a shipped preset, in the order of the names. index counts
 * from 0. Returns NULL if there are no more. Static memory.
 */
AUGS_API const char *augs_shipped_preset_name(uint32_t index);

/*
 * Returns the YAML text of a shipped preset, and its size in *ret_n_bytes (may
 * be NULL). Returns NULL, and writes nothing, if there are no more. Static
 * memory.
 */
AUGS_API const char *augs_shipped_preset_text(uint32_t index, size_t *ret_n_bytes);

AUGS_END_DECLS

#endif
