/* SPDX-License-Identifier: Apache-2.0 */
/* The one clock of the library: monotonic, of no known origin. */
#ifndef AUGSI_CLOCK_H
#define AUGSI_CLOCK_H

#include <stdint.h>

uint64_t augsi_now_ns(void);

#endif
