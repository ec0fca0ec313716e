/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fake machines. tests/data/machines/NAME.txt holds the files that a machine has under /proc and
 * /sys. A line "== PATH" begins a file, and its contents follow. A backslash at the end of a line
 * takes that newline away, and \xHH is a byte. The fixture unpacks a machine into a new folder.
 */
#ifndef AUGS_TEST_MEMORY_FIXTURE_H
#define AUGS_TEST_MEMORY_FIXTURE_H

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <augstream/memory_monitor.h>

#include "suite.h"

#define PLACE_BYTES 1024
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* What the fixtures' processes and machines have. */
#define RESIDENT (300 * MIB)
#define PEAK (400 * MIB)
#define MACHINE (16 * GIB)

static inline void join(char path[PLACE_BYTES], const char *folder, const char *name)
{
    int n = snprintf(path, PLACE_BYTES, "%s/%s", folder, name);
    ck_assert_int_lt(n, PLACE_BYTES);
}

/* Cut behind, not before the writing: file systems write a file out that was emptied first. */
static inline void put_bytes(const char *root, const char *name, const void *bytes, size_t n_bytes)
{
    char path[PLACE_BYTES];
    join(path, root, name);
    int fd = open(path, O_WRONLY | O_CREAT, 0644);
    ck_assert_msg(fd >= 0, "cannot write %s", path);
    ck_assert_int_eq(write(fd, bytes, n_bytes), (ssize_t)n_bytes);
    ck_assert_int_eq(ftruncate(fd, (off_t)n_bytes), 0);
    ck_assert_int_eq(close(fd), 0);
}

static inline void put_text(const char *root, const char *name, const char *text)
{
    put_bytes(root, name, text, strlen(text));
}

static inline void put_number(const char *root, const char *name, uint64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%llu\n", (unsigned long long)number);
    put_text(root, name, text);
}

static inline size_t get_bytes(const char *root, const char *name, char *bytes, size_t n_bytes)
{
    char path[PLACE_BYTES];
    join(path, root, name);
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "cannot read %s", path);
    size_t n = fread(bytes, 1, n_bytes, file);
    fclose(file);
    return n;
}

typedef void (*file_visitor)(void *user, const char *root, const char *name);

/* Calls the visitor with the name of every file, below root. */
static inline void each_file(const char *root, const char *folder, file_visitor visit, void *user)
{
    char path[PLACE_BYTES], name[PLACE_BYTES];
    struct dirent **entries;
    join(path, root, folder);
    int n = scandir(path, &entries, NULL, alphasort); /* the same order everywhere */
    ck_assert_msg(n >= 0, "no folder %s", path);
    for (int i = 0; i < n; i++) {
        const char *entry = entries[i]->d_name;
        struct stat status;
        if (strcmp(entry, ".") != 0 && strcmp(entry, "..") != 0) {
            join(name, *folder == '\0' ? "." : folder, entry);
            join(path, root, name);
            ck_assert_int_eq(stat(path, &status), 0);
            if (S_ISDIR(status.st_mode)) {
                each_file(root, name, visit, user);
            } else {
                visit(user, root, name);
            }
        }
        free(entries[i]);
    }
    free(entries);
}

static inline void make_folders(const char *root, const char *name)
{
    char path[PLACE_BYTES];
    join(path, root, name);
    for (char *p = path + strlen(root) + 1; (p = strchr(p, '/')) != NULL; p++) {
        *p = '\0';
        mkdir(path, 0755);
        *p = '/';
    }
}

static inline void copy_file(void *to, const char *root, const char *name)
{
    char bytes[32768];
    size_t n = get_bytes(root, name, bytes, sizeof bytes);
    make_folders(to, name);
    put_bytes(to, name, bytes, n);
}

/* Turns \xHH into its byte and drops a backslash with the newline after it. */
static inline size_t unescape(char *text, size_t n_bytes)
{
    size_t n = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        unsigned byte;
        if (text[i] != '\\') {
            text[n++] = text[i];
        } else if (text[i + 1] == '\n') {
            i++;
        } else {
            ck_assert_int_eq(sscanf(text + i, "\\x%2x", &byte), 1);
            text[n++] = (char)byte;
            i += 3;
        }
    }
    return n;
}

