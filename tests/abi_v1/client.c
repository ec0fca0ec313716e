/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program of a caller who compiled it with the first version of the headers.
 *
 *     client FOLDER [STRUCT]
 *
 * It uses each struct that can grow at least once and prints what it got, the same in every run.
 * tests/test_abi_frozen.py compiles it with the headers beside it, with those of today, and with
 * headers in which each such struct has a further member, `from_the_future` (AUGS_FUTURE). With
 * STRUCT, that member of each struct of this name is set before the library gets the struct.
 * An input is refused then: the program prints the message and ends with 3.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <augstream/augstream.h>

static const char *newer = "";
static augs_error error;

#ifdef AUGS_FUTURE
#define SET_NEWER(type, x) ((x)->from_the_future = strcmp(newer, #type) == 0)
#define CHECK_NEWER(type, x) check((x)->from_the_future == 0, #type " tells what nobody knows")
#else
#define SET_NEWER(type, x) ((void)0)
#define CHECK_NEWER(type, x) ((void)0)
#endif

/* A struct that the library reads, one that it fills, and one that it filled. */
#define INPUT(type, x) (type##_init(x), SET_NEWER(type, x))
#define OUTPUT(type, x) (type##_init(x), SET_NEWER(type, x))
#define FILLED(type, x) CHECK_NEWER(type, x)

static void check(int fine, const char *what)
{
    if (!fine) {
        fprintf(stderr, "client: %s\n", what);
        exit(1);
    }
}

/* Ends the program if the library refused something. */
static int must(int status, const char *what)
{
    if (status < 0) {
        fprintf(stderr, "%s: %s: %s\n", what, augs_status_name(status), error.message);
        exit(3);
    }
    return status;
}

/* ---- callbacks and tables of the caller --------------------------------------------------------
 */

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

static void figures(void *user, augs_allocator_figures *ret_figures)
{
    (void)user;
    ret_figures->allocated_bytes = 1;
    ret_figures->active_bytes = 2;
    ret_figures->resident_bytes = 3;
    ret_figures->retained_bytes = 4;
}

static uint64_t now_ns(void *user)
{
    uint64_t *now = user;
    return *now += 1000000;
}

static int sink_write(void *state, augs_batch *batch, augs_error *ret_error)
{
    uint64_t *n_samples = state;
    (void)ret_error;
    *n_samples += augs_batch_n_samples(batch);
    return 0;
}

static int probe(void *user, uint64_t batch_size, uint32_t step, augs_error *ret_error)
{
    (void)user, (void)step, (void)ret_error;
    return batch_size <= 700;
}

static void on_trial(void *user, const augs_trial *trial)
{
    (void)user;
    printf("  trial %" PRIu64 " outcome %u: %s\n", trial->batch_size, trial->outcome,
           trial->reason);
}

static void on_fault(void *user, const augs_preset_fault *fault)
{
    (void)user;
    check(fault->size >= (uint32_t)augs_preset_fault_v1_bytes, "fault");
    printf("  fault %u:%u warning %u: %s | %s\n", fault->line, fault->column, fault->warning,
           fault->message, fault->source_line);
}

static void on_finding(void *user, const augs_chunks_finding *finding)
{
    (void)user;
    check(finding->size >= (uint32_t)augs_chunks_finding_v1_bytes, "finding");
    printf("  finding %d chunk %" PRIu64 " %s: %s\n", finding->status, finding->chunk,
           finding->file, finding->message);
}

static void on_log(void *user, uint32_t level, const char *message)
{
    (void)user, (void)level, (void)message;
}

/* A strategy of the caller's own: seven samples each time. */
typedef struct sevens {
    uint64_t n_observed;
} sevens;

static int sevens_init(void *state, const augs_strategy_options *options, augs_error *ret_error)
{
    (void)ret_error;
    check(options->size >= (uint32_t)augs_strategy_options_v1_bytes, "options of a strategy");
    ((sevens *)state)->n_observed = options->batch_size == 7 ? 0 : 1000;
    return AUGS_OK;
}

static int sevens_plan(void *state, const augs_plan_facts *facts, augs_span *ret_span,
                       augs_error *ret_error)
{
    (void)state, (void)ret_error;
    check(facts->size >= (uint32_t)augs_plan_facts_v1_bytes, "facts of a strategy");
    const uint64_t left = facts->n_samples - facts->position;
    *ret_span = (augs_span){facts->position, 1, left < 7 ? left : 7};
    return left > 0;
}

