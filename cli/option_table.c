/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <augstream/augstream.h>

#define AT(id) (1u << CMD_##id)
#define STREAM (AT(GENERATE) | AT(SERVE))
#define PLANS (STREAM | AT(PLAN))
#define BENCH (AT(BENCH_STRATEGIES) | AT(BENCH_BATCH_SIZE))
#define SIZED (PLANS | AT(BENCH_STRATEGIES)) /* take the options of strategies' sizes */
#define DECIDES (AT(GENERATE) | AT(PLAN))
#define LEARNS (DECIDES | AT(BENCH_STRATEGIES)) /* take the options of strategies that learn */
#define PRESETS (AT(PRESETS_LIST) | AT(PRESETS_SHOW) | AT(PRESETS_CHECK))
#define FILES (AT(VERIFY) | AT(INSPECT))
#define EVERY ((1u << N_COMMANDS) - 1)
#define LARGEST_SIZE (1ull << 40)

static const char *preset_name(uint32_t index)
{
    return augs_shipped_name(index);
}

static const char *strategy_name(uint32_t index)
{
    return augs_strategy_name(index);
}

static const char *format_name(uint32_t index)
{
    return augs_format_name(augs_format_at(index));
}

static const char *record_format_name(uint32_t index)
{
    for (uint32_t i = 0, found = 0; augs_format_at(i) != 0; i++) {
        const uint32_t format = augs_format_at(i);
        if ((augs_format_flags(format) & AUGS_FORMAT_HOLDS_RECORDS) != 0 && found++ == index) {
            return augs_format_name(format);
        }
    }
    return NULL;
}

#define NAMES(function, ...)                                                                       \
    static const char *function(uint32_t index)                                                    \
    {                                                                                              \
        static const char *const names[] = {__VA_ARGS__};                                          \
        return index < sizeof names / sizeof names[0] ? names[index] : NULL;                       \
    }

NAMES(fixed_strategy_name, "sequential", "round_robin")
NAMES(memory_rule_name, "budget", "published") /* AUGS_MEMORY_RULE_... */
NAMES(shard_name, "interleaved", "block")      /* AUGS_SHARD_... */
NAMES(tail_name, "pad", "drop", "uneven")      /* AUGS_TAIL_... */
NAMES(check_name, "quick", "full")             /* AUGS_CHECK_... */
NAMES(shell_name, "bash", "zsh", "fish")

static const char *command_name(uint32_t index)
{
    return index < N_COMMANDS ? commands[index].name : NULL;
}

