/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/machine/system_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <augstream/cpu.h>

#include "base/number_text.h"

/* ---- files that stay open ---- */

static bool same_file(const augsi_kept_file *file)
{
    struct stat status;
    return fstat(file->fd, &status) == 0 && (uint64_t)status.st_dev == file->device &&
           (uint64_t)status.st_ino == file->inode;
}

void augsi_kept_open(augsi_kept_file *ret_file, const char *path)
{
    struct stat status;
    *ret_file = AUGSI_NO_FILE;
    /* a fifo in the place of a file must not block */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return;
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return;
    }
    ret_file->fd = fd;
    ret_file->device = (uint64_t)status.st_dev;
    ret_file->inode = (uint64_t)status.st_ino;
}

void augsi_kept_close(augsi_kept_file *file)
{
    if (file->fd >= 0 && same_file(file)) {
        close(file->fd);
    }
    *file = AUGSI_NO_FILE;
}

/* The kernel makes a file of this kind in one piece, and hands it out in one as far as it fits. */
bool augsi_kept_read(const augsi_kept_file *file, char *ret_text, size_t n_bytes)
{
    ssize_t n_read = -1;
    if (file->fd >= 0 && same_file(file)) {
        do {
            n_read = pread(file->fd, ret_text, n_bytes - 1, 0);
        } while (n_read < 0 && errno == EINTR);
    }
    size_t n = n_read > 0 ? (size_t)n_read : 0;
    if (n == n_bytes - 1) { /* half a number would be a wrong one */
        while (n > 0 && ret_text[n - 1] != '\n') {
            n--;
        }
    }
    ret_text[n] = '\0';
    return n_read >= 0;
}

bool augsi_file_read(const char *path, char *ret_text, size_t n_bytes)
{
    augsi_kept_file file;
    augsi_kept_open(&file, path);
    bool done = augsi_kept_read(&file, ret_text, n_bytes);
    if (file.fd >= 0) {
        close(file.fd);
    }
    return done;
}

/* ---- numbers in a text ---- */

static bool ends_number(char byte)
{
    return byte == '\0' || byte == ' ' || byte == '\t' || byte == '\n';
}

/* As augsi_leading_number; *text moves behind the number. */
static uint64_t take_number(const char **text)
{
    const char *p = *text;
    uint64_t number;
    while (*p == ' ' || *p == '\t') {
        p++;
    }
    const char *begin = p;
    while (*p >= '0' && *p <= '9') {
        p++;
    }
    *text = p;
    if (p == begin || !ends_number(*p) || !augsi_parse_u64(begin, (size_t)(p - begin), &number)) {
        return AUGSI_UNKNOWN;
    }
    return number;
}

uint64_t augsi_leading_number(const char *text)
{
    return take_number(&text);
}

/* The number of a line whose key ends at `text`. */
static uint64_t line_number(const char *text)
{
    text += *text == ':';
    uint64_t number = take_number(&text);
    if (number != AUGSI_UNKNOWN && strncmp(text, " kB", 3) == 0) {
        return number <= UINT64_MAX / 1024 ? number * 1024 : AUGSI_UNKNOWN;
    }
    return number;
}

