/* SPDX-License-Identifier: Apache-2.0 */
/* The memory monitor on the machine at hand: its own process, its own limits. */
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <augstream/cpu.h>

#include "memory_fixture.h"
#include "pipeline/machine/system_files.h"

/* Memory that really is there. */
static void *hold(size_t n_bytes)
{
    volatile unsigned char *bytes = malloc(n_bytes);
    ck_assert(bytes != NULL);
    for (size_t i = 0; i < n_bytes; i += 512) {
        bytes[i] = (unsigned char)(i / 512 + 1);
    }
    return (void *)(uintptr_t)bytes;
}

START_TEST(what_this_process_takes_is_seen)
{
    augs_error error;
    augs_memory_monitor *monitor = open_monitor(NULL, 0, NULL);
    augs_memory_scope scope = {.size = sizeof scope};
    AUGS_ASSERT_OK(augs_memory_scope_begin(monitor, &scope, &error), error);
    unsigned char *bytes = hold(24 * MIB);
    augs_memory_snapshot now = read_now(monitor);
    check_any(&now);
    ck_assert_uint_ne(now.source, AUGS_MEMORY_OF_NONE);
    ck_assert_uint_ge(now.resident_bytes, scope.begin_resident_bytes + 20 * MIB);
    ck_assert_uint_eq(bytes[512], 2);
    free(bytes);
    AUGS_ASSERT_OK(augs_memory_scope_end(monitor, &scope, &error), error);
    ck_assert_uint_ge(scope.peak_resident_bytes, scope.begin_resident_bytes + 20 * MIB);
    ck_assert_uint_eq(scope.n_readings, 3);
    augs_memory_monitor_free(monitor);
    ck_assert_uint_ge(augs_cpu_count(NULL), 1);
    ck_assert_uint_eq(augs_cpu_count(NULL), augs_cpu_count("/"));
}
END_TEST

/* Runs it in a child; its exit code. */
static int in_child(int (*run)(void *user), void *user)
{
    int status = -1;
    fflush(NULL);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        _exit(run(user));
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status), "the child ended by signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

typedef struct forked_monitor {
    augs_memory_monitor *monitor;
    uint64_t parents_peak;
} forked_monitor;

static int read_in_child(void *user)
{
    forked_monitor *forked = user;
    augs_memory_snapshot now = {.size = sizeof now};
    unsigned long long size, pages;
    unsigned char *bytes = hold(32 * MIB);
    /* within the interval of the parent's reading */
    if (augs_memory_monitor_read(forked->monitor, &now, NULL) != AUGS_OK || now.n_readings != 2) {
        return 2;
    }
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%llu %llu", &size, &pages) != 2) {
        return 3;
    }
    fclose(file);
    uint64_t resident = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    bool held = bytes[512] == 2;
    free(bytes);
    augs_memory_monitor_free(forked->monitor); /* a copy */
    if (!held || now.resident_bytes + 8 * MIB < resident ||
        now.resident_bytes > resident + 8 * MIB) {
        return 4;
    }
    return now.peak_resident_bytes < forked->parents_peak - 8 * MIB ? 0 : 5;
}

START_TEST(a_forked_child_reads_its_own_figures)
{
    fake_world world = {.now_ns = 1};
    augs_memory_monitor *monitor = open_monitor("/", 0, &world);
    unsigned char *bytes =
        mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(bytes != MAP_FAILED);
    memset(bytes, 1, 64 * MIB);
    ck_assert_int_eq(munmap(bytes, 64 * MIB), 0);
    augs_memory_snapshot now = read_now(monitor);
    uint64_t resident = now.resident_bytes;
    ck_assert_uint_ge(now.peak_resident_bytes, resident + 48 * MIB);
    forked_monitor forked = {monitor, now.peak_resident_bytes};
    ck_assert_int_eq(in_child(read_in_child, &forked), 0);
    now = read_now(monitor); /* which took nothing away from the parent */
    ck_assert_uint_lt(now.resident_bytes, resident + 16 * MIB);
    ck_assert_uint_gt(now.resident_bytes, 0);
    augs_memory_monitor_free(monitor);
}
END_TEST

static int read_below_address_limit(void *user)
{
    augs_memory_snapshot now = {.size = sizeof now};
    unsigned long long pages;
    struct rlimit limit;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%llu", &pages) != 1 || getrlimit(RLIMIT_AS, &limit) != 0) {
        return 2;
    }
    fclose(file);
    limit.rlim_cur = pages * (rlim_t)sysconf(_SC_PAGESIZE) + 256 * MIB;
    if (limit.rlim_cur > limit.rlim_max || setrlimit(RLIMIT_AS, &limit) != 0 ||
        augs_memory_monitor_read_now(user, &now, NULL) != AUGS_OK) {
        return 3;
    }
    augs_memory_monitor_free(user);
    if (now.source != AUGS_MEMORY_OF_PROCESS) {
        return now.available_bytes < 256 * MIB ? 0 : 4; /* a tighter limit holds here */
    }
    return now.limit_bytes == limit.rlim_cur && now.available_bytes <= 260 * MIB &&
                   now.available_bytes >= 200 * MIB
               ? 0
               : 5;
}

