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
    [CMD_PRESETS_LIST] = {.name = "presets list", .summary = "the shipped presets"},
    [CMD_PRESETS_SHOW] =
        {.name = "presets show",
         .words = "NAME",
         .min_words = 1,
         .max_words = 1,
         .words_are_paths = true,
         .word_names = preset_name,
         .summary = "schema and sources of a preset",
         .details = "NAME is a shipped preset, or a file: it contains '/' or ends in .yaml, .yml "
                    "or .json. - reads stdin."},
    [CMD_PRESETS_CHECK] =
        {.name = "presets check",
         .words = "FILE...",
         .min_words = 1,
         .max_words = 4096,
         .words_are_paths = true,
         .summary = "every fault of preset files",
         .details =
             "Prints each fault as file:line:column: message, the line, and a caret. FILE may "
             "be - for stdin. The exit status is 3 if there are faults."},
    [CMD_GENERATE] =
        {.name = "generate",
         .summary = "records to stdout, or a folder of chunk files",
         .details =
             "Writes the records of the positions [A, A+C). A stream is cut into chunks of K "
             "positions. Shard I of N writes the chunks c with c mod N = I, to stdout as to "
             "a folder. All shards together write each chunk once.\n\n"
             "With --strategy or --batch-size, records come batch by batch and carry "
             "`batch`, the batch's index. To stdout, a shard then has the batches b with b "
             "mod N = I.\n\n"
             "A folder that an earlier run left is continued: chunks that are missing or bad "
             "are made. The first SIGINT, SIGTERM or SIGHUP drops the chunks in hand and ends "
             "the run; complete chunks stay (exit status 4). A second one stops at once (1). "
             "Exit status 75: another process writes the shard. If the reader of stdout goes away, "
             "the "
             "command ends without a message (0)."},
    [CMD_VERIFY] = {.name = "verify",
                    .words = "DIR",
                    .min_words = 1,
                    .max_words = 1,
                    .words_are_paths = true,
                    .summary = "checks chunk files against their hashes and the recomputed stream",
                    .details = "Names the bad chunks on stderr. The exit status is 5 if a chunk is "
                               "corrupt or of another stream, 4 if the folder is good but not "
                               "complete."},
    [CMD_INSPECT] = {.name = "inspect",
                     .words = "FILE_or_DIR",
                     .min_words = 1,
                     .max_words = 1,
                     .words_are_paths = true,
                     .summary = "provenance, schema and first records of chunk files",
                     .details =
                         "Looks at the first chunk of a folder, or at the chunk given. `fault` "
                         "is null if the chunk holds what the stream makes and, of a folder, the "
                         "manifests and COMPLETE are right. Else it is a text, and the exit "
                         "status is 5. verify looks at every chunk."},
    [CMD_SERVE] =
        {.name = "serve",
         .summary = "serves a stream to the ranks of a job over ZeroMQ",
         .details =
             "Prints its endpoint on stdout as soon as ranks may connect. SIGINT, SIGTERM or "
             "SIGHUP stops it. With --exit-when-done, the exit status is 4 if it "
             "was stopped before all ranks were done."},
    [CMD_SUBSCRIBE] =
        {.name = "subscribe",
         .summary = "one rank of a job",
         .details =
             "Ends with a summary on stderr. With --json it is an object on stdout, or on stderr "
             "if "
             "the records go to stdout. Exit status 75 means that there was no answer: start it "
             "again.\n\n"
             "--token-file FILE is replaced (by rename) after a batch is taken and its records and "
             "ids have been handed to the system. It holds the token, then the lengths of the "
             "--out "
             "and --ids files. With --resume @FILE these files are cut to that length and "
             "continued, if they are regular files: no batch is lost and none stands there twice, "
             "whenever the process was killed. Other outputs (stdout, pipes) cannot be cut: at "
             "most "
             "one batch, written after the last token, comes again. Nothing is fsynced: after a "
             "crash of the machine the files may be shorter than the token says, which is refused. "
             "If FILE does not exist yet and is also the --token-file, the rank starts at the "
             "beginning. The same command line therefore starts a rank and starts it again.\n\n"
             "--resume TOKEN (a text) starts new --out and --ids files.\n\n"
             "The first SIGINT, SIGTERM or SIGHUP ends it after the batch in hand (exit status "
             "4)."},
    [CMD_PLAN] =
        {.name = "plan",
         .summary = "a strategy as a co-process, for any program",
         .details =
             "Prints one span per line, "
             "{\"step\":0,\"first\":0,\"stride\":1,\"count\":16,\"why\":\"start\"}: the positions "
             "first, first + stride, ... of the next batch, of all ranks together. Then it reads a "
             "line of feedback from stdin, {\"seconds\":0.01,\"bytes\":1000}, and plans the next "
             "batch. Feedback may have samples (of one rank; the batch's if left out), seconds, "
             "bytes (that the consumer needed for the batch) and available_bytes (that it had left "
             "beside them). An empty line says nothing. After the end of stdin the rest is planned "
             "without feedback.\n\n"
             "Feedback is about the span printed last, or about an earlier one: "
             "{\"step\":3,\"seconds\":0.01}. The last 128 spans are remembered. With --late N the "
             "command reads N more lines after the last span. A batch that ran out of memory has "
             "{\"step\":3,\"outcome\":\"did_not_fit\"}; the strategy then stays below its size. "
             "With "
             "\"retry\":true (or a number of samples per part and rank) its positions come again "
             "in "
             "smaller spans, {\"step\":3,\"part\":1,...}, before the next step. Feedback of such a "
             "span has its part.\n\n"
             "With --preset and --seed the journal is of that stream, for --world-size ranks. "
             "generate --replay (one rank), or pipelines of all ranks, run it again."},
    [CMD_BENCH_STRATEGIES] =
        {.name = "bench strategies",
         .summary = "compares the strategies on one job",
         .details =
             "Each strategy gets a fresh stream of N samples and the same simulated consumer. "
             "round_robin gets as many batches as sequential has.\n\n"
             "Strategies are compared by the second half of their samples, after they have "
             "learned. The rate of the whole run is told as well. An option given for all "
             "holds for the strategies that take it. An option in --strategy "
             "NAME:OPTION=VALUE,... holds for that strategy, which may be given several "
             "times with other options."},
    [CMD_BENCH_BATCH_SIZE] =
        {.name = "bench batch-size",
         .summary = "compares batch sizes on one job",
         .details =
             "Each size gets a fresh stream of N samples and the same simulated consumer. The "
             "best throughput is marked."},
    [CMD_ENV] = {.name = "env",
                 .summary = "how rank and world size are found; memory and CPUs",
                 .details =
                     "The first source in the table that is set is used. A pair of which only "
                     "one is set is refused (exit status 3)."},
    [CMD_VERSION] = {.name = "version",
                     .summary = "versions, contract, SIMD in use, self-test hash"},
    [CMD_COMPLETIONS] = {.name = "completions",
                         .words = "SHELL",
                         .min_words = 1,
                         .max_words = 1,
                         .word_names = shell_name,
                         .summary = "shell completions for bash, zsh or fish"},
    [CMD_HELP] = {.name = "help",
                  .words = "[COMMAND]",
                  .max_words = 2,
                  .word_names = command_name,
                  .summary = "help on all commands or on one"},
};