void augsi_keyed_numbers(const char *text, const char *const *keys, size_t n_keys,
                         uint64_t *ret_numbers)
{
    for (size_t i = 0; i < n_keys; i++) {
        ret_numbers[i] = AUGSI_UNKNOWN;
    }
    size_t n_left = n_keys;
    while (n_left > 0 && *text != '\0') {
        size_t n_key = strcspn(text, ": \t\n");
        for (size_t i = 0; i < n_keys; i++) {
            if (ret_numbers[i] == AUGSI_UNKNOWN && strncmp(text, keys[i], n_key) == 0 &&
                keys[i][n_key] == '\0') {
                ret_numbers[i] = line_number(text + n_key);
                n_left -= ret_numbers[i] != AUGSI_UNKNOWN;
            }
        }
        text += n_key;
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
}

double augsi_pressure_avg10(const char *text, const char *word)
{
    static const char field[] = " avg10=";
    size_t n_word = strlen(word);
    while (*text != '\0') {
        if (strncmp(text, word, n_word) == 0 &&
            strncmp(text + n_word, field, sizeof field - 1) == 0) {
            const char *number = text + n_word + sizeof field - 1;
            double percent;
            if (augsi_parse_f64(number, strcspn(number, " \n"), &percent) && percent >= 0 &&
                percent <= 100) {
                return percent;
            }
            return -1;
        }
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return -1;
}

/* ---- lines of a file ---- */

bool augsi_lines_open(augsi_lines *lines, const char *path)
{
    lines->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    lines->begin = lines->end = 0;
    lines->dropping = false;
    return lines->fd >= 0;
}

/* More bytes behind those that are there; false at the end of the file. */
static bool fill(augsi_lines *lines)
{
    ssize_t n;
    memmove(lines->data, lines->data + lines->begin, lines->end - lines->begin);
    lines->end -= lines->begin;
    lines->begin = 0;
    if (lines->end == sizeof lines->data - 1) {
        lines->end = 0;
        lines->dropping = true;
    }
    do {
        n = read(lines->fd, lines->data + lines->end, sizeof lines->data - 1 - lines->end);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        return false;
    }
    lines->end += (size_t)n;
    return true;
}

char *augsi_lines_next(augsi_lines *lines)
{
    for (;;) {
        char *line = lines->data + lines->begin;
        char *newline = memchr(line, '\n', lines->end - lines->begin);
        if (newline == NULL && !fill(lines)) {
            line = lines->data;
            newline = lines->data + lines->end;
            if (lines->end == 0 || lines->dropping) {
                return NULL;
            }
            *newline = '\0';
            lines->begin = lines->end = 0;
            return line;
        }
        if (newline != NULL) {
            bool whole = !lines->dropping;
            lines->begin = (size_t)(newline + 1 - lines->data);
            lines->dropping = false;
            if (whole) {
                *newline = '\0';
                return line;
            }
        }
    }
}

void augsi_lines_close(augsi_lines *lines)
{
    if (lines->fd >= 0) {
        close(lines->fd);
        lines->fd = -1;
    }
}

/* ---- the control group of this process ---- */

/* What is known of one version's hierarchy. */
typedef struct hierarchy {
    bool named;                  /* in /proc/self/cgroup */
    uint32_t found;              /* 0 nothing, 1 something above the group, 2 the group */
    size_t n_root_bytes;         /* of the mount's root; fewer show more groups */
    char name[AUGSI_PATH_BYTES]; /* of the group */
    augsi_cgroup best;
} hierarchy;

typedef struct cgroup_search {
    const char *root;
    const char *controller;
    hierarchy of[2]; /* versions 1 and 2 */
    augsi_cgroup candidate;
    augsi_lines lines;
} cgroup_search;

size_t augsi_root_bytes(const char *root)
{
    size_t n = root == NULL ? 0 : strlen(root);
    while (n > 0 && root[n - 1] == '/') {
        n--;
    }
    return n;
}

static bool append(char path[AUGSI_PATH_BYTES], size_t *n_bytes, const char *text, size_t n_text)
{
    if (n_text >= AUGSI_PATH_BYTES - *n_bytes) {
        return false;
    }
    memcpy(path + *n_bytes, text, n_text);
    *n_bytes += n_text;
    path[*n_bytes] = '\0';
    return true;
}

bool augsi_root_path(const char *root, const char *path, char ret_path[AUGSI_PATH_BYTES])
{
    size_t n = 0;
    return append(ret_path, &n, root, strlen(root)) && append(ret_path, &n, path, strlen(path));
}

bool augsi_cgroup_file(const augsi_cgroup *cgroup, size_t n_bytes, const char *name,
                       char ret_path[AUGSI_PATH_BYTES])
{
    size_t n = 0;
    return append(ret_path, &n, cgroup->path, n_bytes) && append(ret_path, &n, "/", 1) &&
           append(ret_path, &n, name, strlen(name));
}

size_t augsi_cgroup_above(const augsi_cgroup *cgroup, size_t n_bytes)
{
    if (n_bytes <= cgroup->n_mount_bytes) {
        return 0;
    }
    do {
        n_bytes--;
    } while (n_bytes > cgroup->n_mount_bytes && cgroup->path[n_bytes] != '/');
    return n_bytes;
}

static bool is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Is the word among those of a list with commas? */
static bool lists(const char *list, const char *word)
{
    size_t n_word = strlen(word);
    while (n_word > 0 && *list != '\0') {
        size_t n = strcspn(list, ",");
        if (n == n_word && memcmp(list, word, n) == 0) {
            return true;
        }
        list += n;
        list += *list == ',';
    }
    return false;
}

/* "4:memory:/group", "0::/group"; a name may hold colons. */
static void read_names(cgroup_search *search)
{
    char path[AUGSI_PATH_BYTES];
    if (!augsi_root_path(search->root, "/proc/self/cgroup", path) ||
        !augsi_lines_open(&search->lines, path)) {
        return;
    }
    for (char *line; (line = augsi_lines_next(&search->lines)) != NULL;) {
        char *controllers = strchr(line, ':');
        char *name = controllers == NULL ? NULL : strchr(controllers + 1, ':');
        if (name == NULL || name[1] != '/') {
            continue;
        }
        *controllers++ = '\0';
        *name++ = '\0';
        bool unified = strcmp(line, "0") == 0 && *controllers == '\0';
        if (!unified && !lists(controllers, search->controller)) {
            continue;
        }
        hierarchy *of = &search->of[unified];
        size_t n = 0;
        of->named = append(of->name, &n, name, strlen(name));
    }
    augsi_lines_close(&search->lines);
}

/* The part of a group's name below the mount's root, with its slash, or ""; NULL if the name is not
 * below it: the mount shows other groups, or ".." leads out of the control group namespace. */
static const char *below(const char *name, const char *mount_root)
{
    size_t n = strlen(mount_root);
    n -= n > 0 && mount_root[n - 1] == '/';
    if (strncmp(name, mount_root, n) != 0 || (name[n] != '/' && name[n] != '\0')) {
        return NULL;
    }
    name += n;
    for (const char *p = name; (p = strstr(p, "/..")) != NULL; p += 3) {
        if (p[3] == '/' || p[3] == '\0') {
            return NULL;
        }
    }
    return strcmp(name, "/") == 0 ? "" : name;
}

/* Weighs a mount of a version against the best so far. */
static void consider(cgroup_search *search, uint32_t version, const char *mount_point,
                     const char *mount_root)
{
    hierarchy *of = &search->of[version - 1];
    augsi_cgroup *candidate = &search->candidate;
    *candidate = (augsi_cgroup){.version = version};
    if (!append(candidate->path, &candidate->n_bytes, search->root, strlen(search->root)) ||
        !append(candidate->path, &candidate->n_bytes, mount_point, augsi_root_bytes(mount_point)) ||
        !is_folder(candidate->path)) {
        return;
    }
    candidate->n_mount_bytes = candidate->n_bytes;
    const char *name = below(of->named ? of->name : "/", mount_root);
    uint32_t found = 2;
    if (name == NULL || !append(candidate->path, &candidate->n_bytes, name, strlen(name))) {
        found = 1;
    }
    while (candidate->n_bytes > candidate->n_mount_bytes && !is_folder(candidate->path)) {
        found = 1;
        candidate->n_bytes = augsi_cgroup_above(candidate, candidate->n_bytes);
        candidate->path[candidate->n_bytes] = '\0';
    }
    size_t n_root = strlen(mount_root);
    if (found > of->found || (found == of->found && n_root < of->n_root_bytes)) {
        of->found = found;
        of->n_root_bytes = n_root;
        of->best = *candidate;
    }
}

/* Space, tab, newline and backslash stand as \ooo in mountinfo. */
static void unescape(char *text)
{
    char *out = text;
    for (const char *p = text; *p != '\0'; out++) {
        if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
            p[3] >= '0' && p[3] <= '7') {
            *out = (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0'));
            p += 4;
        } else {
            *out = *p++;
        }
    }
    *out = '\0';
}

/* Cuts the next field off a line with single spaces; NULL: there is none. */
static char *field(char **line)
{
    char *begin = *line;
    if (begin == NULL) {
        return NULL;
    }
    *line = strchr(begin, ' ');
    if (*line != NULL) {
        *(*line)++ = '\0';
    }
    return begin;
}

/* "36 35 98:0 /root /mount/point rw,noatime master:1 - cgroup2 source rw,memory" */
static void consider_mount(cgroup_search *search, char *line)
{
    char *fields[6], *mark, *type, *options;
    for (size_t i = 0; i < 6; i++) {
        fields[i] = field(&line);
    }
    do {
        mark = field(&line);
    } while (mark != NULL && strcmp(mark, "-") != 0);
    type = field(&line);
    field(&line);
    options = field(&line);
    if (mark == NULL || type == NULL || fields[4][0] != '/') {
        return;
    }
    unescape(fields[3]);
    unescape(fields[4]);
    if (strcmp(type, "cgroup2") == 0) {
        consider(search, 2, fields[4], fields[3]);
    } else if (strcmp(type, "cgroup") == 0 && options != NULL &&
               lists(options, search->controller)) {
        consider(search, 1, fields[4], fields[3]);
    }
}

static void read_mounts(cgroup_search *search)
{
    char path[AUGSI_PATH_BYTES];
    if (augsi_root_path(search->root, "/proc/self/mountinfo", path) &&
        augsi_lines_open(&search->lines, path)) {
        for (char *line; (line = augsi_lines_next(&search->lines)) != NULL;) {
            consider_mount(search, line);
        }
        augsi_lines_close(&search->lines);
    }
}

/* A unified hierarchy is known by this file in every group. */
static void consider_unified(cgroup_search *search, const char *mount_point)
{
    char path[AUGSI_PATH_BYTES];
    struct stat status;
    size_t n = 0;
    if (append(path, &n, search->root, strlen(search->root)) &&
        append(path, &n, mount_point, strlen(mount_point)) &&
        append(path, &n, "/cgroup.controllers", 19) && stat(path, &status) == 0) {
        consider(search, 2, mount_point, "/");
    }
}

/* Without mountinfo: where the hierarchies are by custom. */
static void consider_customs(cgroup_search *search)
{
    char path[AUGSI_PATH_BYTES];
    consider_unified(search, "/sys/fs/cgroup");
    if (search->of[1].found != 0) {
        return;
    }
    consider_unified(search, "/sys/fs/cgroup/unified");
    if (*search->controller != '\0' &&
        augsi_root_path("/sys/fs/cgroup/", search->controller, path)) {
        consider(search, 1, path, "/");
    }
}

void augsi_cgroup_find(const char *root, const char *controller, augsi_cgroup *ret_cgroup)
{
    cgroup_search search;
    search.root = root;
    search.controller = controller;
    for (size_t i = 0; i < 2; i++) {
        search.of[i].named = false;
        search.of[i].found = 0;
    }
    read_names(&search);
    read_mounts(&search);
    if (search.of[0].found == 0 && search.of[1].found == 0) {
        consider_customs(&search);
    }
    /* a process that is named in the unified hierarchy alone has no group of version 1 */
    bool only_unified = search.of[1].named && !search.of[0].named;
    ret_cgroup->version = 0;
    if (search.of[0].found != 0 && !only_unified) {
        *ret_cgroup = search.of[0].best;
    } else if (search.of[1].found != 0) {
        *ret_cgroup = search.of[1].best;
    }
}

/* ---- CPUs ---- */

/*
 * A quota is CPU time in a period: quota / period CPUs. Every group above binds, too
 * (cgroup-v2.rst "CPU", scheduler/sched-bwc.rst).
 */
#define DEFAULT_PERIOD_US 100000u

static uint64_t group_file(const augsi_cgroup *cgroup, size_t n_bytes, const char *name, char *text,
                           size_t n_text)
{
    char path[AUGSI_PATH_BYTES];
    *text = '\0';
    if (augsi_cgroup_file(cgroup, n_bytes, name, path)) {
        augsi_file_read(path, text, n_text);
    }
    return augsi_leading_number(text);
}

/* The quota of one group; 0: none. */
static double level_quota(const augsi_cgroup *cgroup, size_t n_bytes)
{
    char text[128];
    uint64_t quota, period;
    if (cgroup->version == 2) { /* "150000 100000", "max 100000" */
        quota = group_file(cgroup, n_bytes, "cpu.max", text, sizeof text);
        const char *second = strchr(text, ' ');
        period = second == NULL ? DEFAULT_PERIOD_US : augsi_leading_number(second);
    } else { /* no quota is -1 */
        quota = group_file(cgroup, n_bytes, "cpu.cfs_quota_us", text, sizeof text);
        period = group_file(cgroup, n_bytes, "cpu.cfs_period_us", text, sizeof text);
    }
    if (quota == AUGSI_UNKNOWN || quota == 0) {
        return 0;
    }
    if (period == AUGSI_UNKNOWN || period == 0) {
        period = DEFAULT_PERIOD_US;
    }
    return (double)quota / (double)period;
}

double augsi_cpu_quota(const char *root)
{
    augsi_cgroup cgroup;
    char path[AUGSI_PATH_BYTES];
    size_t n_root = augsi_root_bytes(root);
    double least = 0;
    if (n_root >= sizeof path) {
        return 0;
    }
    if (n_root > 0) {
        memcpy(path, root, n_root);
    }
    path[n_root] = '\0';
    augsi_cgroup_find(path, "cpu", &cgroup);
    for (size_t n = cgroup.version == 0 ? 0 : cgroup.n_bytes; n > 0;
         n = augsi_cgroup_above(&cgroup, n)) {
        double quota = level_quota(&cgroup, n);
        if (quota > 0 && (least == 0 || quota < least)) {
            least = quota;
        }
    }
    return least;
}

/* Rounded down, since a worker too many makes the scheduler stop all of them for the rest of each
 * period. At least one is left. */
static unsigned whole_cpus(unsigned n_affinity, double quota)
{
    unsigned n = n_affinity;
    if (quota > 0 && quota < n) {
        n = (unsigned)quota;
    }
    return n == 0 ? 1 : n;
}

/* The set has space for more CPUs than Linux supports, as the kernel refuses one that is too small.
 */
static unsigned affinity(void)
{
    cpu_set_t sets[16];
    memset(sets, 0, sizeof sets);
    if (sched_getaffinity(0, sizeof sets, sets) == 0) {
        return (unsigned)CPU_COUNT_S(sizeof sets, sets);
    }
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (unsigned)n : 1;
}

uint32_t augs_cpu_count(const char *root)
{
    return whole_cpus(affinity(), augsi_cpu_quota(root));
}

uint32_t augs_worker_count(const char *root, uint32_t n_trainers)
{
    uint32_t n_cpus = augs_cpu_count(root);
    n_trainers = n_trainers == 0 ? 1 : n_trainers;
    uint32_t n_workers = n_cpus / n_trainers;
    return n_workers > 1 ? n_workers - 1 : 1;
}
