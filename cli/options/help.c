/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options/help.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <augstream/stream.h>
#include <augstream/version.h>

#include "cli/exit_status.h"
#include "cli/json_out.h"

static const struct {
    int number;
    const char *text;
} exit_texts[] = {{EXIT_DONE, "done"},
                  {EXIT_FAILED, "failed"},
                  {EXIT_USAGE, "wrong usage: an option or a word is not accepted"},
                  {EXIT_CONFIGURATION, "bad preset or configuration"},
                  {EXIT_PARTLY, "partly done: stopped early, or something is missing"},
                  {EXIT_DATA, "the data are corrupt, or belong to another stream"},
                  {EXIT_TRY_AGAIN, "no answer, or another process writes there: try again"}};
enum { N_EXIT_TEXTS = sizeof exit_texts / sizeof exit_texts[0] };

enum {
    DEFAULT_WIDTH = 80,
    LEAST_WIDTH = 20,
    MOST_WIDTH = 100, /* longer lines are hard to read */
    TWO_COLUMNS = 60, /* a narrower terminal gets descriptions below the names */
    DESCRIPTION_BYTES = 1024
};

/* ---- lines ---- */

unsigned help_width(void)
{
    const char *columns = getenv("COLUMNS");
    struct winsize window;
    uint64_t width = 0;
    if (columns == NULL || !parse_whole(columns, &width) || width == 0) {
        width = DEFAULT_WIDTH;
        if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 &&
            window.ws_col > 0) {
            width = window.ws_col;
        }
    }
    return width < LEAST_WIDTH ? LEAST_WIDTH : width > MOST_WIDTH ? MOST_WIDTH : (unsigned)width;
}

/* How much of a word that is too long for a line goes on this one: up to its last comma or slash
 * that fits, else all that fits. */
static size_t cut_word(const char *word, size_t space)
{
    size_t n = space;
    while (n > 1 && word[n - 1] != ',' && word[n - 1] != '/') {
        n--;
    }
    return n > 1 ? n : space;
}

typedef struct text_block {
    FILE *file;
    unsigned width;
    unsigned column; /* where the next character goes */
    unsigned indent; /* of every line but the first */
    bool at_start;   /* of a line */
} text_block;

static void end_line(text_block *block)
{
    fputc('\n', block->file);
    block->column = 0;
    block->at_start = true;
}

static void put_word(text_block *block, const char *word, size_t n)
{
    const unsigned space = block->width > block->indent ? block->width - block->indent : 1;
    if (!block->at_start && block->column + 1 + n > block->width) {
        end_line(block);
    }
    while (n > 0) {
        if (block->at_start && block->column < block->indent) {
            fprintf(block->file, "%*s", (int)(block->indent - block->column), "");
            block->column = block->indent;
        }
        const size_t part = n > space ? cut_word(word, space) : n;
        block->column +=
            (unsigned)fprintf(block->file, "%s%.*s", block->at_start ? "" : " ", (int)part, word);
        block->at_start = false;
        word += part;
        n -= part;
        if (n > 0) {
            end_line(block);
        }
    }
}

/* Words from `column` on, which is at the start of the text; an empty line divides paragraphs. */
static void put_wrapped(FILE *file, const char *text, unsigned column, unsigned indent)
{
    text_block block = {file, help_width(), column, indent, true};
    for (const char *p = text; *p != '\0';) {
        const size_t n = strcspn(p, " \n");
        put_word(&block, p, n);
        p += n;
        if (strncmp(p, "\n\n", 2) == 0) {
            end_line(&block);
            end_line(&block);
            p += 2;
        } else if (*p != '\0') {
            p++;
        }
    }
    fputc('\n', file);
}

void help_put_text(FILE *file, const char *text)
{
    put_wrapped(file, text, 0, 0);
}

/* A name and what it is: beside each other, or on a narrow terminal below each other. */
static void put_entry(FILE *file, const char *name, const char *text, unsigned column)
{
    const unsigned n = (unsigned)strlen(name) + 2;
    if (help_width() < TWO_COLUMNS) {
        put_wrapped(file, name, 0, 2);
        put_wrapped(file, text, 0, 6);
    } else if (n + 2 > column) {
        fprintf(file, "  %s\n", name);
        put_wrapped(file, text, 0, column);
    } else {
        fprintf(file, "  %s", name);
        fprintf(file, "%*s", (int)(column - n), "");
        put_wrapped(file, text, column, column);
    }
}

