/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/exit_status.h"
#include "cli/options/help.h"
#include "cli/options/options.h"
#include "cli/options/suggest.h"

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
    char name[128], hint[128];
    snprintf(name, sizeof name, "%.60s%s%.60s", of->words[0], of->n_words > 1 ? " " : "",
             of->n_words > 1 ? of->words[1] : "");
    suggestion near;
    suggest_init(&near, name);
    for (size_t i = 0; i < N_COMMANDS; i++) {
        suggest_offer(&near, commands[i].name);
    }
    if (!help_put_named(stdout, name)) {
        return complain(EXIT_USAGE, "'%s' is no command%s (augstream help lists them)", name,
                        suggest_text(&near, hint, sizeof hint));
    }
    return EXIT_DONE;
}
