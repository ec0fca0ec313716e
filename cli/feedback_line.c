/* SPDX-License-Identifier: Apache-2.0 */
#include "feedback_line.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "exit_status.h"

enum { LINE_BYTES = 4096 };

#define ACCEPTED                                                                                   \
    "accepted: an object with any of samples, seconds, bytes, available_bytes, or an empty line"

static int refuse(unsigned long line, const char *what)
{
    complain(EXIT_DATA, "stdin, line %lu: %s; " ACCEPTED, line, what);
    return -1;
}

/* A number of bytes or samples; JSON numbers of other programs may have a fraction: 1e6, 1000.0. */
static bool take_count(const json_t *value, uint64_t *ret_count)
{
    const double number = json_number_value(value);
    if (!json_is_number(value) || !(number >= 0 && number < 0x1p63)) {
        return false;
    }
    *ret_count = json_is_integer(value) ? (uint64_t)json_integer_value(value) : (uint64_t)number;
    return true;
}

static int take_members(const json_t *object, unsigned long line, augs_feedback *feedback)
{
    const char *key;
    json_t *value;
    char what[160];
    json_object_foreach((json_t *)object, key, value)
    {
        bool good;
        if (strcmp(key, "seconds") == 0) {
            good = json_is_number(value) || json_is_null(value);
            feedback->seconds = json_is_number(value) ? json_number_value(value) : (double)NAN;
        } else if (strcmp(key, "samples") == 0) {
            good = take_count(value, &feedback->n_samples);
        } else if (strcmp(key, "bytes") == 0) {
            good = take_count(value, &feedback->bytes);
        } else if (strcmp(key, "available_bytes") == 0) {
            good = take_count(value, &feedback->available_bytes);
        } else {
            snprintf(what, sizeof what, "'%.60s' is unknown", key);
            return refuse(line, what);
        }
        if (!good) {
            snprintf(what, sizeof what, "'%.60s' is not a number%s", key,
                     json_is_number(value) ? " from 0 to 2^63" : "");
            return refuse(line, what);
        }
    }
    return 1;
}

int feedback_line_read(FILE *file, unsigned long *line, augs_feedback *ret_feedback)
{
    char text[LINE_BYTES];
    json_error_t error;
    size_t n = 0;
    int c = 0;
    while (n < sizeof text - 1 && c != '\n' && (c = getc(file)) != EOF) {
        text[n++] = (char)c;
    }
    text[n] = '\0';
    if (n == 0) {
        return 0;
    }
    ++*line;
    if (strlen(text) != n) {
        return refuse(*line, "it has a NUL byte");
    }
    if (n == sizeof text - 1 && c != '\n') {
        return refuse(*line, "it is longer than 4,095 bytes");
    }
    if (strspn(text, " \t\r\n") == n) {
        return 0;
    }
    json_t *object = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (object == NULL) {
        char what[JSON_ERROR_TEXT_LENGTH + 40];
        snprintf(what, sizeof what, "column %d: %s", error.column, error.text);
        return refuse(*line, what);
    }
    *ret_feedback = (augs_feedback){
        .size = sizeof *ret_feedback, .step = AUGS_STEP_LAST, .seconds = (double)NAN};
    int result = json_is_object(object) ? take_members(object, *line, ret_feedback)
                                        : refuse(*line, "it is no object");
    json_decref(object);
    return result;
}
