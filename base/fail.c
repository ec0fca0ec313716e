/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fail.h"
#include "base/float_env.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

const char *augs_status_name(int status)
{
    switch (status) {
#define AUGS_STATUS_CASE(code, number, text)                                                       \
    case number:                                                                                   \
        return #code;
        AUGS_STATUS_MAP(AUGS_STATUS_CASE)
#undef AUGS_STATUS_CASE
    default:
        return "AUGS_E_UNKNOWN";
    }
}

const char *augs_status_text(int status)
{
    switch (status) {
#define AUGS_STATUS_CASE(code, number, text)                                                       \
    case number:                                                                                   \
        return text;
        AUGS_STATUS_MAP(AUGS_STATUS_CASE)
#undef AUGS_STATUS_CASE
    default:
        return "unknown status";
    }
}

/* vsnprintf may cut a UTF-8 sequence in two: drop the half. */
static void trim_partial_character(char *text, size_t n_bytes)
{
    size_t end = strnlen(text, n_bytes);
    size_t start = end;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80) {
        start--;
    }
    if (start == 0) {
        return;
    }
    unsigned char lead = (unsigned char)text[start - 1];
    size_t want = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    if (end - start < want) {
        text[start - 1] = '\0';
    }
}

static void write_message(augs_error *error, int status, const char *format, va_list arguments)
{
    error->status = status;
    int n = vsnprintf(error->message, sizeof error->message, format, arguments);
    if (n < 0) {
        error->message[0] = '\0';
    } else if ((size_t)n >= sizeof error->message) {
        trim_partial_character(error->message, sizeof error->message);
    }
}

int augsi_fail(augs_error *error, int status, const char *format, ...)
{
    if (error != NULL) {
        va_list arguments;
        va_start(arguments, format);
        write_message(error, status, format, arguments);
        va_end(arguments);
    }
    return status;
}

int augsi_fail_errno(augs_error *error, int status, int errnum, const char *format, ...)
{
    if (errnum == ENOSPC || errnum == EDQUOT) {
        status = AUGS_E_NO_SPACE;
    } else if (errnum == ENOMEM) {
        status = AUGS_E_NO_MEMORY;
    }
    if (error != NULL) {
        va_list arguments;
        va_start(arguments, format);
        write_message(error, status, format, arguments);
        va_end(arguments);
        char reason[96];
        const char *text = strerror_r(errnum, reason, sizeof reason);
        size_t used = strlen(error->message);
        snprintf(error->message + used, sizeof error->message - used, ": %s", text);
    }
    return status;
}

int augsi_fail_memory(augs_error *error, size_t n_bytes)
{
    return augsi_fail(error, AUGS_E_NO_MEMORY, "no memory for %zu bytes", n_bytes);
}

/* Also '-' for '_': nobody means another name by it. */
static char lower_case(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c == '_' ? '-' : c;
}

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/*
 * Optimal string alignment: Wagner and Fischer's rows, with exchanges of neighbors. SIZE_MAX
 * unless below `limit`: what both words begin or end with costs nothing, and the least of a row is
 * never more than the least of the next.
 */
static size_t edits_below(const char *a, const char *b, size_t limit)
{
    enum { LONGEST = 128 };
    size_t n_a = strnlen(a, LONGEST + 1), n_b = strnlen(b, LONGEST + 1);
    size_t rows[3][LONGEST + 1];
    if (n_a > LONGEST || n_b > LONGEST) {
        return SIZE_MAX;
    }
    for (; n_a > 0 && n_b > 0 && lower_case(*a) == lower_case(*b); n_a--, n_b--) {
        a++;
        b++;
    }
    while (n_a > 0 && n_b > 0 && lower_case(a[n_a - 1]) == lower_case(b[n_b - 1])) {
        n_a--;
        n_b--;
    }
    for (size_t j = 0; j <= n_b; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= n_a; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        char x = lower_case(a[i - 1]), x_before = i > 1 ? lower_case(a[i - 2]) : '\0';
        row[0] = i;
        size_t least = i;
        for (size_t j = 1; j <= n_b; j++) {
            char y = lower_case(b[j - 1]);
            size_t best = least_of(above[j], row[j - 1]) + 1;
            best = least_of(best, above[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == lower_case(b[j - 2]) && x_before == y) {
                best = least_of(best, two_above[j - 2] + 1);
            }
            row[j] = best;
            least = least_of(least, best);
        }
        if (least >= limit) {
            return SIZE_MAX;
        }
    }
    return rows[n_a % 3][n_b] < limit ? rows[n_a % 3][n_b] : SIZE_MAX;
}

size_t augsi_edits(const char *a, const char *b)
{
    return edits_below(a, b, SIZE_MAX);
}

/* Near: a third of the word and one edit more, and not all of it replaced. */
void augsi_suggest(augsi_suggestion *suggestion, const char *candidate)
{
    size_t n_word = strlen(suggestion->word), n_candidate = strlen(candidate);
    size_t longer = n_word > n_candidate ? n_word : n_candidate;
    size_t difference = 2 * longer - n_word - n_candidate;
    size_t limit =
        suggestion->nearest != NULL ? suggestion->n_edits : least_of(n_word / 3 + 2, longer);
    if (difference >= limit) {
        return;
    }
    size_t n_edits = edits_below(suggestion->word, candidate, limit);
    if (n_edits < limit) {
        suggestion->n_edits = n_edits;
        suggestion->nearest = candidate;
    }
}

/* The word is the beginning of the candidate. */
static bool begins(const char *word, const char *candidate)
{
    size_t n = 0;
    while (word[n] != '\0' && lower_case(word[n]) == lower_case(candidate[n])) {
        n++;
    }
    return word[n] == '\0';
}

const char *augsi_nearest(const char *word, const char *const *candidates, size_t n_candidates)
{
    enum { LEAST_PREFIX = 3 };
    augsi_suggestion suggestion = {.word = word};
    for (size_t i = 0; i < n_candidates; i++) {
        augsi_suggest(&suggestion, candidates[i]);
    }
    for (size_t i = 0; i < n_candidates && suggestion.nearest == NULL; i++) {
        if (strlen(word) >= LEAST_PREFIX && begins(word, candidates[i])) {
            suggestion.nearest = candidates[i];
        }
    }
    return suggestion.nearest;
}

void augsi_log(const augs_logger *logger, uint32_t level, const char *format, ...)
{
    if (logger == NULL || logger->function == NULL) {
        return;
    }
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (n >= 0) {
        if ((size_t)n >= sizeof message) {
            trim_partial_character(message, sizeof message);
        }
        AUGSI_CALLER_BEGIN;
        logger->function(logger->user, level, message);
        AUGSI_CALLER_END;
    }
}
