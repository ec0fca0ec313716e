/* SPDX-License-Identifier: Apache-2.0 */
/* The form is tqdm's: "label:  45%|####5     | 450/1000 [00:03<00:04, 123.4samples/s]". */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "exit_status.h"

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
                      .terminal = isatty(STDERR_FILENO) != 0,
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

const char *progress_text(const progress *bar, double now, unsigned width, char *ret_text,
                          unsigned n_bytes)
{
    char elapsed[32], left[32], rate_text[48], right[192];
    double seconds = now - bar->started;
    double rate = seconds > 0 ? (double)bar->done / seconds : 0;
    put_time(seconds, elapsed, sizeof elapsed);
    if (rate > 0) {
        snprintf(rate_text, sizeof rate_text, "%.1fsamples/s", rate);
    } else {
        snprintf(rate_text, sizeof rate_text, "?samples/s");
    }
    if (bar->all == 0) {
        snprintf(ret_text, n_bytes, "%s: %" PRIu64 "samples [%s, %s]", bar->label, bar->done,
                 elapsed, rate_text);
        return ret_text;
    }
    double fraction = bar->done >= bar->all ? 1 : (double)bar->done / (double)bar->all;
    put_time(rate > 0 ? (double)(bar->all - (bar->done < bar->all ? bar->done : bar->all)) / rate
                      : -1,
             left, sizeof left);
    snprintf(right, sizeof right, "| %" PRIu64 "/%" PRIu64 " [%s<%s, %s]", bar->done, bar->all,
             elapsed, left, rate_text);
    int used = snprintf(ret_text, n_bytes, "%s: %3d%%|", bar->label, (int)(fraction * 100));
    if (used < 0 || (unsigned)used >= n_bytes) {
        return ret_text;
    }
    unsigned others = (unsigned)used + (unsigned)strlen(right);
    unsigned cells = width == 0 ? 10 : width > others + 2 ? width - others - 1 : 1;
    char cells_text[512];
    put_bar(fraction, cells < 100 ? cells : 100, bar->utf8, cells_text, sizeof cells_text);
    snprintf(ret_text + used, n_bytes - (unsigned)used, "%s%s", cells_text, right);
    return ret_text;
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
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 20) {
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
