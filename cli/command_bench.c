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

enum { MOST_CANDIDATES = 64, SPEC_BYTES = 200 };

typedef struct candidate {
    char name[SPEC_BYTES];
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

/* ---- strategies ---- */

/* Options that say how a strategy decides; drop_last and the rest of the plan are the job's. */
static bool is_strategy_option(size_t id)
{
    const enum option_group group = option_group_of((enum option_id)id, CMD_PLAN);
    return id < N_OPTIONS && id != OPT_STRATEGY &&
           option_use_of((enum option_id)id, CMD_PLAN) != NULL &&
           (group == GROUP_BATCHES || group == GROUP_LEARNING);
}

static int refuse_own_option(const char *spec, const char *name)
{
    char hint[128];
    suggestion near;
    suggest_init(&near, name);
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (is_strategy_option(i)) {
            suggest_offer(&near, options[i].name);
        }
    }
    return complain(EXIT_USAGE,
                    "--strategy '%s': strategies have no option '%s'%s; accepted: their options "
                    "in augstream plan --help, such as batches=10 or max-memory-mb=500",
                    spec, name, suggest_text(&near, hint, sizeof hint));
}

/* One "option=value", or the name of a flag, of --strategy NAME:... */
static int read_own_option(arguments *own, const char *spec, const char *strategy, char *text)
{
    char called[160];
    char *value = strchr(text, '=');
    if (value != NULL) {
        *value++ = '\0';
    }
    const enum option_id id = option_find(text, strlen(text), CMD_PLAN);
    if (!is_strategy_option(id)) {
        return refuse_own_option(spec, text);
    }
    const option_use *use = option_use_of(id, CMD_PLAN);
    if ((use->kind == KIND_FLAG) != (value == NULL)) {
        return complain(EXIT_USAGE, "--strategy '%s': %s has %s value; accepted: %s%s%s", spec,
                        text, value == NULL ? "no" : "a", text, use->value != NULL ? "=" : "",
                        use->value != NULL ? use->value : "");
    }
    if (own->given[id]) {
        return complain(EXIT_USAGE, "--strategy '%s': %s is given twice", spec, text);
    }
    if (!option_is_of_strategy(id, CMD_PLAN, strategy)) {
        return complain(EXIT_USAGE, "--strategy '%s': %s is not an option of %s; accepted with: %s",
                        spec, text, strategy, use->owners);
    }
    own->given[id] = true;
    snprintf(called, sizeof called, "--strategy '%.80s': %s", spec, text);
    return value == NULL ? EXIT_DONE
                         : option_parse_value(id, CMD_PLAN, called, value, &own->values[id]);
}

/* An option of the strategy itself comes before one for all strategies. */
static void merge_options(arguments *ret_merged, const arguments *all, const arguments *own,
                          const char *strategy)
{
    *ret_merged = *all;
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const enum option_id id = (enum option_id)i;
        if (!is_strategy_option(i)) {
            continue;
        }
        if (own->given[i]) {
            ret_merged->values[i] = own->values[i];
            ret_merged->given[i] = true;
        } else if (!option_is_of_strategy(id, CMD_PLAN, strategy)) {
            ret_merged->values[i] = (option_value){.text = NULL};
            ret_merged->given[i] = false;
        }
    }
}

/* What sequential has: as many batches, dealt out. Limits for all are not of its sizes. */
static void default_round_robin(comparison *of, candidate *one, const arguments *own)
{
    augs_strategy_options sequential = {.size = sizeof sequential};
    augs_strategy_defaults("sequential", &sequential, NULL);
    const uint64_t given = option_whole(of->job.arguments, OPT_BATCH_SIZE);
    const uint64_t size = given != 0 ? given : sequential.batch_size;
    if (one->options.batches == 0) {
        one->options.batches = (of->job.n_samples + size - 1) / size;
    }
    one->options.min_samples = own->given[OPT_MIN] ? one->options.min_samples : 0;
    one->options.max_samples = own->given[OPT_MAX] ? one->options.max_samples : 0;
}

