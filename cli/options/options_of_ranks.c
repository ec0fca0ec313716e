/* SPDX-License-Identifier: Apache-2.0 */
/* Options of ranks, shards and the network. */
#include <stdio.h>

#include <augstream/augstream.h>

#include "cli/options/option_rows.h"

/* ---- names and defaults ---- */

NAMES(rank_layout_name, "interleaved", "block") /* AUGS_SHARD_... */
NAMES(tail_name, "pad", "drop", "uneven")       /* AUGS_TAIL_... */

static void steps_ahead_default(enum command_id at, char *ret_text, size_t n_bytes)
{
    (void)at;
    snprintf(ret_text, n_bytes, "%u", AUGS_DEFAULT_STEPS_AHEAD);
}

/* ---- ranks and shards ---- */

const option option_rank = {
    .name = "rank",
    .group = GROUP_RANKS,
    .uses = {{.commands = PLACED,
              .kind = KIND_WHOLE,
              .value = "R",
              .most = UINT32_MAX - 1,
              .help = "rank of this process, from 0; give it with --world-size",
              .without = "what the launcher says, else 0"},
             {.commands = AT(GENERATE),
              .kind = KIND_WHOLE,
              .value = "R",
              .most = UINT32_MAX - 1,
              .help = "write the batches of this rank, from 0; give it with --world-size",
              .fallback = "0"}}};

const option option_world_size = {
    .name = "world-size",
    .group = GROUP_RANKS,
    .uses = {{.commands = PLACED,
              .kind = KIND_WHOLE,
              .value = "W",
              .least = 1,
              .most = UINT32_MAX,
              .help = "number of ranks; without --rank, the size of a Kubernetes indexed job",
              .without = "what the launcher says, else 1"},
             {.commands = AT(SERVE),
              .required = true,
              .kind = KIND_WHOLE,
              .value = "W",
              .least = 1,
              .most = UINT32_MAX,
              .help = "number of ranks that share the job"},
             {.commands = DECIDES,
              .kind = KIND_WHOLE,
              .value = "W",
              .least = 1,
              .most = UINT32_MAX,
              .help = "number of ranks that share a batch; sizes are per rank",
              .fallback = "1"}}};

const option option_chunk_shard = {
    .name = "chunk-shard",
    .earlier = "shard",
    .group = GROUP_RANKS,
    .uses = {{.commands = AT(GENERATE),
              .kind = KIND_TEXT,
              .value = "I/N|auto|auto/N",
              .help = "make every N-th chunk, from chunk I on; auto takes I and N from the "
                      "launcher (see augstream env)",
              .accepted = "I/N with 0 <= I < N, auto, or auto/N",
              .fallback = "0/1"}}};

const option option_rank_layout = {
    .name = "rank-layout",
    .earlier = "shard",
    .group = GROUP_RANKS,
    .uses = {{.commands = AT(SERVE),
              .kind = KIND_NAME,
              .value = "LAYOUT",
              .names = rank_layout_name,
              .help = "how ranks share the positions of a batch: every W-th one (interleaved), or "
                      "a run of them each (block)",
              .fallback = "interleaved"}}};

const option option_tail = {
    .name = "tail",
    .group = GROUP_RANKS,
    .uses = {
        {.commands = PLANS,
         .kind = KIND_NAME,
         .value = "TAIL",
         .names = tail_name,
         .help =
             "what to do with a last batch that the ranks cannot share evenly: pad it with the "
             "first positions, drop what is left over, or give some ranks one sample less (uneven)",
         .fallback = "pad"}}};

const option option_job_name = {
    .name = "job-name",
    .group = GROUP_RANKS,
    .uses = {{.commands = AT(SERVE),
              .kind = KIND_TEXT,
              .value = "NAME",
              .help = "name of the job",
              .accepted = "letters, digits, '.', '_' and '-', at most 64",
              .fallback = AUGS_DEFAULT_JOB}}};

const option option_job = {.name = "job",
                           .group = GROUP_RANKS,
                           .uses = {{.commands = AT(SUBSCRIBE),
                                     .kind = KIND_TEXT,
                                     .value = "NAME",
                                     .help = "name of the job to take part in",
                                     .accepted = "letters, digits, '.', '_' and '-', at most 64",
                                     .fallback = AUGS_DEFAULT_JOB}}};

/* ---- network ---- */

const option option_bind = {
    .name = "bind",
    .group = GROUP_NETWORK,
    .uses = {{.commands = AT(SERVE),
              .kind = KIND_TEXT,
              .value = "EP",
              .help = "endpoint to listen on: tcp on the loopback address (port 0 is any free "
                      "port), or ipc://PATH",
              .accepted = "tcp://127.0.0.1:PORT, tcp://[::1]:PORT, or ipc://PATH",
              .fallback = AUGS_DEFAULT_ENDPOINT}}};

const option option_connect = {
    .name = "connect",
    .group = GROUP_NETWORK,
    .uses = {{.commands = AT(SUBSCRIBE),
              .required = true,
              .kind = KIND_TEXT,
              .value = "EP[,EP...]",
              .help = "endpoints of the server, tried one after the other",
              .accepted = "endpoints with commas between them, such as "
                          "tcp://127.0.0.1:5757"}}};

const option option_timeout = {
    .name = "timeout",
    .group = GROUP_NETWORK,
    .uses = {{.commands = AT(SUBSCRIBE),
              .kind = KIND_DECIMAL,
              .value = "SECONDS",
              .decimals = {0, 999999999, false},
              .help = "give up after so many seconds without a batch; 0 means never",
              .fallback = "60"}}};

const option option_steps_ahead = {.name = "steps-ahead",
                                   .earlier = "window",
                                   .group = GROUP_NETWORK,
                                   .uses = {{.commands = AT(SUBSCRIBE),
                                             .kind = KIND_WHOLE,
                                             .value = "STEPS",
                                             .least = 1,
                                             .most = 65536,
                                             .help = "number of batches to ask for ahead",
                                             .ask_fallback = steps_ahead_default}}};

const option option_fillers = {.name = "fillers",
                               .group = GROUP_NETWORK,
                               .uses = {{.commands = AT(SERVE),
                                         .kind = KIND_WHOLE,
                                         .value = "T",
                                         .least = 1,
                                         .most = 1024,
                                         .help = "number of threads that make batches",
                                         .fallback = "1"}}};

const option option_exit_when_done = {
    .name = "exit-when-done",
    .group = GROUP_NETWORK,
    .uses = {{.commands = AT(SERVE),
              .kind = KIND_FLAG,
              .help = "end when every rank has said goodbye at the end of the job"}}};

const option option_resume = {
    .name = "resume",
    .group = GROUP_NETWORK,
    .uses = {{.commands = AT(SUBSCRIBE),
              .kind = KIND_TEXT,
              .value = "TOKEN|@FILE",
              .help = "go on at a token; @FILE reads it from a file that --token-file wrote",
              .accepted = "a token of a summary, or @FILE of --token-file",
              .without = "start at the first batch of the job"}}};

const option option_token_file = {
    .name = "token-file",
    .group = GROUP_NETWORK,
    .uses = {
        {.commands = AT(SUBSCRIBE),
         .kind = KIND_TEXT,
         .value = "FILE",
         .is_path = true,
         .help = "keep the token of the next batch in FILE, which is replaced after every batch",
         .accepted = "a file in a folder that exists",
         .without = "no file"}}};
