/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many CPUs this process may use, and how many data-loader workers fit them.
 *
 *     uint32_t n_workers = augs_worker_count(NULL, n_training_processes_on_this_machine);
 */
#ifndef AUGSTREAM_CPU_H
#define AUGSTREAM_CPU_H

#include <stdint.h>

#include <augstream/export.h>

AUGS_BEGIN_DECLS

/* CPUs that this process may use: the least of the calling thread's affinity and of the quotas of
 * all control groups around the process, parts of a CPU rounded down (a quota of 1.5 CPUs is 1), at
 * least 1. root: folder that holds proc/ and sys/, for the quotas; NULL = "/". Not the machine's
 * count. */
AUGS_API uint32_t augs_cpu_count(const char *root);
/* How many data-loader workers to start beside n_trainers training processes on this machine (0 =
 * 1): the available CPUs, one kept for each trainer, shared out evenly and rounded down; at least
 * 1. */
AUGS_API uint32_t augs_worker_count(const char *root, uint32_t n_trainers);

AUGS_END_DECLS

#endif
