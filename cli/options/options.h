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

enum { OPTION_DEFAULT_BYTES = 128 };

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

/* In the order in which help shows them. One id per name: what an option means to a command stands
 * in its row. */
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
    OPT_BATCH_SIZE,
    OPT_GLOBAL_BATCH_SIZE,
    OPT_MIN,
    OPT_MAX,
    OPT_MULTIPLE_OF,
    OPT_LAST_BATCH,
    OPT_DROP_LAST,
    OPT_BATCHES,
    OPT_SIZES,
    OPT_DEAL_WINDOW,
    OPT_MAX_MEMORY,
    OPT_SAFETY,
    OPT_MEMORY_RULE,
    OPT_TARGET_LATENCY,
    OPT_TARGET_MEMORY,
    OPT_GROWTH,
    OPT_REDUCTION,
    OPT_SAMPLE_BYTES,
    OPT_LATE,
    OPT_JOURNAL,
    OPT_REPLAY,
    OPT_METRICS,
    OPT_COST,
    OPT_COST_BYTES,
    OPT_RANK,
    OPT_WORLD_SIZE,
    OPT_CHUNK_SHARD,
    OPT_RANK_LAYOUT,
    OPT_TAIL,
    OPT_JOB_NAME,
    OPT_JOB,
    OPT_BIND,
    OPT_CONNECT,
    OPT_TIMEOUT,
    OPT_STEPS_AHEAD,
    OPT_FILLERS,
    OPT_EXIT_WHEN_DONE,
    OPT_RESUME,
    OPT_TOKEN_FILE,
    OPT_VERIFY,
    OPT_OUT,
    OPT_IDS,
    OPT_FORMAT,
    OPT_CHUNK_SIZE,
    OPT_THREADS,
    OPT_CHECK,
    OPT_DRY_RUN,
    OPT_FORCE,
    OPT_NO_LOCK,
    OPT_HASHES_ONLY,
    OPT_RECORDS,
    OPT_YAML,
    OPT_MAN,
    OPT_JSON,
    OPT_JSONL,
    OPT_QUIET,
    OPT_HELP,
    N_OPTIONS
};

/* The headings of help. */
enum option_group {
    GROUP_NONE, /* a forgotten one: a test fails */
    GROUP_STREAM,
    GROUP_BATCHES,
    GROUP_LEARNING,
    GROUP_PLANS,
    GROUP_CONSUMER,
    GROUP_RANKS,
    GROUP_NETWORK,
    GROUP_OUTPUT,
    GROUP_GENERAL,
    N_GROUPS
};

enum option_kind {
    KIND_NONE, /* a forgotten one: a test fails */
    KIND_FLAG,
    KIND_TEXT,
    KIND_WHOLE,   /* a whole number in [least, most] */
    KIND_DECIMAL, /* a decimal number in the range that `decimals` says */
    KIND_NAME,    /* one of `names` */
    KIND_LIST     /* a text, may be given more than once */
};

/* The index-th of some names; NULL beyond. */
typedef const char *name_list(uint32_t index);
/* Writes a text about a command's default; `at` is the command. */
typedef void default_text(enum command_id at, char *ret_text, size_t n_bytes);

typedef struct decimal_range {
    double least, most;
    bool above; /* `least` itself is not accepted */
} decimal_range;

/* What one option is to some commands. */
typedef struct option_use {
    uint32_t commands; /* bits 1 << command_id; 0 ends the list of a row */
    bool required;
    enum option_group group; /* GROUP_NONE = the row's */
    enum option_kind kind;
    const char *value; /* how help calls the value; NULL = a flag */
    uint64_t least, most;
    decimal_range decimals;
    name_list *names;     /* KIND_NAME: accepted; others: offered by completions */
    bool is_path;         /* completions offer files */
    const char *owners;   /* the strategies that take it, "a, b"; NULL = all */
    const char *help;     /* what it does */
    const char *accepted; /* KIND_TEXT, KIND_LIST: what messages say is accepted */
    /*
     * What holds without the option, one of these four unless it is required or a flag:
     * a default that is parsed as if it were typed, as a text or asked from the library;
     */
    const char *fallback;
    default_text *ask_fallback;
    /* a rule in words, or a rule asked from the library. */
    const char *without;
    default_text *ask_without;
} option_use;

