/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batch: records in columns. batch[name] is a read-only NumPy view, made when it
 * is first asked for and kept. augstream.batches derives the class that users
 * see.
 */
#include "python/src/python_core.h"

/* -- Making batches ------------------------------------------------------ */

PyObject *batch_new(layout_object *layout, memory_object *memory, PyObject *stream,
                    PyObject *source, uint64_t n, const augs_batch_info *info)
{
    const core_names *names = core_get_names();
    batch_object *self =
        names == NULL ? NULL : NEW_OBJECT((PyTypeObject *)names->batch_class, batch_object);
    if (self == NULL) {
        Py_DECREF((PyObject *)memory);
        return NULL;
    }
    self->layout = layout;
    Py_INCREF((PyObject *)layout);
    self->memory = memory;
    self->stream = Py_NewRef(stream);
    self->source = Py_XNewRef(source);
    if (info != NULL) {
        self->info = *info;
        self->has_step = 1;
    } else {
        self->info.n_samples = n;
        self->info.epoch = augs_stream_epoch(((stream_object *)stream)->stream);
    }
    return (PyObject *)self;
}

PyObject *batch_wrap(augs_batch *batch, layout_object *layout, PyObject *stream, PyObject *source)
{
    augs_batch_info info = {.size = sizeof info};
    if (augs_batch_get_info(batch, &info) < 0) {
        augs_batch_unref(batch);
        return raise_status(AUGS_E_INTERNAL, "a batch does not say which positions it has");
    }
    memory_object *memory = memory_of_batch(batch);
    return memory == NULL ? NULL : batch_new(layout, memory, stream, source, info.n_samples, &info);
}

static void batch_dealloc(PyObject *object)
{
    batch_object *self = (batch_object *)object;
    if (self->views != NULL) {
        for (uint32_t i = 0; i < self->layout->n_columns; i++) {
            Py_XDECREF(self->views[i]);
        }
        PyMem_Free((void *)self->views);
    }
    Py_XDECREF((PyObject *)self->layout);
    Py_XDECREF((PyObject *)self->memory);
    Py_XDECREF(self->stream);
    Py_XDECREF(self->source);
    free_object(object);
}

/* -- Columns ------------------------------------------------------------- */

int batch_column_place(batch_object *self, uint32_t index, column_place *ret_place)
{
    const uint64_t n = self->info.n_samples;
    const size_t *offsets = layout_offsets(self->layout, n);
    if (offsets == NULL) {
        return -1;
    }
    const layout_column *column = &self->layout->columns[index];
    ret_place->offset = offsets[index];
    ret_place->n_bytes = (size_t)n * column->sample_bytes;
    if (ret_place->offset + ret_place->n_bytes > self->memory->n_bytes) {
        raise_status(AUGS_E_INTERNAL, "a slab of %zu bytes ends before its column %u",
                     self->memory->n_bytes, index);
        return -1;
    }
    ret_place->data =
        self->memory->data == NULL ? NULL : (char *)self->memory->data + ret_place->offset;
    ret_place->dtype = column->dtype;
    ret_place->n_dims = 0;
    ret_place->dims[ret_place->n_dims++] = (int64_t)n;
    if (column->shape > 1) {
        ret_place->dims[ret_place->n_dims++] = (int64_t)column->shape;
    }
    if (column->width > 1) {
        ret_place->dims[ret_place->n_dims++] = (int64_t)column->width;
    }
    return 0;
}

static PyObject *make_view(batch_object *self, uint32_t index)
{
    const core_names *names = core_get_names();
    column_place place;
    if (names == NULL || batch_column_place(self, index, &place) < 0) {
        return NULL;
    }
    PyObject *shape = PyTuple_New(place.n_dims), *view = NULL;
    for (int i = 0; shape != NULL && i < place.n_dims; i++) {
        PyObject *length = PyLong_FromLongLong(place.dims[i]);
        if (length == NULL || PyTuple_SetItem(shape, i, length) < 0) {
            Py_CLEAR(shape);
        }
    }
    PyObject *offset = PyLong_FromSize_t(place.offset);
    if (shape != NULL && offset != NULL) {
        view = PyObject_CallFunctionObjArgs(names->ndarray, shape, names->dtypes[place.dtype],
                                            (PyObject *)self->memory, offset, NULL);
    }
    Py_XDECREF(shape);
    Py_XDECREF(offset);
    return view;
}

static PyObject *batch_subscript(PyObject *object, PyObject *name)
{
    batch_object *self = (batch_object *)object;
    int index = layout_find(self->layout, name);
    if (index < 0) {
        return NULL;
    }
    if (self->views == NULL) {
        self->views = (PyObject **)PyMem_Calloc(self->layout->n_columns, sizeof(PyObject *));
        if (self->views == NULL) {
            return PyErr_NoMemory();
        }
    }
    if (self->views[index] == NULL) {
        PyObject *view = make_view(self, (uint32_t)index);
        if (view == NULL) {
            return NULL;
        }
        /* Another thread may have made it while NumPy ran. */
        if (self->views[index] == NULL) {
            self->views[index] = view;
        } else {
            Py_DECREF(view);
        }
    }
    return Py_NewRef(self->views[index]);
}

