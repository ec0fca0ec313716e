/* SPDX-License-Identifier: Apache-2.0 */
/* Folders of chunks for tests: a temporary place, and folders compared byte by byte. */
#ifndef AUGS_TEST_CHUNK_FIXTURE_H
#define AUGS_TEST_CHUNK_FIXTURE_H

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <augstream/chunks.h>

#include "suite.h"

#define PATH_BYTES 512

static inline augs_stream *open_stream_of(const char *preset_name, uint64_t seed,
                                          uint64_t n_samples, uint32_t order)
{
    augs_error error;
    augs_preset *preset;
    augs_stream *stream;
    augs_stream_options options = {
        .size = sizeof options, .seed = seed, .n_samples = n_samples, .order = order};
    AUGS_ASSERT_OK(augs_preset_open(preset_name, NULL, &preset, &error), error);
    AUGS_ASSERT_OK(augs_stream_open(preset, &options, &stream, &error), error);
    augs_preset_unref(preset);
    return stream;
}

static inline void make_place(char place[PATH_BYTES])
{
    const char *base = getenv("TMPDIR");
    snprintf(place, PATH_BYTES, "%s/augs-chunks-XXXXXX", base != NULL ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(place));
}

static inline void path_in(char path[PATH_BYTES], const char *folder, const char *name)
{
    int n = snprintf(path, PATH_BYTES, "%s/%s", folder, name);
    ck_assert_int_lt(n, PATH_BYTES);
}

static inline void remove_tree(const char *folder)
{
    DIR *directory = opendir(folder);
    const struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char path[PATH_BYTES];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        path_in(path, folder, entry->d_name);
        if (unlink(path) != 0) {
            remove_tree(path);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
    rmdir(folder);
}

static inline char *read_whole(const char *folder, const char *name, size_t *ret_n_bytes)
{
    char path[PATH_BYTES];
    path_in(path, folder, name);
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "no file %s", path);
    fseek(file, 0, SEEK_END);
    size_t n = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(n + 1);
    ck_assert_uint_eq(fread(bytes, 1, n, file), n);
    bytes[n] = '\0';
    fclose(file);
    *ret_n_bytes = n;
    return bytes;
}

static inline void write_whole(const char *folder, const char *name, const void *bytes, size_t n)
{
    char path[PATH_BYTES];
    path_in(path, folder, name);
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, n, file), n);
    fclose(file);
}

static inline bool has_file(const char *folder, const char *name)
{
    char path[PATH_BYTES];
    path_in(path, folder, name);
    return access(path, F_OK) == 0;
}

static inline int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names in order; hidden ones, too. */
static inline size_t list_names(const char *folder, char *names[512])
{
    DIR *directory = opendir(folder);
    const struct dirent *entry;
    size_t n = 0;
    ck_assert_ptr_nonnull(directory);
    while ((entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            ck_assert_uint_lt(n, 512);
            names[n++] = strdup(entry->d_name);
        }
    }
    closedir(directory);
    qsort(names, n, sizeof *names, compare_names);
    return n;
}

static inline void assert_same_folders(const char *one, const char *other)
{
    char *a[512], *b[512];
    size_t n = list_names(one, a), m = list_names(other, b);
    for (size_t i = 0; i < n && i < m; i++) {
        ck_assert_str_eq(a[i], b[i]);
        size_t n_a, n_b;
        char *in_a = read_whole(one, a[i], &n_a), *in_b = read_whole(other, b[i], &n_b);
        ck_assert_msg(n_a == n_b && memcmp(in_a, in_b, n_a) == 0, "%s differs:\n%.600s\n%.600s",
                      a[i], in_a, in_b);
        free(in_a);
        free(in_b);
        free(a[i]);
        free(b[i]);
    }
    ck_assert_uint_eq(n, m);
}

static inline augs_chunks_report write_chunks(augs_stream *stream, const char *folder,
                                              const augs_chunks_options *options)
{
    augs_error error;
    augs_chunks_report report = {.size = sizeof report};
    AUGS_ASSERT_OK(augs_chunks_write(stream, folder, options, &report, &error), error);
    return report;
}

/* What verify found. */
typedef struct findings {
    size_t n;
    int32_t status[16];
    uint64_t chunk[16];
    char file[16][128];
    char message[16][300];
} findings;

static inline void keep_finding(void *user, const augs_chunks_finding *finding)
{
    findings *all = user;
    if (all->n < 16) {
        all->status[all->n] = finding->status;
        all->chunk[all->n] = finding->chunk;
        snprintf(all->file[all->n], sizeof all->file[0], "%s", finding->file);
        snprintf(all->message[all->n], sizeof all->message[0], "%s", finding->message);
    }
    all->n++;
}

static inline findings verify_folder(const char *folder, int expected, augs_chunks_summary *summary)
{
    augs_error error;
    findings all = {0};
    augs_chunks_verify_options options = {
        .size = sizeof options, .n_threads = 2, .finding = keep_finding, .user = &all};
    *summary = (augs_chunks_summary){.size = sizeof *summary};
    AUGS_ASSERT_STATUS(expected, augs_chunks_verify(folder, &options, summary, &error), error);
    return all;
}

#endif
