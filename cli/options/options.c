/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/exit_status.h"

enum { SHOWN_BYTES = 200 /* of a word of the user, in messages */ };

/* ---- the table ---- */

enum command_id command_index(const command *of)
{
    return (enum command_id)(of - commands);
}

const option_use *option_use_of(enum option_id id, enum command_id at)
{
    for (size_t i = 0; i < MOST_USES && options[id]->uses[i].commands != 0; i++) {
        if ((options[id]->uses[i].commands & (1u << (unsigned)at)) != 0) {
            return &options[id]->uses[i];
        }
    }
    return NULL;
}

enum option_group option_group_of(enum option_id id, enum command_id at)
{
    const option_use *use = option_use_of(id, at);
    return use != NULL && use->group != GROUP_NONE ? use->group : options[id]->group;
}

enum option_id option_find(const char *name, size_t n_bytes, enum command_id at)
{
    size_t id = 0;
    while (id < N_OPTIONS &&
           (option_use_of((enum option_id)id, at) == NULL || strlen(options[id]->name) != n_bytes ||
            memcmp(options[id]->name, name, n_bytes) != 0)) {
        id++;
    }
    return (enum option_id)id;
}

bool option_is_of_strategy(enum option_id id, enum command_id at, const char *strategy)
{
    const option_use *use = option_use_of(id, at);
    const size_t n = strlen(strategy);
    const char *p = use != NULL ? use->owners : "";
    if (p == NULL) {
        return true;
    }
    while (*p != '\0') {
        const size_t n_name = strcspn(p, ", ");
        if (n_name == n && memcmp(p, strategy, n) == 0) {
            return true;
        }
        p += n_name + strspn(p + n_name, ", ");
    }
    return false;
}

void option_default_text(enum option_id id, enum command_id at, char *ret_text, size_t n_bytes)
{
    const option_use *use = option_use_of(id, at);
    const char *text = "";
    if (use != NULL && use->ask_fallback != NULL) {
        use->ask_fallback(at, ret_text, n_bytes);
        return;
    }
    if (use != NULL && use->ask_without != NULL) {
        use->ask_without(at, ret_text, n_bytes);
        return;
    }
    if (use != NULL) {
        text = use->fallback != NULL ? use->fallback : use->without != NULL ? use->without : "";
    }
    snprintf(ret_text, n_bytes, "%s", text);
}

/* ---- values ---- */

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

const char *explain_whole(const char *text, uint64_t least, char *ret_text, size_t n_bytes)
{
    uint64_t number = 0;
    const size_t n_digits = strspn(text, "0123456789_");
    const char *rest = text + n_digits;
    ret_text[0] = '\0';
    if (text[0] == '\0') {
        snprintf(ret_text, n_bytes, "is empty");
    } else if (strpbrk(text, " \t\r\n") != NULL) {
        snprintf(ret_text, n_bytes, "has a blank");
    } else if (text[0] == '-' || text[0] == '+') {
        snprintf(ret_text, n_bytes, "has a sign");
    } else if (n_digits > 0 && (*rest == '.' || *rest == 'e' || *rest == 'E')) {
        snprintf(ret_text, n_bytes, "is not written as a whole number");
    } else if (n_digits > 0 && *rest != '\0') {
        snprintf(ret_text, n_bytes, "has '%.32s' after its digits", rest);
    } else if (*rest != '\0') {
        snprintf(ret_text, n_bytes, "is no number");
    } else if (parse_whole(text, &number)) {
        snprintf(ret_text, n_bytes, "is too %s", number < least ? "small" : "large");
    } else if (strstr(text, "__") != NULL || text[0] == '_' || text[n_digits - 1] == '_') {
        snprintf(ret_text, n_bytes, "has a '_' that is not between two digits");
    } else {
        snprintf(ret_text, n_bytes, "is too large");
    }
    return ret_text;
}

