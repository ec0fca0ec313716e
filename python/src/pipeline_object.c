/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pipeline: the iterator of batches. augstream.streams derives Batches, which
 * users see.
 *
 * One thread at a time uses a pipeline of the library. A lock makes the object
 * safe for several: each gets other batches, as from a queue.
 */
#include "python/src/python_core.h"

#include <string.h>

/* -- Options ------------------------------------------------------------- */

/* Everything that options point to. */
typedef struct all_options {
    augs_pipeline_options pipeline;
    augs_plan_options plan;
    augs_strategy_options strategy;
    augs_metrics_options metrics;
} all_options;

enum option_type { WHOLE_64, WHOLE_32, REAL, NAME, TEXT };

typedef struct option_row {
    const char *name;
    enum option_type type;
    size_t offset;
    const char *const *accepted; /* of NAME: the index is the number */
} option_row;

static const char *const last_batches[] = {"keep", "drop", "fill", "merge", NULL};
static const char *const tails[] = {"pad", "drop", "uneven", NULL};
static const char *const rank_layouts[] = {"interleaved", "block", NULL};
static const char *const memory_rules[] = {"budget", "published", NULL};
static const char *const feedbacks[] = {"timed", "told", NULL};

#define PLACE(member) offsetof(all_options, member)

static const option_row option_rows[] = {
    {"batch_size", WHOLE_64, PLACE(strategy.batch_size), NULL},
    {"min_batch_size", WHOLE_64, PLACE(strategy.min_batch_size), NULL},
    {"max_batch_size", WHOLE_64, PLACE(strategy.max_batch_size), NULL},
    {"multiple_of", WHOLE_64, PLACE(strategy.multiple_of), NULL},
    {"batches", WHOLE_64, PLACE(strategy.batches), NULL},
    {"deal_window", WHOLE_64, PLACE(strategy.deal_window), NULL},
    {"max_memory_bytes", WHOLE_64, PLACE(strategy.max_memory_bytes), NULL},
    {"memory_safety", REAL, PLACE(strategy.memory_safety), NULL},
    {"memory_rule", NAME, PLACE(strategy.memory_rule), memory_rules},
    {"target_seconds", REAL, PLACE(strategy.target_seconds), NULL},
    {"target_memory", REAL, PLACE(strategy.target_memory), NULL},
    {"max_growth", REAL, PLACE(strategy.max_growth), NULL},
    {"max_reduction", REAL, PLACE(strategy.max_reduction), NULL},
    {"last_batch", NAME, PLACE(strategy.last_batch), last_batches},
    {"rank", WHOLE_32, PLACE(pipeline.rank), NULL},
    {"world_size", WHOLE_32, PLACE(plan.world_size), NULL},
    {"rank_layout", NAME, PLACE(plan.rank_layout), rank_layouts},
    {"tail", NAME, PLACE(plan.tail), tails},
    {"first_position", WHOLE_64, PLACE(pipeline.first_position), NULL},
    {"n_positions", WHOLE_64, PLACE(pipeline.n_positions), NULL},
    {"journal", TEXT, PLACE(pipeline.journal), NULL},
    {"replay", TEXT, PLACE(pipeline.replay), NULL},
    {"feedback", NAME, PLACE(pipeline.feedback), feedbacks},
};
#define N_OPTIONS (sizeof option_rows / sizeof *option_rows)

/* 0 means "the default" to the library, so a number that is given is above 0, but for those that
 * count from 0. */
static uint64_t least_of(const option_row *row)
{
    return strcmp(row->name, "rank") == 0 || strcmp(row->name, "first_position") == 0 ? 0 : 1;
}

static int take_real(const option_row *row, PyObject *value, double *ret_number)
{
    double number = PyFloat_AsDouble(value);
    if (number == -1 && PyErr_Occurred()) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError, "%s takes a number, not %R", row->name, value);
        return -1;
    }
    if (!(number > 0)) {
        raise_status(AUGS_E_RANGE, "%s: %g is not above 0", row->name, number);
        return -1;
    }
    *ret_number = number;
    return 0;
}

