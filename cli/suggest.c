/* SPDX-License-Identifier: Apache-2.0 */
#include "suggest.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 64 };

static size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: insert, delete, replace, and exchange of neighbours cost one each. */
static size_t distance_of(const char *a, const char *b)
{
    size_t n_a = strlen(a), n_b = strlen(b);
    size_t rows[3][LONGEST + 1];
    if (n_a > LONGEST || n_b > LONGEST) {
        return SIZE_MAX;
    }
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

void suggest_init(suggestion *of, const char *word)
{
    const size_t n_letters = strlen(word + strspn(word, "-"));
    *of = (suggestion){.word = word, .distance = n_letters / 3 + 2};
}

void suggest_offer(suggestion *of, const char *candidate)
{
    size_t distance = distance_of(of->word, candidate);
    if (distance < of->distance) {
        of->distance = distance;
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
