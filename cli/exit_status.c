/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/exit_status.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/shown_text.h"

void (*before_message)(void);

int exit_status_of(int status)
{
    switch (status) {
    case AUGS_E_ARGUMENT:
    case AUGS_E_RANGE:
        return EXIT_USAGE;
    case AUGS_E_PRESET:
    case AUGS_E_NOT_FOUND:
    case AUGS_E_ADDRESS:
    case AUGS_E_REFUSED:
    case AUGS_E_UNSUPPORTED:
        return EXIT_CONFIGURATION;
    case AUGS_E_CANCELLED:
    case AUGS_E_PLAN: /* of the command: a replay whose journal is not finished */
        return EXIT_PARTLY;
    case AUGS_E_TOKEN:
    case AUGS_E_CORRUPT:
    case AUGS_E_MISMATCH:
        return EXIT_DATA;
    case AUGS_E_BUSY:
    case AUGS_E_NETWORK:
    case AUGS_E_TIMEOUT:
        return EXIT_TRY_AGAIN;
    default:
        return status < 0 ? EXIT_FAILED : EXIT_DONE;
    }
}

bool may_color(void)
{
    const char *no_color = getenv("NO_COLOR");
    return (no_color == NULL || no_color[0] == '\0') && terminal_obeys();
}

bool terminal_obeys(void)
{
    const char *terminal = getenv("TERM");
    return terminal != NULL && terminal[0] != '\0' && strcmp(terminal, "dumb") != 0 &&
           isatty(STDERR_FILENO);
}

static void put_line(FILE *file, bool is_error, const char *text)
{
    bool color = is_error && may_color();
    fputs(color ? "\033[1;31maugstream:\033[0m " : "augstream: ", file);
    shown_put(file, text);
    fputc('\n', file);
}

/* The line goes out in one write: others may write to the same terminal or log. */
static void print_line(bool is_error, const char *format, va_list arguments)
{
    flockfile(stderr); /* the bar may be another thread's */
    if (before_message != NULL) {
        before_message();
    }
    char *text = NULL, *line = NULL;
    size_t n_line = 0;
    const int n = vasprintf(&text, format, arguments);
    FILE *memory = n >= 0 ? open_memstream(&line, &n_line) : NULL;
    if (memory != NULL) {
        put_line(memory, is_error, text);
    }
    if (memory != NULL && fclose(memory) == 0) {
        fwrite(line, 1, n_line, stderr);
    } else {
        put_line(stderr, is_error, n >= 0 ? text : "no memory for a message");
    }
    free(line);
    if (n >= 0) {
        free(text);
    }
    funlockfile(stderr);
}

int complain(int exit_status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(true, format, arguments);
    va_end(arguments);
    return exit_status;
}

int complain_error(const augs_error *error)
{
    return complain(exit_status_of(error->status), "%s", error->message);
}

void tell(bool quiet, const char *format, ...)
{
    if (!quiet) {
        va_list arguments;
        va_start(arguments, format);
        print_line(false, format, arguments);
        va_end(arguments);
    }
}
