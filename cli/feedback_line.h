/* SPDX-License-Identifier: Apache-2.0 */
/* A line of feedback: {"samples":16,"seconds":0.01,"bytes":1000,"available_bytes":5000}. */
#ifndef AUGSTREAM_CLI_FEEDBACK_LINE_H
#define AUGSTREAM_CLI_FEEDBACK_LINE_H

#include <stdbool.h>
#include <stdio.h>

#include <augstream/strategy.h>

/*
 * Reads the next line: 1 and feedback, of which what is not told is 0 (seconds: NaN); 0 for a line
 * that says nothing and after the end; -1 after a message that names the line.
 */
int feedback_line_read(FILE *file, unsigned long *line, augs_feedback *ret_feedback);

#endif
