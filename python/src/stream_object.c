/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stream: values of sample ids. stream[ids] is a Batch, stream[id] a Record.
 * augstream.streams derives the class that users see. A stream never changes,
 * so any number of threads may read it.
 */
#include "python/src/python_core.h"

#include <string.h>

/* Below this size of the result the GIL is kept: taking it back costs more. */
#define KEEP_GIL_BYTES 4096u

PyObject *stream_wrap(PyTypeObject *type, augs_stream *stream, PyObject *preset)
{
    stream_object *self = NEW_OBJECT(type, stream_object);
    if (self == NULL) {
        augs_stream_unref(stream);
        return NULL;
    }
    self->stream = stream;
    self->preset = Py_NewRef(preset);
    self->layout = layout_new(stream);
    if (self->layout == NULL) {
        Py_DECREF((PyObject *)self);
        return NULL;
    }
    return (PyObject *)self;
}

static PyObject *stream_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"preset", "seed", "samples", "epoch", "shuffle", NULL};
    PyObject *preset, *seed, *samples, *epoch, *shuffle;
    uint64_t number;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!OOOO:Stream", names, core.preset, &preset,
                                     &seed, &samples, &epoch, &shuffle)) {
        return NULL;
    }
    augs_stream_options options;
    augs_stream_options_init(&options);
    options.n_samples = AUGS_ENDLESS;
    int shuffled = PyObject_IsTrue(shuffle);
    if (shuffled < 0 || take_whole(seed, "seed", 0, UINT64_MAX, &options.seed) < 0 ||
        (samples != Py_None &&
         take_whole(samples, "samples", 0, AUGS_MAX_SAMPLES, &options.n_samples) < 0) ||
        take_whole(epoch, "epoch", 0, UINT32_MAX, &number) < 0) {
        return NULL;
    }
    options.epoch = (uint32_t)number;
    options.order = shuffled ? AUGS_ORDER_SHUFFLED : AUGS_ORDER_SEQUENTIAL;
    augs_stream *stream = NULL;
    augs_error error = {0};
    int status;
    Py_BEGIN_ALLOW_THREADS;
    status = augs_stream_open(((preset_object *)preset)->preset, &options, &stream, &error);
    Py_END_ALLOW_THREADS;
    return status < 0 ? raise_error(&error) : stream_wrap(type, stream, preset);
}

static void stream_dealloc(PyObject *object)
{
    stream_object *self = (stream_object *)object;
    augs_stream_unref(self->stream);
    Py_XDECREF((PyObject *)self->layout);
    Py_XDECREF(self->preset);
    free_object(object);
}

static PyObject *stream_at_epoch(PyObject *object, PyObject *epoch)
{
    stream_object *self = (stream_object *)object;
    uint64_t number;
    if (take_whole(epoch, "epoch", 0, UINT32_MAX, &number) < 0) {
        return NULL;
    }
    augs_stream *stream = NULL;
    augs_error error = {0};
    if (augs_stream_open_epoch(self->stream, (uint32_t)number, &stream, &error) < 0) {
        return raise_error(&error);
    }
    stream_object *other = NEW_OBJECT(Py_TYPE(object), stream_object);
    if (other == NULL) {
        augs_stream_unref(stream);
        return NULL;
    }
    other->stream = stream;
    other->preset = Py_NewRef(self->preset);
    other->layout = self->layout; /* columns do not depend on the epoch */
    Py_INCREF((PyObject *)other->layout);
    return (PyObject *)other;
}

/* -- Records of ids and positions ---------------------------------------- */

/* What is written: a set of sample ids, or a span of positions. */
typedef struct request {
    const int64_t *ids; /* NULL = the span */
    augs_span span;
    uint64_t n;
} request;

static int fill(const augs_stream *stream, const request *wanted, void *const *columns,
                augs_error *error)
{
    return wanted->ids != NULL || wanted->n == 0
               ? augs_stream_gather(stream, wanted->ids, (size_t)wanted->n, columns, error)
               : augs_stream_fill(stream, &wanted->span, columns, error);
}

/* Sets the bytes between columns to zero, so that equal batches have equal bytes. */
static void clear_gaps(const layout_object *layout, char *slab, const size_t *offsets, uint64_t n)
{
    for (uint32_t i = 0; i < layout->n_columns; i++) {
        size_t end = offsets[i] + (size_t)n * layout->columns[i].sample_bytes;
        memset(slab + end, 0, offsets[i + 1] - end);
    }
}