START_TEST(cpu_time_of_this_process_grows)
{
    augs_memory_monitor *monitor = open_monitor(NULL, 0, NULL);
    const augs_memory_snapshot first = read_now(monitor);
    ck_assert(first.cpu_seconds > 0 && first.cpu_usage < 0);
    volatile uint64_t sum = 0;
    augs_memory_snapshot now = first;
    while (now.cpu_seconds < first.cpu_seconds + 0.02) {
        for (uint64_t i = 0; i < 1000000; i++) {
            sum += i;
        }
        now = read_now(monitor);
    }
    ck_assert(sum > 0);
    ck_assert(now.cpu_usage > 0 && now.cpu_usage < 1.5); /* one thread */
    augs_memory_monitor_free(monitor);
}
END_TEST

START_TEST(a_resource_limit_of_this_process_is_seen)
{
    augs_memory_monitor *monitor = open_monitor(NULL, 0, NULL);
    ck_assert_int_eq(in_child(read_below_address_limit, monitor), 0);
    augs_memory_monitor_free(monitor);
}
END_TEST

typedef struct test_group {
    char path[PLACE_BYTES], procs[PLACE_BYTES], procs_above[PLACE_BYTES];
} test_group;

static bool enter(const char *procs)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%d", (int)getpid());
    int fd = open(procs, O_WRONLY);
    bool entered = fd >= 0 && write(fd, text, (size_t)n) == n;
    if (fd >= 0) {
        close(fd);
    }
    return entered;
}

static int read_from_inside(test_group *group, augs_memory_monitor *monitor)
{
    augs_memory_snapshot now = {.size = sizeof now};
    unsigned char *bytes = hold(32 * MIB);
    int status = augs_memory_monitor_read(monitor, &now, NULL);
    bool held = bytes[512] == 2;
    free(bytes);
    if (status != AUGS_OK || now.source != AUGS_MEMORY_OF_CGROUP || now.limit_bytes != 128 * MIB) {
        return now.available_bytes < 64 * MIB ? 77 : 2; /* a tighter limit holds here */
    }
    if (!held || now.used_bytes < 32 * MIB || now.used_bytes > 128 * MIB ||
        now.available_bytes != 128 * MIB - now.used_bytes) {
        return 3;
    }
    if (!enter(group->procs_above) || rmdir(group->path) != 0) {
        return 4;
    }
    /* a group that is gone is noticed at once */
    return augs_memory_monitor_read_now(monitor, &now, NULL) == AUGS_OK &&
                   now.limit_bytes != 128 * MIB && now.source != AUGS_MEMORY_OF_NONE
               ? 0
               : 5;
}

static int run_in_group(void *user)
{
    test_group *group = user;
    augs_memory_monitor *monitor;
    if (!enter(group->procs)) {
        return 77;
    }
    if (augs_memory_monitor_open(NULL, &monitor, NULL) != AUGS_OK) {
        return 6;
    }
    int code = read_from_inside(group, monitor);
    augs_memory_monitor_free(monitor);
    return code;
}

/* A group of 128 MiB below the one of this process; false: it may not make one. */
static bool make_group(test_group *ret_group)
{
    augsi_cgroup own;
    char name[64], limit[PLACE_BYTES];
    augsi_cgroup_find("", "memory", &own);
    if (own.version == 0 || own.n_bytes > PLACE_BYTES / 2) {
        return false;
    }
    snprintf(name, sizeof name, "augstream-test-%d", (int)getpid());
    join(ret_group->path, own.path, name);
    join(ret_group->procs, ret_group->path, "cgroup.procs");
    join(ret_group->procs_above, own.path, "cgroup.procs");
    join(limit, ret_group->path, own.version == 1 ? "memory.limit_in_bytes" : "memory.max");
    if (mkdir(ret_group->path, 0755) != 0) {
        return false;
    }
    int fd = open(limit, O_WRONLY);
    bool limited = fd >= 0 && write(fd, "134217728", 9) == 9;
    if (fd >= 0) {
        close(fd);
    }
    if (!limited) {
        rmdir(ret_group->path);
    }
    return limited;
}

START_TEST(a_control_group_of_128_mib_is_seen_from_inside)
{
    static test_group group;
    int code = 77;
    if (make_group(&group)) {
        code = in_child(run_in_group, &group);
        rmdir(group.path);
    }
    if (code == 77) {
        printf("not run here: this process may not make a memory control group of its own\n");
    } else {
        ck_assert_int_eq(code, 0);
    }
}
END_TEST

AUGS_SUITE("memory_machine", what_this_process_takes_is_seen, cpu_time_of_this_process_grows,
           a_forked_child_reads_its_own_figures, a_resource_limit_of_this_process_is_seen,
           a_control_group_of_128_mib_is_seen_from_inside)