static int take_option(const option_row *row, PyObject *value, all_options *options)
{
    void *place = (char *)options + row->offset;
    uint64_t number;
    int index;
    switch (row->type) {
    case WHOLE_64:
        return take_whole(value, row->name, least_of(row), UINT64_MAX - 1, place);
    case WHOLE_32:
        if (take_whole(value, row->name, least_of(row), UINT32_MAX, &number) < 0) {
            return -1;
        }
        *(uint32_t *)place = (uint32_t)number;
        return 0;
    case REAL:
        return take_real(row, value, place);
    case NAME:
        index = take_name(value, row->name, row->accepted);
        *(uint32_t *)place = (uint32_t)(index < 0 ? 0 : index);
        return index < 0 ? -1 : 0;
    case TEXT:
        *(const char **)place = take_text(value, row->name);
        return *(const char **)place == NULL ? -1 : 0;
    }
    return -1;
}

static int take_options(PyObject *given, all_options *options)
{
    PyObject *name, *value;
    Py_ssize_t place = 0;
    while (PyDict_Next(given, &place, &name, &value)) {
        const option_row *row = NULL;
        for (size_t i = 0; row == NULL && i < N_OPTIONS; i++) {
            if (PyUnicode_CompareWithASCIIString(name, option_rows[i].name) == 0) {
                row = &option_rows[i];
            }
        }
        if (row == NULL) {
            PyErr_Format(PyExc_TypeError, "batches() has no argument %R", name);
            return -1;
        }
        if (take_option(row, value, options) < 0) {
            return -1;
        }
    }
    return 0;
}

/* -- Open and close ------------------------------------------------------ */

static int take_strategy(pipeline_object *self, PyObject *strategy, all_options *options)
{
    if (PyUnicode_Check(strategy)) {
        options->plan.strategy = take_text(strategy, "strategy");
        return options->plan.strategy == NULL ? -1 : 0;
    }
    self->factory = Py_NewRef(strategy);
    options->plan.strategy_ops = &self->ops;
    return strategy_prepare(self);
}

/* Raises what a strategy raised, or the error of a call that failed. */
static PyObject *raise_call(pipeline_object *self, const augs_error *error)
{
    if (self->exception[0] == NULL) {
        return raise_error(error);
    }
    PyErr_Restore(self->exception[0], self->exception[1], self->exception[2]);
    memset((void *)self->exception, 0, sizeof self->exception);
    return NULL;
}

static int open_it(pipeline_object *self, all_options *options, int wants_metrics)
{
    augs_error error = {0};
    if (wants_metrics && augs_metrics_open(&options->metrics, &self->metrics, &error) < 0) {
        raise_error(&error);
        return -1;
    }
    options->pipeline.metrics = self->metrics;
    options->pipeline.plan = &options->plan;
    options->plan.strategy_options = &options->strategy;
    pipeline_object *previous = strategy_enter(self);
    int status;
    Py_BEGIN_ALLOW_THREADS;
    status = augs_pipeline_open(((stream_object *)self->stream)->stream, &options->pipeline,
                                &self->pipeline, &error);
    Py_END_ALLOW_THREADS;
    strategy_leave(previous);
    if (status < 0) {
        raise_call(self, &error);
    }
    return status;
}

static PyObject *pipeline_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"stream", "strategy", "options", "metrics", NULL};
    PyObject *stream, *strategy, *given, *metrics;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!OO!O:Pipeline", names, core.stream, &stream,
                                     &strategy, &PyDict_Type, &given, &metrics)) {
        return NULL;
    }
    pipeline_object *self = NEW_OBJECT(type, pipeline_object);
    if (self == NULL) {
        return NULL;
    }
    all_options options = {0};
    augs_pipeline_options_init(&options.pipeline);
    augs_plan_options_init(&options.plan);
    augs_strategy_options_init(&options.strategy);
    augs_metrics_options_init(&options.metrics);
    self->stream = Py_NewRef(stream);
    self->generation = fork_generation();
    uint64_t capacity = 0;
    int wants_metrics = metrics != Py_False && metrics != Py_None;
    if (call_lock_init(&self->lock) < 0 || take_options(given, &options) < 0 ||
        take_strategy(self, strategy, &options) < 0 ||
        (wants_metrics && metrics != Py_True &&
         take_whole(metrics, "metrics", 1, 1u << 24, &capacity) < 0)) {
        Py_DECREF((PyObject *)self);
        return NULL;
    }
    options.metrics.capacity = (uint32_t)capacity;
    self->has_journal = options.pipeline.journal != NULL;
    if (open_it(self, &options, wants_metrics) < 0) {
        Py_DECREF((PyObject *)self);
        return NULL;
    }
    return (PyObject *)self;
}

/* A child made by fork leaves the journal of its parent alone, and its lock with it. */
static bool is_parents(const pipeline_object *self)
{
    return self->has_journal && self->generation != fork_generation();
}

