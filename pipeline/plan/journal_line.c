/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Only lines that this code writes are accepted: a line is read by scanning it and then writing it
 * again, which has to give the same bytes. So nothing that was cut, joined or edited by hand into
 * something else is taken for a plan.
 */
#include "pipeline/plan/journal_line.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/number_text.h"

size_t augsi_journal_write_entry(int kind, const augsi_journal_entry *entry,
                                 char ret_line[AUGSI_JOURNAL_LINE_BYTES])
{
    int n = 0;
    if (kind == AUGSI_ENTRY_STEP) {
        char filled[40] = "";
        if (entry->n_filled > 0) {
            snprintf(filled, sizeof filled, ",\"filled\":%" PRIu64, entry->n_filled);
        }
        n = snprintf(ret_line, AUGSI_JOURNAL_LINE_BYTES,
                     "{\"epoch\":%" PRIu32 ",\"step\":%" PRIu64 ",\"first\":%" PRIu64
                     ",\"stride\":%" PRIu64 ",\"count\":%" PRIu64 "%s,\"why\":\"%s\"}\n",
                     entry->epoch, entry->step, entry->span.first, entry->span.stride,
                     entry->span.count, filled, entry->why);
    } else if (kind == AUGSI_ENTRY_FEEDBACK) {
        char seconds[AUGSI_NUMBER_BYTES] = "null";
        if (isfinite(entry->feedback.seconds)) {
            seconds[augsi_f64_text(entry->feedback.seconds, seconds)] = 0;
        }
        n = snprintf(
            ret_line, AUGSI_JOURNAL_LINE_BYTES,
            "{\"epoch\":%" PRIu32 ",\"step\":%" PRIu64 ",\"part\":%" PRIu32 ",\"samples\":%" PRIu64
            ",\"seconds\":%s,\"bytes\":%" PRIu64 ",\"available\":%" PRIu64 ",\"fits\":%s}\n",
            entry->epoch, entry->feedback.step, entry->feedback.part, entry->feedback.n_samples,
            seconds, entry->feedback.bytes, entry->feedback.available_bytes,
            entry->feedback.outcome == AUGS_OUTCOME_FINE ? "true" : "false");
    } else if (kind == AUGSI_ENTRY_RETRY) {
        const augsi_journal_retry *retry = &entry->retry;
        n = snprintf(ret_line, AUGSI_JOURNAL_LINE_BYTES,
                     "{\"epoch\":%" PRIu32 ",\"step\":%" PRIu64 ",\"part\":%" PRIu32
                     ",\"retry\":[%" PRIu64 ",%" PRIu64 "],\"parts\":%" PRIu32 ",\"as\":%" PRIu32
                     ",\"unit\":%" PRIu64 "}\n",
                     entry->epoch, entry->step, retry->part, retry->low, retry->high,
                     retry->n_parts, retry->first_part, retry->unit);
    } else if (kind == AUGSI_ENTRY_SIZE) {
        n = snprintf(ret_line, AUGSI_JOURNAL_LINE_BYTES,
                     "{\"epoch\":%" PRIu32 ",\"batch_size\":%" PRIu64 "}\n", entry->epoch,
                     entry->batch_size);
    } else {
        n = snprintf(ret_line, AUGSI_JOURNAL_LINE_BYTES,
                     "{\"epoch\":%" PRIu32 ",\"end\":%" PRIu64 "}\n", entry->epoch, entry->step);
    }
    return (size_t)n;
}

/* What kind of line it may be; AUGSI_ENTRY_NONE: no line of a journal. */
static int scan_entry(const char *line, augsi_journal_entry *entry)
{
    char seconds[48], fits[8];
    augsi_journal_retry *retry = &entry->retry;
    *entry = (augsi_journal_entry){.feedback = {.size = sizeof entry->feedback}};
    if (sscanf(line,
               "{\"epoch\":%" SCNu32 ",\"step\":%" SCNu64 ",\"first\":%" SCNu64
               ",\"stride\":%" SCNu64 ",\"count\":%" SCNu64 ",\"why\":\"%15[a-z_-]\"}",
               &entry->epoch, &entry->step, &entry->span.first, &entry->span.stride,
               &entry->span.count, entry->why) == 6 ||
        sscanf(line,
               "{\"epoch\":%" SCNu32 ",\"step\":%" SCNu64 ",\"first\":%" SCNu64
               ",\"stride\":%" SCNu64 ",\"count\":%" SCNu64 ",\"filled\":%" SCNu64
               ",\"why\":\"%15[a-z_-]\"}",
               &entry->epoch, &entry->step, &entry->span.first, &entry->span.stride,
               &entry->span.count, &entry->n_filled, entry->why) == 7) {
        return AUGSI_ENTRY_STEP;
    }
    if (sscanf(line,
               "{\"epoch\":%" SCNu32 ",\"step\":%" SCNu64 ",\"part\":%" SCNu32
               ",\"samples\":%" SCNu64 ",\"seconds\":%47[^,],\"bytes\":%" SCNu64
               ",\"available\":%" SCNu64 ",\"fits\":%5[a-z]}",
               &entry->epoch, &entry->feedback.step, &entry->feedback.part,
               &entry->feedback.n_samples, seconds, &entry->feedback.bytes,
               &entry->feedback.available_bytes, fits) == 8) {
        entry->feedback.epoch = entry->epoch;
        entry->feedback.outcome =
            strcmp(fits, "true") == 0 ? AUGS_OUTCOME_FINE : AUGS_OUTCOME_DID_NOT_FIT;
        entry->feedback.seconds = NAN;
        if (strcmp(seconds, "null") == 0 ||
            augsi_parse_f64(seconds, strlen(seconds), &entry->feedback.seconds)) {
            return AUGSI_ENTRY_FEEDBACK;
        }
    }
    if (sscanf(line,
               "{\"epoch\":%" SCNu32 ",\"step\":%" SCNu64 ",\"part\":%" SCNu32
               ",\"retry\":[%" SCNu64 ",%" SCNu64 "],\"parts\":%" SCNu32 ",\"as\":%" SCNu32
               ",\"unit\":%" SCNu64 "}",
               &entry->epoch, &entry->step, &retry->part, &retry->low, &retry->high,
               &retry->n_parts, &retry->first_part, &retry->unit) == 8 &&
        retry->low < retry->high && retry->n_parts > 1 && retry->unit > 0 &&
        retry->first_part > retry->part && retry->n_parts <= UINT32_MAX - retry->first_part &&
        retry->n_parts <= (retry->high - retry->low - 1) / retry->unit + 1) {
        return AUGSI_ENTRY_RETRY;
    }
    if (sscanf(line, "{\"epoch\":%" SCNu32 ",\"batch_size\":%" SCNu64 "}", &entry->epoch,
               &entry->batch_size) == 2) {
        return AUGSI_ENTRY_SIZE;
    }
    if (sscanf(line, "{\"epoch\":%" SCNu32 ",\"end\":%" SCNu64 "}", &entry->epoch, &entry->step) ==
        2) {
        return AUGSI_ENTRY_END;
    }
    return AUGSI_ENTRY_NONE;
}

