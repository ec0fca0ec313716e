/* SPDX-License-Identifier: Apache-2.0 */
/* The functions, types and numbers are those of NVIDIA's NVML API reference: nvmlInit_v2,
 * nvmlDeviceGetHandleByIndex_v2, nvmlDeviceGetMemoryInfo, nvmlShutdown; success is 0. */
#include "pipeline/machine/device_memory.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

#include "base/fail.h"

#define LIBRARY "libnvidia-ml.so.1"

typedef struct nvml_memory {
    unsigned long long total, free, used;
} nvml_memory;

typedef int nvml_init(void);
typedef int nvml_handle_by_index(unsigned index, void **ret_device);
typedef int nvml_memory_info(void *device, nvml_memory *ret_memory);

/* A function's address is not an object's in C: it is copied. */
static void find(void *library, const char *name, void *ret_function, size_t n_bytes)
{
    void *address = dlsym(library, name);
    memcpy(ret_function, &address, n_bytes);
}

#define FIND(library, name, function) find(library, name, &(function), sizeof(function))

int augsi_device_memory_open(augsi_device_memory *memory, uint32_t index, augs_error *error)
{
    nvml_init *init = NULL;
    nvml_init *shutdown = NULL;
    nvml_handle_by_index *by_index = NULL;
    void *device = NULL;
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        return augsi_fail(error, AUGS_E_UNSUPPORTED,
                          "device memory: " LIBRARY " of the NVIDIA driver is not there; report "
                          "bytes and available_bytes of the device as feedback instead");
    }
    FIND(library, "nvmlInit_v2", init);
    FIND(library, "nvmlShutdown", shutdown);
    FIND(library, "nvmlDeviceGetHandleByIndex_v2", by_index);
    int code = init == NULL || shutdown == NULL || by_index == NULL ||
                       dlsym(library, "nvmlDeviceGetMemoryInfo") == NULL
                   ? -1
                   : init();
    if (code == 0) {
        code = by_index(index, &device);
        if (code != 0) {
            shutdown();
        }
    }
    if (code != 0) {
        dlclose(library);
        return augsi_fail(error, AUGS_E_UNSUPPORTED,
                          "device memory: the NVIDIA driver has no device %u or does not answer "
                          "(NVML %d)",
                          index, code);
    }
    *memory = (augsi_device_memory){.library = library, .device = device};
    return AUGS_OK;
}

void augsi_device_memory_close(augsi_device_memory *memory)
{
    if (memory->library != NULL) {
        nvml_init *shutdown = NULL;
        FIND(memory->library, "nvmlShutdown", shutdown);
        shutdown();
        dlclose(memory->library);
        *memory = (augsi_device_memory){.library = NULL};
    }
}

bool augsi_device_memory_read(const augsi_device_memory *memory, uint64_t *ret_limit_bytes,
                              uint64_t *ret_used_bytes, uint64_t *ret_available_bytes)
{
    nvml_memory_info *info = NULL;
    nvml_memory figures;
    if (memory->library == NULL) {
        return false;
    }
    FIND(memory->library, "nvmlDeviceGetMemoryInfo", info);
    if (info(memory->device, &figures) != 0) {
        return false;
    }
    *ret_limit_bytes = figures.total;
    *ret_used_bytes = figures.used;
    *ret_available_bytes = figures.free;
    return true;
}
