/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches as Arrow arrays, by the C data interface and its PyCapsules:
 * https://arrow.apache.org/docs/format/CDataInterface.html.
 *
 * A batch is a struct array with a child per column. Several elements per sample
 * are fixed-size lists. Values are not copied, but for bernoulli columns: Arrow
 * has booleans as bits.
 */
#include "python/src/python_core.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* -- The three structs of the interface ---------------------------------- */

typedef struct arrow_schema_node {
    const char *format;
    const char *name;
    const char *metadata;
    int64_t flags;
    int64_t n_children;
    struct arrow_schema_node **children;
    struct arrow_schema_node *dictionary;
    void (*release)(struct arrow_schema_node *self);
    void *private_data;
} arrow_schema_node;

typedef struct arrow_array_node {
    int64_t length;
    int64_t null_count;
    int64_t offset;
    int64_t n_buffers;
    int64_t n_children;
    const void **buffers;
    struct arrow_array_node **children;
    struct arrow_array_node *dictionary;
    void (*release)(struct arrow_array_node *self);
    void *private_data;
} arrow_array_node;

typedef struct arrow_stream_node {
    int (*get_schema)(struct arrow_stream_node *self, arrow_schema_node *ret_schema);
    int (*get_next)(struct arrow_stream_node *self, arrow_array_node *ret_array);
    const char *(*get_last_error)(struct arrow_stream_node *self);
    void (*release)(struct arrow_stream_node *self);
    void *private_data;
} arrow_stream_node;

/* Consumers may call from any of their threads, and after Python's end. */
static void drop_reference(PyObject *object)
{
    if (object != NULL && Py_IsInitialized()) {
        PyGILState_STATE state = PyGILState_Ensure();
        Py_DECREF(object);
        PyGILState_Release(state);
    }
}

/* -- Schemas ------------------------------------------------------------- */

/* A node and what it points to. */
typedef struct schema_texts {
    char format[16];
    char name[AUGS_MAX_NAME_BYTES + 1];
} schema_texts;

static void release_schema(arrow_schema_node *self)
{
    for (int64_t i = 0; i < self->n_children; i++) {
        arrow_schema_node *child = self->children[i];
        if (child != NULL && child->release != NULL) {
            child->release(child);
        }
        free(child);
    }
    free((void *)self->children);
    free(self->private_data);
    self->release = NULL;
}

/* Fills a node with empty children. Returns 0 or -1; the node can be released either way. */
static int start_schema(arrow_schema_node *self, const char *format, const char *name,
                        int64_t n_children)
{
    memset(self, 0, sizeof *self);
    self->release = release_schema;
    schema_texts *texts = calloc(1, sizeof *texts);
    self->private_data = texts;
    if (texts == NULL) {
        return -1;
    }
    snprintf(texts->format, sizeof texts->format, "%s", format);
    snprintf(texts->name, sizeof texts->name, "%s", name);
    self->format = texts->format;
    self->name = texts->name;
    if (n_children == 0) {
        return 0;
    }
    self->children = (arrow_schema_node **)calloc((size_t)n_children, sizeof(void *));
    self->n_children = self->children == NULL ? 0 : n_children;
    for (int64_t i = 0; i < self->n_children; i++) {
        self->children[i] = calloc(1, sizeof **self->children);
        if (self->children[i] == NULL) {
            return -1;
        }
    }
    return self->children == NULL ? -1 : 0;
}

static const char *const formats[N_DTYPES] = {
    [AUGS_DTYPE_F32] = "f", [AUGS_DTYPE_I32] = "i",  [AUGS_DTYPE_U64] = "L",
    [AUGS_DTYPE_I64] = "l", [AUGS_DTYPE_BOOL] = "b",
};

/* A column: its values in up to two lists, the outer one of `shape`, the inner one of `width`. */
static int schema_of_column(arrow_schema_node *self, const layout_column *column, const char *name)
{
    const uint32_t lengths[2] = {column->shape, column->width};
    for (int i = 0; i < 2; i++) {
        if (lengths[i] > 1) {
            char format[16];
            snprintf(format, sizeof format, "+w:%u", lengths[i]);
            if (start_schema(self, format, name, 1) < 0) {
                return -1;
            }
            self = self->children[0];
            name = "item";
        }
    }
    return start_schema(self, formats[column->dtype], name, 0);
}

