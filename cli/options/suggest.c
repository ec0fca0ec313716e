/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/options/suggest.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 64, LEAST_PREFIX = 2, LEAST_PART = 4 };

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Small letters, and '-' for '_': nobody means another name by them. */
static void normalize(const char *text, char *ret_text)
{
    size_t n = 0;
    for (; text[n] != '\0'; n++) {
        char c = text[n];
        ret_text[n] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c == '_' ? '-' : c);
    }
    ret_text[n] = '\0';
}

/* Optimal string alignment: insert, delete, replace, and exchange of neighbors cost one each. */
static size_t distance_of(const char *a, const char *b)
{
    size_t n_a = strlen(a), n_b = strlen(b);
    size_t rows[3][LONGEST + 1];
    for (size_t j = 0; j <= n_b; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= n_a; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            best = least_of(best, least_of(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                best = least_of(best, two_above[j - 2] + 1);
            }
            row[j] = best;
        }
    }
    return rows[n_a % 3][n_b];
}

/* 0 = the same but for case, 1 = the beginning of the name; then letters that differ. A part inside
 * the name is as far as any proposal may be. */
static size_t rank_of(const char *word, const char *candidate, size_t most)
{
    char a[LONGEST + 1], b[LONGEST + 1];
    if (strlen(word) > LONGEST || strlen(candidate) > LONGEST) {
        return SIZE_MAX;
    }
    normalize(word, a);
    normalize(candidate, b);
    const size_t n_letters = strlen(a + strspn(a, "-"));
    size_t distance = distance_of(a, b);
    if (distance > 1 && n_letters >= LEAST_PREFIX && strncmp(a, b, strlen(a)) == 0) {
        distance = 1;
    }
    if (distance > most && n_letters >= LEAST_PART && strstr(b, a + strspn(a, "-")) != NULL) {
        distance = most;
    }
    return distance;
}

void suggest_init(suggestion *of, const char *word)
{
    const size_t n_letters = strlen(word + strspn(word, "-"));
    *of = (suggestion){.word = word, .distance = n_letters / 3 + 2};
}

void suggest_offer(suggestion *of, const char *candidate)
{
    const size_t n_letters = strlen(of->word + strspn(of->word, "-"));
    size_t distance = rank_of(of->word, candidate, n_letters / 3 + 1);
    const bool is_shorter =
        distance == of->distance && distance <= 1 && strlen(candidate) < strlen(of->best);
    if (distance < of->distance || is_shorter) {
        of->distance = distance;
        of->best = candidate;
    }
}

void suggest_renamed(suggestion *of, const char *earlier, const char *candidate)
{
    if (earlier != NULL && strcmp(of->word + strspn(of->word, "-"), earlier) == 0) {
        of->distance = 0;
        of->best = candidate;
    }
}

const char *suggest_text(const suggestion *of, char *ret_text, size_t n_bytes)
{
    ret_text[0] = '\0';
    if (of->best != NULL) {
        snprintf(ret_text, n_bytes, "; did you mean '%s'?", of->best);
    }
    return ret_text;
}
