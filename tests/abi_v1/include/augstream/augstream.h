/* SPDX-License-Identifier: Apache-2.0 */
/* augstream: parameters of augmentation as a pure function of (preset, seed, epoch, sample id). */
#ifndef AUGSTREAM_H
#define AUGSTREAM_H

#include <augstream/abi.h>
#include <augstream/alloc.h>
#include <augstream/batch.h>
#include <augstream/batch_size.h>
#include <augstream/chunks.h>
#include <augstream/log.h>
#include <augstream/memory_monitor.h>
#include <augstream/metrics.h>
#include <augstream/pipeline.h>
#include <augstream/planner.h>
#include <augstream/preset.h>
#include <augstream/server.h>
#include <augstream/sink.h>
#include <augstream/status.h>
#include <augstream/strategy.h>
#include <augstream/stream.h>
#include <augstream/subscriber.h>

#endif