static int fill_schema(layout_object *layout, arrow_schema_node *self)
{
    if (start_schema(self, "+s", "", (int64_t)layout->n_columns) < 0) {
        return -1;
    }
    for (uint32_t i = 0; i < layout->n_columns; i++) {
        const char *name = PyUnicode_AsUTF8AndSize(PyTuple_GetItem(layout->names, i), NULL);
        if (name == NULL || schema_of_column(self->children[i], &layout->columns[i], name) < 0) {
            return -1;
        }
    }
    return 0;
}

static void drop_schema(PyObject *capsule)
{
    arrow_schema_node *self = PyCapsule_GetPointer(capsule, "arrow_schema");
    if (self->release != NULL) {
        self->release(self);
    }
    free(self);
}

PyObject *arrow_schema(layout_object *layout)
{
    arrow_schema_node *self = calloc(1, sizeof *self);
    if (self == NULL || fill_schema(layout, self) < 0) {
        if (self != NULL && self->release != NULL) {
            self->release(self);
        }
        free(self);
        return PyErr_Occurred() ? NULL : PyErr_NoMemory();
    }
    PyObject *capsule = PyCapsule_New(self, "arrow_schema", drop_schema);
    if (capsule == NULL) {
        self->release(self);
        free(self);
    }
    return capsule;
}

/* -- Arrays -------------------------------------------------------------- */

typedef struct array_parts {
    const void *buffers[2];
    void *bits;       /* of a bernoulli column */
    PyObject *memory; /* whose bytes the buffers are */
} array_parts;

static void release_array(arrow_array_node *self)
{
    for (int64_t i = 0; i < self->n_children; i++) {
        arrow_array_node *child = self->children[i];
        if (child != NULL && child->release != NULL) {
            child->release(child);
        }
        free(child);
    }
    free((void *)self->children);
    array_parts *parts = self->private_data;
    if (parts != NULL) {
        drop_reference(parts->memory);
        free(parts->bits);
        free(parts);
    }
    self->release = NULL;
}

static int start_array(arrow_array_node *self, int64_t length, int64_t n_buffers,
                       int64_t n_children)
{
    memset(self, 0, sizeof *self);
    self->release = release_array;
    self->length = length;
    array_parts *parts = calloc(1, sizeof *parts);
    self->private_data = parts;
    if (parts == NULL) {
        return -1;
    }
    self->buffers = parts->buffers;
    self->n_buffers = n_buffers;
    if (n_children == 0) {
        return 0;
    }
    self->children = (arrow_array_node **)calloc((size_t)n_children, sizeof(void *));
    self->n_children = self->children == NULL ? 0 : n_children;
    for (int64_t i = 0; i < self->n_children; i++) {
        self->children[i] = calloc(1, sizeof **self->children);
        if (self->children[i] == NULL) {
            return -1;
        }
    }
    return self->children == NULL ? -1 : 0;
}

static void *pack_bits(const uint8_t *values, size_t n)
{
    uint8_t *bits = calloc((n + 7) / 8 + 1, 1);
    for (size_t i = 0; bits != NULL && i < n; i++) {
        bits[i / 8] |= (uint8_t)(values[i] << (i % 8));
    }
    return bits;
}

static int array_of_values(arrow_array_node *self, batch_object *batch, const column_place *place,
                           int64_t length)
{
    if (start_array(self, length, 2, 0) < 0) {
        return -1;
    }
    array_parts *parts = self->private_data;
    if (place->dtype == AUGS_DTYPE_BOOL) {
        parts->bits = pack_bits(place->data, (size_t)length);
        parts->buffers[1] = parts->bits;
        return parts->bits == NULL ? -1 : 0;
    }
    parts->buffers[1] = place->data;
    parts->memory = Py_NewRef((PyObject *)batch->memory);
    return 0;
}

static int array_of_column(arrow_array_node *self, batch_object *batch, uint32_t index)
{
    column_place place;
    if (batch_column_place(batch, index, &place) < 0) {
        return -1;
    }
    int64_t length = place.dims[0];
    for (int i = 1; i < place.n_dims; i++) {
        if (start_array(self, length, 1, 1) < 0) {
            return -1;
        }
        self = self->children[0];
        length *= place.dims[i];
    }
    return array_of_values(self, batch, &place, length);
}