const option options[N_OPTIONS] = {
    [OPT_PRESET] = {"preset", "P", KIND_TEXT, PLANS, STREAM, 0, 0, NULL, preset_name, true,
                    "a shipped preset, or a file (contains '/' or ends in .yaml)"},
    [OPT_SEED] = {"seed", "S", KIND_WHOLE, PLANS, STREAM, 0, UINT64_MAX, NULL, NULL, false,
                  "the stream's seed"},
    [OPT_SAMPLES] = {"samples", "N", KIND_TEXT, STREAM, AT(SERVE), 0, 0, NULL, NULL, false,
                     "samples of an epoch; generate also takes 'endless', which is the default "
                     "with --count"},
    [OPT_EPOCH] = {"epoch", "E", KIND_WHOLE, PLANS, 0, 0, UINT32_MAX, "0", NULL, false,
                   "the epoch; of a job of several the first one"},
    [OPT_EPOCHS] = {"epochs", "K", KIND_WHOLE, AT(SERVE), 0, 1, UINT32_MAX, "1", NULL, false,
                    "how many epochs the job has"},
    [OPT_START] = {"start", "A", KIND_WHOLE, AT(GENERATE), 0, 0, AUGS_MAX_SAMPLES, "0", NULL, false,
                   "the first position"},
    [OPT_COUNT] = {"count", "C", KIND_WHOLE, AT(GENERATE), 0, 1, AUGS_MAX_SAMPLES,
                   "to the end of the epoch", NULL, false, "how many positions"},
    [OPT_SHUFFLE] = {"shuffle", NULL, KIND_FLAG, PLANS, 0, 0, 0, NULL, NULL, false,
                     "positions in the epoch's shuffled order"},
    [OPT_SET] = {"set", "COLUMN.KIND[I]=V", KIND_LIST, PLANS | AT(PRESETS_SHOW), 0, 0, 0, NULL,
                 NULL, false,
                 "another number for the preset, e.g. 'rotation.uniform[0]=-15'; may be repeated"},
    [OPT_STRATEGY] = {"strategy", "X", KIND_NAME, DECIDES, AT(PLAN), 0, 0, "sequential",
                      strategy_name, false, "how positions become batches"},
    [OPT_FIXED_STRATEGY] = {"strategy", "X", KIND_NAME, AT(SERVE), 0, 0, 0, "sequential",
                            fixed_strategy_name, false,
                            "how positions become batches; the others decide as they go, and every "
                            "server of a job has to plan the same"},
    [OPT_BATCH_SIZE] = {"batch-size", "B", KIND_WHOLE, SIZED, 0, 1, LARGEST_SIZE,
                        "the strategy's: 32; adaptive 16", NULL, false,
                        "samples of a batch (serve: of a rank); memory_optimized and adaptive: "
                        "of the first one"},
    [OPT_GLOBAL_BATCH_SIZE] = {"global-batch-size", "G", KIND_WHOLE, AT(SERVE), 0, 1, LARGEST_SIZE,
                               NULL, NULL, false,
                               "samples of a batch over all ranks, instead of --batch-size; a "
                               "multiple of the world size"},
    [OPT_MIN] = {"min", "N", KIND_WHOLE, SIZED, 0, 1, LARGEST_SIZE, "1", NULL, false,
                 "least samples of a batch; only the last one may be smaller"},
    [OPT_MAX] = {"max", "N", KIND_WHOLE, SIZED, 0, 1, LARGEST_SIZE,
                 "no limit; memory_optimized 65536, adaptive 4096", NULL, false,
                 "most samples of a batch"},
    [OPT_MULTIPLE_OF] = {"multiple-of", "N", KIND_WHOLE, SIZED, 0, 1, LARGEST_SIZE, "1", NULL,
                         false, "every batch but the last one is a multiple of it"},
    [OPT_DROP_LAST] = {"drop-last", NULL, KIND_FLAG, PLANS, 0, 0, 0, NULL, NULL, false,
                       "leaves a last batch out that is not full"},
    [OPT_BATCHES] = {"batches", "N", KIND_WHOLE, PLANS, 0, 1, LARGEST_SIZE, NULL, NULL, false,
                     "round_robin: how many batches"},
    [OPT_PLAN_WINDOW] = {"window", "N", KIND_WHOLE, PLANS, 0, 1, LARGEST_SIZE, "the whole stream",
                         NULL, false, "round_robin: samples that are dealt out at a time"},
    [OPT_MAX_MEMORY] =
        {"max-memory-mb", "MB", KIND_DECIMAL, LEARNS, 0, 0, 0, "what there is", NULL, false,
         "memory_optimized, adaptive: most that a batch may need at its consumer, in "
         "units of 1,000,000 bytes"},
    [OPT_SAFETY] = {"safety", "PART", KIND_DECIMAL, LEARNS, 0, 0, 0, "0.9", NULL, false,
                    "memory_optimized: part of the memory that is used"},
    [OPT_MEMORY_RULE] = {"memory-rule", "RULE", KIND_NAME, LEARNS, 0, 0, 0, "budget",
                         memory_rule_name, false,
                         "memory_optimized: budget by bytes a sample, or the published rule of "
                         "thresholds"},
    [OPT_TARGET_LATENCY] = {"target-latency", "SECONDS", KIND_DECIMAL, LEARNS, 0, 0, 0, "none",
                            NULL, false, "adaptive: a batch takes at most so long"},
    [OPT_TARGET_MEMORY] = {"target-memory", "PART", KIND_DECIMAL, LEARNS, 0, 0, 0, "0.7", NULL,
                           false, "adaptive: part of the memory limit to stay within"},
    [OPT_GROWTH] = {"growth", "FACTOR", KIND_DECIMAL, LEARNS, 0, 0, 0, "1.2", NULL, false,
                    "adaptive: the largest step of a trial upwards"},
    [OPT_REDUCTION] = {"reduction", "FACTOR", KIND_DECIMAL, LEARNS, 0, 0, 0, "0.8", NULL, false,
                       "adaptive: the largest step of a trial downwards"},
    [OPT_JOURNAL] = {"journal", "FILE", KIND_TEXT, DECIDES, 0, 0, 0, NULL, NULL, true,
                     "memory_optimized, adaptive: writes every decision there before it counts; "
                     "those that FILE has are taken from it"},
    [OPT_REPLAY] = {"replay", "FILE", KIND_TEXT, DECIDES, 0, 0, 0, NULL, NULL, true,
                    "runs exactly the decisions of that journal again"},
    [OPT_METRICS_FILE] = {"metrics", "FILE", KIND_TEXT, AT(GENERATE), 0, 0, 0, NULL, NULL, true,
                          "size, seconds, memory and reason of each batch, as JSON Lines, at the "
                          "end"},
    [OPT_SAMPLE_BYTES] = {"sample-bytes", "N", KIND_WHOLE, AT(PLAN), 0, 0, LARGEST_SIZE, "0", NULL,
                          false, "bytes of a record, beside what feedback reports"},
    [OPT_PLAN_WORLD_SIZE] = {"world-size", "W", KIND_WHOLE, AT(PLAN), 0, 1, UINT32_MAX, "1", NULL,
                             false, "ranks that share a span; sizes are of one of them"},
    [OPT_PLAN_SAMPLES] = {"samples", "N", KIND_TEXT, AT(PLAN), AT(PLAN), 0, 0, NULL, NULL, false,
                          "how many positions to plan, or 'endless'"},
    [OPT_BENCH_PRESET] = {"preset", "P", KIND_TEXT, BENCH, 0, 0, 0, "moderate", preset_name, true,
                          "a shipped preset, or a file"},
    [OPT_BENCH_SEED] = {"seed", "S", KIND_WHOLE, BENCH, 0, 0, UINT64_MAX, "1", NULL, false,
                        "the stream's seed"},
    [OPT_BENCH_SAMPLES] = {"samples", "N", KIND_WHOLE, BENCH, 0, 1, AUGS_MAX_SAMPLES, "200000",
                           NULL, false, "samples that each candidate gets, from a fresh stream"},
    [OPT_BENCH_STRATEGIES] = {"strategies", "X,Y...", KIND_TEXT, AT(BENCH_STRATEGIES), 0, 0, 0,
                              "all", NULL, false, "which to compare"},
    [OPT_SIZES] = {"sizes", "N,N...", KIND_TEXT, AT(BENCH_BATCH_SIZE), 0, 0, 0, "1,4,8,16,32", NULL,
                   false, "the batch sizes to compare"},
    [OPT_COST] = {"cost", "A,B[,C,N0]", KIND_TEXT, BENCH, 0, 0, 0, "0,0", NULL, false,
                  "a consumer's seconds for a batch of n: A + B n + C max(0, n - N0); added to "
                  "the clock, not slept"},
    [OPT_COST_BYTES] = {"cost-bytes", "M0,M", KIND_TEXT, BENCH, 0, 0, 0, "0,0", NULL, false,
                        "a consumer's bytes for a batch of n: M0 + M n"},
    [OPT_SHARD] =
        {"shard", "I/N|auto|auto/N", KIND_TEXT, AT(GENERATE), 0, 0, 0, "0/1", NULL, false,
         "makes the chunks c with c mod N = I; auto: as the launcher says (augstream env)"},
    [OPT_SHARD_KIND] = {"shard", "KIND", KIND_NAME, AT(SERVE), 0, 0, 0, "interleaved", shard_name,
                        false, "how ranks share the positions"},
    [OPT_TAIL] = {"tail", "TAIL", KIND_NAME, AT(SERVE), 0, 0, 0, "pad", tail_name, false,
                  "a last batch that the ranks do not divide: goes on with the first positions, is "
                  "cut, or leaves some ranks a sample less"},
    [OPT_FORMAT] = {"format", "F", KIND_NAME, AT(GENERATE), 0, 0, 0,
                    "jsonl for stdout, safetensors for a folder", format_name, false,
                    "of the records (jsonl, csv, msgpack) or of the chunk files (any)"},
    [OPT_RECORD_FORMAT] = {"format", "F", KIND_NAME, AT(SUBSCRIBE), 0, 0, 0, "jsonl",
                           record_format_name, false,
                           "of the records; without --out they go to stdout"},
    [OPT_CHUNK_SIZE] = {"chunk-size", "K", KIND_WHOLE, AT(GENERATE), 0, 1, LARGEST_SIZE, "65536",
                        NULL, false, "positions of a chunk"},
    [OPT_OUT_FOLDER] = {"out", "DIR|-", KIND_TEXT, AT(GENERATE), 0, 0, 0, "-", NULL, true,
                        "the folder of chunk files, made or continued; - is stdout"},
    [OPT_OUT_FILE] = {"out", "FILE|-", KIND_TEXT, AT(SUBSCRIBE), 0, 0, 0, NULL, NULL, true,
                      "where the records go; - is stdout; without it they are only counted"},
    [OPT_THREADS] = {"threads", "T", KIND_WHOLE, AT(GENERATE) | AT(VERIFY), 0, 1, 1024, "1", NULL,
                     false, "how many chunk files are worked on at a time"},
    [OPT_CHECK] = {"check", "HOW", KIND_NAME, AT(GENERATE), 0, 0, 0, "quick", check_name, false,
                   "what an earlier run left counts if its size fits, or only if its hash does"},
    [OPT_HASHES_ONLY] = {"hashes-only", NULL, KIND_FLAG, AT(VERIFY), 0, 0, 0, NULL, NULL, false,
                         "does not make the stream again"},
    [OPT_RECORDS] = {"records", "N", KIND_WHOLE, AT(INSPECT), 0, 0, 1000000, "3", NULL, false,
                     "how many of the first records to show"},
    [OPT_BIND] = {"bind", "EP", KIND_TEXT, AT(SERVE), 0, 0, 0, "tcp://127.0.0.1:5757", NULL, false,
                  "the endpoint: tcp on loopback (port 0: any free one) or ipc://PATH"},
    [OPT_JOB_NAME] = {"job-name", "NAME", KIND_TEXT, AT(SERVE), 0, 0, 0, "default", NULL, false,
                      "the job's name"},
    [OPT_FILLERS] = {"fillers", "T", KIND_WHOLE, AT(SERVE), 0, 1, 1024, "1", NULL, false,
                     "threads that make batches"},
    [OPT_EXIT_WHEN_DONE] = {"exit-when-done", NULL, KIND_FLAG, AT(SERVE), 0, 0, 0, NULL, NULL,
                            false, "ends when every rank has said goodbye at the end of the job"},
    [OPT_CONNECT] = {"connect", "EP[,EP...]", KIND_TEXT, AT(SUBSCRIBE), AT(SUBSCRIBE), 0, 0, NULL,
                     NULL, false, "endpoints of the server, tried in turn"},
    [OPT_JOB] = {"job", "NAME", KIND_TEXT, AT(SUBSCRIBE), 0, 0, 0, "default", NULL, false,
                 "the job's name"},
    [OPT_RANK] = {"rank", "R", KIND_WHOLE, AT(SUBSCRIBE) | AT(ENV), 0, 0, UINT32_MAX - 1,
                  "as the launcher says", NULL, false, "this rank; with --world-size"},
    [OPT_WORLD_SIZE] = {"world-size", "W", KIND_WHOLE, AT(SUBSCRIBE) | AT(ENV), 0, 1, UINT32_MAX,
                        "as the launcher says", NULL, false,
                        "how many ranks there are; alone: of a Kubernetes indexed job"},
    [OPT_SERVE_WORLD_SIZE] = {"world-size", "W", KIND_WHOLE, AT(SERVE), AT(SERVE), 1, UINT32_MAX,
                              NULL, NULL, false, "how many ranks share the job"},
    [OPT_RESUME] = {"resume", "TOKEN|@FILE", KIND_TEXT, AT(SUBSCRIBE), 0, 0, 0, NULL, NULL, false,
                    "goes on where a token says; @FILE: a file of --token-file"},
    [OPT_TOKEN_FILE] = {"token-file", "FILE", KIND_TEXT, AT(SUBSCRIBE), 0, 0, 0, NULL, NULL, true,
                        "keeps the token of the next batch there, replaced after every batch"},
    [OPT_VERIFY] = {"verify", NULL, KIND_FLAG, AT(SUBSCRIBE), 0, 0, 0, NULL, NULL, false,
                    "makes every batch again and compares"},
    [OPT_IDS] = {"ids", "FILE.npy", KIND_TEXT, AT(SUBSCRIBE), 0, 0, 0, NULL, NULL, true,
                 "the sample ids received, as a NumPy array of u64"},
    [OPT_WINDOW] = {"window", "STEPS", KIND_WHOLE, AT(SUBSCRIBE), 0, 1, 65536, "8", NULL, false,
                    "batches asked for ahead"},
    [OPT_TIMEOUT] = {"timeout", "SECONDS", KIND_DECIMAL, AT(SUBSCRIBE), 0, 0, 0, "60", NULL, false,
                     "gives up after so long without a batch; 0 = never"},
    [OPT_YAML] = {"yaml", NULL, KIND_FLAG, AT(PRESETS_SHOW), 0, 0, 0, NULL, NULL, false,
                  "the preset file as it is"},
    [OPT_MAN] = {"man", NULL, KIND_FLAG, AT(HELP), 0, 0, 0, NULL, NULL, false,
                 "the whole manual, as a man page"},
    [OPT_JSON] = {"json", NULL, KIND_FLAG,
                  PRESETS | STREAM | FILES | AT(SUBSCRIBE) | BENCH | AT(ENV) | AT(VERSION), 0, 0, 0,
                  NULL, NULL, false, "the result as one JSON object"},
    [OPT_JSONL] = {"jsonl", NULL, KIND_FLAG,
                   AT(PRESETS_LIST) | AT(PRESETS_SHOW) | AT(PRESETS_CHECK) | AT(VERIFY), 0, 0, 0,
                   NULL, NULL, false, "the result as JSON objects, one a line"},
    [OPT_QUIET] = {"quiet", NULL, KIND_FLAG,
                   STREAM | FILES | AT(SUBSCRIBE) | BENCH | AT(ENV) | PRESETS, 0, 0, 0, NULL, NULL,
                   false, "nothing on stderr but errors"},
    [OPT_HELP] = {"help", NULL, KIND_FLAG, EVERY, 0, 0, 0, NULL, NULL, false, "this text"},
};

