/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a message says about a word that is not known: "did you mean" and the words that are. It
 * needs nothing but the C library, so that the command is compiled with it, too.
 */
#ifndef AUGSI_WORDS_H
#define AUGSI_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Edits between two words, SIZE_MAX if one is longer than 128 bytes. An edit inserts, drops or
 * replaces a byte, or exchanges two neighbors; upper case is lower case, '_' is '-'. */
size_t augsi_edits(const char *a, const char *b);

/*
 * The nearest of some words: start with {.word = WORD} and offer the candidates one by one. A
 * candidate is near if few of the word's bytes have to be edited (a third, and one more), if the
 * word is its beginning, or if the word is a part of it. Of candidates that are as near, the first
 * is taken; if the word is the beginning of several, the shortest. Candidates are kept as pointers.
 */
typedef struct augsi_suggestion {
    const char *word, *nearest; /* nearest: NULL if none is near */
    size_t n_edits;             /* of nearest */
} augsi_suggestion;

void augsi_suggest(augsi_suggestion *suggestion, const char *candidate);
/* ", did you mean 'x'?" or "", in the caller's memory of AUGSI_HINT_BYTES: a word of more than 128
 * bytes is near to none. */
#define AUGSI_HINT_BYTES 160u
const char *augsi_suggestion_text(const augsi_suggestion *suggestion,
                                  char ret_text[AUGSI_HINT_BYTES]);

/* Words as "a, b, c" in `space` bytes at most (0: in all of text); a list that is longer ends with
 * ", ...". Start with zeroed memory. */
typedef struct augsi_word_list {
    char text[512];
    size_t space, n_bytes;
    bool cut;
} augsi_word_list;

void augsi_list_word(augsi_word_list *list, const char *word);

/* Both: start with {.near.word = WORD} and offer the words that are accepted. */
typedef struct augsi_known_words {
    augsi_suggestion near;
    augsi_word_list list;
    char text[800];
} augsi_known_words;

void augsi_known_word(augsi_known_words *words, const char *word);
/* ", did you mean 'x'?; accepted: a, b, c" for the label "accepted", valid as long as *words. */
const char *augsi_known_words_text(augsi_known_words *words, const char *label);

#endif
