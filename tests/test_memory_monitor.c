/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <math.h>
#include <sched.h>

#include <augstream/cpu.h>

#include "base/memory.h"
#include "memory_fixture.h"
#include "pipeline/machine/system_files.h"

START_TEST(the_tightest_limit_of_every_kind_of_system_is_found)
{
    static const struct {
        const char *name;
        uint32_t source;
        uint64_t limit, used;
        double some, full;
    } cases[] = {
        {"v2_plain", AUGS_MEMORY_OF_CGROUP, 2 * GIB, 1216 * MIB, 1.25, 0.5},
        {"v2_nested", AUGS_MEMORY_OF_CGROUP, 1536 * MIB, 1152 * MIB, 2, 0},
        {"v2_high", AUGS_MEMORY_OF_CGROUP, GIB, 704 * MIB, 9, 3},
        {"v2_over", AUGS_MEMORY_OF_CGROUP, GIB, 1100 * MIB, 9, 3},
        {"v2_cache_over", AUGS_MEMORY_OF_CGROUP, GIB, 800 * MIB, 9, 3},
        {"v2_prefix", AUGS_MEMORY_OF_CGROUP, GIB, 700 * MIB, 9, 3},
        {"v2_max", AUGS_MEMORY_OF_SYSTEM, MACHINE, 8 * GIB, 9, 3},
        {"v2_namespace", AUGS_MEMORY_OF_CGROUP, GIB, 480 * MIB, 4, 1},
        {"v2_outside", AUGS_MEMORY_OF_CGROUP, GIB, 480 * MIB, 9, 3},
        {"v2_inside_seen_from_host", AUGS_MEMORY_OF_CGROUP, 3 * GIB, 2560 * MIB, 9, 3},
        {"v2_host_names", AUGS_MEMORY_OF_CGROUP, GIB, 512 * MIB, 9, 3},
        {"v2_escaped", AUGS_MEMORY_OF_CGROUP, GIB, 500 * MIB, 9, 3},
        {"v2_two_mounts", AUGS_MEMORY_OF_CGROUP, 2 * GIB, GIB, 9, 3},
        {"v2_no_mountinfo", AUGS_MEMORY_OF_CGROUP, GIB, 256 * MIB, 9, 3},
        {"v1", AUGS_MEMORY_OF_CGROUP, GIB, 800 * MIB, 9, 3},
        {"v1_unlimited", AUGS_MEMORY_OF_SYSTEM, MACHINE, 8 * GIB, 9, 3},
        {"v1_container", AUGS_MEMORY_OF_CGROUP, 512 * MIB, 280 * MIB, 9, 3},
        {"v1_no_mountinfo", AUGS_MEMORY_OF_CGROUP, GIB, 390 * MIB, 9, 3},
        {"v2_cached", AUGS_MEMORY_OF_CGROUP, 256 * MIB, 20 * MIB, 1.25, 0.5},
        {"v1_cached", AUGS_MEMORY_OF_CGROUP, 256 * MIB, 25 * MIB, 9, 3},
        {"hybrid", AUGS_MEMORY_OF_CGROUP, GIB, 448 * MIB, 7.5, 2.5},
        {"none", AUGS_MEMORY_OF_SYSTEM, MACHINE, 8 * GIB, 9, 3},
        {"old_kernel", AUGS_MEMORY_OF_SYSTEM, MACHINE, MACHINE - 3584 * MIB, 9, 3},
        {"address_space", AUGS_MEMORY_OF_PROCESS, 1280 * MIB, GIB, 9, 3},
        {"data_segment", AUGS_MEMORY_OF_PROCESS, 600 * MIB, 500 * MIB, 9, 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char root[PLACE_BYTES];
        fixture(root, cases[i].name);
        augs_memory_snapshot now = read_root(root);
        ck_assert_msg(now.source == cases[i].source, "%s: %s", cases[i].name,
                      augs_memory_source_name(now.source));
        uint64_t space = cases[i].limit > cases[i].used ? cases[i].limit - cases[i].used : 0;
        ck_assert_msg(now.limit_bytes == cases[i].limit && now.used_bytes == cases[i].used &&
                          now.available_bytes == space,
                      "%s: limit %llu, used %llu, available %llu", cases[i].name,
                      (unsigned long long)now.limit_bytes, (unsigned long long)now.used_bytes,
                      (unsigned long long)now.available_bytes);
        ck_assert_uint_eq(now.resident_bytes, RESIDENT);
        ck_assert_uint_eq(now.peak_resident_bytes, PEAK);
        ck_assert_double_eq_tol(now.used_fraction, (double)cases[i].used / (double)cases[i].limit,
                                1e-12);
        ck_assert_msg(
            now.pressure_some_avg10 == cases[i].some && now.pressure_full_avg10 == cases[i].full,
            "%s: pressure %g, %g", cases[i].name, now.pressure_some_avg10, now.pressure_full_avg10);
        ck_assert_uint_eq(now.size, sizeof now);
    }
}
END_TEST

START_TEST(only_what_the_kernel_gives_back_at_once_is_space)
{
    static const struct {
        const char *fixture, *statistics;
        uint64_t used; /* of 250 MiB */
    } cases[] = {
        /* read once, read twice */
        {"v2_cached", "inactive_file 104857600\n", 150 * MIB},
        {"v2_cached", "active_file 104857600\n", 150 * MIB},
        /* files of tmpfs and locked pages stay */
        {"v2_cached", "file 209715200\nshmem 209715200\nactive_anon 209715200\n", 250 * MIB},
        {"v2_cached", "file 209715200\nunevictable 209715200\n", 250 * MIB},
        {"v2_cached", "active_file 104857600\nfile_dirty 20971520\n", 170 * MIB},
        {"v2_cached", "active_file 104857600\nfile_writeback 20971520\n", 170 * MIB},
        /* dirty pages that are on neither list take nothing from the slabs */
        {"v2_cached", "active_file 1048576\nfile_dirty 20971520\nslab_reclaimable 5242880\n",
         245 * MIB},
        {"v2_cached", "slab_reclaimable 5242880\nslab_unreclaimable 9242880\n", 245 * MIB},
        {"v2_cached", "inactive_file 18446744073709551614\nactive_file 18446744073709551614\n", 0},
        {"v1_cached", "total_inactive_file 104857600\ntotal_active_file 52428800\n", 100 * MIB},
        {"v1_cached", "total_active_file 104857600\ntotal_dirty 20971520\n", 170 * MIB},
        {"v1_cached", "total_active_file 104857600\ntotal_writeback 20971520\n", 170 * MIB},
        {"v1_cached", "total_cache 104857600\ntotal_shmem 104857600\ntotal_unevictable 1\n",
         250 * MIB},
        /* its own figures are not those of the groups below it, unless there are no others */
        {"v1_cached", "active_file 104857600\ntotal_active_file 52428800\n", 200 * MIB},
        {"v1_cached", "active_file 104857600\ndirty 1048576\nwriteback 1048576\n", 152 * MIB},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char place[PLACE_BYTES];
        const bool v2 = strcmp(cases[i].fixture, "v2_cached") == 0;
        copy_fixture(place, cases[i].fixture);
        put_text(place,
                 v2 ? "sys/fs/cgroup/job/memory.stat" : "sys/fs/cgroup/memory/job/memory.stat",
                 cases[i].statistics);
        if (!v2) { /* the one below it knows of a larger limit only */
            put_text(place, "sys/fs/cgroup/memory/job/step/memory.stat", "cache 0\n");
        }
        augs_memory_snapshot now = read_root(place);
        ck_assert_msg(now.limit_bytes == 256 * MIB && now.used_bytes == cases[i].used,
                      "%s: %s: limit %llu, used %llu", cases[i].fixture, cases[i].statistics,
                      (unsigned long long)now.limit_bytes, (unsigned long long)now.used_bytes);
        remove_folder(place);
    }
}
END_TEST

START_TEST(garbage_and_emptiness_leave_nothing_known)
{
    char garbage[PLACE_BYTES];
    fixture(garbage, "garbage");
    const char *const roots[] = {garbage, "/there is no such folder"};
    for (size_t i = 0; i < 2; i++) {
        const char *root = roots[i];
        augs_memory_snapshot now = read_root(root);
        ck_assert_uint_eq(now.source, AUGS_MEMORY_OF_NONE);
        ck_assert_uint_eq(now.available_bytes, UINT64_MAX);
        ck_assert_uint_eq(now.limit_bytes, 0);
        ck_assert_uint_eq(now.used_bytes, 0);
        ck_assert_uint_eq(now.resident_bytes, 0);
        ck_assert_uint_eq(now.peak_resident_bytes, 0);
        ck_assert_uint_eq(now.level, AUGS_MEMORY_NORMAL);
        ck_assert(now.used_fraction == 0);
        ck_assert(now.pressure_some_avg10 < 0 && now.pressure_full_avg10 < 0);
        ck_assert(augsi_cpu_quota(root) == 0);
    }
}
END_TEST

START_TEST(a_missing_file_takes_away_its_own_figure_only)
{
    static const struct {
        const char *fixture, *file;
        uint32_t source;
        uint64_t limit, used;
        double some;
    } cases[] = {
        {"v2_plain", "sys/fs/cgroup/job/memory.high", 2, 2 * GIB, 1216 * MIB, 1.25},
        {"v2_plain", "sys/fs/cgroup/job/memory.max", 1, MACHINE, 8 * GIB, 1.25},
        {"v2_high", "sys/fs/cgroup/job/memory.max", 2, GIB, 704 * MIB, 9},
        {"v2_plain", "sys/fs/cgroup/job/memory.current", 2, 2 * GIB, RESIDENT, 1.25},
        {"v2_plain", "sys/fs/cgroup/job/memory.stat", 2, 2 * GIB, 1536 * MIB, 1.25},
        {"v2_plain", "sys/fs/cgroup/job/memory.pressure", 2, 2 * GIB, 1216 * MIB, 9},
        {"v2_max", "proc/pressure/memory", 1, MACHINE, 8 * GIB, -1},
        {"v2_plain", "proc/self/mountinfo", 2, 2 * GIB, 1216 * MIB, 1.25},
        {"v2_plain", "proc/self/cgroup", 1, MACHINE, 8 * GIB, 9},
        {"v2_namespace", "proc/self/cgroup", 2, GIB, 480 * MIB, 4},
        {"v2_plain", "proc/meminfo", 2, 2 * GIB, 1216 * MIB, 1.25},
        {"v2_plain", "proc/self/limits", 2, 2 * GIB, 1216 * MIB, 1.25},
        {"address_space", "proc/self/limits", 1, MACHINE, 8 * GIB, 9},
        {"v2_nested", "sys/fs/cgroup/kube.slice/pod/memory.max", 2, 4 * GIB, 1008 * MIB, 2},
        {"v1", "sys/fs/cgroup/memory/job/memory.limit_in_bytes", 2, GIB, 150 * MIB, 9},
        {"v1", "sys/fs/cgroup/memory/job/memory.usage_in_bytes", 2, GIB, RESIDENT, 9},
        {"v1", "sys/fs/cgroup/memory/job/memory.stat", 2, GIB, 900 * MIB, 9},
        {"v1_container", "sys/fs/cgroup/memory/memory.limit_in_bytes", 2, 512 * MIB, 280 * MIB, 9},
        {"v1_unlimited", "proc/meminfo", 0, 0, 0, 9},
        {"v1", "proc/self/cgroup", 1, MACHINE, 8 * GIB, 9},
        {"v1", "proc/self/mountinfo", 2, GIB, 800 * MIB, 9},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char place[PLACE_BYTES], path[PLACE_BYTES];
        copy_fixture(place, cases[i].fixture);
        join(path, place, cases[i].file);
        ck_assert_int_eq(unlink(path), 0);
        augs_memory_snapshot now = read_root(place);
        ck_assert_msg(
            now.source == cases[i].source && now.limit_bytes == cases[i].limit &&
                now.used_bytes == cases[i].used && now.pressure_some_avg10 == cases[i].some,
            "%s without %s: %s, limit %llu, used %llu, pressure %g", cases[i].fixture,
            cases[i].file, augs_memory_source_name(now.source), (unsigned long long)now.limit_bytes,
            (unsigned long long)now.used_bytes, now.pressure_some_avg10);
        remove_folder(place);
    }
}
END_TEST

static void without_one(void *place, const char *root, const char *name)
{
    char path[PLACE_BYTES];
    join(path, place, name);
    ck_assert_int_eq(unlink(path), 0);
    augs_memory_snapshot now = read_root(place);
    check_any(&now);
    ck_assert_uint_ne(now.source, AUGS_MEMORY_OF_NONE);
    /* only the file that tells it can take away what is resident, and there are two */
    ck_assert_uint_eq(now.resident_bytes % RESIDENT, 0);
    ck_assert_uint_ne(now.resident_bytes, 0);
    put_text(place, name, "");
    now = read_root(place);
    check_any(&now);
    ck_assert_uint_ne(now.source, AUGS_MEMORY_OF_NONE);
    copy_file(place, root, name);
}

START_TEST(any_one_file_may_be_missing_or_empty)
{
    static const char *const names[] = {"v2_nested", "v1", "hybrid"};
    for (size_t i = 0; i < 3; i++) {
        char place[PLACE_BYTES], root[PLACE_BYTES];
        copy_fixture(place, names[i]);
        fixture(root, names[i]);
        augs_memory_snapshot before = read_root(place);
        each_file(root, "", without_one, place);
        augs_memory_snapshot after = read_root(place);
        ck_assert_uint_eq(after.used_bytes, before.used_bytes);
        remove_folder(place);
    }
}
END_TEST

typedef struct file_names {
    size_t n;
    char name[64][PLACE_BYTES];
} file_names;

static void note_name(void *user, const char *root, const char *name)
{
    file_names *all = user;
    (void)root;
    ck_assert_uint_lt(all->n, 64);
    strcpy(all->name[all->n++], name);
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* One of: cut, a byte changed, digits and separators thrown in, noise. */
static void spoil(const char *root, const char *name, uint64_t *state)
{
    static const char likely[] = "0123456789 \t\n:-/\\,.kBmax";
    char bytes[32768];
    size_t n = get_bytes(root, name, bytes, sizeof bytes);
    uint64_t kind = next_random(state) % 4;
    if (kind == 0) {
        n = n == 0 ? 0 : next_random(state) % n;
    } else if (kind == 3) {
        n = next_random(state) % 12000;
    }
    for (size_t i = 0; kind != 0 && i < (kind == 3 ? n : 1 + next_random(state) % 8); i++) {
        size_t at = kind == 3 ? i : next_random(state) % (n + 1);
        uint64_t word = next_random(state);
        n = at == n ? n + 1 : n;
        bytes[at] = kind == 2 ? likely[word % (sizeof likely - 1)] : (char)word;
    }
    put_bytes(root, name, bytes, n);
}

START_TEST(spoilt_files_never_break_a_reading)
{
    static const char *const fixtures[] = {"v2_nested", "v1", "hybrid", "v2_escaped", "garbage"};
    static file_names all;
    const int n_rounds = getenv("AUGS_TEST_SMALL") != NULL ? 20 : 400;
    uint64_t state = 20261121;
    for (size_t i = 0; i < sizeof fixtures / sizeof *fixtures; i++) {
        char place[PLACE_BYTES], root[PLACE_BYTES];
        copy_fixture(place, fixtures[i]);
        fixture(root, fixtures[i]);
        all.n = 0;
        each_file(root, "", note_name, &all);
        fake_world world = {.now_ns = 5};
        augs_memory_monitor *monitor = open_monitor(place, 0, &world);
        for (int round = 0; round < n_rounds; round++) {
            const char *name = all.name[next_random(&state) % all.n];
            spoil(place, name, &state);
            world.now_ns += UINT64_C(1000000) * (next_random(&state) % 8000);
            augs_error error;
            augs_memory_snapshot now = {.size = sizeof now};
            AUGS_ASSERT_OK(augs_memory_monitor_read(monitor, &now, &error), error);
            check_any(&now);
            ck_assert_uint_ge(augs_cpu_count(place), 1);
            if (next_random(&state) % 3 == 0) {
                copy_file(place, root, name);
            }
        }
        augs_memory_monitor_free(monitor);
        remove_folder(place);
    }
}
END_TEST

START_TEST(numbers_are_taken_whole_or_not_at_all)
{
    static const struct {
        const char *text;
        uint64_t number;
    } cases[] = {{"12\n", 12},
                 {"  7 8", 7},
                 {"18446744073709551614", UINT64_MAX - 1},
                 {"18446744073709551616", AUGSI_UNKNOWN},
                 {"max\n", AUGSI_UNKNOWN},
                 {"-1\n", AUGSI_UNKNOWN},
                 {"12x\n", AUGSI_UNKNOWN},
                 {"1.5\n", AUGSI_UNKNOWN},
                 {"", AUGSI_UNKNOWN}};
    static const char *const keys[] = {"a", "ab", "large", "lost"};
    uint64_t numbers[4];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_uint_eq(augsi_leading_number(cases[i].text), cases[i].number);
    }
    augsi_keyed_numbers("abc 1\nab: 2 kB\na 3\nlarge: 18014398509481985 kB\na 4\n", keys, 4,
                        numbers);
    ck_assert_uint_eq(numbers[0], 3);
    ck_assert_uint_eq(numbers[1], 2048);
    ck_assert_uint_eq(numbers[2], AUGSI_UNKNOWN);
    ck_assert_uint_eq(numbers[3], AUGSI_UNKNOWN);
}
END_TEST

START_TEST(what_does_not_fit_is_cut_between_lines)
{
    char place[PLACE_BYTES], path[PLACE_BYTES], text[16];
    static char lines[20000];
    augsi_lines reader;
    copy_fixture(place, "none");
    put_text(place, "short", "a 1\nb 123456\n");
    join(path, place, "short");
    ck_assert(augsi_file_read(path, text, 10));
    ck_assert_str_eq(text, "a 1\n");
    ck_assert(augsi_file_read(path, text, sizeof text));
    ck_assert_str_eq(text, "a 1\nb 123456\n");

    memset(lines, 'x', sizeof lines);
    memcpy(lines, "first\n", 6);
    memcpy(lines + 19000, "\nlast", 6);
    put_text(place, "long", lines);
    join(path, place, "long");
    ck_assert(augsi_lines_open(&reader, path));
    ck_assert_str_eq(augsi_lines_next(&reader), "first");
    ck_assert_str_eq(augsi_lines_next(&reader), "last");
    ck_assert_ptr_null(augsi_lines_next(&reader));
    augsi_lines_close(&reader);
    remove_folder(place);
}
END_TEST

START_TEST(levels_begin_at_50_80_and_90_percent)
{
    static const struct {
        uint64_t used;
        uint32_t level;
    } cases[] = {{0, 0},   {499, 0}, {500, 1}, {799, 1},  {800, 2},
                 {899, 2}, {900, 3}, {999, 3}, {1000, 3}, {5000, 3}};
    static const char *const names[] = {"normal", "elevated", "high", "critical"};
    char place[PLACE_BYTES];
    copy_fixture(place, "v2_over");
    put_text(place, "sys/fs/cgroup/job/memory.high", "1000\n");
    augs_memory_monitor *monitor = open_monitor(place, 0, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_number(place, "sys/fs/cgroup/job/memory.current", cases[i].used);
        augs_memory_snapshot now = read_now(monitor);
        ck_assert_uint_eq(now.used_bytes, cases[i].used);
        ck_assert_uint_eq(now.level, cases[i].level);
        ck_assert_str_eq(augs_memory_level_name(now.level), names[cases[i].level]);
    }
    put_text(place, "sys/fs/cgroup/job/memory.max", "0\n"); /* all of nothing is used */
    ck_assert_uint_eq(read_now(monitor).level, AUGS_MEMORY_CRITICAL);
    augs_memory_monitor_free(monitor);
    remove_folder(place);
    ck_assert_ptr_null(augs_memory_level_name(4));
    ck_assert_str_eq(augs_memory_source_name(AUGS_MEMORY_OF_USER), "user");
    ck_assert_ptr_null(augs_memory_source_name(5));
}
END_TEST

START_TEST(above_the_callers_limit_the_figures_and_a_status_are_told)
{
    char root[PLACE_BYTES];
    augs_error error;
    augs_memory_snapshot now = {.size = sizeof now};
    fixture(root, "v2_over"); /* whose group leaves no space, either */
    augs_memory_monitor *monitor = open_monitor(root, RESIDENT - 1000, NULL);
    for (int i = 0; i < 2; i++) { /* read and remembered */
        AUGS_ASSERT_STATUS(AUGS_E_MEMORY, augs_memory_monitor_read(monitor, &now, &error), error);
        ck_assert_int_eq(error.status, AUGS_E_MEMORY);
        ck_assert_msg(strstr(error.message, "314572800") != NULL &&
                          strstr(error.message, "314571800") != NULL &&
                          strstr(error.message, " 1000 ") != NULL,
                      "%s", error.message);
        ck_assert_uint_eq(now.source, AUGS_MEMORY_OF_USER);
        ck_assert_uint_eq(now.limit_bytes, RESIDENT - 1000);
        ck_assert_uint_eq(now.used_bytes, RESIDENT);
        ck_assert_uint_eq(now.available_bytes, 0);
        ck_assert_uint_eq(now.level, AUGS_MEMORY_CRITICAL);
    }
    ck_assert_int_eq(augs_memory_monitor_read_now(monitor, &now, NULL), AUGS_E_MEMORY);
    augs_memory_scope scope = {.size = sizeof scope}; /* scopes report, and refuse nothing */
    AUGS_ASSERT_OK(augs_memory_scope_begin(monitor, &scope, &error), error);
    AUGS_ASSERT_OK(augs_memory_scope_end(monitor, &scope, &error), error);
    ck_assert_uint_eq(scope.peak_level, AUGS_MEMORY_CRITICAL);
    augs_memory_monitor_free(monitor);

    static const uint64_t enough[] = {RESIDENT, RESIDENT + 5};
    for (size_t i = 0; i < 2; i++) {
        fixture(root, "none");
        monitor = open_monitor(root, enough[i], NULL);
        AUGS_ASSERT_OK(augs_memory_monitor_read(monitor, &now, &error), error);
        ck_assert_uint_eq(now.source, AUGS_MEMORY_OF_USER);
        ck_assert_uint_eq(now.available_bytes, enough[i] - RESIDENT);
        augs_memory_monitor_free(monitor);
    }
}
END_TEST

START_TEST(the_system_is_asked_once_in_an_interval)
{
    char place[PLACE_BYTES];
    augs_error error;
    augs_memory_snapshot now = {.size = sizeof now};
    fake_world world = {.now_ns = 12345};
    copy_fixture(place, "v2_high");
    augs_memory_monitor *monitor = open_monitor(place, 0, &world);
    static const struct {
        uint64_t after_ns, n_readings, used;
    } steps[] = {{0, 1, 704 * MIB}, {1, 1, 704 * MIB},        {99999998, 1, 704 * MIB},
                 {1, 2, 136 * MIB}, {99999999, 2, 136 * MIB}, {1, 3, 136 * MIB}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        world.now_ns += steps[i].after_ns;
        AUGS_ASSERT_OK(augs_memory_monitor_read(monitor, &now, &error), error);
        ck_assert_uint_eq(now.n_readings, steps[i].n_readings);
        ck_assert_uint_eq(now.used_bytes, steps[i].used);
        put_number(place, "sys/fs/cgroup/job/memory.current", 200 * MIB);
    }
    put_number(place, "sys/fs/cgroup/job/memory.current", 264 * MIB);
    AUGS_ASSERT_OK(augs_memory_monitor_read(monitor, &now, &error), error);
    ck_assert_uint_eq(now.used_bytes, 136 * MIB);
    now = read_now(monitor);
    ck_assert_uint_eq(now.used_bytes, 200 * MIB);
    ck_assert_uint_eq(now.n_readings, 4);
    augs_memory_monitor_free(monitor);

    augs_memory_monitor_options options = {.size = sizeof options,
                                           .root = place,
                                           .interval_ms = 5000,
                                           .now_ns = fake_now,
                                           .user = &world};
    AUGS_ASSERT_OK(augs_memory_monitor_open(&options, &monitor, &error), error);
    for (int i = 0; i < 11; i++, world.now_ns += UINT64_C(1000000000)) {
        AUGS_ASSERT_OK(augs_memory_monitor_read(monitor, &now, &error), error);
        ck_assert_uint_eq(now.n_readings, (uint64_t)(1 + i / 5));
    }
    augs_memory_monitor_free(monitor);
    remove_folder(place);
}
END_TEST

START_TEST(a_process_put_into_another_group_is_followed)
{
    char place[PLACE_BYTES];
    fake_world world = {.now_ns = 1};
    copy_fixture(place, "v2_plain");
    make_folders(place, "sys/fs/cgroup/new/memory.max");
    put_text(place, "sys/fs/cgroup/new/memory.max", "536870912\n");
    put_text(place, "sys/fs/cgroup/new/memory.current", "1048576\n");
    augs_memory_monitor *monitor = open_monitor(place, 0, &world);
    ck_assert_uint_eq(read_now(monitor).limit_bytes, 2 * GIB);
    put_text(place, "proc/self/cgroup", "0::/new\n");
    world.now_ns += UINT64_C(9999999999);
    ck_assert_uint_eq(read_now(monitor).limit_bytes, 2 * GIB);
    world.now_ns += 1;
    augs_memory_snapshot now = read_now(monitor);
    ck_assert_uint_eq(now.limit_bytes, 512 * MIB);
    ck_assert_uint_eq(now.used_bytes, MIB);
    ck_assert(now.pressure_some_avg10 == 9);
    augs_memory_monitor_free(monitor);
    remove_folder(place);
}
END_TEST

START_TEST(a_limit_that_a_group_did_not_have_before_is_found)
{
    char place[PLACE_BYTES], path[PLACE_BYTES];
    fake_world world = {.now_ns = 1};
    copy_fixture(place, "v2_plain");
    join(path, place, "sys/fs/cgroup/job/memory.max");
    ck_assert_int_eq(unlink(path), 0);
    augs_memory_monitor *monitor = open_monitor(place, 0, &world);
    ck_assert_uint_eq(read_now(monitor).source, AUGS_MEMORY_OF_SYSTEM);
    put_number(place, "sys/fs/cgroup/job/memory.max", GIB);
    world.now_ns += UINT64_C(10000000000);
    ck_assert_uint_eq(read_now(monitor).limit_bytes, GIB);
    put_number(place, "sys/fs/cgroup/job/memory.max", 2 * GIB); /* seen at once, from now on */
    ck_assert_uint_eq(read_now(monitor).limit_bytes, 2 * GIB);
    augs_memory_monitor_free(monitor);
    remove_folder(place);
}
END_TEST

/* Files of this process that are open below a folder. */
static int n_open_below(const char *folder, bool take_over)
{
    int n = 0;
    for (int fd = 0; fd < 256; fd++) {
        char link[64], path[PLACE_BYTES];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, path, sizeof path - 1);
        if (length > 0) {
            path[length] = '\0';
            if (strncmp(path, folder, strlen(folder)) == 0) {
                n++;
                if (take_over) {
                    int other = open("/dev/null", O_RDONLY);
                    ck_assert_int_ge(other, 0);
                    ck_assert_int_eq(dup2(other, fd), fd);
                    close(other);
                }
            }
        }
    }
    return n;
}