/* ---- options ---- */

static void option_heading(enum option_id id, const option_use *use, char *ret_text, size_t n_bytes)
{
    snprintf(ret_text, n_bytes, "--%s%s%s", options[id]->name, use->value != NULL ? " " : "",
             use->value != NULL ? use->value : "");
}

/* A text in the caller's memory that is added to until it is full. */
typedef struct text_space {
    char *text;
    size_t n_bytes, used;
} text_space;

__attribute__((format(printf, 2, 3))) static void add(text_space *space, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    if (space->used < space->n_bytes) {
        space->used += (size_t)vsnprintf(space->text + space->used, space->n_bytes - space->used,
                                         format, values);
    }
    va_end(values);
}

/* What it does, and in parentheses: whose it is, its names, and its default. */
static void option_description(enum option_id id, enum command_id at, char *ret_text,
                               size_t n_bytes)
{
    char otherwise[OPTION_DEFAULT_BYTES];
    const option_use *use = option_use_of(id, at);
    text_space space = {.text = ret_text, .n_bytes = n_bytes};
    const char *before = " (";
    add(&space, "%s", use->help);
    if (use->owners != NULL) {
        add(&space, "%sfor %s", before, use->owners);
        before = "; ";
    }
    for (uint32_t i = 0; use->kind == KIND_NAME && use->names(i) != NULL; i++) {
        add(&space, "%s%s%s", i > 0 ? ", " : before, i > 0 ? "" : "one of ", use->names(i));
    }
    before = use->kind == KIND_NAME ? "; " : before;
    option_default_text(id, at, otherwise, sizeof otherwise);
    if (use->required || otherwise[0] != '\0') {
        const char *what = use->required          ? "required"
                           : use->without != NULL ? "without it: "
                                                  : "default: ";
        add(&space, "%s%s%s)", before, what, use->required ? "" : otherwise);
    } else if (before[0] == ';') {
        add(&space, ")");
    }
}

static void usage_text(const command *of, char *ret_text, size_t n_bytes)
{
    text_space space = {.text = ret_text, .n_bytes = n_bytes};
    add(&space, "augstream %s", of->name);
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const option_use *use = option_use_of((enum option_id)i, command_index(of));
        if (use != NULL && use->required) {
            add(&space, " --%s %s", options[i]->name, use->value);
        }
    }
    add(&space, " [options]%s%s", of->words != NULL ? " " : "", of->words != NULL ? of->words : "");
}

/* The option's place in a group of a command's help, or NULL. */
static const option_use *use_in_group(size_t id, const command *of, int group)
{
    const enum command_id at = command_index(of);
    return (int)option_group_of((enum option_id)id, at) == group
               ? option_use_of((enum option_id)id, at)
               : NULL;
}

static bool has_group(const command *of, int group)
{
    bool found = false;
    for (size_t i = 0; i < N_OPTIONS; i++) {
        found = found || use_in_group(i, of, group) != NULL;
    }
    return found;
}

void help_put_command(FILE *file, const command *of)
{
    enum { COLUMN = 24 };
    char text[DESCRIPTION_BYTES], heading[64];
    usage_text(of, text, sizeof text);
    fputs("usage: ", file);
    put_wrapped(file, text, 7, 7);
    fputc('\n', file);
    put_wrapped(file, of->summary, 0, 0);
    if (of->details != NULL) {
        fputc('\n', file);
        put_wrapped(file, of->details, 0, 0);
    }
    for (int group = GROUP_NONE + 1; group < N_GROUPS; group++) {
        if (!has_group(of, group)) {
            continue;
        }
        fprintf(file, "\n%s:\n", group_titles[group]);
        for (size_t i = 0; i < N_OPTIONS; i++) {
            const option_use *use = use_in_group(i, of, group);
            if (use != NULL) {
                option_heading((enum option_id)i, use, heading, sizeof heading);
                option_description((enum option_id)i, command_index(of), text, sizeof text);
                put_entry(file, heading, text, COLUMN);
            }
        }
    }
}

