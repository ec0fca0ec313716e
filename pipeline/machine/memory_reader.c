/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Space is what a limit leaves: limit - used, where memory that the kernel drops on demand (clean
 * file pages, reclaimable slab) does not count as used. The space of a process is the least
 * over all limits that hold for it, and a control group is bound by every group above it
 * (Linux: admin-guide/cgroup-v2.rst "Memory", admin-guide/cgroup-v1/memory.rst 5.2 and 6).
 *
 * The files that every reading needs stay open: to open one costs several times what reading it
 * does. Those of /proc/self belong to the process that opened them, and a process can be put into
 * another group: all of them are looked up anew after a fork and when one cannot be read any more,
 * and every ten seconds it is checked whether the group is still the same.
 */
#include "pipeline/machine/memory_reader.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/clock.h"

#define LOOK_AGAIN_NS UINT64_C(10000000000)
/* Version 1 says "none" by the largest number of bytes in whole pages; pages differ. */
#define V1_NO_LIMIT (UINT64_C(1) << 62)

/* ---- files ---- */

static void forget_files(augsi_memory_reader *reader)
{
    augsi_kept_close(&reader->membership);
    augsi_kept_close(&reader->status);
    augsi_kept_close(&reader->limits);
    augsi_kept_close(&reader->meminfo);
    augsi_kept_close(&reader->group_pressure);
    augsi_kept_close(&reader->machine_pressure);
    for (uint32_t i = 0; i < reader->n_groups; i++) {
        augsi_kept_close(&reader->groups[i].limit);
        augsi_kept_close(&reader->groups[i].high);
        augsi_kept_close(&reader->groups[i].usage);
        augsi_kept_close(&reader->groups[i].statistics);
    }
    reader->n_groups = 0;
}

/* Opens it unless it is open. */
static void keep_file(const augsi_memory_reader *reader, const char *name, augsi_kept_file *file)
{
    char path[AUGSI_PATH_BYTES];
    if (file->fd < 0 && augsi_root_path(reader->root, name, path)) {
        augsi_kept_open(file, path);
    }
}

static void keep_group_file(const augsi_cgroup *cgroup, size_t n_bytes, const char *name,
                            augsi_kept_file *file)
{
    char path[AUGSI_PATH_BYTES];
    if (file->fd < 0 && augsi_cgroup_file(cgroup, n_bytes, name, path)) {
        augsi_kept_open(file, path);
    }
}

/* Those that are not open: all at first, later such as have come into being. */
static void keep_files(augsi_memory_reader *reader)
{
    keep_file(reader, "/proc/self/status", &reader->status);
    keep_file(reader, "/proc/meminfo", &reader->meminfo);
    keep_file(reader, "/proc/pressure/memory", &reader->machine_pressure);
    if (*reader->root != '\0') { /* else the kernel is asked directly */
        keep_file(reader, "/proc/self/limits", &reader->limits);
    }
    for (uint32_t i = 0; i < reader->n_groups; i++) {
        augsi_memory_group *group = &reader->groups[i];
        if (reader->version == 2) {
            keep_group_file(&reader->cgroup, group->n_path_bytes, "memory.max", &group->limit);
            keep_group_file(&reader->cgroup, group->n_path_bytes, "memory.high", &group->high);
        } else {
            keep_group_file(&reader->cgroup, group->n_path_bytes, "memory.limit_in_bytes",
                            &group->limit);
        }
        group->measured = false;
    }
}

static void look_up_groups(augsi_memory_reader *reader)
{
    const augsi_cgroup *cgroup = &reader->cgroup;
    augsi_cgroup_find(reader->root, "memory", &reader->cgroup);
    reader->version = cgroup->version;
    for (size_t n = cgroup->version == 0 ? 0 : cgroup->n_bytes;
         n > 0 && reader->n_groups < AUGSI_MEMORY_GROUPS; n = augsi_cgroup_above(cgroup, n)) {
        reader->groups[reader->n_groups++] = (augsi_memory_group){
            n, AUGSI_NO_FILE, AUGSI_NO_FILE, AUGSI_NO_FILE, AUGSI_NO_FILE, false};
    }
}

