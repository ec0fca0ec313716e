/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a plan journal, as text. */
#ifndef AUGSI_JOURNAL_LINE_H
#define AUGSI_JOURNAL_LINE_H

#include "pipeline/plan/journal.h"

#define AUGSI_JOURNAL_LINE_BYTES 512u

/* kind: AUGSI_ENTRY_...; returns the length, with the newline and without the NUL. */
size_t augsi_journal_write_entry(int kind, const augsi_journal_entry *entry,
                                 char ret_line[AUGSI_JOURNAL_LINE_BYTES]);
/* The kind of a line; AUGSI_ENTRY_NONE: it is none that this code writes. */
int augsi_journal_parse_entry(const char *line, augsi_journal_entry *ret_entry);

size_t augsi_journal_write_head(const augsi_journal_head *head,
                                char ret_line[AUGSI_JOURNAL_LINE_BYTES]);
/* Whether a first line is of this run. AUGS_E_CORRUPT, AUGS_E_MISMATCH with what is different. */
int augsi_journal_check_head(const char *path, const char *line, const augsi_journal_head *head,
                             bool of_any_strategy, augs_error *error);
/* AUGS_E_CORRUPT, with the beginning of what should have been a journal. */
int augsi_journal_fail_foreign(const char *path, const char *text, augs_error *error);

#endif
