/* SPDX-License-Identifier: Apache-2.0 */
/* Comparisons on one job: strategies, or batch sizes. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench_consumer.h"
#include "cli/exit_status.h"
#include "cli/json_out.h"
#include "cli/options/help.h"
#include "cli/stream_arguments.h"

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

/* ---- the result ---- */

/* Fewer batches in the second half of a run say little about a strategy. */
enum { ENOUGH_BATCHES = 3, EXPLANATION_BYTES = 2048 };

static bool has_enough(const comparison *of, unsigned i)
{
    return of->candidates[i].result.n_late_batches >= ENOUGH_BATCHES;
}

/* By the rate after learning; one with too few batches only if all have too few. `but`: without
 * that one; of->n = none is left. */
static unsigned find_best(const comparison *of, unsigned but)
{
    unsigned best = of->n;
    for (unsigned i = 0; i < of->n; i++) {
        if (i == but) {
            continue;
        }
        const bool is_better =
            best == of->n || (has_enough(of, i) && !has_enough(of, best)) ||
            (has_enough(of, i) == has_enough(of, best) &&
             of->candidates[i].result.late_rate > of->candidates[best].result.late_rate);
        best = is_better ? i : best;
    }
    return best;
}

/* Appends a sentence. */
__attribute__((format(printf, 2, 3))) static void add_text(char *text, const char *format, ...)
{
    va_list values;
    const size_t used = strlen(text);
    va_start(values, format);
    vsnprintf(text + used, EXPLANATION_BYTES - used, format, values);
    va_end(values);
}

static void explain_candidate(const comparison *of, unsigned i, char *text)
{
    const candidate *one = &of->candidates[i];
    const bench_result *result = &one->result;
    const augs_strategy_ops *ops = NULL;
    const bool learns = augs_strategy_find(one->plan.strategy, &ops, NULL) == AUGS_OK &&
                        (ops->flags & AUGS_STRATEGY_FIXED) == 0;
    if (learns && has_enough(of, i)) {
        add_text(text,
                 " %s settled at about %.0f samples per batch; learning cost %.3g s of %.3g s.",
                 one->name, result->late_size, result->learning_seconds, result->seconds);
    }
    if (!has_enough(of, i)) {
        add_text(text,
                 " %s had %" PRIu64 " batch%s in the second half of its run, which is too few to "
                 "judge it: give more --samples, or a --max-batch-size for its batches.",
                 one->name, result->n_late_batches, result->n_late_batches == 1 ? "" : "es");
    }
}

/* The result in words. */
static void explain(const comparison *of, unsigned best, char *ret_text)
{
    const candidate *first = &of->candidates[best];
    const unsigned next = find_best(of, best);
    ret_text[0] = '\0';
    add_text(ret_text, "%s is best with %.0f samples/s", first->name, first->result.late_rate);
    if (next < of->n) {
        const candidate *second = &of->candidates[next];
        const double ratio = first->result.late_rate / second->result.late_rate;
        if (ratio < 1.01) {
            add_text(ret_text, "; %s is as fast, within 1 %%.", second->name);
        } else if (ratio < 2) {
            add_text(ret_text, ", %.0f %% more than the next, %s.", (ratio - 1) * 100,
                     second->name);
        } else {
            add_text(ret_text, ", %.1f times as many as the next, %s.", ratio, second->name);
        }
    } else {
        add_text(ret_text, "; it was the only one.");
    }
    for (unsigned i = 0; i < of->n; i++) {
        explain_candidate(of, i, ret_text);
    }
}

static void print_table(const comparison *of, const char *what, unsigned best)
{
    char text[EXPLANATION_BYTES];
    int width = (int)strlen(what);
    for (unsigned i = 0; i < of->n; i++) {
        const int n = (int)strlen(of->candidates[i].name);
        width = n > width ? n : width;
    }
    printf("%-*s %8s %7s %7s %7s %11s %11s %9s %9s\n", width, what, "batches", "least", "most",
           "size", "samples/s", "whole run", "p50 ms", "p95 ms");
    for (unsigned i = 0; i < of->n; i++) {
        const bench_result *result = &of->candidates[i].result;
        const augs_metrics_summary *sum = &result->summary;
        printf("%-*s %8" PRIu64 " %7" PRIu64 " %7" PRIu64 " %7.0f %11.0f %11.0f %9.3f %9.3f%s\n",
               width, of->candidates[i].name, sum->n_batches, result->least, result->most,
               result->late_size, result->late_rate, sum->mean_throughput, sum->p50_seconds * 1e3,
               sum->p95_seconds * 1e3, i == best ? "  <- best" : "");
    }
    explain(of, best, text);
    putchar('\n');
    help_put_text(stdout, text);
    help_put_text(stdout,
                  "Size and samples/s are of the second half of the samples, after learning; "
                  "the whole run includes it.");
}

