/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/shard_argument.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/exit_status.h"

#define IN_SHARDS " (generate: --chunk-shard I/N)"

/* `instead`: what this command takes in place of --rank and --world-size, or "". */
static int find_place(const arguments *of, const launcher_given *given, const char *instead,
                      launcher_place *ret_place)
{
    char message[512];
    if (launcher_find(given, launcher_getenv, NULL, ret_place, message, sizeof message) != 0) {
        return complain(given->has_rank || given->has_world_size ? EXIT_USAGE : EXIT_CONFIGURATION,
                        "%s%s", message, instead);
    }
    tell(of->given[OPT_QUIET], "rank %" PRIu32 "/%" PRIu32 " (%s)", ret_place->rank,
         ret_place->world_size, ret_place->source);
    return EXIT_DONE;
}

int read_place(const arguments *of, launcher_place *ret_place)
{
    launcher_given given = {
        .has_rank = of->given[OPT_RANK],
        .has_world_size = of->given[OPT_WORLD_SIZE],
        .rank = (uint32_t)option_whole(of, OPT_RANK),
        .world_size = of->given[OPT_WORLD_SIZE] ? (uint32_t)option_whole(of, OPT_WORLD_SIZE) : 1};
    return find_place(of, &given, "", ret_place);
}

static bool parse_part(const char *text, size_t n_bytes, uint32_t *ret_number)
{
    char copy[32];
    uint64_t number = 0;
    if (n_bytes >= sizeof copy) {
        return false;
    }
    memcpy(copy, text, n_bytes);
    copy[n_bytes] = '\0';
    if (!parse_whole(copy, &number) || number > UINT32_MAX) {
        return false;
    }
    *ret_number = (uint32_t)number;
    return true;
}

int read_shard(const arguments *of, launcher_place *ret_place)
{
    const char *text = option_text(of, OPT_CHUNK_SHARD);
    if (strcmp(text, "auto") == 0) {
        return find_place(of, &(launcher_given){.has_rank = false}, IN_SHARDS, ret_place);
    }
    const char *slash = strchr(text, '/');
    uint32_t index = 0, count = 0;
    bool good = slash != NULL && parse_part(slash + 1, strlen(slash + 1), &count) && count >= 1;
    if (good && strncmp(text, "auto/", 5) == 0) {
        launcher_given given = {.has_world_size = true, .world_size = count};
        const char *index_text = launcher_getenv(NULL, "JOB_COMPLETION_INDEX");
        if (index_text == NULL || index_text[0] == '\0') {
            return complain(
                EXIT_CONFIGURATION,
                "--chunk-shard '%s': JOB_COMPLETION_INDEX is not set, this is no Kubernetes "
                "indexed job; accepted: auto under other launchers, or I/%" PRIu32,
                text, count);
        }
        return find_place(of, &given, "", ret_place);
    }
    if (!good || !parse_part(text, (size_t)(slash - text), &index) || index >= count) {
        return complain(EXIT_USAGE,
                        "--chunk-shard '%s'; accepted: I/N with 0 <= I < N, auto, or auto/N", text);
    }
    *ret_place = (launcher_place){
        .rank = index, .world_size = count, .source = "--chunk-shard", .source_index = SIZE_MAX};
    return EXIT_DONE;
}
