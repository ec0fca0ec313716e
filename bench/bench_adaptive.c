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

static void print_cell(const scenario_result *r)
{
    printf(" %5.1f/%5.1f%s%s", 100 * r->full, 100 * r->last, r->late > 0.05 ? "L" : " ",
           r->n_over_known > 0 || r->n_over > 1 ? "M" : " ");
}

static void table(void)
{
    uint32_t n_reached[N_STRATEGIES] = {0}, n = 0;
    uint64_t size = 0;
    printf("Throughput of %u batches / of the last 100, per cent of the best fixed size; median of "
           "%u seeds.\nL: over 5 %% of the batches late; M: memory limit broken; *: 92 and 97 "
           "reached.\n\n%-20s %6s ",
           SCENARIO_BATCHES, N_SEEDS, "", "best");
    for (uint32_t p = 0; p < N_STRATEGIES; p++) {
        printf(" %-14s", strategies[p]->name);
    }
    printf("\n");
    for (const cost_scenario *s; (s = scenario_named(n)) != NULL; n++) {
        scenario_best_fixed(s, SCENARIO_BATCHES - 100, SCENARIO_BATCHES, &size);
        printf("%-20s %6" PRIu64 " ", s->name, size);
        for (uint32_t p = 0; p < N_STRATEGIES; p++) {
            scenario_result r = median(s, strategies[p]);
            print_cell(&r);
            printf("%s", reached(&r) ? "*" : " ");
            n_reached[p] += reached(&r);
        }
        printf("\n");
    }
    printf("%-20s of %3u ", "reached", n);
    for (uint32_t p = 0; p < N_STRATEGIES; p++) {
        printf(" %-14u", n_reached[p]);
    }
    printf("\n\nWhere the first batch is set by the options and costs more than 8 %%, adaptive "
           "without it:\n");
    for (uint32_t i = 0; i < n; i++) {
        scenario_result r = median(scenario_named(i), strategies[0]);
        if (r.full < 0.92 && r.without_first > r.full + 0.02) {
            printf("%-20s %5.1f\n", scenario_named(i)->name, 100 * r.without_first);
        }
    }
}

static void random_table(uint32_t n)
{
    double *full = calloc(n, sizeof *full), *last = calloc(n, sizeof *last);
    if (full == NULL || last == NULL) {
        die("no memory");
    }
    printf("%u random scenarios, per cent of the best fixed size (of all batches, the first left "
           "out / of the last 100)\n\n%-14s %13s %13s %13s %13s %13s  %s\n",
           n, "", "mean", "5 %", "10 %", "25 %", "median", "reached, late, memory broken");
    for (uint32_t p = 0; p < N_STRATEGIES; p++) {
        double sum_full = 0, sum_last = 0;
        uint32_t n_reached = 0, n_late = 0, n_over = 0;
        for (uint32_t i = 0; i < n; i++) {
            const cost_scenario s = scenario_random(i);
            scenario_result r = run(&s, strategies[p], i);
            sum_full += full[i] = fmin(r.without_first, 1);
            sum_last += last[i] = fmin(r.last, 1);
            n_reached += full[i] >= 0.92 && last[i] >= 0.97;
            n_late += r.late > 0.05;
            n_over += r.n_over > 1 || r.n_over_known > 0;
        }
        printf("%-14s   %5.1f/%5.1f", strategies[p]->name, 100 * sum_full / n, 100 * sum_last / n);
        const double quantiles[] = {0.05, 0.1, 0.25, 0.5};
        for (int q = 0; q < 4; q++) {
            printf("   %5.1f/%5.1f", 100 * scenario_quantile(full, n, quantiles[q]),
                   100 * scenario_quantile(last, n, quantiles[q]));
        }
        printf("  %.1f %%, %u, %u\n", 100.0 * n_reached / n, n_late, n_over);
    }
    free(full);
    free(last);
}

static void worst_table(void)
{
    enum { SEEDS = 100 };
    double full[SEEDS], last[SEEDS], settled[SEEDS];
    const cost_scenario *s;
    printf("adaptive, per cent of the best fixed size over %u batches / the last 100 / the last "
           "50; %d seeds\n\n%-20s %19s %19s %19s\n",
           SCENARIO_BATCHES, SEEDS, "", "median", "5 %", "worst");
    for (uint32_t n = 0; (s = scenario_named(n)) != NULL; n++) {
        for (uint32_t i = 0; i < SEEDS; i++) {
            scenario_result r = run(s, strategies[0], i);
            full[i] = r.full;
            last[i] = r.last;
            settled[i] = r.settled;
        }
        printf("%-20s", s->name);
        const double quantiles[] = {0.5, 0.05, 0};
        for (int q = 0; q < 3; q++) {
            printf("   %5.1f/%5.1f/%5.1f", 100 * scenario_quantile(full, SEEDS, quantiles[q]),
                   100 * scenario_quantile(last, SEEDS, quantiles[q]),
                   100 * scenario_quantile(settled, SEEDS, quantiles[q]));
        }
        printf("\n");
    }
}

/* Every scenario with the same delay: how much of what is reached without one remains. */
static void late_table(void)
{
    static const uint32_t delays[] = {0, 1, 16};
    enum { N_DELAYS = sizeof delays / sizeof delays[0] };
    const cost_scenario *named;
    double sum_full[N_DELAYS] = {0}, sum_last[N_DELAYS] = {0};
    uint32_t n_reached[N_DELAYS] = {0}, n = 0;
    printf("adaptive, per cent of the best fixed size over %u batches / over the last 100; median "
           "of %u seeds.\nL: over 5 %% of the batches late; M: memory limit broken; *: 92 and 97 "
           "reached.\n\n%-20s  feedback 0 late  1 late         16 late\n",
           SCENARIO_BATCHES, N_SEEDS, "");
    for (; (named = scenario_named(n)) != NULL; n++) {
        printf("%-20s ", named->name);
        for (int d = 0; d < N_DELAYS; d++) {
            cost_scenario s = *named;
            s.delay = delays[d];
            const scenario_result r = median(&s, strategies[0]);
            print_cell(&r);
            printf("%s", reached(&r) ? "*" : " ");
            n_reached[d] += reached(&r);
            sum_full[d] += r.full;
            sum_last[d] += r.last;
        }
        printf("\n");
    }
    printf("%-20s ", "mean");
    for (int d = 0; d < N_DELAYS; d++) {
        printf(" %5.1f/%5.1f   ", 100 * sum_full[d] / n, 100 * sum_last[d] / n);
    }
    printf("\n%-20s ", "reached");
    for (int d = 0; d < N_DELAYS; d++) {
        printf(" %-14u", n_reached[d]);
    }
    printf("\n");
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
    printf("%zu bytes of state; plan and observe with the simulation: median %.1f us, 99 %% %.1f "
           "us, worst run %.1f us\n",
           strategies[0]->state_size, scenario_quantile(us, RUNS, 0.5),
           scenario_quantile(us, RUNS, 0.99), us[RUNS - 1]);
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
        table();
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
