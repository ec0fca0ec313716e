/* SPDX-License-Identifier: Apache-2.0 */
/* serve and subscribe of a build whose library has no server and no subscriber. */
#include "exit_status.h"
#include "options.h"

static int refuse(const arguments *of)
{
    return complain(EXIT_CONFIGURATION, "%s: this build has no network part", of->command->name);
}

int command_serve(const arguments *of)
{
    return refuse(of);
}

int command_subscribe(const arguments *of)
{
    return refuse(of);
}
