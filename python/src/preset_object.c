/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preset: columns with their distributions. augstream.presets derives the class
 * that users see, which adds how presets are named, given and pickled.
 */
#include "python/src/python_core.h"

/* Takes a sequence of str. ret_texts refers to the strings of the tuple that is returned. */
static PyObject *take_overrides(PyObject *overrides, const char ***ret_texts, uint32_t *ret_n)
{
    PyObject *tuple = PySequence_Tuple(overrides);
    Py_ssize_t n = tuple != NULL ? PyTuple_Size(tuple) : -1;
    const char **texts = n < 0 ? NULL : PyMem_Calloc((size_t)n + 1, sizeof *texts);
    if (texts == NULL) {
        Py_XDECREF(tuple);
        return NULL;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        texts[i] = take_text(PyTuple_GetItem(tuple, i), "set");
        if (texts[i] == NULL) {
            PyMem_Free((void *)texts);
            Py_DECREF(tuple);
            return NULL;
        }
    }
    *ret_texts = texts;
    *ret_n = (uint32_t)n;
    return tuple;
}

static PyObject *preset_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"name", "text", "origin", "overrides", NULL};
    const char *name = NULL, *text = NULL, *origin = NULL;
    Py_ssize_t n_bytes = 0;
    PyObject *given = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "zz#zO:Preset", names, &name, &text, &n_bytes,
                                     &origin, &given)) {
        return NULL;
    }
    augs_preset_options options;
    augs_preset_options_init(&options);
    const char **overrides = NULL;
    PyObject *kept = take_overrides(given, &overrides, &options.n_overrides);
    if (kept == NULL) {
        return NULL;
    }
    options.overrides = overrides;
    augs_preset *preset = NULL;
    augs_error error = {0};
    int status;
    Py_BEGIN_ALLOW_THREADS;
    status = name != NULL
                 ? augs_preset_open(name, &options, &preset, &error)
                 : augs_preset_open_text(text, (size_t)n_bytes, origin, &options, &preset, &error);
    Py_END_ALLOW_THREADS;
    PyMem_Free((void *)overrides);
    Py_DECREF(kept);
    if (status < 0) {
        return raise_error(&error);
    }
    preset_object *self = NEW_OBJECT(type, preset_object);
    if (self == NULL) {
        augs_preset_unref(preset);
        return NULL;
    }
    self->preset = preset;
    return (PyObject *)self;
}

static void preset_dealloc(PyObject *object)
{
    augs_preset_unref(((preset_object *)object)->preset);
    free_object(object);
}

/* -- Columns ------------------------------------------------------------- */

/* Sets a member of a dict and gives the reference of the value away. Returns 0 or -1. */
static int put(PyObject *dict, const char *key, PyObject *value)
{
    int status = value == NULL ? -1 : PyDict_SetItemString(dict, key, value);
    Py_XDECREF(value);
    return status;
}

static PyObject *none_or_number(double number)
{
    return number == number ? PyFloat_FromDouble(number) : Py_NewRef(Py_None);
}

static PyObject *numbers_dict(const augs_column_info *info)
{
    PyObject *numbers = PyDict_New();
    for (uint32_t i = 0; numbers != NULL && i < 4; i++) {
        if (augs_column_has_number(info, i) && put(numbers, augs_kind_number_name(info->kind, i),
                                                   PyFloat_FromDouble(info->numbers[i])) < 0) {
            Py_CLEAR(numbers);
        }
    }
    return numbers;
}

static PyObject *choices_tuple(const augs_column_info *info, bool weights)
{
    PyObject *tuple = PyTuple_New((Py_ssize_t)info->n_choices);
    for (uint32_t i = 0; tuple != NULL && i < info->n_choices; i++) {
        const augs_choice *choice = &info->choices[i];
        PyObject *value = NULL;
        if (weights) {
            value = PyFloat_FromDouble(choice->weight);
        } else {
            value = PyUnicode_FromString(choice->text);
            if (value != NULL && choice->is_number) {
                PyObject *number = PyFloat_FromString(value);
                Py_DECREF(value);
                value = number;
            }
        }
        if (value == NULL || PyTuple_SetItem(tuple, (Py_ssize_t)i, value) < 0) {
            Py_CLEAR(tuple);
        }
    }
    return tuple;
}

