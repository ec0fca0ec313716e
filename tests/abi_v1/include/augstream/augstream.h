/* SPDX-License-Identifier: Apache-2.0 */
/*
 * augstream: augmentation parameters as a pure function of (preset, seed,
 * epoch, sample id).
 *
 *     augs_preset *preset = NULL;
 *     augs_stream *stream = NULL;
 *     augs_error error = {0};
 *     augs_stream_options options;
 *     augs_stream_options_init(&options);
 *     options.seed = 42;
 *     options.n_samples = 50000;
 *     if (augs_preset_open("moderate", NULL, &preset, &error) < 0 ||
 *         augs_stream_open(preset, &options, &stream, &error) < 0) {
 *         fprintf(stderr, "%s\n", error.message);
 *     }
 *     augs_stream_unref(stream);
 *     augs_preset_unref(preset);
 *
 * No result depends on the floating-point environment of the calling thread:
 * rounding, flush-to-zero, denormals-are-zero, exception masks. Each function
 * leaves that environment as it was, and callbacks run in it. See
 * docs/contract.md.
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
