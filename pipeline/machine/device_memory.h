/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of an NVIDIA device, through the driver's own library if the machine has it (NVML, loaded
 * at run time: nothing is linked). */
#ifndef AUGSI_DEVICE_MEMORY_H
#define AUGSI_DEVICE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include <augstream/status.h>

typedef struct augsi_device_memory {
    void *library; /* NULL: none is open */
    void *device;
} augsi_device_memory;

/* index from 0, as nvidia-smi counts. AUGS_E_UNSUPPORTED says what is missing. */
int augsi_device_memory_open(augsi_device_memory *memory, uint32_t index, augs_error *error);
void augsi_device_memory_close(augsi_device_memory *memory); /* zeroed memory is fine */
/* false: the driver does not tell at the moment. */
bool augsi_device_memory_read(const augsi_device_memory *memory, uint64_t *ret_limit_bytes,
                              uint64_t *ret_used_bytes, uint64_t *ret_available_bytes);

#endif