int augsi_journal_parse_entry(const char *line, augsi_journal_entry *entry)
{
    char again[AUGSI_JOURNAL_LINE_BYTES];
    int kind = scan_entry(line, entry);
    if (kind != AUGSI_ENTRY_NONE) {
        augsi_journal_write_entry(kind, entry, again);
        kind = strcmp(line, again) == 0 ? kind : AUGSI_ENTRY_NONE;
    }
    return kind;
}

/* A strategy's name as the head has it: 1 to 60 bytes that need no quoting. */
static void quote_name(const char *name, char ret_name[64])
{
    size_t n = 0;
    for (; n < 60 && name[n] != '\0'; n++) {
        const unsigned char c = (unsigned char)name[n];
        ret_name[n] = name[n];
        if (c < ' ' || c > '~' || c == '"' || c == '\\') {
            ret_name[n] = '_';
        }
    }
    if (n == 0) {
        ret_name[n++] = '_';
    }
    ret_name[n] = '\0';
}

size_t augsi_journal_write_head(const augsi_journal_head *head,
                                char ret_line[AUGSI_JOURNAL_LINE_BYTES])
{
    char count[AUGSI_NUMBER_BYTES] = "null", strategy[64];
    quote_name(head->strategy, strategy);
    if (head->n_positions != AUGS_ENDLESS) {
        count[augsi_u64_text(head->n_positions, count)] = 0;
    }
    return (size_t)snprintf(ret_line, AUGSI_JOURNAL_LINE_BYTES,
                            "{\"augstream_plan\":1,\"fingerprint\":\"%s\",\"strategy\":\"%s\","
                            "\"world_size\":%" PRIu32 ",\"first\":%" PRIu64 ",\"count\":%s}\n",
                            head->fingerprint, strategy, head->world_size, head->first_position,
                            count);
}

int augsi_journal_fail_foreign(const char *path, const char *text, augs_error *error)
{
    char shown[61];
    size_t n = 0;
    for (; n < sizeof shown - 1 && text[n] != '\0' && text[n] != '\n'; n++) {
        shown[n] = text[n] >= ' ' && text[n] <= '~' ? text[n] : '?';
    }
    shown[n] = '\0';
    return augsi_fail(error, AUGS_E_CORRUPT, "'%s' is no plan journal: its first line is %s", path,
                      shown);
}

int augsi_journal_check_head(const char *path, const char *line, const augsi_journal_head *head,
                             bool of_any_strategy, augs_error *error)
{
    char expected[AUGSI_JOURNAL_LINE_BYTES], fingerprint[64], strategy[64];
    if (sscanf(line,
               "{\"augstream_plan\":1,\"fingerprint\":\"%63[0-9a-f]\",\"strategy\":\"%63[^\"]\"",
               fingerprint, strategy) != 2) {
        return augsi_journal_fail_foreign(path, line, error);
    }
    if (strcmp(fingerprint, head->fingerprint) != 0) {
        return augsi_fail(error, AUGS_E_MISMATCH,
                          "plan journal '%s' is of the stream %s, this one is %s", path,
                          fingerprint, head->fingerprint);
    }
    augsi_journal_head compared = *head;
    if (of_any_strategy) {
        compared.strategy = strategy;
    }
    const size_t n = augsi_journal_write_head(&compared, expected);
    if (strcmp(line, expected) != 0) {
        expected[n - 1] = '\0';
        return augsi_fail(error, AUGS_E_MISMATCH,
                          "plan journal '%.200s' is of another run; this one is %s", path,
                          expected + strlen("{\"augstream_plan\":1,\"fingerprint\":\"") +
                              strlen(head->fingerprint) + 2);
    }
    return AUGS_OK;
}
