/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory: the bytes of one batch. It exports the buffer protocol, read-only.
 * NumPy views, DLPack and Arrow capsules refer to it, so the bytes live as long
 * as the last of them.
 */
#include "python/src/python_core.h"

#include <string.h>

#define ALIGNMENT 64u

memory_object *memory_new(size_t n_bytes)
{
    memory_object *self = NEW_OBJECT(core.memory, memory_object);
    if (self == NULL) {
        return NULL;
    }
    if (n_bytes <= (size_t)PY_SSIZE_T_MAX - ALIGNMENT) {
        self->owned = malloc(n_bytes + ALIGNMENT);
    }
    if (self->owned == NULL) {
        Py_DECREF((PyObject *)self);
        raise_status(AUGS_E_NO_MEMORY, "no memory for a batch of %zu bytes", n_bytes);
        return NULL;
    }
    uintptr_t start = (uintptr_t)self->owned;
    self->data = (char *)self->owned + (ALIGNMENT - start % ALIGNMENT) % ALIGNMENT;
    self->n_bytes = n_bytes;
    return self;
}

memory_object *memory_of_batch(augs_batch *batch)
{
    memory_object *self = NEW_OBJECT(core.memory, memory_object);
    if (self == NULL) {
        augs_batch_unref(batch);
        return NULL;
    }
    const void *slab = augs_batch_slab(batch, &self->n_bytes);
    memcpy(&self->data, &slab, sizeof slab); /* it is exported read-only */
    self->batch = batch;
    return self;
}

static void memory_dealloc(PyObject *object)
{
    memory_object *self = (memory_object *)object;
    augs_batch_unref(self->batch);
    free(self->owned);
    free_object(object);
}

static int memory_get_buffer(PyObject *object, Py_buffer *view, int flags)
{
    memory_object *self = (memory_object *)object;
    /* An empty slab still has an address, which NumPy and others require. */
    void *data = self->data != NULL ? self->data : (void *)self;
    return PyBuffer_FillInfo(view, object, data, (Py_ssize_t)self->n_bytes, 1, flags);
}

static Py_ssize_t memory_length(PyObject *object)
{
    return (Py_ssize_t)((memory_object *)object)->n_bytes;
}

static PyObject *memory_from_bytes(PyObject *type, PyObject *bytes)
{
    (void)type;
    Py_buffer view;
    if (PyObject_GetBuffer(bytes, &view, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    memory_object *self = memory_new((size_t)view.len);
    if (self != NULL && view.len > 0) {
        memcpy(self->data, view.buf, (size_t)view.len);
    }
    PyBuffer_Release(&view);
    return (PyObject *)self;
}

static PyObject *memory_address(PyObject *object, void *closure)
{
    (void)closure;
    return PyLong_FromVoidPtr(((memory_object *)object)->data);
}

static PyMethodDef methods[] = {
    {"from_bytes", memory_from_bytes, METH_O | METH_CLASS,
     "Copies bytes into a Memory, which is aligned to 64 bytes."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"address", memory_address, NULL, "The address of the first byte.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"The bytes of a batch: read-only, aligned to 64 bytes."},
    {Py_tp_dealloc, (void *)memory_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {Py_sq_length, (void *)memory_length},
    {Py_bf_getbuffer, (void *)memory_get_buffer},
    {0, NULL},
};

PyType_Spec memory_spec = {
    .name = "augstream._core.Memory",
    .basicsize = sizeof(memory_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
