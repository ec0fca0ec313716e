/* SPDX-License-Identifier: Apache-2.0 */
/* Every public function that takes or fills a struct with a `size`, called by older and newer
 * callers than this library. */
#include <ftw.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <augstream/augstream.h>

#include "suite.h"

#define MORE 24u /* bytes that a newer caller has behind what this library knows */

static augs_preset *preset;
static augs_stream *stream;
static augs_pipeline *pipeline;
static augs_scheduler *scheduler;
static augs_batch *batch;
static augs_metrics *metrics;
static augs_memory_monitor *monitor;
static augs_server *server;
static augs_subscriber *subscriber;
static char folder[32];
static char chunks_path[64];
static augs_error error;

static const char *const endpoint = "tcp://127.0.0.1:5757";

static int probe(void *user, uint64_t batch_size, uint32_t step, augs_error *probe_error)
{
    (void)user, (void)step, (void)probe_error;
    return batch_size <= 4;
}

static void open_all(void)
{
    augs_stream_options of_stream;
    augs_stream_options_init(&of_stream);
    of_stream.n_samples = 20;
    augs_scheduler_options of_scheduler;
    augs_scheduler_options_init(&of_scheduler);
    of_scheduler.n_samples = 100;
    augs_server_options of_server;
    augs_server_options_init(&of_server);
    of_server.endpoint = "tcp://127.0.0.1:*";
    augs_subscriber_options of_subscriber;
    augs_subscriber_options_init(&of_subscriber);
    of_subscriber.n_endpoints = 1;
    of_subscriber.endpoints = &endpoint;
    augs_batch_metrics one;
    augs_batch_metrics_init(&one);
    augs_span span;
    strcpy(folder, "/tmp/augs-sized-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(chunks_path, sizeof chunks_path, "%s/chunks", folder);
    AUGS_ASSERT_OK(augs_preset_open("mild", NULL, &preset, &error), error);
    AUGS_ASSERT_OK(augs_stream_open(preset, &of_stream, &stream, &error), error);
    AUGS_ASSERT_OK(augs_pipeline_open(stream, NULL, &pipeline, &error), error);
    AUGS_ASSERT_STATUS(1, augs_pipeline_next(pipeline, &batch, &error), error);
    AUGS_ASSERT_OK(augs_scheduler_open(&of_scheduler, &scheduler, &error), error);
    AUGS_ASSERT_STATUS(1, augs_scheduler_next(scheduler, &span, &error), error);
    AUGS_ASSERT_OK(augs_metrics_open(NULL, &metrics, &error), error);
    augs_metrics_add(metrics, &one);
    AUGS_ASSERT_OK(augs_memory_monitor_open(NULL, &monitor, &error), error);
    AUGS_ASSERT_OK(augs_server_open(&of_server, &server, &error), error);
    AUGS_ASSERT_OK(augs_subscriber_open(&of_subscriber, &subscriber, &error), error);
}

static int remove_one(const char *name, const struct stat *about, int kind, struct FTW *walk)
{
    (void)about, (void)kind, (void)walk;
    return remove(name);
}

static void free_all(void)
{
    augs_subscriber_free(subscriber);
    augs_server_free(server);
    augs_memory_monitor_free(monitor);
    augs_metrics_free(metrics);
    augs_scheduler_free(scheduler);
    augs_batch_unref(batch);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
    augs_preset_unref(preset);
    ck_assert_int_eq(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- inputs: good() fills in what is required, call() hands the struct over ------------------ */

static int take_allocator(const void *p)
{
    const augs_metrics_options options = {.size = sizeof options, .allocator = p};
    augs_metrics *opened = NULL;
    int status = augs_metrics_open(&options, &opened, &error);
    augs_metrics_free(opened);
    return status;
}

static void *allocate(void *user, size_t n_bytes, size_t alignment)
{
    (void)user;
    return aligned_alloc(alignment, (n_bytes + alignment - 1) / alignment * alignment);
}

static void release(void *user, void *p, size_t n_bytes)
{
    (void)user, (void)n_bytes;
    free(p);
}

static void good_allocator(void *p)
{
    augs_allocator *allocator = p;
    allocator->allocate = allocate;
    allocator->release = release;
}

static int take_stream_options(const void *p)
{
    augs_stream *opened = NULL;
    int status = augs_stream_open(preset, p, &opened, &error);
    augs_stream_unref(opened);
    return status;
}

static int take_preset_options(const void *p)
{
    augs_preset *opened = NULL;
    int status = augs_preset_open("mild", p, &opened, &error);
    augs_preset_unref(opened);
    return status;
}

static const char preset_text[] = "augstream: 1\ncolumns:\n  x: {uniform: [0, 1]}\n";

static int take_preset_options_of_text(const void *p)
{
    augs_preset *opened = NULL;
    int status = augs_preset_open_text(preset_text, strlen(preset_text), "t", p, &opened, &error);
    augs_preset_unref(opened);
    return status;
}

static int take_preset_options_of_check(const void *p)
{
    return augs_preset_check(preset_text, strlen(preset_text), "t", p, NULL, NULL, &error);
}

static void good_column(void *p)
{
    augs_column_info *info = p;
    info->kind = AUGS_KIND_UNIFORM;
    info->shape = 1;
    info->gate = AUGS_NO_GATE;
    info->name = "x";
    info->numbers[1] = 1;
}

static int take_preset_options_of_columns(const void *p)
{
    augs_preset *opened = NULL;
    augs_column_info info = {.size = sizeof info};
    good_column(&info);
    int status = augs_preset_open_columns("c", &info, 1, sizeof info, p, &opened, &error);
    augs_preset_unref(opened);
    return status;
}

/* Two columns, the second one right behind the first, as long as the caller says. */
static int take_columns(const void *p)
{
    enum { SPACE = sizeof(augs_column_info) + MORE };
    _Alignas(16) unsigned char two[2 * SPACE] = {0};
    uint32_t size;
    memcpy(&size, p, sizeof size);
    const size_t stride = size > sizeof(augs_column_info) ? SPACE : sizeof(augs_column_info);
    augs_preset *opened = NULL;
    memcpy(two, p, stride);
    memcpy(two + stride, p, stride);
    ((augs_column_info *)(void *)(two + stride))->name = "y";
    int status = augs_preset_open_columns("c", (augs_column_info *)(void *)two, 2, stride, NULL,
                                          &opened, &error);
    if (status == AUGS_OK) {
        augs_column_info second = {.size = sizeof second};
        ck_assert_int_eq(augs_preset_column(opened, 1, &second), AUGS_OK);
        ck_assert_str_eq(second.name, "y");
    }
    augs_preset_unref(opened);
    return status;
}

static int take_column_of_number(const void *p)
{
    return augs_column_has_number(p, 1) == 1 ? AUGS_OK : AUGS_E_ARGUMENT;
}

static int take_pipeline_options(const void *p)
{
    augs_pipeline *opened = NULL;
    int status = augs_pipeline_open(stream, p, &opened, &error);
    augs_pipeline_free(opened);
    return status;
}

static int take_plan_options(const void *p)
{
    const augs_pipeline_options options = {.size = sizeof options, .plan = p};
    return take_pipeline_options(&options);
}

static int take_strategy_options(const void *p)
{
    const augs_plan_options plan = {.size = sizeof plan, .strategy_options = p};
    return take_plan_options(&plan);
}

static int scheduler_init(void *state, const augs_strategy_options *options, augs_error *own)
{
    (void)state, (void)own;
    return options->size == sizeof *options ? AUGS_OK : AUGS_E_INTERNAL;
}

static int scheduler_plan(void *state, const augs_plan_facts *facts, augs_span *ret_span,
                          augs_error *own)
{
    (void)state, (void)own;
    *ret_span = (augs_span){facts->step, 1, 1};
    return facts->step < facts->n_samples;
}

static void good_ops(void *p)
{
    augs_strategy_ops *ops = p;
    ops->flags = AUGS_STRATEGY_FIXED;
    ops->name = "own";
    ops->state_size = 8;
    ops->init = scheduler_init;
    ops->plan = scheduler_plan;
}

static int take_strategy_ops(const void *p)
{
    const augs_plan_options plan = {.size = sizeof plan, .strategy_ops = p};
    return take_plan_options(&plan);
}

/* A program of its own that drives a shipped strategy. */
static int take_strategy_options_of(const char *name, const void *p)
{
    const augs_strategy_ops *ops = NULL;
    AUGS_ASSERT_OK(augs_strategy_find(name, &ops, &error), error);
    void *state = calloc(1, ops->state_size);
    int status = ops->init(state, p, &error);
    if (ops->done != NULL && status == AUGS_OK) {
        ops->done(state);
    }
    free(state);
    return status;
}

static int take_by_sequential(const void *p)
{
    return take_strategy_options_of("sequential", p);
}

static int take_by_round_robin(const void *p)
{
    return take_strategy_options_of("round_robin", p);
}

static int take_by_memory_optimized(const void *p)
{
    return take_strategy_options_of("memory_optimized", p);
}

static int take_by_adaptive(const void *p)
{
    return take_strategy_options_of("adaptive", p);
}

static void good_round_robin(void *p)
{
    ((augs_strategy_options *)p)->batches = 3;
}

static int take_scheduler_options(const void *p)
{
    augs_scheduler *opened = NULL;
    int status = augs_scheduler_open(p, &opened, &error);
    augs_scheduler_free(opened);
    return status;
}

static int take_plan_options_of_scheduler(const void *p)
{
    const augs_scheduler_options options = {.size = sizeof options, .n_samples = 4, .plan = p};
    return take_scheduler_options(&options);
}

static int take_feedback(const void *p)
{
    return augs_scheduler_observe(scheduler, p, &error);
}

static int take_feedback_of_pipeline(const void *p)
{
    return augs_pipeline_observe(pipeline, p, &error);
}

static int take_chunks_options(const void *p)
{
    return augs_chunks_write(stream, chunks_path, p, NULL, &error);
}

static int take_plan_options_of_chunks(const void *p)
{
    const augs_chunks_options options = {.size = sizeof options, .plan = p};
    char path_of_plan[sizeof chunks_path + 2];
    snprintf(path_of_plan, sizeof path_of_plan, "%sp", chunks_path);
    return augs_chunks_write(stream, path_of_plan, &options, NULL, &error);
}

static int take_verify_options(const void *p)
{
    const augs_chunks_options options = {.size = sizeof options};
    AUGS_ASSERT_OK(augs_chunks_write(stream, chunks_path, &options, NULL, &error), error);
    return augs_chunks_verify(chunks_path, p, NULL, &error);
}

static int take_finder_options(const void *p)
{
    static augs_finder_report report = {.size = sizeof report};
    return augs_batch_size_find(probe, NULL, p, &report, &error);
}

static int take_finder_report(const void *p)
{
    return augs_finder_report_format(p, NULL, 0) > 0 ? AUGS_OK : AUGS_E_ARGUMENT;
}

static int take_batch_metrics(const void *p)
{
    const uint32_t n = augs_metrics_n_held(metrics);
    augs_metrics_add(metrics, p);
    return augs_metrics_n_held(metrics) == n + 1 ? AUGS_OK : AUGS_E_ARGUMENT;
}

static int take_metrics_options(const void *p)
{
    augs_metrics *opened = NULL;
    int status = augs_metrics_open(p, &opened, &error);
    augs_metrics_free(opened);
    return status;
}

static int take_monitor_options(const void *p)
{
    augs_memory_monitor *opened = NULL;
    int status = augs_memory_monitor_open(p, &opened, &error);
    augs_memory_monitor_free(opened);
    return status;
}

static void good_server(void *p)
{
    ((augs_server_options *)p)->endpoint = "tcp://127.0.0.1:*";
}

static int take_server_options(const void *p)
{
    augs_server *opened = NULL;
    int status = augs_server_open(p, &opened, &error);
    augs_server_free(opened);
    return status;
}

static void good_job(void *p)
{
    static char names[100][8];
    static unsigned n;
    snprintf(names[n], sizeof names[n], "job%u", n);
    ((augs_job_options *)p)->name = names[n++];
}

static int take_job_options(const void *p)
{
    return augs_server_add_job(server, stream, p, &error);
}

static int take_plan_options_of_job(const void *p)
{
    augs_job_options job = {.size = sizeof job, .plan = p};
    good_job(&job);
    return take_job_options(&job);
}

static void good_subscriber(void *p)
{
    augs_subscriber_options *options = p;
    options->n_endpoints = 1;
    options->endpoints = &endpoint;
}

static int take_subscriber_options(const void *p)
{
    augs_subscriber *opened = NULL;
    int status = augs_subscriber_open(p, &opened, &error);
    augs_subscriber_free(opened);
    return status;
}

static int write_nothing(void *state, augs_batch *of, augs_error *own)
{
    (void)state, (void)of, (void)own;
    return AUGS_OK;
}

static void good_sink(void *p)
{
    ((augs_sink_ops *)p)->write = write_nothing;
}

static int take_sink_ops(const void *p)
{
    augs_sink *opened = NULL;
    int status = augs_sink_open(p, NULL, &opened, &error);
    augs_sink_free(opened);
    return status;
}

typedef struct input_case {
    const char *type;
    size_t first_bytes, known_bytes;
    int (*call)(const void *p);
    void (*good)(void *p);
    bool quiet; /* the function has no augs_error */
} input_case;

#define SIZES(type) #type, (size_t)type##_v1_bytes, sizeof(type)

static const input_case inputs[] = {
    {SIZES(augs_allocator), take_allocator, good_allocator, false},
    {SIZES(augs_stream_options), take_stream_options, NULL, false},
    {SIZES(augs_preset_options), take_preset_options, NULL, false},
    {SIZES(augs_preset_options), take_preset_options_of_text, NULL, false},
    {SIZES(augs_preset_options), take_preset_options_of_check, NULL, false},
    {SIZES(augs_preset_options), take_preset_options_of_columns, NULL, false},
    {SIZES(augs_column_info), take_columns, good_column, false},
    {SIZES(augs_column_info), take_column_of_number, good_column, true},
    {SIZES(augs_pipeline_options), take_pipeline_options, NULL, false},
    {SIZES(augs_plan_options), take_plan_options, NULL, false},
    {SIZES(augs_plan_options), take_plan_options_of_scheduler, NULL, false},
    {SIZES(augs_plan_options), take_plan_options_of_job, NULL, false},
    {SIZES(augs_plan_options), take_plan_options_of_chunks, NULL, false},
    {SIZES(augs_strategy_options), take_strategy_options, NULL, false},
    {SIZES(augs_strategy_options), take_by_sequential, NULL, false},
    {SIZES(augs_strategy_options), take_by_round_robin, good_round_robin, false},
    {SIZES(augs_strategy_options), take_by_memory_optimized, NULL, false},
    {SIZES(augs_strategy_options), take_by_adaptive, NULL, false},
    {SIZES(augs_strategy_ops), take_strategy_ops, good_ops, false},
    {SIZES(augs_scheduler_options), take_scheduler_options, NULL, false},
    {SIZES(augs_feedback), take_feedback, NULL, false},
    {SIZES(augs_feedback), take_feedback_of_pipeline, NULL, false},
    {SIZES(augs_chunks_options), take_chunks_options, NULL, false},
    {SIZES(augs_chunks_verify_options), take_verify_options, NULL, false},
    {SIZES(augs_finder_options), take_finder_options, NULL, false},
    {SIZES(augs_finder_report), take_finder_report, NULL, true},
    {SIZES(augs_batch_metrics), take_batch_metrics, NULL, true},
    {SIZES(augs_metrics_options), take_metrics_options, NULL, false},
    {SIZES(augs_memory_monitor_options), take_monitor_options, NULL, false},
    {SIZES(augs_server_options), take_server_options, good_server, false},
    {SIZES(augs_job_options), take_job_options, good_job, false},
    {SIZES(augs_subscriber_options), take_subscriber_options, good_subscriber, false},
    {SIZES(augs_sink_ops), take_sink_ops, good_sink, false},
};
#define N_INPUTS (sizeof inputs / sizeof inputs[0])

/* What *p is said to be `size` bytes of, with all behind them as `behind` says. */
static int call_with(const input_case *of, unsigned char *memory, size_t size, size_t zeroed)
{
    memset(memory, 0xA5, of->known_bytes + MORE);
    memset(memory, 0, zeroed);
    if (of->good != NULL && zeroed >= of->first_bytes) {
        of->good(memory);
    }
    const uint32_t said = (uint32_t)size;
    memcpy(memory, &said, sizeof said);
    error.message[0] = '\0';
    return of->call(memory);
}

static void expect_refusal(const input_case *of, int status, size_t size)
{
    char number[24];
    snprintf(number, sizeof number, "size %zu", size);
    ck_assert_msg(status == AUGS_E_ARGUMENT, "%s of %zu bytes: %d %s", of->type, size, status,
                  error.message);
    if (!of->quiet) {
        ck_assert_msg(strstr(error.message, of->type) != NULL &&
                          strstr(error.message, number) != NULL,
                      "%s: %s", of->type, error.message);
    }
}

START_TEST(inputs_of_older_and_newer_callers_are_taken)
{
    static _Alignas(16) unsigned char memory[1u << 16];
    open_all();
    for (size_t i = 0; i < N_INPUTS; i++) {
        const input_case *of = &inputs[i];
        const size_t sizes[] = {of->first_bytes, of->known_bytes, of->known_bytes + 8,
                                of->known_bytes + MORE};
        for (size_t k = 0; k < 4; k++) {
            int status = call_with(of, memory, sizes[k], sizes[k]);
            ck_assert_msg(status == AUGS_OK, "%s (case %zu) of %zu bytes: %d %s", of->type, i,
                          sizes[k], status, error.message);
        }
    }
    free_all();
}
END_TEST

START_TEST(inputs_smaller_than_version_1_or_with_unknown_members_in_use_are_refused)
{
    static _Alignas(16) unsigned char memory[1u << 16];
    open_all();
    for (size_t i = 0; i < N_INPUTS; i++) {
        const input_case *of = &inputs[i];
        const size_t small[] = {0, 4, of->first_bytes - 1};
        for (size_t k = 0; k < 3; k++) {
            expect_refusal(of, call_with(of, memory, small[k], of->known_bytes), small[k]);
        }
        for (size_t at = of->known_bytes; at < of->known_bytes + MORE; at++) {
            const size_t size = of->known_bytes + MORE;
            memset(memory, 0, size);
            if (of->good != NULL) {
                of->good(memory);
            }
            const uint32_t said = (uint32_t)size;
            memcpy(memory, &said, sizeof said);
            memory[at] = 1;
            expect_refusal(of, of->call(memory), size);
        }
    }
    free_all();
}
END_TEST

/* ---- outputs -------------------------------------------------------------------------------- */

static int give_preset_column(void *p)
{
    return augs_preset_column(preset, 0, p);
}

static int give_stream_column(void *p)
{
    return augs_stream_column(stream, 0, p);
}

static int give_batch_info(void *p)
{
    return augs_batch_get_info(batch, p);
}

static int give_snapshot(void *p)
{
    return augs_memory_monitor_read(monitor, p, &error);
}

static int give_snapshot_now(void *p)
{
    return augs_memory_monitor_read_now(monitor, p, &error);
}

static int give_scope(void *p)
{
    int status = augs_memory_scope_begin(monitor, p, &error);
    return status < 0 ? status : augs_memory_scope_end(monitor, p, &error);
}

static int give_batch_metrics(void *p)
{
    return augs_metrics_get_batch(metrics, 0, p, &error);
}

static int give_summary(void *p)
{
    augs_metrics_summarize(metrics, p);
    return ((augs_metrics_summary *)p)->n_batches > 0 ? AUGS_OK : AUGS_E_ARGUMENT;
}

static int give_report(void *p)
{
    return augs_batch_size_find(probe, NULL, NULL, p, &error);
}

static int give_chunks_report(void *p)
{
    const augs_chunks_options options = {.size = sizeof options};
    return augs_chunks_write(stream, chunks_path, &options, p, &error);
}

static int give_chunks_summary(void *p)
{
    const augs_chunks_options options = {.size = sizeof options};
    AUGS_ASSERT_OK(augs_chunks_write(stream, chunks_path, &options, NULL, &error), error);
    return augs_chunks_verify(chunks_path, NULL, p, &error);
}

static int give_defaults(void *p)
{
    return augs_strategy_defaults("adaptive", p, &error);
}

static int give_server_stats(void *p)
{
    augs_server_get_stats(server, p);
    return ((augs_server_stats *)p)->n_errors == 0 ? AUGS_OK : AUGS_E_ARGUMENT;
}

static int give_subscriber_stats(void *p)
{
    augs_subscriber_get_stats(subscriber, p);
    return ((augs_subscriber_stats *)p)->n_rejected == 0 ? AUGS_OK : AUGS_E_ARGUMENT;
}

static const struct {
    const char *type;
    size_t first_bytes, known_bytes;
    int (*call)(void *p);
} outputs[] = {
    {SIZES(augs_column_info), give_preset_column},
    {SIZES(augs_column_info), give_stream_column},
    {SIZES(augs_batch_info), give_batch_info},
    {SIZES(augs_memory_snapshot), give_snapshot},
    {SIZES(augs_memory_snapshot), give_snapshot_now},
    {SIZES(augs_memory_scope), give_scope},
    {SIZES(augs_batch_metrics), give_batch_metrics},
    {SIZES(augs_metrics_summary), give_summary},
    {SIZES(augs_finder_report), give_report},
    {SIZES(augs_chunks_report), give_chunks_report},
    {SIZES(augs_chunks_summary), give_chunks_summary},
    {SIZES(augs_strategy_options), give_defaults},
    {SIZES(augs_server_stats), give_server_stats},
    {SIZES(augs_subscriber_stats), give_subscriber_stats},
};

START_TEST(outputs_are_filled_as_far_as_the_caller_has_space)
{
    static _Alignas(16) unsigned char memory[1u << 16];
    open_all();
    for (size_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++) {
        const size_t known = outputs[i].known_bytes;
        const size_t sizes[] = {outputs[i].first_bytes, known, known + MORE};
        for (size_t k = 0; k < 3; k++) {
            const uint32_t size = (uint32_t)sizes[k];
            uint32_t after;
            memset(memory, 0xA5, known + 2 * MORE);
            memcpy(memory, &size, sizeof size);
            error.message[0] = '\0';
            int status = outputs[i].call(memory);
            ck_assert_msg(status == AUGS_OK, "%s of %u bytes: %d %s", outputs[i].type, size, status,
                          error.message);
            memcpy(&after, memory, sizeof after);
            ck_assert_uint_eq(after, size);
            for (size_t at = known; at < known + 2 * MORE; at++) {
                ck_assert_msg(memory[at] == (at < size ? 0 : 0xA5), "%s of %u: byte %zu",
                              outputs[i].type, size, at);
            }
        }
        const size_t small[] = {0, 4, outputs[i].first_bytes - 1};
        for (size_t k = 0; k < 3; k++) {
            const uint32_t size = (uint32_t)small[k];
            memset(memory, 0xA5, known);
            memcpy(memory, &size, sizeof size);
            outputs[i].call(memory);
            for (size_t at = sizeof size; at < known; at++) {
                ck_assert_msg(memory[at] == 0xA5, "%s of %u: byte %zu written", outputs[i].type,
                              size, at);
            }
        }
    }
    free_all();
}
END_TEST

START_TEST(a_size_that_is_no_size_is_refused)
{
    augs_batch_info info = {.size = UINT32_MAX};
    open_all();
    ck_assert_int_eq(augs_batch_get_info(batch, &info), AUGS_E_ARGUMENT);
    ck_assert_int_eq(augs_batch_get_info(batch, NULL), AUGS_E_ARGUMENT);
    augs_column_info column = {.size = sizeof column};
    augs_preset *opened = NULL;
    good_column(&column);
    const size_t strides[] = {0, sizeof column - 8, sizeof column + 4};
    for (size_t i = 0; i < 3; i++) {
        AUGS_ASSERT_STATUS(
            AUGS_E_ARGUMENT,
            augs_preset_open_columns("c", &column, 1, strides[i], NULL, &opened, &error), error);
        ck_assert_ptr_nonnull(strstr(error.message, "column_stride"));
    }
    column.size += 8;
    AUGS_ASSERT_STATUS(
        AUGS_E_ARGUMENT,
        augs_preset_open_columns("c", &column, 1, sizeof column, NULL, &opened, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "more than column_stride"));
    free_all();
}
END_TEST

/* ---- layout as functions -------------------------------------------------------------------- */

START_TEST(constants_and_layout_can_be_asked_for)
{
    uint64_t value = 0;
    AUGS_ASSERT_OK(augs_constant_find("AUGS_ENDLESS", &value, &error), error);
    ck_assert(value == AUGS_ENDLESS);
    AUGS_ASSERT_OK(augs_constant_find("AUGS_E_RANGE", &value, &error), error);
    ck_assert_int_eq((int64_t)value, AUGS_E_RANGE);
    AUGS_ASSERT_OK(augs_constant_find("AUGS_NO_GATE", &value, &error), error);
    ck_assert_uint_eq(value, AUGS_NO_GATE);
    AUGS_ASSERT_OK(augs_constant_find("AUGS_FORMAT_NPY", &value, &error), error);
    ck_assert_uint_eq(value, AUGS_FORMAT_NPY);
    AUGS_ASSERT_STATUS(AUGS_E_NOT_FOUND, augs_constant_find("AUGS_ENDLES", &value, &error), error);
    ck_assert_ptr_nonnull(strstr(error.message, "did you mean 'AUGS_ENDLESS'"));
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_constant_find(NULL, &value, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_constant_find("AUGS_OK", NULL, &error), error);
    for (uint32_t i = 0; i < augs_constant_count(); i++) {
        AUGS_ASSERT_OK(augs_constant_find(augs_constant_name(i), &value, &error), error);
    }
    ck_assert_ptr_null(augs_constant_name(augs_constant_count()));

    augs_member member;
    ck_assert_uint_eq(augs_struct_bytes("augs_stream_options"), sizeof(augs_stream_options));
    ck_assert_uint_eq(augs_struct_first_bytes("augs_span"), sizeof(augs_span));
    ck_assert_uint_eq(augs_struct_bytes("augs_nothing"), 0);
    ck_assert_str_eq(augs_struct_member("augs_stream_options", 0, &member), "size");
    ck_assert_str_eq(augs_struct_member("augs_stream_options", 2, &member), "seed");
    ck_assert_str_eq(member.type, "uint64_t");
    ck_assert_uint_eq(member.offset, offsetof(augs_stream_options, seed));
    ck_assert_uint_eq(member.n_bytes, 8);
    ck_assert_ptr_null(augs_struct_member("augs_span", 3, &member));
    ck_assert_ptr_null(augs_struct_member(NULL, 0, NULL));
    ck_assert_ptr_null(augs_struct_name(augs_struct_count()));
}
END_TEST

/* Members lie in order, inside their struct, and fill it up to padding. */
START_TEST(every_struct_is_described_in_full)
{
    for (uint32_t i = 0; i < augs_struct_count(); i++) {
        const char *name = augs_struct_name(i);
        augs_member member;
        uint64_t end_of_last = 0;
        for (uint32_t k = 0; augs_struct_member(name, k, &member) != NULL; k++) {
            ck_assert_msg(member.offset >= end_of_last && member.offset - end_of_last < 8,
                          "%s: member %u", name, k);
            end_of_last = member.offset + member.n_bytes;
        }
        ck_assert_msg(end_of_last <= augs_struct_bytes(name) &&
                          augs_struct_bytes(name) - end_of_last < 8,
                      "%s", name);
    }
}
END_TEST

START_TEST(a_struct_is_made_without_its_header)
{
    const size_t n = augs_struct_bytes("augs_stream_options");
    unsigned char *options = malloc(n);
    augs_member member;
    augs_stream *opened = NULL;
    const uint64_t n_samples = 5;
    open_all();
    memset(options, 0xFF, n);
    AUGS_ASSERT_OK(augs_struct_init("augs_stream_options", options, n, &error), error);
    for (uint32_t k = 0;; k++) {
        const char *name = augs_struct_member("augs_stream_options", k, &member);
        ck_assert_ptr_nonnull(name);
        if (strcmp(name, "n_samples") == 0) {
            break;
        }
    }
    memcpy(options + member.offset, &n_samples, sizeof n_samples);
    AUGS_ASSERT_OK(augs_stream_open(preset, (void *)options, &opened, &error), error);
    ck_assert_uint_eq(augs_stream_n_samples(opened), n_samples);
    augs_stream_unref(opened);
    free_all();
    AUGS_ASSERT_STATUS(AUGS_E_NOT_FOUND, augs_struct_init("augs_nothing", options, n, &error),
                       error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT,
                       augs_struct_init("augs_stream_options", options, n - 1, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_struct_init("augs_stream_options", NULL, n, &error),
                       error);
    free(options);
}
END_TEST

AUGS_SUITE("sized structs", inputs_of_older_and_newer_callers_are_taken,
           inputs_smaller_than_version_1_or_with_unknown_members_in_use_are_refused,
           outputs_are_filled_as_far_as_the_caller_has_space, a_size_that_is_no_size_is_refused,
           constants_and_layout_can_be_asked_for, every_struct_is_described_in_full,
           a_struct_is_made_without_its_header)
