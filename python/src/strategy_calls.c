/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strategies written in Python: the library calls these functions, and they call
 * `plan` and `observe` of a Python object.
 *
 * The library makes a state when it plans from the start again, so a class makes
 * the objects. The functions get no user pointer, so the pipeline that a thread
 * is calling stands in a variable of that thread.
 *
 * An exception cannot pass through the library. It is kept in the pipeline, the
 * call fails or ends, and the caller of the pipeline raises it again.
 */
#include "python/src/python_core.h"

#include <stdio.h>
#include <string.h>

static _Thread_local pipeline_object *current;

pipeline_object *strategy_enter(pipeline_object *self)
{
    pipeline_object *previous = current;
    current = self;
    return previous;
}

void strategy_leave(pipeline_object *previous)
{
    current = previous;
}

/* The state in the library's memory. */
typedef struct strategy_state {
    PyObject *strategy;
    pipeline_object *owner; /* outlives the state */
} strategy_state;

/* Keeps the exception, unless there is an earlier one. Returns the status for the library. */
static int keep_exception(pipeline_object *owner, augs_error *error)
{
    if (owner->exception[0] == NULL) {
        PyErr_Fetch(&owner->exception[0], &owner->exception[1], &owner->exception[2]);
    } else {
        PyErr_Clear();
    }
    if (error != NULL) {
        error->status = AUGS_E_CALLBACK;
        snprintf(error->message, sizeof error->message, "strategy '%s' raised an exception",
                 owner->strategy_name);
    }
    return AUGS_E_CALLBACK;
}

/* Calls a method with one argument, which is a tuple: PyObject_CallMethod would take it apart. */
static PyObject *call(PyObject *object, const char *name, PyObject *argument)
{
    PyObject *method = PyObject_GetAttrString(object, name);
    PyObject *answer = method == NULL ? NULL : PyObject_CallFunctionObjArgs(method, argument, NULL);
    Py_XDECREF(method);
    return answer;
}

static int strategy_init(void *object, const augs_strategy_options *options, augs_error *error)
{
    (void)options; /* a class has its own */
    strategy_state *state = object;
    PyGILState_STATE gil = PyGILState_Ensure();
    state->owner = current;
    state->strategy = PyObject_CallNoArgs(current->factory);
    int status = state->strategy == NULL ? keep_exception(current, error) : 0;
    PyGILState_Release(gil);
    return status;
}

static void strategy_done(void *object)
{
    strategy_state *state = object;
    PyGILState_STATE gil = PyGILState_Ensure();
    Py_CLEAR(state->strategy);
    PyGILState_Release(gil);
}

/* -- plan ---------------------------------------------------------------- */

/* None for a figure that is not known. */
static PyObject *known(uint64_t figure, uint64_t unknown)
{
    return figure == unknown ? Py_NewRef(Py_None) : PyLong_FromUnsignedLongLong(figure);
}

static PyObject *make_facts(const augs_plan_facts *facts)
{
    return PyObject_CallFunction(
        core_get_names()->facts_class, "NKKINNNN", known(facts->n_samples, AUGS_ENDLESS),
        facts->step, facts->position, facts->world_size, known(facts->sample_bytes, 0),
        known(facts->memory_limit_bytes, 0), known(facts->memory_used_bytes, 0),
        known(facts->memory_available_bytes, 0));
}

/* Reads what `plan` returned: None or 0, a count, or (first, stride, count). Returns 1, 0 at the end, or
 * -1 with an exception. */
