/* SPDX-License-Identifier: Apache-2.0 */
#include "offline/chunk_lines.h"

#include <string.h>
#include <unistd.h>

#include "base/fail.h"

#define BUFFER_BYTES ((size_t)64 * 1024)

int augsi_line_reader_open(const augsi_folder *folder, const char *name,
                           augsi_line_reader *ret_lines, augs_error *error)
{
    augsi_line_reader lines = {
        .folder = folder, .capacity = BUFFER_BYTES, .most_bytes = BUFFER_BYTES};
    int status = augsi_folder_open_file(folder, name, &lines.file, error);
    if (status < 0) {
        return status;
    }
    lines.buffer = augsi_new_slab(&folder->allocator, lines.capacity);
    if (lines.buffer == NULL) {
        augsi_folder_close_file(&lines.file);
        return augsi_fail_memory(error, lines.capacity);
    }
    *ret_lines = lines;
    return AUGS_OK;
}

void augsi_line_reader_done(augsi_line_reader *lines)
{
    if (lines->buffer != NULL) {
        augsi_delete(&lines->folder->allocator, lines->buffer, lines->capacity);
        augsi_folder_close_file(&lines->file);
        lines->buffer = NULL;
    }
}

void augsi_line_reader_limit(augsi_line_reader *lines, size_t most_bytes)
{
    lines->most_bytes = most_bytes;
}

void augsi_line_reader_seek(augsi_line_reader *lines, uint64_t offset)
{
    lines->at = offset;
    lines->begin = lines->end = 0;
}

uint64_t augsi_line_reader_offset(const augsi_line_reader *lines)
{
    return lines->at + lines->begin;
}

/* Moves what is left to the front and doubles the buffer if it is full. */
static int make_space(augsi_line_reader *lines, augs_error *error)
{
    memmove(lines->buffer, lines->buffer + lines->begin, lines->end - lines->begin);
    lines->at += lines->begin;
    lines->end -= lines->begin;
    lines->begin = 0;
    if (lines->end < lines->capacity) {
        return AUGS_OK;
    }
    const augs_allocator *allocator = &lines->folder->allocator;
    char *larger = augsi_new_slab(allocator, lines->capacity * 2);
    if (larger == NULL) {
        return augsi_fail_memory(error, lines->capacity * 2);
    }
    memcpy(larger, lines->buffer, lines->end);
    augsi_delete(allocator, lines->buffer, lines->capacity);
    lines->buffer = larger;
    lines->capacity *= 2;
    return AUGS_OK;
}

int augsi_line_reader_next(augsi_line_reader *lines, const char **ret_line, size_t *ret_n_bytes,
                           augs_error *error)
{
    size_t looked = 0;
    for (;;) {
        const char *begin = lines->buffer + lines->begin;
        size_t n = lines->end - lines->begin;
        const char *stop = n > looked ? memchr(begin + looked, '\n', n - looked) : NULL;
        size_t n_line = stop != NULL ? (size_t)(stop - begin) + 1 : n;
        if (n_line > lines->most_bytes) {
            return augsi_fail(error, AUGS_E_CORRUPT, "a line has more than %zu bytes",
                              lines->most_bytes);
        }
        if (stop != NULL) {
            *ret_line = begin;
            *ret_n_bytes = n_line;
            lines->begin += n_line;
            return 1;
        }
        looked = n;
        int status = make_space(lines, error);
        if (status < 0) {
            return status;
        }
        int64_t got =
            augsi_folder_read_at(lines->folder, &lines->file, lines->at + lines->end,
                                 lines->buffer + lines->end, lines->capacity - lines->end, error);
        if (got <= 0) {
            return (int)got;
        }
        lines->end += (size_t)got;
    }
}

/* ---- rewriting ---- */

int augsi_rewrite_begin(augsi_folder *folder, const char *name, const char *suffix,
                        augsi_rewrite *ret_rewrite, augs_error *error)
{
    augsi_rewrite rewrite = {.folder = folder, .name = name, .suffix = suffix, .there = {-1, 0}};
    augs_error inner;
    int status = AUGS_E_NOT_FOUND;
    if (!augsi_folder_is_link(folder, name)) {
        status = augsi_folder_open_file(folder, name, &rewrite.there, &inner);
    }
    if (status < 0 && status != AUGS_E_NOT_FOUND) {
        return augsi_fail(error, status, "'%s/%s': %s", folder->path, name, inner.message);
    }
    rewrite.pending = augsi_new_slab(&folder->allocator, BUFFER_BYTES);
    rewrite.compared = augsi_new_slab(&folder->allocator, BUFFER_BYTES);
    *ret_rewrite = rewrite;
    if (rewrite.pending == NULL || rewrite.compared == NULL) {
        augsi_rewrite_done(ret_rewrite);
        return augsi_fail_memory(error, BUFFER_BYTES);
    }
    return AUGS_OK;
}

