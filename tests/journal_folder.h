/* SPDX-License-Identifier: Apache-2.0 */
/* A folder with space for a plan journal, for one test. */
#ifndef AUGS_TEST_JOURNAL_FOLDER_H
#define AUGS_TEST_JOURNAL_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "suite.h"

static char folder[64];
static char path[96];

static inline void begin(void)
{
    /* in memory where that is possible: every decision is synced */
    snprintf(folder, sizeof folder, "%s/augs-journal-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/plan.jsonl", folder);
}

static inline void end(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0);
}

#endif
