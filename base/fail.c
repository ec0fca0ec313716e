/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fail.h"
#include "base/float_env.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

const char *augs_status_name(int status)
{
    switch (status) {
#define AUGS_STATUS_CASE(code, number, text)                                                       \
    case number:                                                                                   \
        return #code;
        AUGS_STATUS_MAP(AUGS_STATUS_CASE)
#undef AUGS_STATUS_CASE
    default:
        return "AUGS_E_UNKNOWN";
    }
}

const char *augs_status_text(int status)
{
    switch (status) {
#define AUGS_STATUS_CASE(code, number, text)                                                       \
    case number:                                                                                   \
        return text;
        AUGS_STATUS_MAP(AUGS_STATUS_CASE)
#undef AUGS_STATUS_CASE
    default:
        return "unknown status";
    }
}

/* vsnprintf may cut a UTF-8 sequence in two: drop the half. */
static void trim_partial_character(char *text, size_t n_bytes)
{
    size_t end = strnlen(text, n_bytes);
    size_t start = end;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80) {
        start--;
    }
    if (start == 0) {
        return;
    }
    unsigned char lead = (unsigned char)text[start - 1];
    size_t want = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    if (end - start < want) {
        text[start - 1] = '\0';
    }
}

/* The first n_bytes of the message hold what fits of it. */
static void write_message(augs_error *error, int status, size_t n_bytes, const char *format,
                          va_list arguments)
{
    error->status = status;
    int n = vsnprintf(error->message, n_bytes, format, arguments);
    if (n < 0) {
        error->message[0] = '\0';
    } else if ((size_t)n >= n_bytes) {
        trim_partial_character(error->message, n_bytes);
    }
}

int augsi_fail(augs_error *error, int status, const char *format, ...)
{
    if (error != NULL) {
        va_list arguments;
        va_start(arguments, format);
        write_message(error, status, sizeof error->message, format, arguments);
        va_end(arguments);
    }
    return status;
}

int augsi_fail_errno(augs_error *error, int status, int errnum, const char *format, ...)
{
    if (errnum == ENOSPC || errnum == EDQUOT) {
        status = AUGS_E_NO_SPACE;
    } else if (errnum == ENOMEM) {
        status = AUGS_E_NO_MEMORY;
    }
    if (error != NULL) {
        char text[96];
        const char *reason = strerror_r(errnum, text, sizeof text);
        va_list arguments;
        va_start(arguments, format);
        write_message(error, status, sizeof error->message - strlen(": ") - strlen(reason), format,
                      arguments);
        va_end(arguments);
        size_t used = strlen(error->message);
        snprintf(error->message + used, sizeof error->message - used, ": %s", reason);
    }
    return status;
}

int augsi_fail_memory(augs_error *error, size_t n_bytes)
{
    return augsi_fail(error, AUGS_E_NO_MEMORY, "no memory for %zu bytes", n_bytes);
}

void augsi_log(const augs_logger *logger, uint32_t level, const char *format, ...)
{
    if (logger == NULL || logger->function == NULL) {
        return;
    }
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (n >= 0) {
        if ((size_t)n >= sizeof message) {
            trim_partial_character(message, sizeof message);
        }
        AUGSI_CALLER_BEGIN;
        logger->function(logger->user, level, message);
        AUGSI_CALLER_END;
    }
}
