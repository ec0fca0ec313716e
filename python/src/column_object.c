/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Column: one column of a batch for readers that know no NumPy. It exports the
 * buffer protocol with its dtype and shape, and DLPack, both versions.
 *
 * DLPack: https://dmlc.github.io/dlpack/latest/c_api.html. The structs are
 * written out here, because the protocol is three structs that never change.
 */
#include "python/src/python_core.h"

#include <string.h>

#define MOST_DIMS 3

typedef struct column_object {
    PyObject_HEAD memory_object *memory;
    column_place place;
    Py_ssize_t shape[MOST_DIMS];
    Py_ssize_t strides[MOST_DIMS];
} column_object;

/* How a dtype is said elsewhere: struct module's letter, DLPack's code and bits. */
typedef struct foreign_dtype {
    const char *letter;
    uint8_t code;
    uint8_t bits;
} foreign_dtype;

#define DLPACK_INT 0u
#define DLPACK_UINT 1u
#define DLPACK_FLOAT 2u
#define DLPACK_BOOL 6u

static const foreign_dtype foreign_dtypes[N_DTYPES] = {
    [AUGS_DTYPE_F32] = {"f", DLPACK_FLOAT, 32}, [AUGS_DTYPE_I32] = {"i", DLPACK_INT, 32},
    [AUGS_DTYPE_U64] = {"Q", DLPACK_UINT, 64},  [AUGS_DTYPE_I64] = {"q", DLPACK_INT, 64},
    [AUGS_DTYPE_BOOL] = {"?", DLPACK_BOOL, 8},
};

PyObject *column_new(batch_object *batch, uint32_t index)
{
    column_object *self = NEW_OBJECT(core.column, column_object);
    if (self == NULL || batch_column_place(batch, index, &self->place) < 0) {
        Py_XDECREF((PyObject *)self);
        return NULL;
    }
    self->memory = batch->memory;
    Py_INCREF((PyObject *)self->memory);
    Py_ssize_t stride = (Py_ssize_t)augs_dtype_bytes(self->place.dtype);
    for (int i = self->place.n_dims - 1; i >= 0; i--) {
        self->shape[i] = (Py_ssize_t)self->place.dims[i];
        self->strides[i] = stride;
        stride *= self->shape[i];
    }
    return (PyObject *)self;
}

static void column_dealloc(PyObject *object)
{
    Py_XDECREF((PyObject *)((column_object *)object)->memory);
    free_object(object);
}

/* -- The buffer protocol ------------------------------------------------- */

static int column_get_buffer(PyObject *object, Py_buffer *view, int flags)
{
    column_object *self = (column_object *)object;
    if ((flags & PyBUF_WRITABLE) != 0) {
        PyErr_SetString(PyExc_BufferError, "a column of a batch is read-only: copy it to write");
        view->obj = NULL;
        return -1;
    }
    const foreign_dtype *dtype = &foreign_dtypes[self->place.dtype];
    memset(view, 0, sizeof *view);
    view->buf = self->place.data != NULL ? self->place.data : (void *)self;
    view->obj = Py_NewRef(object);
    view->len = (Py_ssize_t)self->place.n_bytes;
    view->itemsize = (Py_ssize_t)augs_dtype_bytes(self->place.dtype);
    view->readonly = 1;
    view->ndim = (flags & PyBUF_ND) != 0 ? self->place.n_dims : 1;
    if ((flags & PyBUF_FORMAT) != 0) {
        memcpy(&view->format, &dtype->letter, sizeof view->format);
    }
    view->shape = (flags & PyBUF_ND) != 0 ? self->shape : NULL;
    view->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? self->strides : NULL;
    return 0;
}

/* -- DLPack -------------------------------------------------------------- */

typedef struct dlpack_tensor {
    void *data;
    int32_t device_type; /* 1 = CPU */
    int32_t device_id;
    int32_t n_dims;
    uint8_t code;
    uint8_t bits;
    uint16_t lanes;
    int64_t *shape;
    int64_t *strides;
    uint64_t byte_offset;
} dlpack_tensor;

typedef struct dlpack_legacy {
    dlpack_tensor tensor;
    void *manager;
    void (*deleter)(struct dlpack_legacy *self);
} dlpack_legacy;

typedef struct dlpack_versioned {
    uint32_t major, minor;
    void *manager;
    void (*deleter)(struct dlpack_versioned *self);
    uint64_t flags; /* 1 = read-only */
    dlpack_tensor tensor;
} dlpack_versioned;

/* Either struct, and the numbers that it points to. */
typedef struct dlpack_export {
    union {
        dlpack_legacy legacy;
        dlpack_versioned versioned;
    } as;
    int64_t shape[MOST_DIMS];
    int64_t strides[MOST_DIMS];
    PyObject *memory;
} dlpack_export;

/* A consumer may call this from any of its threads, and after Python's end. */
static void release_export(dlpack_export *export)
{
    if (Py_IsInitialized()) {
        PyGILState_STATE state = PyGILState_Ensure();
        Py_DECREF(export->memory);
        PyGILState_Release(state);
    }
    free(export);
}

static void delete_legacy(dlpack_legacy *self)
{
    release_export(self->manager);
}

static void delete_versioned(dlpack_versioned *self)
{
    release_export(self->manager);
}

/* A consumer renames a capsule that it took. Under its first name nobody took it. */
static void drop_legacy(PyObject *capsule)
{
    if (PyCapsule_IsValid(capsule, "dltensor")) {
        dlpack_legacy *tensor = PyCapsule_GetPointer(capsule, "dltensor");
        tensor->deleter(tensor);
    }
}

