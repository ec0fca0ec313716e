/* SPDX-License-Identifier: Apache-2.0 */
#include <augstream/sink.h>

#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "base/fail.h"
#include "base/float_env.h"
#include "base/memory.h"
#include "base/sized_struct.h"
#include "pipeline/batch/sink_impl.h"

struct augs_sink {
    augs_sink_ops ops;
    void *state;
    bool of_caller; /* ops are not the library's */
};

int augs_sink_open(const augs_sink_ops *ops, void *state, augs_sink **ret_sink, augs_error *error)
{
    augs_sink_ops taken;
    int status = AUGSI_TAKE(augs_sink_ops, ops, &taken, error);
    if (status < 0) {
        return status;
    }
    if (taken.write == NULL || ret_sink == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT,
                          "sink: ops with write, and ret_sink are required");
    }
    augs_sink *sink = augsi_new(&augsi_default_allocator, sizeof *sink);
    if (sink == NULL) {
        return augsi_fail_memory(error, sizeof *sink);
    }
    *sink = (augs_sink){.ops = taken, .state = state, .of_caller = true};
    *ret_sink = sink;
    return AUGS_OK;
}

int augsi_sink_open_shipped(const augs_sink_ops *ops, void *state, augs_sink **ret_sink,
                            augs_error *error)
{
    int status = augs_sink_open(ops, state, ret_sink, error);
    if (status == AUGS_OK) {
        (*ret_sink)->of_caller = false;
    }
    return status;
}

void augs_sink_free(augs_sink *sink)
{
    if (sink != NULL) {
        if (sink->ops.done != NULL) {
            AUGSI_CALLER_BEGIN_IF(sink->of_caller);
            sink->ops.done(sink->state);
            AUGSI_CALLER_END;
        }
        augsi_delete(&augsi_default_allocator, sink, sizeof *sink);
    }
}

/* Hands on what a function of the sink returned, with a message if it wrote none. */
static int result_of(const char *function, int status, const augs_error *own, augs_error *error)
{
    if (status < 0 && own->status != status) {
        return augsi_fail(error, status, "sink: %s failed with %s", function,
                          augs_status_name(status));
    }
    if (status < 0 && error != NULL) {
        *error = *own;
    }
    return status;
}

int augs_sink_write(augs_sink *sink, augs_batch *batch, augs_error *error)
{
    if (sink == NULL || batch == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "sink: sink and batch are required");
    }
    augs_error own;
    own.status = AUGS_OK;
    AUGSI_CALLER_BEGIN_IF(sink->of_caller);
    const int status = sink->ops.write(sink->state, batch, &own);
    AUGSI_CALLER_END;
    return result_of("write", status, &own, error);
}

int augs_sink_flush(augs_sink *sink, augs_error *error)
{
    if (sink == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "sink: sink is required");
    }
    if (sink->ops.flush == NULL) {
        return AUGS_OK;
    }
    augs_error own;
    own.status = AUGS_OK;
    AUGSI_CALLER_BEGIN_IF(sink->of_caller);
    const int status = sink->ops.flush(sink->state, &own);
    AUGSI_CALLER_END;
    return result_of("flush", status, &own, error);
}

typedef struct callback {
    int (*function)(void *user, augs_batch *batch);
    void *user;
} callback;

static int callback_write(void *state, augs_batch *batch, augs_error *error)
{
    const callback *self = state;
    AUGSI_CALLER_BEGIN;
    int status = self->function(self->user, batch);
    AUGSI_CALLER_END;
    if (status >= 0) {
        return status;
    }
    const char *name = augs_status_name(status);
    bool known = strcmp(name, augs_status_name(INT_MIN)) != 0;
    return augsi_fail(error, known ? status : AUGS_E_CALLBACK, "the callback returned %d%s%s%s",
                      status, known ? " (" : "", known ? name : "", known ? ")" : "");
}

static void callback_done(void *state)
{
    augsi_delete(&augsi_default_allocator, state, sizeof(callback));
}

int augs_sink_open_callback(int (*function)(void *user, augs_batch *batch), void *user,
                            augs_sink **ret_sink, augs_error *error)
{
    static const augs_sink_ops ops = {
        .size = sizeof ops, .write = callback_write, .done = callback_done};
    if (function == NULL || ret_sink == NULL) {
        return augsi_fail(error, AUGS_E_ARGUMENT, "sink: function and ret_sink are required");
    }
    callback *self = augsi_new(&augsi_default_allocator, sizeof *self);
    if (self == NULL) {
        return augsi_fail_memory(error, sizeof *self);
    }
    *self = (callback){.function = function, .user = user};
    int status = augsi_sink_open_shipped(&ops, self, ret_sink, error);
    if (status < 0) {
        callback_done(self);
    }
    return status;
}

static int null_write(void *state, augs_batch *batch, augs_error *error)
{
    (void)error;
    uint64_t *n_samples = state;
    if (n_samples != NULL) {
        *n_samples += augs_batch_n_samples(batch);
    }
    return 0;
}

int augs_sink_open_null(uint64_t *n_samples, augs_sink **ret_sink, augs_error *error)
{
    static const augs_sink_ops ops = {.size = sizeof ops, .write = null_write};
    return augsi_sink_open_shipped(&ops, n_samples, ret_sink, error);
}