/* The name of the gate column and the value that opens it, or None twice. */
static int put_gate(PyObject *dict, const augs_column_info *info, augs_preset *preset)
{
    augs_column_info gate = {.size = sizeof gate};
    if (info->gate == AUGS_NO_GATE || augs_preset_column(preset, info->gate, &gate) < 0) {
        return put(dict, "gate", Py_NewRef(Py_None)) < 0 ||
                       put(dict, "gate_value", Py_NewRef(Py_None)) < 0
                   ? -1
                   : 0;
    }
    PyObject *value = NULL;
    if (gate.kind == AUGS_KIND_CHOICE && info->gate_value < gate.n_choices) {
        value = PyUnicode_FromString(gate.choices[info->gate_value].text);
    } else {
        value = PyBool_FromLong((long)info->gate_value);
    }
    return put(dict, "gate_value", value) < 0 ||
                   put(dict, "gate", PyUnicode_FromString(gate.name)) < 0
               ? -1
               : 0;
}

PyObject *column_info_dict(const augs_column_info *info, augs_preset *preset)
{
    PyObject *dict = PyDict_New();
    if (dict == NULL) {
        return NULL;
    }
    if (put(dict, "name", PyUnicode_FromString(info->name)) < 0 ||
        put(dict, "kind", PyUnicode_FromString(augs_kind_name(info->kind))) < 0 ||
        put(dict, "dtype", PyUnicode_FromString(augs_dtype_name(info->dtype))) < 0 ||
        put(dict, "shape", PyLong_FromUnsignedLong(info->shape)) < 0 ||
        put(dict, "width", PyLong_FromUnsignedLong(info->width)) < 0 ||
        put(dict, "numbers", numbers_dict(info)) < 0 ||
        put(dict, "choices", choices_tuple(info, false)) < 0 ||
        put(dict, "weights", choices_tuple(info, true)) < 0 ||
        put(dict, "unit", PyUnicode_FromString(info->unit)) < 0 ||
        put(dict, "doc", PyUnicode_FromString(info->doc)) < 0 ||
        put(dict, "source", PyUnicode_FromString(info->source)) < 0 ||
        put(dict, "mean", none_or_number(info->mean)) < 0 ||
        put(dict, "std_dev", none_or_number(info->std_dev)) < 0 ||
        put_gate(dict, info, preset) < 0) {
        Py_DECREF(dict);
        return NULL;
    }
    return dict;
}

static PyObject *preset_columns(PyObject *object, PyObject *nothing)
{
    (void)nothing;
    augs_preset *preset = ((preset_object *)object)->preset;
    PyObject *list = PyList_New(0);
    for (uint32_t i = 0; list != NULL && i < augs_preset_n_columns(preset); i++) {
        augs_column_info info = {.size = sizeof info};
        PyObject *dict =
            augs_preset_column(preset, i, &info) < 0 ? NULL : column_info_dict(&info, preset);
        if (dict == NULL || PyList_Append(list, dict) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(dict);
    }
    return list;
}

/* -- Properties ---------------------------------------------------------- */

typedef const char *preset_text_function(const augs_preset *preset);

static PyObject *preset_text(PyObject *object, void *closure)
{
    preset_text_function *const *function = closure;
    return PyUnicode_FromString((*function)(((preset_object *)object)->preset));
}

static preset_text_function *const name_of = augs_preset_name;
static preset_text_function *const description_of = augs_preset_description;
static preset_text_function *const source_of = augs_preset_source;
static preset_text_function *const canonical_of = augs_preset_text;
static preset_text_function *const schema_of = augs_preset_schema_json;

static PyGetSetDef properties[] = {
    {"name", preset_text, NULL, "The name of the preset.", (void *)&name_of},
    {"description", preset_text, NULL, "What the preset is; '' = not said.",
     (void *)&description_of},
    {"source", preset_text, NULL, "Where its numbers are from; '' = not said.", (void *)&source_of},
    {"text", preset_text, NULL, "The preset as one line of JSON, with every default written out.",
     (void *)&canonical_of},
    {"schema_json", preset_text, NULL, "Everything about the columns, as JSON.",
     (void *)&schema_of},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef methods[] = {
    {"_columns", preset_columns, METH_NOARGS, "Describes every column, as dicts."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"A preset of the library."},
    {Py_tp_new, (void *)preset_new},
    {Py_tp_dealloc, (void *)preset_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {0, NULL},
};

PyType_Spec preset_spec = {
    .name = "augstream._core.Preset",
    .basicsize = sizeof(preset_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
