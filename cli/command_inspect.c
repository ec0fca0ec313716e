/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <augstream/chunks.h>

#include "exit_status.h"
#include "json_out.h"
#include "options.h"

int command_inspect(const arguments *of)
{
    augs_error error;
    char *json = NULL;
    int status = augs_chunks_inspect(of->words[0], option_whole(of, OPT_RECORDS), &json, &error);
    if (status < 0) {
        return complain_error(&error);
    }
    if (of->given[OPT_JSON]) {
        json_put_text(stdout, json);
    } else {
        json_put_indented(stdout, json);
    }
    /* within texts quotes are escaped */
    bool is_good = strstr(json, ",\"fault\":\"") == NULL;
    augs_text_free(json);
    return is_good
               ? EXIT_DONE
               : complain(EXIT_DATA, "%s: the chunk is not what the stream makes, see \"fault\"",
                          of->words[0]);
}