static void sevens_observe(void *state, const augs_feedback *feedback)
{
    check(feedback->size >= (uint32_t)augs_feedback_v1_bytes, "feedback of a strategy");
    ((sevens *)state)->n_observed++;
}

/* ---- the steps of the program ------------------------------------------------------------------
 */

static augs_allocator allocator;
static augs_preset *preset;
static augs_stream *stream;
static augs_memory_monitor *monitor;
static augs_metrics *metrics;

static void open_presets(void)
{
    static const char text[] = "augstream: 1\ncolumns:\n  x: {uniform: [3, 1]}\n";
    const char *const overrides[] = {"rotation.uniform[0]=-15"};
    augs_preset_options options;
    augs_column_info column;
    augs_preset *made = NULL;
    INPUT(augs_allocator, &allocator);
    allocator.allocate = allocate;
    allocator.release = release;
    allocator.figures = figures;
    INPUT(augs_preset_options, &options);
    options.n_overrides = 1;
    options.overrides = overrides;
    options.allocator = &allocator;
    must(augs_preset_open("mild", &options, &preset, &error), "preset");
    printf("preset %s: %s\n", augs_preset_name(preset), augs_preset_description(preset));
    for (uint32_t i = 0; i < augs_preset_n_columns(preset); i++) {
        OUTPUT(augs_column_info, &column);
        must(augs_preset_column(preset, i, &column), "column");
        FILLED(augs_column_info, &column);
        printf("  %s kind %u dtype %u shape %u width %u gate %d numbers %g %g mean %g\n",
               column.name, column.kind, column.dtype, column.shape, column.width, (int)column.gate,
               column.numbers[0], column.numbers[1], column.mean);
    }
    INPUT(augs_preset_options, &options);
    printf("faults %d\n",
           must(augs_preset_check(text, strlen(text), "client", &options, on_fault, NULL, &error),
                "check"));
    augs_column_info columns[2];
    for (int i = 0; i < 2; i++) {
        INPUT(augs_column_info, &columns[i]);
        columns[i].kind = AUGS_KIND_UNIFORM;
        columns[i].shape = 1;
        columns[i].numbers[1] = 1 + i;
        columns[i].gate = AUGS_NO_GATE;
        columns[i].name = i == 0 ? "a" : "b";
    }
    must(augs_preset_open_columns("own", columns, 2, sizeof *columns, NULL, &made, &error),
         "columns");
    printf("%s\n", augs_preset_text(made));
    augs_preset_unref(made);
}

static void open_stream(void)
{
    augs_stream_options options;
    const augs_span span = {3, 5, 4};
    int64_t ids[4];
    INPUT(augs_stream_options, &options);
    options.order = AUGS_ORDER_SHUFFLED;
    options.seed = 42;
    options.n_samples = 1003;
    options.epoch = 2;
    must(augs_stream_open(preset, &options, &stream, &error), "stream");
    must(augs_stream_sample_ids(stream, &span, ids, &error), "sample ids");
    printf("stream %s %" PRIu64 " bytes: %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n",
           augs_stream_fingerprint(stream), augs_stream_sample_bytes(stream), ids[0], ids[1],
           ids[2], ids[3]);
}

static void read_memory(const char *folder)
{
    static uint64_t now;
    augs_memory_monitor_options options;
    augs_memory_snapshot snapshot;
    augs_memory_scope scope;
    INPUT(augs_memory_monitor_options, &options);
    options.root = folder; /* without proc/ and sys/: the same on every machine */
    options.interval_ms = 1;
    options.now_ns = now_ns;
    options.user = &now;
    options.allocator = &allocator;
    must(augs_memory_monitor_open(&options, &monitor, &error), "monitor");
    OUTPUT(augs_memory_scope, &scope);
    must(augs_memory_scope_begin(monitor, &scope, &error), "scope begin");
    OUTPUT(augs_memory_snapshot, &snapshot);
    must(augs_memory_monitor_read(monitor, &snapshot, &error), "read");
    FILLED(augs_memory_snapshot, &snapshot);
    printf("memory %s %s limit %" PRIu64 " allocator %" PRIu64 " %" PRIu64 " readings %" PRIu64
           "\n",
           augs_memory_level_name(snapshot.level), augs_memory_source_name(snapshot.source),
           snapshot.limit_bytes, snapshot.allocator.allocated_bytes,
           snapshot.allocator.retained_bytes, snapshot.n_readings);
    must(augs_memory_scope_end(monitor, &scope, &error), "scope end");
    FILLED(augs_memory_scope, &scope);
    printf("scope peak level %u readings %" PRIu64 "\n", scope.peak_level, scope.n_readings);
}