/* Pressure is told by the unified hierarchy alone, whichever one has the controller. */
static void look_up_pressure(augsi_memory_reader *reader)
{
    augsi_cgroup_find(reader->root, "", &reader->cgroup);
    if (reader->cgroup.version == 2) {
        keep_group_file(&reader->cgroup, reader->cgroup.n_bytes, "memory.pressure",
                        &reader->group_pressure);
        /* there, and switched off */
        if (!augsi_kept_read(&reader->group_pressure, reader->text, sizeof reader->text)) {
            augsi_kept_close(&reader->group_pressure);
        }
    }
}

static uint64_t membership_hash(augsi_memory_reader *reader)
{
    augsi_kept_read(&reader->membership, reader->text, sizeof reader->text);
    return augsi_hash64(reader->text, strlen(reader->text));
}

static void look_up_files(augsi_memory_reader *reader, uint64_t now_ns)
{
    forget_files(reader);
    keep_file(reader, "/proc/self/cgroup", &reader->membership);
    reader->membership_hash = membership_hash(reader);
    look_up_pressure(reader);
    look_up_groups(reader);
    keep_files(reader);
    reader->pid = getpid();
    reader->lost = false;
    reader->looked_up_ns = now_ns;
}

/* A process can be put into another group, and a group be given limits that it did not have. */
static void look_again(augsi_memory_reader *reader, uint64_t now_ns)
{
    if (membership_hash(reader) != reader->membership_hash) {
        look_up_files(reader, now_ns);
    } else {
        keep_files(reader);
        reader->looked_up_ns = now_ns;
    }
}

/* The text of a file in reader->text. A group that is gone tells it by an error. */
static bool read_text(augsi_memory_reader *reader, const augsi_kept_file *file)
{
    bool done = augsi_kept_read(file, reader->text, sizeof reader->text);
    reader->lost |= !done && file->fd >= 0;
    return done;
}

static uint64_t read_number(augsi_memory_reader *reader, const augsi_kept_file *file)
{
    return read_text(reader, file) ? augsi_leading_number(reader->text) : AUGSI_UNKNOWN;
}

/* ---- limits ---- */

/* Keeps the least space. */
static void weigh(augs_memory_snapshot *snapshot, uint32_t source, uint64_t limit_bytes,
                  uint64_t used_bytes)
{
    uint64_t space = limit_bytes > used_bytes ? limit_bytes - used_bytes : 0;
    if (snapshot->source == AUGS_MEMORY_OF_NONE || space < snapshot->available_bytes) {
        snapshot->source = source;
        snapshot->limit_bytes = limit_bytes;
        snapshot->used_bytes = used_bytes;
        snapshot->available_bytes = space;
    }
}

static uint64_t known(uint64_t number)
{
    return number == AUGSI_UNKNOWN ? 0 : number;
}

static uint64_t less_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Without overflow: AUGSI_UNKNOWN - 1 is as good as any such number. */
static uint64_t sum_of(uint64_t a, uint64_t b)
{
    return a < AUGSI_UNKNOWN - 1 - b ? a + b : AUGSI_UNKNOWN - 1;
}

/* Where /proc/self/status does not tell: "size resident ..." in pages. */
static void read_statm(augsi_memory_reader *reader, uint64_t *ret_size, uint64_t *ret_resident)
{
    char path[AUGSI_PATH_BYTES];
    if (!augsi_root_path(reader->root, "/proc/self/statm", path) ||
        !augsi_file_read(path, reader->text, sizeof reader->text)) {
        return;
    }
    const char *second = strchr(reader->text, ' ');
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t size = augsi_leading_number(reader->text);
    uint64_t resident = second == NULL ? AUGSI_UNKNOWN : augsi_leading_number(second);
    if (size < AUGSI_UNKNOWN / page_bytes && resident <= size) {
        *ret_size = size * page_bytes;
        *ret_resident = resident * page_bytes;
    }
}

/* "Max address space   unlimited   unlimited   bytes": the soft limit. */
static uint64_t limit_of_text(const char *text, const char *name)
{
    const char *line = strstr(text, name);
    return line == NULL ? AUGSI_UNKNOWN : augsi_leading_number(line + strlen(name));
}

static uint64_t soft_limit(int status, const struct rlimit *limit)
{
    return status != 0 || limit->rlim_cur == RLIM_INFINITY ? AUGSI_UNKNOWN : limit->rlim_cur;
}

