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

#include "base/words.h"

enum { OPTION_DEFAULT_BYTES = 128 };

/* Each command has a row in command_table.c and a function command_NAME. */
#define COMMANDS(X)                                                                                \
    X(PRESETS_LIST, presets_list)                                                                  \
    X(PRESETS_SHOW, presets_show)                                                                  \
    X(PRESETS_CHECK, presets_check)                                                                \
    X(GENERATE, generate)                                                                          \
    X(VERIFY, verify)                                                                              \
    X(INSPECT, inspect)                                                                            \
    X(SERVE, serve)                                                                                \
    X(SUBSCRIBE, subscribe)                                                                        \
    X(PLAN, plan)                                                                                  \
    X(BENCH_STRATEGIES, bench_strategies)                                                          \
    X(BENCH_BATCH_SIZE, bench_batch_size)                                                          \
    X(ENV, env)                                                                                    \
    X(VERSION, version)                                                                            \
    X(COMPLETIONS, completions)                                                                    \
    X(HELP, help)

enum command_id {
#define ID(NAME, name) CMD_##NAME,
    COMMANDS(ID)
#undef ID
        N_COMMANDS
};

/* In the order in which help shows them. One line per name, each with its row option_NAME in
 * options_of_*.c: what an option means to a command stands there. */
#define OPTIONS(X)                                                                                 \
    X(PRESET, preset)                                                                              \
    X(SEED, seed)                                                                                  \
    X(SAMPLES, samples)                                                                            \
    X(EPOCH, epoch)                                                                                \
    X(EPOCHS, epochs)                                                                              \
    X(START, start)                                                                                \
    X(COUNT, count)                                                                                \
    X(SHUFFLE, shuffle)                                                                            \
    X(SET, set)                                                                                    \
    X(STRATEGY, strategy)                                                                          \
    X(BATCH_SIZE, batch_size)                                                                      \
    X(GLOBAL_BATCH_SIZE, global_batch_size)                                                        \
    X(MIN, min)                                                                                    \
    X(MAX, max)                                                                                    \
    X(MULTIPLE_OF, multiple_of)                                                                    \
    X(LAST_BATCH, last_batch)                                                                      \
    X(DROP_LAST, drop_last)                                                                        \
    X(BATCHES, batches)                                                                            \
    X(SIZES, sizes)                                                                                \
    X(DEAL_WINDOW, deal_window)                                                                    \
    X(MAX_MEMORY, max_memory)                                                                      \
    X(SAFETY, safety)                                                                              \
    X(MEMORY_RULE, memory_rule)                                                                    \
    X(TARGET_LATENCY, target_latency)                                                              \
    X(TARGET_MEMORY, target_memory)                                                                \
    X(GROWTH, growth)                                                                              \
    X(REDUCTION, reduction)                                                                        \
    X(SAMPLE_BYTES, sample_bytes)                                                                  \
    X(LATE, late)                                                                                  \
    X(JOURNAL, journal)                                                                            \
    X(REPLAY, replay)                                                                              \
    X(METRICS, metrics)                                                                            \
    X(COST, cost)                                                                                  \
    X(COST_BYTES, cost_bytes)                                                                      \
    X(RANK, rank)                                                                                  \
    X(WORLD_SIZE, world_size)                                                                      \
    X(CHUNK_SHARD, chunk_shard)                                                                    \
    X(RANK_LAYOUT, rank_layout)                                                                    \
    X(TAIL, tail)                                                                                  \
    X(JOB_NAME, job_name)                                                                          \
    X(JOB, job)                                                                                    \
    X(BIND, bind)                                                                                  \
    X(CONNECT, connect)                                                                            \
    X(TIMEOUT, timeout)                                                                            \
    X(STEPS_AHEAD, steps_ahead)                                                                    \
    X(FILLERS, fillers)                                                                            \
    X(EXIT_WHEN_DONE, exit_when_done)                                                              \
    X(RESUME, resume)                                                                              \
    X(TOKEN_FILE, token_file)                                                                      \
    X(VERIFY, verify)                                                                              \
    X(OUT, out)                                                                                    \
    X(IDS, ids)                                                                                    \
    X(FORMAT, format)                                                                              \
    X(CHUNK_SIZE, chunk_size)                                                                      \
    X(THREADS, threads)                                                                            \
    X(CHECK, check)                                                                                \
    X(DRY_RUN, dry_run)                                                                            \
    X(FORCE, force)                                                                                \
    X(NO_LOCK, no_lock)                                                                            \
    X(HASHES_ONLY, hashes_only)                                                                    \
    X(RECORDS, records)                                                                            \
    X(YAML, yaml)                                                                                  \
    X(MAN, man)                                                                                    \
    X(JSON, json)                                                                                  \
    X(JSONL, jsonl)                                                                                \
    X(QUIET, quiet)                                                                                \
    X(HELP, help)

enum option_id {
#define ID(NAME, name) OPT_##NAME,
    OPTIONS(ID)
#undef ID
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

typedef struct command {
    const char *name;  /* "presets list" */
    const char *words; /* what follows the options in the usage line; NULL = nothing */
    unsigned min_words, max_words;
    bool words_are_paths;
    name_list *word_names;
    const char *summary; /* one line */
    const char *details; /* paragraphs divided by an empty line; NULL = none */
} command;

extern const command commands[N_COMMANDS];
extern const option *const options[N_OPTIONS];
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

/* Offers an option as it is spelled in the message. A word that is its earlier name means it. */
void option_suggest(augsi_suggestion *near, enum option_id id, const char *spelled);

/* "--name 'value': message; accepted: ...", with what the table accepts if the message does not say
 * it. Returns exit_status. */
int complain_value(int exit_status, const arguments *of, enum option_id id, const char *message);
/* EXIT_USAGE, after a message, unless the value may name a job. */
int check_job_name(const arguments *of, enum option_id id);

/* Digits, with single '_' between them: 1_000_000. */
bool parse_whole(const char *text, uint64_t *ret_number);
/* What is wrong with a text that is no whole number from `least` up, for messages. */
const char *explain_whole(const char *text, uint64_t least, char *ret_text, size_t n_bytes);

/* What the commands do: an exit status, after a message if it is not EXIT_DONE. */
#define DECLARE(ID, name) int command_##name(const arguments *of);
COMMANDS(DECLARE)
#undef DECLARE

#endif
