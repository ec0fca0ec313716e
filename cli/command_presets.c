/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <augstream/augstream.h>

#include "cli/exit_status.h"
#include "cli/json_out.h"
#include "cli/options/options.h"
#include "cli/shown_text.h"
#include "cli/stream_arguments.h"

static void put_listed(const arguments *of, uint32_t index, const augs_preset *preset)
{
    if (!of->given[OPT_JSON] && !of->given[OPT_JSONL]) {
        printf("%-16s ", augs_shipped_preset_name(index));
        shown_put_between(stdout, "", augs_preset_description(preset), "\n");
        return;
    }
    if (of->given[OPT_JSON]) {
        fputs(index == 0 ? "{\"presets\":[\n" : ",", stdout);
    }
    json_out json;
    json_begin(&json, stdout);
    json_text(&json, "name", augs_shipped_preset_name(index));
    json_text(&json, "description", augs_preset_description(preset));
    json_text(&json, "source", augs_preset_source(preset));
    json_whole(&json, "columns", augs_preset_n_columns(preset));
    json_end(&json);
}

int command_presets_list(const arguments *of)
{
    for (uint32_t i = 0; i < augs_shipped_preset_count(); i++) {
        augs_preset *preset = NULL;
        int result = open_preset(of, augs_shipped_preset_name(i), &preset);
        if (result != EXIT_DONE) {
            return result;
        }
        put_listed(of, i, preset);
        augs_preset_unref(preset);
    }
    if (of->given[OPT_JSON]) {
        puts("]}");
    }
    return EXIT_DONE;
}

static void put_choices(const augs_column_info *info)
{
    for (uint32_t i = 0; i < info->n_choices; i++) {
        shown_put_between(stdout, i > 0 ? " | " : " ", info->choices[i].text, "");
        if (info->choices[i].weight != 1) {
            printf(" (%.9g)", info->choices[i].weight);
        }
    }
}

static void put_numbers(const augs_column_info *info)
{
    const uint32_t form = augs_kind_form(info->kind);
    const char *before = form == AUGS_FORM_LIST ? " [" : " ";
    for (uint32_t i = 0; i < 4; i++) {
        if (augs_column_has_number(info, i) == 0) {
            continue;
        }
        fputs(before, stdout);
        before = ", ";
        if (form == AUGS_FORM_MAPPING) {
            printf("%s ", augs_kind_number_name(info->kind, i));
        }
        printf("%.9g", info->numbers[i]);
    }
    fputs(form == AUGS_FORM_LIST ? "]" : "", stdout);
    put_choices(info);
}

static void put_identity(const augs_column_info *info)
{
    uint32_t low = (uint32_t)info->identity_bits;
    if (info->dtype == AUGS_DTYPE_F32) {
        float identity;
        memcpy(&identity, &low, sizeof identity);
        printf("%.9g", (double)identity);
    } else if (info->dtype == AUGS_DTYPE_I32) {
        if (low < info->n_choices) {
            fputs(info->choices[low].text, stdout);
        } else {
            printf("%" PRId32, (int32_t)low);
        }
    } else if (info->dtype == AUGS_DTYPE_BOOL) {
        fputs(low != 0 ? "true" : "false", stdout);
    } else if (info->dtype == AUGS_DTYPE_I64) {
        printf("%" PRId64, (int64_t)info->identity_bits);
    } else {
        printf("%" PRIu64, info->identity_bits);
    }
}

static void put_gate(const augs_preset *preset, const augs_column_info *info)
{
    augs_column_info gate = {.size = sizeof gate};
    if (info->gate == AUGS_NO_GATE || augs_preset_column(preset, info->gate, &gate) < 0) {
        return;
    }
    shown_put_between(stdout, ", when ", gate.name, "");
    if (info->gate_value < gate.n_choices) {
        shown_put_between(stdout, " is ", gate.choices[info->gate_value].text, "");
    }
    fputs(", else ", stdout);
    put_identity(info);
}

static void put_column(const augs_preset *preset, uint32_t index)
{
    augs_column_info info = {.size = sizeof info};
    if (augs_preset_column(preset, index, &info) < 0) {
        return;
    }
    printf("  %-24s %s %s", info.name, augs_dtype_name(info.dtype), augs_kind_name(info.kind));
    put_numbers(&info);
    if (info.shape > 1) {
        printf(", %" PRIu32 " per sample", info.shape);
    }
    if (info.unit[0] != '\0') {
        shown_put_between(stdout, ", unit ", info.unit, "");
    }
    put_gate(preset, &info);
    if (isfinite(info.mean) && isfinite(info.std_dev) && info.std_dev > 0) {
        printf("; mean %.6g, std %.6g", info.mean, info.std_dev);
    }
    putchar('\n');
    if (info.doc[0] != '\0') {
        printf("  %24s ", "");
        shown_put_between(stdout, "", info.doc, "\n");
    }
    if (info.source[0] != '\0') {
        printf("  %24s ", "");
        shown_put_between(stdout, "source: ", info.source, "\n");
    }
}

