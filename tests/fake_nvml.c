/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for the NVIDIA driver's library: two devices, of which the second stops answering. */
#include <stdlib.h>

int nvmlInit_v2(void);
int nvmlShutdown(void);
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **ret_device);
int nvmlDeviceGetMemoryInfo(void *device, unsigned long long *ret_figures);

static int n_open;
static int devices[2];

int nvmlInit_v2(void)
{
    n_open++;
    return getenv("FAKE_NVML_BROKEN") != NULL ? 9 : 0;
}

int nvmlShutdown(void)
{
    n_open--;
    return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **ret_device)
{
    if (n_open < 1 || index > 1) {
        return 2;
    }
    *ret_device = &devices[index];
    return 0;
}

int nvmlDeviceGetMemoryInfo(void *device, unsigned long long *ret_figures)
{
    if (n_open < 1 || device == &devices[1]) {
        return 15;
    }
    ret_figures[0] = 80000000000;
    ret_figures[1] = 60000000000;
    ret_figures[2] = 20000000000;
    return 0;
}
