/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many CPUs this process may use, and how many data-loader workers fit them.
 *
 *     uint32_t n_cpus = augs_cpu_count(NULL);
 *     uint32_t n_workers = augs_worker_count(NULL, n_trainers);
 *     printf("%u CPUs, %u training processes\n", n_cpus, n_trainers);
 *     printf("start %u workers in each\n", n_workers);
 */
#ifndef AUGSTREAM_CPU_H
#define AUGSTREAM_CPU_H

#include <stdint.h>

#include <augstream/export.h>

AUGS_BEGIN_DECLS

/*
 * Returns how many CPUs this process may use, at least 1. This is the least of
 * the calling thread's affinity and of the quotas of all control groups around
 * the process. Parts of a CPU are rounded down: a quota of 1.5 CPUs gives 1.
 *
 * root: folder that holds proc/ and sys/, for the quotas. NULL = "/". A quota
 * that cannot be read does not count. Any thread.
 */
AUGS_API uint32_t augs_cpu_count(const char *root);

/*
 * Returns how many data-loader workers to start per training process, at least
 * 1. The CPUs of augs_cpu_count are shared out evenly, rounded down, and each
 * training process keeps one for itself.
 *
 * root: as for augs_cpu_count. n_trainers: training processes on this machine,
 * 0 = 1. Any thread.
 */
AUGS_API uint32_t augs_worker_count(const char *root, uint32_t n_trainers);

AUGS_END_DECLS

#endif
