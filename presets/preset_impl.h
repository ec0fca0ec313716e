/* SPDX-License-Identifier: Apache-2.0 */
/* What other folders may ask of a preset beyond the public header, and what files of this one share.
 */
#ifndef AUGSI_PRESET_IMPL_H
#define AUGSI_PRESET_IMPL_H

#include <stddef.h>
#include <stdint.h>

#include <augstream/preset.h>

#include "base/memory.h"

struct augs_preset {
    augsi_refcount refcount;
    augsi_arena arena; /* everything below lives in it */
    const char *name, *description, *source;
    augs_column_info *columns;
    uint32_t n_columns;
    const char *text, *schema_json;
};

/* The allocator that everything made of this preset inherits. */
const augs_allocator *augsi_preset_allocator(const augs_preset *preset);

/* Makes text and schema_json out of the rest. AUGS_E_NO_MEMORY. */
int augsi_preset_describe(augs_preset *preset, augs_error *error);

/* The shipped presets. embed.py makes the table of the *.yaml files beside it. */
typedef struct augsi_shipped {
    const char *name;
    const char *text;
    size_t n_bytes;
} augsi_shipped;

extern const augsi_shipped augsi_shipped_presets[];
extern const uint32_t augsi_n_shipped;

#endif
