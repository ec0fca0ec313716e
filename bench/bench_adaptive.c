/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How close strategies that learn come to the best fixed size, on simulated consumers.
 *
 *   bench_adaptive                      every named scenario, median of 20 seeds
 *   bench_adaptive worst                adaptive: the median and the worst of 100 seeds
 *   bench_adaptive random N             N random ones: quantiles
 *   bench_adaptive late                 adaptive: feedback 0, 1 and 16 batches late
 *   bench_adaptive cost                 microseconds of a plan and an observation
 *   bench_adaptive trace STRATEGY SCENARIO SEED
 *
 * Each line but those of `trace` is a JSON object: a row of a table, or a figure. Throughput is in
 * per cent of the best fixed size: `full` over all batches, `last` over the last 100, `settled`
 * over the last 50.
 */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <augstream/augstream.h>

#include "cost_scenario.h"
#include "peer_strategies.h"

#define N_SEEDS 20u
#define N_STRATEGIES 7u

static const augs_strategy_ops *strategies[N_STRATEGIES] = {
    NULL,         &peer_growth_only, &peer_aimd, &peer_doubling, &peer_hill_climb,
    &peer_golden, &peer_gradient};

_Noreturn static void die(const char *message)
{
    fprintf(stderr, "bench_adaptive: %s\n", message);
    exit(EXIT_FAILURE);
}

static scenario_result run(const cost_scenario *s, const augs_strategy_ops *ops, uint64_t seed)
{
    scenario_result result;
    augs_error error = {.message = ""};
    if (scenario_run(s, ops, seed, 0, &result, &error) < 0) {
        die(error.message);
    }
    return result;
}

/* Medians over the seeds; the worst of what must not happen. */
static scenario_result median(const cost_scenario *s, const augs_strategy_ops *ops)
{
    double full[N_SEEDS], last[N_SEEDS], late[N_SEEDS], without[N_SEEDS];
    scenario_result m = {0};
    for (uint32_t i = 0; i < N_SEEDS; i++) {
        scenario_result r = run(s, ops, i);
        full[i] = r.full;
        last[i] = r.last;
        late[i] = r.late;
        without[i] = r.without_first;
        m.n_over = r.n_over > m.n_over ? r.n_over : m.n_over;
        m.n_over_known = r.n_over_known > m.n_over_known ? r.n_over_known : m.n_over_known;
    }
    m.full = scenario_quantile(full, N_SEEDS, 0.5);
    m.last = scenario_quantile(last, N_SEEDS, 0.5);
    m.late = scenario_quantile(late, N_SEEDS, 0.5);
    m.without_first = scenario_quantile(without, N_SEEDS, 0.5);
    return m;
}

static bool reached(const scenario_result *r)
{
    return r->full >= 0.92 && r->last >= 0.97 && r->late <= 0.05 && r->n_over <= 1 &&
           r->n_over_known == 0;
}

static void print_result(const scenario_result *r)
{
    printf("\"full\":%.1f,\"last\":%.1f,\"late\":%s,\"over_memory\":%s,\"reached\":%s",
           100 * r->full, 100 * r->last, r->late > 0.05 ? "true" : "false",
           r->n_over_known > 0 || r->n_over > 1 ? "true" : "false", reached(r) ? "true" : "false");
}

static void named_table(void)
{
    uint64_t size = 0;
    const cost_scenario *s;
    for (uint32_t n = 0; (s = scenario_named(n)) != NULL; n++) {
        scenario_best_fixed(s, SCENARIO_BATCHES - 100, SCENARIO_BATCHES, &size);
        for (uint32_t p = 0; p < N_STRATEGIES; p++) {
            const scenario_result r = median(s, strategies[p]);
            printf("{\"table\":\"named\",\"scenario\":\"%s\",\"best_size\":%" PRIu64
                   ",\"strategy\":\"%s\",\"runs\":%u,",
                   s->name, size, strategies[p]->name, N_SEEDS);
            print_result(&r);
            printf(",\"without_first\":%.1f}\n", 100 * r.without_first);
        }
    }
}

/* Runs n random scenarios with one strategy and prints its row. */
static void random_row(const augs_strategy_ops *ops, uint32_t n, double *full, double *last)
{
    static const double quantiles[] = {0.05, 0.1, 0.25, 0.5};
    double sum_full = 0, sum_last = 0;
    uint32_t n_reached = 0, n_late = 0, n_over = 0;
    for (uint32_t i = 0; i < n; i++) {
        const cost_scenario s = scenario_random(i);
        const scenario_result r = run(&s, ops, i);
        sum_full += full[i] = fmin(r.without_first, 1);
        sum_last += last[i] = fmin(r.last, 1);
        n_reached += full[i] >= 0.92 && last[i] >= 0.97;
        n_late += r.late > 0.05;
        n_over += r.n_over > 1 || r.n_over_known > 0;
    }
    printf("{\"table\":\"random\",\"strategy\":\"%s\",\"runs\":%u,\"mean\":[%.1f,%.1f]", ops->name,
           n, 100 * sum_full / n, 100 * sum_last / n);
    for (int q = 0; q < 4; q++) {
        printf(",\"p%g\":[%.1f,%.1f]", 100 * quantiles[q],
               100 * scenario_quantile(full, n, quantiles[q]),
               100 * scenario_quantile(last, n, quantiles[q]));
    }
    printf(",\"reached\":%.1f,\"late\":%u,\"over_memory\":%u}\n", 100.0 * n_reached / n, n_late,
           n_over);
}

