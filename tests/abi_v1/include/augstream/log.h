/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUGSTREAM_LOG_H
#define AUGSTREAM_LOG_H

#include <stdint.h>

#include <augstream/export.h>

AUGS_BEGIN_DECLS

/* Levels of a message, from the least important on. */
#define AUGS_LOG_DEBUG 0u
#define AUGS_LOG_INFO 1u
#define AUGS_LOG_WARNING 2u
#define AUGS_LOG_ERROR 3u

/*
 * Where messages that are not errors go. The library itself prints nothing.
 * Any thread of the object that got the logger may call the function.
 */
typedef struct augs_logger {
    /* `message` is one line without a newline, valid during the call. `level`
     * is AUGS_LOG_... NULL = no messages. */
    void (*function)(void *user, uint32_t level, const char *message);
    void *user; /* handed to the function; may be NULL */
} augs_logger;

AUGS_END_DECLS

#endif