/* The draft begins with what was right. */
static int begin_draft(augsi_rewrite *rewrite, augs_error *error)
{
    augsi_folder *folder = rewrite->folder;
    int status =
        augsi_folder_draft_begin(folder, rewrite->name, rewrite->suffix, &rewrite->draft, error);
    rewrite->differs = status == AUGS_OK;
    for (uint64_t at = 0; at < rewrite->n_same && status == AUGS_OK;) {
        uint64_t left = rewrite->n_same - at;
        size_t n = left < BUFFER_BYTES ? (size_t)left : BUFFER_BYTES;
        int64_t got =
            augsi_folder_read_at(folder, &rewrite->there, at, rewrite->compared, n, error);
        if (got != (int64_t)n) {
            return got < 0
                       ? (int)got
                       : augsi_fail(error, AUGS_E_IO, "'%s/%s' became shorter while it was read",
                                    folder->path, rewrite->name);
        }
        status = augsi_folder_draft_write(folder, &rewrite->draft, rewrite->compared, n, error);
        rewrite->differs = status == AUGS_OK;
        at += n;
    }
    return status;
}

static int flush_pending(augsi_rewrite *rewrite, augs_error *error)
{
    size_t n = rewrite->n_pending;
    int status = AUGS_OK;
    if (n == 0) {
        return AUGS_OK;
    }
    if (!rewrite->differs) {
        int64_t got = rewrite->there.fd < 0
                          ? 0
                          : augsi_folder_read_at(rewrite->folder, &rewrite->there, rewrite->n_same,
                                                 rewrite->compared, n, error);
        if (got < 0) {
            return (int)got;
        }
        if (got == (int64_t)n && memcmp(rewrite->compared, rewrite->pending, n) == 0) {
            rewrite->n_same += n;
            rewrite->n_pending = 0;
            return AUGS_OK;
        }
        status = begin_draft(rewrite, error);
    }
    if (status == AUGS_OK) {
        status =
            augsi_folder_draft_write(rewrite->folder, &rewrite->draft, rewrite->pending, n, error);
        rewrite->differs = status == AUGS_OK;
    }
    rewrite->n_pending = 0;
    return status;
}

int augsi_rewrite_add(augsi_rewrite *rewrite, const void *data, size_t n_bytes, augs_error *error)
{
    const char *p = data;
    while (n_bytes > 0) {
        size_t space = BUFFER_BYTES - rewrite->n_pending, n = n_bytes < space ? n_bytes : space;
        memcpy(rewrite->pending + rewrite->n_pending, p, n);
        rewrite->n_pending += n;
        p += n;
        n_bytes -= n;
        if (rewrite->n_pending == BUFFER_BYTES) {
            int status = flush_pending(rewrite, error);
            if (status < 0) {
                return status;
            }
        }
    }
    return AUGS_OK;
}

int augsi_rewrite_end(augsi_rewrite *rewrite, augs_error *error)
{
    int status = flush_pending(rewrite, error);
    if (status < 0) {
        return status;
    }
    if (!rewrite->differs) {
        if (rewrite->there.fd >= 0 && rewrite->there.n_bytes == rewrite->n_same) {
            return 0;
        }
        status = begin_draft(rewrite, error);
        if (status < 0) {
            return status;
        }
    }
    rewrite->differs = false;
    status = augsi_folder_draft_end(rewrite->folder, &rewrite->draft, error);
    return status < 0 ? status : 1;
}

void augsi_rewrite_done(augsi_rewrite *rewrite)
{
    const augs_allocator *allocator = &rewrite->folder->allocator;
    if (rewrite->differs) {
        augsi_folder_draft_drop(rewrite->folder, &rewrite->draft);
    }
    if (rewrite->there.fd >= 0) {
        augsi_folder_close_file(&rewrite->there);
    }
    augsi_delete(allocator, rewrite->pending, BUFFER_BYTES);
    augsi_delete(allocator, rewrite->compared, BUFFER_BYTES);
    *rewrite = (augsi_rewrite){.folder = rewrite->folder, .there = {-1, 0}};
}
