/* SPDX-License-Identifier: Apache-2.0 */
/* The clocks of the library. */
#ifndef AUGSI_CLOCK_H
#define AUGSI_CLOCK_H

#include <stdint.h>

/* Monotonic, of no known origin. */
uint64_t augsi_now_ns(void);
/* CPU time of all threads of this process, user and system; < 0: not known. */
double augsi_cpu_seconds(void);

#endif
