/* SPDX-License-Identifier: Apache-2.0 */
/* Options of outputs, and those that every command takes. */
#include <stdio.h>

#include <augstream/augstream.h>

#include "cli/options/option_rows.h"

/* ---- names and defaults ---- */

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

NAMES(check_name, "quick", "full") /* AUGS_CHECK_... */

static void chunk_size_default(enum command_id at, char *ret_text, size_t n_bytes)
{
    (void)at;
    snprintf(ret_text, n_bytes, "%u", AUGS_DEFAULT_CHUNK_SIZE);
}

/* ---- output ---- */

const option option_verify = {.name = "verify",
                              .group = GROUP_OUTPUT,
                              .uses = {{.commands = AT(SUBSCRIBE),
                                        .kind = KIND_FLAG,
                                        .help = "recompute every batch and compare"}}};

const option option_out = {
    .name = "out",
    .group = GROUP_OUTPUT,
    .uses = {{.commands = AT(GENERATE),
              .kind = KIND_TEXT,
              .value = "DIR|-",
              .is_path = true,
              .help = "folder for chunk files, which is made or continued; - is stdout",
              .accepted = "a folder, or - for stdout",
              .fallback = "-"},
             {.commands = AT(SUBSCRIBE),
              .kind = KIND_TEXT,
              .value = "FILE|-",
              .is_path = true,
              .help = "file for the records; - is stdout",
              .accepted = "a file, or - for stdout",
              .without = "stdout if --format is given, else records are only counted"}}};

const option option_ids = {
    .name = "ids",
    .group = GROUP_OUTPUT,
    .uses = {{.commands = AT(SUBSCRIBE),
              .kind = KIND_TEXT,
              .value = "FILE.npy",
              .is_path = true,
              .help = "write the received sample ids to this file, as a NumPy array of int64",
              .accepted = "a file in a folder that exists",
              .without = "no file"}}};

const option option_format = {
    .name = "format",
    .group = GROUP_OUTPUT,
    .uses = {{.commands = AT(GENERATE),
              .kind = KIND_NAME,
              .value = "F",
              .names = format_name,
              .help = "format of the chunk files, or of the records on stdout",
              .without = "jsonl for stdout, safetensors for a folder"},
             {.commands = AT(SUBSCRIBE),
              .kind = KIND_NAME,
              .value = "F",
              .names = record_format_name,
              .help = "format of the records",
              .fallback = "jsonl"}}};

const option option_chunk_size = {.name = "chunk-size",
                                  .group = GROUP_OUTPUT,
                                  .uses = {{.commands = AT(GENERATE),
                                            .kind = KIND_WHOLE,
                                            .value = "K",
                                            .least = 1,
                                            .most = LARGEST_SIZE,
                                            .help = "positions per chunk",
                                            .ask_fallback = chunk_size_default}}};

const option option_threads = {.name = "threads",
                               .group = GROUP_OUTPUT,
                               .uses = {{.commands = AT(GENERATE) | AT(VERIFY),
                                         .kind = KIND_WHOLE,
                                         .value = "T",
                                         .least = 1,
                                         .most = 1024,
                                         .help = "number of chunk files to work on at a time",
                                         .fallback = "1"}}};

const option option_check = {
    .name = "check",
    .group = GROUP_OUTPUT,
    .uses = {{.commands = AT(GENERATE),
              .kind = KIND_NAME,
              .value = "HOW",
              .names = check_name,
              .help = "which chunks of an earlier run to keep: those of the right size (quick), or "
                      "those with the right hash, too (full)",
              .fallback = "quick"}}};

const option option_dry_run = {
    .name = "dry-run",
    .group = GROUP_OUTPUT,
    .uses = {{.commands = AT(GENERATE),
              .kind = KIND_FLAG,
              .help = "with --out DIR: print the number of files, their bytes and an estimate of "
                      "the time, and write nothing"}}};

const option option_force = {
    .name = "force",
    .group = GROUP_OUTPUT,
    .uses = {{.commands = AT(GENERATE),
              .kind = KIND_FLAG,
              .help = "write even if the file system has too little space"}}};

const option option_no_lock = {
    .name = "no-lock",
    .group = GROUP_OUTPUT,
    .uses = {{.commands = AT(GENERATE),
              .kind = KIND_FLAG,
              .help = "take no lock on the shard; you make sure that no other process writes it"}}};

const option option_hashes_only = {
    .name = "hashes-only",
    .group = GROUP_OUTPUT,
    .uses = {{.commands = AT(VERIFY),
              .kind = KIND_FLAG,
              .help = "check the hashes alone and do not recompute the stream"}}};

const option option_records = {.name = "records",
                               .group = GROUP_OUTPUT,
                               .uses = {{.commands = AT(INSPECT),
                                         .kind = KIND_WHOLE,
                                         .value = "N",
                                         .most = 1000000,
                                         .help = "number of records to show, from the first one on",
                                         .fallback = "3"}}};

const option option_yaml = {
    .name = "yaml",
    .group = GROUP_OUTPUT,
    .uses = {
        {.commands = AT(PRESETS_SHOW), .kind = KIND_FLAG, .help = "print the preset file itself"}}};

const option option_man = {
    .name = "man",
    .group = GROUP_OUTPUT,
    .uses = {
        {.commands = AT(HELP), .kind = KIND_FLAG, .help = "print the whole manual as a man page"}}};

const option option_json = {
    .name = "json",
    .group = GROUP_OUTPUT,
    .uses = {{.commands = AT(GENERATE),
              .kind = KIND_FLAG,
              .help = "print a report on a run with --out DIR as one JSON object"},
             {.commands = AT(SERVE),
              .kind = KIND_FLAG,
              .help = "print the endpoint and the job as one JSON object"},
             {.commands = AT(HELP),
              .kind = KIND_FLAG,
              .help = "print every command and option as one JSON object"},
             {.commands = PRESETS | FILES | AT(SUBSCRIBE) | BENCH | AT(ENV) | AT(VERSION),
              .kind = KIND_FLAG,
              .help = "print the result as one JSON object"}}};

const option option_jsonl = {.name = "jsonl",
                             .group = GROUP_OUTPUT,
                             .uses = {{.commands = PRESETS | AT(VERIFY),
                                       .kind = KIND_FLAG,
                                       .help = "print the result as JSON objects, one per line"}}};

/* ---- general ---- */

const option option_quiet = {
    .name = "quiet",
    .group = GROUP_GENERAL,
    .uses = {{.commands = STREAM | FILES | AT(SUBSCRIBE) | BENCH | PRESETS,
              .kind = KIND_FLAG,
              .help = "print nothing but errors on stderr"},
             {.commands = AT(ENV), .kind = KIND_FLAG, .help = "print rank and world size only"}}};

const option option_help = {
    .name = "help",
    .group = GROUP_GENERAL,
    .uses = {{.commands = EVERY, .kind = KIND_FLAG, .help = "print this text"}}};