START_TEST(descriptors_that_the_program_took_are_let_alone)
{
    char root[PLACE_BYTES], resolved[4096];
    fixture(root, "v2_nested");
    ck_assert_ptr_nonnull(realpath(root, resolved));
    augs_memory_monitor *monitor = open_monitor(root, 0, NULL);
    augs_memory_snapshot before = read_now(monitor);
    int n_null = n_open_below("/dev/null", false);
    int n_open = n_open_below(resolved, false);
    ck_assert_int_gt(n_open, 5);
    ck_assert_int_eq(n_open_below(resolved, true), n_open);
    ck_assert_int_eq(n_open_below(resolved, false), 0);
    augs_memory_snapshot after = read_now(monitor);
    ck_assert_uint_eq(after.limit_bytes, before.limit_bytes);
    ck_assert_uint_eq(after.used_bytes, before.used_bytes);
    ck_assert_uint_eq(after.resident_bytes, before.resident_bytes);
    ck_assert_int_eq(n_open_below(resolved, false), n_open);
    augs_memory_monitor_free(monitor);
    ck_assert_int_eq(n_open_below(resolved, false), 0);
    ck_assert_int_eq(n_open_below("/dev/null", false), n_null + n_open);
}
END_TEST

START_TEST(more_groups_than_are_watched_do_no_harm)
{
    char place[PLACE_BYTES], group[PLACE_BYTES] = "/g", name[PLACE_BYTES];
    copy_fixture(place, "v2_no_mountinfo");
    for (int i = 1; i < 40; i++) {
        strcat(group, "/g");
    }
    snprintf(name, sizeof name, "sys/fs/cgroup%.500s/memory.max", group);
    make_folders(place, name);
    put_text(place, name, "1073741824\n");
    snprintf(name, sizeof name, "sys/fs/cgroup%.500s/memory.current", group);
    put_text(place, name, "4096\n");
    snprintf(name, sizeof name, "0::%.500s\n", group);
    put_text(place, "proc/self/cgroup", name);
    augs_memory_snapshot now = read_root(place);
    ck_assert_uint_eq(now.limit_bytes, GIB);
    ck_assert_uint_eq(now.used_bytes, 4096);
    remove_folder(place);
}
END_TEST