static PyObject *make_batch(stream_object *self, const request *wanted)
{
    layout_object *layout = self->layout;
    const size_t *offsets = layout_offsets(layout, wanted->n);
    memory_object *memory = offsets == NULL ? NULL : memory_new(offsets[layout->n_columns]);
    if (memory == NULL) {
        return NULL;
    }
    void *columns[MOST_COLUMNS];
    for (uint32_t i = 0; i < layout->n_columns; i++) {
        columns[i] = (char *)memory->data + offsets[i];
    }
    clear_gaps(layout, memory->data, offsets, wanted->n);
    augs_error error = {0};
    int status;
    if (memory->n_bytes < KEEP_GIL_BYTES) {
        status = fill(self->stream, wanted, columns, &error);
    } else {
        Py_BEGIN_ALLOW_THREADS;
        status = fill(self->stream, wanted, columns, &error);
        Py_END_ALLOW_THREADS;
    }
    if (status < 0) {
        Py_DECREF((PyObject *)memory);
        return raise_error(&error);
    }
    return batch_new(layout, memory, (PyObject *)self, NULL, wanted->n, NULL);
}

/* -- stream[...] --------------------------------------------------------- */

/* Takes a sample id; the library says which ones the stream has. Returns 0 or -1. */
static int take_id(PyObject *value, int64_t *ret_id)
{
    if (PyFloat_Check(value) || PyBool_Check(value)) {
        PyErr_Format(PyExc_TypeError, "a sample id is a whole number, not %R", value);
        return -1;
    }
    PyObject *number = PyNumber_Index(value);
    if (number == NULL) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError, "a sample id is a whole number, not %R", value);
        return -1;
    }
    int overflow;
    *ret_id = PyLong_AsLongLongAndOverflow(number, &overflow);
    Py_DECREF(number);
    if (overflow != 0) {
        raise_status(AUGS_E_RANGE, "a sample id that is not in [0, 2^56)");
        return -1;
    }
    return 0;
}

static PyObject *make_record(stream_object *self, PyObject *number)
{
    const core_names *names = core_get_names();
    int64_t ids[1];
    if (names == NULL || take_id(number, ids) < 0) {
        return NULL;
    }
    PyObject *batch = make_batch(self, &(request){.ids = ids, .n = 1});
    if (batch == NULL) {
        return NULL;
    }
    PyObject *zero = PyLong_FromLong(0);
    PyObject *record =
        zero == NULL ? NULL : PyObject_CallFunctionObjArgs(names->record_class, batch, zero, NULL);
    Py_XDECREF(zero);
    Py_DECREF(batch);
    return record;
}

/* A slice is of sample ids, as all that stands in the brackets. */
static PyObject *make_slice(stream_object *self, PyObject *slice)
{
    uint64_t n_samples = augs_stream_n_samples(self->stream);
    Py_ssize_t start, stop, step;
    if (PySlice_Unpack(slice, &start, &stop, &step) < 0) {
        return NULL;
    }
    if (n_samples == AUGS_ENDLESS && (start < 0 || stop < 0 || stop > (1ll << 56) || step < 0)) {
        return raise_status(AUGS_E_RANGE, "a slice of an endless stream: its start and stop are "
                                          "sample ids, from 0 on, and its step is above 0");
    }
    Py_ssize_t n = PySlice_AdjustIndices(n_samples == AUGS_ENDLESS ? (Py_ssize_t)AUGS_MAX_SAMPLES
                                                                   : (Py_ssize_t)n_samples,
                                         &start, &stop, step);
    if (layout_offsets(self->layout, (uint64_t)n) == NULL) {
        return NULL; /* before memory for the ids is taken */
    }
    int64_t *ids = malloc((size_t)n * sizeof *ids + 1);
    if (ids == NULL) {
        return raise_status(AUGS_E_NO_MEMORY, "no memory for %zd sample ids", n);
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        ids[i] = start + i * step;
    }
    PyObject *batch = make_batch(self, &(request){.ids = ids, .n = (uint64_t)n});
    free(ids);
    return batch;
}

/* Whether a buffer is a row of signed numbers of 64 bits. */
static bool is_int64_row(const Py_buffer *view)
{
    const char *format = view->format != NULL ? view->format : "B";
    format += *format == '@' || *format == '=' || *format == '<';
    return view->ndim == 1 && view->itemsize == 8 && (*format == 'l' || *format == 'q') &&
           format[1] == '\0' && PyBuffer_IsContiguous(view, 'C') &&
           (uintptr_t)view->buf % sizeof(int64_t) == 0;
}

static PyObject *make_buffer(stream_object *self, Py_buffer *view)
{
    request wanted = {.ids = view->buf, .n = (uint64_t)view->len / sizeof(int64_t)};
    PyObject *batch = make_batch(self, &wanted);
    PyBuffer_Release(view);
    return batch;
}