static int take_whole(const option_use *use, const char *called, const char *text,
                      uint64_t *ret_number)
{
    char why[128];
    if (parse_whole(text, ret_number) && *ret_number >= use->least && *ret_number <= use->most) {
        return EXIT_DONE;
    }
    return complain(EXIT_USAGE,
                    "%s '%.*s' %s; accepted: a whole number from %" PRIu64 " to %" PRIu64
                    ", such as 1000 or 1_000",
                    called, SHOWN_BYTES, text, explain_whole(text, use->least, why, sizeof why),
                    use->least, use->most);
}

/* Digits, at most one '.', digits: the same in every locale. */
static bool parse_decimal(const char *text, double *ret_decimal)
{
    size_t n_digits = strspn(text, "0123456789");
    size_t n_all = n_digits + (text[n_digits] == '.' ? 1 : 0);
    size_t n_more = n_all > n_digits ? strspn(text + n_all, "0123456789") : 0;
    if (n_digits + n_more == 0 || n_digits > 18 || n_more > 18 || text[n_all + n_more] != '\0') {
        return false;
    }
    *ret_decimal = strtod(text, NULL);
    return true;
}

static int take_decimal(const option_use *use, const char *called, const char *text,
                        double *ret_decimal)
{
    const decimal_range *range = &use->decimals;
    if (parse_decimal(text, ret_decimal) && *ret_decimal >= range->least &&
        !(range->above && *ret_decimal == range->least) && *ret_decimal <= range->most) {
        return EXIT_DONE;
    }
    return complain(EXIT_USAGE,
                    "%s '%.*s'; accepted: a decimal number %s %.9g%s%.9g, without sign, "
                    "unit or exponent",
                    called, SHOWN_BYTES, text, range->above ? "above" : "from", range->least,
                    range->above ? ", up to " : " to ", range->most);
}

static int take_name(const option_use *use, const char *called, const char *text,
                     uint64_t *ret_index)
{
    augsi_known_words known = {.near.word = text};
    for (uint32_t i = 0; use->names(i) != NULL; i++) {
        if (strcmp(use->names(i), text) == 0) {
            *ret_index = i;
            return EXIT_DONE;
        }
        augsi_known_word(&known, use->names(i));
    }
    return complain(EXIT_USAGE, "%s '%.*s' is not accepted%s", called, SHOWN_BYTES, text,
                    augsi_known_words_text(&known, "accepted"));
}

int option_parse_value(enum option_id id, enum command_id at, const char *called, const char *text,
                       option_value *ret_value)
{
    const option_use *use = option_use_of(id, at);
    *ret_value = (option_value){.text = text};
    switch (use->kind) {
    case KIND_WHOLE:
        return take_whole(use, called, text, &ret_value->whole);
    case KIND_DECIMAL:
        return take_decimal(use, called, text, &ret_value->decimal);
    case KIND_NAME:
        return take_name(use, called, text, &ret_value->whole);
    default:
        return text[0] != '\0'
                   ? EXIT_DONE
                   : complain(EXIT_USAGE, "%s '' is empty; accepted: %s", called, use->accepted);
    }
}

int complain_value(int exit_status, const arguments *of, enum option_id id, const char *message)
{
    const option_use *use = option_use_of(id, command_index(of->command));
    const bool says = strstr(message, "accepted") != NULL || use->accepted == NULL;
    return complain(exit_status, "--%s '%.*s': %s%s%s", options[id]->name, SHOWN_BYTES,
                    of->values[id].text, message,
                    says ? "" : "; accepted: ", says ? "" : use->accepted);
}

int check_job_name(const arguments *of, enum option_id id)
{
    const char *name = option_text(of, id);
    const size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "._-");
    return n == strlen(name) && n <= 64 ? EXIT_DONE
                                        : complain_value(EXIT_USAGE, of, id, "is no job's name");
}

/* ---- the command ---- */

/* The commands, and the words with which several begin. */
static void offer_commands(augsi_suggestion *near, bool with_groups)
{
    static char groups[N_COMMANDS][16];
    for (size_t i = 0; i < N_COMMANDS; i++) {
        size_t n = strcspn(commands[i].name, " ");
        augsi_suggest(near, commands[i].name);
        if (with_groups && commands[i].name[n] == ' ' && n < sizeof groups[i]) {
            memcpy(groups[i], commands[i].name, n);
            augsi_suggest(near, groups[i]);
        }
    }
}

