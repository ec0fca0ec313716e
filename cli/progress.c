/* SPDX-License-Identifier: Apache-2.0 */
/* The form is tqdm's: "label:  45%|####5     | 450/1000 [00:03<00:04, 123.4samples/s]". */
#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/exit_status.h"

static progress *on_screen; /* whose line is open on the terminal */

double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void clear_line(void)
{
    if (on_screen != NULL) {
        fputs("\r\033[K", stderr);
        on_screen = NULL;
    }
}

static bool locale_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && value[0] != '\0') {
            return strstr(value, "UTF-8") != NULL || strstr(value, "utf8") != NULL;
        }
    }
    return false;
}

void progress_begin(progress *bar, const char *label, uint64_t all, bool quiet)
{
    double now = clock_seconds();
    *bar = (progress){.label = label,
                      .all = all,
                      .started = now,
                      .shown = now,
                      .quiet = quiet,
                      .terminal = terminal_obeys(),
                      .utf8 = locale_is_utf8()};
    before_message = clear_line;
}

double progress_seconds(const progress *bar)
{
    return clock_seconds() - bar->started;
}

/* 65 -> 01:05, 3725 -> 1:02:05; not known -> ? */
static void put_time(double seconds, char *ret_text, size_t n_bytes)
{
    if (!(seconds >= 0 && seconds < 1e9)) {
        snprintf(ret_text, n_bytes, "?");
        return;
    }
    uint64_t whole = (uint64_t)seconds;
    unsigned minutes = (unsigned)(whole / 60 % 60), rest = (unsigned)(whole % 60);
    if (whole >= 3600) {
        snprintf(ret_text, n_bytes, "%" PRIu64 ":%02u:%02u", whole / 3600, minutes, rest);
    } else {
        snprintf(ret_text, n_bytes, "%02u:%02u", minutes, rest);
    }
}

static void put_bar(double fraction, unsigned cells, bool utf8, char *ret_text, size_t n_bytes)
{
    static const char *const eighths[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
    static const char *const tenths[] = {" ", "1", "2", "3", "4", "5", "6", "7", "8", "9", "#"};
    const char *const *parts = utf8 ? eighths : tenths;
    unsigned n_parts = utf8 ? 8 : 10;
    unsigned filled = (unsigned)(fraction * cells * n_parts);
    size_t used = 0;
    ret_text[0] = '\0';
    for (unsigned i = 0; i < cells && used + 4 < n_bytes; i++) {
        unsigned part = filled >= (i + 1) * n_parts ? n_parts
                        : filled > i * n_parts      ? filled - i * n_parts
                                                    : 0;
        used += (size_t)snprintf(ret_text + used, n_bytes - used, "%s", parts[part]);
    }
}

/* What follows the bar, from all that there is to nothing; false beyond the last form. */
static bool put_right(const progress *bar, unsigned form, const char *elapsed, const char *left,
                      const char *rate, char *ret_text, size_t n_bytes)
{
    switch (form) {
    case 0:
        snprintf(ret_text, n_bytes, "| %" PRIu64 "/%" PRIu64 " [%s<%s, %s]", bar->done, bar->all,
                 elapsed, left, rate);
        return true;
    case 1:
        snprintf(ret_text, n_bytes, "| %" PRIu64 "/%" PRIu64 " [%s<%s]", bar->done, bar->all,
                 elapsed, left);
        return true;
    case 2:
        snprintf(ret_text, n_bytes, "| [%s<%s]", elapsed, left);
        return true;
    case 3:
        snprintf(ret_text, n_bytes, "|");
        return true;
    default:
        return false;
    }
}

/* Without an end there is no bar; what does not fit is left out from the end. */
static void put_open_end(const progress *bar, unsigned width, const char *elapsed, const char *rate,
                         char *ret_text, size_t n_bytes)
{
    int n = snprintf(ret_text, n_bytes, "%s: %" PRIu64 "samples [%s, %s]", bar->label, bar->done,
                     elapsed, rate);
    if (width > 0 && n >= (int)width) {
        n = snprintf(ret_text, n_bytes, "%s: %" PRIu64 " [%s]", bar->label, bar->done, elapsed);
    }
    if (width > 0 && n >= (int)width) {
        snprintf(ret_text, width < n_bytes ? width : n_bytes, "%" PRIu64, bar->done);
    }
}

const char *progress_text(const progress *bar, double now, unsigned width, char *ret_text,
                          unsigned n_bytes)
{
    enum { LEAST_CELLS = 4 };
    char elapsed[32], left[32], rate_text[48], right[192], cells_text[512];
    const double seconds = now - bar->started;
    const double rate = seconds > 0 ? (double)bar->done / seconds : 0;
    const uint64_t rest = bar->all - (bar->done < bar->all ? bar->done : bar->all);
    put_time(seconds, elapsed, sizeof elapsed);
    put_time(rate > 0 ? (double)rest / rate : -1, left, sizeof left);
    snprintf(rate_text, sizeof rate_text, rate > 0 ? "%.1fsamples/s" : "?samples/s", rate);
    if (bar->all == 0) {
        put_open_end(bar, width, elapsed, rate_text, ret_text, n_bytes);
        return ret_text;
    }
    const double fraction = bar->done >= bar->all ? 1 : (double)bar->done / (double)bar->all;
    const unsigned used =
        (unsigned)snprintf(ret_text, n_bytes, "%s: %3d%%|", bar->label, (int)(fraction * 100));
    for (unsigned form = 0; put_right(bar, form, elapsed, left, rate_text, right, sizeof right);
         form++) {
        const unsigned others = used + (unsigned)strlen(right) + 1;
        if (width != 0 && width < others + LEAST_CELLS) {
            continue;
        }
        const unsigned cells = width == 0 ? 10 : width - others;
        put_bar(fraction, cells < 100 ? cells : 100, bar->utf8, cells_text, sizeof cells_text);
        snprintf(ret_text + used, n_bytes - used, "%s%s", cells_text, right);
        return ret_text;
    }
    snprintf(ret_text, width < n_bytes ? width : n_bytes, "%d%%", (int)(fraction * 100));
    return ret_text;
}

bool progress_mixes_with_stdout(void)
{
    struct stat out, err;
    return isatty(STDOUT_FILENO) && isatty(STDERR_FILENO) && fstat(STDOUT_FILENO, &out) == 0 &&
           fstat(STDERR_FILENO, &err) == 0 && out.st_rdev == err.st_rdev;
}

static void show(progress *bar, double now)
{
    char text[1024];
    bar->shown = now;
    if (!bar->terminal) {
        fprintf(stderr, "augstream: %s\n", progress_text(bar, now, 0, text, sizeof text));
        return;
    }
    struct winsize window;
    unsigned width = 80;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0) {
        width = window.ws_col;
    }
    flockfile(stderr);
    fprintf(stderr, "\r%s\033[K", progress_text(bar, now, width, text, sizeof text));
    fflush(stderr);
    on_screen = bar;
    funlockfile(stderr);
}

void progress_set(progress *bar, uint64_t done)
{
    bar->done = done;
    if (bar->quiet) {
        return;
    }
    double now = clock_seconds();
    if (now - bar->shown >= (bar->terminal ? 0.1 : 10.0)) {
        show(bar, now);
    }
}

void progress_end(progress *bar)
{
    if (!bar->quiet && bar->terminal) {
        show(bar, clock_seconds());
        fputc('\n', stderr);
    }
    on_screen = NULL;
}
