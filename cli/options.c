/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exit_status.h"
#include "suggest.h"

bool option_has_command(const option *of, const command *at)
{
    return (of->commands & (1u << (unsigned)(at - commands))) != 0;
}

bool parse_whole(const char *text, uint64_t *ret_number)
{
    uint64_t number = 0;
    bool after_digit = false;
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '_' && after_digit) {
            after_digit = false;
            continue;
        }
        uint64_t digit = (uint64_t)(*p - '0');
        if (*p < '0' || *p > '9' || number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
        after_digit = true;
    }
    if (!after_digit) {
        return false;
    }
    *ret_number = number;
    return true;
}

static bool parse_decimal(const char *text, double *ret_decimal)
{
    size_t n_digits = strspn(text, "0123456789");
    size_t n_all = n_digits + (text[n_digits] == '.' ? 1 : 0);
    size_t n_more = n_all > n_digits ? strspn(text + n_all, "0123456789") : 0;
    if (n_digits + n_more == 0 || n_digits > 9 || n_more > 9 || text[n_all + n_more] != '\0') {
        return false;
    }
    *ret_decimal = strtod(text, NULL);
    return true;
}

/* "a, b, c" of a name list. */
static void join_names(name_list *names, char *ret_text, size_t n_bytes)
{
    size_t used = 0;
    ret_text[0] = '\0';
    for (uint32_t i = 0; names(i) != NULL && used < n_bytes; i++) {
        used +=
            (size_t)snprintf(ret_text + used, n_bytes - used, "%s%s", i > 0 ? ", " : "", names(i));
    }
}

static int refuse_name(const option *at, const char *text)
{
    char accepted[512], hint[128];
    suggestion near;
    suggest_init(&near, text);
    for (uint32_t i = 0; at->names(i) != NULL; i++) {
        suggest_offer(&near, at->names(i));
    }
    join_names(at->names, accepted, sizeof accepted);
    return complain(EXIT_USAGE, "--%s '%s' is unknown%s; accepted: %s", at->name, text,
                    suggest_text(&near, hint, sizeof hint), accepted);
}

static int take_value(arguments *of, enum option_id id, const char *text)
{
    const option *at = &options[id];
    of->values[id].text = text;
    if (at->kind == KIND_WHOLE) {
        uint64_t number = 0;
        if (!parse_whole(text, &number) || number < at->low || number > at->high) {
            return complain(EXIT_USAGE,
                            "--%s '%s'; accepted: a whole number from %" PRIu64 " to %" PRIu64
                            ", with _ between digits if you like",
                            at->name, text, at->low, at->high);
        }
        of->values[id].whole = number;
    } else if (at->kind == KIND_DECIMAL) {
        if (!parse_decimal(text, &of->values[id].decimal)) {
            return complain(EXIT_USAGE,
                            "--%s '%s'; accepted: a decimal number from 0, e.g. 30 or 0.5",
                            at->name, text);
        }
    } else if (at->kind == KIND_NAME) {
        uint32_t i = 0;
        while (at->names(i) != NULL && strcmp(at->names(i), text) != 0) {
            i++;
        }
        if (at->names(i) == NULL) {
            return refuse_name(at, text);
        }
        of->values[id].whole = i;
    } else if (at->kind == KIND_LIST) {
        of->list[of->n_list++] = text;
    } else if (text[0] == '\0') {
        return complain(EXIT_USAGE, "--%s is empty; accepted: --%s %s: %s", at->name, at->name,
                        at->value, at->help);
    }
    return EXIT_DONE;
}

static int refuse_option(const arguments *of, const char *name, size_t n_bytes)
{
    char word[80], hint[128];
    snprintf(word, sizeof word, "--%.*s", (int)(n_bytes < 64 ? n_bytes : 64), name);
    suggestion near;
    suggest_init(&near, word);
    static char spelled[N_OPTIONS][32];
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (option_has_command(&options[i], of->command)) {
            snprintf(spelled[i], sizeof spelled[i], "--%s", options[i].name);
            suggest_offer(&near, spelled[i]);
        }
    }
    return complain(EXIT_USAGE, "%s has no option %s%s (augstream %s --help lists them)",
                    of->command->name, word, suggest_text(&near, hint, sizeof hint),
                    of->command->name);
}

/* `text` begins with "--"; `next` is the word behind it or NULL. */
static int take_option(arguments *of, const char *text, const char *next, bool *ret_took_next)
{
    const char *name = text + 2;
    size_t n_bytes = strcspn(name, "=");
    const char *value = name[n_bytes] == '=' ? name + n_bytes + 1 : NULL;
    size_t id = 0;
    while (id < N_OPTIONS &&
           (!option_has_command(&options[id], of->command) || strlen(options[id].name) != n_bytes ||
            memcmp(options[id].name, name, n_bytes) != 0)) {
        id++;
    }
    if (id == N_OPTIONS) {
        return refuse_option(of, name, n_bytes);
    }
    const option *at = &options[id];
    if (of->given[id] && at->kind != KIND_LIST) {
        return complain(EXIT_USAGE, "--%s is given twice", at->name);
    }
    of->given[id] = true;
    *ret_took_next = false;
    if (at->kind == KIND_FLAG) {
        return value == NULL
                   ? EXIT_DONE
                   : complain(EXIT_USAGE, "--%s takes no value, not '%s'", at->name, value);
    }
    if (value == NULL) {
        value = next;
        *ret_took_next = true;
    }
    if (value == NULL) {
        return complain(EXIT_USAGE, "--%s has no value; accepted: --%s %s", at->name, at->name,
                        at->value);
    }
    return take_value(of, (enum option_id)id, value);
}