enum { MOST_USES = 4 };

typedef struct option {
    const char *name;    /* without "--" */
    const char *earlier; /* a name that it no longer has, for "did you mean"; NULL = none */
    enum option_group group;
    option_use uses[MOST_USES];
} option;

struct arguments;

typedef struct command {
    const char *name;  /* "presets list" */
    const char *words; /* what follows the options in the usage line; NULL = nothing */
    unsigned min_words, max_words;
    bool words_are_paths;
    name_list *word_names;
    const char *summary; /* one line */
    const char *details; /* paragraphs divided by an empty line; NULL = none */
    int (*run)(const struct arguments *arguments);
} command;

extern const command commands[N_COMMANDS];
extern const option options[N_OPTIONS];
extern const char *const group_titles[N_GROUPS];

typedef struct option_value {
    const char *text;
    uint64_t whole;
    double decimal;
} option_value;

typedef struct option_list {
    const char **texts; /* in the order of the command line */
    unsigned n;
} option_list;

typedef struct arguments {
    const command *command;
    bool given[N_OPTIONS];          /* typed by the user */
    option_value values[N_OPTIONS]; /* typed, or the default; text NULL = neither */
    option_list lists[N_OPTIONS];   /* KIND_LIST */
    const char **words;             /* positional ones */
    unsigned n_words;
    char defaults[N_OPTIONS][OPTION_DEFAULT_BYTES];
} arguments;

/*
 * Parses what follows the program's name. EXIT_DONE and the arguments (arguments_free frees them),
 * or EXIT_USAGE after a message.
 */
int arguments_parse(arguments *ret_arguments, int argc, char **argv);
void arguments_free(arguments *of);

enum command_id command_index(const command *of);
/* What the option is to a command; NULL = the command does not take it. */
const option_use *option_use_of(enum option_id id, enum command_id at);
enum option_group option_group_of(enum option_id id, enum command_id at);
/* The default as help says it: a value, or a rule in words. Empty if there is none. */
void option_default_text(enum option_id id, enum command_id at, char *ret_text, size_t n_bytes);

/* false: the option belongs to other strategies. */
bool option_is_of_strategy(enum option_id id, enum command_id at, const char *strategy);

/* The value that was typed, or the default of the table; NULL, 0 and 0 if there is neither. */
const char *option_text(const arguments *of, enum option_id id);
uint64_t option_whole(const arguments *of, enum option_id id);
double option_decimal(const arguments *of, enum option_id id);
/* The index of the name in the option's names. */
uint32_t option_name_index(const arguments *of, enum option_id id);

/* Parses one value as the command `at` takes it; an exit status, after a message. `called` is how
 * messages name the option. */
int option_parse_value(enum option_id id, enum command_id at, const char *called, const char *text,
                       option_value *ret_value);
/* The option of that name which the command takes; N_OPTIONS = none. */
enum option_id option_find(const char *name, size_t n_bytes, enum command_id at);

/* "--name 'value': message; accepted: ...", with what the table accepts if the message does not say
 * it. Returns exit_status. */
int complain_value(int exit_status, const arguments *of, enum option_id id, const char *message);
/* EXIT_USAGE, after a message, unless the value may name a job. */
int check_job_name(const arguments *of, enum option_id id);

/* Digits, with single '_' between them: 1_000_000. */
bool parse_whole(const char *text, uint64_t *ret_number);
/* What is wrong with a text that is no whole number from `least` up, for messages. */
const char *explain_whole(const char *text, uint64_t least, char *ret_text, size_t n_bytes);

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
