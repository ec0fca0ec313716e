/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's floating-point environment is no argument of any result, is found again after every
 * call, and is what callbacks run in. The program is built twice: as it is, and linked with
 * -ffast-math, whose start-up code turns subnormal numbers off.
 */
#include <dirent.h>
#include <fenv.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <augstream/augstream.h>

#include "suite.h"

/* ---- environments --------------------------------------------------------------------------- */

#if defined(__x86_64__)
typedef struct float_env {
    uint32_t mxcsr;
    uint16_t x87;
} float_env;

#define N_ENVIRONMENTS (4 * 2 * 2 * 2 * 2)

static float_env read_env(void)
{
    float_env env;
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(env.mxcsr), "=m"(env.x87) : : "memory");
    return env;
}

static void set_env(float_env env)
{
    __asm__ volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(env.mxcsr), "m"(env.x87) : "memory");
}

static bool same_env(float_env a, float_env b)
{
    return a.mxcsr == b.mxcsr && a.x87 == b.x87;
}

static float_env default_env(void)
{
    return (float_env){0x1F80, 0x037F};
}

/* Rounding, flush-to-zero, denormals-are-zero, exceptions unmasked, flags set. */
static float_env numbered_env(unsigned i)
{
    const unsigned rounding = i & 3;
    float_env env = {0x1F80 | rounding << 13, (uint16_t)(0x037F | rounding << 10)};
    env.mxcsr |= (i & 4) != 0 ? 0x8000u : 0;
    env.mxcsr |= (i & 8) != 0 ? 0x0040u : 0;
    env.mxcsr &= (i & 16) != 0 ? ~0x1F80u : ~0u;
    env.mxcsr |= (i & 32) != 0 ? 0x0015u : 0;
    return env;
}
#else
typedef struct float_env {
    int rounding;
} float_env;

#define N_ENVIRONMENTS 4u

static float_env read_env(void)
{
    return (float_env){fegetround()};
}

static void set_env(float_env env)
{
    fesetround(env.rounding);
}

static bool same_env(float_env a, float_env b)
{
    return a.rounding == b.rounding;
}

static float_env default_env(void)
{
    return (float_env){FE_TONEAREST};
}

static float_env numbered_env(unsigned i)
{
    static const int modes[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
    return (float_env){modes[i]};
}
#endif

static float_env callers; /* in which the call at hand is made */
static unsigned n_callbacks, n_wrong;

static void note_callback(void)
{
    n_callbacks++;
    n_wrong += !same_env(read_env(), callers);
}

/* Calls in the environment `callers`, and looks whether it is still there. */
#define CALL(statement)                                                                            \
    do {                                                                                           \
        set_env(callers);                                                                          \
        statement;                                                                                 \
        const float_env after_call = read_env();                                                   \
        set_env(default_env());                                                                    \
        ck_assert_msg(same_env(after_call, callers), "%s changed the environment", #statement);    \
    } while (0)

/* ---- everything that computes, as one hash -------------------------------------------------- */

static uint64_t hash;

static void add(const void *data, size_t n_bytes)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < n_bytes; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
    }
}

static void add_text(const char *text)
{
    add(text, strlen(text) + 1);
}

static const char preset_text[] = "augstream: 1\n"
                                  "columns:\n"
                                  "  u: {uniform: [-30, 30]}\n"
                                  "  tiny: {uniform: [0, 1e-38]}\n"
                                  "  l: {log_uniform: [0.75, 1.3333]}\n"
                                  "  n: {normal: {mean: 9, std: 0.5}}\n"
                                  "  b: {beta: [0.05, 1]}\n"
                                  "  p: {bernoulli: 0.3}\n"
                                  "  i: {integer: [-7, 9]}\n"
                                  "  c: {choice: {values: [a, b, c], weights: [1, 2, 0.7]}}\n";

static void *allocate(void *user, size_t n_bytes, size_t alignment)
{
    (void)user;
    note_callback();
    return aligned_alloc(alignment, (n_bytes + alignment - 1) / alignment * alignment);
}

static void release(void *user, void *p, size_t n_bytes)
{
    (void)user, (void)n_bytes;
    note_callback();
    free(p);
}

static const augs_allocator allocator = {
    .size = sizeof allocator, .allocate = allocate, .release = release};

