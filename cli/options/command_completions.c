/* SPDX-License-Identifier: Apache-2.0 */
/* Shell completions, made of the tables in options.h. */
#include <stdio.h>
#include <string.h>

#include "cli/exit_status.h"
#include "cli/options/options.h"

static void put_names(name_list *names, const char *between)
{
    for (uint32_t i = 0; names(i) != NULL; i++) {
        printf("%s%s", i > 0 ? between : "", names(i));
    }
}

/* The first words, and for each group what may follow. */
static void put_first_words(const char *between)
{
    const char *before = "";
    size_t n_before = 0;
    bool any = false;
    for (size_t i = 0; i < N_COMMANDS; i++) {
        size_t n = strcspn(commands[i].name, " ");
        if (n == n_before && strncmp(commands[i].name, before, n) == 0) {
            continue;
        }
        printf("%s%.*s", any ? between : "", (int)n, commands[i].name);
        any = true;
        before = commands[i].name;
        n_before = n;
    }
}

/* Length of the first word of commands[i] if it begins a group ("presets list", ...), else 0. */
static size_t group_at(size_t i)
{
    const char *space = strchr(commands[i].name, ' ');
    size_t n = space != NULL ? (size_t)(space - commands[i].name) : 0;
    return i > 0 && strncmp(commands[i - 1].name, commands[i].name, n + 1) == 0 ? 0 : n;
}

/* The second words of the group that begins at `first`. */
static void put_second_words(size_t first)
{
    size_t n = strcspn(commands[first].name, " ") + 1;
    for (size_t i = first;
         i < N_COMMANDS && strncmp(commands[i].name, commands[first].name, n) == 0; i++) {
        printf("%s%s", i > first ? " " : "", commands[i].name + n);
    }
}

/* For each group: `before`, its name, `between`, its second words, `after`. */
static void put_groups(const char *before, const char *between, const char *after)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        size_t n = group_at(i);
        if (n > 0) {
            printf("%s%.*s%s", before, (int)n, commands[i].name, between);
            put_second_words(i);
            fputs(after, stdout);
        }
    }
}

/* ---- bash ---- */

/* What may follow an option: names, files, or nothing that is known. */
static void put_bash_values(size_t c)
{
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const option_use *at = option_use_of((enum option_id)i, (enum command_id)c);
        if (at == NULL || at->value == NULL) {
            continue;
        }
        printf("    '%s --%s')\n", commands[c].name, options[i]->name);
        if (at->names != NULL) {
            fputs("        COMPREPLY=($(compgen -W '", stdout);
            put_names(at->names, " ");
            puts("' -- \"$current\"))");
        }
        if (at->is_path) {
            puts("        COMPREPLY+=($(compgen -f -- \"$current\"))");
        }
        puts("        return ;;");
    }
}

/* The options and words of a command. */
static void put_bash_command(size_t c)
{
    printf("    '%s') words='", commands[c].name);
    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (option_use_of((enum option_id)i, (enum command_id)c) != NULL) {
            printf("--%s ", options[i]->name);
        }
    }
    if (commands[c].word_names != NULL) {
        put_names(commands[c].word_names, " ");
    }
    puts("'");
    if (commands[c].words_are_paths) {
        puts("        COMPREPLY=($(compgen -f -- \"$current\"))");
    }
    puts("        ;;");
}

static void put_bash(void)
{
    puts("# bash completion for augstream\n"
         "_augstream() {\n"
         "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
         "    local command=${COMP_WORDS[1]} first=2 words=\n"
         "    COMPREPLY=()\n"
         "    if [ \"$COMP_CWORD\" -eq 1 ]; then");
    fputs("        COMPREPLY=($(compgen -W '", stdout);
    put_first_words(" ");
    puts(" --help --version' -- \"$current\"))\n"
         "        return\n"
         "    fi");
    put_groups("    if [ \"$command\" = ",
               " ]; then\n"
               "        if [ \"$COMP_CWORD\" -eq 2 ]; then\n"
               "            COMPREPLY=($(compgen -W '",
               "' -- \"$current\"))\n"
               "            return\n"
               "        fi\n"
               "        command=\"$command ${COMP_WORDS[2]}\"\n"
               "    fi\n");
    puts("    case \"$command $previous\" in");
    for (size_t c = 0; c < N_COMMANDS; c++) {
        put_bash_values(c);
    }
    puts("    esac\n"
         "    case \"$command\" in");
    for (size_t c = 0; c < N_COMMANDS; c++) {
        put_bash_command(c);
    }
    puts("    esac\n"
         "    COMPREPLY+=($(compgen -W \"$words\" -- \"$current\"))\n"
         "}\n"
         "complete -o filenames -F _augstream augstream");
}

/* ---- zsh ---- */

/* Inside a zsh _arguments specification: ' : [ ] \ stand for themselves no more. */
static void put_zsh_text(const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\'') {
            fputs("'\\''", stdout);
        } else if (strchr(":[]\\", *p) != NULL) {
            printf("\\%c", *p);
        } else {
            putchar(*p);
        }
    }
}