static void print_candidate(const candidate *one)
{
    const bench_result *result = &one->result;
    const augs_metrics_summary *sum = &result->summary;
    json_out json;
    json_begin(&json, stdout);
    json_text(&json, "name", one->name);
    json_whole(&json, "batches", sum->n_batches);
    json_whole(&json, "samples", sum->n_samples);
    json_number(&json, "mean_size", sum->mean_size);
    json_whole(&json, "least_size", result->least);
    json_whole(&json, "most_size", result->most);
    json_number(&json, "samples_per_second", sum->mean_throughput);
    json_number(&json, "learned_samples_per_second", result->late_rate);
    json_number(&json, "learned_size", result->late_size);
    json_whole(&json, "learned_batches", result->n_late_batches);
    json_number(&json, "learning_seconds", result->learning_seconds);
    json_number(&json, "seconds", result->seconds);
    json_number(&json, "p50_seconds", sum->p50_seconds);
    json_number(&json, "p95_seconds", sum->p95_seconds);
    json_number(&json, "p99_seconds", sum->p99_seconds);
    json_whole(&json, "peak_bytes", sum->peak_bytes);
    json_end(&json);
}

static void print_json(const comparison *of, const char *what, unsigned best)
{
    char text[EXPLANATION_BYTES];
    explain(of, best, text);
    printf("{\"%s\":[\n", what);
    for (unsigned i = 0; i < of->n; i++) {
        fputs(i == 0 ? "" : ",", stdout);
        print_candidate(&of->candidates[i]);
    }
    fputs("],\"best\":", stdout);
    json_put_string(stdout, of->candidates[best].name);
    fputs(",\"explanation\":", stdout);
    json_put_string(stdout, text);
    puts("}");
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
    (given->given[OPT_JSON] ? print_json : print_table)(of, what, find_best(of, of->n));
    return EXIT_DONE;
}

/* ---- strategies ---- */

/* Options that say how a strategy decides; drop_last and the rest of the plan are the job's.
 * id: N_OPTIONS for a name that no option has. */
static bool is_strategy_option(size_t id)
{
    if (id >= N_OPTIONS || id == OPT_STRATEGY ||
        option_use_of((enum option_id)id, CMD_PLAN) == NULL) {
        return false;
    }
    const enum option_group group = option_group_of((enum option_id)id, CMD_PLAN);
    return group == GROUP_BATCHES || group == GROUP_LEARNING;
}

static int refuse_own_option(const char *spec, const char *name)
{
    char hint[AUGSI_HINT_BYTES];
    augsi_suggestion near = {.word = name};
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (is_strategy_option(i)) {
            option_suggest(&near, (enum option_id)i, options[i]->name);
        }
    }
    return complain(EXIT_USAGE,
                    "--strategy '%s': strategies have no option '%s'%s; accepted: their options "
                    "in augstream plan --help, such as batches=10 or max-memory-mb=500",
                    spec, name, augsi_suggestion_text(&near, hint));
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
    one->options.min_batch_size = own->given[OPT_MIN] ? one->options.min_batch_size : 0;
    one->options.max_batch_size = own->given[OPT_MAX] ? one->options.max_batch_size : 0;
}

/* `strategy` is one of the library's names; `list`, NULL or changed, is its options. */
static int add_strategy(comparison *of, const char *spec, const char *strategy, char *list)
{
    arguments own = {.command = of->job.arguments->command}, merged;
    if (of->n == MOST_CANDIDATES) {
        return complain(EXIT_USAGE, "--strategy '%s' is one too many; accepted: up to %d", spec,
                        MOST_CANDIDATES);
    }
    candidate *one = &of->candidates[of->n++];
    snprintf(one->name, sizeof one->name, "%s", spec);
    for (char *text; (text = strsep(&list, ",")) != NULL;) {
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
    augsi_known_words known = {.near.word = name};
    for (uint32_t i = 0; augs_strategy_name(i) != NULL; i++) {
        augsi_known_word(&known, augs_strategy_name(i));
    }
    return complain(EXIT_USAGE, "--strategy '%s' is unknown%s, each with options: %s", name,
                    augsi_known_words_text(&known, "accepted"),
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
    return add_strategy(of, spec, ops->name, list);
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
