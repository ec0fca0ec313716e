/* SPDX-License-Identifier: Apache-2.0 */
#include "base/words.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* ---- how near two words are ---- */

enum { LONGEST = 128 /* bytes of a word that is compared */ };

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

/* The word is the beginning of the text. */
static bool begins(const char *word, const char *text)
{
    size_t n = 0;
    while (word[n] != '\0' && lower_case(word[n]) == lower_case(text[n])) {
        n++;
    }
    return word[n] == '\0';
}

static bool is_part_of(const char *word, const char *text)
{
    while (*text != '\0' && !begins(word, text)) {
        text++;
    }
    return *text != '\0';
}

/* ---- the nearest ---- */

/* The edits to a candidate; as few as one if the word is its beginning, and as many as a near one
 * may have if the word is a part of it. SIZE_MAX: it is not near. */
static size_t edits_to(const char *word, const char *candidate)
{
    enum { LEAST_BEGINNING = 2, LEAST_PART = 4 };
    const char *letters = word + strspn(word, "-");
    const size_t n_letters = strlen(letters), n_word = strlen(word), n = strlen(candidate);
    const size_t most = n_letters / 3 + 1;
    if (n_word > LONGEST || n > LONGEST) {
        return SIZE_MAX;
    }
    const size_t longer = n_word > n ? n_word : n;
    const size_t limit = least_of(most + 1, longer); /* a near one has fewer */
    size_t n_edits =
        longer - least_of(n_word, n) < limit ? edits_below(word, candidate, limit) : SIZE_MAX;
    if (n_edits > 1 && n_letters >= LEAST_BEGINNING && begins(word, candidate)) {
        n_edits = 1;
    }
    if (n_edits > most && n_letters >= LEAST_PART && is_part_of(letters, candidate)) {
        n_edits = most;
    }
    return n_edits;
}

void augsi_suggest(augsi_suggestion *suggestion, const char *candidate)
{
    const size_t n_edits = edits_to(suggestion->word, candidate);
    const char *nearest = suggestion->nearest;
    const bool is_shorter = nearest != NULL && n_edits == suggestion->n_edits &&
                            begins(suggestion->word, candidate) &&
                            strlen(candidate) < strlen(nearest);
    if (n_edits != SIZE_MAX && (nearest == NULL || n_edits < suggestion->n_edits || is_shorter)) {
        suggestion->n_edits = n_edits;
        suggestion->nearest = candidate;
    }
}

const char *augsi_suggestion_text(const augsi_suggestion *suggestion,
                                  char ret_text[AUGSI_HINT_BYTES])
{
    ret_text[0] = '\0';
    if (suggestion->nearest != NULL) {
        snprintf(ret_text, AUGSI_HINT_BYTES, ", did you mean '%s'?", suggestion->nearest);
    }
    return ret_text;
}

/* ---- lists ---- */

void augsi_list_word(augsi_word_list *list, const char *word)
{
    static const char more[] = ", ...";
    const char *comma = list->n_bytes > 0 ? ", " : "";
    const size_t most = sizeof list->text - 1;
    const size_t space = list->space > 0 ? least_of(list->space, most) : most;
    if (list->cut) {
        return;
    }
    if (list->n_bytes + strlen(comma) + strlen(word) + strlen(more) > space) {
        word = "...";
        list->cut = true;
    }
    list->n_bytes += (size_t)snprintf(list->text + list->n_bytes, sizeof list->text - list->n_bytes,
                                      "%s%s", comma, word);
}

/* ---- both ---- */

void augsi_known_word(augsi_known_words *words, const char *word)
{
    augsi_suggest(&words->near, word);
    augsi_list_word(&words->list, word);
}

const char *augsi_known_words_text(augsi_known_words *words, const char *label)
{
    char hint[AUGSI_HINT_BYTES];
    snprintf(words->text, sizeof words->text, "%s; %s: %s",
             augsi_suggestion_text(&words->near, hint), label, words->list.text);
    return words->text;
}
