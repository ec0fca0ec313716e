/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/file.h"
#include "cli/exit_status.h"
#include "cli/options/options.h"

/* The last line covers every byte before it, so a changed count is found, too. */
#define CHECK_LINE "check "
enum { CHECK_LINE_BYTES = sizeof CHECK_LINE - 1 + 8 + 1 };

static void put_check(const char *text, size_t n_bytes, char ret_line[CHECK_LINE_BYTES + 1])
{
    const unsigned long sum = crc32(crc32(0, NULL, 0), (const Bytef *)text, (uInt)n_bytes);
    snprintf(ret_line, CHECK_LINE_BYTES + 1, CHECK_LINE "%08lx\n", sum & 0xffffffffUL);
}

int token_file_write(const char *path, const token_record *record)
{
    char text[AUGS_TOKEN_BYTES + 128], *temporary = NULL;
    size_t n = (size_t)snprintf(text, sizeof text, "%s\n", record->token);
    if (record->has_out) {
        n += (size_t)snprintf(text + n, sizeof text - n, "out %s %" PRIu64 "\n", record->format,
                              record->out_bytes);
    }
    if (record->has_ids) {
        n += (size_t)snprintf(text + n, sizeof text - n, "ids %" PRIu64 "\n", record->n_ids);
    }
    put_check(text, n, text + n);
    n += CHECK_LINE_BYTES;
    if (asprintf(&temporary, "%s.tmp", path) < 0) {
        return complain(EXIT_FAILED, "no memory for the token file's name");
    }
    augsi_draft draft;
    int errnum = augsi_draft_create(&draft, AT_FDCWD, temporary, 0666, false, true);
    if (errnum == 0) {
        errnum = augsi_draft_write(&draft, text, n, NULL);
        if (errnum == 0) {
            errnum = augsi_draft_finish(&draft, path, false, NULL);
        } else {
            augsi_draft_drop(&draft, NULL);
        }
    }
    free(temporary);
    return errnum == 0 ? EXIT_DONE
                       : complain(EXIT_FAILED, "--token-file '%s': %s", path, strerror(errnum));
}

/* Cuts the last line off if it is the check of the lines before it. */
static bool take_check(char *text, size_t n_bytes)
{
    char check[CHECK_LINE_BYTES + 1];
    if (n_bytes < CHECK_LINE_BYTES || memchr(text, '\0', n_bytes) != NULL) {
        return false;
    }
    const size_t n = n_bytes - CHECK_LINE_BYTES;
    put_check(text, n, check);
    if (strcmp(text + n, check) != 0) {
        return false;
    }
    text[n] = '\0';
    return true;
}

/* One line behind the token; false if it is not understood. */
static bool read_line(token_record *record, char *line)
{
    char *rest = NULL;
    const char *first = strtok_r(line, " ", &rest);
    const char *second = strtok_r(NULL, " ", &rest);
    const char *third = strtok_r(NULL, " ", &rest);
    if (first == NULL) {
        return true;
    }
    if (strcmp(first, "out") == 0 && third != NULL && strlen(second) < sizeof record->format) {
        strcpy(record->format, second);
        record->has_out = true;
        return parse_whole(third, &record->out_bytes);
    }
    if (strcmp(first, "ids") == 0 && second != NULL && third == NULL) {
        record->has_ids = true;
        return parse_whole(second, &record->n_ids);
    }
    return false;
}

int token_file_read(const char *path, token_record *ret_record, bool *ret_exists)
{
    char text[AUGS_TOKEN_BYTES + 256];
    FILE *file = fopen(path, "r");
    *ret_exists = file != NULL;
    *ret_record = (token_record){.has_out = false};
    if (file == NULL) {
        return errno == ENOENT
                   ? EXIT_DONE
                   : complain(EXIT_FAILED, "--token-file '%s': %s", path, strerror(errno));
    }
    size_t n = fread(text, 1, sizeof text - 1, file);
    bool good = !ferror(file) && n < sizeof text - 1;
    fclose(file);
    text[n] = '\0';
    if (good && !take_check(text, n)) {
        return complain(EXIT_DATA,
                        "'%s' is no file of --token-file, or it was changed: its last line has to "
                        "be 'check SUM' of the lines before it",
                        path);
    }
    char *rest = NULL;
    const char *token = strtok_r(text, "\r\n", &rest);
    good = good && token != NULL && strlen(token) < sizeof ret_record->token;
    if (good) {
        strcpy(ret_record->token, token);
    }
    for (char *line; good && (line = strtok_r(NULL, "\r\n", &rest)) != NULL;) {
        good = read_line(ret_record, line);
    }
    return good ? EXIT_DONE
                : complain(EXIT_DATA,
                           "'%s' is no file of --token-file: accepted is a token on the "
                           "first line, then 'out FORMAT BYTES' and 'ids COUNT', then 'check SUM'",
                           path);
}