static PyObject *batch_column(PyObject *object, PyObject *name)
{
    batch_object *self = (batch_object *)object;
    int index = layout_find(self->layout, name);
    return index < 0 ? NULL : column_new(self, (uint32_t)index);
}

static int batch_contains(PyObject *object, PyObject *name)
{
    return PyUnicode_Check(name) ? PyDict_Contains(((batch_object *)object)->layout->indices, name)
                                 : 0;
}

static Py_ssize_t batch_length(PyObject *object)
{
    return (Py_ssize_t)((batch_object *)object)->info.n_samples;
}

static PyObject *batch_names(PyObject *object, PyObject *nothing)
{
    (void)nothing;
    return Py_NewRef(((batch_object *)object)->layout->names);
}

static PyObject *batch_iterate(PyObject *object)
{
    return PyObject_GetIter(((batch_object *)object)->layout->names);
}

static int batch_get_buffer(PyObject *object, Py_buffer *view, int flags)
{
    return PyObject_GetBuffer((PyObject *)((batch_object *)object)->memory, view, flags);
}

/* -- Which positions it has ---------------------------------------------- */

/* A number of augs_batch_info: its offset, and whether a set of sample ids has it, too. */
typedef struct info_row {
    size_t offset;
    int is_wide;
    int always;
} info_row;

#define ROW(member, always_)                                                                       \
    {                                                                                              \
        offsetof(augs_batch_info, member), sizeof(((augs_batch_info *)0)->member) == 8, always_    \
    }

static const info_row row_epoch = ROW(epoch, 1), row_step = ROW(step, 0), row_part = ROW(part, 0),
                      row_rank = ROW(rank, 0), row_world_size = ROW(world_size, 0),
                      row_first = ROW(first, 0), row_stride = ROW(stride, 0),
                      row_n_padded = ROW(n_padded, 1), row_n_samples = ROW(n_samples, 1),
                      row_pad_first = ROW(pad_first, 0), row_pad_stride = ROW(pad_stride, 0);

static PyObject *batch_number(PyObject *object, void *closure)
{
    const batch_object *self = (const batch_object *)object;
    const info_row *row = closure;
    if (!self->has_step && !row->always) {
        return Py_NewRef(Py_None);
    }
    const char *place = (const char *)&self->info + row->offset;
    return PyLong_FromUnsignedLongLong(row->is_wide ? *(const uint64_t *)(const void *)place
                                                    : *(const uint32_t *)(const void *)place);
}

static PyObject *batch_is_last(PyObject *object, void *closure)
{
    (void)closure;
    return PyBool_FromLong((((batch_object *)object)->info.flags & AUGS_BATCH_LAST) != 0);
}

static PyObject *batch_member(PyObject *object, void *closure)
{
    PyObject *member = *(PyObject **)(void *)((char *)object + *(const size_t *)closure);
    return Py_NewRef(member != NULL ? member : Py_None);
}

static const size_t place_of_stream = offsetof(batch_object, stream),
                    place_of_source = offsetof(batch_object, source),
                    place_of_memory = offsetof(batch_object, memory);

/* Whether somebody but this batch may hold the memory. */
static PyObject *batch_is_shared(PyObject *object, void *closure)
{
    (void)closure;
    const batch_object *self = (const batch_object *)object;
    return PyBool_FromLong(self->views != NULL || Py_REFCNT((PyObject *)self->memory) > 1);
}

