/* SPDX-License-Identifier: Apache-2.0 */
/*
 * augstream._core: the compiled part of the Python package. This file has the
 * module, its errors, its arguments and its locks.
 */
#include "python/src/python_core.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

core_types core;

/* -- Names of Python modules --------------------------------------------- */

static PyObject *attribute(const char *module_name, const char *name)
{
    PyObject *module = PyImport_ImportModule(module_name);
    PyObject *value = module == NULL ? NULL : PyObject_GetAttrString(module, name);
    Py_XDECREF(module);
    return value;
}

static int find_dtypes(PyObject *dtypes[N_DTYPES])
{
    static const char *const numpy_names[N_DTYPES] = {
        [AUGS_DTYPE_F32] = "float32", [AUGS_DTYPE_I32] = "int32", [AUGS_DTYPE_U64] = "uint64",
        [AUGS_DTYPE_I64] = "int64",   [AUGS_DTYPE_BOOL] = "bool",
    };
    PyObject *dtype = attribute("numpy", "dtype");
    for (uint32_t i = 0; dtype != NULL && i < N_DTYPES; i++) {
        if (numpy_names[i] != NULL) {
            dtypes[i] = PyObject_CallFunction(dtype, "s", numpy_names[i]);
            if (dtypes[i] == NULL) {
                Py_CLEAR(dtype);
            }
        }
    }
    int status = dtype == NULL ? -1 : 0;
    Py_XDECREF(dtype);
    return status;
}

const core_names *core_get_names(void)
{
    static core_names names;
    static bool found;
    if (found) {
        return &names;
    }
    core_names fresh = {
        .make_error = attribute("augstream.errors", "_make"),
        .no_column = attribute("augstream.errors", "_no_column"),
        .batch_class = attribute("augstream.batches", "Batch"),
        .record_class = attribute("augstream.batches", "Record"),
        .ndarray = attribute("numpy", "ndarray"),
        .asarray = attribute("numpy", "asarray"),
        .facts_class = attribute("augstream.strategies", "Facts"),
        .feedback_class = attribute("augstream.strategies", "Feedback"),
    };
    if (fresh.make_error == NULL || fresh.no_column == NULL || fresh.batch_class == NULL ||
        fresh.record_class == NULL || fresh.ndarray == NULL || fresh.asarray == NULL ||
        fresh.facts_class == NULL || fresh.feedback_class == NULL ||
        find_dtypes(fresh.dtypes) < 0) {
        return NULL; /* what was found stays alive with its modules */
    }
    names = fresh;
    found = true;
    return &names;
}

/* -- Errors -------------------------------------------------------------- */

PyObject *raise_error(const augs_error *error)
{
    const core_names *names = core_get_names();
    PyObject *exception = names == NULL ? NULL
                                        : PyObject_CallFunction(names->make_error, "is",
                                                                (int)error->status, error->message);
    if (exception != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(exception), exception);
        Py_DECREF(exception);
    }
    return NULL;
}

PyObject *raise_status(int status, const char *format, ...)
{
    augs_error error = {.status = status};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error.message, sizeof error.message, format, arguments);
    va_end(arguments);
    return raise_error(&error);
}

/* -- Arguments ----------------------------------------------------------- */

int take_whole(PyObject *value, const char *name, uint64_t least, uint64_t most,
               uint64_t *ret_number)
{
    PyObject *number = PyFloat_Check(value) || PyBool_Check(value) ? NULL : PyNumber_Index(value);
    if (number == NULL) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError, "%s takes a whole number, not %R", name, value);
        return -1;
    }
    uint64_t taken = PyLong_AsUnsignedLongLong(number);
    bool outside = PyErr_Occurred() != NULL; /* negative, or above 64 bits */
    PyErr_Clear();
    if (outside || taken < least || taken > most) {
        PyObject *text = PyObject_Repr(number);
        const char *words = text == NULL ? NULL : PyUnicode_AsUTF8AndSize(text, NULL);
        PyErr_Clear(); /* Python may refuse to write a very long number */
        raise_status(AUGS_E_RANGE, "%s: %.60s is outside of %llu to %llu", name,
                     words != NULL ? words : "the number", (unsigned long long)least,
                     (unsigned long long)most);
        Py_XDECREF(text);
        Py_DECREF(number);
        return -1;
    }
    Py_DECREF(number);
    *ret_number = taken;
    return 0;
}

int take_name(PyObject *value, const char *name, const char *const *accepted)
{
    char list[256] = "";
    const char *given = take_text(value, name);
    if (given == NULL) {
        return -1;
    }
    for (int i = 0; accepted[i] != NULL; i++) {
        if (strcmp(given, accepted[i]) == 0) {
            return i;
        }
        size_t n = strlen(list);
        snprintf(list + n, sizeof list - n, "%s'%s'", i > 0 ? ", " : "", accepted[i]);
    }
    raise_status(AUGS_E_ARGUMENT, "%s: '%.100s' is none of %s", name, given, list);
    return -1;
}

const char *take_text(PyObject *value, const char *name)
{
    Py_ssize_t n = 0;
    if (!PyUnicode_Check(value)) {
        PyErr_Format(PyExc_TypeError, "%s takes a str, not %R", name, value);
        return NULL;
    }
    const char *text = PyUnicode_AsUTF8AndSize(value, &n);
    if (text != NULL && strlen(text) != (size_t)n) {
        raise_status(AUGS_E_ARGUMENT, "%s: the text has a NUL character", name);
        return NULL;
    }
    return text;
}

