/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan journal: what a strategy that decides as it goes decided, durable before the batch
 * leaves. JSON Lines, after a header:
 *
 *   {"augstream_plan":1,"fingerprint":"<hex>","strategy":"adaptive","world_size":1,"first":0,"count":1000}
 *   {"epoch":0,"step":0,"first":0,"stride":1,"count":16,"why":"start"}
 *   {"epoch":0,"step":1,"first":16,"stride":1,"count":3,"filled":13,"why":"tail"}
 *   {"epoch":0,"step":0,"part":0,"samples":16,"seconds":0.0123,"bytes":0,"available":0,"fits":true}
 *   {"epoch":0,"step":9,"part":0,"retry":[0,64],"parts":2,"as":1,"unit":1}
 *   {"epoch":0,"batch_size":32}
 *   {"epoch":0,"end":63}
 *
 * A span that is filled up with first positions (last_batch fill) says with how many. The spans
 * count positions of the stream and are of all ranks together; `end` says how many steps
 * the epoch had. The line of feedback lets a continued strategy know what it had learned. A retry
 * says that samples 0 to 63 per rank of a step were given again, as so many parts whose numbers
 * begin with `as`. A last line without its newline was torn by a crash and counts as not written.
 */
#ifndef AUGSI_JOURNAL_H
#define AUGSI_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <augstream/alloc.h>
#include <augstream/metrics.h>
#include <augstream/strategy.h>

typedef struct augsi_journal augsi_journal;

typedef struct augsi_journal_head {
    const char *fingerprint;
    const char *strategy; /* for a replay not looked at */
    uint32_t world_size;
    uint64_t first_position, n_positions; /* the window; AUGS_ENDLESS */
} augsi_journal_head;

#define AUGSI_ENTRY_NONE 0 /* the journal has no more of this epoch */
#define AUGSI_ENTRY_STEP 1
#define AUGSI_ENTRY_FEEDBACK 2
#define AUGSI_ENTRY_END 3
#define AUGSI_ENTRY_RETRY 4
#define AUGSI_ENTRY_SIZE 5 /* the caller gave another batch size; it waits as feedback does */

/* Samples of a step that were given again: low to high - 1, of the rank with the most. */
typedef struct augsi_journal_retry {
    uint32_t part;                /* that did not fit, */
    uint32_t first_part, n_parts; /* and those that took its place */
    uint64_t low, high, unit;
} augsi_journal_retry;

/* Where a journal is read: which epoch, and what comes next. */
typedef struct augsi_journal_place {
    uint32_t epoch;
    uint64_t next_step, at, line;
} augsi_journal_place;

typedef struct augsi_journal_entry {
    uint32_t epoch;
    uint64_t step; /* of a span or a retry; of the end: how many there were */
    augs_span span;
    uint64_t n_filled; /* positions that fill the span up, beyond its count */
    augs_feedback feedback;
    augsi_journal_retry retry;
    uint64_t batch_size;
    char why[AUGS_WHY_BYTES];
} augsi_journal_entry;

/*
 * Opens a journal to read from and, unless read_only, to append to: made if it is not there, locked
 * against a second writer, a torn end cut off once it is known to be a journal of this run.
 * AUGS_E_MISMATCH: it is of another stream, window or number of ranks (or strategy, unless
 * read_only); AUGS_E_CORRUPT names the line; AUGS_E_BUSY: in use; AUGS_E_IO.
 */
int augsi_journal_open(const char *path, bool read_only, const augsi_journal_head *head,
                       const augs_allocator *allocator, augsi_journal **ret_journal,
                       augs_error *error);
/* The same file at its beginning, to read from beside the first reader. NULL: no memory or files.
 */
augsi_journal *augsi_journal_clone(const augsi_journal *journal);
void augsi_journal_free(augsi_journal *journal);
const char *augsi_journal_path(const augsi_journal *journal);
bool augsi_journal_is_read_only(const augsi_journal *journal);

/* Goes before the first entry of an epoch. */
void augsi_journal_rewind(augsi_journal *journal, uint32_t epoch);
/* The next entry of that epoch: AUGSI_ENTRY_..., or negative, again and again. Its steps come in
 * order from 0. */
int augsi_journal_next(augsi_journal *journal, augsi_journal_entry *ret_entry, augs_error *error);
/* The next entry of whatever epoch, in the order in which they were written. */
int augsi_journal_next_of_any(augsi_journal *journal, augsi_journal_entry *ret_entry,
                              augs_error *error);
/* The entry read last is the next one again. */
void augsi_journal_back(augsi_journal *journal);
bool augsi_journal_is_at_end(const augsi_journal *journal); /* of all epochs */
/* Where reading goes on, and back to there. */
augsi_journal_place augsi_journal_tell(const augsi_journal *journal);
void augsi_journal_return(augsi_journal *journal, const augsi_journal_place *place);

/* Appends a step, a retry or an end; it is on the disk when the call returns. Feedback waits for
 * it; that of a retry, unless its size is 0, stands before it. After a failure the journal is as before, or, if that cannot be had, every later call fails,
 * too: AUGS_E_NO_SPACE, AUGS_E_IO, AUGS_E_CORRUPT (somebody else changed the file). */
int augsi_journal_append(augsi_journal *journal, int kind, const augsi_journal_entry *entry,
                         augs_error *error);

#endif