static int refuse_command(const char *first, const char *second)
{
    char word[160], hint[AUGSI_HINT_BYTES];
    snprintf(word, sizeof word, "%.60s%s%.60s", first, second != NULL ? " " : "",
             second != NULL ? second : "");
    augsi_suggestion near = {.word = word};
    offer_commands(&near, second == NULL);
    return complain(EXIT_USAGE, "'%s' is no command%s (augstream help lists them)", word,
                    augsi_suggestion_text(&near, hint));
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
                                     used > 0 ? ", " : "", at->name, at->words != NULL ? " " : "",
                                     at->words != NULL ? at->words : "");
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
    if (is_group && (second == NULL || second[0] == '-')) {
        return refuse_group(first);
    }
    return refuse_command(first, is_group ? second : NULL);
}

/* ---- options ---- */

void option_suggest(augsi_suggestion *near, enum option_id id, const char *spelled)
{
    const char *earlier = options[id]->earlier;
    augsi_suggest(near, spelled);
    if (earlier != NULL && strcmp(near->word + strspn(near->word, "-"), earlier) == 0) {
        near->n_edits = 0;
        near->nearest = spelled;
    }
}

/* `word` is as typed, `name` what it may have been meant to name. */
static int refuse_option(const arguments *of, const char *word, const char *name, size_t n_name)
{
    static char spelled[N_OPTIONS][32];
    char meant[80], hint[AUGSI_HINT_BYTES];
    snprintf(meant, sizeof meant, "--%.*s", (int)(n_name < 64 ? n_name : 64), name);
    augsi_suggestion near = {.word = meant};
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (option_use_of((enum option_id)i, command_index(of->command)) != NULL) {
            snprintf(spelled[i], sizeof spelled[i], "--%s", options[i]->name);
            option_suggest(&near, (enum option_id)i, spelled[i]);
        }
    }
    return complain(EXIT_USAGE, "%s has no option %.*s%s (augstream %s --help lists them)",
                    of->command->name, (int)strcspn(word, "="), word,
                    augsi_suggestion_text(&near, hint), of->command->name);
}

static int add_to_list(option_list *list, int argc, const char *text)
{
    if (list->texts == NULL) {
        list->texts = calloc((size_t)argc, sizeof *list->texts);
    }
    if (list->texts == NULL) {
        return complain(EXIT_FAILED, "no memory for the arguments");
    }
    list->texts[list->n++] = text;
    return EXIT_DONE;
}

/* A forgotten value does not swallow the option behind it; --out=--quiet means that name. */
static bool is_option(const char *word, enum command_id at)
{
    return strncmp(word, "--", 2) == 0 &&
           option_find(word + 2, strcspn(word + 2, "="), at) != N_OPTIONS;
}

/* argv[i] begins with "--"; *ret_took_next: the word behind it was its value. */
static int take_option(arguments *of, int argc, char **argv, int i, bool *ret_took_next)
{
    char called[64];
    const char *name = argv[i] + 2;
    const size_t n_bytes = strcspn(name, "=");
    const char *value = name[n_bytes] == '=' ? name + n_bytes + 1 : NULL;
    const enum command_id at = command_index(of->command);
    const enum option_id id = option_find(name, n_bytes, at);
    if (id == N_OPTIONS) {
        return refuse_option(of, argv[i], name, n_bytes);
    }
    const option_use *use = option_use_of(id, at);
    snprintf(called, sizeof called, "--%s", options[id]->name);
    if (of->given[id] && use->kind != KIND_LIST && use->kind != KIND_FLAG) {
        return complain(EXIT_USAGE, "%s is given twice; accepted: one %s %s", called, called,
                        use->value);
    }
    of->given[id] = true;
    if (use->kind == KIND_FLAG) {
        return value == NULL ? EXIT_DONE
                             : complain(EXIT_USAGE, "%s takes no value, not '%.*s'", called,
                                        SHOWN_BYTES, value);
    }
    if (value == NULL && i + 1 < argc && !is_option(argv[i + 1], at)) {
        value = argv[i + 1];
        *ret_took_next = true;
    }
    if (value == NULL) {
        return complain(EXIT_USAGE, "%s has no value; accepted: %s %s", called, called, use->value);
    }
    int result = option_parse_value(id, at, called, value, &of->values[id]);
    return result == EXIT_DONE && use->kind == KIND_LIST ? add_to_list(&of->lists[id], argc, value)
                                                         : result;
}