void help_put_all(FILE *file)
{
    char number[16];
    fputs("usage: ", file);
    put_wrapped(file, "augstream COMMAND [options]", 7, 7);
    fputc('\n', file);
    put_wrapped(file,
                "Makes streams of augmentation parameters. Every value is a pure function of the "
                "preset, the seed, the epoch and the sample id.",
                0, 0);
    fputs("\ncommands:\n", file);
    for (size_t i = 0; i < N_COMMANDS; i++) {
        put_entry(file, commands[i].name, commands[i].summary, 20);
    }
    fputc('\n', file);
    put_wrapped(file,
                "augstream COMMAND --help shows the options of a command. Data goes to stdout, "
                "everything else to stderr.",
                0, 0);
    fputs("\nexit status:\n", file);
    for (size_t i = 0; i < N_EXIT_TEXTS; i++) {
        snprintf(number, sizeof number, "%d", exit_texts[i].number);
        put_entry(file, number, exit_texts[i].text, 8);
    }
}

bool help_put_named(FILE *file, const char *name)
{
    bool found = false;
    const size_t n = strlen(name);
    for (size_t i = 0; i < N_COMMANDS && n > 0; i++) {
        const char *at = commands[i].name;
        if (strncmp(at, name, n) == 0 && (at[n] == '\0' || at[n] == ' ')) {
            if (found) {
                fputc('\n', file);
            }
            help_put_command(file, &commands[i]);
            found = true;
        }
    }
    return found;
}

/* ---- the man page ---- */

/* roff: backslashes, hyphens, and dots and quotes at the start of a line. */
static void put_roff(FILE *file, const char *text)
{
    bool at_start = true;
    for (const char *p = text; *p != '\0'; p++) {
        if (at_start && (*p == '.' || *p == '\'')) {
            fputs("\\&", file);
        }
        at_start = *p == '\n';
        if (strncmp(p, "\n\n", 2) == 0) {
            fputs("\n.PP\n", file);
            p++;
            at_start = true;
        } else if (*p == '\\') {
            fputs("\\e", file);
        } else if (*p == '-') {
            fputs("\\-", file);
        } else {
            fputc(*p, file);
        }
    }
    fputc('\n', file);
}

static void put_man_group(FILE *file, const command *of, int group)
{
    char text[DESCRIPTION_BYTES];
    fprintf(file, ".PP\n.I %s\n", group_titles[group]);
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const option_use *use = use_in_group(i, of, group);
        if (use != NULL) {
            option_heading((enum option_id)i, use, text, sizeof text);
            fputs(".TP\n.B ", file);
            put_roff(file, text);
            option_description((enum option_id)i, command_index(of), text, sizeof text);
            put_roff(file, text);
        }
    }
}

static void put_man_command(FILE *file, const command *of)
{
    char text[DESCRIPTION_BYTES];
    fprintf(file, ".SS \"augstream %s\"\n", of->name);
    put_roff(file, of->summary);
    fputs(".PP\n", file);
    usage_text(of, text, sizeof text);
    put_roff(file, text);
    if (of->details != NULL) {
        fputs(".PP\n", file);
        put_roff(file, of->details);
    }
    for (int group = GROUP_NONE + 1; group < N_GROUPS; group++) {
        if (has_group(of, group)) {
            put_man_group(file, of, group);
        }
    }
}

void help_put_man(FILE *file)
{
    fprintf(file,
            ".TH AUGSTREAM 1 \"\" \"augstream %s\" \"User Commands\"\n"
            ".SH NAME\naugstream \\- streams of augmentation parameters\n"
            ".SH SYNOPSIS\n.B augstream\n.I COMMAND\n[options]\n"
            ".SH DESCRIPTION\n"
            "Makes, serves, stores and checks augmentation parameters, which are a pure function "
            "of (preset, seed, epoch, sample id).\n"
            "Data goes to stdout, everything else to stderr.\n"
            "Whole numbers may have _ between digits: 1_000_000.\n"
            ".SH COMMANDS\n",
            augs_version());
    for (size_t i = 0; i < N_COMMANDS; i++) {
        put_man_command(file, &commands[i]);
    }
    fputs(
        ".SH ENVIRONMENT\n"
        ".TP\n.B NO_COLOR\nIf it is set and not empty, stderr has no colors. TERM=dumb does the "
        "same.\n"
        ".TP\n.B COLUMNS\nThe width of help, in place of the terminal's.\n"
        ".TP\n.B AUGSTREAM_RANK, AUGSTREAM_WORLD_SIZE\nRank and world size, before what launchers "
        "set; see\n.BR \"augstream env\" .\n"
        ".SH EXIT STATUS\n",
        file);
    for (size_t i = 0; i < N_EXIT_TEXTS; i++) {
        fprintf(file, ".TP\n.B %d\n%s\n", exit_texts[i].number, exit_texts[i].text);
    }
}

