/* SPDX-License-Identifier: Apache-2.0 */
/* The shipped presets; embed.py makes the table of the *.yaml files beside it. */
#ifndef AUGSI_SHIPPED_H
#define AUGSI_SHIPPED_H

#include <stddef.h>
#include <stdint.h>

#include <augstream/preset.h>

#define AUGSI_MAX_SHIPPED 256u

typedef struct augsi_shipped {
    const char *name;
    const char *text;
    size_t n_bytes;
} augsi_shipped;

extern const augsi_shipped augsi_shipped_presets[];
extern const uint32_t augsi_n_shipped;

#endif
