/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layout: the columns of a stream, and where they are in a slab. It is made once
 * per stream and shared by its batches, so that a batch is cheap to make.
 *
 * The slab has every column in order, each at the next multiple of 64 bytes, as
 * the slabs of the library do.
 */
#include "python/src/python_core.h"

#include <string.h>

static int fill_column(layout_object *self, const augs_stream *stream, uint32_t index)
{
    augs_column_info info = {.size = sizeof info};
    if (augs_stream_column(stream, index, &info) < 0) {
        raise_status(AUGS_E_INTERNAL, "column %u of the stream cannot be described", index);
        return -1;
    }
    self->columns[index] = (layout_column){.kind = info.kind,
                                           .dtype = info.dtype,
                                           .shape = info.shape,
                                           .width = info.width,
                                           .sample_bytes = augs_stream_column_bytes(stream, index)};
    PyObject *name = PyUnicode_InternFromString(info.name),
             *number = PyLong_FromUnsignedLong(index);
    int status = name == NULL || number == NULL ? -1 : PyDict_SetItem(self->indices, name, number);
    Py_XDECREF(number);
    if (status < 0) {
        Py_XDECREF(name);
        return -1;
    }
    return PyTuple_SetItem(self->names, (Py_ssize_t)index, name);
}

layout_object *layout_new(const augs_stream *stream)
{
    layout_object *self = NEW_OBJECT(core.layout, layout_object);
    if (self == NULL) {
        return NULL;
    }
    self->n_columns = augs_stream_n_columns(stream);
    self->sample_bytes = augs_stream_sample_bytes(stream);
    self->columns = PyMem_Calloc(self->n_columns, sizeof *self->columns);
    self->offsets = PyMem_Calloc(self->n_columns + 1u, sizeof *self->offsets);
    self->names = PyTuple_New((Py_ssize_t)self->n_columns);
    self->indices = PyDict_New();
    int status = 0;
    if (self->columns == NULL || self->offsets == NULL) {
        PyErr_NoMemory();
        status = -1;
    }
    if (self->names == NULL || self->indices == NULL) {
        status = -1;
    }
    for (uint32_t i = 0; status == 0 && i < self->n_columns; i++) {
        status = fill_column(self, stream, i);
    }
    if (status < 0) {
        Py_DECREF((PyObject *)self);
        return NULL;
    }
    return self;
}

static void layout_dealloc(PyObject *object)
{
    layout_object *self = (layout_object *)object;
    PyMem_Free(self->columns);
    PyMem_Free(self->offsets);
    Py_XDECREF(self->names);
    Py_XDECREF(self->indices);
    free_object(object);
}

const size_t *layout_offsets(layout_object *self, uint64_t n)
{
    if (n == self->offsets_n) {
        return self->offsets; /* all zero for n = 0, at first as well */
    }
    /* The gaps are below 64 bytes per column. */
    if (n > ((uint64_t)PY_SSIZE_T_MAX - UINT64_C(64) * MOST_COLUMNS) / (self->sample_bytes + 1)) {
        raise_status(AUGS_E_NO_MEMORY, "no memory holds %llu samples of %llu bytes",
                     (unsigned long long)n, (unsigned long long)self->sample_bytes);
        return NULL;
    }
    size_t offset = 0;
    for (uint32_t i = 0; i < self->n_columns; i++) {
        self->offsets[i] = offset;
        offset = (offset + (size_t)n * self->columns[i].sample_bytes + 63u) & ~(size_t)63u;
    }
    self->offsets[self->n_columns] = offset;
    self->offsets_n = n;
    return self->offsets;
}

int layout_find(layout_object *self, PyObject *name)
{
    PyObject *index = PyUnicode_Check(name) ? PyDict_GetItemWithError(self->indices, name) : NULL;
    if (index != NULL) {
        return (int)PyLong_AsLong(index);
    }
    const core_names *names = PyErr_Occurred() ? NULL : core_get_names();
    if (names != NULL) {
        PyObject *error = PyObject_CallFunctionObjArgs(names->no_column, name, self->names, NULL);
        if (error != NULL) {
            PyErr_SetObject((PyObject *)Py_TYPE(error), error);
            Py_DECREF(error);
        }
    }
    return -1;
}

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"The columns of a stream and their places in a slab."},
    {Py_tp_dealloc, (void *)layout_dealloc},
    {0, NULL},
};

PyType_Spec layout_spec = {
    .name = "augstream._core.Layout",
    .basicsize = sizeof(layout_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