START_TEST(scopes_tell_what_happened_in_them)
{
    char place[PLACE_BYTES];
    augs_error error;
    fake_world world = {.now_ns = 1};
    augs_memory_scope outer = {.size = sizeof outer}, inner = outer, foreign = outer;
    static const char status[] = "VmHWM:\t%u kB\nVmRSS:\t%u kB\nVmSize:\t1048576 kB\n";
    char text[128];
    copy_fixture(place, "v2_high");
    put_number(place, "sys/fs/cgroup/job/memory.current", 576 * MIB); /* 50 % */
    augs_memory_monitor *monitor = open_monitor(place, 0, &world);
    AUGS_ASSERT_STATUS(AUGS_E_STATE, augs_memory_scope_end(monitor, &outer, &error), error);
    AUGS_ASSERT_OK(augs_memory_scope_begin(monitor, &outer, &error), error);
    ck_assert_uint_eq(outer.begin_resident_bytes, RESIDENT);
    AUGS_ASSERT_STATUS(AUGS_E_STATE, augs_memory_scope_begin(monitor, &outer, &error), error);

    AUGS_ASSERT_OK(augs_memory_scope_begin(monitor, &inner, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_STATE, augs_memory_scope_end(monitor, &outer, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_STATE, augs_memory_scope_end(monitor, &foreign, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_STATE, augs_memory_scope_begin(monitor, &outer, &error), error);
    put_number(place, "sys/fs/cgroup/job/memory.current", 1088 * MIB - 102 * MIB); /* 90.04 % */
    snprintf(text, sizeof text, status, 409600u, 358400u); /* 350 MiB now, a peak of before */
    put_text(place, "proc/self/status", text);
    read_now(monitor);
    put_number(place, "sys/fs/cgroup/job/memory.current", 320 * MIB); /* 25 % */
    snprintf(text, sizeof text, status, 409600u, 204800u);
    put_text(place, "proc/self/status", text);
    AUGS_ASSERT_OK(augs_memory_scope_end(monitor, &inner, &error), error);
    ck_assert_uint_eq(inner.n_readings, 3);
    ck_assert_uint_eq(inner.peak_level, AUGS_MEMORY_CRITICAL);
    ck_assert_double_eq_tol(inner.peak_used_fraction, 922.0 / 1024, 1e-12);
    ck_assert_double_eq_tol(inner.end_used_fraction, 0.25, 1e-12);
    ck_assert_uint_eq(inner.begin_resident_bytes, RESIDENT);
    ck_assert_uint_eq(inner.end_resident_bytes, 200 * MIB);
    ck_assert_uint_eq(inner.peak_resident_bytes, 350 * MIB);

    /* between two readings more was held than either of them saw */
    snprintf(text, sizeof text, status, 716800u, 204800u);
    put_text(place, "proc/self/status", text);
    AUGS_ASSERT_OK(augs_memory_scope_end(monitor, &outer, &error), error);
    ck_assert_uint_eq(outer.n_readings, 5);
    ck_assert_uint_eq(outer.peak_resident_bytes, 700 * MIB);
    ck_assert_uint_eq(outer.peak_level, AUGS_MEMORY_CRITICAL);
    ck_assert_uint_eq(inner.peak_resident_bytes, 350 * MIB);
    ck_assert_uint_eq(inner.n_readings, 3);
    AUGS_ASSERT_STATUS(AUGS_E_STATE, augs_memory_scope_end(monitor, &outer, &error), error);

    /* a scope can be begun again, and knows nothing of its former life */
    AUGS_ASSERT_OK(augs_memory_scope_begin(monitor, &inner, &error), error);
    AUGS_ASSERT_OK(augs_memory_scope_end(monitor, &inner, &error), error);
    ck_assert_uint_eq(inner.n_readings, 2);
    ck_assert_uint_eq(inner.peak_resident_bytes, 200 * MIB);
    ck_assert_uint_eq(inner.peak_level, AUGS_MEMORY_NORMAL);
    foreign.size = 4;
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_memory_scope_begin(monitor, &foreign, &error), error);
    augs_memory_monitor_free(monitor);
    remove_folder(place);
}
END_TEST

static void tell_figures(void *user, augs_allocator_figures *ret_figures)
{
    fake_world *world = user;
    ck_assert_uint_eq(ret_figures->allocated_bytes, 0);
    world->n_asked++;
    ret_figures->allocated_bytes = 1000 + world->n_asked;
    ret_figures->active_bytes = 2;
    ret_figures->resident_bytes = 3;
    ret_figures->retained_bytes = 4;
}

START_TEST(the_allocator_is_asked_with_every_reading)
{
    char root[PLACE_BYTES];
    augs_error error;
    augs_memory_monitor *monitor;
    augs_memory_snapshot now = {.size = sizeof now};
    fake_world world = {.now_ns = 1};
    fixture(root, "none");
    augs_memory_monitor_options options = {.size = sizeof options,
                                           .root = root,
                                           .now_ns = fake_now,
                                           .allocator_figures = tell_figures,
                                           .user = &world};
    AUGS_ASSERT_OK(augs_memory_monitor_open(&options, &monitor, &error), error);
    for (int i = 0; i < 3; i++) {
        AUGS_ASSERT_OK(augs_memory_monitor_read(monitor, &now, &error), error);
        ck_assert_uint_eq(now.allocator.allocated_bytes, 1001);
    }
    now = read_now(monitor);
    ck_assert_uint_eq(now.allocator.allocated_bytes, 1002);
    ck_assert_uint_eq(now.allocator.active_bytes, 2);
    ck_assert_uint_eq(now.allocator.resident_bytes, 3);
    ck_assert_uint_eq(now.allocator.retained_bytes, 4);
    ck_assert_uint_eq(world.n_asked, 2);
    augs_memory_monitor_free(monitor);
    monitor = open_monitor(root, 0, NULL);
    now = read_now(monitor);
    ck_assert_uint_eq(now.allocator.allocated_bytes, 0);
    augs_memory_monitor_free(monitor);
}
END_TEST

/* Without a function of its own, the monitor asks its allocator. */
START_TEST(the_figures_of_the_allocator_are_told_unless_others_are_given)
{
    char root[PLACE_BYTES];
    augs_error error;
    augs_memory_monitor *monitor;
    fake_world world = {.now_ns = 1}, other = {.now_ns = 1, .n_asked = 500};
    fixture(root, "none");
    augs_allocator allocator = augsi_default_allocator;
    allocator.figures = tell_figures;
    allocator.user = &world;
    augs_memory_monitor_options options = {
        .size = sizeof options, .root = root, .user = &other, .allocator = &allocator};
    AUGS_ASSERT_OK(augs_memory_monitor_open(&options, &monitor, &error), error);
    ck_assert_uint_eq(read_now(monitor).allocator.allocated_bytes, 1001);
    augs_memory_monitor_free(monitor);
    options.allocator_figures = tell_figures;
    AUGS_ASSERT_OK(augs_memory_monitor_open(&options, &monitor, &error), error);
    ck_assert_uint_eq(read_now(monitor).allocator.allocated_bytes, 1501);
    augs_memory_monitor_free(monitor);
}
END_TEST

START_TEST(cpu_time_and_use_are_told_beside_memory)
{
    static const struct {
        const char *text;
        double ticks; /* < 0: not known */
    } cases[] = {
        {"77 (a) b (c) S 1 1 1 0 -1 4194304 9 9 9 9 300 45 0 0 20 0 1 0 5 6 7\n", 345},
        {"77 (x) R 1 1 1 0 -1 4194304 9 9 9 9 0 0 0 0\n", 0},
        {"77 (x) R 1 1 1 0 -1 4194304 9 9 9 9 300\n", -1},
        {"77 (x) R 1 1 1 0 -1 4194304 9 9 9 9 x 45 0\n", -1},
        {"77 x R 1 1 1\n", -1},
        {"", -1},
    };
    char place[PLACE_BYTES];
    fake_world world = {.now_ns = 1};
    const double tick = 1 / (double)sysconf(_SC_CLK_TCK);
    copy_fixture(place, "none");
    augs_memory_monitor *monitor = open_monitor(place, 0, &world);
    augs_memory_snapshot now = read_now(monitor); /* there is no such file */
    ck_assert(now.cpu_seconds < 0 && now.cpu_usage < 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_text(place, "proc/self/stat", cases[i].text);
        const double told = read_now(monitor).cpu_seconds;
        ck_assert_msg(cases[i].ticks < 0 ? told < 0 : fabs(told - cases[i].ticks * tick) < 1e-9,
                      "%s: %g", cases[i].text, told);
    }
    put_text(place, "proc/self/stat", cases[1].text);
    ck_assert(read_now(monitor).cpu_usage < 0); /* the reading before did not know */
    put_text(place, "proc/self/stat", cases[0].text);
    world.now_ns += UINT64_C(2000000000);
    now = read_now(monitor);
    ck_assert_double_eq_tol(now.cpu_usage, 345 * tick / 2, 1e-9);
    ck_assert_double_eq(read_now(monitor).cpu_usage, now.cpu_usage); /* at the same moment */
    world.now_ns += UINT64_C(1000000000);
    ck_assert_double_eq(read_now(monitor).cpu_usage, 0);
    augs_memory_monitor_free(monitor);
    remove_folder(place);
}
END_TEST

typedef struct counted {
    uint64_t left, n_allocations, n_held;
} counted;

static void *counted_allocate(void *user, size_t n_bytes, size_t alignment)
{
    counted *count = user;
    if (count->left == 0) {
        return NULL;
    }
    count->left--;
    count->n_allocations++;
    count->n_held++;
    return aligned_alloc(alignment, (n_bytes + alignment - 1) / alignment * alignment);
}

static void counted_release(void *user, void *p, size_t n_bytes)
{
    (void)n_bytes;
    ((counted *)user)->n_held--;
    free(p);
}

START_TEST(readings_allocate_nothing_and_leave_no_file_open)
{
    char root[PLACE_BYTES];
    augs_error error;
    augs_memory_monitor *monitor = NULL;
    counted count = {0};
    fake_world world = {.now_ns = 1};
    const augs_allocator allocator = {.size = sizeof allocator,
                                      .allocate = counted_allocate,
                                      .release = counted_release,
                                      .user = &count};
    fixture(root, "v2_nested");
    augs_memory_monitor_options options = {.size = sizeof options,
                                           .root = root,
                                           .now_ns = fake_now,
                                           .user = &world,
                                           .allocator = &allocator};
    for (uint64_t n = 0; n < 2; n++) {
        count = (counted){.left = n};
        AUGS_ASSERT_STATUS(AUGS_E_NO_MEMORY, augs_memory_monitor_open(&options, &monitor, &error),
                           error);
        ck_assert_ptr_null(monitor);
        ck_assert_uint_eq(count.n_held, 0);
    }
    count = (counted){.left = 2};
    AUGS_ASSERT_OK(augs_memory_monitor_open(&options, &monitor, &error), error);
    augs_memory_scope scope = {.size = sizeof scope};
    AUGS_ASSERT_OK(augs_memory_scope_begin(monitor, &scope, &error), error);
    int first = dup(0);
    close(first);
    for (int i = 0; i < 50; i++) {
        world.now_ns += UINT64_C(1000000000); /* with looking up, now and then */
        read_now(monitor);
    }
    int last = dup(0);
    close(last);
    ck_assert_int_eq(last, first);
    AUGS_ASSERT_OK(augs_memory_scope_end(monitor, &scope, &error), error);
    ck_assert_uint_eq(count.n_allocations, 2);
    augs_memory_monitor_free(monitor);
    ck_assert_uint_eq(count.n_held, 0);
    augs_memory_monitor_free(NULL);
}
END_TEST

START_TEST(arguments_are_checked)
{
    augs_error error;
    augs_memory_monitor *monitor = NULL;
    augs_memory_monitor_options options = {.size = sizeof options - 8};
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_memory_monitor_open(&options, &monitor, &error),
                       error);
    ck_assert_ptr_null(monitor);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_memory_monitor_open(NULL, NULL, &error), error);
    AUGS_ASSERT_OK(augs_memory_monitor_open(NULL, &monitor, &error), error);
    augs_memory_snapshot now = {.size = sizeof now - 1};
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_memory_monitor_read(monitor, &now, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_memory_monitor_read(monitor, NULL, &error), error);
    AUGS_ASSERT_STATUS(AUGS_E_ARGUMENT, augs_memory_monitor_read_now(NULL, &now, &error), error);
    struct { /* of a later header */
        augs_memory_snapshot now;
        uint64_t more[8];
    } later = {.now = {.size = sizeof later}, .more = {1, 2, 3}};
    AUGS_ASSERT_OK(augs_memory_monitor_read(monitor, &later.now, &error), error);
    ck_assert_uint_eq(later.now.size, sizeof later);
    ck_assert_uint_eq(later.more[0] | later.more[2] | later.more[7], 0); /* not known yet */
    augs_memory_monitor_free(monitor);
}
END_TEST

