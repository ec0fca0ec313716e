/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include <augstream/cpu.h>
#include <augstream/memory_monitor.h>

#include "cli/command_allocator.h"
#include "cli/exit_status.h"
#include "cli/json_out.h"
#include "cli/launcher_env.h"
#include "cli/options/options.h"
#include "cli/shown_text.h"

/* "RANK=3 WORLD_SIZE=8", or false and nothing if none of them is set. */
static bool settings_of(const char *const *variables, char *ret_text, size_t n_bytes)
{
    size_t used = 0;
    ret_text[0] = '\0';
    for (; *variables != NULL && used < n_bytes; variables++) {
        const char *value = launcher_getenv(NULL, *variables);
        if (value != NULL && value[0] != '\0') {
            used += (size_t)snprintf(ret_text + used, n_bytes - used, "%s%s=%s",
                                     used > 0 ? " " : "", *variables, value);
        }
    }
    return used > 0;
}

static void put_table(const launcher_place *place)
{
    const char *const *variables;
    const char *name;
    puts("\nin this order, the first that is set is used:");
    printf("  %-24s %s\n", "--rank, --world-size",
           place->source_index == SIZE_MAX && place->source[0] == '-' ? "used" : "not given");
    for (size_t i = 0; (name = launcher_source(i, &variables)) != NULL; i++) {
        char settings[512];
        bool set = settings_of(variables, settings, sizeof settings);
        printf("  %-24s ", name);
        if (!set) {
            printf("not set (%s", variables[0]);
            for (size_t v = 1; variables[v] != NULL; v++) {
                printf(", %s", variables[v]);
            }
            puts(")");
        } else {
            shown_put_between(
                stdout, i == place->source_index ? "used: " : "set, not used: ", settings, "\n");
        }
    }
    printf("  %-24s %s\n", "default",
           place->source_index == SIZE_MAX && place->source[0] == 'd' ? "used: 0/1" : "0/1");
}

/* What this process may take, as strategies see it. */
static int read_memory(augs_memory_snapshot *ret_memory)
{
    augs_error error;
    augs_memory_monitor *monitor = NULL;
    const augs_memory_monitor_options monitor_options = {.size = sizeof monitor_options,
                                                         .allocator = command_allocator()};
    *ret_memory = (augs_memory_snapshot){.size = sizeof *ret_memory};
    int status = augs_memory_monitor_open(&monitor_options, &monitor, &error);
    if (status == AUGS_OK) {
        status = augs_memory_monitor_read(monitor, ret_memory, &error);
    }
    if (status == AUGS_OK) { /* the use of CPUs is that between two readings */
        status = augs_memory_monitor_read_now(monitor, ret_memory, &error);
    }
    augs_memory_monitor_free(monitor);
    return status < 0 ? complain_error(&error) : EXIT_DONE;
}

static void put_process(const augs_memory_snapshot *memory)
{
    const augs_allocator_figures *allocator = &memory->allocator;
    const double mb = 1e-6;
    printf("process: %.1f MB resident", (double)memory->resident_bytes * mb);
    if (memory->cpu_seconds >= 0) {
        printf(", %.3f s of CPU time", memory->cpu_seconds);
    }
    if (memory->cpu_usage >= 0) {
        printf(", %.2f CPUs in use", memory->cpu_usage);
    }
    printf("\nallocator: %s", command_allocator_name());
    if (allocator->resident_bytes != 0) {
        printf(": %.1f MB allocated, %.1f active, %.1f resident, %.1f retained",
               (double)allocator->allocated_bytes * mb, (double)allocator->active_bytes * mb,
               (double)allocator->resident_bytes * mb, (double)allocator->retained_bytes * mb);
    }
    putchar('\n');
}

static void put_memory(const augs_memory_snapshot *memory)
{
    const double mb = 1e-6;
    if (memory->source == AUGS_MEMORY_OF_NONE) {
        puts("\nmemory: not known");
    } else {
        printf("\nmemory: %.1f MB available, %.1f of %.1f MB used (%s), level %s\n",
               (double)memory->available_bytes * mb, (double)memory->used_bytes * mb,
               (double)memory->limit_bytes * mb, augs_memory_source_name(memory->source),
               augs_memory_level_name(memory->level));
    }
    put_process(memory);
    printf("CPUs: %u, as affinity and control groups allow; data-loader workers for one trainer: "
           "%u\n",
           augs_cpu_count(NULL), augs_worker_count(NULL, 1));
}

