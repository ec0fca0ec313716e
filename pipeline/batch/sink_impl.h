/* SPDX-License-Identifier: Apache-2.0 */
/* Sinks of the library. */
#ifndef AUGSI_SINK_IMPL_H
#define AUGSI_SINK_IMPL_H

#include <augstream/sink.h>

/* augs_sink_open for ops of the library, which run in the library's floating-point environment. */
int augsi_sink_open_shipped(const augs_sink_ops *ops, void *state, augs_sink **ret_sink,
                            augs_error *error);

#endif