/* `strategy` is one of the library's names; `list` is changed. */
static int add_strategy(comparison *of, const char *spec, const char *strategy, char *list)
{
    arguments own = {.command = of->job.arguments->command}, merged;
    char *rest = NULL;
    if (of->n == MOST_CANDIDATES) {
        return complain(EXIT_USAGE, "--strategy '%s' is one too many; accepted: up to %d", spec,
                        MOST_CANDIDATES);
    }
    candidate *one = &of->candidates[of->n++];
    snprintf(one->name, sizeof one->name, "%s", spec);
    for (char *text = strtok_r(list, ",", &rest); text != NULL; text = strtok_r(NULL, ",", &rest)) {
        int result = read_own_option(&own, spec, strategy, text);
        if (result != EXIT_DONE) {
            return result;
        }
    }
    merge_options(&merged, of->job.arguments, &own, strategy);
    read_plan(&merged, &one->options, &one->plan);
    one->plan.strategy = strategy;
    if (strcmp(strategy, "round_robin") == 0) {
        default_round_robin(of, one, &own);
    }
    return EXIT_DONE;
}

static int refuse_strategy(const char *name)
{
    char hint[128], accepted[160] = "";
    suggestion near;
    suggest_init(&near, name);
    for (uint32_t i = 0; augs_strategy_name(i) != NULL; i++) {
        const size_t used = strlen(accepted);
        suggest_offer(&near, augs_strategy_name(i));
        snprintf(accepted + used, sizeof accepted - used, "%s%s", i > 0 ? ", " : "",
                 augs_strategy_name(i));
    }
    return complain(EXIT_USAGE, "--strategy '%s' is unknown%s; accepted: %s, each with options: %s",
                    name, suggest_text(&near, hint, sizeof hint), accepted,
                    option_use_of(OPT_STRATEGY, CMD_BENCH_STRATEGIES)->accepted);
}

/* NAME or NAME:OPTION=VALUE,... */
static int add_specified(comparison *of, const char *spec)
{
    char copy[SPEC_BYTES];
    const augs_strategy_ops *ops = NULL;
    if (strlen(spec) >= sizeof copy) {
        return complain(EXIT_USAGE, "--strategy '%.40s...' is too long; accepted: up to %d bytes",
                        spec, SPEC_BYTES - 1);
    }
    strcpy(copy, spec);
    char *list = strchr(copy, ':');
    if (list != NULL) {
        *list++ = '\0';
    }
    if (augs_strategy_find(copy, &ops, NULL) < 0) {
        return refuse_strategy(copy);
    }
    return add_strategy(of, spec, ops->name, list != NULL ? list : copy + strlen(copy));
}

static int add_strategies(comparison *of)
{
    const option_list *given = &of->job.arguments->lists[OPT_STRATEGY];
    const char *name;
    int result = EXIT_DONE;
    for (unsigned i = 0; i < given->n && result == EXIT_DONE; i++) {
        result = add_specified(of, given->texts[i]);
    }
    for (uint32_t i = 0; given->n == 0 && (name = augs_strategy_name(i)) != NULL; i++) {
        result = result == EXIT_DONE ? add_specified(of, name) : result;
    }
    return result;
}

/* ---- sizes ---- */

static int add_sizes(comparison *of)
{
    const char *list = option_text(of->job.arguments, OPT_SIZES);
    while (*list != '\0') {
        char text[32];
        uint64_t size = 0;
        const size_t n = strcspn(list, ",");
        snprintf(text, sizeof text, "%.*s", (int)n, list);
        if (n >= sizeof text || !parse_whole(text, &size) || size == 0 || size > 1u << 30 ||
            of->n == MOST_CANDIDATES) {
            return complain(EXIT_USAGE,
                            "--sizes '%s': '%s' is no size; accepted: up to %d whole numbers from "
                            "1 to %u, with "
                            "commas between them",
                            option_text(of->job.arguments, OPT_SIZES), text, MOST_CANDIDATES,
                            1u << 30);
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
static int compare(const arguments *of, int (*add)(comparison *), const char *what)
{
    comparison *all = calloc(1, sizeof *all);
    if (all == NULL) {
        return complain(EXIT_FAILED, "no memory for %zu bytes", sizeof *all);
    }
    int result = bench_job_open(&all->job, of);
    result = result == EXIT_DONE ? add(all) : result;
    result = result == EXIT_DONE ? run_all(all, what) : result;
    bench_job_close(&all->job);
    free(all);
    return result;
}

int command_bench_strategies(const arguments *of)
{
    return compare(of, add_strategies, "strategies");
}

int command_bench_batch_size(const arguments *of)
{
    return compare(of, add_sizes, "sizes");
}