static augs_stream *open_stream(void)
{
    augs_error error;
    augs_preset *preset = NULL;
    augs_stream *stream = NULL;
    int status = AUGS_E_INTERNAL;
    const augs_preset_options of_preset = {.size = sizeof of_preset, .allocator = &allocator};
    const augs_stream_options of_stream = {
        .size = sizeof of_stream, .seed = 7, .n_samples = 3000, .order = AUGS_ORDER_SHUFFLED};
    CALL(status = augs_preset_open_text(preset_text, sizeof preset_text - 1, "t", &of_preset,
                                        &preset, &error));
    ck_assert_msg(status == AUGS_OK, "%s", error.message);
    CALL(status = augs_stream_open(preset, &of_stream, &stream, &error));
    ck_assert_int_eq(status, AUGS_OK);
    const char *text = NULL;
    CALL(text = augs_preset_schema_json(preset));
    add_text(text);
    CALL(text = augs_stream_fingerprint(stream));
    add_text(text);
    uint64_t self = 0;
    CALL(self = augs_self_test_hash());
    add(&self, sizeof self);
    augs_preset_unref(preset);
    return stream;
}

static int take_bytes(void *user, const void *data, size_t n_bytes)
{
    (void)user;
    note_callback();
    add(data, n_bytes);
    return AUGS_OK;
}

static void add_slab(augs_batch *batch)
{
    size_t n_bytes = 0;
    const void *slab = augs_batch_slab(batch, &n_bytes);
    add(slab, n_bytes);
}

static int take_batch(void *user, augs_batch *batch)
{
    (void)user;
    note_callback();
    add_slab(batch);
    return AUGS_OK;
}

static void add_records(augs_stream *stream)
{
    static const uint32_t formats[] = {AUGS_FORMAT_JSONL, AUGS_FORMAT_CSV, AUGS_FORMAT_MSGPACK};
    augs_error error;
    int status = AUGS_E_INTERNAL;
    for (size_t i = 0; i <= sizeof formats / sizeof formats[0]; i++) {
        augs_pipeline *pipeline = NULL;
        augs_sink *sink = NULL;
        CALL(status = augs_pipeline_open(stream, NULL, &pipeline, &error));
        ck_assert_int_eq(status, AUGS_OK);
        if (i == sizeof formats / sizeof formats[0]) {
            CALL(status = augs_sink_open_callback(take_batch, NULL, &sink, &error));
        } else {
            CALL(status = augs_sink_open_records(stream, formats[i], 0, take_bytes, NULL, &sink,
                                                 &error));
        }
        ck_assert_int_eq(status, AUGS_OK);
        CALL(status = augs_pipeline_run(pipeline, sink, &error));
        ck_assert_msg(status == AUGS_OK, "%s", error.message);
        CALL(augs_sink_free(sink));
        CALL(augs_pipeline_free(pipeline));
    }
}

static void add_plan(const char *strategy, uint64_t batches)
{
    augs_error error;
    augs_scheduler *scheduler = NULL;
    augs_span span;
    int status = AUGS_E_INTERNAL;
    const augs_strategy_options of_strategy = {.size = sizeof of_strategy, .batches = batches};
    const augs_plan_options plan = {
        .size = sizeof plan, .strategy = strategy, .strategy_options = &of_strategy};
    const augs_scheduler_options options = {
        .size = sizeof options, .n_samples = 20000, .plan = &plan, .allocator = &allocator};
    CALL(status = augs_scheduler_open(&options, &scheduler, &error));
    ck_assert_msg(status == AUGS_OK, "%s: %s", strategy, error.message);
    for (uint64_t step = 0;; step++) {
        CALL(status = augs_scheduler_next(scheduler, &span, &error));
        ck_assert_msg(status >= 0, "%s", error.message);
        if (status == 0) {
            break;
        }
        add(&span, sizeof span);
        const volatile double seconds = 0.003 + 0.0007 * (double)span.count;
        const augs_feedback feedback = {.size = sizeof feedback,
                                        .step = step,
                                        .seconds = seconds,
                                        .bytes = 1000 + 33 * span.count,
                                        .available_bytes = 20000};
        CALL(status = augs_scheduler_observe(scheduler, &feedback, &error));
        ck_assert_msg(status == AUGS_OK, "%s", error.message);
    }
    CALL(augs_scheduler_free(scheduler));
}