static void close_it(pipeline_object *self)
{
    augs_pipeline *pipeline = self->pipeline;
    self->pipeline = NULL;
    augs_batch_unref(self->pending);
    self->pending = NULL;
    if (pipeline != NULL && !is_parents(self)) {
        pipeline_object *previous = strategy_enter(self);
        augs_pipeline_free(pipeline);
        strategy_leave(previous);
    }
}

static void pipeline_dealloc(PyObject *object)
{
    pipeline_object *self = (pipeline_object *)object;
    close_it(self);
    augs_metrics_free(self->metrics);
    for (int i = 0; i < 3; i++) {
        Py_XDECREF(self->exception[i]);
    }
    Py_XDECREF(self->stream);
    Py_XDECREF(self->factory);
    call_lock_done(&self->lock);
    free_object(object);
}

/* -- Calls --------------------------------------------------------------- */

#define WHAT "this iterator of batches"

/* Begins a call: the lock is taken, and the pipeline is open. Returns 0 or -1. */
static int begin(pipeline_object *self)
{
    if (call_lock_take(&self->lock, WHAT) < 0) {
        return -1;
    }
    if (self->pipeline == NULL || is_parents(self)) {
        call_lock_release(&self->lock);
        raise_status(AUGS_E_STATE, self->pipeline == NULL ? WHAT " is closed"
                                                          : WHAT
                                       " writes a journal of another process: open "
                                       "another one after fork");
        return -1;
    }
    return 0;
}

/* Ends a call, and raises if it failed or a strategy raised. Returns 0 or -1. */
static int end(pipeline_object *self, int status, const augs_error *error)
{
    int raised = 0;
    if (status < 0 || self->exception[0] != NULL) {
        raise_call(self, error);
        raised = -1;
    }
    call_lock_release(&self->lock);
    return raised;
}

/* Runs a call of the library with the GIL released. */
#define CALL(self, status, expression)                                                             \
    do {                                                                                           \
        pipeline_object *previous = strategy_enter(self);                                          \
        Py_BEGIN_ALLOW_THREADS;                                                                    \
        (status) = (expression);                                                                   \
        Py_END_ALLOW_THREADS;                                                                      \
        strategy_leave(previous);                                                                  \
    } while (0)

static PyObject *pipeline_next(PyObject *object)
{
    pipeline_object *self = (pipeline_object *)object;
    augs_batch *batch = NULL;
    augs_error error = {0};
    int status = 0;
    if (begin(self) < 0) {
        return NULL;
    }
    if (self->pending != NULL) {
        batch = self->pending;
        self->pending = NULL;
        status = 1;
    } else {
        CALL(self, status, augs_pipeline_next(self->pipeline, &batch, &error));
    }
    if (status == 1 && self->exception[0] != NULL) {
        self->pending = batch; /* `observe` raised, and the next batch is there already */
    }
    if (end(self, status, &error) < 0 || status == 0) {
        return NULL;
    }
    return batch_wrap(batch, ((stream_object *)self->stream)->layout, self->stream, object);
}