static PyGetSetDef properties[] = {
    {"n_samples", batch_number, NULL, "The number of samples, with padding.",
     (void *)&row_n_samples},
    {"epoch", batch_number, NULL, "The epoch of the values.", (void *)&row_epoch},
    {"step", batch_number, NULL, "The step, from 0 in each epoch; None = not of a plan.",
     (void *)&row_step},
    {"part", batch_number, NULL, "The part of the step; 0 = the whole step.", (void *)&row_part},
    {"rank", batch_number, NULL, "The rank that got it.", (void *)&row_rank},
    {"world_size", batch_number, NULL, "How many ranks share the step.", (void *)&row_world_size},
    {"first", batch_number, NULL, "The position of the first sample.", (void *)&row_first},
    {"stride", batch_number, NULL, "From one position to the next.", (void *)&row_stride},
    {"n_padded", batch_number, NULL, "How many samples at the end are padding.",
     (void *)&row_n_padded},
    {"pad_first", batch_number, NULL, "The position of the first sample of padding.",
     (void *)&row_pad_first},
    {"pad_stride", batch_number, NULL, "From one position of padding to the next.",
     (void *)&row_pad_stride},
    {"is_last", batch_is_last, NULL, "Whether it is the last one of the epoch for this rank.",
     NULL},
    {"_stream", batch_member, NULL, "The stream, perhaps at another epoch.",
     (void *)&place_of_stream},
    {"_source", batch_member, NULL, "Who handed the batch out, or None.", (void *)&place_of_source},
    {"memory", batch_member, NULL, "The bytes of all columns.", (void *)&place_of_memory},
    {"_is_shared", batch_is_shared, NULL, "Whether somebody else may hold the memory.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

/* -- Pickling ------------------------------------------------------------ */

/* _parts() -> (n, None or the 11 numbers of the info). */
static PyObject *batch_parts(PyObject *object, PyObject *nothing)
{
    (void)nothing;
    const batch_object *self = (const batch_object *)object;
    const augs_batch_info *info = &self->info;
    if (!self->has_step) {
        return Py_BuildValue("KO", info->n_samples, Py_None);
    }
    return Py_BuildValue("K(IKKKKIIIIKKK)", info->n_samples, info->epoch, info->step, info->first,
                         info->stride, info->n_samples, info->flags, info->rank, info->world_size,
                         info->part, info->n_padded, info->pad_first, info->pad_stride);
}

/* _restore(stream, memory, n, parts) makes the batch again. */
static PyObject *batch_restore(PyObject *type, PyObject *args)
{
    (void)type;
    PyObject *stream, *memory, *parts;
    unsigned long long n;
    if (!PyArg_ParseTuple(args, "O!O!KO:_restore", core.stream, &stream, core.memory, &memory, &n,
                          &parts)) {
        return NULL;
    }
    layout_object *layout = ((stream_object *)stream)->layout;
    const size_t *offsets = layout_offsets(layout, n);
    if (offsets == NULL) {
        return NULL;
    }
    if (((memory_object *)memory)->n_bytes != offsets[layout->n_columns]) {
        return raise_status(AUGS_E_CORRUPT, "a batch of %llu samples has %zu bytes, not %zu", n,
                            offsets[layout->n_columns], ((memory_object *)memory)->n_bytes);
    }
    augs_batch_info info = {.size = sizeof info};
    if (parts != Py_None &&
        !PyArg_ParseTuple(parts, "IKKKKIIIIKKK", &info.epoch, &info.step, &info.first, &info.stride,
                          &info.n_samples, &info.flags, &info.rank, &info.world_size, &info.part,
                          &info.n_padded, &info.pad_first, &info.pad_stride)) {
        return NULL;
    }
    Py_INCREF(memory);
    return batch_new(layout, (memory_object *)memory, stream, NULL, n,
                     parts != Py_None ? &info : NULL);
}

static PyObject *batch_arrow_schema(PyObject *object, PyObject *nothing)
{
    (void)nothing;
    return arrow_schema(((batch_object *)object)->layout);
}

static PyObject *batch_arrow_array(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"requested_schema", NULL};
    PyObject *requested = NULL; /* a wish, which a producer may leave unanswered */
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O:__arrow_c_array__", names, &requested)) {
        return NULL;
    }
    PyObject *schema = arrow_schema(((batch_object *)object)->layout);
    PyObject *array = schema == NULL ? NULL : arrow_array((batch_object *)object);
    PyObject *both = array == NULL ? NULL : PyTuple_Pack(2, schema, array);
    Py_XDECREF(schema);
    Py_XDECREF(array);
    return both;
}

static PyObject *batch_arrow_stream(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"requested_schema", NULL};
    PyObject *requested = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O:__arrow_c_stream__", names, &requested)) {
        return NULL;
    }
    PyObject *alone = PyTuple_Pack(1, object);
    PyObject *iterator = alone == NULL ? NULL : PyObject_GetIter(alone);
    PyObject *capsule =
        iterator == NULL ? NULL : arrow_stream(((batch_object *)object)->layout, iterator);
    Py_XDECREF(alone);
    Py_XDECREF(iterator);
    return capsule;
}

#define KEYWORDS (METH_VARARGS | METH_KEYWORDS)

static PyMethodDef methods[] = {
    {"keys", batch_names, METH_NOARGS, "The names of the columns, `sample_id` first."},
    {"column", batch_column, METH_O, "A column for DLPack and other readers of memory: Column."},
    {"_parts", batch_parts, METH_NOARGS, "The numbers of the batch, for pickling."},
    {"_restore", batch_restore, METH_VARARGS | METH_CLASS, "Makes a pickled batch again."},
    {"__arrow_c_schema__", batch_arrow_schema, METH_NOARGS, "The columns as an Arrow schema."},
    {"__arrow_c_array__", (PyCFunction)(void (*)(void))batch_arrow_array, KEYWORDS,
     "The batch as an Arrow struct array."},
    {"__arrow_c_stream__", (PyCFunction)(void (*)(void))batch_arrow_stream, KEYWORDS,
     "The batch as an Arrow stream of one array."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"Records in columns."},
    {Py_tp_dealloc, (void *)batch_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {Py_tp_iter, (void *)batch_iterate},
    {Py_mp_subscript, (void *)batch_subscript},
    {Py_mp_length, (void *)batch_length},
    {Py_sq_contains, (void *)batch_contains},
    {Py_bf_getbuffer, (void *)batch_get_buffer},
    {0, NULL},
};

PyType_Spec batch_spec = {
    .name = "augstream._core.Batch",
    .basicsize = sizeof(batch_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION |
             Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