/* A shipped strategy without the library around it: its state is all that it computed. */
static void add_ops(const char *name)
{
    augs_error error;
    const augs_strategy_ops *ops = NULL;
    const augs_strategy_options options = {.size = sizeof options, .max_batch_size = 4096};
    augs_span span = {0, 1, 0};
    int status = AUGS_E_INTERNAL;
    CALL(status = augs_strategy_find(name, &ops, &error));
    ck_assert_int_eq(status, AUGS_OK);
    const size_t n_bytes = (ops->state_size + 15) / 16 * 16;
    unsigned char *state = aligned_alloc(16, 2 * n_bytes);
    memset(state, 0, 2 * n_bytes);
    CALL(status = ops->init(state, &options, &error));
    ck_assert_msg(status == AUGS_OK, "%s", error.message);
    for (uint64_t step = 0; step < 40; step++) {
        const augs_plan_facts facts = {.size = sizeof facts,
                                       .step = step,
                                       .position = span.first + span.count,
                                       .n_samples = 1000000,
                                       .world_size = 1,
                                       .memory_limit_bytes = 1000003,
                                       .memory_used_bytes = 3331 * step,
                                       .memory_available_bytes = 1000003 - 3331 * step};
        CALL(status = ops->plan(state, &facts, &span, &error));
        ck_assert_int_eq(status, 1);
        add(&span, sizeof span);
        const volatile double seconds = 0.003 + 0.0007 * (double)span.count;
        const augs_feedback feedback = {.size = sizeof feedback,
                                        .step = step,
                                        .n_samples = span.count,
                                        .seconds = seconds,
                                        .bytes = 1000 + 33 * span.count,
                                        .available_bytes = 20000};
        CALL(ops->observe(state, &feedback));
    }
    CALL(status = ops->init(state + n_bytes, &options, &error));
    CALL(ops->inherit(state + n_bytes, state));
    add(state, 2 * n_bytes);
    free(state);
}

static int probe(void *user, uint64_t batch_size, uint32_t step, augs_error *error)
{
    (void)user, (void)step, (void)error;
    note_callback();
    return batch_size <= 77;
}

static void add_calculations(void)
{
    augs_error error;
    uint64_t number = 0;
    int status = AUGS_E_INTERNAL;
    for (unsigned i = 0; i < 30; i++) {
        const volatile double used = i * 0.0331; /* made here, not in the caller's environment */
        CALL(number = augs_batch_size_adjust(1000 + i, used, 900 + 7 * i, 1000, 1, 0));
        add(&number, sizeof number);
        CALL(number = augs_batch_size_for_memory(1, 1000003 * i, 0, 1));
        add(&number, sizeof number);
    }
    static augs_finder_report report = {.size = sizeof report};
    CALL(status = augs_batch_size_find(probe, NULL, NULL, &report, &error));
    ck_assert_int_eq(status, AUGS_OK);
    add(&report.batch_size, sizeof report.batch_size);

    augs_metrics *metrics = NULL;
    augs_metrics_summary summary = {.size = sizeof summary};
    CALL(status = augs_metrics_open(NULL, &metrics, &error));
    ck_assert_int_eq(status, AUGS_OK);
    for (unsigned i = 0; i < 100; i++) {
        const volatile double seconds = 0.1 / (1 + i);
        const augs_batch_metrics one = {
            .size = sizeof one, .n_samples = 7 + i % 5, .seconds = seconds};
        CALL(augs_metrics_add(metrics, &one));
    }
    CALL(augs_metrics_summarize(metrics, &summary));
    add(&summary, sizeof summary);
    CALL(augs_metrics_free(metrics));

    /* calls that fail, with numbers in their messages */
    static const char wrong[] = "augstream: 1\ncolumns:\n  x: {normal: {mean: 0.1, std: -0.3}}\n";
    augs_preset *none = NULL;
    CALL(status = augs_preset_open_text(wrong, sizeof wrong - 1, "t", NULL, &none, &error));
    ck_assert_int_lt(status, 0);
    add_text(error.message);
}

static int go_on(void *user, uint64_t done, uint64_t all)
{
    (void)user, (void)done, (void)all;
    note_callback();
    return 0;
}

