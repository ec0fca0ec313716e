/* SPDX-License-Identifier: Apache-2.0 */
#include "help.h"

#include <string.h>

#include <augstream/stream.h>

#include "exit_status.h"

static const struct {
    int number;
    const char *text;
} exit_texts[] = {{EXIT_DONE, "done"},
                  {EXIT_FAILED, "failed"},
                  {EXIT_USAGE, "wrong usage"},
                  {EXIT_CONFIGURATION, "bad preset or configuration"},
                  {EXIT_PARTLY, "partly done: stopped, or something is missing"},
                  {EXIT_DATA, "corrupt or mismatching data"},
                  {EXIT_TRY_AGAIN, "no answer or no network: try again"}};
enum { N_EXIT_TEXTS = sizeof exit_texts / sizeof exit_texts[0] };

enum { WIDTH = 96 };

/* Words, broken at `WIDTH`, every line after the first indented. */
static void put_wrapped(FILE *file, const char *text, unsigned column, unsigned indent)
{
    const char *p = text;
    bool at_start = true; /* of a line */
    while (*p != '\0') {
        size_t n = strcspn(p, " \n");
        if (!at_start && column + 1 + n > WIDTH) {
            fprintf(file, "\n%*s", (int)indent, "");
            column = indent;
            at_start = true;
        }
        column += (unsigned)fprintf(file, "%s%.*s", at_start ? "" : " ", (int)n, p);
        at_start = false;
        p += n;
        if (strncmp(p, "\n\n", 2) == 0) {
            fprintf(file, "\n\n%*s", (int)indent, "");
            column = indent;
            at_start = true;
            p += 2;
        } else if (*p != '\0') {
            p++;
        }
    }
    fputc('\n', file);
}

/* The help of an option with its names and default, as one text. */
static void option_description(const option *of, char *ret_text, size_t n_bytes)
{
    size_t used = (size_t)snprintf(ret_text, n_bytes, "%s", of->help);
    if (of->kind == KIND_NAME) {
        for (uint32_t i = 0; of->names(i) != NULL && used < n_bytes; i++) {
            used += (size_t)snprintf(ret_text + used, n_bytes - used, "%s%s", i > 0 ? ", " : ": ",
                                     of->names(i));
        }
    }
    if (of->fallback != NULL && used < n_bytes) {
        snprintf(ret_text + used, n_bytes - used, " (default: %s)", of->fallback);
    }
}

static bool is_required(const option *of, const command *at)
{
    return (of->required & (1u << (unsigned)(at - commands))) != 0;
}

static void put_usage(FILE *file, const command *of)
{
    fprintf(file, "augstream %s", of->name);
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (is_required(&options[i], of)) {
            fprintf(file, " --%s %s", options[i].name, options[i].value);
        }
    }
    fprintf(file, " [options]%s%s\n", of->words[0] != '\0' ? " " : "", of->words);
}

void help_put_command(FILE *file, const command *of)
{
    enum { COLUMN = 26 };
    fputs("usage: ", file);
    put_usage(file, of);
    fprintf(file, "\n%s\n", of->summary);
    if (of->details[0] != '\0') {
        fputc('\n', file);
        put_wrapped(file, of->details, 0, 0);
    }
    fputs("\noptions:\n", file);
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const option *at = &options[i];
        if (!option_has_command(at, of)) {
            continue;
        }
        char left[64], right[1024];
        snprintf(left, sizeof left, "  --%s%s%s", at->name, at->value != NULL ? " " : "",
                 at->value != NULL ? at->value : "");
        option_description(at, right, sizeof right);
        if (strlen(left) + 2 > COLUMN) {
            fprintf(file, "%s\n%*s", left, COLUMN, "");
        } else {
            fprintf(file, "%-*s", COLUMN, left);
        }
        put_wrapped(file, right, COLUMN, COLUMN);
    }
}

void help_put_all(FILE *file)
{
    fputs("usage: augstream COMMAND [options]\n\n"
          "Streams of augmentation parameters: a pure function of (preset, seed, epoch, sample "
          "id).\n\n"
          "commands:\n",
          file);
    for (size_t i = 0; i < N_COMMANDS; i++) {
        fprintf(file, "  %-17s %s\n", commands[i].name, commands[i].summary);
    }
    fputs("\naugstream COMMAND --help tells its options. Data goes to stdout, everything else to "
          "stderr.\n\nexit status:\n",
          file);
    for (size_t i = 0; i < N_EXIT_TEXTS; i++) {
        fprintf(file, "  %-4d %s\n", exit_texts[i].number, exit_texts[i].text);
    }
}

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

static void put_man_command(FILE *file, const command *of)
{
    fprintf(file, ".SS \"augstream %s\"\n", of->name);
    put_roff(file, of->summary);
    fputs(".PP\n", file);
    put_usage(file, of);
    if (of->details[0] != '\0') {
        fputs(".PP\n", file);
        put_roff(file, of->details);
    }
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (option_has_command(&options[i], of)) {
            char text[1024];
            snprintf(text, sizeof text, "--%s%s%s", options[i].name,
                     options[i].value != NULL ? " " : "",
                     options[i].value != NULL ? options[i].value : "");
            fputs(".TP\n.B ", file);
            put_roff(file, text);
            option_description(&options[i], text, sizeof text);
            put_roff(file, text);
        }
    }
}

bool help_put_named(FILE *file, const char *name)
{
    bool found = false;
    const size_t n = strlen(name);
    for (size_t i = 0; i < N_COMMANDS; i++) {
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

void help_put_man(FILE *file)
{
    fprintf(file,
            ".TH AUGSTREAM 1 \"\" \"augstream %s\" \"User Commands\"\n"
            ".SH NAME\naugstream \\- streams of augmentation parameters\n"
            ".SH SYNOPSIS\n.B augstream\n.I COMMAND\n[options]\n"
            ".SH DESCRIPTION\n"
            "Makes, serves, stores and checks augmentation parameters, which are a pure function "
            "of (preset, seed, epoch, sample id).\n"
            "Data goes to stdout, everything else to stderr. Whole numbers may have _ between "
            "digits: 1_000_000.\n"
            ".SH COMMANDS\n",
            augs_version());
    for (size_t i = 0; i < N_COMMANDS; i++) {
        put_man_command(file, &commands[i]);
    }
    fputs(
        ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nNo colours on stderr.\n"
        ".TP\n.B AUGSTREAM_RANK, AUGSTREAM_WORLD_SIZE\nRank and world size, before what launchers "
        "set; see\n.BR \"augstream env\" .\n"
        ".SH EXIT STATUS\n",
        file);
    for (size_t i = 0; i < N_EXIT_TEXTS; i++) {
        fprintf(file, ".TP\n.B %d\n%s\n", exit_texts[i].number, exit_texts[i].text);
    }
}
