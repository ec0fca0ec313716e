/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/feedback_line.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "cli/exit_status.h"

enum { LINE_BYTES = 4096 };

#define ACCEPTED                                                                                   \
    "accepted: an object with any of step, part, outcome, retry, samples, seconds, bytes, "        \
    "available_bytes, or an empty line"

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

static bool take_seconds(const json_t *value, feedback_line *ret)
{
    ret->feedback.seconds = json_is_number(value) ? json_number_value(value) : (double)NAN;
    return json_is_number(value) || json_is_null(value);
}

static bool take_samples(const json_t *value, feedback_line *ret)
{
    return take_count(value, &ret->feedback.n_samples);
}

static bool take_bytes(const json_t *value, feedback_line *ret)
{
    return take_count(value, &ret->feedback.bytes);
}

static bool take_available(const json_t *value, feedback_line *ret)
{
    return take_count(value, &ret->feedback.available_bytes);
}

static bool take_step(const json_t *value, feedback_line *ret)
{
    return take_count(value, &ret->feedback.step);
}

static bool take_part(const json_t *value, feedback_line *ret)
{
    uint64_t part = 0;
    const bool good = take_count(value, &part) && part <= UINT32_MAX;
    ret->feedback.part = (uint32_t)part;
    return good;
}

static bool take_outcome(const json_t *value, feedback_line *ret)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    const bool fine = strcmp(text, "fine") == 0;
    ret->feedback.outcome = fine ? AUGS_OUTCOME_FINE : AUGS_OUTCOME_DID_NOT_FIT;
    return fine || strcmp(text, "did_not_fit") == 0;
}

static bool take_retry(const json_t *value, feedback_line *ret)
{
    ret->retry = json_is_true(value) || json_is_number(value);
    return json_is_boolean(value) ||
           (take_count(value, &ret->most_samples) && ret->most_samples > 0);
}

#define A_NUMBER "a number from 0 to 2^63"

static const struct member {
    const char *name;
    bool (*take)(const json_t *value, feedback_line *ret);
    const char *accepted;
} members[] = {
    {"step", take_step, A_NUMBER},
    {"part", take_part, "a number from 0 to 2^32 - 1"},
    {"outcome", take_outcome, "\"fine\" or \"did_not_fit\""},
    {"retry", take_retry, "true, false, or a number of samples from 1 on"},
    {"samples", take_samples, A_NUMBER},
    {"seconds", take_seconds, "a number"},
    {"bytes", take_bytes, A_NUMBER},
    {"available_bytes", take_available, A_NUMBER},
};

static int take_members(const json_t *object, unsigned long line, feedback_line *ret)
{
    const char *key;
    json_t *value;
    char what[160];
    json_object_foreach((json_t *)object, key, value)
    {
        const struct member *member = NULL;
        for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
            member = strcmp(members[i].name, key) == 0 ? &members[i] : member;
        }
        if (member == NULL) {
            snprintf(what, sizeof what, "'%.60s' is unknown", key);
            return refuse(line, what);
        }
        if (!member->take(value, ret)) {
            snprintf(what, sizeof what, "'%.60s' is not %s", key, member->accepted);
            return refuse(line, what);
        }
    }
    if (json_object_get(object, "part") != NULL && json_object_get(object, "step") == NULL) {
        return refuse(line, "'part' is told without 'step'");
    }
    if (ret->retry && json_object_get(object, "outcome") != NULL &&
        ret->feedback.outcome == AUGS_OUTCOME_FINE) {
        return refuse(line, "a batch whose outcome is fine is not given again");
    }
    ret->feedback.outcome = ret->retry ? AUGS_OUTCOME_DID_NOT_FIT : ret->feedback.outcome;
    return 1;
}

int feedback_line_read(FILE *file, unsigned long *line, feedback_line *ret_line)
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
    *ret_line = (feedback_line){.feedback = {.size = sizeof ret_line->feedback,
                                             .step = AUGS_STEP_LAST,
                                             .seconds = (double)NAN}};
    int result = json_is_object(object) ? take_members(object, *line, ret_line)
                                        : refuse(*line, "it is no object");
    json_decref(object);
    return result;
}