static void open_metrics(void)
{
    augs_metrics_options options;
    INPUT(augs_metrics_options, &options);
    options.capacity = 3;
    options.allocator = &allocator;
    must(augs_metrics_open(&options, &metrics, &error), "metrics");
}

static void read_metrics(void)
{
    augs_batch_metrics batch;
    augs_metrics_summary summary;
    OUTPUT(augs_metrics_summary, &summary);
    augs_metrics_summarize(metrics, &summary);
    FILLED(augs_metrics_summary, &summary);
    const uint64_t n_before = summary.n_batches;
    printf("metrics %" PRIu64 " batches %" PRIu64 " samples best %" PRIu64 "\n", n_before,
           summary.n_samples, summary.best_size);
    for (uint32_t i = 0; i < augs_metrics_n_held(metrics); i++) {
        OUTPUT(augs_batch_metrics, &batch);
        must(augs_metrics_get_batch(metrics, i, &batch, &error), "metrics of a batch");
        FILLED(augs_batch_metrics, &batch);
        printf("  step %" PRIu64 " part %u: %" PRIu64 " samples, %s\n", batch.step, batch.part,
               batch.n_samples, batch.why);
    }
    /* A batch that asks for something unknown is left out: there is no status to say so. */
    OUTPUT(augs_batch_metrics, &batch);
    batch.n_samples = 11;
    batch.seconds = 0.5;
    augs_metrics_add(metrics, &batch);
    augs_metrics_summarize(metrics, &summary);
    check(summary.n_batches == n_before + (strcmp(newer, "augs_batch_metrics") != 0),
          "a batch was not counted, or one that nobody understands was");
}

static void tell(augs_pipeline *pipeline, const augs_batch_info *info, uint64_t *n_batches)
{
    augs_feedback feedback;
    if (*n_batches == 1 && info->n_samples > 1) {
        must(augs_pipeline_retry(pipeline, info->step, info->part, 0, &error), "retry");
    } else {
        INPUT(augs_feedback, &feedback);
        feedback.epoch = info->epoch;
        feedback.step = info->step;
        feedback.part = info->part;
        feedback.seconds = 0.001 + 1e-6 * (double)info->n_samples;
        feedback.bytes = 4096 * info->n_samples;
        must(augs_pipeline_observe(pipeline, &feedback, &error), "observe");
    }
    ++*n_batches;
}

static void walk(augs_pipeline *pipeline)
{
    static char token[AUGS_TOKEN_BYTES];
    augs_batch_info info;
    augs_batch *batch;
    uint64_t n_batches = 0, digest[2], sum[2] = {0, 0};
    while (must(augs_pipeline_next(pipeline, &batch, &error), "next") > 0) {
        OUTPUT(augs_batch_info, &info);
        must(augs_batch_get_info(batch, &info), "info");
        FILLED(augs_batch_info, &info);
        augs_batch_digest(batch, digest);
        sum[0] += digest[0];
        sum[1] += digest[1];
        printf("  %" PRIu64 ".%u: %" PRIu64 " + %" PRIu64 " x %" PRIu64 " of %u, padded %" PRIu64
               " from %" PRIu64 " flags %u %s\n",
               info.step, info.part, info.first, info.n_samples, info.stride, info.world_size,
               info.n_padded, info.pad_first, info.flags, augs_pipeline_why(pipeline));
        augs_batch_unref(batch);
        tell(pipeline, &info, &n_batches);
    }
    must(augs_pipeline_token(pipeline, token, sizeof token, &error), "token");
    printf("  %" PRIu64 " batches, digest %" PRIx64 " %" PRIx64 ", left out %" PRIu64 "\n",
           n_batches, sum[0], sum[1], augs_pipeline_n_left_out(pipeline));
}

