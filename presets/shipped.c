/* SPDX-License-Identifier: Apache-2.0 */
#include "presets/shipped.h"

uint32_t augs_shipped_preset_count(void)
{
    return augsi_n_shipped;
}

const char *augs_shipped_preset_name(uint32_t index)
{
    return index < augsi_n_shipped ? augsi_shipped_presets[index].name : NULL;
}

const char *augs_shipped_preset_text(uint32_t index, size_t *ret_n_bytes)
{
    if (index >= augsi_n_shipped) {
        return NULL;
    }
    if (ret_n_bytes != NULL) {
        *ret_n_bytes = augsi_shipped_presets[index].n_bytes;
    }
    return augsi_shipped_presets[index].text;
}
