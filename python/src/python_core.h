/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of augstream._core share: one C file per Python type.
 *
 * A Batch refers to a Memory, which owns the bytes, and to a Layout, which says
 * where each column of a stream is in them. NumPy views refer to the Memory
 * alone. So a view keeps the bytes alive without the batch or the stream, and
 * there are no circles of references.
 *
 * Only CPython's limited API of 3.11 is used, and only public headers.
 */
#ifndef AUGSTREAM_PYTHON_CORE_H
#define AUGSTREAM_PYTHON_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <augstream/augstream.h>

/* sample_id and the columns of a preset. */
#define MOST_COLUMNS (AUGS_MAX_COLUMNS + 1u)
/* The largest number of a dtype, plus one. */
#define N_DTYPES 8u

/* -- Objects ------------------------------------------------------------- */

/* Bytes that never change, aligned to 64: a slab of the library's or our own. */
typedef struct memory_object {
    PyObject_HEAD void *data;
    size_t n_bytes;
    void *owned;       /* given back with free; NULL = the batch owns */
    augs_batch *batch; /* NULL = our own memory */
} memory_object;

typedef struct layout_column {
    uint32_t kind;
    uint32_t dtype;
    uint32_t shape;
    uint32_t width;
    uint32_t sample_bytes;
} layout_column;

/* The columns of a stream, and their offsets in the slab of n samples. */
typedef struct layout_object {
    PyObject_HEAD uint32_t n_columns;
    PyObject *names;   /* tuple of str */
    PyObject *indices; /* dict: name -> index */
    layout_column *columns;
    uint64_t sample_bytes;
    uint64_t offsets_n; /* the number of samples that `offsets` is for */
    size_t *offsets;    /* n_columns + 1: the last is the size of the slab */
} layout_object;

typedef struct preset_object {
    PyObject_HEAD augs_preset *preset;
} preset_object;

typedef struct stream_object {
    PyObject_HEAD augs_stream *stream;
    layout_object *layout;
    PyObject *preset; /* the Preset that it was made from */
} stream_object;

typedef struct batch_object {
    PyObject_HEAD layout_object *layout;
    memory_object *memory;
    PyObject *stream; /* a Stream; its epoch may be another one */
    PyObject *source; /* the Pipeline or Subscriber that handed it out, or NULL */
    PyObject **views; /* made when asked for; NULL = none yet */
    augs_batch_info info;
    int has_step; /* 0: a set of sample ids, which is no step of a plan */
} batch_object;

/* -- The module ---------------------------------------------------------- */

/* There is one per process: a second interpreter cannot load the module. */
typedef struct core_types {
    PyTypeObject *memory;
    PyTypeObject *layout;
    PyTypeObject *preset;
    PyTypeObject *stream;
    PyTypeObject *batch;
    PyTypeObject *column;
    PyTypeObject *pipeline;
} core_types;
extern core_types core;

/* What the C code uses of Python modules, looked up once. */
typedef struct core_names {
    PyObject *make_error;     /* augstream.errors._make(status, message) */
    PyObject *no_column;      /* augstream.errors._no_column(name, names) */
    PyObject *batch_class;    /* augstream.batches.Batch */
    PyObject *record_class;   /* augstream.batches.Record */
    PyObject *ndarray;        /* numpy.ndarray */
    PyObject *asarray;        /* numpy.asarray */
    PyObject *facts_class;    /* augstream.strategies.Facts */
    PyObject *feedback_class; /* augstream.strategies.Feedback */
    PyObject *dtypes[N_DTYPES];
} core_names;

/* Returns the names, or NULL with an exception. */
const core_names *core_get_names(void);

extern PyType_Spec memory_spec, layout_spec, preset_spec, stream_spec, batch_spec, column_spec,
    pipeline_spec;

/* -- Errors -------------------------------------------------------------- */

/* Sets the exception of a failed call. Always returns NULL. */
PyObject *raise_error(const augs_error *error);