static void run_strategy(const char *name, const augs_strategy_ops *ops)
{
    uint64_t now = 0;
    augs_strategy_options of_strategy, defaults;
    augs_plan_options plan;
    augs_pipeline_options options;
    augs_pipeline *pipeline = NULL;
    const int sized = strcmp(name, "round_robin") != 0;
    INPUT(augs_strategy_options, &of_strategy);
    of_strategy.last_batch = AUGS_LAST_BATCH_KEEP;
    of_strategy.batch_size = !sized ? 0 : ops != NULL ? 7 : 100;
    of_strategy.batches = sized ? 0 : 9;
    INPUT(augs_plan_options, &plan);
    plan.strategy = name;
    plan.strategy_ops = ops;
    plan.strategy_options = &of_strategy;
    INPUT(augs_pipeline_options, &options);
    options.first_position = 3;
    options.n_positions = ops != NULL ? 60 : 0;
    options.plan = &plan;
    options.monitor = monitor;
    options.metrics = metrics;
    options.now_ns = now_ns;
    options.now_user = &now;
    options.feedback = AUGS_FEEDBACK_TOLD;
    printf("pipeline %s\n", name);
    must(augs_pipeline_open(stream, &options, &pipeline, &error), "pipeline");
    walk(pipeline);
    augs_pipeline_free(pipeline);
    if (ops == NULL) {
        OUTPUT(augs_strategy_options, &defaults);
        must(augs_strategy_defaults(name, &defaults, &error), "defaults");
        FILLED(augs_strategy_options, &defaults);
        printf("  defaults %" PRIu64 " %" PRIu64 " %" PRIu64 " %g %g\n", defaults.batch_size,
               defaults.min_batch_size, defaults.max_batch_size, defaults.memory_safety,
               defaults.max_growth);
    }
}

/* The table of a shipped strategy, used without a pipeline. */
static void drive_strategy(void)
{
    const augs_strategy_ops *ops;
    augs_strategy_options options;
    augs_plan_facts facts;
    augs_feedback feedback;
    augs_span span = {0, 0, 0};
    must(augs_strategy_find("adaptive", &ops, &error), "find");
    check(ops->size >= (uint32_t)augs_strategy_ops_v1_bytes, "table of a strategy");
    void *state = aligned_alloc(16, (ops->state_size + 15) / 16 * 16);
    memset(state, 0, ops->state_size);
    augs_strategy_options_init(&options);
    must(ops->init(state, &options, &error), "init");
    INPUT(augs_plan_facts, &facts);
    facts.world_size = 1;
    facts.n_samples = 1000;
    must(ops->plan(state, &facts, &span, &error), "plan");
    augs_feedback_init(&feedback);
    feedback.n_samples = span.count;
    feedback.seconds = 0.25;
    ops->observe(state, &feedback);
    facts.step = 1;
    facts.position = span.count;
    must(ops->plan(state, &facts, &span, &error), "plan");
    printf("adaptive by hand: %" PRIu64 " + %" PRIu64 " %s\n", span.first, span.count,
           ops->why(state));
    if (ops->done != NULL) {
        ops->done(state);
    }
    free(state);
}

static void run_own_strategy_and_sink(void)
{
    augs_strategy_ops ops;
    augs_sink_ops sink_ops;
    augs_sink *sink = NULL;
    augs_pipeline *pipeline = NULL;
    uint64_t n_samples = 0;
    INPUT(augs_strategy_ops, &ops);
    ops.name = "sevens";
    ops.state_size = sizeof(sevens);
    ops.init = sevens_init;
    ops.plan = sevens_plan;
    ops.observe = sevens_observe;
    run_strategy("sevens", &ops);
    INPUT(augs_sink_ops, &sink_ops);
    sink_ops.write = sink_write;
    must(augs_sink_open(&sink_ops, &n_samples, &sink, &error), "sink");
    must(augs_pipeline_open(stream, NULL, &pipeline, &error), "pipeline");
    must(augs_pipeline_run(pipeline, sink, &error), "run");
    printf("sink %" PRIu64 "\n", n_samples);
    augs_pipeline_free(pipeline);
    augs_sink_free(sink);
}

static void run_scheduler(void)
{
    augs_scheduler_options options;
    augs_scheduler *scheduler = NULL;
    augs_span span;
    INPUT(augs_scheduler_options, &options);
    options.n_samples = 1000;
    must(augs_scheduler_open(&options, &scheduler, &error), "scheduler");
    printf("scheduler");
    while (must(augs_scheduler_next(scheduler, &span, &error), "next span") > 0) {
        printf(" %" PRIu64 "+%" PRIu64, span.first, span.count);
    }
    printf(" left out %" PRIu64 "\n", augs_scheduler_n_left_out(scheduler));
    augs_scheduler_free(scheduler);
}

static void find_batch_size(void)
{
    augs_finder_options options;
    augs_finder_report report;
    INPUT(augs_finder_options, &options);
    options.max_batch_size = 4096;
    options.progress = on_trial;
    OUTPUT(augs_finder_report, &report);
    must(augs_batch_size_find(probe, NULL, &options, &report, &error), "finder");
    FILLED(augs_finder_report, &report);
    printf("finder %" PRIu64 " fits %" PRIu64 " not %" PRIu64 " in %u trials, safety %g\n",
           report.batch_size, report.largest_fit, report.smallest_misfit, report.n_trials,
           report.safety_factor);
}

