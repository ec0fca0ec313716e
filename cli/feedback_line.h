/* SPDX-License-Identifier: Apache-2.0 */
/* A line of feedback: {"step":3,"samples":16,"seconds":0.01,"bytes":1000,"available_bytes":5000},
 * or
 * {"step":3,"part":0,"outcome":"did_not_fit","retry":true}. */
#ifndef AUGSTREAM_CLI_FEEDBACK_LINE_H
#define AUGSTREAM_CLI_FEEDBACK_LINE_H

#include <stdbool.h>
#include <stdio.h>

#include <augstream/strategy.h>

typedef struct feedback_line {
    augs_feedback feedback; /* what is not told is 0 (seconds: NaN, step: AUGS_STEP_LAST) */
    bool retry;             /* the batch is to be given again, */
    uint64_t most_samples;  /* in parts of so many samples at most; 0 = half of it */
} feedback_line;

/*
 * Reads the next line: 1 and what it says; 0 for a line that says nothing and after the end; -1
 * after a message that names the line.
 */
int feedback_line_read(FILE *file, unsigned long *line, feedback_line *ret_line);

#endif