static void random_table(uint32_t n)
{
    double *full = calloc(n, sizeof *full), *last = calloc(n, sizeof *last);
    if (full == NULL || last == NULL) {
        die("no memory");
    }
    for (uint32_t p = 0; p < N_STRATEGIES; p++) {
        random_row(strategies[p], n, full, last);
    }
    free(full);
    free(last);
}

static void worst_table(void)
{
    enum { SEEDS = 100 };
    static const struct {
        const char *name;
        double quantile;
    } columns[] = {{"median", 0.5}, {"p5", 0.05}, {"worst", 0}};
    double full[SEEDS], last[SEEDS], settled[SEEDS];
    const cost_scenario *s;
    for (uint32_t n = 0; (s = scenario_named(n)) != NULL; n++) {
        for (uint32_t i = 0; i < SEEDS; i++) {
            const scenario_result r = run(s, strategies[0], i);
            full[i] = r.full;
            last[i] = r.last;
            settled[i] = r.settled;
        }
        printf("{\"table\":\"worst\",\"scenario\":\"%s\",\"runs\":%d", s->name, SEEDS);
        for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++) {
            printf(",\"%s\":[%.1f,%.1f,%.1f]", columns[c].name,
                   100 * scenario_quantile(full, SEEDS, columns[c].quantile),
                   100 * scenario_quantile(last, SEEDS, columns[c].quantile),
                   100 * scenario_quantile(settled, SEEDS, columns[c].quantile));
        }
        printf("}\n");
    }
}

/* Every scenario with the same delay: how much of what is reached without one remains. */
static void late_table(void)
{
    static const uint32_t delays[] = {0, 1, 16};
    const cost_scenario *named;
    for (uint32_t n = 0; (named = scenario_named(n)) != NULL; n++) {
        for (size_t d = 0; d < sizeof delays / sizeof delays[0]; d++) {
            cost_scenario s = *named;
            s.delay = delays[d];
            const scenario_result r = median(&s, strategies[0]);
            printf("{\"table\":\"late\",\"scenario\":\"%s\",\"delay\":%u,\"runs\":%u,", s.name,
                   delays[d], N_SEEDS);
            print_result(&r);
            printf("}\n");
        }
    }
}

static double cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec * 1e-3;
}

static void cost_table(void)
{
    enum { RUNS = 200 };
    static double us[RUNS];
    const cost_scenario *s = scenario_named(8); /* many sizes, much noise */
    for (uint32_t i = 0; i < RUNS; i++) {
        double start = cpu_us();
        run(s, strategies[0], i);
        us[i] = (cpu_us() - start) / SCENARIO_BATCHES;
    }
    printf("{\"figure\":\"state\",\"unit\":\"bytes\",\"value\":%zu,\"runs\":1}\n",
           strategies[0]->state_size);
    printf("{\"figure\":\"step\",\"unit\":\"us per step\",\"value\":%.2f,\"quartiles\":[%.2f,%.2f],"
           "\"p99\":%.2f,\"runs\":%d}\n",
           scenario_quantile(us, RUNS, 0.5), scenario_quantile(us, RUNS, 0.25),
           scenario_quantile(us, RUNS, 0.75), scenario_quantile(us, RUNS, 0.99), RUNS);
}

static void trace(const char *strategy, const char *scenario, uint64_t seed)
{
    const cost_scenario *s;
    for (uint32_t p = 0; p < N_STRATEGIES; p++) {
        for (uint32_t i = 0; (s = scenario_named(i)) != NULL; i++) {
            if (strcmp(strategies[p]->name, strategy) == 0 && strcmp(s->name, scenario) == 0) {
                scenario_result r;
                augs_error error;
                if (scenario_run(s, strategies[p], seed, 1, &r, &error) < 0) {
                    die(error.message);
                }
                printf("%.3f of the best fixed size, %.3f over the last 100\n", r.full, r.last);
                return;
            }
        }
    }
    die("no such strategy or scenario");
}

int main(int argc, char **argv)
{
    augs_error error;
    if (augs_strategy_find("adaptive", &strategies[0], &error) < 0) {
        die(error.message);
    }
    if (argc == 1) {
        named_table();
    } else if (argc == 3 && strcmp(argv[1], "random") == 0 && atoi(argv[2]) > 0) {
        random_table((uint32_t)atoi(argv[2]));
    } else if (argc == 2 && strcmp(argv[1], "worst") == 0) {
        worst_table();
    } else if (argc == 2 && strcmp(argv[1], "late") == 0) {
        late_table();
    } else if (argc == 2 && strcmp(argv[1], "cost") == 0) {
        cost_table();
    } else if (argc == 5 && strcmp(argv[1], "trace") == 0) {
        trace(argv[2], argv[3], strtoull(argv[4], NULL, 10));
    } else {
        die("usage: bench_adaptive [worst | late | random N | cost | trace STRATEGY SCENARIO "
            "SEED]");
    }
    return EXIT_SUCCESS;
}
