/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean": the nearest of some words. */
#ifndef AUGSTREAM_CLI_SUGGEST_H
#define AUGSTREAM_CLI_SUGGEST_H

#include <stddef.h>

typedef struct suggestion {
    const char *word; /* as typed */
    const char *best; /* the nearest so far, NULL if none is near */
    size_t distance;
} suggestion;

void suggest_init(suggestion *of, const char *word);
void suggest_offer(suggestion *of, const char *candidate); /* kept as a pointer */
/* If the word is `earlier` (may be NULL), with or without dashes, nothing is nearer than `candidate`. */
void suggest_renamed(suggestion *of, const char *earlier, const char *candidate);
/* "; did you mean 'x'?" or "", in the caller's memory. */
const char *suggest_text(const suggestion *of, char *ret_text, size_t n_bytes);

#endif