START_TEST(quotas_of_all_groups_bind)
{
    static const struct {
        const char *name;
        double quota;
    } cases[] = {
        {"v2_plain", 1.5},      {"v2_nested", 2.5}, {"v2_max", 0},       {"v2_namespace", 0.5},
        {"v2_escaped", 1.5},    {"v1", 1.5},        {"v1_unlimited", 0}, {"v1_container", 3.5},
        {"v1_no_mountinfo", 2}, {"hybrid", 0},      {"none", 0},
    };
    char root[PLACE_BYTES];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fixture(root, cases[i].name);
        ck_assert_msg(augsi_cpu_quota(root) == cases[i].quota, "%s: %g", cases[i].name,
                      augsi_cpu_quota(root));
    }
    fixture(root, "v2_plain"); /* on whatever machine */
    ck_assert_uint_eq(augs_cpu_count(root), 1);
    ck_assert_uint_eq(augs_worker_count(root, 0), 1);
    ck_assert_uint_eq(augs_worker_count(root, UINT32_MAX), 1);
}
END_TEST

START_TEST(parts_of_a_cpu_are_rounded_down_but_one_is_left)
{
    static const struct {
        const char *quota;
        uint32_t whole; /* on a machine with at least as many */
    } cases[] = {{"50000 100000", 1},  {"99999 100000", 1},  {"100000 100000", 1},
                 {"150000 100000", 1}, {"199999 100000", 1}, {"200000 100000", 2},
                 {"299999 100000", 2}, {"499000 100000", 4}, {"99999999999 1", UINT32_MAX}};
    char place[PLACE_BYTES], none[PLACE_BYTES];
    copy_fixture(place, "v2_plain");
    fixture(none, "none");
    const uint32_t n_machine = augs_cpu_count(none);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put_text(place, "sys/fs/cgroup/job/cpu.max", cases[i].quota);
        ck_assert_msg(augs_cpu_count(place) ==
                          (cases[i].whole < n_machine ? cases[i].whole : n_machine),
                      "%s: %u CPUs", cases[i].quota, augs_cpu_count(place));
    }
    remove_folder(place);
}
END_TEST

