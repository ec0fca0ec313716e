/* SPDX-License-Identifier: Apache-2.0 */
/* Comparisons on one job: strategies, or batch sizes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_consumer.h"
#include "exit_status.h"
#include "json_out.h"
#include "stream_arguments.h"
#include "suggest.h"

enum { MOST_CANDIDATES = 64 };

typedef struct candidate {
    char name[32];
    augs_strategy_options options;
    augs_plan_options plan;
    bench_result result;
} candidate;

typedef struct comparison {
    bench_job job;
    candidate candidates[MOST_CANDIDATES];
    unsigned n;
} comparison;

static void print_table(const comparison *of, const char *what)
{
    unsigned best = 0;
    for (unsigned i = 1; i < of->n; i++) {
        best = of->candidates[i].result.summary.mean_throughput >
                       of->candidates[best].result.summary.mean_throughput
                   ? i
                   : best;
    }
    printf("%-17s %9s %9s %9s %9s %12s %10s %10s %10s\n", what, "batches", "mean size", "least",
           "most", "samples/s", "p50 ms", "p95 ms", "p99 ms");
    for (unsigned i = 0; i < of->n; i++) {
        const bench_result *result = &of->candidates[i].result;
        const augs_metrics_summary *sum = &result->summary;
        printf("%-17s %9" PRIu64 " %9.1f %9" PRIu64 " %9" PRIu64 " %12.0f %10.3f %10.3f %10.3f%s\n",
               of->candidates[i].name, sum->n_batches, sum->mean_size, result->least, result->most,
               sum->mean_throughput, sum->p50_seconds * 1e3, sum->p95_seconds * 1e3,
               sum->p99_seconds * 1e3, i == best ? "  <- best" : "");
    }
}

static void print_json(const comparison *of, const char *what)
{
    printf("{\"%s\":[\n", what);
    for (unsigned i = 0; i < of->n; i++) {
        const bench_result *result = &of->candidates[i].result;
        const augs_metrics_summary *sum = &result->summary;
        json_out json;
        fputs(i == 0 ? "" : ",", stdout);
        json_begin(&json, stdout);
        json_text(&json, "name", of->candidates[i].name);
        json_whole(&json, "batches", sum->n_batches);
        json_whole(&json, "samples", sum->n_samples);
        json_number(&json, "mean_size", sum->mean_size);
        json_whole(&json, "least_size", result->least);
        json_whole(&json, "most_size", result->most);
        json_number(&json, "samples_per_second", sum->mean_throughput);
        json_number(&json, "p50_seconds", sum->p50_seconds);
        json_number(&json, "p95_seconds", sum->p95_seconds);
        json_number(&json, "p99_seconds", sum->p99_seconds);
        json_whole(&json, "peak_bytes", sum->peak_bytes);
        json_end(&json);
    }
    puts("]}");
}

static int run_all(comparison *of, const char *what)
{
    const arguments *given = of->job.arguments;
    for (unsigned i = 0; i < of->n; i++) {
        candidate *one = &of->candidates[i];
        one->plan.strategy_options = &one->options;
        tell(given->given[OPT_QUIET], "%s: %" PRIu64 " samples...", one->name, of->job.n_samples);
        int result = bench_job_run(&of->job, &one->plan, &one->result);
        if (result != EXIT_DONE) {
            return result;
        }
    }
    if (given->given[OPT_JSON]) {
        print_json(of, what);
    } else {
        print_table(of, what);
    }
    return EXIT_DONE;
}

/* The options of the command line that this strategy takes. */
static void add_strategy(comparison *of, const char *name)
{
    candidate *one = &of->candidates[of->n++];
    snprintf(one->name, sizeof one->name, "%s", name);
    read_plan(of->job.arguments, &one->options, &one->plan);
    one->plan.strategy = one->name;
    const augs_strategy_options all = one->options;
    const uint64_t n = of->job.n_samples, size = all.batch_size != 0 ? all.batch_size : 32;
    if (strcmp(name, "round_robin") == 0) {
        one->options =
            (augs_strategy_options){.size = sizeof all, .batches = (n + size - 1) / size};
    } else if (strcmp(name, "sequential") == 0) {
        one->options = (augs_strategy_options){.size = sizeof all,
                                               .batch_size = all.batch_size,
                                               .min_samples = all.min_samples,
                                               .max_samples = all.max_samples,
                                               .multiple_of = all.multiple_of};
    } else if (strcmp(name, "memory_optimized") == 0) {
        one->options.target_seconds = one->options.target_memory = 0;
        one->options.growth = one->options.reduction = 0;
    } else {
        one->options.safety = 0;
        one->options.memory_rule = 0;
    }
}