/* VmData is what the kernel holds against RLIMIT_DATA, VmSize against RLIMIT_AS. */
static void read_process(augsi_memory_reader *reader, augs_memory_snapshot *snapshot)
{
    enum { RESIDENT, PEAK, SIZE, DATA, N_KEYS };
    static const char *const keys[] = {"VmRSS", "VmHWM", "VmSize", "VmData"};
    uint64_t figures[N_KEYS];
    read_text(reader, &reader->status);
    augsi_keyed_numbers(reader->text, keys, N_KEYS, figures);
    if (figures[RESIDENT] == AUGSI_UNKNOWN || figures[SIZE] == AUGSI_UNKNOWN) {
        read_statm(reader, &figures[SIZE], &figures[RESIDENT]);
    }
    snapshot->resident_bytes = known(figures[RESIDENT]);
    snapshot->peak_resident_bytes = known(figures[PEAK]);
    /* first: of limits that leave as little, the caller's own is named */
    if (reader->limit_bytes != 0 && snapshot->resident_bytes != 0) {
        weigh(snapshot, AUGS_MEMORY_OF_USER, reader->limit_bytes, snapshot->resident_bytes);
    }

    uint64_t address_space, data;
    if (*reader->root == '\0') {
        struct rlimit limit;
        address_space = soft_limit(getrlimit(RLIMIT_AS, &limit), &limit);
        data = soft_limit(getrlimit(RLIMIT_DATA, &limit), &limit);
    } else {
        read_text(reader, &reader->limits);
        address_space = limit_of_text(reader->text, "Max address space");
        data = limit_of_text(reader->text, "Max data size");
    }
    if (address_space != AUGSI_UNKNOWN && figures[SIZE] != AUGSI_UNKNOWN) {
        weigh(snapshot, AUGS_MEMORY_OF_PROCESS, address_space, figures[SIZE]);
    }
    if (data != AUGSI_UNKNOWN && figures[DATA] != AUGSI_UNKNOWN) {
        weigh(snapshot, AUGS_MEMORY_OF_PROCESS, data, figures[DATA]);
    }
}

/* Kernels before 3.14 do not tell MemAvailable: free memory and the page cache stand for it. */
static void read_machine(augsi_memory_reader *reader, augs_memory_snapshot *snapshot)
{
    enum { TOTAL, AVAILABLE, FREE, BUFFERS, CACHED, SHARED, N_KEYS };
    static const char *const keys[] = {"MemTotal", "MemAvailable", "MemFree",
                                       "Buffers",  "Cached",       "Shmem"};
    uint64_t figures[N_KEYS];
    read_text(reader, &reader->meminfo);
    augsi_keyed_numbers(reader->text, keys, N_KEYS, figures);
    uint64_t available = figures[AVAILABLE];
    if (available == AUGSI_UNKNOWN && figures[FREE] != AUGSI_UNKNOWN) {
        uint64_t cached = known(figures[CACHED]);
        cached -= less_of(cached, known(figures[SHARED]));
        available = sum_of(figures[FREE], sum_of(known(figures[BUFFERS]), cached));
    }
    if (figures[TOTAL] != AUGSI_UNKNOWN && available != AUGSI_UNKNOWN) {
        weigh(snapshot, AUGS_MEMORY_OF_SYSTEM, figures[TOTAL],
              figures[TOTAL] - less_of(available, figures[TOTAL]));
    }
}

/* ---- control groups ---- */

static uint64_t group_limit(augsi_memory_reader *reader, const augsi_memory_group *group)
{
    uint64_t limit = read_number(reader, &group->limit);
    if (reader->version == 1) {
        return limit < V1_NO_LIMIT ? limit : AUGSI_UNKNOWN;
    }
    return less_of(limit, read_number(reader, &group->high));
}

/*
 * What a group could give back. The kernel reclaims file pages of both lists: a page that was read
 * twice is on the active one. Pages of tmpfs and shared memory are on the anonymous lists, locked
 * pages on neither, so none of them counts here. A dirty page, or one that is being written, first
 * needs the disk: it counts as used.
 */
typedef struct group_cache {
    uint64_t inactive, active, dirty, writing;
    uint64_t slab;
} group_cache;

static uint64_t reclaimable_of(const group_cache *cache)
{
    const uint64_t files = sum_of(known(cache->inactive), known(cache->active));
    const uint64_t busy = sum_of(known(cache->dirty), known(cache->writing));
    return sum_of(files - less_of(files, busy), known(cache->slab));
}

