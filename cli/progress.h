/* SPDX-License-Identifier: Apache-2.0 */
/* Progress on stderr: tqdm's bar on a terminal, else a plain line every ten seconds. */
#ifndef AUGSTREAM_CLI_PROGRESS_H
#define AUGSTREAM_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct progress {
    const char *label;
    uint64_t all; /* 0 = not known */
    uint64_t done;
    double started; /* seconds of the monotonic clock */
    double shown;   /* when a line was printed last */
    bool quiet;
    bool terminal;
    bool utf8;
} progress;

void progress_begin(progress *bar, const char *label, uint64_t all, bool quiet);
/* Prints if it is time to. */
void progress_set(progress *bar, uint64_t done);
/* The last state of the bar, and the end of its line. */
void progress_end(progress *bar);
double progress_seconds(const progress *bar);

/* Records on stdout and a bar on stderr would be on one terminal: records come first, so such a run
 * has no bar. */
bool progress_mixes_with_stdout(void);

/* Seconds of the monotonic clock. */
double clock_seconds(void);

/* The bar of a moment, as tqdm prints it, without line ends: for progress_set and the tests.
 * Returns ret_text, which has space for n_bytes. It takes less than `width` columns: what does not
 * fit is left out. Width 0 = as wide as it gets. */
const char *progress_text(const progress *bar, double now, unsigned width, char *ret_text,
                          unsigned n_bytes);

#endif
