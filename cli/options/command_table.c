/* SPDX-License-Identifier: Apache-2.0 */
/* One row per command: its words and its help. main.c has the functions. */
#include <augstream/preset.h>

#include "cli/options/options.h"

static const char *preset_name(uint32_t index)
{
    return augs_shipped_preset_name(index);
}

static const char *shell_name(uint32_t index)
{
    static const char *const names[] = {"bash", "zsh", "fish"};
    return index < sizeof names / sizeof names[0] ? names[index] : NULL;
}

static const char *command_name(uint32_t index)
{
    return index < N_COMMANDS ? commands[index].name : NULL;
}

const command commands[N_COMMANDS] = {
    [CMD_PRESETS_LIST] = {.name = "presets list", .summary = "List the shipped presets"},
    [CMD_PRESETS_SHOW] = {.name = "presets show",
                          .words = "NAME",
                          .min_words = 1,
                          .max_words = 1,
                          .words_are_paths = true,
                          .word_names = preset_name,
                          .summary = "Show the columns of a preset and where its numbers are from",
                          .details = "NAME is a shipped preset, a file, or - for stdin. It is a "
                                     "file if it contains '/' or ends in .yaml, .yml or .json."},
    [CMD_PRESETS_CHECK] =
        {.name = "presets check",
         .words = "FILE...",
         .min_words = 1,
         .max_words = 4096,
         .words_are_paths = true,
         .summary = "Report every fault of preset files",
         .details =
             "Prints each fault as file:line:column: message, then the line, and a caret below the "
             "place. FILE may be - for stdin. The exit status is 3 if there are faults."},
    [CMD_GENERATE] =
        {.name = "generate",
         .summary = "Write records to stdout, or chunk files to a folder",
         .details =
             "Writes the records of --count positions from position --start on. The stream is cut "
             "into chunks of K positions. With --out DIR, each chunk becomes a file, or a file per "
             "column. Several processes can share the work: with --chunk-shard I/N, a process "
             "makes every N-th chunk, from chunk I on. All N processes together make each chunk "
             "once. On stdout, a process writes the records of the same chunks.\n\n"
             "With --strategy or --batch-size, the records come batch by batch, and each carries "
             "`batch`, the index of its batch. On stdout, process I of N then writes every N-th "
             "batch, from batch I on.\n\n"
             "A folder that an earlier run left is continued: the command makes the chunks that "
             "are missing or bad. The first SIGINT (Ctrl-C), SIGTERM or SIGHUP drops the chunks in "
             "work and ends the run; complete chunks stay (exit status 4). A second one stops at "
             "once (exit status 1). Exit status 75 means that another process writes the "
             "shard, or appends to the journal: start it again when that one has ended. If the "
             "reader of stdout goes away, the command ends without a message (exit status 0)."},
    [CMD_VERIFY] =
        {.name = "verify",
         .words = "DIR",
         .min_words = 1,
         .max_words = 1,
         .words_are_paths = true,
         .summary = "Check chunk files against their hashes and the recomputed stream",
         .details = "Names the bad chunks on stderr. The exit status is 5 if a chunk is corrupt or "
                    "of another stream. It is 4 if every chunk is good but some are missing."},
    [CMD_INSPECT] = {.name = "inspect",
                     .words = "FILE_or_DIR",
                     .min_words = 1,
                     .max_words = 1,
                     .words_are_paths = true,
                     .summary = "Show origin, columns and first records of chunk files",
                     .details =
                         "Looks at the first chunk of a folder, or at the chunk given. `fault` is "
                         "null if the chunk holds what the stream makes and, for a folder, if the "
                         "manifests and COMPLETE are right, too. Otherwise `fault` is a text, and "
                         "the exit status is 5. Only verify looks at every chunk."},
    [CMD_SERVE] = {.name = "serve",
                   .summary = "Serve a stream to the ranks of a job over ZeroMQ",
                   .details =
                       "Prints its endpoint on stdout as soon as ranks may connect. SIGINT "
                       "(Ctrl-C), SIGTERM or SIGHUP stops the server. With --exit-when-done, the "
                       "exit status is 4 if it was stopped before all ranks were done."},
    [CMD_SUBSCRIBE] =
        {.name = "subscribe",
         .summary = "Receive the batches of one rank of a job",
         .details =
             "Ends with a summary on stderr. With --json, the summary is an object on stdout, or "
             "on stderr if the records go to stdout. Exit status 75 means that there was no "
             "answer: start it again.\n\n"
             "--token-file FILE keeps the place of this rank. The file is replaced (by rename) "
             "after a batch is taken and its records and ids have been handed to the system. It "
             "holds the token, then the lengths of the --out and --ids files. --resume @FILE cuts "
             "these files to that length and appends to them, if they are regular files. No batch "
             "is lost then, and none stands there twice, whenever the process was killed. If FILE "
             "does not exist yet and is also the --token-file, the rank starts at the beginning: "
             "the same command line starts a rank and starts it again.\n\n"
             "Other outputs (stdout, pipes) cannot be cut. At most one batch comes again there: "
             "the one that was written after the last token. Files are not synced to the disk "
             "(fsync). After a crash of the machine they may be shorter than the token says, and "
             "the command refuses to go on.\n\n"
             "--resume TOKEN, with the text of a token, starts new --out and --ids files.\n\n"
             "The first SIGINT (Ctrl-C), SIGTERM or SIGHUP ends the command after the batch in "
             "work (exit status 4)."},
    [CMD_PLAN] =
        {.name = "plan",
         .summary = "Let any program drive a strategy through stdin and stdout",
         .details =
             "Prints one span per line, "
             "{\"step\":0,\"first\":0,\"stride\":1,\"count\":16,\"why\":\"start\"}: the `count` "
             "positions first, first + stride, ... of the next batch, for all ranks together. Then "
             "it reads a line of feedback from stdin, such as {\"seconds\":0.01,\"bytes\":1000}, "
             "and plans the next batch. An empty line is no feedback. After the end of stdin, the "
             "rest is planned without feedback.\n\n"
             "Feedback may have seconds, bytes (that the consumer needed for the batch) and "
             "available_bytes (that it had left beside them). It may have samples (of one rank), "
             "if they are not those of the batch. Feedback is about the span printed last, or "
             "about an earlier one: {\"step\":3,\"seconds\":0.01}. The last 128 spans are "
             "remembered. With --late N, the "
             "command reads N more lines after the last span.\n\n"
             "A batch that ran out of memory is reported by "
             "{\"step\":3,\"outcome\":\"did_not_fit\"}. The strategy then stays below its size. "
             "With \"retry\":true (or a number of samples per part and rank), its positions come "
             "again in smaller spans, {\"step\":3,\"part\":1,...}, before the next step. Feedback "
             "about such a span has its part, too.\n\n"
             "With --preset and --seed, the journal belongs to that stream, for --world-size "
             "ranks. generate --replay (for one rank) or the pipelines of all ranks can repeat "
             "it. Exit status 75 means that another process appends to the journal."},
    [CMD_BENCH_STRATEGIES] =
        {.name = "bench strategies",
         .summary = "Compare the strategies on one job",
         .details = "Each strategy gets a fresh stream of N samples and the same simulated "
                    "consumer. round_robin makes as many batches as sequential.\n\n"
                    "Strategies are compared by the second half of their samples, after they have "
                    "learned. The rate of the whole run is shown as well. An option given for all "
                    "holds for the strategies that take it. An option in --strategy "
                    "NAME:OPTION=VALUE,... holds for that strategy alone. A strategy may be given "
                    "several times, with different options."},
    [CMD_BENCH_BATCH_SIZE] =
        {.name = "bench batch-size",
         .summary = "Compare batch sizes on one job",
         .details = "Each size gets a fresh stream of N samples and the same simulated consumer. "
                    "The size with the best throughput is marked."},
    [CMD_ENV] = {.name = "env",
                 .summary = "Show rank, world size, memory and CPUs of this process",
                 .details = "Shows how rank and world size are found: the first source in the "
                            "table that is set is used. If only one of a pair is set, the command "
                            "refuses to guess (exit status 3)."},
    [CMD_VERSION] = {.name = "version",
                     .summary = "Show versions, contract, SIMD in use and self-test hash"},
    [CMD_COMPLETIONS] = {.name = "completions",
                         .words = "SHELL",
                         .min_words = 1,
                         .max_words = 1,
                         .word_names = shell_name,
                         .summary = "Print shell completions for bash, zsh or fish"},
    [CMD_HELP] = {.name = "help",
                  .words = "[COMMAND]",
                  .max_words = 2,
                  .word_names = command_name,
                  .summary = "Show help on all commands or on one"},
};