/* Negative: not known. */
static void put_figure(json_out *json, const char *name, double figure)
{
    if (figure < 0) {
        json_no_value(json, name);
    } else {
        json_number(json, name, figure);
    }
}

/* All are 0 where the allocator tells none. */
static void put_allocator_json(json_out *json, const augs_allocator_figures *allocator)
{
    const bool told = allocator->resident_bytes != 0;
    const struct {
        const char *name;
        uint64_t bytes;
    } figures[] = {{"allocator_allocated_bytes", allocator->allocated_bytes},
                   {"allocator_active_bytes", allocator->active_bytes},
                   {"allocator_resident_bytes", allocator->resident_bytes},
                   {"allocator_retained_bytes", allocator->retained_bytes}};
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        if (told) {
            json_whole(json, figures[i].name, figures[i].bytes);
        } else {
            json_no_value(json, figures[i].name);
        }
    }
}

static void put_memory_json(json_out *json, const augs_memory_snapshot *memory)
{
    json_text(json, "memory_source", augs_memory_source_name(memory->source));
    json_text(json, "memory_level", augs_memory_level_name(memory->level));
    if (memory->source != AUGS_MEMORY_OF_NONE) {
        json_whole(json, "memory_limit_bytes", memory->limit_bytes);
        json_whole(json, "memory_used_bytes", memory->used_bytes);
        json_whole(json, "memory_available_bytes", memory->available_bytes);
    }
    json_whole(json, "resident_bytes", memory->resident_bytes);
    json_whole(json, "peak_resident_bytes", memory->peak_resident_bytes);
    json_text(json, "allocator", command_allocator_name());
    put_allocator_json(json, &memory->allocator);
    put_figure(json, "cpu_seconds", memory->cpu_seconds);
    put_figure(json, "cpu_usage", memory->cpu_usage);
    put_figure(json, "memory_pressure_some", memory->pressure_some_avg10);
    put_figure(json, "memory_pressure_full", memory->pressure_full_avg10);
    json_whole(json, "cpus", augs_cpu_count(NULL));
    json_whole(json, "workers", augs_worker_count(NULL, 1));
}

int command_env(const arguments *of)
{
    char message[512];
    launcher_place place;
    launcher_given given = {
        .has_rank = of->given[OPT_RANK],
        .has_world_size = of->given[OPT_WORLD_SIZE],
        .rank = (uint32_t)option_whole(of, OPT_RANK),
        .world_size = of->given[OPT_WORLD_SIZE] ? (uint32_t)option_whole(of, OPT_WORLD_SIZE) : 1};
    if (launcher_find(&given, launcher_getenv, NULL, &place, message, sizeof message) != 0) {
        return complain(given.has_rank || given.has_world_size ? EXIT_USAGE : EXIT_CONFIGURATION,
                        "%s", message);
    }
    augs_memory_snapshot memory;
    int result = read_memory(&memory);
    if (result != EXIT_DONE) {
        return result;
    }
    if (!of->given[OPT_JSON]) {
        printf("rank %" PRIu32 "/%" PRIu32 " (%s)\n", place.rank, place.world_size, place.source);
        if (!of->given[OPT_QUIET]) {
            put_table(&place);
            put_memory(&memory);
        }
        return EXIT_DONE;
    }
    json_out json;
    json_begin(&json, stdout);
    json_whole(&json, "rank", place.rank);
    json_whole(&json, "world_size", place.world_size);
    json_text(&json, "source", place.source);
    const char *const *variables;
    if (launcher_source(place.source_index, &variables) != NULL) {
        char settings[512];
        settings_of(variables, settings, sizeof settings);
        json_text(&json, "variables", settings);
    }
    put_memory_json(&json, &memory);
    json_end(&json);
    return EXIT_DONE;
}
