/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/stream_arguments.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command_allocator.h"
#include "cli/exit_status.h"
#include "cli/shown_text.h"

static int read_file(FILE *file, const char *path, char **ret_text, size_t *ret_n_bytes)
{
    const size_t space = AUGS_MAX_PRESET_BYTES + 1;
    char *text = malloc(space);
    errno = 0;
    const size_t n_bytes = text != NULL ? fread(text, 1, space, file) : 0;
    if (text == NULL || ferror(file)) {
        free(text);
        return complain(text == NULL ? EXIT_FAILED : EXIT_CONFIGURATION, "preset '%s': %s", path,
                        strerror(text == NULL ? ENOMEM : errno));
    }
    *ret_text = text;
    *ret_n_bytes = n_bytes;
    return EXIT_DONE;
}

int read_preset_file(const char *path, char **ret_text, size_t *ret_n_bytes)
{
    static char *of_stdin; /* can be read once, and is looked at for messages again */
    static size_t n_of_stdin;
    if (strcmp(path, "-") != 0) {
        FILE *file = fopen(path, "rb");
        if (file == NULL) {
            return complain(EXIT_CONFIGURATION, "preset '%s': %s", path, strerror(errno));
        }
        int result = read_file(file, path, ret_text, ret_n_bytes);
        fclose(file);
        return result;
    }
    int result = of_stdin == NULL ? read_file(stdin, "stdin", &of_stdin, &n_of_stdin) : EXIT_DONE;
    if (result != EXIT_DONE) {
        return result;
    }
    *ret_text = malloc(n_of_stdin + 1);
    if (*ret_text == NULL) {
        return complain(EXIT_FAILED, "no memory for %zu bytes", n_of_stdin);
    }
    if (n_of_stdin > 0) {
        memcpy(*ret_text, of_stdin, n_of_stdin);
    }
    *ret_n_bytes = n_of_stdin;
    return EXIT_DONE;
}

/* Length of the UTF-8 character at p. */
static size_t character_bytes(const char *p)
{
    size_t n = 1;
    while (((unsigned char)p[n] & 0xC0) == 0x80) {
        n++;
    }
    return n;
}

/* Cells of a terminal that the UTF-8 character at p takes: two if it is wide or fullwidth (Unicode
 * Standard Annex 11), none if it combines with the one before. */
static unsigned character_cells(const char *p)
{
    static const struct {
        uint32_t first, last;
        unsigned cells;
    } ranges[] = {{0x0300, 0x036F, 0},   {0x1100, 0x115F, 2},   {0x200B, 0x200F, 0},
                  {0x2E80, 0x303E, 2},   {0x3041, 0xA4CF, 2},   {0xA960, 0xA97F, 2},
                  {0xAC00, 0xD7A3, 2},   {0xF900, 0xFAFF, 2},   {0xFE00, 0xFE0F, 0},
                  {0xFE30, 0xFE6F, 2},   {0xFF00, 0xFF60, 2},   {0xFFE0, 0xFFE6, 2},
                  {0x1F300, 0x1F64F, 2}, {0x1F900, 0x1F9FF, 2}, {0x20000, 0x3FFFD, 2}};
    size_t n = character_bytes(p);
    uint32_t code = (unsigned char)*p & (n == 1 ? 0x7Fu : 0xFFu >> (n + 1));
    for (size_t i = 1; i < n && i < 4; i++) {
        code = code << 6 | ((unsigned char)p[i] & 0x3Fu);
    }
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (code >= ranges[i].first && code <= ranges[i].last) {
            return ranges[i].cells;
        }
    }
    return 1;
}

/* Each character in as many cells as character_cells says, so that the caret stands below it. */
static void put_line_part(const char *from, const char *end)
{
    for (const char *q = from; q < end; q += character_bytes(q)) {
        uint32_t code = 0;
        const size_t n = character_bytes(q);
        if (*q == '\t') {
            fputc(' ', stderr);
        } else if (utf8_character(q, n, &code) == n && shown_is_printable(code)) {
            fwrite(q, 1, n, stderr);
        } else if (character_cells(q) > 0) {
            fputc('?', stderr);
        }
    }
}