START_TEST(cpus_are_those_of_the_affinity)
{
    char root[PLACE_BYTES];
    cpu_set_t before, one;
    fixture(root, "none");
    ck_assert_int_eq(sched_getaffinity(0, sizeof before, &before), 0);
    uint32_t n = (uint32_t)CPU_COUNT(&before);
    ck_assert_uint_eq(augs_cpu_count(root), n);
    for (uint32_t n_trainers = 1; n_trainers < 5; n_trainers++) {
        uint32_t workers = n > n_trainers ? (n - n_trainers) / n_trainers : 1;
        ck_assert_uint_eq(augs_worker_count(root, n_trainers), workers == 0 ? 1 : workers);
    }
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &before)) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            break;
        }
    }
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    ck_assert_uint_eq(augs_cpu_count(root), 1);
    ck_assert_int_eq(sched_setaffinity(0, sizeof before, &before), 0);
}
END_TEST

AUGS_SUITE("memory_monitor", the_tightest_limit_of_every_kind_of_system_is_found,
           only_what_the_kernel_gives_back_at_once_is_space,
           garbage_and_emptiness_leave_nothing_known, a_missing_file_takes_away_its_own_figure_only,
           any_one_file_may_be_missing_or_empty, spoilt_files_never_break_a_reading,
           numbers_are_taken_whole_or_not_at_all, what_does_not_fit_is_cut_between_lines,
           levels_begin_at_50_80_and_90_percent,
           above_the_callers_limit_the_figures_and_a_status_are_told,
           the_system_is_asked_once_in_an_interval, a_process_put_into_another_group_is_followed,
           a_limit_that_a_group_did_not_have_before_is_found,
           descriptors_that_the_program_took_are_let_alone, more_groups_than_are_watched_do_no_harm,
           scopes_tell_what_happened_in_them, the_allocator_is_asked_with_every_reading,
           the_figures_of_the_allocator_are_told_unless_others_are_given,
           cpu_time_and_use_are_told_beside_memory,
           readings_allocate_nothing_and_leave_no_file_open, arguments_are_checked,
           quotas_of_all_groups_bind, parts_of_a_cpu_are_rounded_down_but_one_is_left,
           cpus_are_those_of_the_affinity)
