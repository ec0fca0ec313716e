/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline/machine/cgroup_path.h"

#include <string.h>
#include <sys/stat.h>

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