static int refuse_command(const char *first, const char *second)
{
    char word[160], hint[128];
    snprintf(word, sizeof word, "%.60s%s%.60s", first, second != NULL ? " " : "",
             second != NULL ? second : "");
    suggestion near;
    suggest_init(&near, second != NULL ? word : first);
    for (size_t i = 0; i < N_COMMANDS; i++) {
        suggest_offer(&near, commands[i].name);
    }
    if (second == NULL) {
        suggest_offer(&near, "presets");
    }
    return complain(EXIT_USAGE, "'%s' is no command%s (augstream help lists them)", word,
                    suggest_text(&near, hint, sizeof hint));
}

/* The first word of several commands, without a second one. */
static int refuse_group(const char *first)
{
    char accepted[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < N_COMMANDS && used < sizeof accepted; i++) {
        const command *at = &commands[i];
        size_t n = strlen(first);
        if (strncmp(at->name, first, n) == 0 && at->name[n] == ' ') {
            used += (size_t)snprintf(accepted + used, sizeof accepted - used, "%s%s%s%s",
                                     used > 0 ? ", " : "", at->name,
                                     at->words[0] != '\0' ? " " : "", at->words);
        }
    }
    return complain(EXIT_USAGE, "%s what? accepted: %s", first, accepted);
}

/* The command that argv names, and how many words that took. */
static int find_command(int argc, char **argv, const command **ret_command, int *ret_n_words)
{
    const char *first = argv[0], *second = argc > 1 ? argv[1] : NULL;
    size_t n_first = strlen(first);
    bool is_group = false;
    for (size_t i = 0; i < N_COMMANDS; i++) {
        const char *name = commands[i].name;
        if (strcmp(name, first) == 0) {
            *ret_command = &commands[i];
            *ret_n_words = 1;
            return EXIT_DONE;
        }
        if (strncmp(name, first, n_first) == 0 && name[n_first] == ' ') {
            is_group = true;
            if (second != NULL && strcmp(name + n_first + 1, second) == 0) {
                *ret_command = &commands[i];
                *ret_n_words = 2;
                return EXIT_DONE;
            }
        }
    }
    if (is_group && second == NULL) {
        return refuse_group(first);
    }
    return refuse_command(first, is_group ? second : NULL);
}

static int check_all_given(const arguments *of)
{
    const command *at = of->command;
    uint32_t bit = 1u << (unsigned)(at - commands);
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if ((options[i].required & bit) != 0 && !of->given[i]) {
            return complain(EXIT_USAGE, "%s: --%s %s is missing: %s", at->name, options[i].name,
                            options[i].value, options[i].help);
        }
    }
    if (of->n_words < at->min_words) {
        return complain(EXIT_USAGE, "%s: %s is missing", at->name, at->words);
    }
    if (of->n_words > at->max_words) {
        return complain(EXIT_USAGE, "%s: '%s' is one word too many; accepted: augstream %s%s%s",
                        at->name, of->words[at->max_words], at->name,
                        at->words[0] != '\0' ? " " : "", at->words);
    }
    return EXIT_DONE;
}

int arguments_parse(arguments *ret_arguments, int argc, char **argv)
{
    *ret_arguments = (arguments){.command = NULL};
    int n_name = 0;
    int result = find_command(argc, argv, &ret_arguments->command, &n_name);
    if (result != EXIT_DONE) {
        return result;
    }
    ret_arguments->words = calloc((size_t)argc + 1, sizeof *ret_arguments->words);
    ret_arguments->list = calloc((size_t)argc + 1, sizeof *ret_arguments->list);
    if (ret_arguments->words == NULL || ret_arguments->list == NULL) {
        return complain(EXIT_FAILED, "no memory for the arguments");
    }
    bool only_words = false;
    for (int i = n_name; i < argc && result == EXIT_DONE; i++) {
        const char *text = argv[i];
        bool took_next = false;
        if (!only_words && strcmp(text, "--") == 0) {
            only_words = true;
        } else if (!only_words && (strcmp(text, "-h") == 0 || strcmp(text, "--help") == 0)) {
            ret_arguments->given[OPT_HELP] = true;
            return EXIT_DONE;
        } else if (!only_words && strncmp(text, "--", 2) == 0) {
            result =
                take_option(ret_arguments, text, i + 1 < argc ? argv[i + 1] : NULL, &took_next);
            i += took_next;
        } else if (!only_words && text[0] == '-' && text[1] != '\0') {
            result = refuse_option(ret_arguments, text + 1, strlen(text + 1));
        } else {
            ret_arguments->words[ret_arguments->n_words++] = text;
        }
    }
    return result != EXIT_DONE ? result : check_all_given(ret_arguments);
}

void arguments_free(arguments *of)
{
    free(of->words);
    free(of->list);
}

const char *option_text(const arguments *of, enum option_id id, const char *otherwise)
{
    return of->given[id] ? of->values[id].text : otherwise;
}

uint64_t option_whole(const arguments *of, enum option_id id, uint64_t otherwise)
{
    return of->given[id] ? of->values[id].whole : otherwise;
}

double option_decimal(const arguments *of, enum option_id id, double otherwise)
{
    return of->given[id] ? of->values[id].decimal : otherwise;
}

uint32_t option_name_index(const arguments *of, enum option_id id, uint32_t otherwise)
{
    return of->given[id] ? (uint32_t)of->values[id].whole : otherwise;
}