/* The defaults of what was not typed, parsed as if it were. */
static int take_defaults(arguments *of)
{
    const enum command_id at = command_index(of->command);
    int result = EXIT_DONE;
    for (size_t i = 0; i < N_OPTIONS && result == EXIT_DONE; i++) {
        const enum option_id id = (enum option_id)i;
        const option_use *use = option_use_of(id, at);
        if (use != NULL && !of->given[i] && (use->fallback != NULL || use->ask_fallback != NULL)) {
            option_default_text(id, at, of->defaults[i], sizeof of->defaults[i]);
            result = option_parse_value(id, at, options[i]->name, of->defaults[i], &of->values[i]);
        }
    }
    return result;
}

static int check_all_given(const arguments *of)
{
    const command *at = of->command;
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const option_use *use = option_use_of((enum option_id)i, command_index(at));
        if (use != NULL && use->required && !of->given[i]) {
            return complain(EXIT_USAGE, "%s: --%s %s is missing: %s", at->name, options[i]->name,
                            use->value, use->help);
        }
    }
    if (of->n_words < at->min_words) {
        return complain(EXIT_USAGE, "%s: %s is missing; accepted: augstream %s %s", at->name,
                        at->words, at->name, at->words);
    }
    if (of->n_words > at->max_words) {
        return complain(EXIT_USAGE, "%s: '%.*s' is one word too many; accepted: augstream %s%s%s",
                        at->name, SHOWN_BYTES, of->words[at->max_words], at->name,
                        at->words != NULL ? " " : "", at->words != NULL ? at->words : "");
    }
    return EXIT_DONE;
}

static bool asks_for_help(const char *text)
{
    return strcmp(text, "-h") == 0 || strcmp(text, "--help") == 0;
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
    if (ret_arguments->words == NULL) {
        return complain(EXIT_FAILED, "no memory for the arguments");
    }
    bool only_words = false;
    for (int i = n_name; i < argc && result == EXIT_DONE; i++) {
        const char *text = argv[i];
        bool took_next = false;
        if (!only_words && strcmp(text, "--") == 0) {
            only_words = true;
        } else if (!only_words && asks_for_help(text)) {
            ret_arguments->given[OPT_HELP] = true;
            return EXIT_DONE;
        } else if (!only_words && strncmp(text, "--", 2) == 0) {
            result = take_option(ret_arguments, argc, argv, i, &took_next);
            i += took_next;
        } else if (!only_words && text[0] == '-' && text[1] != '\0') {
            result = refuse_option(ret_arguments, text, text + 1, strcspn(text + 1, "="));
        } else {
            ret_arguments->words[ret_arguments->n_words++] = text;
        }
    }
    result = result == EXIT_DONE ? check_all_given(ret_arguments) : result;
    return result == EXIT_DONE ? take_defaults(ret_arguments) : result;
}

void arguments_free(arguments *of)
{
    for (size_t i = 0; i < N_OPTIONS; i++) {
        free(of->lists[i].texts);
    }
    free(of->words);
}

const char *option_text(const arguments *of, enum option_id id)
{
    return of->values[id].text;
}

uint64_t option_whole(const arguments *of, enum option_id id)
{
    return of->values[id].whole;
}

double option_decimal(const arguments *of, enum option_id id)
{
    return of->values[id].decimal;
}

uint32_t option_name_index(const arguments *of, enum option_id id)
{
    return (uint32_t)of->values[id].whole;
}