/* The line with a caret under the column; of a long line only the part around it. */
static void print_place(const char *line, uint32_t column)
{
    enum { BEFORE = 72, AFTER = 40 };
    const char *p = line, *from = line;
    uint32_t at = 1, from_at = 1;
    for (; *p != '\0' && at < column; at++) {
        p += character_bytes(p);
        if (at - from_at >= BEFORE) {
            from += character_bytes(from);
            from_at++;
        }
    }
    const char *end = p;
    for (unsigned i = 0; i < AFTER && *end != '\0'; i++) {
        end += character_bytes(end);
    }
    char blanks[2 * BEFORE + 1];
    size_t n_blanks = 0;
    for (const char *q = from; q < p; q += character_bytes(q)) {
        for (unsigned i = 0; i < character_cells(q); i++) {
            blanks[n_blanks++] = ' ';
        }
    }
    fprintf(stderr, "  %s", from > line ? "..." : "");
    put_line_part(from, end);
    fprintf(stderr, "%s\n  %s%.*s%s\n", *end != '\0' ? "..." : "", from > line ? "   " : "",
            (int)n_blanks, blanks, may_color() ? "\033[1;32m^\033[0m" : "^");
}

typedef struct fault_printer {
    const char *origin;
    bool warnings; /* prints them as well */
    int n_warnings;
} fault_printer;

static void print_fault(void *user, const augs_preset_fault *fault)
{
    fault_printer *printer = user;
    const bool warning = fault->warning != 0;
    if (warning && !printer->warnings) {
        return;
    }
    printer->n_warnings += warning;
    shown_put(stderr, printer->origin);
    if (fault->line != 0) {
        fprintf(stderr, ":%u:%u", fault->line, fault->column);
    }
    fputs(warning ? ": warning: " : ": ", stderr);
    shown_put(stderr, fault->message);
    if (warning) {
        fprintf(stderr, " [%s]", augs_warning_name(fault->warning));
    }
    fputs("\n", stderr);
    if (fault->line != 0) {
        print_place(fault->source_line, fault->column);
    }
}

int print_preset_faults(const char *text, size_t n_bytes, const char *origin,
                        const augs_preset_options *preset_options, int *ret_n_warnings)
{
    augs_error error;
    fault_printer printer = {.origin = origin, .warnings = ret_n_warnings != NULL};
    int n_faults =
        augs_preset_check(text, n_bytes, origin, preset_options, print_fault, &printer, &error);
    if (ret_n_warnings != NULL) {
        *ret_n_warnings = printer.n_warnings;
    }
    if (n_faults < 0) {
        complain_error(&error);
        return -1;
    }
    return n_faults;
}

static const char *shown_name(const char *name)
{
    return strcmp(name, "-") == 0 ? "stdin" : name;
}

/* A shipped preset, a file, or "-". *ret_read: it was read; false after a message. */
static int open_named(const char *name, const augs_preset_options *preset_options, bool *ret_read,
                      augs_preset **ret_preset, augs_error *error)
{
    char *text = NULL;
    size_t n_bytes = 0;
    *ret_read = true;
    if (strcmp(name, "-") != 0) {
        return augs_preset_open(name, preset_options, ret_preset, error);
    }
    *ret_read = read_preset_file(name, &text, &n_bytes) == EXIT_DONE;
    int status =
        *ret_read ? augs_preset_open_text(text, n_bytes, "stdin", preset_options, ret_preset, error)
                  : AUGS_E_IO;
    free(text);
    return status;
}

/* Without --set. */
static bool is_good_as_it_is(const char *name)
{
    const augs_preset_options preset_options = {.size = sizeof preset_options,
                                                .allocator = command_allocator()};
    augs_preset *preset = NULL;
    bool was_read;
    const bool is_good = open_named(name, &preset_options, &was_read, &preset, NULL) == AUGS_OK;
    augs_preset_unref(preset);
    return is_good;
}