static void put_zsh_option(const char *name, const option_use *at)
{
    printf("            '%s--%s%s[", at->kind == KIND_LIST ? "*" : "", name,
           at->value != NULL ? "=" : "");
    put_zsh_text(at->help);
    putchar(']');
    if (at->value != NULL) {
        putchar(':');
        put_zsh_text(at->value);
        putchar(':');
        if (at->names != NULL) {
            putchar('(');
            put_names(at->names, " ");
            putchar(')');
        } else if (at->is_path) {
            fputs("_files", stdout);
        }
    }
    puts("' \\");
}

static void put_zsh_command(size_t c)
{
    printf("    '%s')\n        _arguments \\\n", commands[c].name);
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const option_use *at = option_use_of((enum option_id)i, (enum command_id)c);
        if (at != NULL) {
            put_zsh_option(options[i]->name, at);
        }
    }
    if (commands[c].word_names != NULL) {
        fputs("            '*:name:(", stdout);
        put_names(commands[c].word_names, " ");
        puts(")'");
    } else {
        puts(commands[c].words_are_paths ? "            '*:file:_files'" : "            ':: :'");
    }
    puts("        ;;");
}

static void put_zsh(void)
{
    puts("#compdef augstream\n"
         "_augstream() {\n"
         "    local command=$words[2]\n"
         "    if (( CURRENT == 2 )); then");
    fputs("        compadd -- ", stdout);
    put_first_words(" ");
    puts("\n        return\n"
         "    fi\n"
         "    shift words\n"
         "    (( CURRENT-- ))");
    put_groups("    if [[ $command == ",
               " ]]; then\n"
               "        if (( CURRENT == 2 )); then\n"
               "            compadd -- ",
               "\n"
               "            return\n"
               "        fi\n"
               "        command=\"$command $words[2]\"\n"
               "        shift words\n"
               "        (( CURRENT-- ))\n"
               "    fi\n");
    puts("    case $command in");
    for (size_t c = 0; c < N_COMMANDS; c++) {
        put_zsh_command(c);
    }
    puts("    esac\n"
         "}\n"
         "_augstream \"$@\"");
}

/* ---- fish ---- */

static void put_fish_text(const char *text)
{
    putchar('\'');
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\'' || *p == '\\') {
            putchar('\\');
        }
        putchar(*p);
    }
    putchar('\'');
}

/* The condition under which a command's completions are offered. */
static void put_fish_seen(const command *of)
{
    const char *space = strchr(of->name, ' ');
    if (space == NULL) {
        printf("complete -c augstream -n '__fish_seen_subcommand_from %s'", of->name);
    } else {
        printf("complete -c augstream -n '__fish_seen_subcommand_from %.*s; and "
               "__fish_seen_subcommand_from %s'",
               (int)(space - of->name), of->name, space + 1);
    }
}

/* " -a 'a b c'" of the names, if there are any. */
static void put_fish_names(name_list *names)
{
    if (names != NULL) {
        fputs(" -a '", stdout);
        put_names(names, " ");
        putchar('\'');
    }
}

static void put_fish_command(size_t c)
{
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const option_use *at = option_use_of((enum option_id)i, (enum command_id)c);
        if (at == NULL) {
            continue;
        }
        put_fish_seen(&commands[c]);
        printf(" -l %s%s%s -d ", options[i]->name, at->value != NULL ? " -r" : "",
               at->is_path ? " -F" : "");
        put_fish_text(at->help);
        put_fish_names(at->names);
        putchar('\n');
    }
    if (commands[c].words_are_paths || commands[c].word_names != NULL) {
        put_fish_seen(&commands[c]);
        fputs(commands[c].words_are_paths ? " -F" : "", stdout);
        put_fish_names(commands[c].word_names);
        putchar('\n');
    }
}

static void put_fish(void)
{
    puts("# fish completion for augstream\n"
         "complete -c augstream -f");
    fputs("complete -c augstream -n __fish_use_subcommand -a '", stdout);
    put_first_words(" ");
    puts("'");
    for (size_t i = 0; i < N_COMMANDS; i++) {
        size_t n = group_at(i);
        if (n > 0) {
            printf("complete -c augstream -n '__fish_seen_subcommand_from %.*s; and not "
                   "__fish_seen_subcommand_from ",
                   (int)n, commands[i].name);
            put_second_words(i);
            fputs("' -a '", stdout);
            put_second_words(i);
            puts("'");
        }
    }
    for (size_t c = 0; c < N_COMMANDS; c++) {
        put_fish_command(c);
    }
}

/* ---- the command ---- */

int command_completions(const arguments *of)
{
    static const struct {
        const char *shell;
        void (*put)(void);
    } shells[] = {{"bash", put_bash}, {"zsh", put_zsh}, {"fish", put_fish}};
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(of->words[0], shells[i].shell) == 0) {
            shells[i].put();
            return EXIT_DONE;
        }
    }
    augsi_known_words known = {.near.word = of->words[0]};
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        augsi_known_word(&known, shells[i].shell);
    }
    return complain(EXIT_USAGE, "completions for '%.200s' do not exist%s", of->words[0],
                    augsi_known_words_text(&known, "accepted"));
}