static void write_chunks(const char *folder)
{
    char path[4096], file[4096 + 32];
    augs_chunks_options options;
    augs_chunks_estimate estimate;
    augs_chunks_report report;
    augs_chunks_verify_options of_verify;
    augs_chunks_summary summary;
    snprintf(path, sizeof path, "%s/chunks", folder);
    INPUT(augs_chunks_options, &options);
    options.format = AUGS_FORMAT_NPY;
    options.chunk_size = 400;
    OUTPUT(augs_chunks_estimate, &estimate);
    must(augs_chunks_get_estimate(stream, path, &options, &estimate, &error), "estimate");
    FILLED(augs_chunks_estimate, &estimate);
    printf("estimate %" PRIu64 " chunks, %" PRIu64 " samples, %" PRIu64 " bytes\n",
           estimate.n_chunks, estimate.n_samples, estimate.n_bytes);
    OUTPUT(augs_chunks_report, &report);
    must(augs_chunks_write(stream, path, &options, &report, &error), "chunks");
    FILLED(augs_chunks_report, &report);
    printf("chunks complete %u: %" PRIu64 " made, %" PRIu64 " kept, %" PRIu64 " samples, %" PRIu64
           " bytes\n",
           report.complete, report.n_made, report.n_kept, report.n_samples, report.n_bytes);
    snprintf(file, sizeof file, "%s/part-000001.scale.npy", path);
    check(remove(file) == 0, "no part-000001.scale.npy was written");
    INPUT(augs_chunks_verify_options, &of_verify);
    of_verify.finding = on_finding;
    OUTPUT(augs_chunks_summary, &summary);
    const int status = augs_chunks_verify(path, &of_verify, &summary, &error);
    if (status == AUGS_E_ARGUMENT) {
        must(status, "verify");
    }
    FILLED(augs_chunks_summary, &summary);
    printf("verify %s: %" PRIu64 " good, %" PRIu64 " samples, digest %" PRIx64 "\n",
           augs_status_name(status), summary.n_chunks, summary.n_samples, summary.digest[0]);
}

static void open_network(void)
{
    const char *const endpoints[] = {"tcp://127.0.0.1:9"};
    augs_server_options of_server;
    augs_job_options job;
    augs_server_stats server_stats;
    augs_subscriber_options of_subscriber;
    augs_subscriber_stats subscriber_stats;
    augs_server *server = NULL;
    augs_subscriber *subscriber = NULL;
    INPUT(augs_server_options, &of_server);
    of_server.endpoint = "tcp://127.0.0.1:0";
    of_server.logger.function = on_log;
    of_server.allocator = &allocator;
    must(augs_server_open(&of_server, &server, &error), "server");
    INPUT(augs_job_options, &job);
    job.name = "client";
    must(augs_server_add_job(server, stream, &job, &error), "job");
    OUTPUT(augs_server_stats, &server_stats);
    augs_server_get_stats(server, &server_stats);
    FILLED(augs_server_stats, &server_stats);
    INPUT(augs_subscriber_options, &of_subscriber);
    of_subscriber.n_endpoints = 1;
    of_subscriber.endpoints = endpoints;
    of_subscriber.job = "client";
    of_subscriber.allocator = &allocator;
    must(augs_subscriber_open(&of_subscriber, &subscriber, &error), "subscriber");
    OUTPUT(augs_subscriber_stats, &subscriber_stats);
    augs_subscriber_get_stats(subscriber, &subscriber_stats);
    FILLED(augs_subscriber_stats, &subscriber_stats);
    printf("server %u peers, subscriber %" PRIu64 " batches\n", server_stats.n_peers,
           subscriber_stats.n_batches);
    augs_subscriber_free(subscriber);
    augs_server_free(server);
}

int main(int argc, char **argv)
{
    check(argc == 2 || argc == 3, "usage: client FOLDER [STRUCT]");
    newer = argc == 3 ? argv[2] : "";
    open_presets();
    open_stream();
    read_memory(argv[1]);
    open_metrics();
    for (uint32_t i = 0; i < augs_strategy_count(); i++) {
        run_strategy(augs_strategy_name(i), NULL);
    }
    run_own_strategy_and_sink();
    drive_strategy();
    read_metrics();
    run_scheduler();
    find_batch_size();
    write_chunks(argv[1]);
    open_network();
    augs_metrics_free(metrics);
    augs_memory_monitor_free(monitor);
    augs_stream_unref(stream);
    augs_preset_unref(preset);
    printf("done\n");
    return 0;
}