/* Prints all faults of a preset of which only the first is known; how many, or -1. */
static int print_all_faults(const char *name, const augs_preset_options *preset_options)
{
    char *text = NULL;
    size_t n_bytes = 0;
    int n_faults = -1;
    for (uint32_t i = 0; i < augs_shipped_preset_count(); i++) {
        if (strcmp(augs_shipped_preset_name(i), name) == 0) {
            const char *shipped = augs_shipped_preset_text(i, &n_bytes);
            return print_preset_faults(shipped, n_bytes, name, preset_options, NULL);
        }
    }
    if (read_preset_file(name, &text, &n_bytes) == EXIT_DONE) {
        n_faults = print_preset_faults(text, n_bytes, shown_name(name), preset_options, NULL);
        free(text);
    }
    return n_faults;
}

static int explain_preset(const arguments *of, const char *name,
                          const augs_preset_options *preset_options, const augs_error *error)
{
    const int n_faults = print_all_faults(name, preset_options);
    if (n_faults > 0 && is_good_as_it_is(name)) {
        return complain(EXIT_CONFIGURATION, "preset '%s' has %d fault%s by --set; accepted: %s",
                        shown_name(name), n_faults, n_faults == 1 ? "" : "s",
                        option_use_of(OPT_SET, command_index(of->command))->accepted);
    }
    if (n_faults > 0) {
        return complain(EXIT_CONFIGURATION, "preset '%s' has %d fault%s", shown_name(name),
                        n_faults, n_faults == 1 ? "" : "s");
    }
    return complain(EXIT_CONFIGURATION, "%s", error->message);
}

/* The message without "preset 'NAME': " in front: the option says the name. */
static const char *without_name(const char *message, const char *name)
{
    char front[sizeof((augs_error *)NULL)->message];
    const int n = snprintf(front, sizeof front, "preset '%.200s': ", name);
    return strncmp(message, front, (size_t)n) == 0 ? message + n : message;
}

int open_preset(const arguments *of, const char *name, augs_preset **ret_preset)
{
    augs_error error;
    bool was_read = false;
    augs_preset_options preset_options = {.size = sizeof preset_options,
                                          .n_overrides = of->lists[OPT_SET].n,
                                          .overrides = of->lists[OPT_SET].texts,
                                          .allocator = command_allocator()};
    int status = open_named(name, &preset_options, &was_read, ret_preset, &error);
    if (!was_read) {
        return EXIT_CONFIGURATION;
    }
    if (status == AUGS_E_PRESET) {
        return explain_preset(of, name, &preset_options, &error);
    }
    if (status < 0 && name == option_text(of, OPT_PRESET)) {
        return complain_value(status == AUGS_E_NO_MEMORY ? EXIT_FAILED : EXIT_CONFIGURATION, of,
                              OPT_PRESET, without_name(error.message, name));
    }
    if (status == AUGS_E_IO || status == AUGS_E_ARGUMENT) {
        return complain(EXIT_CONFIGURATION, "%s", error.message);
    }
    return status < 0 ? complain_error(&error) : EXIT_DONE;
}

int parse_samples(const char *text, uint64_t *ret_n_samples)
{
    *ret_n_samples = AUGS_ENDLESS;
    if (strcmp(text, "endless") == 0) {
        return EXIT_DONE;
    }
    if (!parse_whole(text, ret_n_samples) || *ret_n_samples > AUGS_MAX_SAMPLES) {
        return complain(EXIT_USAGE,
                        "--samples '%s'; accepted: a whole number from 0 to %llu, with _ between "
                        "digits if you like, or 'endless'",
                        text, AUGS_MAX_SAMPLES);
    }
    return EXIT_DONE;
}

int open_stream(const arguments *of, uint64_t n_samples, augs_stream **ret_stream)
{
    augs_error error;
    augs_preset *preset = NULL;
    int result = open_preset(of, option_text(of, OPT_PRESET), &preset);
    if (result != EXIT_DONE) {
        return result;
    }
    augs_stream_options stream_options = {.size = sizeof stream_options,
                                          .order = of->given[OPT_SHUFFLE] ? AUGS_ORDER_SHUFFLED
                                                                          : AUGS_ORDER_SEQUENTIAL,
                                          .seed = option_whole(of, OPT_SEED),
                                          .n_samples = n_samples,
                                          .epoch = (uint32_t)option_whole(of, OPT_EPOCH)};
    int status = augs_stream_open(preset, &stream_options, ret_stream, &error);
    augs_preset_unref(preset);
    return status < 0 ? complain_error(&error) : EXIT_DONE;
}

