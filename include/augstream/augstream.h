/* SPDX-License-Identifier: Apache-2.0 */
/*
 * augstream: parameters of augmentation as a pure function of (preset, seed, epoch, sample id).
 *
 * No result depends on the floating-point environment of the calling thread (rounding,
 * flush-to-zero, denormals-are-zero, exception masks). Each function leaves it as it was, and
 * callbacks run in it. docs/contract.md says more.
 */
#ifndef AUGSTREAM_H
#define AUGSTREAM_H

#include <augstream/abi.h>
#include <augstream/alloc.h>
#include <augstream/batch.h>
#include <augstream/batch_size.h>
#include <augstream/chunks.h>
#include <augstream/cpu.h>
#include <augstream/format.h>
#include <augstream/log.h>
#include <augstream/memory_monitor.h>
#include <augstream/metrics.h>
#include <augstream/pipeline.h>
#include <augstream/plan.h>
#include <augstream/preset.h>
#include <augstream/scheduler.h>
#include <augstream/server.h>
#include <augstream/sink.h>
#include <augstream/status.h>
#include <augstream/strategy.h>
#include <augstream/stream.h>
#include <augstream/subscriber.h>
#include <augstream/version.h>

#endif