static void drop_versioned(PyObject *capsule)
{
    if (PyCapsule_IsValid(capsule, "dltensor_versioned")) {
        dlpack_versioned *tensor = PyCapsule_GetPointer(capsule, "dltensor_versioned");
        tensor->deleter(tensor);
    }
}

static void fill_tensor(const column_object *self, dlpack_export *export, dlpack_tensor *tensor)
{
    const foreign_dtype *dtype = &foreign_dtypes[self->place.dtype];
    int64_t stride = 1;
    for (int i = self->place.n_dims - 1; i >= 0; i--) {
        export->shape[i] = self->place.dims[i];
        export->strides[i] = stride;
        stride *= self->place.dims[i];
    }
    *tensor = (dlpack_tensor){.data = self->place.data,
                              .device_type = 1,
                              .n_dims = self->place.n_dims,
                              .code = dtype->code,
                              .bits = dtype->bits,
                              .lanes = 1,
                              .shape = export->shape,
                              .strides = export->strides};
}

static PyObject *export_column(column_object *self, bool versioned, bool copied)
{
    dlpack_export *export = calloc(1, sizeof *export);
    if (export == NULL) {
        return PyErr_NoMemory();
    }
    export->memory = Py_NewRef((PyObject *)self->memory);
    PyObject *capsule = NULL;
    if (versioned) {
        dlpack_versioned *tensor = &export->as.versioned;
        fill_tensor(self, export, &tensor->tensor);
        tensor->major = 1;
        tensor->flags = copied ? 2u : 1u; /* a copy of its own may be written */
        tensor->manager = export;
        tensor->deleter = delete_versioned;
        capsule = PyCapsule_New(tensor, "dltensor_versioned", drop_versioned);
    } else {
        dlpack_legacy *tensor = &export->as.legacy;
        fill_tensor(self, export, &tensor->tensor);
        tensor->manager = export;
        tensor->deleter = delete_legacy;
        capsule = PyCapsule_New(tensor, "dltensor", drop_legacy);
    }
    if (capsule == NULL) {
        release_export(export);
    }
    return capsule;
}

/* A column like this one, in memory of its own. */
static column_object *copy_column(column_object *self)
{
    column_object *copy = NEW_OBJECT(core.column, column_object);
    memory_object *memory = copy == NULL ? NULL : memory_new(self->place.n_bytes);
    if (memory == NULL) {
        Py_XDECREF((PyObject *)copy);
        return NULL;
    }
    if (self->place.n_bytes > 0) {
        memcpy(memory->data, self->place.data, self->place.n_bytes);
    }
    copy->memory = memory;
    copy->place = self->place;
    copy->place.data = memory->data;
    copy->place.offset = 0;
    memcpy(copy->shape, self->shape, sizeof self->shape);
    memcpy(copy->strides, self->strides, sizeof self->strides);
    return copy;
}

static int takes_version_1(PyObject *max_version, bool *ret_answer)
{
    *ret_answer = false;
    if (max_version == NULL || max_version == Py_None) {
        return 0;
    }
    int major, minor;
    if (!PyArg_Parse(max_version, "(ii);max_version is None or two numbers", &major, &minor)) {
        return -1;
    }
    *ret_answer = major >= 1;
    return 0;
}

static int is_cpu(PyObject *device)
{
    int type, id;
    if (device == NULL || device == Py_None) {
        return 0;
    }
    if (!PyArg_Parse(device, "(ii);dl_device is None or two numbers", &type, &id)) {
        return -1;
    }
    if (type != 1) {
        PyErr_Format(PyExc_BufferError,
                     "a column is in the memory of the CPU: dl_device=(1, 0), not (%d, %d)", type,
                     id);
        return -1;
    }
    return 0;
}

static PyObject *column_dlpack(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"stream", "max_version", "dl_device", "copy", NULL};
    PyObject *stream = NULL, *max_version = NULL, *device = NULL, *copy = NULL;
    bool versioned;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|$OOOO:__dlpack__", names, &stream,
                                     &max_version, &device, &copy) ||
        takes_version_1(max_version, &versioned) < 0 || is_cpu(device) < 0) {
        return NULL;
    }
    if (stream != NULL && stream != Py_None) {
        PyErr_SetString(PyExc_BufferError, "a column of the CPU has no streams: stream=None");
        return NULL;
    }
    int copied = copy == NULL || copy == Py_None ? 0 : PyObject_IsTrue(copy);
    if (copied < 0) {
        return NULL;
    }
    column_object *column = copied ? copy_column((column_object *)object) : NULL;
    if (copied && column == NULL) {
        return NULL;
    }
    PyObject *capsule =
        export_column(copied ? column : (column_object *)object, versioned, copied != 0);
    Py_XDECREF((PyObject *)column);
    return capsule;
}

static PyObject *column_dlpack_device(PyObject *object, PyObject *nothing)
{
    (void)object;
    (void)nothing;
    return Py_BuildValue("(ii)", 1, 0);
}

static PyObject *column_address(PyObject *object, void *closure)
{
    (void)closure;
    return PyLong_FromVoidPtr(((column_object *)object)->place.data);
}

static PyMethodDef methods[] = {
    {"__dlpack__", (PyCFunction)(void (*)(void))column_dlpack, METH_VARARGS | METH_KEYWORDS,
     "A DLPack capsule: read-only with max_version=(1, 0) or later."},
    {"__dlpack_device__", column_dlpack_device, METH_NOARGS, "(1, 0): the memory of the CPU."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"address", column_address, NULL, "The address of the first value.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"One column of a batch, for readers of the buffer protocol and DLPack."},
    {Py_tp_dealloc, (void *)column_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {Py_bf_getbuffer, (void *)column_get_buffer},
    {0, NULL},
};

PyType_Spec column_spec = {
    .name = "augstream._core.Column",
    .basicsize = sizeof(column_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