const command commands[N_COMMANDS] = {
    [CMD_PRESETS_LIST] = {"presets list", "", 0, 0, false, NULL, "the shipped presets", "",
                          command_presets_list},
    [CMD_PRESETS_SHOW] = {"presets show", "NAME", 1, 1, true, preset_name,
                          "schema and sources of a preset", "", command_presets_show},
    [CMD_PRESETS_CHECK] = {"presets check", "FILE...", 1, 4096, true, NULL,
                           "every fault of preset files",
                           "Prints each fault as file:line:column: message, the line, and a caret. "
                           "FILE may be - for stdin. Exit status 3 if there are faults.",
                           command_presets_check},
    [CMD_GENERATE] =
        {"generate", "", 0, 0, false, NULL, "records to stdout, or a folder of chunk files",
         "Writes the records of the positions [A, A+C). A stream is cut into chunks of K "
         "positions; "
         "shard I of N writes the chunks c with c mod N = I, to stdout as to a folder, so the "
         "shards together are the whole, each chunk once.\n\n"
         "With --strategy (or --batch-size) records come batch by batch and carry `batch`, the "
         "batch's index; to stdout, a shard then has the batches b with b mod N = I.\n\n"
         "A folder that an earlier run left is continued: chunks that are missing or bad are made. "
         "The first SIGINT or SIGTERM finishes the chunks in hand (exit status 4); a second one "
         "stops at once (1). A reader of stdout that goes away is a quiet end (0).",
         command_generate},
    [CMD_VERIFY] = {"verify", "DIR", 1, 1, true, NULL,
                    "checks chunk files against their hashes and the stream made again",
                    "Says on stderr which chunks are bad. Exit status 5 if any is corrupt or of "
                    "another stream, 4 if the folder is good but not complete.",
                    command_verify},
    [CMD_INSPECT] =
        {"inspect", "FILE_or_DIR", 1, 1, true, NULL,
         "provenance, schema and first records of chunk files",
         "Looks at the first chunk of a folder, or at the one given; `fault` is null if "
         "it holds what the stream makes, else exit status 5.",
         command_inspect},
    [CMD_SERVE] =
        {"serve", "", 0, 0, false, NULL, "serves a stream to the ranks of a job over ZeroMQ",
         "Prints its endpoint on stdout as soon as ranks may connect. SIGINT or SIGTERM stops it; "
         "with --exit-when-done that is exit status 4 if ranks were not done.",
         command_serve},
    [CMD_SUBSCRIBE] =
        {"subscribe", "", 0, 0, false, NULL, "one rank of a job",
         "Ends with a summary: on stderr, or with --json as an object on stdout (on stderr, if the "
         "records go to stdout). Exit status 75: there was no answer; start it again.\n\n"
         "--token-file FILE is replaced (by rename) after a batch is taken and its records and ids "
         "have been handed to the system, and holds the token, then how long the --out and --ids "
         "files were. With --resume @FILE these files, if they are regular files, are cut to that "
         "length and continued: whenever the process was killed, no batch is lost and none stands "
         "there twice. Other outputs (stdout, pipes) cannot be cut: what was written after the "
         "last "
         "token comes again there, at most one batch. Nothing is fsynced: a crash of the whole "
         "machine may leave the files shorter than the token says, which is refused. If FILE does "
         "not exist yet and is also the --token-file, the rank starts at the beginning, so the "
         "same "
         "command line starts a rank and starts it again.\n\n"
         "--resume TOKEN (a text) starts new --out and --ids files.\n\n"
         "The first SIGINT or SIGTERM ends it after the batch in hand (exit status 4).",
         command_subscribe},
    [CMD_PLAN] =
        {"plan", "", 0, 0, false, NULL, "a strategy as a co-process, for any program",
         "Prints one span a line, "
         "{\"step\":0,\"first\":0,\"stride\":1,\"count\":16,\"why\":\"start\"}: "
         "the positions first, first + stride, ... of the next batch, of all ranks together. Then "
         "it reads a line of feedback from stdin, {\"seconds\":0.01,\"bytes\":1000}, and plans the "
         "next. All members may be left out: samples (of a rank; the batch's), seconds, bytes "
         "(that the consumer needed for it), available_bytes (that it had left beside them). An "
         "empty line says nothing; after the end of stdin the rest is planned without feedback.\n\n"
         "With --preset and --seed the journal is of that stream, for --world-size ranks: generate "
         "--replay (one rank), or pipelines of all ranks, run it again.",
         command_plan},
    [CMD_BENCH_STRATEGIES] =
        {"bench strategies", "", 0, 0, false, NULL, "compares the strategies on one job",
         "Each strategy gets a fresh stream of N samples and the same simulated consumer. "
         "round_robin gets as many batches as sequential has.",
         command_bench_strategies},
    [CMD_BENCH_BATCH_SIZE] =
        {"bench batch-size", "", 0, 0, false, NULL, "compares batch sizes on one job",
         "Each size gets a fresh stream of N samples and the same simulated consumer; the best "
         "throughput is marked.",
         command_bench_batch_size},
    [CMD_ENV] = {"env", "", 0, 0, false, NULL, "how rank and world size are found; memory and CPUs",
                 "The first source in the table that is set is used. A pair of which only one is "
                 "set is refused (exit status 3).",
                 command_env},
    [CMD_VERSION] = {"version", "", 0, 0, false, NULL,
                     "versions, contract, SIMD in use, self-test hash", "", command_version},
    [CMD_COMPLETIONS] = {"completions", "SHELL", 1, 1, false, shell_name,
                         "shell completions for bash, zsh or fish", "", command_completions},
    [CMD_HELP] = {"help", "[COMMAND]", 0, 2, false, command_name, "help, of all or of one command",
                  "", command_help},
};
