/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A quota is CPU time in a period: quota / period CPUs. Rounded down, since a worker too many makes
 * the scheduler stop all of them for the rest of each period. Every group above binds, too
 * (cgroup-v2.rst "CPU", scheduler/sched-bwc.rst).
 */
#include "pipeline/machine/cpu_quota.h"

#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <augstream/cpu.h>

#include "pipeline/machine/cgroup_path.h"
#include "pipeline/machine/memory_files.h"

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

unsigned augsi_whole_cpus(unsigned n_affinity, double quota)
{
    unsigned n = n_affinity;
    if (quota > 0 && quota < n) {
        n = (unsigned)quota;
    }
    return n == 0 ? 1 : n;
}

/* The set has room for more CPUs than Linux supports, as the kernel refuses one that is too small.
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
    return augsi_whole_cpus(affinity(), augsi_cpu_quota(root));
}

uint32_t augs_worker_count(const char *root, uint32_t n_trainers)
{
    uint32_t n_cpus = augs_cpu_count(root);
    n_trainers = n_trainers == 0 ? 1 : n_trainers;
    uint32_t n_workers = n_cpus / n_trainers;
    return n_workers > 1 ? n_workers - 1 : 1;
}