/* Writes the files of a machine's text below a folder. */
static inline void unpack(const char *place, char *text)
{
    static const char mark[] = "\n== ";
    ck_assert_msg(strncmp(text, mark + 1, 3) == 0, "a machine begins with '== PATH'");
    for (char *name = text + 3, *next; name != NULL; name = next) {
        char *contents = strchr(name, '\n');
        ck_assert_ptr_nonnull(contents);
        next = strstr(contents, mark);
        size_t n_bytes = next != NULL ? (size_t)(next - contents) : strlen(contents) - 1;
        *contents++ = '\0';
        next = next != NULL ? next + sizeof mark - 1 : NULL;
        make_folders(place, name);
        put_bytes(place, name, contents, unescape(contents, n_bytes));
    }
}

/* A machine in a new folder, which the test removes. */
static inline void copy_fixture(char place[PLACE_BYTES], const char *name)
{
    const char *data = getenv("AUGS_TEST_DATA"), *base = getenv("TMPDIR");
    char text[32768], file[PLACE_BYTES];
    ck_assert_msg(data != NULL, "AUGS_TEST_DATA names the folder tests/data");
    int n = snprintf(file, sizeof file, "machines/%s.txt", name);
    ck_assert_int_lt(n, PLACE_BYTES);
    size_t n_bytes = get_bytes(data, file, text, sizeof text);
    ck_assert_uint_lt(n_bytes, sizeof text);
    text[n_bytes] = '\0';
    join(place, base != NULL ? base : "/tmp", "augs-memory-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(place));
    unpack(place, text);
}

/* Also runs when no test does, so it asserts nothing. */
static inline void remove_folder(const char *folder)
{
    DIR *directory = opendir(folder);
    const struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char path[PLACE_BYTES];
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            const int n = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
            if (n < PLACE_BYTES && unlink(path) != 0) {
                remove_folder(path);
            }
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
    rmdir(folder);
}

/* The machines that nobody changes, until the process of the test ends. */
static struct {
    pid_t owner;
    size_t n;
    char places[64][PLACE_BYTES];
} unpacked;

static inline void remove_unpacked(void)
{
    while (unpacked.owner == getpid() && unpacked.n > 0) {
        remove_folder(unpacked.places[--unpacked.n]);
    }
}

static inline void fixture(char root[PLACE_BYTES], const char *name)
{
    if (unpacked.owner != getpid()) {
        unpacked.owner = getpid();
        unpacked.n = 0;
        atexit(remove_unpacked);
    }
    ck_assert_uint_lt(unpacked.n, sizeof unpacked.places / sizeof *unpacked.places);
    copy_fixture(root, name);
    memcpy(unpacked.places[unpacked.n++], root, PLACE_BYTES);
}

typedef struct fake_world {
    uint64_t now_ns;
    uint64_t n_asked;
} fake_world;

static inline uint64_t fake_now(void *user)
{
    return ((fake_world *)user)->now_ns;
}

static inline augs_memory_monitor *open_monitor(const char *root, uint64_t limit_bytes,
                                                fake_world *world)
{
    augs_error error;
    augs_memory_monitor *monitor;
    augs_memory_monitor_options options = {.size = sizeof options,
                                           .root = root,
                                           .limit_bytes = limit_bytes,
                                           .now_ns = world == NULL ? NULL : fake_now,
                                           .user = world};
    AUGS_ASSERT_OK(augs_memory_monitor_open(&options, &monitor, &error), error);
    return monitor;
}

static inline augs_memory_snapshot read_now(augs_memory_monitor *monitor)
{
    augs_error error;
    augs_memory_snapshot now = {.size = sizeof now};
    AUGS_ASSERT_OK(augs_memory_monitor_read_now(monitor, &now, &error), error);
    return now;
}

static inline augs_memory_snapshot read_root(const char *root)
{
    augs_memory_monitor *monitor = open_monitor(root, 0, NULL);
    augs_memory_snapshot now = read_now(monitor);
    augs_memory_monitor_free(monitor);
    return now;
}

/* Nothing can be said of the figures, but for what always holds. */
static inline void check_any(const augs_memory_snapshot *now)
{
    ck_assert_uint_le(now->source, AUGS_MEMORY_OF_USER);
    ck_assert_uint_le(now->level, AUGS_MEMORY_CRITICAL);
    ck_assert(isfinite(now->used_fraction) && now->used_fraction >= 0);
    ck_assert((now->source == AUGS_MEMORY_OF_NONE) == (now->available_bytes == UINT64_MAX));
    if (now->source != AUGS_MEMORY_OF_NONE) {
        uint64_t limit = now->limit_bytes, used = now->used_bytes;
        ck_assert_uint_eq(now->available_bytes, limit > used ? limit - used : 0);
    }
    ck_assert_uint_ge(now->peak_resident_bytes, now->resident_bytes);
    ck_assert(now->pressure_some_avg10 <= 100 && now->pressure_full_avg10 <= 100);
}

#endif
