/* SPDX-License-Identifier: Apache-2.0 */
/* Making errors. */
#ifndef AUGSI_FAIL_H
#define AUGSI_FAIL_H

#include <stddef.h>

#include <augstream/log.h>
#include <augstream/status.h>

/* Writes status and message (cut at a character boundary if too long) if error is not NULL; returns
 * status. */
int augsi_fail(augs_error *error, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with ": strerror(errnum)" appended; ENOSPC and EDQUOT turn into AUGS_E_NO_SPACE. */
int augsi_fail_errno(augs_error *error, int status, int errnum, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
int augsi_fail_memory(augs_error *error, size_t n_bytes);

/*
 * "Did you mean": start with {.word = WORD}, offer the candidates one by one; nearest is the one of
 * the fewest edits so far, the first of equals, NULL if none is near. An edit inserts, drops or
 * replaces a byte or exchanges two neighbors; upper case is lower case, '_' is '-'. Candidates are
 * kept as pointers.
 */
typedef struct augsi_suggestion {
    const char *word, *nearest;
    size_t n_edits; /* of nearest */
} augsi_suggestion;

void augsi_suggest(augsi_suggestion *suggestion, const char *candidate);
/* Edits between two words, SIZE_MAX if one is longer than 128 bytes. */
size_t augsi_edits(const char *a, const char *b);
/* The same for a list; if none is near, the first that begins with the word (three bytes or more).
 */
const char *augsi_nearest(const char *word, const char *const *candidates, size_t n_candidates);

void augsi_log(const augs_logger *logger, uint32_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