int check_strategy_options(const arguments *of)
{
    const enum command_id at = command_index(of->command);
    const char *strategy = option_text(of, OPT_STRATEGY);
    for (size_t i = 0; i < N_OPTIONS && !of->given[OPT_REPLAY]; i++) {
        const enum option_id id = (enum option_id)i;
        if (of->given[i] && !option_is_of_strategy(id, at, strategy)) {
            return complain(EXIT_USAGE, "--%s is not an option of --strategy %s; accepted with: %s",
                            options[i]->name, strategy, option_use_of(id, at)->owners);
        }
    }
    if (of->given[OPT_DROP_LAST] && of->given[OPT_LAST_BATCH] &&
        option_name_index(of, OPT_LAST_BATCH) != AUGS_LAST_BATCH_DROP) {
        return complain(EXIT_USAGE,
                        "--drop-last is --last-batch drop, and --last-batch is %s; "
                        "accepted: one of them",
                        option_text(of, OPT_LAST_BATCH));
    }
    return EXIT_DONE;
}

int complain_plan(const arguments *of, const augs_error *error)
{
    const int status = error->status;
    const bool is_of_file = status == AUGS_E_IO || status == AUGS_E_NOT_FOUND ||
                            status == AUGS_E_MISMATCH || status == AUGS_E_CORRUPT ||
                            status == AUGS_E_STATE;
    if (is_of_file && (of->given[OPT_REPLAY] || of->given[OPT_JOURNAL])) {
        return complain_value(exit_status_of(status), of,
                              of->given[OPT_REPLAY] ? OPT_REPLAY : OPT_JOURNAL, error->message);
    }
    return complain_error(error);
}

void tell_left_out(const arguments *of, uint64_t n_left_out)
{
    if (n_left_out != 0) {
        tell(of->given[OPT_QUIET], "left out of the epoch by --last-batch or --tail: %llu samples",
             (unsigned long long)n_left_out);
    }
}

void read_plan(const arguments *of, augs_strategy_options *strategy_options,
               augs_plan_options *ret_plan)
{
    double max_memory = option_decimal(of, OPT_MAX_MEMORY) * 1e6;
    max_memory = max_memory > 0 && max_memory < 1 ? 1 : max_memory; /* 0 is no limit */
    max_memory = max_memory < 0x1p63 ? max_memory : 0x1p63;
    *strategy_options = (augs_strategy_options){
        .size = sizeof *strategy_options,
        .last_batch =
            of->given[OPT_DROP_LAST] ? AUGS_LAST_BATCH_DROP : option_name_index(of, OPT_LAST_BATCH),
        .batch_size = option_whole(of, OPT_BATCH_SIZE),
        .min_batch_size = option_whole(of, OPT_MIN),
        .max_batch_size = option_whole(of, OPT_MAX),
        .multiple_of = option_whole(of, OPT_MULTIPLE_OF),
        .batches = option_whole(of, OPT_BATCHES),
        .deal_window = option_whole(of, OPT_DEAL_WINDOW),
        .max_memory_bytes = (uint64_t)max_memory,
        .memory_safety = option_decimal(of, OPT_SAFETY),
        .memory_rule = option_name_index(of, OPT_MEMORY_RULE),
        .target_seconds = option_decimal(of, OPT_TARGET_LATENCY),
        .target_memory = option_decimal(of, OPT_TARGET_MEMORY),
        .max_growth = option_decimal(of, OPT_GROWTH),
        .max_reduction = option_decimal(of, OPT_REDUCTION)};
    *ret_plan = (augs_plan_options){.size = sizeof *ret_plan,
                                    .strategy = option_text(of, OPT_STRATEGY),
                                    .strategy_options = strategy_options};
}

/* ---- which rank or shard this process is: from options, else from the launcher ---- */

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