static void add_file(const char *path)
{
    char piece[4096];
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    for (size_t n; (n = fread(piece, 1, sizeof piece, file)) > 0;) {
        add(piece, n);
    }
    fclose(file);
    unlink(path);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void add_chunks(augs_stream *stream)
{
    static const uint32_t formats[] = {AUGS_FORMAT_SAFETENSORS, AUGS_FORMAT_JSONL};
    augs_error error;
    int status = AUGS_E_INTERNAL;
    for (size_t i = 0; i < 2; i++) {
        char folder[] = "/tmp/augs-float-XXXXXX";
        char path[300];
        struct dirent **names = NULL;
        ck_assert_ptr_nonnull(mkdtemp(folder));
        const augs_chunks_options options = {.size = sizeof options,
                                             .format = formats[i],
                                             .chunk_size = 700,
                                             .n_threads = 2,
                                             .progress = go_on};
        const augs_chunks_verify_options verify = {
            .size = sizeof verify, .n_threads = 2, .progress = go_on};
        augs_chunks_summary summary = {.size = sizeof summary};
        CALL(status = augs_chunks_write(stream, folder, &options, NULL, &error));
        ck_assert_msg(status == AUGS_OK, "%s", error.message);
        CALL(status = augs_chunks_verify(folder, &verify, &summary, &error));
        ck_assert_msg(status == AUGS_OK, "%s", error.message);
        add(&summary.digest, sizeof summary.digest);
        const int n = scandir(folder, &names, NULL, by_name);
        for (int k = 0; k < n; k++) {
            if (names[k]->d_name[0] != '.') {
                snprintf(path, sizeof path, "%s/%s", folder, names[k]->d_name);
                add_text(names[k]->d_name);
                add_file(path);
            }
            free(names[k]);
        }
        free(names);
        ck_assert_int_eq(rmdir(folder), 0);
    }
}

static void *serve(void *argument)
{
    augs_error error;
    set_env(callers);
    const int status = augs_server_run(argument, &error);
    return status == AUGS_OK && same_env(read_env(), callers) ? argument : NULL;
}

static void add_served(augs_stream *stream)
{
    augs_error error;
    augs_server *server = NULL;
    augs_subscriber *subscriber = NULL;
    pthread_t thread;
    void *served = NULL;
    int status = AUGS_E_INTERNAL;
    const augs_job_options job = {.size = sizeof job};
    const augs_server_options of_server = {
        .size = sizeof of_server, .n_fillers = 2, .endpoint = "tcp://127.0.0.1:*"};
    CALL(status = augs_server_open(&of_server, &server, &error));
    ck_assert_msg(status == AUGS_OK, "%s", error.message);
    CALL(status = augs_server_add_job(server, stream, &job, &error));
    ck_assert_msg(status == AUGS_OK, "%s", error.message);
    ck_assert_int_eq(pthread_create(&thread, NULL, serve, server), 0);
    const char *const endpoints[] = {augs_server_endpoint(server)};
    const augs_subscriber_options of_subscriber = {
        .size = sizeof of_subscriber, .n_endpoints = 1, .endpoints = endpoints, .verify = 1};
    CALL(status = augs_subscriber_open(&of_subscriber, &subscriber, &error));
    ck_assert_msg(status == AUGS_OK, "%s", error.message);
    for (;;) {
        augs_batch *batch = NULL;
        CALL(status = augs_subscriber_next(subscriber, &batch, &error));
        ck_assert_msg(status >= 0, "%s", error.message);
        if (status == 0) {
            break;
        }
        add_slab(batch);
        augs_batch_unref(batch);
    }
    CALL(augs_subscriber_free(subscriber));
    augs_server_stop(server);
    pthread_join(thread, &served);
    ck_assert_ptr_nonnull(served);
    CALL(augs_server_free(server));
}

static uint64_t hash_in(float_env env)
{
    callers = env;
    hash = UINT64_C(1469598103934665603);
    augs_stream *stream = open_stream();
    add_records(stream);
    add_chunks(stream);
    add_plan("sequential", 0);
    add_plan("round_robin", 7);
    add_plan("memory_optimized", 0);
    add_plan("adaptive", 0);
    add_ops("memory_optimized");
    add_ops("adaptive");
    add_calculations();
    CALL(augs_stream_unref(stream));
    set_env(default_env());
    return hash;
}

static uint64_t served_in(float_env env)
{
    callers = default_env();
    augs_stream *stream = open_stream();
    callers = env;
    hash = UINT64_C(1469598103934665603);
    add_served(stream);
    augs_stream_unref(stream);
    return hash;
}

/* The server's thread and fillers, and a subscriber that makes every batch again. */
START_TEST(what_is_served_does_not_depend_on_the_environment)
{
    const uint64_t expected = served_in(default_env());
    for (unsigned i = N_ENVIRONMENTS - 4; i < N_ENVIRONMENTS; i++) {
        ck_assert_msg(served_in(numbered_env(i)) == expected, "environment %u", i);
    }
}
END_TEST

START_TEST(no_environment_changes_a_result_or_is_changed)
{
    const uint64_t expected = hash_in(default_env());
    for (unsigned i = 0; i < N_ENVIRONMENTS; i++) {
        const uint64_t got = hash_in(numbered_env(i));
        ck_assert_msg(got == expected, "environment %u", i);
    }
    ck_assert_uint_gt(n_callbacks, 1000);
    ck_assert_uint_eq(n_wrong, 0);
}
END_TEST

/* With what the program's start-up code left: -ffast-math among the link arguments. */
START_TEST(the_environment_of_the_program_does_not_count)
{
    const float_env at_start = read_env();
#if defined(AUGS_TEST_FAST_MATH) && defined(__x86_64__)
    ck_assert_uint_eq(at_start.mxcsr & 0x8040u, 0x8040u);
#endif
    ck_assert(hash_in(at_start) == hash_in(default_env()));
}
END_TEST

/* ---- schedulers and sinks of the caller's own -------------------------------------------------
 */

static int own_init(void *state, const augs_strategy_options *options, augs_error *error)
{
    (void)state, (void)options, (void)error;
    note_callback();
    return AUGS_OK;
}

static int own_plan(void *state, const augs_plan_facts *facts, augs_span *ret_span,
                    augs_error *error)
{
    (void)state, (void)error;
    note_callback();
    *ret_span = (augs_span){facts->position, 1, 10};
    return facts->position + 10 <= facts->n_samples;
}

static void own_observe(void *state, const augs_feedback *feedback)
{
    (void)state, (void)feedback;
    note_callback();
}

static const char *own_why(const void *state)
{
    (void)state;
    note_callback();
    return "own";
}

static void own_done(void *state)
{
    (void)state;
    note_callback();
}

static uint64_t own_clock(void *user)
{
    note_callback();
    return ++*(uint64_t *)user;
}

static int own_write(void *state, augs_batch *batch, augs_error *error)
{
    (void)state, (void)batch, (void)error;
    note_callback();
    return AUGS_OK;
}

static int own_flush(void *state, augs_error *error)
{
    (void)state, (void)error;
    note_callback();
    return AUGS_OK;
}

START_TEST(callbacks_run_in_the_callers_environment)
{
    static const augs_strategy_ops ops = {.size = sizeof ops,
                                          .name = "own",
                                          .state_size = 8,
                                          .init = own_init,
                                          .plan = own_plan,
                                          .observe = own_observe,
                                          .why = own_why,
                                          .done = own_done};
    static const augs_sink_ops of_sink = {
        .size = sizeof of_sink, .write = own_write, .flush = own_flush, .done = own_done};
    augs_error error;
    uint64_t now = 0;
    int status = AUGS_E_INTERNAL;
    callers = default_env();
    augs_stream *stream = open_stream();
    callers = numbered_env(N_ENVIRONMENTS - 1);
    const augs_plan_options plan = {.size = sizeof plan, .strategy_ops = &ops};
    const augs_pipeline_options options = {
        .size = sizeof options, .plan = &plan, .now_ns = own_clock, .now_user = &now};
    augs_pipeline *pipeline = NULL;
    augs_sink *sink = NULL;
    CALL(status = augs_pipeline_open(stream, &options, &pipeline, &error));
    ck_assert_msg(status == AUGS_OK, "%s", error.message);
    CALL(status = augs_sink_open(&of_sink, NULL, &sink, &error));
    ck_assert_int_eq(status, AUGS_OK);
    CALL(status = augs_pipeline_run(pipeline, sink, &error));
    ck_assert_msg(status == AUGS_OK, "%s", error.message);
    CALL(augs_sink_free(sink));
    CALL(augs_pipeline_free(pipeline));
    CALL(augs_stream_unref(stream));
    ck_assert_uint_gt(now, 300);
    ck_assert_uint_gt(n_callbacks, 1200);
    ck_assert_uint_eq(n_wrong, 0);
}
END_TEST

/* A callback that changes the environment has it when the call returns. */
static int change_env(void *user, augs_batch *batch)
{
    (void)user, (void)batch;
    set_env(numbered_env(3));
    return AUGS_OK;
}

START_TEST(what_a_callback_changes_is_the_callers)
{
    augs_error error;
    augs_pipeline *pipeline = NULL;
    augs_sink *sink = NULL;
    callers = default_env();
    augs_stream *stream = open_stream();
    AUGS_ASSERT_OK(augs_pipeline_open(stream, NULL, &pipeline, &error), error);
    AUGS_ASSERT_OK(augs_sink_open_callback(change_env, NULL, &sink, &error), error);
    AUGS_ASSERT_OK(augs_pipeline_run(pipeline, sink, &error), error);
    const bool kept = same_env(read_env(), numbered_env(3));
    set_env(default_env());
    ck_assert(kept);
    augs_sink_free(sink);
    augs_pipeline_free(pipeline);
    augs_stream_unref(stream);
}
END_TEST

/* ---- threads that were there before --------------------------------------------------------- */

typedef struct filler {
    augs_stream *stream;
    float_env env;
    uint32_t n_columns;
    unsigned char *bytes;
    size_t n_bytes;
    int status;
    bool kept;
    pthread_barrier_t *start;
} filler;

static void *fill(void *argument)
{
    filler *self = argument;
    void *columns[16] = {NULL};
    unsigned char *place = self->bytes;
    for (uint32_t i = 0; i < self->n_columns; i++) {
        columns[i] = place;
        place += (500 * augs_stream_column_bytes(self->stream, i) + 63) / 64 * 64;
    }
    set_env(self->env);
    pthread_barrier_wait(self->start);
    self->status = augs_stream_fill(self->stream, &(augs_span){0, 1, 500}, columns, NULL);
    self->kept = same_env(read_env(), self->env);
    return NULL;
}

START_TEST(threads_with_environments_of_their_own_fill_the_same)
{
    enum { N = 4 };
    callers = default_env();
    augs_stream *stream = open_stream();
    pthread_barrier_t start;
    pthread_t threads[N];
    filler fillers[N];
    const size_t n_bytes = 500 * augs_stream_sample_bytes(stream) + 64 * 16;
    pthread_barrier_init(&start, NULL, N);
    for (unsigned i = 0; i < N; i++) {
        fillers[i] = (filler){.stream = stream,
                              .env = i == 0 ? default_env() : numbered_env(N_ENVIRONMENTS - i),
                              .n_columns = augs_stream_n_columns(stream),
                              .bytes = aligned_alloc(64, (n_bytes + 63) / 64 * 64),
                              .n_bytes = n_bytes,
                              .start = &start};
        memset(fillers[i].bytes, 0, n_bytes);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, fill, &fillers[i]), 0);
    }
    for (unsigned i = 0; i < N; i++) {
        pthread_join(threads[i], NULL);
    }
    for (unsigned i = 0; i < N; i++) {
        ck_assert_int_eq(fillers[i].status, AUGS_OK);
        ck_assert(fillers[i].kept);
        ck_assert_mem_eq(fillers[i].bytes, fillers[0].bytes, n_bytes);
    }
    for (unsigned i = 0; i < N; i++) {
        free(fillers[i].bytes);
    }
    pthread_barrier_destroy(&start);
    augs_stream_unref(stream);
}
END_TEST

AUGS_SUITE("float environment", no_environment_changes_a_result_or_is_changed,
           what_is_served_does_not_depend_on_the_environment,
           the_environment_of_the_program_does_not_count, callbacks_run_in_the_callers_environment,
           what_a_callback_changes_is_the_callers,
           threads_with_environments_of_their_own_fill_the_same)
