/* SPDX-License-Identifier: Apache-2.0 */
#include <augstream/version.h>

uint32_t augs_contract_version(void)
{
    return AUGS_CONTRACT_VERSION;
}

const char *augs_version(void)
{
    return AUGSI_VERSION;
}