/* The file as it is: shipped or on disk. */
static int put_yaml(const char *name)
{
    for (uint32_t i = 0; i < augs_shipped_preset_count(); i++) {
        if (strcmp(augs_shipped_preset_name(i), name) == 0) {
            size_t n_bytes = 0;
            const char *text = augs_shipped_preset_text(i, &n_bytes);
            fwrite(text, 1, n_bytes, stdout);
            return EXIT_DONE;
        }
    }
    char *text = NULL;
    size_t n_bytes = 0;
    int result = read_preset_file(name, &text, &n_bytes);
    if (result == EXIT_DONE) {
        fwrite(text, 1, n_bytes, stdout);
        free(text);
    }
    return result;
}

int command_presets_show(const arguments *of)
{
    augs_preset *preset = NULL;
    if (of->given[OPT_YAML] &&
        (of->given[OPT_SET] || of->given[OPT_JSON] || of->given[OPT_JSONL])) {
        return complain(EXIT_USAGE, "--yaml shows the file as it is, without --set and --json");
    }
    int result = open_preset(of, of->words[0], &preset);
    if (result != EXIT_DONE) {
        return result;
    }
    if (of->given[OPT_YAML]) {
        result = put_yaml(of->words[0]);
    } else if (of->given[OPT_JSON] || of->given[OPT_JSONL]) {
        json_put_text(stdout, augs_preset_schema_json(preset));
    } else {
        shown_put_between(stdout, "", augs_preset_name(preset), "\n");
        shown_put_between(stdout, "  ", augs_preset_description(preset), "\n");
        if (augs_preset_source(preset)[0] != '\0') {
            shown_put_between(stdout, "  source: ", augs_preset_source(preset), "\n");
        }
        puts("\ncolumns:");
        for (uint32_t i = 0; i < augs_preset_n_columns(preset); i++) {
            put_column(preset, i);
        }
    }
    augs_preset_unref(preset);
    return result;
}

typedef struct fault_list {
    json_out *json;
    const char *file;
    bool lines;
    unsigned n_faults;
} fault_list;

static void put_fault(void *user, const augs_preset_fault *fault)
{
    fault_list *list = user;
    json_out json;
    if (!list->lines && list->n_faults > 0) {
        putchar(',');
    }
    list->n_faults++;
    json_begin(&json, stdout);
    json_text(&json, "file", list->file);
    json_whole(&json, "line", fault->line);
    json_whole(&json, "column", fault->column);
    json_text(&json, "severity", fault->warning != 0 ? "warning" : "error");
    if (fault->warning != 0) {
        json_text(&json, "warning", augs_warning_name(fault->warning));
    }
    json_text(&json, "message", fault->message);
    json_end(&json);
}

static bool is_shipped(const char *name)
{
    uint32_t i = 0;
    while (i < augs_shipped_preset_count() && strcmp(augs_shipped_preset_name(i), name) != 0) {
        i++;
    }
    return i < augs_shipped_preset_count();
}

static int check_file(const arguments *of, const char *path, fault_list *list)
{
    char *text = NULL;
    size_t n_bytes = 0;
    augs_error error;
    if (is_shipped(path) && access(path, F_OK) != 0) {
        return complain(EXIT_CONFIGURATION,
                        "'%s' is a shipped preset; 'presets check' takes files: 'presets show %s "
                        "--yaml' prints it as one",
                        path, path);
    }
    int result = read_preset_file(path, &text, &n_bytes);
    if (result != EXIT_DONE) {
        return result;
    }
    const char *name = strcmp(path, "-") == 0 ? "stdin" : path;
    int n_faults;
    if (of->given[OPT_JSON] || of->given[OPT_JSONL]) {
        list->file = name;
        n_faults = augs_preset_check(text, n_bytes, name, NULL, put_fault, list, &error);
        if (n_faults < 0) {
            complain_error(&error);
        }
    } else {
        int n_warnings = 0;
        n_faults = print_preset_faults(text, n_bytes, name, NULL,
                                       of->given[OPT_QUIET] ? NULL : &n_warnings);
        if (n_faults == 0 && n_warnings > 0) {
            tell(of->given[OPT_QUIET], "%s is good, with %d warning%s", name, n_warnings,
                 n_warnings == 1 ? "" : "s");
        } else if (n_faults == 0) {
            tell(of->given[OPT_QUIET], "%s is good", name);
        } else if (n_faults > 0) {
            complain(EXIT_CONFIGURATION, "%s has %d fault%s", name, n_faults,
                     n_faults == 1 ? "" : "s");
        }
    }
    free(text);
    return n_faults == 0 ? EXIT_DONE : EXIT_CONFIGURATION;
}

int command_presets_check(const arguments *of)
{
    fault_list list = {.lines = of->given[OPT_JSONL]};
    bool json = of->given[OPT_JSON] && !of->given[OPT_JSONL];
    int result = EXIT_DONE;
    if (json) {
        puts("{\"faults\":[");
    }
    for (unsigned i = 0; i < of->n_words; i++) {
        int status = check_file(of, of->words[i], &list);
        result = status != EXIT_DONE ? status : result;
    }
    if (json) {
        puts("]}");
    }
    return result;
}