static int unknown_strategy(const char *name)
{
    char hint[128];
    char accepted[160] = "";
    suggestion near;
    suggest_init(&near, name);
    for (uint32_t i = 0; augs_strategy_name(i) != NULL; i++) {
        const size_t used = strlen(accepted);
        suggest_offer(&near, augs_strategy_name(i));
        snprintf(accepted + used, sizeof accepted - used, "%s%s", i > 0 ? ", " : "",
                 augs_strategy_name(i));
    }
    return complain(EXIT_USAGE, "--strategies: '%s' is unknown%s; accepted: %s", name,
                    suggest_text(&near, hint, sizeof hint), accepted);
}

static int add_named(comparison *of, const char *list)
{
    while (*list != '\0') {
        char name[32];
        const size_t n = strcspn(list, ",");
        snprintf(name, sizeof name, "%.*s", (int)n, list);
        const augs_strategy_ops *ops;
        if (n >= sizeof name || augs_strategy_find(name, &ops, NULL) < 0) {
            return unknown_strategy(name);
        }
        if (of->n == MOST_CANDIDATES) {
            return complain(EXIT_USAGE, "--strategies: accepted are %d at most", MOST_CANDIDATES);
        }
        add_strategy(of, name);
        list += n + (list[n] == ',');
    }
    return of->n > 0 ? EXIT_DONE : unknown_strategy("");
}

static int add_sizes(comparison *of, const char *list)
{
    while (*list != '\0') {
        char text[32];
        uint64_t size = 0;
        const size_t n = strcspn(list, ",");
        snprintf(text, sizeof text, "%.*s", (int)n, list);
        if (n >= sizeof text || !parse_whole(text, &size) || size == 0 || size > 1u << 30 ||
            of->n == MOST_CANDIDATES) {
            return complain(EXIT_USAGE,
                            "--sizes '%s'; accepted: up to %d whole numbers from 1 to %u, with "
                            "commas between them",
                            text, MOST_CANDIDATES, 1u << 30);
        }
        candidate *one = &of->candidates[of->n++];
        snprintf(one->name, sizeof one->name, "%" PRIu64, size);
        one->options = (augs_strategy_options){.size = sizeof one->options, .batch_size = size};
        one->plan = (augs_plan_options){.size = sizeof one->plan, .strategy = "sequential"};
        list += n + (list[n] == ',');
    }
    return of->n > 0 ? EXIT_DONE : complain(EXIT_USAGE, "--sizes: there is none");
}

/* Opens the job, fills in the candidates, runs them. */
static int compare(const arguments *of, int (*add)(comparison *, const char *), const char *list,
                   const char *what)
{
    comparison *all = calloc(1, sizeof *all);
    if (all == NULL) {
        return complain(EXIT_FAILED, "no memory for %zu bytes", sizeof *all);
    }
    int result = bench_job_open(&all->job, of);
    result = result == EXIT_DONE ? add(all, list) : result;
    result = result == EXIT_DONE ? run_all(all, what) : result;
    bench_job_close(&all->job);
    free(all);
    return result;
}

static int add_all(comparison *of, const char *list)
{
    (void)list;
    for (uint32_t i = 0; augs_strategy_name(i) != NULL; i++) {
        add_strategy(of, augs_strategy_name(i));
    }
    return EXIT_DONE;
}

int command_bench_strategies(const arguments *of)
{
    const char *list = option_text(of, OPT_BENCH_STRATEGIES, NULL);
    return compare(of, list != NULL ? add_named : add_all, list, "strategies");
}

int command_bench_batch_size(const arguments *of)
{
    return compare(of, add_sizes, option_text(of, OPT_SIZES, "1,4,8,16,32"), "sizes");
}
