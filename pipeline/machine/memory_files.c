/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/machine/memory_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/number_text.h"

static bool same_file(const augsi_kept_file *file)
{
    struct stat status;
    return fstat(file->fd, &status) == 0 && (uint64_t)status.st_dev == file->device &&
           (uint64_t)status.st_ino == file->inode;
}

void augsi_kept_open(augsi_kept_file *ret_file, const char *path)
{
    struct stat status;
    *ret_file = AUGSI_NO_FILE;
    /* a fifo in the place of a file must not block */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return;
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return;
    }
    ret_file->fd = fd;
    ret_file->device = (uint64_t)status.st_dev;
    ret_file->inode = (uint64_t)status.st_ino;
}

void augsi_kept_close(augsi_kept_file *file)
{
    if (file->fd >= 0 && same_file(file)) {
        close(file->fd);
    }
    *file = AUGSI_NO_FILE;
}

/* The kernel makes a file of this kind in one piece, and hands it out in one as far as it fits. */
bool augsi_kept_read(const augsi_kept_file *file, char *ret_text, size_t n_bytes)
{
    ssize_t n_read = -1;
    if (file->fd >= 0 && same_file(file)) {
        do {
            n_read = pread(file->fd, ret_text, n_bytes - 1, 0);
        } while (n_read < 0 && errno == EINTR);
    }
    size_t n = n_read > 0 ? (size_t)n_read : 0;
    if (n == n_bytes - 1) { /* half a number would be a wrong one */
        while (n > 0 && ret_text[n - 1] != '\n') {
            n--;
        }
    }
    ret_text[n] = '\0';
    return n_read >= 0;
}

bool augsi_file_read(const char *path, char *ret_text, size_t n_bytes)
{
    augsi_kept_file file;
    augsi_kept_open(&file, path);
    bool done = augsi_kept_read(&file, ret_text, n_bytes);
    if (file.fd >= 0) {
        close(file.fd);
    }
    return done;
}

static bool ends_number(char byte)
{
    return byte == '\0' || byte == ' ' || byte == '\t' || byte == '\n';
}

/* As augsi_leading_number; *text moves behind the number. */
static uint64_t take_number(const char **text)
{
    const char *p = *text;
    uint64_t number;
    while (*p == ' ' || *p == '\t') {
        p++;
    }
    const char *begin = p;
    while (*p >= '0' && *p <= '9') {
        p++;
    }
    *text = p;
    if (p == begin || !ends_number(*p) || !augsi_parse_u64(begin, (size_t)(p - begin), &number)) {
        return AUGSI_UNKNOWN;
    }
    return number;
}

uint64_t augsi_leading_number(const char *text)
{
    return take_number(&text);
}

/* The number of a line whose key ends at `text`. */
static uint64_t line_number(const char *text)
{
    text += *text == ':';
    uint64_t number = take_number(&text);
    if (number != AUGSI_UNKNOWN && strncmp(text, " kB", 3) == 0) {
        return number <= UINT64_MAX / 1024 ? number * 1024 : AUGSI_UNKNOWN;
    }
    return number;
}

void augsi_keyed_numbers(const char *text, const char *const *keys, size_t n_keys,
                         uint64_t *ret_numbers)
{
    for (size_t i = 0; i < n_keys; i++) {
        ret_numbers[i] = AUGSI_UNKNOWN;
    }
    size_t n_left = n_keys;
    while (n_left > 0 && *text != '\0') {
        size_t n_key = strcspn(text, ": \t\n");
        for (size_t i = 0; i < n_keys; i++) {
            if (ret_numbers[i] == AUGSI_UNKNOWN && strncmp(text, keys[i], n_key) == 0 &&
                keys[i][n_key] == '\0') {
                ret_numbers[i] = line_number(text + n_key);
                n_left -= ret_numbers[i] != AUGSI_UNKNOWN;
            }
        }
        text += n_key;
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
}

double augsi_pressure_avg10(const char *text, const char *word)
{
    static const char field[] = " avg10=";
    size_t n_word = strlen(word);
    while (*text != '\0') {
        if (strncmp(text, word, n_word) == 0 &&
            strncmp(text + n_word, field, sizeof field - 1) == 0) {
            const char *number = text + n_word + sizeof field - 1;
            double percent;
            if (augsi_parse_f64(number, strcspn(number, " \n"), &percent) && percent >= 0 &&
                percent <= 100) {
                return percent;
            }
            return -1;
        }
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return -1;
}

bool augsi_lines_open(augsi_lines *lines, const char *path)
{
    lines->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    lines->begin = lines->end = 0;
    lines->dropping = false;
    return lines->fd >= 0;
}

/* More bytes behind those that are there; false at the end of the file. */
static bool fill(augsi_lines *lines)
{
    ssize_t n;
    memmove(lines->data, lines->data + lines->begin, lines->end - lines->begin);
    lines->end -= lines->begin;
    lines->begin = 0;
    if (lines->end == sizeof lines->data - 1) {
        lines->end = 0;
        lines->dropping = true;
    }
    do {
        n = read(lines->fd, lines->data + lines->end, sizeof lines->data - 1 - lines->end);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        return false;
    }
    lines->end += (size_t)n;
    return true;
}

char *augsi_lines_next(augsi_lines *lines)
{
    for (;;) {
        char *line = lines->data + lines->begin;
        char *newline = memchr(line, '\n', lines->end - lines->begin);
        if (newline == NULL && !fill(lines)) {
            line = lines->data;
            newline = lines->data + lines->end;
            if (lines->end == 0 || lines->dropping) {
                return NULL;
            }
            *newline = '\0';
            lines->begin = lines->end = 0;
            return line;
        }
        if (newline != NULL) {
            bool whole = !lines->dropping;
            lines->begin = (size_t)(newline + 1 - lines->data);
            lines->dropping = false;
            if (whole) {
                *newline = '\0';
                return line;
            }
        }
    }
}

void augsi_lines_close(augsi_lines *lines)
{
    if (lines->fd >= 0) {
        close(lines->fd);
        lines->fd = -1;
    }
}
