/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include <augstream/chunks.h>

#include "cli/exit_status.h"
#include "cli/json_out.h"
#include "cli/options/options.h"

int command_inspect(const arguments *of)
{
    augs_error error;
    char *json = NULL;
    uint64_t n_faults = 0;
    int status =
        augs_chunks_inspect(of->words[0], option_whole(of, OPT_RECORDS), &json, &n_faults, &error);
    if (status < 0) {
        return complain_error(&error);
    }
    if (of->given[OPT_JSON]) {
        json_put_text(stdout, json);
    } else {
        json_put_indented(stdout, json);
    }
    augs_text_free(json);
    return n_faults == 0 ? EXIT_DONE
                         : complain(EXIT_DATA, "%s: it is not what the stream makes, see \"fault\"",
                                    of->words[0]);
}
