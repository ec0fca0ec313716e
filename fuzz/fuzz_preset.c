/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes are a preset or are refused, both entries agree, and an accepted one reads back. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <augstream/preset.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    augs_preset *preset = NULL, *again = NULL;
    int status = augs_preset_open_text((const char *)data, n_bytes, "fuzz", NULL, &preset, NULL);
    int n_faults = augs_preset_check((const char *)data, n_bytes, "fuzz", NULL, NULL, NULL, NULL);
    if ((status == 0) != (n_faults == 0)) {
        abort();
    }
    if (status == 0) {
        const char *text = augs_preset_text(preset);
        size_t n = strlen(text);
        /* the canonical text may be longer than the limit of a text */
        if (n <= AUGS_MAX_PRESET_BYTES) {
            if (augs_preset_open_text(text, n, "again", NULL, &again, NULL) != 0 ||
                strcmp(augs_preset_text(again), text) != 0) {
                abort();
            }
            augs_preset_unref(again);
        }
        augs_preset_unref(preset);
    }
    return 0;
}