/* ---- for programs ---- */

static const char *const kind_names[] = {
    [KIND_NONE] = "none",       [KIND_FLAG] = "flag", [KIND_TEXT] = "text", [KIND_WHOLE] = "whole",
    [KIND_DECIMAL] = "decimal", [KIND_NAME] = "name", [KIND_LIST] = "list"};

static void put_json_option(FILE *file, enum option_id id, const command *of)
{
    char text[OPTION_DEFAULT_BYTES];
    const enum command_id at = command_index(of);
    const option_use *use = option_use_of(id, at);
    const char *title = group_titles[option_group_of(id, at)];
    json_out json;
    option_default_text(id, at, text, sizeof text);
    json_begin(&json, file);
    json_text(&json, "name", options[id]->name);
    json_text(&json, "group", title != NULL ? title : "");
    json_text(&json, "kind", kind_names[use->kind]);
    json_text(&json, "value", use->value != NULL ? use->value : "");
    json_bool(&json, "required", use->required);
    json_text(&json, "help", use->help != NULL ? use->help : "");
    json_text(&json, "owners", use->owners != NULL ? use->owners : "");
    json_text(&json, "accepted", use->accepted != NULL ? use->accepted : "");
    json_text(&json, use->without != NULL ? "without" : "default", text);
    if (use->kind == KIND_WHOLE) {
        json_whole(&json, "least", use->least);
        json_whole(&json, "most", use->most);
    } else if (use->kind == KIND_DECIMAL) {
        json_number(&json, "least", use->decimals.least);
        json_number(&json, "most", use->decimals.most);
        json_bool(&json, "above", use->decimals.above);
    } else if (use->kind == KIND_NAME) {
        json_begin_list(&json, "names");
        for (uint32_t i = 0; use->names(i) != NULL; i++) {
            json_item(&json, use->names(i));
        }
        json_end_list(&json);
    }
    json_end(&json);
}

void help_put_json(FILE *file)
{
    fputs("{\"commands\":[\n", file);
    for (size_t c = 0; c < N_COMMANDS; c++) {
        const command *of = &commands[c];
        const char *between = "";
        fprintf(file, "%s{\"name\":\"%s\",\"words\":\"%s\",\"summary\":", c > 0 ? "," : "",
                of->name, of->words != NULL ? of->words : "");
        json_put_string(file, of->summary != NULL ? of->summary : "");
        fputs(",\"options\":[\n", file);
        for (size_t i = 0; i < N_OPTIONS; i++) {
            if (option_use_of((enum option_id)i, command_index(of)) != NULL) {
                fputs(between, file);
                put_json_option(file, (enum option_id)i, of);
                between = ",";
            }
        }
        fputs("]}\n", file);
    }
    fputs("]}\n", file);
}

/* ---- the command ---- */

int command_help(const arguments *of)
{
    if (of->given[OPT_MAN] || of->given[OPT_JSON]) {
        if ((of->given[OPT_MAN] && of->given[OPT_JSON]) || of->n_words > 0) {
            return complain(EXIT_USAGE, "help: --man and --json are of all commands; accepted: one "
                                        "of them, without COMMAND");
        }
        (of->given[OPT_MAN] ? help_put_man : help_put_json)(stdout);
        return EXIT_DONE;
    }
    if (of->n_words == 0) {
        help_put_all(stdout);
        return EXIT_DONE;
    }
    char name[128], hint[AUGSI_HINT_BYTES];
    snprintf(name, sizeof name, "%.60s%s%.60s", of->words[0], of->n_words > 1 ? " " : "",
             of->n_words > 1 ? of->words[1] : "");
    augsi_suggestion near = {.word = name};
    for (size_t i = 0; i < N_COMMANDS; i++) {
        augsi_suggest(&near, commands[i].name);
    }
    if (!help_put_named(stdout, name)) {
        return complain(EXIT_USAGE, "'%s' is no command%s (augstream help lists them)", name,
                        augsi_suggestion_text(&near, hint));
    }
    return EXIT_DONE;
}
