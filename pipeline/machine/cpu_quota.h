/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AUGSI_CPU_QUOTA_H
#define AUGSI_CPU_QUOTA_H

/* CPUs, in parts, that the least of the control groups' quotas allows; 0: no quota is known. */
double augsi_cpu_quota(const char *root);
/* Whole CPUs from those of the affinity and a quota as above. */
unsigned augsi_whole_cpus(unsigned n_affinity, double quota);

#endif