/* Feedback of a batch, by keywords; None = not known. */
static PyObject *pipeline_observe(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"step",  "epoch",           "part", "samples", "seconds",
                            "bytes", "available_bytes", "fits", NULL};
    pipeline_object *self = (pipeline_object *)object;
    PyObject *step, *epoch, *part, *samples, *seconds, *bytes, *available, *fits;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "OOOOOOOO:_observe", names, &step, &epoch,
                                     &part, &samples, &seconds, &bytes, &available, &fits)) {
        return NULL;
    }
    augs_feedback feedback;
    augs_feedback_init(&feedback);
    feedback.step = AUGS_STEP_LAST;
    uint64_t number = 0;
    int fitted = PyObject_IsTrue(fits);
    if (fitted < 0 ||
        (step != Py_None && take_whole(step, "step", 0, UINT64_MAX - 1, &feedback.step) < 0) ||
        (epoch != Py_None && take_whole(epoch, "epoch", 0, UINT32_MAX, &number) < 0)) {
        return NULL;
    }
    feedback.epoch = (uint32_t)number;
    number = 0;
    if ((part != Py_None && take_whole(part, "part", 0, UINT32_MAX, &number) < 0) ||
        (samples != Py_None &&
         take_whole(samples, "samples", 1, UINT64_MAX, &feedback.n_samples) < 0) ||
        (bytes != Py_None && take_whole(bytes, "bytes", 0, UINT64_MAX, &feedback.bytes) < 0) ||
        (available != Py_None &&
         take_whole(available, "available_bytes", 0, UINT64_MAX, &feedback.available_bytes) < 0)) {
        return NULL;
    }
    if (seconds != Py_None) {
        feedback.seconds = PyFloat_AsDouble(seconds);
        if (PyErr_Occurred()) {
            return NULL;
        }
    }
    feedback.part = (uint32_t)number;
    feedback.outcome = fitted ? AUGS_OUTCOME_FINE : AUGS_OUTCOME_DID_NOT_FIT;
    augs_error error = {0};
    int status;
    if (begin(self) < 0) {
        return NULL;
    }
    CALL(self, status, augs_pipeline_observe(self->pipeline, &feedback, &error));
    return end(self, status, &error) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *pipeline_retry(PyObject *object, PyObject *args)
{
    pipeline_object *self = (pipeline_object *)object;
    PyObject *step, *part, *most;
    uint64_t step_number = AUGS_STEP_LAST, part_number = 0, most_samples = 0;
    if (!PyArg_ParseTuple(args, "OOO:_retry", &step, &part, &most) ||
        (step != Py_None && take_whole(step, "step", 0, UINT64_MAX - 1, &step_number) < 0) ||
        (part != Py_None && take_whole(part, "part", 0, UINT32_MAX, &part_number) < 0) ||
        (most != Py_None && take_whole(most, "most_samples", 1, UINT64_MAX, &most_samples) < 0)) {
        return NULL;
    }
    augs_error error = {0};
    int status;
    if (begin(self) < 0) {
        return NULL;
    }
    CALL(self, status,
         augs_pipeline_retry(self->pipeline, step_number, (uint32_t)part_number, most_samples,
                             &error));
    return end(self, status, &error) < 0 ? NULL : Py_NewRef(Py_None);
}

/* Goes somewhere else: a batch that waits is of the old place. */
static void drop_pending(pipeline_object *self)
{
    augs_batch_unref(self->pending);
    self->pending = NULL;
}

