/* SPDX-License-Identifier: Apache-2.0 */
/* Making errors. */
#ifndef AUGSI_FAIL_H
#define AUGSI_FAIL_H

#include <stddef.h>

#include <augstream/log.h>
#include <augstream/status.h>

/* Writes status and message (cut at a character boundary if too long) if error is not NULL; returns
 * status. */
int augsi_fail(augs_error *error, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with ": strerror(errnum)" appended, for which a long message is cut; ENOSPC and EDQUOT turn into AUGS_E_NO_SPACE. */
int augsi_fail_errno(augs_error *error, int status, int errnum, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
int augsi_fail_memory(augs_error *error, size_t n_bytes);

void augsi_log(const augs_logger *logger, uint32_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