/* Sets an exception of the status with a text of its own. Always returns NULL. */
PyObject *raise_status(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* -- Arguments ----------------------------------------------------------- */

/* Takes a whole number in [least, most]; `name` is for messages. Returns 0 or -1 with an
 * exception. None is accepted only by callers that look for it first. */
int take_whole(PyObject *value, const char *name, uint64_t least, uint64_t most,
               uint64_t *ret_number);

/* Takes one of the names in a NULL-terminated list, and returns its index or -1. */
int take_name(PyObject *value, const char *name, const char *const *accepted);

/* Returns the UTF-8 of a str without NUL, or NULL with an exception. */
const char *take_text(PyObject *value, const char *name);

/* -- What objects offer each other --------------------------------------- */

/* Takes over `data` if it is an owned slab: a Memory of n_bytes with zeroed gaps is the caller's to
 * fill. */
memory_object *memory_new(size_t n_bytes);
/* Takes over the reference of the batch, also after failure. */
memory_object *memory_of_batch(augs_batch *batch);

layout_object *layout_new(const augs_stream *stream);
/* Returns the offsets of the columns for n samples. NULL with an exception if n is too large. Valid
 * until the next call for this layout. */
const size_t *layout_offsets(layout_object *layout, uint64_t n);
/* Returns the index of a column, or -1 with an exception. */
int layout_find(layout_object *layout, PyObject *name);

/* Describes a column as a dict. */
PyObject *column_info_dict(const augs_column_info *info, augs_preset *preset);

/* Makes a Batch. It takes over the memory, also after failure, and refers to the others. source may
 * be NULL. info NULL = a set of sample ids. */
PyObject *batch_new(layout_object *layout, memory_object *memory, PyObject *stream,
                    PyObject *source, uint64_t n, const augs_batch_info *info);
/* Makes a Batch of a batch of the library. It takes over the reference, also after failure. */
PyObject *batch_wrap(augs_batch *batch, layout_object *layout, PyObject *stream, PyObject *source);

/* The arguments for one column of a batch: its place and dimensions. */
typedef struct column_place {
    void *data;
    size_t offset;
    size_t n_bytes;
    uint32_t dtype;
    int n_dims;
    int64_t dims[3];
} column_place;
int batch_column_place(batch_object *batch, uint32_t index, column_place *ret_place);

PyObject *column_new(batch_object *batch, uint32_t index);

/* Arrow: __arrow_c_schema__ and __arrow_c_array__ of a batch, __arrow_c_stream__ of many. */
PyObject *arrow_schema(layout_object *layout);
PyObject *arrow_array(batch_object *batch);
PyObject *arrow_stream(layout_object *layout, PyObject *iterator);

/* A Stream around a stream of the library, whose reference it takes over, also after failure. */
PyObject *stream_wrap(PyTypeObject *type, augs_stream *stream, PyObject *preset);

/* -- Locks -------------------------------------------------------------- */

/* Counts the forks that this process comes from: locks of the parent are void. */
unsigned fork_generation(void);

/* A lock that is taken with the GIL released, and that its own thread is refused. */
typedef struct call_lock {
    PyThread_type_lock lock;
    unsigned long owner;
    unsigned generation;
    int held;
} call_lock;
int call_lock_init(call_lock *lock);
void call_lock_done(call_lock *lock);
/* Returns 0, or -1 with an exception. what: "this iterator", for messages. */
int call_lock_take(call_lock *lock, const char *what);
void call_lock_release(call_lock *lock);

/* -- Pipelines ----------------------------------------------------------- */

/* The iterator of batches. pipeline_object.c has its life and its calls, strategy_calls.c the
 * strategies that are written in Python. */
typedef struct pipeline_object {
    PyObject_HEAD augs_pipeline *pipeline; /* NULL = closed */
    augs_metrics *metrics;                 /* NULL = not asked for */
    PyObject *stream;
    PyObject *factory;     /* the class of its strategy; NULL = a shipped one */
    augs_strategy_ops ops; /* of that strategy */
    char strategy_name[64];
    augs_batch *pending;    /* was made, but an exception had to be raised first */
    PyObject *exception[3]; /* that a strategy raised: type, value, traceback */
    call_lock lock;
    bool has_journal;
    unsigned generation;
} pipeline_object;

/* Sets the table of functions for a strategy that self->factory makes. Returns 0 or -1. */
int strategy_prepare(pipeline_object *self);
/* The pipeline that this thread is calling, whose strategy the library may call back. */
pipeline_object *strategy_enter(pipeline_object *self);
/* Sets what strategy_enter returned again. */
void strategy_leave(pipeline_object *previous);

/* -- Small things -------------------------------------------------------- */

/* Returns a zeroed instance of a type. */
#define NEW_OBJECT(type, c_type) ((c_type *)PyType_GenericAlloc((type), 0))

/* Ends the deallocation of an instance of a heap type. */
static inline void free_object(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

#endif