static int fill_array(batch_object *batch, arrow_array_node *self)
{
    const uint32_t n_columns = batch->layout->n_columns;
    if (start_array(self, (int64_t)batch->info.n_samples, 1, (int64_t)n_columns) < 0) {
        return -1;
    }
    for (uint32_t i = 0; i < n_columns; i++) {
        if (array_of_column(self->children[i], batch, i) < 0) {
            return -1;
        }
    }
    return 0;
}

static void drop_array(PyObject *capsule)
{
    arrow_array_node *self = PyCapsule_GetPointer(capsule, "arrow_array");
    if (self->release != NULL) {
        self->release(self);
    }
    free(self);
}

PyObject *arrow_array(batch_object *batch)
{
    arrow_array_node *self = calloc(1, sizeof *self);
    if (self == NULL || fill_array(batch, self) < 0) {
        if (self != NULL && self->release != NULL) {
            self->release(self);
        }
        free(self);
        return PyErr_Occurred() ? NULL : PyErr_NoMemory();
    }
    PyObject *capsule = PyCapsule_New(self, "arrow_array", drop_array);
    if (capsule == NULL) {
        self->release(self);
        free(self);
    }
    return capsule;
}

/* -- Streams of arrays --------------------------------------------------- */

typedef struct stream_parts {
    PyObject *layout;
    PyObject *iterator;
    char message[1024];
} stream_parts;

/* Keeps the text of the exception for get_last_error. Returns EIO. */
static int note_exception(stream_parts *parts)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *text = value == NULL ? NULL : PyObject_Str(value);
    const char *words = text == NULL ? NULL : PyUnicode_AsUTF8AndSize(text, NULL);
    snprintf(parts->message, sizeof parts->message, "%s", words != NULL ? words : "failed");
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    PyErr_Clear();
    return EIO;
}

static int stream_schema(arrow_stream_node *self, arrow_schema_node *ret_schema)
{
    stream_parts *parts = self->private_data;
    PyGILState_STATE state = PyGILState_Ensure();
    int status = 0;
    if (fill_schema((layout_object *)parts->layout, ret_schema) < 0) {
        ret_schema->release(ret_schema);
        PyErr_Clear();
        status = ENOMEM;
    }
    PyGILState_Release(state);
    return status;
}

static int stream_next(arrow_stream_node *self, arrow_array_node *ret_array)
{
    stream_parts *parts = self->private_data;
    PyGILState_STATE state = PyGILState_Ensure();
    int status = 0;
    PyObject *batch = PyIter_Next(parts->iterator);
    memset(ret_array, 0, sizeof *ret_array); /* not released = the end */
    if (batch == NULL) {
        status = PyErr_Occurred() ? note_exception(parts) : 0;
    } else if (!PyObject_TypeCheck(batch, core.batch)) {
        snprintf(parts->message, sizeof parts->message, "the iterator gave no batch");
        status = EINVAL;
    } else if (fill_array((batch_object *)batch, ret_array) < 0) {
        ret_array->release(ret_array);
        PyErr_Clear();
        status = ENOMEM;
    }
    Py_XDECREF(batch);
    PyGILState_Release(state);
    return status;
}

static const char *stream_error(arrow_stream_node *self)
{
    const stream_parts *parts = self->private_data;
    return parts->message[0] != '\0' ? parts->message : NULL;
}

static void release_stream(arrow_stream_node *self)
{
    stream_parts *parts = self->private_data;
    drop_reference(parts->layout);
    drop_reference(parts->iterator);
    free(parts);
    self->release = NULL;
}

static void drop_stream(PyObject *capsule)
{
    arrow_stream_node *self = PyCapsule_GetPointer(capsule, "arrow_array_stream");
    if (self->release != NULL) {
        self->release(self);
    }
    free(self);
}

PyObject *arrow_stream(layout_object *layout, PyObject *iterator)
{
    arrow_stream_node *self = calloc(1, sizeof *self);
    stream_parts *parts = calloc(1, sizeof *parts);
    if (self == NULL || parts == NULL) {
        free(self);
        free(parts);
        return PyErr_NoMemory();
    }
    parts->layout = Py_NewRef((PyObject *)layout);
    parts->iterator = Py_NewRef(iterator);
    *self = (arrow_stream_node){.get_schema = stream_schema,
                                .get_next = stream_next,
                                .get_last_error = stream_error,
                                .release = release_stream,
                                .private_data = parts};
    PyObject *capsule = PyCapsule_New(self, "arrow_array_stream", drop_stream);
    if (capsule == NULL) {
        release_stream(self);
        free(self);
    }
    return capsule;
}
