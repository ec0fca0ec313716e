/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statuses and errors.
 *
 * A function that can fail returns int. 0 or a positive number is success, and
 * a negative number is one of AUGS_E_... The numbers never change. Hundreds are
 * families: 1 the caller, 2 memory, 3 presets, 4 files, 5 network, 6 the run,
 * 9 defects of augstream.
 *
 *     augs_error error;
 *     int status = augs_preset_open("moderate", NULL, &preset, &error);
 *     if (status == AUGS_E_NOT_FOUND) {
 *         fprintf(stderr, "%s\n", error.message); // names the nearest preset
 *     } else if (status < 0) {
 *         fprintf(stderr, "%s: %s\n", augs_status_name(status), error.message);
 *     }
 *
 * Arguments that a comment does not say may be NULL must not be NULL. Functions
 * that return a status answer a NULL with AUGS_E_ARGUMENT. Functions that
 * return something else may crash, unless their comment says what they do.
 * Arguments named ret_... are written on success only, unless a comment says
 * something else.
 */
#ifndef AUGSTREAM_STATUS_H
#define AUGSTREAM_STATUS_H

#include <stdint.h>

#include <augstream/export.h>

AUGS_BEGIN_DECLS

/* X(code, number, text) */
#define AUGS_STATUS_MAP(X)                                                                         \
    X(AUGS_OK, 0, "success")                                                                       \
    X(AUGS_E_ARGUMENT, -101, "an argument is not acceptable")                                      \
    X(AUGS_E_RANGE, -102, "a number is outside of its range")                                      \
    X(AUGS_E_STATE, -103, "the object is not in a state that allows this call")                    \
    X(AUGS_E_UNSUPPORTED, -104, "this build or this contract does not support it")                 \
    X(AUGS_E_NO_MEMORY, -201, "the allocator has no memory left")                                  \
    X(AUGS_E_MEMORY, -202, "the memory limit is exceeded")                                         \
    X(AUGS_E_PRESET, -301, "the preset has faults")                                                \
    X(AUGS_E_NOT_FOUND, -302, "there is nothing of that name")                                     \
    X(AUGS_E_TOKEN, -303, "the resume token is malformed or belongs to another stream")            \
    X(AUGS_E_IO, -401, "reading or writing failed")                                                \
    X(AUGS_E_NO_SPACE, -402, "no space is left")                                                   \
    X(AUGS_E_CORRUPT, -403, "the data is corrupt")                                                 \
    X(AUGS_E_MISMATCH, -404, "the data belongs to another stream")                                 \
    X(AUGS_E_BUSY, -405, "another process is at work there")                                       \
    X(AUGS_E_NETWORK, -501, "the network failed")                                                  \
    X(AUGS_E_TIMEOUT, -502, "nobody answered in time")                                             \
    X(AUGS_E_PROTOCOL, -503, "the peer broke the protocol")                                        \
    X(AUGS_E_REFUSED, -504, "the peer refused the request")                                        \
    X(AUGS_E_ADDRESS, -505, "the endpoint cannot be used")                                         \
    X(AUGS_E_CANCELLED, -601, "the caller asked to stop")                                          \
    X(AUGS_E_CALLBACK, -602, "a callback reported a failure")                                      \
    X(AUGS_E_PLAN, -603, "the strategy planned a span that it may not plan")                       \
    X(AUGS_E_INTERNAL, -901, "a defect of augstream: please report it")

enum augs_status_codes {
#define AUGS_STATUS_ENUM(code, number, text) code = (number),
    AUGS_STATUS_MAP(AUGS_STATUS_ENUM)
#undef AUGS_STATUS_ENUM
};

/*
 * Where a function that fails writes what was wrong, where, and what it would
 * accept. The struct is the caller's, usually on the stack. Every function
 * takes NULL for it. It is written on failure only.
 */
typedef struct augs_error {
    int32_t status;     /* the AUGS_E_... that the function returned */
    char message[1024]; /* UTF-8 with its NUL, no newline at the end */
} augs_error;

/*
 * Returns the name of a status, such as "AUGS_E_RANGE" for -102. Returns
 * "AUGS_E_UNKNOWN" for a number that is not in the list. The text is static
 * memory. Any thread.
 */
AUGS_API const char *augs_status_name(int status);

/*
 * Returns the sentence of a status from the list above. A number that is not in
 * the list gets a sentence that says so. The text is static memory. Any thread.
 */
AUGS_API const char *augs_status_text(int status);

AUGS_END_DECLS

#endif
