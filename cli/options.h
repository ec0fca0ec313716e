/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table of commands and one of options: parsing, --help, the man page and the completions are
 * made of them.
 */
#ifndef AUGSTREAM_CLI_OPTIONS_H
#define AUGSTREAM_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum command_id {
    CMD_PRESETS_LIST,
    CMD_PRESETS_SHOW,
    CMD_PRESETS_CHECK,
    CMD_GENERATE,
    CMD_VERIFY,
    CMD_INSPECT,
    CMD_SERVE,
    CMD_SUBSCRIBE,
    CMD_PLAN,
    CMD_BENCH_STRATEGIES,
    CMD_BENCH_BATCH_SIZE,
    CMD_ENV,
    CMD_VERSION,
    CMD_COMPLETIONS,
    CMD_HELP,
    N_COMMANDS
};

enum option_id {
    OPT_PRESET,
    OPT_SEED,
    OPT_SAMPLES,
    OPT_EPOCH,
    OPT_EPOCHS,
    OPT_START,
    OPT_COUNT,
    OPT_SHUFFLE,
    OPT_SET,
    OPT_STRATEGY,
    OPT_FIXED_STRATEGY,
    OPT_BATCH_SIZE,
    OPT_GLOBAL_BATCH_SIZE,
    OPT_MIN,
    OPT_MAX,
    OPT_MULTIPLE_OF,
    OPT_DROP_LAST,
    OPT_BATCHES,
    OPT_PLAN_WINDOW,
    OPT_MAX_MEMORY,
    OPT_SAFETY,
    OPT_MEMORY_RULE,
    OPT_TARGET_LATENCY,
    OPT_TARGET_MEMORY,
    OPT_GROWTH,
    OPT_REDUCTION,
    OPT_JOURNAL,
    OPT_REPLAY,
    OPT_METRICS_FILE,
    OPT_SAMPLE_BYTES,
    OPT_PLAN_WORLD_SIZE,
    OPT_BENCH_PRESET,
    OPT_BENCH_SEED,
    OPT_BENCH_SAMPLES,
    OPT_BENCH_STRATEGIES,
    OPT_SIZES,
    OPT_COST,
    OPT_COST_BYTES,
    OPT_PLAN_SAMPLES,
    OPT_SHARD,
    OPT_SHARD_KIND,
    OPT_TAIL,
    OPT_FORMAT,
    OPT_RECORD_FORMAT,
    OPT_CHUNK_SIZE,
    OPT_OUT_FOLDER,
    OPT_OUT_FILE,
    OPT_THREADS,
    OPT_CHECK,
    OPT_HASHES_ONLY,
    OPT_RECORDS,
    OPT_BIND,
    OPT_JOB_NAME,
    OPT_FILLERS,
    OPT_EXIT_WHEN_DONE,
    OPT_CONNECT,
    OPT_JOB,
    OPT_RANK,
    OPT_WORLD_SIZE,
    OPT_SERVE_WORLD_SIZE,
    OPT_RESUME,
    OPT_TOKEN_FILE,
    OPT_VERIFY,
    OPT_IDS,
    OPT_WINDOW,
    OPT_TIMEOUT,
    OPT_YAML,
    OPT_MAN,
    OPT_JSON,
    OPT_JSONL,
    OPT_QUIET,
    OPT_HELP,
    N_OPTIONS
};

enum option_kind {
    KIND_FLAG,
    KIND_TEXT,
    KIND_WHOLE,   /* a whole number in [low, high] */
    KIND_DECIMAL, /* >= 0 */
    KIND_NAME,    /* one of `names` */
    KIND_LIST     /* a text, may be given more than once */
};

/* The index-th of some names; NULL beyond. */
typedef const char *name_list(uint32_t index);

typedef struct option {
    const char *name;  /* without "--" */
    const char *value; /* how help calls the value; NULL = a flag */
    enum option_kind kind;
    uint32_t commands; /* bits 1 << command_id */
    uint32_t required; /* likewise: must be given */
    uint64_t low, high;
    const char *fallback; /* the default as help says it; NULL = none */
    name_list *names;     /* KIND_NAME: accepted; KIND_TEXT: offered by completions */
    bool is_path;         /* completions offer files */
    const char *help;
} option;

struct arguments;

typedef struct command {
    const char *name;  /* "presets list" */
    const char *words; /* what follows the options in the usage line, "" = nothing */
    unsigned min_words, max_words;
    bool words_are_paths;
    name_list *word_names;
    const char *summary; /* one line */
    const char *details; /* paragraphs divided by an empty line; "" = none */
    int (*run)(const struct arguments *arguments);
} command;

extern const command commands[N_COMMANDS];
extern const option options[N_OPTIONS];

typedef struct arguments {
    const command *command;
    bool given[N_OPTIONS];
    struct {
        const char *text;
        uint64_t whole;
        double decimal;
    } values[N_OPTIONS];
    const char **words; /* positional ones */
    unsigned n_words;
    const char **list; /* of the one KIND_LIST option, in order */
    unsigned n_list;
} arguments;

/*
 * Parses what follows the program's name. EXIT_DONE and the arguments (arguments_free frees them),
 * or EXIT_USAGE after a message.
 */
int arguments_parse(arguments *ret_arguments, int argc, char **argv);
void arguments_free(arguments *of);

bool option_has_command(const option *of, const command *at);
const char *option_text(const arguments *of, enum option_id id, const char *otherwise);
uint64_t option_whole(const arguments *of, enum option_id id, uint64_t otherwise);
double option_decimal(const arguments *of, enum option_id id, double otherwise);
/* The index of the given name in the option's names. */
uint32_t option_name_index(const arguments *of, enum option_id id, uint32_t otherwise);

/* Digits, with single '_' between them: 1_000_000. */
bool parse_whole(const char *text, uint64_t *ret_number);

/* The commands, one function a file. */
int command_presets_list(const arguments *of);
int command_presets_show(const arguments *of);
int command_presets_check(const arguments *of);
int command_generate(const arguments *of);
int command_verify(const arguments *of);
int command_inspect(const arguments *of);
int command_serve(const arguments *of);
int command_subscribe(const arguments *of);
int command_plan(const arguments *of);
int command_bench_strategies(const arguments *of);
int command_bench_batch_size(const arguments *of);
int command_env(const arguments *of);
int command_version(const arguments *of);
int command_completions(const arguments *of);
int command_help(const arguments *of);

#endif