/* -- Locks --------------------------------------------------------------- */

static unsigned generation;

static void note_fork(void)
{
    generation++;
}

unsigned fork_generation(void)
{
    return generation;
}

int call_lock_init(call_lock *lock)
{
    lock->lock = PyThread_allocate_lock();
    lock->generation = generation;
    if (lock->lock == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

void call_lock_done(call_lock *lock)
{
    if (lock->lock != NULL) {
        PyThread_free_lock(lock->lock);
    }
}

int call_lock_take(call_lock *lock, const char *what)
{
    const unsigned long self = PyThread_get_thread_ident();
    if (lock->generation != generation) { /* the thread that held it is not in this process */
        lock->lock = PyThread_allocate_lock();
        lock->generation = generation;
        lock->held = 0;
        if (lock->lock == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    if (lock->held && lock->owner == self) {
        raise_status(AUGS_E_STATE, "%s is used by its own strategy, while it plans or observes",
                     what);
        return -1;
    }
    if (!PyThread_acquire_lock(lock->lock, NOWAIT_LOCK)) {
        Py_BEGIN_ALLOW_THREADS;
        PyThread_acquire_lock(lock->lock, WAIT_LOCK);
        Py_END_ALLOW_THREADS;
    }
    lock->owner = self;
    lock->held = 1;
    return 0;
}

void call_lock_release(call_lock *lock)
{
    lock->held = 0;
    PyThread_release_lock(lock->lock);
}

/* -- Functions ----------------------------------------------------------- */

static PyObject *shipped_presets(PyObject *module, PyObject *nothing)
{
    (void)module;
    (void)nothing;
    PyObject *dict = PyDict_New();
    for (uint32_t i = 0; dict != NULL && i < augs_shipped_preset_count(); i++) {
        size_t n_bytes = 0;
        const char *text = augs_shipped_preset_text(i, &n_bytes);
        PyObject *value = PyUnicode_FromStringAndSize(text, (Py_ssize_t)n_bytes);
        if (value == NULL || PyDict_SetItemString(dict, augs_shipped_preset_name(i), value) < 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(value);
    }
    return dict;
}

static PyObject *status_name(PyObject *module, PyObject *status)
{
    (void)module;
    long number = PyLong_AsLong(status);
    return number == -1 && PyErr_Occurred() ? NULL
                                            : PyUnicode_FromString(augs_status_name((int)number));
}

static PyObject *self_test_hash(PyObject *module, PyObject *nothing)
{
    (void)module;
    (void)nothing;
    return PyLong_FromUnsignedLongLong(augs_self_test_hash());
}

static PyObject *strategy_names(PyObject *module, PyObject *nothing)
{
    (void)module;
    (void)nothing;
    PyObject *tuple = PyTuple_New((Py_ssize_t)augs_strategy_count());
    for (uint32_t i = 0; tuple != NULL && i < augs_strategy_count(); i++) {
        PyObject *name = PyUnicode_FromString(augs_strategy_name(i));
        if (name == NULL || PyTuple_SetItem(tuple, (Py_ssize_t)i, name) < 0) {
            Py_CLEAR(tuple);
        }
    }
    return tuple;
}

static PyMethodDef functions[] = {
    {"shipped_presets", shipped_presets, METH_NOARGS, "The shipped presets: name -> YAML text."},
    {"status_name", status_name, METH_O, "The name of a status, such as AUGS_E_RANGE."},
    {"self_test_hash", self_test_hash, METH_NOARGS,
     "A hash of values that this machine computes: equal on all machines."},
    {"strategy_names", strategy_names, METH_NOARGS, "The names of the shipped strategies."},
    {NULL, NULL, 0, NULL},
};

/* -- The module ---------------------------------------------------------- */

typedef struct type_row {
    const char *name;
    PyTypeObject **type;
    PyType_Spec *spec;
} type_row;

static const type_row types[] = {
    {"Memory", &core.memory, &memory_spec},       {"Layout", &core.layout, &layout_spec},
    {"Preset", &core.preset, &preset_spec},       {"Stream", &core.stream, &stream_spec},
    {"Batch", &core.batch, &batch_spec},          {"Column", &core.column, &column_spec},
    {"Pipeline", &core.pipeline, &pipeline_spec},
};

static int fill_module(PyObject *module)
{
    if (core.memory != NULL) {
        PyErr_SetString(PyExc_ImportError,
                        "augstream._core cannot be loaded twice: use it in one interpreter");
        return -1;
    }
    if (pthread_atfork(NULL, NULL, note_fork) != 0) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        PyObject *type = PyType_FromModuleAndSpec(module, types[i].spec, NULL);
        if (type == NULL || PyModule_AddObjectRef(module, types[i].name, type) < 0) {
            return -1;
        }
        *types[i].type = (PyTypeObject *)type; /* kept as long as the process */
    }
    return PyModule_AddStringConstant(module, "__version__", augs_version()) < 0 ||
                   PyModule_AddIntConstant(module, "CONTRACT_VERSION",
                                           (long)augs_contract_version()) < 0
               ? -1
               : 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, (void *)fill_module}, {0, NULL}};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "augstream._core",
    .m_doc = "The compiled part of augstream. Use the package augstream.",
    .m_methods = functions,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__core(void);
PyMODINIT_FUNC PyInit__core(void)
{
    return PyModuleDef_Init(&definition);
}