/* The words for anything that is no row of whole numbers. */
static PyObject *refuse_ids(PyObject *ids)
{
    PyObject *name = PyType_GetName(Py_TYPE(ids));
    PyErr_Format(PyExc_TypeError,
                 "stream[...] takes a sample id, a slice, or a row of sample ids (list, range, "
                 "array of whole numbers), not %U",
                 name);
    Py_XDECREF(name);
    return NULL;
}

/* Lists, tuples, ranges: their numbers one by one. */
static PyObject *make_sequence(stream_object *self, PyObject *sequence)
{
    PyObject *fast = PySequence_Tuple(sequence);
    if (fast == NULL) {
        return NULL;
    }
    Py_ssize_t n = PyTuple_Size(fast);
    int64_t *ids = malloc((size_t)n * sizeof *ids + 1);
    PyObject *batch = NULL;
    Py_ssize_t i = ids == NULL ? n + 1 : 0;
    for (; i < n; i++) {
        if (take_id(PyTuple_GetItem(fast, i), &ids[i]) < 0) {
            break;
        }
    }
    if (i == n) {
        batch = make_batch(self, &(request){.ids = ids, .n = (uint64_t)n});
    } else if (ids == NULL) {
        raise_status(AUGS_E_NO_MEMORY, "no memory for %zd sample ids", n);
    }
    free(ids);
    Py_DECREF(fast);
    return batch;
}

/* Arrays of other whole numbers, tensors: NumPy makes int64 of them. */
static PyObject *make_array(stream_object *self, PyObject *ids)
{
    const core_names *names = core_get_names();
    PyObject *array =
        names == NULL ? NULL : PyObject_CallFunctionObjArgs(names->asarray, ids, NULL);
    if (array == NULL) {
        return NULL;
    }
    PyObject *dtype = PyObject_GetAttrString(array, "dtype");
    PyObject *kind = dtype == NULL ? NULL : PyObject_GetAttrString(dtype, "kind");
    PyObject *n_dims = PyObject_GetAttrString(array, "ndim");
    const char *letter = kind == NULL ? NULL : PyUnicode_AsUTF8AndSize(kind, NULL);
    long n = n_dims == NULL ? -1 : PyLong_AsLong(n_dims);
    PyObject *batch = NULL;
    if (letter != NULL && n >= 0 && !PyErr_Occurred()) {
        if (n != 1 || (*letter != 'i' && *letter != 'u')) {
            PyErr_Format(PyExc_TypeError,
                         "stream[...] takes a row of whole numbers, not %ld dimensions of %S", n,
                         dtype);
        } else {
            PyObject *list = PyObject_CallMethod(array, "tolist", NULL);
            batch = list == NULL ? NULL : make_sequence(self, list);
            Py_XDECREF(list);
        }
    }
    Py_XDECREF(n_dims);
    Py_XDECREF(kind);
    Py_XDECREF(dtype);
    Py_DECREF(array);
    return batch;
}

static PyObject *stream_subscript(PyObject *object, PyObject *ids)
{
    stream_object *self = (stream_object *)object;
    if (PyLong_Check(ids) && !PyBool_Check(ids)) {
        return make_record(self, ids);
    }
    if (PySlice_Check(ids)) {
        return make_slice(self, ids);
    }
    if (PyList_Check(ids) || PyTuple_Check(ids) || PyRange_Check(ids)) {
        return make_sequence(self, ids);
    }
    if (PyUnicode_Check(ids) || PyBytes_Check(ids) || PyBool_Check(ids) || ids == Py_None ||
        PyFloat_Check(ids)) {
        return refuse_ids(ids);
    }
    Py_buffer view;
    if (PyObject_CheckBuffer(ids)) {
        if (PyObject_GetBuffer(ids, &view, PyBUF_STRIDES | PyBUF_FORMAT) == 0) {
            if (is_int64_row(&view)) {
                return make_buffer(self, &view);
            }
            bool scalar = view.ndim == 0;
            PyBuffer_Release(&view);
            if (!scalar) {
                return make_array(self, ids);
            }
        }
        PyErr_Clear();
    }
    if (PyObject_HasAttrString(ids, "__array__") && PyObject_HasAttrString(ids, "__len__")) {
        PyObject *n_dims = PyObject_GetAttrString(ids, "ndim");
        long n = n_dims == NULL ? -1 : PyLong_AsLong(n_dims);
        Py_XDECREF(n_dims);
        PyErr_Clear();
        if (n != 0) {
            return make_array(self, ids);
        }
    }
    if (PyIndex_Check(ids)) {
        return make_record(self, ids);
    }
    return PySequence_Check(ids) ? make_sequence(self, ids) : refuse_ids(ids);
}