static int take_span(PyObject *answer, const augs_plan_facts *facts, augs_span *ret_span)
{
    augs_span span = {.first = facts->position, .stride = 1};
    if (answer == Py_None) {
        return 0;
    }
    if (PyTuple_Check(answer)) {
        if (PyTuple_Size(answer) != 3) {
            PyErr_Format(PyExc_TypeError,
                         "plan() returned a tuple of %zd, not (first, stride, count)",
                         PyTuple_Size(answer));
            return -1;
        }
        if (take_whole(PyTuple_GetItem(answer, 0), "first", 0, UINT64_MAX, &span.first) < 0 ||
            take_whole(PyTuple_GetItem(answer, 1), "stride", 0, UINT64_MAX, &span.stride) < 0 ||
            take_whole(PyTuple_GetItem(answer, 2), "count", 0, UINT64_MAX, &span.count) < 0) {
            return -1;
        }
    } else if (take_whole(answer, "the count that plan() returned", 0, UINT64_MAX, &span.count) <
               0) {
        return -1;
    }
    if (span.count == 0 && !PyTuple_Check(answer)) {
        return 0; /* min(size, facts.left), when nothing is left */
    }
    *ret_span = span;
    return 1;
}

static int strategy_plan(void *object, const augs_plan_facts *facts, augs_span *ret_span,
                         augs_error *error)
{
    strategy_state *state = object;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *seen = make_facts(facts);
    PyObject *answer = seen == NULL ? NULL : call(state->strategy, "plan", seen);
    int status = answer == NULL ? -1 : take_span(answer, facts, ret_span);
    if (status < 0) {
        status = keep_exception(state->owner, error);
    }
    Py_XDECREF(answer);
    Py_XDECREF(seen);
    PyGILState_Release(gil);
    return status;
}

/* -- observe ------------------------------------------------------------- */

static PyObject *known_seconds(double seconds)
{
    return seconds > 0 ? PyFloat_FromDouble(seconds) : Py_NewRef(Py_None);
}

static void strategy_observe(void *object, const augs_feedback *feedback)
{
    strategy_state *state = object;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *told = PyObject_CallFunction(
        core_get_names()->feedback_class, "IKIKNNNN", feedback->epoch, feedback->step,
        feedback->part, feedback->n_samples, known_seconds(feedback->seconds),
        known(feedback->bytes, 0), known(feedback->available_bytes, 0),
        PyBool_FromLong(feedback->outcome == AUGS_OUTCOME_FINE));
    PyObject *nothing = told == NULL ? NULL : call(state->strategy, "observe", told);
    if (nothing == NULL) {
        keep_exception(state->owner, NULL);
    }
    Py_XDECREF(nothing);
    Py_XDECREF(told);
    PyGILState_Release(gil);
}

static const char *strategy_why(const void *object)
{
    (void)object;
    return "strategy";
}

/* -- The table ----------------------------------------------------------- */

static int has_method(PyObject *factory, const char *name)
{
    PyObject *method = PyObject_GetAttrString(factory, name);
    int answer = method != NULL && PyCallable_Check(method);
    PyErr_Clear();
    Py_XDECREF(method);
    return answer;
}

int strategy_prepare(pipeline_object *self)
{
    if (core_get_names() == NULL) {
        return -1;
    }
    if (!PyType_Check(self->factory) || !has_method(self->factory, "plan")) {
        PyErr_Format(PyExc_TypeError,
                     "strategy takes the name of a strategy or a class with a method plan(facts), "
                     "not %R",
                     self->factory);
        return -1;
    }
    PyObject *fixed = PyObject_GetAttrString(self->factory, "fixed");
    int is_fixed = fixed == NULL ? 0 : PyObject_IsTrue(fixed);
    PyErr_Clear();
    Py_XDECREF(fixed);
    PyObject *name = PyType_GetName((PyTypeObject *)self->factory);
    const char *text = name == NULL ? NULL : PyUnicode_AsUTF8AndSize(name, NULL);
    snprintf(self->strategy_name, sizeof self->strategy_name, "%s", text != NULL ? text : "Python");
    PyErr_Clear();
    Py_XDECREF(name);
    self->ops = (augs_strategy_ops){
        .size = sizeof self->ops,
        .flags = is_fixed > 0 ? AUGS_STRATEGY_FIXED : 0,
        .name = self->strategy_name,
        .state_size = sizeof(strategy_state),
        .init = strategy_init,
        .plan = strategy_plan,
        .observe = has_method(self->factory, "observe") ? strategy_observe : NULL,
        .why = strategy_why,
        .done = strategy_done,
    };
    return 0;
}
