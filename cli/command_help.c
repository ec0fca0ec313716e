/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "exit_status.h"
#include "help.h"
#include "options.h"
#include "suggest.h"

int command_help(const arguments *of)
{
    if (of->given[OPT_MAN]) {
        help_put_man(stdout);
        return EXIT_DONE;
    }
    if (of->n_words == 0) {
        help_put_all(stdout);
        return EXIT_DONE;
    }
    char name[128], hint[128];
    snprintf(name, sizeof name, "%.60s%s%.60s", of->words[0], of->n_words > 1 ? " " : "",
             of->n_words > 1 ? of->words[1] : "");
    suggestion near;
    suggest_init(&near, name);
    bool found = false;
    for (size_t i = 0; i < N_COMMANDS; i++) {
        size_t n = strlen(name);
        bool is_group = strncmp(commands[i].name, name, n) == 0 && commands[i].name[n] == ' ';
        if (is_group || strcmp(commands[i].name, name) == 0) {
            if (found) {
                fputc('\n', stdout);
            }
            help_put_command(stdout, &commands[i]);
            found = true;
        }
        suggest_offer(&near, commands[i].name);
    }
    if (!found) {
        return complain(EXIT_USAGE, "'%s' is no command%s (augstream help lists them)", name,
                        suggest_text(&near, hint, sizeof hint));
    }
    return EXIT_DONE;
}
