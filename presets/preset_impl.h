/* SPDX-License-Identifier: Apache-2.0 */
/* What other rooms may ask of a preset beyond the public header. */
#ifndef AUGSI_PRESET_IMPL_H
#define AUGSI_PRESET_IMPL_H

#include <augstream/preset.h>

/* The allocator that everything made of this preset inherits. */
const augs_allocator *augsi_preset_allocator(const augs_preset *preset);

#endif
