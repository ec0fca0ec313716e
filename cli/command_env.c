/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>

#include "exit_status.h"
#include "json_out.h"
#include "launcher_env.h"
#include "options.h"

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
            printf("%s: %s\n", i == place->source_index ? "used" : "set, not used", settings);
        }
    }
    printf("  %-24s %s\n", "default",
           place->source_index == SIZE_MAX && place->source[0] == 'd' ? "used: 0/1" : "0/1");
}

int command_env(const arguments *of)
{
    char message[512];
    launcher_place place;
    launcher_given given = {.has_rank = of->given[OPT_RANK],
                            .has_world_size = of->given[OPT_WORLD_SIZE],
                            .rank = (uint32_t)option_whole(of, OPT_RANK, 0),
                            .world_size = (uint32_t)option_whole(of, OPT_WORLD_SIZE, 1)};
    if (launcher_find(&given, launcher_getenv, NULL, &place, message, sizeof message) != 0) {
        return complain(given.has_rank || given.has_world_size ? EXIT_USAGE : EXIT_CONFIGURATION,
                        "%s", message);
    }
    if (!of->given[OPT_JSON]) {
        printf("rank %" PRIu32 "/%" PRIu32 " (%s)\n", place.rank, place.world_size, place.source);
        if (!of->given[OPT_QUIET]) {
            put_table(&place);
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
    json_end(&json);
    return EXIT_DONE;
}