static uint64_t read_reclaimable_v2(augsi_memory_reader *reader, const augsi_memory_group *group)
{
    enum { INACTIVE, ACTIVE, DIRTY, WRITING, SLAB, N_KEYS };
    static const char *const keys[N_KEYS] = {
        [INACTIVE] = "inactive_file", [ACTIVE] = "active_file",    [DIRTY] = "file_dirty",
        [WRITING] = "file_writeback", [SLAB] = "slab_reclaimable",
    };
    uint64_t figures[N_KEYS];
    read_text(reader, &group->statistics);
    augsi_keyed_numbers(reader->text, keys, N_KEYS, figures);
    const group_cache cache = {.inactive = figures[INACTIVE],
                               .active = figures[ACTIVE],
                               .dirty = figures[DIRTY],
                               .writing = figures[WRITING],
                               .slab = figures[SLAB]};
    return reclaimable_of(&cache);
}

/* With groups below it, as usage is. *limit_bytes also becomes the least limit of the groups above,
 * of which a container sees none. */
static uint64_t read_reclaimable_v1(augsi_memory_reader *reader, const augsi_memory_group *group,
                                    uint64_t *limit_bytes)
{
    enum {
        INACTIVE,
        ACTIVE,
        DIRTY,
        WRITING,
        LIMIT,
        OWN_INACTIVE,
        OWN_ACTIVE,
        OWN_DIRTY,
        OWN_WRITING,
        N_KEYS
    };
    static const char *const keys[N_KEYS] = {
        [INACTIVE] = "total_inactive_file",
        [ACTIVE] = "total_active_file",
        [DIRTY] = "total_dirty",
        [WRITING] = "total_writeback",
        [LIMIT] = "hierarchical_memory_limit",
        [OWN_INACTIVE] = "inactive_file",
        [OWN_ACTIVE] = "active_file",
        [OWN_DIRTY] = "dirty",
        [OWN_WRITING] = "writeback",
    };
    uint64_t figures[N_KEYS];
    read_text(reader, &group->statistics);
    augsi_keyed_numbers(reader->text, keys, N_KEYS, figures);
    if (figures[LIMIT] < V1_NO_LIMIT) {
        *limit_bytes = less_of(*limit_bytes, figures[LIMIT]);
    }
    const bool totals = figures[INACTIVE] != AUGSI_UNKNOWN || figures[ACTIVE] != AUGSI_UNKNOWN;
    const group_cache cache = {.inactive = figures[totals ? INACTIVE : OWN_INACTIVE],
                               .active = figures[totals ? ACTIVE : OWN_ACTIVE],
                               .dirty = figures[totals ? DIRTY : OWN_DIRTY],
                               .writing = figures[totals ? WRITING : OWN_WRITING],
                               .slab = AUGSI_UNKNOWN};
    return reclaimable_of(&cache);
}

static uint64_t read_reclaimable(augsi_memory_reader *reader, const augsi_memory_group *group,
                                 uint64_t *limit_bytes)
{
    return reader->version == 2 ? read_reclaimable_v2(reader, group)
                                : read_reclaimable_v1(reader, group, limit_bytes);
}

/*
 * memory.stat is by far the dearest file of a group. What it tells only adds space: a group whose
 * limit - usage is beyond the least space so far cannot be the tightest, and is not asked. The
 * process's own group of version 1 always is, for the limits that cannot be seen.
 */
static void read_group(augsi_memory_reader *reader, augsi_memory_group *group,
                       augs_memory_snapshot *snapshot)
{
    bool v1 = reader->version == 1;
    bool ask = v1 && group == reader->groups;
    uint64_t limit = group_limit(reader, group);
    if (limit == AUGSI_UNKNOWN && !ask) {
        return;
    }
    if (!group->measured) {
        keep_group_file(&reader->cgroup, group->n_path_bytes,
                        v1 ? "memory.usage_in_bytes" : "memory.current", &group->usage);
        keep_group_file(&reader->cgroup, group->n_path_bytes, "memory.stat", &group->statistics);
        group->measured = true;
    }
    uint64_t used = read_number(reader, &group->usage);
    bool measured = used != AUGSI_UNKNOWN;
    if (!measured) {
        used = snapshot->resident_bytes; /* the group holds this process, at least */
    }
    if (ask || limit <= used || limit - used < snapshot->available_bytes) {
        uint64_t reclaimable = read_reclaimable(reader, group, &limit);
        used -= measured ? less_of(used, reclaimable) : 0;
    }
    if (limit != AUGSI_UNKNOWN) {
        weigh(snapshot, AUGS_MEMORY_OF_CGROUP, limit, used);
    }
}