static PyObject *stream_span(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"first", "count", "stride", NULL};
    PyObject *first, *count, *stride = NULL;
    request wanted = {.span = {.stride = 1}};
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OO|O:span", names, &first, &count, &stride) ||
        take_whole(first, "first", 0, UINT64_MAX, &wanted.span.first) < 0 ||
        take_whole(count, "count", 0, UINT64_MAX, &wanted.span.count) < 0 ||
        (stride != NULL && take_whole(stride, "stride", 1, UINT64_MAX, &wanted.span.stride) < 0)) {
        return NULL;
    }
    wanted.n = wanted.span.count;
    return make_batch((stream_object *)object, &wanted);
}

static PyObject *stream_position(PyObject *object, PyObject *number)
{
    int64_t id;
    uint64_t position = 0;
    augs_error error = {0};
    if (take_id(number, &id) < 0) {
        return NULL;
    }
    return augs_stream_position(((stream_object *)object)->stream, id, &position, &error) < 0
               ? raise_error(&error)
               : PyLong_FromUnsignedLongLong(position);
}

/* -- Properties ---------------------------------------------------------- */

static PyObject *stream_seed(PyObject *object, void *closure)
{
    (void)closure;
    return PyLong_FromUnsignedLongLong(augs_stream_seed(((stream_object *)object)->stream));
}

static PyObject *stream_epoch(PyObject *object, void *closure)
{
    (void)closure;
    return PyLong_FromUnsignedLong(augs_stream_epoch(((stream_object *)object)->stream));
}

static PyObject *stream_shuffle(PyObject *object, void *closure)
{
    (void)closure;
    return PyBool_FromLong(augs_stream_order(((stream_object *)object)->stream) ==
                           AUGS_ORDER_SHUFFLED);
}

static PyObject *stream_samples(PyObject *object, void *closure)
{
    (void)closure;
    uint64_t n = augs_stream_n_samples(((stream_object *)object)->stream);
    return n == AUGS_ENDLESS ? Py_NewRef(Py_None) : PyLong_FromUnsignedLongLong(n);
}

static PyObject *stream_fingerprint(PyObject *object, void *closure)
{
    (void)closure;
    return PyUnicode_FromString(augs_stream_fingerprint(((stream_object *)object)->stream));
}

static PyObject *stream_preset(PyObject *object, void *closure)
{
    (void)closure;
    return Py_NewRef(((stream_object *)object)->preset);
}

static PyObject *stream_names(PyObject *object, void *closure)
{
    (void)closure;
    return Py_NewRef(((stream_object *)object)->layout->names);
}

static PyObject *stream_sample_bytes(PyObject *object, void *closure)
{
    (void)closure;
    return PyLong_FromUnsignedLongLong(((stream_object *)object)->layout->sample_bytes);
}

static Py_ssize_t stream_length(PyObject *object)
{
    uint64_t n = augs_stream_n_samples(((stream_object *)object)->stream);
    if (n == AUGS_ENDLESS) {
        PyErr_SetString(PyExc_TypeError, "an endless stream has no len()");
        return -1;
    }
    return (Py_ssize_t)n;
}

static PyObject *stream_arrow_schema(PyObject *object, PyObject *nothing)
{
    (void)nothing;
    return arrow_schema(((stream_object *)object)->layout);
}

static PyMethodDef methods[] = {
    {"at_epoch", stream_at_epoch, METH_O, "The same stream at another epoch."},
    {"span", (PyCFunction)(void (*)(void))stream_span, METH_VARARGS | METH_KEYWORDS,
     "The records of the positions first, first + stride, ...: a Batch."},
    {"position", stream_position, METH_O, "The position that holds a sample id."},
    {"__arrow_c_schema__", stream_arrow_schema, METH_NOARGS, "The columns as an Arrow schema."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"seed", stream_seed, NULL, "The seed.", NULL},
    {"epoch", stream_epoch, NULL, "The epoch.", NULL},
    {"shuffle", stream_shuffle, NULL, "Whether positions hold the sample ids in another order.",
     NULL},
    {"samples", stream_samples, NULL, "The number of samples; None = endless.", NULL},
    {"fingerprint", stream_fingerprint, NULL,
     "32 hexadecimal digits: equal ones mean equal values in equal epochs.", NULL},
    {"preset", stream_preset, NULL, "The preset.", NULL},
    {"names", stream_names, NULL, "The names of the columns, `sample_id` first.", NULL},
    {"sample_bytes", stream_sample_bytes, NULL, "The bytes per sample of all columns.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"One epoch of one seeded preset."},
    {Py_tp_new, (void *)stream_new},
    {Py_tp_dealloc, (void *)stream_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {Py_mp_subscript, (void *)stream_subscript},
    {Py_mp_length, (void *)stream_length},
    {0, NULL},
};

PyType_Spec stream_spec = {
    .name = "augstream._core.Stream",
    .basicsize = sizeof(stream_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