static PyObject *pipeline_seek(PyObject *object, PyObject *step)
{
    pipeline_object *self = (pipeline_object *)object;
    uint64_t number;
    augs_error error = {0};
    int status;
    if (take_whole(step, "step", 0, UINT64_MAX, &number) < 0 || begin(self) < 0) {
        return NULL;
    }
    drop_pending(self);
    CALL(self, status, augs_pipeline_seek(self->pipeline, number, &error));
    return end(self, status, &error) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *pipeline_set_epoch(PyObject *object, PyObject *epoch)
{
    pipeline_object *self = (pipeline_object *)object;
    uint64_t number;
    augs_error error = {0};
    int status;
    if (take_whole(epoch, "epoch", 0, UINT32_MAX, &number) < 0 || begin(self) < 0) {
        return NULL;
    }
    drop_pending(self);
    CALL(self, status, augs_pipeline_set_epoch(self->pipeline, (uint32_t)number, &error));
    return end(self, status, &error) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *pipeline_set_batch_size(PyObject *object, PyObject *batch_size)
{
    pipeline_object *self = (pipeline_object *)object;
    uint64_t number;
    augs_error error = {0};
    int status;
    if (take_whole(batch_size, "batch_size", 1, UINT64_MAX, &number) < 0 || begin(self) < 0) {
        return NULL;
    }
    CALL(self, status, augs_pipeline_set_batch_size(self->pipeline, number, &error));
    return end(self, status, &error) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *pipeline_token(PyObject *object, PyObject *nothing)
{
    (void)nothing;
    pipeline_object *self = (pipeline_object *)object;
    char token[AUGS_TOKEN_BYTES];
    augs_error error = {0};
    if (begin(self) < 0) {
        return NULL;
    }
    int status = augs_pipeline_token(self->pipeline, token, sizeof token, &error);
    return end(self, status, &error) < 0 ? NULL : PyUnicode_FromString(token);
}

static PyObject *pipeline_resume(PyObject *object, PyObject *token)
{
    pipeline_object *self = (pipeline_object *)object;
    const char *text = take_text(token, "token");
    augs_error error = {0};
    int status;
    if (text == NULL || begin(self) < 0) {
        return NULL;
    }
    CALL(self, status, augs_pipeline_resume(self->pipeline, text, &error));
    if (status == 0) {
        drop_pending(self);
    }
    return end(self, status, &error) < 0 ? NULL : Py_NewRef(Py_None);
}

static PyObject *pipeline_close(PyObject *object, PyObject *nothing)
{
    (void)nothing;
    pipeline_object *self = (pipeline_object *)object;
    if (call_lock_take(&self->lock, WHAT) < 0) {
        return NULL;
    }
    close_it(self);
    call_lock_release(&self->lock);
    return Py_NewRef(Py_None);
}

static PyObject *pipeline_arrow_stream(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"requested_schema", NULL};
    PyObject *requested = NULL; /* a wish, which a producer may leave unanswered */
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O:__arrow_c_stream__", names, &requested)) {
        return NULL;
    }
    pipeline_object *self = (pipeline_object *)object;
    return arrow_stream(((stream_object *)self->stream)->layout, object);
}

/* -- Properties ---------------------------------------------------------- */

static PyObject *pipeline_step(PyObject *object, void *closure)
{
    (void)closure;
    pipeline_object *self = (pipeline_object *)object;
    if (begin(self) < 0) {
        return NULL;
    }
    uint64_t step = augs_pipeline_step(self->pipeline);
    call_lock_release(&self->lock);
    return PyLong_FromUnsignedLongLong(step);
}

static PyObject *pipeline_n_left_out(PyObject *object, void *closure)
{
    (void)closure;
    pipeline_object *self = (pipeline_object *)object;
    if (begin(self) < 0) {
        return NULL;
    }
    uint64_t n = augs_pipeline_n_left_out(self->pipeline);
    call_lock_release(&self->lock);
    return PyLong_FromUnsignedLongLong(n);
}

static PyObject *pipeline_why(PyObject *object, void *closure)
{
    (void)closure;
    pipeline_object *self = (pipeline_object *)object;
    if (begin(self) < 0) {
        return NULL;
    }
    PyObject *why = PyUnicode_FromString(augs_pipeline_why(self->pipeline));
    call_lock_release(&self->lock);
    return why;
}

static PyObject *pipeline_stream(PyObject *object, void *closure)
{
    (void)closure;
    return Py_NewRef(((pipeline_object *)object)->stream);
}

static PyObject *pipeline_closed(PyObject *object, void *closure)
{
    (void)closure;
    return PyBool_FromLong(((pipeline_object *)object)->pipeline == NULL);
}

/* -- Metrics ------------------------------------------------------------- */

/* Metrics stay when the iterator is closed. Returns 0 or -1; the lock is taken. */
static int begin_metrics(pipeline_object *self)
{
    if (call_lock_take(&self->lock, WHAT) < 0) {
        return -1;
    }
    if (self->metrics == NULL) {
        call_lock_release(&self->lock);
        raise_status(AUGS_E_STATE, WHAT " keeps no metrics: open it with metrics=True");
        return -1;
    }
    return 0;
}

static PyObject *known_number(double number)
{
    return number == number ? PyFloat_FromDouble(number) : Py_NewRef(Py_None);
}

static PyObject *known_count(uint64_t count)
{
    return count == 0 || count == UINT64_MAX ? Py_NewRef(Py_None)
                                             : PyLong_FromUnsignedLongLong(count);
}

static PyObject *pipeline_summary(PyObject *object, PyObject *nothing)
{
    (void)nothing;
    pipeline_object *self = (pipeline_object *)object;
    augs_metrics_summary s = {.size = sizeof s};
    if (begin_metrics(self) < 0) {
        return NULL;
    }
    augs_metrics_summarize(self->metrics, &s);
    call_lock_release(&self->lock);
    return Py_BuildValue(
        "{sKsKsKsdsNsNsNsNsNsNsNsdsNsNsdsN}", "n_batches", s.n_batches, "n_timed", s.n_timed,
        "n_samples", s.n_samples, "seconds", s.seconds, "mean_size", known_number(s.mean_size),
        "mean_seconds", known_number(s.mean_seconds), "mean_throughput",
        known_number(s.mean_throughput), "p50_seconds", known_number(s.p50_seconds), "p95_seconds",
        known_number(s.p95_seconds), "p99_seconds", known_number(s.p99_seconds), "best_size",
        known_count(s.best_size), "best_throughput", s.best_throughput, "peak_bytes",
        known_count(s.peak_bytes), "peak_resident_bytes", known_count(s.peak_resident_bytes),
        "cpu_seconds", s.cpu_seconds, "mean_cpus", known_number(s.mean_cpus));
}

static PyObject *batch_metrics_dict(const augs_batch_metrics *m)
{
    const double seconds = m->seconds >= 0 && m->seconds < 1e300 ? m->seconds : Py_NAN;
    return Py_BuildValue("{sIsKsIsKsNsNsNsssssOsNsN}", "epoch", m->epoch, "step", m->step, "part",
                         m->part, "n_samples", m->n_samples, "seconds", known_number(seconds),
                         "bytes", known_count(m->bytes), "available_bytes",
                         known_count(m->available_bytes), "level", augs_memory_level_name(m->level),
                         "why", m->why, "fits",
                         m->outcome == AUGS_OUTCOME_FINE ? Py_True : Py_False, "cpu_seconds",
                         known_number(m->cpu_seconds >= 0 ? m->cpu_seconds : Py_NAN),
                         "resident_bytes", known_count(m->resident_bytes));
}

static PyObject *pipeline_history(PyObject *object, PyObject *nothing)
{
    (void)nothing;
    pipeline_object *self = (pipeline_object *)object;
    if (begin_metrics(self) < 0) {
        return NULL;
    }
    PyObject *list = PyList_New(0);
    for (uint32_t i = 0; list != NULL && i < augs_metrics_n_held(self->metrics); i++) {
        augs_batch_metrics m = {.size = sizeof m};
        PyObject *dict =
            augs_metrics_get_batch(self->metrics, i, &m, NULL) < 0 ? NULL : batch_metrics_dict(&m);
        if (dict == NULL || PyList_Append(list, dict) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(dict);
    }
    call_lock_release(&self->lock);
    return list;
}

static PyObject *pipeline_save_metrics(PyObject *object, PyObject *path)
{
    pipeline_object *self = (pipeline_object *)object;
    const char *text = take_text(path, "path");
    augs_error error = {0};
    int status;
    if (text == NULL || begin_metrics(self) < 0) {
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS;
    status = augs_metrics_save(self->metrics, text, &error);
    Py_END_ALLOW_THREADS;
    call_lock_release(&self->lock);
    return status < 0 ? raise_error(&error) : Py_NewRef(Py_None);
}

/* -- The type ------------------------------------------------------------ */

#define KEYWORDS (METH_VARARGS | METH_KEYWORDS)

static PyMethodDef methods[] = {
    {"_observe", (PyCFunction)(void (*)(void))pipeline_observe, KEYWORDS, "Tells of a batch."},
    {"_retry", pipeline_retry, METH_VARARGS, "Gives a batch again in smaller parts."},
    {"seek", pipeline_seek, METH_O, "Makes a step the next one."},
    {"set_epoch", pipeline_set_epoch, METH_O, "Starts at step 0 of an epoch."},
    {"set_batch_size", pipeline_set_batch_size, METH_O,
     "Sets another batch size from the next batch on."},
    {"token", pipeline_token, METH_NOARGS, "The resume token of the next batch."},
    {"resume", pipeline_resume, METH_O, "Goes to the place of a resume token."},
    {"close", pipeline_close, METH_NOARGS, "Frees what the iterator holds, but not its metrics."},
    {"summary", pipeline_summary, METH_NOARGS, "The metrics of all batches, as a dict."},
    {"history", pipeline_history, METH_NOARGS, "The metrics of the last batches, as dicts."},
    {"_save_metrics", pipeline_save_metrics, METH_O, "Writes the metrics as JSON Lines."},
    {"__arrow_c_stream__", (PyCFunction)(void (*)(void))pipeline_arrow_stream, KEYWORDS,
     "The rest of the batches as an Arrow stream."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"step", pipeline_step, NULL, "The step of the next batch.", NULL},
    {"n_left_out", pipeline_n_left_out, NULL, "How many positions no rank gets.", NULL},
    {"why", pipeline_why, NULL, "In one word, why the last batch has its size.", NULL},
    {"stream", pipeline_stream, NULL, "The stream.", NULL},
    {"closed", pipeline_closed, NULL, "Whether it was closed.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, (void *)"An iterator of batches."},
    {Py_tp_new, (void *)pipeline_new},
    {Py_tp_dealloc, (void *)pipeline_dealloc},
    {Py_tp_methods, methods},
    {Py_tp_getset, properties},
    {Py_tp_iter, (void *)PyObject_SelfIter},
    {Py_tp_iternext, (void *)pipeline_next},
    {0, NULL},
};

PyType_Spec pipeline_spec = {
    .name = "augstream._core.Pipeline",
    .basicsize = sizeof(pipeline_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};