/* ---- */

static void read_pressure(augsi_memory_reader *reader, augs_memory_snapshot *snapshot)
{
    const augsi_kept_file *const files[] = {&reader->group_pressure, &reader->machine_pressure};
    snapshot->pressure_some_avg10 = snapshot->pressure_full_avg10 = -1;
    for (size_t i = 0; i < 2 && snapshot->pressure_some_avg10 < 0; i++) {
        if (read_text(reader, files[i])) {
            snapshot->pressure_some_avg10 = augsi_pressure_avg10(reader->text, "some");
            snapshot->pressure_full_avg10 = augsi_pressure_avg10(reader->text, "full");
        }
    }
}

/* ---- CPU time ---- */

/* "pid (name) state ..." of proc(5): user and system time in clock ticks are fields 14 and 15. A
 * name may hold spaces and parentheses. */
static double cpu_seconds_of_text(const char *text)
{
    enum { STATE = 3, USER = 14 };
    const char *at = strrchr(text, ')');
    for (int field = STATE - 1; at != NULL && field < USER; field++) {
        at = strchr(at + 1, ' ');
    }
    const char *system = at != NULL ? strchr(at + 1, ' ') : NULL;
    const uint64_t user_ticks = at != NULL ? augsi_leading_number(at) : AUGSI_UNKNOWN;
    const uint64_t system_ticks = system != NULL ? augsi_leading_number(system) : AUGSI_UNKNOWN;
    const long per_second = sysconf(_SC_CLK_TCK);
    if (user_ticks == AUGSI_UNKNOWN || system_ticks == AUGSI_UNKNOWN || per_second <= 0) {
        return -1;
    }
    return ((double)user_ticks + (double)system_ticks) / (double)per_second;
}

/* The kernel tells it finer than the file does. */
static double read_cpu(augsi_memory_reader *reader)
{
    char path[AUGSI_PATH_BYTES];
    if (*reader->root == '\0') {
        return augsi_cpu_seconds();
    }
    if (!augsi_root_path(reader->root, "/proc/self/stat", path) ||
        !augsi_file_read(path, reader->text, sizeof reader->text)) {
        return -1;
    }
    return cpu_seconds_of_text(reader->text);
}

static void read_figures(augsi_memory_reader *reader, augs_memory_snapshot *ret_snapshot)
{
    *ret_snapshot =
        (augs_memory_snapshot){.size = sizeof *ret_snapshot, .available_bytes = UINT64_MAX};
    read_process(reader, ret_snapshot);
    read_machine(reader, ret_snapshot);
    for (uint32_t i = 0; i < reader->n_groups; i++) {
        read_group(reader, &reader->groups[i], ret_snapshot);
    }
    read_pressure(reader, ret_snapshot);
    ret_snapshot->cpu_seconds = read_cpu(reader);
}

bool augsi_memory_reader_forked(const augsi_memory_reader *reader)
{
    return reader->pid != getpid();
}

void augsi_memory_reader_read(augsi_memory_reader *reader, uint64_t now_ns,
                              augs_memory_snapshot *ret_snapshot)
{
    if (augsi_memory_reader_forked(reader) || reader->lost) {
        look_up_files(reader, now_ns);
    } else if (now_ns - reader->looked_up_ns >= LOOK_AGAIN_NS) {
        look_again(reader, now_ns);
    }
    read_figures(reader, ret_snapshot);
    if (reader->lost) { /* put into another group since */
        look_up_files(reader, now_ns);
        read_figures(reader, ret_snapshot);
    }
}

void augsi_memory_reader_init(augsi_memory_reader *reader, const char *root, uint64_t limit_bytes)
{
    *reader = (augsi_memory_reader){.root = root, .limit_bytes = limit_bytes};
    reader->membership = reader->status = reader->limits = reader->meminfo = AUGSI_NO_FILE;
    reader->group_pressure = reader->machine_pressure = AUGSI_NO_FILE;
}

void augsi_memory_reader_done(augsi_memory_reader *reader)
{
    forget_files(reader);
}
