/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUGSTREAM_LOG_H
#define AUGSTREAM_LOG_H

#include <stdint.h>

#include <augstream/export.h>

AUGS_BEGIN_DECLS

#define AUGS_LOG_DEBUG 0u
#define AUGS_LOG_INFO 1u
#define AUGS_LOG_WARNING 2u
#define AUGS_LOG_ERROR 3u

/*
 * The library prints nothing; what it has to tell besides errors goes to this hook. `message` is
 * one line without a newline and lives for the call. A NULL function is silence. May be called from
 * any thread of the object it was given to.
 */
typedef struct augs_logger {
    void (*function)(void *user, uint32_t level, const char *message);
    void *user;
} augs_logger;

AUGS_END_DECLS

#endif
