/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes are a preset or are refused, both entries agree, and an accepted one reads back. Then
 * the same with an override, the last line if that begins with '#'. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <augstream/preset.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes);

static void keep_nothing(void *user, const augs_preset_fault *fault)
{
    size_t n_line = strlen(fault->source_line);
    if (strlen(fault->message) == 0 || (fault->line == 0) != (fault->column == 0) ||
        fault->line < *(uint32_t *)user || (fault->line == 0 && n_line > 0)) {
        abort();
    }
    *(uint32_t *)user = fault->line;
}

static void read_and_compare(const char *data, size_t n_bytes, const augs_preset_options *options)
{
    augs_preset *preset = NULL, *again = NULL;
    uint32_t line = 0;
    int status = augs_preset_open_text(data, n_bytes, "fuzz", options, &preset, NULL);
    int n_faults = augs_preset_check(data, n_bytes, "fuzz", options, keep_nothing, &line, NULL);
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
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
    read_and_compare((const char *)data, n_bytes, NULL);
    size_t last = n_bytes;
    while (last > 0 && data[last - 1] != '\n') {
        last--;
    }
    char override[256] = "";
    size_t n_override = n_bytes - last;
    if (n_override > 1 && n_override < sizeof override && data[last] == '#') {
        memcpy(override, data + last + 1, n_override - 1);
        const char *const overrides[] = {override};
        augs_preset_options options = {
            .size = sizeof options, .n_overrides = 1, .overrides = overrides};
        read_and_compare((const char *)data, n_bytes, &options);
    }
    return 0;
}
